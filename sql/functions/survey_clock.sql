-- Clocks of another version over the living records of a process: who would be late at once, who would be soon.

set role sluice_owner;

-- The last moment from which a duration has passed by @moment. Later beginnings are due later, so it is found by
-- halving; null when no beginning within twelve years is early enough.
create or replace function sluice.due_before(calendar text, moment timestamptz, after text) returns timestamptz
    language plpgsql stable as $$
declare
    low timestamptz := moment - interval '12 years';
    high timestamptz := moment;
    middle timestamptz;
begin
    if coalesce(sluice.due_after(calendar, low, after) > moment, true) then
        return null;
    end if;
    while high - low > interval '1 microsecond' loop
        middle := low + (high - low) / 2;
        if coalesce(sluice.due_after(calendar, middle, after) <= moment, false) then
            low := middle;
        else
            high := middle;
        end if;
    end loop;
    return low;
end
$$;

-- @thresholds: [{"state", "key", "after" or "after_s", "since", "calendar", "params"}] of the version that is asked
-- about. A record that @mapping takes to another state enters it now; others go on with their stay. @source: only
-- records of that version. @days: working days of the threshold's calendar that are soon.
create or replace function sluice.survey_thresholds(
    blueprint uuid, source uuid, thresholds jsonb, mapping jsonb, days integer
) returns table (state text, key text, records bigint, breached bigint, already bigint, soon bigint, ids jsonb)
    language plpgsql stable as $$
declare
    entity text := (select b.entity from sluice.blueprint b where b.id = survey_thresholds.blueprint);
    t record;
    horizon timestamptz;
    gone timestamptz;
    near timestamptz;
begin
    for t in select x ->> 'state' as state, x ->> 'key' as key, sluice.duration_of(x) as after, x ->> 'calendar' as calendar,
                    coalesce(x ->> 'since', 'entry') = 'touch' as touch, x #>> '{params,without}' as without
               from jsonb_array_elements(thresholds) x loop
        horizon := sluice.due_after(t.calendar, sluice.now(), format('P%sD', days));
        gone := sluice.due_before(t.calendar, sluice.now(), t.after);
        near := sluice.due_before(t.calendar, horizon, t.after);
        return query execute format($q$
            with clocks as (
                select r.id, case when r.state <> $1 then sluice.now() else %2$s end as began
                  from sluice.%1$I r
                 where r.deleted_at is null and coalesce($5 ->> r.state, r.state) = $1 and %3$s
                   and r.blueprint_version_id in (select v.id from sluice.blueprint_version v
                                                   where v.blueprint_id = $6 and ($7 is null or v.id = $7))
            )
            select $1, $2, count(*), count(*) filter (where c.began <= $3),
                   count(*) filter (where c.began <= $3 and exists (
                       select from sluice.timer m
                        where m.record_id = c.id and m.live and m.key = 'sla:' || $2 and m.due_at <= sluice.now())),
                   count(*) filter (where c.began > coalesce($3, '-infinity') and c.began <= $4),
                   (select coalesce(jsonb_agg(e.id), '[]')
                      from (select d.id from clocks d where d.began <= $3 order by d.id limit 5) e)
              from clocks c$q$,
            entity,
            case when t.touch then 'case when r.state_entered_at > coalesce($4, ''-infinity'') then r.state_entered_at else '
                                   'sluice.last_touch((select v from sluice.visit v where v.record_id = r.id '
                                   'and v.left_at is null)) end'
                 else 'r.state_entered_at' end,
            case when t.without is null then 'true' else format('r.%I is null', t.without) end)
        using t.state, t.key, gone, near, coalesce(mapping, '{}'), blueprint, source;
    end loop;
end
$$;

grant execute on function sluice.due_before(text, timestamptz, text),
    sluice.survey_thresholds(uuid, uuid, jsonb, jsonb, integer),
    sluice.duration_of(jsonb)
    to sluice_app;

reset role;
