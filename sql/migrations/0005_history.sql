-- What happened: visits of states, audit entries, events, and the text that searches look through. All are
-- written by triggers and functions of the owner only.

set role sluice_owner;

-- One row per stay of a record in a state.
create table sluice.visit (
    id                   bigint not null,
    entity               text not null,
    record_id            uuid not null,
    blueprint_version_id uuid not null,
    state                text not null,
    entered_at           timestamptz not null,
    left_at              timestamptz,
    entered_by           uuid,
    via                  text not null,  -- the transition that led here
    left_by              uuid,
    left_via             text,
    constraint visit_pk primary key (record_id, id)
) with (fillfactor = 90);
-- Lists by state: which records are in it, longest first.
create index visit_open on sluice.visit (entity, state, entered_at, record_id) where left_at is null;
-- States are those of one entity: without this the planner takes a common state for a rare one.
create statistics sluice.visit_state_stats (mcv) on entity, state from sluice.visit;
create unique index visit_open_key on sluice.visit (record_id) where left_at is null;

create table sluice.audit (
    seq        bigint not null constraint audit_pk primary key,
    at         timestamptz not null,
    action     text not null constraint audit_action_check
               check (action in ('create', 'update', 'delete', 'transition', 'denied')),
    entity     text not null,
    record_id  uuid,
    actor_kind text not null,
    actor_id   uuid,
    request_id text,
    operation  text,
    transition text,
    from_state text,
    to_state   text,
    changes    jsonb,
    detail     jsonb
);
create index audit_record on sluice.audit (record_id, seq);
create index audit_denied on sluice.audit (entity, transition, seq) where action = 'denied';

-- Events for others, in the transaction of the change. Readers go by (xid, id) below the oldest running
-- transaction, so that a late commit is never skipped.
create table sluice.outbox (
    id         bigint not null constraint outbox_pk primary key,
    audit_seq  bigint not null,
    type       text not null,
    entity     text not null,
    record_id  uuid not null,
    xid        xid8 not null default pg_current_xact_id(),
    created_at timestamptz not null default sluice.now()
);

create table sluice.search_text (
    entity    text not null,
    record_id uuid not null,
    text      text not null,
    constraint search_text_pk primary key (record_id)
);

reset role;

-- The operator class lives where the extension was installed, which may be elsewhere if it was there before.
do $$
declare
    home text;
begin
    select n.nspname into home
      from pg_extension e join pg_namespace n on n.oid = e.extnamespace
     where e.extname = 'pg_trgm';
    execute format('create index search_text_trigrams on sluice.search_text using gin (text %I.gin_trgm_ops)', home);
end
$$;
