-- Records of the past: what is asked for of then has the columns of now, and looks at the record's own entries only.

begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select plan(9);

create temp table clock as select '2026-03-01 08:00Z'::timestamptz as at;
grant select on clock to public;
create or replace function sluice.now() returns timestamptz language plpgsql stable as $$
begin
    return (select c.at from pg_temp.clock c);
end
$$;
create function pg_temp.at(t timestamptz) returns void language sql as 'update clock set at = t';


create function pg_temp.past(of text) returns text language plpgsql as $$
declare
    line text;
    plan text := '';
begin
    for line in execute 'explain ' || of loop
        plan := plan || line || E'\n';
    end loop;
    return plan;
end
$$;

insert into sluice.lead (id, last_name, city) values ('00000000-0000-7000-8000-00000000aa01', 'First', 'Łódź');
select pg_temp.at('2026-03-02 08:00Z');
update sluice.lead set last_name = 'Second' where id = '00000000-0000-7000-8000-00000000aa01';
select pg_temp.at('2026-03-03 08:00Z');
update sluice.lead set last_name = 'Third', city = null where id = '00000000-0000-7000-8000-00000000aa01';

create function pg_temp.was(at text) returns text language sql as $$
    select l.last_name || ' ' || coalesce(l.city, '-') || ' ' || l.version || ' ' || to_char(l.updated_at at time zone 'UTC', 'DD')
      from sluice.lead_then('00000000-0000-7000-8000-00000000aa01', at::timestamptz) l
$$;
select is(pg_temp.was('2026-03-01 07:59Z'), null, 'not yet');
select is(pg_temp.was('2026-03-01 08:00Z'), 'First Łódź 1 01', 'as it was made');
select is(pg_temp.was('2026-03-02 08:00Z'), 'Second Łódź 2 02', 'a change counts from its moment on');
select is(pg_temp.was('2026-03-03 07:59:59Z'), 'Second Łódź 2 02', 'until the next one');
select is(pg_temp.was('2026-03-03 08:00Z'), 'Third - 3 03', 'as it is');
set local enable_seqscan = off;  -- how large the table is here depends on who has vacuumed it
select ok(pg_temp.past($$select * from sluice.audit a where a.record_id = '00000000-0000-7000-8000-00000000aa01' and a.at > now()$$)
          like '%audit_record%', 'found by the record');

select is(sluice.rfc3339('2026-03-01 08:00:00Z'), '2026-03-01T08:00:00Z', 'a moment without a fraction');
select is(sluice.rfc3339('2026-03-01 08:00:10.789990Z'), '2026-03-01T08:00:10.78999Z', 'as answers write it');
select is(sluice.rfc3339('2026-03-01 08:00:10.000001Z'), '2026-03-01T08:00:10.000001Z', 'to the microsecond');

select * from finish();
rollback;
