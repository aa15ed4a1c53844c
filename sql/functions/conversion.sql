-- A lead becomes an account and a contact, and on request an opportunity.

set role sluice_owner;

-- Accounts and contacts that have the keys of a lead: a tax number, a comparable name, an e-mail address or a phone
-- number is sure (score 1), a domain a hint (0.8), a similar name in the same place one too (its score). In plpgsql,
-- whose plans are kept.
create or replace function sluice.lead_matches(lead uuid)
returns table (entity text, record_id uuid, rule text, score numeric, field text)
    language plpgsql stable security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
    n sluice.match_name;
    r sluice.duplicate_rule;
begin
    return query
        select o.entity, o.record_id, o.kind, case o.kind when 'domain' then 0.8 else 1.0 end,
               case o.kind when 'domain' then 'website' else o.kind end
          from sluice.match_key k
          join sluice.match_key o on o.kind = k.kind and o.key = k.key
         where k.record_id = lead
           and o.entity = case when k.kind in ('tax_id', 'domain') then 'account' when k.kind in ('email', 'phone') then 'contact' end;
    select * into n from sluice.match_name x where x.record_id = lead;
    if not found then
        return;
    end if;
    return query select 'account', o.record_id, 'name', 1.0, 'name' from sluice.match_name o
                  where o.name = n.name and o.entity = 'account';
    for r in select * from sluice.duplicate_rule x where x.entity = 'account' and x.kind = 'fuzzy' and x.enabled loop
        return query
            select f.entity, f.record_id, r.key, f.score, unnest(f.fields)
              from sluice.match_fuzzy(r.weights, r.threshold, '{account}', to_jsonb(n), array[lead]) f;
    end loop;
end
$$;

create or replace function sluice.refuse_member(pointer text, code text, detail text) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'SL422', message = code, column = pointer, detail = detail;
end
$$;

-- In words of the request, what a new part of a conversion was refused for; @broken is the constraint's name.
create or replace function sluice.refuse_part(prefix text, broken text) returns void
    language plpgsql as $$
begin
    if broken like '%\_owner\_fk' then
        perform sluice.refuse_member(prefix || '/owner_id', 'unknown_reference', 'There is no such user.');
    elsif broken like '%\_external\_id\_key' then
        perform sluice.refuse_member(prefix || '/external_id', 'conflict', 'Another record has this external id.');
    elsif broken like '%name\_check' then
        perform sluice.refuse_member(prefix || '/' || substring(broken from '(last_name|name)_check$'),
                                     'validation_failed', 'The name must not be blank.');
    end if;
end
$$;

-- What a lead becomes, before it is there: @given wins over what the lead says.
create or replace function sluice.converted_account(r sluice.lead, given jsonb, viewer uuid) returns sluice.account
    language plpgsql stable as $$
declare
    a sluice.account := jsonb_populate_record(null::sluice.account, sluice.lead_mapped(r, 'account', null)
                                                                    || coalesce(given, '{}'));
begin
    a.name := coalesce(a.name, nullif(concat_ws(' ', r.first_name, r.last_name), ''));
    a.owner_id := coalesce(a.owner_id, r.owner_id, viewer);
    a.source := r.source;
    a.campaign := r.campaign;
    a.lead_id := r.id;
    a.tags := coalesce(a.tags, r.tags);
    a.custom := coalesce(sluice.lead_mapped(r, 'account', null) -> 'custom', '{}') || coalesce(nullif(given -> 'custom', 'null'), '{}');
    return a;
end
$$;

create or replace function sluice.converted_contact(r sluice.lead, given jsonb, viewer uuid) returns sluice.contact
    language plpgsql stable as $$
declare
    c sluice.contact := jsonb_populate_record(null::sluice.contact, sluice.lead_mapped(r, 'contact', null)
                                                                    || coalesce(given, '{}'));
begin
    if c.last_name is null then  -- one name is a name
        c.last_name := c.first_name;
        c.first_name := null;
    end if;
    c.owner_id := coalesce(c.owner_id, r.owner_id, viewer);
    c.source := r.source;
    c.campaign := r.campaign;
    c.lead_id := r.id;
    c.custom := coalesce(sluice.lead_mapped(r, 'contact', null) -> 'custom', '{}') || coalesce(nullif(given -> 'custom', 'null'), '{}');
    return c;
end
$$;

create or replace function sluice.converted_opportunity(
    r sluice.lead, given jsonb, account_name text, viewer uuid) returns sluice.opportunity
    language plpgsql stable as $$
declare
    o sluice.opportunity := jsonb_populate_record(null::sluice.opportunity, sluice.flat_money(
        sluice.lead_mapped(r, 'opportunity', null) || coalesce(jsonb_strip_nulls(given), '{}'), 'amount'));
begin
    o.name := coalesce(o.name, account_name);
    o.owner_id := coalesce(o.owner_id, r.owner_id, viewer);
    o.source := r.source;
    o.campaign := r.campaign;
    o.lead_id := r.id;
    o.tags := coalesce(o.tags, r.tags);
    o.custom := coalesce(sluice.lead_mapped(r, 'opportunity', null) -> 'custom', '{}') || coalesce(nullif(given -> 'custom', 'null'), '{}');
    return o;
end
$$;

-- What is known of the account and the opportunity that a conversion would make, as in birth_facts; null for what it
-- would not make. An account that is not there yet has the state that it would get if nothing had to be decided.
create or replace function sluice.conversion_births(
    lead_id uuid, account jsonb, contact jsonb, opportunity jsonb, new_account uuid, new_contact uuid, actor_kind text,
    viewer uuid, roles text[], teams text[], account_scope text, contact_scope text,
    out account_facts jsonb, out opportunity_facts jsonb
)
    language plpgsql stable as $$
declare
    r sluice.lead;
    a sluice.account;
    c sluice.contact;
    o sluice.opportunity;
    its_account jsonb;
    its_contact jsonb;
begin
    select * into r from sluice.lead l where l.id = conversion_births.lead_id;
    if account ->> 'id' is not null then
        select x.* into a from sluice.account x
         where x.id = (account ->> 'id')::uuid and x.deleted_at is null
           and sluice.in_scope(account_scope, viewer, x.owner_id);
        its_account := sluice.birth_account(a.id);
    elsif account is not null then
        a := sluice.converted_account(r, account -> 'create', viewer);
        a.id := new_account;
        select t.to_state into a.state
          from sluice.blueprint b
          join sluice.blueprint_version v on v.blueprint_id = b.id and v.status = 'published' and v.criteria = '[]'
          join sluice.transition t on t.blueprint_version_id = v.id and t.kind = 'initial'
         where b.entity = 'account' order by b.priority desc, b.key limit 1;
        its_account := sluice.account_json(a, null);
        account_facts := sluice.birth_facts_of(
            its_account || jsonb_build_object('id', null, 'verification', null),
            jsonb_build_object('lead', sluice.lead_json(r, (
                select s.category from sluice.state s
                 where s.blueprint_version_id = r.blueprint_version_id and s.key = r.state))),
            actor_kind, viewer, roles, teams);
    end if;
    if opportunity is null then
        return;
    end if;
    if contact ->> 'id' is not null then
        select x.* into c from sluice.contact x
         where x.id = (contact ->> 'id')::uuid and x.deleted_at is null
           and sluice.in_scope(contact_scope, viewer, x.owner_id);
    elsif contact is not null then
        c := sluice.converted_contact(r, contact -> 'create', viewer);
        c.id := new_contact;
    end if;
    if c.id is not null then
        its_contact := sluice.contact_json(c);
    end if;
    o := sluice.converted_opportunity(r, opportunity, a.name, viewer);
    o.account_id := a.id;
    o.contact_id := c.id;
    opportunity_facts := sluice.birth_facts_of(
        sluice.opportunity_json(o, null), jsonb_build_object('account', its_account, 'contact', its_contact),
        actor_kind, viewer, roles, teams);
end
$$;

-- Links or creates the account; see lead_convert. Linking fills what is empty and overwrites nothing.
create or replace function sluice.convert_account(
    r sluice.lead, spec jsonb, new_id uuid, viewer uuid, scope text,
    out id uuid, out name text, out outcome text, out conflicts jsonb
)
    language plpgsql as $$
declare
    a sluice.account;
    n sluice.account;
    broken text;
begin
    conflicts := '[]';
    if spec ->> 'id' is not null then
        select * into a from sluice.account x
         where x.id = (spec ->> 'id')::uuid and x.deleted_at is null and sluice.in_scope(scope, viewer, x.owner_id)
           for no key update;
        if not found then
            perform sluice.refuse_member('/account/id', 'unknown_reference', 'There is no such account.');
        end if;
        conflicts := sluice.conversion_conflicts(r.id, a.id, null);
        n := jsonb_populate_record(a, sluice.mapped_patch(r, 'account', to_jsonb(a)));
        update sluice.account x
           set name = n.name, tax_id = n.tax_id, email = n.email, phone = n.phone, website = n.website, industry = n.industry,
               street = n.street, postcode = n.postcode, city = n.city, country = n.country, description = n.description,
               lead_id = coalesce(x.lead_id, r.id), tags = coalesce(x.tags, r.tags),
               custom = n.custom
         where x.id = a.id;
        id := a.id;
        name := n.name;
        outcome := 'linked';
        return;
    end if;
    a := sluice.converted_account(r, spec -> 'create', sluice.actor_user());
    id := new_id;
    name := a.name;
    outcome := 'created';
    if name is null then
        perform sluice.refuse_member('/account/create/name', 'validation_failed',
                                     'The lead names neither a company nor a person: give the account a name.');
    end if;
    insert into sluice.account (id, name, tax_id, email, phone, website, industry, street, postcode, city, country,
                                description, source, campaign, lead_id, external_id, owner_id, tags, custom)
    values (new_id, a.name, a.tax_id, a.email, a.phone, a.website, a.industry, a.street, a.postcode, a.city,
            a.country, a.description, a.source, a.campaign, a.lead_id, a.external_id, a.owner_id, nullif(a.tags, '{}'),
            a.custom);
exception when integrity_constraint_violation then
    get stacked diagnostics broken = constraint_name;
    perform sluice.refuse_part('/account/create', broken);
    raise;
end
$$;

create or replace function sluice.convert_contact(
    r sluice.lead, spec jsonb, new_id uuid, viewer uuid, scope text, account_id uuid,
    out id uuid, out name text, out outcome text, out conflicts jsonb
)
    language plpgsql as $$
declare
    c sluice.contact;
    n sluice.contact;
    broken text;
begin
    conflicts := '[]';
    if spec ->> 'id' is not null then
        select * into c from sluice.contact x
         where x.id = (spec ->> 'id')::uuid and x.deleted_at is null and sluice.in_scope(scope, viewer, x.owner_id)
           for no key update;
        if not found then
            perform sluice.refuse_member('/contact/id', 'unknown_reference', 'There is no such contact.');
        end if;
        conflicts := sluice.differences('contact', sluice.lead_mapped(r, 'contact', 'fill')
                                                   || jsonb_build_object('account_id', account_id), to_jsonb(c));
        n := jsonb_populate_record(c, sluice.mapped_patch(r, 'contact', to_jsonb(c)));
        update sluice.contact x
           set account_id = coalesce(x.account_id, convert_contact.account_id),
               first_name = n.first_name, last_name = n.last_name, email = n.email, phone = n.phone, job_title = n.job_title,
               description = n.description, lead_id = coalesce(x.lead_id, r.id),
               custom = n.custom
         where x.id = c.id;
        id := c.id;
        name := concat_ws(' ', n.first_name, n.last_name);
        outcome := 'linked';
        return;
    end if;
    c := sluice.converted_contact(r, spec -> 'create', sluice.actor_user());
    if c.last_name is null then
        perform sluice.refuse_member('/contact/create/last_name', 'validation_failed',
                                     'The lead names no person: give the contact a last name.');
    end if;
    id := new_id;
    name := concat_ws(' ', c.first_name, c.last_name);
    outcome := 'created';
    insert into sluice.contact (id, account_id, first_name, last_name, email, phone, job_title, role, description,
                                source, campaign, lead_id, external_id, owner_id, custom)
    values (new_id, convert_contact.account_id, c.first_name, c.last_name, c.email, c.phone, c.job_title, c.role,
            c.description, c.source, c.campaign, c.lead_id, c.external_id, c.owner_id, c.custom);
exception when integrity_constraint_violation then
    get stacked diagnostics broken = constraint_name;
    perform sluice.refuse_part('/contact/create', broken);
    raise;
end
$$;

create or replace function sluice.convert_opportunity(
    r sluice.lead, spec jsonb, new_id uuid, account_id uuid, account_name text, contact_id uuid,
    out id uuid, out name text, out outcome text
)
    language plpgsql as $$
declare
    o sluice.opportunity;
    broken text;
begin
    o := sluice.converted_opportunity(r, spec, account_name, sluice.actor_user());
    id := new_id;
    name := o.name;
    outcome := 'created';
    insert into sluice.opportunity (id, name, account_id, contact_id, lead_id, amount_amount, amount_currency,
                                    product_kind, delivery_date, close_date, description, source, campaign,
                                    external_id, owner_id, tags, custom)
    values (new_id, o.name, convert_opportunity.account_id, convert_opportunity.contact_id, o.lead_id,
            o.amount_amount, o.amount_currency, o.product_kind, o.delivery_date, o.close_date,
            o.description, o.source, o.campaign, o.external_id, o.owner_id, nullif(o.tags, '{}'), o.custom);
exception when integrity_constraint_violation then
    get stacked diagnostics broken = constraint_name;
    perform sluice.refuse_part('/opportunity', broken);
    raise;
end
$$;

drop function if exists sluice.lead_convert(uuid, bigint, text, text, text, uuid, text, jsonb, jsonb, jsonb, uuid, uuid,
                                            uuid, jsonb, text, text, text);

-- Converts a lead, all or nothing. @account and @contact are {"id"} to link or {"create": {...}} (members win over
-- the lead's); null leaves one of them out; @opportunity is its members, or null. outcome: converted; already
-- (with the ids of then), gone, stale, undeclared: these change nothing. The lead stays; its activities and tasks
-- stay with it and get linked to what it became, so that there is one story.
create or replace function sluice.lead_convert(
    lead_id uuid, expected_version bigint, from_state text, transition text, evidence text, viewer uuid, scope text,
    account jsonb, contact jsonb, opportunity jsonb, new_account uuid, new_contact uuid, new_opportunity uuid,
    verdicts jsonb, note text, account_scope text, contact_scope text, more jsonb default null,
    out outcome text, out version bigint, out state text,
    out account_id uuid, out account_name text, out account_outcome text,
    out contact_id uuid, out contact_name text, out contact_outcome text,
    out opportunity_id uuid, out opportunity_name text, out opportunity_outcome text,
    out conflicts jsonb
)
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    r sluice.lead;
    e record;
    a record;
    c record;
    o record;
    said text;
begin
    conflicts := '[]';
    -- Whoever writes an activity locks it first and its lead second: the same order here.
    perform from sluice.activity x where x.lead_id = lead_convert.lead_id order by x.id for no key update;
    perform from sluice.task x where x.lead_id = lead_convert.lead_id order by x.id for no key update;
    select * into r from sluice.lead l
     where l.id = lead_convert.lead_id and l.deleted_at is null and sluice.in_scope(scope, viewer, l.owner_id)
       for update;
    if not found then
        outcome := 'gone';
        return;
    end if;
    version := r.version;
    state := r.state;
    if r.converted_at is not null then
        outcome := 'already';
        account_id := r.account_id;
        contact_id := r.contact_id;
        opportunity_id := r.opportunity_id;
        return;
    end if;
    perform sluice.hold_related(r.account_id, r.contact_id, null);
    perform sluice.steps_hold(r.id);
    if r.version is distinct from expected_version or r.state is distinct from from_state
       or sluice.whole_evidence('lead', r.id, r.blueprint_version_id, sluice.lead_evidence(r.id))
          is distinct from evidence then
        outcome := 'stale';
        return;
    end if;
    e := sluice.edge(r.blueprint_version_id, r.state, transition);
    if e.kind is distinct from (case when opportunity is null then 'convert' else 'convert_open' end) then
        outcome := 'undeclared';
        return;
    end if;
    if account is null and (contact is null or opportunity is not null) then
        perform sluice.refuse_member('/account', 'validation_failed', 'A conversion needs an account here.');
    end if;

    if account is not null then
        a := sluice.convert_account(r, account, new_account, viewer, account_scope);
        account_id := a.id;
        account_name := a.name;
        account_outcome := a.outcome;
        conflicts := conflicts || a.conflicts;
    end if;
    if contact is not null then
        c := sluice.convert_contact(r, contact, new_contact, viewer, contact_scope, account_id);
        contact_id := c.id;
        contact_name := c.name;
        contact_outcome := c.outcome;
        conflicts := conflicts || c.conflicts;
    end if;
    if opportunity is not null then
        o := sluice.convert_opportunity(r, opportunity, new_opportunity, account_id, account_name, contact_id);
        opportunity_id := o.id;
        opportunity_name := o.name;
        opportunity_outcome := o.outcome;
    end if;

    update sluice.activity x
       set account_id = coalesce(x.account_id, lead_convert.account_id),
           contact_id = coalesce(x.contact_id, lead_convert.contact_id),
           opportunity_id = coalesce(x.opportunity_id, lead_convert.opportunity_id)
     where x.lead_id = r.id and x.deleted_at is null;
    update sluice.task x
       set account_id = coalesce(x.account_id, lead_convert.account_id),
           contact_id = coalesce(x.contact_id, lead_convert.contact_id),
           opportunity_id = coalesce(x.opportunity_id, lead_convert.opportunity_id)
     where x.lead_id = r.id and x.deleted_at is null;

    r.account_id := account_id;
    r.contact_id := contact_id;
    r.opportunity_id := opportunity_id;
    r.converted_at := sluice.now();
    said := set_config('sluice.cause', sluice.cause(transition, note, null, verdicts, more)::text, true);
    version := sluice.lead_move(r, e.to_state, e.category, transition,
                                sluice.run_actions('lead', to_jsonb(r), transition, null));
    said := set_config('sluice.cause', '', true);
    perform sluice.transition_applied('lead', r.id, transition, null);
    state := e.to_state;
    outcome := 'converted';
end
$$;

drop function if exists sluice.company_domain(text), sluice.public_mail(text);

grant execute on function
    sluice.lead_matches(uuid),
    sluice.converted_account(sluice.lead, jsonb, uuid), sluice.converted_contact(sluice.lead, jsonb, uuid),
    sluice.converted_opportunity(sluice.lead, jsonb, text, uuid),
    sluice.conversion_births(uuid, jsonb, jsonb, jsonb, uuid, uuid, text, uuid, text[], text[], text, text),
    sluice.lead_convert(uuid, bigint, text, text, text, uuid, text, jsonb, jsonb, jsonb, uuid, uuid, uuid, jsonb, text,
                        text, text, jsonb)
    to sluice_app;

reset role;
