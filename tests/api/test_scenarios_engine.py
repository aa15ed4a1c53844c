"""What the engine promises, scenario by scenario: those that no other file tells from end to end."""
import re

import pytest

from contract import ROOT
from daemon import wait_for
from helpers import CALL, SURVEY, blueprint, everything, fault, label, problem

TOLD = (*range(1, 30), *range(33, 52))


@pytest.mark.parametrize('number', TOLD)
def test_every_scenario_is_named_by_a_test(number):
    """In its first lines: "Scenario 16", "Scenarios 24 and 25", "scenario 39, for 24 and 34 to 37"."""
    named = set()
    for path in (ROOT / 'tests' / 'api').glob('test_*.py'):
        for said in re.findall(r'def test_\w+\(.*?\):\n +"""(.*?)"""', path.read_text(), re.S):
            found = re.search(r'[Ss]cenarios? (\d+)(?: and (\d+))?', said)
            named |= {int(n) for n in found.groups() if n} if found else set()
    assert number in named


def choices(client, lead_id):
    return {t['key'] for t in client.get(f'/v1/leads/{lead_id}/transitions').json()['items']}


def shaped(key, nurture):
    """A process for leads, with the state `nurture` or without it."""
    states = [('open', 'open'), ('qualified', 'open'), ('unqualified', 'lost')] + ([('nurture', 'postponed')] if nurture else [])
    moves = [{'key': 'created', 'kind': 'initial', 'to': 'open'},
             {'key': 'qualify', 'from': ['open'], 'to': 'qualified'},
             {'key': 'drop', 'from': ['open', 'qualified'], 'to': 'unqualified'}]
    if nurture:
        moves += [{'key': 'nurture', 'from': ['qualified', 'unqualified'], 'to': 'nurture'},
                  {'key': 'wake', 'from': ['nurture'], 'to': 'unqualified'}]
    return {'entity': 'lead', 'key': key, 'label': label(key), 'priority': 950,
            'states': [{'key': k, 'category': c, 'label': label(k)} for k, c in states],
            'transitions': [{'label': label(t['key']), **t} for t in moves]}


def in_force(admin, document, draft_id):
    path = f'/v1/blueprints/{draft_id}'
    assert admin.call('PUT', path, json=document).status_code == 200
    answer = admin.post(f'{path}/publish', json={})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_custom_status_at_run_time(admin, mkt, number):
    """Scenario 16: without a restart new leads offer it; the others behave as before until they are migrated."""
    key = f'custom_{number}'
    draft = admin.post('/v1/blueprints', json=shaped(key, False)).json()
    one = in_force(admin, shaped(key, False), draft['id'])
    now = one
    try:
        old = {state: mkt.make('leads', last_name='Old') for state in ('open', 'qualified', 'unqualified')}
        mkt.moved('leads', old['qualified']['id'], 'qualify')
        mkt.moved('leads', old['unqualified']['id'], 'drop')
        copy = admin.post(f'/v1/blueprints/{one["id"]}/draft', json={}).json()
        two = now = in_force(admin, shaped(key, True), copy['id'])
        assert two['number'] == one['number'] + 1
        new = mkt.make('leads', last_name='New')
        assert choices(mkt, new['id']) == {'qualify', 'drop'}
        mkt.moved('leads', new['id'], 'qualify')
        assert choices(mkt, new['id']) == {'drop', 'nurture'}
        assert mkt.moved('leads', new['id'], 'nurture')['status'] == 'nurture'
        assert mkt.moved('leads', new['id'], 'wake')['status'] == 'unqualified'
        assert choices(mkt, new['id']) == {'nurture'}
        assert {state: choices(mkt, lead['id']) for state, lead in old.items()} == {
            'open': {'qualify', 'drop'}, 'qualified': {'drop'}, 'unqualified': set()}
        body = problem(mkt.move('leads', old['qualified']['id'], 'nurture'), 409, 'no_such_transition')
        assert [t['key'] for t in body['legal']] == ['drop']
        left = admin.post(f'/v1/blueprints/{two["id"]}/migrations', json={'from': one['id']})
        assert left.status_code == 202, left.text
        wait_for(lambda: admin.get(f'/v1/jobs/{left.json()["id"]}').json()['status'] == 'done', 60, 'the migration')
        assert {state: choices(mkt, lead['id']) for state, lead in old.items()} == {
            'open': {'qualify', 'drop'}, 'qualified': {'drop', 'nurture'}, 'unqualified': {'nurture'}}
    finally:
        admin.post(f'/v1/blueprints/{now["id"]}/retire')


def test_the_state_has_one_way_in(admin, rep, rows, number):
    """Scenario 26: PATCH by a salesperson and by an administrator, a move's fields, a bulk, a rule's action: one code."""
    with blueprint(rows, 'opportunity', f'governed_{number}', [('new', 'open'), ('won', 'won')],
                   [{'key': 'made', 'kind': 'initial', 'to': 'new'}, {'key': 'win', 'from': ['new'], 'to': 'won'}]):
        account = rep.make('accounts', name='Governed')
        deal = rep.make('opportunities', name='Governed', account_id=account['id'])
    path = f'/v1/opportunities/{deal["id"]}'
    for client in (rep, admin):
        fault(client.patch(path, json={'stage': 'won'}), 422, 'governed_field', '/stage', 'governed_field')
    fault(rep.post('/v1/opportunities', json={'name': 'Born', 'account_id': account['id'], 'stage': 'won'}),
          422, 'governed_field', '/stage', 'governed_field')
    fault(rep.move('opportunities', deal['id'], 'win', fields={'stage': 'won'}), 422, 'governed_field', '/fields/stage',
          'governed_field')
    (item,) = rep.post('/v1/opportunities/transitions/win', json={'ids': [deal['id']], 'fields': {'stage': 'won'}}).json()['items']
    assert (item['status'], item['problem']['code'], [e['pointer'] for e in item['problem']['errors']]) == (
        422, 'governed_field', ['/fields/stage'])
    document = shaped(f'acting_{number}', False)
    document['transitions'][1]['actions'] = [{'key': 'a', 'kind': 'set_field', 'params': {'field': 'status', 'value': 'qualified'}}]
    before = everything(rows)
    fault(admin.post('/v1/blueprints', json=document), 422, 'governed_field', '/transitions/1/actions/0/params/field',
          'governed_field')
    assert everything(rows) == before
    now = rep.read('opportunities', deal['id'])
    assert (now['stage'], now['version']) == ('new', 1)


def test_a_dry_run_uses_nothing_up(mkt, rows):
    """Scenario 39: rows of every table and every sequence stand where they stood, refused or not."""
    def sequences():
        return {r['name']: r['last'] for r in rows(
            "select sequencename as name, last_value as last from pg_sequences where schemaname = 'sluice'")}
    lead = mkt.make('leads', last_name='Dry')
    before, numbers = everything(rows), sequences()
    assert numbers
    for body, status in (({}, 422), ({'activities': [{'kind': 'call'}]}, 422), ({'activities': [CALL], 'note': 'n'}, 200)):
        answer = mkt.move('leads', lead['id'], 'contacted', headers={'Prefer': 'tx=rollback'}, **body)
        assert (answer.status_code, everything(rows), sequences()) == (status, before, numbers)
    mkt.moved('leads', lead['id'], 'contacted', activities=[CALL])
    before, numbers = everything(rows), sequences()
    answer = mkt.move('leads', lead['id'], 'qualified', headers={'Prefer': 'tx=rollback'}, fields={'industry': 'x'},
                      activities=[SURVEY])
    assert (answer.status_code, everything(rows), sequences()) == (200, before, numbers)
