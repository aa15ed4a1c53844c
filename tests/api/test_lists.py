"""Lists: every filter and every order of the contract with the exact records, pages, includes, fields, counts."""
import pytest

from helpers import CALL, problem

# what a filter is combined with, so that records of other tests stay out
BASE = {
    'lead_list': {'source': 'lists'}, 'account_list': {'source': 'lists'}, 'contact_list': {'account': '{a1}'},
    'opportunity_list': {'source': 'lists'}, 'activity_list': {'lead': '{l1}'}, 'task_list': {'lead': '{l1}'},
    'user_list': {'q': 'listed'}, 'team_list': {'q': 'Listed'}, 'api_key_list': {'q': 'Listed'},
    'intake_form_list': {'q': 'Listed'}, 'intake_submission_list': {'form': 'listed'},
}
ALL = {
    'lead_list': 'l1 l2 l3', 'account_list': 'a1 a2 a3', 'contact_list': 'c1 c2 c3', 'opportunity_list': 'o1 o2 o3',
    'activity_list': 'v1 v2 v3', 'task_list': 't1 t2 t3', 'user_list': 'u1 u2 u3', 'team_list': 'm1 m2 m3',
    'api_key_list': 'k1 k2 k3', 'intake_form_list': 'f1 f2 f3', 'intake_submission_list': 's1 s2 s3',
}
COMMON = {'sort', 'limit', 'cursor', 'count', 'fields', 'include', 'custom.*'}

# operation: parameter: [(value or values, the records that it keeps)]
FILTERS = {
    'lead_list': {
        'status': [('open', 'l1'), ('contacted', 'l2'), (['open', 'contacted'], 'l1 l2'), ('open,contacted', 'l1 l2'),
                   ('converted', 'l3'), ('archived', '')],
        'owner': [('me', 'l1'), ('{rep2}', 'l2'), (['me', '{rep2}'], 'l1 l2')],
        'source': [('lists', 'l1 l2 l3'), (['lists', 'other'], 'l1 l2 l3'), ('Lists', '')],
        'campaign': [('spring', 'l1 l2'), ('autumn', 'l3')],
        'industry': [('logistics', 'l1'), (['logistics', 'food, drink'], 'l1 l2'), ('food', '')],
        'company': [('Zulu', 'l1'), ('Alpha', 'l2'), ('alpha', '')],
        'email': [('One@Lists.example', 'l1'), (['one@lists.example', 'two@lists.example'], 'l1 l2')],
        'phone': [('+48 601 000 001', 'l1'), ('601', '')],
        'score[gte]': [('1', 'l2 l3'), ('30', 'l3'), ('31', '')],
        'queue': [('00000000-0000-7000-8000-0000000000e1', 'l1 l3'), ('00000000-0000-7000-8000-0000000000e2', '')],
        'external_id': [('lists-1', 'l1'), (['lists-1', 'lists-2'], 'l1 l2')],
        'country': [('PL', 'l1 l2'), ('DE', 'l3'), ('PL,DE', 'l1 l2 l3')],
        'account': [('{a1}', 'l3'), ('{a2}', '')],
        'unqualified_reason': [('need', ''), ('authority', '')], 'dead_reason': [('unreachable', '')],
        'archived': [('true', ''), ('false', 'l1 l2 l3'), (['true', 'false'], 'l1 l2 l3')],
        'q': [('zul', 'l1'), ('ONE@', 'l1'), ('000002', 'l2'), ('Person', 'l1 l2 l3'), ('50%', 'l3'), ('5_%', ''), ('%%', '')],
        'created_at[gte]': [('{l2.created_at}', 'l2 l3')], 'created_at[gt]': [('{l2.created_at}', 'l3')],
        'created_at[lte]': [('{l2.created_at}', 'l1 l2')], 'created_at[lt]': [('{l2.created_at}', 'l1')],
        'updated_at[gte]': [('{l1.updated_at}', 'l1'), ('{l1.created_at}', 'l1 l2 l3')],
        'updated_at[lt]': [('{l1.updated_at}', 'l2 l3')],
        'nurture_until[lte]': [('2027-05-01', ''), ('2027-05-02', '')], 'nurture_until[gte]': [('2027-05-01', '')],
        'call_back_at[lte]': [('2027-05-01T10:00:00Z', '')], 'call_back_at[gte]': [('2027-05-01T10:00:00Z', '')],
    },
    'account_list': {
        'verification': [('to_verify', 'a1 a3'), ('verified', 'a2'), (['verified', 'to_verify'], 'a1 a2 a3')],
        'owner': [('me', 'a1 a3'), ('{rep2}', 'a2')],
        'tax_id': [('525', 'a1'), (['525', '526'], 'a1 a2')],
        'email': [('OFFICE@lists.example', 'a1')],
        'external_id': [('lists-a1', 'a1')], 'lead': [('{l3}', 'a1'), ('{l1}', '')], 'industry': [('logistics', 'a1'), ('food', 'a2')],
        'country': [('PL', 'a1'), ('DE,PL', 'a1 a2')], 'source': [('lists', 'a1 a2 a3')],
        'q': [('alph', 'a2'), ('office', 'a1'), ('list account', 'a1 a2 a3')],
        'created_at[gte]': [('{a2.created_at}', 'a2 a3')], 'created_at[gt]': [('{a2.created_at}', 'a3')],
        'created_at[lte]': [('{a2.created_at}', 'a1 a2')], 'created_at[lt]': [('{a2.created_at}', 'a1')],
    },
    'contact_list': {
        'account': [('{a1}', 'c1 c2 c3'), ('{a2}', '')],
        'owner': [('me', 'c1 c3'), ('{rep2}', 'c2')],
        'email': [('c1@lists.example', 'c1')], 'phone': [('601', 'c2')], 'external_id': [('lists-c3', 'c3')],
        'lead': [('{l1}', '')],
        'q': [('zimmer', 'c1'), ('c1@', 'c1'), ('contact', 'c1 c2 c3')],
        'created_at[gte]': [('{c2.created_at}', 'c2 c3')], 'created_at[gt]': [('{c2.created_at}', 'c3')],
        'created_at[lte]': [('{c2.created_at}', 'c1 c2')], 'created_at[lt]': [('{c2.created_at}', 'c1')],
    },
    'opportunity_list': {
        'stage': [('qualification', 'o1 o3'), ('first_meeting', 'o2')],
        'account': [('{a1}', 'o1'), ('{a2}', 'o2 o3')], 'contact': [('{c1}', 'o1')],
        'owner': [('me', 'o1 o3'), ('{rep2}', 'o2')],
        'product_kind': [('crane', 'o1'), (['crane', 'lift'], 'o1 o2')], 'source': [('lists', 'o1 o2 o3')],
        'awaiting_verification': [('true', 'o1'), ('false', 'o2 o3')],
        'external_id': [('lists-o1', 'o1')], 'lead': [('{l1}', '')], 'q': [('big', 'o2'), ('deal', 'o1 o2 o3')],
        'close_date[gte]': [('2027-02-01', 'o2'), ('2027-01-31', 'o1 o2')],
        'close_date[lte]': [('2027-01-31', 'o1'), ('2027-12-31', 'o1 o2')],
        'amount[gte]': [('100', 'o1 o2'), ('100.01', 'o2')], 'amount[lte]': [('100.00', 'o1'), ('99999', 'o1 o2')],
        'created_at[gte]': [('{o2.created_at}', 'o2 o3')], 'created_at[gt]': [('{o2.created_at}', 'o3')],
        'created_at[lte]': [('{o2.created_at}', 'o1 o2')], 'created_at[lt]': [('{o2.created_at}', 'o1')],
    },
    'activity_list': {
        'kind': [('call', 'v1'), ('call,meeting', 'v1 v2')], 'outcome': [('reached', 'v1'), (['reached', 'held'], 'v1 v2')],
        'owner': [('me', 'v1 v3'), ('{rep2}', 'v2')], 'lead': [('{l1}', 'v1 v2 v3')], 'account': [('{a1}', 'v2')],
        'contact': [('{c1}', 'v2')], 'opportunity': [('{o1}', 'v3')],
        'occurred_at[gte]': [('2026-02-02T00:00:00Z', 'v2 v3')], 'occurred_at[gt]': [('2026-02-02T00:00:00Z', 'v3')],
        'occurred_at[lte]': [('2026-02-02T01:00:00+01:00', 'v1 v2')], 'occurred_at[lt]': [('2026-02-02T00:00:00Z', 'v1')],
    },
    'task_list': {
        'status': [('open', 't1 t2'), ('done', 't3'), ('open,done', 't1 t2 t3')],
        'assignee': [('me', 't1 t3'), ('{rep2}', 't2')], 'priority': [('high', 't1'), (['high', 'low'], 't1 t2')],
        'lead': [('{l1}', 't1 t2 t3')], 'account': [('{a1}', 't1')], 'contact': [('{c1}', 't1')],
        'opportunity': [('{o1}', 't2')], 'q': [('price', 't1'), ('zz', '')],
        'due_at[gte]': [('2027-02-01T00:00:00Z', 't2')], 'due_at[lte]': [('2027-02-01T00:00:00Z', 't1 t2')],
    },
    'user_list': {
        'q': [('listed', 'u1 u2 u3'), ('listed-1@', 'u1'), ('ulrike', 'u2')],
        'role': [('sales', 'u1 u2'), ('viewer', 'u2 u3'), ('sales,viewer', 'u1 u2 u3')],
        'team': [('{m1}', 'u1 u2'), ('{m2}', 'u2')], 'disabled': [('true', 'u3'), ('false', 'u1 u2')],
    },
    'team_list': {'q': [('Listed', 'm1 m2 m3'), ('north', 'm1')]},
    'api_key_list': {'q': [('Listed', 'k1 k2 k3'), ('export', 'k1')]},
    'intake_form_list': {'q': [('Listed', 'f1 f2 f3'), ('listed_b', 'f2')]},
    'intake_submission_list': {
        'form': [('listed', 's1 s2 s3'), ('listed_b', '')], 'outcome': [('created', 's1 s3'), ('refused', 's2')],
        'reason': [('invalid', 's2'), ('honeypot', '')], 'lead': [('{s1.lead_id}', 's1')],
        'received_at[gte]': [('{s2.received_at}', 's2 s3')], 'received_at[gt]': [('{s2.received_at}', 's3')],
        'received_at[lte]': [('{s2.received_at}', 's1 s2')], 'received_at[lt]': [('{s2.received_at}', 's1')],
    },
    'lead_history': {'action': [('update', 'h2'), ('create', 'h1'), (['create', 'update'], 'h2 h1')]},
}

# what every governed record has
for _name in ('lead_list', 'account_list', 'opportunity_list'):
    FILTERS[_name] |= {'tag': [('none', '')], 'breached': [('false', ALL[_name]), ('true', '')],
                       'stale': [('false', ALL[_name]), ('true', '')]}
# the order of all records; the reverse follows
SORTS = {
    'lead_list': {'created_at': 'l1 l2 l3', 'updated_at': 'l3 l2 l1', 'company': 'l3 l2 l1', 'last_name': 'l3 l2 l1'},
    'account_list': {'created_at': 'a1 a2 a3', 'updated_at': 'a3 a2 a1', 'name': 'a3 a2 a1'},
    'contact_list': {'created_at': 'c1 c2 c3', 'updated_at': 'c2 c3 c1', 'last_name': 'c3 c2 c1'},
    'opportunity_list': {'created_at': 'o1 o2 o3', 'updated_at': 'o1 o3 o2', 'close_date': 'o1 o2 o3',
                         'amount': 'o3 o1 o2', 'name': 'o2 o1 o3'},
    'activity_list': {'occurred_at': 'v1 v2 v3', 'created_at': 'v3 v2 v1'},
    'task_list': {'due_at': 't1 t2 t3', 'created_at': 't3 t2 t1'},
    'user_list': {'created_at': 'u1 u2 u3', 'email': 'u1 u2 u3', 'name': 'u3 u2 u1'},
    'team_list': {'created_at': 'm1 m2 m3', 'name': 'm1 m3 m2'},
    'api_key_list': {'created_at': 'k1 k2 k3', 'name': 'k3 k1 k2'},
    'intake_form_list': {'created_at': 'f1 f2 f3', 'name': 'f3 f2 f1'},
    'intake_submission_list': {'received_at': 's1 s2 s3'},
}
FILTERS['account_list']['segment'] = [('regular', ''), ('lost', '')]  # who belongs to one: test_segments.py


@pytest.fixture(scope='module')
def world(admin, rep, rep2, verifier, mkt, anonymous, rows):
    """Three records of each kind, made in the order of their names."""
    w = {}
    theirs = {'owner_id': rep2.user['id']}
    mine = {'owner_id': rep.user['id']}

    w['a1'] = rep.make('accounts', name='Zulu list account', source='lists', tax_id='525', email='office@lists.example',
                       external_id='lists-a1', industry='logistics', country='PL')
    w['a2'] = rep.make('accounts', name='Alpha list account', source='lists', tax_id='526', industry='food', country='DE',
                       **theirs)
    w['a3'] = rep.make('accounts', name='50% list account', source='lists')
    w['a2'] = verifier.moved('accounts', w['a2']['id'], 'verify')

    # l3 becomes a1; it names no person, so no contact comes of it
    w['l1'] = rep.make('leads', first_name='Person', last_name='Zimmer', company='Zulu', source='lists', campaign='spring',
                       industry='logistics', email='one@lists.example', phone='+48 601 000 001', external_id='lists-1',
                       country='PL', **mine)
    w['l2'] = rep.make('leads', first_name='Person', last_name='Abel', company='Alpha', source='lists', campaign='spring',
                       industry='food, drink', email='two@lists.example', phone='000002', external_id='lists-2', country='PL',
                       **theirs)
    w['l3'] = rep.make('leads', first_name='Person', company='50% off', source='lists', campaign='autumn',
                       country='DE')
    for step, more in (('contacted', {'activities': [CALL]}),
                       ('qualified', {'fields': {'industry': 'x'}, 'activities': [{'kind': 'survey', 'outcome': 'sent'}]})):
        mkt.moved('leads', w['l3']['id'], step, **more)
    answer = rep.post(f'/v1/leads/{w["l3"]["id"]}/conversion', json={'account': {'id': w['a1']['id']}})
    assert answer.status_code == 200, answer.text
    mkt.moved('leads', w['l2']['id'], 'contacted', activities=[CALL])
    rep.patch(f'/v1/leads/{w["l1"]["id"]}', json={'city': 'Hel'})
    rows('insert into sluice.lead_score (lead_id, score) values (%s, 10), (%s, 30)', w['l2']['id'], w['l3']['id'])
    rows("insert into sluice.lead_queue (lead_id, team_id) select x, '00000000-0000-7000-8000-0000000000e1' from unnest(array[%s, %s]::uuid[]) x",
         w['l1']['id'], w['l3']['id'])

    for n, (name, more) in enumerate((('Zimmer', {'email': 'c1@lists.example'}), ('Berg', {'phone': '601', **theirs}),
                                      ('Abel', {'external_id': 'lists-c3'})), 1):
        w[f'c{n}'] = rep.make('contacts', first_name='Contact', last_name=name, account_id=w['a1']['id'], **more)
    rep.patch(f'/v1/contacts/{w["c1"]["id"]}', json={'role': 'x'})

    a1, a2 = w['a1']['id'], w['a2']['id']
    w['o1'] = rep.make('opportunities', name='Deal one', account_id=a1, contact_id=w['c1']['id'], product_kind='crane',
                       close_date='2027-01-31', amount={'amount': '100', 'currency': 'PLN'}, external_id='lists-o1')
    w['o2'] = rep.make('opportunities', name='Big deal', account_id=a2, product_kind='lift', close_date='2027-02-28',
                       amount={'amount': '2000.5', 'currency': 'PLN'}, **theirs)
    w['o3'] = rep.make('opportunities', name='Deal three', account_id=a2)
    w['o2'] = rep.moved('opportunities', w['o2']['id'], 'first_meeting')

    l1, c1, o1 = w['l1']['id'], w['c1']['id'], w['o1']['id']
    w['v3'] = rep.make('activities', kind='note', lead_id=l1, opportunity_id=o1, occurred_at='2026-03-03T00:00:00Z')
    w['v2'] = rep.make('activities', kind='meeting', outcome='held', lead_id=l1, account_id=a1, contact_id=c1,
                       occurred_at='2026-02-02T00:00:00Z', **theirs)
    w['v1'] = rep.make('activities', kind='call', outcome='reached', lead_id=l1, occurred_at='2026-01-01T00:00:00Z')
    w['t3'] = rep.make('tasks', subject='Listed three', lead_id=l1, status='done')
    w['t2'] = rep.make('tasks', subject='Listed two', lead_id=l1, opportunity_id=o1, priority='low',
                       due_at='2027-02-01T00:00:00Z', assignee_id=rep2.user['id'])
    w['t1'] = rep.make('tasks', subject='Listed price', lead_id=l1, account_id=a1, contact_id=c1, priority='high',
                       due_at='2027-01-01T00:00:00Z')

    for n, (name, roles) in enumerate((('Xaver', ['sales']), ('Ulrike', ['sales', 'viewer']), ('Anton', ['viewer'])), 1):
        w[f'u{n}'] = admin.make('users', email=f'listed-{n}@sluice.test', name=name, password='long enough', roles=roles,
                                disabled=n == 3)
    w['m1'] = admin.make('teams', name='Listed north', members=[w['u1']['id'], w['u2']['id']])
    w['m2'] = admin.make('teams', name='Listed west', members=[w['u2']['id']])
    w['m3'] = admin.make('teams', name='Listed south')
    for n, name in enumerate(('Listed export', 'Listed sync', 'Listed backup'), 1):
        w[f'k{n}'] = admin.make('api-keys', name=name, roles=['viewer'])
    for n, (form, name) in enumerate((('listed', 'Listed z'), ('listed_b', 'Listed y'), ('listed_c', 'Listed x')), 1):
        w[f'f{n}'] = admin.make('intake-forms', form=form, name=name, source='listed', fields=['last_name', 'email'])
    for n, email in enumerate(('s1@lists.example', 'wrong', 's3@lists.example'), 1):
        anonymous.post('/v1/intake/listed', params={'key': w['f1']['key']}, json={'last_name': 'S', 'email': email})
    submissions = admin.get('/v1/intake-submissions', params={'form': 'listed', 'sort': 'received_at'}).json()['items']
    w.update({f's{n}': s for n, s in enumerate(submissions, 1)})
    for n, entry in enumerate(reversed(rep.history('leads', l1)), 1):
        w[f'h{n}'] = {'id': entry['seq']}

    # as they are now
    for name, collection in (('l', 'leads'), ('a', 'accounts'), ('c', 'contacts'), ('o', 'opportunities')):
        for n in '123':
            w[name + n] = rep.read(collection, w[name + n]['id'])
    return w


@pytest.fixture(scope='module')
def fill(world, rep2):
    def value(text):
        if isinstance(text, list):
            return [value(t) for t in text]
        if text == '{rep2}':
            return rep2.user['id']
        if not text.startswith('{'):
            return text
        name, _, member = text[1:-1].partition('.')
        return world[name][member or 'id']
    return value


@pytest.fixture(scope='module')
def names(world):
    return {w['id']: name for name, w in world.items()}


@pytest.fixture(scope='module')
def client(admin, rep, contract):
    """Administrators list what only they may."""
    return lambda operation: admin if contract.by_name[operation].permission.startswith(('admin.', 'intake.')) else rep


def listed(client, path, names, **params):
    answer = client.get(path, params={'limit': 200, **params})
    assert answer.status_code == 200, answer.text
    items = answer.json()['items']
    return [names.get(i['seq'] if 'seq' in i else i['id'], '?') for i in items]


def cases():
    for operation, filters in FILTERS.items():
        for parameter, values in filters.items():
            for value, kept in values:
                yield pytest.param(operation, parameter, value, kept, id=f'{operation}-{parameter}-{value}')


@pytest.mark.parametrize('operation, parameter, value, kept', cases())
def test_filter(operation, parameter, value, kept, client, contract, fill, names, world):
    if operation == 'lead_history':
        path, base = f'/v1/leads/{world["l1"]["id"]}/history', {}
    else:
        path, base = contract.by_name[operation].template, {k: fill(v) for k, v in BASE[operation].items()}
    found = listed(client(operation), path, names, **{**base, parameter: fill(value)})
    assert sorted(found) == sorted(kept.split())


@pytest.mark.parametrize('operation, order', [(o, s) for o, sorts in SORTS.items() for s in sorts])
def test_sort(operation, order, client, contract, fill, names):
    expected = SORTS[operation][order].split()
    path, base = contract.by_name[operation].template, {k: fill(v) for k, v in BASE[operation].items()}
    for sort, wanted in ((order, expected), (f'-{order}', expected[::-1])):
        assert listed(client(operation), path, names, sort=sort, **base) == wanted
        walked, cursor = [], None
        for _ in range(4):
            page = client(operation).get(path, params={**base, 'sort': sort, 'limit': 1, 'cursor': cursor}).json()
            walked += [names[i['id']] for i in page['items']]
            cursor = page['next_cursor']
            if not cursor:
                break
        assert walked == wanted


# short lists that the tests of their resources try
ELSEWHERE = {'approval_list', 'assignment_rule_list', 'blueprint_list', 'calendar_list', 'complaint_list', 'conversion_mapping_list', 'custom_field_list', 'deputy_list', 'lead_assignments', 'duplicate_list', 'duplicate_rule_list', 'equipment_list',
             'forgotten_list', 'import_rows', 'invoice_list', 'mail_domain_list', 'merge_list',
             'lead_score_history', 'opportunity_revisit', 'score_rule_list', 'verification_queue'}


def test_every_parameter_of_every_list_is_tried(contract):
    # an export takes the parameters of its list: test_export.py
    lists = [op for op in contract.operations if 'sort' in op.query() and op.name not in ELSEWHERE
             and not op.name.endswith('_export')]
    assert {op.name for op in lists} == set(BASE) == set(SORTS) == set(ALL)
    for op in lists:
        assert set(op.query()) - COMMON == set(FILTERS[op.name]), op.name
        orders = op.parameter('sort')['schema']['enum']
        assert set(orders) == {sign + s for s in SORTS[op.name] for sign in ('', '-')}, op.name


@pytest.mark.parametrize('operation', BASE)
def test_newest_first_and_counted_on_request(operation, client, contract, fill, names):
    path, base = contract.by_name[operation].template, {k: fill(v) for k, v in BASE[operation].items()}
    first_sort = next(iter(SORTS[operation]))
    assert listed(client(operation), path, names, **base) == SORTS[operation][first_sort].split()[::-1]
    answer = client(operation).get(path, params={**base, 'limit': 2, 'count': 'exact'}).json()
    assert (answer['count'], len(answer['items'])) == (3, 2) and answer['next_cursor']
    assert 'count' not in client(operation).get(path, params=base).json()
    chosen = client(operation).get(path, params={**base, 'fields': 'id', 'limit': 1}).json()
    assert list(chosen['items'][0]) == ['id']


def test_filters_that_states_bring(mkt):
    """Dates of nurture and call back, and coded reasons."""
    source = {'source': 'postponed'}
    made = {k: mkt.make('leads', last_name=k, **source)['id'] for k in ('nurtured', 'called', 'unqualified')}
    mkt.moved('leads', made['nurtured'], 'nurture', fields={'nurture_until': '2027-05-01'})
    mkt.moved('leads', made['called'], 'call_back', fields={'call_back_at': '2027-05-01T10:00:00Z'})
    mkt.moved('leads', made['unqualified'], 'unqualified', fields={'unqualified_reason': 'need', 'nurture_until': '2027-06-01'})
    names = {i: name for name, i in made.items()}
    for params, kept in (({'nurture_until[lte]': '2027-05-01'}, {'nurtured'}), ({'nurture_until[gte]': '2027-05-02'}, {'unqualified'}),
                         ({'nurture_until[gte]': '2027-05-01', 'nurture_until[lte]': '2027-06-01'}, {'nurtured', 'unqualified'}),
                         ({'call_back_at[lte]': '2027-05-01T10:00:00Z'}, {'called'}),
                         ({'call_back_at[gte]': '2027-05-01T12:00:00.000001+02:00'}, set()),
                         ({'unqualified_reason': 'need'}, {'unqualified'}), ({'unqualified_reason': 'authority'}, set()),
                         ({'status': 'nurture,call_back'}, {'nurtured', 'called'})):
        assert set(listed(mkt, '/v1/leads', names, **source, **params)) == kept, params


def test_includes(rep, world):
    lead = rep.get('/v1/leads', params={'external_id': 'lists-1', 'include': 'owner,account'}).json()['items'][0]
    assert (lead['owner'], lead['account']) == ({'id': rep.user['id'], 'name': 'rep'}, None)
    converted = rep.get('/v1/leads', params={'source': 'lists', 'campaign': 'autumn', 'include': 'owner, account'})
    lead = converted.json()['items'][0]
    assert lead['owner'] is None
    assert lead['account'] == {'id': world['a1']['id'], 'name': 'Zulu list account', 'verification': 'to_verify'}
    deal = rep.get('/v1/opportunities', params={'external_id': 'lists-o1', 'include': 'contact,account,owner'}).json()['items'][0]
    assert deal['contact'] == {'id': world['c1']['id'], 'first_name': 'Contact', 'last_name': 'Zimmer',
                               'email': 'c1@lists.example', 'phone': None}
    assert (deal['account']['id'], deal['owner']['name']) == (world['a1']['id'], 'rep')
    assert 'owner' not in rep.get('/v1/contacts', params={'external_id': 'lists-c3'}).json()['items'][0]
    contact = rep.get('/v1/contacts', params={'external_id': 'lists-c3', 'include': 'account', 'fields': 'id,account'}).json()
    assert contact['items'] == [{'id': world['c3']['id'], 'account': {
        'id': world['a1']['id'], 'name': 'Zulu list account', 'verification': 'to_verify'}}]
    account = rep.get('/v1/accounts', params={'external_id': 'lists-a1', 'include': 'owner'}).json()['items'][0]
    assert account['owner'] == {'id': rep.user['id'], 'name': 'rep'}


@pytest.mark.parametrize('sort', ['created_at', '-created_at', 'last_name', '-last_name', 'company', '-updated_at'])
def test_pages_hold_every_record_once_while_others_come(rep, sort, number):
    """Ties included: half of the names are the same."""
    source = f'paged-{number}'
    ids = [rep.make('leads', last_name=f'Name {i // 2}', source=source)['id'] for i in range(15)]
    path, seen = f'/v1/leads?source={source}&sort={sort}&limit=4', []
    while path:
        answer = rep.get(path)
        seen += [i['id'] for i in answer.json()['items']]
        rep.make('leads', last_name=f'Name {len(seen) // 3}', source=source)
        link = answer.links.get('next')
        assert (link is None) == (answer.json()['next_cursor'] is None)
        path = link['url'] if link else None
        assert len(seen) < 100
    assert len(seen) == len(set(seen))
    assert set(ids) <= set(seen)


def test_the_next_page_keeps_filters(rep, world):
    answer = rep.get('/v1/leads', params={'country': ['PL', 'DE'], 'source': 'lists', 'limit': 2, 'fields': 'id', 'q': 'Person'})
    following = rep.get(answer.links['next']['url'])
    assert [i['id'] for i in following.json()['items']] == [world['l1']['id']]
    assert following.json()['next_cursor'] is None and 'Link' not in following.headers


def test_all_pages_have_the_same_size(rep, number):
    source = f'sized-{number}'
    for i in range(6):
        rep.make('leads', last_name=f'{i}', source=source)
    for limit, sizes in ((1, [1] * 6), (2, [2] * 3), (4, [4, 2]), (6, [6]), (200, [6])):
        found, cursor = [], None
        while True:
            page = rep.get('/v1/leads', params={'source': source, 'limit': limit, 'cursor': cursor}).json()
            found.append(len(page['items']))
            cursor = page['next_cursor']
            if cursor is None:
                break
        assert found == sizes


def test_a_search_takes_no_wildcards(rep, number):
    rep.make('leads', last_name=f'x{number}_y', source='wild')
    rep.make('leads', last_name=f'x{number}zy', source='wild')
    found = rep.get('/v1/leads', params={'source': 'wild', 'q': f'x{number}_y'}).json()['items']
    assert [i['last_name'] for i in found] == [f'x{number}_y']
    assert rep.get('/v1/leads', params={'source': 'wild', 'q': '\\\\'}).json()['items'] == []


def test_many_values_are_many_but_bounded(rep):
    assert rep.get('/v1/leads', params={'source': [f's{i}' for i in range(50)]}).status_code == 200
    answer = rep.get('/v1/leads', params={'source': [f's{i}' for i in range(51)]})
    problem(answer, 400, 'invalid_parameter')


def test_reference_lists(rep, admin):
    reasons = rep.get('/v1/reasons').json()['items']
    assert [(r['kind'], r['key']) for r in reasons if r['kind'] == 'unqualified'] == [
        ('unqualified', 'need'), ('unqualified', 'authority'), ('unqualified', 'ability')]
    assert [r['key'] for r in reasons if r['kind'] == 'lost'] == [
        'price', 'competitor', 'no_decision', 'timing', 'account_rejected', 'other']
    assert [r['key'] for r in reasons if r['kind'] == 'rejection'] == ['bogus', 'duplicate', 'out_of_business', 'other']
    assert next(r['label'] for r in reasons if r['key'] == 'need') == {
        'en': 'No need', 'pl': 'Brak potrzeby', 'ru': 'Нет потребности'}
    roles = admin.get('/v1/roles').json()['items']
    assert [r['key'] for r in roles][:7] == ['admin', 'manager', 'marketing', 'sales', 'verifier', 'integration', 'viewer']
    shipped = [b for key in ('lead_default', 'account_verification', 'sales_pipeline')
               for b in rep.get('/v1/blueprints', params={'key': key}).json()['items'] if b['status'] == 'published']
    assert {(b['entity'], b['key']) for b in shipped} >= {
        ('lead', 'lead_default'), ('account', 'account_verification'), ('opportunity', 'sales_pipeline')}
    lead = rep.get(f'/v1/blueprints/{next(b["id"] for b in shipped if b["key"] == "lead_default")}').json()
    assert [s['key'] for s in lead['states']] == [
        'open', 'contacted', 'call_back', 'qualified', 'unqualified', 'nurture', 'newsletter', 'dead', 'archived', 'converted']
    assert [t['key'] for t in lead['transitions'] if t.get('kind', 'manual') != 'manual'] == [
        'created', 'converted', 'converted_with_opportunity']
