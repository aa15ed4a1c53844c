-- Duplicates of many records at once: a set of statements for a batch, where the trigger of a single record would look
-- for each. What adds records by the thousand does, in one transaction:
--
--   perform sluice.match_import_begin();              no other writer looks until this transaction ends, and the
--                                                     triggers leave keys alone
--   select * from sluice.match_known(entity, lines, kinds, keys)   lines that are there already, by which rule
--   select * from sluice.match_twice(entity, lines, kinds, keys)   lines that an earlier one of the batch is
--   insert into sluice.account ... select ...                      the others
--   perform sluice.match_import_store(entity, ids, kinds, keys)    their exact keys
--   perform sluice.match_later(entity, ids)                        their names: the daemon makes the rest of the keys
--                                                                  and lists what the rules that only flag, and the
--                                                                  fuzzy ones, find
--
-- A row of lines, kinds and keys is one key of one line; kinds are those of exact rules (and name, city, postcode,
-- street). Rules that refuse or ask count: a batch has nobody to ask. The keys of the whole batch are looked up with one
-- join a rule.

set role sluice_owner;

create or replace function sluice.match_import_begin() returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    perform pg_advisory_xact_lock(19002, 0);
    perform set_config('sluice.match', '{"import": true}', true);
end
$$;

-- Lines that a rule takes for a record that is there: each by the strictest rule.
create or replace function sluice.match_known(entity text, lines bigint[], kinds text[], keys text[])
returns table (line bigint, rule text, mode text, against text, record_id uuid)
    language plpgsql stable security definer set search_path = sluice, pg_temp as $$
declare
    r sluice.duplicate_rule;
    rest text[];
begin
    for r in select * from sluice.duplicate_rule x
              where x.entity = match_known.entity and x.enabled and x.kind = 'exact' and x.mode <> 'flag'
              order by sluice.match_strictness(x.mode) desc, x.position, x.key loop
        rest := array_remove(r.keys, sluice.match_driver(r.keys));
        return query
            with sent as materialized (
                select s.line, s.kind, s.key from unnest(lines, kinds, keys) s(line, kind, key)),
            hits as (
                select s.line, k.entity, k.record_id
                  from sent s join sluice.match_key k on k.kind = s.kind and k.key = s.key
                 where s.kind = sluice.match_driver(r.keys) and s.kind <> 'name' and k.entity = any(r.against)
                union
                select s.line, n.entity, n.record_id
                  from sent s join sluice.match_name n on n.name = s.key
                 where s.kind = sluice.match_driver(r.keys) and s.kind = 'name' and n.entity = any(r.against))
            select distinct on (h.line) h.line, r.key, r.mode, h.entity, h.record_id
              from hits h
             where rest = '{}' or (
                   select bool_and(exists (
                       select from sent s
                        where s.line = h.line and s.kind = k
                          and case when k in ('name', 'city', 'postcode', 'street')
                                   then exists (select from sluice.match_name n
                                                 where n.record_id = h.record_id
                                                   and s.key = case k when 'name' then n.name when 'city' then n.city
                                                                      when 'postcode' then n.postcode else n.street end)
                                   else exists (select from sluice.match_key m
                                                 where m.record_id = h.record_id and m.kind = k and m.key = s.key) end))
                     from unnest(rest) k)
             order by h.line, h.record_id;
    end loop;
end
$$;

-- Lines that a rule takes for an earlier one of the batch.
create or replace function sluice.match_twice(entity text, lines bigint[], kinds text[], keys text[])
returns table (line bigint, rule text, mode text, first bigint)
    language plpgsql stable security definer set search_path = sluice, pg_temp as $$
declare
    r sluice.duplicate_rule;
begin
    for r in select * from sluice.duplicate_rule x
              where x.entity = match_twice.entity and x.enabled and x.kind = 'exact' and x.mode <> 'flag'
                and x.entity = any(x.against)
              order by sluice.match_strictness(x.mode) desc, x.position, x.key loop
        return query
            with sent as materialized (
                select s.line, s.kind, s.key from unnest(lines, kinds, keys) s(line, kind, key) where s.kind = any(r.keys)),
            pairs as (
                select b.line, a.line as before, count(distinct b.kind) as agree
                  from sent b join sent a on a.kind = b.kind and a.key = b.key and a.line < b.line
                 where cardinality(r.keys) > 1
                 group by b.line, a.line
                union all
                select s.line, s.before, 1
                  from (select x.line, min(x.line) over (partition by x.key) as before from sent x
                         where cardinality(r.keys) = 1) s
                 where s.before < s.line)
            select p.line, r.key, r.mode, min(p.before) from pairs p where p.agree = cardinality(r.keys) group by p.line;
    end loop;
end
$$;

-- Writes the exact keys of new records.
create or replace function sluice.match_import_store(entity text, ids uuid[], kinds text[], keys text[]) returns void
    language sql security definer set search_path = sluice, pg_temp as $$
    insert into sluice.match_key (kind, key, entity, record_id)
    select s.kind, s.key, match_import_store.entity, s.id from unnest(ids, kinds, keys) s(id, kind, key)
     where s.kind not in ('name', 'city', 'postcode', 'street')
        on conflict do nothing;
$$;

-- Leaves the rest to the daemon.
create or replace function sluice.match_later(entity text, ids uuid[]) returns void
    language sql security definer set search_path = sluice, pg_temp as $$
    insert into sluice.rekey (record_id, entity) select id, match_later.entity from unnest(ids) id
        on conflict on constraint rekey_pk do update set mark = excluded.mark;
$$;

grant execute on function
    sluice.match_import_begin(), sluice.match_known(text, bigint[], text[], text[]),
    sluice.match_twice(text, bigint[], text[], text[])
    to sluice_app;

reset role;
