"""Merging leads, accounts and contacts, and the way back (B10; scenario 11 is in test_verification.py)."""
import random

import pytest

import helpers
from helpers import CALL, UNKNOWN, fault, problem, qualify, settled, tables, together

def everything(rows):
    """Row counts, but for what the daemon looks through by itself."""
    found = helpers.everything(rows)
    return {t: n for t, n in found.items() if t not in ('recheck', 'sequence_at')}


HISTORY = {'audit', 'outbox', 'merge', 'merge_moved', 'recheck', 'idempotency', 'session', 'duplicate_pair'}
MERGED = ('lead', 'account', 'contact')


def merge(client, plural, survivor, *losers, **more):
    headers = more.pop('headers', None)
    return client.post(f'/v1/{plural}/{survivor["id"]}/merge', json={'losers': [x['id'] for x in losers], **more},
                       headers=headers)


def merged(client, plural, survivor, *losers, **more):
    answer = merge(client, plural, survivor, *losers, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def undo(client, made, **headers):
    return client.post(f'/v1/merges/{made["id"]}/undo', headers=headers)


def content_of(rows, table):
    """A table without what every change moves along: clocks that every touch starts again, too."""
    return rows(f"""select string_agg(j::text, E'\n' order by j::text) as all
                      from (select to_jsonb(t) - '{{version,updated_at}}'::text[]
                                   - case when '{table}' = 'timer' and to_jsonb(t) ->> 'touched_at' is not null
                                          then '{{id,touched_at,due_at}}'::text[]
                                          when '{table}' = 'timer' then '{{id}}' else '{{}}' end as j
                              from sluice.{table} t) x""")[0]['all']


def world(rows):
    settled(rows)
    return {t: content_of(rows, t) for t in tables(rows) if t not in HISTORY}


def moved(made):
    return {(m['entity'], m['link']): m['count'] for m in made['moved']}


def company(client, number, **more):
    return client.make('accounts', **{'name': f'Company {number}', **more})


def test_children_fields_and_addresses(manager, rep, number):
    """B10: relations move, fields are chosen, the old id leads to the survivor."""
    a = company(rep, number, phone='+48 1', city='Gdańsk')
    b = company(rep, f'{number} B', phone='+48 2', website='https://b.example', street='Prosta 1', city='Warszawa',
                external_id=f'crm-{number}', tags=['vip', 'old'])
    c = company(rep, f'{number} C', email=f'office{number}@c.example', industry='boats')
    person = rep.make('contacts', last_name='Moved', account_id=b['id'])
    deal = rep.make('opportunities', name='Moved', account_id=b['id'], contact_id=person['id'])
    call = rep.make('activities', account_id=c['id'], **CALL)
    task = rep.make('tasks', subject='Moved', account_id=b['id'])
    answer = merge(manager, 'accounts', a, b, c, note='One and the same', headers={'If-Match': f'"{a["version"]}"'},
                   fields={'name': b['id'], 'description': 'By hand'})
    made = answer.json()
    assert answer.status_code == 201 and answer.headers['Location'] == f'/v1/merges/{made["id"]}'
    assert (made['entity'], made['survivor_id'], made['losers'], made['note'], made['transition'], made['undone_at']) == (
        'account', a['id'], [b['id'], c['id']], 'One and the same', None, None)
    assert moved(made) == {('contact', 'account_id'): 1, ('opportunity', 'account_id'): 1, ('activity', 'account_id'): 1,
                           ('task', 'account_id'): 1}
    changed = {o['field']: (o['before'], o['after'], o['from']) for o in made['overwritten']}
    assert changed == {
        'name': (a['name'], b['name'], b['id']), 'description': (None, 'By hand', None),
        'website': (None, 'https://b.example', b['id']), 'external_id': (None, f'crm-{number}', b['id']),
        'email': (None, f'office{number}@c.example', c['id']), 'industry': (None, 'boats', c['id']),
        'tags': (None, ['vip', 'old'], None)}
    conflicts = {x['field']: (x['kept'], x['values']) for x in made['conflicts']}
    assert conflicts == {'phone': ('+48 1', [{'id': b['id'], 'value': '+48 2'}]),
                         'city': ('Gdańsk', [{'id': b['id'], 'value': 'Warszawa'}]),
                         'street': (None, [{'id': b['id'], 'value': 'Prosta 1'}])}
    now = rep.read('accounts', a['id'])
    assert (now['name'], now['phone'], now['street'], now['city'], now['tags']) == (
        b['name'], '+48 1', None, 'Gdańsk', ['vip', 'old'])  # no half an address
    assert now['verification'] == 'to_verify'
    for plural, child in (('contacts', person), ('opportunities', deal), ('activities', call), ('tasks', task)):
        assert rep.read(plural, child['id'])['account_id'] == a['id']
    assert answer.json() == manager.read('merges', made['id'])
    assert [x['id'] for x in manager.get('/v1/merges', params={'record': b['id']}).json()['items']] == [made['id']]
    assert manager.get('/v1/merges', params={'record': b['id'], 'undone': 'true'}).json()['items'] == []


@pytest.mark.parametrize('plural', ['leads', 'accounts', 'contacts'])
def test_the_old_address(manager, rep, rows, number, plural):
    """Reads are redirected, below the address too and through chains; writes name the survivor; lists leave losers out."""
    name = {'leads': 'last_name', 'accounts': 'name', 'contacts': 'last_name'}[plural]
    a, b, c = (rep.make(plural, **{name: f'{plural} {n} {number}'}) for n in 'abc')
    merged(manager, plural, b, c)
    merged(manager, plural, a, b)
    for loser in (b, c):
        for below in ('', '/history?limit=5', '/timeline'):
            answer = rep.get(f'/v1/{plural}/{loser["id"]}{below}')
            assert (answer.status_code, answer.headers['Location']) == (308, f'/v1/{plural}/{a["id"]}{below}')
            assert answer.json() == {'id': loser['id'], 'merged_into': a['id']}
            assert answer.headers['Cache-Control'] == 'no-store'
            assert rep.get(answer.headers['Location']).status_code == 200
        before = everything(rows)
        for refused in (rep.patch(f'/v1/{plural}/{loser["id"]}', json={name: 'New'}),
                        manager.delete(f'/v1/{plural}/{loser["id"]}')):
            assert problem(refused, 409, 'merged')['merged_into'] == a['id']
        assert everything(rows) == before
        if plural != 'contacts':
            assert problem(rep.move(plural, loser['id'], 'verify'), 409, 'merged')['merged_into'] == a['id']
            assert rep.get(f'/v1/{plural}/{loser["id"]}/transitions').status_code == 308
    listed = rep.get(f'/v1/{plural}', params={'limit': 200}).json()['items']
    assert [x['id'] for x in listed if x['id'] in (a['id'], b['id'], c['id'])] == [a['id']]
    problem(rep.get(f'/v1/{plural}/{UNKNOWN}'), 404, 'not_found')
    told = {e['action']: e for e in rep.history(plural, a['id'])}
    assert told['merge']['detail']['losers'] == [b['id']] and told['merge']['detail']['merged_into'] == a['id']
    entity = {'leads': 'lead', 'accounts': 'account', 'contacts': 'contact'}[plural]
    told = rows("""select a.action, a.detail ->> 'merged_into' as went, o.type from sluice.audit a
                     join sluice.outbox o on o.audit_seq = a.seq
                    where a.record_id = %s order by a.seq desc limit 1""", b['id'])[0]
    assert told == {'action': 'merge', 'went': a['id'], 'type': f'{entity}.merged'}
    of_loser = [i for i in rep.get(f'/v1/{plural}/{a["id"]}/timeline', params={'limit': 200}).json()['items']
                if i['record_id'] == c['id']]
    assert of_loser, 'the story of the survivor has those of the losers'


def test_dry_run_and_replay(manager, rep, rows, number):
    a, b = company(rep, number), company(rep, f'{number} B', phone='1')
    before = everything(rows)
    dry = merge(manager, 'accounts', a, b, headers={'Prefer': 'tx=rollback'})
    assert dry.status_code == 201 and [o['field'] for o in dry.json()['overwritten']] == ['phone']
    assert everything(rows) == before
    key = {'Idempotency-Key': f'merge-{a["id"]}'}
    first, second = (merge(manager, 'accounts', a, b, headers=key) for _ in range(2))
    assert first.json() == second.json() and second.headers['Idempotent-Replayed'] == 'true'
    problem(merge(manager, 'accounts', a, b), 409, 'merged')


def test_refusals_change_nothing(manager, rep, viewer, new_user, rows, number):
    a, b = company(rep, number), company(rep, f'{number} B')
    lead = rep.make('leads', last_name='Other kind')
    gone = company(rep, f'{number} gone')
    assert manager.delete(f'/v1/accounts/{gone["id"]}').status_code == 204
    before = everything(rows)
    fault(merge(manager, 'accounts', a, a), 422, 'validation_failed', '/losers/0', 'invalid')
    fault(merge(manager, 'accounts', a, b, b), 422, 'validation_failed', '/losers/1', 'invalid')
    fault(merge(manager, 'accounts', a, lead), 422, 'unknown_reference', '/losers/0', 'reference')
    fault(merge(manager, 'accounts', a, b, gone), 422, 'unknown_reference', '/losers/1', 'reference')
    fault(merge(manager, 'accounts', a, b, fields={'verification': b['id']}), 422, 'validation_failed',
          '/fields/verification', 'invalid')
    problem(merge(manager, 'accounts', a, b, fields={'email': 'no address'}), 422, 'validation_failed')
    problem(merge(manager, 'accounts', a, b, fields={'verification': 'verified'}), 422, 'governed_field')
    problem(merge(manager, 'accounts', a, b, headers={'If-Match': '"7"'}), 412, 'stale')
    problem(merge(manager, 'accounts', {'id': UNKNOWN}, b), 404, 'not_found')
    problem(merge(viewer, 'accounts', a, b), 403, 'forbidden')
    problem(merge(rep, 'accounts', a, b), 403, 'forbidden')
    assert everything(rows) == before


def test_what_is_not_theirs_is_not_merged(new_user, rep, rows, number):
    """Both records must be the caller's to see and to write."""
    rows("insert into sluice.role (key, label, position) values ('narrow', '{\"en\": \"Narrow\"}', 99) on conflict do nothing")
    rows("""insert into sluice.role_permission (role, permission, scope)
            select 'narrow', p, 'own' from unnest(array['contact.read', 'contact.write', 'contact.merge']) p
                on conflict do nothing""")
    narrow = new_user('narrow', name=f'Narrow {number}')
    mine, mine_too = (narrow.make('contacts', last_name=n) for n in ('Mine', 'Mine too'))
    other = rep.make('contacts', last_name='Not mine')
    fault(merge(narrow, 'contacts', mine, other), 422, 'unknown_reference', '/losers/0', 'reference')
    problem(merge(narrow, 'contacts', other, mine), 404, 'not_found')
    made = merged(narrow, 'contacts', mine, mine_too)
    assert rep.get(f'/v1/contacts/{mine_too["id"]}').status_code == 308
    theirs = merged(rep, 'contacts', other, rep.make('contacts', last_name='Not mine either'))
    problem(narrow.get(f'/v1/merges/{theirs["id"]}'), 404, 'not_found')
    problem(undo(narrow, theirs), 404, 'not_found')
    problem(narrow.get(f'/v1/contacts/{theirs["losers"][0]}'), 404, 'not_found')
    assert [m['id'] for m in narrow.get('/v1/merges').json()['items']] == [made['id']]
    assert undo(narrow, made).status_code == 200


def test_converted_leads(manager, mkt, number):
    """A merge is no way around conversion: what leads became must be one first."""
    open_lead = mkt.make('leads', last_name='Open', company=f'One {number}')
    one, two = (mkt.make('leads', last_name=f'Done {i}', company=f'Done {i} {number}') for i in 'ab')
    became = {}
    for lead in (one, two):
        qualify(mkt, lead['id'])
        became[lead['id']] = mkt.post(f'/v1/leads/{lead["id"]}/conversion', json={}).json()
    fault(merge(manager, 'leads', open_lead, one), 409, 'conflict', '/losers/0', 'unique')
    fault(merge(manager, 'leads', one, two), 409, 'conflict', '/losers/0', 'unique')
    merged(manager, 'leads', one, open_lead)
    account, other = (became[x['id']]['account'] for x in (one, two))
    merged(manager, 'accounts', account, other)
    merged(manager, 'contacts', became[one['id']]['contact'], became[two['id']]['contact'])
    made = merged(manager, 'leads', one, two)
    assert moved(made)[('account', 'lead_id')] == 1 and moved(made)[('contact', 'lead_id')] == 1
    now = mkt.read('leads', one['id'])
    assert (now['status'], now['account_id']) == ('converted', account['id'])


def test_states_stay(manager, verifier, rep, number):
    """A merge is no way around a guard: whoever survives keeps its state."""
    verified, pending = company(rep, number), company(rep, f'{number} B')
    verifier.moved('accounts', verified['id'], 'verify')
    deal = rep.make('opportunities', name='Deal', account_id=pending['id'])
    assert deal['awaiting_verification'] is True
    made = merged(verifier, 'accounts', verified, pending)
    assert rep.read('accounts', verified['id'])['verification'] == 'verified'
    assert rep.read('opportunities', deal['id'])['awaiting_verification'] is False
    assert undo(verifier, made).status_code == 200
    assert rep.read('opportunities', deal['id'])['awaiting_verification'] is True
    merged(verifier, 'accounts', pending, verified)
    assert rep.read('accounts', pending['id'])['verification'] == 'to_verify'


def test_undo_and_what_stands_in_the_way(manager, rep, rows, number):
    a, b = company(rep, number), company(rep, f'{number} B', phone='5', external_id=f'undo-{number}')
    person, deal = rep.make('contacts', last_name='P', account_id=b['id']), rep.make('opportunities', name='D', account_id=b['id'])
    other = company(rep, f'{number} C')
    made = merged(manager, 'accounts', a, b)
    rep.patch(f'/v1/accounts/{a["id"]}', json={'phone': '6', 'industry': 'kept'})
    rep.patch(f'/v1/contacts/{person["id"]}', json={'account_id': other['id']})
    before = everything(rows)
    found = problem(undo(manager, made), 409, 'undo_conflict')['conflicts']
    assert found == [
        {'code': 'field_changed', 'pointer': '/overwritten/0', 'field': 'phone', 'expected': '5', 'now': '6'},
        {'code': 'child_moved', 'pointer': '/moved', 'entity': 'contact', 'link': 'account_id', 'record_id': person['id'],
         'now': other['id']}]
    assert everything(rows) == before
    rep.patch(f'/v1/accounts/{a["id"]}', json={'phone': '5'})
    rep.patch(f'/v1/contacts/{person["id"]}', json={'account_id': a['id']})
    on = merged(manager, 'accounts', other, a)
    codes = [x['code'] for x in problem(undo(manager, made), 409, 'undo_conflict')['conflicts']]
    assert codes == ['merged_on', 'child_moved', 'child_moved']
    assert undo(manager, on).status_code == 200
    problem(undo(manager, made, **{'If-Match': '"3"'}), 412, 'stale')
    answer = undo(manager, made, **{'If-Match': '"1"'})
    assert answer.status_code == 200 and answer.json()['undone_by'] == manager.user['id'] and answer.json()['version'] == 2
    now = rep.read('accounts', a['id'])
    assert (now['phone'], now['industry'], now['external_id']) == (None, 'kept', None)
    assert rep.read('accounts', b['id'])['external_id'] == f'undo-{number}'
    assert rep.read('contacts', person['id'])['account_id'] == rep.read('opportunities', deal['id'])['account_id'] == b['id']
    assert [e['action'] for e in rep.history('accounts', b['id'])][:2] == ['unmerge', 'merge']
    assert 'unmerge' in [e['action'] for e in rep.history('accounts', a['id'])]
    problem(undo(manager, made), 409, 'conflict')
    problem(undo(rep, made), 403, 'forbidden')


def test_what_was_taken_meanwhile(manager, rep, number):
    a, b = company(rep, number), company(rep, f'{number} B', external_id=f'taken-{number}')
    made = merged(manager, 'accounts', a, b, fields={'external_id': None})
    company(rep, f'{number} C', external_id=f'taken-{number}')
    (only,) = problem(undo(manager, made), 409, 'undo_conflict')['conflicts']
    assert (only['code'], only['constraint']) == ('taken', 'account_external_id_key')


@pytest.mark.parametrize('seed', range(6))
def test_merge_and_undo_are_nothing(manager, rep, mkt, rows, number, seed):
    """Property: whatever the records, their values and what belongs to them, a merge and its undoing leave every
    table as it was, but for the history."""
    dice = random.Random(seed)
    plural = dice.choice(['leads', 'accounts', 'contacts'])
    link = {'leads': 'lead_id', 'accounts': 'account_id', 'contacts': 'contact_id'}[plural]
    choices = {'phone': ['+48 1', '+48 2'], 'email': [f'a{number}@x.example', f'b{number}@x.example'],
               'description': ['one', 'two']}
    if plural != 'contacts':
        choices |= {'city': ['Gdańsk', 'Łódź'], 'street': ['Prosta 1'], 'tags': [['a'], ['b', 'c']], 'tax_id': ['5252344555']}
    if plural == 'leads':
        choices |= {'estimated_value': [{'amount': '10.50', 'currency': 'PLN'}], 'budget_confirmed': [True, False]}
    records = []
    for i in range(dice.randint(2, 4)):
        given = {k: dice.choice(v) for k, v in choices.items() if dice.random() < 0.5}
        name = {'name' if plural == 'accounts' else 'last_name': f'Same {i} {number}'}
        records.append(rep.make(plural, external_id=f'p{number}-{seed}-{i}' if dice.random() < 0.5 else None, **name, **given))
        for _ in range(dice.randint(0, 3)):
            rep.make('activities', **CALL, **{link: records[-1]['id']})
            rep.make('tasks', subject='Do', **{link: records[-1]['id']})
        if plural == 'accounts' and dice.random() < 0.7:
            person = rep.make('contacts', last_name='P', account_id=records[-1]['id'])
            rep.make('opportunities', name='D', account_id=records[-1]['id'], contact_id=person['id'])
    before = world(rows)
    made = merged(manager, plural, *records)
    assert world(rows) != before
    answer = undo(manager, made)
    assert answer.status_code == 200, answer.text
    after = world(rows)
    assert {t for t in before if before[t] != after[t]} == set()


def test_custom_fields_are_chosen_one_by_one(manager, rep, admin, number):
    seats, colour, plan = (f'{name}_{number}' for name in ('seats', 'colour', 'plan'))
    for key, kind in ((seats, 'integer'), (colour, 'text'), (plan, 'text')):
        admin.make('custom-fields', entity='account', key=key, type=kind)
    a = company(rep, number, custom={seats: 3, colour: 'red'})
    b = company(rep, f'{number} B', custom={seats: 5, colour: 'blue', plan: 'gold'})
    for given in ({f'custom.{seats}': 7}, {f'custom.{seats}': UNKNOWN}):
        fault(merge(manager, 'accounts', a, b, fields=given), 422, 'validation_failed', f'/fields/custom.{seats}', 'invalid')
    other = company(rep, f'{number} C')
    fault(merge(manager, 'accounts', a, b, fields={'custom.of_nobody': other['id']}), 422, 'validation_failed',
          '/fields/custom.of_nobody', 'invalid')
    made = merged(manager, 'accounts', a, b, fields={f'custom.{seats}': b['id']})
    assert rep.read('accounts', a['id'])['custom'] == {seats: 5, colour: 'red', plan: 'gold'}
    assert [c for c in made['conflicts'] if c['field'].startswith('custom')] == [
        {'field': f'custom.{colour}', 'kept': 'red', 'values': [{'id': b['id'], 'value': 'blue'}]}]
    assert undo(manager, made).status_code == 200
    assert rep.read('accounts', a['id'])['custom'] == {seats: 3, colour: 'red'}
    assert rep.read('accounts', b['id'])['custom'] == {seats: 5, colour: 'blue', plan: 'gold'}
    merged(manager, 'accounts', b, a, fields={f'custom.{plan}': a['id']})
    assert rep.read('accounts', b['id'])['custom'] == {seats: 5, colour: 'blue'}


def test_two_merges_of_one_loser(manager, rep, number):
    """Race: one wins, the other is told who survived."""
    for i in range(5):
        a, b, c = (company(rep, f'{number} {i}{n}') for n in 'abc')
        answers = together(lambda: merge(manager, 'accounts', a, c), lambda: merge(manager, 'accounts', b, c))
        assert sorted(x.status_code for x in answers) == [201, 409]
        won = next(x for x in answers if x.status_code == 201).json()
        lost = problem(next(x for x in answers if x.status_code == 409), 409, 'merged')
        assert lost['merged_into'] == won['survivor_id'] == rep.get(f'/v1/accounts/{c["id"]}').json()['merged_into']


def test_a_merge_each_way(manager, rep, number):
    """Race: A into B against B into A."""
    for i in range(5):
        a, b = (company(rep, f'{number} {i}{n}') for n in 'ab')
        rep.make('contacts', last_name='P', account_id=a['id'])
        answers = together(lambda: merge(manager, 'accounts', a, b), lambda: merge(manager, 'accounts', b, a))
        assert sorted(x.status_code for x in answers) == [201, 409]
        problem(next(x for x in answers if x.status_code == 409), 409, 'merged')


def test_a_merge_against_a_transition_and_a_child(manager, verifier, rep, rows, number):
    """Race: a loser is verified or gets a child in the same moment: either it happened before, or it is refused."""
    for i in range(5):
        a, b = (company(rep, f'{number} {i}{n}') for n in 'ab')
        made, moved_, child = together(
            lambda: merge(manager, 'accounts', a, b), lambda: verifier.move('accounts', b['id'], 'verify'),
            lambda: rep.post('/v1/contacts', json={'last_name': 'Late', 'account_id': b['id']}))
        assert made.status_code == 201, made.text
        if moved_.status_code != 200:
            problem(moved_, 409, 'merged')
        if child.status_code == 201:
            assert rep.read('contacts', child.json()['id'])['account_id'] == a['id']
        else:
            fault(child, 422, 'unknown_reference', '/account_id', 'reference')
        assert rows('select count(*) as n from sluice.contact where account_id = %s', b['id'])[0]['n'] == 0
        assert rep.read('accounts', a['id'])['verification'] == 'to_verify'
