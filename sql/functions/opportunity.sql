-- Opportunities inherit where they came from.

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

create or replace trigger opportunity_inherit before insert on sluice.opportunity
    for each row execute function sluice.inherit_source();

reset role;
