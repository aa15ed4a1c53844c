"""What SQL, guards and logs make of hostile texts: each in every parameter and every member of a body that can hold a text,
as the contract lists them. Nothing fails inside, PostgreSQL never has to parse what a client sent, and no log repeats it.

SLUICE_LONG=1 sends every text to every place."""
import itertools
import os
import re
from urllib.parse import quote, urlencode

import psycopg2
import pytest

from daemon import wait_for
from fill import classes, leaves, set_at, surfaced

MARK = 'Qx9mark'
# each begins with the mark, so that a log that repeats it is found; but for those that are only strange where they begin
HOSTILE = [
    "{m}'", '{m}"', "{m}''", "{m}\\", "{m}\\'", "{m}' or '1'='1", "{m}' or 1=1--", "{m}') or ('1'='1", "{m}'; drop table sluice.lead; --",
    "{m}' union select null, version() --", "{m}'||pg_sleep(5)||'", "{m}' and 1=cast((select current_user) as int) --",
    "{m}/*", "{m}*/", "{m}--", "{m};", "{m}$1", "{m}$$", "{m}%", "{m}_", "{m}:id", "{m}::regclass", "{m}{{}}", "{m}{{1,2}}",
    "{m}}},{{", '{m}","', "{m},", "{m}(", "{m})", "{m}[", "{m}]", "{m}\u02bc or 1=1", "{m}\uff07", "{m}%27", "{m}&#39;", "{m}<script>alert(1)</script>",
    "{m}${{7*7}}", "{m}../../etc/passwd", "{m}\u202e", "{m}\ufeff", "{m}\U0001f600", "{m}\u0301", "=cmd|'/c calc'!A1{m}",
    "' or 1=1--", "\\", "'", "{{", "null", "NaN", "infinity", "-1", "1e400", "99999999999999999999", "now()", "0x27", "", " ", "{m}" * 400]
HOSTILE = [text.replace('{m}', MARK).replace('{{', '{').replace('}}', '}') for text in HOSTILE]


@pytest.fixture(scope='module')
def surface():
    with surfaced() as made:
        yield made


def chosen(n, place):
    """All of the texts, or some that differ from place to place."""
    if os.environ.get('SLUICE_LONG'):
        return HOSTILE
    return [HOSTILE[(place * 7 + i * 19) % len(HOSTILE)] for i in range(n)]


# with a body that is right it ends the session of who sends it twice, which other tests show
SKIPPED = {'session_delete', 'session_refresh'}


def sent(surface):
    """Sends everything; yields (what, answer)."""
    place = itertools.count()
    for operation in surface.client.contract.operations:
        if operation.name in SKIPPED:
            continue
        media, body = surface.body(operation)
        # what is deleted is needed by others: only what is not there
        path, query = surface.path(operation)
        if operation.method == 'delete' or operation.name in ('me_password', 'import_revert', 'blueprint_retire'):
            path = re.sub(r'[0-9a-f]{8}-[0-9a-f-]{27}', '0190163d-0000-7000-8000-00000000dead', path)
        own = f'{path}?{urlencode(query)}' if query else path
        for parameter in operation.parameters:
            for text in chosen(2, next(place)):
                if parameter['in'] == 'query':
                    names = [parameter['name']] + ([text[:100]] if text else [])
                    for name in names:
                        yield (operation.name, name, text), surface.send(
                            operation, f'{path}?{urlencode({**query, name: text})}', media, body)
                elif parameter['in'] == 'path':
                    at = re.sub(r'\{%s\}' % parameter['name'], quote(text, safe='') or '%20', operation.template)
                    at = re.sub(r'\{[^}]*\}', 'x', at)
                    yield (operation.name, parameter['name'], text), surface.send(operation, at, media, body)
                elif text.isascii() and text.strip() == text:
                    yield (operation.name, parameter['name'], text), surface.send(
                        operation, own, media, body, headers={parameter['name']: text})
        if not media or not isinstance(body, (dict, list)) or 'json' not in media:
            continue
        schema = operation.node['requestBody']['content'][media]['schema']
        for pointer, _ in leaves(surface.client.contract, schema):
            for text in chosen(2, next(place)):
                yield (operation.name, pointer, text), surface.send(operation, own, media, set_at(body, pointer, text))


def test_hostile_texts_stay_texts(surface):
    failed, n, taken = [], 0, set()
    for what, answer in sent(surface):
        n += 1
        if answer.status_code < 300:
            taken.add(what[0])
        assert answer.status_code != 401 or surface.client.contract.by_name[what[0]].permission == 'public', what
        if answer.status_code >= 500:
            failed.append((what, answer.status_code, answer.text[:300]))
    assert failed == [] and n > 4000
    assert surface.violations == []
    assert len(taken) > 150  # hostile texts are texts: most operations have done their work with some of them
    assert classes(surface.daemon) == []
    found = [line for line in (surface.daemon.log() + surface.daemon.postgres_log()).splitlines() if MARK in line]
    assert found == []


# what a log must not have: by format, something that is taken for right
PLANTED = {
    None: f'{MARK} text', 'email': f'{MARK}@planted.test', 'uri': f'https://{MARK}.planted.test/', 'password': f'{MARK} battery staple 7'}


def planted(surface, operation, media, body):
    """The body with something planted in every text that is free, one after the other and all at once."""
    contract = surface.client.contract
    schema = operation.node['requestBody']['content'][media]['schema']
    whole = body
    for pointer, leaf in leaves(contract, schema):
        if 'enum' in leaf or 'pattern' in leaf or leaf.get('format') not in PLANTED:
            continue
        text = PLANTED[leaf.get('format')][:leaf.get('maxLength', 1000)]
        yield set_at(body, pointer, text)
        if pointer.count('/') == 1:
            whole = set_at(whole, pointer, text)
    yield whole


def test_no_log_repeats_what_it_was_told(surface):
    """Bodies twice, so that what must be there only once is refused by PostgreSQL; and every kind of secret."""
    taken = set()
    for operation in surface.client.contract.operations:
        media, body = surface.body(operation)
        if operation.name in SKIPPED or not isinstance(body, dict) or 'json' not in media:
            continue
        path, query = surface.path(operation)
        for value in planted(surface, operation, media, body):
            for _ in range(2):
                answer = surface.send(operation, f'{path}?{urlencode(query)}', media, value)
                assert answer.status_code < 500, (operation.name, answer.text)
                if answer.status_code < 300:
                    taken.add(operation.name)
    assert len(taken) > 40
    client, secrets = surface.client, [surface.client.token, surface.daemon.intake['key'], surface.daemon.admin['password']]
    session = client.post('/v1/session', json={'email': surface.daemon.admin['email'], 'password': secrets[2]},
                          headers={'Authorization': ''}).json()
    refreshed = client.post('/v1/session/refresh', json={'refresh_token': session['refresh_token']}).json()
    again = client.post('/v1/session/refresh', json={'refresh_token': session['refresh_token']})
    assert again.status_code == 401  # the reuse of a token is told to the log, the token is not
    secrets += [session['access_token'], session['refresh_token'], refreshed['access_token'], refreshed['refresh_token']]
    pixel = client.post(f'/v1/leads/{surface.answers["lead_create"]["id"]}/pixel', json={'label': 'X'}).json()['path'].split('/')[-1]
    assert client.get(f'/v1/pixels/{pixel}').status_code == 200
    secrets.append(pixel)
    for token in (secrets[0] + 'x', session['access_token'][:-3], refreshed['access_token']):
        client.get('/v1/me', headers={'Authorization': f'Bearer {token}'})
    client.get('/v1/me', params={'access_token': refreshed['access_token']})
    log = surface.daemon.log() + surface.daemon.postgres_log()
    assert log.count('"message":"request"') > 1000 and log.count('ERROR') > 50  # what is looked through is there
    # the first start tells the password and the key that it made, once, to whoever started it
    told = log.split('"message":"request"', 1)[1]
    found = [line for line in told.splitlines() if MARK in line or any(secret[-40:] in line for secret in secrets)]
    assert found == []
    assert [line for line in told.splitlines() if re.search(r'[\w.]+@(example|planted|sluice)\.', line)] == []


def test_the_log_would_tell(surface):
    """The looks above see what they look for: an error that only a defect could provoke is found."""
    for wrong in ('select no_such_column', "select 'x'::uuid"):
        with pytest.raises(psycopg2.Error):
            surface.daemon.sql(wrong)
    wait_for(lambda: len(classes(surface.daemon)) == 2, what='the two errors')
    assert [line[:5] for line in classes(surface.daemon)] == ['42703', '22P02']
