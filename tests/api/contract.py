"""The contract as an oracle: every answer that a test receives is held against api-spec/openapi.yaml."""
import functools
import re
from pathlib import Path

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parents[2]


class Contract:
    """Finds the operation of a request and checks the answer's status, headers and body."""

    def __init__(self, path=ROOT / 'api-spec' / 'openapi.yaml'):
        self.document = yaml.load(path.read_text(), Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader))
        self.seen = set()
        self.operations = []
        for template, item in self.document['paths'].items():
            pattern = re.compile('^' + re.sub(r'\{[^}]+\}', '[^/]+', template) + '$')
            literal = template.count('{')
            for method in ('get', 'post', 'put', 'patch', 'delete'):
                if method in item:
                    self.operations.append((literal, pattern, method, template, item[method]))
        self.operations.sort(key=lambda row: row[0])

    def deref(self, node):
        while isinstance(node, dict) and '$ref' in node:
            target = self.document
            for part in node['$ref'][2:].split('/'):
                target = target[part.replace('~1', '/').replace('~0', '~')]
            node = target
        return node

    def find(self, method, path):
        method = 'get' if method.lower() == 'head' else method.lower()
        for _, pattern, verb, _, operation in self.operations:
            if verb == method and pattern.match(path):
                return operation
        return None

    @functools.lru_cache(maxsize=None)
    def validator(self, key):
        operation, status, media = key
        response = self.response(self.by_id(operation), status)
        schema = response['content'][media]['schema']
        resolver = jsonschema.RefResolver('', self.document)
        return jsonschema.Draft202012Validator(schema, resolver=resolver)

    @functools.lru_cache(maxsize=None)
    def by_id(self, name):
        return next(row[4] for row in self.operations if row[4]['operationId'] == name)

    def response(self, operation, status):
        responses = operation['responses']
        return self.deref(responses.get(str(status)) or responses.get('default'))

    def check(self, answer):
        """Raises AssertionError when the answer is not one that the contract allows."""
        request = answer.request
        path = re.sub(r'^https?://[^/]+', '', request.url).split('?')[0]
        operation = self.find(request.method, path)
        media = (answer.headers.get('Content-Type') or '').split(';')[0]
        where = f'{request.method} {path} -> {answer.status_code}'
        if 400 <= answer.status_code < 600:
            assert media == 'application/problem+json', f'{where}: {media}: {answer.text[:300]}'
        if operation is None:
            assert answer.status_code in (404, 405, 400, 501), where
            return
        name = operation['operationId']
        response = self.response(operation, answer.status_code)
        assert response is not None, f'{where}: the contract does not list this status for {name}'
        self.seen.add((name, answer.status_code))
        assert 'Request-Id' in answer.headers, f'{where}: no Request-Id'
        if request.method == 'HEAD' or answer.status_code in (204, 304) or not answer.content:
            return
        content = response.get('content') or {}
        assert media in content, f'{where}: {media} is not in the contract: {answer.text[:300]}'
        if 'json' not in media:
            return
        errors = list(self.validator((name, answer.status_code, media)).iter_errors(answer.json()))
        assert not errors, f'{where}: {errors[0].json_path}: {errors[0].message[:500]}'
