"""Custom fields in processes: what moves and steps collect, what actions set, what guards ask."""
import json

import pytest

from test_blueprints import begin, findings, process, put, sluicectl
from test_custom_fields import CHOICES, LIMITS, VALUES, errors, field, key  # noqa: F401  pylint: disable=unused-import
from helpers import STATES, blueprint, born, failures, fault, label, problem, process_of, publish, retire

def moves(*more, **members):
    """A birth, and the move `go` with these members."""
    return born()[:1] + [{'key': 'go', 'from': ['new'], 'to': 'over', **members}, *more]


AGAIN = {'key': 'again', 'from': ['new', 'over'], 'to': 'new'}


def collects(*inputs):
    """Inputs of custom fields: keys, or members."""
    rows = [i if isinstance(i, dict) else {'field': i} for i in inputs]
    return [{'key': f'in_{n}', 'kind': 'field', 'required': i.pop('required', False), 'label': label(f'In {n}'),
             'params': {**i, 'field': f'custom.{i["field"]}'}} for n, i in enumerate(rows)]


def sets(key, **params):
    return {'key': f'set_{key}', 'kind': 'set_field', 'params': {'field': f'custom.{key}', **params}}


def option(client, record, name, collection='leads'):
    listing = client.get(f'/v1/{collection}/{record["id"]}/transitions').json()
    return [t for t in listing['items'] if t['key'] == name][0]


MEMBERS = {'leads': {'last_name': 'Moves'}, 'accounts': {'name': 'Moves'}, 'opportunities': {'name': 'Moves'}}
TYPES = {'text': 'text', 'long_text': 'text', 'integer': 'integer', 'decimal': 'decimal', 'boolean': 'boolean', 'date': 'date',
         'datetime': 'date_time', 'choice': 'choice', 'multi_choice': 'list', 'url': 'uri', 'email': 'email', 'phone': 'text'}


@pytest.mark.parametrize('entity, collection', [('lead', 'leads'), ('account', 'accounts'), ('opportunity', 'opportunities')])
def test_a_move_collects_every_type(rep, rows, field, key, entity, collection, number):
    """A form knows the types and choices; values are judged by the definitions, saved with the move or not at all."""
    keys = {t: f'{key}_{t}' for t in VALUES}
    for t in VALUES:
        field(entity, t, keys[t], **LIMITS.get(t, {}))
    more = {'account_id': rep.make('accounts', name=f'Moves {number}')['id']} if entity == 'opportunity' else {}
    with blueprint(rows, entity, key, STATES, moves(AGAIN, inputs=collects(*keys.values()))):
        made = rep.make(collection, **MEMBERS[collection], **more)
    go = option(rep, made, 'go', collection)
    assert [(i['pointer'], i['type']) for i in go['inputs']] == [(f'/fields/custom/{keys[t]}', TYPES[t]) for t in VALUES]
    assert {i['params'].get('choices') and tuple(i['params']['choices']) for i in go['inputs']} == {None, ('gold', 'silver')}
    for t, (_, bad) in VALUES.items():
        for value, code in bad:
            answer = rep.move(collection, made['id'], 'go', fields={'custom': {keys[t]: value}})
            found = problem(answer, 422, 'validation_failed')['errors']
            assert [(e['pointer'].split('/')[:4], e['code']) for e in found] == [(['', 'fields', 'custom', keys[t]], code)], (t, value)
    assert rep.read(collection, made['id']) == made
    first = {keys[t]: good[0] for t, (good, _) in VALUES.items()}
    last = {keys[t]: good[-1] for t, (good, _) in VALUES.items()}
    moved = rep.moved(collection, made['id'], 'go', fields={'custom': first})
    assert (moved['custom'], moved['version']) == (first, made['version'] + 1)
    rep.moved(collection, made['id'], 'again')
    moved = rep.moved(collection, made['id'], 'go', fields={'custom': last})
    assert moved['custom'] == last
    entry = rep.history(collection, made['id'])[0]
    assert entry['transition'] == 'go'
    assert {k: v for k, v in entry['changes'].items() if k.startswith('custom')} == {
        f'custom.{k}': {'old': first[k], 'new': last[k]} for k in keys.values() if first[k] != last[k]}
    rep.moved(collection, made['id'], 'again')
    moved = rep.moved(collection, made['id'], 'go', fields={'custom': {keys['text']: None, keys['integer']: 7}})
    assert moved['custom'] == {**{k: v for k, v in last.items() if k != keys['text']}, keys['integer']: 7}


def test_what_a_move_does_not_collect(admin, rep, rows, field, key, number):
    """Other fields, other choices, other shapes are refused where they stand, all at once."""
    for name, t, more in (('', 'choice', {'choices': CHOICES}), ('_m', 'multi_choice', {'choices': CHOICES}), ('_n', 'integer', {}),
                          ('_other', 'text', {}), ('_u', 'user', {})):
        field('lead', t, key + name, **more)
    asked = collects({'field': key, 'choices': ['gold'], 'required': True}, {'field': f'{key}_m', 'choices': ['gold']},
                     f'{key}_n', f'{key}_u')
    with blueprint(rows, 'lead', key, STATES, moves(inputs=asked)):
        made = rep.make('leads', last_name=f'Moves {number}')

    def refused(**custom):
        return errors(rep.move('leads', made['id'], 'go', fields={'custom': custom}))
    at = f'/fields/custom/{key}'
    assert errors(rep.move('leads', made['id'], 'go')) == {(at, 'required')}
    assert refused(**{key: None}) == {(at, 'required')}
    assert refused(**{key: 'silver', f'{key}_m': ['gold', 'silver'], f'{key}_n': 'x', f'{key}_other': 'a', 'nothing': 1}) == {
        (at, 'enum'), (f'{at}_m', 'enum'), (f'{at}_n', 'type'), (f'{at}_other', 'unknown'), ('/fields/custom/nothing', 'unknown')}
    answer = rep.move('leads', made['id'], 'go', fields={'custom': {key: 'gold', f'{key}_nn': 1}})
    only = fault(answer, 422, 'validation_failed', f'{at}_nn', 'unknown')
    assert only['hint'] == f'did you mean "custom.{key}_n"?'
    assert errors(rep.move('leads', made['id'], 'go', fields={'custom': 'gold'})) == {('/fields/custom', 'type'), (at, 'required')}
    nobody = '01995e00-0000-7000-8000-00000000dead'
    answer = rep.move('leads', made['id'], 'go', fields={'custom': {key: 'gold', f'{key}_u': nobody}})
    fault(answer, 422, 'validation_failed', f'{at}_u', 'invalid')
    assert rep.read('leads', made['id']) == made
    rep.patched('leads', made['id'], custom={key: 'gold'})  # what the record has counts
    moved = rep.moved('leads', made['id'], 'go', fields={'custom': {f'{key}_u': rep.user['id']}})
    assert moved['custom'] == {key: 'gold', f'{key}_u': rep.user['id']}


TRUTH = {  # type: what is there; operator and value of the guard; whether it holds
    'integer': [(9, 'gte', 10, False), (10, 'gte', 10, True), (100, 'gt', 9.5, True), (7, 'in', [5, 7], True), (7, 'ne', 7, False)],
    'decimal': [('9.5', 'gte', 10, False), ('10.0000', 'eq', 10, True), ('100', 'gt', 9, True), ('0.3', 'lt', 0.31, True),
                ('99999999999999.9999', 'gt', 99999999999999, True)],
    'date': [('2026-12-31', 'gte', '2027-01-01', False), ('2027-01-01', 'gte', '2027-01-01', True), ('2026-02-28', 'lt', '2026-10-01', True)],
    'datetime': [('2026-01-01T00:30:00+01:00', 'lt', '2026-01-01', True), ('2026-01-01T00:00:00Z', 'eq', '2026-01-01T01:00:00+01:00', True),
                 ('2026-01-01T02:00:00.5Z', 'lte', '2026-01-01T02:00:00Z', False)],
    'boolean': [(True, 'eq', True, True), (False, 'eq', True, False), (False, 'ne', True, True)],
    'choice': [('gold', 'eq', 'gold', True), ('silver', 'in', ['gold'], False), ('silver', 'not_in', ['gold'], True)],
    'multi_choice': [(['gold', 'silver'], 'has_any', ['gold'], True), (['silver'], 'has_any', ['gold'], False),
                     (['gold'], 'has_all', ['gold', 'silver'], False), (['silver', 'gold'], 'has_all', ['gold', 'silver'], True),
                     ([], 'has_any', ['gold'], False)],
    'text': [('b', 'gt', 'a', True), ('ab', 'eq', 'AB', False)],
}


@pytest.mark.parametrize('t', TRUTH)
def test_guards_compare_by_type(admin, rep, rows, field, key, t, number):
    """A guard sees the value that comes with the move, by its type; nothing satisfies no comparison."""
    field('lead', t, **LIMITS.get(t, {}) if 'choice' in t else {})
    guards = [[{'key': 'asked', 'kind': 'field_compare', 'params': {'field': f'custom.{key}', 'op': op, 'value': wanted}}]
              for _, op, wanted, _ in TRUTH[t]]
    each = [{'key': f'go_{n}', 'from': ['new'], 'to': 'new', 'guards': g, 'inputs': collects(key)} for n, g in enumerate(guards)]
    with blueprint(rows, 'lead', key, STATES, born()[:1] + each + [
            {'key': 'clear', 'from': ['new'], 'to': 'new', 'inputs': collects(key)}]):
        made = rep.make('leads', last_name=f'Truth {number}')
    for n, (value, op, wanted, holds) in enumerate(TRUTH[t]):
        seen = failures(rep.move('leads', made['id'], f'go_{n}'))['asked']
        assert (seen['observed'], seen['path'], seen['pointer']) == (None, f'custom.{key}', f'/fields/custom/{key}')
        assert seen['expected'] == (wanted if op == 'eq' else {op: wanted})
        answer = rep.move('leads', made['id'], f'go_{n}', fields={'custom': {key: value}})
        if holds:
            assert (answer.status_code, answer.json()['custom']) == (200, {key: value}), answer.text
            assert rep.moved('leads', made['id'], 'clear', fields={'custom': {key: None}})['custom'] == {}
        else:
            assert failures(answer)['asked']['observed'] == value
    assert rep.read('leads', made['id'])['custom'] == {}


def test_a_change_in_this_state(rep, rows, field, key, number):
    """A guard that asks whether a field changed counts what the move brings, and only that field."""
    field('lead', 'integer')
    field('lead', 'integer', f'{key}_b')
    guard = {'key': 'changed', 'kind': 'field_changed', 'params': {'field': f'custom.{key}'}}
    with blueprint(rows, 'lead', key, STATES, moves(AGAIN, guards=[guard], inputs=collects(key, f'{key}_b'))):
        made = rep.make('leads', last_name=f'Changed {number}', custom={key: 1})
    assert 'changed' in failures(rep.move('leads', made['id'], 'go', fields={'custom': {key: 1, f'{key}_b': 2}}))
    assert rep.moved('leads', made['id'], 'go', fields={'custom': {key: 2}})['custom'] == {key: 2}
    rep.moved('leads', made['id'], 'again')
    rep.patched('leads', made['id'], custom={f'{key}_b': 5})
    assert 'changed' in failures(rep.move('leads', made['id'], 'go'))
    rep.patched('leads', made['id'], custom={key: 3})
    assert rep.moved('leads', made['id'], 'go')['custom'] == {key: 3, f'{key}_b': 5}


def test_actions_set_them(rep, rows, field, key, number, frozen):
    """Of every type, by value or source, over what came along; the entry says what each did."""
    for t in VALUES:
        field('lead', t, f'{key}_{t}', **LIMITS.get(t, {}))
    field('lead', 'user', f'{key}_user')
    values = {f'{key}_{t}': good[-1] for t, (good, _) in VALUES.items()}
    actions = [sets(k, value=v) for k, v in values.items()]
    sources = [sets(f'{key}_date', **{'from': 'today'}), sets(f'{key}_datetime', **{'from': 'now'}), sets(f'{key}_user', **{'from': 'actor'}),
               sets(f'{key}_text', **{'from': 'nothing'})]
    with blueprint(rows, 'lead', key, STATES, moves(
            {**AGAIN, 'actions': sources}, actions=actions, inputs=collects(f'{key}_integer', f'{key}_long_text'))):
        made = rep.make('leads', last_name=f'Actions {number}', custom={f'{key}_text': 'was', f'{key}_boolean': True})
    moved = rep.moved('leads', made['id'], 'go', fields={'custom': {f'{key}_integer': -5, f'{key}_long_text': 'mine'}})
    assert moved['custom'] == values
    entry = rep.history('leads', made['id'])[0]
    assert entry['detail']['actions'][0] == {'action': f'set_{key}_text', 'kind': 'set_field',
                                             'result': {'set': {'custom': {f'{key}_text': 'ab'}}}}
    assert entry['changes'][f'custom.{key}_boolean'] == {'old': True, 'new': False}
    custom = rep.moved('leads', made['id'], 'again')['custom']
    today = rows("select (sluice.now() at time zone 'UTC')::date::text as d")[0]['d']
    assert (custom[f'{key}_date'], custom[f'{key}_datetime'][:10], custom[f'{key}_user']) == (today, today, rep.user['id'])
    assert f'{key}_text' not in custom


@pytest.mark.parametrize('t, params, member', [
    ('integer', {'value': 'x'}, 'value'), ('integer', {'value': 1001}, 'value'), ('choice', {'value': 'bronze'}, 'value'),
    ('multi_choice', {'value': ['gold', 'bronze']}, 'value'), ('date', {'value': '2026-02-30'}, 'value'), ('date', {'from': 'now'}, 'from'),
    ('text', {'from': 'actor'}, 'from')])
def test_an_action_that_could_not_is_not_kept(admin, rows, field, key, t, params, member):
    """Lint says it of a draft, and the database of a text that is put in force without it."""
    field('lead', t, **LIMITS.get(t, {}))
    draft = begin(admin, process(key))
    answer = put(admin, f'/v1/blueprints/{draft["id"]}/transitions/wait', {
        'from': ['open'], 'to': 'waiting', 'label': label('Wait'), 'actions': [sets(key, **params)]})
    assert fault(answer, 422, 'validation_failed', f'/transitions/1/actions/0/params/{member}', 'invalid')
    assert admin.delete(f'/v1/blueprints/{draft["id"]}').status_code == 204


def test_a_choice_that_is_named_stays(admin, rows, field, key):
    """What a guard compares with or an input offers can be reached: a choice does not vanish below them."""
    kept = field('lead', 'choice', choices=CHOICES)
    groups = [{'key': 'either', 'op': 'any', 'guards': [{'key': 'tier', 'kind': 'field_compare', 'params': {
        'field': f'custom.{key}', 'op': 'in', 'value': ['gold']}}]}]
    at = f'/v1/custom-fields/{kept["id"]}'

    def told():
        answer = admin.patch(at, json={'choices': CHOICES[1:]})
        assert admin.get(at).json()['choices'] == kept['choices']
        return problem(answer, 409, 'in_use')['detail']
    for n, part in enumerate(({'guards': groups}, {'inputs': collects({'field': key, 'choices': ['gold']})})):
        with blueprint(rows, 'lead', f'{key}_{n}', STATES, moves(**part)):
            assert told() == f'The process "{key}_{n}" (version 1), {("guard", "input")[n]} "{("tier", "in_0")[n]}" of "go", ' \
                'names the choice "gold"; take it out first.'
    publish(rows, 'lead', f'{key}_c', 100, groups)
    try:
        assert told() == f'The process "{key}_c" (version 1), criterion "tier" of "{key}_c", names the choice "gold"; take it out first.'
    finally:
        retire(rows, f'{key}_c')
    with blueprint(rows, 'lead', f'{key}_f', STATES, moves(inputs=collects(key))):  # the field, and any choice of it
        assert [c['key'] for c in admin.patched('custom-fields', kept['id'], choices=CHOICES[1:])['choices']] == ['silver']


def test_definitions_that_processes_need(admin, rep, rows, field, key, number):
    """What a process collects or sets stays, and stays of its type; what an action sets stays a value."""
    asked = field('lead', 'integer')
    level = field('lead', 'choice', f'{key}_c', choices=CHOICES)
    names = {'process': f'The process "{key}" (version 1)'}
    with blueprint(rows, 'lead', key, STATES, moves(inputs=collects(key), actions=[sets(f'{key}_c', value='silver')])):
        for made, element in ((asked, 'input "in_0"'), (level, f'action "set_{key}_c"')):
            answer = admin.patch(f'/v1/custom-fields/{made["id"]}', json={'archived': True})
            assert problem(answer, 409, 'in_use')['detail'] == f'{names["process"]}, {element} of "go", names the field; take it out first.'
        problem(admin.patch(f'/v1/custom-fields/{asked["id"]}', json={'type': 'text'}), 409, 'in_use')
        answer = admin.patch(f'/v1/custom-fields/{level["id"]}', json={'choices': CHOICES[:1]})
        assert problem(answer, 409, 'in_use')['detail'] == (
            f'The action "set_{key}_c" of "go" in the process "{key}" sets the field: Send one of the choices.')
        admin.patched('custom-fields', level['id'], choices=CHOICES[1:])
        made = rep.make('leads', last_name=f'Needs {number}')
    assert rep.moved('leads', made['id'], 'go', fields={'custom': {key: 3}})['custom'] == {key: 3, f'{key}_c': 'silver'}
    admin.patched('custom-fields', asked['id'], archived=True)


def test_drafts_keep_them_private(rep, rep2, rows, field, key, number):
    """A half-filled form keeps its values and tells what is missing; the record has none of it."""
    field('lead', 'integer')
    field('lead', 'date', f'{key}_d')
    with blueprint(rows, 'lead', key, STATES, moves(inputs=collects({'field': key, 'required': True}, {'field': f'{key}_d', 'required': True}))):
        made = rep.make('leads', last_name=f'Draft {number}')
    at = f'/v1/leads/{made["id"]}/transitions/go/draft'
    kept = rep.call('PUT', at, json={'fields': {'custom': {key: 5}}}).json()
    assert (kept['complete'], kept['body']) == (50, {'fields': {'custom': {key: 5}}})
    assert [m['pointer'] for m in kept['missing']] == [f'/fields/custom/{key}_d']
    problem(rep2.get(at), 404, 'not_found')
    assert rep.read('leads', made['id']) == made
    body = {'fields': {'custom': {key: 5, f'{key}_d': '2026-01-01'}}}
    assert rep.call('PUT', at, json=body).json()['complete'] == 100
    assert rep.moved('leads', made['id'], 'go', **body)['custom'] == body['fields']['custom']


def test_bulk_shares_them(rep, rows, field, key, number):
    """What is the same for all, with what one brings of its own, key by key."""
    field('lead', 'integer')
    field('lead', 'text', f'{key}_t')
    with blueprint(rows, 'lead', key, STATES, moves(inputs=collects({'field': key, 'required': True}, f'{key}_t'))):
        ids = [rep.make('leads', last_name=f'Bulk {number} {n}')['id'] for n in range(3)]
    answer = rep.post('/v1/leads/transitions/go', json={
        'ids': ids, 'fields': {'custom': {key: 1}},
        'each': {ids[0]: {'fields': {'custom': {f'{key}_t': 'own'}}}, ids[1]: {'fields': {'custom': {key: 'x'}}}}})
    assert answer.status_code == 207, answer.text
    assert [i['status'] for i in answer.json()['items']] == [200, 422, 200]
    assert [e['pointer'] for e in answer.json()['items'][1]['problem']['errors']] == [f'/fields/custom/{key}']
    assert [rep.read('leads', i)['custom'] for i in ids] == [{key: 1, f'{key}_t': 'own'}, {}, {key: 1}]


def test_bulk_filters_by_them(rep, rows, field, key, number):
    """A bulk chooses as lists do; what it cannot look for is refused in the body, before anything moves."""
    for name, t in (('n', 'integer'), ('d', 'decimal'), ('on', 'date'), ('m', 'multi_choice'), ('b', 'boolean')):
        field('lead', t, f'{key}_{name}', indexed=True, **({'choices': CHOICES} if 'choice' in t else {}))
    field('lead', 'text', f'{key}_u')
    with blueprint(rows, 'lead', key, STATES, moves({'key': 'stay', 'from': ['new'], 'to': 'new'})):
        ids = [rep.make('leads', last_name=f'Filter {number} {n}', custom={
            f'{key}_n': n, f'{key}_d': f'{n * 5}.5', f'{key}_on': f'2026-01-1{n}', f'{key}_m': ['gold', 'silver'][:n],
            f'{key}_b': n == 2})['id'] for n in range(3)]

    def chosen(**of):
        answer = rep.post('/v1/leads/transitions/stay', json={'filter': {f'custom.{key}_{k}': v for k, v in of.items()}})
        assert answer.status_code == 207, answer.text
        return sorted(ids.index(i['id']) for i in answer.json()['items'])
    assert chosen(**{'n[gte]': 1}) == [1, 2] and chosen(**{'n[gte]': 1, 'd[lt]': 10.5}) == [1]
    assert chosen(**{'n': [0, 2]}) == [0, 2] and chosen(**{'on[gt]': '2026-01-10', 'b': False}) == [1]
    assert chosen(**{'m[any]': ['gold', 'silver']}) == [1, 2] and chosen(**{'m[all]': ['gold', 'silver']}) == [2]
    before = [rep.read('leads', i) for i in ids]
    for name, value, code in (('n', 'ten', 'type'), ('n[like]', 1, 'unknown'), ('x', 1, 'unknown'), ('u', 'x', 'not_indexed'),
                              ('n[all]', [1], 'unknown'), ('n', {'a': 1}, 'type')):
        answer = rep.post('/v1/leads/transitions/stay', json={'filter': {f'custom.{key}_{name}': value}})
        found = problem(answer, 422, 'validation_failed')['errors']
        assert [(e['pointer'].split('/0')[0], e['code']) for e in found] == [(f'/filter/custom.{key}_{name}', code)]
    assert [rep.read('leads', i) for i in ids] == before


def test_steps_collect_them(rep, rows, field, key, number):
    """A step fills fields without a move; what it must have is asked for."""
    field('account', 'decimal', minimum=0)
    steps = {'steps': [{'key': 'check', 'label': label('Check'), 'inputs': collects({'field': key, 'required': True})}]}
    with blueprint(rows, 'account', key, [('new', 'open', steps), ('over', 'won')], moves(
            guards=[{'key': 'checked', 'kind': 'steps_done', 'params': {}}])):
        made = rep.make('accounts', name=f'Steps {number}')
    at = f'/v1/accounts/{made["id"]}/steps'
    assert rep.get(at).json()['items'][0]['inputs'][0]['type'] == 'decimal'
    fault(rep.post(f'{at}/check', json={}), 422, 'validation_failed', f'/fields/custom/{key}', 'required')
    fault(rep.post(f'{at}/check', json={'fields': {'custom': {key: '-1'}}}), 422, 'validation_failed', f'/fields/custom/{key}', 'range')
    assert rep.post(f'{at}/check', json={'fields': {'custom': {key: '1.50'}}}).status_code == 200
    assert rep.moved('accounts', made['id'], 'go')['custom'] == {key: '1.50'}
    changes = [e['changes'].get(f'custom.{key}') for e in rep.history('accounts', made['id'])]
    assert [c for c in changes if c] == [{'old': None, 'new': '1.50'}]


def test_a_user_of_the_record_may(admin, rep, rep2, rows, field, key, number):
    """Who may: a user-valued custom field of the record."""
    field('lead', 'user')
    with blueprint(rows, 'lead', key, STATES, moves(actors=[{'kind': 'field', 'value': f'custom.{key}'}])):
        made = rep.make('leads', last_name=f'Who {number}', custom={key: rep2.user['id']})
        answer = admin.get('/v1/custom-fields', params={'entity': 'lead', 'limit': 200})
        own = [f for f in answer.json()['items'] if f['key'] == key][0]
        problem(admin.patch(f'/v1/custom-fields/{own["id"]}', json={'archived': True}), 409, 'in_use')
    problem(rep.move('leads', made['id'], 'go'), 403, 'not_transition_owner')
    assert rep2.moved('leads', made['id'], 'go')['status'] == 'over'
    draft = begin(admin, process(f'{key}_draft', transitions=[
        {**t, 'actors': [{'kind': 'field', 'value': 'custom.nobody'}]} if t['key'] == 'wait' else t for t in process(key)['transitions']]))
    assert ('error', 'unknown_field', '/transitions/1/actors/0/value') in findings(admin, draft['id'])
    assert admin.delete(f'/v1/blueprints/{draft["id"]}').status_code == 204


def test_criteria_ask_for_them(admin, rep, rows, field, key, number):
    """Which process a new record gets hangs on its custom fields, and lint judges what criteria name."""
    field('lead', 'choice', choices=CHOICES)
    asked = {'key': 'gold', 'kind': 'field_compare', 'params': {'field': f'custom.{key}', 'op': 'eq', 'value': 'gold'}}
    publish(rows, 'lead', key, 999, [asked])
    gold, silver = (rep.make('leads', last_name=f'Criteria {number}', custom={key: c}) for c in ('gold', 'silver'))
    retire(rows, key)
    assert process_of(rep, 'leads', gold['id']) == key
    assert process_of(rep, 'leads', silver['id']) == 'lead_default'
    draft = begin(admin, process(f'{key}_draft', criteria=[{**asked, 'params': {**asked['params'], 'value': 'bronze'}}]))
    assert findings(admin, draft['id'])[:1] == [('error', 'wrong_value', '/criteria/0/params/value')]
    assert admin.delete(f'/v1/blueprints/{draft["id"]}').status_code == 204


def test_a_shell_without_a_database_cannot_tell(daemon, field, key, tmp_path):
    """`lint` warns that it does not know; `apply` asks the database, and refuses what is not there."""
    field('lead', 'choice', choices=CHOICES)
    guards = [{'key': 'a', 'kind': 'field_compare', 'params': {'field': f'custom.{key}', 'op': 'eq', 'value': 'bronze'}},
              {'key': 'b', 'kind': 'field_present', 'params': {'field': f'custom.{key}x'}}]
    text = tmp_path / 'custom.json'
    text.write_text(json.dumps(process(key, transitions=[{**t, 'guards': guards} if t['key'] == 'finish' else t
                                                         for t in process(key)['transitions']])))
    done = sluicectl(daemon, 'lint', text)
    at = f'{text}: warning: /transitions/2/guards'
    assert done.returncode == 0 and f'{at}/0/params/field' in done.stdout and f'{at}/1/params/field' in done.stdout
    assert done.stdout.count('(custom_unchecked)') == 2
    done = sluicectl(daemon, 'apply', text, '--base', 0)
    assert done.returncode == 1 and 'custom_unchecked' not in done.stdout
    assert '/transitions/2/guards/0/params/value: The custom field' in done.stdout
    assert f'There is no custom field "{key}x"; did you mean "custom.{key}"?' in done.stdout


def test_a_draft_is_simulated_with_them(admin, rep, rows, field, key, number):
    """What a guard on a custom field would do to records that there are."""
    field('lead', 'integer')
    with blueprint(rows, 'lead', key, STATES, moves()):
        for n in (1, 5, 20):
            rep.make('leads', last_name=f'Simulated {number} {n}', custom={key: n})
        rep.make('leads', last_name=f'Simulated {number} none')
        version = {'entity': 'lead', 'key': key, 'number': 2, 'label': label(key),
                   'states': [{'key': k, 'category': c, 'label': label(k)} for k, c in STATES],
                   'transitions': [{'label': label(m['key']), **m} for m in moves(guards=[
                       {'key': 'big', 'kind': 'field_compare', 'params': {'field': f'custom.{key}', 'op': 'gte', 'value': 5}}])]}
        rows('select sluice.blueprint_import(%s::jsonb)', json.dumps(version))
        draft = rows("select v.id from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id "
                     "where b.key = %s and v.number = 2", key)[0]['id']
        answer = admin.post(f'/v1/blueprints/{draft}/simulate', json={})
        assert answer.status_code == 200, answer.text
        go = [t for t in answer.json()['transitions'] if t['transition'] == 'go'][0]
        assert (go['before'], go['after'], go['lost']) == (4, 2, 2)
