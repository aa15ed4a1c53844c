-- query: deputy_get one read
-- A deputyship of one's own, on either side, or with scope all anybody's.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select d.id, d.version, d.user_id, d.deputy_id, d.starts_at as "from", d.ends_at as until,
       sluice.now() >= d.starts_at and sluice.now() < d.ends_at as active,
       d.created_at, d.updated_at, d.created_by
  from sluice.deputy d
 where d.id = :id and d.deleted_at is null and (:scope = 'all' or :viewer in (d.user_id, d.deputy_id));

-- query: deputy_create none write
-- Names a deputy.
-- in: id   uuid
-- in: body jsonb
insert into sluice.deputy (id, user_id, deputy_id, starts_at, ends_at)
select :id, b.user_id, b.deputy_id, coalesce(b."from", sluice.now()), b.until
  from jsonb_to_record(:body) as b(user_id uuid, deputy_id uuid, "from" timestamptz, until timestamptz);

-- query: deputy_delete one write
-- Ends a deputyship; whoever is stood in for may, and with scope all anybody.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.deputy d
   set deleted_at = sluice.now()
 where d.id = :id and d.deleted_at is null and (:version is null or d.version = :version)
   and (:scope = 'all' or :viewer = d.user_id)
returning d.version;

-- query: deputy_list list read
-- Deputyships of one's own, on either side, or with scope all everybody's.
-- in: viewer uuid
-- in: scope  text
-- id: d.id
-- filter: user user eq on d.user_id
-- filter: deputy user eq on d.deputy_id
-- filter: active boolean eq on (sluice.now() >= d.starts_at and sluice.now() < d.ends_at)
-- sort: from timestamptz d.starts_at
select d.id, d.version, d.user_id, d.deputy_id, d.starts_at as "from", d.ends_at as until,
       sluice.now() >= d.starts_at and sluice.now() < d.ends_at as active,
       d.created_at, d.updated_at, d.created_by
-- from
  from sluice.deputy d
-- where
 where d.deleted_at is null and (:scope = 'all' or :viewer in (d.user_id, d.deputy_id));
