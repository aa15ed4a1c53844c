"""Who changed what, when, by which transition, under which request; and the stories that records share."""
import uuid

import psycopg2
import pytest

from helpers import CALL, PLURAL, blueprint, contact, deal_in, moment, post_form, problem, qualify

MADE = {
    'lead': {'last_name': 'History', 'city': 'Hel'}, 'account': {'name': 'History', 'city': 'Hel'},
    'contact': {'last_name': 'History', 'role': 'Hel'}, 'opportunity': {'name': 'History', 'product_kind': 'Hel'},
    'activity': {'kind': 'note', 'subject': 'Hel'}, 'task': {'subject': 'History', 'body': 'Hel'},
}
CITY = {'contact': 'role', 'opportunity': 'product_kind', 'activity': 'subject', 'task': 'body'}


@pytest.fixture(scope='module')
def account(rep):
    return rep.make('accounts', name='Of histories')


@pytest.mark.parametrize('entity', MADE)
def test_every_change_of_every_resource(entity, rep, manager, account):
    """Old and new value of each member that changed, in the names of the API."""
    field, path = CITY.get(entity, 'city'), f'/v1/{PLURAL[entity]}'
    requests = [str(uuid.uuid4()) for _ in range(3)]
    link = {'account_id': account['id']} if entity in ('opportunity', 'activity') else {}
    made = rep.post(path, json={**MADE[entity], **link}, headers={'Request-Id': requests[0]}).json()
    record = f'{path}/{made["id"]}'
    rep.patch(record, json={field: 'Sopot'}, headers={'Request-Id': requests[1]})
    rep.patch(record, json={field: 'Sopot'})  # no change, no entry
    rep.patch(record, json={field: None}, headers={'Request-Id': requests[2]})
    entries = rep.history(PLURAL[entity], made['id'])
    assert [(e['action'], e['operation'], e['request_id']) for e in entries] == [
        ('update', f'{entity}_update', requests[2]), ('update', f'{entity}_update', requests[1]),
        ('create', f'{entity}_create', requests[0])]
    assert [e['changes'] for e in entries[:2]] == [{field: {'old': 'Sopot', 'new': None}}, {field: {'old': 'Hel', 'new': 'Sopot'}}]
    assert entries[2]['changes'][field] == {'old': None, 'new': 'Hel'}
    assert {e['entity'] for e in entries} == {entity} and {e['record_id'] for e in entries} == {made['id']}
    assert {(e['actor']['kind'], e['actor']['id'], e['actor']['name']) for e in entries} == {('user', rep.user['id'], 'rep')}
    assert [e['seq'] for e in entries] == sorted((e['seq'] for e in entries), reverse=True)
    assert moment(entries[2]['at']) == moment(made['created_at'])
    assert set(entries[2]['changes']) <= set(made), 'names that the API does not have'


def test_names_and_values_are_those_of_the_api(rep):
    deal = rep.make('opportunities', name='Money', account_id=rep.make('accounts', name='Money')['id'],
                    amount={'amount': '1.50', 'currency': 'PLN'}, delivery_date='2027-01-01', probability=5)
    rep.patch(f'/v1/opportunities/{deal["id"]}', json={'amount': {'amount': '2', 'currency': 'PLN'}, 'probability': None})
    rep.moved('opportunities', deal['id'], 'first_meeting')
    moved, changed, made = rep.history('opportunities', deal['id'])
    assert made['changes']['amount.amount'] == {'old': None, 'new': '1.50'}
    assert made['changes']['amount.currency'] == {'old': None, 'new': 'PLN'}
    assert made['changes']['stage'] == {'old': None, 'new': 'qualification'}
    assert changed['changes'] == {'amount.amount': {'old': '1.50', 'new': '2'}, 'probability': {'old': 5, 'new': None}}
    assert moved['changes']['stage'] == {'old': 'qualification', 'new': 'first_meeting'}
    assert (moved['from_state'], moved['to_state'], moved['transition']) == ('qualification', 'first_meeting', 'first_meeting')


def test_kinds_of_actors(rep, new_key, anonymous, daemon, manager):
    by_key = new_key('sales', name='Import')
    lead = by_key.make('leads', last_name='By key')
    assert rep.history('leads', lead['id'])[0]['actor'] == {'kind': 'api_key', 'id': by_key.key['id'], 'name': 'Import'}
    posted = post_form(anonymous, daemon, last_name='By form').json()
    assert rep.history('leads', posted['id'])[0]['actor']['kind'] == 'intake'
    lead = rep.make('leads', last_name='Deleted')
    manager.delete(f'/v1/leads/{lead["id"]}')
    problem(rep.get(f'/v1/leads/{lead["id"]}/history'), 404, 'not_found')


def test_a_move_tells_its_verdicts(mkt):
    lead = mkt.make('leads', last_name='Verdicts')
    contact(mkt, lead['id'])
    entry = mkt.history('leads', lead['id'])[0]
    verdicts = entry['detail']['verdicts']
    assert verdicts['passed'] is True
    assert [(g['guard'], g['passed'], g['observed']) for g in verdicts['guards']] == [('call_logged', True, 1)]
    assert entry['changes']['status'] == {'old': 'open', 'new': 'contacted'}


def test_history_pages_and_filters(rep):
    lead = rep.make('leads', last_name='Pages')
    for i in range(6):
        rep.patch(f'/v1/leads/{lead["id"]}', json={'city': f'City {i}'})
        rep.move('leads', lead['id'], 'qualified')
    path = f'/v1/leads/{lead["id"]}/history'
    whole = rep.get(path, params={'limit': 200}).json()['items']
    assert len(whole) == 13
    walked, cursor = [], None
    while True:
        page = rep.get(path, params={'limit': 5, 'cursor': cursor}).json()
        walked += page['items']
        cursor = page['next_cursor']
        if cursor is None:
            break
        rep.patch(f'/v1/leads/{lead["id"]}', json={'city': f'Later {len(walked)}'})
    assert walked == whole
    assert [e['action'] for e in rep.get(path, params={'action': 'denied'}).json()['items']] == ['denied'] * 6
    both = rep.get(path, params={'action': ['denied', 'create'], 'limit': 200}).json()['items']
    assert [e['action'] for e in both] == ['denied'] * 6 + ['create']
    problem(rep.get(path, params={'action': 'looked'}), 400, 'invalid_parameter')


def test_sequence_numbers_have_no_doubles(rows):
    found = rows('select count(*) as n, count(distinct seq) as d, min(seq) as first from sluice.audit')[0]
    assert found['n'] == found['d'] and found['first'] > 0


def test_every_change_is_an_event(rep, manager, rows):
    account = rep.make('accounts', name='Events')
    rep.patch(f'/v1/accounts/{account["id"]}', json={'city': 'Hel'})
    manager.moved('leads', rep.make('leads', last_name='x')['id'], 'archived')
    rep.move('accounts', account['id'], 'verify')  # refused: no event
    manager.delete(f'/v1/accounts/{account["id"]}')
    events = rows('select type, audit_seq from sluice.outbox where record_id = %s order by id', account['id'])
    assert [e['type'] for e in events] == ['account.created', 'account.updated', 'account.deleted']
    told = rows("select seq from sluice.audit where record_id = %s and action <> 'denied' order by seq", account['id'])
    assert [e['audit_seq'] for e in events] == [t['seq'] for t in told]


def test_joint_story_of_an_account(mkt, rep, verifier, number):
    """Scenario 44: what marketing, sales and the back office did, in one order; the last entry is there at once."""
    lead = mkt.make('leads', first_name='Anna', last_name='Story', company=f'Story {number}', email=f's{number}@story.example')
    mkt.make('activities', kind='email', outcome='opened', subject='Newsletter', lead_id=lead['id'])
    qualify(mkt, lead['id'])
    made = rep.post(f'/v1/leads/{lead["id"]}/conversion', json={'note': 'To sales'}).json()
    account_id, contact_id = made['account']['id'], made['contact']['id']
    deal = rep.make('opportunities', name='Deal', account_id=account_id, contact_id=contact_id)
    rep.make('activities', kind='demo', subject='Demo', body='Went well', opportunity_id=deal['id'])
    rep.make('tasks', subject='Offer', opportunity_id=deal['id'], due_at='2027-01-01T00:00:00Z')
    rep.patch(f'/v1/contacts/{contact_id}', json={'role': 'buyer'})
    verifier.moved('accounts', account_id, 'verify', note='In the register')
    written = verifier.make('activities', kind='note', subject='Checked', account_id=account_id)
    items = mkt.get(f'/v1/accounts/{account_id}/timeline', params={'limit': 200}).json()['items']
    assert items[0]['id'] == written['id'] and items[0]['actor']['name'] == 'verifier'
    at = [moment(i['at']) for i in items]
    assert at == sorted(at, reverse=True)
    told = [(i['entity'], i['kind'], i['title'], i['actor']['name']) for i in items]
    for expected in (('lead', 'activity', 'Newsletter', 'mkt'), ('lead', 'activity', 'First call', 'mkt'),
                     ('lead', 'transition', 'contacted', 'mkt'), ('lead', 'transition', 'converted', 'rep'),
                     ('account', 'created', None, 'rep'), ('opportunity', 'created', None, 'rep'),
                     ('opportunity', 'activity', 'Demo', 'rep'), ('opportunity', 'task', 'Offer', 'rep'),
                     ('contact', 'change', None, 'rep'), ('account', 'transition', 'verify', 'verifier')):
        assert expected in told, expected
    verify = next(i for i in items if i['title'] == 'verify')
    assert (verify['body'], verify['data']['from_state'], verify['data']['to_state']) == ('In the register', 'to_verify', 'verified')
    demo = next(i for i in items if i['title'] == 'Demo')
    assert (demo['body'], demo['data']['kind']) == ('Went well', 'demo')
    ids = [(i['kind'], i['id']) for i in items]
    assert len(ids) == len(set(ids))
    # pages of it hold the same
    walked, path = [], f'/v1/accounts/{account_id}/timeline?limit=4'
    while path:
        answer = mkt.get(path)
        walked += answer.json()['items']
        path = answer.links['next']['url'] if 'next' in answer.links else None
    assert walked == items


def test_stories_of_the_others(mkt, rep, qualified, number):
    lead = qualified(company=f'Others {number}', last_name=f'Others{number}', budget_confirmed=True, need='x')
    made = rep.post(f'/v1/leads/{lead["id"]}/conversion', json={'opportunity': {'name': 'Deal'}}).json()
    for collection, record_id in (('leads', lead['id']), ('contacts', made['contact']['id']),
                                  ('opportunities', made['opportunity']['id'])):
        items = rep.get(f'/v1/{collection}/{record_id}/timeline', params={'limit': 200}).json()['items']
        told = [(i['entity'], i['kind'], i['title']) for i in items]
        assert ('lead', 'transition', 'qualified') in told, collection
        assert sum(kind == 'activity' for _, kind, _ in told) == 2, collection


def test_a_denied_attempt_is_no_story(rep):
    deal = deal_in(rep, 'qualification')
    rep.move('opportunities', deal['id'], 'won')
    items = rep.get(f'/v1/opportunities/{deal["id"]}/timeline').json()['items']
    assert [(i['kind'], i['title']) for i in items] == [('created', None)]


def test_times_of_a_clock_that_tests_set(rep, rows, db):
    """The database's clock is the only one: what it says is what every column, entry and visit has."""
    lead = rep.make('leads', last_name='Clock')
    found = rows('''select l.created_at = l.state_entered_at as a, l.created_at = v.entered_at as b, l.created_at = x.at as c
                      from sluice.lead l join sluice.visit v on v.record_id = l.id join sluice.audit x on x.record_id = l.id
                     where l.id = %s''', lead['id'])
    assert [dict(f) for f in found] == [{'a': True, 'b': True, 'c': True}]


def test_nobody_edits_the_audit(admin, rep, rows):
    """Scenario 51, first part."""
    lead = rep.make('leads', last_name='Sealed')
    for method in ('PUT', 'POST', 'PATCH', 'DELETE'):
        problem(admin.call(method, f'/v1/leads/{lead["id"]}/history'), 405, 'method_not_allowed')
    for sql in ('update sluice.audit set action = action', 'delete from sluice.audit', 'truncate sluice.audit'):
        with pytest.raises(psycopg2.Error, match='never changed'):
            rows(sql)


def test_states_of_a_process_of_ones_own_are_told(rep, rows, number):
    with blueprint(rows, 'account', f'told_{number}', [('new', 'open'), ('old', 'done')],
                   [{'key': 'born', 'kind': 'initial', 'to': 'new'}, {'key': 'age', 'from': ['new'], 'to': 'old'}]):
        made = rep.make('accounts', name='Told')
    assert made['verification'] == 'new'
    rep.moved('accounts', made['id'], 'age', activities=[CALL])
    entry = rep.history('accounts', made['id'])[0]
    assert (entry['transition'], entry['changes']['verification']) == ('age', {'old': 'new', 'new': 'old'})
