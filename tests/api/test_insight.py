"""What the history tells: pictures of a process, why something moved, what stops people, where records wait."""
import xml.etree.ElementTree as ET

import pytest

from helpers import SURVEY, UNKNOWN, contact, problem

SVG = '{http://www.w3.org/2000/svg}'


def version_of(client, key):
    (version,) = client.get('/v1/blueprints', params={'key': key, 'status': 'published'}).json()['items']
    return version['id']


def picture(client, key='lead_default', language='en', **params):
    answer = client.get(f'/v1/blueprints/{version_of(client, key)}/diagram', params=params,
                        headers={'Accept-Language': language})
    assert answer.status_code == 200, answer.text
    return answer


# pictures

@pytest.mark.parametrize('key', ['lead_default', 'account_verification', 'sales_pipeline'])
def test_a_process_is_drawn(viewer, key):
    answer = picture(viewer, key)
    assert answer.headers['Content-Type'] == 'image/svg+xml'
    root = ET.fromstring(answer.content)
    assert root.tag == SVG + 'svg'
    whole = viewer.get(f'/v1/blueprints/{version_of(viewer, key)}').json()
    drawn = {g.get('id')[len('state-'):] for g in root.iter(SVG + 'g') if g.get('id')}
    assert drawn == {s['key'] for s in whole['states']}
    assert answer.content == picture(viewer, key).content, 'the same process is the same picture'


def test_texts_name_every_edge(viewer):
    whole = viewer.get(f'/v1/blueprints/{version_of(viewer, "lead_default")}').json()
    states = [s['key'] for s in whole['states']]
    edges = {(s, t['to']) for t in whole['transitions'] if t.get('kind') != 'initial'
             for s in (t['from'] if t['from'] != 'any' else [s for s in states if s not in t.get('except', [])])}
    mermaid = picture(viewer, format='mermaid')
    assert mermaid.headers['Content-Type'].startswith('text/plain')
    lines = mermaid.text.splitlines()
    assert lines[0] == 'stateDiagram-v2'
    told = {tuple(line.split(':')[0].replace('s_', '', 1).replace(' s_', ' ').strip().split(' --> ')) for line in lines
            if ' --> ' in line and '[*]' not in line}
    assert told == edges
    dot = picture(viewer, format='dot').text
    assert dot.startswith('digraph "lead_default" {') and dot.rstrip().endswith('}')
    assert all(f'"{a}" -> "{b}"' in dot for a, b in edges)


def test_a_picture_speaks_the_language_of_the_request(viewer):
    texts = {language: picture(viewer, language=language, format='mermaid').text for language in ('en', 'pl', 'ru')}
    assert len(set(texts.values())) == 3


def test_counts_are_live(mkt, viewer):
    def count():
        text = picture(viewer, format='mermaid', counts='true').text
        line = next(line for line in text.splitlines() if line.endswith('as s_open'))
        return int(line.split('<br/>')[1].split(' ')[0].split('"')[0])
    before = count()
    lead = mkt.make('leads', last_name='Counted')
    assert count() == before + 1
    contact(mkt, lead['id'])
    assert count() == before
    assert ET.fromstring(picture(viewer, counts='true').content) is not None


def test_what_cannot_be_drawn_is_refused(viewer, anonymous):
    problem(viewer.get(f'/v1/blueprints/{UNKNOWN}/diagram'), 404, 'not_found')
    problem(viewer.get('/v1/blueprints/nonsense/diagram'), 404, 'not_found')
    version = version_of(viewer, 'lead_default')
    problem(viewer.get(f'/v1/blueprints/{version}/diagram', params={'format': 'png'}), 400, 'invalid_parameter')
    problem(anonymous.get(f'/v1/blueprints/{version}/diagram'), 401, 'unauthenticated')


# why something moved, or did not

def test_why_a_transition_was_possible_then(mkt, viewer):
    lead = mkt.make('leads', last_name='Why')
    contact(mkt, lead['id'])
    refused = mkt.move('leads', lead['id'], 'qualified')
    assert refused.status_code == 422
    mkt.moved('leads', lead['id'], 'qualified', fields={'industry': 'rail'}, activities=[SURVEY], note='At last')
    # what is true by now does not change what was found then
    mkt.patch(f'/v1/leads/{lead["id"]}', json={'industry': None})
    moved, denied = [next(e for e in mkt.history('leads', lead['id']) if e['action'] == a and e['transition'] == 'qualified')
                     for a in ('transition', 'denied')]
    why = viewer.get(f'/v1/leads/{lead["id"]}/history/{moved["seq"]}').json()
    assert (why['from_state'], why['to_state'], why['note']) == ('contacted', 'qualified', 'At last')
    assert why['actor']['name'] == 'mkt'
    found = {g['guard']: g for g in why['verdicts']['guards']}
    assert found['industry_filled']['passed'] and found['industry_filled']['observed'] == 'rail'
    assert found['survey_sent']['observed'] == 1
    assert why['blueprint']['id'] == version_of(viewer, 'lead_default')
    why = viewer.get(f'/v1/leads/{lead["id"]}/history/{denied["seq"]}').json()
    assert why['code'] == 'guard_failed'
    assert {f['guard']: f['observed'] for f in why['failures']} == {'industry_filled': None, 'survey_sent': 0}


def test_why_knows_only_entries_of_the_record(mkt, viewer):
    one, other = mkt.make('leads', last_name='One'), mkt.make('leads', last_name='Other')
    seq = mkt.history('leads', other['id'])[0]['seq']
    assert viewer.get(f'/v1/leads/{other["id"]}/history/{seq}').status_code == 200
    for path in (f'leads/{one["id"]}/history/{seq}', f'leads/{one["id"]}/history/x', f'leads/{UNKNOWN}/history/{seq}',
                 f'accounts/{other["id"]}/history/{seq}'):
        problem(viewer.get(f'/v1/{path}'), 404, 'not_found')


# reports

def rows_of(client, report, **params):
    answer = client.get(f'/v1/reports/{report}', params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()['items']


def of_guard(items, transition, guard):
    return next(i for i in items if (i['transition'], i['guard']) == (transition, guard))


@pytest.fixture
def since(rows):
    """From now on, by the database's clock."""
    return rows("select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as at")[0]['at']


def test_wishful_statuses_leave_a_trace(new_user, manager, mkt, admin, since):
    """Scenario 40: four refusals, one success, the time between; who it was, only for those who may know."""
    dreamer = new_user('sales', name='Dreamer')
    lead = dreamer.make('leads', last_name='Wish')
    contact(dreamer, lead['id'])
    for _ in range(4):
        problem(dreamer.move('leads', lead['id'], 'qualified', activities=[SURVEY]), 422, 'guard_failed')
    dreamer.moved('leads', lead['id'], 'qualified', fields={'industry': 'asdfgh'}, activities=[SURVEY])
    row = of_guard(rows_of(mkt, 'friction', **{'from': since, 'entity': 'lead'}), 'qualified', 'industry_filled')
    assert (row['attempts'], row['refusals'], row['successes'], row['overcome']) == (5, 4, 1, 1)
    assert 0 <= row['p50_s'] < 60
    assert (row['typed'], row['suspicious'], row['suspicious_share'], row['reasons']) == (1, 1, 1, {'keyboard': 1})
    assert 'Dreamer' not in str(row) and dreamer.user['id'] not in str(row)
    survey = of_guard(rows_of(mkt, 'friction', **{'from': since, 'entity': 'lead'}), 'qualified', 'survey_sent')
    assert (survey['attempts'], survey['refusals'], survey['successes']) == (5, 0, 1)
    # who it was is for some
    problem(mkt.get('/v1/reports/friction/actors'), 403, 'forbidden')
    problem(dreamer.get('/v1/reports/friction'), 403, 'forbidden')
    for client in (manager, admin):
        row = of_guard(rows_of(client, 'friction/actors', **{'from': since}), 'qualified', 'industry_filled')
        assert (row['actor']['name'], row['refusals'], row['records'], row['suspicious']) == ('Dreamer', 4, 1, 1)
    assert not [r for r in rows_of(mkt, 'friction', to=since, **{'from': since}) if r['attempts']], 'an empty period'


def test_a_text_typed_into_the_record_meanwhile_counts(rep, manager, since):
    lead = rep.make('leads', last_name='Meanwhile')
    contact(rep, lead['id'])
    rep.move('leads', lead['id'], 'qualified', activities=[SURVEY])
    rep.patch(f'/v1/leads/{lead["id"]}', json={'industry': 'xxxx'})
    rep.moved('leads', lead['id'], 'qualified', activities=[SURVEY])
    row = of_guard(rows_of(manager, 'friction', **{'from': since}), 'qualified', 'industry_filled')
    assert (row['typed'], row['reasons']) == (1, {'repeated': 1})


def test_the_time_from_the_first_refusal_to_success(rep, manager, clock, rows):
    """Three leads that made it one, two and ten hours after they were refused first; a fourth never did."""
    day = -20 * 86400
    for n, hours in enumerate((1, 2, 10, None)):
        clock(day)
        lead = rep.make('leads', last_name='Patient')
        contact(rep, lead['id'])
        for _ in range(2):
            rep.move('leads', lead['id'], 'qualified', activities=[SURVEY])
        if hours:
            clock(day + hours * 3600)
            rep.moved('leads', lead['id'], 'qualified', fields={'industry': f'yard {n} for ships'}, activities=[SURVEY])
    clock(day)
    (period,) = rows("""select to_char((sluice.now() - interval '1 hour') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "from",
                               to_char((sluice.now() + interval '1 day') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "to" """)
    row = of_guard(rows_of(manager, 'friction', entity='lead', **period), 'qualified', 'industry_filled')
    assert {k: row[k] for k in ('attempts', 'refusals', 'successes', 'overcome')} == {
        'attempts': 11, 'refusals': 8, 'successes': 3, 'overcome': 3}
    assert 0 <= row['p50_s'] - 7200 < 60 and 0 <= row['p90_s'] - 8.4 * 3600 < 60  # and what the test itself took


def test_the_same_text_in_many_records_is_odd(rep, manager, since):
    for n in range(6):
        lead = rep.make('leads', last_name=f'Same {n}')
        contact(rep, lead['id'])
        rep.moved('leads', lead['id'], 'qualified', fields={'industry': 'miscellaneous'}, activities=[SURVEY])
    row = of_guard(rows_of(manager, 'friction', **{'from': since}), 'qualified', 'industry_filled')
    assert (row['typed'], row['reasons']) == (6, {'same': 6})


def test_time_in_state(rows, mkt, manager, rep):
    """Stays of known length: the clock of the database is moved for what one connection does."""
    lead = mkt.make('leads', last_name='Slow')
    moves = [('open', '2020-01-01', '2020-01-03'), ('contacted', '2020-01-03', '2020-01-04'),
             ('open', '2020-01-04', '2020-01-14'), ('contacted', '2020-01-14', None)]
    rows('delete from sluice.visit where record_id = %s', lead['id'])
    for n, (state, entered, left) in enumerate(moves):
        rows("""insert into sluice.visit (id, entity, record_id, blueprint_version_id, state, entered_at, left_at, via)
                values (%s, 'lead', %s, %s, %s, %s, %s, 'made_up')""",
             n, lead['id'], version_of(manager, 'lead_default'), state, entered, left)
    period = {'from': '2020-01-01T00:00:00Z', 'to': '2020-02-01T00:00:00Z', 'entity': 'lead'}
    items = {i['state']: i for i in rows_of(manager, 'time-in-state', **period)}
    day = 86400
    assert {k: items['open'][k] for k in ('visits', 'reentries', 'finished', 'p50_s', 'p90_s', 'open')} == {
        'visits': 2, 'reentries': 1, 'finished': 2, 'p50_s': 6 * day, 'p90_s': round(9.2 * day), 'open': 0}
    assert (items['contacted']['finished'], items['contacted']['p50_s'], items['contacted']['open']) == (1, day, 1)
    assert items['contacted']['open_p50_s'] > 365 * day
    # 2020-01-01 is a Wednesday; eight hours a working day, in Warsaw
    hours = 3600
    assert (items['open']['working_p50_s'], items['open']['working_p90_s']) == (round((16 + 48) / 2 * hours), round((16 + .9 * 32) * hours))
    assert items['contacted']['working_p50_s'] == 8 * hours
    always = {i['state']: i for i in rows_of(manager, 'time-in-state', calendar='always', **period)}
    assert always['open']['working_p50_s'] == always['open']['p50_s'] == 6 * day
    problem(manager.get('/v1/reports/time-in-state', params={'calendar': 'of_nobody'}), 422, 'unknown_reference')
    rows("update sluice.lead set source = 'slow_ones' where id = %s", lead['id'])
    for name in ('time-in-state', 'conversion'):
        of_these, of_all = ([{k: v for k, v in row.items() if not k.startswith('open')} for row in rows_of(manager, name, **params)]
                            for params in ({'source': ['other', 'slow_ones'], **period}, period))  # what lasts grows older
        assert of_these == of_all != []
        assert rows_of(manager, name, source='other', **period) == rows_of(manager, name, owner='me', **period) == []
    pairs = {(i['from_state'], i['to_state']): i for i in rows_of(manager, 'conversion', **period)}
    assert pairs['open', 'contacted']['entered'] == 1 and pairs['open', 'contacted']['share'] == 1
    assert pairs['open', 'contacted']['median_days'] == 2
    assert pairs['contacted', 'open']['median_days'] == 1
    problem(rep.get('/v1/reports/time-in-state'), 403, 'forbidden')


def test_first_response_times(rows, mkt, manager, rep):
    """Scenario 50: contacted after one working hour, after thirty hours, never."""
    leads = [mkt.make('leads', last_name=f'Speed {n}')['id'] for n in range(3)]
    version = version_of(manager, 'lead_default')
    stays = [('2020-03-02 08:00Z', '2020-03-02 09:00Z'), ('2020-03-02 08:00Z', '2020-03-03 14:00Z'), ('2020-03-03 09:00Z', None)]
    for n, (lead, (entered, left)) in enumerate(zip(leads, stays)):
        rows('delete from sluice.timer where record_id = %s', lead)
        rows('delete from sluice.visit where record_id = %s', lead)
        rows("""insert into sluice.visit (id, entity, record_id, blueprint_version_id, state, entered_at, left_at, via)
                values (%s, 'lead', %s, %s, 'open', %s, %s, 'created')""", n + 100, lead, version, entered, left)
    rows('update sluice.lead set owner_id = %s where id = %s', rep.user['id'], leads[0])
    period = {'from': '2020-03-01T00:00:00Z', 'to': '2020-04-01T00:00:00Z', 'entity': 'lead'}
    found = {i['record_id']: i for i in rows_of(manager, 'response-times', threshold='first_response', **period)}
    assert set(found) == set(leads)
    quick, slow, never = (found[lead] for lead in leads)
    assert (quick['owner']['name'], slow['owner'], quick['state']) == (rep.user['name'], None, 'open')
    assert (quick['seconds'], quick['working_seconds'], quick['breached'], quick['due_at']) == (
        3600, 3600, False, '2020-03-02T16:00:00Z')
    assert (slow['seconds'], slow['working_seconds'], slow['breached'], slow['left_at']) == (
        30 * 3600, 14 * 3600, True, '2020-03-03T14:00:00Z')
    assert never['left_at'] is None and never['due_at'] == '2020-03-04T09:00:00Z' and never['breached']
    assert never['seconds'] > 365 * 86400 and 0 < never['working_seconds'] < never['seconds'] / 4
    assert rows_of(manager, 'response-times', threshold='left_lying', **period) == []
    of_rep = rows_of(manager, 'response-times', threshold='first_response', owner=rep.user['id'], **period)
    assert [i['record_id'] for i in of_rep] == leads[:1]
    assert rows_of(manager, 'response-times', source='of_nobody', **period) == []
    (row,) = rows_of(manager, 'time-in-state', **period)
    assert (row['visits'], row['finished'], row['open'], row['breached']) == (3, 2, 1, 1), 'one is late by its timer'
    problem(rep.get('/v1/reports/response-times'), 403, 'forbidden')


def test_conversion_counts_who_never_arrived(mkt, manager, since):
    leads = [mkt.make('leads', last_name=f'Funnel {n}') for n in range(4)]
    for lead in leads[:3]:
        contact(mkt, lead['id'])
    for lead in leads[:1]:
        mkt.moved('leads', lead['id'], 'qualified', fields={'industry': 'shipping'}, activities=[SURVEY])
    pairs = {(i['from_state'], i['to_state']): i for i in rows_of(manager, 'conversion', **{'from': since, 'entity': 'lead'})}
    assert [(pairs[k]['entered'], pairs[k]['reached'], pairs[k]['share']) for k in (
        ('open', 'contacted'), ('open', 'qualified'), ('contacted', 'qualified'))] == [(4, 3, .75), (4, 1, .25), (3, 1, .3333)]


def test_reports_refuse_nonsense(manager):
    for params in ({'from': 'yesterday'}, {'entity': 'contact'}, {'unknown': '1'}):
        problem(manager.get('/v1/reports/friction', params=params), 400, 'invalid_parameter')


def test_a_move_that_was_forced_is_counted(admin, manager, since):
    lead = admin.make('leads', last_name='Forced')
    answer = admin.move('leads', lead['id'], 'contacted', force={'reason': 'The customer is on the line'})
    assert answer.status_code == 200, answer.text
    assert of_guard(rows_of(manager, 'friction', **{'from': since}), 'contacted', 'call_logged')['break_glass'] == 1
