"""Fifty clients do the same at the same moment: it happens once, and each is told what became of it.

SLUICE_LONG=1 does so a thousand times in each way."""
import os
from collections import Counter

import pytest

from daemon import Client, wait_for
from helpers import together

CROWD, ROUNDS = 50, 1000 if os.environ.get('SLUICE_LONG') == '1' else 4
BUSY = (503, 'busy')  # a machine may be too slow for so many: nothing was done


@pytest.fixture(scope='module')
def crowd(daemon, contract, rep):
    return [Client(daemon, contract, rep.token) for _ in range(CROWD)]


def outcomes(answers):
    """How often each was told: the status, and the code of a refusal."""
    return Counter((a.status_code, a.json()['code'] if a.status_code >= 400 else '') for a in answers)


def test_one_key(crowd, rep, rows, number, duplicates_allowed):
    """One lead is made; the others are told of it, or to come back, and then are told of it."""
    for n in range(ROUNDS):
        name, key = f'Fifty {number} {n}', {'Idempotency-Key': f'fifty-{number}-{n}'}
        answers = together(*[lambda c=c: c.post('/v1/leads', json={'last_name': name}, headers=key) for c in crowd])
        # 200: it is made, and the first one's answer is not yet kept
        assert set(outcomes(answers)) <= {(201, ''), (200, ''), (409, 'idempotency_in_flight'), BUSY}, outcomes(answers)

        def repeated(name=name, key=key):
            answer = rep.post('/v1/leads', json={'last_name': name}, headers=key)
            return answer.json()['id'] if answer.status_code in (200, 201) else None
        made = wait_for(repeated, 20, 'the answer')
        assert {a.json()['id'] for a in answers if a.status_code < 300} <= {made}
        assert [str(r['id']) for r in rows('select id from sluice.lead where last_name = %s', name)] == [made]


def test_one_transition(crowd, rep, rows):
    """One moves it; the others find it moved."""
    for n in range(ROUNDS):
        lead = rep.make('leads', last_name=f'Moved by fifty {n}')['id']
        told = outcomes(together(*[lambda c=c: c.move('leads', lead, 'archived') for c in crowd]))
        assert told.pop((200, '')) == 1
        assert set(told) <= {(409, 'no_such_transition'), BUSY}, told
        visits = rows('select state from sluice.visit where record_id = %s order by id', lead)
        assert [v['state'] for v in visits] == ['open', 'archived']
        moves = rows("select count(*) as n from sluice.audit where record_id = %s and action = 'transition'", lead)
        assert moves[0]['n'] == 1


def test_one_version(crowd, rep, rows):
    """One change of what all have read; the others must read again."""
    for n in range(ROUNDS):
        lead = rep.make('leads', last_name=f'Changed by fifty {n}')['id']
        answers = together(*[lambda i=i, c=c: c.patch(f'/v1/leads/{lead}', json={'description': f'by {i}'}, headers={'If-Match': '"1"'})
                             for i, c in enumerate(crowd)])
        told = outcomes(answers)
        assert told.pop((200, '')) == 1
        assert set(told) <= {(412, 'stale'), BUSY}, told
        won = next(a.json() for a in answers if a.status_code == 200)
        kept = rows('select version, description from sluice.lead where id = %s', lead)[0]
        assert (kept['version'], kept['description']) == (2, won['description'])
