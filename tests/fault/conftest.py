"""Fixtures of the fault cases: a PostgreSQL on TCP, a proxy that misbehaves, a daemon, and a ledger over it."""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE.parent / 'api', HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import pytest  # noqa: E402

from contract import Contract  # noqa: E402
from worlds import PrivateWorld, World  # noqa: E402


@pytest.fixture(scope='session')
def contract():
    return Contract()


@pytest.fixture(scope='module')
def shared(contract):
    """One world for the cases of a file; each leaves it as it was."""
    yield from World(contract).lent()


@pytest.fixture
def world(shared):
    """The shared world, whole again after the case."""
    shared.whole()
    shared.remember()
    yield shared
    shared.whole()
    shared.left_nothing()


@pytest.fixture
def private(contract):
    """A daemon with a PostgreSQL of its own."""
    w = PrivateWorld(contract)
    try:
        yield w.start()
    finally:
        w.destroy()


@pytest.fixture
def new_world(contract):
    """Worlds of a case's own."""
    made = []

    def make(**settings):
        made.append(World(contract, **settings))
        return made[-1].start()
    yield make
    for w in made:
        w.destroy()
