"""Steps inside a state: several people, any order, one way on when all are done."""
import itertools
import json

import pytest

from daemon import wait_for
from helpers import CALL, UNKNOWN, blueprint, everything, failures, label, problem, together

DONE = {'key': 'ready', 'kind': 'steps_done', 'params': {}}
MOVES = [{'key': 'made', 'kind': 'initial', 'to': 'offer'},
         {'key': 'send', 'from': ['offer'], 'to': 'sent', 'guards': [DONE]},
         {'key': 'hold', 'from': ['offer'], 'to': 'held'},
         {'key': 'go_on', 'from': ['held'], 'to': 'offer'},
         {'key': 'back', 'from': ['sent', 'offer'], 'to': 'offer'},
         {'key': 'drop', 'from': 'any', 'except': ['dropped'], 'to': 'dropped'}]


def steps_of(rep, rep2):
    return [
        {'key': 'legal_check', 'label': {'en': 'Legal check', 'pl': 'Sprawdzenie prawne', 'ru': 'Проверка права'},
         'actors': [{'kind': 'role', 'value': 'manager'}],
         'inputs': [{'key': 'read', 'kind': 'checklist', 'required': True, 'params': {'item': 'contract_read'}},
                    {'key': 'why', 'kind': 'note', 'required': True}]},
        {'key': 'credit_check', 'label': label('Credit check'), 'actors': [{'kind': 'user', 'value': rep2.user['id']}],
         'inputs': [{'key': 'industry', 'kind': 'field', 'required': True, 'params': {'field': 'industry'}},
                    {'key': 'call', 'kind': 'activity', 'params': {'kind': 'call'}},
                    {'key': 'task', 'kind': 'task'}, {'key': 'paper', 'kind': 'file'}]},
        {'key': 'survey', 'label': label('Survey'), 'actors': [{'kind': 'field', 'value': 'owner_id'}]},
        {'key': 'photo', 'label': label('Photo'), 'required': False}]


BODIES = {'legal_check': {'checklist': ['contract_read'], 'note': 'Fine'}, 'credit_check': {'fields': {'industry': 'steel'}},
          'survey': {}}


@pytest.fixture
def process(rows, rep, rep2, number):
    """Makes a lead under a process with steps."""
    def make(steps=None, moves=None, owner=rep, entity='lead', **members):
        states = [('offer', 'open', {'steps': steps or steps_of(rep, rep2)}), ('held', 'postponed', {'pausing': True}),
                  ('sent', 'won'), ('dropped', 'lost')]
        members = members or {'last_name': f'Steps {number}'}
        with blueprint(rows, entity, f'steps_{number}', states, moves or MOVES):
            collection = {'lead': 'leads', 'account': 'accounts', 'opportunity': 'opportunities'}[entity]
            return rep.make(collection, owner_id=owner.user['id'], **members)
    return make


def done(client, record, step, collection='leads', **body):
    headers = body.pop('headers', None)
    return client.post(f'/v1/{collection}/{record["id"]}/steps/{step}', json=body, headers=headers)


def listed(client, record, collection='leads', **headers):
    answer = client.get(f'/v1/{collection}/{record["id"]}/steps', headers=headers)
    assert answer.status_code == 200, answer.text
    return {i['key']: i for i in answer.json()['items']}


def status(client, record, collection='leads'):
    return [i['status'] for i in listed(client, record, collection).values()]


def notes(client, record, collection='leads'):
    return [(h['detail']['step'], h['detail']['status']) for h in reversed(client.history(collection, record['id']))
            if h['action'] == 'step']


def test_the_listing_says_who_may_do_what(process, rep, rep2, manager, viewer):
    record = process()
    answer = rep.get(f'/v1/leads/{record["id"]}/steps', headers={'Accept-Language': 'pl'})
    assert answer.headers['ETag'] == f'"{record["version"]}"'
    assert answer.json()['state'] == {'key': 'offer', 'label': 'offer', 'category': 'open'}
    first = answer.json()['items'][0]
    assert (first['key'], first['label'], first['required'], first['status'], first['available'], first['why']) == (
        'legal_check', 'Sprawdzenie prawne', True, 'open', False, 'not_transition_owner')
    assert first['actors'] == [{'kind': 'role', 'value': 'manager'}]
    assert [(i['kind'], i['pointer'], i['required']) for i in first['inputs']] == [
        ('checklist', '/checklist', True), ('note', '/note', True)]
    may = {c: [k for k, i in listed(c, record).items() if i['available']] for c in (rep, rep2, manager)}
    assert may == {rep: ['survey', 'photo'], rep2: ['credit_check', 'photo'], manager: ['legal_check', 'photo']}
    assert {i['why'] for i in listed(viewer, record).values()} == {'forbidden'}
    problem(rep.get(f'/v1/leads/{UNKNOWN}/steps'), 404, 'not_found')


@pytest.mark.parametrize('order', itertools.permutations(BODIES))
def test_three_people_in_any_order(order, process, rep, rep2, manager):
    record = process()
    who = {'legal_check': manager, 'credit_check': rep2, 'survey': rep}
    for i, step in enumerate(order):
        failed = failures(rep.move('leads', record['id'], 'send'))['ready']
        assert [s['step'] for s in failed['steps']] == [k for k in BODIES if k not in order[:i]]
        answer = done(who[step], record, step, **BODIES[step])
        assert answer.status_code == 200, answer.text
        item = next(s for s in answer.json()['items'] if s['key'] == step)
        assert (item['status'], item['done_by'], item['done_by_name'], item['available'], item['why']) == (
            'done', who[step].user['id'], who[step].user['name'], False, 'done')
    assert rep.moved('leads', record['id'], 'send')['status'] == 'sent'
    assert notes(rep, record) == [(s, 'done') for s in order]
    assert listed(rep, record) == {}


def test_three_people_at_once(process, rep, rep2, manager):
    record = process()
    who = {'legal_check': manager, 'credit_check': rep2, 'survey': rep}
    answers = together(*[lambda s=s: done(who[s], record, s, **BODIES[s]) for s in BODIES])
    assert [a.status_code for a in answers] == [200, 200, 200]
    assert status(rep, record) == ['done', 'done', 'done', 'open']
    rep.moved('leads', record['id'], 'send')


def test_the_refusal_says_which_who_and_how(process, rep, rep2, manager):
    record = process()
    done(manager, record, 'legal_check', **BODIES['legal_check'])
    failed = failures(rep.move('leads', record['id'], 'send'))['ready']
    address = f'POST /v1/leads/{record["id"]}/steps'
    assert (failed['kind'], failed['path'], failed['pointer']) == ('steps_done', 'steps', None)
    assert (failed['observed'], failed['expected']) == (['legal_check'], {'steps': 'required'})
    assert failed['message'] == 'Steps that must be done here first (all); open: Credit check, Survey.'
    assert failed['steps'] == [
        {'step': 'credit_check', 'label': 'Credit check', 'actors': [{'kind': 'user', 'value': rep2.user['id']}],
         'call': f'{address}/credit_check'},
        {'step': 'survey', 'label': 'Survey', 'actors': [{'kind': 'field', 'value': 'owner_id'}], 'call': f'{address}/survey'}]
    options = {t['key']: t for t in rep.get(f'/v1/leads/{record["id"]}/transitions').json()['items']}
    assert not options['send']['available'] and options['send']['guards'][0]['steps'] == failed['steps']


def test_everything_comes_along_or_nothing(process, rep, rep2, rows):
    record = process()
    before = everything(rows)
    body = {'fields': {'industry': 'x' * 5000, 'city': 'Kraków'}, 'checklist': ['other'], 'files': [{'name': 'a.pdf'}]}
    wrong = problem(done(rep2, record, 'credit_check', **body), 422, 'validation_failed')
    assert {e['pointer'] for e in wrong['errors']} == {'/fields/industry', '/fields/city', '/checklist/0', '/files/0/url'}
    assert 'the step "credit_check" does not collect' in wrong['errors'][1]['detail']
    after = everything(rows)
    assert {k for k in before if before[k] != after[k]} == {'audit', 'sequence_at'}  # only the refusal
    missing = problem(done(rep2, record, 'credit_check'), 422, 'validation_failed')
    assert [(e['pointer'], e['code']) for e in missing['errors']] == [('/fields/industry', 'required')]
    answer = done(rep2, record, 'credit_check', fields={'industry': 'steel'}, activities=[CALL], tasks=[{'subject': 'Next'}],
                  files=[{'name': 'a.pdf', 'url': 'https://files.test/a.pdf'}], note='Good')
    assert answer.status_code == 200, answer.text
    assert answer.json()['version'] == record['version'] + 1
    assert rep.read('leads', record['id'])['industry'] == 'steel'
    assert [a['subject'] for a in rep.get('/v1/activities', params={'lead': record['id']}).json()['items']] == [CALL['subject']]
    assert [t['subject'] for t in rep.get('/v1/tasks', params={'lead': record['id']}).json()['items']] == ['Next']
    entry = next(h for h in rep.history('leads', record['id']) if h['action'] == 'step')
    assert entry['detail'] == {'step': 'credit_check', 'status': 'done', 'note': 'Good',
                               'files': [{'name': 'a.pdf', 'url': 'https://files.test/a.pdf'}]}
    assert (entry['actor']['id'], entry['operation'], entry['from_state']) == (rep2.user['id'], 'lead_step_done', 'offer')
    line = next(i for i in rep.get(f'/v1/leads/{record["id"]}/timeline').json()['items'] if i['kind'] == 'step')
    assert (line['title'], line['body'], line['data']['status']) == ('credit_check', 'Good', 'done')
    events = [r['type'] for r in rows('select type from sluice.outbox where record_id = %s order by id', record['id'])]
    assert events == ['lead.created', 'lead.updated', 'lead.step_done']


def test_refusals(process, rep, rep2, manager, viewer):
    record = process()
    mine = problem(done(rep, record, 'legal_check', **BODIES['legal_check']), 403, 'not_transition_owner')
    assert mine['detail'] == '"legal_check" belongs to others: role manager'
    assert mine['actors'] == [{'kind': 'role', 'value': 'manager'}]
    none = problem(done(rep, record, 'legal'), 409, 'no_such_step')
    assert [s['step'] for s in none['steps']] == ['legal_check', 'credit_check', 'survey', 'photo']
    assert none['current'] == {'state': 'offer', 'version': record['version']}
    item = next(i for i in done(rep, record, 'survey').json()['items'] if i['key'] == 'survey')
    twice = problem(done(rep, record, 'survey'), 409, 'step_already_done')
    assert twice['detail'] == f'"survey" was done by {rep.user["name"]} at {item["done_at"]}'
    assert twice['done'] == {'done_at': item['done_at'], 'done_by': rep.user['id'], 'done_by_name': rep.user['name'], 'note': None}
    assert [s['step'] for s in twice['steps']] == ['legal_check', 'credit_check', 'photo']
    problem(done(viewer, record, 'photo'), 403, 'forbidden')
    problem(done(rep, {'id': UNKNOWN}, 'photo'), 404, 'not_found')
    denied = [(h['detail']['step'], h['detail']['code'], h['from_state']) for h in reversed(rep.history('leads', record['id']))
              if h['action'] == 'denied']
    assert denied == [('legal_check', 'not_transition_owner', 'offer'), ('legal', 'no_such_step', 'offer'),
                      ('survey', 'step_already_done', 'offer')]


def test_conditions_keys_and_dry_runs(process, rep, rows):
    record = process()
    before = everything(rows)
    dry = done(rep, record, 'survey', headers={'Prefer': 'tx=rollback'})
    assert dry.status_code == 200 and dry.headers['Preference-Applied'] == 'tx=rollback'
    assert [i['status'] for i in dry.json()['items']] == ['open', 'open', 'done', 'open']
    assert {k for k, v in everything(rows).items() if v != before[k]} <= {'sequence_at'}
    problem(done(rep, record, 'survey', headers={'If-Match': '"77"'}), 412, 'stale')
    key = {'Idempotency-Key': f'steps-{record["id"]}', 'If-Match': f'"{record["version"]}"'}
    first, again = done(rep, record, 'survey', headers=key), done(rep, record, 'survey', headers=key)
    assert (first.status_code, again.status_code, again.headers['Idempotent-Replayed']) == (200, 200, 'true')
    assert first.json() == again.json()
    assert notes(rep, record) == [('survey', 'done')]
    small = done(rep, record, 'photo', headers={'Prefer': 'return=minimal'})
    assert (small.status_code, small.content) == (204, b'')


def test_exactly_one_of_two_wins(process, rep, rep2):
    record = process()
    answers = together(*[lambda c=c: done(c, record, 'photo', note=c.user['name']) for c in (rep, rep2, rep, rep2)])
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409]
    winner = next(a for a in answers if a.status_code == 200).json()['items'][3]
    for a in answers:
        if a.status_code == 409:
            assert problem(a, 409, 'step_already_done')['done']['note'] == winner['note']
    assert notes(rep, record) == [('photo', 'done')]


def test_whoever_did_it_opens_it_again(process, rep, rep2, manager):
    record = process()
    path = f'/v1/leads/{record["id"]}/steps/photo'
    problem(rep.delete(path), 409, 'conflict')
    done(rep, record, 'photo', note='blurred')
    other = problem(manager.delete(path), 403, 'not_transition_owner')
    assert other['detail'] == f'"photo" was done by {rep.user["name"]}, who may open it again'
    problem(rep.delete(f'/v1/leads/{record["id"]}/steps/none'), 409, 'no_such_step')
    answer = rep.delete(path)
    assert answer.status_code == 200 and answer.json()['items'][3]['status'] == 'open'
    assert answer.json()['items'][3]['note'] is None
    assert notes(rep, record) == [('photo', 'done'), ('photo', 'open')]
    assert done(rep2, record, 'photo').status_code == 200


def test_a_new_stay_begins_anew_and_a_pause_goes_on(process, rep):
    record = process()
    done(rep, record, 'survey')
    rep.moved('leads', record['id'], 'hold')
    assert listed(rep, record) == {}
    rep.moved('leads', record['id'], 'go_on')
    assert status(rep, record) == ['open', 'open', 'done', 'open']
    rep.moved('leads', record['id'], 'back')
    assert status(rep, record) == ['open', 'open', 'open', 'open']
    assert done(rep, record, 'survey').status_code == 200


def test_some_of_several(process, rep):
    steps = [{'key': k, 'label': label(k)} for k in 'abc']
    moves = [MOVES[0], {**MOVES[1], 'guards': [{'key': 'two', 'kind': 'steps_done', 'params': {'steps': ['a', 'b', 'c'], 'min': 2}}]}]
    record = process(steps, moves)
    done(rep, record, 'c')
    failed = failures(rep.move('leads', record['id'], 'send'))['two']
    assert (failed['observed'], failed['expected']) == (['c'], {'steps': ['a', 'b', 'c'], 'min': 2})
    assert failed['message'] == 'Steps that must be done here first (at least 2); open: a, b.'
    done(rep, record, 'a')
    rep.moved('leads', record['id'], 'send')


def test_moves_wait_for_steps(process, rep):
    steps = [{'key': 'only', 'label': label('only')}]
    record = process(steps, [MOVES[0], {**MOVES[1], 'auto': {'when': True}}])
    done(rep, record, 'only')
    wait_for(lambda: rep.read('leads', record['id'])['status'] == 'sent', 20, 'the move')


def test_a_step_between_decision_and_write_is_noticed(process, rep, rows):
    record = process([{'key': 'only', 'label': label('only')}])
    done(rep, record, 'only')
    seen = rows("""select sluice.whole_evidence('lead', l.id, l.blueprint_version_id, sluice.lead_evidence(l.id)) as e, l.version
                     from sluice.lead l where l.id = %s""", record['id'])[0]
    rep.delete(f'/v1/leads/{record["id"]}/steps/only')
    late = rows("""select (sluice.transition_apply('lead', %s, %s, 'offer', 'send', null, null, null, null, null, %s, null, 'all',
                                                   null)).outcome""", record['id'], seen['version'], seen['e'])
    assert late == [{'outcome': 'stale'}]


def test_actions_reach_the_steps_of_related_records(rows, rep, number):
    steps = [{'key': 'account_verified', 'label': label('Account verified')}]
    account = rep.make('accounts', name=f'Reach {number}')
    with blueprint(rows, 'opportunity', f'reached_{number}', [('offer', 'open', {'steps': steps}), ('sent', 'won')], MOVES[:2]):
        deals = [rep.make('opportunities', name=f'Deal {n}', account_id=account['id']) for n in (1, 2)]
    done(rep, deals[1], 'account_verified', 'opportunities')
    moves = [{'key': 'made', 'kind': 'initial', 'to': 'new'},
             {'key': 'verify', 'from': ['new'], 'to': 'fine', 'actions': [
                 {'key': 'tell', 'kind': 'step_done', 'params': {'step': 'account_verified', 'of': 'opportunity'}}]},
             {'key': 'doubt', 'from': ['fine'], 'to': 'new', 'actions': [
                 {'key': 'tell', 'kind': 'step_open', 'params': {'step': 'account_verified', 'of': 'opportunity'}},
                 {'key': 'known', 'kind': 'step_done', 'params': {'step': 'papers'}}]}]
    with blueprint(rows, 'account', f'reach_{number}', [('new', 'open', {'steps': [{'key': 'papers', 'label': label('Papers')}]}),
                                                       ('fine', 'done')], moves):
        other = rep.make('accounts', name=f'Reach too {number}')
    for deal in deals:
        rows('update sluice.opportunity set account_id = %s where id = %s', other['id'], deal['id'])
    rep.moved('accounts', other['id'], 'verify')
    result = next(h for h in rep.history('accounts', other['id']) if h['action'] == 'transition')['detail']['actions'][0]
    assert result == {'action': 'tell', 'kind': 'step_done',
                      'result': {'step': 'account_verified', 'status': 'done', 'records': [deals[0]['id']]}}
    assert [status(rep, d, 'opportunities') for d in deals] == [['done'], ['done']]
    entry = next(h for h in rep.history('opportunities', deals[0]['id']) if h['action'] == 'step')
    assert entry['detail']['via'] == {'entity': 'account', 'id': other['id'], 'transition': 'verify', 'action': 'tell'}
    rep.moved('accounts', other['id'], 'doubt')
    assert [status(rep, d, 'opportunities') for d in deals] == [['open'], ['open']]
    assert status(rep, other, 'accounts') == ['done']
    assert listed(rep, other, 'accounts')['papers']['done_by'] == rep.user['id']


def test_deputies_do_steps(process, rep, rep2, admin, new_user):
    away = new_user('sales')
    record = process([{'key': 'only', 'label': label('only'), 'actors': [{'kind': 'field', 'value': 'owner_id'}]}], owner=away)
    problem(done(rep, record, 'only'), 403, 'not_transition_owner')
    away.make('deputies', deputy_id=rep.user['id'], until='2099-01-01T00:00:00Z')
    assert done(rep, record, 'only').status_code == 200
    entry = next(h for h in rep.history('leads', record['id']) if h['action'] == 'step')
    assert entry['detail']['on_behalf_of'] == away.user['id']


# versions

STATES = [{'key': 'offer', 'category': 'open', 'label': label('offer')}, {'key': 'check', 'category': 'open', 'label': label('check')},
          {'key': 'sent', 'category': 'won', 'label': label('sent')}]


@pytest.fixture
def versions(rows, number):
    """Publishes versions of a process, each with these steps in the states; one of its leads."""
    key = f'step_versions_{number}'

    def publish(n, **steps):
        document = {'entity': 'lead', 'key': key, 'number': n, 'label': label(key),
                    'states': [{**s, **({'steps': [{'key': k, 'label': label(k)} for k in steps[s['key']]]} if s['key'] in steps else {})}
                               for s in STATES if s['key'] != 'offer' or 'offer' in steps],
                    'transitions': [{'key': 'made', 'kind': 'initial', 'to': 'offer' if 'offer' in steps else 'check',
                                     'label': label('made')},
                                    {'key': 'send', 'from': ['check'], 'to': 'sent', 'label': label('send'), 'guards': [DONE]}]}
        rows('select sluice.blueprint_import(%s::jsonb)', json.dumps(document))
        rows('update sluice.blueprint set priority = 1000 where key = %s', key)
        return rows("""select v.id from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
                       where b.key = %s and v.number = %s""", key, n)[0]['id']
    yield publish
    rows("""update sluice.blueprint_version v set status = 'retired' from sluice.blueprint b
             where b.id = v.blueprint_id and b.key = %s and v.status = 'published'""", key)


def carried(client, answer):
    assert answer.status_code == 202, answer.text
    path = f'/v1/jobs/{answer.json()["id"]}'
    return wait_for(lambda: (j := client.get(path).json())['status'] == 'done' and j, 60, 'the migration')


def test_migrations_carry_steps_and_back(versions, rep, admin):
    one = versions(1, offer=['a', 'b', 'c'])
    record = rep.make('leads', last_name='Carried')
    done(rep, record, 'a')
    done(rep, record, 'b', note='kept')
    two = versions(2, offer=['b', 'c', 'd'])
    job = carried(admin, admin.post(f'/v1/blueprints/{two}/migrations', json={'from': one}))
    assert {k: i['status'] for k, i in listed(rep, record).items()} == {'b': 'done', 'c': 'open', 'd': 'open'}
    assert listed(rep, record)['b']['note'] == 'kept'
    carried(admin, admin.post(f'/v1/jobs/{job["id"]}/undo'))
    assert status(rep, record) == ['done', 'done', 'open']


def test_another_state_begins_anew_and_the_way_back_does_not(versions, rep, admin):
    one = versions(1, offer=['a', 'b'])
    record = rep.make('leads', last_name='Carried')
    done(rep, record, 'a')
    two = versions(2, check=['a'])
    job = carried(admin, admin.post(f'/v1/blueprints/{two}/migrations', json={'from': one, 'mapping': {'offer': 'check'}}))
    assert status(rep, record) == ['open']
    carried(admin, admin.post(f'/v1/jobs/{job["id"]}/undo'))
    assert status(rep, record) == ['done', 'open']


def test_simulations_count_steps(versions, rep, manager):
    one = versions(1, offer=[], check=['a', 'b'])
    assert one
    two = versions(2, check=['a', 'b'])
    records = [rep.make('leads', last_name=f'Simulated {n}') for n in range(3)]
    for step in 'ab':
        assert done(rep, records[0], step).status_code == 200
    done(rep, records[1], 'a')
    three = versions(3, check=['a'])
    found = manager.post(f'/v1/blueprints/{three}/simulate', json={}).json()
    send = next(t for t in found['transitions'] if t['transition'] == 'send')
    assert (send['before'], send['after'], send['gained']) == (1, 2, 1)
    assert send['examples']['gained'] == [records[1]['id']]
    rep.moved('leads', records[0]['id'], 'send')
    drift = manager.get('/v1/reports/drift', params={'blueprint': two}).json()
    assert drift['drifted'] == [], 'the steps were done when it was sent'


# documents

def test_a_document_comes_back_as_it_was(admin, number, rep, rep2):
    document = {'entity': 'lead', 'key': f'written_{number}', 'label': label('Written'),
                'states': [{'key': 'offer', 'label': label('Offer'), 'category': 'open', 'steps': [
                    {'key': 'legal_check', 'label': label('Legal'), 'required': True,
                     'actors': [{'kind': 'role', 'value': 'manager'}, {'kind': 'field', 'value': 'owner_id'}],
                     'inputs': [{'key': 'why', 'kind': 'note', 'required': True, 'label': label('Why')}]},
                    {'key': 'photo', 'label': label('Photo'), 'required': False}]},
                           {'key': 'sent', 'label': label('Sent'), 'category': 'won'}],
                'transitions': [{'key': 'made', 'kind': 'initial', 'to': 'offer', 'label': label('Made')},
                                {'key': 'send', 'from': ['offer'], 'to': 'sent', 'label': label('Send'),
                                 'guards': [{'key': 'ready', 'kind': 'steps_done'}]}]}
    answer = admin.post('/v1/blueprints', json=document)
    assert answer.status_code == 201, answer.text
    draft = answer.json()
    steps = admin.get(f'/v1/blueprints/{draft["id"]}/export', params={'format': 'json'}).json()['states'][0]['steps']
    expected = document['states'][0]['steps']
    assert steps == [{k: v for k, v in expected[0].items() if k != 'required'}, expected[1]]  # true need not be said
    state = {**document['states'][0], 'steps': [*expected, {'key': 'survey', 'label': label('Survey')}]}
    answer = admin.call('PUT', f'/v1/blueprints/{draft["id"]}/states/offer', json=state)
    assert answer.status_code == 200, answer.text
    wrong = {**state, 'steps': [*expected, expected[1]]}
    body = problem(admin.call('PUT', f'/v1/blueprints/{draft["id"]}/states/offer', json=wrong), 422, 'validation_failed')
    assert [(e['pointer'], e['code']) for e in body['errors']] == [('/steps/2/key', 'unique')]
