#!/usr/bin/python3
"""bench_simulate - how long it takes to ask what a version would change for a million leads.

usage: tests/bench/bench_simulate.py [--leads 1000000]

Starts a daemon on a private PostgreSQL, fills it with leads of which one in ten has a call and one in five an
industry, and simulates a version of the shipped process with some guards more. Prints seconds, records a second,
and the resident memory of the daemon before and after.
"""
import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'api'))
import psycopg2  # noqa: E402
import requests  # noqa: E402
from daemon import Daemon  # noqa: E402

FILL = '''
alter table sluice.lead disable trigger user;
alter table sluice.activity disable trigger user;
insert into sluice.lead (id, first_name, last_name, email, company, industry, need, source, blueprint_version_id, state,
                         state_entered_at)
select (lpad(to_hex(n), 12, '0') || '7' || substr(md5(n::text), 1, 19))::uuid, 'Anna', 'Nowak ' || n,
       'anna' || n || '@acme.example', 'Acme ' || n, case when n %% 5 = 0 then 'branch ' || n end,
       case when n %% 7 = 0 then 'need ' || n end, 'web', v.id,
       (array['open', 'open', 'contacted', 'qualified', 'unqualified'])[1 + n %% 5], now() - n * interval '1 second'
  from generate_series(1, %(leads)s) n,
       (select v.id from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
         where b.key = 'lead_default' and v.status = 'published') v;
insert into sluice.visit (id, entity, record_id, blueprint_version_id, state, entered_at, via)
select row_number() over (), 'lead', l.id, l.blueprint_version_id, l.state, l.state_entered_at, 'created' from sluice.lead l;
insert into sluice.activity (id, kind, subject, outcome, lead_id, occurred_at)
select md5(l.id::text)::uuid, 'call', 'First', 'reached', l.id, l.state_entered_at - interval '1 hour'
  from sluice.lead l where right(l.id::text, 1) in ('0', '1');
alter table sluice.lead enable trigger user;
alter table sluice.activity enable trigger user;
'''


def memory_kb(pid):
    status = Path(f'/proc/{pid}/status').read_text()
    return int(next(line for line in status.splitlines() if line.startswith('VmRSS')).split()[1])


def harder(document):
    """The shipped process with a guard more on each manual transition."""
    for t in document['transitions']:
        if t.get('kind', 'manual') != 'manual':
            continue
        t['guards'] = t.get('guards', []) + [
            {'key': 'bench_all', 'op': 'any', 'guards': [
                {'key': 'bench_need', 'kind': 'field_present', 'params': {'field': 'need'}},
                {'key': 'bench_company', 'kind': 'field_present', 'params': {'field': 'company'}}]},
            {'key': 'bench_industry', 'kind': 'field_present', 'params': {'field': 'industry'}}]
    return document


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--leads', type=int, default=1_000_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix='sluice-bench-'))
    daemon = Daemon(folder).start()
    try:
        http = requests.Session()
        http.trust_env = False
        token = http.post(daemon.url + '/v1/session', json=daemon.admin, timeout=30).json()['access_token']
        http.headers['Authorization'] = f'Bearer {token}'
        db = psycopg2.connect(host=str(daemon.socket_folder), dbname='sluice', user='postgres')
        db.autocommit = True
        with db.cursor() as cursor:
            started = time.monotonic()
            cursor.execute(FILL, {'leads': options.leads})
            cursor.execute('vacuum analyze')
            print(f'filled with {options.leads} leads in {time.monotonic() - started:.0f} s', flush=True)
        items = http.get(daemon.url + '/v1/blueprints', timeout=30).json()['items']
        shipped = next(i['id'] for i in items if i['key'] == 'lead_default')
        document = http.get(f'{daemon.url}/v1/blueprints/{shipped}', timeout=30).json()
        document = harder({**document, 'number': 1000, 'label': {'en': 'Bench'}})
        with db.cursor() as cursor:
            cursor.execute('select sluice.blueprint_import(%s::jsonb)', (json.dumps(document),))
            cursor.execute("select v.id from sluice.blueprint_version v where v.number = 1000")
            draft = cursor.fetchone()[0]
        pid = daemon.process.pid
        before = memory_kb(pid)
        started = time.monotonic()
        answer = http.post(f'{daemon.url}/v1/blueprints/{draft}/simulate', json={}, timeout=60)
        most, job = before, answer.json()
        while answer.status_code == 202 and job['status'] not in ('done', 'failed'):
            time.sleep(0.1)
            job = http.get(f'{daemon.url}/v1/jobs/{job["id"]}', timeout=30).json()
            most = max(most, memory_kb(pid))
        took = time.monotonic() - started
        result = job['result'] if answer.status_code == 202 else job
        assert result and result['records'] == options.leads, job
        lost = sum(t.get('lost', 0) for t in result['transitions'])
        print(f'simulated {result["records"]} records in {took:.1f} s: {result["records"] / took:.0f} a second, '
              f'{lost} transitions lost; memory {before} kB before, at most {most} kB')
    finally:
        daemon.destroy()


if __name__ == '__main__':
    main()
