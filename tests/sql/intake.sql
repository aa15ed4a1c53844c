-- Intake: limits, what becomes of a submission, and what the daemon's role may do.
begin;
select no_plan();

create function pg_temp.denied(statement text, about text) returns setof text language plpgsql as $$
begin
    set local role sluice_app;
    return query select throws_ok(statement, '42501', null, about);
    reset role;
end
$$;
select pg_temp.denied('select * from sluice.intake_rate', 'who posted how often is not read');
select pg_temp.denied($$insert into sluice.intake_rate (subject, minute, hits) values ('x', now(), 0)$$, 'no count is forged');
select pg_temp.denied($$update sluice.intake_rate set hits = 0$$, 'no count is reset');
select pg_temp.denied($$update sluice.intake_submission set raw = ''$$, 'what came is not changed');
select pg_temp.denied($$update sluice.intake_submission set consent = null$$, 'nor what was agreed to');
select pg_temp.denied($$update sluice.intake_submission set confirm_expires_at = now()$$, 'nor how long a link holds');
select pg_temp.denied($$update sluice.lead_touch set source = ''$$, 'touches are not changed');
select pg_temp.denied($$delete from sluice.intake_submission$$, 'submissions stay');

-- limits
set local role sluice_app;
select is(sluice.intake_hit('t', 2), 0, 'the first is taken');
select is(sluice.intake_hit('t', 2), 0, 'the second too');
select cmp_ok(sluice.intake_hit('t', 2), '>=', 1, 'the third waits');
select cmp_ok(sluice.intake_hit('t', 2), '<=', 60, 'not longer than a minute');
select is(sluice.intake_hit('u', 2), 0, 'others have a count of their own');
select is(sluice.intake_hit('t', null), 0, 'no limit, no wait');
reset role;
create or replace function sluice.now() returns timestamptz language sql stable as 'select transaction_timestamp() + interval ''1 minute''';
set local role sluice_app;
select is(sluice.intake_hit('t', 2), 0, 'the next minute begins anew');
reset role;
create or replace function sluice.now() returns timestamptz language sql stable as 'select transaction_timestamp()';
set local role sluice_app;
select is(sluice.intake_hit('t', 2), 0, 'who began earlier counts in it');
select cmp_ok(sluice.intake_hit('t', 2), '>=', 1, 'and does not turn it back');
reset role;
create or replace function sluice.now() returns timestamptz language sql stable as 'select transaction_timestamp() + interval ''3 hours''';
set local role sluice_app;
select is(sluice.intake_hit('w', 2), 0, 'a new one');
reset role;
select is_empty($$select subject from sluice.intake_rate where subject in ('t', 'u')$$, 'takes old counts away');
create or replace function sluice.now() returns timestamptz language sql stable as 'select transaction_timestamp()';

-- forms
select throws_ok($$insert into sluice.intake_form (id, form, name, source, fields, mapping, key_hash)
    values (gen_random_uuid(), 'm1', 'x', 'x', '{email}', '{"a": "phone"}', 'h')$$, '23514', null, 'a mapping leads to a field');
select throws_ok($$insert into sluice.intake_form (id, form, name, source, fields, mapping, key_hash)
    values (gen_random_uuid(), 'm1', 'x', 'x', '{email}', '{"a": {"b": "email"}}', 'h')$$, '23514', null, 'not to an object');
select throws_ok($$insert into sluice.intake_form (id, form, name, source, fields, mapping, key_hash)
    values (gen_random_uuid(), 'm1', 'x', 'x', '{email}', '[]', 'h')$$, '23514', null, 'and is one');
insert into sluice.intake_form (id, form, name, source, fields, required, double_opt_in, key_hash)
values ('00000000-0000-0000-0000-0000000000f1', 'opt', 'Opt', 'fair', '{email}', '{email}', true, 'h1');

-- one that waits for its confirmation
set local role sluice_app;
select lives_ok($$select sluice.enter('intake', '00000000-0000-0000-0000-0000000000f1', null, null, 'intake_submit', false)$$, 'a form acts');
select results_eq($$select outcome, lead_id, source from sluice.intake_accept(
    '00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000d1',
    'application/json', '{}', '{"email": "opt@sluice.test"}', '{}', '{}', null, 'confirm', null, '{"version": "1"}', 'tok',
    '192.0.2.1', null, null)$$, $$values ('held', null::uuid, 'fair')$$, 'held, without a lead');
select throws_ok($$select sluice.intake_release('00000000-0000-0000-0000-0000000000e1', gen_random_uuid(), null, null)$$,
    'SL409', 'conflict', 'nobody else confirms it');
reset role;
select is_empty($$select id from sluice.lead where email = 'opt@sluice.test'$$, 'no lead is born');
select results_eq($$select payload ->> 'path', payload ->> 'email', audit_seq from sluice.outbox
    where record_id = '00000000-0000-0000-0000-0000000000e1'$$,
    $$values ('/v1/intake/opt/confirm?token=tok', 'opt@sluice.test', null::bigint)$$,
    'a mail is asked for, by an event of no audit entry');
set local role sluice_app;
select results_eq($$select outcome, lead_id, status from sluice.intake_confirm('00000000-0000-0000-0000-0000000000e1',
    '00000000-0000-0000-0000-0000000000d1', null, 'take', null)$$,
    $$values ('created', '00000000-0000-0000-0000-0000000000d1'::uuid, 'open')$$, 'confirmed, it is a lead');
select results_eq($$select outcome, lead_id, status from sluice.intake_confirm('00000000-0000-0000-0000-0000000000e1',
    '00000000-0000-0000-0000-0000000000d2', null, 'take', null)$$,
    $$values ('created', '00000000-0000-0000-0000-0000000000d1'::uuid, 'open')$$, 'confirmed again, the same');
select lives_ok($$select sluice.intake_mail('00000000-0000-0000-0000-0000000000e1', 'other')$$, 'no second mail');
reset role;
select is(count(*), 1::bigint, 'is asked for') from sluice.outbox where record_id = '00000000-0000-0000-0000-0000000000e1';
select ok(t.consent @> '{"version": "1"}' and t.consent ? 'given_at', 'the consent is with the lead')
  from sluice.lead_touch t where t.lead_id = '00000000-0000-0000-0000-0000000000d1';

-- a trap leaves nothing
set local role sluice_app;
select results_eq($$select outcome, lead_id, status from sluice.intake_accept(
    '00000000-0000-0000-0000-0000000000e2', '00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000d3',
    'application/json', '{}', '{"email": "robot@sluice.test"}', '{}', '{}', null, 'trap', null, null, null, null, null, null)$$,
    $$values ('trap', '00000000-0000-0000-0000-0000000000d3'::uuid, 'open')$$, 'a robot is told what others are told');
reset role;
select is_empty($$select id from sluice.lead where email = 'robot@sluice.test'$$, 'and there is no lead');
select is_empty($$select seq from sluice.audit where record_id = '00000000-0000-0000-0000-0000000000d3'$$, 'nor a trace of one');
select results_eq($$select outcome, reason from sluice.intake_submission where id = '00000000-0000-0000-0000-0000000000e2'$$,
    $$values ('refused', 'honeypot')$$, 'but for the log');

select * from finish();
rollback;
