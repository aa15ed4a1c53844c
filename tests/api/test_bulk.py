"""One transition for many records: verdicts at once, jobs that survive a daemon."""
import uuid

import pytest

from conftest import PASSWORD
from daemon import Client, Daemon, wait_for
from helpers import CALL, UNKNOWN, blueprint, everything, killed_at, problem


def bulk(client, key, collection='leads', headers=None, **body):
    return client.post(f'/v1/{collection}/transitions/{key}', json=body, headers=headers)


def make(client, n, **members):
    return [client.make('leads', last_name=f'Bulk {i}', **members)['id'] for i in range(n)]


def verdicts(answer):
    assert answer.status_code == 207, answer.text
    return {i['id']: i for i in answer.json()['items']}


def test_each_has_a_verdict(rep, rows):
    ids = make(rep, 4)
    rep.moved('leads', ids[0], 'archived')
    answer = bulk(rep, 'contacted', ids=[*ids[:3], UNKNOWN, ids[3]], note='All of them',
                  each={ids[1]: {'activities': [CALL]}, ids[3]: {'activities': [CALL], 'note': 'This one'}})
    found = verdicts(answer)
    assert [i['id'] for i in answer.json()['items']] == [*ids[:3], UNKNOWN, ids[3]]
    assert [found[i]['status'] for i in [*ids[:3], UNKNOWN, ids[3]]] == [409, 200, 422, 404, 200]
    assert {k: answer.json()[k] for k in ('total', 'moved', 'refused')} == {'total': 5, 'moved': 2, 'refused': 3}
    assert found[ids[1]] == {'id': ids[1], 'status': 200, 'state': 'contacted', 'version': 2}
    assert found[ids[0]]['problem']['code'] == 'no_such_transition' and found[ids[0]]['problem']['legal']
    assert [f['guard'] for f in found[ids[2]]['problem']['failures']] == ['call_logged']
    assert [rep.history('leads', i)[0]['detail']['note'] for i in (ids[1], ids[3])] == ['All of them', 'This one']
    denied = rows("select count(*) as n from sluice.audit where action = 'denied' and record_id = any (%s::uuid[])", ids)
    assert denied[0]['n'] == 2


def test_fields_of_all_and_of_one_lie_over_each_other(rep):
    ids = make(rep, 2)
    answer = bulk(rep, 'unqualified', ids=ids, fields={'unqualified_reason': 'need'},
                  each={ids[0]: {'fields': {'nurture_until': '2030-01-01'}}, ids[1]: {'fields': {'unqualified_reason': 'ability'}}})
    assert answer.json()['moved'] == 2
    leads = [rep.read('leads', i) for i in ids]
    assert [(lead['unqualified_reason'], lead['nurture_until']) for lead in leads] == [('need', '2030-01-01'), ('ability', None)]


def test_a_filter_chooses(rep, number):
    mark = f'bulk-{number}-{uuid.uuid4().hex[:8]}'
    ids = make(rep, 3, campaign=mark)
    make(rep, 1, campaign=mark + 'x')
    rep.moved('leads', ids[0], 'archived')
    found = verdicts(bulk(rep, 'archived', filter={'campaign': mark, 'status': ['open']}))
    assert sorted(found) == sorted(ids[1:])
    assert verdicts(bulk(rep, 'archived', filter={'campaign': mark, 'status': 'open'})) == {}


def test_rights_are_those_of_the_caller(rep, viewer, new_user, rows, number):
    ids = make(rep, 2)
    problem(bulk(viewer, 'archived', ids=ids), 403, 'forbidden')
    rows("""insert into sluice.role (key, label, position) values ('own_leads', '{"en": "Own leads"}', 91) on conflict do nothing""")
    rows("""insert into sluice.role_permission (role, permission, scope) values ('own_leads', 'lead.read', 'own'),
            ('own_leads', 'lead.write', 'own') on conflict do nothing""")
    narrow = new_user('own_leads')
    mine = rep.make('leads', last_name='Mine', owner_id=narrow.user['id'], campaign=f'own-{number}')['id']
    rep.make('leads', last_name='Theirs', campaign=f'own-{number}')
    found = verdicts(bulk(narrow, 'archived', ids=[ids[0], mine]))
    assert (found[ids[0]]['status'], found[mine]['status']) == (404, 200)
    assert verdicts(bulk(narrow, 'reopened', filter={'campaign': f'own-{number}', 'archived': True}))[mine]['status'] == 403


@pytest.mark.parametrize('body, pointer, code', [
    ({}, '/ids', 'required'),
    ({'ids': [UNKNOWN], 'filter': {}}, '/ids', 'required'),
    ({'ids': []}, '/ids', 'too_few'),
    ({'ids': ['x']}, '/ids/0', 'format'),
    ({'filter': {'colour': 'red'}}, '/filter/colour', 'unknown'),
    ({'filter': {'limit': 5}}, '/filter/limit', 'unknown'),
    ({'filter': {'owner': 'nobody'}}, '/filter/owner/0', 'format'),
    ({'filter': {'created_at[gte]': 'yesterday'}}, '/filter/created_at[gte]', 'format'),
    ({'ids': [UNKNOWN], 'each': {UNKNOWN: {'colour': 1}}}, f'/each/{UNKNOWN}/colour', 'unknown'),
    ({'ids': [UNKNOWN], 'force': {'reason': 'because of that'}}, '/force', 'unknown'),
])
def test_what_makes_no_sense_is_refused_as_a_whole(rep, rows, body, pointer, code):
    before = everything(rows)
    errors = problem(bulk(rep, 'archived', **body), 422, 'validation_failed')['errors']
    assert [(e['pointer'], e['code']) for e in errors] == [(pointer, code)]
    assert everything(rows) == before


def test_a_dry_run_says_the_same(rep, rows):
    ids = make(rep, 3)
    rep.moved('leads', ids[0], 'archived')
    before = everything(rows)
    dry = bulk(rep, 'archived', ids=ids, headers={'Prefer': 'tx=rollback'}).json()
    assert everything(rows) == before
    real = bulk(rep, 'archived', ids=ids).json()
    assert [(i['id'], i['status']) for i in dry['items']] == [(i['id'], i['status']) for i in real['items']]


def test_a_repeat_replays(rep):
    ids = make(rep, 2)
    key = {'Idempotency-Key': str(uuid.uuid4())}
    first = bulk(rep, 'archived', ids=ids, headers=key)
    again = bulk(rep, 'archived', ids=ids, headers=key)
    assert (again.json(), again.headers['Idempotent-Replayed']) == (first.json(), 'true')


def test_other_collections(rep, verifier):
    accounts = [rep.make('accounts', name=f'Bulk {i}')['id'] for i in range(2)]
    assert bulk(verifier, 'verify', 'accounts', ids=accounts).json()['moved'] == 2
    deals = [rep.make('opportunities', name='Bulk', account_id=accounts[0])['id'] for _ in range(2)]
    assert bulk(rep, 'cancelled', 'opportunities', ids=deals, note='No money').json()['moved'] == 2


NEEDS_APPROVAL = [{'key': 'made', 'kind': 'initial', 'to': 'a'},
                  {'key': 'go', 'from': ['a'], 'to': 'b',
                   'approval': {'needed': 1, 'actors': [{'kind': 'role', 'value': 'manager'}]}}]


def test_approval_is_asked_for_each(rep, manager, rows, number):
    with blueprint(rows, 'lead', f'bulk_approval_{number}', [('a', 'open'), ('b', 'won')], NEEDS_APPROVAL):
        ids = make(rep, 3)
    asked = rep.move('leads', ids[0], 'go')
    assert asked.status_code == 202
    before = everything(rows)
    dry = bulk(rep, 'go', ids=ids, note='Both', headers={'Prefer': 'tx=rollback'})
    assert ([i['status'] for i in dry.json()['items']], everything(rows)) == ([409, 202, 202], before)
    answer = bulk(rep, 'go', ids=ids, note='Both')
    found = verdicts(answer)
    assert {k: answer.json()[k] for k in ('total', 'moved', 'requested', 'refused')} == {
        'total': 3, 'moved': 0, 'requested': 2, 'refused': 1}
    assert found[ids[0]]['problem']['code'] == 'conflict'
    for lead in ids[1:]:
        assert (found[lead]['status'], found[lead]['code']) == (202, 'approval_requested')
        approval = rep.get(f'/v1/approvals/{found[lead]["approval_id"]}').json()
        assert (approval['record_id'], approval['status'], approval['body']) == (lead, 'pending', {'note': 'Both'})
        assert rep.read('leads', lead)['status'] == 'a'
    assert manager.post(f'/v1/approvals/{found[ids[1]]["approval_id"]}/approve').json()['status'] == 'done'
    assert [rep.read('leads', i)['status'] for i in ids] == ['a', 'b', 'a']


# in the background

def left(answer):
    assert answer.status_code == 202, answer.text
    assert answer.headers['Location'] == f'/v1/jobs/{answer.json()["id"]}'
    return answer.json()


def finished(client, job):
    def over():
        found = client.get(f'/v1/jobs/{job["id"]}').json()
        return found if found['status'] in ('done', 'failed') else None
    return wait_for(over, 60, 'the job')


def items(client, job, **params):
    found, cursor = [], None
    while True:
        page = client.get(f'/v1/jobs/{job["id"]}/items', params={'limit': 200, **params, **({'cursor': cursor} if cursor else {})}).json()
        found += page['items']
        cursor = page['next_cursor']
        if cursor is None:
            return found


def seed(rows, n, campaign):
    rows("""insert into sluice.lead (id, last_name, campaign)
            select gen_random_uuid(), 'Bulk ' || i, %s from generate_series(1, %s) i""", campaign, n)
    return [r['id'] for r in rows('select id::text as id from sluice.lead where campaign = %s order by id', campaign)]


def test_many_are_a_job(rep, rep2, manager, rows, number):
    campaign = f'many-{number}-{uuid.uuid4().hex[:8]}'
    ids = seed(rows, 120, campaign)
    for i in ids[:5]:
        rep.moved('leads', i, 'archived')
    job = left(bulk(rep, 'archived', filter={'campaign': campaign, 'archived': [True, False]}, note='Old',
                    each={ids[7]: {'fields': {'unqualified_reason': 'need'}}}))
    assert (job['kind'], job['total'], job['created_by']) == ('bulk', 120, rep.user['id'])
    done = finished(rep, job)
    assert (done['status'], done['done'], done['result']) == ('done', 120, {'moved': 114, 'refused': 6})
    failed = items(rep, job, status='failed')
    assert sorted(i['record_id'] for i in failed) == sorted([*ids[:5], ids[7]])
    codes = {i['record_id']: (i['detail']['status'], i['detail']['problem']['code']) for i in failed}
    assert codes[ids[0]] == (409, 'no_such_transition') and codes[ids[7]][0] == 422
    entry = rep.history('leads', ids[20])[0]
    assert (entry['actor'], entry['detail']['note']) == (
        {'kind': 'user', 'id': rep.user['id'], 'name': rep.user['name']}, 'Old')
    problem(rep2.get(f'/v1/jobs/{job["id"]}'), 404, 'not_found')
    problem(rep2.get(f'/v1/jobs/{job["id"]}/items'), 404, 'not_found')
    assert manager.get(f'/v1/jobs/{job["id"]}').status_code == 200
    assert job['id'] in [j['id'] for j in rep.get('/v1/jobs', params={'kind': 'bulk'}).json()['items']]


def test_a_job_asks_for_approval_of_each(rep, rows, number):
    campaign = f'asks-{number}-{uuid.uuid4().hex[:8]}'
    with blueprint(rows, 'lead', f'bulk_asks_{number}', [('a', 'open'), ('b', 'won')], NEEDS_APPROVAL):
        ids = seed(rows, 101, campaign)
    assert rep.move('leads', ids[0], 'go').status_code == 202
    job = left(bulk(rep, 'go', filter={'campaign': campaign}, each={ids[1]: {'note': 'Mine'}}))
    done = finished(rep, job)
    assert (done['status'], done['result']) == ('done', {'moved': 0, 'requested': 100, 'refused': 1})
    found = {i['record_id']: i for i in items(rep, job)}
    assert (found[ids[0]]['status'], found[ids[0]]['detail']['status']) == ('failed', 409)
    detail = found[ids[1]]['detail']
    assert (detail['status'], detail['code']) == (202, 'approval_requested')
    approval = rep.get(f'/v1/approvals/{detail["approval_id"]}').json()
    assert (approval['requested_by'], approval['body']) == (rep.user['id'], {'note': 'Mine'})
    assert rows("select count(*) as n from sluice.approval where record_id = any (%s::uuid[]) and status = 'pending'", ids)[0]['n'] == 101


def test_whoever_left_does_not_go_on(new_user, rows, admin, number):
    leaver = new_user('sales')
    campaign = f'leaver-{number}-{uuid.uuid4().hex[:8]}'
    ids = seed(rows, 3, campaign)
    job = {'id': str(uuid.uuid4())}
    rows(f"""do $$ begin
                 perform sluice.enter('user', '{leaver.user['id']}', null, 'r', 'lead_bulk', false);
                 perform sluice.bulk_create('{job['id']}', 'lead', 'archived', '{{{','.join(ids)}}}', null, null);
                 update sluice.app_user set disabled = true where id = '{leaver.user['id']}';
             end $$""")
    done = finished(admin, job)
    assert (done['status'], done['done'], done['error']) == ('failed', 0, 'who asked for it may not sign in any more')
    assert {i['status'] for i in items(admin, job)} == {'queued'}
    assert {admin.read('leads', i)['status'] for i in ids} == {'open'}


def test_a_daemon_that_dies_leaves_the_rest_to_another(contract):
    """Killed in the middle, twice: everything is done exactly once."""
    first = Daemon(job_interval_ms=0)  # the others work
    try:
        first.start()
        import psycopg2  # pylint: disable=import-outside-toplevel
        folder = first.socket_folder
        admin = Client(first, contract)
        admin.token = admin.post('/v1/session', json={'email': first.admin['email'],
                                                      'password': first.admin['password']}).json()['access_token']
        admin.make('users', email='rep@bulk.test', name='rep', password=PASSWORD, roles=['sales'])
        db = psycopg2.connect(host=str(folder), dbname='sluice', user='postgres')
        db.autocommit = True

        def one(sql, *values):
            with db.cursor() as cursor:
                cursor.execute(sql, values or None)
                return cursor.fetchone()[0] if cursor.description else None

        one("insert into sluice.lead (id, last_name, campaign) select gen_random_uuid(), 'K', 'kill' from generate_series(1, 1500)")
        second = Daemon(job_interval_ms=20, database_url=f'host={folder} dbname=sluice user=sluice_app')
        second.start()
        job = left(bulk(admin, 'archived', filter={'campaign': 'kill'}))
        second = killed_at(second, one, job, (100, 400), most=1400, total=1500, limit_s=120)
        assert finished(admin, job)['result'] == {'moved': 1500, 'refused': 0}
        assert one("select count(*) from sluice.audit where action = 'transition'") == 1500
        assert one("select count(*) from (select record_id from sluice.audit where action = 'transition' group by 1) x") == 1500
        second.destroy()
        db.close()
    finally:
        first.destroy()
