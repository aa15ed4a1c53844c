"""The queue of an intake form: where its leads wait whom nobody takes, how they get out of it, and what stands in its way."""
import pytest

from daemon import Client
from helpers import UNKNOWN, fault, problem
from test_assignment import INDUSTRY, opened, world  # noqa: F401 pylint: disable=unused-import


@pytest.fixture
def send(world):
    """Makes forms of the test's own, and posts to them; gives the lead that was made."""
    anonymous = Client(world.first, world.contract)
    forms = []

    def send(form=None, status=201, **lead):
        answer = anonymous.post(f'/v1/intake/{form["form"]}', params={'key': form['key']},
                                json={'last_name': 'Nowak', 'email': f'{len(forms)}@queue.test', **lead})
        assert answer.status_code == status, answer.text
        return answer.json()['id'] if status == 201 else answer

    def form(**more):
        forms.append(world.admin.make('intake-forms', **{
            'form': f'queue{len(world.rows("select 1 from sluice.intake_form"))}', 'name': 'Fair', 'source': 'fair',
            'fields': ['last_name', 'email', 'industry'], 'queue': world.team, **more}))
        return forms[-1]
    send.form = form
    yield send
    world.rows('update sluice.intake_form set queue = null')


def lead_of(world, lead):
    shown = world.admin.read('leads', lead)
    return shown['queue'], shown['owner_id']


def test_what_nobody_takes_waits_in_the_queue_of_its_form(world, send):
    form = send.form()
    assert form['queue'] == world.team
    lead = send(form)
    assert lead_of(world, lead) == (world.team, None)
    assert world.queue() == {lead}
    told, = world.told(lead)
    assert (told['moment'], told['rule'], told['strategy'], told['user_id'], told['team_id']) == (
        'birth', None, 'queue', None, world.team)
    assert told['why'] == {'candidates': [], 'evidence': [{'path': 'form', 'observed': form['form']}], 'passed': [],
                           'kept': False}
    entry = world.admin.get(f'/v1/leads/{lead}/history').json()['items'][0]
    assert entry['changes'] == {'queue': {'old': None, 'new': world.team}}
    assert [r['type'] for r in world.rows("""select type from sluice.outbox where record_id = %s
                                              and type = 'lead.unassigned'""", lead)] == ['lead.unassigned']
    taken = world.sellers[1].post(f'/v1/queues/{world.team}/take')
    assert (taken.status_code, taken.json()['id'], taken.json()['queue'], taken.json()['owner_id']) == (
        200, lead, None, world.ids[1])
    assert lead_of(world, lead) == (None, world.ids[1]) and world.queue() == set()


def test_rules_come_first(world, send):
    world.give('logistics', strategy='fixed', users=[world.ids[0]], conditions=[INDUSTRY])
    form = send.form()
    theirs, nobodys = send(form, industry='logistics'), send(form, industry='space')
    world.idle()
    assert [lead_of(world, i) for i in (theirs, nobodys)] == [(None, world.ids[0]), (world.team, None)]
    assert [t['rule'] for t in world.told(theirs)] == ['logistics']
    told, = world.told(nobodys)
    assert (told['rule'], told['team_id'], told['why']['evidence']) == (
        None, world.team, [{'path': 'form', 'observed': form['form']}])


def test_rules_without_anybody_come_first_too(world, send):
    """Passed on, and told so; then the queue."""
    world.give('night', strategy='fixed', users=[world.ids[0]], calendar='default')
    world.clock.set('2026-11-02 20:00Z')
    lead = send(send.form())
    world.idle()
    assert lead_of(world, lead) == (world.team, None)
    told, = world.told(lead)
    assert (told['team_id'], [p['rule'] for p in told['why']['passed']]) == (world.team, ['night'])
    assert world.rows("select count(*) from sluice.outbox where record_id = %s and type = 'lead.unassigned'", lead)[0]['count'] == 1


def test_the_owner_of_a_form_comes_first(world, send):
    lead = send(send.form(owner_id=world.ids[2]))
    assert lead_of(world, lead) == (None, world.ids[2]) and world.told(lead) == []


def test_no_queue_is_no_queue(world, send):
    form = send.form(queue=None)
    lead = send(form)
    assert lead_of(world, lead) == (None, None) and world.told(lead) == []
    form['queue'] = world.admin.patched('intake-forms', form['id'], queue=world.team)['queue']
    assert form['queue'] == world.team
    assert lead_of(world, send(form)) == (world.team, None)


def test_what_was_held_goes_there_when_it_is_released(world, send):
    form = send.form(on_duplicate='hold', fields=['last_name', 'email', 'external_id'])
    sent = [send(form, status=202, email='same@queue.test').json()['submission_id'] for _ in range(2)]
    first, held = (world.admin.read('intake-submissions', i) for i in sent)
    assert (first['outcome'], held['outcome'], held['lead_id']) == ('created', 'held', None)
    assert lead_of(world, first['lead_id']) == (world.team, None)
    answer = world.admin.post(f'/v1/intake-submissions/{held["id"]}/release', json={})
    assert answer.status_code == 200, answer.text
    assert lead_of(world, answer.json()['lead_id']) == (world.team, None)


def test_a_team_that_is_needed_stays(world, send):
    """Refused while something leads into its queue or somebody waits in it: they would wait for ever."""
    team = world.admin.make('teams', name='Fair', members=[world.ids[0]])['id']
    form = send.form(queue=team)
    assert problem(world.admin.delete(f'/v1/teams/{team}'), 409, 'in_use')['detail'] == (
        f'The intake form {form["form"]} leads into its queue.')
    lead = send(form)
    world.admin.patched('intake-forms', form['id'], queue=None)
    rule = world.give('fair', strategy='queue', team_id=team, enabled=False)
    assert problem(world.admin.delete(f'/v1/teams/{team}'), 409, 'in_use')['detail'] == 'The assignment rule fair names it.'
    assert world.admin.delete(f'/v1/assignment-rules/{rule["id"]}').status_code == 204
    assert problem(world.admin.delete(f'/v1/teams/{team}'), 409, 'in_use')['detail'] == '1 leads wait in its queue.'
    world.admin.patched('leads', lead, owner_id=world.ids[0])
    assert world.admin.delete(f'/v1/teams/{team}').status_code == 204
    for gone in (team, UNKNOWN):
        answer = world.admin.patch(f'/v1/intake-forms/{form["id"]}', json={'queue': gone})
        fault(answer, 422, 'unknown_reference', '/queue', 'reference')
