-- Reports: what was sold when, and how the records were at a moment of the past.

set role sluice_owner;

-- Only closing and reopening touch this column; all other transitions stay HOT.
create index opportunity_closed_by_time on sluice.opportunity (closed_at, id) where closed_at is not null and deleted_at is null;

-- Entries come in the order of time: a few pages tell which blocks are younger than a moment.
create index audit_at on sluice.audit using brin (at) with (pages_per_range = 32);

reset role;
