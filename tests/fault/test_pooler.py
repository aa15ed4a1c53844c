"""PgBouncer between the daemon and PostgreSQL: it works when it keeps sessions apart, and is refused when it does not."""
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg2
import pytest

from daemon import Client, Daemon, as_postgres, ask, free_port, wait_for
from worlds import DEADLINE_S, LATE_S, LONG, SETTINGS, World, now

PROGRAM = shutil.which('pgbouncer', path=os.environ['PATH'] + ':/usr/sbin')
pytestmark = pytest.mark.skipif(not PROGRAM, reason='pgbouncer is not installed')
# a connection that was lost is tried again at once; one that waits for a server that is away is given up after 5 s
BACK_S = 10.0


class Pooler:
    """PgBouncer as the page has it, on a port of its own."""

    def __init__(self, cluster, mode='session', dropped='options'):
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix='sluice-pooler-'))
        self.folder.chmod(0o755)
        self.process = None
        (self.folder / 'users').write_text('"postgres" ""\n')
        (self.folder / 'pgbouncer.ini').write_text(
            f'[databases]\nsluice = host=127.0.0.1 port={cluster.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n'
            f'listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {self.folder}/users\n'
            f'pool_mode = {mode}\ndefault_pool_size = 40\nserver_login_retry = 1\n'
            + (f'ignore_startup_parameters = {dropped}\n' if dropped else ''))

    def start(self):
        command = as_postgres(PROGRAM, self.folder / 'pgbouncer.ini')
        self.process = None

        def accepts():
            if self.process is None or self.process.poll() is not None:  # somebody's connection may have its port for a moment
                with open(self.folder / 'log', 'ab') as log:
                    self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            return self.accepts()
        wait_for(accepts, 30, 'PgBouncer')

    def accepts(self):
        try:
            return ask('select 1', (), host='127.0.0.1', port=self.port, dbname='sluice', user='postgres',
                       connect_timeout=5) == [(1,)]
        except psycopg2.Error:
            return False

    def stop(self, sign=signal.SIGTERM):
        self.process.send_signal(sign)
        self.process.wait(20)

    def destroy(self):
        if self.process and self.process.poll() is None:
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


class PooledWorld(World):
    """What the daemon takes for PostgreSQL is a pooler."""

    def __init__(self, contract):
        super().__init__(contract, read_timeout_ms=3000)  # far from lock_timeout

    def entrance(self):
        self.pooler = Pooler(self.cluster)  # pylint: disable=attribute-defined-outside-init
        self.pooler.start()
        return self.pooler.port

    def destroy(self):
        super().destroy()
        self.pooler.destroy()


@pytest.fixture(scope='module')
def pooled(contract):
    yield from PooledWorld(contract).lent()


def refused(world, ledger, since):
    """Every client is told, and the daemon knows."""
    wait_for(lambda: sum(a.status == 503 and a.retry_after for a in ledger.attempts(since)) >= 10, 20, '503 for everybody')
    wait_for(lambda: not world.ready(), 20, 'unreadiness')
    assert world.alive()


def test_nothing_is_lost_when_the_pooler_or_postgresql_is_started_again(pooled):
    world = pooled
    ways = [(f'PgBouncer {sign.name}', lambda s=sign: world.pooler.stop(s), world.pooler.start) for sign in (signal.SIGTERM, signal.SIGKILL)]
    ways.append(('PostgreSQL', lambda: world.cluster.stop('immediate'), world.cluster.start))
    with world.ledger() as ledger:
        for name, stop, start in ways * (1 if not LONG else 5):
            ledger.at_least(15)
            began = now()
            stop()
            refused(world, ledger, began)
            start()
            took = world.recovered(ledger, now(), BACK_S)
            wait_for(world.ready, 20, 'readiness')
            assert ledger.longest(began) < DEADLINE_S + LATE_S
            print(f'{name}: back after {took:.2f} s, {dict(ledger.seen(began))}')
        world.settled(ledger)


def test_sessions_behind_a_pooler_are_set_up(pooled):
    """It drops the start-up packet's settings, a role with fewer rights and limits of time: they are there all the same."""
    client = Client(pooled.daemon, pooled.contract, pooled.key)
    holder = pooled.cluster.connect()
    holder.autocommit = False
    holder.cursor().execute('lock table sluice.lead in access exclusive mode')
    answer = client.get('/v1/leads')
    assert (answer.status_code, answer.json()['code']) == (503, 'busy'), answer.text  # by lock_timeout, not at the deadline
    holder.rollback()
    holder.close()
    assert client.get('/v1/leads').status_code == 200
    pooled.sql('revoke select on sluice.lead_row from sluice_app')
    answer = client.get('/v1/leads')
    assert (answer.status_code, answer.json()['code']) == (403, 'forbidden'), answer.text  # who connects would be let in
    pooled.sql('grant select on sluice.lead_row to sluice_app')
    assert client.get('/v1/leads').status_code == 200


@pytest.mark.parametrize('mode, dropped, why', [
    ('transaction', 'options', 'set pool_mode = session for this database'),
    ('statement', 'options', 'set pool_mode = session for this database'),
    ('session', '', 'needs ignore_startup_parameters = options')], ids=['transaction', 'statement', 'options'])
def test_a_pooler_that_does_not_do_is_refused(pooled, mode, dropped, why):
    """At the start, with what to set."""
    pooler = Pooler(pooled.cluster, mode, dropped)
    daemon = Daemon(**SETTINGS, database_url=f'postgresql://postgres@127.0.0.1:{pooler.port}/sluice?sslmode=disable')
    try:
        pooler.start()
        assert daemon.launch().process.wait(60) != 0
        assert why in daemon.log(), daemon.log()
    finally:
        daemon.destroy()
        pooler.destroy()
