-- What the daemon's role may not do, one by one; and that everything it may do is what 0006_rights.sql says.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

-- Runs a statement as the daemon's role.
create function pg_temp.as_app(statement text) returns void language plpgsql as $$
begin
    set local role sluice_app;
    execute statement;
    reset role;
end
$$;

create function pg_temp.denied(statement text, about text) returns setof text language plpgsql as $$
begin
    return query select throws_ok(format('select pg_temp.as_app(%L)', statement), '42501', null, about);
end
$$;

create function pg_temp.allowed(statement text, about text) returns setof text language plpgsql as $$
begin
    return query select lives_ok(format('select pg_temp.as_app(%L)', statement), about);
end
$$;

-- one of each, made by the daemon's role
select pg_temp.allowed($$insert into sluice.lead (id, last_name, source, campaign)
    values ('00000000-0000-7000-8000-000000000001', 'Nowak', 'web', 'autumn')$$, 'a lead is inserted');
select pg_temp.allowed($$insert into sluice.account (id, name) values ('00000000-0000-7000-8000-000000000002', 'Acme')$$,
    'an account is inserted');
select pg_temp.allowed($$insert into sluice.contact (id, last_name, account_id)
    values ('00000000-0000-7000-8000-000000000003', 'Nowak', '00000000-0000-7000-8000-000000000002')$$,
    'a contact is inserted');
select pg_temp.allowed($$insert into sluice.opportunity (id, name, account_id)
    values ('00000000-0000-7000-8000-000000000004', 'Deal', '00000000-0000-7000-8000-000000000002')$$,
    'an opportunity is inserted');
select pg_temp.allowed($$insert into sluice.activity (id, kind, lead_id)
    values ('00000000-0000-7000-8000-000000000005', 'note', '00000000-0000-7000-8000-000000000001')$$,
    'an activity is inserted');
select pg_temp.allowed($$insert into sluice.task (id, subject) values ('00000000-0000-7000-8000-000000000006', 'Call')$$,
    'a task is inserted');
select pg_temp.allowed($$update sluice.lead set first_name = 'Anna'$$, 'a lead''s name is updated');
select pg_temp.allowed($$update sluice.task set status = 'done'$$, 'a task is done');

-- no state, no version, no times, by UPDATE
select pg_temp.denied(format('update sluice.%I set %I = %I', t, c, c), format('%s.%s is not updated', t, c))
  from unnest(array['lead', 'account', 'opportunity']) t,
       unnest(array['id', 'state', 'state_entered_at', 'blueprint_version_id', 'version', 'created_at', 'updated_at',
                    'created_by', 'source', 'campaign']) c;
select pg_temp.denied(format('update sluice.lead set %I = %I', c, c), format('lead.%s is not updated', c))
  from unnest(array['unqualified_reason', 'nurture_until', 'call_back_at', 'account_id', 'contact_id',
                    'opportunity_id', 'converted_at', 'utm', 'extra']) c;
select pg_temp.denied(format('update sluice.%s = null', c), format('%s is not updated', c))
  from unnest(array['account set rejection_reason', 'account set lead_id', 'contact set lead_id', 'contact set source',
                    'opportunity set lost_reason', 'opportunity set closed_at', 'opportunity set lead_id',
                    'activity set transition', 'task set transition', 'task set done_at']) c;
select pg_temp.denied(format('update sluice.%I set %I = %I', t, c, c), format('%s.%s is not updated', t, c))
  from unnest(array['contact', 'activity', 'task']) t,
       unnest(array['version', 'created_at', 'created_by', 'updated_at']) c;

-- nor by INSERT
select pg_temp.denied($$insert into sluice.lead (id, state) values (gen_random_uuid(), 'converted')$$,
    'a lead is not born in a chosen state');
select pg_temp.denied($$insert into sluice.account (id, name, state) values (gen_random_uuid(), 'x', 'verified')$$,
    'an account is not born verified');
select pg_temp.denied($$insert into sluice.opportunity (id, name, account_id, state)
    values (gen_random_uuid(), 'x', '00000000-0000-7000-8000-000000000002', 'won')$$, 'an opportunity is not born won');
select pg_temp.denied($$insert into sluice.lead (id, created_at) values (gen_random_uuid(), now() - interval '1 year')$$,
    'nobody antedates a lead');
select pg_temp.denied($$insert into sluice.lead (id, unqualified_reason) values (gen_random_uuid(), 'need')$$,
    'nobody is born unqualified');
select pg_temp.denied($$insert into sluice.activity (id, kind, lead_id, transition)
    values (gen_random_uuid(), 'call', '00000000-0000-7000-8000-000000000001', 'contacted')$$,
    'an activity does not claim a transition');

-- no setting by hand that antedates what is done, or that leaves numbers out of their order
select set_config('sluice.now', '2001-01-01', true);
select is(sluice.now(), transaction_timestamp(), 'no setting moves the clock');
select set_config('sluice.now', '', true);

savepoint dry;
select set_config('sluice.dry', 'on', true), set_config('sluice.dry_seq', '5', true);
select pg_temp.allowed($$insert into sluice.lead (id) values (gen_random_uuid())$$, 'a dry run goes on until its end');
select ok(min(seq) < 0, 'on numbers that nothing else has') from sluice.audit;
select throws_ok('set constraints all immediate', 'SL403', 'forbidden', 'but its numbers are not committed');
rollback to dry;

-- no DELETE, no TRUNCATE of records
select pg_temp.denied(format('delete from sluice.%I', t), format('%s is not deleted from', t))
  from unnest(array['lead', 'account', 'contact', 'opportunity', 'activity', 'task', 'app_user', 'team', 'api_key',
                    'intake_form', 'intake_submission', 'lead_touch', 'visit', 'audit', 'outbox', 'search_text',
                    'role', 'permission', 'role_permission', 'instance_secret']) t;
select pg_temp.denied(format('truncate sluice.%I', t), format('%s is not truncated', t))
  from unnest(array['lead', 'audit', 'outbox', 'visit', 'session', 'idempotency']) t;

-- history is read only, where at all
select pg_temp.allowed('select * from sluice.audit', 'audit is read');
select pg_temp.allowed('select * from sluice.visit', 'visits are read');
select pg_temp.denied('select * from sluice.outbox', 'the outbox is not read');
select pg_temp.denied($$insert into sluice.audit (seq, at, action, entity, actor_kind) values (-5, now(), 'update', 'lead', 'user')$$,
    'no audit entry is forged');
select pg_temp.denied($$update sluice.audit set actor_id = null$$, 'no audit entry is changed');
select pg_temp.denied($$insert into sluice.outbox (id, audit_seq, type, entity, record_id)
    values (-5, 1, 'lead.created', 'lead', gen_random_uuid())$$, 'no event is forged');
select pg_temp.denied($$insert into sluice.visit (id, entity, record_id, blueprint_version_id, state, entered_at, via)
    values (-5, 'lead', gen_random_uuid(), gen_random_uuid(), 'won', now(), 'x')$$, 'no visit is forged');
select pg_temp.denied($$update sluice.visit set left_at = now()$$, 'no visit is closed');
select pg_temp.denied($$update sluice.search_text set text = ''$$, 'the search text is not written');

-- processes, roles and rights are not the daemon's to change
select pg_temp.denied(format('update sluice.%I set %I = %I', t, c, c), format('%s is not updated', t))
  from (values ('blueprint', 'label'), ('blueprint_version', 'status'), ('state', 'category'), ('transition', 'to_state'),
               ('transition_from', 'state'), ('transition_actor', 'value'), ('guard', 'params'), ('input', 'required'),
               ('role', 'label'), ('role_permission', 'scope'), ('lost_reason', 'active'),
               ('unqualified_reason', 'active'), ('rejection_reason', 'active')) v(t, c);
select pg_temp.denied($$insert into sluice.role_permission (role, permission) values ('viewer', 'admin.users')$$,
    'no permission is added to a role');
select pg_temp.denied($$select sluice.blueprint_import('{}')$$, 'no blueprint is imported');

-- no way in through inner functions
select pg_temp.denied(format('select sluice.%s', f), format('%s is not called', f))
  from unnest(array[
    'lead_apply(null, null, null, null, null, null, null, null, null, null, null)',
    'account_apply(null, null, null, null, null, null, null, null, null, null, null)',
    'opportunity_apply(null, null, null, null, null, null, null, null, null, null, null)',
    'lead_move(null, null, null, null, null)',
    'move_visit(null, null, null, null, null)',
    'cause(null, null, null, null)',
    'add_work(null, null, null, null, null, null, null, null)']) f;

-- no schema
select pg_temp.denied('create table sluice.mine (a int)', 'no table is created');
select pg_temp.denied('create function sluice.mine() returns int language sql as ''select 1''', 'no function is created');
select pg_temp.denied('alter table sluice.lead disable trigger all', 'no trigger is disabled');
select pg_temp.denied('alter table sluice.lead add column a int', 'no column is added');
select pg_temp.denied('drop table sluice.audit', 'no table is dropped');
select pg_temp.denied('create index on sluice.lead (state)', 'no index is created');
select pg_temp.denied('set session_replication_role = replica', 'triggers are not bypassed');
select ok(not pg_has_role('sluice_app', 'sluice_owner', 'member'), 'the daemon''s role is no member of the owner');
select ok(not rolcanlogin and not rolsuper and not rolcreaterole and not rolcreatedb and not rolbypassrls,
          format('%s is a plain role without login', rolname))
  from pg_roles where rolname in ('sluice_owner', 'sluice_app');

-- everything belongs to the owner
select is_empty($$select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where n.nspname = 'sluice' and c.relkind in ('r', 'v', 'S') and c.relowner <> 'sluice_owner'::regrole
                     and c.relname not like 'schema_%' and c.relname not like '%migration%'$$,
    'every table belongs to sluice_owner');
select is_empty($$select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                   where n.nspname = 'sluice' and p.proowner <> 'sluice_owner'::regrole
                     and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')$$,
    'every function belongs to sluice_owner');
select is_empty($$select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                   where n.nspname = 'sluice' and p.prosecdef
                     and not coalesce(p.proconfig @> array['search_path=sluice, pg_temp'], false)$$,
    'every definer function has its own search_path');
select is_empty($$select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                   where n.nspname = 'sluice' and has_function_privilege('public', p.oid, 'execute')
                     and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')$$,
    'no function is everybody''s');
select is_empty($$select c.relname || '.' || a.attname
                    from pg_class c join pg_namespace n on n.oid = c.relnamespace
                    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                   where n.nspname = 'sluice' and c.relkind = 'r'
                     and a.attname in ('state', 'state_entered_at', 'version', 'created_at', 'updated_at', 'created_by')
                     and (has_column_privilege('sluice_app', c.oid, a.attname, 'update')
                          or has_column_privilege('sluice_app', c.oid, a.attname, 'insert'))$$,
    'no table anywhere lets the daemon''s role write a state, a version or a time of birth');

select finish();
rollback;
