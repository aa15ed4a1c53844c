-- Imports: what only they may do, and births by set that are births like any other.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

insert into sluice.app_user (id, email, name) values ('00000000-0000-7000-8000-0000000000a1', 'import@example.org', 'Import');
select sluice.enter('user', '00000000-0000-7000-8000-0000000000a1', null, 'req', 'import_run', false);

-- the same birth, one by one and by set
insert into sluice.lead (id, last_name, email, budget_confirmed, tags)
values ('00000000-0000-7000-8000-000000000001', 'One', 'one@example.org', true, '{a}');
select sluice.import_insert('00000000-0000-7000-8000-0000000000b1', 'lead', array_agg(b.id), array_agg((to_jsonb(b) || x.body)::text),
    array_agg((select string_agg(format('"%s":{"old":null,"new":%s}', e.key, e.value), ',') from jsonb_each(x.body) e)), null)
  from (values ('00000000-0000-7000-8000-000000000002'::uuid), ('00000000-0000-7000-8000-000000000003')) b(id),
       (values ('{"last_name": "One", "email": "one@example.org", "budget_confirmed": true, "tags": ["a"]}'::jsonb)) x(body);

create function pg_temp.born(n integer) returns jsonb language sql as $$
    select jsonb_build_object(
        'lead', to_jsonb(l) - '{id,import_id}'::text[],
        'visits', (select jsonb_agg(to_jsonb(v) - '{id,record_id}'::text[]) from sluice.visit v where v.record_id = l.id),
        'timers', (select jsonb_agg(to_jsonb(t) - '{id,record_id,visit_id}'::text[] order by t.key) from sluice.timer t where t.record_id = l.id),
        'audit', (select jsonb_agg(to_jsonb(a) - '{seq,record_id,detail}'::text[]) from sluice.audit a where a.record_id = l.id),
        'events', (select jsonb_agg(to_jsonb(o) - '{id,record_id,audit_seq}'::text[]) from sluice.outbox o where o.record_id = l.id),
        'text', (select s.text from sluice.search_text s where s.record_id = l.id))
      from sluice.lead l where l.id = ('00000000-0000-7000-8000-00000000000' || n)::uuid
$$;
select is(pg_temp.born(2), pg_temp.born(1), 'a lead of an import is born like any other');
select is(pg_temp.born(3), pg_temp.born(1), 'and so is its neighbour');
select ok(pg_temp.born(1) -> 'timers' <> 'null', 'with what its state makes due');
select is((select detail from sluice.audit where record_id = '00000000-0000-7000-8000-000000000002'),
          '{"import": "00000000-0000-7000-8000-0000000000b1"}', 'its history names the import');
select is((select l.import_id from sluice.lead l where l.id = '00000000-0000-7000-8000-000000000003'),
          '00000000-0000-7000-8000-0000000000b1', 'and so does the lead');

-- halves are tried: one bad row costs itself only
select is((select sluice.import_store('00000000-0000-7000-8000-0000000000b1', 'contact', '{2,3,4,5}', array_agg(b.id),
                                     array_agg(to_json(b)::text), array_agg(format('"last_name":{"old":null,"new":"%s"}', b.last_name)), null)
             from (values ('00000000-0000-7000-8000-000000000011'::uuid, 'A'), ('00000000-0000-7000-8000-000000000012', 'B'),
                          ('00000000-0000-7000-8000-000000000011', 'C'), ('00000000-0000-7000-8000-000000000014', 'D')) b(id, last_name)),
    '{"4": [{"code": "conflict", "pointer": "", "detail": "Another record has the same key."}]}', 'the third is refused');
select is((select array_agg(last_name order by last_name) from sluice.contact where import_id is not null), '{A,B,D}', 'the others are there');

-- what tells rows from each other, and finds living records
select is(sluice.import_own('lead'), '{email,phone,tax_id,external_id}', 'what rows of leads are compared with each other by');
update sluice.duplicate_rule set against = '{account}' where entity = 'lead' and key = 'phone';
select is(sluice.import_own('lead'), '{email,tax_id,external_id}', 'not by what rules compare with others only');
update sluice.duplicate_rule set against = '{lead,contact,account}' where entity = 'lead' and key = 'phone';
insert into sluice.match_key (kind, key, entity, record_id)
values ('email', 'k@x.example', 'contact', '00000000-0000-7000-8000-000000000011'),
       ('email', 'k@x.example', 'lead', '00000000-0000-7000-8000-000000000001');
select set_eq($$select * from sluice.import_matches('lead', '{t,t,f}', '{1,2,3}', '{email,email,email}',
                                                    '{k@x.example,two@example.org,k@x.example}', '[]')$$,
              $$values (1, '00000000-0000-7000-8000-000000000001'::uuid)$$, 'a lead is found before a contact');

-- the first line that has a word keeps it, in a slice and in those after it
select set_eq($$select * from sluice.import_twice('00000000-0000-7000-8000-0000000000c1', 'lead', '{5,9,12,14}', '{t,t,t,f}', '{1,2,3,3,4}',
                                                  '{email,email,email,domain,email}', '{a@x.example,a@x.example,b@x.example,1,a@x.example}',
                                                  '{email,external_id,row}')$$,
              $$values (2, 5::bigint)$$, 'line 9 repeats line 5');
select set_eq($$select * from sluice.import_twice('00000000-0000-7000-8000-0000000000c1', 'lead', '{20,21,22,23}', '{t,t,t,t}', '{1,2,3,3,4}',
                                                  '{email,row,email,external_id,email}',
                                                  '{b@x.example,1,c@x.example,7,c@x.example}', '{email,external_id,row}')$$,
              $$values (1, 12::bigint), (4, 22)$$, 'a later slice repeats an earlier one, and itself');
select is((select count(*) from sluice.import_key where pass_id = '00000000-0000-7000-8000-0000000000c1'), 5::bigint, 'each is kept once');
insert into sluice.duplicate_rule (id, key, entity, against, kind, keys, score, mode, label)
values (gen_random_uuid(), 'both', 'contact', '{contact}', 'exact', '{person,phone}', 1, 'refuse', '{}');
select set_eq($$select n, key from sluice.import_rules('contact',
        '[{"keys": {"person": ["ola lis"], "phone": ["+48600"]}}, {"keys": {"person": ["ola lis"]}}]')$$,
    $$values (1, 'both:ola lis|+48600')$$, 'a rule of several kinds makes one word of all');

-- pieces of a file in parts
insert into sluice.import (id, entity) values ('00000000-0000-7000-8000-0000000000b2', 'lead');
select sluice.import_part_put('00000000-0000-7000-8000-0000000000b2', n, 'x' || n, t)
  from (values (3, 'ghi'::bytea), (1, 'abc'), (2, 'def')) v(n, t);
select results_eq($$select convert_from(sluice.import_bytes('00000000-0000-7000-8000-0000000000b2', at, 4), 'UTF8') collate "C"
                      from generate_series(0, 9) at$$,
                  $$values ('abcd' collate "C"), ('bcde'), ('cdef'), ('defg'), ('efgh'), ('fghi'), ('ghi'), ('hi'), ('i'), (null)$$, 'any piece comes from its parts');

-- the text of a workbook is what rows are read from, and the file what it is known by
select sluice.import_text_put('00000000-0000-7000-8000-0000000000b2', ('b0000000-0000-7000-8000-00000000000' || t)::uuid, n, data)
  from (values ('1'::text, 1, 'old'::bytea), ('2', 1, 'abc'), ('2', 2, 'de')) v(t, n, data);
select sluice.import_map('00000000-0000-7000-8000-0000000000b2', 'xlsx', 'utf-8', ',', '[{"field": "email"}]', 1, 2,
                         'b0000000-0000-7000-8000-000000000002');
select is(convert_from(sluice.import_bytes('b0000000-0000-7000-8000-000000000002', 2, 2), 'UTF8'), 'cd', 'a piece of text');
select results_eq($$select text_id, text_bytes from sluice.import where id = '00000000-0000-7000-8000-0000000000b2'$$,
    $$values ('b0000000-0000-7000-8000-000000000002'::uuid, 5::bigint)$$, 'the text is known');
select is((select count(*) from sluice.import_text), 2::bigint, 'what was unpacked before is gone');
select results_eq($$select i.format, i.encoding, i.delimiter from sluice.import_view i where i.id = '00000000-0000-7000-8000-0000000000b2'$$,
    $$values ('xlsx', null::text, null::text)$$, 'a workbook has no delimiter');
select sluice.import_start('00000000-0000-7000-8000-0000000000b3', '00000000-0000-7000-8000-0000000000b2', true, false);
select results_eq($$select format, at, bytes, convert_from(decode(piece, 'hex'), 'UTF8') collate "C"
                      from sluice.import_next('00000000-0000-7000-8000-0000000000b3', 3)$$,
    $$values ('xlsx', 1::bigint, 5::bigint, 'bcd' collate "C")$$, 'a job reads the text');
select throws_ok($$select sluice.import_text_put('00000000-0000-7000-8000-0000000000b2', gen_random_uuid(), 1, '')$$, 'SL409', null,
    'while a job works, nothing is unpacked');

-- a slice that was read for other rules is read again
update sluice.job set status = 'running', claimed_by = '00000000-0000-7000-8000-0000000000f1' where id = '00000000-0000-7000-8000-0000000000b3';
create function pg_temp.slice(own text[]) returns boolean language sql as $$
    select sluice.import_slice('00000000-0000-7000-8000-0000000000b3', '00000000-0000-7000-8000-0000000000f1', 1, 5, 3, false, '{2}',
                               '{00000000-0000-7000-8000-000000000021}', '{"{}"}', '{""}', '{1}', '{row}', '{1}', '[]', own, false,
                               null, null, '[]') $$;
select is(pg_temp.slice(array_remove(sluice.import_own('lead'), 'phone')), false, 'a rule has come');
select is((select count(*) from sluice.import_row where pass_id = '00000000-0000-7000-8000-0000000000b3'), 0::bigint, 'nothing is written');
select is(pg_temp.slice(sluice.import_own('lead')), true, 'the rules are the same');
select results_eq($$select line, outcome from sluice.import_row where pass_id = '00000000-0000-7000-8000-0000000000b3'$$,
    $$values (2::bigint, 'created'::text)$$, 'the row has its result');

-- what is left to do afterwards, piece by piece: keys of the pass, results of earlier ones, and the end
insert into sluice.import_key (pass_id, key, line)
select case when n % 2 = 0 then '00000000-0000-7000-8000-0000000000b3'::uuid else '00000000-0000-7000-8000-0000000000c1' end, md5('k' || n)::uuid, n
  from generate_series(1, 1000) n;
insert into sluice.job (id, kind, params) values ('00000000-0000-7000-8000-0000000000b4', 'import', '{"import": "00000000-0000-7000-8000-0000000000b2"}');
insert into sluice.import_row (pass_id, line, outcome) select '00000000-0000-7000-8000-0000000000b4', n, 'invalid' from generate_series(1, 250) n;
create function pg_temp.tidied() returns text language plpgsql as $$
declare
    over constant boolean := sluice.import_tidy('00000000-0000-7000-8000-0000000000b3', '00000000-0000-7000-8000-0000000000f1', 100);
begin
    return concat_ws(' ', over,
                     (select count(*) from sluice.import_key k where k.pass_id::text like '%b3'),
                     (select count(*) from sluice.import_row r where r.pass_id::text like '%b4'));
end $$;
create temp table tidied as select n, pg_temp.tidied() as had from generate_series(1, 20) n;
delete from tidied where n > (select min(x.n) from tidied x where x.had like 't%');
select ok((select count(*) > 3 from tidied where had like 'f % 250'), 'keys go in several pieces');
select results_eq($$select had from tidied where had like 'f 0 %' and had <> 'f 0 250' order by n$$,
    $$values ('f 0 150'::text), ('f 0 50'), ('f 0 0')$$, 'then results of earlier passes');
select is((select had from tidied order by n desc limit 1), 't 0 0', 'and it is over');
select is((select count(*) from sluice.import_key where pass_id = '00000000-0000-7000-8000-0000000000c1'), 505::bigint, 'the keys of others stay');

-- files are forgotten a month after their imports were last worked on
insert into sluice.import (id, entity) select ('00000000-0000-7000-8000-0000000000d' || n)::uuid, 'lead' from generate_series(1, 4) n;
select sluice.import_part_put(i.id, n, 'x' || n, 'abc') from sluice.import i, generate_series(1, 2) n where i.id::text like '%d_';
select sluice.import_text_put('00000000-0000-7000-8000-0000000000d2', '00000000-0000-7000-8000-0000000000e1', 1, 'abc');
update sluice.import set status = 'mapped', columns = '[]', file_hash = 'x', text_id = '00000000-0000-7000-8000-0000000000e1', text_bytes = 3
 where id = '00000000-0000-7000-8000-0000000000d2';
update sluice.import set status = 'done', run_at = sluice.now() where id = '00000000-0000-7000-8000-0000000000d1';
update sluice.import set status = 'running', run_at = sluice.now() where id = '00000000-0000-7000-8000-0000000000d4';
alter table sluice.import disable trigger import_touch;
update sluice.import set updated_at = sluice.now() - interval '31 days' where id::text like '%d_' and id::text not like '%d3';
update sluice.import set updated_at = sluice.now() - interval '29 days' where id::text like '%d3';
alter table sluice.import enable trigger import_touch;
select is(sluice.import_purge(1), 2::bigint, 'the parts of one import');
select is(sluice.import_purge(10), 3::bigint, 'and of another, with its text');
select is(sluice.import_purge(10), 0::bigint, 'no more');
select results_eq($$select right(i.id::text, 2) collate "C", i.status collate "C", i.bytes, i.columns is null and i.file_hash is null,
                           (select count(*) from sluice.import_part p where p.import_id = i.id)
                      from sluice.import i where i.id::text like '%d_' order by 1$$,
    $$values ('d1' collate "C", 'done' collate "C", 6::bigint, true, 0::bigint), ('d2', 'uploading', 0, true, 0), ('d3', 'uploading', 6, true, 2),
             ('d4', 'running', 6, true, 2)$$, 'one that has run stays what it is, one that has not begins anew, later and working ones stay');

-- nobody else makes a row skip what a birth needs
set local role sluice_app;
select throws_ok($$insert into sluice.lead (id, import_id) values (gen_random_uuid(), gen_random_uuid())$$, '42501', null,
    'import_id is not written');
select throws_ok(format('select sluice.%s', f), '42501', null, format('%s is not called', f))
  from unnest(array['import_insert(null, null, null, null, null, null)',
             'import_store(null, null, null, null, null, null, null)']) f;
select throws_ok($$update sluice.import set status = 'done'$$, '42501', null, 'an import is not said to be done');
select throws_ok($$insert into sluice.import_row (pass_id, line, outcome) values (gen_random_uuid(), 1, 'created')$$, '42501', null,
    'no result is forged');
reset role;

select * from finish();
rollback;
