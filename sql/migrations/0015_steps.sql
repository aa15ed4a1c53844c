-- Steps: named pieces of work inside a state, each with its own people and inputs, done in any order.

set role sluice_owner;

create table sluice.step (
    blueprint_version_id uuid not null,
    state                text not null,
    key                  text not null constraint step_key_check check (key ~ '^[a-z][a-z0-9_]*$'),
    position             integer not null,
    label                jsonb not null,
    required             boolean not null default true,
    constraint step_pk primary key (blueprint_version_id, state, key),
    constraint step_state_fk foreign key (blueprint_version_id, state) references sluice.state
);

create table sluice.step_actor (
    blueprint_version_id uuid not null,
    state                text not null,
    step                 text not null,
    position             integer not null,
    kind                 text not null constraint step_actor_kind_check check (kind in ('role', 'team', 'user', 'field')),
    value                text not null,
    constraint step_actor_pk primary key (blueprint_version_id, state, step, position),
    constraint step_actor_step_fk foreign key (blueprint_version_id, state, step) references sluice.step
);

create table sluice.step_input (
    blueprint_version_id uuid not null,
    state                text not null,
    step                 text not null,
    key                  text not null constraint step_input_key_check check (key ~ '^[a-z][a-z0-9_]*$'),
    position             integer not null,
    kind                 text not null constraint step_input_kind_check
                         check (kind in ('field', 'note', 'checklist', 'activity', 'task', 'file')),
    required             boolean not null default false,
    label                jsonb not null,
    params               jsonb not null default '{}' constraint step_input_params_check check (jsonb_typeof(params) = 'object'),
    constraint step_input_pk primary key (blueprint_version_id, state, step, key),
    constraint step_input_step_fk foreign key (blueprint_version_id, state, step) references sluice.step
);

-- The steps of a stay: opened with it, closed once. One that the version does not have any more stays as it is, and
-- is not shown: taking a migration back brings it back.
create table sluice.visit_step (
    record_id uuid not null,
    visit_id  bigint not null,
    key       text not null,
    entity    text not null,
    version   bigint not null default 1,
    status    text not null default 'open' constraint visit_step_status_check check (status in ('open', 'done')),
    opened_at timestamptz not null,
    done_at   timestamptz,
    done_kind text,
    done_by   uuid,
    detail    jsonb,  -- what came along: note, checklist, files, on whose behalf; or which move did it
    constraint visit_step_pk primary key (record_id, visit_id, key),
    constraint visit_step_visit_fk foreign key (record_id, visit_id) references sluice.visit,
    constraint visit_step_done_check check ((status = 'done') = (done_at is not null))
) with (fillfactor = 80);

-- What the lists were, and more: other migrations add theirs.
do $$
declare
    known text;
begin
    known := (select pg_get_expr(conbin, conrelid) from pg_constraint where conname = 'action_kind_check');
    alter table sluice.action drop constraint action_kind_check;
    execute format('alter table sluice.action add constraint action_kind_check check (%s or kind in (''step_done'', ''step_open''))',
                   known);
    known := (select pg_get_expr(conbin, conrelid) from pg_constraint where conname = 'audit_action_check');
    alter table sluice.audit drop constraint audit_action_check;
    execute format('alter table sluice.audit add constraint audit_action_check check (%s or action = ''step'')', known);
end
$$;

grant select on sluice.step, sluice.step_actor, sluice.step_input, sluice.visit_step to sluice_app;

reset role;
