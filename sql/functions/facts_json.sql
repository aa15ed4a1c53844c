-- Facts of records that are not stored yet (births), and of many at once (surveys): the rows of facts.sql, made from
-- the record itself.

set role sluice_owner;

create or replace function sluice.lead_json(l sluice.lead, category text) returns jsonb
    language sql stable parallel safe
    return to_jsonb(l)
           - '{state,state_entered_at,blueprint_version_id,estimated_value_amount,estimated_value_currency,deleted_at,merged_into}'::text[]
           || jsonb_build_object(
               'status', l.state, 'status_category', category, 'status_since', sluice.rfc3339(l.state_entered_at),
               'estimated_value', sluice.money(l.estimated_value_amount, l.estimated_value_currency),
               'call_back_at', sluice.rfc3339(l.call_back_at), 'converted_at', sluice.rfc3339(l.converted_at),
               'created_at', sluice.rfc3339(l.created_at), 'updated_at', sluice.rfc3339(l.updated_at));

create or replace function sluice.account_json(a sluice.account, category text) returns jsonb
    language sql stable parallel safe
    return to_jsonb(a) - '{state,state_entered_at,blueprint_version_id,deleted_at,merged_into}'::text[]
           || jsonb_build_object(
               'verification', a.state, 'verification_category', category,
               'verification_since', sluice.rfc3339(a.state_entered_at),
               'created_at', sluice.rfc3339(a.created_at), 'updated_at', sluice.rfc3339(a.updated_at));

create or replace function sluice.contact_json(c sluice.contact) returns jsonb
    language sql stable parallel safe
    return to_jsonb(c) - '{deleted_at,merged_into}'::text[]
           || jsonb_build_object(
               'created_at', sluice.rfc3339(c.created_at), 'updated_at', sluice.rfc3339(c.updated_at));

create or replace function sluice.opportunity_json(o sluice.opportunity, s sluice.state) returns jsonb
    language sql stable parallel safe
    return to_jsonb(o)
           - '{state,state_entered_at,blueprint_version_id,amount_amount,amount_currency,deleted_at}'::text[]
           || jsonb_build_object(
               'stage', o.state, 'stage_category', s.category, 'stage_since', sluice.rfc3339(o.state_entered_at),
               'amount', sluice.money(o.amount_amount, o.amount_currency),
               'probability', coalesce(o.probability, s.probability),
               'forecast_category', coalesce(o.forecast_category, s.forecast_category),
               'closed_at', sluice.rfc3339(o.closed_at),
               'created_at', sluice.rfc3339(o.created_at), 'updated_at', sluice.rfc3339(o.updated_at));

create or replace function sluice.visits_json(id uuid) returns jsonb
    language plpgsql stable as $$
declare
    visits jsonb;
    done jsonb;
begin
    select coalesce(jsonb_agg(jsonb_build_object(
               'state', v.state, 'entered_at', sluice.rfc3339(v.entered_at), 'left_at', sluice.rfc3339(v.left_at),
               'entered_by', v.entered_by, 'transition', v.via) order by v.id), '[]'),
           coalesce(jsonb_agg(jsonb_build_object(
               'transition', v.via, 'by', v.entered_by, 'at', sluice.rfc3339(v.entered_at)) order by v.id), '[]')
      into visits, done
      from (select * from sluice.visit x where x.record_id = visits_json.id order by x.id desc limit 500) v;
    return jsonb_build_object('visits', visits, 'transitions_done', done);
end
$$;

grant execute on function
    sluice.lead_json(sluice.lead, text), sluice.account_json(sluice.account, text), sluice.contact_json(sluice.contact), sluice.opportunity_json(sluice.opportunity, sluice.state), sluice.visits_json(uuid)
    to sluice_app;

reset role;
