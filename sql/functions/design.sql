-- Designing processes: drafts, their publication, their end. The daemon checks documents before it calls; what
-- must hold between two calls (who was faster, which records would be left behind) is decided here, under locks.

set role sluice_owner;

-- One audit entry of a version. @changes: by element, the old and the new; @detail: what else is to be read.
create or replace function sluice.design_note(v_id uuid, action text, changes jsonb, detail jsonb, event text)
    returns void
    language plpgsql as $$
declare
    at_seq bigint := sluice.next_seq();
begin
    insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation,
                              changes, detail)
    values (at_seq, sluice.now(), action, 'blueprint', v_id, sluice.actor_kind(), sluice.actor_id(),
            nullif(current_setting('sluice.request_id', true), ''),
            nullif(current_setting('sluice.operation', true), ''), coalesce(changes, '{}'), detail);
    if event is not null then
        insert into sluice.outbox (id, audit_seq, type, entity, record_id)
        values (sluice.next_seq(), at_seq, 'blueprint.' || event, 'blueprint', v_id);
    end if;
end
$$;

-- The number in force, or null.
create or replace function sluice.design_published(b_id uuid) returns integer
    language sql stable
    return (select v.number from sluice.blueprint_version v where v.blueprint_id = b_id and v.status = 'published');

-- Takes what a draft consists of away.
create or replace function sluice.design_empty(v_id uuid) returns void
    language plpgsql as $$
begin
    delete from sluice.guard g using sluice.transition t where t.id = g.transition_id and t.blueprint_version_id = v_id;
    delete from sluice.action a using sluice.transition t where t.id = a.transition_id and t.blueprint_version_id = v_id;
    delete from sluice.input i using sluice.transition t where t.id = i.transition_id and t.blueprint_version_id = v_id;
    delete from sluice.transition_approver a using sluice.transition t
     where t.id = a.transition_id and t.blueprint_version_id = v_id;
    delete from sluice.transition_actor a using sluice.transition t
     where t.id = a.transition_id and t.blueprint_version_id = v_id;
    delete from sluice.transition_from f where f.blueprint_version_id = v_id;
    delete from sluice.transition t where t.blueprint_version_id = v_id;
    delete from sluice.sla l where l.blueprint_version_id = v_id;
    perform sluice.steps_empty(v_id);
    delete from sluice.state s where s.blueprint_version_id = v_id;
end
$$;

-- The draft, locked; null when there is none in that version. What is no draft any more is refused.
create or replace function sluice.design_draft(v_id uuid, expected_version bigint) returns sluice.blueprint_version
    language plpgsql as $$
declare
    v sluice.blueprint_version;
begin
    select * into v from sluice.blueprint_version x where x.id = v_id for update;
    if not found then
        return null;
    end if;
    if v.status <> 'draft' then
        perform sluice.refuse_published('A published blueprint version never changes; make a new draft from it.');
    end if;
    return case when expected_version is null or v.version = expected_version then v end;
end
$$;

-- Begins a draft: of @doc, or of the version @source with the members of @doc over it. A process that is new
-- gets its row.
create or replace function sluice.design_create(v_id uuid, doc jsonb, source uuid) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    given jsonb := jsonb_strip_nulls(doc);
    s sluice.blueprint_version;
    its sluice.blueprint;
    b_id uuid;
    based integer;
    n integer;
begin
    if source is not null then
        select * into s from sluice.blueprint_version v where v.id = source;
        select * into its from sluice.blueprint b where b.id = s.blueprint_id;
        if not found then
            raise exception using errcode = 'SL422', message = 'unknown_reference', column = '/from',
                detail = 'There is no such version.';
        end if;
        if given ->> 'entity' <> its.entity then
            raise exception using errcode = 'SL422', message = 'validation_failed', column = '/entity',
                detail = format('The version to start from is of %s.', its.entity);
        end if;
        given := sluice.blueprint_document(source) - '{number,note}'::text[] || (given - '{number}'::text[]);
    end if;
    insert into sluice.blueprint (id, entity, key, label)
    values (gen_random_uuid(), given ->> 'entity', given ->> 'key', coalesce(given -> 'label', '{}'))
        on conflict (entity, key) do nothing;
    select b.id into strict b_id
      from sluice.blueprint b where b.entity = given ->> 'entity' and b.key = given ->> 'key' for update;
    if its.key = given ->> 'key' then
        based := case when s.status = 'draft' then s.based_on else s.number end;
    else
        based := coalesce((given ->> 'number')::integer, sluice.design_published(b_id));
    end if;
    select coalesce(max(v.number), 0) + 1 into n from sluice.blueprint_version v where v.blueprint_id = b_id;
    insert into sluice.blueprint_version (id, version, blueprint_id, number, based_on) values (v_id, 0, b_id, n, based);
    perform sluice.blueprint_fill(v_id, v_id::text, given);
    perform sluice.design_note(v_id, 'create', jsonb_strip_nulls(jsonb_build_object(
        'entity', jsonb_build_object('new', given ->> 'entity'), 'key', jsonb_build_object('new', given ->> 'key'),
        'number', jsonb_build_object('new', n),
        'based_on', case when based is not null then jsonb_build_object('new', based) end)), null, null);
end
$$;

-- Replaces what a draft consists of. Without @changes nothing happens. Returns the version; null: not there, or
-- in another one.
create or replace function sluice.design_write(
    v_id uuid, expected_version bigint, doc jsonb, changes jsonb, detail jsonb
) returns bigint
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    v sluice.blueprint_version := sluice.design_draft(v_id, expected_version);
    new_version bigint;
begin
    if v.id is null or coalesce(changes, '{}') = '{}' then
        return v.version;
    end if;
    perform sluice.design_empty(v_id);
    perform sluice.blueprint_fill(v_id, v_id::text, doc);
    select x.version into new_version from sluice.blueprint_version x where x.id = v_id;
    perform sluice.design_note(v_id, 'update', changes, detail, null);
    return new_version;
end
$$;

-- How many records stand in each of these states of a process, whatever version they live under.
create or replace function sluice.design_records(b_id uuid, states text[], out state text, out records bigint)
    returns setof record
    language sql stable as $$
    select v.state, count(*)
      from sluice.blueprint b
      join sluice.visit v on v.entity = b.entity and v.state = any(states) and v.left_at is null
      join sluice.blueprint_version bv on bv.id = v.blueprint_version_id and bv.blueprint_id = b.id
     where b.id = b_id
       and (exists (select from sluice.lead r where r.id = v.record_id and r.deleted_at is null)
            or exists (select from sluice.account r where r.id = v.record_id and r.deleted_at is null)
            or exists (select from sluice.opportunity r where r.id = v.record_id and r.deleted_at is null))
     group by v.state
$$;

-- A mapping leads from states that the process has or had to states of the version.
create or replace function sluice.design_check_mapping(v sluice.blueprint_version, mapping jsonb) returns void
    language plpgsql as $$
declare
    pair record;
begin
    for pair in select e.key as source, e.value as target from jsonb_each_text(mapping) e loop
        if not exists (select from sluice.state s join sluice.blueprint_version o on o.id = s.blueprint_version_id
                        where o.blueprint_id = v.blueprint_id and o.status <> 'draft' and s.key = pair.source) then
            raise exception using errcode = 'SL422', message = 'validation_failed', column = '/mapping/' || pair.source,
                detail = format('No published version has a state "%s".', pair.source);
        end if;
        if not exists (select from sluice.state s where s.blueprint_version_id = v.id and s.key = pair.target) then
            raise exception using errcode = 'SL422', message = 'validation_failed', column = '/mapping/' || pair.source,
                detail = format('The version has no state "%s".', pair.target);
        end if;
    end loop;
end
$$;

-- Refuses to drop states that records stand in and that nobody mapped.
create or replace function sluice.design_check_occupied(v sluice.blueprint_version, mapping jsonb) returns void
    language plpgsql as $$
declare
    dropped text[];
    occupied jsonb;
begin
    select array_agg(s.key) into dropped
      from sluice.blueprint_version p
      join sluice.state s on s.blueprint_version_id = p.id
     where p.blueprint_id = v.blueprint_id and p.status = 'published' and not design_check_occupied.mapping ? s.key
       and not exists (select from sluice.state n where n.blueprint_version_id = v.id and n.key = s.key);
    if dropped is null then
        return;
    end if;
    select jsonb_agg(jsonb_build_object('state', r.state, 'records', r.records) order by r.state) into occupied
      from sluice.design_records(v.blueprint_id, dropped) r;
    if occupied is not null then
        raise exception using errcode = 'SL409', message = 'states_occupied',
            detail = jsonb_build_object('detail', 'Records stand in states that the version drops.',
                                        'states', occupied)::text,
            hint = 'name a state of the version for each of them in "mapping"';
    end if;
end
$$;

-- Puts a draft in force. @based_on: the number that the caller started from (null: the draft's own); any other in
-- force by now refuses. Returns as design_write().
create or replace function sluice.design_publish(
    v_id uuid, expected_version bigint, started_from integer, mapping jsonb, detail jsonb
) returns bigint
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    v sluice.blueprint_version;
    b_id uuid;
    before sluice.blueprint_version;
    last integer;
    given jsonb := coalesce(mapping, '{}');
begin
    -- first the process, then its version: as whoever begins a draft
    select x.blueprint_id into b_id from sluice.blueprint_version x where x.id = v_id;
    perform from sluice.blueprint b where b.id = b_id for update;
    v := sluice.design_draft(v_id, expected_version);
    if v.id is null then
        return null;
    end if;
    select * into before from sluice.blueprint_version x where x.blueprint_id = b_id and x.status = 'published';
    if coalesce(started_from, v.based_on, 0) <> coalesce(before.number, 0) then
        raise exception using errcode = 'SL409', message = 'blueprint_moved',
            detail = jsonb_build_object(
                'detail', case when before.id is null then 'No version of the process is in force.'
                               else format('Version %s is in force by now.', before.number) end,
                'published', before.number, 'based_on', coalesce(started_from, v.based_on))::text,
            hint = 'compare with what is in force (plan), then publish with its number in "based_on"';
    end if;
    perform sluice.design_check_mapping(v, given);
    perform sluice.design_check_occupied(v, given);
    -- an older draft that comes later gets a later number
    select max(x.number) into last from sluice.blueprint_version x where x.blueprint_id = b_id and x.status <> 'draft';
    if v.number <= last then
        select max(x.number) + 1 into last from sluice.blueprint_version x where x.blueprint_id = b_id;
        update sluice.blueprint_version x set number = last where x.id = v_id;
    end if;
    update sluice.blueprint_version x
       set mapping = given, based_on = nullif(coalesce(started_from, v.based_on), 0)
     where x.id = v_id;
    perform sluice.blueprint_enforce(v_id);
    if before.id is not null then
        perform sluice.design_note(before.id, 'update', '{"status": {"old": "published", "new": "retired"}}',
                                   jsonb_build_object('followed_by', v_id), null);
    end if;
    perform sluice.design_note(v_id, 'update', '{"status": {"old": "draft", "new": "published"}}',
        nullif(coalesce(detail, '{}') || case when given = '{}' then '{}' else jsonb_build_object('mapping', given) end,
               '{}'), 'published');
    return (select x.version from sluice.blueprint_version x where x.id = v_id);
end
$$;

-- From a document to a version in force, at once or not at all.
create or replace function sluice.design_apply(v_id uuid, doc jsonb, base integer, mapping jsonb, detail jsonb)
    returns bigint
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    perform sluice.design_create(v_id, doc, null);
    return sluice.design_publish(v_id, null, base, mapping, detail);
end
$$;

-- Ends the force of a version. The last one of an entity stays: records are born under it.
create or replace function sluice.design_retire(v_id uuid, expected_version bigint) returns bigint
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    v sluice.blueprint_version;
    its_entity text;
begin
    select b.entity into its_entity
      from sluice.blueprint_version x join sluice.blueprint b on b.id = x.blueprint_id
     where x.id = v_id for update of b;
    select * into v from sluice.blueprint_version x where x.id = v_id for update;
    if v.id is null or v.version <> expected_version then
        return null;
    end if;
    if v.status <> 'published' then
        perform sluice.refuse_published(format('A %s version is not in force.', v.status));
    end if;
    -- whoever retires another one of the entity waits here
    perform from sluice.blueprint b where b.entity = its_entity order by b.id for update;
    if not exists (select from sluice.blueprint_version o join sluice.blueprint b on b.id = o.blueprint_id
                    where b.entity = its_entity and o.status = 'published' and o.id <> v_id) then
        raise exception using errcode = 'SL409', message = 'in_use',
            detail = format('Nothing else governs a new %s.', its_entity),
            hint = 'publish what is to follow; this one then retires by itself';
    end if;
    update sluice.blueprint_version x set status = 'retired' where x.id = v_id;
    perform sluice.design_note(v_id, 'update', '{"status": {"old": "published", "new": "retired"}}', null, 'retired');
    return (select x.version from sluice.blueprint_version x where x.id = v_id);
end
$$;

-- Throws a draft away; a process that has nothing else goes with it.
create or replace function sluice.design_erase(v_id uuid, expected_version bigint) returns bigint
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    v sluice.blueprint_version := sluice.design_draft(v_id, expected_version);
begin
    if v.id is null then
        return null;
    end if;
    perform sluice.design_empty(v_id);
    delete from sluice.blueprint_version x where x.id = v_id;
    delete from sluice.blueprint b
     where b.id = v.blueprint_id
       and not exists (select from sluice.blueprint_version o where o.blueprint_id = b.id);
    perform sluice.design_note(v_id, 'delete', jsonb_build_object('number', jsonb_build_object('old', v.number)),
                               null, null);
    return v.version;
end
$$;

-- What a document is judged by: who has which role, the other processes in force, and what is in force now of
-- its own.
drop function if exists sluice.design_world(text, text);

drop function if exists sluice.design_world(text, text);
create or replace function sluice.design_world(
    entity text, key text, out users jsonb, out teams jsonb, out calendars jsonb, out segments jsonb, out roles jsonb, out others jsonb, out custom jsonb, out published jsonb, out published_id uuid,
    out published_number integer
)
    language sql stable as $$
    select (select coalesce(jsonb_agg(jsonb_build_object('key', u.id, 'disabled', u.disabled)), '[]') from sluice.app_user u),
           (select coalesce(jsonb_agg(jsonb_build_object('key', m.id, 'users',
                       (select count(*) from sluice.team_member x where x.team_id = m.id))), '[]') from sluice.team m),
           (select coalesce(jsonb_agg(jsonb_build_object('key', c.key)), '[]') from sluice.calendar c),
           (select coalesce(jsonb_agg(jsonb_build_object('key', g.key)), '[]') from sluice.segment g where g.deleted_at is null),
           (select coalesce(jsonb_agg(jsonb_build_object('key', r.key, 'users',
                       (select count(*) from sluice.user_role x join sluice.app_user u on u.id = x.user_id
                         where x.role = r.key and not u.disabled)
                       + (select count(*) from sluice.api_key_role x join sluice.api_key k on k.id = x.api_key_id
                           where x.role = r.key and k.revoked_at is null))
                       order by r.position, r.key), '[]') from sluice.role r),
           (select coalesce(jsonb_agg(sluice.blueprint_document(v.id) order by b.entity, b.key), '[]')
              from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id
             where v.status = 'published' and (b.entity, b.key) <> (design_world.entity, design_world.key)),
           (select jsonb_object_agg(e, sluice.custom_definitions(e)) from unnest('{lead,account,contact,opportunity}'::text[]) e),
           sluice.blueprint_document(p.id), p.id, p.number
      from (values (0)) one
      left join (select v.id, v.number
                   from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id
                  where b.entity = design_world.entity and b.key = design_world.key and v.status = 'published') p
        on true;
$$;

grant execute on function
    sluice.design_create(uuid, jsonb, uuid), sluice.design_write(uuid, bigint, jsonb, jsonb, jsonb),
    sluice.design_publish(uuid, bigint, integer, jsonb, jsonb), sluice.design_apply(uuid, jsonb, integer, jsonb, jsonb),
    sluice.design_retire(uuid, bigint), sluice.design_erase(uuid, bigint), sluice.design_world(text, text)
    to sluice_app;

reset role;
