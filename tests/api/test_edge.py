"""The edge, end to end and byte by byte: framing, limits, waiting, what the log holds, how the daemon is."""
import json
import re
import select
import socket
from urllib.parse import urlsplit

import pytest
import requests

from daemon import Client, wait_for
from helpers import UNKNOWN, as_documented


class Raw:
    """A connection that sends what it is told and reads answers one by one."""

    def __init__(self, daemon, limit_s=10):
        at = urlsplit(daemon.url)
        self.socket = socket.create_connection((at.hostname, at.port), limit_s)
        self.buffer = b''

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())
        return self

    def more(self):
        try:
            got = self.socket.recv(65536)
        except ConnectionResetError:
            got = b''
        self.buffer += got
        return bool(got)

    def answer(self, method='POST'):
        """(status, headers, body), or None when the connection has ended."""
        while b'\r\n\r\n' not in self.buffer:
            if not self.more():
                assert self.buffer == b'', self.buffer
                return None
        head, _, rest = self.buffer.partition(b'\r\n\r\n')
        line, *fields = head.decode('ascii').split('\r\n')
        headers = {name.lower(): value for name, value in (f.split(': ', 1) for f in fields)}
        status = int(re.fullmatch(r'HTTP/1\.1 (\d{3}) [A-Za-z ]+', line).group(1))
        length = 0 if method == 'HEAD' or status in (100, 204, 304) else int(headers['content-length'])
        while len(rest) < length:
            assert self.more(), 'the answer is cut'
            rest = self.buffer.partition(b'\r\n\r\n')[2]
        self.buffer = rest[length:]
        return status, headers, rest[:length]

    def ended(self):
        return self.answer() is None


@pytest.fixture
def raw(daemon):
    made = []

    def connect(**more):
        made.append(Raw(daemon, **more))
        return made[-1]
    yield connect
    for r in made:
        r.socket.close()


@pytest.fixture
def posted(rows, number):
    """How many leads of this test there are."""
    return lambda: [r['last_name'] for r in rows('select last_name from sluice.lead where source = %s order by created_at, id',
                                                 f'edge-{number}')]


@pytest.fixture
def lead(rep, number):
    """A request that makes a lead: its head without the end, and its body."""
    def make(name, *fields, length=True):
        body = json.dumps({'last_name': name, 'source': f'edge-{number}'})
        head = ['POST /v1/leads HTTP/1.1', 'Host: sluice', f'Authorization: Bearer {rep.token}',
                'Content-Type: application/json', *([f'Content-Length: {len(body)}'] if length else []), *fields]
        return '\r\n'.join(head) + '\r\n\r\n', body
    return make


def chunked(text, size=7, extension=''):
    parts = [text[i:i + size] for i in range(0, len(text), size)]
    return ''.join(f'{len(p):x}{extension}\r\n{p}\r\n' for p in parts) + '0\r\n\r\n'


def whole(request):
    return request[0] + request[1]


# each tries to have a second request executed, or to be read in two ways
SMUGGLING = {
    'two lengths': lambda lead: (lead('one', 'Content-Length: 5'), 400),
    'the same length twice': lambda lead: (lead('one', 'Content-Length: 100'), 400),
    'a blank before the colon': lambda lead: (lead('one', 'Content-Length : 0', length=False), 400),
    'a length with a sign': lambda lead: (lead('one', 'Content-Length: +40', length=False), 400),
    'a length in hex': lambda lead: (lead('one', 'Content-Length: 0x28', length=False), 400),
    'a length with a list': lambda lead: (lead('one', 'Content-Length: 40, 40', length=False), 400),
    'no length at all': lambda lead: (lead('one', 'Content-Length: ', length=False), 400),
    'length and coding': lambda lead: (lead('one', 'Transfer-Encoding: chunked'), 400),
    'a coding misspelt': lambda lead: (lead('one', 'Transfer-Encoding: xchunked', length=False), 400),
    'a coding behind another': lambda lead: (lead('one', 'Transfer-Encoding: gzip, chunked', length=False), 400),
    'the coding twice': lambda lead: (lead('one', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', length=False), 400),
    'a coding behind a tab': lambda lead: (lead('one', 'Transfer-Encoding:\x0bchunked', length=False), 400),
    'an unknown coding': lambda lead: (lead('one', 'Transfer-Encoding: gzip', length=False), 501),
    'a line that starts with zero': lambda lead: (lead('one', '\0X: y'), 400),
    'a folded line': lambda lead: (lead('one', 'X-A: b', ' Transfer-Encoding: chunked'), 400),
    'a field without a name': lambda lead: (lead('one', ': value'), 400),
    'a bare line feed': lambda lead: (lead('one', 'X-A: b\nTransfer-Encoding: chunked'), 400),
    'a carriage return in a value': lambda lead: (lead('one', 'X-A: b\rc'), 400),
    'two hosts': lambda lead: (lead('one', 'Host: other'), 400),
}


@pytest.mark.parametrize('name', SMUGGLING)
def test_a_smuggled_request_is_not_executed(name, raw, lead, posted):
    request, status = SMUGGLING[name](lead)
    second = whole(lead('two'))
    connection = raw().send(whole(request) + second)
    got, headers, body = connection.answer()
    assert (got, headers['content-type'], headers['connection']) == (status, 'application/problem+json', 'close')
    assert json.loads(body)['code'] == {400: 'bad_request', 501: 'not_implemented'}[status]
    assert json.loads(body)['request_id'] == headers['request-id']
    assert connection.ended()
    assert posted() == []


@pytest.mark.parametrize('request_line, more, status, code', [
    ('GET /v1/leads HTTP/1.1', ['Content-Length: {n}'], 400, 'bad_request'),
    ('HEAD /v1/leads HTTP/1.1', ['Content-Length: {n}'], 400, 'bad_request'),
    ('DELETE /v1/leads/' + UNKNOWN + ' HTTP/1.1', ['Content-Length: {n}'], 400, 'bad_request'),
    ('BREW /v1/leads HTTP/1.1', ['Content-Length: {n}'], 501, 'not_implemented'),
    ('PUT /v1/leads HTTP/1.1', ['Content-Length: {n}'], 405, 'method_not_allowed'),
    ('POST /v1/nothing HTTP/1.1', ['Content-Length: {n}'], 404, 'no_such_address')])
def test_a_request_inside_a_body_is_a_body(request_line, more, status, code, raw, lead, posted, rep):
    second = whole(lead('two'))
    fields = [m.format(n=len(second)) for m in more]
    head = '\r\n'.join([request_line, 'Host: sluice', f'Authorization: Bearer {rep.token}', *fields])
    connection = raw().send(head + '\r\n\r\n' + second)
    got, headers, body = connection.answer(request_line.split(' ')[0])
    assert got == status
    if request_line[:4] != 'HEAD':
        assert json.loads(body)['code'] == code
    if headers.get('connection') != 'close':  # the body was read, and is gone
        assert connection.send('GET /livez HTTP/1.1\r\nHost: sluice\r\n\r\n').answer()[0] == 200
        connection.socket.shutdown(socket.SHUT_WR)
    assert connection.ended()
    assert posted() == []


@pytest.mark.parametrize('request_text, status, code', [
    ('GET /v1/me HTTP/1.1\r\n\r\n', 400, 'bad_request'),
    ('GET /v1/me HTTP/1.1\r\nHost: a b\r\n\r\n', 400, 'bad_request'),
    ('GET /v1/me HTTP/2.0\r\nHost: sluice\r\n\r\n', 505, 'http_version_not_supported'),
    ('GET  /v1/me HTTP/1.1\r\nHost: sluice\r\n\r\n', 400, 'bad_request'),
    ('GET /v1/me\r\n\r\n', 400, 'bad_request'),
    ('\x16\x03\x01\x02\x00\x01\x00\x01\xfc', 400, 'bad_request'),
    ('GET //evil.example/ HTTP/1.1\r\nHost: sluice\r\n\r\n', 400, 'bad_request'),
    ('GET /v1/me#x HTTP/1.1\r\nHost: sluice\r\n\r\n', 400, 'bad_request'),
    ('GET /v1/leads/%00 HTTP/1.1\r\nHost: sluice\r\n\r\n', 400, 'bad_request'),
    ('GET /v1/leads/%zz HTTP/1.1\r\nHost: sluice\r\n\r\n', 400, 'bad_request'),
    ('GET /v1/leads?q=%ff HTTP/1.1\r\nHost: sluice\r\n\r\n', 400, 'bad_request'),
    ('GET http://other/v1/me HTTP/1.1\r\nHost: sluice\r\n\r\n', 400, 'bad_request'),
    ('CONNECT sluice:80 HTTP/1.1\r\nHost: sluice\r\n\r\n', 501, 'not_implemented'),
    ('GET /' + 'x' * 9000 + ' HTTP/1.1\r\nHost: sluice\r\n\r\n', 414, 'target_too_long'),
    ('GET /v1/me HTTP/1.1\r\nHost: sluice\r\nX: ' + 'y' * 20000 + '\r\n\r\n', 431, 'head_too_large'),
    ('GET /v1/me HTTP/1.1\r\nHost: sluice\r\n' + 'X: y\r\n' * 101 + '\r\n', 431, 'head_too_large'),
    ('GET /v1/me HTTP/1.1\r\nHost: sluice\r\nExpect: tea\r\n\r\n', 417, 'expectation_failed'),
    ('POST /v1/leads HTTP/1.1\r\nHost: sluice\r\nContent-Type: application/json\r\nContent-Length: 99999999999999999999\r\n\r\n',
     413, 'body_too_large')])
def test_every_refusal_is_a_problem(request_text, status, code, raw):
    got, headers, body = raw().send(request_text.encode('latin-1')).answer()
    problem = json.loads(body)
    assert (got, as_documented(problem)['code'], problem['status']) == (status, code, status)
    assert headers['content-type'] == 'application/problem+json' and problem['request_id'] == headers['request-id']


@pytest.mark.parametrize('request_text, detail, limit', [
    ('GET /' + 'x' * 9000 + ' HTTP/1.1\r\nHost: sluice\r\n\r\n', 'the request target is too long: at most 8192 bytes', 8192),
    ('GET /v1/me HTTP/1.1\r\nHost: sluice\r\nX: ' + 'y' * 20000 + '\r\n\r\n',
     'the request head is too long: at most 16384 bytes', 16384),
    ('GET /v1/me HTTP/1.1\r\nHost: sluice\r\n' + 'X: y\r\n' * 101 + '\r\n', 'the head has too many fields: at most 100', 100),
    ('POST /v1/leads HTTP/1.1\r\nHost: sluice\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n',
     'the body is larger than this operation takes: at most 1048576 bytes', 1048576),
    ('POST /v1/session HTTP/1.1\r\nHost: sluice\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5000\r\n',
     'the body is larger than this operation takes: at most 16384 bytes', 16384)])
def test_what_is_too_large_is_told_the_limit(request_text, detail, limit, raw):
    said = json.loads(raw().send(request_text.encode('latin-1')).answer()[2])
    assert (said['detail'], said['limit']) == (detail, limit)


def test_a_large_body_where_none_is_taken(raw, rep):
    """It is not called too large: no size would do."""
    head = f'DELETE /v1/leads/{UNKNOWN} HTTP/1.1\r\nHost: sluice\r\nAuthorization: Bearer {rep.token}\r\n'
    got, _, body = raw().send(head + 'Content-Length: 99999\r\n\r\n').answer()
    said = json.loads(body)
    assert (got, said['code'], said['detail']) == (400, 'bad_request', 'DELETE takes no body at this address')
    assert said['hint'] == 'send the request without a body, and without Content-Type'


@pytest.mark.parametrize('chunks, status', [
    ('5\r\n{"las\r\n0\r\n\r\n', 400), ('x\r\n', 400), ('0x5\r\nabcde\r\n0\r\n\r\n', 400), ('5\nabcde\r\n0\r\n\r\n', 400),
    ('5\r\nabcdefgh\r\n0\r\n\r\n', 400), ('-1\r\n', 400), ('5;' + 'e' * 300 + '\r\n', 400), ('ffffffffffffffffff\r\n', 413)])
def test_chunks_that_are_none(chunks, status, raw, lead, posted):
    head, _ = lead('chunked', 'Transfer-Encoding: chunked', length=False)
    got, _, body = raw().send(head + chunks).answer()
    assert got == status and json.loads(body)['code'] in ('bad_request', 'malformed_json', 'body_too_large')
    assert posted() == []


def test_chunks_that_are_right(raw, lead, posted):
    head, body = lead('chunked', 'Transfer-Encoding: Chunked', length=False)
    connection = raw()
    for text in (chunked(body), chunked(body, 1), chunked(body)[:-2] + 'Trailer: x\r\n\r\n',
                 chunked(body, 5, ';a=b')):
        assert connection.send(head + text).answer()[0] == 201
    assert posted() == ['chunked'] * 4


def test_pipelined_requests_are_answered_in_order(raw, lead, posted):
    connection = raw().send(''.join(whole(lead(f'piped {i}')) for i in range(5)) + 'GET /livez HTTP/1.1\r\nHost: sluice\r\n\r\n')
    names = [json.loads(connection.answer()[2])['last_name'] for _ in range(5)]
    assert names == [f'piped {i}' for i in range(5)] == posted()
    assert connection.answer()[0] == 200


def test_a_request_byte_by_byte(raw, lead, posted):
    connection = raw()
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in whole(lead('slowly')).encode():
        connection.send(bytes([byte]))
    assert connection.answer()[0] == 201
    assert posted() == ['slowly']


def test_a_body_that_is_cut_is_not_executed(raw, lead, posted, daemon):
    head, body = lead('cut')
    connection = raw().send(head + body[:-3])
    connection.socket.shutdown(socket.SHUT_WR)
    answer = connection.answer()
    assert answer is None or answer[0] == 400
    assert requests.get(daemon.url + '/livez').status_code == 200
    assert posted() == []


def test_expect_100_continue(raw, lead, posted):
    head, body = lead('expected', 'Expect: 100-continue')
    connection = raw().send(head)
    assert connection.answer()[0] == 100
    assert connection.send(body).answer()[0] == 201
    connection = raw().send(whole((head, body)))  # who does not wait gets no 100
    assert connection.answer()[0] == 201
    refused = raw().send(head.replace('application/json', 'text/plain'))
    assert refused.answer()[0] == 415
    assert posted() == ['expected'] * 2


def test_head_and_keep_alive(raw, rep):
    def request(method, *more):
        return '\r\n'.join([f'{method} /v1/me HTTP/1.1', 'Host: sluice', f'Authorization: Bearer {rep.token}', *more, '', ''])

    connection = raw().send(request('HEAD'))
    status, head, _ = connection.answer('HEAD')
    assert status == 200 and int(head['content-length']) > 100 and 'connection' not in head
    status, get, body = connection.send(request('GET')).answer()
    assert (status, get['content-length'], len(body)) == (200, head['content-length'], int(head['content-length']))
    status, last, _ = connection.send(request('GET', 'Connection: close')).answer()
    assert (status, last['connection']) == (200, 'close') and connection.ended()
    old = raw().send(f'GET /v1/me HTTP/1.0\r\nAuthorization: Bearer {rep.token}\r\n\r\n')
    assert old.answer()[0] == 200 and old.ended()


def test_options(raw):
    status, headers, _ = raw().send('OPTIONS * HTTP/1.1\r\nHost: sluice\r\n\r\n').answer()
    assert (status, headers['allow']) == (204, 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')


def test_headers_of_every_answer(rep, anonymous):
    for answer in (rep.get('/v1/me'), anonymous.get('/v1/me'), anonymous.get('/nothing')):
        assert answer.headers['X-Content-Type-Options'] == 'nosniff'
        assert answer.headers['Cache-Control'] == 'no-store'
        assert re.fullmatch(r'\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT', answer.headers['Date'])
        assert 'sluice/' not in answer.headers['Server']


def test_who_is_too_slow_is_told(new_daemon):
    daemon = new_daemon(head_timeout_ms=600, body_timeout_ms=600, body_rate=1000000, idle_timeout_ms=700, workers=1)
    half_head = Raw(daemon).send('GET /livez HTTP/1.1\r\nHost: slu')
    half_body = Raw(daemon).send('POST /v1/session HTTP/1.1\r\nHost: sluice\r\nContent-Type: application/json\r\n'
                                 'Content-Length: 20\r\n\r\n{"ema')
    for connection in (half_head, half_body):
        status, headers, body = connection.answer()
        assert (status, json.loads(body)['code'], headers['connection']) == (408, 'request_timeout', 'close')
        assert connection.ended()
    idle = Raw(daemon).send('GET /livez HTTP/1.1\r\nHost: sluice\r\n\r\n')
    assert idle.answer()[0] == 200 and idle.ended()
    assert Raw(daemon).ended()  # and who says nothing at all


def test_large_bodies_have_a_limit_together(new_daemon):
    """They arrive before it is known who sends them: who comes when there is no room is told when to come again."""
    daemon = new_daemon(body_memory=8 << 20, workers=1)

    def upload(size, missing=1):
        return Raw(daemon).send(f'PUT /v1/imports/{UNKNOWN}/parts/1 HTTP/1.1\r\nHost: sluice\r\nContent-Length: {size}\r\n'
                                f'Content-Type: application/octet-stream\r\n\r\n{"x" * (size - missing)}')

    held = [upload(4 << 20) for _ in range(3)]
    full = select.select([c.socket for c in held], [], [], 20)[0]  # the one that was over the limit
    assert len(full) == 1
    status, headers, body = held.pop([c.socket for c in held].index(full[0])).answer()
    assert (status, json.loads(body)['code'], headers['retry-after'], headers['connection']) == (503, 'busy', '1', 'close')
    assert json.loads(body)['detail'] == 'too many large bodies are on their way at the same time'
    assert upload(16 << 10, 0).answer()[0] == 401  # a small one is taken all the same
    assert held[0].send('x').answer()[0] == 401
    held[1].socket.close()

    def admitted():
        return upload(4 << 20, 0).answer()[0] == 401
    wait_for(admitted, 20, 'room for another body')


def test_connections_are_counted(new_daemon):
    daemon = new_daemon(max_connections_per_address=3, workers=1)
    ask = 'GET /livez HTTP/1.1\r\nHost: sluice\r\n\r\n'
    kept = [Raw(daemon) for _ in range(3)]
    assert all(c.send(ask).answer()[0] == 200 for c in kept)
    status, headers, body = Raw(daemon).answer()
    assert (status, json.loads(body)['code'], headers['retry-after']) == (429, 'rate_limited', '1')
    kept[0].socket.close()

    def admitted():
        try:
            return Raw(daemon).send(ask).answer()[0] == 200
        except OSError:
            return False
    wait_for(admitted, 20, 'room for another connection')


def test_what_the_log_holds(daemon, contract, admin, rep, number):
    """A line for each request; no password, token, key or body in any."""
    password, secret = f'Very-secret-{number}', f'body-secret-{number}'
    admin.make('users', email=f'log{number}@sluice.test', name='Log', password=password, roles=[])
    client = Client(daemon, contract)
    session = client.post('/v1/session', json={'email': f'log{number}@sluice.test', 'password': password}).json()
    client.post('/v1/session', json={'email': f'log{number}@sluice.test', 'password': password + 'x'})
    client.post('/v1/session/refresh', json={'refresh_token': session['refresh_token']})
    key = admin.make('api-keys', name='Log', roles=['viewer'])
    Client(daemon, contract, key['key']).get('/v1/me')
    Client(daemon, contract, key['key'][:-1]).get('/v1/me')
    form = admin.make('intake-forms', form=f'log_{number}', name='Log', source='x', fields=['email'])
    client.post(f'/v1/intake/{form["form"]}', params={'key': form['key']}, json={'email': 'x', 'note': secret})
    answer = rep.post('/v1/leads', json={'last_name': secret, 'lastname': secret})
    rep.get('/v1/leads', params={'q': secret})
    rep.get('/v1/leads', headers={'X-Evil': 'a', 'User-Agent': 'evil\\n{"level":"error"}'})
    request_id = answer.headers['Request-Id']
    wait_for(lambda: request_id in daemon.log(), 20, 'the line of the request')
    log = daemon.log()
    for hidden in (password, session['access_token'], session['refresh_token'], key['key'], form['key'], secret, rep.token):
        assert hidden not in log
    assert session['access_token'].split('.')[2] not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{')]
    (line,) = [entry for entry in lines if entry.get('request_id') == request_id]
    assert (line['method'], line['route'], line['status'], line['code'], line['principal']) == (
        'POST', '/v1/leads', 422, 'validation_failed', rep.user['id'])
    assert line['bytes_in'] > 0 and line['bytes_out'] > 0 and line['ms'] >= 0


def test_how_the_daemon_is(daemon, rep, raw):
    admin = requests.Session()
    admin.trust_env = False
    for path, key in (('/livez', 'status'), ('/readyz', 'status'), ('/version', 'version')):
        answer = admin.get(daemon.admin_url + path)
        assert answer.status_code == 200 and answer.json()[key]
    assert admin.get(daemon.admin_url + '/v1/me').status_code == 404
    assert admin.get(daemon.url + '/livez').status_code == admin.get(daemon.url + '/readyz').status_code == 200
    assert admin.get(daemon.url + '/metrics').status_code == 404
    rep.get(f'/v1/leads/{UNKNOWN}')
    text = admin.get(daemon.admin_url + '/metrics').text
    found = re.search(r'^http_server_request_duration_seconds_count\{([^}]*http_route="/v1/leads/\{id\}"[^}]*)\} (\d+)', text, re.M)
    assert found and int(found.group(2)) > 0
    assert UNKNOWN not in text
    for line in text.splitlines():
        assert line.startswith('#') or re.fullmatch(r'[a-z_]+(\{[^}]*(\{[a-z]+\}[^}]*)*\})? [0-9.e+-]+|.*\+Inf.* \d+', line), line
