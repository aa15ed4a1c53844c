-- What a lead brings to what it becomes (sluice.conversion_mapping): which fields there are, and their values.

set role sluice_owner;

-- The fields that a mapping may name, and what they hold.
create or replace function sluice.mapping_fields() returns table (entity text, field text, type text)
    language sql immutable parallel safe as $$
    select v.* from (values
        ('lead', 'first_name', 'text'), ('lead', 'last_name', 'text'), ('lead', 'company', 'text'), ('lead', 'job_title', 'text'),
        ('lead', 'industry', 'text'), ('lead', 'street', 'text'), ('lead', 'city', 'text'), ('lead', 'email', 'email'),
        ('lead', 'phone', 'phone'), ('lead', 'tax_id', 'tax_id'), ('lead', 'website', 'website'), ('lead', 'postcode', 'postcode'),
        ('lead', 'country', 'country'), ('lead', 'need', 'long'), ('lead', 'description', 'long'),
        ('lead', 'estimated_value', 'money'), ('lead', 'budget_confirmed', 'boolean'), ('lead', 'nurture_until', 'date'),
        ('account', 'name', 'text'), ('account', 'industry', 'text'), ('account', 'street', 'text'), ('account', 'city', 'text'),
        ('account', 'email', 'email'), ('account', 'phone', 'phone'), ('account', 'tax_id', 'tax_id'),
        ('account', 'website', 'website'), ('account', 'postcode', 'postcode'), ('account', 'country', 'country'),
        ('account', 'description', 'long'),
        ('contact', 'first_name', 'text'), ('contact', 'last_name', 'text'), ('contact', 'job_title', 'text'),
        ('contact', 'email', 'email'), ('contact', 'phone', 'phone'), ('contact', 'description', 'long'),
        ('opportunity', 'description', 'long'), ('opportunity', 'amount', 'money'), ('opportunity', 'product_kind', 'text'),
        ('opportunity', 'delivery_date', 'date'), ('opportunity', 'close_date', 'date')) v(entity, field, type)
$$;

-- What a field that a mapping names holds, custom ones by their definitions; null: there is none.
create or replace function sluice.mapping_type(p_entity text, p_field text) returns text
    language plpgsql stable as $$
begin
    if p_field like 'custom.%' then
        return (select case f.type when 'long_text' then 'long' when 'url' then 'website' else f.type end
                  from sluice.custom_field f
                 where f.entity = p_entity and f.key = substr(p_field, 8) and not f.archived);
    end if;
    return (select f.type from sluice.mapping_fields() f where f.entity = p_entity and f.field = p_field);
end
$$;

-- A mapping names fields that are there and takes what the lead's holds: the same, or as a long text anything but money
-- and lists.
create or replace function sluice.conversion_mapping_check() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    source text;
    target text;
begin
    perform sluice.custom_lock('lead', false);
    perform sluice.custom_lock(new.entity, false);
    source := sluice.mapping_type('lead', new.lead_field);
    target := sluice.mapping_type(new.entity, new.field);
    if target is null then
        perform sluice.refuse_member('/field', 'validation_failed',
                                     format('The %s has no field "%s" that a lead could bring.', new.entity, new.field));
    elsif source is null then
        perform sluice.refuse_member('/lead_field', 'validation_failed', format('A lead has no field "%s" to bring.', new.lead_field));
    elsif source <> target and not (target = 'long' and source not in ('money', 'multi_choice')) then
        perform sluice.refuse_member('/lead_field', 'validation_failed',
                                     format('"%s" holds %s, "%s" takes %s.', new.lead_field, source, new.field, target));
    end if;
    return new;
end
$$;
create or replace trigger conversion_mapping_check before insert or update on sluice.conversion_mapping
    for each row execute function sluice.conversion_mapping_check();
create or replace trigger conversion_mapping_touch before update on sluice.conversion_mapping
    for each row execute function sluice.touch();
create or replace trigger conversion_mapping_audit after insert or update or delete on sluice.conversion_mapping
    for each row execute function sluice.audit_change('conversion_mapping', '');

create or replace view sluice.conversion_mapping_row as
select m.id, m.version, m.entity, m.field, m.lead_field, m.mode, m.created_at, m.updated_at, m.created_by
  from sluice.conversion_mapping m;

-- What the lead brings to custom fields: by mappings, and to those that no mapping names from its own with the same key
-- and type. Values that a field does not take stay behind.
create or replace function sluice.custom_mapped(r sluice.lead, lead jsonb, target text, mode text) returns jsonb
    language plpgsql stable as $$
begin
    return case when mode = 'overwrite' then '{}' else sluice.custom_carried(target, r.custom, null) end
        || (select coalesce(jsonb_object_agg(f.key, v.value), '{}')
              from sluice.conversion_mapping m
              join sluice.custom_field f on f.entity = target and 'custom.' || f.key = m.field and not f.archived
             cross join lateral (select case when f.type = 'long_text' then to_jsonb(b.brought #>> '{}') else b.brought end
                                   from (select lead #> string_to_array(m.lead_field, '.')) b(brought)) v(value)
             where m.entity = target and m.mode = coalesce(custom_mapped.mode, m.mode)
               and v.value <> 'null' and sluice.custom_fault(f, v.value) is null);
end
$$;

-- What the lead brings, by members of @target; only of mappings of a mode if one is named. Money is an object, and so is
-- `custom`.
create or replace function sluice.lead_mapped(r sluice.lead, target text, mode text) returns jsonb
    language plpgsql stable as $$
declare
    lead jsonb := to_jsonb(r) || jsonb_build_object('estimated_value', case when r.estimated_value_amount is not null then
        jsonb_build_object('amount', r.estimated_value_amount::text, 'currency', r.estimated_value_currency) end);
    custom jsonb := sluice.custom_mapped(r, lead, target, mode);
begin
    return (select coalesce(jsonb_object_agg(m.field, lead #> string_to_array(m.lead_field, '.')), '{}')
              from sluice.conversion_mapping m
             where m.entity = target and m.field not like 'custom.%'
               and lead #>> string_to_array(m.lead_field, '.') is not null and m.mode = coalesce(lead_mapped.mode, m.mode))
        || case when custom = '{}' then '{}' else jsonb_build_object('custom', custom) end;
end
$$;

-- The members of a linked record that change: what was empty, and what is overwritten.
create or replace function sluice.mapped_patch(r sluice.lead, target text, existing jsonb) returns jsonb
    language plpgsql stable as $$
declare
    fill jsonb := sluice.lead_mapped(r, target, 'fill');
    over jsonb := sluice.lead_mapped(r, target, 'overwrite');
begin
    return (select coalesce(jsonb_object_agg(b.key, b.value), '{}') from jsonb_each(fill) b where existing ->> b.key is null)
        || over
        || case when fill ? 'custom' or over ? 'custom' then jsonb_build_object('custom',
               coalesce(fill -> 'custom', '{}') || coalesce(existing -> 'custom', '{}') || coalesce(over -> 'custom', '{}'))
                else '{}' end;
end
$$;

-- Custom fields beside the others, as they are named.
create or replace function sluice.custom_flat(members jsonb) returns jsonb
    language sql immutable parallel safe as $$
    select members - 'custom' || coalesce(jsonb_object_agg('custom.' || c.key, c.value), '{}')
      from jsonb_each(coalesce(members -> 'custom', '{}')) c
$$;

-- What an existing record says otherwise than the lead: [{"field", "lead", "existing"}].
create or replace function sluice.differences(entity text, lead jsonb, existing jsonb) returns jsonb
    language sql immutable as $$
    select coalesce(jsonb_agg(jsonb_build_object('entity', entity, 'field', l.key, 'lead', l.value,
                                                 'existing', e.members -> l.key) order by l.key), '[]')
      from (select sluice.custom_flat(existing)) e(members), jsonb_each(sluice.custom_flat(lead)) l
     where l.value <> 'null' and e.members -> l.key <> 'null'
       and case when l.key in ('tax_id', 'phone')
                then sluice.digits(e.members ->> l.key) is distinct from sluice.digits(lead ->> l.key)
                else lower(e.members ->> l.key) <> lower(l.value #>> '{}') end;
$$;

-- What records that would be linked say otherwise, and keep.
create or replace function sluice.conversion_conflicts(lead_id uuid, account_id uuid, contact_id uuid) returns jsonb
    language plpgsql stable as $$
declare
    r sluice.lead;
begin
    select * into r from sluice.lead l where l.id = conversion_conflicts.lead_id;
    return coalesce((select sluice.differences('account', sluice.lead_mapped(r, 'account', 'fill'), to_jsonb(a))
                       from sluice.account a where a.id = conversion_conflicts.account_id), '[]')
        || coalesce((select sluice.differences('contact', sluice.lead_mapped(r, 'contact', 'fill')
                            || coalesce(jsonb_build_object('account_id', conversion_conflicts.account_id), '{}'), to_jsonb(c))
                       from sluice.contact c where c.id = conversion_conflicts.contact_id), '[]');
end
$$;

grant select on sluice.conversion_mapping_row to sluice_app;
grant execute on function sluice.mapping_fields(), sluice.lead_mapped(sluice.lead, text, text),
    sluice.custom_mapped(sluice.lead, jsonb, text, text), sluice.custom_flat(jsonb),
    sluice.conversion_conflicts(uuid, uuid, uuid), sluice.differences(text, jsonb, jsonb), sluice.refuse_member(text, text, text)
    to sluice_app;

reset role;
