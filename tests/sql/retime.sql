-- A calendar changed: what waits by it is worked out anew, in slices, and nothing else is.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

create or replace function sluice.now() returns timestamptz language sql stable parallel safe
    return timestamptz '2026-11-20 08:00Z';  -- a Friday, nine o'clock in Warsaw
insert into sluice.calendar (id, key, name, time_zone, hours)
select ('00000000-0000-7000-8000-0000000000c' || n)::uuid, 't_' || n, 'T', 'Europe/Warsaw', c.hours
  from generate_series(1, 2) n, sluice.calendar c where c.key = 'default';
select sluice.blueprint_import('{"entity": "lead", "key": "t_retime", "number": 1, "label": {"en": "T"},
 "states": [{"key": "a", "category": "open", "label": {},
             "sla": [{"key": "one", "after": "P1D", "calendar": "t_1", "what": "warn"},
                     {"key": "other", "after": "P1D", "calendar": "t_2", "what": "warn"},
                     {"key": "any", "after": "P1D", "what": "warn"}]}, {"key": "b", "category": "won", "label": {}}],
 "transitions": [{"key": "created", "kind": "initial", "to": "a", "label": {}},
   {"key": "later", "from": ["a"], "to": "b", "label": {}, "auto": {"after": "P2D", "calendar": "t_1"}}]}');
update sluice.blueprint set priority = 200 where key = 't_retime';
insert into sluice.lead (id, last_name)
select ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'N' from generate_series(1, 3) n;
create view pg_temp.due as
select t.record_id, jsonb_object_agg(t.key, to_char(t.due_at at time zone 'UTC', 'DD HH24:MI')) as due
  from sluice.timer t where t.record_id::text like '00000000-0000-7000-8000-00000000000_' and t.live group by 1;

select is((select count(*) from pg_temp.due
            where due = '{"sla:one": "23 08:00", "sla:other": "23 08:00", "sla:any": "21 08:00", "auto:later": "24 08:00"}'),
          3::bigint, 'due by their calendars');
update sluice.calendar set name = 'U' where key = 't_1';
select is((select count(*) from sluice.job where kind = 'retime'), 0::bigint, 'a name moves nothing');
update sluice.calendar set holidays = '{2026-11-23}' where key = 'always';
select is((select count(*) from sluice.job where kind = 'retime'), 0::bigint, 'nor does a calendar that nobody names');
update sluice.calendar set holidays = '{2026-11-23}' where key = 't_1';
select is((select params from sluice.job where kind = 'retime'), '{"calendar": "t_1"}', 'hours and holidays do');
update sluice.timer set fired_at = sluice.now()
 where record_id = '00000000-0000-7000-8000-000000000003' and key = 'sla:one';

create function pg_temp.slice(batch integer) returns text language plpgsql as $$
declare
    s record;
begin
    select r.* into s from sluice.job j cross join lateral sluice.retime_slice(j.id, batch) r where j.kind = 'retime';
    update sluice.job set cursor = s.cursor, done = s.done where kind = 'retime';
    return s.over || ' ' || s.done || ' ' || s.result::text;
end
$$;
select is(pg_temp.slice(2), 'false 2 {"timers": 2}', 'a slice');
select is(pg_temp.slice(2), 'false 4 {"timers": 4}', 'another');
select is(pg_temp.slice(2), 'true 5 {"timers": 5}', 'the last one: what has fired is left alone');
select is((select count(*) from pg_temp.due
            where due = '{"sla:one": "24 08:00", "sla:other": "23 08:00", "sla:any": "21 08:00", "auto:later": "25 08:00"}'),
          2::bigint, 'a day later, by this calendar only');
select is((select due from pg_temp.due where record_id = '00000000-0000-7000-8000-000000000003'),
          '{"sla:one": "23 08:00", "sla:other": "23 08:00", "sla:any": "21 08:00", "auto:later": "25 08:00"}',
          'a breach stays where it was');
update sluice.calendar set holidays = '{}' where key = 't_1';
delete from sluice.job where kind = 'retime' and params = '{"calendar": "t_1"}' and done > 0;
update sluice.lead set deleted_at = now() where id = '00000000-0000-7000-8000-000000000001';
select is(pg_temp.slice(100), 'true 3 {"timers": 3}', 'a record that is gone is passed by');
select * from finish();
rollback;
