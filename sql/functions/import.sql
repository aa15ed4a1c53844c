-- Imports: parts of a file, what its columns mean, and rows that become records, thousands in a transaction.

set role sluice_owner;

create or replace trigger import_audit after insert or update of status, columns or delete on sluice.import
    for each row execute function sluice.audit_change('import', '');

create or replace function sluice.import_refuse(detail text) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'SL409', message = 'conflict', detail = detail;
end
$$;

-- The import, locked, if it may still be changed.
create or replace function sluice.import_open(id uuid) returns sluice.import
    language plpgsql as $$
declare
    i sluice.import;
begin
    select * into i from sluice.import x where x.id = import_open.id for update;
    if not found then
        raise exception using errcode = 'SL404', message = 'not_found';
    end if;
    if i.status in ('checking', 'running', 'reverting') then
        perform sluice.import_refuse('A job works on this import; wait until it is done.');
    elsif i.status in ('done', 'reverted') or i.run_at is not null then
        perform sluice.import_refuse('The import has run; make another one.');
    end if;
    return i;
end
$$;

-- Keeps a part, or replaces it: the mapping has to be proposed again then.
create or replace function sluice.import_part_put(import uuid, n integer, sha256 text, data bytea) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    perform sluice.import_open(import);
    if exists (select from sluice.import_part p
                where p.import_id = import and p.n = import_part_put.n and p.sha256 = import_part_put.sha256) then
        return;
    end if;
    insert into sluice.import_part as p (import_id, n, bytes, sha256, data)
    values (import, import_part_put.n, octet_length(import_part_put.data), import_part_put.sha256, import_part_put.data)
        on conflict on constraint import_part_pk do update
       set bytes = excluded.bytes, sha256 = excluded.sha256, data = excluded.data;
    update sluice.import i
       set status = 'uploading', columns = null, file_hash = null,
           bytes = (select sum(p.bytes) from sluice.import_part p where p.import_id = import)
     where i.id = import;
end
$$;

-- A piece of a file, whatever parts it lies in: of what was uploaded (the id of its import), or of the text that a workbook
-- became (its text_id). Of parts that it does not touch only the sizes are read.
drop function if exists sluice.import_bytes(uuid, bigint, integer), sluice.import_text_bytes(uuid, bigint, integer);
create function sluice.import_bytes(file uuid, at bigint, most integer) returns bytea
    language plpgsql stable as $$
begin
    return (
        select string_agg(substring(x.data from greatest(at - x.start, 0)::integer + 1
                                    for (least(x.start + x.bytes, at + most) - greatest(at, x.start))::integer), ''::bytea
                          order by x.n)
          from (select q.n, q.bytes, q.data, sum(q.bytes) over (order by q.n) - q.bytes as start
                  from (select p.n, p.bytes, p.data from sluice.import_part p where p.import_id = file
                        union all
                        select t.n, t.bytes, t.data from sluice.import_text t where t.text_id = file) q) x
         where x.start < at + most and x.start + x.bytes > at);
end
$$;

-- Writes down what the file is and what its columns mean. text_id: the text that was unpacked of a workbook.
create or replace function sluice.import_map(
    import uuid, format text, encoding text, delimiter text, columns jsonb, data_at bigint, data_line bigint, text_id uuid
) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    perform sluice.import_open(import);
    update sluice.import i
       set status = 'mapped', format = import_map.format, encoding = import_map.encoding,
           delimiter = import_map.delimiter, columns = import_map.columns, data_at = import_map.data_at,
           data_line = import_map.data_line, text_id = import_map.text_id,
           text_bytes = (select sum(t.bytes) from sluice.import_text t where t.text_id = import_map.text_id),
           file_hash = (select encode(sha256(string_agg(convert_to(p.sha256, 'UTF8'), ''::bytea order by p.n)), 'hex')
                          from sluice.import_part p where p.import_id = import)
     where i.id = import;
    delete from sluice.import_text t where t.import_id = import and t.text_id is distinct from import_map.text_id;
end
$$;

-- Changes what the columns mean.
create or replace function sluice.import_remap(import uuid, columns jsonb) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    i sluice.import := sluice.import_open(import);
begin
    if i.columns is null then
        perform sluice.import_refuse('The mapping has not been proposed yet: POST it first.');
    end if;
    update sluice.import x set columns = import_remap.columns, status = 'mapped' where x.id = import;
end
$$;

-- Leaves the work of a check or a run. A file that ran before is refused by naming where, unless it shall run again.
create or replace function sluice.import_start(id uuid, import uuid, dry boolean, again boolean) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    i sluice.import := sluice.import_open(import);
    first_one uuid;
begin
    if i.columns is null or i.status = 'uploading' then
        perform sluice.import_refuse('The mapping has not been proposed yet: POST it first.');
    elsif not exists (select from jsonb_array_elements(i.columns) c where c.value ->> 'field' is not null) then
        perform sluice.import_refuse('No column is imported: PUT the mapping.');
    end if;
    if not dry and not again then
        perform pg_advisory_xact_lock(hashtextextended('sluice.import ' || i.file_hash, 0));
        select x.id into first_one from sluice.import x
         where x.file_hash = i.file_hash and x.entity = i.entity and x.run_at is not null and x.status <> 'reverted'
           and x.id <> i.id
         order by x.run_at, x.id limit 1;
        if found then
            raise exception using errcode = 'SL409', message = 'file_imported',
                detail = jsonb_build_object('detail', 'This very file was imported before.', 'import_id', first_one)::text;
        end if;
    end if;
    insert into sluice.job (id, kind, params) values (import_start.id, 'import', jsonb_build_object('import', import, 'dry', dry, 'entity', i.entity));
    update sluice.import x
       set status = case when dry then 'checking' else 'running' end, pass_id = import_start.id, bytes_read = 0,
           rows_read = 0, created = 0, duplicate = 0, duplicate_in_file = 0, invalid = 0, error = null,
           run_at = case when not dry then sluice.now() end
     where x.id = import;
end
$$;

drop function if exists sluice.import_next(uuid, integer);  -- it returned less

-- What a slice needs to know; the piece of the file begins where the last slice ended. own: kinds of words by which rows
-- are compared with each other; compares: rules ask for more of a row than its words.
create or replace function sluice.import_next(job uuid, most integer)
returns table (entity text, columns jsonb, options jsonb, format text, encoding text, delimiter text, at bigint, line bigint,
               bytes bigint, alive boolean, owner uuid, own text[], compares boolean, attempts integer, piece text)
    language plpgsql stable as $$
begin
    return query
    select i.entity, i.columns, i.options, i.format, i.encoding, i.delimiter, c.at, c.line, coalesce(i.text_bytes, i.bytes),
           case i.actor_kind
               when 'user' then exists (select from sluice.app_user u where u.id = i.created_by and not u.disabled)
               else exists (select from sluice.api_key k where k.id = i.created_by and k.revoked_at is null
                               and (k.expires_at is null or k.expires_at > sluice.now())) end,
           case when i.entity <> 'lead' and i.actor_kind = 'user' then i.created_by end,
           sluice.import_own(i.entity),
           exists (select from sluice.duplicate_rule r
                    where r.enabled and r.kind = 'exact'
                      and (r.entity = i.entity and cardinality(r.keys) > 1 or r.keys && '{name,city,postcode,street}')),
           j.attempts,
           encode(sluice.import_bytes(coalesce(i.text_id, i.id), c.at, most), 'hex')
      from sluice.job j
      join sluice.import i on i.id = (j.params ->> 'import')::uuid
     cross join lateral (select coalesce((j.cursor ->> 'at')::bigint, i.data_at) as at,
                                coalesce((j.cursor ->> 'line')::bigint, i.data_line) as line) c
     where j.id = job;
end
$$;

-- The job cannot go on: the import says why.
create or replace function sluice.import_fail(job uuid, daemon uuid, error text) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    update sluice.job x set status = 'failed', error = import_fail.error, finished_at = sluice.now()
     where x.id = job and x.claimed_by = daemon and x.status = 'running';
    if found then
        update sluice.import i set status = 'failed', error = import_fail.error
          from sluice.job j
         where j.id = job and i.id = (j.params ->> 'import')::uuid;
    end if;
end
$$;

-- What decisions about the births of rows are made on, for whom the import is run.
create or replace function sluice.import_births(job uuid, bodies text[]) returns table (facts jsonb)
    language plpgsql stable as $$
declare
    i sluice.import;
    roles text[];
    teams text[];
begin
    select x.* into i from sluice.job j join sluice.import x on x.id = (j.params ->> 'import')::uuid where j.id = job;
    roles := array(select x.role from sluice.user_role x where x.user_id = i.created_by
                   union select x.role from sluice.api_key_role x where x.api_key_id = i.created_by order by 1);
    teams := array(select m.team_id::text from sluice.team_member m where m.user_id = i.created_by order by 1);
    return query
        select sluice.birth_facts(i.entity, b.body::jsonb, i.actor_kind,
                                  case when i.actor_kind = 'user' then i.created_by end, roles, teams)
          from unnest(bodies) with ordinality b(body, n) order by b.n;
end
$$;

-- Leaves the work of taking an import back.
create or replace function sluice.import_revert(id uuid, import uuid) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    i sluice.import;
begin
    select * into i from sluice.import x where x.id = import for update;
    if not found then
        raise exception using errcode = 'SL404', message = 'not_found';
    elsif i.run_at is null or i.status not in ('done', 'failed', 'reverted') then
        perform sluice.import_refuse('Only an import that has run can be taken back.');
    end if;
    insert into sluice.job (id, kind, params, total)
    values (import_revert.id, 'import_revert', jsonb_build_object('import', import), i.created);
    update sluice.import x set status = 'reverting' where x.id = import;
end
$$;

-- Whether anybody has changed a record since it was imported, or has made something of it.
create or replace function sluice.import_touched(entity text, id uuid, version bigint) returns boolean
    language plpgsql stable set enable_seqscan = off as $$
begin
    if version <> 1 then
        return true;
    elsif entity = 'lead' then
        return exists (select from sluice.activity a where a.lead_id = import_touched.id and a.deleted_at is null)
            or exists (select from sluice.task t where t.lead_id = import_touched.id and t.deleted_at is null);
    elsif entity = 'account' then
        return exists (select from sluice.activity a where a.account_id = import_touched.id and a.deleted_at is null)
            or exists (select from sluice.task t where t.account_id = import_touched.id and t.deleted_at is null)
            or exists (select from sluice.contact c where c.account_id = import_touched.id and c.deleted_at is null)
            or exists (select from sluice.opportunity o where o.account_id = import_touched.id and o.deleted_at is null);
    end if;
    return exists (select from sluice.activity a where a.contact_id = import_touched.id and a.deleted_at is null)
        or exists (select from sluice.task t where t.contact_id = import_touched.id and t.deleted_at is null)
        or exists (select from sluice.opportunity o where o.contact_id = import_touched.id and o.deleted_at is null);
end
$$;

-- A slice of it: records that nobody has touched are deleted, the others stay and are named.
create or replace function sluice.import_revert_slice(job uuid, daemon uuid, most integer) returns boolean
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    j sluice.job;
    i sluice.import;
    last_line bigint;
    r record;
    gone boolean;
    seen integer := 0;
begin
    select * into j from sluice.job x
     where x.id = job and x.claimed_by = daemon and x.status = 'running' for update;
    if not found then
        return false;
    end if;
    select * into i from sluice.import x where x.id = (j.params ->> 'import')::uuid for update;
    perform set_config('sluice.actor_kind', 'import', true),
            set_config('sluice.actor_id', coalesce(j.created_by::text, ''), true);
    last_line := coalesce((j.cursor ->> 'line')::bigint, 0);
    for r in select x.line, x.record_id from sluice.import_row x
              where x.pass_id = i.pass_id and x.line > last_line and x.outcome in ('created', 'kept')
              order by x.line limit most loop
        execute format('update sluice.%1$I t set deleted_at = sluice.now() where t.id = $1 and t.deleted_at is null '
                       'and t.import_id = $2 and not sluice.import_touched(%1$L, t.id, t.version) returning true', i.entity)
           into gone using r.record_id, i.id;
        if gone is null then
            execute format('select t.deleted_at is not null from sluice.%I t where t.id = $1', i.entity)
               into gone using r.record_id;
        end if;
        update sluice.import_row x set outcome = case when gone then 'removed' else 'kept' end
         where x.pass_id = i.pass_id and x.line = r.line;
        i.removed := i.removed + gone::integer;
        seen := seen + 1;
        last_line := r.line;
    end loop;
    if seen > 0 then
        update sluice.import x set removed = i.removed where x.id = i.id;
        update sluice.job x set done = x.done + seen, heartbeat_at = clock_timestamp(),
                                cursor = jsonb_build_object('line', last_line)
         where x.id = job;
        return false;
    end if;
    update sluice.import x
       set status = 'reverted',
           kept = (select count(*) from sluice.import_row k where k.pass_id = i.pass_id and k.outcome = 'kept')
     where x.id = i.id
    returning x.* into i;
    update sluice.job x
       set status = 'done', finished_at = sluice.now(), cursor = null,
           result = jsonb_build_object('removed', i.removed, 'kept', i.kept)
     where x.id = job;
    return true;
end
$$;

create or replace view sluice.import_view as
select i.id, i.version, i.entity, i.name, i.file_name, i.options, i.status, i.format,
       case when i.format = 'csv' then i.encoding end as encoding, case when i.format = 'csv' then i.delimiter end as delimiter,
       i.columns, i.bytes, i.file_hash, i.pass_id as job_id,
       case when i.text_bytes > 0 then i.bytes_read * i.bytes / i.text_bytes else i.bytes_read end as bytes_read, i.rows_read, i.created, i.duplicate,
       i.duplicate_in_file, i.invalid, i.removed, i.kept, i.error, i.created_at, i.updated_at, i.created_by, i.run_at,
       i.compare_job_id, i.compared, i.suspected
  from sluice.import i;

grant select on sluice.import_view to sluice_app;
grant execute on function
    sluice.import_part_put(uuid, integer, text, bytea), sluice.import_bytes(uuid, bigint, integer),
    sluice.import_map(uuid, text, text, text, jsonb, bigint, bigint, uuid), sluice.import_remap(uuid, jsonb),
    sluice.import_start(uuid, uuid, boolean, boolean), sluice.import_next(uuid, integer),
    sluice.import_births(uuid, text[]), sluice.import_fail(uuid, uuid, text), sluice.import_revert(uuid, uuid),
    sluice.import_revert_slice(uuid, uuid, integer)
    to sluice_app;

reset role;
