-- Two roles and one schema. sluice_owner owns everything and nobody logs in as it; the daemon works as
-- sluice_app, which may only do what 0006_rights.sql grants. Run by a superuser, or by the owner of the
-- database with CREATEROLE (or after a superuser created the two roles).

do $$
declare
    -- since PostgreSQL 16 a creator of roles is a member that may not yet become them
    needed text := case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end;
begin
    -- Roles belong to the whole cluster: another database may have created them already, or be at it.
    if not exists (select from pg_roles where rolname = 'sluice_owner') then
        begin
            create role sluice_owner nologin;
        exception when duplicate_object or unique_violation then null;
        end;
    end if;
    if not exists (select from pg_roles where rolname = 'sluice_app') then
        begin
            create role sluice_app nologin;
        exception when duplicate_object or unique_violation then null;
        end;
    end if;
    if not pg_has_role(current_user, 'sluice_owner', needed) then
        execute format('grant sluice_owner to %I', current_user);
    end if;
    if not pg_has_role(current_user, 'sluice_app', needed) then
        execute format('grant sluice_app to %I', current_user);
    end if;
end
$$;

create schema if not exists sluice;
alter schema sluice owner to sluice_owner;
grant usage on schema sluice to sluice_app;

create extension if not exists pg_trgm with schema sluice;

set role sluice_owner;

-- A new function is nobody's business until somebody is granted it.
alter default privileges for role sluice_owner revoke execute on functions from public;

-- The clock of every rule: the time of the transaction, or what a test says.
create or replace function sluice.now() returns timestamptz
    language sql stable parallel safe
    return coalesce(nullif(current_setting('sluice.now', true), '')::timestamptz, transaction_timestamp());

-- Who acts, as sluice.enter() wrote it down for this transaction.
create or replace function sluice.actor_id() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('sluice.actor_id', true), '')::uuid;

create or replace function sluice.actor_kind() returns text
    language sql stable parallel safe
    return coalesce(nullif(current_setting('sluice.actor_kind', true), ''), 'system');

-- A time as the API writes it.
create or replace function sluice.rfc3339(value timestamptz) returns text
    language sql stable strict parallel safe
    return to_char(value at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- Normal forms that indexes stand on; they are immutable and their results must never change. Not strict, though
-- nothing comes of null: the planner inlines them only like this.
create or replace function sluice.digits(value text) returns text
    language sql immutable parallel safe
    return nullif(regexp_replace(value, '[^0-9]', '', 'g'), '');

-- "https://www.Acme.pl/x" and "jan@acme.pl" both become "acme.pl".
create or replace function sluice.domain(value text) returns text
    language sql immutable parallel safe
    return nullif(regexp_replace(lower(btrim(value)), '^([a-z]+://)?([^@/]*@)?(www\.)?([^/:?#]*).*$', '\4'), '');

grant execute on function sluice.now(), sluice.actor_id(), sluice.actor_kind(), sluice.rfc3339(timestamptz), sluice.digits(text),
    sluice.domain(text) to sluice_app;

-- One sequence for everything that is ordered: audit entries, events, visits.
create sequence sluice.seq;

reset role;
