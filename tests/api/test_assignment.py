"""Assignment of leads (A8): exact shares under parallel births, capacity by the day, absence, working hours by a clock that
the test sets, queues, the hand-over of hot leads, and what is told of each decision."""
from collections import Counter

import pytest

from daemon import wait_for
from helpers import UNKNOWN, fault, lived, problem, together
from test_scoring import Scores

START = '2026-11-02 08:00Z'  # a Monday, nine o'clock in Warsaw
INDUSTRY = {'key': 'industry', 'kind': 'field_compare', 'params': {'field': 'industry', 'op': 'eq', 'value': 'logistics'}}
SPACE = {**INDUSTRY, 'params': {**INDUSTRY['params'], 'value': 'space'}}


class Leads(Scores):
    """Two daemons on a database of their own, four sellers and their team."""

    def open(self):
        super().open()
        self.clock.set(START)
        self.sellers = [self.person(f'seller{n}@assign.test', 'sales') for n in range(4)]
        self.marketer = self.person('marketer@assign.test', 'marketing')
        self.ids = [s.user['id'] for s in self.sellers]
        self.team = self.admin.make('teams', name='Sellers', members=self.ids)['id']
        return self

    def born(self, n, **members):
        made = together(*[lambda i=i: self.admin.make('leads', last_name=f'Lead {i}', **members) for i in range(n)])
        self.idle()
        return [m['id'] for m in made]

    def owners(self, leads):
        return [r['owner_id'] for r in self.rows("""select l.owner_id::text from unnest(%s::uuid[]) with ordinality x (id, n)
                                                    join sluice.lead l on l.id = x.id order by x.n""", leads)]

    def shares(self, leads):
        counted = Counter(self.owners(leads))
        return [counted.pop(i, 0) for i in self.ids] + [counted.pop(None, 0)] + sorted(counted)

    def told(self, lead):
        answer = self.admin.get(f'/v1/leads/{lead}/assignments', params={'sort': 'at'})
        assert answer.status_code == 200, answer.text
        return answer.json()['items']

    def queue(self, team=None):
        answer = self.admin.get('/v1/leads', params={'queue': team or self.team, 'limit': 200, 'sort': 'created_at'})
        assert answer.status_code == 200, answer.text
        return {i['id'] for i in answer.json()['items']}

    def give(self, key, **members):
        return self.admin.make('assignment-rules', key=key, **members)


@pytest.fixture(scope='module')
def opened(contract):
    yield from lived(Leads(contract))


@pytest.fixture
def world(opened):
    opened.clock.set(START)
    opened.rows("update sluice.session set expires_at = '2030-01-01'")
    yield opened
    opened.idle()
    opened.rows('delete from sluice.assignment_rule')
    opened.rows('delete from sluice.score_rule')
    opened.rows('update sluice.score_setting set hot = null')
    opened.rows('delete from sluice.deputy')
    opened.rows('delete from sluice.lead_queue')
    opened.rows('update sluice.lead set owner_id = null where owner_id is not null')
    opened.idle()


def test_without_rules_nothing_happens(world):
    lead, = world.born(1)
    assert world.owners([lead]) == [None]
    assert world.told(lead) == []
    assert world.rows('select count(*) from sluice.assignment_rule')[0]['count'] == 0


def test_twenty_parallel_births_make_five_each(world):
    world.give('turns', strategy='round_robin', users=world.ids)
    leads = world.born(20)
    assert world.shares(leads) == [5, 5, 5, 5, 0]
    entry = world.admin.get(f'/v1/leads/{leads[0]}/history').json()['items'][0]
    assert entry['changes']['owner_id']['new'] in world.ids and entry['actor']['kind'] == 'rule'
    told, = world.told(leads[0])
    assert (told['moment'], told['rule'], told['strategy'], told['team_id']) == ('birth', 'turns', 'round_robin', None)
    assert [c['user_id'] for c in told['why']['candidates']] == world.ids
    assert told['user_id'] == world.owners([leads[0]])[0]


def test_the_first_rule_that_applies_counts(world):
    world.give('rest', strategy='fixed', users=[world.ids[1]], position=20)
    world.give('logistics', strategy='fixed', users=[world.ids[0]], position=10, conditions=[INDUSTRY])
    lead, = world.born(1, industry='logistics')
    other, = world.born(1)
    mine, = world.born(1, owner_id=world.ids[3])
    assert world.owners([lead, other, mine]) == [world.ids[0], world.ids[1], world.ids[3]]
    assert world.told(lead)[0]['why']['evidence'] == [{'path': 'industry', 'observed': 'logistics'}]
    assert world.told(mine) == []


def test_least_busy_is_who_has_the_fewest_open_leads(world):
    world.born(3, owner_id=world.ids[0])
    world.born(1, owner_id=world.ids[1])
    world.give('busy', strategy='least_busy', users=world.ids[:3])
    leads = world.born(5)
    assert world.shares(leads) == [0, 2, 3, 0, 0]  # 3, 1, 0 became 3, 3, 3
    assert sorted(c['open_leads'] for c in world.told(leads[0])[0]['why']['candidates'])[-1] == 3


def test_capacity_is_counted_by_the_day_of_the_calendar(world):
    world.give('few', strategy='round_robin', team_id=world.team, capacity=2, calendar='always')
    leads = world.born(10)
    assert world.shares(leads) == [2, 2, 2, 2, 2]
    left = [i for i, o in zip(leads, world.owners(leads)) if o is None]
    assert world.queue() == set(left)
    told = world.told(left[0])[0]
    assert (told['user_id'], told['team_id']) == (None, world.team)
    assert [(c['capacity_left'], c['skipped']) for c in told['why']['candidates']] == [(0, 'capacity')] * 4
    events = world.rows("select record_id::text from sluice.outbox where type = 'lead.unassigned' and record_id = any(%s::uuid[])", leads)
    assert sorted(e['record_id'] for e in events) == sorted(left)
    world.clock.set('2026-11-03 00:00Z')
    assert world.shares(world.born(4)) == [1, 1, 1, 1, 0]


def test_who_is_absent_or_disabled_is_skipped(world):
    world.give('turns', strategy='round_robin', users=world.ids)
    away = world.admin.make('deputies', user_id=world.ids[0], deputy_id=world.ids[1],
                            **{'from': '2026-11-02T07:00:00Z', 'until': '2026-11-02T12:00:00Z'})
    world.rows('update sluice.app_user set disabled = true where id = %s', world.ids[3])
    leads = world.born(4)
    assert world.shares(leads) == [0, 2, 2, 0, 0]
    assert [c['skipped'] for c in world.told(leads[0])[0]['why']['candidates']] == ['absent', None, None, 'disabled']
    world.rows('update sluice.app_user set disabled = false where id = %s', world.ids[3])
    world.clock.set('2026-11-02 12:00Z')  # back: those who got none come first
    assert world.shares(world.born(2)) == [1, 0, 0, 1, 0]
    assert away['user_id'] == world.ids[0]


def test_outside_of_working_hours_the_queue_takes_it(world):
    world.give('hours', strategy='round_robin', team_id=world.team, calendar='default')
    seen = []
    for moment in ('2026-11-02 07:59:59Z', '2026-11-02 08:00Z', '2026-11-02 15:59:59Z', '2026-11-02 16:00Z', '2026-11-07 10:00Z'):
        world.clock.set(moment)
        lead, = world.born(1)
        seen.append(world.owners([lead])[0] is not None)
    assert seen == [False, True, True, False, False]
    assert {c['skipped'] for c in world.told(lead)[0]['why']['candidates']} == {'outside_hours'}


def test_a_rule_without_anybody_and_without_a_team_passes_on(world):
    world.give('night', strategy='fixed', users=[world.ids[0]], calendar='default', position=1)
    world.give('always', strategy='fixed', users=[world.ids[2]], position=2)
    world.clock.set('2026-11-02 20:00Z')
    lead, = world.born(1)
    assert world.owners([lead]) == [world.ids[2]]
    assert [(p['rule'], p['candidates'][0]['skipped']) for p in world.told(lead)[0]['why']['passed']] == [('night', 'outside_hours')]


def test_ten_take_and_nobody_gets_the_same(world):
    world.give('queue', strategy='queue', team_id=world.team)
    first, = world.born(1)
    world.clock.set('2026-11-02 08:01Z')
    leads = [first] + world.born(11)
    assert world.owners(leads) == [None] * 12 and world.queue() == set(leads)
    answer = world.sellers[0].post(f'/v1/queues/{world.team}/take')
    assert answer.status_code == 200, answer.text
    assert (answer.json()['id'], answer.json()['owner_id']) == (first, world.ids[0])
    answers = together(*[lambda s=s: s.post(f'/v1/queues/{world.team}/take') for s in (world.sellers * 3)[:10]])
    assert [a.status_code for a in answers] == [200] * 10
    taken = [a.json()['id'] for a in answers]
    assert len(set(taken)) == 10 and set(taken) < set(leads[1:])
    assert [a.json()['owner_id'] for a in answers] == (world.ids * 3)[:10]
    assert world.queue() == set(leads[1:]) - set(taken)
    assert [t['moment'] for t in world.told(taken[0])] in (['birth', 'take'], ['take', 'birth'])
    assert world.sellers[1].post(f'/v1/queues/{world.team}/take').status_code == 200
    assert world.sellers[1].post(f'/v1/queues/{world.team}/take').status_code == 204
    problem(world.marketer.post(f'/v1/queues/{world.team}/take'), 403, 'forbidden')
    problem(world.sellers[1].post(f'/v1/queues/{UNKNOWN}/take'), 404, 'not_found')


def test_who_is_given_a_lead_by_hand_takes_it_out_of_the_queue(world):
    world.give('queue', strategy='queue', team_id=world.team)
    leads = world.born(2)
    world.admin.patched('leads', leads[0], owner_id=world.ids[1])
    assert world.queue() == {leads[1]}
    assert world.admin.delete(f'/v1/leads/{leads[1]}').status_code == 204
    assert world.queue() == set()


def test_a_hot_lead_is_handed_over_by_marketing(world):
    world.rows('update sluice.score_setting set hot = 50')
    world.give('sales', strategy='round_robin', users=world.ids, moments=['hot'])
    lead, = world.born(1, owner_id=world.marketer.user['id'])
    theirs, = world.born(1, owner_id=world.ids[2])
    assert world.owners([lead]) == [world.marketer.user['id']]
    world.admin.make('score-rules', key='space', kind='record', points=60, conditions=[SPACE])
    world.idle()
    assert world.owners([lead]) == [world.marketer.user['id']]
    for one in (lead, theirs):
        world.admin.patched('leads', one, industry='space')
        world.idle()
    assert world.owners([lead, theirs]) == [world.ids[0], world.ids[2]]
    told, = world.told(lead)
    assert (told['moment'], told['user_id'], told['why']['kept']) == ('hot', world.ids[0], False)
    assert [(t['user_id'], t['why']['kept']) for t in world.told(theirs)] == [(world.ids[2], True)]


def test_on_demand_and_only_told(world):
    lead, = world.born(1)
    answer = world.admin.post(f'/v1/leads/{lead}/assign')
    assert answer.status_code == 200, answer.text
    assert (answer.json()['rule'], answer.json()['user_id']) == (None, None)
    world.give('turns', strategy='round_robin', users=world.ids[:2])
    for _ in range(2):  # what is only told takes no turn
        answer = world.admin.post(f'/v1/leads/{lead}/assign', headers={'Prefer': 'tx=rollback'})
        assert (answer.status_code, answer.json()['user_id'], answer.json()['moment']) == (200, world.ids[0], 'demand')
    assert world.owners([lead]) == [None]
    given = [world.admin.post(f'/v1/leads/{lead}/assign').json()['user_id'] for _ in range(3)]
    assert given == [world.ids[0], world.ids[1], world.ids[0]]
    assert world.owners([lead]) == [world.ids[0]] and len(world.told(lead)) == 4
    problem(world.admin.post(f'/v1/leads/{UNKNOWN}/assign'), 404, 'not_found')


def test_faults_have_pointers(world):
    wrong = {'key': 'x', 'kind': 'field_present', 'params': {'field': 'shoe_size'}}
    for where, code, members in (
            ('/users', 'invalid', {}),
            ('/users/1', 'reference', {'users': [world.ids[0], UNKNOWN]}),
            ('/team_id', 'reference', {'team_id': UNKNOWN}),
            ('/calendar', 'reference', {'users': world.ids, 'calendar': 'nowhere'}),
            ('/moments', 'invalid', {'users': world.ids, 'moments': []}),
            ('/users', 'invalid', {'strategy': 'queue', 'users': world.ids}),
            ('/conditions/0/params/field', 'unknown_field', {'users': world.ids, 'conditions': [wrong]})):
        answer = world.admin.post('/v1/assignment-rules', json={'key': 'wrong', 'strategy': 'fixed', **members})
        assert answer.status_code == 422, answer.text
        fault(answer, 422, answer.json()['code'], where, code)
    rule = world.give('right', strategy='fixed', users=world.ids, conditions=[
        {'key': 'hot', 'kind': 'score_at_least', 'params': {'min': 5}}])
    assert world.admin.patched('assignment-rules', rule['id'], capacity=3)['capacity'] == 3
    problem(world.sellers[0].get('/v1/assignment-rules'), 403, 'forbidden')
