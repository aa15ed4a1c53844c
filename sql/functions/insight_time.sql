-- How long records stay where they are, by the clock on the wall and in working time.

set role sluice_owner;

-- The spans of a calendar's working time between two moments: when each begins, how much working time lies before
-- it, and how long it is, in seconds since 1970. Differences of positions on it are working time.
create or replace function sluice.working_spans(
    calendar text, since timestamptz, until timestamptz, out opens double precision[], out before double precision[],
    out lasts double precision[]
)
    language plpgsql stable as $$
declare
    doc jsonb;
    zone text;
begin
    if calendar is null or calendar = 'always' then
        opens := '{-1e15}';
        before := '{0}';
        lasts := '{1e16}';
        return;
    end if;
    doc := sluice.calendar_doc(calendar);
    zone := doc ->> 'time_zone';
    select coalesce(array_agg(s.opens order by s.opens), '{}'), coalesce(array_agg(s.before order by s.opens), '{}'),
           coalesce(array_agg(s.shuts - s.opens order by s.opens), '{}')
      into opens, before, lasts
      from (select x.opens, x.shuts,
                   coalesce(sum(x.shuts - x.opens) over (order by x.opens rows between unbounded preceding and 1 preceding), 0) as before
              from (select extract(epoch from (d::date + h."from") at time zone zone)::double precision as opens,
                           extract(epoch from (d::date + h."to") at time zone zone)::double precision as shuts
                      from generate_series((since at time zone zone)::date - 1, (until at time zone zone)::date + 1, interval '1 day') d
                      join jsonb_to_recordset(doc -> 'hours') as h(day integer, "from" time, "to" interval)
                        on h.day = extract(isodow from d)
                     where not doc -> 'holidays' ? d::date::text) x
             where x.shuts > x.opens) s;
end
$$;

-- How much working time of such spans lies before a moment, in seconds; null for none. Inlined by the planner: keep it
-- one expression.
create or replace function sluice.worked_until(
    opens double precision[], before double precision[], lasts double precision[], moment double precision
) returns double precision
    language sql immutable parallel safe
    return case when moment is null then null when width_bucket(moment, opens) = 0 then 0
                else before[width_bucket(moment, opens)]
                     + least(moment - opens[width_bucket(moment, opens)], lasts[width_bucket(moment, opens)]) end;

-- How long records stay in the states of the processes: finished stays that began in the period, and apart
-- from them the stays that still last. One row per state, of all versions of a blueprint together. breached: stays
-- that ran past one of their thresholds.
drop function if exists sluice.time_in_state(text, timestamptz, timestamptz);
drop function if exists sluice.time_in_state(text, timestamptz, timestamptz, text);
create or replace function sluice.time_in_state(
    entity text, since timestamptz, until timestamptz, calendar text, sources text[], owners uuid[]
)
    returns table (blueprint_id uuid, state text, visits bigint, reentries bigint, finished bigint, p50_s bigint, p90_s bigint,
                   working_p50_s bigint, working_p90_s bigint, open bigint, open_p50_s bigint, open_p90_s bigint, breached bigint)
    language sql stable as $$
    with stays as materialized (
        select b.blueprint_id, v.state, v.left_at,
               extract(epoch from v.entered_at)::double precision as came,
               extract(epoch from coalesce(v.left_at, sluice.now()))::double precision as went,
               exists (select from sluice.visit e
                        where e.record_id = v.record_id and e.id < v.id and e.state = v.state) as again,
               exists (select from sluice.timer t
                        where t.visit_id = v.id and t.sla and t.touched_at is null
                          and t.due_at <= coalesce(v.left_at, sluice.now())) as late
          from sluice.visit v
          join sluice.blueprint_version b on b.id = v.blueprint_version_id
         where (time_in_state.entity is null or v.entity = time_in_state.entity)
           and (since is null or v.entered_at >= since) and (until is null or v.entered_at < until)
           and ((sources is null and owners is null) or v.record_id in (select sluice.records_of(sources, owners)))
    ), spans as materialized (
        select w.* from (select min(s.came) as first, max(s.went) as last from stays s) e
         cross join lateral sluice.working_spans(calendar, to_timestamp(coalesce(e.first, 0)), to_timestamp(coalesce(e.last, 0))) w
    ), timed as (
        select s.*, s.went - s.came as stayed,
               sluice.worked_until(w.opens, w.before, w.lasts, s.went)
               - sluice.worked_until(w.opens, w.before, w.lasts, s.came) as worked
          from stays s cross join spans w
    )
    select s.blueprint_id, s.state, count(*), count(*) filter (where s.again),
           count(*) filter (where s.left_at is not null),
           (percentile_cont(0.5) within group (order by s.stayed) filter (where s.left_at is not null))::bigint,
           (percentile_cont(0.9) within group (order by s.stayed) filter (where s.left_at is not null))::bigint,
           (percentile_cont(0.5) within group (order by s.worked) filter (where s.left_at is not null))::bigint,
           (percentile_cont(0.9) within group (order by s.worked) filter (where s.left_at is not null))::bigint,
           count(*) filter (where s.left_at is null),
           (percentile_cont(0.5) within group (order by s.stayed) filter (where s.left_at is null))::bigint,
           (percentile_cont(0.9) within group (order by s.stayed) filter (where s.left_at is null))::bigint,
           count(*) filter (where s.late)
      from timed s
     group by s.blueprint_id, s.state;
$$;

-- The latest stays under a threshold, each with how long it took, or takes until now. A clock that every touch
-- starts again is none of these.
drop function if exists sluice.response_times(text, timestamptz, timestamptz, text, integer);
create or replace function sluice.response_times(
    entity text, since timestamptz, until timestamptz, threshold text, sources text[], owners uuid[], most integer
)
    returns table (blueprint_id uuid, state text, threshold text, entity text, record_id uuid, owner_id uuid,
                   entered_at timestamptz, left_at timestamptz, due_at timestamptz, seconds bigint, working_seconds bigint,
                   breached boolean)
    language sql stable as $$
    with stays as (
        select b.blueprint_id, v.state, s.key, v.entity, v.record_id, v.entered_at, v.left_at, s.calendar, s.after,
               (select t.due_at from sluice.timer t where t.visit_id = v.id and t.key = 'sla:' || s.key) as timer_due
          from sluice.visit v
          join sluice.blueprint_version b on b.id = v.blueprint_version_id
          join sluice.sla s on s.blueprint_version_id = v.blueprint_version_id and s.state = v.state and s.since = 'entry'
         where (response_times.entity is null or v.entity = response_times.entity)
           and (response_times.since is null or v.entered_at >= response_times.since)
           and (until is null or v.entered_at < until)
           and (response_times.threshold is null or s.key = response_times.threshold)
           and ((sources is null and owners is null) or v.record_id in (select sluice.records_of(sources, owners)))
         order by v.entered_at desc, v.id desc, s.position
         limit most
    ), due as (
        select s.*, coalesce(s.timer_due, sluice.due_after(s.calendar, s.entered_at, s.after)) as due_at,
               coalesce(s.left_at, sluice.now()) as went
          from stays s
    )
    select d.blueprint_id, d.state, d.key, d.entity, d.record_id,
           case d.entity when 'lead' then (select r.owner_id from sluice.lead r where r.id = d.record_id)
                         when 'account' then (select r.owner_id from sluice.account r where r.id = d.record_id)
                         else (select r.owner_id from sluice.opportunity r where r.id = d.record_id) end,
           d.entered_at, d.left_at, d.due_at, floor(extract(epoch from d.went - d.entered_at))::bigint,
           sluice.working_between(d.calendar, d.entered_at, d.went), d.went >= d.due_at
      from due d
     order by d.entered_at desc, d.record_id, d.key;
$$;

grant execute on function
    sluice.working_spans(text, timestamptz, timestamptz),
    sluice.worked_until(double precision[], double precision[], double precision[], double precision),
    sluice.time_in_state(text, timestamptz, timestamptz, text, text[], uuid[]),
    sluice.response_times(text, timestamptz, timestamptz, text, text[], uuid[], integer)
    to sluice_app;

reset role;
