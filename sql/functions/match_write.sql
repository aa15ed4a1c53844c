-- Duplicates, where they are written: announcing keys, keeping them, refusing, and making good what came without; see
-- match.sql.

set role sluice_owner;

-- Announces the keys of the records that the transaction is about to write, and takes the locks for them.
-- sent: {"records": [{"entity", "id", "of", "keys": {kind: [key]}, "name", "city", "postcode", "street", "bands"}],
-- "viewer", "scopes", "reason": why duplicates are acknowledged, "strict": decide again if "of" is not what is written}.
create or replace function sluice.match_send(sent jsonb) returns void
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
    hashes integer[] := '{}';
    probes integer[] := '{}';
    item jsonb;
    r sluice.duplicate_rule;
    l record;
begin
    perform set_config('sluice.match', sent::text, true);
    for item in select x from jsonb_array_elements(sent -> 'records') x loop
        for r in select * from sluice.duplicate_rule x
                  where x.entity = item ->> 'entity' and x.enabled and x.mode <> 'flag' loop
            if r.kind = 'fuzzy' then
                hashes := hashes || sluice.match_bands(item -> 'bands');
                probes := probes || sluice.match_bands(coalesce(item -> 'probes', '[]'));
            else
                hashes := hashes || array(
                    select hashtext(sluice.match_driver(r.keys) || ':' || k)
                      from unnest(sluice.match_sent_keys(item, sluice.match_driver(r.keys))) k);
            end if;
        end loop;
    end loop;
    perform pg_advisory_xact_lock_shared(19002, 0);
    -- who looks for a key waits for who writes it, but not for others that look
    for l in select x.h, bool_or(x.writes) as writes
               from (select unnest(hashes), true union all select unnest(probes), false) x(h, writes)
              group by x.h order by x.h loop
        if l.writes then
            perform pg_advisory_xact_lock(19001, l.h);
        else
            perform pg_advisory_xact_lock_shared(19001, l.h);
        end if;
    end loop;
end
$$;

-- Puts a record on the list of those whose keys are to be made.
create or replace function sluice.match_queue(entity text, record_id uuid) returns void
    language plpgsql as $$
begin
    insert into sluice.rekey (record_id, entity) values (match_queue.record_id, match_queue.entity)
        on conflict on constraint rekey_pk do update set mark = excluded.mark, look = true;
end
$$;

drop function if exists sluice.match_keep(text, uuid, jsonb);

-- Writes the keys of a record and returns the kinds that are new; in the order of deleting first, so that a key that
-- stays is not written twice. @born: of one that is new there is nothing yet to be looked for.
create or replace function sluice.match_keep(entity text, record_id uuid, sent jsonb, born boolean default false) returns text[]
    language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    keys constant jsonb := coalesce(sent -> 'keys', '{}');
    changed text[];
    was sluice.match_name;
    bands integer[];
begin
    if not born then
        delete from sluice.match_key k
         where k.record_id = match_keep.record_id and (keys -> k.kind ? k.key) is not true;
    end if;
    with come as (
        insert into sluice.match_key (kind, key, entity, record_id)
        select distinct k.key, v.value, match_keep.entity, match_keep.record_id
          from jsonb_each(keys) k cross join lateral jsonb_array_elements_text(k.value) v
         where born or not exists (select from sluice.match_key x
                                    where x.record_id = match_keep.record_id and x.kind = k.key and x.key = v.value)
        returning kind)
    select coalesce(array_agg(distinct c.kind), '{}') into changed from come c;
    if sent ->> 'name' is null then
        delete from sluice.match_name n where not born and n.record_id = match_keep.record_id;
        return changed;
    end if;
    bands := sluice.match_bands(sent -> 'bands');
    if not born then
        select * into was from sluice.match_name n where n.record_id = match_keep.record_id;
    end if;
    if row(was.name, was.city, was.postcode, was.street, was.account, was.domain, was.bands)
       is not distinct from row(sent ->> 'name', sent ->> 'city', sent ->> 'postcode', sent ->> 'street', sent ->> 'account',
                                sent ->> 'domain', bands) then
        return changed;
    end if;
    insert into sluice.match_name as n (record_id, entity, name, city, postcode, street, account, domain, bands, trigrams, print)
    values (match_keep.record_id, match_keep.entity, sent ->> 'name', sent ->> 'city', sent ->> 'postcode', sent ->> 'street',
            sent ->> 'account', sent ->> 'domain', bands, (sent -> 'trigrams')::smallint, ('x' || (sent ->> 'print'))::bit(64))
        on conflict on constraint match_name_pk do update
           set name = excluded.name, city = excluded.city, postcode = excluded.postcode, street = excluded.street,
               account = excluded.account, domain = excluded.domain, bands = excluded.bands, trigrams = excluded.trigrams, print = excluded.print;
    return changed || array_remove(array[
        case when was.name is distinct from sent ->> 'name' then 'name' end,
        case when was.city is distinct from sent ->> 'city' then 'city' end,
        case when was.postcode is distinct from sent ->> 'postcode' then 'postcode' end,
        case when was.street is distinct from sent ->> 'street' then 'street' end,
        case when was.account is distinct from sent ->> 'account' then 'account' end,
        case when was.domain is distinct from sent ->> 'domain' then 'domain' end], null);
end
$$;

-- What was found, on the list. A pair that was there stays one; who acknowledges it says so on it; one whose records
-- come back (a merge was undone) is open again.
create or replace function sluice.match_pair(entity text, record_id uuid, m record, reason text) returns void
    language plpgsql as $$
#variable_conflict use_column
begin
    insert into sluice.duplicate_pair (id, entity, record_id, other_entity, other_id, rule, score, fields, acknowledged_by,
                                       acknowledged_at, reason)
    values (gen_random_uuid(), match_pair.entity, match_pair.record_id, m.against, m.record_id, m.rule, m.score, m.fields,
            case when match_pair.reason is not null then sluice.actor_id() end,
            case when match_pair.reason is not null then sluice.now() end, match_pair.reason)
        on conflict (least(record_id, other_id), greatest(record_id, other_id)) do update
           set rule = excluded.rule, score = excluded.score, fields = excluded.fields,
               acknowledged_by = coalesce(excluded.acknowledged_by, duplicate_pair.acknowledged_by),
               acknowledged_at = coalesce(excluded.acknowledged_at, duplicate_pair.acknowledged_at),
               reason = coalesce(excluded.reason, duplicate_pair.reason), status = 'open'
         where duplicate_pair.status <> 'dismissed';
end
$$;

-- Whether somebody has said of these two that both may be there.
create or replace function sluice.match_settled(record_id uuid, other_id uuid) returns boolean
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return exists (select from sluice.duplicate_pair p
                    where least(p.record_id, p.other_id) = least(match_settled.record_id, match_settled.other_id)
                      and greatest(p.record_id, p.other_id) = greatest(match_settled.record_id, match_settled.other_id)
                      and (p.status = 'dismissed' or p.acknowledged_by is not null));
end
$$;

-- Refuses with every match; what the caller may not see is told as little as that it is there.
create or replace function sluice.match_refuse(matches jsonb, overridable boolean) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'SL409', message = 'duplicate',
        detail = jsonb_build_object(
            'detail', case when overridable
                then 'This looks like what is there already; acknowledge it with a reason if it is another one.'
                else 'This is there already.' end,
            'overridable', overridable, 'matches', matches)::text;
end
$$;

drop function if exists sluice.match_accept(text, uuid, jsonb, uuid[], boolean);

-- Keeps the keys of a record and does what the rules say about what else has them. sure: keys came with the write, so
-- it can be refused; else all is flagged. born: this write made the record.
create or replace function sluice.match_accept(
    entity text, record_id uuid, sent jsonb, leave_out uuid[], sure boolean, born boolean) returns void
    language plpgsql as $$
declare
    said constant jsonb := coalesce(nullif(current_setting('sluice.match', true), ''), '{}')::jsonb;
    reason constant text := said ->> 'reason';
    changed constant text[] := sluice.match_keep(entity, record_id, sent, born);
    m record;
    told jsonb := '[]';
    strictest integer := 0;
begin
    if changed = '{}' then
        return;
    end if;
    for m in select f.*, f.mode = 'acknowledge' and sluice.match_settled(match_accept.record_id, f.record_id) as settled
               from sluice.match_find(entity, sent, leave_out || record_id, changed) f loop
        if sure then
            told := told || sluice.match_told(m, (said ->> 'viewer')::uuid, coalesce(said -> 'scopes', '{}'));
            strictest := greatest(strictest, case when m.settled then 1 else sluice.match_strictness(m.mode) end);
        end if;
        if not m.settled then
            perform sluice.match_pair(entity, record_id, m, case when sure and m.mode = 'acknowledge' then reason end);
        end if;
    end loop;
    if strictest = 3 or strictest = 2 and reason is null then
        perform sluice.match_refuse(told, strictest = 2);
    end if;
end
$$;

-- The record is no more: neither are its keys.
create or replace function sluice.match_forget(record_id uuid, merged boolean) returns void
    language plpgsql set plan_cache_mode = force_generic_plan as $$
begin
    delete from sluice.rekey q where q.record_id = match_forget.record_id;
    delete from sluice.match_key k where k.record_id = match_forget.record_id;
    delete from sluice.match_name n where n.record_id = match_forget.record_id;
    update sluice.duplicate_pair p
       set status = case when merged then 'merged' else 'gone' end,
           decided_by = case when merged then sluice.actor_id() end, decided_at = case when merged then sluice.now() end
     where match_forget.record_id in (p.record_id, p.other_id) and p.status = 'open';
end
$$;

-- After a record was written whose keys may be others by now. Argument: the entity.
create or replace function sluice.match_written() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    said constant jsonb := nullif(current_setting('sluice.match', true), '')::jsonb;
    record constant jsonb := to_jsonb(new);
    source jsonb;
    sent jsonb;
begin
    if record -> 'deleted_at' <> 'null' then
        perform sluice.match_forget(new.id, record -> 'merged_into' <> 'null');
        return null;
    end if;
    if said ? 'import' then  -- whoever adds many at once takes care of them; see match_import.sql
        return null;
    end if;
    select x into sent from jsonb_array_elements(said -> 'records') x where x ->> 'id' = new.id::text;
    source := sluice.match_source(tg_argv[0], record);
    if sent -> 'of' is distinct from source then
        if sent is not null and said -> 'strict' = 'true' then
            raise exception using errcode = 'SLAGN', message = 'stale';
        end if;
        if tg_op = 'UPDATE' or source <> '{}' then
            perform sluice.match_queue(tg_argv[0], new.id);
        end if;
        return null;
    end if;
    if tg_op = 'UPDATE' then
        delete from sluice.rekey q where q.record_id = new.id;
    end if;
    perform sluice.match_accept(tg_argv[0], new.id, sent, sluice.match_kin(tg_argv[0], record), true, tg_op = 'INSERT');
    return null;
end
$$;

-- What a record came of or became is no duplicate of it.
create or replace function sluice.match_kin(entity text, record jsonb) returns uuid[]
    language sql immutable parallel safe
    return case entity
        when 'lead' then array_remove(array[(record ->> 'account_id')::uuid, (record ->> 'contact_id')::uuid], null)
        else array_remove(array[(record ->> 'lead_id')::uuid], null) end;

-- What the keys of a record are made of, as it is; null if it is no more.
create or replace function sluice.match_source_of(entity text, record_id uuid, out source jsonb, out kin uuid[])
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    r jsonb;
begin
    case entity
    when 'lead' then select to_jsonb(l) into r from sluice.lead l where l.id = record_id and l.deleted_at is null;
    when 'account' then select to_jsonb(a) into r from sluice.account a where a.id = record_id and a.deleted_at is null;
    else select to_jsonb(c) into r from sluice.contact c where c.id = record_id and c.deleted_at is null;
    end case;
    if r is not null then
        source := sluice.match_source(entity, r);
        kin := sluice.match_kin(entity, r);
    end if;
end
$$;

-- Takes records off the list with the keys that were made for them: [{"entity", "id", "mark", "of", "keys", ...}]. One
-- that was written meanwhile stays on it. Nothing is refused any more: what is found is flagged.
create or replace function sluice.rekey_store(records jsonb) returns integer
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    item jsonb;
    q sluice.rekey;
    s record;
    done integer := 0;
begin
    for item in select x from jsonb_array_elements(records) x order by x ->> 'id' loop
        select * into q from sluice.rekey y
         where y.record_id = (item ->> 'id')::uuid and y.mark = (item ->> 'mark')::uuid for update skip locked;
        continue when not found;
        s := sluice.match_source_of(q.entity, q.record_id);
        if s.source is null then
            perform sluice.match_forget(q.record_id, false);
        elsif s.source = item -> 'of' then
            if q.look then
                perform sluice.match_accept(q.entity, q.record_id, item, s.kin, false, false);
            else
                perform sluice.match_keep(q.entity, q.record_id, item);
            end if;
            delete from sluice.rekey y where y.record_id = q.record_id;
        end if;
        done := done + 1;
    end loop;
    return done;
end
$$;

create or replace trigger lead_match_insert after insert on sluice.lead
    for each row when (new.import_id is null) execute function sluice.match_written('lead');
create or replace trigger lead_match_update after update of first_name, last_name, company, email, phone, tax_id, website,
    street, postcode, city, country, deleted_at on sluice.lead
    for each row when ((old.first_name, old.last_name, old.company, old.email, old.phone, old.tax_id, old.website, old.street,
                        old.postcode, old.city, old.country, old.deleted_at)
                       is distinct from (new.first_name, new.last_name, new.company, new.email, new.phone, new.tax_id,
                                         new.website, new.street, new.postcode, new.city, new.country, new.deleted_at))
    execute function sluice.match_written('lead');
create or replace trigger account_match_insert after insert on sluice.account
    for each row when (new.import_id is null) execute function sluice.match_written('account');
create or replace trigger account_match_update after update of name, email, phone, tax_id, website, street, postcode, city,
    country, deleted_at on sluice.account
    for each row when ((old.name, old.email, old.phone, old.tax_id, old.website, old.street, old.postcode, old.city,
                        old.country, old.deleted_at)
                       is distinct from (new.name, new.email, new.phone, new.tax_id, new.website, new.street, new.postcode,
                                         new.city, new.country, new.deleted_at))
    execute function sluice.match_written('account');
create or replace trigger contact_match_insert after insert on sluice.contact
    for each row when (new.import_id is null) execute function sluice.match_written('contact');
create or replace trigger contact_match_update after update of first_name, last_name, email, phone, account_id, deleted_at
    on sluice.contact
    for each row when ((old.first_name, old.last_name, old.email, old.phone, old.account_id, old.deleted_at)
                       is distinct from (new.first_name, new.last_name, new.email, new.phone, new.account_id, new.deleted_at))
    execute function sluice.match_written('contact');

-- A write that was refused is history too: of the record, or of the request alone when it was to make one. Whose
-- records the others are is not told: who reads a history may not be who was told of the matches.
-- transition: that was to be made, if any.
drop function if exists sluice.match_denied(text, uuid, jsonb);
create or replace function sluice.match_denied(entity text, record_id uuid, refusal jsonb, transition text default null)
    returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation, transition,
                              from_state, changes, detail)
    values (sluice.next_seq(), sluice.now(), 'denied', match_denied.entity, match_denied.record_id, sluice.actor_kind(),
            sluice.actor_id(), nullif(current_setting('sluice.request_id', true), ''),
            nullif(current_setting('sluice.operation', true), ''), match_denied.transition,
            (select v.state from sluice.visit v
              where match_denied.transition is not null and v.record_id = match_denied.record_id and v.left_at is null), '{}',
            jsonb_build_object('code', 'duplicate', 'failures', (
                select coalesce(jsonb_agg(m - '{id,label,owner,hidden,fields}'::text[]), '[]')
                  from jsonb_array_elements(refusal -> 'matches') m)));
end
$$;

grant execute on function
    sluice.match_send(jsonb), sluice.match_denied(text, uuid, jsonb, text), sluice.match_source_of(text, uuid), sluice.match_kin(text, jsonb),
    sluice.rekey_store(jsonb)
    to sluice_app;

reset role;
