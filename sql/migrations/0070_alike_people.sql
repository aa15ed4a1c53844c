-- Contacts whose names are alike: what tells that it is the same person is the account or the domain of the address.

set role sluice_owner;

alter table sluice.match_name
    add column account text,
    add column domain  text;

-- The check of rules that is in force before this build's functions knows no such rule.
alter table sluice.duplicate_rule disable trigger user;
insert into sluice.duplicate_rule (id, key, entity, against, kind, keys, weights, threshold, score, mode, position, label)
values ('01995e00-d0b1-7000-8000-000000000009', 'name', 'contact', '{contact}', 'fuzzy', '{}',
        '{"name": 0.7, "account": 0.2, "domain": 0.1}', 0.8, 1, 'flag', 30,
        '{"en": "Similar name at the same company", "pl": "Podobne nazwisko w tej samej firmie", "ru": "Похожее имя в той же компании"}')
    on conflict on constraint duplicate_rule_key_key do nothing;
alter table sluice.duplicate_rule enable trigger user;

-- Names of contacts were not kept: the daemon makes them, and lists nothing for that.
insert into sluice.rekey (record_id, entity, look)
select c.id, 'contact', false from sluice.contact c where c.deleted_at is null
    on conflict on constraint rekey_pk do nothing;

reset role;
