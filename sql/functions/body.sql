-- Helpers of the queries that turn checked bodies into rows.

set role sluice_owner;

-- {"amount": {"amount": "12.50", "currency": "PLN"}} has its pair of columns amount_amount and
-- amount_currency; null empties both. What is not there stays out, so that a merge patch leaves it alone.
create or replace function sluice.flat_money(body jsonb, name text) returns jsonb
    language sql stable parallel safe
    return case
        when not coalesce(body ? name, false) then body
        else body - name || jsonb_build_object(
            name || '_amount', body -> name -> 'amount',
            name || '_currency', body -> name -> 'currency')
    end;

-- The user who acts; null when a key, a form or a timer does.
create or replace function sluice.actor_user() returns uuid
    language sql stable parallel safe
    return case when sluice.actor_kind() = 'user' then sluice.actor_id() end;

-- A JSON array of strings as text[]; null when absent.
create or replace function sluice.words(value jsonb) returns text[]
    language sql immutable parallel safe
    return case when jsonb_typeof(value) = 'array'
                then array(select jsonb_array_elements_text(value)) end;

grant execute on function sluice.flat_money(jsonb, text), sluice.actor_user(), sluice.words(jsonb) to sluice_app;

reset role;
