"""Ids of what one may not see: wherever the contract lets an id stand, a foreign one answers like one that is nobody's.

The places are read from the contract; one that is not in the tables below fails."""
import json
import re
import statistics
import time
import uuid

import psycopg2
import pytest

from helpers import CALL, blueprint, content, qualify
from world import belongings, records

# path: what the {id} below a collection is; None: the whole installation's, nobody's own
COLLECTIONS = {
    'leads': 'lead', 'accounts': 'account', 'contacts': 'contact', 'opportunities': 'opportunity', 'activities': 'activity',
    'tasks': 'task', 'account-contacts': 'account_contact', 'equipment': 'equipment', 'invoices': 'invoice',
    'complaints': 'complaint', 'merges': 'merge', 'duplicates': 'duplicate', 'approvals': 'approval', 'jobs': 'job',
    'imports': 'import', 'deputies': 'deputy', 'intake-submissions': 'submission',
    'segments': None, 'blueprints': None, 'custom-fields': None,
    # administrators' own, who see everything (role_permission_admin_check)
    'score-rules': None, 'assignment-rules': None, 'users': None, 'teams': None, 'calendars': None,
    'conversion-mappings': None, 'duplicate-rules': None, 'api-keys': None, 'intake-forms': None, 'queues': None}
# body and query: the last name of a member that holds an id -> what it is
MEMBERS = {
    'lead_id': 'lead', 'account_id': 'account', 'contact_id': 'contact', 'opportunity_id': 'opportunity',
    'duplicate_of': 'account', 'lead': 'lead', 'account': 'account', 'contact': 'contact', 'opportunity': 'opportunity',
    'losers': 'itself', 'ids': 'itself', 'record': 'any', 'id': 'named',
    # everybody knows the users, teams, processes of the house
    'owner_id': None, 'assignee_id': None, 'user_id': None, 'deputy_id': None, 'users': None, 'members': None, 'teams': None,
    'team_id': None, 'owner': None, 'assignee': None, 'user': None, 'deputy': None, 'team': None, 'queue': None,
    'claimed_by': None, 'from': None, 'blueprint': None, 'submission_id': None}


def id_places(contract, schema, path='', seen=()):
    """The JSON pointers (* for an item) at which a schema lets an id stand."""
    if '$ref' in schema:
        if schema['$ref'] in seen:
            return
        seen += (schema['$ref'],)
        schema = contract.deref(schema)
    if schema.get('readOnly'):
        return
    if schema.get('format') in ('uuid', 'user'):
        yield path
    for word in ('allOf', 'oneOf', 'anyOf'):
        for part in schema.get(word, []):
            yield from id_places(contract, part, path, seen)
    for name, member in schema.get('properties', {}).items():
        yield from id_places(contract, member, f'{path}/{name}', seen)
    if 'items' in schema:
        yield from id_places(contract, schema['items'], f'{path}/*', seen)


FIELDS = {'leads': 'LeadFields', 'accounts': 'AccountFields', 'opportunities': 'OpportunityFields'}


def places(contract):
    """(operation, where, name) of each id that a request can hold."""
    found = []
    for operation in contract.operations:
        for parameter in operation.parameters:
            if list(id_places(contract, parameter['schema'])):
                found.append((operation.name, parameter['in'], parameter['name']))
        for body in operation.node.get('requestBody', {}).get('content', {}).values():
            pointers = set(id_places(contract, body['schema']))
            if '/tasks/*/assignee_id' in pointers:  # a move: its fields are those of the record
                fields = contract.schema(FIELDS[operation.template.split('/')[2]])
                pointers |= set(id_places(contract, fields, '/fields'))
                if '/ids/*' in pointers:
                    pointers |= set(id_places(contract, fields, '/each/fields'))
            found += [(operation.name, 'body', pointer) for pointer in pointers]
    return sorted(set(found))


def last_name(place):
    return [part for part in place[2].split('/') if part and part != '*'][-1]


@pytest.fixture(scope='module')
def narrow(rows, new_user):
    """Makes users who may do everything but administer, to what is their own."""
    rows("""insert into sluice.role (key, label, position) values ('narrow', '{"en": "Narrow"}', 91) on conflict do nothing""")
    rows("""insert into sluice.role_permission (role, permission, scope)
            select 'narrow', key, 'own' from sluice.permission where key not like 'admin.%' on conflict do nothing""")
    return lambda name: new_user('narrow', name=name)


@pytest.fixture(scope='module')
def world(rows, admin, anonymous, narrow, duplicates_allowed):
    """(me, what is mine, what is not)"""
    me, other, third = narrow('Me'), narrow('Other'), narrow('Third')
    mine, theirs = ({**records(admin, who.user['id']), **belongings(who, third, rows, admin, anonymous)} for who in (me, other))
    for kind, collection, members in (('lead', 'leads', {'last_name': 'Other'}), ('account', 'accounts', {'name': 'Other'}),
                                      ('contact', 'contacts', {'last_name': 'Other'})):
        mine[f'other {kind}'] = me.make(collection, owner_id=me.user['id'], **members)['id']
    lead = qualify(admin, me.make('leads', last_name='Convert', owner_id=me.user['id'])['id'])
    mine['qualified'] = lead['id']
    return me, mine, theirs


HERE = 'an-id'  # in paths and bodies: where the id goes


def same(answer, given):
    """What an answer says, without what each answer has of its own."""
    text = re.sub(r'"(request_id|instance|saved_at|expires_at)": ?"[^"]*"', '', answer.text)
    return answer.status_code, text.replace(given, 'ID')


def hold_alike(me, method, path, foreign, body=None):
    """Sends a request with the foreign id and with one that is nobody's (HERE stands for it); returns the answer."""
    answers, texts = [], []
    for given in (foreign, str(uuid.uuid4())):
        more = {'json': json.loads(json.dumps(body).replace(HERE, given))} if body is not None else {}
        answers.append(me.call(method, path.replace(HERE, given), **more))
        texts.append(same(answers[-1], given))
    assert texts[0] == texts[1], (method, path, body, texts)
    return answers[0]


def test_every_place_is_known(contract):
    unknown = []
    for place in places(contract):
        operation = contract.by_name[place[0]]
        if place[1] == 'path':
            if operation.template.split('/')[2] not in COLLECTIONS:
                unknown.append(place)
        elif last_name(place) not in MEMBERS:
            unknown.append(place)
    assert unknown == []


# paths

# bodies that are right whatever the record is, so that the id decides
PATH_BODIES = {
    'merge': {'losers': ['0190163d-0000-7000-8000-00000000dead']}, 'pixel': {'label': 'X'}, 'withdraw': {'reason': 'X'}, 'set': {'columns': []}}
# mine, and still there is nothing: no such move, no entry with that number
NOTHING_THERE = re.compile('_(draft_[a-z]+|why)$')


def path_requests(contract):
    for name, where, parameter in places(contract):
        operation = contract.by_name[name]
        kind = where == 'path' and COLLECTIONS[operation.template.split('/')[2]]
        if kind:
            path = operation.template.replace('{%s}' % parameter, HERE).replace('{key}', 'contacted')
            yield operation, path.replace('{seq}', '1').replace('{n}', '1'), kind


def test_paths(world, contract, rows):
    """404, in the same words, whatever is done to it."""
    me, mine, theirs = world
    before = content(rows)
    wrong, asked = [], 0
    for operation, path, kind in path_requests(contract):
        method = operation.method.upper()
        body = PATH_BODIES.get(operation.name.split('_')[-1], {}) if operation.media() else None
        if operation.name == 'import_part_put':
            answers = [me.call('PUT', path.replace(HERE, given), data=b'x', headers={'Content-Type': 'application/octet-stream'})
                       for given in (theirs[kind], str(uuid.uuid4()))]
            assert [a.status_code for a in answers] == [404, 404]
            continue
        answer = hold_alike(me, method, path, theirs[kind], body)
        asked += 1
        if answer.status_code != 404 or answer.json()['code'] != 'not_found':
            wrong.append((operation.name, answer.status_code, answer.text[:200]))
    assert wrong == [] and asked > 100
    assert content(rows) == before


def test_paths_of_ones_own(world, contract):
    """The same requests find what is one's own, dry where they would change it: it is the id that is refused above."""
    me, mine, _ = world
    wrong, asked = [], 0
    for operation, path, kind in path_requests(contract):
        method, headers = operation.method.upper(), {}
        if method != 'GET':
            if 'Prefer' not in [p['name'] for p in operation.parameters]:
                continue
            headers = {'Prefer': 'tx=rollback'}
        more = {'json': PATH_BODIES.get(operation.name.split('_')[-1], {})} if operation.media() else {}
        answer = me.call(method, path.replace(HERE, mine[kind]), headers=headers, **more)
        asked += 1
        if answer.status_code == 404 and not NOTHING_THERE.search(operation.name):
            wrong.append((operation.name, answer.text[:200]))
    assert wrong == [] and asked > 100


# filters

def test_filters(world, contract):
    """A filter by a foreign id finds what one by nobody's id finds: nothing, and is refused no more than that."""
    me, mine, theirs = world
    asked = 0
    for name, where, parameter in places(contract):
        operation = contract.by_name[name]
        kind = MEMBERS.get(parameter)
        if where != 'query' or not kind:
            continue
        for foreign in [theirs[k] for k in ('lead', 'account', 'contact')] if kind == 'any' else [theirs[kind]]:
            answer = hold_alike(me, 'GET', f'{operation.template}?{parameter}={HERE}', foreign)
            asked += 1
            assert answer.status_code == 200, (name, answer.text)
            if answer.headers['Content-Type'].startswith('application/json'):
                assert answer.json()['items'] == [], (name, parameter)
            else:
                assert answer.text.count('\n') == 1, (name, answer.text)  # the heads of the columns
    assert asked > 25


# bodies

@pytest.fixture(scope='module')
def moving(rows, world):
    """A deal and an account of mine under processes that ask for records in a move and in a step."""
    me, mine, _ = world
    made = {}
    for entity, collection, fields, members in (
            ('opportunity', 'opportunities', ['account_id', 'contact_id'], {'account_id': mine['account']}),
            ('account', 'accounts', ['duplicate_of'], {})):
        inputs = [{'key': f, 'kind': 'field', 'label': {'en': f}, 'params': {'field': f}} for f in fields]
        states = [('open', 'open', {'steps': [{'key': 'contacted', 'label': {'en': 'Look'}, 'inputs': inputs}]}), ('over', 'won')]
        with blueprint(rows, entity, f'moving_{entity}', states, [
                {'key': 'made', 'kind': 'initial', 'to': 'open'},
                {'key': 'contacted', 'from': ['open'], 'to': 'over', 'inputs': inputs}]):
            made[entity] = me.make(collection, name='Moving', **members)['id']
    return made


def bodies(mine, moving):
    """operation -> (path, a body that is taken); every pointer of the contract's ids is in one of them."""
    links = {f'{kind}_id': mine[kind] for kind in ('lead', 'account', 'contact', 'opportunity')}
    deal = {'account_id': mine['account'], 'contact_id': mine['contact']}
    table = {
        'contact_create': {'last_name': 'X', 'account_id': mine['account']},
        'contact_duplicates': {'last_name': 'X', 'account_id': mine['account']},
        'contact_update': {'account_id': mine['account']},
        'account_contact_create': {**deal, 'role': 'signatory'},
        'equipment_create': {'kind': 'crane', 'account_id': mine['account']},
        'invoice_create': {'number': '1', 'due_on': '2030-01-01', 'account_id': mine['account']},
        'complaint_create': {'subject': 'X', 'account_id': mine['account']},
        'opportunity_create': {'name': 'X', **deal}, 'opportunity_update': deal,
        'activity_create': {'kind': 'note', **links}, 'activity_update': links,
        'task_create': {'subject': 'X', **links}, 'task_update': links,
        'lead_convert': {'account': {'id': mine['account']}, 'contact': {'id': mine['contact']}},
        'verification_claim': {'id': mine['account']},
        'intake_submission_release': {'lead_id': mine['lead']}}
    for entity in ('lead', 'account', 'contact'):
        table[f'{entity}_merge'] = {'losers': [mine['other ' + entity]]}
    for entity in ('lead', 'account', 'opportunity'):
        table[f'{entity}_bulk'] = {'ids': [mine[entity]]}
    for what in ('transition', 'step_done', 'draft_put', 'bulk'):
        table[f'opportunity_{what}'] = {**table.get(f'opportunity_{what}', {}), 'fields': {'contact_id': mine['contact']}}
        table[f'account_{what}'] = {**table.get(f'account_{what}', {}), 'fields': {'duplicate_of': mine['other account']}}
    table['account_step_done'] = {'fields': {}}
    table['lead_bulk']['activities'] = [CALL]
    return table


# operation -> the {id} and {key} of its path; else those of its collection, and a transition
TARGETS = {'lead_convert': 'qualified', 'intake_submission_release': 'submission'}
DRY = {'Prefer': 'tx=rollback'}
# what is only kept: a draft is looked through when it is carried out
UNREAD = re.compile('_draft_put$')


def body_requests(contract, mine, moving):
    """(operation, path, a body that is taken, pointers of the foreign ids in it)"""
    table = bodies(mine, moving)
    wanted = {}
    for name, where, pointer in places(contract):
        kind = where == 'body' and MEMBERS[last_name((name, where, pointer))]
        if kind and not pointer.startswith('/each/'):
            wanted.setdefault(name, []).append(pointer)
    assert set(wanted) == set(table), set(wanted) ^ set(table)
    for name, pointers in wanted.items():
        operation = contract.by_name[name]
        entity = COLLECTIONS[operation.template.split('/')[2]]
        target = moving.get(entity) if '{key}' in operation.template else None
        path = operation.template.replace('{id}', target or mine[TARGETS.get(name, entity)]).replace('{key}', 'contacted')
        body = json.loads(json.dumps(table[name]))
        if 'ids' in body and entity in moving:
            body['ids'] = [moving[entity]]
        yield operation, path, body, sorted(pointers)


def with_placeholder(body, pointer):
    body = json.loads(json.dumps(body))
    at, parts = body, [p for p in pointer.split('/') if p]
    if parts[-1] == '*':
        at[parts[0]] = [HERE]
        return body
    for part in parts[:-1]:
        at = at[part]
    at[parts[-1]] = HERE
    return body


def kind_of(contract, operation, pointer):
    kind = MEMBERS[last_name((operation.name, 'body', pointer))]
    if kind == 'named':  # {"account": {"id"}}
        return pointer.split('/')[-2] or 'account'
    return COLLECTIONS[operation.template.split('/')[2]] if kind == 'itself' else kind


# what no move can fill, whoever owns it
GOVERNED = {('account_step_done', '/fields/duplicate_of')}
# a look whether somebody is there already: of whom nobody says that he is
NOT_LOOKED_UP = {('contact_duplicates', '/account_id')}


def expected(operation, pointer):
    if pointer == '/ids/*':
        return 404, 'not_found'
    if (operation.name, pointer) in NOT_LOOKED_UP:
        return 200, None
    if (operation.name, pointer) in GOVERNED:
        return 422, 'governed_field'
    return 422, 'unknown_reference'


def verdict(operation, answer):
    """Status, code and pointer: of a bulk, those of its only record."""
    body = answer.json()
    if operation.name.endswith('_bulk'):
        body = body['items'][0].get('problem', {'status': 200})
    errors = body.get('errors') or [{}]
    return body.get('status', answer.status_code), body.get('code'), errors[0].get('pointer')


def test_bodies(world, moving, contract, rows):
    """422 that names the member and says that there is no such record; what is one's own is taken."""
    me, mine, theirs = world
    before = content(rows)
    wrong, asked = [], 0
    for operation, path, body, pointers in body_requests(contract, mine, moving):
        method, dry = operation.method.upper(), 'Prefer' in [p['name'] for p in operation.parameters]
        control = me.call(method, path, json=body, headers=DRY if dry else None)
        if control.status_code not in operation.success() or control.content and control.json().get('refused'):
            wrong.append((operation.name, 'control', control.status_code, control.text[:400]))
        for pointer in pointers:
            foreign = theirs[kind_of(contract, operation, pointer)]
            answer = hold_alike(me, method, path, foreign, with_placeholder(body, pointer))
            asked += 1
            if UNREAD.search(operation.name):
                continue
            status, code = expected(operation, pointer)
            wanted = (status, code, pointer.replace('*', '0') if status == 422 else None)
            if verdict(operation, answer) != wanted:
                wrong.append((operation.name, pointer, verdict(operation, answer), wanted))
    assert wrong == []
    assert asked > 40
    assert content(rows) == before


# what hangs on it

def test_a_link_out_of_sight_may_stay(world, rows, admin):
    """A task that somebody tied to a record which its assignee does not see: it can be worked on, and sent back whole."""
    me, mine, theirs = world
    task = admin.make('tasks', subject='Tied', lead_id=theirs['lead'], assignee_id=me.user['id'])
    path = f'/v1/tasks/{task["id"]}'
    assert me.patch(path, json={'subject': 'Done so', 'lead_id': theirs['lead']}).status_code == 200
    body = me.patch(path, json={'lead_id': theirs['lead'], 'contact_id': theirs['contact']}).json()
    assert (body['code'], body['errors'][0]['pointer']) == ('unknown_reference', '/contact_id')
    # of somebody else's task not even its link is told
    for lead in (theirs['lead'], mine['lead']):
        given = {'lead_id': lead}
        answers = [same(me.patch(f'/v1/tasks/{i}', json=given), i) for i in (theirs['task'], str(uuid.uuid4()))]
        assert answers[0] == answers[1]
        assert answers[0][0] == (404 if lead == mine['lead'] else 422)


def test_no_guard_tells_of_a_foreign_account(world, rows):
    """A deal is not judged by an account that its maker does not see: what the guard observed would be told."""
    me, _, theirs = world
    guard = {'key': 'verified', 'kind': 'field_equals', 'params': {'field': 'account.name', 'value': 'nothing of the kind'}}
    with blueprint(rows, 'opportunity', 'telling', [('open', 'open'), ('over', 'won')], [
            {'key': 'made', 'kind': 'initial', 'to': 'open', 'guards': [guard]},
            {'key': 'go', 'from': ['open'], 'to': 'over'}]):
        answer = me.post('/v1/opportunities', json={'name': 'X', 'account_id': theirs['account']})
    assert (answer.status_code, answer.json()['code']) == (422, 'unknown_reference')
    assert 'failures' not in answer.json()


def test_rights_of_administrators_are_for_everybody(rows):
    """"My own user" would be enough to give oneself every role."""
    for scope in ('own', 'team'):
        with pytest.raises(psycopg2.errors.CheckViolation) as refused:
            rows("insert into sluice.role_permission (role, permission, scope) values ('viewer', 'admin.users', %s)", scope)
        assert refused.value.diag.constraint_name == 'role_permission_admin_check'


def test_the_glass_of_others_records_holds(world, narrow, rows, admin):
    """transition.force with a scope of less than all breaks the rules of one's own records only."""
    rows("""insert into sluice.role (key, label, position) values ('forcing', '{"en": "Forcing"}', 92) on conflict do nothing""")
    rows("""insert into sluice.role_permission (role, permission, scope)
            select 'forcing', key, case when key = 'transition.force' then 'own' else 'all' end
              from sluice.permission where key not like 'admin.%' on conflict do nothing""")
    me, _, theirs = world
    who = narrow('Forcing')
    rows("update sluice.user_role set role = 'forcing' where user_id = %s", who.user['id'])
    who = who.again()
    mine = admin.make('leads', last_name='Forced', owner_id=who.user['id'])
    force = {'force': {'reason': 'A test of the glass'}}
    refused = who.move('leads', theirs['lead'], 'contacted', **force)
    assert (refused.status_code, refused.json()['code']) == (403, 'forbidden')
    assert who.moved('leads', mine['id'], 'contacted', **force)['status'] == 'contacted'


def test_a_foreign_id_takes_no_longer(world):
    """Nobody learns from the clock that there is something: the same class of time, by the median of many, in turns."""
    me, _, theirs = world
    asked = [('GET', '/v1/leads/{}', None), ('PATCH', '/v1/accounts/{}', {'city': 'X'}), ('GET', '/v1/leads/{}/transitions', None),
             ('POST', '/v1/tasks', {'subject': 'X', 'contact_id': '{}'})]
    kinds = ['lead', 'account', 'lead', 'contact']
    for (method, path, body), kind in zip(asked, kinds):
        took = {'foreign': [], 'unknown': []}
        for _ in range(120):
            for which, given in (('foreign', theirs[kind]), ('unknown', str(uuid.uuid4()))):
                more = {'json': {k: given if v == '{}' else v for k, v in body.items()}} if body else {}
                begun = time.perf_counter()
                answer = me.http.request(method, me.daemon.url + path.replace('{}', given), timeout=30,
                                         headers={'Authorization': f'Bearer {me.token}'}, **more)
                took[which].append(time.perf_counter() - begun)
                assert answer.status_code in (404, 422)
        ratio = statistics.median(took['foreign']) / statistics.median(took['unknown'])
        assert 0.5 < ratio < 2, (method, path, ratio)
