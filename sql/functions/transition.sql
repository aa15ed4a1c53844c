-- Moving a record from state to state: the only way there is.
--
-- The daemon read facts, decided, and comes back with the version and evidence that the decision saw. Under the
-- record's lock everything is compared again; what differs changes nothing.

set role sluice_owner;

-- The transition, if the version declares it from this state.
create or replace function sluice.edge(
    version_id uuid, from_state text, key text, out to_state text, out kind text, out category text
)
    language plpgsql stable as $$
begin
    select t.to_state, t.kind, s.category into edge.to_state, edge.kind, edge.category
      from sluice.transition t
      join sluice.state s on s.blueprint_version_id = t.blueprint_version_id and s.key = t.to_state
     where t.blueprint_version_id = edge.version_id and t.key = edge.key and t.kind <> 'initial'
       and t.from_any <> exists (select from sluice.transition_from f
                                  where f.transition_id = t.id and f.state = edge.from_state);
end
$$;

-- Refuses a field that no transition may fill.
create or replace function sluice.refuse_field(fields jsonb, allowed text[]) returns void
    language plpgsql as $$
declare
    name text;
begin
    select k into name from jsonb_object_keys(fields - allowed) k limit 1;
    raise exception using errcode = 'SL422', message = 'governed_field', column = '/fields/' || name,
        detail = format('A transition cannot fill "%s".', name);
end
$$;

-- Activities and tasks that come with a transition, linked to its records. Ids are taken from the end of @ids:
-- activities, then tasks. What was done comes an instant before the move: it is evidence of the state that is
-- left, not of the one that is entered.
create or replace function sluice.add_work(
    transition text, activities jsonb, tasks jsonb, ids uuid[],
    lead_id uuid, account_id uuid, contact_id uuid, opportunity_id uuid
) returns void
    language plpgsql as $$
declare
    n_activities integer := coalesce(jsonb_array_length(activities), 0);
    n_tasks integer := coalesce(jsonb_array_length(tasks), 0);
    first integer := coalesce(cardinality(ids), 0) - n_activities - n_tasks;
begin
    if n_activities > 0 then
        insert into sluice.activity (id, kind, subject, outcome, body, occurred_at, duration_s, owner_id,
                                     lead_id, account_id, contact_id, opportunity_id, transition)
        select coalesce(ids[first + a.n], gen_random_uuid()), a.kind, a.subject, a.outcome, a.body,
               coalesce(a.occurred_at, sluice.now() - interval '1 microsecond'), a.duration_s, a.owner_id,
               add_work.lead_id, add_work.account_id, add_work.contact_id, add_work.opportunity_id, add_work.transition
          from rows from (jsonb_to_recordset(activities) as (kind text, subject text, outcome text, body text,
                          occurred_at timestamptz, duration_s integer, owner_id uuid))
               with ordinality a(kind, subject, outcome, body, occurred_at, duration_s, owner_id, n);
    end if;
    if n_tasks > 0 then
        insert into sluice.task (id, subject, body, due_at, priority, status, assignee_id,
                                 lead_id, account_id, contact_id, opportunity_id, transition)
        select coalesce(ids[first + n_activities + t.n], gen_random_uuid()), t.subject, t.body, t.due_at, t.priority,
               t.status, t.assignee_id,
               add_work.lead_id, add_work.account_id, add_work.contact_id, add_work.opportunity_id, add_work.transition
          from rows from (jsonb_to_recordset(tasks) as (subject text, body text, due_at timestamptz, priority text,
                          status text, assignee_id uuid))
               with ordinality t(subject, body, due_at, priority, status, assignee_id, n);
    end if;
end
$$;

-- What the audit entry of a move will say; @more is what came along beside the usual: {"files": [...],
-- "on_behalf_of": id, "forced": {"reason", "failures"}, "approval": {...}}. It stands in
-- the setting sluice.cause while the move is written, where the trigger reads it, and is empty otherwise.
create or replace function sluice.cause(transition text, note text, checklist jsonb, verdicts jsonb, more jsonb default null)
returns jsonb
    language sql stable parallel safe
    return jsonb_build_object(
        'transition', transition,
        'detail', nullif(jsonb_strip_nulls(jsonb_build_object('note', note, 'checklist', checklist,
                                                              'files', more -> 'files',
                                                              'on_behalf_of', more -> 'on_behalf_of',
                                                              'forced', more -> 'forced',
                                                              'approval', more -> 'approval'))
                         || case when verdicts is not null then jsonb_build_object('verdicts', verdicts)
                                 else '{}'::jsonb end,
                         '{}'));

-- Ends the visit and begins the next; returns its number.
create or replace function sluice.move_visit(
    entity text, record_id uuid, version_id uuid, to_state text, transition text
) returns bigint
    language plpgsql as $$
declare
    visit bigint := sluice.next_seq();
begin
    update sluice.visit v
       set left_at = sluice.now(), left_by = sluice.actor_id(), left_via = move_visit.transition
     where v.record_id = move_visit.record_id and v.left_at is null;
    insert into sluice.visit (id, entity, record_id, blueprint_version_id, state, entered_at, entered_by, via)
    values (visit, move_visit.entity, move_visit.record_id, version_id, to_state, sluice.now(),
            sluice.actor_id(), move_visit.transition);
    return visit;
end
$$;

-- Writes a lead's move; the caller holds the lock and has compared. Fields that belong to a past state (a
-- reason, a date to come back) are emptied when the lead enters an open state without bringing them along. Most moves
-- bring no others: then only those are written, and what hangs on the rest (keys, search) is not asked.
create or replace function sluice.lead_move(
    r sluice.lead, to_state text, category text, transition text, fields jsonb
) returns bigint
    language plpgsql as $$
declare
    allowed constant text[] := '{first_name,last_name,email,phone,company,job_title,tax_id,website,industry,street,'
        'postcode,city,country,need,budget_confirmed,estimated_value,description,external_id,owner_id,'
        'unqualified_reason,dead_reason,nurture_until,call_back_at,tags,custom}';
    given jsonb := coalesce(fields, '{}');
    wide boolean := given - '{unqualified_reason,dead_reason,nurture_until,call_back_at}'::text[] <> '{}';
    stays boolean := category is distinct from 'open';
    next_version bigint;
    visit bigint;
begin
    if wide then
        if given - allowed <> '{}' then
            perform sluice.refuse_field(given, allowed);
        end if;
        r := jsonb_populate_record(r, sluice.custom_given(r.custom, sluice.flat_money(given, 'estimated_value')));
    end if;
    r.unqualified_reason := case when given ? 'unqualified_reason' then given ->> 'unqualified_reason'
                                 when stays then r.unqualified_reason end;
    r.dead_reason := case when given ? 'dead_reason' then given ->> 'dead_reason' when stays then r.dead_reason end;
    r.nurture_until := case when given ? 'nurture_until' then (given ->> 'nurture_until')::date
                            when stays then r.nurture_until end;
    r.call_back_at := case when given ? 'call_back_at' then (given ->> 'call_back_at')::timestamptz
                           when stays then r.call_back_at end;
    if wide then
        update sluice.lead l
           set state = to_state, state_entered_at = sluice.now(),
               first_name = r.first_name, last_name = r.last_name, email = r.email, phone = r.phone,
               company = r.company, job_title = r.job_title, tax_id = r.tax_id, website = r.website,
               industry = r.industry, street = r.street, postcode = r.postcode, city = r.city, country = r.country,
               need = r.need, budget_confirmed = r.budget_confirmed,
               estimated_value_amount = r.estimated_value_amount, estimated_value_currency = r.estimated_value_currency,
               description = r.description, external_id = r.external_id, owner_id = r.owner_id, tags = r.tags,
               custom = r.custom, unqualified_reason = r.unqualified_reason, dead_reason = r.dead_reason,
               nurture_until = r.nurture_until, call_back_at = r.call_back_at, account_id = r.account_id, contact_id = r.contact_id,
               opportunity_id = r.opportunity_id, converted_at = r.converted_at
         where l.id = r.id returning l.version into next_version;
    else
        update sluice.lead l
           set state = to_state, state_entered_at = sluice.now(), unqualified_reason = r.unqualified_reason,
               dead_reason = r.dead_reason, nurture_until = r.nurture_until, call_back_at = r.call_back_at,
               account_id = r.account_id, contact_id = r.contact_id, opportunity_id = r.opportunity_id,
               converted_at = r.converted_at
         where l.id = r.id returning l.version into next_version;
    end if;
    visit := sluice.move_visit('lead', r.id, r.blueprint_version_id, to_state, transition);
    return next_version;
end
$$;

create or replace function sluice.lead_apply(
    record_id uuid, expected_version bigint, from_state text, transition text, fields jsonb, activities jsonb,
    tasks jsonb, evidence text, viewer uuid, scope text, ids uuid[],
    out outcome text, out version bigint, out state text
)
    language plpgsql as $$
declare
    r sluice.lead;
    e record;
    needs text[];
    now_seen text;
begin
    select * into r from sluice.lead l
     where l.id = record_id and l.deleted_at is null and sluice.in_scope(scope, viewer, l.owner_id)
       for update;
    if not found then
        outcome := 'gone';
        return;
    end if;
    version := r.version;
    state := r.state;
    if num_nonnulls(r.account_id, r.contact_id) > 0 then
        perform sluice.hold_related(r.account_id, r.contact_id, null);
    end if;
    needs := sluice.needs_of(r.blueprint_version_id);
    if 'steps' = any (needs) then
        perform sluice.steps_hold(record_id);
    end if;
    now_seen := sluice.lead_evidence(record_id);
    if needs <> '{}' then
        now_seen := sluice.whole_evidence('lead', record_id, r.blueprint_version_id, now_seen);
    end if;
    if r.version is distinct from expected_version or r.state is distinct from from_state
       or now_seen is distinct from evidence then
        outcome := 'stale';
        return;
    end if;
    e := sluice.edge(r.blueprint_version_id, r.state, transition);
    if e.kind is distinct from 'manual' then
        outcome := 'undeclared';
        return;
    end if;
    if num_nonnulls(activities, tasks) > 0 then
        perform sluice.add_work(transition, activities, tasks, ids, r.id, r.account_id, r.contact_id, r.opportunity_id);
    end if;
    fields := sluice.run_actions('lead', to_jsonb(r), transition, fields);
    version := sluice.lead_move(r, e.to_state, e.category, transition, fields);
    state := e.to_state;
    outcome := 'applied';
end
$$;

create or replace function sluice.account_apply(
    record_id uuid, expected_version bigint, from_state text, transition text, fields jsonb, activities jsonb,
    tasks jsonb, evidence text, viewer uuid, scope text, ids uuid[],
    out outcome text, out version bigint, out state text
)
    language plpgsql as $$
declare
    allowed constant text[] := '{name,tax_id,email,phone,website,industry,street,postcode,city,country,'
        'description,external_id,owner_id,rejection_reason,duplicate_of,tags,custom}';
    r sluice.account;
    other uuid := fields ->> 'duplicate_of';
    e record;
    given jsonb := coalesce(fields, '{}');
    visit bigint;
begin
    if other is not null then
        perform sluice.duplicate_hold(record_id, other, viewer, scope);
    end if;
    select * into r from sluice.account a
     where a.id = record_id and a.deleted_at is null and sluice.in_scope(scope, viewer, a.owner_id)
       for update;
    if not found then
        outcome := 'gone';
        return;
    end if;
    version := r.version;
    state := r.state;
    perform sluice.hold_related(null, null, r.lead_id);
    perform sluice.steps_hold(record_id);
    if r.version is distinct from expected_version or r.state is distinct from from_state
       or sluice.whole_evidence('account', record_id, r.blueprint_version_id, sluice.account_evidence(record_id))
          is distinct from evidence then
        outcome := 'stale';
        return;
    end if;
    e := sluice.edge(r.blueprint_version_id, r.state, transition);
    if e.kind is distinct from 'manual' then
        outcome := 'undeclared';
        return;
    end if;
    if num_nonnulls(activities, tasks) > 0 then
        perform sluice.add_work(transition, activities, tasks, ids, null, r.id, null, null);
    end if;
    given := sluice.run_actions('account', to_jsonb(r), transition, given);
    if given - allowed <> '{}' then
        perform sluice.refuse_field(given, allowed);
    end if;
    r := jsonb_populate_record(r, sluice.custom_given(r.custom, given));
    if e.category = 'open' and not given ? 'rejection_reason' then
        r.rejection_reason := null;
    end if;
    if e.category = 'open' then
        r.duplicate_of := null;
    elsif other is not null and not given ? 'rejection_reason' then
        r.rejection_reason := 'duplicate';
    end if;
    perform sluice.claim_heed(r.id);
    delete from sluice.account_claim c where c.record_id = r.id;
    update sluice.account a
       set state = e.to_state, state_entered_at = sluice.now(),
           name = r.name, tax_id = r.tax_id, email = r.email, phone = r.phone, website = r.website,
           industry = r.industry, street = r.street, postcode = r.postcode, city = r.city, country = r.country,
           description = r.description, external_id = r.external_id, owner_id = r.owner_id, tags = r.tags,
           custom = r.custom, rejection_reason = r.rejection_reason, duplicate_of = r.duplicate_of
     where a.id = r.id returning a.version into account_apply.version;
    visit := sluice.move_visit('account', r.id, r.blueprint_version_id, e.to_state, transition);
    if other is not null then
        perform sluice.duplicate_merge(r.id, other, transition, viewer, scope);
    end if;
    state := e.to_state;
    outcome := 'applied';
end
$$;

create or replace function sluice.opportunity_apply(
    record_id uuid, expected_version bigint, from_state text, transition text, fields jsonb, activities jsonb,
    tasks jsonb, evidence text, viewer uuid, scope text, ids uuid[],
    out outcome text, out version bigint, out state text
)
    language plpgsql as $$
declare
    allowed constant text[] := '{name,contact_id,amount,product_kind,delivery_date,close_date,probability,'
        'forecast_category,description,external_id,owner_id,lost_reason,postponed_until,tags,custom}';
    r sluice.opportunity;
    e record;
    given jsonb := coalesce(fields, '{}');
    visit bigint;
begin
    select * into r from sluice.opportunity o
     where o.id = record_id and o.deleted_at is null and sluice.in_scope(scope, viewer, o.owner_id)
       for update;
    if not found then
        outcome := 'gone';
        return;
    end if;
    version := r.version;
    state := r.state;
    perform sluice.hold_related(r.account_id, r.contact_id, null);
    perform sluice.steps_hold(record_id);
    if r.version is distinct from expected_version or r.state is distinct from from_state
       or sluice.whole_evidence('opportunity', record_id, r.blueprint_version_id, sluice.opportunity_evidence(record_id))
          is distinct from evidence then
        outcome := 'stale';
        return;
    end if;
    e := sluice.edge(r.blueprint_version_id, r.state, transition);
    if e.kind is distinct from 'manual' then
        outcome := 'undeclared';
        return;
    end if;
    if num_nonnulls(activities, tasks) > 0 then
        perform sluice.add_work(transition, activities, tasks, ids, null, r.account_id, r.contact_id, r.id);
    end if;
    given := sluice.run_actions('opportunity', to_jsonb(r), transition, given);
    if given - allowed <> '{}' then
        perform sluice.refuse_field(given, allowed);
    end if;
    r := jsonb_populate_record(r, sluice.custom_given(r.custom, sluice.flat_money(given, 'amount')));
    if e.category = 'open' and not given ? 'lost_reason' then
        r.lost_reason := null;
    end if;
    if e.category = 'open' and not given ? 'postponed_until' then
        r.postponed_until := null;
    end if;
    update sluice.opportunity o
       set state = e.to_state, state_entered_at = sluice.now(),
           closed_at = case when e.category in ('won', 'lost', 'cancelled') then sluice.now() end,
           name = r.name, contact_id = r.contact_id, amount_amount = r.amount_amount,
           amount_currency = r.amount_currency, product_kind = r.product_kind, delivery_date = r.delivery_date,
           close_date = r.close_date, probability = r.probability, forecast_category = r.forecast_category,
           description = r.description, external_id = r.external_id, owner_id = r.owner_id, tags = r.tags,
           custom = r.custom, lost_reason = r.lost_reason, postponed_until = r.postponed_until
     where o.id = r.id returning o.version into opportunity_apply.version;
    visit := sluice.move_visit('opportunity', r.id, r.blueprint_version_id, e.to_state, transition);
    state := e.to_state;
    outcome := 'applied';
end
$$;

drop function if exists sluice.transition_apply(text, uuid, bigint, text, text, jsonb, jsonb, jsonb, text, jsonb, text,
                                                uuid, text, uuid[], jsonb);

-- The door for the daemon's role. Every statement behind it finds its rows by key, so one plan serves all values:
-- planning again for each costs more than the work. outcome: applied; gone (not there, or not the viewer's to see), stale (another
-- version, state or evidence), undeclared (no such manual transition from this state): these change nothing.
create or replace function sluice.transition_apply(
    entity text, record_id uuid, expected_version bigint, from_state text, transition text, fields jsonb,
    activities jsonb, tasks jsonb, note text, verdicts jsonb, evidence text, viewer uuid, scope text, ids uuid[],
    checklist jsonb default null, more jsonb default null,
    out outcome text, out version bigint, out state text
)
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
    done record;
    said text := set_config('sluice.cause', sluice.cause(transition, note, checklist, verdicts, more)::text, true);
begin
    if fields ? 'custom' then
        perform sluice.custom_at('/fields');
    end if;
    case entity
    when 'lead' then
        done := sluice.lead_apply(record_id, expected_version, from_state, transition, fields, activities, tasks,
                                  evidence, viewer, scope, ids);
    when 'account' then
        done := sluice.account_apply(record_id, expected_version, from_state, transition, fields, activities, tasks,
                                     evidence, viewer, scope, ids);
    when 'opportunity' then
        done := sluice.opportunity_apply(record_id, expected_version, from_state, transition, fields, activities,
                                         tasks, evidence, viewer, scope, ids);
    else
        select 'gone' as outcome, null::bigint as version, null::text as state into done;
    end case;
    said := set_config('sluice.cause', '', true);
    if fields ? 'custom' then
        perform sluice.custom_at('');
    end if;
    outcome := done.outcome;
    version := done.version;
    state := done.state;
    if outcome = 'applied' then
        perform sluice.transition_applied(entity, record_id, transition, checklist);
        if more ? 'forced' then
            perform sluice.move_forced(entity, record_id);
        end if;
    end if;
end
$$;

-- Ends the transaction unless the write was made: what came with it, the claim of an Idempotency-Key above all,
-- must not outlive a decision that was not carried out. SLAGN tells the daemon to decide again.
create or replace function sluice.carried_out(outcome text) returns boolean
    language plpgsql as $$
begin
    if outcome in ('applied', 'converted') then
        return true;
    end if;
    if outcome = 'gone' then
        raise exception using errcode = 'SL404', message = 'not_found', detail = 'The record is gone.';
    end if;
    raise exception using errcode = 'SLAGN', message = outcome;
end
$$;

-- A refused attempt is history too: of the record, or of the request alone (record_id null) when it was to make one.
-- Of a record that is not there nothing is written.
create or replace function sluice.transition_denied(
    entity text, record_id uuid, transition text, from_state text, code text, failures jsonb
) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation,
                              transition, from_state, changes, detail)
    select sluice.next_seq(), sluice.now(), 'denied', transition_denied.entity, transition_denied.record_id,
           sluice.actor_kind(), sluice.actor_id(),
           nullif(current_setting('sluice.request_id', true), ''),
           nullif(current_setting('sluice.operation', true), ''),
           transition, coalesce(from_state, v.state), '{}',
           jsonb_strip_nulls(jsonb_build_object('code', code)) || case when failures is null then '{}'::jsonb
               else jsonb_build_object('failures', failures) end
      from (select) one
      left join sluice.visit v on v.record_id = transition_denied.record_id and v.left_at is null
     where transition_denied.record_id is null or v.id is not null;
end
$$;

grant execute on function
    sluice.transition_apply(text, uuid, bigint, text, text, jsonb, jsonb, jsonb, text, jsonb, text, uuid, text, uuid[],
                            jsonb, jsonb),
    sluice.transition_denied(text, uuid, text, text, text, jsonb), sluice.carried_out(text)
    to sluice_app;

reset role;
