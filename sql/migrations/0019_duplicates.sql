-- Duplicates: rules as rows, keys to find them by in tables of their own, and the pairs that were found.
--
-- The keys are computed by the daemon (lib/quality) and come with the write; see sql/functions/match.sql. They stand
-- beside the records, not on them: an index that every transition had to maintain would cost a third of its speed.

set role sluice_owner;

insert into sluice.permission (key)
select unnest(array['duplicate.read', 'duplicate.acknowledge', 'duplicate.dismiss', 'admin.duplicates']);

insert into sluice.role_permission (role, permission)
select 'admin', unnest(array['duplicate.read', 'duplicate.acknowledge', 'duplicate.dismiss', 'admin.duplicates'])
union all
select 'manager', unnest(array['duplicate.read', 'duplicate.acknowledge', 'duplicate.dismiss'])
union all
select 'verifier', unnest(array['duplicate.read', 'duplicate.acknowledge', 'duplicate.dismiss'])
union all
select r, unnest(array['duplicate.read', 'duplicate.acknowledge']) from unnest(array['marketing', 'sales', 'integration']) r;

-- What counts as a duplicate. exact: all keys agree; fuzzy: names are alike and addresses agree. Several rules of an
-- entity are alternatives. mode: refuse; acknowledge: refuse unless whoever writes gives a reason; flag: accept, and
-- put the pair on the list.
create table sluice.duplicate_rule (
    id         uuid not null constraint duplicate_rule_pk primary key,
    version    bigint not null default 1,
    key        text not null constraint duplicate_rule_key_check check (key ~ '^[a-z][a-z0-9_]{0,62}$'),
    entity     text not null constraint duplicate_rule_entity_check check (entity in ('lead', 'account', 'contact')),
    against    text[] not null constraint duplicate_rule_against_check
               check (cardinality(against) > 0 and against <@ '{lead,account,contact}'),
    kind       text not null constraint duplicate_rule_kind_check check (kind in ('exact', 'fuzzy')),
    keys       text[] not null default '{}',
    weights    jsonb,
    threshold  numeric,
    score      numeric not null default 1 constraint duplicate_rule_score_check check (score > 0 and score <= 1),
    mode       text not null constraint duplicate_rule_mode_check check (mode in ('refuse', 'acknowledge', 'flag')),
    label      jsonb not null constraint duplicate_rule_label_check check (jsonb_typeof(label) = 'object'),
    position   integer not null default 100,
    enabled    boolean not null default true,
    created_at timestamptz not null default sluice.now(),
    updated_at timestamptz not null default sluice.now(),
    created_by uuid default sluice.actor_id(),
    constraint duplicate_rule_key_key unique (entity, key)
);

insert into sluice.duplicate_rule (id, key, entity, against, kind, keys, weights, threshold, score, mode, position, label)
values
    ('01995e00-d0b1-7000-8000-000000000001', 'tax_id', 'account', '{account}', 'exact', '{tax_id}', null, null, 1, 'refuse', 10,
     '{"en": "Same tax number", "pl": "Ten sam numer podatkowy", "ru": "Тот же налоговый номер"}'),
    ('01995e00-d0b1-7000-8000-000000000002', 'name', 'account', '{account}', 'fuzzy', '{}',
     '{"name": 0.7, "city": 0.2, "postcode": 0.05, "street": 0.05}', 0.8, 1, 'acknowledge', 20,
     '{"en": "Similar name in the same place", "pl": "Podobna nazwa w tym samym miejscu", "ru": "Похожее название в том же месте"}'),
    ('01995e00-d0b1-7000-8000-000000000003', 'domain', 'account', '{account}', 'exact', '{domain}', null, null, 0.8, 'flag', 30,
     '{"en": "Same web domain", "pl": "Ta sama domena", "ru": "Тот же домен"}'),
    ('01995e00-d0b1-7000-8000-000000000004', 'email', 'contact', '{contact}', 'exact', '{email}', null, null, 1, 'flag', 10,
     '{"en": "Same e-mail address", "pl": "Ten sam adres e-mail", "ru": "Тот же адрес e-mail"}'),
    ('01995e00-d0b1-7000-8000-000000000005', 'phone', 'contact', '{contact}', 'exact', '{phone}', null, null, 1, 'flag', 20,
     '{"en": "Same phone number", "pl": "Ten sam numer telefonu", "ru": "Тот же номер телефона"}'),
    ('01995e00-d0b1-7000-8000-000000000006', 'email', 'lead', '{lead,contact,account}', 'exact', '{email}', null, null, 1, 'flag', 10,
     '{"en": "Same e-mail address", "pl": "Ten sam adres e-mail", "ru": "Тот же адрес e-mail"}'),
    ('01995e00-d0b1-7000-8000-000000000007', 'phone', 'lead', '{lead,contact,account}', 'exact', '{phone}', null, null, 1, 'flag', 20,
     '{"en": "Same phone number", "pl": "Ten sam numer telefonu", "ru": "Тот же номер телефона"}'),
    ('01995e00-d0b1-7000-8000-000000000008', 'tax_id', 'lead', '{lead,account}', 'exact', '{tax_id}', null, null, 1, 'flag', 30,
     '{"en": "Same tax number", "pl": "Ten sam numer podatkowy", "ru": "Тот же налоговый номер"}');

-- Exact keys of living records. The primary key finds records by a key; the other index a record's keys.
create table sluice.match_key (
    kind      text not null,
    key       text not null,
    entity    text not null,
    record_id uuid not null,
    constraint match_key_pk primary key (kind, key, entity, record_id)
);
create index match_key_record on sluice.match_key (record_id);

-- Names of living records, to be compared. bands: hashes that similar names share some of. fastupdate is off: a list
-- of pending entries would be looked through by every check, and be emptied by an unlucky one.
create table sluice.match_name (
    record_id uuid not null constraint match_name_pk primary key,
    entity    text not null,
    name      text not null,
    city      text,
    postcode  text,
    street    text,
    bands     integer[] not null
);
create index match_name_name on sluice.match_name (name);
create index match_name_bands on sluice.match_name using gin (bands) with (fastupdate = off);

-- Records whose keys did not come with the write; the daemon works them off. n tells writes apart.
create table sluice.rekey (
    record_id uuid not null constraint rekey_pk primary key,
    entity    text not null,
    n         bigint not null default 1,
    look      boolean not null default true,  -- for duplicates, not only keep the keys
    queued_at timestamptz not null default sluice.now()
);
create index rekey_queued_at on sluice.rekey (queued_at, record_id);

insert into sluice.rekey (record_id, entity)
select l.id, 'lead' from sluice.lead l where l.deleted_at is null
union all
select a.id, 'account' from sluice.account a where a.deleted_at is null
union all
select c.id, 'contact' from sluice.contact c where c.deleted_at is null;

-- Two records that a rule takes for the same. record_id is the one that was written last. acknowledged: whoever wrote
-- it knew, and said why.
create table sluice.duplicate_pair (
    id              uuid not null constraint duplicate_pair_pk primary key,
    version         bigint not null default 1,
    entity          text not null,
    record_id       uuid not null,
    other_entity    text not null,
    other_id        uuid not null,
    rule            text not null,
    score           numeric not null,
    fields          text[] not null,
    status          text not null default 'open' constraint duplicate_pair_status_check
                    check (status in ('open', 'dismissed', 'merged', 'gone')),
    acknowledged_by uuid,
    acknowledged_at timestamptz,
    reason          text,
    decided_by      uuid,
    decided_at      timestamptz,
    note            text,
    created_at      timestamptz not null default sluice.now(),
    updated_at      timestamptz not null default sluice.now(),
    created_by      uuid default sluice.actor_id(),
    constraint duplicate_pair_other_check check (record_id <> other_id)
);
create unique index duplicate_pair_key on sluice.duplicate_pair (least(record_id, other_id), greatest(record_id, other_id));
create index duplicate_pair_record on sluice.duplicate_pair (record_id);
create index duplicate_pair_other on sluice.duplicate_pair (other_id);
create index duplicate_pair_created_at on sluice.duplicate_pair (created_at, id);
create index duplicate_pair_open on sluice.duplicate_pair (created_at, id) where status = 'open';

-- What these found, the keys find now.
drop index sluice.account_name, sluice.account_tax_id, sluice.account_website, sluice.account_email, sluice.account_phone,
    sluice.contact_phone, sluice.lead_phone, sluice.lead_tax_id;
drop statistics sluice.contact_phone_stats, sluice.account_tax_id_stats, sluice.account_website_stats,
    sluice.account_email_stats;

grant select on sluice.duplicate_rule, sluice.match_key, sluice.match_name, sluice.rekey, sluice.duplicate_pair to sluice_app;
grant insert (id, key, entity, against, kind, keys, weights, threshold, score, mode, label, position, enabled),
      update (against, kind, keys, weights, threshold, score, mode, label, position, enabled), delete
    on sluice.duplicate_rule to sluice_app;

reset role;
