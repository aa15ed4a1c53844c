-- What happens around a move: rights, needs, drafts, actions.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();
-- Tests choose the time.
create or replace function sluice.now() returns timestamptz language sql stable parallel safe
    return coalesce(nullif(current_setting('sluice.now', true), '')::timestamptz, transaction_timestamp());

insert into sluice.app_user (id, email, name) values
    ('00000000-0000-7000-8000-0000000000a1', 'ann@example.org', 'Ann'), ('00000000-0000-7000-8000-0000000000a2', 'bob@example.org', 'Bob');
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000001', 'Nowak');

-- what the daemon's role may not do
select ok(not has_table_privilege('sluice_app', t, p), format('%s on %s is not granted', p, t))
  from unnest(array['sluice.action', 'sluice.checklist_tick']) t, unnest(array['insert', 'update', 'delete']) p;
select ok(not has_any_column_privilege('sluice_app', 'sluice.action', 'update'), 'actions are not updated');
select ok(not has_column_privilege('sluice_app', 'sluice.deputy', c, 'update'), format('deputy.%s is not updated', c))
  from unnest(array['user_id', 'deputy_id', 'starts_at', 'ends_at', 'version']) c;
select ok(not has_function_privilege('sluice_app', f, 'execute'), f || ' is not called')
  from unnest(array['sluice.run_actions(text, jsonb, text, jsonb)', 'sluice.send_events(text, uuid)',
                    'sluice.add_ticks(text, uuid, text, jsonb)', 'sluice.transition_applied(text, uuid, text, jsonb)']) f;

-- needs
select is(v.needs, case b.entity when 'account' then '{changed}'::text[] else '{}' end,
          'of the shipped processes only that of accounts asks what has changed: ' || b.key)
  from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id where v.status = 'published';
select is(sluice.version_needs(gen_random_uuid()), '{}', 'a version that is not there needs nothing');
select is(sluice.facts_more('lead', '00000000-0000-7000-8000-000000000001',
                            (select blueprint_version_id from sluice.lead limit 1), null), '{}', 'so nothing is brought');

-- what a process looks at beside the record and its activities comes for that process, and counts for it
select sluice.blueprint_import($json$
{"entity": "lead", "key": "t_needs", "number": 1, "label": {"en": "T"}, "priority": 100,
 "states": [{"key": "here", "category": "open", "label": {}}, {"key": "there", "category": "open", "label": {}}],
 "transitions": [{"key": "created", "kind": "initial", "to": "here", "label": {}},
                 {"key": "go", "from": ["here"], "to": "there", "label": {},
                  "guards": [{"key": "been", "kind": "visited_state", "params": {"state": "there", "not": true}},
                             {"key": "idle", "kind": "open_tasks", "params": {}}]}]}
$json$);
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000002', 'Needy');
select is(v.needs, '{tasks,visits}'::text[], 'visits and open tasks are looked at')
  from sluice.blueprint_version v join sluice.lead l on l.blueprint_version_id = v.id where l.last_name = 'Needy';
create function pg_temp.seen() returns jsonb language sql as $$
    select sluice.facts_more('lead', l.id, l.blueprint_version_id, null) from sluice.lead l where l.last_name = 'Needy' $$;
create function pg_temp.print() returns text language sql as $$
    select sluice.whole_evidence('lead', l.id, l.blueprint_version_id, 'x') from sluice.lead l where l.last_name = 'Needy' $$;
select is(jsonb_build_array(pg_temp.seen() -> 'tasks', pg_temp.seen() #> '{visits,0,state}', pg_temp.seen() #> '{transitions_done,0,transition}'),
          '[[], "here", "created"]', 'so they are brought');
select is(pg_temp.print(), 'x/k0:0', 'and tasks are evidence');
insert into sluice.task (id, subject, lead_id) values ('00000000-0000-7000-8000-000000000003', 'Ask', '00000000-0000-7000-8000-000000000002');
select is(pg_temp.seen() #>> '{tasks,0,subject}', 'Ask', 'a task is brought');
select matches(pg_temp.print(), '^x/k1:-?[0-9]+$', 'and is other evidence');

-- a published action is for ever
select throws_ok($$insert into sluice.action (transition_id, key, position, phase, kind)
    select t.id, 'x', 1, 'in_tx', 'close_tasks' from sluice.transition t limit 1$$, 'SL409', null,
    'actions of a published version do not change');

-- deputies: from the first moment to before the last
insert into sluice.deputy (id, user_id, deputy_id, starts_at, ends_at)
values ('00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-0000000000a1',
        '00000000-0000-7000-8000-0000000000a2', '2026-08-01Z', '2026-08-15Z');
create function pg_temp.stands_in(at text) returns boolean language plpgsql as $$
begin
    perform set_config('sluice.now', at, true);
    return '00000000-0000-7000-8000-0000000000a1' = any (sluice.deputy_for('00000000-0000-7000-8000-0000000000a2'));
end
$$;
select is(pg_temp.stands_in(at), wanted, 'at ' || at)
  from (values ('2026-07-31 23:59:59.999999Z', false), ('2026-08-01 00:00Z', true), ('2026-08-14 23:59:59.999999Z', true),
               ('2026-08-15 00:00Z', false)) v(at, wanted);
select ok(sluice.in_scope(scope, '00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-0000000000a1')
          = ('00000000-0000-7000-8000-0000000000a1' = any (sluice.deputy_for('00000000-0000-7000-8000-0000000000a2'))),
          format('scope %s takes deputies in', scope)) from unnest(array['own', 'team']) scope;
select ok(not sluice.stands_in('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000a2'),
          'it does not hold the other way round');
update sluice.deputy set deleted_at = now();
select is(pg_temp.stands_in('2026-08-02Z'), false, 'not when it was ended');

-- what an action is due after, without a calendar
select is(sluice.action_due('{}', '{"due": "P1DT2H"}'), '2026-08-03 02:00Z'::timestamptz, 'a day and two hours');
select is(sluice.action_due('{"at": null}', '{}'), null, 'no time, not due');
select is(sluice.action_due('{"at": "2026-08-08T10:00:00+00:00"}', '{"due_at_field": "at"}'), '2026-08-08 10:00Z'::timestamptz, 'when a field says');
select is(sluice.action_due('{"at": "2026-08-08"}', '{"due_at_field": "at", "calendar": "default"}'), '2026-08-10 07:00Z'::timestamptz,
          'or the first working moment of a date: a Saturday''s is on Monday');
select is(sluice.action_due('{"at": null}', '{"due_at_field": "at"}'), null, 'a field without a date says nothing');

select * from finish();
rollback;
