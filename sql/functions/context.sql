-- Who acts in this transaction, whether it will be rolled back, and numbers that a dry run does not use up.

set role sluice_owner;

-- The clock of every rule. A setting that moves it would let the daemon's role antedate what it does, and
-- revive what has expired: tests that need another time replace this function in their own transaction.
create or replace function sluice.now() returns timestamptz
    language sql stable parallel safe
    return transaction_timestamp();

drop function if exists sluice.enter(text, uuid, uuid, text, text, boolean);

-- Writes down who acts, for this transaction only. Refuses a session or key that has ended meanwhile, so that
-- a revoked one writes nothing even while a worker still remembers it. @hold: 'ask' by a daemon that could hold the
-- transaction open for what it moves (held.sql), a record's id by one that does.
create or replace function sluice.enter(
    actor_kind text, actor_id uuid, session uuid, request_id text, operation text, dry boolean, hold text default null
) returns void
    language plpgsql as $$
declare
    alive boolean;
    said text[];
begin
    said := array[set_config('sluice.actor_kind', coalesce(enter.actor_kind, 'anonymous'), true),  -- not a query: half the price
                  set_config('sluice.actor_id', coalesce(enter.actor_id::text, ''), true),
                  set_config('sluice.request_id', coalesce(enter.request_id, ''), true),
                  set_config('sluice.operation', coalesce(enter.operation, ''), true),
                  set_config('sluice.dry', case when enter.dry then 'on' else '' end, true),
                  set_config('sluice.cause', '', true),
                  set_config('sluice.hold', coalesce(enter.hold, ''), true)];
    if enter.hold <> 'ask' then
        perform sluice.held_enter(enter.hold);
    end if;
    if enter.session is not null then
        select true into alive
          from sluice.session s join sluice.app_user u on u.id = s.user_id
         where s.id = enter.session and s.user_id = enter.actor_id
           and s.revoked_at is null and s.expires_at > sluice.now() and not u.disabled;
    elsif enter.actor_kind = 'user' then
        select true into alive from sluice.app_user u where u.id = enter.actor_id and not u.disabled;
    elsif enter.actor_kind = 'api_key' then
        select true into alive
          from sluice.api_key k
         where k.id = enter.actor_id and k.revoked_at is null
           and (k.expires_at is null or k.expires_at > sluice.now());
    elsif enter.actor_kind = 'intake' then
        select true into alive from sluice.intake_form f where f.id = enter.actor_id and f.enabled;
    else
        alive := true;
    end if;
    if alive is not true then
        raise exception using errcode = 'SL401', message = 'session_revoked',
            detail = 'The session or key has ended.';
    end if;
end
$$;

-- Ends a dry run: the error rolls everything back and the daemon takes it for success.
create or replace function sluice.dry_end() returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'SLDRY', message = 'dry run';
end
$$;

-- A dry run takes negative numbers from a random block of its own: it burns none of the sequence, and two dry
-- runs never wait for each other in a unique index.
create or replace function sluice.dry_seq() returns bigint
    language plpgsql as $$
declare
    last text := current_setting('sluice.dry_seq', true);
    n bigint;
begin
    if coalesce(last, '') !~ '^-[0-9]{1,18}$' then
        n := -1 - 1048576 * (random() * 4294967296)::bigint;
    else
        n := last::bigint - 1;
    end if;
    perform set_config('sluice.dry_seq', n::text, true);
    return n;
end
$$;

-- The next number of the installation, for triggers and functions of the owner. Inlined: keep it one expression.
create or replace function sluice.next_seq() returns bigint
    language sql
    return case when current_setting('sluice.dry', true) = 'on' then sluice.dry_seq() else nextval('sluice.seq') end;

-- Numbers of a dry run never last, whoever says that it is one.
create or replace function sluice.refuse_dry() returns trigger
    language plpgsql as $$
begin
    raise exception using errcode = 'SL403', message = 'forbidden', detail = 'A dry run is not committed.';
end
$$;

drop trigger if exists audit_not_dry on sluice.audit;
create constraint trigger audit_not_dry after insert on sluice.audit deferrable initially deferred
    for each row when (new.seq < 0) execute function sluice.refuse_dry();
drop trigger if exists visit_not_dry on sluice.visit;
create constraint trigger visit_not_dry after insert on sluice.visit deferrable initially deferred
    for each row when (new.id < 0) execute function sluice.refuse_dry();
drop trigger if exists outbox_not_dry on sluice.outbox;
create constraint trigger outbox_not_dry after insert on sluice.outbox deferrable initially deferred
    for each row when (new.id < 0) execute function sluice.refuse_dry();

grant execute on function
    sluice.enter(text, uuid, uuid, text, text, boolean, text), sluice.dry_end()
    to sluice_app;

reset role;
