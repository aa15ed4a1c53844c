-- One transition for many records in the background. What an item did and that it is done are one transaction, so
-- that a daemon that dies leaves nothing half done and nothing is done twice.

set role sluice_owner;

-- Leaves the work. @body: what is the same for all; @each: {"<record id>": {...}} what is a record's own.
create or replace function sluice.bulk_create(
    id uuid, entity text, transition text, record_ids uuid[], body jsonb, "each" jsonb
) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    insert into sluice.job (id, kind, params, total)
    values (bulk_create.id, 'bulk',
            jsonb_build_object('entity', bulk_create.entity, 'transition', bulk_create.transition, 'actor', sluice.actor_kind(),
                               'body', coalesce(bulk_create.body, '{}')),
            cardinality(record_ids));
    insert into sluice.job_item (job_id, position, entity, record_id, status, detail)
    select bulk_create.id, r.n, bulk_create.entity, r.id, 'queued', "each" -> r.id::text
      from unnest(record_ids) with ordinality r(id, n);
end
$$;

-- Counts an item as worked on, unless somebody else has: false.
create or replace function sluice.bulk_count(job uuid, "position" bigint, status text, detail jsonb) returns boolean
    language plpgsql as $$
begin
    update sluice.job_item i set status = bulk_count.status, detail = bulk_count.detail
     where i.job_id = job and i.position = bulk_count."position" and i.status = 'queued';
    if not found then
        return false;
    end if;
    update sluice.job j set done = j.done + 1, heartbeat_at = clock_timestamp() where j.id = job;
    return true;
end
$$;

-- Writes the move of an item. outcome as in transition_apply; taken: the item was worked on before.
create or replace function sluice.bulk_apply(
    job uuid, "position" bigint, entity text, record_id uuid, expected_version bigint, from_state text,
    transition text, fields jsonb, activities jsonb, tasks jsonb, note text, verdicts jsonb, evidence text, ids uuid[],
    checklist jsonb, more jsonb
) returns text
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    moved record;
    code text;
    state text;
    refused integer;
begin
    if not sluice.lock_record(entity, record_id, true) then
        perform sluice.bulk_count(job, "position", 'failed', '{"status": 404}');
        return 'gone';
    end if;
    begin
        moved := sluice.transition_apply(entity, record_id, expected_version, from_state, transition, fields, activities,
                                         tasks, note, verdicts, evidence, null, 'all', ids, checklist, more);
        if moved.outcome <> 'applied' then
            return moved.outcome;
        end if;
        if not sluice.bulk_count(job, "position", 'done',
                                 jsonb_build_object('status', 200, 'state', moved.state, 'version', moved.version)) then
            raise exception using errcode = 'SLBCK';
        end if;
    exception
        when sqlstate 'SLBCK' then  -- takes the move back
            return 'taken';
        when sqlstate 'SL409' or sqlstate 'SL422' then  -- its fields are another record's, or no such values
            get stacked diagnostics code = message_text, state = returned_sqlstate;
            refused := right(state, 3)::integer;
        when integrity_constraint_violation then
            code := 'conflict';
            refused := 409;
    end;
    if refused is null then
        return 'applied';
    end if;
    perform sluice.bulk_count(job, "position", 'failed', jsonb_build_object(
        'status', refused, 'problem', jsonb_build_object('status', refused, 'code', code)));
    return 'refused';
end
$$;

-- Asks for approval of an item's move. outcome as in approval_request; taken: the item was worked on before.
create or replace function sluice.bulk_request(
    job uuid, "position" bigint, id uuid, entity text, record_id uuid, expected_version bigint, from_state text,
    transition text, body jsonb
) returns text
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    outcome text;
begin
    begin
        outcome := sluice.approval_request(id, entity, record_id, expected_version, from_state, transition, body);
        if outcome = 'requested'
           and not sluice.bulk_count(job, "position", 'done', jsonb_build_object(
                       'status', 202, 'code', 'approval_requested', 'approval_id', bulk_request.id)) then
            raise exception using errcode = 'SLBCK';
        end if;
    exception when sqlstate 'SLBCK' then  -- takes the question back
        return 'taken';
    end;
    if outcome = 'pending' then
        perform sluice.bulk_count(job, "position", 'failed', '{"status": 409, "code": "conflict"}');
    elsif outcome = 'gone' then
        perform sluice.bulk_count(job, "position", 'failed', '{"status": 404}');
    end if;
    return outcome;
end
$$;

-- Writes down why an item did not move.
create or replace function sluice.bulk_refuse(
    job uuid, "position" bigint, entity text, record_id uuid, transition text, from_state text, code text,
    failures jsonb, verdict jsonb
) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if sluice.bulk_count(job, "position", 'failed', verdict) and from_state is not null then
        perform sluice.transition_denied(entity, record_id, transition, from_state, code, failures);
    end if;
end
$$;

grant execute on function
    sluice.bulk_create(uuid, text, text, uuid[], jsonb, jsonb),
    sluice.bulk_apply(uuid, bigint, text, uuid, bigint, text, text, jsonb, jsonb, jsonb, text, jsonb, text, uuid[], jsonb,
                      jsonb),
    sluice.bulk_request(uuid, bigint, uuid, text, uuid, bigint, text, text, jsonb),
    sluice.bulk_refuse(uuid, bigint, text, uuid, text, text, text, jsonb, jsonb)
    to sluice_app;

reset role;
