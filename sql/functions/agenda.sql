-- Steps of states in documents, and back. (Files are read in the order of their names: documents use this.)

set role sluice_owner;

-- The steps of a state: as the daemon compiles them (choices are there), or as people write them.
create or replace function sluice.steps_doc(version_id uuid, of_state text, compiled boolean) returns jsonb
    language plpgsql stable as $$
begin
    return (select jsonb_agg(jsonb_build_object(
                       'key', s.key, 'label', nullif(s.label, '{}'),
                       'required', case when compiled or not s.required then s.required end,
                       'actors', (
                           select jsonb_agg(jsonb_build_object('kind', a.kind, 'value', a.value) order by a.position)
                             from sluice.step_actor a
                            where a.blueprint_version_id = version_id and a.state = of_state and a.step = s.key),
                       'inputs', (
                           select jsonb_agg(jsonb_build_object(
                                      'key', i.key, 'kind', i.kind, 'required', nullif(i.required, false),
                                      'label', nullif(i.label, '{}'),
                                      'params', nullif(case when compiled and i.params ? 'choices_from'
                                          then i.params - 'choices_from' || jsonb_build_object(
                                                   'choices', sluice.choices_from(i.params ->> 'choices_from'))
                                          else i.params end, '{}'))
                                      order by i.position, i.key)
                             from sluice.step_input i
                            where i.blueprint_version_id = version_id and i.state = of_state and i.step = s.key))
                       order by s.position, s.key)
              from sluice.step s where s.blueprint_version_id = version_id and s.state = of_state);
end
$$;

-- Fills the steps of a draft's states.
create or replace function sluice.steps_import(version_id uuid, states jsonb) returns void
    language plpgsql as $$
begin
    insert into sluice.step (blueprint_version_id, state, key, position, label, required)
    select version_id, s.value ->> 'key', p.value ->> 'key', p.ordinality, coalesce(p.value -> 'label', '{}'),
           coalesce((p.value ->> 'required')::boolean, true)
      from jsonb_array_elements(states) s
     cross join lateral jsonb_array_elements(s.value -> 'steps') with ordinality p;
    insert into sluice.step_actor (blueprint_version_id, state, step, position, kind, value)
    select version_id, s.value ->> 'key', p.value ->> 'key', a.ordinality, a.value ->> 'kind', a.value ->> 'value'
      from jsonb_array_elements(states) s
     cross join lateral jsonb_array_elements(s.value -> 'steps') p
     cross join lateral jsonb_array_elements(p.value -> 'actors') with ordinality a;
    insert into sluice.step_input (blueprint_version_id, state, step, key, position, kind, required, label, params)
    select version_id, s.value ->> 'key', p.value ->> 'key', i.value ->> 'key', i.ordinality, i.value ->> 'kind',
           coalesce((i.value ->> 'required')::boolean, false), coalesce(i.value -> 'label', '{}'),
           coalesce(i.value -> 'params', '{}')
      from jsonb_array_elements(states) s
     cross join lateral jsonb_array_elements(s.value -> 'steps') p
     cross join lateral jsonb_array_elements(p.value -> 'inputs') with ordinality i;
end
$$;

create or replace function sluice.steps_empty(version_id uuid) returns void
    language plpgsql as $$
begin
    delete from sluice.step_input i where i.blueprint_version_id = version_id;
    delete from sluice.step_actor a where a.blueprint_version_id = version_id;
    delete from sluice.step s where s.blueprint_version_id = version_id;
end
$$;

grant execute on function sluice.steps_doc(uuid, text, boolean) to sluice_app;

reset role;
