-- The row of a lead has a column more, which statements that are prepared do not know.

set role sluice_owner;

do $$
begin
    execute format('create or replace view sluice.lead_row as select v.*, 7 as "_next" from (%s) v',
                   rtrim(pg_get_viewdef('sluice.lead_row'), '; '));
end $$;
