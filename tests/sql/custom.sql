-- Custom fields: what holds against anybody who writes, the index, rights, plans.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

select sluice.enter('system', null, null, 'req', 'test', false);

insert into sluice.custom_field (id, entity, key, label, type, choices, indexed, minimum, maximum) values
    (md5('tier')::uuid, 'account', 'tier', '{"en": "Tier"}', 'choice', '[{"key": "gold"}, {"key": "tin"}]', true, null, null),
    (md5('seats')::uuid, 'account', 'seats', '{"en": "Seats"}', 'integer', null, true, 0, 100000),
    (md5('rate')::uuid, 'account', 'rate', '{"en": "Rate"}', 'decimal', null, false, null, null),
    (md5('since')::uuid, 'account', 'since', '{"en": "Since"}', 'date', null, true, null, null),
    (md5('tags')::uuid, 'account', 'kinds', '{"en": "Kinds"}', 'multi_choice', '[{"key": "a"}, {"key": "b"}]', true, null, null),
    (md5('who')::uuid, 'account', 'who', '{"en": "Who"}', 'user', null, false, null, null);
insert into sluice.account (id, name) values (md5('x')::uuid, 'X');

create function pg_temp.puts(value text) returns text language plpgsql as $$
declare
    at text;
begin
    update sluice.account set custom = custom || value::jsonb where id = md5('x')::uuid;
    return null;
exception when sqlstate 'SL422' then
    get stacked diagnostics at = column_name;
    return at;
end
$$;

-- whoever writes, as the owner too
select is(pg_temp.puts(v), at, 'refused: ' || v) from (values
    ('{"tier": "lead"}', '/custom/tier'), ('{"tier": 1}', '/custom/tier'), ('{"seats": "5"}', '/custom/seats'),
    ('{"seats": 1.5}', '/custom/seats'), ('{"seats": -1}', '/custom/seats'), ('{"seats": 100001}', '/custom/seats'),
    ('{"rate": "1,5"}', '/custom/rate'), ('{"rate": 1.00001}', '/custom/rate'), ('{"since": "2026-02-30"}', '/custom/since'),
    ('{"since": "today"}', '/custom/since'), ('{"kinds": "a"}', '/custom/kinds'), ('{"kinds": ["a", "a"]}', '/custom/kinds'),
    ('{"kinds": ["c"]}', '/custom/kinds'), ('{"who": "00000000-0000-0000-0000-000000000000"}', '/custom/who'),
    ('{"nothing": 1}', '/custom/nothing')) v(v, at);
select throws_ok('update sluice.account set custom = ''[]''', 'SL422', null, 'values are an object');
select is(custom, '{}', 'and nothing was written') from sluice.account where id = md5('x')::uuid;
select is(pg_temp.puts('{"tier": "gold", "seats": 5, "rate": 2, "since": "2026-01-31", "kinds": ["a", "b"]}'), null, 'what fits is written');
select is(custom, '{"tier": "gold", "seats": 5, "rate": "2", "since": "2026-01-31", "kinds": ["a", "b"]}', 'decimals as text')
  from sluice.account where id = md5('x')::uuid;

-- the index follows
create function pg_temp.indexed() returns setof text language sql as $$
    select f.key || ' ' || coalesce(v.text, v.number::text, v.moment::text) from sluice.custom_value v join sluice.custom_field f on f.id = v.field_id
     where v.record_id = md5('x')::uuid order by 1 $$;
select results_eq('select * from pg_temp.indexed()', $$values ('kinds a'), ('kinds b'), ('seats 5'), ('since 2026-01-31 00:00:00+00'), ('tier gold')$$,
    'what is indexed is in the index');
select is(pg_temp.puts('{"seats": 6, "tier": null, "kinds": ["b"]}'), null, 'values change');
select results_eq('select * from pg_temp.indexed()', $$values ('kinds b'), ('seats 6'), ('since 2026-01-31 00:00:00+00')$$, 'so does it');
update sluice.custom_field set indexed = not indexed where key in ('seats', 'rate');
select results_eq('select * from pg_temp.indexed()', $$values ('kinds b'), ('rate 2'), ('since 2026-01-31 00:00:00+00')$$, 'and follows the definition');
select throws_ok($$delete from sluice.custom_field where key = 'rate'$$, 'SL409', 'in_use', 'a field with values stays');
update sluice.custom_field set indexed = true where key = 'seats';

-- required
update sluice.custom_field set required = true where key = 'seats';
select throws_ok($$insert into sluice.account (id, name) values (gen_random_uuid(), 'Y')$$, 'SL422', 'validation_failed', 'what is required is there');
select is(pg_temp.puts('{"seats": null}'), '/custom/seats', 'and stays');
update sluice.custom_field set required = false where key = 'seats';

-- plans: among 100,000 records the index is asked
set local session_replication_role = replica;
insert into sluice.account (id, name) select md5('p' || n)::uuid, 'P' from generate_series(1, 100000) n;
insert into sluice.custom_value (field_id, record_id, number)
select md5('seats')::uuid, md5('p' || n)::uuid, n from generate_series(1, 100000) n;
insert into sluice.custom_value (field_id, record_id, text)
select md5('tier')::uuid, md5('p' || n)::uuid, 'x' || n from generate_series(1, 100000) n;
set local session_replication_role = origin;
analyze sluice.custom_value, sluice.account;
create function pg_temp.plan(statement text) returns text language plpgsql as $$
declare
    line text;
    whole text := '';
begin
    for line in execute 'explain ' || statement loop
        whole := whole || line || chr(10);
    end loop;
    return whole;
end
$$;
select matches(pg_temp.plan(format($$select r.id from sluice.account_row r where r.id in (select x
    from sluice.custom_%s(jsonb_build_object('f', md5('%s')::uuid, 'v', %s)) x)$$, f, k, v)), i, f)
  from (values ('number_gte', 'seats', '99990', 'custom_value_number'), ('number_any', 'seats', '''[7, 8]''::jsonb', 'custom_value_number'),
               ('text_any', 'tier', '''["x7"]''::jsonb', 'custom_value_text'),
               ('moment_lt', 'since', '''2000-01-01''::text', 'custom_value_moment')) t(f, k, v, i);
select matches(pg_temp.plan($$delete from sluice.custom_value v where v.record_id = md5('x')::uuid$$), 'custom_value_record',
    'the values of a record');

-- rights
create function pg_temp.denied(statement text) returns setof text language plpgsql as $$
begin
    set local role sluice_app;
    return query select throws_ok(statement, '42501', null, statement);
    reset role;
end
$$;
select pg_temp.denied('insert into sluice.custom_value (field_id, record_id) values (gen_random_uuid(), gen_random_uuid())');
select pg_temp.denied('delete from sluice.custom_value');
select pg_temp.denied('update sluice.custom_field set key = ''other''');
select pg_temp.denied('update sluice.custom_field set entity = ''lead''');

select * from finish();
rollback;
