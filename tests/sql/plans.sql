-- Plans of the hot queries over tables large enough to matter: by key or in the order of an index, never over all
-- rows. The statements have the shape of those in sql/queries.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

set local jit = off;
set local random_page_cost = 1.1;  -- as on the private cluster
set local session_replication_role = replica;  -- rows without their triggers
create temp table live as
select b.entity, v.id from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id and v.status = 'published';
insert into sluice.app_user (id, email, name)
select md5('u' || n)::uuid, n || '@example.org', 'User ' || n from generate_series(1, 50) n;
insert into sluice.lead (id, blueprint_version_id, state, state_entered_at, last_name, email, owner_id, created_at, phone, company)
select md5('l' || n)::uuid, b.id, case when n % 20 = 0 then 'open' else 'archived' end, now(), 'Nowak ' || n,
       'Anna' || n || '@example.org', md5('u' || n % 50 + 1)::uuid, now() - n * interval '1 minute', (600000000 + n)::text, 'Acme ' || n
  from generate_series(1, 20000) n, live b where b.entity = 'lead';
insert into sluice.account (id, blueprint_version_id, state, state_entered_at, name, created_at, tax_id)
select md5('a' || n)::uuid, b.id, case when n % 500 = 0 then 'to_verify' else 'verified' end, now(), 'Acme ' || n,
       now() - n * interval '1 minute', (5260000000 + n)::text
  from generate_series(1, 20000) n, live b where b.entity = 'account';
insert into sluice.visit (id, entity, record_id, blueprint_version_id, state, entered_at, via)
select nextval('sluice.seq'), 'lead', id, blueprint_version_id, state, created_at, 'created' from sluice.lead
union all
select nextval('sluice.seq'), 'account', id, blueprint_version_id, state, created_at, 'created' from sluice.account;
insert into sluice.activity (id, kind, lead_id, occurred_at)
select gen_random_uuid(), 'call', md5('l' || n)::uuid, now() - n * interval '1 minute' from generate_series(1, 20000) n;
insert into sluice.task (id, subject, lead_id, assignee_id, status, due_at, created_at)
select gen_random_uuid(), 'Call', md5('l' || n)::uuid, md5('u' || n % 50 + 1)::uuid,
       case when n % 7 = 0 then 'open' else 'done' end, now() + n * interval '1 minute', now() - n * interval '1 minute'
  from generate_series(1, 20000) n;
insert into sluice.audit (seq, at, action, entity, record_id, actor_kind)
select nextval('sluice.seq'), created_at, 'create', 'lead', id, 'system' from sluice.lead;
insert into sluice.search_text (entity, record_id, text) select 'lead', id, last_name from sluice.lead;
insert into sluice.timer (id, entity, record_id, visit_id, state, key, sla, what, due_at, live, touched_at)
select nextval('sluice.seq'), 'lead', v.record_id, v.id, v.state, 'sla:x', true, 'warn', now() + interval '1 day', true,
       case when v.id % 1000 = 0 then now() end
  from sluice.visit v where v.entity = 'lead';
set local session_replication_role = origin;
analyze sluice.lead, sluice.account, sluice.visit, sluice.activity, sluice.task, sluice.audit, sluice.search_text, sluice.timer;

-- Passes when the plan of @statement reads none of the large tables from end to end, and goes through @index.
create function pg_temp.goes_by(statement text, index text, what text) returns text language plpgsql as $$
declare
    line text;
    plan text := '';
    good boolean;
begin
    for line in execute 'explain (costs off) ' || statement loop
        plan := plan || E'\n# ' || line;
    end loop;
    good := plan ~ ('\m' || index || '\M')
            and plan !~ 'Seq Scan on (lead|account|visit|activity|task|audit|search_text|timer)\M';
    return ok(good, what) || case when good then '' else plan end;
end
$$;
create function pg_temp.plan_of(statement text) returns text language plpgsql as $$
declare
    line text;
    plan text := '';
begin
    for line in execute 'explain (verbose, costs off) ' || statement loop
        plan := plan || line;
    end loop;
    return plan;
end
$$;
create function pg_temp.page(filter text, sort text default 'r.created_at desc, r.id desc', entity text default 'lead')
returns text language sql as $$
    select format('select r.* from sluice.%1$s_row r left join sluice.search_text s on s.entity = %1$L and s.record_id = r.id '
                  'where %2$s order by %3$s limit 51', entity, filter, sort) $$;
create function pg_temp.state(entity text, state text) returns text language sql as $$
    select format('exists (select from (select sluice.known(array[%2$L]::text[]) as states) x join sluice.visit v on v.state = any (x.states) '
                  'where nullif(r.%3$s = any (x.states), false) is not null and v.record_id = r.id and v.entity = %1$L and v.left_at is null)',
                  entity, state, case entity when 'account' then 'verification' else 'status' end) $$;
create function pg_temp.mine(state text) returns text language sql as $$
    select pg_temp.state('lead', state) || $q$ and r.owner_id = ((array[md5('u3')::uuid])[1])$q$ $$;

select pg_temp.goes_by($$select * from sluice.lead_row r where r.id = md5('l7')::uuid$$, 'lead_pk', 'a lead goes by its key');
select pg_temp.goes_by(pg_temp.page('true'), 'lead_created_at', 'a page of leads goes in the order of its index');
select pg_temp.goes_by(pg_temp.page($$r.owner_id = any (array[md5('u3')::uuid])$$), 'lead_(created_at|owner)', 'so do those of an owner');
select pg_temp.goes_by(pg_temp.page(pg_temp.state('lead', 'archived')), 'lead_created_at', 'those in a common state');
select pg_temp.goes_by(pg_temp.page(pg_temp.state('lead', 'nurture')), 'visit_open', 'those in a rare state begin with their visits');
select pg_temp.goes_by(pg_temp.page($$r.owner_id = ((array[md5('u3')::uuid])[1])$$), 'lead_owner', 'those of one owner go in the order of his index');
select pg_temp.goes_by(pg_temp.page(pg_temp.mine('archived')), 'lead_owner', 'also in a common state');
select pg_temp.goes_by(pg_temp.page(pg_temp.mine('nurture')), 'visit_open', 'in a rare one they begin with the visits');
select matches(pg_temp.plan_of(pg_temp.page(pg_temp.mine('archived'))), 'lead_owner on sluice.lead l[^>]*Filter: [^>]*NULLIF[^>]*state',
    'a lead in another state is passed over before its visits are asked');
select pg_temp.goes_by(pg_temp.page($$lower(r.email) = any (lower('{ANNA7@example.org}'::text[]::text)::text[])$$), 'lead_email',
    'an address is found, whatever its case');
select pg_temp.goes_by(pg_temp.page($$s.text ilike sluice.search_pattern('nowak 1999')$$), 'search_text_trigrams',
    'words are found by their trigrams');
select pg_temp.goes_by(pg_temp.page(pg_temp.state('account', 'to_verify'), 'r.created_at, r.id', 'account'), 'visit_open',
    'the queue for verification begins with the open visits');
select pg_temp.goes_by(pg_temp.page(pg_temp.state('account', 'verified'), 'r.created_at, r.id', 'account'), 'account_created_at',
    'and what is common does not');
select pg_temp.goes_by($$select * from sluice.task_row r where r.assignee_id = any (array[md5('u3')::uuid])
    and r.status = any ('{open}') order by r.due_at, r.id limit 51$$, 'task_(assignee|due_at)', 'what somebody has to do goes by an index');
select pg_temp.goes_by($$select * from sluice.task_row r where r.lead_id = any (array[md5('l7')::uuid])
    order by r.created_at desc, r.id desc limit 51$$, 'task_lead', 'as do the tasks of a lead');
select pg_temp.goes_by($$select * from sluice.lead_deeds(md5('l7')::uuid)$$, 'activity_lead', 'evidence goes by the record');
select pg_temp.goes_by($$select * from sluice.lead_work(md5('l7')::uuid)$$, 'task_lead', 'as do tasks');
select pg_temp.goes_by($$select * from sluice.audit a where a.record_id = md5('l7')::uuid and a.entity = 'lead'
    order by a.seq desc limit 51$$, 'audit_record', 'history does');

select pg_temp.goes_by(pg_temp.page($$r.phone = any (array['600000007'])$$), 'lead_phone', 'a phone number is found by its index');
select pg_temp.goes_by(pg_temp.page($$r.tax_id = any (array['5260250274'])$$, 'r.created_at desc, r.id desc', 'account'), 'account_tax_id',
    'a tax number, too');
select pg_temp.goes_by(pg_temp.page('true', $$coalesce(r.company, '') desc, r.id desc$$), 'lead_by_company',
    'a page by company goes in the order of an index');
select pg_temp.goes_by(pg_temp.page('true', $$coalesce(r.last_name, ''), r.id$$), 'lead_by_last_name', 'and by last name');
select pg_temp.goes_by(pg_temp.page('true'), 'timer_record', 'what is due is looked up by the record');
create temp table before_closing as
select seq_tup_read + idx_tup_fetch as n from pg_stat_xact_user_tables where relid = 'sluice.task'::regclass;
set local plan_cache_mode = force_generic_plan;  -- as in transition_apply()
select lives_ok($$select sluice.close_tasks_action('lead', jsonb_build_object('id', md5('l7')::uuid), '{"of": "call_back"}')$$,
    'a move closes tasks');
select is((select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relid = 'sluice.task'::regclass),
    (select n + 1 from before_closing), 'without reading those of others');
reset plan_cache_mode;

-- What the daemon prepares must not look dearer for all values than for each: it would be planned at every request. In
-- lists the words on which a plan hangs, scopes and states, stand in the text.
create function pg_temp.prepared(name text, parameters text, statement text, given text) returns text language plpgsql as $$
begin
    execute format('prepare %I(%s) as %s', name, parameters, statement);
    for i in 1..8 loop
        execute format('explain execute %I(%s)', name, given);
    end loop;
    return ok((select p.generic_plans > 0 from pg_prepared_statements p where p.name = prepared.name), name || ' keeps its plan');
end
$$;
create function pg_temp.page_in(scope text, filter text default 'true') returns text language sql as $$
    select pg_temp.page(format('(%1$L = ''all'' or sluice.in_scope(%1$L, $1, r.owner_id)) and %2$s', scope, filter)) $$;
select pg_temp.prepared('page_' || scope, 'uuid', pg_temp.page_in(scope), $$'00000000-0000-7000-8000-0000000000a1'$$)
  from unnest(array['all', 'team', 'own']) scope;
select pg_temp.prepared('mine_' || scope || '_' || state, 'uuid, uuid[]',
                        pg_temp.page_in(scope, pg_temp.state('lead', state) || ' and r.owner_id = ($2)[1]'),
                        $$md5('u3')::uuid, array[md5('u3')::uuid]$$)
  from unnest(array['all', 'own']) scope, unnest(array['archived', 'open', 'nurture']) state;
select pg_temp.goes_by($$execute mine_all_archived(md5('u3')::uuid, array[md5('u3')::uuid])$$, 'lead_owner',
    'kept for a common state it goes in the order of the owner''s index');
select pg_temp.goes_by($$execute mine_all_nurture(md5('u3')::uuid, array[md5('u3')::uuid])$$, 'visit_open',
    'and for a rare one by its visits');
select pg_temp.prepared('one', 'uuid, uuid, text', $$select r.* from sluice.lead_row r
    where r.id = $1 and ($3 = 'all' or sluice.in_scope($3, $2, r.owner_id))$$,
    $$'00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000a1', 'all'$$);

prepare lead_states(text[], uuid[]) as select r.* from sluice.lead_row r
    where exists (select from (select sluice.known($1) as states) x join sluice.visit v on v.state = any (x.states)
                   where nullif(r.status = any (x.states), false) is not null and v.record_id = r.id and v.entity = 'lead' and v.left_at is null)
      and r.owner_id = ($2)[1] order by r.created_at desc, r.id desc limit 51;
do $$
begin
    for i in 1..8 loop
        execute 'explain execute lead_states(''{archived}'', array[md5(''u3'')::uuid])';
    end loop;
end
$$;
select is(generic_plans, 0::bigint, 'states that are no words are planned for what they are') from pg_prepared_statements where name = 'lead_states';
select pg_temp.goes_by($$execute lead_states('{nurture}', array[md5('u3')::uuid])$$, 'visit_open',
    'so a rare one is found by its visits after many common ones');

-- Functions that a plan is supposed to take in are taken in.
select doesnt_match(pg_temp.plan_of(pg_temp.page('true')), 'timer_(breached|stale|due)|Seq Scan on sluice.timer',
    'what is due is looked up by no index that is small at first');
select unnest(array[
    unalike(pg_temp.plan_of($$select sluice.money(l.estimated_value_amount, l.estimated_value_currency) from sluice.lead l$$), '%money(%', 'money()'),
    unalike(pg_temp.plan_of($$select sluice.flat_money(l.extra, 'x') from sluice.lead l$$), '%flat_money(%', 'flat_money()'),
    unalike(pg_temp.plan_of($$select sluice.digits(l.phone) from sluice.lead l$$), '%digits(%', 'digits()'),
    unalike(pg_temp.plan_of($$select sluice.rfc3339(l.created_at) from sluice.lead l$$), '%rfc3339(%', 'rfc3339()'),
    unalike(pg_temp.plan_of($$select sluice.next_seq()$$), '%next_seq(%', 'next_seq()'),
    unalike(pg_temp.plan_of($$select sluice.in_scope('own', l.id, l.owner_id) from sluice.lead l$$), '%in_scope(%', 'in_scope()'),
    unalike(pg_temp.plan_of($$select w.* from sluice.lead l, sluice.lead_work(l.id) w$$), '%lead_work(%', 'lead_work()'),
    unalike(pg_temp.plan_of($$select d.* from sluice.lead l, sluice.lead_deeds(l.id) d$$), '%lead_deeds(%', 'lead_deeds()')]);

select finish();
rollback;
