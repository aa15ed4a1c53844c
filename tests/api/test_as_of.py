"""One record as it was (scenario 52): what an answer said is what the same address says of that moment, later."""
import datetime

import pytest

from helpers import OFFER, deal_in, fault, problem, qualify
from test_review import mine, own  # noqa: F401 pylint: disable=unused-import

CLOCKS = ('due_at', 'stale', 'stale_since', 'claimed_by', 'claimed_until', 'queue')


def then(client, collection, record_id, moment):
    return client.get(f'/v1/{collection}/{record_id}', params={'as_of': moment})


def earlier(moment):
    """A microsecond before."""
    at = datetime.datetime.fromisoformat(moment.replace('Z', '+00:00')) - datetime.timedelta(microseconds=1)
    return at.strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def known(record):
    return {k: v for k, v in record.items() if k not in CLOCKS}


def check(client, collection, answers, created=None):
    """Each answer is what was, until the next one; before the first there was nothing."""
    record_id = answers[0]['id']
    for this, following in zip(answers, answers[1:] + [None]):
        for moment in [this['updated_at']] + ([earlier(following['updated_at'])] if following else []):
            said = then(client, collection, record_id, moment)
            assert said.status_code == 200, said.text
            told = said.json()
            told.pop('equipment', None)
            assert known(told) == known(this)
            assert said.headers['ETag'] == f'"{this["version"]}"'
    problem(then(client, collection, record_id, earlier(created or answers[0]['created_at'])), 404, 'not_found')


@pytest.fixture
def seats(admin, number):
    key = f'seats_{number}'
    field = admin.make('custom-fields', entity='account', key=key, type='integer', label={'en': 'Seats'})
    yield key
    admin.patched('custom-fields', field['id'], archived=True)


def test_an_account(rep, verifier, seats, number):
    """Scenario 52."""
    a = rep.make('accounts', name=f'First {number}', city='Warszawa', custom={seats: 5}, tags=['old'])
    said = [a]
    for members in ({'name': f'Second {number}'}, {'custom': {seats: 7}, 'tags': ['new', 'old']},
                    {'custom': {seats: None}, 'city': None, 'tags': []}, {'city': 'Gdańsk', 'name': f'Third {number}'}):
        said.append(rep.patched('accounts', a['id'], **members))
    said.append(verifier.moved('accounts', a['id'], 'verify'))
    assert [x['custom'] for x in said] == [{seats: 5}, {seats: 5}, {seats: 7}, {}, {}, {}]
    check(rep, 'accounts', said)


def test_a_lead_through_its_life(mkt, number):
    said = [mkt.make('leads', last_name='Nowak', estimated_value={'amount': '100.00', 'currency': 'PLN'}, source='fair')]
    lead = said[0]['id']
    said.append(mkt.patched('leads', lead, estimated_value={'amount': '250.50', 'currency': 'EUR'}, budget_confirmed=True))
    said.append(qualify(mkt, lead))
    assert [x['status'] for x in said] == ['open', 'open', 'qualified']
    # "contacted" lies between the last two
    between = then(mkt, 'leads', lead, earlier(said[2]['updated_at'])).json()
    assert (between['status'], between['version'], between['industry']) == ('contacted', said[2]['version'] - 1, None)
    said.insert(2, {**between})
    said.append(mkt.moved('leads', lead, 'unqualified', fields={'unqualified_reason': 'need'}))
    check(mkt, 'leads', said)


def test_an_opportunity_waits_for_its_account(rep, verifier):
    deal = deal_in(rep, 'first_meeting')
    said = [deal, rep.moved('opportunities', deal['id'], 'offer_sent', fields=OFFER)]
    verifier.moved('accounts', deal['account_id'], 'verify')
    decided = rep.read('opportunities', deal['id'])
    assert (said[1]['awaiting_verification'], decided['awaiting_verification']) == (True, False)
    assert (said[0]['probability'], said[1]['probability']) == (40, 60)
    check(rep, 'opportunities', said, created=deal['created_at'])


def test_a_contact(rep, number):
    account, other = (rep.make('accounts', name=f'{n} {number}')['id'] for n in ('One', 'Two'))
    c = rep.make('contacts', last_name='Nowak', account_id=account, email=f'c{number}@as-of.test')
    said = [c, rep.patched('contacts', c['id'], account_id=other), rep.patched('contacts', c['id'], email=None, phone='221234567')]
    check(rep, 'contacts', said)


def test_the_equipment_of_then(rep, number):
    """Lines that came, changed, were marked as gone and were deleted."""
    account = rep.make('accounts', name=f'Cranes {number}')
    crane = rep.make('equipment', account_id=account['id'], kind='crane', vendor='Liebherr', competitor=True, year_installed=2019)
    press = rep.make('equipment', account_id=account['id'], kind='press')
    more = rep.patched('equipment', crane['id'], quantity=3)
    gone = rep.patched('equipment', crane['id'], removed_at='2026-01-01T00:00:00.123456Z')
    assert rep.delete(f'/v1/equipment/{press["id"]}').status_code in (204, 403)

    def had(moment):
        return then(rep, 'accounts', account['id'], moment).json()['equipment']
    assert had(account['created_at']) == []
    assert had(earlier(press['created_at'])) == [crane]
    assert had(press['created_at']) == [crane, press]
    assert had(earlier(gone['updated_at'])) == [more, press]
    assert had(gone['updated_at']) == [gone, press]
    assert 'equipment' not in rep.read('accounts', account['id'])


def test_what_was_deleted_is_there_before(manager, rep, rows, number):
    a = rep.make('accounts', name=f'Gone {number}')
    assert manager.delete(f'/v1/accounts/{a["id"]}').status_code == 204
    at, = rows('select sluice.rfc3339(at) as at from sluice.audit where record_id = %s and action = %s', a['id'], 'delete')
    problem(then(rep, 'accounts', a['id'], at['at']), 404, 'not_found')
    assert then(rep, 'accounts', a['id'], earlier(at['at'])).json()['name'] == a['name']


def test_who_was_merged_was_somebody(manager, rep, number):
    survivor, loser = (rep.make('accounts', name=f'{n} {number}', city=n) for n in ('Kept', 'Lost'))
    line = rep.make('equipment', account_id=loser['id'], kind='crane')
    merged = manager.post(f'/v1/accounts/{survivor["id"]}/merge', json={'losers': [loser['id']]})
    assert merged.status_code == 201, merged.text
    at = merged.json()['created_at']
    before = earlier(at)
    told = then(rep, 'accounts', loser['id'], before).json()
    assert (told['name'], [e['id'] for e in told['equipment']]) == (loser['name'], [line['id']])
    assert then(rep, 'accounts', survivor['id'], before).json()['equipment'] == []
    assert [e['id'] for e in then(rep, 'accounts', survivor['id'], at).json()['equipment']] == [line['id']]
    answer = rep.get(f'/v1/accounts/{loser["id"]}', params={'as_of': at})
    assert answer.status_code == 308, answer.text


def test_the_past_is_for_who_may_read_it_now(own, rep, manager, number):
    theirs = rep.make('accounts', name=f'Theirs {number}')
    problem(then(own, 'accounts', theirs['id'], theirs['created_at']), 404, 'not_found')
    manager.patched('accounts', theirs['id'], **mine(own))
    assert then(own, 'accounts', theirs['id'], theirs['created_at']).json()['owner_id'] == theirs['owner_id']


def test_moments_that_are_none(rep, number):
    a = rep.make('accounts', name=f'Moment {number}')
    for moment in ('yesterday', '2026-13-01T00:00:00Z', '2026-01-01'):
        problem(then(rep, 'accounts', a['id'], moment), 400, 'invalid_parameter')
    only = fault(then(rep, 'accounts', a['id'], '2199-01-01T00:00:00Z'), 400, 'invalid_parameter', 'as_of', 'range')
    assert (only['detail'], only['hint']) == ('The moment is still to come.', 'send a moment of the past, or leave as_of out for now')
    shown = then(rep, 'accounts', a['id'], a['created_at']).json()
    assert (shown['name'], shown['version'], shown['equipment']) == (a['name'], 1, [])
    only = rep.get(f'/v1/accounts/{a["id"]}', params={'as_of': a['created_at'], 'fields': 'name'})
    assert only.json() == {'name': a['name']}
