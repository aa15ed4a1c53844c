-- query: facts_lead one read
-- What a decision about a lead's transition is made on; no row means that the viewer may not see it.
-- in: id         uuid
-- in: viewer     uuid
-- in: scope      text
-- in: actor_kind text
-- in: roles      text[]
-- in: teams      text[]
select l.version, l.state, l.blueprint_version_id,
       sluice.whole_evidence('lead', l.id, l.blueprint_version_id, sluice.lead_evidence(l.id)) as evidence,
       jsonb_build_object(
           'now', sluice.rfc3339(sluice.now()),
           'actor', sluice.actor_json(:actor_kind, :viewer, :roles, :teams),
           'state', l.state, 'state_entered_at', sluice.rfc3339(l.state_entered_at),
           'record', sluice.lead_json(l.*, s.category),
           'related', jsonb_build_object(
               'account', (select sluice.account_json(a.*, sa.category)
                             from sluice.account a
                            left join sluice.state sa on sa.blueprint_version_id = a.blueprint_version_id and sa.key = a.state
                            where a.id = l.account_id),
               'contact', (select sluice.contact_json(c.*) from sluice.contact c where c.id = l.contact_id)),
           'activities', w.activities, 'tasks', w.tasks, 'created_by', l.created_by)
       || sluice.visits_json(l.id) || sluice.facts_more('lead', l.id, l.blueprint_version_id, :viewer) as facts
  from sluice.lead l
 left join sluice.state s on s.blueprint_version_id = l.blueprint_version_id and s.key = l.state
 cross join lateral sluice.lead_work(l.id) w
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
       sluice.whole_evidence('account', a.id, a.blueprint_version_id, sluice.account_evidence(a.id)) as evidence,
       jsonb_build_object(
           'now', sluice.rfc3339(sluice.now()),
           'actor', sluice.actor_json(:actor_kind, :viewer, :roles, :teams),
           'state', a.state, 'state_entered_at', sluice.rfc3339(a.state_entered_at),
           'record', sluice.account_json(a.*, s.category),
           'related', jsonb_build_object(
               'lead', (select sluice.lead_json(l.*, sl.category)
                          from sluice.lead l
                         left join sluice.state sl on sl.blueprint_version_id = l.blueprint_version_id and sl.key = l.state
                         where l.id = a.lead_id)),
           'activities', w.activities, 'tasks', w.tasks, 'created_by', a.created_by)
       || sluice.visits_json(a.id) || sluice.facts_more('account', a.id, a.blueprint_version_id, :viewer) as facts
  from sluice.account a
 left join sluice.state s on s.blueprint_version_id = a.blueprint_version_id and s.key = a.state
 cross join lateral sluice.account_work(a.id) w
 where a.id = :id and a.deleted_at is null and sluice.in_scope(:scope, :viewer, a.owner_id);

-- query: facts_opportunity one read
-- The same for an opportunity; its account counts as evidence.
-- in: id         uuid
-- in: viewer     uuid
-- in: scope      text
-- in: actor_kind text
-- in: roles      text[]
-- in: teams      text[]
select o.version, o.state, o.blueprint_version_id,
       sluice.whole_evidence('opportunity', o.id, o.blueprint_version_id,
                             sluice.opportunity_evidence(o.id, a.version)) as evidence,
       jsonb_build_object(
           'now', sluice.rfc3339(sluice.now()),
           'actor', sluice.actor_json(:actor_kind, :viewer, :roles, :teams),
           'state', o.state, 'state_entered_at', sluice.rfc3339(o.state_entered_at),
           'record', sluice.opportunity_json(o.*, s.*),
           'related', jsonb_build_object(
               'account', sluice.account_json(a.*, sa.category),
               'contact', (select sluice.contact_json(c.*) from sluice.contact c where c.id = o.contact_id)),
           'activities', w.activities, 'tasks', w.tasks, 'created_by', o.created_by)
       || sluice.visits_json(o.id) || sluice.facts_more('opportunity', o.id, o.blueprint_version_id, :viewer) as facts
  from sluice.opportunity o
 left join sluice.state s on s.blueprint_version_id = o.blueprint_version_id and s.key = o.state
  join sluice.account a on a.id = o.account_id
 left join sluice.state sa on sa.blueprint_version_id = a.blueprint_version_id and sa.key = a.state
 cross join lateral sluice.opportunity_work(o.id) w
 where o.id = :id and o.deleted_at is null and sluice.in_scope(:scope, :viewer, o.owner_id);

-- query: transition_apply one write
-- Executes a transition that was decided on @expected_version and @evidence. outcome: applied, or nothing was
-- changed: gone, stale, undeclared. @ids: for the activities, then the tasks; surplus ones come first.
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
                               :tasks, :note, :verdicts, :evidence, :viewer, :scope, :ids, :checklist, :more) t;

-- query: transition_denied none write
-- Writes down a refused attempt.
-- in: entity     text
-- in: record_id  uuid
-- in: transition text
-- in: from_state text
-- in: code       text
-- in: failures   jsonb
select sluice.transition_denied(:entity, :record_id, :transition, :from_state, :code, :failures);
