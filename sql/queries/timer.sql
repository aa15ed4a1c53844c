-- query: timers_fire one write
-- Fires thresholds that are due and need no decision, and looks for what is forgotten; says how many.
-- in: most integer
select sluice.timers_fire(:most) + sluice.forgotten_sweep(:most) as fired;

-- query: automatic_claim one write
-- A move that nobody makes, for half a minute; id is null when there is none.
select c.kind, c.id, c.entity, c.record_id, c.transitions, c.claim
  from sluice.automatic_claim() c;

-- query: automatic_apply one write
-- Writes the move that was claimed and decided.
-- in: kind             text
-- in: id               bigint
-- in: claim            timestamptz
-- in: entity           text
-- in: record_id        uuid
-- in: expected_version bigint
-- in: from_state       text
-- in: transition       text
-- in: verdicts         jsonb
-- in: evidence         text
-- in: ids              uuid[]
-- in: keys             jsonb
select a.outcome, a.version, a.state
  from sluice.automatic_apply(:kind, :id, :claim, :entity, :record_id, :expected_version, :from_state, :transition,
                              :verdicts, :evidence, :ids, :keys) a;

-- query: automatic_refused none write
-- The guards of the claimed move do not hold.
-- in: kind       text
-- in: id         bigint
-- in: claim      timestamptz
-- in: entity     text
-- in: record_id  uuid
-- in: from_state text
-- in: transition text
-- in: code       text
-- in: failures   jsonb
select sluice.automatic_refused(:kind, :id, :claim, :entity, :record_id, :from_state, :transition, :code, :failures);

-- query: purge one slow
-- Forgets answers kept for Idempotency-Keys that have expired, sessions that ended long ago, failed sign-ins of
-- days ago and the files of imports of a month ago; says how many.
-- in: most integer
select sluice.idempotency_purge(:most) as answers, sluice.session_purge(:most) as sessions,
       sluice.sign_in_purge(:most) as failures, sluice.import_purge(10) as pieces;
