-- Merging leads, accounts or contacts that are one: a transaction that knows how to go back (merge_undo.sql).
--
-- The survivor keeps its state, whatever the states of the others: a merge is no way around a guard. The others are
-- deleted for everything but their addresses, which lead to the survivor. Their visits and history stay theirs.

set role sluice_owner;

create or replace function sluice.refuse_merge(code text, pointer text, detail jsonb) returns void
    language plpgsql as $$
begin
    raise exception using errcode = case code when 'unknown_reference' then 'SL422' when 'validation_failed' then 'SL422'
                                              else 'SL409' end,
        message = code, column = coalesce(pointer, ''), detail = detail::text;
end
$$;

-- The value of a field, as the API shows it.
create or replace function sluice.merge_value(record jsonb, columns text[]) returns jsonb
    language sql immutable parallel safe
    return case when cardinality(columns) = 1 then nullif(record -> columns[1], 'null')
                when record ->> columns[1] is not null
                then jsonb_build_object('amount', record ->> columns[1], 'currency', record ->> columns[2]) end;

-- Who a record was merged into in the end, if the viewer could see it; null for one that lives or never was.
create or replace function sluice.survivor_of(entity text, id uuid, viewer uuid, scope text) returns uuid
    language plpgsql stable as $$
declare
    here uuid := id;
    next_id uuid;
    owner uuid;
    visible boolean := false;
begin
    if entity not in ('lead', 'account', 'contact') then
        return null;
    end if;
    for hop in 1..100 loop
        execute format('select r.merged_into, r.owner_id from sluice.%I r where r.id = $1', entity)
           into next_id, owner using here;
        visible := visible or sluice.in_scope(scope, viewer, owner);
        exit when next_id is null or not visible;
        here := next_id;
    end loop;
    return case when here <> id and visible then here end;
end
$$;

-- Everybody who was merged into a record, those who were merged into them included.
create or replace function sluice.merged_from(entity text, id uuid) returns setof uuid
    language plpgsql stable as $$
begin
    if entity in ('lead', 'account', 'contact') then
        return query execute format(
            'with recursive m (id) as (select r.id from sluice.%1$I r where r.merged_into = $1 '
            'union select r.id from m join sluice.%1$I r on r.merged_into = m.id) select id from m', entity) using id;
    end if;
end
$$;

-- Locks the children of @parents, then the records @ids: the order of everybody who writes. Returns the records by
-- their ids.
create or replace function sluice.merge_lock(p_entity text, parents uuid[], ids uuid[]) returns jsonb
    language plpgsql as $$
declare
    l record;
    records jsonb;
begin
    for l in select * from sluice.merge_links() x where x.entity = p_entity and x.moves loop
        execute format('select from sluice.%I c where c.%I = any ($1) order by c.id for no key update', l.child, l.link)
          using parents;
    end loop;
    execute format('select jsonb_object_agg(r.id, to_jsonb(r)) from (select * from sluice.%I x where x.id = any ($1) '
                   'order by x.id for update) r', p_entity) into records using ids;
    return coalesce(records, '{}');
end
$$;

-- Refuses records that cannot be merged into the first of @ids.
create or replace function sluice.merge_check(p_entity text, ids uuid[], records jsonb, viewer uuid, scopes text[])
returns void
    language plpgsql as $$
declare
    s jsonb := records -> ids[1]::text;
    r jsonb;
    at text;
    into_id uuid;
begin
    for i in 1..cardinality(ids) loop
        r := records -> ids[i]::text;
        at := '/losers/' || i - 2;
        if i > 1 and ids[i] = any (ids[:i - 1]) then
            perform sluice.refuse_merge('validation_failed', at,
                jsonb_build_object('detail', 'A record cannot be merged with itself, nor twice.'));
        end if;
        if r is null or exists (select from unnest(scopes) x
                                 where not sluice.in_scope(x, viewer, (r ->> 'owner_id')::uuid)) then
            if i = 1 then
                raise exception using errcode = 'SL404', message = 'not_found',
                    detail = 'There is no such record, or it is not yours to merge.';
            end if;
            perform sluice.refuse_merge('unknown_reference', at,
                jsonb_build_object('detail', format('There is no such %s, or it is not yours to merge.', p_entity)));
        end if;
        into_id := sluice.survivor_of(p_entity, ids[i], viewer, 'all');
        if into_id is not null then
            perform sluice.refuse_merge('merged', case when i > 1 then at end, jsonb_build_object(
                'detail', 'The record was merged already.', 'merged_into', into_id));
        end if;
        if r ->> 'deleted_at' is not null then
            perform sluice.refuse_merge('unknown_reference', at, jsonb_build_object('detail', 'The record was deleted.'));
        end if;
        if p_entity = 'lead' and i > 1 and r ->> 'converted_at' is not null then
            if s ->> 'converted_at' is null then
                perform sluice.refuse_merge('conflict', at, jsonb_build_object(
                    'detail', 'A converted lead cannot be merged into one that is not: merge the other way round.'));
            elsif (s ->> 'account_id', s ->> 'contact_id')
                  is distinct from (r ->> 'account_id', r ->> 'contact_id') then
                perform sluice.refuse_merge('conflict', at, jsonb_build_object(
                    'detail', 'The leads were converted to different accounts or contacts: merge those first.'));
            end if;
        end if;
    end loop;
end
$$;

-- What the survivor gets. given: {"field": value} to write; overwritten and conflicts as in the table. @choices:
-- {"field": id of one of the records | value}. Without a choice a part of the survivor that is empty is filled from
-- the first who has it. @choices null: it gets nothing.
create or replace function sluice.merge_choose(
    p_entity text, ids uuid[], records jsonb, choices jsonb, out given jsonb, out overwritten jsonb, out conflicts jsonb
)
    language plpgsql as $$
declare
    f record;
    source uuid;
    value jsonb;
    old jsonb;
    tags jsonb;
    others jsonb;
begin
    given := '{}';
    overwritten := '[]';
    conflicts := '[]';
    if choices is null then
        return;
    end if;
    for f in select x.key from jsonb_each(choices) x
              where x.key not in (select m.field from sluice.merge_fields() m where m.entity = p_entity
                                  union all
                                  select 'custom.' || d.key from sluice.custom_field d
                                   where d.entity = p_entity and not d.archived) loop
        perform sluice.refuse_merge('validation_failed', '/fields/' || f.key,
            jsonb_build_object('detail', 'A merge cannot choose this field.'));
    end loop;
    for f in select x.field, x.columns,
                    array(select c from sluice.merge_fields() y, unnest(y.columns) c
                           where y.entity = p_entity and y.part = x.part) as part
               from sluice.merge_fields() x where x.entity = p_entity loop
        old := sluice.merge_value(records -> ids[1]::text, f.columns);
        source := null;
        if choices ? f.field then
            value := nullif(choices -> f.field, 'null');
            source := (select i from unnest(ids) i where i::text = lower(value #>> '{}'));
            if source is not null then
                value := sluice.merge_value(records -> source::text, f.columns);
            end if;
        else
            source := (select i from unnest(ids) with ordinality u(i, n)
                        where exists (select from unnest(f.part) c where records -> i::text ->> c is not null)
                        order by n limit 1);
            value := case when source is not null then sluice.merge_value(records -> source::text, f.columns) end;
            others := (select jsonb_agg(jsonb_build_object('id', i, 'value', v) order by n)
                         from unnest(ids) with ordinality u(i, n),
                              sluice.merge_value(records -> i::text, f.columns) v
                        where v is distinct from value and v is not null);
            if others is not null then
                conflicts := conflicts || jsonb_build_object('field', f.field, 'kept', value, 'values', others);
            end if;
        end if;
        if value is distinct from old then
            given := given || jsonb_build_object(f.field, value);
            overwritten := overwritten || jsonb_build_object('field', f.field, 'before', old, 'after', value,
                                                             'from', source);
        end if;
    end loop;
    tags := (select jsonb_agg(tag order by n)
               from (select t as tag, min(n * 1000 + m) as n
                       from unnest(ids) with ordinality u(i, n),
                            jsonb_array_elements_text(coalesce(nullif(records -> i::text -> 'tags', 'null'), '[]'))
                                with ordinality v(t, m)
                      group by t) x);
    old := nullif(records -> ids[1]::text -> 'tags', 'null');
    if tags is distinct from old then
        given := given || jsonb_build_object('tags', tags);
        overwritten := overwritten || jsonb_build_object('field', 'tags', 'before', old, 'after', tags, 'from', null);
    end if;
    f := sluice.custom_merged(p_entity, ids, records, choices);
    value := f.given;
    conflicts := conflicts || f.conflicts;
    old := records -> ids[1]::text -> 'custom';
    if value <> old then
        given := given || jsonb_build_object('custom', value);
        overwritten := overwritten || jsonb_build_object('field', 'custom', 'before', old, 'after', value, 'from', null);
    end if;
end
$$;

-- Writes fields in the form of the API to a record.
create or replace function sluice.merge_write(p_entity text, record_id uuid, given jsonb) returns void
    language plpgsql as $$
declare
    flat jsonb := sluice.flat_money(given, 'estimated_value');
    names text;
begin
    if given = '{}' then
        return;
    end if;
    select string_agg(quote_ident(k), ', ' order by k) into names from jsonb_object_keys(flat) k;
    execute format('update sluice.%1$I t set (%2$s) = (select %3$s from jsonb_populate_record(t, $1) b) where t.id = $2',
                   p_entity, names, (select string_agg('b.' || quote_ident(k), ', ' order by k) from jsonb_object_keys(flat) k))
      using flat, record_id;
end
$$;

-- An entry of the history and an event that tell of a merge, or of its undoing, at a record whose own row need not
-- have changed.
create or replace function sluice.merge_note(p_action text, p_entity text, p_record uuid, p_detail jsonb) returns void
    language plpgsql as $$
begin
    with entry as (
        insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation, changes,
                                  detail)
        values (sluice.next_seq(), sluice.now(), p_action, p_entity, p_record, sluice.actor_kind(), sluice.actor_id(),
                nullif(current_setting('sluice.request_id', true), ''),
                nullif(current_setting('sluice.operation', true), ''), '{}', p_detail)
        returning seq)
    insert into sluice.outbox (id, audit_seq, type, entity, record_id, payload)
    select sluice.next_seq(), e.seq, p_entity || '.' || p_action || 'd', p_entity, p_record, p_detail from entry e;
end
$$;

-- Merges @losers into @survivor: children, losers, survivor, in this order. @scopes: whoever merges must see each
-- record in all of them.
create or replace function sluice.merge_do(
    p_id uuid, p_entity text, survivor uuid, losers uuid[], expected_version bigint, choices jsonb, p_note text,
    p_transition text, viewer uuid, scopes text[]
) returns void
    language plpgsql as $$
declare
    ids uuid[] := survivor || losers;
    records jsonb := sluice.merge_lock(p_entity, losers, ids);
    l record;
    chosen record;
    detail jsonb;
    said text := current_setting('sluice.cause', true);
begin
    perform sluice.merge_check(p_entity, ids, records, viewer, scopes);
    if (records -> survivor::text ->> 'version')::bigint <> expected_version then
        raise exception using errcode = 'SL412', message = 'stale',
            detail = jsonb_build_object('detail', 'The record has changed since it was read.', 'current',
                         jsonb_build_object('version', records -> survivor::text -> 'version'))::text;
    end if;
    chosen := sluice.merge_choose(p_entity, ids, records, choices);
    insert into sluice.merge (id, entity, survivor_id, losers, transition, note, overwritten, conflicts)
    values (p_id, p_entity, survivor, merge_do.losers, p_transition, p_note, chosen.overwritten, chosen.conflicts);
    for l in select * from sluice.merge_links() x where x.entity = p_entity and x.moves loop
        execute format('with was as (select c.id, c.%2$I as loser from sluice.%1$I c where c.%2$I = any ($1)), '
                       'moved as (update sluice.%1$I c set %2$I = $2 from was where c.id = was.id returning c.id, was.loser) '
                       'insert into sluice.merge_moved (merge_id, child, link, record_id, loser_id) '
                       'select $3, %1$L, %2$L, m.id, m.loser from moved m', l.child, l.link)
          using losers, survivor, p_id;
    end loop;
    detail := jsonb_strip_nulls(jsonb_build_object('merge_id', p_id, 'merged_into', survivor, 'losers', losers,
                                                   'transition', p_transition, 'note', p_note));
    perform set_config('sluice.cause', jsonb_build_object('detail', detail)::text, true);
    execute format('update sluice.%I r set merged_into = $1, deleted_at = sluice.now() where r.id = any ($2)', p_entity)
      using survivor, losers;
    perform set_config('sluice.cause', coalesce(said, ''), true);
    perform sluice.merge_write(p_entity, survivor, chosen.given);
    perform sluice.merge_note('merge', p_entity, survivor, detail || jsonb_build_object('moved', (
        select coalesce(jsonb_object_agg(m.what, m.n), '{}')
          from (select x.child || '.' || x.link as what, count(*) as n from sluice.merge_moved x
                 where x.merge_id = p_id group by 1) m)));
end
$$;

-- The door for the daemon's role.
create or replace function sluice.merge_records(
    id uuid, entity text, survivor uuid, losers uuid[], expected_version bigint, choices jsonb, note text, viewer uuid,
    scopes text[]
) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    perform sluice.merge_do(id, entity, survivor, losers, expected_version, coalesce(choices, '{}'), note, null,
                            viewer, scopes);
end
$$;

-- Who may see a merge: who sees the survivor. @scopes: {"lead": "all", "account": "own", ...}.
create or replace function sluice.merge_seen(entity text, survivor uuid, viewer uuid, scopes jsonb) returns boolean
    language plpgsql stable as $$
declare
    owner uuid;
begin
    if scopes ->> entity = 'all' then
        return true;
    end if;
    execute format('select r.owner_id from sluice.%I r where r.id = $1', entity) into owner using survivor;
    return sluice.in_scope(scopes ->> entity, viewer, owner);
end
$$;

create or replace function sluice.merge_parts(merge uuid) returns jsonb
    language plpgsql stable as $$
begin
    return (select coalesce(jsonb_agg(jsonb_build_object('entity', m.child, 'link', m.link, 'count', m.n, 'ids', m.ids)
                                      order by m.child, m.link), '[]')
              from (select x.child, x.link, count(*) as n,
                           (array_agg(x.record_id order by x.record_id))[:100] as ids
                      from sluice.merge_moved x where x.merge_id = merge group by 1, 2) m);
end
$$;

create or replace view sluice.merge_row as
select m.id, m.version, m.entity, m.survivor_id, m.losers, m.transition, m.note, m.overwritten, m.conflicts,
       sluice.merge_parts(m.id) as moved, m.undone_at, m.undone_by, m.created_at, m.updated_at, m.created_by
  from sluice.merge m;

grant select on sluice.merge_row to sluice_app;
grant execute on function
    sluice.survivor_of(text, uuid, uuid, text), sluice.merged_from(text, uuid),
    sluice.merge_records(uuid, text, uuid, uuid[], bigint, jsonb, text, uuid, text[]),
    sluice.merge_seen(text, uuid, uuid, jsonb), sluice.merge_parts(uuid)
    to sluice_app;

reset role;
