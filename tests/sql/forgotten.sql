-- Nothing lies forgotten: who is, who is told, once a stay, and who may look.
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
create function pg_temp.why(id uuid) returns text language sql as $$
    select string_agg(array_to_string(r.why, ','), ';') from sluice.forgotten_row r where r.id = why.id
$$;
create function pg_temp.lead(n integer) returns uuid language sql as $$
    select ('00000000-0000-7000-8000-00000000000' || n)::uuid
$$;
create function pg_temp.move(n integer, transition text) returns text language plpgsql as $$
declare
    l sluice.lead;
begin
    select * into l from sluice.lead where id = pg_temp.lead(n);
    return (select outcome from sluice.transition_apply('lead', l.id, l.version, l.state, transition, null, null, null, null,
                                                        null, sluice.lead_evidence(l.id), null, 'all', null));
end
$$;
-- the look at all, from the beginning
create function pg_temp.look(most integer) returns text language plpgsql as $$
declare
    found_now bigint;
    told text := '';
begin
    update sluice.forgotten_sweep set after = '00000000-0000-0000-0000-000000000000', rest_to = '-infinity';
    loop
        set local role sluice_app;
        perform sluice.enter('timer', null, null, 'r1', 'timers', false);
        found_now := sluice.forgotten_sweep(most);
        reset role;
        told := told || found_now::text;
        exit when (select rest_to > sluice.now() from sluice.forgotten_sweep) or length(told) > 50;
    end loop;
    return told;
end
$$;

select sluice.blueprint_import($json$
{"entity": "lead", "key": "t_forgotten", "number": 1, "label": {"en": "T"},
 "states": [{"key": "fresh", "category": "open", "label": {"en": "Fresh"}},
            {"key": "other", "category": "postponed", "label": {"en": "Other"},
             "sla": [{"key": "cold", "after": "P5D", "calendar": "default", "what": "escalate"}]},
            {"key": "gone", "category": "lost", "label": {"en": "Gone"}}],
 "transitions": [{"key": "created", "kind": "initial", "to": "fresh", "label": {}},
                 {"key": "on", "from": ["fresh"], "to": "other", "label": {}},
                 {"key": "off", "from": ["fresh", "other"], "to": "gone", "label": {}}]}
$json$);
update sluice.blueprint set priority = 300 where key = 't_forgotten';
insert into sluice.app_user (id, email, name) values ('00000000-0000-7000-8000-0000000000a2', 'rep@example.org', 'Rep');
insert into sluice.app_user (id, email, name) values ('00000000-0000-7000-8000-0000000000a3', 'boss@example.org', 'Boss');
insert into sluice.user_role (user_id, role) values ('00000000-0000-7000-8000-0000000000a3', 'manager');

-- 1 has nothing, 2 a task but nobody, 3 somebody but nothing to do, 4 both, 5 a date, 6 is deleted
insert into sluice.lead (id, last_name, owner_id, nurture_until, deleted_at)
select pg_temp.lead(n), 'Lead ' || n,
       case when n >= 3 then '00000000-0000-7000-8000-0000000000a2'::uuid end,
       case when n = 5 then date '2026-12-24' end, case when n = 6 then sluice.now() end
  from generate_series(1, 6) n;
insert into sluice.task (id, subject, lead_id)
select gen_random_uuid(), 'Call', pg_temp.lead(n) from unnest(array[2, 4]) n;

select is(pg_temp.why(pg_temp.lead(1)), 'no_owner,no_next_step', 'nobody and nothing');
select is(pg_temp.why(pg_temp.lead(2)), 'no_owner', 'a task is a next step');
select is(pg_temp.why(pg_temp.lead(3)), 'no_next_step', 'an owner is none');
select is(pg_temp.why(pg_temp.lead(4)), null, 'who has both is not forgotten');
select is(pg_temp.why(pg_temp.lead(5)), null, 'a date to come is a next step');
select is(pg_temp.why(pg_temp.lead(6)), null, 'the deleted are not');
update sluice.task set status = 'done' where lead_id = pg_temp.lead(4);
select is(pg_temp.why(pg_temp.lead(4)), 'no_next_step', 'a task that is done is none');

-- five working days
select pg_temp.at('2026-11-27 07:59:59Z');
select is(pg_temp.look(100), '0', 'not before');
select pg_temp.at('2026-11-27 08:00Z');
select is(pg_temp.look(100), '4', 'four are');
select is((select string_agg(right(record_id::text, 1) || ' ' || array_to_string(why, ','), '; ' order by record_id) from sluice.forgotten),
          '1 no_owner,no_next_step; 2 no_owner; 3 no_next_step; 4 no_next_step', 'with what was missing');
select is((select count(*) from sluice.task k join sluice.forgotten f on f.task_id = k.id
            where k.assignee_id = '00000000-0000-7000-8000-0000000000a3' and k.priority = 'high' and k.lead_id = f.record_id),
          4::bigint, 'each left a task for the manager');
select is((select count(*) from sluice.outbox where type = 'lead.forgotten'), 4::bigint, 'and an event');
select is(pg_temp.why(pg_temp.lead(3)), null, 'the task is a next step');
select pg_temp.at('2027-03-01 08:00Z');
update sluice.task set status = 'done' where subject like '%waits in%';
select is(pg_temp.look(100), '1', 'once a stay: only the date that has passed is new');
select is((select why from sluice.forgotten where record_id = pg_temp.lead(5)), '{no_next_step}', 'the date is no next step any more');
select is(pg_temp.look(2), '1110', 'slices: as many as were seen, until the end');
select is(sluice.forgotten_sweep(100), 0::bigint, 'then an hour of rest');
select is((select rest_to from sluice.forgotten_sweep), timestamptz '2027-03-01 09:00Z', 'by the clock');

-- another stay, with a threshold that escalates at the same moment; and none that is closed
select pg_temp.at('2027-03-01 10:00Z');
select is(pg_temp.move(1, 'on'), 'applied', 'on');
select is(pg_temp.move(2, 'off'), 'applied', 'off');
select pg_temp.at('2027-03-08 10:00Z');
select is(pg_temp.why(pg_temp.lead(1)), 'no_owner', 'its threshold is a next step');
select is(pg_temp.look(100), '0', 'the threshold that is due comes first');
select sluice.timers_fire(100);
select is(pg_temp.look(100), '0', 'and is the one escalation of the stay');
select is((select count(*) from sluice.task k where k.lead_id = pg_temp.lead(1) and k.status = 'open'), 1::bigint, 'one task');
select is((select to_char(escalated_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' ' || (task_id is not null)
             from sluice.forgotten_row where id = pg_temp.lead(1)), '2027-03-08 10:00 true', 'the list shows it');

-- the manager's task ends with the stay
select is((select count(*) from sluice.task k where k.lead_id = pg_temp.lead(1) and k.subject like '%"Other"' and k.status = 'open'), 1::bigint, 'open');
select is(pg_temp.move(1, 'off'), 'applied', 'and out');
select is((select count(*) from sluice.task k where k.lead_id = pg_temp.lead(1) and k.status = 'open'), 0::bigint, 'done');

-- leads of an import that nobody has are one task, whose subject counts them
insert into sluice.import (id, entity, name) values (pg_temp.lead(7), 'lead', 'Fair');
insert into sluice.lead (id, last_name, owner_id)
select ('00000000-0000-7000-8000-0000000001' || lpad(n::text, 2, '0'))::uuid, 'Fair ' || n,
       case when n = 12 then '00000000-0000-7000-8000-0000000000a2'::uuid end from generate_series(1, 12) n;
update sluice.lead set import_id = pg_temp.lead(7) where last_name like 'Fair %';
select pg_temp.at('2027-03-15 10:00Z');
select is(pg_temp.look(5), '1563', 'five at a time');
select results_eq($$select k.subject, k.priority, k.assignee_id, count(*) from sluice.forgotten f join sluice.task k on k.id = f.task_id
                       join sluice.lead l on l.id = f.record_id
                     where l.import_id = pg_temp.lead(7) and l.owner_id is null group by k.id$$,
    $$values ('11 leads of the import "Fair" have no owner', 'high', '00000000-0000-7000-8000-0000000000a3'::uuid, 11::bigint)$$, 'one task for eleven');
select is((select k.subject from sluice.forgotten f join sluice.task k on k.id = f.task_id
            where f.record_id = '00000000-0000-7000-8000-000000000112'), 'Fair 12 waits in "Fresh"', 'who has an owner has a task');
update sluice.visit set left_at = sluice.now() where record_id = '00000000-0000-7000-8000-000000000101' and left_at is null;
select is((select count(*) from sluice.task k where k.subject like '11 leads of the import%' and k.status = 'open'), 1::bigint,
          'it does not end with the stay of one of them');
update sluice.task k set status = 'done' where k.subject like '11 leads of the import%';
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000121', 'Fair late');
update sluice.lead set import_id = pg_temp.lead(7) where last_name = 'Fair late';
select pg_temp.at('2027-03-22 10:00Z');
select is(pg_temp.look(100), '1', 'one more');
select is((select k.subject from sluice.forgotten f join sluice.task k on k.id = f.task_id
            where f.record_id = '00000000-0000-7000-8000-000000000121'), '1 lead of the import "Fair" has no owner', 'after the task was done, another one');

-- rights
select table_privs_are('sluice', 'forgotten', 'sluice_app', array['SELECT'], 'the daemon reads only');
select table_privs_are('sluice', 'forgotten_sweep', 'sluice_app', array[]::text[], 'and cannot set the look back');
select function_privs_are('sluice', 'forgotten_escalate', array['sluice.visit'], 'sluice_app', array[]::text[], 'nor escalate by itself');

select * from finish();
rollback;
