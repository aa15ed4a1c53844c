-- Working time: weekly hours of a calendar, holidays, a time zone. Hours are what the clock on the wall says: on the
-- day on which it jumps, a shift that spans the jump is an hour shorter or longer.

set role sluice_owner;

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
    sluice.working_add(jsonb, timestamptz, bigint)
    to sluice_app;

reset role;
