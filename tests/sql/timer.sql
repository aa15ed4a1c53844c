-- Timers: set on entry, gone on leaving, fired once; working time, pauses, dates; moves that nobody makes.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

-- A clock of this test's own.
create temp table clock (at timestamptz);
insert into clock values ('2026-11-20 08:00Z');  -- a Friday, 9:00 in Warsaw
grant select on clock to sluice_app, sluice_owner;
create or replace function sluice.now() returns timestamptz language plpgsql stable as $$
begin
    return (select c.at from pg_temp.clock c);
end
$$;
create function pg_temp.at(t timestamptz) returns void language sql as 'update clock set at = t';

-- calendars
select is(sluice.due_after('default', '2026-11-20 08:00Z', 'P5D'), '2026-11-27 08:00Z', 'five working days are a week');
select is(sluice.due_after('default', '2026-11-21 12:00Z', 'P1D'), '2026-11-24 08:00Z', 'what begins on Saturday begins on Monday');
select is(sluice.due_after('default', '2026-11-20 15:00Z', 'PT2H'), '2026-11-23 09:00Z', 'hours go on after the weekend');
select is(sluice.due_after('default', '2026-11-20 15:00Z', 'P1DT2H'), '2026-11-24 09:00Z', 'days, then hours');
select is(sluice.due_after(null, '2026-11-20 15:00Z', 'P1DT2H'), '2026-11-21 17:00Z', 'no calendar: every second counts');
select is(sluice.due_after('always', '2026-11-20 15:00Z', 'P5D'), '2026-11-25 15:00Z', 'and so with always');
select is(sluice.working_between('default', '2026-11-20 08:00Z', '2026-11-27 08:00Z'), 5 * 8 * 3600::bigint, 'a week of work');
select is(sluice.working_between('default', '2026-11-21 08:00Z', '2026-11-22 18:00Z'), 0::bigint, 'none on a weekend');
select is(sluice.add_working('default', '2026-11-20 08:00Z', 40 * 3600), '2026-11-26 16:00Z', 'the end of a day, not the next one');
insert into sluice.calendar (id, key, name, time_zone, hours, holidays)
values (gen_random_uuid(), 'holy', 'x', 'Europe/Warsaw', (select hours from sluice.calendar where key = 'default'), '{2026-11-24}');
select is(sluice.due_after('holy', '2026-11-20 08:00Z', 'P5D'), '2026-11-30 08:00Z', 'a holiday is no working day');
select is(sluice.working_between('holy', '2026-11-20 08:00Z', '2026-11-27 08:00Z'), 4 * 8 * 3600::bigint, 'nor its hours');
select throws_ok($$insert into sluice.calendar (id, key, name, time_zone, hours) values (gen_random_uuid(), 'a', 'a', 'Mars', '[]')$$,
                 'SL422', 'validation_failed', 'an unknown time zone is refused');
select is(sluice.hours_are_valid(h), false, h::text) from jsonb_array_elements(
    '[[], {}, [{"day": 8, "from": "08:00", "to": "09:00"}], [{"day": 1, "from": "09:00", "to": "09:00"}],
      [{"day": 1, "from": "25:00", "to": "26:00"}], [{"day": 1, "from": "08:00"}],
      [{"day": 1, "from": "08:00", "to": "10:00"}, {"day": 1, "from": "09:00", "to": "11:00"}],
      [{"day": 1, "from": "08:00", "to": "10:00"}, {"day": 1, "from": "08:00", "to": "11:00"}]]') h;
select ok(sluice.hours_are_valid('[{"day": 1, "from": "08:00", "to": "10:00"}, {"day": 1, "from": "10:00", "to": "24:00"}]'), 'spans may touch');
select throws_ok($$delete from sluice.calendar where key = 'default'$$, 'SL409', 'in_use', 'the default stays');

-- a process with everything
select sluice.blueprint_import($json$
{"entity": "lead", "key": "t_time", "number": 1, "label": {"en": "T"},
 "states": [
   {"key": "fresh", "category": "open", "label": {"en": "Fresh"},
    "sla": [{"key": "first", "after": "PT8H", "calendar": "default", "what": "warn"},
            {"key": "second", "after": "P5D", "calendar": "default", "what": "escalate", "params": {"role": "manager"}},
            {"key": "third", "after_s": 2592000, "what": "task"}]},
   {"key": "paused", "category": "open", "pausing": true, "label": {"en": "Paused"}},
   {"key": "asleep", "category": "postponed", "label": {"en": "Asleep"}},
   {"key": "gone", "category": "lost", "label": {"en": "Gone"},
    "sla": [{"key": "lying", "after": "P1D", "what": "warn", "params": {"without": "nurture_until"}}]}],
 "transitions": [
   {"key": "created", "kind": "initial", "to": "fresh", "label": {}},
   {"key": "pause", "from": ["fresh"], "to": "paused", "label": {}},
   {"key": "resume", "from": ["paused"], "to": "fresh", "label": {}},
   {"key": "sleep", "from": ["fresh"], "to": "asleep", "label": {}},
   {"key": "wake", "from": ["asleep"], "to": "fresh", "label": {}, "auto": {"at_field": "nurture_until", "calendar": "default"}},
   {"key": "lose", "from": ["fresh"], "to": "gone", "label": {}},
   {"key": "revive", "from": ["gone"], "to": "fresh", "label": {}, "auto": {"when": true},
    "guards": [{"key": "filled", "kind": "field_present", "params": {"field": "industry"}}]}]}
$json$);
update sluice.blueprint set priority = 200 where key = 't_time';
insert into sluice.app_user (id, email, name) values ('00000000-0000-7000-8000-0000000000a1', 'boss@example.org', 'Boss'),
                                                     ('00000000-0000-7000-8000-0000000000a2', 'rep@example.org', 'Rep');
insert into sluice.user_role values ('00000000-0000-7000-8000-0000000000a1', 'manager');

create function pg_temp.move(n integer, transition text, fields jsonb default null) returns text language plpgsql as $$
declare
    l sluice.lead;
begin
    select * into l from sluice.lead where id = ('00000000-0000-7000-8000-00000000000' || n)::uuid;
    return (select outcome from sluice.transition_apply('lead', l.id, l.version, l.state, transition, fields, null, null, null,
                                                        null, sluice.lead_evidence(l.id), null, 'all', null));
end
$$;
create function pg_temp.timers(n integer) returns text language sql as $$
    select coalesce(string_agg(key || ' ' || to_char(due_at at time zone 'UTC', 'MM-DD HH24:MI')
                               || case when fired_at is not null then ' fired' else '' end, ', ' order by due_at, key), '')
      from sluice.timer where live and record_id = ('00000000-0000-7000-8000-00000000000' || n)::uuid
$$;

insert into sluice.lead (id, last_name, company, owner_id)
values ('00000000-0000-7000-8000-000000000001', 'Nowak', 'Acme', '00000000-0000-7000-8000-0000000000a2');
select is(pg_temp.timers(1), 'sla:first 11-20 16:00, sla:second 11-27 08:00, sla:third 12-20 08:00', 'birth sets timers');
select is((select (d)[1] || ' ' || ((d)[2] is not null) from (select r."due_at|breached?|stale?|stale_since" as d, r.id from sluice.lead_row r) x where id = '00000000-0000-7000-8000-000000000001'),
          '2026-11-20 16:00:00+00 false', 'the record shows the next one');
select is(sluice.timers_fire(100), 0::bigint, 'nothing is due');

-- pauses
select pg_temp.at('2026-11-20 12:00Z');
select is(pg_temp.move(1, 'pause'), 'applied', 'pausing');
select is(pg_temp.timers(1), '', 'a state that is left has none');
select pg_temp.at('2026-11-24 08:00Z');
select is(pg_temp.move(1, 'resume'), 'applied', 'going on');
select is(pg_temp.timers(1), 'sla:first 11-24 12:00, sla:second 11-30 12:00, sla:third 12-24 04:00',
          'what was used before the pause counts, the pause does not');

-- firing
select pg_temp.at('2026-11-24 12:00Z');
set local role sluice_app;
select sluice.enter('timer', null, null, 'r1', 'timers', false);
select is(sluice.timers_fire(100), 1::bigint, 'the first is due');
select is(sluice.timers_fire(100), 0::bigint, 'and fires once');
reset role;
select is((select count(*) from sluice.outbox where type = 'lead.sla_warned'), 1::bigint, 'an event');
select is((select actor_kind || ' ' || (detail ->> 'timer') from sluice.audit where action = 'timer'), 'timer first', 'an entry');
select is((select to_char((d)[1], 'MM-DD') || ' ' || ((d)[2] is not null) from (select r."due_at|breached?|stale?|stale_since" as d, r.id from sluice.lead_row r) x where id = '00000000-0000-7000-8000-000000000001'),
          '11-30 true', 'breached, and the next one');
select pg_temp.move(1, 'pause');
select pg_temp.at('2026-11-25 12:00Z');
select pg_temp.move(1, 'resume');
select is(pg_temp.timers(1), 'sla:first 11-24 12:00 fired, sla:second 12-01 12:00, sla:third 12-25 04:00',
          'what fired before the pause does not fire again');
select pg_temp.at('2026-12-01 12:00Z');
select sluice.timers_fire(100);
select is((select assignee_id || ' ' || status || ' ' || priority from sluice.task where lead_id = '00000000-0000-7000-8000-000000000001'),
          '00000000-0000-7000-8000-0000000000a1 open high', 'escalation leaves a task for a manager');
select pg_temp.at('2026-12-26 12:00Z');
select sluice.timers_fire(100);
select is((select count(*) || ' ' || count(*) filter (where assignee_id = '00000000-0000-7000-8000-0000000000a2' and body like '%Nowak%')
             from sluice.task where lead_id = '00000000-0000-7000-8000-000000000001'), '2 1', 'and a task for the owner');
select is(pg_temp.move(1, 'lose'), 'applied', 'moving on');
select is((select count(*) from sluice.task where lead_id = '00000000-0000-7000-8000-000000000001' and status = 'done'), 2::bigint,
          'closes the tasks of the state');
select is((select count(*) from sluice.timer where record_id = '00000000-0000-7000-8000-000000000001' and not live and result ? 'task_id'),
          2::bigint, 'breaches stay');

-- unless a field
select is(pg_temp.timers(1), 'sla:lying 12-27 12:00', 'a threshold of what has no date');
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000002', 'Two');
select pg_temp.move(2, 'lose', '{"nurture_until": "2027-01-01"}');
select is(pg_temp.timers(2), '', 'and none for what has one');

-- dates
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000003', 'Three');
select pg_temp.move(3, 'sleep', '{"nurture_until": "2027-01-01"}');
select is(pg_temp.timers(3), 'auto:wake 01-01 08:00', 'a date is the first working moment of the day');
update sluice.lead set nurture_until = '2027-01-02' where id = '00000000-0000-7000-8000-000000000003';
select is(pg_temp.timers(3), 'auto:wake 01-04 08:00', 'another date, another moment');
update sluice.lead set nurture_until = null where id = '00000000-0000-7000-8000-000000000003';
select is(pg_temp.timers(3), '', 'no date, no timer');
update sluice.lead set nurture_until = '2027-01-02' where id = '00000000-0000-7000-8000-000000000003';
delete from sluice.recheck;
update sluice.lead set city = 'x' where id = '00000000-0000-7000-8000-000000000001';
select is((select kind from sluice.automatic_claim()), 'recheck', 'a record that changed is looked at');
select is((select kind from sluice.automatic_claim()), null, 'by one');
delete from sluice.recheck;
select pg_temp.at('2027-01-04 08:00Z');
create temp table claimed as select * from sluice.automatic_claim();
grant select on claimed to sluice_app;
select is((select kind || ' ' || transitions::text from claimed), 'timer {wake}', 'the day has come');
select is((select count(*) from sluice.automatic_claim() c where c.kind = 'timer'), 0::bigint, 'for one of all who look');
create function pg_temp.apply(transition text) returns text language sql as $$
    select a.outcome from claimed c, sluice.lead l,
           sluice.automatic_apply(c.kind, c.id, c.claim, c.entity, c.record_id, l.version, l.state, transition, null,
                                  sluice.lead_evidence(l.id), null, null) a
     where l.id = c.record_id
$$;
select is(pg_temp.apply('wake'), 'applied', 'it moves');
select is(pg_temp.apply('wake'), 'gone', 'once');
select is((select state from sluice.lead where id = '00000000-0000-7000-8000-000000000003'), 'fresh', 'to where it is seen');

-- conditions
delete from sluice.recheck;
select is(sluice.reacts(l.blueprint_version_id, s, l.id), s = 'gone', 'moves wait for changes of who is ' || s)
  from sluice.lead l, unnest('{fresh,gone,asleep}'::text[]) s where l.id = '00000000-0000-7000-8000-000000000001';
update sluice.lead set industry = 'x' where id = '00000000-0000-7000-8000-000000000001';
truncate claimed;
insert into claimed select * from sluice.automatic_claim();
select is((select kind || ' ' || transitions::text from claimed), 'recheck {revive}', 'a change calls for a look');
select is(pg_temp.apply('revive'), 'applied', 'it moves by itself');
select is((select count(*) from sluice.recheck), 0::bigint, 'where nothing waits for its guards, nobody looks');
select set_config('sluice.hops', '0', true), set_config('sluice.path', '{revive}', true);
select pg_temp.move(1, 'lose');
select set_config('sluice.hops', '', true), set_config('sluice.path', '', true);
select is((select max(hops) || ' ' || max(path::text) from sluice.recheck), '1 {revive}', 'a move that nobody made counts');
update sluice.recheck set hops = 10, path = '{revive,lose,revive}';
select is((select kind from sluice.automatic_claim()), null, 'ten hops are a loop');
select is((select detail ->> 'code' from sluice.audit where action = 'denied' and record_id = '00000000-0000-7000-8000-000000000001'
            order by seq desc limit 1), 'automatic_loop', 'which the history tells');
select is((select count(*) from sluice.recheck), 0::bigint, 'and which ends there');

-- refused, and tried again
select pg_temp.move(3, 'sleep', '{"nurture_until": "2027-01-02"}');
truncate claimed;
insert into claimed select * from sluice.automatic_claim() c where c.kind = 'timer';
set local role sluice_app;
select sluice.automatic_refused(c.kind, c.id, c.claim, c.entity, c.record_id, 'asleep', 'wake', 'guard_failed', '[]') from claimed c;
reset role;
select is((select refused || ' ' || (result ->> 'code') from sluice.timer where key = 'auto:wake' and live), 'true guard_failed', 'refused');
select is((select record_id from sluice.recheck), '00000000-0000-7000-8000-000000000003', 'a change since the decision is not missed');
delete from sluice.recheck;
update sluice.lead set industry = 'y' where id = '00000000-0000-7000-8000-000000000003';
truncate claimed;
insert into claimed select * from sluice.automatic_claim();
select is((select kind || ' ' || transitions::text from claimed), 'recheck {wake}', 'a change is another chance');
select is(pg_temp.apply('wake'), 'applied', 'which may succeed');

-- left late, before a daemon came to it
select pg_temp.at('2027-02-01 08:00Z');
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000006', 'Six');
select pg_temp.at('2027-02-01 16:00Z');
select is(pg_temp.move(6, 'lose'), 'applied', 'the move comes first');
select results_eq($$select key, live, fired_at is null, due_at from sluice.timer
                     where record_id = '00000000-0000-7000-8000-000000000006' and state = 'fresh'$$,
                  $$values ('sla:first'::text, false, true, timestamptz '2027-02-01 16:00Z')$$, 'it was too late all the same');
select pg_temp.at('2027-01-04 08:00Z');

-- another version
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000005', 'Five');
create temp table were as select pg_temp.timers(5) as it;
select sluice.blueprint_import($json$
{"entity": "lead", "key": "t_time", "number": 2, "label": {"en": "T"},
 "states": [{"key": "fresh", "category": "open", "label": {}, "sla": [{"key": "first", "after": "PT4H", "what": "warn"}]}],
 "transitions": [{"key": "created", "kind": "initial", "to": "fresh", "label": {}}]}
$json$);
update sluice.visit v set blueprint_version_id = n.id
  from sluice.blueprint_version n join sluice.blueprint b on b.id = n.blueprint_id
 where b.key = 't_time' and n.number = 2 and v.record_id = '00000000-0000-7000-8000-000000000005';
select is(pg_temp.timers(5), 'sla:first 01-04 12:00', 'another version has its own thresholds');
update sluice.visit v set blueprint_version_id = n.id
  from sluice.blueprint_version n join sluice.blueprint b on b.id = n.blueprint_id
 where b.key = 't_time' and n.number = 1 and v.record_id = '00000000-0000-7000-8000-000000000005';
select is(pg_temp.timers(5), (select it from were), 'and back');

-- deleted records
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000004', 'Four');
update sluice.lead set deleted_at = sluice.now() where id = '00000000-0000-7000-8000-000000000004';
select is(pg_temp.timers(4), '', 'a deleted record has no timers');

-- what is never published
select throws_ok($$select sluice.blueprint_import('{"entity": "lead", "key": "t_wrong", "number": 1, "label": {},
    "states": [{"key": "a", "category": "open", "label": {}, "pausing": true, "sla": [{"key": "x", "after": "P1D", "what": "warn"}]}],
    "transitions": [{"key": "created", "kind": "initial", "to": "a", "label": {}}]}')$$, 'SL409', 'conflict',
    'a pausing state has no thresholds');
select throws_ok($$select sluice.blueprint_import('{"entity": "lead", "key": "t_wrong", "number": 1, "label": {},
    "states": [{"key": "a", "category": "open", "label": {}, "sla": [{"key": "x", "after": "P1M", "what": "warn"}]}],
    "transitions": [{"key": "created", "kind": "initial", "to": "a", "label": {}}]}')$$, '23514', null,
    'months are no duration');
select * from finish();
rollback;
