-- One transition for many records: items of a job wait in its table.

set role sluice_owner;

alter table sluice.job_item
    drop constraint job_item_status_check,
    add constraint job_item_status_check check (status in ('queued', 'done', 'failed', 'skipped', 'undone'));
create index job_item_queued on sluice.job_item (job_id, position) where status = 'queued';

reset role;
