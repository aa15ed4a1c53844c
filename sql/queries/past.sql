-- query: lead_then one read
-- A lead as it was, for who may see it now; no row: it was not there, or not the viewer's. Clocks and queues are not kept.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
-- in: as_of  timestamptz
select l.id, l.version,
       l.state as status, st.category as status_category, l.state_entered_at as status_since,
       l.first_name, l.last_name, l.email, l.phone, l.company, l.job_title, l.tax_id, l.website, l.industry,
       l.street, l.postcode, l.city, l.country, l.need, l.budget_confirmed,
       l.estimated_value_amount as "estimated_value.amount",
       l.estimated_value_currency as "estimated_value.currency",
       l.description, l.source, l.campaign, l.utm, l.external_id, l.owner_id, null::uuid as queue,
       coalesce(l.tags, '{}') as tags,
       l.unqualified_reason, l.dead_reason, l.nurture_until, l.call_back_at,
       l.account_id, l.contact_id, l.opportunity_id, l.converted_at, l.extra,
       sluice.score_then(l.id, l.score, :as_of) as score, l.custom,
       null::timestamptz as due_at, sluice.was_breached(l.id, :as_of) as breached,
       false as stale, null::timestamptz as stale_since,
       l.created_at, l.updated_at, l.created_by
  from sluice.lead r
 cross join lateral sluice.lead_then(r.id, :as_of) l
  left join sluice.state st on st.blueprint_version_id = l.blueprint_version_id and st.key = l.state
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));

-- query: account_then one read
-- An account as it was, with the equipment that it had.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
-- in: scopes jsonb
-- in: as_of  timestamptz
select a.id, a.version,
       a.state as verification, st.category as verification_category,
       a.state_entered_at as verification_since,
       a.name, a.tax_id, a.email, a.phone, a.website, a.industry,
       a.street, a.postcode, a.city, a.country, a.description, a.source, a.campaign, a.lead_id,
       a.external_id, a.owner_id, coalesce(a.tags, '{}') as tags, a.rejection_reason, a.duplicate_of, a.custom,
       null::timestamptz as due_at, sluice.was_breached(a.id, :as_of) as breached,
       false as stale, null::timestamptz as stale_since,
       null::uuid as claimed_by, null::timestamptz as claimed_until,
       a.created_at, a.updated_at, a.created_by, case when sluice.in_scope(:scopes ->> 'equipment', :viewer, r.owner_id) then sluice.equipment_had(a.id, :as_of) end as equipment
  from sluice.account r
 cross join lateral sluice.account_then(r.id, :as_of) a
  left join sluice.state st on st.blueprint_version_id = a.blueprint_version_id and st.key = a.state
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));

-- query: contact_then one read
-- A contact as it was.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
-- in: as_of  timestamptz
select c.id, c.version, c.account_id, c.first_name, c.last_name, c.email, c.phone, c.job_title, c.role,
       c.description, c.source, c.campaign, c.lead_id, c.external_id, c.owner_id, c.custom,
       c.created_at, c.updated_at, c.created_by
  from sluice.contact r
 cross join lateral sluice.contact_then(r.id, :as_of) c
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));

-- query: opportunity_then one read
-- An opportunity as it was; it waited for verification if its account was not decided then.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
-- in: as_of  timestamptz
select o.id, o.version,
       o.state as stage, st.category as stage_category, o.state_entered_at as stage_since,
       o.name, o.account_id, o.contact_id, o.lead_id,
       o.amount_amount as "amount.amount", o.amount_currency as "amount.currency",
       o.product_kind, o.delivery_date, o.close_date, o.postponed_until,
       coalesce(o.probability, st.probability) as probability,
       coalesce(o.forecast_category, st.forecast_category) as forecast_category,
       coalesce(st.category = 'open' and ast.category = 'open', false) as awaiting_verification,
       o.description, o.source, o.campaign, o.owner_id, coalesce(o.tags, '{}') as tags, o.lost_reason, o.closed_at, o.external_id, o.custom,
       null::timestamptz as due_at, sluice.was_breached(o.id, :as_of) as breached,
       false as stale, null::timestamptz as stale_since,
       o.created_at, o.updated_at, o.created_by
  from sluice.opportunity r
 cross join lateral sluice.opportunity_then(r.id, :as_of) o
  left join sluice.state st on st.blueprint_version_id = o.blueprint_version_id and st.key = o.state
  left join lateral sluice.account_then(o.account_id, :as_of) a on true
  left join sluice.state ast on ast.blueprint_version_id = a.blueprint_version_id and ast.key = a.state
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));
