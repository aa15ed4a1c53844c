-- Rules about duplicates, and the list of pairs.

set role sluice_owner;

create or replace function sluice.refuse_rule(pointer text, why text) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'SL422', message = 'validation_failed', column = pointer, detail = why;
end
$$;

-- The kinds of keys that a record can have.
create or replace function sluice.rule_kinds(entity text) returns text[]
    language sql immutable parallel safe
    return case entity when 'contact' then '{email,phone,person}'::text[]
                       when 'lead' then '{tax_id,email,phone,domain,person,name,city,postcode,street}'
                       else '{tax_id,email,phone,domain,name,city,postcode,street}' end;

-- Before a rule is written: it can find something, and does not find everything.
create or replace function sluice.rule_check() returns trigger
    language plpgsql as $$
declare
    side text;
    k text;
begin
    if new.kind = 'exact' then
        if sluice.match_driver(new.keys) is null then
            perform sluice.refuse_rule('/keys', 'An exact rule needs at least one of tax_id, email, phone, domain, person, name.');
        end if;
        foreach side in array new.against || new.entity loop
            foreach k in array new.keys loop
                if k <> all(sluice.rule_kinds(side)) then
                    perform sluice.refuse_rule('/keys', format('A %s has no key "%s".', side, k));
                end if;
            end loop;
        end loop;
        new.weights := null;
        new.threshold := null;
        return new;
    end if;
    if (new.entity = 'contact') <> ('contact' = any(new.against)) or new.entity = 'contact' and cardinality(new.against) > 1 then
        perform sluice.refuse_rule('/against', 'Names of companies are compared, of leads and accounts; or those of contacts.');
    end if;
    foreach k in array case when new.entity = 'contact' then '{city,postcode,street}' else '{account,domain}'::text[] end loop
        if new.weights ? k then
            perform sluice.refuse_rule('/weights/' || k, format('A %s has no "%s" to be compared.', new.entity, k));
        end if;
    end loop;
    if coalesce((new.weights ->> 'name')::numeric, 0) <= 0 then
        perform sluice.refuse_rule('/weights', 'A fuzzy rule needs weights, that of the name above 0.');
    end if;
    if new.threshold is null or new.threshold < 0.3 or new.threshold > 1 then
        perform sluice.refuse_rule('/threshold', 'A fuzzy rule needs a threshold between 0.3 and 1.');
    end if;
    new.keys := '{}';
    return new;
end
$$;

create or replace trigger duplicate_rule_check before insert or update on sluice.duplicate_rule
    for each row execute function sluice.rule_check();
create or replace trigger duplicate_rule_touch before update on sluice.duplicate_rule
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger duplicate_rule_audit after insert or update or delete on sluice.duplicate_rule
    for each row execute function sluice.audit_change('duplicate_rule', '');
create or replace trigger duplicate_pair_touch before update on sluice.duplicate_pair
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger duplicate_pair_audit after insert or update or delete on sluice.duplicate_pair
    for each row execute function sluice.audit_change('duplicate_pair', 'event');

drop view if exists sluice.duplicate_rule_row;

create view sluice.duplicate_rule_row as
select r.id, r.version, r.key, r.entity, r.against, r.kind, r.keys, r.weights, r.threshold::float8 as threshold,
       r.score::float8 as score, r.mode, r.label, r.position, r.enabled, r.created_at, r.updated_at, r.created_by
  from sluice.duplicate_rule r;

-- A record of a pair as the viewer may see it; of one that is not theirs only what it is.
create or replace function sluice.pair_side(entity text, record_id uuid, viewer uuid, scopes jsonb) returns jsonb
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    card record := sluice.match_card(entity, record_id);
begin
    if sluice.in_scope(coalesce(scopes ->> entity, 'none'), viewer, card.owner_id) then
        return jsonb_build_object('entity', entity, 'id', record_id, 'label', card.label);
    end if;
    return jsonb_build_object('entity', entity, 'hidden', true);
end
$$;

-- Says of an open pair that these are two.
create or replace function sluice.pair_dismiss(pair uuid, expected_version bigint, note text) returns bigint
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    p sluice.duplicate_pair;
begin
    select * into p from sluice.duplicate_pair x where x.id = pair for update;
    if not found or p.version <> coalesce(expected_version, p.version) then
        return null;
    end if;
    if p.status <> 'open' then
        raise exception using errcode = 'SL409', message = 'conflict',
            detail = format('The pair is %s already.', p.status);
    end if;
    update sluice.duplicate_pair x
       set status = 'dismissed', decided_by = sluice.actor_id(), decided_at = sluice.now(), note = pair_dismiss.note
     where x.id = pair returning x.version into p.version;
    return p.version;
end
$$;

grant select on sluice.duplicate_rule_row to sluice_app;
grant execute on function
    sluice.match_card(text, uuid), sluice.pair_side(text, uuid, uuid, jsonb), sluice.pair_dismiss(uuid, bigint, text),
    sluice.match_driver(text[]), sluice.rule_kinds(text), sluice.refuse_rule(text, text)
    to sluice_app;

reset role;
