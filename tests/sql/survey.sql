-- Many records at once, and records that change their version: by the job's function only.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

insert into sluice.lead (id, last_name, industry) values
    ('00000000-0000-7000-8000-000000000001', 'A', 'rail'), ('00000000-0000-7000-8000-000000000002', 'B', 'sea'),
    ('00000000-0000-7000-8000-000000000003', 'C', null), ('00000000-0000-7000-8000-000000000004', 'D', '  ');
create function pg_temp.process() returns uuid language sql as
    $$select v.blueprint_id from sluice.lead l join sluice.blueprint_version v on v.id = l.blueprint_version_id
       where l.id = '00000000-0000-7000-8000-000000000001'$$;

select results_eq(
    $$select (s.facts::jsonb -> 'record' ->> 'industry'), s.n
        from sluice.survey(pg_temp.process(), '{"record": {"industry": "present"}}', null, false, null, 100) s order by 1 nulls last$$,
    $$values ('  ', 1::bigint), ('x', 2), (null, 1)$$,
    'a text that is asked for its presence is the same for all; a blank one stays blank');
select is((select count(*) from sluice.survey(pg_temp.process(), '{"record": {"industry": "value"}}', null, false, null, 100)),
    4::bigint, 'asked for its value it is itself');
select is((select sum(n) from sluice.survey(pg_temp.process(), '{"record": {}}', null, false,
    '00000000-0000-7000-8000-000000000002', 100)), 2::numeric, 'a page begins behind an id');
select is((select min(last::text) from sluice.survey(pg_temp.process(), '{"record": {}}', null, false, null, 3)),
    '00000000-0000-7000-8000-000000000003', 'and says where it ends');
select ok((select facts::jsonb ?& '{record,related,activities,tasks,visits,now,state_entered_at}'
             from sluice.survey(pg_temp.process(), '{"whole": true, "record": {}}', null, false, null, 1)),
    'the whole is what a decision is made on');
select lives_ok(format($$select * from sluice.survey(%L, '{"record": {"no_such": "value", "status": "value", "estimated_value": "value",
    "created_at": "present"}, "activities": true, "tasks": true, "visits": true, "account": true}', null, %L, null, 10)$$,
    pg_temp.process(), past), 'any need can be met') from unnest(array[true, false]) past;

select throws_ok('set local role sluice_app; select sluice.set_version(null, null, null, null, null, null, null, null)', '42501', null,
    'the daemon''s role moves no record by itself');
reset role;
select throws_ok(format('select sluice.migration_check(%L, %L, %L)', v, v, '{}'), 'SL422', null, 'a version does not move to itself')
  from (select l.blueprint_version_id as v from sluice.lead l limit 1) x;
select throws_ok($$select sluice.migrate_slice(gen_random_uuid(), 1)$$, 'P0002', null, 'no job, no migration');

select finish();
rollback;
