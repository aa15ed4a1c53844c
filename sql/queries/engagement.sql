-- query: engage_open one write
-- A mail was opened.
-- in: lead    uuid
-- in: event   uuid
-- in: subject text
select e.wait, e.counted
  from sluice.engage(:lead, :event, 'email', 'opened', nullif(:subject, ''), null) e;

-- query: engage_visit one write
-- A lead looked at a page.
-- in: lead    uuid
-- in: event   text
-- in: subject text
-- in: body    text
select e.wait, e.counted
  from sluice.engage(:lead, sluice.event_uuid(:lead, :event), 'other', 'page_visit', :subject, :body) e;

-- query: engage_submission one read
-- The lead of a submission that came through a form with this key.
-- in: id       uuid
-- in: form     text
-- in: key_hash text
select s.lead_id, to_jsonb(f.origins) as origins
  from sluice.intake_submission s
  join sluice.intake_form f on f.id = s.form_id
 where s.id = :id and f.form = :form and f.key_hash = :key_hash and f.enabled;

-- query: engage_origin one read
-- Whether some form names an origin as one of its pages'.
-- in: origin text
select exists (select from sluice.intake_form f where f.enabled and :origin = any (f.origins)) as named;

-- query: engage_now one read
-- The time, in seconds of the epoch: what tokens expire by.
select extract(epoch from sluice.now())::bigint as now;
