"""What leads do without us: mails opened and pages looked at, once each, for guards and the timeline."""
import uuid

import pytest

from daemon import Client
from helpers import everything, problem, together

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
