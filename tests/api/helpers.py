"""What several test files ask and do."""
import contextlib
import json
import re
import signal
import threading
import uuid
from datetime import datetime, timezone

from contract import ROOT
from daemon import Daemon, wait_for

BUSINESS = ('lead', 'account', 'contact', 'opportunity', 'activity', 'task')
UNKNOWN = str(uuid.UUID('0190163d-0000-7000-8000-00000000dead'))
PLURAL = {'lead': 'leads', 'account': 'accounts', 'contact': 'contacts', 'opportunity': 'opportunities',
          'activity': 'activities', 'task': 'tasks'}

CALL = {'kind': 'call', 'subject': 'First call', 'outcome': 'reached'}
SURVEY = {'kind': 'survey', 'subject': 'Needs', 'outcome': 'sent'}
OFFER = {'amount': {'amount': '10000', 'currency': 'PLN'}, 'product_kind': 'crane', 'delivery_date': '2027-03-01'}


def moment(text):
    """A time of the API. The texts themselves do not sort: a zero at the end of a fraction is left out."""
    return datetime.fromisoformat(text.replace('Z', '+00:00')) if '.' not in text else datetime.strptime(
        text, '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=timezone.utc)


def documented():
    """code: an example of the page behind /docs/problems."""
    page = (ROOT / 'api-spec' / 'problems.md').read_text()
    for code, rest in re.findall(r'^## (\w+)\n(.*?)(?=^## |\Z)', page, re.M | re.S):
        yield code, json.loads(re.search(r'(?:^    .*\n?)+', rest, re.M)[0])


DOCUMENTED = dict(documented())
SOMETIMES = {'guard_failed': {'current', 'legal'}, 'stale': {'current'}}  # the page says when
OFTEN = {'code', 'detail', 'hint', 'limit', 'retryable', 'errors'}


def as_documented(body):
    """A refusal has the members that its page promises, and says what was wrong and how to mend it."""
    page = DOCUMENTED[body['code']]
    assert not page.keys() - OFTEN - SOMETIMES.get(body['code'], set()) - body.keys(), body
    assert body['retryable'] == page['retryable'], body
    assert 'errors' in body or (body['detail'] and body['hint']), body
    return body


def problem(answer, status, code):
    """The body of a refusal that has this status and code."""
    assert answer.status_code == status, f'{answer.status_code}: {answer.text}'
    body = answer.json()
    assert body['code'] == code, body
    return as_documented(body)


def fault(answer, status, code, where, fault_code):
    """The only fault of a refusal; @where is its pointer or parameter."""
    body = problem(answer, status, code)
    assert len(body['errors']) == 1, body
    only = body['errors'][0]
    assert (only.get('pointer', only.get('name')), only['code']) == (where, fault_code), only
    return only


def failures(answer):
    """The guards that a transition was refused for, by key."""
    return {f['guard']: f for f in problem(answer, 422, 'guard_failed')['failures']}


def contact(client, lead_id):
    """Moves a lead from open to contacted."""
    return client.moved('leads', lead_id, 'contacted', activities=[CALL])


def qualify(client, lead_id):
    """Moves a lead from open to qualified."""
    contact(client, lead_id)
    return client.moved('leads', lead_id, 'qualified', fields={'industry': 'logistics'}, activities=[SURVEY])


def deal_in(client, stage, **members):
    """An opportunity of an account of its own, moved to an open stage."""
    account = client.make('accounts', name=members.pop('account_name', 'Deal account'))
    deal = client.make('opportunities', account_id=account['id'], **{'name': 'Deal', **members})
    order = ('qualification', 'first_meeting', 'offer_sent', 'negotiation')
    for step in order[1:order.index(stage) + 1]:
        deal = client.moved('opportunities', deal['id'], step, **({'fields': OFFER} if step == 'offer_sent' else {}))
    return deal


def post_form(anonymous, daemon, idempotency_key=None, **fields):
    """Posts the shipped web form as a browser does."""
    headers = {'Idempotency-Key': idempotency_key} if idempotency_key else {}
    return anonymous.post(f'/v1/intake/{daemon.intake["form"]}', params={'key': daemon.intake['key']}, data=fields,
                          headers=headers)


def pages(client, path, **params):
    """The items of a list, however long it is by now."""
    found, cursor = [], {}
    while cursor is not None:
        answer = client.get(path, params={'limit': 200, **params, **cursor})
        assert answer.status_code == 200, answer.text
        found += answer.json()['items']
        cursor = answer.json()['next_cursor'] and {'cursor': answer.json()['next_cursor']}
    return found


def tables(rows):
    return [r['relname'] for r in rows(
        "select relname from pg_class where relnamespace = 'sluice'::regnamespace and relkind = 'r' order by 1")]


IDLE = """select 1 from sluice.rekey
    union all select 1 from sluice.rescore
    union all select 1 from sluice.lead_score where due_at <= sluice.now()
    union all select 1 from sluice.unassigned
    union all select 1 from sluice.recheck
    union all select 1 from sluice.timer where fired_at is null and live and due_at <= sluice.now()
    union all select 1 from sluice.forgotten_sweep where rest_to <= sluice.now() or rest_to > sluice.now() + interval '1 hour'
    union all select 1 from sluice.job where status in ('queued', 'running') limit 1"""


def settled(rows):
    """Waits until the daemons have nothing left to do by themselves, which may end in more entries."""
    wait_for(lambda: not rows(IDLE), limit_s=60, what='rest')


def counts(rows):
    """How many rows each table has, and where the sequence stands."""
    parts = ', '.join(f'(select count(*) from sluice.{t}) as {t}' for t in tables(rows))
    return rows(f'select {parts}, (select last_value from sluice.seq) as sequence_at')[0]


def everything(rows):
    """The counts, once nothing but a request would change them."""
    settled(rows)
    return counts(rows)


def content(rows, of=BUSINESS + ('app_user', 'team', 'intake_form', 'visit', 'lead_touch', 'outbox')):
    """What is in the tables, whole, once nothing but a request would change it: one digest for each."""
    settled(rows)
    parts = ', '.join(f"(select md5(coalesce(string_agg(t::text, '|' order by t.id), '')) from sluice.{name} t) as {name}"
                      for name in of)
    return rows(f'select {parts}')[0]


def together(*jobs):
    """Runs jobs at the same moment and returns what each gave."""
    barrier, given = threading.Barrier(len(jobs)), [None] * len(jobs)

    def run(i):
        barrier.wait(30)
        try:
            given[i] = jobs[i]()
        except BaseException as e:  # pylint: disable=broad-except
            given[i] = e

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(jobs))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    for g in given:
        if isinstance(g, BaseException):
            raise g
    return given


@contextlib.contextmanager
def unfinished(one, most):
    """Meanwhile no job gets further than @most, however fast it is: a daemon that wants to write down more waits. Gives
    what lets its server processes go, once it was killed. @one runs a statement."""
    one("""create function public.brake() returns trigger language plpgsql as $$
           begin perform pg_advisory_xact_lock(4711); return new; end $$""")
    one(f'create trigger brake before update on sluice.job for each row when (new.done > {most}) execute function public.brake()')
    one('select pg_advisory_lock(4711)')
    try:
        yield lambda: one("select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity where wait_event = 'advisory'")
    finally:
        one('select pg_advisory_unlock(4711)')
        one('drop trigger brake on sluice.job')


def killed_at(daemon, one, job, rows, *, most, total, limit_s=60):
    """Kills the daemon that works on the job when it has done each number of @rows; gives the one that takes it over."""
    done = f"select done from sluice.job where id = '{job['id']}'"
    with unfinished(one, most) as let_go:
        for at in rows:
            wait_for(lambda at=at: one(done) >= at, limit_s, f'{at} rows')
            daemon.stop(signal.SIGKILL)
            let_go()
            assert one(done) < total
            one("update sluice.job set heartbeat_at = heartbeat_at - interval '1 minute' where status = 'running'")
            daemon = Daemon(**daemon.settings).start()
    return daemon


def taken(ask):
    """Asks until it is not told to come back: a slow machine has no room for so many at once, and nothing was done."""
    def asked():
        answer = ask()
        return None if answer.status_code == 503 and answer.json()['code'] == 'busy' else [answer]
    return lambda: wait_for(asked, what='room for the request')[0]


def label(text):
    return {'en': text, 'pl': text, 'ru': text}


@contextlib.contextmanager
def blueprint(rows, entity, key, states, transitions):
    """A process of a test's own that rules records made meanwhile; they stay under it."""
    document = {
        'entity': entity, 'key': key, 'number': 1, 'label': label(key),
        'states': [{'key': k, 'category': c, 'label': label(k), **(more[0] if more else {})} for k, c, *more in states],
        'transitions': [{'label': label(t['key']), **t} for t in transitions]}
    rows('select sluice.blueprint_import(%s::jsonb)', json.dumps(document))
    rows('update sluice.blueprint set priority = 100 where entity = %s and key = %s', entity, key)
    try:
        yield document
    finally:
        rows("""update sluice.blueprint_version v set status = 'retired' from sluice.blueprint b
                 where b.id = v.blueprint_id and b.entity = %s and b.key = %s and v.status = 'published'""", entity, key)


# processes that compete for new records

STATES = [('new', 'open'), ('busy', 'open'), ('over', 'won')]


def born(guards=(), actors=(), **members):
    return [{'key': 'made', 'kind': 'initial', 'to': 'new', 'guards': list(guards), 'actors': list(actors)},
            {'key': 'go', 'from': ['new'], 'to': 'over', **members}]


def publish(rows, entity, key, priority, criteria, transitions=None):
    """A process of a test's own; the caller retires it."""
    document = {'entity': entity, 'key': key, 'number': 1, 'label': {'en': key}, 'priority': priority, 'criteria': criteria,
                'states': [{'key': k, 'category': c, 'label': {'en': k}} for k, c in STATES],
                'transitions': [{'label': {'en': t['key']}, **t} for t in transitions or born()]}
    rows('select sluice.blueprint_import(%s::jsonb)', json.dumps(document))


def retire(rows, *keys):
    rows("""update sluice.blueprint_version v set status = 'retired' from sluice.blueprint b
             where b.id = v.blueprint_id and b.key = any(%s) and v.status = 'published'""", list(keys))


def process_of(client, collection, record_id):
    listing = client.get(f'/v1/{collection}/{record_id}/transitions').json()
    return listing['blueprint'] and listing['blueprint']['key']


def lived(world):
    """What a fixture of a world with two daemons yields: opened, closed after its tests, and no daemon is left in any case."""
    try:
        yield world.open()
        world.close()
    finally:
        for daemon in (world.second, world.first):
            if daemon:
                daemon.destroy()


# a NIP is nine digits and a check digit
WEIGHTS = (6, 5, 7, 2, 3, 4, 5, 6, 7)


def nip(number):
    """The valid NIP that belongs to a number."""
    for n in range(number * 10, number * 10 + 10):
        digits = f'{100000000 + n % 900000000:09d}'
        check = sum(w * int(d) for w, d in zip(WEIGHTS, digits)) % 11
        if check < 10:
            return f'{digits}{check}'
    raise AssertionError
