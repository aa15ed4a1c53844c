-- Approvals: who is asked, what a vote does, and that nothing is written halfway.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

insert into sluice.app_user (id, email, name)
select ('00000000-0000-7000-8000-0000000000a' || n)::uuid, n || '@approval.test', 'User ' || n from generate_series(1, 4) n;
insert into sluice.user_role values ('00000000-0000-7000-8000-0000000000a2', 'manager'),
                                    ('00000000-0000-7000-8000-0000000000a3', 'manager');
select sluice.blueprint_import('{"entity": "lead", "key": "t_approval", "number": 1, "label": {"en": "T"},
 "states": [{"key": "a", "category": "open", "label": {}}, {"key": "b", "category": "won", "label": {}}],
 "transitions": [{"key": "created", "kind": "initial", "to": "a", "label": {}},
   {"key": "go", "from": ["a"], "to": "b", "label": {},
    "approval": {"needed": 2, "actors": [{"kind": "role", "value": "manager"}, {"kind": "field", "value": "owner_id"}]}},
   {"key": "leave", "from": ["a"], "to": "b", "label": {}}]}');
update sluice.blueprint set priority = 200 where key = 't_approval';
insert into sluice.lead (id, last_name, owner_id)
values ('00000000-0000-7000-8000-000000000001', 'One', '00000000-0000-7000-8000-0000000000a4');

create function pg_temp.enter(n integer) returns void language sql as $$
    select sluice.enter('user', ('00000000-0000-7000-8000-0000000000a' || n)::uuid, null, 'req', 'x', false)
$$;
create function pg_temp.ask(version bigint, state text, transition text) returns text language sql as $$
    select sluice.approval_request('00000000-0000-7000-8000-0000000000f1', 'lead', '00000000-0000-7000-8000-000000000001',
                                   version, state, transition, '{"note": "x"}')
$$;
create function pg_temp.complete(votes integer, version bigint, evidence text) returns text language sql as $$
    select sluice.approval_complete('00000000-0000-7000-8000-0000000000f1', votes, null, 'lead',
        '00000000-0000-7000-8000-000000000001', version, 'a', 'go', null, null, null, null, null, evidence, null, null, null)
$$;

set local role sluice_app;
select pg_temp.enter(1);
select is(pg_temp.ask(2, 'a', 'go'), 'stale', 'another version asks nobody');
select is(pg_temp.ask(1, 'b', 'go'), 'stale', 'nor another state');
select is(pg_temp.ask(1, 'a', 'leave'), 'undeclared', 'nor a transition that needs nobody');
select is(pg_temp.ask(1, 'a', 'go'), 'requested', 'asked');
select is((select array_agg(right(u.id::text, 1) order by u.id) from sluice.app_user u, sluice.approval a
            where u.email like '%@approval.test' and sluice.may_approve(a, u.id)), '{2,3,4}', 'two managers and the owner');
select is(sluice.approval_vote('00000000-0000-7000-8000-0000000000f1', 0, true, null), 'closed', 'who asks has no vote');
select pg_temp.enter(2);
select is(sluice.approval_vote('00000000-0000-7000-8000-0000000000f1', 1, true, null), 'stale', 'a count that is not so');
select is(sluice.approval_vote('00000000-0000-7000-8000-0000000000f1', 0, true, 'ok'), 'voted', 'a vote');
select is(sluice.approval_vote('00000000-0000-7000-8000-0000000000f1', 1, true, null), 'closed', 'is one vote');
select pg_temp.enter(3);
select is(pg_temp.complete(1, 1, 'other'), 'stale', 'other evidence carries nothing out');
select is((select count(*) from sluice.approval_vote), 1::bigint, 'and takes the vote back');
select is((select status from sluice.approval), 'pending', 'and asks on');
select is(pg_temp.complete(0, 1, sluice.lead_evidence('00000000-0000-7000-8000-000000000001')), 'stale', 'nor does another count');
reset role;
select is(pg_temp.complete(1, 1, e), 'applied', 'the last vote')
  from (select sluice.whole_evidence('lead', l.id, l.blueprint_version_id, sluice.lead_evidence(l.id)) as e
          from sluice.lead l where l.id = '00000000-0000-7000-8000-000000000001') x;
select is((select state from sluice.lead where id = '00000000-0000-7000-8000-000000000001'), 'b', 'moves the record');
select is((select status from sluice.approval), 'done', 'and ends the question, which did not outdate itself');
select is((select array_agg(privilege_type::text order by 1) from information_schema.role_table_grants
            where grantee = 'sluice_app' and table_name in ('approval', 'approval_vote')), '{SELECT,SELECT}',
          'the daemon writes neither questions nor votes');

-- taking back; API keys
insert into sluice.lead (id, last_name, owner_id)
values ('00000000-0000-7000-8000-000000000002', 'Two', '00000000-0000-7000-8000-0000000000a4');
insert into sluice.api_key (id, name, key_hash) values ('00000000-0000-7000-8000-0000000000b1', 'K', 'approval-test');
insert into sluice.api_key_role values ('00000000-0000-7000-8000-0000000000b1', 'manager');
set local role sluice_app;
select pg_temp.enter(1);
select is(sluice.approval_request('00000000-0000-7000-8000-0000000000f2', 'lead', '00000000-0000-7000-8000-000000000002',
                                  1, 'a', 'go', null), 'requested', 'asked again, for another');
select is(sluice.approval_request('00000000-0000-7000-8000-0000000000f3', 'lead', '00000000-0000-7000-8000-000000000002',
                                  1, 'a', 'go', null), 'pending', 'once at a time');
select ok((select sluice.may_approve(a, '00000000-0000-7000-8000-0000000000b1') from sluice.approval a
            where a.id = '00000000-0000-7000-8000-0000000000f2'), 'a key with the role is asked');
select is(sluice.approvals_json('00000000-0000-7000-8000-000000000002'), '{}', 'nobody has agreed');
select pg_temp.enter(2);
select is(sluice.approval_vote('00000000-0000-7000-8000-0000000000f2', 0, true, null), 'voted', 'a vote');
select is(sluice.approvals_json('00000000-0000-7000-8000-000000000002'),
          '{"go": ["00000000-0000-7000-8000-0000000000a2"]}', 'is what guards see');
select is(sluice.approvals_print('00000000-0000-7000-8000-000000000002'), 0::bigint, 'and more of them change no decision');
select is(sluice.approval_withdraw('00000000-0000-7000-8000-0000000000f2', false, 'x'), 'others', 'who is asked does not take it back');
select pg_temp.enter(4);
select is(sluice.approval_withdraw('00000000-0000-7000-8000-0000000000f9', true, 'x'), 'gone', 'nor is there any');
select pg_temp.enter(1);
select is(sluice.approval_withdraw('00000000-0000-7000-8000-0000000000f2', false, 'x'), 'withdrawn', 'who asked does');
select is(sluice.approval_withdraw('00000000-0000-7000-8000-0000000000f2', true, 'x'), 'closed', 'once');
select is(sluice.approvals_json('00000000-0000-7000-8000-000000000002'), '{}', 'guards see no votes of it');
select is(sluice.approvals_print('00000000-0000-7000-8000-000000000002'), 1::bigint, 'and decisions start over');
reset role;
select * from finish();
rollback;
