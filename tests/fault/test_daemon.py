"""What happens to the daemon itself: killed at any moment, told to stop under load, its private PostgreSQL killed."""
import json
import os
import random
import signal
import socket
import subprocess
import threading

import requests

from daemon import Client, binary, pid_lives, wait_for
from worlds import LONG, now

KILLS = 200 if LONG else 8
READY_S = 3.0  # from the start of a process to its first answer; the machine has other things to do


def test_nothing_is_lost_when_the_daemon_is_killed(world):
    """kill -9 at random moments of random writes."""
    slowest = 0
    with world.ledger() as ledger:
        for _ in range(KILLS):
            ledger.at_least(random.randint(1, 12))
            moment = now() + random.random() * 0.02
            wait_for(lambda m=moment: now() >= m, 1)
            world.daemon.process.kill()
            world.daemon.process.wait(10)
            began = now()
            world.daemon.start()
            wait_for(world.ready, 30, 'readiness')
            slowest = max(slowest, now() - began)
        ledger.at_least(10)
        world.settled(ledger)
    print(f'{KILLS} kills, {len(ledger.writes)} writes, {len([w for w in ledger.writes if w.replayed])} of them replayed; '
          f'started again within {slowest:.2f} s')
    assert slowest < READY_S


def test_a_private_postgres_that_dies_is_started_again(private):
    w = private
    with w.ledger(writers=2) as ledger:
        for _ in range(2 if not LONG else 20):
            ledger.at_least(10)
            pid = w.daemon.postgres_pid()
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda p=pid: w.daemon.postgres_pid() not in (None, p) and w.ready(), 40, 'another PostgreSQL')
        ledger.at_least(10)
        w.settled(ledger)
    assert w.daemon.stop() == 0
    assert not pid_lives(w.daemon.process.pid) and w.daemon.postgres_pid() is None


def test_a_killed_daemon_takes_its_private_postgres_over(private):
    w = private
    email, password = w.daemon.admin['email'], w.daemon.admin['password']
    with w.ledger(writers=2) as ledger:
        for _ in range(2 if not LONG else 20):
            ledger.at_least(20)
            w.daemon.process.kill()
            w.daemon.process.wait(10)
            w.daemon.start()
            assert 'admin' not in w.daemon.ready and 'intake' not in w.daemon.ready
            assert w.admin.get('/v1/me').status_code == 200
        ledger.at_least(10)
        w.settled(ledger)
    assert w.admin.post('/v1/session', json={'email': email, 'password': password}).status_code == 201
    assert w.daemon.stop() == 0
    assert not pid_lives(w.daemon.process.pid) and w.daemon.postgres_pid() is None


def drain_load(w, outcomes, stopped, i):
    """Requests on connections of their own, or on a kept one, until nobody listens."""
    with requests.Session() as session:
        session.trust_env = False
        count = 0
        while not stopped.is_set():
            count += 1
            name = f'drain {os.getpid()} {w.daemon.process.pid} {i} {count}'
            try:
                answer = (requests if i % 2 else session).post(
                    w.daemon.url + '/v1/leads', json={'last_name': name}, timeout=30,
                    headers={'Authorization': f'Bearer {w.key}'})
                outcomes.append((answer.status_code, name))
            except requests.ConnectionError as e:
                outcomes.append((str(e), name))
                if stopped.is_set() or 'refused' in str(e):
                    return


def test_sigterm_under_load_fails_no_request(world):
    for _ in range(2 if not LONG else 100):
        outcomes, stopped = [], threading.Event()
        threads = [threading.Thread(target=drain_load, args=(world, outcomes, stopped, i)) for i in range(8)]
        for t in threads:
            t.start()
        wait_for(lambda o=outcomes: len(o) > 100, 30, 'load')
        began = now()
        world.daemon.process.send_signal(signal.SIGTERM)
        assert world.daemon.process.wait(20) == 0
        assert now() - began < 10
        stopped.set()
        for t in threads:
            t.join(30)
        failed = [o for o in outcomes if o[0] != 201 and 'refused' not in str(o[0])]
        assert failed == [], failed[:5]
        assert not (world.daemon.folder / 'ready.json').exists()
        found = {r[0] for r in world.sql("select last_name from sluice.lead where last_name like %s",
                                         f'drain {os.getpid()} {world.daemon.process.pid} %')}
        assert found == {name for status, name in outcomes if status == 201}
        world.daemon.start()


def test_sigterm_waits_for_what_is_running(world):
    holder = world.cluster.connect()
    holder.autocommit = False
    holder.cursor().execute('lock table sluice.lead in access exclusive mode')
    answers = []
    client = Client(world.daemon, world.contract, world.key)
    waiting = threading.Thread(target=lambda: answers.append(client.post('/v1/leads', json={'last_name': 'waits'})))
    waiting.start()
    wait_for(lambda: world.sql('select 1 from pg_locks where not granted'), 30, 'the lock to be waited for')
    world.daemon.process.send_signal(signal.SIGTERM)
    wait_for(lambda: '"stopping"' in world.daemon.log(), 30, 'the drain')
    holder.rollback()
    holder.close()
    waiting.join(20)
    assert [a.status_code for a in answers] == [201] and answers[0].headers['Connection'] == 'close'
    assert world.daemon.process.wait(20) == 0


def test_a_request_on_its_way_is_told_that_the_daemon_stops(world):
    host, port = world.daemon.url.split('//')[1].split(':')

    def refuses():
        try:
            socket.create_connection((host, int(port)), 5).close()
        except ConnectionError:
            return True
        return False

    with socket.create_connection((host, int(port)), 20) as s:
        s.sendall(b'GET /livez HTTP/1.1\r\nHost: sluice\r\n\r\n')
        assert s.recv(65536).startswith(b'HTTP/1.1 200 ')
        s.sendall(b'GET /readyz HTTP/1.1\r\nHost: sluice\r\n')
        world.daemon.process.send_signal(signal.SIGTERM)
        wait_for(refuses, 30, 'the end of the listeners')
        s.sendall(b'\r\n')
        text = b''.join(iter(lambda: s.recv(65536), b'')).decode()
    head, body = text.split('\r\n\r\n')
    assert head.startswith('HTTP/1.1 503 ') and '\r\nRetry-After: 1\r\n' in head
    said = json.loads(body)
    assert (said['code'], said['retryable']) == ('draining', True)
    assert said['hint'] == 'repeat after Retry-After; behind a load balancer another instance answers'
    assert world.daemon.process.wait(20) == 0


def test_what_clients_are_told_while_postgresql_is_away(world):
    """Every kind of request, not only writes; what needs no database is served."""
    client = Client(world.daemon, world.contract, world.key)
    for mode in ('fast', 'immediate', 'fast'):
        world.cluster.stop(mode)
        wait_for(lambda: not world.ready(), 30, 'unreadiness')
        for ask in (lambda: client.get('/v1/leads'), lambda: client.post('/v1/leads', json={'last_name': 'away'}),
                    lambda: client.get('/v1/reports/conversion'),
                    lambda: client.post('/v1/session', json=world.daemon.admin)):
            began = now()
            answer = ask()
            assert now() - began < 1 and answer.status_code == 503, answer.text
            assert answer.json()['code'] == 'database_unavailable' and answer.json()['retryable'] is True
            assert int(answer.headers['Retry-After']) >= 1
            assert 'socket' not in answer.text and 'server closed' not in answer.text
        assert world.alive() and client.get('/openapi.json').status_code == 200
        world.cluster.start()
        began = now()
        wait_for(lambda: client.get('/v1/me').status_code == 200, 20, 'a read that succeeds')
        assert now() - began < 2
        wait_for(world.ready, 30, 'readiness')
    assert not world.sql("select from sluice.lead where last_name = 'away'")


def test_a_daemon_without_its_database_does_not_start(world):
    """And says why, in its log; it does not wait for somebody to come."""
    world.daemon.stop()
    world.cluster.stop()
    run = subprocess.run([binary()], env=world.daemon.environment(), capture_output=True, timeout=30, check=False,
                         cwd=world.daemon.folder)
    said = [json.loads(line) for line in run.stderr.decode().splitlines()]
    assert run.returncode != 0
    assert [line for line in said if line['level'] == 'error' and line['message'] == 'cannot open the database'], said


def test_descriptors_do_not_grow_with_connections_that_break(world):
    for _ in range(5):
        before = world.proxy.reset()
        assert before > 0
        wait_for(world.ready, 30, 'readiness')
        wait_for(lambda: world.pool() == world.before['pool'], 30, 'the pool')
    assert world.files() <= world.before['files']
