-- Activities and tasks.

set role sluice_owner;

-- Who logs an activity owns it unless somebody else is named.
create or replace function sluice.activity_born() returns trigger
    language plpgsql as $$
begin
    if new.owner_id is null and sluice.actor_kind() = 'user' then
        new.owner_id := sluice.actor_id();
    end if;
    new.occurred_at := coalesce(new.occurred_at, sluice.now());
    return new;
end
$$;

create or replace function sluice.task_born() returns trigger
    language plpgsql as $$
begin
    if new.assignee_id is null and sluice.actor_kind() = 'user' then
        new.assignee_id := sluice.actor_id();
    end if;
    new.priority := coalesce(new.priority, 'normal');
    new.status := coalesce(new.status, 'open');
    return new;
end
$$;

create or replace function sluice.task_done() returns trigger
    language plpgsql as $$
begin
    if new.status <> 'done' then
        new.done_at := null;
    elsif new.done_at is null then
        new.done_at := sluice.now();
    end if;
    return new;
end
$$;

create or replace trigger activity_born before insert on sluice.activity
    for each row execute function sluice.activity_born();
create or replace trigger activity_links before insert or update on sluice.activity
    for each row execute function sluice.hold_links();
create or replace trigger activity_touch before update on sluice.activity
    for each row when (old *<> new) execute function sluice.touch();

create or replace trigger task_born before insert on sluice.task
    for each row execute function sluice.task_born();
create or replace trigger task_done before insert or update of status on sluice.task
    for each row execute function sluice.task_done();
create or replace trigger task_links before insert or update on sluice.task
    for each row execute function sluice.hold_links();
create or replace trigger task_touch before update on sluice.task
    for each row when (old *<> new) execute function sluice.touch();

reset role;
