-- query: held_first one write
-- The first record that this transaction may move; record_id is null when there is none.
select n.entity, n.record_id, n.transitions, n.hops, n.path from sluice.held_first() n;

-- query: held_next one write
-- The next one; @done was looked at and did not move.
-- in: done uuid
select n.entity, n.record_id, n.transitions, n.hops, n.path from sluice.held_next(:done) n;

-- query: held_leave none write
-- Leaves all that is still to be looked at to the timer.
select sluice.held_leave(null);

-- query: held_apply one write
-- Makes a move that was decided in this transaction.
-- in: entity           text
-- in: record_id        uuid
-- in: expected_version bigint
-- in: from_state       text
-- in: transition       text
-- in: verdicts         jsonb
-- in: evidence         text
-- in: ids              uuid[]
-- in: keys             jsonb
select a.outcome
  from sluice.held_apply(:entity, :record_id, :expected_version, :from_state, :transition, :verdicts, :evidence, :ids,
                         :keys) a;

-- query: held_loop none write
-- Writes down that moves without an end were taken back.
-- in: entity    text
-- in: record_id uuid
-- in: path      text[]
select sluice.held_loop(:entity, :record_id, :path);

-- query: held_savepoint none write
-- From here on the moves can be taken back.
savepoint moves;

-- query: held_take_back none write
-- Takes the moves back.
rollback to savepoint moves;

-- query: held_begin none write
-- Begins a transaction that is held open.
begin;

-- query: held_commit none write
-- Ends it.
commit;

-- query: held_rollback none write
-- Ends it as if nothing had been done.
rollback;
