#!/usr/bin/python3
"""check_gen - what the generators make of small inputs, and what they say to wrong ones, with the line."""
import tempfile
from pathlib import Path

from tree import Findings  # first: it knows where cmd/gen is

import routegen
import sqlgen

HEAD = '-- query: x one read\n-- in: id uuid\n'
LIST = '-- query: x list read\n-- in: viewer uuid\n-- id: l.id\n{}-- sort: at timestamptz l.at\nselect l.id\n-- from\nfrom t l\n' \
       '-- where\nwhere l.v = :viewer;\n'

SQL_FAULTS = [
    ('select 1;\n', ':1: a statement before'),
    ('-- query: x one\nselect 1;\n', ':1: a query begins'),
    ('-- query: x one read\nselect :id;\n', ':2: :id is used but not declared'),
    (HEAD + 'select 1;\n', ':2: parameter "id" of "x" is declared but not used'),
    (HEAD + 'select 1,\n  :id, :idd;\n', ':4: :idd is used but not declared'),
    (HEAD + 'select :id\n', 'does not end with a semicolon'),
    (HEAD + 'select :id; select 2;\n', 'more than one statement'),
    ('-- query: x one read\n-- in: id uuidd\nselect :id;\n', ':2: unknown type "uuidd"'),
    (HEAD + '-- in: id text\nselect :id;\n', ':3: parameter "id" is declared twice'),
    (HEAD + 'select :id;\n' + HEAD + 'select :id;\n', ':4: query "x" exists already'),
    (HEAD + '-- sort: a text a\nselect :id;\n', ':3: "sort:" belongs to list queries only'),
    (LIST.format('-- filter: a text foo on l.a\n'), ':4: unknown operator "foo"'),
    (LIST.format('-- unless: a l.a is null\n'), ':4: list "x" has no filter "a"'),
    (LIST.format('-- unless: a\n'), ':4: a default reads: -- unless: filter[,filter] condition'),
    (LIST.format('-- filter: a text eq l.a = 1\n'), ':4: a whole condition holds :value exactly once'),
    (LIST.format('').replace('-- from\n', ''), 'has no "-- from" part'),
]
SQL_TEXTS = [
    (HEAD + "select :id::text, ':no', e'\\':no', \":no\", $$:no$$ -- :no\n/* :no */;\n",
     "select $1::text, ':no', e'\\':no', \":no\", $$:no$$"),
    (HEAD + 'select (array[1,2])[1:2], :id;\n', 'select (array[1,2])[1:2], $1'),
    (HEAD + "select typee':id', :id;\n", "select typee':id', $1"),
]
SQL_FILTERS = [
    ('a text eq on l.a', [('a', ' and l.a = any(', '::text[])', 1009)]),
    ('a user ne,null on l.a', [('a[ne]', ' and (l.a = any(', '::uuid[])) is not true', 2951),
                               ('a[null]', ' and (l.a is null) = ', '::boolean', 16)]),
    ('q text search on l.a', [('q', ' and l.a ilike sluice.search_pattern(', '::text)', 25)]),
    ('a text eq l.a = any(:value) and l.v = :viewer', [('a', ' and (l.a = any(', '::text[]) and l.v = $1)', 1009)]),
]

SPEC = """openapi: 3.1.0
paths:
  /a/{{id}}:
    post:
      {id}
      x-permission: public
      parameters: [{{name: id, in: path, required: true, schema: {{type: string}}}}]
      requestBody: {{content: {{application/json: {{schema: {{{schema}}}}}}}}}
      responses: {{'200': {{description: ok}}}}
components: {{schemas: {{S: {{properties: {{a: {{type: string, readOnly: true}}, g: {{type: string, x-governed: true}}}}}}}}}}
"""
SPEC_FAULTS = [
    ('', 'type: object', ':5: POST /a/{id} has no operationId'),
    ('operationId: a', 'type: string, uniqueItems: true', ':8: a table cannot hold "uniqueItems"'),
    ('operationId: a', 'type: string, format: foo', ':8: unknown format "foo"'),
    ('operationId: a', 'type: [string, integer]', ':8: a table can hold one type'),
    ('operationId: a', "$ref: '#/components/schemas/T'", 'leads nowhere'),
    ('operationId: a', 'properties: {a: {}}, required: [b]', ':8: "b" is required but no property'),
    ('operationId: a', 'type: string, type: string', ':8: "type" stands here twice'),
]
SPEC_TABLES = [
    ("type: [string, 'null'], maxLength: 9", '.kind = SCHEMA_STRING, .nullable = true, .max_length = 9'),
    ('type: integer, minimum: 1', '.kind = SCHEMA_INTEGER, .has_min = true, .min = 1.0'),
    ('type: object', '.kind = SCHEMA_OBJECT, .open = true'),
    ('enum: [yes, no]', '"yes", "no", NULL'),
    ('x-resource: S, properties: {a: {type: string}}', '{"g", &s1, false, ACCESS_GOVERNED}'),
]


def outcome(make, folder, name, text):
    """Returns what the function makes of the file, or the fault's text."""
    path = Path(folder) / name
    path.write_text(text, encoding='utf-8')
    try:
        return make(path), ''
    except (sqlgen.Fault, routegen.Fault) as fault:
        return None, str(fault)


def main():
    found = Findings()
    count = 0

    def expect(what, holds, got):
        nonlocal count
        count += 1
        if not holds:
            found.add(repr(what), f'gave {got}')

    with tempfile.TemporaryDirectory() as folder:
        for text, message in SQL_FAULTS:
            got = outcome(lambda p: sqlgen.read_all([p]), folder, 'q.sql', text)
            expect(text, message in got[1], got)
        for text, statement in SQL_TEXTS:
            got = outcome(lambda p: sqlgen.read_all([p])[0].text, folder, 'q.sql', text)
            expect(text, got[0] == statement, got)
        for line, rows in SQL_FILTERS:
            text = LIST.format(f'-- filter: {line}\n')
            got = outcome(lambda p: [(f.param, f.before, f.after, f.oid) for f in sqlgen.read_all([p])[0].filters], folder, 'q.sql', text)
            expect(line, got[0] == rows, got)
        for name, schema, message in SPEC_FAULTS:
            got = outcome(routegen.generate, folder, 'o.yaml', SPEC.format(id=name or 'summary: x', schema=schema))
            expect(schema, message in got[1], got)
        for schema, table in SPEC_TABLES:
            got = outcome(routegen.generate, folder, 'o.yaml', SPEC.format(id='operationId: a', schema=schema))
            expect(schema, got[0] and table in got[0]['routes.gen.c'], got[1] or got[0]['routes.gen.c'])
        # as many permissions as a contract names
        names = [f'thing{n}.read' for n in range(200)]
        got = outcome(routegen.generate, folder, 'o.yaml',
                      SPEC.format(id=f'operationId: a\n      x-permissions: [{", ".join(names)}]', schema='type: string'))
        expect('200 permissions', got[0] and all(f'"{n}"' in got[0]['permissions.gen.c'] for n in names), got[1])
    print(f'{count} inputs')
    found.end('gen')


main()
