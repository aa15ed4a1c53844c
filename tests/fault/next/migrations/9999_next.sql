-- What a release may bring, on the busiest tables: columns with and without a default, an index, a table.

set role sluice_owner;

alter table sluice.outbox add column next_count integer not null default 7;
alter table sluice.lead add column next_note text;
create index lead_next on sluice.lead (next_note) where next_note is not null;
create table sluice.next (id bigint primary key, lead_id uuid references sluice.lead);
grant select (next_note) on sluice.lead to sluice_app;

reset role;
