-- What a decision about a transition is made on, and the fingerprint that tells whether it is still so.

set role sluice_owner;

-- Records as the API names them, for guards to look at. The planner inlines these: keep them one expression.
create or replace function sluice.money(amount numeric, currency text) returns jsonb
    language sql immutable parallel safe
    return case when amount is not null then jsonb_build_object('amount', amount::text, 'currency', currency) end;

create or replace function sluice.lead_json(l sluice.lead, category text) returns jsonb
    language sql stable parallel safe
    return to_jsonb(l)
           - '{state,state_entered_at,blueprint_version_id,estimated_value_amount,estimated_value_currency,deleted_at}'::text[]
           || jsonb_build_object(
               'status', l.state, 'status_category', category, 'status_since', sluice.rfc3339(l.state_entered_at),
               'estimated_value', sluice.money(l.estimated_value_amount, l.estimated_value_currency),
               'call_back_at', sluice.rfc3339(l.call_back_at), 'converted_at', sluice.rfc3339(l.converted_at),
               'created_at', sluice.rfc3339(l.created_at), 'updated_at', sluice.rfc3339(l.updated_at));

create or replace function sluice.account_json(a sluice.account, category text) returns jsonb
    language sql stable parallel safe
    return to_jsonb(a) - '{state,state_entered_at,blueprint_version_id,deleted_at}'::text[]
           || jsonb_build_object(
               'verification', a.state, 'verification_category', category,
               'verification_since', sluice.rfc3339(a.state_entered_at),
               'created_at', sluice.rfc3339(a.created_at), 'updated_at', sluice.rfc3339(a.updated_at));

create or replace function sluice.contact_json(c sluice.contact) returns jsonb
    language sql stable parallel safe
    return to_jsonb(c) - 'deleted_at'
           || jsonb_build_object(
               'created_at', sluice.rfc3339(c.created_at), 'updated_at', sluice.rfc3339(c.updated_at));

create or replace function sluice.opportunity_json(o sluice.opportunity, s sluice.state) returns jsonb
    language sql stable parallel safe
    return to_jsonb(o)
           - '{state,state_entered_at,blueprint_version_id,amount_amount,amount_currency,deleted_at}'::text[]
           || jsonb_build_object(
               'stage', o.state, 'stage_category', s.category, 'stage_since', sluice.rfc3339(o.state_entered_at),
               'amount', sluice.money(o.amount_amount, o.amount_currency),
               'probability', coalesce(o.probability, s.probability),
               'forecast_category', coalesce(o.forecast_category, s.forecast_category),
               'closed_at', sluice.rfc3339(o.closed_at),
               'created_at', sluice.rfc3339(o.created_at), 'updated_at', sluice.rfc3339(o.updated_at));

create or replace function sluice.activity_json(a sluice.activity) returns jsonb
    language sql stable parallel safe
    return jsonb_build_object(
        'id', a.id, 'kind', a.kind, 'subject', a.subject, 'outcome', a.outcome, 'at', sluice.rfc3339(a.occurred_at),
        'duration_s', a.duration_s, 'owner_id', a.owner_id, 'transition', a.transition,
        'created_at', sluice.rfc3339(a.created_at), 'created_by', a.created_by);

create or replace function sluice.task_json(t sluice.task) returns jsonb
    language sql stable parallel safe
    return jsonb_build_object(
        'id', t.id, 'subject', t.subject, 'status', t.status, 'priority', t.priority,
        'due_at', sluice.rfc3339(t.due_at), 'assignee_id', t.assignee_id, 'transition', t.transition,
        'created_at', sluice.rfc3339(t.created_at), 'created_by', t.created_by);

-- The newest visits, oldest first, and the transitions that began them.
create or replace function sluice.visits_json(id uuid) returns jsonb
    language plpgsql stable as $$
declare
    visits jsonb;
    done jsonb;
begin
    select coalesce(jsonb_agg(jsonb_build_object(
               'state', v.state, 'entered_at', sluice.rfc3339(v.entered_at), 'left_at', sluice.rfc3339(v.left_at),
               'entered_by', v.entered_by, 'transition', v.via) order by v.id), '[]'),
           coalesce(jsonb_agg(jsonb_build_object(
               'transition', v.via, 'by', v.entered_by, 'at', sluice.rfc3339(v.entered_at)) order by v.id), '[]')
      into visits, done
      from (select * from sluice.visit x where x.record_id = visits_json.id order by x.id desc limit 500) v;
    return jsonb_build_object('visits', visits, 'transitions_done', done);
end
$$;

create or replace function sluice.actor_json(kind text, id uuid, roles text[], teams text[]) returns jsonb
    language sql stable parallel safe
    return jsonb_build_object('kind', kind, 'id', id, 'roles', coalesce(to_jsonb(roles), '[]'),
                              'teams', coalesce(to_jsonb(teams), '[]'));

-- The newest activities and tasks of a record, as facts show them. Exactly one of the ids is given.
create or replace function sluice.lead_work(id uuid, out activities jsonb, out tasks jsonb)
    language plpgsql stable as $$
begin
    select coalesce(jsonb_agg(sluice.activity_json(a.*) order by a.occurred_at desc), '[]') into activities
      from (select * from sluice.activity x where x.lead_id = lead_work.id and x.deleted_at is null
             order by x.occurred_at desc limit 500) a;
    select coalesce(jsonb_agg(sluice.task_json(t.*) order by t.created_at desc), '[]') into tasks
      from (select * from sluice.task x where x.lead_id = lead_work.id and x.deleted_at is null
             order by x.created_at desc limit 500) t;
end
$$;

create or replace function sluice.account_work(id uuid, out activities jsonb, out tasks jsonb)
    language plpgsql stable as $$
begin
    select coalesce(jsonb_agg(sluice.activity_json(a.*) order by a.occurred_at desc), '[]') into activities
      from (select * from sluice.activity x where x.account_id = account_work.id and x.deleted_at is null
             order by x.occurred_at desc limit 500) a;
    select coalesce(jsonb_agg(sluice.task_json(t.*) order by t.created_at desc), '[]') into tasks
      from (select * from sluice.task x where x.account_id = account_work.id and x.deleted_at is null
             order by x.created_at desc limit 500) t;
end
$$;

create or replace function sluice.opportunity_work(id uuid, out activities jsonb, out tasks jsonb)
    language plpgsql stable as $$
begin
    select coalesce(jsonb_agg(sluice.activity_json(a.*) order by a.occurred_at desc), '[]') into activities
      from (select * from sluice.activity x where x.opportunity_id = opportunity_work.id and x.deleted_at is null
             order by x.occurred_at desc limit 500) a;
    select coalesce(jsonb_agg(sluice.task_json(t.*) order by t.created_at desc), '[]') into tasks
      from (select * from sluice.task x where x.opportunity_id = opportunity_work.id and x.deleted_at is null
             order by x.created_at desc limit 500) t;
end
$$;

-- Fingerprints of what facts show beside the record itself: which activities and tasks, in which version (and
-- for an opportunity the account). A sum of hashes of id and version differs also when one activity went and
-- another came.
create or replace function sluice.lead_evidence(id uuid) returns text
    language plpgsql stable as $$
begin
    return (select count(*) || ':' || coalesce(sum(uuid_hash_extended(a.id, a.version)), 0)
              from (select x.id, x.version from sluice.activity x
                     where x.lead_id = lead_evidence.id and x.deleted_at is null
                     order by x.occurred_at desc limit 500) a)
           || '/' ||
           (select count(*) || ':' || coalesce(sum(uuid_hash_extended(t.id, t.version)), 0)
              from (select x.id, x.version from sluice.task x
                     where x.lead_id = lead_evidence.id and x.deleted_at is null
                     order by x.created_at desc limit 500) t);
end
$$;

create or replace function sluice.account_evidence(id uuid) returns text
    language plpgsql stable as $$
begin
    return (select count(*) || ':' || coalesce(sum(uuid_hash_extended(a.id, a.version)), 0)
              from (select x.id, x.version from sluice.activity x
                     where x.account_id = account_evidence.id and x.deleted_at is null
                     order by x.occurred_at desc limit 500) a)
           || '/' ||
           (select count(*) || ':' || coalesce(sum(uuid_hash_extended(t.id, t.version)), 0)
              from (select x.id, x.version from sluice.task x
                     where x.account_id = account_evidence.id and x.deleted_at is null
                     order by x.created_at desc limit 500) t);
end
$$;

create or replace function sluice.opportunity_evidence(id uuid, account_version bigint) returns text
    language plpgsql stable as $$
begin
    return (select count(*) || ':' || coalesce(sum(uuid_hash_extended(a.id, a.version)), 0)
              from (select x.id, x.version from sluice.activity x
                     where x.opportunity_id = opportunity_evidence.id and x.deleted_at is null
                     order by x.occurred_at desc limit 500) a)
           || '/' ||
           (select count(*) || ':' || coalesce(sum(uuid_hash_extended(t.id, t.version)), 0)
              from (select x.id, x.version from sluice.task x
                     where x.opportunity_id = opportunity_evidence.id and x.deleted_at is null
                     order by x.created_at desc limit 500) t)
           || '/' || account_version;
end
$$;

grant execute on function
    sluice.money(numeric, text), sluice.lead_json(sluice.lead, text), sluice.account_json(sluice.account, text),
    sluice.contact_json(sluice.contact), sluice.opportunity_json(sluice.opportunity, sluice.state),
    sluice.activity_json(sluice.activity), sluice.task_json(sluice.task), sluice.visits_json(uuid),
    sluice.actor_json(text, uuid, text[], text[]), sluice.lead_work(uuid), sluice.account_work(uuid),
    sluice.opportunity_work(uuid), sluice.lead_evidence(uuid), sluice.account_evidence(uuid),
    sluice.opportunity_evidence(uuid, bigint)
    to sluice_app;

reset role;
