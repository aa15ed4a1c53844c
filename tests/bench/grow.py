"""grow - what a hundred times the leads cost, what memory a connection and a worker take, how long a start takes."""
import socket
import statistics
import time
from urllib.parse import quote

from rig import Daemon, Rig, memory_kb

SMALL, LARGE = 10_000, 1_000_000
LOADS = ('get', 'list', 'deep', 'filter', 'options', 'move')
FLOOR, AIM = 0.75, 0.85
IDLE = 1000


def median_of(times, work):
    return statistics.median(work() for _ in range(times))


def growth(bench_of, options):
    """Two daemons, one with a hundred times the leads of the other, asked in turn."""
    rigs = [Rig(SMALL), None]
    try:
        started = time.monotonic()
        rigs[1] = Rig(LARGE)
        print(f'\ngrowth from {SMALL} leads to {LARGE} (filled in {time.monotonic() - started:.0f} s): requests a second')
        benches = [bench_of(rig) for rig in rigs]
        rates = {(name, i): [] for name in LOADS for i in (0, 1)}
        for turn in range(options.rounds + 1):
            for name in LOADS:
                for i, bench in enumerate(benches):
                    run = bench.wrk(name, bench.rig)
                    if run.bad:
                        print(f'  {name}: {run.bad} requests failed: {run.why}')
                    if turn:  # the first one fills the caches
                        rates[name, i].append(run.rate)
        for name in LOADS:
            small, large = (statistics.median(rates[name, i]) for i in (0, 1))
            verdict = 'aim' if large >= AIM * small else 'floor' if large >= FLOOR * small else 'BELOW'
            print(f'  {name:9}{large / small:6.2f}  {FLOOR:.2f}/{AIM:.2f} {verdict:6} |{small:9.0f}{large:9.0f}', flush=True)
    finally:
        for rig in filter(None, rigs):
            rig.close()


def deep_path(rig):
    """A page of 50 in the middle of the list."""
    at = rig.ask("select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from sluice.lead "
                 'where id = md5(%s::text)::uuid', (rig.leads // 2,))
    return '/v1/leads?limit=50&created_at%5Blt%5D=' + quote(at)


def connect(daemon, n):
    """Idle connections that have asked once."""
    host, port = daemon.url.removeprefix('http://').split(':')
    kept = []
    for _ in range(n):
        s = socket.create_connection((host, int(port)), timeout=30)
        s.sendall(f'GET /v1/leads HTTP/1.1\r\nHost: {host}\r\n\r\n'.encode())
        assert s.recv(65536).startswith(b'HTTP/1.1 401')
        kept.append(s)
    return kept


def timed(work):
    started = time.monotonic()
    work()
    return time.monotonic() - started


def footprint(connections=IDLE):
    """Memory and start-up of a daemon that has nothing to do."""
    print('\nmemory and start-up')
    resident = {}
    for workers in (1, 2, 4, 8):
        daemon = Daemon(workers=workers, max_connections_per_address=2 * connections)
        try:
            first = timed(daemon.start)
            before = memory_kb(daemon.process.pid)
            if workers == 2:
                kept = connect(daemon, connections)
                after = memory_kb(daemon.process.pid)
                print(f'  a connection: {(after - before) / connections:.1f} kB of {after} kB with {connections} of them')
                for s in kept:
                    s.close()
            resident[workers] = before
            if workers == 2:
                daemon.stop()
                again = median_of(3, lambda: (timed(daemon.start), daemon.stop())[0])
                print(f'  start: {first:.2f} s with an empty folder (initdb and all migrations), {again:.2f} s afterwards '
                      '(with the start of PostgreSQL)')
        finally:
            daemon.destroy()
    print('  a worker: ' + f'{(resident[8] - resident[1]) / 7:.0f} kB; resident with ' +
          ', '.join(f'{w}: {kb} kB' for w, kb in resident.items()) + ' (aims for all: 24/12 MB)')
