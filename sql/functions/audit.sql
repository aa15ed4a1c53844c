-- The history of every business table: who changed what, from which value to which, when, why.

set role sluice_owner;

-- Custom fields change one by one: "custom": {"old": {...}, "new": {...}} becomes "custom.<key>" for each that did.
create or replace function sluice.audit_custom(diff jsonb) returns jsonb
    language plpgsql immutable as $$
begin
    return diff - 'custom' || coalesce((
        select jsonb_object_agg('custom.' || k, jsonb_build_object('old', coalesce(o -> k, 'null'), 'new', coalesce(n -> k, 'null')))
          from (select coalesce(nullif(diff #> '{custom,old}', 'null'), '{}') as o,
                       coalesce(nullif(diff #> '{custom,new}', 'null'), '{}') as n) x,
               lateral (select jsonb_object_keys(o || n) as k) y
         where o -> k is distinct from n -> k), '{}');
end
$$;

-- After each row: one audit entry, and one event when the trigger's second argument says so. Arguments: the
-- entity's name, 'event' or ''. Columns that every change moves along (version, updated_at), a lead's score (which has
-- a history of its own) and secrets' digests are not shown. Values are compared as text, which is several times cheaper than as jsonb.
create or replace function sluice.audit_change() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
    o jsonb;
    n jsonb;
    diff jsonb;
    cause jsonb;
    what text;
    entry record;
begin
    if tg_op = 'UPDATE' then
        o := to_jsonb(old);
        n := to_jsonb(new);
        select jsonb_object_agg(e.key,
                   case when e.key in ('password_hash', 'key_hash') then '{"old": "***", "new": "***"}'::jsonb
                        else jsonb_build_object('old', o -> e.key, 'new', n -> e.key) end)
          into diff
          from jsonb_each_text(n) e
         where e.value is distinct from o ->> e.key and e.key not in ('version', 'updated_at')
           and not (e.key = 'score' and tg_argv[0] = 'lead');
        if diff is null then  -- nothing, or only a part in another table changed, which has an entry of its own
            return null;
        end if;
        if diff ? 'custom' then
            diff := sluice.audit_custom(diff);
        end if;
        what := case when diff ?| '{state_entered_at,state}' then 'transition'
                     when diff ? 'merged_into'
                     then case when n ->> 'merged_into' is null then 'unmerge' else 'merge' end
                     when diff ? 'deleted_at' and n ->> 'deleted_at' is not null then 'delete'
                     else 'update' end;
        if what in ('transition', 'merge', 'unmerge') or (what = 'update' and diff ? 'blueprint_version_id') then
            cause := nullif(current_setting('sluice.cause', true), '')::jsonb;
        end if;
    elsif tg_op = 'INSERT' then
        what := 'create';
        n := to_jsonb(new);
        select jsonb_object_agg(e.key, jsonb_build_object('old', null, 'new',
                   case when e.key in ('password_hash', 'key_hash') then '"***"'::jsonb else n -> e.key end))
          into diff
          from jsonb_each_text(n) e
         where e.value is not null and e.key not in ('id', 'version', 'created_at', 'updated_at', 'created_by');
        if diff ? 'custom' then
            diff := sluice.audit_custom(diff);
        end if;
    else
        what := 'delete';
        o := to_jsonb(old);
        select jsonb_object_agg(e.key, jsonb_build_object('old',
                   case when e.key in ('password_hash', 'key_hash') then '"***"'::jsonb else o -> e.key end, 'new', null))
          into diff
          from jsonb_each_text(o) e
         where e.value is not null and e.key not in ('id', 'version', 'updated_at');
        if diff ? 'custom' then
            diff := sluice.audit_custom(diff);
        end if;
    end if;
    insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation,
                              transition, from_state, to_state, changes, detail)
    values (sluice.next_seq(), sluice.now(), what, tg_argv[0], (coalesce(n, o) ->> 'id')::uuid,
            sluice.actor_kind(), sluice.actor_id(),
            nullif(current_setting('sluice.request_id', true), ''),
            nullif(current_setting('sluice.operation', true), ''),
            cause ->> 'transition',
            case when what = 'transition' then o ->> 'state' end,
            case when what in ('transition', 'create') then n ->> 'state' end,
            coalesce(diff, '{}'), nullif(cause -> 'detail', 'null'))
    returning seq, record_id into entry;
    if tg_argv[1] = 'event' then
        insert into sluice.outbox (id, audit_seq, type, entity, record_id)
        values (sluice.next_seq(), entry.seq,
                tg_argv[0] || case what when 'create' then '.created' when 'update' then '.updated'
                                        when 'delete' then '.deleted' when 'merge' then '.merged'
                                        when 'unmerge' then '.unmerged' else '.transitioned' end,
                tg_argv[0], entry.record_id);
    end if;
    return null;
end
$$;

-- After each row of a table that is part of another one's record (a user's roles, a team's members): an
-- `update` entry of the record. Arguments: entity, column of the record's id, column of the value, field name.
create or replace function sluice.audit_part() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    part jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
begin
    insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation, changes)
    values (sluice.next_seq(), sluice.now(), 'update', tg_argv[0], (part ->> tg_argv[1])::uuid,
            sluice.actor_kind(), sluice.actor_id(),
            nullif(current_setting('sluice.request_id', true), ''),
            nullif(current_setting('sluice.operation', true), ''),
            jsonb_build_object(tg_argv[3], jsonb_build_object(
                'old', case when tg_op = 'DELETE' then part -> tg_argv[2] end,
                'new', case when tg_op = 'INSERT' then part -> tg_argv[2] end)));
    return null;
end
$$;

-- Audit entries are for ever, for everybody.
create or replace function sluice.audit_refuse() returns trigger
    language plpgsql as $$
begin
    raise exception using errcode = 'SL403', message = 'forbidden', detail = 'Audit entries are never changed.';
end
$$;

create or replace trigger audit_immutable before update or delete on sluice.audit
    for each row execute function sluice.audit_refuse();
create or replace trigger audit_not_emptied before truncate on sluice.audit
    for each statement execute function sluice.audit_refuse();
alter table sluice.audit enable always trigger audit_immutable;
alter table sluice.audit enable always trigger audit_not_emptied;

-- What an import makes has its entries from sluice.import_insert(), for thousands at once.
create or replace trigger lead_audit after update or delete on sluice.lead
    for each row execute function sluice.audit_change('lead', 'event');
create or replace trigger lead_audit_insert after insert on sluice.lead
    for each row when (new.import_id is null) execute function sluice.audit_change('lead', 'event');
create or replace trigger account_audit after update or delete on sluice.account
    for each row execute function sluice.audit_change('account', 'event');
create or replace trigger account_audit_insert after insert on sluice.account
    for each row when (new.import_id is null) execute function sluice.audit_change('account', 'event');
create or replace trigger contact_audit after update or delete on sluice.contact
    for each row execute function sluice.audit_change('contact', 'event');
create or replace trigger contact_audit_insert after insert on sluice.contact
    for each row when (new.import_id is null) execute function sluice.audit_change('contact', 'event');
create or replace trigger opportunity_audit after insert or update or delete on sluice.opportunity
    for each row execute function sluice.audit_change('opportunity', 'event');
create or replace trigger activity_audit after insert or update or delete on sluice.activity
    for each row execute function sluice.audit_change('activity', 'event');
create or replace trigger task_audit after insert or update or delete on sluice.task
    for each row execute function sluice.audit_change('task', 'event');
create or replace trigger merge_audit after insert or update or delete on sluice.merge
    for each row execute function sluice.audit_change('merge', '');
create or replace trigger app_user_audit after insert or update or delete on sluice.app_user
    for each row execute function sluice.audit_change('user', '');
create or replace trigger team_audit after insert or update or delete on sluice.team
    for each row execute function sluice.audit_change('team', '');
create or replace trigger intake_form_audit after insert or update or delete on sluice.intake_form
    for each row execute function sluice.audit_change('intake_form', '');
-- last_used_at of a key moves with every use and says nothing about who changed what
create or replace trigger api_key_audit_insert after insert or delete on sluice.api_key
    for each row execute function sluice.audit_change('api_key', '');
create or replace trigger api_key_audit_update after update of name, key_hash, expires_at, revoked_at on sluice.api_key
    for each row execute function sluice.audit_change('api_key', '');

create or replace trigger user_role_audit after insert or delete on sluice.user_role
    for each row execute function sluice.audit_part('user', 'user_id', 'role', 'roles');
create or replace trigger account_claim_audit after insert or delete on sluice.account_claim
    for each row execute function sluice.audit_part('account', 'record_id', 'claimed_by', 'claimed_by');
create or replace trigger team_member_audit after insert or delete on sluice.team_member
    for each row execute function sluice.audit_part('team', 'team_id', 'user_id', 'members');
create or replace trigger api_key_role_audit after insert or delete on sluice.api_key_role
    for each row execute function sluice.audit_part('api_key', 'api_key_id', 'role', 'roles');

reset role;
