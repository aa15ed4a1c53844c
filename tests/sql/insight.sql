-- What the history tells: odd texts, and who may ask.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

select is(sluice.suspicious(v), r, format('"%s" is %s', v, coalesce(r, 'fine')))
  from (values ('x', 'short'), ('.', 'short'), ('-1', 'short'), ('xx', 'repeated'), ('AAAA', 'repeated'), ('a a a', 'repeated'),
               ('ababab', 'repeated'), ('xyzxyzxyz', 'repeated'), ('asdf', 'keyboard'), ('ASDFGH', 'keyboard'),
               ('qwerty', 'keyboard'), ('poiuy', 'keyboard'), ('asd qwe', 'keyboard'), ('qwe123', 'keyboard'),
               ('12345', 'keyboard'), ('фывапр', 'keyboard'), ('йцукен', 'keyboard'),
               ('IT', null), ('HR', null), ('logistics', null), ('TomTom', null), ('water', null), ('property', null),
               ('Żegluga', null), ('логистика', null), ('mama', null), ('', null), ('   ', null), ('asdf Transport', null)) t(v, r);
select is(sluice.suspicious(repeat('asdf', 5000)), 'keyboard', 'a long text is judged by its beginning');

select is(has_table_privilege('sluice_app', 'sluice.job', 'delete'), false, 'no job is taken away');
select is(has_column_privilege('sluice_app', 'sluice.job', 'created_at', 'insert'), false, 'no job is antedated');

select finish();
rollback;
