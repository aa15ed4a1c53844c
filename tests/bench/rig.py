"""rig - a daemon on a private PostgreSQL with default durability, filled with leads, and what both spend."""
import json
import os
import random
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'api'))
import psycopg2  # noqa: E402
import requests  # noqa: E402
from daemon import Daemon, binary  # noqa: E402

STATES_MAX = 100_000  # leads that wrk knows
TICK_US = 1e6 / os.sysconf('SC_CLK_TCK')
CITIES = 'Warszawa Kraków Łódź Wrocław Poznań Gdańsk Szczecin Bydgoszcz Lublin Białystok Katowice Radom'.split()
TRADES = 'logistics construction retail medical software transport food energy printing textile'.split()
GIVEN = 'Anna Jan Maria Piotr Ewa Tomasz Olga Adam Zofia Marek'.split()
SOUNDS = [c + v for c in 'bcdfghjklmnprstwz' for v in 'aeiouy']

# Every second lead is postponed: those are moved to and fro. The others stand in the states of a working list.
FILL = '''
set session_replication_role = replica;
insert into sluice.lead (id, first_name, last_name, email, phone, company, job_title, industry, street, postcode, city,
                         country, need, source, campaign, estimated_value_amount, estimated_value_currency, owner_id,
                         blueprint_version_id, state, state_entered_at, nurture_until, created_at)
select md5(n::text)::uuid, (%(given)s::text[])[1 + n %% 10], initcap(translate(left(md5('l' || n), 8), '0123456789', 'aeiouylmnr')),
       'p' || n || '@' || left(md5('d' || n), 7) || '.example', '+48' || (600000000 + n), initcap(translate(left(md5('c' || n), 9), '0123456789',
       'aeiouylmnr')) || ' ' || (%(trades)s::text[])[1 + n %% 10], 'Head of operations', (%(trades)s::text[])[1 + n %% 10], 'Prosta ' || n %% 90 + 1,
       '00-' || lpad((n %% 999)::text, 3, '0'), (%(cities)s::text[])[1 + n %% 12], 'PL', 'Faster deliveries, and fewer of them lost', 'web',
       'spring', 1000 + n %% 5000, 'PLN', (select array_agg(u.id order by u.id) from sluice.app_user u)[1 + n / 8 %% 10], v.id,
       case when n %% 2 = 0 then 'nurture' else (array['open', 'contacted', 'qualified', 'unqualified'])[1 + n / 2 %% 4] end,
       now() - n %% 3600 * interval '1 second', case when n %% 2 = 0 then date '2047-01-01' end, now() - n * interval '1 second'
  from generate_series(%(first)s, %(last)s) n,
       (select v.id from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
         where b.key = 'lead_default' and v.status = 'published') v;
insert into sluice.visit (id, entity, record_id, blueprint_version_id, state, entered_at, via)
select sluice.next_seq(), 'lead', l.id, l.blueprint_version_id, l.state, l.state_entered_at, 'created'
  from sluice.lead l where not exists (select from sluice.visit v where v.record_id = l.id);
insert into sluice.timer (id, entity, record_id, visit_id, state, key, sla, what, due_at)
select sluice.next_seq(), 'lead', v.record_id, v.id, v.state, 'sla:first_response', true, 'warn', v.entered_at + interval '30 hours'
  from sluice.visit v where v.state = 'open' and not exists (select from sluice.timer t where t.record_id = v.record_id);
insert into sluice.search_text (entity, record_id, text)
select 'lead', l.id, concat_ws(' ', l.first_name, l.last_name, l.company, l.email, l.phone) from sluice.lead l
    on conflict (record_id) do nothing;
insert into sluice.match_key (kind, key, entity, record_id)
select k.kind, k.key, 'lead', l.id from sluice.lead l, lateral (values ('email', lower(l.email)), ('phone', l.phone)) k(kind, key)
    on conflict do nothing;
set session_replication_role = origin;
'''
OWNERS = '''
insert into sluice.app_user (id, name, email)
select md5('user' || n)::uuid, 'Seller ' || n, 'seller' || n || '@bench.example' from generate_series(1, 9) n
    on conflict do nothing;
'''


def cpu_us(pid):
    """CPU of a process and of its children that have ended."""
    try:
        return sum(map(int, Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[11:15])) * TICK_US
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def children(pid):
    try:
        return [int(c) for c in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def family_us(pid):
    """CPU of a process and of its children; that of one that ends moves over to its parent's."""
    while True:
        before = children(pid)
        spent = cpu_us(pid) + sum(map(cpu_us, before))
        if children(pid) == before:
            return spent


def memory_kb(pid, name='VmRSS'):
    status = Path(f'/proc/{pid}/status').read_text()
    return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1])


def word(r, n):
    return ''.join(r.choice(SOUNDS) for _ in range(n))


def bodies(seed, n):
    """What somebody would post: everybody is somebody else, so that nobody is another's duplicate."""
    r = random.Random(seed)
    for i in range(n):
        trade, mail = r.choice(TRADES), f'{word(r, 3)}{seed}x{i}'
        yield {'first_name': r.choice(GIVEN), 'last_name': word(r, 3).capitalize() + 'ski',
               'email': f'{mail}@{word(r, 4)}.example', 'phone': f'+48 7{seed % 100:02d} {i // 1000:03d} {i % 1000:03d}',
               'company': f'{word(r, 3).capitalize()} {word(r, 2)} {trade}', 'job_title': 'Head of operations', 'industry': trade,
               'city': r.choice(CITIES), 'country': 'PL', 'need': 'Faster deliveries', 'source': 'fair',
               'estimated_value': {'amount': '18500.00', 'currency': 'PLN'}}


class Rig:
    def __init__(self, leads, **settings):
        self.folder = Path(tempfile.mkdtemp(prefix='sluice-bench-'))
        self.daemon = Daemon(self.folder, **settings).start()
        self.leads, self.seed = leads, 0
        try:
            self.http = requests.Session()
            self.http.trust_env = False
            answer = self.http.post(self.daemon.url + '/v1/session', json=self.daemon.admin, timeout=30).json()
            self.token, self.user = answer['access_token'], answer['user']['id']
            self.http.headers['Authorization'] = f'Bearer {self.token}'
            self.db = psycopg2.connect(host=str(self.daemon.socket_folder), dbname='sluice', user='postgres')
            self.db.autocommit = True
            self.postmaster = int(self.ask("select pg_read_file('postmaster.pid')").split()[0])
            for name in ('fsync', 'synchronous_commit', 'full_page_writes'):
                assert self.ask(f'show {name}') == 'on', f'{name} is off: the numbers would be dishonest'
            self.ask('create schema if not exists bench')
            self.ask(OWNERS)
            self.fill(1, leads)
        except BaseException:
            self.daemon.destroy()
            raise

    def ask(self, sql, values=None):
        with self.db.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchone()[0] if cursor.description else None

    def fill(self, first, last):
        self.ask(FILL, {'first': first, 'last': last, 'given': GIVEN, 'trades': TRADES, 'cities': CITIES})
        self.settle()

    def settle(self):
        self.ask('vacuum analyze')
        self.ask('checkpoint')

    @staticmethod
    def line(body):
        return json.dumps(body) + '\n'

    @staticmethod
    def new_id():
        return str(uuid.uuid4())

    def born(self, n):
        """Bodies of leads that are not there yet, and the keys that the daemon makes of them."""
        self.seed += 1
        made = list(bodies(self.seed, n))
        tool = Path(binary()).resolve().parent / 'bench_lead_keys'
        keys = subprocess.run([str(tool)], input='\n'.join(map(json.dumps, made)) + '\n', text=True, check=True,
                              capture_output=True).stdout.splitlines()
        return made, map(json.loads, keys)

    def born_table(self, rows):
        """A new table of id, body and what announces it; returns its name."""
        table, path = f'bench.born_{self.seed}', self.folder / 'born'
        with path.open('w') as f:
            for row in rows:
                f.write('\t'.join(str(c).replace('\\', '\\\\') for c in row) + '\n')
        self.ask(f'create table {table} (n integer primary key, id uuid, body text, sent text)')
        with self.db.cursor() as cursor, path.open() as f:
            cursor.copy_expert(f'copy {table} from stdin', f)
        self.ask(f'vacuum analyze {table}')
        self.ask(f'grant usage on schema bench to public; grant select on {table} to public')
        return table

    def states(self):
        """Of the leads that were filled in."""
        return self.ask('select jsonb_object_agg(l.id, l.state) from generate_series(1, %s) n '
                        'join sluice.lead l on l.id = md5(n::text)::uuid', (min(self.leads, STATES_MAX),))

    def spent(self):
        return family_us(self.postmaster), cpu_us(self.daemon.process.pid)

    def hot(self):
        """Updates of leads, and those of them that touched no index."""
        self.ask('select pg_sleep(1.5)')  # backends tell their counts once a second
        return tuple(self.ask(f"select {c} from pg_stat_user_tables where relid = 'sluice.lead'::regclass")
                     for c in ('n_tup_upd', 'n_tup_hot_upd'))

    @property
    def url(self):
        return self.daemon.url

    def close(self):
        self.db.close()
        self.daemon.destroy()
