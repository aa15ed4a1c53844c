-- query: invoice_get one read
-- An invoice, if the viewer may see it; no row means 404.
-- in: id     uuid
-- in: viewer uuid
-- in: scope  text
select r.*
  from sluice.invoice_row r
 where r.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, r._owner_id));

-- query: invoice_create none write
-- Adds one from the members of a checked body, if the caller sees what it belongs to.
-- in: id     uuid
-- in: body   jsonb
-- in: viewer uuid
-- in: scope  text
insert into sluice.invoice
  (id, account_id, number, due_on, paid_at, amount_amount, amount_currency, note, external_id)
select :id, sluice.account_within(b.account_id, :viewer, :scope), b.number, b.due_on, b.paid_at, b.amount_amount,
       b.amount_currency, b.note, b.external_id
  from jsonb_populate_record(null::sluice.invoice, sluice.flat_money(:body, 'amount')) b;

-- query: invoice_update one write
-- Merge patch (RFC 7396): members of the patch replace, null empties, what is absent stays. No row: not there, not
-- the caller's, or another version.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
-- in: patch   jsonb
update sluice.invoice r
   set (number, due_on, paid_at, amount_amount, amount_currency, note, external_id)
     = (select b.number, b.due_on, b.paid_at, b.amount_amount, b.amount_currency, b.note, b.external_id
          from jsonb_populate_record(r, sluice.flat_money(:patch, 'amount')) b)
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and r.id in (select x.id from sluice.invoice_row x
                 where x.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, x._owner_id)))
returning r.version;

-- query: invoice_delete one write
-- Takes it away; its history stays.
-- in: id      uuid
-- in: viewer  uuid
-- in: scope   text
-- in: version bigint?
update sluice.invoice r
   set deleted_at = sluice.now()
 where r.id = :id and r.deleted_at is null
   and (:version is null or r.version = :version)
   and r.id in (select x.id from sluice.invoice_row x
                 where x.id = :id and (:scope = 'all' or sluice.in_scope(:scope, :viewer, x._owner_id)))
returning r.version;

-- query: invoice_list list read
-- Those that the viewer may see.
-- in: viewer uuid
-- in: scope  text
-- id: r.id
-- filter: account uuid eq on r.account_id
-- filter: number text eq on r.number
-- filter: paid boolean eq (r.paid_at is not null) = any(:value)
-- filter: overdue boolean eq on r.overdue
-- filter: due_on date gte,lte on r.due_on
-- filter: external_id text eq on r.external_id
-- sort: created_at timestamptz r.created_at
-- sort: due_on date r.due_on
select r.*
-- from
  from sluice.invoice_row r
-- where
 where (:scope = 'all' or sluice.in_scope(:scope, :viewer, r._owner_id));
