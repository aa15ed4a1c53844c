-- Clocks that every touch starts again. A touch is whatever people and programs do to a record: changing it, moving
-- it, writing an activity or a task about it. What the clock itself leaves is none, nor what
-- the lead does (engagement.sql).

set role sluice_owner;

-- When a record was last touched in its present stay. Records that come from another version by a migration are not
-- touched by that.
create or replace function sluice.last_touch(v sluice.visit) returns timestamptz
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    worked timestamptz;
begin
    if v.entity = 'lead' then
        worked := greatest((select max(x.updated_at) from sluice.activity x
                             where x.lead_id = v.record_id
                               and (x.created_by is not null or coalesce(x.outcome, '') not in ('opened', 'page_visit'))),
                           (select max(x.updated_at) from sluice.task x
                             where x.lead_id = v.record_id and x.created_by is not null));
    elsif v.entity = 'account' then
        worked := greatest((select max(x.updated_at) from sluice.activity x where x.account_id = v.record_id),
                           (select max(x.updated_at) from sluice.task x
                             where x.account_id = v.record_id and x.created_by is not null));
    else
        worked := greatest((select max(x.updated_at) from sluice.activity x where x.opportunity_id = v.record_id),
                           (select max(x.updated_at) from sluice.task x
                             where x.opportunity_id = v.record_id and x.created_by is not null));
    end if;
    return greatest(v.entered_at, worked,
                    (select max(a.at) from sluice.audit a
                      where a.record_id = v.record_id and a.seq > v.id and a.action in ('create', 'update')
                        and a.actor_kind not in ('timer', 'rule') and not coalesce(a.detail ? 'migration', false)));
end
$$;

-- Starts the clocks of a record again. What they left stays until its clock is due once more.
create or replace function sluice.touched(record_id uuid) returns void
    language plpgsql set enable_seqscan = off as $$
begin
    if not sluice.touches()
       or not exists (select from sluice.timer t
                       where t.record_id = touched.record_id and t.live and coalesce(t.touched_at < sluice.now(), false)) then
        return;  -- as nearly always
    end if;
    update sluice.timer t
       set touched_at = sluice.now(),
           due_at = coalesce(sluice.due_after(s.calendar, sluice.now(), s.after), t.due_at),
           fired_at = null, refused = false, claimed_until = null
      from sluice.visit v
      join sluice.sla s on s.blueprint_version_id = v.blueprint_version_id and s.state = v.state
     where t.record_id = touched.record_id and t.live and t.touched_at < sluice.now()
       and v.record_id = t.record_id and v.id = t.visit_id and t.key = 'sla:' || s.key;
end
$$;

-- The task that a clock left before and nobody did yet.
create or replace function sluice.timer_open_task(t sluice.timer) returns uuid
    language sql stable as $$
    select k.id from sluice.task k
     where k.id = (t.result ->> 'task_id')::uuid and k.status = 'open' and k.deleted_at is null
$$;

grant execute on function sluice.last_touch(sluice.visit) to sluice_app;

reset role;
