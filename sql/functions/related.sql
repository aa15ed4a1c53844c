-- What belongs to an account besides its own fields: people in their roles, equipment, invoices, complaints. Who may
-- see and write them follows from the account (for people's roles: from the contact).

set role sluice_owner;

-- The account that something new is to belong to, if the caller sees it.
create or replace function sluice.account_within(account uuid, viewer uuid, scope text) returns uuid
    language plpgsql stable as $$
begin
    perform from sluice.account a
      where a.id = account and a.deleted_at is null and sluice.in_scope(scope, viewer, a.owner_id);
    if not found then
        perform sluice.refuse_link('account_id', 'account');
    end if;
    return account;
end
$$;

create or replace function sluice.contact_within(contact uuid, viewer uuid, scope text) returns uuid
    language plpgsql stable as $$
begin
    perform from sluice.contact c
      where c.id = contact and c.deleted_at is null and sluice.in_scope(scope, viewer, c.owner_id);
    if not found then
        perform sluice.refuse_link('contact_id', 'contact');
    end if;
    return contact;
end
$$;

-- Whether the role is that of the account's first contact now.
create or replace function sluice.is_first_contact(id uuid) returns boolean
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return (select coalesce((select y.id = x.id from sluice.account_contact y
                              where y.account_id = x.account_id and y.primary_at is not null and y.deleted_at is null
                                and (y.until is null or y.until >= sluice.now()::date)
                              order by y.primary_at desc, y.id desc limit 1), false)
              from sluice.account_contact x where x.id = is_first_contact.id);
end
$$;

-- The contacts at home at one of the accounts, and those who have a role there now. Merged into the query that asks.
create or replace function sluice.contacts_at(accounts uuid[]) returns setof uuid
    language sql stable as $$
    select c.id from sluice.contact c where c.account_id = any (accounts)
    union
    select x.contact_id from sluice.account_contact x
     where x.account_id = any (accounts) and x.deleted_at is null and (x.until is null or x.until >= sluice.now()::date)
$$;

-- Before a role is written by itself (a merge moves what it finds): nobody is twice the same to the same.
create or replace function sluice.account_contact_once() returns trigger
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(new.account_id::text || new.contact_id::text, 0));
    perform from sluice.account_contact x
      where x.account_id = new.account_id and x.contact_id = new.contact_id and x.role = new.role
        and x.id <> new.id and x.deleted_at is null and x.until is null and new.until is null;
    if found then
        raise exception using errcode = 'SL409', message = 'conflict', column = '/role',
            detail = 'The contact has this role at this account already.';
    end if;
    return new;
end
$$;

-- After something of an account was written: moves that wait for it are looked at.
create or replace function sluice.account_part_changed() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    perform sluice.touched(new.account_id);
    perform sluice.recheck_add('account', r.id) from sluice.account r
      where r.id = new.account_id and r.deleted_at is null and sluice.reacts(r.blueprint_version_id, r.state, r.id);
    perform sluice.recheck_add('opportunity', o.id) from sluice.opportunity o
      where o.account_id = new.account_id and o.deleted_at is null and sluice.reacts(o.blueprint_version_id, o.state, o.id);
    return null;
end
$$;

do $$
declare
    t text;
begin
    foreach t in array array['account_contact', 'equipment', 'invoice', 'complaint'] loop
        execute format('create or replace trigger %1$I_account before insert or update of account_id on sluice.%1$I '
                       'for each row execute function sluice.living_account()', t);
        execute format('create or replace trigger %1$I_touch before update on sluice.%1$I '
                       'for each row when (old *<> new) execute function sluice.touch()', t);
        execute format('create or replace trigger %1$I_audit after insert or update or delete on sluice.%1$I '
                       'for each row execute function sluice.audit_change(%1$L, ''event'')', t);
        execute format('create or replace trigger %1$I_changed after insert or update on sluice.%1$I '
                       'for each row execute function sluice.account_part_changed()', t);
    end loop;
end
$$;
create or replace trigger account_contact_contact before insert or update of contact_id on sluice.account_contact
    for each row execute function sluice.living_contact();
create or replace trigger account_contact_once before insert or update of role, until on sluice.account_contact
    for each row when (new.deleted_at is null) execute function sluice.account_contact_once();

drop view if exists sluice.account_contact_row, sluice.equipment_row, sluice.invoice_row, sluice.complaint_row;

create view sluice.account_contact_row as
select x.id, x.version, x.account_id, x.contact_id, x.role, sluice.is_first_contact(x.id) as "primary",
       x.since, x.until, x.until is null or x.until >= sluice.now()::date as current, x.note,
       x.created_at, x.updated_at, x.created_by, c.owner_id as _owner_id
  from sluice.account_contact x
  join sluice.contact c on c.id = x.contact_id and c.deleted_at is null
 where x.deleted_at is null;

create view sluice.equipment_row as
select e.id, e.version, e.account_id, e.kind, e.product, e.vendor, e.competitor, e.year_installed, e.quantity, e.serial,
       e.note, e.external_id, e.removed_at, e.created_at, e.updated_at, e.created_by, a.owner_id as _owner_id
  from sluice.equipment e
  join sluice.account a on a.id = e.account_id and a.deleted_at is null
 where e.deleted_at is null;

create view sluice.invoice_row as
select i.id, i.version, i.account_id, i.number, i.due_on, i.paid_at,
       i.amount_amount as "amount.amount", i.amount_currency as "amount.currency",
       i.paid_at is null and i.due_on < sluice.now()::date as overdue,
       i.note, i.external_id, i.created_at, i.updated_at, i.created_by, a.owner_id as _owner_id
  from sluice.invoice i
  join sluice.account a on a.id = i.account_id and a.deleted_at is null
 where i.deleted_at is null;

create view sluice.complaint_row as
select k.id, k.version, k.account_id, k.subject, k.severity, k.opened_at, k.closed_at, k.note, k.external_id,
       k.created_at, k.updated_at, k.created_by, a.owner_id as _owner_id
  from sluice.complaint k
  join sluice.account a on a.id = k.account_id and a.deleted_at is null
 where k.deleted_at is null;

-- Facts for guards: the newest, as the API names them.
create or replace function sluice.equipment_json(account_id uuid) returns jsonb
    language plpgsql stable as $$
begin
    return (select coalesce(jsonb_agg(to_jsonb(e) - '{deleted_at}'::text[] || jsonb_build_object(
                       'removed_at', sluice.rfc3339(e.removed_at), 'created_at', sluice.rfc3339(e.created_at),
                       'updated_at', sluice.rfc3339(e.updated_at)) order by e.created_at desc, e.id), '[]')
              from (select * from sluice.equipment x
                     where x.account_id = equipment_json.account_id and x.deleted_at is null
                     order by x.created_at desc, x.id limit 500) e);
end
$$;

create or replace function sluice.equipment_print(account_id uuid) returns text
    language plpgsql stable as $$
begin
    return (select coalesce(sum(uuid_hash_extended(e.id, e.version)), 0)
              from (select x.id, x.version from sluice.equipment x
                     where x.account_id = equipment_print.account_id and x.deleted_at is null
                     order by x.created_at desc, x.id limit 500) e);
end
$$;

grant select on sluice.account_contact_row, sluice.equipment_row, sluice.invoice_row, sluice.complaint_row to sluice_app;
grant execute on function
    sluice.account_within(uuid, uuid, text), sluice.contact_within(uuid, uuid, text), sluice.is_first_contact(uuid), sluice.contacts_at(uuid[]),
    sluice.equipment_json(uuid), sluice.equipment_print(uuid)
    to sluice_app;

reset role;
