-- Actions of transitions. Those that change the record become part of the move itself: one update, one version,
-- one entry of history; what each did stands in that entry.

set role sluice_owner;

-- Fields that an action may set: none that a process governs. lib/blueprint/compile_actions.c has the same lists.
create or replace function sluice.action_fields(entity text) returns text[]
    language sql immutable parallel safe
    return case entity
        when 'lead' then '{first_name,last_name,email,phone,company,job_title,tax_id,website,industry,street,postcode,'
                         'city,country,need,budget_confirmed,estimated_value,description,external_id,owner_id}'
        when 'account' then '{name,tax_id,email,phone,website,industry,street,postcode,city,country,description,'
                            'external_id,owner_id}'
        else '{name,amount,product_kind,delivery_date,close_date,probability,forecast_category,description,'
             'external_id,owner_id}' end::text[];

drop function if exists sluice.refuse_action(text, text);

-- @pointer: of what is wrong, in the document of the process.
create or replace function sluice.refuse_action(key text, detail text, pointer text default null) returns void
    language plpgsql as $$
begin
    if pointer is not null then
        raise exception using errcode = 'SL422', message = 'validation_failed', column = pointer,
            detail = format('The action "%s": %s', key, detail);
    end if;
    raise exception using errcode = 'SL422', message = 'validation_failed',
        detail = format('The action "%s": %s', key, detail);
end
$$;

-- What is wrong with setting a custom field so; null: nothing.
create or replace function sluice.custom_action_fault(f sluice.custom_field, params jsonb) returns text
    language plpgsql stable as $$
declare
    source text := params ->> 'from';
begin
    if params -> 'value' is not null then
        return sluice.custom_fault(f, params -> 'value');
    elsif source = 'nothing' and f.required then
        return format('"%s" is required.', f.key);
    elsif source <> 'nothing' and f.type <> (case source when 'now' then 'datetime' when 'today' then 'date' else 'user' end) then
        return format('"%s" takes no such value.', f.key);
    end if;
    return null;
end
$$;

-- Before an action is kept: what it sets may be set, and has the field's type. So it cannot fail on the day.
create or replace function sluice.action_check() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    of_entity text := (select b.entity from sluice.transition t
                      join sluice.blueprint_version v on v.id = t.blueprint_version_id
                      join sluice.blueprint b on b.id = v.blueprint_id
                     where t.id = new.transition_id);
    field text := new.params ->> 'field';
    custom sluice.custom_field;
    why text;
    at text := (select format('/transitions/%s/actions/%s/params/', t.position - 1, new.position - 1)
                  from sluice.transition t where t.id = new.transition_id);
begin
    if new.kind = 'set_field' and field like 'custom.%' then
        select * into custom from sluice.custom_field f
         where f.entity = of_entity and 'custom.' || f.key = field and not f.archived;
        if custom.id is null then
            perform sluice.refuse_action(new.key, format('there is no field "%s".', field), at || 'field');
        end if;
        why := sluice.custom_action_fault(custom, new.params);
        if why is not null then
            perform sluice.refuse_action(new.key, why, at || case when new.params ? 'value' then 'value' else 'from' end);
        end if;
    elsif new.kind = 'set_field' then
        if field <> all (sluice.action_fields(of_entity)) then
            raise exception using errcode = 'SL422', message = 'governed_field', column = at || 'field',
                detail = format('The action "%s" cannot set "%s".', new.key, field);
        end if;
        if new.params ? 'value' then
            begin
                perform case of_entity
                    when 'lead' then to_jsonb(jsonb_populate_record(null::sluice.lead,
                        sluice.flat_money(jsonb_build_object(field, new.params -> 'value'), 'estimated_value')))
                    when 'account' then to_jsonb(jsonb_populate_record(null::sluice.account,
                        jsonb_build_object(field, new.params -> 'value')))
                    else to_jsonb(jsonb_populate_record(null::sluice.opportunity,
                        sluice.flat_money(jsonb_build_object(field, new.params -> 'value'), 'amount'))) end;
            exception when data_exception then
                perform sluice.refuse_action(new.key, format('"%s" takes no such value.', field), at || 'value');
            end;
        end if;
    elsif new.kind = 'assign' and new.params ? 'user'
          and not exists (select from sluice.app_user u where u.id::text = new.params ->> 'user') then
        perform sluice.refuse_action(new.key, 'there is no such user.', at || 'user');
    elsif new.params ->> 'calendar' is not null
          and not exists (select from sluice.calendar c where c.key = new.params ->> 'calendar') then
        perform sluice.refuse_action(new.key, 'there is no such calendar.', at || 'calendar');
    end if;
    return new;
end
$$;

create or replace trigger action_check before insert or update on sluice.action
    for each row execute function sluice.action_check();

-- Somebody by role in the matter: the actor, the owner, the creator; or by id. Null when that is nobody.
create or replace function sluice.person(r jsonb, who text) returns uuid
    language plpgsql stable as $$
begin
    return case who when 'actor' then sluice.actor_user()
                    when 'owner' then (r ->> 'owner_id')::uuid
                    when 'creator' then (select u.id from sluice.app_user u where u.id = (r ->> 'created_by')::uuid)
                    else who::uuid end;
end
$$;

-- The moment that a date of the record (its row as JSON) names, or that is a duration ("P2D", "PT4H") ahead; by a
-- calendar's working time if one is named.
drop function if exists sluice.action_due(jsonb);
create or replace function sluice.action_due(r jsonb, params jsonb) returns timestamptz
    language plpgsql stable as $$
begin
    if params ? 'due_at_field' then
        return sluice.moment_of(r ->> (params ->> 'due_at_field'), params ->> 'calendar');
    end if;
    if params ->> 'calendar' is not null then
        return sluice.due_after(params ->> 'calendar', sluice.now(), params ->> 'due');
    end if;
    return sluice.now() + (params ->> 'due')::interval;
end
$$;

create or replace function sluice.create_task_action(entity text, r jsonb, transition text, params jsonb) returns jsonb
    language plpgsql as $$
declare
    task_id uuid := gen_random_uuid();
    id uuid := r ->> 'id';
begin
    insert into sluice.task (id, subject, body, due_at, priority, assignee_id, lead_id, account_id, contact_id,
                             opportunity_id, transition)
    values (task_id, params ->> 'subject', params ->> 'body', sluice.action_due(r, params), params ->> 'priority',
            coalesce(sluice.person(r, coalesce(params ->> 'assignee', 'owner')), sluice.actor_user()),
            case entity when 'lead' then id end,
            case entity when 'account' then id else (r ->> 'account_id')::uuid end, (r ->> 'contact_id')::uuid,
            case entity when 'opportunity' then id else (r ->> 'opportunity_id')::uuid end, transition);
    return jsonb_build_object('task', task_id);
end
$$;

create or replace function sluice.close_tasks_action(entity text, r jsonb, params jsonb) returns jsonb
    language plpgsql as $$
declare
    of_record uuid := r ->> 'id';
    closed bigint;
begin
    update sluice.task t set status = coalesce(params ->> 'status', 'done')
     where t.status = 'open' and t.deleted_at is null
       and (t.lead_id = case when entity = 'lead' then of_record end  -- so written, an index finds them
            or t.account_id = case when entity = 'account' then of_record end
            or t.opportunity_id = case when entity = 'opportunity' then of_record end)
       and (params ->> 'of' is null or t.transition = params ->> 'of');
    get diagnostics closed = row_count;
    return jsonb_build_object('closed', closed);
end
$$;

-- What a field is set to, as {"field": value}; tags as they will be.
create or replace function sluice.field_action(r jsonb, kind text, params jsonb) returns jsonb
    language plpgsql stable as $$
declare
    tags text[] := coalesce(sluice.words(r -> 'tags'), '{}');
    value jsonb;
begin
    if kind = 'assign' then
        return jsonb_build_object('owner_id', coalesce(sluice.person(r, coalesce(params ->> 'user', params ->> 'to')),
                                                       (r ->> 'owner_id')::uuid));
    elsif kind = 'tag' then
        return jsonb_build_object('tags', (
            select to_jsonb(nullif(array(select distinct x.tag from unnest(tags || coalesce(sluice.words(params -> 'add'), '{}')) x(tag)
                                          where x.tag <> all (coalesce(sluice.words(params -> 'remove'), '{}')) order by 1),
                                   '{}'))));
    end if;
    value := case params ->> 'from'
        when 'now' then to_jsonb(sluice.rfc3339(sluice.now()))
        when 'today' then to_jsonb((sluice.now() at time zone 'UTC')::date)
        when 'actor' then to_jsonb(sluice.actor_user())
        else params -> 'value' end;
    if params ->> 'field' like 'custom.%' then
        return jsonb_build_object('custom', jsonb_build_object(substr(params ->> 'field', 8), value));
    end if;
    return jsonb_build_object(params ->> 'field', value);
end
$$;

-- Runs the actions of a transition on a record (its row as JSON), in order, and returns the fields of the move with
-- Adds what actions did to what the audit entry of the move will say.
create or replace function sluice.note_actions(did jsonb) returns void
    language plpgsql as $$
declare
    cause jsonb := nullif(current_setting('sluice.cause', true), '')::jsonb;
    said text;
begin
    cause := cause || jsonb_build_object('detail', coalesce(nullif(cause -> 'detail', 'null'), '{}')
                                                   || jsonb_build_object('actions', did));
    said := set_config('sluice.cause', cause::text, true);
end
$$;

-- what they set. What each did is kept for the entry of the move. One that fails fails the move.
create or replace function sluice.run_actions(entity text, r jsonb, transition text, fields jsonb) returns jsonb
    language plpgsql as $$
declare
    a record;
    given jsonb := coalesce(fields, '{}');
    set_now jsonb;
    did jsonb := '[]';
    events jsonb := '[]';
    result jsonb;
    said text;
begin
    for a in select x.key, x.kind, x.params from sluice.transition t join sluice.action x on x.transition_id = t.id
              where t.blueprint_version_id = (r ->> 'blueprint_version_id')::uuid and t.key = run_actions.transition
              order by x.position, x.key loop
        case a.kind
            when 'create_task' then
                result := sluice.create_task_action(entity, r || given, transition, a.params);
            when 'close_tasks' then
                result := sluice.close_tasks_action(entity, r, a.params);
            when 'step_done', 'step_open' then
                result := sluice.step_action(entity, r, transition, a.key, a.kind, a.params);
            when 'event' then
                result := jsonb_build_object('event', entity || '.' || (a.params ->> 'type'));
                events := events || jsonb_build_object(
                    'type', entity || '.' || (a.params ->> 'type'),
                    'payload', jsonb_build_object('transition', transition, 'action', a.key, 'data', a.params -> 'payload'));
            else
                set_now := sluice.field_action(r || given, a.kind, a.params);
                if a.kind = 'set_field' and a.params ->> 'field' not like 'custom.%'
                   and a.params ->> 'field' <> all (sluice.action_fields(entity)) then
                    perform sluice.refuse_action(a.key, 'the field is governed.');
                end if;
                given := case when set_now ? 'custom'
                              then jsonb_set(given, '{custom}', coalesce(nullif(given -> 'custom', 'null'), '{}') || (set_now -> 'custom'))
                              else given || set_now end;
                result := jsonb_build_object('set', set_now);
        end case;
        did := did || jsonb_build_object('action', a.key, 'kind', a.kind, 'result', result);
    end loop;
    if did <> '[]' then
        perform sluice.note_actions(did);
    end if;
    said := set_config('sluice.events', case when events <> '[]' then events::text else '' end, true);
    return case when fields is null and given = '{}' then null else given end;
end
$$;

-- After the move: its events, which name its entry of history.
create or replace function sluice.send_events(entity text, record_id uuid) returns void
    language plpgsql as $$
declare
    events jsonb := nullif(current_setting('sluice.events', true), '');
begin
    if events is not null then
        insert into sluice.outbox (id, audit_seq, type, entity, record_id, payload)
        select sluice.next_seq(), (select max(a.seq) from sluice.audit a
                                    where a.record_id = send_events.record_id and a.action = 'transition'),
               e ->> 'type', send_events.entity, send_events.record_id, e -> 'payload'
          from jsonb_array_elements(events) e;
    end if;
    perform set_config('sluice.events', '', true);
end
$$;

-- The actions of a transition in documents; and back.
create or replace function sluice.actions_doc(transition_id uuid) returns jsonb
    language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object('key', a.key, 'phase', a.phase, 'kind', a.kind, 'params', a.params)
                              order by a.position, a.key), '[]')
      from sluice.action a where a.transition_id = actions_doc.transition_id;
$$;

create or replace function sluice.actions_import(transition_id uuid, doc jsonb) returns void
    language sql as $$
    insert into sluice.action (transition_id, key, position, phase, kind, params)
    select actions_import.transition_id, a.value ->> 'key', a.ordinality,
           coalesce(a.value ->> 'phase', case a.value ->> 'kind' when 'event' then 'outbox' else 'in_tx' end),
           a.value ->> 'kind', coalesce(a.value -> 'params', '{}')
      from jsonb_array_elements(doc) with ordinality a;
$$;

grant execute on function sluice.actions_doc(uuid) to sluice_app;

reset role;
