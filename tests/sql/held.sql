-- Held transactions: who is told to hold, what is looked at in them, and what is left.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

select sluice.blueprint_import($json$
{"entity": "lead", "key": "t_held", "number": 1, "label": {"en": "T"}, "priority": 100,
 "states": [{"key": "fresh", "category": "open", "label": {}}, {"key": "known", "category": "open", "label": {}}],
 "transitions": [{"key": "created", "kind": "initial", "to": "fresh", "label": {}},
                 {"key": "know", "from": ["fresh"], "to": "known", "label": {}, "auto": {"when": true}}]}
$json$);
create function pg_temp.enter(hold text) returns void language sql as
    $$select sluice.enter('system', null, null, 'req', 'test', false, hold)$$;
create function pg_temp.lead(n integer) returns uuid language sql as
    $$select ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid$$;
create function pg_temp.apply(n integer) returns text language sql as $$
    select a.outcome from sluice.lead l, sluice.held_apply('lead', l.id, l.version, l.state, 'know', null,
                                                           sluice.lead_evidence(l.id), null, null) a where l.id = pg_temp.lead(n)$$;

select pg_temp.enter('ask');
select throws_ok($$insert into sluice.lead (id, last_name) values (pg_temp.lead(1), 'One')$$, 'SLHLD', 'hold',
    'who can hold the transaction is told to');
select pg_temp.enter(null);
insert into sluice.lead (id, last_name) values (pg_temp.lead(1), 'One');
select is((select count(*) from sluice.recheck where record_id = pg_temp.lead(1)), 1::bigint, 'who cannot leaves a note');
delete from sluice.recheck;

select pg_temp.enter(pg_temp.lead(2)::text);
select is((select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()), 1::bigint, 'one holder of a record at a time');
insert into sluice.lead (id, last_name) select pg_temp.lead(n), 'Many' from generate_series(2, 26) n;
select is((f.record_id, f.transitions, f.hops)::text, ('(' || pg_temp.lead(2) || ',{know},0)'), 'the first one') from sluice.held_first() f;
select is((select count(*) from sluice.recheck where tx is null), 5::bigint, 'more than twenty are left');
select is(pg_temp.apply(2), 'applied', 'it moves');
select is((select state from sluice.lead where id = pg_temp.lead(2)), 'known', 'to where it is seen');
select is((select actor_kind || ' ' || transition from sluice.audit where record_id = pg_temp.lead(2) order by seq desc limit 1),
          'timer know', 'by the timer');
select is(sluice.actor_kind(), 'system', 'and who wrote goes on');
select is((select record_id from sluice.held_next(null)), pg_temp.lead(3), 'the next one');
select is((select record_id from sluice.held_next(pg_temp.lead(3))), pg_temp.lead(4), 'what was looked at is not looked at again');
select is((select a.outcome from sluice.held_apply('lead', pg_temp.lead(4), 7, 'fresh', 'know', null, '', null, null) a), 'left',
          'what was decided on something else is left');
select is((select tx is null from sluice.recheck where record_id = pg_temp.lead(4)), true, 'to whoever looks next');
select sluice.held_loop('lead', pg_temp.lead(5), '{know,back}');
select is((select detail -> 'path' from sluice.audit where action = 'denied' and record_id = pg_temp.lead(5)), '["know", "back"]', 'a loop is told');
select is((select count(*) from sluice.recheck where record_id = pg_temp.lead(5)), 0::bigint, 'and not looked at again');
select is((select record_id from sluice.held_next(null)), null, 'the others are left');

select * from finish();
rollback;
