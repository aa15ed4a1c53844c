-- Marks on the lists of what the daemon has to work off.
--
-- A number that began at 1 with each row did not tell two rows apart: whoever had read the first, while another daemon
-- took it off the list and a write put the record on it again, took the second off with what it had made of the first.

set role sluice_owner;

alter table sluice.rekey drop column n, add column mark uuid not null default gen_random_uuid();
alter table sluice.rescore drop column n, add column mark uuid not null default gen_random_uuid();
alter table sluice.unassigned drop column n, add column mark uuid not null default gen_random_uuid();

comment on column sluice.rekey.mark is 'Another one with each write: who works it off takes away only what it has seen.';
comment on column sluice.rescore.mark is 'As of sluice.rekey.';
comment on column sluice.unassigned.mark is 'As of sluice.rekey.';

reset role;
