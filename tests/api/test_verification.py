"""Accounts that wait for verification: the queue, claims, decisions and what they release (B11, scenarios 1 to 5, 11, 12).

The close guard itself is in test_story.py too, as part of the whole story."""
import datetime

import pytest

from daemon import wait_for
from helpers import UNKNOWN, deal_in, failures, fault, lived, pages, problem, together
from test_merge import everything
from test_time import World


def company(client, number, **more):
    return client.make('accounts', **{'name': f'Waiting {number}', **more})


def queue(client, **params):
    return pages(client, '/v1/accounts/verification-queue', **params)


def claim(client, account=None):
    return client.post('/v1/accounts/verification-queue/claim', json={'id': account['id']} if account else {})


def instant(text):
    """A moment, however many digits its fraction is written with."""
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))


def claimed(client, account=None):
    answer = claim(client, account)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_rep_creates_an_account_at_once(rep, verifier, number, tax_id):
    """Scenario 1: it is pending, and stands in the queue, who has waited longest first."""
    account, later = company(rep, number, tax_id=tax_id, country='PL'), company(rep, f'{number} later')
    assert (account['verification'], account['claimed_by'], account['duplicate_of']) == ('to_verify', None, None)
    found = queue(verifier)
    ids = [x['id'] for x in found]
    assert ids.index(account['id']) < ids.index(later['id'])
    assert [x['verification_since'] for x in found] == sorted(x['verification_since'] for x in found)
    row = found[ids.index(account['id'])]
    assert [x['id'] for x in queue(verifier, sort='-verification_since')] == ids[::-1]
    mine = [x['id'] for x in queue(verifier, owner=rep.user['id'], country='PL')]
    assert account['id'] in mine and later['id'] not in mine
    assert (row['tax_id'], row['created_by'], row['breached'], row['open_opportunities']) == (tax_id, rep.user['id'], False, 0)
    assert row['due_at'] == account['due_at'] is not None
    listed = pages(verifier, '/v1/accounts', verification='to_verify', sort='created_at')
    assert account['id'] in [x['id'] for x in listed]


def test_work_goes_on_and_closing_waits(rep, verifier, number):
    """Scenarios 2 to 4: workable and marked while pending, closed by nobody, released by the verification alone."""
    deal = deal_in(rep, 'negotiation', account_name=f'Waiting {number}')
    account = rep.read('accounts', deal['account_id'])
    assert deal['awaiting_verification'] is True
    assert [x['open_opportunities'] for x in queue(verifier) if x['id'] == account['id']] == [1]
    for move, more in (('won', {}), ('lost', {'fields': {'lost_reason': 'price'}})):
        (only,) = failures(rep.move('opportunities', deal['id'], move, **more)).values()
        assert (only['kind'], only['path'], only['observed'], only['expected']) == (
            'related_field', 'account.verification', 'to_verify', 'verified')
    verifier.moved('accounts', account['id'], 'verify')
    now = rep.read('opportunities', deal['id'])
    assert now['awaiting_verification'] is False and now['version'] == deal['version']
    assert rep.moved('opportunities', deal['id'], 'won')['stage'] == 'won'


def test_only_the_back_office_verifies(rep, number):
    """Scenario 5."""
    account = company(rep, number)
    problem(rep.move('accounts', account['id'], 'verify'), 403, 'not_transition_owner')
    fault(rep.patch(f'/v1/accounts/{account["id"]}', json={'verification': 'verified'}), 422, 'governed_field',
          '/verification', 'governed_field')
    fault(rep.patch(f'/v1/accounts/{account["id"]}', json={'duplicate_of': account['id']}), 422, 'governed_field',
          '/duplicate_of', 'governed_field')
    problem(claim(rep), 403, 'forbidden')


def test_reject_as_a_duplicate(rep, verifier, rows, number):
    """Scenario 11: contacts and opportunity belong to A, B is terminal, its address leads to A, A tells of the arrival."""
    a = company(rep, f'{number} A')
    verifier.moved('accounts', a['id'], 'verify')
    b = company(rep, f'{number} B', phone='+48 5', tags=['x'])
    people = [rep.make('contacts', last_name=n, account_id=b['id']) for n in ('One', 'Two')]
    deal = rep.make('opportunities', name='Deal', account_id=b['id'])
    assert deal['awaiting_verification'] is True
    before = everything(rows)
    for other, status, code, fault_code in ((b['id'], 422, 'validation_failed', 'invalid'),
                                            (UNKNOWN, 422, 'unknown_reference', 'reference')):
        fault(verifier.move('accounts', b['id'], 'reject_duplicate', fields={'duplicate_of': other}), status, code,
              '/fields/duplicate_of', fault_code)
    assert everything(rows) == before
    assert verifier.move('accounts', b['id'], 'reject_duplicate').status_code == 422
    answer = verifier.move('accounts', b['id'], 'reject_duplicate', fields={'duplicate_of': a['id']}, note='Twice')
    assert answer.status_code == 204, answer.text
    for person in people:
        assert rep.read('contacts', person['id'])['account_id'] == a['id']
    now = rep.read('opportunities', deal['id'])
    assert (now['account_id'], now['awaiting_verification']) == (a['id'], False)
    gone = rep.get(f'/v1/accounts/{b["id"]}')
    assert (gone.status_code, gone.headers['Location']) == (308, f'/v1/accounts/{a["id"]}')
    state = rows('select state, rejection_reason, duplicate_of::text, merged_into::text from sluice.account where id = %s', b['id'])[0]
    assert state == {'state': 'rejected', 'rejection_reason': 'duplicate', 'duplicate_of': a['id'], 'merged_into': a['id']}
    kept = rep.read('accounts', a['id'])
    assert (kept['phone'], kept['tags'], kept['verification']) == (None, [], 'verified')  # nothing unverified comes in
    arrival = next(e for e in rep.history('accounts', a['id']) if e['action'] == 'merge')
    assert arrival['detail']['losers'] == [b['id']] and arrival['detail']['moved'] == {
        'contact.account_id': 2, 'opportunity.account_id': 1}
    (made,) = verifier.get('/v1/merges', params={'record': b['id']}).json()['items']
    assert (made['transition'], made['note'], made['survivor_id'], made['overwritten']) == (
        'reject_duplicate', 'Twice', a['id'], [])
    c = company(rep, f'{number} C')
    told = problem(verifier.move('accounts', c['id'], 'reject_duplicate', fields={'duplicate_of': b['id']}), 409, 'merged')
    assert told['merged_into'] == a['id']
    assert verifier.post(f'/v1/merges/{made["id"]}/undo').status_code == 200
    back = rep.read('accounts', b['id'])
    assert (back['verification'], back['duplicate_of']) == ('rejected', a['id'])
    assert rep.read('opportunities', deal['id'])['account_id'] == b['id']
    again = verifier.moved('accounts', b['id'], 'reverify')
    assert (again['duplicate_of'], again['rejection_reason']) == (None, None)


def test_reject_as_bogus(rep, verifier, number):
    """Scenario 12: its opportunities can be lost, never won, not even after a merge into it."""
    deal = deal_in(rep, 'negotiation', account_name=f'Bogus {number}')
    verifier.moved('accounts', deal['account_id'], 'reject', fields={'rejection_reason': 'bogus'})
    (only,) = failures(rep.move('opportunities', deal['id'], 'won')).values()
    assert (only['observed'], only['expected']) == ('rejected', 'verified')
    pending = company(rep, f'{number} pending')
    late = deal_in(rep, 'negotiation', account_name=f'Late {number}')
    assert verifier.post(f'/v1/accounts/{deal["account_id"]}/merge', json={'losers': [pending['id'], late['account_id']]}).status_code == 201
    (only,) = failures(rep.move('opportunities', late['id'], 'won')).values()
    assert only['observed'] == 'rejected'
    lost = rep.moved('opportunities', deal['id'], 'lost', fields={'lost_reason': 'account_rejected'})
    assert (lost['stage'], lost['lost_reason']) == ('lost', 'account_rejected')


def test_claims(rep, verifier, manager, new_user, rows, number):
    """Who has taken an account is shown and heeded; others are told by name; a manager gives it back."""
    other = new_user('verifier', name=f'Other {number}')
    account = company(rep, number)
    mine = claimed(verifier, account)
    assert (mine['id'], mine['claimed_by']) == (account['id'], verifier.user['id']) and mine['claimed_until']
    shown = rep.read('accounts', account['id'])
    assert (shown['claimed_by'], shown['claimed_until'], shown['version']) == (verifier.user['id'], mine['claimed_until'], 1)
    assert [x['id'] for x in queue(verifier, claimed_by='me')] == [account['id']]
    assert account['id'] not in [x['id'] for x in queue(other, claimed='false')]
    before = everything(rows)
    for refused in (claim(other, account), other.move('accounts', account['id'], 'verify'),
                    other.delete(f'/v1/accounts/{account["id"]}/claim')):
        body = problem(refused, 409, 'claimed')
        assert (body['claimed_by'], instant(body['claimed_until'])) == (verifier.user['id'], instant(mine['claimed_until']))
        assert verifier.user['name'] in body['detail']
    assert {t: n - before[t] for t, n in everything(rows).items() if n != before[t]} in ({}, {'audit': 1})
    assert claimed(verifier, account)['id'] == account['id']  # once more: longer
    assert manager.delete(f'/v1/accounts/{account["id"]}/claim').status_code == 204
    assert manager.delete(f'/v1/accounts/{account["id"]}/claim').status_code == 204
    assert rep.read('accounts', account['id'])['claimed_by'] is None
    assert claimed(other, account)['claimed_by'] == other.user['id']
    rows("update sluice.account_claim set expires_at = sluice.now() - interval '1 second' where record_id = %s", account['id'])
    assert rep.read('accounts', account['id'])['claimed_by'] is None
    verifier.moved('accounts', account['id'], 'verify')
    assert rows('select count(*) as n from sluice.account_claim where record_id = %s', account['id'])[0]['n'] == 0
    fault(claim(verifier, account), 422, 'unknown_reference', '/id', 'reference')
    problem(verifier.delete(f'/v1/accounts/{UNKNOWN}/claim'), 404, 'not_found')
    names = [e['changes']['claimed_by'] for e in rep.history('accounts', account['id']) if 'claimed_by' in (e['changes'] or {})]
    assert names[-1] == {'old': None, 'new': verifier.user['id']}


def test_two_verifiers_never_get_the_same(rep, verifier, new_user, rows, number):
    """Race: ten take the next at once."""
    other = new_user('verifier', name=f'Other {number}')
    rows("delete from sluice.account_claim")
    waiting = [company(rep, f'{number} {i}') for i in range(10)]
    already = {x['id'] for x in queue(verifier)}
    taken = together(*[lambda who=who: claimed(who) for who in (verifier, other) * 5])
    assert len({x['id'] for x in taken}) == 10
    assert {x['id'] for x in taken} <= already and all(x['claimed_by'] in (verifier.user['id'], other.user['id']) for x in taken)
    one = waiting[0]
    rows("delete from sluice.account_claim")
    answers = together(lambda: claim(verifier, one), lambda: claim(other, one))
    assert sorted(x.status_code for x in answers) == [200, 409]


def test_verifying_many(rep, verifier, new_user, number):
    """The bulk of every transition: each with its own verdict, those that others work on included."""
    other = new_user('verifier', name=f'Other {number}')
    first, second, third = (company(rep, f'{number} {i}') for i in range(3))
    claimed(other, second)
    answer = verifier.post('/v1/accounts/transitions/verify', json={'ids': [x['id'] for x in (first, second, third)], 'note': 'List'})
    assert answer.status_code == 207, answer.text
    assert [(x['status'], x.get('problem', {}).get('code')) for x in answer.json()['items']] == [(200, None), (409, 'claimed'), (200, None)]
    assert rep.read('accounts', second['id'])['verification'] == 'to_verify'


def test_what_has_changed_since(rep, verifier, number):
    account = company(rep, number, tax_id=f'88{number}1', city='Gdańsk')
    never = verifier.get(f'/v1/accounts/{account["id"]}/verification').json()
    assert (never['verified_at'], never['verified_by'], never['fields']) == (None, None, [])
    verified = verifier.moved('accounts', account['id'], 'verify', fields={'tax_id': f'88{number}2'})
    rep.patch(f'/v1/accounts/{account["id"]}', json={'city': 'Sopot'})
    rep.patch(f'/v1/accounts/{account["id"]}', json={'city': 'Gdynia', 'phone': '1'})
    now = verifier.get(f'/v1/accounts/{account["id"]}/verification').json()
    assert (now['verified_at'], now['verified_by'], now['transition']) == (
        verified['verification_since'], {'id': verifier.user['id'], 'name': verifier.user['name']}, 'verify')
    assert {f['field']: (f['then'], f['now']) for f in now['fields'] if f['changed']} == {
        'city': ('Gdańsk', 'Gdynia'), 'phone': (None, '1')}
    assert next(f for f in now['fields'] if f['field'] == 'tax_id') == {
        'field': 'tax_id', 'then': f'88{number}2', 'now': f'88{number}2', 'changed': False}


@pytest.mark.parametrize('change', [{'name': 'Another'}, {'tax_id': '7010000001'}])
def test_another_identity_is_verified_again(rep, verifier, number, change):
    """A change of name or tax number sends a verified account back, by a rule of its process; deals wait again."""
    deal = deal_in(rep, 'negotiation', account_name=f'Identity {number}')
    account = deal['account_id']
    verifier.moved('accounts', account, 'verify')
    rep.patch(f'/v1/accounts/{account}', json={'city': 'Sopot', 'name': f'Identity {number}'})
    rep.patch(f'/v1/accounts/{account}', json=change)
    wait_for(lambda: rep.read('accounts', account)['verification'] == 'to_verify', what='the way back')
    assert rep.read('opportunities', deal['id'])['awaiting_verification'] is True
    assert failures(rep.move('opportunities', deal['id'], 'won'))['account_verified']['observed'] == 'to_verify'
    move = next(e for e in rep.history('accounts', account) if e['action'] == 'transition')
    assert (move['transition'], move['actor']['kind']) == ('identity_changed', 'timer')
    assert account in [x['id'] for x in queue(verifier)]
    verifier.moved('accounts', account, 'verify')
    assert rep.read('opportunities', deal['id'])['awaiting_verification'] is False


@pytest.fixture(scope='module')
def world(contract):
    yield from lived(World(contract))


def test_ages_and_thresholds(world):
    """Working time: two working days are the shipped threshold; weekends do not count."""
    verifier, rep, clock = world.person('verifier'), world.rep, world.clock
    old = company(rep, 'old')
    clock.set('2026-11-23 09:00Z')   # Monday at ten in Warsaw: nine working hours
    new = company(rep, 'new')
    rows = {x['id']: x for x in queue(verifier)}
    assert (rows[old['id']]['waiting_s'], rows[new['id']]['waiting_s']) == (9 * 3600, 0)
    assert rows[old['id']]['due_at'] == '2026-11-24T08:00:00Z'
    report = verifier.get('/v1/reports/verification').json()
    assert {a['age']: a['count'] for a in report['ages']} == {
        'under_4h': 1, 'under_8h': 0, 'under_16h': 1, 'under_40h': 0, 'over_40h': 0}
    assert (report['waiting'], report['unclaimed'], report['breached'], report['p50_s']) == (2, 2, 0, None)
    clock.set('2026-11-24 09:00Z')
    assert [x['id'] for x in queue(verifier, breached='true')] == [old['id']]
    claimed(verifier, new)
    verifier.moved('accounts', new['id'], 'verify')   # eight hours
    verifier.moved('accounts', old['id'], 'verify')   # seventeen, and too late
    report = verifier.get('/v1/reports/verification', params={'from': '2026-11-24T00:00:00Z'}).json()
    assert (report['waiting'], report['verified'], report['rejected'], report['breaches']) == (0, 2, 0, 1)
    assert (report['p50_s'], report['p90_s']) == (8 * 3600, 17 * 3600)
    assert claim(verifier).status_code == 204
    assert verifier.get('/v1/reports/verification', params={'to': '2026-11-24T00:00:00Z'}).json()['verified'] == 0


def test_suspects(rep, verifier, rows, number):
    """Who verifies sees whom the account may be a duplicate of, until somebody has judged the pair."""
    account, other = company(rep, number), company(rep, f'{number} alike')
    rows('delete from sluice.duplicate_pair where %s in (record_id, other_id)', account['id'])
    rows("""insert into sluice.duplicate_pair (id, entity, record_id, other_entity, other_id, rule, score, fields)
            values (gen_random_uuid(), 'account', %s, 'account', %s, 'name', 0.75, '{name}')""", other['id'], account['id'])
    answer = verifier.get(f'/v1/accounts/{account["id"]}/verification')
    assert answer.json()['suspects'] == [
        {'id': other['id'], 'name': other['name'], 'verification': 'to_verify', 'rule': 'name', 'score': 0.75}]
    rows("update sluice.duplicate_pair set status = 'dismissed' where record_id = %s", other['id'])
    assert verifier.get(f'/v1/accounts/{account["id"]}/verification').json()['suspects'] == []
