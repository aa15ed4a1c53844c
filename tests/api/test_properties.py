"""Properties that hold for whatever a client sends: the schema decides, what was taken comes back, merge patches
merge, and nothing makes the daemon fail."""
import json
import string
from urllib.parse import urlencode

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import UNKNOWN

pytestmark = pytest.mark.usefixtures('duplicates_allowed')

DRY = {'Prefer': 'tx=rollback'}
SETTINGS = {'deadline': None, 'derandomize': True, 'database': None,
            'suppress_health_check': [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]}

# text that a database column holds: no surrogates, no control characters
TEXT = st.text(st.characters(blacklist_categories=('Cs', 'Cc')), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10**20, 10**20) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=('Cs',)), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.printable, max_size=8), inner, max_size=3),
    max_leaves=6)

FORMATS = {
    'uuid': st.just(UNKNOWN), 'date': st.dates().map(str), 'country': st.sampled_from(('AD', 'GB', 'PL', 'XK', 'ZW')),
    'currency': st.text(string.ascii_uppercase, min_size=3, max_size=3), 'key': st.just('reached'),
    'email': st.builds('{}@{}.example'.format, *[st.text(string.ascii_letters + string.digits, min_size=1, max_size=20)] * 2),
    'uri': st.builds('https://{}.example/{}'.format, *[st.text(string.ascii_lowercase, min_size=1, max_size=10)] * 2),
    'date-time': st.datetimes().map(lambda t: t.isoformat() + 'Z'),
    'decimal': st.decimals(0, 10**14 - 1, places=2, allow_nan=False).map(str),
}


def of_schema(contract, schema):
    """Values that the schema allows."""
    schema = contract.deref(schema)
    kinds = schema.get('type')
    kinds = [kinds] if isinstance(kinds, str) else kinds
    choices = []
    if 'enum' in schema:
        return st.sampled_from(schema['enum'])
    if 'null' in kinds:
        choices.append(st.none())
    if 'boolean' in kinds:
        choices.append(st.booleans())
    if 'integer' in kinds and schema.get('format') != 'decimal':
        choices.append(st.integers(schema.get('minimum', 0), min(schema.get('maximum', 10**6), 10**6)))
    if 'string' in kinds:
        text = TEXT.filter(str.strip)
        choices.append(FORMATS.get(schema.get('format'), text.map(lambda t: t[:schema.get('maxLength', 40)])))
    if 'object' in kinds:
        members = schema.get('properties', {})
        required = set(schema.get('required', []))
        choices.append(st.fixed_dictionaries(
            {k: of_schema(contract, v) for k, v in members.items() if k in required},
            optional={k: of_schema(contract, v) for k, v in members.items() if k not in required}))
    return st.one_of(choices)


def comes_back(sent, got):
    if isinstance(sent, dict):
        return all(comes_back(v, got[k]) for k, v in sent.items())
    if isinstance(sent, int) and not isinstance(sent, bool) and isinstance(got, str):
        return str(sent) == got
    if isinstance(sent, str) and isinstance(got, str) and sent[:4].isdigit() and 'T' in sent and sent.endswith('Z'):
        return sent.rstrip('Z').rstrip('0').rstrip('.:') in got or got.rstrip('Z').rstrip('0').rstrip('.') in sent
    return sent == got


CREATES = {'lead_create': {}, 'account_create': {}, 'contact_create': {'account_id': None},
           'task_create': {}, 'opportunity_create': {}, 'activity_create': {}}
LINKS = ('owner_id', 'assignee_id', 'account_id', 'contact_id', 'lead_id', 'opportunity_id')


@pytest.fixture(scope='module')
def linked(rep):
    account = rep.make('accounts', name='Property')
    return {'account_id': account['id'], 'owner_id': rep.user['id'], 'assignee_id': rep.user['id']}


def with_links(body, linked):
    """Ids that are there, or none: what a reference refers to is not the schema's business."""
    return {k: (linked.get(k) if v is not None else None) if k in LINKS else v for k, v in body.items()}


@pytest.mark.parametrize('operation', CREATES)
def test_what_the_schema_allows_is_taken_and_comes_back(operation, contract, rep, linked):
    op = contract.by_name[operation]
    schema = op.node['requestBody']['content']['application/json']['schema']

    @settings(max_examples=60, **SETTINGS)
    @given(of_schema(contract, schema))
    def holds(body):
        body = with_links(body, linked)
        body.pop('external_id', None)
        body.pop('acknowledge_duplicates', None)  # says something about the request, not the record
        if operation == 'activity_create':
            body['account_id'] = linked['account_id']
        if operation == 'lead_create' and not body:
            return
        answer = rep.post(op.template, json=body, headers=DRY)
        assert answer.status_code == 201, f'{body} -> {answer.text}'
        made = answer.json()
        for name, value in body.items():
            if value is not None:
                assert comes_back(value, made[name]), (name, value, made[name])
    holds()


@pytest.mark.parametrize('operation', [*CREATES, 'team_create', 'user_create', 'intake_form_create', 'api_key_create'])
def test_whatever_is_sent_is_judged(operation, contract, admin):
    """Members of any kind: what the schema refuses is refused, and nothing is an internal error."""
    op = contract.by_name[operation]
    schema = op.node['requestBody']['content']['application/json']['schema']
    validator = jsonschema.Draft202012Validator(schema, resolver=jsonschema.RefResolver('', contract.document))
    names = list(contract.deref(schema)['properties'])

    @settings(max_examples=60, **SETTINGS)
    @given(st.dictionaries(st.sampled_from(names) | st.text(max_size=8), JSON, max_size=4) | JSON)
    def holds(body):
        answer = admin.post(op.template, headers={**DRY, 'Content-Type': 'application/json'}, data=json.dumps(body))
        assert answer.status_code in (201, 400, 409, 422), f'{body} -> {answer.text}'
        if next(validator.iter_errors(body), None) is not None:
            assert answer.status_code in (400, 422), f'{body} -> {answer.text}'
        if answer.status_code in (400, 422):
            problem = answer.json()
            assert problem['code'] == 'malformed_json' or problem.get('errors') or 'deeper' in problem['detail'], problem
    holds()


def merged(target, patch):
    """RFC 7396, for a record whose members are always there."""
    return {**target, **patch}


def test_merge_patches_merge(contract, rep):
    schema = contract.schema('LeadPatch')
    lead = rep.make('leads', last_name='Model')
    model = {'record': lead}

    @settings(max_examples=80, **SETTINGS)
    @given(of_schema(contract, schema))
    def holds(patch):
        patch = {k: v for k, v in patch.items() if k not in ('owner_id', 'external_id', 'acknowledge_duplicates')}
        before = model['record']
        answer = rep.patch(f'/v1/leads/{lead["id"]}', json=patch)
        assert answer.status_code == 200, f'{patch} -> {answer.text}'
        now, expected = answer.json(), merged(before, patch)
        for name in set(expected) - {'version', 'updated_at'}:
            assert comes_back(expected[name], now[name]) if expected[name] is not None else now[name] is None, name
        changed = any(now[k] != before[k] for k in now if k not in ('version', 'updated_at'))
        assert now['version'] == before['version'] + changed
        model['record'] = now
    holds()
    entries = [h for h in rep.history('leads', lead['id'], limit=200)]
    assert len(entries) == model['record']['version']


def test_whatever_is_asked_is_answered(contract, admin):
    lists = [op for op in contract.operations if op.method == 'get' and '{' not in op.template and op.query()]
    pairs = st.lists(st.tuples(st.sampled_from(sorted({q for op in lists for q in op.query()})) | st.text(min_size=1, max_size=6),
                               st.text(max_size=12) | st.sampled_from(['1', '-created_at', 'me', 'true', UNKNOWN, '2026-01-01',
                                                                       '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '-1',
                                                                       '99999999999999', 'exact', 'open'])), max_size=4)

    @settings(max_examples=250, **SETTINGS)
    @given(st.sampled_from(lists), pairs)
    def holds(op, query):
        text = urlencode([(k.encode('utf-8', 'ignore'), v.encode('utf-8', 'ignore')) for k, v in query])
        answer = admin.get(f'{op.template}?{text}')
        assert answer.status_code in (200, 400), f'{text} -> {answer.text}'
    holds()


def test_whatever_a_transition_brings_is_judged(rep):
    lead = rep.make('leads', last_name='Transitions of any kind')

    @settings(max_examples=120, **SETTINGS)
    @given(st.fixed_dictionaries({}, optional={
        'fields': st.dictionaries(st.sampled_from(['nurture_until', 'unqualified_reason', 'call_back_at', 'status', 'x']), JSON,
                                  max_size=3) | JSON,
        'activities': st.lists(st.dictionaries(st.sampled_from(['kind', 'subject', 'outcome', 'occurred_at', 'x']), JSON,
                                               max_size=3), max_size=3) | JSON,
        'tasks': JSON, 'checklist': JSON, 'note': JSON}),
        st.sampled_from(['contacted', 'nurture', 'unqualified', 'call_back', 'archived', 'qualified']))
    def holds(body, key):
        answer = rep.post(f'/v1/leads/{lead["id"]}/transitions/{key}', headers={**DRY, 'Content-Type': 'application/json'},
                          data=json.dumps(body))
        assert answer.status_code in (200, 400, 409, 422), f'{body} -> {answer.text}'
    holds()
    assert rep.read('leads', lead['id']) == lead


def test_whatever_a_form_posts_is_kept(anonymous, daemon, admin):
    path = f'/v1/intake/{daemon.intake["form"]}?key={daemon.intake["key"]}'

    @settings(max_examples=80, **SETTINGS)
    @given(st.binary(max_size=80) | TEXT.map(str.encode)
           | st.dictionaries(st.sampled_from(['last_name', 'email', 'utm_source', 'x', 'estimated_value']), TEXT).map(
               lambda d: urlencode(d).encode()))
    def holds(data):
        answer = anonymous.post(path, data=data, headers={'Content-Type': 'application/x-www-form-urlencoded'})
        assert answer.status_code in (201, 202, 400, 422), f'{data} -> {answer.text}'
        if data:
            kept = admin.read('intake-submissions', answer.json()['submission_id'])
            assert kept['outcome'] in ('created', 'held', 'refused')
            assert (kept['lead_id'] is not None) == (answer.status_code == 201)
    holds()
