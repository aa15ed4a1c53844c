#!/usr/bin/python3
"""bench_import - how fast a spreadsheet becomes leads, beside a bare COPY of the same rows.

usage: tests/bench/bench_import.py [--rows 50000] [--long] [--no-names] [--fuzzy]

Imports a generated file (3 % broken, 2 % twice) into a daemon's private PostgreSQL: parsing, validation, exact
duplicate rules, births with their history, events, timers and search texts, and a result for each row. Waits for the
job that compares names after it. Then, in the same run, COPY puts what the import wrote, as CSV, into empty tables with
the same indexes and no triggers or foreign keys: once the leads alone, once every table that the import wrote (names are
not among them: the job after it keeps them).
--no-names gives up the job that compares names. --fuzzy adds a rule that leads of companies whose names are alike (0.8)
are flagged, and takes names as they are (bench_duplicates.py); without it no rule for leads asks for more than the keeping
of names. Prints rows a second, the ratios in time and in processor time (the machine may have other work), and the
daemon's resident memory before, at its highest while the file comes and while it runs, and after. --long is a million rows.
"""
import argparse
import io
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'api'))
import psycopg2  # noqa: E402
import requests  # noqa: E402
from bench_duplicates import names  # noqa: E402
from daemon import Daemon  # noqa: E402

TABLES = ('lead', 'visit', 'timer', 'audit', 'outbox', 'search_text', 'match_key', 'import_row')
PART = 4 << 20


def memory_kb(pid):
    status = Path(f'/proc/{pid}/status').read_text()
    return int(next(line for line in status.splitlines() if line.startswith('VmRSS')).split()[1])


def numbered(n):
    """Companies that a number tells apart."""
    for i in range(n):
        yield f'Firma {i} sp. z o.o.' if i % 2 else f'Przedsiębiorstwo {i}'


def generate(path, n, companies):
    """Writes the file; returns how many leads must come of it."""
    made = 0
    with open(path, 'w', encoding='utf-8') as out:
        out.write('first_name,last_name,email,company,phone,city,tax_id,notes\n')
        for i, company in zip(range(n), companies):
            email = f'person{i}@firm{i % 50021}.example'
            if i % 100 in (3, 36, 69):
                email = f'person{i}'
            elif i % 100 in (50, 99):
                email = f'person{i - 10}@firm{(i - 10) % 50021}.example'
            else:
                made += 1
            out.write(f'Jan{i},"Nowak, {i}",{email},{company},,Poznań,,"Wants a demo {i}"\n' if i % 2 else
                      f'Anna{i},Kowalska {i},{email},{company},,Łódź,,\n')
    return made


class Watch(threading.Thread):
    """The highest resident memory of a process since the last time it was asked."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.highest, self.over = pid, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            self.highest = max(self.highest, memory_kb(self.pid))

    def taken(self):
        highest, self.highest = self.highest, 0
        return highest


def processor(pid):
    """Seconds of processor time of a process."""
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def spent(daemon):
    """Seconds of processor time of a daemon and what its PostgreSQL runs."""
    top = daemon.postgres_pid()
    below = [int(p) for p in Path(f'/proc/{top}/task/{top}/children').read_text().split()]
    return sum(processor(pid) for pid in [daemon.process.pid, top, *below])


def over(http, url, job):
    """Waits for a job; returns the seconds it took and its result."""
    started = time.monotonic()
    while True:
        found = http.get(f'{url}/v1/jobs/{job}', timeout=60).json()
        if found['status'] in ('done', 'failed'):
            return time.monotonic() - started, found['result']
        time.sleep(0.1)


def uploaded(http, url, path):
    """Sends the file and has its columns mapped; returns the import."""
    one = http.post(f'{url}/v1/imports', json={'entity': 'lead'}, timeout=60).json()['id']
    with open(path, 'rb') as file:
        for n in range(1, 1001):
            data = file.read(PART)
            if not data:
                break
            http.put(f'{url}/v1/imports/{one}/parts/{n}', data=data, timeout=60,
                     headers={'Content-Type': 'application/octet-stream'}).raise_for_status()
    http.post(f'{url}/v1/imports/{one}/mapping', timeout=60).raise_for_status()
    return one


def flag_alike(http, url):
    http.post(f'{url}/v1/duplicate-rules', timeout=60, json={
        'key': 'alike', 'entity': 'lead', 'against': ['lead'], 'kind': 'fuzzy', 'weights': {'name': 1}, 'threshold': 0.8,
        'mode': 'flag', 'label': {'en': 'Similar company'}}).raise_for_status()


def copied(cursor, table, folder, daemon):
    """Seconds that COPY takes for the rows of a table, into one with the same indexes, and those of the processor, of
    all that PostgreSQL runs meanwhile, as with an import."""
    path = folder / f'{table}.copy'
    with open(path, 'wb') as out:
        cursor.copy_expert(f'copy sluice.{table} to stdout (format csv)', out)
    cursor.execute(f'create table bench.{table} (like sluice.{table} including all)')
    with open(path, 'rb') as source:
        buffered = io.BufferedReader(source, 1 << 20)
        started, before = time.monotonic(), spent(daemon)
        cursor.copy_expert(f'copy bench.{table} from stdin (format csv)', buffered)
        took = time.monotonic() - started, spent(daemon) - before
    path.unlink()
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', type=int, default=50_000)
    parser.add_argument('--long', action='store_true')
    parser.add_argument('--no-names', action='store_true')
    parser.add_argument('--fuzzy', action='store_true')
    options = parser.parse_args()
    rows = 1_000_000 if options.long else options.rows
    folder = Path(tempfile.mkdtemp(prefix='sluice-bench-'))
    daemon = Daemon(folder, access_token_s=86400).start()
    try:
        companies = (f'{name} {form}' for _, name, form, _ in names(rows)) if options.fuzzy else numbered(rows)
        wanted = generate(folder / 'leads.csv', rows, companies)
        http = requests.Session()
        http.trust_env = False
        token = http.post(daemon.url + '/v1/session', json=daemon.admin, timeout=30).json()['access_token']
        http.headers['Authorization'] = f'Bearer {token}'
        before = memory_kb(daemon.process.pid)
        watch = Watch(daemon.process.pid)
        watch.start()
        if options.fuzzy:
            flag_alike(http, daemon.url)
        used = spent(daemon)
        one = uploaded(http, daemon.url, folder / 'leads.csv')
        sent = watch.taken()
        took, result = over(http, daemon.url, http.post(f'{daemon.url}/v1/imports/{one}/run', timeout=60).json()['id'])
        used = spent(daemon) - used
        ran = watch.taken()
        assert result['created'] == wanted, (result, wanted)
        print(f'import: {rows} rows in {took:.1f} s, {rows / took:.0f} rows/s: {result}')
        print(f'memory: {before} kB, at its highest {sent} kB with the file, {ran} kB with the rows', flush=True)
        seen = http.get(f'{daemon.url}/v1/imports/{one}', timeout=60).json()
        db = psycopg2.connect(host=str(daemon.socket_folder), dbname='sluice', user='postgres')
        db.autocommit = True
        if options.no_names:
            with db.cursor() as cursor:
                cursor.execute("update sluice.job set status = 'failed' where kind = 'import_compare'")
        elif seen['compare_job_id']:
            seconds, compared = over(http, daemon.url, seen['compare_job_id'])
            print(f'names: {compared} in {seconds:.1f} s, {compared["compared"] / max(seconds, 0.1):.0f} records/s, '
                  f'memory {watch.taken()} kB at its highest')
        watch.over.set()
        print(f'memory at the end: {memory_kb(daemon.process.pid)} kB', flush=True)
        with db.cursor() as cursor:
            cursor.execute('create schema bench')
            seconds = {table: copied(cursor, table, folder, daemon) for table in TABLES}
        alone, everything = seconds['lead'][0], sum(s[0] for s in seconds.values())
        print('COPY, seconds: ' + ', '.join(f'{t} {s[0]:.1f}' for t, s in seconds.items()))
        print(f'processor seconds: import {used:.1f}, COPY {sum(s[1] for s in seconds.values()):.1f}, '
              f'import / COPY = {sum(s[1] for s in seconds.values()) / used:.2f}')
        print(f'COPY of leads alone:       {wanted / alone:.0f} rows/s, import / COPY = {alone / took:.2f}')
        print(f'COPY of what it writes:    {wanted / everything:.0f} rows/s, import / COPY = {everything / took:.2f}')
        db.close()
    finally:
        daemon.destroy()


if __name__ == '__main__':
    main()
