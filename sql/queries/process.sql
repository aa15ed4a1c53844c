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
