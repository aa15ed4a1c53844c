-- One shared story: everything that happened around a record, whoever did it.

set role sluice_owner;

-- Before stories knew who reads them.
drop function if exists sluice.story(text, uuid);
drop function if exists sluice.story_records(text, uuid);

-- The records whose story a record tells: an account's includes the leads it came from, its contacts and its
-- opportunities, as far as the viewer may see them. @p_scopes: {"lead": "all", "activity": "own", ...}; what it
-- does not name is not seen. That the viewer may see the record itself was found out before.
create or replace function sluice.story_records(p_entity text, p_id uuid, p_viewer uuid, p_scopes jsonb)
returns table (entity text, record_id uuid)
    language sql stable as $$
    select p_entity, p_id
    union select p_entity, m.id from sluice.merged_from(p_entity, p_id) m(id)
    union select 'lead', l.id from sluice.lead l where p_entity = 'account' and l.account_id = p_id
           and sluice.in_scope(p_scopes ->> 'lead', p_viewer, l.owner_id)
    union select 'lead', l.id from sluice.lead l where p_entity = 'contact' and l.contact_id = p_id
           and sluice.in_scope(p_scopes ->> 'lead', p_viewer, l.owner_id)
    union select 'lead', l.id from sluice.lead l where p_entity = 'opportunity' and l.opportunity_id = p_id
           and sluice.in_scope(p_scopes ->> 'lead', p_viewer, l.owner_id)
    union select 'contact', c.id from sluice.contact c where p_entity = 'account' and c.account_id = p_id
           and sluice.in_scope(p_scopes ->> 'contact', p_viewer, c.owner_id)
    union select 'opportunity', o.id from sluice.opportunity o where p_entity = 'account' and o.account_id = p_id
           and sluice.in_scope(p_scopes ->> 'opportunity', p_viewer, o.owner_id)
    union select 'opportunity', o.id from sluice.opportunity o where p_entity = 'contact' and o.contact_id = p_id
           and sluice.in_scope(p_scopes ->> 'opportunity', p_viewer, o.owner_id)
    -- what belongs to an account is seen with it
    union select 'equipment', e.id from sluice.equipment e join sluice.account a on a.id = e.account_id
           where p_entity = 'account' and e.account_id = p_id
             and sluice.in_scope(p_scopes ->> 'equipment', p_viewer, a.owner_id)
    union select 'invoice', i.id from sluice.invoice i join sluice.account a on a.id = i.account_id
           where p_entity = 'account' and i.account_id = p_id
             and sluice.in_scope(p_scopes ->> 'invoice', p_viewer, a.owner_id)
    union select 'complaint', k.id from sluice.complaint k join sluice.account a on a.id = k.account_id
           where p_entity = 'account' and k.account_id = p_id
             and sluice.in_scope(p_scopes ->> 'complaint', p_viewer, a.owner_id)
    union select 'account_contact', x.id from sluice.account_contact x
            join sluice.contact c on c.id = x.contact_id
           where ((p_entity = 'account' and x.account_id = p_id) or (p_entity = 'contact' and x.contact_id = p_id))
             and sluice.in_scope(p_scopes ->> 'contact', p_viewer, c.owner_id)
$$;

-- Changes under the names that the API knows: an audit entry keeps those of the columns. Money becomes one
-- member again ("amount.amount", and text as everywhere in the API), and which version of a blueprint governs is no change that anybody made.
create or replace function sluice.api_changes(entity text, changes jsonb) returns jsonb
    language sql immutable parallel safe as $$
    select coalesce(jsonb_object_agg(
               case c.key
                   when 'state' then s.name
                   when 'state_entered_at' then s.name || '_since'
                   else regexp_replace(c.key, '^(amount|estimated_value)_(amount|currency)$', '\1.\2')
               end,
               case when c.key in ('amount_amount', 'estimated_value_amount')
                    then jsonb_build_object('old', c.value ->> 'old', 'new', c.value ->> 'new')
                    else c.value end), '{}')
      from jsonb_each(changes) c,
           (select case entity when 'account' then 'verification' when 'opportunity' then 'stage' else 'status' end as name) s
     where c.key <> 'blueprint_version_id'
$$;

-- Activities, tasks, and what the audit trail says of the records: births, moves, changes. An item's id is the
-- activity's or task's; an audit entry shows its sequence number in that form.
create or replace function sluice.story(p_entity text, p_id uuid, p_viewer uuid, p_scopes jsonb)
returns table (id uuid, at timestamptz, kind text, entity text, record_id uuid, title text, body text,
               actor_kind text, actor_id uuid, data jsonb)
    language sql stable as $$
    with records as materialized (
        select r.entity, r.record_id from sluice.story_records(p_entity, p_id, p_viewer, p_scopes) r),
    ids as materialized (
        select array_agg(record_id) filter (where entity = 'lead') as leads,
               array_agg(record_id) filter (where entity = 'account') as accounts,
               array_agg(record_id) filter (where entity = 'contact') as contacts,
               array_agg(record_id) filter (where entity = 'opportunity') as opportunities,
               array_agg(record_id) as everything
          from records),
    activities as (
        select v.* from sluice.activity v, ids where v.lead_id = any (ids.leads)
        union select v.* from sluice.activity v, ids where v.account_id = any (ids.accounts)
        union select v.* from sluice.activity v, ids where v.contact_id = any (ids.contacts)
        union select v.* from sluice.activity v, ids where v.opportunity_id = any (ids.opportunities)),
    tasks as (
        select t.* from sluice.task t, ids where t.lead_id = any (ids.leads)
        union select t.* from sluice.task t, ids where t.account_id = any (ids.accounts)
        union select t.* from sluice.task t, ids where t.contact_id = any (ids.contacts)
        union select t.* from sluice.task t, ids where t.opportunity_id = any (ids.opportunities))
    select v.id, v.occurred_at, 'activity',
           case when v.opportunity_id is not null then 'opportunity' when v.lead_id is not null then 'lead'
                when v.contact_id is not null then 'contact' else 'account' end,
           coalesce(v.opportunity_id, v.lead_id, v.contact_id, v.account_id),
           v.subject, v.body, 'user', coalesce(v.owner_id, v.created_by),
           jsonb_build_object('kind', v.kind, 'outcome', v.outcome, 'duration_s', v.duration_s, 'transition', v.transition)
      from activities v
     where v.deleted_at is null and sluice.in_scope(p_scopes ->> 'activity', p_viewer, v.owner_id)
    union all
    select t.id, t.created_at, 'task',
           case when t.opportunity_id is not null then 'opportunity' when t.lead_id is not null then 'lead'
                when t.contact_id is not null then 'contact' else 'account' end,
           coalesce(t.opportunity_id, t.lead_id, t.contact_id, t.account_id),
           t.subject, t.body, 'user', t.created_by,
           jsonb_build_object('status', t.status, 'priority', t.priority, 'due_at', t.due_at, 'assignee_id', t.assignee_id,
                              'transition', t.transition)
      from tasks t
     where t.deleted_at is null and sluice.in_scope(p_scopes ->> 'task', p_viewer, t.assignee_id)
    union all
    select ('00000000-0000-0000-0000-' || lpad(to_hex(a.seq), 12, '0'))::uuid, a.at,
           case a.action when 'create' then 'created' when 'transition' then 'transition' when 'step' then 'step'
                         else 'change' end,
           a.entity, a.record_id, coalesce(a.transition, a.detail ->> 'step'), a.detail ->> 'note', a.actor_kind, a.actor_id,
           jsonb_strip_nulls(jsonb_build_object('from_state', a.from_state, 'to_state', a.to_state,
                             'status', case when a.action = 'step' then a.detail -> 'status' end,
                             'changes', case when a.action = 'update' then sluice.api_changes(a.entity, a.changes) end))
      from ids, sluice.audit a
     where a.record_id = any (ids.everything) and a.action not in ('denied', 'timer', 'approval')
$$;

grant execute on function sluice.api_changes(text, jsonb), sluice.story_records(text, uuid, uuid, jsonb),
    sluice.story(text, uuid, uuid, jsonb)
    to sluice_app;

reset role;
