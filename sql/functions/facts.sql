-- What a decision about a transition is made on, and the fingerprint that tells whether it is still so.
--
-- JSON is made as text from rows and never as jsonb: nothing here looks into it, and that is half the price. The
-- functions are single selects that return sets, which the planner merges into the query that calls them: keep
-- them so.

set role sluice_owner;

create or replace function sluice.money(amount numeric, currency text) returns json
    language sql stable parallel safe
    return case when amount is not null then json_build_object('amount', amount::text, 'currency', currency) end;

drop view if exists sluice.lead_fact, sluice.account_fact, sluice.contact_fact, sluice.opportunity_fact;

-- Records as the API names them, for guards to look at.
create view sluice.lead_fact as
select l.id, l.version,
       l.state as status, s.category as status_category, sluice.rfc3339(l.state_entered_at) as status_since,
       l.first_name, l.last_name, l.email, l.phone, l.company, l.job_title, l.tax_id, l.website, l.industry,
       l.street, l.postcode, l.city, l.country, l.need, l.budget_confirmed,
       sluice.money(l.estimated_value_amount, l.estimated_value_currency) as estimated_value,
       l.description, l.source, l.campaign, l.utm, l.external_id, l.owner_id, l.tags,
       l.unqualified_reason, l.dead_reason, l.nurture_until, sluice.rfc3339(l.call_back_at) as call_back_at,
       l.account_id, l.contact_id, l.opportunity_id, sluice.rfc3339(l.converted_at) as converted_at, l.extra, l.score, l.custom,
       sluice.rfc3339(l.created_at) as created_at, sluice.rfc3339(l.updated_at) as updated_at, l.created_by
  from sluice.lead l
  left join sluice.state s on s.blueprint_version_id = l.blueprint_version_id and s.key = l.state;

create view sluice.account_fact as
select a.id, a.version,
       a.state as verification, s.category as verification_category,
       sluice.rfc3339(a.state_entered_at) as verification_since,
       a.name, a.tax_id, a.email, a.phone, a.website, a.industry,
       a.street, a.postcode, a.city, a.country, a.description, a.source, a.campaign, a.lead_id,
       a.external_id, a.owner_id, a.tags, a.rejection_reason, a.duplicate_of, a.custom,
       sluice.rfc3339(a.created_at) as created_at, sluice.rfc3339(a.updated_at) as updated_at, a.created_by
  from sluice.account a
  left join sluice.state s on s.blueprint_version_id = a.blueprint_version_id and s.key = a.state;

create view sluice.contact_fact as
select c.id, c.version, c.account_id, c.first_name, c.last_name, c.email, c.phone, c.job_title, c.role,
       c.description, c.source, c.campaign, c.lead_id, c.external_id, c.owner_id, c.custom,
       sluice.rfc3339(c.created_at) as created_at, sluice.rfc3339(c.updated_at) as updated_at, c.created_by
  from sluice.contact c;

create view sluice.opportunity_fact as
select o.id, o.version,
       o.state as stage, s.category as stage_category, sluice.rfc3339(o.state_entered_at) as stage_since,
       o.name, o.account_id, o.contact_id, o.lead_id, sluice.money(o.amount_amount, o.amount_currency) as amount,
       o.product_kind, o.delivery_date, o.close_date, o.postponed_until,
       coalesce(o.probability, s.probability) as probability,
       coalesce(o.forecast_category, s.forecast_category) as forecast_category,
       o.description, o.source, o.campaign, o.owner_id, o.tags, o.lost_reason, sluice.rfc3339(o.closed_at) as closed_at,
       o.external_id, o.custom, sluice.rfc3339(o.created_at) as created_at, sluice.rfc3339(o.updated_at) as updated_at, o.created_by
  from sluice.opportunity o
  left join sluice.state s on s.blueprint_version_id = o.blueprint_version_id and s.key = o.state;

create or replace function sluice.actor_json(kind text, id uuid, roles text[], teams text[]) returns json
    language sql stable parallel safe
    return json_build_object('kind', kind, 'id', id, 'roles', coalesce(to_json(roles), '[]'),
                             'teams', coalesce(to_json(teams), '[]'));

drop function if exists sluice.visits_of(uuid), sluice.account_work(uuid), sluice.opportunity_work(uuid);

-- The newest activities and tasks of a record, newest first, and a fingerprint that tells which they are, in which
-- version: a sum of hashes differs also when one went and another came. Who asks for the fingerprint only pays for
-- nothing else.
create or replace function sluice.lead_work(id uuid) returns table (activities json, tasks json, evidence text)
    language sql stable as $$
    select a.list, t.list, a.print || '/' || t.print
      from (select coalesce(json_agg(json_build_object(
                       'id', x.id, 'kind', x.kind, 'subject', x.subject, 'outcome', x.outcome,
                       'at', sluice.rfc3339(x.occurred_at), 'duration_s', x.duration_s, 'owner_id', x.owner_id,
                       'transition', x.transition, 'created_at', sluice.rfc3339(x.created_at),
                       'created_by', x.created_by)), '[]') as list,
                   count(*) || ':' || coalesce(sum(uuid_hash_extended(x.id, x.version)), 0) as print
              from (select * from sluice.activity y where y.lead_id = lead_work.id and y.deleted_at is null
                     order by y.occurred_at desc limit 500) x) a,
           (select coalesce(json_agg(json_build_object(
                       'id', x.id, 'subject', x.subject, 'status', x.status, 'priority', x.priority,
                       'due_at', sluice.rfc3339(x.due_at), 'assignee_id', x.assignee_id, 'transition', x.transition,
                       'created_at', sluice.rfc3339(x.created_at), 'created_by', x.created_by)), '[]') as list,
                   count(*) || ':' || coalesce(sum(uuid_hash_extended(x.id, x.version)), 0) as print
              from (select * from sluice.task y where y.lead_id = lead_work.id and y.deleted_at is null
                     order by y.created_at desc limit 500) x) t
$$;

-- The activities alone. Of a transition everything but these is brought for processes that look at it (facts_more.sql).
create or replace function sluice.lead_deeds(id uuid) returns table (list json, print text)
    language sql stable as $$
    select coalesce(json_agg(json_build_object(
               'id', x.id, 'kind', x.kind, 'subject', x.subject, 'outcome', x.outcome,
               'at', sluice.rfc3339(x.occurred_at), 'duration_s', x.duration_s, 'owner_id', x.owner_id,
               'transition', x.transition, 'created_at', sluice.rfc3339(x.created_at), 'created_by', x.created_by)), '[]'),
           count(*) || ':' || coalesce(sum(uuid_hash_extended(x.id, x.version)), 0)
      from (select * from sluice.activity y where y.lead_id = lead_deeds.id and y.deleted_at is null
             order by y.occurred_at desc limit 500) x
$$;

-- Where there are any: to begin the above costs as much as the rest of a decision's facts, also where it finds nothing.
create or replace function sluice.lead_deeds_found(id uuid) returns table (list json, print text)
    language plpgsql stable rows 1 as $$
begin
    return query select d.list, d.print from sluice.lead_deeds(lead_deeds_found.id) d;
end
$$;

create or replace function sluice.account_deeds(id uuid) returns table (list json, print text)
    language sql stable as $$
    select coalesce(json_agg(json_build_object(
               'id', x.id, 'kind', x.kind, 'subject', x.subject, 'outcome', x.outcome,
               'at', sluice.rfc3339(x.occurred_at), 'duration_s', x.duration_s, 'owner_id', x.owner_id,
               'transition', x.transition, 'created_at', sluice.rfc3339(x.created_at), 'created_by', x.created_by)), '[]'),
           count(*) || ':' || coalesce(sum(uuid_hash_extended(x.id, x.version)), 0)
      from (select * from sluice.activity y where y.account_id = account_deeds.id and y.deleted_at is null
             order by y.occurred_at desc limit 500) x
$$;

create or replace function sluice.opportunity_deeds(id uuid) returns table (list json, print text)
    language sql stable as $$
    select coalesce(json_agg(json_build_object(
               'id', x.id, 'kind', x.kind, 'subject', x.subject, 'outcome', x.outcome,
               'at', sluice.rfc3339(x.occurred_at), 'duration_s', x.duration_s, 'owner_id', x.owner_id,
               'transition', x.transition, 'created_at', sluice.rfc3339(x.created_at), 'created_by', x.created_by)), '[]'),
           count(*) || ':' || coalesce(sum(uuid_hash_extended(x.id, x.version)), 0)
      from (select * from sluice.activity y where y.opportunity_id = opportunity_deeds.id and y.deleted_at is null
             order by y.occurred_at desc limit 500) x
$$;

-- The versions of the records that facts show beside the record: guards may look at any of them. Most leads have none:
-- callers ask for what is there only, so in plpgsql, which costs nothing while it is not called.
drop function if exists sluice.related_print(uuid, uuid, uuid);

create function sluice.related_print(account uuid, contact uuid, lead uuid) returns text
    language plpgsql stable as $$
begin
    return concat('/', (select a.version from sluice.account a where a.id = account),
                  '/', (select c.version from sluice.contact c where c.id = contact),
                  '/', (select l.version from sluice.lead l where l.id = lead));
end
$$;

create or replace function sluice.lead_related(account uuid, contact uuid) returns json
    language plpgsql stable as $$
begin
    return json_build_object('account', (select row_to_json(a) from sluice.account_fact a where a.id = account),
                             'contact', (select row_to_json(c) from sluice.contact_fact c where c.id = contact));
end
$$;

-- Locks them: none changes before this commits.
create or replace function sluice.hold_related(account uuid, contact uuid, lead uuid) returns void
    language plpgsql as $$
begin
    if lead is not null then
        perform from sluice.lead l where l.id = lead for share;
    end if;
    if contact is not null then
        perform from sluice.contact c where c.id = contact for share;
    end if;
    if account is not null then
        perform from sluice.account a where a.id = account for share;
    end if;
end
$$;

-- Fingerprints of what facts show beside the record itself.
create or replace function sluice.lead_evidence(id uuid) returns text
    language plpgsql stable as $$
begin
    return (select d.print || case when num_nonnulls(l.account_id, l.contact_id) = 0 then '///'
                                   else sluice.related_print(l.account_id, l.contact_id, null) end || '/' || l.score
              from sluice.lead l, sluice.lead_deeds(l.id) d
             where l.id = lead_evidence.id);
end
$$;

create or replace function sluice.account_evidence(id uuid) returns text
    language plpgsql stable as $$
begin
    return (select d.print || sluice.related_print(null, null, a.lead_id)
              from sluice.account a, sluice.account_deeds(a.id) d
             where a.id = account_evidence.id);
end
$$;

create or replace function sluice.opportunity_evidence(id uuid) returns text
    language plpgsql stable as $$
begin
    return (select d.print || sluice.related_print(o.account_id, o.contact_id, null)
              from sluice.opportunity o, sluice.opportunity_deeds(o.id) d
             where o.id = opportunity_evidence.id);
end
$$;

grant select on sluice.lead_fact, sluice.account_fact, sluice.contact_fact, sluice.opportunity_fact to sluice_app;
grant execute on function
    sluice.money(numeric, text), sluice.actor_json(text, uuid, text[], text[]), sluice.lead_work(uuid),
    sluice.lead_deeds(uuid), sluice.lead_deeds_found(uuid), sluice.account_deeds(uuid), sluice.opportunity_deeds(uuid), sluice.lead_evidence(uuid),
    sluice.lead_related(uuid, uuid),
    sluice.account_evidence(uuid), sluice.opportunity_evidence(uuid),
    sluice.related_print(uuid, uuid, uuid), sluice.hold_related(uuid, uuid, uuid)
    to sluice_app;

reset role;
