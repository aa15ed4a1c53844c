"""Who asks, when a proxy stands between: what limits and records tell people apart by. A field that says so is believed
only from the proxies of SLUICE_TRUSTED_PROXIES, and only as far as they wrote it."""
import socket
from urllib.parse import urlsplit

import jwt
import pytest
import requests

from conftest import PASSWORD
from daemon import Client, Daemon, From, wait_for
from helpers import problem
from test_edge import Raw
from test_proxies import Proxy

PROXY = '127.0.0.1'
STRANGER = '127.0.0.66'  # loopback, and not in the list
CLIENT, OTHER = '203.0.113.9', '203.0.113.10'
FORM = 'trusted'


@pytest.fixture(scope='module')
def beside(daemon):
    """Makes daemons on the database of the tests, with settings of their own."""
    made = []

    def make(**settings):
        url = f'postgresql:///sluice?host={daemon.socket_folder}&user=postgres'
        made.append(Daemon(database_url=url, job_interval_ms=0, **settings))
        return made[-1].start()
    yield make
    for d in made:
        code = d.stop()
        log = d.log()
        d.destroy()
        assert code == 0, log[-3000:]


@pytest.fixture(scope='module')
def trusting(beside):
    return beside(trusted_proxies=f'{PROXY}, 10.0.0.0/8, 2001:db8:1::/48')


@pytest.fixture(scope='module')
def trusting_forwarded(beside):
    return beside(trusted_proxies=PROXY, proxy_header='forwarded')


@pytest.fixture
def at(contract):
    """A client that connects to a daemon from an address."""
    def make(daemon, address=PROXY):
        client = Client(daemon, contract)
        client.http.mount('http://', From(address))
        return client
    return make


@pytest.fixture
def user(admin, number):
    return admin.make('users', email=f'proxied{number}@sluice.test', name=f'Proxied {number}', password=PASSWORD, roles=['sales'])


@pytest.fixture
def make_form(admin, number):
    def make(**members):
        return admin.make('intake-forms', form=f'{FORM}_{number}', name='Trusted', source='x', fields=['email'], **members)
    return make


def sign_in(client, email, password=PASSWORD, **headers):
    return client.post('/v1/session', json={'email': email, 'password': password},
                       headers={name.replace('_', '-'): value for name, value in headers.items()})


def address_of(rows, answer):
    """What is kept of the session that was just opened."""
    claims = jwt.decode(answer.json()['access_token'], options={'verify_signature': False})
    return rows('select address from sluice.session where id = %s', claims['sid'])[0]['address']


@pytest.mark.parametrize('field, client', [
    (CLIENT, CLIENT), (f'{CLIENT}:4711', CLIENT), ('2001:db8:9::9', '2001:db8:9::9'), ('[2001:DB8:9::9]:80', '2001:db8:9::9'),
    ('::ffff:203.0.113.9', CLIENT),
    # a chain of trusted ones, and what its client has put before it
    (f'{CLIENT}, 10.1.2.3, 2001:db8:1::7', CLIENT), (f'1.1.1.1, {CLIENT}, 10.1.2.3', CLIENT), (f'10.9.9.9, {CLIENT}', CLIENT),
    # what names nobody
    ('unknown', PROXY), ('', PROXY), (f'{CLIENT}, evil', PROXY), (f'{CLIENT}, evil, 10.1.2.3', '10.1.2.3'),
    ("203.0.113.9' or '1'='1", PROXY)])
def test_who_asks_behind_a_trusted_proxy(trusting, at, user, rows, field, client):
    answer = sign_in(at(trusting), user['email'], X_Forwarded_For=field)
    assert answer.status_code == 201, answer.text
    assert address_of(rows, answer) == client


def test_lines_of_the_field_are_one_list(trusting, user, rows):
    """HAProxy appends a line of its own instead of a word to the client's."""
    body = f'{{"email": "{user["email"]}", "password": "{PASSWORD}"}}'
    raw = Raw(trusting).send((f'POST /v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
                              f'X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: {CLIENT}\r\nx-forwarded-for: 10.1.2.3\r\n'
                              f'Content-Length: {len(body)}\r\n\r\n{body}').encode())
    assert raw.answer()[0] == 201
    assert rows('select address from sluice.session where user_id = %s', user['id']) == [{'address': CLIENT}]


@pytest.mark.parametrize('headers', [
    {'X_Forwarded_For': CLIENT}, {'Forwarded': f'for={CLIENT}'}, {'X_Real_IP': CLIENT}, {'X_Forwarded_For': f'{CLIENT}, {PROXY}'}])
def test_nobody_else_is_believed(daemon, trusting, at, user, rows, headers):
    for where, address in ((trusting, STRANGER), (daemon, PROXY)):  # a stranger; a daemon that trusts nobody
        assert address_of(rows, sign_in(at(where, address), user['email'], **headers)) == address


def test_the_other_field_is_the_clients_own(trusting, trusting_forwarded, at, user, rows):
    """A proxy that writes one field passes the other on as it was sent."""
    both = {'X_Forwarded_For': CLIENT, 'Forwarded': f'for={OTHER};proto=https'}
    assert address_of(rows, sign_in(at(trusting), user['email'], **both)) == CLIENT
    assert address_of(rows, sign_in(at(trusting), user['email'], Forwarded=f'for={OTHER}')) == PROXY
    assert address_of(rows, sign_in(at(trusting_forwarded), user['email'], **both)) == OTHER
    assert address_of(rows, sign_in(at(trusting_forwarded), user['email'], X_Forwarded_For=CLIENT)) == PROXY
    six = {'Forwarded': 'for=1.1.1.1, For="[2001:db8:9::9]:4711";by=_x'}
    assert address_of(rows, sign_in(at(trusting_forwarded), user['email'], **six)) == '2001:db8:9::9'


def test_guessing_is_counted_for_who_guesses(trusting, at, user, frozen):
    """Who guesses behind the proxy waits; neither the proxy nor anybody else behind it does."""
    client = at(trusting)
    guesses = [sign_in(client, user['email'], 'not the password', X_Forwarded_For=f'8.8.8.{i}, {CLIENT}').status_code
               for i in range(8)]  # another spoofed address each time
    assert guesses == [401] * 6 + [429] * 2
    problem(sign_in(client, user['email'], X_Forwarded_For=CLIENT), 429, 'rate_limited')
    assert sign_in(client, user['email'], X_Forwarded_For=OTHER).status_code == 201
    assert sign_in(client, user['email']).status_code == 201
    assert sign_in(at(trusting, STRANGER), user['email'], X_Forwarded_For=CLIENT).status_code == 201


def test_a_stranger_cannot_guess_as_somebody_else(trusting, at, user, frozen):
    client = at(trusting, STRANGER)
    guesses = [sign_in(client, user['email'], 'not the password', X_Forwarded_For=f'8.8.8.{i}').status_code for i in range(8)]
    assert guesses == [401] * 6 + [429] * 2


def test_who_has_one_address_of_a_net_has_them_all(trusting, at, user, frozen):
    client = at(trusting)
    guesses = [sign_in(client, user['email'], 'not the password', X_Forwarded_For=f'2001:db8:9:1::{i}').status_code
               for i in range(1, 9)]
    assert guesses == [401] * 6 + [429] * 2
    assert sign_in(client, user['email'], X_Forwarded_For='2001:db8:9:2::1').status_code == 201


def test_a_form_counts_who_posts(trusting, at, make_form, frozen, rows, number):
    form = make_form(address_rate_limit=2)
    client = at(trusting)

    def post(address):
        return client.post(f'/v1/intake/{form["form"]}', params={'key': form['key']},
                           json={'email': f'posted{number}@sluice.test'}, headers={'X-Forwarded-For': address}).status_code
    assert [post(CLIENT) for _ in range(3)] == [201, 201, 429]
    assert [post(OTHER) for _ in range(3)] == [201, 201, 429]
    assert [post(f'2001:db8:9::{i}') for i in range(3)] == [201, 201, 429]
    kept = rows('select address from sluice.intake_submission where form_id = %s order by id', form['id'])
    assert [k['address'] for k in kept] == [CLIENT, CLIENT, OTHER, OTHER, '2001:db8:9::', '2001:db8:9::1']


def test_connections_of_a_proxy_are_not_one_persons(beside, at):
    daemon = beside(trusted_proxies=PROXY, max_connections_per_address=2, workers=1)
    where = urlsplit(daemon.url)
    ask = b'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n'

    def first_line(source, said):
        s = socket.create_connection((where.hostname, where.port), 10, source_address=(source, 0))
        s.sendall(said)
        return s, s.recv(4096).split(b'\r\n')[0]
    held = [first_line(source, ask) for source in [PROXY] * 10 + [STRANGER] * 2]
    assert [line for _, line in held] == [b'HTTP/1.1 200 OK'] * 12
    assert first_line(STRANGER, b'')[1] == b'HTTP/1.1 429 Too Many Requests'  # told without being asked
    for s, _ in held:
        s.close()

    def admitted():
        try:
            return first_line(STRANGER, ask)[1] == b'HTTP/1.1 200 OK'
        except OSError:
            return False
    wait_for(admitted, 20, 'room for the stranger')


@pytest.mark.parametrize('kind, more', [
    ('nginx', 'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;'), ('haproxy', 'option forwardfor')])
def test_proxies_as_they_are_set_up(trusting, contract, user, rows, kind, more):
    at = urlsplit(trusting.url)
    proxy = Proxy(kind, f'{at.hostname}:{at.port}', more)
    try:
        client = Client(type('At', (), {'url': f'http://{proxy.at[0]}:{proxy.at[1]}'}), contract)
        client.http.mount('http://', From(STRANGER))
        for spoofed in ({}, {'X_Forwarded_For': CLIENT}, {'X_Forwarded_For': f'{CLIENT}, {PROXY}'}, {'Forwarded': f'for={CLIENT}'}):
            assert address_of(rows, sign_in(client, user['email'], **spoofed)) == STRANGER
    finally:
        proxy.stop()
