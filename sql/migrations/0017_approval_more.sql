-- Approvals can be taken back, and programs ask and vote like people. Leads have a score for guards to look at.

set role sluice_owner;

alter table sluice.approval
    drop constraint approval_status_check,
    add constraint approval_status_check
        check (status in ('pending', 'done', 'rejected', 'failed', 'outdated', 'withdrawn')),
    drop constraint approval_requested_by_fk,
    add requested_kind text not null default 'user' constraint approval_requested_kind_check
        check (requested_kind in ('user', 'api_key'));

alter table sluice.approval_vote
    drop constraint approval_vote_user_fk,
    add kind text not null default 'user' constraint approval_vote_kind_check check (kind in ('user', 'api_key'));

-- How promising a lead is; the API only shows it.
alter table sluice.lead add score integer not null default 0;

reset role;
