"""Credentials that are none: whatever is wrong with a token or key, every operation refuses it alike, and nothing happens.

Tokens are forged with the daemon's own key, read from the database as its owner: what protects is not the key alone.
"""
import base64
import hashlib
import hmac
import json
import time
import uuid

import jwt
import pytest

from conftest import PASSWORD
from daemon import Client, wait_for
from helpers import content
from test_rights import attempt


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


@pytest.fixture(scope='module')
def signing_key(rows):
    return bytes.fromhex(rows("select value from sluice.instance_secret where key = 'token_key'")[0]['value'])


@pytest.fixture(scope='module')
def session(anonymous, admin):
    """A session of a user with every right."""
    email = f'forger{uuid.uuid4().hex[:8]}@sluice.test'
    admin.make('users', email=email, name='Forger', password=PASSWORD, roles=['admin'])
    answer = anonymous.post('/v1/session', json={'email': email, 'password': PASSWORD})
    return answer.json()


def forge(key, claims, algorithm='HS256', header=None):
    """A token with any header, signed rightly."""
    head = b64(json.dumps({'alg': algorithm, 'typ': 'JWT', **(header or {})}, separators=(',', ':')).encode())
    text = f'{head}.{b64(json.dumps(claims, separators=(",", ":")).encode())}'
    digest = {'HS256': hashlib.sha256, 'HS384': hashlib.sha384, 'HS512': hashlib.sha512}.get(algorithm, hashlib.sha256)
    return f'{text}.{b64(hmac.new(key, text.encode(), digest).digest())}'


@pytest.fixture(scope='module')
def forged(signing_key, session, anonymous, admin, new_key, daemon, contract):
    """name -> (what stands in Authorization, the code of the refusal)."""
    claims = jwt.decode(session['access_token'], options={'verify_signature': False})
    good = forge(signing_key, claims)
    assert Client(daemon, contract, good).get('/v1/me').status_code == 200  # the forger can forge
    head, body, signature = good.split('.')
    now = int(time.time())

    def changed(**more):
        return forge(signing_key, {k: v for k, v in {**claims, **more}.items() if v is not None})
    gone = anonymous.post('/v1/session', json={'email': session['user']['email'], 'password': PASSWORD}).json()
    assert Client(daemon, contract, gone['access_token']).delete('/v1/session').status_code == 204
    revoked_key, expired_key = new_key('admin'), new_key('admin', expires_at='2026-01-01T00:00:00Z')
    assert admin.delete(f'/v1/api-keys/{revoked_key.key["id"]}').status_code == 204
    wait_for(lambda: revoked_key.get('/v1/leads').status_code == 401, 20, 'the end of the key')
    bearer = {
        'expired': (changed(iat=now - 2000, exp=now - 1000), 'token_expired'),
        'not yet valid': (changed(nbf=now + 1000), 'invalid_token'),
        'no expiry': (changed(exp=None), 'invalid_token'),
        'expiry as text': (changed(exp=str(now + 900)), 'invalid_token'),
        'wrong audience': (changed(aud='others'), 'invalid_token'),
        'no audience': (changed(aud=None), 'invalid_token'),
        'wrong issuer': (changed(iss='others'), 'invalid_token'),
        'no session': (changed(sid=None), 'invalid_token'),
        'unknown session': (changed(sid=str(uuid.uuid4())), 'session_revoked'),
        'session of somebody else': (changed(sub=admin.user['id']), 'session_revoked'),
        'revoked session': (gone['access_token'], 'session_revoked'),
        'wrong key': (forge(b'x' * 32, claims), 'invalid_token'),
        'alg none': (f'{b64(json.dumps({"alg": "none", "typ": "JWT"}).encode())}.{body}.', 'invalid_token'),
        'alg None, signed': (forge(signing_key, claims, 'None'), 'invalid_token'),
        'alg HS384': (forge(signing_key, claims, 'HS384'), 'invalid_token'),
        'alg HS512': (forge(signing_key, claims, 'HS512'), 'invalid_token'),
        'alg RS256, signed as HS256': (forge(signing_key, claims, 'RS256'), 'invalid_token'),
        'key in the header': (forge(signing_key, claims, header={'jwk': {'kty': 'oct', 'k': b64(signing_key)}}), 'invalid_token'),
        'critical header': (forge(signing_key, claims, header={'crit': ['exp']}), 'invalid_token'),
        'tampered body': (f'{head}.{b64(json.dumps({**claims, "exp": now + 99999}).encode())}.{signature}', 'invalid_token'),
        'tampered signature': (f'{head}.{body}.{signature[:-2]}{"AA" if signature[-2:] != "AA" else "BB"}', 'invalid_token'),
        'no signature': (f'{head}.{body}.', 'invalid_token'),
        'two parts': (f'{head}.{body}', 'invalid_token'),
        'four parts': (f'{good}.{signature}', 'invalid_token'),
        'padded': (f'{head}=.{body}.{signature}', 'invalid_token'),
        'refresh token': (session['refresh_token'], 'invalid_token'),
        'intake key': (daemon.intake['key'], 'invalid_token'),
        'revoked key': (revoked_key.token, 'invalid_token'),
        'expired key': (expired_key.token, 'invalid_token'),
        'key with a wrong end': (revoked_key.token[:-1] + ('a' if revoked_key.token[-1] != 'a' else 'b'), 'invalid_token'),
        'nine megabytes would not fit, eight thousand bytes': ('a' * 8000, 'invalid_token'),
        'dots': ('..', 'invalid_token')}
    other = {
        'basic': ('Basic ' + base64.b64encode(f'{admin.user["email"]}:{PASSWORD}'.encode()).decode(), 'unauthenticated'),
        'no scheme': (good, 'unauthenticated'),
        'two tokens': (f'Bearer {good}, Bearer {good}', 'invalid_token')}
    return {**{name: (f'Bearer {token}', code) for name, (token, code) in bearer.items()}, **other}


NAMES = [
    'expired', 'not yet valid', 'no expiry', 'expiry as text', 'wrong audience', 'no audience', 'wrong issuer', 'no session',
    'unknown session', 'session of somebody else', 'revoked session', 'wrong key', 'alg none', 'alg None, signed', 'alg HS384',
    'alg HS512', 'alg RS256, signed as HS256', 'key in the header', 'critical header', 'tampered body', 'tampered signature',
    'no signature', 'two parts', 'four parts', 'padded', 'refresh token', 'intake key', 'revoked key', 'expired key',
    'key with a wrong end', 'nine megabytes would not fit, eight thousand bytes', 'dots', 'basic', 'no scheme', 'two tokens']


class Bare:
    """Sends one Authorization, whatever it is."""

    def __init__(self, client, authorization):
        self.client, self.authorization = client, authorization

    def call(self, method, path, headers=None, **more):
        return self.client.call(method, path, headers={**(headers or {}), 'Authorization': self.authorization}, **more)


@pytest.mark.parametrize('name', NAMES)
def test_no_operation_takes_it(name, forged, anonymous, contract, rows):
    authorization, code = forged[name]
    client = Bare(anonymous, authorization)
    before = content(rows)
    wrong = []
    for operation in contract.operations:
        if operation.permission == 'public':
            continue
        answer = attempt(operation, client)
        if answer.status_code != 401 or answer.json()['code'] != code or 'www-authenticate' not in answer.headers:
            wrong.append((operation.name, answer.status_code, answer.text[:200]))
    assert wrong == []
    assert content(rows) == before


def test_the_table_is_whole(forged):
    assert set(forged) == set(NAMES)


def test_a_second_authorization_is_refused(daemon, session):
    """The wire refuses it: which of the two would count?"""
    import http.client  # requests cannot send a field twice
    from urllib.parse import urlsplit
    connection = http.client.HTTPConnection(urlsplit(daemon.url).netloc)
    connection.putrequest('GET', '/v1/me')
    for token in (session['access_token'], session['access_token']):
        connection.putheader('Authorization', f'Bearer {token}')
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())['code']) == (400, 'bad_request')
