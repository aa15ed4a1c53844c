-- A calendar changed: what waits by it is due at another moment. Records are many, so it is a job; each slice takes
-- those whose locks are free, and waits for nobody: whoever holds one may wait for another.

set role sluice_owner;

create or replace function sluice.calendar_changed() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if exists (select from sluice.sla s where s.calendar = new.key)
       or exists (select from sluice.transition t where t.auto_calendar = new.key) then
        insert into sluice.job (id, kind, params) values (gen_random_uuid(), 'retime', jsonb_build_object('calendar', new.key));
    end if;
    return null;
end
$$;

create or replace trigger calendar_changed after update on sluice.calendar
    for each row when ((old.time_zone, old.hours, old.holidays) is distinct from (new.time_zone, new.hours, new.holidays))
    execute function sluice.calendar_changed();

-- The next @batch timers that wait by the calendar. over: there are no more.
create or replace function sluice.retime_slice(
    job uuid, batch integer, out over boolean, out done bigint, out cursor jsonb, out result jsonb
)
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    j sluice.job;
    t record;
    v sluice.visit;
    taken integer := 0;
    blocked boolean := false;
begin
    select * into strict j from sluice.job x where x.id = job;
    done := j.done;
    cursor := coalesce(j.cursor, '{"after": 0}');
    for t in select x.id, x.entity, x.record_id, x.visit_id
               from sluice.timer x join sluice.visit y on y.id = x.visit_id
              where x.id > (cursor ->> 'after')::bigint and x.live and x.fired_at is null
                and (exists (select from sluice.sla s
                              where s.blueprint_version_id = y.blueprint_version_id and s.state = x.state
                                and 'sla:' || s.key = x.key and s.calendar = j.params ->> 'calendar')
                     or exists (select from sluice.transition s
                                 where s.blueprint_version_id = y.blueprint_version_id
                                   and 'auto:' || s.key = x.key and s.auto_calendar = j.params ->> 'calendar'))
              order by x.id
              limit batch loop
        blocked := not sluice.lock_record(t.entity, t.record_id, false);
        if blocked and sluice.lives(t.entity, t.record_id) then
            exit;  -- comes again
        end if;
        select * into v from sluice.visit y where y.id = t.visit_id and y.left_at is null;
        if found and not blocked then
            perform sluice.timers_set(v);
        end if;
        blocked := false;
        taken := taken + 1;
        cursor := jsonb_build_object('after', t.id);
    end loop;
    done := done + taken;
    over := taken < batch and not blocked;
    result := jsonb_build_object('timers', done);
end
$$;

create or replace function sluice.lives(entity text, record_id uuid) returns boolean
    language plpgsql stable as $$
declare
    found_one boolean;
begin
    execute format('select true from sluice.%I r where r.id = $1 and r.deleted_at is null', entity) into found_one using record_id;
    return coalesce(found_one, false);
end
$$;

grant execute on function sluice.retime_slice(uuid, integer) to sluice_app;

reset role;
