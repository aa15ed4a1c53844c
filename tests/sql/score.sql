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
select set_eq('select lead_id::text from sluice.rescore',
    array['00000000-0000-7000-8000-00000000005d', '00000000-0000-7000-8000-00000000005e'], 'births are listed');
-- what daemons have in hand: read is what they were given, kept what they bring
create temp table hand (who text, lead uuid, mark uuid);
create function pg_temp.reads(who text) returns void language sql
    begin atomic; insert into hand select who, q.lead_id, q.mark from sluice.score_next(10) q; end;
create function pg_temp.keeps(who text, scores jsonb) returns integer language sql
    return sluice.score_store((
        select jsonb_agg(jsonb_build_object('lead', h.lead, 'mark', h.mark, 'cause', 'change', 'score', x.value,
                                            'parts', '[]'::jsonb) || jsonb_strip_nulls(jsonb_build_object('due_s', scores -> 'due_s')))
          from hand h join jsonb_each(scores) x on h.lead::text like '%' || x.key where h.who = keeps.who));
select pg_temp.reads('first');
update sluice.lead set need = 'much' where id = '00000000-0000-7000-8000-00000000005d';
insert into sluice.activity (id, kind, lead_id) values (gen_random_uuid(), 'call', '00000000-0000-7000-8000-00000000005d');
select pg_temp.reads('second');
select set_eq($$select right(h.lead::text, 2), count(distinct h.mark) from hand h group by 1$$, $$values ('5d', 2::bigint), ('5e', 1)$$,
    'changes and activities mark it anew');

create temp table before as select * from sluice.lead where id = '00000000-0000-7000-8000-00000000005d';
select is(pg_temp.keeps('first', '{"5d": 9, "5e": 7, "due_s": 60}'), 1, 'what was written meanwhile is not kept');
select is(score, 0, 'the old number stays') from sluice.lead where id = '00000000-0000-7000-8000-00000000005d';
select is(pg_temp.keeps('second', '{"5d": 11}'), 1, 'the present one is');
select is(l.score || ' ' || (l.version = b.version and l.updated_at = b.updated_at), '11 true', 'the version stays')
  from sluice.lead l join before b using (id);
select is(count(*), 0::bigint, 'the trail of changes too')
  from sluice.audit where record_id = '00000000-0000-7000-8000-00000000005d' and action = 'update' and changes ? 'score';
select set_eq('select lead_id::text || old_score || new_score || cause from sluice.lead_score_change',
    array['00000000-0000-7000-8000-00000000005d011change', '00000000-0000-7000-8000-00000000005e07change'], 'scores have their own');
select is(count(*), 0::bigint, 'the list is empty') from sluice.rescore;
update sluice.lead set need = 'more' where id = '00000000-0000-7000-8000-00000000005d';
select is(pg_temp.keeps('second', '{"5d": 12}'), 0, 'who comes late takes nothing off that was listed since');
select pg_temp.reads('third');
select is(array_agg(right(p.lead_id::text, 2) order by p.lead_id), '{5c,5d,5e}', 'after rules changed every lead is listed')
  from sluice.score_page('00000000-0000-7000-8000-00000000005b', 10) p;
select is(pg_temp.keeps('third', '{"5d": 13}'), 0, 'and who read the rules before is late');
select pg_temp.reads('fourth');
select is(pg_temp.keeps('fourth', '{"5c": 0, "5d": 11, "5e": 7, "due_s": 60}'), 3, 'the same numbers are kept without a change');
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
