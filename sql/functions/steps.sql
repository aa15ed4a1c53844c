-- Steps of a stay: opened when the state is entered, closed by whom they belong to, in any order; and what other
-- moves do to them.
--
-- A stay begins with all its steps open, unless it goes on with an earlier one (nothing but pausing states lay
-- between): then they stand as they stood. What a step is, is in the version; what became of it, in visit_step.
-- Whoever decides on them holds the record's lock and those of the rows.

set role sluice_owner;

create or replace trigger step_draft before insert or update or delete on sluice.step
    for each row execute function sluice.draft_only('version');
create or replace trigger step_actor_draft before insert or update or delete on sluice.step_actor
    for each row execute function sluice.draft_only('version');
create or replace trigger step_input_draft before insert or update or delete on sluice.step_input
    for each row execute function sluice.draft_only('version');

-- What was done in one stay counts in another of the record.
create or replace function sluice.steps_carry(record_id uuid, from_visit bigint, to_visit bigint) returns void
    language plpgsql as $$
begin
    update sluice.visit_step n
       set status = o.status, version = n.version + 1, done_at = o.done_at, done_kind = o.done_kind,
           done_by = o.done_by, detail = o.detail
      from sluice.visit_step o
     where n.record_id = steps_carry.record_id and n.visit_id = to_visit
       and o.record_id = steps_carry.record_id and o.visit_id = from_visit and o.key = n.key and o.status = 'done';
end
$$;

-- A line in the record's history, an event, and another chance for moves that wait for their guards.
create or replace function sluice.step_note(v sluice.visit, step text, done boolean, detail jsonb) returns void
    language plpgsql as $$
begin
    perform sluice.timer_note(v.entity, v.record_id, v.state, 'step', null, case when done then 'step_done' else 'step_opened' end,
                              jsonb_build_object('step', step, 'status', case when done then 'done' else 'open' end)
                              || coalesce(jsonb_strip_nulls(detail), '{}'));
    if sluice.reacts(v.blueprint_version_id, v.state, v.record_id) then
        perform sluice.recheck_add(v.entity, v.record_id);
    end if;
end
$$;

-- Closes or opens a step of the present stay. False: there is no such step, or it stands so already.
create or replace function sluice.step_set(record_id uuid, step text, done boolean, detail jsonb) returns boolean
    language plpgsql as $$
declare
    v sluice.visit;
begin
    select * into v from sluice.visit x where x.record_id = step_set.record_id and x.left_at is null;
    if not exists (select from sluice.step s
                    where s.blueprint_version_id = v.blueprint_version_id and s.state = v.state and s.key = step_set.step) then
        return false;
    end if;
    update sluice.visit_step s
       set status = case when done then 'done' else 'open' end, version = s.version + 1,
           done_at = case when done then sluice.now() end, done_kind = case when done then sluice.actor_kind() end,
           done_by = case when done then sluice.actor_id() end,
           detail = case when done then nullif(jsonb_strip_nulls(step_set.detail), '{}') end
     where s.record_id = step_set.record_id and s.visit_id = v.id and s.key = step_set.step
       and s.status = case when done then 'open' else 'done' end;
    if not found then
        return false;
    end if;
    perform sluice.step_note(v, step, done, detail);
    return true;
end
$$;

-- Opens the steps of a stay that begins, or that another version governs by now; those that are there stay as they
-- are. What actions of the move that led here say about them is done at once. Stays begin by visit_entered() (timer.sql).
create or replace function sluice.steps_open(v sluice.visit, begins boolean) returns void
    language plpgsql as $$
declare
    chain sluice.visit[];
    marks jsonb := nullif(current_setting('sluice.steps', true), '')::jsonb;
    mark jsonb;
begin
    insert into sluice.visit_step (record_id, visit_id, key, entity, opened_at)
    select v.record_id, v.id, s.key, v.entity, sluice.now()
      from sluice.step s where s.blueprint_version_id = v.blueprint_version_id and s.state = v.state
        on conflict do nothing;
    if not begins then
        return;
    end if;
    chain := sluice.visit_chain(v);
    if cardinality(chain) > 0 then
        perform sluice.steps_carry(v.record_id, (chain[1]).id, v.id);
    end if;
    if marks ->> 'record' = v.record_id::text then
        for mark in select m from jsonb_array_elements(marks -> 'steps') m loop
            perform sluice.step_set(v.record_id, mark ->> 'step', (mark ->> 'done')::boolean, mark -> 'detail');
        end loop;
        perform set_config('sluice.steps', '', true);
    end if;
end
$$;

create or replace function sluice.steps_versioned() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp set enable_seqscan = off as $$
begin
    perform sluice.steps_open(new, false);
    return null;
end
$$;

drop trigger if exists visit_steps on sluice.visit;
create or replace trigger visit_steps_versioned after update of blueprint_version_id on sluice.visit
    for each row when (old.blueprint_version_id is distinct from new.blueprint_version_id and new.left_at is null)
    execute function sluice.steps_versioned();
drop function if exists sluice.steps_begin();

-- A migration was taken back to another state than the record is in: the steps stand as they stood when it left.
create or replace function sluice.steps_restore(record_id uuid) returns void
    language plpgsql as $$
declare
    here sluice.visit;
    before bigint;
begin
    select * into here from sluice.visit v where v.record_id = steps_restore.record_id and v.left_at is null;
    select v.id into before from sluice.visit v
     where v.record_id = steps_restore.record_id and v.id < here.id and v.state = here.state and v.left_via = 'migration'
     order by v.id desc limit 1;
    if before is not null then
        perform sluice.steps_carry(record_id, before, here.id);
    end if;
end
$$;

-- What was done in the present stay, for guards and listings.
create or replace function sluice.steps_json(record_id uuid) returns jsonb
    language plpgsql stable as $$
begin
    return (select coalesce(jsonb_agg(jsonb_build_object(
                       'key', s.key, 'at', sluice.rfc3339(s.done_at), 'kind', s.done_kind, 'by', s.done_by,
                       'name', coalesce(u.name, k.name), 'note', s.detail -> 'note') order by s.done_at, s.key), '[]')
              from sluice.visit v
              join sluice.visit_step s on s.record_id = v.record_id and s.visit_id = v.id and s.status = 'done'
              left join sluice.app_user u on u.id = s.done_by
              left join sluice.api_key k on k.id = s.done_by
             where v.record_id = steps_json.record_id and v.left_at is null);
end
$$;

-- The fingerprint of the steps of the present stay.
create or replace function sluice.steps_print(record_id uuid) returns text
    language plpgsql stable as $$
begin
    return (select coalesce(sum(hashtextextended(s.visit_id || s.key || s.status, s.version)), 0)
              from sluice.visit v join sluice.visit_step s on s.record_id = v.record_id and s.visit_id = v.id
             where v.record_id = steps_print.record_id and v.left_at is null);
end
$$;

-- Locks them: none changes before this commits. Behind the records, always.
create or replace function sluice.steps_hold(record_id uuid) returns void
    language plpgsql set enable_seqscan = off as $$
begin
    perform from sluice.visit_step s where s.record_id = steps_hold.record_id order by s.visit_id, s.key for share;
end
$$;

-- Members that a step may fill: those that a transition may.
create or replace function sluice.step_fields(entity text) returns text[]
    language sql immutable parallel safe
    return sluice.action_fields(entity) || case entity
        when 'lead' then '{unqualified_reason,dead_reason,nurture_until,call_back_at,tags,custom}'::text[]
        when 'account' then '{rejection_reason,tags,custom}'::text[]
        else '{contact_id,lost_reason,postponed_until,tags,custom}'::text[] end;

-- Writes members of a record; its state stays.
create or replace function sluice.fields_write(entity text, record_id uuid, fields jsonb) returns void
    language plpgsql as $$
declare
    allowed text[] := sluice.step_fields(entity);
    flat jsonb := sluice.flat_money(fields, case entity when 'lead' then 'estimated_value' else 'amount' end);
    names text;
begin
    if coalesce(fields, '{}') = '{}' then
        return;
    end if;
    if fields - allowed <> '{}' then
        perform sluice.refuse_field(fields, allowed);
    end if;
    select string_agg(quote_ident(k), ', ') into names from jsonb_object_keys(flat) k;
    perform sluice.custom_at('/fields');
    execute format('update sluice.%I r set (%s) = (select %s from jsonb_populate_record(r, sluice.custom_given(r.custom, $1)) p) where r.id = $2',
                   entity, names, regexp_replace(names, '(^|, )', '\1p.', 'g'))
      using flat, record_id;
    perform sluice.custom_at('');
end
$$;

-- Locks the record and compares it with what the decision saw. outcome: gone, stale; null: it is so.
create or replace function sluice.step_lock(
    entity text, record_id uuid, expected_version bigint, from_state text, evidence text, viewer uuid, scope text,
    out outcome text, out r jsonb
)
    language plpgsql as $$
begin
    if sluice.lock_record(entity, record_id, true) then
        case entity
        when 'lead' then
            select to_jsonb(x) into r from sluice.lead x where x.id = record_id and sluice.in_scope(scope, viewer, x.owner_id);
        when 'account' then
            select to_jsonb(x) into r from sluice.account x where x.id = record_id and sluice.in_scope(scope, viewer, x.owner_id);
        else
            select to_jsonb(x) into r from sluice.opportunity x where x.id = record_id and sluice.in_scope(scope, viewer, x.owner_id);
        end case;
    end if;
    if r is null then
        outcome := 'gone';
        return;
    end if;
    perform sluice.hold_related((r ->> 'account_id')::uuid, (r ->> 'contact_id')::uuid,
                                case entity when 'account' then (r ->> 'lead_id')::uuid end);
    perform sluice.steps_hold(record_id);
    if (r ->> 'version')::bigint is distinct from expected_version or r ->> 'state' is distinct from from_state
       or sluice.whole_evidence(entity, record_id, (r ->> 'blueprint_version_id')::uuid, case entity
              when 'lead' then sluice.lead_evidence(record_id)
              when 'account' then sluice.account_evidence(record_id)
              else sluice.opportunity_evidence(record_id) end) is distinct from evidence then
        outcome := 'stale';
    end if;
end
$$;

-- Completes a step that was decided on: fields, activities, tasks, ticks and the step, or nothing. outcome: applied;
-- gone, stale: nothing was changed.
create or replace function sluice.step_apply(
    entity text, record_id uuid, expected_version bigint, from_state text, step text, fields jsonb, activities jsonb,
    tasks jsonb, note text, evidence text, viewer uuid, scope text, ids uuid[], checklist jsonb, more jsonb
) returns text
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
    l record := sluice.step_lock(entity, record_id, expected_version, from_state, evidence, viewer, scope);
    id constant uuid := record_id;
begin
    if l.outcome is not null then
        return l.outcome;
    end if;
    perform sluice.fields_write(entity, record_id, fields);
    if num_nonnulls(activities, tasks) > 0 then
        perform sluice.add_work(null, activities, tasks, ids, case entity when 'lead' then id end,
                                case entity when 'account' then id else (l.r ->> 'account_id')::uuid end,
                                (l.r ->> 'contact_id')::uuid,
                                case entity when 'opportunity' then id else (l.r ->> 'opportunity_id')::uuid end);
    end if;
    insert into sluice.checklist_tick (id, entity, record_id, item, at, ticked_by, transition)
    select sluice.next_seq(), step_apply.entity, step_apply.record_id, item, sluice.now(), sluice.actor_id(), step
      from jsonb_array_elements_text(checklist) item;
    if not sluice.step_set(record_id, step, true, jsonb_build_object(
               'note', note, 'checklist', checklist, 'files', more -> 'files', 'on_behalf_of', more -> 'on_behalf_of')) then
        raise exception using errcode = 'SLAGN', message = 'stale';
    end if;
    return 'applied';
end
$$;

-- Opens a step again, for who closed it. What came along with it stays.
create or replace function sluice.step_reopen(
    entity text, record_id uuid, expected_version bigint, from_state text, step text, evidence text, viewer uuid, scope text
) returns text
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
    l record := sluice.step_lock(entity, record_id, expected_version, from_state, evidence, viewer, scope);
begin
    if l.outcome is not null then
        return l.outcome;
    end if;
    if not exists (select from sluice.visit_step s join sluice.visit v on v.record_id = s.record_id and v.id = s.visit_id
                    where s.record_id = step_reopen.record_id and v.left_at is null and s.key = step_reopen.step
                      and s.done_by = sluice.actor_id())
       or not sluice.step_set(record_id, step, false, null) then
        return 'stale';
    end if;
    return 'applied';
end
$$;

-- A refused attempt at a step is history too.
create or replace function sluice.step_denied(
    entity text, record_id uuid, step text, from_state text, code text
) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation,
                              from_state, changes, detail)
    select sluice.next_seq(), sluice.now(), 'denied', v.entity, v.record_id, sluice.actor_kind(), sluice.actor_id(),
           nullif(current_setting('sluice.request_id', true), ''),
           nullif(current_setting('sluice.operation', true), ''), coalesce(step_denied.from_state, v.state), '{}',
           jsonb_build_object('code', code, 'step', step)
      from sluice.visit v
     where v.record_id = step_denied.record_id and v.entity = step_denied.entity and v.left_at is null;
end
$$;

-- The records of another kind that an action reaches from this one (its row as JSON).
create or replace function sluice.step_targets(entity text, r jsonb, of_entity text) returns uuid[]
    language plpgsql stable as $$
begin
    return case of_entity
        when 'account' then array_remove(array[(r ->> 'account_id')::uuid], null)
        when 'opportunity' then case entity
            when 'lead' then array_remove(array[(r ->> 'opportunity_id')::uuid], null)
            else array(select o.id from sluice.opportunity o
                        where o.account_id = (r ->> 'id')::uuid and o.deleted_at is null order by o.id) end
        else case entity
            when 'opportunity' then array_remove(array[(r ->> 'lead_id')::uuid], null)
            else array(select l.id from sluice.lead l
                        where l.account_id = (r ->> 'id')::uuid and l.deleted_at is null order by l.id) end end;
end
$$;

-- The actions step_done and step_open. Of this record it is the stay that begins with the move whose step is meant:
-- that is left to the trigger of the visit. Returns what the entry of the move says.
create or replace function sluice.step_action(
    entity text, r jsonb, transition text, action text, kind text, params jsonb
) returns jsonb
    language plpgsql as $$
declare
    step text := params ->> 'step';
    done boolean := kind = 'step_done';
    of_entity text := coalesce(params ->> 'of', 'this');
    via jsonb := jsonb_build_object('via', jsonb_build_object('entity', entity, 'id', r -> 'id', 'transition', transition,
                                                              'action', action));
    marks jsonb := coalesce(nullif(current_setting('sluice.steps', true), '')::jsonb, '{}');
    changed jsonb := '[]';
    target uuid;
begin
    if of_entity <> 'this' then
        foreach target in array sluice.step_targets(entity, r, of_entity) loop
            if sluice.step_set(target, step, done, via) then
                changed := changed || to_jsonb(target);
            end if;
        end loop;
    elsif exists (select from sluice.transition t
                    join sluice.step s on s.blueprint_version_id = t.blueprint_version_id and s.state = t.to_state
                   where t.blueprint_version_id = (r ->> 'blueprint_version_id')::uuid and t.key = step_action.transition
                     and s.key = step) then
        changed := jsonb_build_array(r -> 'id');
        perform set_config('sluice.steps', jsonb_build_object(
            'record', r -> 'id',
            'steps', case when marks -> 'record' = r -> 'id' then marks -> 'steps' else '[]' end
                     || jsonb_build_object('step', step, 'done', done, 'detail', via))::text, true);
    end if;
    return jsonb_build_object('step', step, 'status', case when done then 'done' else 'open' end, 'records', changed);
end
$$;

grant execute on function
    sluice.steps_json(uuid), sluice.steps_print(uuid),
    sluice.step_apply(text, uuid, bigint, text, text, jsonb, jsonb, jsonb, text, text, uuid, text, uuid[], jsonb, jsonb),
    sluice.step_reopen(text, uuid, bigint, text, text, text, uuid, text), sluice.step_denied(text, uuid, text, text, text)
    to sluice_app;

reset role;
