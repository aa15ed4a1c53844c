"""Moves that wait for their guards happen in the transaction of the write that made them hold (E18). Nobody looks at
what is due here: no daemon of this file has a timer, unless a test says so."""
import signal
import socket
import uuid

import psycopg2
import psycopg2.extras
import pytest
import requests

from daemon import Client, Daemon, wait_for
from helpers import CALL, counts, lived, problem, publish, qualify, retire, together

INDUSTRY = {'key': 'industry', 'kind': 'field_present', 'params': {'field': 'industry'}}
CALLED = {'key': 'called', 'kind': 'related_count', 'params': {'of': 'activity', 'kind': 'call', 'min': 1}}
WHEN = {'when': True}
EAGER = [{'key': 'created', 'kind': 'initial', 'to': 'new'},
         {'key': 'know', 'from': ['new'], 'to': 'busy', 'auto': WHEN, 'guards': [INDUSTRY]},
         {'key': 'call', 'from': ['busy'], 'to': 'over', 'auto': WHEN, 'guards': [CALLED]},
         {'key': 'again', 'from': ['over'], 'to': 'new'}]
LOOP = [{'key': 'created', 'kind': 'initial', 'to': 'new'},
        {'key': 'there', 'from': ['new'], 'to': 'busy', 'auto': WHEN, 'guards': [INDUSTRY]},
        {'key': 'back', 'from': ['busy'], 'to': 'new', 'auto': WHEN}]
DEALS = [{'key': 'created', 'kind': 'initial', 'to': 'new'},
         {'key': 'go', 'from': ['new'], 'to': 'over', 'auto': WHEN,
          'guards': [{'key': 'v', 'kind': 'related_field', 'params': {'field': 'account.verification', 'value': 'verified'}}]}]


class World:
    """Two daemons on one database, without timers; the processes of this file."""

    def __init__(self, contract):
        self.contract = contract
        self.first = Daemon(job_interval_ms=0)
        self.second = None

    def open(self):
        self.first.start()
        self.url = f'host={self.first.socket_folder} dbname=sluice user=sluice_app'
        self.second = Daemon(job_interval_ms=0, database_url=self.url).start()
        self.db = self.connect()
        self.one = self.client(self.first)
        self.two = self.client(self.second, self.one.token)
        for entity, key, transitions in (('lead', 'eager', EAGER), ('lead', 'loop', LOOP), ('opportunity', 'deals', DEALS)):
            publish(self.rows, entity, key, 100, [{'key': 'c', 'kind': 'matches', 'params': {
                'field': 'description', 'pattern': f'^{key}$'}}], transitions)
        return self

    def connect(self):
        db = psycopg2.connect(host=str(self.first.socket_folder), dbname='sluice', user='postgres',
                              cursor_factory=psycopg2.extras.RealDictCursor)
        db.autocommit = True
        return db

    def client(self, daemon, token=None):
        client = Client(daemon, self.contract, token)
        if not token:
            client.token = client.post('/v1/session', json={k: self.first.admin[k] for k in ('email', 'password')}).json()[
                'access_token']
        return client

    def rows(self, sql, *values):
        with self.db.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def lead(self, key='eager', **members):
        return self.one.make('leads', last_name='Auto', description=key, **members)

    def waiting(self):
        return self.rows('select record_id::text, hops from sluice.recheck')

    def transactions(self):
        """Transactions that are open, of whoever."""
        return self.rows("""select pid, state, wait_event_type from pg_stat_activity
                             where xact_start is not null and pid <> pg_backend_pid() and backend_type = 'client backend'""")

    def close(self):
        assert self.transactions() == []
        self.db.close()
        for daemon in (self.second, self.first):
            code = daemon.stop()
            assert code == 0, daemon.log()[-3000:]
            assert '"level":"error"' not in daemon.log(), daemon.log()[-3000:]


@pytest.fixture(scope='module')
def world(contract):
    yield from lived(World(contract))


@pytest.fixture
def gate(world):
    """Stops whoever decides in a held transaction, when the test closes it."""
    keeper = world.connect()
    source = world.rows("select pg_get_functiondef('sluice.held_next(uuid)'::regprocedure) as f")[0]['f']
    world.rows(source.replace('begin\n', 'begin\n    perform pg_advisory_xact_lock_shared(4711);\n', 1))

    def keep(function):
        with keeper.cursor() as cursor:
            cursor.execute(f'select {function}')

    class Gate:
        """Where a held transaction waits."""

        @staticmethod
        def close():
            keep('pg_advisory_lock(4711)')

        @staticmethod
        def arrived():
            rows = world.rows("select pid from pg_stat_activity where wait_event = 'advisory'")
            return rows and rows[0]['pid']

        @staticmethod
        def open():
            keep('pg_advisory_unlock_all()')
    yield Gate
    keeper.close()
    wait_for(lambda: not world.transactions(), what='the end of what was held')
    world.rows(source)


def stored(world):
    """All that is there; a transaction that is undone takes numbers along."""
    return {k: v for k, v in counts(world.rows).items() if k != 'sequence_at'}


def moves(world, lead):
    return [(h['transition'], h['actor']['kind'], h['operation']) for h in world.one.history('leads', lead['id'])
            if h['action'] == 'transition']


def test_a_change_answers_the_record_after_its_moves(world):
    lead = world.lead()
    assert (lead['status'], lead['version']) == ('new', 1)
    answer = world.one.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'mining'})
    assert (answer.status_code, answer.json()['status'], answer.json()['version']) == (200, 'busy', 3)
    assert answer.headers['ETag'] == '"3"' and answer.json() == world.one.read('leads', lead['id'])
    made = world.rows("""select action, transition, actor_kind, at, request_id from sluice.audit
                          where record_id = %s and action <> 'create' order by seq""", lead['id'])
    assert [(m['action'], m['transition'], m['actor_kind']) for m in made] == [
        ('update', None, 'user'), ('transition', 'know', 'timer')]
    assert len({m['at'] for m in made}) == len({m['request_id'] for m in made}) == 1, 'one transaction, one request'
    assert world.waiting() == []


def test_a_held_write_is_no_error_in_the_log_of_the_server(world):
    """The daemon is told by an error to begin again; an administrator would see thousands of them."""
    lead = world.lead()
    assert world.one.patched('leads', lead['id'], industry='mining')['status'] == 'busy'
    with pytest.raises(psycopg2.errors.RaiseException):
        world.rows("do $$ begin raise exception 'the log goes on'; end $$")
    wait_for(lambda: 'ERROR:  the log goes on' in world.first.postgres_log(), what='a line in the log')
    assert 'ERROR:  hold' not in world.first.postgres_log()
    assert world.rows('show log_min_messages') == [{'log_min_messages': 'warning'}]
    who = """select has_parameter_privilege(%s, 'log_min_messages', 'set') as may"""
    assert [world.rows(who, r)[0]['may'] for r in ('sluice_owner', 'sluice_app')] == [True, False]


def test_a_birth_answers_the_record_after_its_moves(world):
    lead = world.lead(industry='mining')
    assert (lead['status'], lead['version']) == ('busy', 2)


def test_an_activity_moves_its_lead(world):
    lead = world.lead(industry='mining')
    world.one.make('activities', lead_id=lead['id'], **CALL)
    assert world.one.read('leads', lead['id'])['status'] == 'over'
    assert moves(world, lead) == [('call', 'timer', 'activity_create'), ('know', 'timer', 'lead_create')]


def test_two_hops_and_a_transition(world):
    lead = world.lead()
    world.one.make('activities', lead_id=lead['id'], **CALL)
    answer = world.one.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'mining'}).json()
    assert (answer['status'], answer['version']) == ('over', 4)
    assert world.one.moved('leads', lead['id'], 'again')['status'] == 'over', 'it comes back by itself'
    assert [m[0] for m in moves(world, lead)] == ['call', 'know', 'again', 'call', 'know']


def test_guards_that_do_not_hold_leave_nothing_behind(world):
    lead = world.lead()
    assert world.one.patch(f'/v1/leads/{lead["id"]}', json={'city': 'Gdynia'}).json()['status'] == 'new'
    world.one.make('tasks', lead_id=lead['id'], subject='Later')
    assert (moves(world, lead), world.waiting()) == ([], [])


def test_what_cannot_move_is_not_held(world):
    """A record whose state no such move leaves is written as ever: no transaction is begun twice."""
    lead = world.lead(industry='mining')
    world.one.make('activities', lead_id=lead['id'], **CALL)
    before = world.rows('select last_value as n from sluice.seq')[0]['n']
    assert world.one.patch(f'/v1/leads/{lead["id"]}', json={'city': 'Gdynia'}).json()['status'] == 'over'
    once = world.rows('select last_value as n from sluice.seq')[0]['n'] - before
    other = world.one.make('leads', last_name='Plain')
    before = world.rows('select last_value as n from sluice.seq')[0]['n']
    world.one.patch(f'/v1/leads/{other["id"]}', json={'city': 'Gdynia'})
    assert world.rows('select last_value as n from sluice.seq')[0]['n'] - before == once


def test_refusals_are_as_ever(world):
    """What the database refuses in a held transaction is told alike, and leaves no transaction open."""
    world.lead(external_id='taken')
    lead = world.lead()
    problem(world.one.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'x', 'external_id': 'taken'}), 409, 'conflict')
    problem(world.one.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'x'}, headers={'If-Match': '"7"'}), 412, 'stale')
    problem(world.one.patch(f'/v1/leads/{uuid.uuid4()}', json={'industry': 'x'}), 404, 'not_found')
    assert world.one.read('leads', lead['id']) == lead
    assert world.transactions() == []


def test_a_loop_takes_its_moves_back_and_tells(world):
    lead = world.lead('loop')
    answer = world.one.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'mining'})
    assert (answer.status_code, answer.json()['status'], answer.json()['version']) == (200, 'new', 2)
    assert answer.json()['industry'] == 'mining', 'the change stands'
    assert moves(world, lead) == []
    (denied,) = [h for h in world.one.history('leads', lead['id']) if h['action'] == 'denied']
    assert (denied['detail'], denied['actor']['kind']) == ({'code': 'automatic_loop', 'path': ['there', 'back'] * 5}, 'timer')
    events = world.rows('select type from sluice.outbox where record_id = %s order by id', lead['id'])
    assert [e['type'] for e in events] == ['lead.created', 'lead.updated', 'lead.automatic_loop']
    assert world.waiting() == []


def test_a_dry_run_shows_the_moves_and_makes_none(world):
    lead = world.lead()
    before = counts(world.rows)
    dry = world.one.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'mining'}, headers={'Prefer': 'tx=rollback'})
    assert (dry.status_code, dry.json()['status'], dry.headers['Preference-Applied']) == (200, 'busy', 'tx=rollback')
    assert counts(world.rows) == before and world.transactions() == []


def test_a_repeated_request_moves_once(world):
    lead = world.lead(industry='mining')
    key = {'Idempotency-Key': str(uuid.uuid4())}
    body = {'lead_id': lead['id'], **CALL}
    answers = [c.post('/v1/activities', json=body, headers=key) for c in (world.one, world.two, world.one)]
    assert [a.status_code for a in answers] == [201] * 3 and len({a.json()['id'] for a in answers}) == 1
    answers = together(*[lambda: world.two.post('/v1/activities', json=body, headers=key)] * 4)
    assert {a.json()['id'] for a in answers} == {world.one.get('/v1/activities', params={'lead': lead['id']}).json()['items'][0]['id']}
    assert len(moves(world, lead)) == 2


def test_an_account_moves_its_opportunities(world):
    """Up to twenty in the transaction, the account itself is one; the others wait for whoever looks at the list."""
    account = world.one.make('accounts', name='Many', tax_id='525-23-44-555', country='PL')
    for _ in range(23):
        world.one.make('opportunities', name='D', account_id=account['id'], description='deals')
    world.one.moved('accounts', account['id'], 'verify', note='In the register')
    assert world.one.read('accounts', account['id'])['verification'] == 'verified'
    stages = world.rows('select state, count(*) as n from sluice.opportunity where account_id = %s group by 1 order by 1', account['id'])
    assert [(s['state'], s['n']) for s in stages] == [('new', 4), ('over', 19)]
    assert len(world.waiting()) == 4
    timer = Daemon(job_interval_ms=20, database_url=world.url).start()
    try:
        wait_for(lambda: not world.waiting(), what='the rest')
    finally:
        assert timer.stop() == 0
        timer.destroy()
    assert world.rows("select count(*) as n from sluice.opportunity where account_id = %s and state = 'over'", account['id'])[0]['n'] == 23


def test_many_at_once_move_it_once(world):
    """Two daemons, eight writers, one lead: every write is made, nobody waits for a deadlock (which would be found after
    as long as a write may take)."""
    world.rows("alter system set deadlock_timeout = '1h'")
    world.rows('select pg_reload_conf()')
    wait_for(lambda: world.rows('show deadlock_timeout') == [{'deadlock_timeout': '1h'}], what='the setting')
    for _ in range(5):
        lead = world.lead(industry='mining')
        clients = [world.client(d, world.one.token) for d in (world.first, world.second) for _ in range(4)]
        answers = together(*[lambda c=c: c.post('/v1/activities', json={'lead_id': lead['id'], **CALL}) for c in clients])
        assert [a.status_code for a in answers] == [201] * 8, [a.text for a in answers]
        assert [m[0] for m in moves(world, lead)] == ['call', 'know']
        assert max(a.elapsed.total_seconds() for a in answers) < 5, 'a write that waits is given up after five seconds'
    assert world.waiting() == []


def test_a_record_that_somebody_has_is_left_to_the_timer(world):
    """An activity is not held up by whoever holds its lead."""
    lead = world.lead(industry='mining')
    holder = world.connect()
    holder.autocommit = False
    with holder.cursor() as cursor:
        cursor.execute('select from sluice.lead where id = %s for key share', (lead['id'],))
    assert world.one.post('/v1/activities', json={'lead_id': lead['id'], **CALL}).status_code == 201
    assert world.one.read('leads', lead['id'])['status'] == 'busy'
    assert world.waiting() == [{'record_id': lead['id'], 'hops': 0}]
    holder.close()
    world.one.patch(f'/v1/leads/{lead["id"]}', json={'city': 'Hel'})
    assert world.one.read('leads', lead['id'])['status'] == 'over', 'the next write moves it'
    world.rows('delete from sluice.recheck')


def test_a_session_that_breaks_meanwhile_changes_nothing(world, gate):
    lead = world.lead()
    seen = stored(world)
    gate.close()

    def kill():
        wait_for(gate.arrived, what='a transaction that is held')
        world.rows('select pg_terminate_backend(%s)', gate.arrived())
    answer, _ = together(lambda: world.one.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'x'}), kill)
    refused = problem(answer, 503, 'database_unavailable')
    assert 'nothing was changed' in refused['detail']
    gate.open()
    wait_for(lambda: not world.transactions(), what='the end of the transaction')
    assert stored(world) == seen
    wait_for(lambda: world.one.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'x'}).status_code == 200, what='a write')


def test_a_client_that_leaves_takes_its_change_along(world, gate):
    lead = world.lead()
    seen = stored(world)
    gate.close()
    with socket.create_connection(('127.0.0.1', int(world.first.url.rsplit(":", 1)[1]))) as s:
        body = b'{"industry": "x"}'
        s.sendall((f'PATCH /v1/leads/{lead["id"]} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.one.token}\r\n'
                   f'Content-Type: application/merge-patch+json\r\nContent-Length: {len(body)}\r\n\r\n').encode() + body)
        wait_for(gate.arrived, what='a transaction that is held')
    gate.open()
    wait_for(lambda: not world.transactions(), what='the end of the transaction')
    assert stored(world) == seen
    assert world.one.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'x'}).json()['status'] == 'busy'


def test_the_deadline_ends_what_is_held(world, gate):
    hasty = Daemon(job_interval_ms=0, deadline_ms=300, database_url=world.url).start()
    try:
        lead = world.lead()
        seen = stored(world)
        gate.close()
        client = world.client(hasty, world.one.token)
        problem(client.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'x'}), 504, 'timeout')
        gate.open()
        wait_for(lambda: not world.transactions(), what='the end of the transaction')
        assert stored(world) == seen
        wait_for(lambda: client.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'x'}).json().get('status') == 'busy', what='a write')
    finally:
        assert hasty.stop() == 0
        hasty.destroy()


def test_a_daemon_that_is_killed_meanwhile_leaves_no_lock(world, gate):
    victim = Daemon(job_interval_ms=0, database_url=world.url).start()
    lead = world.lead()
    seen = stored(world)
    gate.close()
    client = world.client(victim, world.one.token)

    def kill():
        wait_for(gate.arrived, what='a transaction that is held')
        victim.stop(signal.SIGKILL)
    with pytest.raises(requests.ConnectionError):
        together(lambda: client.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'x'}), kill)
    gate.open()
    wait_for(lambda: not world.transactions(), what='the end of the transaction')
    assert stored(world) == seen
    assert world.one.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'x'}).json()['status'] == 'busy'
    victim.destroy()


def test_the_lane_stays_bounded(new_daemon, contract):
    """One connection for writes, and everybody gets a turn."""
    daemon = new_daemon(job_interval_ms=0, write_connections=1, workers=1)
    client = Client(daemon, contract)
    client.token = client.post('/v1/session', json={k: daemon.admin[k] for k in ('email', 'password')}).json()['access_token']
    publish(daemon.sql, 'lead', 'eager', 100, [], EAGER)
    clients = [Client(daemon, contract, client.token) for _ in range(12)]
    answers = together(*[lambda c=c: c.post('/v1/leads', json={'last_name': 'L', 'industry': 'x'}) for c in clients])
    assert [(a.status_code, a.json()['status']) for a in answers] == [(201, 'busy')] * 12


def test_the_lead_of_a_form_moves_at_once(world):
    publish(world.rows, 'lead', 'forms', 110, [{'key': 'c', 'kind': 'field_compare', 'params': {'field': 'source', 'value': 'auto'}}],
            EAGER)
    form = world.one.make('intake-forms', form='auto', name='Auto', source='auto', campaign='x', fields=['last_name', 'industry'])
    made = world.one.post('/v1/intake/auto', params={'key': form['key']}, json={'last_name': 'F', 'industry': 'x'})
    retire(world.rows, 'forms')
    assert (made.status_code, made.json()['status']) == (201, 'busy')
    assert moves(world, made.json()) == [('know', 'timer', 'intake_submit')]


def test_a_deal_of_a_conversion_moves_at_once(world):
    """Its account is verified already; the answer of the conversion names what it made."""
    account = world.one.make('accounts', name='Known', tax_id='525-23-44-556', country='PL')
    world.one.moved('accounts', account['id'], 'verify', note='In the register')
    lead = world.one.make('leads', last_name='Deal', company='Known', need='deals', budget_confirmed=True)
    qualify(world.one, lead['id'])
    made = world.one.post(f'/v1/leads/{lead["id"]}/conversion', json={'account': {'id': account['id']}, 'opportunity': {'name': 'D'}})
    assert made.status_code == 200, made.text
    assert world.one.read('opportunities', made.json()['opportunity']['id'])['stage'] == 'over'
    assert world.waiting() == []
