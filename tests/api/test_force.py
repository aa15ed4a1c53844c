"""Breaking the glass: a permission, a reason, and a trace."""
import pytest

from helpers import CALL, blueprint, everything, failures, fault, problem

REASON = 'The customer is in the office now'


@pytest.fixture(scope='module')
def breaker(rows, new_user, admin):
    """Somebody who may break the glass, and nothing else that sales may not."""
    rows("insert into sluice.role (key, label, position) values ('breaker', '{\"en\": \"Breaker\"}', 90) on conflict do nothing")
    rows("insert into sluice.role_permission (role, permission) values ('breaker', 'transition.force') on conflict do nothing")
    return new_user('sales', 'breaker')


def forced(client, lead_id, key, reason=REASON, **body):
    return client.move('leads', lead_id, key, force={'reason': reason}, **body)


def test_guards_are_skipped_and_the_history_says_so(breaker, rows):
    lead = breaker.make('leads', last_name='Glass')
    failures(breaker.move('leads', lead['id'], 'contacted'))
    answer = forced(breaker, lead['id'], 'contacted')
    assert (answer.status_code, answer.json()['status']) == (200, 'contacted')
    entry = next(h for h in breaker.history('leads', lead['id']) if h['action'] == 'transition')
    assert entry['detail']['forced']['reason'] == REASON
    assert [f['guard'] for f in entry['detail']['forced']['failures']] == ['call_logged']
    assert entry['detail']['verdicts']['passed'] is False
    events = rows("""select o.type, a.action from sluice.outbox o join sluice.audit a on a.seq = o.audit_seq
                      where o.record_id = %s and o.type like '%%forced'""", lead['id'])
    assert [(e['type'], e['action']) for e in events] == [('lead.transition_forced', 'transition')]


def test_it_needs_its_permission(rep, rows):
    lead = rep.make('leads', last_name='Unbroken')
    before = everything(rows)
    problem(forced(rep, lead['id'], 'contacted'), 403, 'forbidden')
    assert rep.read('leads', lead['id'])['version'] == 1
    after = everything(rows)
    assert (after['visit'], after['outbox'], after['audit']) == (before['visit'], before['outbox'], before['audit'] + 1)


@pytest.mark.parametrize('force, where', [({}, '/force/reason'), ({'reason': 'short'}, '/force/reason'),
                                          ({'reason': None}, '/force/reason')])
def test_it_needs_a_reason(breaker, force, where):
    lead = breaker.make('leads', last_name='Silent')
    body = problem(breaker.move('leads', lead['id'], 'contacted', force=force), 422, 'validation_failed')
    assert [e['pointer'] for e in body['errors']] == [where]


def test_edges_stay(breaker):
    lead = breaker.make('leads', last_name='Edges')
    problem(forced(breaker, lead['id'], 'qualified'), 409, 'no_such_transition')
    assert breaker.read('leads', lead['id'])['status'] == 'open'


def test_inputs_stay(breaker):
    lead = breaker.make('leads', last_name='Inputs')
    fault(forced(breaker, lead['id'], 'unqualified', fields={'unqualified_reason': 'mood'}), 422, 'validation_failed',
          '/fields/unqualified_reason', 'enum')


def test_others_moves_too(breaker, rows, number):
    states = [('a', 'open'), ('b', 'won')]
    moves = [{'key': 'made', 'kind': 'initial', 'to': 'a'},
             {'key': 'go', 'from': ['a'], 'to': 'b', 'actors': [{'kind': 'role', 'value': 'verifier'}]}]
    with blueprint(rows, 'lead', f'others_{number}', states, moves):
        lead = breaker.make('leads', last_name='Others')
    problem(breaker.move('leads', lead['id'], 'go'), 403, 'not_transition_owner')
    assert forced(breaker, lead['id'], 'go').json()['status'] == 'b'


def test_a_move_that_needs_no_force_is_told_as_forced_all_the_same(breaker):
    lead = breaker.make('leads', last_name='Needless')
    assert forced(breaker, lead['id'], 'contacted', activities=[CALL]).status_code == 200
    entry = next(h for h in breaker.history('leads', lead['id']) if h['action'] == 'transition')
    assert entry['detail']['forced'] == {'reason': REASON}
