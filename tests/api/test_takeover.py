"""Jobs whose daemon is killed in the middle: another one finishes, and every record counts once."""
import json
import signal

import pytest

from daemon import Client, Daemon, wait_for
from helpers import label

LEADS, PAGE, MOVED, SLICE = 41000, 20000, 600, 200
HOLD = 4711  # an advisory lock: while the test has it, no job gets further than allowed


class House:
    """A daemon that serves, others that work and die, and the database in between."""

    def __init__(self, contract):
        import psycopg2  # pylint: disable=import-outside-toplevel
        self.first = Daemon(job_interval_ms=3600000)
        self.first.start()
        self.worker = None
        self.client = Client(self.first, contract)
        self.client.token = self.client.post('/v1/session', json={
            'email': self.first.admin['email'], 'password': self.first.admin['password']}).json()['access_token']
        self.db = psycopg2.connect(host=str(self.first.socket_folder), dbname='sluice', user='postgres')
        self.db.autocommit = True

    def one(self, sql, *values):
        with self.db.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchone()[0] if cursor.description else None

    def work(self):
        self.worker = Daemon(job_interval_ms=20, database_url=f'host={self.first.socket_folder} dbname=sluice user=sluice_app')
        self.worker.start()

    def version(self, number, states):
        document = {'entity': 'lead', 'key': 'takeover', 'number': number, 'label': label('takeover'),
                    'states': [{'key': s, 'category': 'open', 'label': label(s)} for s in states],
                    'transitions': [{'key': 'created', 'kind': 'initial', 'to': 'open', 'label': label('created')},
                                    {'key': 'go', 'from': ['open'], 'to': states[-1], 'label': label('go')}]}
        self.one('select sluice.blueprint_import(%s::jsonb)', json.dumps(document))
        self.one("update sluice.blueprint set priority = 1000 where key = 'takeover'")
        return self.one("""select v.id::text from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
                           where b.key = 'takeover' and v.number = %s""", number)

    def killed_beyond(self, done, answer):
        """Lets the job write down what it did up to @done, kills the daemon that wants to write more, and has another
        one finish. Returns the job."""
        assert answer.status_code == 202, answer.text
        job = answer.json()['id']
        self.one(f"""create or replace function sluice.hold() returns trigger language plpgsql as $$
                     begin
                         perform pg_advisory_xact_lock({HOLD});
                         return new;
                     end $$""")
        self.one(f"""create trigger hold before update on sluice.job for each row when (new.done > {done})
                     execute function sluice.hold()""")
        self.one('select pg_advisory_lock(%s)', HOLD)
        self.work()
        waits = "select pid from pg_stat_activity where wait_event_type = 'Lock' and wait_event = 'advisory'"
        wait_for(lambda: self.one(f'select count(*) from ({waits}) x'), 60, 'a daemon that wants to go on')
        self.worker.stop(signal.SIGKILL)
        self.worker.destroy()
        assert self.one('select done from sluice.job where id = %s', job) == done
        self.one(f'select count(pg_terminate_backend(pid)) from ({waits}) x')
        wait_for(lambda: not self.one(f'select count(*) from ({waits}) x'), 30, 'its connection to go')
        self.one('select pg_advisory_unlock(%s)', HOLD)
        self.one('drop trigger hold on sluice.job')
        assert self.one("select status from sluice.job where id = %s", job) == 'running'
        self.one("update sluice.job set heartbeat_at = heartbeat_at - interval '1 minute' where id = %s", job)
        self.work()
        wait_for(lambda: self.one('select status from sluice.job where id = %s', job) == 'done', 60, 'the job')
        self.worker.stop()
        self.worker.destroy()
        return self.client.get(f'/v1/jobs/{job}').json()

    def close(self):
        self.db.close()
        for daemon in (self.worker, self.first):
            if daemon:
                daemon.destroy()


@pytest.fixture(scope='module')
def house(contract):
    h = House(contract)
    try:
        yield h
    finally:
        h.close()


def test_a_simulation_and_a_drift_are_taken_over(house):
    version = house.version(1, ['open', 'done'])
    house.one(f"""set session_replication_role = replica;
                  insert into sluice.lead (id, last_name, blueprint_version_id, state, state_entered_at)
                  select gen_random_uuid(), 'Many', '{version}', 'open', now() from generate_series(1, {LEADS});
                  insert into sluice.visit (id, entity, record_id, blueprint_version_id, state, entered_at, via)
                  select sluice.next_seq(), 'lead', l.id, '{version}', 'open', now(), 'created' from sluice.lead l
                   where l.last_name = 'Many';
                  set session_replication_role = origin""")
    draft = house.version(2, ['open', 'over'])
    job = house.killed_beyond(PAGE, house.client.post(f'/v1/blueprints/{draft}/simulate', json={}))
    assert (job['done'], job['result']['records']) == (LEADS, LEADS)
    assert [(t['transition'], t['before'], t['after']) for t in job['result']['transitions']] == [('go', LEADS, LEADS)]
    job = house.killed_beyond(PAGE, house.client.post('/v1/reports/drift', json={'blueprint': version}))
    assert (job['kind'], job['done'], job['result']['records']) == ('drift', LEADS, LEADS)
    assert (job['result']['unused_states'], job['result']['unused_transitions']) == (['done'], ['go'])
    house.one("update sluice.lead set deleted_at = now() where last_name = 'Many'")


def test_a_migration_is_taken_over(house):
    one = house.version(3, ['open', 'done'])
    house.one(f"insert into sluice.lead (id, last_name) select gen_random_uuid(), 'Mover' from generate_series(1, {MOVED})")
    two = house.version(4, ['open', 'over'])
    job = house.killed_beyond(SLICE, house.client.post(f'/v1/blueprints/{two}/migrations', json={'from': one}))
    assert (job['total'], job['done'], job['result']) == (MOVED, MOVED, {'done': MOVED})
    of_job = "from sluice.job_item where job_id = %s and status = 'done'"
    assert house.one(f'select count(*) {of_job}', job['id']) == house.one(f'select count(distinct record_id) {of_job}', job['id']) == MOVED
    assert house.one("select count(*) from sluice.audit where detail ->> 'migration' = %s", job['id']) == MOVED
    assert house.one("select count(*) from sluice.lead where last_name = 'Mover' and blueprint_version_id = %s", two) == MOVED
