-- query: blueprint_load one read
-- A version as the document that the daemon compiles.
-- in: version uuid
select sluice.blueprint_doc(v.id) as doc
  from sluice.blueprint_version v
 where v.id = :version;

-- query: blueprint_list list read
-- Versions of processes: drafts, in force, retired.
-- id: v.id
-- filter: status text eq on v.status
-- filter: entity text eq on b.entity
-- filter: key text eq on b.key
-- sort: created_at timestamptz v.created_at
-- sort: number integer v.number
select v.id, v.version, b.entity, b.key, v.number, v.status, v.label, v.priority, v.note, v.based_on,
       v.published_at, v.retired_at, v.created_at, v.updated_at, v.created_by
-- from
  from sluice.blueprint_version v
  join sluice.blueprint b on b.id = v.blueprint_id
-- where
 where true;

-- query: blueprint_get one read
-- A version with everything in it.
-- in: id uuid
select v.id, v.version, b.entity, b.key, v.number, v.status, v.label, v.priority, v.note, v.based_on, v.mapping,
       v.published_at, v.retired_at, v.created_at, v.updated_at, v.created_by,
       coalesce(d.doc -> 'states', '[]') as states, coalesce(d.doc -> 'transitions', '[]') as transitions
  from sluice.blueprint_version v
  join sluice.blueprint b on b.id = v.blueprint_id
 cross join lateral (select sluice.blueprint_document(v.id) as doc) d
 where v.id = :id;

-- query: role_list many read
-- Roles and what they may do.
select r.key, r.label,
       array(select p.permission || ':' || p.scope from sluice.role_permission p
              where p.role = r.key order by 1) as permissions
  from sluice.role r
 order by r.position, r.key;

-- query: state_words one read
-- The states that records of a kind may stand in or have stood in, by any process that was ever in force.
-- in: entity text
select coalesce(json_agg(distinct s.key), '[]')::text as words
  from sluice.state s
  join sluice.blueprint_version v on v.id = s.blueprint_version_id
  join sluice.blueprint b on b.id = v.blueprint_id
 where b.entity = :entity and v.status <> 'draft';

-- query: reason_list many read
-- Coded reasons that may be given.
select r.kind, r.key, r.label
  from (select 'unqualified' as kind, key, label, position from sluice.unqualified_reason where active
        union all
        select 'dead', key, label, position from sluice.dead_reason where active
        union all
        select 'lost', key, label, position from sluice.lost_reason where active
        union all
        select 'rejection', key, label, position from sluice.rejection_reason where active) r
 order by r.kind, r.position, r.key;
