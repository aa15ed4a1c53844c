-- query: user_by_email one read
-- Whose password is to be checked at sign-in.
-- in: email text
select u.id, u.password_hash
  from sluice.app_user u
 where lower(u.email) = lower(:email) and not u.disabled;

-- query: user_card one read
-- A user as answers about oneself show it.
-- in: id uuid
select 'user' as kind, u.id, u.name, u.email, u.language, u.time_zone,
       array(select r.role from sluice.user_role r where r.user_id = u.id order by r.role) as roles,
       array(select m.team_id from sluice.team_member m where m.user_id = u.id order by m.team_id) as teams,
       sluice.permissions_of(array(select r.role from sluice.user_role r where r.user_id = u.id)) as permissions
  from sluice.app_user u
 where u.id = :id;

-- query: user_card_by_refresh one read
-- The same, for the session that holds this refresh token.
-- in: hash text
select 'user' as kind, u.id, u.name, u.email, u.language, u.time_zone,
       array(select r.role from sluice.user_role r where r.user_id = u.id order by r.role) as roles,
       array(select m.team_id from sluice.team_member m where m.user_id = u.id order by m.team_id) as teams,
       sluice.permissions_of(array(select r.role from sluice.user_role r where r.user_id = u.id)) as permissions
  from sluice.session s
  join sluice.app_user u on u.id = s.user_id
 where s.refresh_hash = :hash;

-- query: key_card one read
-- The same, of an API key.
-- in: id uuid
select 'api_key' as kind, k.id, k.name, null as email, null as language, null as time_zone,
       array(select r.role from sluice.api_key_role r where r.api_key_id = k.id order by r.role) as roles,
       array[]::uuid[] as teams,
       sluice.permissions_of(array(select r.role from sluice.api_key_role r where r.api_key_id = k.id)) as permissions
  from sluice.api_key k
 where k.id = :id;

-- query: sign_in_attempt one write
-- Counts an attempt; seconds to wait before the next one is looked at, 0 when this one is.
-- in: email   text
-- in: address text
select sluice.sign_in_attempt(:email, :address) as seconds;

-- query: sign_in_succeeded none write
-- The password was right.
-- in: email   text
-- in: address text
select sluice.sign_in_succeeded(:email, :address);

-- query: password_of one read
-- One's own password is to be checked.
-- in: id uuid
select u.email, u.name, u.password_hash
  from sluice.app_user u
 where u.id = :id and not u.disabled;

-- query: password_change one write
-- A new password for oneself; false when it has been changed meanwhile.
-- in: user     uuid
-- in: session  uuid
-- in: old_hash text
-- in: new_hash text
select sluice.password_change(:user, :session, :old_hash, :new_hash) as changed;

-- query: session_open one write
-- A new session after a right password; no row when the password has been changed since it was checked.
-- in: id           uuid
-- in: user         uuid
-- in: password_hash text
-- in: refresh_hash text
-- in: seconds      bigint
-- in: user_agent   text
-- in: address      text
insert into sluice.session (id, user_id, refresh_hash, expires_at, user_agent, address)
select :id, u.id, :refresh_hash, sluice.now() + make_interval(secs => :seconds), left(:user_agent, 500), :address
  from sluice.app_user u
 where u.id = :user and u.password_hash = :password_hash and not u.disabled
   for share
returning id;

-- query: session_rotate one write
-- Exchanges a refresh token for the next one.
-- in: old_hash text
-- in: new_hash text
-- in: seconds  bigint
select r.outcome, r.id, r.user_id
  from sluice.session_rotate(:old_hash, :new_hash, :seconds) r;

-- query: session_end none write
-- Signs out.
-- in: id uuid
update sluice.session
   set revoked_at = sluice.now(), revoked_why = 'signed out'
 where id = :id and revoked_at is null;
