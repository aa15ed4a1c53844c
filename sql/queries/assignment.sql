-- query: assignment_rules many read
-- The rules that count, in their order.
select r.id, r.moments, r.conditions from sluice.assignment_rule r where r.enabled order by r.position, r.key;

-- query: assign_next many write
-- Leads that are to be assigned.
-- in: batch integer
select * from sluice.assign_next(:batch);

-- query: assign_store one write
-- Assigns what was decided.
-- in: results jsonb
select sluice.assign_store(:results) as done;

-- query: assign_facts one read
-- What a decision about one lead looks at; no row: it is not there, or not the caller's.
-- in: lead   uuid
-- in: viewer uuid
-- in: scope  text
select * from sluice.assign_facts(:lead, :viewer, :scope);

-- query: assign_demand none write
-- Assigns one lead at once.
-- in: result jsonb
select sluice.assign_demand(:result);

-- query: assignment_last one write
-- What was decided on demand, in the transaction that did.
select a.id, a.at, a.moment, a.rule, a.strategy, a.user_id, a.team_id, a.why
  from sluice.lead_assignment a where a.id = nullif(current_setting('sluice.assigned', true), '')::uuid;

-- query: lead_assignments list read
-- How a lead was assigned.
-- in: lead uuid
-- id: a.id
-- sort: at timestamptz a.at
select a.id, a.at, a.moment, a.rule, a.strategy, a.user_id, a.team_id, a.why
-- from
  from sluice.lead_assignment a
-- where
 where a.lead_id = :lead;

-- query: queue_take none write
-- Takes the next lead of a team's queue.
-- in: team   uuid
-- in: viewer uuid
select sluice.queue_take(:team, :viewer);

-- query: queue_taken one write
-- The lead that was taken in this transaction.
select r.* from sluice.lead_row r where r.id = nullif(current_setting('sluice.taken', true), '')::uuid;

-- query: assignment_rule_get one read
-- A rule.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.* from sluice.assignment_rule_row r where r.id = :id and (:scope = 'all' or r.created_by = :viewer);

-- query: assignment_rule_create none write
-- Adds a rule.
-- in: id   uuid
-- in: body jsonb
insert into sluice.assignment_rule (id, key, label, moments, conditions, strategy, users, team_id, capacity, calendar, position, enabled)
select :id, b.key, coalesce(b.label, jsonb_build_object('en', b.key, 'pl', b.key, 'ru', b.key)), coalesce(b.moments, '{birth}'),
       coalesce(b.conditions, '[]'), b.strategy, coalesce(b.users, '{}'), b.team_id, b.capacity, b.calendar,
       coalesce(b.position, 100), coalesce(b.enabled, true)
  from jsonb_populate_record(null::sluice.assignment_rule, :body) b;

-- query: assignment_rule_update one write
-- Merge patch; lists replace. No row: not there, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.assignment_rule r
   set (label, moments, conditions, strategy, users, team_id, capacity, calendar, position, enabled)
     = (select b.label, b.moments, coalesce(b.conditions, '[]'), b.strategy, coalesce(b.users, '{}'), b.team_id, b.capacity,
               b.calendar, b.position, b.enabled
          from jsonb_populate_record(r, :patch) b)
 where r.id = :id and (:version is null or r.version = :version) and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: assignment_rule_delete one write
-- Takes a rule away.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
delete from sluice.assignment_rule r
 where r.id = :id and (:version is null or r.version = :version) and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: assignment_rule_list list read
-- Rules.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: enabled boolean eq on r.enabled
-- sort: position integer r.position
-- sort: created_at timestamptz r.created_at
select r.*
-- from
  from sluice.assignment_rule_row r
-- where
 where (:scope = 'all' or r.created_by = :viewer);
