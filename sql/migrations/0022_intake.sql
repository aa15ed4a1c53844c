-- Intake forms that can do more than post: names of their own, origins, limits, consent, confirmation, traps for
-- robots; what became of a submission and why; events that show what a lead does.

set role sluice_owner;

-- Every value of a mapping is a field that the form may fill.
create function sluice.intake_mapping_fits(mapping jsonb, fields text[]) returns boolean
    language sql immutable parallel safe
    return jsonb_typeof(mapping) = 'object'
       and not exists (select from jsonb_each_text(mapping) m where m.value is null or m.value <> all (fields));

alter table sluice.intake_form
    add column mapping            jsonb not null default '{}',
    add column origins            text[] not null default '{}',
    add column rate_limit         integer constraint intake_form_rate_limit_check check (rate_limit > 0),
    add column address_rate_limit integer constraint intake_form_address_rate_limit_check check (address_rate_limit > 0),
    add column consent_version    text,
    add column consent_text       text,
    add column consent_required   boolean not null default false,
    add column double_opt_in      boolean not null default false,
    add column confirm_hours      integer not null default 72
                                  constraint intake_form_confirm_hours_check check (confirm_hours between 1 and 8760),
    add column honeypot           text,
    add column redirect_url       text,
    add column error_url          text,
    add column on_duplicate       text not null default 'create'
                                  constraint intake_form_on_duplicate_check check (on_duplicate in ('create', 'merge', 'hold')),
    add constraint intake_form_mapping_check check (sluice.intake_mapping_fits(mapping, fields)),
    add constraint intake_form_consent_check check (not consent_required or consent_version is not null),
    add constraint intake_form_opt_in_check check (not double_opt_in or 'email' = any (required));

-- reason: the code of why it did not simply become a lead. fields and utm: what it becomes once it is confirmed or
-- released. others: the records that it looked like.
alter table sluice.intake_submission
    drop constraint intake_submission_outcome_check,
    add constraint intake_submission_outcome_check
        check (outcome in ('received', 'created', 'merged', 'duplicate_of', 'held', 'refused')),
    add column reason             text,
    add column fields             jsonb,
    add column utm                jsonb,
    add column others             jsonb,
    add column consent            jsonb,
    add column confirm_expires_at timestamptz,
    add column confirmed_at       timestamptz,
    add column decided_at         timestamptz,
    add column decided_by         uuid,
    add column note               text;
create index intake_submission_held on sluice.intake_submission (received_at, id) where outcome = 'held';

alter table sluice.lead_touch add column consent jsonb;

-- How often somebody posted in the present minute. All daemons count here, so that a limit is one limit.
create unlogged table sluice.intake_rate (
    subject   text not null constraint intake_rate_pk primary key,  -- form:<id>, or <form id>:<digest of an address>
    minute    timestamptz not null,
    hits      integer not null
) with (fillfactor = 50);
create index intake_rate_minute on sluice.intake_rate (minute);

grant insert (mapping, origins, rate_limit, address_rate_limit, consent_version, consent_text, consent_required,
              double_opt_in, confirm_hours, honeypot, redirect_url, error_url, on_duplicate),
      update (mapping, origins, rate_limit, address_rate_limit, consent_version, consent_text, consent_required,
              double_opt_in, confirm_hours, honeypot, redirect_url, error_url, on_duplicate)
    on sluice.intake_form to sluice_app;
grant insert (reason, fields, utm, others, consent, confirm_expires_at),
      update (reason, others, confirmed_at, decided_at, decided_by, note)
    on sluice.intake_submission to sluice_app;
grant insert (consent) on sluice.lead_touch to sluice_app;
grant execute on function sluice.intake_mapping_fits(jsonb, text[]) to sluice_app;

insert into sluice.permission (key) values ('intake.review');
insert into sluice.role_permission (role, permission)
select r, 'intake.review' from unnest(array['admin', 'manager', 'marketing']) r;

reset role;
