-- query: design_create none write
-- Begins a draft: of a document, or from a version.
-- in: id     uuid
-- in: doc    jsonb
-- in: source uuid
select sluice.design_create(:id, :doc, :source);

-- query: design_write one write
-- Replaces what a draft consists of. No row: not there, or another version.
-- in: id      uuid
-- in: version bigint?
-- in: doc     jsonb
-- in: changes jsonb
-- in: detail  jsonb
select x.version
  from sluice.design_write(:id, :version, :doc, :changes, :detail) x (version)
 where x.version is not null;

-- query: design_publish one write
-- Puts a draft in force. No row: not there, or another version.
-- in: id       uuid
-- in: version  bigint?
-- in: based_on integer?
-- in: mapping  jsonb
-- in: detail   jsonb
select x.version
  from sluice.design_publish(:id, :version, :based_on, :mapping, :detail) x (version)
 where x.version is not null;

-- query: design_apply one write
-- From a document to a version in force.
-- in: id      uuid
-- in: doc     jsonb
-- in: base    integer?
-- in: mapping jsonb
-- in: detail  jsonb
select x.version from sluice.design_apply(:id, :doc, :base, :mapping, :detail) x (version);

-- query: design_retire one write
-- Ends the force of a version. No row: not there, or another version.
-- in: id      uuid
-- in: version bigint?
select x.version
  from sluice.design_retire(:id, :version) x (version)
 where x.version is not null;

-- query: design_erase one write
-- Throws a draft away. No row: not there, or another version.
-- in: id      uuid
-- in: version bigint?
select x.version
  from sluice.design_erase(:id, :version) x (version)
 where x.version is not null;

-- query: design_facts one read
-- A version as a document, with all that it is judged by.
-- in: id uuid
select v.id, v.version, b.entity, b.key, v.number, v.status, v.based_on, sluice.blueprint_document(v.id) as document,
       w.roles, w.users, w.teams, w.calendars, w.segments, w.others, w.custom, w.published, w.published_id, w.published_number
  from sluice.blueprint_version v
  join sluice.blueprint b on b.id = v.blueprint_id
 cross join lateral sluice.design_world(b.entity, b.key) w
 where v.id = :id;

-- query: design_world one read
-- What a document of this process is judged by.
-- in: entity text
-- in: key    text
select w.roles, w.users, w.teams, w.calendars, w.segments, w.others, w.custom, w.published, w.published_id, w.published_number
  from sluice.design_world(:entity, :key) w;

-- query: design_export one read
-- The document of a version by number; without one, of the version in force.
-- in: entity text
-- in: key    text
-- in: number integer?
select sluice.blueprint_document(v.id) as document
  from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id
 where b.entity = :entity and b.key = :key
   and case when :number is null then v.status = 'published' else v.number = :number::integer end;
