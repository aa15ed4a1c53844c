-- Scores of leads: what is to be computed, on which facts, and keeping what came of it.
--
-- The rules' conditions are guards, whose evaluator is the daemon's; so a change leaves the lead on sluice.rescore in
-- the same transaction, and the daemon computes soon after. Whoever stores locks the lead first and waits for nobody:
-- a lead in somebody else's hands stays on the list. The score is no part of the lead's version: it changes with time
-- and with letters that are opened, and whoever has the lead open should not be told that somebody else changed it.

set role sluice_owner;

create or replace function sluice.scores() returns boolean
    language plpgsql stable as $$
begin
    return exists (select from sluice.score_rule r where r.enabled);
end
$$;

create or replace function sluice.rescore_add(lead uuid) returns void
    language plpgsql set plan_cache_mode = force_generic_plan as $$
begin
    insert into sluice.rescore (lead_id, cause) values (lead, 'change')
        on conflict on constraint rescore_pk do update set mark = excluded.mark, cause = 'change';
end
$$;

-- After leads were born, one or thousands.
create or replace function sluice.rescore_born() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if sluice.scores() then
        insert into sluice.rescore (lead_id, cause) select b.id, 'change' from born b order by b.id
            on conflict on constraint rescore_pk do update set mark = excluded.mark;
    end if;
    return null;
end
$$;

-- After a lead changed in anything but its score.
create or replace function sluice.rescore_changed() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
    if new.deleted_at is not null then
        delete from sluice.rescore q where q.lead_id = new.id;
        delete from sluice.lead_score s where s.lead_id = new.id;
    elsif sluice.scores() then
        perform sluice.rescore_add(new.id);
    end if;
    return null;
end
$$;

-- After an activity or a task of a lead was written.
create or replace function sluice.rescore_worked() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if sluice.scores() then
        if new.lead_id is not null then
            perform sluice.rescore_add(new.lead_id);
        end if;
        if tg_op = 'UPDATE' and old.lead_id <> new.lead_id then
            perform sluice.rescore_add(old.lead_id);
        end if;
    end if;
    return null;
end
$$;

create or replace trigger lead_rescore_insert after insert on sluice.lead
    referencing new table as born for each statement execute function sluice.rescore_born();
create or replace trigger lead_rescore_update after update on sluice.lead
    for each row when (old.score = new.score and old.version <> new.version) execute function sluice.rescore_changed();
create or replace trigger activity_rescore_insert after insert on sluice.activity
    for each row when (new.lead_id is not null) execute function sluice.rescore_worked();
create or replace trigger activity_rescore_update after update on sluice.activity
    for each row when (old.lead_id is not null or new.lead_id is not null) execute function sluice.rescore_worked();
create or replace trigger task_rescore_insert after insert on sluice.task
    for each row when (new.lead_id is not null) execute function sluice.rescore_worked();
create or replace trigger task_rescore_update after update on sluice.task
    for each row when (old.lead_id is not null or new.lead_id is not null) execute function sluice.rescore_worked();

create or replace trigger score_rule_touch before update on sluice.score_rule
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger score_rule_audit after insert or update or delete on sluice.score_rule
    for each row execute function sluice.audit_change('score_rule', '');

create or replace function sluice.score_setting_changed() returns trigger
    language plpgsql as $$
begin
    new.version := old.version + 1;
    new.updated_at := sluice.now();
    return new;
end
$$;

create or replace trigger score_setting_touch before update on sluice.score_setting
    for each row when (old.hot is distinct from new.hot) execute function sluice.score_setting_changed();

-- After rules changed: every lead is computed anew, by a job. One that waits already sees these rules too, for nobody
-- takes it before they are there.
create or replace function sluice.score_rules_changed() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    perform from sluice.job j where j.kind = 'rescore' and j.status = 'queued' limit 1 for update skip locked;
    if not found then
        insert into sluice.job (id, kind, total)
        select gen_random_uuid(), 'rescore', count(*) from sluice.lead l where l.deleted_at is null;
    end if;
    return null;
end
$$;

create or replace trigger score_rule_insert_rescores after insert on sluice.score_rule
    for each row when (new.enabled) execute function sluice.score_rules_changed();
create or replace trigger score_rule_update_rescores after update on sluice.score_rule
    for each row when ((old.enabled or new.enabled)
                       and (old.conditions, old.activity, old.outcomes, old.points, old.cap, old.half_life_days,
                            old.expires_days, old.enabled)
                           is distinct from (new.conditions, new.activity, new.outcomes, new.points, new.cap,
                                             new.half_life_days, new.expires_days, new.enabled))
    execute function sluice.score_rules_changed();
create or replace trigger score_rule_delete_rescores after delete on sluice.score_rule
    for each row when (old.enabled) execute function sluice.score_rules_changed();

-- What a rule's conditions look at, and the activities with their ages. The newest 500 count.
create or replace function sluice.score_facts(lead uuid, out facts json, out events json)
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    select json_build_object(
               'now', sluice.rfc3339(sluice.now()), 'actor', sluice.actor_json('timer', null, null, null),
               'state', f.status, 'state_entered_at', f.status_since, 'record', row_to_json(f), 'related', '{}'::json,
               'activities', w.activities, 'tasks', w.tasks, 'visits', '[]'::json)
      into facts
      from sluice.lead_fact f cross join lateral sluice.lead_work(f.id) w
     where f.id = lead;
    select coalesce(json_agg(json_build_object(
               'id', x.id, 'kind', x.kind, 'outcome', x.outcome, 'at', sluice.rfc3339(x.occurred_at),
               'age_s', floor(extract(epoch from sluice.now() - x.occurred_at))::bigint) order by x.occurred_at desc, x.id), '[]')
      into events
      from (select * from sluice.activity y where y.lead_id = lead and y.deleted_at is null
             order by y.occurred_at desc limit 500) x;
end
$$;

drop function if exists sluice.score_next(integer), sluice.score_page(uuid, integer), sluice.score_store(jsonb, boolean);

-- The next leads to be computed, those first whose time has come by itself. A converted lead keeps the score it had.
create function sluice.score_next(batch integer)
returns table (lead_id uuid, mark uuid, cause text, facts json, events json)
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    with due as (
        update sluice.lead_score s set due_at = null
         where s.lead_id in (select x.lead_id from sluice.lead_score x
                              where x.due_at <= sluice.now() order by x.due_at limit batch for update skip locked)
        returning s.lead_id)
    insert into sluice.rescore (lead_id, cause) select d.lead_id, 'time' from due d order by 1
        on conflict on constraint rescore_pk do nothing;
    -- within the batch only: after an import the list is long
    delete from sluice.rescore q
     where q.lead_id in (select y.lead_id
                           from (select * from sluice.rescore x order by x.queued_at, x.lead_id limit batch for update skip locked) y
                           join sluice.lead l on l.id = y.lead_id
                          where l.converted_at is not null or l.deleted_at is not null);
    return query
    select q.lead_id, q.mark, q.cause, f.facts, f.events
      from (select * from sluice.rescore x order by x.queued_at, x.lead_id limit batch) q
      join sluice.lead l on l.id = q.lead_id and l.converted_at is null and l.deleted_at is null
     cross join lateral sluice.score_facts(q.lead_id) f;
end
$$;

-- A page of all leads, for a job. They go on the list first: what is on it already may be in another daemon's hands,
-- with the rules as they were, and what cannot be kept now is found there later.
create function sluice.score_page(after uuid, batch integer)
returns table (lead_id uuid, mark uuid, cause text, facts json, events json)
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    page constant uuid[] := array(
        select l.id from sluice.lead l
         where (after is null or l.id > after) and l.deleted_at is null and l.converted_at is null
         order by l.id limit batch);
begin
    insert into sluice.rescore (lead_id, cause) select p.id, 'rules' from unnest(page) p (id)
        on conflict on constraint rescore_pk do update set mark = excluded.mark, cause = 'rules';
    return query
    select q.lead_id, q.mark, q.cause, f.facts, f.events
      from unnest(page) with ordinality p (id, n)
      join sluice.rescore q on q.lead_id = p.id
     cross join lateral sluice.score_facts(p.id) f
     order by p.n;
end
$$;

-- A lead became hot: its history and an event say so, once.
create or replace function sluice.score_hot(lead uuid, score integer, hot integer) returns void
    language plpgsql as $$
begin
    with entry as (
        insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation, changes, detail)
        values (sluice.next_seq(), sluice.now(), 'update', 'lead', lead, sluice.actor_kind(), sluice.actor_id(),
                nullif(current_setting('sluice.request_id', true), ''), nullif(current_setting('sluice.operation', true), ''),
                jsonb_build_object('hot_at', jsonb_build_object('old', null, 'new', sluice.rfc3339(sluice.now()))),
                jsonb_build_object('code', 'hot', 'score', score, 'threshold', hot))
        returning seq)
    insert into sluice.outbox (id, audit_seq, type, entity, record_id)
    select sluice.next_seq(), e.seq, 'lead.hot', 'lead', lead from entry e;
    perform sluice.assign_hot(lead);
end
$$;

-- Keeps what was computed: [{"lead", "mark", "cause", "score", "parts", "due_s"}]. What was written meanwhile, or is in
-- somebody else's hands, stays on the list. Returns how many it was.
create or replace function sluice.score_store(results jsonb) returns integer
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    item jsonb;
    lead uuid;
    done integer := 0;
    was integer;
    k sluice.lead_score;
    threshold constant integer := (select s.hot from sluice.score_setting s);
begin
    for item in select x from jsonb_array_elements(results) x order by x ->> 'lead' loop
        lead := (item ->> 'lead')::uuid;
        select l.score into was from sluice.lead l where l.id = lead and l.deleted_at is null for no key update skip locked;
        continue when not found;
        perform from sluice.rescore q
          where q.lead_id = lead and q.mark = (item ->> 'mark')::uuid for update skip locked;
        continue when not found;
        delete from sluice.rescore q where q.lead_id = lead;
        insert into sluice.lead_score as s (lead_id, score, parts, due_at)
        values (lead, (item ->> 'score')::integer, item -> 'parts',
                sluice.now() + make_interval(secs => (item ->> 'due_s')::bigint))
            on conflict on constraint lead_score_pk do update
           set score = excluded.score, parts = excluded.parts, computed_at = sluice.now(), due_at = excluded.due_at
        returning * into k;
        done := done + 1;
        if was <> k.score then
            update sluice.lead l set score = k.score where l.id = lead;
            insert into sluice.lead_score_change (lead_id, old_score, new_score, cause)
            values (lead, was, k.score, item ->> 'cause');
        end if;
        if k.hot_at is null and k.score >= threshold then
            update sluice.lead_score s set hot_at = sluice.now() where s.lead_id = lead;
            perform sluice.score_hot(lead, k.score, threshold);
        end if;
    end loop;
    return done;
end
$$;

drop view if exists sluice.score_rule_row;

create view sluice.score_rule_row as
select r.id, r.version, r.key, r.label, r.kind, r.conditions, r.activity, r.outcomes, r.points, r.cap, r.half_life_days,
       r.expires_days, r.position, r.enabled, r.created_at, r.updated_at, r.created_by
  from sluice.score_rule r;

grant select on sluice.score_rule_row to sluice_app;
grant execute on function
    sluice.score_next(integer), sluice.score_page(uuid, integer), sluice.score_facts(uuid),
    sluice.score_store(jsonb)
    to sluice_app;

reset role;
