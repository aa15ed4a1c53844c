"""A rule that refuses duplicates holds for what moves write by themselves, too: actions, moves that nobody makes, the last
vote of an approval. Who moved is told; where nobody did, the history."""
import pytest

from daemon import wait_for
from helpers import STATES, blueprint, born, label
from test_duplicates import refused, rule, word  # noqa: F401 pylint: disable=unused-import

INDUSTRY = {'key': 'industry', 'kind': 'field_present', 'params': {'field': 'industry'}}
REASON = {'acknowledge_duplicates': {'reason': 'Brothers'}}


def sets(field, **params):
    return {'key': f'set_{field}', 'kind': 'set_field', 'params': {'field': field, **params}}


@pytest.fixture
def lead(rows, mkt, word):
    """Makes a lead whose way "go" writes the address that the first one has."""
    mail = f'{word}@example.com'
    first = mkt.make('leads', last_name='First', email=mail)

    def make(**more):
        made, go = born()
        go = {**go, 'actions': [sets('email', value=mail)], **more}
        with blueprint(rows, 'lead', f'm_{word}', STATES, [made, go]):
            return mkt.make('leads', last_name='Second', email=f'{word}2@example.com')
    make.first, make.mail = first, mail
    return make


def denied(client, record):
    return [(h['transition'], h['detail']['code'], h['actor']['kind']) for h in client.history('leads', record['id'])
            if h['action'] == 'denied']


def pairs(verifier, record):
    return verifier.get('/v1/duplicates', params={'record': record['id']}).json()['items']


def test_an_action_is_a_write_like_any_other(admin, mkt, verifier, lead):
    second = lead()
    with rule(admin, 'lead', 'email', mode='refuse'):
        match = refused(mkt.move('leads', second['id'], 'go'), 'email', False)
        assert match['id'] == lead.first['id']
        assert mkt.read('leads', second['id']) == second and pairs(verifier, second) == []
        assert denied(mkt, second) == [('go', 'duplicate', 'user')]
        (entry,) = [h for h in mkt.history('leads', second['id']) if h['action'] == 'denied']
        assert (entry['from_state'], entry['to_state'], entry['operation']) == ('new', None, 'lead_transition')
        assert [f['rule'] for f in entry['detail']['failures']] == [match['rule']]
        bulk = mkt.post('/v1/leads/transitions/go', json={'ids': [second['id']]}).json()['items']
        assert [(i['status'], i['problem']['code']) for i in bulk] == [(409, 'duplicate')]
    with rule(admin, 'lead', 'email', mode='acknowledge'):
        refused(mkt.move('leads', second['id'], 'go'), 'email', True)
        moved = mkt.move('leads', second['id'], 'go', **REASON)
        assert (moved.status_code, moved.json()['email'], moved.json()['status']) == (200, lead.mail, 'over')
    assert [p['reason'] for p in pairs(verifier, second)] == ['Brothers']


def test_the_action_counts_and_not_the_input(admin, mkt, word, lead):
    """What is written is what the action sets; the request's own value, a duplicate or not, never gets there."""
    inputs = [{'key': 'email', 'kind': 'field', 'required': False, 'label': label('E-mail'), 'params': {'field': 'email'}}]
    second = lead(inputs=inputs)
    with rule(admin, 'lead', 'email', mode='refuse'):
        refused(mkt.move('leads', second['id'], 'go', fields={'email': f'{word}3@example.com'}), 'email', False)


def test_emptying_a_field_is_no_duplicate(rows, admin, mkt, word):
    mkt.make('leads', last_name='First', phone='+48 22 123 45 67')
    with blueprint(rows, 'lead', f'm_{word}', STATES, born(actions=[sets('email', **{'from': 'nothing'})])):
        second = mkt.make('leads', last_name='Second', email=f'{word}2@example.com')
    with rule(admin, 'lead', 'email', mode='refuse'):
        moved = mkt.move('leads', second['id'], 'go')
        assert (moved.status_code, moved.json()['email']) == (200, None)
        mkt.make('leads', last_name='Third', email=f'{word}2@example.com')  # the key is free again


def test_a_move_that_waits_for_its_guards(rows, admin, mkt, verifier, lead):
    """The write stands, the move is refused, and the history says so; it happens when nothing speaks against it."""
    second = lead(auto={'when': True}, guards=[INDUSTRY])
    with rule(admin, 'lead', 'email', mode='refuse'):
        changed = mkt.patched('leads', second['id'], industry='steel')
        assert (changed['industry'], changed['status'], changed['email']) == ('steel', 'new', second['email'])
        wait_for(lambda: denied(mkt, second))
        assert denied(mkt, second) == [('go', 'duplicate', 'timer')]
        assert rows('select count(*) from sluice.recheck where record_id = %s', second['id'])[0]['count'] == 0
        assert mkt.read('leads', second['id'])['status'] == 'new' and pairs(verifier, second) == []
    mkt.patched('leads', lead.first['id'], email=None)
    assert mkt.patched('leads', second['id'], company='Huta')['status'] == 'over'
    assert mkt.read('leads', second['id'])['email'] == lead.mail


def test_a_move_of_the_clock(rows, admin, mkt, verifier, lead):
    with rule(admin, 'lead', 'email', mode='refuse'):
        second = lead(auto={'after_s': 1})
        wait_for(lambda: denied(mkt, second))
        assert denied(mkt, second) == [('go', 'duplicate', 'timer')]
        timer, = rows('select refused, result from sluice.timer where record_id = %s and what = %s', second['id'], 'move')
        assert (timer['refused'], timer['result']) == (True, {'outcome': 'refused', 'code': 'duplicate'})
        assert mkt.read('leads', second['id'])['status'] == 'new' and pairs(verifier, second) == []


def test_a_move_of_the_clock_that_a_constraint_refuses(rows, mkt, word):
    """It was tried every half a minute for ever."""
    mkt.make('leads', last_name='First', external_id=f'x-{word}')
    with blueprint(rows, 'lead', f'm_{word}', STATES,
                   born(auto={'after_s': 1}, actions=[sets('external_id', value=f'x-{word}')])):
        second = mkt.make('leads', last_name='Second')
    wait_for(lambda: denied(mkt, second))
    assert denied(mkt, second) == [('go', 'conflict', 'timer')]
    assert mkt.read('leads', second['id'])['external_id'] is None


def test_the_last_vote_counts_and_the_move_is_refused(admin, mkt, manager, verifier, lead):
    second = lead(approval={'needed': 1, 'actors': [{'kind': 'role', 'value': 'manager'}]})
    asked = mkt.move('leads', second['id'], 'go')
    assert asked.status_code == 202, asked.text
    with rule(admin, 'lead', 'email', mode='refuse'):
        answer = manager.post(f'/v1/approvals/{asked.json()["id"]}/approve', json={'note': 'Fine'})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told['status'], told['approved'], [(v['approve'], v['note']) for v in told['votes']]) == (
        'failed', 1, [(True, 'Fine')])
    assert told['result'] == {
        'code': 'duplicate', 'detail': 'This is there already.',
        'failures': [{'entity': 'lead', 'rule': 'email', 'mode': 'refuse', 'score': 1}]}
    assert mkt.read('leads', second['id']) == second and pairs(verifier, second) == []
    notes = [h['detail']['what'] for h in mkt.history('leads', second['id']) if h['action'] == 'approval']
    assert notes == ['failed', 'approved', 'requested']
