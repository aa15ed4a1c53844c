"""Custom fields in rules: what scores and assigns leads, and what sorts accounts."""
import pytest

from test_assignment import Leads
from test_custom_fields import CHOICES
from test_segments import segment, why  # noqa: F401  pylint: disable=unused-import
from helpers import fault, label, lived, problem


def condition(key, op, value):
    return {'key': 'custom', 'kind': 'field_compare', 'params': {'field': f'custom.{key}', 'op': op, 'value': value}}


class Customized(Leads):
    """Leads with fields of an installation."""

    def open(self):
        super().open()
        for key, t, more in (('seats', 'integer', {}), ('price', 'decimal', {}), ('due', 'date', {}),
                             ('kinds', 'multi_choice', {'choices': CHOICES}), ('tier', 'choice', {'choices': CHOICES})):
            self.admin.make('custom-fields', entity='lead', key=key, type=t, **more)
        return self


@pytest.fixture(scope='module')
def leads(contract):
    yield from lived(Customized(contract))


RULES = {'seats': ('gte', 10, 10, 9), 'price': ('lt', 9.5, '9.25', '10'), 'due': ('gt', '2026-12-31', '2027-01-01', '2026-12-31'),
         'kinds': ('has_all', ['gold', 'silver'], ['silver', 'gold'], ['gold']), 'tier': ('in', ['gold'], 'gold', 'silver')}


@pytest.mark.parametrize('key', RULES)
def test_a_score_hangs_on_them(leads, key):
    """Points for a custom field, compared by its type; the explanation names it, and a change is counted."""
    op, value, good, bad = RULES[key]
    rule = leads.admin.make('score-rules', key=f'by_{key}', kind='record', points=7, conditions=[condition(key, op, value)], label=label(key))
    lead = leads.admin.make('leads', last_name='Scored', custom={key: bad})

    def score():
        leads.idle()
        return leads.admin.get(f'/v1/leads/{lead["id"]}/score').json()
    assert score()['score'] == 0
    leads.admin.patched('leads', lead['id'], custom={key: good})
    told = score()
    assert (told['score'], [p['evidence'] for p in told['parts']]) == (7, [[{'path': f'custom.{key}', 'observed': good}]])
    own = [f for f in leads.admin.get('/v1/custom-fields', params={'limit': 200}).json()['items'] if f['key'] == key][0]
    answer = leads.admin.patch(f'/v1/custom-fields/{own["id"]}', json={'archived': True})
    assert problem(answer, 409, 'in_use')['detail'] == f'The score rule "by_{key}" names the field; take it out first.'
    assert leads.admin.delete(f'/v1/score-rules/{rule["id"]}').status_code == 204


def test_a_choice_that_a_rule_names_stays(leads):
    own = leads.admin.make('custom-fields', entity='lead', key='grade', type='choice', choices=CHOICES)
    rules = (('score', 'score-rules', {'kind': 'record', 'points': 7}),
             ('assignment', 'assignment-rules', {'strategy': 'fixed', 'users': [leads.ids[1]]}))
    for what, collection, more in rules:
        rule = leads.admin.make(collection, key='graded', conditions=[condition('grade', 'in', ['gold'])], label=label('g'), **more)
        answer = leads.admin.patch(f'/v1/custom-fields/{own["id"]}', json={'choices': CHOICES[1:]})
        assert problem(answer, 409, 'in_use')['detail'] == f'The {what} rule "graded" names the choice "gold"; take it out first.'
        assert leads.admin.delete(f'/v1/{collection}/{rule["id"]}').status_code == 204
    assert leads.admin.patched('custom-fields', own['id'], choices=CHOICES[1:])['choices'] == CHOICES[1:]


@pytest.mark.parametrize('key', RULES)
def test_an_assignment_hangs_on_them(leads, key):
    op, value, good, bad = RULES[key]
    rule = leads.give(f'to_{key}', strategy='fixed', users=[leads.ids[1]], conditions=[condition(key, op, value)], label=label(key))
    ids = [leads.admin.make('leads', last_name='Given', custom=c)['id'] for c in ({key: good}, {key: bad}, {})]
    leads.idle()
    assert leads.owners(ids) == [leads.ids[1], None, None]
    own = [f for f in leads.admin.get('/v1/custom-fields', params={'limit': 200}).json()['items'] if f['key'] == key][0]
    answer = leads.admin.patch(f'/v1/custom-fields/{own["id"]}', json={'archived': True})
    assert problem(answer, 409, 'in_use')['detail'] == f'The assignment rule "to_{key}" names the field; take it out first.'
    assert leads.admin.delete(f'/v1/assignment-rules/{rule["id"]}').status_code == 204


@pytest.mark.parametrize('where, of, code', [
    ('/conditions/0/params/field', condition('nothing', 'eq', 1), 'unknown_field'),
    ('/conditions/0/params/value', condition('seats', 'gte', '10'), 'wrong_value'),
    ('/conditions/0/params/value/1', condition('tier', 'in', ['gold', 'bronze']), 'wrong_value'),
    ('/conditions/0/params/op', condition('kinds', 'eq', 'gold'), 'wrong_value'),
    ('/conditions/0/params/op', condition('seats', 'has_any', [1]), 'wrong_value'),
    ('/conditions/0/guards/0/params/field', {'key': 'g', 'op': 'any', 'guards': [condition('nothing', 'eq', 1)]}, 'unknown_field')])
def test_rules_are_judged_when_they_are_written(leads, where, of, code):
    fault(leads.admin.post('/v1/score-rules', json={'key': 'wrong', 'kind': 'record', 'points': 1, 'conditions': [of], 'label': label('W')}),
          422, 'validation_failed', where, code)
    fault(leads.admin.post('/v1/assignment-rules', json={'key': 'wrong', 'strategy': 'fixed', 'users': [leads.ids[0]], 'conditions': [of],
                                                         'label': label('W')}), 422, 'validation_failed', where, code)


# segments

@pytest.fixture(scope='module')
def accounts(admin, rep):
    fields = {}
    for t in ('integer', 'decimal', 'date', 'datetime', 'boolean', 'text'):
        fields[t] = admin.make('custom-fields', entity='account', key=f'sorted_{t}', type=t)
    for t in ('choice', 'multi_choice'):
        fields[t] = admin.make('custom-fields', entity='account', key=f'sorted_{t}', type=t, choices=CHOICES)
    values = [{'integer': 9, 'decimal': '9.50', 'date': '2026-12-31', 'datetime': '2026-12-31T23:30:00Z', 'boolean': False, 'text': 'b',
               'choice': 'gold', 'multi_choice': ['gold', 'silver']},
              {'integer': 10, 'decimal': '10', 'date': '2027-01-01', 'datetime': '2027-01-01T01:00:00+01:00', 'boolean': True, 'text': 'B',
               'choice': 'silver', 'multi_choice': []},
              {}]
    made = [rep.make('accounts', name=f'Sorted {n}', source='custom-segments', custom={f'sorted_{t}': v for t, v in of.items()})
            for n, of in enumerate(values)]
    return fields, made


@pytest.mark.parametrize('t, op, value, expected', [
    ('integer', 'gte', 10, [1]), ('integer', 'lt', '10', [0]), ('integer', 'eq', [9, 11], [0]), ('integer', 'ne', 9, [1, 2]),
    ('decimal', 'eq', '9.5', [0]), ('decimal', 'gt', '9.5', [1]), ('decimal', 'lte', '10.00', [0, 1]),
    ('date', 'gte', '2027-01-01', [1]), ('date', 'lt', '2027-01-01', [0]),
    ('datetime', 'eq', '2027-01-01T00:00:00Z', [1]), ('datetime', 'lt', '2027-01-01T00:00:00Z', [0]),
    ('boolean', 'eq', True, [1]), ('boolean', 'ne', True, [0, 2]), ('text', 'eq', 'b', [0]), ('text', 'in', ['b', 'B'], [0, 1]),
    ('choice', 'in', ['gold', 'silver'], [0, 1]), ('multi_choice', 'eq', 'silver', [0]), ('multi_choice', 'ne', 'gold', [1, 2]),
    ('multi_choice', 'present', None, [0]), ('integer', 'present', None, [0, 1]), ('integer', 'absent', None, [2])])
def test_segments_by_custom_fields(accounts, segment, rep, t, op, value, expected):
    """What a list finds and what an account is told are the same, by the type of the field."""
    made = accounts[1]
    rule = {'kind': 'field', 'field': f'custom.sorted_{t}', 'op': op, **({} if value is None else {'value': value})}
    s = segment(rule)
    listed = rep.get('/v1/accounts', params={'segment': s['key'], 'source': 'custom-segments', 'limit': 200}).json()['items']
    assert sorted(a['name'] for a in listed) == [f'Sorted {n}' for n in expected]
    for n, account in enumerate(made):
        told = why(rep, account)[s['key']]
        assert (told['member'], told['why']['observed']['value']) == (n in expected, account['custom'].get(f'sorted_{t}'))


@pytest.mark.parametrize('where, rule', [
    ('/rule/field', {'field': 'custom.nothing', 'op': 'present'}), ('/rule/op', {'field': 'custom.sorted_text', 'op': 'gt', 'value': 'a'}),
    ('/rule/value', {'field': 'custom.sorted_integer', 'op': 'gt', 'value': [1, 2]}), ('/rule/value', {'field': 'custom.sorted_integer', 'op': 'gt'}),
    ('/rule/value', {'field': 'custom.sorted_integer', 'op': 'eq', 'value': 'ten'}), ('/rule/value', {'field': 'custom.sorted_date', 'op': 'lt', 'value': '31.12.2026'}),
    ('/rule/value', {'field': 'custom.sorted_choice', 'op': 'eq', 'value': 'bronze'}), ('/rule', {'field': 'custom.sorted_text', 'op': 'present', 'min': 1})])
def test_a_segment_that_means_nothing(accounts, admin, where, rule):
    answer = admin.post('/v1/segments', json={'key': 'meaningless', 'label': label('No'), 'rule': {'kind': 'field', **rule}})
    fault(answer, 422, 'validation_failed', where, 'invalid')


def test_a_segment_keeps_its_field(accounts, segment, admin):
    s = segment({'not': {'kind': 'field', 'field': 'custom.sorted_text', 'op': 'present'}})
    answer = admin.patch(f'/v1/custom-fields/{accounts[0]["text"]["id"]}', json={'archived': True})
    assert problem(answer, 409, 'in_use')['detail'] == f'The segment "{s["key"]}" names the field; take it out first.'
