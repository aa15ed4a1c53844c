-- query: account_get one read
-- An account, if the viewer may see it; no row means 404.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.account_row r
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));

-- query: account_create none write
-- Adds an account from the members of a checked body; the birth trigger gives it its state.
-- in: id   uuid
-- in: body jsonb
insert into sluice.account
  (id, name, tax_id, email, phone, website, industry, street, postcode, city, country, description,
   external_id, owner_id, tags, source, campaign, custom)
select :id, b.name, b.tax_id, b.email, b.phone, b.website, b.industry, b.street, b.postcode, b.city,
       b.country, b.description, b.external_id, coalesce(b.owner_id, sluice.actor_user()),
       nullif(b.tags, '{}'), b.source,
       b.campaign, coalesce(jsonb_strip_nulls(b.custom), '{}')
  from jsonb_populate_record(null::sluice.account, :body) b;

-- query: account_update one write
-- Merge patch (RFC 7396): members of the patch replace, null empties, what is absent stays. No row: the account
-- is not there, not the caller's, or has another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.account r
   set (name, tax_id, email, phone, website, industry, street, postcode, city, country, description,
        external_id, owner_id, tags, custom)
     = (select b.name, b.tax_id, b.email, b.phone, b.website, b.industry, b.street, b.postcode,
               b.city, b.country, b.description, b.external_id, b.owner_id,
               nullif(b.tags, '{}'), sluice.custom_merge(r.custom, :patch)
          from jsonb_populate_record(r, :patch) b)
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id))
returning r.version;

-- query: account_delete one write
-- Marks the account as deleted; its history stays.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.account r
   set deleted_at = sluice.now()
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id))
returning r.version;

-- query: account_list list read
-- Accounts that the viewer may see.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: verification text eq exists (select from (select sluice.known(:value) as states) x join sluice.visit v on v.state = any (x.states)
--                              where nullif(r.verification = any (x.states), false) is not null and v.record_id = r.id and v.entity = 'account' and v.left_at is null)
-- filter: owner user eq on r.owner_id
-- filter: tax_id text eq on r.tax_id
-- filter: email text eq lower(r.email) = any (lower(:value::text)::text[])
-- filter: external_id text eq on r.external_id
-- filter: lead uuid eq on r.lead_id
-- filter: industry text eq on r.industry
-- filter: country text eq on r.country
-- filter: source text eq on r.source
-- filter: created_at timestamptz gt,gte,lt,lte on r.created_at
-- filter: breached boolean eq (r.id in (select t.record_id from sluice.timer t where t.entity = 'account' and t.live and t.sla and t.touched_at is null and t.due_at <= sluice.now())) = any(:value)
-- filter: stale boolean eq (r.id in (select t.record_id from sluice.timer t where t.entity = 'account' and t.live and t.touched_at is not null and t.due_at <= sluice.now())) = any(:value)
-- filter: segment text eq r.id in (select m.id from sluice.segment_members(:value) m(id))
-- filter: tag text eq r.id in (select x.id from sluice.account x where x.tags && :value)
-- filter: q text search on s.text
-- sort: created_at timestamptz r.created_at
-- sort: updated_at timestamptz r.updated_at
-- sort: name text r.name
select r.*
-- include: owner
     , ou.id as "owner.id", ou.name as "owner.name"
-- from
  from sluice.account_row r
  left join sluice.search_text s on s.entity = 'account' and s.record_id = r.id
-- include: owner
  left join sluice.app_user ou on ou.id = r.owner_id
-- where
 where (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));
