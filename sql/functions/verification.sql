-- Accounts that wait for verification: who takes the next, and what a decision about one brings along.

set role sluice_owner;

-- Thresholds of waiting are measured by the calendar of the state's first threshold; without one every second counts.
create or replace function sluice.waiting_calendar(version_id uuid, state text) returns text
    language plpgsql stable as $$
begin
    return (select s.calendar from sluice.sla s
             where s.blueprint_version_id = version_id and s.state = waiting_calendar.state order by s.position limit 1);
end
$$;

-- The queue: accounts in an open state. due_at is their first threshold, whether it has passed or not.
create or replace view sluice.verification_row as
select a.id, a.version, a.name, a.tax_id, a.city, a.country, a.owner_id, a.created_by,
       v.state as verification, v.entered_at as verification_since,
       sluice.working_between(sluice.waiting_calendar(v.blueprint_version_id, v.state), v.entered_at, sluice.now()) as waiting_s,
       (select min(t.due_at) from sluice.timer t where t.record_id = a.id and t.live and t.sla) as due_at,
       sluice.is_breached(a.id) as breached,
       (select count(*) from sluice.opportunity o
          join sluice.state os on os.blueprint_version_id = o.blueprint_version_id and os.key = o.state
         where o.account_id = a.id and o.deleted_at is null and os.category = 'open') as open_opportunities,
       c.claimed_by, c.expires_at as claimed_until
  from sluice.visit v
  join sluice.state st on st.blueprint_version_id = v.blueprint_version_id and st.key = v.state and st.category = 'open'
  join sluice.account a on a.id = v.record_id and a.deleted_at is null
  left join sluice.account_claim c on c.record_id = a.id and c.expires_at > sluice.now()
 where v.entity = 'account' and v.left_at is null;

create or replace function sluice.refuse_claimed(claimed_by uuid, until timestamptz) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'SL409', message = 'claimed', detail = jsonb_build_object(
        'detail', format('%s works on this account.', (select u.name from sluice.app_user u where u.id = refuse_claimed.claimed_by)),
        'claimed_by', claimed_by, 'claimed_until', sluice.rfc3339(until))::text;
end
$$;

-- Before an account is moved by hand: nobody else works on it. What moves by itself waits for nobody.
create or replace function sluice.claim_heed(account uuid) returns void
    language plpgsql as $$
declare
    c sluice.account_claim;
begin
    if sluice.actor_kind() not in ('user', 'api_key') then
        return;
    end if;
    select * into c from sluice.account_claim x where x.record_id = account and x.expires_at > sluice.now();
    if found and c.claimed_by is distinct from sluice.actor_id() then
        perform sluice.refuse_claimed(c.claimed_by, c.expires_at);
    end if;
end
$$;

-- Takes the account that has waited longest of those that nobody works on, or @wanted. Returns its id; null when
-- nothing waits. The visit's row is the lock: who comes second goes on to the next.
create or replace function sluice.account_claim(wanted uuid, viewer uuid, scope text, seconds bigint) returns uuid
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    found_id uuid;
    c sluice.account_claim;
begin
    if viewer is null then
        raise exception using errcode = 'SL403', message = 'forbidden', detail = 'Users take accounts, keys do not.';
    end if;
    for try in 1..1000 loop
        if wanted is null then
            select v.record_id into found_id
              from sluice.visit v
              join sluice.state st on st.blueprint_version_id = v.blueprint_version_id and st.key = v.state
              join sluice.account a on a.id = v.record_id
             where v.entity = 'account' and v.left_at is null and st.category = 'open' and a.deleted_at is null
               and sluice.in_scope(scope, viewer, a.owner_id)
               and not exists (select from sluice.account_claim x where x.record_id = a.id and x.expires_at > sluice.now())
             order by v.entered_at, v.record_id
             limit 1
               for update of v skip locked;
        else
            select v.record_id into found_id
              from sluice.visit v
              join sluice.state st on st.blueprint_version_id = v.blueprint_version_id and st.key = v.state
              join sluice.account a on a.id = v.record_id
             where v.record_id = wanted and v.left_at is null and st.category = 'open' and a.deleted_at is null
               and sluice.in_scope(scope, viewer, a.owner_id)
               for update of v;
        end if;
        if found_id is null then
            if wanted is not null then
                raise exception using errcode = 'SL422', message = 'unknown_reference', column = '/id',
                    detail = 'There is no such account in the queue.';
            end if;
            return null;
        end if;
        select * into c from sluice.account_claim x where x.record_id = found_id;
        if c.expires_at > sluice.now() and wanted is null then
            continue;  -- taken between the look and the lock
        elsif c.expires_at > sluice.now() and c.claimed_by <> viewer then
            perform sluice.refuse_claimed(c.claimed_by, c.expires_at);
        end if;
        delete from sluice.account_claim x where x.record_id = found_id;
        insert into sluice.account_claim (record_id, claimed_by, expires_at)
        values (found_id, viewer, sluice.now() + make_interval(secs => seconds));
        return found_id;
    end loop;
    return null;
end
$$;

-- Gives an account back to the queue; one's own, or with @any everybody's. Returns whether there was a claim.
create or replace function sluice.account_release(account uuid, viewer uuid, scope text, "any" boolean) returns boolean
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    c sluice.account_claim;
begin
    perform from sluice.account a
      where a.id = account and a.deleted_at is null and sluice.in_scope(scope, viewer, a.owner_id);
    if not found then
        raise exception using errcode = 'SL404', message = 'not_found',
            detail = 'There is no such account, or it is not yours to see.';
    end if;
    select * into c from sluice.account_claim x where x.record_id = account and x.expires_at > sluice.now() for update;
    if not found then
        return false;
    end if;
    if c.claimed_by is distinct from viewer and not "any" then
        perform sluice.refuse_claimed(c.claimed_by, c.expires_at);
    end if;
    delete from sluice.account_claim x where x.record_id = account;
    return true;
end
$$;

-- Before a move that rejects an account as a duplicate: locks both and what belongs to the first, in the order of
-- every merge, and refuses a duplicate of nobody.
create or replace function sluice.duplicate_hold(account uuid, other uuid, viewer uuid, scope text) returns void
    language plpgsql as $$
declare
    records jsonb := sluice.merge_lock('account', array[account], array[account, other]);
    r jsonb := records -> other::text;
    into_id uuid := sluice.survivor_of('account', other, viewer, scope);
begin
    if other = account then
        perform sluice.refuse_merge('validation_failed', '/fields/duplicate_of',
            jsonb_build_object('detail', 'An account is no duplicate of itself.'));
    elsif into_id is not null then
        perform sluice.refuse_merge('merged', '/fields/duplicate_of', jsonb_build_object(
            'detail', 'That account was merged itself.', 'merged_into', into_id));
    elsif r is null or r ->> 'deleted_at' is not null
          or not sluice.in_scope(scope, viewer, (r ->> 'owner_id')::uuid) then
        perform sluice.refuse_merge('unknown_reference', '/fields/duplicate_of',
            jsonb_build_object('detail', 'There is no such account, or it is not yours to see.'));
    end if;
end
$$;

-- After it: the duplicate becomes part of the other one, which gets what belongs to it and none of its data, as that
-- may have been verified.
create or replace function sluice.duplicate_merge(account uuid, other uuid, transition text, viewer uuid, scope text)
returns void
    language plpgsql as $$
begin
    perform sluice.merge_do(gen_random_uuid(), 'account', other, array[account], null, null,
                            nullif(current_setting('sluice.cause', true), '')::jsonb #>> '{detail,note}', transition, viewer,
                            array[scope]);
end
$$;

-- What was verified, by whom, and what of it is different now. then: the value at the last verification.
create or replace function sluice.verified_fields(account uuid, since bigint) returns jsonb
    language plpgsql stable as $$
begin
    return (
        select coalesce(jsonb_agg(jsonb_build_object('field', f.field, 'then', f.was, 'now', f.is_now,
                                                     'changed', f.was is distinct from f.is_now) order by f.n), '[]')
          from (select u.field, u.n, nullif(to_jsonb(a) -> u.field, 'null') as is_now,
                       nullif(coalesce((select h.changes -> u.field -> 'old' from sluice.audit h
                                         where h.record_id = account and h.seq > since and h.changes ? u.field
                                         order by h.seq limit 1), to_jsonb(a) -> u.field), 'null') as was
                  from sluice.account a,
                       unnest('{name,tax_id,email,phone,website,street,postcode,city,country}'::text[])
                           with ordinality u(field, n)
                 where a.id = account) f);
end
$$;

-- Accounts that a rule takes for the same and nobody has judged yet; only those that the viewer may see.
create or replace function sluice.suspects(account uuid, viewer uuid, scope text) returns jsonb
    language plpgsql stable as $$
begin
    return (
        select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'name', a.name, 'verification', a.state, 'rule', p.rule,
                                                     'score', p.score) order by p.score desc, a.id), '[]')
          from (select case when x.record_id = account then x.other_id else x.record_id end as other, x.rule, x.score
                  from sluice.duplicate_pair x
                 where account in (x.record_id, x.other_id) and x.status = 'open'
                   and x.entity = 'account' and x.other_entity = 'account') p
          join sluice.account a on a.id = p.other and a.deleted_at is null and sluice.in_scope(scope, viewer, a.owner_id));
end
$$;

-- The queue by age in working time, and how long verifications took that ended in the period.
create or replace function sluice.verification_report(since timestamptz, until timestamptz)
returns table (waiting bigint, unclaimed bigint, breached bigint, ages jsonb, verified bigint, rejected bigint,
               p50_s bigint, p90_s bigint, breaches bigint)
    language plpgsql stable as $$
begin
    return query
    with queue as materialized (select q.waiting_s, q.breached, q.claimed_by from sluice.verification_row q),
    bucket (key, least, most) as (values ('under_4h', 0, 14400), ('under_8h', 14400, 28800), ('under_16h', 28800, 57600),
                                         ('under_40h', 57600, 144000), ('over_40h', 144000, null)),
    stay as materialized (
        select nx.category as outcome,
               sluice.working_between(sluice.waiting_calendar(v.blueprint_version_id, v.state), v.entered_at, v.left_at) as took,
               exists (select from sluice.timer t where t.visit_id = v.id and t.sla and t.due_at <= v.left_at) as late
          from sluice.visit v
          join sluice.state st on st.blueprint_version_id = v.blueprint_version_id and st.key = v.state and st.category = 'open'
          join lateral (select s.category from sluice.visit n
                          join sluice.state s on s.blueprint_version_id = n.blueprint_version_id and s.key = n.state
                         where n.record_id = v.record_id and n.id > v.id order by n.id limit 1) nx on true
         where v.entity = 'account' and v.left_at is not null
           and v.left_at >= coalesce(since, '-infinity') and v.left_at < coalesce(until, 'infinity'))
    select (select count(*) from queue), (select count(*) from queue q where q.claimed_by is null),
           (select count(*) from queue q where q.breached),
           (select jsonb_agg(jsonb_build_object('age', b.key, 'count',
                       (select count(*) from queue q where q.waiting_s >= b.least and (b.most is null or q.waiting_s < b.most)))
                       order by b.least) from bucket b),
           count(*) filter (where s.outcome = 'won'), count(*) filter (where s.outcome = 'lost'),
           (percentile_disc(0.5) within group (order by s.took) filter (where s.outcome = 'won'))::bigint,
           (percentile_disc(0.9) within group (order by s.took) filter (where s.outcome = 'won'))::bigint,
           count(*) filter (where s.late)
      from stay s;
end
$$;

grant select on sluice.verification_row to sluice_app;
grant execute on function
    sluice.waiting_calendar(uuid, text), sluice.account_claim(uuid, uuid, text, bigint),
    sluice.account_release(uuid, uuid, text, boolean), sluice.verified_fields(uuid, bigint), sluice.suspects(uuid, uuid, text),
    sluice.verification_report(timestamptz, timestamptz)
    to sluice_app;

reset role;
