-- Bounds and forms that the contract has and the database had not.

set role sluice_owner;

-- As the contract says; whoever writes them with another program is held to it, too.
update sluice.blueprint set priority = least(greatest(priority, -1000), 1000) where abs(priority::bigint) > 1000;
update sluice.blueprint_version set priority = least(greatest(priority, -1000), 1000) where abs(priority::bigint) > 1000;
alter table sluice.blueprint
    add constraint blueprint_priority_check check (priority between -1000 and 1000);
alter table sluice.blueprint_version
    add constraint blueprint_version_priority_check check (priority between -1000 and 1000);

-- A moment as answers write it: in UTC, without the zeros at the end of its fraction.
create or replace function sluice.rfc3339(value timestamptz) returns text
    language sql stable strict parallel safe
    return rtrim(rtrim(to_char(value at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '0'), '.') || 'Z';

reset role;

-- What sluice.recheck_add() raises is no fault and should not fill the server's log; who is no superuser cannot let it say
-- so, and then the log has these lines. The right belongs to the whole cluster: another database may be at it.
do $$
begin
    if not has_parameter_privilege('sluice_owner', 'log_min_messages', 'set') then
        grant set on parameter log_min_messages to sluice_owner;
    end if;
exception
    when insufficient_privilege or internal_error then
        raise notice 'log_min_messages stays as it is: held writes will be in the log of the server';
end
$$;
