-- query: forgotten_list list slow
-- Leads and opportunities that are not closed and have no owner or no next step.
-- in: viewer     uuid
-- in: lead_scope text
-- in: scope      text
-- id: r.id
-- filter: entity text eq on r.entity
-- filter: why text eq r.why && :value
-- filter: state_since timestamptz lte on r.state_since
-- sort: state_since timestamptz r.state_since
select r.id, r.entity, r.name, r.state, r.state_category, r.state_since, r.owner_id, r.why, r.escalated_at, r.task_id
-- from
  from sluice.forgotten_row r
-- where
 where case r.entity when 'lead' then :lead_scope = 'all' or sluice.in_scope(:lead_scope, :viewer, r.owner_id)
                     else :scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id) end;
