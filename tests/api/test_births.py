"""Births (E2, D8): whichever way a record is made, criteria, priority and the initial transition decide alike."""
import contextlib

import pytest

from helpers import born, everything, failures, problem, process_of, publish, retire

MATCHES = {'field': 'description', 'pattern': 'governed'}
LABELLED = {'key': 'labelled', 'kind': 'field_present', 'params': {'field': 'industry'}}
DEAL = {'lead': 'need', 'account': 'description', 'opportunity': 'description'}


def criterion(field, pattern):
    return [{'key': 'c', 'kind': 'matches', 'params': {'field': field, 'pattern': pattern}}]


@contextlib.contextmanager
def rivals(rows, entity, number, guards=(), actors=()):
    """Two processes of one entity: both want "both", each its own word; the one of higher priority has the guards."""
    low, high = f'low_{entity}_{number}', f'high_{entity}_{number}'
    publish(rows, entity, low, 50, criterion(DEAL[entity], 'low|both'))
    publish(rows, entity, high, 60, criterion(DEAL[entity], 'high|both'), born(guards, actors))
    try:
        yield low, high
    finally:
        retire(rows, low, high)


@pytest.fixture
def form(admin, number):
    return admin.make('intake-forms', form=f'birth_{number}', name=f'Births {number}', source='fair', campaign='spring',
                      fields=['last_name', 'email', 'need', 'industry', 'tax_id'])


def send(client, form, **members):
    return client.post(f'/v1/intake/{form["form"]}', params={'key': form['key']}, json={'last_name': 'Born', **members})


def kept(admin, submission_id):
    return admin.read('intake-submissions', submission_id)


def convert(client, lead, **body):
    return client.post(f'/v1/leads/{lead["id"]}/conversion', json=body)


# intake

def test_a_form_makes_leads_of_the_process_whose_criteria_hold(rows, anonymous, mkt, form, number):
    with rivals(rows, 'lead', number) as (low, high):
        made = {word: send(anonymous, form, need=word).json() for word in ('low', 'high', 'both', 'other')}
    assert {w: process_of(mkt, 'leads', m['id']) for w, m in made.items()} == {
        'low': low, 'high': high, 'both': high, 'other': 'lead_default'}
    assert {w: m['status'] for w, m in made.items()} == {'low': 'new', 'high': 'new', 'both': 'new', 'other': 'open'}
    after = send(anonymous, form, need='both').json()
    assert process_of(mkt, 'leads', after['id']) == 'lead_default', 'what was retired governs nothing new'


def test_criteria_see_what_the_form_stamps(rows, anonymous, mkt, form, number):
    key = f'fair_{number}'
    publish(rows, 'lead', key, 70, [
        {'key': 'fair', 'kind': 'field_compare', 'params': {'field': 'source', 'value': 'fair'}},
        {'key': 'utm', 'kind': 'field_compare', 'params': {'field': 'utm.medium', 'value': 'cpc'}}])
    try:
        assert process_of(mkt, 'leads', send(anonymous, form, utm_medium='cpc').json()['id']) == key
        assert process_of(mkt, 'leads', send(anonymous, form, utm_medium='mail').json()['id']) == 'lead_default'
    finally:
        retire(rows, key)


def test_a_submission_whose_lead_may_not_be_born_is_kept(rows, anonymous, admin, form, number):
    """The sender is told what to mend; what the form does not take has no pointer."""
    phoned = {'key': 'phoned', 'kind': 'field_present', 'params': {'field': 'phone'}}
    with rivals(rows, 'lead', number, [LABELLED, phoned]):
        before = everything(rows)
        answer = send(anonymous, form, need='both')
        told = failures(answer)
        assert {k: f['pointer'] for k, f in told.items()} == {'labelled': '/industry', 'phoned': None}
        body = answer.json()
        assert body['outcome'] == 'refused'
        log = kept(admin, body['submission_id'])
        assert (log['outcome'], log['lead_id'], log['faults']) == ('refused', None, body['failures'])
        after = everything(rows)
        assert {k for k in after if after[k] != before[k]} == {'intake_submission'}


def test_the_same_key_after_a_refusal(rows, anonymous, mkt, form, number):
    """A refused birth does not take the Idempotency-Key: the mended form may be sent with it."""
    with rivals(rows, 'lead', number, [LABELLED]) as (_, high):
        key = {'Idempotency-Key': f'birth-{number}'}
        path, query = f'/v1/intake/{form["form"]}', {'key': form['key']}
        failures(anonymous.post(path, params=query, json={'last_name': 'B', 'need': 'both'}, headers=key))
        made = [anonymous.post(path, params=query, json={'last_name': 'B', 'need': 'both', 'industry': 'it'}, headers=key)
                for _ in range(2)]
    assert [m.status_code for m in made] == [201, 201] and made[0].json() == made[1].json()
    assert process_of(mkt, 'leads', made[0].json()['id']) == high


def test_a_form_is_no_actor_of_a_role(rows, anonymous, admin, form, number):
    """Nothing that its sender could mend: held."""
    with rivals(rows, 'lead', number, actors=[{'kind': 'role', 'value': 'manager'}]):
        answer = send(anonymous, form, need='high')
        assert answer.status_code == 202, answer.text
        body = answer.json()
        assert (body['outcome'], body['id'], body['status']) == ('held', None, None)
        log = kept(admin, body['submission_id'])
        assert (log['outcome'], [f['code'] for f in log['faults']]) == ('held', ['not_transition_owner'])


# conversion

def test_what_a_lead_becomes_goes_to_the_process_whose_criteria_hold(rows, mkt, rep, qualified, number):
    with rivals(rows, 'account', number) as accounts, rivals(rows, 'opportunity', number) as deals:
        for word, of_account, of_deal in (('low', *(r[0] for r in (accounts, deals))), ('both', *(r[1] for r in (accounts, deals))),
                                          ('other', 'account_verification', 'sales_pipeline')):
            lead = qualified(need=word, budget_confirmed=True, company=f'{word} {number}')
            made = convert(mkt, lead, account={'create': {'description': word}}, opportunity={'name': 'Deal'})
            assert made.status_code == 200, made.text
            account, deal = made.json()['account']['id'], made.json()['opportunity']['id']
            assert process_of(rep, 'accounts', account) == of_account
            assert process_of(rep, 'opportunities', deal) == of_deal, 'the need of the lead is its description'


def test_a_conversion_whose_records_may_not_be_born_makes_nothing(rows, mkt, qualified, number):
    dated = {'key': 'dated', 'kind': 'field_present', 'params': {'field': 'close_date'}}
    with rivals(rows, 'account', number, [LABELLED]), rivals(rows, 'opportunity', number, [dated]):
        lead = qualified(need='both', budget_confirmed=True, industry=None)
        rows('update sluice.lead set industry = null where id = %s', lead['id'])
        before = everything(rows)
        body = {'account': {'create': {'description': 'high'}}, 'opportunity': {'name': 'Deal'}}
        refused = convert(mkt, lead, **body)
        assert {k: f['pointer'] for k, f in failures(refused).items()} == {
            'labelled': '/account/create/industry', 'dated': '/opportunity/close_date'}
        assert refused.json()['current']['state'] == 'qualified'
        after = everything(rows)
        assert {k for k in after if after[k] != before[k]} <= {'audit', 'sequence_at'}
        denied = mkt.history('leads', lead['id'])[0]
        assert (denied['action'], denied['detail']['code']) == ('denied', 'guard_failed')
        body['account']['create']['industry'], body['opportunity']['close_date'] = 'it', '2027-03-31'
        assert convert(mkt, lead, **body).status_code == 200


def test_the_preview_says_what_converting_will(rows, mkt, qualified, number):
    publish(rows, 'account', f'picky_{number}', 60, criterion('name', f'Picky {number}'),
            born([{'key': 'taxed', 'kind': 'field_present', 'params': {'field': 'tax_id'}}]))
    publish(rows, 'opportunity', f'closed_{number}', 60, criterion('name', f'Picky {number}'),
            born(actors=[{'kind': 'role', 'value': 'manager'}]))
    fine = {'available': True, 'actor_allowed': True, 'failures': []}
    try:
        lead = qualified(company=f'Picky {number}', need='x', budget_confirmed=True)
        births = mkt.get(f'/v1/leads/{lead["id"]}/conversion').json()['births']
        (missing,) = births['account'].pop('failures')
        assert births == {'account': {'available': False, 'actor_allowed': True},
                          'opportunity': {'available': False, 'actor_allowed': False, 'failures': []}}
        assert failures(convert(mkt, lead)) == {'taxed': missing}
        assert missing['pointer'] == '/account/create/tax_id'
        problem(convert(mkt, lead, account={'create': {'tax_id': '1'}}, opportunity={'name': f'Picky {number}'}), 403, 'not_transition_owner')
        assert convert(mkt, lead, account={'create': {'tax_id': '1'}}).status_code == 200
        other = qualified(company=f'Easy {number}')
        assert mkt.get(f'/v1/leads/{other["id"]}/conversion').json()['births'] == {'account': fine, 'opportunity': fine}
        again = qualified(company=f'Picky {number}')
        assert mkt.get(f'/v1/leads/{again["id"]}/conversion').json()['births']['account'] is None, 'it would be linked'
    finally:
        retire(rows, f'picky_{number}', f'closed_{number}')


def test_an_opportunity_sees_the_account_that_is_made_with_it(rows, mkt, rep, qualified, number):
    """Its criteria ask for the state that the new account will have."""
    sees = f'sees_{number}'
    publish(rows, 'opportunity', sees, 60, [
        {'key': 'state', 'kind': 'related_field', 'params': {'field': 'account.verification', 'value': 'new'}},
        {'key': 'name', 'kind': 'related_field', 'params': {'field': 'account.name', 'value': f'High {number}'}},
        {'key': 'person', 'kind': 'field_present', 'params': {'field': 'contact_id'}}])
    try:
        with rivals(rows, 'account', number):
            lead = qualified(need='x', budget_confirmed=True, company=f'High {number}')
            made = convert(mkt, lead, account={'create': {'description': 'high'}}, opportunity={'name': 'Deal'}).json()
            assert process_of(rep, 'opportunities', made['opportunity']['id']) == sees
            lead = qualified(need='x', budget_confirmed=True, company=f'Other {number}')
            made = convert(mkt, lead, account={'create': {'description': 'high'}}, opportunity={'name': 'Deal'}).json()
            assert process_of(rep, 'opportunities', made['opportunity']['id']) == 'sales_pipeline'
    finally:
        retire(rows, sees)


def test_a_dry_conversion_is_judged_alike(rows, mkt, qualified, number):
    with rivals(rows, 'account', number, [LABELLED]):
        lead = qualified(company=f'Dry {number}')
        rows('update sluice.lead set industry = null where id = %s', lead['id'])
        before = everything(rows)
        dry = mkt.post(f'/v1/leads/{lead["id"]}/conversion', json={'account': {'create': {'description': 'both'}}},
                       headers={'Prefer': 'tx=rollback'})
        assert set(failures(dry)) == {'labelled'}
        assert everything(rows) == before


# both

def test_pointers_of_a_post(rows, rep, number):
    amount = {'key': 'amount', 'kind': 'field_compare', 'params': {'field': 'estimated_value.amount', 'op': 'gte', 'value': '5'}}
    either = {'key': 'either', 'op': 'any', 'guards': [LABELLED, amount]}
    with rivals(rows, 'lead', number, [either]):
        told = failures(rep.post('/v1/leads', json={'last_name': 'P', 'need': 'high'}))['either']
    assert [b['pointer'] for b in told['branches']] == ['/industry', '/estimated_value/amount']


def test_a_process_that_changes_meanwhile_is_asked_again(rows, rep, number):
    """Between the decision and the insert another version is published: no daemon remembers the old one."""
    with rivals(rows, 'account', number) as (low, high):
        rows("""create function public.retire_at_birth() returns trigger language plpgsql security definer as $$
                begin
                    if new.name = 'Meanwhile' and current_setting('sluice.chosen_account', true) <> '' then
                        perform set_config('sluice.chosen_account', gen_random_uuid()::text, true);
                    end if;
                    return new;
                end $$;
                create trigger a_first before insert on sluice.account for each row execute function public.retire_at_birth()""")
        try:
            problem(rep.post('/v1/accounts', json={'name': 'Meanwhile', 'description': 'both'}), 412, 'stale')
        finally:
            rows('drop trigger a_first on sluice.account; drop function public.retire_at_birth()')
        account = rep.make('accounts', name='Meanwhile', description='both')
        assert process_of(rep, 'accounts', account['id']) == high
        retire(rows, high)
        assert process_of(rep, 'accounts', rep.make('accounts', name='M', description='both')['id']) == low


def test_what_matches_no_process_is_free_however_it_was_made(rows, mkt, rep, anonymous, form, qualified, number):
    """All processes of the three kinds have criteria; what a form and a conversion make is free and usable."""
    lead = qualified(need='x', budget_confirmed=True, company=f'Free {number}')
    with contextlib.ExitStack() as stack:
        for entity in DEAL:
            stack.enter_context(rivals(rows, entity, number))
        shipped = rows("""update sluice.blueprint_version v set status = 'retired' from sluice.blueprint b
                           where b.id = v.blueprint_id and v.status = 'published'
                             and v.criteria = '[]' returning v.id""")  # others may have left theirs
        try:
            made = convert(mkt, lead, opportunity={'name': 'Free'}).json()
            sent = send(anonymous, form, need='x').json()
        finally:
            rows("update sluice.blueprint_version set status = 'published' where id = any(%s::uuid[])",
                 [row['id'] for row in shipped])
    assert (sent['outcome'], sent['status']) == ('created', None)
    for client, collection, record in ((rep, 'accounts', made['account']), (rep, 'opportunities', made['opportunity']), (mkt, 'leads', sent)):
        assert process_of(client, collection, record['id']) is None
        assert client.patch(f'/v1/{collection}/{record["id"]}', json={'description': 'lives'}).status_code == 200
