"""Sales reports: figures worked out by hand, filters that all of them have, and the past as it was."""
import json

import pytest

from helpers import CALL, OFFER, SURVEY, fault, problem, settled
from test_time import clock, shipped, world  # noqa: F401 pylint: disable=unused-import

pytestmark = pytest.mark.usefixtures('shipped', 'signed_in')
HOUR = 3600
REPORTS = ('forecast', 'lead-quality', 'origins', 'sales', 'outcomes', 'growth', 'calls')


@pytest.fixture
def signed_in(world):
    """For as long as the clock may run."""
    world.rows("update sluice.session set expires_at = '2030-01-01'")


def report(world, name, **params):
    answer = world.boss.get(f'/v1/reports/{name}', params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()['items']


def only(world, name, **params):
    (row,) = report(world, name, **params)
    return row


def money(amount, currency='PLN'):
    return {'amount': amount, 'currency': currency}


def deal(world, name, amount, verified=True, stage='qualification', account=None, currency='PLN', **members):
    """An opportunity in a stage; of an account of its own unless one is given."""
    if not account:
        account = world.rep.make('accounts', name=f'{name} account', source=members.get('source'))
        if verified:
            world.admin.moved('accounts', account['id'], 'verify')
    made = world.rep.make('opportunities', name=name, account_id=account['id'], amount=money(amount, currency), **members)
    order = ('qualification', 'first_meeting', 'offer_sent', 'negotiation')
    for step in order[1:order.index(stage) + 1]:
        made = world.rep.moved('opportunities', made['id'], step,
                               **({'fields': {**OFFER, 'amount': money(amount, currency)}} if step == 'offer_sent' else {}))
    return made


# the forecast

def test_the_unverified_have_a_column(world, clock):
    """Scenario 2: 10,000 of an account that waits for verification stand in the column for unverified."""
    made = deal(world, 'Waiting', '10000', verified=False, close_date='2027-03-10', source='s2')
    assert made['awaiting_verification'] is True
    row = only(world, 'forecast', source='s2')
    assert row == {
        'month': '2027-03', 'currency': 'PLN', 'count': 1, 'unweighted': '10000', 'weighted': '1000',
        'unverified_count': 1, 'unverified': '10000', 'unverified_weighted': '1000',
        'by_category': {'pipeline': '10000', 'best_case': '0', 'commit': '0', 'omitted': '0'}}
    clock.set('2026-11-20 10:00Z')
    world.admin.moved('accounts', made['account_id'], 'verify')
    row = only(world, 'forecast', source='s2')
    assert (row['unweighted'], row['unverified'], row['unverified_count'], row['unverified_weighted']) == ('10000', '0', 0, '0')
    assert only(world, 'forecast', source='s2', as_of='2026-11-20T09:59:59Z')['unverified'] == '10000'


def test_the_weighted_pipeline_now_and_then(world, clock):
    """Scenario 23: 330 of 600; 410 after the second one has moved on, and still 330 as of the time before."""
    _, second, _ = (deal(world, f'Weighed {n}', amount, close_date='2027-04-01', source='s23', probability=p)
                    for n, (amount, p) in enumerate((('100', 10), ('200', 40), ('300', 80))))
    row = only(world, 'forecast', source='s23')
    assert (row['count'], row['unweighted'], row['weighted']) == (3, '600', '330')
    clock.set('2026-11-20 09:00Z')
    world.rep.patched('opportunities', second['id'], probability=80)
    assert only(world, 'forecast', source='s23')['weighted'] == '410'
    assert only(world, 'forecast', source='s23', as_of='2026-11-20T08:59:59Z')['weighted'] == '330'
    assert only(world, 'forecast', source='s23', as_of='2026-11-20T09:00:00Z')['weighted'] == '410'


def test_stages_weigh_and_categories_stand_apart(world, clock):
    """The probability of the stage, unless there is one of its own; what is omitted is in no total."""
    first, _, third = (deal(world, f'Stage {stage}', amount, stage=stage, close_date='2027-05-31', source='stages')
                       for stage, amount in (('qualification', '100'), ('first_meeting', '200'), ('negotiation', '300')))
    deal(world, 'Left out', '5000', close_date='2027-05-01', source='stages', forecast_category='omitted')
    assert only(world, 'forecast', source='stages') == {
        'month': '2027-05', 'currency': 'PLN', 'count': 3, 'unweighted': '600', 'weighted': '330',
        'unverified_count': 0, 'unverified': '0', 'unverified_weighted': '0',
        'by_category': {'pipeline': '300', 'best_case': '0', 'commit': '300', 'omitted': '5000'}}
    clock.set('2026-11-20 09:00Z')
    world.rep.moved('opportunities', first['id'], 'first_meeting')
    assert only(world, 'forecast', source='stages')['weighted'] == '360'
    clock.set('2026-11-20 10:00Z')
    world.rep.moved('opportunities', third['id'], 'won')
    clock.set('2026-11-20 11:00Z')
    world.rep.patched('opportunities', first['id'], amount=money('150'), close_date='2027-06-01')
    assert [(r['month'], r['count'], r['unweighted'], r['weighted']) for r in report(world, 'forecast', source='stages')] == [
        ('2027-05', 1, '200', '80'), ('2027-06', 1, '150', '60')]
    for moment, count, weighted in (('08:30', 3, '330'), ('09:30', 3, '360'), ('10:30', 2, '120')):
        row = only(world, 'forecast', source='stages', as_of=f'2026-11-20T{moment}:00Z')
        assert (row['month'], row['count'], row['weighted']) == ('2027-05', count, weighted), moment
    assert report(world, 'forecast', source='stages', as_of='2026-11-19T00:00:00Z') == []


def test_months_currencies_and_filters_of_the_forecast(world, clock):
    for n, (month, currency) in enumerate((('2027-07-31', 'PLN'), ('2027-08-01', 'EUR'), ('2027-08-31', 'PLN'), ('2027-09-01', 'PLN'))):
        deal(world, f'Month {n}', '10.50', close_date=month, currency=currency, source='months')
    deal(world, 'No month', '1', source='months')

    def found(**params):
        return [(r['month'], r['currency'], r['unweighted']) for r in report(world, 'forecast', source='months', **params)]
    assert found() == [('2027-07', 'PLN', '10.5'), ('2027-08', 'EUR', '10.5'), ('2027-08', 'PLN', '10.5'), ('2027-09', 'PLN', '10.5'),
                       (None, 'PLN', '1')]
    assert found(month_from='2027-08-15', month_to='2027-08-15') == [('2027-08', 'EUR', '10.5'), ('2027-08', 'PLN', '10.5')]
    assert found(month_to='2027-07-01') == [('2027-07', 'PLN', '10.5')]
    assert found(pipeline='sales_pipeline') == found(owner=world.rep.user['id']) == found()
    assert found(pipeline='of_nobody') == found(owner=world.boss.user['id']) == found(owner='me') == []


# leads

LEADS = {  # hours after the leads came: what happened
    'fair': [[(1, 'contacted'), (3, 'qualified'), (10, 'converted')], [(2, 'contacted'), (6, 'dead')], [(4, 'archived')], []],
    'web': [[(2, 'contacted'), (3, 'qualified'), (12, 'converted')], [(5, 'contacted'), (8, 'unqualified')], [(1, 'contacted')]],
    'cold': [[(5, 'archived')], [(7, 'archived')], []],
}
MOVES = {'contacted': {'activities': [CALL]}, 'dead': {'fields': {'dead_reason': 'not_a_customer'}},
         'qualified': {'fields': {'industry': 'logistics'}, 'activities': [SURVEY]}, 'archived': {},
         'unqualified': {'fields': {'unqualified_reason': 'need'}}}


def at(hours):
    return f'2026-01-{5 + (8 + hours) // 24:02d} {(8 + hours) % 24:02d}:00Z'


def test_the_quality_of_leads_by_source(world, clock):
    """Scenario 47: ten leads from three sources, now and seven hours after they came."""
    clock.set(at(0))
    steps = []
    for source, lives in LEADS.items():
        for life in lives:
            lead = world.rep.make('leads', last_name='Counted', company=f'Counted {len(steps)}', source=f'q_{source}',
                                   owner_id=world.rep.user['id'])
            steps += [(hour, lead['id'], step) for hour, step in life]
    for hour, lead, step in sorted(steps):
        clock.set(at(hour))
        if step == 'converted':
            answer = world.rep.post(f'/v1/leads/{lead}/conversion', json={})
            assert answer.status_code == 200, answer.text
        else:
            world.rep.moved('leads', lead, step, **MOVES[step])
    clock.set(at(20))
    period = {'from': '2026-01-05T00:00:00Z', 'to': '2026-01-06T00:00:00Z'}

    def found(**params):
        return {r['source'][2:]: (*(r[k] for k in ('count', 'active', 'converted', 'lost', 'cancelled', 'conversion_share', 'cancelled_share')),
                                  *(None if r[k] is None else r[k] / HOUR for k in ('lifetime_p50_s', 'processing_p50_s')))
                for r in report(world, 'lead-quality', **{**period, **params})}
    now = {'fair': (4, 1, 1, 1, 1, .3333, .25, 8, 4), 'web': (3, 1, 1, 1, 0, .3333, 0, 12, 6.5), 'cold': (3, 1, 0, 0, 2, 0, .6667, 7, 0)}
    assert found() == now
    assert found(as_of='2026-01-05T15:00:00Z') == {
        'fair': (4, 2, 0, 1, 1, 0, .25, 6.5, 2), 'web': (3, 3, 0, 0, 0, 0, 0, 7, None), 'cold': (3, 1, 0, 0, 2, 0, .6667, 7, 0)}
    assert found(source=['q_web', 'q_cold']) == {k: now[k] for k in ('web', 'cold')}
    assert found(owner=world.boss.user['id']) == found(to='2026-01-05T08:00:00Z') == found(as_of='2026-01-05T07:59:59Z') == {}
    fair = only(world, 'lead-quality', source='q_fair', **period)
    assert (fair['lifetime_p90_s'], fair['processing_p90_s']) == (17 * HOUR, 8 * HOUR)
    everybody = only(world, 'lead-quality', by='owner', source=['q_fair', 'q_web', 'q_cold'], **period)
    assert (everybody['owner'], everybody['source'], everybody['count'], everybody['active']) == (
        {'id': world.rep.user['id'], 'name': world.rep.user['name']}, None, 10, 3)
    both = report(world, 'lead-quality', by=['source', 'owner'], source=['q_fair', 'q_web', 'q_cold'], **period)
    assert [(r['source'], r['owner']['id'], r['count']) for r in both] == [
        ('q_fair', world.rep.user['id'], 4), ('q_cold', world.rep.user['id'], 3), ('q_web', world.rep.user['id'], 3)]
    problem(world.boss.get('/v1/reports/lead-quality', params={'by': 'colour'}), 400, 'invalid_parameter')


def test_the_working_time_of_leads(world, clock):
    """H3: over a night, by the clock on the wall and by the hours of a calendar."""
    world.rows("insert into sluice.calendar (id, key, name, time_zone, hours) values (gen_random_uuid(), 'early', 'Early', 'UTC', %s)",
               json.dumps([{'day': day, 'from': '06:00', 'to': '10:00'} for day in range(1, 6)]))
    clock.set('2026-01-05 08:00Z')  # a Monday
    lead = world.rep.make('leads', last_name='Overnight', company='Overnight', source='q_night')
    clock.set('2026-01-05 09:00Z')
    world.rep.moved('leads', lead['id'], 'contacted', **MOVES['contacted'])
    clock.set('2026-01-06 07:00Z')
    world.rep.moved('leads', lead['id'], 'dead', **MOVES['dead'])
    row = only(world, 'lead-quality', source='q_night', calendar='early')
    assert {k: row[k] / HOUR for k in row if k.endswith('_s')} == {
        'lifetime_p50_s': 23, 'lifetime_p90_s': 23, 'working_lifetime_p50_s': 3, 'working_lifetime_p90_s': 3,
        'processing_p50_s': 22, 'processing_p90_s': 22, 'working_processing_p50_s': 2, 'working_processing_p90_s': 2}
    row = only(world, 'lead-quality', source='q_night', calendar='always')
    assert (row['working_lifetime_p50_s'], row['working_processing_p50_s']) == (23 * HOUR, 22 * HOUR)


def test_which_keyword_brings_projects(world, clock):
    """R4.8: what keywords and campaigns brought, of leads and of the deals that came of them."""
    clock.set('2026-05-12 09:00Z')
    for campaign, keyword, until in (('lift', 'crane hire', 'converted'), ('lift', 'crane jobs', 'open'), ('spring', None, 'converted'),
                                     ('lift', 'crane hire', 'won')):
        lead = world.rep.make('leads', last_name='Searches', company=f'Searches {keyword} {until}', source='o_web', campaign=campaign,
                              industry='logistics', need='Lifting', budget_confirmed=True)
        if keyword:  # only a form brings these
            world.rows('update sluice.lead set utm = %s where id = %s', json.dumps({'term': keyword, 'medium': 'cpc'}), lead['id'])
        if until == 'open':
            continue
        world.rep.moved('leads', lead['id'], 'contacted', activities=[CALL])
        world.rep.moved('leads', lead['id'], 'qualified', activities=[SURVEY])
        made = world.rep.post(f'/v1/leads/{lead["id"]}/conversion', json={'opportunity': {
            'name': 'Found', 'amount': money('100.50', 'EUR' if campaign == 'spring' else 'PLN')}})
        assert made.status_code == 200, made.text
        if until == 'won':
            world.admin.moved('accounts', made.json()['account']['id'], 'verify')
            clock.set('2026-05-12 10:00Z')
            for step in ('first_meeting', 'offer_sent', 'negotiation', 'won'):
                world.rep.moved('opportunities', made.json()['opportunity']['id'], step, **(
                    {'fields': {**OFFER, 'amount': money('100.50')}} if step == 'offer_sent' else {}))

    def found(**params):
        return [tuple(r[k] for k in ('origin', 'leads', 'converted', 'conversion_share', 'opportunities', 'active', 'won', 'active_value', 'won_value'))
                for r in report(world, 'origins', source='o_web', **params)]
    pln, eur = [money('100.5')], [money('100.5', 'EUR')]
    assert found(by='keyword') == [('crane hire', 2, 2, 1, 2, 1, 1, pln, pln), (None, 1, 1, 1, 1, 1, 0, eur, []),
                                   ('crane jobs', 1, 0, 0, 0, 0, 0, [], [])]
    assert found(by='campaign') == [('lift', 3, 2, .6667, 2, 1, 1, pln, pln), ('spring', 1, 1, 1, 1, 1, 0, eur, [])]
    assert found(by='medium', campaign='lift') == [('cpc', 3, 2, .6667, 2, 1, 1, pln, pln)]
    assert found() == [('o_web', 4, 3, .75, 3, 2, 1, eur + pln, pln)]
    before = found(as_of='2026-05-12T09:59:59Z')
    assert before == [('o_web', 4, 3, .75, 3, 3, 0, [eur[0], money('201')], [])]
    assert found(to='2026-05-12T09:00:00Z') == found(owner='me') == []
    problem(world.boss.get('/v1/reports/origins', params={'by': 'colour'}), 400, 'invalid_parameter')


# sales

def win(world, clock, when, *args, **members):
    clock.set(when)
    made = deal(world, *args, stage='negotiation', **members)
    return world.rep.moved('opportunities', made['id'], 'won')


@pytest.fixture
def sold(world, clock):
    """Won in February and March from two sources; the second one from the fair is of a customer."""
    if not world.rows("select 1 from sluice.opportunity where source = 'r_fair'"):
        clock.set('2026-02-02 09:00Z')
        account = world.rep.make('accounts', name='Buys twice', source='r_fair')
        world.admin.moved('accounts', account['id'], 'verify')
        win(world, clock, '2026-02-10 09:00Z', 'First', '1000.50', account=account, source='r_fair')
        win(world, clock, '2026-02-28 22:30Z', 'Again', '500', account=account, source='r_fair')
        win(world, clock, '2026-02-28 23:30Z', 'In Warsaw it is March', '300', source='r_fair')
        win(world, clock, '2026-03-05 09:00Z', 'By web', '70', source='r_web')
        win(world, clock, '2026-03-06 09:00Z', 'In euro', '20', currency='EUR', source='r_web')
    clock.set('2026-04-01 09:00Z')
    return {'from': '2026-02-01T00:00:00Z', 'to': '2026-04-01T00:00:00Z', 'source': ['r_fair', 'r_web']}


def sales(world, **params):
    return [(r['month'], r['source'], r['currency'], r['won'], r['value'], r['new_customers'], r['new_customer_value'])
            for r in report(world, 'sales', **params)]


def test_monthly_sales_by_source_and_to_new_customers(world, clock, sold):
    """Scenario 48: value by month and source; the first won deal of an account is one to a new customer."""
    now = [('2026-02', 'r_fair', 'PLN', 2, '1500.5', 1, '1000.5'), ('2026-03', 'r_fair', 'PLN', 1, '300', 1, '300'),
           ('2026-03', 'r_web', 'EUR', 1, '20', 1, '20'), ('2026-03', 'r_web', 'PLN', 1, '70', 1, '70')]
    assert sales(world, **sold) == now
    assert sales(world, **{**sold, 'source': 'r_web'}) == now[2:]
    assert sales(world, **{**sold, 'from': '2026-02-20T00:00:00Z', 'to': '2026-03-01T00:00:00Z'}) == [
        ('2026-02', 'r_fair', 'PLN', 1, '500', 0, '0'), now[1]]
    assert sales(world, **sold, owner=world.rep.user['id']) == now and sales(world, **sold, owner='me') == []
    assert sales(world, **sold, pipeline='sales_pipeline') == sales(world, **sold, product_kind=['crane', OFFER['product_kind']]) == now
    assert sales(world, **sold, pipeline='of_nobody') == sales(world, **sold, product_kind='of_nobody') == []
    assert sales(world, **sold, as_of='2026-02-28T22:30:00Z') == now[:1]
    assert sales(world, **sold, as_of='2026-02-28T22:29:59Z') == [('2026-02', 'r_fair', 'PLN', 1, '1000.5', 1, '1000.5')]


def test_what_was_changed_since_is_as_it_was(world, clock, sold):
    """Amounts, owners and deletions, each at its time."""
    account = world.rep.make('accounts', name='Changes', source='r_then')
    world.admin.moved('accounts', account['id'], 'verify')
    made = win(world, clock, '2026-04-02 09:00Z', 'Changed', '10', account=account, source='r_then')
    then = {'source': 'r_then'}
    clock.set('2026-04-03 09:00Z')
    world.boss.patched('opportunities', made['id'], amount=money('20'))
    clock.set('2026-04-04 09:00Z')
    world.boss.patched('opportunities', made['id'], amount=money('30'), owner_id=world.boss.user['id'])
    clock.set('2026-04-05 09:00Z')
    assert world.boss.delete(f'/v1/opportunities/{made["id"]}').status_code == 204
    assert sales(world, **then) == []
    clock.set('2026-04-05 13:00Z')  # what is still to come cannot be asked about
    for day, value in ((1, None), (2, '10'), (3, '20'), (4, '30'), (5, None)):
        rows = sales(world, **then, as_of=f'2026-04-0{day}T12:00:00Z')
        assert rows == ([('2026-04', 'r_then', 'PLN', 1, value, 1, value)] if value else []), day
    assert sales(world, **then, as_of='2026-04-03T12:00:00Z', owner='me') == []
    assert len(sales(world, **then, as_of='2026-04-04T12:00:00Z', owner='me')) == 1


def test_ends_stand_apart(world, clock):
    """Scenario 46: shares of won, lost, cancelled and postponed are computed separately."""
    clock.set('2026-05-04 09:00Z')
    made = [deal(world, f'Ends {n}', '100', source='r_ends') for n in range(5)]
    clock.set('2026-05-05 09:00Z')
    win(world, clock, '2026-05-05 09:00Z', 'Ends well', '100', source='r_ends')
    for one, reason in zip(made, ('price', 'price', 'competitor')):
        world.rep.moved('opportunities', one['id'], 'lost', fields={'lost_reason': reason})
    world.rep.moved('opportunities', made[3]['id'], 'cancelled', note='The plant burnt down')
    clock.set('2026-05-06 09:00Z')
    world.rep.moved('opportunities', made[4]['id'], 'postponed', note='Later', fields={'postponed_until': '2027-10-01'})

    def found(**params):
        return [(r['outcome'], r['reason'], r['count'], r['value'], r['share'], r['outcome_share'])
                for r in report(world, 'outcomes', source='r_ends', **params)]
    assert found() == [
        ('cancelled', None, 1, '100', .1667, .1667), ('lost', 'price', 2, '200', .3333, .5), ('lost', 'competitor', 1, '100', .1667, .5),
        ('postponed', None, 1, '100', .1667, .1667), ('won', None, 1, '100', .1667, .1667)]
    assert [(r[0], r[4]) for r in found(as_of='2026-05-05T09:00:00Z')] == [('cancelled', .2), ('lost', .4), ('lost', .2), ('won', .2)]
    assert [r[0] for r in found(**{'from': '2026-05-06T00:00:00Z'})] == ['postponed']
    assert [r[0] for r in found(product_kind=OFFER['product_kind'])] == ['won'] and found(pipeline='of_nobody') == []


# what is new, and who calls

def test_what_is_new(world, clock):
    """Scenario 48: new organisations, contacts and valid addresses, now and before some were changed."""
    clock.set('2026-06-30 21:00Z')
    one = world.rep.make('accounts', name='New one', email='Office@New-One.example', source='r_new')
    clock.set('2026-06-30 23:00Z')  # July in Warsaw
    two = world.rep.make('accounts', name='Second', source='r_new')
    people = [world.rep.make('contacts', last_name=name, email=email, account_id=one['id'], source='r_new')
              for name, email in (('Alpha', 'a@new-one.example'), ('Beta', 'A@new-one.example'), ('Gamma', None), ('Delta', None))]
    world.rows("update sluice.contact set email = 'nobody@' where id = %s", people[2]['id'])  # nothing that the API takes
    world.rep.make('leads', last_name='Epsilon', email='e@new-one.example', source='r_other')
    settled(world.rows)

    def found(**params):
        return [(r['month'], r['source'], r['accounts'], r['contacts'], r['leads'], r['valid_addresses'])
                for r in report(world, 'growth', **{'from': '2026-06-30T00:00:00Z', 'to': '2026-07-01T00:00:00Z',
                                                    'source': ['r_new', 'r_other'], **params})]
    now = [('2026-06', 'r_new', 1, 0, 0, 1), ('2026-07', 'r_new', 1, 4, 0, 1), ('2026-07', 'r_other', 0, 0, 1, 1)]
    assert found() == now
    assert found(source='r_other') == now[2:] and found(owner=world.boss.user['id']) == []
    assert found(**{'to': '2026-06-30T22:00:00Z'}) == now[:1]
    clock.set('2026-07-02 09:00Z')
    world.rep.patched('contacts', people[3]['id'], email='d@new-one.example')
    world.boss.patched('contacts', people[0]['id'], email='b@new-one.example')
    assert world.boss.delete(f'/v1/accounts/{two["id"]}').status_code == 204
    settled(world.rows)
    assert found() == [now[0], ('2026-07', 'r_new', 0, 4, 0, 3), now[2]]
    assert found(as_of='2026-07-01T00:00:00Z') == now
    assert found(as_of='2026-06-30T22:00:00Z') == now[:1]


def test_calls_per_person_and_day(world, clock):
    """Scenario 48: calls per telemarketer per day, in the days of Warsaw."""
    clock.set('2026-08-03 07:00Z')
    warm, cold = (world.rep.make('leads', last_name='Called', source=source) for source in ('r_warm', 'r_cold'))

    def call(client, lead, when, **more):
        return client.make('activities', kind='call', subject='Hello', lead_id=lead['id'], occurred_at=when, **more)
    call(world.rep, warm, '2026-08-03T08:00:00Z', duration_s=60)
    call(world.rep, cold, '2026-08-03T21:59:59Z', duration_s=30)
    late = call(world.rep, warm, '2026-08-03T22:00:00Z')
    call(world.boss, warm, '2026-08-03T08:00:00Z')
    world.rep.make('activities', kind='meeting', subject='No call', lead_id=warm['id'], occurred_at='2026-08-03T09:00:00Z')

    def found(**params):
        return [(r['day'], r['owner']['id'], r['calls'], r['duration_s'])
                for r in report(world, 'calls', **{'from': '2026-08-01T00:00:00Z', 'to': '2026-09-01T00:00:00Z', **params})]
    rep, boss = world.rep.user['id'], world.boss.user['id']
    now = [('2026-08-03', boss, 1, 0), ('2026-08-03', rep, 2, 90), ('2026-08-04', rep, 1, 0)]
    assert found() == now
    assert found(owner='me') == now[:1] and found(source='r_cold') == [('2026-08-03', rep, 1, 30)]
    assert found(to='2026-08-03T22:00:00Z') == now[:2]
    clock.set('2026-08-05 07:00Z')
    assert world.boss.delete(f'/v1/activities/{late["id"]}').status_code == 204
    assert found() == now[:2]
    assert found(as_of='2026-08-05T06:59:59Z') == now and found(as_of='2026-08-03T06:59:59Z') == []


# who may, and nonsense

@pytest.mark.parametrize('name', REPORTS)
def test_reports_are_for_those_who_may(world, clock, name):
    problem(world.rep.get(f'/v1/reports/{name}'), 403, 'forbidden')
    fault(world.boss.get(f'/v1/reports/{name}', params={'as_of': 'yesterday'}), 400, 'invalid_parameter', 'as_of', 'format')
    assert world.boss.get(f'/v1/reports/{name}', params={'as_of': '2000-01-01T00:00:00Z'}).json() == {'items': []}


def test_reports_reach_as_far_as_the_permission(world, clock):
    """Whoever may read reports of their own records only gets these, the past included."""
    world.rows("insert into sluice.role (key, label, position) values ('own_figures', '{\"en\": \"Own\"}', 91)")
    world.rows("insert into sluice.role_permission (role, permission, scope) values ('own_figures', 'report.read', 'own')")
    world.admin.make('users', email='own@time.test', name='own', password='correct horse battery staple', roles=['own_figures'])
    own = world.sign_in('own@time.test', 'correct horse battery staple')
    made = deal(world, 'Whose', '100', close_date='2028-01-01', source='r_own')
    mine = {'params': {'source': 'r_own'}}
    assert own.get('/v1/reports/forecast', **mine).json()['items'] == []
    clock.set('2026-11-20 09:00Z')
    world.boss.patched('opportunities', made['id'], owner_id=own.user['id'])
    assert [r['unweighted'] for r in own.get('/v1/reports/forecast', **mine).json()['items']] == ['100']
    mine['params']['as_of'] = '2026-11-20T08:59:59Z'
    assert own.get('/v1/reports/forecast', **mine).json()['items'] == []
