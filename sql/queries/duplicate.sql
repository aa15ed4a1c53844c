-- query: match_send none write
-- Announces the keys of what the transaction is about to write.
-- in: sent jsonb
select sluice.match_send(:sent);

-- query: match_source one read
-- What the keys of a record are made of.
-- in: entity text
-- in: id     uuid
select s.source from sluice.match_source_of(:entity, :id) s;

-- query: match_preview one read
-- What saving such a record would meet.
-- in: entity text
-- in: sent   jsonb
-- in: viewer uuid
-- in: scopes jsonb
select sluice.match_preview(:entity, :sent, '{}', :viewer, :scopes) as found;

-- query: match_denied none write
-- Writes down a refused write.
-- in: entity    text
-- in: record_id uuid
-- in: refusal   jsonb
-- in: transition text
select sluice.match_denied(:entity, :record_id, :refusal, :transition);

-- query: rekey_next many read
-- Records whose keys are to be made.
-- in: batch integer
select q.record_id, q.entity, q.mark, (sluice.match_source_of(q.entity, q.record_id)).source as source
  from (select * from sluice.rekey order by queued_at, record_id limit :batch) q;

-- query: rekey_store one write
-- Takes them off the list with the keys that were made.
-- in: records jsonb
select sluice.rekey_store(:records) as done;

-- query: duplicate_rule_get one read
-- A rule.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.* from sluice.duplicate_rule_row r where r.id = :id and (:scope = 'all' or r.created_by = :viewer);

-- query: duplicate_rule_create none write
-- Adds a rule.
-- in: id   uuid
-- in: body jsonb
insert into sluice.duplicate_rule (id, key, entity, against, kind, keys, weights, threshold, score, mode, label, position,
                                   enabled)
select :id, b.key, b.entity, coalesce(b.against, array[b.entity]), b.kind, coalesce(b.keys, '{}'), b.weights, b.threshold,
       coalesce(b.score, 1), b.mode, coalesce(b.label, jsonb_build_object('en', b.key, 'pl', b.key, 'ru', b.key)),
       coalesce(b.position, 100), coalesce(b.enabled, true)
  from jsonb_populate_record(null::sluice.duplicate_rule, :body) b;

-- query: duplicate_rule_update one write
-- Merge patch; lists and weights replace. No row: not there, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.duplicate_rule r
   set (against, kind, keys, weights, threshold, score, mode, label, position, enabled)
     = (select b.against, b.kind, b.keys, b.weights, b.threshold, b.score, b.mode, b.label, b.position, b.enabled
          from jsonb_populate_record(r, :patch) b)
 where r.id = :id and (:version is null or r.version = :version) and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: duplicate_rule_delete one write
-- Takes a rule away. Pairs that it found stay.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
delete from sluice.duplicate_rule r
 where r.id = :id and (:version is null or r.version = :version) and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: duplicate_rule_list list read
-- Rules, in the order in which they are asked.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: entity text eq on r.entity
-- filter: mode text eq on r.mode
-- filter: enabled boolean eq on r.enabled
-- sort: position integer r.position
-- sort: created_at timestamptz r.created_at
select r.*
-- from
  from sluice.duplicate_rule_row r
-- where
 where (:scope = 'all' or r.created_by = :viewer);

-- query: duplicate_get one read
-- A pair, with its records as far as the viewer may see them.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
-- in: scopes jsonb
select p.id, p.version, p.rule, p.score::float8 as score, p.fields,
       sluice.pair_side(p.entity, p.record_id, :viewer, :scopes) as record,
       sluice.pair_side(p.other_entity, p.other_id, :viewer, :scopes) as other,
       p.status, p.acknowledged_by, p.acknowledged_at, p.reason, p.decided_by, p.decided_at, p.note,
       p.created_at, p.updated_at, p.created_by
  from sluice.duplicate_pair p
 where p.id = :id and (:scope = 'all' or p.created_by = :viewer);

-- query: duplicate_dismiss one write
-- Says of a pair that these are two. No row: not there, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: note    text
select d.version
  from sluice.pair_dismiss((select p.id from sluice.duplicate_pair p
                             where p.id = :id and (:scope = 'all' or p.created_by = :viewer)), :version::bigint, :note) d(version)
 where d.version is not null;

-- query: duplicate_list list read
-- Pairs.
-- in: viewer uuid
-- in: scope  text
-- in: scopes jsonb
-- id: p.id
-- filter: status text eq on p.status
-- filter: entity text eq on p.entity
-- filter: rule text eq on p.rule
-- filter: record uuid eq p.id in (select q.id from unnest(:value) v(id) join sluice.duplicate_pair q on v.id in (q.record_id, q.other_id))
-- filter: acknowledged boolean eq on (p.acknowledged_by is not null)
-- filter: created_at timestamptz gt,gte,lt,lte on p.created_at
-- sort: created_at timestamptz p.created_at
-- sort: score float8 p.score::float8
select p.id, p.version, p.rule, p.score::float8 as score, p.fields,
       sluice.pair_side(p.entity, p.record_id, :viewer, :scopes) as record,
       sluice.pair_side(p.other_entity, p.other_id, :viewer, :scopes) as other,
       p.status, p.acknowledged_by, p.acknowledged_at, p.reason, p.decided_by, p.decided_at, p.note,
       p.created_at, p.updated_at, p.created_by
-- from
  from sluice.duplicate_pair p
-- where
 where (:scope = 'all' or p.created_by = :viewer);
