"""A bulk by filter that a daemon did not finish: its repeat does what the first run chose, and nothing else."""
import signal
import threading
import uuid

import psycopg2
import pytest
import requests

from daemon import Client, Daemon, wait_for
from test_bulk import bulk, make, verdicts


@pytest.fixture
def beside(daemon):
    """Makes daemons on the database of the tests, which a test may kill."""
    made = []

    def start():
        made.append(Daemon(database_url=f'postgresql:///sluice?host={daemon.socket_folder}&user=postgres', job_interval_ms=0,
                           deadline_ms=60000, write_timeout_ms=60000))
        return made[-1].start()
    yield start
    for d in made:
        d.destroy()


def killed_within(beside, daemon, rep, contract, rows, record, send):
    """Sends a bulk to a daemon that dies while it waits for a record."""
    victim = beside()
    client = Client(victim, contract, rep.token)
    holder = psycopg2.connect(host=str(daemon.socket_folder), dbname='sluice', user='postgres')
    with holder, holder.cursor() as cursor:
        cursor.execute('select from sluice.lead where id = %s for update', (record,))
        asked = []

        def ask():
            try:
                asked.append(send(client).status_code)
            except requests.ConnectionError:
                asked.append(None)
        asking = threading.Thread(target=ask)
        asking.start()

        def waits():
            return rows("""select 1 from pg_stat_activity
                            where application_name = 'sluiced' and %s = any (pg_blocking_pids(pid))""", holder.info.backend_pid)
        wait_for(waits, 20, 'the bulk to come to the record')
        victim.stop(signal.SIGKILL)
        asking.join(20)
        assert asked == [None]
        while waits():  # what PostgreSQL has been told it would do without the daemon, too
            rows("""select pg_terminate_backend(pid, 10000) from pg_stat_activity
                     where application_name = 'sluiced' and %s = any (pg_blocking_pids(pid))""", holder.info.backend_pid)
    holder.close()


def repeated(client, send, rows, key):
    """The first run may still be at work, as far as anybody knows: until it cannot be."""
    assert send(client).json()['code'] == 'idempotency_in_flight'
    rows("update sluice.idempotency set created_at = created_at - interval '5 minutes' where key = %s", key)
    return send(client)


@pytest.mark.parametrize('others', [1, 120])
def test_what_was_chosen_is_moved_and_nothing_else(beside, daemon, contract, rep, rows, others):
    mark = f'resumed-{uuid.uuid4().hex[:12]}'
    ids = make(rep, 3, campaign=mark)
    key = {'Idempotency-Key': mark}
    order = [str(r['id']) for r in rows('select id from sluice.lead where campaign = %s order by id', mark)]
    assert sorted(order) == sorted(ids)

    def send(client):
        return bulk(client, 'archived', filter={'campaign': mark, 'status': 'open'}, headers=key)
    killed_within(beside, daemon, rep, contract, rows, order[1], send)
    assert [rep.read('leads', i)['status'] for i in order] == ['archived', 'open', 'open']

    # by now the filter would choose others: more than are done at once, even
    rows("update sluice.lead set campaign = campaign || '-other' where id = %s", order[2])
    rows("insert into sluice.lead (id, last_name, campaign) select gen_random_uuid(), 'Later', %s from generate_series(1, %s)",
         mark, others)
    again = repeated(Client(beside(), contract, rep.token), send, rows, mark)
    found = verdicts(again)
    assert [i['id'] for i in again.json()['items']] == order
    assert [found[i]['status'] for i in order] == [200, 200, 200]
    assert {k: again.json()[k] for k in ('total', 'moved', 'refused')} == {'total': 3, 'moved': 3, 'refused': 0}
    assert [rep.read('leads', i)['status'] for i in order] == ['archived'] * 3
    assert rows("select count(*) as n from sluice.lead where campaign = %s and state = 'open'", mark) == [{'n': others}]
    moved = rows("select record_id::text as id, count(*) as n from sluice.audit where action = 'transition' and record_id = any (%s::uuid[]) group by 1",
                 ids)
    assert {m['id']: m['n'] for m in moved} == dict.fromkeys(ids, 1)
    # which is kept behind the answer: a request that comes before finds all that was chosen done, and says the same
    wait_for(lambda: rows('select 1 as kept from sluice.idempotency where key = %s and status = 207', mark), 20, 'the answer')
    replayed = send(rep)
    assert (replayed.json(), replayed.headers['Idempotent-Replayed']) == (again.json(), 'true')


def test_the_answer_takes_the_place_of_what_was_chosen(rep, rows):
    mark = f'kept-{uuid.uuid4().hex[:12]}'
    make(rep, 2, campaign=mark)
    first = bulk(rep, 'archived', filter={'campaign': mark}, headers={'Idempotency-Key': mark})
    assert first.json()['moved'] == 2

    def answer():
        return rows('select answer from sluice.idempotency where key = %s and status = 207', mark)
    assert wait_for(answer, 20, 'the answer')[0]['answer'] == first.text
