"""The guard in_segment: what a segment says of an account decides moves of the account and of its deals."""
import pytest

from helpers import STATES, blueprint, born, failures, label, problem
from test_blueprints import findings, guard_of, key, process  # noqa: F401 pylint: disable=unused-import
from test_simulation import MOVES, process as versions, simulate  # noqa: F401 pylint: disable=unused-import


@pytest.fixture
def steel(admin, number):
    """A segment of accounts in steel."""
    made = admin.make('segments', key=f'steel_{number}', label=label('Steel'),
                      rule={'kind': 'field', 'field': 'industry', 'op': 'eq', 'value': f'steel {number}'})
    yield made
    assert admin.delete(f'/v1/segments/{made["id"]}').status_code in (204, 404)


def guarded(**params):
    made, go = born()
    return [made, {**go, 'guards': [{'key': 'g', 'kind': 'in_segment', 'params': params}]}]


def test_a_deal_of_an_account_in_it(rows, rep, steel, number):
    account = rep.make('accounts', name=f'Segment {number}')['id']
    with blueprint(rows, 'opportunity', f'seg_{number}', STATES, guarded(segment=steel['key'])):
        deal = rep.make('opportunities', name='Deal', account_id=account)
    said = failures(rep.move('opportunities', deal['id'], 'go'))['g']
    assert {k: said[k] for k in ('kind', 'path', 'observed', 'expected', 'message')} == {
        'kind': 'in_segment', 'path': 'segments', 'observed': False, 'expected': {'segment': steel['key']},
        'message': f'The account must be in the segment "{steel["key"]}".'}
    polish = rep.post(f'/v1/opportunities/{deal["id"]}/transitions/go', json={}, headers={'Accept-Language': 'pl'})
    assert failures(polish)['g']['message'] == f'Firma musi należeć do segmentu „{steel["key"]}”.'
    rep.patched('accounts', account, industry=f'steel {number}')
    listed = {t['key']: t for t in rep.get(f'/v1/opportunities/{deal["id"]}/transitions').json()['items']}
    assert listed['go']['available'] is True
    assert rep.moved('opportunities', deal['id'], 'go')['stage'] == 'over'


def test_an_account_that_must_not_be_in_it(rows, rep, steel, number):
    with blueprint(rows, 'account', f'seg_{number}', STATES, guarded(segment=steel['key'], **{'not': True})):
        inside = rep.make('accounts', name=f'Inside {number}', industry=f'steel {number}')
        outside = rep.make('accounts', name=f'Outside {number}')
    said = failures(rep.move('accounts', inside['id'], 'go'))['g']
    assert (said['observed'], said['message']) == (True, f'The account must not be in the segment "{steel["key"]}".')
    assert rep.moved('accounts', outside['id'], 'go')['verification'] == 'over'


def test_the_account_of_a_lead(rows, mkt, steel, number):
    """One that has none is in no segment."""
    with blueprint(rows, 'lead', f'seg_{number}', STATES, guarded(segment=steel['key'])):
        lead = mkt.make('leads', last_name='Nowak')
    assert failures(mkt.move('leads', lead['id'], 'go'))['g']['observed'] is False


def test_what_changes_under_a_decision_is_seen(rows, rep, steel, number):
    """The segments are part of what a move stands on."""
    account = rep.make('accounts', name=f'Segment {number}')['id']
    with blueprint(rows, 'opportunity', f'seg_{number}', STATES, guarded(segment=steel['key'])):
        deal = rep.make('opportunities', name='Deal', account_id=account)

    def evidence():
        return rows("""select sluice.whole_evidence('opportunity', o.id, o.blueprint_version_id, '') as print
                         from sluice.opportunity o where o.id = %s""", deal['id'])[0]['print']
    assert evidence() == '/g[]'  # no guard of another test asks for segments of this one
    rep.patched('accounts', account, industry=f'steel {number}')
    assert evidence() == f'/g["{steel["key"]}"]'


def test_a_simulation_knows_the_segments_of_both_versions(rows, admin, mkt, rep, steel, versions, number):
    wood = admin.make('segments', key=f'wood_{number}', label=label('Wood'),
                      rule={'kind': 'field', 'field': 'city', 'op': 'eq', 'value': f'wood {number}'})

    def moves(segment):
        return [MOVES[0], {**MOVES[1], 'guards': [{'key': 'g', 'kind': 'in_segment', 'params': {'segment': segment}}]}, MOVES[2]]
    versions.version(1, moves=moves(steel['key']))
    made = [mkt.make('leads', last_name='Nowak')['id'] for _ in range(3)]
    new = versions.version(2, moves=moves(wood['key']))
    accounts = [rep.make('accounts', name=f'{n} {number}', **{k: f'{v} {number}' for k, v in more.items()})['id']
                for n, more in (('Steel', {'industry': 'steel'}), ('Wood', {'city': 'wood'}),
                                ('Both', {'industry': 'steel', 'city': 'wood'}))]
    for lead, account in zip(made, accounts):
        rows('update sluice.lead set account_id = %s where id = %s', account, lead)
    contacted = simulate(admin, new)[2]['contacted']
    assert (contacted['before'], contacted['after'], contacted['lost'], contacted['gained']) == (2, 2, 1, 1)
    assert contacted['examples'] == {'lost': [made[0]], 'gained': [made[1]]}


def test_a_segment_that_a_guard_names_stays(admin, steel, key):
    document = process(key)
    guard_of('in_segment', {'segment': steel['key']})(document)
    made = admin.make('blueprints', **document)
    said = problem(admin.delete(f'/v1/segments/{steel["id"]}'), 409, 'in_use')
    assert said['detail'].startswith(f'The process "{key}" (a draft) asks for it in the guard "')
    assert admin.delete(f'/v1/blueprints/{made["id"]}').status_code == 204
    assert admin.delete(f'/v1/segments/{steel["id"]}').status_code == 204


def test_a_segment_that_is_not_there(admin, key):
    document = process(key)
    guard_of('in_segment', {'segment': 'nowhere'})(document)
    made = admin.make('blueprints', **document)
    assert ('error', 'unknown_segment', '/transitions/2/guards/0/params/segment') in findings(admin, made['id'])
    problem(admin.post(f'/v1/blueprints/{made["id"]}/publish', json={}), 422, 'lint_failed')
    guard_of('in_segment', {})(document)
    said = problem(admin.call('PUT', f'/v1/blueprints/{made["id"]}', json=document), 422, 'validation_failed')
    assert [(e['pointer'], e['detail']) for e in said['errors']] == [('/transitions/2/guards/0/params/segment', 'It is required.')]
