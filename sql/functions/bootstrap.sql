-- The first start of an installation.

set role sluice_owner;

-- Makes the first administrator and the first intake form, unless there are users. Returns whether it did.
create or replace function sluice.bootstrap_admin(
    user_id uuid, email text, name text, password_hash text, form_id uuid, form text, key_hash text
) returns boolean
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('sluice.bootstrap', 0));
    if exists (select from sluice.app_user) then
        return false;
    end if;
    insert into sluice.app_user (id, email, name, password_hash)
    values (bootstrap_admin.user_id, bootstrap_admin.email, bootstrap_admin.name, bootstrap_admin.password_hash);
    insert into sluice.user_role (user_id, role) values (bootstrap_admin.user_id, 'admin');
    insert into sluice.intake_form (id, form, name, source, fields, required, key_hash)
    values (form_id, bootstrap_admin.form, 'Web form', 'web',
            '{first_name,last_name,email,phone,company,job_title,tax_id,website,industry,street,postcode,city,country,'
            'need,budget_confirmed,estimated_value,description,external_id}',
            '{}', bootstrap_admin.key_hash);
    return true;
end
$$;

-- The installation's secret of that name: @value if nobody set one before.
create or replace function sluice.instance_secret_get_or_create(key text, value text) returns text
    language plpgsql as $$
begin
    insert into sluice.instance_secret (key, value)
    values (instance_secret_get_or_create.key, instance_secret_get_or_create.value)
        on conflict do nothing;
    return (select s.value from sluice.instance_secret s where s.key = instance_secret_get_or_create.key);
end
$$;

grant execute on function
    sluice.bootstrap_admin(uuid, text, text, text, uuid, text, text),
    sluice.instance_secret_get_or_create(text, text)
    to sluice_app;

reset role;
