-- Merging records that are one, and the queue of accounts that wait for verification.

set role sluice_owner;

-- A record that was merged away is deleted for everything but its address: that answers with the survivor.
alter table sluice.lead
    add column merged_into uuid constraint lead_merged_into_fk references sluice.lead (id),
    add constraint lead_merged_check check (merged_into is null or deleted_at is not null);
alter table sluice.account
    add column merged_into uuid constraint account_merged_into_fk references sluice.account (id),
    add constraint account_merged_check check (merged_into is null or deleted_at is not null);
alter table sluice.contact
    add column merged_into uuid constraint contact_merged_into_fk references sluice.contact (id),
    add constraint contact_merged_check check (merged_into is null or deleted_at is not null);
create index lead_merged_into on sluice.lead (merged_into) where merged_into is not null;
create index account_merged_into on sluice.account (merged_into) where merged_into is not null;
create index contact_merged_into on sluice.contact (merged_into) where merged_into is not null;

-- One merge: into whom, who, what it overwrote. overwritten: [{"field", "before", "after", "from"}]; conflicts:
-- [{"field", "kept", "values": [{"id", "value"}]}].
create table sluice.merge (
    id          uuid not null constraint merge_pk primary key,
    version     bigint not null default 1,
    entity      text not null constraint merge_entity_check check (entity in ('lead', 'account', 'contact')),
    survivor_id uuid not null,
    losers      uuid[] not null,
    transition  text,          -- of the loser, that merged it; null: it was asked for
    note        text,
    overwritten jsonb not null default '[]',
    conflicts   jsonb not null default '[]',
    undone_at   timestamptz,
    undone_by   uuid,
    created_at  timestamptz not null default sluice.now(),
    updated_at  timestamptz not null default sluice.now(),
    created_by  uuid default sluice.actor_id()
);
create index merge_created_at on sluice.merge (created_at, id);
create index merge_survivor on sluice.merge (survivor_id, created_at);
create index merge_losers on sluice.merge using gin (losers);

-- What a merge moved: child.link pointed to the loser.
create table sluice.merge_moved (
    merge_id  uuid not null constraint merge_moved_merge_fk references sluice.merge (id),
    child     text not null,
    link      text not null,
    record_id uuid not null,
    loser_id  uuid not null,
    constraint merge_moved_pk primary key (merge_id, child, link, record_id)
);

-- Entries of the history: both sides of a merge, and of its undoing. Others may have added to the list meanwhile.
do $$
declare
    known text := (select pg_get_expr(conbin, conrelid) from pg_constraint where conname = 'audit_action_check');
begin
    alter table sluice.audit drop constraint audit_action_check;
    execute format('alter table sluice.audit add constraint audit_action_check check (%s or action in (''merge'', ''unmerge''))',
                   known);
end
$$;

grant select on sluice.merge, sluice.merge_moved to sluice_app;

insert into sluice.permission (key) values ('lead.merge'), ('account.merge'), ('contact.merge');
insert into sluice.role_permission (role, permission)
select r, e || '.merge' from unnest(array['admin', 'manager']) r, unnest(array['lead', 'account', 'contact']) e
union all
values ('marketing', 'lead.merge'), ('sales', 'lead.merge'), ('sales', 'contact.merge'),
       ('verifier', 'account.merge');

reset role;
