-- What a lead does without us: opens a mail, looks at a page. Each event is an activity, so that guards, the timeline
-- and scoring know it like any other; its id is the event's, so that it is counted once.

set role sluice_owner;

-- Counts an event of a lead, or of the one that it was merged into. Returns how long to wait if there are too many of
-- them (nobody looks at two pages a second), else 0; counted says whether it was new. It is no touch of ours: clocks
-- that wait for somebody to look after the lead run on.
create or replace function sluice.engage(p_lead uuid, p_event uuid, p_kind text, p_outcome text, p_subject text, p_body text,
                                         out wait integer, out counted boolean)
    language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    l record;
    target uuid := p_lead;
begin
    wait := 0;
    counted := false;
    for i in 1 .. 10 loop
        select x.id, x.deleted_at, x.merged_into into l from sluice.lead x where x.id = target;
        exit when l.merged_into is null;
        target := l.merged_into;
    end loop;
    if l.id is null or l.deleted_at is not null then  -- a loop sets FOUND itself
        return;
    end if;
    wait := sluice.intake_hit('lead:' || target, 120);
    if wait > 0 then
        return;
    end if;
    perform set_config('sluice.engaged', 'on', true);
    insert into sluice.activity (id, kind, outcome, subject, body, lead_id)
    values (p_event, p_kind, p_outcome, p_subject, p_body, target)
        on conflict on constraint activity_pk do nothing;
    counted := found;
    perform set_config('sluice.engaged', '', true);
end
$$;

-- The id of an event that a page named itself: the same name of the same lead is the same event.
create or replace function sluice.event_uuid(p_lead uuid, p_event text) returns uuid
    language sql immutable parallel safe
    return md5('event:' || p_lead || ':' || p_event)::uuid;

grant execute on function sluice.engage(uuid, uuid, text, text, text, text), sluice.event_uuid(uuid, text) to sluice_app;

reset role;
