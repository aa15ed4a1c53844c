-- query: step_apply one write
-- Completes a step that was decided on @expected_version and @evidence; raises SLAGN when they are not true any more.
-- in: entity           text
-- in: record_id        uuid
-- in: expected_version bigint
-- in: from_state       text
-- in: step             text
-- in: fields           jsonb
-- in: activities       jsonb
-- in: tasks            jsonb
-- in: note             text
-- in: evidence         text
-- in: viewer           uuid
-- in: scope            text
-- in: ids              uuid[]
-- in: checklist        jsonb
-- in: more             jsonb
select t.outcome
  from sluice.step_apply(:entity, :record_id, :expected_version, :from_state, :step, :fields, :activities, :tasks, :note,
                         :evidence, :viewer, :scope, :ids, :checklist, :more) t(outcome)
 where sluice.carried_out(t.outcome);

-- query: step_reopen one write
-- Opens a step again; raises SLAGN like step_apply.
-- in: entity           text
-- in: record_id        uuid
-- in: expected_version bigint
-- in: from_state       text
-- in: step             text
-- in: evidence         text
-- in: viewer           uuid
-- in: scope            text
select t.outcome
  from sluice.step_reopen(:entity, :record_id, :expected_version, :from_state, :step, :evidence, :viewer, :scope) t(outcome)
 where sluice.carried_out(t.outcome);

-- query: step_denied none write
-- Writes down a refused attempt at a step.
-- in: entity     text
-- in: record_id  uuid
-- in: step       text
-- in: from_state text
-- in: code       text
select sluice.step_denied(:entity, :record_id, :step, :from_state, :code);
