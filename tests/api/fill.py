"""Requests made from the contract: every operation with a body that is right, and every place where a text can stand."""
import contextlib
import copy
import json
import re

from contract import Contract
from daemon import Daemon
from test_examples import EMPTY, Walk, examples

# of PostgreSQL's errors: refusals of our own, constraints, and what two writers do to each other
EXPECTED = re.compile('^(SL|23|40|55P03|57014|00000|01)')


class Surface(Walk):
    """All operations, once the examples have made what they need."""

    def prepare(self):
        """Runs what makes things. What ends them is left out, so a few examples that come after an end are refused."""
        refused, self.violations = [], []
        skipped = {op.name for op in self.client.contract.operations
                   if op.node.get('x-example-skip') or op.method == 'delete' or op.node.get('x-example-last')}
        skipped |= {'session_delete', 'me_password', 'lead_merge', 'account_merge', 'contact_merge'}
        waiting = [op for op in self.client.contract.operations if op.name not in skipped]
        while waiting:
            operation = next(op for op in waiting if self.has(op) or op is waiting[-1])
            waiting.remove(operation)
            for name, value, media in examples(operation):
                try:
                    self.run(operation, name, value, media)
                except (AssertionError, KeyError):
                    refused.append(operation.name)
        assert len(refused) < 12, refused
        # a key outlives what is done to sessions
        made = self.client.make('api-keys', name='surface', roles=['admin'])
        self.client.token = made['key']
        return self

    def path(self, operation):
        """The address with what the examples need, and something for what nothing says."""
        needs = operation.node.get('x-example-needs', {})
        path, query = operation.template, {}
        for parameter in operation.parameters:
            if parameter['in'] == 'query' and parameter['name'] in needs:
                query[parameter['name']] = self.needed(needs[parameter['name']])
            if parameter['in'] == 'path':
                name = parameter['name']
                value = None
                if name in needs and needs[name].split('#')[0] in {*self.answers, 'ready'}:
                    value = self.needed(needs[name])
                if value is None:
                    value = {'n': 1, 'seq': 1, 'key': 'contacted', 'form': 'web'}.get(name, '0190163d-0000-7000-8000-00000000dead')
                path = path.replace('{%s}' % name, str(value))
        return path, query

    def body(self, operation):
        """(media type, an example with the ids of here), or (None, None)."""
        for _, value, media in examples(operation):
            if value is EMPTY:
                continue
            value = copy.deepcopy(value)
            for pointer, where in operation.node.get('x-example-needs', {}).items():
                if pointer.startswith('/') and where.split('#')[0] in {*self.answers, 'ready'}:
                    put(value, pointer, self.needed(where))
            return media, value
        return None, None

    def send(self, operation, path, media=None, value=None, **more):
        """The answer; what is wrong with it by the contract goes to `violations`."""
        headers = {'Authorization': f'Bearer {self.client.token}', **more.pop('headers', {})}
        if media:
            headers.setdefault('Content-Type', media)
            data = json.dumps(value) if 'json' in media else value
            more['data'] = data.encode() if isinstance(data, str) else data
        answer = self.client.http.request(operation.method, self.client.daemon.url + path, headers=headers, timeout=30,
                                          allow_redirects=False, **more)
        try:
            self.client.contract.check(answer)
        except AssertionError as e:
            self.violations.append(f'{operation.name}: {e}')
        return answer


@contextlib.contextmanager
def surfaced():
    """A daemon of one's own, where everything has been made once; PostgreSQL's log names the class of each error."""
    daemon = Daemon(workers=2)
    try:
        surface = Surface(daemon.start(), Contract()).prepare()
        surface.daemon = daemon
        daemon.sql("alter system set log_line_prefix = '%e|'")
        daemon.sql('select pg_reload_conf()')
        yield surface
        assert daemon.stop() == 0, daemon.log()[-3000:]
    finally:
        daemon.destroy()


def classes(daemon):
    """The lines of PostgreSQL's log that say an error which no client should be able to provoke."""
    return [line for line in daemon.postgres_log().splitlines()
            if re.match('^[0-9A-Z]{5}\\|', line) and re.search(r'\|\s*(ERROR|FATAL|PANIC|WARNING):', line)
            and not EXPECTED.match(line)]


def put(document, pointer, value):
    parts = pointer.split('/')[1:]
    for part in parts[:-1]:
        document = document[int(part) if isinstance(document, list) else part]
    document[int(parts[-1]) if isinstance(document, list) else parts[-1]] = value


def leaves(contract, schema, path='', seen=()):
    """(pointer, schema) of every member that holds a text; of lists the first item."""
    if '$ref' in schema:
        if schema['$ref'] in seen:
            return
        seen += (schema['$ref'],)
        schema = contract.deref(schema)
    if schema.get('readOnly'):
        return
    kind = schema.get('type')
    if kind == 'string' or isinstance(kind, list) and 'string' in kind:
        yield path, schema
    for word in ('allOf', 'oneOf', 'anyOf'):
        for part in schema.get(word, []):
            yield from leaves(contract, part, path, seen)
    for name, member in schema.get('properties', {}).items():
        yield from leaves(contract, member, f'{path}/{name}', seen)
    if 'items' in schema:
        yield from leaves(contract, schema['items'], f'{path}/0', seen)


def set_at(value, pointer, text):
    """A copy of a body with a text at a pointer; objects and lists on the way are made."""
    value = copy.deepcopy(value)
    at, parts = value, pointer.split('/')[1:]
    for part, following in zip(parts, [*parts[1:], None]):
        fresh = text if following is None else [] if following == '0' else {}
        if isinstance(at, list):
            if not at:
                at.append(fresh)
            elif following is None or not isinstance(at[0], (dict, list)):
                at[0] = fresh
            at = at[0]
        else:
            if following is None or not isinstance(at.get(part), (dict, list)):
                at[part] = fresh
            at = at[part]
    return value
