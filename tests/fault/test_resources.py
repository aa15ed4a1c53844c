"""What a machine runs out of: space for data and for WAL, memory, and time that goes in one direction."""
import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from collections import Counter
from pathlib import Path

import pytest
import requests

from daemon import Client, wait_for
from worlds import DEADLINE_S, HERE, LATE_S, LONG, now

FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'
STARVED = list(range(1, 2001)) if LONG else [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233]
NARROW, PART = 64 << 20, 4 << 20  # of memory; of an upload


# space

@contextlib.contextmanager
def mounted(size):
    """A file system of a size."""
    if os.geteuid() != 0:
        pytest.skip('only root may mount a small file system')
    folder = Path(tempfile.mkdtemp(prefix='sluice-disk-'))
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size},mode=755', 'tmpfs', folder], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        folder.rmdir()
        pytest.skip(f'no file system may be mounted here: {done.stderr.strip()}')
    yield folder
    subprocess.run(['umount', folder], check=True)
    folder.rmdir()


@pytest.fixture
def small_disk():
    """One for PostgreSQL; taken down after the world that uses it."""
    with mounted('96m') as folder:
        subprocess.run(['chown', 'postgres:', folder], check=True)
        yield folder


@pytest.fixture
def log_disk():
    """One for the daemon's log."""
    with mounted('1m') as folder:
        yield folder


def fill(folder):
    """Takes all the space that is left."""
    with open(folder / 'filler', 'ab', buffering=0) as f:
        try:
            while True:
                f.write(bytes(1 << 16))
        except OSError:
            pass  # full


@pytest.mark.parametrize('what', ['data', 'wal'])
def test_nothing_is_lost_when_the_disk_is_full(small_disk, new_world, what):
    place = {what: small_disk / 'files'}
    world = new_world(**place, options='-c max_wal_size=8MB -c min_wal_size=2MB -c wal_recycle=off -c wal_init_zero=on '
                                       '-c checkpoint_timeout=30s')
    with world.ledger() as ledger:
        ledger.at_least(20)
        began = now()
        fill(small_disk)

        def refused():
            fill(small_disk)  # what a checkpoint gave back, too
            return sum(a.status == 503 and a.retry_after for a in ledger.attempts(began)) >= 10
        wait_for(refused, 60, '503')
        assert world.alive()
        (small_disk / 'filler').unlink()
        if world.cluster.stopped():  # without WAL PostgreSQL ends
            world.cluster.start()
        wait_for(world.cluster.accepts, 30, 'PostgreSQL')
        took = world.recovered(ledger, now())
        assert ledger.longest(began) < DEADLINE_S + LATE_S
        print(f'{what}: back after {took:.2f} s, {dict(ledger.seen(began))}')
        world.settled(ledger)
    assert world.daemon.stop() == 0


def dropped(world):
    """How many lines of its log the daemon could not write."""
    text = requests.get(world.daemon.admin_url + '/metrics', timeout=10).text
    return int(re.search(r'^sluice_log_dropped_lines_total (\d+)$', text, re.M)[1])


def test_a_full_disk_stops_no_request_but_the_log(log_disk, new_world):
    """What the log's disk does not take is dropped and counted; the log goes on by itself, and says how much it lost."""
    world = new_world(log=log_disk / 'sluiced.log')
    with world.ledger() as ledger:
        for _ in range(1 if not LONG else 5):
            ledger.at_least(20)
            before, began = dropped(world), now()
            fill(log_disk)
            wait_for(lambda b=before: dropped(world) > b + 20, 30, 'lines that are dropped')
            ledger.at_least(20)
            size = len(world.daemon.log())
            (log_disk / 'filler').unlink()
            wait_for(lambda at=size: 'lines of the log were lost' in world.daemon.log()[at:], 30, 'the log to go on')
            assert 0 not in ledger.seen(began) and world.alive()
        world.settled(ledger)
    told = dropped(world)
    assert world.daemon.stop() == 0
    said, torn = [], 0
    for line in [line for line in world.daemon.log().splitlines() if line.startswith('{')]:
        try:
            said.append(json.loads(line))
        except ValueError:
            torn += 1  # by the end of the space
    lost = [line['lines'] for line in said if line['message'] == 'lines of the log were lost']
    print(f'{told} lines dropped in {len(lost)} times, {torn} torn')
    assert sum(lost) == told and torn <= len(lost)
    assert 'stopping' in [line['message'] for line in said]


# time

@pytest.fixture
def clock(new_world, tmp_path):
    """A world whose daemon has a clock that the case may turn; that of PostgreSQL is right."""
    if not os.path.exists(FAKETIME):
        pytest.skip('libfaketime is not installed')
    hand = tmp_path / 'clock'
    hand.write_text('+0')
    world = new_world(environment={'LD_PRELOAD': FAKETIME, 'FAKETIME_TIMESTAMP_FILE': str(hand), 'FAKETIME_NO_CACHE': '1',
                                   'FAKETIME_DONT_FAKE_MONOTONIC': '1'})
    world.turn = lambda seconds: hand.write_text(f'{seconds:+d}')
    return world


def test_nothing_is_lost_when_the_clock_jumps(clock):
    with clock.ledger() as ledger:
        for jump in (3600, 0, -3600, 0, 3600, -3600, 0):
            clock.turn(jump)
            ledger.at_least(15)
        assert ledger.longest() < DEADLINE_S + LATE_S
        assert not set(ledger.seen()) - {200, 201, 207, 422}
        clock.settled(ledger)


def test_deadlines_do_not_follow_the_clock(clock):
    """A request that waits ends at its deadline, wherever the hands are."""
    for jump in (3600, -3600):
        holder = clock.cluster.connect()
        holder.autocommit = False
        holder.cursor().execute('lock table sluice.lead in access exclusive mode')
        client, answers, began = Client(clock.daemon, clock.contract, clock.key), [], now()
        waiting = threading.Thread(target=lambda c=client, a=answers: a.append(c.post('/v1/leads', json={'last_name': 'x'})))
        waiting.start()
        wait_for(lambda: clock.sql('select 1 from pg_locks where not granted'), 30, 'the lock to be waited for')
        clock.turn(jump)
        waiting.join(20)
        assert answers[0].status_code in (503, 504) and 0.4 < now() - began < DEADLINE_S + LATE_S
        holder.rollback()
        holder.close()
        clock.turn(0)


def test_tokens_follow_the_clock(clock):
    """An access token ends an hour later, whichever clock says so, and is good again when that one was wrong."""
    admin = {k: clock.daemon.admin[k] for k in ('email', 'password')}
    session = clock.admin.post('/v1/session', json=admin)
    client = Client(clock.daemon, clock.contract, session.json()['access_token'])
    assert client.get('/v1/me').status_code == 200
    clock.turn(3600)
    late = client.get('/v1/me')
    assert (late.status_code, late.json()['code']) == (401, 'token_expired')
    assert Client(clock.daemon, clock.contract, clock.key).get('/v1/me').status_code == 200  # keys end by PostgreSQL's clock
    assert clock.admin.post('/v1/session', json=admin).status_code == 201
    clock.turn(0)
    assert client.get('/v1/me').status_code == 200


# memory

@pytest.fixture
def starved(new_world, tmp_path):
    """A world whose daemon can be refused an allocation."""
    library, counter = tmp_path / 'starve.so', tmp_path / 'counter'
    subprocess.run(['cc', '-O2', '-Wall', '-Werror', '-shared', '-fPIC', '-o', library, HERE / 'starve.c'], check=True)
    counter.write_bytes(struct.pack('l', 0))
    world = new_world(environment={'LD_PRELOAD': str(library), 'STARVE': str(counter)})

    def arm(n):
        with open(counter, 'r+b') as f:
            f.write(struct.pack('l', n))
    world.arm = arm
    world.left = lambda: struct.unpack('l', counter.read_bytes())[0]
    return world


def test_nothing_is_lost_when_memory_runs_out(starved):
    """The n-th allocation from some moment on fails: the daemon ends with a line that says so, or refuses a request."""
    ends = {'aborted': 0, 'served': 0}
    with starved.ledger(writers=2) as ledger:
        for n in STARVED:
            ledger.at_least(2)
            starved.arm(n)
            wait_for(lambda: starved.left() <= 0 or starved.daemon.process.poll() is not None, 20, 'the allocation')
            began = now()
            wait_for(lambda b=began: starved.daemon.process.poll() is not None or ledger.gap(b) > 0, 20, 'what came of it')
            if starved.daemon.process.poll() is None:
                ends['served'] += 1
                continue
            ends['aborted'] += 1
            assert starved.daemon.process.returncode == -6, starved.daemon.log()[-2000:]
            last = json.loads(starved.daemon.log().splitlines()[-1])
            assert (last['level'], last['message'].split(':')[0]) == ('error', 'aborted'), last
            starved.arm(0)
            starved.daemon.start()
        ledger.at_least(10)
        starved.settled(ledger)
    print(ends, dict(ledger.seen()))
    assert ends['aborted'] > 0
    assert starved.daemon.stop() == 0


@pytest.fixture
def narrow():
    """A control group of 64 MB, as a container has one: the words that start a command in it."""
    for place, limit in (('/sys/fs/cgroup/memory', 'memory.limit_in_bytes'), ('/sys/fs/cgroup', 'memory.max')):
        group = Path(place) / f'sluice-test-{os.getpid()}'
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(NARROW))
            break
        except OSError:
            group.rmdir()
    else:
        pytest.skip('no control group of memory may be made here')
    yield ['sh', '-c', f'echo $$ >{group}/cgroup.procs && exec "$0"']

    def gone():
        try:
            group.rmdir()
        except OSError:
            return False  # the last process is not quite gone
        return True
    wait_for(gone, 20, 'the end of the control group')


def upload(world, path, answers):
    """A part of a file of which the last byte is missing: the daemon holds the others."""
    host, port = world.daemon.url.split('//')[1].split(':')
    answer = b''
    head = (f'PUT {path} HTTP/1.1\r\nHost: sluice\r\nAuthorization: Bearer {world.key}\r\n'
            f'Content-Type: application/octet-stream\r\nContent-Length: {PART}\r\n\r\n')
    try:
        with socket.create_connection((host, int(port)), 60) as s:
            s.sendall(head.encode() + bytes(PART - 1))
            answer = s.recv(64)  # its end, or that of the daemon
    except OSError:
        pass
    answers.append(answer[:12])


@pytest.mark.parametrize('room', [NARROW // 4, 4 * NARROW], ids=['that is known', 'that is not known'])
def test_nothing_is_lost_when_a_container_is_too_small(narrow, new_world, room):
    """More uploads than the memory holds. Where the daemon was told how much there is, it refuses some; else the kernel ends
    it, and it is started again."""
    world = new_world(under=narrow, body_memory=room, body_timeout_ms=3000, body_rate=1 << 30)
    ends, answers = {'killed': 0, 'served': 0}, []
    with world.ledger() as ledger:
        for _ in range(1 if not LONG else 5):
            ledger.at_least(20)
            path = f"/v1/imports/{world.admin.make('imports', entity='lead')['id']}/parts/1"
            uploads = [threading.Thread(target=upload, args=(world, path, answers)) for _ in range(2 * NARROW // PART)]
            for t in uploads:
                t.start()
            for t in uploads:
                t.join(90)
            assert not any(t.is_alive() for t in uploads)
            # who is killed closes its connections first
            wait_for(lambda: world.daemon.process.poll() is not None or world.ready(), 30, 'an end or readiness')
            code = world.daemon.process.poll()
            ends['served' if code is None else 'killed'] += 1
            assert code in (None, -signal.SIGKILL), world.daemon.log()[-2000:]
            if code is not None:
                world.daemon.start()
            wait_for(world.ready, 20, 'readiness')
        ledger.at_least(20)
        world.settled(ledger)
    print(ends, dict(Counter(answers)), dict(ledger.seen()))
    if room < NARROW:
        assert ends['killed'] == 0 and b'HTTP/1.1 503' in answers
    assert world.daemon.stop() == 0
