-- query: account_contact_get one read
-- What a contact is to an account, if the viewer may see it; no row means 404.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.account_contact_row r
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r._owner_id));

-- query: account_contact_create none write
-- Gives a contact a role at an account, if the caller sees both.
-- in: id     uuid
-- in: body   jsonb
-- in: viewer uuid
-- in: scope  text
-- in: account_scope text
insert into sluice.account_contact (id, account_id, contact_id, role, primary_at, since, until, note)
select :id, sluice.account_within(b.account_id, :viewer, :account_scope),
       sluice.contact_within(b.contact_id, :viewer, :scope), b.role, case when b."primary" then sluice.now() end,
       b.since, b.until, b.note
  from jsonb_to_record(:body) as b(account_id uuid, contact_id uuid, role text, "primary" boolean, since date, until date,
                                   note text);

-- query: account_contact_update one write
-- Merge patch (RFC 7396): members of the patch replace, null empties, what is absent stays. No row: not there, not
-- the caller's, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.account_contact r
   set (role, primary_at, since, until, note)
     = (select b.role,
               case when not :patch ? 'primary' or (:patch ->> 'primary')::boolean = sluice.is_first_contact(r.id)
                    then r.primary_at when (:patch ->> 'primary')::boolean then sluice.now() end,
               b.since, b.until, b.note
          from jsonb_populate_record(r, :patch) b)
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and r.id in (select x.id from sluice.account_contact_row x
                 where x.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, x._owner_id)))
returning r.version;

-- query: account_contact_delete one write
-- Takes it away; its history stays.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.account_contact r
   set deleted_at = sluice.now()
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and r.id in (select x.id from sluice.account_contact_row x
                 where x.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, x._owner_id)))
returning r.version;

-- query: account_contact_list list read
-- Those that the viewer may see.
-- in: viewer uuid
-- in: scope  text
-- in: account_scope text
-- id: r.id
-- filter: account uuid eq on r.account_id
-- filter: contact uuid eq on r.contact_id
-- filter: role text eq on r.role
-- filter: current boolean eq on r.current
-- sort: created_at timestamptz r.created_at
select r.*
-- include: contact
     , ic.id as "contact.id", ic.first_name as "contact.first_name", ic.last_name as "contact.last_name",
       ic.email as "contact.email", ic.phone as "contact.phone"
-- include: account
     , ia.id as "account.id", ia.name as "account.name", ia.state as "account.verification"
-- from
  from sluice.account_contact_row r
-- include: contact
  left join sluice.contact ic on ic.id = r.contact_id
-- include: account
  left join sluice.account ia on ia.id = r.account_id and sluice.in_scope(:account_scope, :viewer, ia.owner_id)
-- where
 where (:scope = 'all' or sluice.in_scope(:scope, :viewer, r._owner_id));

-- query: contact_role_list many read
-- Roles that are offered.
select r.key, r.label
  from sluice.contact_role r
 where r.active
 order by r.position, r.key;
