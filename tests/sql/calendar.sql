-- Working time: hours, holidays, and the days on which clocks jump.
begin;
create extension if not exists pgtap;
select plan(9);

create function pg_temp.office() returns jsonb language sql as $$
    select jsonb_build_object('time_zone', 'Europe/Warsaw', 'holidays', '["2026-11-11"]'::jsonb, 'hours',
        (select jsonb_agg(jsonb_build_object('day', d, 'from', '08:00', 'to', '16:00')) from generate_series(1, 4) d)
        || '[{"day": 5, "from": "12:30", "to": "16:00"}, {"day": 5, "from": "08:00", "to": "12:00"}]')
$$;
create function pg_temp.due(at text, hours numeric) returns text language sql as $$
    select (sluice.working_add(pg_temp.office(), (at || ' Europe/Warsaw')::timestamptz, (hours * 3600)::bigint)
            at time zone 'Europe/Warsaw')::text
$$;

select is(pg_temp.due('2026-11-09 09:00', 1), '2026-11-09 10:00:00', 'within a day');
select is(pg_temp.due('2026-11-09 00:00', 0), '2026-11-09 08:00:00', 'nothing: when work begins');
select is(pg_temp.due('2026-11-09 09:00', 7), '2026-11-09 16:00:00', 'the end of a day, not the next one');
select is(pg_temp.due('2026-11-10 15:00', 2), '2026-11-12 09:00:00', 'over a holiday');
select is(pg_temp.due('2026-11-13 11:00', 2), '2026-11-13 13:30:00', 'over lunch');
select is(pg_temp.due('2026-11-13 15:00', 2), '2026-11-16 09:00:00', 'over a weekend');
select is(sluice.working_add('{"hours": []}', now(), 5), null, 'no hours, never');

create function pg_temp.nights() returns jsonb language sql as $$
    select '{"time_zone": "Europe/Warsaw", "hours": [{"day": 7, "from": "00:00", "to": "06:00"},
             {"day": 6, "from": "22:00", "to": "24:00"}]}'::jsonb
$$;
select is(sluice.working_add(pg_temp.nights(), '2026-03-28 21:00Z', 7 * 3600), '2026-03-29 04:00Z'::timestamptz,
          'the night in spring is an hour shorter');
select is(sluice.working_add(pg_temp.nights(), '2026-10-24 20:00Z', 9 * 3600), '2026-10-25 05:00Z'::timestamptz,
          'and in autumn an hour longer');

select * from finish();
rollback;
