-- Answers kept for an Idempotency-Key.

set role sluice_owner;

-- Takes the key for this request, or refuses with idempotency_exists. A claim that has expired is taken over.
-- While another transaction holds the same new claim, this one waits for it. @resource_id is what the request
-- makes or changes: a replay knows it even if the answer was never kept.
create or replace function sluice.idempotency_claim(
    principal text, key text, method text, path text, body_hash text, resource_id uuid
) returns void
    language plpgsql as $$
begin
    delete from sluice.idempotency i
     where i.principal = idempotency_claim.principal and i.key = idempotency_claim.key
       and i.expires_at <= transaction_timestamp();
    insert into sluice.idempotency (principal, key, method, path, body_hash, resource_id)
    values (idempotency_claim.principal, idempotency_claim.key, idempotency_claim.method, idempotency_claim.path,
            idempotency_claim.body_hash, idempotency_claim.resource_id)
        on conflict do nothing;
    if not found then
        raise exception using errcode = 'SL409', message = 'idempotency_exists',
            detail = 'The Idempotency-Key was used before.';
    end if;
end
$$;

-- Removes what has expired, at most @most rows at a time so that nobody waits for it.
create or replace function sluice.idempotency_purge(most integer) returns bigint
    language sql as $$
    with gone as (
        delete from sluice.idempotency i
         where (i.principal, i.key) in (select x.principal, x.key from sluice.idempotency x
                                         where x.expires_at <= transaction_timestamp() limit most for update skip locked)
        returning 1)
    select count(*) from gone;
$$;

grant execute on function
    sluice.idempotency_claim(text, text, text, text, text, uuid), sluice.idempotency_purge(integer)
    to sluice_app;

reset role;
