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

-- What a sign-in is counted under, and how many failures are free before it has to wait: a person who mistypes
-- from one address, guesses at one account from many addresses, guesses at many accounts from one address.
create or replace function sluice.sign_in_subjects(email text, address text)
returns table (subject text, free integer)
    language sql immutable as $$
    select encode(sha256(convert_to(x.words, 'UTF8')), 'hex'), x.free
      from (values ('both ' || coalesce(address, '') || ' ' || lower(email), 5),
                   ('email ' || lower(email), 50),
                   ('address ' || coalesce(address, ''), 100)) x (words, free)
     order by 1
$$;

-- Counts an attempt as failed before the password is looked at, so that parallel guesses count too; a right
-- password takes it back. Returns the seconds to wait, 0 to go on; an attempt that must wait does not count. The
-- wait doubles with each failure beyond the free ones, up to a quarter of an hour; a day without failures
-- forgets them.
create or replace function sluice.sign_in_attempt(email text, address text) returns integer
    language plpgsql security definer set search_path = sluice, pg_temp
as $$
declare
    s record;
    f sluice.sign_in_failure;
    seconds integer := 0;
begin
    for s in select x.subject from sluice.sign_in_subjects(email, address) x loop
        insert into sluice.sign_in_failure (subject, failures, last_at, wait_till)
        values (s.subject, 0, sluice.now(), null)
            on conflict on constraint sign_in_failure_pk do nothing;
        select * into f from sluice.sign_in_failure x where x.subject = s.subject for update;
        seconds := greatest(seconds, ceil(extract(epoch from f.wait_till - sluice.now())));  -- null: no wait
    end loop;
    if seconds > 0 then
        return seconds;
    end if;
    update sluice.sign_in_failure x
       set failures = n.failures, last_at = sluice.now(),
           wait_till = case when n.failures > n.free then sluice.now()
               + make_interval(secs => least(900, 2 ^ least(n.failures - n.free - 1, 20))) end
      from (select y.subject, k.free,
                   case when y.last_at < sluice.now() - interval '1 day' then 1 else y.failures + 1 end as failures
              from sluice.sign_in_subjects(email, address) k
              join sluice.sign_in_failure y on y.subject = k.subject) n
     where x.subject = n.subject;
    return 0;
end
$$;

-- The password was right: forgets what this person mistyped here, and takes the attempt itself back elsewhere.
create or replace function sluice.sign_in_succeeded(email text, address text) returns void
    language plpgsql security definer set search_path = sluice, pg_temp
as $$
begin
    update sluice.sign_in_failure x
       set failures = case when k.free = 5 then 0 else greatest(x.failures - 1, 0) end, wait_till = null
      from sluice.sign_in_subjects(email, address) k
     where x.subject = k.subject;
end
$$;

-- Forgets failures of the day before yesterday and earlier, at most @most.
create or replace function sluice.sign_in_purge(most integer) returns bigint
    language sql security definer set search_path = sluice, pg_temp as $$
    with gone as (
        delete from sluice.sign_in_failure f
         where f.subject in (select x.subject from sluice.sign_in_failure x
                              where x.last_at < sluice.now() - interval '2 days'
                              limit most for update skip locked)
        returning 1)
    select count(*) from gone;
$$;

-- A new password for oneself, if the old one is still the one that was checked. The user's other sessions end.
create or replace function sluice.password_change(p_user uuid, p_session uuid, old_hash text, new_hash text)
returns boolean
    language plpgsql as $$
begin
    update sluice.app_user u set password_hash = new_hash where u.id = p_user and u.password_hash = old_hash;
    if not found then
        return false;
    end if;
    update sluice.session s set revoked_at = sluice.now(), revoked_why = 'password changed'
     where s.user_id = p_user and s.id <> p_session and s.revoked_at is null;
    return true;
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

grant execute on function sluice.sign_in_subjects(text, text) to sluice_app;
grant execute on function sluice.sign_in_attempt(text, text) to sluice_app;
grant execute on function sluice.sign_in_succeeded(text, text) to sluice_app;
grant execute on function sluice.sign_in_purge(integer) to sluice_app;
grant execute on function sluice.password_change(uuid, uuid, text, text) to sluice_app;
grant execute on function sluice.session_purge(integer) to sluice_app;
grant execute on function sluice.permissions_of(text[]) to sluice_app;
grant execute on function sluice.session_rotate(text, text, bigint) to sluice_app;

reset role;
