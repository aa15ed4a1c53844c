-- History: one entry and one event per change, in full, for ever.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

create temp table mark as select coalesce(max(seq), 0) as seq from sluice.audit;
create function pg_temp.last() returns setof sluice.audit language sql as
    $$select * from sluice.audit order by seq desc limit 1$$;

insert into sluice.app_user (id, email, name, password_hash)
values ('00000000-0000-7000-8000-0000000000a1', 'ann@example.org', 'Ann', '$argon2id$secret');
select unnest(array[
       is(changes #>> '{password_hash,new}', '***', 'a digest is not shown'),
       is(entity, 'user', 'of a user'), is(action, 'create', 'who is new')]) from pg_temp.last();
update sluice.app_user set password_hash = 'other' where name = 'Ann';
select is(changes, '{"password_hash": {"old": "***", "new": "***"}}', 'that it changed is') from pg_temp.last();

select sluice.enter('user', '00000000-0000-7000-8000-0000000000a1', null, 'req-1', 'lead_create', false);
insert into sluice.lead (id, last_name, utm) values ('00000000-0000-7000-8000-000000000001', 'Nowak', '{"a": null}');
select unnest(array[
       is((action, entity, record_id, actor_kind, actor_id, request_id, operation, to_state),
          ('create'::text, 'lead'::text, '00000000-0000-7000-8000-000000000001'::uuid, 'user'::text,
           '00000000-0000-7000-8000-0000000000a1'::uuid, 'req-1'::text, 'lead_create'::text, 'open'::text),
          'an entry says what, who, under which request'),
       is(changes #> '{last_name}', '{"old": null, "new": "Nowak"}', 'and the values'),
       is(changes #> '{utm,new}', '{"a": null}', 'as they are'),
       ok(not changes ? 'first_name', 'but no empty ones')])
  from pg_temp.last();
update sluice.lead set last_name = 'Kowalska', email = 'a@b.c';
select unnest(array[
       is(action, 'update', 'an update'),
       is(changes, '{"last_name": {"old": "Nowak", "new": "Kowalska"}, "email": {"old": null, "new": "a@b.c"}}',
          'shows what changed and nothing else')])
  from pg_temp.last();
select is(count(*), 1::bigint, 'an update that changes nothing has no entry')
  from (select set_config('x.y', count(*)::text, true) from sluice.audit) x;
update sluice.lead set last_name = 'Kowalska';
select is(count(*)::text, current_setting('x.y'), 'really none') from sluice.audit;
update sluice.lead set deleted_at = sluice.now();
select is(action, 'delete', 'a soft delete is a delete') from pg_temp.last();
update sluice.lead set deleted_at = null;
select is(action, 'update', 'and coming back an update') from pg_temp.last();
select results_eq($$select type, record_id, (select action from sluice.audit where seq = audit_seq), xid = pg_current_xact_id()
                      from sluice.outbox where record_id = '00000000-0000-7000-8000-000000000001' order by id$$,
    $$select t, '00000000-0000-7000-8000-000000000001'::uuid, a, true
        from (values ('lead.created', 'create'), ('lead.updated', 'update'), ('lead.deleted', 'delete'),
                     ('lead.updated', 'update')) v(t, a)$$,
    'each has its event');
insert into sluice.user_role values ('00000000-0000-7000-8000-0000000000a1', 'sales');
select unnest(array[
       is((action, entity, record_id), ('update'::text, 'user'::text, '00000000-0000-7000-8000-0000000000a1'::uuid),
          'a role is a change of the user'),
       is(changes, '{"roles": {"old": null, "new": "sales"}}', 'with its value')]) from pg_temp.last();
delete from sluice.user_role where user_id = '00000000-0000-7000-8000-0000000000a1';
select is(changes, '{"roles": {"old": "sales", "new": null}}', 'and so is its loss') from pg_temp.last();
select is_empty($$select id from sluice.outbox where entity = 'user'$$, 'users are nobody''s event');

-- denied
select sluice.transition_denied('lead', '00000000-0000-7000-8000-000000000001', 'qualified', 'open', 'guard_failed',
                                '[{"guard": "x"}]');
select unnest(array[
       is((action, transition, from_state, actor_id, request_id),
          ('denied'::text, 'qualified'::text, 'open'::text, '00000000-0000-7000-8000-0000000000a1'::uuid, 'req-1'::text),
          'a refusal is an entry'),
       is(detail, '{"code": "guard_failed", "failures": [{"guard": "x"}]}', 'with its reasons')]) from pg_temp.last();
select ok(audit_seq < (select max(seq) from sluice.audit), 'and no event') from sluice.outbox order by id desc limit 1;

-- order and identity
select is(count(*), count(distinct seq), 'no number occurs twice') from sluice.audit;

-- for ever, for the owner too
select throws_ok('update sluice.audit set actor_id = null', 'SL403', null, 'nobody changes an entry');
select throws_ok('delete from sluice.audit', 'SL403', null, 'nobody deletes an entry');
select throws_ok('truncate sluice.audit', 'SL403', null, 'nobody empties the audit');
set local session_replication_role = replica;
select throws_ok('delete from sluice.audit', 'SL403', null, 'not by switching triggers off either');
set local session_replication_role = origin;

-- a forged cause does not make an update a transition
select set_config('sluice.cause', '{"transition": "forged", "detail": {"note": "x"}}', true);
update sluice.lead set email = 'b@b.c';
select unnest(array[
       is(transition, null, 'only a move has a transition'), is(detail, null, 'and its detail')]) from pg_temp.last();

-- a dry run takes no number
select set_config('x.seq', (select last_value::text from sluice.seq), true);
select sluice.enter('user', '00000000-0000-7000-8000-0000000000a1', null, 'req-2', 'lead_update', true);
update sluice.lead set email = 'c@b.c';
select ok(min(seq) < 0, 'its entries have negative numbers') from sluice.audit where request_id = 'req-2';
select is(count(*), 1::bigint, 'as many as there are changes') from sluice.audit where request_id = 'req-2';
select is(last_value::text, current_setting('x.seq'), 'and the sequence is untouched') from sluice.seq;
select throws_ok('select sluice.dry_end()', 'SLDRY', null, 'it ends by an error that means success');

-- every business table has it
select is_empty($$select t from unnest(array['lead', 'account', 'contact', 'opportunity', 'activity', 'task', 'app_user', 'team',
                      'api_key', 'intake_form', 'user_role', 'team_member', 'api_key_role']) t
                   where not exists (select from pg_trigger g where g.tgrelid = ('sluice.' || t)::regclass
                                        and g.tgfoid in ('sluice.audit_change'::regproc, 'sluice.audit_part'::regproc))$$,
    'every business table is audited');

select finish();
rollback;
