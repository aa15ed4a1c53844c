-- Who may sign in, and what for: users, teams, roles, permissions, sessions, API keys; and what the daemon
-- remembers for itself.

set role sluice_owner;

create table sluice.app_user (
    id            uuid not null constraint app_user_pk primary key,
    version       bigint not null default 1,
    email         text not null,
    name          text not null,
    language      text not null default 'en' constraint app_user_language_check check (language in ('en', 'pl', 'ru')),
    time_zone     text not null default 'UTC',
    password_hash text,
    disabled      boolean not null default false,
    created_at    timestamptz not null default sluice.now(),
    updated_at    timestamptz not null default sluice.now(),
    created_by    uuid default sluice.actor_id()
);
create unique index app_user_email_key on sluice.app_user (lower(email));

create table sluice.role (
    key         text not null constraint role_pk primary key,
    label       jsonb not null,
    position    integer not null,
    created_at  timestamptz not null default sluice.now()
);

create table sluice.permission (
    key text not null constraint permission_pk primary key
);

create table sluice.role_permission (
    role       text not null constraint role_permission_role_fk references sluice.role (key),
    permission text not null constraint role_permission_permission_fk references sluice.permission (key),
    scope      text not null default 'all' constraint role_permission_scope_check check (scope in ('own', 'team', 'all')),
    constraint role_permission_pk primary key (role, permission)
);

create table sluice.user_role (
    user_id uuid not null constraint user_role_user_fk references sluice.app_user (id),
    role    text not null constraint user_role_role_fk references sluice.role (key),
    constraint user_role_pk primary key (user_id, role)
);

create table sluice.team (
    id         uuid not null constraint team_pk primary key,
    version    bigint not null default 1,
    name       text not null,
    created_at timestamptz not null default sluice.now(),
    updated_at timestamptz not null default sluice.now(),
    created_by uuid default sluice.actor_id(),
    deleted_at timestamptz
);
create unique index team_name_key on sluice.team (lower(name)) where deleted_at is null;

create table sluice.team_member (
    team_id uuid not null constraint team_member_team_fk references sluice.team (id),
    user_id uuid not null constraint team_member_user_fk references sluice.app_user (id),
    constraint team_member_pk primary key (team_id, user_id)
);
create index team_member_user on sluice.team_member (user_id);

create table sluice.session (
    id            uuid not null constraint session_pk primary key,
    user_id       uuid not null constraint session_user_fk references sluice.app_user (id),
    refresh_hash  text not null,
    previous_hash text,             -- the refresh token before the last one: its use means theft
    rotated_at    timestamptz,
    created_at    timestamptz not null default sluice.now(),
    last_used_at  timestamptz not null default sluice.now(),
    expires_at    timestamptz not null,
    revoked_at    timestamptz,
    revoked_why   text,
    user_agent    text,
    address       text
);
create unique index session_refresh_key on sluice.session (refresh_hash);
create index session_previous on sluice.session (previous_hash) where previous_hash is not null;
create index session_user_id on sluice.session (user_id) where revoked_at is null;

create table sluice.api_key (
    id           uuid not null constraint api_key_pk primary key,
    version      bigint not null default 1,
    name         text not null,
    key_hash     text not null,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    created_at   timestamptz not null default sluice.now(),
    updated_at   timestamptz not null default sluice.now(),
    created_by   uuid default sluice.actor_id()
);
create unique index api_key_hash_key on sluice.api_key (key_hash);

create table sluice.api_key_role (
    api_key_id uuid not null constraint api_key_role_key_fk references sluice.api_key (id),
    role       text not null constraint api_key_role_role_fk references sluice.role (key),
    constraint api_key_role_pk primary key (api_key_id, role)
);

-- Secrets of this installation (token key, cursor key), so that all daemons on one database agree.
create table sluice.instance_secret (
    key        text not null constraint instance_secret_pk primary key,
    value      text not null,
    created_at timestamptz not null default sluice.now()
);

-- What was answered to an Idempotency-Key.
create table sluice.idempotency (
    principal   text not null,
    key         text not null,
    method      text not null,
    path        text not null,
    body_hash   text not null,
    created_at  timestamptz not null default transaction_timestamp(),
    expires_at  timestamptz not null default transaction_timestamp() + interval '24 hours',
    resource_id uuid,
    status      integer,
    headers     jsonb,
    answer      text,
    constraint idempotency_pk primary key (principal, key)
);
create index idempotency_expires_at on sluice.idempotency (expires_at);

reset role;
