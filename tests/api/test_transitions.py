"""Transitions: the listing, refusals, dry runs that equal reality, races, actors, and guards of a test's own."""
import itertools
import uuid

import pytest

from helpers import (CALL, OFFER, PLURAL, SURVEY, UNKNOWN, blueprint, contact, deal_in, everything, failures, fault,
                     problem, qualify, together)


def option(client, entity, record_id, key, **headers):
    listing = client.get(f'/v1/{PLURAL[entity]}/{record_id}/transitions', headers=headers).json()
    return next(t for t in listing['items'] if t['key'] == key)


def test_the_listing_says_all_there_is(mkt):
    """Scenario 33."""
    lead = mkt.make('leads', last_name='Listed')
    answer = mkt.get(f'/v1/leads/{lead["id"]}/transitions')
    listing = answer.json()
    assert (listing['version'], answer.headers['ETag']) == (1, '"1"')
    assert listing['state'] == {'key': 'open', 'label': 'Open', 'category': 'open'}
    assert (listing['blueprint']['key'], listing['blueprint']['number']) == ('lead_default', 3)
    assert [(t['key'], t['to']['key'], t['available']) for t in listing['items']] == [
        ('contacted', 'contacted', False), ('call_back', 'call_back', False), ('unqualified', 'unqualified', False),
        ('nurture', 'nurture', False), ('newsletter', 'newsletter', False), ('dead', 'dead', True), ('archived', 'archived', True)]
    assert listing['items'][0] == {
        'key': 'contacted', 'label': 'Contact made', 'kind': 'manual',
        'to': {'key': 'contacted', 'label': 'Contacted', 'category': 'open'},
        'available': False, 'actor_allowed': True, 'actors': [],
        'guards': [{
            'guard': 'call_logged', 'kind': 'related_count', 'passed': False,
            'message': 'Log a call with a subject first.', 'path': 'activities', 'pointer': '/activities', 'observed': 0,
            'expected': {'of': 'activity', 'kind': 'call', 'has_subject': True, 'since_entry': True, 'min': 1}}],
        'inputs': [{'key': 'call', 'kind': 'activity', 'type': 'activity', 'label': 'The call', 'required': False,
                    'pointer': '/activities', 'params': {'kind': 'call'}}]}
    reason = listing['items'][2]['inputs'][0]
    assert reason == {'key': 'unqualified_reason', 'kind': 'field', 'type': 'choice', 'label': 'Reason', 'required': True,
                      'pointer': '/fields/unqualified_reason',
                      'params': {'field': 'unqualified_reason', 'choices': ['need', 'authority', 'ability']}}


def test_the_listing_shows_what_guards_found(mkt):
    lead = mkt.make('leads', last_name='Found', industry='logistics')
    contact(mkt, lead['id'])
    qualified = option(mkt, 'lead', lead['id'], 'qualified')
    assert [(g['guard'], g['passed'], g['observed']) for g in qualified['guards']] == [
        ('survey_sent', False, 0), ('industry_filled', True, 'logistics')]
    assert qualified['available'] is False
    mkt.make('activities', lead_id=lead['id'], **SURVEY)
    qualified = option(mkt, 'lead', lead['id'], 'qualified')
    assert [(g['passed'], g['observed']) for g in qualified['guards']] == [(True, 1), (True, 'logistics')]
    assert qualified['available'] is True


def test_groups_are_listed_with_their_branches(mkt):
    lead = mkt.make('leads', last_name='Grouped')
    mkt.moved('leads', lead['id'], 'nurture', fields={'nurture_until': '2027-01-15'})
    (group,) = option(mkt, 'lead', lead['id'], 're_engaged')['guards']
    assert (group['guard'], group['op'], group['passed']) == ('talked_again', 'any', False)
    assert [(g['guard'], g['passed']) for g in group['guards']] == [('meeting_held', False), ('call_logged', False)]
    assert 'kind' not in group


def test_labels_and_messages_speak_three_languages(mkt):
    lead = mkt.make('leads', last_name='Polyglot')
    for language, label, state, message in (
            ('pl', 'Nawiązano kontakt', 'Po kontakcie', 'Najpierw zapisz rozmowę telefoniczną z tematem.'),
            ('ru', 'Связались', 'Контакт состоялся', 'Сначала запишите звонок с темой.'),
            ('en', 'Contact made', 'Contacted', 'Log a call with a subject first.')):
        for wanted in (language, f'de, {language};q=0.8, en;q=0.1', f'{language.upper()}-XX'):
            shown = option(mkt, 'lead', lead['id'], 'contacted', **{'Accept-Language': wanted})
            assert (shown['label'], shown['to']['label'], shown['guards'][0]['message']) == (label, state, message)
        refused = mkt.move('leads', lead['id'], 'contacted', headers={'Accept-Language': language})
        assert failures(refused)['call_logged']['message'] == message
        refused = mkt.move('leads', lead['id'], 'qualified', headers={'Accept-Language': language})
        assert problem(refused, 409, 'no_such_transition')['legal'][0]['label'] == label


def test_without_a_wish_the_users_own_language_speaks(new_user, mkt):
    polish = new_user('marketing', language='pl')
    lead = mkt.make('leads', last_name='Own language')
    assert option(polish, 'lead', lead['id'], 'contacted')['label'] == 'Nawiązano kontakt'
    unknown = option(polish, 'lead', lead['id'], 'contacted', **{'Accept-Language': 'de'})
    assert unknown['label'] == 'Nawiązano kontakt'


def test_a_move_is_one_transaction(mkt, rows):
    """Call, state, visit and audit entries belong together (scenario 34)."""
    lead = mkt.make('leads', last_name='Together')
    mine = str(uuid.uuid4())
    moved = mkt.moved('leads', lead['id'], 'contacted', activities=[CALL], tasks=[{'subject': 'Call again'}], note='Well',
                      headers={'Request-Id': mine})
    assert (moved['status'], moved['version']) == ('contacted', 2)
    (call,) = mkt.get('/v1/activities', params={'lead': lead['id']}).json()['items']
    assert (call['transition'], call['owner_id'], call['created_by']) == ('contacted', mkt.user['id'], mkt.user['id'])
    (task,) = mkt.get('/v1/tasks', params={'lead': lead['id']}).json()['items']
    assert (task['subject'], task['transition'], task['assignee_id'], task['priority'], task['status']) == (
        'Call again', 'contacted', mkt.user['id'], 'normal', 'open')
    visits = rows('select state, via, left_via, left_at is null as now from sluice.visit where record_id = %s order by id',
                  lead['id'])
    assert [tuple(v.values()) for v in visits] == [('open', 'created', 'contacted', False), ('contacted', 'contacted', None, True)]
    written = rows('select action, entity, transaction_at from (select *, xmin::text as transaction_at from sluice.audit) a '
                   'where request_id = %s order by seq', mine)
    assert sorted((w['action'], w['entity']) for w in written) == [
        ('create', 'activity'), ('create', 'task'), ('transition', 'lead')]
    assert len({w['transaction_at'] for w in written}) == 1
    entry = mkt.history('leads', lead['id'])[0]
    assert (entry['transition'], entry['from_state'], entry['to_state'], entry['detail']['note']) == (
        'contacted', 'open', 'contacted', 'Well')
    assert mkt.get(f'/v1/leads/{lead["id"]}').json() == moved


def test_evidence_that_was_logged_before_counts(mkt):
    lead = mkt.make('leads', last_name='Logged')
    mkt.make('activities', lead_id=lead['id'], **CALL)
    assert mkt.moved('leads', lead['id'], 'contacted')['status'] == 'contacted'


def test_evidence_must_be_right(mkt):
    """Near misses are told with a pointer to what is missing."""
    lead = mkt.make('leads', last_name='Near miss')
    for activities, pointer in (([], '/activities'), ([{'kind': 'meeting', 'subject': 'x'}], '/activities'),
                                ([{'kind': 'call'}], '/activities/0/subject'),
                                ([{'kind': 'call', 'subject': '  '}], '/activities/0/subject'),
                                ([{'kind': 'note'}, {'kind': 'call', 'subject': None}], '/activities/1/subject'),
                                ([{**CALL, 'occurred_at': '2020-01-01T00:00:00Z'}], '/activities/0/occurred_at')):
        refused = failures(mkt.move('leads', lead['id'], 'contacted', activities=activities))
        assert {k: f['pointer'] for k, f in refused.items()} == {'call_logged': pointer}
    assert mkt.read('leads', lead['id'])['status'] == 'open'
    assert mkt.get('/v1/activities', params={'lead': lead['id']}).json()['items'] == []


@pytest.mark.parametrize('order', itertools.permutations(('survey', 'industry')), ids='-'.join)
def test_and_in_any_order(mkt, order):
    """Scenario 35."""
    lead = mkt.make('leads', last_name='And')
    contact(mkt, lead['id'])
    missing = {'survey': 'survey_sent', 'industry': 'industry_filled'}
    assert set(failures(mkt.move('leads', lead['id'], 'qualified'))) == set(missing.values())
    for step in order:
        if step == 'survey':
            mkt.make('activities', lead_id=lead['id'], **SURVEY)
        else:
            mkt.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'logistics'})
        del missing[step]
        if missing:
            assert set(failures(mkt.move('leads', lead['id'], 'qualified'))) == set(missing.values())
    assert mkt.moved('leads', lead['id'], 'qualified')['status'] == 'qualified'


def test_the_audit_names_the_branch_that_satisfied(mkt):
    """Scenario 36."""
    for evidence, held in (({'kind': 'meeting', 'subject': 'Fair'}, [True, False]), (CALL, [False, True])):
        lead = mkt.make('leads', last_name='Or')
        mkt.moved('leads', lead['id'], 'nurture', fields={'nurture_until': '2027-01-15'})
        mkt.moved('leads', lead['id'], 're_engaged', activities=[evidence])
        verdicts = mkt.history('leads', lead['id'])[0]['detail']['verdicts']
        (group,) = verdicts['guards']
        assert (group['guard'], group['passed'], [g['passed'] for g in group['guards']]) == ('talked_again', True, held)


def leaf(key, field):
    return {'key': key, 'kind': 'field_present', 'params': {'field': field}}


def test_all_sixteen_assignments(mkt, rows):
    """Scenario 37: (A and (B or C)) and not D."""
    field = {'a': 'company', 'b': 'city', 'c': 'street', 'd': 'description'}
    guards = [leaf('a', field['a']), {'key': 'b_or_c', 'op': 'any', 'guards': [leaf('b', field['b']), leaf('c', field['c'])]},
              {'key': 'not_d', 'op': 'none', 'guards': [leaf('d', field['d'])]}]
    with blueprint(rows, 'lead', 'sixteen', [('one', 'open'), ('two', 'open')],
                   [{'key': 'born', 'kind': 'initial', 'to': 'one'},
                    {'key': 'go', 'from': ['one'], 'to': 'two', 'guards': guards}]):
        for values in itertools.product((False, True), repeat=4):
            a, b, c, d = values
            lead = mkt.make('leads', last_name='Sixteen', **{field[k]: 'x' for k, on in zip('abcd', values) if on})
            wrong = {k for k, holds in (('a', a), ('b_or_c', b or c), ('not_d', not d)) if not holds}
            shown = option(mkt, 'lead', lead['id'], 'go')
            assert shown['available'] is (not wrong)
            assert {g['guard'] for g in shown['guards'] if not g['passed']} == wrong
            answer = mkt.move('leads', lead['id'], 'go')
            if not wrong:
                assert (answer.status_code, answer.json()['status']) == (200, 'two')
                continue
            refused = failures(answer)
            assert set(refused) == wrong
            if 'b_or_c' in wrong:
                assert [f['guard'] for f in refused['b_or_c']['branches']] == ['b', 'c']
            if 'not_d' in wrong:
                assert [f['guard'] for f in refused['not_d']['branches']] == ['d']


def compare(client, rows, path, body):
    """A dry run and then the same in earnest: the same answer, and the first changes nothing."""
    before = everything(rows)
    dry = client.post(path, json=body, headers={'Prefer': 'tx=rollback'})
    assert everything(rows) == before
    real = client.post(path, json=body)
    assert dry.status_code == real.status_code
    hers, ours = dry.json(), real.json()
    for text in (hers, ours):
        for moment in [k for k in text if k.endswith(('_at', '_since'))] + ['request_id', 'instance']:
            text.pop(moment, None)
    assert hers == ours
    assert (dry.headers.get('Preference-Applied') == 'tx=rollback') == (dry.status_code == 200)
    assert real.status_code == 200 or everything(rows)['audit'] == before['audit'] + 1
    return real.status_code


def test_dry_run_equals_reality(mkt, rep, rows):
    """Scenario 39, for 24 and 34 to 37."""
    lead = mkt.make('leads', last_name='Dry')
    path = f'/v1/leads/{lead["id"]}/transitions/'
    assert compare(mkt, rows, path + 'contacted', {}) == 422
    assert compare(mkt, rows, path + 'contacted', {'activities': [{'kind': 'call'}]}) == 422
    assert compare(mkt, rows, path + 'qualified', {}) == 409
    assert compare(mkt, rows, path + 'contacted', {'activities': [CALL], 'note': 'n', 'tasks': [{'subject': 't'}]}) == 200
    assert compare(mkt, rows, path + 'qualified', {'fields': {'industry': 'x'}}) == 422
    assert compare(mkt, rows, path + 'qualified', {'fields': {'industry': 'x'}, 'activities': [SURVEY]}) == 200
    lead = mkt.make('leads', last_name='Dry too')
    path = f'/v1/leads/{lead["id"]}/transitions/'
    assert compare(mkt, rows, path + 'nurture', {'fields': {'nurture_until': '2027-01-01'}}) == 200
    assert compare(mkt, rows, path + 're_engaged', {}) == 422
    assert compare(mkt, rows, path + 're_engaged', {'activities': [{'kind': 'meeting', 'subject': 'm'}]}) == 200
    deal = deal_in(rep, 'qualification')
    path = f'/v1/opportunities/{deal["id"]}/transitions/'
    assert compare(rep, rows, path + 'first_meeting', {}) == 200
    assert compare(rep, rows, path + 'offer_sent', {}) == 422
    assert compare(rep, rows, path + 'offer_sent', {'fields': {**OFFER, 'amount': {'amount': '-5', 'currency': 'PLN'}}}) == 422
    assert compare(rep, rows, path + 'offer_sent', {'fields': OFFER}) == 200
    assert compare(rep, rows, path + 'won', {}) == 409


def test_late_requirements_come_together(rep):
    """Scenarios 24 and 25."""
    deal = deal_in(rep, 'first_meeting')
    refused = failures(rep.move('opportunities', deal['id'], 'offer_sent'))
    assert {k: (f['kind'], f['path'], f['pointer'], f['observed']) for k, f in refused.items()} == {
        f'{m}_filled': ('field_present', m, f'/fields/{m}', None) for m in ('amount', 'product_kind', 'delivery_date')}
    before = rep.read('opportunities', deal['id'])
    for amount in ('-5', '1.00001', 'x', 5.5):
        wrong = {**OFFER, 'amount': {'amount': amount, 'currency': 'PLN'}}
        fault(rep.move('opportunities', deal['id'], 'offer_sent', fields=wrong), 422, 'validation_failed',
              '/fields/amount/amount', {'-5': 'range', 5.5: 'type'}.get(amount, 'format'))
    assert rep.read('opportunities', deal['id']) == before
    moved = rep.moved('opportunities', deal['id'], 'offer_sent', fields=OFFER)
    assert {k: moved[k] for k in OFFER} == OFFER
    assert (moved['stage'], moved['probability'], moved['forecast_category']) == ('offer_sent', 60, 'best_case')


def test_the_stage_is_governed_for_everybody(rep, admin, new_key):
    """Scenario 26."""
    deal = deal_in(rep, 'qualification')
    for client in (rep, admin, new_key('integration')):
        fault(client.patch(f'/v1/opportunities/{deal["id"]}', json={'stage': 'won'}), 422, 'governed_field', '/stage',
              'governed_field')
    assert rep.read('opportunities', deal['id'])['version'] == 1


def test_no_skipping_and_no_going_back(rep):
    """Scenario 27."""
    def refused(deal, key):
        body = problem(rep.move('opportunities', deal['id'], key), 409, 'no_such_transition')
        listing = rep.get(f'/v1/opportunities/{deal["id"]}/transitions').json()
        assert body['legal'] == [{'key': t['key'], 'label': t['label'], 'to': t['to']['key']} for t in listing['items']]
        assert body['current'] == {'state': listing['state']['key'], 'version': listing['version']}
        return {t['key'] for t in body['legal']}

    leaving = {'lost', 'cancelled', 'postponed'}
    for stage, key, legal in (('qualification', 'negotiation', 'first_meeting'), ('first_meeting', 'won', 'offer_sent'),
                              ('offer_sent', 'first_meeting', 'negotiation'), ('negotiation', 'offer_sent', 'won')):
        assert refused(deal_in(rep, stage), key) == {legal} | leaving
    closed = deal_in(rep, 'qualification')
    rep.moved('opportunities', closed['id'], 'cancelled', note='No money')
    assert refused(closed, 'first_meeting') == {'reworked'}
    postponed = deal_in(rep, 'negotiation')
    rep.moved('opportunities', postponed['id'], 'postponed', note='Next year', fields={'postponed_until': '2027-01-04'})
    assert rep.moved('opportunities', postponed['id'], 'first_meeting')['stage'] == 'first_meeting'


def test_verification_gates_both_ends(rep, verifier):
    """Scenarios 3 and 4."""
    deal = deal_in(rep, 'negotiation')
    assert deal['awaiting_verification'] is True
    for key, body in (('won', {}), ('lost', {'fields': {'lost_reason': 'price'}})):
        (only,) = failures(rep.move('opportunities', deal['id'], key, **body)).values()
        assert (only['kind'], only['path'], only['pointer'], only['observed'], only['expected']) == (
            'related_field', 'account.verification', None, 'to_verify', 'verified')
    version = rep.read('opportunities', deal['id'])['version']
    verifier.moved('accounts', deal['account_id'], 'verify', fields={'tax_id': str(uuid.uuid4().int)[:12]}, note='In the register')
    now = rep.read('opportunities', deal['id'])
    assert (now['awaiting_verification'], now['version']) == (False, version)
    fault(rep.move('opportunities', deal['id'], 'lost'), 422, 'validation_failed', '/fields/lost_reason', 'required')
    lost = rep.moved('opportunities', deal['id'], 'lost', fields={'lost_reason': 'price'})
    assert (lost['stage_category'], lost['lost_reason'], lost['probability']) == ('lost', 'price', 0)
    assert lost['closed_at'] == lost['stage_since']
    other = deal_in(rep, 'negotiation')
    verifier.moved('accounts', other['account_id'], 'verify')
    assert rep.moved('opportunities', other['id'], 'won')['stage_category'] == 'won'


def test_only_its_actors_execute(rep, verifier, viewer):
    """Scenario 5."""
    account = rep.make('accounts', name='Whose')
    for client in (rep,):
        shown = option(client, 'account', account['id'], 'verify')
        assert (shown['available'], shown['actor_allowed'], shown['guards'][0]['passed']) == (False, False, True)
        assert shown['actors'] == [{'kind': 'role', 'value': 'verifier'}, {'kind': 'role', 'value': 'admin'}]
        problem(client.move('accounts', account['id'], 'verify'), 403, 'not_transition_owner')
    problem(viewer.move('accounts', account['id'], 'verify'), 403, 'forbidden')
    assert option(verifier, 'account', account['id'], 'verify')['available'] is True
    assert verifier.moved('accounts', account['id'], 'verify')['verification'] == 'verified'


def test_a_transition_of_a_team(admin, rep, new_user, rows, number):
    """Scenario 28, and the other kinds of actors."""
    lawyer, named, owner = new_user('sales'), new_user('sales'), new_user('sales')
    team = admin.make('teams', name=f'Legal {number}', members=[lawyer.user['id']])
    lawyer = lawyer.again()
    actors = [{'kind': 'team', 'value': team['id']}, {'kind': 'user', 'value': named.user['id']},
              {'kind': 'field', 'value': 'owner_id'}]
    with blueprint(rows, 'opportunity', f'legal_{number}', [('draft', 'open'), ('signed', 'won')],
                   [{'key': 'born', 'kind': 'initial', 'to': 'draft'},
                    {'key': 'sign', 'from': ['draft'], 'to': 'signed', 'actors': actors}]):
        account = rep.make('accounts', name='Contract')
        for client in (lawyer, named, owner):
            deal = rep.make('opportunities', name='Deal', account_id=account['id'], owner_id=owner.user['id'])
            shown = option(rep, 'opportunity', deal['id'], 'sign')
            assert (shown['available'], shown['actors']) == (False, actors)
            problem(rep.move('opportunities', deal['id'], 'sign'), 403, 'not_transition_owner')
            assert option(client, 'opportunity', deal['id'], 'sign')['available'] is True
            assert client.moved('opportunities', deal['id'], 'sign')['stage'] == 'signed'


def test_notes_checklists_and_tasks_that_are_required(rep, rows, number):
    inputs = [{'key': 'why', 'kind': 'note', 'required': True, 'label': {'en': 'Why'}},
              {'key': 'papers', 'kind': 'checklist', 'required': True, 'params': {'item': 'papers'}, 'label': {'en': 'Papers'}},
              {'key': 'photo', 'kind': 'checklist', 'params': {'item': 'photo'}, 'label': {'en': 'Photo'}},
              {'key': 'visit', 'kind': 'activity', 'required': True, 'params': {'kind': 'visit'}, 'label': {'en': 'Visit'}},
              {'key': 'next', 'kind': 'task', 'required': True, 'label': {'en': 'Next'}},
              {'key': 'city', 'kind': 'field', 'required': True, 'params': {'field': 'city'}, 'label': {'en': 'City'}}]
    with blueprint(rows, 'account', f'inputs_{number}', [('new', 'open'), ('seen', 'won')],
                   [{'key': 'born', 'kind': 'initial', 'to': 'new'},
                    {'key': 'see', 'from': 'any', 'except': ['seen'], 'to': 'seen', 'inputs': inputs}]):
        account = rep.make('accounts', name='Inputs')
    shown = option(rep, 'account', account['id'], 'see')
    assert [(i['key'], i['kind'], i['type'], i['required'], i['pointer']) for i in shown['inputs']] == [
        ('why', 'note', 'text', True, '/note'), ('papers', 'checklist', 'boolean', True, '/checklist'),
        ('photo', 'checklist', 'boolean', False, '/checklist'), ('visit', 'activity', 'activity', True, '/activities'),
        ('next', 'task', 'task', True, '/tasks'), ('city', 'field', 'text', True, '/fields/city')]
    answer = rep.move('accounts', account['id'], 'see')
    told = problem(answer, 422, 'validation_failed')['errors']
    assert [(f['pointer'], f['code']) for f in told] == [
        (p, 'required') for p in ('/note', '/checklist', '/activities', '/tasks', '/fields/city')]
    body = {'note': 'Seen', 'checklist': ['papers'], 'activities': [{'kind': 'visit'}], 'tasks': [{'subject': 'Thank'}],
            'fields': {'city': 'Hel'}}
    fault(rep.move('accounts', account['id'], 'see', **{**body, 'checklist': ['photo']}), 422, 'validation_failed',
          '/checklist', 'required')
    fault(rep.move('accounts', account['id'], 'see', **{**body, 'checklist': ['papers', 'stamp']}), 422,
          'validation_failed', '/checklist/1', 'unknown')
    moved = rep.moved('accounts', account['id'], 'see', **body)
    assert (moved['verification'], moved['city']) == ('seen', 'Hel')
    detail = rep.history('accounts', account['id'])[0]['detail']
    assert (detail['note'], detail['checklist']) == ('Seen', ['papers'])


def test_guards_on_history_and_persons(rep, rep2, verifier, rows, number):
    """visited_state, actor_differs (also four eyes of scenario 5), actor_has_role, open_tasks, time_in_state."""
    def guard(key, kind, **params):
        return {'key': key, 'kind': kind, 'params': params}

    with blueprint(rows, 'account', f'history_{number}', [('new', 'open'), ('checked', 'open'), ('done', 'won')], [
            {'key': 'born', 'kind': 'initial', 'to': 'new'},
            {'key': 'check', 'from': ['new'], 'to': 'checked', 'guards': [
                guard('four_eyes', 'actor_differs', **{'from': 'creator'}), guard('no_tasks', 'open_tasks')]},
            {'key': 'back', 'from': ['checked'], 'to': 'new'},
            {'key': 'finish', 'from': ['new', 'checked'], 'to': 'done', 'guards': [
                guard('was_checked', 'visited_state', state='checked'),
                guard('another', 'actor_differs', **{'from': 'transition:check'}),
                guard('sales', 'actor_has_role', role='sales')]},
            {'key': 'wait', 'from': ['new'], 'to': 'done', 'guards': [
                guard('a_day', 'time_in_state', min_seconds=86400)]}]):
        account = rep.make('accounts', name='History')
    task = rep.make('tasks', subject='Open', account_id=account['id'])
    refused = failures(rep.move('accounts', account['id'], 'check'))
    assert {k: (f['kind'], f['observed'], f['expected']) for k, f in refused.items()} == {
        'four_eyes': ('actor_differs', rep.user['id'], {'other_than': 'creator'}), 'no_tasks': ('open_tasks', 1, {'max': 0})}
    rep.patch(f'/v1/tasks/{task["id"]}', json={'status': 'done'})
    assert set(failures(rep.move('accounts', account['id'], 'check'))) == {'four_eyes'}
    refused = failures(rep2.move('accounts', account['id'], 'finish'))
    assert set(refused) == {'was_checked'} and refused['was_checked']['observed'] == ['new']
    (waits,) = failures(rep.move('accounts', account['id'], 'wait')).values()
    assert waits['expected'] == {'min_seconds': 86400} and 0 <= waits['observed'] < 60
    rep2.moved('accounts', account['id'], 'check')
    rep.moved('accounts', account['id'], 'back')
    assert set(failures(rep2.move('accounts', account['id'], 'finish'))) == {'another'}
    assert set(failures(verifier.move('accounts', account['id'], 'finish'))) == {'sales'}
    assert rep.moved('accounts', account['id'], 'finish')['verification'] == 'done'


def test_reopening_empties_what_belonged_to_the_end(mkt, manager, rep):
    lead = mkt.make('leads', last_name='Again')
    mkt.moved('leads', lead['id'], 'unqualified', fields={'unqualified_reason': 'need', 'nurture_until': '2027-01-01'})
    problem(rep.move('leads', lead['id'], 'reopened'), 403, 'not_transition_owner')
    again = manager.moved('leads', lead['id'], 'reopened')
    assert (again['status'], again['unqualified_reason'], again['nurture_until']) == ('open', None, None)


def test_a_refusal_is_written_down(rep, rows):
    """One denied entry per refusal, with what was found; no event, no version, no visit."""
    deal = deal_in(rep, 'first_meeting')
    before = everything(rows)
    mine = str(uuid.uuid4())
    rep.move('opportunities', deal['id'], 'offer_sent', headers={'Request-Id': mine})
    after = everything(rows)
    assert {k for k in after if after[k] != before[k]} == {'audit', 'sequence_at'}
    assert after['audit'] == before['audit'] + 1
    entry = rep.history('opportunities', deal['id'])[0]
    assert (entry['action'], entry['transition'], entry['from_state'], entry['to_state'], entry['request_id'],
            entry['operation'], entry['actor']['id']) == (
        'denied', 'offer_sent', 'first_meeting', None, mine, 'opportunity_transition', rep.user['id'])
    assert entry['detail']['code'] == 'guard_failed'
    assert {f['guard'] for f in entry['detail']['failures']} == {
        'amount_filled', 'product_kind_filled', 'delivery_date_filled'}
    for key, code, headers in (('won', 'no_such_transition', {}), ('offer_sent', 'stale', {'If-Match': '"1"'})):
        rep.move('opportunities', deal['id'], key, headers=headers)
        entry = rep.history('opportunities', deal['id'])[0]
        assert (entry['action'], entry['transition'], entry['detail']['code']) == ('denied', key, code)


def test_a_repeated_move_with_a_key_is_answered_again(mkt, rows):
    lead = mkt.make('leads', last_name='Repeated')
    key = {'Idempotency-Key': str(uuid.uuid4())}
    first = mkt.move('leads', lead['id'], 'contacted', activities=[CALL], headers=key)
    before = everything(rows)
    again = mkt.move('leads', lead['id'], 'contacted', activities=[CALL], headers=key)
    assert (again.status_code, again.content, again.headers['ETag']) == (200, first.content, '"2"')
    assert again.headers['Idempotent-Replayed'] == 'true'
    assert everything(rows) == before
    other = mkt.move('leads', lead['id'], 'contacted', activities=[SURVEY], headers=key)
    problem(other, 422, 'idempotency_mismatch')


def test_a_minimal_answer_to_a_move(mkt):
    lead = mkt.make('leads', last_name='Minimal')
    answer = mkt.move('leads', lead['id'], 'archived', headers={'Prefer': 'return=minimal'})
    assert (answer.status_code, answer.content, answer.headers['ETag']) == (204, b'', '"2"')


def test_two_clients_race_for_one_state(rep, verifier, admin, rows):
    """Scenario 41: thirty rounds, one winner each; the loser learns the new state."""
    for i in range(30):
        account = rep.make('accounts', name=f'Race {i}')
        conditional = {'headers': {'If-Match': '"1"'}} if i % 3 == 0 else {}
        answers = together(
            lambda: verifier.move('accounts', account['id'], 'verify', **conditional),
            lambda: admin.move('accounts', account['id'], 'reject', fields={'rejection_reason': 'bogus'}, **conditional))
        assert sorted(a.status_code for a in answers)[0] == 200, [a.text for a in answers]
        (lost,) = [a for a in answers if a.status_code != 200]
        (won,) = [a for a in answers if a.status_code == 200]
        body = problem(lost, *((412, 'stale') if conditional else (409, 'no_such_transition')))
        assert body['current'] == {'state': won.json()['verification'], 'version': 2}
        visits = rows('select state from sluice.visit where record_id = %s order by id', account['id'])
        assert [v['state'] for v in visits] == ['to_verify', won.json()['verification']]
        entries = [h['action'] for h in rep.history('accounts', account['id'])]
        assert sorted(entries) == ['create', 'denied', 'transition']


def test_evidence_that_vanishes_meanwhile(mkt, manager):
    """The call is taken away while the move is under way: either it was there, or the move is refused."""
    for i in range(10):
        lead = mkt.make('leads', last_name=f'Vanishing {i}')
        call = mkt.make('activities', lead_id=lead['id'], **CALL)
        moved, gone = together(lambda: mkt.move('leads', lead['id'], 'contacted'),
                               lambda: manager.delete(f'/v1/activities/{call["id"]}'))
        assert gone.status_code == 204
        assert moved.status_code in (200, 422)
        assert mkt.read('leads', lead['id'])['status'] == ('contacted' if moved.status_code == 200 else 'open')


def test_an_unknown_record_moves_nowhere(rep):
    for collection in ('leads', 'accounts', 'opportunities'):
        problem(rep.get(f'/v1/{collection}/{UNKNOWN}/transitions'), 404, 'not_found')
        problem(rep.move(collection, UNKNOWN, 'won'), 404, 'not_found')
        problem(rep.move(collection, 'x', 'won'), 404, 'not_found')


def test_converted_leads_have_no_way_out(mkt, rep):
    lead = mkt.make('leads', last_name='Done', company='Done')
    qualify(mkt, lead['id'])
    listed = mkt.get(f'/v1/leads/{lead["id"]}/transitions').json()['items']
    assert {t['key']: t['kind'] for t in listed} == {
        'unqualified': 'manual', 'nurture': 'manual', 'newsletter': 'manual', 'dead': 'manual', 'converted': 'convert',
        'converted_with_opportunity': 'convert_open'}
    assert rep.post(f'/v1/leads/{lead["id"]}/conversion', json={}).status_code == 200
    assert mkt.get(f'/v1/leads/{lead["id"]}/transitions').json()['items'] == []


def test_a_governed_field_leaves_a_trace(rep, mkt, rows, number):
    """Scenario 26: whoever writes a state by hand is refused with one code, and the attempt is history."""
    lead = mkt.make('leads', last_name=f'By hand {number}')
    answer = mkt.patch(f'/v1/leads/{lead["id"]}', json={'status': 'qualified', 'x"y': 1})
    assert (answer.status_code, answer.json()['code']) == (422, 'governed_field')
    assert mkt.read('leads', lead['id'])['version'] == lead['version']
    denied = mkt.history('leads', lead['id'])[0]
    assert (denied['action'], denied['from_state'], denied['operation']) == ('denied', 'open', 'lead_update')
    assert denied['detail'] == {'code': 'governed_field', 'failures': [{'pointer': '/status'}]}
    answer = mkt.patch(f'/v1/leads/{lead["id"]}', json={'status': 'qualified'}, headers={'Prefer': 'tx=rollback'})
    assert answer.status_code == 422 and len(mkt.history('leads', lead['id'])) == 2
    answer = rep.post('/v1/accounts', json={'name': 'Born verified', 'verification': 'verified'})
    assert answer.status_code == 422
    kept = rows('select entity, record_id, action from sluice.audit where request_id = %s', answer.headers['Request-Id'])
    assert [dict(r) for r in kept] == [{'entity': 'account', 'record_id': None, 'action': 'denied'}]
    unknown = '01995f3e-7c1a-7b34-9f0e-2d5a6b7c8d90'
    answer = mkt.patch(f'/v1/leads/{unknown}', json={'status': 'qualified'})
    assert answer.status_code == 422
    assert rows('select 1 from sluice.audit where record_id = %s', unknown) == []
