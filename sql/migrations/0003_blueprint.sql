-- Processes as rows. A published version never changes: records point at the version they live under.

set role sluice_owner;

create table sluice.blueprint (
    id         uuid not null constraint blueprint_pk primary key,
    version    bigint not null default 1,
    entity     text not null constraint blueprint_entity_check check (entity in ('lead', 'account', 'opportunity')),
    key        text not null constraint blueprint_key_check check (key ~ '^[a-z][a-z0-9_]*$'),
    label      jsonb not null,
    priority   integer not null default 0,   -- of several for an entity the highest with a published version rules
    created_at timestamptz not null default sluice.now(),
    updated_at timestamptz not null default sluice.now(),
    created_by uuid default sluice.actor_id(),
    constraint blueprint_entity_key unique (entity, key)
);

create table sluice.blueprint_version (
    id           uuid not null constraint blueprint_version_pk primary key,
    version      bigint not null default 1,
    blueprint_id uuid not null constraint blueprint_version_blueprint_fk references sluice.blueprint (id),
    number       integer not null constraint blueprint_version_number_check check (number > 0),
    status       text not null default 'draft'
                 constraint blueprint_version_status_check check (status in ('draft', 'published', 'retired')),
    note         text,
    published_at timestamptz,
    published_by uuid,
    retired_at   timestamptz,
    created_at   timestamptz not null default sluice.now(),
    updated_at   timestamptz not null default sluice.now(),
    created_by   uuid default sluice.actor_id(),
    constraint blueprint_version_number_key unique (blueprint_id, number)
);
create unique index blueprint_version_published_key on sluice.blueprint_version (blueprint_id) where status = 'published';

create table sluice.state (
    blueprint_version_id uuid not null constraint state_version_fk references sluice.blueprint_version (id),
    key                  text not null constraint state_key_check check (key ~ '^[a-z][a-z0-9_]*$'),
    label                jsonb not null,
    category             text not null constraint state_category_check
                         check (category in ('open', 'won', 'lost', 'cancelled', 'postponed', 'done')),
    position             integer not null,
    probability          integer constraint state_probability_check check (probability between 0 and 100),
    forecast_category    text constraint state_forecast_category_check
                         check (forecast_category in ('pipeline', 'best_case', 'commit', 'omitted')),
    constraint state_pk primary key (blueprint_version_id, key)
);

create table sluice.transition (
    id                   uuid not null constraint transition_pk primary key,
    blueprint_version_id uuid not null constraint transition_version_fk references sluice.blueprint_version (id),
    key                  text not null constraint transition_key_check check (key ~ '^[a-z][a-z0-9_]*$'),
    label                jsonb not null,
    kind                 text not null default 'manual' constraint transition_kind_check
                         check (kind in ('manual', 'initial', 'convert', 'convert_open')),
    from_any             boolean not null default false,  -- from every state but those with transition_from.except
    to_state             text not null,
    position             integer not null,
    constraint transition_key unique (blueprint_version_id, key),
    constraint transition_in_version_key unique (blueprint_version_id, id),
    constraint transition_to_fk foreign key (blueprint_version_id, to_state) references sluice.state,
    constraint transition_initial_check check (kind <> 'initial' or not from_any)
);
create unique index transition_initial_key on sluice.transition (blueprint_version_id) where kind = 'initial';

create table sluice.transition_from (
    transition_id        uuid not null,
    blueprint_version_id uuid not null,
    state                text not null,
    "except"             boolean not null default false,
    constraint transition_from_pk primary key (transition_id, state),
    constraint transition_from_transition_fk foreign key (blueprint_version_id, transition_id)
        references sluice.transition (blueprint_version_id, id),
    constraint transition_from_state_fk foreign key (blueprint_version_id, state) references sluice.state
);
create index transition_from_version on sluice.transition_from (blueprint_version_id, state);

create table sluice.transition_actor (
    transition_id uuid not null constraint transition_actor_transition_fk references sluice.transition (id),
    position      integer not null,
    kind          text not null constraint transition_actor_kind_check check (kind in ('role', 'team', 'user', 'field')),
    value         text not null,
    constraint transition_actor_pk primary key (transition_id, position)
);

create table sluice.guard (
    id            uuid not null constraint guard_pk primary key,
    transition_id uuid not null constraint guard_transition_fk references sluice.transition (id),
    key           text not null constraint guard_key_check check (key ~ '^[a-z][a-z0-9_]*$'),
    parent        uuid,
    position      integer not null,
    op            text constraint guard_op_check check (op in ('all', 'any', 'none')),
    kind          text,
    params        jsonb not null default '{}' constraint guard_params_check check (jsonb_typeof(params) = 'object'),
    message       jsonb,
    constraint guard_key unique (transition_id, key),
    constraint guard_in_transition_key unique (transition_id, id),
    constraint guard_parent_fk foreign key (transition_id, parent) references sluice.guard (transition_id, id),
    constraint guard_group_or_leaf_check check ((op is null) <> (kind is null))
);

create table sluice.input (
    transition_id uuid not null constraint input_transition_fk references sluice.transition (id),
    key           text not null constraint input_key_check check (key ~ '^[a-z][a-z0-9_]*$'),
    position      integer not null,
    kind          text not null constraint input_kind_check
                  check (kind in ('field', 'note', 'checklist', 'activity', 'task')),
    required      boolean not null default false,
    label         jsonb not null,
    params        jsonb not null default '{}' constraint input_params_check check (jsonb_typeof(params) = 'object'),
    constraint input_pk primary key (transition_id, key)
);

-- Coded reasons. A reason in use is switched off, never deleted.
create table sluice.unqualified_reason (
    key      text not null constraint unqualified_reason_pk primary key,
    label    jsonb not null,
    position integer not null,
    active   boolean not null default true
);
create table sluice.lost_reason (
    key      text not null constraint lost_reason_pk primary key,
    label    jsonb not null,
    position integer not null,
    active   boolean not null default true
);
create table sluice.rejection_reason (
    key      text not null constraint rejection_reason_pk primary key,
    label    jsonb not null,
    position integer not null,
    active   boolean not null default true
);

reset role;
