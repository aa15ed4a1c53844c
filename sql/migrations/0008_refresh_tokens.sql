-- Every refresh token that was exchanged, not just the last one: a thief who refreshes twice would otherwise be
-- safe from the owner's next attempt.

set role sluice_owner;

create table sluice.session_spent (
    refresh_hash text not null constraint session_spent_pk primary key,
    session_id   uuid not null constraint session_spent_session_fk references sluice.session (id) on delete cascade,
    spent_at     timestamptz not null default sluice.now()
);
create index session_spent_session on sluice.session_spent (session_id, spent_at);

insert into sluice.session_spent (refresh_hash, session_id)
select s.previous_hash, s.id from sluice.session s where s.previous_hash is not null
    on conflict do nothing;

alter table sluice.session drop column previous_hash;

reset role;
