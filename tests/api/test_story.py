"""The main job, from a posted web form to a won deal with its audit trail: one story, told by one test each
for its parts and by one for the whole."""
import uuid

from helpers import moment, pages


def failures(answer, code='guard_failed', status=422):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body['code'] == code, body
    return {f['guard']: f for f in body.get('failures', [])}


def post_form(anonymous, daemon, **fields):
    form, key = daemon.intake['form'], daemon.intake['key']
    return anonymous.post(f'/v1/intake/{form}', params={'key': key}, data=fields)


def test_from_web_form_to_won_deal(daemon, anonymous, mkt, rep, verifier, rows, number):
    # 1. a landing page posts a lead
    answer = post_form(anonymous, daemon, first_name='Anna', last_name='Nowak', company=f'Acme {number}',
                       email=f'anna{number}@acme.example', utm_source='newsletter', utm_campaign='spring',
                       source='stolen', favourite_colour='green')
    assert answer.status_code == 201, answer.text
    posted = answer.json()
    assert posted['outcome'] == 'created' and posted['status'] == 'open' and posted['source'] == 'web'
    assert sorted(posted['ignored']) == ['favourite_colour', 'source']
    lead_id = posted['id']

    # 2. marketing sees it, and what each next step needs
    lead = mkt.read('leads', lead_id)
    assert (lead['status'], lead['source'], lead['utm']) == ('open', 'web', {'source': 'newsletter', 'campaign': 'spring'})
    assert lead['extra'] == {'favourite_colour': 'green', 'source': 'stolen'}
    listing = mkt.get(f'/v1/leads/{lead_id}/transitions').json()
    contacted = next(t for t in listing['items'] if t['key'] == 'contacted')
    assert contacted['to']['key'] == 'contacted' and contacted['available'] is False
    guard = contacted['guards'][0]
    assert (guard['guard'], guard['kind'], guard['passed']) == ('call_logged', 'related_count', False)
    assert [i['kind'] for i in contacted['inputs']] == ['activity']

    # 3. no call, a call without a subject, a call with one
    refused = failures(mkt.move('leads', lead_id, 'contacted'))
    assert refused['call_logged']['kind'] == 'related_count'
    assert refused['call_logged']['pointer'] == '/activities'
    refused = failures(mkt.move('leads', lead_id, 'contacted', activities=[{'kind': 'call'}]))
    assert refused['call_logged']['pointer'] == '/activities/0/subject'
    moved = mkt.moved('leads', lead_id, 'contacted', activities=[{'kind': 'call', 'subject': 'First call', 'outcome': 'reached'}])
    assert moved['status'] == 'contacted'
    calls = mkt.get('/v1/activities', params={'lead': lead_id}).json()['items']
    assert [(c['kind'], c['subject'], c['transition']) for c in calls] == [('call', 'First call', 'contacted')]

    # ... survey AND industry
    assert set(failures(mkt.move('leads', lead_id, 'qualified'))) == {'survey_sent', 'industry_filled'}
    assert set(failures(mkt.move('leads', lead_id, 'qualified', fields={'industry': 'logistics'}))) == {'survey_sent'}
    assert mkt.read('leads', lead_id)['industry'] is None
    moved = mkt.moved('leads', lead_id, 'qualified', fields={'industry': 'logistics'},
                      activities=[{'kind': 'survey', 'subject': 'Needs', 'outcome': 'sent'}])
    assert (moved['status'], moved['industry']) == ('qualified', 'logistics')

    # 5. conversion: the opportunity has stricter guards, and nothing happens when they do not hold
    before = rows('select (select count(*) from sluice.account) a, (select count(*) from sluice.opportunity) o')[0]
    answer = rep.post(f'/v1/leads/{lead_id}/conversion', json={'opportunity': {'name': 'Big deal'}})
    assert {f['path'] for f in failures(answer).values()} == {'budget_confirmed', 'need'}
    assert rows('select (select count(*) from sluice.account) a, (select count(*) from sluice.opportunity) o')[0] == before
    rep.patch(f'/v1/leads/{lead_id}', json={'budget_confirmed': True, 'need': 'Faster deliveries'})
    answer = rep.post(f'/v1/leads/{lead_id}/conversion', json={'opportunity': {'name': 'Big deal'}})
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert {k: made[k]['outcome'] for k in ('account', 'contact', 'opportunity')} == dict.fromkeys(
        ('account', 'contact', 'opportunity'), 'created')
    assert made['lead']['status'] == 'converted'
    account_id, deal_id = made['account']['id'], made['opportunity']['id']
    account = rep.read('accounts', account_id)
    assert (account['verification'], account['source'], account['lead_id']) == ('to_verify', 'web', lead_id)
    answer = rep.post(f'/v1/leads/{lead_id}/conversion', json={})
    assert answer.status_code == 409 and answer.json()['code'] == 'already_converted'
    assert answer.json()['current']['account_id'] == account_id

    # 7. the pipeline: nothing skipped, late requirements together
    deal = rep.read('opportunities', deal_id)
    assert (deal['stage'], deal['awaiting_verification'], deal['source']) == ('qualification', True, 'web')
    answer = rep.move('opportunities', deal_id, 'won')
    assert answer.status_code == 409 and answer.json()['code'] == 'no_such_transition'
    legal = {t['key'] for t in answer.json()['legal']}
    assert legal == {t['key'] for t in rep.get(f'/v1/opportunities/{deal_id}/transitions').json()['items']}
    rep.moved('opportunities', deal_id, 'first_meeting')
    refused = failures(rep.move('opportunities', deal_id, 'offer_sent'))
    assert {f['path'] for f in refused.values()} == {'amount', 'product_kind', 'delivery_date'}
    negative = {'amount': {'amount': '-5', 'currency': 'PLN'}, 'product_kind': 'crane', 'delivery_date': '2027-03-01'}
    assert rep.move('opportunities', deal_id, 'offer_sent', fields=negative).status_code == 422
    assert rep.read('opportunities', deal_id)['product_kind'] is None
    offer = dict(negative, amount={'amount': '10000', 'currency': 'PLN'})
    moved = rep.moved('opportunities', deal_id, 'offer_sent', fields=offer)
    assert (moved['stage'], moved['product_kind'], moved['delivery_date']) == ('offer_sent', 'crane', '2027-03-01')
    rep.moved('opportunities', deal_id, 'negotiation')

    # 6. an account that nobody checked closes nothing
    for transition, more in (('won', {}), ('lost', {'fields': {'lost_reason': 'price'}})):
        refused = failures(rep.move('opportunities', deal_id, transition, **more))
        assert len(refused) == 1
        (only,) = refused.values()
        assert (only['kind'], only['path'], only['observed'], only['expected']) == (
            'related_field', 'account.verification', 'to_verify', 'verified')
    assert rep.move('accounts', account_id, 'verify').status_code == 403
    answer = rep.patch(f'/v1/accounts/{account_id}', json={'verification': 'verified'})
    assert (answer.status_code, answer.json()['code']) == (422, 'governed_field')
    queue = pages(verifier, '/v1/accounts', verification='to_verify', sort='created_at')
    assert account_id in [a['id'] for a in queue]
    born = [moment(a['created_at']) for a in queue]
    assert born == sorted(born)
    assert verifier.moved('accounts', account_id, 'verify')['verification'] == 'verified'
    deal = rep.read('opportunities', deal_id)
    assert deal['awaiting_verification'] is False
    won = rep.moved('opportunities', deal_id, 'won')
    assert (won['stage'], won['stage_category']) == ('won', 'won') and won['closed_at']

    # 8. the story, from every side
    history = rep.history('opportunities', deal_id, limit=200)
    assert [h['seq'] for h in history] == sorted((h['seq'] for h in history), reverse=True)
    assert history[0]['action'] == 'transition' and history[0]['from_state'] == 'negotiation' and history[0]['to_state'] == 'won'
    assert history[0]['actor'] == {'kind': 'user', 'id': rep.user['id'], 'name': 'rep'}
    assert sum(h['action'] == 'denied' for h in history) == 5
    offer_entry = next(h for h in history if h['transition'] == 'offer_sent' and h['action'] == 'transition')
    assert offer_entry['changes']['product_kind'] == {'old': None, 'new': 'crane'}
    assert offer_entry['changes']['stage'] == {'old': 'first_meeting', 'new': 'offer_sent'}
    assert offer_entry['changes']['amount.currency'] == {'old': None, 'new': 'PLN'}
    timeline = rep.get(f'/v1/accounts/{account_id}/timeline', params={'limit': 200}).json()['items']
    at = [moment(i['at']) for i in timeline]
    assert at == sorted(at, reverse=True)
    titles = [(i['entity'], i['kind'], i['title']) for i in timeline]
    assert ('lead', 'transition', 'contacted') in titles
    assert ('opportunity', 'transition', 'won') in titles
    assert ('account', 'transition', 'verify') in titles
    assert any(kind == 'activity' and title == 'First call' for _, kind, title in titles)


def test_meeting_or_call(mkt, number):
    """Scenario 36: either satisfies; neither is one failure of kind group that lists both branches."""
    for evidence in ({'kind': 'meeting', 'subject': 'Fair'}, {'kind': 'call', 'subject': 'Back again'}):
        lead = mkt.make('leads', last_name=f'Group {number}')
        mkt.moved('leads', lead['id'], 'nurture', fields={'nurture_until': '2027-01-15'})
        refused = failures(mkt.move('leads', lead['id'], 're_engaged'))
        assert len(refused) == 1
        (group,) = refused.values()
        assert group['kind'] == 'group' and group['op'] == 'any' and len(group['branches']) == 2
        assert mkt.moved('leads', lead['id'], 're_engaged', activities=[evidence])['status'] == 'contacted'


def test_evidence_must_be_newer_than_the_state(mkt, number):
    """Scenario 38: the call of an earlier stay does not count."""
    lead = mkt.make('leads', last_name=f'Fresh {number}')
    mkt.moved('leads', lead['id'], 'contacted', activities=[{'kind': 'call', 'subject': 'Early'}])
    mkt.moved('leads', lead['id'], 'call_back', fields={'call_back_at': '2027-01-15T09:00:00Z'})
    assert set(failures(mkt.move('leads', lead['id'], 'contacted'))) == {'call_logged'}
    mkt.make('activities', kind='call', subject='Now', lead_id=lead['id'])
    assert mkt.moved('leads', lead['id'], 'contacted')['status'] == 'contacted'


def test_unqualified_wants_a_coded_reason(mkt, number):
    """Scenario 20: none, an unknown one, one of the three."""
    lead = mkt.make('leads', last_name=f'Reason {number}')
    refused = failures(mkt.move('leads', lead['id'], 'unqualified'))
    assert [f['pointer'] for f in refused.values()] == ['/fields/unqualified_reason']
    answer = mkt.move('leads', lead['id'], 'unqualified', fields={'unqualified_reason': 'mood'})
    assert answer.status_code == 422
    fault = answer.json()['errors'][0]
    assert fault['pointer'] == '/fields/unqualified_reason'
    assert sorted(fault['allowed']) == ['ability', 'authority', 'need']
    moved = mkt.moved('leads', lead['id'], 'unqualified', fields={'unqualified_reason': 'need', 'nurture_until': '2027-02-01'})
    assert (moved['status'], moved['unqualified_reason'], moved['nurture_until']) == ('unqualified', 'need', '2027-02-01')
    assert mkt.moved('leads', lead['id'], 'archived')['status'] == 'archived'


def test_rejected_account_may_be_lost_never_won(rep, verifier, number):
    """Scenario 12."""
    account = rep.make('accounts', name=f'Bogus {number}')
    deal = rep.make('opportunities', name='Doomed', account_id=account['id'])
    assert verifier.move('accounts', account['id'], 'reject').status_code == 422
    verifier.moved('accounts', account['id'], 'reject', fields={'rejection_reason': 'bogus'})
    rep.moved('opportunities', deal['id'], 'first_meeting')
    rep.moved('opportunities', deal['id'], 'offer_sent', fields={
        'amount': {'amount': '1', 'currency': 'PLN'}, 'product_kind': 'x', 'delivery_date': '2027-01-01'})
    rep.moved('opportunities', deal['id'], 'negotiation')
    assert set(failures(rep.move('opportunities', deal['id'], 'won'))) == {'account_verified'}
    lost = rep.moved('opportunities', deal['id'], 'lost', fields={'lost_reason': 'account_rejected'})
    assert (lost['stage'], lost['lost_reason']) == ('lost', 'account_rejected')


def test_unknown_ids_are_not_found(rep):
    for collection in ('leads', 'accounts', 'contacts', 'opportunities', 'activities', 'tasks'):
        answer = rep.get(f'/v1/{collection}/{uuid.uuid4()}')
        assert (answer.status_code, answer.json()['code']) == (404, 'not_found')
