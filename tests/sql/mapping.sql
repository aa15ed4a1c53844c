-- What a lead brings to what it becomes: values by rows, which fields fit, and who may change the rows.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

insert into sluice.lead (id, last_name, company, city, email, estimated_value_amount, estimated_value_currency)
values ('00000000-0000-7000-8000-000000000001', 'Nowak', 'Acme', 'Hel', 'n@acme.test', 10.50, 'PLN');
create function pg_temp.brings(target text, mode text default null) returns jsonb language sql as $$
    select sluice.lead_mapped(l, target, mode) from sluice.lead l where l.id = '00000000-0000-7000-8000-000000000001'
$$;
create function pg_temp.patch(existing jsonb) returns jsonb language sql as $$
    select sluice.mapped_patch(l, 'account', existing) from sluice.lead l where l.id = '00000000-0000-7000-8000-000000000001'
$$;
select is(pg_temp.brings('account'), '{"name": "Acme", "city": "Hel"}', 'what the lead has');
select is(pg_temp.brings('contact'), '{"last_name": "Nowak", "email": "n@acme.test"}', 'of the person');
select is(pg_temp.brings('opportunity') #>> '{amount,currency}', 'PLN', 'money is an object');
select is(pg_temp.brings('account', 'overwrite'), '{}', 'nothing overwrites');
select is(pg_temp.patch('{"name": "Other", "city": null}'), '{"city": "Hel"}', 'what is empty is filled');
update sluice.conversion_mapping set mode = 'overwrite' where entity = 'account' and field = 'name';
select is(pg_temp.patch('{"name": "Other", "city": "Gdynia"}'), '{"name": "Acme"}', 'what overwrites does');

-- every field that may be named is a column, but for money
select is((select string_agg(f.entity || '.' || f.field, ',') from sluice.mapping_fields() f
            where f.type <> 'money' and not exists (
                select from information_schema.columns c
                 where c.table_schema = 'sluice' and c.table_name = f.entity and c.column_name = f.field)), null, 'fields are there');

-- rights
select table_privs_are('sluice', 'conversion_mapping', 'sluice_app', array['SELECT', 'DELETE'], 'rows are read and deleted');
select column_privs_are('sluice', 'conversion_mapping', 'entity', 'sluice_app', array['SELECT', 'INSERT'], 'a mapping stays with its entity');
select column_privs_are('sluice', 'conversion_mapping', 'version', 'sluice_app', array['SELECT'], 'the version is counted');
select is((select string_agg(role, ',') from sluice.role_permission where permission = 'admin.conversion'), 'admin', 'administrators may');

select * from finish();
rollback;
