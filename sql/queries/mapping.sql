-- query: conversion_mapping_get one read
-- A mapping.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.* from sluice.conversion_mapping_row r where r.id = :id and (:scope = 'all' or r.created_by = :viewer);

-- query: conversion_mapping_create none write
-- Adds a mapping.
-- in: id   uuid
-- in: body jsonb
insert into sluice.conversion_mapping (id, entity, field, lead_field, mode)
select :id, b.entity, b.field, b.lead_field, coalesce(b.mode, 'fill')
  from jsonb_populate_record(null::sluice.conversion_mapping, :body) b;

-- query: conversion_mapping_update one write
-- Merge patch. No row: not there, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.conversion_mapping r
   set (field, lead_field, mode) = (select b.field, b.lead_field, b.mode from jsonb_populate_record(r, :patch) b)
 where r.id = :id and (:version is null or r.version = :version) and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: conversion_mapping_delete one write
-- Takes a mapping away.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
delete from sluice.conversion_mapping r
 where r.id = :id and (:version is null or r.version = :version) and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: conversion_mapping_list list read
-- Mappings.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: entity text eq on r.entity
-- sort: created_at timestamptz r.created_at
select r.*
-- from
  from sluice.conversion_mapping_row r
-- where
 where (:scope = 'all' or r.created_by = :viewer);

-- query: lead_mapped one read
-- What a lead brings to what it becomes, and what of it overwrites.
-- in: id uuid
select sluice.lead_mapped(l, 'account', null) as account, sluice.lead_mapped(l, 'account', 'overwrite') as account_over,
       sluice.lead_mapped(l, 'contact', null) as contact, sluice.lead_mapped(l, 'contact', 'overwrite') as contact_over,
       sluice.lead_mapped(l, 'opportunity', null) as opportunity
  from sluice.lead l where l.id = :id;

-- query: conversion_conflicts one read
-- What records that would be linked say otherwise than the lead.
-- in: lead_id    uuid
-- in: account_id uuid
-- in: contact_id uuid
select sluice.conversion_conflicts(:lead_id, :account_id, :contact_id) as conflicts;
