-- query: merge_records none write
-- Merges records into one; refused as a whole when one of them cannot be.
-- in: id               uuid
-- in: entity           text
-- in: survivor         uuid
-- in: losers           uuid[]
-- in: expected_version bigint?
-- in: choices          jsonb
-- in: note             text
-- in: viewer           uuid
-- in: scopes           text[]
select sluice.merge_records(:id, :entity, :survivor, :losers, :expected_version, :choices, :note, :viewer, :scopes);

-- query: merge_undo none write
-- Takes a merge back, or is refused with what stands in the way.
-- in: id               uuid
-- in: expected_version bigint?
-- in: viewer           uuid
-- in: read             jsonb
-- in: may              jsonb
select sluice.merge_undo(:id, :expected_version, :viewer, :read, :may);

-- query: merge_get one read
-- A merge, if the viewer may see its survivor.
-- in: id     uuid
-- in: viewer uuid
-- in: scopes jsonb
select r.*
  from sluice.merge_row r
 where r.id = :id and sluice.merge_seen(r.entity, r.survivor_id, :viewer, :scopes);

-- query: merge_list list read
-- Merges whose survivor the viewer may see.
-- in: viewer uuid
-- in: scopes jsonb
-- id: r.id
-- filter: entity text eq on r.entity
-- filter: record uuid eq r.id in (select x.id from unnest(:value) v(id) join sluice.merge x on x.survivor_id = v.id or x.losers @> array[v.id])
-- filter: undone boolean eq (r.undone_at is not null) = any(:value)
-- filter: created_at timestamptz gt,gte,lt,lte on r.created_at
-- sort: created_at timestamptz r.created_at
select r.*
-- from
  from sluice.merge_row r
-- where
 where sluice.merge_seen(r.entity, r.survivor_id, :viewer, :scopes);

-- query: merged_into one read
-- Who a record was merged into in the end.
-- in: entity text
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select x.id from sluice.survivor_of(:entity, :id, :viewer, :scope) x(id) where x.id is not null;
