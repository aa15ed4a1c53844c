"""What a form can be told: names of its own, whose pages, how often, consent, traps, redirects, confirmation, duplicates."""
import json
import re
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest

from daemon import Client
from helpers import everything, fault, problem, taken, together

FIELDS = ['first_name', 'last_name', 'email', 'phone', 'company', 'budget_confirmed', 'external_id', 'tax_id']


@pytest.fixture
def make(admin, number):
    """Makes forms of the test's own."""
    made = []

    def make(**more):
        made.append(admin.make('intake-forms', **{
            'form': f'forms_{number}_{len(made)}', 'name': f'Form {number}', 'source': 'fair', 'campaign': 'spring',
            'fields': FIELDS, 'required': ['email'], **more}))
        return made[-1]
    return make


@pytest.fixture
def mail(number):
    return f'form{number}-{uuid.uuid4().hex[:8]}@sluice.test'


def send(client, form, **more):
    return client.post(f'/v1/intake/{form["form"]}', params={'key': form['key']}, **more)


def submission(admin, answer):
    return admin.read('intake-submissions', answer.json()['submission_id'])


def only_submission(admin, form):
    items = admin.get('/v1/intake-submissions', params={'form': form['form']}).json()['items']
    assert len(items) == 1, items
    return items[0]


def multipart(parts, boundary='XyZ'):
    body = b''.join(b'--' + boundary.encode() + b'\r\n' + head.encode() + b'\r\n\r\n' + value + b'\r\n'
                    for head, value in parts)
    return {'data': body + b'--' + boundary.encode() + b'--\r\n',
            'headers': {'Content-Type': f'multipart/form-data; boundary={boundary}'}}


def part(name, value, more=''):
    return f'Content-Disposition: form-data; name="{name}"{more}', value.encode() if isinstance(value, str) else value


# encodings and names

def test_a_page_has_names_of_its_own(admin, anonymous, mkt, make, mail):
    form = make(mapping={'vorname': 'first_name', 'E-Mail': 'email'})
    answer = send(anonymous, form, data={'vorname': 'Jürgen', 'E-Mail': mail, 'last_name': 'Groß', 'nachname': 'X'})
    assert answer.status_code == 201, answer.text
    lead = mkt.read('leads', answer.json()['id'])
    assert (lead['first_name'], lead['last_name'], lead['email'], lead['extra']) == ('Jürgen', 'Groß', mail, {'nachname': 'X'})
    refused = problem(send(anonymous, form, data={'E-Mail': 'nonsense'}), 422, 'validation_failed')
    assert [(e['pointer'], e['code']) for e in refused['errors']] == [('/E-Mail', 'format')]
    refused = problem(send(anonymous, form, json={'vorname': 'Y'}), 422, 'validation_failed')
    assert [(e['pointer'], e['code']) for e in refused['errors']] == [('/E-Mail', 'required')]


def test_a_mapping_leads_to_fields_of_the_form(admin, make, number):
    fault(admin.post('/v1/intake-forms', json={
        'form': f'wrong_{number}', 'name': 'W', 'source': 'x', 'fields': ['email'], 'mapping': {'a': 'last_name'}}),
        422, 'validation_failed', '/mapping', 'invalid')
    form = make(mapping={'a': 'email', 'b': 'company'})
    patched = admin.patch(f'/v1/intake-forms/{form["id"]}', json={'mapping': {'a': None, 'c': 'phone'}})
    assert patched.json()['mapping'] == {'b': 'company', 'c': 'phone'}
    fault(admin.patch(f'/v1/intake-forms/{form["id"]}', json={'mapping': {'c': 'source'}}),
          422, 'validation_failed', '/mapping', 'invalid')


def test_multipart(anonymous, admin, mkt, make, mail):
    form = make()
    answer = send(anonymous, form, **multipart([
        part('email', mail), part('first_name', 'Łucja', '; charset=x'), part('company', 'A\r\n--XyBB'),
        part('budget_confirmed', 'true'), part('utm_source', 'mp'), ('Content-Disposition: form-data; name=phone', b''),
        part('cv', '', '; filename=""\r\nContent-Type: application/octet-stream')]))
    assert answer.status_code == 201, answer.text
    lead = mkt.read('leads', answer.json()['id'])
    assert (lead['first_name'], lead['email'], lead['company'], lead['budget_confirmed'], lead['utm'], lead['phone']) == (
        'Łucja', mail, 'A\r\n--XyBB', True, {'source': 'mp'}, None)
    assert submission(admin, answer)['content_type'] == 'multipart/form-data'


@pytest.mark.parametrize('name, body, words', [
    ('a file', multipart([part('email', 'a@b.test'), part('cv', 'PDF', '; filename="cv.pdf"')]), '"cv" is a file'),
    ('an empty file with a name', multipart([part('cv', '', '; filename="cv.pdf"')]), '"cv" is a file'),
    ('not UTF-8', multipart([part('company', b'\xff')]), '"company" is not UTF-8'),
    ('a zero byte', multipart([part('company', b'a\0b')]), '"company" is not UTF-8'),
    ('a charset', multipart([('Content-Disposition: form-data; name="x"\r\nContent-Type: text/plain; charset=windows-1250',
                              b'a')]), 'character set'),
    ('base64', multipart([('Content-Disposition: form-data; name="x"\r\nContent-Transfer-Encoding: base64', b'YQ==')]), 'encoded'),
    ('no name', multipart([('Content-Disposition: form-data', b'a')]), 'no name'),
    ('no disposition', multipart([('X-Other: 1', b'a')]), 'no name'),
    ('attachment', multipart([('Content-Disposition: attachment; name="x"', b'a')]), 'Disposition'),
    ('an open quote', multipart([('Content-Disposition: form-data; name="x', b'a')]), 'Disposition'),
    ('cut off', {'data': b'--XyZ\r\nContent-Disposition: form-data; name="x"\r\n\r\nabc',
                 'headers': {'Content-Type': 'multipart/form-data; boundary=XyZ'}}, 'cut off'),
    ('another boundary', {'data': b'--Abc--\r\n', 'headers': {'Content-Type': 'multipart/form-data; boundary=XyZ'}}, 'boundary'),
    ('no boundary', {'data': b'--Abc--\r\n', 'headers': {'Content-Type': 'multipart/form-data'}}, 'boundary'),
    ('too many', multipart([part(f'x{i}', 'a') for i in range(201)]), '200 parts')])
def test_multipart_that_is_refused(anonymous, admin, make, name, body, words):
    answer = send(anonymous, make(), **body)
    assert words in problem(answer, 400, 'malformed_form')['detail']
    kept = submission(admin, answer)
    assert (kept['outcome'], kept['reason'], kept['lead_id'], kept['faults'][0]['code']) == (
        'refused', 'invalid', None, 'malformed_form')


def test_other_character_sets_are_refused(anonymous, admin, make, mail):
    form = make()
    answer = send(anonymous, form, data=f'email={mail}', headers={
        'Content-Type': 'application/x-www-form-urlencoded; charset=windows-1251'})
    problem(answer, 415, 'unsupported_media_type')
    assert submission(admin, answer)['outcome'] == 'refused'
    for charset in ('utf-8', '"UTF-8"'):
        assert send(anonymous, form, data=f'email={mail}', headers={
            'Content-Type': f'application/x-www-form-urlencoded; charset={charset}'}).status_code == 201


def test_too_large_a_body(anonymous, make, rows):
    before = everything(rows)
    problem(send(anonymous, make(), data={'company': 'x' * 300_000}), 413, 'body_too_large')
    assert everything(rows)['intake_submission'] == before['intake_submission']


# whose pages

PREFLIGHT = {'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type'}


def test_exactly_the_origins_of_the_form(new_daemon, contract):
    daemon = new_daemon(cors_origins='https://global.example.com', workers=1)
    client = Client(daemon, contract)
    boss = Client(daemon, contract)
    boss.token = boss.post('/v1/session', json={k: daemon.admin[k] for k in ('email', 'password')}).json()['access_token']
    path = f'/v1/intake/{daemon.intake["form"]}?key={daemon.intake["key"]}'
    form = next(f for f in boss.get('/v1/intake-forms').json()['items'] if f['form'] == daemon.intake['form'])
    assert boss.patch(f'/v1/intake-forms/{form["id"]}', json={
        'origins': ['https://www.example.com', 'http://localhost:3000']}).status_code == 200
    for origin in ('https://www.example.com', 'http://localhost:3000'):
        answer = client.call('OPTIONS', path, headers={**PREFLIGHT, 'Origin': origin})
        assert (answer.status_code, answer.headers['Access-Control-Allow-Origin'], answer.headers['Vary']) == (204, origin, 'Origin')
        assert answer.headers['Access-Control-Allow-Methods'] == 'POST, OPTIONS'
        assert 'content-type' in answer.headers['Access-Control-Allow-Headers'].lower()
        answer = client.post(path, json={'last_name': 'X'}, headers={'Origin': origin})
        assert (answer.status_code, answer.headers['Access-Control-Allow-Origin']) == (201, origin)
        refused = client.post(path, json={'email': 'x'}, headers={'Origin': origin})
        assert (refused.status_code, refused.headers['Access-Control-Allow-Origin']) == (422, origin)
    for origin in ('https://global.example.com', 'https://evil.example', 'https://www.example.com.evil.example',
                   'http://www.example.com', 'null'):
        answer = client.call('OPTIONS', path, headers={**PREFLIGHT, 'Origin': origin})
        assert answer.status_code == 204 and 'Access-Control-Allow-Origin' not in answer.headers, origin
        answer = client.post(path, json={'last_name': 'X'}, headers={'Origin': origin})
        problem(answer, 403, 'origin_refused')
        assert 'Access-Control-Allow-Origin' not in answer.headers, origin
    assert client.post(path, json={'last_name': 'X'}).status_code == 201  # no browser


# how often

def test_a_limit_for_an_address(anonymous, admin, make, rows, mail, frozen):
    form = make(address_rate_limit=3)
    assert [send(anonymous, form, json={'email': mail}).status_code for _ in range(4)] == [201] * 3 + [429]
    before = everything(rows)
    answer = send(anonymous, form, json={'email': mail})
    assert problem(answer, 429, 'rate_limited') and 1 <= int(answer.headers['Retry-After']) <= 60
    assert everything(rows)['intake_submission'] == before['intake_submission']
    assert not rows("select 1 from sluice.intake_rate where subject like '%%127.0.0%%'")


def test_a_limit_for_a_form_over_parallel_senders(daemon, contract, make, rows, mail, frozen):
    form = make(rate_limit=10)
    clients = [Client(daemon, contract) for _ in range(20)]
    answers = together(*[taken(lambda c=c: send(c, form, json={'email': mail})) for c in clients])
    assert sorted(a.status_code for a in answers) == [201] * 10 + [429] * 10
    assert rows('select count(*) as n from sluice.intake_submission where form_id = %s', form['id'])[0]['n'] == 10


# consent, traps, redirects

def test_consent_is_kept_with_the_lead(anonymous, admin, mkt, make, mail):
    form = make(consent_version='2026-10', consent_text='Call me.', consent_required=True)
    refused = problem(send(anonymous, form, data={'email': mail}), 422, 'validation_failed')
    assert [(e['pointer'], e['code']) for e in refused['errors']] == [('/consent', 'required')]
    problem(send(anonymous, form, data={'email': mail, 'consent': 'off'}), 422, 'validation_failed')
    answer = send(anonymous, form, data={'email': mail, 'consent': 'on'})
    assert answer.status_code == 201 and answer.json()['ignored'] == []
    touches = mkt.get(f'/v1/leads/{answer.json()["id"]}/touches').json()['items']
    assert len(touches) == 1
    consent = touches[0]['consent']
    assert (consent['version'], consent['text'], len(consent['address']), '127.0.0.1' in json.dumps(consent)) == (
        '2026-10', 'Call me.', 64, False)
    assert consent['given_at'][:10] == touches[0]['at'][:10]
    assert submission(admin, answer)['consent'] == consent
    fault(admin.patch(f'/v1/intake-forms/{form["id"]}', json={'consent_version': None}),
          422, 'validation_failed', '/consent_version', 'invalid')


def test_what_falls_into_the_trap_is_told_of_success(anonymous, admin, mkt, make, rows, mail):
    form = make(honeypot='website_url')
    good = send(anonymous, form, data={'email': mail, 'website_url': ''})
    before = everything(rows)
    bad = send(anonymous, form, data={'email': 'robot' + mail, 'website_url': 'http://spam.test'})
    assert (bad.status_code, good.status_code) == (201, 201)
    shape = {k: v for k, v in bad.json().items() if k not in ('id', 'submission_id')}
    assert shape == {k: v for k, v in good.json().items() if k not in ('id', 'submission_id')}
    assert re.fullmatch(r'[0-9a-f-]{36}', bad.json()['id']) and sorted(bad.headers) == sorted(good.headers)
    after = everything(rows)
    assert {k: after[k] - before[k] for k in after if after[k] != before[k]} == {'intake_submission': 1}
    kept = submission(admin, bad)
    assert (kept['outcome'], kept['reason'], kept['lead_id']) == ('refused', 'honeypot', None)
    assert mkt.get(f'/v1/leads/{bad.json()["id"]}').status_code == 404


def test_a_plain_form_is_sent_on(anonymous, make, mail, admin):
    form = make(redirect_url='https://www.example.com/thanks', error_url='https://www.example.com/sorry?x=1',
                consent_version='1', consent_required=True)
    answer = send(anonymous, form, data={'email': mail, 'consent': 'on'})
    assert (answer.status_code, answer.headers['Location']) == (303, 'https://www.example.com/thanks')
    answer = send(anonymous, form, data={'email': 'nö'})
    target = urlsplit(answer.headers['Location'])
    assert (answer.status_code, target.path, parse_qs(target.query)) == (
        303, '/sorry', {'x': ['1'], 'error': ['validation_failed'], 'field': ['email', 'consent']})
    answer = send(anonymous, form, json={'email': mail, 'consent': True})
    assert answer.status_code == 201  # a program is told
    admin.patch(f'/v1/intake-forms/{form["id"]}', json={'error_url': None})
    page = send(anonymous, form, data={'email': '<b>', 'consent': '1'})
    assert (page.status_code, page.headers['Content-Type']) == (422, 'text/html; charset=utf-8')
    assert '<code>email</code>' in page.text and '<b>' not in page.text and "default-src 'none'" in page.headers['Content-Security-Policy']


# whom we know

def test_merge_into_the_open_lead(anonymous, admin, mkt, make, mail, rows):
    first = make(source='webinar')
    second = make(source='fair', campaign='autumn', on_duplicate='merge')
    lead_id = send(anonymous, first, json={'email': mail, 'utm_medium': 'cpc'}).json()['id']
    before = mkt.read('leads', lead_id)
    answer = send(anonymous, second, json={'email': mail.upper(), 'phone': '+48 601 000 000', 'utm_medium': 'mail'})
    stranger = send(anonymous, second, json={'email': 'new' + mail})
    for a in (answer, stranger):
        assert (a.status_code, a.json()['id'], a.json()['status'], a.json()['outcome']) == (202, None, None, 'received')
    kept = submission(admin, answer)
    assert (kept['outcome'], kept['lead_id'], kept['others'][0]['id'], kept['others'][0]['rule']) == (
        'merged', lead_id, lead_id, 'email')
    assert submission(admin, stranger)['outcome'] == 'created'
    after = mkt.read('leads', lead_id)
    assert {k: v for k, v in before.items() if k not in ('version', 'updated_at')} == {
        k: v for k, v in after.items() if k not in ('version', 'updated_at')}
    touches = mkt.get(f'/v1/leads/{lead_id}/touches').json()['items']
    assert [(t['source'], t['campaign'], t['utm']) for t in touches] == [
        ('webinar', 'spring', {'medium': 'cpc'}), ('fair', 'autumn', {'medium': 'mail'})]
    seen = mkt.get('/v1/activities', params={'lead': lead_id}).json()['items']
    assert [(a['kind'], a['outcome'], a['subject']) for a in seen] == [('other', 'intake', second['name'])]


def test_a_closed_lead_is_not_joined(anonymous, admin, mkt, make, mail):
    form = make(on_duplicate='merge')
    first = submission(admin, send(anonymous, form, json={'email': mail}))
    mkt.moved('leads', first['lead_id'], 'archived')
    again = submission(admin, send(anonymous, form, json={'email': mail}))
    assert (again['outcome'], again['others'][0]['id']) == ('duplicate_of', first['lead_id'])
    assert again['lead_id'] not in (None, first['lead_id'])


def test_twenty_at_once_are_one_lead_where_they_merge(daemon, contract, admin, make, mail):
    form = make(on_duplicate='merge')
    clients = [Client(daemon, contract) for _ in range(20)]
    answers = together(*[taken(lambda c=c: send(c, form, json={'email': mail})) for c in clients])
    assert {a.status_code for a in answers} == {202}
    kept = [submission(admin, a) for a in answers]
    assert sorted(k['outcome'] for k in kept) == ['created'] + ['merged'] * 19
    assert len({k['lead_id'] for k in kept}) == 1


def test_held_ones_are_released_or_rejected(anonymous, admin, new_user, rep, make, mail, rows):
    form = make(on_duplicate='hold')
    first = submission(admin, send(anonymous, form, json={'email': mail}))
    held = [submission(admin, send(anonymous, form, json={'email': mail, 'last_name': f'N{i}'})) for i in range(3)]
    assert [(h['outcome'], h['reason'], h['lead_id'], h['others'][0]['id']) for h in held] == [
        ('held', 'duplicate', None, first['lead_id'])] * 3
    boss = new_user('manager')
    waiting = boss.get('/v1/intake-submissions', params={'form': form['form'], 'outcome': 'held'}).json()['items']
    assert {w['id'] for w in waiting} == {h['id'] for h in held}
    problem(rep.post(f'/v1/intake-submissions/{held[0]["id"]}/release', json={}), 403, 'forbidden')

    out = boss.post(f'/v1/intake-submissions/{held[0]["id"]}/release', json={'note': 'Another one'})
    assert out.status_code == 200, out.text
    assert (out.json()['outcome'], out.json()['decided_by'], out.json()['note']) == ('duplicate_of', boss.user['id'], 'Another one')
    lead = boss.read('leads', out.json()['lead_id'])
    assert (lead['last_name'], lead['source'], lead['campaign'], lead['status']) == ('N0', 'fair', 'spring', 'open')

    out = boss.post(f'/v1/intake-submissions/{held[1]["id"]}/release', json={'lead_id': first['lead_id']})
    assert (out.json()['outcome'], out.json()['lead_id']) == ('merged', first['lead_id'])
    assert len(boss.get(f'/v1/leads/{first["lead_id"]}/touches').json()['items']) == 2

    out = boss.post(f'/v1/intake-submissions/{held[2]["id"]}/reject', json={'note': 'Advertising'})
    assert (out.json()['outcome'], out.json()['reason'], out.json()['lead_id']) == ('refused', 'rejected', None)
    before = everything(rows)
    for h in held:
        for verb in ('release', 'reject'):
            problem(boss.post(f'/v1/intake-submissions/{h["id"]}/{verb}'), 409, 'conflict')
    for verb in ('release', 'reject'):
        problem(boss.post(f'/v1/intake-submissions/{uuid.uuid4()}/{verb}'), 404, 'not_found')
    assert everything(rows)['lead'] == before['lead']
    entries = rows("select operation from sluice.audit where entity = 'intake_submission' and record_id = any(%s::uuid[]) order by seq",
                   [h['id'] for h in held])
    assert [e['operation'] for e in entries] == ['intake_submission_release'] * 2 + ['intake_submission_reject']


def test_released_twice_at_once_is_one_lead(daemon, contract, anonymous, admin, make, mail):
    form = make(on_duplicate='hold')
    send(anonymous, form, json={'email': mail})
    held = submission(admin, send(anonymous, form, json={'email': mail}))
    answers = together(*[lambda: admin.post(f'/v1/intake-submissions/{held["id"]}/release') for _ in range(2)])
    assert sorted(a.status_code for a in answers) == [200, 409]


# double opt-in

def link(rows, kept):
    """The link that the event for the mailer has."""
    events = rows("select type, payload from sluice.outbox where record_id = %s", kept['id'])
    assert [e['type'] for e in events] == ['intake.confirmation_requested']
    return events[0]['payload']


def test_no_lead_before_its_sender_confirms(anonymous, admin, mkt, make, rows, mail):
    form = make(double_opt_in=True)
    before = everything(rows)
    answer = send(anonymous, form, json={'email': mail, 'last_name': 'Opt'})
    assert (answer.status_code, answer.json()['id'], answer.json()['outcome']) == (202, None, 'received')
    assert everything(rows)['lead'] == before['lead']
    kept = submission(admin, answer)
    assert (kept['outcome'], kept['reason'], kept['confirmed_at']) == ('held', 'confirmation', None)
    payload = link(rows, kept)
    assert (payload['email'], payload['form'], payload['path'][:len(form['form']) + 12]) == (
        mail, form['form'], f'/v1/intake/{form["form"]}/')
    problem(admin.post(f'/v1/intake-submissions/{kept["id"]}/release'), 409, 'conflict')

    page = anonymous.get(payload['path'])  # a scanner follows the link: nothing happens
    assert (page.status_code, '<form method="post">' in page.text) == (200, True)
    assert submission(admin, answer)['outcome'] == 'held'

    done = anonymous.post(payload['path'])
    assert (done.status_code, done.json()['outcome']) == (200, 'confirmed')
    kept = submission(admin, answer)
    assert (kept['outcome'], kept['reason']) == ('created', None) and kept['confirmed_at']
    lead = mkt.read('leads', kept['lead_id'])
    assert (lead['email'], lead['source'], lead['status'], lead['created_by']) == (mail, 'fair', 'open', form['id'])

    before = everything(rows)
    again = anonymous.post(payload['path'])  # replayed
    assert (again.status_code, again.json()['outcome']) == (200, 'confirmed')
    page = anonymous.post(payload['path'], data={'confirm': '1'})
    assert (page.status_code, page.headers['Content-Type']) == (200, 'text/html; charset=utf-8')
    assert everything(rows) == before


def test_confirmed_ten_times_at_once_is_one_lead(daemon, contract, anonymous, admin, make, rows, mail):
    form = make(double_opt_in=True)
    path = link(rows, submission(admin, send(anonymous, form, json={'email': mail})))['path']
    before = everything(rows)
    clients = [Client(daemon, contract) for _ in range(10)]
    assert {a.status_code for a in together(*[lambda c=c: c.post(path) for c in clients])} == {200}
    assert everything(rows)['lead'] == before['lead'] + 1


def test_forged_and_foreign_tokens(anonymous, admin, make, rows, mail):
    form, other = make(double_opt_in=True), make(double_opt_in=True)
    token = link(rows, submission(admin, send(anonymous, form, json={'email': mail})))['token']
    before = everything(rows)
    flipped = token[:-2] + ('A' if token[-2] != 'A' else 'B') + token[-1]
    for bad in (flipped, token[:-4], 'A' * len(token), '', 'x' * 600, token + '='):
        answer = anonymous.post(f'/v1/intake/{form["form"]}/confirm', params={'token': bad})
        problem(answer, 401, 'invalid_token')
    assert anonymous.get(f'/v1/intake/{form["form"]}/confirm', params={'token': flipped}).status_code == 401
    problem(anonymous.post(f'/v1/intake/{other["form"]}/confirm', params={'token': token}), 404, 'not_found')
    assert everything(rows) == before


def test_opt_in_needs_an_address(admin, number):
    fault(admin.post('/v1/intake-forms', json={
        'form': f'opt_{number}', 'name': 'W', 'source': 'x', 'fields': ['email'], 'double_opt_in': True}),
        422, 'validation_failed', '/required', 'invalid')


def test_fifty_retries_at_once(daemon, contract, admin, make, mail, rows):
    """Scenario 15, with a form that merges: one submission, one lead, one answer."""
    form, key = make(on_duplicate='merge'), {'Idempotency-Key': str(uuid.uuid4())}
    clients = [Client(daemon, contract) for _ in range(50)]
    answers = together(*[taken(lambda c=c: send(c, form, json={'email': mail}, headers=key)) for c in clients])
    assert {(a.status_code, a.content) for a in answers} == {(202, answers[0].content)}
    assert only_submission(admin, form)['outcome'] == 'created'
    assert rows('select count(*) as n from sluice.lead where email = %s', mail)[0]['n'] == 1
