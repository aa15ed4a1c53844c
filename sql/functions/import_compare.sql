-- What follows the last row of an import: tidying, and comparing the names of new records.

set role sluice_owner;

-- Leaves the comparing of names. It is a job of its own: the import is done, and may be taken back meanwhile.
create or replace function sluice.import_compare(i sluice.import) returns void
    language plpgsql as $$
declare
    job constant uuid := gen_random_uuid();
begin
    if i.created = 0 then
        return;
    end if;
    insert into sluice.job (id, kind, params, total, created_by)
    values (job, 'import_compare', jsonb_build_object('import', i.id, 'pass', i.pass_id, 'entity', i.entity), i.created, i.created_by);
    update sluice.import x set compare_job_id = job where x.id = i.id;
end
$$;

-- The next records whose names are to be compared, and what their keys are made of; null if they are no more.
create or replace function sluice.import_compare_next(job uuid, most integer)
returns table (line bigint, record_id uuid, entity text, source jsonb)
    language plpgsql stable as $$
begin
    return query
    select r.line, r.record_id, j.params ->> 'entity', (sluice.match_source_of(j.params ->> 'entity', r.record_id)).source
      from sluice.job j
     cross join lateral (
        select x.line, x.record_id from sluice.import_row x
         where x.pass_id = (j.params ->> 'pass')::uuid and x.line > coalesce((j.cursor ->> 'line')::bigint, 0)
           and x.outcome in ('created', 'kept', 'removed')
         order by x.line limit most) r
     where j.id = job
     order by r.line;
end
$$;

-- Keeps their names and lists what fuzzy rules find; records: as rekey_store() takes them, in the order of the lines. A
-- record that was written meanwhile has its keys from there.
create or replace function sluice.import_compare_slice(job uuid, daemon uuid, line bigint, over boolean, records jsonb)
returns boolean
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    j sluice.job;
    i sluice.import;
    item jsonb;
    s record;
    m record;
    pairs integer := 0;
begin
    select * into j from sluice.job x
     where x.id = job and x.claimed_by = daemon and x.status = 'running' for update;
    if not found or coalesce((j.cursor ->> 'line')::bigint, 0) > line then
        return false;
    end if;
    perform set_config('sluice.actor_kind', 'import', true),
            set_config('sluice.actor_id', coalesce(j.created_by::text, ''), true);
    for item in select x.value from jsonb_array_elements(records) with ordinality x(value, n) order by x.n loop
        s := sluice.match_source_of(item ->> 'entity', (item ->> 'id')::uuid);
        continue when s.source is distinct from item -> 'of' or item ->> 'name' is null;
        insert into sluice.match_name (record_id, entity, name, city, postcode, street, account, domain, bands, trigrams, print)
        values ((item ->> 'id')::uuid, item ->> 'entity', item ->> 'name', item ->> 'city', item ->> 'postcode', item ->> 'street',
                item ->> 'account', item ->> 'domain', sluice.match_bands(item -> 'bands'), (item -> 'trigrams')::smallint, ('x' || (item ->> 'print'))::bit(64))
            on conflict do nothing;
        for m in select * from sluice.match_find(item ->> 'entity', item, s.kin || (item ->> 'id')::uuid,
                                                 '{name,city,postcode,street,account,domain}') loop
            perform sluice.match_pair(item ->> 'entity', (item ->> 'id')::uuid, m, null);
            pairs := pairs + 1;
        end loop;
    end loop;
    update sluice.import x
       set compared = x.compared + jsonb_array_length(records), suspected = x.suspected + pairs
     where x.id = (j.params ->> 'import')::uuid
    returning x.* into i;
    update sluice.job x
       set done = i.compared, heartbeat_at = clock_timestamp(), cursor = jsonb_build_object('line', line),
           status = case when over then 'done' else x.status end, finished_at = case when over then sluice.now() end,
           result = case when over then jsonb_build_object('compared', i.compared, 'suspected', i.suspected) end
     where x.id = job;
    return true;
end
$$;

-- After the last row: forgets the keys of the pass and the results of earlier ones, a piece at a time; true when
-- nothing is left. Keys go page after page of their table: looked up by their pass, each piece would walk past all that
-- went before it.
create or replace function sluice.import_tidy(job uuid, daemon uuid, most integer) returns boolean
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    i sluice.import;
    dry boolean;
    page bigint;    -- of the keys: where to go on; -1: there are none any more
    earlier uuid;    -- pass
    pages constant bigint := greatest(most / 100, 1);    -- more than a hundred of them fit in one
    gone integer;
begin
    select (j.params ->> 'dry')::boolean, coalesce((j.cursor ->> 'page')::bigint, 0) into dry, page from sluice.job j
     where j.id = job and j.claimed_by = daemon and j.status = 'running' for update;
    if not found then
        return false;
    end if;
    if page > 0 or page = 0 and exists (select from sluice.import_key x where x.pass_id = job) then
        delete from sluice.import_key k
         where k.ctid >= format('(%s,0)', page)::tid and k.ctid < format('(%s,0)', page + pages)::tid
           and (k.pass_id = job) is true;    -- no condition of an index
        page := page + pages;
        if page >= pg_relation_size('sluice.import_key') / current_setting('block_size')::integer then
            page := 0;
        end if;
        gone := 1;
    else
        page := -1;
        select e.id into earlier from sluice.job e, sluice.job j
         where j.id = job and e.kind = 'import' and e.id <> job and e.params ->> 'import' = j.params ->> 'import'
           and exists (select from sluice.import_row r where r.pass_id = e.id)
         limit 1;
        delete from sluice.import_row r
         where r.pass_id = earlier
           and r.line <= (select max(x.line) from (select y.line from sluice.import_row y
                                                    where y.pass_id = earlier order by y.line limit most) x);
        get diagnostics gone = row_count;
    end if;
    if gone = 0 then
        update sluice.import x set status = case when dry then 'checked' else 'done' end
          from sluice.job j
         where j.id = job and x.id = (j.params ->> 'import')::uuid
        returning x.* into i;
        update sluice.job x
           set status = 'done', finished_at = sluice.now(), cursor = null, total = i.rows_read, done = i.rows_read,
               result = jsonb_build_object('rows_read', i.rows_read, 'created', i.created, 'duplicate', i.duplicate,
                                           'duplicate_in_file', i.duplicate_in_file, 'invalid', i.invalid)
         where x.id = job;
        if not dry then
            perform sluice.import_compare(i);
        end if;
    else
        update sluice.job x
           set heartbeat_at = clock_timestamp(), cursor = jsonb_set(x.cursor, '{page}', to_jsonb(page))
         where x.id = job;
    end if;
    return gone = 0;
end
$$;

grant execute on function
    sluice.import_tidy(uuid, uuid, integer), sluice.import_compare_next(uuid, integer),
    sluice.import_compare_slice(uuid, uuid, bigint, boolean, jsonb)
    to sluice_app;

reset role;
