"""Domains of e-mail addresses: a name server of the test's own answers, and every verdict is exact."""
import socket
import struct
import threading

import psycopg2
import psycopg2.extras
import pytest

from daemon import Client, Cluster, ask, wait_for
from helpers import problem

A, MX, AAAA = 1, 15, 28
NXDOMAIN, SERVFAIL = 3, 2


def name(text):
    return b''.join(bytes([len(label)]) + label.encode() for label in text.split('.') if label) + b'\0'


def mx(priority, host):
    return MX, struct.pack('>H', priority) + name(host)


FOUR, SIX = (A, socket.inet_aton('192.0.2.7')), (AAAA, socket.inet_pton(socket.AF_INET6, '2001:db8::7'))
# by domain: the records that it has, a code, or None for silence
ZONE = {
    'hosts.example': [mx(10, 'a.hosts.example'), mx(20, 'b.hosts.example')],
    'null.example': [mx(0, '')],
    'both.example': [mx(0, ''), mx(10, 'a.both.example'), FOUR],  # not what RFC 7505 allows: there is a host
    'four.example': [FOUR],
    'six.example': [SIX],
    'neither.example': [],
    'gone.example': NXDOMAIN,
    'broken.example': SERVFAIL,
    'silent.example': None,
    'xn--bcher-kva.example': [mx(10, 'mx.xn--bcher-kva.example')],
}
WANTED = {
    'hosts.example': ('accepts', 'mx'), 'null.example': ('refuses', 'null_mx'), 'both.example': ('accepts', 'mx'),
    'four.example': ('accepts', 'address'), 'six.example': ('accepts', 'address'), 'neither.example': ('refuses', 'no_host'),
    'gone.example': ('refuses', 'no_domain'), 'broken.example': ('unknown', None), 'silent.example': ('unknown', None),
    'xn--bcher-kva.example': ('accepts', 'mx'),
}


class NameServer(threading.Thread):
    """Answers questions over UDP (RFC 1035) by a table, and remembers them."""

    def __init__(self, zone):
        super().__init__(daemon=True)
        self.zone, self.asked, self.over = dict(zone), [], False
        self.heard = set()  # the same message once more is no other question: its answer was late
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.socket.settimeout(0.1)
        self.address = '127.0.0.1:%d' % self.socket.getsockname()[1]
        self.start()

    def run(self):
        while not self.over:
            try:
                message, client = self.socket.recvfrom(4096)
            except socket.timeout:
                continue
            answer = self.answer(message)
            if answer:
                self.socket.sendto(answer, client)
        self.socket.close()

    def answer(self, message):
        labels, at = [], 12
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode())
            at += 1 + message[at]
        kind = struct.unpack('>H', message[at + 1:at + 3])[0]
        domain = '.'.join(labels).lower()
        if message not in self.heard:
            self.asked.append((domain, kind))
        self.heard.add(message)
        has = self.zone.get(domain, NXDOMAIN)
        if has is None:
            return None
        code = has if isinstance(has, int) else 0
        records = [] if code else [data for what, data in has if what == kind]
        head = message[:2] + struct.pack('>HHHHH', 0x8180 | code, 1, len(records), 0, 0)
        return head + message[12:at + 5] + b''.join(
            b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 60, len(data)) + data for data in records)

    def end(self):
        self.over = True
        self.join()


@pytest.fixture
def server():
    one = NameServer(ZONE)
    yield one
    one.end()


@pytest.fixture
def cluster():
    one = Cluster()
    yield one
    one.destroy()


@pytest.fixture
def sql(cluster):
    return lambda text, *values: ask(text, values, cluster.url, cursor_factory=psycopg2.extras.RealDictCursor)


@pytest.fixture
def start(new_daemon, cluster):
    def make(**settings):
        return new_daemon(database_url=cluster.url, migrate='true', workers=1, job_interval_ms=50, **settings)
    return make


@pytest.fixture
def signed(contract):
    def sign(daemon):
        client = Client(daemon, contract)
        answer = client.post('/v1/session', json=daemon.admin)
        assert answer.status_code == 201, answer.text
        client.token = answer.json()['access_token']
        return client
    return sign


def fill(client):
    """A lead at each domain, in capitals, with a subaddress and in the letters of its language; two more besides."""
    for i, domain in enumerate(ZONE):
        client.make('leads', last_name=f'Lead {i}', email=f'Lead{i}+news@{domain.encode().decode("idna").upper()}', source='mail')
    account = client.make('accounts', name='Nobody home', email='office@gone.example', source='mail')
    client.make('contacts', last_name='Second', email='second@gone.example', account_id=account['id'], source='mail')


def domains(client, **params):
    return {d['domain']: d for d in client.get('/v1/mail-domains', params={'limit': 200, **params}).json()['items']}


def verdicts(client, **params):
    return {name: (d['verdict'], d['reason']) for name, d in domains(client, **params).items()}


def valid(client):
    return [(r['source'], r['valid_addresses']) for r in client.get('/v1/reports/growth').json()['items']]


def test_off_by_default(start, sql, server, signed):
    daemon = start(mail_dns_servers=server.address)
    client = signed(daemon)
    fill(client)
    runs = "select n_tup_ins from pg_stat_user_tables where relname = 'mail_domain'"
    sql("insert into sluice.job (id, kind) values (gen_random_uuid(), 'retime')")
    wait_for(lambda: sql("select 1 from sluice.job where status = 'done'"), what='the runner to have run')
    assert server.asked == [] and domains(client) == {} and sql('select count(*) as n from sluice.mail_domain') == [{'n': 0}]
    assert sql(runs) == [{'n_tup_ins': 0}]
    assert valid(client) == [('mail', 12)]


def test_what_the_servers_say(start, sql, server, signed):
    daemon = start(mail_domain_check='true', mail_dns_servers=server.address)
    client = signed(daemon)
    fill(client)
    # "unknown" is also what stands before a look: a failure counted tells that there was one
    wait_for(lambda: {n for n, d in domains(client).items() if d['checked_at'] or d['failures']} == set(ZONE), 30, 'all looks')
    assert verdicts(client) == WANTED
    found = domains(client)
    for domain, (verdict, _) in WANTED.items():
        d = found[domain]
        assert (d['checked_at'] is None) == (verdict == 'unknown') and d['failures'] == (1 if verdict == 'unknown' else 0), d
    waits = sql("""select domain, extract(epoch from next_check_at - checked_at)::int as s from sluice.mail_domain
                    where domain in ('hosts.example', 'gone.example') order by 1""")
    assert [(w['domain'], w['s']) for w in waits] == [('gone.example', 86400), ('hosts.example', 30 * 86400)]
    # what each needs, and no more; A before AAAA, and neither where an MX decides
    asked = server.asked
    assert [k for d, k in asked if d == 'hosts.example'] == [MX] and [k for d, k in asked if d == 'gone.example'] == [MX]
    assert [k for d, k in asked if d == 'four.example'] == [MX, A]
    assert [k for d, k in asked if d == 'six.example'] == [MX, A, AAAA] == [k for d, k in asked if d == 'neither.example']
    assert {k for d, k in asked if d == 'silent.example'} == {MX}

    assert set(domains(client, verdict='refuses')) == {'null.example', 'neither.example', 'gone.example'}
    assert set(domains(client, verdict=['unknown'])) == {'broken.example', 'silent.example'}
    assert set(domains(client, verdict=['unknown', 'refuses'])) == {d for d, v in WANTED.items() if v[0] != 'accepts'}
    assert set(domains(client, domain='six.example')) == {'six.example'}
    page = client.get('/v1/mail-domains', params={'sort': 'domain', 'limit': 3, 'count': 'exact'}).json()
    assert [d['domain'] for d in page['items']] == sorted(ZONE)[:3] and page['count'] == len(ZONE)
    assert client.get('/v1/mail-domains', params={'verdict': 'maybe'}).status_code == 400

    # 12 addresses; null, neither and gone (three addresses) take no mail
    assert valid(client) == [('mail', 7)]
    # a verdict that nobody renewed in a week says nothing any more
    sql("update sluice.mail_domain set checked_at = checked_at - interval '8 days' where domain = 'gone.example'")
    assert valid(client) == [('mail', 10)]

    # nothing is refused on its account
    assert client.make('leads', last_name='Welcome', email='me@null.example')['email'] == 'me@null.example'


def test_who_may_look(manager, rep, viewer, anonymous):
    assert manager.get('/v1/mail-domains').status_code == 200
    for client in (rep, viewer):
        problem(client.get('/v1/mail-domains'), 403, 'forbidden')
    assert anonymous.get('/v1/mail-domains').status_code == 401


def test_a_verdict_changes(start, sql, server, signed):
    """A silent server changes nothing that is known; an answer does."""
    daemon = start(mail_domain_check='true', mail_dns_servers=server.address)
    client = signed(daemon)
    client.make('leads', last_name='One', email='one@gone.example')

    def looks_again(what):
        sql('update sluice.mail_domain set next_check_at = sluice.now()')
        wait_for(what, 20, 'a look')
    wait_for(lambda: verdicts(client) == {'gone.example': ('refuses', 'no_domain')}, 20, 'the first look')
    server.zone['gone.example'] = SERVFAIL
    looks_again(lambda: domains(client)['gone.example']['failures'] == 1)
    assert verdicts(client) == {'gone.example': ('refuses', 'no_domain')}
    server.zone['gone.example'] = [FOUR]
    looks_again(lambda: verdicts(client) == {'gone.example': ('accepts', 'address')})
    assert domains(client)['gone.example']['failures'] == 0


def test_two_daemons_ask_once(start, sql, server, signed):
    daemon = start(mail_domain_check='true', mail_dns_servers=server.address)
    client = signed(daemon)
    daemon.stop()
    server.zone.update({f'd{i}.example': [mx(10, 'mail.example')] for i in range(100)})
    sql("""insert into sluice.match_key (kind, key, entity, record_id)
           select 'email', 'a@d' || n || '.example', 'lead', gen_random_uuid() from generate_series(0, 99) n""")
    two = [start(mail_domain_check='true', mail_dns_servers=server.address) for _ in range(2)]
    done = "select count(*) as n from sluice.mail_domain where verdict = 'accepts'"
    wait_for(lambda: sql(done) == [{'n': 100}], 30, 'every domain')
    assert sorted(server.asked) == sorted((f'd{i}.example', MX) for i in range(100))
    client.daemon = two[1]
    assert len(domains(client)) == 100


def test_servers_that_are_none(new_daemon):
    daemon = new_daemon(start=False, mail_domain_check='true', mail_dns_servers='nonsense')
    daemon.launch()
    assert daemon.process.wait(60) != 0
    assert 'mail_dns_servers is not ADDRESS:PORT' in daemon.log()


def test_no_server_at_all(start, signed, server):
    """Nobody listens: unknown, and a later look."""
    server.end()
    daemon = start(mail_domain_check='true', mail_dns_servers=server.address)
    client = signed(daemon)
    client.make('leads', last_name='One', email='one@hosts.example', source='mail')
    wait_for(lambda: [d['failures'] for d in domains(client).values()] == [1], 20, 'a look')
    assert verdicts(client) == {'hosts.example': ('unknown', None)} and valid(client) == [('mail', 1)]
    assert '"level":"error"' not in daemon.log()
