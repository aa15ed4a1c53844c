"""Fixtures: one daemon per test process, a client per role, the database as its owner sees it."""
import itertools
import json
import uuid

import psycopg2
import psycopg2.extras
import pytest

from contract import Contract
from daemon import Client, Daemon, secrets_logged
from helpers import nip, qualify

PASSWORD = 'correct horse battery staple'
_numbers = itertools.count(1)

ACCESS_TOKEN_S = 14400  # of the daemon that all share: the administrator signs in once, and a slow machine takes long


@pytest.fixture(scope='session')
def contract():
    return Contract()


@pytest.fixture(scope='session')
def daemon():
    d = Daemon(access_token_s=ACCESS_TOKEN_S)
    try:
        yield d.start()
        assert d.stop() == 0, d.log()[-3000:]
        assert not errors_logged(d), errors_logged(d)[:5]
        assert not secrets_logged(d), secrets_logged(d)[:5]
    finally:
        d.destroy()


def errors_logged(daemon):
    """What the daemon itself calls an error: none of the tests that share it provoke one."""
    lines = [json.loads(line) for line in daemon.log().splitlines() if line.startswith('{')]
    return [line for line in lines if line.get('level') == 'error']


@pytest.fixture
def new_daemon():
    """Makes daemons of a test's own; all end with the test."""
    made = []

    def make(start=True, **settings):
        made.append(Daemon(**settings))
        return made[-1].start() if start else made[-1]
    yield make
    running = [d for d in made if d.process and d.process.poll() is None]
    codes = [d.stop() for d in running]
    told = [secret for d in made for secret in secrets_logged(d)]
    logs = ''.join(d.log() for d in made)
    for d in made:
        d.destroy()
    assert set(codes) <= {0}, logs[-3000:]
    assert not told, told[:5]
    assert 'Sanitizer' not in logs and 'runtime error' not in logs, logs[-3000:]


@pytest.fixture(scope='session')
def anonymous(daemon, contract):
    return Client(daemon, contract)


@pytest.fixture(scope='session')
def sign_in(daemon, contract):
    """Returns a client that is signed in."""
    def sign(email, password):
        client = Client(daemon, contract)
        answer = client.post('/v1/session', json={'email': email, 'password': password})
        assert answer.status_code == 201, answer.text
        client.token = answer.json()['access_token']
        client.session = answer.json()
        client.user = answer.json()['user']
        client.again = lambda: sign(email, password)  # with what the user may do by now
        return client
    return sign


@pytest.fixture(scope='session')
def admin(daemon, sign_in):
    return sign_in(daemon.admin['email'], daemon.admin['password'])


@pytest.fixture(scope='session')
def new_user(admin, sign_in):
    """Makes a user with roles and signs them in."""
    def make(*roles, **members):
        email = members.pop('email', f'user{next(_numbers)}@sluice.test')
        admin.make('users', email=email, name=members.pop('name', email.split('@')[0]), password=PASSWORD,
                   roles=list(roles), **members)
        return sign_in(email, PASSWORD)
    return make


@pytest.fixture(scope='session')
def new_key(admin, daemon, contract):
    """Makes an API key with roles, and a client that uses it."""
    def make(*roles, **members):
        made = admin.make('api-keys', name=members.pop('name', f'key {next(_numbers)}'), roles=list(roles), **members)
        client = Client(daemon, contract, made['key'])
        client.key = made
        return client
    return make


def _role_fixture(name, role):
    @pytest.fixture(scope='session', name=name)
    def role_client(new_user):
        return new_user(role, name=name)
    return role_client


manager = _role_fixture('manager', 'manager')
mkt = _role_fixture('mkt', 'marketing')
rep = _role_fixture('rep', 'sales')
rep2 = _role_fixture('rep2', 'sales')
verifier = _role_fixture('verifier', 'verifier')
viewer = _role_fixture('viewer', 'viewer')


@pytest.fixture(scope='session')
def db(daemon):
    """A connection as the cluster's administrator: what is really there."""
    connection = psycopg2.connect(host=str(daemon.socket_folder), dbname='sluice', user='postgres',
                                  cursor_factory=psycopg2.extras.RealDictCursor)
    connection.autocommit = True
    yield connection
    connection.close()


@pytest.fixture(scope='session')
def rows(db):
    """Runs a query and returns its rows as dictionaries."""
    def run(sql, *values):
        with db.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []
    return run


@pytest.fixture
def clock(rows):
    """Moves the clock of every rule by so many seconds; it is right again at the end."""
    def at(seconds):
        rows(f"""create or replace function sluice.now() returns timestamptz language sql stable parallel safe
                 return transaction_timestamp() + make_interval(secs => {seconds})""")
    yield at
    rows("""create or replace function sluice.now() returns timestamptz language sql stable parallel safe
            return transaction_timestamp()""")


@pytest.fixture
def frozen(rows):
    """The clock of every rule stands, until the test moves it by so many seconds: however slow the machine is, no wait
    ends and no minute turns within a test."""
    now = rows('select sluice.now()::text as now')[0]['now']

    def at(seconds):
        rows(f"""create or replace function sluice.now() returns timestamptz language sql stable parallel safe
                 return timestamptz '{now}' + make_interval(secs => {seconds})""")
    at(0)
    yield at
    rows("""create or replace function sluice.now() returns timestamptz language sql stable parallel safe
            return transaction_timestamp()""")


@pytest.fixture
def number():
    """A number that no other test has: for names and e-mails."""
    return next(_numbers)


@pytest.fixture
def tax_id():
    """A NIP that no other test has."""
    return nip(uuid.uuid4().int % 80000000)


@pytest.fixture
def qualified(mkt, number):
    """Makes a lead that may be converted."""
    def make(**members):
        lead = mkt.make('leads', **{'last_name': f'Person {number}', 'company': f'Company {number}', **members})
        return qualify(mkt, lead['id'])
    return make


@pytest.fixture(scope='module')
def duplicates_allowed(rows):
    """For tests that make the same record again and again: what looks the same is only listed."""
    was = rows("select id::text, mode from sluice.duplicate_rule where mode <> 'flag'")
    rows("update sluice.duplicate_rule set mode = 'flag'")
    yield
    for r in was:
        rows('update sluice.duplicate_rule set mode = %s where id = %s', r['mode'], r['id'])
