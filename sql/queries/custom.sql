-- query: custom_field_get one read
-- A custom field.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.* from sluice.custom_field_row r where r.id = :id and (:scope = 'all' or r.created_by = :viewer);

-- query: custom_field_create none write
-- Defines a field.
-- in: id   uuid
-- in: body jsonb
insert into sluice.custom_field (id, entity, key, label, type, required, minimum, maximum, min_length, max_length,
                                 pattern, choices, position, indexed)
select :id, b.entity, b.key, coalesce(b.label, jsonb_build_object('en', b.key)), b.type, coalesce(b.required, false),
       b.minimum, b.maximum, b.min_length, b.max_length, b.pattern, nullif(b.choices, 'null'),
       coalesce(b.position, 100), coalesce(b.indexed, false)
  from jsonb_populate_record(null::sluice.custom_field, :body) b;

-- query: custom_field_update one write
-- Merge patch; choices are replaced whole. No row: not there, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.custom_field r
   set (label, type, required, minimum, maximum, min_length, max_length, pattern, choices, position, indexed, archived)
     = (select b.label, b.type, b.required, b.minimum, b.maximum, b.min_length, b.max_length, b.pattern,
               nullif(b.choices, 'null'), b.position, b.indexed, b.archived
          from jsonb_populate_record(r, :patch) b)
 where r.id = :id and (:version is null or r.version = :version) and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: custom_field_delete one write
-- Takes away a field that nothing has a value of.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
delete from sluice.custom_field r
 where r.id = :id and (:version is null or r.version = :version) and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: custom_field_list list read
-- Custom fields, in the order of forms.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: entity text eq on r.entity
-- filter: type text eq on r.type
-- filter: archived boolean eq on r.archived
-- sort: position integer r.position
-- sort: key text r.key
-- sort: created_at timestamptz r.created_at
select r.*
-- from
  from sluice.custom_field_row r
-- where
 where (:scope = 'all' or r.created_by = :viewer);

-- query: custom_definitions one read
-- What values of an entity's custom fields are judged by.
-- in: entity text
select sluice.custom_definitions(:entity) as definitions;

-- query: custom_by list read
-- Fragments for the lists of records with custom fields, by how values are indexed: filters take {"f": id of the
-- field, "v": value or values}.
-- id: r.id
-- filter: text_eq jsonb gt r.id in (select x from sluice.custom_text_any(:value) x)
-- filter: text_ne jsonb gt r.id not in (select x from sluice.custom_text_any(:value) x)
-- filter: text_all jsonb gt r.id in (select x from sluice.custom_text_all(:value) x)
-- filter: number_eq jsonb gt r.id in (select x from sluice.custom_number_any(:value) x)
-- filter: number_ne jsonb gt r.id not in (select x from sluice.custom_number_any(:value) x)
-- filter: number_gt jsonb gt r.id in (select x from sluice.custom_number_gt(:value) x)
-- filter: number_gte jsonb gt r.id in (select x from sluice.custom_number_gte(:value) x)
-- filter: number_lt jsonb gt r.id in (select x from sluice.custom_number_lt(:value) x)
-- filter: number_lte jsonb gt r.id in (select x from sluice.custom_number_lte(:value) x)
-- filter: moment_eq jsonb gt r.id in (select x from sluice.custom_moment_any(:value) x)
-- filter: moment_ne jsonb gt r.id not in (select x from sluice.custom_moment_any(:value) x)
-- filter: moment_gt jsonb gt r.id in (select x from sluice.custom_moment_gt(:value) x)
-- filter: moment_gte jsonb gt r.id in (select x from sluice.custom_moment_gte(:value) x)
-- filter: moment_lt jsonb gt r.id in (select x from sluice.custom_moment_lt(:value) x)
-- filter: moment_lte jsonb gt r.id in (select x from sluice.custom_moment_lte(:value) x)
-- filter: any_null jsonb gt (select q.v <> exists (select from sluice.custom_value x where x.field_id = q.f and x.record_id = r.id) from jsonb_to_record(:value) q(f uuid, v boolean))
-- filter: sorted uuid gt cs.field_id = :value
-- sort: text text coalesce(cs.text, '')
-- sort: number numeric coalesce(cs.number, '-infinity')
-- sort: moment timestamptz coalesce(cs.moment, '-infinity')
select r.id
-- from
  from sluice.lead_row r
-- include: sorted
  left join sluice.custom_value cs on cs.record_id = r.id
-- where
 where true;
