-- Birth, versions, links, search text, actors.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

-- Tests choose the time.
create or replace function sluice.now() returns timestamptz language sql stable parallel safe
    return coalesce(nullif(current_setting('sluice.now', true), '')::timestamptz, transaction_timestamp());

insert into sluice.app_user (id, email, name) values
    ('00000000-0000-7000-8000-0000000000a1', 'ann@example.org', 'Ann'),
    ('00000000-0000-7000-8000-0000000000a2', 'bob@example.org', 'Bob');
select throws_ok($$insert into sluice.app_user (id, email, name) values (gen_random_uuid(), 'ANN@example.org', 'x')$$,
    '23505', null, 'an e-mail belongs to one user, however it is written');
select set_config('sluice.actor_kind', 'user', true), set_config('sluice.actor_id', '00000000-0000-7000-8000-0000000000a1', true);

-- birth
insert into sluice.lead (id, last_name, state, created_by)
values ('00000000-0000-7000-8000-000000000001', 'Nowak', 'converted', default);
select unnest(array[
       is(state, 'open', 'a lead is born open, whatever the statement says'),
       is(version, 1::bigint, 'with version 1'),
       is(created_by, '00000000-0000-7000-8000-0000000000a1', 'by the actor'),
       is(created_at, sluice.now(), 'now'),
       is(state_entered_at, sluice.now(), 'in its state since now')])
  from sluice.lead;
select results_eq($$select entity, state, via, entered_by, left_at from sluice.visit$$,
    $$values ('lead', 'open', 'created', '00000000-0000-7000-8000-0000000000a1'::uuid, null::timestamptz)$$,
    'its first visit is written');
insert into sluice.account (id, name, source, campaign)
values ('00000000-0000-7000-8000-000000000002', 'Acme', 'fair', 'spring');
select is(state, 'to_verify', 'an account is born to be verified') from sluice.account;
insert into sluice.opportunity (id, name, account_id)
values ('00000000-0000-7000-8000-000000000003', 'Deal', '00000000-0000-7000-8000-000000000002');
select unnest(array[
       is(state, 'qualification', 'an opportunity is born in the first stage'),
       is((source, campaign), ('fair'::text, 'spring'::text), 'and inherits where its account came from')])
  from sluice.opportunity;
insert into sluice.opportunity (id, name, account_id, source)
values ('00000000-0000-7000-8000-000000000004', 'Deal 2', '00000000-0000-7000-8000-000000000002', 'ad');
select is(source, 'ad', 'unless it says where it came from') from sluice.opportunity where name = 'Deal 2';

-- the state's second lock
select throws_ok($$update sluice.lead set state = 'converted'$$, 'SL422', 'governed_field',
    'not even the owner moves a record by hand');

-- versions
select set_config('sluice.now', '2030-01-01 00:00:00+00', true);
update sluice.lead set first_name = 'Jan';
select unnest(array[
       is(version, 2::bigint, 'an update counts'), is(updated_at, '2030-01-01 00:00:00+00', 'and says when')]) from sluice.lead;
update sluice.lead set first_name = 'Jan';
select is(version, 2::bigint, 'an update that changes nothing does not count') from sluice.lead;

-- roles and members are part of the whole
insert into sluice.user_role values ('00000000-0000-7000-8000-0000000000a2', 'sales');
select is(version, 2::bigint, 'a user''s role moves the user''s version') from sluice.app_user where name = 'Bob';

-- what must be there
select throws_ok($$insert into sluice.lead (id, estimated_value_amount) values (gen_random_uuid(), 5)$$, '23514', null,
    'money has a currency');
select throws_ok($$insert into sluice.lead (id, estimated_value_amount, estimated_value_currency)
    values (gen_random_uuid(), 5, 'zl')$$, '23514', null, 'of three capitals');
select throws_ok(format($$insert into sluice.opportunity (id, name, account_id, amount_amount, amount_currency)
    values (gen_random_uuid(), 'x', '00000000-0000-7000-8000-000000000002', %s, 'PLN')$$, v), '23514', null,
    format('an amount is not %s', v)) from unnest(array['-5', '''NaN''', '''Infinity''', '1e14', '0.00001']) v;
select throws_ok($$insert into sluice.activity (id, kind) values (gen_random_uuid(), 'call')$$, '23514', null,
    'an activity belongs to something');
select throws_ok($$insert into sluice.account (id, name) values (gen_random_uuid(), ' ')$$, '23514', null,
    'an account has a name');

-- links lead to living records
select throws_ok($$insert into sluice.activity (id, kind, lead_id) values (gen_random_uuid(), 'call', gen_random_uuid())$$,
    'SL422', 'unknown_reference', 'an activity''s lead exists');
select throws_ok($$update sluice.account set deleted_at = sluice.now() where name = 'Acme'$$, 'SL409', 'in_use',
    'an account with opportunities stays');
update sluice.opportunity set deleted_at = sluice.now();
update sluice.account set deleted_at = sluice.now() where name = 'Acme';
select throws_ok($$insert into sluice.opportunity (id, name, account_id)
    values (gen_random_uuid(), 'x', '00000000-0000-7000-8000-000000000002')$$, 'SL422', 'unknown_reference',
    'a deleted account gets no opportunity');
select throws_ok($$insert into sluice.task (id, subject, account_id)
    values (gen_random_uuid(), 'x', '00000000-0000-7000-8000-000000000002')$$, 'SL422', 'unknown_reference',
    'nor a task');
update sluice.account set deleted_at = null where name = 'Acme';
update sluice.opportunity set deleted_at = null;

-- work has an owner and an end
insert into sluice.activity (id, kind, lead_id) values ('00000000-0000-7000-8000-000000000005', 'call', '00000000-0000-7000-8000-000000000001');
select unnest(array[
       is(owner_id, '00000000-0000-7000-8000-0000000000a1', 'who logs an activity owns it'),
       is(occurred_at, sluice.now(), 'it happened now')]) from sluice.activity;
insert into sluice.task (id, subject) values ('00000000-0000-7000-8000-000000000006', 'Call');
select unnest(array[
       is(assignee_id, '00000000-0000-7000-8000-0000000000a1', 'who makes a task does it'), is(done_at, null, 'later')]) from sluice.task;
update sluice.task set status = 'done';
select is(done_at, sluice.now(), 'done is when it was done') from sluice.task;
update sluice.task set status = 'open';
select is(done_at, null, 'and undone is not') from sluice.task;

-- search text
select is(text, 'Jan Nowak', 'a lead is searched by name') from sluice.search_text where record_id = '00000000-0000-7000-8000-000000000001';
update sluice.lead set phone = '+48 601 234-567', tax_id = '525-23-44-555';
select is(text, 'Jan Nowak +48 601 234-567 48601234567 525-23-44-555 5252344555', 'by phone and tax number, in both spellings')
  from sluice.search_text where record_id = '00000000-0000-7000-8000-000000000001';
select is(sluice.search_pattern('50%_\'), '%50\%\_\\%', 'what somebody typed is no pattern');

-- who sees what
insert into sluice.team (id, name) values ('00000000-0000-7000-8000-0000000000d1', 'North');
insert into sluice.team_member values ('00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-0000000000a1'),
                                      ('00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-0000000000a2');
select is(sluice.in_scope(scope, '00000000-0000-7000-8000-0000000000a1', owner::uuid), sees,
          format('scope %s, owner %s', scope, owner))
  from (values ('all', null, true), ('own', null, false), ('team', null, false), ('none', null, false), (null, null, false),
               ('own', '00000000-0000-7000-8000-0000000000a1', true), ('own', '00000000-0000-7000-8000-0000000000a2', false),
               ('team', '00000000-0000-7000-8000-0000000000a2', true), ('none', '00000000-0000-7000-8000-0000000000a1', false),
               ('team', '00000000-0000-7000-8000-0000000000ff', false)) v(scope, owner, sees);

-- updates of what every transition changes stay HOT; closed_at changes once, when a deal closes, and reports and segments
-- look for it
select is_empty($$select c.relname || '.' || a.attname
                    from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
                    join pg_attribute a on a.attrelid = c.oid
                     and (a.attnum = any (i.indkey)
                          or pg_get_expr(i.indpred, c.oid) ~ ('\m' || a.attname || '\M'))
                   where n.nspname = 'sluice' and c.relname in ('lead', 'account', 'opportunity')
                     and a.attname in ('state', 'state_entered_at', 'version', 'updated_at')$$,
    'no index holds a column that every transition changes');

select finish();
rollback;
