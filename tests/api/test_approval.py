"""Approvals: who asks, who agrees, and what happens with the last vote."""
import pytest

from daemon import wait_for
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


def test_keys_ask_and_vote_where_their_roles_allow(new_key, boss, rows, number):
    key, other, seller = new_key('sales'), new_key('manager'), new_key('sales')
    with blueprint(rows, 'lead', f'key_{number}', STATES, process()):
        record = key.make('leads', last_name='Key')
    approval = asked(key, record['id'])
    assert (approval['requested_by'], approval['requested_kind']) == (key.key['id'], 'api_key')
    problem(vote(key, approval), 403, 'not_transition_owner')
    problem(vote(seller, approval), 404, 'not_found')
    assert approval['id'] in queue(other) and approval['id'] not in queue(seller)
    assert [(v['user_id'], v['kind']) for v in vote(other, approval).json()['votes']] == [(other.key['id'], 'api_key')]
    problem(vote(other, approval), 409, 'conflict')
    done = vote(boss, approval).json()
    assert (done['status'], sorted(v['kind'] for v in done['votes'])) == ('done', ['api_key', 'user'])
    assert key.read('leads', record['id'])['status'] == 'granted'


def test_the_listing_tells(rep, lead):
    record = lead()
    (option,) = [t for t in rep.get(f'/v1/leads/{record["id"]}/transitions').json()['items'] if t['key'] == 'grant']
    assert option['approval'] == {'needed': 2, 'actors': [{'kind': 'role', 'value': 'manager'},
                                                          {'kind': 'field', 'value': 'owner_id'}]}



# taking it back

def withdraw(client, approval, reason='The customer wants another offer', **more):
    return client.post(f'/v1/approvals/{approval["id"]}/withdraw', json={'reason': reason}, **more)


def test_who_asked_takes_it_back(rep, boss, second, lead, rows):
    record = lead()
    approval = asked(rep, record['id'])
    assert vote(boss, approval).status_code == 200
    problem(withdraw(second, approval), 403, 'not_transition_owner')
    before = everything(rows)
    dry = withdraw(rep, approval, headers={'Prefer': 'tx=rollback'})
    assert (dry.json()['status'], everything(rows)) == ('withdrawn', before)
    taken = withdraw(rep, approval).json()
    assert (taken['status'], taken['result'], taken['version'], taken['decided_at'] is not None) == (
        'withdrawn', {'by': rep.user['id'], 'reason': 'The customer wants another offer'}, 3, True)
    assert approval['id'] not in queue(second)
    problem(vote(second, approval), 409, 'conflict')
    problem(withdraw(rep, approval), 409, 'conflict')
    assert rep.read('leads', record['id']) == record
    assert notes(rep, record['id']) == ['requested', 'approved', 'withdrawn']
    entry = next(h for h in rep.history('leads', record['id']) if h['action'] == 'approval')
    assert (entry['actor']['id'], entry['detail']['reason']) == (rep.user['id'], 'The customer wants another offer')
    assert [r['type'] for r in rows("select type from sluice.outbox where record_id = %s order by id desc limit 1", record['id'])] == [
        'lead.approval_withdrawn']
    assert asked(rep, record['id'])['approved'] == 0  # a new question begins without votes


def test_who_may_break_the_glass_takes_it_back_too(rep, rep2, admin, boss, lead):
    record = lead()
    approval = asked(rep, record['id'])
    problem(withdraw(rep2, approval), 404, 'not_found')
    problem(admin.post(f'/v1/approvals/{approval["id"]}/withdraw', json={}), 422, 'validation_failed')
    problem(withdraw(admin, {'id': UNKNOWN}), 404, 'not_found')
    assert withdraw(admin, approval).json()['result']['by'] == admin.user['id']
    assert approval['id'] not in queue(boss)


def test_whoever_loses_the_role_is_not_asked_any_more(rep, boss, new_user, lead, rows):
    """The vote that was given stays; one that was not is not asked for."""
    early, late = new_user('manager'), new_user('manager')
    record = lead(needed=2)
    approval = asked(rep, record['id'])
    assert vote(early, approval).json()['approved'] == 1
    assert approval['id'] in queue(late)
    rows("update sluice.user_role set role = 'viewer' where user_id = any (%s::uuid[])", [early.user['id'], late.user['id']])
    assert approval['id'] not in queue(late)
    problem(vote(late, approval), 404, 'not_found')
    assert early.get(f'/v1/approvals/{approval["id"]}').json()['approved'] == 1
    assert vote(boss, approval).json()['status'] == 'done'


# the guard

def option(client, lead_id, key='grant'):
    return next(t for t in client.get(f'/v1/leads/{lead_id}/transitions').json()['items'] if t['key'] == key)


CHEAP_OR_AGREED = [
    {'key': 'cheap_or_agreed', 'op': 'any', 'guards': [
        {'key': 'cheap', 'kind': 'field_compare', 'params': {'field': 'estimated_value.amount', 'op': 'lte', 'value': '1000'}},
        {'key': 'agreed', 'kind': 'approval'}]},
    {'key': 'filled', 'kind': 'field_present', 'params': {'field': 'industry'}}]


def test_a_guard_makes_approval_conditional(rep, boss, second, rows, number):
    """Below the limit nobody is asked; above it, who agrees is what the guard sees."""
    with blueprint(rows, 'lead', f'conditional_{number}', STATES, process(guards=CHEAP_OR_AGREED)):
        cheap, dear = (rep.make('leads', last_name='Worth', estimated_value={'amount': amount, 'currency': 'PLN'})
                       for amount in ('1000', '1000.01'))
    assert rep.moved('leads', cheap['id'], 'grant', fields={'industry': 'steel'})['status'] == 'granted'
    assert option(rep, dear['id'])['available'] is False
    found = failures(rep.move('leads', dear['id'], 'grant'))
    assert list(found) == ['filled'], 'approval is asked for, it is not missing'
    approval = asked(rep, dear['id'])
    rep.patch(f'/v1/leads/{dear["id"]}', json={'industry': 'steel'})
    assert option(rep, dear['id'])['available'] is True, 'executing it asks'
    vote(boss, approval)
    (group, _) = option(rep, dear['id'])['guards']
    assert [(g['guard'], g['passed'], g['observed'], g['expected']) for g in group['guards']][1] == (
        'agreed', False, 1, {'transition': 'grant', 'min': 2})
    assert group['guards'][1]['message'] == 'So many must have agreed to "grant": 2 (so far: 1).'
    assert vote(second, approval).json()['status'] == 'done'
    entry = next(h for h in rep.history('leads', dear['id']) if h['action'] == 'transition')
    verdict = entry['detail']['verdicts']['guards'][0]['guards'][1]
    assert (verdict['kind'], verdict['passed'], verdict['observed']) == ('approval', True, 2)


def test_a_guard_waits_for_the_approval_of_another_move(rep, boss, second, rows, number):
    """A move that leads back where it came from collects agreement; what follows needs it, in this stay."""
    moves = [{'key': 'made', 'kind': 'initial', 'to': 'open'},
             {'key': 'ask', 'from': ['open'], 'to': 'open',
              'approval': {'needed': 2, 'actors': [{'kind': 'role', 'value': 'manager'}]}},
             {'key': 'grant', 'from': ['open'], 'to': 'granted',
              'guards': [{'key': 'agreed', 'kind': 'approval', 'params': {'transition': 'ask'}}]},
             {'key': 'back', 'from': ['granted'], 'to': 'open'}]
    with blueprint(rows, 'lead', f'other_{number}', STATES, moves):
        record = rep.make('leads', last_name='Other')
    f = failures(rep.move('leads', record['id'], 'grant'))['agreed']
    assert (f['kind'], f['observed'], f['expected'], f['path'], f['pointer']) == (
        'approval', 0, {'transition': 'ask', 'min': 2}, 'approvals', None)
    for word, seen in (('reject', 0), ('withdraw', 0)):
        approval = rep.move('leads', record['id'], 'ask').json()
        if word == 'withdraw':
            vote(boss, approval)
            assert failures(rep.move('leads', record['id'], 'grant'))['agreed']['observed'] == 1
            assert withdraw(rep, approval).status_code == 200
        else:
            vote(boss, approval, 'reject')
        assert failures(rep.move('leads', record['id'], 'grant'))['agreed']['observed'] == seen
    approval = rep.move('leads', record['id'], 'ask').json()
    vote(boss, approval)
    assert vote(second, approval).json()['status'] == 'done'
    assert rep.moved('leads', record['id'], 'grant')['status'] == 'granted'
    rep.moved('leads', record['id'], 'back')
    assert failures(rep.move('leads', record['id'], 'grant'))['agreed']['observed'] == 0, 'that was another stay'


def test_what_waits_for_votes_happens_by_itself(rep, boss, second, rows, number):
    moves = [{'key': 'made', 'kind': 'initial', 'to': 'open'},
             {'key': 'ask', 'from': ['open'], 'to': 'dropped',
              'approval': {'needed': 2, 'actors': [{'kind': 'role', 'value': 'manager'}]}},
             {'key': 'grant', 'from': ['open'], 'to': 'granted', 'auto': {'when': True},
              'guards': [{'key': 'agreed', 'kind': 'approval', 'params': {'transition': 'ask', 'needed': 1}}]}]
    with blueprint(rows, 'lead', f'byitself_{number}', STATES, moves):
        record = rep.make('leads', last_name='By itself')
    approval = rep.move('leads', record['id'], 'ask').json()
    vote(boss, approval)
    wait_for(lambda: rep.read('leads', record['id'])['status'] == 'granted', 20, 'the move')
    assert boss.get(f'/v1/approvals/{approval["id"]}').json()['status'] == 'outdated'
    problem(vote(second, approval), 409, 'conflict')


def test_the_why_view_shows_who_agreed(rep, boss, second, lead):
    record = lead()
    approval = asked(rep, record['id'])
    vote(boss, approval, note='Fine')
    vote(second, approval)
    entries = {(h['action'], h['detail'].get('note')): h['seq'] for h in rep.history('leads', record['id']) if h['detail']}
    why = rep.get(f'/v1/leads/{record["id"]}/history/{entries["transition", "Please"]}').json()
    assert why['approval'] == {'id': approval['id'], 'requested_by': rep.user['id'],
                               'approved_by': [boss.user['id'], second.user['id']]}
    why = rep.get(f'/v1/leads/{record["id"]}/history/{entries["approval", "Fine"]}').json()
    assert (why['approval'], why['actor']['id'], why['verdicts']) == (
        {'approval_id': approval['id'], 'what': 'approved', 'note': 'Fine'}, boss.user['id'], None)
