#!/usr/bin/python3
"""routegen - turns the contract, api-spec/openapi.yaml, into C.

usage: routegen.py OUTDIR openapi.yaml

Writes permissions.gen.h/.c, schemas.gen.h/.c, routes.gen.c and contract.gen.h/.c. Extensions:
  operation:  x-permission (needed), x-permissions (what parts need besides), x-body-limit, x-parts-limit, x-raw, x-secret-reply, x-standby,
              x-deadline-ms
  property:   x-governed: only a transition moves it; x-loose: any value, the operation checks it
  schema:     x-table: make a table though no request uses it; x-resource: Name: read-only and governed
              properties of that schema are known here too, so that the refusal says what they are
Everything that is wrong is reported as file:line: message.
"""
import hashlib
import json
import re
import sys
from pathlib import Path

import yaml

METHODS = ('get', 'post', 'put', 'patch', 'delete', 'options')
MEDIA = {'application/json': 'MEDIA_JSON', 'application/merge-patch+json': 'MEDIA_MERGE_PATCH',
         'application/x-www-form-urlencoded': 'MEDIA_FORM', 'application/yaml': 'MEDIA_YAML',
         'application/octet-stream': 'MEDIA_BYTES', 'multipart/form-data': 'MEDIA_MULTIPART'}
FORMATS = ('uuid', 'user', 'date', 'date-time', 'email', 'uri', 'decimal', 'currency', 'country', 'language',
           'key', 'password')
KINDS = {'string': 'STRING', 'integer': 'INTEGER', 'number': 'NUMBER', 'boolean': 'BOOLEAN', 'object': 'OBJECT',
         'array': 'ARRAY'}
BODY_LIMIT = 1 << 20

# Keywords that a table carries, and those that say nothing about what is valid.
CHECKED = {'type', 'format', 'enum', 'const', 'minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems',
           'minProperties', 'properties', 'required', 'additionalProperties', 'items', 'allOf', 'anyOf', 'oneOf', '$ref'}
SILENT = {'description', 'title', 'default', 'example', 'examples', 'deprecated', 'readOnly', 'writeOnly', '$comment'}


class Fault(Exception):
    pass


# reading

class Map(dict):
    """A mapping that knows where it stands."""
    where = ''


class Loader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):
    path = ''


def make_map(loader, node):
    out = Map()
    out.where = f'{loader.path}:{node.start_mark.line + 1}'
    loader.flatten_mapping(node)
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node))
        if key in out:
            raise Fault(f'{loader.path}:{key_node.start_mark.line + 1}: "{key}" stands here twice')
        out[key] = loader.construct_object(value_node, deep=True)
    return out


Loader.add_constructor('tag:yaml.org,2002:map', make_map)
# dates stay text, and only true and false are booleans
Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in rows if not tag.endswith((':timestamp', ':bool'))]
    for first, rows in Loader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver('tag:yaml.org,2002:bool', re.compile('^(?:true|false)$'), list('tf'))


def load(path):
    Loader.path = str(path)
    try:
        return yaml.load(Path(path).read_text(encoding='utf-8'), Loader)
    except yaml.MarkedYAMLError as error:
        raise Fault(f'{path}:{error.problem_mark.line + 1}: {error.problem}') from None


def where(node):
    return getattr(node, 'where', Loader.path)


class Spec:
    """The contract, with its references resolved on demand."""

    def __init__(self, path):
        self.root = load(path)
        self.schemas = self.root.get('components', {}).get('schemas', {})

    def resolve(self, node):
        """Follows $ref until something else stands there."""
        for _ in range(20):
            if not isinstance(node, dict) or '$ref' not in node:
                return node
            ref = node['$ref']
            target = self.root
            for part in ref.removeprefix('#/').split('/'):
                if not ref.startswith('#/') or not isinstance(target, dict) or part not in target:
                    raise Fault(f'{where(node)}: "{ref}" leads nowhere')
                target = target[part]
            node = target
        raise Fault(f'{where(node)}: references go in a circle')

    def name_of(self, node):
        """Returns the component's name when the schema is a reference to one."""
        m = re.fullmatch(r'#/components/schemas/([A-Za-z][A-Za-z0-9_]*)', node.get('$ref', ''))
        return m[1] if m else None

    def properties(self, schema):
        """Returns the properties of an object schema, those of its allOf parts included."""
        schema = self.resolve(schema)
        out = {}
        for part in schema.get('allOf', []):
            out |= self.properties(part)
        return out | schema.get('properties', {})

    def operations(self):
        """Yields (template, method, operation, parameters) of every operation."""
        for template, item in self.root.get('paths', {}).items():
            for method in METHODS:
                op = item.get(method)
                if op is not None:
                    yield template, method, op, [self.resolve(p) for p in item.get('parameters', []) + op.get('parameters', [])]


# schemas

def c_text(value):
    """A C string literal."""
    out = value.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n').replace('\t', '\\t')
    return f'"{out}"'


class Tables:
    """Emits one struct schema per component that a request uses, and shares equal inline ones."""

    def __init__(self, spec):
        self.spec = spec
        self.public = {}   # component name -> text
        self.inline = {}   # text of the initialiser -> symbol
        self.statics = []  # inline tables and members
        self.open_names = []

    def pointer(self, schema):
        """Returns the C expression of a pointer to the schema's table."""
        name = self.spec.name_of(schema)
        if name is not None:
            self.spec.resolve(schema)  # that it exists
            self.component(name)
            return f'&schema_{name}'
        return f'&{self.share("const struct schema", "s", self.table(schema), "")}'

    def share(self, c_type, prefix, text, dims):
        key = (c_type, text)
        if key not in self.inline:
            self.inline[key] = f'{prefix}{len(self.inline)}'
            self.statics.append(f'static {c_type} {self.inline[key]}{dims} = {{{text}}};\n')
        return self.inline[key]

    def component(self, name):
        if name in self.public or name in self.open_names:
            return
        self.open_names.append(name)  # a schema may contain itself
        self.public[name] = self.table(self.spec.schemas[name])
        self.open_names.remove(name)

    def flatten(self, schema):
        """Returns (schema without allOf, nullable): allOf is merged, and 'x or null' becomes x."""
        node = self.spec.resolve(schema)
        for word in ('anyOf', 'oneOf'):
            rows = node.get(word)
            if rows is None or (word == 'anyOf' and all(set(r) == {'required'} for r in rows)):
                continue  # "at least one of these" is held by the database
            rest = [r for r in rows if r.get('type') != 'null']
            if len(rest) != 1 or len(rows) != 2:
                raise Fault(f'{where(node)}: a table can hold {word} only as "one schema or null"')
            return self.flatten(rest[0])[0], True
        if 'allOf' not in node:
            types = node.get('type')
            return node, isinstance(types, list) and 'null' in types
        merged = Map()
        merged.where = where(node)
        for part in [*node['allOf'], {k: v for k, v in node.items() if k != 'allOf'}]:
            part = self.flatten(part)[0]
            for key, value in part.items():
                if key == 'properties':
                    merged[key] = merged.get(key, {}) | value
                elif key == 'required':
                    merged[key] = merged.get(key, []) + value
                else:
                    merged[key] = value
        return merged, False

    def table(self, schema):
        """Returns the initialiser of a schema's table, without braces."""
        if self.spec.resolve(schema).get('x-loose'):
            return '.kind = SCHEMA_ANY'
        node, nullable = self.flatten(schema)
        for key in node:
            if key in CHECKED or key in SILENT or key.startswith('x-') or (key == 'pattern' and 'format' in node):
                continue
            raise Fault(f'{where(node)}: a table cannot hold "{key}"')
        kind = self.kind(node)
        out = [f'.kind = SCHEMA_{kind}']
        if nullable:
            out.append('.nullable = true')
        if kind == 'STRING':
            self.string(node, out)
        if kind in ('INTEGER', 'NUMBER') or node.get('format') == 'decimal':
            for key, name in (('minimum', 'min'), ('maximum', 'max')):
                if key in node:
                    out.append(f'.has_{name} = true, .{name} = {float(node[key])!r}')
        elif kind == 'ARRAY':
            self.lengths(node, 'Items', out)
            out.append(f'.items = {self.pointer(node.get("items", Map()))}')
        elif kind == 'OBJECT':
            self.object(node, out)
        if 'enum' in node and kind != 'STRING':
            raise Fault(f'{where(node)}: a table can hold "enum" for strings only')
        return ', '.join(out)

    def kind(self, node):
        types = node.get('type', [])
        types = [t for t in (types if isinstance(types, list) else [types]) if t != 'null']
        if node.get('format') == 'decimal' and set(types) <= {'string', 'integer', 'number'}:
            return 'STRING'
        if not types:
            return 'OBJECT' if 'properties' in node else 'STRING' if 'enum' in node or 'const' in node else 'ANY'
        if len(types) > 1 or types[0] not in KINDS:
            raise Fault(f'{where(node)}: a table can hold one type, and null beside it')
        return KINDS[types[0]]

    def string(self, node, out):
        fmt = node.get('format')
        if fmt is not None and fmt not in FORMATS:
            raise Fault(f'{where(node)}: unknown format "{fmt}"; known are {", ".join(FORMATS)}')
        if fmt:
            out.append(f'.format = FORMAT_{fmt.replace("-", "_").upper()}')
        self.lengths(node, 'Length', out)
        values = [v for v in node.get('enum', [node['const']] if 'const' in node else []) if v is not None]
        if values:
            text = ', '.join(c_text(str(v)) for v in values) + ', NULL'
            out.append(f'.values = {self.share("const char *const", "v", text, "[]")}')

    def lengths(self, node, word, out):
        for key, name in (('min', 'min_length'), ('max', 'max_length')):
            if key + word in node:
                out.append(f'.{name} = {int(node[key + word])}')

    def object(self, node, out):
        more = node.get('additionalProperties', 'properties' not in node)
        if not isinstance(more, bool):
            raise Fault(f'{where(node)}: additionalProperties is true or false')
        if more:
            out.append('.open = true')
        if 'minProperties' in node:
            out.append(f'.min_members = {int(node["minProperties"])}')
        required = node.get('required', [])
        properties = node.get('properties', {})
        for name in required:
            if name not in properties:
                raise Fault(f'{where(node)}: "{name}" is required but no property')
        rows = [self.member(name, prop, name in required) for name, prop in properties.items()]
        rows += self.foreign(node, properties)
        if rows:
            text = '\n    ' + ',\n    '.join(rows) + ',\n    {NULL, NULL, false, ACCESS_WRITE}\n'
            out.append(f'.members = {self.share("const struct schema_member", "m", text, "[]")}')

    def access(self, prop):
        for node in (prop, self.spec.resolve(prop)):
            if node.get('x-governed'):
                return 'ACCESS_GOVERNED'
            if node.get('readOnly'):
                return 'ACCESS_READ_ONLY'
        return 'ACCESS_WRITE'

    def member(self, name, prop, required):
        access = self.access(prop)
        # what may not be written needs no further check
        schema = self.pointer(prop if access == 'ACCESS_WRITE' else Map())
        flag = 'true' if required and access == 'ACCESS_WRITE' else 'false'
        return f'{{{c_text(name)}, {schema}, {flag}, {access}}}'

    def foreign(self, node, known):
        """Members that the resource has and its request lacks."""
        name = node.get('x-resource')
        if name is None:
            return []
        if name not in self.spec.schemas:
            raise Fault(f'{where(node)}: x-resource "{name}" is no schema')
        rows = [(key, prop) for key, prop in self.spec.properties(self.spec.schemas[name]).items() if key not in known]
        return [self.member(key, prop, False) for key, prop in rows if self.access(prop) != 'ACCESS_WRITE']


# operations

def check_operation(spec, template, method, op, params):
    at = where(op)
    name = op.get('operationId', '')
    if not re.fullmatch(r'[a-z][a-z0-9_]*', name):
        raise Fault(f'{at}: {method.upper()} {template} has no operationId in snake_case')
    if not re.fullmatch(r'[a-z][a-z0-9_]*(\.[a-z0-9_]+)?', str(op.get('x-permission', ''))):
        raise Fault(f'{at}: {name} has no x-permission')
    in_path = [p['name'] for p in params if p['in'] == 'path']
    if sorted(in_path) != sorted(re.findall(r'{([^}]*)}', template)):
        raise Fault(f'{at}: {name} has path parameters {in_path}, its address is {template}')
    names = [(p['in'], p['name']) for p in params]
    for p in params:
        if p['in'] not in ('path', 'query', 'header') or 'schema' not in p:
            raise Fault(f'{where(p)}: parameter "{p["name"]}" needs a schema and stands in path, query or header')
        if names.count((p['in'], p['name'])) > 1:
            raise Fault(f'{at}: {name} has parameter "{p["name"]}" twice')
    if not any(str(s).startswith('2') for s in op.get('responses', {})):
        raise Fault(f'{at}: {name} has no response for success')


def body_of(spec, op, tables):
    """Returns (media bits, required, C pointer) of the request body."""
    body = spec.resolve(op.get('requestBody'))
    if body is None:
        return '0', False, 'NULL'
    content = body.get('content', {})
    for media in content:
        if media not in MEDIA:
            raise Fault(f'{where(body)}: media type "{media}"; known are {", ".join(MEDIA)}')
    bits = ' | '.join(MEDIA[m] for m in content)
    if op.get('x-raw'):
        return bits, bool(body.get('required')), 'NULL'
    pointers = {tables.pointer(c['schema']) for c in content.values()}
    if len(pointers) != 1:
        raise Fault(f'{where(body)}: all media types of a body share one schema')
    return bits, bool(body.get('required')), pointers.pop()


def strings(words):
    return '(const char *const[]){' + ''.join(f'{c_text(w)}, ' for w in words) + 'NULL}'


def permission_symbol(name):
    return 'PERMISSION_' + re.sub(r'[^A-Za-z0-9]', '_', name).upper()


def route(spec, tables, template, method, op, params):
    """Returns the row of an operation in the table of routes."""
    segments = [None if s.startswith('{') else s for s in template.strip('/').split('/')]
    media, required, body = body_of(spec, op, tables)
    query = [p for p in params if p['in'] == 'query']
    rows = ''.join(f'            {{{c_text(p["name"])}, {tables.pointer(p["schema"])}, '
                   f'{"true" if p.get("required") else "false"}}},\n' for p in query)
    success = min(int(s) for s in op['responses'] if str(s).startswith('2'))
    limit = int(op.get('x-body-limit', BODY_LIMIT if media != '0' else 0))
    out = [
        f'.id = {c_text(op["operationId"])}', f'.method = METHOD_{method.upper()}', f'.template = {c_text(template)}',
        # a parameter is "", so that NULL can end the list
        f'.segments = {strings([s or "" for s in segments])}',
        f'.path_params = {strings(re.findall(r"{([^}]*)}", template))}',
        f'.params = (const struct route_param[]){{\n{rows}            {{NULL, NULL, false}},\n        }}',
        f'.operation = &{op["operationId"]}', f'.permission = {permission_symbol(op["x-permission"])}',
        f'.media = {media}', f'.body_required = {"true" if required else "false"}', f'.body = {body}',
        f'.body_limit = {limit}', f'.success = {success}', f'.raw = {"true" if op.get("x-raw") else "false"}',
        f'.parts_limit = {int(op.get("x-parts-limit", 0))}',
        f'.secret = {"true" if op.get("x-secret-reply") else "false"}', f'.standby = {"true" if op.get("x-standby") else "false"}',
        f'.deadline_ms = {int(op.get("x-deadline-ms", 0))}',
    ]
    return '    {\n' + ''.join(f'        {row},\n' for row in out) + '    },\n'


def sort_key(operation):
    """Literal segments stand before parameters, so that the first match is the right one."""
    template, method = operation[:2]
    return [s.startswith('{') and '\x7f' or s for s in template.strip('/').split('/')], METHODS.index(method)


def read(spec):
    """Returns all operations, checked and sorted."""
    seen, shapes = {}, {}
    operations = sorted(spec.operations(), key=sort_key)
    for template, method, op, params in operations:
        check_operation(spec, template, method, op, params)
        name = op['operationId']
        if name in seen:
            raise Fault(f'{where(op)}: operationId "{name}" exists already at {seen[name]}')
        seen[name] = where(op)
        shape = re.sub(r'{[^}]*}', '{}', template)
        if shapes.setdefault(shape, template) != template:
            raise Fault(f'{where(op)}: {template} and {shapes[shape]} are the same address')
    return operations


# C

BANNER = '/* Generated by cmd/gen/routegen.py from api-spec/openapi.yaml; do not edit. */\n'


def permissions(operations):
    named = {op['x-permission'] for _, _, op, _ in operations} | {p for _, _, op, _ in operations for p in op.get('x-permissions', [])}
    names = sorted(named - {'public', 'signed_in'})
    names = ['public', 'signed_in', *names]
    rows = ''.join(f'    {permission_symbol(n)},\n' for n in names)
    header = (f'{BANNER}#ifndef PERMISSIONS_GEN_H\n#define PERMISSIONS_GEN_H\n\nenum permission {{\n{rows}'
              '    PERMISSION_COUNT\n};\n\n/** By enum permission. */\nextern const char *const permission_names[PERMISSION_COUNT];\n\n#endif\n')
    rows = ''.join(f'    [{permission_symbol(n)}] = {c_text(n)},\n' for n in names)
    source = f'{BANNER}#include "permissions.gen.h"\n\nconst char *const permission_names[PERMISSION_COUNT] = {{\n{rows}}};\n'
    return header, source


def schemas(tables):
    externs = ''.join(f'extern const struct schema schema_{name};\n' for name in sorted(tables.public))
    header = f'{BANNER}#ifndef SCHEMAS_GEN_H\n#define SCHEMAS_GEN_H\n\n#include "json/schema.h"\n\n{externs}\n#endif\n'
    source = [BANNER, '#include "schemas.gen.h"\n\n']
    source += tables.statics
    source += [f'\nconst struct schema schema_{name} = {{{text}}};\n' for name, text in tables.public.items()]
    return header, ''.join(source)


def routes(operations, rows, tables):
    out = [BANNER, '#include "call/call.h"\n#include "call/route.h"\n#include "schemas.gen.h"\n\n']
    out += [f'extern const struct operation {op["operationId"]};\n' for _, _, op, _ in operations]
    out += ['\n', *tables.statics, '\nconst struct route routes[] = {\n', *rows,
            '};\nconst size_t routes_count = sizeof routes / sizeof routes[0];\n']
    return ''.join(out)


def contract(spec):
    text = json.dumps(spec.root, ensure_ascii=False, separators=(',', ':'))
    chunks = [text[i:i + 100] for i in range(0, len(text), 100)]
    # every piece is a literal of its own, so no escape can run into the next character
    body = '\n'.join('    ' + c_text(chunk) for chunk in chunks)
    header = (f'{BANNER}#ifndef CONTRACT_GEN_H\n#define CONTRACT_GEN_H\n\n#include <stddef.h>\n\n'
              '/** The contract as JSON. */\nextern const char contract_json[];\nextern const size_t contract_json_size;\n'
              '/** Changes with it. */\nextern const char contract_json_tag[];\n\n#endif\n')
    size = len(text.encode())
    source = (f'{BANNER}#include "contract.gen.h"\n\nconst char contract_json[] =\n{body};\n'
              f'const size_t contract_json_size = {size};\n'
              f'const char contract_json_tag[] = "{hashlib.sha256(text.encode()).hexdigest()[:20]}";\n')
    return header, source


def generate(path):
    """Returns {file name: text}."""
    spec = Spec(path)
    operations = read(spec)
    shared = Tables(spec)
    for name, schema in spec.schemas.items():
        if schema.get('x-table'):
            shared.component(name)
    rows = [route(spec, shared, *operation) for operation in operations]
    out = {}
    out['permissions.gen.h'], out['permissions.gen.c'] = permissions(operations)
    out['schemas.gen.h'], _ = schemas(shared)
    parts = split_statics(shared, rows)
    shared.statics = parts[0]
    out['schemas.gen.c'] = schemas(shared)[1]
    shared.statics = parts[1]
    out['routes.gen.c'] = routes(operations, rows, shared)
    out['contract.gen.h'], out['contract.gen.c'] = contract(spec)
    return out


def split_statics(tables, rows):
    """Returns the inline tables that components need and those that routes need: they are static in two files."""
    texts = {re.match(r'static [^=]*?(\w+)(?:\[\])? = ', s)[1]: s for s in tables.statics}

    def reach(text, found):
        for name in re.findall(r'(?<![\w.])&?([smv]\d+)\b', re.sub(r'"(?:[^"\\]|\\.)*"', '', text)):
            if name in texts and name not in found:
                found.add(name)
                reach(texts[name], found)
        return found

    need = [reach('\n'.join(group), set()) for group in (tables.public.values(), rows)]
    return [[text for name, text in texts.items() if name in names] for names in need]


def main(argv):
    if len(argv) != 3:
        sys.exit(__doc__)
    try:
        files = generate(argv[2])
    except Fault as fault:
        sys.exit(str(fault))
    out = Path(argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_text(text, encoding='utf-8')


if __name__ == '__main__':
    main(sys.argv)
