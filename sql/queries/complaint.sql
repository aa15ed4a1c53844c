-- query: complaint_get one read
-- A complaint, if the viewer may see it; no row means 404.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.complaint_row r
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r._owner_id));

-- query: complaint_create none write
-- Adds one from the members of a checked body, if the caller sees what it belongs to.
-- in: id     uuid
-- in: body   jsonb
-- in: viewer uuid
-- in: scope  text
insert into sluice.complaint
  (id, account_id, subject, severity, opened_at, closed_at, note, external_id)
select :id, sluice.account_within(b.account_id, :viewer, :scope), b.subject, coalesce(b.severity, 'normal'),
       coalesce(b.opened_at, sluice.now()), b.closed_at, b.note, b.external_id
  from jsonb_populate_record(null::sluice.complaint, :body) b;

-- query: complaint_update one write
-- Merge patch (RFC 7396): members of the patch replace, null empties, what is absent stays. No row: not there, not
-- the caller's, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.complaint r
   set (subject, severity, opened_at, closed_at, note, external_id)
     = (select b.subject, b.severity, b.opened_at, b.closed_at, b.note, b.external_id
          from jsonb_populate_record(r, :patch) b)
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and r.id in (select x.id from sluice.complaint_row x
                 where x.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, x._owner_id)))
returning r.version;

-- query: complaint_delete one write
-- Takes it away; its history stays.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.complaint r
   set deleted_at = sluice.now()
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and r.id in (select x.id from sluice.complaint_row x
                 where x.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, x._owner_id)))
returning r.version;

-- query: complaint_list list read
-- Those that the viewer may see.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: account uuid eq on r.account_id
-- filter: severity text eq on r.severity
-- filter: open boolean eq (r.closed_at is null) = any(:value)
-- filter: opened_at timestamptz gte,lte on r.opened_at
-- filter: external_id text eq on r.external_id
-- sort: created_at timestamptz r.created_at
-- sort: opened_at timestamptz r.opened_at
select r.*
-- from
  from sluice.complaint_row r
-- where
 where (:scope = 'all' or sluice.in_scope(:scope, :viewer, r._owner_id));
