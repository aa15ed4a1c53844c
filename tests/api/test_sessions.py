"""Signing in, staying signed in, leaving; API keys; who am I."""
import time
import uuid

import jwt
import pytest

from conftest import ACCESS_TOKEN_S, PASSWORD
from daemon import Client, wait_for
from helpers import fault, problem, together


def sign_in(client, email, password=PASSWORD):
    return client.post('/v1/session', json={'email': email, 'password': password})


def refresh(client, token):
    return client.post('/v1/session/refresh', json={'refresh_token': token})


@pytest.fixture
def user(admin, number):
    """A user of the test's own, with an address to sign in with."""
    return admin.make('users', email=f'session{number}@sluice.test', name=f'Session {number}', password=PASSWORD,
                      roles=['sales', 'viewer'], language='pl', time_zone='Europe/Warsaw')


@pytest.fixture
def other(daemon, contract):
    """Makes clients with a token."""
    return lambda token: Client(daemon, contract, token)


def test_sign_in(anonymous, user, other):
    answer = sign_in(anonymous, user['email'])
    assert answer.status_code == 201
    session = answer.json()
    assert (session['token_type'], session['expires_in']) == ('Bearer', ACCESS_TOKEN_S)
    assert session['refresh_token'].startswith('slr_')
    assert {k: session['user'][k] for k in ('kind', 'id', 'name', 'email', 'language', 'time_zone', 'roles', 'teams')} == {
        'kind': 'user', 'id': user['id'], 'name': user['name'], 'email': user['email'], 'language': 'pl',
        'time_zone': 'Europe/Warsaw', 'roles': ['sales', 'viewer'], 'teams': []}
    assert {'lead.write:all', 'lead.read:all', 'blueprint.read:all'} <= set(session['user']['permissions'])
    claims = jwt.decode(session['access_token'], options={'verify_signature': False})
    assert set(claims) == {'iss', 'aud', 'sub', 'sid', 'iat', 'exp'}
    assert (claims['sub'], claims['exp'] - claims['iat']) == (user['id'], ACCESS_TOKEN_S)
    assert abs(claims['iat'] - time.time()) < 30
    assert other(session['access_token']).get('/v1/me').json() == session['user']


def test_the_address_is_taken_in_any_case(anonymous, user):
    assert sign_in(anonymous, user['email'].upper()).status_code == 201


def test_a_wrong_password_reads_like_an_unknown_address(anonymous, user):
    wrong = problem(sign_in(anonymous, user['email'], 'not the password'), 401, 'invalid_credentials')
    unknown = problem(sign_in(anonymous, f'{uuid.uuid4()}@sluice.test', 'not the password'), 401, 'invalid_credentials')
    for body in (wrong, unknown):
        del body['request_id'], body['instance']
    assert wrong == unknown


def test_an_unknown_address_takes_as_long(anonymous, user, patient, rows):
    """Within a factor: the hash is computed either way. What a busy machine adds is left out by asking until it does not."""
    def took(email):
        began = time.perf_counter()
        assert sign_in(anonymous, email, 'not the password').status_code == 401
        return time.perf_counter() - began

    known, unknown = [], []
    for _ in range(10):
        for _ in range(3):
            known.append(took(user['email']))
            unknown.append(took('nobody@sluice.test'))
        if min(known) / 3 < min(unknown) < min(known) * 3:
            break
        rows('delete from sluice.sign_in_failure')
    assert min(known) / 3 < min(unknown) < min(known) * 3


def test_a_password_is_compared_to_its_last_character(admin, anonymous, number):
    long = 'żółw ' * 19 + 'kot i ż'
    assert len(long) > 100
    admin.make('users', email=f'long{number}@sluice.test', name='Long', password=long, roles=[])
    assert sign_in(anonymous, f'long{number}@sluice.test', long).status_code == 201
    problem(sign_in(anonymous, f'long{number}@sluice.test', long[:-1]), 401, 'invalid_credentials')


def test_what_is_missing_is_told(anonymous):
    fault(anonymous.post('/v1/session', json={'email': 'a@sluice.test'}), 422, 'validation_failed', '/password', 'required')
    fault(anonymous.post('/v1/session', json={'email': 'anna', 'password': 'x'}), 422, 'validation_failed', '/email', 'format')


def test_refreshing_rotates(anonymous, user, other):
    first = sign_in(anonymous, user['email']).json()
    answer = refresh(anonymous, first['refresh_token'])
    assert answer.status_code == 201
    second = answer.json()
    assert second['user'] == first['user'] and second['refresh_token'] != first['refresh_token']
    ours, theirs = (jwt.decode(s['access_token'], options={'verify_signature': False}) for s in (first, second))
    assert ours['sid'] == theirs['sid']
    for session in (first, second):  # the access token of before lives as long as it says
        assert other(session['access_token']).get('/v1/me').status_code == 200
    third = refresh(anonymous, second['refresh_token'])
    assert third.status_code == 201


def test_a_refresh_token_used_twice_ends_the_session(anonymous, user, other, rows):
    first = sign_in(anonymous, user['email']).json()
    second = refresh(anonymous, first['refresh_token']).json()
    problem(refresh(anonymous, first['refresh_token']), 401, 'session_revoked')
    problem(refresh(anonymous, second['refresh_token']), 401, 'invalid_token')
    revoked(other(second['access_token']))
    why = rows("select revoked_why from sluice.session where user_id = %s", user['id'])
    assert [w['revoked_why'] for w in why] == ['refresh token used twice']


def revoked(client):
    """A revoked session is noticed within principal_cache_ms, a second, and a write at once."""
    problem(client.post('/v1/leads', json={'last_name': 'Late'}), 401, 'session_revoked')
    answer = wait_for(lambda: [a for a in [client.get('/v1/me')] if a.status_code != 200], 10, 'the end of the session')[0]
    problem(answer, 401, 'session_revoked')


def test_of_two_refreshes_at_once_one_wins(anonymous, user, other):
    first = sign_in(anonymous, user['email']).json()
    answers = together(*[lambda: refresh(other(None), first['refresh_token'])] * 2)
    assert sorted(a.status_code for a in answers) == [201, 401]


def test_signing_out(anonymous, user, other):
    first, second = sign_in(anonymous, user['email']).json(), sign_in(anonymous, user['email']).json()
    client = other(first['access_token'])
    assert client.get('/v1/me').status_code == 200
    answer = client.delete('/v1/session')
    assert (answer.status_code, answer.content) == (204, b'')
    revoked(client)
    problem(refresh(anonymous, first['refresh_token']), 401, 'invalid_token')
    assert other(second['access_token']).get('/v1/me').status_code == 200  # other sessions go on


def test_a_disabled_user_is_out(anonymous, admin, user, other):
    session = sign_in(anonymous, user['email']).json()
    client = other(session['access_token'])
    assert client.get('/v1/me').status_code == 200
    disabled = admin.patch(f'/v1/users/{user["id"]}', json={'disabled': True})
    assert disabled.json()['disabled'] is True
    revoked(client)
    problem(sign_in(anonymous, user['email']), 401, 'invalid_credentials')
    problem(refresh(anonymous, session['refresh_token']), 401, 'invalid_token')
    assert admin.patch(f'/v1/users/{user["id"]}', json={'disabled': False}).status_code == 200
    assert sign_in(anonymous, user['email']).status_code == 201
    problem(client.get('/v1/me'), 401, 'session_revoked')  # but the old session stays ended


def test_a_new_password_ends_sessions(anonymous, admin, user, other):
    session = sign_in(anonymous, user['email']).json()
    answer = admin.patch(f'/v1/users/{user["id"]}', json={'password': 'quite another one'})
    assert answer.status_code == 200 and 'password' not in answer.json()
    revoked(other(session['access_token']))
    problem(sign_in(anonymous, user['email']), 401, 'invalid_credentials')
    assert sign_in(anonymous, user['email'], 'quite another one').status_code == 201


def test_new_rights_are_noticed(anonymous, admin, user, other):
    client = other(sign_in(anonymous, user['email']).json()['access_token'])
    assert client.post('/v1/leads', json={'last_name': 'Before'}).status_code == 201
    admin.patch(f'/v1/users/{user["id"]}', json={'roles': ['viewer']})
    wait_for(lambda: client.post('/v1/leads', json={'last_name': 'After'}).status_code == 403, 10, 'the end of the right')
    assert client.get('/v1/me').json()['roles'] == ['viewer']


def test_an_api_key_is_a_caller(new_key, rows):
    client = new_key('integration', name='Nightly')
    assert client.token.startswith('slk_')
    me = client.get('/v1/me').json()
    assert (me['kind'], me['id'], me['name'], me['email'], me['roles'], me['teams']) == (
        'api_key', client.key['id'], 'Nightly', None, ['integration'], [])
    lead = client.make('leads', last_name='By key')
    assert lead['created_by'] == client.key['id']
    account = client.make('accounts', name='By key')
    assert account['owner_id'] is None  # a key is no person
    entry = client.history('leads', lead['id'])[0]
    assert entry['actor'] == {'kind': 'api_key', 'id': client.key['id'], 'name': 'Nightly'}
    stored = rows('select key_hash from sluice.api_key where id = %s', client.key['id'])[0]
    assert client.token not in stored['key_hash']


def test_a_revoked_key_is_out(new_key, admin):
    client = new_key('sales')
    assert client.get('/v1/leads').status_code == 200
    assert admin.delete(f'/v1/api-keys/{client.key["id"]}').status_code == 204
    assert client.post('/v1/leads', json={'last_name': 'Late'}).status_code == 401  # a write, at once
    answer = wait_for(lambda: [a for a in [client.get('/v1/leads')] if a.status_code != 200], 10, 'the end of the key')[0]
    problem(answer, 401, 'invalid_token')


def test_an_expired_key_is_out(new_key):
    expired = new_key('sales', expires_at='2026-01-01T00:00:00Z')
    problem(expired.get('/v1/me'), 401, 'invalid_token')
    assert new_key('sales', expires_at='2126-01-01T00:00:00Z').get('/v1/me').status_code == 200


def test_an_access_token_lives_a_quarter_of_an_hour(new_daemon, contract):
    """Unless the settings say otherwise."""
    daemon = new_daemon(workers=1)
    session = sign_in(Client(daemon, contract), daemon.admin['email'], daemon.admin['password']).json()
    assert session['expires_in'] == 900


def test_tokens_run_out(new_daemon, contract):
    """With short lives: the access token expires, the refresh token gives another one."""
    daemon = new_daemon(access_token_s=10, refresh_token_s=60, workers=1)
    client = Client(daemon, contract)
    session = sign_in(client, daemon.admin['email'], daemon.admin['password']).json()
    assert session['expires_in'] == 10
    claims = jwt.decode(session['access_token'], options={'verify_signature': False})
    assert claims['exp'] - claims['iat'] == 10
    assert refresh(client, session['refresh_token']).status_code == 201


@pytest.fixture
def patient(rows):
    """Forgets the failed sign-ins of a test, which may have been in another time."""
    yield
    rows('delete from sluice.sign_in_failure')


def failures_of(anonymous, email, n):
    return [sign_in(anonymous, email, 'not the password').status_code for _ in range(n)]


def test_guessing_must_wait(anonymous, user, frozen, patient):
    assert failures_of(anonymous, user['email'], 6) == [401] * 6
    answer = sign_in(anonymous, user['email'])  # the right one is not looked at either
    body = problem(answer, 429, 'rate_limited')
    assert (answer.headers['Retry-After'], body['detail']) == ('1', 'too many failed attempts: the next one in 1 s')
    waits = []
    for _ in range(12):  # each failure doubles the wait, up to a quarter of an hour
        frozen(sum(waits) + 1000 * len(waits) + 2)
        waits.append(0)
        assert sign_in(anonymous, user['email'], 'not the password').status_code == 401
        waits[-1] = int(sign_in(anonymous, user['email']).headers['Retry-After'])
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    frozen(sum(waits) + 1000 * len(waits) + 2)
    assert sign_in(anonymous, user['email']).status_code == 201
    assert failures_of(anonymous, user['email'], 5) == [401] * 5  # a right one forgets
    assert sign_in(anonymous, user['email']).status_code == 201


def test_an_unknown_address_must_wait_as_long(anonymous, number, frozen):
    nobody = f'nobody{number}@sluice.test'
    assert failures_of(anonymous, nobody, 6) == [401] * 6
    assert sign_in(anonymous, nobody).headers['Retry-After'] == '1'


def test_guesses_at_once_count_too(daemon, contract, user, frozen):
    clients = [Client(daemon, contract) for _ in range(20)]
    answers = together(*[lambda c=c: sign_in(c, user['email'], 'not the password').status_code for c in clients])
    assert sorted(answers) == [401] * 6 + [429] * 14


def test_guessing_cannot_be_tried_out(anonymous, user):
    answer = anonymous.post('/v1/session', json={'email': user['email'], 'password': 'not the password'},
                            headers={'Prefer': 'tx=rollback'})
    problem(answer, 400, 'invalid_header')


def test_a_change_of_the_password(anonymous, user, other):
    here, there = (sign_in(anonymous, user['email']).json() for _ in range(2))
    mine = other(here['access_token'])

    def change(current, new):
        return mine.post('/v1/me/password', json={'current_password': current, 'new_password': new})

    problem(change('not the password', 'paper otter trombone'), 401, 'invalid_credentials')
    for weak, why in (('password123', 'It is one of the passwords that are tried first.'),
                      (user['email'].split('@')[0] + '!', 'It is made of the name, the e-mail address or the name of this service.'),
                      ('zxcvbn12', 'It is one of the passwords that are tried first.'),
                      ('1234567890', 'It is a run of keys or of letters and digits in their order.')):
        assert fault(change(PASSWORD, weak), 422, 'validation_failed', '/new_password', 'weak')['detail'] == why
    fault(change(PASSWORD, 'short'), 422, 'validation_failed', '/new_password', 'length')
    assert change(PASSWORD, 'paper otter trombone').status_code == 204
    assert mine.get('/v1/me').status_code == 200
    problem(refresh(anonymous, there['refresh_token']), 401, 'invalid_token')
    problem(sign_in(anonymous, user['email']), 401, 'invalid_credentials')
    assert sign_in(anonymous, user['email'], 'paper otter trombone').status_code == 201
    assert refresh(anonymous, here['refresh_token']).status_code == 201


def test_a_key_has_no_password(new_key):
    problem(new_key('admin').post('/v1/me/password', json={'current_password': PASSWORD, 'new_password': 'paper otter trombone'}),
            403, 'forbidden')


def test_an_administrator_sets_no_weak_one_either(admin, user):
    answer = admin.patch(f'/v1/users/{user["id"]}', json={'password': 'qwerty123'})
    fault(answer, 422, 'validation_failed', '/password', 'weak')
