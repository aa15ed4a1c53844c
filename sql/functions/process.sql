-- What happens around a move: ticks, private drafts.

set role sluice_owner;

-- Items that were ticked with a move, an instant before it: they belong to the state that is left.
create or replace function sluice.add_ticks(entity text, record_id uuid, transition text, checklist jsonb) returns void
    language sql as $$
    insert into sluice.checklist_tick (id, entity, record_id, item, at, ticked_by, transition)
    select sluice.next_seq(), entity, record_id, item, sluice.now() - interval '1 microsecond', sluice.actor_id(), transition
      from jsonb_array_elements_text(checklist) item;
$$;

-- After a move was written, in its transaction.
create or replace function sluice.transition_applied(entity text, record_id uuid, transition text, checklist jsonb)
returns void
    language plpgsql as $$
begin
    if checklist is not null then
        perform sluice.add_ticks(entity, record_id, transition, checklist);
    end if;
    if current_setting('sluice.events', true) <> '' then
        perform sluice.send_events(entity, record_id);
    end if;
    delete from sluice.transition_draft d
     where d.record_id = transition_applied.record_id and d.principal = sluice.actor_id()
       and d.transition = transition_applied.transition;
end
$$;

-- Keeps the caller's half-filled form, and forgets those of theirs that have expired.
create or replace function sluice.draft_put(entity text, record_id uuid, transition text, body jsonb) returns void
    language plpgsql as $$
begin
    delete from sluice.transition_draft d where d.principal = sluice.actor_id() and d.expires_at <= sluice.now();
    insert into sluice.transition_draft (principal, entity, record_id, transition, body, saved_at, expires_at)
    values (sluice.actor_id(), entity, record_id, transition, body, sluice.now(), sluice.now() + interval '14 days')
        on conflict on constraint transition_draft_pk do update
       set body = excluded.body, saved_at = excluded.saved_at, expires_at = excluded.expires_at;
end
$$;

grant execute on function sluice.draft_put(text, uuid, text, jsonb) to sluice_app;

reset role;
