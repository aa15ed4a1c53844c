"""Versions: what one would change, what no longer holds, records that move from one to another and back."""
import json

import pytest

from daemon import wait_for
from helpers import CALL, SURVEY, UNKNOWN, contact, label, problem, settled

NUMBERS = iter(range(1, 1000))


def guard(key, kind, /, **params):
    return {'key': key, 'kind': kind, 'params': params}


def state(of):
    if isinstance(of, tuple):
        of = {'key': of[0], 'category': of[1]}
    return {'category': 'open', 'label': label(of['key']), **of}


def document(key, number, states, transitions, **more):
    return {'entity': 'lead', 'key': key, 'number': number, 'label': label(key), **more,
            'states': [state(s) for s in states],
            'transitions': [{'label': label(t['key']), **t} for t in transitions]}


STATES = [('open', 'open'), ('contacted', 'open'), ('done', 'done')]
MOVES = [{'key': 'created', 'kind': 'initial', 'to': 'open'},
         {'key': 'contacted', 'from': ['open'], 'to': 'contacted'},
         {'key': 'finish', 'from': ['contacted'], 'to': 'done'}]


@pytest.fixture
def process(rows):
    """A process of the test's own with two versions, which rules leads made meanwhile."""
    class Process:
        key = f'versions_{next(NUMBERS)}'

        def version(self, number, states=STATES, moves=MOVES, **more):
            rows('select sluice.blueprint_import(%s::jsonb)', json.dumps(document(self.key, number, states, moves, **more)))
            rows('update sluice.blueprint set priority = 1000 where key = %s', self.key)
            return rows("""select v.id from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
                           where b.key = %s and v.number = %s""", self.key, number)[0]['id']
    p = Process()
    yield p
    rows('update sluice.blueprint set priority = -1000 where key = %s', p.key)
    rows("""update sluice.blueprint_version v set status = 'retired' from sluice.blueprint b
             where b.id = v.blueprint_id and b.key = %s and v.status = 'published'""", p.key)


def simulate(client, version, **body):
    answer = client.post(f'/v1/blueprints/{version}/simulate', json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return found, {s['state']: s for s in found['states']}, {t['transition']: t for t in found['transitions']}


def finished(client, answer):
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers['Location'] == f'/v1/jobs/{job["id"]}'

    def done():
        read = client.get(f'/v1/jobs/{job["id"]}').json()
        return read if read['status'] in ('done', 'failed') else None
    job = wait_for(done, 60, 'the job')
    assert job['status'] == 'done', job
    return job


def leads(client, n, **members):
    return [client.make('leads', last_name=f'Version {i}', **members)['id'] for i in range(n)]


def test_a_guard_more_is_simulated(process, mkt, manager):
    process.version(1)
    with_industry, without = leads(mkt, 2, industry='rail'), leads(mkt, 3)
    spaces = leads(mkt, 1)
    draft = process.version(2, moves=[MOVES[0], {**MOVES[1], 'guards': [guard('industry', 'field_present', field='industry')]},
                                      {**MOVES[2], 'key': 'end'}])
    found, states, moves = simulate(manager, draft)
    assert found['records'] == 6
    assert states['open']['records'] == 6 and states['open']['blocked'] == 4 and 'stuck' not in states['open']
    assert (moves['contacted']['before'], moves['contacted']['after'], moves['contacted']['lost']) == (6, 2, 4)
    assert set(moves['contacted']['examples']['lost']) <= set(without + spaces)
    assert not set(with_industry) & set(moves['contacted']['examples']['lost'])


def test_a_state_that_is_dropped_is_out_of_scope_unless_mapped(process, mkt, manager):
    process.version(1)
    moved = leads(mkt, 7)
    for lead in moved[:3]:
        mkt.moved('leads', lead, 'contacted')
    draft = process.version(2, [STATES[0], STATES[2]], [MOVES[0], {'key': 'finish', 'from': ['open'], 'to': 'done'}])
    _, states, moves = simulate(manager, draft)
    assert states['contacted']['out_of_scope'] == 3 and set(states['contacted']['examples']['out_of_scope']) == set(moved[:3])
    assert states['open']['to'] == 'open'
    assert moves['contacted'] == {'transition': 'contacted', 'before': 4, 'lost': 4,
                                  'examples': {'lost': sorted(moved[3:])}}
    _, states, moves = simulate(manager, draft, mapping={'contacted': 'open'})
    assert states['contacted']['to'] == 'open' and 'out_of_scope' not in states['contacted']
    assert moves['finish']['before'] == 3 and moves['finish']['after'] == 7 and moves['finish']['gained'] == 4
    _, states, _ = simulate(manager, draft, mapping={'contacted': 'done'})
    assert states['contacted']['stuck'] == 3
    problem(manager.post(f'/v1/blueprints/{draft}/simulate', json={'mapping': {'contacted': 'nowhere'}}), 422,
            'validation_failed')


EVIDENCE = {
    'call': [guard('g', 'related_count', of='activity', kind='call', has_subject=True)],
    'fresh_call': [guard('g', 'related_count', of='activity', kind='call', has_subject=True, since_entry=True)],
    'no_tasks': [guard('g', 'open_tasks', max=0)],
    'value': [guard('g', 'field_compare', field='estimated_value.amount', op='gte', value='1000')],
    'been': [guard('g', 'visited_state', state='contacted')],
    'waited': [guard('g', 'time_in_state', max_seconds=3600)],
    'account': [guard('g', 'related_field', field='account.verification', op='eq', value='verified')],
    'budget': [guard('g', 'field_compare', field='budget_confirmed', op='eq', value=True)],
    'status': [guard('g', 'field_compare', field='status', op='eq', value='open')],
    'either': [{'key': 'g', 'op': 'any', 'guards': [guard('a', 'field_present', field='need'),
                                                    guard('b', 'field_present', field='city')]}],
    'neither': [{'key': 'g', 'op': 'none', 'guards': [guard('a', 'field_present', field='need')]}],
    'score': [guard('g', 'duplicate_free')],
}


@pytest.mark.parametrize('kind', EVIDENCE)
def test_the_simulation_says_what_the_listing_says(process, mkt, manager, kind):
    """One evaluator: what a version opens to a record in the simulation, it lists for a record that lives under it."""
    moves = [MOVES[0], {'key': 'contacted', 'from': ['open'], 'to': 'contacted'}, {'key': 'back', 'from': ['contacted'], 'to': 'open'},
             {'key': 'go', 'from': ['open'], 'to': 'done', 'guards': EVIDENCE[kind]}]
    version = process.version(1, moves=moves)
    made = [mkt.make('leads', last_name='Plain')['id'],
            mkt.make('leads', last_name='Rich', estimated_value={'amount': '1000.00', 'currency': 'PLN'}, budget_confirmed=True)['id'],
            mkt.make('leads', last_name='Poor', estimated_value={'amount': '999.99', 'currency': 'PLN'}, need=' ', city='Łódź')['id'],
            mkt.make('leads', last_name='Called', need='…')['id'], mkt.make('leads', last_name='Busy')['id'],
            mkt.make('leads', last_name='Back', need='A need')['id'], mkt.make('leads', last_name='Elsewhere')['id']]
    for lead in (made[3], made[5]):
        mkt.make('activities', lead_id=lead, **CALL)
    mkt.make('tasks', subject='To do', lead_id=made[4])
    mkt.moved('leads', made[5], 'contacted')
    mkt.moved('leads', made[5], 'back')
    mkt.moved('leads', made[6], 'contacted')
    listed = 0
    for lead in made[:6]:
        items = mkt.get(f'/v1/leads/{lead}/transitions').json()['items']
        listed += next(i for i in items if i['key'] == 'go')['available']
    _, _, transitions = simulate(manager, version)
    go = transitions.get('go', {})
    assert (go.get('before', 0), go.get('after', 0)) == (listed, listed), (kind, go)
    assert 'gained' not in go and 'lost' not in go


def test_who_would_be_late_is_told(process, mkt, manager, rows):
    late = {'after': 'P10D', 'what': 'warn'}
    process.version(1, states=[{'key': 'open', 'sla': [{'key': 'same', **late}]}, ('contacted', 'open'), ('done', 'done')])
    made = sorted(leads(mkt, 6))
    for lead, days in zip(made, (0, 3, 6, 11, 12, 1)):
        rows("select set_config('sluice.cause', '{}', true); "
             "update sluice.lead set state_entered_at = state_entered_at - make_interval(days => %s) where id = %s", days, lead)
        rows("update sluice.timer set due_at = due_at - make_interval(days => %s) where record_id = %s", days, lead)
    rows("update sluice.lead set nurture_until = '2030-01-01' where id = %s", made[2])
    draft = process.version(2, states=[{'key': 'open', 'sla': [
        {'key': 'same', 'after': 'P5D', 'what': 'warn'},
        {'key': 'touched', 'after': 'P5D', 'since': 'touch', 'what': 'task'},
        {'key': 'spared', 'after': 'P5D', 'what': 'warn', 'params': {'without': 'nurture_until'}}]},
        ('contacted', 'open'), {'key': 'done', 'category': 'done', 'sla': [{'key': 'day', 'after': 'P1D', 'what': 'warn'}]}],
        moves=[MOVES[0], MOVES[1], MOVES[2]])
    mkt.moved('leads', made[0], 'contacted')

    def late_by(**body):
        return {t.pop('threshold'): t for t in simulate(manager, draft, **body)[0]['thresholds']}
    found = late_by(within_days=3)
    assert found['same'] == {'state': 'open', 'records': 5, 'breached': 3, 'already': 2, 'soon': 1, 'examples': made[2:5]}
    assert found['spared'] == {'state': 'open', 'records': 4, 'breached': 2, 'already': 0, 'soon': 1, 'examples': made[3:5]}
    assert (found['touched']['breached'], found['touched']['records']) == (0, 5), 'nothing is older than its last touch'
    assert found['day'] == {'state': 'done', 'records': 0, 'breached': 0, 'already': 0, 'soon': 0, 'examples': []}
    # the contacted one enters the state that it is mapped to now
    found = late_by(within_days=1, mapping={'contacted': 'done'})
    assert (found['day']['records'], found['day']['breached'], found['day']['soon']) == (1, 0, 1)
    assert (found['same']['breached'], found['same']['soon']) == (3, 0)


def test_who_falls_out_of_the_criteria_is_told(process, mkt, manager):
    process.version(1)
    rail, others = leads(mkt, 2, industry='rail'), leads(mkt, 3)
    draft = process.version(2, criteria=[guard('rail', 'field_compare', field='industry', op='eq', value='rail')])
    found, _, _ = simulate(manager, draft)
    assert found['scope'] == {'left': 3, 'examples': sorted(others)} and rail
    assert 'scope' not in simulate(manager, process.version(3))[0]


def test_what_only_the_actor_decides_is_said(process, mkt, manager):
    process.version(1)
    leads(mkt, 1)
    draft = process.version(2, moves=[MOVES[0], {**MOVES[1], 'guards': [
        {'key': 'either', 'op': 'any', 'guards': [guard('boss', 'actor_has_role', role='manager'),
                                                  guard('hours', 'working_time', calendar='default')]},
        guard('other', 'actor_differs', **{'from': 'creator'})]}, MOVES[2]])
    _, _, moves = simulate(manager, draft)
    assert moves['contacted']['assumed'] == ['actor_differs', 'actor_has_role', 'working_time']
    assert (moves['contacted']['before'], moves['contacted']['after']) == (1, 1)


def test_a_document_is_simulated_without_a_draft(process, mkt, manager):
    version = process.version(1)
    leads(mkt, 2)
    moves = [MOVES[0], {**MOVES[1], 'guards': [{'key': 'both', 'op': 'all', 'guards': [guard('city', 'field_present', field='city')]}]}]
    text = document('another_name', 7, STATES, moves)
    _, states, transitions = simulate(manager, version, document=text)
    assert transitions['contacted']['lost'] == 2 and states['open']['blocked'] == 2
    text['transitions'][1]['guards'][0]['guards'][0]['params'] = {'feld': 'city'}
    refused = problem(manager.post(f'/v1/blueprints/{version}/simulate', json={'document': text}), 422, 'validation_failed')
    assert all(e['pointer'].startswith('/document/transitions/1/guards/0/guards/0') for e in refused['errors']), refused


def test_simulating_changes_nothing(process, mkt, manager, rows):
    version = process.version(1)
    leads(mkt, 2)
    settled(rows)
    before = rows('select (select count(*) from sluice.audit) a, (select count(*) from sluice.visit) v, '
                  '(select last_value from sluice.seq) s, (select count(*) from sluice.job) j')
    simulate(manager, version)
    assert before == rows('select (select count(*) from sluice.audit) a, (select count(*) from sluice.visit) v, '
                          '(select last_value from sluice.seq) s, (select count(*) from sluice.job) j')


def test_many_records_are_a_job(process, manager, rows):
    version = process.version(1)
    rows("""insert into sluice.lead (id, last_name, industry)
            select gen_random_uuid(), 'Many', case when n % 4 = 0 then 'rail' end from generate_series(1, 10050) n""")
    draft = process.version(2, moves=[MOVES[0], {**MOVES[1], 'guards': [guard('industry', 'field_present', field='industry')]}, MOVES[2]])
    job = finished(manager, manager.post(f'/v1/blueprints/{draft}/simulate', json={}))
    assert (job['kind'], job['total'], job['done']) == ('simulate', 10050, 10050)
    moves = {t['transition']: t for t in job['result']['transitions']}
    assert (moves['contacted']['before'], moves['contacted']['after']) == (10050, 2512)
    assert job['id'] in [j['id'] for j in manager.get('/v1/jobs', params={'kind': 'simulate'}).json()['items']]
    rows('delete from sluice.visit where record_id in (select id from sluice.lead where blueprint_version_id = %s)', version)
    rows("update sluice.lead set deleted_at = now() where blueprint_version_id = %s", version)
    assert version


# records that move

def test_in_flight_records_migrate_and_come_back(process, mkt, manager, admin, rows):
    """Scenario 42: refused without a mapping, counted before, one entry of history each, and undone."""
    one = process.version(1)
    ids = leads(mkt, 100)
    for lead in ids[:8]:
        mkt.moved('leads', lead, 'contacted')
    two = process.version(2, [STATES[0], STATES[2]], [MOVES[0], {'key': 'finish', 'from': ['open'], 'to': 'done'}])
    body = {'from': one, 'mapping': {'contacted': 'open'}}
    refused = problem(admin.post(f'/v1/blueprints/{two}/migrations', json={'from': one}), 409, 'conflict')
    assert refused['unmapped'] == {'contacted': 8}
    problem(manager.post(f'/v1/blueprints/{two}/migrations', json=body), 403, 'forbidden')
    problem(admin.post(f'/v1/blueprints/{one}/migrations', json={'from': two}), 409, 'conflict')
    problem(admin.post(f'/v1/blueprints/{two}/migrations', json={'from': UNKNOWN}), 422, 'unknown_reference')
    # a preview changes nothing
    preview = admin.post(f'/v1/blueprints/{two}/migrations', json=body, headers={'Prefer': 'tx=rollback'})
    assert preview.status_code == 200, preview.text
    assert {s['state']: s['records'] for s in preview.json()['states']} == {'open': 92, 'contacted': 8}
    assert {t['transition']: t.get('lost', 0) for t in preview.json()['transitions']} == {'contacted': 92, 'finish': 0}
    assert rows('select count(*) as n from sluice.lead where blueprint_version_id = %s', one)[0]['n'] == 100

    job = finished(admin, admin.post(f'/v1/blueprints/{two}/migrations', json=body))
    assert (job['total'], job['done'], job['result']) == (100, 100, {'done': 100})
    assert rows('select state, count(*) as n from sluice.lead where blueprint_version_id = %s group by 1', two) == [
        {'state': 'open', 'n': 100}]
    items = admin.get(f'/v1/jobs/{job["id"]}/items', params={'limit': 100}).json()['items']
    assert {i['record_id'] for i in items} == set(ids)
    assert rows("select count(distinct record_id) as n, count(*) as entries from sluice.audit where detail ->> 'migration' = %s",
                job['id'])[0] == {'n': 100, 'entries': 100}
    for lead, action in ((ids[0], 'transition'), (ids[10], 'update')):
        entry = mkt.history('leads', lead)[0]
        assert (entry['action'], entry['detail']['migration'], entry['actor']['id']) == (action, job['id'], admin.user['id'])
    assert rows('select count(*) as n from sluice.visit where record_id = %s and left_at is null', ids[0])[0]['n'] == 1
    mkt.moved('leads', ids[1], 'finish')
    mkt.patch(f'/v1/leads/{ids[12]}', json={'city': 'Kraków'})

    problem(manager.post(f'/v1/jobs/{job["id"]}/undo'), 403, 'forbidden')
    undo = finished(admin, admin.post(f'/v1/jobs/{job["id"]}/undo'))
    assert undo['result']['done'] == 98 and undo['result']['skipped'] == 2
    assert set(undo['result']['touched']) == {ids[1], ids[12]}
    assert rows('select state, count(*) as n from sluice.lead where blueprint_version_id = %s group by 1 order by 1', one) == [
        {'state': 'contacted', 'n': 7}, {'state': 'open', 'n': 91}]
    assert mkt.read('leads', ids[1])['status'] == 'done'
    mkt.moved('leads', ids[0], 'finish')
    problem(admin.post(f'/v1/jobs/{job["id"]}/undo'), 409, 'conflict')
    problem(admin.post(f'/v1/jobs/{undo["id"]}/undo'), 409, 'conflict')
    problem(admin.post(f'/v1/jobs/{UNKNOWN}/undo'), 404, 'not_found')


# drift

def test_drift_names_what_no_longer_holds(process, mkt, manager, rows):
    moves = [MOVES[0], {**MOVES[1], 'guards': [guard('industry', 'field_present', field='industry'),
                                               guard('called', 'related_count', of='activity', kind='call', since_entry=True)]},
             MOVES[2], {'key': 'never', 'from': ['open'], 'to': 'lost'}]
    version = process.version(1, [*STATES, ('lost', 'lost')], moves)
    ids = leads(mkt, 3, industry='rail')
    for lead in ids:
        mkt.moved('leads', lead, 'contacted', activities=[CALL])

    def drift():
        answer = manager.get('/v1/reports/drift', params={'blueprint': version})
        assert answer.status_code == 200, answer.text
        return answer.json()
    found = drift()
    assert found['records'] == 3 and found['drifted'] == [], 'a call before the move is evidence of it for ever'
    assert found['unused_transitions'] == ['finish', 'never'] and found['unused_states'] == ['done', 'lost']
    mkt.patch(f'/v1/leads/{ids[0]}', json={'industry': None})
    rows("update sluice.activity set deleted_at = now() where lead_id = %s", ids[1])
    found = drift()
    assert found['drifted'] == [{'state': 'contacted', 'transition': 'contacted', 'records': 2,
                                 'guards': {'industry': 1, 'called': 1}, 'examples': sorted(ids[:2])}]
    problem(manager.get('/v1/reports/drift'), 400, 'invalid_parameter')
    problem(manager.get('/v1/reports/drift', params={'blueprint': UNKNOWN}), 404, 'not_found')


def test_shipped_processes_simulate_without_change(mkt, manager):
    lead = mkt.make('leads', last_name='Shipped', industry='rail')
    contact(mkt, lead['id'])
    mkt.moved('leads', lead['id'], 'qualified', activities=[SURVEY])
    for item in manager.get('/v1/blueprints').json()['items']:
        if item['status'] != 'published' or item['key'].startswith('versions_'):
            continue
        found, _, moves = simulate(manager, item['id'])
        for move in moves.values():
            assert 'gained' not in move and 'lost' not in move, (item['key'], move)
