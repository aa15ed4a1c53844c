-- query: verification_queue list read
-- Accounts that wait for verification and that the viewer may see, who has waited longest first.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: claimed_by user eq on r.claimed_by
-- filter: claimed boolean eq (r.claimed_by is not null) = any(:value)
-- filter: breached boolean eq on r.breached
-- filter: owner user eq on r.owner_id
-- filter: country text eq on r.country
-- sort: verification_since timestamptz r.verification_since
select r.*
-- from
  from sluice.verification_row r
-- where
 where (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));

-- query: verification_claim one write
-- Takes the next of the queue, or the wanted one.
-- in: wanted  uuid
-- in: viewer  uuid
-- in: scope   text
-- in: seconds bigint
select x.id from sluice.account_claim(:wanted, :viewer, :scope, :seconds) x(id) where x.id is not null;

-- query: verification_claimed one read
-- What somebody has just taken: the claim that this transaction wrote. Its moment would not do, as two transactions of
-- one person may have the same.
-- in: viewer uuid
select r.*
  from sluice.verification_row r
 where r.id = (select c.record_id from sluice.account_claim c where c.claimed_by = :viewer and c.xmin = pg_current_xact_id()::xid);

-- query: verification_release one write
-- Gives a claim back.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
-- in: any    boolean
select sluice.account_release(:id, :viewer, :scope, :any) as released;

-- query: account_verification one read
-- What was verified of an account, and what is different now.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.id, r.version, r.verification, r.verification_since, v.entered_at as verified_at,
       u.id as "verified_by.id", u.name as "verified_by.name", v.via as transition,
       case when v.id is not null then sluice.verified_fields(r.id, v.id) else '[]'::jsonb end as fields,
       sluice.suspects(r.id, :viewer, :scope) as suspects, r.claimed_by, r.claimed_until
  from sluice.account_row r
  left join lateral (select x.id, x.entered_at, x.entered_by, x.via
                       from sluice.visit x
                       join sluice.state s on s.blueprint_version_id = x.blueprint_version_id and s.key = x.state
                      where x.record_id = r.id and s.category = 'won'
                      order by x.id desc limit 1) v on true
  left join sluice.app_user u on u.id = v.entered_by
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id));

-- query: report_verification one slow
-- The queue and how long verifications took.
-- in: since timestamptz
-- in: until timestamptz
select * from sluice.verification_report(:since, :until);
