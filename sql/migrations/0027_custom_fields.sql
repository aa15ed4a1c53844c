-- Custom fields: definitions as rows, values in one column of the record, and an index of those that lists look for.
--
-- Values stand in a jsonb column, so that a field needs no change of a table. The index is a table of its own: every
-- index of a record's own row would be paid for by each of its transitions.

set role sluice_owner;

insert into sluice.permission (key) values ('admin.fields'), ('fields.read');
insert into sluice.role_permission (role, permission)
select 'admin', 'admin.fields'
union all
select r.key, 'fields.read' from sluice.role r;

create table sluice.custom_field (
    id         uuid not null constraint custom_field_pk primary key,
    version    bigint not null default 1,
    entity     text not null constraint custom_field_entity_check
               check (entity in ('lead', 'account', 'contact', 'opportunity')),
    key        text not null constraint custom_field_key_check check (key ~ '^[a-z][a-z0-9_]{0,62}$'),
    label      jsonb not null constraint custom_field_label_check check (jsonb_typeof(label) = 'object'),
    type       text not null constraint custom_field_type_check
               check (type in ('text', 'long_text', 'integer', 'decimal', 'boolean', 'date', 'datetime', 'choice',
                               'multi_choice', 'url', 'email', 'phone', 'user')),
    required   boolean not null default false,
    minimum    numeric,
    maximum    numeric,
    min_length integer,
    max_length integer,
    pattern    text,
    choices    jsonb,  -- [{"key": "gold", "label": {"en": ...}}]
    position   integer not null default 100,
    indexed    boolean not null default false,
    archived   boolean not null default false,
    created_at timestamptz not null default sluice.now(),
    updated_at timestamptz not null default sluice.now(),
    created_by uuid default sluice.actor_id(),
    constraint custom_field_key_key unique (entity, key)
);

alter table sluice.lead add custom jsonb not null default '{}'
    constraint lead_custom_check check (jsonb_typeof(custom) = 'object');
alter table sluice.account add custom jsonb not null default '{}'
    constraint account_custom_check check (jsonb_typeof(custom) = 'object');
alter table sluice.contact add custom jsonb not null default '{}'
    constraint contact_custom_check check (jsonb_typeof(custom) = 'object');
alter table sluice.opportunity add custom jsonb not null default '{}'
    constraint opportunity_custom_check check (jsonb_typeof(custom) = 'object');

-- Values of indexed fields, as they are compared; a field with several choices has a row for each.
create table sluice.custom_value (
    field_id  uuid not null constraint custom_value_field_fk references sluice.custom_field,
    record_id uuid not null,
    text      text,
    number    numeric,
    moment    timestamptz
);
create index custom_value_record on sluice.custom_value (record_id);
create index custom_value_text on sluice.custom_value (field_id, text, record_id) where text is not null;
create index custom_value_number on sluice.custom_value (field_id, number, record_id) where number is not null;
create index custom_value_moment on sluice.custom_value (field_id, moment, record_id) where moment is not null;

grant select on sluice.custom_field, sluice.custom_value to sluice_app;
grant insert (id, entity, key, label, type, required, minimum, maximum, min_length, max_length, pattern, choices,
              position, indexed, archived),
      update (label, type, required, minimum, maximum, min_length, max_length, pattern, choices, position, indexed,
              archived),
      delete on sluice.custom_field to sluice_app;
grant insert (custom), update (custom) on sluice.lead, sluice.account, sluice.contact, sluice.opportunity to sluice_app;

reset role;
