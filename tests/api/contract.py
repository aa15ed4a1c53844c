"""The contract as an oracle: every answer that a test receives is held against api-spec/openapi.yaml."""
import copy
import functools
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parents[2]
METHODS = ('get', 'post', 'put', 'patch', 'delete')
# headers that mean something to clients: an answer that has one documents it
TOLD = {'etag', 'link', 'location', 'preference-applied', 'idempotent-replayed', 'retry-after', 'www-authenticate'}


class Operation:
    """One row of the contract."""

    def __init__(self, contract, template, method, item, node):
        self.template, self.method, self.node = template, method, node
        self.name, self.permission = node['operationId'], node['x-permission']
        self.pattern = re.compile('^' + re.sub(r'\{[^}]+\}', '[^/]+', template) + '$')
        self.parameters = [contract.deref(p) for p in item.get('parameters', []) + node.get('parameters', [])]

    def query(self):
        return [p['name'] for p in self.parameters if p['in'] == 'query']

    def parameter(self, name):
        return next(p for p in self.parameters if p['name'] == name)

    def media(self):
        return list(self.node.get('requestBody', {}).get('content', {}))

    def success(self):
        return [int(s) for s in self.node['responses'] if s.startswith('2')]


class Contract:
    """Finds the operation of a request and checks the answer's status, headers and body."""

    def __init__(self, path=ROOT / 'api-spec' / 'openapi.yaml'):
        self.document = yaml.load(path.read_text(), Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader))
        self.seen = set()
        self.operations = [Operation(self, template, method, item, item[method])
                           for template, item in self.document['paths'].items()
                           for method in METHODS if method in item]
        self.by_name = {op.name: op for op in self.operations}
        self.by_literals = sorted(self.operations, key=lambda op: op.template.count('{'))

    def deref(self, node):
        while isinstance(node, dict) and '$ref' in node:
            target = self.document
            for part in node['$ref'][2:].split('/'):
                target = target[part.replace('~1', '/').replace('~0', '~')]
            node = target
        return node

    def schema(self, name):
        return self.document['components']['schemas'][name]

    def find(self, method, path):
        method = 'get' if method.lower() == 'head' else method.lower()
        return next((op for op in self.by_literals if op.method == method and op.pattern.match(path)), None)

    def response(self, operation, status):
        responses = operation.node['responses']
        return self.deref(responses.get(str(status)) or responses.get('default'))

    def chosen_only(self, schema):
        """The schema of an answer to ?fields=: the members that were asked for, so none is required."""
        schema = copy.deepcopy(self.deref(schema))
        items = schema.get('properties', {}).get('items')
        if items:
            items['items'] = self.chosen_only(items['items'])
        else:
            schema.pop('required', None)
        return schema

    @functools.lru_cache(maxsize=None)
    def validator(self, name, status, media, fields):
        schema = self.response(self.by_name[name], status)['content'][media]['schema']
        if fields:
            schema = self.chosen_only(schema)
        resolver = jsonschema.RefResolver('', self.document)
        return jsonschema.Draft202012Validator(schema, resolver=resolver)

    def check_headers(self, answer, response, where):
        documented = {name.lower(): self.deref(header) for name, header in response.get('headers', {}).items()}
        for name, value in answer.headers.items():
            header = documented.get(name.lower())
            assert header is not None or name.lower() not in TOLD, f'{where}: {name} is not in the contract'
            if header is None:
                continue
            if header['schema']['type'] == 'integer':
                value = int(value)
            errors = list(jsonschema.Draft202012Validator(header['schema']).iter_errors(value))
            assert not errors, f'{where}: {name}: {errors[0].message}'

    @staticmethod
    def is_bare_replay(answer):
        """The answer whose first copy was lost with the daemon: the parameter Idempotency-Key describes it."""
        return (answer.status_code == 200 and 'Idempotency-Key' in answer.request.headers
                and answer.headers.get('Idempotent-Replayed') == 'true' and list(answer.json()) == ['id'])

    def check(self, answer):
        """Raises AssertionError when the answer is not one that the contract allows."""
        request = answer.request
        target = urlsplit(request.url)
        operation = self.find(request.method, target.path)
        media = (answer.headers.get('Content-Type') or '').split(';')[0]
        where = f'{request.method} {target.path} -> {answer.status_code}'
        problem = 400 <= answer.status_code < 600
        if problem:  # a page for people is one only where the contract says so
            page = media == 'text/html' and operation and media in self.response(operation, answer.status_code)['content']
            assert page or media == 'application/problem+json', f'{where}: {media}: {answer.text[:300]}'
        assert 'Request-Id' in answer.headers, f'{where}: no Request-Id'
        if operation is None:
            assert answer.status_code in (404, 405, 400, 501) or request.method == 'OPTIONS', where
            return
        if self.is_bare_replay(answer):
            return
        response = self.response(operation, answer.status_code)
        assert response is not None, f'{where}: the contract does not list this status for {operation.name}'
        self.seen.add((operation.name, answer.status_code))
        self.check_headers(answer, response, where)
        if request.method == 'HEAD' or answer.status_code in (204, 304) or not answer.content:
            return
        content = response.get('content') or {}
        assert media in content, f'{where}: {media} is not in the contract: {answer.text[:300]}'
        if 'json' not in media:
            return
        body = answer.json()
        fields = not problem and 'fields' in parse_qs(target.query, keep_blank_values=True)
        error = next(self.validator(operation.name, answer.status_code, media, fields).iter_errors(body), None)
        assert error is None, f'{where}: {error.json_path}: {error.message[:500]}'
        if problem:
            assert body['status'] == answer.status_code, where
            assert body['request_id'] == answer.headers['Request-Id'], where
            assert body['type'] == f'/docs/problems#{body["code"]}', where
