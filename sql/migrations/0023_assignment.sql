-- Assignment of leads: rules as rows, whose turn it is, what was decided and why, and the queues of teams.
--
-- Nothing stands on the lead but its owner: an index on the hot row would cost every transition.

set role sluice_owner;

insert into sluice.permission (key) values ('admin.assignment');
insert into sluice.role_permission (role, permission) values ('admin', 'admin.assignment'), ('manager', 'admin.assignment');

-- Whom: @users, or the members of the team when none is named. Where nobody can take a lead, the team's queue does.
create table sluice.assignment_rule (
    id         uuid not null constraint assignment_rule_pk primary key,
    version    bigint not null default 1,
    key        text not null constraint assignment_rule_key_key unique
               constraint assignment_rule_key_check check (key ~ '^[a-z][a-z0-9_]{0,62}$'),
    label      jsonb not null constraint assignment_rule_label_check check (jsonb_typeof(label) = 'object'),
    moments    text[] not null default '{birth}'
               constraint assignment_rule_moments_check check (moments <> '{}' and moments <@ '{birth,hot}'),
    conditions jsonb not null default '[]'
               constraint assignment_rule_conditions_check check (jsonb_typeof(conditions) = 'array'),
    strategy   text not null constraint assignment_rule_strategy_check
               check (strategy in ('fixed', 'round_robin', 'least_busy', 'queue')),
    users      uuid[] not null default '{}',
    team_id    uuid constraint assignment_rule_team_fk references sluice.team (id),
    capacity   integer constraint assignment_rule_capacity_check check (capacity > 0), -- of each, a day; null: no end
    calendar   text constraint assignment_rule_calendar_fk references sluice.calendar (key), -- null: always
    position   integer not null default 100,
    enabled    boolean not null default true,
    created_at timestamptz not null default sluice.now(),
    updated_at timestamptz not null default sluice.now(),
    created_by uuid default sluice.actor_id(),
    constraint assignment_rule_whom_check check (team_id is not null or strategy <> 'queue' and users <> '{}')
);

-- What each has got by a rule: turn orders them, today counts the day's.
create table sluice.assignment_share (
    rule_id uuid not null,
    user_id uuid not null,
    turn    bigint not null,
    day     date not null,
    today   integer not null,
    constraint assignment_share_pk primary key (rule_id, user_id)
);

-- What was decided, for ever: the rule stays named when it is gone.
create table sluice.lead_assignment (
    id       uuid not null default gen_random_uuid() constraint lead_assignment_pk primary key,
    lead_id  uuid not null,
    at       timestamptz not null default sluice.now(),
    moment   text not null constraint lead_assignment_moment_check check (moment in ('birth', 'hot', 'demand', 'take')),
    rule     text,
    strategy text,
    user_id  uuid,
    team_id  uuid,
    why      jsonb not null
);
create index lead_assignment_lead on sluice.lead_assignment (lead_id, at, id);

-- Leads that wait in a team's queue for somebody to take them.
create table sluice.lead_queue (
    lead_id uuid not null constraint lead_queue_pk primary key,
    team_id uuid not null,
    since   timestamptz not null default sluice.now()
);
create index lead_queue_team on sluice.lead_queue (team_id, since, lead_id);

-- Leads that are to be assigned; the daemon works them off. n tells writes apart.
create table sluice.unassigned (
    lead_id   uuid not null constraint unassigned_pk primary key,
    n         bigint not null default 1,
    moment    text not null,
    queued_at timestamptz not null default sluice.now()
);
create index unassigned_queued_at on sluice.unassigned (queued_at, lead_id);

grant select on sluice.assignment_rule, sluice.assignment_share, sluice.lead_assignment, sluice.lead_queue,
                sluice.unassigned to sluice_app;
grant insert (id, key, label, moments, conditions, strategy, users, team_id, capacity, calendar, position, enabled),
      update (label, moments, conditions, strategy, users, team_id, capacity, calendar, position, enabled), delete
    on sluice.assignment_rule to sluice_app;

reset role;
