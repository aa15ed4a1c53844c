-- Workbooks: the rows of a sheet as text, unpacked once, that any daemon can read from any byte on.

set role sluice_owner;

alter table sluice.import add column text_id uuid, add column text_bytes bigint;

create table sluice.import_text (
    text_id   uuid not null,     -- of one unpacking; import.text_id says which one counts
    import_id uuid not null constraint import_text_import_fk references sluice.import (id),
    n         integer not null,
    bytes     integer not null,
    data      bytea not null,
    constraint import_text_pk primary key (text_id, n)
);
alter table sluice.import_text alter column data set storage external;
create index import_text_import on sluice.import_text (import_id);

grant select on sluice.import_text to sluice_app;

drop function if exists sluice.import_next(uuid, integer);
drop function if exists sluice.import_map(uuid, text, text, text, jsonb, bigint, bigint);

reset role;
