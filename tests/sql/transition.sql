-- The function that moves records: what it refuses, and everything it writes.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

-- Tests choose the time.
create or replace function sluice.now() returns timestamptz language sql stable parallel safe
    return coalesce(nullif(current_setting('sluice.now', true), '')::timestamptz, transaction_timestamp());

insert into sluice.app_user (id, email, name) values ('00000000-0000-7000-8000-0000000000a1', 'ann@example.org', 'Ann');
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000001', 'Nowak');
insert into sluice.account (id, name) values ('00000000-0000-7000-8000-000000000002', 'Acme');
insert into sluice.contact (id, last_name) values ('00000000-0000-7000-8000-000000000003', 'Kowalska');
insert into sluice.opportunity (id, name, account_id, contact_id)
values ('00000000-0000-7000-8000-000000000004', 'Deal', '00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000003');

-- As the daemon's role; a time of its own for each, so that moves are told apart.
create function pg_temp.move(entity text, n integer, version bigint, from_state text, transition text,
                             fields jsonb default null, activities jsonb default null, tasks jsonb default null,
                             evidence text default null, scope text default 'all', ids uuid[] default null,
                             note text default null, verdicts jsonb default null)
returns text language plpgsql as $$
declare
    record_id uuid := ('00000000-0000-7000-8000-00000000000' || n)::uuid;
    r record;
begin
    perform set_config('sluice.now', (clock_timestamp() + interval '1 hour')::text, true);
    set local role sluice_app;
    perform sluice.enter('user', '00000000-0000-7000-8000-0000000000a1', null, 'req', 'x_transition', false);
    if evidence is null then
        evidence := case entity when 'lead' then sluice.lead_evidence(record_id)
                                when 'account' then sluice.account_evidence(record_id)
                                else sluice.opportunity_evidence(record_id) end;
    end if;
    select * into r from sluice.transition_apply(entity, record_id, version, from_state, transition, fields, activities,
        tasks, note, verdicts, evidence, '00000000-0000-7000-8000-0000000000a1', scope, ids);
    reset role;
    return concat_ws(' ', r.outcome, r.version, r.state);
end
$$;
create function pg_temp.entries(n integer) returns bigint language sql as
    $$select count(*) from sluice.audit where record_id = ('00000000-0000-7000-8000-00000000000' || n)::uuid$$;

-- refusals change nothing
select set_config('x.entries', pg_temp.entries(1)::text, true);
select is(pg_temp.move('lead', 9, 1, 'open', 'contacted'), 'gone', 'a record that is not there is gone');
select is(pg_temp.move('task', 1, 1, 'open', 'contacted'), 'gone', 'what has no process is gone');
select is(pg_temp.move('lead', 1, 1, 'open', 'contacted', scope => 'own'), 'gone', 'and what the viewer may not see');
select is(pg_temp.move('lead', 1, 2, 'open', 'contacted'), 'stale 1 open', 'another version is stale');
select is(pg_temp.move('lead', 1, null, 'open', 'contacted'), 'stale 1 open', 'no version is');
select is(pg_temp.move('lead', 1, 1, 'contacted', 'contacted'), 'stale 1 open', 'another state is');
select is(pg_temp.move('lead', 1, 1, 'open', 'contacted', evidence => 'x'), 'stale 1 open', 'and other evidence');
select is(pg_temp.move('lead', 1, 1, 'open', 'qualified'), 'undeclared 1 open', 'a move that skips is undeclared');
select is(pg_temp.move('lead', 1, 1, 'open', 'nonsense'), 'undeclared 1 open', 'as is an unknown one');
select is(pg_temp.move('lead', 1, 1, 'open', 'created'), 'undeclared 1 open', 'and being born again');
select is(pg_temp.entries(1)::text, current_setting('x.entries'), 'none of them left a trace');
select throws_ok($$select pg_temp.move('lead', 1, 1, 'open', 'contacted', '{"source": "mine"}')$$, 'SL422', 'governed_field',
    'a transition fills no field of another kind');
select throws_ok($$select pg_temp.move('lead', 1, 1, 'open', 'contacted', '{"state": "converted"}')$$, 'SL422', null,
    'above all not the state');
select throws_ok($$select pg_temp.move('lead', 1, 1, 'open', 'unqualified', '{"unqualified_reason": "bored"}')$$, '23503', null,
    'reasons are coded');
select throws_ok($$select pg_temp.move('lead', 1, 1, 'open', 'contacted', null, '[{"kind": "dance"}]')$$, '23514', null,
    'and kinds of activities');
select is(count(*), 0::bigint, 'a refused activity is not there') from sluice.activity;

-- a move writes everything at once
select is(pg_temp.move('lead', 1, 1, 'open', 'contacted',
    '{"industry": "steel", "estimated_value": {"amount": "12.50", "currency": "PLN"}}',
    '[{"kind": "call", "subject": "First call", "duration_s": 60}]', '[{"subject": "Send survey"}]',
    ids => '{00000000-0000-7000-8000-000000000099,00000000-0000-7000-8000-000000000051,00000000-0000-7000-8000-000000000052}',
    note => 'Reached', verdicts => '{"guard": "root", "passed": true}'), 'applied 2 contacted', 'a declared move is applied');
select is((state, version, industry, estimated_value_amount, state_entered_at, updated_at),
          ('contacted'::text, 2::bigint, 'steel'::text, 12.50, sluice.now(), sluice.now()), 'state and fields together')
  from sluice.lead;
select is((id, lead_id, transition, subject, owner_id),
          ('00000000-0000-7000-8000-000000000051'::uuid, '00000000-0000-7000-8000-000000000001'::uuid, 'contacted'::text,
           'First call'::text, '00000000-0000-7000-8000-0000000000a1'::uuid), 'the activity names its transition')
  from sluice.activity;
select ok(occurred_at < (select state_entered_at from sluice.lead), 'and came before the new state') from sluice.activity;
select is((id, lead_id, transition, status),
          ('00000000-0000-7000-8000-000000000052'::uuid, '00000000-0000-7000-8000-000000000001'::uuid, 'contacted'::text,
           'open'::text), 'so does the task') from sluice.task;
select results_eq($$select state, via, left_via, left_by, left_at is null from sluice.visit
                     where record_id = '00000000-0000-7000-8000-000000000001' order by id$$,
    $$values ('open', 'created', 'contacted', '00000000-0000-7000-8000-0000000000a1'::uuid, false),
             ('contacted', 'contacted', null, null, true)$$, 'one visit ends, one begins');
select is((action, transition, from_state, to_state, detail),
          ('transition'::text, 'contacted'::text, 'open'::text, 'contacted'::text,
           '{"note": "Reached", "verdicts": {"guard": "root", "passed": true},
             "actions": [{"action": "called", "kind": "close_tasks", "result": {"closed": 0}}]}'::jsonb), 'the entry tells why')
  from sluice.audit where record_id = '00000000-0000-7000-8000-000000000001' order by seq desc limit 1;
select ok(changes @> '{"state": {"old": "open", "new": "contacted"}, "industry": {"old": null, "new": "steel"}}',
          'and what') from sluice.audit where record_id = '00000000-0000-7000-8000-000000000001' order by seq desc limit 1;
select is(type, 'lead.transitioned', 'and there is an event') from sluice.outbox order by id desc limit 1;
select is(current_setting('sluice.cause'), '', 'the cause is gone afterwards');

-- evidence
select set_config('x.evidence', sluice.lead_evidence('00000000-0000-7000-8000-000000000001'), true);
update sluice.activity set subject = 'Second thought';
select is(pg_temp.move('lead', 1, 2, 'contacted', 'qualified', evidence => current_setting('x.evidence')),
          'stale 2 contacted', 'an activity that changed is other evidence');
select set_config('x.evidence', sluice.lead_evidence('00000000-0000-7000-8000-000000000001'), true);
insert into sluice.activity (id, kind, lead_id) values (gen_random_uuid(), 'note', '00000000-0000-7000-8000-000000000001');
update sluice.activity set deleted_at = sluice.now() where kind = 'call';
select isnt(sluice.lead_evidence('00000000-0000-7000-8000-000000000001'), current_setting('x.evidence'),
            'one that went for another that came, too');

-- governed fields
select is(pg_temp.move('lead', 1, 2, 'contacted', 'unqualified', '{"unqualified_reason": "need", "nurture_until": "2027-01-01"}'),
          'applied 3 unqualified', 'a reason is given by a transition');
select is((unqualified_reason, nurture_until), ('need'::text, '2027-01-01'::date), 'and kept') from sluice.lead;
select is(pg_temp.move('lead', 1, 3, 'unqualified', 'reopened'), 'applied 4 open', 'back to work');
select is((unqualified_reason, nurture_until), (null::text, null::date), 'without the old reason') from sluice.lead;
select is(pg_temp.move('lead', 1, 4, 'open', 'call_back', '{"call_back_at": "2027-01-01T10:00:00Z"}'), 'applied 5 call_back',
          'an open state may bring a field of its own');
select is(call_back_at, '2027-01-01 10:00+00', 'which stays') from sluice.lead;
select is(count(*), 5::bigint, 'every stay is a row') from sluice.visit where record_id = '00000000-0000-7000-8000-000000000001';
select is(count(*), 1::bigint, 'one of them open') from sluice.visit
 where record_id = '00000000-0000-7000-8000-000000000001' and left_at is null;

-- opportunity: its account is evidence
select set_config('x.evidence', (select sluice.opportunity_evidence(o.id) from sluice.opportunity o), true);
select is(pg_temp.move('account', 2, 1, 'to_verify', 'verify', '{"tax_id": "1"}', null, '[{"subject": "File"}]'),
          'applied 2 verified', 'an account is verified');
select is(account_id, '00000000-0000-7000-8000-000000000002', 'its tasks are its own') from sluice.task where subject = 'File';
select is(pg_temp.move('opportunity', 4, 1, 'qualification', 'first_meeting', evidence => current_setting('x.evidence')),
          'stale 1 qualification', 'the account''s change is other evidence');
select is(pg_temp.move('opportunity', 4, 1, 'qualification', 'first_meeting', null, '[{"kind": "meeting"}]'),
          'applied 2 first_meeting', 'an opportunity moves');
select is((account_id, contact_id, opportunity_id), ('00000000-0000-7000-8000-000000000002'::uuid,
           '00000000-0000-7000-8000-000000000003'::uuid, '00000000-0000-7000-8000-000000000004'::uuid),
          'what was done is the account''s and the contact''s too') from sluice.activity where kind = 'meeting';
select is(pg_temp.move('opportunity', 4, 2, 'first_meeting', 'offer_sent',
    '{"amount": {"amount": "100.00", "currency": "EUR"}, "product_kind": "x", "delivery_date": "2027-02-01"}'),
          'applied 3 offer_sent', 'values come with the move');
select throws_ok($$select pg_temp.move('opportunity', 4, 3, 'offer_sent', 'negotiation',
    '{"amount": {"amount": "-5", "currency": "EUR"}}')$$, '23514', null, 'bad ones refuse it all');
select is(state, 'offer_sent', 'really all') from sluice.opportunity;
select is(pg_temp.move('opportunity', 4, 3, 'offer_sent', 'lost', '{"lost_reason": "price"}'), 'applied 4 lost', 'lost');
select is((lost_reason, closed_at, amount_amount), ('price'::text, sluice.now(), 100.00), 'closed, with a reason') from sluice.opportunity;
select is(pg_temp.move('account', 2, 2, 'verified', 'reverify'), 'applied 3 to_verify', 'verified again');
select is(pg_temp.move('account', 2, 3, 'to_verify', 'reject', '{"rejection_reason": "bogus"}'), 'applied 4 rejected', 'rejected');
select is(rejection_reason, 'bogus', 'with a reason') from sluice.account;

-- soft-deleted records do not move
update sluice.lead set deleted_at = sluice.now();
select is(pg_temp.move('lead', 1, 6, 'call_back', 'archived'), 'gone', 'a deleted record is gone');

-- what was not carried out leaves nothing behind
select ok(sluice.carried_out(o), format('%s is carried out', o)) from unnest(array['applied', 'converted']) o;
select throws_ok(format('select sluice.carried_out(%L)', o), 'SLAGN', o, format('%s is decided again', o))
  from unnest(array['stale', 'undeclared', 'already']) o;
select throws_ok($$select sluice.carried_out('gone')$$, 'SL404', 'not_found', 'what is gone is not');

select finish();
rollback;
