-- query: lead_get one read
-- A lead, if the viewer may see it; no row means 404.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.lead_row r
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));

-- query: lead_create none write
-- Adds a lead from the members of a checked body; the birth trigger gives it its state.
-- in: id   uuid
-- in: body jsonb
insert into sluice.lead
  (id, first_name, last_name, email, phone, company, job_title, tax_id, website, industry, street,
   postcode, city, country, need, budget_confirmed, estimated_value_amount,
   estimated_value_currency, description, external_id, owner_id, tags, source, campaign, custom)
select :id, b.first_name, b.last_name, b.email, b.phone, b.company, b.job_title, b.tax_id, b.website,
       b.industry, b.street, b.postcode, b.city, b.country, b.need, b.budget_confirmed,
       b.estimated_value_amount, b.estimated_value_currency, b.description, b.external_id,
       b.owner_id, nullif(b.tags, '{}'), b.source, b.campaign,
       coalesce(jsonb_strip_nulls(b.custom), '{}')
  from jsonb_populate_record(null::sluice.lead, sluice.flat_money(:body, 'estimated_value')) b;

-- query: lead_update one write
-- Merge patch (RFC 7396): members of the patch replace, null empties, what is absent stays. No row: the lead
-- is not there, not the caller's, or has another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.lead r
   set (first_name, last_name, email, phone, company, job_title, tax_id, website, industry, street,
        postcode, city, country, need, budget_confirmed, estimated_value_amount,
        estimated_value_currency, description, external_id, owner_id, tags, custom)
     = (select b.first_name, b.last_name, b.email, b.phone, b.company, b.job_title, b.tax_id,
               b.website, b.industry, b.street, b.postcode, b.city, b.country, b.need,
               b.budget_confirmed, b.estimated_value_amount, b.estimated_value_currency,
               b.description, b.external_id, b.owner_id,
               nullif(b.tags, '{}'), sluice.custom_merge(r.custom, :patch)
          from jsonb_populate_record(r, sluice.flat_money(:patch, 'estimated_value')) b)
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id))
returning r.version;

-- query: lead_delete one write
-- Marks the lead as deleted; its history stays.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.lead r
   set deleted_at = sluice.now()
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id))
returning r.version;

-- query: lead_list list read
-- Leads that the viewer may see.
-- in: viewer uuid
-- in: scope  text
-- in: account_scope text
-- id: r.id
-- filter: status text eq exists (select from (select sluice.known(:value) as states) x join sluice.visit v on v.state = any (x.states)
--                              where nullif(r.status = any (x.states), false) is not null and v.record_id = r.id and v.entity = 'lead' and v.left_at is null)
-- filter: owner user eq on r.owner_id
-- filter: source text eq on r.source
-- filter: campaign text eq on r.campaign
-- filter: industry text eq on r.industry
-- filter: company text eq on r.company
-- filter: email text eq lower(r.email) = any (lower(:value::text)::text[])
-- filter: phone text eq on r.phone
-- filter: external_id text eq on r.external_id
-- filter: country text eq on r.country
-- filter: account uuid eq on r.account_id
-- filter: unqualified_reason text eq on r.unqualified_reason
-- filter: archived boolean eq coalesce(r.status_category = 'cancelled', false) = any(:value)
-- filter: dead_reason text eq on r.dead_reason
-- filter: created_at timestamptz gt,gte,lt,lte on r.created_at
-- filter: updated_at timestamptz gte,lt on r.updated_at
-- filter: nurture_until date gte,lte on r.nurture_until
-- filter: call_back_at timestamptz gte,lte on r.call_back_at
-- filter: breached boolean eq (r.id in (select t.record_id from sluice.timer t where t.entity = 'lead' and t.live and t.sla and t.touched_at is null and t.due_at <= sluice.now())) = any(:value)
-- filter: stale boolean eq (r.id in (select t.record_id from sluice.timer t where t.entity = 'lead' and t.live and t.touched_at is not null and t.due_at <= sluice.now())) = any(:value)
-- filter: tag text eq r.id in (select x.id from sluice.lead x where x.tags && :value)
-- filter: score bigint gte on sc.score
-- filter: queue uuid eq r.id in (select x.lead_id from sluice.lead_queue x where x.team_id = any(:value))
-- filter: q text search on s.text
-- unless: archived,status,account,email,phone,external_id r.status_category is distinct from 'cancelled'
-- sort: created_at timestamptz r.created_at
-- sort: updated_at timestamptz r.updated_at
-- sort: company text coalesce(r.company, '')
-- sort: last_name text coalesce(r.last_name, '')
select r.*
-- include: owner
     , ou.id as "owner.id", ou.name as "owner.name"
-- include: account
     , ia.id as "account.id", ia.name as "account.name", ia.state as "account.verification"
-- from
  from sluice.lead_row r
  left join sluice.search_text s on s.entity = 'lead' and s.record_id = r.id
  left join sluice.lead_score sc on sc.lead_id = r.id
-- include: owner
  left join sluice.app_user ou on ou.id = r.owner_id
-- include: account
  left join sluice.account ia on ia.id = r.account_id and sluice.in_scope(:account_scope, :viewer, ia.owner_id)
-- where
 where (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));
