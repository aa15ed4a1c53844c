-- What all records have in common: versions, birth in the initial state, links to living records, search text.

set role sluice_owner;

-- Before each update that changes something: the next version. One that changes nothing keeps it, so that a PATCH
-- with the same values leaves the ETag alone. Its triggers compare the rows' images (*<>): 1.5 and 1.50 are equal
-- but not the same answer.
create or replace function sluice.touch() returns trigger
    language plpgsql as $$
begin
    new.version := old.version + 1;
    new.updated_at := sluice.now();
    return new;
end
$$;

-- Before each insert of a governed record: the version that governs it and its initial state, whatever the
-- statement says. birth_choose() said which; who did not choose gets the version of the highest priority that
-- governs every record. Without one the record is free. Argument: the entity.
create or replace function sluice.birth() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    choice text := 'sluice.chosen_' || tg_argv[0];
    chosen text := nullif(current_setting(choice, true), '');
begin
    perform set_config(choice, '', true);  -- one choice, one birth
    new.blueprint_version_id := null;
    new.state := null;
    new.state_entered_at := null;
    select v.id, t.to_state, sluice.now() into new.blueprint_version_id, new.state, new.state_entered_at
      from sluice.blueprint b
      join sluice.blueprint_version v on v.blueprint_id = b.id and v.status = 'published'
      join sluice.transition t on t.blueprint_version_id = v.id and t.kind = 'initial'
     where b.entity = tg_argv[0]
       and case when chosen is null then v.criteria = '[]' else v.id::text = chosen end
     order by b.priority desc, b.key
     limit 1;
    if not found and chosen <> 'none' then
        raise exception using errcode = 'SLAGN', message = 'stale',
            detail = 'The process that governs the record has changed meanwhile; try again.';
    elsif not found and chosen is null and not exists (
            select from sluice.blueprint b join sluice.blueprint_version v on v.blueprint_id = b.id
             where b.entity = tg_argv[0] and v.status = 'published') then
        raise exception using errcode = 'SL409', message = 'conflict',
            detail = format('There is no published blueprint for %s.', tg_argv[0]);
    end if;
    return new;
end
$$;

-- After it: the first visit.
create or replace function sluice.first_visit() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if new.state is null then
        return null;
    end if;
    insert into sluice.visit (id, entity, record_id, blueprint_version_id, state, entered_at, entered_by, via)
    select sluice.next_seq(), tg_argv[0], new.id, new.blueprint_version_id, new.state, new.state_entered_at,
           sluice.actor_id(), t.key
      from sluice.transition t
     where t.blueprint_version_id = new.blueprint_version_id and t.kind = 'initial';
    return null;
end
$$;

-- The second lock on the state, for those whom no missing grant stops: only a function that applies a transition
-- says why the state changes. Its triggers ask for the cause in their conditions, which costs no call.
create or replace function sluice.governed() returns trigger
    language plpgsql as $$
begin
    raise exception using errcode = 'SL422', message = 'governed_field',
        detail = 'The state of a record changes by its transitions only.';
end
$$;

create or replace function sluice.refuse_link(field text, entity text) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'SL422', message = 'unknown_reference', column = '/' || field,
        detail = format('There is no such %s.', entity);
end
$$;

grant execute on function sluice.refuse_link(text, text) to sluice_app; -- its triggers run as who writes

-- Before an activity or task is written: its records are alive, and locked against transitions, whose evidence
-- it is. The order (opportunity, lead, contact, account) is that in which transitions lock.
create or replace function sluice.hold_links() returns trigger
    language plpgsql as $$
declare
    alive boolean;
    was sluice.task;  -- only its links are used: those of either table
begin
    if tg_op = 'UPDATE' then
        was.opportunity_id := old.opportunity_id;
        was.lead_id := old.lead_id;
        was.contact_id := old.contact_id;
        was.account_id := old.account_id;
    end if;
    if was.opportunity_id is distinct from new.opportunity_id and was.opportunity_id is not null then
        perform from sluice.opportunity r where r.id = was.opportunity_id for key share;
    end if;
    if new.opportunity_id is not null then
        select r.deleted_at is null into alive from sluice.opportunity r where r.id = new.opportunity_id for key share;
        if alive is not true and was.opportunity_id is distinct from new.opportunity_id then
            perform sluice.refuse_link('opportunity_id', 'opportunity');
        end if;
    end if;
    if was.lead_id is distinct from new.lead_id and was.lead_id is not null then
        perform from sluice.lead r where r.id = was.lead_id for key share;
    end if;
    if new.lead_id is not null then
        select r.deleted_at is null into alive from sluice.lead r where r.id = new.lead_id for key share;
        if alive is not true and was.lead_id is distinct from new.lead_id then
            perform sluice.refuse_link('lead_id', 'lead');
        end if;
    end if;
    if new.contact_id is not null and was.contact_id is distinct from new.contact_id then
        select r.deleted_at is null into alive from sluice.contact r where r.id = new.contact_id for key share;
        if alive is not true then
            perform sluice.refuse_link('contact_id', 'contact');
        end if;
    end if;
    if was.account_id is distinct from new.account_id and was.account_id is not null then
        perform from sluice.account r where r.id = was.account_id for key share;
    end if;
    if new.account_id is not null then
        select r.deleted_at is null into alive from sluice.account r where r.id = new.account_id for key share;
        if alive is not true and was.account_id is distinct from new.account_id then
            perform sluice.refuse_link('account_id', 'account');
        end if;
    end if;
    return new;
end
$$;

-- Before a contact or opportunity gets its account: the account is alive.
create or replace function sluice.living_account() returns trigger
    language plpgsql as $$
begin
    if new.account_id is not null then
        perform from sluice.account a where a.id = new.account_id and a.deleted_at is null for key share;
        if not found then
            perform sluice.refuse_link('account_id', 'account');
        end if;
    end if;
    return new;
end
$$;

create or replace function sluice.living_contact() returns trigger
    language plpgsql as $$
begin
    if new.contact_id is not null then
        perform from sluice.contact c where c.id = new.contact_id and c.deleted_at is null for key share;
        if not found then
            perform sluice.refuse_link('contact_id', 'contact');
        end if;
    end if;
    return new;
end
$$;

-- After one of the searched columns changed: the text that lists search through. Argument: the entity.
create or replace function sluice.index_text() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    words text;
begin
    if tg_argv[0] = 'lead' then
        words := concat_ws(' ', new.first_name, new.last_name, new.company, new.email, new.phone,
                           sluice.digits(new.phone), new.tax_id, sluice.digits(new.tax_id));
    elsif tg_argv[0] = 'account' then
        words := concat_ws(' ', new.name, new.email, new.phone, sluice.digits(new.phone), new.tax_id,
                           sluice.digits(new.tax_id));
    elsif tg_argv[0] = 'contact' then
        words := concat_ws(' ', new.first_name, new.last_name, new.email, new.phone, sluice.digits(new.phone));
    else
        words := new.name;
    end if;
    insert into sluice.search_text (entity, record_id, text) values (tg_argv[0], new.id, words)
        on conflict (record_id) do update set text = excluded.text;
    return null;
end
$$;

-- A role of a user or a member of a team belongs to the record: its version moves on.
create or replace function sluice.touch_whole() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if tg_argv[0] = 'user' then
        update sluice.app_user u set updated_at = sluice.now()
         where u.id = case when tg_op = 'DELETE' then old.user_id else new.user_id end;
    elsif tg_argv[0] = 'team' then
        update sluice.team t set updated_at = sluice.now()
         where t.id = case when tg_op = 'DELETE' then old.team_id else new.team_id end;
    else
        update sluice.api_key k set updated_at = sluice.now()
         where k.id = case when tg_op = 'DELETE' then old.api_key_id else new.api_key_id end;
    end if;
    return null;
end
$$;

create or replace trigger user_role_touch after insert or delete on sluice.user_role
    for each row execute function sluice.touch_whole('user');
create or replace trigger team_member_touch after insert or delete on sluice.team_member
    for each row execute function sluice.touch_whole('team');
create or replace trigger api_key_role_touch after insert or delete on sluice.api_key_role
    for each row execute function sluice.touch_whole('api_key');

create or replace trigger app_user_touch before update on sluice.app_user
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger team_touch before update on sluice.team
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger api_key_touch before update of name, key_hash, expires_at, revoked_at, updated_at
    on sluice.api_key for each row when (old *<> new) execute function sluice.touch();
create or replace trigger merge_touch before update on sluice.merge
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger deputy_touch before update on sluice.deputy
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger intake_form_touch before update on sluice.intake_form
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger intake_submission_touch before update on sluice.intake_submission
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger import_touch before update on sluice.import
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger blueprint_touch before update on sluice.blueprint
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger blueprint_version_touch before update on sluice.blueprint_version
    for each row when (old *<> new) execute function sluice.touch();

-- Triggers of a kind fire in the order of their names: touch comes last. What one row of a create needs, an import
-- does for thousands at once (sluice.import_insert); nobody else may write import_id.
create or replace trigger lead_birth before insert on sluice.lead
    for each row when (new.import_id is null) execute function sluice.birth('lead');
create or replace trigger lead_first_visit after insert on sluice.lead
    for each row when (new.import_id is null) execute function sluice.first_visit('lead');
create or replace trigger lead_governed before update of state, state_entered_at, blueprint_version_id on sluice.lead
    for each row when (coalesce(current_setting('sluice.cause', true), '') = ''
                       and (old.state, old.state_entered_at, old.blueprint_version_id)
                           is distinct from (new.state, new.state_entered_at, new.blueprint_version_id))
    execute function sluice.governed();
-- the score moves with time, and nobody who has the lead open is to be told of a conflict then
create or replace trigger lead_touch before update on sluice.lead
    for each row when (old *<> new and old.score = new.score) execute function sluice.touch();
create or replace trigger lead_text_insert after insert on sluice.lead
    for each row when (new.import_id is null) execute function sluice.index_text('lead');
create or replace trigger lead_text_update after update of first_name, last_name, company, email, phone, tax_id on sluice.lead
    for each row when ((old.first_name, old.last_name, old.company, old.email, old.phone, old.tax_id)
                       is distinct from (new.first_name, new.last_name, new.company, new.email, new.phone, new.tax_id))
    execute function sluice.index_text('lead');

create or replace trigger account_birth before insert on sluice.account
    for each row when (new.import_id is null) execute function sluice.birth('account');
create or replace trigger account_first_visit after insert on sluice.account
    for each row when (new.import_id is null) execute function sluice.first_visit('account');
create or replace trigger account_governed before update of state, state_entered_at, blueprint_version_id on sluice.account
    for each row when (coalesce(current_setting('sluice.cause', true), '') = ''
                       and (old.state, old.state_entered_at, old.blueprint_version_id)
                           is distinct from (new.state, new.state_entered_at, new.blueprint_version_id))
    execute function sluice.governed();
create or replace trigger account_touch before update on sluice.account
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger account_text_insert after insert on sluice.account
    for each row when (new.import_id is null) execute function sluice.index_text('account');
create or replace trigger account_text_update after update of name, email, phone, tax_id on sluice.account
    for each row when ((old.name, old.email, old.phone, old.tax_id)
                       is distinct from (new.name, new.email, new.phone, new.tax_id))
    execute function sluice.index_text('account');

create or replace trigger contact_account before insert or update of account_id on sluice.contact
    for each row execute function sluice.living_account();
create or replace trigger contact_touch before update on sluice.contact
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger contact_text_insert after insert on sluice.contact
    for each row when (new.import_id is null) execute function sluice.index_text('contact');
create or replace trigger contact_text_update after update of first_name, last_name, email, phone on sluice.contact
    for each row when ((old.first_name, old.last_name, old.email, old.phone)
                       is distinct from (new.first_name, new.last_name, new.email, new.phone))
    execute function sluice.index_text('contact');

create or replace trigger opportunity_account before insert or update of account_id on sluice.opportunity
    for each row execute function sluice.living_account();
create or replace trigger opportunity_contact before insert or update of contact_id on sluice.opportunity
    for each row execute function sluice.living_contact();
create or replace trigger opportunity_birth before insert on sluice.opportunity
    for each row execute function sluice.birth('opportunity');
create or replace trigger opportunity_first_visit after insert on sluice.opportunity
    for each row execute function sluice.first_visit('opportunity');
create or replace trigger opportunity_governed before update of state, state_entered_at, blueprint_version_id
    on sluice.opportunity
    for each row when (coalesce(current_setting('sluice.cause', true), '') = ''
                       and (old.state, old.state_entered_at, old.blueprint_version_id)
                           is distinct from (new.state, new.state_entered_at, new.blueprint_version_id))
    execute function sluice.governed();
create or replace trigger opportunity_touch before update on sluice.opportunity
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger opportunity_text_insert after insert on sluice.opportunity
    for each row execute function sluice.index_text('opportunity');
create or replace trigger opportunity_text_update after update of name on sluice.opportunity
    for each row when (old.name is distinct from new.name)
    execute function sluice.index_text('opportunity');

reset role;
