-- What lists are filtered and sorted by, without columns that transitions change: those updates stay HOT.

set role sluice_owner;

create index account_tax_id on sluice.account (tax_id) where tax_id is not null;
create index lead_phone on sluice.lead (phone) where phone is not null;
create index lead_by_company on sluice.lead (coalesce(company, ''), id) where deleted_at is null;
create index lead_by_last_name on sluice.lead (coalesce(last_name, ''), id) where deleted_at is null;

-- An account has few opportunities, which opportunity_account finds; by time there is opportunity_closed_by_time.
drop index sluice.opportunity_closed_at;

-- Indexes on it went when duplicates got keys of their own.
drop statistics if exists sluice.account_website_stats, sluice.account_email_stats;
drop function sluice.domain(text);

reset role;
