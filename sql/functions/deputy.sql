-- Deputies.

set role sluice_owner;

create or replace trigger deputy_audit after insert or update or delete on sluice.deputy
    for each row execute function sluice.audit_change('deputy', '');

-- For whom a user may act now.
create or replace function sluice.deputy_for(deputy uuid) returns uuid[]
    language sql stable as $$
    select array(select distinct d.user_id from sluice.deputy d
                  where d.deputy_id = deputy and d.deleted_at is null
                    and sluice.now() >= d.starts_at and sluice.now() < d.ends_at
                  order by 1);
$$;

grant execute on function sluice.deputy_for(uuid) to sluice_app;

reset role;
