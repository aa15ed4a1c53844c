"""What happens between the daemon and PostgreSQL, under a ledger of writes: one table of faults, one course of events.

Under each fault requests are answered before their deadline; where nobody is there, with 503 and Retry-After within a
second. Afterwards writes succeed within two seconds of PostgreSQL's return, without a hand, and the ledger is right.
"""
import dataclasses
import os
import random
import signal
from collections.abc import Callable

import psycopg2
import pytest

from daemon import wait_for
from proxy import Weather
from worlds import DEADLINE_S, LATE_S, LONG, RECOVERY_S, WRITE_S, now

SILENCE_S = 3 * WRITE_S + 5 + 1 + LATE_S  # until connections are given up whose server says nothing


@dataclasses.dataclass
class Fault:
    name: str
    begin: Callable  # does it
    end: Callable = lambda w: None  # takes it back
    away: bool = False  # nobody answers meanwhile: 503 at once
    silent: bool = False  # nobody says anything meanwhile
    works: bool = False  # writes succeed meanwhile
    hold_s: float = 0.0  # how long it lasts at least
    times: int = 1
    recovery_s: float = RECOVERY_S


def kill_backend(w):
    """kill -9 of one: PostgreSQL ends all the others and recovers."""
    pids = [r[0] for r in w.sql("select pid from pg_stat_activity where application_name = 'sluiced'")]
    os.kill(random.choice(pids), signal.SIGKILL)


def terminate(w):
    assert w.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sluiced'")


def exhaust(w):
    """Others take every connection that is left, then those of the daemon as they are lost."""
    w.hoard = [w.cluster.connect()]

    def taken():
        try:
            while True:
                w.hoard.append(w.cluster.connect())
        except psycopg2.OperationalError:
            with w.hoard[0].cursor() as cursor:
                cursor.execute("select count(*), count(pg_terminate_backend(pid)) from pg_stat_activity "
                               "where application_name = 'sluiced'")
                return cursor.fetchone()[0] == 0
    wait_for(taken, 20, 'the last connection')


def release(w):
    while getattr(w, 'hoard', None):
        w.hoard.pop().close()


def cut(way):
    """Connections end in the middle of a message, again and again."""
    def begin(w):
        for _ in range(10):
            before = w.proxy.cuts
            w.proxy.be(**{way: Weather(left=random.randint(1, 4000))})
            wait_for(lambda b=before: w.proxy.cuts > b, 20, 'the cut')
    return begin


def stalled(**ways):
    return lambda w: w.proxy.be(**{way: Weather(stalled=True) for way in ways})


def fair(w):
    w.proxy.be()


def start(w):
    w.cluster.start()


FAULTS = [
    Fault('a backend is killed', kill_backend, times=3 if not LONG else 50),
    Fault('all backends are terminated', terminate, times=3 if not LONG else 50),
    Fault('the postmaster is killed', lambda w: w.cluster.kill(), start, away=True, times=1 if not LONG else 50),
    Fault('PostgreSQL is stopped at once', lambda w: w.cluster.stop('immediate'), start, away=True,
          times=1 if not LONG else 50),
    Fault('PostgreSQL is away for a while', lambda w: w.cluster.stop('fast'), start, away=True,
          hold_s=8 if not LONG else 60),
    Fault('all connections are reset', lambda w: w.proxy.reset(), times=3 if not LONG else 50),
    Fault('the network is cut in two', stalled(up=1, down=1), fair, silent=True),
    Fault('requests to PostgreSQL are swallowed', stalled(up=1), fair, silent=True),
    Fault('answers of PostgreSQL are swallowed', stalled(down=1), fair, silent=True),
    Fault('the network stalls for a moment', stalled(up=1, down=1), fair, hold_s=1.0, times=3),
    Fault('the link is slow', lambda w: w.proxy.slow(0.02, 125000), fair, works=True, hold_s=4),
    Fault('requests are cut', cut('up'), fair),
    Fault('answers are cut', cut('down'), fair),
    Fault('others use all connections', exhaust, release, away=True, hold_s=3),
]


def refused_at_once(w, ledger, fault, began):
    """Every client was told that the database is away, soon after it went."""
    def told():
        return sum(a.status == 503 and a.retry_after and a.code == 'database_unavailable' for a in ledger.attempts(began)) >= 20
    at = len(w.daemon.log())
    wait_for(told, 20, '503 for everybody')
    settled = now()
    wait_for(lambda: now() - settled >= fault.hold_s, fault.hold_s + 5)
    said = w.daemon.log()[at:].count('no connection to the database')
    assert said <= w.before['pool'] * (4 if not LONG else 8), said  # an outage does not flood the log: 1st, 2nd, 4th ... failure
    for a in ledger.attempts(settled):
        assert (a.status, a.code, a.retry_after) == (503, 'database_unavailable', True) and a.took < 1.0, a
    assert w.alive() and not w.ready()


def given_up(w, ledger, began):
    """Requests end at their deadline, until the connections are given up; then with 503 at once."""
    def refused():
        return any(a.status == 503 for a in ledger.attempts(began))
    wait_for(refused, SILENCE_S + 5, '503')
    first = next(a for a in ledger.attempts(began) if a.status == 503)
    assert first.began + first.took - began < SILENCE_S
    wait_for(lambda: not w.ready(), 30, 'unreadiness')
    assert w.alive()


def suffered(w, ledger, fault, began):
    if fault.away:
        refused_at_once(w, ledger, fault, began)
    elif fault.silent:
        given_up(w, ledger, began)
    elif fault.works:
        ledger.at_least(10)
        assert set(ledger.seen(began)) <= {200, 201, 207, 422}
    wait_for(lambda: now() - began >= fault.hold_s, fault.hold_s + 5, 'time')


@pytest.mark.parametrize('fault', FAULTS, ids=lambda f: f.name)
def test_nothing_is_lost_when(world, fault):
    with world.ledger() as ledger:
        for _ in range(fault.times):
            ledger.at_least(10)
            began = now()
            fault.begin(world)
            suffered(world, ledger, fault, began)
            fault.end(world)
            wait_for(world.cluster.accepts, 20, 'PostgreSQL')
            back = now()
            took = world.recovered(ledger, back, fault.recovery_s)
            assert ledger.longest(began) < DEADLINE_S + LATE_S
            print(f'{fault.name}: back after {took:.2f} s, longest request {ledger.longest(began):.2f} s, '
                  f'{dict(ledger.seen(began))}')
            wait_for(world.ready, 30, 'readiness')
        world.settled(ledger)
