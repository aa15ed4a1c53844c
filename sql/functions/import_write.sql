-- Rows of an import become records, thousands in a transaction. Rows go by their number in the slice, from 1: @lines, @ids,
-- @bodies (records as JSON), @changes (their entries of history) have one element each; their words lie in three more
-- arrays, @ns, @kinds, @keys: the exact keys of lib/quality, "external_id", and "row", the hash of the whole row where it
-- has none of those that rows are compared with each other by.

set role sluice_owner;

drop function if exists sluice.import_words(text, integer[], text[], text[], json),
    sluice.import_twice(uuid, text, bigint[], integer[], text[], text[], boolean[]),
    sluice.import_matches(text, integer[], text[], text[], json),
    sluice.import_slice(uuid, uuid, bigint, bigint, bigint, boolean, bigint[], uuid[], text[], text[], integer[], text[], text[],
                        json, boolean, text[], jsonb, jsonb);

-- The kinds of words by which rows of a file are compared with each other. A row that has none of them is known by all of
-- it, a word of kind "row".
create or replace function sluice.import_own(entity text) returns text[]
    language plpgsql stable as $$
begin
    return array(select r.keys[1] from sluice.duplicate_rule r
                  where r.entity = import_own.entity and r.enabled and r.kind = 'exact' and cardinality(r.keys) = 1
                    and import_own.entity = any (r.against) order by 1) || '{external_id}'::text[];
end
$$;

-- The words that rules make which want several kinds; rows of a file are compared by them, too.
create or replace function sluice.import_rules(entity text, sent json)
returns table (n integer, key text)
    language plpgsql stable as $$
begin
    if not exists (select from sluice.duplicate_rule r
                    where r.entity = import_rules.entity and r.enabled and r.kind = 'exact' and cardinality(r.keys) > 1) then
        return;
    end if;
    return query
    select m.n::integer, r.key || ':' || string_agg(k.first, '|' order by k.n)
      from json_array_elements(sent) with ordinality m(value, n)
      join sluice.duplicate_rule r on r.entity = import_rules.entity and r.enabled and r.kind = 'exact' and cardinality(r.keys) > 1
                                  and import_rules.entity = any (r.against)
     cross join lateral (select (sluice.match_sent_keys(m.value::jsonb, y.kind))[1] as first, y.n
                           from unnest(r.keys) with ordinality y(kind, n)) k
     group by m.n, r.key
    having count(k.first) = count(*);
end
$$;

-- Rows whose words another line of the pass had first, and which; @own: the kinds that count, @fine: the rows. Nested
-- loops over what arrays hold are kept away: the planner takes them for short. The pass is ours (its job is locked), so
-- that a key that is not there when we look can be inserted without asking again.
create or replace function sluice.import_twice(
    pass uuid, entity text, lines bigint[], fine boolean[], ns integer[], kinds text[], keys text[], own text[]
) returns table (n integer, other bigint)
    language plpgsql set enable_nestloop = off set plan_cache_mode = force_generic_plan as $$
begin
    return query
    with k as materialized (
        select w.n, lines[w.n] as line, md5(import_twice.entity || w.kind || ':' || w.key)::uuid as key
          from unnest(ns, import_twice.kinds, import_twice.keys) w(n, kind, key)
         where w.kind = any (own) and fine[w.n]),
    met as materialized (
        select f.key, f.line, (select x.line from sluice.import_key x where x.pass_id = pass and x.key = f.key) as had
          from (select k.key, min(k.line) as line from k group by k.key) f),
    news as (
        insert into sluice.import_key (pass_id, key, line)
        select pass, met.key, met.line from met where met.had is null)
    select k.n, min(coalesce(met.had, met.line))
      from k join met on met.key = k.key
     where coalesce(met.had, met.line) < k.line
     group by k.n;
end
$$;

-- Records that the words of rows (@fine: which) find. Each word looks into an index, whatever the planner thinks of tables
-- that grow while it looks on: without statistics it takes living records for few, and would walk an index of those.
-- Nobody is asked in an import, so that exact rules of every mode count.
create or replace function sluice.import_matches(
    entity text, fine boolean[], ns integer[], kinds text[], keys text[], sent json
) returns table (n integer, record_id uuid)
    language plpgsql stable set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan as $$
declare
    d sluice.duplicate_rule;
begin
    for d in select * from sluice.duplicate_rule r
              where r.entity = import_matches.entity and r.enabled and r.kind = 'exact' loop
        if cardinality(d.keys) = 1 then
            return query
            select w.n, m.record_id
              from unnest(ns, import_matches.kinds, import_matches.keys) w(n, kind, key)
             cross join lateral (select k.record_id from sluice.match_key k
                                  where k.kind = w.kind and k.key = w.key and k.entity = any (d.against)
                                  order by k.entity <> import_matches.entity, k.record_id limit 1) m
             where w.kind = d.keys[1] and fine[w.n];
        else
            return query
            select m.n::integer, h.record_id
              from json_array_elements(sent) with ordinality m(value, n)
             cross join lateral sluice.match_exact(d.keys, d.against, m.value::jsonb, '{}') h
             where fine[m.n::integer];
        end if;
    end loop;
    if 'external_id' = any (kinds) then
        return query execute format($sql$
            select w.n, m.id
              from unnest($1, $2, $3) w(n, kind, key)
             cross join lateral (select r.id from sluice.%I r
                                  where r.external_id = w.key and r.external_id is not null and r.deleted_at is null
                                  limit 1) m
             where w.kind = 'external_id' and $4[w.n]
            $sql$, entity)
          using ns, kinds, keys, fine;
    end if;
    if 'row' = any (kinds) then
        return query execute format($sql$
            select w.n, r.id
              from unnest($1, $2, $3) w(n, kind, key)
              join sluice.import_seen s on s.key = md5(%1$L || w.kind || ':' || w.key)::uuid
              join sluice.%1$I r on r.id = s.record_id and r.deleted_at is null
             where w.kind = 'row' and $4[w.n]
            $sql$, entity)
          using ns, kinds, keys, fine;
    end if;
end
$$;

-- Keeps the exact keys of new records (@made: which), as their words say them: records that nobody has seen yet have none,
-- and the words of a row are all different. Names are made and compared by a job of their own, but where exact rules
-- ask for them.
create or replace function sluice.import_match(entity text, ids uuid[], made boolean[], ns integer[], kinds text[], keys text[], sent json)
returns void
    language plpgsql as $$
begin
    insert into sluice.match_key (kind, key, entity, record_id)
    select w.kind, w.key, import_match.entity, ids[w.n]
      from unnest(ns, import_match.kinds, import_match.keys) w(n, kind, key)
     where made[w.n] and w.kind not in ('external_id', 'row');
    insert into sluice.match_name (record_id, entity, name, city, postcode, street, bands, trigrams, print)
    select (m.value ->> 'id')::uuid, import_match.entity, x.name, x.city, x.postcode, x.street, x.bands, x.trigrams, ('x' || x.print)::bit(64)
      from json_array_elements(sent) with ordinality m(value, n)
     cross join lateral json_to_record(m.value) x(name text, city text, postcode text, street text, bands integer[], trigrams smallint, print text)
     where x.name is not null and made[m.n::integer];
end
$$;

-- Puts the records where a create would: with their first state and visit, an entry of history, an event, and the
-- text that searches look through. The triggers that do so for one row leave rows with an import_id alone. chosen: the
-- version that governs them, 'none', or null where none of them asks for a decision; see sluice.birth(). What a column
-- says of itself when no body does (state and defaults) is the same for all, and stands in front of their changes.
create or replace function sluice.import_insert(import uuid, entity text, ids uuid[], bodies text[], changes text[], chosen text)
returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    shared constant text := 'id, email, phone, description, source, campaign, external_id, owner_id';
    own text := case entity
        when 'lead' then 'first_name, last_name, company, job_title, tax_id, website, industry, street, postcode, city, '
                      || 'country, need, budget_confirmed, estimated_value_amount, estimated_value_currency, tags'
        when 'account' then 'name, tax_id, website, industry, street, postcode, city, country, tags'
        else 'account_id, first_name, last_name, job_title, role' end;
    words text := case entity
        when 'lead' then 't.first_name, t.last_name, t.company, t.email, t.phone, sluice.digits(t.phone), t.tax_id, sluice.digits(t.tax_id)'
        when 'account' then 't.name, t.email, t.phone, sluice.digits(t.phone), t.tax_id, sluice.digits(t.tax_id)'
        else 't.first_name, t.last_name, t.email, t.phone, sluice.digits(t.phone)' end;
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
            insert into sluice.%1$I as t (%2$s, %3$s, import_id, custom %4$s)
            select %2$s, %3$s, $3, coalesce(custom, '{}') %5$s
              from json_populate_recordset(null::sluice.%1$I, ('[' || array_to_string($2, ',') || ']')::json)
            returning t.id, concat_ws(' ', %7$s) as text, case when t.id = $1[1] then to_jsonb(t) end as first),
        visits as (
            insert into sluice.visit (id, entity, record_id, blueprint_version_id, state, entered_at, entered_by, via)
            select sluice.next_seq(), %6$L, r.id, $5, $6, $8, $9, $7 from unnest($1) r(id) where $6 is not null),
        texts as (
            insert into sluice.search_text (entity, record_id, text)
            select %6$L, n.id, n.text from n),
        born as materialized (
            select coalesce(string_agg(to_json(e.key) || ':{"old":null,"new":' || e.value || '},', ''), '') as changes
              from n cross join lateral jsonb_each(
                       n.first - '{id,version,created_at,updated_at,created_by,import_id,custom}'::text[]
                               - array(select json_object_keys($2[1]::json))) e
             where n.first is not null and e.value <> 'null'),
        entries as (
            insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation,
                                      to_state, changes, detail)
            select sluice.next_seq(), $8, 'create', %6$L, r.id, $10, $9, $11, 'import_run', $6,
                   ('{' || rtrim((select born.changes from born) || r.changes, ',') || '}')::jsonb, $12
              from unnest($1, $4) r(id, changes)
            returning seq, record_id)
        insert into sluice.outbox (id, audit_seq, type, entity, record_id)
        select sluice.next_seq(), e.seq, %6$L || '.created', %6$L, e.record_id from entries e
        $sql$, entity, shared, own,
        case when entity <> 'contact' then ', blueprint_version_id, state, state_entered_at' end,
        case when entity <> 'contact' then ', $5, $6, $8' end,
        entity, words)
      using ids, bodies, import, changes, born_version, born_state, born_via, sluice.now(), sluice.actor_id(), sluice.actor_kind(),
            nullif(current_setting('sluice.request_id', true), ''), jsonb_build_object('import', import);
    if entity <> 'contact' and sluice.reacts(born_version, born_state, null) then
        perform sluice.recheck_add(entity, r.id) from unnest(ids) r(id);
    end if;
end
$$;

-- Rows whose records cannot be: what they refer to is not there.
create or replace function sluice.import_faults(bodies text[])
returns table (n integer, errors jsonb)
    language sql stable as $$
    select b.n::integer, jsonb_agg(jsonb_build_object('pointer', f.pointer, 'code', 'unknown_reference', 'detail', f.detail))
      from unnest(bodies) with ordinality b(body, n)
     cross join lateral json_to_record(b.body::json) x(owner_id uuid, account_id uuid)
     cross join lateral (
        select '/owner_id' as pointer, 'There is no such user.' as detail
         where x.owner_id is not null and not exists (select from sluice.app_user u where u.id = x.owner_id)
        union all
        select '/account_id', 'There is no such account.'
         where x.account_id is not null
           and not exists (select from sluice.account a where a.id = x.account_id and a.deleted_at is null)) f
     group by b.n;
$$;

-- Inserts; where the database refuses, halves are tried, so that one bad row costs itself only. Returns the lines
-- that were refused: line -> errors.
create or replace function sluice.import_store(
    import uuid, entity text, lines bigint[], ids uuid[], bodies text[], changes text[], chosen text
) returns jsonb
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
        perform sluice.import_insert(import, entity, ids, bodies, changes, chosen);
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
    return sluice.import_store(import, entity, lines[:half], ids[:half], bodies[:half], changes[:half], chosen)
        || sluice.import_store(import, entity, lines[half + 1:], ids[half + 1:], bodies[half + 1:], changes[half + 1:], chosen);
end
$$;

-- One slice of a check or a run, in one transaction: keys, duplicates, records, results, and how far the job has
-- come. @lines, @ids, @bodies, @changes and the words: the valid rows; @sent: what they are compared by where rules want
-- more than words, in the same order; @own: what import_own() said when they were read; @refers: some name an owner or an
-- account; @chosen: the versions that govern them, null if there was nothing to decide; @unborn: line -> errors of those
-- that may not be born; @bad: [{"line", "errors", "cells"}]. False: the job is no longer ours, or stands elsewhere, or the
-- rules are others now: it is to be read again.
create or replace function sluice.import_slice(
    job uuid, daemon uuid, at bigint, next_at bigint, next_line bigint, over boolean, lines bigint[], ids uuid[],
    bodies text[], changes text[], ns integer[], kinds text[], keys text[], sent json, own text[], refers boolean,
    chosen text[], unborn jsonb, bad jsonb
) returns boolean
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    j sluice.job;
    i sluice.import;
    dry boolean;
    size constant integer[] := array[cardinality(lines)];
    fine boolean[] := array_fill(true, size);    -- by row: nothing stands against it
    twice bigint[] := array_fill(null::bigint, size);    -- the line that had a key first
    known uuid[] := array_fill(null::uuid, size);    -- the record that is there already
    wrong jsonb[] := array_fill(null::jsonb, size);    -- errors
    more record;    -- the words of rules that want several kinds
    refused jsonb := '{}';    -- line -> errors
    n_bad integer := coalesce(jsonb_array_length(bad), 0);
    counts record;
    r record;
begin
    select * into j from sluice.job x
     where x.id = job and x.claimed_by = daemon and x.status = 'running' for update;
    if not found then
        return false;
    end if;
    select * into i from sluice.import x where x.id = (j.params ->> 'import')::uuid for update;
    if coalesce((j.cursor ->> 'at')::bigint, i.data_at) <> at or own <> sluice.import_own(i.entity) then
        return false;
    end if;
    dry := (j.params ->> 'dry')::boolean;
    if not dry then
        perform sluice.match_import_begin();
    end if;
    perform set_config('sluice.actor_kind', 'import', true),
            set_config('sluice.actor_id', coalesce(i.created_by::text, ''), true);
    for r in select f.n, f.errors from sluice.import_faults(case when refers then bodies end) f
             union all
             select x.n, unborn -> x.line::text from unnest(lines) with ordinality x(line, n) where unborn ? x.line::text loop
        wrong[r.n] := coalesce(wrong[r.n], '[]') || r.errors;
        fine[r.n] := false;
    end loop;
    select array_agg(x.n) as ns, array_agg('rule'::text) as kinds, array_agg(x.key) as keys into more
      from sluice.import_rules(i.entity, sent) x;
    for r in select t.n, t.other from sluice.import_twice(job, i.entity, lines, fine, ns || more.ns, kinds || more.kinds,
                                                          keys || more.keys, own || '{row,rule}') t loop
        twice[r.n] := r.other;
        fine[r.n] := false;
    end loop;
    for r in select distinct on (m.n) m.n, m.record_id from sluice.import_matches(i.entity, fine, ns, kinds, keys, sent) m
              order by m.n, m.record_id loop
        known[r.n] := r.record_id;
        fine[r.n] := false;
    end loop;

    if not dry then
        for r in
            select x.chosen, array_agg(x.line) as lines, array_agg(x.id) as ids, array_agg(x.body) as bodies,
                   array_agg(x.changes) as changes
              from (select y.*
                      from unnest(lines, ids, bodies, changes, import_slice.chosen)
                           with ordinality y(line, id, body, changes, chosen, n)
                     where fine[y.n]
                     order by y.chosen, y.n) x
             group by x.chosen
        loop
            refused := refused || sluice.import_store(i.id, i.entity, r.lines, r.ids, r.bodies, r.changes, r.chosen);
        end loop;
        for r in select x.n, refused -> x.line::text as errors from unnest(lines) with ordinality x(line, n)
                  where refused <> '{}' and refused ? x.line::text loop
            wrong[r.n] := r.errors;
            fine[r.n] := false;
        end loop;
        perform sluice.import_match(i.entity, ids, fine, ns, kinds, keys, sent);
        insert into sluice.import_seen (key, record_id)
        select md5(i.entity || w.kind || ':' || w.key)::uuid, ids[w.n]
          from unnest(ns, kinds, keys) w(n, kind, key)
         where w.kind = 'row' and fine[w.n]
            on conflict (key) do update set record_id = excluded.record_id;
    end if;

    with results as (
        insert into sluice.import_row (pass_id, line, outcome, record_id, other_line, errors)
        select job, x.line,
               case when x.wrong is not null then 'invalid' when x.twice is not null then 'duplicate_in_file'
                    when x.known is not null then 'duplicate' else 'created' end,
               case when x.wrong is not null or x.twice is not null then null
                    when x.known is not null then x.known
                    when not dry then x.id end,
               x.twice, x.wrong
          from unnest(lines, ids, twice, known, wrong) x(line, id, twice, known, wrong)
        returning import_row.outcome)
    select count(*) filter (where x.outcome = 'created') as created,
           count(*) filter (where x.outcome = 'duplicate') as duplicate,
           count(*) filter (where x.outcome = 'duplicate_in_file') as in_file,
           count(*) filter (where x.outcome = 'invalid') as invalid
      into counts from results x;
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

grant execute on function
    sluice.import_own(text), sluice.import_slice(uuid, uuid, bigint, bigint, bigint, boolean, bigint[], uuid[], text[], text[], integer[], text[], text[],
                        json, text[], boolean, text[], jsonb, jsonb)
    to sluice_app;

reset role;
