-- One record as it was at a moment of the past, from its own entries of history.

set role sluice_owner;

-- What to lay over a row to have it as it was: the oldest old values of what has changed since, custom fields one by
-- one, and its version and time of change of then. Each change counts one version and leaves one entry.
create or replace function sluice.past_patch(entity text, r jsonb, as_of timestamptz) returns jsonb
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    its_id constant uuid := r ->> 'id';
    past jsonb;
    since bigint;
    last timestamptz;
begin
    perform sluice.must_be_past(as_of);
    select jsonb_object_agg(e.key, e.value -> 'old' order by a.seq desc), count(distinct a.seq)
      into past, since
      from sluice.audit a
     cross join lateral jsonb_each(a.changes) e
     where a.record_id = its_id and a.at > as_of and a.entity = past_patch.entity
       and a.action in ('update', 'delete', 'transition', 'merge', 'unmerge')
       and a.changes <> '{}' and not a.changes ? 'queue';
    if since = 0 then
        return '{}';
    end if;
    select max(a.at) into last
      from sluice.audit a
     where a.record_id = its_id and a.at <= as_of and a.entity = past_patch.entity
       and a.action in ('create', 'update', 'transition', 'merge', 'unmerge') and not a.changes ? 'queue';
    return past || jsonb_build_object(
        'version', greatest((r -> 'version')::bigint - since, 1),
        'updated_at', coalesce(to_jsonb(last), r -> 'created_at'),
        'custom', jsonb_strip_nulls(coalesce(nullif(r -> 'custom', 'null'), '{}') || coalesce((
            select jsonb_object_agg(substr(p.key, 8), p.value)
              from jsonb_each(past) p where p.key like 'custom.%'), '{}')));
end
$$;

-- lead_then(id, as_of), account_then(id, as_of) ...: the row of then; none before it was made and after it was deleted.
do $do$
declare
    name text;
begin
    foreach name in array '{lead,account,contact,opportunity,equipment}'::text[] loop
        execute format($f$
            create or replace function sluice.%1$s_then(id uuid, as_of timestamptz) returns setof sluice.%1$s
                language sql stable rows 1 as $$
                select t.*
                  from sluice.%1$s r
                 cross join lateral jsonb_populate_record(r, sluice.past_patch('%1$s', to_jsonb(r), as_of)) t
                 where r.id = %1$s_then.id and r.created_at <= as_of and t.deleted_at is null
            $$
            $f$, name);
        execute format('grant execute on function sluice.%1$s_then(uuid, timestamptz) to sluice_app', name);
    end loop;
end
$do$;

-- Whether a threshold of the state that it was in had passed by then.
create or replace function sluice.was_breached(id uuid, as_of timestamptz) returns boolean
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return exists (select from sluice.visit v join sluice.timer t on t.visit_id = v.id
                    where v.record_id = was_breached.id and v.entered_at <= as_of
                      and (v.left_at is null or v.left_at > as_of)
                      and t.sla and t.touched_at is null and t.due_at <= as_of);
end
$$;

create or replace function sluice.score_then(lead uuid, score integer, as_of timestamptz) returns integer
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return coalesce((select c.old_score from sluice.lead_score_change c
                      where c.lead_id = lead and c.at > as_of order by c.at, c.id limit 1), score);
end
$$;

-- The equipment that an account had. Lines move with a merge: those of its survivors count if they were its own then.
create or replace function sluice.equipment_had(account uuid, as_of timestamptz) returns jsonb
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return (
        with recursive heir as (
            select a.id, a.merged_into from sluice.account a where a.id = account
            union
            select a.id, a.merged_into from heir h join sluice.account a on a.id = h.merged_into)
        select coalesce(jsonb_agg(jsonb_build_object(
                   'id', t.id, 'version', t.version, 'account_id', t.account_id, 'kind', t.kind, 'product', t.product,
                   'vendor', t.vendor, 'competitor', t.competitor, 'year_installed', t.year_installed,
                   'quantity', t.quantity, 'serial', t.serial, 'note', t.note, 'external_id', t.external_id,
                   'removed_at', sluice.rfc3339(t.removed_at), 'created_at', sluice.rfc3339(t.created_at),
                   'updated_at', sluice.rfc3339(t.updated_at), 'created_by', t.created_by) order by t.created_at, t.id), '[]')
          from heir h
          join sluice.equipment e on e.account_id = h.id
         cross join lateral sluice.equipment_then(e.id, as_of) t
         where t.account_id = account);
end
$$;

grant execute on function
    sluice.past_patch(text, jsonb, timestamptz), sluice.was_breached(uuid, timestamptz),
    sluice.score_then(uuid, integer, timestamptz), sluice.equipment_had(uuid, timestamptz)
    to sluice_app;

drop function if exists sluice.shown_at(timestamptz); -- sluice.rfc3339() does it

reset role;
