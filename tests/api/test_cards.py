"""The card of an account: everything in one call, and the story that all departments share (scenario 44)."""
import uuid

from helpers import OFFER, UNKNOWN, moment, problem

PARTS = ('contacts', 'equipment', 'opportunities', 'tasks', 'invoices', 'complaints', 'segments')


def card_of(client, account):
    answer = client.get(f'/v1/accounts/{account["id"]}/card')
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_empty_card(rep, number):
    account = rep.make('accounts', name=f'Empty card {number}')
    card = card_of(rep, account)
    assert card['account'] == rep.read('accounts', account['id'])
    assert {part: card[part] for part in PARTS} == {part: [] for part in PARTS}
    assert (card['omitted'], card['suspected_duplicates']) == ([], 0)
    assert [i['kind'] for i in card['timeline']] == ['created']
    problem(rep.get(f'/v1/accounts/{UNKNOWN}/card'), 404, 'not_found')


def test_a_full_card(admin, rep, rows, number):
    account = rep.make('accounts', name=f'Full card {number} {uuid.uuid4()}')
    other = rep.make('accounts', name=f'Other card {number} {uuid.uuid4()}')
    home = rep.make('contacts', last_name='Home', account_id=account['id'])
    guest = rep.make('contacts', last_name='Guest', account_id=other['id'])
    role = rep.make('account-contacts', account_id=account['id'], contact_id=guest['id'], role='billing', primary=True)
    gone = rep.make('equipment', account_id=account['id'], kind='truck', removed_at='2026-01-01T00:00:00Z')
    crane = rep.make('equipment', account_id=account['id'], kind='crane', vendor='Liebherr', competitor=True, year_installed=2019)
    deals = [rep.make('opportunities', name='Deal', account_id=account['id'], product_kind=kind,
                      **({'amount': {'amount': amount, 'currency': 'PLN'}} if amount else {}))
             for kind, amount in (('crane', '100.50'), ('crane', '200'), ('truck', None), ('crane', '50'))]
    rows("select set_config('sluice.cause', '{}', false)")
    for state, deal in (('lost', deals[3]), ('cancelled', deals[2])):
        rows('update sluice.opportunity set state = %s, closed_at = now() where id = %s', state, deal['id'])
    rows("select set_config('sluice.cause', '', false)")
    later = rep.make('tasks', subject='Later', account_id=account['id'], due_at='2099-02-01T00:00:00Z')
    sooner = rep.make('tasks', subject='Sooner', opportunity_id=deals[0]['id'], due_at='2099-01-01T00:00:00Z')
    done = rep.make('tasks', subject='Done', account_id=account['id'])
    rep.patch(f'/v1/tasks/{done["id"]}', json={'status': 'done'})
    invoice = admin.make('invoices', account_id=account['id'], number='1', due_on='2026-01-01')
    complaint = rep.make('complaints', account_id=account['id'], subject='Stands still', severity='critical')

    card = card_of(rep, account)
    assert [(c['id'], c['home'], c['primary'], [r['role'] for r in c['roles']]) for c in card['contacts']] == [
        (guest['id'], False, True, ['billing']), (home['id'], True, False, [])]
    assert card['contacts'][0]['roles'][0]['id'] == role['id']
    assert [e['id'] for e in card['equipment']] == [crane['id'], gone['id']]
    assert card['equipment'][0] == rep.read('equipment', crane['id'])
    assert [(o['product_kind'], o['category'], o['count'], o['amount']) for o in card['opportunities']] == [
        ('crane', 'lost', 1, {'amount': '50', 'currency': 'PLN'}),
        ('crane', 'open', 2, {'amount': '300.50', 'currency': 'PLN'}),
        ('truck', 'cancelled', 1, {'amount': '0', 'currency': None})]
    assert [t['id'] for t in card['tasks']] == [sooner['id'], later['id']]
    assert [i['id'] for i in card['invoices']] == [invoice['id']]
    assert [k['id'] for k in card['complaints']] == [complaint['id']]
    assert [s['key'] for s in card['segments']] == ['at_risk']
    timeline = rep.get(f'/v1/accounts/{account["id"]}/timeline', params={'limit': 20}).json()['items']
    assert card['timeline'] == timeline
    assert len(timeline) <= 20 and {'equipment', 'complaint'} <= {i['entity'] for i in timeline}


def test_the_card_has_a_tag(rep, number):
    account = rep.make('accounts', name=f'Tagged card {number}')
    path = f'/v1/accounts/{account["id"]}/card'
    tag = rep.get(path).headers['ETag']
    assert rep.get(path, headers={'If-None-Match': tag}).status_code == 304
    rep.make('equipment', account_id=account['id'], kind='crane')  # the account itself is as it was
    answer = rep.get(path, headers={'If-None-Match': tag})
    assert answer.status_code == 200 and answer.headers['ETag'] != tag


def test_what_one_may_not_read_is_left_out(rep, new_user, rows, number):
    account = rep.make('accounts', name=f'Partial card {number}')
    rep.make('contacts', last_name='Hidden', account_id=account['id'])
    rep.make('equipment', account_id=account['id'], kind='crane')
    rep.make('tasks', subject='Not mine', account_id=account['id'])
    rows("""insert into sluice.role (key, label, position) values ('cards', '{"en": "Cards"}', 93) on conflict do nothing""")
    rows("""insert into sluice.role_permission (role, permission, scope) values
            ('cards', 'account.read', 'all'), ('cards', 'equipment.read', 'own'), ('cards', 'task.read', 'own') on conflict do nothing""")
    me = new_user('cards')
    card = card_of(me, account)
    assert card['omitted'] == ['contacts', 'opportunities', 'invoices', 'complaints']
    assert set(card) == {'account', 'suspected_duplicates', 'timeline', 'omitted', 'equipment', 'tasks', 'segments'}
    assert (card['equipment'], card['tasks']) == ([], [])
    assert {i['entity'] for i in card['timeline']} == {'account'}


def test_scenario_44(mkt, rep, new_user, viewer, number):
    """Marketing, sales and service write; everybody reads all of it at once, in order, with author and comment."""
    service = new_user('sales', name=f'Service {number}')
    account = rep.make('accounts', name=f'Joint history {number} {uuid.uuid4()}')
    person = rep.make('contacts', last_name='Person', account_id=account['id'])
    deal = rep.make('opportunities', name='Deal', account_id=account['id'], **OFFER)
    told = []
    for who, about, kind, subject, outcome, comment in (
            (mkt, {'account_id': account['id']}, 'email', 'Offer of the month', 'opened', None),
            (mkt, {'contact_id': person['id']}, 'call', 'First call', 'reached', 'Wants a demo'),
            (rep, {'opportunity_id': deal['id']}, 'demo', 'Demo', 'shown', 'Liked the crane'),
            (rep, {'account_id': account['id']}, 'meeting', 'At their site', None, 'With the director'),
            (service, {'account_id': account['id']}, 'call', 'It squeaks', 'reached', 'Oil ordered')):
        entry = who.make('activities', kind=kind, subject=subject, outcome=outcome, body=comment, **about)
        told.insert(0, (entry['id'], kind, subject, outcome, comment, who.user['id'], who.user['name']))
        for reader in (mkt, rep, service, viewer):  # what was written last is there for the next request
            items = reader.get(f'/v1/accounts/{account["id"]}/timeline').json()['items']
            seen = [(i['id'], i['data']['kind'], i['title'], i['data']['outcome'], i['body'], i['actor']['id'], i['actor']['name'])
                    for i in items if i['kind'] == 'activity']
            assert seen == told
            assert [moment(i['at']) for i in items] == sorted((moment(i['at']) for i in items), reverse=True)
        assert card_of(viewer, account)['timeline'][0]['id'] == entry['id']
