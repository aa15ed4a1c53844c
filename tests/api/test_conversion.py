"""Conversion: guards, preview, create or link, the opportunity's stricter guards, once only (C1 to C8)."""
import uuid

import pytest

from helpers import CALL, UNKNOWN, everything, failures, fault, problem, qualify, together

COUNTED = ('account', 'contact', 'opportunity')


def convert(client, lead_id, body=None, **headers):
    return client.post(f'/v1/leads/{lead_id}/conversion', json=body or {}, headers=headers)


def converted(client, lead_id, body=None):
    answer = convert(client, lead_id, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def parts(made):
    return {k: made[k] and made[k]['outcome'] for k in COUNTED}


def counts(rows):
    return {k: v for k, v in everything(rows).items() if k in COUNTED}


def test_only_the_qualified(mkt, rows):
    """Scenario 17, first half: every state but one refuses, and nothing is made."""
    lead = mkt.make('leads', last_name='Early', company='Early')
    before = counts(rows)
    for step, more in ((None, {}), ('contacted', {'activities': [CALL]}), ('unqualified', {'fields': {'unqualified_reason': 'need'}}),
                       ('archived', {})):
        if step:
            mkt.moved('leads', lead['id'], step, **more)
        (only,) = failures(convert(mkt, lead['id'])).values()
        assert (only['path'], only['observed'], only['expected']) == ('status', step or 'open', ['qualified'])
    assert counts(rows) == before
    assert mkt.history('leads', lead['id'])[0]['action'] == 'denied'


def test_an_account_and_a_contact(mkt, rep, number):
    """Scenario 17, second half; C1, C5, A6."""
    lead = mkt.make('leads', first_name='Anna', last_name='Nowak', company=f'Nordwind {number}', email=f'a{number}@nw.example',
                    phone=f'60100{number}', job_title='Head', tax_id=f'99{number}', website=f'https://nw{number}.example',
                    street='Portowa 1', postcode='80-001', city='Gdańsk', country='PL', need='Boxes', source='webinar',
                    campaign='autumn', owner_id=rep.user['id'])
    qualify(mkt, lead['id'])
    answer = convert(mkt, lead['id'], {'note': 'Ready'})
    made = answer.json()
    assert parts(made) == {'account': 'created', 'contact': 'created', 'opportunity': None}
    assert (made['account']['name'], made['contact']['name']) == (f'Nordwind {number}', 'Anna Nowak')
    now = mkt.read('leads', lead['id'])
    assert made['lead'] == now and answer.headers['ETag'] == f'"{now["version"]}"'
    assert (now['status'], now['status_category'], now['account_id'], now['contact_id'], now['opportunity_id']) == (
        'converted', 'done', made['account']['id'], made['contact']['id'], None)
    assert now['converted_at'] == now['status_since']
    account, person = rep.read('accounts', made['account']['id']), rep.read('contacts', made['contact']['id'])
    assert {k: account[k] for k in ('name', 'tax_id', 'website', 'industry', 'street', 'postcode', 'city', 'country', 'source',
                                    'campaign', 'owner_id', 'verification')} == {
        'name': f'Nordwind {number}', 'tax_id': f'99{number}', 'website': f'https://nw{number}.example', 'industry': 'logistics',
        'street': 'Portowa 1', 'postcode': '80-001', 'city': 'Gdańsk', 'country': 'PL', 'source': 'webinar',
        'campaign': 'autumn', 'owner_id': rep.user['id'], 'verification': 'to_verify'}
    assert {k: person[k] for k in ('first_name', 'last_name', 'email', 'phone', 'job_title', 'source', 'account_id')} == {
        'first_name': 'Anna', 'last_name': 'Nowak', 'email': f'a{number}@nw.example', 'phone': f'60100{number}',
        'job_title': 'Head', 'source': 'webinar', 'account_id': account['id']}
    assert account['lead_id'] == person['lead_id'] == lead['id']
    entry = mkt.history('leads', lead['id'])[0]
    assert (entry['transition'], entry['to_state'], entry['operation'], entry['detail']['note']) == (
        'converted', 'converted', 'lead_convert', 'Ready')


def test_tags_go_along(mkt, rep, number):
    """C6: what is made has the lead's tags, what is linked takes them if it has none; the lead keeps its own."""
    def lead(tags, company):
        made = mkt.make('leads', last_name='Nowak', company=company, tags=tags, budget_confirmed=True, need='Boxes')
        qualify(mkt, made['id'])
        return made['id']
    made = converted(mkt, lead(['fair', 'vip'], f'Tags {number}'), {'opportunity': {'name': 'Boxes'}})
    account, deal = rep.read('accounts', made['account']['id']), rep.read('opportunities', made['opportunity']['id'])
    assert (account['tags'], deal['tags'], made['lead']['tags']) == (['fair', 'vip'],) * 3
    kept = converted(mkt, lead(['other'], f'Tags {number}'), {'account': {'id': account['id']}})
    assert kept['account']['outcome'] == 'linked' and rep.read('accounts', account['id'])['tags'] == ['fair', 'vip']
    bare = rep.make('accounts', name=f'Bare {number}')
    converted(mkt, lead(['first'], f'Bare {number}'), {'account': {'id': bare['id']}})
    assert rep.read('accounts', bare['id'])['tags'] == ['first']
    none = converted(mkt, lead([], f'None {number}'))
    assert rep.read('accounts', none['account']['id'])['tags'] == []


def test_lineage_can_be_asked_for(mkt, rep, qualified):
    """C8: what a lead became, by the lists of what it became."""
    first, second = (converted(mkt, qualified(company=f'Line {n} {uuid.uuid4().hex}', budget_confirmed=True, need='Boxes')['id'],
                               {'opportunity': {'name': 'Boxes'}}) for n in (1, 2))
    for one, plural in (('account', 'accounts'), ('contact', 'contacts'), ('opportunity', 'opportunities')):
        for made in (first, second):
            items = rep.get(f'/v1/{plural}', params={'lead': made['lead']['id']}).json()['items']
            assert [(i['id'], i['lead_id']) for i in items] == [(made[one]['id'], made['lead']['id'])]


def test_one_transaction(mkt, rows, qualified):
    mine = str(uuid.uuid4())
    assert convert(mkt, qualified(budget_confirmed=True, need='x')['id'], {'opportunity': {'name': 'Deal'}},
                   **{'Request-Id': mine}).status_code == 200
    written = rows('select entity, action, at from sluice.audit where request_id = %s', mine)
    assert {('account', 'create'), ('contact', 'create'), ('opportunity', 'create'), ('lead', 'transition')} <= {
        (w['entity'], w['action']) for w in written}
    assert len({w['at'] for w in written}) == 1  # the clock of a transaction stands still


def test_the_opportunity_has_stricter_criteria(mkt, rep, rows, qualified):
    """Scenario 18, C7."""
    lead = qualified()
    before = counts(rows)
    refused = failures(convert(mkt, lead['id'], {'opportunity': {'name': 'Deal'}}))
    assert {f['path']: (f['kind'], f['observed']) for f in refused.values()} == {
        'budget_confirmed': ('field_compare', None), 'need': ('field_present', None)}
    assert counts(rows) == before
    assert mkt.read('leads', lead['id'])['version'] == lead['version']
    assert parts(converted(mkt, lead['id'])) == {'account': 'created', 'contact': 'created', 'opportunity': None}
    lead = qualified(budget_confirmed=True, need='Boxes', estimated_value={'amount': '77', 'currency': 'EUR'}, source='fair',
                     company='With an opportunity', last_name='Opp')
    made = converted(mkt, lead['id'], {'opportunity': {'name': 'Deal', 'close_date': '2027-03-31', 'product_kind': 'crane'}})
    assert parts(made) == dict.fromkeys(COUNTED, 'created')
    deal = rep.read('opportunities', made['opportunity']['id'])
    assert {k: deal[k] for k in ('name', 'stage', 'amount', 'close_date', 'product_kind', 'source', 'lead_id', 'account_id',
                                 'contact_id', 'awaiting_verification', 'description')} == {
        'name': 'Deal', 'stage': 'qualification', 'amount': {'amount': '77', 'currency': 'EUR'}, 'close_date': '2027-03-31',
        'product_kind': 'crane', 'source': 'fair', 'lead_id': lead['id'], 'account_id': made['account']['id'],
        'contact_id': made['contact']['id'], 'awaiting_verification': True, 'description': 'Boxes'}
    assert mkt.history('leads', lead['id'])[0]['transition'] == 'converted_with_opportunity'


def test_converting_twice(mkt, rep, rows, qualified):
    """Scenario 19, C8."""
    lead = qualified()
    key = {'Idempotency-Key': str(uuid.uuid4())}
    first = convert(mkt, lead['id'], {}, **key)
    before = everything(rows)
    again = convert(mkt, lead['id'], {}, **key)
    assert (again.status_code, again.content, again.headers['Idempotent-Replayed']) == (200, first.content, 'true')
    assert everything(rows) == before
    for body, headers in (({}, {}), ({}, {'Idempotency-Key': str(uuid.uuid4())}), ({'opportunity': {'name': 'X'}}, {})):
        body = problem(convert(rep, lead['id'], body, **headers), 409, 'already_converted')
        assert body['current'] == {
            'state': 'converted', 'version': first.json()['lead']['version'], 'account_id': first.json()['account']['id'],
            'contact_id': first.json()['contact']['id'], 'opportunity_id': None}
    assert {k: v for k, v in counts(rows).items()} == {k: before[k] for k in COUNTED}


def test_two_at_once(mkt, rep, rows, qualified):
    for i in range(8):
        lead = qualified(company=f'Race {i} {uuid.uuid4()}', last_name=f'Race{i}')
        before = counts(rows)
        answers = together(lambda: convert(mkt, lead['id']), lambda: convert(rep, lead['id']))
        assert sorted(a.status_code for a in answers) == [200, 409], [a.text for a in answers]
        lost = next(a for a in answers if a.status_code == 409)
        won = next(a for a in answers if a.status_code == 200)
        assert problem(lost, 409, 'already_converted')['current']['account_id'] == won.json()['account']['id']
        assert counts(rows) == {**before, 'account': before['account'] + 1, 'contact': before['contact'] + 1}


def test_handover_to_a_chosen_owner(mkt, rep2, qualified, number):
    """Scenario 43a."""
    lead = qualified(company=f'Unknown {number}', last_name=f'Chosen{number}', budget_confirmed=True, need='x')
    chosen = {'owner_id': rep2.user['id']}
    made = converted(mkt, lead['id'], {'account': {'create': chosen}, 'opportunity': {'name': 'Deal', **chosen}})
    assert rep2.read('accounts', made['account']['id'])['owner_id'] == rep2.user['id']
    deal = rep2.read('opportunities', made['opportunity']['id'])
    assert (deal['owner_id'], deal['account_id']) == (rep2.user['id'], made['account']['id'])


def test_handover_to_an_existing_account(mkt, rep, qualified, number):
    """Scenario 43b, C3, C4: the one that matches is linked; empty fields are filled, none is overwritten."""
    account = rep.make('accounts', name=f'Known {number}', city='Łódź')
    lead = qualified(company=f'KNOWN {number}', city='Gdańsk', street='Portowa 1', last_name=f'Handover{number}')
    made = converted(mkt, lead['id'])
    assert (made['account']['id'], made['account']['outcome'], made['account']['name']) == (
        account['id'], 'linked', f'Known {number}')
    assert made['conflicts'] == [{'entity': 'account', 'field': 'city', 'lead': 'Gdańsk', 'existing': 'Łódź'}]
    now = rep.read('accounts', account['id'])
    assert (now['city'], now['street'], now['industry'], now['lead_id']) == ('Łódź', 'Portowa 1', 'logistics', lead['id'])
    person = rep.read('contacts', made['contact']['id'])
    assert (made['contact']['outcome'], person['account_id']) == ('created', account['id'])


@pytest.mark.parametrize('theirs, ours, score', [
    ({'tax_id': 'PL 525{n}00'}, {'tax_id': '525-{n}-00'}, 1),
    ({'name': 'Same Name {n}'}, {'company': ' same name {n} '}, 1),
    ({'website': 'https://www.domain{n}.example/pl'}, {'email': 'x@domain{n}.example'}, 0.8)])
def test_what_matches(mkt, rep, qualified, number, theirs, ours, score):
    """A key links; a domain is a hint only."""
    def text(members):
        return {k: v.format(n=number + 10000) for k, v in members.items()}

    account = rep.make('accounts', **{'name': f'Match {number}', **text(theirs)})
    lead = qualified(**{'company': f'Something else {number}', 'last_name': f'Match{number}', **text(ours)})
    preview = mkt.get(f'/v1/leads/{lead["id"]}/conversion').json()
    assert [(c['entity'], c['id'], c['score']) for c in preview['candidates']] == [('account', account['id'], score)]
    made = converted(mkt, lead['id'])
    assert (made['account']['outcome'], made['account']['id'] == account['id']) == (
        ('linked', True) if score == 1 else ('created', False))


def test_two_candidates_are_not_guessed_among(mkt, rep, rows, qualified, number):
    """Scenario 43c."""
    name = f'Twin {number}'
    twins = {rep.make('accounts', name=name)['id'] for _ in range(2)}
    lead = qualified(company=name, last_name=f'Twin{number}')
    before = counts(rows)
    body = problem(convert(mkt, lead['id']), 409, 'ambiguous_match')
    assert {m['id'] for m in body['matches'] if m['entity'] == 'account'} == twins
    assert all(m['fields'] == ['name'] and m['score'] == 1 for m in body['matches'])
    assert counts(rows) == before and mkt.read('leads', lead['id'])['status'] == 'qualified'
    assert mkt.history('leads', lead['id'])[0]['detail']['code'] == 'ambiguous_match'
    chosen = sorted(twins)[0]
    made = converted(mkt, lead['id'], {'account': {'id': chosen}})
    assert (made['account']['id'], made['account']['outcome']) == (chosen, 'linked')


def test_a_new_one_on_request(mkt, rep, qualified, number):
    name = f'Again {number}'
    known = rep.make('accounts', name=name)
    lead = qualified(company=name, last_name=f'Again{number}', city='Hel')
    made = converted(mkt, lead['id'], {
        'account': {'create': {'name': f'{name} South', 'owner_id': rep.user['id']}},
        'contact': {'create': {'role': 'buyer', 'first_name': 'Jan'}}})
    account, person = rep.read('accounts', made['account']['id']), rep.read('contacts', made['contact']['id'])
    assert account['id'] != known['id']
    assert (account['name'], account['city'], account['owner_id']) == (f'{name} South', 'Hel', rep.user['id'])
    assert (person['first_name'], person['last_name'], person['role']) == ('Jan', f'Again{number}', 'buyer')


def test_a_known_person_is_linked(mkt, rep, qualified, number):
    known = rep.make('contacts', last_name='Known', email=f'known{number}@nw.example')
    lead = qualified(email=f'KNOWN{number}@nw.example', company=f'Known person {number}', phone='58 1')
    made = converted(mkt, lead['id'])
    assert (made['contact']['id'], made['contact']['outcome']) == (known['id'], 'linked')
    now = rep.read('contacts', known['id'])
    assert (now['account_id'], now['phone'], now['last_name']) == (made['account']['id'], '58 1', 'Known')


def test_references_that_are_not_there(mkt, manager, rep, rows, qualified, number):
    lead = qualified(company=f'Nowhere {number}', last_name=f'Nowhere{number}')
    gone = rep.make('accounts', name='Gone')
    assert manager.delete(f'/v1/accounts/{gone["id"]}').status_code == 204
    before = counts(rows)
    for body, pointer in (({'account': {'id': UNKNOWN}}, '/account/id'), ({'account': {'id': gone['id']}}, '/account/id'),
                          ({'contact': {'id': UNKNOWN}}, '/contact/id'),
                          ({'account': {'create': {'owner_id': UNKNOWN}}}, '/account/create/owner_id'),
                          ({'contact': {'create': {'owner_id': UNKNOWN}}}, '/contact/create/owner_id')):
        fault(convert(mkt, lead['id'], body), 422, 'unknown_reference', pointer, 'reference')
    rep.make('accounts', name='Taken', external_id=f'taken-{number}')
    before['account'] += 1
    fault(convert(mkt, lead['id'], {'account': {'create': {'external_id': f'taken-{number}'}}}), 409, 'conflict',
          '/account/create/external_id', 'unique')
    fault(convert(mkt, lead['id'], {'account': {'create': {'name': ' '}}}), 422, 'validation_failed',
          '/account/create/name', 'invalid')
    assert counts(rows) == before
    assert mkt.read('leads', lead['id'])['status'] == 'qualified'


def test_a_person_without_a_company(mkt, rep, qualified, number):
    made = converted(mkt, qualified(company=None, first_name='Ewa', last_name=f'Alone{number}')['id'])
    assert (made['account']['name'], made['contact']['name']) == (f'Ewa Alone{number}', f'Ewa Alone{number}')
    company = mkt.make('leads', company=f'Faceless {number}')
    qualify(mkt, company['id'])
    assert parts(converted(mkt, company['id'])) == {'account': 'created', 'contact': None, 'opportunity': None}


def test_preview(mkt, rep, qualified, number):
    """C2."""
    lead = qualified(company=f'Preview {number}', first_name='Anna', last_name=f'Preview{number}', email=f'p{number}@pv.example')
    account = rep.make('accounts', name=f'Preview {number}')
    answer = mkt.get(f'/v1/leads/{lead["id"]}/conversion')
    preview = answer.json()
    assert (preview['version'], answer.headers['ETag']) == (lead['version'], f'"{lead["version"]}"')
    assert [(t['key'], t['kind'], t['available']) for t in preview['transitions']] == [
        ('converted', 'convert', True), ('converted_with_opportunity', 'convert_open', False)]
    assert preview['candidates'] == [{'entity': 'account', 'id': account['id'], 'name': f'Preview {number}', 'rule': 'name',
                                      'score': 1, 'fields': ['name']}]
    assert preview['mapped'] == {
        'account': {'name': f'Preview {number}', 'industry': 'logistics'},
        'contact': {'first_name': 'Anna', 'last_name': f'Preview{number}', 'email': f'p{number}@pv.example'},
        'opportunity': {}}
    assert preview['conflicts'] == []
    fresh = mkt.make('leads', last_name='Fresh')
    preview = mkt.get(f'/v1/leads/{fresh["id"]}/conversion').json()
    assert preview['transitions'] == [] and preview['mapped']['account'] == {'name': 'Fresh'}


def test_dry_conversion_equals_reality(mkt, rows, qualified, number):
    lead = qualified(company=f'Dry {number}', last_name=f'Dry{number}', budget_confirmed=True, need='x')
    body, before = {'opportunity': {'name': 'Deal'}}, everything(rows)
    dry = convert(mkt, lead['id'], body, Prefer='tx=rollback')
    assert (dry.status_code, dry.headers['Preference-Applied']) == (200, 'tx=rollback')
    assert everything(rows) == before
    real = converted(mkt, lead['id'], body)
    assert parts(dry.json()) == parts(real)
    assert {k: dry.json()[k]['name'] for k in COUNTED} == {k: real[k]['name'] for k in COUNTED}
    assert dry.json()['lead']['version'] == real['lead']['version']


def test_a_minimal_answer(mkt, qualified, number):
    answer = convert(mkt, qualified(company=f'Min {number}', last_name=f'Min{number}')['id'], Prefer='return=minimal')
    assert (answer.status_code, answer.content, answer.headers['Preference-Applied']) == (204, b'', 'return=minimal')
    assert answer.headers['ETag']


def test_a_stale_conversion(mkt, qualified, number):
    lead = qualified(company=f'Stale {number}', last_name=f'Stale{number}')
    body = problem(convert(mkt, lead['id'], **{'If-Match': '"1"'}), 412, 'stale')
    assert body['current'] == {'state': 'qualified', 'version': lead['version']}
    assert convert(mkt, lead['id'], **{'If-Match': f'"{lead["version"]}"'}).status_code == 200


def test_one_history(mkt, rep, rows, qualified, number):
    """C6: the lead's activities and tasks are shared by reference, and the account's story has them."""
    lead = qualified(company=f'Story {number}', last_name=f'Story{number}', budget_confirmed=True, need='x')
    task = mkt.make('tasks', subject='Left to do', lead_id=lead['id'])
    before = everything(rows)
    made = converted(rep, lead['id'], {'opportunity': {'name': 'Deal'}})
    after = everything(rows)
    assert (after['activity'], after['task']) == (before['activity'], before['task'])
    for collection, name in (('accounts', 'account'), ('contacts', 'contact'), ('opportunities', 'opportunity')):
        found = rep.get('/v1/activities', params={name: made[name]['id']}).json()['items']
        assert sorted(a['kind'] for a in found) == ['call', 'survey']
        assert [t['id'] for t in rep.get('/v1/tasks', params={name: made[name]['id']}).json()['items']] == [task['id']]
    story = rep.get(f'/v1/accounts/{made["account"]["id"]}/timeline', params={'limit': 200}).json()['items']
    told = [(i['entity'], i['kind'], i['title']) for i in story]
    assert {('lead', 'transition', 'contacted'), ('lead', 'transition', 'qualified'),
            ('lead', 'transition', 'converted_with_opportunity'), ('account', 'created', None)} <= set(told)
    assert sum(kind == 'activity' for _, kind, _ in told) == 2 and sum(kind == 'task' for _, kind, _ in told) == 1


# the mapping

@pytest.fixture
def mapped(admin, rows):
    """Makes mappings for a test, and puts back what was."""
    was = rows('select * from sluice.conversion_mapping')

    def make(**row):
        known = [m for m in admin.get('/v1/conversion-mappings', params={'entity': row['entity'], 'limit': 100}).json()['items']
                 if m['field'] == row['field']]
        if known:
            answer = admin.patch(f'/v1/conversion-mappings/{known[0]["id"]}', json={k: v for k, v in row.items() if k != 'entity'})
            assert answer.status_code == 200, answer.text
            return answer.json()
        return admin.make('conversion-mappings', **row)

    yield make
    rows('delete from sluice.conversion_mapping')
    for m in was:
        rows('insert into sluice.conversion_mapping (id, entity, field, lead_field, mode) values (%s, %s, %s, %s, %s)',
             str(m['id']), m['entity'], m['field'], m['lead_field'], m['mode'])


def test_the_mapping_that_is_shipped(admin):
    items = admin.get('/v1/conversion-mappings', params={'limit': 100}).json()['items']
    assert {(m['entity'], m['field'], m['lead_field'], m['mode']) for m in items} == {
        *(('account', f, f, 'fill') for f in ('tax_id', 'website', 'industry', 'street', 'postcode', 'city', 'country')),
        ('account', 'name', 'company', 'fill'), ('opportunity', 'description', 'need', 'fill'),
        ('opportunity', 'amount', 'estimated_value', 'fill'),
        *(('contact', f, f, 'fill') for f in ('first_name', 'last_name', 'email', 'phone', 'job_title'))}
    assert {m['field'] for m in admin.get('/v1/conversion-mappings', params={'entity': 'opportunity'}).json()['items']} == {
        'description', 'amount'}


def test_mapping_by_rows(mkt, rep, qualified, mapped, number):
    """C4: rows decide what is filled, what is overwritten, and what is a conflict; the preview says the same before."""
    mapped(entity='account', field='email', lead_field='email')
    mapped(entity='account', field='description', lead_field='need')
    mapped(entity='account', field='city', lead_field='city', mode='overwrite')
    account = rep.make('accounts', name=f'Rows {number}', city='Łódź', country='DE', phone='+48 58 1')
    lead = qualified(company=f'Rows {number}', city='Gdańsk', country='PL', email=f'r{number}@rows.example', need='Boxes',
                     last_name=f'Rows{number}')
    preview = mkt.get(f'/v1/leads/{lead["id"]}/conversion').json()
    conflict = [{'entity': 'account', 'field': 'country', 'lead': 'PL', 'existing': 'DE'}]
    assert preview['conflicts'] == conflict
    assert preview['mapped'] == {
        'account': {'name': f'Rows {number}', 'city': 'Gdańsk', 'country': 'PL', 'email': f'r{number}@rows.example',
                    'description': 'Boxes', 'industry': 'logistics'},
        'contact': {'last_name': f'Rows{number}', 'email': f'r{number}@rows.example'}, 'opportunity': {'description': 'Boxes'}}
    made = converted(mkt, lead['id'])
    assert (made['account']['id'], made['account']['outcome'], made['conflicts']) == (account['id'], 'linked', conflict)
    now = rep.read('accounts', account['id'])
    assert {k: now[k] for k in ('name', 'city', 'country', 'email', 'phone', 'description')} == {
        'name': f'Rows {number}', 'city': 'Gdańsk', 'country': 'DE', 'email': f'r{number}@rows.example', 'phone': '+48 58 1',
        'description': 'Boxes'}


def test_a_mapping_that_is_taken_away(admin, mkt, rep, qualified, mapped, number):
    row = mapped(entity='account', field='industry', lead_field='job_title')
    lead = qualified(company=f'Less {number}', job_title='Head', last_name=f'Less{number}', estimated_value={
        'amount': '10', 'currency': 'PLN'}, budget_confirmed=True, need='x')
    assert mkt.get(f'/v1/leads/{lead["id"]}/conversion').json()['mapped']['account'] == {
        'name': f'Less {number}', 'industry': 'Head'}
    assert admin.delete(f'/v1/conversion-mappings/{row["id"]}').status_code == 204
    made = converted(mkt, lead['id'], {'opportunity': {'name': 'Deal'}})
    assert rep.read('accounts', made['account']['id'])['industry'] is None
    deal = rep.read('opportunities', made['opportunity']['id'])
    assert (deal['amount'], deal['description']) == ({'amount': '10', 'currency': 'PLN'}, 'x')


@pytest.mark.parametrize('row, pointer', [
    ({'entity': 'account', 'field': 'verification', 'lead_field': 'city'}, '/field'),
    ({'entity': 'contact', 'field': 'owner_id', 'lead_field': 'city'}, '/field'),
    ({'entity': 'account', 'field': 'email', 'lead_field': 'status'}, '/lead_field'),
    ({'entity': 'account', 'field': 'email', 'lead_field': 'phone'}, '/lead_field'),
    ({'entity': 'account', 'field': 'description', 'lead_field': 'estimated_value'}, '/lead_field'),
    ({'entity': 'opportunity', 'field': 'amount', 'lead_field': 'need'}, '/lead_field')])
def test_a_mapping_names_fields_that_fit(admin, rows, row, pointer):
    before = rows('select count(*) as n from sluice.conversion_mapping')
    found = problem(admin.post('/v1/conversion-mappings', json=row), 422, 'validation_failed')
    assert [e['pointer'] for e in found['errors']] == [pointer]
    assert rows('select count(*) as n from sluice.conversion_mapping') == before


def test_one_mapping_for_a_field(admin, rep):
    fault(admin.post('/v1/conversion-mappings', json={'entity': 'account', 'field': 'name', 'lead_field': 'last_name'}), 409,
          'conflict', '/field', 'unique')
    problem(rep.get('/v1/conversion-mappings'), 403, 'forbidden')
