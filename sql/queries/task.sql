-- query: task_get one read
-- A task, if the viewer may see it; no row means 404.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.task_row r
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.assignee_id));

-- query: task_create none write
-- Adds a task from the members of a checked body; the birth trigger gives it its state.
-- in: id   uuid
-- in: body jsonb
insert into sluice.task
  (id, subject, body, due_at, priority, status, assignee_id, lead_id, account_id, contact_id,
   opportunity_id)
select :id, b.subject, b.body, b.due_at, coalesce(b.priority, 'normal'), coalesce(b.status, 'open'),
       coalesce(b.assignee_id, sluice.actor_user()), b.lead_id, b.account_id, b.contact_id,
       b.opportunity_id
  from jsonb_populate_record(null::sluice.task, :body) b;

-- query: task_update one write
-- Merge patch (RFC 7396): members of the patch replace, null empties, what is absent stays. No row: the task
-- is not there, not the caller's, or has another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.task r
   set (subject, body, due_at, priority, status, assignee_id, lead_id, account_id, contact_id,
        opportunity_id)
     = (select b.subject, b.body, b.due_at, b.priority, b.status, b.assignee_id, b.lead_id,
               b.account_id, b.contact_id, b.opportunity_id
          from jsonb_populate_record(r, :patch) b)
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.assignee_id))
returning r.version;

-- query: task_delete one write
-- Marks the task as deleted; its history stays.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.task r
   set deleted_at = sluice.now()
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.assignee_id))
returning r.version;

-- query: task_list list read
-- Tasks that the viewer may see.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: status text eq on r.status
-- filter: assignee user eq on r.assignee_id
-- filter: priority text eq on r.priority
-- filter: lead uuid eq on r.lead_id
-- filter: account uuid eq on r.account_id
-- filter: contact uuid eq on r.contact_id
-- filter: opportunity uuid eq on r.opportunity_id
-- filter: due_at timestamptz gte,lte on r.due_at
-- filter: q text search on r.subject
-- sort: due_at timestamptz coalesce(r.due_at, 'infinity')
-- sort: created_at timestamptz r.created_at
select r.*
-- from
  from sluice.task_row r
-- where
 where (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.assignee_id));
