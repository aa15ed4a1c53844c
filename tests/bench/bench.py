#!/usr/bin/python3
"""bench - how near the daemon comes to its database.

usage: tests/bench/bench.py [--seconds 4] [--rounds 3] [--leads 20000] [--only get,list,create,move]

Starts a daemon on a private PostgreSQL with default durability, fills it, and prints in one run, for
  get     one lead by id
  list    a page of 50 leads
  create  a new lead
  move    a transition, with facts, guards, visit and audit trail
requests a second, latencies and CPU microseconds per operation beside pgbench running the same SQL (the
statements are read from sql/queries), as medians of interleaved rounds. Ratios are what counts: daemon, PostgreSQL
and both load tools share the machine. "pg us" is PostgreSQL's CPU under the daemon, "pg us" on the right under
pgbench. After moves it also says how many updates of leads were HOT, which must stay at 0.95 or more.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import typing
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


MOVERS = 8  # clients of pgbench that write
NEW_ID = 'gen_random_uuid()'
PICK = 'md5(:n::text)::uuid'
BODY = {'first_name': 'Anna', 'last_name': 'Nowak', 'email': 'anna@acme.example', 'phone': '+48 601 234 567',
        'company': 'Acme Logistics', 'job_title': 'Head of operations', 'industry': 'logistics', 'city': 'Gdansk',
        'country': 'PL', 'need': 'Faster deliveries', 'source': 'fair',
        'estimated_value': {'amount': '18500.00', 'currency': 'PLN'}}
FIELDS = {'nurture': {'nurture_until': '2027-06-01'}, 'call_back': {'call_back_at': '2027-06-01T09:00:00Z'}}


def enter(user):
    return bind(query('enter'), actor_kind="'user'", actor_id=f"'{user}'", session='null',
                request_id="'bench'", operation="'bench'", dry='false', hold="'ask'") + ';'


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
        # each client has leads of its own: a move that came too late is an error
        'move': f'\\set n random(0, {leads // MOVERS - 1}) * {MOVERS} + :client_id + 1\n' + decide + pipeline.format(enter(user) + '\n' + apply + '\n' + get),
    }


# Requests are made before the clock runs: wrk shares the machine.
LUA = {
    'get': '''init = function() for i, id in ipairs(ids) do ids[i] = wrk.format("GET", "/v1/leads/" .. id) end end
request = function() return ids[math.random(#ids)] end''',
    'list': '''init = function() text = wrk.format("GET", "/v1/leads?limit=50") end
request = function() return text end''',
    'create': '''wrk.headers["Content-Type"] = "application/json"
local n, own = 0, tostring({}):match("0x(.*)")
request = function()  -- everybody is somebody else: not one is another's duplicate
  n = n + 1
  local who = body:gsub("Nowak", "Nowak" .. own .. n):gsub("anna@acme", own .. n .. "@acme"):gsub("601 234 567", string.format("6%08d", math.random(99999999)))
  return wrk.format("POST", "/v1/leads", nil, who)
end''',
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
  io.write(string.format("RESULT %d %.1f %.3f %.3f %d\\n", summary.requests, summary.requests / summary.duration * 1e6,
           latency:percentile(50) / 1000, latency:percentile(99) / 1000, failed))
end
'''
TICK_US = 1e6 / os.sysconf('SC_CLK_TCK')
PGBENCH = '/usr/lib/postgresql/15/bin/pgbench'
SESSION = '-c role=sluice_app -c search_path=sluice,pg_temp -c timezone=UTC -c jit=off'  # as the daemon's


class Run(typing.NamedTuple):
    rate: float
    p50: float
    p99: float
    pg_us: float      # PostgreSQL's CPU per operation
    daemon_us: float  # the daemon's
    bad: int


def cpu_us(pid):
    """CPU of a process and of its children that have ended."""
    try:
        return sum(map(int, Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[11:15])) * TICK_US
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix='sluice-bench-'))
        self.daemon = Daemon(self.folder, workers=options.workers).start() if options.workers else Daemon(self.folder).start()
        answer = requests.post(self.daemon.url + '/v1/session', json=self.daemon.admin, timeout=30).json()
        self.token, self.user = answer['access_token'], answer['user']['id']
        self.db = psycopg2.connect(host=str(self.daemon.socket_folder), dbname='sluice', user='postgres')
        self.db.autocommit = True
        self.postmaster = self.ask("select pg_read_file('postmaster.pid')").split()[0]

    def ask(self, sql, *values):
        with self.db.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchone()[0] if cursor.description else None

    def fill(self):
        for name in ('fsync', 'synchronous_commit', 'full_page_writes'):
            assert self.ask(f'show {name}') == 'on', f'{name} is off: the numbers would be dishonest'
        self.ask('''insert into sluice.lead (id, first_name, last_name, email, company, source, owner_id)
                    select md5(n::text)::uuid, 'Anna', 'Nowak ' || n, 'anna' || n || '@acme.example',
                           'Acme ' || n, 'web', %s
                      from generate_series(1, %s) n''', self.user, self.options.leads)
        self.ask('vacuum analyze')
        self.ask('checkpoint')

    def states(self):
        return self.ask("select jsonb_object_agg(l.id, l.state) from generate_series(1, %s) n "
                        "join sluice.lead l on l.id = md5(n::text)::uuid", self.options.leads)

    def postgres_us(self):
        children = Path(f'/proc/{self.postmaster}/task/{self.postmaster}/children').read_text().split()
        return sum(map(cpu_us, [self.postmaster, *children]))

    def wrk(self, name):
        states = self.states()
        lua = [f'wrk.headers["Authorization"] = "Bearer {self.token}"',
               'ids = {' + ','.join(f'"{i}"' for i in states) + '}',
               'state = {' + ','.join(f'["{i}"]="{s}"' for i, s in states.items()) + '}' if name == 'move' else '',
               f'body = [==[{json.dumps(BODY)}]==]', 'fields = {}',
               *(f'fields.{k} = [==[{json.dumps({"fields": v})}]==]' for k, v in FIELDS.items()), LUA[name], LUA_END]
        path = self.folder / f'{name}.lua'
        path.write_text('\n'.join(lua))
        before = self.postgres_us(), cpu_us(self.daemon.process.pid)
        out = subprocess.run(['wrk', '-t1', f'-c{self.options.connections}', f'-d{self.options.seconds}', '-s', str(path),
                              self.daemon.url], capture_output=True, text=True, check=True).stdout
        after = self.postgres_us(), cpu_us(self.daemon.process.pid)
        n, rate, p50, p99, bad = map(float, re.search(r'RESULT' + r' (\S+)' * 5, out).groups())
        return Run(rate, p50, p99, (after[0] - before[0]) / n, (after[1] - before[1]) / n, int(bad))

    def pgbench(self, name, script, clients):
        path = self.folder / f'{name}.pgbench'
        path.write_text(script)
        for old in self.folder.glob('pgbench_log*'):
            old.unlink()
        env = dict(os.environ, PGHOST=str(self.daemon.socket_folder), PGUSER='postgres', PGDATABASE='sluice', PGOPTIONS=SESSION)
        before = self.postgres_us()
        run = subprocess.run([PGBENCH, '-n', '-M', 'prepared', '-f', str(path), '-c', str(clients), '-j', '2',
                              '-T', str(self.options.seconds), '-l'], env=env, cwd=self.folder, capture_output=True, text=True,
                             check=False)
        if run.returncode:
            raise SystemExit(run.stderr[-2000:])
        rate = float(re.search(r'tps = (\S+)', run.stdout).group(1))
        ms = sorted(int(line.split()[2]) / 1000 for p in self.folder.glob('pgbench_log*') for line in p.read_text().splitlines())
        return Run(rate, ms[len(ms) // 2], ms[int(len(ms) * 0.99)], (self.postgres_us() - before) / len(ms), 0.0, 0)

    def run(self):
        texts = scripts(self.user, self.options.leads)
        names = [n for n in texts if n in self.options.only.split(',')]
        ours = {n: [] for n in names}
        theirs = {n: [] for n in names}
        for _ in range(self.options.rounds):
            for name in names:
                theirs[name].append(self.pgbench(name, texts[name], 4 if name in ('get', 'list') else MOVERS))
                ours[name].append(self.wrk(name))
        head = ('/s', 'p50 ms', 'p99 ms', 'pg us')
        print(f'{"":8}{"daemon":>9}' + ''.join(f'{h:>9}' for h in (*head[1:], 'own us')) + '  |' +
              f'{"pgbench":>9}' + ''.join(f'{h:>9}' for h in head[1:]) + f'{"ratio":>8}{"failed":>8}')
        failed = 0
        for name in names:
            ours_at, theirs_at = (Run(*map(statistics.median, zip(*rows[name]))) for rows in (ours, theirs))
            bad = sum(r.bad for r in ours[name])
            failed += bad
            print(f'{name:8}{ours_at.rate:9.0f}{ours_at.p50:9.2f}{ours_at.p99:9.2f}{ours_at.pg_us:9.0f}{ours_at.daemon_us:9.0f}  |'
                  f'{theirs_at.rate:9.0f}{theirs_at.p50:9.2f}{theirs_at.p99:9.2f}{theirs_at.pg_us:9.0f}'
                  f'{ours_at.rate / theirs_at.rate:8.2f}{bad:8}', flush=True)
        if 'move' in names:
            failed += self.check_hot()
        return failed

    def check_hot(self):
        """Updates of leads that touched no index, of all."""
        time.sleep(1.5)  # backends tell their counts once a second
        updates, hot = (self.ask(f"select {c} from pg_stat_user_tables where relid = 'sluice.lead'::regclass")
                        for c in ('n_tup_upd', 'n_tup_hot_upd'))
        print(f'HOT updates of leads: {hot / max(updates, 1):.3f} of {updates}')
        return 0 if hot >= 0.95 * updates else 1

    def close(self):
        self.db.close()
        self.daemon.destroy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=int, default=4)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--leads', type=int, default=20000)
    parser.add_argument('--connections', type=int, default=64)
    parser.add_argument('--workers', type=int, default=0, help='of the daemon; 0: as many as it likes')
    parser.add_argument('--only', default='get,list,create,move')
    bench = Bench(parser.parse_args())
    try:
        bench.fill()
        return 1 if bench.run() else 0
    finally:
        bench.close()


if __name__ == '__main__':
    sys.exit(main())
