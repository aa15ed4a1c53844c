-- query: report_forecast many slow
-- Open opportunities by the month in which they are to close, per currency: sums are never of two.
-- in: month_from date
-- in: month_to   date
-- in: source     text[]
-- in: owner      uuid[]
-- in: pipeline   text
-- in: product_kind text[]
-- in: as_of      timestamptz
-- in: scope      text
-- in: viewer     uuid
with deal as (
    select to_char(o.close_date, 'YYYY-MM') as month, o.amount_currency as currency, coalesce(o.amount_amount, 0) as amount,
           coalesce(o.amount_amount, 0) * coalesce(o.probability, st.probability, 0) / 100 as weighted,
           coalesce(o.forecast_category, st.forecast_category, 'pipeline') as category,
           coalesce(ast.category = 'open', false) as unverified
      from sluice.opportunity_at(:as_of) o
      join sluice.state st on st.blueprint_version_id = o.blueprint_version_id and st.key = o.state and st.category = 'open'
      join sluice.blueprint_version v on v.id = o.blueprint_version_id
      join sluice.blueprint b on b.id = v.blueprint_id
      left join sluice.account_at(:as_of) a on a.id = o.account_id
      left join sluice.state ast on ast.blueprint_version_id = a.blueprint_version_id and ast.key = a.state
     where (:month_from is null or o.close_date >= date_trunc('month', :month_from::timestamp)::date)
       and (:month_to is null or o.close_date < (date_trunc('month', :month_to::timestamp) + interval '1 month')::date)
       and (:pipeline is null or b.key = :pipeline)
       and (:product_kind is null or o.product_kind = any(:product_kind))
       and sluice.in_report(:source, :owner, :scope, :viewer, o.source, o.owner_id)
)
select d.month, d.currency,
       count(*) filter (where d.category <> 'omitted') as count,
       trim_scale(coalesce(sum(d.amount) filter (where d.category <> 'omitted'), 0)) as unweighted,
       trim_scale(round(coalesce(sum(d.weighted) filter (where d.category <> 'omitted'), 0), 4)) as weighted,
       count(*) filter (where d.category <> 'omitted' and d.unverified) as unverified_count,
       trim_scale(coalesce(sum(d.amount) filter (where d.category <> 'omitted' and d.unverified), 0)) as unverified,
       trim_scale(round(coalesce(sum(d.weighted) filter (where d.category <> 'omitted' and d.unverified), 0), 4))
           as unverified_weighted,
       trim_scale(coalesce(sum(d.amount) filter (where d.category = 'pipeline'), 0)) as "by_category.pipeline",
       trim_scale(coalesce(sum(d.amount) filter (where d.category = 'best_case'), 0)) as "by_category.best_case",
       trim_scale(coalesce(sum(d.amount) filter (where d.category = 'commit'), 0)) as "by_category.commit",
       trim_scale(coalesce(sum(d.amount) filter (where d.category = 'omitted'), 0)) as "by_category.omitted"
  from deal d
 group by d.month, d.currency
 order by d.month, d.currency
 limit 5000;

-- query: report_lead_quality many slow
-- What became of the leads that came in the period, by source, by owner, or by both. A lead is decided when it leaves
-- its last open or postponed state; it is worked on from the moment it first leaves a state. Times are told by the
-- clock on the wall and in the working time of a calendar.
-- in: by       text[]
-- in: since    timestamptz
-- in: until    timestamptz
-- in: calendar text
-- in: source   text[]
-- in: owner    uuid[]
-- in: as_of    timestamptz
-- in: scope    text
-- in: viewer   uuid
with cohort as materialized (
    select l.id, case when 'source' = any(coalesce(:by, '{source}')) then l.source end as source,
           case when 'owner' = any(:by) then l.owner_id end as owner_id,
           l.created_at, st.category, l.converted_at is not null as converted
      from sluice.lead_at(:as_of) l
      join sluice.state st on st.blueprint_version_id = l.blueprint_version_id and st.key = l.state
     where l.created_at >= coalesce(:since, '-infinity') and l.created_at < coalesce(:until, 'infinity')
       and sluice.in_report(:source, :owner, :scope, :viewer, l.source, l.owner_id)
), stays as (
    select c.id, min(v.left_at) filter (where v.left_at <= coalesce(:as_of, 'infinity')) as taken_up,
           max(v.left_at) filter (where st.category in ('open', 'postponed') and v.left_at <= coalesce(:as_of, 'infinity')) as left_open
      from cohort c
      join sluice.visit v on v.record_id = c.id
      join sluice.state st on st.blueprint_version_id = v.blueprint_version_id and st.key = v.state
     group by c.id
), moments as materialized (
    select c.source, c.owner_id, c.category, c.converted,
           extract(epoch from c.created_at)::double precision as came,
           extract(epoch from case when c.category in ('open', 'postponed') then coalesce(:as_of, sluice.now())
                                   else coalesce(s.left_open, c.created_at) end)::double precision as went,
           case when c.category not in ('open', 'postponed') then extract(epoch from s.taken_up)::double precision end as taken,
           extract(epoch from s.left_open)::double precision as done
      from cohort c left join stays s on s.id = c.id
), spans as materialized (
    select w.* from (select min(m.came) as first, max(greatest(m.went, m.done)) as last from moments m) e
     cross join lateral sluice.working_spans(coalesce(:calendar, 'default'), to_timestamp(coalesce(e.first, 0)),
                                             to_timestamp(coalesce(e.last, 0))) w
), lead as (
    select m.*, m.went - m.came as lifetime, m.done - m.taken as processing,
           sluice.worked_until(w.opens, w.before, w.lasts, m.went)
           - sluice.worked_until(w.opens, w.before, w.lasts, m.came) as working_lifetime,
           sluice.worked_until(w.opens, w.before, w.lasts, m.done)
           - sluice.worked_until(w.opens, w.before, w.lasts, m.taken) as working_processing
      from moments m cross join spans w
)
select l.source, u.id as "owner.id", u.name as "owner.name", count(*) as count,
       count(*) filter (where l.category in ('open', 'postponed')) as active,
       count(*) filter (where l.converted) as converted,
       count(*) filter (where l.category = 'lost') as lost,
       count(*) filter (where l.category = 'cancelled') as cancelled,
       round((count(*) filter (where l.converted))::numeric / nullif(count(*) filter (where l.category <> 'cancelled'), 0), 4)
           ::double precision as conversion_share,
       round((count(*) filter (where l.category = 'cancelled'))::numeric / count(*), 4)::double precision as cancelled_share,
       (percentile_cont(0.5) within group (order by l.lifetime))::bigint as lifetime_p50_s,
       (percentile_cont(0.9) within group (order by l.lifetime))::bigint as lifetime_p90_s,
       (percentile_cont(0.5) within group (order by l.working_lifetime))::bigint as working_lifetime_p50_s,
       (percentile_cont(0.9) within group (order by l.working_lifetime))::bigint as working_lifetime_p90_s,
       (percentile_cont(0.5) within group (order by l.processing))::bigint as processing_p50_s,
       (percentile_cont(0.9) within group (order by l.processing))::bigint as processing_p90_s,
       (percentile_cont(0.5) within group (order by l.working_processing))::bigint as working_processing_p50_s,
       (percentile_cont(0.9) within group (order by l.working_processing))::bigint as working_processing_p90_s
  from lead l
  left join sluice.app_user u on u.id = l.owner_id
 group by l.source, u.id, u.name
 order by count(*) desc, l.source, u.name, u.id
 limit 5000;

-- query: report_origins many slow
-- What each source, campaign or keyword brought: the leads that came in the period, and the opportunities that were
-- made in it. Source and campaign are the records' own; medium and keyword are those of the lead behind them.
-- in: by     text
-- in: since  timestamptz
-- in: until  timestamptz
-- in: source text[]
-- in: campaign text[]
-- in: owner  uuid[]
-- in: as_of  timestamptz
-- in: scope  text
-- in: viewer uuid
with brought as (
    select case coalesce(:by, 'source') when 'source' then l.source when 'campaign' then l.campaign
                                        when 'medium' then l.utm ->> 'medium' else l.utm ->> 'term' end as origin,
           true as is_lead, l.converted_at is not null as converted, st.category, null::text as currency, null::numeric as value
      from sluice.lead_at(:as_of) l
      join sluice.state st on st.blueprint_version_id = l.blueprint_version_id and st.key = l.state
     where l.created_at >= coalesce(:since, '-infinity') and l.created_at < coalesce(:until, 'infinity')
       and (:campaign is null or l.campaign = any(:campaign))
       and sluice.in_report(:source, :owner, :scope, :viewer, l.source, l.owner_id)
    union all
    select case coalesce(:by, 'source') when 'source' then o.source when 'campaign' then o.campaign
                                        when 'medium' then l.utm ->> 'medium' else l.utm ->> 'term' end,
           false, false, st.category, o.amount_currency, o.amount_amount
      from sluice.opportunity_at(:as_of) o
      join sluice.state st on st.blueprint_version_id = o.blueprint_version_id and st.key = o.state
      left join sluice.lead l on l.id = o.lead_id
     where o.created_at >= coalesce(:since, '-infinity') and o.created_at < coalesce(:until, 'infinity')
       and (:campaign is null or o.campaign = any(:campaign))
       and sluice.in_report(:source, :owner, :scope, :viewer, o.source, o.owner_id)
), sums as (
    select x.origin, jsonb_agg(jsonb_build_object('amount', trim_scale(x.won)::text, 'currency', x.currency) order by x.currency)
                         filter (where x.won is not null) as won,
           jsonb_agg(jsonb_build_object('amount', trim_scale(x.active)::text, 'currency', x.currency) order by x.currency)
               filter (where x.active is not null) as active
      from (select b.origin, b.currency, sum(b.value) filter (where b.category = 'won') as won,
                   sum(b.value) filter (where b.category in ('open', 'postponed')) as active
              from brought b where b.currency is not null group by b.origin, b.currency) x
     group by x.origin
), counts as (
    select b.origin, count(*) filter (where b.is_lead) as leads, count(*) filter (where b.converted) as converted,
           count(*) filter (where not b.is_lead) as opportunities,
           count(*) filter (where not b.is_lead and b.category in ('open', 'postponed')) as active,
           count(*) filter (where not b.is_lead and b.category = 'won') as won,
           count(*) filter (where not b.is_lead and b.category = 'lost') as lost,
           count(*) filter (where not b.is_lead and b.category = 'cancelled') as cancelled
      from brought b
     group by b.origin
)
select c.origin, c.leads, c.converted, round(c.converted::numeric / nullif(c.leads, 0), 4)::double precision as conversion_share,
       c.opportunities, c.active, c.won, c.lost, c.cancelled,
       coalesce(s.active, '[]') as active_value, coalesce(s.won, '[]') as won_value
  from counts c left join sums s on s.origin is not distinct from c.origin
 order by c.won desc, c.opportunities desc, c.leads desc, c.origin
 limit 5000;

-- query: report_sales many slow
-- What was won, by month, source and currency; and of it what new customers bought: the first won deal of an account.
-- in: since  timestamptz
-- in: until  timestamptz
-- in: source text[]
-- in: owner  uuid[]
-- in: pipeline text
-- in: product_kind text[]
-- in: as_of  timestamptz
-- in: scope  text
-- in: viewer uuid
with won as (
    select o.closed_at, o.source, o.owner_id, o.product_kind, b.key as pipeline, o.amount_currency as currency, coalesce(o.amount_amount, 0) as value,
           row_number() over (partition by o.account_id order by o.closed_at, o.id) = 1 as first
      from sluice.opportunity_at(:as_of) o
      join sluice.state st on st.blueprint_version_id = o.blueprint_version_id and st.key = o.state and st.category = 'won'
      join sluice.blueprint_version v on v.id = o.blueprint_version_id
      join sluice.blueprint b on b.id = v.blueprint_id
     where o.closed_at < coalesce(:until, 'infinity')
), counted as (
    select to_char(w.closed_at at time zone sluice.report_zone(), 'YYYY-MM') as month, w.source, w.currency, w.value, w.first
      from won w
     where w.closed_at >= coalesce(:since, '-infinity')
       and (:pipeline is null or w.pipeline = :pipeline)
       and (:product_kind is null or w.product_kind = any(:product_kind))
       and sluice.in_report(:source, :owner, :scope, :viewer, w.source, w.owner_id)
)
select w.month, w.source, w.currency, count(*) as won, trim_scale(sum(w.value)) as value,
       count(*) filter (where w.first) as new_customers,
       trim_scale(coalesce(sum(w.value) filter (where w.first), 0)) as new_customer_value
  from counted w
 group by w.month, w.source, w.currency
 order by w.month, w.source, w.currency
 limit 5000;

-- query: report_outcomes many slow
-- How opportunities ended in the period, postponed ones too: each kind of end apart, by coded reason and currency.
-- in: since  timestamptz
-- in: until  timestamptz
-- in: source text[]
-- in: owner  uuid[]
-- in: pipeline text
-- in: product_kind text[]
-- in: as_of  timestamptz
-- in: scope  text
-- in: viewer uuid
with ended as (
    select st.category, o.lost_reason as reason, o.amount_currency as currency, coalesce(o.amount_amount, 0) as value
      from sluice.opportunity_at(:as_of) o
      join sluice.state st on st.blueprint_version_id = o.blueprint_version_id and st.key = o.state and st.category <> 'open'
      join sluice.blueprint_version v on v.id = o.blueprint_version_id
      join sluice.blueprint b on b.id = v.blueprint_id
     where o.state_entered_at >= coalesce(:since, '-infinity') and o.state_entered_at < coalesce(:until, 'infinity')
       and (:pipeline is null or b.key = :pipeline)
       and (:product_kind is null or o.product_kind = any(:product_kind))
       and sluice.in_report(:source, :owner, :scope, :viewer, o.source, o.owner_id)
)
select e.category as outcome, e.reason, e.currency, count(*) as count, trim_scale(sum(e.value)) as value,
       round(count(*)::numeric / sum(count(*)) over (), 4)::double precision as share,
       round(sum(count(*)) over (partition by e.category)::numeric / sum(count(*)) over (), 4)::double precision as outcome_share
  from ended e
 group by e.category, e.reason, e.currency
 order by e.category, count(*) desc, e.reason, e.currency
 limit 5000;

-- query: report_growth many slow
-- Records that are new, by month and source, and how many different valid e-mail addresses came with them. What is
-- valid is told by the key of the address, which there is of living records as they are now; of what has changed
-- since the moment that is asked about, the shape decides. A domain that took no mail a week ago
-- or later makes its addresses invalid.
-- in: since  timestamptz
-- in: until  timestamptz
-- in: source text[]
-- in: owner  uuid[]
-- in: as_of  timestamptz
-- in: scope  text
-- in: viewer uuid
with made as (
    select 'account' as entity, a.id, a.created_at, a.source, a.owner_id, a.email,
           :as_of is null or exists (select from sluice.account r where r.id = a.id and r.email = a.email and r.deleted_at is null) as same
      from sluice.account_at(:as_of) a
    union all
    select 'contact', c.id, c.created_at, c.source, c.owner_id, c.email,
           :as_of is null or exists (select from sluice.contact r where r.id = c.id and r.email = c.email and r.deleted_at is null)
      from sluice.contact_at(:as_of) c
    union all
    select 'lead', l.id, l.created_at, l.source, l.owner_id, l.email,
           :as_of is null or exists (select from sluice.lead r where r.id = l.id and r.email = l.email and r.deleted_at is null)
      from sluice.lead_at(:as_of) l
), told as (
    select m.entity, m.created_at, m.source,
           case when m.email is null then null
                when m.same then (select min(k.key) from sluice.match_key k where k.record_id = m.id and k.kind = 'email')
                when m.email ~ '^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$' then lower(m.email) end as address
      from made m
     where m.created_at >= coalesce(:since, '-infinity') and m.created_at < coalesce(:until, 'infinity')
       and sluice.in_report(:source, :owner, :scope, :viewer, m.source, m.owner_id)
)
select to_char(t.created_at at time zone sluice.report_zone(), 'YYYY-MM') as month, t.source,
       count(*) filter (where t.entity = 'account') as accounts,
       count(*) filter (where t.entity = 'contact') as contacts,
       count(*) filter (where t.entity = 'lead') as leads,
       count(distinct t.address) filter (where d.id is null) as valid_addresses
  from told t
  left join sluice.mail_domain d on d.domain = sluice.mail_domain_of(t.address) and d.verdict = 'refuses'
                                and d.checked_at > sluice.now() - interval '7 days'
 group by 1, t.source
 order by 1, t.source
 limit 5000;

-- query: report_calls many slow
-- Calls by day and by who made them. The source is that of what the call was about.
-- in: since  timestamptz
-- in: until  timestamptz
-- in: source text[]
-- in: owner  uuid[]
-- in: as_of  timestamptz
-- in: scope  text
-- in: viewer uuid
with call as (
    select (v.occurred_at at time zone sluice.report_zone())::date as day, v.owner_id, v.duration_s
      from sluice.activity_at(:as_of) v
      left join sluice.lead l on l.id = v.lead_id
      left join sluice.opportunity o on o.id = v.opportunity_id
      left join sluice.contact c on c.id = v.contact_id
      left join sluice.account a on a.id = v.account_id
     where v.kind = 'call'
       and v.occurred_at >= coalesce(:since, '-infinity') and v.occurred_at < coalesce(:until, 'infinity')
       and sluice.in_report(:source, :owner, :scope, :viewer, coalesce(l.source, o.source, c.source, a.source), v.owner_id)
)
select k.day, u.id as "owner.id", u.name as "owner.name", count(*) as calls,
       coalesce(sum(k.duration_s), 0)::bigint as duration_s
  from call k
  left join sluice.app_user u on u.id = k.owner_id
 group by k.day, u.id, u.name
 order by k.day, u.name, u.id
 limit 5000;
