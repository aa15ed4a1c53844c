"""Somebody else holds what a request needs: locks of a DBA, deadlocks, conflicts."""
import threading
import uuid
from collections import Counter

import pytest

from daemon import Client, wait_for
from worlds import DEADLINE_S, LATE_S, LONG, now


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
    wait_for(lambda: client.post('/v1/leads', json={'last_name': 'free'}).status_code == 201, 30, 'a write')
    assert now() - began < 2
    assert not world.sql("select from sluice.lead where last_name = 'held'")


def others(world, seen, stopped):
    """Reads and writes of another table, while one is locked."""
    client = Client(world.daemon, world.contract, world.key)
    while not stopped.is_set():
        for kind, ask in (('read', lambda: client.get('/v1/accounts?limit=1')),
                          ('write', lambda: client.post('/v1/teams', json={'name': uuid.uuid4().hex}))):
            began = now()
            answer = ask()
            seen.append((kind, answer.status_code, now() - began))


def test_a_locked_table_under_load_holds_up_nobody_else(world):
    """An ALTER TABLE of a DBA on the busiest table: those who need it are told to come back, others go on."""
    seen, stopped = [], threading.Event()
    with world.ledger(writers=8) as ledger:
        ledger.at_least(20)
        holder, began = hold(world, 'sluice.lead'), now()
        beside = threading.Thread(target=others, args=(world, seen, stopped))
        beside.start()
        wait_for(lambda: now() - began > (6 if not LONG else 30), 40)
        stopped.set()
        beside.join(30)
        let_go(holder)
        took = world.recovered(ledger, now())
        assert ledger.longest(began) < DEADLINE_S + LATE_S
        told = ledger.seen(began)
        print(f'ledger: {dict(told)}, back after {took:.2f} s; others: {Counter((k, s) for k, s, _ in seen)}, '
              f'longest {max(t for _, _, t in seen):.2f} s')
        assert {s for _, s, _ in seen} <= {200, 201}
        assert len([1 for kind, _, _ in seen if kind == 'write']) >= 5
        assert told[503] + told[504] > 0  # here a statement may take as long as it may wait for a lock: either says so
        world.settled(ledger)


CONFLICT = """create sequence sluice.conflicts_of_tests;
    create function sluice.conflict_of_tests() returns trigger language plpgsql as $$
    begin
        if nextval('sluice.conflicts_of_tests') % {every} < {fail} then
            raise exception using errcode = case (random() * 2)::integer when 0 then '40001' else '40P01' end;
        end if;
        return new;
    end $$;
    grant usage on sequence sluice.conflicts_of_tests to public;
    create trigger zz_conflict_of_tests before insert or update on sluice.lead for each row
        execute function sluice.conflict_of_tests();"""
NO_CONFLICT = """drop trigger zz_conflict_of_tests on sluice.lead; drop function sluice.conflict_of_tests();
    drop sequence sluice.conflicts_of_tests"""


@pytest.mark.parametrize('every, fail, told', [(2, 1, False), (1, 1, True), (7, 5, True)],
                         ids=['now and then', 'always', 'more often than not'])
def test_nothing_is_lost_when_transactions_conflict(world, every, fail, told):
    """A conflict that three repeats solve is never seen; one that stays is 503, to be repeated."""
    with world.ledger() as ledger:
        ledger.at_least(5)
        world.sql(CONFLICT.format(every=every, fail=fail))
        try:
            began = now()
            if every == 1:
                wait_for(lambda: ledger.seen(began)[503] >= 20, 20, 'refusals')
            else:
                ledger.at_least(40 if not LONG else 1000, 600)
        finally:
            world.sql(NO_CONFLICT)
        wrong = [a for a in ledger.attempts(began) if a.status == 503]
        assert all(a.retry_after and a.code == 'busy' and a.took < 1 for a in wrong), wrong[:3]
        if not told and wrong:  # two writers met the odd and the even
            assert len(wrong) < len(ledger.attempts(began)) / 4
        ledger.at_least(10)
        world.settled(ledger)


def test_a_victim_of_a_deadlock_is_repeated(world):
    """Another session holds what the write waits for, and waits for what the write holds."""
    client = Client(world.daemon, world.contract, world.key)
    lead = client.make('leads', last_name='Deadlock')['id']
    world.sql("""create function sluice.wait_of_tests() returns trigger language plpgsql as $$
                 begin perform pg_advisory_xact_lock(4711); return new; end $$;
                 create trigger zz_wait_of_tests after update on sluice.lead for each row
                 when (new.description = 'deadlock') execute function sluice.wait_of_tests()""")
    holder = world.cluster.connect()
    try:
        holder.autocommit = False
        other = holder.cursor()
        other.execute("set deadlock_timeout = '20s'; select pg_advisory_xact_lock(4711)")
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(
            client.patch(f'/v1/leads/{lead}', json={'description': 'deadlock'})))
        waiting.start()
        # the daemon's waits once as long as it takes to look for a deadlock: the other one must be waiting by then, however
        # slow this process is
        other.execute(f"""do $$ begin
                              for n in 1..6000 loop
                                  exit when exists (select from pg_locks where locktype = 'advisory' and not granted);
                                  perform pg_sleep(0.005);
                              end loop;
                              perform 1 from sluice.lead where id = '{lead}' for update; -- until the daemon's was the victim
                          end $$""")
        holder.rollback()
        waiting.join(20)
        assert [a.status_code for a in answers] == [200]
        assert [h['action'] for h in client.history('leads', lead)] == ['update', 'create']
    finally:
        holder.close()
        world.sql('drop trigger zz_wait_of_tests on sluice.lead; drop function sluice.wait_of_tests()')
    log = (world.cluster.folder / 'log').read_text()
    assert 'deadlock detected' in log
