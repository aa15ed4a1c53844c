-- Scores of leads: rules as rows, what each adds to a lead, and how scores changed.
--
-- lead.score (0017) is what guards see. Everything else stands beside the lead: an index on the hot row would cost
-- every transition.

set role sluice_owner;

insert into sluice.permission (key) values ('admin.scoring');
insert into sluice.role_permission (role, permission) values ('admin', 'admin.scoring'), ('manager', 'admin.scoring');

-- record: the points count while the conditions hold. activity: they count for each activity of the kind (and of one of
-- the outcomes, if any are named), less as it ages, while the conditions hold.
create table sluice.score_rule (
    id             uuid not null constraint score_rule_pk primary key,
    version        bigint not null default 1,
    key            text not null constraint score_rule_key_key unique
                   constraint score_rule_key_check check (key ~ '^[a-z][a-z0-9_]{0,62}$'),
    label          jsonb not null constraint score_rule_label_check check (jsonb_typeof(label) = 'object'),
    kind           text not null constraint score_rule_kind_check check (kind in ('record', 'activity')),
    conditions     jsonb not null default '[]' constraint score_rule_conditions_check
                   check (jsonb_typeof(conditions) = 'array' and (kind = 'activity' or conditions <> '[]')),
    activity       text constraint score_rule_activity_check check ((kind = 'activity') = (activity is not null)),
    outcomes       text[] not null default '{}'
                   constraint score_rule_outcomes_check check (kind = 'activity' or outcomes = '{}'),
    points         integer not null constraint score_rule_points_check check (points between -1000 and 1000 and points <> 0),
    cap            integer constraint score_rule_cap_check check (cap is null or cap > 0 and kind = 'activity'),
    half_life_days integer constraint score_rule_half_life_days_check check (half_life_days is null or half_life_days > 0 and kind = 'activity'),
    expires_days   integer constraint score_rule_expires_days_check check (expires_days is null or expires_days > 0 and kind = 'activity'),
    position       integer not null default 100,
    enabled        boolean not null default true,
    created_at     timestamptz not null default sluice.now(),
    updated_at     timestamptz not null default sluice.now(),
    created_by     uuid default sluice.actor_id()
);

-- A beginning. None counts until somebody enables it: what a lead is worth is the house's own matter.
insert into sluice.score_rule (id, key, kind, conditions, activity, outcomes, points, cap, half_life_days, expires_days,
                               position, enabled, label)
values
    ('01995e00-5c0e-7000-8000-000000000001', 'budget_confirmed', 'record',
     '[{"key": "budget", "kind": "field_compare", "params": {"field": "budget_confirmed", "op": "eq", "value": true}}]',
     null, '{}', 20, null, null, null, 10, false,
     '{"en": "Budget confirmed", "pl": "Budżet potwierdzony", "ru": "Бюджет подтверждён"}'),
    ('01995e00-5c0e-7000-8000-000000000002', 'need_described', 'record',
     '[{"key": "need", "kind": "field_present", "params": {"field": "need"}}]',
     null, '{}', 10, null, null, null, 20, false,
     '{"en": "Need described", "pl": "Opisana potrzeba", "ru": "Потребность описана"}'),
    ('01995e00-5c0e-7000-8000-000000000003', 'reachable', 'record',
     '[{"key": "reachable", "op": "all", "guards": [{"key": "email", "kind": "field_present", "params": {"field": "email"}},
       {"key": "phone", "kind": "field_present", "params": {"field": "phone"}}]}]',
     null, '{}', 5, null, null, null, 30, false,
     '{"en": "E-mail and phone known", "pl": "Znany e-mail i telefon", "ru": "Известны e-mail и телефон"}'),
    ('01995e00-5c0e-7000-8000-000000000004', 'mail_opened', 'activity', '[]', 'email', '{opened}', 2, 10, 30, 180, 40, false,
     '{"en": "E-mail opened", "pl": "Otwarto e-mail", "ru": "Письмо открыто"}'),
    ('01995e00-5c0e-7000-8000-000000000005', 'meeting_held', 'activity', '[]', 'meeting', '{held}', 15, 30, 60, 365, 50, false,
     '{"en": "Meeting held", "pl": "Odbyło się spotkanie", "ru": "Встреча состоялась"}'),
    ('01995e00-5c0e-7000-8000-000000000006', 'no_answer', 'activity', '[]', 'call', '{no_answer}', -5, 15, 30, 90, 60, false,
     '{"en": "Nobody answered", "pl": "Nikt nie odebrał", "ru": "Никто не ответил"}');

-- From which score on a lead is sales' business; null: no score makes it that.
create table sluice.score_setting (
    id         boolean not null default true constraint score_setting_pk primary key
               constraint score_setting_one_check check (id),
    version    bigint not null default 1,
    hot        integer constraint score_setting_hot_check check (hot > 0),
    updated_at timestamptz not null default sluice.now()
);
insert into sluice.score_setting default values;

-- What a lead's score is made of. due_at: when time alone may change it. hot_at: when it first was hot.
create table sluice.lead_score (
    lead_id     uuid not null constraint lead_score_pk primary key,
    score       integer not null default 0,
    parts       jsonb not null default '[]',
    computed_at timestamptz not null default sluice.now(),
    due_at      timestamptz,
    hot_at      timestamptz
) with (fillfactor = 85);
create index lead_score_score on sluice.lead_score (score, lead_id);
create index lead_score_due_at on sluice.lead_score (due_at) where due_at is not null;

-- How scores changed: one row for each other number, not for each computation.
create table sluice.lead_score_change (
    id        uuid not null default gen_random_uuid() constraint lead_score_change_pk primary key,
    lead_id   uuid not null,
    at        timestamptz not null default sluice.now(),
    old_score integer not null,
    new_score integer not null,
    cause     text not null constraint lead_score_change_cause_check check (cause in ('change', 'time', 'rules'))
);
create index lead_score_change_lead on sluice.lead_score_change (lead_id, at, id);

-- Leads whose score is to be computed; the daemon works them off. n tells writes apart.
create table sluice.rescore (
    lead_id   uuid not null constraint rescore_pk primary key,
    n         bigint not null default 1,
    cause     text not null,
    queued_at timestamptz not null default sluice.now()
);
create index rescore_queued_at on sluice.rescore (queued_at, lead_id);

grant select on sluice.score_rule, sluice.score_setting, sluice.lead_score, sluice.lead_score_change, sluice.rescore to sluice_app;
grant insert (id, key, label, kind, conditions, activity, outcomes, points, cap, half_life_days, expires_days, position, enabled),
      update (label, conditions, activity, outcomes, points, cap, half_life_days, expires_days, position, enabled), delete
    on sluice.score_rule to sluice_app;
grant update (hot) on sluice.score_setting to sluice_app;

reset role;
