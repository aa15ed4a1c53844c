-- query: equipment_get one read
-- A line of installed equipment, if the viewer may see it; no row means 404.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.equipment_row r
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r._owner_id));

-- query: equipment_create none write
-- Adds one from the members of a checked body, if the caller sees what it belongs to.
-- in: id     uuid
-- in: body   jsonb
-- in: viewer uuid
-- in: scope  text
insert into sluice.equipment
  (id, account_id, kind, product, vendor, competitor, year_installed, quantity, serial, note,
   external_id, removed_at)
select :id, sluice.account_within(b.account_id, :viewer, :scope), b.kind, b.product, b.vendor, coalesce(b.competitor, false),
       b.year_installed, coalesce(b.quantity, 1), b.serial, b.note, b.external_id, b.removed_at
  from jsonb_populate_record(null::sluice.equipment, :body) b;

-- query: equipment_update one write
-- Merge patch (RFC 7396): members of the patch replace, null empties, what is absent stays. No row: not there, not
-- the caller's, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.equipment r
   set (kind, product, vendor, competitor, year_installed, quantity, serial, note, external_id, removed_at)
     = (select b.kind, b.product, b.vendor, coalesce(b.competitor, false), b.year_installed, coalesce(b.quantity, 1),
               b.serial, b.note, b.external_id, b.removed_at
          from jsonb_populate_record(r, :patch) b)
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and r.id in (select x.id from sluice.equipment_row x
                 where x.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, x._owner_id)))
returning r.version;

-- query: equipment_delete one write
-- Takes it away; its history stays.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.equipment r
   set deleted_at = sluice.now()
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and r.id in (select x.id from sluice.equipment_row x
                 where x.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, x._owner_id)))
returning r.version;

-- query: equipment_list list read
-- Those that the viewer may see.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: account uuid eq on r.account_id
-- filter: kind text eq on r.kind
-- filter: vendor text eq lower(r.vendor) = any (lower(:value::text)::text[])
-- filter: competitor boolean eq on r.competitor
-- filter: removed boolean eq (r.removed_at is not null) = any(:value)
-- filter: year_installed integer gte,lte on r.year_installed
-- filter: external_id text eq on r.external_id
-- sort: created_at timestamptz r.created_at
-- sort: year_installed integer r.year_installed
select r.*
-- from
  from sluice.equipment_row r
-- where
 where (:scope = 'all' or sluice.in_scope(:scope, :viewer, r._owner_id));
