"""What an attacker or bad luck would try: scopes, races over an Idempotency-Key, smuggled requests."""
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlparse

import pytest

CALL_BACK = {'fields': {'call_back_at': '2030-01-01T00:00:00Z'}}


@pytest.fixture(scope='module')
def own(rows, new_user):
    """A role whose holders see and change only what they own."""
    rows("""insert into sluice.role (key, label, position) values ('own_only', '{"en": "Own"}', 99)
            on conflict do nothing""")
    rows("""insert into sluice.role_permission (role, permission, scope)
            select 'own_only', key, 'own' from sluice.permission where key not like 'admin.%%'
            on conflict do nothing""")
    return new_user('own_only')


def mine(client):
    return {'owner_id': client.user['id']}


def test_own_scope_ends_at_ones_own(own, rep, number):
    theirs = rep.make('leads', last_name=f'Hidden {number}')
    path = f"/v1/leads/{theirs['id']}"
    for tail in ('', '/history', '/timeline', '/transitions', '/conversion'):
        assert own.get(path + tail).status_code == 404, tail
    assert own.patch(path, json={'first_name': 'x'}).status_code == 404
    assert own.delete(path).status_code == 404
    assert own.move('leads', theirs['id'], 'call_back', **CALL_BACK).status_code == 404
    assert own.post(path + '/conversion', json={}).status_code == 404
    found = own.get('/v1/leads', params={'q': f'Hidden {number}', 'count': 'exact'}).json()
    assert (found['items'], found['count']) == ([], 0)


def test_a_story_leaves_out_what_its_reader_may_not_see(own, rep, number):
    account = rep.make('accounts', name=f'Shared {number}', **mine(own))
    deal = rep.make('opportunities', name=f'Secret deal {number}', account_id=account['id'])
    rep.make('contacts', last_name=f'Secret person {number}', account_id=account['id'])
    rep.make('activities', kind='note', subject=f'Secret note {number}', account_id=account['id'])
    rep.make('tasks', subject=f'Secret task {number}', account_id=account['id'])
    own.make('activities', kind='note', subject=f'Open note {number}', account_id=account['id'])
    story = own.get(f"/v1/accounts/{account['id']}/timeline").text
    assert f'Open note {number}' in story
    assert 'Secret' not in story and deal['id'] not in story
    whole = rep.get(f"/v1/accounts/{account['id']}/timeline").text
    assert 'Secret note' in whole and 'Secret task' in whole and deal['id'] in whole


def test_an_include_leaves_out_what_its_reader_may_not_see(own, rep, number):
    account = rep.make('accounts', name=f'Secret account {number}')
    person = rep.make('contacts', last_name=f'Secret person {number}', account_id=account['id'])
    deal = rep.make('opportunities', name=f'Deal {number}', account_id=account['id'], contact_id=person['id'], **mine(own))
    query = {'include': 'account,contact', 'q': f'Deal {number}'}
    listed = own.get('/v1/opportunities', params=query)
    assert [item['id'] for item in listed.json()['items']] == [deal['id']]
    assert 'Secret' not in listed.text
    assert 'Secret account' in rep.get('/v1/opportunities', params=query).text


def test_handing_a_record_over_is_no_404(own, rep, rows):
    lead = own.make('leads', last_name='Given away', **mine(own))
    answer = own.patch(f"/v1/leads/{lead['id']}", json=mine(rep))
    assert (answer.status_code, answer.text) == (204, '')
    assert rep.read('leads', lead['id'])['owner_id'] == rep.user['id']
    moved = own.make('leads', last_name='Moved away', **mine(own))
    answer = own.move('leads', moved['id'], 'call_back', fields={**CALL_BACK['fields'], **mine(rep)})
    assert answer.status_code in (204, 422), answer.text
    answer = own.post('/v1/leads', json={'last_name': 'For another', **mine(rep)})
    assert (answer.status_code, answer.text) == (201, '')
    made = answer.headers['Location'].rsplit('/', 1)[1]
    assert rep.read('leads', made)['last_name'] == 'For another'


def test_whoever_is_in_thousands_of_teams_may_still_work(new_user, rep, rows):
    client = new_user('sales')
    rows("""with made as (insert into sluice.team (id, name)
                          select gen_random_uuid(), 'many ' || gen_random_uuid() from generate_series(1, 3000) returning id)
            insert into sluice.team_member (team_id, user_id) select id, %s from made""", client.user['id'])
    lead = rep.make('leads', last_name='Nowak')
    assert client.get(f"/v1/leads/{lead['id']}/transitions").status_code == 200
    rows('delete from sluice.team_member where user_id = %s', client.user['id'])  # the API takes fifty


def test_a_transition_that_lost_the_race_keeps_no_claim_on_its_key(rep, rows, number):
    """Whatever order they come in, a key that is claimed has its answer."""
    leads = [rep.make('leads', last_name=f'Race {n}')['id'] for n in range(5)]
    attempts = [(lead, name, f'{number}-{lead}-{name}') for lead in leads
                for name in ('archived', 'call_back', 'archived2')]

    def move(attempt):
        lead, name, key = attempt
        body = CALL_BACK if name == 'call_back' else {}
        return rep.move('leads', lead, name.rstrip('2'), headers={'Idempotency-Key': key}, **body).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(move, attempts))
    assert set(statuses) <= {200, 409}
    again = [move(attempt) for attempt in attempts]
    assert [a for a, s in zip(again, statuses) if s == 200] == [200] * statuses.count(200)
    claimed = rows('select status from sluice.idempotency where key like %s', f'{number}-%')
    assert [row['status'] for row in claimed] == [200] * statuses.count(200)


def test_a_call_that_is_still_to_come_is_no_evidence(rep):
    lead = rep.make('leads', last_name='Nowak')
    rep.make('activities', kind='call', subject='One for ever', occurred_at='2999-01-01T00:00:00Z', lead_id=lead['id'])
    answer = rep.move('leads', lead['id'], 'contacted')
    assert answer.status_code == 422, answer.text
    answer = rep.move('leads', lead['id'], 'contacted', activities=[
        {'kind': 'call', 'subject': 'Ahead', 'occurred_at': '2999-01-01T00:00:00Z'}])
    assert [f['pointer'] for f in answer.json()['failures']] == ['/activities/0/occurred_at']
    assert rep.move('leads', lead['id'], 'contacted', activities=[{'kind': 'call', 'subject': 'Now'}]).status_code == 200


def test_no_number_of_a_form_stands_in_a_leads_way(daemon, anonymous, mkt):
    path = f"/v1/intake/{daemon.intake['form']}?key={daemon.intake['key']}"
    body = '{"last_name": "Nowak", "budget": {"deep": [1e300, -1e300, 9007199254740993, 1.5e-300]}}'
    lead = anonymous.post(path, data=body, headers={'Content-Type': 'application/json'}).json()['id']
    assert mkt.read('leads', lead)['extra']['budget']['deep'][2] == 9007199254740993
    assert mkt.get(f'/v1/leads/{lead}/transitions').status_code == 200
    assert mkt.get(f'/v1/leads/{lead}/conversion').status_code == 200
    assert mkt.move('leads', lead, 'contacted', activities=[{'kind': 'call', 'subject': 'x'}]).status_code == 200


SMUGGLERS = [
    ('Content-Length: 2\r\nContent-Length: 400', '{}'), ('Content-Length : 2', '{}'), ('Content-Length: 2, 2', '{}'),
    ('Content-Length: +2', '{}'), ('Content-Length: 0x2', '{}'), ('Content-Length: -1', '{}'),
    ('Content-Length: 18446744073709551618', '{}'), ('Content-Length: 2\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
    ('Transfer-Encoding: xchunked', '0\r\n\r\n'), ('Transfer-Encoding: chunked, identity', '0\r\n\r\n'),
    ('Transfer-Encoding: \x0bchunked', '0\r\n\r\n'), ('Transfer-Encoding:\r\n chunked', '0\r\n\r\n'),
    ('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), ('\0X: y\r\nContent-Length: 2', '{}'),
    ('X: y\nContent-Length: 2', '{}'), ('X: y\rContent-Length: 2', '{}'), ('Host: y\r\nContent-Length: 2', '{}'),
    ('Transfer-Encoding: chunked', '0x2\r\n{}\r\n0\r\n\r\n'), ('Transfer-Encoding: chunked', '2\n{}\n0\n\n'),
    ('Transfer-Encoding: chunked', '10000000000000002\r\n{}\r\n0\r\n\r\n'),
    ('Transfer-Encoding: chunked', '2\r\n{}0\r\n\r\n'), ('Transfer-Encoding: chunked', '-2\r\n{}\r\n0\r\n\r\n'),
    ('Expect: surprise\r\nContent-Length: 2', '{}'), ('Content-Encoding: gzip\r\nContent-Length: 2', '{}'),
]


@pytest.mark.parametrize('headers,body', SMUGGLERS)
def test_nothing_is_smuggled_behind_a_doubtful_message(daemon, rep, rows, number, headers, body):
    url = urlparse(daemon.url)
    mark = f'Smuggled {number}'
    lead = json.dumps({'last_name': mark})
    head = f'POST /v1/leads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {rep.token}\r\nContent-Type: application/json\r\n'
    text = f'{head}{headers}\r\n\r\n{body}{head}Content-Length: {len(lead)}\r\n\r\n{lead}'
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(text.encode('latin-1'))
        answer = b''
        while data := connection.recv(65536):
            answer += data
    assert answer.count(b'HTTP/1.1 ') == 1 and answer[9:10] == b'4', answer
    assert rows('select count(*) as n from sluice.lead where last_name = %s', mark)[0]['n'] == 0
