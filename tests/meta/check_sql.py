#!/usr/bin/python3
"""check_sql - every query against the real schema.

Each named query is prepared and described, each list with all its filters, sorts and includes at once. Decisions
about a lead see what everybody else sees of it as facts. The permissions of the contract and the rows of sluice.permission are the same. Hand-written C holds no SQL.
Needs a migrated database where libpq's environment points; cmd/dev/test sql brings one.
"""
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from tree import ROOT, Findings, files, read  # first: it knows where cmd/gen is

import routegen
import sqlgen

# Files that hold SQL for a reason: what runs before there is a schema, and what joins the parts of a list.
EXCEPTIONS = {
    'lib/db/cluster.c': 'makes the database itself',
    'lib/db/migrate.c': 'applies migrations before any query can be prepared',
}
SQL = re.compile(r'"[^"\n]*\b(?:select\s+[\w.*($]+.*\bfrom\b|select\s+(?:sluice|pg_\w+|set_config|\$?\d)\b|insert\s+into|'
                 r'update\s+[\w.]+\s+set\b|delete\s+from|(?:create|alter|drop)\s+(?:table|role|schema|database|function|index)|'
                 r'grant\s+\w+\s+(?:on|to)|truncate\s+table)\b', re.I)
PREPARABLE = re.compile(r'\s*(select|insert|update|delete|merge|values|with)\b', re.I)  # the rest is described only


def psql(script):
    """Runs a script and returns (stdout, stderr)."""
    done = subprocess.run(['psql', '-qXAt', '-v', 'ON_ERROR_STOP=0'], input=script, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f'psql: {done.stderr.strip()}')
    return done.stdout, done.stderr


def type_name(base, array):
    return base + ('[]' if array else '')


def composed(q):
    """A list's statement with all its parts, and the types of its parameters."""
    types = [type_name(p.base, p.array) for p in q.params]
    parts = [q.select] + [columns for columns, _ in q.includes.values()] + [q.source]
    parts += [join for _, join in q.includes.values()] + [q.condition]
    for f in q.filters:
        types.append(f.type)
        parts.append(f'{f.before}${len(types)}{f.after}')
        if f.one:  # what a single value makes of it
            parts.append(f'{f.one}${len(types)}{f.after}[1]')
    for _, expr, cast in q.sorts:
        types.append('text')
        parts.append(f' and ({expr}, {q.id}) < (${len(types)}::text::{cast}, ${len(types)}::text::uuid)')
    parts.append(' order by ' + ', '.join([f'{expr} desc' for _, expr, _ in q.sorts] + [q.id]) + ' limit 1')
    return '\n'.join(parts), types


def statement(q):
    if q.is_list:
        return composed(q)
    return q.text, [type_name(p.base, p.array) for p in q.params]


def script_of(q):
    text, types = statement(q)
    declared = f'({", ".join(types)})' if types else ''
    # \\gdesc describes without running; it knows no parameters, so they become typed nulls
    described = re.sub(r'\$(\d+)', lambda m: f'(null::{types[int(m[1]) - 1]})', text)
    prepared = f'prepare "{q.name}" {declared} as\n{text};\n' if PREPARABLE.match(text) else ''
    return f'{prepared}{described} \\gdesc\n'


def check_columns(found, q, names):
    """The shape fits the columns, and the columns of a group stand together."""
    if q.shape != 'none' and not names:
        found.add(q.where, f'{q.name} is "{q.shape}" but returns no columns')
    for name in {n for n in names if names.count(n) > 1}:
        found.add(q.where, f'{q.name} returns "{name}" twice')
    groups = [n.split('.')[0] for n in names]
    for i, group in enumerate(groups):
        if i and '.' in names[i] and group in groups[:i] and groups[i - 1] != group:
            found.add(q.where, f'{q.name}: the columns of "{group}" stand apart; the writer nests neighbours only')


def check_facts(found, q, names):
    """The columns that guards see of a lead are the members of its facts elsewhere."""
    prefix = 'facts.record.'
    seen = {n[len(prefix):].split('.')[0] for n in names if n.startswith(prefix)}
    out, _ = psql("select attname from pg_attribute where attrelid = 'sluice.lead_fact'::regclass and attnum > 0;")
    for name in sorted(seen ^ set(out.split())):
        found.add(q.where, f'"{name}" is in one of {q.name} and sluice.lead_fact only')


def check_queries(found):
    queries = sqlgen.read_all(sorted(str(p) for p in files('.sql', under='sql/queries/')))
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(psql, map(script_of, queries))
        for q, (out, errors) in zip(queries, answers):
            messages = re.findall(r'(?:ERROR|FATAL):.*(?:\n(?:LINE|HINT|DETAIL).*)*', errors)
            if messages:
                found.add(q.where, f'{q.name}: {messages[0]}')
            else:
                names = [line.split('|')[0] for line in out.split('\n') if '|' in line]
                check_columns(found, q, names)
                if q.name == 'facts_lead':
                    check_facts(found, q, names)
    print(f'{len(queries)} queries prepared and described')


def check_permissions(found):
    spec = routegen.Spec(ROOT / 'api-spec/openapi.yaml')
    named = {op['x-permission'] for _, _, op, _ in spec.operations()} - {'public', 'signed_in'}
    named |= {p for _, _, op, _ in spec.operations() for p in op.get('x-permissions', [])}
    out, errors = psql('select key from sluice.permission;')
    rows = set(out.split())
    if errors:
        found.add('sluice.permission', errors.strip())
    for key in sorted(named - rows):
        found.add('api-spec/openapi.yaml', f'permission "{key}" is no row of sluice.permission')
    for key in sorted(rows - named):
        found.add('sluice.permission', f'no operation asks for "{key}"')


def check_c(found):
    for path in [*files('.c', '.h', under='lib/'), *files('.c', '.h', under='cmd/')]:
        if str(path) in EXCEPTIONS:
            continue
        for n, line in enumerate(read(path).split('\n'), 1):
            if SQL.search(line):
                found.add(f'{path}:{n}', 'SQL belongs into sql/queries')
    for path in EXCEPTIONS:
        if not (ROOT / path).exists():
            found.add(path, 'is an exception that does not exist')


def main():
    found = Findings()
    check_c(found)
    check_queries(found)
    check_permissions(found)
    found.end('sql')


main()
