-- Domains of addresses: which are met, who looks at them, what is kept, and who may do what.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

create temp table clock (at timestamptz);
insert into clock values ('2026-11-20 08:00Z');
grant select on clock to sluice_app, sluice_owner;
create or replace function sluice.now() returns timestamptz language plpgsql stable as $$
begin
    return (select c.at from pg_temp.clock c);
end
$$;
create function pg_temp.claim(batch integer) returns text language plpgsql as $$
declare
    told text;
begin
    set local role sluice_app;
    select string_agg(d.domain, ' ' order by d.domain) into told from sluice.mail_domain_claim(batch) d;
    reset role;
    return told;
end
$$;
create function pg_temp.store(domain text, verdict text, reason text) returns text language plpgsql as $$
declare
    told text;
begin
    set local role sluice_app;
    perform sluice.mail_domain_store(jsonb_build_array(jsonb_build_object('domain', store.domain, 'verdict', verdict, 'reason', reason)));
    reset role;
    select concat_ws(' ', d.verdict, coalesce(d.reason, '-'), d.failures,
                     coalesce(extract(epoch from sluice.now() - d.checked_at)::text, '-'), (d.next_check_at - sluice.now())::text)
      into told from sluice.mail_domain d where d.domain = store.domain;
    return told;
end
$$;
delete from sluice.match_key where kind = 'email';
delete from sluice.mail_domain;
update sluice.mail_sweep set after = '';
insert into sluice.match_key (kind, key, entity, record_id)
select 'email', k, e, gen_random_uuid()
  from (values ('a@one.example', 'lead'), ('a@one.example', 'contact'), ('b@one.example', 'account'), ('"a@b"@two.example', 'lead'),
               ('c@three.example', 'lead')) v (k, e);
insert into sluice.match_key (kind, key, entity, record_id) values ('domain', 'never.example', 'lead', gen_random_uuid());

-- who may do what
select is(array(select r.role from sluice.role_permission r where r.permission = 'mail_domain.read' order by 1)::text,
          '{admin,manager}', 'managers see the list');
select throws_ok(format('set local role sluice_app; %s', s), '42501', null, s)
  from unnest(array['insert into sluice.mail_domain (id, domain) values (gen_random_uuid(), ''x'')',
                    'update sluice.mail_domain set verdict = ''refuses''', 'delete from sluice.mail_domain',
                    'select * from sluice.mail_sweep', 'select sluice.mail_domain_sweep(1)']) s;
select throws_ok($$insert into sluice.mail_domain (id, domain, verdict) values (gen_random_uuid(), 'x.example', 'refuses')$$,
                 '23514', null, 'a verdict has its reason');

-- each domain once, each of them once
create temp table taken as select pg_temp.claim(2) as first, pg_temp.claim(5) as second;
select is((select array_agg(d order by d) from taken t, string_to_table(concat_ws(' ', t.first, t.second), ' ') d)::text,
          '{one.example,three.example,two.example}', 'what is claimed is nobody else''s');
select is((select cardinality(string_to_array(t.first, ' ')) from taken t), 2, 'so many at once');
select is(pg_temp.claim(5), null, 'and not claimed again at once');
update clock set at = at + interval '1 minute';
select is(pg_temp.claim(5), 'one.example three.example two.example', 'but when whoever did has died');

-- what is kept, and for how long
select is(pg_temp.store('one.example', 'accepts', 'mx'), 'accepts mx 0 0.000000 30 days', 'a month');
select is(pg_temp.store('two.example', 'refuses', 'null_mx'), 'refuses null_mx 0 0.000000 1 day', 'a day');
select is(pg_temp.store('three.example', 'unknown', null), 'unknown - 1 - 00:01:00', 'a minute');
select is(pg_temp.store('three.example', 'unknown', null), 'unknown - 2 - 00:02:00', 'then two');
update sluice.mail_domain set failures = 11 where domain = 'three.example';
select is(pg_temp.store('three.example', 'unknown', null), 'unknown - 12 - 1 day', 'a day at most');
update sluice.mail_domain set failures = 2000000000 where domain = 'three.example';
select is(pg_temp.store('three.example', 'unknown', null), 'unknown - 2000000001 - 1 day', 'however often');
update clock set at = at + interval '1 hour';
select is(pg_temp.store('two.example', 'unknown', null), 'refuses null_mx 1 3600.000000 00:01:00', 'no answer leaves what is known');
select is(pg_temp.store('two.example', 'accepts', 'address'), 'accepts address 0 0.000000 30 days', 'an answer does not');
select is(pg_temp.store('gone.example', 'accepts', 'mx'), null, 'one that is gone stays so');

-- slices: the walk goes on where it ended, and from the beginning after the end
insert into sluice.match_key (kind, key, entity, record_id)
select 'email', format('x%s@d%s.example', to_char(n, 'FM0000'), n), 'lead', gen_random_uuid() from generate_series(1, 999) n;
select is(pg_temp.claim(0), null, 'a look');
select is((select count(*) from sluice.mail_domain), 998::bigint, 'at a thousand addresses');
select is(pg_temp.claim(0), null, 'another');
select is((select count(*) from sluice.mail_domain), 1002::bigint, 'at the rest');
select is((select after from sluice.mail_sweep), '', 'and the next begins anew');

-- domains that no address has
delete from sluice.match_key where key = 'c@three.example' or key like 'x%';
update clock set at = at + interval '20 days';
select is(pg_temp.claim(0), null, 'who has an address is seen');
select is((select count(*) from sluice.mail_domain), 1002::bigint, 'nothing is forgotten yet');
update clock set at = at + interval '11 days';
select is(pg_temp.claim(5), 'one.example two.example', 'after a month only what somebody has is asked for');
select is(array(select d.domain from sluice.mail_domain d order by 1)::text, '{one.example,two.example}', 'the others are forgotten');

select finish();
rollback;
