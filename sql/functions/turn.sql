-- Assignment of leads: what is to be assigned, whose turn it is, and queues.
--
-- The rules' conditions are guards, whose evaluator is the daemon's: a birth or a lead that becomes hot leaves it on
-- sluice.unassigned in the same transaction, and the daemon comes back with the rules that apply. Who gets it is decided
-- here. Whoever decides locks the rules first, in the order of their ids, then the leads.

set role sluice_owner;

create or replace function sluice.assigns(moment text) returns boolean
    language plpgsql stable as $$
begin
    return exists (select from sluice.assignment_rule r where r.enabled and moment = any (r.moments));
end
$$;

-- After leads were born, one or thousands. Who was given one by hand keeps it.
create or replace function sluice.assign_born() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if sluice.assigns('birth') then
        insert into sluice.unassigned (lead_id, moment) select b.id, 'birth' from born b where b.owner_id is null order by b.id
            on conflict on constraint unassigned_pk do update set mark = excluded.mark;
    end if;
    return null;
end
$$;

create or replace function sluice.assign_hot(lead uuid) returns void
    language plpgsql as $$
begin
    if sluice.assigns('hot') then
        insert into sluice.unassigned (lead_id, moment) values (lead, 'hot')
            on conflict on constraint unassigned_pk do update set mark = excluded.mark, moment = 'hot';
    end if;
end
$$;

-- After a lead got another owner, was converted or was deleted: it waits no longer.
create or replace function sluice.assign_settled() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
    delete from sluice.lead_queue q where q.lead_id = new.id;
    delete from sluice.unassigned q where q.lead_id = new.id and (q.moment = 'birth' or new.deleted_at is not null);
    return null;
end
$$;

create or replace trigger lead_assign_insert after insert on sluice.lead
    referencing new table as born for each statement execute function sluice.assign_born();
create or replace trigger lead_assign_update after update on sluice.lead
    for each row when (new.owner_id is not null and old.owner_id is distinct from new.owner_id
                       or old.deleted_at is distinct from new.deleted_at
                       or old.converted_at is distinct from new.converted_at)
    execute function sluice.assign_settled();

-- Before a rule is written: its people and its team are there.
create or replace function sluice.assignment_rule_whom() returns trigger
    language plpgsql as $$
declare
    n bigint;
begin
    select u.n into n from unnest(new.users) with ordinality u (id, n)
     where not exists (select from sluice.app_user x where x.id = u.id) or u.id is null order by u.n limit 1;
    if found then
        perform sluice.refuse_link('users/' || n - 1, 'user');
    end if;
    if new.team_id is not null and not exists (select from sluice.team t where t.id = new.team_id and t.deleted_at is null) then
        perform sluice.refuse_link('team_id', 'team');
    end if;
    return new;
end
$$;

create or replace trigger assignment_rule_whom before insert or update of users, team_id on sluice.assignment_rule
    for each row execute function sluice.assignment_rule_whom();
create or replace trigger assignment_rule_touch before update on sluice.assignment_rule
    for each row when (old *<> new) execute function sluice.touch();
create or replace trigger assignment_rule_audit after insert or update or delete on sluice.assignment_rule
    for each row execute function sluice.audit_change('assignment_rule', '');

create or replace function sluice.assignment_rule_gone() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    delete from sluice.assignment_share s where s.rule_id = old.id;
    return null;
end
$$;

create or replace trigger assignment_rule_gone after delete on sluice.assignment_rule
    for each row execute function sluice.assignment_rule_gone();

-- Whether a calendar's people work now.
create or replace function sluice.at_work(calendar text) returns boolean
    language plpgsql stable as $$
begin
    return calendar is null or exists (
        select from sluice.calendar c
         cross join lateral (select sluice.now() at time zone c.time_zone as wall) w
         cross join lateral jsonb_array_elements(c.hours) h
         where c.key = at_work.calendar and not w.wall::date = any (c.holidays)
           and (h ->> 'day')::integer = extract(isodow from w.wall)
           and w.wall - date_trunc('day', w.wall) >= (h ->> 'from')::interval
           and w.wall - date_trunc('day', w.wall) < (h ->> 'to')::interval);
end
$$;

create or replace function sluice.open_leads(owner uuid) returns bigint
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return (select count(*) from sluice.lead l
              left join sluice.state s on s.blueprint_version_id = l.blueprint_version_id and s.key = l.state
             where l.owner_id = owner and l.deleted_at is null and l.converted_at is null
               and coalesce(s.category, 'open') = 'open');
end
$$;

-- Those whom a rule names, in its order, with what speaks against each: load counts open leads.
create or replace function sluice.assignment_candidates(rule sluice.assignment_rule, on_day date)
returns table (n bigint, user_id uuid, name text, turn bigint, load bigint, capacity_left integer, skipped text)
    language plpgsql stable as $$
declare
    works constant boolean := sluice.at_work(rule.calendar);
begin
    return query
    with member as (
        select w.n, w.id from unnest(rule.users) with ordinality w (id, n)
        union all
        select row_number() over (order by m.user_id), m.user_id
          from sluice.team_member m join sluice.team t on t.id = m.team_id and t.deleted_at is null
         where rule.users = '{}' and m.team_id = rule.team_id),
    told as (
        select m.n, u.id, u.name, u.disabled, coalesce(s.turn, 0) as turn,
               rule.capacity - case when s.day = on_day then s.today else 0 end as capacity_left
          from (select min(x.n) as n, x.id from member x group by x.id) m
          join sluice.app_user u on u.id = m.id
          left join sluice.assignment_share s on s.rule_id = rule.id and s.user_id = u.id)
    select t.n, t.id, t.name, t.turn, case when rule.strategy = 'least_busy' then sluice.open_leads(t.id) end, t.capacity_left,
           case when t.disabled then 'disabled'
                when exists (select from sluice.deputy d where d.user_id = t.id and d.deleted_at is null
                                and d.starts_at <= sluice.now() and d.ends_at > sluice.now()) then 'absent'
                when not works then 'outside_hours'
                when t.capacity_left <= 0 then 'capacity' end
      from told t order by t.n;
end
$$;

-- Whose turn it is; the caller has locked the rule. user_id is null when nobody can take one. The turn is taken.
create or replace function sluice.assignment_choose(rule sluice.assignment_rule, out user_id uuid, out candidates jsonb)
    language plpgsql as $$
declare
    on_day constant date := (sluice.now() at time zone
        coalesce((select c.time_zone from sluice.calendar c where c.key = rule.calendar), 'UTC'))::date;
begin
    candidates := '[]';
    if rule.strategy = 'queue' then
        return;
    end if;
    select coalesce(jsonb_agg(jsonb_build_object('user_id', c.user_id, 'name', c.name, 'open_leads', c.load,
                                                 'capacity_left', c.capacity_left, 'skipped', c.skipped) order by c.n), '[]'),
           (array_agg(c.user_id order by case when rule.strategy = 'least_busy' then c.load end,
                                         case when rule.strategy <> 'fixed' then c.turn end, c.n)
                filter (where c.skipped is null))[1]
      into candidates, user_id
      from sluice.assignment_candidates(rule, on_day) c;
    if user_id is null then
        return;
    end if;
    insert into sluice.assignment_share as s (rule_id, user_id, turn, day, today)
    select rule.id, assignment_choose.user_id, coalesce(max(x.turn), 0) + 1, on_day, 1
      from sluice.assignment_share x where x.rule_id = rule.id
        on conflict on constraint assignment_share_pk do update
       set turn = excluded.turn, day = excluded.day,
           today = case when s.day = excluded.day then s.today + 1 else 1 end;
end
$$;

-- Nobody has the lead: it waits in the team's queue, if there is one, and an event says so.
create or replace function sluice.assign_queue(lead uuid, team uuid) returns void
    language plpgsql as $$
declare
    was constant uuid := (select q.team_id from sluice.lead_queue q where q.lead_id = lead);
begin
    if was = team then
        return;
    end if;
    update sluice.lead l set owner_id = null where l.id = lead and l.owner_id is not null;
    if team is not null then
        insert into sluice.lead_queue as q (lead_id, team_id) values (lead, team)
            on conflict on constraint lead_queue_pk do update set team_id = excluded.team_id, since = excluded.since;
    end if;
    with entry as (
        insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation, changes, detail)
        values (sluice.next_seq(), sluice.now(), 'update', 'lead', lead, sluice.actor_kind(), sluice.actor_id(),
                nullif(current_setting('sluice.request_id', true), ''), nullif(current_setting('sluice.operation', true), ''),
                jsonb_build_object('queue', jsonb_build_object('old', was, 'new', team)), jsonb_build_object('code', 'unassigned'))
        returning seq)
    insert into sluice.outbox (id, audit_seq, type, entity, record_id)
    select sluice.next_seq(), e.seq, 'lead.unassigned', 'lead', lead from entry e;
end
$$;

-- The queue of a form, and the form as evidence of why: what it brings waits there if nobody else has it.
create or replace function sluice.form_queue(form_id uuid, out team uuid, out evidence jsonb)
    language plpgsql stable as $$
begin
    select t.id, jsonb_build_array(jsonb_build_object('path', 'form', 'observed', f.form)) into team, evidence
      from sluice.intake_form f join sluice.team t on t.id = f.queue and t.deleted_at is null
     where f.id = form_id;
end
$$;

-- Writes down that no rule had anybody for a lead; without an owner it goes to the queue of the form it came by.
create or replace function sluice.assign_nobody(lead uuid, moment text, passed jsonb, form_id uuid, out id uuid)
    language plpgsql as $$
declare
    unowned constant boolean := not exists (select from sluice.lead l where l.id = lead and l.owner_id is not null);
    queue record;
begin
    select * into queue from sluice.form_queue(case when unowned then form_id end);
    if moment = 'demand' or passed <> '[]' or queue.team is not null then
        insert into sluice.lead_assignment (lead_id, moment, strategy, team_id, why)
        values (lead, moment, case when queue.team is not null then 'queue' end, queue.team,
                jsonb_build_object('candidates', '[]'::jsonb, 'evidence', coalesce(queue.evidence, '[]'), 'passed', passed,
                                   'kept', false))
        returning lead_assignment.id into id;
    end if;
    if unowned and (passed <> '[]' or queue.team is not null) then
        perform sluice.assign_queue(lead, queue.team);
    end if;
end
$$;

-- After a form made a lead: the rules decide first, if there are any.
create or replace function sluice.assign_form(lead uuid, form_id uuid) returns void
    language plpgsql security definer set search_path = sluice, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
    update sluice.unassigned q set form_id = assign_form.form_id where q.lead_id = lead;
    if not found then
        perform sluice.assign_nobody(lead, 'birth', '[]', form_id);
    end if;
end
$$;

drop function if exists sluice.assign_one(uuid, text, jsonb);

-- Gives a locked lead to whom the first of @rules ([{"id", "evidence"}], those that apply) that has somebody says; a
-- rule with a team ends the search, for the team's queue takes what its people cannot. A hot lead that one of the
-- rule's people has already stays theirs.
create or replace function sluice.assign_one(lead uuid, moment text, rules jsonb, form_id uuid, out id uuid)
    language plpgsql as $$
declare
    item jsonb;
    r sluice.assignment_rule;
    chosen record;
    owner constant uuid := (select l.owner_id from sluice.lead l where l.id = lead);
    passed jsonb := '[]';
    kept boolean;
begin
    for item in select x from jsonb_array_elements(rules) with ordinality e (x, n) order by e.n loop
        select * into r from sluice.assignment_rule x where x.id = (item ->> 'id')::uuid and x.enabled;
        continue when not found;
        kept := moment = 'hot' and owner is not null and (owner = any (r.users) or r.users = '{}' and exists (
            select from sluice.team_member m where m.team_id = r.team_id and m.user_id = owner));
        if kept then
            select owner as user_id, '[]'::jsonb as candidates into chosen;
        else
            select * into chosen from sluice.assignment_choose(r);
        end if;
        if chosen.user_id is null and r.team_id is null then
            passed := passed || jsonb_build_object('rule', r.key, 'candidates', chosen.candidates);
            continue;
        end if;
        insert into sluice.lead_assignment (lead_id, moment, rule, strategy, user_id, team_id, why)
        values (lead, moment, r.key, r.strategy, chosen.user_id, case when chosen.user_id is null then r.team_id end,
                jsonb_build_object('candidates', chosen.candidates, 'evidence', coalesce(item -> 'evidence', '[]'),
                                   'passed', passed, 'kept', kept))
        returning lead_assignment.id into id;
        if chosen.user_id is null then
            perform sluice.assign_queue(lead, r.team_id);
        elsif chosen.user_id is distinct from owner then
            update sluice.lead l set owner_id = chosen.user_id where l.id = lead;
        end if;
        return;
    end loop;
    id := sluice.assign_nobody(lead, moment, passed, form_id);
end
$$;

drop function if exists sluice.assign_next(integer);

-- The next leads to be assigned, with the facts of a decision. Nothing is locked but what goes: another daemon that
-- stores its decisions would skip what is locked, and deal out of turn.
create function sluice.assign_next(batch integer)
returns table (lead_id uuid, mark uuid, version bigint, moment text, facts json)
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    delete from sluice.unassigned q
     where q.lead_id in (select y.lead_id
                           from (select * from sluice.unassigned x order by x.queued_at, x.lead_id limit batch) y
                           join sluice.lead l on l.id = y.lead_id
                          where l.converted_at is not null or l.deleted_at is not null);
    return query
    select q.lead_id, q.mark, l.version, q.moment, f.facts
      from (select * from sluice.unassigned x order by x.queued_at, x.lead_id limit batch) q
      join sluice.lead l on l.id = q.lead_id and l.converted_at is null and l.deleted_at is null
     cross join lateral sluice.score_facts(q.lead_id) f;
end
$$;

create or replace function sluice.assign_lock(results jsonb) returns void
    language plpgsql as $$
begin
    perform from sluice.assignment_rule r
      where r.id in (select (x ->> 'id')::uuid from jsonb_array_elements(results) y, jsonb_array_elements(y -> 'rules') x)
      order by r.id for no key update;
end
$$;

-- Assigns what was decided: [{"lead", "mark", "version", "moment", "rules"}]. What was written meanwhile, or is in somebody
-- else's hands, comes again. Returns how many it was.
create or replace function sluice.assign_store(results jsonb) returns integer
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    item jsonb;
    lead uuid;
    its_form uuid;
    done integer := 0;
begin
    perform sluice.assign_lock(results);
    perform set_config('sluice.actor_kind', 'rule', true); -- the history names no clock
    for item in select x from jsonb_array_elements(results) with ordinality e (x, n) order by e.n loop
        lead := (item ->> 'lead')::uuid;
        perform from sluice.lead l
          where l.id = lead and l.version = (item ->> 'version')::bigint and l.deleted_at is null for no key update skip locked;
        continue when not found;
        select q.form_id into its_form
          from sluice.unassigned q where q.lead_id = lead and q.mark = (item ->> 'mark')::uuid for update skip locked;
        continue when not found;
        delete from sluice.unassigned q where q.lead_id = lead;
        done := done + 1;
        perform sluice.assign_one(lead, item ->> 'moment', item -> 'rules', its_form);
    end loop;
    return done;
end
$$;

-- The facts of one lead, for who may change it.
create or replace function sluice.assign_facts(lead uuid, viewer uuid, scope text)
returns table (lead_id uuid, version bigint, facts json)
    language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    return query
    select l.id, l.version, f.facts from sluice.lead l cross join lateral sluice.score_facts(l.id) f
     where l.id = lead and l.deleted_at is null and sluice.in_scope(scope, viewer, l.owner_id);
end
$$;

-- The same at once, for somebody who asks for it.
create or replace function sluice.assign_demand(result jsonb) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    lead constant uuid := (result ->> 'lead')::uuid;
    its_form uuid;
begin
    perform sluice.assign_lock(jsonb_build_array(result));
    perform from sluice.lead l
      where l.id = lead and l.version = (result ->> 'version')::bigint and l.deleted_at is null for no key update;
    if not found then
        raise exception using errcode = 'SLAGN', message = 'stale', detail = 'The lead has changed meanwhile; try again.';
    end if;
    delete from sluice.unassigned q where q.lead_id = lead returning q.form_id into its_form;
    perform set_config('sluice.assigned', sluice.assign_one(lead, 'demand', result -> 'rules', its_form)::text, true);
end
$$;

-- Gives the caller the lead that has waited longest in the queue of a team of theirs; nothing when none waits. Who comes
-- second goes on to the next.
create or replace function sluice.queue_take(team uuid, viewer uuid) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    lead uuid;
begin
    if not exists (select from sluice.team t where t.id = team and t.deleted_at is null) then
        raise exception using errcode = 'SL404', message = 'not_found', detail = 'There is no such team.';
    end if;
    if not exists (select from sluice.team_member m where m.team_id = team and m.user_id = viewer) then
        raise exception using errcode = 'SL403', message = 'forbidden', detail = 'Only members of a team take from its queue.';
    end if;
    select q.lead_id into lead
      from sluice.lead_queue q join sluice.lead l on l.id = q.lead_id and l.deleted_at is null and l.owner_id is null
     where q.team_id = team order by q.since, q.lead_id limit 1 for update of q, l skip locked;
    perform set_config('sluice.taken', coalesce(lead::text, ''), true);
    if lead is not null then
        insert into sluice.lead_assignment (lead_id, moment, strategy, user_id, why)
        values (lead, 'take', 'queue', viewer,
                jsonb_build_object('candidates', '[]'::jsonb, 'evidence', '[]'::jsonb, 'passed', '[]'::jsonb, 'kept', false));
        update sluice.lead l set owner_id = viewer where l.id = lead;
    end if;
end
$$;

-- Before a form is written: its queue is one of a team that is there.
create or replace function sluice.intake_form_team() returns trigger
    language plpgsql as $$
begin
    if not exists (select from sluice.team t where t.id = new.queue and t.deleted_at is null) then
        perform sluice.refuse_link('queue', 'team');
    end if;
    return new;
end
$$;

create or replace trigger intake_form_team before insert or update of queue on sluice.intake_form
    for each row when (new.queue is not null) execute function sluice.intake_form_team();

-- A team is dissolved only when nothing leads into its queue and nobody waits in it: they would wait for ever.
create or replace function sluice.team_queue() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    said constant text := coalesce(
        (select format('The intake form %s leads into its queue.', f.form) from sluice.intake_form f
          where f.queue = old.id order by f.form limit 1),
        (select format('The assignment rule %s names it.', r.key) from sluice.assignment_rule r
          where r.team_id = old.id order by r.key limit 1),
        (select format('%s leads wait in its queue.', count(*)) from sluice.lead_queue q
          where q.team_id = old.id having count(*) > 0));
begin
    if said is not null then
        raise exception using errcode = 'SL409', message = 'in_use', detail = said;
    end if;
    return new;
end
$$;

create or replace trigger team_queue before update of deleted_at on sluice.team
    for each row when (new.deleted_at is not null and old.deleted_at is null) execute function sluice.team_queue();

drop view if exists sluice.assignment_rule_row;

create view sluice.assignment_rule_row as
select r.id, r.version, r.key, r.label, r.moments, r.conditions, r.strategy, r.users, r.team_id, r.capacity, r.calendar,
       r.position, r.enabled, r.created_at, r.updated_at, r.created_by
  from sluice.assignment_rule r;

grant select on sluice.assignment_rule_row to sluice_app;
grant execute on function
    sluice.assign_next(integer), sluice.assign_store(jsonb), sluice.assign_facts(uuid, uuid, text),
    sluice.assign_demand(jsonb), sluice.assign_form(uuid, uuid), sluice.queue_take(uuid, uuid)
    to sluice_app;

reset role;
