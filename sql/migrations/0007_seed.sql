-- Roles, what each may do, and the coded reasons that the shipped processes ask for.

set role sluice_owner;

insert into sluice.permission (key)
select e || '.' || v
  from unnest(array['lead', 'account', 'contact', 'opportunity', 'activity', 'task']) e,
       unnest(array['read', 'write', 'delete']) v
union all
select unnest(array['lead.convert', 'admin.users', 'admin.keys', 'admin.intake', 'blueprint.read']);

insert into sluice.role (key, label, position) values
    ('admin',       '{"en": "Administrator", "pl": "Administrator", "ru": "Администратор"}', 1),
    ('manager',     '{"en": "Manager", "pl": "Kierownik", "ru": "Руководитель"}', 2),
    ('marketing',   '{"en": "Marketing", "pl": "Marketing", "ru": "Маркетинг"}', 3),
    ('sales',       '{"en": "Sales", "pl": "Sprzedaż", "ru": "Продажи"}', 4),
    ('verifier',    '{"en": "Verification", "pl": "Weryfikacja", "ru": "Проверка"}', 5),
    ('integration', '{"en": "Integration", "pl": "Integracja", "ru": "Интеграция"}', 6),
    ('viewer',      '{"en": "Viewer", "pl": "Podgląd", "ru": "Наблюдатель"}', 7);

-- Everybody reads everything, processes included: marketing, sales and service see each other's work.
insert into sluice.role_permission (role, permission)
select r.key, p.key from sluice.role r, sluice.permission p
 where p.key like '%.read' or r.key = 'admin'
union
select 'manager', p.key from sluice.permission p where p.key not like 'admin.%'
union
select r, p.key from unnest(array['sales', 'integration']) r, sluice.permission p where p.key like '%.write'
union
select r, 'lead.convert' from unnest(array['marketing', 'sales', 'integration']) r
union
select 'marketing', unnest(array['lead.write', 'activity.write', 'task.write'])
union
select 'verifier', unnest(array['account.write', 'activity.write', 'task.write']);

insert into sluice.unqualified_reason (key, label, position) values
    ('need',      '{"en": "No need", "pl": "Brak potrzeby", "ru": "Нет потребности"}', 1),
    ('authority', '{"en": "No authority to decide", "pl": "Brak decyzyjności", "ru": "Не принимает решений"}', 2),
    ('ability',   '{"en": "No ability or budget", "pl": "Brak możliwości lub budżetu", "ru": "Нет возможности или бюджета"}', 3);

insert into sluice.lost_reason (key, label, position) values
    ('price',            '{"en": "Price", "pl": "Cena", "ru": "Цена"}', 1),
    ('competitor',       '{"en": "Went to a competitor", "pl": "Wybrano konkurencję", "ru": "Выбран конкурент"}', 2),
    ('no_decision',      '{"en": "No decision", "pl": "Brak decyzji", "ru": "Решение не принято"}', 3),
    ('timing',           '{"en": "Wrong time", "pl": "Zły moment", "ru": "Не вовремя"}', 4),
    ('account_rejected', '{"en": "Account rejected", "pl": "Konto odrzucone", "ru": "Компания отклонена"}', 5),
    ('other',            '{"en": "Other", "pl": "Inny", "ru": "Другое"}', 6);

insert into sluice.rejection_reason (key, label, position) values
    ('bogus',           '{"en": "Not a real company", "pl": "Firma nie istnieje", "ru": "Компания не существует"}', 1),
    ('duplicate',       '{"en": "Duplicate", "pl": "Duplikat", "ru": "Дубликат"}', 2),
    ('out_of_business', '{"en": "Out of business", "pl": "Działalność zakończona", "ru": "Деятельность прекращена"}', 3),
    ('other',           '{"en": "Other", "pl": "Inny", "ru": "Другое"}', 4);

reset role;
