-- Records as they were at a moment of the past, and what all sales reports have in common.

set role sluice_owner;

-- Refuses a moment that is still to come: what was then is not known. A client's clock may be a little ahead.
create or replace function sluice.must_be_past(as_of timestamptz) returns void
    language plpgsql stable as $$
begin
    if as_of > sluice.now() + interval '1 minute' then
        raise exception using errcode = 'SL400', message = 'invalid_parameter', column = 'as_of',
            detail = 'The moment is still to come.', hint = 'send a moment of the past, or leave as_of out for now';
    end if;
end
$$;

-- The values of then of what has changed since: of each column the oldest value that an entry calls old. Planned for
-- the moment, since nearly all of the history is older than most moments that are asked about; the entries are taken
-- first, or else the planner reads the whole trail in the order of its records to save the sorting.
create or replace function sluice.changed_since(entity text, as_of timestamptz)
    returns table (record_id uuid, past jsonb)
    language plpgsql stable rows 10000 set plan_cache_mode = force_custom_plan as $$
begin
    if as_of is null then
        return;
    end if;
    perform sluice.must_be_past(as_of);
    return query
    with entry as materialized (
        select a.seq, a.record_id, a.changes
          from sluice.audit a
         where a.at > as_of and a.entity = changed_since.entity
           and a.action in ('update', 'delete', 'transition', 'merge', 'unmerge')
    )
    select x.record_id, jsonb_object_agg(e.key, e.value -> 'old' order by x.seq desc)
      from entry x
     cross join lateral jsonb_each(x.changes) e
     group by x.record_id;
end
$$;

-- lead_at(as_of), account_at(as_of) ...: the rows of a table that were living then; without a moment those of now.
-- Only what has changed since is put together from the history, the rest is read as it stands. One statement, which
-- the planner puts into the query that asks.
do $do$
declare
    name text;
begin
    foreach name in array '{lead,account,contact,opportunity,activity}'::text[] loop
        execute format($f$
            create or replace function sluice.%1$s_at(as_of timestamptz) returns setof sluice.%1$s
                language sql stable as $$
                select r.* from sluice.%1$s r where as_of is null and r.deleted_at is null
                union all
                select r.* from sluice.%1$s r
                 where as_of is not null and r.created_at <= as_of and r.deleted_at is null
                   and not exists (select from sluice.changed_since('%1$s', as_of) c where c.record_id = r.id)
                union all
                select t.*
                  from sluice.changed_since('%1$s', as_of) c
                  join sluice.%1$s r on r.id = c.record_id
                 cross join lateral jsonb_populate_record(r, c.past) t
                 where as_of is not null and r.created_at <= as_of and t.deleted_at is null
            $$
            $f$, name);
        execute format('grant execute on function sluice.%1$s_at(timestamptz) to sluice_app', name);
    end loop;
end
$do$;

-- The filters of a report: sources and owners (null: all), and what the caller's permission reaches. Inlined by the
-- planner: keep it one expression.
create or replace function sluice.in_report(sources text[], owners uuid[], scope text, viewer uuid, source text, owner uuid)
    returns boolean
    language sql stable parallel safe
    return (sources is null or source = any(sources)) and (owners is null or owner = any(owners))
           and sluice.in_scope(scope, viewer, owner);

-- Days and months of reports are those of the calendar `default`.
create or replace function sluice.report_zone() returns text
    language plpgsql stable parallel safe as $$
begin
    return coalesce((select c.time_zone from sluice.calendar c where c.key = 'default'), 'UTC');
end
$$;

grant execute on function sluice.must_be_past(timestamptz),
    sluice.changed_since(text, timestamptz), sluice.report_zone(),
    sluice.in_report(text[], uuid[], text, uuid, text, uuid)
    to sluice_app;

reset role;
