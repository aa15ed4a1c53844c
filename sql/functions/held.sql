-- Moves that wait for their guards, made in the transaction of the write that made them hold: the daemon keeps it
-- open, decides on what it sees in it, and only then commits. What cannot be done at once (a record that somebody
-- else has, more than twenty, a move that fails) stays on sluice.recheck, and whoever looks there next does it.
--
-- While the transaction holds locks of its write, a move waits a tenth of a second for more and then gives up: that
-- is shorter than any deadlock lasts.

set role sluice_owner;

-- Says that this transaction is held open for what it will move, @record_id first. Whoever is about to do the same
-- waits here, where nothing is locked yet, and not later.
create or replace function sluice.held_enter(record_id text) returns void
    language plpgsql as $$
begin
    perform set_config('sluice.hold', 'held', true), pg_advisory_xact_lock(hashtextextended(record_id, 0));
end
$$;

-- The next record that this transaction put on the list, and the moves that may happen to it. @done was looked at
-- and did not move.
create or replace function sluice.held_next(
    done uuid, out entity text, out record_id uuid, out transitions text[], out hops integer, out path text[]
)
    language plpgsql security definer set search_path = sluice, pg_temp set enable_seqscan = off as $$
declare
    me xid8 := pg_current_xact_id();
begin
    if done is not null then
        delete from sluice.recheck x where x.tx = me and x.record_id = done;
    end if;
    loop
        select x.entity, x.record_id, x.hops, x.path into entity, record_id, hops, path
          from sluice.recheck x where x.tx = me order by x.hops desc, x.id limit 1;
        if not found then
            return;
        end if;
        transitions := sluice.automatic_candidates(record_id);
        exit when cardinality(transitions) > 0;
        delete from sluice.recheck x where x.tx = me and x.record_id = held_next.record_id;
    end loop;
end
$$;

-- The same, first of all: more than twenty records are left to whoever looks at the list.
create or replace function sluice.held_first(
    out entity text, out record_id uuid, out transitions text[], out hops integer, out path text[]
)
    language plpgsql security definer set search_path = sluice, pg_temp set enable_seqscan = off as $$
begin
    update sluice.recheck x set tx = null
     where x.tx = pg_current_xact_id()
       and x.record_id not in (select y.record_id from sluice.recheck y where y.tx = pg_current_xact_id()
                                group by y.record_id order by min(y.id) limit 20);
    select n.* into entity, record_id, transitions, hops, path from sluice.held_next(null) n;
end
$$;

-- Leaves a record of this transaction, or all of them, to whoever looks at the list next.
create or replace function sluice.held_leave(record_id uuid) returns void
    language plpgsql security definer set search_path = sluice, pg_temp set enable_seqscan = off as $$
begin
    update sluice.recheck x set tx = null
     where x.tx = pg_current_xact_id() and (held_leave.record_id is null or x.record_id = held_leave.record_id);
end
$$;

drop function if exists sluice.held_apply(text, uuid, bigint, text, text, jsonb, text, uuid[]);

-- Makes a move that was decided in this transaction, as the timer. @keys: of what it writes, see match_send.
-- outcome: applied, or left.
create or replace function sluice.held_apply(
    entity text, record_id uuid, expected_version bigint, from_state text, transition text, verdicts jsonb,
    evidence text, ids uuid[], keys jsonb, out outcome text
)
    language plpgsql security definer
    set search_path = sluice, pg_temp set enable_seqscan = off set lock_timeout = '100ms' as $$
declare
    me xid8 := pg_current_xact_id();
    kind text := current_setting('sluice.actor_kind', true);
    id text := current_setting('sluice.actor_id', true);
    hops integer;
    path text[];
begin
    select x.hops, x.path into hops, path
      from sluice.recheck x where x.tx = me and x.record_id = held_apply.record_id order by x.hops desc limit 1;
    begin
        if keys is not null then
            perform sluice.match_send(keys);
        end if;
        if not sluice.lock_record(entity, record_id, true) then
            raise exception using errcode = 'SLAGN', message = 'stale';
        end if;
        delete from sluice.recheck x where x.tx = me and x.record_id = held_apply.record_id;
        perform set_config('sluice.actor_kind', 'timer', true), set_config('sluice.actor_id', '', true),
                set_config('sluice.hops', hops::text, true),
                set_config('sluice.path', (path || transition)::text, true);
        select a.outcome into outcome
          from sluice.transition_apply(entity, record_id, expected_version, from_state, transition, null, null,
                                       null, null, verdicts, evidence, null, 'all', ids) a;
        if outcome <> 'applied' then
            raise exception using errcode = 'SLAGN', message = 'stale';
        end if;
        update sluice.timer t set refused = false, result = '{"outcome": "moved"}'
         where t.record_id = held_apply.record_id and t.refused and t.transition = held_apply.transition;
    exception
        when others then outcome := 'left';  -- it would fail again, and say so, when it is looked at
    end;
    perform set_config('sluice.actor_kind', kind, true), set_config('sluice.actor_id', id, true),
            set_config('sluice.hops', '', true), set_config('sluice.path', '', true);
    if outcome = 'left' then
        perform sluice.held_leave(record_id);
    end if;
end
$$;

-- Ten moves in a row were taken back: the write stands, the record does not move, and the history says why.
create or replace function sluice.held_loop(entity text, record_id uuid, path text[]) returns void
    language plpgsql security definer set search_path = sluice, pg_temp set enable_seqscan = off as $$
declare
    kind text := current_setting('sluice.actor_kind', true);
    id text := current_setting('sluice.actor_id', true);
begin
    delete from sluice.recheck x where x.tx = pg_current_xact_id() and x.record_id = held_loop.record_id;
    perform sluice.held_leave(null);
    perform set_config('sluice.actor_kind', 'timer', true), set_config('sluice.actor_id', '', true);
    perform sluice.automatic_loop(entity, record_id, path);
    perform set_config('sluice.actor_kind', kind, true), set_config('sluice.actor_id', id, true);
end
$$;

grant execute on function
    sluice.held_enter(text), sluice.held_next(uuid), sluice.held_first(), sluice.held_leave(uuid),
    sluice.held_apply(text, uuid, bigint, text, text, jsonb, text, uuid[], jsonb), sluice.held_loop(text, uuid, text[])
    to sluice_app;

reset role;
