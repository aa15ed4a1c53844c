"""Duplicates: refused, acknowledged, flagged, on every way to write; what is told of them, and to whom (B1 to B9)."""
import contextlib
import json
import uuid

import pytest

from daemon import wait_for
from helpers import STATES, blueprint, born, content, fault, label, nip, post_form, problem, qualify, taken, together

@pytest.fixture
def word():
    """A word that nothing else is called."""
    letters = 'bcdfghjklmnprstwz'
    n = uuid.uuid4().int
    return ''.join(letters[n >> 5 * i & 15] + 'aeiou'[(n >> 5 * i) % 5] for i in range(8))


def refused(answer, rule, overridable):
    """The only match of a refusal."""
    body = problem(answer, 409, 'duplicate')
    assert body['overridable'] is overridable, body
    assert [m['rule'] for m in body['matches']] == [rule], body
    return body['matches'][0]


def accounts(rows, tax):
    return rows("select count(*) from sluice.match_key where kind = 'tax_id' and key like %s", f'%{tax}')[0]['count']


@contextlib.contextmanager
def rule(admin, entity, key, **members):
    """A rule as a test wants it."""
    listed = admin.get('/v1/duplicate-rules', params={'entity': entity}).json()['items']
    was = next(r for r in listed if r['key'] == key)
    admin.patched('duplicate-rules', was['id'], **members)
    try:
        yield
    finally:
        admin.patched('duplicate-rules', was['id'], **{k: was[k] for k in members})


def new_role(rows, key):
    rows('insert into sluice.role (key, label, position) values (%s, %s, 90) on conflict do nothing', key, json.dumps(label(key)))


def test_tax_id_differently_written(rep, rows, word, tax_id):
    """Scenario 6."""
    first = rep.make('accounts', name=f'{word} one', tax_id=f'{tax_id[:3]}-{tax_id[3:6]}-{tax_id[6:8]}-{tax_id[8:]}')
    before = content(rows)
    answer = rep.post('/v1/accounts', json={'name': 'Something else', 'tax_id': f'PL {tax_id}'})
    assert refused(answer, 'tax_id', False) == {
        'id': first['id'], 'entity': 'account', 'rule': 'tax_id', 'mode': 'refuse', 'score': 1, 'fields': ['tax_id'],
        'label': f'{word} one'}
    assert content(rows) == before


def test_refusal_is_history(rep, rows, word, tax_id):
    """Section 4: a refused create hangs on the request id; nothing of the other record stands in the entry."""
    rep.make('accounts', name=word, tax_id=tax_id)
    mine = str(uuid.uuid4())
    refused(rep.post('/v1/accounts', json={'name': 'X', 'tax_id': tax_id}, headers={'Request-Id': mine}), 'tax_id', False)
    entries = rows('select action, entity, record_id, operation, detail from sluice.audit where request_id = %s', mine)
    assert entries == [{'action': 'denied', 'entity': 'account', 'record_id': None, 'operation': 'account_create', 'detail': {
        'code': 'duplicate', 'failures': [{'entity': 'account', 'rule': 'tax_id', 'mode': 'refuse', 'score': 1}]}}]


def test_name_and_city(rep, word):
    """Scenario 7: legal form, case and points do not matter; another city is another company, by the threshold."""
    first = rep.make('accounts', name=f'{word} Sp. z o.o.', city='Warszawa')
    there = refused(rep.post('/v1/accounts', json={'name': f'{word.upper()} sp z o o', 'city': 'WARSZAWA'}), 'name', True)
    assert (there['id'], there['score'], there['fields']) == (first['id'], 0.9, ['name', 'city'])
    rep.make('accounts', name=f'{word} sp z o o', city='Gdańsk')


def test_another_city_scores_lower(admin, rep, word):
    """Scenario 7, second half: the score by which the threshold decides."""
    rep.make('accounts', name=f'{word} Sp. z o.o.', city='Warszawa')
    with rule(admin, 'account', 'name', threshold=0.6):
        scores = {city: rep.post('/v1/accounts/duplicates', json={'name': word, 'city': city}).json()['matches'][0]['score']
                  for city in ('Warszawa', 'Gdańsk')}
        refused(rep.post('/v1/accounts', json={'name': word, 'city': 'Gdańsk'}), 'name', True)
    assert scores == {'Warszawa': 0.9, 'Gdańsk': 0.7}
    assert rep.post('/v1/accounts/duplicates', json={'name': word, 'city': 'Gdańsk'}).json() == {
        'refused': False, 'overridable': False, 'matches': []}


def test_alert(rep, verifier, rows, word):
    """Scenario 8: acknowledged with a reason it is written, and the pair is on the verifier's list."""
    first = rep.make('accounts', name=word, city='Warszawa')
    body = {'name': f'{word} S.A.', 'city': 'Warszawa'}
    before = content(rows)
    refused(rep.post('/v1/accounts', json=body), 'name', True)
    answer = rep.post('/v1/accounts', json={**body, 'acknowledge_duplicates': {}})
    assert fault(answer, 422, 'validation_failed', '/acknowledge_duplicates/reason', 'required')
    answer = rep.post('/v1/accounts', json={**body, 'acknowledge_duplicates': {'reason': ' '}})
    assert fault(answer, 422, 'validation_failed', '/acknowledge_duplicates/reason', 'required')
    assert content(rows) == before
    second = rep.make('accounts', **body, acknowledge_duplicates={'reason': 'A branch that buys on its own'})
    assert second['verification'] == 'to_verify'
    (pair,) = verifier.get('/v1/duplicates', params={'status': 'open', 'entity': 'account', 'record': second['id']}).json()['items']
    assert {k: pair[k] for k in ('rule', 'score', 'fields', 'record', 'other', 'status', 'acknowledged_by', 'reason')} == {
        'rule': 'name', 'score': 0.9, 'fields': ['name', 'city'], 'status': 'open', 'acknowledged_by': rep.user['id'],
        'record': {'entity': 'account', 'id': second['id'], 'label': f'{word} S.A.'},
        'other': {'entity': 'account', 'id': first['id'], 'label': word}, 'reason': 'A branch that buys on its own'}


def test_verifier_dismisses(rep, viewer, verifier, word):
    """A dismissed pair is settled: nothing asks about it any more."""
    rep.make('accounts', name=word, city='Warszawa')
    second = rep.make('accounts', name=f'{word} S.A.', city='Warszawa', acknowledge_duplicates={'reason': 'Branch'})
    (pair,) = verifier.get('/v1/duplicates', params={'record': second['id']}).json()['items']
    path = f'/v1/duplicates/{pair["id"]}/dismiss'
    assert problem(rep.post(path, json={}), 403, 'forbidden')
    assert problem(viewer.get('/v1/duplicates'), 403, 'forbidden')
    done = verifier.post(path, json={'note': 'Two registers'}).json()
    assert (done['status'], done['note'], done['decided_by'], done['version']) == ('dismissed', 'Two registers', verifier.user['id'], 2)
    assert problem(verifier.post(path, json={}), 409, 'conflict')
    assert verifier.get('/v1/duplicates', params={'status': 'open', 'record': second['id']}).json()['items'] == []
    rep.patched('accounts', second['id'], name=f'{word} s.a.', street='Polna 1')


def test_block_cannot_be_overridden(rep, admin, rows, word, tax_id):
    """Scenario 9."""
    rep.make('accounts', name=word, tax_id=tax_id)
    before = content(rows)
    for client in (rep, admin):
        answer = client.post('/v1/accounts', json={'name': 'X', 'tax_id': tax_id, 'acknowledge_duplicates': {'reason': 'I know'}})
        refused(answer, 'tax_id', False)
    assert content(rows) == before


@pytest.mark.parametrize('members, rule_key', [({'tax_id': None}, 'tax_id'), ({'city': 'Warszawa'}, 'name')])
def test_race(rep, rows, word, tax_id, members, rule_key):
    """Scenario 10, for an exact and for a fuzzy rule."""
    if 'tax_id' in members:
        members = {'tax_id': tax_id}
    before = content(rows, ('account',))
    jobs = [taken(lambda i=i: rep.post('/v1/accounts', json={
        'name': f'{word} {uuid.uuid4()}' if 'tax_id' in members else word.upper() if i % 2 else f'{word} GmbH', **members})) for i in range(20)]
    answers = together(*jobs)
    assert sorted(a.status_code for a in answers) == [201] + [409] * 19, [a.text for a in answers]
    made = next(a.json() for a in answers if a.status_code == 201)
    for a in answers:
        if a.status_code == 409:
            assert refused(a, rule_key, rule_key == 'name')['id'] == made['id']
    assert content(rows, ('account',)) != before
    assert rows('select count(*) from sluice.account where name ilike %s', f'%{word}%')[0]['count'] == 1


def test_update(rep, rows, word, tax_id):
    """A PATCH meets the same rules; what it does not change is not asked about again."""
    rep.make('accounts', name=word, tax_id=tax_id, city='Łódź')
    other = rep.make('accounts', name='Quite another name')
    mine = str(uuid.uuid4())
    answer = rep.patch(f'/v1/accounts/{other["id"]}', json={'tax_id': tax_id}, headers={'Request-Id': mine})
    refused(answer, 'tax_id', False)
    assert rep.read('accounts', other['id']) == other
    assert rows('select record_id::text, action from sluice.audit where request_id = %s', mine) == [
        {'record_id': other['id'], 'action': 'denied'}]
    refused(rep.patch(f'/v1/accounts/{other["id"]}', json={'name': f'{word} SA', 'city': 'Łódź'}), 'name', True)
    now = rep.patched('accounts', other['id'], name=f'{word} SA', city='Łódź', acknowledge_duplicates={'reason': 'Sister'})
    assert now['name'] == f'{word} SA'
    rep.patched('accounts', other['id'], phone='+48 22 123 45 67', city='Lodz')


def test_deleted_records_are_no_duplicates(manager, rep, word, tax_id):
    first = rep.make('accounts', name=word, tax_id=tax_id)
    assert manager.delete(f'/v1/accounts/{first["id"]}').status_code == 204
    rep.make('accounts', name=word, tax_id=tax_id)


def test_preview_writes_nothing(rep, rows, word, tax_id):
    first = rep.make('accounts', name=word, city='Radom', tax_id=tax_id)
    before = content(rows)
    assert rep.post('/v1/accounts/duplicates', json={'name': word, 'city': 'Radom'}).json() == {
        'refused': True, 'overridable': True, 'matches': [{
            'id': first['id'], 'entity': 'account', 'rule': 'name', 'mode': 'acknowledge', 'score': 0.9,
            'fields': ['name', 'city'], 'label': word}]}
    found = rep.post('/v1/accounts/duplicates', json={'name': word, 'city': 'Radom', 'tax_id': tax_id}).json()
    assert (found['refused'], found['overridable'], [m['rule'] for m in found['matches']]) == (True, False, ['tax_id'])
    assert content(rows) == before


def test_a_lead_looks_at_contacts_and_accounts(mkt, rep, verifier, word, number):
    """B8: which side matched."""
    person = rep.make('contacts', last_name='Nowak', email=f'{word}@example.com')
    company = rep.make('accounts', name=f'{word} Ltd', email=f'{word}@example.com')
    earlier = mkt.make('leads', last_name='Nowak', email=f'{word}+web@example.com')
    found = mkt.post('/v1/leads/duplicates', json={'email': f'{word.upper()}@Example.com'}).json()
    assert {(m['entity'], m['id'], m['rule'], m['score']) for m in found['matches']} == {
        ('contact', person['id'], 'email', 1), ('account', company['id'], 'email', 1), ('lead', earlier['id'], 'email', 1)}
    assert (found['refused'], found['overridable']) == (False, False)
    lead = mkt.make('leads', last_name='Nowak', email=f'{word}@example.com')
    pairs = verifier.get('/v1/duplicates', params={'record': lead['id']}).json()['items']
    assert {(p['other']['entity'], p['other']['id'], p['acknowledged_by']) for p in pairs} == {
        ('contact', person['id'], None), ('account', company['id'], None), ('lead', earlier['id'], None)}


def test_contacts_are_flagged(rep, verifier, word):
    first = rep.make('contacts', last_name='Nowak', email=f'{word}@example.com')
    second = rep.make('contacts', last_name='Nowak-Kowalska', email=f'{word}@example.com')
    (pair,) = verifier.get('/v1/duplicates', params={'record': second['id'], 'entity': 'contact'}).json()['items']
    assert (pair['rule'], pair['score'], pair['other']['id'], pair['fields']) == ('email', 1, first['id'], ['email'])


def test_what_is_not_theirs_to_see(admin, rep, rows, new_user, word, tax_id):
    """B5: that it is there, and whom to ask; nothing else."""
    first = rep.make('accounts', name=f'{word} secret', tax_id=tax_id)
    new_role(rows, 'loner')
    rows("insert into sluice.role_permission (role, permission, scope) values ('loner', 'account.read', 'own'), "
         "('loner', 'account.write', 'own'), ('loner', 'duplicate.acknowledge', 'all') on conflict do nothing")
    loner = new_user('loner')
    answer = loner.post('/v1/accounts', json={'name': 'X', 'tax_id': tax_id})
    assert refused(answer, 'tax_id', False) == {
        'entity': 'account', 'rule': 'tax_id', 'mode': 'refuse', 'score': 1, 'hidden': True,
        'owner': {'id': rep.user['id'], 'name': rep.user['name']}}
    assert first['id'] not in answer.text and word not in answer.text
    answer = loner.post('/v1/accounts/duplicates', json={'name': 'X', 'tax_id': tax_id})
    assert answer.json()['refused'] and first['id'] not in answer.text and word not in answer.text


def test_acknowledging_needs_a_permission(rep, rows, new_user, word):
    rep.make('accounts', name=word, city='Warszawa')
    new_role(rows, 'clerk')
    rows("insert into sluice.role_permission (role, permission) values ('clerk', 'account.read'), ('clerk', 'account.write') "
         'on conflict do nothing')
    clerk = new_user('clerk')
    before = content(rows)
    body = problem(clerk.post('/v1/accounts', json={'name': word, 'city': 'Warszawa', 'acknowledge_duplicates': {'reason': 'So'}}),
                   403, 'forbidden')
    assert 'duplicate.acknowledge' in body['detail']
    assert content(rows) == before


def test_intake_flags_and_never_tells(anonymous, daemon, verifier, admin, rows, word, rep):
    """Shipped: a lead of a known person is made, and listed. A rule that refuses holds the submission."""
    known = rep.make('contacts', last_name='Nowak', email=f'{word}@example.com')
    answer = post_form(anonymous, daemon, last_name='Nowak', email=f'{word}@example.com', company=word)
    assert answer.status_code == 201 and answer.json()['outcome'] == 'created', answer.text
    (pair,) = verifier.get('/v1/duplicates', params={'record': answer.json()['id']}).json()['items']
    assert (pair['other']['id'], pair['rule']) == (known['id'], 'email')
    with rule(admin, 'lead', 'email', mode='refuse'):
        answer = post_form(anonymous, daemon, last_name='Nowak', email=f'{word}@example.com', company=word)
    assert (answer.status_code, answer.json()['outcome'], answer.json()['id']) == (202, 'held', None), answer.text
    assert known['id'] not in answer.text
    held = rows('select outcome, lead_id, faults from sluice.intake_submission where id = %s', answer.json()['submission_id'])[0]
    assert (held['outcome'], held['lead_id'], held['faults'][0]['code']) == ('held', None, 'duplicate')


def test_conversion(mkt, rep, word, tax_id):
    """What would be linked by itself is linked; what is made in spite of it meets the rules."""
    account = rep.make('accounts', name=f'{word} SA', tax_id=tax_id)
    lead = mkt.make('leads', last_name='Nowak', company='Other name', tax_id=f'PL{tax_id}', city='Opole')
    qualify(mkt, lead['id'])
    preview = mkt.get(f'/v1/leads/{lead["id"]}/conversion').json()
    assert [(c['entity'], c['id'], c['rule'], c['score']) for c in preview['candidates']] == [('account', account['id'], 'tax_id', 1)]
    path = f'/v1/leads/{lead["id"]}/conversion'
    match = refused(mkt.post(path, json={'account': {'create': {'name': 'Anew'}}}), 'tax_id', False)
    assert match['id'] == account['id']
    assert mkt.read('leads', lead['id'])['status'] == 'qualified'
    assert mkt.history('leads', lead['id'])[0]['detail']['code'] == 'duplicate'
    made = mkt.post(path, json={}).json()
    assert (made['account']['id'], made['account']['outcome']) == (account['id'], 'linked')


def test_conversion_acknowledged(mkt, rep, verifier, word):
    account = rep.make('accounts', name=word, city='Opole')
    lead = mkt.make('leads', last_name='Nowak', company=word, city='Opole')
    qualify(mkt, lead['id'])
    path, body = f'/v1/leads/{lead["id"]}/conversion', {'account': {'create': {'name': f'{word} sp. j.'}}}
    assert refused(mkt.post(path, json=body), 'name', True)['id'] == account['id']
    made = mkt.post(path, json={**body, 'acknowledge_duplicates': {'reason': 'A daughter'}}).json()
    (pair,) = verifier.get('/v1/duplicates', params={'record': made['account']['id']}).json()['items']
    assert (pair['other']['id'], pair['reason']) == (account['id'], 'A daughter')


def test_linking_fills_in_no_duplicate(mkt, rep, rows, word, tax_id):
    """What an account gets from the lead is a write like any other."""
    owner = rep.make('accounts', name=f'{word} one', tax_id=tax_id)
    other = rep.make('accounts', name=f'{word} two')
    lead = mkt.make('leads', last_name='Nowak', company='Third', tax_id=tax_id, phone='+48 22 555 01 02')
    qualify(mkt, lead['id'])
    path = f'/v1/leads/{lead["id"]}/conversion'
    assert refused(mkt.post(path, json={'account': {'id': other['id']}}), 'tax_id', False)['id'] == owner['id']
    assert rep.read('accounts', other['id']) == other
    person = rep.make('contacts', last_name='Nowak')
    made = mkt.post(path, json={'account': {'id': owner['id']}, 'contact': {'id': person['id']}})
    assert made.status_code == 200, made.text
    assert rows("select key from sluice.match_key where record_id = %s and kind = 'phone'", person['id']) == [
        {'key': '+48225550102'}]
    assert rows('select count(*) from sluice.rekey where record_id in (%s, %s)', person['id'], owner['id']) == [{'count': 0}]


def test_transition_fields(mkt, rows, admin, word):
    """Fields that come with a move are a write like any other."""
    inputs = [{'key': 'email', 'kind': 'field', 'required': False, 'label': label('E-mail'), 'params': {'field': 'email'}}]
    mkt.make('leads', last_name='First', email=f'{word}@example.com')
    with blueprint(rows, 'lead', f'p_{word}', STATES, born(inputs=inputs)):
        lead = mkt.make('leads', last_name='Second', email=f'{word}2@example.com')
    body = {'fields': {'email': f'{word}@example.com'}}
    path = f'/v1/leads/{lead["id"]}/transitions/go'
    with rule(admin, 'lead', 'email', mode='refuse'):
        refused(mkt.post(path, json=body), 'email', False)
        assert mkt.read('leads', lead['id']) == lead
        assert mkt.history('leads', lead['id'])[0]['action'] == 'denied'
        bulk = mkt.post('/v1/leads/transitions/go', json={'ids': [lead['id']], **body})
        assert bulk.status_code == 207, bulk.text
        assert (bulk.json()['items'][0]['status'], bulk.json()['items'][0]['problem']['code']) == (409, 'duplicate')
    with rule(admin, 'lead', 'email', mode='acknowledge'):
        refused(mkt.post(path, json=body), 'email', True)
        moved = mkt.post(path, json={**body, 'acknowledge_duplicates': {'reason': 'Brothers'}})
        assert moved.status_code == 200, moved.text
    assert mkt.read('leads', lead['id'])['email'] == f'{word}@example.com'


def test_writes_past_the_daemon_are_repaired(rep, verifier, rows, word, tax_id):
    """Nobody forgets: what SQL writes gets its keys by itself, and what it doubles is listed."""
    first = rep.make('accounts', name=word, tax_id=tax_id)
    sneaked = str(uuid.uuid4())
    rows('insert into sluice.account (id, name, tax_id) values (%s, %s, %s)', sneaked, 'Sneaked in', tax_id)
    (pair,) = wait_for(lambda: verifier.get('/v1/duplicates', params={'record': sneaked}).json()['items'])
    assert (pair['rule'], pair['score'], pair['other']['id'], pair['acknowledged_by']) == ('tax_id', 1, first['id'], None)
    assert rows('select count(*) from sluice.rekey where record_id = %s', sneaked) == [{'count': 0}]


def test_rules_are_checked(admin):
    good = {'key': 'post', 'entity': 'account', 'kind': 'exact', 'keys': ['name', 'postcode'], 'mode': 'flag'}
    for change, pointer in (({'keys': []}, '/keys'), ({'keys': ['postcode']}, '/keys'), ({'keys': ['person']}, '/keys'),
                            ({'against': ['contact']}, '/keys'), ({'kind': 'fuzzy'}, '/weights'),
                            ({'kind': 'fuzzy', 'weights': {'name': 1}}, '/threshold'),
                            ({'kind': 'fuzzy', 'weights': {'name': 1}, 'threshold': 0.5, 'against': ['contact']}, '/against')):
        body = problem(admin.post('/v1/duplicate-rules', json={**good, **change}), 422, 'validation_failed')
        assert [e['pointer'] for e in body['errors']] == [pointer], (change, body)
    assert fault(admin.post('/v1/duplicate-rules', json={**good, 'keys': ['colour']}), 422, 'validation_failed', '/keys/0', 'enum')
    assert fault(admin.post('/v1/duplicate-rules', json={**good, 'key': 'tax_id'}), 409, 'conflict', '/key', 'unique')


def test_keys_are_and_ed(admin, rep, word):
    """B1: several keys of a rule must all agree; several rules are alternatives."""
    made = admin.make('duplicate-rules', key=f'r{word}', entity='account', kind='exact', keys=['name', 'postcode'], mode='refuse')
    try:
        rep.make('accounts', name=f'{word} AG', postcode='00-950')
        rep.make('accounts', name=f'{word} AG', postcode='00-951')
        refused(rep.post('/v1/accounts', json={'name': f'{word} GmbH', 'postcode': '00950'}), f'r{word}', False)
    finally:
        assert admin.delete(f'/v1/duplicate-rules/{made["id"]}').status_code == 204
