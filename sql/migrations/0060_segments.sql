-- Segments: rules that sort accounts.

set role sluice_owner;

-- Which accounts are of a kind, worked out whenever somebody asks.
create table sluice.segment (
    id         uuid not null constraint segment_pk primary key,
    version    bigint not null default 1,
    key        text not null constraint segment_key_check check (key ~ '^[a-z][a-z0-9_]*$'),
    label      jsonb not null,
    rule       jsonb not null,
    created_at timestamptz not null default sluice.now(),
    updated_at timestamptz not null default sluice.now(),
    created_by uuid default sluice.actor_id(),
    deleted_at timestamptz
);
create unique index segment_key_key on sluice.segment (key) where deleted_at is null;

-- The newest won deals of accounts, for rules: only what is closed is in it.
create index opportunity_closed_at on sluice.opportunity (account_id, closed_at)
    where closed_at is not null and deleted_at is null;

grant select on sluice.segment to sluice_app;
grant insert (id, key, label, rule), update (label, rule, deleted_at) on sluice.segment to sluice_app;

insert into sluice.permission (key) values ('segment.write');
insert into sluice.role_permission (role, permission) values ('admin', 'segment.write'), ('manager', 'segment.write');

-- Shipped segments; change or delete them freely.
insert into sluice.segment (id, key, label, rule) values
    ('01995e00-5e90-7000-8000-000000000001', 'regular',
     '{"en": "Regular customer", "pl": "Stały klient", "ru": "Постоянный клиент"}',
     '{"kind": "won", "months": 12, "min": 3}'),
    ('01995e00-5e90-7000-8000-000000000002', 'lost',
     '{"en": "Lost customer", "pl": "Utracony klient", "ru": "Потерянный клиент"}',
     '{"kind": "last_won_before", "months": 12}'),
    ('01995e00-5e90-7000-8000-000000000003', 'at_risk',
     '{"en": "At risk", "pl": "Zagrożony", "ru": "Под угрозой"}',
     '{"any": [{"kind": "invoice_overdue", "days": 0}, {"kind": "complaint_open", "severity": ["critical"]}]}');

reset role;
