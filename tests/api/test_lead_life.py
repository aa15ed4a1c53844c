"""How leads rest, end and come back, and how opportunities do; with a clock that the test sets."""
import pytest

from daemon import wait_for
from helpers import CALL, problem, qualify
from test_time import clock, history, process, shipped, world  # noqa: F401 pylint: disable=unused-import

pytestmark = pytest.mark.usefixtures('shipped', 'signed_in')


@pytest.fixture
def signed_in(world):
    """For as long as the clock may run."""
    world.rows("update sluice.session set expires_at = '2030-01-01'")


def tasks(world, **of):
    items = world.boss.get('/v1/tasks', params={**of, 'sort': 'created_at'}).json()['items']
    return [(t['subject'], t['status'], t['due_at']) for t in items]


def listed(client, **params):
    answer = client.get('/v1/leads', params={**params, 'limit': 200})
    assert answer.status_code == 200, answer.text
    return {r['id'] for r in answer.json()['items']}


# what comes of a call

def test_call_back_is_a_state_and_a_task(world, clock):
    """Scenario 45, "call back": due on its date, when the lead is back in the queue by itself."""
    lead = world.rep.make('leads', last_name='Later')
    at = '2026-11-24T10:00:00Z'
    lead = world.rep.moved('leads', lead['id'], 'call_back', fields={'call_back_at': at},
                           activities=[{'kind': 'call', 'subject': 'Busy', 'outcome': 'call_back'}])
    assert (lead['status'], lead['status_category'], lead['call_back_at'], lead['due_at']) == ('call_back', 'open', at, None)
    (task,) = world.rep.get('/v1/tasks', params={'lead': lead['id']}).json()['items']
    assert (task['subject'], task['due_at'], task['priority'], task['assignee_id'], task['transition'], task['status']) == (
        'Call back', at, 'high', world.rep.user['id'], 'call_back', 'open')
    clock.set('2026-11-24 09:59:59Z')
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'call_back'
    clock.set('2026-11-24 10:00Z')
    world.idle()
    back = world.rep.read('leads', lead['id'])
    assert (back['status'], back['call_back_at']) == ('open', None)
    entry = history(world.rep, 'leads', lead['id'], 'transition')[0]
    assert (entry['transition'], entry['actor']['kind'], entry['actor']['id']) == ('call_due', 'timer', None)
    assert world.rep.read('tasks', task['id'])['status'] == 'open'
    world.rep.moved('leads', lead['id'], 'contacted', activities=[CALL])
    assert world.rep.read('tasks', task['id'])['status'] == 'done'


def test_call_back_needs_its_date(world, clock):
    lead = world.rep.make('leads', last_name='Dateless')
    problem(world.rep.move('leads', lead['id'], 'call_back'), 422, 'guard_failed')
    assert tasks(world, lead=lead['id']) == [] and world.rep.read('leads', lead['id'])['status'] == 'open'


def test_nobody_calls_back_whom_nobody_wants(world, clock):
    lead = world.rep.make('leads', last_name='Dropped')
    world.rep.moved('leads', lead['id'], 'call_back', fields={'call_back_at': '2026-11-24T10:00:00Z'})
    world.rep.moved('leads', lead['id'], 'unqualified', fields={'unqualified_reason': 'need'})
    assert tasks(world, lead=lead['id']) == [('Call back', 'cancelled', '2026-11-24T10:00:00Z')]
    clock.set('2026-11-25 10:00Z')
    world.idle()
    assert world.rep.read('leads', lead['id'])['status'] == 'unqualified'


def test_dead_is_the_end(world, clock):
    """Scenario 45, "dead": a coded reason, and no way on."""
    lead = world.rep.make('leads', last_name='Gone')
    path = f'/v1/leads/{lead["id"]}'
    refused = problem(world.rep.move('leads', lead['id'], 'dead'), 422, 'validation_failed')
    assert [(e['pointer'], e['code']) for e in refused['errors']] == [('/fields/dead_reason', 'required')]
    refused = problem(world.rep.move('leads', lead['id'], 'dead', fields={'dead_reason': 'need'}), 422, 'validation_failed')
    known = ['unreachable', 'wrong_contact', 'no_such_company', 'do_not_contact', 'not_a_customer']
    assert [(e['pointer'], e['allowed']) for e in refused['errors']] == [('/fields/dead_reason', known)]
    assert [r['key'] for r in world.rep.get('/v1/reasons').json()['items'] if r['kind'] == 'dead'] == known
    assert world.rep.read('leads', lead['id'])['status'] == 'open'
    dead = world.rep.moved('leads', lead['id'], 'dead', fields={'dead_reason': 'wrong_contact'},
                           activities=[{'kind': 'call', 'subject': 'No such number', 'outcome': 'dead'}])
    assert (dead['status'], dead['status_category'], dead['dead_reason'], dead['due_at']) == (
        'dead', 'lost', 'wrong_contact', None)
    assert world.rep.get(f'{path}/transitions').json()['items'] == []
    assert problem(world.boss.move('leads', lead['id'], 'reopened'), 409, 'no_such_transition')['legal'] == []
    assert lead['id'] in listed(world.rep, dead_reason='wrong_contact')
    assert lead['id'] not in listed(world.rep, dead_reason='unreachable')
    problem(world.rep.patch(path, json={'dead_reason': None}), 422, 'governed_field')


def test_qualified_is_handed_over(world, clock):
    """Scenario 45, "qualified": to a project with a chosen owner."""
    lead = world.rep.make('leads', last_name='Ready', company='Ready for it', budget_confirmed=True, need='Boxes')
    qualify(world.rep, lead['id'])
    owner = {'owner_id': world.boss.user['id']}
    made = world.rep.post(f'/v1/leads/{lead["id"]}/conversion', json={
        'account': {'create': owner}, 'opportunity': {'name': 'Project', **owner}}).json()
    assert made['lead']['status'] == 'converted'
    assert world.boss.read('opportunities', made['opportunity']['id'])['owner_id'] == world.boss.user['id']


def test_a_qualified_lead_is_not_left_waiting(world, clock):
    lead = world.rep.make('leads', last_name='Waiting', company='Waiting to be handed over')
    qualify(world.rep, lead['id'])
    assert world.rep.read('leads', lead['id'])['due_at'] == '2026-11-27T08:00:00Z'
    clock.set('2026-11-27 08:00Z')
    world.idle()
    assert tasks(world, lead=lead['id']) == [('Waiting to be handed over waits in "Qualified"', 'open', None)]


# paths of the unqualified

def test_the_newsletter_is_a_path(world, clock):
    """A10: with the reason; half a year later somebody looks again."""
    lead = world.rep.make('leads', last_name='Reader', owner_id=world.rep.user['id'])  # nobody's would be told of as forgotten
    refused = problem(world.rep.move('leads', lead['id'], 'newsletter'), 422, 'guard_failed')
    assert [(f['guard'], f['pointer']) for f in refused['failures']] == [('reason_given', '/fields/unqualified_reason')]
    lead = world.rep.moved('leads', lead['id'], 'unqualified', fields={'unqualified_reason': 'ability'})
    assert lead['due_at'] == '2026-11-27T08:00:00Z'
    reader = world.rep.moved('leads', lead['id'], 'newsletter')
    assert (reader['status'], reader['status_category'], reader['unqualified_reason'], reader['due_at']) == (
        'newsletter', 'postponed', 'ability', '2027-05-19T08:00:00Z')
    clock.set('2026-11-30 08:00Z')
    world.idle()
    assert tasks(world, lead=lead['id']) == []  # the path lifted the threshold
    clock.set('2027-05-19 08:00Z')
    world.idle()
    assert [t[:2] for t in tasks(world, lead=lead['id']) if t[0] == 'Still only a reader?'] == [('Still only a reader?', 'open')]
    again = world.rep.moved('leads', lead['id'], 're_engaged', activities=[CALL])
    assert (again['status'], again['unqualified_reason']) == ('contacted', None)
    assert tasks(world, lead=lead['id'], status='open') == []


# the archive

def entered(client, state, **period):
    answer = client.get('/v1/reports/conversion', params={'entity': 'lead', **period})
    assert answer.status_code == 200, answer.text
    rows = answer.json()['items']
    return {(r['from_state'], r['to_state']): (r['entered'], r['reached'], r['share']) for r in rows
            if r['from_state'] == state and r['blueprint']['key'] == 'lead_default'}


def test_the_archive(world, clock):
    """Scenario 21: out of lists and of the denominator from then on, in the history for ever, back by declaration only."""
    clock.set('2026-03-02 09:00Z')
    ids = [world.rep.make('leads', last_name=f'Archive {i}', campaign='archive', email=f'archive{i}@life.test')['id'] for i in range(4)]
    for i in ids[:2]:
        world.rep.moved('leads', i, 'unqualified', fields={'unqualified_reason': 'authority'})
    clock.set('2026-03-10 09:00Z')
    gone, stays = ids[:2]
    archived = world.rep.moved('leads', gone, 'archived')
    assert (archived['status'], archived['status_category'], archived['unqualified_reason']) == ('archived', 'cancelled', 'authority')

    # lists
    mine = {'campaign': 'archive'}
    assert listed(world.rep, **mine) == set(ids[1:])
    counted = world.rep.get('/v1/leads', params={**mine, 'count': 'exact'}).json()
    assert counted['count'] == 3
    assert listed(world.rep, **mine, archived='false') == set(ids[1:])
    assert listed(world.rep, **mine, archived='true') == {gone}
    assert listed(world.rep, **mine, archived=['true', 'false']) == set(ids)
    assert listed(world.rep, **mine, status='archived') == {gone}
    assert listed(world.rep, email='archive0@life.test') == {gone}
    assert world.rep.read('leads', gone)['id'] == gone

    # the funnel: as it was before, and from then on
    before, after = ({'from': '2026-03-02T00:00:00Z', 'to': t} for t in ('2026-03-10T09:00:00Z', '2026-03-11T00:00:00Z'))
    assert entered(world.boss, 'open', **before) == {('open', 'unqualified'): (4, 2, 0.5), ('open', 'archived'): (4, 1, 0.25)}
    assert entered(world.boss, 'open', **after) == {('open', 'unqualified'): (3, 1, 0.3333)}

    # the history stays, and nothing but the declared way leads back
    assert [h['transition'] for h in history(world.rep, 'leads', gone, 'transition')] == ['archived', 'unqualified']
    legal = problem(world.rep.move('leads', gone, 'contacted', activities=[CALL]), 409, 'no_such_transition')['legal']
    assert [t['key'] for t in legal] == ['reopened']
    problem(world.rep.patch(f'/v1/leads/{gone}', json={'status': 'open'}), 422, 'governed_field')
    problem(world.rep.move('leads', gone, 'reopened'), 403, 'not_transition_owner')
    clock.set('2027-03-10 09:00Z')
    world.idle()
    assert world.rep.read('leads', gone)['status'] == 'archived'
    back = world.boss.moved('leads', gone, 'reopened')
    assert (back['status'], back['unqualified_reason']) == ('open', None)
    assert listed(world.rep, **mine) == set(ids)
    now = {'from': '2026-03-02T00:00:00Z', 'to': '2026-03-03T00:00:00Z'}
    assert entered(world.boss, 'open', **now)[('open', 'unqualified')] == (4, 2, 0.5)
    assert stays in listed(world.rep, **mine)


# opportunities that rest

def deal_that(world, name, transition=None, **more):
    account = world.rep.make('accounts', name=f'{name} account')
    deal = world.rep.make('opportunities', name=name, account_id=account['id'], amount={'amount': '10.00', 'currency': 'PLN'})
    return world.rep.moved('opportunities', deal['id'], transition, **more) if transition else deal


def revisit(client, **params):
    answer = client.get('/v1/opportunities/revisit', params={'sort': 'due_at', **params})
    assert answer.status_code == 200, answer.text
    return [(i['name'], i['stage'], i['due_at'], i['reason']) for i in answer.json()['items']]


def test_cancelled_is_not_lost(world, clock):
    """Scenario 46: counted apart, and taken up again half a year later."""
    clock.set('2026-05-04 09:00Z')
    owner = {'owner': world.rep.user['id']}
    lost, cancelled, open_deal = (deal_that(world, name) for name in ('Lost', 'Cancelled', 'Still open'))
    world.admin.moved('accounts', lost['account_id'], 'verify')
    world.rep.moved('opportunities', lost['id'], 'lost', fields={'lost_reason': 'price'})
    cancelled = world.rep.moved('opportunities', cancelled['id'], 'cancelled', note='The plant burnt down')
    assert (cancelled['stage_category'], cancelled['due_at'], cancelled['lost_reason']) == ('cancelled', '2026-11-03T09:00:00Z', None)
    postponed = deal_that(world, 'Postponed', 'postponed', note='No budget this year', fields={'postponed_until': '2026-10-01'})
    both = [('Postponed', 'postponed', '2026-10-01T00:00:00Z', 'No budget this year'),
            ('Cancelled', 'cancelled', '2026-11-03T09:00:00Z', 'The plant burnt down')]
    assert revisit(world.rep, due_before='2026-11-03T09:00:00Z', **owner) == both
    assert revisit(world.rep, due_before='2026-11-03T08:59:59Z', **owner) == both[:1]
    assert revisit(world.rep, account=cancelled['account_id']) == both[1:]

    rows = world.boss.get('/v1/reports/conversion', params={
        'entity': 'opportunity', 'from': '2026-05-04T00:00:00Z', 'to': '2026-05-05T00:00:00Z'}).json()['items']
    assert {r['to_state']: (r['entered'], r['reached'], r['share']) for r in rows if r['from_state'] == 'qualification'} == {
        key: (4, 1, 0.25) for key in ('lost', 'cancelled', 'postponed')}

    clock.set('2026-10-01 07:00Z')  # nine o'clock in Warsaw
    world.idle()
    back = world.rep.read('opportunities', postponed['id'])
    assert (back['stage'], back['postponed_until']) == ('qualification', None)
    entry = history(world.rep, 'opportunities', back['id'], 'transition')[0]
    assert (entry['transition'], entry['actor']['kind']) == ('resumed', 'timer')
    clock.set('2026-11-03 09:00Z')
    world.idle()
    assert [t[:2] for t in tasks(world, opportunity=cancelled['id'])] == [('Take it up again?', 'open')]
    assert revisit(world.rep, due_before='2026-11-03T09:00:00Z', **owner) == both[1:]
    again = world.rep.moved('opportunities', cancelled['id'], 'reworked', note='They build again')
    assert (again['stage'], again['closed_at']) == ('qualification', None)
    assert revisit(world.rep, **owner) == [] and tasks(world, opportunity=cancelled['id'], status='open') == []
    assert world.rep.read('opportunities', open_deal['id'])['stage'] == 'qualification'


def test_postponing_needs_a_date(world, clock):
    deal = deal_that(world, 'Dateless')
    refused = problem(world.rep.move('opportunities', deal['id'], 'postponed', note='Later'), 422, 'validation_failed')
    assert [(e['pointer'], e['code']) for e in refused['errors']] == [('/fields/postponed_until', 'required')]
    assert world.rep.read('opportunities', deal['id'])['stage'] == 'qualification'


# nothing lies forgotten

# until when the look at all rests, which is an hour: a test before may have let it rest when it was much later
RESTS = "select 1 from sluice.forgotten_sweep where rest_to > sluice.now() and rest_to <= sluice.now() + interval '1 hour'"


def forgotten(client, record_id, **params):
    answer = client.get('/v1/forgotten', params={'limit': 200, **params})
    assert answer.status_code == 200, answer.text
    return [i for i in answer.json()['items'] if i['id'] == record_id]


def test_moves_that_only_the_clock_lets_happen(world, clock):
    """`when` with a guard that comes to hold by itself: no write wakes it, the hourly look does."""
    clock.set('2026-11-20 08:00Z')
    aged = {'key': 'aged', 'kind': 'time_in_state', 'params': {'min_seconds': 86400}}
    need = {'key': 'need', 'kind': 'field_present', 'params': {'field': 'need'}}
    process(world, 'by_clock', [('fresh', 'open', {}), ('old', 'open', {})], [
        {'key': 'created', 'kind': 'initial', 'to': 'fresh'},
        {'key': 'age', 'from': ['fresh'], 'to': 'old', 'auto': {'when': True},
         'guards': [{'key': 'both', 'op': 'all', 'guards': [aged, need]}]}])
    ripe, poor = (world.rep.make('leads', last_name='Clock', description='by_clock', owner_id=world.rep.user['id'], **more)['id']
                  for more in ({'need': 'Steel'}, {}))

    def looked():
        wait_for(lambda: world.rows(RESTS)
                 and not world.rows('select 1 from sluice.recheck'), what='the look at all')

    for moment, state in (('2026-11-21 07:00Z', 'fresh'), ('2026-11-21 09:00Z', 'old')):
        clock.set(moment)
        looked()
        assert [world.rep.read('leads', i)['status'] for i in (ripe, poor)] == [state, 'fresh'], moment
    (moved,) = [h for h in world.rep.history('leads', ripe) if h['action'] == 'transition']
    assert (moved['transition'], moved['actor']['kind'], moved['at']) == ('age', 'timer', '2026-11-21T09:00:00Z')


def test_nothing_lies_forgotten(world, clock):
    """R1.4, R4.9: what has an owner and a next step is not; the rest is escalated once a stay, in working days."""
    clock.set('2026-11-20 08:00Z')
    process(world, 'no_clock', [('somewhere', 'open', {})], [{'key': 'created', 'kind': 'initial', 'to': 'somewhere'}],
            entity='opportunity')
    owner = {'owner_id': world.rep.user['id']}
    kept = world.rep.make('leads', last_name='Kept', **owner)['id']
    world.rep.make('tasks', subject='Go on', lead_id=kept)
    alone = world.rep.make('leads', last_name='Alone')['id']
    deal = deal_that(world, 'Idle')['id']
    assert forgotten(world.boss, kept) == []
    (found,) = forgotten(world.boss, alone)
    assert (found['entity'], found['name'], found['state'], found['why'], found['escalated_at']) == (
        'lead', 'Alone', 'open', ['no_owner'], None)  # its first response is still due
    (found,) = forgotten(world.boss, deal)
    assert (found['entity'], found['why'], found['owner_id']) == ('opportunity', ['no_next_step'], world.rep.user['id'])
    assert forgotten(world.boss, deal, why='no_owner') == [] and forgotten(world.boss, deal, entity='lead') == []
    assert forgotten(world.boss, deal, **{'state_since[lte]': '2026-11-20T07:59:59Z'}) == []

    def escalated(record_id, entity):
        return world.events(record_id).count(f'{entity}.forgotten')

    def swept():
        wait_for(lambda: world.rows(RESTS), what='the look at all')

    for moment, times in (('2026-11-27 07:00Z', 0), ('2026-11-27 09:00Z', 1), ('2026-11-27 11:00Z', 1), ('2026-12-08 11:00Z', 1)):
        clock.set(moment)
        swept()
        assert [escalated(alone, 'lead'), escalated(deal, 'opportunity'), escalated(kept, 'lead')] == [times, times, 0], moment
    (found,) = forgotten(world.boss, alone)
    assert (found['why'], found['escalated_at']) == (['no_owner'], '2026-11-27T09:00:00Z')
    task = world.boss.read('tasks', found['task_id'])
    assert (task['lead_id'], task['assignee_id'], task['priority'], task['status']) == (alone, world.boss.user['id'], 'high', 'open')
    assert forgotten(world.boss, deal) == []  # the manager's task is a next step
    (entry,) = [h for h in history(world.rep, 'leads', alone, 'timer') if h['detail']['what'] == 'forgotten']
    assert (entry['actor']['kind'], entry['detail']) == ('timer', {
        'what': 'forgotten', 'why': ['no_owner', 'no_next_step'], 'task_id': task['id']})
    world.rep.moved('leads', alone, 'contacted', activities=[CALL])  # another stay
    clock.set('2026-12-16 11:00Z')
    swept()
    assert escalated(alone, 'lead') == 2
    world.rep.moved('leads', alone, 'dead', fields={'dead_reason': 'unreachable'})
    assert forgotten(world.boss, alone) == []


def test_open_deals_are_looked_after_by_their_states(world, clock):
    """Every open stage has a threshold that starts anew at every touch."""
    clock.set('2026-11-20 08:00Z')
    deal = deal_that(world, 'Slow')
    assert deal['due_at'] == '2026-12-04T08:00:00Z' and forgotten(world.boss, deal['id']) == []
    clock.set('2026-11-23 08:00Z')
    deal = world.rep.moved('opportunities', deal['id'], 'first_meeting')
    assert deal['due_at'] == '2026-12-07T08:00:00Z'
    world.rep.make('activities', kind='note', subject='Called', opportunity_id=deal['id'])
    clock.set('2026-12-07 08:00Z')
    world.idle()
    assert [t[:2] for t in tasks(world, opportunity=deal['id'])] == [('Send the offer, or let it rest', 'open')]
    (task,) = world.boss.get('/v1/tasks', params={'opportunity': deal['id']}).json()['items']
    assert task['assignee_id'] == world.rep.user['id']
    world.rep.moved('opportunities', deal['id'], 'cancelled', note='Nobody answers')
    assert [t[1] for t in tasks(world, opportunity=deal['id'])] == ['done']
