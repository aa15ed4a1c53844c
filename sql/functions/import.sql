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

-- A piece of the file, whatever parts it lies in.
create or replace function sluice.import_bytes(import uuid, at bigint, most integer) returns bytea
    language plpgsql stable as $$
begin
    return (
        select string_agg(substring(p.data from greatest(at - x.start, 0)::integer + 1
                                    for (least(x.start + x.bytes, at + most) - greatest(at, x.start))::integer), ''::bytea
                          order by x.n)
          from (select q.n, q.bytes, sum(q.bytes) over (order by q.n) - q.bytes as start
                  from sluice.import_part q where q.import_id = import) x
          join sluice.import_part p on p.import_id = import and p.n = x.n
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

-- What a slice needs to know; the piece of the file begins where the last slice ended. compares: rules ask for more of
-- a row than its words.
create or replace function sluice.import_next(job uuid, most integer)
returns table (entity text, columns jsonb, options jsonb, format text, encoding text, delimiter text, at bigint, line bigint,
               bytes bigint, alive boolean, owner uuid, compares boolean, attempts integer, piece text)
    language plpgsql stable as $$
begin
    return query
    select i.entity, i.columns, i.options, i.format, i.encoding, i.delimiter, c.at, c.line, coalesce(i.text_bytes, i.bytes),
           case i.actor_kind
               when 'user' then exists (select from sluice.app_user u where u.id = i.created_by and not u.disabled)
               else exists (select from sluice.api_key k where k.id = i.created_by and k.revoked_at is null
                               and (k.expires_at is null or k.expires_at > sluice.now())) end,
           case when i.entity <> 'lead' and i.actor_kind = 'user' then i.created_by end,
           exists (select from sluice.duplicate_rule r
                    where r.enabled and r.kind = 'exact'
                      and (r.entity = i.entity and cardinality(r.keys) > 1 or r.keys && '{name,city,postcode,street}')),
           j.attempts,
           encode(case when i.text_id is null then sluice.import_bytes(i.id, c.at, most)
                       else sluice.import_text_bytes(i.text_id, c.at, most) end, 'hex')
      from sluice.job j
      join sluice.import i on i.id = (j.params ->> 'import')::uuid
     cross join lateral (select coalesce((j.cursor ->> 'at')::bigint, i.data_at) as at,
                                coalesce((j.cursor ->> 'line')::bigint, i.data_line) as line) c
     where j.id = job;
end
$$;

-- The words that tell rows from each other and from what is there: "<kind>:<key>" of the exact rules, "external_id:...",
-- "rule:<key>:..." of rules that want several kinds, and "row:<hash>" for a row that has none of these. @words: those of
-- a row, joined by the unit separator. own: rows of the file are compared by it, too.
create or replace function sluice.import_words(entity text, lines bigint[], words text[], sent json)
returns table (line bigint, word text, own boolean)
    language plpgsql stable as $$
declare
    kinds constant text[] := array(select r.keys[1] from sluice.duplicate_rule r
                                    where r.entity = import_words.entity and r.enabled and r.kind = 'exact' and cardinality(r.keys) = 1);
    own_kinds constant text[] := array(select r.keys[1] from sluice.duplicate_rule r
                                        where r.entity = import_words.entity and r.enabled and r.kind = 'exact'
                                          and cardinality(r.keys) = 1 and import_words.entity = any (r.against));
    several constant boolean := exists (select from sluice.duplicate_rule r
                                         where r.entity = import_words.entity and r.enabled and r.kind = 'exact' and cardinality(r.keys) > 1);
begin
    return query
    select x.line, x.word, x.kind in ('external_id', 'row') or x.kind = any (own_kinds)
      from (select w.line, u.word, u.kind, u.kind = 'external_id' or u.kind = any (kinds) as counts,
                   bool_or(u.kind = 'external_id' or u.kind = any (own_kinds)) over (partition by w.line) as has_own
              from unnest(lines, import_words.words) w(line, words)
             cross join lateral (select t.word, split_part(t.word, ':', 1) as kind
                                   from unnest(string_to_array(w.words, E'\x1f')) t(word)) u) x
     where x.counts or (x.kind = 'row' and not x.has_own);
    if several then
        return query
        select lines[m.n], 'rule:' || r.key || ':' || string_agg(k.first, '|' order by k.n), import_words.entity = any (r.against)
          from json_array_elements(sent) with ordinality m(value, n)
          join sluice.duplicate_rule r on r.entity = import_words.entity and r.enabled and r.kind = 'exact' and cardinality(r.keys) > 1
         cross join lateral (select (sluice.match_sent_keys(m.value::jsonb, y.kind))[1] as first, y.n
                               from unnest(r.keys) with ordinality y(kind, n)) k
         group by m.n, r.key, r.against
        having count(k.first) = count(*);
    end if;
end
$$;

-- Records that the words find. Each word looks into an index, whatever the planner thinks of tables that grow while it
-- looks on: without statistics it takes living records for few, and would walk an index of those. Nobody is asked in
-- an import, so that exact rules of every mode count.
create or replace function sluice.import_matches(entity text, lines bigint[], words text[], sent json)
returns table (line bigint, record_id uuid)
    language plpgsql stable set enable_seqscan = off set enable_bitmapscan = off as $$
begin
    return query execute format($sql$
        select w.line, m.id
          from unnest($1, $2) w(line, word)
         cross join lateral (select r.id from sluice.%1$I r
                              where r.external_id = substr(w.word, 13) and r.external_id is not null and r.deleted_at is null
                              limit 1) m
         where w.word like 'external\_id:%%'
        union all
        select w.line, m.record_id
          from unnest($1, $2) w(line, word)
          join sluice.duplicate_rule d on d.entity = %1$L and d.enabled and d.kind = 'exact' and cardinality(d.keys) = 1
                                      and d.keys[1] = split_part(w.word, ':', 1)
         cross join lateral (select k.record_id from sluice.match_key k
                              where k.kind = d.keys[1] and k.key = substr(w.word, length(d.keys[1]) + 2)
                                and k.entity = any (d.against)
                              order by k.entity <> %1$L, k.record_id limit 1) m
        union all
        select w.line, r.id
          from unnest($1, $2) w(line, word)
          join sluice.import_seen s on s.key = md5(%1$L || w.word)::uuid
          join sluice.%1$I r on r.id = s.record_id and r.deleted_at is null
         where w.word like 'row:%%'
        $sql$, entity)
      using lines, words;
    return query
    select lines[m.n], h.record_id
      from sluice.duplicate_rule r
     cross join json_array_elements(sent) with ordinality m(value, n)
     cross join lateral sluice.match_exact(r.keys, r.against, m.value::jsonb, '{}') h
     where r.entity = import_matches.entity and r.enabled and r.kind = 'exact' and cardinality(r.keys) > 1;
end
$$;

-- Keeps the exact keys of new records, as their words say them; names are made and compared by a job of their own, but
-- where exact rules ask for them.
create or replace function sluice.import_match(entity text, ids uuid[], words text[], sent json) returns void
    language plpgsql as $$
begin
    insert into sluice.match_key (kind, key, entity, record_id)
    select k.kind, substr(k.word, length(k.kind) + 2), import_match.entity, k.id
      from (select r.id, t.word, split_part(t.word, ':', 1) as kind
              from unnest(ids, words) r(id, words) cross join lateral unnest(string_to_array(r.words, E'\x1f')) t(word)) k
     where k.kind not in ('external_id', 'row')
        on conflict do nothing;
    insert into sluice.match_name (record_id, entity, name, city, postcode, street, bands, trigrams, print)
    select m.id, import_match.entity, m.name, m.city, m.postcode, m.street, m.bands, m.trigrams, ('x' || m.print)::bit(64)
      from json_to_recordset(sent) m(id uuid, name text, city text, postcode text, street text, bands integer[],
                                     trigrams smallint, print text)
     where m.name is not null and m.id = any (ids);
end
$$;

-- Puts the records where a create would: with their first state and visit, an entry of history, an event, and the
-- text that searches look through. The triggers that do so for one row leave rows with an import_id alone. chosen: the
-- version that governs them, 'none', or null where none of them asks for a decision; see sluice.birth().
create or replace function sluice.import_insert(import uuid, entity text, bodies json, chosen text) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    shared constant text := 'id, email, phone, description, source, campaign, external_id, owner_id';
    own text := case entity
        when 'lead' then 'first_name, last_name, company, job_title, tax_id, website, industry, street, postcode, city, '
                      || 'country, need, budget_confirmed, estimated_value_amount, estimated_value_currency, tags'
        when 'account' then 'name, tax_id, website, industry, street, postcode, city, country, tags'
        else 'account_id, first_name, last_name, job_title, role' end;
    words text := case entity
        when 'lead' then 'n.first_name, n.last_name, n.company, n.email, n.phone, sluice.digits(n.phone), n.tax_id, sluice.digits(n.tax_id)'
        when 'account' then 'n.name, n.email, n.phone, sluice.digits(n.phone), n.tax_id, sluice.digits(n.tax_id)'
        else 'n.first_name, n.last_name, n.email, n.phone, sluice.digits(n.phone)' end;
    born_version uuid;
    born_state text;
    born_via text;
begin
    if entity <> 'contact' and chosen is distinct from 'none' then
        select v.id, t.to_state, t.key into born_version, born_state, born_via
          from sluice.blueprint b
          join sluice.blueprint_version v on v.blueprint_id = b.id and v.status = 'published'
          join sluice.transition t on t.blueprint_version_id = v.id and t.kind = 'initial'
         where b.entity = import_insert.entity and case when chosen is null then v.criteria = '[]' else v.id::text = chosen end
         order by b.priority desc, b.key limit 1;
        if not found then
            raise exception using errcode = 'SLAGN', message = 'stale';  -- another process is in force: read again
        end if;
    end if;
    execute format($sql$
        with n as (
            insert into sluice.%1$I (%2$s, %3$s, import_id, custom %4$s)
            select %2$s, %3$s, $2, coalesce(custom, '{}') %5$s from json_populate_recordset(null::sluice.%1$I, $1)
            returning *),
        visits as (
            insert into sluice.visit (id, entity, record_id, blueprint_version_id, state, entered_at, entered_by, via)
            select sluice.next_seq(), %6$L, n.id, $3, $4, sluice.now(), sluice.actor_id(), $5 from n where $4 is not null),
        texts as (
            insert into sluice.search_text (entity, record_id, text)
            select %6$L, n.id, concat_ws(' ', %7$s) from n),
        born as materialized (  -- what no body says: state and defaults, the same for all
            select coalesce(jsonb_object_agg(e.key, jsonb_build_object('old', null, 'new', e.value)), '{}') as changes
              from n cross join lateral jsonb_each(
                       to_jsonb(n) - '{id,version,created_at,updated_at,created_by,import_id,custom}'::text[]
                                   - array(select json_object_keys($1 -> 0))) e
             where n.id = ($1 -> 0 ->> 'id')::uuid and e.value <> 'null'),
        entries as (
            insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation,
                                      to_state, changes, detail)
            select sluice.next_seq(), sluice.now(), 'create', %6$L, n.id, sluice.actor_kind(), sluice.actor_id(),
                   nullif(current_setting('sluice.request_id', true), ''), 'import_run', $4,
                   (select born.changes from born)
                       || case when b.changes ? 'custom' then sluice.audit_custom(b.changes) else b.changes end, jsonb_build_object('import', $2)
              from n
              join (select (x.value ->> 'id')::uuid as id,
                           -- a text that is read once is three times as fast as an aggregate of objects
                           (select coalesce(('{' || string_agg(to_json(e.key) || ':{"old":null,"new":' || e.value || '}', ',') || '}')::jsonb,
                                            '{}')
                              from json_each(x.value) e where e.key <> 'id') as changes
                      from json_array_elements($1) x offset 0) b on b.id = n.id  -- else it is made twice
            returning seq, record_id)
        insert into sluice.outbox (id, audit_seq, type, entity, record_id)
        select sluice.next_seq(), e.seq, %6$L || '.created', %6$L, e.record_id from entries e
        $sql$, entity, shared, own,
        case when entity <> 'contact' then ', blueprint_version_id, state, state_entered_at' end,
        case when entity <> 'contact' then ', $3, $4, sluice.now()' end,
        entity, words)
      using bodies, import, born_version, born_state, born_via;
    if entity <> 'contact' and sluice.reacts(born_version, born_state, null) then
        perform sluice.recheck_add(entity, (b.value ->> 'id')::uuid) from json_array_elements(bodies) b;
    end if;
end
$$;

-- Rows whose records cannot be: what they refer to is not there.
create or replace function sluice.import_faults(lines bigint[], bodies json)
returns table (line bigint, errors jsonb)
    language sql stable as $$
    select b.line, jsonb_agg(jsonb_build_object('pointer', f.pointer, 'code', 'unknown_reference', 'detail', f.detail))
      from unnest(lines) with ordinality l(line, n)
      join (select x.value, x.n, lines[x.n] as line
              from json_array_elements(bodies) with ordinality x(value, n)) b on b.n = l.n
     cross join lateral (
        select '/owner_id' as pointer, 'There is no such user.' as detail
         where b.value ->> 'owner_id' is not null
           and not exists (select from sluice.app_user u where u.id = (b.value ->> 'owner_id')::uuid)
        union all
        select '/account_id', 'There is no such account.'
         where b.value ->> 'account_id' is not null
           and not exists (select from sluice.account a where a.id = (b.value ->> 'account_id')::uuid and a.deleted_at is null)) f
     group by b.line;
$$;

-- Inserts; where the database refuses, halves are tried, so that one bad row costs itself only. Returns the lines
-- that were refused.
create or replace function sluice.import_store(import uuid, entity text, lines bigint[], bodies json, chosen text)
returns jsonb
    language plpgsql as $$
declare
    n integer := cardinality(lines);
    half integer := n / 2;
    state text;
    place text;
    told text;
begin
    if n = 0 then
        return '{}';
    end if;
    begin
        perform sluice.import_insert(import, entity, bodies, chosen);
        return '{}';
    exception when integrity_constraint_violation or data_exception or sqlstate 'SL422' or sqlstate 'SL409' then
        get stacked diagnostics state = returned_sqlstate, place = column_name, told = pg_exception_detail;
    end;
    if n = 1 then
        return jsonb_build_object(lines[1], jsonb_build_array(jsonb_build_object(
            'pointer', case state when 'SL422' then place else '' end,
            'code', case state when '23503' then 'unknown_reference' when '23505' then 'conflict' else 'validation_failed' end,
            'detail', case state when '23503' then 'What the row refers to is not there.'
                                 when '23505' then 'Another record has the same key.'
                                 when 'SL422' then told
                                 else 'The database does not take a value of the row.' end)));
    end if;
    return sluice.import_store(import, entity, lines[:half],
               (select json_agg(b.value order by b.n) from json_array_elements(bodies) with ordinality b(value, n) where b.n <= half), chosen)
        || sluice.import_store(import, entity, lines[half + 1:],
               (select json_agg(b.value order by b.n) from json_array_elements(bodies) with ordinality b(value, n) where b.n > half), chosen);
end
$$;

-- One slice of a check or a run, in one transaction: keys, duplicates, records, results, and how far the job has
-- come. @lines, @ids, @words: the valid rows (import_words); @bodies: their records, and @sent: what they are compared
-- by, in the same order; @chosen: the versions that govern them, null if there was nothing to decide; @unborn: line ->
-- errors of those that may not be born; @bad: [{"line", "errors", "cells"}]. False: the job is no longer ours, or stands elsewhere.
create or replace function sluice.import_slice(
    job uuid, daemon uuid, at bigint, next_at bigint, next_line bigint, over boolean, lines bigint[], ids uuid[],
    words text[], bodies json, sent json, chosen text[], unborn jsonb, bad jsonb
) returns boolean
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    j sluice.job;
    i sluice.import;
    dry boolean;
    said_lines bigint[];
    said_words text[];
    said_own boolean[];
    twice jsonb;    -- line -> the line that had a key first
    known jsonb;    -- line -> the record that is there already
    wrong jsonb := coalesce(unborn, '{}');    -- line -> errors
    version text;
    fresh bigint[];
    fresh_ids uuid[];
    fresh_words text[];
    fresh_bodies json;
    n_bad integer := coalesce(jsonb_array_length(bad), 0);
    counts record;
begin
    select * into j from sluice.job x
     where x.id = job and x.claimed_by = daemon and x.status = 'running' for update;
    if not found then
        return false;
    end if;
    select * into i from sluice.import x where x.id = (j.params ->> 'import')::uuid for update;
    if coalesce((j.cursor ->> 'at')::bigint, i.data_at) <> at then
        return false;
    end if;
    dry := (j.params ->> 'dry')::boolean;
    if not dry then
        perform sluice.match_import_begin();
    end if;
    perform set_config('sluice.actor_kind', 'import', true),
            set_config('sluice.actor_id', coalesce(i.created_by::text, ''), true);
    if bodies::text ~ '"(owner_id|account_id)"' then
        select wrong || coalesce(jsonb_object_agg(f.line, f.errors), '{}') into wrong from sluice.import_faults(lines, bodies) f;
    end if;
    select array_agg(w.line), array_agg(w.word), array_agg(w.own) into said_lines, said_words, said_own
      from sluice.import_words(i.entity, lines, words, sent) w
     where not wrong ? w.line::text;

    with k as materialized (
        select r.line, md5(i.entity || r.word)::uuid as key
          from unnest(said_lines, said_words, said_own) r(line, word, own) where r.own),
    first as (
        insert into sluice.import_key (pass_id, key, line)
        select job, k.key, min(k.line) from k group by k.key
            on conflict do nothing
        returning import_key.key, import_key.line)
    select coalesce(jsonb_object_agg(x.line, x.other), '{}') into twice
      from (select k.line, min(coalesce(f.line, o.line)) as other
              from k
              left join first f on f.key = k.key
              left join lateral (select x.line from sluice.import_key x where x.pass_id = job and x.key = k.key limit 1) o on true
             where coalesce(f.line, o.line) < k.line
             group by k.line) x;
    select coalesce(jsonb_object_agg(m.line, m.record_id), '{}') into known
      from (select distinct on (m.line) m.line, m.record_id
              from sluice.import_matches(i.entity, said_lines, said_words, sent) m
             where not twice ? m.line::text and not wrong ? m.line::text
             order by m.line, m.record_id) m;

    if not dry then
        for version, fresh, fresh_bodies in
            select chosen[r.n], array_agg(r.line order by r.n), json_agg(b.value order by r.n)
              from unnest(lines) with ordinality r(line, n)
              join json_array_elements(bodies) with ordinality b(value, n) on b.n = r.n
             where not twice ? r.line::text and not known ? r.line::text and not wrong ? r.line::text
             group by chosen[r.n]
        loop
            wrong := wrong || sluice.import_store(i.id, i.entity, fresh, fresh_bodies, version);
        end loop;
        select coalesce(array_agg(r.id), '{}'), array_agg(r.words) into fresh_ids, fresh_words
          from unnest(lines, ids, words) r(line, id, words)
         where not twice ? r.line::text and not known ? r.line::text and not wrong ? r.line::text;
        perform sluice.import_match(i.entity, fresh_ids, fresh_words, sent);
        insert into sluice.import_seen (key, record_id)
        select md5(i.entity || w.word)::uuid, r.id
          from unnest(said_lines, said_words) w(line, word)
          join unnest(lines, ids) r(line, id) on r.line = w.line
          join unnest(fresh_ids) f(id) on f.id = r.id
         where w.word like 'row:%'
            on conflict (key) do update set record_id = excluded.record_id;
    end if;

    with results as (
        insert into sluice.import_row (pass_id, line, outcome, record_id, other_line, errors)
        select job, r.line,
               case when wrong ? r.line::text then 'invalid' when twice ? r.line::text then 'duplicate_in_file'
                    when known ? r.line::text then 'duplicate' else 'created' end,
               case when wrong ? r.line::text or twice ? r.line::text then null
                    when known ? r.line::text then (known ->> r.line::text)::uuid
                    when not dry then r.id end,
               (twice ->> r.line::text)::bigint, wrong -> r.line::text
          from unnest(lines, ids) r(line, id)
        returning import_row.outcome)
    select count(*) filter (where r.outcome = 'created') as created,
           count(*) filter (where r.outcome = 'duplicate') as duplicate,
           count(*) filter (where r.outcome = 'duplicate_in_file') as in_file,
           count(*) filter (where r.outcome = 'invalid') as invalid
      into counts from results r;
    insert into sluice.import_row (pass_id, line, outcome, errors, cells)
    select job, b.line, 'invalid', b.errors, b.cells
      from jsonb_to_recordset(bad) b(line bigint, errors jsonb, cells jsonb);

    update sluice.import x
       set bytes_read = next_at, rows_read = x.rows_read + cardinality(lines) + n_bad,
           created = x.created + counts.created, duplicate = x.duplicate + counts.duplicate,
           duplicate_in_file = x.duplicate_in_file + counts.in_file, invalid = x.invalid + counts.invalid + n_bad
     where x.id = i.id
    returning * into i;
    update sluice.job x
       set done = i.rows_read, heartbeat_at = clock_timestamp(),
           cursor = jsonb_build_object('at', next_at, 'line', next_line, 'over', over)
     where x.id = job;
    return true;
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
create or replace function sluice.import_births(job uuid, bodies json) returns table (facts jsonb)
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
        select sluice.birth_facts(i.entity, b.value::jsonb, i.actor_kind,
                                  case when i.actor_kind = 'user' then i.created_by end, roles, teams)
          from json_array_elements(bodies) with ordinality b(value, n) order by b.n;
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
    sluice.import_slice(uuid, uuid, bigint, bigint, bigint, boolean, bigint[], uuid[], text[], json, json, text[], jsonb, jsonb),
    sluice.import_births(uuid, json), sluice.import_fail(uuid, uuid, text), sluice.import_revert(uuid, uuid),
    sluice.import_revert_slice(uuid, uuid, integer)
    to sluice_app;

reset role;
