-- Clocks that every touch starts again: what is a touch, what is none, and records that change their version.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

create temp table clock (at timestamptz);
insert into clock values ('2026-11-20 08:00Z');
grant select on clock to sluice_app, sluice_owner;
create or replace function sluice.now() returns timestamptz language plpgsql stable as $$
begin
    return (select c.at from pg_temp.clock c);
end
$$;
create function pg_temp.at(t timestamptz) returns void language sql as 'update clock set at = t';
create function pg_temp.due() returns text language sql as $$
    select string_agg(to_char(due_at at time zone 'UTC', 'MM-DD HH24:MI') || case when fired_at is not null then ' fired' else '' end, ', ')
      from sluice.timer where live and record_id = '00000000-0000-7000-8000-000000000001'
$$;

select sluice.blueprint_import($json$
{"entity": "lead", "key": "t_touch", "number": 1, "label": {"en": "T"},
 "states": [{"key": "fresh", "category": "open", "label": {"en": "Fresh"},
             "sla": [{"key": "cold", "after": "P2D", "calendar": "default", "since": "touch", "what": "escalate"}]}],
 "transitions": [{"key": "created", "kind": "initial", "to": "fresh", "label": {}}]}
$json$);
select is((select sluice.blueprint_document(v.id) #> '{states,0,sla,0,since}' from sluice.blueprint_version v
             join sluice.blueprint b on b.id = v.blueprint_id where b.key = 't_touch' and v.number = 1), '"touch"', 'the document says it');
update sluice.blueprint set priority = 300 where key = 't_touch';

insert into sluice.app_user (id, email, name) values ('00000000-0000-7000-8000-0000000000a2', 'rep@example.org', 'Rep');
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000001', 'Nowak');
select is(pg_temp.due(), '11-24 08:00', 'two working days');
select pg_temp.at('2026-11-23 12:00Z');
update sluice.lead set city = 'Lublin' where id = '00000000-0000-7000-8000-000000000001';
select is(pg_temp.due(), '11-25 12:00', 'a change is a touch');
update sluice.lead set city = 'Lublin' where id = '00000000-0000-7000-8000-000000000001';
select pg_temp.at('2026-11-23 13:00Z');
update sluice.lead set city = 'Lublin' where id = '00000000-0000-7000-8000-000000000001';
select is(pg_temp.due(), '11-25 12:00', 'what changes nothing is none');
insert into sluice.activity (id, kind, subject, lead_id)
values (gen_random_uuid(), 'call', 'Hello', '00000000-0000-7000-8000-000000000001');
select is(pg_temp.due(), '11-25 13:00', 'an activity is one');

select pg_temp.at('2026-11-25 13:00Z');
select is((select (d)[3] is not null || ' ' || (d)[4] || ' ' || ((d)[2] is not null) from (select r."due_at|breached?|stale?|stale_since" as d, r.id from sluice.lead_row r) x where id = '00000000-0000-7000-8000-000000000001'),
          'true 2026-11-25 13:00:00+00 false', 'stale by the clock, and not in breach');
set local role sluice_app;
select sluice.enter('timer', null, null, 'r1', 'timers', false);
select is(sluice.timers_fire(100), 1::bigint, 'it fires');
select is(sluice.timers_fire(100), 0::bigint, 'once');
reset role;
select is(pg_temp.due(), '11-25 13:00 fired', 'the task that the clock leaves is no touch');
select is((select count(*) from sluice.task where lead_id = '00000000-0000-7000-8000-000000000001' and priority = 'high'), 1::bigint, 'a task');
select is((select count(*) from sluice.outbox where type = 'lead.stale'), 1::bigint, 'an event');

-- another version: the last touch counts, the move to it is none
select sluice.blueprint_import($json$
{"entity": "lead", "key": "t_touch", "number": 2, "label": {"en": "T"},
 "states": [{"key": "fresh", "category": "open", "label": {"en": "Fresh"},
             "sla": [{"key": "colder", "after": "P4D", "since": "touch", "what": "warn"}]}],
 "transitions": [{"key": "created", "kind": "initial", "to": "fresh", "label": {}}]}
$json$);
create temp table versions as
    select v.id, v.number from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id where b.key = 't_touch';
select sluice.enter('user', '00000000-0000-7000-8000-0000000000a2', null, 'r2', 'test', false);
select pg_temp.at('2026-11-26 08:00Z');
update sluice.visit set blueprint_version_id = (select id from versions where number = 2)
 where record_id = '00000000-0000-7000-8000-000000000001';
select is(pg_temp.due(), '11-27 13:00', 'four days since the last touch, whatever happened in between');
insert into sluice.task (id, subject, lead_id) values (gen_random_uuid(), 'Ask', '00000000-0000-7000-8000-000000000001');
select is(pg_temp.due(), '11-30 08:00', 'a task is a touch');
update sluice.lead set deleted_at = sluice.now() where id = '00000000-0000-7000-8000-000000000001';
select is(pg_temp.due(), null, 'what is gone gets cold no more');

select * from finish();
rollback;
