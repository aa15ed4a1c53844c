-- What leads do without us: counted by the daemon's role and by nobody else, once, of leads that are there.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

insert into sluice.lead (id, last_name, source)
select ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'Lead ' || n, 'web' from generate_series(1, 4) n;
update sluice.lead set merged_into = '00000000-0000-7000-8000-000000000001', deleted_at = now()
 where id = '00000000-0000-7000-8000-000000000002';
update sluice.lead set deleted_at = now() where id = '00000000-0000-7000-8000-000000000003';

create function pg_temp.open(lead int, event int) returns text language sql as $$
    select wait || ' ' || counted from sluice.engage(('00000000-0000-7000-8000-00000000000' || lead)::uuid,
        ('00000000-0000-7000-8000-0000000001' || lpad(event::text, 2, '0'))::uuid, 'email', 'opened', 'Offer', null)
$$;

-- rights
create role t_stranger;
grant usage on schema sluice to t_stranger;
set local role t_stranger;
select throws_ok($$select sluice.engage('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000199', 'email',
    'opened', null, null)$$, '42501', null, 'a stranger counts nothing');
select throws_ok($$select sluice.event_uuid('00000000-0000-7000-8000-000000000001', 'x')$$, '42501', null,
    'nor learns what an event is called');
reset role;
select ok(not p.prosecdef, 'whoever counts needs the right to write activities') from pg_proc p
 where p.oid = 'sluice.engage(uuid,uuid,text,text,text,text)'::regprocedure;
set local role sluice_app;
select is(pg_temp.open(1, 1), '0 true', 'the daemon counts an event');
select is(pg_temp.open(1, 1), '0 false', 'once');
select is(pg_temp.open(2, 2), '0 true', 'that of a merged lead');
select is(pg_temp.open(3, 3), '0 false', 'not of one that was deleted');
select is(pg_temp.open(9, 4), '0 false', 'nor of one that never was');
select is(current_setting('sluice.engaged', true), '', 'what is written next is a touch again');
select throws_ok($$select * from sluice.intake_rate$$, '42501', null, 'how often is not read');
reset role;
select results_eq($$select id, lead_id, kind, outcome, subject from sluice.activity where id::text like '%-0000000001__' order by id$$,
    $$values ('00000000-0000-7000-8000-000000000101'::uuid, '00000000-0000-7000-8000-000000000001'::uuid, 'email', 'opened', 'Offer'),
             ('00000000-0000-7000-8000-000000000102', '00000000-0000-7000-8000-000000000001', 'email', 'opened', 'Offer')$$,
    'the survivor has both');

-- more than a person does
set local role sluice_app;
select ok(bool_and(e.wait = 0), 'a hundred and twenty a minute')
  from generate_series(1, 120) n, sluice.engage('00000000-0000-7000-8000-000000000004',
        sluice.event_uuid('00000000-0000-7000-8000-000000000004', 'e' || n), 'other', 'page_visit', null, null) e;
select results_eq($$select e.wait between 1 and 60, e.counted from sluice.engage('00000000-0000-7000-8000-000000000004',
    '00000000-0000-7000-8000-000000000150', 'other', 'page_visit', null, null) e$$, $$values (true, false)$$, 'and no more');
select is(pg_temp.open(1, 5), '0 true', 'others do not wait');
reset role;
select is(sluice.event_uuid('00000000-0000-7000-8000-000000000001', 'x') = sluice.event_uuid('00000000-0000-7000-8000-000000000004', 'x'),
    false, 'a name is of one lead');

select * from finish();
rollback;
