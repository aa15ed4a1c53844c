"""A real sluiced on a private PostgreSQL, for tests."""
import contextlib
import atexit
import functools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2
import requests

from contract import ROOT

START_LIMIT_S = float(os.environ.get('SLUICE_TEST_START_S', '120'))


def binary():
    return os.environ.get('SLUICE_BIN', str(ROOT / 'build' / 'sluiced'))


def wait_for(condition, limit_s=60.0, what='the condition'):
    """Polls until the condition gives something true; never sleeps longer than needed."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f'{what} did not come true within {limit_s} s'
        time.sleep(0.02)


def ask(text, values, *address, **where):
    """Runs one statement on a connection of its own, which address and where tell psycopg2; returns its rows."""
    connection = psycopg2.connect(*address, **where)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def free_port():
    """A port that nobody has. It is below those that the system gives to clients: one of them would have it before it is
    used."""
    while True:
        port = random.SystemRandom().randint(10000, 30000)
        with contextlib.suppress(OSError), socket.create_server(('127.0.0.1', port)):
            return port


class From(requests.adapters.HTTPAdapter):
    """Connects from an address."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args, **more):
        super().init_poolmanager(*args, source_address=(self.address, 0), **more)


class Daemon:
    """Started by start(); url, admin_url, admin and intake come from the ready file."""

    def __init__(self, folder=None, **settings):
        self.folder = Path(folder or tempfile.mkdtemp(prefix='sluice-test-'))
        self.folder.chmod(0o755)
        self.settings = settings
        self.extra = {}  # of the environment, beside the settings
        self.under = []  # a command that starts the daemon in its place
        self.process = None
        self.first = {}
        self.log_path = self.folder / 'sluiced.log'

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith('SLUICE_')}
        env.update(
            SLUICE_LISTEN='127.0.0.1:0', SLUICE_ADMIN_LISTEN='127.0.0.1:0',
            SLUICE_DATA_DIR=str(self.folder / 'data'), SLUICE_READY_FILE=str(self.folder / 'ready.json'),
            SLUICE_LOG_FORMAT='json')
        env.update({f'SLUICE_{name.upper()}': str(value) for name, value in self.settings.items()})
        env.update(self.extra)
        return env

    def start(self):
        return self.launch().served()

    def launch(self):
        """Starts the process and does not wait; served() does."""
        (self.folder / 'ready.json').unlink(missing_ok=True)
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen([*self.under, binary()], env=self.environment(), stdout=log, stderr=log,
                                            cwd=self.folder)
        return self

    def served(self):
        ready = self.folder / 'ready.json'

        def is_there():
            assert self.process.poll() is None, f'sluiced ended:\n{self.log()[-3000:]}'
            return ready.exists()

        wait_for(is_there, START_LIMIT_S, 'the ready file')
        document = json.loads(ready.read_text())
        self.url, self.admin_url = document['url'], document['admin_url']
        self.ready = document
        if 'admin' in document:
            self.first = document
        return self

    @property
    def admin(self):
        return self.first['admin']

    @property
    def intake(self):
        return self.first['intake']

    @property
    def socket_folder(self):
        return self.folder / 'data' / 'run'

    def log(self):
        return self.log_path.read_text(errors='replace') if self.log_path.exists() else ''

    def postgres_log(self):
        return ''.join(f.read_text(errors='replace') for f in sorted((self.folder / 'data' / 'log').glob('*.log')))

    def sql(self, text, *values):
        """Runs a statement as the owner of the private PostgreSQL; returns its rows."""
        return ask(text, values, host=str(self.socket_folder), dbname='sluice', user='postgres')

    def stop(self, sig=signal.SIGTERM, limit_s=60):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(limit_s)
        return self.process.returncode if self.process else None

    def postgres_pid(self):
        """The private PostgreSQL, or None when it does not run."""
        try:
            return int((self.folder / 'data' / 'postgres' / 'postmaster.pid').read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def destroy(self):
        self.stop()
        pid = self.postgres_pid()  # left over when the daemon was killed
        if pid and pid_lives(pid):
            os.kill(pid, signal.SIGQUIT)
            wait_for(lambda: not pid_lives(pid), 20, 'the end of PostgreSQL')
        shutil.rmtree(self.folder, ignore_errors=True)


def pid_lives(pid):
    try:
        return Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def as_postgres(*command, reset_env=True):
    """The command, run by somebody who is not root: PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return command
    more = ['--reset-env'] if reset_env else []
    return 'setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', *more, *command


def unprivileged(*command):
    return subprocess.run(as_postgres(*command), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Cluster:
    """A PostgreSQL of a test's own, as an installation with SLUICE_DATABASE_URL has one. @files: a folder of data to begin
    with (see with_schema), instead of an empty database."""

    def __init__(self, files=None):
        self.bin = sorted(Path('/usr/lib/postgresql').glob('*/bin'), key=lambda p: int(p.parent.name))[-1]
        self.folder = Path(tempfile.mkdtemp(prefix='sluice-pg-'))
        if os.geteuid() == 0:
            shutil.chown(self.folder, 'postgres', 'postgres')
        self.data = self.folder / 'data'
        self.url = f'postgresql:///sluice?host={self.folder}&user=postgres'
        if files:
            unprivileged('cp', '-a', files, self.data)
            self.start()
            return
        unprivileged(self.bin / 'initdb', '-D', self.data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8',
                     '--locale=C.UTF-8', '--no-sync')
        self.start()
        unprivileged(self.bin / 'createdb', '-h', self.folder, '-U', 'postgres', 'sluice')

    def control(self, *command):
        unprivileged(self.bin / 'pg_ctl', '-D', self.folder / 'data', '-w', '-t', '60', *command)

    def start(self):
        self.control('-l', self.folder / 'log', '-o',
                     f'-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off', 'start')

    def stop(self, mode='fast'):
        self.control('-m', mode, 'stop')

    def destroy(self):
        try:
            self.stop('immediate')
        except subprocess.CalledProcessError:
            pass  # it was stopped
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def with_schema(kind):
    """The files of a cluster of a kind which has this build's schema and nothing else. They are made once: initdb and all
    migrations are seconds, a copy is none."""
    cluster = kind()
    subprocess.run([Path(binary()).with_name('sluicectl'), 'migrate'], env={**os.environ, 'SLUICE_DATABASE_URL': cluster.url},
                   check=True, capture_output=True, timeout=START_LIMIT_S)
    cluster.stop()
    atexit.register(shutil.rmtree, cluster.folder, ignore_errors=True)
    return cluster.data


# access tokens (JWT), refresh tokens, keys
CREDENTIAL = re.compile(r'eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}|\bsl[a-z]_[\w-]{20,}|\bik_[\w-]{20,}')
PASSWORDS = set()  # that daemons of this process took


def secrets_logged(daemon):
    """What is secret of all that tests said to daemons and were told, and the daemon or its PostgreSQL wrote down; without
    what is shown once, when a database is new."""
    shown, log = json.dumps(daemon.first), daemon.log() + daemon.postgres_log()
    return [s for s in CREDENTIAL.findall(log) + [p for p in PASSWORDS if p in log] if s not in shown]


class Client:
    """HTTP with credentials; every answer is held against the contract."""

    def __init__(self, daemon, contract, token=None):
        self.daemon, self.contract, self.token = daemon, contract, token
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = getattr(daemon, 'certificate', None) or True
        self.user = self.again = None

    def call(self, method, path, json=None, headers=None, **more):
        headers = dict(headers or {})
        if self.token and 'Authorization' not in headers:
            headers['Authorization'] = f'Bearer {self.token}'
        if json is not None and method == 'PATCH':
            headers.setdefault('Content-Type', 'application/merge-patch+json')
        answer = self.http.request(method, self.daemon.url + path, json=json, headers=headers, timeout=30,
                                   allow_redirects=False, **more)
        self.contract.check(answer)
        if answer.ok and isinstance(json, dict):
            PASSWORDS.update(json[m] for m in ('password', 'new_password') if isinstance(json.get(m), str))
        return answer

    def get(self, path, **more):
        return self.call('GET', path, **more)

    def post(self, path, json=None, **more):
        return self.call('POST', path, json=json, **more)

    def patch(self, path, json=None, **more):
        return self.call('PATCH', path, json=json, **more)

    def delete(self, path, **more):
        return self.call('DELETE', path, **more)

    # what tests do all the time; each asserts that it worked
    def make(self, collection, **members):
        answer = self.post(f'/v1/{collection}', json=members)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def read(self, collection, record_id):
        answer = self.get(f'/v1/{collection}/{record_id}')
        assert answer.status_code == 200, answer.text
        return answer.json()

    def patched(self, collection, record_id, **members):
        answer = self.patch(f'/v1/{collection}/{record_id}', json=members)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def move(self, collection, record_id, transition, **body):
        headers = body.pop('headers', None)
        return self.post(f'/v1/{collection}/{record_id}/transitions/{transition}', json=body, headers=headers)

    def moved(self, collection, record_id, transition, **body):
        answer = self.move(collection, record_id, transition, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def history(self, collection, record_id, **params):
        answer = self.get(f'/v1/{collection}/{record_id}/history', params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()['items']
