-- What a lead brings to what it becomes, as rows: from a field of the lead to one of the account, contact or opportunity.

set role sluice_owner;

insert into sluice.permission (key) values ('admin.conversion');
insert into sluice.role_permission (role, permission) values ('admin', 'admin.conversion');

-- mode: fill what is empty in a record that is linked, or overwrite it; a new record gets the value in both.
create table sluice.conversion_mapping (
    id         uuid not null constraint conversion_mapping_pk primary key,
    version    bigint not null default 1,
    entity     text not null constraint conversion_mapping_entity_check check (entity in ('account', 'contact', 'opportunity')),
    field      text not null,
    lead_field text not null,
    mode       text not null default 'fill' constraint conversion_mapping_mode_check check (mode in ('fill', 'overwrite')),
    created_at timestamptz not null default sluice.now(),
    updated_at timestamptz not null default sluice.now(),
    created_by uuid default sluice.actor_id(),
    constraint conversion_mapping_field_key unique (entity, field)
);

insert into sluice.conversion_mapping (id, entity, field, lead_field)
select ('01995e00-d0c4-7000-8000-' || lpad(n::text, 12, '0'))::uuid, entity, field, lead_field
  from (values (1, 'account', 'name', 'company'), (2, 'account', 'tax_id', 'tax_id'), (3, 'account', 'website', 'website'),
               (4, 'account', 'industry', 'industry'), (5, 'account', 'street', 'street'), (6, 'account', 'postcode', 'postcode'),
               (7, 'account', 'city', 'city'), (8, 'account', 'country', 'country'),
               (9, 'contact', 'first_name', 'first_name'), (10, 'contact', 'last_name', 'last_name'),
               (11, 'contact', 'email', 'email'), (12, 'contact', 'phone', 'phone'), (13, 'contact', 'job_title', 'job_title'),
               (14, 'opportunity', 'description', 'need'), (15, 'opportunity', 'amount', 'estimated_value')
       ) v(n, entity, field, lead_field);

grant select, delete on sluice.conversion_mapping to sluice_app;
grant insert (id, entity, field, lead_field, mode), update (field, lead_field, mode) on sluice.conversion_mapping to sluice_app;

reset role;
