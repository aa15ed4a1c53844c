"""Who may do what: every role against every operation of the contract, and the three scopes."""
import json
import uuid

import pytest

from daemon import Client
from helpers import CALL, PLURAL, UNKNOWN, content, problem, qualify

ROLES = ('admin', 'manager', 'marketing', 'sales', 'verifier', 'integration', 'viewer')
FREE = ('public', 'signed_in')

# what is shipped: changed on purpose only
SHIPPED = {
    'viewer': {'lead.read', 'account.read', 'contact.read', 'opportunity.read', 'activity.read', 'task.read', 'blueprint.read',
               'fields.read'}}
NOTICED = {'duplicate.read', 'duplicate.acknowledge'}
SHIPPED['verifier'] = SHIPPED['viewer'] | NOTICED | {
    'account.write', 'activity.write', 'task.write', 'account.merge', 'account.verify',
    'duplicate.dismiss'}
SHIPPED['marketing'] = SHIPPED['viewer'] | NOTICED | {
    'lead.write', 'activity.write', 'task.write', 'lead.convert', 'lead.merge'}
SHIPPED['sales'] = SHIPPED['viewer'] | NOTICED | {f'{e}.write' for e in PLURAL} | {'lead.convert'}
SHIPPED['integration'] = SHIPPED['sales']
SHIPPED['sales'] = SHIPPED['sales'] | {'lead.merge', 'contact.merge'}
SHIPPED['manager'] = SHIPPED['sales'] | {f'{e}.delete' for e in PLURAL} | {
    'account.merge', 'account.verify', 'account.release', 'duplicate.dismiss'}
SHIPPED['manager'] |= {'report.read', 'report.friction_actors', 'blueprint.simulate', 'job.read'}
SHIPPED['manager'] |= {'conversion.read', 'mail_domain.read', 'import.run', 'admin.scoring', 'admin.assignment'}
SHIPPED['marketing'] |= {'report.read', 'import.run'}
# what an account has
LINES = ('equipment', 'invoice', 'complaint')
SHIPPED = {role: granted | {f'{e}.read' for e in LINES} for role, granted in SHIPPED.items()}
for _role, _more in (('sales', {'equipment.write', 'complaint.write'}), ('integration', {f'{e}.write' for e in LINES}),
                     ('manager', {f'{e}.{what}' for e in LINES for what in ('write', 'delete')} | {'segment.write'})):
    SHIPPED[_role] |= _more
for _role in ('marketing', 'manager'):
    SHIPPED[_role] |= {'intake.review'}
SHIPPED['admin'] = SHIPPED['manager'] | {
    'admin.users', 'admin.keys', 'admin.intake', 'admin.duplicates', 'admin.conversion', 'admin.calendars', 'admin.fields', 'blueprint.write', 'blueprint.publish', 'blueprint.migrate',
    'transition.force'}
# what no operation as a whole needs, but a part of one
WITHIN = {'account.release', 'duplicate.acknowledge', 'transition.force', 'report.friction_actors', 'job.read'}


def test_shipped_roles(rows, contract):
    found = {role: set() for role in ROLES}
    for r in rows('select role, permission, scope from sluice.role_permission'):
        if r['role'] in found:
            assert r['scope'] == 'all'
            found[r['role']].add(r['permission'])
    assert found == SHIPPED
    wanted = {op.permission for op in contract.operations} - set(FREE)
    assert {r['key'] for r in rows('select key from sluice.permission')} == wanted | WITHIN


@pytest.fixture(scope='module')
def callers(daemon, contract, new_user, new_key, admin):
    """A user and a key of each role, somebody with no role, and nobody."""
    who = {role: new_user(role) for role in ROLES if role != 'admin'}
    who['admin'] = admin
    who.update({f'{role} key': new_key(role) for role in ROLES})
    return {**who, 'no role': new_user(), 'nobody': Client(daemon, contract)}


def attempt(operation, client):
    """A request that is complete enough to be judged, and cannot do anything."""
    path = operation.template.replace('{id}', UNKNOWN).replace('{key}', 'nothing').replace('{form}', 'nothing').replace('{n}', '1')
    headers = {}
    more = {}
    if operation.media():
        headers['Content-Type'] = operation.media()[0]
        more['data'] = '{"__none__": 1}'
    return client.call(operation.method.upper(), path, headers=headers, **more)


@pytest.mark.parametrize('caller', [*ROLES, *(f'{r} key' for r in ROLES), 'no role', 'nobody'])
def test_matrix(caller, callers, contract, rows):
    granted = SHIPPED.get(caller.removesuffix(' key'), set())
    before = content(rows)
    for operation in contract.operations:
        if operation.name in ('session_delete', 'intake_submit'):
            continue  # the first would end the session; the second knows its callers by a key in the address
        answer = attempt(operation, callers[caller])
        where = f'{caller}: {operation.name} -> {answer.status_code}'
        if operation.permission == 'public':
            assert answer.status_code not in (401, 403), where
        elif caller == 'nobody':
            problem(answer, 401, 'unauthenticated')
        elif operation.permission == 'signed_in' or operation.permission in granted:
            missing = answer.status_code == 400 and {e['code'] for e in answer.json()['errors']} == {'required'}
            assert answer.status_code in (200, 404, 422) or missing, f'{where}: {answer.text}'
        else:
            body = problem(answer, 403, 'forbidden')
            assert operation.permission in body['detail'], where
    assert content(rows) == before


def test_signing_out_needs_a_session(callers, new_user):
    problem(callers['nobody'].delete('/v1/session'), 401, 'unauthenticated')
    assert new_user('viewer').delete('/v1/session').status_code == 204


# scopes

ENTITIES = tuple(PLURAL)


@pytest.fixture(scope='module')
def scoped(rows, admin, new_user, rep, rep2):
    """A role whose permissions all have one scope; its user, a team mate, a stranger, and their records."""
    rows("""insert into sluice.role (key, label, position) values ('scoped', '{"en": "Scoped"}', 90) on conflict do nothing""")
    rows("""insert into sluice.role_permission (role, permission, scope)
            select 'scoped', key, 'own' from sluice.permission where key not like 'admin.%' on conflict do nothing""")
    me, mate = new_user('scoped'), new_user('scoped')
    admin.make('teams', name=f'Scope {uuid.uuid4()}', members=[me.user['id'], mate.user['id']])
    owners = {'mine': me.user['id'], 'mate': mate.user['id'], 'stranger': rep2.user['id'], 'nobody': None}
    records = {}
    for whose, owner in owners.items():
        owned = {'owner_id': owner}
        account = rep.make('accounts', name=f'Scope {whose}', source='scope', **(owned if owner else {}))
        if owner is None:
            account = rep.patch(f'/v1/accounts/{account["id"]}', json=owned).json()
        lead = rep.make('leads', last_name=f'Scope {whose}', source='scope', **owned)
        made = {
            'lead': lead, 'account': account,
            'contact': rep.make('contacts', last_name='Scope', email='scope@sluice.test', account_id=account['id']),
            'opportunity': rep.make('opportunities', name='Scope', source='scope', account_id=account['id']),
            'activity': rep.make('activities', kind='note', outcome='scope', lead_id=lead['id']),
            'task': rep.make('tasks', subject='Scope of sight', lead_id=lead['id'])}
        for entity in ('contact', 'opportunity', 'activity', 'task'):
            key = 'assignee_id' if entity == 'task' else 'owner_id'
            made[entity] = rep.patch(f'/v1/{PLURAL[entity]}/{made[entity]["id"]}', json={key: owner}).json()
        records[whose] = made
    yield me, records
    rows("update sluice.role_permission set scope = 'own' where role = 'scoped'")


FILTER = {'lead': {'source': 'scope'}, 'account': {'source': 'scope'}, 'contact': {'email': 'scope@sluice.test'},
          'opportunity': {'source': 'scope'}, 'activity': {'outcome': 'scope'}, 'task': {'q': 'Scope of sight'}}
CHANGE = {'lead': {'city': 'X'}, 'account': {'city': 'X'}, 'contact': {'role': 'X'}, 'opportunity': {'description': 'X'},
          'activity': {'body': 'X'}, 'task': {'body': 'X'}}


@pytest.mark.parametrize('scope, seen', [('own', {'mine'}), ('team', {'mine', 'mate'}),
                                         ('all', {'mine', 'mate', 'stranger', 'nobody'})])
def test_scopes(scope, seen, scoped, rows):
    me, records = scoped
    rows("update sluice.role_permission set scope = %s where role = 'scoped'", scope)
    me = me.again()
    assert f'lead.read:{scope}' in me.user['permissions']
    for entity in ENTITIES:
        collection = PLURAL[entity]
        listed = me.get(f'/v1/{collection}', params={**FILTER[entity], 'limit': 200, 'count': 'exact'}).json()
        names = {r[entity]['id']: whose for whose, r in records.items()}
        assert {names[i['id']] for i in listed['items']} == seen, entity
        assert listed['count'] == len(seen)
        for whose, made in records.items():
            path = f'/v1/{collection}/{made[entity]["id"]}'
            reads = [me.get(path), me.get(f'{path}/history')]
            if entity in ('lead', 'account', 'contact', 'opportunity'):
                reads.append(me.get(f'{path}/timeline'))
            if entity in ('lead', 'account', 'opportunity'):
                reads.append(me.get(f'{path}/transitions'))
            for answer in reads:
                assert answer.status_code == (200 if whose in seen else 404), (entity, whose, answer.url)
            answer = me.patch(path, json={})
            assert answer.status_code == (200 if whose in seen else 404), (entity, whose)


def test_what_one_may_see_but_not_change(scoped, rows):
    me, records = scoped
    rows("update sluice.role_permission set scope = case when permission like '%.read' then 'all' else 'own' end "
         "where role = 'scoped'")
    me = me.again()
    for entity in ENTITIES:
        theirs, mine = (f'/v1/{PLURAL[entity]}/{records[whose][entity]["id"]}' for whose in ('stranger', 'mine'))
        before = content(rows)
        assert me.get(theirs).status_code == 200
        for answer in (me.patch(theirs, json=CHANGE[entity]), me.delete(theirs)):
            assert answer.status_code in (403, 404), (entity, answer.text)
        assert content(rows) == before
        assert me.patch(mine, json=CHANGE[entity]).status_code == 200
    lead = records['stranger']['lead']['id']
    assert me.move('leads', lead, 'contacted', activities=[CALL]).status_code in (403, 404)
    assert me.post(f'/v1/leads/{lead}/conversion', json={}).status_code in (403, 404)
    assert me.moved('leads', records['mine']['lead']['id'], 'contacted', activities=[CALL])['status'] == 'contacted'


def test_the_widest_of_several_roles_counts(scoped, rows, new_user):
    _, records = scoped
    rows("update sluice.role_permission set scope = 'own' where role = 'scoped'")
    both = new_user('scoped', 'viewer')
    assert {'lead.read:all', 'lead.write:own'} <= set(both.user['permissions'])
    assert both.read('leads', records['stranger']['lead']['id'])['source'] == 'scope'


def test_candidates_of_a_conversion_are_those_one_may_see(scoped, rows, rep, mkt, number):
    """A match that the caller may not read is not linked to, nor shown."""
    me, _ = scoped
    rows("update sluice.role_permission set scope = 'own' where role = 'scoped'")
    me = me.again()
    rep.make('accounts', name=f'Hidden {number}')
    lead = mkt.make('leads', last_name=f'Hidden{number}', company=f'Hidden {number}', owner_id=me.user['id'])
    qualify(mkt, lead['id'])
    preview = me.get(f'/v1/leads/{lead["id"]}/conversion').json()
    assert preview['candidates'] == []
    made = me.post(f'/v1/leads/{lead["id"]}/conversion', json={})
    assert made.status_code == 200 and made.json()['account']['outcome'] == 'created'


def test_the_right_to_act_is_not_the_right_to_move(viewer, rep):
    """403 of the permission comes before anything that the record says."""
    lead = rep.make('leads', last_name='Viewer')
    body = problem(viewer.move('leads', lead['id'], 'no such thing'.replace(' ', '_')), 403, 'forbidden')
    assert 'lead.write' in body['detail']
    assert json.dumps(body).count('legal') == 0
