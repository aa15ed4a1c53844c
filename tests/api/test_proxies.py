"""Behind nginx and HAProxy that keep their connections to the daemon: one request forwarded is one request executed,
and nobody gets another one's answer, whatever a client sends (tests/wire/cases.def, bare and with a request behind)."""
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from contract import ROOT
from daemon import free_port, wait_for

sys.path.insert(0, str(ROOT / 'tests' / 'wire'))
from cases import cases  # noqa: E402

SECOND = b'GET /v1/second HTTP/1.1\r\nHost: a\r\n\r\n'
CASES = cases()

NGINX = '''
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error crit; user root;
events {{ worker_connections 256; }}
http {{
  log_format forwarded '{{"method": "$request_method", "to": "$upstream_addr", "request": "$sent_http_request_id"}}';
  access_log {folder}/access forwarded;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  upstream sluice {{ server {to}; keepalive 4; }}
  server {{
    listen {listen}; client_header_timeout 2s; client_body_timeout 2s; underscores_in_headers on; ignore_invalid_headers off;
    proxy_next_upstream off;
    location / {{ proxy_pass http://sluice; proxy_http_version 1.1; proxy_set_header Connection ""; {more} proxy_request_buffering off; }}
  }}
}}
'''

HAPROXY = '''
global
  log stdout format raw local0
  maxconn 256
defaults
  mode http
  log global
  retries 0
  timeout client 2s
  timeout server 5s
  timeout connect 2s
  timeout http-request 2s
  log-format '{{"method": "%HM", "to": "%s", "request": "%[capture.res.hdr(0)]"}}'
frontend in
  bind {listen}
  declare capture response len 64
  http-response capture res.hdr(request-id) id 0
  default_backend sluice
backend sluice
  http-reuse always
  {more}
  server sluice {to}
'''


class Proxy:
    def __init__(self, kind, to, more=''):
        self.folder = Path(tempfile.mkdtemp(prefix=f'sluice-{kind}-'))
        self.at = ('127.0.0.1', free_port())
        listen = f'{self.at[0]}:{self.at[1]}'
        text = {'nginx': NGINX, 'haproxy': HAPROXY}[kind].format(folder=self.folder, listen=listen, to=to, more=more)
        (self.folder / 'conf').write_text(text)
        command = {'nginx': ['nginx', '-c', self.folder / 'conf', '-e', self.folder / 'error'],
                   'haproxy': ['haproxy', '-db', '-f', self.folder / 'conf']}[kind]
        self.log = self.folder / ('access' if kind == 'nginx' else 'out')
        self.process = subprocess.Popen(command, stdout=open(self.folder / 'out', 'wb'),
                                        stderr=open(self.folder / 'err', 'wb'), cwd=self.folder)
        wait_for(self.listens, 20, f'{kind}: {(self.folder / "err").read_text()}')

    def listens(self):
        assert self.process.poll() is None, (self.folder / 'err').read_text()
        try:
            socket.create_connection(self.at, 1).close()
        except ConnectionRefusedError:
            return False
        return True

    def forwarded(self):
        """The requests that the proxy says it has sent on."""
        lines = [json.loads(line) for line in self.log.read_bytes().decode('latin-1').replace('\\x', '?').splitlines()
                 if line.startswith('{')]
        return [line for line in lines if line['to'] not in ('-', '<NOSRV>', '')]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def behind(new_daemon):
    """A daemon, and a proxy of the kind before it."""
    made = []

    def make(kind):
        daemon = new_daemon()
        at = urlsplit(daemon.url)
        made.append(Proxy(kind, f'{at.hostname}:{at.port}'))
        return daemon, made[-1]
    yield make
    for proxy in made:
        proxy.stop()


def executed(daemon):
    """The requests that the daemon has logged."""
    return [line for line in (json.loads(text) for text in daemon.log().splitlines() if text.startswith('{'))
            if line.get('message') == 'request']


def everything(connection, limit_s):
    """What comes until the end or until nothing comes for a while."""
    got = b''
    connection.settimeout(limit_s)
    try:
        while True:
            more = connection.recv(65536)
            if not more:
                return got
            got += more
    except (TimeoutError, ConnectionResetError):
        return got


def send(at, data):
    connection = socket.create_connection(at, 10)
    connection.sendall(data)
    return connection


def own_answer(at, number):
    """A request with an id of its own must be answered with that id."""
    own = str(uuid.UUID(int=number + 1, version=4))
    connection = send(at, b'GET /v1/me HTTP/1.1\r\nHost: a\r\nRequest-Id: %s\r\nConnection: close\r\n\r\n' % own.encode())
    answer = everything(connection, 10)
    connection.close()
    return answer.startswith(b'HTTP/1.1 401 ') and answer.count(b'HTTP/1.1 ') == 1 and \
        f'request-id: {own}\r\n'.encode() in answer.lower()


@pytest.mark.parametrize('kind', ['nginx', 'haproxy'])
def test_what_the_proxy_counted_is_what_the_daemon_executed(kind, behind):
    daemon, proxy = behind(kind)
    sent = [(case, data) for case in CASES for data in (case.sent, case.sent + SECOND)]
    poisoned, waiting = [], []
    for number, (case, data) in enumerate(sent):
        waiting.append(send(proxy.at, data))  # left open: what is behind it must not be the next one's
        if not own_answer(proxy.at, number):
            poisoned.append((case.name, data))
        if len(waiting) == 20:
            waiting.pop(0).close()
    for connection in waiting:
        connection.close()
    assert poisoned == []

    def agreed():
        return len(proxy.forwarded()) == len(executed(daemon)) or None
    try:
        wait_for(agreed, 20)
    except AssertionError:
        pass  # said with the numbers below
    forwarded, logged = proxy.forwarded(), executed(daemon)
    assert len(forwarded) == len(logged)
    assert len(forwarded) > len(sent)  # more than the probes got through
    known = {line['request_id'] for line in logged}
    assert {line['request'] for line in forwarded if line['request'] not in ('-', '')} <= known


def test_a_message_is_one_request_or_none():
    """The table speaks of every message once, and of enough of them."""
    assert len(CASES) >= 150 and len({case.name for case in CASES}) == len(CASES)
    assert {case.error for case in CASES} >= {'', 'bad_request', 'not_implemented', 'http_version', 'head_too_large'}


def test_the_daemon_itself_executes_what_the_table_says(new_daemon):
    """Each message with a request behind it: both are executed when the message is whole, none when it is refused."""
    daemon = new_daemon()
    at = (urlsplit(daemon.url).hostname, urlsplit(daemon.url).port)
    limits_of_the_unit_test = {'head_too_large', 'target_too_long', 'body_too_large'}
    whole = [c for c in CASES if c.error not in limits_of_the_unit_test and c.rest == 0]
    wrong = []
    for case in whole:
        close = b'GET /v1/second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
        connection = send(at, case.sent + close)
        answers = everything(connection, 10)
        connection.close()
        statuses = [line.split(b' ')[1] for line in answers.split(b'\r\n') if line.startswith(b'HTTP/1.1 ')]
        ended = b'connection: close' in answers.lower()
        good = ended and len(statuses) in (1, 2) if case.accepted else ended and len(statuses) == 1 and statuses[0] >= b'400'
        if not good:
            wrong.append((case.name, statuses, ended))
    assert wrong == []
