-- Nothing lies forgotten: leads and opportunities that are not closed and have nobody, or nothing next. (Accounts wait in
-- the queue of verification.)

set role sluice_owner;

-- Whether something is due to happen: an open task, a timer that has not fired (and was not refused by guards), a question
-- to approvers, an open step of the stay, or a date that is still to come.
create or replace function sluice.has_next_step(v sluice.visit) returns boolean
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return exists (select from sluice.timer t where t.record_id = v.record_id and t.live and t.fired_at is null and not t.refused)
        or exists (select from sluice.approval a where a.record_id = v.record_id and a.status = 'pending')
        or exists (select from sluice.visit_step s
                    where s.record_id = v.record_id and s.visit_id = v.id and s.status = 'open')
        or v.entity = 'lead'
           and (exists (select from sluice.task t
                         where t.lead_id = v.record_id and t.status = 'open' and t.deleted_at is null)
                or exists (select from sluice.lead l
                            where l.id = v.record_id
                              and (l.nurture_until >= sluice.now()::date or l.call_back_at >= sluice.now())))
        or v.entity = 'opportunity'
           and (exists (select from sluice.task t
                         where t.opportunity_id = v.record_id and t.status = 'open' and t.deleted_at is null)
                or exists (select from sluice.opportunity o
                            where o.id = v.record_id
                              and (o.postponed_until >= sluice.now()::date or o.close_date >= sluice.now()::date)));
end
$$;

create or replace view sluice.forgotten_row as
select v.record_id as id, v.id as visit_id, v.entity, v.state, s.category as state_category,
       v.entered_at as state_since, r.name, r.owner_id, w.why,
       coalesce(g.at, e.fired_at) as escalated_at, case when g.at is null then e.task_id else g.task_id end as task_id
  from sluice.visit v
  join sluice.state s on s.blueprint_version_id = v.blueprint_version_id and s.key = v.state
                     and s.category in ('open', 'postponed')
 cross join lateral (
       select l.owner_id, coalesce(l.company, nullif(concat_ws(' ', l.first_name, l.last_name), ''), l.email) as name
         from sluice.lead l where v.entity = 'lead' and l.id = v.record_id and l.deleted_at is null
       union all
       select o.owner_id, o.name
         from sluice.opportunity o where v.entity = 'opportunity' and o.id = v.record_id and o.deleted_at is null) r
 cross join lateral (
       select array_remove(array[case when r.owner_id is null then 'no_owner' end,
                                 case when not sluice.has_next_step(v) then 'no_next_step' end], null) as why) w
  left join sluice.forgotten g on g.record_id = v.record_id and g.visit_id = v.id
  left join lateral (  -- by a threshold of the state
       select t.fired_at, (t.result ->> 'task_id')::uuid as task_id from sluice.timer t
        where t.visit_id = v.id and t.what = 'escalate' and t.fired_at is not null order by t.fired_at limit 1) e on true
 where v.left_at is null and v.entity in ('lead', 'opportunity') and cardinality(w.why) > 0;

-- Looks at @most stays more, and begins again an hour after it has seen all: who has been forgotten for five working
-- days is escalated to a manager, once a stay. A threshold of the state that escalates counts as that once, and a move that
-- is due comes first. Moves that may have become possible by the hour are looked at again. Returns how many were. Any number of daemons take turns.
create or replace function sluice.forgotten_sweep(most integer) returns bigint
    language plpgsql security definer set search_path = sluice, pg_temp set enable_seqscan = off as $$
declare
    s sluice.forgotten_sweep;
    v record;
    seen integer := 0;
    found_now bigint := 0;
    told uuid[] := '{}';
begin
    select * into s from sluice.forgotten_sweep x
     where x.rest_to <= sluice.now() or x.rest_to > sluice.now() + interval '1 hour' for update skip locked;
    if not found then
        return 0;
    end if;
    for v in select x as visit, (select c.category from sluice.state c
                                  where c.blueprint_version_id = x.blueprint_version_id and c.key = x.state) as category
               from sluice.visit x
              where x.left_at is null and x.record_id > s.after order by x.record_id limit most loop
        seen := seen + 1;
        s.after := (v.visit).record_id;
        perform sluice.recheck_by_clock(v.visit);
        if v.category in ('open', 'postponed') and sluice.forgotten_escalate(v.visit) then
            found_now := found_now + 1;
            told := told || s.after;
        end if;
    end loop;
    perform sluice.forgotten_count(told);
    update sluice.forgotten_sweep x
       set after = case when seen < most then '00000000-0000-0000-0000-000000000000' else s.after end,
           rest_to = case when seen < most then sluice.now() + interval '1 hour' else '-infinity' end;
    return found_now + case when seen = most then 1 else 0 end;
end
$$;

-- The one task for the manager about the leads of an import that nobody has; null of no import. Its subject counts them,
-- see forgotten_count(). A task that was done or cancelled is followed by another one. It stays open when one of
-- the leads moves on.
create or replace function sluice.forgotten_import_task(import uuid) returns uuid
    language plpgsql as $$
declare
    task uuid;
    has record;
begin
    for n in 1 .. case when import is null then 0 else 1000 end loop
        task := md5(format('forgotten %s %s', import, n))::uuid;
        select k.status, k.deleted_at into has from sluice.task k where k.id = task;
        if not found then
            insert into sluice.task (id, subject, body, priority, assignee_id)
            select task, format('0 leads of the import %s have no owner', to_json(coalesce(i.name, i.file_name, i.id::text))),
                   format(e'Nobody has taken them for five working days. Import %s; GET /v1/forgotten?entity=lead&why=no_owner lists them.',
                          i.id),
                   'high', sluice.role_holder('manager', null)
              from sluice.import i where i.id = import;
            return case when found then task end;
        elsif has.status = 'open' and has.deleted_at is null then
            return task;
        end if;
    end loop;
    return null;
end
$$;

-- Counts in the subjects of tasks about imports what was escalated just now; a subject that somebody has written anew stays.
create or replace function sluice.forgotten_count(records uuid[]) returns void
    language plpgsql as $$
declare
    r record;
begin
    for r in select f.task_id, count(*) as n from sluice.forgotten f
              where f.record_id = any (records) and f.at = sluice.now() and f.entity = 'lead' and f.task_id is not null
              group by f.task_id order by f.task_id loop
        update sluice.task k
           set subject = regexp_replace(regexp_replace(k.subject, '^\d+ leads?', case when x.n = 1 then '1 lead' else x.n || ' leads' end),
                                        ' (have|has) no owner$', case when x.n = 1 then ' has no owner' else ' have no owner' end)
          from (select y.id, substring(y.subject from '^(\d{1,9}) leads? of the import')::bigint + r.n as n
                  from sluice.task y where y.id = r.task_id and y.lead_id is null) x
         where k.id = x.id and x.n is not null;
    end loop;
end
$$;

-- Escalates a stay that is not closed, if it has been forgotten for five working days and nobody was told yet.
create or replace function sluice.forgotten_escalate(v sluice.visit) returns boolean
    language plpgsql as $$
declare
    f sluice.forgotten_row;
    task uuid;
begin
    if v.entity = 'account' or v.entered_at > sluice.now() - interval '5 days'
       or exists (select from sluice.forgotten g where g.record_id = v.record_id and g.visit_id = v.id)
       or exists (select from sluice.timer t
                   where t.visit_id = v.id
                     and (t.what = 'escalate' and (t.fired_at is not null or t.live and t.due_at <= sluice.now())
                          or t.what = 'move' and t.live and t.fired_at is null and not t.refused
                             and t.due_at <= sluice.now()))
       or sluice.due_after('default', v.entered_at, 'P5D') > sluice.now() then
        return false;
    end if;
    select * into f from sluice.forgotten_row r where r.id = v.record_id;
    if not found or not sluice.lock_record(v.entity, v.record_id, false) then
        return false;
    end if;
    -- whoever had the record may have moved it meanwhile
    if not exists (select from sluice.visit x where x.record_id = v.record_id and x.id = v.id and x.left_at is null) then
        return false;
    end if;
    if v.entity = 'lead' and f.owner_id is null then
        task := sluice.forgotten_import_task((select l.import_id from sluice.lead l where l.id = v.record_id));
    end if;
    task := coalesce(task, sluice.timer_task(jsonb_populate_record(null::sluice.timer, jsonb_build_object(
        'entity', v.entity, 'record_id', v.record_id, 'visit_id', v.id, 'state', v.state, 'params', '{}'::jsonb)),
        'manager', 'high'));
    insert into sluice.forgotten (record_id, visit_id, entity, at, why, task_id)
    values (v.record_id, v.id, v.entity, sluice.now(), f.why, task);
    perform sluice.timer_note(v.entity, v.record_id, v.state, 'timer', null, 'forgotten',
                              jsonb_build_object('what', 'forgotten', 'why', to_jsonb(f.why), 'task_id', task));
    return true;
end
$$;

grant select on sluice.forgotten_row to sluice_app;
grant execute on function sluice.has_next_step(sluice.visit), sluice.forgotten_sweep(integer) to sluice_app;

reset role;
