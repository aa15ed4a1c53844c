-- Which process governs a new record: the daemon evaluates criteria and guards on these facts, and says what it
-- chose before the insert.

set role sluice_owner;

-- Whether any published process of an entity decides about births; of most none does, and nothing else is asked.
create or replace function sluice.births_judged(entity text) returns boolean
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return exists (select from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id
                    where b.entity = births_judged.entity and v.status = 'published'
                      and coalesce(v.judged, sluice.version_judged(v.id, v.criteria)));
end
$$;

-- Published versions of an entity in the order in which they are asked, if any of them needs a decision. The
-- document comes along for those that the daemon does not know.
create or replace function sluice.birth_versions(entity text, known uuid[]) returns table (id uuid, doc jsonb)
    language plpgsql stable as $$
begin
    if sluice.births_judged(entity) then
        return query
            select v.id, case when v.id <> all (known) then sluice.blueprint_doc(v.id) end
              from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id
             where b.entity = birth_versions.entity and v.status = 'published'
             order by b.priority desc, b.key;
    end if;
end
$$;

-- What a decision about a birth is made on: the record as it will be, and those that it will belong to.
create or replace function sluice.birth_facts_of(
    record jsonb, related jsonb, actor_kind text, viewer uuid, roles text[], teams text[]) returns jsonb
    language plpgsql stable as $$
begin
    return jsonb_build_object(
        'now', sluice.rfc3339(sluice.now()), 'actor', sluice.actor_json(actor_kind, viewer, roles, teams),
        'record', record, 'related', jsonb_strip_nulls(related),
        'activities', '[]'::jsonb, 'tasks', '[]'::jsonb, 'visits', '[]'::jsonb, 'created_by', viewer);
end
$$;

-- A living account as facts show it.
create or replace function sluice.birth_account(account_id uuid) returns jsonb
    language plpgsql stable as $$
begin
    return (select sluice.account_json(a.*, s.category)
              from sluice.account a
              left join sluice.state s on s.blueprint_version_id = a.blueprint_version_id and s.key = a.state
             where a.id = birth_account.account_id and a.deleted_at is null);
end
$$;

-- The same from the body that makes the record; null if nobody decides.
create or replace function sluice.birth_facts(entity text, body jsonb, actor_kind text, viewer uuid, roles text[], teams text[])
returns jsonb
    language plpgsql stable as $$
declare
    record jsonb;
    account jsonb;
begin
    if not sluice.births_judged(entity) then
        return null;
    end if;
    if entity = 'lead' then
        record := sluice.lead_json(jsonb_populate_record(null::sluice.lead, sluice.flat_money(body, 'estimated_value')), null);
    elsif entity = 'account' then
        record := sluice.account_json(jsonb_populate_record(null::sluice.account, body), null);
    else
        record := sluice.opportunity_json(jsonb_populate_record(null::sluice.opportunity, sluice.flat_money(body, 'amount')), null);
        account := sluice.birth_account((body ->> 'account_id')::uuid);
    end if;
    if entity <> 'lead' and record ->> 'owner_id' is null then
        record := record || jsonb_build_object('owner_id', viewer);
    end if;
    return sluice.birth_facts_of(record, jsonb_build_object('account', account), actor_kind, viewer, roles, teams);
end
$$;

drop function if exists sluice.birth_choose(text);

-- Says under which version the next record of that kind is born in this transaction; 'none': it is free.
create or replace function sluice.birth_choose(entity text, version text) returns void
    language plpgsql as $$
begin
    perform set_config('sluice.chosen_' || entity, version, true);
end
$$;

grant execute on function
    sluice.births_judged(text), sluice.birth_versions(text, uuid[]), sluice.birth_facts(text, jsonb, text, uuid, text[], text[]),
    sluice.birth_facts_of(jsonb, jsonb, text, uuid, text[], text[]), sluice.birth_account(uuid),
    sluice.birth_choose(text, text)
    to sluice_app;

reset role;
