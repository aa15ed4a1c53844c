-- query: intake_form_by_key one read
-- The form that a key opens.
-- in: form     text
-- in: key_hash text
select f.id as form_id, f.name, to_jsonb(f.fields) as allowed, to_jsonb(f.required) as required, f.source, f.campaign, f.owner_id,
       f.mapping, to_jsonb(f.origins) as origins, f.rate_limit is not null or f.address_rate_limit is not null as limited,
       f.consent_version, f.consent_text, f.consent_required, f.double_opt_in, f.confirm_hours, f.honeypot, f.redirect_url,
       f.error_url, f.on_duplicate, extract(epoch from sluice.now())::bigint as now
  from sluice.intake_form f
 where f.form = :form and f.key_hash = :key_hash and f.enabled;

-- query: intake_form_origins one read
-- Whose pages may post to a form.
-- in: form text
select to_jsonb(f.origins) as origins
  from sluice.intake_form f
 where f.form = :form and f.enabled;

-- query: intake_hits one write
-- Counts a submission; how many seconds its sender has to wait.
-- in: form    uuid
-- in: address text
select sluice.intake_hits(:form, :address) as wait;

-- query: intake_accept one write
-- Stores a submission and makes a lead of it.
-- in: id           uuid
-- in: form         uuid
-- in: lead_id      uuid
-- in: content_type text
-- in: raw          text
-- in: lead         jsonb
-- in: utm          jsonb
-- in: extra        jsonb
-- in: faults       jsonb
-- in: verdict      text
-- in: reason       text
-- in: consent      jsonb
-- in: token        text
-- in: address      text
-- in: user_agent   text
-- in: referer      text
select a.outcome, a.lead_id, a.status, a.source, a.campaign
  from sluice.intake_accept(:id, :form, :lead_id, :content_type, :raw, :lead, :utm, :extra, :faults,
                            :verdict, :reason, :consent, :token, :address, :user_agent, :referer) a;

-- query: intake_status one read
-- Where the lead of a submission stands, when all that happened to it in the transaction has happened.
-- in: lead_id uuid
select l.state as status from sluice.lead l where l.id = :lead_id;

-- query: intake_waiting one read
-- A submission of a form that is to become a lead now; of any form, if none is named.
-- in: id     uuid
-- in: form   text
-- in: viewer uuid
-- in: scope  text
select s.id, s.outcome, s.reason, s.fields, s.utm, s.extra, s.lead_id, f.id as form_id, f.name, to_jsonb(f.fields) as allowed,
       to_jsonb(f.required) as required, f.mapping, f.source, f.campaign, f.owner_id, f.redirect_url, f.enabled
  from sluice.intake_submission s
  join sluice.intake_form f on f.id = s.form_id
 where s.id = :id and (:form is null or f.form = :form) and (:scope = 'all' or f.owner_id = :viewer);

-- query: intake_confirm one write
-- The sender of a submission confirms it.
-- in: id      uuid
-- in: lead_id uuid
-- in: faults  jsonb
-- in: verdict text
-- in: reason  text
select a.outcome, a.lead_id, a.status, a.source, a.campaign
  from sluice.intake_confirm(:id, :lead_id, :faults, :verdict, :reason) a;

-- query: intake_release none write
-- Lets a held submission in.
-- in: id      uuid
-- in: lead_id uuid
-- in: into    uuid
-- in: note    text
select sluice.intake_release(:id, :lead_id, :into, :note);

-- query: intake_reject none write
-- Refuses a held submission.
-- in: id   uuid
-- in: note text
select sluice.intake_reject(:id, :note);

-- query: intake_submission_get one read
-- A submission as it came, and what became of it.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select s.id, s.version, f.form, s.received_at, s.outcome, s.reason, s.lead_id, s.content_type, s.raw, s.fields, s.extra,
       s.faults, s.others, s.consent, s.confirm_expires_at, s.confirmed_at, s.decided_at, s.decided_by, s.note, s.address,
       s.user_agent, s.referer
  from sluice.intake_submission s
  join sluice.intake_form f on f.id = s.form_id
 where s.id = :id and (:scope = 'all' or f.owner_id = :viewer);

-- query: intake_submission_list list read
-- Submissions.
-- in: viewer uuid
-- in: scope  text
-- id: s.id
-- filter: form text eq on f.form
-- filter: outcome text eq on s.outcome
-- filter: reason text eq on s.reason
-- filter: lead uuid eq on s.lead_id
-- filter: received_at timestamptz gt,gte,lt,lte on s.received_at
-- sort: received_at timestamptz s.received_at
select s.id, s.version, f.form, s.received_at, s.outcome, s.reason, s.lead_id, s.content_type, s.raw, s.fields, s.extra,
       s.faults, s.others, s.consent, s.confirm_expires_at, s.confirmed_at, s.decided_at, s.decided_by, s.note, s.address,
       s.user_agent, s.referer
-- from
  from sluice.intake_submission s
  join sluice.intake_form f on f.id = s.form_id
-- where
 where (:scope = 'all' or f.owner_id = :viewer);

-- query: lead_touch_list many read
-- Every time a lead was heard of, the first one first.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select t.id, t.at, t.source, t.campaign, t.utm, t.referer, t.submission_id, t.consent
  from sluice.lead l
  join sluice.lead_touch t on t.lead_id = l.id
 where l.id = :id and l.deleted_at is null and (:scope = 'all' or sluice.in_scope(:scope, :viewer, l.owner_id))
 order by t.at, t.id
 limit 500;
