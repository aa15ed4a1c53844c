-- Steps: opened with the stay, closed once, by nobody but the function.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

insert into sluice.app_user (id, email, name) values
    ('00000000-0000-7000-8000-0000000000a1', 'ann@steps.test', 'Ann'), ('00000000-0000-7000-8000-0000000000a2', 'bob@steps.test', 'Bob');
create function pg_temp.doc(number integer, steps jsonb) returns jsonb language sql as $$
    select jsonb_build_object('entity', 'lead', 'key', 't_steps', 'number', number, 'label', '{"en": "T"}'::jsonb,
        'states', jsonb_build_array(
            jsonb_build_object('key', 'a', 'category', 'open', 'label', '{"en": "A"}'::jsonb, 'steps', steps),
            '{"key": "p", "category": "postponed", "pausing": true}'::jsonb, '{"key": "b", "category": "won"}'::jsonb),
        'transitions', '[{"key": "made", "kind": "initial", "to": "a"}, {"key": "go", "from": ["a"], "to": "b",
             "guards": [{"key": "g", "kind": "steps_done"}]},
            {"key": "again", "from": ["a", "b", "p"], "to": "a",
             "actions": [{"key": "known", "kind": "step_done", "params": {"step": "two"}}]},
            {"key": "rest", "from": ["a"], "to": "p"}, {"key": "on", "from": ["p"], "to": "a"}]'::jsonb)
$$;
select ok(sluice.blueprint_import(pg_temp.doc(1,
    '[{"key": "one", "label": {"en": "One"}, "actors": [{"kind": "user", "value": "x"}],
       "inputs": [{"key": "i", "kind": "field", "required": true, "params": {"field": "unqualified_reason", "choices_from": "unqualified_reason"}}]},
      {"key": "two"}, {"key": "three", "required": false}]')), 'a process with steps');
update sluice.blueprint set priority = 300 where key = 't_steps';

-- documents
select is(needs, '{deputies,steps}', 'facts are brought for it') from sluice.blueprint_version v
  join sluice.blueprint b on b.id = v.blueprint_id where b.key = 't_steps';
select is(sluice.blueprint_document(v.id) #> '{states,0,steps}', pg_temp.doc(1,
    '[{"key": "one", "label": {"en": "One"}, "actors": [{"kind": "user", "value": "x"}],
       "inputs": [{"key": "i", "kind": "field", "required": true, "params": {"field": "unqualified_reason", "choices_from": "unqualified_reason"}}]},
      {"key": "two"}, {"key": "three", "required": false}]') #> '{states,0,steps}', 'what was written is read')
  from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id where b.key = 't_steps';
select ok(sluice.blueprint_doc(v.id) #> '{states,0,steps,0,inputs,0,params,choices}' ? 'need', 'the daemon gets the choices')
  from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id where b.key = 't_steps';
select throws_ok(format('delete from sluice.%I where blueprint_version_id = %L', t, v.id), 'SL409', null,
                 'what was published keeps its ' || t)
  from unnest(array['step_input', 'step_actor', 'step']) t, sluice.blueprint_version v
  join sluice.blueprint b on b.id = v.blueprint_id where b.key = 't_steps';

-- a stay
insert into sluice.lead (id, last_name, owner_id)
values ('00000000-0000-7000-8000-000000000001', 'One', '00000000-0000-7000-8000-0000000000a1');
create function pg_temp.stand() returns text language sql as $$
    select string_agg(s.key || ':' || s.status, ' ' order by s.key)
      from sluice.visit v join sluice.visit_step s on s.record_id = v.record_id and s.visit_id = v.id
     where v.record_id = '00000000-0000-7000-8000-000000000001' and v.left_at is null
$$;
create function pg_temp.evidence() returns text language sql as $$
    select sluice.whole_evidence('lead', l.id, l.blueprint_version_id, sluice.lead_evidence(l.id))
      from sluice.lead l where l.id = '00000000-0000-7000-8000-000000000001'
$$;
create function pg_temp.enter(n integer) returns void language sql as $$
    select sluice.enter('user', ('00000000-0000-7000-8000-0000000000a' || n)::uuid, null, 'req', 'x', false)
$$;
create function pg_temp.apply(step text, version bigint, evidence text, fields jsonb default null, activities jsonb default null,
                              state text default 'a') returns text language sql as $$
    select sluice.step_apply('lead', '00000000-0000-7000-8000-000000000001', version, state, step, fields, activities, null,
                             'a note', evidence, null, 'all', null, '["ticked"]', '{"files": [{"name": "f"}]}')
$$;
create function pg_temp.move(transition text) returns text language sql as $$
    select (sluice.transition_apply('lead', l.id, l.version, l.state, transition, null, null, null, null, null,
                                    pg_temp.evidence(), null, 'all', null)).outcome
      from sluice.lead l where l.id = '00000000-0000-7000-8000-000000000001'
$$;
select is(pg_temp.stand(), 'one:open three:open two:open', 'a birth opens them');
select pg_temp.enter(1);
select is(pg_temp.apply('one', 2, pg_temp.evidence()), 'stale', 'another version does nothing');
select is(pg_temp.apply('one', 1, 'other'), 'stale', 'nor other evidence');
select is(pg_temp.apply('one', 1, pg_temp.evidence(), state => 'b'), 'stale', 'nor another state');
select is(sluice.step_apply('lead', '00000000-0000-7000-8000-000000000009', 1, 'a', 'one', null, null, null, null, 'x', null, 'all',
                            null, null, null), 'gone', 'nor a record that is not there');
select throws_ok($$select pg_temp.apply('one', 1, pg_temp.evidence(), '{"status": "b"}')$$, 'SL422', 'governed_field',
                 'a governed field is none of a step''s');
select throws_ok($$select pg_temp.apply('gone', 1, pg_temp.evidence())$$, 'SLAGN', 'stale', 'a step that is not there is decided again');
select is(pg_temp.stand(), 'one:open three:open two:open', 'none of it changed anything');
select set_config('t.before', pg_temp.evidence(), true);
select is(pg_temp.apply('one', 1, pg_temp.evidence(), '{"industry": "steel", "estimated_value": {"amount": "5", "currency": "PLN"}}',
                        '[{"kind": "call", "subject": "s"}]'), 'applied', 'done');
select is(pg_temp.stand(), 'one:done three:open two:open', 'is done');
select isnt(pg_temp.evidence(), current_setting('t.before'), 'whoever decided before is told');
select is((select industry || ' ' || estimated_value_amount || ' ' || state from sluice.lead where last_name = 'One'), 'steel 5 a',
          'fields came along, the state stays');
select is((select count(*) from sluice.activity where lead_id = '00000000-0000-7000-8000-000000000001' and transition is null), 1::bigint,
          'so did the call');
select is((select item || ' ' || transition from sluice.checklist_tick where record_id = '00000000-0000-7000-8000-000000000001'),
          'ticked one', 'and the tick');
select is((select detail from sluice.audit where action = 'step' order by seq desc limit 1),
          '{"step": "one", "status": "done", "note": "a note", "checklist": ["ticked"], "files": [{"name": "f"}]}', 'the history says so');
select is((select array_agg(type order by id) from sluice.outbox where record_id = '00000000-0000-7000-8000-000000000001'),
          '{lead.created,lead.updated,lead.step_done}', 'and tells others');
select is((sluice.steps_json('00000000-0000-7000-8000-000000000001') #> '{0}') - 'at',
          '{"key": "one", "kind": "user", "by": "00000000-0000-7000-8000-0000000000a1", "name": "Ann", "note": "a note"}', 'facts know who');

-- opened again by who did it
create function pg_temp.reopen() returns text language sql as $$
    select sluice.step_reopen('lead', l.id, l.version, l.state, 'one', pg_temp.evidence(), null, 'all')
      from sluice.lead l where l.id = '00000000-0000-7000-8000-000000000001'
$$;
select pg_temp.enter(2);
select is(pg_temp.reopen(), 'stale', 'nobody else opens it');
select pg_temp.enter(1);
select is(pg_temp.reopen(), 'applied', 'who did it does');
select is(pg_temp.stand(), 'one:open three:open two:open', 'it is open');
select is((select done_by is null and done_at is null and detail is null and version = 3 from sluice.visit_step where key = 'one'), true,
          'as if it had never been done');

-- pauses, re-entry, actions
select is(pg_temp.apply('one', l.version, pg_temp.evidence()), 'applied', 'done again') from sluice.lead l where last_name = 'One';
select is(pg_temp.move('rest'), 'applied', 'a pause');
select is(pg_temp.stand(), null, 'has no steps');
select is(pg_temp.move('on'), 'applied', 'is over');
select is(pg_temp.stand(), 'one:done three:open two:open', 'and they stand as they stood');
select is(pg_temp.move('go'), 'applied', 'the way out');
select is(pg_temp.move('again'), 'applied', 'a new stay');
select is(pg_temp.stand(), 'one:open three:open two:done', 'begins anew, but for what an action did');
select is((select detail #> '{actions,0,result}' from sluice.audit where action = 'transition' order by seq desc limit 1),
          '{"step": "two", "status": "done", "records": ["00000000-0000-7000-8000-000000000001"]}', 'the move says what it did');
select is(nullif(current_setting('sluice.steps', true), ''), null, 'and leaves nothing for others');

-- a refusal
select sluice.step_denied('lead', '00000000-0000-7000-8000-000000000001', 'one', 'a', 'not_transition_owner');
select is((select detail from sluice.audit where action = 'denied' order by seq desc limit 1),
          '{"code": "not_transition_owner", "step": "one"}', 'is history');

-- another version
select ok(sluice.blueprint_import(pg_temp.doc(2, '[{"key": "two"}, {"key": "four"}]')), 'a second version');
select set_config('t.one', (select v.id::text from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
                             where b.key = 't_steps' and v.number = 1), true),
       set_config('t.two', (select v.id::text from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
                             where b.key = 't_steps' and v.number = 2), true);
select sluice.set_version('lead', '00000000-0000-7000-8000-000000000001', 'a', current_setting('t.two')::uuid, 'a', null, null, false);
select is(pg_temp.stand(), 'four:open one:open three:open two:done', 'what was done is kept, what is new is open');
select ok(not sluice.step_set('00000000-0000-7000-8000-000000000001', 'one', true, null), 'what the version has not is not done');
select sluice.set_version('lead', '00000000-0000-7000-8000-000000000001', 'a', current_setting('t.one')::uuid, 'b', null, null, false);
select is(pg_temp.stand(), null, 'another state has its own');
select sluice.set_version('lead', '00000000-0000-7000-8000-000000000001', 'b', current_setting('t.two')::uuid, 'a', null, null, true);
select is(pg_temp.stand(), 'four:open two:done', 'taken back, they stand as they stood');

-- what the daemon's role may not do
select ok(not has_table_privilege('sluice_app', t, p), format('%s on %s is not granted', p, t))
  from unnest(array['sluice.step', 'sluice.step_actor', 'sluice.step_input', 'sluice.visit_step']) t,
       unnest(array['insert', 'update', 'delete', 'truncate']) p;
select ok(not has_any_column_privilege('sluice_app', 'sluice.visit_step', p), p || ' on no column either') from unnest(array['insert', 'update']) p;
select ok(not has_function_privilege('sluice_app', f, 'execute'), f || ' is not called')
  from unnest(array['sluice.step_set(uuid, text, boolean, jsonb)', 'sluice.fields_write(text, uuid, jsonb)',
                    'sluice.steps_carry(uuid, bigint, bigint)', 'sluice.step_note(sluice.visit, text, boolean, jsonb)',
                    'sluice.step_action(text, jsonb, text, text, text, jsonb)', 'sluice.steps_import(uuid, jsonb)']) f;

select * from finish();
rollback;
