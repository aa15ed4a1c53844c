-- query: score_rules many read
-- The rules that count, in their order.
select r.key, r.label, r.kind, r.conditions, r.activity, r.outcomes, r.points, coalesce(r.cap, 0) as cap,
       coalesce(r.half_life_days, 0) as half_life_days, coalesce(r.expires_days, 0) as expires_days
  from sluice.score_rule r
 where r.enabled
 order by r.position, r.key;

-- query: score_next many write
-- Leads whose score is to be computed.
-- in: batch integer
select * from sluice.score_next(:batch);

-- query: score_page many write
-- A page of all leads, which go on the list.
-- in: after uuid
-- in: batch integer
select * from sluice.score_page(:after, :batch);

-- query: score_store one write
-- Keeps what was computed.
-- in: results jsonb
select sluice.score_store(:results) as done;

-- query: lead_score_get one read
-- What a lead's score is made of.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select l.id, l.score, coalesce(s.parts, '[]') as parts, s.computed_at, s.hot_at,
       exists (select from sluice.rescore q where q.lead_id = l.id) as pending
  from sluice.lead l
  left join sluice.lead_score s on s.lead_id = l.id
 where l.id = :id and l.deleted_at is null and (:scope = 'all' or sluice.in_scope(:scope, :viewer, l.owner_id));

-- query: lead_score_history list read
-- How it changed.
-- in: lead uuid
-- id: c.id
-- sort: at timestamptz c.at
select c.id, c.at, c.old_score, c.new_score, c.cause
-- from
  from sluice.lead_score_change c
-- where
 where c.lead_id = :lead;

-- query: scoring_get one read
-- From which score on a lead is hot.
select s.version, s.hot, s.updated_at from sluice.score_setting s;

-- query: scoring_update one write
-- Another threshold. No row: another version.
-- in: version bigint?
-- in: patch   jsonb
update sluice.score_setting s
   set hot = b.hot
  from jsonb_populate_record((select x from sluice.score_setting x), :patch) b
 where :version is null or s.version = :version
returning s.version;

-- query: score_rule_get one read
-- A rule.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.* from sluice.score_rule_row r where r.id = :id and (:scope = 'all' or r.created_by = :viewer);

-- query: score_rule_create none write
-- Adds a rule.
-- in: id   uuid
-- in: body jsonb
insert into sluice.score_rule (id, key, label, kind, conditions, activity, outcomes, points, cap, half_life_days, expires_days,
                               position, enabled)
select :id, b.key, coalesce(b.label, jsonb_build_object('en', b.key, 'pl', b.key, 'ru', b.key)), b.kind,
       coalesce(b.conditions, '[]'), b.activity, coalesce(b.outcomes, '{}'), b.points, b.cap, b.half_life_days,
       b.expires_days, coalesce(b.position, 100), coalesce(b.enabled, true)
  from jsonb_populate_record(null::sluice.score_rule, :body) b;

-- query: score_rule_update one write
-- Merge patch; lists replace. No row: not there, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.score_rule r
   set (label, conditions, activity, outcomes, points, cap, half_life_days, expires_days, position, enabled)
     = (select b.label, coalesce(b.conditions, '[]'), b.activity, coalesce(b.outcomes, '{}'), b.points, b.cap,
               b.half_life_days, b.expires_days, b.position, b.enabled
          from jsonb_populate_record(r, :patch) b)
 where r.id = :id and (:version is null or r.version = :version) and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: score_rule_delete one write
-- Takes a rule away.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
delete from sluice.score_rule r
 where r.id = :id and (:version is null or r.version = :version) and (:scope = 'all' or r.created_by = :viewer)
returning r.version;

-- query: score_rule_list list read
-- Rules.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: kind text eq on r.kind
-- filter: enabled boolean eq on r.enabled
-- sort: position integer r.position
-- sort: created_at timestamptz r.created_at
select r.*
-- from
  from sluice.score_rule_row r
-- where
 where (:scope = 'all' or r.created_by = :viewer);
