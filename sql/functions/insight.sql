-- What the history tells: where records wait, what stops them, what was typed to get past a guard.

set role sluice_owner;

-- How long records stay in the states of the processes: finished stays that began in the period, and apart
-- from them the stays that still last. One row per state, of all versions of a blueprint together.
create or replace function sluice.time_in_state(entity text, since timestamptz, until timestamptz)
    returns table (blueprint_id uuid, state text, visits bigint, reentries bigint, finished bigint, p50_s bigint, p90_s bigint,
                   open bigint, open_p50_s bigint, open_p90_s bigint)
    language sql stable as $$
    select s.blueprint_id, s.state, count(*), count(*) filter (where s.again),
           count(*) filter (where s.left_at is not null),
           (percentile_cont(0.5) within group (order by s.stayed) filter (where s.left_at is not null))::bigint,
           (percentile_cont(0.9) within group (order by s.stayed) filter (where s.left_at is not null))::bigint,
           count(*) filter (where s.left_at is null),
           (percentile_cont(0.5) within group (order by s.stayed) filter (where s.left_at is null))::bigint,
           (percentile_cont(0.9) within group (order by s.stayed) filter (where s.left_at is null))::bigint
      from (select b.blueprint_id, v.state, v.left_at,
                   extract(epoch from coalesce(v.left_at, sluice.now()) - v.entered_at)::double precision as stayed,
                   exists (select from sluice.visit e
                            where e.record_id = v.record_id and e.id < v.id and e.state = v.state) as again
              from sluice.visit v
              join sluice.blueprint_version b on b.id = v.blueprint_version_id
             where (time_in_state.entity is null or v.entity = time_in_state.entity)
               and (since is null or v.entered_at >= since) and (until is null or v.entered_at < until)) s
     group by s.blueprint_id, s.state;
$$;

-- The figures of a picture: records of the blueprint in each state now, and the median of finished stays.
create or replace function sluice.state_figures(version_id uuid)
    returns table (state text, count bigint, median_s bigint)
    language sql stable as $$
    select v.state, count(*) filter (where v.left_at is null),
           (percentile_cont(0.5) within group (order by extract(epoch from v.left_at - v.entered_at)::double precision)
                filter (where v.left_at is not null))::bigint
      from sluice.blueprint_version own
      join sluice.blueprint_version other on other.blueprint_id = own.blueprint_id
      join sluice.visit v on v.blueprint_version_id = other.id
     where own.id = version_id
       and (v.left_at is not null
            or exists (select from sluice.lead r where r.id = v.record_id and r.deleted_at is null)
            or exists (select from sluice.account r where r.id = v.record_id and r.deleted_at is null)
            or exists (select from sluice.opportunity r where r.id = v.record_id and r.deleted_at is null))
     group by v.state;
$$;

grant execute on function
    sluice.time_in_state(text, timestamptz, timestamptz), sluice.state_figures(uuid)
    to sluice_app;

reset role;
