-- Blueprint rows: what may stand in them, and that a published version never changes.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

-- a draft to play with
insert into sluice.blueprint (id, entity, key, label, priority) values
    ('00000000-0000-7000-8000-0000000000b1', 'lead', 'test', '{"en": "Test"}', -1);
insert into sluice.blueprint_version (id, blueprint_id, number, status) values
    ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000b1', 1, 'published');
select is(status, 'draft', 'a version is born as a draft, whatever the statement says')
  from sluice.blueprint_version where id = '00000000-0000-7000-8000-0000000000b2';

create function pg_temp.publish() returns void language sql as
    $$update sluice.blueprint_version set status = 'published' where id = '00000000-0000-7000-8000-0000000000b2'$$;
create function pg_temp.transition(n integer, key text, kind text, to_state text) returns uuid language sql as $$
    insert into sluice.transition (id, blueprint_version_id, key, label, kind, to_state, position)
    values (('00000000-0000-7000-8000-00000000010' || n)::uuid, '00000000-0000-7000-8000-0000000000b2', key, '{}', kind,
            to_state, n)
    returning id
$$;
create function pg_temp.guard(n integer, key text, parent integer, op text, kind text) returns void language sql as $$
    insert into sluice.guard (id, transition_id, key, parent, position, op, kind)
    values (('00000000-0000-7000-8000-00000000020' || n)::uuid, '00000000-0000-7000-8000-000000000102', key,
            ('00000000-0000-7000-8000-00000000020' || parent)::uuid, n, op, kind)
$$;

select throws_ok('select pg_temp.publish()', 'SL409', null, 'without an initial transition nothing is published');
select throws_ok($$select pg_temp.transition(1, 'created', 'initial', 'nowhere')$$, '23503', null,
    'a transition leads to a state of its version');
insert into sluice.state (blueprint_version_id, key, label, category, position) values
    ('00000000-0000-7000-8000-0000000000b2', 'a', '{}', 'open', 1),
    ('00000000-0000-7000-8000-0000000000b2', 'b', '{}', 'done', 2);
select throws_ok($$insert into sluice.state (blueprint_version_id, key, label, category, position)
    values ('00000000-0000-7000-8000-0000000000b2', 'c', '{}', 'closed', 3)$$, '23514', null, 'categories are a closed list');
select throws_ok($$insert into sluice.state (blueprint_version_id, key, label, category, position)
    values ('00000000-0000-7000-8000-0000000000b2', 'A b', '{}', 'open', 3)$$, '23514', null, 'keys are lower-case words');
select lives_ok($$select pg_temp.transition(1, 'created', 'initial', 'a')$$, 'the initial transition');
select throws_ok($$select pg_temp.transition(3, 'again', 'initial', 'b')$$, '23505', null, 'there is one initial transition');
select lives_ok($$select pg_temp.transition(2, 'go', 'manual', 'b')$$, 'a transition');
select throws_ok('select pg_temp.publish()', 'SL409', null, 'a transition must leave some state');
select throws_ok($$insert into sluice.transition_from (transition_id, blueprint_version_id, state)
    values ('00000000-0000-7000-8000-000000000102', '00000000-0000-7000-8000-0000000000b2', 'nowhere')$$, '23503', null,
    'it leaves a state of its version');
insert into sluice.transition_from (transition_id, blueprint_version_id, state)
    values ('00000000-0000-7000-8000-000000000102', '00000000-0000-7000-8000-0000000000b2', 'a');

-- guards form trees
select lives_ok($$select pg_temp.guard(1, 'g1', null, 'all', null)$$, 'a group');
select lives_ok($$select pg_temp.guard(2, 'g2', 1, 'any', null)$$, 'a group in a group');
select lives_ok($$select pg_temp.guard(3, 'g3', 2, null, 'field_present')$$, 'a leaf in it');
select throws_ok($$select pg_temp.guard(4, 'g4', 3, null, 'field_present')$$, 'SL422', null, 'a leaf contains nothing');
select throws_ok($$select pg_temp.guard(4, 'g4', 4, 'all', null)$$, 'SL422', null, 'a group does not contain itself');
select throws_ok($$update sluice.guard set parent = '00000000-0000-7000-8000-000000000202'
    where id = '00000000-0000-7000-8000-000000000201'$$, 'SL422', null, 'groups do not contain each other');
select throws_ok($$select pg_temp.guard(4, 'g4', 1, 'all', 'field_present')$$, '23514', null, 'a guard is a group or a leaf');
select throws_ok($$select pg_temp.guard(4, 'g4', 1, null, null)$$, '23514', null, 'a guard is one of them');
select throws_ok($$select pg_temp.guard(4, 'g1', 1, null, 'field_present')$$, '23505', null, 'keys of guards differ');
select throws_ok($$insert into sluice.guard (id, transition_id, key, parent, position, kind)
    values (gen_random_uuid(), '00000000-0000-7000-8000-000000000101', 'x', '00000000-0000-7000-8000-000000000201', 1,
            'field_present')$$, '23503', null, 'a guard''s group belongs to the same transition');

-- published is for ever
select lives_ok('select pg_temp.publish()', 'the version is published');
select throws_ok(statement, 'SL409', null, statement) from unnest(array[
    $$update sluice.state set label = '{"en": "x"}' where blueprint_version_id = '00000000-0000-7000-8000-0000000000b2'$$,
    $$delete from sluice.state where blueprint_version_id = '00000000-0000-7000-8000-0000000000b2'$$,
    $$insert into sluice.state values ('00000000-0000-7000-8000-0000000000b2', 'c', '{}', 'open', 3)$$,
    $$update sluice.transition set to_state = 'a' where id = '00000000-0000-7000-8000-000000000102'$$,
    $$delete from sluice.transition_from where transition_id = '00000000-0000-7000-8000-000000000102'$$,
    $$insert into sluice.transition_actor values ('00000000-0000-7000-8000-000000000102', 1, 'role', 'sales')$$,
    $$delete from sluice.guard where id = '00000000-0000-7000-8000-000000000203'$$,
    $$update sluice.guard set params = '{"x": 1}' where id = '00000000-0000-7000-8000-000000000203'$$,
    $$insert into sluice.input values ('00000000-0000-7000-8000-000000000102', 'n', 1, 'note', false, '{}')$$,
    $$delete from sluice.blueprint_version where id = '00000000-0000-7000-8000-0000000000b2'$$,
    $$update sluice.blueprint_version set number = 7 where id = '00000000-0000-7000-8000-0000000000b2'$$,
    $$update sluice.blueprint_version set status = 'draft' where id = '00000000-0000-7000-8000-0000000000b2'$$]) statement;
insert into sluice.blueprint_version (id, blueprint_id, number)
values ('00000000-0000-7000-8000-0000000000b3', '00000000-0000-7000-8000-0000000000b1', 2);
insert into sluice.state values ('00000000-0000-7000-8000-0000000000b3', 'a', '{}', 'open', 1);
insert into sluice.transition (id, blueprint_version_id, key, label, kind, to_state, position)
values (gen_random_uuid(), '00000000-0000-7000-8000-0000000000b3', 'created', '{}', 'initial', 'a', 1);
select throws_ok($$update sluice.blueprint_version set status = 'published'
    where id = '00000000-0000-7000-8000-0000000000b3'$$, '23505', null, 'a blueprint has one published version');

-- what is shipped
select is(count(*), 1::bigint, format('%s has a published blueprint', entity))
  from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id and v.status = 'published'
 where b.key in ('lead_default', 'account_verification', 'sales_pipeline')
 group by entity;
select ok(not sluice.blueprint_import('{"entity": "lead", "key": "lead_default", "number": 1, "label": {}}'),
          'a number that is there is not imported again');
select unnest(array[
       is(jsonb_array_length(d -> 'states'), 10, 'the lead''s document has its states'),
       is(jsonb_array_length(d -> 'transitions'), 15, 'and its transitions'),
       is(jsonb_path_query_first(d, '$.transitions[*] ? (@.key == "unqualified").inputs[0].params.choices'),
          '["need", "authority", "ability"]', 'choices come from the reasons'),
       is(jsonb_path_query_first(d, '$.transitions[*] ? (@.key == "re_engaged").guards[*] ? (@.key == "call_logged").parent'),
          jsonb_path_query_first(d, '$.transitions[*] ? (@.key == "re_engaged").guards[*] ? (@.op == "any").id'),
          'a guard names its group')])
  from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id and b.key = 'lead_default',
       lateral sluice.blueprint_doc(v.id) d
 where v.status = 'published';
select is(jsonb_array_length(jsonb_path_query_first(sluice.blueprint_document(v.id),
              '$.transitions[*] ? (@.key == "re_engaged").guards[0].guards')), 2, 'a document shows guards as a tree')
  from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id and b.key = 'lead_default'
 where v.status = 'published';

-- a later number takes over; records stay where they were born
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000001', 'Old');
select ok(sluice.blueprint_import('{"entity": "lead", "key": "lead_default", "number": 4, "label": {"en": "x"},
    "states": [{"key": "fresh", "category": "open", "label": {}}, {"key": "over", "category": "done", "label": {}}],
    "transitions": [{"key": "created", "kind": "initial", "to": "fresh", "label": {}},
                    {"key": "end", "from": "any", "except": ["over"], "to": "over", "label": {}}]}'),
          'the next number is imported');
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000002', 'New');
select results_eq('select state from sluice.lead where last_name in (''Old'', ''New'') order by last_name',
                  array['fresh', 'open'], 'a record lives under the version of its birth');
select unnest(array[
       is((sluice.edge(blueprint_version_id, 'fresh', 'end')).to_state, 'over', 'any: from every state'),
       is((sluice.edge(blueprint_version_id, 'over', 'end')).to_state, null, 'but those excepted')])
  from sluice.lead where last_name = 'New';

select finish();
rollback;
