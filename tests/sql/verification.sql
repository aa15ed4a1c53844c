-- The queue of verification: rights, claims that end, and what heeds them.
begin;
set local client_min_messages = warning;
create extension if not exists pgtap;
select no_plan();

create function pg_temp.denied(statement text, about text) returns setof text language plpgsql as $$
begin
    set local role sluice_app;
    return query select throws_ok(statement, '42501', null, about);
    reset role;
end
$$;
select pg_temp.denied('insert into sluice.account_claim (record_id, claimed_by, expires_at) values (null, null, now())',
    'no claim is forged');
select pg_temp.denied('delete from sluice.account_claim', 'none is taken away');
select pg_temp.denied('update sluice.account set duplicate_of = null', 'what an account is a duplicate of is no field of a PATCH');
select pg_temp.denied('select sluice.claim_heed(null)', 'claim_heed is not called');
select pg_temp.denied('select sluice.duplicate_merge(null, null, null, null, null)', 'duplicate_merge is not called');
select set_eq($$select role || ' ' || permission from sluice.role_permission
                 where permission in ('account.verify', 'account.release')$$,
    array['admin account.verify', 'admin account.release', 'manager account.verify', 'manager account.release',
          'verifier account.verify'], 'who works the queue');

insert into sluice.app_user (id, email, name) values
    ('00000000-0000-7000-8000-0000000000a1', 'one@verify.test', 'One'),
    ('00000000-0000-7000-8000-0000000000a2', 'two@verify.test', 'Two');
select sluice.enter('user', '00000000-0000-7000-8000-0000000000a1', null, 'req', 'verification_claim', false);
update sluice.account set deleted_at = sluice.now()
 where not exists (select from sluice.opportunity o where o.account_id = account.id and o.deleted_at is null);
insert into sluice.account (id, name) values
    ('00000000-0000-7000-8000-000000000001', 'First'), ('00000000-0000-7000-8000-000000000002', 'Second');
select is(count(*), 2::bigint, 'both wait') from sluice.verification_row
 where id in ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002');

select is(sluice.account_claim('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000a1', 'all', 60),
    '00000000-0000-7000-8000-000000000001'::uuid, 'one takes the first');
select throws_ok($$select sluice.account_claim('00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-0000000000a2', 'all', 60)$$, 'SL409', 'claimed', 'the other is refused');
select isnt(sluice.account_claim(null, '00000000-0000-7000-8000-0000000000a2', 'all', 60),
    '00000000-0000-7000-8000-000000000001'::uuid, 'and the next is another one');
select throws_ok($$select sluice.account_claim(null, null, 'all', 60)$$, 'SL403', 'forbidden', 'keys take nothing');
select throws_ok($$select sluice.account_claim('00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-0000000000a2', 'own', 60)$$, 'SL422', 'unknown_reference', 'what is not seen is not taken');
select lives_ok($$select sluice.claim_heed('00000000-0000-7000-8000-000000000001')$$, 'who has it may go on');
select sluice.enter('timer', null, null, 'req', 'automatic', false);
select lives_ok($$select sluice.claim_heed('00000000-0000-7000-8000-000000000001')$$, 'what moves by itself too');
select sluice.enter('user', '00000000-0000-7000-8000-0000000000a2', null, 'req', 'account_transition', false);
select throws_ok($$select sluice.claim_heed('00000000-0000-7000-8000-000000000001')$$, 'SL409', 'claimed', 'the other not');
select throws_ok($$select sluice.account_release('00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-0000000000a2', 'all', false)$$, 'SL409', 'claimed', 'and gives nothing back that is not theirs');
update sluice.account_claim set expires_at = sluice.now();
select lives_ok($$select sluice.claim_heed('00000000-0000-7000-8000-000000000001')$$, 'a claim ends with its time');
select is(sluice.account_claim('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000a2', 'all', 60),
    '00000000-0000-7000-8000-000000000001'::uuid, 'and the account is free');
select ok(sluice.account_release('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000a1', 'all', true),
    'who may release does');
select is(array_agg(changes -> 'claimed_by' ->> 'new' order by seq),
    '{00000000-0000-7000-8000-0000000000a1,NULL,00000000-0000-7000-8000-0000000000a2,NULL}', 'the history tells')
  from sluice.audit where record_id = '00000000-0000-7000-8000-000000000001' and changes ? 'claimed_by';

select finish();
rollback;
