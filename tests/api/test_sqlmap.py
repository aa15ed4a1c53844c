"""sqlmap (Debian's package) against every parameter and body that the contract lists. Hours: only with SLUICE_LONG=1, and for
as long as SLUICE_SQLMAP_SECONDS says (0: to the end). SLUICE_SEED says in which order."""
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
SAMPLES = {'string': 'x', 'integer': '1', 'number': '1', 'boolean': 'true', 'array': 'x'}


def sample(contract, parameter):
    """A value that gets as far as the query."""
    schema = contract.deref(parameter['schema'])
    schema = contract.deref(schema.get('items', schema))
    if 'enum' in schema:
        return schema['enum'][0]
    return {'uuid': '0190163d-0000-7000-8000-00000000dead', 'user': 'me', 'date': '2026-01-01',
            'date-time': '2026-01-01T00:00:00Z', 'decimal': '1'}.get(schema.get('format'), SAMPLES.get(schema.get('type'), 'x'))


def request(surface, operation):
    """The request as text, as sqlmap reads it; its parameters are those of the query, and the members of the body."""
    contract = surface.client.contract
    path, query = surface.path(operation)
    media, body = surface.body(operation)
    if operation.method == 'delete':
        path = re.sub(r'[0-9a-f]{8}-[0-9a-f-]{27}', '0190163d-0000-7000-8000-00000000dead', path)
    for parameter in operation.parameters:
        if parameter['in'] == 'query' and parameter['name'] not in query and '*' not in parameter['name']:
            query[parameter['name']] = sample(contract, parameter)
    query.pop('cursor', None)
    lines = [f'{operation.method.upper()} {path}{"?" if query else ""}{urlencode(query)} HTTP/1.1',
             f'Host: {urlsplit(surface.daemon.url).netloc}', f'Authorization: Bearer {surface.client.token}']
    if media:
        lines.append(f'Content-Type: {media}')
    text = '' if not media else json.dumps(body) if 'json' in media else body if isinstance(body, str) else urlencode(body)
    return '\r\n'.join(lines) + '\r\n\r\n' + text if query or text else None


def test_sqlmap_finds_nothing(surface, tmp_path, capsys):
    limit, begun = float(os.environ.get('SLUICE_SQLMAP_SECONDS', '0')), time.monotonic()
    operations = [op for op in surface.client.contract.operations if op.name not in LEFT_OUT]
    random.Random(int(os.environ.get('SLUICE_SEED', '1'))).shuffle(operations)
    found, hints, asked, tests = [], [], 0, 0
    for operation in operations:
        text = request(surface, operation)
        if not text or limit and time.monotonic() - begun > limit:
            continue
        file = tmp_path / f'{operation.name}.txt'
        file.write_bytes(text.encode())
        out = tmp_path / 'out'
        command = ['sqlmap', '-r', file, '--batch', '--level=3', '--risk=2', '--dbms=postgresql', '--time-sec=2', '--threads=2',
                   '--disable-coloring', '--flush-session', '--skip=Host,User-Agent,Referer,Authorization', '--ignore-stdin',
                   '--ignore-code=401', f'--output-dir={tmp_path}']
        with open(out, 'wb') as log, contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, stdout=log, stderr=log, check=False, timeout=limit / 6 if limit else None)
        said = out.read_text(errors='replace')
        tests += len(re.findall("testing '", said))
        asked += 1
        # what looks like one is tried again by sqlmap itself, and named here only when it holds
        if 'sqlmap identified the following injection' in said:
            found.append((operation.name, re.findall(r'(?m)^(?:Parameter|    Type|    Payload): .*', said)))
        hints += re.findall(r"parameter '.*' appears to be '.*injectable|false positive.*", said)
        with capsys.disabled():
            print(f'{time.monotonic() - begun:7.0f} s  {operation.name}: {tests} tests so far, {len(hints)} looked again at', flush=True)
        assert classes(surface.daemon) == [], operation.name
    with capsys.disabled():
        print(hints)
    assert asked > 0 and tests > 10 * asked and found == []
    assert surface.client.get('/v1/me').status_code == 200
