"""Create, read, change and delete each of the six resources: the same rules for all, from one table."""
import re
import uuid
from datetime import datetime, timezone

import pytest

from helpers import PLURAL, UNKNOWN, everything, moment, problem

pytestmark = pytest.mark.usefixtures('duplicates_allowed')

# the members that a client may set at birth, with values; {account} and {contact} are filled in
FULL = {
    'lead': {
        'first_name': 'Zażółć', 'last_name': 'Gęślą-Jaźń', 'email': 'anna@nordwind.example', 'phone': '+48 601 234 567',
        'company': 'Nordwind', 'job_title': 'Head', 'tax_id': '525-23-44-555', 'website': 'https://nordwind.example/a?b=c',
        'industry': 'logistics', 'street': 'ul. "Portowa" 12\\3', 'postcode': '80-001', 'city': 'Гданьск', 'country': 'PL',
        'need': 'Line one\nline two\ttab', 'budget_confirmed': True,
        'estimated_value': {'amount': '18500.50', 'currency': 'PLN'}, 'description': '😀 </script>',
        'source': 'webinar', 'campaign': 'autumn'},
    'account': {
        'name': 'Zażółć S.A.', 'tax_id': 'PL 5252344555', 'email': 'office@nordwind.example', 'phone': '+48 58 1',
        'website': 'https://nordwind.example', 'industry': 'logistics', 'street': 'Portowa 1', 'postcode': '80-001',
        'city': 'Gdańsk', 'country': 'PL', 'description': 'Long', 'source': 'fair', 'campaign': 'spring'},
    'contact': {
        'account_id': '{account}', 'first_name': 'Jan', 'last_name': 'Nowak', 'email': 'jan@nordwind.example',
        'phone': '601', 'job_title': 'Buyer', 'role': 'decision maker', 'description': 'x', 'source': 'fair',
        'campaign': 'spring'},
    'opportunity': {
        'name': 'Cranes', 'account_id': '{account}', 'contact_id': '{contact}',
        'amount': {'amount': '0.0001', 'currency': 'EUR'}, 'product_kind': 'crane', 'delivery_date': '2028-02-29',
        'close_date': '2027-12-31', 'probability': 55, 'forecast_category': 'commit', 'description': 'x',
        'source': 'fair', 'campaign': 'spring'},
    'activity': {
        'kind': 'meeting', 'subject': 'Kick-off', 'outcome': 'held', 'body': 'a\nb', 'duration_s': 0,
        'occurred_at': '2026-01-02T03:04:05.600000Z', 'account_id': '{account}', 'contact_id': '{contact}'},
    'task': {
        'subject': 'Send the list', 'body': 'x', 'due_at': '2027-01-02T03:04:05Z', 'priority': 'urgent', 'status': 'open',
        'account_id': '{account}'},
}
LEAST = {
    'lead': {'last_name': 'Least'}, 'account': {'name': 'Least'}, 'contact': {'last_name': 'Least'},
    'opportunity': {'name': 'Least', 'account_id': '{account}'},
    'activity': {'kind': 'note', 'account_id': '{account}'}, 'task': {'subject': 'Least'},
}
# what a record has that nobody said anything about
DEFAULT = {
    'lead': {'status': 'open', 'status_category': 'open', 'owner_id': None, 'budget_confirmed': None,
             'estimated_value': None, 'converted_at': None},
    'account': {'verification': 'to_verify', 'verification_category': 'open', 'owner_id': 'me', 'lead_id': None},
    'contact': {'account_id': None, 'owner_id': 'me', 'lead_id': None},
    'opportunity': {'stage': 'qualification', 'stage_category': 'open', 'probability': 10, 'amount': None,
                    'forecast_category': 'pipeline', 'owner_id': 'me', 'awaiting_verification': True, 'closed_at': None},
    'activity': {'owner_id': 'me', 'transition': None, 'subject': None, 'duration_s': None},
    'task': {'priority': 'normal', 'status': 'open', 'assignee_id': 'me', 'done_at': None, 'transition': None},
}
# one member to change, and one to empty
CHANGE = {
    'lead': ({'city': 'Sopot'}, 'website'), 'account': ({'city': 'Sopot'}, 'website'), 'contact': ({'role': 'user'}, 'phone'),
    'opportunity': ({'amount': {'amount': 250, 'currency': 'USD'}}, 'product_kind'),
    'activity': ({'duration_s': 60}, 'body'), 'task': ({'priority': 'low'}, 'due_at'),
}
ENTITIES = list(FULL)


@pytest.fixture(scope='module')
def parents(rep):
    account = rep.make('accounts', name='Parent')
    return {'account': account['id'], 'contact': rep.make('contacts', last_name='Parent', account_id=account['id'])['id']}


def fill(members, parents):
    return {k: v.format(**parents) if isinstance(v, str) and v in ('{account}', '{contact}') else v
            for k, v in members.items()}


def same(sent, got):
    """Whether what came back is what was sent: integers become decimal text, times get microseconds."""
    if isinstance(sent, dict):
        return set(sent) == set(got) and all(same(sent[k], got[k]) for k in sent)
    if isinstance(sent, int) and isinstance(got, str):
        return str(sent) == got
    if isinstance(sent, str) and re.match(r'\d{4}-\d\d-\d\dT', sent):
        return moment(sent) == moment(got)
    return sent == got


@pytest.mark.parametrize('entity', ENTITIES)
def test_create_with_everything(entity, rep, parents):
    path, sent = f'/v1/{PLURAL[entity]}', fill(FULL[entity], parents)
    before = datetime.now(timezone.utc)
    answer = rep.post(path, json=sent)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert all(same(v, made[k]) for k, v in sent.items()), made
    assert uuid.UUID(made['id']).version == 7
    assert (made['version'], made['created_by'], answer.headers['ETag']) == (1, rep.user['id'], '"1"')
    assert answer.headers['Location'] == f'{path}/{made["id"]}'
    assert answer.headers['Cache-Control'] == 'no-store'
    assert made['created_at'] == made['updated_at'] and made['created_at'].endswith('Z')
    assert abs((moment(made['created_at']) - before).total_seconds()) < 30
    answer = rep.get(answer.headers['Location'])
    assert (answer.json(), answer.headers['ETag']) == (made, '"1"')


@pytest.mark.parametrize('entity', ENTITIES)
def test_create_with_the_least(entity, rep, parents):
    made = rep.make(PLURAL[entity], **fill(LEAST[entity], parents))
    for name, value in DEFAULT[entity].items():
        assert made[name] == (rep.user['id'] if value == 'me' else value), name
    explicit = fill(LEAST[entity], parents)
    nullable = [k for k in FULL[entity] if k not in explicit and k not in ('estimated_value', 'amount')]
    again = rep.make(PLURAL[entity], **explicit, **dict.fromkeys(nullable))
    assert {k: v for k, v in again.items() if k not in ('id', 'occurred_at') and not k.endswith(('_at', '_since'))} == {
        k: v for k, v in made.items() if k not in ('id', 'occurred_at') and not k.endswith(('_at', '_since'))}


@pytest.mark.parametrize('entity', ENTITIES)
def test_merge_patch(entity, rep, parents):
    made = rep.make(PLURAL[entity], **fill(FULL[entity], parents))
    path = f'/v1/{PLURAL[entity]}/{made["id"]}'
    change, emptied = CHANGE[entity]
    answer = rep.patch(path, json={**change, emptied: None})
    assert answer.status_code == 200, answer.text
    now = answer.json()
    assert (now['version'], answer.headers['ETag']) == (2, '"2"')
    assert moment(now['updated_at']) > moment(made['updated_at'])
    assert now[emptied] is None
    assert all(same(v, now[k]) for k, v in change.items()), now
    touched = set(change) | {emptied, 'version', 'updated_at'}
    assert {k: v for k, v in now.items() if k not in touched} == {k: v for k, v in made.items() if k not in touched}
    assert rep.get(path).json() == now
    # the same again changes nothing, and neither does nothing
    for same_again in ({**change, emptied: None}, {}):
        answer = rep.patch(path, json=same_again)
        assert (answer.status_code, answer.json(), answer.headers['ETag']) == (200, now, '"2"')
    # plain JSON is taken as the same merge patch
    answer = rep.patch(path, json={emptied: made[emptied]}, headers={'Content-Type': 'application/json'})
    assert (answer.status_code, answer.json()['version'], answer.json()[emptied]) == (200, 3, made[emptied])


@pytest.mark.parametrize('entity', ENTITIES)
def test_conditions(entity, rep, parents):
    made = rep.make(PLURAL[entity], **fill(LEAST[entity], parents))
    path, (change, _) = f'/v1/{PLURAL[entity]}/{made["id"]}', CHANGE[entity]
    assert rep.patch(path, json=change, headers={'If-Match': '"1"'}).status_code == 200
    answer = rep.patch(path, json={}, headers={'If-Match': '"1"'})
    assert problem(answer, 412, 'stale')['current'] == {'version': 2}
    assert rep.patch(path, json={}, headers={'If-Match': '"2"'}).status_code == 200
    assert rep.patch(path, json={}, headers={'If-Match': '*'}).status_code == 200
    for known in ('"2"', 'W/"2"', '"1", "2"', '*'):
        answer = rep.get(path, headers={'If-None-Match': known})
        assert (answer.status_code, answer.content, answer.headers['ETag']) == (304, b'', '"2"')
    for other in ('"1"', '"3"', '2'):
        assert rep.get(path, headers={'If-None-Match': other}).status_code == 200


@pytest.mark.parametrize('entity', ENTITIES)
def test_head_is_get_without_a_body(entity, rep, parents):
    made = rep.make(PLURAL[entity], **fill(LEAST[entity], parents))
    path = f'/v1/{PLURAL[entity]}/{made["id"]}'
    get, head = rep.get(path), rep.call('HEAD', path)
    assert (head.status_code, head.content) == (200, b'')
    for name in ('Content-Length', 'Content-Type', 'ETag'):
        assert head.headers[name] == get.headers[name]
    assert int(get.headers['Content-Length']) == len(get.content)
    missing = rep.call('HEAD', f'/v1/{PLURAL[entity]}/{UNKNOWN}')
    assert (missing.status_code, missing.content) == (404, b'')


@pytest.mark.parametrize('entity', ENTITIES)
def test_minimal_answers(entity, rep, manager, parents):
    minimal = {'Prefer': 'return=minimal'}
    path, (change, _) = f'/v1/{PLURAL[entity]}', CHANGE[entity]
    answer = rep.post(path, json=fill(LEAST[entity], parents), headers=minimal)
    assert (answer.status_code, answer.content, answer.headers['Preference-Applied']) == (201, b'', 'return=minimal')
    assert answer.headers['ETag'] == '"1"'
    record = answer.headers['Location']
    answer = rep.patch(record, json=change, headers=minimal)
    assert (answer.status_code, answer.content, answer.headers['Preference-Applied']) == (204, b'', 'return=minimal')
    assert answer.headers['ETag'] == '"2"'
    answer = rep.patch(record, json={}, headers={'Prefer': 'return="representation", foo'})
    assert answer.status_code == 200 and answer.json()['version'] == 2
    answer = manager.delete(record, headers=minimal)
    assert (answer.status_code, answer.content) == (204, b'')


@pytest.mark.parametrize('entity', ENTITIES)
def test_delete(entity, rep, manager, parents, rows):
    made = rep.make(PLURAL[entity], **fill(LEAST[entity], parents))
    path = f'/v1/{PLURAL[entity]}/{made["id"]}'
    problem(manager.delete(path, headers={'If-Match': '"9"'}), 412, 'stale')
    answer = manager.delete(path, headers={'If-Match': '"1"'})
    assert (answer.status_code, answer.content) == (204, b'')
    problem(rep.get(path), 404, 'not_found')
    problem(rep.patch(path, json={}), 404, 'not_found')
    problem(manager.delete(path), 404, 'not_found')
    listed = rep.get(f'/v1/{PLURAL[entity]}', params={'limit': 200}).json()['items']
    assert made['id'] not in [r['id'] for r in listed]
    left = rows(f'select deleted_at is not null as gone from sluice.{entity} where id = %s', made['id'])
    assert [r['gone'] for r in left] == [True]
    seen = rows('select action from sluice.audit where record_id = %s order by seq', made['id'])
    assert [r['action'] for r in seen] == ['create', 'delete']


@pytest.mark.parametrize('entity', ENTITIES)
def test_chosen_fields(entity, rep, parents):
    made = rep.make(PLURAL[entity], **fill(FULL[entity], parents))
    answer = rep.get(f'/v1/{PLURAL[entity]}/{made["id"]}', params={'fields': 'version, id'})
    assert answer.json() == {'id': made['id'], 'version': 1}
    nested = next((k for k in ('estimated_value', 'amount') if k in made), 'id')
    answer = rep.get(f'/v1/{PLURAL[entity]}/{made["id"]}', params={'fields': nested})
    assert answer.json() == {nested: made[nested]}


@pytest.mark.parametrize('entity', ENTITIES)
def test_dry_writes_change_nothing(entity, rep, manager, parents, rows):
    dry, path = {'Prefer': 'tx=rollback'}, f'/v1/{PLURAL[entity]}'
    made, (change, _) = rep.make(PLURAL[entity], **fill(LEAST[entity], parents)), CHANGE[entity]
    before = everything(rows)
    answer = rep.post(path, json=fill(FULL[entity], parents), headers=dry)
    assert (answer.status_code, answer.headers['Preference-Applied']) == (201, 'tx=rollback')
    assert answer.json()['version'] == 1
    problem(rep.get(answer.headers['Location']), 404, 'not_found')
    answer = rep.patch(f'{path}/{made["id"]}', json=change, headers=dry)
    assert (answer.status_code, answer.json()['version'], answer.headers['ETag']) == (200, 2, '"2"')
    answer = manager.delete(f'{path}/{made["id"]}', headers=dry)
    assert (answer.status_code, answer.headers['Preference-Applied']) == (204, 'tx=rollback')
    assert rep.read(PLURAL[entity], made['id']) == made
    assert everything(rows) == before


@pytest.mark.parametrize('entity', ENTITIES)
def test_a_post_with_a_key_happens_once(entity, rep, rep2, parents, rows):
    path, key = f'/v1/{PLURAL[entity]}', {'Idempotency-Key': str(uuid.uuid4())}
    body = fill(FULL[entity], parents)
    count = f'select count(*) as n from sluice.{entity}'
    first = rep.post(path, json=body, headers=key)
    n = rows(count)[0]['n']
    for _ in range(2):
        again = rep.post(path, json=body, headers=key)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers['Idempotent-Replayed'] == 'true' and 'Idempotent-Replayed' not in first.headers
        assert (again.headers['Location'], again.headers['ETag']) == (first.headers['Location'], '"1"')
    assert rows(count)[0]['n'] == n
    other = rep2.post(path, json=body, headers=key)  # keys belong to their callers
    assert other.status_code == 201 and other.json()['id'] != first.json()['id']


def test_a_refused_post_leaves_its_key_free(rep, number):
    key = {'Idempotency-Key': str(uuid.uuid4())}
    rep.make('leads', last_name='Taken', external_id=f'free-{number}')
    problem(rep.post('/v1/leads', json={'last_name': 'X', 'external_id': f'free-{number}'}, headers=key), 409, 'conflict')
    answer = rep.post('/v1/leads', json={'last_name': 'X', 'external_id': f'free-{number}b'}, headers=key)
    assert answer.status_code == 201 and 'Idempotent-Replayed' not in answer.headers


def test_an_external_id_is_free_again_after_deletion(rep, manager, number):
    first = rep.make('leads', last_name='First', external_id=f'again-{number}')
    assert manager.delete(f'/v1/leads/{first["id"]}').status_code == 204
    assert rep.make('leads', last_name='Second', external_id=f'again-{number}')['id'] != first['id']
    rep.make('accounts', name='Other kind', external_id=f'again-{number}')


def test_an_opportunity_takes_its_source_from_the_account(rep):
    account = rep.make('accounts', name='Sourced', source='fair', campaign='spring')
    deal = rep.make('opportunities', name='Deal', account_id=account['id'])
    assert (deal['source'], deal['campaign']) == ('fair', 'spring')
    own = rep.make('opportunities', name='Deal', account_id=account['id'], source='phone')
    assert own['source'] == 'phone'


def test_a_done_task_says_when(rep):
    task = rep.make('tasks', subject='Do')
    done = rep.patch(f'/v1/tasks/{task["id"]}', json={'status': 'done'}).json()
    assert done['status'] == 'done' and moment(done['done_at']) == moment(done['updated_at'])
    kept = rep.patch(f'/v1/tasks/{task["id"]}', json={'subject': 'Did'}).json()
    assert kept['done_at'] == done['done_at']
    assert rep.patch(f'/v1/tasks/{task["id"]}', json={'status': 'open'}).json()['done_at'] is None


def test_money_keeps_what_was_written(rep):
    for sent, got in (('1234.50', '1234.50'), ('0', '0'), (7, '7'), ('99999999999999.9999',) * 2,
                      ('1234567.8900', '1234567.8900')):
        lead = rep.make('leads', last_name='Money', estimated_value={'amount': sent, 'currency': 'PLN'})
        assert lead['estimated_value'] == {'amount': got, 'currency': 'PLN'}
    lead = rep.patch(f'/v1/leads/{lead["id"]}', json={'estimated_value': None}).json()
    assert lead['estimated_value'] is None


def test_a_request_id_of_the_client_is_kept(rep):
    mine = str(uuid.uuid4())
    lead = rep.post('/v1/leads', json={'last_name': 'Traced'}, headers={'Request-Id': mine})
    assert lead.headers['Request-Id'] == mine
    assert rep.history('leads', lead.json()['id'])[0]['request_id'] == mine
    answer = rep.get(f'/v1/leads/{UNKNOWN}', headers={'Request-Id': mine})
    assert (answer.json()['request_id'], answer.json()['instance']) == (mine, f'urn:uuid:{mine}')
    trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    assert rep.get('/v1/me', headers={'traceparent': trace}).headers['traceparent'] == trace


def test_an_account_with_opportunities_stays(admin, number):
    account = admin.make('accounts', name=f'Kept {number}')
    deal = admin.make('opportunities', name='Open', account_id=account['id'])
    answer = admin.delete(f'/v1/accounts/{account["id"]}')
    assert (answer.status_code, answer.json()['code']) == (409, 'in_use')
    assert admin.read('accounts', account['id'])['version'] == account['version']
    assert admin.delete(f'/v1/opportunities/{deal["id"]}').status_code == 204
    assert admin.delete(f'/v1/accounts/{account["id"]}').status_code == 204
