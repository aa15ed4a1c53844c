-- query: facts_lead one read
-- What a decision about a lead's transition is made on; no row means that the viewer may not see it. What the lead has
-- not, and what its process does not look at (facts_more.sql), is not asked for.
-- in: id         uuid
-- in: viewer     uuid
-- in: scope      text
-- in: actor_kind text
-- in: roles      text[]
-- in: teams      text[]
select l.version, l.state, l.blueprint_version_id,
       case when bv.needs = '{}' then b.print else sluice.whole_evidence('lead', l.id, l.blueprint_version_id, b.print) end as evidence,
       case when bv.needs = '{}' then b.facts
            else sluice.with_more(b.facts, sluice.facts_more('lead', l.id, l.blueprint_version_id, :viewer)) end as facts
  from sluice.lead l
  join sluice.lead_fact f on f.id = l.id
  left join sluice.blueprint_version bv on bv.id = l.blueprint_version_id
 cross join lateral sluice.lead_deeds(l.id) d
 cross join lateral (select json_build_object(
           'now', sluice.rfc3339(sluice.now()),
           'actor', sluice.actor_json(:actor_kind, :viewer, :roles, :teams),
           'state', l.state, 'state_entered_at', f.status_since, 'record', json_strip_nulls(row_to_json(f)),
           'related', case when num_nonnulls(l.account_id, l.contact_id) = 0 then '{}'
                           else sluice.lead_related(l.account_id, l.contact_id) end,
           'activities', d.list, 'created_by', l.created_by) as facts,
           d.print || case when num_nonnulls(l.account_id, l.contact_id) = 0 then '///'
                           else sluice.related_print(l.account_id, l.contact_id, null) end || '/' || l.score as print) b
 where l.id = :id and l.deleted_at is null and sluice.in_scope(:scope, :viewer, l.owner_id);

-- query: facts_account one read
-- The same for an account.
-- in: id         uuid
-- in: viewer     uuid
-- in: scope      text
-- in: actor_kind text
-- in: roles      text[]
-- in: teams      text[]
select a.version, a.state, a.blueprint_version_id,
       sluice.whole_evidence('account', a.id, a.blueprint_version_id,
                             d.print || sluice.related_print(null, null, a.lead_id)) as evidence,
       sluice.with_more(json_build_object(
           'now', sluice.rfc3339(sluice.now()),
           'actor', sluice.actor_json(:actor_kind, :viewer, :roles, :teams),
           'state', a.state, 'state_entered_at', f.verification_since, 'record', row_to_json(f),
           'related', json_build_object(
               'lead', (select row_to_json(l) from sluice.lead_fact l where l.id = a.lead_id)),
           'activities', d.list, 'created_by', a.created_by,
           'claim', (select json_build_object('by', c.claimed_by, 'name', u.name, 'until', sluice.rfc3339(c.expires_at))
                       from sluice.account_claim c join sluice.app_user u on u.id = c.claimed_by
                      where c.record_id = a.id and c.expires_at > sluice.now())),
           sluice.facts_more('account', a.id, a.blueprint_version_id, :viewer)) as facts
  from sluice.account a
  join sluice.account_fact f on f.id = a.id
 cross join lateral sluice.account_deeds(a.id) d
 where a.id = :id and a.deleted_at is null and sluice.in_scope(:scope, :viewer, a.owner_id);

-- query: facts_opportunity one read
-- The same for an opportunity.
-- in: id         uuid
-- in: viewer     uuid
-- in: scope      text
-- in: actor_kind text
-- in: roles      text[]
-- in: teams      text[]
select o.version, o.state, o.blueprint_version_id,
       sluice.whole_evidence('opportunity', o.id, o.blueprint_version_id,
                             d.print || sluice.related_print(o.account_id, o.contact_id, null)) as evidence,
       sluice.with_more(json_build_object(
           'now', sluice.rfc3339(sluice.now()),
           'actor', sluice.actor_json(:actor_kind, :viewer, :roles, :teams),
           'state', o.state, 'state_entered_at', f.stage_since, 'record', row_to_json(f),
           'related', json_build_object(
               'account', row_to_json(a),
               'contact', (select row_to_json(c) from sluice.contact_fact c where c.id = o.contact_id)),
           'activities', d.list, 'created_by', o.created_by),
           sluice.facts_more('opportunity', o.id, o.blueprint_version_id, :viewer)) as facts
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
