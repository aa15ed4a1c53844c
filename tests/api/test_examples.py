"""Every example of the contract is run, in the contract's order, against a daemon that nothing else has touched."""
import copy
import json
import re
from urllib.parse import urlencode

import jsonschema

from contract import ROOT, Contract
from daemon import Client

EMPTY = object()


def point(document, pointer):
    """What a JSON pointer (RFC 6901) points to."""
    for part in pointer.split('/')[1:]:
        part = part.replace('~1', '/').replace('~0', '~')
        document = document[int(part) if isinstance(document, list) else part]
    return document


def put(document, pointer, value):
    parent, _, last = pointer.rpartition('/')
    target = point(document, parent)
    target[int(last) if isinstance(target, list) else last] = value


class Walk:
    """Runs examples; answers feed those that need something of them."""

    def __init__(self, daemon, contract):
        self.client = Client(daemon, contract)
        self.answers = {'ready': daemon.first}

    def needed(self, where):
        name, _, pointer = where.partition('#')
        return point(self.answers[name], pointer or '/id')

    def has(self, operation):
        """Tells whether all that the examples of an operation take from others is there."""
        needs = operation.node.get('x-example-needs', {}).values()
        return all(where.split('#')[0] in {*self.answers, 'ready'} for where in needs)

    def address(self, operation, needs):
        path, query = operation.template, {}
        for parameter in operation.parameters:
            name = parameter['name']
            if parameter['in'] == 'path' and name in needs:
                path = path.replace('{%s}' % name, str(self.needed(needs[name])))
            elif parameter['in'] == 'path' and parameter['schema'].get('type') == 'integer':
                path = path.replace('{%s}' % name, '1')
            elif parameter['in'] == 'query' and name in needs:
                query[name] = self.needed(needs[name])
        return path + ('?' + urlencode(query) if query else '')

    def run(self, operation, name=None, value=EMPTY, media=None):
        needs = operation.node.get('x-example-needs', {})
        path, more = self.address(operation, needs), {}
        path = path.replace('{key}', name or '')
        assert '{' not in path, f'{operation.name}: nothing says what {path} stands for'
        if value is not EMPTY:
            value = copy.deepcopy(value)
            for pointer, where in needs.items():
                if pointer.startswith('/'):
                    put(value, pointer, self.needed(where))
            more['headers'] = {'Content-Type': media}
            more['data'] = (json.dumps(value) if 'json' in media else value.encode() if isinstance(value, str)
                            else urlencode(value))
        answer = self.client.call(operation.method.upper(), path, **more)
        assert answer.status_code in operation.success(), f'{operation.name} {name}: {answer.status_code} {answer.text}'
        if 'json' in answer.headers.get('Content-Type', ''):
            self.answers[operation.name] = answer.json()
        if operation.name == 'session_create':
            self.client.token = answer.json()['access_token']


def examples(operation):
    """Yields (name, value, media type) of each request example; one without a body if there is none."""
    content = operation.node.get('requestBody', {}).get('content', {})
    found = [(name, example['value'], media) for media, body in content.items()
             for name, example in body.get('examples', {}).items()]
    return found or [(None, EMPTY, None)]


def test_every_example_works(new_daemon):
    contract = Contract()
    walk = Walk(new_daemon(workers=1), contract)
    # what was made last goes first: an account outlives its opportunities
    last = [op for op in contract.operations if op.node.get('x-example-last')][::-1]
    # whoever signs out is out: that comes behind the others of the last
    last.sort(key=lambda op: op.permission == 'signed_in')
    skipped = {op.name for op in contract.operations if op.node.get('x-example-skip')}
    waiting = [op for op in [op for op in contract.operations if op not in last] + last if op.name not in skipped]
    while waiting:
        # one that takes something from an answer waits for that answer
        operation = next(op for op in waiting if walk.has(op) or op is waiting[-1])
        waiting.remove(operation)
        for name, value, media in examples(operation):
            walk.run(operation, name, value, media)
    seen = {name for name, status in contract.seen if 200 <= status < 300}
    assert seen == set(contract.by_name) - skipped


def test_bodies_have_examples(contract):
    """An operation that takes a body shows one."""
    without = [op.name for op in contract.operations
               if op.media() and not any(e for _, e, _ in examples(op) if e is not EMPTY)]
    assert without == []


def test_examples_of_schemas_are_valid(contract):
    """What the contract shows as an example is what it demands."""
    resolver = jsonschema.RefResolver('', contract.document)
    checked = 0
    for name, schema in contract.document['components']['schemas'].items():
        for example in schema.get('examples', []):
            errors = list(jsonschema.Draft202012Validator(schema, resolver=resolver).iter_errors(example))
            assert not errors, f'{name}: {errors[0].message}'
            checked += 1
    for name, response in contract.document['components']['responses'].items():
        for media in response.get('content', {}).values():
            for key, example in media.get('examples', {}).items():
                errors = list(jsonschema.Draft202012Validator(media['schema'], resolver=resolver).iter_errors(example['value']))
                assert not errors, f'{name} {key}: {errors[0].message}'
                checked += 1
    for operation in contract.operations:
        for _, value, media in examples(operation):
            if value is EMPTY:
                continue
            schema = operation.node['requestBody']['content'][media]['schema']
            errors = list(jsonschema.Draft202012Validator(schema, resolver=resolver).iter_errors(value))
            assert not errors, f'{operation.name}: {errors[0].message}'
            checked += 1
    assert checked > 50


def test_the_served_contract_is_the_file(anonymous, contract):
    answer = anonymous.get('/openapi.json')
    assert answer.status_code == 200 and answer.headers['Content-Type'].startswith('application/json')
    assert answer.json() == contract.document


def test_documents_are_sent_once(anonymous):
    for path in ('/openapi.json', '/docs', '/docs/problems'):
        whole = anonymous.get(path)
        again = anonymous.get(path, headers={'If-None-Match': whole.headers['ETag']})
        assert (again.status_code, again.content, again.headers['ETag']) == (304, b'', whole.headers['ETag'])
        assert whole.headers['Cache-Control'] == again.headers['Cache-Control'] == 'no-cache'
        assert anonymous.get(path, headers={'If-None-Match': '"other"'}).content == whole.content


def test_the_pages_need_no_other_host(anonymous):
    page = anonymous.get('/docs')
    assert page.status_code == 200 and page.headers['Content-Type'].startswith('text/html')
    for wrong in ('http://', 'https://', '//cdn'):
        for attribute in ('src="', "src='", 'href="', "href='", 'url(', '@import "'):
            assert attribute + wrong not in page.text, attribute + wrong
    assert "default-src 'none'" in page.headers['Content-Security-Policy']


def test_every_code_is_explained(anonymous):
    codes = re.findall(r'^ERR\(\w+, "(\w+)"', (ROOT / 'lib' / 'base' / 'err.def').read_text(), re.M)
    page = anonymous.get('/docs/problems').text
    assert len(codes) > 30
    assert [c for c in codes if c not in page] == []
