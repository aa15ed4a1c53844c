-- Identity, idempotency, bootstrap.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

insert into sluice.app_user (id, email, name, disabled) values
    ('00000000-0000-7000-8000-0000000000a1', 'ann@example.org', 'Ann', false),
    ('00000000-0000-7000-8000-0000000000a2', 'bob@example.org', 'Bob', true);
insert into sluice.session (id, user_id, refresh_hash, expires_at, revoked_at) values
    ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000a1', 'h1', now() + interval '1 hour', null),
    ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-0000000000a1', 'h2', now() - interval '1 hour', null),
    ('00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-0000000000a1', 'h3', now() + interval '1 hour', now()),
    ('00000000-0000-7000-8000-000000000004', '00000000-0000-7000-8000-0000000000a2', 'h4', now() + interval '1 hour', null);
insert into sluice.api_key (id, name, key_hash, expires_at, revoked_at) values
    ('00000000-0000-7000-8000-0000000000c1', 'good', 'k1', null, null),
    ('00000000-0000-7000-8000-0000000000c2', 'old', 'k2', now() - interval '1 hour', null),
    ('00000000-0000-7000-8000-0000000000c3', 'revoked', 'k3', null, now());
insert into sluice.intake_form (id, form, name, source, fields, enabled, key_hash) values
    ('00000000-0000-7000-8000-0000000000f1', 'on', 'On', 'x', '{}', true, 'x'),
    ('00000000-0000-7000-8000-0000000000f2', 'off', 'Off', 'x', '{}', false, 'x');

create function pg_temp.enter(kind text, id text, session text) returns void language sql as $$
    select sluice.enter(kind, ('00000000-0000-7000-8000-0000000000' || id)::uuid,
                        ('00000000-0000-7000-8000-00000000000' || session)::uuid, 'r', 'o', false) $$;
select lives_ok(format('select pg_temp.enter(%L, %L, %L)', kind, id, session), about)
  from (values ('user', 'a1', '1', 'a living session'), ('user', 'a1', null, 'a user without one'),
               ('api_key', 'c1', null, 'a key'), ('intake', 'f1', null, 'a form'),
               ('anonymous', null, null, 'nobody'), ('system', null, null, 'the daemon itself')) v(kind, id, session, about);
select throws_ok(format('select pg_temp.enter(%L, %L, %L)', kind, id, session), 'SL401', 'session_revoked', about)
  from (values ('user', 'a1', '2', 'an expired session'), ('user', 'a1', '3', 'a revoked session'),
               ('user', 'a2', '4', 'a disabled user'), ('user', 'a2', null, 'a disabled user without a session'),
               ('user', 'a2', '1', 'somebody else''s session'), ('user', 'a1', '9', 'no session at all'),
               ('api_key', 'c2', null, 'an expired key'), ('api_key', 'c3', null, 'a revoked key'),
               ('api_key', 'a1', null, 'no key at all'), ('intake', 'f2', null, 'a form that is off')) v(kind, id, session, about);
select pg_temp.enter('user', 'a1', '1');
select is(sluice.actor_id(), '00000000-0000-7000-8000-0000000000a1', 'the actor is known');
select is(sluice.actor_kind(), 'user', 'and what it is');

-- refresh tokens
create function pg_temp.rotate(old text, new text) returns text language sql as $$
    select coalesce((select outcome from sluice.session_rotate(old, new, 3600)), 'unknown') $$;
select is(pg_temp.rotate('h1', 'h1b'), 'rotated', 'a refresh token is exchanged');
select is(pg_temp.rotate('h1b', 'h1c'), 'rotated', 'and its successor');
select is(pg_temp.rotate('nobody''s', 'x'), 'unknown', 'an unknown one is not');
select is(pg_temp.rotate('h2', 'x'), 'unknown', 'nor one of an expired session');
select is(pg_temp.rotate('h1', 'x'), 'reused', 'any that was exchanged before is recognised');
select is(pg_temp.rotate('h1c', 'x'), 'unknown', 'and ends the session for whoever has the newest');
update sluice.session set revoked_at = null where refresh_hash = 'h1c';

-- idempotency
set local role sluice_app;
select sluice.idempotency_claim('p', 'k', 'POST', '/v1/leads', 'h', null);
reset role;
select throws_ok($$select sluice.idempotency_claim('p', 'k', 'POST', '/v1/leads', 'h', null)$$, 'SL409', 'idempotency_exists',
    'a key is taken once');
select lives_ok($$select sluice.idempotency_claim('q', 'k', 'POST', '/v1/leads', 'h', null)$$, 'by each caller');
update sluice.idempotency set expires_at = now() - interval '1 second';
select lives_ok($$select sluice.idempotency_claim('p', 'k', 'POST', '/v1/leads', 'other', null)$$, 'until it expires');
select is(body_hash, 'other', 'and then it is the new request''s') from sluice.idempotency where principal = 'p';
select is(sluice.idempotency_purge(10), 1::bigint, 'expired ones are forgotten');
select results_eq('select principal from sluice.idempotency', array['p'], 'and only they');

-- secrets
select unnest(array[
       is(sluice.instance_secret_get_or_create('test_key', 'aa'), 'aa', 'the first value stays'),
       is(sluice.instance_secret_get_or_create('test_key', 'bb'), 'aa', 'whoever comes later')]);

-- bootstrap
select is(sluice.bootstrap_admin(gen_random_uuid(), 'eve@example.org', 'Eve', 'h', gen_random_uuid(), 'eve', 'h'), false,
    'there is a first administrator only where there are no users');
select is(count(*), 0::bigint, 'really') from sluice.app_user where name = 'Eve';

-- roles
select is(array_agg(key order by position), '{admin,manager,marketing,sales,verifier,integration,viewer}', 'roles are shipped')
  from sluice.role;
select is(exists (select from sluice.role_permission where role = r and permission = p), may, format('%s, %s: %s', r, p, may))
  from (values ('admin', 'admin.users', true), ('manager', 'admin.users', false), ('manager', 'lead.delete', true),
               ('sales', 'lead.delete', false), ('sales', 'account.write', true), ('sales', 'lead.convert', true),
               ('marketing', 'lead.convert', true), ('marketing', 'opportunity.write', false),
               ('verifier', 'account.write', true), ('verifier', 'lead.write', false), ('viewer', 'task.read', true),
               ('viewer', 'task.write', false), ('integration', 'contact.write', true)) v(r, p, may);

select finish();
rollback;
