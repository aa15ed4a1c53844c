-- query: mail_domain_claim many write
-- Domains to ask the name servers about.
-- in: batch integer
select d.domain from sluice.mail_domain_claim(:batch) d;

-- query: mail_domain_store one write
-- Keeps what they said.
-- in: results jsonb
select sluice.mail_domain_store(:results) as stored;

-- query: mail_domain_list list read
-- The domains of all e-mail addresses.
-- id: d.id
-- filter: verdict text eq on d.verdict
-- filter: domain text eq on d.domain
-- sort: domain text d.domain
-- sort: next_check_at timestamptz d.next_check_at
select d.id, d.domain, d.verdict, d.reason, d.checked_at, d.failures, d.next_check_at
-- from
  from sluice.mail_domain d
-- where
 where true;
