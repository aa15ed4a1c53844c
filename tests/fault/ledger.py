"""The ledger: writers that note what became of each write, and an oracle that compares it with the database.

Each write has an Idempotency-Key and a reference of its own, which stands in the record that it makes or changes. Its
outcome is acked (answered with 2xx), refused (4xx: decided, nothing was done) or unknown (no answer, 502, 503, 504, a
key in flight); an unknown write is sent again, with the same key, until it is one of the others. settle() then holds
PostgreSQL to it: every acked write is there exactly once, a refused one is not at all, and history, events, visits and
keys agree with the records.
"""
import dataclasses
import threading
import time
import uuid
from collections import Counter

import requests

CALL = {'kind': 'call', 'outcome': 'reached'}
AGAIN = (409, 429, 502, 503, 504)  # of 409 only a key in flight
PATIENCE_S = 90  # so long a write is repeated after the end of the load


@dataclasses.dataclass
class Attempt:
    began: float
    took: float
    status: int  # 0: no answer
    code: str = ''
    retry_after: bool = False


@dataclasses.dataclass
class Write:
    kind: str
    ref: str
    key: str
    outcome: str = 'unknown'
    status: int = 0
    record: str = ''  # the id of what it made or changed
    records: tuple = ()
    replayed: bool = False
    attempts: list = dataclasses.field(default_factory=list)


class Ledger:
    """Clients that write until told to stop. @url: a function that says where the daemon is now (it moves when it is
    started again), or where the next of several is; @check: a function that is given each answer."""

    def __init__(self, url, credentials, intake=None, writers=4, check=None, timeout_s=60):
        self.url, self.credentials, self.intake, self.check = url, credentials, intake, check
        self.timeout_s = timeout_s
        self.mark = 'L' + uuid.uuid4().hex[:10]
        self.writes, self.wrong, self.lock = [], [], threading.Lock()
        self.stopped, self.given_up = threading.Event(), None
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(writers)]

    # writing

    def start(self):
        for t in self.threads:
            t.start()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.stopped.set()
        if any(error):
            self.given_up = 0
        for t in self.threads:
            t.join(PATIENCE_S + self.timeout_s)

    def stop(self):
        """Ends the load; what is unknown is repeated until it is known."""
        self.given_up = time.monotonic() + PATIENCE_S
        self.__exit__()
        assert not self.wrong, self.wrong[:5]
        assert not any(t.is_alive() for t in self.threads), 'a request hangs'
        assert not self.of('unknown'), self.of('unknown')[:3]
        return self

    def of(self, outcome, *kinds):
        with self.lock:
            return [w for w in self.writes if w.outcome == outcome and (not kinds or w.kind in kinds)]

    def at_least(self, more, limit_s=60):
        """Waits until so many more writes were acknowledged."""
        end, deadline = self.count() + more, time.monotonic() + limit_s
        while self.count() < end:
            assert not self.wrong, self.wrong[:5]
            assert time.monotonic() < deadline, f'{more} more writes took longer than {limit_s} s'
            self.stopped.wait(0.02)

    def count(self):
        """How many writes were acknowledged so far."""
        return len(self.of('acked'))

    def attempts(self, since=0.0):
        """What clients saw, in the order in which it was sent."""
        with self.lock:
            return sorted((a for w in self.writes for a in w.attempts if a.began >= since), key=lambda a: a.began)

    def seen(self, since=0.0):
        """How often each status was seen; 0 is no answer."""
        return Counter(a.status for a in self.attempts(since))

    def longest(self, since=0.0):
        return max((a.took for a in self.attempts(since)), default=0)

    def gap(self, since=0.0):
        """The longest time in which no write was acknowledged."""
        ends = sorted(a.began + a.took for a in self.attempts(since) if 200 <= a.status < 300)
        return max((b - a for a, b in zip(ends, ends[1:])), default=0)

    def send(self, http, write, method, path, **what):
        """One attempt. Returns whether the write is decided."""
        headers = {'Idempotency-Key': write.key, **what.pop('headers', {})}
        if write.kind != 'intake':
            headers['Authorization'] = f'Bearer {self.credentials}'
        began = time.monotonic()
        try:
            answer = http.request(method, self.url() + path, headers=headers, timeout=self.timeout_s, **what)
        except requests.RequestException as e:
            attempt = Attempt(began, time.monotonic() - began, 0, type(e).__name__)
            with self.lock:
                write.attempts.append(attempt)
                if isinstance(e, requests.Timeout):
                    self.wrong.append(f'{method} {path} hung for {self.timeout_s} s')
            return False
        return self.judge(write, answer, began)

    def judge(self, write, answer, began):
        body = answer.json() if 'json' in answer.headers.get('Content-Type', '') else {}
        attempt = Attempt(began, time.monotonic() - began, answer.status_code, body.get('code', ''),
                          'Retry-After' in answer.headers)
        again = answer.status_code in AGAIN and (answer.status_code != 409 or attempt.code == 'idempotency_in_flight')
        with self.lock:
            write.attempts.append(attempt)
            write.status = answer.status_code
            write.replayed = answer.headers.get('Idempotent-Replayed') == 'true'
            if answer.status_code >= 500 and not again:
                self.wrong.append(f'{write.kind} -> {answer.text[:500]}')
            if answer.status_code < 300:
                write.outcome = 'acked'
                write.record = body.get('id') or body.get('lead', {}).get('id') or write.record
            elif not again:
                write.outcome = 'refused'
        if self.check:
            try:
                self.check(answer)
            except AssertionError as e:
                self.wrong.append(str(e))
        return not again

    def write(self, http, kind, ref, method, path, **what):
        """Sends until it is decided. Returns the write if it was acknowledged."""
        write = Write(kind, ref, str(uuid.uuid4()))
        write.records = what.pop('records', ())
        write.record = what.pop('record', '')
        with self.lock:
            self.writes.append(write)
        pause = 0.02
        while not self.send(http, write, method, path, **what):
            if self.given_up is not None and time.monotonic() > self.given_up:
                return None
            self.stopped.wait(pause) if not self.stopped.is_set() else threading.Event().wait(pause)
            pause = min(pause * 1.5, 0.2)
        if write.outcome == 'refused' and kind != 'refused':
            with self.lock:
                self.wrong.append(f'{kind} {ref}: refused with {write.status} {write.attempts[-1].code}')
        return write if write.outcome == 'acked' else None

    def run(self, i):
        n = 0
        with requests.Session() as http:
            http.trust_env = False
            while not self.stopped.is_set():
                n += 1
                try:
                    self.round(http, f'{self.mark}-{i}-{n}')
                except Exception as e:  # pylint: disable=broad-except
                    with self.lock:
                        self.wrong.append(repr(e))
                    return

    def make_lead(self, http, ref):
        """Each is like no other: what looks the same would be refused or held."""
        return self.write(http, 'lead', ref, 'POST', '/v1/leads',
                          json={'external_id': ref, 'last_name': ref, 'company': f'{uuid.uuid4().hex} {ref}'})

    def round(self, http, ref):
        """The life of one lead up to its conversion; then two that are moved together, a form, and a refusal."""
        first = self.make_lead(http, f'{ref}-a')
        steps = self.life(first.record, f'{ref}-a') if first else []
        for kind, method, path, body in steps:
            if self.stopped.is_set() or not self.write(http, kind, f'{ref}-a-{kind}', method, path, json=body,
                                                       record=first.record):
                return
        if self.intake:
            self.write(http, 'intake', f'{ref}-i', 'POST', f'/v1/intake/{self.intake["form"]}',
                       params={'key': self.intake['key']}, json={'last_name': f'{ref}-i', 'company': uuid.uuid4().hex})
        pair = [self.make_lead(http, f'{ref}-{x}') for x in 'bc']
        if self.stopped.is_set() or None in pair:
            return
        ids = tuple(w.record for w in pair)
        self.write(http, 'bulk', f'{ref}-bulk', 'POST', '/v1/leads/transitions/archived', records=ids,
                   json={'ids': list(ids), 'note': f'{ref}-bulk'})
        self.write(http, 'refused', f'{ref}-r', 'POST', '/v1/leads', json={'last_name': f'{ref}-r', 'email': 'none'})

    @staticmethod
    def life(lead, ref):
        here = f'/v1/leads/{lead}'
        return [('patch', 'PATCH', here, {'description': f'{ref}-patch'}),
                ('contacted', 'POST', f'{here}/transitions/contacted',
                 {'note': f'{ref}-contacted', 'activities': [{**CALL, 'subject': f'{ref}-contacted'}]}),
                ('qualified', 'POST', f'{here}/transitions/qualified',
                 {'note': f'{ref}-qualified', 'fields': {'industry': 'logistics'},
                  'activities': [{'kind': 'survey', 'outcome': 'sent', 'subject': f'{ref}-qualified'}]}),
                ('conversion', 'POST', f'{here}/conversion', {'note': f'{ref}-conversion'})]

    # comparing

    def settle(self, sql):
        """The oracle. @sql: a function that runs a query and returns its rows. Returns how many writes it compared."""
        assert not self.of('unknown'), 'stop() comes first'
        pattern = self.mark + '-%'
        self.settle_leads(sql, pattern)
        self.settle_moves(sql, pattern)
        self.settle_history(sql, pattern)
        self.settle_keys(sql)
        return self.count()

    def settle_leads(self, sql, pattern):
        """Births: by their reference, and the ids that were told are the ids that are there."""
        found = sql('select last_name, id::text from sluice.lead where last_name like %s', pattern)
        told = {w.ref: w.record for w in self.of('acked', 'lead', 'intake')}
        names = Counter(name for name, _ in found)
        assert [n for n, times in names.items() if times > 1] == [], 'made twice'
        assert set(names) == set(told), f'lost: {set(told) - set(names)}; nobody was told: {set(names) - set(told)}'
        assert dict(found) == told
        submitted = Counter(r[0] for r in sql("select raw::jsonb ->> 'last_name' from sluice.intake_submission "
                                              "where raw like %s and outcome = 'created'", f'%{pattern}%'))
        assert submitted == Counter(w.ref for w in self.of('acked', 'intake'))

    def settle_moves(self, sql, pattern):
        """Changes: each left its mark once."""
        patched = Counter(r[0] for r in sql("select changes -> 'description' ->> 'new' from sluice.audit where entity = 'lead' "
                                            "and changes -> 'description' ->> 'new' like %s", pattern))
        assert patched == Counter(w.ref for w in self.of('acked', 'patch'))
        noted = Counter(sql("select detail ->> 'note', record_id::text from sluice.audit where entity = 'lead' "
                            "and action = 'transition' and detail ->> 'note' like %s", pattern))
        moves = Counter((w.ref, w.record) for w in self.of('acked', 'contacted', 'qualified', 'conversion'))
        moves += Counter((w.ref, r) for w in self.of('acked', 'bulk') for r in w.records)
        assert noted == moves, f'lost: {moves - noted}; too many: {noted - moves}'
        logged = Counter(r[0] for r in sql('select subject from sluice.activity where subject like %s', pattern))
        assert logged == Counter(w.ref for w in self.of('acked', 'contacted', 'qualified'))
        converted = sql("select l.id::text, l.account_id is not null and l.contact_id is not null, "
                        "(select count(*) from sluice.account a where a.lead_id = l.id), "
                        "(select count(*) from sluice.contact c where c.lead_id = l.id) "
                        "from sluice.lead l where l.last_name like %s and l.state = 'converted'", pattern)
        assert sorted(converted) == sorted((w.record, True, 1, 1) for w in self.of('acked', 'conversion'))

    def settle_history(self, sql, pattern):
        """Nothing is half done: for each record of ours an entry for each change and an event for each entry, and
        visits without a gap that end in its state."""
        ours = """with ours as (select 'lead' as entity, id, state from sluice.lead where last_name like %s union all
                  select 'account', a.id, a.state from sluice.account a join sluice.lead l on l.id = a.lead_id
                   where l.last_name like %s)"""
        for what, where in HALF_DONE.items():
            assert sql(f'{ours} select o.entity, o.id::text from ours o where {where} limit 5', pattern, pattern) == [], what
        missing = sql("""select a.seq from sluice.audit a where a.action <> 'denied' and (select count(*) from sluice.outbox o
                         where o.audit_seq = a.seq and o.record_id = a.record_id) = 0
                         and a.record_id in (select id from sluice.lead where last_name like %s) limit 5""", pattern)
        assert missing == [], 'a change without an event'
        twice = sql('select audit_seq, type from sluice.outbox group by 1, 2 having count(*) > 1 limit 5')
        assert twice == [], 'an event was written twice'

    def settle_keys(self, sql):
        keys = dict(sql('select key, status from sluice.idempotency where key = any(%s)', [w.key for w in self.writes]))
        for w in self.of('acked'):
            assert w.kind == 'patch' or w.key in keys, f'{w.kind} {w.ref}: its key is not there'
        for w in self.of('refused'):
            assert w.key not in keys or keys[w.key] >= 400, f'{w.ref}: refused, and its key is taken'


HALF_DONE = {
    'born without an entry, or twice':
        "(select count(*) from sluice.audit a where a.record_id = o.id and a.action = 'create') <> 1",
    'not exactly one visit is open':
        '(select count(*) from sluice.visit v where v.record_id = o.id and v.left_at is null) <> 1',
    'the state is not that of the open visit':
        'o.state <> (select v.state from sluice.visit v where v.record_id = o.id and v.left_at is null)',
    'a move without a visit, or a visit without a move':
        "(select count(*) from sluice.visit v where v.record_id = o.id) <> 1 + "
        "(select count(*) from sluice.audit a where a.record_id = o.id and a.action = 'transition')",
    'a gap between visits':
        """exists (select from (select v.left_at, lead(v.entered_at) over (order by v.id) as next from sluice.visit v
                                 where v.record_id = o.id) x where x.next is not null and x.left_at is distinct from x.next)""",
}
