-- query: bulk_create none write
-- Leaves one transition of many records for the background.
-- in: id         uuid
-- in: entity     text
-- in: transition text
-- in: record_ids uuid[]
-- in: body       jsonb
-- in: each       jsonb
select sluice.bulk_create(:id, :entity, :transition, :record_ids, :body, :each);

-- query: bulk_next one read
-- The next item of a job, and who asked for it as a principal by now.
-- in: job uuid
select i.position, i.record_id, i.entity, j.params ->> 'transition' as transition, j.params -> 'body' as body,
       i.detail as own, j.created_by, j.params ->> 'actor' as actor,
       case j.params ->> 'actor'
           when 'user' then exists (select from sluice.app_user u where u.id = j.created_by and not u.disabled)
           else exists (select from sluice.api_key k where k.id = j.created_by and k.revoked_at is null
                           and (k.expires_at is null or k.expires_at > sluice.now())) end as alive,
       r.roles, array(select m.team_id from sluice.team_member m where m.user_id = j.created_by order by 1) as teams,
       sluice.permissions_of(r.roles) as permissions
  from sluice.job j
  join sluice.job_item i on i.job_id = j.id and i.status = 'queued'
 cross join lateral (select array(select x.role from sluice.user_role x where x.user_id = j.created_by
                                  union select x.role from sluice.api_key_role x where x.api_key_id = j.created_by
                                  order by 1) as roles) r
 where j.id = :job
 order by i.position
 limit 1;

-- query: bulk_tally one read
-- What became of the items of a job.
-- in: job uuid
select count(*) as total, count(*) filter (where i.status = 'done') as done,
       count(*) filter (where i.status = 'failed') as failed,
       count(*) filter (where i.status = 'done' and i.detail ->> 'status' = '202') as requested
  from sluice.job_item i
 where i.job_id = :job;

-- query: bulk_apply one write
-- Writes the move of an item.
-- in: job              uuid
-- in: position         bigint
-- in: entity           text
-- in: record_id        uuid
-- in: expected_version bigint
-- in: from_state       text
-- in: transition       text
-- in: fields           jsonb
-- in: activities       jsonb
-- in: tasks            jsonb
-- in: note             text
-- in: verdicts         jsonb
-- in: evidence         text
-- in: ids              uuid[]
-- in: checklist        jsonb
-- in: more             jsonb
select sluice.bulk_apply(:job, :position, :entity, :record_id, :expected_version, :from_state, :transition, :fields,
                         :activities, :tasks, :note, :verdicts, :evidence, :ids, :checklist, :more) as outcome;

-- query: bulk_request one write
-- Asks for approval of an item's move.
-- in: job              uuid
-- in: position         bigint
-- in: id               uuid
-- in: entity           text
-- in: record_id        uuid
-- in: expected_version bigint
-- in: from_state       text
-- in: transition       text
-- in: body             jsonb
select sluice.bulk_request(:job, :position, :id, :entity, :record_id, :expected_version, :from_state, :transition,
                           :body) as outcome;

-- query: bulk_refuse none write
-- Writes down why an item did not move.
-- in: job        uuid
-- in: position   bigint
-- in: entity     text
-- in: record_id  uuid
-- in: transition text
-- in: from_state text
-- in: code       text
-- in: failures   jsonb
-- in: verdict    jsonb
select sluice.bulk_refuse(:job, :position, :entity, :record_id, :transition, :from_state, :code, :failures, :verdict);
