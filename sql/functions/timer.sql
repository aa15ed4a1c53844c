-- What a record's state makes due: thresholds that warn, escalate or leave a task, and moves that nobody makes.
--
-- A plan that was made while sluice.timer was empty would read all of it for as long as a connection lives: what
-- every write goes through looks by index only (enable_seqscan).
--
-- Timers are set when a state is entered (a trigger of sluice.visit, so whoever moves the record) and go when it
-- is left. A threshold that fired stays as the breach. Any number of daemons fire: whoever holds the record's lock
-- does, and the others find the timer fired.

set role sluice_owner;

-- The moment that a text names, or the first working one after it; a date is its first moment in the calendar's time
-- zone.
create or replace function sluice.moment_of(value text, calendar text) returns timestamptz
    language plpgsql stable as $$
begin
    return sluice.add_working(calendar, case
        when value ~ '^\d{4}-\d\d-\d\d$'
        then value::timestamp at time zone coalesce((select c.time_zone from sluice.calendar c where c.key = calendar), 'UTC')
        else value::timestamptz end, 0);
end
$$;

-- The moment that a field of a record names. The usual fields are named: making JSON of the row costs more than all the
-- rest.
create or replace function sluice.field_moment(entity text, record_id uuid, field text, calendar text)
returns timestamptz
    language plpgsql stable as $$
declare
    value text;
begin
    if entity = 'lead' then
        select case field when 'nurture_until' then to_char(l.nurture_until, 'YYYY-MM-DD')
                          when 'call_back_at' then l.call_back_at::text
                          else to_jsonb(l) ->> field end
          into value from sluice.lead l where l.id = record_id;
    elsif entity = 'opportunity' then
        select case field when 'postponed_until' then to_char(o.postponed_until, 'YYYY-MM-DD')
                          when 'close_date' then to_char(o.close_date, 'YYYY-MM-DD')
                          else to_jsonb(o) ->> field end
          into value from sluice.opportunity o where o.id = record_id;
    end if;
    return case when value is not null then sluice.moment_of(value, calendar) end;
end
$$;

-- What a visit may become due for.
drop function if exists sluice.visit_plan(sluice.visit);
create function sluice.visit_plan(v sluice.visit)
returns table (key text, sla boolean, what text, transition text, params jsonb, calendar text, after text, at_field text,
               touch boolean)
    language sql stable as $$
    select 'sla:' || s.key, true, s.what, case s.what when 'move' then s.params ->> 'transition' end, s.params,
           s.calendar, s.after, null, s.since = 'touch'
      from sluice.sla s
     where s.blueprint_version_id = v.blueprint_version_id and s.state = v.state
    union all
    select 'auto:' || t.key, false, 'move', t.key, '{}', t.auto_calendar, t.auto_after, t.auto_at_field, false
      from sluice.transition t
     where t.blueprint_version_id = v.blueprint_version_id and num_nonnulls(t.auto_after, t.auto_at_field) > 0
       and t.from_any <> exists (select from sluice.transition_from f
                                  where f.transition_id = t.id and f.state = v.state)
$$;

-- Earlier stays in the same state that this one goes on with: nothing but pausing states lies between. Newest
-- first.
create or replace function sluice.visit_chain(v sluice.visit) returns sluice.visit[]
    language plpgsql stable as $$
declare
    chain sluice.visit[] := '{}';
    earlier record;
    paused boolean := false;
begin
    if not coalesce((select s.pausing
                       from sluice.visit x
                       join sluice.state s on s.blueprint_version_id = x.blueprint_version_id and s.key = x.state
                      where x.record_id = v.record_id and x.id <> v.id
                      order by x.id desc limit 1), false) then
        return chain;  -- as nearly always
    end if;
    for earlier in select x as visit, s.pausing
                     from sluice.visit x
                     join sluice.state s on s.blueprint_version_id = x.blueprint_version_id and s.key = x.state
                    where x.record_id = v.record_id and x.id <> v.id
                    order by x.id desc
                    limit 100 loop
        if earlier.pausing then
            paused := true;
        elsif paused and (earlier.visit).state = v.state
              and (earlier.visit).blueprint_version_id = v.blueprint_version_id then
            chain := chain || earlier.visit;
            paused := false;
        else
            exit;
        end if;
    end loop;
    return chain;
end
$$;

-- When a threshold is due that began with the first stay of @chain (there is one), pauses left out.
create or replace function sluice.visit_due(v sluice.visit, chain sluice.visit[], calendar text, after text)
returns timestamptz
    language plpgsql stable as $$
declare
    began timestamptz;
    used bigint;
    needed bigint;
begin
    began := (chain[cardinality(chain)]).entered_at;
    needed := sluice.working_between(calendar, began, sluice.due_after(calendar, began, after));
    used := (select sum(sluice.working_between(calendar, s.entered_at, s.left_at)) from unnest(chain) s);
    return sluice.add_working(calendar, v.entered_at, greatest(needed - used, 0));
end
$$;

-- Sets the timers of a present visit, or sets again those that a field decides about. Another moment of a field
-- is another chance.
create or replace function sluice.timers_set(v sluice.visit) returns void
    language plpgsql security definer set search_path = sluice, pg_temp set enable_seqscan = off as $$
declare
    chain sluice.visit[];  -- null until a row of the plan asks for it
    carry boolean := false;
    hops integer := coalesce(nullif(current_setting('sluice.hops', true), '')::integer + 1, 0);
    path text[] := coalesce(nullif(current_setting('sluice.path', true), ''), '{}')::text[];
    p record;
    due timestamptz;
    touched timestamptz;
begin
    for p in select * from sluice.visit_plan(v) loop
        if chain is null and p.at_field is null and not p.touch then
            chain := sluice.visit_chain(v);
            carry := cardinality(chain) > 0;
        end if;
        if carry then
            carry := false;
            insert into sluice.timer (id, entity, record_id, visit_id, state, key, sla, what, transition, params, due_at,
                                      fired_at, refused, result)
            select sluice.next_seq(), t.entity, t.record_id, v.id, t.state, t.key, t.sla, t.what, t.transition, t.params,
                   t.due_at, t.fired_at, t.refused, t.result
              from (select distinct on (x.key) x.* from sluice.timer x
                     where x.visit_id in (select (s).id from unnest(chain) s) and x.sla and x.fired_at is not null
                       and x.touched_at is null
                     order by x.key, x.id desc) t
                on conflict (visit_id, key) do nothing;
        end if;
        touched := case when p.touch and v.entered_at < sluice.now() then sluice.last_touch(v)
                        when p.touch then v.entered_at end;
        due := case when p.at_field is not null
                    then sluice.field_moment(v.entity, v.record_id, p.at_field, p.calendar)
                    when p.params ? 'without'
                         and sluice.field_moment(v.entity, v.record_id, p.params ->> 'without', null) is not null
                    then null
                    when p.touch then sluice.due_after(p.calendar, touched, p.after)
                    when chain = '{}' then sluice.due_after(p.calendar, v.entered_at, p.after)
                    else sluice.visit_due(v, chain, p.calendar, p.after) end;
        if due is null then
            delete from sluice.timer t where t.visit_id = v.id and t.key = p.key and t.fired_at is null;
            continue;
        end if;
        insert into sluice.timer as t (id, entity, record_id, visit_id, state, key, sla, what, transition, params, due_at,
                                       touched_at, hops, path)
        values (sluice.next_seq(), v.entity, v.record_id, v.id, v.state, p.key, p.sla, p.what, p.transition, p.params, due, touched,
                case when due <= sluice.now() then hops else 0 end,
                case when due <= sluice.now() then path else '{}' end)
            on conflict (visit_id, key) do update
               set due_at = excluded.due_at, fired_at = null, refused = false, claimed_until = null,
                   touched_at = excluded.touched_at, result = case when p.touch then t.result end
             where t.due_at <> excluded.due_at
               and (t.fired_at is null or p.at_field is not null or excluded.touched_at > t.touched_at);
    end loop;
end
$$;

-- After visits began, one of a move or thousands of an import: their steps and timers. Those of records that are just born have no earlier
-- stay that would count, and are due together unless a field decides.
create or replace function sluice.visit_entered() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp set enable_seqscan = off as $$
declare
    stay record;
    v sluice.visit;
    p record;
    n bigint;
    stepped boolean;
begin
    select count(*), bool_or(exists (select from sluice.step s
                                      where s.blueprint_version_id = b.blueprint_version_id and s.state = b.state))
      into n, stepped from born b where b.left_at is null;
    if stepped then
        for v in select b.* from born b
                  where b.left_at is null and exists (select from sluice.step s
                      where s.blueprint_version_id = b.blueprint_version_id and s.state = b.state) loop
            perform sluice.steps_open(v, true);
        end loop;
    end if;
    if n = 1 then
        select b.* into v from born b where b.left_at is null;
        perform sluice.timers_set(v);
        return null;
    end if;
    for stay in select (array_agg(b.id))[1] as one, count(*) as n, b.blueprint_version_id, b.state, b.entered_at
                  from born b where b.left_at is null group by b.blueprint_version_id, b.state, b.entered_at loop
        select b.* into v from born b where b.id = stay.one;
        continue when not exists (select from sluice.visit_plan(v));
        if stay.n = 1 or stay.entered_at < sluice.now()
            or exists (select from sluice.visit_plan(v) x where x.at_field is not null or x.params ? 'without')
            or exists (select from born b join sluice.visit x on x.record_id = b.record_id and x.left_at is not null) then
            for v in select b.* from born b
                      where b.left_at is null and b.blueprint_version_id = stay.blueprint_version_id and b.state = stay.state
                        and b.entered_at = stay.entered_at loop
                perform sluice.timers_set(v);
            end loop;
            continue;
        end if;
        for p in select x.*, sluice.due_after(x.calendar, v.entered_at, x.after) as due from sluice.visit_plan(v) x loop
            insert into sluice.timer (id, entity, record_id, visit_id, state, key, sla, what, transition, params, due_at,
                                      touched_at)
            select sluice.next_seq(), b.entity, b.record_id, b.id, b.state, p.key, p.sla, p.what, p.transition, p.params, p.due,
                   case when p.touch then b.entered_at end
              from born b
             where b.left_at is null and b.blueprint_version_id = stay.blueprint_version_id and b.state = stay.state
               and b.entered_at = stay.entered_at and p.due is not null;
        end loop;
    end loop;
    return null;
end
$$;

-- Whether what this transaction does to a record touches it (touch.sql).
create or replace function sluice.touches() returns boolean
    language sql stable
    return sluice.actor_kind() not in ('timer', 'rule') and current_setting('sluice.engaged', true) is distinct from 'on';

-- The state is left: what did not fire never will, a task about it is done, and nobody is asked to approve. A threshold
-- that had passed stays, though no daemon had come to it: reports count it. A clock that a touch starts again has not
-- fired when the move is that touch.
create or replace function sluice.visit_left() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp set enable_seqscan = off as $$
declare
    tasks uuid[];
begin
    -- the timers first: closing a task touches the record
    with gone as (
        delete from sluice.timer t
         where t.record_id = new.record_id and t.live
           and (t.fired_at is null and not (t.sla and t.touched_at is null and t.due_at <= sluice.now())
                or t.touched_at < sluice.now() and sluice.touches()) returning t.result
    ), kept as (
        update sluice.timer t set live = false
         where t.record_id = new.record_id and t.live
           and (t.fired_at is not null or t.sla and t.touched_at is null and t.due_at <= sluice.now())
           and not coalesce(t.touched_at < sluice.now() and sluice.touches(), false) returning t.result
    )
    select array_agg(x.task_id) into tasks
      from (select (result ->> 'task_id')::uuid as task_id from gone union all select (result ->> 'task_id')::uuid from kept
            union all select f.task_id from sluice.forgotten f where f.record_id = new.record_id and f.visit_id = new.id) x
     where x.task_id is not null;
    if tasks is not null then  -- but those that are about others, too: they name no record
        update sluice.task k set status = 'done'
         where k.id = any (tasks) and k.status = 'open' and k.deleted_at is null
           and not (k.lead_id is null and k.account_id is null and k.opportunity_id is null);
    end if;
    if exists (select from sluice.approval x where x.record_id = new.record_id and x.status = 'pending') then
        perform sluice.approvals_outdate(new.record_id);
    end if;
    return null;
end
$$;

-- The record lives under another version, in the same state: what that one makes due, from when it was entered.
create or replace function sluice.visit_versioned() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    delete from sluice.timer t where t.visit_id = new.id and t.fired_at is null;
    update sluice.timer t set live = t.key in (select p.key from sluice.visit_plan(new) p) where t.visit_id = new.id;
    perform sluice.timers_set(new);
    return null;
end
$$;

drop function if exists sluice.reacts(uuid, uuid);

-- Whether a change of the record may move it: moves that wait for their guards leave its state, or one was due
-- before its guards held.
create or replace function sluice.reacts(version_id uuid, state text, record_id uuid) returns boolean
    language plpgsql stable set enable_seqscan = off as $$
begin
    return exists (select from sluice.transition t
                    where t.blueprint_version_id = version_id and t.auto_when
                      and t.from_any <> exists (select from sluice.transition_from f
                                                 where f.transition_id = t.id and f.state = reacts.state))
        or exists (select from sluice.timer t where t.record_id = reacts.record_id and t.live and t.refused);
end
$$;

-- Puts a record on the list of those to be looked at. A daemon that can look at it before the transaction commits
-- is told by an error to begin again, with a transaction that it holds open (held.sql). That is how a daemon works and
-- nothing to tell an administrator: where it may, it keeps the error out of the server's log.
create or replace function sluice.recheck_add(entity text, record_id uuid) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if current_setting('sluice.hold', true) = 'ask' then
        if has_parameter_privilege('log_min_messages', 'set') then
            perform set_config('log_min_messages', 'fatal', true); -- goes with the transaction
        end if;
        raise exception using errcode = 'SLHLD', message = 'hold', detail = record_id::text;
    end if;
    insert into sluice.recheck (id, entity, record_id, hops, path, tx)
    values (sluice.next_seq(), entity, record_id,
            coalesce(nullif(current_setting('sluice.hops', true), '')::integer + 1, 0),
            coalesce(nullif(current_setting('sluice.path', true), ''), '{}')::text[],
            pg_current_xact_id());
end
$$;

-- After a governed record was born or changed. Argument: the entity.
create or replace function sluice.record_changed() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if tg_op = 'UPDATE' and new.deleted_at is not null then
        delete from sluice.timer t where t.record_id = new.id and t.live and t.fired_at is null;
        return null;
    end if;
    if tg_op = 'UPDATE' and new.version <> old.version and new.state_entered_at is not distinct from old.state_entered_at
       and new.blueprint_version_id is not distinct from old.blueprint_version_id then
        perform sluice.touched(new.id);
    end if;
    if sluice.reacts(new.blueprint_version_id, new.state, new.id) then
        perform sluice.recheck_add(tg_argv[0], new.id);
    end if;
    if tg_argv[0] = 'account' and tg_op = 'UPDATE' and new.state is distinct from old.state then
        perform sluice.recheck_add('opportunity', o.id)
           from sluice.opportunity o
          where o.account_id = new.id and o.deleted_at is null and sluice.reacts(o.blueprint_version_id, o.state, o.id);
    end if;
    return null;
end
$$;

-- After a date changed that timers may hang on.
create or replace function sluice.dates_changed() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    v sluice.visit;
begin
    select * into v from sluice.visit x where x.record_id = new.id and x.left_at is null;
    if found and new.deleted_at is null then
        perform sluice.timers_set(v);
    end if;
    return null;
end
$$;

-- After an activity or task was written: it is evidence. What comes with a move of its lead is not looked at twice: the
-- visit that begins sets the clocks, and the lead's own change asks what may move it in its new state.
create or replace function sluice.work_changed() returns trigger
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    if new.lead_id is not null
       and not (tg_op = 'INSERT' and new.transition is not null and current_setting('sluice.cause', true) <> '') then
        perform sluice.touched(new.lead_id);
        perform sluice.recheck_add('lead', r.id) from sluice.lead r
          where r.id = new.lead_id and r.deleted_at is null and sluice.reacts(r.blueprint_version_id, r.state, r.id);
    end if;
    if new.account_id is not null then
        perform sluice.touched(new.account_id);
        perform sluice.recheck_add('account', r.id) from sluice.account r
          where r.id = new.account_id and r.deleted_at is null and sluice.reacts(r.blueprint_version_id, r.state, r.id);
    end if;
    if new.opportunity_id is not null then
        perform sluice.touched(new.opportunity_id);
        perform sluice.recheck_add('opportunity', r.id) from sluice.opportunity r
          where r.id = new.opportunity_id and r.deleted_at is null and sluice.reacts(r.blueprint_version_id, r.state, r.id);
    end if;
    return null;
end
$$;

create or replace trigger calendar_check before insert or update on sluice.calendar
    for each row execute function sluice.calendar_check();
create or replace trigger calendar_stays before delete on sluice.calendar
    for each row execute function sluice.calendar_stays();
create or replace trigger calendar_touch before update on sluice.calendar
    for each row execute function sluice.touch();
create or replace trigger calendar_audit after insert or update or delete on sluice.calendar
    for each row execute function sluice.audit_change('calendar', '');
create or replace trigger visit_entered after insert on sluice.visit
    referencing new table as born for each statement execute function sluice.visit_entered();
create or replace trigger visit_left after update of left_at on sluice.visit
    for each row when (old.left_at is null and new.left_at is not null) execute function sluice.visit_left();
create or replace trigger visit_versioned after update of blueprint_version_id on sluice.visit
    for each row when (old.blueprint_version_id is distinct from new.blueprint_version_id and new.left_at is null)
    execute function sluice.visit_versioned();
create or replace trigger lead_born after insert on sluice.lead
    for each row when (new.import_id is null) execute function sluice.record_changed('lead');
create or replace trigger lead_changed after update on sluice.lead
    for each row execute function sluice.record_changed('lead');
create or replace trigger account_born after insert on sluice.account
    for each row when (new.import_id is null) execute function sluice.record_changed('account');
create or replace trigger account_changed after update on sluice.account
    for each row execute function sluice.record_changed('account');
create or replace trigger opportunity_changed after insert or update on sluice.opportunity
    for each row execute function sluice.record_changed('opportunity');
-- a move needs neither this nor touched(): the visit that begins sets its own timers
create or replace trigger lead_dates after update of nurture_until, call_back_at on sluice.lead
    for each row when ((old.nurture_until is distinct from new.nurture_until
                       or old.call_back_at is distinct from new.call_back_at)
                      and old.state is not distinct from new.state
                      and old.state_entered_at is not distinct from new.state_entered_at)
    execute function sluice.dates_changed();
create or replace trigger opportunity_dates after update of close_date, delivery_date, postponed_until on sluice.opportunity
    for each row when ((old.close_date is distinct from new.close_date
                       or old.delivery_date is distinct from new.delivery_date
                       or old.postponed_until is distinct from new.postponed_until)
                      and old.state is not distinct from new.state
                      and old.state_entered_at is not distinct from new.state_entered_at)
    execute function sluice.dates_changed();
create or replace trigger activity_changed after insert or update on sluice.activity
    for each row execute function sluice.work_changed();
create or replace trigger task_changed after insert or update on sluice.task
    for each row execute function sluice.work_changed();

-- Locks a living record like a transition does, unless somebody else has it (false).
create or replace function sluice.lock_record(entity text, record_id uuid, wait boolean) returns boolean
    language plpgsql as $$
declare
    is_there boolean;
begin
    if entity not in ('lead', 'account', 'opportunity') then
        return false;
    end if;
    execute format('select true from sluice.%I r where r.id = $1 and r.deleted_at is null for update %s', entity,
                   case when wait then '' else 'skip locked' end)
      into is_there using record_id;
    return coalesce(is_there, false);
end
$$;

-- Writes down that a timer did something, and tells others.
create or replace function sluice.timer_note(
    entity text, record_id uuid, state text, action text, transition text, event text, detail jsonb
) returns void
    language plpgsql as $$
declare
    at_seq bigint := sluice.next_seq();
begin
    insert into sluice.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation,
                              transition, from_state, changes, detail)
    values (at_seq, sluice.now(), timer_note.action, timer_note.entity, timer_note.record_id, sluice.actor_kind(),
            sluice.actor_id(), nullif(current_setting('sluice.request_id', true), ''),
            nullif(current_setting('sluice.operation', true), ''), timer_note.transition, state, '{}', detail);
    insert into sluice.outbox (id, audit_seq, type, entity, record_id)
    values (sluice.next_seq(), at_seq, timer_note.entity || '.' || event, timer_note.entity, timer_note.record_id);
end
$$;

-- Somebody who has the role: a team mate of the owner before others.
create or replace function sluice.role_holder(role text, owner uuid) returns uuid
    language sql stable as $$
    select u.id
      from sluice.app_user u
     where not u.disabled and exists (select from sluice.user_role r where r.user_id = u.id and r.role = role_holder.role)
     order by coalesce(sluice.same_team(u.id, owner), false) desc, u.created_at, u.id
     limit 1
$$;

-- The task that a threshold leaves: linked to the record, its contact and account, with what one needs to call.
-- @role null: for the record's owner.
create or replace function sluice.timer_task(t sluice.timer, role text, priority text) returns uuid
    language plpgsql as $$
declare
    r record;
    c record;
    last text;
    task_id uuid := gen_random_uuid();
    label text;
begin
    if t.entity = 'lead' then
        select l.owner_id, l.state_entered_at as since, l.blueprint_version_id, l.id as lead_id, null::uuid as account_id,
               null::uuid as contact_id, null::uuid as opportunity_id,
               coalesce(l.company, nullif(concat_ws(' ', l.first_name, l.last_name), ''), l.email, l.id::text) as name
          into r from sluice.lead l where l.id = t.record_id;
        select nullif(concat_ws(' ', l.first_name, l.last_name), '') as name, l.phone, l.email
          into c from sluice.lead l where l.id = t.record_id;
        select v.kind || coalesce(': ' || v.subject, '') into last from sluice.activity v
         where v.lead_id = t.record_id and v.deleted_at is null order by v.occurred_at desc limit 1;
    elsif t.entity = 'account' then
        select a.owner_id, a.state_entered_at as since, a.blueprint_version_id, null::uuid as lead_id, a.id as account_id,
               null::uuid as contact_id, null::uuid as opportunity_id, a.name
          into r from sluice.account a where a.id = t.record_id;
        select a.name, a.phone, a.email into c from sluice.account a where a.id = t.record_id;
        select v.kind || coalesce(': ' || v.subject, '') into last from sluice.activity v
         where v.account_id = t.record_id and v.deleted_at is null order by v.occurred_at desc limit 1;
    else
        select o.owner_id, o.state_entered_at as since, o.blueprint_version_id, null::uuid as lead_id, o.account_id,
               o.contact_id, o.id as opportunity_id, o.name
          into r from sluice.opportunity o where o.id = t.record_id;
        select concat_ws(' ', k.first_name, k.last_name) as name, k.phone, k.email
          into c from sluice.contact k where k.id = r.contact_id;
        select v.kind || coalesce(': ' || v.subject, '') into last from sluice.activity v
         where v.opportunity_id = t.record_id and v.deleted_at is null order by v.occurred_at desc limit 1;
    end if;
    select coalesce(s.label ->> 'en', s.key) into label
      from sluice.state s where s.blueprint_version_id = r.blueprint_version_id and s.key = t.state;
    insert into sluice.task (id, subject, body, priority, assignee_id, lead_id, account_id, contact_id, opportunity_id)
    values (task_id, coalesce(t.params ->> 'subject', format('%s waits in "%s"', r.name, label)),
            concat_ws(e'\n', format('%s: in "%s" since %s', r.name, label, to_char(r.since at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')),
                      nullif('Contact: ' || concat_ws(', ', c.name, c.phone, c.email), 'Contact: '),
                      'Last: ' || last),
            priority, case when role is null then r.owner_id else sluice.role_holder(role, r.owner_id) end,
            r.lead_id, r.account_id, r.contact_id, r.opportunity_id);
    return task_id;
end
$$;

-- Fires what is due and needs no guards, at most @most. Returns how many.
create or replace function sluice.timers_fire(most integer) returns bigint
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    candidate record;
    t sluice.timer;
    detail jsonb;
    fired bigint := 0;
begin
    for candidate in select x.id, x.entity, x.record_id from sluice.timer x
                      where x.fired_at is null and x.live and x.what <> 'move' and x.due_at <= sluice.now()
                      order by x.due_at limit most loop
        continue when not sluice.lock_record(candidate.entity, candidate.record_id, false);
        select * into t from sluice.timer x
         where x.id = candidate.id and x.fired_at is null and x.live and x.due_at <= sluice.now() for update;
        continue when not found;
        detail := jsonb_build_object('timer', substr(t.key, 5), 'what', t.what, 'due_at', sluice.rfc3339(t.due_at));
        if t.touched_at is not null then
            detail := detail || jsonb_build_object('touched_at', sluice.rfc3339(t.touched_at));
        end if;
        if t.what = 'escalate' then
            detail := detail || jsonb_build_object('task_id', coalesce(sluice.timer_open_task(t),
                sluice.timer_task(t, coalesce(t.params ->> 'role', 'manager'), 'high')));
        elsif t.what = 'task' then
            detail := detail || jsonb_build_object('task_id', coalesce(sluice.timer_open_task(t),
                sluice.timer_task(t, t.params ->> 'role', 'normal')));
        end if;
        update sluice.timer x set fired_at = sluice.now(), result = detail where x.id = t.id;
        perform sluice.timer_note(t.entity, t.record_id, t.state, 'timer', null,
                                  case when t.touched_at is not null then 'stale' when t.what = 'warn' then 'sla_warned'
                                       when t.what = 'escalate' then 'sla_escalated' else 'sla_task' end, detail);
        fired := fired + 1;
    end loop;
    return fired;
end
$$;

grant execute on function sluice.timers_fire(integer) to sluice_app;

reset role;
