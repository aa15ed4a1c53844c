#!/usr/bin/python3
"""bench - how near the daemon comes to its database.

usage: tests/bench/bench.py [--seconds 4] [--rounds 3] [--leads 20000] [--only get,list,create,move]

Starts a daemon on a private PostgreSQL with default durability, fills it, and prints in one run, for
  get     one lead by id
  list    a page of 50 leads
  create  a new lead
  move    a transition, with facts, guards, visit and audit trail
requests a second and p99 beside pgbench running the same SQL (the statements are read from sql/queries), as
medians of interleaved rounds. Ratios are what counts: daemon, PostgreSQL and both load tools share the machine.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'api'))
import psycopg2  # noqa: E402
import requests  # noqa: E402
from daemon import Daemon  # noqa: E402

ALL = "'all'"


def query(name):
    """The text of a named query, without its head."""
    for path in (ROOT / 'sql' / 'queries').glob('*.sql'):
        text = path.read_text()
        found = re.search(rf'^-- query: {name} .*?\n(.*?)(?=^-- query: |\Z)', text, re.S | re.M)
        if found:
            lines, skipping = [], False
            for line in found.group(1).splitlines():
                if line.startswith('-- include:'):
                    skipping = True
                elif line.startswith('-- from') or line.startswith('-- where'):
                    skipping = False
                if not line.startswith('--') and not skipping and line.strip():
                    lines.append(line)
            return '\n'.join(lines).rstrip().rstrip(';')
    raise SystemExit(f'no query {name}')


def bind(text, **values):
    """Replaces :name by an expression; others stay pgbench variables."""
    for name, value in values.items():
        text = re.sub(rf'(?<!:):{name}\b', lambda _: value, text)
    return text


NEW_ID = 'gen_random_uuid()'
PICK = 'md5(:n::text)::uuid'
BODY = {'first_name': 'Anna', 'last_name': 'Nowak', 'email': 'anna@acme.example', 'phone': '+48 601 234 567',
        'company': 'Acme Logistics', 'job_title': 'Head of operations', 'industry': 'logistics', 'city': 'Gdansk',
        'country': 'PL', 'need': 'Faster deliveries', 'source': 'fair',
        'estimated_value': {'amount': '18500.00', 'currency': 'PLN'}}
FIELDS = {'nurture': {'nurture_until': '2027-06-01'}, 'call_back': {'call_back_at': '2027-06-01T09:00:00Z'}}


def enter(user):
    return bind(query('enter'), actor_kind="'user'", actor_id=f"'{user}'", session='null',
                request_id="'bench'", operation="'bench'", dry='false') + ';'


def scripts(user, leads):
    """pgbench scripts that send what the daemon sends."""
    viewer = f"'{user}'::uuid"
    get = bind(query('lead_get'), id=PICK, viewer=viewer, scope=ALL) + ';'
    page = bind(query('lead_list'), viewer=viewer, scope=ALL) + '\n order by r.created_at desc, r.id desc limit 51;'
    create = bind(query('lead_create'), id=NEW_ID, body="'" + json.dumps(BODY) + "'::jsonb") + ';'
    facts = bind(query('facts_lead'), id=PICK, viewer=viewer, scope=ALL, actor_kind="'user'",
                 roles="'{admin}'::text[]", teams="'{}'::text[]")
    apply = bind(query('transition_apply'), entity="'lead'", record_id=PICK, expected_version=':version::bigint',
                 from_state=":state::text", transition=":next::text", fields=":fields::jsonb",
                 activities='null', tasks='null', note='null', verdicts="'{}'::jsonb",
                 evidence=':evidence::text', viewer=viewer, scope=ALL,
                 ids='array[gen_random_uuid()]', checklist='null') + ';'
    pick = f'\\set n random(1, {leads})\n'
    decide = ("select f.version, f.state, f.evidence, length(f.facts::text) as seen,\n"
              "  case when f.state = 'nurture' then 'call_back' else 'nurture' end as next,\n"
              "  case when f.state = 'nurture' then '" + json.dumps(FIELDS['call_back']) + "'\n"
              "       else '" + json.dumps(FIELDS['nurture']) + "' end as fields\n"
              f'  from ({facts}) f \\gset\n')
    pipeline = '\\startpipeline\n{}\n\\endpipeline\n'
    return {
        'get': pick + get,
        'list': page,
        'create': pipeline.format(enter(user) + '\n' + create),
        'move': pick + decide + pipeline.format(enter(user) + '\n' + apply + '\n' + get),
    }


LUA = {
    'get': 'request = function() return wrk.format("GET", "/v1/leads/" .. ids[math.random(#ids)]) end',
    'list': 'request = function() return wrk.format("GET", "/v1/leads?limit=50") end',
    'create': '''wrk.headers["Content-Type"] = "application/json"
request = function() return wrk.format("POST", "/v1/leads", nil, body) end''',
    # a lead after the other; each pass the other way, so that the move is always declared
    'move': '''wrk.headers["Content-Type"] = "application/json"
local at, pass = 0, 0
request = function()
  at = at + 1
  if at > #ids then at, pass = 1, pass + 1 end
  local id = ids[at]
  local key = state[id] == "nurture" and "call_back" or "nurture"
  state[id] = key
  return wrk.format("POST", "/v1/leads/" .. id .. "/transitions/" .. key, nil, fields[key])
end''',
}
LUA_END = '''
bad = 0
response = function(status) if status >= 300 then bad = bad + 1 end end
threads = {}
setup = function(thread) table.insert(threads, thread) end
done = function(summary, latency)
  local failed = 0
  for _, thread in ipairs(threads) do failed = failed + thread:get("bad") end
  io.write(string.format("RESULT %.1f %.3f %d\\n", summary.requests / summary.duration * 1e6,
           latency:percentile(99) / 1000, failed))
end
'''


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix='sluice-bench-'))
        self.daemon = Daemon(self.folder).start()
        answer = requests.post(self.daemon.url + '/v1/session', json=self.daemon.admin, timeout=30).json()
        self.token, self.user = answer['access_token'], answer['user']['id']
        self.db = psycopg2.connect(host=str(self.daemon.socket_folder), dbname='sluice', user='postgres')
        self.db.autocommit = True

    def fill(self):
        with self.db.cursor() as cursor:
            cursor.execute('''insert into sluice.lead (id, first_name, last_name, email, company, source, owner_id)
                              select md5(n::text)::uuid, 'Anna', 'Nowak ' || n, 'anna' || n || '@acme.example',
                                     'Acme ' || n, 'web', %s
                                from generate_series(1, %s) n''', (self.user, self.options.leads))
            cursor.execute('vacuum analyze')
            for name in ('fsync', 'synchronous_commit', 'full_page_writes'):
                cursor.execute(f'show {name}')
                assert cursor.fetchone()[0] == 'on', f'{name} is off: the numbers would be dishonest'

    def states(self):
        with self.db.cursor() as cursor:
            cursor.execute("select md5(n::text)::uuid::text, l.state from generate_series(1, %s) n "
                           "join sluice.lead l on l.id = md5(n::text)::uuid", (self.options.leads,))
            return cursor.fetchall()

    def wrk(self, name):
        rows = self.states()
        lua = [f'wrk.headers["Authorization"] = "Bearer {self.token}"',
               'ids = {' + ','.join(f'"{i}"' for i, _ in rows) + '}',
               'state = {' + ','.join(f'["{i}"]="{s}"' for i, s in rows) + '}' if name == 'move' else '',
               f'body = [==[{json.dumps(BODY)}]==]', *(f'fields = fields or {{}}; fields.{k} = [==[{json.dumps({"fields": v})}]==]' for k, v in FIELDS.items()),
               LUA[name], LUA_END]
        path = self.folder / f'{name}.lua'
        path.write_text('\n'.join(lua))
        out = subprocess.run(['wrk', '-t1', f'-c{self.options.connections}', f'-d{self.options.seconds}', '-s', str(path),
                              self.daemon.url], capture_output=True, text=True, check=True).stdout
        rate, p99, bad = re.search(r'RESULT (\S+) (\S+) (\d+)', out).groups()
        return float(rate), float(p99), int(bad)

    def pgbench(self, name, script, clients):
        path = self.folder / f'{name}.pgbench'
        path.write_text(script)
        for old in self.folder.glob('pgbench_log*'):
            old.unlink()
        env = dict(os.environ, PGHOST=str(self.daemon.socket_folder), PGUSER='postgres', PGDATABASE='sluice',
                   PGOPTIONS='-c role=sluice_app -c search_path=sluice,public -c timezone=UTC')
        run = subprocess.run(['/usr/lib/postgresql/15/bin/pgbench', '-n', '-M', 'prepared', '-f', str(path), '-c', str(clients), '-j', '2',
                              '-T', str(self.options.seconds), '-l'], env=env, cwd=self.folder, capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(run.stderr[-2000:])
        rate = float(re.search(r'tps = (\S+)', run.stdout).group(1))
        latencies = sorted(int(line.split()[2]) for p in self.folder.glob('pgbench_log*') for line in p.read_text().splitlines())
        return rate, latencies[int(len(latencies) * 0.99)] / 1000 if latencies else 0.0

    def run(self):
        texts = scripts(self.user, self.options.leads)
        names = [n for n in texts if n in self.options.only.split(',')]
        ours = {n: [] for n in names}
        theirs = {n: [] for n in names}
        for _ in range(self.options.rounds):
            for name in names:
                theirs[name].append(self.pgbench(name, texts[name], 4 if name in ('get', 'list') else 8))
                ours[name].append(self.wrk(name))
        print(f'{"":8}{"sluiced/s":>12}{"p99 ms":>9}{"pgbench/s":>12}{"p99 ms":>9}{"ratio":>8}{"failed":>8}')
        failed = 0
        for name in names:
            rate, base = (statistics.median(r[0] for r in rows[name]) for rows in (ours, theirs))
            p99, base99 = (statistics.median(r[1] for r in rows[name]) for rows in (ours, theirs))
            bad = sum(r[2] for r in ours[name])
            failed += bad
            print(f'{name:8}{rate:12.0f}{p99:9.2f}{base:12.0f}{base99:9.2f}{rate / base:8.2f}{bad:8}')
        return failed

    def close(self):
        self.db.close()
        self.daemon.destroy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=int, default=4)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--leads', type=int, default=20000)
    parser.add_argument('--connections', type=int, default=64)
    parser.add_argument('--only', default='get,list,create,move')
    bench = Bench(parser.parse_args())
    try:
        bench.fill()
        return 1 if bench.run() else 0
    finally:
        bench.close()


if __name__ == '__main__':
    sys.exit(main())
