-- Which transaction put a record on the list of those to be looked at: it may answer for them itself, before it
-- commits.

set role sluice_owner;

alter table sluice.recheck add column tx xid8;
create index recheck_tx on sluice.recheck (tx) where tx is not null;

reset role;
