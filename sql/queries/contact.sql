-- query: contact_get one read
-- A contact, if the viewer may see it; no row means 404.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.contact_row r
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));

-- query: contact_create none write
-- Adds a contact from the members of a checked body; the birth trigger gives it its state.
-- in: id   uuid
-- in: body jsonb
insert into sluice.contact
  (id, account_id, first_name, last_name, email, phone, job_title, role, description, external_id,
   owner_id, source, campaign, custom)
select :id, b.account_id, b.first_name, b.last_name, b.email, b.phone, b.job_title, b.role,
       b.description, b.external_id, coalesce(b.owner_id, sluice.actor_user()), b.source, b.campaign,
       coalesce(jsonb_strip_nulls(b.custom), '{}')
  from jsonb_populate_record(null::sluice.contact, :body) b;

-- query: contact_update one write
-- Merge patch (RFC 7396): members of the patch replace, null empties, what is absent stays. No row: the contact
-- is not there, not the caller's, or has another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.contact r
   set (account_id, first_name, last_name, email, phone, job_title, role, description, external_id,
        owner_id, custom)
     = (select b.account_id, b.first_name, b.last_name, b.email, b.phone, b.job_title, b.role,
               b.description, b.external_id, b.owner_id,
               sluice.custom_merge(r.custom, :patch)
          from jsonb_populate_record(r, :patch) b)
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id))
returning r.version;

-- query: contact_delete one write
-- Marks the contact as deleted; its history stays.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.contact r
   set deleted_at = sluice.now()
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id))
returning r.version;

-- query: contact_list list read
-- Contacts that the viewer may see.
-- in: viewer uuid
-- in: scope  text
-- in: account_scope text
-- id: r.id
-- filter: account uuid eq r.id in (select m.id from sluice.contacts_at(:value) m(id))
-- filter: owner user eq on r.owner_id
-- filter: email text eq lower(r.email) = any (lower(:value::text)::text[])
-- filter: phone text eq on r.phone
-- filter: external_id text eq on r.external_id
-- filter: lead uuid eq on r.lead_id
-- filter: created_at timestamptz gt,gte,lt,lte on r.created_at
-- filter: q text search on s.text
-- sort: created_at timestamptz r.created_at
-- sort: updated_at timestamptz r.updated_at
-- sort: last_name text r.last_name
select r.*
-- include: owner
     , ou.id as "owner.id", ou.name as "owner.name"
-- include: account
     , ia.id as "account.id", ia.name as "account.name", ia.state as "account.verification"
-- from
  from sluice.contact_row r
  left join sluice.search_text s on s.entity = 'contact' and s.record_id = r.id
-- include: owner
  left join sluice.app_user ou on ou.id = r.owner_id
-- include: account
  left join sluice.account ia on ia.id = r.account_id and sluice.in_scope(:account_scope, :viewer, ia.owner_id)
-- where
 where (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));
