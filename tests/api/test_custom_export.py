"""Custom fields in files: a column for each, by its type, importable again."""
import pytest

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
