"""Somebody else holds what a request needs: locks of a DBA, deadlocks, conflicts."""
from daemon import Client, wait_for
from worlds import DEADLINE_S, LATE_S, now


def hold(world, table):
    """A transaction that keeps everybody out of a table until it is rolled back."""
    holder = world.cluster.connect()
    holder.autocommit = False
    holder.cursor().execute(f'lock table {table} in access exclusive mode')
    return holder


def let_go(holder):
    holder.rollback()
    holder.close()


def test_a_locked_table_holds_up_nobody_else(world):
    client = Client(world.daemon, world.contract, world.key)
    holder = hold(world, 'sluice.lead')
    for ask in (lambda: client.get('/v1/leads'), lambda: client.post('/v1/leads', json={'last_name': 'held'})):
        began = now()
        answer = ask()
        assert answer.status_code in (503, 504) and answer.json()['retryable'] is True, answer.text
        assert now() - began < DEADLINE_S + LATE_S
    assert client.get('/v1/accounts').status_code == 200
    let_go(holder)
    began = now()
    wait_for(lambda: client.post('/v1/leads', json={'last_name': 'free'}).status_code == 201, 10, 'a write')
    assert now() - began < 2
    assert not world.sql("select from sluice.lead where last_name = 'held'")
