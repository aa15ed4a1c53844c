"""Who may write which field: each property of each resource, created and changed by each role, with code and pointer.

The properties are read from the contract; what is governed or the server's own is said once below."""
import pytest

from helpers import content
from test_foreign_ids import DRY
from world import records

RESOURCES = {
    'leads': 'Lead', 'accounts': 'Account', 'contacts': 'Contact', 'opportunities': 'Opportunity', 'activities': 'Activity',
    'tasks': 'Task', 'equipment': 'Equipment', 'invoices': 'Invoice', 'complaints': 'Complaint', 'account-contacts': 'AccountContact'}
# moved, or filled, by transitions only
GOVERNED = {
    'leads': {'status', 'unqualified_reason', 'dead_reason', 'nurture_until', 'call_back_at'},
    'accounts': {'verification', 'rejection_reason', 'duplicate_of'}, 'opportunities': {'stage', 'lost_reason', 'postponed_until'}}
# no members of a record: lists bring them along when they are asked to (include)
INCLUDED = {'owner', 'account', 'contact'}
ROLES = ('admin', 'manager', 'sales', 'marketing', 'verifier', 'viewer')
# what a new one must have
LEAST = {
    'leads': {'last_name': 'X'}, 'accounts': {'name': 'X'}, 'contacts': {'last_name': 'X'}, 'opportunities': {'name': 'X'},
    'activities': {'kind': 'note'}, 'tasks': {'subject': 'X'}, 'equipment': {'kind': 'crane'},
    'invoices': {'number': 'X', 'due_on': '2030-01-01'}, 'complaints': {'subject': 'X'}, 'account-contacts': {'role': 'signatory'}}
SENT = {  # by name of a member, where its schema does not say enough
    'email': 'fields@planted.test', 'website': 'https://fields.test', 'phone': '+48600100200', 'tax_id': '5260250274', 'country': 'PL',
    'postcode': '00-950', 'custom': {}, 'tags': ['x'], 'utm': {'source': 'x'}, 'role': 'signatory', 'year_installed': 2000,
    'acknowledge_duplicates': {'reason': 'Two people'}}


@pytest.fixture(scope='module')
def people(new_user, admin):
    return {**{role: new_user(role) for role in ROLES if role != 'admin'}, 'admin': admin}


@pytest.fixture(scope='module')
def things(admin, people):
    return records(admin, people['sales'].user['id'])


def value(contract, name, schema, things, owner):
    """Something that the member takes."""
    if name in ('owner_id', 'assignee_id'):
        return owner
    if name.endswith('_id') and name[:-3] in things:
        return things[name[:-3]]
    if name in SENT:
        return SENT[name]
    schema = contract.deref(schema)
    for part in schema.get('allOf', []) + schema.get('anyOf', []) + schema.get('oneOf', []):
        part = contract.deref(part)
        if part.get('type') != 'null':
            return value(contract, name, part, things, owner)
    if 'enum' in schema:
        return next(word for word in schema['enum'] if word is not None)
    kind = schema.get('type')
    kind = next((k for k in kind if k != 'null'), None) if isinstance(kind, list) else kind
    if kind == 'object':
        return {'amount': '1', 'currency': 'PLN'} if 'currency' in schema.get('properties', {}) else {}
    return {'date': '2030-01-01', 'date-time': '2030-01-01T00:00:00Z', 'key': 'x', 'uuid': owner}.get(
        schema.get('format'), {'string': 'X', 'integer': 1, 'number': 1, 'boolean': True, 'array': []}[kind])


def judged(contract, collection, name, operation):
    """(status, code, code of the fault) that the contract's schemas say; None for what is taken."""
    schema = contract.deref(operation.node['requestBody']['content']['application/json']['schema'])
    writable = schema['properties'].get(name)
    if writable is not None and not contract.deref(writable).get('readOnly') and not writable.get('readOnly'):
        return None
    if name in INCLUDED:
        return 422, 'validation_failed', 'unknown'
    if name in GOVERNED.get(collection, ()):
        return 422, 'governed_field', 'governed_field'
    return 422, 'validation_failed', 'read_only'


def cells(contract):
    for collection, resource in RESOURCES.items():
        for name in sorted({*contract.schema(resource)['properties'], *contract.schema(f'{resource}Create')['properties']}):
            for method in ('post', 'patch'):
                operation = next(op for op in contract.operations if op.method == method and op.template == (
                    f'/v1/{collection}' if method == 'post' else f'/v1/{collection}/{{id}}'))
                yield collection, resource, name, operation


def test_every_cell(contract, people, things, rows, duplicates_allowed):
    before, wrong, n = content(rows), [], 0
    for collection, resource, name, operation in cells(contract):
        member = contract.schema(resource)['properties'].get(name) or contract.schema(f'{resource}Create')['properties'][name]
        thing = things[operation.name.rsplit('_', 1)[0]]
        for role, client in people.items():
            body = {name: value(contract, name, member, things, people['sales'].user['id'])}
            path = f'/v1/{collection}'
            if operation.method == 'post':
                body = {**LEAST[collection], **{k: things[k[:-3]] for k in contract.schema(f'{resource}Create').get('required', [])
                                                if k.endswith('_id')}, **body}
                if collection in ('activities', 'tasks') and 'lead_id' not in body:
                    body['lead_id'] = things['lead']
                if collection == 'opportunities':
                    body.setdefault('account_id', things['account'])
            else:
                path += f'/{thing}'
            answer = client.call(operation.method.upper(), path, json=body, headers=DRY)
            n += 1
            faults = [(e.get('pointer'), e['code']) for e in (answer.json().get('errors') or [])] if answer.status_code >= 400 else []
            verdict = judged(contract, collection, name, operation)
            if operation.permission not in {p.split(':')[0] for p in client.user['permissions']}:
                wanted, seen = (403, 'forbidden'), (answer.status_code, answer.json().get('code'))
            elif verdict:
                wanted = (*verdict[:2], [(f'/{name}', verdict[2])])
                seen = (answer.status_code, answer.json().get('code'), faults)
            else:
                wanted, seen = True, answer.status_code in (200, 201) or (answer.status_code, answer.text[:300])
            if seen != wanted:
                wrong.append((operation.name, name, role, seen, wanted))
    assert wrong == []
    assert n > 1500
    assert content(rows) == before
