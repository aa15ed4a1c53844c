-- Speed of duplicates and imports. Names of records are found by other bands, and most of those that are too different told by their prints alone: see
-- lib/quality/minhash.h. All bands are made anew; nothing is looked for that was looked for before.

set role sluice_owner;

alter table sluice.match_name add column trigrams smallint;
alter table sluice.match_name add column print bit(64);

insert into sluice.rekey (record_id, entity, look)
select n.record_id, n.entity, false from sluice.match_name n
    on conflict on constraint rekey_pk do nothing;

-- Names of imported records are compared by a job of its own after the run.
alter table sluice.import add column compare_job_id uuid;
alter table sluice.import add column compared bigint not null default 0;
alter table sluice.import add column suspected bigint not null default 0;

-- How often a slice was begun where it stands: one that does not end is made smaller, and given up at last.
alter table sluice.job add column attempts integer not null default 0;
alter table sluice.job add column tried jsonb;
grant update (attempts, tried) on sluice.job to sluice_app;

reset role;
