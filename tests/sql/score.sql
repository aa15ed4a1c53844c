-- Scores: rights, what leaves a lead on the list, keeping what was computed, and the plan of the list of hot leads.
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
select pg_temp.denied('update sluice.lead set score = 100', 'nobody writes a score');
select pg_temp.denied('insert into sluice.lead_score (lead_id) values (gen_random_uuid())', 'nor what it is made of');
select pg_temp.denied('delete from sluice.lead_score_change', 'nor how it changed');
select pg_temp.denied('delete from sluice.rescore', 'nor the list');
select pg_temp.denied('update sluice.score_rule set kind = kind', 'a rule stays of its kind');
select pg_temp.denied('insert into sluice.score_setting default values', 'there is one threshold');
select pg_temp.denied('select sluice.score_hot(null, 1, 1)', 'nobody makes a lead hot');
select set_eq($$select role from sluice.role_permission where permission = 'admin.scoring'$$, array['admin', 'manager'],
    'who writes rules');
select is(count(*), 0::bigint, 'no shipped rule counts before it is enabled') from sluice.score_rule where enabled;

update sluice.score_rule set enabled = false;
delete from sluice.rescore;
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-00000000005c', 'Quiet');
select is(count(*), 0::bigint, 'without rules nothing is left to do') from sluice.rescore;
update sluice.score_rule set enabled = true where key = 'need_described';
select is(count(*), 1::bigint, 'a rule that counts is replayed') from sluice.job where kind = 'rescore' and status = 'queued';
update sluice.score_rule set points = 11 where key = 'need_described';
select is(count(*), 1::bigint, 'by one job') from sluice.job where kind = 'rescore' and status = 'queued';

insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-00000000005d', 'Loud'),
                                               ('00000000-0000-7000-8000-00000000005e', 'Louder');
select set_eq('select lead_id::text || n from sluice.rescore',
    array['00000000-0000-7000-8000-00000000005d1', '00000000-0000-7000-8000-00000000005e1'], 'births are listed');
update sluice.lead set need = 'much' where id = '00000000-0000-7000-8000-00000000005d';
insert into sluice.activity (id, kind, lead_id) values (gen_random_uuid(), 'call', '00000000-0000-7000-8000-00000000005d');
select is(n, 3::bigint, 'changes and activities too') from sluice.rescore where lead_id = '00000000-0000-7000-8000-00000000005d';
select is(array_agg(lead_id order by lead_id), array['00000000-0000-7000-8000-00000000005d', '00000000-0000-7000-8000-00000000005e']::uuid[],
    'the daemon gets them') from sluice.score_next(10);

create temp table before as select * from sluice.lead where id = '00000000-0000-7000-8000-00000000005d';
select is(done, 1, 'what was written meanwhile is not kept') from sluice.score_store(
    '[{"lead": "00000000-0000-7000-8000-00000000005d", "n": "2", "cause": "change", "score": 9, "parts": []},
      {"lead": "00000000-0000-7000-8000-00000000005e", "n": "1", "cause": "change", "score": 7, "parts": [], "due_s": 60}]', false);
select is(score, 0, 'the old number stays') from sluice.lead where id = '00000000-0000-7000-8000-00000000005d';
select is(done, 1, 'the present one is') from sluice.score_store(
    '[{"lead": "00000000-0000-7000-8000-00000000005d", "n": "3", "cause": "change", "score": 11, "parts": []}]', false);
select is(l.score || ' ' || (l.version = b.version and l.updated_at = b.updated_at), '11 true', 'the version stays')
  from sluice.lead l join before b using (id);
select is(count(*), 0::bigint, 'the trail of changes too')
  from sluice.audit where record_id = '00000000-0000-7000-8000-00000000005d' and action = 'update' and changes ? 'score';
select set_eq('select lead_id::text || old_score || new_score || cause from sluice.lead_score_change',
    array['00000000-0000-7000-8000-00000000005d011change', '00000000-0000-7000-8000-00000000005e07change'], 'scores have their own');
select is(count(*), 0::bigint, 'the list is empty') from sluice.rescore;
update sluice.lead_score set due_at = sluice.now() where lead_id = '00000000-0000-7000-8000-00000000005e';
select is(lead_id || cause, '00000000-0000-7000-8000-00000000005etime', 'time brings a lead back') from sluice.score_next(10);
update sluice.lead set converted_at = sluice.now() where id = '00000000-0000-7000-8000-00000000005d';
select is(array_agg(lead_id), '{00000000-0000-7000-8000-00000000005e}', 'a converted lead keeps its score') from sluice.score_next(10);
select is(array_agg(lead_id), '{00000000-0000-7000-8000-00000000005e}', 'and leaves the list') from sluice.rescore;
update sluice.lead set deleted_at = sluice.now() where id = '00000000-0000-7000-8000-00000000005e';
select is((select count(*) from sluice.rescore) + (select count(*) from sluice.lead_score
    where lead_id = '00000000-0000-7000-8000-00000000005e'), 0::bigint, 'a deleted one is forgotten');

set local session_replication_role = replica;
insert into sluice.lead_score (lead_id, score) select md5('s' || n)::uuid, n % 100 from generate_series(1, 20000) n;
insert into sluice.lead (id, blueprint_version_id, state, state_entered_at, last_name)
select md5('s' || n)::uuid, b.blueprint_version_id, 'open', now(), 'S' from generate_series(1, 20000) n, before b;
set local session_replication_role = origin;
analyze sluice.lead, sluice.lead_score;
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
select matches(pg_temp.plan('select r.* from sluice.lead_row r left join sluice.lead_score sc on sc.lead_id = r.id where sc.score >= 99'),
    'lead_score_score', 'hot leads are found by an index');
select unalike(pg_temp.plan('select r.* from sluice.lead_row r left join sluice.lead_score sc on sc.lead_id = r.id
                              where r.id = md5(''s1'')::uuid'), '%lead_score%', 'who does not ask for scores does not pay for them');
select finish();
rollback;
