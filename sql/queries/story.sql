-- query: history_list list read
-- Audit entries of a record, newest first: who changed what, from which value to which; refused attempts too.
-- in: entity text
-- in: id     uuid
-- id: a.record_id
-- filter: action text eq on a.action
-- sort: seq bigint a.seq
select a.seq, a.at, a.action, a.entity, a.record_id,
       a.actor_kind as "actor.kind", a.actor_id as "actor.id",
       coalesce(u.name, k.name, f.name) as "actor.name",
       a.request_id, a.operation, a.transition, a.from_state, a.to_state,
       sluice.api_changes(a.entity, a.changes) as changes, a.detail
-- from
  from sluice.audit a
  left join sluice.app_user u on a.actor_kind in ('user', 'import') and u.id = a.actor_id
  left join sluice.api_key k on a.actor_kind in ('api_key', 'import') and k.id = a.actor_id
  left join sluice.intake_form f on a.actor_kind = 'intake' and f.id = a.actor_id
-- where
 where a.record_id = :id and a.entity = :entity;

-- query: timeline_list list slow
-- Everything that happened around a record, newest first, as far as the viewer may see it.
-- in: entity text
-- in: id     uuid
-- in: viewer uuid
-- in: scopes jsonb
-- id: r.id
-- sort: at timestamptz r.at
select r.at, r.id, r.kind, r.entity, r.record_id, r.title, r.body,
       r.actor_kind as "actor.kind", r.actor_id as "actor.id",
       coalesce(u.name, k.name, f.name) as "actor.name", r.data
-- from
  from sluice.story(:entity, :id, :viewer, :scopes) r
  left join sluice.app_user u on u.id = r.actor_id
  left join sluice.api_key k on k.id = r.actor_id
  left join sluice.intake_form f on f.id = r.actor_id
-- where
 where true;
