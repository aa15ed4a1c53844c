-- query: intake_form_by_key one read
-- The form that a key opens.
-- in: form     text
-- in: key_hash text
select f.id, f.name, to_jsonb(f.fields) as fields, to_jsonb(f.required) as required, f.source, f.campaign, f.owner_id
  from sluice.intake_form f
 where f.form = :form and f.key_hash = :key_hash and f.enabled;

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
-- in: outcome      text
-- in: address      text
-- in: user_agent   text
-- in: referer      text
select a.outcome, a.lead_id, a.source, a.campaign
  from sluice.intake_accept(:id, :form, :lead_id, :content_type, :raw, :lead, :utm, :extra, :faults,
                            :outcome, :address, :user_agent, :referer) a;

-- query: intake_lead one read
-- What became of the submission, for the answer.
-- in: id uuid
select l.version, l.state as status
  from sluice.lead l
 where l.id = :id;

-- query: intake_submission_get one read
-- A submission as it came, and what became of it.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select s.id, s.version, f.form, s.received_at, s.outcome, s.lead_id, s.content_type, s.raw, s.extra, s.faults,
       s.address, s.user_agent, s.referer
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
-- filter: lead uuid eq on s.lead_id
-- filter: received_at timestamptz gt,gte,lt,lte on s.received_at
-- sort: received_at timestamptz s.received_at
select s.id, s.version, f.form, s.received_at, s.outcome, s.lead_id, s.content_type, s.raw, s.extra, s.faults,
       s.address, s.user_agent, s.referer
-- from
  from sluice.intake_submission s
  join sluice.intake_form f on f.id = s.form_id
-- where
 where (:scope = 'all' or f.owner_id = :viewer);
