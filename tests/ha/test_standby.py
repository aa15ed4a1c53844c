"""Reports from a streaming standby: what they may be behind, who sees what they wrote, and what happens without it."""
import re
import shutil
import tempfile
import threading
import time
from pathlib import Path

import psycopg2
import pytest
import requests

from daemon import Client, Cluster, Daemon, pid_lives, unprivileged, wait_for, with_schema
from helpers import problem
from machines import kill, sql

LONG_AGO_MS = 3600000  # nothing that is written in a test is older


class Standby(Cluster):
    """A server that follows another one."""

    def __init__(self, primary):  # pylint: disable=super-init-not-called
        self.bin = primary.bin
        self.folder = Path(tempfile.mkdtemp(prefix='sluice-pg-'))
        shutil.chown(self.folder, 'postgres', 'postgres')
        unprivileged(self.bin / 'pg_basebackup', '-h', primary.folder, '-U', 'postgres', '-D', self.folder / 'data', '-R',
                     '-c', 'fast', '-X', 'stream', '--no-sync')
        self.start()
        self.url = f'postgresql:///sluice?host={self.folder}&user=postgres'

    def pid(self):
        return int((self.folder / 'data' / 'postmaster.pid').read_text().split()[0])


class Place:
    """A daemon with a standby, its first administrator, and what its lanes did."""

    def __init__(self, daemon, client, primary, standby):
        self.daemon, self.client, self.primary, self.standby = daemon, client, primary, standby

    def asked(self):
        """What the lanes were asked so far. Workers publish it ten times a second: it counts when it rests."""
        last, since = None, 0

        def rests():
            nonlocal last, since
            now = self.published()
            if now != last:
                last, since = now, time.monotonic()
            return time.monotonic() - since > 0.25
        wait_for(rests, 30, 'the counts to rest')
        return last

    def published(self):
        text = requests.get(self.daemon.admin_url + '/metrics', timeout=10).text
        return {lane: int(n) for lane, n in re.findall(r'sluice_db_asks_total\{lane="(slow|standby)"\} (\d+)', text)}

    def lead(self, name, **members):
        """Makes a lead and returns the Commit-Token."""
        answer = self.client.post('/v1/leads', json={'last_name': name, 'company': name, **members})
        assert answer.status_code == 201, answer.text
        assert re.fullmatch('[0-9]+', answer.headers['Commit-Token'])
        return answer.headers['Commit-Token']

    def seen(self, token=None, prefix=''):
        """The leads that an export shows, and the lane that it came from."""
        before = self.asked()
        answer = self.client.get('/v1/leads/export', params={'format': 'csv', 'fields': 'last_name'},
                                 headers={'Commit-Token': token} if token else {})
        assert answer.status_code == 200, answer.text
        wait_for(lambda: self.published() != before, 30, 'the count of what was asked')
        after = self.asked()
        grown = {lane for lane in ('slow', 'standby') if after[lane] > before[lane]}
        return {name for name in answer.text.split()[1:] if name.startswith(prefix)}, 'primary' if 'slow' in grown else 'standby'

    def serves(self):
        """Waits until the standby is asked."""
        wait_for(lambda: self.seen()[1] == 'standby', 20, 'an export from the standby')

    def caught_up(self):
        sql(self.primary, "select pg_logical_emit_message(true, '', '')")  # a commit: all before it leaves, too
        at = sql(self.primary, 'select pg_current_wal_flush_lsn()::text')[0][0]
        wait_for(lambda: sql(self.standby, 'select pg_last_wal_replay_lsn() >= %s::pg_lsn', at)[0][0], 20, 'the standby')

    def paused(self):
        sql(self.standby, 'select pg_wal_replay_pause()')
        wait_for(lambda: sql(self.standby, "select pg_get_wal_replay_pause_state()") == [('paused',)], 30, 'the pause')

    def resumed(self):
        sql(self.standby, 'select pg_wal_replay_resume()')


def opened(made, contract, **settings):
    """A primary, a standby and a daemon of both; @made takes what is to be destroyed."""
    cluster = Cluster(with_schema(Cluster))
    made.append(cluster)
    standby = Standby(cluster)
    made.append(standby)
    # Background jobs ask the slow lane now and then: without them only exports do.
    daemon = Daemon(database_url=cluster.url, standby_url=standby.url, migrate='true', workers=1, job_interval_ms=0, **settings)
    made.append(daemon)
    daemon.start()
    client = Client(daemon, contract)
    client.token = client.post('/v1/session', json=daemon.admin).json()['access_token']
    place = Place(daemon, client, cluster, standby)
    place.serves()
    return place


@pytest.fixture(scope='module')
def place(contract):
    """One for the tests that leave the servers as they are; what it tells may be an hour old."""
    made = []
    yield opened(made, contract, standby_lag_ms=LONG_AGO_MS)
    for m in reversed(made):
        m.destroy()


@pytest.fixture
def new_place(contract):
    made = []
    yield lambda **settings: opened(made, contract, **settings)
    for m in reversed(made):
        m.destroy()


def test_who_wrote_sees_it(place):
    """Read-your-writes: with the token of the write the standby is asked if it has it, else the primary."""
    p = place
    first = p.lead('First')
    p.caught_up()
    assert p.seen(first) == ({'First'}, 'standby')
    p.paused()
    second = p.lead('Second')
    assert p.seen() == ({'First'}, 'standby')  # old, as the setting allows
    assert p.seen(second) == ({'First', 'Second'}, 'primary')
    assert p.seen(first) == ({'First'}, 'standby')
    p.resumed()
    wait_for(lambda: p.seen(second, ('First', 'Second')) == ({'First', 'Second'}, 'standby'), 30, 'the standby to catch up')


def test_a_standby_that_is_nearly_there_is_waited_for(place):
    """Written and exported at once, over and over: nobody misses what they wrote."""
    p, lanes = place, []
    for n in range(12):
        seen, lane = p.seen(p.lead(f'Soon{n}'), 'Soon')
        assert seen == {f'Soon{i}' for i in range(n + 1)}
        lanes.append(lane)
    assert lanes.count('standby') > 6, lanes


def test_nothing_is_older_than_the_setting_allows(new_place):
    p = new_place(standby_lag_ms=400)
    p.paused()
    p.lead('Late')
    wait_for(lambda: p.seen() == ({'Late'}, 'primary'), 30, 'the primary to answer for a standby that is behind')
    p.resumed()
    wait_for(lambda: p.seen() == ({'Late'}, 'standby'), 30, 'the standby')


def test_who_wrote_what_is_not_on_the_disk_yet_sees_it(new_place):
    """With synchronous_commit = off a write is acknowledged before its log is flushed; its token is beyond it all the same."""
    p = new_place(standby_lag_ms=LONG_AGO_MS)
    for setting in ('synchronous_commit = off', "wal_writer_delay = '10s'", 'wal_writer_flush_after = 0'):
        sql(p.primary, f'alter system set {setting}')
    sql(p.primary, 'select pg_reload_conf()')
    wait_for(lambda: sql(p.primary, 'show synchronous_commit') == [('off',)], 30, 'the setting')
    for n in range(6):
        token = p.lead(f'Async{n}')
        seen, _ = p.seen(token, 'Async')
        assert seen == {f'Async{i}' for i in range(n + 1)}


def test_a_standby_tells_nothing_while_nobody_knows_how_old_it_is(new_place):
    """The primary is gone: what the standby has may be older than anybody knows."""
    p = new_place(standby_lag_ms=400)
    p.lead('Here')
    p.primary.stop('immediate')

    def refused():
        answer = p.client.get('/v1/leads/export', params={'format': 'csv'})
        return answer.status_code == 503 and answer.json()['code'] == 'database_unavailable'
    wait_for(refused, 20, '503')
    assert [refused() for _ in range(5)] == [True] * 5
    p.primary.start()
    wait_for(lambda: p.client.get('/v1/leads/export', params={'format': 'csv'}).status_code == 200, 20, 'an export')
    p.serves()


def test_without_the_standby_the_primary_serves(place):
    p, standby = place, place.standby
    p.lead('Here')
    for mode in ('fast', 'immediate'):
        standby.stop(mode)
        began = time.monotonic()
        assert p.seen(None, 'Here') == ({'Here'}, 'primary')
        assert time.monotonic() - began < 2
        assert requests.get(p.daemon.admin_url + '/readyz', timeout=5).status_code == 200
        standby.start()
        p.serves()


def test_a_standby_that_dies_under_a_report(new_place):
    """What was on its way is asked of the primary: the client sees an answer and no error."""
    p = new_place(standby_lag_ms=LONG_AGO_MS)
    standby = p.standby
    p.lead('Here')
    p.caught_up()
    holder = psycopg2.connect(p.primary.url)
    holder.cursor().execute('lock table sluice.lead in access exclusive mode')  # is replayed: the standby's reads wait
    p.caught_up()
    found = []
    asking = threading.Thread(target=lambda: found.append(p.client.get('/v1/leads/export', params={
        'format': 'csv', 'fields': 'last_name'})))
    asking.start()
    waiting = "select pid from pg_stat_activity where application_name = 'sluiced' and wait_event_type = 'Lock'"
    backends = wait_for(lambda: sql(standby, waiting), 30, 'an export that waits on the standby')
    pid = standby.pid()
    kill(pid, *(b for (b,) in backends))
    wait_for(lambda: not pid_lives(pid), 30, 'the end of the standby')
    holder.rollback()
    holder.close()
    asking.join(20)
    assert [a.status_code for a in found] == [200] and 'Here' in found[0].text


def test_a_promoted_standby_is_left(new_place):
    """Two servers that take writes: what the other one says is not what the primary says."""
    p = new_place(standby_lag_ms=LONG_AGO_MS)
    standby = p.standby
    p.lead('Ours')
    standby.control('promote')
    sql(standby, "update sluice.lead set last_name = 'Theirs'")
    assert p.seen() == ({'Ours'}, 'primary')
    left = "select count(*) from pg_stat_activity where application_name = 'sluiced'"
    wait_for(lambda: sql(standby, left) == [(0,)], 30, 'the connections to leave')
    assert p.seen() == ({'Ours'}, 'primary')


def test_only_reports_are_read_from_it(place):
    """Lists, records and every write stay with the primary, and so does what a write is decided by."""
    p = place
    p.paused()
    before = p.asked()['standby']
    token = p.lead('Now')
    lead = p.client.get('/v1/leads').json()['items'][0]
    assert lead['last_name'] == 'Now'
    timeline = p.client.get(f'/v1/leads/{lead["id"]}/timeline')
    assert timeline.status_code == 200 and timeline.json()['items']
    changed = p.client.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'logistics'})
    assert changed.status_code == 200 and int(changed.headers['Commit-Token']) > int(token)
    drift = p.client.post('/v1/reports/drift', json={})
    assert drift.status_code in (200, 201, 202, 422), drift.text
    assert p.client.get('/v1/leads').json()['items'][0]['industry'] == 'logistics'
    assert p.asked()['standby'] == before
    for report in ('forecast', 'lead-quality', 'sales', 'outcomes', 'growth', 'calls', 'friction', 'time-in-state'):
        was = p.asked()['standby']
        assert p.client.get(f'/v1/reports/{report}').status_code == 200, report
        assert p.asked()['standby'] > was, report
    p.resumed()


def test_tokens(place, new_daemon, sign_in):
    p = place
    for bad in ('-1', 'x', '1' * 20, '1 2', '0x10'):
        problem(p.client.get('/v1/reports/sales', headers={'Commit-Token': bad}), 400, 'invalid_header')
    key = {'Idempotency-Key': 'token-1'}
    first = p.client.post('/v1/leads', json={'last_name': 'Once'}, headers=key)
    again = p.client.post('/v1/leads', json={'last_name': 'Once'}, headers=key)
    assert again.headers['Idempotent-Replayed'] == 'true'
    assert again.headers['Commit-Token'] == first.headers['Commit-Token']
    dry = p.client.post('/v1/leads', json={'last_name': 'Dry'}, headers={'Prefer': 'tx=rollback'})
    assert dry.status_code in (200, 201) and 'Commit-Token' not in dry.headers
    refused = p.client.post('/v1/leads', json={'last_name': 'No', 'email': 'none'})
    assert refused.status_code == 422 and 'Commit-Token' not in refused.headers
    # a token of what will never be there: a moment is waited, then the primary answers
    began = time.monotonic()
    assert p.client.get('/v1/reports/sales', headers={'Commit-Token': '9' * 18}).status_code == 200
    assert time.monotonic() - began < 5
    alone = new_daemon(workers=1)
    client = sign_in(alone, alone.admin)
    made = client.post('/v1/leads', json={'last_name': 'Alone'})
    assert 'Commit-Token' not in made.headers
    assert client.get('/v1/reports/sales', headers={'Commit-Token': '1'}).status_code == 200
