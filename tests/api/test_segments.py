"""Segments: rules that sort accounts, and say why (requirements, scenario 32)."""
import pytest

from helpers import fault, label, problem


@pytest.fixture(scope='module')
def customers(admin, rep, rows):
    """Accounts with a past: deals won so many months ago, an unpaid invoice, complaints."""
    made = {}

    def account(name, months=(), lost=()):
        a = made[name] = rep.make('accounts', name=f'Segments {name}', source='segments')
        for ago in months + lost:
            deal = rep.make('opportunities', name='Deal', account_id=a['id'])
            rows("""select set_config('sluice.cause', '{}', false)""")
            rows("""update sluice.opportunity set state = %s, closed_at = now() - make_interval(months => %s) where id = %s""",
                 'won' if ago in months else 'lost', ago, deal['id'])
            rows("""select set_config('sluice.cause', '', false)""")
        return a
    account('new')
    account('lost', (14, 26))
    account('back', (14, 1))
    account('regular', (1, 5, 11))
    account('twice', (1, 5))
    account('lapsed', (5, 11, 13), (2,))
    for name, invoice in (('debtor', '2026-01-01'), ('payer', '2026-01-01'), ('early', '2099-01-01')):
        made_invoice = admin.make('invoices', account_id=account(name)['id'], number='1', due_on=invoice)
        if name == 'payer':
            admin.patch(f'/v1/invoices/{made_invoice["id"]}', json={'paid_at': '2026-02-01T00:00:00Z'})
    for name, severity in (('angry', 'critical'), ('grumpy', 'normal'), ('calmed', 'critical')):
        complaint = rep.make('complaints', account_id=account(name)['id'], subject='Bad', severity=severity)
        if name == 'calmed':
            rep.patch(f'/v1/complaints/{complaint["id"]}', json={'closed_at': '2099-01-01T00:00:00Z'})
    return made


@pytest.fixture
def members(customers, rep):
    names = {a['id']: name for name, a in customers.items()}

    def of(*keys):
        answer = rep.get('/v1/accounts', params={'segment': list(keys), 'source': 'segments', 'limit': 200, 'count': 'exact'}).json()
        assert answer['count'] == len(answer['items'])
        return {names[i['id']] for i in answer['items']}
    return of


@pytest.fixture
def segment(admin, number):
    made = []

    def make(rule, key=None):
        made.append(admin.make('segments', key=key or f'seg{number}_{len(made)}', label=label('Test'), rule=rule))
        return made[-1]
    yield make
    for s in made:
        admin.delete(f'/v1/segments/{s["id"]}')


def why(client, account):
    return {s['key']: s for s in client.get(f'/v1/accounts/{account["id"]}/segments').json()['items']}


def test_scenario_32(members, customers, rep):
    assert members('lost') == {'lost'}
    assert members('at_risk') == {'debtor', 'angry'}
    assert members('regular') == {'regular'}
    assert members('lost', 'regular') == {'lost', 'regular'}
    assert members('nonsense') == set()

    told = why(rep, customers['regular'])
    assert {k: told[k]['member'] for k in ('at_risk', 'lost', 'regular')} == {'at_risk': False, 'lost': False, 'regular': True}
    reason = told['regular']['why']
    assert {k: reason[k] for k in ('kind', 'months', 'min', 'passed')} == {'kind': 'won', 'months': 12, 'min': 3, 'passed': True}
    assert reason['observed']['count'] == 3
    assert why(rep, customers['lapsed'])['regular']['why']['observed']['count'] == 2

    lost = why(rep, customers['lost'])['lost']['why']
    assert (lost['kind'], lost['months'], lost['passed'], lost['observed']['count']) == ('last_won_before', 12, True, 2)
    assert lost['observed']['last_won_at'] is not None

    risk = why(rep, customers['debtor'])['at_risk']['why']
    assert risk['passed'] is True and [p['passed'] for p in risk['any']] == [True, False]
    assert risk['any'][0]['observed'] == {'count': 1, 'oldest_due_on': '2026-01-01'}
    risk = why(rep, customers['angry'])['at_risk']['why']
    assert [p['passed'] for p in risk['any']] == [False, True] and risk['any'][1]['observed']['count'] == 1


@pytest.mark.parametrize('rule, expected', [
    ({'kind': 'won'}, {'lost', 'back', 'regular', 'twice', 'lapsed'}),
    ({'kind': 'won', 'min': 3}, {'regular', 'lapsed'}),
    ({'kind': 'won', 'months': 2}, {'back', 'regular', 'twice'}),
    ({'kind': 'last_won_before', 'months': 4}, {'lost', 'lapsed'}),
    ({'kind': 'invoice_overdue', 'days': 9999}, set()),
    ({'kind': 'complaint_open'}, {'angry', 'grumpy'}),
    ({'kind': 'complaint_open', 'severity': ['normal', 'high']}, {'grumpy'}),
    ({'all': [{'kind': 'won', 'min': 1}, {'not': {'kind': 'won', 'months': 12, 'min': 2}}]}, {'lost', 'back'}),
    ({'any': [{'kind': 'won', 'min': 3}, {'kind': 'field', 'field': 'name', 'op': 'eq', 'value': 'Segments new'}]},
     {'regular', 'lapsed', 'new'}),
    ({'all': [{'kind': 'field', 'field': 'name', 'op': 'in', 'value': ['Segments new', "Segments 'quoted'"]},
              {'kind': 'field', 'field': 'industry', 'op': 'absent'}]}, {'new'}),
    ({'all': [{'kind': 'field', 'field': 'tags', 'op': 'present'}, {'kind': 'won'}]}, set()),
    ({'all': [{'kind': 'field', 'field': 'verification', 'op': 'ne', 'value': 'to_verify'}, {'kind': 'won'}]}, set()),
    ({'all': [{'kind': 'no_activity', 'days': 30}, {'kind': 'won'}]}, set()),
    ({'all': [{'kind': 'no_activity', 'days': 0}, {'kind': 'won', 'min': 3}]}, {'regular', 'lapsed'}),
])
def test_rules(segment, members, customers, rep, rule, expected):
    """What a list finds and what an account is told are the same."""
    made = segment(rule)
    assert members(made['key']) == expected
    for name in ('regular', 'new', 'debtor', 'lost'):
        assert why(rep, customers[name])[made['key']]['member'] is (name in expected), name


def test_an_activity_ends_the_silence(segment, rep, rows, number):
    made = segment({'kind': 'no_activity', 'days': 5})
    account = rep.make('accounts', name=f'Silent {number}')
    deal = rep.make('opportunities', name='Deal', account_id=account['id'])
    assert why(rep, account)[made['key']]['member'] is False  # it is too young
    rows("update sluice.account set created_at = now() - interval '9 days' where id = %s", account['id'])
    assert why(rep, account)[made['key']]['member'] is True
    rep.make('activities', kind='call', opportunity_id=deal['id'])
    told = why(rep, account)[made['key']]
    assert told['member'] is False and told['why']['observed']['last_activity_at'] is not None


@pytest.mark.parametrize('rule, where', [
    ({'kind': 'rich'}, '/rule/kind'),
    ({}, '/rule/kind'),
    ({'kind': 'won', 'years': 1}, '/rule/years'),
    ({'kind': 'won', 'min': 0}, '/rule/min'),
    ({'kind': 'won', 'months': '12'}, '/rule/months'),
    ({'kind': 'last_won_before'}, '/rule/months'),
    ({'kind': 'complaint_open', 'severity': ['dire']}, '/rule/severity'),
    ({'kind': 'field', 'field': 'password', 'op': 'present'}, '/rule/field'),
    ({'kind': 'field', 'field': 'name', 'op': 'like', 'value': 'x'}, '/rule/op'),
    ({'kind': 'field', 'field': 'name', 'op': 'eq'}, '/rule/value'),
    ({'any': []}, '/rule/any'),
    ({'all': [{'kind': 'won'}, {'not': {'kind': 'lose'}}]}, '/rule/all/1/not/kind'),
    ({'all': [{'kind': 'won'}], 'kind': 'won'}, '/rule'),
    ({'not': {'not': {'not': {'not': {'not': {'kind': 'won'}}}}}}, '/rule/not/not/not/not/not'),
])
def test_rules_that_mean_nothing(admin, rows, rule, where):
    before = rows('select count(*) n from sluice.segment')
    body = problem(admin.post('/v1/segments', json={'key': 'nothing', 'label': label('x'), 'rule': rule}), 422, 'validation_failed')
    assert [e['pointer'] for e in body['errors']] == [where]
    assert rows('select count(*) n from sluice.segment') == before


def test_segments_are_changed(admin, rep, segment, members):
    made = segment({'kind': 'won', 'min': 3})
    assert members(made['key']) == {'regular', 'lapsed'}
    twice = admin.post('/v1/segments', json={'key': made['key'], 'label': label('x'), 'rule': {'kind': 'won'}})
    assert problem(twice, 409, 'conflict')['errors'][0]['pointer'] == '/key'
    problem(rep.patch(f'/v1/segments/{made["id"]}', json={'rule': {'kind': 'won'}}), 403, 'forbidden')
    assert rep.read('segments', made['id'])['rule'] == {'kind': 'won', 'min': 3}
    changed = admin.patch(f'/v1/segments/{made["id"]}', json={'rule': {'kind': 'won', 'months': 2}}).json()
    assert (changed['version'], changed['rule']) == (2, {'kind': 'won', 'months': 2})
    assert members(made['key']) == {'back', 'regular', 'twice'}
    assert [e['action'] for e in admin.get(f'/v1/segments/{made["id"]}/history').json()['items']] == ['update', 'create']
    fault(admin.patch(f'/v1/segments/{made["id"]}', json={'key': 'other'}), 422, 'validation_failed', '/key', 'read_only')
    assert admin.delete(f'/v1/segments/{made["id"]}').status_code == 204
    assert members(made['key']) == set()


def test_counts(admin, new_user, rows, customers, segment):
    made = segment({'kind': 'field', 'field': 'source', 'op': 'eq', 'value': 'segments'})
    items = admin.get('/v1/segments', params={'include': 'members', 'key': made['key']}).json()['items']
    assert [i['members'] for i in items] == [len(customers)]
    assert 'members' not in admin.get('/v1/segments', params={'key': made['key']}).json()['items'][0]
    rows("""insert into sluice.role (key, label, position) values ('segs', '{"en": "Segs"}', 92) on conflict do nothing""")
    rows("""insert into sluice.role_permission (role, permission, scope) values ('segs', 'account.read', 'own') on conflict do nothing""")
    me = new_user('segs')
    assert [i['members'] for i in me.get('/v1/segments', params={'include': 'members', 'key': made['key']}).json()['items']] == [0]
    problem(me.get(f'/v1/accounts/{customers["new"]["id"]}/segments'), 404, 'not_found')
