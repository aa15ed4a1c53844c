-- query: job_list list read
-- Work in the background, newest first: one's own, and all of it with a scope of all.
-- in: viewer uuid
-- in: scope  text
-- id: j.id
-- filter: kind text eq on j.kind
-- filter: status text eq on j.status
-- sort: created_at timestamptz j.created_at
select j.id, j.kind, j.params, j.status, j.total, j.done, j.result, j.error, j.created_at, j.started_at, j.finished_at, j.created_by
-- from
  from sluice.job j
-- where
 where (:scope = 'all' or j.created_by = :viewer);

-- query: job_get one read
-- A job with its progress, and its result once it is done; with a scope of less than all one's own.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select j.id, j.kind, j.params, j.status, j.total, j.done, j.result, j.error, j.created_at, j.started_at, j.finished_at, j.created_by
  from sluice.job j
 where j.id = :id and (:scope = 'all' or j.created_by = :viewer);

-- query: job_items list read
-- What a job did to each record.
-- in: job uuid
-- id: i.record_id
-- filter: status text eq on i.status
-- sort: position bigint i.position
select i.position, i.entity, i.record_id, i.status, i.detail
-- from
  from sluice.job_item i
-- where
 where i.job_id = :job;

-- query: job_create none write
-- Leaves work for the background.
-- in: id     uuid
-- in: kind   text
-- in: params jsonb
-- in: total  bigint?
insert into sluice.job (id, kind, params, total) values (:id, :kind, :params, :total::bigint);

-- query: job_claim one write
-- Takes work: new, or ours, or what a daemon whose heart has stopped left behind.
-- in: kinds  text[]
-- in: daemon uuid
update sluice.job j
   set status = 'running', claimed_by = :daemon, heartbeat_at = clock_timestamp(),
       started_at = coalesce(j.started_at, sluice.now()), tried = coalesce(j.cursor, '{}'),
       attempts = case when j.tried = coalesce(j.cursor, '{}') then j.attempts + 1 else 1 end
 where j.id = (select x.id from sluice.job x
                where x.kind = any(:kinds)
                  and (x.status = 'queued'
                       or x.status = 'running' and (x.claimed_by = :daemon
                                                    or x.heartbeat_at < clock_timestamp() - interval '30 seconds'))
                order by x.created_at, x.id
                limit 1 for update skip locked)
returning j.id, j.kind, j.params, j.cursor, j.done, j.created_by;

-- query: job_save one write
-- Writes down how far a job has come. No row: another daemon has taken it.
-- in: id     uuid
-- in: daemon uuid
-- in: status text
-- in: done   bigint
-- in: cursor jsonb
-- in: result jsonb
-- in: error  text
update sluice.job j
   set status = :status, done = :done, cursor = :cursor, result = :result, error = :error,
       heartbeat_at = clock_timestamp(), finished_at = case when :status in ('done', 'failed') then sluice.now() end
 where j.id = :id and j.claimed_by = :daemon and j.status = 'running'
returning j.id;

-- query: migration_check one slow
-- Refuses a migration that cannot be; says how many records would move.
-- in: source  uuid
-- in: target  uuid
-- in: mapping jsonb
select sluice.migration_check(:source, :target, coalesce(:mapping, '{}')) as total;

-- query: migrate_slice one write
-- Moves the next records of a migration.
-- in: job   uuid
-- in: batch integer
select s.over, s.done, s.cursor, s.result from sluice.migrate_slice(:job, :batch) s;

-- query: retime_slice one write
-- Works out anew when the next of those are due that wait by a calendar.
-- in: job   uuid
-- in: batch integer
select s.over, s.done, s.cursor, s.result from sluice.retime_slice(:job, :batch) s;

-- query: undo_slice one write
-- Takes the next records of a migration back.
-- in: job   uuid
-- in: batch integer
select s.over, s.done, s.cursor, s.result from sluice.undo_slice(:job, :batch) s;

-- query: job_to_undo one read
-- A job, and whether an undo of it has begun; with a scope of less than all one's own.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select j.kind, j.status, j.done,
       exists (select from sluice.job u where u.kind = 'undo' and u.params ->> 'job' = j.id::text
                                          and u.status <> 'failed') as undone
  from sluice.job j
 where j.id = :id and (:scope = 'all' or j.created_by = :viewer);
