"""What a review found: each case failed once."""
import json
import pathlib
import subprocess
import uuid

from daemon import binary, wait_for
from helpers import STATES, blueprint, fault, label, problem
from test_bulk import seed
from test_custom_moves import collects, moves
from test_custom_fields import field, key  # noqa: F401 pylint: disable=unused-import


def role(rows, name, *permissions):
    rows("insert into sluice.role (key, label, position) values (%s, '{\"en\": \"x\"}', 97) on conflict do nothing", name)
    for permission, scope in permissions:
        rows('insert into sluice.role_permission (role, permission, scope) values (%s, %s, %s)', name, permission, scope)
    return name


def finished(client, job):
    """The job, once it is over."""
    wait_for(lambda: client.read('jobs', job)['status'] == 'done', 60, 'the job')
    return client.read('jobs', job)


def test_a_bad_value_stops_no_job(rep, rows, field, key):
    """A value that only the database can judge fails its records, and the queue behind them goes on."""
    field('lead', 'user', f'{key}_user')
    with blueprint(rows, 'lead', key, STATES, moves(inputs=collects({'field': f'{key}_user'}))):
        ids = [rep.make('leads', last_name=f'Poison {n}')['id'] for n in range(101)]
        left = rep.post('/v1/leads/transitions/go', json={
            'ids': ids, 'fields': {'custom': {f'{key}_user': str(uuid.uuid4())}}})
        assert left.status_code == 202, left.text
        job = finished(rep, left.json()['id'])
        assert (job['done'], job['total']) == (101, 101)
        items = rep.get(f'/v1/jobs/{job["id"]}/items', params={'limit': 200}).json()['items']
        assert {i['detail']['problem']['code'] for i in items} == {'validation_failed'} and len(items) == 101


def test_a_repeated_bulk_is_the_same_job(rep, rows, number):
    """As after a client that hung up: the claim is there, its answer is not."""
    ids = seed(rows, 120, f'twice-{number}')
    again = {'json': {'ids': ids, 'note': 'Old'}, 'headers': {'Idempotency-Key': f'twice-{uuid.uuid4()}'}}
    first = rep.post('/v1/leads/transitions/archived', **again)
    rows("""update sluice.idempotency set status = null, headers = null, answer = null, created_at = created_at - interval '2 minutes'
             where key = %s""", again['headers']['Idempotency-Key'])
    assert rep.post('/v1/leads/transitions/archived', **again).json()['id'] == first.json()['id']
    finished(rep, first.json()['id'])


def test_a_bulk_of_many_links_nothing_out_of_sight(admin, rep, rows, new_user, key):
    me = new_user(role(rows, f'{key}_bulk', ('job.read', 'all'), *((p, 'own') for p in (
        'account.read', 'contact.read', 'opportunity.read', 'opportunity.write'))))
    foreign = rep.make('contacts', last_name='Foreign')
    account = admin.make('accounts', name=f'Mine {key}', owner_id=me.user['id'])
    inputs = [{'key': 'c', 'kind': 'field', 'required': False, 'label': label('C'), 'params': {'field': 'contact_id'}}]
    with blueprint(rows, 'opportunity', key, STATES, moves(inputs=inputs)):
        ids = [admin.make('opportunities', name=f'O{n}', account_id=account['id'], owner_id=me.user['id'])['id'] for n in range(101)]
        fault(me.post('/v1/opportunities/transitions/go', json={'ids': ids, 'fields': {'contact_id': foreign['id']}}),
              422, 'unknown_reference', '/fields/contact_id', 'reference')
        fault(me.post('/v1/opportunities/transitions/go', json={'ids': ids, 'each': {ids[7]: {'fields': {'contact_id': foreign['id']}}}}),
              422, 'unknown_reference', f'/each/{ids[7]}/fields/contact_id', 'reference')
    assert rows('select count(*) from sluice.opportunity where contact_id = %s', foreign['id'])[0]['count'] == 0


def test_a_merge_links_nothing_out_of_sight(admin, rep, rows, new_user, key):
    me = new_user(role(rows, f'{key}_merge', *((p, 'own') for p in ('account.read', 'contact.read', 'contact.write', 'contact.merge'))))
    foreign = rep.make('accounts', name=f'Foreign {key}')
    one, two = (admin.make('contacts', last_name=name, owner_id=me.user['id']) for name in ('Aa', 'Bb'))
    answer = me.post(f'/v1/contacts/{one["id"]}/merge', json={'losers': [two['id']], 'fields': {'account_id': foreign['id']}})
    fault(answer, 422, 'unknown_reference', '/fields/account_id', 'reference')


def test_past_equipment_is_for_who_may_read_it(admin, rep, rows, new_user, key):
    me = new_user(role(rows, f'{key}_account', ('account.read', 'all')))
    account = rep.make('accounts', name=f'Equipped {key}')
    made = rep.make('equipment', account_id=account['id'], kind='crane')
    for client, seen in ((me, None), (rep, [made['id']])):
        then = client.get(f'/v1/accounts/{account["id"]}', params={'as_of': made['created_at']}).json()['equipment']
        assert (then if then is None else [e['id'] for e in then]) == seen


def test_a_mistyped_dry_run_changes_nothing(rep, number):
    answer = rep.post('/v1/leads', json={'last_name': f'Slip {number}'}, headers={'Prefer': 'tx=rolback'})
    assert 'did you mean "tx=rollback"?' in problem(answer, 400, 'invalid_header')['errors'][0]['hint']
    assert rep.get('/v1/leads', params={'q': f'Slip {number}'}).json()['items'] == []


def test_two_daemons_share_no_port(daemon):
    """The second one would get every other request of the first one's clients."""
    done = subprocess.run(
        [binary(), '--listen', daemon.url.split('//')[1], '--admin-listen', '', '--database-url',
         f'postgresql:///sluice?host={daemon.socket_folder}&user=postgres'], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and 'Address already in use' in done.stderr


def test_asking_for_help_does_nothing(tmp_path):
    tool = pathlib.Path(binary()).parent / 'sluicectl'
    done = subprocess.run([tool, 'migrate', '--help'], capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path,
                          env={'SLUICE_DATA_DIR': str(tmp_path / 'data'), 'PATH': '/usr/bin'})
    assert done.returncode == 0 and done.stdout.startswith('usage') and not (tmp_path / 'data').exists()


def test_a_form_says_which_fields_it_takes(admin, anonymous, rows, field, key):
    """By the names that its page uses; nothing else was meant by an empty lead."""
    field('lead', 'integer', f'{key}_seats')
    form = admin.make('intake-forms', form=f'{key}_takes', name='Takes', source='takes',
                      fields=['last_name', 'email', f'custom.{key}_seats'], mapping={'surname': 'last_name'})
    path = f'/v1/intake/{key}_takes?key={form["key"]}'
    for send in ({'json': {'Nachname': 'Lis'}}, {'json': {}}, {'data': {'nazwisko': 'Lis'}}, {'data': {'surname': ''}}):
        only = fault(anonymous.post(path, **send), 422, 'validation_failed', '', 'too_few')
        assert only['detail'] == 'None of the fields that this form takes was filled in.'
        assert only['hint'] == 'send at least one of those that "allowed" lists'
        assert sorted(only['allowed']) == [f'custom.{key}_seats', 'email', 'surname']
    kept = rows('select extra from sluice.intake_submission where form_id = %s order by received_at limit 1', form['id'])
    assert [json.dumps(k['extra']) for k in kept] == ['{"Nachname": "Lis"}']


def test_a_form_takes_custom_fields_in_one_object(admin, anonymous, rep, field, key):
    field('lead', 'integer', f'{key}_seats')
    field('lead', 'text', f'{key}_tone')
    form = admin.make('intake-forms', form=f'{key}_nest', name='Nest', source='nest', fields=['last_name', f'custom.{key}_seats'])
    path = f'/v1/intake/{key}_nest?key={form["key"]}'
    made = anonymous.post(path, json={'last_name': f'Nested {key}', 'custom': {f'{key}_seats': 5, f'{key}_tone': 'red'}})
    assert made.status_code == 201, made.text
    lead = rep.get('/v1/leads', params={'q': f'Nested {key}'}).json()['items'][0]
    assert (lead['custom'][f'{key}_seats'], lead['custom'].get(f'{key}_tone')) == (5, None), 'the form does not take the other'
    fault(anonymous.post(path, json={'last_name': 'X', 'custom': {f'{key}_seats': 'five'}}), 422, 'validation_failed',
          f'/custom.{key}_seats', 'type')


def test_a_state_that_nobody_is_in_is_an_empty_list(rep, key):
    """Known states are never refused, be the list empty, its count asked for, or its fields wrong."""
    none = {'source': f'nobody {key}', 'status': ['qualified', 'open']}
    assert rep.get('/v1/leads', params={**none, 'count': 'exact'}).json() == {'items': [], 'next_cursor': None, 'count': 0}
    fault(rep.get('/v1/leads', params={**none, 'fields': 'lst_name'}), 400, 'invalid_parameter', 'fields', 'unknown')
    only = fault(rep.get('/v1/leads', params={**none, 'status': 'nowhere_at_all'}), 400, 'invalid_parameter', 'status', 'enum')
    assert 'hint' not in only and {'open', 'contacted', 'qualified', 'archived'} <= set(only['allowed'])
    assert only['allowed'] == sorted(only['allowed'])
