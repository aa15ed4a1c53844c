-- What the daemon's role may do. Everything that is not here, it may not: no state, no version, no times, no
-- first source, no audit entry, no blueprint, no schema. New columns are granted by the migration that adds them.

set role sluice_owner;

grant select on
    sluice.app_user, sluice.role, sluice.permission, sluice.role_permission, sluice.user_role, sluice.team,
    sluice.team_member, sluice.session, sluice.api_key, sluice.api_key_role, sluice.instance_secret,
    sluice.idempotency, sluice.blueprint, sluice.blueprint_version, sluice.state, sluice.transition,
    sluice.transition_from, sluice.transition_actor, sluice.guard, sluice.input, sluice.unqualified_reason,
    sluice.lost_reason, sluice.rejection_reason, sluice.lead, sluice.account, sluice.contact,
    sluice.opportunity, sluice.activity, sluice.task, sluice.intake_form, sluice.intake_submission,
    sluice.lead_touch, sluice.visit, sluice.audit, sluice.search_text
    to sluice_app;

grant insert (id, email, name, language, time_zone, password_hash, disabled),
      update (email, name, language, time_zone, password_hash, disabled)
    on sluice.app_user to sluice_app;
grant insert, delete on sluice.user_role, sluice.team_member, sluice.api_key_role to sluice_app;
grant insert (id, name), update (name, deleted_at) on sluice.team to sluice_app;
grant insert (id, user_id, refresh_hash, expires_at, user_agent, address),
      update (refresh_hash, previous_hash, rotated_at, last_used_at, expires_at, revoked_at, revoked_why),
      delete
    on sluice.session to sluice_app;
grant insert (id, name, key_hash, expires_at), update (name, expires_at, revoked_at, last_used_at)
    on sluice.api_key to sluice_app;
grant insert (key, value) on sluice.instance_secret to sluice_app;
grant insert (principal, key, method, path, body_hash, resource_id, expires_at),
      update (resource_id, status, headers, answer),
      delete
    on sluice.idempotency to sluice_app;

grant insert (id, first_name, last_name, email, phone, company, job_title, tax_id, website, industry, street,
              postcode, city, country, need, budget_confirmed, estimated_value_amount, estimated_value_currency,
              description, source, campaign, utm, extra, external_id, owner_id),
      update (first_name, last_name, email, phone, company, job_title, tax_id, website, industry, street,
              postcode, city, country, need, budget_confirmed, estimated_value_amount, estimated_value_currency,
              description, external_id, owner_id, deleted_at)
    on sluice.lead to sluice_app;
grant insert (id, name, tax_id, email, phone, website, industry, street, postcode, city, country, description,
              source, campaign, external_id, owner_id),
      update (name, tax_id, email, phone, website, industry, street, postcode, city, country, description,
              external_id, owner_id, deleted_at)
    on sluice.account to sluice_app;
grant insert (id, account_id, first_name, last_name, email, phone, job_title, role, description, source, campaign,
              external_id, owner_id),
      update (account_id, first_name, last_name, email, phone, job_title, role, description, external_id,
              owner_id, deleted_at)
    on sluice.contact to sluice_app;
grant insert (id, name, account_id, contact_id, amount_amount, amount_currency, product_kind, delivery_date,
              close_date, probability, forecast_category, description, source, campaign, external_id, owner_id),
      update (name, account_id, contact_id, amount_amount, amount_currency, product_kind, delivery_date,
              close_date, probability, forecast_category, description, external_id, owner_id, deleted_at)
    on sluice.opportunity to sluice_app;
grant insert (id, kind, subject, outcome, body, occurred_at, duration_s, lead_id, account_id, contact_id,
              opportunity_id, owner_id),
      update (kind, subject, outcome, body, occurred_at, duration_s, lead_id, account_id, contact_id,
              opportunity_id, owner_id, deleted_at)
    on sluice.activity to sluice_app;
grant insert (id, subject, body, due_at, priority, status, assignee_id, lead_id, account_id, contact_id,
              opportunity_id),
      update (subject, body, due_at, priority, status, assignee_id, lead_id, account_id, contact_id,
              opportunity_id, deleted_at)
    on sluice.task to sluice_app;

grant insert (id, form, name, source, campaign, fields, required, owner_id, enabled, key_hash),
      update (name, source, campaign, fields, required, owner_id, enabled, key_hash)
    on sluice.intake_form to sluice_app;
grant insert (id, form_id, outcome, lead_id, content_type, raw, extra, faults, address, user_agent, referer,
              request_id),
      update (outcome, lead_id, faults)
    on sluice.intake_submission to sluice_app;
grant insert (id, lead_id, source, campaign, utm, referer, submission_id) on sluice.lead_touch to sluice_app;

reset role;
