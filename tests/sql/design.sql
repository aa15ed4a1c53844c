-- Drafts: begun, written, published once nobody was faster, retired, thrown away. The daemon's role does it all
-- through functions.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();
set local sluice.actor_kind = 'user';

-- what the contract says of priorities holds for other programs, too
select throws_ok($$insert into sluice.blueprint (id, entity, key, label, priority) values (gen_random_uuid(), 'lead', 'p', '{}', 1001)$$,
    '23514', 'new row for relation "blueprint" violates check constraint "blueprint_priority_check"', 'a priority has bounds');
select lives_ok($$insert into sluice.blueprint (id, entity, key, label, priority) values (gen_random_uuid(), 'lead', 'p', '{}', -1000)$$,
    'which belong to it');
select throws_ok($$insert into sluice.blueprint_version (id, blueprint_id, number, priority)
                     select gen_random_uuid(), b.id, 1, -1001 from sluice.blueprint b where b.key = 'p'$$, '23514',
    'new row for relation "blueprint_version" violates check constraint "blueprint_version_priority_check"', 'a version''s likewise');
delete from sluice.blueprint where key = 'p';

create function pg_temp.id(n integer) returns uuid language sql immutable as
    $$select ('00000000-0000-7000-8000-0000000d000' || n)::uuid$$;
create function pg_temp.doc(states text[], more jsonb default '{}') returns jsonb language sql as $$
    select jsonb_build_object('entity', 'lead', 'key', 'trial', 'label', '{"en": "Trial"}'::jsonb,
        'states', (select jsonb_agg(jsonb_build_object('key', s, 'label', jsonb_build_object('en', s), 'category',
                                    case when s = 'closed' then 'done' else 'open' end)
                   || case when s = 'b' then '{"steps": [{"key": "check", "label": {"en": "Check"}, "required": false,
                       "actors": [{"kind": "role", "value": "sales"}],
                       "inputs": [{"key": "n", "kind": "note", "required": true, "label": {"en": "N"}}]}]}'::jsonb
                      else '{}' end) from unnest(states) s),
        'transitions', '[
            {"key": "created", "kind": "initial", "to": "a", "label": {"en": "Created"}},
            {"key": "close", "from": "any", "except": ["closed"], "to": "closed", "label": {"en": "Close"},
             "actors": [{"kind": "role", "value": "sales"}, {"kind": "field", "value": "owner_id"}],
             "guards": [{"key": "either", "op": "any", "guards": [
                            {"key": "named", "kind": "field_present", "params": {"field": "company"}},
                            {"key": "known", "kind": "field_present", "params": {"field": "email"},
                             "message": {"en": "Who?"}}]}],
             "inputs": [{"key": "reason", "kind": "field", "required": true, "label": {"en": "Why"},
                         "params": {"field": "unqualified_reason", "choices_from": "unqualified_reason"}}]}]'::jsonb) || more
$$;
create function pg_temp.as_app(statement text) returns bigint language plpgsql as $$
declare
    n bigint;
begin
    set local role sluice_app;
    execute statement into n;
    reset role;
    return n;
exception when others then
    reset role;
    raise;
end
$$;
create function pg_temp.status(n integer) returns text language sql as
    $$select status || ' ' || number from sluice.blueprint_version where id = pg_temp.id(n)$$;

-- beginning
select lives_ok($$select pg_temp.as_app(format('select 1 from sluice.design_create(%L, %L, null)', pg_temp.id(1),
    pg_temp.doc('{a,b,closed}')))$$, 'the daemon''s role begins a draft');
select is(pg_temp.status(1), 'draft 1', 'it is a draft, the first');
select is(sluice.blueprint_document(pg_temp.id(1)), pg_temp.doc('{a,b,closed}') || '{"number": 1}',
          'a document that was written is read back as it was');
select is(action || ' ' || entity || ' ' || (changes -> 'key' ->> 'new'), 'create blueprint trial', 'the trail says so')
  from sluice.audit where record_id = pg_temp.id(1);
select throws_ok(format('select sluice.design_create(gen_random_uuid(), ''{}'', %L)', pg_temp.id(9)), 'SL422', null,
    'there must be a version to start from');
select throws_ok(format('select sluice.design_create(gen_random_uuid(), ''{"entity": "account"}'', %L)', pg_temp.id(1)),
    'SL422', null, 'a process of leads does not become one of accounts');

-- writing
select is(sluice.design_write(pg_temp.id(1), 7, '{}', '{"x": {}}', null), null, 'another version is not written over');
select is(sluice.design_write(pg_temp.id(9), null, '{}', '{"x": {}}', null), null, 'nor one that is not there');
select is(sluice.design_write(pg_temp.id(1), null, '{}', '{}', null), version, 'no changes: nothing happens')
  from sluice.blueprint_version where id = pg_temp.id(1);
select is(pg_temp.as_app(format('select sluice.design_write(%L, %s, %L, %L, %L)', pg_temp.id(1), version,
              pg_temp.doc('{a,b,c,closed}', '{"priority": -5}'), '{"states/c": {"old": null, "new": {}}}',
              '{"diff": ["state `c` added"]}')), version + 1, 'an edit is one version')
  from sluice.blueprint_version where id = pg_temp.id(1);
select is(jsonb_array_length(sluice.blueprint_document(pg_temp.id(1)) -> 'states'), 4, 'it is written');
select is(detail, '{"diff": ["state `c` added"]}', 'and readable in the trail')
  from sluice.audit where record_id = pg_temp.id(1) and action = 'update';

-- publishing
select lives_ok($$select pg_temp.as_app(format('select sluice.design_publish(%L, null, null, null, null)',
    pg_temp.id(1)))$$, 'a first version is based on none');
select is(pg_temp.status(1), 'published 1', 'it is in force');
select is(priority, -5, 'its priority counts from now on') from sluice.blueprint where key = 'trial';
select is(count(*), 1::bigint, 'others hear of it') from sluice.outbox
 where record_id = pg_temp.id(1) and type = 'blueprint.published';
select throws_ok(format('select sluice.design_write(%L, null, ''{}'', ''{"x": {}}'', null)', pg_temp.id(1)), 'SL409', null,
    'a published version is not written');
select throws_ok(format('select sluice.design_erase(%L, null)', pg_temp.id(1)), 'SL409', null, 'nor thrown away');
select throws_ok(format('update sluice.blueprint_version set %s where id = %L', s, pg_temp.id(1)), 'SL409', null,
    'not even by its owner: ' || s)
  from unnest(array['label = ''{}''', 'priority = 1', 'mapping = ''{"a": "b"}''', 'based_on = 3', 'note = ''x''']) s;
update sluice.blueprint set priority = 100 where key = 'trial'; -- so that leads are born under it
insert into sluice.lead (id, last_name) values (pg_temp.id(7), 'Kowalski'), (pg_temp.id(8), 'Gone');
update sluice.lead set deleted_at = now() where id = pg_temp.id(8);
select is(state, 'a', 'records are born under it') from sluice.lead where id = pg_temp.id(7);

select sluice.design_create(pg_temp.id(2), '{}', pg_temp.id(1));
select sluice.design_create(pg_temp.id(3), '{"note": "another"}', pg_temp.id(1));
select is(sluice.blueprint_document(pg_temp.id(3)),
          sluice.blueprint_document(pg_temp.id(1)) || '{"number": 3, "note": "another"}', 'a draft copies its source');
select is(sluice.design_publish(pg_temp.id(3), 99, null, null, null), null, 'a draft that changed meanwhile stays one');
select isnt(sluice.design_publish(pg_temp.id(3), null, null, null, '{"diff": []}'), null, 'the later draft comes first');
select is(pg_temp.status(1) || ', ' || pg_temp.status(3), 'retired 1, published 3', 'the one before retires');
select throws_ok(format('select sluice.design_publish(%L, null, null, null, null)', pg_temp.id(2)), 'SL409', null,
    'a draft of what is no longer in force is refused');
select throws_ok(format('select sluice.design_publish(%L, null, 1, null, null)', pg_temp.id(2)), 'SL409', null,
    'also when it says so');
select isnt(sluice.design_publish(pg_temp.id(2), null, 3, null, null), null, 'unless it was compared with what is');
select is(pg_temp.status(2) || ', ' || pg_temp.status(3), 'published 4, retired 3', 'numbers go up');

-- states that records stand in
select sluice.design_create(pg_temp.id(4), pg_temp.doc('{start,closed}', '{"transitions": [
    {"key": "created", "kind": "initial", "to": "start", "label": {"en": "Created"}},
    {"key": "close", "from": ["start"], "to": "closed", "label": {"en": "Close"}}]}'), null);
select throws_like(format('select sluice.design_publish(%L, null, null, null, null)', pg_temp.id(4)), 'states_occupied',
    'a state that records stand in is not dropped');
create function pg_temp.occupied() returns jsonb language plpgsql as $$
declare
    said text;
begin
    perform sluice.design_publish(pg_temp.id(4), null, null, null, null);
exception when others then
    get stacked diagnostics said = pg_exception_detail;
    return said::jsonb -> 'states';
end
$$;
select is(pg_temp.occupied(), '[{"state": "a", "records": 1}]', 'it is counted: deleted records are not, free states neither');
select throws_ok(format('select sluice.design_publish(%L, null, null, %L, null)', pg_temp.id(4), m), 'SL422', null, m)
  from unnest(array['{"a": "nowhere"}', '{"nowhere": "start"}']) m;
select isnt(sluice.design_publish(pg_temp.id(4), null, null, '{"a": "start"}', null), null, 'a mapped one is dropped');
select is(mapping, '{"a": "start"}', 'the mapping is kept') from sluice.blueprint_version where id = pg_temp.id(4);
select is(state || ' ' || blueprint_version_id::text, 'a ' || pg_temp.id(1)::text, 'records stay where they are')
  from sluice.lead where id = pg_temp.id(7);

-- applying
select isnt(pg_temp.as_app(format('select sluice.design_apply(%L, %L, 5, ''{}'', null)', pg_temp.id(5),
    sluice.blueprint_document(pg_temp.id(4)))), null, 'a document comes into force at once');
select is(pg_temp.status(5), 'published 6', 'with the next number');
select throws_like(format('select sluice.design_apply(%L, %L, 5, ''{}'', null)', pg_temp.id(6),
    sluice.blueprint_document(pg_temp.id(4))), 'blueprint_moved', 'or not at all');
select is(count(*), 0::bigint, 'then nothing is left of it') from sluice.blueprint_version where id = pg_temp.id(6);

-- the end
select isnt(sluice.design_retire(pg_temp.id(5), null), null, 'a process is retired while another one governs');
select throws_ok(format('select sluice.design_retire(%L, null)', pg_temp.id(5)), 'SL409', null, 'once');
select throws_like(format('select sluice.design_retire(%L, null)', v.id), 'in_use', 'the last one of an entity is not')
  from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
 where b.key = 'lead_default' and v.status = 'published';
select sluice.design_create(pg_temp.id(6), '{"entity": "lead", "key": "short_lived"}', null);
select is(sluice.design_erase(pg_temp.id(6), 99), null, 'a draft that changed is not thrown away');
select isnt(sluice.design_erase(pg_temp.id(6), null), null, 'a draft is thrown away');
select is(count(*), 0::bigint, 'and with it a process that has nothing else') from sluice.blueprint where key = 'short_lived';

-- what documents are judged by
select ok((w.roles @> '[{"key": "verifier", "users": 0}]') and w.published_number >= 1
          and w.published ->> 'key' = 'lead_default' and jsonb_array_length(w.others) >= 2, 'the world of a process')
  from sluice.design_world('lead', 'lead_default') w;
select is(w.published, null, 'a new process has nothing in force') from sluice.design_world('lead', 'new') w;

select finish();
rollback;
