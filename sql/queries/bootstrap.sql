-- query: bootstrap_needed one write
-- Whether this installation has no users yet.
select not exists (select from sluice.app_user) as needed;

-- query: bootstrap_admin one write
-- Makes the first administrator and the first intake form; false when there are users already.
-- in: user_id       uuid
-- in: email         text
-- in: name          text
-- in: password_hash text
-- in: form_id       uuid
-- in: form          text
-- in: key_hash      text
select sluice.bootstrap_admin(:user_id, :email, :name, :password_hash, :form_id, :form, :key_hash) as done;

-- query: instance_secret_get_or_create one write
-- The installation's secret of that name: @value (hex) if nobody set one before.
-- in: key   text
-- in: value text
select sluice.instance_secret_get_or_create(:key, :value) as value;

-- query: app_role_login none write
-- Lets the daemon's role log in to the private cluster, so that no connection that serves requests begins as its
-- superuser.
alter role sluice_app login;
