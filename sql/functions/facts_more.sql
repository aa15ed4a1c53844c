-- Facts that only some guards look at, brought for the processes that have such guards.

set role sluice_owner;

-- What the guards of a version need beside the usual facts: words that facts_more() knows.
create or replace function sluice.version_needs(version_id uuid) returns text[]
    language sql stable as $$
    select coalesce(array_agg(distinct n.need order by n.need), '{}')
      from (select case
                       when g.kind = 'field_changed' then 'changed'
                       when g.kind = 'duplicate_free' then 'duplicates'
                       when g.kind = 'in_segment' then 'segments'
                       when g.kind = 'checklist_complete' then 'ticks'
                       when g.kind = 'working_time' then 'calendars'
                       when g.kind = 'approval' then 'approvals'
                       when g.kind = 'visited_state' or g.kind = 'actor_differs' and g.params ->> 'from' like 'transition:%'
                       then 'visits'
                       when g.kind = 'open_tasks' then 'tasks'
                       when g.kind in ('related_count', 'related_exists', 'children_closed') then
                           case g.params ->> 'of' when 'contact' then 'contacts' when 'lead' then 'leads'
                                                  when 'opportunity' then 'opportunities'
                                                  when 'equipment' then 'equipment' when 'task' then 'tasks' end
                   end as need
              from sluice.transition t join sluice.guard g on g.transition_id = t.id
             where t.blueprint_version_id = version_id
            union all
            select 'deputies' from sluice.transition t join sluice.transition_actor a on a.transition_id = t.id
             where t.blueprint_version_id = version_id and a.kind in ('user', 'field')
            union all
            select 'deputies' from sluice.step_actor a
             where a.blueprint_version_id = version_id and a.kind in ('user', 'field')
            union all
            select 'custom' from sluice.transition t join sluice.input i on i.transition_id = t.id
             where t.blueprint_version_id = version_id and i.params ->> 'field' like 'custom.%'
            union all
            select 'tasks' from sluice.transition t join sluice.input i on i.transition_id = t.id
             where t.blueprint_version_id = version_id and i.kind = 'task' and i.required
            union all
            select 'tasks' from sluice.step_input i
             where i.blueprint_version_id = version_id and i.kind = 'task' and i.required
            union all
            select 'custom' from sluice.step_input i
             where i.blueprint_version_id = version_id and i.params ->> 'field' like 'custom.%'
            union all
            select 'steps' from sluice.step s where s.blueprint_version_id = version_id) n
     where n.need is not null;
$$;

-- In plpgsql, whose plans are kept: every decision asks.
create or replace function sluice.needs_of(version_id uuid) returns text[]
    language plpgsql stable as $$
declare
    needs text[];
begin
    select v.needs into needs from sluice.blueprint_version v where v.id = version_id;
    return coalesce(needs, sluice.version_needs(version_id));
end
$$;

-- Whether a birth under the version needs a decision.
create or replace function sluice.version_judged(version_id uuid, criteria jsonb) returns boolean
    language sql stable as $$
    select criteria <> '[]' or exists (
        select from sluice.transition t
         where t.blueprint_version_id = version_id and t.kind = 'initial'
           and (exists (select from sluice.guard g where g.transition_id = t.id)
                or exists (select from sluice.transition_actor a where a.transition_id = t.id)));
$$;

-- A published version never changes, so what it needs is found out once.
create or replace function sluice.keep_needs() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    new.needs := sluice.version_needs(new.id);
    new.judged := sluice.version_judged(new.id, new.criteria);
    return new;
end
$$;

-- Criteria are part of what was published.
create or replace function sluice.keep_criteria() returns trigger
    language plpgsql as $$
begin
    perform sluice.refuse_published('A published blueprint version never changes; make a new version.');
    return null;
end
$$;

create or replace trigger blueprint_version_criteria before update of criteria on sluice.blueprint_version
    for each row when (old.status <> 'draft' and old.criteria is distinct from new.criteria)
    execute function sluice.keep_criteria();
create or replace trigger blueprint_version_needs before update of status on sluice.blueprint_version
    for each row when (new.status = 'published') execute function sluice.keep_needs();

-- The account that a record belongs to.
create or replace function sluice.account_of(entity text, record_id uuid) returns uuid
    language sql stable as $$
    select case entity when 'account' then record_id
                       when 'lead' then (select l.account_id from sluice.lead l where l.id = record_id)
                       else (select o.account_id from sluice.opportunity o where o.id = record_id) end;
$$;

-- Fields that were changed since the record entered its state, as the API names them.
create or replace function sluice.changed_since_entry(record_id uuid) returns jsonb
    language sql stable as $$
    select coalesce(jsonb_agg(distinct regexp_replace(k.key, '^(estimated_value|amount)_(amount|currency)$', '\1')), '[]')
      from sluice.audit a cross join lateral jsonb_object_keys(a.changes) k(key)
     where a.record_id = changed_since_entry.record_id and a.action = 'update'
       and a.seq > (select v.id from sluice.visit v where v.record_id = changed_since_entry.record_id and v.left_at is null);
$$;

-- Other living records with the same exact keys: tax number, e-mail, phone. Among its own kind, for a lead among accounts
-- (tax number) and contacts too; what a lead became is no duplicate.
create or replace function sluice.duplicates_of(entity text, record_id uuid) returns bigint
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    kin uuid[] := (sluice.match_source_of(entity, record_id)).kin || record_id;
begin
    return (select count(distinct o.record_id)
              from sluice.match_key k
              join sluice.match_key o on o.kind = k.kind and o.key = k.key
             where k.record_id = duplicates_of.record_id and k.kind in ('tax_id', 'email', 'phone')
               and (o.entity = k.entity
                    or k.entity = 'lead' and o.entity = case k.kind when 'tax_id' then 'account' else 'contact' end)
               and o.record_id <> all(kin));
end
$$;

create or replace function sluice.contacts_json(account_id uuid) returns jsonb
    language sql stable as $$
    select coalesce(jsonb_agg(to_jsonb(f) order by c.created_at desc, c.id), '[]')
      from (select x.id, x.created_at from sluice.contact x where x.account_id = contacts_json.account_id and x.deleted_at is null
             order by x.created_at desc, x.id limit 500) c
      join sluice.contact_fact f on f.id = c.id;
$$;

create or replace function sluice.opportunities_json(account_id uuid) returns jsonb
    language sql stable as $$
    select coalesce(jsonb_agg(to_jsonb(f) order by o.created_at desc, o.id), '[]')
      from (select x.id, x.created_at from sluice.opportunity x
             where x.account_id = opportunities_json.account_id and x.deleted_at is null
             order by x.created_at desc, x.id limit 500) o
      join sluice.opportunity_fact f on f.id = o.id;
$$;

create or replace function sluice.leads_json(account_id uuid) returns jsonb
    language sql stable as $$
    select coalesce(jsonb_agg(to_jsonb(f) order by l.created_at desc, l.id), '[]')
      from (select x.id, x.created_at from sluice.lead x
             where x.account_id = leads_json.account_id and x.deleted_at is null
             order by x.created_at desc, x.id limit 500) l
      join sluice.lead_fact f on f.id = l.id;
$$;

create or replace function sluice.ticks_json(record_id uuid) returns jsonb
    language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object('item', t.item, 'at', sluice.rfc3339(t.at), 'by', t.ticked_by,
                                                 'transition', t.transition) order by t.id), '[]')
      from (select * from sluice.checklist_tick x where x.record_id = ticks_json.record_id
             order by x.id desc limit 500) t;
$$;

-- The newest tasks, newest first, and the fingerprint of which they are in which version.
create or replace function sluice.tasks_of(entity text, record_id uuid, out list jsonb, out print text)
    language plpgsql stable as $$
begin
    select coalesce(jsonb_agg(jsonb_build_object(
               'id', x.id, 'subject', x.subject, 'status', x.status, 'priority', x.priority,
               'due_at', sluice.rfc3339(x.due_at), 'assignee_id', x.assignee_id, 'transition', x.transition,
               'created_at', sluice.rfc3339(x.created_at), 'created_by', x.created_by) order by x.created_at desc), '[]'),
           count(*) || ':' || coalesce(sum(uuid_hash_extended(x.id, x.version)), 0)
      into list, print
      from (select * from sluice.task y
             where y.deleted_at is null
               and (y.lead_id = case when entity = 'lead' then tasks_of.record_id end  -- so written, an index finds them
                    or y.account_id = case when entity = 'account' then tasks_of.record_id end
                    or y.opportunity_id = case when entity = 'opportunity' then tasks_of.record_id end)
             order by y.created_at desc limit 500) x;
end
$$;

-- Whether each calendar is open now, and when it opens next.
create or replace function sluice.calendars_json() returns jsonb
    language plpgsql stable as $$
begin
    return (select coalesce(jsonb_object_agg(c.key, jsonb_build_object(
                       'open', c.opens_at = sluice.now(), 'opens_at', sluice.rfc3339(c.opens_at))), '{}')
              from (select x.key, sluice.add_working(x.key, sluice.now(), 0) as opens_at from sluice.calendar x) c);
end
$$;

-- The facts that a version's guards and actor rules need beside the usual ones.
drop function if exists sluice.facts_more(text, uuid, uuid);

create or replace function sluice.facts_more(entity text, record_id uuid, version_id uuid, viewer uuid) returns jsonb
    language plpgsql stable as $$
declare
    needs text[] := sluice.needs_of(version_id);
    facts jsonb := '{}';
    of_account uuid;
begin
    if needs = '{}' then
        return facts;
    end if;
    of_account := sluice.account_of(entity, record_id);
    if 'visits' = any (needs) then
        facts := facts || sluice.visits_json(record_id);
    end if;
    if 'tasks' = any (needs) then
        facts := facts || jsonb_build_object('tasks', (sluice.tasks_of(entity, record_id)).list);
    end if;
    if 'changed' = any (needs) then
        facts := facts || jsonb_build_object('changed_since_entry', sluice.changed_since_entry(record_id));
    end if;
    if 'duplicates' = any (needs) then
        facts := facts || jsonb_build_object('duplicates', sluice.duplicates_of(entity, record_id));
    end if;
    if 'segments' = any (needs) then
        facts := facts || jsonb_build_object('segments', sluice.segments_named(of_account));
    end if;
    if 'ticks' = any (needs) then
        facts := facts || jsonb_build_object('ticks', sluice.ticks_json(record_id));
    end if;
    if 'calendars' = any (needs) then
        facts := facts || jsonb_build_object('calendars', sluice.calendars_json());
    end if;
    if 'approvals' = any (needs) then
        facts := facts || jsonb_build_object('approvals', sluice.approvals_json(record_id));
    end if;
    if 'contacts' = any (needs) then
        facts := facts || jsonb_build_object('contacts', sluice.contacts_json(of_account));
    end if;
    if 'opportunities' = any (needs) then
        facts := facts || jsonb_build_object('opportunities', sluice.opportunities_json(of_account));
    end if;
    if 'leads' = any (needs) then
        facts := facts || jsonb_build_object('leads', sluice.leads_json(of_account));
    end if;
    if 'equipment' = any (needs) then
        facts := facts || jsonb_build_object('equipment', sluice.equipment_json(of_account));
    end if;
    if 'custom' = any (needs) then
        facts := facts || jsonb_build_object('custom_fields', sluice.custom_definitions(entity));
    end if;
    if 'steps' = any (needs) then
        facts := facts || jsonb_build_object('steps', sluice.steps_json(record_id));
    end if;
    if 'deputies' = any (needs) and viewer is not null then
        facts := facts || jsonb_build_object('deputy_for', sluice.deputy_for(viewer));
    end if;
    return facts;
end
$$;

drop function if exists sluice.with_more(json, jsonb);

-- Completes the fingerprint @base with that of the facts that only this version's guards look at. What the
-- version of the record itself tells (its fields) is not in it, nor is the time.
create or replace function sluice.whole_evidence(entity text, record_id uuid, version_id uuid, base text) returns text
    language plpgsql stable as $$
declare
    needs text[] := sluice.needs_of(version_id);
    of_account uuid;
begin
    if needs = '{}' then
        return base;
    end if;
    of_account := sluice.account_of(entity, record_id);
    if 'duplicates' = any (needs) then
        base := base || '/d' || sluice.duplicates_of(entity, record_id);
    end if;
    if 'segments' = any (needs) then
        base := base || '/g' || sluice.segments_named(of_account);
    end if;
    if 'approvals' = any (needs) then
        base := base || '/v' || sluice.approvals_print(record_id);
    end if;
    if 'contacts' = any (needs) then
        base := base || '/c' || (select coalesce(sum(uuid_hash_extended(c.id, c.version)), 0)
                                   from (select x.id, x.version from sluice.contact x
                                          where x.account_id = of_account and x.deleted_at is null
                                          order by x.created_at desc, x.id limit 500) c);
    end if;
    if 'opportunities' = any (needs) then
        base := base || '/o' || (select coalesce(sum(uuid_hash_extended(o.id, o.version)), 0)
                                   from (select x.id, x.version from sluice.opportunity x
                                          where x.account_id = of_account and x.deleted_at is null
                                          order by x.created_at desc, x.id limit 500) o);
    end if;
    if 'leads' = any (needs) then
        base := base || '/l' || (select coalesce(sum(uuid_hash_extended(l.id, l.version)), 0)
                                   from (select x.id, x.version from sluice.lead x
                                          where x.account_id = of_account and x.deleted_at is null
                                          order by x.created_at desc, x.id limit 500) l);
    end if;
    if 'equipment' = any (needs) then
        base := base || '/e' || sluice.equipment_print(of_account);
    end if;
    if 'ticks' = any (needs) then
        base := base || '/t' || coalesce((select max(t.id) from sluice.checklist_tick t
                                           where t.record_id = whole_evidence.record_id), 0);
    end if;
    if 'tasks' = any (needs) then
        base := base || '/k' || (sluice.tasks_of(entity, record_id)).print;
    end if;
    if 'steps' = any (needs) then
        base := base || '/s' || sluice.steps_print(record_id);
    end if;
    return base;
end
$$;

grant execute on function
    sluice.version_judged(uuid, jsonb), sluice.version_needs(uuid), sluice.needs_of(uuid), sluice.account_of(text, uuid), sluice.changed_since_entry(uuid),
    sluice.duplicates_of(text, uuid), sluice.contacts_json(uuid), sluice.opportunities_json(uuid),
    sluice.leads_json(uuid), sluice.ticks_json(uuid), sluice.calendars_json(), sluice.tasks_of(text, uuid), sluice.facts_more(text, uuid, uuid, uuid),
    sluice.whole_evidence(text, uuid, uuid, text)
    to sluice_app;

reset role;
