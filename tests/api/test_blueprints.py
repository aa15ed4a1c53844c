"""Processes are edited, judged, compared and put in force by API and by text."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from contract import ROOT
from helpers import UNKNOWN, fault, problem, together

YAML = {'Content-Type': 'application/yaml'}
SLUICECTL = str(Path(os.environ.get('SLUICE_BIN', str(ROOT / 'build' / 'sluiced'))).with_name('sluicectl'))


def label(text):
    return {'en': text, 'pl': text, 'ru': text}


def process(key, **members):
    """A small process that works."""
    sla = {'sla': [{'key': 'late', 'after': 'P5D', 'what': 'warn'}]}
    return {
        'entity': 'lead', 'key': key, 'label': label(key), 'priority': -500,
        'states': [{'key': 'open', 'label': label('Open'), 'category': 'open', **sla},
                   {'key': 'waiting', 'label': label('Waiting'), 'category': 'postponed', **sla},
                   {'key': 'done', 'label': label('Done'), 'category': 'done'}],
        'transitions': [
            {'key': 'created', 'label': label('Created'), 'kind': 'initial', 'to': 'open'},
            {'key': 'wait', 'label': label('Wait'), 'from': ['open'], 'to': 'waiting'},
            {'key': 'finish', 'label': label('Finish'), 'from': ['open', 'waiting'], 'to': 'done',
             'guards': [{'key': 'industry_filled', 'kind': 'field_present', 'params': {'field': 'industry'}}],
             'inputs': [{'key': 'industry', 'kind': 'field', 'label': label('Industry'), 'params': {'field': 'industry'}}]},
        ], **members}


@pytest.fixture
def key(number):
    return f'process_{number}'


@pytest.fixture
def draft(admin, key):
    return begin(admin, process(key))


def begin(client, document):
    answer = client.post('/v1/blueprints', json=document)
    assert answer.status_code == 201, answer.text
    return answer.json()


def put(client, path, document, **more):
    return client.call('PUT', path, json=document, **more)


def publish(client, draft_id, **body):
    return client.post(f'/v1/blueprints/{draft_id}/publish', json=body)


def published(client, draft_id, **body):
    answer = publish(client, draft_id, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def copy_of(client, version_id, **body):
    answer = client.post(f'/v1/blueprints/{version_id}/draft', json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers['Location'] == f'/v1/blueprints/{answer.json()["id"]}'
    return answer.json()


def findings(client, version_id):
    answer = client.post(f'/v1/blueprints/{version_id}/lint')
    assert answer.status_code == 200, answer.text
    return [(f['severity'], f['code'], f['pointer']) for f in answer.json()['lint']['findings']]


def export(client, version_id, kind='yaml'):
    answer = client.get(f'/v1/blueprints/{version_id}/export', params={'format': kind})
    assert answer.status_code == 200 and answer.headers['Content-Type'].startswith(f'application/{kind}')
    return answer.text


def plan(client, text, media='application/yaml'):
    answer = client.call('POST', '/v1/blueprints/plan', data=text.encode(), headers={'Content-Type': media})
    assert answer.status_code == 200, answer.text
    return answer.json()


def apply(client, document, **params):
    return client.post('/v1/blueprints/apply', json=document, params=params)


def pointers(answer):
    return {(e['pointer'], e['code']) for e in problem(answer, 422, 'validation_failed')['errors']}


# drafts

def test_a_draft_is_begun_written_and_thrown_away(admin, draft, key):
    assert (draft['status'], draft['number'], draft['based_on'], draft['version']) == ('draft', 1, None, 1)
    assert [s['key'] for s in draft['states']] == ['open', 'waiting', 'done']
    path = f'/v1/blueprints/{draft["id"]}'
    assert admin.get(path).json()['transitions'][2]['guards'][0]['params'] == {'field': 'industry'}
    listed = admin.get('/v1/blueprints', params={'status': 'draft', 'key': key}).json()['items']
    assert [v['id'] for v in listed] == [draft['id']]

    changed = process(key, note='Less waiting')
    del changed['states'][1], changed['transitions'][1]
    changed['transitions'][1]['from'] = ['open']
    answer = put(admin, path, changed, headers={'If-Match': '"1"'})
    assert answer.status_code == 200 and answer.headers['ETag'] == '"2"'
    assert [s['key'] for s in answer.json()['states']] == ['open', 'done']
    assert answer.json()['note'] == 'Less waiting'
    assert put(admin, path, changed).headers['ETag'] == '"2"', 'the same again is no change'
    problem(put(admin, path, process(key), headers={'If-Match': '"1"'}), 412, 'stale')
    assert pointers(put(admin, path, process('another'))) == {('/key', 'invalid')}

    problem(admin.delete(path, headers={'If-Match': '"1"'}), 412, 'stale')
    assert admin.delete(path).status_code == 204
    problem(admin.get(path), 404, 'not_found')
    problem(put(admin, path, process(key)), 404, 'not_found')


def test_pieces_of_a_draft(admin, draft):
    path = f'/v1/blueprints/{draft["id"]}'
    state = put(admin, f'{path}/states/resting', {'category': 'postponed', 'label': label('Resting')}, params={'position': 2})
    assert state.status_code == 200
    assert [s['key'] for s in state.json()['states']] == ['open', 'resting', 'waiting', 'done']
    again = put(admin, f'{path}/states/resting', {'category': 'open', 'key': 'resting'})
    assert [(s['key'], s['category']) for s in again.json()['states']][1] == ('resting', 'open'), 'it keeps its place'
    transition = put(admin, f'{path}/transitions/rest', {
        'from': 'any', 'except': ['done'], 'to': 'resting', 'label': label('Rest'),
        'actors': [{'kind': 'role', 'value': 'sales'}],
        'guards': [{'key': 'either', 'op': 'any', 'guards': [
            {'key': 'a', 'kind': 'field_present', 'params': {'field': 'email'}},
            {'key': 'b', 'kind': 'field_present', 'params': {'field': 'phone'}}]}]})
    made = transition.json()['transitions'][-1]
    assert (made['key'], made['from'], made['except'], len(made['guards'][0]['guards'])) == ('rest', 'any', ['done'], 2)

    body = problem(admin.delete(f'{path}/states/resting'), 409, 'in_use')
    assert '`rest`' in body['detail']
    assert admin.delete(f'{path}/transitions/rest').status_code == 200
    assert admin.delete(f'{path}/states/resting').status_code == 200
    problem(admin.delete(f'{path}/states/resting'), 404, 'not_found')
    assert admin.get(path).json()['states'] == draft['states']

    timed = put(admin, f'{path}/states/open', {
        'category': 'open', 'label': label('Open'),
        'sla': [{'key': 'too_long', 'after': 'P5D', 'what': 'move', 'params': {'transition': 'wait'}}]})
    assert timed.status_code == 200 and timed.json()['states'][0]['sla'][0]['after'] == 'P5D'
    assert '`open`' in problem(admin.delete(f'{path}/transitions/wait'), 409, 'in_use')['detail']
    assert pointers(put(admin, f'{path}/states/open', {
        'category': 'open', 'sla': [{'key': 'x', 'after': 'soon', 'what': 'warn'}]})) == {('/sla/0/after', 'invalid')}

    wrong = put(admin, f'{path}/transitions/rest', {
        'from': ['opne'], 'to': 'resting', 'kind': 'manual', 'colour': 'red',
        'guards': [{'key': 'a', 'kind': 'field_presnt'}]})
    assert pointers(wrong) == {('/colour', 'unknown')}
    wrong = put(admin, f'{path}/transitions/rest', {
        'from': ['opne'], 'to': 'resting',
        'guards': [{'key': 'a', 'kind': 'field_presnt'}, {'key': 'b', 'kind': 'field_present', 'params': {'feild': 'x'}}]})
    assert pointers(wrong) == {('/to', 'reference'), ('/from/0', 'reference'), ('/guards/0/kind', 'unknown'),
                               ('/guards/1/params/feild', 'invalid')}
    assert pointers(put(admin, f'{path}/states/x', {'category': 'open', 'key': 'y'})) == {('/key', 'invalid')}


def test_edits_at_once_lose_nothing(admin, draft):
    path = f'/v1/blueprints/{draft["id"]}'
    answers = together(*[lambda n=n: put(admin.again(), f'{path}/states/s{n}', {'category': 'open'}) for n in range(4)])
    assert {a.status_code for a in answers} <= {200, 412}
    there = {s['key'] for s in admin.get(path).json()['states']}
    assert there >= {f's{n}' for n, a in enumerate(answers) if a.status_code == 200}


def test_a_dry_run_changes_nothing(admin, draft, key):
    dry = {'Prefer': 'tx=rollback'}
    path = f'/v1/blueprints/{draft["id"]}'
    assert put(admin, f'{path}/states/x', {'category': 'done'}, headers=dry).status_code == 200
    assert admin.post(f'{path}/publish', headers=dry).status_code == 200
    assert admin.post('/v1/blueprints', json=process(key), headers=dry).status_code == 201
    assert admin.delete(path, headers=dry).status_code == 204
    now = admin.get(path).json()
    assert (now['status'], now['version'], len(now['states'])) == ('draft', 1, 3)


# what is refused where it comes in

def test_wrong_documents_are_refused_with_pointers(admin, key):
    broken = process(key)
    broken['states'].append({'key': 'open', 'category': 'opened'})
    broken['transitions'][2]['guards'][0]['op'] = 'all'
    assert pointers(admin.post('/v1/blueprints', json=broken)) == {('/states/3/category', 'enum')}
    broken['states'][3]['category'] = 'open'
    assert pointers(admin.post('/v1/blueprints', json=broken)) == {
        ('/states/3/key', 'unique'), ('/transitions/2/guards/0', 'invalid')}
    assert pointers(admin.post('/v1/blueprints', json={'states': []})) == {('/entity', 'required'), ('/key', 'required')}

    large = process(key)
    large['states'][0]['label']['en'] = 'x' * 1_000_000
    assert pointers(admin.post('/v1/blueprints', json=large)) == {('/states/0/label/en', 'length')}
    many = process(key)
    leaf = {'kind': 'field_present', 'params': {'field': 'email'}}
    many['transitions'][2]['guards'] = [{'key': f'g{n}', **leaf} for n in range(10_000)]
    assert ('/transitions/2/guards', 'too_many') in pointers(admin.post('/v1/blueprints', json=many))
    many['transitions'][2]['guards'] = [{'key': f'a{i}', 'op': 'all', 'guards': [
        {'key': f'g{i}x{n}', **leaf} for n in range(100)]} for i in range(100)]
    assert ('/transitions/2/guards', 'too_many') in pointers(admin.post('/v1/blueprints', json=many))
    deep = leaf | {'key': 'leaf'}
    for n in range(20):
        deep = {'key': f'd{n}', 'op': 'all', 'guards': [deep]}
    many['transitions'][2]['guards'] = [deep]
    assert admin.post('/v1/blueprints', json=many).status_code == 422
    assert admin.get('/v1/blueprints', params={'key': key}).json()['items'] == []


def in_finish(member, value):
    return lambda d: d['transitions'][2].__setitem__(member, value)


def guard_of(kind, params, **members):
    return in_finish('guards', [{'key': 'g', 'kind': kind, 'params': params, **members}])


FINISH = '/transitions/2'
WRONG_PARTS = {
    'an unknown kind': (guard_of('field_presnt', {'field': 'email'}), f'{FINISH}/guards/0/kind', 'did you mean "field_present"?'),
    'an unknown parameter': (guard_of('field_present', {'feild': 'email'}), f'{FINISH}/guards/0/params/feild',
                             'unknown parameter, did you mean "field"?'),
    'a parameter of another type': (guard_of('score_at_least', {'min': 'fifty'}), f'{FINISH}/guards/0/params/min',
                                    'must be an integer, 0 or more'),
    'a missing parameter': (guard_of('matches', {'field': 'email'}), f'{FINISH}/guards/0/params/pattern', 'is required'),
    'a pattern that is none': (guard_of('matches', {'field': 'email', 'pattern': '('}), f'{FINISH}/guards/0/params/pattern',
                               'missing closing parenthesis, at character 1'),
    'an approval that nobody is asked for': (guard_of('approval', {}), f'{FINISH}/guards/0/params', 'asks nobody for approval'),
    'an approval of another that asks nobody': (guard_of('approval', {'transition': 'wait'}),
                                                f'{FINISH}/guards/0/params/transition', 'asks nobody for approval'),
    'a state that is not there': (guard_of('visited_state', {'state': 'gone'}), f'{FINISH}/guards/0/params/state',
                                  'unknown state "gone"'),
    'a group of its own kind': (in_finish('guards', [{'key': 'g', 'op': 'all', 'guards': [
        {'key': 'g', 'op': 'all', 'guards': [{'key': 'x', 'kind': 'duplicate_free'}]}]}]),
        f'{FINISH}/guards/0/guards/0/key', None),
    'a circle of groups': (in_finish('guards', [{'key': 'a', 'op': 'all', 'parent': 'b'}, {'key': 'b', 'op': 'all', 'parent': 'a'}]),
                           f'{FINISH}/guards/0/parent', None),
    'a calendar of a guard': (guard_of('working_time', {'calendar': 'moon'}), f'{FINISH}/guards/0/params/calendar',
                              'There is no calendar "moon".'),
    'a calendar of a threshold': (lambda d: d['states'][1].__setitem__('sla', [
        {'key': 's', 'after': 'P1D', 'what': 'warn'}, {'key': 't', 'after': 'P1D', 'what': 'warn', 'calendar': 'moon'}]),
        '/states/1/sla/1/calendar', 'There is no calendar "moon".'),
    'a calendar of the clock': (in_finish('auto', {'after': 'P1D', 'calendar': 'moon'}), f'{FINISH}/auto/calendar',
                                'There is no calendar "moon".'),
    'a calendar of an action': (in_finish('actions', [{'key': 'a', 'kind': 'create_task', 'params': {
        'subject': 'x', 'due': 'P1D', 'calendar': 'moon'}}]), f'{FINISH}/actions/0/params/calendar', 'there is no such calendar'),
    'money that is none': (in_finish('actions', [{'key': 'a', 'kind': 'set_field', 'params': {
        'field': 'estimated_value', 'value': {'amount': 'ten', 'currency': 'PLN'}}}]),
        f'{FINISH}/actions/0/params/value', '"estimated_value" takes no such value'),
    'a value of another type': (in_finish('actions', [{'key': 'n', 'kind': 'tag', 'params': {'add': ['x']}}, {
        'key': 'a', 'kind': 'set_field', 'params': {'field': 'budget_confirmed', 'value': 'perhaps'}}]),
        f'{FINISH}/actions/1/params/value', '"budget_confirmed" takes no such value'),
    'an action that sets the state': (in_finish('actions', [{'key': 'a', 'kind': 'set_field', 'params': {
        'field': 'status', 'value': 'done'}}]), f'{FINISH}/actions/0/params/field', 'Only transitions write "status"'),
}


@pytest.mark.parametrize('name', WRONG_PARTS)
def test_each_wrong_part_is_refused_with_pointer_and_reason(admin, key, name):
    """Where a draft comes in, whole; and nothing of it is kept."""
    change, pointer, reason = WRONG_PARTS[name]
    document = process(key)
    change(document)
    answer = admin.post('/v1/blueprints', json=document)
    assert answer.status_code == 422, answer.text
    body = answer.json()
    errors = {e['pointer']: ' '.join(str(e.get(m, '')) for m in ('detail', 'hint')) for e in body['errors']}
    assert pointer in errors, errors
    assert reason is None or reason in errors[pointer] + body.get('detail', ''), body
    assert admin.get('/v1/blueprints', params={'key': key}).json()['items'] == []


def test_lint_names_people_teams_and_calendars(admin, draft, key, new_user, rows, number):
    gone = new_user('sales')
    admin.patch(f'/v1/users/{gone.user["id"]}', json={'disabled': True})
    empty = rows("insert into sluice.team (id, name) values (gen_random_uuid(), %s) returning id::text as id", f'Empty {number}')[0]['id']
    people = [{'kind': 'user', 'value': UNKNOWN}, {'kind': 'user', 'value': gone.user['id']},
              {'kind': 'team', 'value': UNKNOWN}, {'kind': 'team', 'value': empty}]
    document = process(key)
    document['transitions'][2] |= {'actors': people, 'approval': {'needed': 1, 'actors': [*people, {'kind': 'role', 'value': 'nobody'}]}}
    document['states'][1]['sla'] = [{'key': 's', 'after': 'P1D', 'what': 'escalate', 'params': {'role': 'nobody'}}]
    assert put(admin, f'/v1/blueprints/{draft["id"]}', document).status_code == 200
    expected = {('error', 'unknown_role', '/states/1/sla/0/params/role'),
                ('error', 'unknown_role', f'{FINISH}/approval/actors/4/value')}
    for where in (FINISH, f'{FINISH}/approval'):
        expected |= {('error', 'unknown_user', f'{where}/actors/0/value'), ('warning', 'user_disabled', f'{where}/actors/1/value'),
                     ('error', 'unknown_team', f'{where}/actors/2/value'),
                     ('warning', 'team_without_users', f'{where}/actors/3/value')}
    assert set(findings(admin, draft['id'])) - {('warning', 'never_governs', '/priority')} == expected
    problem(publish(admin, draft['id']), 422, 'lint_failed')
    document['states'][1]['sla'][0] |= {'calendar': 'moon', 'params': {}, 'what': 'warn'}
    body = plan(admin, json.dumps(document), 'application/json')
    assert ('unknown_calendar', '/states/1/sla/0/calendar') in [(f['code'], f['pointer']) for f in body['lint']['findings']]
    problem(apply(admin, document), 422, 'lint_failed')


def test_a_calendar_that_a_guard_names_stays(admin, key):
    hours = [{'day': 1, 'from': '08:00', 'to': '16:00'}]
    calendar = admin.make('calendars', key=key, name='Short', time_zone='UTC', hours=hours)
    document = process(key)
    guard_of('working_time', {'calendar': key})(document)
    made = begin(admin, document)
    problem(admin.delete(f'/v1/calendars/{calendar["id"]}'), 409, 'in_use')
    assert admin.delete(f'/v1/blueprints/{made["id"]}').status_code == 204
    assert admin.delete(f'/v1/calendars/{calendar["id"]}').status_code == 204


@pytest.mark.parametrize('text, says', [
    ('a: &x [1]\nb: *x', 'anchors'), ('a: 1\na: 2', 'twice'), ('a: [', 'Line'), ('- !!python/none x', 'tags'),
])
def test_yaml_is_read_strictly(admin, text, says):
    answer = admin.call('POST', '/v1/blueprints', data=text.encode(), headers=YAML)
    assert says in problem(answer, 400, 'malformed_yaml')['detail']


@pytest.mark.parametrize('guard, where, says, hint', [
    ({'kind': 'field_presnt', 'params': {'field': 'city'}}, 'kind', 'There is no guard kind "field_presnt".',
     'did you mean "field_present"?'),
    ({'kind': 'field_compare', 'params': {'field': 'city', 'op': 'gtee', 'value': 1}}, 'params/op',
     '"gtee" is none of eq, ne, lt, lte, gt, gte, in, not_in, has_any, has_all; did you mean "gte"?', None),
    ({'kind': 'field_compare', 'params': {'field': 'city', 'op': 'resembles', 'value': 1}}, 'params/op',
     '"resembles" is none of eq, ne, lt, lte, gt, gte, in, not_in, has_any, has_all.', None),
    ({'kind': 'time_in_state', 'params': {'hours': 1}}, 'params/hours',
     'It is an unknown parameter; there are min_seconds, max_seconds.', None)])
def test_a_mistyped_guard_is_told_what_there_is(admin, key, guard, where, says, hint):
    document = process(key)
    document['transitions'][-1]['guards'] = [{'key': 'typed', **guard}]
    only = [e for e in problem(admin.post('/v1/blueprints', json=document), 422, 'validation_failed')['errors']
            if e['pointer'].endswith(f'/guards/0/{where}')]
    assert [(e['detail'], e.get('hint')) for e in only] == [(says, hint)]
    if where == 'kind':
        assert only[0]['allowed'] == [k['kind'] for k in admin.get('/v1/guard-kinds').json()['items']]


def test_yaml_that_says_nothing(admin):
    fault(admin.call('POST', '/v1/blueprints', data=b'', headers=YAML), 422, 'validation_failed', '', 'required')


def test_only_administrators_design(manager, rep, draft, key):
    path = f'/v1/blueprints/{draft["id"]}'
    for client in (manager, rep):
        assert client.get(path).status_code == 200
        assert client.post(f'{path}/lint').status_code == 200
        problem(client.post('/v1/blueprints', json=process(key)), 403, 'forbidden')
        problem(put(client, f'{path}/states/x', {'category': 'open'}), 403, 'forbidden')
        problem(client.delete(path), 403, 'forbidden')
        problem(publish(client, draft['id']), 403, 'forbidden')
        problem(apply(client, process(key)), 403, 'forbidden')


# lint

def test_lint_names_what_would_not_work(admin, draft):
    path = f'/v1/blueprints/{draft["id"]}'
    rival = ('warning', 'never_governs', '/priority')  # the shipped process has no criteria
    assert set(findings(admin, draft['id'])) <= {rival}
    put(admin, f'{path}/states/lost_here', {'category': 'open', 'label': label('Lost')})
    put(admin, f'{path}/transitions/finish', {
        'from': ['open', 'waiting'], 'to': 'done', 'label': {'en': 'Finish'},
        'actors': [{'kind': 'role', 'value': 'nobody'}],
        'guards': [{'key': 'a', 'kind': 'field_compare', 'params': {'field': 'industry', 'op': 'eq', 'value': 'x'}},
                   {'key': 'b', 'kind': 'field_compare', 'params': {'field': 'industry', 'op': 'eq', 'value': 'y'}},
                   {'key': 'c', 'kind': 'field_present', 'params': {'field': 'industy'}}]})
    assert set(findings(admin, draft['id'])) - {rival} == {
        ('error', 'unreachable_state', '/states/3'), ('error', 'dead_end', '/states/3'), ('warning', 'no_threshold', '/states/3/sla'),
        ('error', 'unknown_role', '/transitions/2/actors/0/value'),
        ('error', 'unknown_field', '/transitions/2/guards/2/params/field'),
        ('error', 'contradiction', '/transitions/2/guards/1'),
        ('warning', 'label_missing', '/transitions/2/label/pl'), ('warning', 'label_missing', '/transitions/2/label/ru')}
    body = problem(publish(admin, draft['id']), 422, 'lint_failed')
    assert len([f for f in body['findings'] if f['severity'] == 'error']) == 5
    assert admin.get(path).json()['status'] == 'draft'


def test_a_state_that_another_process_asks_for_is_not_dropped(admin):
    version = admin.get('/v1/blueprints', params={'entity': 'account', 'status': 'published'}).json()['items'][0]
    text = export(admin, version['id']).replace('verified', 'checked')
    answer = admin.call('POST', '/v1/blueprints/plan', data=text.encode(), headers=YAML)
    assert 'still_referred_to' in [f['code'] for f in answer.json()['lint']['findings']]


@pytest.mark.parametrize('entity', ['lead', 'account', 'opportunity'])
def test_shipped_processes_are_without_errors(admin, entity):
    for version in admin.get('/v1/blueprints', params={'entity': entity, 'status': 'published'}).json()['items']:
        found = findings(admin, version['id'])
        assert [f for f in found if f[0] == 'error'] == []
        if version['key'] in ('lead_default', 'account_verification', 'sales_pipeline'):
            assert [f for f in found if f[1] == 'no_threshold'] == []


# publishing

def test_publishing_only_from_the_version_one_started_from(admin, draft, key):
    first = published(admin, draft['id'])
    assert (first['status'], first['number']) == ('published', 1)
    problem(publish(admin, draft['id']), 409, 'conflict')
    problem(put(admin, f'/v1/blueprints/{draft["id"]}', process(key)), 409, 'conflict')
    problem(admin.delete(f'/v1/blueprints/{draft["id"]}'), 409, 'conflict')

    mine, yours = copy_of(admin, first['id']), copy_of(admin, first['id'], note='Yours')
    assert (mine['based_on'], yours['based_on']) == (1, 1)
    second = published(admin, yours['id'])
    assert admin.read('blueprints', first['id'])['status'] == 'retired'
    body = problem(publish(admin, mine['id']), 409, 'blueprint_moved')
    assert (body['published'], body['based_on']) == (second['number'], 1)
    problem(publish(admin, mine['id'], based_on=1), 409, 'blueprint_moved')
    third = published(admin, mine['id'], based_on=second['number'])
    assert third['number'] > second['number'] and third['status'] == 'published'


def test_two_publish_at_once_and_one_does(admin, draft):
    first = published(admin, draft['id'])
    copies = [copy_of(admin, first['id'], note=str(n)) for n in range(3)]
    answers = together(*[lambda v=v: publish(admin.again(), v['id']) for v in copies])
    assert sorted(a.status_code for a in answers) == [200, 409, 409], [a.text for a in answers]


def test_an_edit_is_in_the_trail_in_words(admin, draft):
    path = f'/v1/blueprints/{draft["id"]}'
    put(admin, f'{path}/transitions/wait', {
        'from': ['open'], 'to': 'waiting', 'label': label('Wait'),
        'guards': [{'key': 'phone_known', 'kind': 'field_present', 'params': {'field': 'phone'}}]})
    published(admin, draft['id'])
    entries = admin.get(f'{path}/history').json()['items']
    assert [e['action'] for e in entries] == ['update', 'update', 'create']
    assert entries[1]['detail']['diff'] == ['guard `phone_known` added to `wait`']
    assert entries[1]['changes'] == {'transitions/wait/guards/phone_known': {
        'old': None, 'new': {'key': 'phone_known', 'kind': 'field_present', 'params': {'field': 'phone'}}}}
    assert entries[0]['changes'] == {'status': {'old': 'draft', 'new': 'published'}}
    assert entries[0]['actor']['id'] == admin.user['id']


def test_records_live_by_what_is_published(admin, mkt, key, number):
    document = process(key, priority=900)
    version = published(admin, begin(admin, document)['id'])
    try:
        lead = mkt.make('leads', last_name=f'New {number}')
        assert lead['status'] == 'open'
        body = problem(mkt.move('leads', lead['id'], 'finish'), 422, 'guard_failed')
        assert [f['guard'] for f in body['failures']] == ['industry_filled']
        mkt.moved('leads', lead['id'], 'wait')

        dropping = copy_of(admin, version['id'])
        path = f'/v1/blueprints/{dropping["id"]}'
        put(admin, f'{path}/transitions/finish', {**document['transitions'][2], 'from': ['open']})
        admin.delete(f'{path}/transitions/wait')
        assert admin.delete(f'{path}/states/waiting').status_code == 200
        body = problem(publish(admin, dropping['id']), 409, 'states_occupied')
        assert body['states'] == [{'state': 'waiting', 'records': 1}]
        wrong = publish(admin, dropping['id'], mapping={'waiting': 'nowhere'})
        assert pointers(wrong) == {('/mapping/waiting', 'invalid')}
        version = published(admin, dropping['id'], mapping={'waiting': 'open'})
        assert version['mapping'] == {'waiting': 'open'}
        assert mkt.read('leads', lead['id'])['status'] == 'waiting', 'records keep their version'
        mkt.moved('leads', lead['id'], 'finish', fields={'industry': 'cranes'})
    finally:
        assert admin.post(f'/v1/blueprints/{version["id"]}/retire').status_code == 200
    problem(admin.post(f'/v1/blueprints/{version["id"]}/retire'), 409, 'conflict')
    assert mkt.make('leads', last_name=f'Later {number}')['status'] == 'open'


def test_the_last_process_of_a_kind_is_not_retired(admin):
    version = admin.get('/v1/blueprints', params={'entity': 'account', 'status': 'published'}).json()['items'][0]
    problem(admin.post(f'/v1/blueprints/{version["id"]}/retire'), 409, 'in_use')
    problem(admin.post(f'/v1/blueprints/{UNKNOWN}/retire'), 404, 'not_found')


# texts

def test_an_export_is_read_as_the_same(admin, draft, key):
    text = export(admin, draft['id'])
    assert yaml.safe_load(text) == json.loads(export(admin, draft['id'], 'json')) == process(key, number=1)
    assert list(yaml.safe_load(text)) == ['entity', 'key', 'number', 'label', 'priority', 'states', 'transitions']
    published(admin, draft['id'])
    assert plan(admin, '# a comment\n' + text)['same'] is True
    copied = copy_of(admin, draft['id'])
    answer = admin.call('PUT', f'/v1/blueprints/{copied["id"]}', data=text.encode(), headers=YAML)
    assert answer.status_code == 200
    assert export(admin, copied['id']) == text.replace('number: 1', 'number: 2')


def test_every_version_survives_its_own_text(admin):
    for version in admin.get('/v1/blueprints', params={'status': 'published', 'limit': 200}).json()['items']:
        told = plan(admin, export(admin, version['id']))
        assert (told['same'], told['summary'], told['base']) == (True, ['no changes'], version['number']), version['key']


def test_a_plan_says_what_would_change(admin, draft, key):
    published(admin, draft['id'])
    wanted = process(key)
    wanted['transitions'][1]['guards'] = [{'key': 'phone_known', 'kind': 'field_present', 'params': {'field': 'phone'}}]
    wanted['transitions'][2]['guards'][0]['params']['field'] = 'country'
    wanted['states'][1]['label']['en'] = 'On hold'
    told = plan(admin, json.dumps(wanted), 'application/json')
    assert told['same'] is False and told['base'] == 1 and told['lint']['errors'] == 0
    assert told['summary'] == [
        '`label/en` of state `waiting` changed from "Waiting" to "On hold"',
        'guard `phone_known` added to `wait`',
        '`field` of guard `industry_filled` of `finish` changed from "industry" to "country"']
    assert [(c['op'], c['path']) for c in told['changes']] == [
        ('change', 'states/waiting/label/en'), ('add', 'transitions/wait/guards/phone_known'),
        ('change', 'transitions/finish/guards/industry_filled/params/field')]
    assert admin.read('blueprints', draft['id'])['version'] == 2, 'a plan changes nothing'


def test_apply_puts_a_text_in_force_once(admin, key):
    answer = apply(admin, process(key), base=0)
    assert answer.status_code == 200 and answer.json()['applied'] is True and answer.json()['number'] == 1
    again = apply(admin, process(key), base=0).json()
    assert (again['applied'], again['same'], again['number'], again['id']) == (False, True, 1, answer.json()['id'])

    changed = process(key, note='Second')
    body = problem(apply(admin, changed, base=0), 409, 'blueprint_moved')
    assert body['published'] == 1
    assert problem(apply(admin, changed), 400, 'invalid_parameter')['errors'][0]['name'] == 'base'
    second = apply(admin, changed, base=1).json()
    assert (second['applied'], second['number'], second['base']) == (True, 2, 1)
    problem(apply(admin, {**changed, 'note': 'Third', 'number': 1}), 409, 'blueprint_moved')
    assert apply(admin, {**changed, 'note': 'Third', 'number': 2}).json()['number'] == 3
    entry = admin.get(f'/v1/blueprints/{second["id"]}/history').json()['items'][1]
    assert entry['detail']['diff'] == ['`note` of the process set to "Second"']

    broken = {**changed, 'number': 3, 'transitions': changed['transitions'][:2]}
    problem(apply(admin, broken), 422, 'lint_failed')
    assert pointers(apply(admin, process(key, number=3, states=[]), map='open')) >= {('/transitions/0/to', 'reference')}
    assert problem(apply(admin, {**changed, 'number': 3}, map='open'), 400, 'invalid_parameter')['errors'][0]['name'] == 'map'


def test_the_worked_example_works(admin, mkt, manager, number):
    """What /docs/designing shows is applied, and leads walk through it."""
    page = admin.get('/docs/designing').text
    text = re.search(r'^```yaml\n(.*?)^```', page, re.S | re.M)[1]
    document = yaml.safe_load(text)
    answer = admin.call('POST', '/v1/blueprints/apply?base=0', data=text.encode(), headers=YAML)
    assert answer.status_code == 200 and answer.json()['lint']['errors'] == 0, answer.text
    assert plan(admin, text)['same'] is True
    above = apply(admin, {**document, 'priority': 950}, base=1).json()
    try:
        lead = mkt.make('leads', last_name=f'Fair {number}')
        assert lead['status'] == 'met'
        refused = problem(mkt.move('leads', lead['id'], 'agree_visit'), 422, 'guard_failed')
        assert {f['guard'] for f in refused['failures']} == {'company_known', 'talked'}
        mkt.moved('leads', lead['id'], 'agree_visit', fields={'company': 'Crane Ltd'},
                  activities=[{'kind': 'call', 'subject': 'After the fair'}])
        mkt.patch(f'/v1/leads/{lead["id"]}', json={'need': 'A crane'})
        problem(mkt.move('leads', lead['id'], 'hand_over'), 403, 'not_transition_owner')
        assert manager.moved('leads', lead['id'], 'hand_over')['status'] == 'handed_over'
        other = mkt.make('leads', last_name=f'Fair too {number}')
        assert mkt.moved('leads', other['id'], 'give_up', fields={'unqualified_reason': 'need'})['status'] == 'no_interest'
    finally:
        assert admin.post(f'/v1/blueprints/{above["id"]}/retire').status_code == 200


# from a shell

def sluicectl(daemon, *words):
    env = {k: v for k, v in os.environ.items() if not k.startswith('SLUICE_')}
    env['SLUICE_DATABASE_URL'] = f'postgresql:///sluice?host={daemon.socket_folder}&user=postgres'
    return subprocess.run([SLUICECTL, 'blueprint', *map(str, words)], env=env, capture_output=True, text=True, check=False,
                          timeout=60)


def test_texts_from_a_shell(daemon, admin, key, tmp_path):
    old, new = tmp_path / 'old.json', tmp_path / 'new.yaml'
    old.write_text(json.dumps(process(key)))
    assert sluicectl(daemon, 'lint', old).returncode == 0
    done = sluicectl(daemon, 'apply', old, '--base', 0)
    assert done.returncode == 0, done.stderr
    assert sluicectl(daemon, 'diff', old).stdout == 'no changes\n'
    new.write_text(sluicectl(daemon, 'export', f'lead/{key}').stdout.replace('field: industry', 'field: country'))
    told = sluicectl(daemon, 'diff', new)
    assert told.returncode == 1 and '`field` of guard `industry_filled` of `finish` changed' in told.stdout
    assert sluicectl(daemon, 'diff', old, new).stdout == told.stdout
    assert sluicectl(daemon, 'apply', new).returncode == 0
    late = sluicectl(daemon, 'apply', old, '--base', 1)
    assert (late.returncode, late.stderr.splitlines()) == (2, [
        'sluicectl blueprint apply: 409: Version 2 is in force by now.',
        '  Another version of the process is in force by now (blueprint_moved)',
        '  hint: compare with what is in force (plan), then publish with its number in "based_on"', '  based_on: 1', '  published: 2'])
    version = admin.get('/v1/blueprints', params={'key': key, 'status': 'published'}).json()['items'][0]
    assert (version['number'], export(admin, version['id'])) == (2, sluicectl(daemon, 'export', f'lead/{key}').stdout)
    assert admin.get(f'/v1/blueprints/{version["id"]}/history').json()['items'][0]['actor']['kind'] == 'system'


def test_a_shell_says_what_is_wrong(daemon, key, tmp_path):
    wrong, stuck = tmp_path / 'wrong.yaml', tmp_path / 'stuck.json'
    wrong.write_text('entity: lead\nkey: x\nstates: [{key: a, category: opn}]\n')
    done = sluicectl(daemon, 'lint', wrong)
    assert (done.returncode, done.stderr.splitlines()) == (2, [
        f'{wrong}: /states/0/category: Send one of the allowed values.', '    hint: did you mean "open"?', '    got: opn',
        '    allowed: open, won, lost, cancelled, postponed, done'])
    document = process(key)
    document['states'].append({'key': 'stuck', 'category': 'open'})
    stuck.write_text(json.dumps(document))
    done = sluicectl(daemon, 'lint', stuck)
    assert done.returncode == 1 and '/states/3: No record can ever come here.' in done.stdout
    assert sluicectl(daemon, 'apply', stuck, '--base', 0).returncode == 1
    assert sluicectl(daemon, 'lint', tmp_path / 'none.yaml').returncode == 2
    assert sluicectl(daemon, 'export', 'lead/none').returncode == 2
    assert sluicectl(daemon, 'fly').returncode == 2


def test_a_shell_makes_no_database_by_mistake(tmp_path):
    text = tmp_path / 'one.json'
    text.write_text(json.dumps(process('one')))
    env = {k: v for k, v in os.environ.items() if not k.startswith('SLUICE_')} | {'SLUICE_DATA_DIR': str(tmp_path / 'none')}
    for words in (('apply', text), ('diff', text), ('export', 'lead/one')):
        done = subprocess.run([SLUICECTL, 'blueprint', *map(str, words)], env=env, capture_output=True, text=True, check=False,
                              timeout=60)
        assert (done.returncode, done.stderr) == (
            2, f'there is no database in {tmp_path}/none: name one with --database-url or SLUICE_DATABASE_URL, or the folder '
            'of the daemon\'s own with --data-dir\n')
    assert not (tmp_path / 'none').exists()


def test_a_shell_asks_the_database_of_a_daemon_that_runs(daemon, admin, key, tmp_path):
    """Its private one is neither refused nor stopped."""
    text, server = tmp_path / 'one.json', daemon.postgres_pid()
    text.write_text(json.dumps(process(key)))
    env = {k: v for k, v in os.environ.items() if not k.startswith('SLUICE_')} | {'SLUICE_DATA_DIR': str(daemon.folder / 'data')}
    done = subprocess.run([SLUICECTL, 'blueprint', 'apply', text, '--base', '0'], env=env, capture_output=True, text=True,
                          check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, '')
    assert [v['number'] for v in admin.get('/v1/blueprints', params={'key': key}).json()['items']] == [1]
    assert daemon.postgres_pid() == server
