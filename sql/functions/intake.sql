-- Intake: store what came, then make a lead of it.
--
-- A submission is written down first. Then it becomes a lead (`created`; `duplicate_of`, if it looks like somebody we
-- know), a touch of a lead that is there (`merged`), or it waits (`held`) or is `refused`; reason says why. What was
-- held goes the same way once it is confirmed or released.

set role sluice_owner;

drop function if exists sluice.intake_accept(uuid, uuid, uuid, text, text, jsonb, jsonb, jsonb, jsonb, text, text, text);
drop function if exists sluice.intake_accept(uuid, uuid, uuid, text, text, jsonb, jsonb, jsonb, jsonb, text, text, text, text);

-- Counts a hit in the present minute. Returns how many seconds to wait, 0 if there is room. A transaction that began
-- earlier does not turn the clock back.
create or replace function sluice.intake_hit(p_subject text, p_most integer) returns integer
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
    this constant timestamptz := date_trunc('minute', sluice.now());
    n integer;
begin
    if p_most is null then
        return 0;
    end if;
    insert into sluice.intake_rate as r (subject, minute, hits) values (p_subject, this, 1)
        on conflict on constraint intake_rate_pk do update
           set hits = case when r.minute >= excluded.minute then r.hits + 1 else 1 end,
               minute = greatest(r.minute, excluded.minute)
    returning r.hits into n;
    if n = 1 then  -- what nobody asks about any more
        delete from sluice.intake_rate r
         where r.subject in (select o.subject from sluice.intake_rate o
                              where o.minute < this - interval '1 hour' limit 100 for update skip locked);
    end if;
    return case when n > p_most
                then greatest(1, ceil(extract(epoch from this + interval '1 minute' - sluice.now())))::integer else 0 end;
end
$$;

-- Both limits of a form; the longer wait.
create or replace function sluice.intake_hits(p_form uuid, p_address text) returns integer
    language plpgsql as $$
begin
    return (select greatest(sluice.intake_hit(p_form || ':' || p_address, f.address_rate_limit),
                            sluice.intake_hit('form:' || p_form, f.rate_limit))
              from sluice.intake_form f where f.id = p_form);
end
$$;

-- Whom a submission looks like. Two that look alike are decided one after the other. open_lead: the likest lead that is
-- still worked on.
create or replace function sluice.intake_matches(p_lead uuid, out others jsonb, out open_lead uuid)
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
    said constant jsonb := nullif(current_setting('sluice.match', true), '')::jsonb;
    sent jsonb;
    h integer;
    m record;
begin
    others := '[]';
    select x into sent from jsonb_array_elements(said -> 'records') x where x ->> 'id' = p_lead::text;
    if sent is null then
        return;
    end if;
    for h in select distinct hashtext(k.key || ':' || v.value) as hash
               from jsonb_each(coalesce(sent -> 'keys', '{}')) k cross join lateral jsonb_array_elements_text(k.value) v
              order by hash loop
        perform pg_advisory_xact_lock(19003, h);
    end loop;
    for m in select * from sluice.match_find('lead', sent, '{}') loop
        others := others || jsonb_build_object('entity', m.against, 'id', m.record_id, 'rule', m.rule, 'score', m.score,
                                               'fields', m.fields);
        if open_lead is null and m.against = 'lead' then
            select l.id into open_lead
              from sluice.lead l
              left join sluice.state s on s.blueprint_version_id = l.blueprint_version_id and s.key = l.state
             where l.id = m.record_id and l.deleted_at is null and coalesce(s.category, 'open') in ('open', 'postponed');
        end if;
    end loop;
end
$$;

-- One more time that a lead was heard of. Its first source stays.
create or replace function sluice.intake_touch(s sluice.intake_submission, f sluice.intake_form, p_lead uuid) returns void
    language plpgsql as $$
begin
    insert into sluice.lead_touch (id, lead_id, source, campaign, utm, referer, submission_id, consent)
    values (gen_random_uuid(), p_lead, f.source, f.campaign, nullif(s.utm, '{}'), s.referer, s.id, s.consent);
end
$$;

-- The lead of a submission. Refusals of the database are not caught.
create or replace function sluice.intake_make(s sluice.intake_submission, f sluice.intake_form, p_lead uuid) returns text
    language plpgsql as $$
declare
    status text;
begin
    insert into sluice.lead
        (id, first_name, last_name, email, phone, company, job_title, tax_id, website, industry, street,
         postcode, city, country, need, budget_confirmed, estimated_value_amount, estimated_value_currency,
         description, external_id, owner_id, source, campaign, utm, extra, custom)
    select p_lead, b.first_name, b.last_name, b.email, b.phone, b.company, b.job_title, b.tax_id, b.website,
           b.industry, b.street, b.postcode, b.city, b.country, b.need, b.budget_confirmed,
           b.estimated_value_amount, b.estimated_value_currency, b.description, b.external_id,
           f.owner_id, f.source, f.campaign, nullif(s.utm, '{}'), s.extra, coalesce(jsonb_strip_nulls(b.custom), '{}')
      from jsonb_populate_record(null::sluice.lead, sluice.flat_money(coalesce(s.fields, '{}'), 'estimated_value')) b
    returning state into status;
    perform sluice.assign_form(p_lead, f.id);
    perform sluice.intake_touch(s, f, p_lead);
    return status;
end
$$;

-- Writes down that a lead was made; whom it was flagged to be like.
create or replace function sluice.intake_made(p_id uuid, p_lead uuid) returns text
    language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    alike constant jsonb := (
        select jsonb_agg(jsonb_build_object('entity', p.other_entity, 'id', p.other_id, 'rule', p.rule, 'score', p.score,
                                            'fields', p.fields) order by p.score desc, p.other_id)
          from sluice.duplicate_pair p where p.record_id = p_lead and p.status = 'open');
begin
    update sluice.intake_submission s
       set outcome = case when alike is null then 'created' else 'duplicate_of' end, lead_id = p_lead, others = alike,
           reason = null, faults = null
     where s.id = p_id;
    return case when alike is null then 'created' else 'duplicate_of' end;
end
$$;

-- Sees that a lead that is there heard from its sender again.
create or replace function sluice.intake_joined(s sluice.intake_submission, f sluice.intake_form, p_into uuid, p_others jsonb)
returns void
    language plpgsql as $$
begin
    perform sluice.intake_touch(s, f, p_into);
    insert into sluice.activity (id, kind, subject, outcome, lead_id)
    values (gen_random_uuid(), 'other', f.name, 'intake', p_into);
    update sluice.intake_submission x
       set outcome = 'merged', lead_id = p_into, others = p_others, reason = null, faults = null
     where x.id = s.id;
end
$$;

-- What becomes of a submission that nothing speaks against. What the database refuses (a constraint, a bad value) does
-- not lose it: it is held, with the reason.
create or replace function sluice.intake_settle(p_id uuid, p_lead uuid, out outcome text, out lead_id uuid, out status text)
    language plpgsql as $$
declare
    s sluice.intake_submission;
    f sluice.intake_form;
    m record;
    said text;
    code text;
    told text := 'The database refuses the lead.';
begin
    select * into strict s from sluice.intake_submission x where x.id = p_id;
    select * into strict f from sluice.intake_form x where x.id = s.form_id;
    if f.on_duplicate <> 'create' then
        m := sluice.intake_matches(p_lead);
        if f.on_duplicate = 'hold' and m.others <> '[]' then
            outcome := 'held';
            update sluice.intake_submission x set outcome = 'held', reason = 'duplicate', others = m.others where x.id = p_id;
            return;
        elsif f.on_duplicate = 'merge' and m.open_lead is not null then
            outcome := 'merged';
            lead_id := m.open_lead;
            perform sluice.intake_joined(s, f, m.open_lead, m.others);
            return;
        end if;
    end if;
    begin
        status := sluice.intake_make(s, f, p_lead);
        lead_id := p_lead;
        outcome := sluice.intake_made(p_id, p_lead);
        return;
    exception
        -- the sender is told nothing of whom we know
        when sqlstate 'SL409' then
            get stacked diagnostics code = message_text;
            said := 'duplicate';
            told := 'A rule about duplicates refuses the lead.';
        when sqlstate 'SL422' then  -- a definition of a custom field that came after the submission
            get stacked diagnostics told = pg_exception_detail, code = message_text;
            said := 'database';
        when integrity_constraint_violation or data_exception then
            get stacked diagnostics told = message_text, code = returned_sqlstate;
            said := 'database';
    end;
    outcome := 'held';
    lead_id := null;
    status := null;
    update sluice.intake_submission x
       set outcome = 'held', reason = said, faults = jsonb_build_array(jsonb_build_object('code', code, 'detail', told))
     where x.id = p_id;
end
$$;

-- Asks for a confirmation by mail: whoever sends mails reads the event, which has no audit entry.
-- Only of a submission that waits for one.
create or replace function sluice.intake_mail(p_id uuid, p_token text) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    insert into sluice.outbox (id, audit_seq, type, entity, record_id, payload)
    select sluice.next_seq(), null, 'intake.confirmation_requested', 'intake_submission', s.id,
           jsonb_build_object('form', f.form, 'email', s.fields -> 'email', 'expires_at', sluice.rfc3339(s.confirm_expires_at),
                              'token', p_token, 'path', '/v1/intake/' || f.form || '/confirm?token=' || p_token)
      from sluice.intake_submission s join sluice.intake_form f on f.id = s.form_id
     where s.id = p_id and s.outcome = 'held' and s.reason = 'confirmation';
end
$$;

-- Goes through the motions of making a lead and leaves nothing: what fell into the trap is told what others are told.
create or replace function sluice.intake_feign(p_id uuid, p_lead uuid) returns text
    language plpgsql as $$
declare
    s sluice.intake_submission;
    f sluice.intake_form;
    status text;
begin
    select * into strict s from sluice.intake_submission x where x.id = p_id;
    select * into strict f from sluice.intake_form x where x.id = s.form_id;
    begin
        perform set_config('sluice.dry', 'on', true);  -- undone with the rest
        status := sluice.intake_make(s, f, p_lead);
        raise exception using errcode = 'SLPOT';
    exception when sqlstate 'SLPOT' or sqlstate 'SL409' or sqlstate 'SL422' or integrity_constraint_violation or data_exception then
        return status;
    end;
end
$$;

-- Stores a submission. @p_verdict: take, it may become a lead; confirm, it waits for its sender; trap, a robot's; held
-- or refused, with @p_faults and @p_reason.
create or replace function sluice.intake_accept(
    p_id uuid, p_form uuid, p_lead uuid, p_content_type text, p_raw text, body jsonb, p_utm jsonb, p_extra jsonb,
    p_faults jsonb, p_verdict text, p_reason text, p_consent jsonb, p_token text, p_address text, p_user_agent text,
    p_referer text)
returns table (outcome text, lead_id uuid, status text, source text, campaign text)
    language plpgsql as $$
declare
    f sluice.intake_form;
begin
    select * into strict f from sluice.intake_form x where x.id = p_form;
    insert into sluice.intake_submission
        (id, form_id, outcome, reason, content_type, raw, fields, utm, extra, faults, consent, address, user_agent, referer,
         request_id, confirm_expires_at)
    values (p_id, p_form,
            case p_verdict when 'take' then 'received' when 'confirm' then 'held' when 'trap' then 'refused' else p_verdict end,
            case p_verdict when 'confirm' then 'confirmation' when 'trap' then 'honeypot' else p_reason end,
            p_content_type, p_raw, nullif(body, '{}'), nullif(p_utm, '{}'), nullif(p_extra, '{}'), p_faults,
            p_consent || jsonb_build_object('given_at', sluice.rfc3339(sluice.now())), p_address, left(p_user_agent, 500),
            left(p_referer, 2000), nullif(current_setting('sluice.request_id', true), ''),
            case when p_verdict = 'confirm' then sluice.now() + make_interval(hours => f.confirm_hours) end);
    source := f.source;
    campaign := f.campaign;
    outcome := p_verdict;
    if p_verdict = 'take' then
        select t.outcome, t.lead_id, t.status into outcome, lead_id, status from sluice.intake_settle(p_id, p_lead) t;
    elsif p_verdict = 'confirm' then
        perform sluice.intake_mail(p_id, p_token);
        outcome := 'held';
    elsif p_verdict = 'trap' then
        status := sluice.intake_feign(p_id, p_lead);
        lead_id := p_lead;
    end if;
    return next;
end
$$;

-- The sender has confirmed. Told again it says what became of it the first time.
create or replace function sluice.intake_confirm(p_id uuid, p_lead uuid, p_faults jsonb, p_verdict text, p_reason text)
returns table (outcome text, lead_id uuid, status text, source text, campaign text)
    language plpgsql as $$
declare
    s sluice.intake_submission;
begin
    select * into strict s from sluice.intake_submission x where x.id = p_id for update;
    select f.source, f.campaign into source, campaign from sluice.intake_form f where f.id = s.form_id;
    outcome := s.outcome;
    lead_id := s.lead_id;
    if s.reason = 'confirmation' and s.outcome = 'held' then
        update sluice.intake_submission x
           set confirmed_at = sluice.now(), outcome = case p_verdict when 'take' then 'received' else p_verdict end,
               reason = p_reason, faults = p_faults
         where x.id = p_id;
        outcome := p_verdict;
        if p_verdict = 'take' then
            select t.outcome, t.lead_id into outcome, lead_id from sluice.intake_settle(p_id, p_lead) t;
        end if;
    end if;
    status := (select l.state from sluice.lead l where l.id = intake_confirm.lead_id);
    return next;
end
$$;

-- One that may be decided about, locked.
create or replace function sluice.intake_held(p_id uuid) returns sluice.intake_submission
    language plpgsql as $$
declare
    s sluice.intake_submission;
begin
    select * into s from sluice.intake_submission x where x.id = p_id for update;
    if s.outcome <> 'held' then
        raise exception using errcode = 'SL409', message = 'conflict',
            detail = format('The submission is not held: it is %s.', s.outcome);
    end if;
    return s;
end
$$;

-- Somebody lets a held submission in: as a lead, or as a touch of one that is there.
create or replace function sluice.intake_release(p_id uuid, p_lead uuid, p_into uuid, p_note text) returns void
    language plpgsql as $$
declare
    s sluice.intake_submission := sluice.intake_held(p_id);
    f sluice.intake_form;
begin
    if s.reason = 'confirmation' then
        raise exception using errcode = 'SL409', message = 'conflict',
            detail = 'Its sender has not confirmed it.';
    end if;
    select * into strict f from sluice.intake_form x where x.id = s.form_id;
    if p_into is null then
        perform sluice.intake_make(s, f, p_lead);
        perform sluice.intake_made(p_id, p_lead);
    elsif exists (select from sluice.lead l where l.id = p_into and l.deleted_at is null) then
        perform sluice.intake_joined(s, f, p_into, s.others);
    else
        raise exception using errcode = 'SL422', message = 'unknown_reference', column = '/lead_id',
            detail = 'There is no such lead.';
    end if;
    update sluice.intake_submission x
       set decided_at = sluice.now(), decided_by = sluice.actor_id(), note = p_note
     where x.id = p_id;
end
$$;

create or replace function sluice.intake_reject(p_id uuid, p_note text) returns void
    language plpgsql as $$
begin
    perform sluice.intake_held(p_id);
    update sluice.intake_submission x
       set outcome = 'refused', reason = 'rejected', decided_at = sluice.now(), decided_by = sluice.actor_id(), note = p_note
     where x.id = p_id;
end
$$;

-- Deciding about a submission is history; receiving one is written down by itself.
create or replace trigger intake_submission_audit after update of decided_at on sluice.intake_submission
    for each row when (old.decided_at is distinct from new.decided_at)
    execute function sluice.audit_change('intake_submission', '');

grant execute on function
    sluice.intake_hit(text, integer), sluice.intake_hits(uuid, text), sluice.intake_matches(uuid),
    sluice.intake_touch(sluice.intake_submission, sluice.intake_form, uuid),
    sluice.intake_make(sluice.intake_submission, sluice.intake_form, uuid), sluice.intake_made(uuid, uuid),
    sluice.intake_joined(sluice.intake_submission, sluice.intake_form, uuid, jsonb), sluice.intake_settle(uuid, uuid),
    sluice.intake_mail(uuid, text), sluice.intake_feign(uuid, uuid),
    sluice.intake_accept(uuid, uuid, uuid, text, text, jsonb, jsonb, jsonb, jsonb, text, text, jsonb, text, text, text, text),
    sluice.intake_confirm(uuid, uuid, jsonb, text, text), sluice.intake_held(uuid),
    sluice.intake_release(uuid, uuid, uuid, text), sluice.intake_reject(uuid, text)
    to sluice_app;

reset role;
