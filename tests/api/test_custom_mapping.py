"""What a lead's custom fields, booleans and dates become in what it is converted to."""
from test_conversion import converted, mapped  # noqa: F401  pylint: disable=unused-import
from test_custom_fields import CHOICES, LIMITS, VALUES, field, key  # noqa: F401  pylint: disable=unused-import
from helpers import fault, problem

WHOLE = {'need': 'crane', 'budget_confirmed': True}


def test_every_type_is_brought(rep, field, mapped, key, qualified, number):
    """A mapping leads from one name to another of the same type; the field with the lead's name gets nothing of it then."""
    for t in VALUES:
        for entity in ('lead', 'account', 'opportunity'):
            field(entity, t, f'{key}_{t}', **LIMITS.get(t, {}))
            field(entity, t, f'{key}_{t}_to', **LIMITS.get(t, {}))
        mapped(entity='account', field=f'custom.{key}_{t}_to', lead_field=f'custom.{key}_{t}')
        mapped(entity='opportunity', field=f'custom.{key}_{t}', lead_field=f'custom.{key}_{t}_to')
    values = {t: good[0] for t, (good, _) in VALUES.items()}
    lead = qualified(last_name=f'Mapped {number}', company=f'Mapped {number}', custom={f'{key}_{t}': v for t, v in values.items()}, **WHOLE)
    both = {f'{key}_{t}{end}': v for t, v in values.items() for end in ('', '_to')}
    preview = rep.get(f'/v1/leads/{lead["id"]}/conversion').json()['mapped']
    assert preview['account']['custom'] == both and 'custom' not in preview['opportunity']
    made = converted(rep, lead['id'], {'opportunity': {'name': 'Deal', 'custom': {f'{key}_integer_to': 3}}})
    assert rep.read('accounts', made['account']['id'])['custom'] == both
    assert rep.read('opportunities', made['opportunity']['id'])['custom'] == {f'{key}_integer_to': 3}


def test_linked_records_keep_theirs(admin, rep, field, mapped, key, qualified, number):
    """Filled is what is empty, overwritten what the row says; the rest is a conflict, the same before and after."""
    for name, t in (('a', 'text'), ('b', 'integer'), ('c', 'decimal'), ('d', 'date'), ('same', 'text')):
        field('lead', t, f'{key}_{name}')
        field('account', t, f'{key}_{name}' if name == 'same' else f'{key}_to_{name}')
        if name != 'same':
            mapped(entity='account', field=f'custom.{key}_to_{name}', lead_field=f'custom.{key}_{name}',
                   mode='overwrite' if name == 'd' else 'fill')
    account = rep.make('accounts', name=f'Linked {number}', custom={f'{key}_to_b': 1, f'{key}_to_c': '1.50', f'{key}_to_d': '2026-01-01',
                                                                    f'{key}_same': 'own'})
    lead = qualified(last_name=f'Linked {number}', company=f'Linked {number}', custom={
        f'{key}_a': 'x', f'{key}_b': 2, f'{key}_c': '1.50', f'{key}_d': '2027-01-01', f'{key}_same': 'other'}, **WHOLE)
    conflicts = [{'entity': 'account', 'field': f'custom.{key}_same', 'lead': 'other', 'existing': 'own'},
                 {'entity': 'account', 'field': f'custom.{key}_to_b', 'lead': 2, 'existing': 1}]
    assert rep.get(f'/v1/leads/{lead["id"]}/conversion').json()['conflicts'] == conflicts
    made = converted(rep, lead['id'], {'account': {'id': account['id']}})
    assert (made['account']['outcome'], made['conflicts']) == ('linked', conflicts)
    assert rep.read('accounts', account['id'])['custom'] == {
        f'{key}_to_a': 'x', f'{key}_to_b': 1, f'{key}_to_c': '1.50', f'{key}_to_d': '2027-01-01', f'{key}_same': 'own'}
    entry = [e for e in rep.history('accounts', account['id']) if e['action'] == 'update'][0]
    assert {k: v for k, v in entry['changes'].items() if k.startswith('custom')} == {
        f'custom.{key}_to_a': {'old': None, 'new': 'x'}, f'custom.{key}_to_d': {'old': '2026-01-01', 'new': '2027-01-01'}}


def test_between_members_and_custom_fields(rep, field, mapped, key, qualified, number):
    """Booleans, dates and texts of a lead go into custom fields, and custom ones into members; a long text takes anything."""
    field('opportunity', 'boolean', f'{key}_budget')
    field('account', 'text', f'{key}_branch', max_length=5)
    field('account', 'url', f'{key}_site')
    field('contact', 'long_text', f'{key}_notes')
    field('lead', 'date', f'{key}_wanted')
    field('lead', 'text', f'{key}_kind')
    field('lead', 'integer', f'{key}_seats')
    mapped(entity='opportunity', field=f'custom.{key}_budget', lead_field='budget_confirmed')
    mapped(entity='opportunity', field='delivery_date', lead_field=f'custom.{key}_wanted')
    mapped(entity='opportunity', field='product_kind', lead_field=f'custom.{key}_kind')
    mapped(entity='opportunity', field='description', lead_field=f'custom.{key}_seats')
    mapped(entity='contact', field=f'custom.{key}_notes', lead_field='budget_confirmed')
    mapped(entity='account', field=f'custom.{key}_site', lead_field='website')
    mapped(entity='account', field=f'custom.{key}_branch', lead_field='company')  # too long: it stays behind
    lead = qualified(last_name=f'Between {number}', company=f'Between {number}', website='https://between.example', **WHOLE,
                     custom={f'{key}_wanted': '2027-05-01', f'{key}_kind': 'crane', f'{key}_seats': 12})
    made = converted(rep, lead['id'], {'opportunity': {'name': 'Deal'}})
    deal = rep.read('opportunities', made['opportunity']['id'])
    assert (deal['delivery_date'], deal['product_kind'], deal['description'], deal['custom']) == (
        '2027-05-01', 'crane', '12', {f'{key}_budget': True})
    assert rep.read('contacts', made['contact']['id'])['custom'] == {f'{key}_notes': 'true'}
    assert rep.read('accounts', made['account']['id'])['custom'] == {f'{key}_site': 'https://between.example'}


def test_types_must_match(admin, rows, field, key):
    """A row that could bring nothing is not written; a field that a row names stays, and stays of its type."""
    field('lead', 'choice', choices=CHOICES)
    field('lead', 'multi_choice', f'{key}_m', choices=CHOICES)
    number_of = field('account', 'integer', f'{key}_n')
    field('account', 'long_text', f'{key}_l')
    gone = field('lead', 'integer', f'{key}_gone')
    admin.patched('custom-fields', gone['id'], archived=True)
    before = rows('select count(*) as n from sluice.conversion_mapping')
    for member, target, source in (
            ('field', f'custom.{key}_no', f'custom.{key}'), ('field', 'custom', 'company'), ('field', f'custom.{key}.x', 'company'),
            ('lead_field', f'custom.{key}_n', f'custom.{key}'), ('lead_field', f'custom.{key}_n', f'custom.{key}_gone'),
            ('lead_field', f'custom.{key}_n', 'custom'), ('lead_field', f'custom.{key}_n', 'estimated_value'),
            ('lead_field', f'custom.{key}_l', f'custom.{key}_m'), ('lead_field', 'name', f'custom.{key}')):
        answer = admin.post('/v1/conversion-mappings', json={'entity': 'account', 'field': target, 'lead_field': source})
        fault(answer, 422, 'validation_failed', f'/{member}', 'invalid')
    assert rows('select count(*) as n from sluice.conversion_mapping') == before
    source = field('lead', 'integer', f'{key}_n')
    row = admin.make('conversion-mappings', entity='account', field=f'custom.{key}_n', lead_field=f'custom.{key}_n')
    for made in (number_of, source):
        answer = admin.patch(f'/v1/custom-fields/{made["id"]}', json={'archived': True})
        assert problem(answer, 409, 'in_use')['detail'] == \
            f'The conversion mapping of the account\'s "custom.{key}_n" names the field; take it out first.'
        problem(admin.patch(f'/v1/custom-fields/{made["id"]}', json={'type': 'text'}), 409, 'in_use')
    assert admin.delete(f'/v1/conversion-mappings/{row["id"]}').status_code == 204
    admin.patched('custom-fields', source['id'], archived=True)


def test_managers_read_them(manager, rep, admin):
    listed = manager.get('/v1/conversion-mappings', params={'limit': 100})
    assert listed.json() == admin.get('/v1/conversion-mappings', params={'limit': 100}).json()
    row = listed.json()['items'][0]
    assert manager.read('conversion-mappings', row['id']) == row
    problem(manager.patch(f'/v1/conversion-mappings/{row["id"]}', json={'mode': 'overwrite'}), 403, 'forbidden')
    problem(rep.get(f'/v1/conversion-mappings/{row["id"]}'), 403, 'forbidden')
