-- Blueprints: published versions never change; shipped ones arrive as documents.

set role sluice_owner;

create or replace function sluice.refuse_published(what text) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'SL409', message = 'conflict', detail = what;
end
$$;

-- Rows of a version may change while it is a draft. Argument: how the row finds its version.
create or replace function sluice.draft_only() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    version_id uuid;
    other_id uuid;
begin
    if tg_argv[0] = 'version' then
        version_id := case when tg_op = 'INSERT' then new.blueprint_version_id else old.blueprint_version_id end;
        other_id := case when tg_op = 'UPDATE' then new.blueprint_version_id else version_id end;
    else
        select t.blueprint_version_id into version_id from sluice.transition t
         where t.id = case when tg_op = 'INSERT' then new.transition_id else old.transition_id end;
        select t.blueprint_version_id into other_id from sluice.transition t
         where t.id = case when tg_op = 'DELETE' then old.transition_id else new.transition_id end;
    end if;
    if exists (select from sluice.blueprint_version v
                where v.id in (version_id, other_id) and v.status <> 'draft') then
        perform sluice.refuse_published('A published blueprint version never changes; make a new version.');
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;

-- A version is drafted, published, retired; never back. Publishing demands what records live by.
create or replace function sluice.version_life() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if tg_op = 'DELETE' then
        if old.status <> 'draft' then
            perform sluice.refuse_published('A published blueprint version is never deleted.');
        end if;
        return old;
    end if;
    if old.status <> 'draft' and (new.id, new.blueprint_id, new.number, new.label, new.priority, new.note,
                                  new.based_on, new.mapping, new.created_at, new.created_by, new.published_at,
                                  new.published_by)
            is distinct from (old.id, old.blueprint_id, old.number, old.label, old.priority, old.note,
                              old.based_on, old.mapping, old.created_at, old.created_by, old.published_at,
                              old.published_by) then
        perform sluice.refuse_published('A published blueprint version never changes; make a new version.');
    end if;
    if old.status = new.status then
        return new;
    end if;
    if (old.status, new.status) not in (('draft', 'published'), ('published', 'retired'), ('retired', 'published')) then
        perform sluice.refuse_published(format('A %s version cannot become %s.', old.status, new.status));
    end if;
    if new.status = 'retired' then
        new.retired_at := sluice.now();
        return new;
    end if;
    if not exists (select from sluice.transition t where t.blueprint_version_id = new.id and t.kind = 'initial') then
        perform sluice.refuse_published('The version has no initial transition.');
    end if;
    if exists (select from sluice.transition t
                where t.blueprint_version_id = new.id and t.kind <> 'initial' and not t.from_any
                  and not exists (select from sluice.transition_from f
                                   where f.transition_id = t.id and not f."except")) then
        perform sluice.refuse_published('A transition of the version leaves no state.');
    end if;
    if exists (select from sluice.transition t join sluice.transition_from f on f.transition_id = t.id
                where t.blueprint_version_id = new.id
                  and (t.kind = 'initial' or f."except" <> t.from_any)) then
        perform sluice.refuse_published('A transition of the version leaves states in two ways at once.');
    end if;
    if exists (select from sluice.sla l
                 join sluice.state s on s.blueprint_version_id = l.blueprint_version_id and s.key = l.state
                where l.blueprint_version_id = new.id and s.pausing) then
        perform sluice.refuse_published('A pausing state of the version has thresholds: time does not count there.');
    end if;
    if exists (select from sluice.sla l
                where l.blueprint_version_id = new.id and l.what = 'move'
                  and not exists (select from sluice.transition t
                                   where t.blueprint_version_id = new.id and t.kind = 'manual'
                                     and t.key = l.params ->> 'transition'
                                     and t.from_any <> exists (select from sluice.transition_from f
                                                                where f.transition_id = t.id and f.state = l.state))) then
        perform sluice.refuse_published('A threshold of the version moves by a transition that does not leave its state.');
    end if;
    new.published_at := coalesce(old.published_at, sluice.now());
    new.published_by := coalesce(old.published_by, sluice.actor_id());
    new.retired_at := null;
    return new;
end
$$;

-- A version is born as a draft, whoever makes it.
create or replace function sluice.version_birth() returns trigger
    language plpgsql as $$
begin
    new.status := 'draft';
    return new;
end
$$;

-- Guards form trees whose inner nodes are groups.
create or replace function sluice.guard_tree() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    at uuid := new.parent;
    steps integer := 0;
    node record;
begin
    while at is not null loop
        steps := steps + 1;
        if at = new.id or steps > 32 then
            raise exception using errcode = 'SL422', message = 'validation_failed', constraint = 'guard_tree_check',
                detail = 'The groups of guards contain each other, or are nested deeper than 32.';
        end if;
        select g.parent, g.op into node from sluice.guard g where g.id = at;
        if node.op is null then
            raise exception using errcode = 'SL422', message = 'validation_failed', constraint = 'guard_tree_check',
                detail = 'Only a group may contain guards.';
        end if;
        at := node.parent;
    end loop;
    if new.op is null and exists (select from sluice.guard g where g.parent = new.id) then
        raise exception using errcode = 'SL422', message = 'validation_failed', constraint = 'guard_tree_check',
            detail = 'Only a group may contain guards.';
    end if;
    return null;
end
$$;

create or replace trigger blueprint_version_birth before insert on sluice.blueprint_version
    for each row execute function sluice.version_birth();
create or replace trigger blueprint_version_life before update or delete on sluice.blueprint_version
    for each row execute function sluice.version_life();
create or replace trigger state_draft before insert or update or delete on sluice.state
    for each row execute function sluice.draft_only('version');
create or replace trigger sla_draft before insert or update or delete on sluice.sla
    for each row execute function sluice.draft_only('version');
create or replace trigger transition_draft before insert or update or delete on sluice.transition
    for each row execute function sluice.draft_only('version');
create or replace trigger transition_from_draft before insert or update or delete on sluice.transition_from
    for each row execute function sluice.draft_only('version');
create or replace trigger transition_actor_draft before insert or update or delete on sluice.transition_actor
    for each row execute function sluice.draft_only('transition');
create or replace trigger transition_approver_draft before insert or update or delete on sluice.transition_approver
    for each row execute function sluice.draft_only('transition');
create or replace trigger guard_draft before insert or update or delete on sluice.guard
    for each row execute function sluice.draft_only('transition');
create or replace trigger input_draft before insert or update or delete on sluice.input
    for each row execute function sluice.draft_only('transition');
create or replace trigger action_draft before insert or update or delete on sluice.action
    for each row execute function sluice.draft_only('transition');
create or replace trigger guard_tree after insert or update on sluice.guard
    for each row execute function sluice.guard_tree();

-- The id of something named by a path: the same everywhere (a UUID of version 8).
create or replace function sluice.path_id(path text) returns uuid
    language sql immutable parallel safe
    return overlay(overlay(md5(path) placing '8' from 13 for 1) placing '8' from 17 for 1)::uuid;

-- Inserts one guard of a document and what is inside it.
create or replace function sluice.guard_import(
    transition_id uuid, path text, parent uuid, "position" integer, doc jsonb
) returns void
    language plpgsql set search_path = sluice, pg_temp as $$
declare
    guard_id uuid := sluice.path_id(path || '/' || (doc ->> 'key'));
    child record;
begin
    insert into sluice.guard (id, transition_id, key, parent, position, op, kind, params, message)
    values (guard_id, guard_import.transition_id, doc ->> 'key', guard_import.parent, guard_import."position",
            doc ->> 'op', doc ->> 'kind', coalesce(doc -> 'params', '{}'), doc -> 'message');
    for child in select e.value, e.ordinality from jsonb_array_elements(doc -> 'guards') with ordinality e loop
        perform sluice.guard_import(transition_id, path, guard_id, child.ordinality::integer, child.value);
    end loop;
end
$$;

-- A duration as thresholds keep it: "after" as it stands, or "after_s" in seconds. Null if there is none.
create or replace function sluice.duration_of(doc jsonb) returns text
    language sql immutable parallel safe
    return coalesce(doc ->> 'after', 'PT' || (doc ->> 'after_s') || 'S');

-- A transition's "auto" as documents have it.
create or replace function sluice.auto_of(t sluice.transition) returns jsonb
    language sql immutable parallel safe
    return nullif(jsonb_strip_nulls(jsonb_build_object(
        'after', t.auto_after, 'at_field', t.auto_at_field, 'when', t.auto_when, 'calendar', t.auto_calendar)), '{}');

-- Who must agree to a transition, as documents have it.
create or replace function sluice.approval_of(t sluice.transition) returns jsonb
    language sql stable as $$
    select jsonb_build_object('needed', t.approval_needed, 'actors', (
               select coalesce(jsonb_agg(jsonb_build_object('kind', a.kind, 'value', a.value) order by a.position), '[]')
                 from sluice.transition_approver a where a.transition_id = t.id))
     where t.approval_needed is not null;
$$;

-- Refuses a document that names a calendar which is not there, with the pointer to the first one.
create or replace function sluice.calendars_known(doc jsonb) returns void
    language plpgsql stable as $$
declare
    wrong record;
begin
    with recursive t(at, doc) as (
        select '/transitions/' || e.ordinality - 1, e.value from jsonb_array_elements(doc -> 'transitions') with ordinality e
    ), g(at, doc) as (
        select t.at || '/guards/' || e.ordinality - 1, e.value
          from t cross join lateral jsonb_array_elements(t.doc -> 'guards') with ordinality e
        union all
        select g.at || '/guards/' || e.ordinality - 1, e.value
          from g cross join lateral jsonb_array_elements(nullif(g.doc -> 'guards', 'null')) with ordinality e
    )
    select x.at, x.key into wrong
      from (select '/states/' || s.ordinality - 1 || '/sla/' || l.ordinality - 1 || '/calendar' as at,
                   l.value ->> 'calendar' as key
              from jsonb_array_elements(doc -> 'states') with ordinality s
             cross join lateral jsonb_array_elements(s.value -> 'sla') with ordinality l
            union all
            select t.at || '/auto/calendar', t.doc #>> '{auto,calendar}' from t
            union all
            select g.at || '/params/calendar', g.doc #>> '{params,calendar}' from g) x
     where x.key is not null and not exists (select from sluice.calendar c where c.key = x.key)
     limit 1;
    if found then
        raise exception using errcode = 'SL422', message = 'unknown_reference', column = wrong.at,
            detail = format('There is no calendar "%s".', wrong.key);
    end if;
end
$$;

-- Fills an empty draft from a document (as in sql/blueprints). Ids follow from @path and keys.
create or replace function sluice.blueprint_fill(v_id uuid, path text, doc jsonb) returns void
    language plpgsql set search_path = sluice, pg_temp as $$
declare
    t_id uuid;
    at text;
    item record;
begin
    perform sluice.calendars_known(doc);
    -- one edit is one version, however many of its rows changed
    update sluice.blueprint_version v
       set version = v.version + 1, label = coalesce(doc -> 'label', '{}'), priority = coalesce((doc ->> 'priority')::integer, 0), criteria = coalesce(nullif(doc -> 'criteria', 'null'), '[]'),
           note = doc ->> 'note'
     where v.id = v_id;
    insert into sluice.state (blueprint_version_id, key, label, category, position, probability, forecast_category,
                              pausing)
    select v_id, s.value ->> 'key', coalesce(s.value -> 'label', '{}'), s.value ->> 'category', s.ordinality,
           (s.value ->> 'probability')::integer, s.value ->> 'forecast_category',
           coalesce((s.value ->> 'pausing')::boolean, false)
      from jsonb_array_elements(doc -> 'states') with ordinality s;
    insert into sluice.sla (blueprint_version_id, state, key, position, after, since, calendar, what, params)
    select v_id, s.value ->> 'key', l.value ->> 'key', l.ordinality, sluice.duration_of(l.value),
           coalesce(l.value ->> 'since', 'entry'), l.value ->> 'calendar',
           l.value ->> 'what', coalesce(l.value -> 'params', '{}')
      from jsonb_array_elements(doc -> 'states') s
     cross join lateral jsonb_array_elements(s.value -> 'sla') with ordinality l;
    perform sluice.steps_import(v_id, doc -> 'states');

    for item in select e.value as t, e.ordinality as n from jsonb_array_elements(doc -> 'transitions') with ordinality e loop
        at := path || '/' || (item.t ->> 'key');
        t_id := sluice.path_id(at);
        insert into sluice.transition (id, blueprint_version_id, key, label, kind, from_any, to_state, position,
                                       auto_after, auto_at_field, auto_when, auto_calendar, approval_needed)
        values (t_id, v_id, item.t ->> 'key', coalesce(item.t -> 'label', '{}'), coalesce(item.t ->> 'kind', 'manual'),
                coalesce(item.t -> 'from' = '"any"', false), item.t ->> 'to', item.n,
                sluice.duration_of(item.t -> 'auto'), item.t #>> '{auto,at_field}',
                nullif((item.t #>> '{auto,when}')::boolean, false), item.t #>> '{auto,calendar}',
                (item.t #>> '{approval,needed}')::integer);
        insert into sluice.transition_approver (transition_id, position, kind, value)
        select t_id, a.ordinality, a.value ->> 'kind', a.value ->> 'value'
          from jsonb_array_elements(item.t #> '{approval,actors}') with ordinality a;
        insert into sluice.transition_from (transition_id, blueprint_version_id, state, "except")
        select t_id, v_id, s, false from jsonb_array_elements_text(nullif(item.t -> 'from', '"any"')) s
        union all
        select t_id, v_id, s, true from jsonb_array_elements_text(item.t -> 'except') s;
        insert into sluice.transition_actor (transition_id, position, kind, value)
        select t_id, a.ordinality, a.value ->> 'kind', a.value ->> 'value'
          from jsonb_array_elements(item.t -> 'actors') with ordinality a;
        insert into sluice.input (transition_id, key, position, kind, required, label, params)
        select t_id, i.value ->> 'key', i.ordinality, i.value ->> 'kind',
               coalesce((i.value ->> 'required')::boolean, false), coalesce(i.value -> 'label', '{}'),
               coalesce(i.value -> 'params', '{}')
          from jsonb_array_elements(item.t -> 'inputs') with ordinality i;
        perform sluice.actions_import(t_id, item.t -> 'actions');
        perform sluice.guard_import(t_id, at, null, g.ordinality::integer, g.value)
           from jsonb_array_elements(item.t -> 'guards') with ordinality g;
    end loop;
end
$$;

-- Makes the draft the version in force; the one before it retires.
create or replace function sluice.blueprint_enforce(v_id uuid) returns void
    language plpgsql set search_path = sluice, pg_temp as $$
declare
    v sluice.blueprint_version;
begin
    select * into strict v from sluice.blueprint_version x where x.id = v_id;
    update sluice.blueprint_version x set status = 'retired'
     where x.blueprint_id = v.blueprint_id and x.status = 'published';
    update sluice.blueprint_version x set status = 'published' where x.id = v_id;
    update sluice.blueprint b set label = v.label, priority = v.priority where b.id = v.blueprint_id;
end
$$;

-- Brings a blueprint version from a document (as in sql/blueprints) and publishes it, unless that number is
-- there already or a higher one is published. Ids follow from keys, so they are the same everywhere. Returns
-- whether it did anything.
create or replace function sluice.blueprint_import(doc jsonb) returns boolean
    language plpgsql set search_path = sluice, pg_temp as $$
declare
    b_id uuid;
    v_id uuid;
    path text := format('%s/%s/%s', doc ->> 'entity', doc ->> 'key', doc ->> 'number');
begin
    insert into sluice.blueprint (id, entity, key, label)
    values (sluice.path_id(format('%s/%s', doc ->> 'entity', doc ->> 'key')), doc ->> 'entity', doc ->> 'key', doc -> 'label')
        on conflict (entity, key) do nothing;
    select b.id into strict b_id from sluice.blueprint b where b.entity = doc ->> 'entity' and b.key = doc ->> 'key'
        for update;
    if exists (select from sluice.blueprint_version v
                where v.blueprint_id = b_id
                  and (v.number = (doc ->> 'number')::integer
                       or v.status = 'published' and v.number > (doc ->> 'number')::integer)) then
        return false;
    end if;

    v_id := sluice.path_id(path);
    insert into sluice.blueprint_version (id, blueprint_id, number) values (v_id, b_id, (doc ->> 'number')::integer);
    perform sluice.blueprint_fill(v_id, path, doc);
    perform sluice.blueprint_enforce(v_id);
    return true;
end
$$;

-- The keys that a choice input offers; reasons come from their tables.
create or replace function sluice.choices_from(name text) returns jsonb
    language sql stable as $$
    select coalesce(jsonb_agg(r.key order by r.position, r.key), '[]')
      from (select key, position from sluice.unqualified_reason where active and name = 'unqualified_reason'
            union all
            select key, position from sluice.dead_reason where active and name = 'dead_reason'
            union all
            select key, position from sluice.lost_reason where active and name = 'lost_reason'
            union all
            select key, position from sluice.rejection_reason where active and name = 'rejection_reason') r;
$$;

-- A version as the document that the daemon compiles.
create or replace function sluice.blueprint_doc(version_id uuid) returns jsonb
    language sql stable as $$
    select jsonb_build_object(
        'id', v.id, 'entity', b.entity, 'key', b.key, 'number', v.number, 'label', v.label,
        'criteria', v.criteria,
        'states', (
            select coalesce(jsonb_agg(jsonb_build_object(
                       'key', s.key, 'label', s.label, 'category', s.category, 'position', s.position,
                       'probability', s.probability, 'forecast_category', s.forecast_category, 'pausing', s.pausing,
                       'steps', sluice.steps_doc(v.id, s.key, true),
                       'sla', (
                           select coalesce(jsonb_agg(jsonb_build_object(
                                      'key', l.key, 'after', l.after, 'since', l.since, 'calendar', l.calendar,
                                      'what', l.what, 'params', l.params) order by l.position, l.key), '[]')
                             from sluice.sla l where l.blueprint_version_id = v.id and l.state = s.key))
                       order by s.position, s.key), '[]')
              from sluice.state s where s.blueprint_version_id = v.id),
        'transitions', (
            select coalesce(jsonb_agg(jsonb_build_object(
                       'key', t.key, 'label', t.label, 'kind', t.kind, 'to', t.to_state, 'position', t.position,
                       'from_any', t.from_any, 'auto', sluice.auto_of(t.*),
                       'approval', sluice.approval_of(t.*),
                       'from', case when not t.from_any then (
                           select coalesce(jsonb_agg(f.state order by s.position), '[]')
                             from sluice.transition_from f
                             join sluice.state s on s.blueprint_version_id = v.id and s.key = f.state
                            where f.transition_id = t.id and not f."except") end,
                       'except', (
                           select coalesce(jsonb_agg(f.state order by f.state), '[]')
                             from sluice.transition_from f where f.transition_id = t.id and f."except"),
                       'actors', (
                           select coalesce(jsonb_agg(jsonb_build_object('kind', a.kind, 'value', a.value)
                                                     order by a.position), '[]')
                             from sluice.transition_actor a where a.transition_id = t.id),
                       'guards', (
                           select coalesce(jsonb_agg(jsonb_build_object(
                                      'id', g.id, 'key', g.key, 'parent', g.parent, 'position', g.position,
                                      'op', g.op, 'kind', g.kind, 'params', g.params, 'message', g.message)
                                      order by g.parent nulls first, g.position, g.key), '[]')
                             from sluice.guard g where g.transition_id = t.id),
                       'actions', sluice.actions_doc(t.id),
                       'inputs', (
                           select coalesce(jsonb_agg(jsonb_build_object(
                                      'key', i.key, 'kind', i.kind, 'required', i.required, 'label', i.label,
                                      'params', i.params - 'choices_from' || case when i.params ? 'choices_from'
                                          then jsonb_build_object('choices', sluice.choices_from(i.params ->> 'choices_from'))
                                          else '{}' end)
                                      order by i.position, i.key), '[]')
                             from sluice.input i where i.transition_id = t.id))
                       order by t.position, t.key), '[]')
              from sluice.transition t where t.blueprint_version_id = v.id))
      from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
     where v.id = version_id;
$$;

-- Guards of a transition inside @parent (null: the outermost), as a tree.
create or replace function sluice.guard_nest(guards jsonb, parent text) returns jsonb
    language plpgsql stable as $$
begin
    return (select coalesce(jsonb_agg(jsonb_strip_nulls(
                       g - '{id,parent,position,params}'::text[]
                       || jsonb_build_object('params', case when g ->> 'op' is null then g -> 'params' end,
                                             'guards', case when g ->> 'op' is not null
                                                            then sluice.guard_nest(guards, g ->> 'id') end))
                       order by (g ->> 'position')::integer, g ->> 'key'), '[]')
              from jsonb_array_elements(guards) g
             where g ->> 'parent' is not distinct from parent);
end
$$;

-- A version as a document, as people write them: guards as trees, nothing that is empty. What
-- blueprint_fill() reads, this writes.
create or replace function sluice.blueprint_document(version_id uuid) returns jsonb
    language sql stable as $$
    select jsonb_strip_nulls(jsonb_build_object(
        'entity', b.entity, 'key', b.key, 'number', v.number, 'label', nullif(v.label, '{}'),
        'priority', nullif(v.priority, 0), 'note', v.note, 'criteria', nullif(v.criteria, '[]'),
        'states', (
            select jsonb_agg(jsonb_build_object(
                       'key', s.key, 'label', nullif(s.label, '{}'), 'category', s.category, 'probability', s.probability,
                       'forecast_category', s.forecast_category, 'pausing', nullif(s.pausing, false),
                       'steps', sluice.steps_doc(v.id, s.key, false), 'sla', (
                           select jsonb_agg(jsonb_build_object(
                                      'key', l.key, 'after', l.after, 'since', nullif(l.since, 'entry'),
                                      'calendar', l.calendar, 'what', l.what, 'params', nullif(l.params, '{}')) order by l.position, l.key)
                             from sluice.sla l where l.blueprint_version_id = v.id and l.state = s.key))
                       order by s.position, s.key)
              from sluice.state s where s.blueprint_version_id = v.id),
        'transitions', (
            select jsonb_agg(jsonb_build_object(
                       'key', t.key, 'label', nullif(t.label, '{}'), 'kind', nullif(t.kind, 'manual'), 'to', t.to_state,
                       'auto', sluice.auto_of(t.*), 'approval', sluice.approval_of(t.*),
                       'from', case when t.from_any then '"any"' else (
                           select jsonb_agg(f.state order by s.position)
                             from sluice.transition_from f
                             join sluice.state s on s.blueprint_version_id = v.id and s.key = f.state
                            where f.transition_id = t.id and not f."except") end,
                       'except', (
                           select jsonb_agg(f.state order by s.position)
                             from sluice.transition_from f
                             join sluice.state s on s.blueprint_version_id = v.id and s.key = f.state
                            where f.transition_id = t.id and f."except"),
                       'actors', (
                           select jsonb_agg(jsonb_build_object('kind', a.kind, 'value', a.value) order by a.position)
                             from sluice.transition_actor a where a.transition_id = t.id),
                       'guards', (
                           select nullif(sluice.guard_nest(jsonb_agg(jsonb_build_object(
                                      'id', g.id, 'key', g.key, 'parent', g.parent, 'position', g.position,
                                      'op', g.op, 'kind', g.kind, 'params', nullif(g.params, '{}'),
                                      'message', g.message)), null), '[]')
                             from sluice.guard g where g.transition_id = t.id),
                       'actions', nullif(sluice.actions_doc(t.id), '[]'),
                       'inputs', (
                           select jsonb_agg(jsonb_build_object(
                                      'key', i.key, 'kind', i.kind, 'required', nullif(i.required, false),
                                      'label', nullif(i.label, '{}'), 'params', nullif(i.params, '{}'))
                                      order by i.position, i.key)
                             from sluice.input i where i.transition_id = t.id))
                       order by t.position, t.key)
              from sluice.transition t where t.blueprint_version_id = v.id)))
      from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
     where v.id = version_id;
$$;

grant execute on function
    sluice.choices_from(text), sluice.auto_of(sluice.transition), sluice.approval_of(sluice.transition),
    sluice.blueprint_doc(uuid), sluice.guard_nest(jsonb, text),
    sluice.blueprint_document(uuid)
    to sluice_app;

reset role;
