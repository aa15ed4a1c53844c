-- query: facts_lead one read
-- What a decision about a lead's transition is made on; no row means that the viewer may not see it. Columns that begin
-- with "facts." become the tree that guards look at (process_read), so PostgreSQL makes no JSON of what it has as
-- columns: the record as in lead_fact, which a test compares. What the lead has not, and what its process does not look
-- at (facts_more.sql), is not asked for.
-- in: id         uuid
-- in: viewer     uuid
-- in: scope      text
select l.version, l.state, l.blueprint_version_id,
       case when bv.needs = '{}' then b.print else sluice.whole_evidence('lead', l.id, l.blueprint_version_id, b.print) end as evidence,
       case when bv.needs <> '{}' then sluice.facts_more('lead', l.id, l.blueprint_version_id, :viewer) end as more,
       sluice.now() as "facts.now", l.state as "facts.state", l.state_entered_at as "facts.state_entered_at",
       l.created_by as "facts.created_by", d.list as "facts.activities",
       case when num_nonnulls(l.account_id, l.contact_id) > 0
            then sluice.lead_related(l.account_id, l.contact_id) end as "facts.related",
       l.id as "facts.record.id", l.version as "facts.record.version", l.state as "facts.record.status",
       s.category as "facts.record.status_category", l.state_entered_at as "facts.record.status_since",
       l.first_name as "facts.record.first_name", l.last_name as "facts.record.last_name",
       l.email as "facts.record.email", l.phone as "facts.record.phone", l.company as "facts.record.company",
       l.job_title as "facts.record.job_title", l.tax_id as "facts.record.tax_id", l.website as "facts.record.website",
       l.industry as "facts.record.industry",
       l.street as "facts.record.street", l.postcode as "facts.record.postcode", l.city as "facts.record.city",
       l.country as "facts.record.country", l.need as "facts.record.need",
       l.budget_confirmed as "facts.record.budget_confirmed",
       l.estimated_value_amount as "facts.record.estimated_value.amount",
       l.estimated_value_currency as "facts.record.estimated_value.currency",
       l.description as "facts.record.description", l.source as "facts.record.source",
       l.campaign as "facts.record.campaign", l.utm as "facts.record.utm", l.external_id as "facts.record.external_id",
       l.owner_id as "facts.record.owner_id", l.tags as "facts.record.tags",
       l.unqualified_reason as "facts.record.unqualified_reason", l.dead_reason as "facts.record.dead_reason",
       l.nurture_until as "facts.record.nurture_until", l.call_back_at as "facts.record.call_back_at",
       l.account_id as "facts.record.account_id", l.contact_id as "facts.record.contact_id",
       l.opportunity_id as "facts.record.opportunity_id", l.converted_at as "facts.record.converted_at",
       l.extra as "facts.record.extra", l.score as "facts.record.score", l.custom as "facts.record.custom",
       l.created_at as "facts.record.created_at", l.updated_at as "facts.record.updated_at",
       l.created_by as "facts.record.created_by"
  from sluice.lead l
  left join lateral (select x.category from sluice.state x
                      where x.blueprint_version_id = l.blueprint_version_id and x.key = l.state offset 0) s on true
  left join sluice.blueprint_version bv on bv.id = l.blueprint_version_id
  left join lateral (select x.list, x.print from sluice.lead_deeds_found(l.id) x
                      where exists (select from sluice.activity y where y.lead_id = l.id) offset 0) d on true
 cross join lateral (select coalesce(d.print, '0:0')
                            || case when num_nonnulls(l.account_id, l.contact_id) = 0 then '///'
                                    else sluice.related_print(l.account_id, l.contact_id, null) end || '/' || l.score as print) b
 where l.id = :id and l.deleted_at is null and sluice.in_scope(:scope, :viewer, l.owner_id);

-- query: facts_account one read
-- The same for an account.
-- in: id         uuid
-- in: viewer     uuid
-- in: scope      text
select a.version, a.state, a.blueprint_version_id,
       sluice.whole_evidence('account', a.id, a.blueprint_version_id,
                             d.print || sluice.related_print(null, null, a.lead_id)) as evidence,
       sluice.facts_more('account', a.id, a.blueprint_version_id, :viewer) as more,
       sluice.now() as "facts.now", a.state as "facts.state", a.state_entered_at as "facts.state_entered_at",
       a.created_by as "facts.created_by", d.list as "facts.activities",
       json_build_object('lead', (select row_to_json(l) from sluice.lead_fact l where l.id = a.lead_id)) as "facts.related",
       row_to_json(f) as "facts.record",
       (select json_build_object('by', c.claimed_by, 'name', u.name, 'until', sluice.rfc3339(c.expires_at))
          from sluice.account_claim c join sluice.app_user u on u.id = c.claimed_by
         where c.record_id = a.id and c.expires_at > sluice.now()) as "facts.claim"
  from sluice.account a
  join sluice.account_fact f on f.id = a.id
 cross join lateral sluice.account_deeds(a.id) d
 where a.id = :id and a.deleted_at is null and sluice.in_scope(:scope, :viewer, a.owner_id);

-- query: facts_opportunity one read
-- The same for an opportunity.
-- in: id         uuid
-- in: viewer     uuid
-- in: scope      text
select o.version, o.state, o.blueprint_version_id,
       sluice.whole_evidence('opportunity', o.id, o.blueprint_version_id,
                             d.print || sluice.related_print(o.account_id, o.contact_id, null)) as evidence,
       sluice.facts_more('opportunity', o.id, o.blueprint_version_id, :viewer) as more,
       sluice.now() as "facts.now", o.state as "facts.state", o.state_entered_at as "facts.state_entered_at",
       o.created_by as "facts.created_by", d.list as "facts.activities",
       json_build_object('account', row_to_json(a),
                         'contact', (select row_to_json(c) from sluice.contact_fact c where c.id = o.contact_id)) as "facts.related",
       row_to_json(f) as "facts.record"
  from sluice.opportunity o
  join sluice.opportunity_fact f on f.id = o.id
  join sluice.account_fact a on a.id = o.account_id
 cross join lateral sluice.opportunity_deeds(o.id) d
 where o.id = :id and o.deleted_at is null and sluice.in_scope(:scope, :viewer, o.owner_id);

-- query: transition_apply one write
-- Executes a transition that was decided on @expected_version and @evidence; raises SLAGN when they are not true
-- any more. @ids: for the activities, then the tasks; surplus ones come first.
-- in: entity           text
-- in: record_id        uuid
-- in: expected_version bigint
-- in: from_state       text
-- in: transition       text
-- in: fields           jsonb
-- in: activities       jsonb
-- in: tasks            jsonb
-- in: note             text
-- in: verdicts         jsonb
-- in: evidence         text
-- in: viewer           uuid
-- in: scope            text
-- in: ids              uuid[]
-- in: checklist        jsonb
-- in: more             jsonb
select t.outcome, t.version, t.state
  from sluice.transition_apply(:entity, :record_id, :expected_version, :from_state, :transition, :fields, :activities,
                               :tasks, :note, :verdicts, :evidence, :viewer, :scope, :ids, :checklist, :more) t
 where sluice.carried_out(t.outcome);

-- query: transition_denied none write
-- Writes down a refused attempt.
-- in: entity     text
-- in: record_id  uuid
-- in: transition text
-- in: from_state text
-- in: code       text
-- in: failures   jsonb
select sluice.transition_denied(:entity, :record_id, :transition, :from_state, :code, :failures);
