"""Custom fields: what a definition says, what values it takes, where they are seen."""
import datetime
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from test_blueprints import begin, findings, process, put
from test_import import Import
from helpers import STATES, blueprint, born, failures, fault, label, problem

_numbers = itertools.count(1)


@pytest.fixture
def key():
    """A key that no other test uses."""
    return f'field_{next(_numbers)}'


@pytest.fixture
def field(admin, key):
    """Defines a field; no other test has to fill them."""
    made = []

    def make(entity, type='text', key=key, **members):
        made.append(admin.make('custom-fields', entity=entity, key=key, type=type, **members))
        return made[-1]
    yield make
    for f in made:
        admin.patch(f'/v1/custom-fields/{f["id"]}', json={'required': False})  # gone, if the test deleted it


def errors(answer):
    return {(e['pointer'], e['code']) for e in problem(answer, 422, 'validation_failed')['errors']}


CHOICES = [{'key': 'gold', 'label': label('Gold')}, {'key': 'silver', 'label': label('Silver')}]
LIMITS = {'integer': {'minimum': -5, 'maximum': 1000}, 'decimal': {'minimum': 0}, 'text': {'min_length': 2, 'max_length': 20},
          'choice': {'choices': CHOICES}, 'multi_choice': {'choices': CHOICES}}
VALUES = {  # type: what it takes; what it does not, and why
    'text': (['Straße', 'ab'], [('a', 'length'), (3, 'type'), ('x' * 21, 'length'), ('a\x00b'.replace('\x00', '\x07'), 'format')]),
    'long_text': (['one\ntwo', 'x' * 20000], [('x' * 20001, 'length'), (True, 'type')]),
    'integer': ([-5, 0, 1000], [(-6, 'range'), (1001, 'range'), ('7', 'type'), (1.5, 'type')]),
    'decimal': (['0', '12.5000', '99999999999999.9999'], [('-0.01', 'range'), ('1,5', 'format'), (1.5, 'type'), ('0.00001', 'format')]),
    'boolean': ([True, False], [('true', 'type'), (1, 'type')]),
    'date': (['2026-02-28'], [('2026-02-30', 'format'), ('28.02.2026', 'format')]),
    'datetime': (['2026-02-28T10:00:00Z', '2026-02-28T10:00:00.5+02:00'], [('2026-02-28', 'format'), ('2026-02-28T25:00:00Z', 'format')]),
    'choice': (['gold'], [('bronze', 'enum'), (['gold'], 'type')]),
    'multi_choice': ([['gold', 'silver'], []], [(['bronze'], 'enum'), (['gold', 'gold'], 'repeated'), ('gold', 'type')]),
    'url': (['https://example.com/a?b=1'], [('example.com', 'format'), ('javascript:alert(1)', 'format')]),
    'email': (['anna@example.com'], [('anna', 'format')]),
    'phone': (['+48 22 123 45 67'], [('call me', 'format'), ('+', 'format')]),
}


def test_every_type(rep, field, number):
    """What a type takes comes back as it was sent, and stays in a list; what it does not take is refused at its place."""
    keys = {t: f'every_{t}' for t in VALUES}
    for t in VALUES:
        field('contact', t, keys[t], **LIMITS.get(t, {}))
    who = rep.make('contacts', last_name=f'Every {number}')
    assert who['custom'] == {}
    for t, (good, bad) in VALUES.items():
        for value in good:
            was = rep.patched('contacts', who['id'], custom={keys[t]: value})
            assert was['custom'][keys[t]] == value
        for value, code in bad:
            answer = rep.patch(f'/v1/contacts/{who["id"]}', json={'custom': {keys[t]: value}})
            pointer = problem(answer, 422, 'validation_failed')['errors'][0]['pointer']
            assert pointer.startswith(f'/custom/{keys[t]}') and answer.json()['errors'][0]['code'] == code, (t, value, answer.json())
    whole = {keys[t]: good[-1] for t, (good, _) in VALUES.items()}
    assert rep.read('contacts', who['id'])['custom'] == whole
    again = rep.make('contacts', last_name=f'Every {number}', custom=whole)
    assert again['custom'] == whole
    # all faults in one answer
    answer = rep.post('/v1/contacts', json={'last_name': 'X', 'custom': {keys['integer']: 'x', keys['date']: 1, 'nothing': 2}})
    assert errors(answer) == {(f'/custom/{keys["integer"]}', 'type'), (f'/custom/{keys["date"]}', 'type'), ('/custom/nothing', 'unknown')}


def test_user(rep, field, key, number):
    field('lead', 'user')
    made = rep.make('leads', last_name=f'User {number}', custom={key: rep.user['id']})
    assert made['custom'] == {key: rep.user['id']}
    nobody = '01995e00-0000-7000-8000-00000000dead'
    answer = rep.patch(f'/v1/leads/{made["id"]}', json={'custom': {key: nobody}})
    fault(answer, 422, 'validation_failed', f'/custom/{key}', 'invalid')
    assert rep.read('leads', made['id']) == made


def test_pattern(admin, rep, field, key, number):
    made = field('account', pattern='^[A-Z]{2}-[0-9]+$')
    account = rep.make('accounts', name=f'Pattern {number}', custom={key: 'PL-12'})
    answer = rep.patch(f'/v1/accounts/{account["id"]}', json={'custom': {key: 'pl12'}})
    assert fault(answer, 422, 'validation_failed', f'/custom/{key}', 'pattern')['detail'] == \
        'Send a text that matches ^[A-Z]{2}-[0-9]+$.'
    answer = admin.patch(f'/v1/custom-fields/{made["id"]}', json={'pattern': '(a'})
    assert fault(answer, 422, 'validation_failed', '/pattern', 'format')['detail'].startswith('This is no pattern: ')
    admin.patched('custom-fields', made['id'], pattern='^(a+)+$')  # would take for ever
    assert rep.patch(f'/v1/accounts/{account["id"]}', json={'custom': {key: 'a' * 400 + 'b'}}).status_code == 422


@pytest.mark.parametrize('entity, members', [
    ('lead', {'last_name': 'Needed'}), ('account', {'name': 'Needed'}), ('contact', {'last_name': 'Needed'}),
    ('opportunity', {'name': 'Needed'})])
def test_required(admin, rep, rows, field, entity, members, number):
    key, plural = f'needed_{entity}', f'{entity}s'.replace('ys', 'ies')
    if entity == 'opportunity':
        members = {**members, 'account_id': rep.make('accounts', name=f'Needs {number}')['id']}
    before = rep.make(plural, **members)
    made = field(entity, 'integer', key)
    admin.patched('custom-fields', made['id'], required=True)
    fault(rep.post(f'/v1/{plural}', json=members), 422, 'validation_failed', f'/custom/{key}', 'required')
    fault(rep.post(f'/v1/{plural}', json={**members, 'custom': {key: None}}), 422, 'validation_failed', f'/custom/{key}', 'null')
    record = rep.make(plural, **members, custom={key: 7})
    fault(rep.patch(f'/v1/{plural}/{record["id"]}', json={'custom': {key: None}}), 422, 'validation_failed', f'/custom/{key}', 'null')
    assert rep.patched(plural, before['id'], description='older')['custom'] == {}  # what was there is left in peace
    assert rows(f'select count(*) from sluice.{entity} where custom ? %s', key)[0]['count'] == 1


def test_merge_patch_and_history(rep, field, key, number):
    field('account', 'integer')
    field('account', 'text', f'{key}_b')
    account = rep.make('accounts', name=f'History {number}', custom={key: 1})
    one = rep.patched('accounts', account['id'], custom={f'{key}_b': 'two'})
    assert one['custom'] == {key: 1, f'{key}_b': 'two'} and one['version'] == account['version'] + 1
    assert rep.patched('accounts', account['id'], custom={f'{key}_b': 'two'}) == one  # nothing changed
    assert rep.patched('accounts', account['id'], custom={key: None, f'{key}_b': 'three'})['custom'] == {f'{key}_b': 'three'}
    entries = rep.get(f'/v1/accounts/{account["id"]}/history').json()['items']
    assert [{k: v for k, v in e['changes'].items() if k.startswith('custom')} for e in entries] == [
        {f'custom.{key}': {'old': 1, 'new': None}, f'custom.{key}_b': {'old': 'two', 'new': 'three'}},
        {f'custom.{key}_b': {'old': None, 'new': 'two'}},
        {f'custom.{key}': {'old': None, 'new': 1}}]
    told = rep.get(f'/v1/accounts/{account["id"]}/timeline').json()['items']
    assert any(f'custom.{key}_b' in str(t['data']) for t in told)


def test_definitions(admin, rep, viewer, field, key, number):
    """What makes no sense is refused where it stands; what values rely on stays."""
    def refused(pointer, **members):
        answer = admin.post('/v1/custom-fields', json={'entity': 'lead', 'key': f'{key}_x', 'type': 'text', **members})
        fault(answer, 422, 'validation_failed', pointer, 'invalid')
    refused('/key', key='company')
    refused('/choices', type='choice')
    refused('/choices', choices=CHOICES)
    refused('/choices', type='choice', choices=[CHOICES[0], CHOICES[0]])
    refused('/pattern', type='integer', pattern='a')
    refused('/minimum', minimum=1)
    refused('/minimum', type='integer', minimum=2, maximum=1)
    refused('/min_length', min_length=5, max_length=4)
    refused('/max_length', max_length=501)
    refused('/indexed', type='long_text', indexed=True)
    made = field('lead', 'choice', choices=CHOICES)
    problem(admin.post('/v1/custom-fields', json={'entity': 'lead', 'key': key, 'type': 'text'}), 409, 'conflict')
    assert viewer.read('custom-fields', made['id']) == made
    problem(viewer.patch(f'/v1/custom-fields/{made["id"]}', json={'position': 1}), 403, 'forbidden')
    listed = viewer.get('/v1/custom-fields', params={'entity': 'lead', 'type': 'choice', 'sort': 'position', 'limit': 200})
    assert made in listed.json()['items']
    lead = rep.make('leads', last_name=f'Definitions {number}', custom={key: 'gold'})
    at = f'/v1/custom-fields/{made["id"]}'
    fault(admin.patch(at, json={'choices': [CHOICES[1]]}), 422, 'validation_failed', '/choices', 'invalid')
    assert 'have the choice "gold"' in admin.patch(at, json={'choices': [CHOICES[1]]}).json()['detail']
    fault(admin.patch(at, json={'type': 'text', 'choices': None}), 422, 'validation_failed', '/type', 'invalid')
    assert admin.patched('custom-fields', made['id'], choices=[CHOICES[0]])['choices'] == [CHOICES[0]]
    problem(admin.delete(at), 409, 'in_use')
    # put away: values stay, nobody can write them
    admin.patched('custom-fields', made['id'], archived=True)
    assert rep.read('leads', lead['id'])['custom'] == {key: 'gold'}
    fault(rep.patch(f'/v1/leads/{lead["id"]}', json={'custom': {key: 'gold'}}), 422, 'validation_failed', f'/custom/{key}', 'unknown')
    assert rep.patched('leads', lead['id'], company='Other')['custom'] == {key: 'gold'}
    admin.patched('custom-fields', made['id'], archived=False)
    rep.patched('leads', lead['id'], custom={key: None})
    assert admin.delete(at).status_code == 204
    problem(admin.get(at), 404, 'not_found')


def test_conversion_carries(rep, admin, field, key, qualified, number):
    """Fields with equal keys and types follow the lead; what is given wins."""
    for entity in ('lead', 'account', 'contact', 'opportunity'):
        field(entity, 'text')
    field('lead', 'integer', f'{key}_n')
    field('account', 'text', f'{key}_n')  # of another type
    lead = qualified(last_name=f'Carried {number}', company=f'Carried {number}', need='crane', budget_confirmed=True,
                     custom={key: 'K-1', f'{key}_n': 4})
    answer = rep.post(f'/v1/leads/{lead["id"]}/conversion', json={'opportunity': {'name': 'Deal', 'custom': {key: 'K-2'}}})
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert rep.read('accounts', made['account']['id'])['custom'] == {key: 'K-1'}
    assert rep.read('contacts', made['contact']['id'])['custom'] == {key: 'K-1'}
    assert rep.read('opportunities', made['opportunity']['id'])['custom'] == {key: 'K-2'}


def test_guards_see_values(admin, rep, rows, field, key, number):
    """A guard names a field by its path; the field stays in use as long as a process names it."""
    made = field('lead', 'integer')
    guards = [{'key': 'big', 'kind': 'field_compare', 'label': label('Big'),
               'params': {'field': f'custom.{key}', 'op': 'gte', 'value': 10}}]
    with blueprint(rows, 'lead', key, STATES, born()[:1] + [
            {'key': 'go', 'from': ['new'], 'to': 'over', 'guards': guards}]):
        lead = rep.make('leads', last_name=f'Guarded {number}', custom={key: 9})
        refused = failures(rep.move('leads', lead['id'], 'go'))['big']
        assert (refused['path'], refused['observed']) == (f'custom.{key}', 9)
        rep.patched('leads', lead['id'], custom={key: 10})
        answer = admin.patch(f'/v1/custom-fields/{made["id"]}', json={'archived': True})
        assert problem(answer, 409, 'in_use')['detail'] == \
            f'The process "{key}" (version 1), guard "big" of "go", names the field; take it out first.'
        assert rep.moved('leads', lead['id'], 'go')['status'] == 'over'
    assert admin.patched('custom-fields', made['id'], archived=True)['archived'] is True


def filled(field, key, entity):
    """Fields of an entity that texts from outside fill; their keys."""
    keys = {t: f'{key}_{t}' for t in ('integer', 'decimal', 'date', 'boolean', 'choice', 'multi_choice')}
    for t, own in keys.items():
        field(entity, t, own, **LIMITS.get(t, {}))
    return keys


WRITTEN = {'integer': ('1 000', 1000), 'decimal': ('1.234,50', '1234.50'), 'date': ('24.12.2026', '2026-12-24'),
           'boolean': ('tak', True), 'choice': ('Gold', 'gold'), 'multi_choice': ('silver; GOLD', ['silver', 'gold'])}
WRONG = {'integer': ('1001', 'range'), 'decimal': ('-1', 'range'), 'date': ('31.02.2026', 'format'),
         'boolean': ('perhaps', 'type'), 'choice': ('Bronze', 'enum')}


def test_a_form_fills_them(admin, anonymous, rep, field, key, number):
    """A page sends text, by the names that it has; what is wrong is told by those names, too."""
    keys = filled(field, key, 'lead')
    made = admin.make('intake-forms', form=f'{key}_form', name='Form', source='web', required=['last_name', f'custom.{keys["integer"]}'],
                      fields=['last_name'] + [f'custom.{k}' for k in keys.values()], mapping={'seats': f'custom.{keys["integer"]}'})

    def send(**more):
        return anonymous.post(f'/v1/intake/{made["form"]}', params={'key': made['key']}, **more)

    def named(t):
        return 'seats' if t == 'integer' else f'custom.{keys[t]}'
    answer = send(data={'last_name': f'Form {number}', **{named(t): text for t, (text, _) in WRITTEN.items()}})
    assert answer.status_code == 201, answer.text
    lead = admin.read('leads', answer.json()['id'])
    assert lead['custom'] == {keys[t]: value for t, (_, value) in WRITTEN.items()}
    # JSON has types of its own
    answer = send(json={'last_name': f'Form {number} b', 'seats': 7, f'custom.{keys["multi_choice"]}': ['gold']})
    assert answer.status_code == 201, answer.text
    assert admin.read('leads', answer.json()['id'])['custom'] == {keys['integer']: 7, keys['multi_choice']: ['gold']}
    answer = send(data={'last_name': f'Form {number}', **{named(t): text for t, (text, _) in WRONG.items()}})
    assert errors(answer) == {(f'/{named(t)}', code) for t, (_, code) in WRONG.items()}
    assert [e['detail'] for e in answer.json()['errors'] if e['pointer'] == '/seats'] == ['Send a number from -5 to 1000.']
    assert errors(send(data={'last_name': 'X'})) == {('/seats', 'required')}


def test_a_form_and_a_required_field(admin, anonymous, field, key, number):
    """What records cannot be without is asked for, whether the form lists it or not; the form keeps the field in use."""
    made = field('lead', 'text')
    form = admin.make('intake-forms', form=f'{key}_form', name='Form', source='web', fields=['last_name', f'custom.{key}'])
    answer = admin.patch(f'/v1/custom-fields/{made["id"]}', json={'archived': True})
    assert problem(answer, 409, 'in_use')['detail'] == f'The intake form "{key}_form" names the field; take it out first.'
    admin.patched('custom-fields', made['id'], required=True)
    answer = anonymous.post(f'/v1/intake/{form["form"]}', params={'key': form['key']}, json={'last_name': 'X'})
    assert errors(answer) == {(f'/custom.{key}', 'required')}
    for n, name in enumerate([f'custom.{key}_no', 'source', 'estimated_value.amount', 'custom']):
        answer = admin.patch(f'/v1/intake-forms/{form["id"]}', json={'fields': ['last_name'] * n + [name]})
        fault(answer, 422, 'validation_failed', f'/fields/{n}', 'enum')
    admin.patched('intake-forms', form['id'], fields=['last_name'])
    admin.patched('custom-fields', made['id'], archived=True)


@pytest.mark.parametrize('entity, name', [('lead', 'last_name'), ('account', 'name'), ('contact', 'last_name')])
def test_an_import_fills_them(admin, manager, rows, field, key, entity, name, number):
    """Columns are found by key and label; a row is refused with its column and the sentence."""
    keys = filled(field, key, entity)
    field(entity, 'text', f'{key}_needed', label={'en': f'Needed {key}', 'pl': f'Wymagane {key}'})
    head = [name, *keys.values(), f'wymagane {key.upper()}']
    lines = [[f'Import {key} a', *(text for text, _ in WRITTEN.values()), 'x'],
             [f'Import {key} b', *(WRONG.get(t, ('gold, gold', 0))[0] for t in keys), 'x']]
    done = Import(manager, '\n'.join('\t'.join(line) for line in [head, *lines, [f'Import {key} c'] + [''] * 7]) + '\n', entity)
    proposed = done.propose()['columns']
    assert [c['field'] for c in proposed] == [name] + [f'custom.{k}' for k in [*keys.values(), f'{key}_needed']]
    assert [c['confidence'] for c in proposed[1:]] == [1.0] * 7
    admin.patched('custom-fields', [f for f in admin.get('/v1/custom-fields', params={'entity': entity, 'limit': 200}).json()['items']
                                    if f['key'] == f'{key}_needed'][0]['id'], required=True)
    done.do('run')
    good, bad, bare = done.rows()
    assert (good['outcome'], bad['outcome'], bare['outcome']) == ('created', 'invalid', 'invalid')
    got = rows(f'select custom from sluice.{entity} where id = %s', good['record_id'])[0]['custom']
    assert got == {**{keys[t]: value for t, (_, value) in WRITTEN.items()}, f'{key}_needed': 'x'}
    assert {(e['column'], e['code']) for e in bad['errors']} == {
        (keys[t], code) for t, (_, code) in {**WRONG, 'multi_choice': ('', 'repeated')}.items()}
    assert 'Send a number from -5 to 1000.' in [e['detail'] for e in bad['errors']]
    assert [(e['column'], e['pointer'], e['code']) for e in bare['errors']] == [
        (f'wymagane {key.upper()}', f'/custom/{key}_needed', 'required')]
    other = Import(manager, 'a,b\n1,2\n', entity)
    other.propose()
    answer = manager.call('PUT', other.url('/mapping'), json={'columns': [{'position': 1, 'field': f'custom.{key}_no'}]})
    fault(answer, 422, 'validation_failed', '/columns/0/field', 'unknown')


def test_processes_name_fields_that_are_there(admin, field, key):
    """Lint knows the fields of the record and of those related to it; an archived one is none."""
    field('lead', 'integer')
    field('account', 'choice', f'{key}_c', choices=CHOICES)
    gone = field('lead', 'text', f'{key}_old')
    admin.patched('custom-fields', gone['id'], archived=True)

    def guard(n, kind, **params):
        return {'key': f'g{n}', 'kind': kind, 'params': params}
    draft = begin(admin, process(key))
    at = f'/v1/blueprints/{draft["id"]}'
    answer = put(admin, f'{at}/transitions/finish', {
        'from': ['open', 'waiting'], 'to': 'done', 'label': label('Finish'), 'guards': [
            guard(0, 'field_compare', field=f'custom.{key}', op='gte', value=10),
            guard(1, 'related_field', field=f'account.custom.{key}_c', op='eq', value='gold'),
            guard(2, 'field_present', field=f'custom.{key}_old'),
            guard(3, 'field_present', field='custom.nowhere'),
            guard(4, 'related_field', field=f'account.custom.{key}', op='eq', value=1)]})
    assert answer.status_code in (200, 201), answer.text
    guards = '/transitions/2/guards'
    assert [f for f in findings(admin, draft['id']) if f[1] == 'unknown_field'] == [
        ('error', 'unknown_field', f'{guards}/{n}/params/field') for n in (2, 3, 4)]
    named = [f for f in admin.get('/v1/custom-fields', params={'entity': 'account', 'limit': 200}).json()['items'] if f['key'] == f'{key}_c']
    answer = admin.patch(f'/v1/custom-fields/{named[0]["id"]}', json={'archived': True})
    assert problem(answer, 409, 'in_use')['detail'] == \
        f'The process "{key}" (a draft), guard "g1" of "finish", names the field; take it out first.'
    assert admin.delete(at).status_code == 204


@pytest.fixture
def shelf(rep, field, key, number):
    """Five accounts with values of indexed fields, and one without; how to list them."""
    for name, t in (('n', 'integer'), ('d', 'decimal'), ('on', 'date'), ('at', 'datetime'), ('c', 'choice'), ('m', 'multi_choice'), ('b', 'boolean')):
        field('account', t, f'{key}_{name}', indexed=True, **({'choices': CHOICES} if 'choice' in t else {}))
    field('account', 'text', f'{key}_t', indexed=True)
    field('account', 'text', f'{key}_u')
    text = ['b', 'A', 'c', 'ä', 'a']
    for i in range(5):
        rep.make('accounts', name=f'Shelf {number} {i}', industry=key, custom={
            f'{key}_n': i * 5, f'{key}_d': f'{i}.5', f'{key}_on': f'2026-01-0{i + 1}', f'{key}_at': f'2026-01-0{i + 1}T01:00:00+02:00',
            f'{key}_c': CHOICES[i % 2]['key'], f'{key}_m': ['gold', 'silver'][:i % 3], f'{key}_b': i == 3, f'{key}_t': text[i]})
    rep.make('accounts', name=f'Shelf {number} 5', industry=key)

    def listed(**params):
        answer = rep.get('/v1/accounts', params={'industry': key, 'sort': 'name', 'count': 'exact', **params})
        assert answer.status_code == 200, answer.text
        found = [int(a['name'].split()[2]) for a in answer.json()['items']]
        assert answer.json()['count'] == len(found)
        return found
    return listed


def test_filters(shelf, admin, rep, key):
    def kept(name, op='', *values):
        return shelf(**{f'custom.{key}_{name}{op}': list(values)})
    assert kept('n', '', '10') == [2] and kept('n', '', '10', '20') == [2, 4]
    assert kept('n', '[gt]', '10') == [3, 4] and kept('n', '[gte]', '10') == [2, 3, 4]
    assert kept('n', '[lt]', '10') == [0, 1] and kept('n', '[lte]', '10') == [0, 1, 2]
    assert kept('n', '[ne]', '10') == [0, 1, 3, 4, 5]  # what has no value differs from every value
    assert kept('n', '[null]', 'true') == [5] and kept('n', '[null]', 'false') == [0, 1, 2, 3, 4]
    assert kept('d', '', '2.50') == [2] and kept('d', '[lt]', '1.5001') == [0, 1]
    assert kept('on', '[gte]', '2026-01-04') == [3, 4] and kept('on', '', '2026-01-01') == [0]
    assert kept('at', '', '2025-12-31T23:00:00Z') == [0] and kept('at', '[gt]', '2026-01-03T23:00:00Z') == [4]
    assert kept('c', '', 'gold') == [0, 2, 4] and kept('c', '', 'gold', 'silver') == [0, 1, 2, 3, 4]
    assert kept('m', '', 'silver') == [2] and kept('m', '', 'gold') == [1, 2, 4] and kept('m', '[ne]', 'gold') == [0, 3, 5]
    assert kept('m', '[any]', 'silver', 'gold') == [1, 2, 4] and kept('m', '[all]', 'silver', 'gold') == [2]
    assert kept('m', '[all]', 'gold') == [1, 2, 4] and kept('m', '[all]', 'gold', 'gold') == [1, 2, 4]
    assert kept('b', '', 'true') == [3] and kept('t', '', 'A') == [1]
    assert shelf(**{f'custom.{key}_n[gte]': 5, f'custom.{key}_n[lte]': 15, f'custom.{key}_c': 'silver'}) == [1, 3]

    def refused(params, where, code):
        only = fault(rep.get('/v1/accounts', params=params), 400, 'invalid_parameter', where, code)
        return only.get('hint')
    assert refused({f'custom.{key}_nn': '1'}, f'custom.{key}_nn', 'unknown') == f'did you mean "custom.{key}_n"?'
    plain = next(d for d in admin.get('/v1/custom-fields', params={'entity': 'account'}).json()['items'] if d['key'] == f'{key}_u')
    mend = f'an administrator has it indexed with PATCH /v1/custom-fields/{plain["id"]} {{"indexed": true}}'
    assert refused({f'custom.{key}_u': '1'}, f'custom.{key}_u', 'not_indexed') == mend
    assert refused({f'custom.{key}_c': 'golden'}, f'custom.{key}_c', 'enum') == 'did you mean "gold"?'
    assert refused({f'custom.{key}_m[any]': 'x'}, f'custom.{key}_m[any]', 'enum') == 'its choices are gold, silver'
    refused({f'custom.{key}_n': 'ten'}, f'custom.{key}_n', 'type')
    refused({f'custom.{key}_n[like]': '1'}, f'custom.{key}_n[like]', 'unknown')
    refused({f'custom.{key}_c[all]': 'gold'}, f'custom.{key}_c[all]', 'unknown')
    refused({f'custom.{key}_t[gt]': 'a'}, f'custom.{key}_t[gt]', 'unknown')
    refused({f'custom.{key}_n[gte]': ['1', '2']}, f'custom.{key}_n[gte]', 'repeated')
    refused({f'custom.{key}_n[null]': ['true', 'true']}, f'custom.{key}_n[null]', 'repeated')
    refused({'sort': f'custom.{key}_m'}, 'sort', 'enum')
    assert refused({'sort': f'custom.{key}_u'}, 'sort', 'not_indexed') == mend
    admin.patched('custom-fields', plain['id'], indexed=True)
    assert rep.get('/v1/accounts', params={f'custom.{key}_u': 'none'}).json()['items'] == []


def test_sort_and_pages(shelf, rep, key):
    assert shelf(sort=f'custom.{key}_n') == [5, 0, 1, 2, 3, 4]
    assert shelf(sort=f'-custom.{key}_at') == [4, 3, 2, 1, 0, 5]
    found, params = [], {'industry': key, 'sort': f'-custom.{key}_d', 'limit': 2, f'custom.{key}_n[null]': 'false'}
    while True:
        page = rep.get('/v1/accounts', params=params).json()
        found += [int(a['name'].split()[2]) for a in page['items']]
        if not page['next_cursor']:
            break
        params['cursor'] = page['next_cursor']
    assert found == [4, 3, 2, 1, 0]
    other = {**params, f'custom.{key}_n[null]': 'true'}
    problem(rep.get('/v1/accounts', params=other), 400, 'invalid_cursor')


PROPERTY = settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
words = st.text(st.characters(blacklist_categories=('Cs', 'Cc')), max_size=40)
whole = st.integers(-2 ** 63, 2 ** 63 - 1)  # a body with others is none
GOOD = {
    'text': st.text(st.characters(blacklist_categories=('Cs', 'Cc')), min_size=2, max_size=20),
    'integer': st.integers(-5, 1000),
    'decimal': st.decimals(0, 10 ** 10, places=4, allow_nan=False).map(str).filter(lambda t: 'E' not in t and not t.startswith('-')),
    'boolean': st.booleans(),
    'date': st.dates(datetime.date(1900, 1, 1)).map(str),
    'datetime': st.datetimes(datetime.datetime(1900, 1, 1)).map(lambda d: d.isoformat(timespec='seconds') + 'Z'),
    'choice': st.sampled_from(['gold', 'silver']),
    'multi_choice': st.lists(st.sampled_from(['gold', 'silver']), unique=True),
}
BAD = {
    'text': st.one_of(whole, st.booleans(), st.just('x'), st.text('abc', min_size=21, max_size=60)),
    'integer': st.one_of(words, st.integers(max_value=-6).filter(lambda n: n > -2 ** 53), st.integers(1001, 2 ** 53), st.booleans()),
    'decimal': st.one_of(st.text('abc .', min_size=1), st.booleans(), st.integers(-1000, -1).map(str)),
    'boolean': st.one_of(words, whole),
    'date': st.one_of(st.text('0123456789-', max_size=9), st.booleans(), whole),
    'datetime': st.one_of(st.dates().map(str), whole),
    'choice': st.one_of(words.filter(lambda w: w not in ('gold', 'silver')), st.lists(st.just('gold'))),
    'multi_choice': st.one_of(words, st.lists(words.filter(lambda w: w not in ('gold', 'silver')), min_size=1, max_size=3)),
}


@pytest.fixture(scope='module')
def property_fields(admin):
    for t in GOOD:
        admin.make('custom-fields', entity='contact', key=f'property_{t}', type=t, **LIMITS.get(t, {}))


@PROPERTY
@given(values=st.fixed_dictionaries({}, optional={f'property_{t}': s for t, s in GOOD.items()}))
def test_any_valid_values_come_back(rep, property_fields, values):
    made = rep.make('contacts', last_name='Property', custom=values)
    assert made['custom'] == values == rep.read('contacts', made['id'])['custom']


@PROPERTY
@given(values=st.fixed_dictionaries({}, optional={f'property_{t}': s for t, s in BAD.items()}).filter(bool))
def test_every_invalid_value_is_named(rep, property_fields, values):
    answer = rep.post('/v1/contacts', json={'last_name': 'Property', 'custom': values})
    named = {e['pointer'].split('/')[2] for e in problem(answer, 422, 'validation_failed')['errors']}
    assert named == set(values)
