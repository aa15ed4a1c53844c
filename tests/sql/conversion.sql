-- A lead becomes account, contact and opportunity: all or nothing, once.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

insert into sluice.app_user (id, email, name) values
    ('00000000-0000-7000-8000-0000000000a1', 'ann@example.org', 'Ann'),
    ('00000000-0000-7000-8000-0000000000a2', 'bob@example.org', 'Bob');
select sluice.enter('user', '00000000-0000-7000-8000-0000000000a1', null, 'req', 'lead_convert', false);
insert into sluice.lead (id, first_name, last_name, company, email, phone, tax_id, industry, need, source, campaign,
                         estimated_value_amount, estimated_value_currency)
values ('00000000-0000-7000-8000-000000000001', 'Anna', 'Kowalska', 'Nordwind', 'anna@nordwind.example', '+48 601 234 567',
        '525-23-44-555', 'steel', 'Paper', 'webinar', 'autumn', 100.50, 'PLN');
insert into sluice.activity (id, kind, subject, lead_id)
values ('00000000-0000-7000-8000-000000000011', 'call', 'Hello', '00000000-0000-7000-8000-000000000001');
insert into sluice.task (id, subject, lead_id)
values ('00000000-0000-7000-8000-000000000012', 'Do', '00000000-0000-7000-8000-000000000001');

create function pg_temp.convert(transition text, account jsonb, contact jsonb, opportunity jsonb, version bigint default 3,
                                evidence text default null, account_scope text default 'all')
returns sluice.lead language plpgsql as $$
declare
    r record;
    l sluice.lead;
begin
    set local role sluice_app;
    select * into r from sluice.lead_convert('00000000-0000-7000-8000-000000000001', version, 'qualified', transition,
        coalesce(evidence, sluice.lead_evidence('00000000-0000-7000-8000-000000000001')),
        '00000000-0000-7000-8000-0000000000a1', 'all', account, contact, opportunity,
        '00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000c2',
        '00000000-0000-7000-8000-0000000000c3', '{"passed": true}', 'Done', account_scope, 'all');
    reset role;
    perform set_config('x.outcome', concat_ws(' ', r.outcome, r.version, r.account_outcome, r.contact_outcome, r.opportunity_outcome), true),
            set_config('x.conflicts', r.conflicts::text, true);
    l.account_id := r.account_id;
    l.contact_id := r.contact_id;
    l.opportunity_id := r.opportunity_id;
    return l;
end
$$;
create function pg_temp.told() returns text language sql as $$select current_setting('x.outcome')$$;
create function pg_temp.counts() returns text language sql as
    $$select concat_ws(' ', (select count(*) from sluice.account), (select count(*) from sluice.contact),
                            (select count(*) from sluice.opportunity), (select version from sluice.lead))$$;

-- refusals
select lives_ok($$select pg_temp.convert('converted', '{"create": {}}', '{"create": {}}', null, 1)$$, 'from open');
select is(pg_temp.told(), 'stale 1', 'not from a state that was not seen');
do $$
begin
    perform sluice.transition_apply('lead', '00000000-0000-7000-8000-000000000001', 1, 'open', 'contacted', null, null, null, null,
        null, sluice.lead_evidence('00000000-0000-7000-8000-000000000001'), null, 'all', null);
    perform sluice.transition_apply('lead', '00000000-0000-7000-8000-000000000001', 2, 'contacted', 'qualified', null, null, null, null,
        null, sluice.lead_evidence('00000000-0000-7000-8000-000000000001'), null, 'all', null);
end
$$;
select is((sluice.transition_apply('lead', '00000000-0000-7000-8000-000000000001', 3, 'qualified', 'converted', null, null, null, null,
    null, sluice.lead_evidence('00000000-0000-7000-8000-000000000001'), null, 'all', null)).outcome, 'undeclared',
    'a conversion is not executed as a plain transition');
select lives_ok($$select pg_temp.convert('converted', '{"create": {}}', '{"create": {}}', null, 2)$$, 'an old version');
select is(pg_temp.told(), 'stale 3', 'is stale');
select lives_ok($$select pg_temp.convert('converted', '{"create": {}}', '{"create": {}}', null, 3, 'x')$$, 'other evidence');
select is(pg_temp.told(), 'stale 3', 'is too');
select lives_ok($$select pg_temp.convert('converted', '{"create": {}}', '{"create": {}}', '{"name": "Deal"}')$$, 'the plain one with a deal');
select is(pg_temp.told(), 'undeclared 3', 'is not what was declared');
select lives_ok($$select pg_temp.convert('contacted', '{"create": {}}', '{"create": {}}', null)$$, 'another transition');
select is(pg_temp.told(), 'undeclared 3', 'converts nothing');
select throws_ok($$select pg_temp.convert('converted', format('{"id": "%s"}', gen_random_uuid())::jsonb, null, null)$$, 'SL422',
    'unknown_reference', 'a linked account exists');
select throws_ok($$select pg_temp.convert('converted', null, null, null)$$, 'SL422', null, 'something must come of it');
select throws_ok($$select pg_temp.convert('converted_with_opportunity', '{"create": {}}', '{"create": {}}',
    '{"name": "Deal", "amount": {"amount": "-1", "currency": "PLN"}}')$$, '23514', null, 'a bad deal refuses it all');
select is(pg_temp.counts(), '0 0 0 3', 'nothing was made');

-- created
savepoint before;
select is(row(l.account_id, l.contact_id, l.opportunity_id)::text,
    '(00000000-0000-7000-8000-0000000000c1,00000000-0000-7000-8000-0000000000c2,00000000-0000-7000-8000-0000000000c3)',
    'account, contact and opportunity are made')
  from pg_temp.convert('converted_with_opportunity', '{"create": {"city": "Gdańsk", "owner_id": "00000000-0000-7000-8000-0000000000a2"}}',
                       '{"create": {"role": "buyer"}}', '{"name": "Deal", "close_date": "2027-01-01"}') l;
select is(pg_temp.told(), 'converted 4 created created created', 'and said so');
select is((name, state, tax_id, industry, city, source, campaign, lead_id, owner_id),
          ('Nordwind'::text, 'to_verify'::text, '525-23-44-555'::text, 'steel'::text, 'Gdańsk'::text, 'webinar'::text, 'autumn'::text,
           '00000000-0000-7000-8000-000000000001'::uuid, '00000000-0000-7000-8000-0000000000a2'::uuid),
          'the account knows what the lead knew, is to be verified, and comes from where the lead came from')
  from sluice.account;
select is((first_name, last_name, email, phone, role, source, lead_id, account_id),
          ('Anna'::text, 'Kowalska'::text, 'anna@nordwind.example'::text, '+48 601 234 567'::text, 'buyer'::text, 'webinar'::text,
           '00000000-0000-7000-8000-000000000001'::uuid, '00000000-0000-7000-8000-0000000000c1'::uuid), 'so does the contact')
  from sluice.contact;
select is((name, state, account_id, contact_id, lead_id, amount_amount, amount_currency, close_date, source, campaign, owner_id),
          ('Deal'::text, 'qualification'::text, '00000000-0000-7000-8000-0000000000c1'::uuid, '00000000-0000-7000-8000-0000000000c2'::uuid,
           '00000000-0000-7000-8000-000000000001'::uuid, 100.50, 'PLN'::char(3), '2027-01-01'::date, 'webinar'::text, 'autumn'::text,
           '00000000-0000-7000-8000-0000000000a1'::uuid), 'and the opportunity')
  from sluice.opportunity;
select is((state, account_id, contact_id, opportunity_id, converted_at),
          ('converted'::text, '00000000-0000-7000-8000-0000000000c1'::uuid, '00000000-0000-7000-8000-0000000000c2'::uuid,
           '00000000-0000-7000-8000-0000000000c3'::uuid, sluice.now()), 'the lead stays and links to them') from sluice.lead;
select is((lead_id, account_id, contact_id, opportunity_id),
          ('00000000-0000-7000-8000-000000000001'::uuid, '00000000-0000-7000-8000-0000000000c1'::uuid,
           '00000000-0000-7000-8000-0000000000c2'::uuid, '00000000-0000-7000-8000-0000000000c3'::uuid), 'its activities are theirs too')
  from sluice.activity;
select is(account_id, '00000000-0000-7000-8000-0000000000c1'::uuid, 'and its tasks') from sluice.task;
select is((transition, from_state, to_state, detail),
          ('converted_with_opportunity'::text, 'qualified'::text, 'converted'::text, '{"note": "Done", "verdicts": {"passed": true}}'::jsonb),
          'the entry says how')
  from sluice.audit where record_id = '00000000-0000-7000-8000-000000000001' order by seq desc limit 1;
select is((state, via), ('converted'::text, 'converted_with_opportunity'::text), 'so does the visit') from sluice.visit
 where record_id = '00000000-0000-7000-8000-000000000001' and left_at is null;
select is(l.opportunity_id, '00000000-0000-7000-8000-0000000000c3', 'a second conversion learns the ids of the first')
  from pg_temp.convert('converted', '{"create": {}}', null, null, 4) l;
select is(pg_temp.told(), 'already 4', 'and is refused');
select is(pg_temp.counts(), '1 1 1 4', 'nothing was made twice');

-- linked
rollback to before;
insert into sluice.account (id, name, tax_id, industry, website, owner_id)
values ('00000000-0000-7000-8000-000000000002', 'Nordwind SA', '5252344555', 'shipping', 'www.nordwind.example', '00000000-0000-7000-8000-0000000000a2');
insert into sluice.contact (id, last_name, email)
values ('00000000-0000-7000-8000-000000000003', 'Kowalska', 'Anna@Nordwind.example');
select throws_ok($$select pg_temp.convert('converted', '{"id": "00000000-0000-7000-8000-000000000002"}', null, null, account_scope => 'own')$$,
    'SL422', 'unknown_reference', 'an account that the caller may not see is not there');
select is(l.account_id, '00000000-0000-7000-8000-000000000002', 'an account is linked')
  from pg_temp.convert('converted', '{"id": "00000000-0000-7000-8000-000000000002"}', '{"id": "00000000-0000-7000-8000-000000000003"}', null) l;
select is(pg_temp.told(), 'converted 4 linked linked', 'a contact too');
select is((name, industry, lead_id), ('Nordwind SA'::text, 'shipping'::text, '00000000-0000-7000-8000-000000000001'::uuid),
          'what is there stays') from sluice.account;
select is((account_id, first_name, phone), ('00000000-0000-7000-8000-000000000002'::uuid, 'Anna'::text, '+48 601 234 567'::text),
          'what is empty is filled') from sluice.contact;
select is(current_setting('x.conflicts')::jsonb,
    '[{"entity": "account", "field": "industry", "lead": "steel", "existing": "shipping"},
      {"entity": "account", "field": "name", "lead": "Nordwind", "existing": "Nordwind SA"}]', 'and what differs is told');
select is(pg_temp.counts(), '1 1 0 4', 'nothing new');

-- a lead that names nobody
rollback to before;
update sluice.lead set first_name = null, last_name = null, company = null;
select throws_ok($$select pg_temp.convert('converted', '{"create": {}}', null, null, 4)$$, 'SL422', 'validation_failed', 'an account has a name');
select throws_ok($$select pg_temp.convert('converted', '{"create": {"name": "X"}}', '{"create": {}}', null, 4)$$, 'SL422', 'validation_failed',
    'a contact has one');
select lives_ok($$select pg_temp.convert('converted', '{"create": {"name": "X"}}', null, null, 4)$$, 'an account alone will do');

select finish();
rollback;
