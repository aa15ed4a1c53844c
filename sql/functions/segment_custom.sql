-- Segments by custom fields: {"kind": "field", "field": "custom.seats", "op": "gte", "value": "10"}. Values are compared as
-- the type of the field has it; a record without a value satisfies `ne` and `absent` only.

set role sluice_owner;

drop function if exists sluice.segment_names(jsonb, text);
create or replace function sluice.segment_names(rule jsonb, field text, word text) returns boolean
    language sql immutable parallel safe
    return exists (select from jsonb_path_query(rule, 'strict $.** ? (@.type() == "object" && @.field == $field)',
                                                jsonb_build_object('field', field), true) f(said)
                    where sluice.custom_says(f.said, word));

-- Refuses a leaf that names no field, or compares it with what its type does not take.
create or replace function sluice.segment_custom_check(rule jsonb, at text) returns void
    language plpgsql as $$
declare
    f sluice.custom_field;
    op text := rule ->> 'op';
    given jsonb;
begin
    select * into f from sluice.custom_field x
     where x.entity = 'account' and 'custom.' || x.key = rule ->> 'field' and not x.archived;
    if f.id is null then
        perform sluice.refuse_segment(at || '/field', 'An account has no such custom field.');
    elsif rule - '{kind,field,op,value}'::text[] <> '{}' then
        perform sluice.refuse_segment(at, 'field has the parameters field, op and value.');
    elsif coalesce(op, '') not in ('eq', 'ne', 'in', 'present', 'absent', 'gt', 'gte', 'lt', 'lte')
          or op in ('gt', 'gte', 'lt', 'lte') and f.type not in ('integer', 'decimal', 'date', 'datetime') then
        perform sluice.refuse_segment(at || '/op', 'This is one of eq, ne, in, present, absent; of numbers and dates also gt, gte, lt, lte.');
    elsif (op in ('present', 'absent')) = (rule ? 'value') then
        perform sluice.refuse_segment(at || '/value', 'present and absent have no value; whatever compares has one.');
    elsif op in ('gt', 'gte', 'lt', 'lte') and cardinality(sluice.segment_values(rule -> 'value')) is distinct from 1 then
        perform sluice.refuse_segment(at || '/value', 'This is one value.');
    elsif rule ? 'value' and coalesce(cardinality(sluice.segment_values(rule -> 'value')) not between 1 and 100, true) then
        perform sluice.refuse_segment(at || '/value', 'This is a text or a list of up to 100.');
    end if;
    for given in select case when f.type = 'boolean' and v in ('true', 'false') or f.type = 'integer' and v ~ '^-?[0-9]{1,18}$' then v::jsonb
                             when f.type = 'multi_choice' then jsonb_build_array(v) else to_jsonb(v) end
                   from unnest(sluice.segment_values(rule -> 'value')) v loop
        f.minimum := null;  -- whatever could be compared
        f.maximum := null;
        f.min_length := null;
        if sluice.custom_fault(f, given) is not null then
            perform sluice.refuse_segment(at || '/value', format('The field takes no such value: %s', sluice.custom_fault(f, given)));
        end if;
    end loop;
end
$$;

-- The condition of a leaf that was checked.
create or replace function sluice.segment_custom_sql(rule jsonb) returns text
    language plpgsql stable as $$
declare
    key text := substr(rule ->> 'field', 8);
    op text := rule ->> 'op';
    list text[] := sluice.segment_values(rule -> 'value');
    of_type text := (select f.type from sluice.custom_field f where f.entity = 'account' and f.key = substr(rule ->> 'field', 8));
    compared text := case when of_type in ('integer', 'decimal') then 'numeric' when of_type = 'date' then 'date'
                          when of_type = 'datetime' then 'timestamptz' else 'text' end;
begin
    if op in ('present', 'absent') then
        return format('%s coalesce(a.custom ->> %L, '''') not in ('''', ''[]'')', case op when 'absent' then 'not' else '' end, key);
    elsif of_type = 'multi_choice' then
        return format('%s coalesce(a.custom -> %L ?| %L::text[], false)', case op when 'ne' then 'not' else '' end, key, list);
    elsif op in ('eq', 'ne', 'in') then
        return format('%s coalesce((a.custom ->> %L)::%s = any (%L::%3$s[]), false)', case op when 'ne' then 'not' else '' end, key,
                      compared, list);
    end if;
    return format('coalesce((a.custom ->> %L)::%s %s %L::%2$s, false)', key, compared,
                  case op when 'gt' then '>' when 'gte' then '>=' when 'lt' then '<' else '<=' end, list[1]);
end
$$;

grant execute on function
    sluice.segment_names(jsonb, text, text), sluice.segment_custom_check(jsonb, text), sluice.segment_custom_sql(jsonb)
    to sluice_app;

reset role;
