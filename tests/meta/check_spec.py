#!/usr/bin/python3
"""check_spec - the contract, the code and the pages say the same.

Operations of openapi.yaml and of lib, both ways; parameters of lists and filters of list queries, both ways;
examples against their schemas; problem codes against err.def; settings of conf.def against the README.
"""
import re

from tree import ROOT, Findings, files, read  # first: it knows where cmd/gen is

import jsonschema
import routegen
import sqlgen

SPEC = 'api-spec/openapi.yaml'
COMMON = {'sort', 'limit', 'cursor', 'include', 'fields', 'count', 'custom.*'}
# SQL type of a filter -> formats (or types) that its parameter may have
FORMATS = {'uuid': {'uuid', 'user'}, 'timestamptz': {'date-time'}, 'date': {'date'}, 'numeric': {'decimal'},
           'boolean': {'boolean'}, 'integer': {'integer'}, 'bigint': {'integer'}, 'smallint': {'integer'}}


def check_operations(found, spec):
    declared = {op['operationId']: routegen.where(op) for _, _, op, _ in spec.operations()}
    defined = {}
    for path in files('.c', under='lib/'):
        text = read(path)
        for m in re.finditer(r'^const struct operation (\w+)\b', text, re.M):
            defined[m[1]] = f'{path}:{text.count(chr(10), 0, m.start()) + 1}'
        # a macro that makes several: its uses name what they make
        for macro in re.findall(r'^#define (\w+)\([^)]*\)(?:[^\n]*\\\n)*[^\n]*const struct operation', text, re.M):
            pasted = re.search(rf'^#define {macro}\((\w+)[^)]*\)((?:[^\n]*\\\n)*[^\n]*)', text, re.M)
            for name in re.findall(rf'^{macro}\((\w+)', text, re.M):
                for made in re.findall(r'const struct operation ([\w#]+(?: ## \w+)*)', pasted[2]):
                    made = ''.join(name if part == pasted[1] else part for part in re.split(r'\s*##\s*', made))
                    defined[made] = str(path)
    for name in sorted(declared.keys() - defined.keys()):
        found.add(declared[name], f'operation "{name}" is not in lib')
    for name in sorted(defined.keys() - declared.keys()):
        found.add(defined[name], f'operation "{name}" is not in the contract')


def list_query_of(operation, lists):
    """lead_list has a query of its own; histories and timelines of all records share one."""
    for name in (operation, re.sub(r'^.*_(history|timeline)$', r'\1_list', operation)):
        if name in lists:
            return lists[name]
    return None


def scalar_type(spec, schema):
    schema = spec.resolve(schema)
    many = schema.get('type') == 'array'
    if many:
        schema = spec.resolve(schema['items'])
    return schema.get('format', schema.get('type')), many


def check_list(found, spec, op, params, q):
    at, name = routegen.where(op), op['operationId']
    query = {p['name']: p for p in params if p['in'] == 'query'}
    filters = {f.param: f for f in q.filters}
    for param in sorted(query.keys() - filters.keys() - COMMON):
        found.add(at, f'{name}: parameter "{param}" is no filter of {q.name} ({q.where})')
    for param in sorted(filters.keys() - query.keys()):
        found.add(q.where, f'{q.name}: filter "{param}" is no parameter of {name}')
    for param in sorted(filters.keys() & query.keys()):
        base, many = filters[param].type.removesuffix('[]'), filters[param].type.endswith('[]')
        kind, repeated = scalar_type(spec, query[param]['schema'])
        if many != repeated:
            found.add(at, f'{name}: "{param}" is {"no " if many else "an "}array, its filter is {filters[param].type}')
        if base in FORMATS and kind not in FORMATS[base]:
            found.add(at, f'{name}: "{param}" is {kind}, its filter is {base}')
    check_list_words(found, spec, op, query, q)


def check_list_words(found, spec, op, query, q):
    at, name = routegen.where(op), op['operationId']
    sorts = {s for s, _, _ in q.sorts}
    if 'sort' in query:
        words = spec.resolve(query['sort']['schema']).get('enum', [])
        expected = {s for word in sorts for s in (word, '-' + word)}
        if set(words) != expected:
            found.add(at, f'{name}: sort offers {sorted(set(words) ^ expected)} on one side only')
    elif len(sorts) > 1:
        found.add(at, f'{name}: has no "sort", its query has {sorted(sorts)}')
    words = set(query['include'].get('x-values', [])) if 'include' in query else set()
    if words != set(q.includes):
        found.add(at, f'{name}: include offers {sorted(words)}, its query {sorted(q.includes)}')
    for need in ('limit', 'cursor'):
        if need not in query:
            found.add(at, f'{name}: a list needs "{need}"')


def check_lists(found, spec):
    paths = sorted(str(p) for p in files('.sql', under='sql/queries/'))
    lists = {q.name: q for q in sqlgen.read_all(paths) if q.is_list}
    used = set()
    for _, _, op, params in spec.operations():
        q = list_query_of(op['operationId'], lists)
        if q is not None:
            used.add(q.name)
            check_list(found, spec, op, params, q)
        elif any(p['name'] == 'cursor' for p in params):
            found.add(routegen.where(op), f'{op["operationId"]}: no list query of this name')
    for name in sorted(lists.keys() - used - {'custom_by'}):  # fragments for others
        found.add(lists[name].where, f'no operation uses the list "{name}"')


def plain(node):
    """A schema as jsonschema wants it: references lead into the whole contract."""
    return {k: plain(v) for k, v in node.items()} if isinstance(node, dict) else \
        [plain(v) for v in node] if isinstance(node, list) else node


def examples_of(node):
    if 'example' in node:
        yield node['example']
    for row in node.get('examples', {}).values():
        yield row['value']


def check_examples(found, spec):
    root = plain(spec.root)
    resolver = jsonschema.RefResolver('', root)
    count = 0

    def hold(at, what, schema, value):
        nonlocal count
        count += 1
        for error in jsonschema.Draft202012Validator(plain(schema), resolver=resolver).iter_errors(value):
            path = '/'.join(map(str, error.absolute_path))
            found.add(at, f'{what}: example /{path}: {error.message[:200]}')

    for _, _, op, params in spec.operations():
        name, at = op['operationId'], routegen.where(op)
        body = spec.resolve(op.get('requestBody'))
        contents = (body or {}).get('content', {}).values()
        if contents and not any(list(examples_of(content)) for content in contents):
            found.add(at, f'{name}: the body has no example')
        for content in contents:
            for value in examples_of(content):
                hold(at, name, content['schema'], value)
        for p in params:
            for value in examples_of(p):
                hold(at, f'{name} {p["name"]}', p['schema'], value)
        for status, response in op.get('responses', {}).items():
            for content in spec.resolve(response).get('content', {}).values():
                for value in examples_of(content):
                    if 'schema' in content:
                        hold(at, f'{name} {status}', content['schema'], value)
    print(f'{count} examples held to their schemas')


def check_problems(found):
    """Codes that the contract and the pages name exist, and each code is explained."""
    codes = set(re.findall(r'^ERR\(\w+, "(\w+)"', read('lib/base/err.def'), re.M))
    for n, line in enumerate(read(SPEC).split('\n'), 1):
        for code in re.findall(r'/docs/problems#(\w+)', line):
            if code not in codes:
                found.add(f'{SPEC}:{n}', f'problem "{code}" is not in lib/base/err.def')
    page = next((p for p in files('problems.md') if p.name == 'problems.md'), None)
    if page is None:
        found.add('problems.md', 'the page behind /docs/problems is missing')
        return
    headings = set(re.findall(r'^#+\s+`?(\w+)`?\s*$', read(page), re.M))
    for code in sorted(codes - headings):
        found.add(page, f'problem "{code}" is not explained')
    for heading in sorted(headings - codes):
        if re.fullmatch(r'[a-z0-9_]+', heading):
            found.add(page, f'"{heading}" is no problem of lib/base/err.def')


def check_settings(found):
    definition = next((p for p in files('conf.def')), None)
    if definition is None or not (ROOT / 'README.md').exists():
        found.add('README.md', 'the settings table or conf.def is missing')
        return
    settings = set(re.findall(r'^[A-Z]\w*\(\s*"?(\w+)"?\s*,', read(definition), re.M))
    readme = read('README.md')
    rows = set(re.findall(r'^\|\s*`(?:SLUICE_)?(\w+)`\s*\|', readme, re.M))
    rows = {row.lower() for row in rows}
    for name in sorted(settings - rows):
        found.add('README.md', f'setting "{name}" of {definition} is not in the table')
    for name in sorted(set(re.findall(r'^\|\s*`SLUICE_(\w+)`', readme, re.M))):
        if name.lower() not in settings:
            found.add('README.md', f'setting "{name}" is not in {definition}')


def main():
    found = Findings()
    try:
        spec = routegen.Spec(ROOT / SPEC)
        routegen.generate(ROOT / SPEC)
        check_operations(found, spec)
        check_lists(found, spec)
    except (routegen.Fault, sqlgen.Fault) as fault:
        found.add('generators', str(fault))
        found.end('spec')
    check_examples(found, spec)
    check_problems(found)
    check_settings(found)
    found.end('spec')


main()
