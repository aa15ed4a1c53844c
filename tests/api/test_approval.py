"""Approvals: who asks, who agrees, and what happens with the last vote."""
import pytest

from helpers import CALL, UNKNOWN, blueprint, everything, failures, problem, together

STATES = [('open', 'open'), ('granted', 'won'), ('dropped', 'lost')]


def process(needed=2, actors=None, guards=None):
    actors = actors or [{'kind': 'role', 'value': 'manager'}, {'kind': 'field', 'value': 'owner_id'}]
    return [{'key': 'made', 'kind': 'initial', 'to': 'open'},
            {'key': 'grant', 'from': ['open'], 'to': 'granted', 'approval': {'needed': needed, 'actors': actors},
             'guards': guards or [{'key': 'filled', 'kind': 'field_present', 'params': {'field': 'industry'}}],
             'inputs': [{'key': 'industry', 'kind': 'field', 'label': {'en': 'Industry'}, 'params': {'field': 'industry'}}]},
            {'key': 'drop', 'from': ['open'], 'to': 'dropped'}]


@pytest.fixture
def lead(rows, rep, number):
    """Makes a lead under a process that asks for approval."""
    def make(needed=2, actors=None, guards=None, **members):
        with blueprint(rows, 'lead', f'approval_{number}', STATES, process(needed, actors, guards)):
            return rep.make('leads', last_name=f'Approval {number}', **members)
    return make


@pytest.fixture(scope='module')
def boss(new_user):
    return new_user('manager', name='Boss')


@pytest.fixture(scope='module')
def second(new_user):
    return new_user('manager', name='Second')


def asked(client, lead_id, **body):
    answer = client.move('leads', lead_id, 'grant', **{'fields': {'industry': 'steel'}, 'note': 'Please', **body})
    assert answer.status_code == 202, answer.text
    assert answer.headers['Location'] == f'/v1/approvals/{answer.json()["id"]}'
    return answer.json()


def vote(client, approval, word='approve', **body):
    return client.post(f'/v1/approvals/{approval["id"]}/{word}', json=body)


def queue(client):
    return [a['id'] for a in client.get('/v1/approvals', params={'mine': 'true', 'limit': 200}).json()['items']]


def notes(client, lead_id):
    return [h['detail']['what'] for h in reversed(client.history('leads', lead_id)) if h['action'] == 'approval']


def test_the_last_vote_carries_it_out(rep, boss, second, lead, rows):
    record = lead()
    approval = asked(rep, record['id'])
    assert (approval['status'], approval['needed'], approval['approved'], approval['requested_by']) == (
        'pending', 2, 0, rep.user['id'])
    assert rep.read('leads', record['id']) == record  # nothing of it is written yet
    assert approval['id'] in queue(boss) and approval['id'] in queue(second) and approval['id'] not in queue(rep)
    first = vote(boss, approval, note='Fine').json()
    assert (first['status'], first['approved'], first['votes'][0]['note']) == ('pending', 1, 'Fine')
    assert approval['id'] not in queue(boss)
    assert rep.read('leads', record['id'])['status'] == 'open'
    last = vote(second, approval).json()
    assert (last['status'], last['approved'], last['decided_at'] is not None) == ('done', 2, True)
    moved = rep.read('leads', record['id'])
    assert (moved['status'], moved['industry']) == ('granted', 'steel')
    entry = next(h for h in rep.history('leads', record['id']) if h['action'] == 'transition')
    assert (entry['actor']['id'], entry['detail']['note']) == (second.user['id'], 'Please')
    assert entry['detail']['approval'] == {'id': approval['id'], 'requested_by': rep.user['id'],
                                           'approved_by': [boss.user['id'], second.user['id']]}
    assert notes(rep, record['id']) == ['requested', 'approved', 'approved']
    events = [r['type'] for r in rows('select type from sluice.outbox where record_id = %s order by id', record['id'])]
    assert events == ['lead.created', 'lead.approval_requested', 'lead.approval_approved', 'lead.approval_approved',
                      'lead.transitioned']


def test_guards_come_before_the_question(rep, lead):
    record = lead()
    failures(rep.move('leads', record['id'], 'grant'))
    assert rep.get('/v1/approvals', params={'record': record['id']}).json()['items'] == []


def test_who_asks_does_not_agree(rows, boss, second, number):
    with blueprint(rows, 'lead', f'self_{number}', STATES, process(1)):
        record = boss.make('leads', last_name='Own', owner_id=boss.user['id'])
    approval = asked(boss, record['id'])
    assert approval['id'] not in queue(boss)
    problem(vote(boss, approval), 403, 'not_transition_owner')
    assert vote(second, approval).json()['status'] == 'done'


def test_nobody_votes_twice(rep, boss, lead):
    approval = asked(rep, lead()['id'])
    assert vote(boss, approval).status_code == 200
    problem(vote(boss, approval), 409, 'conflict')
    assert boss.get(f'/v1/approvals/{approval["id"]}').json()['approved'] == 1


def test_others_see_nothing(rep, rep2, viewer, lead):
    approval = asked(rep, lead()['id'])
    for client in (rep2, viewer):
        problem(client.get(f'/v1/approvals/{approval["id"]}'), 404, 'not_found')
        problem(vote(client, approval), 404, 'not_found')
        assert approval['id'] not in [a['id'] for a in client.get('/v1/approvals').json()['items']]
    problem(rep.post(f'/v1/approvals/{UNKNOWN}/approve'), 404, 'not_found')


def test_a_member_of_the_record_names_an_approver(rep, rep2, lead):
    record = lead(needed=1, owner_id=rep2.user['id'])
    approval = asked(rep, record['id'])
    assert vote(rep2, approval).json()['status'] == 'done'
    assert rep.read('leads', record['id'])['status'] == 'granted'


def test_one_refusal_ends_it(rep, boss, second, lead):
    record = lead()
    approval = asked(rep, record['id'])
    refused = vote(boss, approval, 'reject', note='Too cheap').json()
    assert (refused['status'], refused['votes'][0]['approve']) == ('rejected', False)
    problem(vote(second, approval), 409, 'conflict')
    assert rep.read('leads', record['id'])['version'] == record['version']
    assert notes(rep, record['id']) == ['requested', 'rejected']
    assert asked(rep, record['id'])['status'] == 'pending'  # asked for again


def test_it_is_asked_for_once_at_a_time(rep, lead):
    record = lead()
    asked(rep, record['id'])
    problem(rep.move('leads', record['id'], 'grant', fields={'industry': 'x'}), 409, 'conflict')


def test_what_is_not_possible_any_more_says_why(rep, boss, lead):
    record = lead(needed=1, guards=[{'key': 'called', 'kind': 'related_count',
                                     'params': {'of': 'activity', 'kind': 'call', 'min': 1}}])
    call = rep.make('activities', lead_id=record['id'], **CALL)
    approval = asked(rep, record['id'])
    assert boss.delete(f'/v1/activities/{call["id"]}').status_code == 204
    failed = vote(boss, approval).json()
    assert (failed['status'], failed['result']['code']) == ('failed', 'guard_failed')
    assert [f['guard'] for f in failed['result']['failures']] == ['called']
    assert rep.read('leads', record['id'])['status'] == 'open'
    assert notes(rep, record['id']) == ['requested', 'approved', 'failed']


def test_rights_are_those_of_who_asked_by_then(rows, new_user, boss, number):
    leaver = new_user('sales', name='Leaver')
    with blueprint(rows, 'lead', f'leaver_{number}', STATES, process(1)):
        record = leaver.make('leads', last_name='Leaver')
    approval = asked(leaver, record['id'])
    rows("delete from sluice.user_role where user_id = %s", leaver.user['id'])
    failed = vote(boss, approval).json()
    assert (failed['status'], failed['result']['code']) == ('failed', 'forbidden')
    assert boss.read('leads', record['id'])['status'] == 'open'


def test_a_record_that_moves_on_asks_nobody(rep, boss, lead):
    record = lead()
    approval = asked(rep, record['id'])
    rep.moved('leads', record['id'], 'drop')
    outdated = boss.get(f'/v1/approvals/{approval["id"]}').json()
    assert outdated['status'] == 'outdated' and approval['id'] not in queue(boss)
    problem(vote(boss, approval), 409, 'conflict')
    assert notes(rep, record['id']) == ['requested', 'outdated']


def test_two_last_votes_at_once_are_one_move(rep, new_user, lead, rows):
    people = [new_user('manager') for _ in range(4)]
    record = lead(needed=2)
    approval = asked(rep, record['id'])
    answers = together(*[lambda p=p: vote(p, approval) for p in people])
    assert sorted(a.status_code for a in answers) == [200, 200, 409, 409]
    assert rows("select count(*) as n from sluice.audit where record_id = %s and action = 'transition'", record['id'])[0]['n'] == 1
    assert rep.get(f'/v1/approvals/{approval["id"]}').json()['approved'] == 2


def test_dry_runs_ask_nobody(rep, boss, lead, rows):
    record = lead(needed=1)
    before = everything(rows)
    answer = rep.move('leads', record['id'], 'grant', fields={'industry': 'x'}, headers={'Prefer': 'tx=rollback'})
    assert (answer.status_code, everything(rows)) == (202, before)
    approval = asked(rep, record['id'])
    before = everything(rows)
    answer = boss.post(f'/v1/approvals/{approval["id"]}/approve', headers={'Prefer': 'tx=rollback'})
    assert (answer.json()['status'], everything(rows)) == ('done', before)


def test_keys_cannot_ask(new_key, rows, number):
    key = new_key('sales')
    with blueprint(rows, 'lead', f'key_{number}', STATES, process()):
        record = key.make('leads', last_name='Key')
    problem(key.move('leads', record['id'], 'grant', fields={'industry': 'x'}), 403, 'not_transition_owner')


def test_the_listing_tells(rep, lead):
    record = lead()
    (option,) = [t for t in rep.get(f'/v1/leads/{record["id"]}/transitions').json()['items'] if t['key'] == 'grant']
    assert option['approval'] == {'needed': 2, 'actors': [{'kind': 'role', 'value': 'manager'},
                                                          {'kind': 'field', 'value': 'owner_id'}]}

