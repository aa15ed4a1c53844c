-- Thresholds that count from the last touch of a record instead of the entry of its state.

set role sluice_owner;

alter table sluice.sla
    add since text not null default 'entry' constraint sla_since_check check (since in ('entry', 'touch'));

alter table sluice.timer add touched_at timestamptz;  -- when a touch last started this clock; null: none does
create index timer_stale on sluice.timer (entity, due_at) where live and touched_at is not null;

reset role;
