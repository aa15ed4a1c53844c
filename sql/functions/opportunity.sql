-- Opportunities inherit where they came from, and hold on to their account.

set role sluice_owner;

create or replace function sluice.inherit_source() returns trigger
    language plpgsql as $$
begin
    if new.source is null then
        select a.source, coalesce(new.campaign, a.campaign) into new.source, new.campaign
          from sluice.account a where a.id = new.account_id;
    end if;
    return new;
end
$$;

-- An account whose opportunities are alive stays: deals without an account would be decided on nothing.
create or replace function sluice.account_in_use() returns trigger
    language plpgsql as $$
begin
    if exists (select from sluice.opportunity o where o.account_id = new.id and o.deleted_at is null) then
        raise exception using errcode = 'SL409', message = 'in_use',
            detail = 'The account has opportunities; delete them or give them to another account first.';
    end if;
    return new;
end
$$;

create or replace trigger account_in_use before update of deleted_at on sluice.account
    for each row when (old.deleted_at is null and new.deleted_at is not null)
    execute function sluice.account_in_use();
create or replace trigger opportunity_inherit before insert on sluice.opportunity
    for each row execute function sluice.inherit_source();

reset role;
