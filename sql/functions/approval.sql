-- Breaking the glass, and approvals.

set role sluice_owner;

-- After a move that skipped guards: others are told.
create or replace function sluice.move_forced(entity text, record_id uuid) returns void
    language plpgsql as $$
begin
    insert into sluice.outbox (id, audit_seq, type, entity, record_id)
    select sluice.next_seq(), a.seq, move_forced.entity || '.transition_forced', move_forced.entity, move_forced.record_id
      from sluice.audit a
     where a.record_id = move_forced.record_id and a.action = 'transition'
     order by a.seq desc limit 1;
end
$$;

reset role;
