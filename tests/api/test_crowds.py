"""Many connections that want nothing or never get on: the others are served, memory stays small, nothing spins.

Short by default; SLUICE_LONG=1 holds 2,000 slow connections for a minute and 10,000 idle ones, and prints what it measured.
"""
import asyncio
import contextlib
import os
import resource
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from daemon import Client, wait_for

LONG = bool(os.environ.get('SLUICE_LONG'))
SLOW, SECONDS = (2000, 60) if LONG else (300, 3)
IDLE = 10000 if LONG else 2000
HEAD = b'GET /v1/leads HTTP/1.1\r\nHost: sluice\r\n'


def slow_head(token):
    """A field now and then, and never the end."""
    return HEAD, b'X-a: b\r\n'


def slow_body(token):
    """A body whose bytes come one by one."""
    return (f'POST /v1/leads HTTP/1.1\r\nHost: sluice\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n'
            'Content-Length: 8000\r\n\r\n{').encode(), b' '


def slow_read(token):
    """Many answers asked for, none read."""
    one = f'GET /openapi.json HTTP/1.1\r\nHost: sluice\r\nAuthorization: Bearer {token}\r\n\r\n'.encode()
    return one * 8, b''


def idle(token):
    """Nothing at all."""
    return b'', b''


# what ends each of them
DEADLINE = {slow_head: 'head_timeout_ms', slow_body: 'body_timeout_ms', slow_read: 'write_stall_ms', idle: 'idle_timeout_ms'}


class Crowd:
    """Connections held by a thread of their own; counts those that the daemon has ended."""

    def __init__(self, url, number, first, more, interval_s=0.5, small_window=False):
        self.at = (urlsplit(url).hostname, urlsplit(url).port)
        self.number, self.first, self.more, self.interval_s = number, first, more, interval_s
        self.small_window = small_window
        self.open = self.ended = 0
        self.stopping = False
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True)

    async def one(self, gate):
        loop = asyncio.get_running_loop()
        s = socket.socket()
        s.setblocking(False)
        if self.small_window:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            async with gate:
                await loop.sock_connect(s, self.at)
            self.open += 1
            await loop.sock_sendall(s, self.first)
            while not self.stopping:
                await asyncio.sleep(self.interval_s)
                if self.more:
                    await loop.sock_sendall(s, self.more)
                elif not self.small_window:
                    with contextlib.suppress(TimeoutError):
                        if not await asyncio.wait_for(loop.sock_recv(s, 1024), self.interval_s):
                            break
            else:
                return
        except OSError:
            pass
        finally:
            s.close()
        self.ended += 1

    async def run(self):
        gate = asyncio.Semaphore(100)
        await asyncio.gather(*[self.one(gate) for _ in range(self.number)])

    def __enter__(self):
        self.thread.start()
        wait_for(lambda: self.open == self.number or self.ended, 60, 'the crowd')
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join(30)


def files_allowed(number):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, number), hard), hard))


def latencies(client, seconds):
    """What one who behaves waits, in milliseconds, for that long and fifty times; every request must be answered well."""
    taken, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(taken) < 50:
        began = time.perf_counter()
        assert client.http.get(client.daemon.url + '/v1/me', headers={'Authorization': f'Bearer {client.token}'},
                               timeout=10).status_code == 200
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def percentile(values, share):
    return sorted(values)[int(len(values) * share)]


def signed_in(daemon, contract):
    client = Client(daemon, contract)
    client.token = client.post('/v1/session', json={k: daemon.admin[k] for k in ('email', 'password')}).json()['access_token']
    return client


@pytest.mark.parametrize('kind', [slow_head, slow_body, slow_read, idle])
def test_slow_ones_do_not_slow_the_others(kind, new_daemon, contract, record_property):
    files_allowed(SLOW + 500)
    short = {DEADLINE[kind]: 20000 if LONG else 2000}
    daemon = new_daemon(max_connections_per_address=SLOW + 100, **short)
    client = signed_in(daemon, contract)
    alone = latencies(client, 2)
    first, more = kind(client.token)
    with Crowd(daemon.url, SLOW, first, more, small_window=kind is slow_read) as crowd:
        among = latencies(client, SECONDS)
        wait_for(lambda: crowd.ended == SLOW or kind is slow_read, 60, 'the end of the slow ones')
    ratio = percentile(among, .99) / percentile(alone, .99)
    record_property('p99', f'{percentile(alone, .99):.1f} ms alone, {percentile(among, .99):.1f} ms among {SLOW}')
    print(f'\n{kind.__name__}: p99 {percentile(alone, .99):.2f} ms alone, {percentile(among, .99):.2f} ms among {SLOW} ({ratio:.2f}x), '
          f'median {statistics.median(alone):.2f} and {statistics.median(among):.2f}')
    assert statistics.median(among) < 10 * statistics.median(alone) + 10  # nobody waits for the slow ones


def test_idle_connections_cost_little(new_daemon, contract):
    files_allowed(IDLE + 500)
    daemon = new_daemon(max_connections=IDLE + 100, max_connections_per_address=IDLE + 100, idle_timeout_ms=600000)
    client = signed_in(daemon, contract)

    def resident_mb():
        text = Path(f'/proc/{daemon.process.pid}/status').read_text()
        return int(text.split('VmRSS:')[1].split()[0]) / 1024
    before = resident_mb()
    request = b'GET /livez HTTP/1.1\r\nHost: sluice\r\n\r\n'
    with Crowd(daemon.url, IDLE, request, b''):
        taken = latencies(client, 2)
        among = resident_mb()
        assert client.get('/v1/me').status_code == 200
    print(f'\n{IDLE} idle connections: {among:.0f} MB resident, {before:.0f} MB before, p99 {percentile(taken, .99):.2f} ms')
    sanitized = 'asan' in subprocess.run(['ldd', f'/proc/{daemon.process.pid}/exe'], capture_output=True, text=True, check=False).stdout
    assert sanitized or among < 200
    assert sanitized or (among - before) * 1024 / IDLE < 16  # kB for one of them


def test_a_sign_in_gives_its_memory_back(new_daemon, contract):
    """19 MiB for the hash of a password, which glibc would keep from the second one on."""
    daemon = new_daemon()

    def resident_mb():
        text = Path(f'/proc/{daemon.process.pid}/status').read_text()
        return int(text.split('VmRSS:')[1].split()[0]) / 1024
    before = resident_mb()
    for _ in range(3):
        assert signed_in(daemon, contract).get('/v1/me').status_code == 200
    after = resident_mb()
    sanitized = 'asan' in subprocess.run(['ldd', f'/proc/{daemon.process.pid}/exe'], capture_output=True, text=True, check=False).stdout
    assert sanitized or after - before < 8, f'{before:.1f} MB before, {after:.1f} MB after'


def test_out_of_file_descriptors_it_does_not_spin(new_daemon, contract):
    daemon = new_daemon(max_connections_per_address=2000)
    client = signed_in(daemon, contract)
    pid = daemon.process.pid
    held = len(list(Path(f'/proc/{pid}/fd').iterdir()))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (held + 20, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))

    def cpu_s():
        fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
    at = (urlsplit(daemon.url).hostname, urlsplit(daemon.url).port)
    crowd = [socket.create_connection(at, 5) for _ in range(60)]
    began, before = time.monotonic(), cpu_s()
    assert client.get('/v1/me').status_code == 200  # who was there first is served
    wait_for(lambda: time.monotonic() - began > 1.5, 5)
    assert (cpu_s() - before) / (time.monotonic() - began) < 0.3
    for s in crowd:
        s.close()
    wait_for(lambda: Client(daemon, contract).get('/v1/intake/none', headers={}).status_code in (404, 405), 20)
