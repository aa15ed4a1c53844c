set role sluice_owner;

-- Refuses unless this server has everything that the primary's log had up to a position. A standby that is nearly
-- there is waited for. One that was made the primary is none any more (SLPRM), for those who came for a standby: they
-- look for another.
create or replace function sluice.standby_reach("position" bigint, wait_ms integer) returns void
    language plpgsql as $$
declare
    wanted constant pg_lsn := '0/0'::pg_lsn + standby_reach."position"::numeric;
    until constant timestamptz := clock_timestamp() + standby_reach.wait_ms * interval '1 millisecond';
begin
    if not pg_is_in_recovery() and current_setting('sluice.standby', true) = 'on' then
        raise exception using errcode = 'SLPRM', message = 'busy', detail = 'The standby was promoted.';
    end if;
    while pg_is_in_recovery() and pg_last_wal_replay_lsn() < wanted loop
        if clock_timestamp() >= until then
            raise exception using errcode = 'SL503', message = 'busy', detail = 'The standby is behind.';
        end if;
        perform pg_sleep(0.005);
    end loop;
end
$$;

grant execute on function sluice.standby_reach(bigint, integer) to sluice_app;

reset role;
