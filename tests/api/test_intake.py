"""Intake: forms and JSON, what is stamped and what is kept, replays, held submissions, browsers."""
import uuid

import pytest

from daemon import Client
from helpers import CALL, everything, post_form, problem, together


@pytest.fixture
def form(admin, number):
    """A form of the test's own."""
    return admin.make('intake-forms', form=f'intake_{number}', name=f'Form {number}', source='fair', campaign='spring',
                      fields=['first_name', 'last_name', 'email', 'budget_confirmed', 'estimated_value', 'external_id'],
                      required=['email'])


def send(client, form, **more):
    return client.post(f'/v1/intake/{form["form"]}', params={'key': form['key']}, **more)


def submission(admin, answer):
    return admin.read('intake-submissions', answer.json()['submission_id'])


MAIL = {'email': 'anna@sluice.test'}


def test_json_and_form_make_the_same_lead(admin, anonymous, mkt, form):
    sent = {'first_name': 'Ąnna', 'last_name': 'O\'Neil & "Co"', 'email': 'anna@sluice.test', 'budget_confirmed': 'true',
            'utm_source': 'news', 'utm_campaign': 'a b+c', 'favourite': 'grün'}
    leads = []
    for more, outcome in (({'json': {**sent, 'budget_confirmed': True}}, 'created'), ({'data': sent}, 'duplicate_of')):
        sent['email'] = f'{form["form"]}@sluice.test'
        if 'json' in more:
            more['json']['email'] = sent['email']
        answer = send(anonymous, form, **more)
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert (body['outcome'], body['status'], body['source'], body['campaign'], body['ignored']) == (
            'created', 'open', 'fair', 'spring', ['favourite'])
        leads.append(mkt.read('leads', body['id']))
        kept = submission(admin, answer)
        assert (kept['lead_id'], kept['outcome'], kept['extra'], kept['faults']) == (
            body['id'], outcome, {'favourite': 'grün'}, None)
    for lead in leads:
        assert (lead['first_name'], lead['last_name'], lead['email'], lead['budget_confirmed']) == (
            'Ąnna', 'O\'Neil & "Co"', sent['email'], True)
        assert (lead['utm'], lead['extra']) == ({'source': 'news', 'campaign': 'a b+c'}, {'favourite': 'grün'})
        assert (lead['created_by'], lead['owner_id']) == (form['id'], None)


def test_source_and_campaign_are_the_forms(anonymous, mkt, form):
    """Scenario 14."""
    body = send(anonymous, form, json={**MAIL, 'source': 'stolen', 'campaign': 'mine', 'status': 'qualified',
                                       'owner_id': str(uuid.uuid4()), 'id': str(uuid.uuid4())}).json()
    assert sorted(body['ignored']) == ['campaign', 'id', 'owner_id', 'source', 'status']
    lead = mkt.read('leads', body['id'])
    assert (lead['source'], lead['campaign'], lead['status'], lead['owner_id']) == ('fair', 'spring', 'open', None)
    assert lead['extra']['source'] == 'stolen'


def test_a_key_of_a_form_opens_nothing_else(daemon, contract, form, rep):
    lead = rep.make('leads', last_name='Secret')
    thief = Client(daemon, contract, form['key'])
    for path in ('/v1/leads', f'/v1/leads/{lead["id"]}', '/v1/intake-submissions', '/v1/me'):
        problem(thief.get(path), 401, 'invalid_token')
        problem(thief.get(path, params={'key': form['key']}), 401, 'invalid_token')
    assert problem(thief.get(f'/v1/intake/{form["form"]}'), 405, 'method_not_allowed')


def test_the_first_touch_is_kept_beside(anonymous, rows, form):
    answer = send(anonymous, form, json={**MAIL, 'utm_medium': 'cpc'}, headers={'Referer': 'https://www.example.com/fair'})
    touch = rows('select source, campaign, utm, referer, submission_id::text from sluice.lead_touch where lead_id = %s',
                 answer.json()['id'])
    assert [dict(t) for t in touch] == [{
        'source': 'fair', 'campaign': 'spring', 'utm': {'medium': 'cpc'}, 'referer': 'https://www.example.com/fair',
        'submission_id': answer.json()['submission_id']}]


@pytest.mark.parametrize('name, send_with, status, code, pointers', [
    ('no JSON', {'data': '{"email": ', 'headers': {'Content-Type': 'application/json'}}, 400, 'malformed_json', None),
    ('not UTF-8', {'data': b'email=\xff%00', 'headers': {'Content-Type': 'application/x-www-form-urlencoded'}}, 400,
     'malformed_form', None),
    ('wrong values', {'json': {'email': 'anna', 'last_name': 7}}, 422, 'validation_failed', ['/email', '/last_name']),
    ('nothing required', {'data': {'last_name': 'X'}}, 422, 'validation_failed', ['/email']),
    ('a list', {'json': ['x']}, 422, 'validation_failed', [''])])
def test_what_is_refused_is_stored_all_the_same(admin, anonymous, rows, form, name, send_with, status, code, pointers):
    before = everything(rows)
    answer = send(anonymous, form, **send_with)
    body = problem(answer, status, code)
    assert body['outcome'] == 'refused'
    kept = submission(admin, answer)
    assert (kept['outcome'], kept['lead_id']) == ('refused', None)
    assert sorted(f.get('pointer', '') for f in kept['faults']) == (pointers or [''])
    if pointers:
        assert sorted(f['pointer'] for f in body['errors']) == pointers
    else:
        assert kept['faults'][0]['code'] == code
    raw = answer.request.body
    text = raw if isinstance(raw, str) else raw.decode('utf-8', 'replace')
    assert kept['raw'] == (text if '\ufffd' not in text else 'email=%FF%2500')
    after = everything(rows)
    assert {k for k in after if after[k] != before[k]} == {'intake_submission'}


def test_a_value_that_only_the_database_refuses_is_held(admin, anonymous, rep, form, number):
    rep.make('leads', last_name='First', external_id=f'held-{number}')
    answer = send(anonymous, form, json={**MAIL, 'external_id': f'held-{number}'})
    assert answer.status_code == 202
    body = answer.json()
    assert (body['outcome'], body['id'], body['status']) == ('held', None, None)
    kept = submission(admin, answer)
    assert (kept['outcome'], kept['lead_id']) == ('held', None) and kept['faults'][0]['code'] == '23505'


def test_empty_fields_are_absent(anonymous, mkt, form):
    lead = mkt.read('leads', send(anonymous, form, data={**MAIL, 'first_name': '', 'budget_confirmed': ''}).json()['id'])
    assert (lead['first_name'], lead['budget_confirmed']) == (None, None)


def test_money_comes_in_json(anonymous, mkt, form):
    body = send(anonymous, form, json={**MAIL, 'estimated_value': {'amount': '12.50', 'currency': 'EUR'}}).json()
    assert mkt.read('leads', body['id'])['estimated_value'] == {'amount': '12.50', 'currency': 'EUR'}


def test_replays(anonymous, rows, form):
    """Scenario 15: one after another."""
    key = {'Idempotency-Key': str(uuid.uuid4())}
    first = send(anonymous, form, json=MAIL, headers=key)
    before = everything(rows)
    for _ in range(2):
        again = send(anonymous, form, json=MAIL, headers=key)
        assert (again.status_code, again.content, again.headers['Idempotent-Replayed']) == (201, first.content, 'true')
    assert everything(rows) == before
    other = send(anonymous, form, json={'email': 'other@sluice.test'}, headers=key)
    problem(other, 422, 'idempotency_mismatch')
    assert everything(rows) == before


def test_ten_at_once_make_one_lead(daemon, contract, rows, form):
    """Scenario 15: in parallel, each on a connection of its own."""
    for _ in range(3):
        key, before = {'Idempotency-Key': str(uuid.uuid4())}, everything(rows)
        clients = [Client(daemon, contract) for _ in range(10)]
        answers = together(*[lambda c=c: send(c, form, json=MAIL, headers=key) for c in clients])
        assert {a.status_code for a in answers} == {201}, [a.text for a in answers]
        assert len({a.content for a in answers}) == 1
        assert sum('Idempotent-Replayed' not in a.headers for a in answers) == 1
        after = everything(rows)
        assert (after['lead'], after['intake_submission']) == (before['lead'] + 1, before['intake_submission'] + 1)


def test_keys_of_two_forms_do_not_meet(anonymous, admin, form, number):
    other = admin.make('intake-forms', form=f'second_{number}', name='Second', source='x', fields=['email'])
    key = {'Idempotency-Key': str(uuid.uuid4())}
    first, second = (send(anonymous, f, json=MAIL, headers=key) for f in (form, other))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()['id'] != second.json()['id']


def test_a_replay_needs_the_key_of_the_form(anonymous, form):
    """An answer is given again only to whoever may ask."""
    key = {'Idempotency-Key': str(uuid.uuid4())}
    assert send(anonymous, form, json=MAIL, headers=key).status_code == 201
    answer = anonymous.post(f'/v1/intake/{form["form"]}', params={'key': 'ik_wrong'}, json=MAIL, headers=key)
    problem(answer, 401, 'invalid_token')


def test_a_refused_submission_leaves_the_key_free(anonymous, form):
    key = {'Idempotency-Key': str(uuid.uuid4())}
    problem(send(anonymous, form, json={'email': 'x'}, headers=key), 422, 'validation_failed')
    answer = send(anonymous, form, json=MAIL, headers=key)
    assert answer.status_code == 201 and 'Idempotent-Replayed' not in answer.headers


def test_a_dry_run_of_intake(anonymous, rows, form):
    before = everything(rows)
    answer = send(anonymous, form, json=MAIL, headers={'Prefer': 'tx=rollback'})
    assert (answer.status_code, answer.json()['outcome'], answer.headers['Preference-Applied']) == (
        201, 'created', 'tx=rollback')
    answer = send(anonymous, form, json={'email': 'x'}, headers={'Prefer': 'tx=rollback'})
    problem(answer, 422, 'validation_failed')
    assert everything(rows) == before


def test_the_history_names_the_form(anonymous, mkt, daemon):
    lead_id = post_form(anonymous, daemon, last_name='History').json()['id']
    entry = mkt.history('leads', lead_id)[-1]
    assert (entry['action'], entry['actor']['kind'], entry['actor']['name'], entry['operation']) == (
        'create', 'intake', 'Web form', 'intake_submit')
    assert mkt.moved('leads', lead_id, 'contacted', activities=[CALL])['status'] == 'contacted'


def test_browsers_may_post_from_the_origins_that_are_set(new_daemon, contract):
    daemon = new_daemon(cors_origins='https://www.example.com,https://shop.example.com', workers=1)
    client = Client(daemon, contract)
    path = f'/v1/intake/{daemon.intake["form"]}?key={daemon.intake["key"]}'
    asked = {'Origin': 'https://shop.example.com', 'Access-Control-Request-Method': 'POST',
             'Access-Control-Request-Headers': 'content-type'}
    answer = client.call('OPTIONS', path, headers=asked)
    assert answer.status_code == 204
    assert answer.headers['Access-Control-Allow-Origin'] == 'https://shop.example.com'
    assert 'POST' in answer.headers['Access-Control-Allow-Methods']
    assert 'content-type' in answer.headers['Access-Control-Allow-Headers'].lower()
    assert answer.headers['Vary'] == 'Origin' and int(answer.headers['Access-Control-Max-Age']) > 0
    answer = client.post(path, json={'last_name': 'X'}, headers={'Origin': 'https://shop.example.com'})
    assert answer.headers['Access-Control-Allow-Origin'] == 'https://shop.example.com'
    assert 'ETag' in answer.headers['Access-Control-Expose-Headers']
    for origin in ('https://evil.example', 'https://shop.example.com.evil.example', 'null'):
        for answer in (client.call('OPTIONS', path, headers={**asked, 'Origin': origin}),
                       client.post(path, json={'last_name': 'X'}, headers={'Origin': origin})):
            assert 'Access-Control-Allow-Origin' not in answer.headers


def test_without_origins_no_browser_may(anonymous, daemon):
    answer = anonymous.call('OPTIONS', f'/v1/intake/{daemon.intake["form"]}', headers={
        'Origin': 'https://www.example.com', 'Access-Control-Request-Method': 'POST'})
    assert (answer.status_code, answer.headers['Allow']) == (204, 'POST, OPTIONS')
    assert 'Access-Control-Allow-Origin' not in answer.headers
