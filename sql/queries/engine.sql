-- query: enter one write
-- Writes down who acts, in this transaction only; refuses a session or key that has ended.
-- in: actor_kind text
-- in: actor_id   uuid
-- in: session    uuid
-- in: request_id text
-- in: operation  text
-- in: dry        boolean
-- in: hold       text
select sluice.enter(:actor_kind, :actor_id, :session, :request_id, :operation, :dry, :hold);

-- query: dry_end none write
-- Ends a dry run: rolls everything back.
select sluice.dry_end();

-- query: log_position one read
-- Where the log of the primary ends; what was committed before stands before it, also what synchronous_commit = off has
-- not yet brought to the disk. After a page's header the end of what there is to replay is the page's beginning.
select (w.at - case when w.at % w.page = 24 then 24 when w.at % w.segment = 40 then 40 else 0 end)::bigint::text as position
  from (select pg_current_wal_insert_lsn() - '0/0' as at, current_setting('wal_block_size')::numeric as page,
               pg_size_bytes(current_setting('wal_segment_size'))::numeric as segment) w;

-- query: write_state one write
-- Whether this server takes no writes, now: on or off.
select current_setting('transaction_read_only') as read_only;

-- query: session_set one read
-- Sets a session up, where a pooler has kept the start-up packet to itself: a line name=value for each setting.
-- in: settings text
select count(set_config(split_part(s.line, '=', 1), substr(s.line, strpos(s.line, '=') + 1), false)) as set
  from string_to_table(:settings, E'\n') s(line)
 where s.line <> '';

-- query: session_server one read
-- Which of the server's processes this session is.
select pg_backend_pid() as pid;

-- query: standby_reach none slow
-- Waits a moment until the server has replayed the log up to a position, else refuses; a primary has.
-- in: position bigint
-- in: wait_ms  integer
select sluice.standby_reach(:position, :wait_ms);

-- query: idempotency_claim none write
-- Takes an Idempotency-Key; refuses with idempotency_exists when it is taken.
-- in: principal   text
-- in: key         text
-- in: method      text
-- in: path        text
-- in: body_hash   text
-- in: resource_id uuid
select sluice.idempotency_claim(:principal, :key, :method, :path, :body_hash, :resource_id);

-- query: idempotency_find one read
-- The request that took an Idempotency-Key, and its answer when it is known.
-- in: principal text
-- in: key       text
select i.method, i.path, i.body_hash, i.resource_id, i.status, i.headers, i.answer, i.created_at,
       extract(epoch from clock_timestamp() - i.created_at)::bigint as age_s
  from sluice.idempotency i
 where i.principal = :principal and i.key = :key and i.expires_at > transaction_timestamp();

-- query: idempotency_choose none write
-- Keeps what a request with an Idempotency-Key chose to work on, until there is an answer.
-- in: principal text
-- in: key       text
-- in: choice    text
update sluice.idempotency i
   set answer = :choice
 where i.principal = :principal and i.key = :key and i.status is null;

-- query: idempotency_keep none write
-- Keeps the answer to a request with an Idempotency-Key.
-- in: principal   text
-- in: key         text
-- in: resource_id uuid
-- in: status      integer
-- in: headers     jsonb
-- in: answer      text
update sluice.idempotency i
   set resource_id = :resource_id, status = :status, headers = :headers, answer = :answer
 where i.principal = :principal and i.key = :key;

-- query: principal_session one read
-- Who a session is and may do what; no row when it was revoked, has expired or the user is disabled.
-- in: session uuid
-- in: user_id uuid
select u.id, u.name, u.language, u.time_zone,
       array(select r.role from sluice.user_role r where r.user_id = u.id order by 1) as roles,
       array(select m.team_id from sluice.team_member m where m.user_id = u.id order by 1) as teams,
       sluice.permissions_of(array(select r.role from sluice.user_role r where r.user_id = u.id)) as permissions
  from sluice.session s join sluice.app_user u on u.id = s.user_id
 where s.id = :session and s.user_id = :user_id and s.revoked_at is null and s.expires_at > sluice.now()
   and not u.disabled;

-- query: principal_key one read
-- The same for an API key, found by its digest.
-- in: hash text
select k.id, k.name, 'en' as language, 'UTC' as time_zone,
       array(select r.role from sluice.api_key_role r where r.api_key_id = k.id order by 1) as roles,
       '{}'::uuid[] as teams,
       sluice.permissions_of(array(select r.role from sluice.api_key_role r where r.api_key_id = k.id)) as permissions
  from sluice.api_key k
 where k.key_hash = :hash and k.revoked_at is null and (k.expires_at is null or k.expires_at > sluice.now());
