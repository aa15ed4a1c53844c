-- query: calendar_get one read
-- A calendar; with a scope of less than all only those one made.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select k.id, k.version, k.key, k.name, k.time_zone, k.hours, k.holidays::text[] as holidays,
       k.created_at, k.updated_at, k.created_by
  from sluice.calendar k
 where k.id = :id and (:scope = 'all' or k.created_by = :viewer);

-- query: calendar_create none write
-- Adds a calendar.
-- in: id   uuid
-- in: body jsonb
insert into sluice.calendar (id, key, name, time_zone, hours, holidays)
select :id, b.key, coalesce(b.name, b.key), b.time_zone, b.hours, coalesce(b.holidays, '{}')
  from jsonb_populate_record(null::sluice.calendar, :body) b;

-- query: calendar_update one write
-- Merge patch; lists replace. No row: not there, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.calendar k
   set (name, time_zone, hours, holidays)
     = (select b.name, b.time_zone, b.hours, b.holidays from jsonb_populate_record(k, :patch) b)
 where k.id = :id and (:version is null or k.version = :version) and (:scope = 'all' or k.created_by = :viewer)
returning k.version;

-- query: calendar_delete one write
-- Takes a calendar away that no blueprint names.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
delete from sluice.calendar k
 where k.id = :id and (:version is null or k.version = :version) and (:scope = 'all' or k.created_by = :viewer)
returning k.version;

-- query: calendar_list list read
-- Calendars.
-- in: viewer uuid
-- in: scope  text
-- id: k.id
-- filter: key text eq on k.key
-- filter: q text search on k.name
-- sort: created_at timestamptz k.created_at
-- sort: key text k.key
-- sort: name text k.name
select k.id, k.version, k.key, k.name, k.time_zone, k.hours, k.holidays::text[] as holidays,
       k.created_at, k.updated_at, k.created_by
-- from
  from sluice.calendar k
-- where
 where (:scope = 'all' or k.created_by = :viewer);
