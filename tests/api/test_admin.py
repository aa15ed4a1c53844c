"""Users, teams, API keys, forms and submissions, as administrators keep them."""
import pytest

from conftest import PASSWORD
from helpers import UNKNOWN, content, everything, fault, post_form, problem


def test_a_user_from_birth_to_change(admin, number, rows):
    email = f'Life{number}@Sluice.test'
    made = admin.make('users', email=email, name='Life', password=PASSWORD)
    assert {k: made[k] for k in ('version', 'email', 'name', 'language', 'time_zone', 'roles', 'teams', 'disabled')} == {
        'version': 1, 'email': email, 'name': 'Life', 'language': 'en', 'time_zone': 'UTC', 'roles': [], 'teams': [],
        'disabled': False}
    assert made['created_by'] == admin.user['id']
    team = admin.make('teams', name=f'Life {number}')
    path = f'/v1/users/{made["id"]}'
    answer = admin.patch(path, json={'name': 'Live', 'roles': ['sales', 'viewer'], 'teams': [team['id']], 'language': 'ru'})
    now = answer.json()
    assert (now['name'], now['roles'], now['teams'], now['language']) == ('Live', ['sales', 'viewer'], [team['id']], 'ru')
    assert now['version'] > 1 and answer.headers['ETag'] == f'"{now["version"]}"'
    assert admin.read('teams', team['id'])['members'] == [made['id']]
    assert admin.patch(path, json={'roles': ['viewer']}).json()['roles'] == ['viewer']
    assert admin.patch(path, json={'teams': []}).json()['teams'] == []
    problem(admin.patch(path, json={'name': 'X'}, headers={'If-Match': '"1"'}), 412, 'stale')
    stored = rows('select password_hash from sluice.app_user where id = %s', made['id'])[0]['password_hash']
    assert stored.startswith('$argon2id$') and PASSWORD not in stored


def test_addresses_are_unique_in_any_case(admin, number):
    admin.make('users', email=f'twice{number}@sluice.test', name='A', password=PASSWORD)
    answer = admin.post('/v1/users', json={'email': f'TWICE{number}@sluice.test', 'name': 'B', 'password': PASSWORD})
    fault(answer, 409, 'conflict', '/email', 'unique')


def test_a_refused_list_changes_nothing(admin, number, rows):
    made = admin.make('users', email=f'whole{number}@sluice.test', name='Whole', password=PASSWORD, roles=['sales'])
    before = content(rows)
    answer = admin.patch(f'/v1/users/{made["id"]}', json={'name': 'Half', 'roles': ['viewer', 'boss']})
    fault(answer, 422, 'unknown_reference', '/roles', 'reference')
    answer = admin.patch(f'/v1/users/{made["id"]}', json={'name': 'Half', 'teams': [UNKNOWN]})
    fault(answer, 422, 'unknown_reference', '/teams', 'reference')
    assert content(rows) == before


def test_users_are_disabled_not_deleted(admin, rep):
    answer = admin.delete(f'/v1/users/{rep.user["id"]}')
    problem(answer, 405, 'method_not_allowed')
    assert answer.headers['Allow'] == 'GET, HEAD, PATCH, OPTIONS'


def test_a_team(admin, new_user, number):
    one, two = new_user('sales'), new_user('sales')
    team = admin.make('teams', name=f'Team {number}', members=[two.user['id'], one.user['id']])
    assert team['members'] == sorted([one.user['id'], two.user['id']])
    assert one.get('/v1/me').json()['teams'] in ([], [team['id']])
    assert one.again().user['teams'] == [team['id']]
    path = f'/v1/teams/{team["id"]}'
    now = admin.patch(path, json={'members': [one.user['id']], 'name': f'Team {number}b'}).json()
    assert (now['members'], now['name']) == ([one.user['id']], f'Team {number}b')
    fault(admin.post('/v1/teams', json={'name': f'TEAM {number}B'}), 409, 'conflict', '/name', 'unique')
    assert admin.delete(path, headers={'If-Match': f'"{now["version"]}"'}).status_code == 204
    problem(admin.get(path), 404, 'not_found')
    assert one.again().user['teams'] == []
    admin.make('teams', name=f'Team {number}b')  # the name is free again


def test_an_api_key_is_shown_once(admin, number):
    answer = admin.post('/v1/api-keys', json={'name': f'Key {number}', 'roles': ['viewer'], 'expires_at': '2127-01-01T00:00:00Z'})
    made = answer.json()
    assert answer.status_code == 201 and answer.headers['Location'] == f'/v1/api-keys/{made["id"]}'
    shown = admin.get(answer.headers['Location'])
    assert shown.headers['ETag'] == answer.headers['ETag']
    assert shown.json() == {k: v for k, v in made.items() if k != 'key'}
    listed = admin.get('/v1/api-keys', params={'q': f'Key {number}'})
    assert made['key'] not in listed.text
    path = f'/v1/api-keys/{made["id"]}'
    assert admin.delete(path).status_code == 204
    gone = admin.read('api-keys', made['id'])
    assert gone['revoked_at'] is not None
    assert admin.delete(path).status_code == 204  # revoked is revoked
    assert admin.read('api-keys', made['id'])['revoked_at'] == gone['revoked_at']


def test_a_secret_is_never_kept_for_a_replay(admin, number, rows):
    before = everything(rows)['idempotency']
    body, headers = {'name': f'Once {number}', 'roles': []}, {'Idempotency-Key': f'once-{number}'}
    first, second = (admin.post('/v1/api-keys', json=body, headers=headers) for _ in range(2))
    assert first.json()['key'] != second.json()['key'] and 'Idempotent-Replayed' not in second.headers
    assert everything(rows)['idempotency'] == before


def test_a_form(admin, rep, anonymous, number):
    form = f'form_{number}'
    answer = admin.post('/v1/intake-forms', json={
        'form': form, 'name': 'Form', 'source': 'fair', 'campaign': 'spring', 'fields': ['last_name', 'email'],
        'required': ['email'], 'owner_id': rep.user['id']})
    made = answer.json()
    assert answer.status_code == 201 and made['key'].startswith('ik_') and made['enabled'] is True
    path = answer.headers['Location']
    assert admin.get(path).json() == {k: v for k, v in made.items() if k != 'key'}
    send = {'params': {'key': made['key']}, 'json': {'last_name': 'X', 'email': 'x@sluice.test', 'city': 'Hel'}}
    lead = rep.read('leads', anonymous.post(f'/v1/intake/{form}', **send).json()['id'])
    assert (lead['source'], lead['campaign'], lead['owner_id'], lead['city']) == ('fair', 'spring', rep.user['id'], None)
    now = admin.patch(path, json={'fields': ['last_name', 'email', 'city'], 'campaign': None, 'owner_id': None}).json()
    assert (now['fields'], now['campaign'], now['version']) == (['last_name', 'email', 'city'], None, 2)
    lead = rep.read('leads', anonymous.post(f'/v1/intake/{form}', **send).json()['id'])
    assert (lead['campaign'], lead['owner_id'], lead['city']) == (None, None, 'Hel')
    assert admin.patch(path, json={'enabled': False}).json()['enabled'] is False
    problem(anonymous.post(f'/v1/intake/{form}', **send), 401, 'invalid_token')


def test_a_form_wants_its_required_fields_among_its_own(admin, number):
    made = admin.make('intake-forms', form=f'wants_{number}', name='Wants', source='x', fields=['email'])
    answer = admin.patch(f'/v1/intake-forms/{made["id"]}', json={'required': ['phone']})
    fault(answer, 422, 'validation_failed', '/required', 'invalid')
    answer = admin.post('/v1/intake-forms', json={'form': 'Big Form', 'name': 'X', 'source': 'x', 'fields': []})
    fault(answer, 422, 'validation_failed', '/form', 'format')


@pytest.mark.parametrize('path, body', [
    ('users', {'email': 'dry@sluice.test', 'name': 'Dry', 'password': PASSWORD, 'roles': ['sales']}),
    ('teams', {'name': 'Dry'}), ('api-keys', {'name': 'Dry', 'roles': ['sales']}),
    ('intake-forms', {'form': 'dry', 'name': 'Dry', 'source': 'dry', 'fields': ['email']})])
def test_dry_runs(admin, rows, path, body):
    before = everything(rows)
    answer = admin.post(f'/v1/{path}', json=body, headers={'Prefer': 'tx=rollback'})
    assert (answer.status_code, answer.headers['Preference-Applied']) == (201, 'tx=rollback')
    assert everything(rows) == before
    problem(admin.get(f'/v1/{path}/{answer.json()["id"]}'), 404, 'not_found')


@pytest.mark.parametrize('collection, make, change', [
    ('users', {'email': '{n}@sluice.test', 'name': 'Audited', 'password': PASSWORD, 'roles': ['viewer']},
     {'name': 'New', 'roles': ['sales'], 'password': 'another password'}),
    ('teams', {'name': 'Audited {n}'}, {'name': 'New {n}'}),
    ('intake-forms', {'form': 'audited_{n}', 'name': 'Audited', 'source': 'x', 'fields': ['email']}, {'name': 'New'})])
def test_administration_is_audited(admin, rows, number, collection, make, change):
    def text(members):
        return {k: v.format(n=f'audit{number}') if isinstance(v, str) else v for k, v in members.items()}

    made = admin.make(collection, **text(make))
    assert admin.patch(f'/v1/{collection}/{made["id"]}', json=text(change)).status_code == 200
    entries = rows('select action, actor_id::text, operation, changes::text from sluice.audit where record_id = %s order by seq',
                   made['id'])
    assert entries[0]['action'] == 'create' and {e['actor_id'] for e in entries} == {admin.user['id']}
    assert {e['action'] for e in entries[1:]} == {'update'}
    told = ' '.join(e['changes'] for e in entries)
    assert 'argon2' not in told and 'another password' not in told and PASSWORD not in told
    if collection == 'users':
        assert '"roles": {"new": "sales", "old": null}' in told and '"password_hash": {"new": "***", "old": "***"}' in told


def test_submissions_are_read_only(admin, anonymous, daemon):
    posted = post_form(anonymous, daemon, last_name='Submitted', phone='601').json()
    shown = admin.read('intake-submissions', posted['submission_id'])
    assert (shown['form'], shown['outcome'], shown['lead_id'], shown['content_type'], shown['faults']) == (
        'web', 'created', posted['id'], 'application/x-www-form-urlencoded', None)
    assert shown['raw'] == 'last_name=Submitted&phone=601' and shown['address'] == '127.0.0.1'
    problem(admin.patch(f'/v1/intake-submissions/{shown["id"]}', json={}), 405, 'method_not_allowed')
    problem(admin.delete(f'/v1/intake-submissions/{shown["id"]}'), 405, 'method_not_allowed')
