-- query: opportunity_get one read
-- An opportunity, if the viewer may see it; no row means 404.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.opportunity_row r
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));

-- query: opportunity_create none write
-- Adds an opportunity from the members of a checked body; the birth trigger gives it its state.
-- in: id   uuid
-- in: body jsonb
insert into sluice.opportunity
  (id, name, account_id, contact_id, amount_amount, amount_currency, product_kind, delivery_date,
   close_date, probability, forecast_category, description, external_id, owner_id, tags, source, campaign,
   custom)
select :id, b.name, b.account_id, b.contact_id, b.amount_amount, b.amount_currency, b.product_kind,
       b.delivery_date, b.close_date, b.probability, b.forecast_category, b.description,
       b.external_id, coalesce(b.owner_id, sluice.actor_user()), nullif(b.tags, '{}'), coalesce(b.source, a.source),
       coalesce(b.campaign, a.campaign), coalesce(jsonb_strip_nulls(b.custom), '{}')
  from jsonb_populate_record(null::sluice.opportunity, sluice.flat_money(:body, 'amount')) b
  left join sluice.account a on a.id = b.account_id;

-- query: opportunity_update one write
-- Merge patch (RFC 7396): members of the patch replace, null empties, what is absent stays. No row: the opportunity
-- is not there, not the caller's, or has another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.opportunity r
   set (name, account_id, contact_id, amount_amount, amount_currency, product_kind, delivery_date,
        close_date, probability, forecast_category, description, external_id, owner_id, tags,
        custom)
     = (select b.name, b.account_id, b.contact_id, b.amount_amount, b.amount_currency,
               b.product_kind, b.delivery_date, b.close_date, b.probability, b.forecast_category,
               b.description, b.external_id, b.owner_id,
               nullif(b.tags, '{}'), sluice.custom_merge(r.custom, :patch)
          from jsonb_populate_record(r, sluice.flat_money(:patch, 'amount')) b)
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id))
returning r.version;

-- query: opportunity_delete one write
-- Marks the opportunity as deleted; its history stays.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.opportunity r
   set deleted_at = sluice.now()
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id))
returning r.version;

-- query: opportunity_list list read
-- Opportunities that the viewer may see.
-- in: viewer uuid
-- in: scope  text
-- in: account_scope text
-- in: contact_scope text
-- id: r.id
-- filter: stage text eq exists (select from (select sluice.known(:value) as states) x join sluice.visit v on v.state = any (x.states)
--                              where nullif(r.stage = any (x.states), false) is not null and v.record_id = r.id and v.entity = 'opportunity' and v.left_at is null)
-- filter: account uuid eq on r.account_id
-- filter: contact uuid eq on r.contact_id
-- filter: owner user eq on r.owner_id
-- filter: product_kind text eq on r.product_kind
-- filter: source text eq on r.source
-- filter: awaiting_verification boolean eq on r.awaiting_verification
-- filter: close_date date gte,lte on r.close_date
-- filter: amount numeric gte,lte on r."amount.amount"
-- filter: external_id text eq on r.external_id
-- filter: lead uuid eq on r.lead_id
-- filter: created_at timestamptz gt,gte,lt,lte on r.created_at
-- filter: breached boolean eq (r.id in (select t.record_id from sluice.timer t where t.entity = 'opportunity' and t.live and t.sla and t.touched_at is null and t.due_at <= sluice.now())) = any(:value)
-- filter: stale boolean eq (r.id in (select t.record_id from sluice.timer t where t.entity = 'opportunity' and t.live and t.touched_at is not null and t.due_at <= sluice.now())) = any(:value)
-- filter: tag text eq r.id in (select x.id from sluice.opportunity x where x.tags && :value)
-- filter: q text search on s.text
-- sort: created_at timestamptz r.created_at
-- sort: updated_at timestamptz r.updated_at
-- sort: close_date date coalesce(r.close_date, 'infinity')
-- sort: amount numeric coalesce(r."amount.amount", 0)
-- sort: name text r.name
select r.*
-- include: owner
     , ou.id as "owner.id", ou.name as "owner.name"
-- include: account
     , ia.id as "account.id", ia.name as "account.name", ia.state as "account.verification"
-- include: contact
     , ic.id as "contact.id", ic.first_name as "contact.first_name", ic.last_name as "contact.last_name", ic.email as "contact.email", ic.phone as "contact.phone"
-- from
  from sluice.opportunity_row r
  left join sluice.search_text s on s.entity = 'opportunity' and s.record_id = r.id
-- include: owner
  left join sluice.app_user ou on ou.id = r.owner_id
-- include: account
  left join sluice.account ia on ia.id = r.account_id and sluice.in_scope(:account_scope, :viewer, ia.owner_id)
-- include: contact
  left join sluice.contact ic on ic.id = r.contact_id and sluice.in_scope(:contact_scope, :viewer, ic.owner_id)
-- where
 where (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));

-- query: opportunity_revisit list read
-- Opportunities that were cancelled or postponed, and when to take them up again: on the date that was agreed, when the
-- state's threshold is due, else half a year after they got there. reason: what was noted then.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: due_before timestamptz search d.due_at <= :value
-- filter: owner user eq on r.owner_id
-- filter: account uuid eq on r.account_id
-- sort: due_at timestamptz d.due_at
select r.id, r.version, r.name, r.stage, r.stage_category, r.stage_since, r.account_id, r.owner_id,
       r."amount.amount", r."amount.currency", d.due_at, w.note as reason
-- from
  from sluice.opportunity_row r
 cross join lateral (select coalesce(r.postponed_until::timestamp at time zone 'UTC',
                                     (select min(t.due_at) from sluice.timer t
                                       where t.record_id = r.id and t.live and t.sla and t.touched_at is null),
                                     r.stage_since + interval '183 days') as due_at) d
  left join lateral (select a.detail ->> 'note' as note from sluice.audit a
                      where a.record_id = r.id and a.action = 'transition' order by a.seq desc limit 1) w on true
-- where
 where r.stage_category in ('cancelled', 'postponed')
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));
