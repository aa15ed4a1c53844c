"""A daemon, its PostgreSQL and the network between them, to be broken by a case and found whole afterwards."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2
import requests

from daemon import (Client, Cluster, Daemon, as_postgres, ask, free_port, pid_lives, unprivileged, wait_for,
                    with_schema)
from ledger import Ledger
from proxy import Proxy

HERE = Path(__file__).resolve().parent
LONG = os.environ.get('SLUICE_LONG') == '1'
DEADLINE_S, READ_S, WRITE_S = 4.0, 1.0, 2.0  # short ones, so that cases are
LATE_S = 1.5  # what an overloaded machine may add to a deadline
RECOVERY_S = 2.0  # from PostgreSQL's first answer to the first acknowledged write
SETTINGS = {'deadline_ms': int(DEADLINE_S * 1000), 'read_timeout_ms': int(READ_S * 1000),
            'write_timeout_ms': int(WRITE_S * 1000), 'workers': 2, 'migrate': 'true'}


class TcpCluster(Cluster):
    """A PostgreSQL that listens on a port of loopback, too. @data, @wal: other places for its files; @options: of its
    command line, as a text where none holds a blank; @files: what to begin with."""

    def __init__(self, data=None, wal=None, options='', files=None):
        self.port, self.process = free_port(), None
        self.options = options.split() if isinstance(options, str) else options
        self.bin = sorted(Path('/usr/lib/postgresql').glob('*/bin'), key=lambda p: int(p.parent.name))[-1]
        self.folder = Path(tempfile.mkdtemp(prefix='sluice-fault-'))
        self.data = Path(data) if data else self.folder / 'data'
        if os.geteuid() == 0:
            shutil.chown(self.folder, 'postgres', 'postgres')
        self.url = f'postgresql:///sluice?host={self.folder}&port={self.port}&user=postgres'
        if files:
            unprivileged('cp', '-a', files, self.data)
            self.start()
            return
        unprivileged(self.bin / 'initdb', '-D', self.data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8',
                     '--locale=C.UTF-8', '--no-sync', '--wal-segsize=1', *(['--waldir', wal] if wal else []))
        self.start()
        unprivileged(self.bin / 'createdb', '-h', self.folder, '-p', str(self.port), '-U', 'postgres', 'sluice')

    def start(self):
        """As a child of ours, which is waited for: one that was killed must not stay as a zombie, which its successor
        would take for a server."""
        command = as_postgres(self.bin / 'postgres', '-D', self.data, '-p', str(self.port), '-k', self.folder,
                              '-h', '127.0.0.1', '-F', '-N', '60', *self.options)
        with open(self.folder / 'log', 'ab') as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_for(lambda: self.accepts('postgres'), 60, 'PostgreSQL')

    def stop(self, mode='fast'):
        signals = {'fast': signal.SIGINT, 'immediate': signal.SIGQUIT}  # as pg_ctl stop -m
        self.process.send_signal(signals[mode])
        self.process.wait(60)

    def destroy(self):
        if self.pid():
            self.stop('immediate')
        shutil.rmtree(self.folder, ignore_errors=True)

    def stopped(self):
        """Tells whether it has ended by itself, or is about to."""
        try:
            self.process.wait(5 if not self.accepts() else 0)
        except subprocess.TimeoutExpired:
            return False
        return True

    def pid(self):
        """Of the postmaster, or None."""
        return self.process.pid if self.process.poll() is None else None

    def backends(self):
        """The processes of the postmaster, which a kill -9 of it leaves behind for a moment."""
        pid = self.pid()
        return [int(p) for p in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()] if pid else []

    def kill(self):
        """kill -9 of the postmaster, as the kernel does for want of memory; waits until its children are gone."""
        children = self.backends()
        self.process.kill()
        self.process.wait(20)
        wait_for(lambda: not any(map(pid_lives, children)), 20, 'the end of PostgreSQL')

    def where(self, **more):
        return {'host': '127.0.0.1', 'port': self.port, 'dbname': 'sluice', 'user': 'postgres', **more}

    def connect(self):
        connection = psycopg2.connect(**self.where())
        connection.autocommit = True
        return connection

    def sql(self, text, *values, **more):
        return ask(text, values, **self.where(connect_timeout=5, **more))

    def accepts(self, database='sluice'):
        try:
            return self.sql('select 1', dbname=database) == [(1,)]
        except psycopg2.Error:
            return False


class World:
    """PostgreSQL, proxy, daemon, and a key that may do everything."""

    def __init__(self, contract, data=None, wal=None, options='', environment=None, log=None, under=(), **settings):
        self.contract = contract
        self.cluster = TcpCluster(data, wal, options, None if wal else with_schema(TcpCluster))
        self.proxy = Proxy('127.0.0.1', self.entrance())
        url = f'postgresql://postgres@127.0.0.1:{self.proxy.port}/sluice?sslmode=disable'
        self.daemon = Daemon(**{**SETTINGS, 'database_url': url, **settings})
        self.daemon.extra = environment or {}
        self.daemon.log_path = log or self.daemon.log_path
        self.daemon.under = list(under)
        self.key = self.before = None

    def entrance(self):
        """The port that PostgreSQL is asked at."""
        return self.cluster.port

    def start(self):
        self.daemon.start()
        self.admin = Client(self.daemon, self.contract)
        session = self.admin.post('/v1/session', json={k: self.daemon.admin[k] for k in ('email', 'password')})
        assert session.status_code == 201, session.text
        self.admin.token = session.json()['access_token']
        self.key = self.admin.make('api-keys', name='Ledger', roles=['admin', 'integration'])['key']
        self.admin.token = self.key
        self.form = self.admin.make('intake-forms', form='ledger', name='Ledger', source='ledger',
                                    fields=['last_name', 'company'], rate_limit=100000, address_rate_limit=100000)
        return self

    def lent(self):
        """What a fixture yields from: the world, started; it must end well, and is gone behind it."""
        try:
            yield self.start()
            assert self.daemon.stop() == 0, self.daemon.log()[-3000:]
        finally:
            self.destroy()

    def destroy(self):
        self.daemon.destroy()
        self.proxy.close()
        self.cluster.destroy()

    def ledger(self, **more):
        return Ledger(lambda: self.daemon.url, self.key, intake=self.form, check=self.contract.check, **more)

    def sql(self, text, *values):
        return self.cluster.sql(text, *values)

    def settled(self, ledger):
        """Ends a ledger's load and compares."""
        compared = ledger.stop().settle(self.sql)
        assert compared > 0
        return compared

    # readiness

    def ready(self):
        try:
            return requests.get(self.daemon.admin_url + '/readyz', timeout=10).status_code == 200
        except requests.ConnectionError:
            return False

    def alive(self):
        return requests.get(self.daemon.admin_url + '/livez', timeout=5).status_code == 200

    def whole(self):
        """Fair weather, PostgreSQL up, the daemon up and ready."""
        self.proxy.be()
        if self.cluster.pid() is None:
            self.cluster.start()
        if self.daemon.process.poll() is not None:
            self.daemon.start()
        wait_for(self.ready, 30, 'readiness')

    def pool(self):
        return self.sql("select count(*) from pg_stat_activity where application_name = 'sluiced'")[0][0]

    def files(self):
        return len(os.listdir(f'/proc/{self.daemon.process.pid}/fd'))

    def remember(self):
        """The pool, complete, and the open files of an idle daemon."""
        seen = []

        def steady():
            seen.append((self.pool(), self.files()))
            return len(seen) > 5 and len(set(seen[-5:])) == 1
        wait_for(steady, 20, 'a steady pool')
        self.before = {'pool': seen[-1][0], 'files': seen[-1][1], 'pid': self.daemon.process.pid}

    def left_nothing(self):
        """No transaction is idle, nothing waits for a lock, the pool has its size, no file is left open."""
        wait_for(lambda: self.pool() == self.before['pool'], 30, f'a pool of {self.before["pool"]}, not {self.pool()},')
        wait_for(lambda: self.sql("select 1 from pg_stat_activity where application_name = 'sluiced' and state <> 'idle'") == [],
                 15, 'the end of all transactions')
        if self.daemon.process.pid == self.before['pid']:
            wait_for(lambda: self.files() <= self.before['files'], 30, 'the end of descriptors')

    def recovered(self, ledger, since, limit_s=RECOVERY_S):
        """Waits for the first write that is acknowledged after @since and returns how long it took."""
        def first():
            return next((a for a in ledger.attempts(since) if 200 <= a.status < 300), None)
        attempt = wait_for(first, limit_s + 20, 'a write that succeeds')
        took = attempt.began + attempt.took - since
        assert took <= limit_s, f'{took:.2f} s after PostgreSQL was back'
        return took


class PrivateWorld(World):
    """A daemon that keeps its PostgreSQL itself."""

    def __init__(self, contract, **settings):  # pylint: disable=super-init-not-called
        self.contract = contract
        self.daemon = Daemon(**{**SETTINGS, 'migrate': 'false', **settings})

    def destroy(self):
        self.daemon.destroy()

    def sql(self, text, *values):
        return self.daemon.sql(text, *values)


def now():
    return time.monotonic()
