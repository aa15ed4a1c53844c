-- Failed sign-ins, so that passwords cannot be guessed one after another (NIST SP 800-63B, 5.2.2).

set role sluice_owner;

-- One row per subject: an e-mail from an address, an e-mail from anywhere, an address with any e-mail. Subjects
-- are hashes: what people type at a sign-in may be a password in the wrong field.
create table sluice.sign_in_failure (
    subject   text not null constraint sign_in_failure_pk primary key,
    failures  integer not null,
    last_at   timestamptz not null,
    wait_till timestamptz  -- null: the next attempt is free
) with (fillfactor = 70);
create index sign_in_failure_last on sluice.sign_in_failure (last_at);

grant select on sluice.sign_in_failure to sluice_app;

reset role;
