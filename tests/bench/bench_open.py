#!/usr/bin/python3
"""bench_open - what clients wait that do not wait for each other: latency at half of what the daemon does.

usage: tests/bench/bench_open.py [--seconds 10] [--leads 20000] [--connections 64] [--share 0.5]

wrk asks again when it was answered: what is slow it asks less often, and of what it did not ask meanwhile nobody is told.
Here requests are sent when they are due, and their time begins there (tests/fault/crowd.py). Prints, for each load, the rate
that wrk reaches with all its connections, the p50 that it sees with one, and p50, p99 and the longest of the open loop at
that share of the rate; p99 / p50 is that p99 over the p50 of one client alone. The sender is Python and does about two
thousand requests a second beside the daemon: loads that are faster are not here.
"""
import argparse
import json
import os
import random
import sys
import time
from pathlib import Path

import bench
from rig import Rig, bodies

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'fault'))
from crowd import Crowd, share  # noqa: E402
from loads import FIELDS  # noqa: E402

LOADS = ('list', 'create', 'move')


def request(rig, method, path, body=None):
    text = json.dumps(body) if body else ''
    kind = f'Content-Type: application/json\r\nContent-Length: {len(text)}\r\n' if body else ''
    return f'{method} {path} HTTP/1.1\r\nHost: sluice\r\nAuthorization: Bearer {rig.token}\r\n{kind}\r\n{text}'.encode()


def maker(rig, name):
    """Makes the n-th request of a load."""
    if name == 'list':
        return lambda n: request(rig, 'GET', '/v1/leads?limit=50')
    if name == 'create':
        rig.seed += 1
        made = bodies(rig.seed, 1 << 30)
        return lambda n: request(rig, 'POST', '/v1/leads', next(made))
    movers = [[i, s] for i, s in rig.states().items() if s in FIELDS]
    random.shuffle(movers)

    def move(n):
        mover = movers[n % len(movers)]
        mover[1] = 'call_back' if mover[1] == 'nurture' else 'nurture'
        return request(rig, 'POST', f'/v1/leads/{mover[0]}/transitions/{mover[1]}', {'fields': FIELDS[mover[1]]})
    return move


def measured(b, options, name):
    """One line of the table; returns how many requests failed."""
    alone = b.run_wrk(name, b.rig, connections=1)
    full = b.run_wrk(name, b.rig)
    b.rig.settle()
    crowd = Crowd(b.rig.url, maker(b.rig, name), options.share * full.rate).start()
    time.sleep(options.seconds)
    answers = crowd.stop()
    took = [1000 * a.took for a in answers]
    failed = sum(not 200 <= a.status < 300 for a in answers) + alone.bad + full.bad
    print(f'{name:8}{full.rate:9.0f}/s{alone.p50:13.2f} ms |{len(answers) / options.seconds:9.0f}/s{share(took, 0.5):9.2f}'
          f'{share(took, 0.99):9.2f}{max(took):9.2f} ms{share(took, 0.99) / alone.p50:10.1f} |{failed:7}', flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=int, default=10)
    parser.add_argument('--leads', type=int, default=20000)
    parser.add_argument('--connections', type=int, default=64)
    parser.add_argument('--share', type=float, default=0.5, help='of the rate that wrk reaches')
    options = parser.parse_args()
    print(f'{options.seconds} s, {options.leads} leads, {os.cpu_count()} processors, load average {bench.load_average()}', flush=True)
    rig = Rig(options.leads)
    try:
        b = bench.Bench(options, rig)
        b.run_wrk('mixed', rig)  # plans made for tables that nobody has analyzed yet are another day's
        rig.settle()
        print(f'{"":8}{"wrk, all":>11}{"alone, p50":>16} |{"open loop":>11}{"p50":>9}{"p99":>9}{"longest":>9}{"p99 / p50":>13} |'
              f'{"failed":>7}')
        return 1 if sum(measured(b, options, name) for name in LOADS) else 0
    finally:
        rig.close()


if __name__ == '__main__':
    sys.exit(main())
