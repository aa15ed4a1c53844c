-- Reports and what runs in the background: permissions, jobs, and what a job did to each record.

set role sluice_owner;

insert into sluice.permission (key)
select unnest(array['report.read', 'report.friction_actors', 'blueprint.simulate', 'blueprint.migrate', 'job.read']);

insert into sluice.role_permission (role, permission)
select 'admin', unnest(array['report.read', 'report.friction_actors', 'blueprint.simulate', 'blueprint.migrate', 'job.read'])
union all
select 'manager', unnest(array['report.read', 'report.friction_actors', 'blueprint.simulate', 'job.read'])
union all
select 'marketing', 'report.read';

-- Work that no client waits for. A daemon takes one by writing its name and beats while it works; one whose
-- heart has stopped is taken by another and goes on from `cursor`.
create table sluice.job (
    id           uuid not null constraint job_pk primary key,
    version      bigint not null default 1,
    kind         text not null constraint job_kind_check check (kind ~ '^[a-z][a-z0-9_]*$'),
    params       jsonb not null default '{}' constraint job_params_check check (jsonb_typeof(params) = 'object'),
    status       text not null default 'queued'
                 constraint job_status_check check (status in ('queued', 'running', 'done', 'failed')),
    total        bigint,
    done         bigint not null default 0,
    cursor       jsonb,      -- where to go on
    result       jsonb,
    error        text,
    claimed_by   uuid,
    heartbeat_at timestamptz,
    created_at   timestamptz not null default sluice.now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    updated_at   timestamptz not null default sluice.now(),
    created_by   uuid default sluice.actor_id()
) with (fillfactor = 70);
create index job_created_at on sluice.job (created_at, id);
create index job_open on sluice.job (created_at, id) where status in ('queued', 'running');

-- What a job did to each record.
create table sluice.job_item (
    job_id    uuid not null constraint job_item_job_fk references sluice.job (id),
    position  bigint not null,
    entity    text not null,
    record_id uuid not null,
    status    text not null constraint job_item_status_check check (status in ('done', 'failed', 'skipped', 'undone')),
    detail    jsonb,
    constraint job_item_pk primary key (job_id, position)
);
create index job_item_record on sluice.job_item (record_id);

grant select on sluice.job, sluice.job_item to sluice_app;
grant insert (id, kind, params, total) on sluice.job to sluice_app;
grant update (status, total, done, cursor, result, error, claimed_by, heartbeat_at, started_at, finished_at)
    on sluice.job to sluice_app;
grant insert, update (status, detail) on sluice.job_item to sluice_app;

reset role;
