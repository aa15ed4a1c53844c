-- Custom fields: what a definition may say, what values it takes, and the index of those that lists look for.
--
-- The daemon judges values first and says what is wrong with all of them; the triggers here judge them again,
-- whoever writes. Only patterns are the daemon's alone: they are of another dialect than PostgreSQL's.

set role sluice_owner;

create or replace function sluice.custom_refuse(pointer text, why text) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'SL422', message = 'validation_failed', column = pointer, detail = why;
end
$$;

-- Who writes values shares this lock, who changes definitions has it alone: no value is judged by a definition that
-- is not in force any more.
create or replace function sluice.custom_lock(entity text, alone boolean) returns void
    language plpgsql as $$
declare
    lock bigint := hashtextextended('sluice.custom ' || entity, 0);
begin
    if alone then
        perform pg_advisory_xact_lock(lock);
    else
        perform pg_advisory_xact_lock_shared(lock);
    end if;
end
$$;

-- A merge patch of custom values (RFC 7396): null removes one, or all.
create or replace function sluice.custom_merge(was jsonb, patch jsonb) returns jsonb
    language sql immutable parallel safe
    return case when not patch ? 'custom' then was
                when jsonb_typeof(patch -> 'custom') = 'object' then jsonb_strip_nulls(was || (patch -> 'custom'))
                else '{}'::jsonb end;

-- Members of a record to write, in which the patch of custom values has become the values.
create or replace function sluice.custom_given(was jsonb, given jsonb) returns jsonb
    language sql immutable parallel safe
    return case when given ? 'custom' then given || jsonb_build_object('custom', sluice.custom_merge(was, given))
                else given end;

-- Where the values stand in the request, for what is said of them: '/fields' with a move.
create or replace function sluice.custom_at(pointer text) returns void
    language plpgsql as $$
begin
    perform set_config('sluice.custom_at', pointer, true);
end
$$;

-- What is wrong with a value; null: nothing.
create or replace function sluice.custom_fault(f sluice.custom_field, value jsonb) returns text
    language plpgsql stable as $$
declare
    word text := value #>> '{}';
    kind text := jsonb_typeof(value);
    wanted text := case f.type when 'integer' then 'number' when 'boolean' then 'boolean'
                               when 'multi_choice' then 'array' else 'string' end;
begin
    if kind <> wanted and not (f.type = 'decimal' and kind = 'number') then
        return format('Send %s.', case wanted when 'number' then 'an integer' when 'boolean' then 'true or false'
                                              when 'array' then 'an array' else 'a string' end);
    end if;
    if f.type = 'integer' and word ~ '[.]' then
        return 'Send an integer.';
    elsif f.type = 'decimal' and word !~ '^-?[0-9]{1,14}([.][0-9]{1,4})?$' then
        return 'Send a decimal number.';
    elsif f.type in ('integer', 'decimal')
          and (word::numeric < f.minimum or word::numeric > f.maximum) then
        return format('Send a number%s%s.', ' that is at least ' || f.minimum, ' that is at most ' || f.maximum);
    elsif f.type in ('date', 'datetime') then
        if word !~ (case f.type when 'date' then '^\d{4}-\d\d-\d\d$' else '^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d([.]\d+)?([Zz]|[+-]\d\d:\d\d)$' end) then
            return 'Send a date.';
        end if;
        perform word::timestamptz;
    elsif f.type = 'choice' then
        if not f.choices @> jsonb_build_array(jsonb_build_object('key', word)) then
            return 'Send one of the choices.';
        end if;
    elsif f.type = 'multi_choice' then
        if exists (select from jsonb_array_elements(value) x
                    where not f.choices @> jsonb_build_array(jsonb_build_object('key', x.value)))
           or (select count(distinct x.value) <> count(*) from jsonb_array_elements(value) x) then
            return 'Send some of the choices, each once.';
        end if;
    elsif f.type = 'user' then
        if not exists (select from sluice.app_user u where u.id::text = word) then
            return 'There is no such user.';
        end if;
    elsif f.type in ('text', 'long_text', 'url', 'email', 'phone') then
        if char_length(word) > coalesce(f.max_length, case f.type when 'long_text' then 20000 else 500 end)
           or char_length(word) < coalesce(f.min_length, 0) then
            return 'Send a text of the length that the field has.';
        end if;
    end if;
    return null;
exception when data_exception then
    return format('Send a %s.', f.type);
end
$$;

-- Before values are written, of a record that gets some or whose values change. Argument: the entity.
create or replace function sluice.custom_check() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
    was jsonb := '{}';
    at constant text := coalesce(current_setting('sluice.custom_at', true), '') || '/custom/';
    v record;
    why text;
begin
    if tg_op = 'UPDATE' then
        was := old.custom;
    end if;
    perform sluice.custom_lock(tg_argv[0], false);
    if jsonb_typeof(new.custom) is distinct from 'object' then
        perform sluice.custom_refuse('/custom', 'Send an object.');
    end if;
    new.custom := jsonb_strip_nulls(new.custom);
    for v in select e.key as name, e.value, f as field
               from jsonb_each(new.custom) e
               left join sluice.custom_field f on f.entity = tg_argv[0] and f.key = e.key
              where e.value is distinct from was -> e.key
              order by e.key loop
        if (v.field).id is null or (v.field).archived then
            why := format('There is no custom field "%s" of a %s.', v.name, tg_argv[0]);
        else
            why := sluice.custom_fault(v.field, v.value);
        end if;
        if why is not null then
            perform sluice.custom_refuse(at || v.name, why);
        end if;
        if (v.field).type = 'decimal' and jsonb_typeof(v.value) = 'number' then  -- kept as text, which is exact
            new.custom := jsonb_set(new.custom, array[v.name], to_jsonb(v.value #>> '{}'));
        end if;
    end loop;
    select f.key into v from sluice.custom_field f
     where f.entity = tg_argv[0] and f.required and not f.archived and was ? f.key and not new.custom ? f.key limit 1;
    if found then
        perform sluice.custom_refuse(at || v.key, 'The field is required.');
    end if;
    return new;
end
$$;

-- After records were inserted: what is required is there. Argument: the entity.
create or replace function sluice.custom_complete() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    needed text[] := array(select f.key from sluice.custom_field f
                            where f.entity = tg_argv[0] and f.required and not f.archived order by f.position, f.key);
    missing text;
begin
    if needed = '{}' then
        return null;
    end if;
    select k into missing from born b, unnest(needed) with ordinality n(k, i) where not b.custom ? k order by i limit 1;
    if found then
        perform sluice.custom_refuse('/custom/' || missing, format('The custom field "%s" is required.', missing));
    end if;
    return null;
end
$$;

-- The rows of the index for a value.
create or replace function sluice.custom_rows(f sluice.custom_field, value jsonb)
returns table (text text, number numeric, moment timestamptz)
    language sql stable as $$
    select case when f.type not in ('integer', 'decimal', 'date', 'datetime') then x #>> '{}' end,
           case when f.type in ('integer', 'decimal') then (x #>> '{}')::numeric end,
           case f.type when 'date' then (x #>> '{}')::timestamp at time zone 'UTC'
                       when 'datetime' then (x #>> '{}')::timestamptz end
      from jsonb_array_elements(case f.type when 'multi_choice' then value else jsonb_build_array(value) end) x
$$;

-- After values changed: the index follows. Argument: the entity.
create or replace function sluice.custom_index() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
    was jsonb := '{}';
begin
    if tg_op = 'DELETE' then
        delete from sluice.custom_value v where v.record_id = old.id;
        return null;
    end if;
    if tg_op = 'UPDATE' then
        was := old.custom;
        delete from sluice.custom_value v
         using sluice.custom_field f
         where v.record_id = new.id and f.id = v.field_id and was -> f.key is distinct from new.custom -> f.key;
    end if;
    insert into sluice.custom_value (field_id, record_id, text, number, moment)
    select f.id, new.id, r.text, r.number, r.moment
      from sluice.custom_field f cross join lateral sluice.custom_rows(f, new.custom -> f.key) r
     where f.entity = tg_argv[0] and f.indexed and new.custom ? f.key
       and was -> f.key is distinct from new.custom -> f.key;
    return null;
end
$$;

-- What a lead's values become in a record that it becomes: those of fields with the same key and type, under those that
-- are given. So values that the other field does not take stay behind.
create or replace function sluice.custom_carried(entity text, of_lead jsonb, given jsonb) returns jsonb
    language plpgsql stable as $$
begin
    return coalesce((
        select jsonb_object_agg(v.key, v.value)
          from jsonb_each(of_lead) v
          join sluice.custom_field l on l.entity = 'lead' and l.key = v.key
          join sluice.custom_field f on f.entity = custom_carried.entity and f.key = v.key and f.type = l.type
         where not f.archived and sluice.custom_fault(f, v.value) is null
           and not exists (select from sluice.conversion_mapping m
                            where m.entity = f.entity and m.field = 'custom.' || f.key)), '{}')
        || coalesce(nullif(given -> 'custom', 'null'), '{}');
end
$$;

-- The values of records that become one. @choices: {"custom.key": id of one of them}; without a choice a field has the
-- value of the first who has one, and others that differ are told: [{field, kept, values: [{id, value}]}].
drop function if exists sluice.custom_merged(text, uuid[], jsonb);
create or replace function sluice.custom_merged(
    p_entity text, ids uuid[], records jsonb, choices jsonb, out given jsonb, out conflicts jsonb
)
    language plpgsql stable as $$
begin
    with field as (
        select distinct v.key, 'custom.' || v.key as name
          from unnest(ids) with ordinality u(i, n)
         cross join lateral jsonb_object_keys(records -> u.i::text -> 'custom') v(key)
         where u.n = 1
            or exists (select from sluice.custom_field f where f.entity = p_entity and f.key = v.key and not f.archived)
    ), value as (
        select f.key, f.name, u.i, u.n, records -> u.i::text -> 'custom' -> f.key as value,
               lower(choices ->> f.name) as choice
          from field f cross join unnest(ids) with ordinality u(i, n)
    ), kept as (
        select distinct on (v.key) v.key, v.value
          from value v
         where v.value is not null and (v.choice is null or v.choice = v.i::text)
         order by v.key, v.n
    ), lost as (
        select v.key, v.name, k.value as kept,
               jsonb_agg(jsonb_build_object('id', v.i, 'value', v.value) order by v.n) as others
          from value v join kept k on k.key = v.key
         where v.choice is null and v.value <> k.value
         group by v.key, v.name, k.value
    )
    select coalesce((select jsonb_object_agg(k.key, k.value) from kept k), '{}'),
           coalesce((select jsonb_agg(jsonb_build_object('field', l.name, 'kept', l.kept, 'values', l.others) order by l.key)
                       from lost l), '[]')
      into given, conflicts;
end
$$;

-- The table of an entity has the triggers of its values. All of one kind begin with the same name: the index follows
-- what the check let through.
do $$
declare
    e text;
begin
    foreach e in array array['lead', 'account', 'contact', 'opportunity'] loop
        execute format($t$
            create or replace trigger %1$s_custom_born before insert on sluice.%1$I
                for each row when (new.custom <> '{}') execute function sluice.custom_check(%1$L);
            create or replace trigger %1$s_custom_check before update on sluice.%1$I
                for each row when (old.custom is distinct from new.custom) execute function sluice.custom_check(%1$L);
            create or replace trigger %1$s_custom_index_born after insert on sluice.%1$I
                for each row when (new.custom <> '{}') execute function sluice.custom_index(%1$L);
            create or replace trigger %1$s_custom_index after update on sluice.%1$I
                for each row when (old.custom is distinct from new.custom) execute function sluice.custom_index(%1$L);
            create or replace trigger %1$s_custom_index_gone after delete on sluice.%1$I
                for each row when (old.custom <> '{}') execute function sluice.custom_index(%1$L);
            create or replace trigger %1$s_custom_complete after insert on sluice.%1$I
                referencing new table as born for each statement execute function sluice.custom_complete(%1$L)$t$, e);
    end loop;
end
$$;

-- Whether a record has a value of the field, or the value.
create or replace function sluice.custom_used(p_entity text, p_key text, p_value jsonb default null) returns boolean
    language plpgsql stable as $$
declare
    used boolean;
begin
    execute format('select exists (select from sluice.%I r where r.custom ? $1
                     and ($2 is null or r.custom -> $1 = $2 or (jsonb_typeof(r.custom -> $1) = ''array'' and r.custom -> $1 @> $2)))',
                   p_entity) into used using p_key, p_value;
    return used;
end
$$;

-- Whether what is said of a field names the choice: compared with it, or offering it.
create or replace function sluice.custom_says(said jsonb, word text) returns boolean
    language sql immutable parallel safe
    return word is null
        or jsonb_path_exists(said, 'lax $.keyvalue() ? (@.key == "value" || @.key == "choices").value[*] ? (@ == $word)',
                             jsonb_build_object('word', word));

-- The parts of a document that name one of these fields, or a choice of it, with the state or transition that they belong
-- to; guards in groups by their own key. What actions set is looked at by custom_action_lost().
drop function if exists sluice.custom_element(jsonb, text[]);
create or replace function sluice.custom_element(doc jsonb, names text[], word text)
returns table (kind text, key text, part text)
    language plpgsql stable as $$
begin
    return query
    select k.kind, coalesce(x.value ->> 'key', '?'), coalesce(p.value ->> 'key', '?')
      from (values ('transitions'), ('states')) w(list)
     cross join lateral jsonb_path_query(doc, ('strict $.' || w.list || '[*]')::jsonpath, '{}', true) p(value)
     cross join (values ('guard', 'guards'), ('input', 'inputs'), ('action', 'actions'), ('step', 'steps'), ('threshold', 'sla')) k(kind, list)
     cross join lateral jsonb_path_query(p.value, ('lax $.' || k.list || '.**')::jsonpath) x(value)
     where jsonb_typeof(x.value) = 'object'
       and (x.value -> 'params' ->> 'field' = any (names)) and sluice.custom_says(x.value -> 'params', word)
       and (word is null or k.kind <> 'action');
    return query
    select 'criterion', coalesce(x.value ->> 'key', '?'), doc ->> 'key'
      from jsonb_path_query(doc, 'lax $.criteria.**') x(value)
     where jsonb_typeof(x.value) = 'object' and x.value -> 'params' ->> 'field' = any (names)
       and sluice.custom_says(x.value -> 'params', word);
    return query  -- who may, and wherever else a field may be named
    select 'part', x.value #>> '{}', doc ->> 'key'
      from jsonb_path_query(doc, 'lax $.** ? (@.type() == "string")') x(value)
     where x.value #>> '{}' = any (names) and word is null;
    return query  -- conditions about related records name their fields
    select 'condition', w.value ->> 'field', doc ->> 'key'
      from jsonb_path_query(doc, 'strict $.** ? (@.type() == "object" && exists (@.where))', '{}', true) x(value)
     cross join lateral jsonb_array_elements(case jsonb_typeof(x.value -> 'where') when 'array' then x.value -> 'where' else '[]' end) w
     where (x.value ->> 'of') || '.' || (w.value ->> 'field') = any (names) and sluice.custom_says(w.value, word);
end
$$;

-- Where a draft or a version in force names the field: of the record itself, or of one that is related to it; or which
-- form fills it. With the guard, input or action. With @word: where that choice of it is named.
drop function if exists sluice.custom_named(text, text);
create or replace function sluice.custom_named(p_entity text, p_key text, word text default null) returns text
    language plpgsql stable as $$
declare
    d record;
    element record;
    names text[];
    own text := 'custom.' || p_key;
begin
    for d in select b.entity, b.key, v.number, v.status, sluice.blueprint_document(v.id) as doc
               from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id
              where v.status in ('draft', 'published')
              order by b.entity, b.key, v.number loop
        names := case when d.entity = p_entity then array[own] else '{}' end || array[p_entity || '.' || own];
        select * into element from sluice.custom_element(d.doc::jsonb, names, word) e limit 1;
        if found then
            return format('the process "%s" (%s), %s "%s" of "%s",', d.key,
                          case d.status when 'draft' then 'a draft' else 'version ' || d.number end,
                          element.kind, element.key, element.part);
        end if;
    end loop;
    if p_entity = 'lead' and word is null and exists (select from sluice.intake_form f where own = any (f.fields)) then
        return (select format('the intake form "%s"', f.form) from sluice.intake_form f
                 where own = any (f.fields) order by f.form limit 1);
    end if;
    if p_entity = 'lead' then
        d := null;
        select x.what || ' "' || x.key || '"' as place into d
          from (select 'the assignment rule' as what, r.key, r.conditions from sluice.assignment_rule r
                union all
                select 'the score rule', r.key, r.conditions from sluice.score_rule r) x
         where exists (select from jsonb_path_query(x.conditions, 'strict $.** ? (@.type() == "object" && @.field == $own)',
                                                    jsonb_build_object('own', own), true) c(said)
                        where sluice.custom_says(c.said, word))
         order by 1 limit 1;
        if d.place is not null then
            return d.place;
        end if;
    end if;
    if p_entity = 'account' and exists (select from sluice.segment s
                                         where s.deleted_at is null and sluice.segment_names(s.rule, own, word)) then
        return (select format('the segment "%s"', s.key) from sluice.segment s
                 where s.deleted_at is null and sluice.segment_names(s.rule, own, word) order by s.key limit 1);
    end if;
    if word is not null then
        return null;
    end if;
    return (select format('the conversion mapping of the %s''s "%s"', m.entity, m.field) from sluice.conversion_mapping m
             where (m.entity = p_entity and m.field = own) or (p_entity = 'lead' and m.lead_field = own)
             order by m.entity, m.field limit 1);
end
$$;

-- The first action of a draft or a version in force that could not set the field any more, or null.
create or replace function sluice.custom_action_lost(f sluice.custom_field) returns text
    language plpgsql stable as $$
begin
    return (select format('The action "%s" of "%s" in the process "%s" sets the field: %s', x.key, t.key, b.key,
                          sluice.custom_action_fault(f, x.params))
              from sluice.action x
              join sluice.transition t on t.id = x.transition_id
              join sluice.blueprint_version v on v.id = t.blueprint_version_id and v.status in ('draft', 'published')
              join sluice.blueprint b on b.id = v.blueprint_id and b.entity = f.entity
             where x.kind = 'set_field' and x.params ->> 'field' = 'custom.' || f.key
               and sluice.custom_action_fault(f, x.params) is not null
             order by b.key, t.key, x.key limit 1);
end
$$;

-- Before a definition is written: it makes sense, and no value that is there loses its own.
create or replace function sluice.custom_define() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    texts constant boolean := new.type in ('text', 'long_text', 'url', 'email', 'phone');
    numbers constant boolean := new.type in ('integer', 'decimal');
    chosen constant boolean := new.type in ('choice', 'multi_choice');
    lost text;
    place text;
begin
    perform sluice.custom_lock(new.entity, true);
    if tg_op = 'INSERT' then
        if exists (select from pg_attribute a
                    where a.attrelid = format('sluice.%I', new.entity || '_row')::regclass and a.attnum > 0
                      and split_part(a.attname, '.', 1) = new.key) then
            perform sluice.custom_refuse('/key', format('A %s has the field "%s" already.', new.entity, new.key));
        end if;
        if (select count(*) from sluice.custom_field f where f.entity = new.entity) >= 200 then
            perform sluice.custom_refuse('/entity', format('A %s has at most 200 custom fields.', new.entity));
        end if;
    elsif new.type <> old.type and sluice.custom_used(new.entity, new.key) then
        perform sluice.custom_refuse('/type', 'Records have values of this type; it cannot change any more.');
    end if;
    if chosen and (jsonb_typeof(new.choices) is distinct from 'array' or jsonb_array_length(new.choices) = 0) then
        perform sluice.custom_refuse('/choices', 'Name the choices.');
    elsif not chosen and new.choices is not null then
        perform sluice.custom_refuse('/choices', 'Only a choice has choices.');
    elsif chosen and (select count(*) <> count(distinct c.value ->> 'key') from jsonb_array_elements(new.choices) c) then
        perform sluice.custom_refuse('/choices', 'Two choices have the same key.');
    elsif not texts and new.pattern is not null then
        perform sluice.custom_refuse('/pattern', 'Only a text has a pattern.');
    elsif not texts and num_nonnulls(new.min_length, new.max_length) > 0 then
        perform sluice.custom_refuse(case when new.min_length is null then '/max_length' else '/min_length' end,
                                     'Only a text has a length.');
    elsif not numbers and num_nonnulls(new.minimum, new.maximum) > 0 then
        perform sluice.custom_refuse(case when new.minimum is null then '/maximum' else '/minimum' end,
                                     'Only a number has a range.');
    elsif new.minimum > new.maximum then
        perform sluice.custom_refuse('/minimum', 'The range is empty.');
    elsif new.min_length > new.max_length then
        perform sluice.custom_refuse('/min_length', 'No text is as long and as short.');
    elsif new.type <> 'long_text' and new.max_length > 500 then
        perform sluice.custom_refuse('/max_length', 'Only a long text is longer than 500 characters.');
    elsif new.indexed and new.type = 'long_text' then
        perform sluice.custom_refuse('/indexed', 'A long text cannot be indexed.');
    end if;
    if tg_op = 'INSERT' then
        return new;
    end if;
    if chosen and old.choices is not null then
        select c.value ->> 'key' into lost
          from jsonb_array_elements(old.choices) c
         where not new.choices @> jsonb_build_array(jsonb_build_object('key', c.value ->> 'key'))
           and sluice.custom_used(new.entity, new.key, c.value -> 'key')
         limit 1;
        if found then
            perform sluice.custom_refuse('/choices', format('Records of %s have the choice "%s".', new.entity, lost));
        end if;
        select sluice.custom_named(new.entity, new.key, c.value ->> 'key'), c.value ->> 'key' into place, lost
          from jsonb_array_elements(old.choices) c
         where not new.choices @> jsonb_build_array(jsonb_build_object('key', c.value ->> 'key'))
           and sluice.custom_named(new.entity, new.key, c.value ->> 'key') is not null
         limit 1;
        if found then
            raise exception using errcode = 'SL409', message = 'in_use', column = '/choices',
                detail = format('%s names the choice "%s"; take it out first.', upper(left(place, 1)) || substr(place, 2), lost);
        end if;
    end if;
    lost := sluice.custom_action_lost(new);
    if lost is not null then
        raise exception using errcode = 'SL409', message = 'in_use', detail = lost;
    end if;
    if new.archived and not old.archived or new.type <> old.type then
        place := sluice.custom_named(new.entity, new.key);
        if place is not null then
            raise exception using errcode = 'SL409', message = 'in_use',
                detail = format('%s names the field; take it out first.', upper(left(place, 1)) || substr(place, 2));
        end if;
    end if;
    return new;
end
$$;

create or replace trigger custom_field_define before insert or update on sluice.custom_field
    for each row execute function sluice.custom_define();

-- After a definition became indexed, or no longer is: the values of all records.
create or replace function sluice.custom_reindex() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    delete from sluice.custom_value v where v.field_id = new.id;
    if new.indexed then
        execute format('insert into sluice.custom_value (field_id, record_id, text, number, moment)
                        select $1.id, r.id, x.text, x.number, x.moment
                          from sluice.%I r cross join lateral sluice.custom_rows($1, r.custom -> $2) x
                         where r.custom ? $2', new.entity) using new, new.key;
    end if;
    return null;
end
$$;

create or replace trigger custom_field_reindex after update on sluice.custom_field
    for each row when (old.indexed <> new.indexed) execute function sluice.custom_reindex();

-- Before a definition goes: nothing has a value of it, nothing names it.
create or replace function sluice.custom_erase() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    place text;
begin
    perform sluice.custom_lock(old.entity, true);
    place := case when sluice.custom_used(old.entity, old.key) then format('a %s has a value of it', old.entity)
                  else sluice.custom_named(old.entity, old.key) || ' names it' end;
    if place is not null then
        raise exception using errcode = 'SL409', message = 'in_use',
            detail = format('The field stays: %s. Archive it instead.', place);
    end if;
    delete from sluice.custom_value v where v.field_id = old.id;
    return old;
end
$$;

create or replace trigger custom_field_erase before delete on sluice.custom_field
    for each row execute function sluice.custom_erase();
create or replace trigger custom_field_touch before update on sluice.custom_field
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger custom_field_audit after insert or update or delete on sluice.custom_field
    for each row execute function sluice.audit_change('custom_field', '');

-- Records by values of an indexed field: q is {"f": id of the field, "v": value, or values for any}. Single selects
-- that the planner merges into the list that calls them, so that it counts on the value: keep them so.
do $$
declare
    c record;
begin
    for c in select x.name, x.type, o.op, o.sign
               from (values ('text', 'text'), ('number', 'numeric'), ('moment', 'timestamptz')) x(name, type),
                    (values ('any', null), ('gt', '>'), ('gte', '>='), ('lt', '<'), ('lte', '<=')) o(op, sign)
              where o.op = 'any' or x.name <> 'text' loop
        execute format($f$
            create or replace function sluice.custom_%1$s_%3$s(q jsonb) returns setof uuid
                language sql stable as $s$
                select x.record_id from sluice.custom_value x
                 where x.field_id = (q ->> 'f')::uuid and x.%1$s %4$s
            $s$;
            grant execute on function sluice.custom_%1$s_%3$s(jsonb) to sluice_app$f$,
            c.name, c.type, c.op,
            case c.op when 'any' then format('= any (array(select v::%s from jsonb_array_elements_text(q -> ''v'') v))', c.type)
                      else format('%s (q ->> ''v'')::%s', c.sign, c.type) end);
    end loop;
end
$$;

-- Records that have each of the values.
create or replace function sluice.custom_text_all(q jsonb) returns setof uuid
    language sql stable as $$
    select x.record_id from sluice.custom_value x
     where x.field_id = (q ->> 'f')::uuid and x.text = any (array(select v from jsonb_array_elements_text(q -> 'v') v))
     group by x.record_id
    having count(*) = (select count(distinct v) from jsonb_array_elements_text(q -> 'v') v)
$$;

drop view if exists sluice.custom_field_row;

create view sluice.custom_field_row as
select f.id, f.version, f.entity, f.key, f.label, f.type, f.required, f.minimum::float8 as minimum,
       f.maximum::float8 as maximum, f.min_length, f.max_length, f.pattern, f.choices, f.position, f.indexed, f.archived,
       f.created_at, f.updated_at, f.created_by
  from sluice.custom_field f;

grant select on sluice.custom_field_row to sluice_app;
grant execute on function
    sluice.custom_merge(jsonb, jsonb), sluice.custom_carried(text, jsonb, jsonb),
    sluice.custom_fault(sluice.custom_field, jsonb), sluice.custom_text_all(jsonb)
    to sluice_app;

reset role;
