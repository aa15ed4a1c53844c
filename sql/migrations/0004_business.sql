-- Leads, accounts, contacts, opportunities, activities, tasks, and how leads come in.
--
-- What every transition changes (state, state_entered_at, version, updated_at) stands in no index, so those
-- updates stay HOT; lists by state go through sluice.visit, text search through sluice.search_text.
-- blueprint_version_id has no foreign key: published versions are never deleted (a trigger sees to it), and a
-- key would make every insert lock the same row.

set role sluice_owner;

create table sluice.lead (
    id                       uuid not null constraint lead_pk primary key,
    version                  bigint not null default 1,
    blueprint_version_id     uuid not null,
    state                    text not null,
    state_entered_at         timestamptz not null,
    first_name               text,
    last_name                text,
    email                    text,
    phone                    text,
    company                  text,
    job_title                text,
    tax_id                   text,
    website                  text,
    industry                 text,
    street                   text,
    postcode                 text,
    city                     text,
    country                  text,
    need                     text,
    budget_confirmed         boolean,
    estimated_value_amount   numeric,    -- keeps the scale that the client wrote: 1234.50
    estimated_value_currency char(3) constraint lead_estimated_value_currency_check
                             check (estimated_value_currency ~ '^[A-Z]{3}$'),
    description              text,
    source                   text,
    campaign                 text,
    utm                      jsonb constraint lead_utm_check check (jsonb_typeof(utm) = 'object'),
    extra                    jsonb constraint lead_extra_check check (jsonb_typeof(extra) = 'object'),
    external_id              text,
    owner_id                 uuid constraint lead_owner_fk references sluice.app_user (id),
    unqualified_reason       text constraint lead_unqualified_reason_fk references sluice.unqualified_reason (key),
    nurture_until            date,
    call_back_at             timestamptz,
    account_id               uuid,
    contact_id               uuid,
    opportunity_id           uuid,
    converted_at             timestamptz,
    created_at               timestamptz not null default sluice.now(),
    updated_at               timestamptz not null default sluice.now(),
    created_by               uuid default sluice.actor_id(),
    deleted_at               timestamptz,
    constraint lead_estimated_value_check
        check (num_nonnulls(estimated_value_amount, estimated_value_currency) in (0, 2)),
    constraint lead_estimated_value_amount_check check (estimated_value_amount >= 0
        and estimated_value_amount < 100000000000000 and scale(estimated_value_amount) <= 4)
) with (fillfactor = 85);
create unique index lead_external_id_key on sluice.lead (external_id) where external_id is not null and deleted_at is null;
create index lead_created_at on sluice.lead (created_at, id) where deleted_at is null;
create index lead_owner on sluice.lead (owner_id, created_at, id) where deleted_at is null;
create index lead_email on sluice.lead (lower(email)) where email is not null;
create index lead_account on sluice.lead (account_id) where account_id is not null;
create index lead_contact on sluice.lead (contact_id) where contact_id is not null;
create index lead_opportunity on sluice.lead (opportunity_id) where opportunity_id is not null;

create table sluice.account (
    id                   uuid not null constraint account_pk primary key,
    version              bigint not null default 1,
    blueprint_version_id uuid not null,
    state                text not null,
    state_entered_at     timestamptz not null,
    name                 text not null constraint account_name_check check (name ~ '\S'),
    tax_id               text,
    email                text,
    phone                text,
    website              text,
    industry             text,
    street               text,
    postcode             text,
    city                 text,
    country              text,
    description          text,
    source               text,
    campaign             text,
    lead_id              uuid constraint account_lead_fk references sluice.lead (id),
    external_id          text,
    owner_id             uuid constraint account_owner_fk references sluice.app_user (id),
    rejection_reason     text constraint account_rejection_reason_fk references sluice.rejection_reason (key),
    created_at           timestamptz not null default sluice.now(),
    updated_at           timestamptz not null default sluice.now(),
    created_by           uuid default sluice.actor_id(),
    deleted_at           timestamptz
) with (fillfactor = 85);
create unique index account_external_id_key on sluice.account (external_id)
    where external_id is not null and deleted_at is null;
create index account_created_at on sluice.account (created_at, id) where deleted_at is null;
create index account_owner on sluice.account (owner_id, created_at, id) where deleted_at is null;
create index account_name on sluice.account (lower(name));
create index account_tax_id on sluice.account (sluice.digits(tax_id)) where tax_id is not null;
create index account_website on sluice.account (sluice.domain(website)) where website is not null;
create index account_email on sluice.account (sluice.domain(email)) where email is not null;
create index account_lead on sluice.account (lead_id) where lead_id is not null;

create table sluice.contact (
    id          uuid not null constraint contact_pk primary key,
    version     bigint not null default 1,
    account_id  uuid constraint contact_account_fk references sluice.account (id),
    first_name  text,
    last_name   text not null constraint contact_last_name_check check (last_name ~ '\S'),
    email       text,
    phone       text,
    job_title   text,
    role        text,
    description text,
    source      text,
    campaign    text,
    lead_id     uuid constraint contact_lead_fk references sluice.lead (id),
    external_id text,
    owner_id    uuid constraint contact_owner_fk references sluice.app_user (id),
    created_at  timestamptz not null default sluice.now(),
    updated_at  timestamptz not null default sluice.now(),
    created_by  uuid default sluice.actor_id(),
    deleted_at  timestamptz
) with (fillfactor = 85);
create unique index contact_external_id_key on sluice.contact (external_id)
    where external_id is not null and deleted_at is null;
create index contact_created_at on sluice.contact (created_at, id) where deleted_at is null;
create index contact_owner on sluice.contact (owner_id, created_at, id) where deleted_at is null;
create index contact_account on sluice.contact (account_id) where account_id is not null;
create index contact_email on sluice.contact (lower(email)) where email is not null;
create index contact_phone on sluice.contact (sluice.digits(phone)) where phone is not null;
create index contact_lead on sluice.contact (lead_id) where lead_id is not null;

create table sluice.opportunity (
    id                   uuid not null constraint opportunity_pk primary key,
    version              bigint not null default 1,
    blueprint_version_id uuid not null,
    state                text not null,
    state_entered_at     timestamptz not null,
    name                 text not null constraint opportunity_name_check check (name ~ '\S'),
    account_id           uuid not null constraint opportunity_account_fk references sluice.account (id),
    contact_id           uuid constraint opportunity_contact_fk references sluice.contact (id),
    lead_id              uuid constraint opportunity_lead_fk references sluice.lead (id),
    amount_amount        numeric constraint opportunity_amount_amount_check
                         check (amount_amount >= 0 and amount_amount < 100000000000000 and scale(amount_amount) <= 4),
    amount_currency      char(3) constraint opportunity_amount_currency_check check (amount_currency ~ '^[A-Z]{3}$'),
    product_kind         text,
    delivery_date        date,
    close_date           date,
    probability          integer constraint opportunity_probability_check check (probability between 0 and 100),
    forecast_category    text constraint opportunity_forecast_category_check
                         check (forecast_category in ('pipeline', 'best_case', 'commit', 'omitted')),
    description          text,
    source               text,
    campaign             text,
    external_id          text,
    owner_id             uuid constraint opportunity_owner_fk references sluice.app_user (id),
    lost_reason          text constraint opportunity_lost_reason_fk references sluice.lost_reason (key),
    closed_at            timestamptz,
    created_at           timestamptz not null default sluice.now(),
    updated_at           timestamptz not null default sluice.now(),
    created_by           uuid default sluice.actor_id(),
    deleted_at           timestamptz,
    constraint opportunity_amount_check check (num_nonnulls(amount_amount, amount_currency) in (0, 2))
) with (fillfactor = 85);
create unique index opportunity_external_id_key on sluice.opportunity (external_id)
    where external_id is not null and deleted_at is null;
create index opportunity_created_at on sluice.opportunity (created_at, id) where deleted_at is null;
create index opportunity_owner on sluice.opportunity (owner_id, created_at, id) where deleted_at is null;
create index opportunity_account on sluice.opportunity (account_id);
create index opportunity_contact on sluice.opportunity (contact_id) where contact_id is not null;
create index opportunity_lead on sluice.opportunity (lead_id) where lead_id is not null;
create index opportunity_close_date on sluice.opportunity (close_date, id)
    where close_date is not null and deleted_at is null;

-- What the planner knows of an expression it does not take from a partial index: without these it expects
-- thousands of rows behind an address and walks the whole table in the order of the list.
create statistics sluice.lead_email_stats on (lower(email)) from sluice.lead;
create statistics sluice.contact_email_stats on (lower(email)) from sluice.contact;
create statistics sluice.contact_phone_stats on (sluice.digits(phone)) from sluice.contact;
create statistics sluice.account_tax_id_stats on (sluice.digits(tax_id)) from sluice.account;
create statistics sluice.account_website_stats on (sluice.domain(website)) from sluice.account;
create statistics sluice.account_email_stats on (sluice.domain(email)) from sluice.account;

alter table sluice.lead
    add constraint lead_account_fk foreign key (account_id) references sluice.account (id),
    add constraint lead_contact_fk foreign key (contact_id) references sluice.contact (id),
    add constraint lead_opportunity_fk foreign key (opportunity_id) references sluice.opportunity (id);

create table sluice.activity (
    id             uuid not null constraint activity_pk primary key,
    version        bigint not null default 1,
    kind           text not null constraint activity_kind_check
                   check (kind in ('call', 'meeting', 'email', 'survey', 'demo', 'visit', 'note', 'other')),
    subject        text,
    outcome        text constraint activity_outcome_check check (outcome ~ '^[a-z][a-z0-9_]*$'),
    body           text,
    occurred_at    timestamptz not null default sluice.now(),
    duration_s     integer constraint activity_duration_check check (duration_s >= 0),
    lead_id        uuid constraint activity_lead_fk references sluice.lead (id),
    account_id     uuid constraint activity_account_fk references sluice.account (id),
    contact_id     uuid constraint activity_contact_fk references sluice.contact (id),
    opportunity_id uuid constraint activity_opportunity_fk references sluice.opportunity (id),
    owner_id       uuid constraint activity_owner_fk references sluice.app_user (id),
    transition     text,
    created_at     timestamptz not null default sluice.now(),
    updated_at     timestamptz not null default sluice.now(),
    created_by     uuid default sluice.actor_id(),
    deleted_at     timestamptz,
    constraint activity_link_check check (num_nonnulls(lead_id, account_id, contact_id, opportunity_id) > 0)
) with (fillfactor = 90);
create index activity_created_at on sluice.activity (created_at, id) where deleted_at is null;
create index activity_occurred_at on sluice.activity (occurred_at, id) where deleted_at is null;
create index activity_owner on sluice.activity (owner_id, created_at, id) where deleted_at is null;
create index activity_lead on sluice.activity (lead_id, occurred_at) where lead_id is not null;
create index activity_account on sluice.activity (account_id, occurred_at) where account_id is not null;
create index activity_contact on sluice.activity (contact_id, occurred_at) where contact_id is not null;
create index activity_opportunity on sluice.activity (opportunity_id, occurred_at) where opportunity_id is not null;

create table sluice.task (
    id             uuid not null constraint task_pk primary key,
    version        bigint not null default 1,
    subject        text not null constraint task_subject_check check (subject ~ '\S'),
    body           text,
    due_at         timestamptz,
    priority       text not null default 'normal' constraint task_priority_check
                   check (priority in ('low', 'normal', 'high', 'urgent')),
    status         text not null default 'open' constraint task_status_check
                   check (status in ('open', 'done', 'cancelled')),
    done_at        timestamptz,
    assignee_id    uuid constraint task_assignee_fk references sluice.app_user (id),
    lead_id        uuid constraint task_lead_fk references sluice.lead (id),
    account_id     uuid constraint task_account_fk references sluice.account (id),
    contact_id     uuid constraint task_contact_fk references sluice.contact (id),
    opportunity_id uuid constraint task_opportunity_fk references sluice.opportunity (id),
    transition     text,
    created_at     timestamptz not null default sluice.now(),
    updated_at     timestamptz not null default sluice.now(),
    created_by     uuid default sluice.actor_id(),
    deleted_at     timestamptz
) with (fillfactor = 85);
create index task_created_at on sluice.task (created_at, id) where deleted_at is null;
create index task_assignee on sluice.task (assignee_id, due_at, id) where status = 'open' and deleted_at is null;
create index task_due_at on sluice.task (due_at, id) where status = 'open' and deleted_at is null;
create index task_lead on sluice.task (lead_id, created_at) where lead_id is not null;
create index task_account on sluice.task (account_id, created_at) where account_id is not null;
create index task_contact on sluice.task (contact_id, created_at) where contact_id is not null;
create index task_opportunity on sluice.task (opportunity_id, created_at) where opportunity_id is not null;

-- Ways in. The key in a form's address says which source and campaign a lead gets; the client never does.
create table sluice.intake_form (
    id         uuid not null constraint intake_form_pk primary key,
    version    bigint not null default 1,
    form       text not null constraint intake_form_form_check check (form ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    name       text not null,
    source     text not null,
    campaign   text,
    fields     text[] not null,
    required   text[] not null default '{}',
    owner_id   uuid constraint intake_form_owner_fk references sluice.app_user (id),
    enabled    boolean not null default true,
    key_hash   text not null,
    created_at timestamptz not null default sluice.now(),
    updated_at timestamptz not null default sluice.now(),
    created_by uuid default sluice.actor_id(),
    constraint intake_form_form_key unique (form),
    constraint intake_form_required_check check (required <@ fields)
);

-- What arrived, as it arrived. It is stored before anything is made of it.
create table sluice.intake_submission (
    id           uuid not null constraint intake_submission_pk primary key,
    version      bigint not null default 1,
    form_id      uuid not null constraint intake_submission_form_fk references sluice.intake_form (id),
    received_at  timestamptz not null default sluice.now(),
    outcome      text not null default 'received' constraint intake_submission_outcome_check
                 check (outcome in ('received', 'created', 'held', 'refused')),
    lead_id      uuid constraint intake_submission_lead_fk references sluice.lead (id),
    content_type text,
    raw          text,
    extra        jsonb,
    faults       jsonb,
    address      text,
    user_agent   text,
    referer      text,
    request_id   text,
    created_at   timestamptz not null default sluice.now(),
    updated_at   timestamptz not null default sluice.now(),
    created_by   uuid default sluice.actor_id()
);
create index intake_submission_received_at on sluice.intake_submission (received_at, id);
create index intake_submission_form on sluice.intake_submission (form_id, received_at, id);
create index intake_submission_lead on sluice.intake_submission (lead_id) where lead_id is not null;

-- Every time a lead was heard of. The first touch is the lead's source and never changes.
create table sluice.lead_touch (
    id            uuid not null constraint lead_touch_pk primary key,
    lead_id       uuid not null constraint lead_touch_lead_fk references sluice.lead (id),
    at            timestamptz not null default sluice.now(),
    source        text,
    campaign      text,
    utm           jsonb,
    referer       text,
    submission_id uuid constraint lead_touch_submission_fk references sluice.intake_submission (id),
    created_by    uuid default sluice.actor_id()
);
create index lead_touch_lead on sluice.lead_touch (lead_id, at);

reset role;
