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
-- Accounts and contacts that look like the ones behind a lead, best first.
-- in: id            uuid
-- in: viewer        uuid
-- in: scope         text
-- in: account_scope text
-- in: contact_scope text
select h.entity, h.record_id as id, h.name,
       (array_agg(h.rule order by h.score desc, h.rule desc))[1] as rule,
       max(h.score)::float8 as score,
       array_agg(distinct h.field) as fields
  from (select m.entity, m.record_id, m.rule, m.score, m.field, c.label as name
          from sluice.lead l
         cross join lateral sluice.lead_matches(l.id) m
         cross join lateral sluice.match_card(m.entity, m.record_id) c
         where l.id = :id and l.deleted_at is null and sluice.in_scope(:scope, :viewer, l.owner_id)
           and sluice.in_scope(case m.entity when 'account' then :account_scope else :contact_scope end, :viewer,
                               c.owner_id)) h
 group by h.entity, h.record_id, h.name
 order by h.entity, max(h.score) desc, count(*) desc, h.record_id
 limit 50;
