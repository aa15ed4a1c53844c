"""What leads do without us: mails opened and pages looked at, once each, for guards and the timeline."""
import uuid

import pytest

from daemon import Client
from helpers import blueprint, everything, failures, problem, together

GIF = b'GIF89a'


@pytest.fixture
def lead(rep):
    return rep.make('leads', last_name='Event', email=f'event-{uuid.uuid4().hex[:8]}@sluice.test')


def seen(client, lead):
    items = client.get('/v1/activities', params={'lead': lead['id']}).json()['items']
    return sorted(((a['kind'], a['outcome'], a['subject'], a['body']) for a in items), key=str)


def pixel(client, lead, **body):
    answer = client.post(f'/v1/leads/{lead["id"]}/pixel', json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_mail_is_opened_once(rep, anonymous, lead, rows):
    made = pixel(rep, lead, label='Autumn offer')
    assert seen(rep, lead) == []
    for _ in range(3):
        answer = anonymous.get(made['path'])
        assert (answer.status_code, answer.headers['Content-Type'], answer.headers['Cache-Control']) == (200, 'image/gif', 'no-store')
        assert answer.content[:6] == GIF and len(answer.content) == 43
    assert seen(rep, lead) == [('email', 'opened', 'Autumn offer', None)]
    assert anonymous.get(pixel(rep, lead)['path']).status_code == 200
    assert seen(rep, lead) == [
        ('email', 'opened', 'Autumn offer', None), ('email', 'opened', None, None)]
    shown = rep.get(f'/v1/leads/{lead["id"]}/timeline').json()['items']
    assert [i['data']['outcome'] for i in shown if i['kind'] == 'activity'] == ['opened', 'opened']


def test_ten_openings_at_once_count_once(daemon, contract, rep, lead):
    path = pixel(rep, lead)['path']
    clients = [Client(daemon, contract) for _ in range(10)]
    assert {a.content[:6] for a in together(*[lambda c=c: c.get(path) for c in clients])} == {GIF}
    assert len(seen(rep, lead)) == 1


def test_a_picture_is_never_an_error(rep, anonymous, lead, rows):
    made = pixel(rep, lead)
    token = made['path'].split('/')[-1].removesuffix('.gif')
    before = everything(rows)
    for bad in ('x', 'A' * 98, token[:-1] + ('A' if token[-1] != 'A' else 'B'), made['visitor_token'], token + '.png', '%00'):
        answer = anonymous.get(f'/v1/pixels/{bad}')
        assert answer.status_code in (200, 400) and (answer.status_code == 400) == (bad == '%00'), bad
    assert everything(rows) == before
    rows("update sluice.lead set deleted_at = now() where id = %s", lead['id'])
    assert anonymous.get(made['path']).content[:6] == GIF


def test_pages_are_visited_once_an_event(rep, anonymous, lead, rows):
    token = pixel(rep, lead)['visitor_token']
    page = {'token': token, 'event_id': 'v1', 'url': 'https://www.example.com/cranes', 'title': 'Cranes'}
    for _ in range(2):
        assert anonymous.post('/v1/events', json=page).status_code == 204
    assert anonymous.post('/v1/events', data={**page, 'event_id': 'v2'}).status_code == 204
    assert seen(rep, lead) == [('other', 'page_visit', 'Cranes', page['url'])] * 2
    before = everything(rows)
    for bad, status, code in (({'token': token[:-3]}, 401, 'invalid_token'), ({'token': 'x'}, 401, 'invalid_token'),
                              ({'event_id': ''}, 422, 'validation_failed'), ({'more': 1}, 422, 'validation_failed')):
        problem(anonymous.post('/v1/events', json={**page, **bad}), status, code)
    problem(anonymous.post('/v1/events', json={'event_id': 'v3'}), 422, 'validation_failed')
    assert everything(rows) == before


def test_a_page_knows_its_submission(admin, rep, anonymous, number):
    form = admin.make('intake-forms', form=f'events_{number}', name='Events', source='web', fields=['email'], on_duplicate='merge')
    sent = anonymous.post(f'/v1/intake/{form["form"]}', params={'key': form['key']},
                          json={'email': f'events-{number}-{uuid.uuid4().hex[:6]}@sluice.test'}).json()
    visit = {'form': form['form'], 'key': form['key'], 'submission_id': sent['submission_id'], 'event_id': 'e1',
             'url': 'https://www.example.com/'}
    assert anonymous.post('/v1/events', json=visit).status_code == 204
    lead_id = admin.read('intake-submissions', sent['submission_id'])['lead_id']
    assert seen(rep, {'id': lead_id}) == [('other', 'page_visit', None, visit['url'])]
    problem(anonymous.post('/v1/events', json={**visit, 'key': 'ik_other'}), 401, 'invalid_token')


def test_a_visit_of_one_that_is_no_lead_yet(admin, anonymous, number, rows):
    form = admin.make('intake-forms', form=f'early_{number}', name='Early', source='web', fields=['email'], required=['email'],
                      double_opt_in=True)
    sent = anonymous.post(f'/v1/intake/{form["form"]}', params={'key': form['key']}, json={'email': f'early-{number}@sluice.test'}).json()
    before = everything(rows)
    assert anonymous.post('/v1/events', json={
        'form': form['form'], 'key': form['key'], 'submission_id': sent['submission_id'], 'event_id': 'e1'}).status_code == 204
    assert everything(rows) == before


def test_who_may_make_tokens(viewer, rep, lead):
    problem(viewer.post(f'/v1/leads/{lead["id"]}/pixel', json={}), 403, 'forbidden')
    problem(rep.post(f'/v1/leads/{uuid.uuid4()}/pixel', json={}), 404, 'not_found')
    problem(rep.post(f'/v1/leads/{lead["id"]}/pixel', json={'label': 'ż' * 150}), 422, 'validation_failed')


def test_an_opened_mail_is_no_care_of_ours(rep, anonymous, lead, rows):
    """A clock that counts from the last touch runs on."""
    touched = 'select sluice.last_touch(v.*) as at from sluice.visit v where v.record_id = %s and v.left_at is null'
    before = rows(touched, lead['id'])[0]['at']
    assert anonymous.get(pixel(rep, lead)['path']).status_code == 200
    assert rows(touched, lead['id'])[0]['at'] == before
    rep.make('activities', kind='email', outcome='opened', lead_id=lead['id'])
    assert rows(touched, lead['id'])[0]['at'] > before


# a guard asks for an event

OPENED = {'key': 'mail_opened', 'kind': 'related_count',
          'params': {'of': 'activity', 'kind': 'email', 'outcome': 'opened', 'since_entry': True, 'min': 1}}


def test_a_guard_waits_for_an_opened_mail(rep, anonymous, rows, number):
    moves = [{'key': 'made', 'kind': 'initial', 'to': 'fresh'},
             {'key': 'mailed', 'from': ['fresh'], 'to': 'waiting'},
             {'key': 'warm', 'from': ['waiting'], 'to': 'hot', 'guards': [OPENED]}]
    with blueprint(rows, 'lead', f'opened_{number}', [('fresh', 'open'), ('waiting', 'open'), ('hot', 'won')], moves):
        lead = rep.make('leads', last_name=f'Opened {number}')
        made = pixel(rep, lead, label='Before')
        assert anonymous.get(made['path']).status_code == 200
        rep.moved('leads', lead['id'], 'mailed')
        assert list(failures(rep.move('leads', lead['id'], 'warm'))) == ['mail_opened'], 'that was before it entered the state'
        assert anonymous.get(made['path']).status_code == 200
        visit = {'token': made['visitor_token'], 'event_id': 'v', 'url': 'https://www.example.com/'}
        assert anonymous.post('/v1/events', json=visit).status_code == 204
        assert list(failures(rep.move('leads', lead['id'], 'warm'))) == ['mail_opened'], 'the same event again, and another kind'
        assert anonymous.get(pixel(rep, lead, label='After')['path']).status_code == 200
        assert rep.moved('leads', lead['id'], 'warm')['status'] == 'hot'
        shown = rep.get(f'/v1/leads/{lead["id"]}/timeline').json()['items']
        assert [(i['data']['outcome'], i['title']) for i in shown if i['kind'] == 'activity'] == [
            ('opened', 'After'), ('page_visit', None), ('opened', 'Before')]


# tokens that are too old

def test_an_old_picture_counts_nothing(rep, anonymous, lead, clock, rows):
    clock(-3 * 86400)
    old, good = pixel(rep, lead, days=2), pixel(rep, lead, days=4)
    clock(0)
    before = everything(rows)
    answer = anonymous.get(old['path'])
    assert (answer.status_code, answer.content[:6]) == (200, GIF)
    visit = {'event_id': 'v1', 'url': 'https://www.example.com/'}
    problem(anonymous.post('/v1/events', json={**visit, 'token': old['visitor_token']}), 401, 'token_expired')
    assert everything(rows) == before
    assert anonymous.get(good['path']).status_code == 200
    assert anonymous.post('/v1/events', json={**visit, 'token': good['visitor_token']}).status_code == 204
    assert [s[1] for s in seen(rep, lead)] == ['opened', 'page_visit']


def test_an_old_link_confirms_nothing(admin, anonymous, clock, rows, number):
    form = admin.make('intake-forms', form=f'late_{number}', name='Late', source='web', fields=['email'], required=['email'],
                      double_opt_in=True, confirm_hours=24)
    path = f'/v1/intake/{form["form"]}'
    links = []
    for seconds in (-24 * 3600 - 60, -24 * 3600 + 600):
        clock(seconds)
        sent = anonymous.post(path, params={'key': form['key']}, json={'email': f'late{number}-{len(links)}@sluice.test'}).json()
        links.append((sent['submission_id'], rows('select payload, audit_seq from sluice.outbox where record_id = %s',
                                                  sent['submission_id'])[0]))
    clock(0)
    (late, mail), (in_time, other) = links
    assert mail['audit_seq'] is None, 'nothing has changed'
    born = rows('select count(*) from sluice.lead')  # the clock went a day forward: jobs make what was due
    problem(anonymous.post(mail['payload']['path']), 401, 'token_expired')
    for answer in (anonymous.get(mail['payload']['path']), anonymous.post(mail['payload']['path'], data={'confirm': '1'})):
        assert (answer.status_code, 'too old' in answer.text, '<button' in answer.text) == (401, True, False)
    assert rows('select count(*) from sluice.lead') == born
    assert (admin.read('intake-submissions', late)['outcome'], admin.read('intake-submissions', late)['confirmed_at']) == ('held', None)
    assert anonymous.post(other['payload']['path']).json()['outcome'] == 'confirmed'
    assert admin.read('intake-submissions', in_time)['outcome'] == 'created'


# whose pages

PREFLIGHT = {'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type'}
ALLOW = 'Access-Control-Allow-Origin'


def test_events_come_from_the_pages_of_the_form(admin, rep, anonymous, lead, number):
    mine, others = f'https://a{number}.example.com', f'https://b{number}.example.com'
    forms = [admin.make('intake-forms', form=f'origin_{number}_{i}', name='Origin', source='web', fields=['email'], origins=[o])
             for i, o in enumerate((mine, others))]
    strangers = ('https://evil.example', f'{mine}.evil.example', f'http://a{number}.example.com', f'{mine}:8443', 'null')
    for origin in (mine, others):
        asked = anonymous.call('OPTIONS', '/v1/events', headers={**PREFLIGHT, 'Origin': origin})
        assert (asked.status_code, asked.headers[ALLOW], asked.headers['Vary']) == (204, origin, 'Origin')
        assert asked.headers['Access-Control-Allow-Methods'] == 'POST, OPTIONS'
        assert 'content-type' in asked.headers['Access-Control-Allow-Headers'].lower()
    for origin in strangers:
        asked = anonymous.call('OPTIONS', '/v1/events', headers={**PREFLIGHT, 'Origin': origin})
        assert asked.status_code == 204 and ALLOW not in asked.headers, origin

    sent = anonymous.post(f'/v1/intake/{forms[0]["form"]}', params={'key': forms[0]['key']}, headers={'Origin': mine},
                          json={'email': f'origin-{uuid.uuid4().hex[:8]}@sluice.test'}).json()
    visit = {'form': forms[0]['form'], 'key': forms[0]['key'], 'submission_id': sent['submission_id'], 'event_id': 'e1'}
    for origin in (others, *strangers):
        refused = anonymous.post('/v1/events', json=visit, headers={'Origin': origin})
        problem(refused, 403, 'origin_refused')
        assert ALLOW not in refused.headers, origin
    assert seen(rep, sent) == []
    told = anonymous.post('/v1/events', json=visit, headers={'Origin': mine})
    assert (told.status_code, told.headers[ALLOW], told.headers['Vary']) == (204, mine, 'Origin')
    assert len(seen(rep, sent)) == 1
    assert anonymous.post('/v1/events', json={**visit, 'event_id': 'e2'}).status_code == 204, 'no browser'

    token = pixel(rep, lead)['visitor_token']  # of no form
    for i, (origin, named) in enumerate([(mine, mine), (others, others), *((o, None) for o in strangers)]):
        told = anonymous.post('/v1/events', json={'token': token, 'event_id': f't{i}'}, headers={'Origin': origin})
        assert (told.status_code, told.headers.get(ALLOW)) == (204, named), origin
    old = anonymous.post('/v1/events', json={'token': 'x', 'event_id': 'e'}, headers={'Origin': mine})
    assert (problem(old, 401, 'invalid_token')['code'], old.headers[ALLOW]) == ('invalid_token', mine)

    assert admin.patch(f'/v1/intake-forms/{forms[0]["id"]}', json={'enabled': False}).status_code == 200
    asked = anonymous.call('OPTIONS', '/v1/events', headers={**PREFLIGHT, 'Origin': mine})
    assert ALLOW not in asked.headers, 'its form is closed'
