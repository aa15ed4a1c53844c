-- Users, teams and keys: the record and its lists of roles, teams or members change together.

set role sluice_owner;

-- Replaces the roles of a user, if the body has "roles"; likewise the teams. Unknown ones raise foreign key
-- violations that name themselves.
create or replace function sluice.user_lists(p_id uuid, body jsonb) returns void
    language plpgsql as $$
begin
    if body ? 'roles' then
        delete from sluice.user_role r where r.user_id = p_id and r.role <> all (sluice.words(body -> 'roles'));
        insert into sluice.user_role (user_id, role)
        select p_id, x from unnest(sluice.words(body -> 'roles')) x on conflict do nothing;
    end if;
    if body ? 'teams' then
        if exists (select from unnest(sluice.words(body -> 'teams')) x
                    where not exists (select from sluice.team t where t.id = x::uuid and t.deleted_at is null)) then
            perform sluice.refuse_link('teams', 'team');
        end if;
        delete from sluice.team_member m where m.user_id = p_id and m.team_id <> all (sluice.words(body -> 'teams')::uuid[]);
        insert into sluice.team_member (user_id, team_id)
        select p_id, x::uuid from unnest(sluice.words(body -> 'teams')) x on conflict do nothing;
    end if;
end
$$;

create or replace function sluice.team_lists(p_id uuid, body jsonb) returns void
    language plpgsql as $$
begin
    if body ? 'members' then
        delete from sluice.team_member m where m.team_id = p_id and m.user_id <> all (sluice.words(body -> 'members')::uuid[]);
        insert into sluice.team_member (team_id, user_id)
        select p_id, x::uuid from unnest(sluice.words(body -> 'members')) x on conflict do nothing;
    end if;
end
$$;

create or replace function sluice.user_create(p_id uuid, body jsonb) returns void
    language plpgsql as $$
begin
    insert into sluice.app_user (id, email, name, language, time_zone, password_hash, disabled)
    values (p_id, body ->> 'email', body ->> 'name', coalesce(body ->> 'language', 'en'),
            coalesce(body ->> 'time_zone', 'UTC'), body ->> 'password_hash',
            coalesce((body ->> 'disabled')::boolean, false));
    perform sluice.user_lists(p_id, body);
end
$$;

-- A new password or a lock ends the user's sessions: whoever held the old one is out.
create or replace function sluice.user_update(p_id uuid, p_version bigint, patch jsonb) returns bigint
    language plpgsql as $$
declare
    new_version bigint;
begin
    update sluice.app_user u
       set (email, name, language, time_zone, password_hash, disabled)
         = (select b.email, b.name, b.language, b.time_zone, b.password_hash, b.disabled
              from jsonb_populate_record(u, patch) b)
     where u.id = p_id and (p_version is null or u.version = p_version)
    returning u.version into new_version;
    if not found then
        return null;
    end if;
    perform sluice.user_lists(p_id, patch);
    if patch ? 'password_hash' or (patch ->> 'disabled')::boolean then
        update sluice.session s set revoked_at = sluice.now(), revoked_why = 'password changed or user disabled'
         where s.user_id = p_id and s.revoked_at is null;
    end if;
    return new_version;
end
$$;

create or replace function sluice.team_create(p_id uuid, body jsonb) returns void
    language plpgsql as $$
begin
    insert into sluice.team (id, name) values (p_id, body ->> 'name');
    perform sluice.team_lists(p_id, body);
end
$$;

create or replace function sluice.team_update(p_id uuid, p_version bigint, patch jsonb) returns bigint
    language plpgsql as $$
declare
    new_version bigint;
begin
    update sluice.team t set name = coalesce(patch ->> 'name', t.name)
     where t.id = p_id and t.deleted_at is null and (p_version is null or t.version = p_version)
    returning t.version into new_version;
    if found then
        perform sluice.team_lists(p_id, patch);
    end if;
    return new_version;
end
$$;

create or replace function sluice.api_key_create(p_id uuid, body jsonb) returns void
    language plpgsql as $$
begin
    insert into sluice.api_key (id, name, key_hash, expires_at)
    values (p_id, body ->> 'name', body ->> 'key_hash', (body ->> 'expires_at')::timestamptz);
    insert into sluice.api_key_role (api_key_id, role)
    select p_id, x from unnest(sluice.words(body -> 'roles')) x on conflict do nothing;
end
$$;

grant execute on function sluice.user_lists(uuid, jsonb), sluice.team_lists(uuid, jsonb), sluice.user_create(uuid, jsonb),
    sluice.user_update(uuid, bigint, jsonb), sluice.team_create(uuid, jsonb), sluice.team_update(uuid, bigint, jsonb),
    sluice.api_key_create(uuid, jsonb)
    to sluice_app;

reset role;
