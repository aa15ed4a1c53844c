-- query: activity_get one read
-- An activity, if the viewer may see it; no row means 404.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.activity_row r
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));

-- query: activity_create none write
-- Adds an activity from the members of a checked body; the birth trigger gives it its state.
-- in: id   uuid
-- in: body jsonb
insert into sluice.activity
  (id, kind, subject, outcome, body, occurred_at, duration_s, lead_id, account_id, contact_id,
   opportunity_id, owner_id)
select :id, b.kind, b.subject, b.outcome, b.body, coalesce(b.occurred_at, sluice.now()), b.duration_s,
       b.lead_id, b.account_id, b.contact_id, b.opportunity_id, coalesce(b.owner_id,
       sluice.actor_user())
  from jsonb_populate_record(null::sluice.activity, :body) b;

-- query: activity_update one write
-- Merge patch (RFC 7396): members of the patch replace, null empties, what is absent stays. No row: the activity
-- is not there, not the caller's, or has another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.activity r
   set (kind, subject, outcome, body, occurred_at, duration_s, lead_id, account_id, contact_id,
        opportunity_id, owner_id)
     = (select b.kind, b.subject, b.outcome, b.body, b.occurred_at, b.duration_s, b.lead_id,
               b.account_id, b.contact_id, b.opportunity_id, b.owner_id
          from jsonb_populate_record(r, :patch) b)
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id))
returning r.version;

-- query: activity_delete one write
-- Marks the activity as deleted; its history stays.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.activity r
   set deleted_at = sluice.now()
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id))
returning r.version;

-- query: activity_list list read
-- Activities that the viewer may see.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: kind text eq on r.kind
-- filter: outcome text eq on r.outcome
-- filter: owner user eq on r.owner_id
-- filter: lead uuid eq on r.lead_id
-- filter: account uuid eq on r.account_id
-- filter: contact uuid eq on r.contact_id
-- filter: opportunity uuid eq on r.opportunity_id
-- filter: occurred_at timestamptz gt,gte,lt,lte on r.occurred_at
-- sort: occurred_at timestamptz r.occurred_at
-- sort: created_at timestamptz r.created_at
select r.*
-- from
  from sluice.activity_row r
-- where
 where (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));
