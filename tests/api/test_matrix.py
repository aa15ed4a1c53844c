"""Who gets what of a record that has an owner: each operation on it by each sort of caller, with the exact status.

What is asked is read from the contract; an operation that is not in TABLE fails."""
import pytest

from daemon import Client
from helpers import CALL, content
from test_foreign_ids import COLLECTIONS, DRY
from world import belongings, records

# what whoever may do it and sees the record is answered; the body is right as far as it can be for any record of the kind
TABLE = {}


def rows_of(statuses):
    for line in statuses.strip().splitlines():
        status, *names = line.split()
        TABLE.update({name: int(status) for name in names})


# 404: nothing of that name is on it (a draft, an entry, a move of its process); 409: it is not where that can be done
# (a step, a move, a job); 422: the body names nobody, or guards do not hold
rows_of("""
200 lead_get lead_update lead_transitions lead_transition lead_steps lead_draft_put lead_conversion lead_history
200 lead_touch_list lead_pixel lead_timeline lead_score lead_score_history lead_assign lead_assignments account_get
200 account_update account_transitions account_steps account_verification account_history account_card account_segments
200 account_timeline contact_get contact_update contact_history contact_timeline account_contact_get
200 account_contact_update account_contact_history equipment_get equipment_update equipment_history invoice_get
200 invoice_update invoice_history complaint_get complaint_update complaint_history merge_get opportunity_get
200 opportunity_update opportunity_transitions opportunity_steps opportunity_history opportunity_timeline activity_get
200 activity_update activity_history task_get task_update task_history job_get job_items import_get import_part_put
200 import_rows deputy_get approval_get approval_withdraw duplicate_get duplicate_dismiss intake_submission_get
200 intake_submission_release intake_submission_reject merge_undo
204 lead_delete lead_draft_delete account_release contact_delete account_contact_delete equipment_delete invoice_delete
204 complaint_delete opportunity_delete activity_delete task_delete deputy_delete
404 lead_draft_get lead_why account_draft_get account_draft_put account_draft_delete account_why opportunity_draft_get
404 opportunity_draft_put opportunity_draft_delete opportunity_why
409 lead_step_done lead_step_open account_delete account_transition account_step_done account_step_open
409 opportunity_transition opportunity_step_done opportunity_step_open job_undo_start import_mapping_propose
409 import_mapping_set import_dry_run import_run import_revert
422 lead_convert lead_merge account_merge contact_merge
""")
# taking a merge back is a write
TABLE['merge_undo', 'viewer'] = 403
# who asks does not answer, and of the others only those are asked whom the process names
for word in ('approve', 'reject'):
    TABLE.update({f'approval_{word}': 404, (f'approval_{word}', 'owner'): 403})

BODIES = {
    'merge': {'losers': ['0190163d-0000-7000-8000-00000000dead']}, 'pixel': {'label': 'X'}, 'withdraw': {'reason': 'X'},
    'set': {'columns': []}, 'transition': {'activities': [CALL]}}
# operations that nobody needs a permission for: what their sight depends on
SEEN_BY = {'merge': 'lead.read', 'job': 'job.read', 'approval': None, 'deputy': None}
# belongings are their maker's own: a team shares records, not these
PERSONAL = {'duplicate', 'job', 'import', 'submission'}


@pytest.fixture(scope='module')
def people(rows, admin, new_user, viewer, manager, daemon, contract, duplicates_allowed):
    """name -> (client, permission -> scope)"""
    for role, scope in (('m_own', 'own'), ('m_team', 'team')):
        rows("""insert into sluice.role (key, label, position) values (%s, '{"en": "M"}', 93) on conflict do nothing""", role)
        rows("""insert into sluice.role_permission (role, permission, scope)
                select %s, key, %s from sluice.permission where key not like 'admin.%%' on conflict do nothing""", role, scope)
    people = {'owner': new_user('m_own', name='Owner'), 'other': new_user('m_own', name='Other'),
              'mate': new_user('m_team', name='Mate'), 'far': new_user('m_team', name='Far')}
    admin.make('teams', name='Matrix', members=[people['owner'].user['id'], people['mate'].user['id']])
    people.update(viewer=viewer, manager=manager, admin=admin, anonymous=Client(daemon, contract),
                  intake=Client(daemon, contract, daemon.intake['key']))
    return people


@pytest.fixture(scope='module')
def things(people, rows, admin, anonymous, new_user):
    owner, voter = people['owner'], new_user('viewer', name='Voter')
    return {**records(admin, owner.user['id']), **belongings(owner, voter, rows, admin, anonymous)}


def about_records(contract):
    """Every operation with the id of somebody's in its path."""
    for operation in contract.operations:
        kind = COLLECTIONS.get(operation.template.split('/')[2]) if operation.template.startswith('/v1/') else None
        if kind and '{id}' in operation.template:
            yield operation, kind


def granted(client):
    return dict(p.split(':') for p in client.user['permissions'])


def expected(operation, kind, name, client):
    """What the rights say, before the table does."""
    if name in ('anonymous', 'intake'):
        return 401
    rights = granted(client)
    permission = operation.permission if operation.permission != 'signed_in' else SEEN_BY[kind]
    if operation.permission != 'signed_in' and permission not in rights:
        return 403
    if kind == 'approval':
        sees = name in ('owner', 'admin')  # who asked, and who may break the glass anywhere
    elif kind == 'deputy':
        sees = name in ('owner', 'admin')
    else:
        scope = rights.get(permission, 'none')
        shared = scope == 'team' and kind not in PERSONAL
        sees = scope == 'all' or name == 'owner' or shared and name == 'mate'
    if not sees:
        return 404
    return TABLE.get((operation.name, name), TABLE.get(operation.name))


def ask(client, operation, thing):
    path = operation.template.replace('{id}', thing).replace('{key}', 'contacted').replace('{seq}', '1').replace('{n}', '1')
    headers, more = {}, {}
    if 'Prefer' in [p['name'] for p in operation.parameters]:
        headers = dict(DRY)
    if operation.media():
        if 'octet' in operation.media()[0]:
            more, headers['Content-Type'] = {'data': b'x'}, operation.media()[0]
        else:
            more = {'json': BODIES.get(operation.name.split('_')[-1], {})}
    return client.call(operation.method.upper(), path, headers=headers, **more)


def test_every_operation_has_a_row(contract):
    assert {operation.name for operation, _ in about_records(contract)} == {k for k in TABLE if isinstance(k, str)}


def test_matrix(people, things, contract, rows):
    before, wrong, cells = content(rows), [], 0
    for operation, kind in about_records(contract):
        for name, client in people.items():
            answer = ask(client, operation, things[kind])
            cells += 1
            if answer.status_code != expected(operation, kind, name, client):
                wrong.append((operation.name, name, answer.status_code, expected(operation, kind, name, client), answer.text[:150]))
    assert wrong == []
    assert cells > 900
    assert content(rows) == before
