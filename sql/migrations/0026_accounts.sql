-- What belongs to an account besides its own fields: people in their roles, equipment, invoices, complaints.

set role sluice_owner;

-- Roles that are offered; others may be used.
create table sluice.contact_role (
    key      text not null constraint contact_role_pk primary key,
    label    jsonb not null,
    position integer not null,
    active   boolean not null default true
);
insert into sluice.contact_role (key, label, position) values
    ('decision_maker', '{"en": "Decision maker", "pl": "Osoba decyzyjna", "ru": "Принимает решения"}', 10),
    ('champion', '{"en": "Champion", "pl": "Orędownik", "ru": "Сторонник"}', 20),
    ('user', '{"en": "User", "pl": "Użytkownik", "ru": "Пользователь"}', 30),
    ('technical', '{"en": "Technical", "pl": "Osoba techniczna", "ru": "Технический специалист"}', 40),
    ('billing', '{"en": "Billing", "pl": "Rozliczenia", "ru": "Расчёты"}', 50),
    ('gatekeeper', '{"en": "Gatekeeper", "pl": "Sekretariat", "ru": "Секретариат"}', 60);

-- What a person is to an account, at home there (contact.account_id) or not. primary_at: whoever was named first
-- contact last is it, so that a merge cannot leave an account with two, nor its undoing with none.
create table sluice.account_contact (
    id         uuid not null constraint account_contact_pk primary key,
    version    bigint not null default 1,
    account_id uuid not null constraint account_contact_account_fk references sluice.account (id),
    contact_id uuid not null constraint account_contact_contact_fk references sluice.contact (id),
    role       text not null constraint account_contact_role_check check (role ~ '^[a-z][a-z0-9_]*$'),
    primary_at timestamptz,
    since      date,
    until      date,
    note       text,
    created_at timestamptz not null default sluice.now(),
    updated_at timestamptz not null default sluice.now(),
    created_by uuid default sluice.actor_id(),
    deleted_at timestamptz,
    constraint account_contact_until_check check (until >= since)
);
create index account_contact_account on sluice.account_contact (account_id, created_at, id);
create index account_contact_contact on sluice.account_contact (contact_id, created_at, id);
create index account_contact_created_at on sluice.account_contact (created_at, id) where deleted_at is null;

create table sluice.equipment (
    id             uuid not null constraint equipment_pk primary key,
    version        bigint not null default 1,
    account_id     uuid not null constraint equipment_account_fk references sluice.account (id),
    kind           text not null constraint equipment_kind_check check (kind ~ '\S'),
    product        text,
    vendor         text,
    competitor     boolean not null default false,
    year_installed integer constraint equipment_year_installed_check check (year_installed between 1900 and 2200),
    quantity       integer not null default 1 constraint equipment_quantity_check check (quantity > 0),
    serial         text,
    note           text,
    external_id    text,
    removed_at     timestamptz,
    created_at     timestamptz not null default sluice.now(),
    updated_at     timestamptz not null default sluice.now(),
    created_by     uuid default sluice.actor_id(),
    deleted_at     timestamptz
);
create index equipment_account on sluice.equipment (account_id, created_at, id);
create index equipment_created_at on sluice.equipment (created_at, id) where deleted_at is null;
create index equipment_vendor on sluice.equipment (lower(vendor), created_at, id)
    where vendor is not null and deleted_at is null;
create unique index equipment_external_id_key on sluice.equipment (external_id)
    where external_id is not null and deleted_at is null;

create table sluice.invoice (
    id              uuid not null constraint invoice_pk primary key,
    version         bigint not null default 1,
    account_id      uuid not null constraint invoice_account_fk references sluice.account (id),
    number          text not null constraint invoice_number_check check (number ~ '\S'),
    due_on          date not null,
    paid_at         timestamptz,
    amount_amount   numeric constraint invoice_amount_amount_check
                    check (amount_amount >= 0 and amount_amount < 100000000000000 and scale(amount_amount) <= 4),
    amount_currency char(3) constraint invoice_amount_currency_check check (amount_currency ~ '^[A-Z]{3}$'),
    note            text,
    external_id     text,
    created_at      timestamptz not null default sluice.now(),
    updated_at      timestamptz not null default sluice.now(),
    created_by      uuid default sluice.actor_id(),
    deleted_at      timestamptz,
    constraint invoice_amount_check check (num_nonnulls(amount_amount, amount_currency) in (0, 2))
);
create index invoice_account on sluice.invoice (account_id, due_on, id);
create index invoice_created_at on sluice.invoice (created_at, id) where deleted_at is null;
create index invoice_unpaid on sluice.invoice (due_on, account_id) where paid_at is null and deleted_at is null;
create unique index invoice_external_id_key on sluice.invoice (external_id)
    where external_id is not null and deleted_at is null;

create table sluice.complaint (
    id          uuid not null constraint complaint_pk primary key,
    version     bigint not null default 1,
    account_id  uuid not null constraint complaint_account_fk references sluice.account (id),
    subject     text not null constraint complaint_subject_check check (subject ~ '\S'),
    severity    text not null default 'normal' constraint complaint_severity_check
                check (severity in ('low', 'normal', 'high', 'critical')),
    opened_at   timestamptz not null default sluice.now(),
    closed_at   timestamptz,
    note        text,
    external_id text,
    created_at  timestamptz not null default sluice.now(),
    updated_at  timestamptz not null default sluice.now(),
    created_by  uuid default sluice.actor_id(),
    deleted_at  timestamptz,
    constraint complaint_closed_check check (closed_at >= opened_at)
);
create index complaint_account on sluice.complaint (account_id, opened_at, id);
create index complaint_created_at on sluice.complaint (created_at, id) where deleted_at is null;
create index complaint_open on sluice.complaint (severity, account_id) where closed_at is null and deleted_at is null;
create unique index complaint_external_id_key on sluice.complaint (external_id)
    where external_id is not null and deleted_at is null;

grant select on sluice.contact_role, sluice.account_contact, sluice.equipment, sluice.invoice, sluice.complaint
    to sluice_app;
grant insert (id, account_id, contact_id, role, primary_at, since, until, note),
      update (role, primary_at, since, until, note, deleted_at) on sluice.account_contact to sluice_app;
grant insert (id, account_id, kind, product, vendor, competitor, year_installed, quantity, serial, note, external_id,
              removed_at),
      update (kind, product, vendor, competitor, year_installed, quantity, serial, note, external_id, removed_at,
              deleted_at) on sluice.equipment to sluice_app;
grant insert (id, account_id, number, due_on, paid_at, amount_amount, amount_currency, note, external_id),
      update (number, due_on, paid_at, amount_amount, amount_currency, note, external_id, deleted_at)
    on sluice.invoice to sluice_app;
grant insert (id, account_id, subject, severity, opened_at, closed_at, note, external_id),
      update (subject, severity, opened_at, closed_at, note, external_id, deleted_at)
    on sluice.complaint to sluice_app;

insert into sluice.permission (key)
select e || p from unnest(array['equipment', 'invoice', 'complaint']) e, unnest(array['.read', '.write', '.delete']) p;
insert into sluice.role_permission (role, permission)
select r, e || '.read'
  from unnest(array['admin', 'manager', 'marketing', 'sales', 'verifier', 'integration', 'viewer']) r,
       unnest(array['equipment', 'invoice', 'complaint']) e
union all
select r, p from unnest(array['admin', 'manager', 'sales', 'integration']) r,
                 unnest(array['equipment.write', 'complaint.write']) p
union all
select r, 'invoice.write' from unnest(array['admin', 'manager', 'integration']) r
union all
select r, p from unnest(array['admin', 'manager']) r,
                 unnest(array['equipment.delete', 'invoice.delete', 'complaint.delete']) p;

reset role;
