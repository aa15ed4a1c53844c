-- The domains of e-mail addresses: which there are, whose turn it is, and what was found out about them.

set role sluice_owner;

-- The domain of an address as it is compared (quality/email.h): what follows its last @.
create or replace function sluice.mail_domain_of(address text) returns text
    language sql immutable parallel safe as $$
    select substring(address from '[^@]*$')
$$;

-- Notes the domains of @most addresses more, and begins anew after the last one. One daemon at a time does.
create or replace function sluice.mail_domain_sweep(most integer) returns void
    language plpgsql security definer set search_path = sluice, pg_temp set enable_seqscan = off as $$
declare
    s sluice.mail_sweep;
    page text[];
    domains text[];
    last text;
begin
    select * into s from sluice.mail_sweep x for update skip locked;
    if not found then
        return;
    end if;
    page := array(select k.key from sluice.match_key k where k.kind = 'email' and k.key > s.after order by k.key limit most);
    domains := array(select distinct sluice.mail_domain_of(k) from unnest(page) k);
    insert into sluice.mail_domain (id, domain)
    select gen_random_uuid(), d from unnest(domains) d
     where not exists (select from sluice.mail_domain x where x.domain = d);
    update sluice.mail_domain x set seen_at = sluice.now()
     where x.domain = any(domains) and x.seen_at < sluice.now() - interval '1 day';
    last := case when cardinality(page) < most then '' else page[most] end;
    if last <> s.after then  -- a small installation writes nothing here
        update sluice.mail_sweep x set after = last;
    end if;
end
$$;

-- Takes up to @batch domains whose turn it is, for a minute; one that no address has had for a month is forgotten
-- instead.
create or replace function sluice.mail_domain_claim(batch integer) returns table (domain text)
    language plpgsql security definer set search_path = sluice, pg_temp set enable_seqscan = off as $$
begin
    perform sluice.mail_domain_sweep(1000);
    delete from sluice.mail_domain x
     where x.id in (select d.id from sluice.mail_domain d
                     where d.next_check_at <= sluice.now() and d.seen_at < sluice.now() - interval '30 days'
                     order by d.next_check_at limit 1000 for update skip locked);
    return query
    update sluice.mail_domain x set next_check_at = sluice.now() + interval '1 minute'
     where x.id in (select d.id from sluice.mail_domain d
                     where d.next_check_at <= sluice.now()
                     order by d.next_check_at limit batch for update skip locked)
    returning x.domain;
end
$$;

-- Keeps what was found out, [{"domain", "verdict", "reason"}]. A look that failed leaves what is known, and is
-- followed by another one: after a minute, then two, at most a day.
create or replace function sluice.mail_domain_store(results jsonb) returns bigint
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    n bigint;
begin
    update sluice.mail_domain x
       set verdict = case r.verdict when 'unknown' then x.verdict else r.verdict end,
           reason = case r.verdict when 'unknown' then x.reason else r.reason end,
           checked_at = case r.verdict when 'unknown' then x.checked_at else sluice.now() end,
           failures = case r.verdict when 'unknown' then x.failures + 1 else 0 end,
           next_check_at = sluice.now() + case r.verdict
               when 'accepts' then interval '30 days'
               when 'refuses' then interval '1 day'
               else least(interval '1 minute' * (1 << least(x.failures, 11)), interval '1 day') end
      from jsonb_to_recordset(results) r (domain text, verdict text, reason text)
     where x.domain = r.domain;
    get diagnostics n = row_count;
    return n;
end
$$;

grant execute on function sluice.mail_domain_of(text), sluice.mail_domain_claim(integer), sluice.mail_domain_store(jsonb)
    to sluice_app;

reset role;
