-- Moves that nobody makes: due by the clock, or because a change made their guards hold. A daemon claims one for
-- half a minute, decides on what is there, and comes back; whoever comes too late finds the claim gone.

set role sluice_owner;

create or replace function sluice.automatic_candidates(record_id uuid) returns text[]
    language sql stable as $$
    select coalesce(array_agg(t.key order by t.position, t.key), '{}')
      from sluice.visit v
      join sluice.transition t on t.blueprint_version_id = v.blueprint_version_id and t.kind = 'manual'
     where v.record_id = automatic_candidates.record_id and v.left_at is null
       and (exists (select from sluice.lead r where r.id = v.record_id and r.deleted_at is null)
            or exists (select from sluice.account r where r.id = v.record_id and r.deleted_at is null)
            or exists (select from sluice.opportunity r where r.id = v.record_id and r.deleted_at is null))
       and t.from_any <> exists (select from sluice.transition_from f
                                  where f.transition_id = t.id and f.state = v.state)
       and (t.auto_when or exists (select from sluice.timer m
                                    where m.visit_id = v.id and m.live and m.refused and m.transition = t.key))
$$;

-- Puts the record of a stay on the list, if a move that waits for its guards has one that comes to hold by the clock
-- alone: no write would wake it.
create or replace function sluice.recheck_by_clock(v sluice.visit) returns void
    language plpgsql set plan_cache_mode = force_generic_plan as $$
begin
    insert into sluice.recheck (id, entity, record_id)
    select sluice.next_seq(), v.entity, v.record_id
     where exists (select from sluice.transition t
                    where t.blueprint_version_id = v.blueprint_version_id and t.auto_when
                      and t.from_any <> exists (select from sluice.transition_from f
                                                 where f.transition_id = t.id and f.state = v.state)
                      and exists (select from sluice.guard g
                                   where g.transition_id = t.id and g.kind in ('time_in_state', 'working_time', 'in_segment')))
       and not exists (select from sluice.recheck x where x.record_id = v.record_id);
end
$$;

-- Ten moves in a row that nobody made are a loop: it ends here, and the history says so.
create or replace function sluice.automatic_loop(entity text, record_id uuid, path text[]) returns void
    language sql as $$
    select sluice.timer_note(entity, record_id, (select v.state from sluice.visit v
                                                  where v.record_id = automatic_loop.record_id and v.left_at is null),
                             'denied', path[cardinality(path)], 'automatic_loop',
                             jsonb_build_object('code', 'automatic_loop', 'path', to_jsonb(path)));
$$;

create or replace function sluice.automatic_claim(
    out kind text, out id bigint, out entity text, out record_id uuid, out transitions text[], out claim timestamptz
)
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    lease timestamptz := clock_timestamp() + interval '30 seconds';
    t sluice.timer;
    r sluice.recheck;
begin
    loop
        update sluice.timer x set claimed_until = lease
         where x.id = (select y.id from sluice.timer y
                        where y.fired_at is null and y.live and y.what = 'move' and y.due_at <= sluice.now()
                          and (y.claimed_until is null or y.claimed_until < clock_timestamp())
                        order by y.due_at limit 1 for update skip locked)
        returning * into t;
        exit when not found;
        if t.hops < 10 then
            kind := 'timer';
            id := t.id;
            entity := t.entity;
            record_id := t.record_id;
            transitions := array[t.transition];
            claim := lease;
            return;
        end if;
        update sluice.timer x set fired_at = sluice.now(), result = '{"outcome": "loop"}' where x.id = t.id;
        perform sluice.automatic_loop(t.entity, t.record_id, t.path);
    end loop;
    loop
        select * into r from sluice.recheck x
         where x.claimed_until is null or x.claimed_until < clock_timestamp()
         order by x.id limit 1 for update skip locked;
        if not found then
            return;
        end if;
        -- one look answers everything that waits for this record
        with others as (
            delete from sluice.recheck x
             where x.id in (select y.id from sluice.recheck y
                             where y.record_id = r.record_id and y.id <> r.id
                               and (y.claimed_until is null or y.claimed_until < clock_timestamp())
                               for update skip locked)
            returning x.hops, x.path)
        select o.hops, o.path into r.hops, r.path
          from (select hops, path from others union all select r.hops, r.path) o
         order by o.hops desc limit 1;
        transitions := sluice.automatic_candidates(r.record_id);
        if cardinality(transitions) > 0 and r.hops < 10 then
            update sluice.recheck x set claimed_until = lease, hops = r.hops, path = r.path where x.id = r.id;
            kind := 'recheck';
            id := r.id;
            entity := r.entity;
            record_id := r.record_id;
            claim := lease;
            return;
        end if;
        delete from sluice.recheck x where x.id = r.id;
        if r.hops >= 10 then
            perform sluice.automatic_loop(r.entity, r.record_id, r.path);
        end if;
    end loop;
end
$$;

drop function if exists sluice.automatic_apply(text, bigint, timestamptz, text, uuid, bigint, text, text, jsonb, text, uuid[]);

-- Writes a move that was claimed and decided. @keys: of what it writes, see match_send. outcome as in
-- transition_apply; gone also when the claim is; refused when what it sets may not be written: a rule about duplicates,
-- a constraint. Trying again would end like that until the record changes.
create or replace function sluice.automatic_apply(
    kind text, id bigint, claim timestamptz, entity text, record_id uuid, expected_version bigint, from_state text,
    transition text, verdicts jsonb, evidence text, ids uuid[], keys jsonb, out outcome text, out version bigint,
    out state text
)
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    hops integer;
    path text[];
    moved jsonb := '{"outcome": "moved"}';
    code text;
begin
    outcome := 'gone';
    if keys is not null then
        perform sluice.match_send(keys);
    end if;
    if not sluice.lock_record(entity, record_id, true) then
        return;
    end if;
    if kind = 'timer' then
        update sluice.timer t set fired_at = sluice.now(), result = moved
         where t.id = automatic_apply.id and t.fired_at is null and t.live and t.claimed_until = claim
        returning t.hops, t.path into hops, path;
    else
        select r.hops, r.path into hops, path from sluice.recheck r
         where r.id = automatic_apply.id and r.claimed_until = claim for update;
    end if;
    if hops is null then
        return;
    end if;
    perform set_config('sluice.hops', hops::text, true),
            set_config('sluice.path', (path || transition)::text, true);
    begin
        select a.* into outcome, version, state
          from sluice.transition_apply(entity, record_id, expected_version, from_state, transition, null, null, null, null,
                                       verdicts, evidence, null, 'all', ids) a;
    exception
        when sqlstate 'SL409' or sqlstate 'SL422' then
            get stacked diagnostics code = message_text;
            outcome := 'refused';
        when integrity_constraint_violation then
            code := 'conflict';
            outcome := 'refused';
    end;
    perform set_config('sluice.hops', '', true), set_config('sluice.path', '', true);
    if kind = 'timer' and outcome <> 'applied' then
        update sluice.timer t set fired_at = null, result = null where t.id = automatic_apply.id;
    end if;
    if outcome = 'refused' then
        perform sluice.automatic_refuse(kind, id, claim, entity, record_id, from_state, transition, code, null);
        if kind = 'recheck' then
            perform sluice.timer_note(entity, record_id, from_state, 'denied', transition, 'timer_refused',
                                      jsonb_build_object('code', code));
        end if;
    elsif kind = 'recheck' and outcome = 'applied' then
        delete from sluice.recheck r where r.id = automatic_apply.id;
        update sluice.timer t set refused = false, result = moved
         where t.record_id = automatic_apply.record_id and t.refused and t.transition = automatic_apply.transition;
    end if;
end
$$;

-- What was due is refused now and comes again when the record changes; what only waits for its guards goes on
-- waiting. Tells whether something became refused.
create or replace function sluice.automatic_refuse(
    kind text, id bigint, claim timestamptz, entity text, record_id uuid, from_state text, transition text, code text,
    failures jsonb
) returns boolean
    language plpgsql as $$
declare
    t sluice.timer;
begin
    if kind <> 'timer' then
        delete from sluice.recheck r where r.id = automatic_refuse.id and r.claimed_until = claim;
        return false;
    end if;
    if not sluice.lock_record(entity, record_id, true) then
        return false;
    end if;
    update sluice.timer x
       set fired_at = sluice.now(), refused = true,
           result = jsonb_strip_nulls(jsonb_build_object('outcome', 'refused', 'code', code, 'failures', failures))
     where x.id = automatic_refuse.id and x.fired_at is null and x.live and x.claimed_until = claim
    returning * into t;
    if not found then
        return false;
    end if;
    perform sluice.timer_note(entity, record_id, from_state, 'denied', transition, 'timer_refused',
                              jsonb_strip_nulls(jsonb_build_object('code', code, 'timer', substr(t.key, 5 + (not t.sla)::integer),
                                                                   'due_at', sluice.rfc3339(t.due_at), 'failures', failures)));
    return true;
end
$$;

-- The guards do not hold, as the daemon saw it. A change since then did not know that the move would wait for one: it is
-- looked at once more.
create or replace function sluice.automatic_refused(
    kind text, id bigint, claim timestamptz, entity text, record_id uuid, from_state text, transition text, code text,
    failures jsonb
) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if sluice.automatic_refuse(kind, id, claim, entity, record_id, from_state, transition, code, failures) then
        perform sluice.recheck_add(entity, record_id);
    end if;
end
$$;

grant execute on function
    sluice.automatic_claim(),
    sluice.automatic_apply(text, bigint, timestamptz, text, uuid, bigint, text, text, jsonb, text, uuid[], jsonb),
    sluice.automatic_refused(text, bigint, timestamptz, text, uuid, text, text, text, jsonb)
    to sluice_app;

reset role;
