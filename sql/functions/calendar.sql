-- Working time in the database: the same rules as lib/quality/calendar.h, for what is due by a trigger or an action.

set role sluice_owner;

create or replace function sluice.zone_offset(time_zone text, at timestamptz) returns integer
    language sql stable parallel safe
    return extract(epoch from (at at time zone time_zone) - (at at time zone 'UTC'))::integer;

-- The offsets of a zone as calendars want them: [{"at": seconds since 1970, "offset": seconds}], the first one for
-- all time before. Changes are found by looking at every week and then halving.
create or replace function sluice.zone_offsets(time_zone text, since timestamptz, until timestamptz) returns jsonb
    language plpgsql stable parallel safe as $$
declare
    step constant bigint := 7 * 86400;
    found jsonb;
    low bigint := floor(extract(epoch from since));
    high bigint;
    middle bigint;
    was integer := sluice.zone_offset(time_zone, since);
    becomes integer;
    is_now integer;
begin
    found := jsonb_build_array(jsonb_build_object('at', low, 'offset', was));
    while low < extract(epoch from until) loop
        becomes := sluice.zone_offset(time_zone, to_timestamp(low + step));
        if becomes = was then
            low := low + step;
            continue;
        end if;
        high := low + step;
        while high - low > 1 loop
            middle := (low + high) / 2;
            is_now := sluice.zone_offset(time_zone, to_timestamp(middle));
            if is_now = was then
                low := middle;
            else
                high := middle;
            end if;
        end loop;
        was := sluice.zone_offset(time_zone, to_timestamp(high));
        found := found || jsonb_build_object('at', high, 'offset', was);
        low := high;
    end loop;
    return found;
end
$$;

-- The moment at which @seconds of a calendar's working time have passed since @at; null when it has none within
-- forty years. @calendar: {"time_zone", "hours": [{"day", "from", "to"}], "holidays"}.
create or replace function sluice.working_add(calendar jsonb, at timestamptz, seconds bigint) returns timestamptz
    language plpgsql stable parallel safe as $$
declare
    zone text := coalesce(calendar ->> 'time_zone', 'UTC');
    today date := (at at time zone zone)::date;
    left_over interval := make_interval(secs => greatest(seconds, 0));
    begins timestamptz;
    s record;
begin
    if coalesce(jsonb_array_length(calendar -> 'hours'), 0) = 0 then
        return null;
    end if;
    for n in 0 .. 40 * 366 loop
        if not coalesce(calendar -> 'holidays' ? (today + n)::text, false) then
            for s in select (today + n + (h ->> 'from')::time) at time zone zone as opens,
                            (today + n + (h ->> 'to')::interval) at time zone zone as shuts
                       from jsonb_array_elements(calendar -> 'hours') h
                      where (h ->> 'day')::integer = extract(isodow from today + n)
                      order by h ->> 'from' loop
                begins := greatest(s.opens, at);
                if begins >= s.shuts then
                    continue;
                end if;
                if left_over < s.shuts - begins or left_over > interval '0' and left_over = s.shuts - begins then
                    return begins + left_over;
                end if;
                left_over := left_over - (s.shuts - begins);
            end loop;
        end if;
    end loop;
    return null;
end
$$;

grant execute on function
    sluice.zone_offset(text, timestamptz), sluice.zone_offsets(text, timestamptz, timestamptz),
    sluice.working_add(jsonb, timestamptz, bigint)
    to sluice_app;

reset role;
