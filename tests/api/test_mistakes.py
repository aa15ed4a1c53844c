"""What clients do wrong: each row is one mistake, with the exact status, code, place and hint of the answer.
Nothing has changed afterwards."""
import base64
import hashlib
import hmac
import json
import re
import time
from typing import NamedTuple

import jwt
import pytest

from contract import ROOT
from helpers import UNKNOWN, as_documented, content, deal_in, qualify


class Mistake(NamedTuple):
    name: str
    who: str
    method: str
    path: str
    status: int
    code: str
    where: str = None   # pointer into the body, or name of the parameter or header
    fault: str = None   # code of the only fault
    hint: str = None    # of the fault if there is one, else of the problem
    says: str = None    # part of the detail
    allowed: list = None
    headers: dict = {}  # of the answer
    send: dict = {}


# what a problem says when whoever refuses knows nothing better
HINTS = {code: hint.replace('\\"', '"') for code, hint in re.findall(
    r'^ERR\(\w+, "(\w+)", \d+, "[^"]*",\n    "((?:[^"\\]|\\.)*)"\)$', (ROOT / 'lib' / 'base' / 'err.def').read_text(), re.M)}
TABLE = []


def row(name, who, request, status, code, where=None, fault=None, *, hint=None, says=None, allowed=None,
        headers=None, **send):
    method, path = request.split(' ', 1)
    TABLE.append(Mistake(name, who, method, path, status, code, where, fault, hint, says, allowed, headers or {}, send))


def mean(word):
    return f'did you mean "{word}"?'


NEW_LEAD = 'POST /v1/leads'
LEAD = '/v1/leads/{lead}'
MOVE = 'POST /v1/leads/{lead}/transitions/'
DEAL = 'POST /v1/opportunities/{deal}/transitions/'
JSON = {'Content-Type': 'application/json'}
KINDS = ['call', 'meeting', 'email', 'survey', 'demo', 'visit', 'note', 'other']

# bodies that cannot be read
row('a comma too many', 'rep', NEW_LEAD, 400, 'malformed_json', says='Line 1, column 19', data='{"last_name": "X",}',
    headers_in=JSON)
row('a value without quotes', 'rep', NEW_LEAD, 400, 'malformed_json', says='Line 2, column 16',
    data='{\n  "last_name": X\n}', headers_in=JSON)
row('text behind the value', 'rep', NEW_LEAD, 400, 'malformed_json', says='Line 1, column',
    data='{"last_name": "X"} {}', headers_in=JSON)
row('a member twice', 'rep', NEW_LEAD, 400, 'malformed_json', says='duplicate object key',
    data='{"last_name": "X", "last_name": "Y"}', headers_in=JSON)
row('not UTF-8', 'rep', NEW_LEAD, 400, 'malformed_json', says='not UTF-8', data=b'{"last_name": "\xff"}', headers_in=JSON)
row('a zero character', 'rep', NEW_LEAD, 400, 'malformed_json', says='\\u0000', data='{"last_name": "a\\u0000b"}',
    headers_in=JSON)
row('no body', 'rep', NEW_LEAD, 422, 'validation_failed', '', 'required')
row('nested too deep', 'rep', NEW_LEAD, 422, 'validation_failed', says='deeper than 32', data='[' * 33 + ']' * 33,
    headers_in=JSON)
row('too many members', 'rep', NEW_LEAD, 422, 'validation_failed', says='more than 20000', data='[' + '0,' * 20001 + '0]',
    headers_in=JSON)
row('too large', 'rep', NEW_LEAD, 413, 'body_too_large', data=b'{"need": "' + b'x' * 1048576 + b'"}', headers_in=JSON)
row('a sign-in of 20 kB', 'anonymous', 'POST /v1/session', 413, 'body_too_large', data=b' ' * 20000, headers_in=JSON)
row('text instead of JSON', 'rep', NEW_LEAD, 415, 'unsupported_media_type', data='last_name=X',
    headers_in={'Content-Type': 'text/plain'}, hint='send Content-Type: application/json',
    headers={'Accept-Post': 'application/json'})
row('a form where JSON is wanted', 'rep', NEW_LEAD, 415, 'unsupported_media_type', data={'last_name': 'X'},
    hint='send Content-Type: application/json', headers={'Accept-Post': 'application/json'})
row('no content type', 'rep', NEW_LEAD, 415, 'unsupported_media_type', data=b'{"last_name": "X"}',
    hint='send Content-Type: application/json', headers={'Accept-Post': 'application/json'})
row('a patch as XML', 'rep', 'PATCH ' + LEAD, 415, 'unsupported_media_type', data='<a/>',
    headers_in={'Content-Type': 'text/xml'},
    hint='send Content-Type: application/json, application/merge-patch+json',
    headers={'Accept-Patch': 'application/json, application/merge-patch+json'})
row('a compressed body', 'rep', NEW_LEAD, 415, 'unsupported_media_type', data=b'xyz',
    headers_in={**JSON, 'Content-Encoding': 'gzip'}, says='encoded bodies are not taken',
    hint='leave Content-Encoding out')
row('a body with GET', 'rep', 'GET ' + LEAD, 400, 'bad_request', json={'a': 1}, says='takes no body',
    hint='send the request without a body, and without Content-Type')
row('a body with DELETE', 'manager', 'DELETE ' + LEAD, 400, 'bad_request', json={'a': 1}, says='takes no body',
    hint='send the request without a body, and without Content-Type')

# bodies that do not match the schema
row('a misspelt member', 'rep', NEW_LEAD, 422, 'validation_failed', '/lastname', 'unknown', hint=mean('last_name'),
    json={'lastname': 'Nowak', 'company': 'A'})
row('a member that is none', 'rep', NEW_LEAD, 422, 'validation_failed', '/zzzzzzzzzz', 'unknown',
    json={'zzzzzzzzzz': 1, 'company': 'A'})
row('a number for a text', 'rep', NEW_LEAD, 422, 'validation_failed', '/last_name', 'type', json={'last_name': 5})
row('a text too long', 'rep', NEW_LEAD, 422, 'validation_failed', '/last_name', 'length', json={'last_name': 'x' * 101})
row('a control character', 'rep', NEW_LEAD, 422, 'validation_failed', '/last_name', 'format', json={'last_name': 'a\x1bb'})
row('no e-mail address', 'rep', NEW_LEAD, 422, 'validation_failed', '/email', 'format', json={'email': 'anna'})
row('a script for a website', 'rep', NEW_LEAD, 422, 'validation_failed', '/website', 'format',
    json={'website': 'javascript:alert(1)'})
row('a country by name', 'rep', NEW_LEAD, 422, 'validation_failed', '/country', 'format', json={'country': 'Poland'},
    says='Send an ISO 3166-1 code of two capital letters like "PL".')
row('a country that is none', 'rep', NEW_LEAD, 422, 'validation_failed', '/country', 'format', json={'country': 'ZZ'})
row('a country by its domain', 'rep', NEW_LEAD, 422, 'validation_failed', '/country', 'format', json={'country': 'UK'},
    hint='the United Kingdom is "GB"')
row('a country in small letters', 'rep', NEW_LEAD, 422, 'validation_failed', '/country', 'format', json={'country': 'pl'})
row('yes for true', 'rep', NEW_LEAD, 422, 'validation_failed', '/budget_confirmed', 'type',
    json={'budget_confirmed': 'yes'})
row('money as text', 'rep', NEW_LEAD, 422, 'validation_failed', '/estimated_value', 'type',
    json={'estimated_value': '10 PLN'})
row('money with a fraction', 'rep', NEW_LEAD, 422, 'validation_failed', '/estimated_value/amount', 'type',
    json={'estimated_value': {'amount': 12.5, 'currency': 'PLN'}})
row('money with a comma', 'rep', NEW_LEAD, 422, 'validation_failed', '/estimated_value/amount', 'format',
    json={'estimated_value': {'amount': '12,50', 'currency': 'PLN'}})
row('money of five decimals', 'rep', NEW_LEAD, 422, 'validation_failed', '/estimated_value/amount', 'format',
    json={'estimated_value': {'amount': '1.00001', 'currency': 'PLN'}})
row('money without a currency', 'rep', NEW_LEAD, 422, 'validation_failed', '/estimated_value/currency', 'required',
    json={'estimated_value': {'amount': '10'}})
row('a currency by its sign', 'rep', NEW_LEAD, 422, 'validation_failed', '/estimated_value/currency', 'format',
    json={'estimated_value': {'amount': '10', 'currency': 'zł'}})
row('money below zero', 'rep', NEW_LEAD, 422, 'validation_failed', '/estimated_value/amount', 'range',
    json={'estimated_value': {'amount': '-5', 'currency': 'PLN'}})
row('an empty object', 'rep', NEW_LEAD, 422, 'validation_failed', '', 'too_few', json={})
row('a list for an object', 'rep', NEW_LEAD, 422, 'validation_failed', '', 'type', json=[])
row('a required member left out', 'rep', 'POST /v1/accounts', 422, 'validation_failed', '/name', 'required',
    json={'city': 'Gdynia'})
row('a required member null', 'rep', 'POST /v1/accounts', 422, 'validation_failed', '/name', 'null', json={'name': None})
row('a name of blanks', 'rep', 'POST /v1/accounts', 422, 'validation_failed', '/name', 'invalid', json={'name': '   '})
row('a required member deleted', 'rep', 'PATCH /v1/accounts/{account}', 422, 'validation_failed', '/name', 'null',
    json={'name': None})
row('a word that is not allowed', 'rep', 'POST /v1/activities', 422, 'validation_failed', '/kind', 'enum',
    hint=mean('call'), allowed=KINDS, json={'kind': 'cal', 'lead_id': '{lead}'})
row('a key with blanks', 'rep', 'POST /v1/activities', 422, 'validation_failed', '/outcome', 'format',
    json={'kind': 'call', 'outcome': 'Not reached!', 'lead_id': '{lead}'})
row('an activity of nothing', 'rep', 'POST /v1/activities', 422, 'validation_failed', '/lead_id', 'invalid',
    says='at least one', json={'kind': 'call', 'subject': 'Nobody'})
row('an activity that loses its record', 'rep', 'PATCH /v1/activities/{activity}', 422, 'validation_failed', '/lead_id', 'invalid',
    says='at least one', json={'lead_id': None})
row('a duration below zero', 'rep', 'POST /v1/activities', 422, 'validation_failed', '/duration_s', 'range',
    json={'kind': 'call', 'duration_s': -1, 'lead_id': '{lead}'})
row('a time without a zone', 'rep', 'POST /v1/activities', 422, 'validation_failed', '/occurred_at', 'format',
    hint='a T goes between day and time, and Z or an offset like +02:00 behind it', json={'kind': 'call', 'occurred_at': '2026-11-21T10:00:00', 'lead_id': '{lead}'})
row('a priority that is none', 'rep', 'POST /v1/tasks', 422, 'validation_failed', '/priority', 'enum',
    allowed=['low', 'normal', 'high', 'urgent'], json={'subject': 'X', 'priority': 'asap'})
row('a day that is none', 'rep', 'PATCH /v1/opportunities/{deal}', 422, 'validation_failed', '/delivery_date', 'format',
    json={'delivery_date': '2026-02-30'})
row('a day written backwards', 'rep', 'PATCH /v1/opportunities/{deal}', 422, 'validation_failed', '/close_date', 'format',
    json={'close_date': '31.12.2026'})
row('more than certain', 'rep', 'PATCH /v1/opportunities/{deal}', 422, 'validation_failed', '/probability', 'range',
    json={'probability': 101})
row('half a percent', 'rep', 'PATCH /v1/opportunities/{deal}', 422, 'validation_failed', '/probability', 'type',
    json={'probability': 0.5})
row('a forecast that is none', 'rep', 'PATCH /v1/opportunities/{deal}', 422, 'validation_failed', '/forecast_category',
    'enum', hint=mean('best_case'), allowed=['pipeline', 'best_case', 'commit', 'omitted'],
    json={'forecast_category': 'best_cas'})
row('a read-only member', 'rep', 'PATCH ' + LEAD, 422, 'validation_failed', '/version', 'read_only', json={'version': 9})
row('an id of one\'s own', 'rep', NEW_LEAD, 422, 'validation_failed', '/id', 'read_only',
    json={'id': UNKNOWN, 'last_name': 'X'})
row('another source afterwards', 'rep', 'PATCH ' + LEAD, 422, 'validation_failed', '/source', 'read_only',
    json={'source': 'fair'})
row('a status by hand', 'rep', 'PATCH ' + LEAD, 422, 'governed_field', '/status', 'governed_field',
    hint='see the record\'s transitions', json={'status': 'qualified'})
row('a status at birth', 'rep', NEW_LEAD, 422, 'governed_field', '/status', 'governed_field',
    hint='see the record\'s transitions', json={'last_name': 'X', 'status': 'qualified'})
row('a verification by hand', 'rep', 'PATCH /v1/accounts/{account}', 422, 'governed_field', '/verification',
    'governed_field', hint='see the record\'s transitions', json={'verification': 'verified'})
row('a stage by hand', 'admin', 'PATCH /v1/opportunities/{deal}', 422, 'governed_field', '/stage', 'governed_field',
    hint='see the record\'s transitions', json={'stage': 'won'})
row('a reason by hand', 'rep', 'PATCH /v1/opportunities/{deal}', 422, 'governed_field', '/lost_reason', 'governed_field',
    hint='see the record\'s transitions', json={'lost_reason': 'price'})

# references and duplicates
row('an owner whom nobody knows', 'rep', NEW_LEAD, 422, 'unknown_reference', '/owner_id', 'reference',
    json={'last_name': 'X', 'owner_id': UNKNOWN})
row('an owner that is no id', 'rep', NEW_LEAD, 422, 'validation_failed', '/owner_id', 'format',
    json={'last_name': 'X', 'owner_id': 'anna'})
row('an account that is not there', 'rep', 'POST /v1/opportunities', 422, 'unknown_reference', '/account_id',
    'reference', json={'name': 'X', 'account_id': UNKNOWN})
row('an account that was deleted', 'rep', 'POST /v1/contacts', 422, 'unknown_reference', '/account_id',
    'reference', json={'last_name': 'X', 'account_id': '{deleted_account}'})
row('a contact that is not there', 'rep', 'PATCH /v1/opportunities/{deal}', 422, 'unknown_reference', '/contact_id',
    'reference', json={'contact_id': UNKNOWN})
row('a lead that is an account', 'rep', 'POST /v1/tasks', 422, 'unknown_reference', '/lead_id', 'reference',
    json={'subject': 'X', 'lead_id': '{account}'})
row('an id of another system twice', 'rep', NEW_LEAD, 409, 'conflict', '/external_id', 'unique',
    json={'last_name': 'X', 'external_id': '{external}'})
row('an e-mail address twice', 'admin', 'POST /v1/users', 409, 'conflict', '/email', 'unique',
    json={'email': '{email}', 'name': 'X', 'password': 'long enough', 'roles': []})
row('a role that is none', 'admin', 'POST /v1/users', 422, 'unknown_reference', '/roles', 'reference',
    json={'email': 'new@sluice.test', 'name': 'X', 'password': 'long enough', 'roles': ['boss']})
row('a password too short', 'admin', 'POST /v1/users', 422, 'validation_failed', '/password', 'length',
    json={'email': 'new@sluice.test', 'name': 'X', 'password': 'secret'})
row('a language not spoken', 'admin', 'PATCH /v1/users/{user}', 422, 'validation_failed', '/language', 'format',
    json={'language': 'de'})
row('a member whom nobody knows', 'admin', 'POST /v1/teams', 422, 'unknown_reference', '/members', 'reference',
    json={'name': 'Mistaken', 'members': [UNKNOWN]})
row('a team name twice', 'admin', 'POST /v1/teams', 409, 'conflict', '/name', 'unique', json={'name': '{team_name}'})
row('a key without roles', 'admin', 'POST /v1/api-keys', 422, 'validation_failed', '/roles', 'required',
    json={'name': 'X'})
row('a form name twice', 'admin', 'POST /v1/intake-forms', 409, 'conflict', '/form', 'unique',
    json={'form': 'web', 'name': 'X', 'source': 'x', 'fields': ['email']})
row('a field no form may fill', 'admin', 'POST /v1/intake-forms', 422, 'validation_failed', '/fields/1', 'enum',
    json={'form': 'stolen', 'name': 'X', 'source': 'x', 'fields': ['email', 'owner_id']})
row('a required field that is not taken', 'admin', 'POST /v1/intake-forms', 422, 'validation_failed', '/required',
    'invalid', json={'form': 'odd', 'name': 'X', 'source': 'x', 'fields': ['email'], 'required': ['phone']})
row('another form name afterwards', 'admin', 'PATCH /v1/intake-forms/{form}', 422, 'validation_failed', '/form',
    'read_only', json={'form': 'other'})

# addresses and methods
row('an unknown address', 'rep', 'GET /v1/lead', 404, 'no_such_address', says='there is no /v1/lead',
    hint='did you mean /v1/leads?')
row('a slash at the end', 'rep', 'GET /v1/leads/', 404, 'no_such_address', hint='did you mean /v1/leads?')
row('an address without its version', 'rep', 'GET /leads', 404, 'no_such_address', hint='did you mean /v1/leads?')
row('a misspelt address below a record', 'rep', 'GET ' + LEAD + '/histroy', 404, 'no_such_address',
    hint='did you mean ' + LEAD + '/history?')
row('an address of something else', 'rep', 'GET /v1/weather', 404, 'no_such_address', says='there is no /v1/weather')
row('PUT', 'rep', 'PUT ' + LEAD, 405, 'method_not_allowed', headers={'Allow': 'GET, HEAD, PATCH, DELETE, OPTIONS'},
    says='PUT is not among GET, HEAD, PATCH, DELETE, OPTIONS')
row('DELETE of all', 'manager', 'DELETE /v1/leads', 405, 'method_not_allowed',
    says='DELETE is not among GET, HEAD, POST, OPTIONS', headers={'Allow': 'GET, HEAD, POST, OPTIONS'})
row('a changed history', 'admin', 'DELETE ' + LEAD + '/history', 405, 'method_not_allowed',
    headers={'Allow': 'GET, HEAD, OPTIONS'})
row('a method of one\'s own', 'rep', 'BREW /v1/leads', 501, 'not_implemented')
row('an id that nothing has', 'rep', 'GET /v1/leads/' + UNKNOWN, 404, 'not_found')
row('no id', 'rep', 'GET /v1/leads/12', 404, 'not_found')
row('the id of something else', 'rep', 'GET /v1/leads/{account}', 404, 'not_found')
row('a change of what is not there', 'rep', 'PATCH /v1/leads/' + UNKNOWN, 404, 'not_found', json={'city': 'X'})
row('a change of what was deleted', 'rep', 'PATCH /v1/accounts/{deleted_account}', 404, 'not_found', json={'city': 'X'})
row('a move of what is not there', 'rep', f'POST /v1/leads/{UNKNOWN}/transitions/archived', 404, 'not_found', json={})
row('the history of what is not there', 'rep', f'GET /v1/leads/{UNKNOWN}/history', 404, 'not_found')

# credentials
BEARER = 'send "Authorization: Bearer <access token or API key>"; POST /v1/session gives a token'
CHALLENGE = {'WWW-Authenticate': 'Bearer realm="sluice"'}
INVALID = {'WWW-Authenticate': 'Bearer realm="sluice", error="invalid_token"'}
row('no credentials', 'anonymous', 'GET /v1/leads', 401, 'unauthenticated', hint=BEARER, headers=CHALLENGE)
row('a password with every request', 'anonymous', 'GET /v1/leads', 401, 'unauthenticated', hint=BEARER,
    headers=CHALLENGE, headers_in={'Authorization': 'Basic YTpi'})
row('a wrong password', 'anonymous', 'POST /v1/session', 401, 'invalid_credentials',
    json={'email': '{email}', 'password': 'not the one'})
for kind in ('garbage', 'tampered', 'alg_none', 'alg_rs256', 'other_key', 'wrong_audience', 'wrong_issuer', 'not_yet',
             'no_expiry', 'expiry_with_fraction', 'no_session', 'two_parts', 'extra_header', 'too_long'):
    row(f'token: {kind}', 'anonymous', 'GET /v1/leads', 401, 'invalid_token', headers=INVALID,
        headers_in={'Authorization': 'Bearer {token[%s]}' % kind})
row('token: expired', 'anonymous', 'GET /v1/leads', 401, 'token_expired', headers=INVALID,
    hint='exchange the refresh token at POST /v1/session/refresh', headers_in={'Authorization': 'Bearer {token[expired]}'})
row('token: signed out', 'anonymous', 'GET /v1/leads', 401, 'session_revoked', headers=INVALID,
    headers_in={'Authorization': 'Bearer {token[signed_out]}'})
row('token: session of another user', 'anonymous', 'GET /v1/leads', 401, 'session_revoked', headers=INVALID,
    headers_in={'Authorization': 'Bearer {token[foreign_session]}'})
row('key: mistyped', 'anonymous', 'GET /v1/leads', 401, 'invalid_token', hint='the key is cut or mistyped',
    headers=INVALID, headers_in={'Authorization': 'Bearer {token[mistyped_key]}'})
row('key: unknown', 'anonymous', 'GET /v1/leads', 401, 'invalid_token', headers=INVALID,
    headers_in={'Authorization': 'Bearer {token[unknown_key]}'})
row('key: revoked', 'anonymous', 'GET /v1/leads', 401, 'invalid_token', headers=INVALID,
    headers_in={'Authorization': 'Bearer {token[revoked_key]}'})
row('a refresh token that is none', 'anonymous', 'POST /v1/session/refresh', 401, 'invalid_token', headers=INVALID,
    json={'refresh_token': 'slr_abc'})
row('a refresh token nobody gave', 'anonymous', 'POST /v1/session/refresh', 401, 'invalid_token', headers=INVALID,
    json={'refresh_token': '{token[unknown_refresh]}'})
row('a key that signs out', 'key', 'DELETE /v1/session', 403, 'forbidden')
row('writing as a viewer', 'viewer', NEW_LEAD, 403, 'forbidden', says='lead.write', json={'last_name': 'X'})
row('deleting as sales', 'rep', 'DELETE ' + LEAD, 403, 'forbidden', says='lead.delete')
row('users as sales', 'rep', 'GET /v1/users', 403, 'forbidden', says='admin.users')
row('a mistake where one may not', 'viewer', NEW_LEAD, 403, 'forbidden', json={'lastname': 5})

# conditions and preferences
row('a stale change', 'rep', 'PATCH ' + LEAD, 412, 'stale', headers_in={'If-Match': '"1"'}, json={'city': 'X'},
    hint='read the record again and repeat the change with its ETag in If-Match', headers={'ETag': '"2"'})
row('a stale delete', 'manager', 'DELETE ' + LEAD, 412, 'stale', headers_in={'If-Match': '"1"'}, headers={'ETag': '"2"'},
    hint='read the record again and repeat the change with its ETag in If-Match')
row('a stale move', 'rep', MOVE + 'archived', 412, 'stale', headers_in={'If-Match': '"1"'}, json={},
    hint='read the record again and repeat the change with its ETag in If-Match', headers={'ETag': '"2"'})
IF_MATCH = 'like "5", with the quotes and without W/'
row('If-Match without quotes', 'rep', 'PATCH ' + LEAD, 400, 'invalid_header', 'If-Match', 'format', hint=IF_MATCH,
    headers_in={'If-Match': '2'}, json={'city': 'X'})
row('a weak If-Match', 'rep', 'PATCH ' + LEAD, 400, 'invalid_header', 'If-Match', 'format', hint=IF_MATCH,
    headers_in={'If-Match': 'W/"2"'}, json={'city': 'X'})
row('a preference misspelt', 'rep', 'PATCH ' + LEAD, 400, 'invalid_header', 'Prefer', 'format', json={'city': 'X'},
    hint=mean('return=minimal'), headers_in={'Prefer': 'handling=strict, return=minmal'})
row('a key with blanks in it', 'rep', NEW_LEAD, 400, 'invalid_header', 'Idempotency-Key', 'format',
    json={'last_name': 'X'}, headers_in={'Idempotency-Key': 'a b'}, hint='a random UUID is a good key')
row('a key too long', 'rep', NEW_LEAD, 400, 'invalid_header', 'Idempotency-Key', 'format', json={'last_name': 'X'},
    headers_in={'Idempotency-Key': 'k' * 256}, hint='a random UUID is a good key')
row('a key for another body', 'rep', NEW_LEAD, 422, 'idempotency_mismatch', json={'last_name': 'Y'},
    headers_in={'Idempotency-Key': '{used_key}'}, hint='use a new key for every new request')
row('a key for another address', 'rep', 'POST /v1/accounts', 422, 'idempotency_mismatch', json={'name': 'Y'},
    headers_in={'Idempotency-Key': '{used_key}'}, hint='use a new key for every new request')

# lists
row('a misspelt parameter', 'rep', 'GET /v1/leads?statuss=open', 400, 'invalid_parameter', 'statuss', 'unknown',
    hint=mean('status'))
row('a misspelt operator', 'rep', 'GET /v1/leads?created_at[gtee]=2026-01-01T00:00:00Z', 400, 'invalid_parameter',
    'created_at[gtee]', 'unknown', hint=mean('created_at[gte]'))
row('a parameter where none is', 'rep', 'GET /v1/me?full=1', 400, 'invalid_parameter', 'full', 'unknown')
row('a sort that is none', 'rep', 'GET /v1/contacts?sort=last_nam', 400, 'invalid_parameter', 'sort', 'enum',
    hint=mean('last_name'),
    allowed=['created_at', '-created_at', 'updated_at', '-updated_at', 'last_name', '-last_name'])
row('a page of nothing', 'rep', 'GET /v1/leads?limit=0', 400, 'invalid_parameter', 'limit', 'range')
row('a page too long', 'rep', 'GET /v1/leads?limit=201', 400, 'invalid_parameter', 'limit', 'range')
row('a page of words', 'rep', 'GET /v1/leads?limit=abc', 400, 'invalid_parameter', 'limit', 'type')
row('a page twice', 'rep', 'GET /v1/leads?limit=5&limit=6', 400, 'invalid_parameter', 'limit', 'repeated')
row('a count that is none', 'rep', 'GET /v1/leads?count=all', 400, 'invalid_parameter', 'count', 'enum',
    allowed=['exact', 'none'])
row('a field that is none', 'rep', 'GET /v1/leads?fields=id,lst_name', 400, 'invalid_parameter', 'fields', 'unknown',
    hint=mean('last_name'))
row('a field that is none, of one', 'rep', 'GET ' + LEAD + '?fields=last_nam', 400, 'invalid_parameter', 'fields',
    'unknown', hint=mean('last_name'))
row('a field that is none, near one', 'rep', 'GET /v1/accounts?fields=nmae', 400, 'invalid_parameter', 'fields', 'unknown',
    says='There is no field "nmae".', hint=mean('name'))
row('a field that is none, near none', 'admin', 'GET /v1/teams?fields=id,colour', 400, 'invalid_parameter', 'fields', 'unknown',
    says='There is no field "colour".', allowed=['id', 'version', 'name', 'members', 'created_at', 'updated_at', 'created_by'])
row('a member of a field', 'rep', 'GET /v1/accounts?include=owner&fields=owner.name', 400, 'invalid_parameter', 'fields',
    'unknown', says='There is no field "owner.name".', hint='members come whole here: name "owner"')
row('an include that is none', 'rep', 'GET /v1/contacts?include=acount', 400, 'invalid_parameter', 'include', 'enum',
    hint=mean('account'), allowed=['owner', 'account'])
row('a user by name', 'rep', 'GET /v1/leads?owner=anna', 400, 'invalid_parameter', 'owner', 'format')
row('an offset that became a blank', 'rep', 'GET /v1/leads?created_at[gte]=2026-01-01T00:00:00+02:00', 400, 'invalid_parameter',
    'created_at[gte]', 'format', hint='in a query "+" stands for a blank: send %2B for it, or the time in UTC with Z')
row('a day for a moment', 'rep', 'GET /v1/leads?created_at[lt]=2026-01-01', 400, 'invalid_parameter', 'created_at[lt]',
    'format', hint='add a time and its offset, as in "T00:00:00Z"')
row('a blank between day and time', 'rep', 'POST /v1/activities', 422, 'validation_failed', '/occurred_at', 'format',
    hint='a T goes between day and time, and Z or an offset like +02:00 behind it',
    json={'kind': 'call', 'occurred_at': '2026-11-21 10:00:00Z', 'lead_id': '{lead}'})
LEAD_STATES = 'No process of lead has a state "qualifed".'
row('a state that no process has', 'rep', 'GET /v1/leads?status=qualifed', 400, 'invalid_parameter', 'status', 'enum',
    hint=mean('qualified'), says=LEAD_STATES)
row('a state that no process has, beside one that is', 'rep', 'GET /v1/leads?status=qualifed&status=qualified&source=nothing', 400,
    'invalid_parameter', 'status', 'enum', hint=mean('qualified'), says=LEAD_STATES)
row('a stage that no process has', 'rep', 'GET /v1/opportunities?stage=negotation', 400, 'invalid_parameter', 'stage', 'enum',
    hint=mean('negotiation'), says='No process of opportunity has a state "negotation".')
row('a verification that no process has', 'rep', 'GET /v1/accounts?verification=varified', 400, 'invalid_parameter',
    'verification', 'enum', hint=mean('verified'), says='No process of account has a state "varified".')
row('a range of times backwards', 'rep',
    'GET /v1/leads?created_at[gte]=2026-02-01T00:00:00Z&created_at[lt]=2026-02-01T01:59:59.9%2B02:00', 400,
    'invalid_parameter', 'created_at[lt]', 'range', hint='exchange "created_at[gte]" and "created_at[lt]"',
    says='It lies before "created_at[gte]": nothing is between.')
row('a range of days backwards', 'rep', 'GET /v1/opportunities?close_date[gte]=2026-03-02&close_date[lte]=2026-03-01', 400,
    'invalid_parameter', 'close_date[lte]', 'range', hint='exchange "close_date[gte]" and "close_date[lte]"')
row('a range of amounts backwards', 'rep', 'GET /v1/opportunities?amount[gte]=100&amount[lte]=99.5', 400, 'invalid_parameter',
    'amount[lte]', 'range', hint='exchange "amount[gte]" and "amount[lte]"')
row('a range of years backwards', 'rep', 'GET /v1/equipment?year_installed[gte]=2020&year_installed[lte]=2019', 400,
    'invalid_parameter', 'year_installed[lte]', 'range',
    hint='exchange "year_installed[gte]" and "year_installed[lte]"')
row('a period backwards', 'manager', 'GET /v1/reports/conversion?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 400,
    'invalid_parameter', 'to', 'range', hint='exchange "from" and "to"')
row('a record of the future', 'rep', 'GET ' + LEAD + '?as_of=2126-01-01T00:00:00Z', 400, 'invalid_parameter', 'as_of', 'range',
    says='The moment is still to come.', hint='send a moment of the past, or leave as_of out for now')
row('a report of the future', 'manager', 'GET /v1/reports/sales?as_of=2126-01-01T00:00:00Z', 400, 'invalid_parameter',
    'as_of', 'range', says='The moment is still to come.', hint='send a moment of the past, or leave as_of out for now')
row('a time in words', 'rep', 'GET /v1/leads?created_at[gte]=yesterday', 400, 'invalid_parameter', 'created_at[gte]',
    'format')
row('a search for one letter', 'rep', 'GET /v1/leads?q=a', 400, 'invalid_parameter', 'q', 'length')
row('maybe for true', 'rep', 'GET /v1/opportunities?awaiting_verification=maybe', 400, 'invalid_parameter',
    'awaiting_verification', 'type')
row('an amount in words', 'rep', 'GET /v1/opportunities?amount[gte]=much', 400, 'invalid_parameter', 'amount[gte]',
    'format')
row('a word outside the enum', 'rep', 'GET /v1/tasks?status=opne', 400, 'invalid_parameter', 'status', 'enum',
    hint=mean('open'), allowed=['open', 'done', 'cancelled'])
row('a cursor of one\'s own', 'rep', 'GET /v1/leads?cursor=abc', 400, 'invalid_cursor')
row('a cursor changed', 'rep', 'GET /v1/leads?source={source}&cursor={cursor}x', 400, 'invalid_cursor')
AGAIN = 'start again without a cursor, or keep filters and sort as they were'
row('a cursor of another list', 'rep', 'GET /v1/contacts?cursor={cursor}', 400, 'invalid_cursor', hint=AGAIN)
row('a cursor of other filters', 'rep', 'GET /v1/leads?source=other&cursor={cursor}', 400, 'invalid_cursor', hint=AGAIN)
row('a cursor of another order', 'rep', 'GET /v1/leads?source={source}&sort=company&cursor={cursor}', 400,
    'invalid_cursor', hint=AGAIN)
row('a history cursor of another record', 'rep', 'GET /v1/accounts/{account}/history?cursor={history_cursor}', 400,
    'invalid_cursor', hint=AGAIN)

# transitions
row('a transition that is not there', 'rep', DEAL + 'win', 409, 'no_such_transition', json={})
row('a transition of another state', 'rep', MOVE + 'qualified', 409, 'no_such_transition', json={})
row('the transition of birth', 'rep', MOVE + 'created', 409, 'no_such_transition', json={})
row('a transition of another role', 'rep', 'POST /v1/accounts/{account}/transitions/verify', 403, 'not_transition_owner',
    json={})
row('a conversion as a transition', 'rep', 'POST /v1/leads/{qualified}/transitions/converted', 409, 'use_conversion',
    json={})
row('a field that is not collected', 'rep', DEAL + 'lost', 422, 'validation_failed', '/fields/lost_reson', 'unknown',
    hint=mean('lost_reason'), allowed=['lost_reason'], json={'fields': {'lost_reson': 'price'}, 'note': 'x'},
    one_of_several=True)
row('a choice that is none', 'rep', DEAL + 'lost', 422, 'validation_failed', '/fields/lost_reason', 'enum',
    allowed=['price', 'competitor', 'no_decision', 'timing', 'account_rejected', 'other'],
    json={'fields': {'lost_reason': 'mood'}})
row('a choice that is no text', 'rep', DEAL + 'lost', 422, 'validation_failed', '/fields/lost_reason', 'enum',
    allowed=['price', 'competitor', 'no_decision', 'timing', 'account_rejected', 'other'],
    json={'fields': {'lost_reason': 7}})
row('a required note left out', 'rep', DEAL + 'cancelled', 422, 'validation_failed', '/note', 'required', json={})
row('a required note without a body', 'rep', DEAL + 'cancelled', 422, 'validation_failed', '/note', 'required')
row('a note too long', 'rep', DEAL + 'cancelled', 422, 'validation_failed', '/note', 'length', json={'note': 'x' * 10001})
row('a misspelt part', 'rep', MOVE + 'contacted', 422, 'validation_failed', '/activites', 'unknown',
    hint=mean('activities'), json={'activites': []})
row('a wrong activity inside', 'rep', MOVE + 'contacted', 422, 'validation_failed', '/activities/1/kind', 'enum',
    allowed=KINDS, json={'activities': [{'kind': 'call'}, {'kind': 'phone'}]})
row('a task without a subject', 'rep', MOVE + 'archived', 422, 'validation_failed', '/tasks/0/subject', 'required',
    json={'tasks': [{}]})
row('a tick that is not asked for', 'rep', MOVE + 'archived', 422, 'validation_failed', '/checklist/0', 'unknown',
    allowed=[], json={'checklist': ['papers']})
row('too many activities', 'rep', MOVE + 'archived', 422, 'validation_failed', '/activities', 'too_many',
    json={'activities': [{'kind': 'note'}] * 21})
row('a day in words in a transition', 'rep', MOVE + 'nurture', 422, 'validation_failed', '/fields/nurture_until', 'format',
    json={'fields': {'nurture_until': 'spring'}})

# conversion
row('a conversion too early', 'rep', 'POST ' + LEAD + '/conversion', 422, 'guard_failed', json={})
row('both to link and to create', 'rep', 'POST /v1/leads/{qualified}/conversion', 422, 'validation_failed', '/account',
    'exclusive', json={'account': {'id': '{account}', 'create': {'name': 'X'}}})
row('to link what is not there', 'rep', 'POST /v1/leads/{qualified}/conversion', 422, 'unknown_reference', '/account/id',
    'reference', json={'account': {'id': UNKNOWN}})
row('an opportunity without a name', 'rep', 'POST /v1/leads/{qualified}/conversion', 422, 'validation_failed',
    '/opportunity/name', 'required', json={'opportunity': {}})
row('converting without the right', 'verifier', 'POST /v1/leads/{qualified}/conversion', 403, 'forbidden',
    says='lead.convert', json={})

# intake
FORM = 'POST /v1/intake/strict?key={form_key}'
row('a wrong intake key', 'anonymous', 'POST /v1/intake/strict?key=ik_wrong', 401, 'invalid_token', json={})
row('no intake key', 'anonymous', 'POST /v1/intake/strict', 401, 'invalid_token', json={})
row('the key of another form', 'anonymous', 'POST /v1/intake/web?key={form_key}', 401, 'invalid_token', json={})
row('a form that is not there', 'anonymous', 'POST /v1/intake/nothing?key={form_key}', 401, 'invalid_token', json={})
row('a landing page as text', 'anonymous', FORM, 415, 'unsupported_media_type', data='x',
    headers_in={'Content-Type': 'text/plain'},
    hint='send Content-Type: application/json, application/x-www-form-urlencoded, multipart/form-data',
    headers={'Accept-Post': 'application/json, application/x-www-form-urlencoded, multipart/form-data'})
row('a required field left out', 'anonymous', FORM, 422, 'validation_failed', '/email', 'required',
    json={'last_name': 'X'})
row('a required field left empty', 'anonymous', FORM, 422, 'validation_failed', '/email', 'required',
    data={'last_name': 'X', 'email': ''})
row('a wrong field of a form', 'anonymous', FORM, 422, 'validation_failed', '/email', 'format', data={'email': 'anna'})
row('a wrong member of a form', 'anonymous', FORM, 422, 'validation_failed', '/last_name', 'type',
    json={'last_name': ['X'], 'email': 'anna@sluice.test'})
row('a form that is a list', 'anonymous', FORM, 422, 'validation_failed', '', 'type', json=[1])
row('a form that is no JSON', 'anonymous', FORM, 400, 'malformed_json', data='{', headers_in=JSON,
    says='Line 1, column 1')
row('a form badly encoded', 'anonymous', FORM, 400, 'malformed_form', data='email=%zz',
    headers_in={'Content-Type': 'application/x-www-form-urlencoded'}, says='Field 1')


def encode(part):
    return base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode()).rstrip(b'=').decode()


def forge(header, claims, key):
    """A token whose header says what we want, signed with HMAC and SHA-256 all the same."""
    text = f'{encode(header)}.{encode(claims)}'
    return f'{text}.{encode(hmac.new(key, text.encode(), hashlib.sha256).digest())}'


def make_tokens(rows, rep, rep2, new_user, new_key, admin):
    key = bytes.fromhex(rows("select value from sluice.instance_secret where key = 'token_key'")[0]['value'])
    claims = jwt.decode(rep.token, key, algorithms=['HS256'], audience='sluice')
    other = jwt.decode(rep2.token, key, algorithms=['HS256'], audience='sluice')
    header, now = {'alg': 'HS256', 'typ': 'JWT'}, int(time.time())
    assert jwt.decode(forge(header, claims, key), key, algorithms=['HS256'], audience='sluice') == claims
    parts = rep.token.split('.')
    gone, revoked = new_user('sales'), new_key('sales')
    assert gone.delete('/v1/session').status_code == 204
    assert admin.delete(f'/v1/api-keys/{revoked.key["id"]}').status_code == 204
    return {
        'garbage': 'abc',
        'tampered': '.'.join([parts[0], encode({**claims, 'sub': other['sub'], 'sid': other['sid']}), parts[2]]),
        'alg_none': f'{encode({"alg": "none", "typ": "JWT"})}.{parts[1]}.',
        'alg_rs256': forge({'alg': 'RS256', 'typ': 'JWT'}, claims, key),
        'other_key': forge(header, claims, b'k' * 32),
        'wrong_audience': forge(header, {**claims, 'aud': 'elsewhere'}, key),
        'wrong_issuer': forge(header, {**claims, 'iss': 'elsewhere'}, key),
        'not_yet': forge(header, {**claims, 'nbf': now + 3600}, key),
        'no_expiry': forge(header, {k: v for k, v in claims.items() if k != 'exp'}, key),
        'expiry_with_fraction': forge(header, {**claims, 'exp': now + 600.5}, key),
        'no_session': forge(header, {k: v for k, v in claims.items() if k != 'sid'}, key),
        'two_parts': '.'.join(parts[:2]),
        'extra_header': forge({**header, 'kid': '1'}, claims, key),
        'too_long': forge(header, {**claims, 'x': 'y' * 8192}, key),
        'expired': forge(header, {**claims, 'iat': now - 7200, 'exp': now - 3600}, key),
        'foreign_session': forge(header, {**claims, 'sid': other['sid']}, key),
        'signed_out': gone.token,
        'mistyped_key': revoked.token[:10] + ('A' if revoked.token[10] != 'A' else 'B') + revoked.token[11:],
        'unknown_key': other_secret(revoked.token),
        'unknown_refresh': other_secret(rep.session['refresh_token']),
        'revoked_key': revoked.token,
    }


def other_secret(secret):
    """A well-formed secret that nobody was given: its checksum is right."""
    def check_sum(covered):
        return encode(hashlib.sha256(covered.encode()).digest())[:6]

    covered = secret[:-7]
    assert check_sum(covered) == secret[-6:]
    other = covered[:-4] + ('AAAA' if covered[-4:] != 'AAAA' else 'BBBB')
    return f'{other}_{check_sum(other)}'


@pytest.fixture(scope='module')
def world(rows, admin, manager, mkt, rep, rep2, new_user, new_key):
    source = 'mistakes'
    lead = rep.make('leads', last_name='Mistake', source=source)
    rep.patch(f'/v1/leads/{lead["id"]}', json={'city': 'Gdynia'})  # version 2
    rep.make('leads', last_name='Other', source=source, external_id='mistakes-1')
    account = rep.make('accounts', name='Mistake account')
    gone = rep.make('accounts', name='Deleted account')
    assert manager.delete(f'/v1/accounts/{gone["id"]}').status_code == 204
    ready = mkt.make('leads', last_name='Qualified mistake', company='Qualified mistake')
    qualify(mkt, ready['id'])
    form = admin.make('intake-forms', form='strict', name='Strict', source='strict', fields=['last_name', 'email'],
                      required=['email'])
    used = rep.post('/v1/leads', json={'last_name': 'Kept'}, headers={'Idempotency-Key': 'mistakes-used'})
    assert used.status_code == 201
    return {
        'lead': lead['id'], 'account': account['id'], 'deleted_account': gone['id'], 'qualified': ready['id'],
        'deal': deal_in(rep, 'qualification')['id'], 'external': 'mistakes-1', 'source': source,
        'activity': rep.make('activities', kind='note', lead_id=lead['id'])['id'],
        'user': rep.user['id'], 'email': rep.user['email'], 'form': form['id'], 'form_key': form['key'],
        'team_name': admin.make('teams', name='Mistaken team')['name'],
        'used_key': 'mistakes-used',
        'cursor': rep.get('/v1/leads', params={'source': source, 'limit': 1}).json()['next_cursor'],
        'history_cursor': rep.get(f'/v1/leads/{lead["id"]}/history', params={'limit': 1}).json()['next_cursor'],
        'token': make_tokens(rows, rep, rep2, new_user, new_key, admin),
    }


@pytest.fixture(scope='module')
def people(anonymous, admin, manager, rep, verifier, viewer, new_key):
    return {'anonymous': anonymous, 'admin': admin, 'manager': manager, 'rep': rep, 'verifier': verifier,
            'viewer': viewer, 'key': new_key('sales')}


def fill(value, world):
    if isinstance(value, str) and '{' in value:
        return value.format_map(world)
    if isinstance(value, dict):
        return {k: fill(v, world) for k, v in value.items()}
    if isinstance(value, list):
        return [fill(v, world) for v in value]
    return value


@pytest.mark.parametrize('mistake', TABLE, ids=lambda m: m.name)
def test_mistake(mistake, world, people, rows):
    send = dict(mistake.send)
    several = send.pop('one_of_several', False)
    headers = fill(send.pop('headers_in', {}), world)
    if 'json' in send:
        send['json'] = fill(send['json'], world)
    before = content(rows)
    answer = people[mistake.who].call(mistake.method, fill(mistake.path, world), headers=headers, **send)
    assert content(rows) == before
    assert answer.status_code == mistake.status, answer.text
    body = answer.json()
    assert body['code'] == mistake.code, body
    as_documented(body)
    told = body
    if mistake.fault:
        faults = [f for f in body['errors'] if f.get('pointer', f.get('name')) == mistake.where]
        assert [f['code'] for f in faults] == [mistake.fault], body
        assert several or len(body['errors']) == 1, body
        told = faults[0]
        assert ('pointer' in told) == (told['in'] == 'body')
    else:
        assert 'errors' not in body
    assert told.get('hint') == (fill(mistake.hint, world) or (None if mistake.fault else HINTS[mistake.code]))
    if mistake.says:
        assert mistake.says in told['detail']
    if mistake.allowed is not None:
        assert told['allowed'] == mistake.allowed
    for name, value in mistake.headers.items():
        assert answer.headers[name] == value
    if mistake.code == 'no_such_transition':
        legal = people['rep'].get(fill(mistake.path, world).rsplit('/', 1)[0]).json()['items']
        assert [t['key'] for t in body['legal']] == [t['key'] for t in legal]
        assert [t['to'] for t in body['legal']] == [t['to']['key'] for t in legal]
    if mistake.code == 'stale':
        assert body['current']['version'] == 2
    assert 'not the one' not in answer.text and 'long enough' not in answer.text


def test_everything_wrong_is_told_at_once(rep):
    answer = rep.post('/v1/leads', json={'lastname': 'X', 'email': 'anna', 'country': 'pl', 'version': 1,
                                         'estimated_value': {'amount': 'much'}})
    assert answer.status_code == 422
    found = {(f['pointer'], f['code']) for f in answer.json()['errors']}
    assert found == {('/lastname', 'unknown'), ('/email', 'format'), ('/country', 'format'), ('/version', 'read_only'),
                     ('/estimated_value/amount', 'format'), ('/estimated_value/currency', 'required')}
    answer = rep.get('/v1/leads?statuss=open&limit=0&sort=size')
    assert answer.status_code == 400
    assert {(f['name'], f['code']) for f in answer.json()['errors']} == {
        ('statuss', 'unknown'), ('limit', 'range'), ('sort', 'enum')}


def test_faults_beyond_the_limit_are_counted(rep):
    answer = rep.post('/v1/leads', json={f'wrong_{i}': i for i in range(150)})
    body = answer.json()
    assert (answer.status_code, len(body['errors']), body['errors_omitted']) == (422, 100, 50)


def test_the_table_is_long_enough():
    assert len(TABLE) >= 70
    assert len({m.name for m in TABLE}) == len(TABLE)
