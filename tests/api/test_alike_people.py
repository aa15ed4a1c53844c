"""Contacts whose names are alike, at the same account or at the same domain (B7): scores, modes, and every way to write."""
import pytest

from helpers import fault, problem, qualify
from test_duplicates import refused, rule, word  # noqa: F401 pylint: disable=unused-import
from test_import import Import, finished


def person(word, **more):
    return {'first_name': 'Katarzyna', 'last_name': f'Wi{word}ska', **more}


def preview(client, **members):
    answer = client.post('/v1/contacts/duplicates', json=members)
    assert answer.status_code == 200, answer.text
    return [(m['id'], m['rule'], m['score'], m['fields']) for m in answer.json()['matches']]


def other(word):
    """One letter is another one."""
    return person(f'{word[:-1]}y')


@pytest.fixture
def account(rep, word):
    return rep.make('accounts', name=f'{word} SA')['id']


def test_what_counts(rep, word, account):
    """The name counts 0.7, the account 0.2, the domain 0.1; free mail says nothing, and the order of names neither."""
    first = rep.make('contacts', account_id=account, email=f'kw@{word}.example', **person(word))['id']
    same = person(word)
    names = ['first_name', 'last_name']
    assert preview(rep, **same, account_id=account, email=f'other@{word}.example') == [
        (first, 'name', 1, [*names, 'account_id', 'email'])]
    assert preview(rep, **same, account_id=account) == [(first, 'name', 0.9, [*names, 'account_id'])]
    assert preview(rep, **same, account_id=account.upper()) == [(first, 'name', 0.9, [*names, 'account_id'])]
    assert preview(rep, **same, email=f'other@mail.{word}.example') == [(first, 'name', 0.8, [*names, 'email'])]
    assert preview(rep, first_name=same['last_name'].upper(), last_name='KATARZYNA', account_id=account) == [
        (first, 'name', 0.9, [*names, 'account_id'])]
    assert preview(rep, **same) == []
    assert preview(rep, **same, email='kw@gmail.com') == []
    found, = preview(rep, **other(word), account_id=account, email=f'x@{word}.example')
    assert found[0] == first and 0.8 <= found[2] < 1 and found[3] == [*names, 'account_id', 'email']


def test_they_are_listed(rep, verifier, word, account):
    first = rep.make('contacts', account_id=account, **person(word))
    second = rep.make('contacts', account_id=account, **person(word))
    elsewhere = rep.make('contacts', **person(word))

    def pairs(record):
        return [(p['rule'], p['score'], p['fields']) for p in
                verifier.get('/v1/duplicates', params={'record': record['id'], 'entity': 'contact'}).json()['items']]
    assert pairs(second) == [('name', 0.9, ['first_name', 'last_name', 'account_id'])]
    assert pairs(elsewhere) == []
    rep.patched('contacts', elsewhere['id'], account_id=account)  # who comes to the company is looked at again
    assert len(pairs(elsewhere)) == 2 and len(pairs(first)) == 2


def test_a_rule_that_refuses(admin, rep, mkt, word, account):
    first = rep.make('contacts', account_id=account, **person(word))
    loose = rep.make('contacts', **person(word))
    with rule(admin, 'contact', 'name', mode='refuse'):
        body = {**person(word), 'account_id': account.upper()}
        assert refused(rep.post('/v1/contacts', json=body), 'name', False)['id'] == first['id']
        refused(rep.patch(f'/v1/contacts/{loose["id"]}', json={'account_id': account}), 'name', False)
        assert rep.read('contacts', loose['id']) == loose
        lead = qualify(mkt, mkt.make('leads', company=f'{word} SA', **person(word))['id'])
        answer = mkt.post(f'/v1/leads/{lead["id"]}/conversion', json={'account': {'id': account}, 'contact': {'create': {}}})
        assert refused(answer, 'name', False)['id'] == first['id']
        assert mkt.read('leads', lead['id']) == lead
    with rule(admin, 'contact', 'name', mode='acknowledge'):
        refused(rep.post('/v1/contacts', json=body), 'name', True)
        kept = rep.post('/v1/contacts', json={**body, 'acknowledge_duplicates': {'reason': 'Mother and daughter'}})
        assert kept.status_code == 201, kept.text


def test_imported_ones_are_compared_after_the_run(manager, word, account):
    first = manager.make('contacts', account_id=account, **person(word))
    done = Import(manager, f'first_name,last_name,account_id\nKatarzyna,Wi{word}ska,{account}\nJan,Bu{word}cki,{account}\n',
                  'contact')
    done.propose()
    assert done.do('run')['result']['created'] == 2
    finished(manager, {'id': done.read()['compare_job_id']})
    assert (done.read()['compared'], done.read()['suspected']) == (2, 1)
    pair, = manager.get('/v1/duplicates', params={'record': first['id'], 'entity': 'contact'}).json()['items']
    assert (pair['rule'], pair['score'], pair['record']['id']) == ('name', 0.9, done.rows()[0]['record_id'])


def test_what_a_rule_may_weigh(admin, word):
    good = {'key': f'r{word}', 'entity': 'contact', 'kind': 'fuzzy', 'weights': {'name': 0.7, 'account': 0.3}, 'threshold': 0.8,
            'mode': 'flag'}
    for change, pointer in (({'weights': {'name': 1, 'city': 1}}, '/weights/city'),
                            ({'against': ['account']}, '/against'), ({'against': ['contact', 'lead']}, '/against'),
                            ({'entity': 'account', 'against': ['account']}, '/weights/account'),
                            ({'entity': 'lead', 'against': ['lead'], 'weights': {'name': 1, 'domain': 1}}, '/weights/domain')):
        body = problem(admin.post('/v1/duplicate-rules', json={**good, **change}), 422, 'validation_failed')
        assert [e['pointer'] for e in body['errors']] == [pointer], (change, body)
    fault(admin.post('/v1/duplicate-rules', json={**good, 'weights': {'account': 1}}), 422, 'validation_failed', '/weights/name', 'required')
    made = admin.make('duplicate-rules', **good)
    assert admin.delete(f'/v1/duplicate-rules/{made["id"]}').status_code == 204
