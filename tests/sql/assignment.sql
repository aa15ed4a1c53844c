-- Assignment: rights, what puts a lead on the list, and the plan of a queue.
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
select pg_temp.denied('insert into sluice.lead_assignment (lead_id, moment, why) values (gen_random_uuid(), ''birth'', ''{}'')', 'nobody writes a decision');
select pg_temp.denied('delete from sluice.lead_assignment', 'nor takes one away');
select pg_temp.denied('update sluice.assignment_share set turn = 0', 'nor whose turn it is');
select pg_temp.denied('delete from sluice.lead_queue', 'nor a queue');
select pg_temp.denied('delete from sluice.unassigned', 'nor the list');
select pg_temp.denied('update sluice.assignment_rule set key = key', 'a rule keeps its key');
select pg_temp.denied('select sluice.assign_one(null, null, null, null)', 'only the list and a request assign');
select set_eq($$select role from sluice.role_permission where permission = 'admin.assignment'$$, array['admin', 'manager'], 'who writes rules');
select is(count(*), 0::bigint, 'no rule is shipped') from sluice.assignment_rule;

insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-0000000000b0', 'Quiet');
select is(count(*), 0::bigint, 'without rules nothing is listed') from sluice.unassigned;
insert into sluice.app_user (id, email, name) values ('00000000-0000-7000-8000-0000000000a1', 'a1@turn.test', 'One'),
                                                     ('00000000-0000-7000-8000-0000000000a2', 'a2@turn.test', 'Two');
insert into sluice.team (id, name) values ('00000000-0000-7000-8000-0000000000e1', 'Turns');
insert into sluice.assignment_rule (id, key, label, strategy, users, team_id, capacity)
values ('00000000-0000-7000-8000-0000000000f1', 'turns', '{}', 'round_robin',
        '{00000000-0000-7000-8000-0000000000a1,00000000-0000-7000-8000-0000000000a2}', '00000000-0000-7000-8000-0000000000e1', 1);
select throws_ok($$update sluice.assignment_rule set users = '{00000000-0000-7000-8000-0000000000ff}'$$, 'SL422', 'unknown_reference', 'users are there');
insert into sluice.lead (id, last_name, owner_id) values
    ('00000000-0000-7000-8000-0000000000b1', 'B', null), ('00000000-0000-7000-8000-0000000000b2', 'B', null),
    ('00000000-0000-7000-8000-0000000000b3', 'B', null), ('00000000-0000-7000-8000-0000000000b4', 'B', '00000000-0000-7000-8000-0000000000a1');
select is(array_agg(right(lead_id::text, 2) order by lead_id), '{b1,b2,b3}', 'births without an owner are listed') from sluice.assign_next(10);
create temp table seen as select * from sluice.unassigned;
select is(sluice.assign_store(jsonb_agg(jsonb_build_object('lead', q.lead_id, 'mark', q.mark, 'version', 1, 'moment', q.moment,
    'rules', '[{"id": "00000000-0000-7000-8000-0000000000f1"}]'::jsonb) order by q.lead_id)), 3, 'all are decided') from sluice.unassigned q;
select is(array_agg(right(owner_id::text, 2) order by id), '{a1,a2,NULL}', 'in turn, up to the capacity')
  from sluice.lead where id between '00000000-0000-7000-8000-0000000000b1' and '00000000-0000-7000-8000-0000000000b3';
select is(array_agg(right(lead_id::text, 2)), '{b3}', 'the rest waits') from sluice.lead_queue;
select is(count(*), 1::bigint, 'and an event says so') from sluice.outbox
 where type = 'lead.unassigned' and record_id = '00000000-0000-7000-8000-0000000000b3';
insert into sluice.unassigned (lead_id, moment) select lead_id, 'hot' from seen;
select is(sluice.assign_store(jsonb_agg(jsonb_build_object('lead', q.lead_id, 'mark', q.mark, 'version', l.version, 'moment', q.moment,
    'rules', '[]'::jsonb))), 0, 'nobody decides twice, nor takes off what was listed since') from seen q join sluice.lead l on l.id = q.lead_id;
delete from sluice.unassigned;

set local session_replication_role = replica;
insert into sluice.lead (id, blueprint_version_id, state, state_entered_at, last_name)
select md5('q' || n)::uuid, l.blueprint_version_id, 'open', now(), 'Q'
  from generate_series(1, 20000) n, sluice.lead l where l.id = '00000000-0000-7000-8000-0000000000b1';
set local session_replication_role = origin;
insert into sluice.lead_queue (lead_id, team_id, since)
select md5('q' || n)::uuid, md5((n % 50)::text)::uuid, now() - n * interval '1 s' from generate_series(1, 20000) n;
analyze sluice.lead, sluice.lead_queue;
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
select matches(pg_temp.plan('select q.lead_id from sluice.lead_queue q join sluice.lead l on l.id = q.lead_id and l.deleted_at is null
    and l.owner_id is null where q.team_id = md5(''1'')::uuid order by q.since, q.lead_id limit 1 for update of q, l skip locked'),
    'lead_queue_team', 'the next of a queue is found by an index');
select finish();
rollback;
