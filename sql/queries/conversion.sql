-- query: lead_convert one write
-- Converts a lead, all or nothing. account and contact: {"id"} or {"create": {...}} or null; opportunity: its members
-- or null. Raises SLAGN when the lead is not as it was decided on.
-- in: lead_id          uuid
-- in: expected_version bigint
-- in: from_state       text
-- in: transition       text
-- in: evidence         text
-- in: viewer           uuid
-- in: scope            text
-- in: account          jsonb
-- in: contact          jsonb
-- in: opportunity      jsonb
-- in: new_account      uuid
-- in: new_contact      uuid
-- in: new_opportunity  uuid
-- in: verdicts         jsonb
-- in: note             text
-- in: account_scope    text
-- in: contact_scope    text
-- in: more             jsonb
select c.outcome, c.version, c.state,
       c.account_id, c.account_name, c.account_outcome,
       c.contact_id, c.contact_name, c.contact_outcome,
       c.opportunity_id, c.opportunity_name, c.opportunity_outcome, c.conflicts
  from sluice.lead_convert(:lead_id, :expected_version, :from_state, :transition, :evidence, :viewer, :scope,
                           :account, :contact, :opportunity, :new_account, :new_contact, :new_opportunity,
                           :verdicts, :note, :account_scope, :contact_scope, :more) c
 where sluice.carried_out(c.outcome);

-- query: lead_conversion_births one read
-- What a decision about the records that a conversion would make is made on; account, contact and opportunity as
-- lead_convert takes them.
-- in: lead_id       uuid
-- in: account       jsonb
-- in: contact       jsonb
-- in: opportunity   jsonb
-- in: new_account   uuid
-- in: new_contact   uuid
-- in: actor_kind    text
-- in: viewer        uuid
-- in: roles         text[]
-- in: teams         text[]
-- in: account_scope text
-- in: contact_scope text
select b.account_facts, b.opportunity_facts
  from sluice.conversion_births(:lead_id, :account, :contact, :opportunity, :new_account, :new_contact, :actor_kind,
                                :viewer, :roles, :teams, :account_scope, :contact_scope) b;

-- query: lead_conversion_candidates many read
-- Accounts and contacts that look like the ones behind a lead, best first: tax number, name or domain of the
-- company, e-mail or phone of the person. A domain is only a hint.
-- in: id            uuid
-- in: viewer        uuid
-- in: scope         text
-- in: account_scope text
-- in: contact_scope text
with l as (
    select l.email, l.phone, l.company, l.tax_id, l.website,
           sluice.company_domain(l.email) as mail_domain, sluice.company_domain(l.website) as web_domain
      from sluice.lead l
     where l.id = :id and l.deleted_at is null and sluice.in_scope(:scope, :viewer, l.owner_id)),
accounts as (
    select a.id, a.name, a.owner_id, a.deleted_at, 'tax_id' as rule, 1.0 as score, 'tax_id' as field
      from l join sluice.account a on a.tax_id is not null and sluice.digits(a.tax_id) = sluice.digits(l.tax_id)
     where length(sluice.digits(l.tax_id)) >= 5
    union all
    select a.id, a.name, a.owner_id, a.deleted_at, 'name', 1.0, 'name'
      from l join sluice.account a on lower(a.name) = lower(btrim(l.company))
    union all
    select a.id, a.name, a.owner_id, a.deleted_at, 'domain', 0.8, 'website'
      from l join sluice.account a
        on a.website is not null and sluice.domain(a.website) in (l.mail_domain, l.web_domain)
    union all
    select a.id, a.name, a.owner_id, a.deleted_at, 'domain', 0.8, 'email'
      from l join sluice.account a on a.email is not null and sluice.domain(a.email) in (l.mail_domain, l.web_domain)),
contacts as (
    select c.id, concat_ws(' ', c.first_name, c.last_name) as name, c.owner_id, c.deleted_at, 'email' as rule,
           1.0 as score, 'email' as field
      from l join sluice.contact c on c.email is not null and lower(c.email) = lower(l.email)
    union all
    select c.id, concat_ws(' ', c.first_name, c.last_name), c.owner_id, c.deleted_at, 'phone', 1.0, 'phone'
      from l join sluice.contact c on c.phone is not null and sluice.digits(c.phone) = sluice.digits(l.phone)
     where length(sluice.digits(l.phone)) >= 7),
hits as (
    select 'account' as entity, a.* from accounts a
     where a.deleted_at is null and sluice.in_scope(:account_scope, :viewer, a.owner_id)
    union all
    select 'contact', c.* from contacts c
     where c.deleted_at is null and sluice.in_scope(:contact_scope, :viewer, c.owner_id))
select h.entity, h.id, h.name,
       (array_agg(h.rule order by h.score desc, h.rule desc))[1] as rule,
       max(h.score)::float8 as score,
       array_agg(distinct h.field) as fields
  from hits h
 group by h.entity, h.id, h.name
 order by h.entity, max(h.score) desc, count(*) desc, h.id
 limit 50;
