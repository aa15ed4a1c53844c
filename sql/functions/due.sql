-- Calendars by their keys, and what is due when. The arithmetic is sluice.working_add(); beside it stand the
-- difference of two moments and durations in days. Without a calendar (null), and with `always`, every second
-- counts.

set role sluice_owner;

-- Whether these are hours of a week: known days, spans that begin before they end, none of a day in another.
create or replace function sluice.hours_are_valid(hours jsonb) returns boolean
    language plpgsql immutable as $$
begin
    if jsonb_typeof(hours) <> 'array' or jsonb_array_length(hours) not between 1 and 70 then
        return false;
    end if;
    return (select bool_and(coalesce(h.day between 1 and 7 and h."from" < h."to", false))
                   and not exists (select from jsonb_to_recordset(hours) as a(day integer, "from" time, "to" time),
                                               jsonb_to_recordset(hours) as b(day integer, "from" time, "to" time)
                                    where a.day = b.day and a."from" < b."from" and b."from" < a."to")
                   and count(*) = count(distinct (h.day, h."from"))
              from jsonb_to_recordset(hours) as h(day integer, "from" time, "to" time));
exception when data_exception then  -- a time that is none
    return false;
end
$$;

create or replace function sluice.is_time_zone(name text) returns boolean
    language plpgsql stable as $$
begin
    perform timestamptz '2000-01-01' at time zone name;
    return name ~ '^[A-Za-z_]+(/[A-Za-z0-9_+-]+)*$';
exception when invalid_parameter_value then
    return false;
end
$$;

create or replace function sluice.calendar_check() returns trigger
    language plpgsql as $$
begin
    if not sluice.is_time_zone(new.time_zone) then
        raise exception using errcode = 'SL422', message = 'validation_failed', column = '/time_zone',
            detail = 'There is no such time zone; they are named as in "Europe/Warsaw".';
    end if;
    if not sluice.hours_are_valid(new.hours) then
        raise exception using errcode = 'SL422', message = 'validation_failed', column = '/hours',
            detail = 'Hours are spans of a day that begin before they end, at most at 24:00, and do not overlap.';
    end if;
    new.holidays := array(select distinct d from unnest(new.holidays) d order by 1);
    return new;
end
$$;

-- Blueprints may name these two wherever they are brought in.
create or replace function sluice.calendar_stays() returns trigger
    language plpgsql as $$
begin
    if old.key in ('default', 'always') then
        raise exception using errcode = 'SL409', message = 'in_use',
            detail = format('The calendar "%s" is there for every blueprint.', old.key);
    end if;
    if exists (select from sluice.sla s where s.calendar = old.key)
       or exists (select from sluice.transition t where t.auto_calendar = old.key)
       or exists (select from sluice.guard g where g.kind = 'working_time' and g.params ->> 'calendar' = old.key) then
        raise exception using errcode = 'SL409', message = 'in_use',
            detail = format('Versions of blueprints name the calendar "%s".', old.key);
    end if;
    return old;
end
$$;

-- A calendar as sluice.working_add() and the daemon read it.
create or replace function sluice.calendar_doc(key text) returns jsonb
    language plpgsql stable as $$
declare
    doc jsonb := (select jsonb_build_object('key', c.key, 'time_zone', c.time_zone, 'hours', c.hours,
                                            'holidays', to_jsonb(c.holidays))
                    from sluice.calendar c where c.key = calendar_doc.key);
begin
    if doc is null then
        raise exception using errcode = 'SL422', message = 'unknown_reference',
            detail = format('There is no calendar "%s".', key);
    end if;
    return doc;
end
$$;

create or replace function sluice.add_working(calendar text, "from" timestamptz, seconds bigint) returns timestamptz
    language plpgsql stable as $$
begin
    if calendar is null or calendar = 'always' then
        return "from" + make_interval(secs => seconds);
    end if;
    return sluice.working_add(sluice.calendar_doc(calendar), "from", seconds);
end
$$;

-- The working time between two moments, in seconds; what is less than one is not counted.
create or replace function sluice.working_between(calendar text, "from" timestamptz, "to" timestamptz) returns bigint
    language plpgsql stable as $$
declare
    doc jsonb;
    zone text;
begin
    if calendar is null or calendar = 'always' then
        return greatest(floor(extract(epoch from "to" - "from")), 0);
    end if;
    doc := sluice.calendar_doc(calendar);
    zone := doc ->> 'time_zone';
    return (select coalesce(floor(sum(greatest(extract(epoch from least((d::date + h."to") at time zone zone, working_between."to")
                                                                  - greatest((d::date + h."from") at time zone zone, working_between."from")), 0))), 0)
              from generate_series((working_between."from" at time zone zone)::date, (working_between."to" at time zone zone)::date, interval '1 day') d
              join jsonb_to_recordset(doc -> 'hours') as h(day integer, "from" time, "to" interval)
                on h.day = extract(isodow from d)
             where not doc -> 'holidays' ? d::date::text);
end
$$;

-- @from and a duration ("P5D", "PT4H"): so many working days later at the same time of day, then the hours. Null
-- if that is further than ten years away.
create or replace function sluice.due_after(calendar text, "from" timestamptz, after text) returns timestamptz
    language plpgsql stable as $$
declare
    doc jsonb;
    zone text;
    days integer := extract(day from after::interval);
    seconds bigint := extract(epoch from after::interval - make_interval(days => days));
    at timestamptz;
    today date;
    clock time;
begin
    if calendar is null or calendar = 'always' then
        return "from" + make_interval(secs => days * 86400 + seconds);
    end if;
    doc := sluice.calendar_doc(calendar);
    if days = 0 then
        return sluice.working_add(doc, "from", seconds);
    end if;
    zone := doc ->> 'time_zone';
    at := sluice.working_add(doc, "from", 0);
    today := (at at time zone zone)::date;
    clock := (at at time zone zone)::time;
    for n in 1 .. 3660 loop
        exit when days = 0 or at is null;
        if not doc -> 'holidays' ? (today + n)::text
           and exists (select from jsonb_array_elements(doc -> 'hours') h
                        where (h ->> 'day')::integer = extract(isodow from today + n)) then
            days := days - 1;
            if days = 0 then
                at := sluice.working_add(doc, (today + n + clock) at time zone zone, 0);
            end if;
        end if;
    end loop;
    if days > 0 then
        return null;
    end if;
    return case when seconds > 0 then sluice.working_add(doc, at, seconds) else at end;
end
$$;

grant execute on function
    sluice.hours_are_valid(jsonb), sluice.is_time_zone(text), sluice.calendar_doc(text),
    sluice.add_working(text, timestamptz, bigint), sluice.working_between(text, timestamptz, timestamptz),
    sluice.due_after(text, timestamptz, text)
    to sluice_app;

reset role;
