#!/usr/bin/python3
"""sqlgen - turns sql/queries/*.sql into C.

usage: sqlgen.py OUTDIR FILE...

Writes queries.gen.h/.c (struct query, for the db layer) and asks.gen.h/.c (a struct of parameters and an
ask_<name>() per query, and the fragments of list queries, for services). The format of the files is
described in ARCHITECTURE.md. Everything that is wrong is reported as file:line: message.
"""
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

SHAPES = ('none', 'one', 'many', 'list')
LANES = ('read', 'write', 'slow')

# OIDs of pg_type that parameters may have: scalar, array of it.
OIDS = {
    'text': (25, 1009), 'uuid': (2950, 2951), 'bigint': (20, 1016), 'integer': (23, 1007),
    'smallint': (21, 1005), 'boolean': (16, 1000), 'jsonb': (3802, 3807), 'json': (114, 199),
    'timestamptz': (1184, 1185), 'date': (1082, 1182), 'time': (1083, 1183), 'interval': (1186, 1187),
    'numeric': (1700, 1231), 'bytea': (17, 1001), 'inet': (869, 1041), 'float8': (701, 1022),
}
ALIASES = {'int8': 'bigint', 'int4': 'integer', 'int': 'integer', 'int2': 'smallint', 'bool': 'boolean',
           'user': 'uuid', 'varchar': 'text'}
COMPARE = {'gt': '>', 'gte': '>=', 'lt': '<', 'lte': '<='}
OPS = ('eq', 'ne', 'in', 'null', 'search', *COMPARE)


class Fault(Exception):
    """What is wrong with a query file, and where."""

    def __init__(self, where, message):
        super().__init__(f'{where}: {message}')


def sql_type(where, word):
    """Returns (base name, is array, may be NULL) of a declared type."""
    optional = word.endswith('?')
    name = word.rstrip('?')
    array = name.endswith('[]')
    base = name[:-2] if array else name
    base = ALIASES.get(base, base)
    if base not in OIDS:
        raise Fault(where, f'unknown type "{word}"; known are {", ".join(sorted(OIDS))}, also as type[] and type?')
    return base, array, optional


def type_oid(base, array):
    return OIDS[base][1 if array else 0]


@dataclass
class Param:
    name: str
    base: str
    array: bool
    optional: bool
    where: str

    @property
    def oid(self):
        return type_oid(self.base, self.array)

    @property
    def c_kind(self):
        """uuid, int, bool or text: how the member of the C struct looks."""
        if self.array or self.optional:
            return 'text'
        return {'uuid': 'uuid', 'bigint': 'int', 'integer': 'int', 'smallint': 'int', 'boolean': 'bool'}.get(self.base, 'text')


@dataclass
class Filter:
    param: str
    before: str
    after: str
    oid: int
    type: str
    one: str = None  # before, when one value is given


@dataclass
class Query:
    name: str
    shape: str
    lane: str
    where: str
    about: list = field(default_factory=list)
    params: list = field(default_factory=list)
    text: str = ''
    # lists only
    id: str = ''
    select: str = ''
    source: str = ''
    condition: str = ''
    filters: list = field(default_factory=list)
    defaults: list = field(default_factory=list)  # (parameters, condition that holds unless one is given)
    sorts: list = field(default_factory=list)     # (name, expression, cast)
    includes: dict = field(default_factory=dict)  # name -> [columns, join]

    @property
    def is_list(self):
        return self.shape == 'list'

    def numbers(self):
        return {p.name: n for n, p in enumerate(self.params, 1)}


TOKEN = re.compile(r"""
    (?P<keep>  [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
             | \$(?P<tag>[a-zA-Z_]*)\$.*?\$(?P=tag)\$ | ::
             | [a-zA-Z_][a-zA-Z0-9_]*        # so that the e of a name is never taken for an E'' string
    )
  | (?P<drop> --[^\n]* | /\*.*?\*/ )
  | :(?P<name>[a-z_][a-z0-9_]*)
""", re.X | re.S)


def number(text, numbers, used, where):
    """Replaces :name by $n and drops comments; strings, quoted names and casts stay as they are."""
    def swap(m):
        if m['keep']:
            return m['keep']
        if m['drop'] is not None:
            return ''
        name = m['name']
        if name not in numbers:
            line = where_plus(where, text[:m.start()].count('\n'))
            raise Fault(line, f':{name} is used but not declared (-- in: {name} <type>)')
        used.add(name)
        return f'${numbers[name]}'
    out = TOKEN.sub(swap, text)
    return '\n'.join(line.rstrip() for line in out.split('\n') if line.strip()).lstrip()


def where_plus(where, lines):
    path, _, line = where.rpartition(':')
    return f'{path}:{int(line) + lines}'


def read_filter(q, where, words):
    """filter: <name> <type> <ops> on <expression>   or   <name> <type> <op> <condition with :value>"""
    parts = words.split(None, 3)
    if len(parts) < 4:
        raise Fault(where, 'a filter reads: name type op[,op] on expression')
    name, type_word, ops, rest = parts
    base, array, _ = sql_type(where, type_word)
    if array:
        raise Fault(where, 'a filter names the type of one value, not an array')
    ops = ops.split(',')
    for op in ops:
        if op not in OPS:
            raise Fault(where, f'unknown operator "{op}"; known are {", ".join(OPS)}')
    whole = not rest.startswith('on ')
    if whole and len(ops) > 1:
        raise Fault(where, 'a whole condition takes one operator; or is "on" missing?')
    for op in ops:
        param = name if op in ('eq', 'search') else f'{name}[{op}]'
        many = op in ('eq', 'ne', 'in')
        if whole:
            pieces = re.split(r'(?<!:):value\b', rest)
            if len(pieces) != 2:
                raise Fault(where, 'a whole condition holds :value exactly once')
            before, after = f' and ({pieces[0]}', f'::{base}{"[]" if many else ""}{pieces[1]})'
        else:
            before, after = filter_text(op, rest[3:].strip(), base)
        used = q.used
        numbers = q.numbers()
        kind = 'boolean' if op == 'null' else base
        before, after = (number(part, numbers, used, where).strip() for part in (before, after))
        space = '' if before.endswith('(') else ' '
        one = f' {before[:-len("any(")]}(' if not whole and many and op != 'ne' else None
        q.filters.append(Filter(param, f' {before}{space}', after, type_oid(kind, many), kind + ('[]' if many else ''), one))


def filter_text(op, expr, base):
    if op in ('eq', 'in'):
        return f' and {expr} = any(', f'::{base}[])'
    if op == 'ne':  # what has no value differs from every value
        return f' and ({expr} = any(', f'::{base}[])) is not true'
    if op == 'null':
        return f' and ({expr} is null) = ', '::boolean'
    if op == 'search':
        return f' and {expr} ilike sluice.search_pattern(', '::text)'
    return f' and {expr} {COMPARE[op]} ', f'::{base}'


def read_directive(q, where, key, rest):
    if key == 'in':
        parts = rest.split()
        if len(parts) != 2:
            raise Fault(where, 'a parameter reads: -- in: name type')
        name, word = parts
        if not re.fullmatch(r'[a-z][a-z0-9_]*', name):
            raise Fault(where, f'"{name}" is no parameter name')
        if name in q.numbers():
            raise Fault(where, f'parameter "{name}" is declared twice')
        q.params.append(Param(name, *sql_type(where, word), where))
        return
    if not q.is_list:
        raise Fault(where, f'"{key}:" belongs to list queries only')
    if key == 'id':
        q.id = rest.strip()
    elif key == 'filter':
        read_filter(q, where, rest)
    elif key == 'unless':
        names, _, condition = rest.partition(' ')
        if not condition.strip():
            raise Fault(where, 'a default reads: -- unless: filter[,filter] condition')
        q.defaults.append((names.split(','), number(condition.strip(), q.numbers(), q.used, where), where))
    else:
        parts = rest.split(None, 2)
        if len(parts) != 3:
            raise Fault(where, 'a sort reads: -- sort: name type expression')
        sql_type(where, parts[1])
        q.sorts.append((parts[0], number(parts[2], q.numbers(), q.used, where), parts[1]))


def read_list_body(q, start, lines):
    """Splits the statement of a list at its markers: include, from, where."""
    section, include = 'select', None
    texts = {('select', None): [start, []]}
    for n, line in enumerate(lines):
        m = re.match(r'--\s*(from|where)\s*$|--\s*include:\s*([a-z][a-z0-9_]*)\s*$', line)
        if m:
            section, include = (m[1], None) if m[1] else (section, m[2])
            where = where_plus(start, n)
            if include and section == 'where':
                raise Fault(where, 'an include stands before -- where')
            if (section, include) in texts:
                raise Fault(where, f'"{line.strip()}" stands here a second time')
            texts[(section, include)] = [where_plus(where, 1), []]
        else:
            texts[(section, include)][1].append(line)
    done = {key: number('\n'.join(body), q.numbers(), q.used, where) for key, (where, body) in texts.items()}
    for need in ('from', 'where'):
        if not done.get((need, None)):
            raise Fault(q.where, f'list "{q.name}" has no "-- {need}" part')
    q.select, q.source, q.condition = done[('select', None)], done[('from', None)], done[('where', None)]
    for (section, name), text in done.items():
        if name:
            q.includes.setdefault(name, ['', ''])[0 if section == 'select' else 1] = text
    if not q.id:
        raise Fault(q.where, f'list "{q.name}" has no "-- id:"')
    if not q.sorts:
        raise Fault(q.where, f'list "{q.name}" has no "-- sort:"')
    seen = set()
    for f in q.filters:
        if f.param in seen:
            raise Fault(q.where, f'filter parameter "{f.param}" exists twice')
        seen.add(f.param)
    for names, _, where in q.defaults:
        for name in names:
            if name not in seen:
                raise Fault(where, f'list "{q.name}" has no filter "{name}"')


def finish(q, body_line, body):
    path = q.where.rpartition(':')[0]
    start = f'{path}:{body_line}'
    while body and (not body[-1].strip() or body[-1].startswith('--')):  # the heading of what follows
        body.pop()
    text = '\n'.join(body).rstrip()
    if not text:
        raise Fault(q.where, f'query "{q.name}" has no statement')
    if not text.endswith(';'):
        raise Fault(where_plus(start, text.count('\n')), f'query "{q.name}" does not end with a semicolon')
    text = text[:-1]
    if q.is_list:
        read_list_body(q, start, text.split('\n'))
    else:
        q.text = number(text, q.numbers(), q.used, start)
        if ';' in TOKEN.sub(lambda m: '' if m['drop'] is not None or (m['keep'] or '')[:1] in '\'"$eE' else m[0], text):
            raise Fault(start, f'query "{q.name}" is more than one statement')
    for p in q.params:
        if p.name not in q.used:
            raise Fault(p.where, f'parameter "{p.name}" of "{q.name}" is declared but not used')


def read_file(path):
    """Returns the queries of a file."""
    queries, q, body, body_line, last = [], None, [], 0, None
    pending = []  # directives are read when the header is complete, so that filters may use parameters

    def flush():
        if q is None:
            return
        finish(q, body_line, body)
        queries.append(q)

    def settle():
        for item in sorted(pending, key=lambda d: d[1] != 'in'):
            read_directive(q, *item)
        pending.clear()

    for n, line in enumerate(Path(path).read_text(encoding='utf-8').split('\n'), 1):
        where = f'{path}:{n}'
        head = re.match(r'--\s*query:\s*(.*)$', line)
        if head:
            if q is not None and pending:
                settle()
            flush()
            words = head[1].split()
            if len(words) != 3 or words[1] not in SHAPES or words[2] not in LANES:
                raise Fault(where, f'a query begins: -- query: name {"|".join(SHAPES)} {"|".join(LANES)}')
            if not re.fullmatch(r'[a-z][a-z0-9_]*', words[0]):
                raise Fault(where, f'"{words[0]}" is no query name')
            q, body, body_line, last = Query(*words, where), [], 0, None
            q.used = set()
            continue
        if q is None:
            if line.strip() and not line.startswith('--'):
                raise Fault(where, 'a statement before the first "-- query:" line')
            continue
        if body or (line.strip() and not line.startswith('--')):
            if not body:
                settle()
                body_line = n
            body.append(line)
            continue
        m = re.match(r'--\s?(in|id|filter|unless|sort):\s*(.*)$', line)
        if m:
            pending.append([where, m[1], m[2].strip()])
            last = pending[-1]
        elif last is not None and re.match(r'--\s{3,}\S', line):  # an indented line continues a directive
            last[2] += ' ' + line[2:].strip()
        else:
            last = None
            if line.startswith('--'):
                q.about.append(line[2:].strip())
    if q is not None and pending:
        settle()
    flush()
    return queries


def read_all(paths):
    """Returns the queries of all files; raises Fault."""
    queries, seen = [], {}
    for path in paths:
        for q in read_file(path):
            if q.name in seen:
                raise Fault(q.where, f'query "{q.name}" exists already at {seen[q.name]}')
            seen[q.name] = q.where
            queries.append(q)
    return queries


# C

BANNER = '/* Generated by cmd/gen/sqlgen.py from sql/queries; do not edit. */\n'
C_TYPES = {'uuid': 'struct uuid ', 'int': 'int64_t ', 'bool': 'bool ', 'text': 'const char *'}


def c_string(text, indent='    '):
    lines = [line.replace('\\', '\\\\').replace('"', '\\"').replace('\t', '\\t') for line in text.split('\n')]
    return '\n'.join(f'{indent}"{line}{end}"' for line, end in zip(lines, ['\\n'] * (len(lines) - 1) + ['']))


def c_oids(name, params):
    if not params:
        return '', 'NULL'
    return f'static const unsigned {name}[] = {{{", ".join(str(p.oid) for p in params)}}};\n', name


def comment(q):
    text = ' '.join(q.about).replace('*/', '* /')
    return f'/** {text} */\n' if text else ''


def queries_h(plain):
    out = [BANNER, '#ifndef QUERIES_GEN_H\n#define QUERIES_GEN_H\n\n#include "db/ask.h"\n\n']
    out.append(f'#define QUERY_COUNT {len(plain)}\n\n')
    out += [f'extern const struct query query_{q.name};\n' for q in plain]
    out.append('\n#endif\n')
    return ''.join(out)


def queries_c(plain):
    out = [BANNER, '#include "queries.gen.h"\n']
    for i, q in enumerate(plain):
        decl, types = c_oids(f'types_{q.name}', q.params)
        out.append(f'\n{decl}const struct query query_{q.name} = {{\n'
                   f'    .name = "{q.name}",\n    .text =\n{c_string(q.text, "        ")},\n'
                   f'    .id = {i},\n    .shape = QUERY_{q.shape.upper()},\n    .lane = LANE_{q.lane.upper()},\n'
                   f'    .nparams = {len(q.params)},\n    .types = {types},\n}};\n')
    return ''.join(out)


def q_struct(q):
    members = ''.join(f'    {C_TYPES[p.c_kind]}{p.name};\n' for p in q.params)
    return f'struct q_{q.name} {{\n{members}}};\n'


def asks_h(queries):
    out = [BANNER, '/* A member of type const char * may be NULL for SQL NULL; the nil uuid is NULL too.\n'
           ' * Strings must live until the ask is answered. ask_<query>() returns the index of the statement\n'
           ' * among the operation\'s own, or -1 when there is no room. */\n',
           '#ifndef ASKS_GEN_H\n#define ASKS_GEN_H\n\n#include "call/call.h"\n#include "call/list.h"\n#include "queries.gen.h"\n']
    for q in queries:
        arg = f', struct q_{q.name} p' if q.params else ''
        out.append('\n' + comment(q) + (q_struct(q) if q.params else ''))
        if q.is_list:
            out.append(f'extern const struct list_query list_{q.name};\n'
                       f'/** list_ask() with list_{q.name} and these fixed parameters. */\n'
                       f'enum step ask_{q.name}(struct call *c{arg});\n')
        else:
            out.append(f'int ask_{q.name}(struct call *c{arg});\n')
    out.append('\n#endif\n')
    return ''.join(out)


HELPERS = '''
#define VALUE_TEXT UUID_TEXT /* room for a uuid or a 64-bit integer as text */

__attribute__((unused)) static const char *value_uuid(char *text, const struct uuid *id)
{
    if (uuid_is_none(id))
        return NULL;
    uuid_format(id, text);
    return text;
}

__attribute__((unused)) static const char *value_int(char *text, int64_t n)
{
    (void)snprintf(text, VALUE_TEXT, "%" PRId64, n);
    return text;
}
'''


def ask_body(q):
    """The function that turns a struct into text values."""
    texts, values = 0, []
    for p in q.params:
        if p.c_kind == 'uuid':
            values.append(f'value_uuid(text + {texts} * VALUE_TEXT, &p.{p.name})')
        elif p.c_kind == 'int':
            values.append(f'value_int(text + {texts} * VALUE_TEXT, p.{p.name})')
        elif p.c_kind == 'bool':
            values.append(f'p.{p.name} ? "true" : "false"')
        else:
            values.append(f'p.{p.name}')
        texts += p.c_kind in ('uuid', 'int')
    ret, fail = ('enum step', 'STEP_FAIL') if q.is_list else ('int', '-1')
    arg = f', struct q_{q.name} p' if q.params else ''
    out = [f'\n{ret} ask_{q.name}(struct call *c{arg})\n{{\n']
    if texts:
        out.append(f'    char *text = call_alloc(c, {texts} * VALUE_TEXT);\n\n    if (text == NULL)\n        return {fail};\n')
    if values:
        rows = ''.join(f'        {v},\n' for v in values)
        out.append(f'    const char *const values[] = {{\n{rows}    }};\n')
    what = 'values' if values else 'NULL'
    call = f'list_ask(c, &list_{q.name}, {what})' if q.is_list else f'call_ask(c, &query_{q.name}, {what})'
    out.append(f'    return {call};\n}}\n')
    return ''.join(out)


def list_rows(q):
    def text(s):
        return c_string(s, '').replace('\n', ' ') if s else '""'
    filters = ''.join(f'        {{{text(f.param)}, {text(f.before)}, {text(f.after)}, {f.oid}, {text(f.one) if f.one else "NULL"}, '
                      f'{"true" if "sluice.known(" in f.before else "false"}}},\n' for f in q.filters)
    defaults = ''.join(f'        {{" and ({c})", (const char *const[]){{{", ".join(text(n) for n in names)}, NULL}}}},\n'
                       for names, c, _ in q.defaults)
    sorts = ''.join(f'        {{{text(n)}, {text(e)}, {text(c)}}},\n' for n, e, c in q.sorts)
    includes = ''.join(f'        {{{text(n)}, {text(" " + c)}, {text(" " + j)}}},\n' for n, (c, j) in q.includes.items())
    decl, types = c_oids(f'types_{q.name}', q.params)
    words = sum(1 << i for i, p in enumerate(q.params) if re.fullmatch('(.*_)?scope', p.name))
    return (f'\n{decl}const struct list_query list_{q.name} = {{\n    .name = "{q.name}",\n    .lane = LANE_{q.lane.upper()},\n'
            f'    .select =\n{c_string(q.select, "        ")},\n'
            f'    .from =\n{c_string(" " + q.source, "        ")},\n'
            f'    .where =\n{c_string(" " + q.condition, "        ")},\n'
            f'    .id = {text(q.id)},\n    .nfixed = {len(q.params)},\n    .fixed_types = {types},\n    .words = {words:#x},\n'
            f'    .filters = (const struct list_filter[]){{\n{filters}        {{NULL, NULL, NULL, 0, NULL, false}},\n    }},\n'
            f'    .defaults = (const struct list_default[]){{\n{defaults}        {{NULL, NULL}},\n    }},\n'
            f'    .sorts = (const struct list_sort[]){{\n{sorts}        {{NULL, NULL, NULL}},\n    }},\n'
            f'    .includes = (const struct list_include[]){{\n{includes}        {{NULL, NULL, NULL}},\n    }},\n}};\n')


def asks_c(queries):
    out = [BANNER, '#include "asks.gen.h"\n\n#include <inttypes.h>\n#include <stdio.h>\n\n'
           '#include "base/uuid.h"\n#include "queries.gen.h"\n', HELPERS]
    for q in queries:
        if q.is_list:
            out.append(list_rows(q))
        out.append(ask_body(q))
    return ''.join(out)


def write(path, text):
    path.write_text(text, encoding='utf-8')


def main(argv):
    if len(argv) < 2:
        sys.exit(__doc__)
    out = Path(argv[1])
    try:
        queries = read_all(argv[2:])
    except Fault as fault:
        sys.exit(str(fault))
    out.mkdir(parents=True, exist_ok=True)
    plain = [q for q in queries if not q.is_list]
    write(out / 'queries.gen.h', queries_h(plain))
    write(out / 'queries.gen.c', queries_c(plain))
    write(out / 'asks.gen.h', asks_h(queries))
    write(out / 'asks.gen.c', asks_c(queries))


if __name__ == '__main__':
    main(sys.argv)
