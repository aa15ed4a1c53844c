-- Breaking the glass, and approvals: a transition that others must agree to is kept with what it was asked for;
-- the last one to agree carries it out, decided anew on what is there then.

set role sluice_owner;

-- After a move that skipped guards: others are told.
create or replace function sluice.move_forced(entity text, record_id uuid) returns void
    language plpgsql as $$
begin
    insert into sluice.outbox (id, audit_seq, type, entity, record_id)
    select sluice.next_seq(), a.seq, move_forced.entity || '.transition_forced', move_forced.entity, move_forced.record_id
      from sluice.audit a
     where a.record_id = move_forced.record_id and a.action = 'transition'
     order by a.seq desc limit 1;
end
$$;

-- The user that a member of the record names, or null.
create or replace function sluice.record_user(entity text, record_id uuid, field text) returns text
    language plpgsql stable as $$
begin
    return case entity
        when 'lead' then (select to_jsonb(l) ->> field from sluice.lead l where l.id = record_id)
        when 'account' then (select to_jsonb(a) ->> field from sluice.account a where a.id = record_id)
        else (select to_jsonb(o) ->> field from sluice.opportunity o where o.id = record_id) end;
end
$$;

-- The roles of a user or an API key.
create or replace function sluice.has_role(principal uuid, role text) returns boolean
    language plpgsql stable as $$
begin
    return exists (select from sluice.user_role x where x.user_id = principal and x.role = has_role.role)
        or exists (select from sluice.api_key_role x where x.api_key_id = principal and x.role = has_role.role);
end
$$;

-- Whether the rules name this user or API key as one who may agree, by now; who asked never is.
create or replace function sluice.is_approver(a sluice.approval, viewer uuid) returns boolean
    language plpgsql stable as $$
begin
    return a.requested_by is distinct from viewer and exists (
        select from sluice.transition t
          join sluice.transition_approver r on r.transition_id = t.id
         where t.blueprint_version_id = a.blueprint_version_id and t.key = a.transition
           and case r.kind
                   when 'role' then sluice.has_role(viewer, r.value)
                   when 'team' then exists (select from sluice.team_member x
                                             where x.user_id = viewer and x.team_id::text = r.value)
                   when 'user' then r.value = viewer::text
                   else sluice.record_user(a.entity, a.record_id, r.value) = viewer::text end);
end
$$;

-- Whether this user is asked now.
create or replace function sluice.may_approve(a sluice.approval, viewer uuid) returns boolean
    language plpgsql stable as $$
begin
    return a.status = 'pending' and sluice.is_approver(a, viewer)
       and not exists (select from sluice.approval_vote v where v.approval_id = a.id and v.user_id = viewer);
end
$$;

create or replace function sluice.may_see_approval(a sluice.approval, viewer uuid) returns boolean
    language plpgsql stable as $$
begin
    return a.requested_by = viewer or sluice.is_approver(a, viewer)
        or exists (select from sluice.approval_vote v where v.approval_id = a.id and v.user_id = viewer);
end
$$;

drop view if exists sluice.approval_row;

create view sluice.approval_row as
select a.id, a.version, a.entity, a.record_id, a.transition, a.body, a.needed,
       (select count(*) from sluice.approval_vote v where v.approval_id = a.id and v.approve) as approved,
       (select coalesce(jsonb_agg(jsonb_build_object('user_id', v.user_id, 'kind', v.kind, 'approve', v.approve, 'note', v.note,
                                                     'at', sluice.rfc3339(v.at)) order by v.at, v.user_id), '[]')
          from sluice.approval_vote v where v.approval_id = a.id) as votes,
       a.status, a.result, a.requested_by, a.requested_kind, a.decided_at, a.created_at, a.updated_at
  from sluice.approval a;

-- A line in the record's history, and an event.
create or replace function sluice.approval_note(a sluice.approval, what text, detail jsonb) returns void
    language plpgsql as $$
begin
    perform sluice.timer_note(a.entity, a.record_id, null, 'approval', a.transition, 'approval_' || what,
                              jsonb_strip_nulls(jsonb_build_object('approval_id', a.id, 'what', what) || coalesce(detail, '{}')));
end
$$;

-- Ends the transaction unless approval was asked for, as sluice.carried_out does for a move.
create or replace function sluice.requested(outcome text) returns boolean
    language plpgsql as $$
begin
    if outcome = 'pending' then
        raise exception using errcode = 'SL409', message = 'conflict',
            detail = 'Approval of it has been asked for already.';
    end if;
    return outcome = 'requested' or sluice.carried_out(outcome);
end
$$;

-- Asks for approval of a move that was decided. outcome: requested, gone, stale, undeclared; pending: it was asked for
-- already.
create or replace function sluice.approval_request(
    id uuid, entity text, record_id uuid, expected_version bigint, from_state text, transition text, body jsonb
) returns text
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    v sluice.visit;
    a sluice.approval;
    is_version bigint;
    n integer;
begin
    if not sluice.lock_record(entity, record_id, true) then
        return 'gone';
    end if;
    execute format('select r.version from sluice.%I r where r.id = $1', entity) into is_version using record_id;
    select * into v from sluice.visit x where x.record_id = approval_request.record_id and x.left_at is null;
    if is_version <> expected_version or v.state <> from_state then
        return 'stale';
    end if;
    select t.approval_needed into n from sluice.transition t
     where t.blueprint_version_id = v.blueprint_version_id and t.key = approval_request.transition;
    if n is null or (sluice.edge(v.blueprint_version_id, v.state, transition)).kind is distinct from 'manual' then
        return 'undeclared';
    end if;
    if exists (select from sluice.approval x where x.record_id = approval_request.record_id
                  and x.transition = approval_request.transition and x.status = 'pending') then
        return 'pending';
    end if;
    insert into sluice.approval (id, entity, record_id, blueprint_version_id, transition, body, needed, requested_by, requested_kind)
    values (approval_request.id, approval_request.entity, approval_request.record_id, v.blueprint_version_id,
            approval_request.transition, coalesce(approval_request.body, '{}'), n, sluice.actor_id(),
            sluice.actor_kind())
    returning * into a;
    perform sluice.approval_note(a, 'requested', jsonb_build_object('needed', n));
    return 'requested';
end
$$;

-- Writes a vote down. outcome: voted; stale: others voted meanwhile; closed: nobody is asked any more.
create or replace function sluice.approval_ballot(
    id uuid, expected_votes integer, approve boolean, note text, out outcome text, out a sluice.approval
)
    language plpgsql as $$
begin
    select * into a from sluice.approval x where x.id = approval_ballot.id for update;
    if a.status <> 'pending' then
        outcome := 'closed';
    elsif (select count(*) from sluice.approval_vote v where v.approval_id = a.id and v.approve) <> expected_votes then
        outcome := 'stale';
    elsif not sluice.may_approve(a, sluice.actor_id()) then
        outcome := 'closed';
    else
        insert into sluice.approval_vote (approval_id, user_id, kind, approve, note)
        values (a.id, sluice.actor_id(), sluice.actor_kind(), approval_ballot.approve, approval_ballot.note);
        perform sluice.recheck_add(a.entity, a.record_id) from sluice.visit v  -- a guard may wait for it
          where v.record_id = a.record_id and v.left_at is null and sluice.reacts(v.blueprint_version_id, v.state, a.record_id);
        update sluice.approval x set version = x.version + 1, updated_at = sluice.now() where x.id = a.id;
        outcome := 'voted';
    end if;
end
$$;

create or replace function sluice.approval_close(id uuid, status text, result jsonb) returns void
    language sql as $$
    update sluice.approval x
       set status = approval_close.status, result = approval_close.result, decided_at = sluice.now(),
           updated_at = sluice.now()
     where x.id = approval_close.id;
$$;

-- A vote that decides nothing but a rejection. outcome as in approval_ballot.
create or replace function sluice.approval_vote(id uuid, expected_votes integer, approve boolean, note text) returns text
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    b record;
begin
    b := sluice.approval_ballot(id, expected_votes, approve, note);
    if b.outcome = 'voted' then
        if not approve then
            perform sluice.approval_close(id, 'rejected', null);
        end if;
        perform sluice.approval_note(b.a, case when approve then 'approved' else 'rejected' end,
                                     jsonb_build_object('note', note));
    end if;
    return b.outcome;
end
$$;

-- The last vote, when the move is not possible any more.
create or replace function sluice.approval_fail(
    id uuid, expected_votes integer, note text, code text, detail text, failures jsonb
) returns text
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    b record;
    why jsonb := jsonb_strip_nulls(jsonb_build_object('code', code, 'detail', detail, 'failures', failures));
begin
    b := sluice.approval_ballot(id, expected_votes, true, note);
    if b.outcome = 'voted' then
        perform sluice.approval_close(id, 'failed', why);
        perform sluice.approval_note(b.a, 'approved', jsonb_build_object('note', note));
        perform sluice.approval_note(b.a, 'failed', why);
    end if;
    return b.outcome;
end
$$;

-- What others may read of a refusal: of duplicates the rules, not whose records they are.
create or replace function sluice.refusal_told(code text, told text) returns jsonb
    language plpgsql immutable as $$
begin
    if left(told, 1) <> '{' then
        return jsonb_build_object('code', code, 'detail', told);
    end if;
    return jsonb_build_object('code', code, 'detail', told::jsonb -> 'detail', 'failures', (
        select coalesce(jsonb_agg(m - '{id,label,owner,hidden,fields}'::text[]), '[]')
          from jsonb_array_elements(told::jsonb -> 'matches') m));
end
$$;

-- The last vote, with the move that it carries out. outcome: applied; failed: the vote counts, and what the move would
-- write is refused; or nothing was changed: closed, stale, gone, undeclared.
create or replace function sluice.approval_complete(
    id uuid, expected_votes integer, vote_note text, entity text, record_id uuid, expected_version bigint,
    from_state text, transition text, fields jsonb, activities jsonb, tasks jsonb, note text, verdicts jsonb,
    evidence text, ids uuid[], checklist jsonb, more jsonb
) returns text
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    b record;
    moved text;
    why jsonb;
    code text;
    told text;
begin
    if not sluice.lock_record(entity, record_id, true) then
        return 'gone';
    end if;
    begin
        b := sluice.approval_ballot(id, expected_votes, true, vote_note);
        if b.outcome <> 'voted' then
            return b.outcome;
        end if;
        perform sluice.approval_note(b.a, 'approved', jsonb_build_object('note', vote_note));
        begin
            perform sluice.approval_close(id, 'done', null);
            moved := (sluice.transition_apply(entity, record_id, expected_version, from_state, transition, fields, activities,
                                              tasks, note, verdicts, evidence, null, 'all', ids, checklist, more)).outcome;
        exception
            when sqlstate 'SL409' or sqlstate 'SL422' then
                get stacked diagnostics code = message_text, told = pg_exception_detail;
                why := sluice.refusal_told(code, told);
            when integrity_constraint_violation then
                why := '{"code": "conflict"}';
        end;
        if why is not null then
            perform sluice.approval_close(id, 'failed', why);
            perform sluice.approval_note(b.a, 'failed', why);
            return 'failed';
        end if;
        if moved <> 'applied' then
            raise exception using errcode = 'SLBCK';
        end if;
    exception when sqlstate 'SLBCK' then  -- takes the vote back
        null;
    end;
    return moved;
end
$$;

-- Takes a question back. @any: the caller may do so with those of others. outcome: withdrawn; closed: nobody is
-- asked any more; others: it belongs to somebody else; gone: there is none to see.
create or replace function sluice.approval_withdraw(id uuid, "any" boolean, reason text) returns text
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    a sluice.approval;
begin
    select * into a from sluice.approval x where x.id = approval_withdraw.id for update;
    if a.id is null or not ("any" or sluice.may_see_approval(a, sluice.actor_id())) then
        return 'gone';
    elsif not "any" and a.requested_by <> sluice.actor_id() then
        return 'others';
    elsif a.status <> 'pending' then
        return 'closed';
    end if;
    perform sluice.approval_close(id, 'withdrawn', jsonb_build_object('by', sluice.actor_id(), 'reason', reason));
    update sluice.approval x set version = x.version + 1 where x.id = a.id;
    perform sluice.approval_note(a, 'withdrawn', jsonb_build_object('reason', reason));
    return 'withdrawn';
end
$$;

-- Who agreed to which transition while the record was in its state, for guards. What was rejected or taken back does
-- not count; what was carried out does, also when it led into the state that the record is in.
create or replace function sluice.approvals_json(record_id uuid) returns jsonb
    language plpgsql stable as $$
begin
    return (select coalesce(jsonb_object_agg(x.transition, x.who), '{}')
              from (select a.transition, jsonb_agg(distinct v.user_id) as who
                      from sluice.approval a
                      join sluice.approval_vote v on v.approval_id = a.id and v.approve
                     where a.record_id = approvals_json.record_id
                       and (a.status = 'pending' or a.status = 'done' and a.decided_at >= (
                            select s.entered_at from sluice.visit s
                             where s.record_id = approvals_json.record_id and s.left_at is null))
                     group by a.transition) x);
end
$$;

-- What may make them fewer: a vote that comes only adds to them.
create or replace function sluice.approvals_print(record_id uuid) returns bigint
    language plpgsql stable as $$
begin
    return (select count(*) from sluice.approval a
             where a.record_id = approvals_print.record_id and a.status in ('rejected', 'withdrawn', 'failed'));
end
$$;

-- The record moved on: nobody is asked any more.
create or replace function sluice.approvals_outdate(record_id uuid) returns void
    language plpgsql as $$
declare
    a sluice.approval;
begin
    for a in select * from sluice.approval x
              where x.record_id = approvals_outdate.record_id and x.status = 'pending' for update loop
        perform sluice.approval_close(a.id, 'outdated', null);
        perform sluice.approval_note(a, 'outdated', null);
    end loop;
end
$$;

grant select on sluice.approval_row to sluice_app;
grant execute on function
    sluice.has_role(uuid, text), sluice.approval_withdraw(uuid, boolean, text), sluice.approvals_json(uuid),
    sluice.approvals_print(uuid), sluice.record_user(text, uuid, text), sluice.is_approver(sluice.approval, uuid),
    sluice.may_approve(sluice.approval, uuid), sluice.may_see_approval(sluice.approval, uuid),
    sluice.approval_request(uuid, text, uuid, bigint, text, text, jsonb), sluice.requested(text),
    sluice.approval_vote(uuid, integer, boolean, text),
    sluice.approval_fail(uuid, integer, text, text, text, jsonb),
    sluice.approval_complete(uuid, integer, text, text, uuid, bigint, text, text, jsonb, jsonb, jsonb, text, jsonb, text,
                             uuid[], jsonb, jsonb)
    to sluice_app;

reset role;
