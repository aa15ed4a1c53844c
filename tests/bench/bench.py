#!/usr/bin/python3
"""bench - how near the daemon comes to its database, and how far it is from what one would take instead.

usage: tests/bench/bench.py [--short | --long | --grow] [--rounds 3] [--seconds 4] [--leads 20000] [--only get,list,...]
                            [--peer-workers 2] [--connections 64] [--workers N]

Starts a daemon (SLUICE_BIN) on a private PostgreSQL with default durability, fills it, and prints one table in one
run: medians of interleaved rounds, ratios first. Beside each load stand

  pgbench   the same statements without a daemon: recorded from PostgreSQL's log while the daemon serves the request
  peer      tests/bench/peer: Fastify and node-postgres as their pages recommend, on tables of the same shape

with the aim of each ratio and a verdict. Processor time is in microseconds for a request: "own" that of the daemon or
the peer, "pg" that of PostgreSQL; "by work" is the peer's two over the daemon's two. Everything shares the machine, so
only ratios count; the load average stands beside. --short is what cmd/dev/test bench runs: it fails when a request failed or updates of leads were not HOT,
never because of a time. --long adds growth from ten thousand leads to a million, memory and start-up; --grow is these
alone.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import typing
from pathlib import Path

import grow
from loads import LOADS, MIX, MOVERS, READERS, Scripts, lua
from peer import Peer
from recorded import Recorder
from rig import Rig, memory_kb

PGBENCH = sorted(Path('/usr/lib/postgresql').glob('*/bin/pgbench'), key=lambda p: int(p.parts[4]))[-1]
SESSION = '-c role={} -c search_path=sluice,pg_temp -c timezone=UTC -c jit=off'  # as the daemon's
BARE = '''\\set n random(1, {leads}) * 2
begin;
select id, state, version, owner_id, score, nurture_until from peer.lead where id = md5(:n::text)::uuid for update;
update peer.lead set state = 'nurture', version = version + 1, updated_at = now() where id = md5(:n::text)::uuid returning *;
insert into peer.audit (seq, at, action, entity, record_id, actor_kind, from_state, to_state, changes)
values (nextval('peer.seq'), now(), 'transition', 'lead', md5(:n::text)::uuid, 'user', 'call_back', 'nurture', '{{}}');
commit;
'''
HOT_FLOOR = 0.95
BORN_A_SECOND = 2500  # more leads than any side makes


class Run(typing.NamedTuple):
    rate: float
    p50: float
    p99: float
    pg_us: float   # PostgreSQL's processor time for a request
    own_us: float  # that of the daemon or the peer
    bad: int
    why: str = ''


def median(runs):
    return Run(*(statistics.median(r[i] for r in runs) for i in range(5)), sum(r.bad for r in runs),
               next((r.why for r in runs if r.why), ''))


class Bench:
    def __init__(self, options, rig):
        self.options, self.rig = options, rig
        self.scripts = Scripts(rig, Recorder(rig.db, rig.daemon.folder / 'data' / 'log'))
        self.peer = None

    def born(self, name):
        share = {'create': 1, 'mixed': 0.5}.get(name)
        return self.rig.born(int(self.options.seconds * BORN_A_SECOND * share)) if share else ([], [])

    def wrk(self, name, side):
        """@side has url, token, states() and spent()."""
        run = self.run_wrk(name, side)
        return run._replace(why=self.run_wrk(name, side, 1, True).why) if run.bad else run

    def run_wrk(self, name, side, seconds=None, told=False, connections=None):
        made, _ = self.born(name)
        bodies, path = self.rig.folder / 'bodies', self.rig.folder / 'wrk.lua'
        bodies.write_text(''.join(self.rig.line(b) for b in made))
        script = lua(name, side.token, side.states(), bodies, told)
        path.write_text(script.replace('DEEP', grow.deep_path(side)) if name == 'deep' else script)
        connections = connections or (1 if name == 'large' else self.options.connections)
        seconds = seconds or (min(1, self.options.seconds) if name == 'large' else self.options.seconds)
        before = side.spent()
        out = subprocess.run(['wrk', '-t1', f'-c{connections}', f'-d{seconds}', '-s', str(path), side.url],
                             capture_output=True, text=True, check=False)
        after = side.spent()
        found = re.search(r'RESULT (\S+) (\S+) (\S+) (\S+) (\d+) (.*)', out.stdout)
        if not found:
            raise SystemExit(f'{name}: {out.stdout[-2000:]}{out.stderr[-2000:]}')
        n, rate, p50, p99 = map(float, found.groups()[:4])
        n = max(n, 1)
        return Run(rate, p50, p99, (after[0] - before[0]) / n, (after[1] - before[1]) / n, int(found[5]), found[6])

    def files(self, name):
        """Arguments of pgbench: a script, or several with their weights."""
        made, keys = self.born(name)
        table = None
        if made:
            rows = []
            for i, (body, k) in enumerate(zip(made, keys)):
                key = self.rig.new_id()
                rows.append((i, key, self.rig.line(body).rstrip(), self.scripts.sent(key, k, body)))
            table = self.rig.born_table(rows)
        for part in MIX if name == 'mixed' else [name]:
            path = self.rig.folder / f'{part}.pgbench'
            path.write_text(self.scripts.script(part, table))
            yield '-f', f'{path}@{MIX[part]}' if name == 'mixed' else str(path)

    def pgbench(self, name):
        return self.run_pgbench([a for pair in self.files(name) for a in pair], MOVERS if LOADS[name].writes else READERS)

    def bare(self):
        """A move as five statements and nothing else, on the peer's tables."""
        path = self.rig.folder / 'bare.pgbench'
        path.write_text(BARE.format(leads=self.rig.leads // 2))
        return self.run_pgbench(['-f', str(path)], MOVERS, 'postgres')

    def run_pgbench(self, files, clients, role='sluice_app'):
        rig = self.rig
        for old in rig.folder.glob('pgbench_log*'):
            old.unlink()
        values = [a for k, v in {**self.scripts.values, 'at': '-1'}.items() for a in ('-D', f'{k}={v}')]
        env = dict(os.environ, PGHOST=str(rig.daemon.socket_folder), PGUSER='postgres', PGDATABASE='sluice',
                   PGOPTIONS=SESSION.format(role))
        before = rig.spent()[0]
        run = subprocess.run([PGBENCH, '-n', '-M', 'prepared', '-c', str(clients), '-j', '2', '-T',
                              str(self.options.seconds), '-l', *values, *files], env=env, cwd=rig.folder,
                             capture_output=True, text=True, check=False)
        rig.ask("select count(pg_sleep(0.05)) from generate_series(1, 3)")  # so that its backends have ended
        spent = rig.spent()[0] - before
        if run.returncode:
            raise SystemExit(run.stderr[-2000:])
        rate = float(re.search(r'tps = (\S+)', run.stdout).group(1))
        ms = sorted(int(line.split()[2]) / 1000 for p in rig.folder.glob('pgbench_log*')
                    for line in p.read_text().splitlines())
        return Run(rate, ms[len(ms) // 2], ms[int(len(ms) * 0.99)], spent / len(ms), 0.0, 0)

    def rounds(self, names):
        for name in names:  # while nobody else asks
            for part in MIX if name == 'mixed' else [name]:
                self.scripts.script(part)
        for side in filter(None, (self.rig, self.peer)):  # Node compiles what it has run for a while, and plans made
            self.wrk('mixed', side)                       # for tables that nobody has analyzed yet are another day's
        self.rig.settle()
        runs = {(n, side): [] for n in names for side in ('pgbench', 'daemon', 'peer', 'bare')}
        for _ in range(self.options.rounds):
            for name in names:
                if LOADS[name].floor:
                    runs[name, 'pgbench'].append(self.pgbench(name))
                runs[name, 'daemon'].append(self.wrk(name, self.rig))
                if self.peer:
                    runs[name, 'peer'].append(self.wrk(name, self.peer))
                    if name == 'move':
                        runs[name, 'bare'].append(self.bare())
        return {k: median(v) for k, v in runs.items() if v}


def judged(width, own, other, floor, aim):
    """The ratio, its floor and aim, and which of them it reaches."""
    if not other or not floor:
        return ' ' * (width + 18)
    ratio = own.rate / other.rate
    verdict = 'aim' if ratio >= aim else 'floor' if ratio >= floor else 'BELOW'
    return f'{ratio:{width}.2f}{f"{floor:.2f}/{aim:.2f}":>11}{verdict:>7}'


def by_work(own, peer):
    """How much more processor time the peer and its PostgreSQL take for a request; what others do shortens no work."""
    return f'{(peer.own_us + peer.pg_us) / (own.own_us + own.pg_us):9.2f}' if peer else ' ' * 9


def show(names, runs):
    """Prints the table; returns how many requests of the daemon failed."""
    with_peer = any(side == 'peer' for _, side in runs)
    print(f'{"":9}{"of pgbench":>11}{"aims":>11}{"":>7}' + (f'{"of peer":>9}{"aims":>11}{"":>7}{"by work":>9}' if with_peer else '') +
          f' |{"daemon/s":>9}{"p50 ms":>8}{"p99 ms":>8}{"own us":>7}{"pg us":>7} |{"pgbench/s":>10}{"pg us":>7}' +
          (f' |{"peer/s":>8}{"p50 ms":>8}{"own us":>7}{"pg us":>7}' if with_peer else '') + f' |{"failed":>7}')
    for name in names:
        load, own, base, peer = LOADS[name], *(runs.get((name, side)) for side in ('daemon', 'pgbench', 'peer'))
        line = f'{name:9}' + judged(11, own, base, load.floor, load.aim)
        if with_peer:
            line += judged(9, own, peer, load.peer_floor, load.peer_aim) + by_work(own, peer)
        line += f' |{own.rate:9.0f}{own.p50:8.2f}{own.p99:8.2f}{own.own_us:7.0f}{own.pg_us:7.0f} |'
        line += f'{base.rate:10.0f}{base.pg_us:7.0f}' if base else ' ' * 17
        if peer:
            line += f' |{peer.rate:8.0f}{peer.p50:8.2f}{peer.own_us:7.0f}{peer.pg_us:7.0f}'
        print(line + f' |{own.bad:7}', flush=True)
        if name == 'large':  # a second write that waits for a delayed acknowledgement takes 40 ms
            print(f'{"":9}its p50 is {own.p50:.2f} ms, aims 5/2 ms: '
                  + ('aim' if own.p50 <= 2 else 'floor' if own.p50 <= 5 else 'BELOW'))
        if (name, 'bare') in runs:
            bare = runs[name, 'bare']
            print(f'{"":9}five bare statements without triggers, guards or facts: {bare.rate:.0f}/s, of which a move is '
                  f'{own.rate / bare.rate:.2f}')
        for side, run in (('daemon', own), ('peer', peer)):
            if run and run.bad:
                print(f'          {run.bad} requests of the {side} failed: {run.why}')
    return sum(run.bad for (_, side), run in runs.items() if side == 'daemon')


def show_hot(rig):
    updates, hot = rig.hot()
    print(f'HOT updates of leads: {hot / max(updates, 1):.3f} of {updates} (floor {HOT_FLOOR})')
    return 0 if updates and hot >= HOT_FLOOR * updates else 1


def load_average():
    return ' '.join(f'{x:.1f}' for x in os.getloadavg())


def table(options):
    """Measures and prints; returns how much was wrong."""
    names = [n for n in LOADS if n != 'deep']
    names = options.only.split(',') if options.only else ['get', 'move', 'large'] if options.short else names
    rig, bench = Rig(options.leads, **({'workers': options.workers} if options.workers else {})), None
    try:
        bench = Bench(options, rig)
        if options.peer_workers:
            bench.peer = Peer(rig, options.peer_workers)
        failed = show(names, bench.rounds(names))
        peer = f', the peer {bench.peer.memory_kb() / 1024:.0f} MB' if bench.peer else ''
        print(f'resident with {options.connections} connections: the daemon {memory_kb(rig.daemon.process.pid) / 1024:.1f} MB'
              f'{peer}; aims 24/12 MB')
        return failed + (show_hot(rig) if {'move', 'mixed'} & set(names) else 0)
    finally:
        if bench and bench.peer:
            bench.peer.close()
        rig.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument('--short', action='store_true')
    kind.add_argument('--long', action='store_true')
    kind.add_argument('--grow', action='store_true', help='only what --long adds')
    parser.add_argument('--seconds', type=int)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--leads', type=int)
    parser.add_argument('--connections', type=int, default=64)
    parser.add_argument('--workers', type=int, default=0, help='of the daemon; 0: as many as it likes')
    parser.add_argument('--peer-workers', type=int, default=2, help='0: no peer')
    parser.add_argument('--only', help='some of ' + ','.join(LOADS))
    options = parser.parse_args()
    options.seconds = options.seconds or (3 if options.short else 4)
    options.peer_workers = 0 if options.short else options.peer_workers
    options.leads = options.leads or (5000 if options.short else 20000)
    print(f'{options.rounds} rounds of {options.seconds} s, {options.leads} leads, {os.cpu_count()} processors, '
          f'load average before: {load_average()}', flush=True)
    failed = 0 if options.grow else table(options)
    if options.long or options.grow:
        grow.growth(lambda rig: Bench(options, rig), options)
        grow.footprint()
    print(f'load average after: {load_average()}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
