-- Births: the process that was chosen governs, once and for its own kind of record only.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

create function pg_temp.shipped(entity text) returns text language sql as
    $$select v.id::text from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id
       where b.entity = shipped.entity and v.status = 'published'$$;
set local role sluice_app;
select sluice.enter('system', null, null, 'req', 'test', false);

select sluice.birth_choose('account', 'none'), sluice.birth_choose('opportunity', pg_temp.shipped('opportunity'));
insert into sluice.lead (id, last_name) values ('00000000-0000-7000-8000-000000000001', 'Nowak');
select is(state, 'open', 'a choice for others does not govern a lead') from sluice.lead;
insert into sluice.account (id, name) values ('00000000-0000-7000-8000-000000000002', 'Free');
select is((state, blueprint_version_id)::text, '(,)', 'who chose none is free') from sluice.account;
insert into sluice.account (id, name) values ('00000000-0000-7000-8000-000000000003', 'Governed');
select is(state, 'to_verify', 'one choice, one birth') from sluice.account where name = 'Governed';
insert into sluice.opportunity (id, name, account_id)
values ('00000000-0000-7000-8000-000000000004', 'Deal', '00000000-0000-7000-8000-000000000002');
select is(state, 'qualification', 'the chosen one governs') from sluice.opportunity;
select is(count(*), 3::bigint, 'what is free has no visit') from sluice.visit;

select sluice.birth_choose('lead', '00000000-0000-7000-8000-0000000000ff');
select throws_ok($$insert into sluice.lead (id, last_name) values (gen_random_uuid(), 'Late')$$, 'SLAGN', 'stale',
    'what is not in force any more is to be decided again');

-- what a conversion would make
select is((b.account_facts -> 'record' ->> 'name', b.opportunity_facts -> 'related' -> 'account' ->> 'verification',
           b.opportunity_facts -> 'related' -> 'contact' ->> 'last_name', b.opportunity_facts -> 'record' ->> 'name',
           b.account_facts -> 'actor' ->> 'kind')::text,
          '(Made,to_verify,Nowak,Deal,system)', 'account, contact and deal as they will be')
  from sluice.conversion_births('00000000-0000-7000-8000-000000000001', '{"create": {"name": "Made"}}', '{"create": {}}',
      '{"name": "Deal"}', gen_random_uuid(), gen_random_uuid(), 'system', null, '{}', '{}', 'all', 'all') b;
select is((b.account_facts, b.opportunity_facts -> 'related' -> 'account' ->> 'name')::text, '(,Governed)', 'a linked one is not born')
  from sluice.conversion_births('00000000-0000-7000-8000-000000000001', '{"id": "00000000-0000-7000-8000-000000000003"}', null,
      '{"name": "Deal"}', gen_random_uuid(), gen_random_uuid(), 'system', null, '{}', '{}', 'all', 'all') b;
select is(b.opportunity_facts -> 'related' -> 'account', null, 'nor shown to those who may not see it')
  from sluice.conversion_births('00000000-0000-7000-8000-000000000001', '{"id": "00000000-0000-7000-8000-000000000003"}', null,
      '{"name": "Deal"}', gen_random_uuid(), gen_random_uuid(), 'system', null, '{}', '{}', 'none', 'all') b;

select * from finish();
rollback;
