-- Breaking the glass, and approvals.

set role sluice_owner;

insert into sluice.permission (key) values ('transition.force');
insert into sluice.role_permission (role, permission) values ('admin', 'transition.force');

-- How many of whom must approve before a transition is carried out; null: nobody.
alter table sluice.transition
    add approval_needed integer constraint transition_approval_needed_check check (approval_needed between 1 and 20),
    add constraint transition_approval_kind_check
        check (approval_needed is null or kind = 'manual' and num_nonnulls(auto_after, auto_at_field, auto_when) = 0);

create table sluice.transition_approver (
    transition_id uuid not null constraint transition_approver_transition_fk references sluice.transition (id),
    position      integer not null,
    kind          text not null constraint transition_approver_kind_check check (kind in ('role', 'team', 'user', 'field')),
    value         text not null,
    constraint transition_approver_pk primary key (transition_id, position)
);

-- A transition that waits for others to agree, with what it was asked for. status: pending; done: carried out;
-- rejected; failed: agreed to, but it was not possible any more (result says why); outdated: the record moved on.
create table sluice.approval (
    id                   uuid not null constraint approval_pk primary key,
    version              bigint not null default 1,
    entity               text not null,
    record_id            uuid not null,
    blueprint_version_id uuid not null,
    transition           text not null,
    body                 jsonb not null,
    needed               integer not null,
    status               text not null default 'pending' constraint approval_status_check
                         check (status in ('pending', 'done', 'rejected', 'failed', 'outdated')),
    result               jsonb,
    requested_by         uuid not null constraint approval_requested_by_fk references sluice.app_user (id),
    decided_at           timestamptz,
    created_at           timestamptz not null default sluice.now(),
    updated_at           timestamptz not null default sluice.now()
);
create unique index approval_pending_key on sluice.approval (record_id, transition) where status = 'pending';
create index approval_created_at on sluice.approval (created_at, id);
create index approval_pending on sluice.approval (created_at, id) where status = 'pending';
create index approval_record on sluice.approval (record_id, created_at);

create table sluice.approval_vote (
    approval_id uuid not null constraint approval_vote_approval_fk references sluice.approval (id),
    user_id     uuid not null constraint approval_vote_user_fk references sluice.app_user (id),
    approve     boolean not null,
    note        text,
    at          timestamptz not null default sluice.now(),
    constraint approval_vote_pk primary key (approval_id, user_id)
);
create index approval_vote_user on sluice.approval_vote (user_id);

alter table sluice.audit
    drop constraint audit_action_check,
    add constraint audit_action_check
        check (action in ('create', 'update', 'delete', 'transition', 'denied', 'timer', 'approval'));

grant select on sluice.transition_approver, sluice.approval, sluice.approval_vote to sluice_app;

reset role;
