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

-- custom fields
insert into sluice.custom_field (id, entity, key, label, type, minimum, archived)
select gen_random_uuid(), e, k, '{"en": "x"}', t, m, a
  from (values ('lead', 'seats', 'integer', null, false), ('account', 'seats', 'integer', 10, false), ('account', 'places', 'integer', null, false),
               ('lead', 'same', 'text', null, false), ('account', 'same', 'text', null, false), ('account', 'gone', 'integer', null, true)) v(e, k, t, m, a);
update sluice.lead set custom = '{"seats": 4, "same": "s"}', budget_confirmed = true where id = '00000000-0000-7000-8000-000000000001';
select is(pg_temp.brings('account') -> 'custom', '{"same": "s"}', 'its own with the same key and type; what is too little stays behind');
insert into sluice.conversion_mapping (id, entity, field, lead_field) values (gen_random_uuid(), 'account', 'custom.places', 'custom.seats');
select is(pg_temp.brings('account') -> 'custom', '{"same": "s", "places": 4}', 'by a mapping');
select is(pg_temp.patch('{"custom": {"places": 1, "same": null}}') -> 'custom', '{"places": 1, "same": null}', 'what is there stays');
update sluice.conversion_mapping set mode = 'overwrite' where field = 'custom.places';
select is(pg_temp.patch('{"custom": {"places": 1}}') -> 'custom', '{"same": "s", "places": 4}', 'but for what overwrites');
insert into sluice.conversion_mapping (id, entity, field, lead_field) values (gen_random_uuid(), 'account', 'custom.same', 'industry');
select is(pg_temp.brings('account') -> 'custom', '{"places": 4}', 'a mapping stands for the field of the same key');
select is(sluice.differences('account', '{"custom": {"places": 4, "same": "S"}}', '{"custom": {"places": 5, "same": "s"}}'),
          '[{"entity": "account", "field": "custom.places", "lead": 4, "existing": 5}]', 'differences are told field by field');
select throws_ok($$insert into sluice.conversion_mapping (id, entity, field, lead_field) values (gen_random_uuid(), 'account', 'custom.gone', 'custom.seats')$$,
                 'SL422', 'validation_failed', 'not to an archived field');
select throws_ok($$insert into sluice.conversion_mapping (id, entity, field, lead_field) values (gen_random_uuid(), 'account', 'custom.seats', 'budget_confirmed')$$,
                 'SL422', 'validation_failed', 'not from another type');

-- rights
select is((select string_agg(role, ',' order by role) from sluice.role_permission where permission = 'conversion.read'), 'admin,manager',
          'managers may read');
select table_privs_are('sluice', 'conversion_mapping', 'sluice_app', array['SELECT', 'DELETE'], 'rows are read and deleted');
select column_privs_are('sluice', 'conversion_mapping', 'entity', 'sluice_app', array['SELECT', 'INSERT'], 'a mapping stays with its entity');
select column_privs_are('sluice', 'conversion_mapping', 'version', 'sluice_app', array['SELECT'], 'the version is counted');
select is((select string_agg(role, ',') from sluice.role_permission where permission = 'admin.conversion'), 'admin', 'administrators may');

select * from finish();
rollback;
