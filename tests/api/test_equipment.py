"""What belongs to an account: installed equipment, invoices, complaints, and people in their roles."""
import uuid

import pytest

from helpers import UNKNOWN, blueprint, failures, fault, problem

CRANE = {'kind': 'crane', 'product': 'K-40', 'vendor': 'Liebherr', 'competitor': True, 'year_installed': 2019, 'quantity': 2,
         'serial': 'L-77', 'note': 'Lease ends in 2028'}
INVOICE = {'number': 'FV/1', 'due_on': '2026-01-31', 'amount': {'amount': '1230.50', 'currency': 'PLN'}}
COMPLAINT = {'subject': 'Crane stands still', 'severity': 'critical'}


@pytest.fixture
def account(rep, number):
    return rep.make('accounts', name=f'Cards {number} {uuid.uuid4()}')


def shown(record, like):
    return {k: record[k] for k in like}


def test_equipment_lives(rep, manager, account):
    line = rep.make('equipment', account_id=account['id'], **CRANE)
    assert shown(line, CRANE) == CRANE
    assert (line['account_id'], line['removed_at'], line['version']) == (account['id'], None, 1)
    least = rep.make('equipment', account_id=account['id'], kind='truck')
    assert (least['competitor'], least['quantity'], least['vendor']) == (False, 1, None)

    answer = rep.patch(f'/v1/equipment/{line["id"]}', json={'quantity': 3, 'note': None}, headers={'If-Match': '"1"'})
    assert (answer.json()['quantity'], answer.json()['note'], answer.json()['vendor']) == (3, None, 'Liebherr')
    problem(rep.patch(f'/v1/equipment/{line["id"]}', json={'quantity': 4}, headers={'If-Match': '"1"'}), 412, 'stale')
    removed = rep.patch(f'/v1/equipment/{line["id"]}', json={'removed_at': '2026-10-01T08:00:00Z'}).json()
    assert removed['removed_at'] == '2026-10-01T08:00:00Z'

    def listed(**params):
        items = rep.get('/v1/equipment', params={'account': account['id'], **params}).json()['items']
        return {i['id'] for i in items}
    assert listed() == {line['id'], least['id']}
    assert listed(vendor='LIEBHERR') == {line['id']}
    assert listed(competitor='false') == {least['id']}
    assert listed(removed='true') == {line['id']} and listed(removed='false') == {least['id']}
    assert listed(**{'year_installed[gte]': 2019, 'year_installed[lte]': 2019}) == {line['id']}
    assert listed(kind='truck') == {least['id']}

    changes = [(e['action'], sorted(e['changes'])) for e in rep.get(f'/v1/equipment/{line["id"]}/history').json()['items']]
    assert changes[:2] == [('update', ['removed_at']), ('update', ['note', 'quantity'])]
    assert changes[2][0] == 'create' and 'vendor' in changes[2][1]

    problem(rep.delete(f'/v1/equipment/{line["id"]}'), 403, 'forbidden')
    assert manager.delete(f'/v1/equipment/{line["id"]}').status_code == 204
    problem(rep.get(f'/v1/equipment/{line["id"]}'), 404, 'not_found')
    assert listed() == {least['id']}


@pytest.mark.parametrize('collection, body, more, where, code', [
    ('equipment', CRANE, {'year_installed': 1800}, '/year_installed', 'out_of_range'),
    ('equipment', CRANE, {'quantity': 0}, '/quantity', 'out_of_range'),
    ('equipment', CRANE, {'account_id': UNKNOWN}, '/account_id', 'unknown_reference'),
    ('invoices', INVOICE, {'account_id': UNKNOWN}, '/account_id', 'unknown_reference'),
    ('complaints', COMPLAINT, {'account_id': UNKNOWN}, '/account_id', 'unknown_reference'),
    ('complaints', COMPLAINT, {'opened_at': '2026-02-01T00:00:00Z', 'closed_at': '2026-01-01T00:00:00Z'}, '/closed_at', None),
])
def test_what_cannot_be(rows, admin, account, collection, body, more, where, code):
    answer = admin.post(f'/v1/{collection}', json={'account_id': account['id'], **body, **more})
    errors = problem(answer, 422, code if code == 'unknown_reference' else 'validation_failed')['errors']
    assert [e['pointer'] for e in errors] == [where]
    table = {'equipment': 'equipment', 'invoices': 'invoice', 'complaints': 'complaint'}[collection]
    assert rows(f'select count(*) n from sluice.{table} where account_id = %s', account['id'])[0]['n'] == 0


def test_what_an_account_is_for_all(admin, rep, new_user, rows, account):
    """Who sees an account's lines is who sees the account."""
    rows("""insert into sluice.role (key, label, position) values ('lines', '{"en": "Lines"}', 91) on conflict do nothing""")
    rows("""insert into sluice.role_permission (role, permission, scope)
            select 'lines', key, 'own' from sluice.permission where key ~ '^(account|equipment|invoice)' on conflict do nothing""")
    me = new_user('lines')
    mine = admin.make('accounts', name='Mine', owner_id=me.user['id'])
    own = me.make('equipment', account_id=mine['id'], kind='crane')
    other = rep.make('equipment', account_id=account['id'], kind='crane')
    assert [i['id'] for i in me.get('/v1/equipment').json()['items']] == [own['id']]
    for answer in (me.get(f'/v1/equipment/{other["id"]}'), me.patch(f'/v1/equipment/{other["id"]}', json={'note': 'x'}),
                   me.delete(f'/v1/equipment/{other["id"]}'), me.get(f'/v1/equipment/{other["id"]}/history')):
        problem(answer, 404, 'not_found')
    assert rep.get(f'/v1/equipment/{other["id"]}').json() == other
    refused = me.post('/v1/equipment', json={'account_id': account['id'], 'kind': 'crane'})
    assert problem(refused, 422, 'unknown_reference')['errors'][0]['pointer'] == '/account_id'


def test_invoices_and_complaints(new_key, admin, account):
    program = new_key('integration')
    own = f'X-{uuid.uuid4()}'
    invoice = program.make('invoices', account_id=account['id'], external_id=own, **INVOICE)
    assert invoice['amount'] == INVOICE['amount'] and invoice['overdue'] is True
    twice = program.post('/v1/invoices', json={'account_id': account['id'], 'external_id': own, **INVOICE})
    assert problem(twice, 409, 'conflict')['errors'][0]['pointer'] == '/external_id'
    paid = program.patch(f'/v1/invoices/{invoice["id"]}', json={'paid_at': '2026-02-01T00:00:00Z'}).json()
    assert (paid['overdue'], paid['amount']) == (False, INVOICE['amount'])
    late = program.make('invoices', account_id=account['id'], number='FV/2', due_on='2026-02-01')
    assert [i['id'] for i in program.get('/v1/invoices', params={'account': account['id'], 'overdue': 'true'}).json()['items']] \
        == [late['id']]
    assert [i['id'] for i in program.get('/v1/invoices', params={'external_id': own}).json()['items']] == [invoice['id']]

    complaint = program.make('complaints', account_id=account['id'], **COMPLAINT)
    assert (complaint['severity'], complaint['closed_at']) == ('critical', None)
    open_ones = program.get('/v1/complaints', params={'account': account['id'], 'open': 'true'}).json()['items']
    assert [i['id'] for i in open_ones] == [complaint['id']]
    closed = program.patch(f'/v1/complaints/{complaint["id"]}', json={'closed_at': '2099-01-01T00:00:00Z'}).json()
    assert closed['closed_at'] == '2099-01-01T00:00:00Z'
    story = admin.get(f'/v1/accounts/{account["id"]}/timeline').json()['items']
    assert {i['entity'] for i in story} == {'account', 'invoice', 'complaint'}


def test_roles(rep, rep2, account, number):
    other = rep.make('accounts', name=f'Second {number}')
    home = rep.make('contacts', last_name='Home', account_id=account['id'])
    guest = rep.make('contacts', last_name='Guest', account_id=other['id'])
    assert {'decision_maker', 'champion', 'billing'} < {r['key'] for r in rep.get('/v1/contact-roles').json()['items']}

    def role(contact, **members):
        return rep.make('account-contacts', account_id=account['id'], contact_id=contact['id'], **members)

    def people(**params):
        return {i['id'] for i in rep.get('/v1/contacts', params={'account': account['id'], **params}).json()['items']}

    assert people() == {home['id']}
    boss = role(home, role='decision_maker', primary=True, since='2026-01-01')
    assert (boss['primary'], boss['current'], boss['since'], boss['until']) == (True, True, '2026-01-01', None)
    bills = role(guest, role='billing')
    own_word = role(home, role='dowser')  # a role of one's own
    assert people() == {home['id'], guest['id']}

    # one is called first, whoever was named last
    assert rep.patch(f'/v1/account-contacts/{bills["id"]}', json={'primary': True}).json()['primary'] is True
    assert rep.read('account-contacts', boss['id'])['primary'] is False
    assert rep.patch(f'/v1/account-contacts/{bills["id"]}', json={'primary': False}).json()['primary'] is False
    assert rep.read('account-contacts', boss['id'])['primary'] is True

    twice = rep.post('/v1/account-contacts', json={'account_id': account['id'], 'contact_id': home['id'], 'role': 'decision_maker'})
    problem(twice, 409, 'conflict')
    for body, where in (({'contact_id': UNKNOWN}, '/contact_id'), ({'account_id': UNKNOWN}, '/account_id')):
        answer = rep.post('/v1/account-contacts', json={'account_id': account['id'], 'contact_id': home['id'], 'role': 'x', **body})
        assert problem(answer, 422, 'unknown_reference')['errors'][0]['pointer'] == where

    # over: still told, no longer counted
    over = rep.patch(f'/v1/account-contacts/{bills["id"]}', json={'since': '2020-01-01', 'until': '2020-12-31'}).json()
    assert over['current'] is False
    assert people() == {home['id']}
    listed = rep.get('/v1/account-contacts', params={'account': account['id'], 'current': 'true', 'include': 'contact,account'})
    items = {i['id']: i for i in listed.json()['items']}
    assert items.keys() == {boss['id'], own_word['id']}
    assert items[boss['id']]['contact']['last_name'] == 'Home' and items[boss['id']]['account']['name'] == account['name']
    fault_at = problem(rep.patch(f'/v1/account-contacts/{bills["id"]}', json={'until': '2019-01-01'}), 422, 'validation_failed')
    assert fault_at['errors'][0]['pointer'] == '/until'
    assert rep2.delete(f'/v1/account-contacts/{own_word["id"]}').status_code == 204
    assert people() == {home['id']}
    problem(rep.get(f'/v1/account-contacts/{own_word["id"]}'), 404, 'not_found')


def test_a_merge_moves_all_of_it(admin, account, number):
    loser = admin.make('accounts', name=f'Loser {number}')
    person = admin.make('contacts', last_name='Two', account_id=loser['id'])
    roles = [admin.make('account-contacts', account_id=a['id'], contact_id=person['id'], role='champion', primary=True)
             for a in (account, loser)]
    made = {'equipment': admin.make('equipment', account_id=loser['id'], kind='crane'),
            'invoices': admin.make('invoices', account_id=loser['id'], **INVOICE),
            'complaints': admin.make('complaints', account_id=loser['id'], **COMPLAINT), 'account-contacts': roles[1]}
    merge = admin.post(f'/v1/accounts/{account["id"]}/merge', json={'losers': [loser['id']]}).json()
    for collection, record in made.items():
        assert admin.read(collection, record['id'])['account_id'] == account['id'], collection
    assert [admin.read('account-contacts', r['id'])['primary'] for r in roles] == [False, True]  # one of them
    assert admin.post(f'/v1/merges/{merge["id"]}/undo').status_code == 200
    for collection, record in made.items():
        assert admin.read(collection, record['id'])['account_id'] == loser['id'], collection
    assert [admin.read('account-contacts', r['id'])['primary'] for r in roles] == [True, True]


def test_a_guard_asks_for_equipment(rows, rep, number):
    """An account is only left to the competition when their machine is known."""
    guard = {'key': 'machine_known', 'kind': 'related_exists', 'params': {'of': 'equipment', 'where': [
        {'field': 'competitor', 'op': 'eq', 'value': True}, {'field': 'vendor', 'is': 'present'}]}}
    with blueprint(rows, 'account', f'machines{number}', [('new', 'open'), ('over', 'lost')],
                   [{'key': 'made', 'kind': 'initial', 'to': 'new'}, {'key': 'left', 'from': ['new'], 'to': 'over', 'guards': [guard]}]):
        account = rep.make('accounts', name=f'Machines {number}')
    refused = failures(rep.move('accounts', account['id'], 'left'))['machine_known']
    assert refused['observed'] == 0 and 'equipment' in refused['message']
    line = rep.make('equipment', account_id=account['id'], kind='crane', vendor='Liebherr')
    assert failures(rep.move('accounts', account['id'], 'left'))['machine_known']['observed'] == 0
    rep.patch(f'/v1/equipment/{line["id"]}', json={'competitor': True})
    assert rep.moved('accounts', account['id'], 'left')['verification'] == 'over'


def test_history_is_not_rewritten(rep, rows, account):
    """Audit keeps each line at each time: what a read as of then needs."""
    line = rep.make('equipment', account_id=account['id'], kind='crane', quantity=1)
    for quantity in (2, 3):
        rep.patch(f'/v1/equipment/{line["id"]}', json={'quantity': quantity})
    told = [e['changes']['quantity'] for e in rep.get(f'/v1/equipment/{line["id"]}/history').json()['items']]
    assert told == [{'old': 2, 'new': 3}, {'old': 1, 'new': 2}, {'old': None, 'new': 1}]
    assert fault(rep.patch(f'/v1/equipment/{line["id"]}', json={'account_id': account['id']}), 422, 'validation_failed',
                 '/account_id', 'read_only')
