"""The engine: every kind of guard through the API, with processes of a test's own."""
import json

import jsonschema
import pytest

from helpers import blueprint, failures, problem

STATES = [('new', 'open'), ('busy', 'open'), ('over', 'won')]


def guarded(kind, params, **members):
    """A process whose move `go` has one guard."""
    return [{'key': 'made', 'kind': 'initial', 'to': 'new'},
            {'key': 'go', 'from': ['new'], 'to': 'over', 'guards': [{'key': 'g', 'kind': kind, 'params': params}],
             **members}]


def refusal(client, collection, record_id, **body):
    return failures(client.move(collection, record_id, 'go', **body))['g']


def test_kinds_are_listed_with_their_schemas(manager):
    items = manager.get('/v1/guard-kinds').json()['items']
    assert len(items) == 17
    for item in items:
        jsonschema.Draft202012Validator.check_schema(item['params'])
        jsonschema.validate(item['example'], item['params'])
        assert set(item['message']) == {'en', 'pl', 'ru'}
    assert {'matches', 'related_exists', 'working_time'} < {item['kind'] for item in items}


def test_a_contact_with_an_address(rows, rep, number):
    """Scenario 16: a related record where its fields hold."""
    guard = guarded('related_exists', {'of': 'contact', 'where': [{'field': 'email', 'is': 'email'}]})
    with blueprint(rows, 'account', f'related_{number}', STATES, guard):
        account = rep.make('accounts', name='Related')
    f = refusal(rep, 'accounts', account['id'])
    assert (f['observed'], f['path'], f['pointer']) == (0, 'contacts', None)
    assert f['message'] == 'Needed here: contact, email is an e-mail address (at least 1); found: 0.'
    contact = rep.make('contacts', last_name='Silent', account_id=account['id'])
    assert refusal(rep, 'accounts', account['id'])['observed'] == 0
    rep.patch(f'/v1/contacts/{contact["id"]}', json={'email': 'silent@example.org'})
    rep.moved('accounts', account['id'], 'go')


def test_opportunities_are_closed_first(rows, rep, number):
    with blueprint(rows, 'account', f'children_{number}', STATES, guarded('children_closed', {'of': 'opportunity'})):
        account = rep.make('accounts', name='Parent')
    deal = rep.make('opportunities', name='Child', account_id=account['id'])
    f = refusal(rep, 'accounts', account['id'])
    assert (f['observed'], f['expected'], f['path']) == (1, {'max': 0}, 'opportunities')
    rep.moved('opportunities', deal['id'], 'cancelled', note='No need')
    rep.moved('accounts', account['id'], 'go')


def test_duplicates_stop_a_move(rows, mkt, number):
    with blueprint(rows, 'lead', f'twins_{number}', STATES, guarded('duplicate_free', {})):
        lead = mkt.make('leads', last_name='One', email=f'Twin{number}@example.org', phone=f'+48 600 100 {number:03}')
        other = mkt.make('leads', last_name='Other', email=f'twin{number}@example.org')
        third = mkt.make('leads', last_name='Third', phone=f'0048600100{number:03}'[2:])
    assert refusal(mkt, 'leads', lead['id'])['observed'] == 2
    mkt.patch(f'/v1/leads/{other["id"]}', json={'email': None})
    assert refusal(mkt, 'leads', lead['id'])['observed'] == 1
    mkt.patch(f'/v1/leads/{third["id"]}', json={'phone': None})
    mkt.moved('leads', lead['id'], 'go')


def test_a_field_must_change_in_this_state(rows, mkt, number):
    process = guarded('field_changed', {'field': 'estimated_value'}, inputs=[
        {'key': 'value', 'kind': 'field', 'label': {'en': 'Value'}, 'params': {'field': 'estimated_value'}}])
    process += [{'key': 'back', 'from': ['over'], 'to': 'new'}]
    value = {'amount': '100', 'currency': 'PLN'}
    with blueprint(rows, 'lead', f'changed_{number}', STATES, process):
        lead = mkt.make('leads', last_name='Changed', estimated_value=value)
    f = refusal(mkt, 'leads', lead['id'])
    assert (f['observed'], f['pointer']) == (False, '/fields/estimated_value')
    assert refusal(mkt, 'leads', lead['id'], fields={'estimated_value': value})['observed'] is False
    mkt.patch(f'/v1/leads/{lead["id"]}', json={'estimated_value': {'amount': '120', 'currency': 'PLN'}})
    mkt.moved('leads', lead['id'], 'go')
    mkt.moved('leads', lead['id'], 'back')
    assert refusal(mkt, 'leads', lead['id'])['observed'] is False, 'what changed before belongs to that stay'
    mkt.moved('leads', lead['id'], 'go', fields={'estimated_value': {'amount': '130', 'currency': 'PLN'}})


def test_patterns_are_bounded(rows, mkt, number):
    with blueprint(rows, 'lead', f'pattern_{number}', STATES, guarded('matches', {'field': 'need', 'pattern': '^(a+)+$'})):
        lead = mkt.make('leads', last_name='Matched', need='a' * 3000 + '!')
    refusal(mkt, 'leads', lead['id'])
    mkt.patch(f'/v1/leads/{lead["id"]}', json={'need': 'a' * 5000})
    refusal(mkt, 'leads', lead['id'])
    mkt.patch(f'/v1/leads/{lead["id"]}', json={'need': 'aaa'})
    mkt.moved('leads', lead['id'], 'go')


def test_ticks_are_remembered(rows, mkt, number):
    items = [{'key': k, 'kind': 'checklist', 'label': {'en': k}, 'params': {'item': k}} for k in ('papers', 'deposit')]
    process = guarded('checklist_complete', {'items': ['papers', 'deposit']}, **{'from': ['busy'], 'inputs': items[1:]})
    process += [{'key': 'prepare', 'from': ['new'], 'to': 'busy', 'inputs': items[:1]}]
    with blueprint(rows, 'lead', f'ticks_{number}', STATES, process):
        lead = mkt.make('leads', last_name='Ticked')
    mkt.moved('leads', lead['id'], 'prepare', checklist=['papers'])
    f = refusal(mkt, 'leads', lead['id'])
    assert (f['observed'], f['expected'], f['pointer']) == (['papers'], ['papers', 'deposit'], '/checklist')
    mkt.moved('leads', lead['id'], 'go', checklist=['deposit'])
    assert [(t['item'], t['transition']) for t in rows(
        'select item, transition from sluice.checklist_tick where record_id = %s order by id', lead['id'])] == [
            ('papers', 'prepare'), ('deposit', 'go')]


def test_what_a_decision_saw_still_holds_when_it_is_written(rows, rep, number):
    """A contact that goes between decision and write makes the fingerprint differ."""
    guard = guarded('related_exists', {'of': 'contact'})
    with blueprint(rows, 'account', f'evidence_{number}', STATES, guard):
        account = rep.make('accounts', name='Evidence')
    before = rows("select sluice.whole_evidence('account', id, blueprint_version_id, '') as e from sluice.account "
                  'where id = %s', account['id'])[0]['e']
    rep.make('contacts', last_name='New', account_id=account['id'])
    after = rows("select sluice.whole_evidence('account', id, blueprint_version_id, '') as e from sluice.account "
                 'where id = %s', account['id'])[0]['e']
    assert before != after
    assert rows('select needs from sluice.blueprint_version v join sluice.account a on a.blueprint_version_id = v.id '
                'where a.id = %s', account['id'])[0]['needs'] == ['contacts']


@pytest.mark.parametrize('language, text', [
    ('pl', 'Najpierw zamknij wszystkie: zadanie (nadal otwarte: 1).'),
    ('ru', 'Сначала закройте всё: задача (ещё открыто: 1).')])
def test_sentences_in_three_languages(rows, mkt, number, language, text):
    with blueprint(rows, 'lead', f'said_{number}', STATES, guarded('children_closed', {'of': 'task'})):
        lead = mkt.make('leads', last_name='Said')
    mkt.make('tasks', subject='Open', lead_id=lead['id'])
    answer = mkt.move('leads', lead['id'], 'go', headers={'Accept-Language': language})
    assert failures(answer)['g']['message'] == text
    assert json.dumps(problem(answer, 422, 'guard_failed')['legal'])
