-- How leads and opportunities end, rest and come back; and what notices those that nobody looks after.

set role sluice_owner;

-- Why a lead will never become anything. Reasons not to buy now are others: none of those is for ever.
create table sluice.dead_reason (
    key      text not null constraint dead_reason_pk primary key,
    label    jsonb not null,
    position integer not null,
    active   boolean not null default true
);
insert into sluice.dead_reason (key, label, position) values
    ('unreachable',    '{"en": "Cannot be reached", "pl": "Brak kontaktu", "ru": "Не удаётся связаться"}', 1),
    ('wrong_contact',  '{"en": "Wrong number or address", "pl": "Błędny numer lub adres", "ru": "Неверный номер или адрес"}', 2),
    ('no_such_company', '{"en": "The company is gone", "pl": "Firma nie istnieje", "ru": "Компании больше нет"}', 3),
    ('do_not_contact', '{"en": "Wants no contact", "pl": "Nie życzy sobie kontaktu", "ru": "Просит не беспокоить"}', 4),
    ('not_a_customer', '{"en": "Not a customer at all", "pl": "To nie klient", "ru": "Вовсе не клиент"}', 5);
grant select on sluice.dead_reason to sluice_app;

alter table sluice.lead
    add dead_reason text constraint lead_dead_reason_fk references sluice.dead_reason (key);
alter table sluice.opportunity add postponed_until date;

alter table sluice.transition
    drop constraint transition_auto_at_field_check,
    add constraint transition_auto_at_field_check
        check (auto_at_field in ('nurture_until', 'call_back_at', 'close_date', 'delivery_date', 'postponed_until'));

-- Stays in which a record had no owner or no next step for too long: once each. why: what was missing then.
create table sluice.forgotten (
    record_id uuid not null,
    visit_id  bigint not null,
    entity    text not null,
    at        timestamptz not null,
    why       text[] not null,
    task_id   uuid constraint forgotten_task_fk references sluice.task (id),
    constraint forgotten_pk primary key (record_id, visit_id),
    constraint forgotten_visit_fk foreign key (record_id, visit_id) references sluice.visit
);
grant select on sluice.forgotten to sluice_app;

-- Where the look at all stays is, for whichever daemon goes on with it.
create table sluice.forgotten_sweep (
    id      boolean not null default true constraint forgotten_sweep_pk primary key
            constraint forgotten_sweep_id_check check (id),
    after   uuid not null default '00000000-0000-0000-0000-000000000000',
    rest_to timestamptz not null default '-infinity'
);
insert into sluice.forgotten_sweep default values;

reset role;
