-- Sessions: a refresh token is good for one refresh.

set role sluice_owner;

-- Exchanges a refresh token. Outcome `rotated`, or `reused` when the token had been exchanged before: then
-- somebody else holds it, and the session ends for both. No row: unknown, expired or ended.
create or replace function sluice.session_rotate(old_hash text, new_hash text, seconds bigint)
returns table (outcome text, id uuid, user_id uuid)
    language plpgsql security definer set search_path = sluice, pg_temp
as $$
declare
    s sluice.session;
begin
    select * into s from sluice.session x where x.refresh_hash = old_hash for update;
    if found then
        if s.revoked_at is not null or s.expires_at <= sluice.now()
           or exists (select from sluice.app_user u where u.id = s.user_id and u.disabled) then
            return;
        end if;
        insert into sluice.session_spent (refresh_hash, session_id) values (old_hash, s.id) on conflict do nothing;
        delete from sluice.session_spent p  -- a token of then would have expired by itself
         where p.session_id = s.id and p.spent_at <= sluice.now() - make_interval(secs => seconds);
        update sluice.session x
           set refresh_hash = new_hash, rotated_at = sluice.now(),
               last_used_at = sluice.now(), expires_at = sluice.now() + make_interval(secs => seconds)
         where x.id = s.id;
        return query select 'rotated', s.id, s.user_id;
        return;
    end if;
    update sluice.session x
       set revoked_at = coalesce(x.revoked_at, sluice.now()), revoked_why = coalesce(x.revoked_why, 'refresh token used twice')
     where x.id = (select p.session_id from sluice.session_spent p where p.refresh_hash = old_hash)
    returning x.id, x.user_id into s.id, s.user_id;
    if found then
        return query select 'reused', s.id, s.user_id;
    end if;
end
$$;

-- What roles allow together, as "lead.read:all": the widest scope of each permission.
create or replace function sluice.permissions_of(roles text[]) returns text[]
    language sql stable as $$
    select coalesce(array_agg(x.permission || ':' || x.scope order by x.permission), '{}')
      from (select distinct on (p.permission) p.permission, p.scope
              from sluice.role_permission p
             where p.role = any (roles)
             order by p.permission, array_position(array['all', 'team', 'own'], p.scope)) x
$$;

-- Removes sessions that ended a week ago, at most @most.
create or replace function sluice.session_purge(most integer) returns bigint
    language sql as $$
    with gone as (
        delete from sluice.session s
         where s.id in (select x.id from sluice.session x
                         where least(x.expires_at, x.revoked_at) < sluice.now() - interval '7 days'
                         limit most for update skip locked)
        returning 1)
    select count(*) from gone;
$$;

grant execute on function sluice.session_purge(integer) to sluice_app;
grant execute on function sluice.permissions_of(text[]) to sluice_app;
grant execute on function sluice.session_rotate(text, text, bigint) to sluice_app;

reset role;
