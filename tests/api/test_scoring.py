"""Scores of leads (A9): rules on members and activities, fading by a clock that the test sets, replayed when a rule
changes, explained so that the parts add up."""
import signal

import psycopg2
import psycopg2.extras
import pytest

from conftest import PASSWORD
from daemon import Client, Daemon, wait_for
from helpers import CALL, fault, lived, moment, problem, settled, together
from test_time import Clock

START = '2026-11-02 08:00Z'
INDUSTRY = {'key': 'industry', 'kind': 'field_compare', 'params': {'field': 'industry', 'op': 'eq', 'value': 'logistics'}}
CALLED = {'key': 'called', 'kind': 'related_count', 'params': {'of': 'activity', 'kind': 'call', 'min': 1}}


class Scores:
    """Two daemons on a database of their own, where nothing but the test's rules counts."""

    def __init__(self, contract):
        self.contract = contract
        self.first = Daemon(job_interval_ms=20)
        self.second = None

    def open(self):
        self.first.start()
        folder = self.first.socket_folder
        self.second = Daemon(job_interval_ms=20, database_url=f'host={folder} dbname=sluice user=sluice_app').start()
        self.db = self.connect()
        self.db.autocommit = True
        self.clock = Clock(self.rows)
        self.admin = self.sign_in(**{k: self.first.admin[k] for k in ('email', 'password')})
        return self

    def connect(self):
        return psycopg2.connect(host=str(self.first.socket_folder), dbname='sluice', user='postgres',
                                cursor_factory=psycopg2.extras.RealDictCursor)

    def signal(self, number):
        for daemon in (self.first, self.second):
            daemon.process.send_signal(number)

    def close(self):
        self.db.close()
        for daemon in (self.second, self.first):
            assert daemon.stop() == 0, daemon.log()[-3000:]
            assert '"level":"error"' not in daemon.log(), daemon.log()[-3000:]

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

    def person(self, email, role):
        self.admin.make('users', email=email, name=email.split('@', maxsplit=1)[0], password=PASSWORD, roles=[role])
        return self.sign_in(email, PASSWORD)

    def idle(self):
        settled(self.rows)

    def score(self, lead):
        """The score as it is explained, which is what the lead shows."""
        self.idle()
        answer = self.admin.get(f'/v1/leads/{lead["id"]}/score')
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert sum(p['counts'] for p in told['parts']) == told['score'] == self.admin.read('leads', lead['id'])['score']
        assert told['pending'] is False
        return told

    def parts(self, lead):
        return {p['rule']: (p['points'], p['counts'], p['events']) for p in self.score(lead)['parts']}

    def changes(self, lead):
        """The steps of the score; at one moment of the clock they have no order."""
        items = self.admin.get(f'/v1/leads/{lead["id"]}/score/history', params={'sort': 'at'}).json()['items']
        return {(c['old_score'], c['new_score'], c['cause']) for c in items}

    def rule(self, key, **members):
        made = self.admin.make('score-rules', key=key, **members)
        self.idle()
        return made

    def jobs(self):
        return {r['id'] for r in self.rows("select id::text from sluice.job where kind = 'rescore'")}


@pytest.fixture(scope='module')
def opened(contract):
    yield from lived(Scores(contract))


@pytest.fixture
def world(opened):
    opened.clock.set(START)
    opened.rows('update sluice.score_setting set hot = null')
    opened.rows("update sluice.session set expires_at = '2030-01-01'")  # the clock runs for months
    yield opened
    opened.idle()
    opened.rows('delete from sluice.score_rule')
    opened.idle()


def meeting(**members):
    return {'kind': 'activity', 'activity': 'meeting', 'outcomes': ['held'], 'points': 10, **members}


def test_shipped_rules_wait_to_be_enabled(opened):
    rules = opened.admin.get('/v1/score-rules', params={'sort': 'position'}).json()['items']
    assert [r['key'] for r in rules] == ['budget_confirmed', 'need_described', 'reachable', 'mail_opened', 'meeting_held',
                                         'no_answer']
    assert not any(r['enabled'] for r in rules)
    lead = opened.admin.make('leads', last_name='Quiet', need='much', budget_confirmed=True)
    assert opened.rows('select count(*) from sluice.rescore')[0]['count'] == 0
    answer = opened.admin.get(f'/v1/leads/{lead["id"]}/score').json()
    assert answer == {'id': lead['id'], 'score': 0, 'parts': [], 'computed_at': None, 'hot_at': None, 'pending': False}
    opened.rows('delete from sluice.score_rule')


def test_members_count_while_they_hold(world):
    world.rule('industry', kind='record', points=25, conditions=[INDUSTRY], label={'en': 'Logistics'})
    world.rule('no_mail', kind='record', points=-5, conditions=[
        {'key': 'none', 'op': 'none', 'guards': [{'key': 'mail', 'kind': 'field_present', 'params': {'field': 'email'}}]}])
    lead = world.admin.make('leads', last_name='Member', industry='logistics')
    told = world.score(lead)
    assert told['score'] == 20
    assert told['parts'][0] == {'rule': 'industry', 'label': {'en': 'Logistics'}, 'points': 25, 'counts': 25, 'events': 0,
                                'evidence': [{'path': 'industry', 'observed': 'logistics'}]}
    assert world.parts(lead)['no_mail'] == (-5, -5, 0)
    world.admin.patched('leads', lead['id'], email='member@score.test')
    assert world.score(lead)['score'] == 25
    world.admin.patched('leads', lead['id'], industry='food')
    assert world.score(lead)['score'] == 0
    assert world.changes(lead) == {(0, 20, 'change'), (20, 25, 'change'), (25, 0, 'change')}


def test_a_score_is_no_change_of_the_lead(world):
    world.rule('industry', kind='record', points=25, conditions=[INDUSTRY])
    lead = world.admin.make('leads', last_name='Version', industry='logistics')
    assert world.score(lead)['score'] == 25
    now = world.admin.read('leads', lead['id'])
    assert (now['version'], now['updated_at'], now['score']) == (lead['version'], lead['updated_at'], 25)
    assert [h['action'] for h in world.admin.history('leads', lead['id'])] == ['create']
    assert {r['type'] for r in world.rows('select type from sluice.outbox where record_id = %s', lead['id'])} == {'lead.created'}


def test_activities_fade_by_the_clock(world):
    world.rule('met', **meeting(points=20, cap=50, half_life_days=30))
    world.rule('opened', kind='activity', activity='email', outcomes=['opened'], points=3, expires_days=7)
    lead = world.admin.make('leads', last_name='Fading')
    first = world.admin.make('activities', kind='meeting', outcome='held', lead_id=lead['id'])
    world.admin.make('activities', kind='meeting', outcome='planned', lead_id=lead['id'])
    world.admin.make('activities', kind='email', outcome='opened', lead_id=lead['id'])
    assert world.parts(lead) == {'met': (20, 20, 1), 'opened': (3, 3, 1)}
    world.clock.set('2026-11-09 07:59Z')
    assert world.parts(lead)['opened'] == (3, 3, 1)
    world.clock.set('2026-11-09 08:00Z')  # seven days: nothing is left of the letter
    assert 'opened' not in world.parts(lead)
    world.clock.set('2026-12-02 08:00Z')  # thirty days: half of the meeting
    told = world.score(lead)
    assert (told['score'], told['parts'][0]['points'], told['parts'][0]['counts']) == (10, 20, 10)
    (named,) = told['parts'][0]['evidence']
    assert (named['activity_id'], moment(named['at']), named['points']) == (first['id'], moment(first['occurred_at']), 10)
    assert told['computed_at'] == '2026-12-02T08:00:00Z'
    for _ in range(3):
        world.admin.make('activities', kind='meeting', outcome='held', lead_id=lead['id'])
    assert world.parts(lead) == {'met': (50, 50, 4)}  # 70 and the cap
    world.clock.set('2027-12-02 08:00Z')  # 365 days: 60 x 2^(-365/30) + 20 x 2^(-395/30)
    assert world.score(lead)['score'] == 0
    assert (10, 0, 'time') not in world.changes(lead) and {c[2] for c in world.changes(lead)} == {'change', 'time'}
    assert world.rows('select due_at from sluice.lead_score where lead_id = %s', lead['id']) == [{'due_at': None}]


def test_rules_that_change_are_replayed(world):
    rule = world.rule('industry', kind='record', points=25, conditions=[INDUSTRY])
    leads = [world.admin.make('leads', last_name=f'Replay {i}', industry='logistics') for i in range(5)]
    assert [world.score(x)['score'] for x in leads] == [25] * 5
    before = world.jobs()
    world.admin.patched('score-rules', rule['id'], points=40)
    world.idle()
    (made,) = world.jobs() - before
    job = world.admin.get(f'/v1/jobs/{made}').json()
    living = world.rows('select count(*) from sluice.lead where deleted_at is null')[0]['count']
    assert (job['status'], job['total'], job['done'], job['result']) == ('done', living, living, {'leads': living})
    assert [world.score(x)['score'] for x in leads] == [40] * 5
    assert world.changes(leads[0]) == {(0, 25, 'change'), (25, 40, 'rules')}
    world.admin.patched('score-rules', rule['id'], label={'en': 'Trade'})
    assert world.jobs() == before | {made}
    world.admin.patched('score-rules', rule['id'], enabled=False)
    assert [world.score(x)['score'] for x in leads] == [0] * 5


def test_a_job_that_waits_sees_the_rules_that_count_on_it(world):
    """Whoever changes a rule leaves no second job; the first must not run before the rule is there."""
    rule = world.rule('industry', kind='record', points=25, conditions=[INDUSTRY])
    lead = world.admin.make('leads', last_name='Counted', industry='logistics')
    assert world.score(lead)['score'] == 25
    world.signal(signal.SIGSTOP)
    try:
        world.rows("insert into sluice.job (id, kind, total) values (gen_random_uuid(), 'rescore', 1)")
        other = world.connect()
        with other, other.cursor() as cursor:
            cursor.execute('update sluice.score_rule set points = 40 where id = %s', (rule['id'],))
            world.signal(signal.SIGCONT)
            new = world.admin.make('leads', last_name='Between', industry='logistics')
            wait_for(lambda: world.admin.read('leads', new['id'])['score'] == 25, what='a round of the daemons')
    finally:
        world.signal(signal.SIGCONT)
    other.close()
    assert world.score(lead)['score'] == 40


def test_a_lead_is_hot_once(world):
    world.rule('met', **meeting(points=30))
    setting = world.admin.get('/v1/scoring')
    assert setting.json()['hot'] is None
    changed = world.admin.patch('/v1/scoring', json={'hot': 50}, headers={'If-Match': setting.headers['ETag']})
    assert (changed.status_code, changed.json()['hot']) == (200, 50)
    problem(world.admin.patch('/v1/scoring', json={'hot': 60}, headers={'If-Match': setting.headers['ETag']}), 412, 'stale')
    lead = world.admin.make('leads', last_name='Hot')
    world.admin.make('activities', kind='meeting', outcome='held', lead_id=lead['id'])
    assert (world.score(lead)['score'], world.score(lead)['hot_at']) == (30, None)
    second = world.admin.make('activities', kind='meeting', outcome='held', lead_id=lead['id'])
    told = world.score(lead)
    assert (told['score'], told['hot_at']) == (60, '2026-11-02T08:00:00Z')
    world.admin.delete(f'/v1/activities/{second["id"]}')
    assert (world.score(lead)['score'], world.score(lead)['hot_at']) == (30, '2026-11-02T08:00:00Z')
    world.admin.make('activities', kind='meeting', outcome='held', lead_id=lead['id'])
    assert world.score(lead)['score'] == 60
    assert world.rows("select count(*) from sluice.outbox where record_id = %s and type = 'lead.hot'", lead['id']) == [{'count': 1}]
    (told,) = [h for h in world.admin.history('leads', lead['id']) if 'hot_at' in h['changes']]
    assert (told['detail'], told['actor']['kind']) == ({'code': 'hot', 'score': 60, 'threshold': 50}, 'timer')


def test_nothing_is_lost_among_many_writers(world):
    world.rule('called', kind='activity', activity='call', points=1)
    world.rule('industry', kind='record', points=100, conditions=[INDUSTRY])
    lead = world.admin.make('leads', last_name='Crowd')

    def write(i):
        if i % 5 == 0:
            world.admin.patched('leads', lead['id'], industry='logistics' if i else 'food')
        return world.admin.make('activities', lead_id=lead['id'], **CALL)['id']

    write(0)
    together(*[lambda i=i: write(i) for i in range(1, 21)])
    assert world.parts(lead) == {'called': (21, 21, 21), 'industry': (100, 100, 0)}


def test_guards_see_the_score_and_lists_find_it(world):
    world.rule('called', kind='record', points=30, conditions=[CALLED])
    lead = world.admin.make('leads', last_name='Found')
    assert world.score(lead)['score'] == 0
    moved = world.admin.moved('leads', lead['id'], 'contacted', activities=[CALL])
    assert world.score(lead)['score'] == 30
    found = world.admin.get('/v1/leads', params={'score[gte]': 30, 'q': 'Found'}).json()['items']
    assert [(x['id'], x['score'], x['version']) for x in found] == [(lead['id'], 30, moved['version'])]
    assert world.admin.get('/v1/leads', params={'score[gte]': 31, 'q': 'Found'}).json()['items'] == []


def test_a_merge_brings_what_counts(world):
    world.rule('met', **meeting())
    one, two = (world.admin.make('leads', last_name=f'Merge {i}') for i in range(2))
    for lead in (one, two):
        world.admin.make('activities', kind='meeting', outcome='held', lead_id=lead['id'])
    assert world.score(one)['score'] == 10
    answer = world.admin.post(f'/v1/leads/{one["id"]}/merge', json={'losers': [two['id']]})
    assert answer.status_code in (200, 201), answer.text
    assert world.parts(one) == {'met': (20, 20, 2)}
    assert world.admin.get(f'/v1/leads/{two["id"]}/score').status_code == 308
    assert world.rows('select 1 from sluice.lead_score where lead_id = %s', two['id']) == []


@pytest.mark.parametrize('members, pointer', [
    ({'kind': 'record', 'points': 5}, '/conditions'),
    ({'kind': 'record', 'points': 5, 'conditions': [INDUSTRY], 'cap': 3}, '/cap'),
    ({'kind': 'record', 'points': 5, 'conditions': [INDUSTRY], 'half_life_days': 3}, '/half_life_days'),
    ({'kind': 'record', 'points': 5, 'conditions': [INDUSTRY], 'activity': 'call'}, '/activity'),
    ({'kind': 'activity', 'points': 5}, '/activity'),
    ({'kind': 'activity', 'points': 0, 'activity': 'call'}, '/points'),
    ({'kind': 'record', 'points': 5, 'conditions': [{**INDUSTRY, 'kind': 'actor_has_role'}]}, '/conditions/0/kind'),
    ({'kind': 'record', 'points': 5, 'conditions': [{'key': 's', 'kind': 'score_at_least', 'params': {'min': 5}}]},
     '/conditions/0/kind'),
    ({'kind': 'record', 'points': 5, 'conditions': [{'key': 'x', 'kind': 'field_present', 'params': {'field': 'shoes'}}]},
     '/conditions/0/params/field'),
    ({'kind': 'record', 'points': 5, 'conditions': [INDUSTRY, {'key': 'g', 'op': 'any', 'guards': [
        {'key': 'x', 'kind': 'field_present', 'params': {'field': 'shoes'}}]}]}, '/conditions/1/guards/0/params/field'),
    ({'kind': 'record', 'points': 5, 'conditions': [{'key': 'm', 'kind': 'matches', 'params': {'field': 'email', 'pattern': '('}}]},
     '/conditions/0/params/pattern'),
])
def test_a_wrong_rule_is_refused(admin, members, pointer):
    answer = admin.post('/v1/score-rules', json={'key': 'wrong', **members})
    assert [e['pointer'] for e in problem(answer, 422, 'validation_failed')['errors']] == [pointer], answer.text
    assert 'wrong' not in [r['key'] for r in admin.get('/v1/score-rules').json()['items']]


def test_rules_are_kept(admin, boss_of_scores):
    made = boss_of_scores.make('score-rules', key='kept', kind='activity', activity='demo', points=7, enabled=False)
    assert (made['conditions'], made['outcomes'], made['cap'], made['position']) == ([], [], None, 100)
    fault(admin.patch(f'/v1/score-rules/{made["id"]}', json={'conditions': [{'key': 'x', 'kind': 'nothing'}]}), 422,
          'validation_failed', '/conditions/0/kind', 'enum')
    changed = admin.patched('score-rules', made['id'], cap=14, outcomes=['held'])
    assert (changed['version'], changed['cap'], changed['outcomes']) == (2, 14, ['held'])
    problem(admin.post('/v1/score-rules', json={'key': 'kept', 'kind': 'activity', 'activity': 'demo', 'points': 7}), 409,
            'conflict')
    assert admin.delete(f'/v1/score-rules/{made["id"]}').status_code == 204


@pytest.fixture
def boss_of_scores(new_user):
    return new_user('manager')
