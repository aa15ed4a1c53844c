-- Segments: rules that sort accounts. A rule is a leaf, {"kind": "won", "months": 12, "min": 3}, or a tree of them:
-- {"all": [...]}, {"any": [...]}, {"not": {...}}. A leaf is a condition of SQL on the account `a`, made in one place:
-- lists, counts and the answer to "why" cannot differ.

set role sluice_owner;

create or replace function sluice.refuse_segment(at text, why text) returns void
    language plpgsql as $$
begin
    raise exception using errcode = 'SL422', message = 'validation_failed', column = at, detail = why;
end
$$;

-- The kinds of leaves and their parameters; "!" marks those that are needed.
create or replace function sluice.segment_kinds() returns jsonb
    language sql immutable parallel safe
    return '{"won": {"months": "count", "min": "positive"},
             "last_won_before": {"months": "count!"},
             "invoice_overdue": {"days": "count"},
             "complaint_open": {"severity": "severities"},
             "no_activity": {"days": "count!"},
             "field": {"field": "field!", "op": "op!", "value": "value"}}'::jsonb;

-- Fields that a leaf may look at, as text.
create or replace function sluice.segment_field(name text) returns text
    language sql immutable parallel safe
    return case when name in ('name', 'tax_id', 'email', 'phone', 'website', 'industry', 'street', 'postcode', 'city',
                              'country', 'source', 'campaign', 'external_id') then 'a.' || name
                when name = 'verification' then 'a.state'
                when name = 'owner_id' then 'a.owner_id::text' end;

create or replace function sluice.segment_values(value jsonb) returns text[]
    language sql immutable parallel safe
    return case when jsonb_typeof(value) = 'array' then array(select jsonb_array_elements_text(value))
                when jsonb_typeof(value) in ('string', 'number', 'boolean') then array[value #>> '{}'] end;

create or replace function sluice.segment_leaf_check(rule jsonb, at text) returns void
    language plpgsql as $$
declare
    known jsonb := sluice.segment_kinds() -> (rule ->> 'kind');
    p record;
    given jsonb;
    good boolean;
begin
    if rule ->> 'kind' = 'field' and rule ->> 'field' like 'custom.%' then
        perform sluice.segment_custom_check(rule, at);
        return;
    end if;
    if known is null then
        perform sluice.refuse_segment(at || '/kind', format('The kind is one of %s.',
            (select string_agg(k, ', ' order by k) from jsonb_object_keys(sluice.segment_kinds()) k)));
    end if;
    for p in select k from jsonb_object_keys(rule - 'kind') k where not known ? k order by k limit 1 loop
        perform sluice.refuse_segment(at || '/' || p.k, format('%s has no such parameter.', rule ->> 'kind'));
    end loop;
    for p in select key, rtrim(value, '!') as type, value like '%!' as needed from jsonb_each_text(known) loop
        given := rule -> p.key;
        if given is null then
            if p.needed then
                perform sluice.refuse_segment(at || '/' || p.key, format('%s needs this.', rule ->> 'kind'));
            end if;
            continue;
        end if;
        good := case p.type
            when 'count' then jsonb_typeof(given) = 'number' and given::text ~ '^\d{1,4}$'
            when 'positive' then jsonb_typeof(given) = 'number' and given::text ~ '^[1-9]\d{0,3}$'
            when 'field' then sluice.segment_field(given #>> '{}') is not null or given = '"tags"'
            when 'op' then given in ('"eq"', '"ne"', '"in"', '"present"', '"absent"')
            when 'severities' then jsonb_typeof(given) = 'array' and jsonb_array_length(given) > 0
                                   and given <@ '["low", "normal", "high", "critical"]'
            else cardinality(sluice.segment_values(given)) between 1 and 100 end;
        if good is not true then
            perform sluice.refuse_segment(at || '/' || p.key, case p.type
                when 'count' then 'This is a whole number up to 9999.' when 'positive' then 'This is a whole number from 1 to 9999.'
                when 'field' then 'An account has no such field for rules.'
                when 'op' then 'This is one of eq, ne, in, present, absent.'
                when 'severities' then 'This is a list of low, normal, high, critical.'
                else 'This is a text or a list of up to 100.' end);
        end if;
    end loop;
    if rule ->> 'kind' = 'field' and (rule ->> 'op' in ('present', 'absent')) = (rule ? 'value') then
        perform sluice.refuse_segment(at || '/value', 'eq, ne and in compare with a value; present and absent have none.');
    end if;
end
$$;

-- Refuses a rule that means nothing.
create or replace function sluice.segment_check(rule jsonb, at text, depth integer) returns void
    language plpgsql as $$
declare
    part jsonb;
    op text := case when rule ? 'all' then 'all' when rule ? 'any' then 'any' when rule ? 'not' then 'not' end;
begin
    if depth > 5 or length(rule::text) > 20000 then
        perform sluice.refuse_segment(at, 'A rule has at most five levels and 20000 characters.');
    elsif jsonb_typeof(rule) is distinct from 'object' then
        perform sluice.refuse_segment(at, 'A rule is an object.');
    elsif op is null then
        perform sluice.segment_leaf_check(rule, at);
    elsif rule - op <> '{}' then
        perform sluice.refuse_segment(at, format('"%s" stands alone.', op));
    elsif op = 'not' then
        perform sluice.segment_check(rule -> op, at || '/not', depth + 1);
    elsif jsonb_typeof(rule -> op) <> 'array' or jsonb_array_length(rule -> op) not between 1 and 20 then
        perform sluice.refuse_segment(at || '/' || op, 'This is a list of one to twenty rules.');
    else
        for i in 0..jsonb_array_length(rule -> op) - 1 loop
            perform sluice.segment_check(rule -> op -> i, at || '/' || op || '/' || i, depth + 1);
        end loop;
    end if;
end
$$;

create or replace function sluice.segment_lint() returns trigger
    language plpgsql as $$
begin
    perform sluice.segment_check(new.rule, '/rule', 1);
    return new;
end
$$;

create or replace function sluice.segment_field_sql(rule jsonb) returns text
    language sql stable
    return (select case
        when rule ->> 'field' = 'tags' and rule ->> 'op' = 'present' then 'coalesce(cardinality(a.tags), 0) > 0'
        when rule ->> 'field' = 'tags' and rule ->> 'op' = 'absent' then 'coalesce(cardinality(a.tags), 0) = 0'
        when rule ->> 'field' = 'tags' then format('%s coalesce(a.tags && %L::text[], false)',
                                                   case rule ->> 'op' when 'ne' then 'not' else '' end, v.list)
        when rule ->> 'op' = 'present' then format('coalesce(%s, '''') ~ ''\S''', f.field)
        when rule ->> 'op' = 'absent' then format('coalesce(%s, '''') !~ ''\S''', f.field)
        else format('%s coalesce(%s = any (%L::text[]), false)', case rule ->> 'op' when 'ne' then 'not' else '' end,
                    f.field, v.list) end
      from sluice.segment_values(rule -> 'value') v(list), sluice.segment_field(rule ->> 'field') f(field));

-- The condition of a rule that was checked.
create or replace function sluice.segment_sql(rule jsonb) returns text
    language plpgsql stable as $$
declare
    won constant text := 'a.id in (select o.account_id from sluice.opportunity o join sluice.state s '
        'on s.blueprint_version_id = o.blueprint_version_id and s.key = o.state and s.category = ''won'' '
        'where o.deleted_at is null %s group by o.account_id having %s)';
    since constant text := 'sluice.now() - make_interval(%s => %s)';
    cutoff text;
begin
    if rule ? 'not' then
        return format('not (%s)', sluice.segment_sql(rule -> 'not'));
    elsif rule ? 'all' or rule ? 'any' then
        return (select '(' || string_agg(sluice.segment_sql(r), case when rule ? 'all' then ' and ' else ' or ' end) || ')'
                  from jsonb_array_elements(coalesce(rule -> 'all', rule -> 'any')) r);
    end if;
    case rule ->> 'kind'
    when 'won' then
        return format(won, case when rule ? 'months'
                                then format('and o.closed_at >= %s', format(since, 'months', rule ->> 'months')) else '' end,
                      format('count(*) >= %s', coalesce(rule ->> 'min', '1')));
    when 'last_won_before' then
        return format(won, '', format('max(o.closed_at) < %s', format(since, 'months', rule ->> 'months')));
    when 'invoice_overdue' then
        return format('a.id in (select i.account_id from sluice.invoice i where i.paid_at is null '
                      'and i.deleted_at is null and i.due_on < sluice.now()::date - %s)', coalesce(rule ->> 'days', '0'));
    when 'complaint_open' then
        return format('a.id in (select k.account_id from sluice.complaint k where k.closed_at is null '
                      'and k.deleted_at is null %s)', case when rule ? 'severity'
                          then format('and k.severity = any (%L::text[])', sluice.segment_values(rule -> 'severity')) else '' end);
    when 'no_activity' then
        cutoff := format(since, 'days', rule ->> 'days');
        return format('(a.created_at < %1$s and not exists (select from sluice.activity v where v.account_id = a.id '
            'and v.deleted_at is null and v.occurred_at >= %1$s) and not exists (select from sluice.opportunity o '
            'join sluice.activity v on v.opportunity_id = o.id where o.account_id = a.id and v.deleted_at is null '
            'and v.occurred_at >= %1$s) and not exists (select from sluice.contact c join sluice.activity v '
            'on v.contact_id = c.id where c.account_id = a.id and v.deleted_at is null and v.occurred_at >= %1$s))', cutoff);
    else
        return case when rule ->> 'field' like 'custom.%' then sluice.segment_custom_sql(rule)
                    else sluice.segment_field_sql(rule) end;
    end case;
end
$$;

-- The accounts of the segments, each once.
create or replace function sluice.segment_members(keys text[]) returns setof uuid
    language plpgsql stable rows 1000 as $$
declare
    condition text := (select string_agg(sluice.segment_sql(s.rule), ' or ') from sluice.segment s
                        where s.key = any (keys) and s.deleted_at is null);
begin
    if condition is not null then
        return query execute 'select a.id from sluice.account a where a.deleted_at is null and (' || condition || ')';
    end if;
end
$$;

-- How many accounts a viewer sees in a segment.
create or replace function sluice.segment_size(rule jsonb, viewer uuid, scope text) returns bigint
    language plpgsql stable as $$
declare
    n bigint;
begin
    execute 'select count(*) from sluice.account a where a.deleted_at is null and ($1 = ''all'' or '
            'sluice.in_scope($1, $2, a.owner_id)) and (' || sluice.segment_sql(rule) || ')' into n using scope, viewer;
    return n;
end
$$;

-- What a leaf looked at.
create or replace function sluice.segment_observed(rule jsonb, account uuid) returns jsonb
    language plpgsql stable as $$
declare
    found jsonb;
begin
    case rule ->> 'kind'
    when 'won', 'last_won_before' then
        select jsonb_build_object('count', count(*), 'last_won_at', sluice.rfc3339(max(o.closed_at))) into found
          from sluice.opportunity o
          join sluice.state s on s.blueprint_version_id = o.blueprint_version_id and s.key = o.state and s.category = 'won'
         where o.account_id = account and o.deleted_at is null
           and (rule ->> 'kind' <> 'won' or not rule ? 'months'
                or o.closed_at >= sluice.now() - make_interval(months => (rule ->> 'months')::integer));
    when 'invoice_overdue' then
        select jsonb_build_object('count', count(*), 'oldest_due_on', min(i.due_on)) into found from sluice.invoice i
         where i.account_id = account and i.paid_at is null and i.deleted_at is null
           and i.due_on < sluice.now()::date - coalesce((rule ->> 'days')::integer, 0);
    when 'complaint_open' then
        select jsonb_build_object('count', count(*), 'oldest_opened_at', sluice.rfc3339(min(k.opened_at))) into found
          from sluice.complaint k
         where k.account_id = account and k.closed_at is null and k.deleted_at is null
           and (not rule ? 'severity' or k.severity = any (sluice.segment_values(rule -> 'severity')));
    when 'no_activity' then
        select jsonb_build_object('last_activity_at', sluice.rfc3339(max(v.at))) into found
          from (select max(x.occurred_at) from sluice.activity x where x.account_id = account and x.deleted_at is null
                union all
                select max(x.occurred_at) from sluice.opportunity o join sluice.activity x on x.opportunity_id = o.id
                 where o.account_id = account and x.deleted_at is null
                union all
                select max(x.occurred_at) from sluice.contact c join sluice.activity x on x.contact_id = c.id
                 where c.account_id = account and x.deleted_at is null) v(at);
    else
        execute format('select jsonb_build_object(''value'', %s) from sluice.account a where a.id = $1',
                       case when rule ->> 'field' like 'custom.%' then format('a.custom -> %L', substr(rule ->> 'field', 8))
                            else coalesce(sluice.segment_field(rule ->> 'field'), 'a.tags') end) into found using account;
    end case;
    return found;
end
$$;

-- Why an account is in a segment, or why not: the rule, each part with `passed`, each leaf with what was observed.
create or replace function sluice.segment_judge(rule jsonb, account uuid) returns jsonb
    language plpgsql stable as $$
declare
    passed boolean;
    parts jsonb;
begin
    execute 'select exists (select from sluice.account a where a.id = $1 and ' || sluice.segment_sql(rule) || ')'
       into passed using account;
    if rule ? 'not' then
        return jsonb_build_object('passed', passed, 'not', sluice.segment_judge(rule -> 'not', account));
    elsif rule ? 'all' or rule ? 'any' then
        select jsonb_agg(sluice.segment_judge(r.v, account) order by r.n) into parts
          from jsonb_array_elements(coalesce(rule -> 'all', rule -> 'any')) with ordinality r(v, n);
        return jsonb_build_object('passed', passed, case when rule ? 'all' then 'all' else 'any' end, parts);
    end if;
    return rule || jsonb_build_object('passed', passed, 'observed', sluice.segment_observed(rule, account));
end
$$;

drop function if exists sluice.segments_named(uuid, uuid);

-- Of the segments that guards ask for, those that the account is in. Of whatever version: a simulation puts the facts of
-- two together.
create or replace function sluice.segments_named(account uuid) returns jsonb
    language plpgsql stable as $$
begin
    return (select coalesce(jsonb_agg(s.key order by s.key), '[]')
              from sluice.segment s
             cross join lateral sluice.segment_judge(s.rule, account) j(why)
             where s.deleted_at is null and (j.why ->> 'passed')::boolean
               and s.key in (select g.params ->> 'segment' from sluice.guard g where g.kind = 'in_segment'));
end
$$;

-- Before a segment goes: no process that is or may come into force asks for it.
create or replace function sluice.segment_kept() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    said constant text := (
        select format('The process "%s" (%s) asks for it in the guard "%s" of "%s".', b.key,
                      case v.status when 'draft' then 'a draft' else 'version ' || v.number end, g.key, t.key)
          from sluice.guard g
          join sluice.transition t on t.id = g.transition_id
          join sluice.blueprint_version v on v.id = t.blueprint_version_id and v.status in ('draft', 'published')
          join sluice.blueprint b on b.id = v.blueprint_id
         where g.kind = 'in_segment' and g.params ->> 'segment' = old.key
         order by b.key, v.number, t.key, g.key limit 1);
begin
    if said is not null then
        raise exception using errcode = 'SL409', message = 'in_use', detail = said;
    end if;
    return new;
end
$$;

create or replace trigger segment_kept before update of deleted_at on sluice.segment
    for each row when (new.deleted_at is not null and old.deleted_at is null) execute function sluice.segment_kept();
create or replace trigger segment_rule before insert or update of rule on sluice.segment
    for each row execute function sluice.segment_lint();
create or replace trigger segment_touch before update on sluice.segment
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger segment_audit after insert or update or delete on sluice.segment
    for each row execute function sluice.audit_change('segment', '');

drop view if exists sluice.segment_row;

create view sluice.segment_row as
select s.id, s.version, s.key, s.label, s.rule, s.created_at, s.updated_at, s.created_by
  from sluice.segment s
 where s.deleted_at is null;

grant select on sluice.segment_row to sluice_app;
grant execute on function
    sluice.refuse_segment(text, text), sluice.segment_kinds(), sluice.segment_field(text), sluice.segment_values(jsonb),
    sluice.segment_leaf_check(jsonb, text), sluice.segment_check(jsonb, text, integer), sluice.segment_field_sql(jsonb),
    sluice.segment_sql(jsonb), sluice.segment_members(text[]), sluice.segment_size(jsonb, uuid, text),
    sluice.segment_observed(jsonb, uuid), sluice.segment_judge(jsonb, uuid), sluice.segments_named(uuid)
    to sluice_app;

reset role;
