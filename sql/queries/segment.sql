-- query: segment_get one read
-- A segment; whoever sees accounts sees them all.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.segment_row r
 where r.id = :id and (:scope <> 'none' or :viewer is null);

-- query: segment_create none write
-- Adds a segment; the trigger refuses a rule that means nothing.
-- in: id   uuid
-- in: body jsonb
insert into sluice.segment (id, key, label, rule)
select :id, b.key, b.label, b.rule
  from jsonb_populate_record(null::sluice.segment, :body) b;

-- query: segment_update one write
-- Merge patch; a rule is replaced as a whole. No row: not there, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.segment r
   set (label, rule) = (select b.label, b.rule from jsonb_populate_record(r, :patch) b)
 where r.id = :id and r.deleted_at is null and (:version is null or r.version = :version)
   and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: segment_delete one write
-- Takes a segment away; its history stays.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.segment r
   set deleted_at = sluice.now()
 where r.id = :id and r.deleted_at is null and (:version is null or r.version = :version)
   and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: segment_list list slow
-- Segments; how many accounts of each the viewer sees, when asked.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: key text eq on r.key
-- sort: key text r.key
select r.*
-- include: members
     , sluice.segment_size(r.rule, :viewer, :scope) as members
-- from
  from sluice.segment_row r
-- where
 where (:scope <> 'none' or :viewer is null);

-- query: account_segments many read
-- Every segment, whether the account is in it, and why.
-- in: id uuid
select r.key, r.label, (j.why ->> 'passed')::boolean as member, j.why
  from sluice.segment_row r, sluice.segment_judge(r.rule, :id) j(why)
 order by r.key;
