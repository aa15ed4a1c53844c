-- query: version_doc one read
-- Any version, drafts too, as the document that the daemon compiles.
-- in: version uuid
select v.status, sluice.blueprint_doc(v.id) as doc
  from sluice.blueprint_version v
 where v.id = :version;

-- query: version_figures many slow
-- How many records of the blueprint are in each state now, and how long the finished stays were.
-- in: version uuid
select f.state, f.count, f.median_s
  from sluice.state_figures(:version) f
 order by f.state;

-- query: why_get one read
-- An entry of a record's history with what was found then: verdicts, values, the version that ruled.
-- in: entity text
-- in: id     uuid
-- in: seq    bigint
select a.seq, a.at, a.action, a.entity, a.record_id,
       a.actor_kind as "actor.kind", a.actor_id as "actor.id", coalesce(u.name, k.name, f.name) as "actor.name",
       a.request_id, a.operation, a.transition, t.label as transition_label, a.from_state, a.to_state,
       v.id as "blueprint.id", b.key as "blueprint.key", v.number as "blueprint.number",
       a.detail -> 'verdicts' as verdicts, a.detail -> 'failures' as failures, a.detail ->> 'code' as code,
       a.detail ->> 'note' as note, a.detail -> 'checklist' as checklist,
       case when a.action = 'approval' then a.detail else a.detail -> 'approval' end as approval, a.changes
  from sluice.audit a
  left join sluice.app_user u on a.actor_kind = 'user' and u.id = a.actor_id
  left join sluice.api_key k on a.actor_kind = 'api_key' and k.id = a.actor_id
  left join sluice.intake_form f on a.actor_kind = 'intake' and f.id = a.actor_id
  left join sluice.blueprint_version v on v.id = sluice.version_then(a.record_id, a.seq)
  left join sluice.blueprint b on b.id = v.blueprint_id
  left join sluice.transition t on t.blueprint_version_id = v.id and t.key = a.transition
 where a.record_id = :id and a.entity = :entity and a.seq = :seq;

-- query: report_friction many slow
-- What each guard refused, how long it took to satisfy it, and what was typed to get past.
-- in: entity text
-- in: since  timestamptz
-- in: until  timestamptz
select b.id as "blueprint.id", b.entity as "blueprint.entity", b.key as "blueprint.key",
       f.transition, f.guard, f.attempts, f.refusals, f.successes, f.overcome, f.p50_s, f.p90_s, f.typed,
       f.suspicious, round(f.suspicious::numeric / nullif(f.typed, 0), 4)::double precision as suspicious_share, f.reasons,
       f.break_glass
  from sluice.friction(:entity, :since, :until) f
  join sluice.blueprint b on b.id = f.blueprint_id
 order by b.entity, b.key, f.refusals desc, f.transition, f.guard
 limit 5000;

-- query: report_friction_actors many slow
-- The same by who tried.
-- in: entity text
-- in: since  timestamptz
-- in: until  timestamptz
select b.id as "blueprint.id", b.entity as "blueprint.entity", b.key as "blueprint.key",
       f.transition, f.guard, f.actor_kind as "actor.kind", f.actor_id as "actor.id",
       coalesce(u.name, k.name) as "actor.name", f.refusals, f.records, f.typed, f.suspicious
  from sluice.friction_actors(:entity, :since, :until) f
  join sluice.blueprint b on b.id = f.blueprint_id
  left join sluice.app_user u on f.actor_kind = 'user' and u.id = f.actor_id
  left join sluice.api_key k on f.actor_kind = 'api_key' and k.id = f.actor_id
 order by b.entity, b.key, f.refusals desc, f.transition, f.guard, f.actor_id
 limit 5000;

-- query: report_time many slow
-- How long records stay in each state; stays that still last stand apart.
-- in: entity   text
-- in: since    timestamptz
-- in: until    timestamptz
-- in: calendar text
-- in: source   text[]
-- in: owner    uuid[]
select b.id as "blueprint.id", b.entity as "blueprint.entity", b.key as "blueprint.key",
       r.state, r.visits, r.reentries, r.finished, r.p50_s, r.p90_s, r.working_p50_s, r.working_p90_s,
       r.open, r.open_p50_s, r.open_p90_s, r.breached
  from sluice.time_in_state(:entity, :since, :until, coalesce(:calendar, 'default'), :source, :owner) r
  join sluice.blueprint b on b.id = r.blueprint_id
 order by b.entity, b.key, r.state
 limit 5000;

-- query: report_response many slow
-- The latest stays under a threshold, and how long each took, or takes until now.
-- in: entity    text
-- in: since     timestamptz
-- in: until     timestamptz
-- in: threshold text
-- in: source    text[]
-- in: owner     uuid[]
select b.id as "blueprint.id", b.entity as "blueprint.entity", b.key as "blueprint.key",
       r.state, r.threshold, r.entity, r.record_id, u.id as "owner.id", u.name as "owner.name",
       r.entered_at, r.left_at, r.due_at, r.seconds, r.working_seconds, r.breached
  from sluice.response_times(:entity, :since, :until, :threshold, :source, :owner, 5000) r
  join sluice.blueprint b on b.id = r.blueprint_id
  left join sluice.app_user u on u.id = r.owner_id
 order by r.entered_at desc, r.record_id, r.threshold;

-- query: report_conversion many slow
-- Of the records that entered a state in the period, how many ever reached another one.
-- in: entity text
-- in: since  timestamptz
-- in: until  timestamptz
-- in: source text[]
-- in: owner  uuid[]
select b.id as "blueprint.id", b.entity as "blueprint.entity", b.key as "blueprint.key",
       r.from_state, r.to_state, r.entered, r.reached, round(r.reached::numeric / r.entered, 4)::double precision as share,
       round(r.median_days::numeric, 3)::double precision as median_days
  from sluice.conversion(:entity, :since, :until, :source, :owner) r
  join sluice.blueprint b on b.id = r.blueprint_id
 order by b.entity, b.key, r.from_state, r.reached desc, r.to_state
 limit 5000;

-- query: survey_scope one slow
-- What a survey of the records of a process begins with: the version asked about, those that records live under,
-- and how many records there are.
-- in: version uuid
select v.status, v.blueprint_id, b.entity, sluice.blueprint_doc(v.id) as doc,
       sluice.survey_versions(v.blueprint_id) as versions, sluice.survey_count(v.blueprint_id) as total
  from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
 where v.id = :version;

-- query: survey_again one slow
-- The same, for going on: nothing is counted.
-- in: version uuid
select v.status, v.blueprint_id, b.entity, sluice.blueprint_doc(v.id) as doc,
       sluice.survey_versions(v.blueprint_id) as versions, null::bigint as total
  from sluice.blueprint_version v join sluice.blueprint b on b.id = v.blueprint_id
 where v.id = :version;

-- query: survey_page many slow
-- A page of the living records of a process, as few rows as they have different facts.
-- in: blueprint uuid
-- in: needs     jsonb
-- in: also      uuid
-- in: past      boolean
-- in: after     uuid
-- in: batch     integer
select s.last, s.version_id, s.via, s.state, s.facts, s.n, s.ids, s.seen
  from sluice.survey(:blueprint, :needs, :also, :past, :after, :batch) s;

-- query: survey_thresholds many slow
-- How many records would be late at once, or soon, by the thresholds of a version.
-- in: blueprint  uuid
-- in: source     uuid
-- in: thresholds jsonb
-- in: mapping    jsonb
-- in: days       integer
select t.state, t.key, t.records, t.breached, t.already, t.soon, t.ids
  from sluice.survey_thresholds(:blueprint, :source, :thresholds, :mapping, :days) t
 order by t.state, t.key;

-- query: unused one slow
-- States that nobody entered and transitions that nobody used in the period, of a version.
-- in: version uuid
-- in: since   timestamptz
-- in: until   timestamptz
select array(select s.key from sluice.state s
              where s.blueprint_version_id = :version
                and not exists (select from sluice.visit v
                                  join sluice.blueprint_version o on o.id = v.blueprint_version_id
                                 where o.blueprint_id = own.blueprint_id and v.state = s.key
                                   and (:since is null or v.entered_at >= :since) and (:until is null or v.entered_at < :until))
              order by s.position) as states,
       array(select t.key from sluice.transition t
              where t.blueprint_version_id = :version
                and not exists (select from sluice.visit v
                                  join sluice.blueprint_version o on o.id = v.blueprint_version_id
                                 where o.blueprint_id = own.blueprint_id and v.via = t.key
                                   and (:since is null or v.entered_at >= :since) and (:until is null or v.entered_at < :until))
              order by t.position) as transitions
  from sluice.blueprint_version own
 where own.id = :version;
