"""The engine: every kind of guard through the API, with processes of a test's own."""
import json
import re
from datetime import datetime, timezone

import jsonschema
import psycopg2
import pytest

from contract import ROOT
from daemon import Client

from helpers import STATES, UNKNOWN, blueprint, born, everything, failures, fault, moment, problem, process_of, publish, retire


def guarded(kind, params, **members):
    """A process whose move `go` has one guard."""
    return [{'key': 'made', 'kind': 'initial', 'to': 'new'},
            {'key': 'go', 'from': ['new'], 'to': 'over', 'guards': [{'key': 'g', 'kind': kind, 'params': params}],
             **members}]


def refusal(client, collection, record_id, **body):
    return failures(client.move(collection, record_id, 'go', **body))['g']


def test_kinds_are_listed_with_their_schemas(manager):
    items = manager.get('/v1/guard-kinds').json()['items']
    assert len(items) == 20
    for item in items:
        jsonschema.Draft202012Validator.check_schema(item['params'])
        jsonschema.validate(item['example'], item['params'])
        assert set(item['message']) == {'en', 'pl', 'ru'}
    assert {'matches', 'related_exists', 'working_time'} < {item['kind'] for item in items}


def test_a_contact_with_an_address(rows, rep, number):
    """A related record where its fields hold: there may be others."""
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


# inputs: files, and drafts of half-filled forms

FORM = [{'key': 'why', 'kind': 'note', 'required': True, 'label': {'en': 'Why'}},
        {'key': 'scan', 'kind': 'file', 'required': True, 'label': {'en': 'Scan'}},
        {'key': 'city', 'kind': 'field', 'required': True, 'params': {'field': 'city'}, 'label': {'en': 'City', 'pl': 'Miasto'}},
        {'key': 'next', 'kind': 'task', 'label': {'en': 'Next'}}]
PROCESS = [{'key': 'made', 'kind': 'initial', 'to': 'new'},
           {'key': 'go', 'from': ['new'], 'to': 'over', 'inputs': FORM}]
SCAN = {'name': 'contract.pdf', 'ref': 'dms:4711', 'size': 1200, 'sha256': '0' * 64}


def test_files_come_with_the_move(rows, rep, number):
    with blueprint(rows, 'account', f'files_{number}', STATES, PROCESS):
        account = rep.make('accounts', name='Files')
    body = {'note': 'Signed', 'fields': {'city': 'Hel'}}
    fault(rep.move('accounts', account['id'], 'go', **body), 422, 'validation_failed', '/files', 'required')
    fault(rep.move('accounts', account['id'], 'go', **body, files=[{'name': 'contract.pdf'}]), 422, 'validation_failed',
          '/files/0/url', 'required')
    rep.moved('accounts', account['id'], 'go', **body, files=[SCAN])
    entry = rep.history('accounts', account['id'])[0]
    assert entry['transition'] == 'go'
    assert entry['detail']['files'] == [SCAN]


def test_a_draft_is_private_and_in_nobodys_way(rows, rep, rep2, number):
    with blueprint(rows, 'account', f'draft_{number}', STATES, PROCESS):
        account = rep.make('accounts', name='Draft')
    path = f'/v1/accounts/{account["id"]}/transitions/go/draft'
    problem(rep.get(path), 404, 'not_found')
    answer = rep.call('PUT', path, json={'note': 'Half'}, headers={'Accept-Language': 'pl'})
    draft = answer.json()
    assert answer.status_code == 200
    assert (draft['complete'], draft['body'], draft['transition']) == (33, {'note': 'Half'}, 'go')
    assert draft['missing'] == [{'key': 'scan', 'label': 'Scan', 'pointer': '/files'},
                                {'key': 'city', 'label': 'Miasto', 'pointer': '/fields/city'}]
    rep.patch(f'/v1/accounts/{account["id"]}', json={'city': 'Hel'})
    assert rep.get(path).json()['complete'] == 66, 'what the record knows by now is there'
    problem(rep2.get(path), 404, 'not_found')
    rep2.call('PUT', path, json={})
    assert rep2.get(path).json()['body'] == {}
    assert rep.get(f'/v1/accounts/{account["id"]}').json()['version'] == 2, 'drafts change no record'
    rep2.moved('accounts', account['id'], 'go', note='Done', files=[SCAN])
    problem(rep2.get(path), 404, 'not_found')
    assert rep.get(path).json()['body'] == {'note': 'Half'}, 'the other one stays until it expires'
    assert rep.call('DELETE', path).status_code == 204
    assert rep.call('DELETE', path).status_code == 204
    problem(rep.get(path), 404, 'not_found')


def test_drafts_expire_and_are_checked(rows, rep, viewer, number):
    with blueprint(rows, 'account', f'expire_{number}', STATES, PROCESS):
        account = rep.make('accounts', name='Expire')
    path = f'/v1/accounts/{account["id"]}/transitions/go/draft'
    problem(rep.call('PUT', f'/v1/accounts/{account["id"]}/transitions/gone/draft', json={}), 404, 'not_found')
    problem(rep.call('PUT', f'/v1/accounts/{UNKNOWN}/transitions/go/draft', json={}), 404, 'not_found')
    problem(viewer.call('PUT', path, json={}), 403, 'forbidden')
    fault(rep.call('PUT', path, json={'nota': 'x'}), 422, 'validation_failed', '/nota', 'unknown')
    before = everything(rows)
    assert rep.call('PUT', path, json={'note': 'Dry'}, headers={'Prefer': 'tx=rollback'}).status_code == 200
    assert everything(rows) == before
    rep.call('PUT', path, json={'note': 'Old'})
    rows("update sluice.transition_draft set expires_at = now() - interval '1 second' where record_id = %s", account['id'])
    problem(rep.get(path), 404, 'not_found')
    rep.call('PUT', f'/v1/accounts/{account["id"]}/transitions/go/draft', json={'note': 'New'})
    assert rep.get(path).json()['body'] == {'note': 'New'}


# deputies

def test_a_deputy_acts_while_somebody_is_away(rows, rep, rep2, manager, viewer, admin, new_user, number):
    """What belongs to a user, or to the user in a field, is the deputy's too, and history says for whom."""
    absent, other = new_user('sales'), new_user('sales')
    process = [{'key': 'made', 'kind': 'initial', 'to': 'new'},
               {'key': 'named', 'from': ['new'], 'to': 'busy', 'actors': [{'kind': 'user', 'value': absent.user['id']}]},
               {'key': 'owned', 'from': ['busy'], 'to': 'over', 'actors': [{'kind': 'field', 'value': 'owner_id'},
                                                                           {'kind': 'role', 'value': 'verifier'}]}]
    with blueprint(rows, 'account', f'deputy_{number}', STATES, process):
        account = rep.make('accounts', name='Away', owner_id=absent.user['id'])
    problem(other.move('accounts', account['id'], 'named'), 403, 'not_transition_owner')
    made = absent.make('deputies', deputy_id=other.user['id'], until='2099-01-01T00:00:00Z')
    assert (made['user_id'], made['active']) == (absent.user['id'], True)
    other.moved('accounts', account['id'], 'named')
    entry = rep.history('accounts', account['id'])[0]
    assert (entry['actor']['id'], entry['detail']['on_behalf_of']) == (other.user['id'], absent.user['id'])
    listing = other.get(f'/v1/accounts/{account["id"]}/transitions').json()['items']
    assert [(t['key'], t['actor_allowed']) for t in listing] == [('owned', True)]
    problem(rep2.move('accounts', account['id'], 'owned'), 403, 'not_transition_owner')

    assert [d['id'] for d in other.get('/v1/deputies', params={'deputy': 'me', 'active': 'true'}).json()['items']] == [made['id']]
    problem(rep2.get(f'/v1/deputies/{made["id"]}'), 404, 'not_found')
    problem(other.delete(f'/v1/deputies/{made["id"]}'), 403, 'forbidden')
    assert absent.delete(f'/v1/deputies/{made["id"]}').status_code == 204
    problem(other.move('accounts', account['id'], 'owned'), 403, 'not_transition_owner')
    absent.moved('accounts', account['id'], 'owned')
    assert 'on_behalf_of' not in (rep.history('accounts', account['id'])[0]['detail'] or {})


def test_a_deputy_sees_what_is_the_absent_ones(rows, rep, new_user, number):
    """With a scope of one's own: read, change and move, for the time of absence and no longer."""
    role = f'own_{number}'
    rows("""insert into sluice.role (key, label, position) values (%s, '{"en": "Own"}', 92) on conflict do nothing""", role)
    rows("""insert into sluice.role_permission (role, permission, scope)
            values (%s, 'lead.read', 'own'), (%s, 'lead.write', 'own') on conflict do nothing""", role, role)
    absent, other = new_user(role), new_user(role)
    theirs = rep.make('leads', last_name='Theirs', owner_id=absent.user['id'])
    path = f'/v1/leads/{theirs["id"]}'

    def sees_nothing():
        problem(other.get(path), 404, 'not_found')
        problem(other.get(f'{path}/transitions'), 404, 'not_found')
        problem(other.patch(path, json={'need': 'x'}), 404, 'not_found')
        problem(other.move('leads', theirs['id'], 'archived'), 404, 'not_found')
        assert other.get('/v1/leads', params={'owner': absent.user['id']}).json()['items'] == []

    sees_nothing()
    made = absent.make('deputies', deputy_id=other.user['id'], until='2099-01-01T00:00:00Z')
    assert other.get(path).json()['id'] == theirs['id']
    assert [i['id'] for i in other.get('/v1/leads', params={'owner': absent.user['id']}).json()['items']] == [theirs['id']]
    assert 'archived' in [t['key'] for t in other.get(f'{path}/transitions').json()['items']]
    assert other.patch(path, json={'need': 'A call'}).status_code == 200
    other.moved('leads', theirs['id'], 'archived')
    problem(absent.get(f'/v1/leads/{rep.make("leads", last_name="Others")["id"]}'), 404, 'not_found')
    assert absent.delete(f'/v1/deputies/{made["id"]}').status_code == 204
    sees_nothing()
    rows("""insert into sluice.deputy (id, user_id, deputy_id, starts_at, ends_at)
            values (gen_random_uuid(), %s, %s, now() - interval '2 days', now() - interval '1 day'),
                   (gen_random_uuid(), %s, %s, now() + interval '1 day', now() + interval '2 days')""",
         *[absent.user['id'], other.user['id']] * 2)
    sees_nothing()


def test_deputies_are_named_by_those_who_are_away(rep, rep2, admin, new_key):
    later = {'deputy_id': rep2.user['id'], 'from': '2098-01-01T00:00:00Z', 'until': '2099-01-01T00:00:00Z'}
    made = admin.make('deputies', user_id=rep.user['id'], **later)
    assert made['active'] is False
    problem(rep2.post('/v1/deputies', json={'user_id': rep.user['id'], **later}), 403, 'forbidden')
    fault(rep.post('/v1/deputies', json={**later, 'deputy_id': rep.user['id']}), 422, 'validation_failed', '/deputy_id',
          'invalid')
    fault(rep.post('/v1/deputies', json={**later, 'until': '2097-01-01T00:00:00Z'}), 422, 'validation_failed', '/until',
          'invalid')
    fault(rep.post('/v1/deputies', json={**later, 'deputy_id': UNKNOWN}), 422, 'unknown_reference', '/deputy_id',
          'reference')
    fault(new_key('sales').post('/v1/deputies', json=later), 422, 'validation_failed', '/user_id', 'required')
    assert admin.delete(f'/v1/deputies/{made["id"]}').status_code == 204


# actions

ACTIONS = [
    {'key': 'note', 'kind': 'set_field', 'params': {'field': 'description', 'value': 'Set by the process'}},
    {'key': 'mine', 'kind': 'assign', 'params': {'to': 'actor'}},
    {'key': 'marked', 'kind': 'tag', 'params': {'add': ['hot', 'seen'], 'remove': ['cold']}},
    {'key': 'tidy', 'kind': 'close_tasks', 'params': {'status': 'cancelled'}},
    {'key': 'thank', 'kind': 'create_task', 'params': {'subject': 'Say thanks', 'due': 'P2DT4H', 'priority': 'high'}},
    {'key': 'told', 'kind': 'event', 'params': {'type': 'won_over', 'payload': {'channel': 'mail'}}}]


def acting(*actions):
    return [{'key': 'made', 'kind': 'initial', 'to': 'new'},
            {'key': 'go', 'from': ['new'], 'to': 'over', 'actions': list(actions)}]


def test_actions_are_part_of_the_move(rows, rep, rep2, number):
    """One update, one version, one entry of history; events name that entry."""
    with blueprint(rows, 'account', f'actions_{number}', STATES, acting(*ACTIONS)):
        account = rep.make('accounts', name='Acted', owner_id=rep.user['id'], tags=['cold', 'north'])
    old = rep.make('tasks', subject='Old', account_id=account['id'])
    assert [a['id'] for a in rep.get('/v1/accounts', params={'tag': 'cold'}).json()['items']] == [account['id']]
    moved = rep2.moved('accounts', account['id'], 'go')
    assert (moved['version'], moved['description'], moved['owner_id'], moved['tags']) == (
        2, 'Set by the process', rep2.user['id'], ['hot', 'north', 'seen'])
    assert rep.read('tasks', old['id'])['status'] == 'cancelled'
    tasks = rep.get('/v1/tasks', params={'account': account['id'], 'status': 'open'}).json()['items']
    assert [(t['subject'], t['priority'], t['assignee_id'], t['transition']) for t in tasks] == [
        ('Say thanks', 'high', rep2.user['id'], 'go')]
    entry = rep.history('accounts', account['id'])[0]
    done = entry['detail']['actions']
    assert [(a['action'], a['kind']) for a in done] == [(a['key'], a['kind']) for a in ACTIONS]
    assert done[3]['result'] == {'closed': 1}
    assert done[4]['result'] == {'task': tasks[0]['id']}
    assert {'description', 'owner_id', 'tags'} < set(entry['changes'])
    event = rows("select type, payload, audit_seq from sluice.outbox where record_id = %s and payload is not null",
                 account['id'])
    assert [(e['type'], e['payload'], e['audit_seq']) for e in event] == [
        ('account.won_over', {'transition': 'go', 'action': 'told', 'data': {'channel': 'mail'}}, entry['seq'])]


def test_actions_of_a_dry_run_leave_nothing(rows, rep, number):
    with blueprint(rows, 'account', f'dry_{number}', STATES, acting(*ACTIONS)):
        account = rep.make('accounts', name='Dry')
    before = everything(rows)
    answer = rep.move('accounts', account['id'], 'go', headers={'Prefer': 'tx=rollback'})
    assert (answer.status_code, answer.json()['tags']) == (200, ['hot', 'seen'])
    assert everything(rows) == before


@pytest.mark.parametrize('action, said', [
    ({'kind': 'set_field', 'params': {'field': 'rejection_reason', 'value': 'bogus'}}, 'cannot set "rejection_reason"'),
    ({'kind': 'set_field', 'params': {'field': 'owner_id', 'value': 'nobody'}}, '"owner_id" takes no such value'),
    ({'kind': 'assign', 'params': {'user': UNKNOWN}}, 'there is no such user'),
    ({'kind': 'set_state', 'params': {}}, 'action_kind_check'),
    ({'kind': 'event', 'phase': 'in_tx', 'params': {'type': 'x'}}, 'action_phase_kind_check')])
def test_wrong_actions_are_refused_before_the_day(rows, number, action, said):
    with pytest.raises(psycopg2.Error) as e:
        with blueprint(rows, 'account', f'wrong_{number}', STATES, acting({'key': 'a', **action})):
            pass
    assert said in str(e.value)
    assert rows('select count(*) as n from sluice.blueprint where key = %s', f'wrong_{number}')[0]['n'] == 0


def test_actions_set_money(rows, rep, number):
    value = {'amount': '1200.50', 'currency': 'EUR'}
    for entity, collection, field in (('lead', 'leads', 'estimated_value'), ('opportunity', 'opportunities', 'amount')):
        action = {'key': 'worth', 'kind': 'set_field', 'params': {'field': field, 'value': value}}
        with blueprint(rows, entity, f'money_{number}', STATES, acting(action)):
            members = {'last_name': 'Worth'} if entity == 'lead' else {
                'name': 'Worth', 'account_id': rep.make('accounts', name='Worth')['id']}
            record = rep.make(collection, **members)
        assert record[field] is None
        assert rep.moved(collection, record['id'], 'go')[field] == value
        entry = rep.history(collection, record['id'])[0]
        assert (entry['action'], entry['detail']['actions']) == (
            'transition', [{'action': 'worth', 'kind': 'set_field', 'result': {'set': {field: value}}}])


def test_a_score_is_asked_for(rows, mkt, number):
    with blueprint(rows, 'lead', f'score_{number}', STATES, guarded('score_at_least', {'min': 50})):
        lead = mkt.make('leads', last_name='Scored')
    assert lead['score'] == 0
    fault(mkt.patch(f'/v1/leads/{lead["id"]}', json={'score': 90}), 422, 'validation_failed', '/score', 'read_only')
    f = refusal(mkt, 'leads', lead['id'])
    assert (f['observed'], f['expected'], f['path'], f['message']) == (
        0, {'gte': 50}, 'score', 'The score must be at least 50 (now: 0).')
    rows('update sluice.lead set score = 49 where id = %s', lead['id'])
    assert refusal(mkt, 'leads', lead['id'])['observed'] == 49
    rows('update sluice.lead set score = 50 where id = %s', lead['id'])
    mkt.moved('leads', lead['id'], 'go')


def test_tags_are_the_users_too(rows, mkt):
    lead = mkt.make('leads', last_name='Tagged', tags=['fair 2026', 'vip'])
    assert mkt.patch(f'/v1/leads/{lead["id"]}', json={'tags': ['vip']}).json()['tags'] == ['vip']
    assert mkt.patch(f'/v1/leads/{lead["id"]}', json={'tags': None}).status_code == 422
    assert mkt.patch(f'/v1/leads/{lead["id"]}', json={'tags': []}).json()['tags'] == []
    assert rows('select tags from sluice.lead where id = %s', lead['id'])[0]['tags'] is None


def test_compiler_and_database_agree_on_what_actions_set(rows):
    source = (ROOT / 'lib/blueprint/compile_actions.c').read_text()
    for entity in ('lead', 'account', 'opportunity'):
        block = re.search(rf'{entity}_fields\[\] = \{{(.*?)\}};', source, re.S)[1]
        assert set(re.findall(r'"(\w+)"', block)) == set(
            rows('select sluice.action_fields(%s) as f', entity)[0]['f'])


# births: guards of the initial transition, criteria, priorities, records that no process governs

def test_guards_of_the_initial_transition_hold_at_birth(rows, rep, verifier, number):
    """D8: what may not be born is not written."""
    guards = [{'key': 'industry', 'kind': 'field_present', 'params': {'field': 'industry'}},
              {'key': 'website', 'kind': 'matches', 'params': {'field': 'website', 'pattern': '^https:'}}]
    with blueprint(rows, 'account', f'born_{number}', STATES, born(guards)):
        before = everything(rows)
        answer = rep.post('/v1/accounts', json={'name': 'Unborn', 'industry': ' '})
        assert set(failures(answer)) == {'industry', 'website'}
        assert everything(rows) == before
        account = rep.make('accounts', name='Born', industry='it', website='https://born.example.org')
        assert account['verification'] == 'new'
        dry = rep.post('/v1/accounts', json={'name': 'Dry', 'industry': 'it'}, headers={'Prefer': 'tx=rollback'})
        assert set(failures(dry)) == {'website'}
    assert rep.make('accounts', name='As ever')['verification'] == 'to_verify'


def test_actors_of_the_initial_transition(rows, rep, manager, number):
    with blueprint(rows, 'account', f'whose_{number}', STATES, born(actors=[{'kind': 'role', 'value': 'manager'}])):
        problem(rep.post('/v1/accounts', json={'name': 'Not mine'}), 403, 'not_transition_owner')
        manager.make('accounts', name='Mine')


def test_the_highest_priority_whose_criteria_hold_governs(rows, mkt, number):
    """E2: deterministic, whatever the order of publishing."""
    vip, big = f'vip_{number}', f'big_{number}'
    publish(rows, 'lead', big, 50, [{'key': 'big', 'kind': 'field_compare', 'params': {
        'field': 'estimated_value.amount', 'op': 'gte', 'value': '1000'}}])
    publish(rows, 'lead', vip, 60, [{'key': 'either', 'op': 'any', 'guards': [
        {'key': 'tagged', 'kind': 'matches', 'params': {'field': 'need', 'pattern': 'vip'}},
        {'key': 'fair', 'kind': 'field_compare', 'params': {'field': 'source', 'value': 'fair'}}]}])
    try:
        value = {'amount': '5000', 'currency': 'PLN'}
        made = [mkt.make('leads', last_name='Born', **members)['id'] for members in (
            {'source': 'fair', 'estimated_value': value}, {'estimated_value': value}, {'need': 'vip'}, {'source': 'web'})]
        assert [process_of(mkt, 'leads', i) for i in made] == [vip, big, vip, 'lead_default']
    finally:
        retire(rows, vip, big)
    assert process_of(mkt, 'leads', mkt.make('leads', last_name='After', source='fair')['id']) == 'lead_default'
    assert process_of(mkt, 'leads', made[0]) == vip, 'records keep their process'


def test_a_record_of_no_process_is_free(new_daemon, contract):
    """With criteria everywhere, what matches none has no state and no transitions, and lives on."""
    daemon = new_daemon()
    client = Client(daemon, contract)
    session = client.post('/v1/session', json={k: daemon.admin[k] for k in ('email', 'password')}).json()
    client.token = session['access_token']
    for entity in ('lead', 'account', 'opportunity'):
        publish(daemon.sql, entity, f'only_{entity}', 10, [{'key': 'named', 'kind': 'matches', 'params': {
            'field': 'description', 'pattern': 'governed'}}])
    retire(daemon.sql, 'lead_default', 'account_verification', 'sales_pipeline')
    lead = client.make('leads', last_name='Free')
    account = client.make('accounts', name='Free')
    deal = client.make('opportunities', name='Free', account_id=account['id'])
    assert (lead['status'], account['verification_since'], deal['stage_category']) == (None, None, None)
    for collection, record in (('leads', lead), ('accounts', account), ('opportunities', deal)):
        listing = client.get(f'/v1/{collection}/{record["id"]}/transitions').json()
        assert (listing['state'], listing['blueprint'], listing['items']) == (None, None, [])
        refused = problem(client.move(collection, record['id'], 'go'), 409, 'no_such_transition')
        assert refused['legal'] == []
        assert client.get(f'/v1/{collection}/{record["id"]}/steps').json()['items'] == []
        assert problem(client.post(f'/v1/{collection}/{record["id"]}/steps/go', json={}), 409, 'no_such_step')['steps'] == []
        assert client.patch(f'/v1/{collection}/{record["id"]}', json={'description': 'governed'}).status_code == 200
        assert len(client.get(f'/v1/{collection}').json()['items']) == 1
        assert client.get(f'/v1/{collection}/{record["id"]}/timeline').status_code == 200
    failures(client.post(f'/v1/leads/{lead["id"]}/conversion', json={}))
    assert client.make('leads', last_name='Governed', description='governed')['status'] == 'new'


def test_working_time_by_a_calendar(rows, admin, mkt, number):
    """A calendar that is open on one day of the week only, and today is another."""
    today = datetime.now(timezone.utc).isoweekday()
    day = (today + 2) % 7 + 1
    admin.make('calendars', key=f'far_{number}', name='Far', time_zone='UTC',
               hours=[{'day': day, 'from': '00:00', 'to': '24:00'}])
    with blueprint(rows, 'lead', f'shut_{number}', STATES, guarded('working_time', {'calendar': f'far_{number}'})):
        lead = mkt.make('leads', last_name='Shut')
    f = refusal(mkt, 'leads', lead['id'])
    opens = moment(f['observed'])
    assert (opens.isoweekday(), opens.hour, f['path'], f['expected']) == (day, 0, 'now', {'calendar': f'far_{number}'})
    with blueprint(rows, 'lead', f'open_{number}', STATES, guarded('working_time', {'calendar': 'always'})):
        lead = mkt.make('leads', last_name='Open')
    mkt.moved('leads', lead['id'], 'go')


def test_tasks_of_actions_are_due_in_working_time(rows, admin, rep, number):
    today = datetime.now(timezone.utc).isoweekday()
    day = (today + 2) % 7 + 1
    admin.make('calendars', key=f'due_{number}', name='Due', time_zone='UTC',
               hours=[{'day': day, 'from': '08:00', 'to': '16:00'}])
    task = {'key': 'next', 'kind': 'create_task', 'params': {'subject': 'Next', 'due': 'PT2H', 'calendar': f'due_{number}'}}
    with blueprint(rows, 'account', f'due_{number}', STATES, acting(task)):
        account = rep.make('accounts', name='Due')
    rep.moved('accounts', account['id'], 'go')
    due = moment(rep.get('/v1/tasks', params={'account': account['id']}).json()['items'][0]['due_at'])
    assert (due.isoweekday(), due.hour, due.minute) == (day, 10, 0)
    with pytest.raises(psycopg2.Error, match='there is no such calendar'):
        with blueprint(rows, 'account', f'nodue_{number}', STATES, acting({
                'key': 'a', 'kind': 'create_task', 'params': {'subject': 'x', 'due': 'P1D', 'calendar': 'nowhere'}})):
            pass
