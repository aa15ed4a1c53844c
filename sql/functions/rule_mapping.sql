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
        ('lead', 'estimated_value', 'money'),
        ('account', 'name', 'text'), ('account', 'industry', 'text'), ('account', 'street', 'text'), ('account', 'city', 'text'),
        ('account', 'email', 'email'), ('account', 'phone', 'phone'), ('account', 'tax_id', 'tax_id'),
        ('account', 'website', 'website'), ('account', 'postcode', 'postcode'), ('account', 'country', 'country'),
        ('account', 'description', 'long'),
        ('contact', 'first_name', 'text'), ('contact', 'last_name', 'text'), ('contact', 'job_title', 'text'),
        ('contact', 'email', 'email'), ('contact', 'phone', 'phone'), ('contact', 'description', 'long'),
        ('opportunity', 'description', 'long'), ('opportunity', 'amount', 'money')) v(entity, field, type)
$$;

-- A mapping names fields that are there and takes what the lead's holds: the same, or anything but money as a long text.
create or replace function sluice.conversion_mapping_check() returns trigger
    language plpgsql as $$
declare
    source text := (select f.type from sluice.mapping_fields() f where f.entity = 'lead' and f.field = new.lead_field);
    target text := (select f.type from sluice.mapping_fields() f where f.entity = new.entity and f.field = new.field);
begin
    if target is null then
        perform sluice.refuse_member('/field', 'validation_failed',
                                     format('The %s has no field "%s" that a lead could bring.', new.entity, new.field));
    elsif source is null then
        perform sluice.refuse_member('/lead_field', 'validation_failed', format('A lead has no field "%s" to bring.', new.lead_field));
    elsif source <> target and not (target = 'long' and source <> 'money') then
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

-- What the lead brings, by members of @target; only of mappings of a mode if one is named. Money is an object.
create or replace function sluice.lead_mapped(r sluice.lead, target text, mode text) returns jsonb
    language plpgsql stable as $$
declare
    lead jsonb := to_jsonb(r) || jsonb_build_object('estimated_value', case when r.estimated_value_amount is not null then
        jsonb_build_object('amount', r.estimated_value_amount::text, 'currency', r.estimated_value_currency) end);
begin
    return (select coalesce(jsonb_object_agg(m.field, lead -> m.lead_field), '{}')
              from sluice.conversion_mapping m
             where m.entity = target and lead ->> m.lead_field is not null and m.mode = coalesce(lead_mapped.mode, m.mode));
end
$$;

-- The members of a linked record that change: what was empty, and what is overwritten.
create or replace function sluice.mapped_patch(r sluice.lead, target text, existing jsonb) returns jsonb
    language sql stable as $$
    select coalesce(jsonb_object_agg(b.key, b.value), '{}') || sluice.lead_mapped(r, target, 'overwrite')
      from jsonb_each(sluice.lead_mapped(r, target, 'fill')) b where existing ->> b.key is null
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
    sluice.conversion_conflicts(uuid, uuid, uuid), sluice.differences(text, jsonb, jsonb), sluice.refuse_member(text, text, text)
    to sluice_app;

reset role;
