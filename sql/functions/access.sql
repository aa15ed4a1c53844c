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

-- Scope is what the viewer's permission says: all, team (my own and my team mates'), own, or none. A record
-- without an owner is seen with scope all only. Inlined by the planner: keep it one expression.
create or replace function sluice.in_scope(scope text, viewer uuid, owner uuid) returns boolean
    language sql stable parallel safe
    return case scope when 'all' then true
                      when 'own' then coalesce(owner = viewer, false)
                      when 'team' then coalesce(owner = viewer, false) or sluice.same_team(viewer, owner)
                      else false end;

-- What the caller typed, as a pattern that means just that.
create or replace function sluice.search_pattern(value text) returns text
    language sql immutable parallel safe
    return '%' || replace(replace(replace(value, '\', '\\'), '%', '\%'), '_', '\_') || '%';

grant execute on function
    sluice.same_team(uuid, uuid), sluice.in_scope(text, uuid, uuid), sluice.search_pattern(text)
    to sluice_app;

reset role;
