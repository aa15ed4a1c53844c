-- Intake: store what came, then make a lead of it.

set role sluice_owner;

drop function if exists sluice.intake_accept(uuid, uuid, uuid, text, text, jsonb, jsonb, jsonb, jsonb, text, text, text);

-- Stores a submission and, unless the daemon found faults, the lead with its first touch. What the database
-- refuses (a constraint, a bad value) does not lose the submission: it is held, with the reason. @p_outcome is what
-- becomes of one with faults: refused, or held if its sender can do nothing about them.
create or replace function sluice.intake_accept(
    p_id uuid, p_form uuid, p_lead uuid, p_content_type text, p_raw text, body jsonb, p_utm jsonb, p_extra jsonb,
    p_faults jsonb, p_outcome text, p_address text, p_user_agent text, p_referer text)
returns table (outcome text, lead_id uuid, source text, campaign text)
    language plpgsql as $$
declare
    f sluice.intake_form;
    result text := p_outcome;
    said text;
    state text;
begin
    select * into strict f from sluice.intake_form x where x.id = p_form;
    insert into sluice.intake_submission
        (id, form_id, outcome, content_type, raw, extra, faults, address, user_agent, referer, request_id)
    values (p_id, p_form, case when p_faults is null then 'received' else p_outcome end, p_content_type, p_raw,
            nullif(p_extra, '{}'), p_faults, p_address, left(p_user_agent, 500), left(p_referer, 2000),
            nullif(current_setting('sluice.request_id', true), ''));
    if p_faults is null then
        begin
            insert into sluice.lead
                (id, first_name, last_name, email, phone, company, job_title, tax_id, website, industry, street,
                 postcode, city, country, need, budget_confirmed, estimated_value_amount, estimated_value_currency,
                 description, external_id, owner_id, source, campaign, utm, extra)
            select p_lead, b.first_name, b.last_name, b.email, b.phone, b.company, b.job_title, b.tax_id, b.website,
                   b.industry, b.street, b.postcode, b.city, b.country, b.need, b.budget_confirmed,
                   b.estimated_value_amount, b.estimated_value_currency, b.description, b.external_id,
                   f.owner_id, f.source, f.campaign, nullif(p_utm, '{}'), nullif(p_extra, '{}')
              from jsonb_populate_record(null::sluice.lead, sluice.flat_money(body, 'estimated_value')) b;
            insert into sluice.lead_touch (id, lead_id, source, campaign, utm, referer, submission_id)
            values (gen_random_uuid(), p_lead, f.source, f.campaign, nullif(p_utm, '{}'), left(p_referer, 2000), p_id);
            result := 'created';
            update sluice.intake_submission s set outcome = 'created', lead_id = p_lead where s.id = p_id;
        exception
            -- the sender is told nothing of whom we know
            when sqlstate 'SL409' then
                get stacked diagnostics said = message_text;
                result := 'held';
                update sluice.intake_submission s
                   set outcome = 'held', faults = jsonb_build_array(jsonb_build_object(
                           'code', said, 'detail', 'A rule about duplicates refuses the lead.'))
                 where s.id = p_id;
            when integrity_constraint_violation or data_exception then
                get stacked diagnostics said = message_text, state = returned_sqlstate;
                result := 'held';
                update sluice.intake_submission s
                   set outcome = 'held', faults = jsonb_build_array(jsonb_build_object('code', state, 'detail', said))
                 where s.id = p_id;
        end;
    end if;
    return query select result, case when result = 'created' then p_lead end, f.source, f.campaign;
end
$$;

grant execute on function sluice.intake_accept(uuid, uuid, uuid, text, text, jsonb, jsonb, jsonb, jsonb, text, text, text, text)
    to sluice_app;

reset role;
