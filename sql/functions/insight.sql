-- What the history tells: where records wait, what stops them, what was typed to get past a guard.

set role sluice_owner;

-- The figures of a picture: records of the blueprint in each state now, and the median of finished stays.
create or replace function sluice.state_figures(version_id uuid)
    returns table (state text, count bigint, median_s bigint)
    language sql stable as $$
    select v.state, count(*) filter (where v.left_at is null),
           (percentile_cont(0.5) within group (order by extract(epoch from v.left_at - v.entered_at)::double precision)
                filter (where v.left_at is not null))::bigint
      from sluice.blueprint_version own
      join sluice.blueprint_version other on other.blueprint_id = own.blueprint_id
      join sluice.visit v on v.blueprint_version_id = other.id
     where own.id = version_id
       and (v.left_at is not null
            or exists (select from sluice.lead r where r.id = v.record_id and r.deleted_at is null)
            or exists (select from sluice.account r where r.id = v.record_id and r.deleted_at is null)
            or exists (select from sluice.opportunity r where r.id = v.record_id and r.deleted_at is null))
     group by v.state;
$$;

-- What is odd about a typed text: `short`, `repeated` (aaaa, ababab), `keyboard` (asdf, qwerty12), else null.
-- A run follows a row of a keyboard in either direction, three keys at least, and runs are all there is.
create or replace function sluice.suspicious(value text) returns text
    language plpgsql immutable parallel safe as $$
declare
    rows constant text[] := '{qwertyuiop,qwertz,asdfghjkl,zxcvbnm,1234567890,йцукенгшщзхъ,фывапролджэ,ячсмитьбю}';
    t text := regexp_replace(lower(left(value, 200)), '[^[:alnum:]]', '', 'g');
    at integer := 1;
    run integer;
    line text;
begin
    if btrim(value) = '' then
        return null;
    end if;
    if length(t) < 2 then
        return 'short';
    end if;
    if t ~ '^(.)\1+$' or t ~ '^(.{2,3})\1{2,}$' then
        return 'repeated';
    end if;
    if length(t) < 4 then
        return null;
    end if;
    while at <= length(t) loop
        run := 0;
        foreach line in array rows loop
            for n in reverse least(length(t) - at + 1, 12) .. 3 loop
                if n > run and (position(substr(t, at, n) in line) > 0
                                or position(substr(t, at, n) in reverse(line)) > 0) then
                    run := n;
                end if;
            end loop;
        end loop;
        if run = 0 and length(value) > 200 and length(t) - at < 2 then
            exit;  -- what is left was cut in two
        end if;
        if run = 0 then
            return null;
        end if;
        at := at + run;
    end loop;
    return 'keyboard';
end
$$;

-- Attempts at transitions in a period: those that guards or inputs refused, and those that went through.
create or replace function sluice.attempts(entity text, since timestamptz, until timestamptz)
    returns table (seq bigint, at timestamptz, blueprint_id uuid, entity text, record_id uuid, transition text,
                   actor_kind text, actor_id uuid, refused boolean, broke_glass boolean, failures jsonb, changes jsonb)
    language sql stable as $$
    select a.seq, a.at, b.blueprint_id, a.entity, a.record_id, a.transition, a.actor_kind, a.actor_id, a.action = 'denied',
           a.action <> 'denied' and coalesce(a.detail ? 'forced', false),
           case when a.action <> 'denied' then null -- matches of duplicates are no guards
                when a.detail ->> 'code' = 'duplicate' then '[]' else coalesce(a.detail -> 'failures', '[]') end, a.changes
      from sluice.audit a
     cross join lateral (select v.blueprint_version_id from sluice.visit v
                          where v.record_id = a.record_id and v.id < a.seq
                          order by v.id desc limit 1) v
      join sluice.blueprint_version b on b.id = v.blueprint_version_id
     where a.action in ('denied', 'transition') and a.transition is not null
       and (a.action = 'transition' or a.detail ->> 'code' in ('guard_failed', 'validation_failed'))
       and a.entity = any (case when attempts.entity is null then '{lead,account,opportunity}'::text[]
                                else array[attempts.entity] end)
       and (since is null or a.at >= since) and (until is null or a.at < until);
$$;

-- The guards that a refusal can name, in the versions in force; what free text each of them looks at.
create or replace function sluice.named_guards()
    returns table (blueprint_id uuid, transition text, guard text, fields text[], subjects boolean)
    language sql stable as $$
    with recursive named as (
        select g.id, g.transition_id, g.key, g.op
          from sluice.guard g where g.parent is null
        union all
        select g.id, g.transition_id, g.key, g.op
          from named n join sluice.guard g on g.transition_id = n.transition_id and g.parent = n.id
         where n.op = 'all'
    ), parts as (
        select n.id as top, n.id, n.transition_id from named n where n.op is distinct from 'all'
        union all
        select p.top, g.id, g.transition_id
          from parts p join sluice.guard g on g.transition_id = p.transition_id and g.parent = p.id
    )
    select v.blueprint_id, t.key, n.key,
           coalesce(array_agg(distinct g.params ->> 'field') filter (
               where g.kind in ('field_present', 'field_compare')
                 and not exists (select from sluice.input i
                                  where i.transition_id = t.id and i.kind = 'field'
                                    and i.params ->> 'field' = g.params ->> 'field'
                                    and i.params ?| '{choices,choices_from}')), '{}'),
           coalesce(bool_or(g.kind = 'related_count' and g.params ->> 'of' = 'activity'), false)
      from named n
      join parts p on p.top = n.id
      join sluice.guard g on g.id = p.id
      join sluice.transition t on t.id = n.transition_id
      join sluice.blueprint_version v on v.id = t.blueprint_version_id and v.status = 'published'
     where n.op is distinct from 'all'
     group by v.blueprint_id, t.key, n.key;
$$;

-- What was typed to get past each guard: with the move, or into the record between the first refusal and it.
create or replace function sluice.typed_values(entity text, since timestamptz, until timestamptz)
    returns table (blueprint_id uuid, transition text, guard text, record_id uuid, actor_kind text, actor_id uuid,
                   value text, reason text)
    language sql stable as $$
    with passed as (
        select a.*, g.guard, g.fields, g.subjects,
               (select min(r.seq) from sluice.audit r
                 where r.record_id = a.record_id and r.action = 'denied' and r.transition = a.transition
                   and r.seq < a.seq) as first_refusal
          from sluice.attempts(typed_values.entity, since, until) a
          join sluice.named_guards() g on g.blueprint_id = a.blueprint_id and g.transition = a.transition
         where not a.refused
    ), typed as (
        select p.blueprint_id, p.transition, p.guard, p.record_id, p.actor_kind, p.actor_id,
               p.changes -> f ->> 'new' as value
          from passed p cross join lateral unnest(p.fields) f
         where jsonb_typeof(p.changes -> f -> 'new') = 'string'
        union all
        select p.blueprint_id, p.transition, p.guard, p.record_id, u.actor_kind, u.actor_id, u.changes -> f ->> 'new'
          from passed p
          join sluice.audit u on u.record_id = p.record_id and u.action = 'update' and u.seq > p.first_refusal
                             and u.seq < p.seq
         cross join lateral unnest(p.fields) f
         where jsonb_typeof(u.changes -> f -> 'new') = 'string'
        union all
        select p.blueprint_id, p.transition, p.guard, p.record_id, p.actor_kind, p.actor_id, w.subject
          from passed p
          join sluice.activity w on w.transition = p.transition and w.created_at = p.at
                                and p.record_id = case p.entity when 'lead' then w.lead_id
                                                                when 'opportunity' then w.opportunity_id
                                                                else w.account_id end
         where p.subjects and w.subject is not null
    ), counted as (
        select t.*, count(*) over (partition by t.blueprint_id, t.transition, t.guard) as of_guard,
               count(*) over (partition by t.blueprint_id, t.transition, t.guard, lower(btrim(t.value))) as of_value
          from typed t
    )
    select c.blueprint_id, c.transition, c.guard, c.record_id, c.actor_kind, c.actor_id, c.value,
           coalesce(sluice.suspicious(c.value),
                    case when c.of_value >= 5 and c.of_value * 2 >= c.of_guard then 'same' end)
      from counted c;
$$;

-- What each guard cost and brought.
create or replace function sluice.friction(entity text, since timestamptz, until timestamptz)
    returns table (blueprint_id uuid, transition text, guard text, attempts bigint, refusals bigint, successes bigint,
                   overcome bigint, p50_s bigint, p90_s bigint, typed bigint, suspicious bigint, reasons jsonb,
                   break_glass bigint)
    language sql stable as $$
    with tried as materialized (
        select * from sluice.attempts(friction.entity, since, until)
    ), refused as (
        select t.*, f ->> 'guard' as guard
          from tried t cross join lateral jsonb_array_elements(t.failures) f
         where t.refused
    ), guards as (
        select r.blueprint_id, r.transition, r.guard from refused r
        union
        select g.blueprint_id, g.transition, g.guard from sluice.named_guards() g
    ), moves as (
        select t.blueprint_id, t.transition, count(*) as attempts, count(*) filter (where not t.refused) as successes,
               count(*) filter (where t.broke_glass) as break_glass
          from tried t group by t.blueprint_id, t.transition
    ), first as (
        select r.blueprint_id, r.transition, r.guard, r.record_id, count(*) as refusals, min(r.seq) as seq, min(r.at) as at
          from refused r group by r.blueprint_id, r.transition, r.guard, r.record_id
    ), waits as (
        select f.blueprint_id, f.transition, f.guard, f.refusals,
               extract(epoch from min(t.at) - f.at)::double precision as seconds
          from first f
          left join tried t on t.record_id = f.record_id and t.transition = f.transition and not t.refused and t.seq > f.seq
         group by f.blueprint_id, f.transition, f.guard, f.record_id, f.refusals, f.at
    ), stopped as (
        select w.blueprint_id, w.transition, w.guard, sum(w.refusals)::bigint as refusals, count(w.seconds) as overcome,
               percentile_cont(0.5) within group (order by w.seconds) as p50,
               percentile_cont(0.9) within group (order by w.seconds) as p90
          from waits w group by w.blueprint_id, w.transition, w.guard
    ), odd as (
        select v.blueprint_id, v.transition, v.guard, sum(v.n)::bigint as typed,
               coalesce(sum(v.n) filter (where v.reason is not null), 0)::bigint as suspicious,
               jsonb_object_agg(v.reason, v.n) filter (where v.reason is not null) as reasons
          from (select x.blueprint_id, x.transition, x.guard, x.reason, count(*) as n
                  from sluice.typed_values(friction.entity, since, until) x
                 group by x.blueprint_id, x.transition, x.guard, x.reason) v
         group by v.blueprint_id, v.transition, v.guard
    )
    select g.blueprint_id, g.transition, g.guard, coalesce(m.attempts, 0), coalesce(s.refusals, 0),
           coalesce(m.successes, 0), coalesce(s.overcome, 0), s.p50::bigint, s.p90::bigint, coalesce(o.typed, 0),
           coalesce(o.suspicious, 0), coalesce(o.reasons, '{}'), coalesce(m.break_glass, 0)
      from guards g
      join sluice.blueprint b on b.id = g.blueprint_id
      left join moves m on m.blueprint_id = g.blueprint_id and m.transition = g.transition
      left join stopped s on s.blueprint_id = g.blueprint_id and s.transition = g.transition and s.guard = g.guard
      left join odd o on o.blueprint_id = g.blueprint_id and o.transition = g.transition and o.guard = g.guard
     where friction.entity is null or b.entity = friction.entity;
$$;

-- Who was stopped by which guard, and who typed what looks odd.
create or replace function sluice.friction_actors(entity text, since timestamptz, until timestamptz)
    returns table (blueprint_id uuid, transition text, guard text, actor_kind text, actor_id uuid, refusals bigint,
                   records bigint, typed bigint, suspicious bigint)
    language sql stable as $$
    with facts as (
        select t.blueprint_id, t.transition, f ->> 'guard' as guard, t.actor_kind, t.actor_id, t.record_id,
               1 as refused, 0 as typed, 0 as odd
          from sluice.attempts(friction_actors.entity, since, until) t
         cross join lateral jsonb_array_elements(t.failures) f
         where t.refused
        union all
        select v.blueprint_id, v.transition, v.guard, v.actor_kind, v.actor_id, v.record_id, 0, 1,
               (v.reason is not null)::integer
          from sluice.typed_values(friction_actors.entity, since, until) v
    )
    select f.blueprint_id, f.transition, f.guard, f.actor_kind, f.actor_id, sum(f.refused),
           count(distinct f.record_id), sum(f.typed), sum(f.odd)
      from facts f
     group by f.blueprint_id, f.transition, f.guard, f.actor_kind, f.actor_id;
$$;

-- Whether a lead was in the archive (a state of category cancelled) at a moment, by default now.
create or replace function sluice.was_archived(lead_id uuid, moment timestamptz) returns boolean
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return coalesce((select s.category = 'cancelled'
                       from sluice.visit v
                       join sluice.state s on s.blueprint_version_id = v.blueprint_version_id and s.key = v.state
                      where v.record_id = lead_id and v.entered_at < coalesce(moment, 'infinity')
                      order by v.id desc limit 1), false);
end
$$;

-- The governed records of these sources (null: all) and owners (null: all).
create or replace function sluice.records_of(sources text[], owners uuid[]) returns setof uuid
    language sql stable as $$
    select r.id from sluice.lead r
     where (sources is null or r.source = any(sources)) and (owners is null or r.owner_id = any(owners))
    union all
    select r.id from sluice.account r
     where (sources is null or r.source = any(sources)) and (owners is null or r.owner_id = any(owners))
    union all
    select r.id from sluice.opportunity r
     where (sources is null or r.source = any(sources)) and (owners is null or r.owner_id = any(owners));
$$;

-- Of the records that entered a state in the period, how many ever reached another one afterwards.
drop function if exists sluice.conversion(text, timestamptz, timestamptz);
create or replace function sluice.conversion(
    entity text, since timestamptz, until timestamptz, sources text[], owners uuid[]
)
    returns table (blueprint_id uuid, from_state text, to_state text, entered bigint, reached bigint,
                   median_days double precision)
    language sql stable as $$
    with cohort as materialized (
        select distinct on (b.blueprint_id, v.state, v.record_id)
               b.blueprint_id, v.state, v.record_id, v.id, v.entered_at
          from sluice.visit v
          join sluice.blueprint_version b on b.id = v.blueprint_version_id
         where (conversion.entity is null or v.entity = conversion.entity)
           and (since is null or v.entered_at >= since) and (until is null or v.entered_at < until)
           and ((sources is null and owners is null) or v.record_id in (select sluice.records_of(sources, owners)))
           and not (v.entity = 'lead' and sluice.was_archived(v.record_id, until))
         order by b.blueprint_id, v.state, v.record_id, v.id
    ), sizes as (
        select c.blueprint_id, c.state, count(*) as entered from cohort c group by c.blueprint_id, c.state
    ), arrivals as (
        select c.blueprint_id, c.state, v.state as reached, min(v.entered_at) - c.entered_at as after
          from cohort c
          join sluice.visit v on v.record_id = c.record_id and v.id > c.id and v.state <> c.state
         group by c.blueprint_id, c.state, c.record_id, c.entered_at, v.state
    )
    select s.blueprint_id, s.state, a.reached, s.entered, count(*),
           percentile_cont(0.5) within group (order by extract(epoch from a.after)::double precision) / 86400
      from sizes s join arrivals a on a.blueprint_id = s.blueprint_id and a.state = s.state
     group by s.blueprint_id, s.state, a.reached, s.entered;
$$;

-- The version that a record lived under when an entry of its history was written.
create or replace function sluice.version_then(record_id uuid, seq bigint) returns uuid
    language sql stable as $$
    select (a.changes -> 'blueprint_version_id' ->> 'new')::uuid
      from sluice.audit a
     where a.record_id = version_then.record_id and a.seq <= version_then.seq and a.changes ? 'blueprint_version_id'
     order by a.seq desc limit 1;
$$;

grant execute on function
    sluice.state_figures(uuid), sluice.suspicious(text),
    sluice.attempts(text, timestamptz, timestamptz), sluice.named_guards(),
    sluice.typed_values(text, timestamptz, timestamptz), sluice.friction(text, timestamptz, timestamptz),
    sluice.friction_actors(text, timestamptz, timestamptz), sluice.conversion(text, timestamptz, timestamptz, text[], uuid[]),
    sluice.records_of(text[], uuid[]),    sluice.version_then(uuid, bigint), sluice.was_archived(uuid, timestamptz)
    to sluice_app;

reset role;
