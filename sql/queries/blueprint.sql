-- query: blueprint_load one read
-- A version as the document that the daemon compiles.
-- in: version uuid
select sluice.blueprint_doc(v.id) as doc
  from sluice.blueprint_version v
 where v.id = :version;

-- query: blueprint_list many read
-- Published versions, of one entity or (null) of all.
-- in: entity text
select v.id, b.entity, b.key, v.number, v.status, v.published_at
  from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
 where v.status = 'published' and (:entity is null or b.entity = :entity)
 order by b.entity, b.priority desc, b.key;

-- query: blueprint_get one read
-- A published or retired version with everything in it.
-- in: id uuid
select v.id, b.entity, b.key, v.number, v.status, v.published_at,
       d.doc -> 'states' as states, sluice.transitions_nested(d.doc -> 'transitions') as transitions
  from sluice.blueprint_version v
  join sluice.blueprint b on b.id = v.blueprint_id
 cross join lateral (select sluice.blueprint_doc(v.id) as doc) d
 where v.id = :id and v.status <> 'draft';

-- query: role_list many read
-- Roles and what they may do.
select r.key, r.label,
       array(select p.permission || ':' || p.scope from sluice.role_permission p
              where p.role = r.key order by 1) as permissions
  from sluice.role r
 order by r.position, r.key;

-- query: reason_list many read
-- Coded reasons that may be given.
select r.kind, r.key, r.label
  from (select 'unqualified' as kind, key, label, position from sluice.unqualified_reason where active
        union all
        select 'lost', key, label, position from sluice.lost_reason where active
        union all
        select 'rejection', key, label, position from sluice.rejection_reason where active) r
 order by r.kind, r.position, r.key;
