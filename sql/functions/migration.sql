-- Records that live under a version and move to another one: by a job, each with its own result, and back.

set role sluice_owner;

-- Moves one record to a version and a state; the caller holds its lock. @since: when it entered the state, null:
-- now if the state is another one. Returns the record's version afterwards.
create or replace function sluice.set_version(
    entity text, id uuid, from_state text, new_version uuid, to_state text, since timestamptz, job uuid, undo boolean
) returns bigint
    language plpgsql as $$
declare
    moved boolean := from_state is distinct from to_state;
    next_version bigint;
begin
    perform set_config('sluice.cause', jsonb_build_object(
        'transition', 'migration', 'detail', jsonb_build_object('migration', job, 'undo', undo))::text, true);
    execute format('update sluice.%I r set blueprint_version_id = $2, state = $3, '
                   'state_entered_at = case when $4 then coalesce($5, sluice.now()) else r.state_entered_at end '
                   'where r.id = $1 returning r.version', entity)
       into next_version using id, new_version, to_state, moved, since;
    perform set_config('sluice.cause', '', true);
    if moved then
        perform sluice.move_visit(entity, id, new_version, to_state, 'migration');
        if undo then
            perform sluice.steps_restore(id);
        end if;
    else
        update sluice.visit v set blueprint_version_id = new_version where v.record_id = set_version.id and v.left_at is null;
    end if;
    return next_version;
end
$$;

-- The states of living records of a version that neither the new one knows nor the mapping leads somewhere.
create or replace function sluice.unmapped(old_version uuid, new_version uuid, mapping jsonb)
    returns table (state text, n bigint)
    language sql stable as $$
    select r.state, count(*)
      from (select l.state from sluice.lead l where l.blueprint_version_id = old_version and l.deleted_at is null
            union all
            select a.state from sluice.account a where a.blueprint_version_id = old_version and a.deleted_at is null
            union all
            select o.state from sluice.opportunity o where o.blueprint_version_id = old_version and o.deleted_at is null) r
     where not exists (select from sluice.state s
                        where s.blueprint_version_id = new_version and s.key = coalesce(mapping ->> r.state, r.state))
     group by r.state;
$$;

-- Refuses a migration that cannot be: another process, a version that is not in force, states that lead nowhere.
-- Returns how many records will move.
create or replace function sluice.migration_check(old_version uuid, new_version uuid, mapping jsonb) returns bigint
    language plpgsql stable as $$
declare
    t sluice.blueprint_version;
    left_over jsonb;
    wrong text;
begin
    select * into t from sluice.blueprint_version v where v.id = new_version;
    if t.status <> 'published' then
        raise exception using errcode = 'SL409', message = 'conflict',
            detail = format('Records move to a version in force; this one is %s.', t.status);
    end if;
    if old_version = new_version or not exists (select from sluice.blueprint_version v
                                       where v.id = old_version and v.blueprint_id = t.blueprint_id and v.status <> 'draft') then
        raise exception using errcode = 'SL422', message = 'unknown_reference', column = '/from',
            detail = 'There is no such other version of this process.';
    end if;
    select m.value into wrong from jsonb_each_text(mapping) m
     where not exists (select from sluice.state s where s.blueprint_version_id = new_version and s.key = m.value) limit 1;
    if found then
        raise exception using errcode = 'SL422', message = 'unknown_reference', column = '/mapping',
            detail = format('The version has no state "%s".', wrong);
    end if;
    select jsonb_object_agg(u.state, u.n) into left_over from sluice.unmapped(old_version, new_version, mapping) u;
    if left_over is not null then
        raise exception using errcode = 'SL409', message = 'conflict',
            detail = jsonb_build_object('detail', 'Records are in states that the version does not have; map them.',
                                        'unmapped', left_over)::text;
    end if;
    return (select count(*) from sluice.lead l where l.blueprint_version_id = old_version and l.deleted_at is null)
         + (select count(*) from sluice.account a where a.blueprint_version_id = old_version and a.deleted_at is null)
         + (select count(*) from sluice.opportunity o where o.blueprint_version_id = old_version and o.deleted_at is null);
end
$$;

-- Writes down what became of a record.
create or replace function sluice.job_note(job uuid, entity text, record_id uuid, status text, detail jsonb)
    returns void
    language sql as $$
    insert into sluice.job_item (job_id, position, entity, record_id, status, detail)
    select job, coalesce((select max(i.position) from sluice.job_item i where i.job_id = job), 0) + 1, entity, record_id,
           status, detail;
$$;

-- What a job did, counted.
create or replace function sluice.job_counts(job uuid) returns jsonb
    language sql stable
    return (select coalesce(jsonb_object_agg(c.status, c.n), '{}')
              from (select i.status, count(*) as n from sluice.job_item i where i.job_id = job group by i.status) c);

-- Whose job it is acts.
create or replace function sluice.act_for(job uuid) returns sluice.job
    language plpgsql as $$
declare
    j sluice.job;
begin
    select * into strict j from sluice.job x where x.id = job;
    if j.created_by is not null then
        perform set_config('sluice.actor_kind', 'user', true), set_config('sluice.actor_id', j.created_by::text, true);
    end if;
    return j;
end
$$;

-- Moves the next @batch records of a migration. The only way to another version.
create or replace function sluice.migrate_slice(
    job uuid, batch integer, out over boolean, out done bigint, out cursor jsonb, out result jsonb
)
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    j sluice.job := sluice.act_for(job);
    old_version uuid := (j.params ->> 'from')::uuid;
    new_version uuid := (j.params ->> 'to')::uuid;
    entity text;
    r record;
    to_state text;
    taken integer := 0;
begin
    select b.entity into strict entity
      from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
      join sluice.blueprint_version s on s.blueprint_id = b.id and s.id = old_version
     where v.id = new_version and v.status = 'published';
    cursor := coalesce(j.cursor, '{"after": "00000000-0000-0000-0000-000000000000"}');
    for r in execute format('select x.id, x.state, x.state_entered_at from sluice.%I x '
                            'where x.blueprint_version_id = $1 and x.deleted_at is null and x.id > $2 '
                            'order by x.id limit $3 for update', entity)
             using old_version, (cursor ->> 'after')::uuid, batch loop
        taken := taken + 1;
        cursor := jsonb_build_object('after', r.id);
        to_state := coalesce(j.params -> 'mapping' ->> r.state, r.state);
        if exists (select from sluice.state s where s.blueprint_version_id = new_version and s.key = to_state) then
            perform sluice.job_note(job, entity, r.id, 'done', jsonb_build_object(
                'from_state', r.state, 'to_state', to_state, 'state_entered_at', r.state_entered_at,
                'version', sluice.set_version(entity, r.id, r.state, new_version, to_state, null, job, false)));
        else
            perform sluice.job_note(job, entity, r.id, 'failed', jsonb_build_object('from_state', r.state, 'why', 'unmapped'));
        end if;
    end loop;
    over := taken < batch;
    result := sluice.job_counts(job);
    done := (select count(*) from sluice.job_item n where n.job_id = job);  -- also of a slice that nobody wrote down
end
$$;

-- Takes the next @batch moves of a migration back, where nobody has touched the record since.
create or replace function sluice.undo_slice(
    job uuid, batch integer, out over boolean, out done bigint, out cursor jsonb, out result jsonb
)
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    j sluice.job := sluice.act_for(job);
    m sluice.job;
    i sluice.job_item;
    r record;
    taken integer := 0;
begin
    select * into strict m from sluice.job x where x.id = (j.params ->> 'job')::uuid and x.kind = 'migrate';
    cursor := coalesce(j.cursor, '{"after": 0}');
    for i in select * from sluice.job_item x
              where x.job_id = m.id and x.status = 'done' and x.position > (cursor ->> 'after')::bigint
              order by x.position limit batch loop
        taken := taken + 1;
        cursor := jsonb_build_object('after', i.position);
        execute format('select x.state, x.version, x.deleted_at from sluice.%I x where x.id = $1 for update', i.entity)
           into r using i.record_id;
        if r.version = (i.detail ->> 'version')::bigint and r.deleted_at is null then
            perform sluice.set_version(i.entity, i.record_id, r.state, (m.params ->> 'from')::uuid, i.detail ->> 'from_state',
                                       (i.detail ->> 'state_entered_at')::timestamptz, job, true);
            update sluice.job_item x set status = 'undone' where x.job_id = m.id and x.position = i.position;
            perform sluice.job_note(job, i.entity, i.record_id, 'done', null);
        else
            perform sluice.job_note(job, i.entity, i.record_id, 'skipped', jsonb_build_object('why', 'touched'));
        end if;
    end loop;
    over := taken < batch;
    result := sluice.job_counts(job)
              || jsonb_build_object('touched', coalesce((select jsonb_agg(x.record_id order by x.position)
                                                           from (select * from sluice.job_item y
                                                                  where y.job_id = undo_slice.job and y.status = 'skipped'
                                                                  order by y.position limit 100) x), '[]'));
    done := (select count(*) from sluice.job_item n where n.job_id = job);  -- also of a slice that nobody wrote down
end
$$;

grant execute on function
    sluice.unmapped(uuid, uuid, jsonb), sluice.migration_check(uuid, uuid, jsonb), sluice.job_counts(uuid),
    sluice.migrate_slice(uuid, integer), sluice.undo_slice(uuid, integer)
    to sluice_app;

reset role;
