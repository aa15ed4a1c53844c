-- Looking at many records at once: what the guards of some versions look at, and no more, in pages by id.
--
-- Facts are made as small as they can be without any guard of those versions noticing: a text that is only asked
-- for its presence is "x", a time that is only compared with the entry of the state is before or after a fixed
-- one. Records with the same facts come as one row, and are evaluated once.

set role sluice_owner;

-- How a field of a record is brought. @how: value, or present when only that is asked.
create or replace function sluice.survey_field(entity text, name text, how text) returns text
    language plpgsql stable as $$
declare
    kind text;
begin
    if (entity, name) in (('lead', 'estimated_value'), ('opportunity', 'amount')) then
        return format('sluice.money(r.%I, r.%I)', name || '_amount', name || '_currency');
    elsif (entity, name) in (('lead', 'status'), ('account', 'verification'), ('opportunity', 'stage')) then
        return 'r.state';
    end if;
    select format_type(a.atttypid, null) into kind
      from pg_attribute a
     where a.attrelid = format('sluice.%I', entity)::regclass and a.attname = name and a.attnum > 0 and not a.attisdropped;
    return case
        when kind in ('text', 'character', 'character varying') and how = 'present'
            then format('case when r.%1$I ~ ''[[:alnum:]]'' then ''x'' else r.%1$I end', name)
        when kind like 'timestamp%' then format('sluice.rfc3339(r.%I)', name)
        when kind is not null then format('r.%I', name)
        else 'null' end;
end
$$;

-- The expression of the facts. @needs: {"whole": true} for everything there is, or
-- {"record": {"industry": "present"}, "account": true, "activities": true, "tasks": true, "visits": true,
--  "times": true, "steps": true}. @since: the expression for the entry of the state that evidence is compared with.
-- @past: steps are those of the stay before this one (`before`).
drop function if exists sluice.survey_facts(text, jsonb, text, uuid);

create or replace function sluice.survey_facts(entity text, needs jsonb, since text, also uuid, past boolean) returns text
    language plpgsql stable as $$
declare
    steps constant text := format('''state'', %s, ''steps'', (select coalesce(jsonb_agg(jsonb_build_object(''key'', x.key) '
        'order by x.key), ''[]'') from sluice.visit_step x where x.record_id = r.id and x.status = ''done'' '
        'and x.visit_id = %s)', case when past then 'before.state' else 'r.state' end,
        case when past then 'before.id'
             else '(select v.id from sluice.visit v where v.record_id = r.id and v.left_at is null)' end);
    key text := entity || '_id';
    whole boolean := coalesce((needs ->> 'whole')::boolean, false);
    times boolean := whole or coalesce((needs ->> 'times')::boolean, false);
    record text;
    parts text[] := '{}';
begin
    if whole then
        record := case when entity = 'opportunity' then 'sluice.opportunity_json(r.rec, s.*)'
                       else format('sluice.%s_json(r.rec, s.category)', entity) end;
    else
        select format('jsonb_build_object(%s)', coalesce(string_agg(
                   format('%L, %s', f.key, sluice.survey_field(entity, f.key, f.value)), ', '), ''))
          into record
          from jsonb_each_text(needs -> 'record') f;
    end if;
    parts := parts || format('''record'', %s', record)
                   || format('''state_entered_at'', %s', case when times then format('sluice.rfc3339(%s)', since)
                                                              else '''2000-01-01T00:00:00Z''' end);
    if times then
        parts := parts || '''now'', sluice.rfc3339(sluice.now())'::text;
    end if;
    if whole or needs ? 'related' then
        parts := parts || format('''related'', jsonb_build_object(%s)', case entity
            when 'account' then '''lead'', (select sluice.lead_json(x.*, y.category) from sluice.lead x join sluice.state y '
                'on y.blueprint_version_id = x.blueprint_version_id and y.key = x.state where x.id = r.lead_id)'
            else '''account'', (select sluice.account_json(x.*, y.category) from sluice.account x join sluice.state y '
                'on y.blueprint_version_id = x.blueprint_version_id and y.key = x.state where x.id = r.account_id), '
                '''contact'', (select sluice.contact_json(x.*) from sluice.contact x where x.id = r.contact_id)' end);
    elsif needs ? 'account' then
        parts := parts || ('''related'', jsonb_build_object(''account'', (select jsonb_build_object(''verification'', x.state) '
            'from sluice.account x where x.id = r.account_id))')::text;
    end if;
    if whole or needs ? 'activities' then
        parts := parts || format('''activities'', (select coalesce(jsonb_agg(jsonb_build_object(''kind'', x.kind, '
            '''subject'', case when x.subject ~ ''[[:alnum:]]'' then ''x'' else x.subject end, ''outcome'', x.outcome, '
            '''at'', %s)), ''[]'') from (select * from sluice.activity y where y.%I = r.id and y.deleted_at is null '
            'order by y.occurred_at desc limit 500) x)',
            case when times then 'sluice.rfc3339(x.occurred_at)'
                 else format('case when x.occurred_at >= %s then ''2000-01-02T00:00:00Z'' else ''1999-01-01T00:00:00Z'' end',
                             since) end, key);
    end if;
    if whole or needs ? 'tasks' then
        parts := parts || format('''tasks'', (select coalesce(jsonb_agg(jsonb_build_object(''status'', x.status, '
            '''subject'', case when x.subject ~ ''[[:alnum:]]'' then ''x'' else x.subject end, '
            '''created_at'', %s)), ''[]'') from (select * from sluice.task y where y.%I = r.id and y.deleted_at is null '
            'order by y.created_at desc limit 500) x)',
            case when times then 'sluice.rfc3339(x.created_at)'
                 else format('case when x.created_at >= %s then ''2000-01-02T00:00:00Z'' else ''1999-01-01T00:00:00Z'' end',
                             since) end, key);
    end if;
    if needs ? 'visits' and not whole then
        parts := parts || ('''visits'', (select coalesce(jsonb_agg(jsonb_build_object(''state'', v.state) order by v.id), ''[]'') '
            'from (select * from sluice.visit x where x.record_id = r.id order by x.id desc limit 500) v)')::text;
    end if;
    if needs ? 'steps' and not whole then
        parts := parts || steps;
    end if;
    if not whole then  -- text is all that is made of it: json is twice as fast as jsonb
        return replace(format('jsonb_build_object(%s)', array_to_string(parts, ', ')), 'jsonb_', 'json_');
    end if;
    return format('jsonb_build_object(%s)', array_to_string(parts, ', '))
           || format(' || sluice.visits_json(r.id) || sluice.facts_more(%L, r.id, r.blueprint_version_id, null)', entity)
           || case when also is not null then format(' || sluice.facts_more(%L, r.id, %L, null)', entity, also) else '' end
           || case when needs ? 'steps' then format(' || jsonb_build_object(%s)', steps) else '' end;
end
$$;

-- A page of the living records of a process behind the id @after: one row for all with the same version, state,
-- and facts, with how many, and some of them. `last` is the id to go on from. @past: facts for the transition that
-- led into the present state (`via`), so evidence is compared with the entry of the state before.
create or replace function sluice.survey(
    blueprint uuid, needs jsonb, also uuid, past boolean, after uuid, batch integer
) returns table (last uuid, version_id uuid, via text, state text, facts text, n bigint, ids text, seen bigint)
    language plpgsql stable as $$
declare
    entity text := (select b.entity from sluice.blueprint b where b.id = survey.blueprint);
    whole boolean := coalesce((needs ->> 'whole')::boolean, false);
begin
    return query execute format($q$
        with page as materialized (
            select r.id, r.blueprint_version_id, %1$s as via, r.state, (%2$s)::text as facts
              from (select x.* %3$s from sluice.%4$I x
                     where x.deleted_at is null and x.id > $1
                       and x.blueprint_version_id in (select v.id from sluice.blueprint_version v where v.blueprint_id = $2)
                     order by x.id limit $3) r
              %5$s %6$s
        ), ends as materialized (
            select (array_agg(p.id order by p.id desc))[1] as last, count(*) as seen from page p
        )
        select e.last, p.blueprint_version_id, p.via, p.state, p.facts, count(*),
               to_jsonb((array_agg(p.id order by p.id))[1:5])::text, e.seen
          from page p cross join ends e
         group by e.last, e.seen, p.blueprint_version_id, p.via, p.state, p.facts
         order by (array_agg(p.id order by p.id))[1]$q$,
        case when past then 'here.via' else 'null::text' end,
        sluice.survey_facts(entity, needs, case when past then 'coalesce(before.entered_at, r.state_entered_at)'
                                                else 'r.state_entered_at' end, also, past),
        case when whole then ', x as rec' else '' end,
        entity,
        case when whole then 'left join sluice.state s on s.blueprint_version_id = r.blueprint_version_id and s.key = r.state' else '' end,
        case when past then 'cross join lateral (select v.via, v.id from sluice.visit v where v.record_id = r.id and v.left_at is null) here '
            'left join lateral (select v.entered_at, v.id, v.state from sluice.visit v where v.record_id = r.id and v.id < here.id '
            'order by v.id desc limit 1) before on true' else '' end)
    using coalesce(after, '00000000-0000-0000-0000-000000000000'), blueprint, batch;
end
$$;

-- How many living records a process has.
create or replace function sluice.survey_count(blueprint uuid) returns bigint
    language sql stable as $$
    select (select count(*) from sluice.lead r
             where r.deleted_at is null and r.blueprint_version_id in (select v.id from sluice.blueprint_version v where v.blueprint_id = blueprint))
         + (select count(*) from sluice.account r
             where r.deleted_at is null and r.blueprint_version_id in (select v.id from sluice.blueprint_version v where v.blueprint_id = blueprint))
         + (select count(*) from sluice.opportunity r
             where r.deleted_at is null and r.blueprint_version_id in (select v.id from sluice.blueprint_version v where v.blueprint_id = blueprint));
$$;

-- The versions of a process that are or were in force, as the daemon compiles them.
create or replace function sluice.survey_versions(blueprint uuid) returns jsonb
    language sql stable as $$
    select coalesce(jsonb_agg(sluice.blueprint_doc(v.id) order by v.number), '[]')
      from sluice.blueprint_version v where v.blueprint_id = blueprint and v.status <> 'draft';
$$;

grant execute on function
    sluice.survey_field(text, text, text), sluice.survey_facts(text, jsonb, text, uuid, boolean),
    sluice.survey(uuid, jsonb, uuid, boolean, uuid, integer), sluice.survey_count(uuid), sluice.survey_versions(uuid)
    to sluice_app;

reset role;
