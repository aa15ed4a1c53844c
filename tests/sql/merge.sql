-- Merges: what a merge knows of the schema is all of it; who may merge; what moves and comes back.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

-- every column that names a lead, account or contact, by its name or by a foreign key, is in the list
create function pg_temp.links() returns table (child text, link text) language sql as $$
    select c.relname::text, a.attname::text
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'sluice'::regnamespace and c.relkind in ('r', 'p')
       and (a.attname in ('lead_id', 'account_id', 'contact_id', 'record_id')
            or exists (select from pg_constraint f
                        where f.conrelid = c.oid and f.contype = 'f' and a.attnum = any (f.conkey)
                          and f.confrelid in ('sluice.lead'::regclass, 'sluice.account'::regclass,
                                              'sluice.contact'::regclass)))
$$;
select is_empty('select * from pg_temp.links() except select child, link from sluice.merge_links()',
    'every link to a record is in sluice.merge_links(): a merge moves it, or leaves it on purpose');
select is_empty('select child, link from sluice.merge_links() except select * from pg_temp.links()',
    'and nothing else is');
select is_empty($$select l.child, l.link, l.entity from sluice.merge_links() l
                   where l.moves and not exists (
                       select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                        where i.indrelid = ('sluice.' || l.child)::regclass and a.attname = l.link)$$,
    'every link that moves is found by an index');
select is_empty($$select l.child from sluice.merge_links() l
                   where l.moves and not exists (select from pg_attribute a
                                                  where a.attrelid = ('sluice.' || l.child)::regclass and a.attname = 'id')$$,
    'and its row by an id');

-- every column of the three is chosen in a merge, or the survivor's own
select is_empty($$
    select c.relname, a.attname
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'sluice'::regnamespace and c.relname in ('lead', 'account', 'contact')
       and a.attname <> all ('{id,version,blueprint_version_id,state,state_entered_at,source,campaign,utm,extra,tags,'
           'unqualified_reason,dead_reason,nurture_until,call_back_at,rejection_reason,duplicate_of,converted_at,opportunity_id,'
           'lead_id,score,custom,created_at,updated_at,created_by,deleted_at,merged_into,import_id}')
       and not (c.relname = 'lead' and a.attname in ('account_id', 'contact_id'))
       and not exists (select from sluice.merge_fields() f where f.entity = c.relname and a.attname = any (f.columns))$$,
    'every other column of a lead, account or contact is in sluice.merge_fields()');

-- rights
create function pg_temp.denied(statement text, about text) returns setof text language plpgsql as $$
begin
    set local role sluice_app;
    return query select throws_ok(statement, '42501', null, about);
    reset role;
end
$$;
select pg_temp.denied(format('update sluice.%I set merged_into = null', t), format('%s.merged_into is not updated', t))
  from unnest(array['lead', 'account', 'contact']) t;
select pg_temp.denied($$insert into sluice.merge (id, entity, survivor_id, losers)
    values (gen_random_uuid(), 'lead', gen_random_uuid(), '{}')$$, 'no merge is forged');
select pg_temp.denied('update sluice.merge set undone_at = now()', 'no merge is undone by hand');
select pg_temp.denied('delete from sluice.merge_moved', 'what was moved is not forgotten');
select pg_temp.denied($$select sluice.merge_do(null, null, null, null, null, null, null, null, null, null)$$, 'merge_do is not called');
select pg_temp.denied($$select sluice.merge_restore(null)$$, 'merge_restore is not called');
select pg_temp.denied($$select sluice.merge_write(null, null, null)$$, 'merge_write is not called');
select set_eq($$select role || ' ' || permission from sluice.role_permission where permission like '%.merge'$$,
    array['admin lead.merge', 'admin account.merge', 'admin contact.merge', 'manager lead.merge', 'manager account.merge',
          'manager contact.merge', 'marketing lead.merge', 'sales lead.merge', 'sales contact.merge', 'verifier account.merge'],
    'who may merge what');

-- one merge, there and back, as the daemon's role
insert into sluice.app_user (id, email, name) values ('00000000-0000-7000-8000-0000000000a1', 'merge@example.org', 'Ann');
select sluice.enter('user', '00000000-0000-7000-8000-0000000000a1', null, 'req', 'account_merge', false);
insert into sluice.account (id, name, phone, city) values
    ('00000000-0000-7000-8000-000000000001', 'One', null, 'Gdynia'),
    ('00000000-0000-7000-8000-000000000002', 'Two', '5', 'Sopot'),
    ('00000000-0000-7000-8000-000000000003', 'Three', '6', null);
insert into sluice.contact (id, last_name, account_id)
values ('00000000-0000-7000-8000-000000000011', 'P', '00000000-0000-7000-8000-000000000002');
update sluice.contact set deleted_at = sluice.now() where id = '00000000-0000-7000-8000-000000000011';
create temp table timers as select state, key, due_at, live from sluice.timer;

set local role sluice_app;
select lives_ok($$select sluice.merge_records('00000000-0000-7000-8000-0000000000f1', 'account',
    '00000000-0000-7000-8000-000000000001',
    '{00000000-0000-7000-8000-000000000002,00000000-0000-7000-8000-000000000003}', 1, null, 'Same', null, '{all,all}')$$, 'a merge');
reset role;
select results_eq($$select name, phone, city from sluice.account where id = '00000000-0000-7000-8000-000000000001'$$,
    $$values ('One', '5', 'Gdynia')$$, 'what is empty is filled from the first who has it');
select is((select account_id from sluice.contact where id = '00000000-0000-7000-8000-000000000011'),
    '00000000-0000-7000-8000-000000000001'::uuid, 'children that are deleted move too');
select is(sluice.survivor_of('account', '00000000-0000-7000-8000-000000000003', null, 'all'),
    '00000000-0000-7000-8000-000000000001'::uuid, 'a loser knows the survivor');
select is(sluice.survivor_of('account', '00000000-0000-7000-8000-000000000003', null, 'own'), null::uuid,
    'and tells it to those who saw it');
select is(sluice.survivor_of('account', '00000000-0000-7000-8000-000000000001', null, 'all'), null::uuid, 'who lives has none');
select throws_ok($$select sluice.merge_undo('00000000-0000-7000-8000-0000000000f1', 1, null, '{"account": "all"}',
    '{"account": ["all", "none"]}')$$, 'SL403', 'forbidden', 'who may not merge may not undo');
set local role sluice_app;
select lives_ok($$select sluice.merge_undo('00000000-0000-7000-8000-0000000000f1', 1, null, '{"account": "all"}',
    '{"account": ["all", "all"]}')$$, 'undone');
reset role;
select results_eq($$select name, phone, city, deleted_at is null from sluice.account order by id$$,
    $$values ('One', null, 'Gdynia', true), ('Two', '5', 'Sopot', true), ('Three', '6', null, true)$$, 'everything is as it was');
select set_eq('select state, key, due_at, live from sluice.timer', 'select * from timers', 'what was due is due again');
select is(array_agg(action order by seq), '{merge,unmerge}', 'the survivor''s history tells of both')
  from sluice.audit where record_id = '00000000-0000-7000-8000-000000000001' and action like '%merge';

select finish();
rollback;
