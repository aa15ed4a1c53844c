-- Working time, thresholds of states, and what moves by itself.

set role sluice_owner;

-- When people work. hours: [{"day": 1, "from": "09:00", "to": "17:00"}, ...] of the week (1 is Monday) as the clock
-- on the wall of the calendar's time zone shows it.
create table sluice.calendar (
    id         uuid not null constraint calendar_pk primary key,
    version    bigint not null default 1,
    key        text not null constraint calendar_key_key unique
               constraint calendar_key_check check (key ~ '^[a-z][a-z0-9_]*$'),
    name       text not null constraint calendar_name_check check (name ~ '\S'),
    time_zone  text not null,
    hours      jsonb not null,
    holidays   date[] not null default '{}',
    created_at timestamptz not null default sluice.now(),
    updated_at timestamptz not null default sluice.now(),
    created_by uuid default sluice.actor_id()
);

-- A stay in a pausing state does not count: whoever comes back from it goes on where the clock stood.
alter table sluice.state add pausing boolean not null default false;

-- Thresholds of a state. after: an ISO 8601 duration of days, hours, minutes, seconds; a day is a working day.
create table sluice.sla (
    blueprint_version_id uuid not null,
    state                text not null,
    key                  text not null constraint sla_key_check check (key ~ '^[a-z][a-z0-9_]*$'),
    position             integer not null,
    after                text not null constraint sla_after_check
                         check (after ~ '^P(\d{1,4}D)?(T(\d{1,6}H)?(\d{1,6}M)?(\d{1,9}S)?)?$' and after ~ '\d[DHMS]$'),
    calendar             text constraint sla_calendar_fk references sluice.calendar (key),  -- null: every second counts
    what                 text not null constraint sla_what_check check (what in ('warn', 'escalate', 'task', 'move')),
    params               jsonb not null default '{}' constraint sla_params_check check (jsonb_typeof(params) = 'object'),
    constraint sla_pk primary key (blueprint_version_id, state, key),
    constraint sla_state_fk foreign key (blueprint_version_id, state) references sluice.state
);

-- A transition that happens by itself: some time after the state was entered, at the moment that a field of the
-- record names, or as soon as its guards hold.
alter table sluice.transition
    add auto_after    text constraint transition_auto_after_check
                      check (auto_after ~ '^P(\d{1,4}D)?(T(\d{1,6}H)?(\d{1,6}M)?(\d{1,9}S)?)?$' and auto_after ~ '\d[DHMS]$'),
    add auto_at_field text constraint transition_auto_at_field_check
                      check (auto_at_field in ('nurture_until', 'call_back_at', 'close_date', 'delivery_date')),
    add auto_when     boolean constraint transition_auto_when_check check (auto_when),
    add auto_calendar text constraint transition_auto_calendar_fk references sluice.calendar (key),
    add constraint transition_auto_check check (num_nonnulls(auto_after, auto_at_field, auto_when) <= 1),
    add constraint transition_auto_kind_check
        check (kind = 'manual' or num_nonnulls(auto_after, auto_at_field, auto_when) = 0);
create index transition_auto_when on sluice.transition (blueprint_version_id) where auto_when;

-- What is due because a record stays where it is. A fired threshold is the breach: the row stays when the record
-- moves on.
create table sluice.timer (
    id            bigint not null constraint timer_pk primary key,
    entity        text not null,
    record_id     uuid not null,
    visit_id      bigint not null,
    state         text not null,
    key           text not null,           -- "sla:first_response", "auto:resumed"
    sla           boolean not null,
    what          text not null,
    transition    text,                    -- of a move
    params        jsonb not null default '{}',
    due_at        timestamptz not null,
    live          boolean not null default true,   -- its visit is the present one
    fired_at      timestamptz,
    refused       boolean not null default false,  -- a move that was due before its guards held
    result        jsonb,
    hops          integer not null default 0,      -- as in sluice.recheck, when it was due at once
    path          text[] not null default '{}',
    claimed_until timestamptz,
    constraint timer_visit_key unique (visit_id, key)
);
create index timer_due on sluice.timer (due_at) where fired_at is null and live;
create index timer_record on sluice.timer (record_id, due_at) where live;
create index timer_breached on sluice.timer (entity, due_at) where live and sla;
create index timer_refused on sluice.timer (record_id) where live and refused;

-- Records that changed and may move by themselves now. hops: how many moves in a row nobody made.
create table sluice.recheck (
    id            bigint not null constraint recheck_pk primary key,
    entity        text not null,
    record_id     uuid not null,
    hops          integer not null default 0,
    path          text[] not null default '{}',
    claimed_until timestamptz
);
create index recheck_record on sluice.recheck (record_id);

alter table sluice.audit
    drop constraint audit_action_check,
    add constraint audit_action_check
        check (action in ('create', 'update', 'delete', 'transition', 'denied', 'timer'));

grant select on sluice.calendar, sluice.sla, sluice.timer to sluice_app;
grant insert (id, key, name, time_zone, hours, holidays), update (name, time_zone, hours, holidays), delete
    on sluice.calendar to sluice_app;

insert into sluice.permission (key) values ('admin.calendars');
insert into sluice.role_permission (role, permission) values ('admin', 'admin.calendars');

insert into sluice.calendar (id, key, name, time_zone, hours)
select '01995e00-ca1e-7000-8000-000000000001'::uuid, 'default', 'Working hours', 'Europe/Warsaw',
       jsonb_agg(jsonb_build_object('day', d, 'from', '09:00', 'to', '17:00') order by d)
  from generate_series(1, 5) d
union all
select '01995e00-ca1e-7000-8000-000000000002'::uuid, 'always', 'Every hour', 'UTC',
       jsonb_agg(jsonb_build_object('day', d, 'from', '00:00', 'to', '24:00') order by d)
  from generate_series(1, 7) d;

reset role;
