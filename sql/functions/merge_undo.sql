-- Undoing a merge: all of it, or nothing and what stands in the way.

set role sluice_owner;

-- What has happened since that an undo would run over: [{"code", "pointer", ...}].
create or replace function sluice.merge_obstacles(m sluice.merge, records jsonb) returns jsonb
    language plpgsql stable as $$
declare
    found jsonb := '[]';
    s jsonb := records -> m.survivor_id::text;
    f record;
    l record;
    more jsonb;
begin
    if s ->> 'merged_into' is not null then
        found := found || jsonb_build_object('code', 'merged_on', 'pointer', '/survivor_id', 'record_id', m.survivor_id,
                                             'now', s -> 'merged_into');
    elsif s ->> 'deleted_at' is not null then
        found := found || jsonb_build_object('code', 'deleted', 'pointer', '/survivor_id', 'record_id', m.survivor_id);
    end if;
    for f in select o.n - 1 as at, o.v,
                    sluice.merge_value(s, coalesce(x.columns, array[o.v ->> 'field'])) as now
               from jsonb_array_elements(m.overwritten) with ordinality o(v, n)
               left join sluice.merge_fields() x on x.entity = m.entity and x.field = o.v ->> 'field'
              order by o.n loop
        if f.now is distinct from nullif(f.v -> 'after', 'null') then
            found := found || jsonb_build_object('code', 'field_changed', 'pointer', '/overwritten/' || f.at,
                                                 'field', f.v -> 'field', 'expected', f.v -> 'after', 'now', f.now);
        end if;
    end loop;
    for l in select distinct x.child, x.link from sluice.merge_moved x where x.merge_id = m.id order by 1, 2 loop
        execute format(
            'select jsonb_agg(jsonb_build_object(''code'', ''child_moved'', ''pointer'', ''/moved'', ''entity'', x.child, '
            '''link'', x.link, ''record_id'', x.record_id, ''now'', c.%2$I) order by x.record_id) '
            'from sluice.merge_moved x left join sluice.%1$I c on c.id = x.record_id '
            'where x.merge_id = $1 and x.child = %1$L and x.link = %2$L and c.%2$I is distinct from $2', l.child, l.link)
           into more using m.id, m.survivor_id;
        found := found || coalesce(more, '[]');
    end loop;
    return found;
end
$$;

create or replace function sluice.refuse_undo(obstacles jsonb) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'SL409', message = 'undo_conflict', detail = jsonb_build_object(
        'detail', 'What the merge made has changed since; "conflicts" lists where.', 'conflicts', obstacles)::text;
end
$$;

-- The survivor's fields, the losers and their children, as they were. The order matters: a value that must be unique
-- is free before it is needed, and a child goes back to a record that lives.
create or replace function sluice.merge_restore(m sluice.merge) returns void
    language plpgsql as $$
declare
    l record;
    visit sluice.visit;
    detail jsonb := jsonb_build_object('merge_id', m.id, 'survivor_id', m.survivor_id, 'losers', m.losers);
begin
    perform sluice.merge_write(m.entity, m.survivor_id,
        (select coalesce(jsonb_object_agg(o ->> 'field', o -> 'before'), '{}') from jsonb_array_elements(m.overwritten) o));
    perform set_config('sluice.cause', jsonb_build_object('detail', detail)::text, true);
    execute format('update sluice.%I r set merged_into = null, deleted_at = null where r.id = any ($1)', m.entity)
      using m.losers;
    perform set_config('sluice.cause', '', true);
    for l in select distinct x.child, x.link from sluice.merge_moved x where x.merge_id = m.id order by 1, 2 loop
        execute format('update sluice.%1$I c set %2$I = x.loser_id from sluice.merge_moved x '
                       'where x.merge_id = $1 and x.child = %1$L and x.link = %2$L and c.id = x.record_id', l.child, l.link)
          using m.id;
    end loop;
    for visit in select * from sluice.visit v where v.record_id = any (m.losers) and v.left_at is null loop
        perform sluice.timers_set(visit);
    end loop;
    perform sluice.merge_note('unmerge', m.entity, m.survivor_id, detail);
end
$$;

-- The door for the daemon's role. @read: scopes of what the viewer sees, by entity; @may: lists of scopes by entity,
-- each of which must hold for whoever undoes a merge of that kind.
create or replace function sluice.merge_undo(id uuid, expected_version bigint, viewer uuid, read jsonb, may jsonb) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    m sluice.merge;
    scopes text[];
    records jsonb;
    obstacles jsonb;
    broken text;
begin
    select * into m from sluice.merge x where x.id = merge_undo.id;
    if not found or not sluice.merge_seen(m.entity, m.survivor_id, viewer, read) then
        raise exception using errcode = 'SL404', message = 'not_found', detail = 'There is no such merge.';
    end if;
    records := sluice.merge_lock(m.entity, array[m.survivor_id], m.survivor_id || m.losers);
    select * into m from sluice.merge x where x.id = merge_undo.id for update;
    scopes := array(select jsonb_array_elements_text(may -> m.entity));
    if exists (select from jsonb_each(records) r, unnest(scopes) s
                where not sluice.in_scope(s, viewer, (r.value ->> 'owner_id')::uuid)) then
        raise exception using errcode = 'SL403', message = 'forbidden',
            detail = format('Undoing this needs the permission "%s.merge" for all of its records.', m.entity);
    end if;
    if m.version <> expected_version then
        raise exception using errcode = 'SL412', message = 'stale', detail = 'The merge has changed since it was read.';
    end if;
    if m.undone_at is not null then
        raise exception using errcode = 'SL409', message = 'conflict', detail = 'The merge was undone already.';
    end if;
    obstacles := sluice.merge_obstacles(m, records);
    if obstacles <> '[]' then
        perform sluice.refuse_undo(obstacles);
    end if;
    perform sluice.merge_restore(m);
    update sluice.merge x set undone_at = sluice.now(), undone_by = sluice.actor_id() where x.id = m.id;
exception when unique_violation then
    get stacked diagnostics broken = constraint_name;
    perform sluice.refuse_undo(jsonb_build_array(jsonb_build_object('code', 'taken', 'pointer', '/losers',
                                                                    'constraint', broken)));
end
$$;

grant execute on function sluice.merge_undo(uuid, bigint, uuid, jsonb, jsonb) to sluice_app;

reset role;
