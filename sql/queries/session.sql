-- query: user_by_email one read
-- Whose password is to be checked at sign-in.
-- in: email text
select u.id, u.password_hash
  from sluice.app_user u
 where lower(u.email) = lower(:email) and not u.disabled;

-- query: user_card one read
-- A user as the answer to a sign-in shows it.
-- in: id uuid
select u.id, u.email, u.name, u.language, u.time_zone,
       array(select r.role from sluice.user_role r where r.user_id = u.id order by r.role) as roles
  from sluice.app_user u
 where u.id = :id;

-- query: user_card_by_refresh one read
-- The same, for the session that holds this refresh token.
-- in: hash text
select u.id, u.email, u.name, u.language, u.time_zone,
       array(select r.role from sluice.user_role r where r.user_id = u.id order by r.role) as roles
  from sluice.session s
  join sluice.app_user u on u.id = s.user_id
 where s.refresh_hash = :hash;

-- query: session_open none write
-- A new session after a right password.
-- in: id           uuid
-- in: user         uuid
-- in: refresh_hash text
-- in: seconds      bigint
-- in: user_agent   text
-- in: address      text
insert into sluice.session (id, user_id, refresh_hash, expires_at, user_agent, address)
values (:id, :user, :refresh_hash, sluice.now() + make_interval(secs => :seconds), left(:user_agent, 500), :address);

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
