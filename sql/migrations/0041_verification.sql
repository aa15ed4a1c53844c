-- The queue of accounts that wait for verification: who has taken which, and what a rejected one is a duplicate of.

set role sluice_owner;

-- Set by a transition; whoever is rejected as a duplicate is merged into it.
alter table sluice.account add column duplicate_of uuid constraint account_duplicate_of_fk references sluice.account (id);
create index account_duplicate_of on sluice.account (duplicate_of) where duplicate_of is not null;

-- Who works on a waiting account, until when: the next in the queue is given to one only.
create table sluice.account_claim (
    record_id  uuid not null constraint account_claim_pk primary key
               constraint account_claim_record_fk references sluice.account (id),
    claimed_by uuid not null constraint account_claim_claimed_by_fk references sluice.app_user (id),
    claimed_at timestamptz not null default sluice.now(),
    expires_at timestamptz not null
);
create index account_claim_claimed_by on sluice.account_claim (claimed_by);

grant select on sluice.account_claim to sluice_app;

insert into sluice.permission (key) values ('account.verify'), ('account.release');
insert into sluice.role_permission (role, permission)
values ('admin', 'account.verify'), ('admin', 'account.release'), ('manager', 'account.verify'),
       ('manager', 'account.release'), ('verifier', 'account.verify');

reset role;
