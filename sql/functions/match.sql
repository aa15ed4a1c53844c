-- Duplicates: the keys of records, looking for matches, refusing and noting them.
--
-- Keys are computed by the daemon, in C (lib/quality), and come ahead of the write in the same transaction:
-- match_send() takes the locks that make looking safe and leaves the keys in the setting sluice.match; the trigger of
-- the write takes them from there, looks, refuses or keeps them. Keys name the values that they were made of ("of"):
-- if those are not what is written, or no keys came, the record is put on sluice.rekey, which the daemon works off.
-- So no way to write forgets.
--
-- Locks. Two writers of one key must not both look before either has committed. Keys of rules that refuse or ask are
-- therefore locked (advisory, until the end of the transaction), all of a transaction at once and in order, before
-- any row is: (19001, hash of the key). What adds records by the million locks everything instead: it takes
-- (19002, 0) exclusively, which each of the others holds shared; see match_import in match_import.sql.

set role sluice_owner;

-- What the keys of a record are made of. PL/pgSQL, as is match_driver(): functions in SQL that the planner does not take in
-- are planned at every call.
create or replace function sluice.match_source(entity text, record jsonb) returns jsonb
    language plpgsql immutable parallel safe as $$
begin
    if entity = 'lead' then
        return jsonb_strip_nulls(jsonb_build_object(
            'first_name', record -> 'first_name', 'last_name', record -> 'last_name', 'company', record -> 'company',
            'email', record -> 'email', 'phone', record -> 'phone', 'tax_id', record -> 'tax_id',
            'website', record -> 'website', 'street', record -> 'street', 'postcode', record -> 'postcode',
            'city', record -> 'city', 'country', record -> 'country'));
    elsif entity = 'account' then
        return jsonb_strip_nulls(jsonb_build_object(
            'name', record -> 'name', 'email', record -> 'email', 'phone', record -> 'phone',
            'tax_id', record -> 'tax_id', 'website', record -> 'website', 'street', record -> 'street',
            'postcode', record -> 'postcode', 'city', record -> 'city', 'country', record -> 'country'));
    end if;
    return jsonb_strip_nulls(jsonb_build_object(
        'first_name', record -> 'first_name', 'last_name', record -> 'last_name', 'email', record -> 'email',
        'phone', record -> 'phone', 'account_id', record -> 'account_id'));
end
$$;

create or replace function sluice.match_words(list jsonb) returns text[]
    language plpgsql immutable parallel safe as $$
begin
    return array(select jsonb_array_elements_text(list));
end
$$;

create or replace function sluice.match_bands(list jsonb) returns integer[]
    language plpgsql immutable parallel safe as $$
begin
    return array(select jsonb_array_elements_text(list)::integer);
end
$$;

-- The sent keys that an exact rule looks records up by: of the one of its kinds that tells most.
create or replace function sluice.match_driver(kinds text[]) returns text
    language plpgsql immutable parallel safe as $$
declare
    kind text;
begin
    foreach kind in array '{tax_id,email,phone,domain,person,name}'::text[] loop
        if kind = any(kinds) then
            return kind;
        end if;
    end loop;
    return null;
end
$$;

-- The keys of one kind among those that were sent; null if there are none.
create or replace function sluice.match_sent_keys(sent jsonb, kind text) returns text[]
    language plpgsql immutable parallel safe as $$
begin
    if kind in ('name', 'city', 'postcode', 'street') then
        return case when sent ->> kind is not null then array[sent ->> kind] end;
    end if;
    if jsonb_typeof(sent -> 'keys' -> kind) is distinct from 'array' or sent -> 'keys' -> kind = '[]' then
        return null;
    end if;
    return sluice.match_words(sent -> 'keys' -> kind);
end
$$;

-- Whether a record has one of the sent keys of a kind too.
create or replace function sluice.match_agrees(record_id uuid, kind text, sent jsonb) returns boolean
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    wanted text[] := sluice.match_sent_keys(sent, kind);
begin
    if kind in ('name', 'city', 'postcode', 'street') then
        return exists (select from sluice.match_name n
                        where n.record_id = match_agrees.record_id
                          and case kind when 'name' then n.name when 'city' then n.city
                                        when 'postcode' then n.postcode else n.street end = any(wanted));
    end if;
    return exists (select from sluice.match_key k
                    where k.record_id = match_agrees.record_id and k.kind = match_agrees.kind and k.key = any(wanted));
end
$$;

-- Records with the same keys. A key that hundreds share tells nothing: at most 50 are looked at.
create or replace function sluice.match_exact(kinds text[], against text[], sent jsonb, leave_out uuid[])
returns table (entity text, record_id uuid)
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    driver constant text := sluice.match_driver(kinds);
    wanted constant text[] := sluice.match_sent_keys(sent, driver);
    rest constant text[] := array_remove(kinds, driver);
    other text;
begin
    if wanted is null then
        return;
    end if;
    foreach other in array rest loop
        if sluice.match_sent_keys(sent, other) is null then
            return;
        end if;
    end loop;
    for match_exact.entity, match_exact.record_id in
        -- a thousand that are the same cost no more than fifty: the limit stands inside
        select distinct x.entity, x.record_id
          from (select n.entity, n.record_id from sluice.match_name n
                 where driver = 'name' and n.name = any(wanted) and n.entity = any(against) and n.record_id <> all(leave_out)
                union all
                select k.entity, k.record_id from sluice.match_key k
                 where driver <> 'name' and k.kind = driver and k.key = any(wanted) and k.entity = any(against)
                   and k.record_id <> all(leave_out)
                 limit 50) x
    loop
        if rest = '{}' or (select bool_and(sluice.match_agrees(match_exact.record_id, r, sent)) from unnest(rest) r) then
            return next;
        end if;
    end loop;
end
$$;

-- How alike two records are: the similarity of their comparable names (the share of trigrams that they have in common,
-- pg_trgm) and whether city, postcode and street, of contacts account and domain of the address, are the same, each with
-- its weight, over the sum of the weights. What
-- one of them does not say is not the same.
-- Records with a name so much alike, best first. Candidates are those of which it has a band or a probe; of most of
-- them the prints tell that they are too different (lib/quality/minhash.h).
create or replace function sluice.match_fuzzy(weights jsonb, threshold numeric, against text[], sent jsonb, leave_out uuid[])
returns table (entity text, record_id uuid, score numeric, fields text[])
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    wanted constant integer[] := sluice.match_bands(sent -> 'bands') || sluice.match_bands(coalesce(sent -> 'probes', '[]'));
    its_trigrams constant integer := (sent -> 'trigrams')::integer;
    its_print constant bit(64) := ('x' || (sent ->> 'print'))::bit(64);
    its_name constant text := sent ->> 'name';
    its_city constant text := sent ->> 'city';
    its_postcode constant text := sent ->> 'postcode';
    its_street constant text := sent ->> 'street';
    its_account constant text := sent ->> 'account';
    its_domain constant text := sent ->> 'domain';
    for_name constant numeric := (weights ->> 'name')::numeric;
    for_city constant numeric := coalesce((weights ->> 'city')::numeric, 0);
    for_postcode constant numeric := coalesce((weights ->> 'postcode')::numeric, 0);
    for_street constant numeric := coalesce((weights ->> 'street')::numeric, 0);
    for_account constant numeric := coalesce((weights ->> 'account')::numeric, 0);
    for_domain constant numeric := coalesce((weights ->> 'domain')::numeric, 0);
    in_all constant numeric := for_name + for_city + for_postcode + for_street + for_account + for_domain;
    -- even with the same address a name that is less alike does not reach the threshold
    alike constant real := ((threshold * in_all
                             - case when its_city is null then 0 else for_city end
                             - case when its_postcode is null then 0 else for_postcode end
                             - case when its_street is null then 0 else for_street end
                             - case when its_account is null then 0 else for_account end
                             - case when its_domain is null then 0 else for_domain end) / for_name)::real - 0.0001;
    -- of both names' trigrams; see lib/quality/minhash.h
    too_different constant real := (1 - greatest(alike, 0)) / (1 + greatest(alike, 0));
begin
    if its_name is null or wanted = '{}' or alike > 1 then
        return;
    end if;
    return query
        select x.entity, x.record_id, x.score,
               array_remove(array['name', case when x.city = its_city then 'city' end,
                                  case when x.postcode = its_postcode then 'postcode' end,
                                  case when x.street = its_street then 'street' end,
                                  case when for_account > 0 and x.account = its_account then 'account_id' end,
                                  case when for_domain > 0 and x.domain = its_domain then 'email' end], null)
          from (select n.entity, n.record_id, n.city, n.postcode, n.street, n.account, n.domain,
                       round((for_name * sluice.similarity(its_name, n.name)::numeric
                              + case when n.city = its_city then for_city else 0 end
                              + case when n.postcode = its_postcode then for_postcode else 0 end
                              + case when n.street = its_street then for_street else 0 end
                              + case when n.account = its_account then for_account else 0 end
                              + case when n.domain = its_domain then for_domain else 0 end) / in_all, 4) as score
                  from sluice.match_name n
                 where n.bands && wanted and n.entity = any(against) and n.record_id <> all(leave_out)
                   and case when bit_count(n.print # its_print) > (n.trigrams + its_trigrams) * too_different then false
                            else sluice.similarity(its_name, n.name) >= alike end) x
         where x.score >= threshold
         order by x.score desc, x.record_id
         limit 20;
end
$$;

create or replace function sluice.match_strictness(mode text) returns integer
    language sql immutable parallel safe
    return case mode when 'refuse' then 3 when 'acknowledge' then 2 else 1 end;

-- The fields behind a kind of key.
create or replace function sluice.match_fields(kinds text[], entity text) returns text[]
    language sql immutable parallel safe
    return array(select distinct f from unnest(kinds) k cross join lateral unnest(case k
        when 'domain' then array['website'] when 'person' then array['first_name', 'last_name']
        when 'name' then array[case entity when 'lead' then 'company' else 'name' end] else array[k] end) f);

-- What the rules of an entity find for such keys, each record once: by the strictest rule, then the highest score.
-- Fuzzy rules look only where no exact rule that is as strict has hit. changed: kinds of keys that are new; rules that
-- none of them concern are left out (null: all are new).
create or replace function sluice.match_find(entity text, sent jsonb, leave_out uuid[], changed text[] default null)
returns table (against text, record_id uuid, rule text, mode text, score numeric, fields text[], label jsonb)
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    r sluice.duplicate_rule;
    h record;
    strictest integer := 0;
    found jsonb := '[]';
begin
    for r in select * from sluice.duplicate_rule x
              where x.entity = match_find.entity and x.enabled
                and (changed is null or (case x.kind when 'exact' then x.keys else '{name,city,postcode,street,account,domain}' end) && changed)
              order by x.kind, x.position, x.key
    loop
        if r.kind = 'exact' then
            for h in select * from sluice.match_exact(r.keys, r.against, sent, leave_out) loop
                strictest := greatest(strictest, sluice.match_strictness(r.mode));
                found := found || jsonb_build_object(
                    'against', h.entity, 'record_id', h.record_id, 'rule', r.key, 'mode', r.mode, 'score', r.score,
                    'fields', sluice.match_fields(r.keys, entity), 'label', r.label, 'position', r.position);
            end loop;
        elsif strictest < sluice.match_strictness(r.mode) then
            for h in select * from sluice.match_fuzzy(r.weights, r.threshold, r.against, sent, leave_out) loop
                found := found || jsonb_build_object(
                    'against', h.entity, 'record_id', h.record_id, 'rule', r.key, 'mode', r.mode, 'score', h.score,
                    'fields', case entity when 'lead' then array_replace(h.fields, 'name', 'company')
                                          when 'contact' then '{first_name,last_name}' || array_remove(h.fields, 'name')
                                          else h.fields end,
                    'label', r.label, 'position', r.position);
            end loop;
        end if;
    end loop;
    if found = '[]' then
        return;
    end if;
    return query
        select b.against, b.record_id, b.rule, b.mode, b.score, b.fields, b.label
          from (select distinct on (f.record_id) f.*
                  from jsonb_to_recordset(found) f(against text, record_id uuid, rule text, mode text, score numeric,
                                                   fields text[], label jsonb, position integer)
                 order by f.record_id, sluice.match_strictness(f.mode) desc, f.score desc, f.position, f.rule) b
         order by sluice.match_strictness(b.mode) desc, b.score desc, b.record_id
         limit 50;
end
$$;

-- How a record is called, and whose it is.
create or replace function sluice.match_card(entity text, record_id uuid, out label text, out owner_id uuid)
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    case entity
    when 'lead' then
        select coalesce(l.company, nullif(concat_ws(' ', l.first_name, l.last_name), ''), l.email, ''), l.owner_id
          into label, owner_id from sluice.lead l where l.id = record_id;
    when 'account' then
        select a.name, a.owner_id into label, owner_id from sluice.account a where a.id = record_id;
    else
        select concat_ws(' ', c.first_name, c.last_name), c.owner_id
          into label, owner_id from sluice.contact c where c.id = record_id;
    end case;
end
$$;

-- A match as the caller may be told of it: of a record that is not theirs to see only that there is one, and whom to
-- ask. scopes: {"lead": "all", ...}.
create or replace function sluice.match_told(m record, viewer uuid, scopes jsonb) returns jsonb
    language plpgsql stable as $$
declare
    card record := sluice.match_card(m.against, m.record_id);
begin
    if sluice.in_scope(coalesce(scopes ->> m.against, 'none'), viewer, card.owner_id) then
        return jsonb_build_object('id', m.record_id, 'entity', m.against, 'rule', m.rule, 'mode', m.mode,
                                  'score', m.score, 'fields', m.fields, 'label', card.label);
    end if;
    return jsonb_build_object(
        'entity', m.against, 'rule', m.rule, 'mode', m.mode, 'score', m.score, 'hidden', true,
        'owner', (select jsonb_build_object('id', u.id, 'name', u.name) from sluice.app_user u where u.id = card.owner_id));
end
$$;

-- What saving would meet: {"refused", "overridable", "matches"}. Writes nothing. leave_out: the record itself, if there
-- is one.
create or replace function sluice.match_preview(entity text, sent jsonb, leave_out uuid[], viewer uuid, scopes jsonb)
returns jsonb
    language plpgsql stable security definer set search_path = sluice, pg_temp as $$
declare
    m record;
    found jsonb := '[]';
    strictest integer := 0;
begin
    for m in select * from sluice.match_find(entity, sent, coalesce(leave_out, '{}')) loop
        strictest := greatest(strictest, sluice.match_strictness(m.mode));
        found := found || sluice.match_told(m, viewer, scopes);
    end loop;
    return jsonb_build_object('refused', strictest > 1, 'overridable', strictest = 2, 'matches', found);
end
$$;

grant execute on function
    sluice.match_source(text, jsonb), sluice.match_preview(text, jsonb, uuid[], uuid, jsonb)
    to sluice_app;

reset role;
