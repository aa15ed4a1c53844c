-- Records as the API shows them: one view per resource, read by get, by lists and after every write, so that
-- a record looks the same wherever it comes from. Columns with a dot nest; columns that begin with an
-- underscore serve filters and do not leave the daemon.

set role sluice_owner;

-- Due: the next threshold of a record's present state. Breached: one has passed, by the clock, fired or not. Stale since:
-- when it should have been touched. One look into timer_record finds them all, written out, since a function's call costs
-- several of them, and a list has hundreds; as a column it is made for the rows of the page only. The column is an array
-- that shows as several members (call/row.h). It asks for nothing that another index of timers answers: those hold few
-- rows at first, and a plan that was made then would read all of them later.

-- For what shows one record, or has them by name only.
create or replace function sluice.is_breached(id uuid) returns boolean
    language plpgsql stable as $$
begin
    return exists (select from sluice.timer t
                    where t.record_id = is_breached.id and t.live and t.sla and t.touched_at is null
                      and t.due_at <= sluice.now());
end
$$;

grant execute on function sluice.is_breached(uuid) to sluice_app;

drop view if exists sluice.lead_row, sluice.account_row, sluice.contact_row, sluice.opportunity_row,
  sluice.activity_row, sluice.task_row;

-- The state is looked up once for all leads of a list that are in it (offset keeps the planner from hashing all states
-- for one lead, and lets it remember those of many).
create view sluice.lead_row as
select l.id, l.version,
       l.state as status, st.category as status_category, l.state_entered_at as status_since,
       l.first_name, l.last_name, l.email, l.phone, l.company, l.job_title, l.tax_id, l.website, l.industry,
       l.street, l.postcode, l.city, l.country, l.need, l.budget_confirmed,
       l.estimated_value_amount as "estimated_value.amount",
       l.estimated_value_currency as "estimated_value.currency",
       l.description, l.source, l.campaign, l.utm, l.external_id, l.owner_id,
       case when l.owner_id is null then (select q.team_id from sluice.lead_queue q where q.lead_id = l.id) end as queue,
       coalesce(l.tags, '{}') as tags,
       l.unqualified_reason, l.dead_reason, l.nurture_until, l.call_back_at,
       l.account_id, l.contact_id, l.opportunity_id, l.converted_at, l.extra, l.score, l.custom,
       (select array[min(t.due_at) filter (where t.due_at > sluice.now() and t.sla),
                     min(t.due_at) filter (where t.due_at <= sluice.now() and t.sla and t.touched_at is null),
                     min(t.due_at) filter (where t.due_at <= sluice.now() and t.touched_at is not null),
                     min(t.due_at) filter (where t.due_at <= sluice.now() and t.touched_at is not null)]
          from sluice.timer t where t.record_id = l.id and t.live
        having count(*) > 0) as "due_at|breached?|stale?|stale_since",
       l.created_at, l.updated_at, l.created_by
  from sluice.lead l
  left join lateral (select s.category from sluice.state s
                      where s.blueprint_version_id = l.blueprint_version_id and s.key = l.state offset 0) st on true
 where l.deleted_at is null;

create view sluice.account_row as
select a.id, a.version,
       a.state as verification, st.category as verification_category,
       a.state_entered_at as verification_since,
       a.name, a.tax_id, a.email, a.phone, a.website, a.industry,
       a.street, a.postcode, a.city, a.country, a.description, a.source, a.campaign, a.lead_id,
       a.external_id, a.owner_id, coalesce(a.tags, '{}') as tags, a.rejection_reason, a.duplicate_of, a.custom,
       (select array[min(t.due_at) filter (where t.due_at > sluice.now() and t.sla),
                     min(t.due_at) filter (where t.due_at <= sluice.now() and t.sla and t.touched_at is null),
                     min(t.due_at) filter (where t.due_at <= sluice.now() and t.touched_at is not null),
                     min(t.due_at) filter (where t.due_at <= sluice.now() and t.touched_at is not null)]
          from sluice.timer t where t.record_id = a.id and t.live
        having count(*) > 0) as "due_at|breached?|stale?|stale_since",
       cl.claimed_by, cl.expires_at as claimed_until,
       a.created_at, a.updated_at, a.created_by
  from sluice.account a
  left join sluice.account_claim cl on cl.record_id = a.id and cl.expires_at > sluice.now()
  left join sluice.state st on st.blueprint_version_id = a.blueprint_version_id and st.key = a.state
 where a.deleted_at is null;

create view sluice.contact_row as
select c.id, c.version, c.account_id, c.first_name, c.last_name, c.email, c.phone, c.job_title, c.role,
       c.description, c.source, c.campaign, c.lead_id, c.external_id, c.owner_id, c.custom,
       c.created_at, c.updated_at, c.created_by
  from sluice.contact c
 where c.deleted_at is null;

-- Waiting for verification is derived: an open opportunity of an account whose verification is open.
create view sluice.opportunity_row as
select o.id, o.version,
       o.state as stage, st.category as stage_category, o.state_entered_at as stage_since,
       o.name, o.account_id, o.contact_id, o.lead_id,
       o.amount_amount as "amount.amount", o.amount_currency as "amount.currency",
       o.product_kind, o.delivery_date, o.close_date, o.postponed_until,
       coalesce(o.probability, st.probability) as probability,
       coalesce(o.forecast_category, st.forecast_category) as forecast_category,
       coalesce(st.category = 'open' and ast.category = 'open', false) as awaiting_verification,
       o.description, o.source, o.campaign, o.owner_id, coalesce(o.tags, '{}') as tags, o.lost_reason, o.closed_at, o.external_id, o.custom,
       (select array[min(t.due_at) filter (where t.due_at > sluice.now() and t.sla),
                     min(t.due_at) filter (where t.due_at <= sluice.now() and t.sla and t.touched_at is null),
                     min(t.due_at) filter (where t.due_at <= sluice.now() and t.touched_at is not null),
                     min(t.due_at) filter (where t.due_at <= sluice.now() and t.touched_at is not null)]
          from sluice.timer t where t.record_id = o.id and t.live
        having count(*) > 0) as "due_at|breached?|stale?|stale_since",
       o.created_at, o.updated_at, o.created_by
  from sluice.opportunity o
  left join sluice.state st on st.blueprint_version_id = o.blueprint_version_id and st.key = o.state
  join sluice.account a on a.id = o.account_id
  left join sluice.state ast on ast.blueprint_version_id = a.blueprint_version_id and ast.key = a.state
 where o.deleted_at is null;

create view sluice.activity_row as
select v.id, v.version, v.kind, v.subject, v.outcome, v.body, v.occurred_at, v.duration_s,
       v.lead_id, v.account_id, v.contact_id, v.opportunity_id, v.owner_id, v.transition,
       v.created_at, v.updated_at, v.created_by
  from sluice.activity v
 where v.deleted_at is null;

create view sluice.task_row as
select t.id, t.version, t.subject, t.body, t.due_at, t.priority, t.status, t.done_at, t.assignee_id,
       t.lead_id, t.account_id, t.contact_id, t.opportunity_id, t.transition,
       t.created_at, t.updated_at, t.created_by
  from sluice.task t
 where t.deleted_at is null;

grant select on sluice.lead_row, sluice.account_row, sluice.contact_row, sluice.opportunity_row,
  sluice.activity_row, sluice.task_row to sluice_app;

drop function if exists sluice.next_due(uuid), sluice.stale_since(uuid);

reset role;
