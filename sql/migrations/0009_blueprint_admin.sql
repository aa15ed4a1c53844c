-- Blueprints are edited through the API: what a draft is based on, and who may write and publish.

set role sluice_owner;

alter table sluice.blueprint_version
    add column label    jsonb,               -- what the blueprint is called from this version on
    add column priority integer,
    add column based_on integer,             -- number of the version in force when the draft was begun
    add column mapping  jsonb not null default '{}'
                        constraint blueprint_version_mapping_check check (jsonb_typeof(mapping) = 'object');
                                             -- where records of dropped states belong: {"old": "new"}

update sluice.blueprint_version v
   set label = b.label, priority = b.priority
  from sluice.blueprint b
 where b.id = v.blueprint_id;

alter table sluice.blueprint_version
    alter column label    set not null,
    alter column label    set default '{}',
    alter column priority set not null,
    alter column priority set default 0;

insert into sluice.permission (key) values ('blueprint.write'), ('blueprint.publish');
insert into sluice.role_permission (role, permission) values
    ('admin', 'blueprint.write'), ('admin', 'blueprint.publish');

reset role;
