-- Segments: who may write them, what a rule is made of, and that many accounts are sorted in a moment.
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
select pg_temp.denied(format('update sluice.segment set %I = %I', c, c), format('segment.%s is not updated', c))
  from unnest(array['id', 'key', 'version', 'created_at', 'created_by', 'updated_at']) c;
select pg_temp.denied('delete from sluice.segment', 'segments are not deleted from');
select set_eq($$select role from sluice.role_permission where permission = 'segment.write'$$, array['admin', 'manager'],
    'who writes segments');

-- values are values, whatever they say
select unalike(sluice.segment_sql('{"kind": "field", "field": "name", "op": "eq", "value": "x''); drop table x; --"}'),
    '%x''); drop%', 'a quote in a value ends no text');
select throws_ok($$select sluice.segment_check('{"kind": "field", "field": "name; --", "op": "present"}', '', 1)$$,
    'SL422', 'validation_failed', 'a field is one of a list');
select throws_ok($$select sluice.segment_check('{"kind": "won", "months": "1) or true --"}', '', 1)$$,
    'SL422', 'validation_failed', 'a number is a number');
select throws_ok($$select sluice.segment_check('{"kind": "won", "months": 1e3}', '', 1)$$ , 'SL422', 'validation_failed',
    'of a few digits') where '1e3'::jsonb::text !~ '^\d{1,4}$';

-- at 20,000 accounts: sets, not a look at each account
set local jit = off;
set local session_replication_role = replica;
insert into sluice.account (id, blueprint_version_id, state, state_entered_at, name, created_at)
select md5('a' || n)::uuid, v.id, 'verified', now(), 'A ' || n, now() - interval '1 year'
  from generate_series(1, 20000) n,
       (select v.id from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id
         where b.entity = 'account' and v.status = 'published' limit 1) v;
insert into sluice.opportunity (id, blueprint_version_id, state, state_entered_at, name, account_id, closed_at)
select md5('o' || n)::uuid, v.id, case when n % 3 = 0 then 'won' else 'lost' end, now(), 'D', md5('a' || n % 7000 + 1)::uuid,
       now() - n % 700 * interval '1 day'
  from generate_series(1, 40000) n,
       (select v.id from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id
         where b.entity = 'opportunity' and v.status = 'published' limit 1) v;
insert into sluice.invoice (id, account_id, number, due_on, paid_at)
select md5('i' || n)::uuid, md5('a' || n)::uuid, n::text, current_date - 10, case when n % 100 > 0 then now() end
  from generate_series(1, 20000) n;
set local session_replication_role = origin;
analyze sluice.account, sluice.opportunity, sluice.invoice;

create function pg_temp.cost(rule jsonb) returns numeric language plpgsql as $$
declare
    plan json;
begin
    execute 'explain (format json) select a.id from sluice.account a where a.deleted_at is null and '
            || sluice.segment_sql(rule) into plan;
    return (plan -> 0 -> 'Plan' ->> 'Total Cost')::numeric;
end
$$;
select cmp_ok(pg_temp.cost(rule), '<', 20000::numeric, key || ' is worked out in one go') from sluice.segment;
select cmp_ok(pg_temp.cost('{"kind": "no_activity", "days": 30}'), '<', 20000::numeric, 'so is silence');
create temp table members as select s.key, m.id from sluice.segment s, sluice.segment_members(array[s.key]) m(id);
select cmp_ok(count(*), '>', 100::bigint, 'they have members') from members;
select is((select count(*) from sluice.segment_members('{regular,lost,at_risk}')), (select count(distinct id) from members),
    'several segments have each account once');
select is((select count(*) from (select a.id, (sluice.segment_judge(s.rule, a.id) ->> 'passed')::boolean as told,
                                        (s.key, a.id) in (select m.key, m.id from members m) as found
                                   from sluice.segment s, (select id from sluice.account order by id limit 30) a) x
            where told <> found), 0::bigint, 'what an account is told is what lists find');

select finish();
rollback;
