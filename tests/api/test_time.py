"""Time: calendars, thresholds, what moves by itself; two daemons on one database, and a clock that the test sets."""
import json
import threading

import pytest

from conftest import PASSWORD
from daemon import Client, Daemon, wait_for
from helpers import CALL, blueprint, failures, fault, label, lived, problem, settled

INTERVAL_MS = 50


class Clock:
    """What time the database thinks it is."""

    def __init__(self, rows):
        self.rows = rows

    def set(self, moment):
        self.rows(f"""create or replace function sluice.now() returns timestamptz language sql stable parallel safe
                      return timestamptz '{moment}'""")

    def release(self):
        self.rows("""create or replace function sluice.now() returns timestamptz language sql stable parallel safe
                     return transaction_timestamp()""")


class World:
    """Two daemons on one database of their own, with a clock."""

    def __init__(self, contract):
        self.contract = contract
        self.first = Daemon(job_interval_ms=INTERVAL_MS, refresh_token_s=31536000)  # the clock runs for months
        self.second = None

    def open(self):
        import psycopg2  # pylint: disable=import-outside-toplevel
        import psycopg2.extras  # pylint: disable=import-outside-toplevel
        self.first.start()
        folder = self.first.socket_folder
        self.second = Daemon(job_interval_ms=INTERVAL_MS,
                             database_url=f'host={folder} dbname=sluice user=sluice_app').start()
        self.db = psycopg2.connect(host=str(folder), dbname='sluice', user='postgres',
                                   cursor_factory=psycopg2.extras.RealDictCursor)
        self.db.autocommit = True
        self.clock = Clock(self.rows)
        self.clock.set('2026-11-20 08:00Z')  # a Friday, nine o'clock in Warsaw
        self.admin = self.sign_in(self.first.admin['email'], self.first.admin['password'])
        self.boss, self.rep = self.person('manager'), self.person('sales')
        return self

    def close(self):
        self.db.close()
        for daemon in (self.second, self.first):
            if daemon:
                code = daemon.stop()
                assert code == 0, daemon.log()[-3000:]
                logged = [json.loads(line) for line in daemon.log().splitlines() if line.startswith('{')]
                assert not [line for line in logged if line['level'] == 'error'], daemon.log()[-3000:]
                daemon.destroy()

    def rows(self, sql, *values):
        with self.db.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def sign_in(self, email, password):
        client = Client(self.first, self.contract)
        answer = client.post('/v1/session', json={'email': email, 'password': password})
        assert answer.status_code == 201, answer.text
        client.token, client.user = answer.json()['access_token'], answer.json()['user']
        return client

    def person(self, role):
        self.admin.make('users', email=f'{role}@time.test', name=role, password=PASSWORD, roles=[role])
        return self.sign_in(f'{role}@time.test', PASSWORD)

    def idle(self):
        settled(self.rows)

    def events(self, record_id):
        return [r['type'] for r in self.rows('select type from sluice.outbox where record_id = %s order by id', record_id)]


@pytest.fixture(scope='module')
def world(contract):
    yield from lived(World(contract))


@pytest.fixture
def clock(world):
    world.clock.set('2026-11-20 08:00Z')
    return world.clock


def process(world, key, states, transitions, entity='lead'):
    """A process of a test's own; states: (key, category, more members)."""
    document = {'entity': entity, 'key': key, 'number': 1, 'label': label(key),
                'states': [{'key': k, 'category': c, 'label': label(k), **more} for k, c, more in states],
                'transitions': [{'label': label(t['key']), **t} for t in transitions]}
    world.rows('update sluice.blueprint set priority = 0 where entity = %s', entity)
    world.rows('select sluice.blueprint_import(%s::jsonb)', json.dumps(document))
    world.rows('update sluice.blueprint set priority = 100 where entity = %s and key = %s', entity, key)


@pytest.fixture
def shipped(world):
    world.rows("""update sluice.blueprint
                     set priority = (key in ('lead_default', 'account_verification', 'sales_pipeline'))::integer""")


def history(client, collection, record_id, action):
    return [h for h in client.history(collection, record_id) if h['action'] == action]


# calendars

HOURS = [{'day': d, 'from': '08:00', 'to': '16:00'} for d in range(1, 6)]


def test_calendars_are_kept(admin):
    made = admin.make('calendars', key='office', time_zone='Europe/Warsaw', hours=HOURS, holidays=['2026-12-26', '2026-12-25'])
    assert (made['name'], made['holidays'], made['hours']) == ('office', ['2026-12-25', '2026-12-26'], HOURS)
    changed = admin.patch(f'/v1/calendars/{made["id"]}', json={'holidays': [], 'name': 'Office'})
    assert (changed.status_code, changed.json()['holidays'], changed.json()['version']) == (200, [], 2)
    listed = admin.get('/v1/calendars', params={'key': ['default', 'office'], 'sort': 'key'}).json()['items']
    assert [c['key'] for c in listed] == ['default', 'office']
    assert admin.delete(f'/v1/calendars/{made["id"]}').status_code == 204
    assert admin.get(f'/v1/calendars/{made["id"]}').status_code == 404


@pytest.mark.parametrize('members, pointer', [
    ({'time_zone': 'Mars/Olympus'}, '/time_zone'),
    ({'hours': [{'day': 1, 'from': '16:00', 'to': '08:00'}]}, '/hours'),
    ({'hours': [{'day': 1, 'from': '08:00', 'to': '12:00'}, {'day': 1, 'from': '11:00', 'to': '16:00'}]}, '/hours'),
    ({'hours': [{'day': 1, 'from': '8 am.', 'to': '16:00'}]}, '/hours'),
    ({'hours': [{'day': 8, 'from': '08:00', 'to': '16:00'}]}, '/hours/0/day'),
    ({'hours': []}, '/hours'),
    ({'holidays': ['2026-02-30']}, '/holidays/0'),
    ({'name': ' '}, '/name'),
])
def test_a_wrong_calendar_is_refused(admin, members, pointer):
    answer = admin.post('/v1/calendars', json={'key': 'wrong', 'time_zone': 'UTC', 'hours': HOURS, **members})
    assert [e['pointer'] for e in problem(answer, 422, 'validation_failed')['errors']] == [pointer]
    assert admin.get('/v1/calendars', params={'key': 'wrong'}).json()['items'] == []


def test_calendars_that_are_needed_stay(admin, rep):
    (default,) = admin.get('/v1/calendars', params={'key': 'default'}).json()['items']
    problem(admin.delete(f'/v1/calendars/{default["id"]}'), 409, 'in_use')
    problem(admin.post('/v1/calendars', json={'key': 'default', 'time_zone': 'UTC', 'hours': HOURS}), 409, 'conflict')
    problem(rep.get('/v1/calendars'), 403, 'forbidden')


# thresholds

def test_the_next_threshold_shows_on_the_record(world, clock, shipped):
    lead = world.rep.make('leads', last_name='Waiting')
    assert (lead['due_at'], lead['breached']) == ('2026-11-20T16:00:00Z', False)
    clock.set('2026-11-20 16:00Z')
    world.idle()
    late = world.rep.read('leads', lead['id'])
    assert (late['due_at'], late['breached'], late['version']) == (None, True, lead['version'])
    breached = world.rep.get('/v1/leads', params={'breached': 'true'}).json()['items']
    assert lead['id'] in [r['id'] for r in breached]
    assert lead['id'] not in [r['id'] for r in world.rep.get('/v1/leads', params={'breached': 'false'}).json()['items']]
    assert world.events(lead['id']) == ['lead.created', 'lead.sla_warned']
    (entry,) = history(world.rep, 'leads', lead['id'], 'timer')
    assert (entry['actor']['kind'], entry['detail']) == (
        'timer', {'timer': 'first_response', 'what': 'warn', 'due_at': '2026-11-20T16:00:00Z'})
    moved = world.rep.moved('leads', lead['id'], 'contacted', activities=[CALL])
    assert (moved['due_at'], moved['breached']) == ('2026-12-07T08:00:00Z', False)  # the next one's


def test_nothing_is_left_lying(world, clock, shipped):
    """Scenario 22: working days, one event, one task for the manager, a breach."""
    lead = world.rep.make('leads', last_name='Left', company='Lying')
    lead = world.rep.moved('leads', lead['id'], 'unqualified', fields={'unqualified_reason': 'need'})
    assert lead['due_at'] == '2026-11-27T08:00:00Z'
    clock.set('2026-11-26 20:00Z')
    world.idle()
    assert world.rep.read('leads', lead['id'])['breached'] is False
    clock.set('2026-11-27 08:00Z')
    world.idle()
    assert world.events(lead['id']).count('lead.sla_escalated') == 1
    (task,) = world.boss.get('/v1/tasks', params={'lead': lead['id']}).json()['items']
    assert (task['assignee_id'], task['priority'], task['status']) == (world.boss.user['id'], 'high', 'open')
    assert 'Lying' in task['subject']
    assert world.rep.read('leads', lead['id'])['breached'] is True
    (kept,) = world.rows("select fired_at is not null as fired from sluice.timer where record_id = %s and key = 'sla:left_lying'",
                         lead['id'])
    assert kept['fired']
    world.rep.moved('leads', lead['id'], 'archived')
    assert world.rep.read('tasks', task['id'])['status'] == 'done'


def test_holidays_do_not_count(world, clock, shipped):
    (default,) = world.admin.get('/v1/calendars', params={'key': 'default'}).json()['items']
    world.admin.patch(f'/v1/calendars/{default["id"]}', json={'holidays': ['2026-11-23']})
    try:
        lead = world.rep.make('leads', last_name='Holiday')
        lead = world.rep.moved('leads', lead['id'], 'unqualified', fields={'unqualified_reason': 'need'})
        assert lead['due_at'] == '2026-11-30T08:00:00Z'
    finally:
        world.admin.patch(f'/v1/calendars/{default["id"]}', json={'holidays': []})


def test_a_changed_calendar_moves_what_is_due(world, clock, shipped):
    """Also what was set before the change; what has fired stays fired, and other calendars are left alone."""
    (default,) = world.admin.get('/v1/calendars', params={'key': 'default'}).json()['items']
    leads = [world.rep.make('leads', last_name=f'Due {i}') for i in range(3)]
    leads = [world.rep.moved('leads', i['id'], 'unqualified', fields={'unqualified_reason': 'need'}) for i in leads]
    due = '2026-11-27T08:00:00Z'
    assert {i['due_at'] for i in leads} == {due}
    world.rep.moved('leads', leads[2]['id'], 'archived')

    def becomes(moment):
        wait_for(lambda: {world.rep.read('leads', i['id'])['due_at'] for i in leads[:2]} == {moment}, 20, moment)

    def jobs(more=''):
        return world.rows(f"select count(*) as n from sluice.job where kind = 'retime' {more}")[0]['n']

    def settle():
        wait_for(lambda: jobs("and status <> 'done'") == 0, 60, 'the jobs')

    settle()
    try:
        before = jobs()
        world.admin.patch(f'/v1/calendars/{default["id"]}', json={'name': 'Renamed'})
        assert jobs() == before, 'a name moves nothing'
        world.admin.patch(f'/v1/calendars/{default["id"]}', json={'holidays': ['2026-11-23']})
        becomes('2026-11-30T08:00:00Z')
        world.admin.patch(f'/v1/calendars/{default["id"]}', json={
            'hours': [{'day': d, 'from': '07:00', 'to': '15:00'} for d in range(1, 8)]})
        becomes('2026-11-26T08:00:00Z')
        assert jobs() == before + 2
        settle()
        assert world.rows('select count(*) as n from sluice.timer where record_id = %s and live', leads[2]['id'])[0]['n'] == 0
        clock.set('2026-11-26 09:00Z')
        world.idle()
        for lead in leads[:2]:
            assert world.rep.read('leads', lead['id'])['breached']
    finally:
        world.admin.patch(f'/v1/calendars/{default["id"]}', json={
            'name': default['name'], 'hours': default['hours'], 'holidays': default['holidays']})
    settle()
    (kept,) = world.rows("select fired_at is not null as fired from sluice.timer where record_id = %s and live and sla",
                         leads[0]['id'])
    assert kept['fired'], 'a breach is a fact'


def test_a_date_lifts_the_threshold(world, clock, shipped):
    lead = world.rep.make('leads', last_name='Path')
    lead = world.rep.moved('leads', lead['id'], 'unqualified',
                           fields={'unqualified_reason': 'need', 'nurture_until': '2027-01-15'})
    assert lead['due_at'] is None


def sent_offer(world, name):
    """A deal whose offer was sent just now, with somebody to call."""
    account = world.rep.make('accounts', name=f'{name} account')
    contact = world.rep.make('contacts', last_name='Answering', phone='+48 111', email='a@stuck.test', account_id=account['id'])
    deal = world.rep.make('opportunities', name=name, account_id=account['id'], contact_id=contact['id'],
                          amount={'amount': '10.00', 'currency': 'PLN'}, product_kind='service', delivery_date='2027-03-01')
    world.rep.moved('opportunities', deal['id'], 'first_meeting')
    return world.rep.moved('opportunities', deal['id'], 'offer_sent',
                           activities=[{'kind': 'email', 'subject': 'The offer'}])


def stale(world, deal):
    return [world.rep.read('opportunities', deal['id'])[k] for k in ('stale', 'stale_since')]


def test_a_stuck_deal_leaves_one_task(world, clock, shipped):
    """Scenario 29: fourteen days untouched after the offer."""
    deal = sent_offer(world, 'Stuck deal')
    assert (deal['due_at'], deal['stale'], deal['stale_since']) == ('2026-12-04T08:00:00Z', False, None)

    def tasks():
        return world.rep.get('/v1/tasks', params={'opportunity': deal['id']}).json()['items']

    for moment, n in (('2026-12-03 08:00Z', 0), ('2026-12-04 08:00Z', 1), ('2026-12-04 08:00Z', 1), ('2026-12-05 08:00Z', 1)):
        clock.set(moment)
        world.idle()
        assert len(tasks()) == n, moment
        assert stale(world, deal) == ([True, '2026-12-04T08:00:00Z'] if n else [False, None])
    (task,) = tasks()
    assert (task['subject'], task['assignee_id'], task['contact_id'], task['account_id']) == (
        'Follow up the offer', world.rep.user['id'], deal['contact_id'], deal['account_id'])
    assert '+48 111' in task['body'] and 'a@stuck.test' in task['body'] and 'email: The offer' in task['body']
    assert world.events(deal['id']).count('opportunity.stale') == 1
    assert world.rep.read('opportunities', deal['id'])['breached'] is False
    listed = {value: [r['id'] for r in world.rep.get('/v1/opportunities', params={'stale': value}).json()['items']]
              for value in ('true', 'false')}
    assert deal['id'] in listed['true'] and deal['id'] not in listed['false']
    (entry,) = history(world.rep, 'opportunities', deal['id'], 'timer')
    assert entry['detail'] == {'timer': 'follow_up', 'what': 'task', 'due_at': '2026-12-04T08:00:00Z',
                               'touched_at': '2026-11-20T08:00:00Z', 'task_id': task['id']}
    # moving the deal closes the task, coming back starts a new clock
    world.rep.moved('opportunities', deal['id'], 'postponed', note='In spring', fields={'postponed_until': '2027-03-01'})
    assert world.rep.read('tasks', task['id'])['status'] == 'done' and stale(world, deal) == [False, None]
    world.rep.moved('opportunities', deal['id'], 'first_meeting')
    again = world.rep.moved('opportunities', deal['id'], 'offer_sent')
    assert (again['due_at'], again['stale']) == ('2026-12-19T08:00:00Z', False)
    clock.set('2026-12-19 08:00Z')
    world.idle()
    assert [t['status'] for t in sorted(tasks(), key=lambda t: t['created_at'])] == ['done', 'open']


TOUCHES = {
    'a change': lambda world, deal: world.rep.patch(f'/v1/opportunities/{deal["id"]}', json={'description': 'Still warm'}),
    'an activity': lambda world, deal: world.rep.make('activities', opportunity_id=deal['id'], **CALL),
    'a task': lambda world, deal: world.rep.make('tasks', opportunity_id=deal['id'], subject='Ask again'),
}


@pytest.mark.parametrize('how', TOUCHES)
def test_a_touch_starts_the_clock_again(world, clock, shipped, how):
    deal = sent_offer(world, f'Touched by {how}')
    clock.set('2026-11-30 08:00Z')
    TOUCHES[how](world, deal)
    clock.set('2026-12-04 08:00Z')
    world.idle()
    assert stale(world, deal) == [False, None]
    assert world.rep.read('opportunities', deal['id'])['due_at'] == '2026-12-14T08:00:00Z'
    clock.set('2026-12-14 08:00Z')
    world.idle()
    assert stale(world, deal) == [True, '2026-12-14T08:00:00Z']


def test_a_stale_record_that_is_touched_may_become_stale_again(world, clock, shipped):
    """One event for each time; a second task only when the first one is done."""
    deal = sent_offer(world, 'Again')

    def follow_ups():
        items = world.rep.get('/v1/tasks', params={'opportunity': deal['id']}).json()['items']
        return sorted(t['status'] for t in items if t['subject'] == 'Follow up the offer')
    clock.set('2026-12-04 08:00Z')
    world.idle()
    TOUCHES['an activity'](world, deal)
    assert stale(world, deal) == [False, None] and follow_ups() == ['open']
    clock.set('2026-12-18 08:00Z')
    world.idle()
    assert stale(world, deal) == [True, '2026-12-18T08:00:00Z'] and follow_ups() == ['open']
    assert world.events(deal['id']).count('opportunity.stale') == 2
    task = next(t for t in world.rep.get('/v1/tasks', params={'opportunity': deal['id']}).json()['items']
                if t['subject'] == 'Follow up the offer')
    world.rep.patch(f'/v1/tasks/{task["id"]}', json={'status': 'done'})
    clock.set('2027-01-01 08:00Z')
    world.idle()
    assert follow_ups() == ['done', 'open'] and world.events(deal['id']).count('opportunity.stale') == 3


def test_pauses_do_not_count(world, clock, shipped):
    lead = world.rep.make('leads', last_name='Paused')
    process(world, 'pausing', [('busy', 'open', {'sla': [{'key': 'slow', 'after_s': 3600 * 4, 'what': 'warn'}]}),
                               ('paused', 'open', {'pausing': True})],
            [{'key': 'created', 'kind': 'initial', 'to': 'busy'}, {'key': 'pause', 'from': ['busy'], 'to': 'paused'},
             {'key': 'resume', 'from': ['paused'], 'to': 'busy'}])
    lead = world.rep.make('leads', last_name='Pausing')
    assert lead['due_at'] == '2026-11-20T12:00:00Z'
    clock.set('2026-11-20 11:00Z')
    assert world.rep.moved('leads', lead['id'], 'pause')['due_at'] is None
    clock.set('2026-11-22 11:00Z')
    assert world.rep.moved('leads', lead['id'], 'resume')['due_at'] == '2026-11-22T12:00:00Z'


# by itself

def test_a_lead_comes_back_on_its_day(world, clock, shipped):
    """Scenario 20."""
    lead = world.rep.make('leads', last_name='Later')
    problem(world.rep.move('leads', lead['id'], 'unqualified'), 422, 'guard_failed')
    world.rep.moved('leads', lead['id'], 'unqualified', fields={'unqualified_reason': 'ability', 'nurture_until': '2026-11-24'})
    problem(world.rep.move('leads', lead['id'], 'resumed'), 403, 'not_transition_owner')
    listed = next(t for t in world.rep.get(f'/v1/leads/{lead["id"]}/transitions').json()['items'] if t['key'] == 'resumed')
    assert (listed['auto'], listed['available'], listed['actor_allowed']) == (
        {'at_field': 'nurture_until', 'calendar': 'default'}, False, False)
    clock.set('2026-11-24 07:59Z')
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'unqualified'
    clock.set('2026-11-24 08:00Z')
    world.idle()
    back = world.rep.read('leads', lead['id'])
    assert (back['status'], back['nurture_until'], back['unqualified_reason']) == ('open', None, None)
    entry = history(world.rep, 'leads', lead['id'], 'transition')[0]
    assert (entry['actor']['kind'], entry['actor']['id'], entry['transition']) == ('timer', None, 'resumed')


def test_another_date_is_another_moment(world, clock, shipped):
    lead = world.rep.make('leads', last_name='Changed')
    world.rep.moved('leads', lead['id'], 'nurture', fields={'nurture_until': '2026-11-24'})
    world.rep.moved('leads', lead['id'], 'unqualified', fields={'unqualified_reason': 'need', 'nurture_until': '2026-12-01'})
    clock.set('2026-11-26 08:00Z')
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'unqualified'
    clock.set('2026-12-01 08:00Z')
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'open'


def test_a_move_waits_for_its_guards(world, clock):
    process(world, 'eager', [('new', 'open', {}), ('known', 'open', {}), ('called', 'open', {})],
            [{'key': 'created', 'kind': 'initial', 'to': 'new'},
             {'key': 'know', 'from': ['new'], 'to': 'known', 'auto': {'when': True},
              'guards': [{'key': 'industry', 'kind': 'field_present', 'params': {'field': 'industry'}}]},
             {'key': 'call', 'from': ['known'], 'to': 'called', 'auto': {'when': True},
              'guards': [{'key': 'called', 'kind': 'related_count', 'params': {'of': 'activity', 'kind': 'call', 'min': 1}}]}])
    lead = world.rep.make('leads', last_name='Eager')
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'new'
    world.rep.make('activities', lead_id=lead['id'], **CALL)
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'new'
    world.rep.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'mining'})
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'called'  # two hops
    moves = history(world.rep, 'leads', lead['id'], 'transition')
    assert [(m['transition'], m['actor']['kind']) for m in moves] == [('call', 'timer'), ('know', 'timer')]
    assert not history(world.rep, 'leads', lead['id'], 'denied')


def test_a_loop_ends_and_tells(world, clock):
    process(world, 'loop', [('a', 'open', {}), ('b', 'open', {})],
            [{'key': 'created', 'kind': 'initial', 'to': 'a'},
             {'key': 'there', 'from': ['a'], 'to': 'b', 'auto': {'when': True}},
             {'key': 'back', 'from': ['b'], 'to': 'a', 'auto': {'when': True}}])
    # by another program: what the API writes ends its loops itself (test_automatic.py)
    (lead,) = world.rows("""insert into sluice.lead (id, last_name, owner_id) values (gen_random_uuid(), 'Loop', %s)
                            returning id::text""", world.rep.user['id'])
    world.idle()
    assert len(history(world.rep, 'leads', lead['id'], 'transition')) == 10
    (denied,) = history(world.rep, 'leads', lead['id'], 'denied')
    assert (denied['detail']['code'], denied['detail']['path'], denied['actor']['kind']) == (
        'automatic_loop', ['there', 'back'] * 5, 'timer')
    assert world.events(lead['id']).count('lead.automatic_loop') == 1
    process(world, 'calm', [('a', 'open', {})], [{'key': 'created', 'kind': 'initial', 'to': 'a'}])


# a move that is due after a day, and has a guard
DUE = ([('a', 'open', {}), ('b', 'open', {})],
       [{'key': 'created', 'kind': 'initial', 'to': 'a'},
        {'key': 'go', 'from': ['a'], 'to': 'b', 'auto': {'after': 'P1D', 'calendar': 'default'},
         'guards': [{'key': 'industry', 'kind': 'field_present', 'params': {'field': 'industry'}}]}])


def test_what_is_due_before_its_guards_hold_is_tried_again(world, clock):
    process(world, 'due', *DUE)
    lead = world.rep.make('leads', last_name='Due')
    clock.set('2026-11-23 08:00Z')
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'a'
    (denied,) = history(world.rep, 'leads', lead['id'], 'denied')
    assert (denied['transition'], denied['detail']['code'], denied['detail']['failures'][0]['guard']) == (
        'go', 'guard_failed', 'industry')
    world.rep.patch(f'/v1/leads/{lead["id"]}', json={'city': 'Gdynia'})
    world.idle()
    assert len(history(world.rep, 'leads', lead['id'], 'denied')) == 1
    world.rep.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'ports'})
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'b'


def test_a_change_during_the_decision_is_not_missed(world, clock):
    process(world, 'meanwhile', *DUE)
    lead = world.rep.make('leads', last_name='Meanwhile')
    (claim,) = world.rows("update sluice.timer set claimed_until = '2090-01-01Z' where record_id = %s returning id, claimed_until",
                          lead['id'])  # by a daemon that takes its time
    clock.set('2026-11-23 08:00Z')
    world.rep.patched('leads', lead['id'], industry='ports')
    world.rows("select sluice.automatic_refused('timer', %s, %s, 'lead', %s, 'a', 'go', 'guard_failed', '[]')",
               claim['id'], claim['claimed_until'], lead['id'])
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'b'


def test_a_threshold_moves(world, clock):
    process(world, 'moving', [('a', 'open', {'sla': [{'key': 'out', 'after': 'PT1H', 'what': 'move',
                                                      'params': {'transition': 'drop'}}]}), ('b', 'lost', {})],
            [{'key': 'created', 'kind': 'initial', 'to': 'a'}, {'key': 'drop', 'from': ['a'], 'to': 'b',
                                                              'actors': [{'kind': 'role', 'value': 'admin'}]}])
    lead = world.rep.make('leads', last_name='Dropped')
    assert lead['due_at'] == '2026-11-20T09:00:00Z'
    clock.set('2026-11-20 09:00Z')
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'b'


def test_two_daemons_fire_everything_once(world, clock, shipped):
    """All at the same moment: warnings, tasks and moves of many records, with people writing in between."""
    leads = [world.rep.make('leads', last_name=f'Crowd {n}') for n in range(60)]
    for lead in leads[:20]:
        world.rep.moved('leads', lead['id'], 'nurture', fields={'nurture_until': '2026-11-24'})
    for lead in leads[20:40]:
        world.rep.moved('leads', lead['id'], 'unqualified', fields={'unqualified_reason': 'need'})
    meddler = Client(world.second, world.contract, world.rep.token)
    stop = threading.Event()

    def meddle():
        while not stop.is_set():
            for lead in leads:
                meddler.post('/v1/activities', json={'lead_id': lead['id'], 'kind': 'note', 'subject': 'Again'})

    thread = threading.Thread(target=meddle)
    thread.start()
    try:
        clock.set('2026-11-27 09:00Z')
        world.idle()
    finally:
        stop.set()
        thread.join(60)
    world.idle()
    # whom the meddler had while the daemons looked for the forgotten, they see by the next look
    world.rows("update sluice.forgotten_sweep set rest_to = '-infinity'")
    wait_for(lambda: world.rows('select 1 from sluice.forgotten_sweep where rest_to > sluice.now()'), what='the look at all')
    ids = [lead['id'] for lead in leads]
    fired = world.rows("""select record_id, key, count(*) as n from (
                              select record_id, coalesce(detail ->> 'timer', detail ->> 'what') as key from sluice.audit where action = 'timer'
                              union all select record_id, transition from sluice.audit
                                         where action = 'transition' and actor_kind = 'timer') x
                           where record_id = any (%s::uuid[]) group by 1, 2""", ids)
    assert {f['n'] for f in fired} == {1}
    assert sorted(f['key'] for f in fired) == (
        ['first_response'] * 20 + ['forgotten'] * 20 + ['left_lying'] * 20 + ['resumed'] * 20)
    assert len(world.rows("select 1 from sluice.task where lead_id = any (%s::uuid[])", ids)) == 40  # of the open, and left_lying
    both = world.rows("select count(distinct request_id) as n from sluice.audit where actor_kind = 'timer'")
    assert both[0]['n'] > 1
