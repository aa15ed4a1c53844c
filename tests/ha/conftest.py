"""Fixtures: the machines of docker/ha, once for a file."""
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE.parent / 'api', HERE.parent / 'fault', HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

# pylint: disable=wrong-import-position
from contract import Contract  # noqa: E402
from daemon import Client, Cluster, Daemon  # noqa: E402

LONG = os.environ.get('SLUICE_LONG') == '1'


@pytest.fixture(scope='session')
def contract():
    return Contract()


@pytest.fixture
def cluster():
    c = Cluster()
    yield c
    c.destroy()


@pytest.fixture
def other_cluster():
    c = Cluster()
    yield c
    c.destroy()


@pytest.fixture
def new_daemon():
    """Makes daemons of a test's own; all end with the test, and as they should."""
    made = []

    def make(start=True, **settings):
        made.append(Daemon(**settings))
        return made[-1].start() if start else made[-1]
    yield make
    codes = [d.stop() for d in made if d.process and d.process.poll() is None]
    logs = ''.join(d.log() for d in made)
    for d in made:
        d.destroy()
    assert set(codes) <= {0}, logs[-3000:]


@pytest.fixture
def sign_in(contract):
    """Returns a client of a place (whatever has a url) that is signed in as its first administrator."""
    def sign(place, who):
        client = Client(place, contract)
        answer = client.post('/v1/session', json={'email': who['email'], 'password': who['password']})
        assert answer.status_code == 201, answer.text
        client.session = answer.json()
        client.token = client.session['access_token']
        return client
    return sign
