-- Items of a bulk: done once, and counted in the transaction of the move.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

insert into sluice.app_user (id, email, name) values ('00000000-0000-7000-8000-0000000000a1', 'bulk@example.org', 'Bulk');
insert into sluice.lead (id, last_name)
select ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'Lead ' || n from generate_series(1, 2) n;

create function pg_temp.apply(n integer, expected bigint) returns text language sql as $$
    select sluice.bulk_apply('00000000-0000-7000-8000-0000000000f1', n, 'lead', l.id, expected, 'open', 'archived', null, null,
                             null, null, null,
                             sluice.whole_evidence('lead', l.id, l.blueprint_version_id, sluice.lead_evidence(l.id)),
                             null, null, null)
      from sluice.lead l where l.id = ('00000000-0000-7000-8000-00000000000' || n)::uuid
$$;
create function pg_temp.job() returns text language sql as $$
    select j.done || ' of ' || j.total || ', ' || string_agg(i.status, ' ' order by i.position)
      from sluice.job j join sluice.job_item i on i.job_id = j.id group by j.id
$$;

select sluice.enter('user', '00000000-0000-7000-8000-0000000000a1', null, 'req', 'lead_bulk', false);
select sluice.bulk_create('00000000-0000-7000-8000-0000000000f1', 'lead', 'archived',
    '{00000000-0000-7000-8000-000000000001,00000000-0000-7000-8000-000000000002}', '{"note": "x"}',
    '{"00000000-0000-7000-8000-000000000002": {"note": "y"}}');
select is(pg_temp.job(), '0 of 2, queued queued', 'items wait');
select is((select detail ->> 'note' from sluice.job_item where position = 2), 'y', 'with what is their own');
select is(pg_temp.apply(1, 7), 'stale', 'another version moves nothing');
select is(pg_temp.job(), '0 of 2, queued queued', 'and leaves the item');
select is(pg_temp.apply(1, 1), 'applied', 'a move');
select is(pg_temp.job(), '1 of 2, done queued', 'is counted');
update sluice.job_item set status = 'done' where position = 2;
select is(pg_temp.apply(2, 1), 'taken', 'an item that somebody did');
select is((select state from sluice.lead where id = '00000000-0000-7000-8000-000000000002'), 'open', 'moves nothing');
update sluice.job_item set status = 'queued' where position = 2;
select sluice.bulk_refuse('00000000-0000-7000-8000-0000000000f1', 2, 'lead', '00000000-0000-7000-8000-000000000002', 'archived',
                          'open', 'guard_failed', '[]', '{"status": 422}') from generate_series(1, 2);
select is(pg_temp.job(), '2 of 2, done failed', 'a refusal is counted once');
select is((select count(*) from sluice.audit where action = 'denied' and record_id = '00000000-0000-7000-8000-000000000002'),
          1::bigint, 'and noted once');
select * from finish();
rollback;
