"""What follows an import: assignment by rules, names that are compared later, folders."""
import pytest

from daemon import Client
from helpers import lived, problem
from test_assignment import INDUSTRY, START, Leads  # pylint: disable=unused-import
from test_import import Import


@pytest.fixture(scope='module')
def opened(contract):
    yield from lived(Leads(contract))


@pytest.fixture
def world(opened):  # pylint: disable=redefined-outer-name
    opened.clock.set(START)
    yield opened
    opened.idle()
    opened.rows('delete from sluice.assignment_rule')
    opened.rows('delete from sluice.lead_queue')


def brought(world, text, **options):  # pylint: disable=redefined-outer-name
    """Imports and waits for the assignments; returns the leads in the order of the file."""
    done = Import(world.marketer, text, **options)
    done.propose()
    done.do('run')
    world.idle()
    return [row['record_id'] for row in done.rows()]


def test_an_import_is_dealt_out_by_the_rules(world):  # pylint: disable=redefined-outer-name
    """Row by row in the order of the file, up to what each may have a day; the rest waits in the queue."""
    world.give('space', strategy='fixed', users=[world.ids[3]], position=10,
               conditions=[{**INDUSTRY, 'params': {**INDUSTRY['params'], 'value': 'space'}}])
    world.give('turns', strategy='round_robin', users=world.ids[:3], team_id=world.team, capacity=3, position=20)
    lines = [f'Dealt {n:02},{"space" if n in (4, 8) else "logistics"},{world.ids[1] if n == 6 else ""}' for n in range(14)]
    leads = brought(world, 'Nazwisko,Branża,owner_id\n' + '\n'.join(lines) + '\n')
    a, b, c, d = world.ids
    assert world.owners(leads) == [a, b, c, a, d, b, b, c, d, a, b, c, None, None]
    assert world.queue() == set(leads[12:])
    told, = world.told(leads[0])
    assert (told['moment'], told['rule'], told['strategy'], told['user_id'], told['team_id']) == ('birth', 'turns', 'round_robin', a, None)
    assert [(c['user_id'], c['capacity_left'], c['skipped']) for c in told['why']['candidates']] == [(i, 3, None) for i in (a, b, c)]
    told, = world.told(leads[4])
    assert (told['rule'], told['strategy'], told['user_id']) == ('space', 'fixed', d)
    assert [(e['path'], e['observed']) for e in told['why']['evidence']] == [('industry', 'space')]
    assert world.told(leads[6]) == [], 'the file says who has it'
    told, = world.told(leads[13])
    assert (told['rule'], told['user_id'], told['team_id']) == ('turns', None, world.team)
    assert [(c['user_id'], c['capacity_left'], c['skipped']) for c in told['why']['candidates']] == [(i, 0, 'capacity') for i in (a, b, c)]
    history = world.admin.get(f'/v1/leads/{leads[0]}/history').json()['items']
    assert [(e['actor']['kind'], e['changes']['owner_id']['new']) for e in history if 'owner_id' in e['changes']] == [('rule', a)]


def test_more_rows_than_a_slice_has(world):  # pylint: disable=redefined-outer-name
    """Shares are exact across slices of the import and batches of the assignment."""
    world.give('turns', strategy='round_robin', users=world.ids)
    leads = brought(world, 'Nazwisko\n' + ''.join(f'Many {n:04}\n' for n in range(2402)))
    assert len(leads) == 2402
    assert world.shares(leads) == [601, 601, 600, 600, 0]
    assert world.rows("select count(*) as n from sluice.lead_assignment a where a.lead_id = any (%s::uuid[]) and a.rule = 'turns'", leads) == [
        {'n': 2402}]


def test_names_are_found_after_the_job_that_compares_them(world):  # pylint: disable=redefined-outer-name
    """Until then exact rules see an imported record, fuzzy ones do not; what was made meanwhile is listed."""
    world.admin.make('duplicate-rules', key='names', entity='lead', against=['lead'], kind='fuzzy', threshold=0.7, mode='flag',
                     weights={'name': 0.9, 'city': 0.1}, label={'en': 'Alike'})
    held = """create function public.hold() returns trigger language plpgsql as $$
              begin new.status := 'failed'; return new; end $$;
              create trigger hold before insert on sluice.job for each row when (new.kind = 'import_compare') execute function public.hold()"""
    world.rows(held)
    done = Import(world.marketer, 'Nazwisko,Firma,Email\nWindow,Okna Północ Gdańsk sp. z o.o.,window@north.example\n')
    done.propose()
    done.do('run')
    world.rows('drop trigger hold on sluice.job; drop function public.hold')
    lead = done.rows()[0]['record_id']

    def alike(**sent):
        answer = world.admin.post('/v1/leads/duplicates', json={'last_name': 'Else', **sent})
        assert answer.status_code == 200, answer.text
        return {m['id'] for m in answer.json()['matches']}
    similar = 'Okna Pólnoc Gdansk'
    assert alike(email='WINDOW@north.example') == {lead}
    assert alike(company=similar) == set()
    meanwhile = world.admin.make('leads', last_name='Meanwhile', company=similar)
    world.rows("update sluice.job set status = 'queued' where kind = 'import_compare'")
    world.idle()
    found = done.read()
    assert (found['compared'], found['suspected']) == (1, 1)
    assert alike(company=similar) == {lead, meanwhile['id']}
    pair, = world.admin.get('/v1/duplicates', params={'record': lead}).json()['items']
    assert meanwhile['id'] in str(pair)


def test_the_folder_for_a_moment_is_made(new_daemon, contract):
    """However deep it is; where none can be, an export says so."""
    for folder, status in (('not/there/yet', 200), ('/dev/null/x', 500)):
        daemon = new_daemon(temp_dir=folder)
        admin = Client(daemon, contract)
        admin.token = admin.post('/v1/session', json={'email': daemon.admin['email'], 'password': daemon.admin['password']}).json()['access_token']
        answer = admin.get('/v1/leads/export')
        assert answer.status_code == status, answer.text
        if status == 500:
            problem(answer, 500, 'internal')
        else:
            assert (daemon.folder / folder).is_dir()
