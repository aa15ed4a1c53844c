-- Which records somebody sees.

set role sluice_owner;

-- Said to be cheap, so that a plan for every scope is not dearer than one for a scope that is known: lists would be
-- planned again for each request, which costs more than to run them.
create or replace function sluice.same_team(one uuid, other uuid) returns boolean
    language plpgsql stable parallel safe cost 1 as $$
begin
    return exists (select from sluice.team_member a join sluice.team_member b on b.team_id = a.team_id
                    where a.user_id = one and b.user_id = other);
end
$$;

-- Whether the viewer stands in for the owner now.
create or replace function sluice.stands_in(viewer uuid, owner uuid) returns boolean
    language plpgsql stable parallel safe cost 1 as $$
begin
    return exists (select from sluice.deputy d
                    where d.deputy_id = viewer and d.user_id = owner and d.deleted_at is null
                      and d.ends_at > sluice.now() and d.starts_at <= sluice.now());
end
$$;

-- Scope is what the viewer's permission says: all, team (my own and my team mates'), own, or none. A deputy sees
-- what is the absent one's own, for as long. A record
-- without an owner is seen with scope all only. Inlined by the planner: keep it one expression.
create or replace function sluice.in_scope(scope text, viewer uuid, owner uuid) returns boolean
    language sql stable parallel safe
    return case scope when 'all' then true
                      when 'own' then coalesce(owner = viewer, false) or sluice.stands_in(viewer, owner)
                      when 'team' then coalesce(owner = viewer, false) or sluice.same_team(viewer, owner)
                                       or sluice.stands_in(viewer, owner)
                      else false end;

-- What the caller typed, as a pattern that means just that.
create or replace function sluice.search_pattern(value text) returns text
    language sql immutable parallel safe
    return '%' || replace(replace(replace(value, '\', '\\'), '%', '\%'), '_', '\_') || '%';

-- The same values, for a filter whose right plan hangs on them (a state that all records are in, or three): a call is
-- too dear to be made when it runs, and costs nothing where the planner makes it because it knows the values. So no plan
-- for any values wins, which would read all records for the three. In plpgsql, which is not taken in. Lists write states
-- into their text (call/list.c), where this costs nothing.
create or replace function sluice.known(value text[]) returns text[]
    language plpgsql immutable strict parallel safe cost 1000000 as $$
begin
    return value;
end
$$;

grant execute on function
    sluice.known(text[]), sluice.same_team(uuid, uuid), sluice.stands_in(uuid, uuid), sluice.in_scope(text, uuid, uuid), sluice.search_pattern(text)
    to sluice_app;

reset role;
