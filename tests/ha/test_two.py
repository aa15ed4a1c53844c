"""Several daemons and one database, or several databases and one daemon: what needs no Patroni."""
import os
import signal
import subprocess
import time

import psycopg2
import pytest
import requests

from daemon import binary, wait_for
from machines import sql


def read_only(cluster, on):
    sql(cluster, f"alter system set default_transaction_read_only = {'on' if on else 'off'}")
    sql(cluster, 'select pg_reload_conf()')


def test_three_daemons_start_at_once_on_an_empty_database(new_daemon, cluster, sign_in):
    """One migrates, the others wait for it; one makes the first administrator, and only that one tells a password."""
    daemons = [new_daemon(start=False, database_url=cluster.url, migrate='true', workers=1) for _ in range(3)]
    for d in daemons:
        d.launch()
    for d in daemons:
        d.served()
    assert ['"applied"' in d.log() for d in daemons].count(True) == 1
    told = [d.ready for d in daemons if 'admin' in d.ready]
    assert len(told) == 1 and 'intake' in told[0]
    assert sum(d.log().count('slp_') > 0 for d in daemons) == 1
    for d in daemons:
        assert sign_in(d, told[0]['admin']).get('/v1/me').status_code == 200
    assert sql(cluster, 'select count(*) from sluice.app_user') == [(1,)]
    assert sql(cluster, 'select count(*) from sluice.intake_form') == [(1,)]


def test_a_server_that_turns_read_only_is_left(new_daemon, cluster, sign_in):
    """What a fenced or demoted primary does to sessions that outlive it: every write fails with 25006."""
    daemon = new_daemon(database_url=cluster.url, migrate='true', workers=1)
    client = sign_in(daemon, daemon.admin)
    assert client.post('/v1/leads', json={'last_name': 'before'}).status_code == 201
    read_only(cluster, True)  # servers take a changed setting one after the other
    wait_for(lambda: client.post('/v1/leads', json={'last_name': 'meanwhile'}).status_code == 503, 30, 'a refused write')
    seen = []
    for _ in range(12):
        answer = client.post('/v1/leads', json={'last_name': 'during'})
        seen.append(answer.status_code)
        assert answer.status_code == 503 and answer.json()['code'] == 'database_unavailable', answer.text
        assert answer.json()['retryable'] is True and int(answer.headers['Retry-After']) >= 1
    wait_for(lambda: requests.get(daemon.admin_url + '/readyz', timeout=5).status_code == 503, 30, 'unreadiness')
    left = "select count(*) from pg_stat_activity where application_name = 'sluiced'"
    wait_for(lambda: sql(cluster, left) == [(0,)], 30, 'every connection to leave it')
    read_only(cluster, False)
    wait_for(lambda: client.post('/v1/leads', json={'last_name': 'after'}).status_code == 201, 30, 'a write')
    assert sql(cluster, "select last_name from sluice.lead where last_name in ('before', 'during', 'after')") == [
        ('before',), ('after',)]
    assert '"level":"error"' not in daemon.log()


def is_ready(daemon):
    return requests.get(daemon.admin_url + '/readyz', timeout=5).status_code == 200


def test_who_cannot_write_is_not_ready(new_daemon, cluster):
    """Before the first write is refused: the proxy asks /readyz, and nobody else asks anything."""
    daemon = new_daemon(database_url=cluster.url, migrate='true', job_interval_ms=0)
    assert is_ready(daemon)
    for _ in range(2):
        read_only(cluster, True)
        wait_for(lambda: not is_ready(daemon), 30, 'unreadiness')
        read_only(cluster, False)
        wait_for(lambda: is_ready(daemon), 30, 'readiness')


def test_who_gets_no_answer_is_not_ready(new_daemon, cluster):
    """A server that hangs keeps its connections; they are given up after three times the time of a write, and more."""
    daemon = new_daemon(database_url=cluster.url, migrate='true', job_interval_ms=0, write_timeout_ms=60000)
    assert is_ready(daemon)
    pids = [pid for (pid,) in sql(cluster, "select pid from pg_stat_activity where application_name = 'sluiced'")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: not is_ready(daemon), 30, 'unreadiness')
        assert 'does not answer' not in daemon.log()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    wait_for(lambda: is_ready(daemon), 30, 'readiness')
    left = sql(cluster, "select pid from pg_stat_activity where application_name = 'sluiced'")
    assert sorted(pid for (pid,) in left) == sorted(pids)


@pytest.mark.parametrize('migrate', ['true', 'false'])
def test_a_start_on_a_read_only_server_says_so(new_daemon, cluster, migrate):
    read_only(cluster, True)
    d = new_daemon(start=False, database_url=cluster.url, migrate=migrate)
    run = subprocess.run([binary()], env=d.environment(), capture_output=True, timeout=60, check=False, cwd=d.folder)
    said = (run.stdout + run.stderr).decode()
    assert run.returncode != 0 and 'read-only' in said and 'standby' in said, said


def test_a_daemon_moves_to_the_server_that_takes_writes(new_daemon, cluster, other_cluster, sign_in):
    """Two servers in the address; the first turns read-only, the second takes over, without a restart."""
    one = new_daemon(database_url=cluster.url, migrate='true', workers=1)
    two = new_daemon(database_url=other_cluster.url, migrate='true', workers=1)
    two.stop()
    one.stop()
    for table in ('app_user', 'user_role', 'instance_secret'):  # as a standby would have it
        copy(cluster, other_cluster, f'sluice.{table}')
    both = f'postgresql:///sluice?host={cluster.folder},{other_cluster.folder}&user=postgres'
    daemon = new_daemon(database_url=both, workers=1)
    client = sign_in(daemon, one.admin)
    assert client.post('/v1/leads', json={'last_name': 'first'}).status_code == 201
    read_only(cluster, True)
    began = time.monotonic()
    wait_for(lambda: client.post('/v1/session', json=one.admin).status_code == 201, 30, 'the other one')
    assert time.monotonic() - began < 5
    assert sign_in(daemon, one.admin).post('/v1/leads', json={'last_name': 'second'}).status_code == 201
    assert sql(cluster, 'select last_name from sluice.lead') == [('first',)]
    assert sql(other_cluster, 'select last_name from sluice.lead') == [('second',)]


def copy(source, target, table):
    """Puts the rows of a table of one cluster in the place of another's."""
    rows = sql(source, f'select row_to_json(t)::text from {table} t')
    connection = psycopg2.connect(target.url)
    with connection, connection.cursor() as cursor:
        cursor.execute('set session_replication_role = replica')
        cursor.execute(f'delete from {table}')
        for (row,) in rows:
            cursor.execute(f'insert into {table} select * from json_populate_record(null::{table}, %s)', (row,))
    connection.close()
