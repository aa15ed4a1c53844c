-- What belongs to an account: who may write what of it, what is kept of it, and by which index it is found.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

create function pg_temp.denied(statement text, about text) returns setof text language plpgsql as $$
begin
    set local role sluice_app;
    return query select throws_ok(statement, '42501', null, about);
    reset role;
end
$$;
select pg_temp.denied(format('update sluice.%I set %I = %I', t, c, c), format('%s.%s is not updated', t, c))
  from unnest(array['account_contact', 'equipment', 'invoice', 'complaint']) t,
       unnest(array['id', 'account_id', 'version', 'created_at', 'created_by', 'updated_at']) c;
select pg_temp.denied('update sluice.account_contact set contact_id = null', 'a role stays with its contact');
select pg_temp.denied(format('delete from sluice.%I', t), format('%s is not deleted from', t))
  from unnest(array['account_contact', 'equipment', 'invoice', 'complaint', 'contact_role']) t;
select pg_temp.denied($$update sluice.contact_role set label = '{}'$$, 'the roles that are offered are not changed');

insert into sluice.app_user (id, email, name) values ('00000000-0000-7000-8000-0000000000a1', 'related@example.org', 'Ann');
select sluice.enter('user', '00000000-0000-7000-8000-0000000000a1', null, 'req', 'equipment_create', false);
insert into sluice.account (id, name, owner_id) values
    ('00000000-0000-7000-8000-000000000001', 'One', '00000000-0000-7000-8000-0000000000a1'),
    ('00000000-0000-7000-8000-000000000002', 'Two', null);
insert into sluice.contact (id, last_name) values ('00000000-0000-7000-8000-000000000011', 'P'),
    ('00000000-0000-7000-8000-000000000012', 'Q');

set local role sluice_app;
select lives_ok($$select sluice.account_within('00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-0000000000a1', 'own')$$, 'one''s own account gets a line');
select throws_ok($$select sluice.account_within('00000000-0000-7000-8000-000000000002',
    '00000000-0000-7000-8000-0000000000a1', 'own')$$, 'SL422', 'unknown_reference', 'another''s does not');
insert into sluice.equipment (id, account_id, kind)
select md5('e' || n)::uuid, '00000000-0000-7000-8000-000000000001', 'crane' from generate_series(1, 3) n;
update sluice.equipment set vendor = 'Liebherr' where id = md5('e1')::uuid;
insert into sluice.account_contact (id, account_id, contact_id, role, primary_at) values
    ('00000000-0000-7000-8000-000000000021', '00000000-0000-7000-8000-000000000001',
     '00000000-0000-7000-8000-000000000011', 'user', '2026-01-01'),
    ('00000000-0000-7000-8000-000000000022', '00000000-0000-7000-8000-000000000001',
     '00000000-0000-7000-8000-000000000012', 'billing', '2026-01-02');
select throws_ok($$insert into sluice.account_contact (id, account_id, contact_id, role) values (gen_random_uuid(),
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000011', 'user')$$, 'SL409', 'conflict',
    'nobody is twice the same to the same');
select lives_ok($$insert into sluice.account_contact (id, account_id, contact_id, role, until) values (gen_random_uuid(),
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000011', 'user', '2020-01-01')$$,
    'but may have been it before');
select results_eq($$select x.id from sluice.account_contact_row x where x."primary"$$,
    $$values ('00000000-0000-7000-8000-000000000022'::uuid)$$, 'who was named last is called first');
update sluice.account_contact set deleted_at = now() where id = '00000000-0000-7000-8000-000000000022';
select results_eq($$select x.id from sluice.account_contact_row x where x."primary"$$,
    $$values ('00000000-0000-7000-8000-000000000021'::uuid)$$, 'and then who was it before');
reset role;

select is(jsonb_array_length(sluice.equipment_json('00000000-0000-7000-8000-000000000001')), 3, 'guards see the lines');
select is((select array_agg(a.action order by a.seq) from sluice.audit a where a.record_id = md5('e1')::uuid),
    '{create,update}', 'every change of a line is kept');
select isnt(sluice.equipment_print('00000000-0000-7000-8000-000000000001'),
    (select sluice.equipment_print('00000000-0000-7000-8000-000000000002')), 'and part of the evidence');
create temp table before as select sluice.equipment_print('00000000-0000-7000-8000-000000000001') as print;
update sluice.equipment set competitor = true where id = md5('e2')::uuid;
select isnt(sluice.equipment_print('00000000-0000-7000-8000-000000000001'), (select print from before),
    'which a change of a line changes');

-- plans
set local session_replication_role = replica;
insert into sluice.account (id, blueprint_version_id, state, state_entered_at, name)
select md5('a' || n)::uuid, gen_random_uuid(), 'x', now(), 'A' from generate_series(1, 5000) n;
insert into sluice.contact (id, last_name, account_id)
select md5('c' || n)::uuid, 'P', md5('a' || n)::uuid from generate_series(1, 5000) n;
insert into sluice.account_contact (id, account_id, contact_id, role)
select md5('r' || n)::uuid, md5('a' || n)::uuid, md5('c' || n + 1)::uuid, 'user' from generate_series(1, 4999) n;
insert into sluice.equipment (id, account_id, kind)
select md5('q' || n)::uuid, md5('a' || n)::uuid, 'crane' from generate_series(1, 5000) n;
set local session_replication_role = origin;
analyze sluice.account, sluice.contact, sluice.account_contact, sluice.equipment;
create function pg_temp.plan(statement text) returns text language plpgsql as $$
declare
    line text;
    plan text := '';
begin
    for line in execute 'explain (costs off) ' || statement loop
        plan := plan || E'\n' || line;
    end loop;
    return plan;
end
$$;
select unalike(pg_temp.plan($$select * from sluice.contact_row r where r.id in
    (select m.id from sluice.contacts_at(array[md5('a7')::uuid]) m(id)) order by r.created_at desc, r.id desc limit 51$$),
    '%Seq Scan%', 'the people of an account are found by indexes');
select unalike(pg_temp.plan($$select * from sluice.equipment_row r where r.account_id = any (array[md5('a7')::uuid])
    order by r.created_at desc, r.id desc limit 51$$), '%Seq Scan%', 'and so are its lines');

select finish();
rollback;
