"""Custom fields in files: a column for each, by its type, importable again."""
import pytest

from helpers import fault
from test_custom_fields import CHOICES, LIMITS, VALUES, field, key  # noqa: F401  pylint: disable=unused-import
from test_export import exported, table
from test_import import Import, mark  # noqa: F401  pylint: disable=unused-import

CELLS = {  # type: what is there; as CSV has it, and a workbook
    'text': ('=1+1', "'=1+1", '=1+1'), 'integer': (7, '7', 7), 'decimal': ('12.50', '12.50', 12.5), 'boolean': (True, 'true', True),
    'date': ('2026-02-28', '2026-02-28', '2026-02-28'), 'choice': ('gold', 'gold', 'gold'),
    'multi_choice': (['gold', 'silver'], 'gold, silver', 'gold, silver'), 'email': ('a@example.com', 'a@example.com', 'a@example.com')}


@pytest.mark.parametrize('entity, kind, members', [('lead', 'leads', {'last_name': 'Export'}),
                                                    ('account', 'accounts', {'name': 'Export'})])
def test_a_column_for_each(admin, rep, manager, field, key, mark, entity, kind, members):
    """By the order of the definitions, empty where there is none; the file can be imported again."""
    for n, t in enumerate(CELLS):
        field(entity, t, f'{key}_{t}', position=n, **({'choices': CHOICES} if 'choice' in t else {}))
    gone = field(entity, 'text', f'{key}_gone')
    admin.patched('custom-fields', gone['id'], archived=True)
    values = {f'{key}_{t}': v for t, (v, _, _) in CELLS.items()}
    rep.make(kind, **members, source=mark, description='a', custom=values)
    rep.make(kind, **members, source=mark, description='b')
    names = [f'custom.{key}_{t}' for t in CELLS]
    whole = table(exported(rep, kind, source=mark, sort='created_at'))
    own = [i for i, name in enumerate(whole[0]) if name.startswith(f'custom.{key}')]
    assert [whole[0][i] for i in own] == names and 'custom' not in whole[0]
    assert [[row[i] for i in own] for row in whole[1:]] == [[c for _, c, _ in CELLS.values()], [''] * len(CELLS)]
    book = table(exported(rep, kind, source=mark, sort='created_at', fields='description,custom', format='xlsx'))
    own = [i for i, name in enumerate(book[0]) if name.startswith(f'custom.{key}')]
    assert all(name == 'description' or name.startswith('custom.') for name in book[0])
    assert [[row[i] for i in own] for row in book[1:]] == [[c for _, _, c in CELLS.values()], [None] * len(CELLS)]
    assert all(not name.startswith('custom') for name in table(exported(rep, kind, source=mark, fields='description'))[0])
    text = exported(rep, kind, source=mark, sort='created_at').content.decode()
    again = Import(manager, text, entity)
    proposed = {c['field'] for c in again.propose()['columns']}
    assert set(names) <= proposed


def test_columns_by_their_names(rep, field, key, mark):
    field('lead', 'integer', f'{key}_seats', position=1)
    field('lead', 'text', f'{key}_tone', position=2)
    rep.make('leads', last_name='Named', source=mark, custom={f'{key}_seats': 5, f'{key}_tone': 'red'})

    def columns(fields):
        return table(exported(rep, 'leads', source=mark, fields=fields))
    assert columns(f'last_name,custom.{key}_tone') == [['last_name', f'custom.{key}_tone'], ['Named', 'red']]
    assert columns(f'custom.{key}_tone,custom.{key}_seats') == [[f'custom.{key}_tone', f'custom.{key}_seats'], ['red', '5']]
    assert {f'custom.{key}_seats', f'custom.{key}_tone'} <= set(columns(f'custom,custom.{key}_tone')[0])
    only = fault(rep.get('/v1/leads/export', params={'fields': f'custom.{key}_seat'}), 400, 'invalid_parameter', 'fields', 'unknown')
    assert (only['detail'], only['hint']) == (f'There is no custom field "custom.{key}_seat".', f'did you mean "custom.{key}_seats"?')
    only = fault(rep.get('/v1/leads', params={'fields': f'custom.{key}_seats'}), 400, 'invalid_parameter', 'fields', 'unknown')
    assert only['hint'] == 'members come whole here: name "custom"'
