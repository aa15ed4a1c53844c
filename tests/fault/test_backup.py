"""The recipe of the page: a base backup and the log that follows it bring the database back to a moment of one's choice."""
import shutil
import subprocess

from daemon import unprivileged, wait_for
from worlds import LONG


ARCHIVING = ['-c', 'archive_mode=on', '-c', 'archive_command=mkdir -p ../archive && test ! -f ../archive/%f && cp %p ../archive/%f']


def command(cluster, name, *words):
    """One of PostgreSQL's programs, as its user."""
    unprivileged(cluster.bin / name, *words)


def base_backup(cluster, place):
    command(cluster, 'pg_basebackup', '-h', '127.0.0.1', '-p', str(cluster.port), '-U', 'postgres', '-D', place, '-c', 'fast')
    command(cluster, 'pg_verifybackup', place)


def archived(cluster):
    """Closes the present piece of the log and waits until all that were closed are in the second place."""
    last = cluster.sql('select pg_walfile_name(pg_switch_wal())')[0][0]
    wait_for((cluster.folder / 'archive' / last).exists, 30, f'{last} in the archive')


def wipe(cluster):
    cluster.stop('immediate')
    shutil.rmtree(cluster.data)


def restore(cluster, backup, moment):
    """The recipe of the page."""
    shutil.copytree(backup, cluster.data)
    with open(cluster.data / 'postgresql.auto.conf', 'a') as f:
        f.write("restore_command = 'cp ../archive/%f %p'\n"
                f"recovery_target_time = '{moment}'\nrecovery_target_action = 'promote'\n")
    (cluster.data / 'recovery.signal').touch()
    subprocess.run(['chown', '-R', f'--reference={backup}', cluster.data], check=True)
    cluster.start()
    wait_for(lambda: cluster.sql('select not pg_is_in_recovery()') == [(True,)], 60, 'the end of the recovery')


def nothing_of(world, ledger):
    """Whether no trace of a ledger's writes is there."""
    made = [w.record for w in ledger.of('acked') if w.record]
    assert made
    for what in ('lead', 'intake_submission'):
        column = 'last_name' if what == 'lead' else 'raw'
        assert world.sql(f'select count(*) from sluice.{what} where {column} like %s', f'%{ledger.mark}%') == [(0,)], what
    for what in ('audit', 'outbox', 'visit'):
        assert world.sql(f'select count(*) from sluice.{what} where record_id = any(%s::uuid[])', made) == [(0,)], what
    assert world.sql('select count(*) from sluice.idempotency where key = any(%s)', [w.key for w in ledger.writes]) == [(0,)]


def test_a_backup_comes_back_to_a_moment_between_two_writes(new_world):
    """Backup under load, wipe, restore: what was acknowledged before the moment is there once, what came later never was."""
    world = new_world(options=ARCHIVING)
    backup = world.cluster.folder / 'backup'
    for n in range(1 if not LONG else 3):
        with world.ledger() as before:
            before.at_least(10)
            base_backup(world.cluster, backup)
            before.at_least(10)
            world.settled(before)
        moment = world.sql('select clock_timestamp()::text')[0][0]
        with world.ledger() as after:
            after.at_least(10)
            world.settled(after)
        archived(world.cluster)
        assert world.daemon.stop() == 0
        wipe(world.cluster)
        restore(world.cluster, backup, moment)
        world.daemon.start()
        wait_for(world.ready, 30, 'readiness')
        found = before.settle(world.sql)
        nothing_of(world, after)
        command(world.cluster, 'pg_amcheck', '-h', '127.0.0.1', '-p', str(world.cluster.port), '-U', 'postgres',
                '--install-missing', '--heapallindexed', 'sluice')
        with world.ledger() as again:
            again.at_least(10)
            world.settled(again)
        print(f'restored {n + 1}: {found} writes from before the moment are there, {after.count()} from after it are not')
        shutil.rmtree(backup)
    assert world.daemon.stop() == 0
