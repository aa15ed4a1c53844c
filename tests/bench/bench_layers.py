#!/usr/bin/python3
"""bench_layers - where a request's processor time goes, by layer and by function.

usage: tests/bench/bench_layers.py [--seconds 4] [--leads 20000] [--only get,list,create,move] [--top 12]

Samples the daemon (SLUICE_BIN, built with symbols) with perf while wrk asks, and prints microseconds a request: of the
kernel, of each library and of each module of lib/, and the functions that take most. PostgreSQL's share stands beside.
Needs perf, and root or kernel.perf_event_paranoid of 1 or less for the kernel's part.
"""
import argparse
import collections
import re
import subprocess
import sys
from pathlib import Path

from bench import Bench
from daemon import binary
from rig import Rig

HERTZ = 1999


def modules():
    """The module of each function, by the libraries that the build made of lib/."""
    found = {}
    for library in Path(binary()).resolve().parent.glob('lib*.a'):
        out = subprocess.run(['nm', '--defined-only', str(library)], capture_output=True, text=True, check=False).stdout
        for name in re.findall(r' [tT] (\S+)', out):
            found.setdefault(name, library.stem[3:])
    return found


def layer_of(known, symbol, image):
    name = Path(image).name
    if '[kernel' in image or name.startswith('[k'):
        return 'kernel'
    if name == 'sluiced':
        return known.get(symbol.split('.')[0], 'sluiced')
    return re.sub(r'[-.].*', '', name)


def sample(bench, name, known):
    rig, path = bench.rig, bench.rig.folder / 'perf.data'
    pid = rig.daemon.process.pid
    # flat: without unwinding nothing is disturbed
    perf = subprocess.Popen(['perf', 'record', '-q', '-e', 'cpu-clock', '-F', str(HERTZ), '-p', str(pid), '-o', str(path)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run = bench.wrk(name, rig)
    perf.send_signal(2)
    perf.wait()
    out = subprocess.run(['perf', 'script', '-i', str(path), '-F', 'ip,sym,dso'], capture_output=True, text=True, check=True).stdout
    layers, functions, total = collections.Counter(), collections.Counter(), 0
    for line in out.splitlines():
        found = re.match(r'\s*[0-9a-f]+ (.*?)(?:\+0x\w+)? \((.*)\)$', line)
        if found:
            layer = layer_of(known, found[1], found[2])
            layers[layer] += 1
            functions[f'{layer}: {found[1]}'] += 1
            total += 1
    return run, layers, functions, max(total, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=int, default=4)
    parser.add_argument('--leads', type=int, default=20000)
    parser.add_argument('--connections', type=int, default=64)
    parser.add_argument('--only', default='get,list,create,move')
    parser.add_argument('--top', type=int, default=12)
    options = parser.parse_args()
    rig = Rig(options.leads)
    try:
        bench, known = Bench(options, rig), modules()
        for name in options.only.split(','):
            bench.wrk(name, rig)  # warm
            run, layers, functions, total = sample(bench, name, known)
            print(f'\n{name}: {run.own_us:.1f} us of the daemon and {run.pg_us:.0f} us of PostgreSQL a request, {total} samples')
            print('  ' + ', '.join(f'{k} {v / total * run.own_us:.1f}' for k, v in layers.most_common(14)))
            for k, v in functions.most_common(options.top):
                print(f'  {v / total * run.own_us:7.2f}  {v / total:5.1%}  {k}', flush=True)
    finally:
        rig.close()


if __name__ == '__main__':
    sys.exit(main())
