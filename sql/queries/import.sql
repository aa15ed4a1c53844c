-- query: import_list list read
-- Imports, newest first: one's own, and everybody's with a scope of all.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: entity text eq on r.entity
-- filter: status text eq on r.status
-- sort: created_at timestamptz r.created_at
select r.*
-- from
  from sluice.import_view r
-- where
 where (:scope = 'all' or r.created_by = :viewer);

-- query: import_get one read
-- An import, if the viewer may see it.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.import_view r
 where r.id = :id and (:scope = 'all' or r.created_by = :viewer);

-- query: import_create none write
-- Begins an import.
-- in: id   uuid
-- in: body jsonb
insert into sluice.import (id, entity, name, file_name, options)
select :id, b.entity, b.name, b.file_name, coalesce(b.options, '{}')
  from jsonb_populate_record(null::sluice.import, :body) b;

-- query: import_part_put none write
-- Keeps a part of the file, or replaces it.
-- in: import uuid
-- in: n      integer
-- in: sha256 text
-- in: data   bytea
select sluice.import_part_put(:import, :n, :sha256, :data);

-- query: import_part_get one read
-- What is known of a part.
-- in: import uuid
-- in: n      integer
select p.n, p.bytes, p.sha256 from sluice.import_part p where p.import_id = :import and p.n = :n;

-- query: import_look one slow
-- The first bytes of the file, and which part is missing.
-- in: import uuid
-- in: most   integer
select encode(sluice.import_bytes(:import, 0, :most), 'hex') as piece, i.bytes, i.entity, i.options,
       (select max(p.n) from sluice.import_part p where p.import_id = i.id) as parts,
       (select min(g) from generate_series(1, (select max(p.n) from sluice.import_part p where p.import_id = i.id)) g
         where not exists (select from sluice.import_part p where p.import_id = i.id and p.n = g)) as missing
  from sluice.import i
 where i.id = :import;

-- query: import_map none write
-- Writes down what the file is and what its columns mean.
-- in: import    uuid
-- in: format    text
-- in: encoding  text
-- in: delimiter text
-- in: columns   jsonb
-- in: data_at   bigint
-- in: data_line bigint
-- in: text      uuid
select sluice.import_map(:import, :format, :encoding, :delimiter, :columns, :data_at, :data_line, :text);

-- query: import_piece one slow
-- A piece of the file.
-- in: import uuid
-- in: at     bigint
-- in: most   integer
select encode(sluice.import_bytes(:import, :at, :most), 'hex') as piece;

-- query: import_text_put none write
-- Keeps a piece of the text that a workbook becomes.
-- in: import uuid
-- in: text   uuid
-- in: n      integer
-- in: data   text
select sluice.import_text_put(:import, :text, :n, decode(:data, 'hex'));

-- query: import_remap none write
-- Changes what the columns mean.
-- in: import  uuid
-- in: columns jsonb
select sluice.import_remap(:import, :columns);

-- query: import_start none write
-- Leaves a check or a run for the background.
-- in: id     uuid
-- in: import uuid
-- in: dry    boolean
-- in: again  boolean
select sluice.import_start(:id, :import, :dry, :again);

-- query: import_revert none write
-- Leaves the taking back of an import for the background.
-- in: id     uuid
-- in: import uuid
select sluice.import_revert(:id, :import);

-- query: import_next one slow
-- What the next slice of a job needs.
-- in: job  uuid
-- in: most integer
select n.entity, n.columns, n.options, n.format, n.encoding, n.delimiter, n.at, n.line, n.bytes, n.alive, n.owner, n.own, n.compares, n.attempts,
       n.piece
  from sluice.import_next(:job, :most) n;

-- query: import_births many slow
-- What decisions about the births of rows are made on.
-- in: job    uuid
-- in: bodies text[]
select f.facts from sluice.import_births(:job, :bodies) f;

-- query: import_slice one write
-- Writes a slice: duplicates, records, results, how far the job has come.
-- in: job       uuid
-- in: daemon    uuid
-- in: at        bigint
-- in: next_at   bigint
-- in: next_line bigint
-- in: over      boolean
-- in: lines     bigint[]
-- in: ids       uuid[]
-- in: bodies    text[]
-- in: changes   text[]
-- in: ns        integer[]
-- in: kinds     text[]
-- in: keys      text[]
-- in: sent      json
-- in: own       text[]
-- in: refers    boolean
-- in: chosen    text[]
-- in: unborn    jsonb
-- in: bad       jsonb
select sluice.import_slice(:job, :daemon, :at, :next_at, :next_line, :over, :lines, :ids, :bodies, :changes, :ns, :kinds, :keys, :sent,
                           :own, :refers, :chosen, :unborn, :bad) as ours;

-- query: import_tidy one write
-- What is left to do after the last row.
-- in: job    uuid
-- in: daemon uuid
-- in: most   integer
select sluice.import_tidy(:job, :daemon, :most) as over;

-- query: import_fail none write
-- Ends a job that cannot go on.
-- in: job    uuid
-- in: daemon uuid
-- in: error  text
select sluice.import_fail(:job, :daemon, :error);

-- query: import_compare_next many slow
-- Records of an import whose names are to be compared.
-- in: job  uuid
-- in: most integer
select n.line, n.record_id, n.entity, n.source from sluice.import_compare_next(:job, :most) n;

-- query: import_compare_slice one write
-- Keeps their names, and lists what is found.
-- in: job     uuid
-- in: daemon  uuid
-- in: line    bigint
-- in: over    boolean
-- in: records jsonb
select sluice.import_compare_slice(:job, :daemon, :line, :over, :records) as ours;

-- query: import_revert_slice one write
-- Takes the next records of an import back.
-- in: job    uuid
-- in: daemon uuid
-- in: most   integer
select sluice.import_revert_slice(:job, :daemon, :most) as over;

-- query: import_rows list read
-- What became of each row of the last pass.
-- in: import uuid
-- id: r.pass_id
-- filter: outcome text eq on r.outcome
-- sort: line bigint r.line
select r.line, r.outcome, r.record_id, r.other_line, r.errors, r.cells
-- from
  from sluice.import_row r
-- where
 where r.pass_id = (select i.pass_id from sluice.import i where i.id = :import);
