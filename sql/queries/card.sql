-- query: card_contacts many read
-- People of an account, who is called first in front, with what they are to it.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.id, r.first_name, r.last_name, r.email, r.phone, r.job_title, r.account_id = :id as home,
       coalesce(x.first, false) as "primary", coalesce(x.roles, '[]') as roles
  from sluice.contact_row r
  left join lateral (
       select jsonb_agg(jsonb_build_object('id', y.id, 'role', y.role, 'since', y.since, 'until', y.until)
                        order by y.created_at, y.id) as roles,
              bool_or(y."primary") as first
         from sluice.account_contact_row y
        where y.contact_id = r.id and y.account_id = :id and y.current) x on true
 where r.id in (select m.id from sluice.contacts_at(array[:id]) m(id))
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.owner_id))
 order by coalesce(x.first, false) desc, r.created_at, r.id
 limit 50;

-- query: card_equipment many read
-- Installed equipment, what is still there first.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.equipment_row r
 where r.account_id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r._owner_id))
 order by r.removed_at is not null, r.created_at desc, r.id desc
 limit 50;

-- query: card_opportunities many read
-- Deals by kind of product, category of the stage and currency. Names of stages have no part in it.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select o.product_kind, s.category as category, count(*) as count,
       coalesce(sum(o.amount_amount), 0)::text as "amount.amount", o.amount_currency as "amount.currency"
  from sluice.opportunity o
  left join sluice.state s on s.blueprint_version_id = o.blueprint_version_id and s.key = o.state
 where o.account_id = :id and o.deleted_at is null
   and (:scope = 'all' or sluice.in_scope(:scope, :viewer, o.owner_id))
 group by o.product_kind, s.category, o.amount_currency
 order by o.product_kind nulls last, s.category, o.amount_currency
 limit 100;

-- query: card_tasks many read
-- Open tasks of the account and its deals, what is due first.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.task_row r
 where r.id in (select t.id from sluice.task t where t.account_id = :id
                union
                select t.id from sluice.opportunity o join sluice.task t on t.opportunity_id = o.id where o.account_id = :id)
   and r.status = 'open' and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r.assignee_id))
 order by r.due_at nulls last, r.created_at, r.id
 limit 20;

-- query: card_invoices many read
-- Unpaid invoices, the oldest first.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.invoice_row r
 where r.account_id = :id and r.paid_at is null and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r._owner_id))
 order by r.due_on, r.id
 limit 20;

-- query: card_complaints many read
-- Open complaints, the oldest first.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.complaint_row r
 where r.account_id = :id and r.closed_at is null and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r._owner_id))
 order by r.opened_at, r.id
 limit 20;

-- query: card_timeline many read
-- The newest of what happened, as far as the viewer may see it.
-- in: id     uuid
-- in: viewer uuid
-- in: scopes jsonb
select r.at, r.id, r.kind, r.entity, r.record_id, r.title, r.body,
       r.actor_kind as "actor.kind", r.actor_id as "actor.id",
       coalesce(u.name, k.name, f.name) as "actor.name", r.data
  from (select * from sluice.story('account', :id, :viewer, :scopes) s order by s.at desc, s.id desc limit 20) r
  left join sluice.app_user u on u.id = r.actor_id
  left join sluice.api_key k on k.id = r.actor_id
  left join sluice.intake_form f on f.id = r.actor_id
 order by r.at desc, r.id desc;

-- query: card_segments many read
-- The segments that the account is in.
-- in: id uuid
select r.key, r.label
  from sluice.segment_row r
 where (sluice.segment_judge(r.rule, :id) ->> 'passed')::boolean
 order by r.key
 limit 100;

-- query: card_duplicates many read
-- How many living records are suspected to be the same.
-- in: id uuid
select sluice.duplicates_of('account', :id) as n;
