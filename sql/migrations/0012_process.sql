-- What transitions look at and do beside states and guards.

set role sluice_owner;

-- What the guards of a version look at that most processes do not: facts that are brought only for them. Written
-- when the version is published.
alter table sluice.blueprint_version add column needs text[];

-- Items of checklists that were ticked, by transitions and steps.
create table sluice.checklist_tick (
    id         bigint not null constraint checklist_tick_pk primary key,
    entity     text not null,
    record_id  uuid not null,
    item       text not null,
    at         timestamptz not null,
    ticked_by  uuid,
    transition text not null
);
create index checklist_tick_record on sluice.checklist_tick (record_id, id);

-- Same keys, other records (duplicate_free).
create index lead_phone on sluice.lead (sluice.digits(phone)) where phone is not null;
create index lead_tax_id on sluice.lead (sluice.digits(tax_id)) where tax_id is not null;
create index account_email_exact on sluice.account (lower(email)) where email is not null;
create index account_phone on sluice.account (sluice.digits(phone)) where phone is not null;

grant select on sluice.checklist_tick to sluice_app;

-- A transition may collect references to files that are kept elsewhere.
alter table sluice.input drop constraint input_kind_check;
alter table sluice.input add constraint input_kind_check
    check (kind in ('field', 'note', 'checklist', 'activity', 'task', 'file'));

-- Half-filled forms. Each belongs to who fills it in, holds nothing up, and is forgotten after a while.
create table sluice.transition_draft (
    principal  uuid not null,
    entity     text not null,
    record_id  uuid not null,
    transition text not null,
    body       jsonb not null,
    saved_at   timestamptz not null,
    expires_at timestamptz not null,
    constraint transition_draft_pk primary key (record_id, principal, transition)
);
create index transition_draft_principal on sluice.transition_draft (principal, expires_at);

grant select, insert, update, delete on sluice.transition_draft to sluice_app;

-- Who acts for somebody who is away, and when.
create table sluice.deputy (
    id         uuid not null constraint deputy_pk primary key,
    version    bigint not null default 1,
    user_id    uuid not null constraint deputy_user_fk references sluice.app_user (id),
    deputy_id  uuid not null constraint deputy_deputy_fk references sluice.app_user (id),
    starts_at  timestamptz not null default sluice.now(),
    ends_at    timestamptz not null,
    created_at timestamptz not null default sluice.now(),
    updated_at timestamptz not null default sluice.now(),
    created_by uuid default sluice.actor_id(),
    deleted_at timestamptz,
    constraint deputy_other_check check (deputy_id <> user_id),
    constraint deputy_time_check check (ends_at > starts_at)
);
create index deputy_deputy on sluice.deputy (deputy_id, ends_at) where deleted_at is null;
create index deputy_user on sluice.deputy (user_id, ends_at) where deleted_at is null;

grant select, insert (id, user_id, deputy_id, starts_at, ends_at), update (deleted_at) on sluice.deputy to sluice_app;

-- What a transition does beside moving: in its transaction, or as an event for others.
create table sluice.action (
    transition_id uuid not null constraint action_transition_fk references sluice.transition (id),
    key           text not null constraint action_key_check check (key ~ '^[a-z][a-z0-9_]*$'),
    position      integer not null,
    phase         text not null constraint action_phase_check check (phase in ('in_tx', 'outbox')),
    kind          text not null constraint action_kind_check
                  check (kind in ('set_field', 'assign', 'tag', 'create_task', 'close_tasks', 'event')),
    params        jsonb not null default '{}' constraint action_params_check check (jsonb_typeof(params) = 'object'),
    constraint action_pk primary key (transition_id, key),
    constraint action_phase_kind_check check ((phase = 'outbox') = (kind = 'event'))
);
grant select on sluice.action to sluice_app;

alter table sluice.outbox add column payload jsonb;

alter table sluice.lead add column tags text[];
alter table sluice.account add column tags text[];
alter table sluice.opportunity add column tags text[];
create index lead_tags on sluice.lead using gin (tags) where tags is not null;
create index account_tags on sluice.account using gin (tags) where tags is not null;
create index opportunity_tags on sluice.opportunity using gin (tags) where tags is not null;
grant insert (tags), update (tags) on sluice.lead, sluice.account, sluice.opportunity to sluice_app;

-- Which records a version governs: guards, as in its document, that are evaluated when a record is born. judged:
-- whether a birth needs a decision, because of them or of guards and actors of the initial transition.
alter table sluice.blueprint_version
    add column criteria jsonb not null default '[]'
        constraint blueprint_version_criteria_check check (jsonb_typeof(criteria) = 'array'),
    add column judged boolean;

-- A record that no process governs is free: it has no state.
alter table sluice.lead        alter column blueprint_version_id drop not null, alter column state drop not null,
                               alter column state_entered_at drop not null;
alter table sluice.account     alter column blueprint_version_id drop not null, alter column state drop not null,
                               alter column state_entered_at drop not null;
alter table sluice.opportunity alter column blueprint_version_id drop not null, alter column state drop not null,
                               alter column state_entered_at drop not null;

reset role;
