"""sqlmap (Debian's package) against every parameter and body that the contract lists. Hours: only with SLUICE_LONG=1, and for
as long as SLUICE_SQLMAP_SECONDS says (0: to the end). SLUICE_SEED says in which order; SLUICE_SQLMAP_ONLY=user_create,lead_list
names those to take.

sqlmap guesses from answers, and tells how it guessed; PostgreSQL knows. So both are asked: sqlmap compares answers without
what differs in any two of them, and pg_stat_statements has the text of everything that ran, that of functions too. A text
of sqlmap that became SQL is there, or in the log as an error of a class that no client can provoke."""
import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import time
from urllib.parse import urlencode, urlsplit

import pytest

from test_injection import SKIPPED, classes, surface  # pylint: disable=unused-import  # a fixture

pytestmark = pytest.mark.skipif(not os.environ.get('SLUICE_LONG') or not shutil.which('sqlmap'),
                                reason='long mode, with sqlmap installed')
# it begins anew, or ends what the others need
LEFT_OUT = SKIPPED | {'me_password', 'session_create'}
# `id` is a text, and a field of every record
SAMPLES = {'string': 'id', 'integer': '1', 'number': '1', 'boolean': 'true', 'array': 'id'}
# what the examples end, or never begin: there is none to be shown
ABSENT = {'intake_confirm_page', 'merge_get', 'job_items', 'approval_get'}
# two creations never have the same id and moment, nor two refusals the same number; to sqlmap that is noise, in which it
# finds patterns. (What it looks for a function with left Python in 3.11.)
STEADY = r'''
import inspect
import re

inspect.getargspec = inspect.getfullargspec
VARYING = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)'
                     r'|"(version|seq)":\d+|sl[a-z]_[\w-]+')


def postprocess(page, headers=None, code=None):
    return VARYING.sub('0', page) if isinstance(page, str) else page, headers, code
'''
# what sqlmap sends and no query here says, as pg_stat_statements writes it: constants are $1, $2
FOREIGN = (r'pg_sleep|\mchr\(|\mdual\M|union all select (null|\$)|generate_series\(\$\d+, ?\$\d+\)|\$\d+=\$\d+'
           r'|case when \(\$\d+|information_schema|dbms_|crypt_key')


@pytest.fixture(scope='module')
def watched(surface):
    """The surface, in a PostgreSQL that remembers what ran."""
    assert surface.daemon.stop() == 0
    with open(surface.daemon.folder / 'data' / 'postgres' / 'postgresql.auto.conf', 'a', encoding='utf-8') as conf:
        conf.write("shared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track = 'all'\n"
                   'pg_stat_statements.max = 20000\n')
    surface.daemon.start()
    surface.daemon.sql('create extension pg_stat_statements schema public')
    return surface


def foreign(daemon):
    """What the daemon's role ran, itself or within a function, with the words of sqlmap."""
    return [row[0] for row in daemon.sql("""select s.query from public.pg_stat_statements s join pg_roles r on r.oid = s.userid
                                             where r.rolname <> 'postgres' and s.query ~* %s""", FOREIGN)]


def sample(contract, parameter):
    """A value that gets as far as the query."""
    schema = contract.deref(parameter['schema'])
    schema = contract.deref(schema.get('items', schema))
    if 'enum' in schema:
        return schema['enum'][0]
    return {'uuid': '0190163d-0000-7000-8000-00000000dead', 'user': 'me', 'date': '2026-01-01',
            'date-time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()), 'decimal': '1'}.get(
                schema.get('format'), SAMPLES.get(schema.get('type'), 'id'))


def taken(surface, operation, path, query):
    """The query without what is refused: one wrong parameter, and not one of the others gets as far as SQL."""
    while query:
        answer = surface.send(operation, f'{path}?{urlencode(query)}')
        refused = {fault.get('name') for fault in answer.json()['errors']} if answer.status_code == 400 else set()
        if not refused & set(query):
            assert answer.status_code < 300 or operation.name in ABSENT, (operation.name, query, answer.text[:300])
            return query
        query = {name: value for name, value in query.items() if name not in refused}
    return query


def request(surface, operation):
    """The request as text, as sqlmap reads it; its parameters are those of the query, and the members of the body."""
    contract = surface.client.contract
    path, query = surface.path(operation)
    media, body = surface.body(operation)
    if operation.method == 'delete':
        path = re.sub(r'[0-9a-f]{8}-[0-9a-f-]{27}', '0190163d-0000-7000-8000-00000000dead', path)
    for parameter in operation.parameters:
        if parameter['in'] == 'query' and parameter['name'] not in query and '*' not in parameter['name']:
            query[parameter['name']] = 'PL' if parameter['name'] == 'country' else sample(contract, parameter)
    query.pop('cursor', None)
    if operation.method == 'get':
        query = taken(surface, operation, path, query)
    lines = [f'{operation.method.upper()} {path}{"?" if query else ""}{urlencode(query)} HTTP/1.1',
             f'Host: {urlsplit(surface.daemon.url).netloc}', f'Authorization: Bearer {surface.client.token}']
    if media:
        lines.append(f'Content-Type: {media}')
    text = '' if not media else json.dumps(body) if 'json' in media else body if isinstance(body, str) else urlencode(body)
    return '\r\n'.join(lines) + '\r\n\r\n' + text if query or text else None


def test_what_ran_is_known(watched):
    """The look below sees what it looks for, within a function too."""
    assert foreign(watched.daemon) == []
    for spoilt in ('1=1 and 4711=4711', '(select pg_sleep(0)) is not null'):
        watched.daemon.sql("""set role sluice_app; do $$ begin execute 'select 1 from sluice.role where ' || %s; end $$""", spoilt)
    assert sorted(text for text in foreign(watched.daemon) if text.startswith('select')) == [
        'select $1 from sluice.role where $2=$3 and $4=$5', 'select $1 from sluice.role where (select pg_sleep($2)) is not null']
    watched.daemon.sql('select public.pg_stat_statements_reset()')
    assert foreign(watched.daemon) == []


def test_queries_are_answered(watched):
    """What sqlmap begins with gets as far as SQL, with nearly all of the parameters."""
    gets = [op for op in watched.client.contract.operations if op.method == 'get' and op.name not in LEFT_OUT]
    sent = [text.split(' ')[1].count('=') for text in (request(watched, op) for op in gets) if text]
    assert len(sent) > 100 and sum(sent) > 560


def test_sqlmap_finds_nothing(watched, tmp_path, capsys):
    limit, begun = float(os.environ.get('SLUICE_SQLMAP_SECONDS', '0')), time.monotonic()
    only = set(filter(None, os.environ.get('SLUICE_SQLMAP_ONLY', '').split(',')))
    operations = [op for op in watched.client.contract.operations if op.name not in LEFT_OUT and (not only or op.name in only)]
    random.Random(int(os.environ.get('SLUICE_SEED', '1'))).shuffle(operations)
    (tmp_path / '__init__.py').touch()
    (tmp_path / 'steady.py').write_text(STEADY)
    found, hints, asked, tests = [], [], 0, 0
    # all of them before the first changes what the others are about
    for operation, text in [(op, request(watched, op)) for op in operations]:
        if not text or limit and time.monotonic() - begun > limit:
            continue
        file = tmp_path / f'{operation.name}.txt'
        file.write_bytes(text.encode())
        out = tmp_path / 'out'
        command = ['sqlmap', '-r', file, '--batch', '--level=3', '--risk=2', '--dbms=postgresql', '--time-sec=2', '--threads=2',
                   '--disable-coloring', '--flush-session', '--skip=Host,User-Agent,Referer,Authorization', '--ignore-stdin',
                   '--ignore-code=401,404', f'--postprocess={tmp_path}/steady.py', f'--output-dir={tmp_path}']
        with open(out, 'wb') as log, contextlib.suppress(subprocess.TimeoutExpired):
            ended = subprocess.run(command, stdout=log, stderr=log, check=False, timeout=limit / 6 if limit else None)
            assert ended.returncode == 0, out.read_text(errors='replace')[-3000:]
        said = out.read_text(errors='replace')
        tests += len(re.findall("testing '", said))
        asked += 1
        # what looks like one is tried again by sqlmap itself, and named here only when it holds
        if 'sqlmap identified the following injection' in said:
            found.append((operation.name, re.findall(r'(?m)^(?:Parameter|    Type|    Payload): .*', said)))
        hints += [(operation.name, hint) for hint in re.findall(r"parameter '.*' appears to be '.*injectable", said)]
        with capsys.disabled():
            print(f'{time.monotonic() - begun:7.0f} s  {operation.name}: {tests} tests so far, {len(hints)} looked again at', flush=True)
        # 57P03: it was asked while it started anew
        assert [line for line in classes(watched.daemon) if line[:5] != '57P03'] == [], operation.name
        assert foreign(watched.daemon) == [], operation.name
    with capsys.disabled():
        print(*hints, sep='\n')
    assert asked > 0 and tests > 10 * asked and found == []
    assert watched.client.get('/v1/me').status_code == 200
