-- query: user_get one read
-- A user; with a scope of less than all only oneself.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select u.id, u.version, u.email, u.name, u.language, u.time_zone, u.disabled,
       array(select x.role from sluice.user_role x where x.user_id = u.id order by x.role) as roles,
       array(select x.team_id from sluice.team_member x where x.user_id = u.id order by x.team_id) as teams,
       u.created_at, u.updated_at, u.created_by
  from sluice.app_user u
 where u.id = :id and (:scope = 'all' or u.id = :viewer);

-- query: user_create none write
-- Adds a user with roles and teams.
-- in: id   uuid
-- in: body jsonb
select sluice.user_create(:id, :body);

-- query: user_update one write
-- Merge patch; lists replace. No row: not there, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
select x.version
  from sluice.user_update(:id, :version, :patch) x (version)
 where x.version is not null and (:scope = 'all' or :id = :viewer);

-- query: user_list list read
-- Users.
-- in: viewer uuid
-- in: scope  text
-- id: u.id
-- filter: role text eq u.id in (select x.user_id from sluice.user_role x where x.role = any(:value))
-- filter: team uuid eq u.id in (select x.user_id from sluice.team_member x where x.team_id = any(:value))
-- filter: disabled boolean eq on u.disabled
-- filter: q text search on (u.name || ' ' || u.email)
-- sort: created_at timestamptz u.created_at
-- sort: email text lower(u.email)
-- sort: name text u.name
select u.id, u.version, u.email, u.name, u.language, u.time_zone, u.disabled,
       array(select x.role from sluice.user_role x where x.user_id = u.id order by x.role) as roles,
       array(select x.team_id from sluice.team_member x where x.user_id = u.id order by x.team_id) as teams,
       u.created_at, u.updated_at, u.created_by
-- from
  from sluice.app_user u
-- where
 where (:scope = 'all' or u.id = :viewer);

-- query: team_get one read
-- A team and its members; with a scope of less than all only one's own teams.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select t.id, t.version, t.name,
       array(select m.user_id from sluice.team_member m where m.team_id = t.id order by m.user_id) as members,
       t.created_at, t.updated_at, t.created_by
  from sluice.team t
 where t.id = :id and t.deleted_at is null
   and (:scope = 'all' or exists (select from sluice.team_member m where m.team_id = t.id and m.user_id = :viewer));

-- query: team_create none write
-- Adds a team with members.
-- in: id   uuid
-- in: body jsonb
select sluice.team_create(:id, :body);

-- query: team_update one write
-- Merge patch; members replace. No row: not there, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
select x.version
  from sluice.team_update(:id, :version, :patch) x (version)
 where x.version is not null
   and (:scope = 'all' or exists (select from sluice.team_member m where m.team_id = :id and m.user_id = :viewer));

-- query: team_delete one write
-- Dissolves a team: nobody shares through it any longer; its members stay users.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
with gone as (
    update sluice.team t
       set deleted_at = sluice.now()
     where t.id = :id and t.deleted_at is null and (:version is null or t.version = :version)
       and (:scope = 'all' or exists (select from sluice.team_member m where m.team_id = t.id and m.user_id = :viewer))
    returning t.id, t.version),
released as (
    delete from sluice.team_member m using gone where m.team_id = gone.id)
select gone.version from gone;

-- query: team_list list read
-- Teams.
-- in: viewer uuid
-- in: scope  text
-- id: t.id
-- filter: q text search on t.name
-- sort: created_at timestamptz t.created_at
-- sort: name text t.name
select t.id, t.version, t.name,
       array(select m.user_id from sluice.team_member m where m.team_id = t.id order by m.user_id) as members,
       t.created_at, t.updated_at, t.created_by
-- from
  from sluice.team t
-- where
 where t.deleted_at is null
   and (:scope = 'all' or exists (select from sluice.team_member m where m.team_id = t.id and m.user_id = :viewer));

-- query: api_key_get one read
-- An API key without its secret; with a scope of less than all only those one made.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select k.id, k.version, k.name,
       array(select x.role from sluice.api_key_role x where x.api_key_id = k.id order by x.role) as roles,
       k.expires_at, k.revoked_at, k.last_used_at, k.created_at, k.updated_at, k.created_by
  from sluice.api_key k
 where k.id = :id and (:scope = 'all' or k.created_by = :viewer);

-- query: api_key_create none write
-- Adds an API key; the body brings the hash of its secret.
-- in: id   uuid
-- in: body jsonb
select sluice.api_key_create(:id, :body);

-- query: api_key_delete one write
-- Revokes a key; it stays in the list.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.api_key k
   set revoked_at = coalesce(k.revoked_at, sluice.now())
 where k.id = :id and (:version is null or k.version = :version) and (:scope = 'all' or k.created_by = :viewer)
returning k.version;

-- query: api_key_list list read
-- API keys.
-- in: viewer uuid
-- in: scope  text
-- id: k.id
-- filter: q text search on k.name
-- sort: created_at timestamptz k.created_at
-- sort: name text k.name
select k.id, k.version, k.name,
       array(select x.role from sluice.api_key_role x where x.api_key_id = k.id order by x.role) as roles,
       k.expires_at, k.revoked_at, k.last_used_at, k.created_at, k.updated_at, k.created_by
-- from
  from sluice.api_key k
-- where
 where (:scope = 'all' or k.created_by = :viewer);

-- query: intake_form_get one read
-- A form without its key.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select f.id, f.version, f.form, f.name, f.source, f.campaign, f.fields, f.required, f.owner_id, f.enabled,
       f.mapping, f.origins, f.rate_limit, f.address_rate_limit, f.consent_version, f.consent_text, f.consent_required,
       f.double_opt_in, f.confirm_hours, f.honeypot, f.redirect_url, f.error_url, f.on_duplicate, f.queue, f.created_at, f.updated_at, f.created_by
  from sluice.intake_form f
 where f.id = :id and (:scope = 'all' or f.created_by = :viewer);

-- query: intake_form_create none write
-- Adds a form; the body brings the hash of its key.
-- in: id   uuid
-- in: body jsonb
insert into sluice.intake_form (id, form, name, source, campaign, fields, required, owner_id, enabled, key_hash, mapping, origins,
       rate_limit, address_rate_limit, consent_version, consent_text, consent_required, double_opt_in, confirm_hours, honeypot,
       redirect_url, error_url, on_duplicate, queue)
select :id, b.form, coalesce(b.name, b.form), b.source, b.campaign, b.fields, coalesce(b.required, '{}'), b.owner_id,
       coalesce(b.enabled, true), b.key_hash, coalesce(b.mapping, '{}'), coalesce(b.origins, '{}'), b.rate_limit,
       b.address_rate_limit, b.consent_version, b.consent_text, coalesce(b.consent_required, false),
       coalesce(b.double_opt_in, false), coalesce(b.confirm_hours, 72), b.honeypot, b.redirect_url, b.error_url,
       coalesce(b.on_duplicate, 'create'), b.queue
  from jsonb_populate_record(null::sluice.intake_form, :body) b;

-- query: intake_form_update one write
-- Merge patch. No row: not there, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.intake_form f
   set (name, source, campaign, fields, required, owner_id, enabled, mapping, origins, rate_limit, address_rate_limit,
        consent_version, consent_text, consent_required, double_opt_in, confirm_hours, honeypot, redirect_url, error_url,
        on_duplicate, queue)
     = (select b.name, b.source, b.campaign, b.fields, b.required, b.owner_id, b.enabled,
               case when jsonb_typeof(:patch -> 'mapping') = 'object'
                    then jsonb_strip_nulls(f.mapping || (:patch -> 'mapping')) else b.mapping end, b.origins, b.rate_limit, b.address_rate_limit, b.consent_version,
               b.consent_text, b.consent_required, b.double_opt_in, b.confirm_hours, b.honeypot, b.redirect_url, b.error_url,
               b.on_duplicate, b.queue
          from jsonb_populate_record(f, :patch) b)
 where f.id = :id and (:version is null or f.version = :version) and (:scope = 'all' or f.created_by = :viewer)
returning f.version;

-- query: intake_form_list list read
-- Intake forms.
-- in: viewer uuid
-- in: scope  text
-- id: f.id
-- filter: q text search on (f.form || ' ' || f.name)
-- sort: created_at timestamptz f.created_at
-- sort: name text f.name
select f.id, f.version, f.form, f.name, f.source, f.campaign, f.fields, f.required, f.owner_id, f.enabled,
       f.mapping, f.origins, f.rate_limit, f.address_rate_limit, f.consent_version, f.consent_text, f.consent_required,
       f.double_opt_in, f.confirm_hours, f.honeypot, f.redirect_url, f.error_url, f.on_duplicate, f.queue, f.created_at, f.updated_at, f.created_by
-- from
  from sluice.intake_form f
-- where
 where (:scope = 'all' or f.created_by = :viewer);
