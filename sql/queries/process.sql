-- query: draft_put none write
-- Keeps the caller's half-filled form of a transition.
-- in: entity     text
-- in: record_id  uuid
-- in: transition text
-- in: body       jsonb
select sluice.draft_put(:entity, :record_id, :transition, :body);

-- query: draft_get one read
-- The caller's half-filled form, unless it has expired.
-- in: principal  uuid
-- in: record_id  uuid
-- in: transition text
select d.body, sluice.rfc3339(d.saved_at) as saved_at, sluice.rfc3339(d.expires_at) as expires_at
  from sluice.transition_draft d
 where d.principal = :principal and d.record_id = :record_id and d.transition = :transition
   and d.expires_at > sluice.now();

-- query: draft_delete none write
-- Forgets the caller's half-filled form.
-- in: principal  uuid
-- in: record_id  uuid
-- in: transition text
delete from sluice.transition_draft d
 where d.principal = :principal and d.record_id = :record_id and d.transition = :transition;

-- query: birth_versions many read
-- Published versions of an entity, first come first asked, when a birth needs a decision.
-- in: entity text
-- in: known  uuid[]
select v.id, v.doc from sluice.birth_versions(:entity, :known) v;

-- query: birth_facts one read
-- What a decision about a new record is made on.
-- in: entity     text
-- in: body       jsonb
-- in: actor_kind text
-- in: viewer     uuid
-- in: roles      text[]
-- in: teams      text[]
select sluice.birth_facts(:entity, :body, :actor_kind, :viewer, :roles, :teams) as facts;

-- query: birth_choose none write
-- Says under which version the next record of that kind is born in the transaction.
-- in: entity  text
-- in: version text
select sluice.birth_choose(:entity, :version);
