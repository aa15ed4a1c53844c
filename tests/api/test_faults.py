"""What breaks: connections, PostgreSQL, the daemon itself; each daemon here is a test's own."""
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time
import uuid

import psycopg2
import pytest
import requests

from daemon import Client, Cluster, Daemon, binary, pid_lives, wait_for
from helpers import problem


@pytest.fixture
def cluster():
    c = Cluster()
    yield c
    c.destroy()


def signed_in(daemon, contract):
    client = Client(daemon, contract)
    session = client.post('/v1/session', json={'email': daemon.admin['email'], 'password': daemon.admin['password']})
    assert session.status_code == 201, session.text
    client.token = session.json()['access_token']
    return client


def ready(daemon):
    return requests.get(daemon.admin_url + '/readyz', timeout=10).status_code


def sql(daemon, text, *values, **connect):
    connect = connect or {'host': str(daemon.socket_folder), 'dbname': 'sluice', 'user': 'postgres'}
    connection = psycopg2.connect(**connect)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(text, values or None)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def served_again(client, limit_s=20):
    def served():
        return client.get('/v1/me').status_code == 200 and client.post('/v1/leads', json={'last_name': 'x'}).status_code == 201
    wait_for(served, limit_s, 'a read and a write that succeed')


class Ledger:
    """Clients that post leads until told to stop, and write down what was acknowledged. A request that was not
    answered, or with 503 or 504, is repeated with its key until it is."""

    def __init__(self, daemon, contract, token, n=4):
        self.daemon, self.contract, self.token = daemon, contract, token
        self.stopped = threading.Event()
        self.acknowledged, self.wrong = [], []
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(n)]
        for t in self.threads:
            t.start()

    def post(self, client, name, key):
        try:
            answer = client.post('/v1/leads', json={'last_name': name}, headers={'Idempotency-Key': key})
        except requests.RequestException:
            return False
        except AssertionError as e:
            self.wrong.append(str(e))
            return True
        if answer.status_code in (200, 201):  # 200: the answer was lost, the lead was not
            self.acknowledged.append((name, answer.json()['id']))
            return True
        if answer.status_code not in (409, 503, 504):
            self.wrong.append(answer.text)
        return answer.status_code not in (409, 503, 504)

    def run(self, i):
        client = Client(self.daemon, self.contract, self.token)
        count = 0
        while not self.stopped.is_set():
            count += 1
            name, key = f'ledger {i} {count}', str(uuid.uuid4())
            while not self.post(client, name, key) and not self.stopped.is_set():
                self.stopped.wait(0.02)

    def stop(self):
        self.stopped.set()
        for t in self.threads:
            t.join(60)
        assert self.wrong == []
        return self.acknowledged

    def at_least(self, more):
        reached = len(self.acknowledged) + more
        wait_for(lambda: len(self.acknowledged) >= reached, 40, f'{more} more acknowledged writes')

    def settle(self, found):
        """Every acknowledged lead is there exactly once, and none is there twice."""
        names = [name for name, _ in found]
        assert len(names) == len(set(names))
        assert set(self.acknowledged) <= set(found)


LEDGER = "select last_name, id::text from sluice.lead where last_name like 'ledger %'"


def test_killed_connections_are_made_again(new_daemon, contract):
    daemon = new_daemon()
    client = signed_in(daemon, contract)
    ledger = Ledger(daemon, contract, client.token)
    for _ in range(5):
        ledger.at_least(10)
        killed = sql(daemon, "select pg_terminate_backend(pid) from pg_stat_activity "
                             "where datname = 'sluice' and pid <> pg_backend_pid() and backend_type = 'client backend'")
        assert killed
        served_again(client)
        wait_for(lambda: ready(daemon) == 200, 10, 'readiness')
    ledger.stop()
    ledger.settle(sql(daemon, LEDGER))


def test_postgres_away_and_back(new_daemon, contract, cluster):
    daemon = new_daemon(database_url=cluster.url, migrate='true')
    client = signed_in(daemon, contract)
    served_again(client)
    for mode in ('fast', 'immediate', 'fast'):
        cluster.stop(mode)
        wait_for(lambda: ready(daemon) == 503, 10, 'unreadiness')
        began = time.monotonic()
        refused = [client.get('/v1/leads'), client.post('/v1/leads', json={'last_name': 'away'}),
                   client.post('/v1/session', json=daemon.admin)]
        assert time.monotonic() - began < 5
        for answer in refused:
            body = problem(answer, 503, 'database_unavailable')
            assert body['retryable'] is True and int(answer.headers['Retry-After']) >= 1
            assert 'socket' not in answer.text and 'server closed' not in answer.text
        alive = requests.get(daemon.admin_url + '/livez', timeout=10)
        assert alive.status_code == 200
        assert client.get('/openapi.json').status_code == 200  # what needs no database is served
        cluster.start()
        wait_for(lambda: ready(daemon) == 200, 20, 'readiness')
        served_again(client)
    assert daemon.process.poll() is None
    assert not sql(daemon, "select from sluice.lead where last_name = 'away'", dbname='sluice', user='postgres',
                   host=str(cluster.folder))


def test_a_private_postgres_that_dies_is_started_again(new_daemon, contract):
    daemon = new_daemon()
    client = signed_in(daemon, contract)
    ledger = Ledger(daemon, contract, client.token, n=2)
    for _ in range(2):
        ledger.at_least(10)
        pid = daemon.postgres_pid()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda p=pid: daemon.postgres_pid() not in (None, p) and ready(daemon) == 200, 40, 'another PostgreSQL')
        served_again(client, 40)
    ledger.stop()
    ledger.settle(sql(daemon, LEDGER))


def test_a_database_that_hangs_does_not_hang_the_daemon(new_daemon, contract):
    daemon = new_daemon(workers=1, deadline_ms=700, read_timeout_ms=400, write_timeout_ms=400, principal_cache_ms=0)
    client = signed_in(daemon, contract)
    served_again(client)
    holder = psycopg2.connect(host=str(daemon.socket_folder), dbname='sluice', user='postgres')
    holder.cursor().execute('lock table sluice.lead in access exclusive mode')
    for answer in (client.get('/v1/leads'), client.post('/v1/leads', json={'last_name': 'held'})):
        assert answer.status_code in (503, 504), answer.text
        assert answer.json()['retryable'] is True
    assert client.get('/v1/accounts').status_code == 200  # others are not held up
    holder.rollback()
    holder.close()
    served_again(client)
    assert not sql(daemon, "select from sluice.lead where last_name = 'held'")


def test_sigterm_under_load_fails_no_request(new_daemon, contract):
    daemon = new_daemon()
    client = signed_in(daemon, contract)
    outcomes, stopped = [], threading.Event()

    def load(i):
        session = requests.Session()
        session.trust_env = False
        count = 0
        while not stopped.is_set():
            count += 1
            fresh = requests if i % 2 else session  # connections of one request, and kept ones
            try:
                answer = fresh.post(daemon.url + '/v1/leads', json={'last_name': f'drain {i} {count}'}, timeout=30,
                                    headers={'Authorization': f'Bearer {client.token}'})
                outcomes.append((answer.status_code, f'drain {i} {count}'))
            except requests.ConnectionError as e:
                outcomes.append((str(e), f'drain {i} {count}'))
                if stopped.is_set() or daemon.process.poll() is not None or 'refused' in str(e):
                    return

    threads = [threading.Thread(target=load, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    wait_for(lambda: len(outcomes) > 100, 30, 'load')
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(20) == 0
    stopped.set()
    for t in threads:
        t.join(30)
    failed = [o for o in outcomes if o[0] != 201 and 'refused' not in str(o[0])]
    assert failed == [], failed[:5]
    assert not (daemon.folder / 'ready.json').exists()
    daemon.start()
    found = {r[0] for r in sql(daemon, "select last_name from sluice.lead where last_name like 'drain %'")}
    assert found == {name for status, name in outcomes if status == 201}


def test_sigterm_waits_for_what_is_running(new_daemon, contract):
    daemon = new_daemon(workers=1)
    client = signed_in(daemon, contract)
    holder = psycopg2.connect(host=str(daemon.socket_folder), dbname='sluice', user='postgres')
    holder.cursor().execute('lock table sluice.lead in access exclusive mode')
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(client.post('/v1/leads', json={'last_name': 'waits'})))
    waiting.start()
    wait_for(lambda: sql(daemon, "select 1 from pg_locks where not granted"), 10, 'the lock to be waited for')
    daemon.process.send_signal(signal.SIGTERM)
    wait_for(lambda: '"stopping"' in daemon.log(), 10, 'the drain')
    holder.rollback()
    holder.close()
    waiting.join(20)
    assert [a.status_code for a in answers] == [201] and answers[0].headers['Connection'] == 'close'
    assert daemon.process.wait(20) == 0


def test_a_killed_daemon_keeps_what_it_acknowledged(new_daemon, contract):
    """kill -9 under load, three times, on one data folder: every acknowledged write is there once."""
    daemon = new_daemon()
    client = signed_in(daemon, contract)
    password = daemon.admin['password']
    ledger = Ledger(daemon, contract, client.token)
    for _ in range(3):
        ledger.at_least(30)
        daemon.process.kill()
        daemon.process.wait(10)
        daemon.start()
        assert 'admin' not in daemon.ready and 'intake' not in daemon.ready
        assert client.get('/v1/me').status_code == 200  # the token key is in the database
    ledger.at_least(10)
    ledger.stop()
    ledger.settle(sql(daemon, LEDGER))
    assert client.post('/v1/session', json={'email': daemon.admin['email'], 'password': password}).status_code == 201
    half = sql(daemon, """select count(*) from sluice.lead l where last_name like 'ledger %'
                           and not exists (select from sluice.audit a where a.record_id = l.id and a.action = 'create')
                           or not exists (select from sluice.visit v where v.record_id = l.id)
                           or not exists (select from sluice.outbox o where o.record_id = l.id)""")
    assert half == [(0,)]
    assert daemon.stop() == 0
    assert not pid_lives(daemon.process.pid) and daemon.postgres_pid() is None


def test_one_daemon_for_a_data_folder(new_daemon):
    daemon = new_daemon(workers=1)
    second = Daemon(folder=daemon.folder)
    run = subprocess.run([binary()], env={**second.environment(), 'SLUICE_READY_FILE': str(daemon.folder / 'second.json')},
                         capture_output=True, timeout=60, check=False)
    assert run.returncode != 0 and b'another process uses the data folder' in run.stdout + run.stderr
    assert ready(daemon) == 200


def test_the_ready_file(new_daemon):
    daemon = new_daemon(workers=1)
    path = daemon.folder / 'ready.json'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    document = json.loads(path.read_text())
    assert set(document) == {'url', 'admin_url', 'pid', 'admin', 'intake'} and document['pid'] == daemon.process.pid
    assert document['admin']['password'].startswith('slp_') and document['intake']['key'].startswith('ik_')
    assert daemon.stop() == 0 and not path.exists()


@pytest.mark.parametrize('setting, value, says', [
    ('listen', 'nonsense', '"nonsense" is not HOST:PORT'), ('workers', 'many', 'workers'),
    ('log_format', 'xml', 'log_format'), ('tls_certificate', '/nowhere.pem', 'tls_key'),
    ('lissten', 'x', 'did you mean SLUICE_LISTEN?')])
def test_wrong_settings_are_told(new_daemon, setting, value, says):
    d = new_daemon(start=False, **{setting: value})
    run = subprocess.run([binary()], env=d.environment(), capture_output=True, timeout=60, check=False, cwd=d.folder)
    assert run.returncode != 0
    assert says in (run.stdout + run.stderr).decode().replace('\\"', '"')


def certificate(folder, name):
    files = folder / f'{name}.crt', folder / f'{name}.key'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                    '-days', '2', '-subj', f'/CN={name}', '-addext', 'subjectAltName=IP:127.0.0.1',
                    '-out', files[0], '-keyout', files[1]], check=True, capture_output=True)
    return files


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_tls(new_daemon, contract, tmp_path):
    crt, key = certificate(tmp_path, 'first')
    daemon = new_daemon(tls_certificate=crt, tls_key=key, workers=1)
    assert daemon.url.startswith('https://127.0.0.1:')
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(daemon.url + '/livez', timeout=10)
    daemon.certificate = str(crt)
    client = signed_in(daemon, contract)
    for size in (10, 5000, 200000):  # records larger than one of TLS
        activity = client.post('/v1/leads', json={'last_name': 'TLS', 'description': 'x' * min(size, 10000)})
        assert activity.status_code == 201
    assert len(client.get('/openapi.json').content) > 100000
    host, port = daemon.url.removeprefix('https://').split(':')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionResetError)), socket.create_connection((host, int(port)), 10) as s:
        context.wrap_socket(s)
    with socket.create_connection((host, int(port)), 10) as s:  # plain HTTP at a TLS port
        s.sendall(b'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
        with pytest.raises((ConnectionResetError, EOFError)):
            assert b'alive' not in s.recv(1000)
            raise EOFError
    second_crt, second_key = certificate(tmp_path, 'second')
    os.replace(second_crt, crt)
    os.replace(second_key, key)
    daemon.process.send_signal(signal.SIGHUP)

    def renewed():
        try:
            return requests.get(daemon.url + '/livez', timeout=10, verify=str(crt)).status_code == 200
        except requests.exceptions.SSLError:
            return False
    wait_for(renewed, 10, 'the new certificate')
