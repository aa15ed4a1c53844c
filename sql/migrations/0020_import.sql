-- Spreadsheets: a file in parts, what its columns mean, a result for every row, and which records came of it.

set role sluice_owner;

insert into sluice.permission (key) values ('import.run');
insert into sluice.role_permission (role, permission)
select unnest(array['admin', 'manager', 'marketing']), 'import.run';

create table sluice.import (
    id                uuid not null constraint import_pk primary key,
    version           bigint not null default 1,
    entity            text not null constraint import_entity_check check (entity in ('lead', 'account', 'contact')),
    name              text,
    file_name         text,
    options           jsonb not null default '{}' constraint import_options_check check (jsonb_typeof(options) = 'object'),
    status            text not null default 'uploading' constraint import_status_check
                      check (status in ('uploading', 'mapped', 'checking', 'checked', 'running', 'done', 'failed',
                                        'reverting', 'reverted')),
    format            text constraint import_format_check check (format in ('csv', 'xlsx')),
    encoding          text,
    delimiter         text,
    columns           jsonb,     -- position, header, samples, field, confidence
    bytes             bigint not null default 0,
    file_hash         text,      -- of the parts' hashes
    data_at           bigint,    -- where the rows begin, and on which line
    data_line         bigint,
    pass_id           uuid,      -- the job whose results count: a check, or the run
    bytes_read        bigint not null default 0,
    rows_read         bigint not null default 0,
    created           bigint not null default 0,
    duplicate         bigint not null default 0,
    duplicate_in_file bigint not null default 0,
    invalid           bigint not null default 0,
    removed           bigint not null default 0,
    kept              bigint not null default 0,
    error             text,
    actor_kind        text not null default sluice.actor_kind(),
    created_at        timestamptz not null default sluice.now(),
    updated_at        timestamptz not null default sluice.now(),
    created_by        uuid default sluice.actor_id(),
    run_at            timestamptz
) with (fillfactor = 50);
create index import_created_at on sluice.import (created_at, id);
create index import_file on sluice.import (file_hash) where run_at is not null;

-- The file as it came: any daemon can go on with it. Not compressed, so that a piece is read without the rest.
create table sluice.import_part (
    import_id uuid not null constraint import_part_import_fk references sluice.import (id),
    n         integer not null constraint import_part_n_check check (n between 1 and 1000),
    bytes     integer not null,
    sha256    text not null,
    data      bytea not null,
    constraint import_part_pk primary key (import_id, n)
);
alter table sluice.import_part alter column data set storage external;

-- What became of each row. pass_id is the job.
create table sluice.import_row (
    pass_id    uuid not null,
    line       bigint not null,
    outcome    text not null constraint import_row_outcome_check
               check (outcome in ('created', 'duplicate', 'duplicate_in_file', 'invalid', 'removed', 'kept')),
    record_id  uuid,
    other_line bigint,
    errors     jsonb,
    cells      jsonb,
    constraint import_row_pk primary key (pass_id, line)
);
create index import_row_outcome on sluice.import_row (pass_id, outcome, line) where outcome <> 'created';

-- Which line of a pass had a key first; forgotten when the pass is over.
create table sluice.import_key (
    pass_id uuid not null,
    key     uuid not null,
    line    bigint not null,
    constraint import_key_pk primary key (pass_id, key)
);

-- Rows without any key of their own that made a record, so that the same row makes no other.
create table sluice.import_seen (
    key       uuid not null constraint import_seen_pk primary key,
    record_id uuid not null
);

-- The import that made a record. Only import_slice() writes it: triggers that do their work row by row leave such
-- rows to it, and it does the same for thousands at once.
alter table sluice.lead add column import_id uuid;
alter table sluice.account add column import_id uuid;
alter table sluice.contact add column import_id uuid;

grant select on sluice.import, sluice.import_part, sluice.import_row to sluice_app;
grant insert (id, entity, name, file_name, options) on sluice.import to sluice_app;

reset role;
