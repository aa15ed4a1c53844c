-- Definitions of custom fields, for those who judge values; what they mean is in rule_custom.sql.

set role sluice_owner;

-- The definitions of an entity's fields that are in use, as the daemon judges by them.
create or replace function sluice.custom_definitions(p_entity text) returns jsonb
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$  -- sql would be planned at each call
begin
    return (
        select coalesce(jsonb_agg(jsonb_build_object(
                   'id', f.id, 'key', f.key, 'label', f.label, 'type', f.type, 'required', f.required, 'minimum', f.minimum,
                   'maximum', f.maximum, 'min_length', f.min_length, 'max_length', f.max_length, 'pattern', f.pattern,
                   'indexed', f.indexed,
                   'choices', (select jsonb_agg(c.value -> 'key') from jsonb_array_elements(nullif(f.choices, 'null')) c),
                   'choice_labels', (select jsonb_agg(c.value -> 'label') from jsonb_array_elements(nullif(f.choices, 'null')) c))
                   order by f.position, f.key), '[]')
          from sluice.custom_field f
         where f.entity = p_entity and not f.archived);
end
$$;

grant execute on function sluice.custom_definitions(text) to sluice_app;

reset role;
