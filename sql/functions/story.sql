-- One shared story: everything that happened around a record, whoever did it.

set role sluice_owner;

-- The records whose story a record tells: an account's includes the leads it came from, its contacts and its
-- opportunities.
create or replace function sluice.story_records(p_entity text, p_id uuid)
returns table (entity text, record_id uuid)
    language sql stable as $$
    select p_entity, p_id
    union select 'lead', l.id from sluice.lead l where p_entity = 'account' and l.account_id = p_id
    union select 'lead', l.id from sluice.lead l where p_entity = 'contact' and l.contact_id = p_id
    union select 'lead', l.id from sluice.lead l where p_entity = 'opportunity' and l.opportunity_id = p_id
    union select 'contact', c.id from sluice.contact c where p_entity = 'account' and c.account_id = p_id
    union select 'opportunity', o.id from sluice.opportunity o where p_entity = 'account' and o.account_id = p_id
    union select 'opportunity', o.id from sluice.opportunity o where p_entity = 'contact' and o.contact_id = p_id
$$;

-- Activities, tasks, and what the audit trail says of the records: births, moves, changes. An item's id is the
-- activity's or task's; an audit entry shows its sequence number in that form.
create or replace function sluice.story(p_entity text, p_id uuid)
returns table (id uuid, at timestamptz, kind text, entity text, record_id uuid, title text, body text,
               actor_kind text, actor_id uuid, data jsonb)
    language sql stable as $$
    with records as materialized (select r.entity, r.record_id from sluice.story_records(p_entity, p_id) r),
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
      from activities v where v.deleted_at is null
    union all
    select t.id, t.created_at, 'task',
           case when t.opportunity_id is not null then 'opportunity' when t.lead_id is not null then 'lead'
                when t.contact_id is not null then 'contact' else 'account' end,
           coalesce(t.opportunity_id, t.lead_id, t.contact_id, t.account_id),
           t.subject, t.body, 'user', t.created_by,
           jsonb_build_object('status', t.status, 'priority', t.priority, 'due_at', t.due_at, 'assignee_id', t.assignee_id,
                              'transition', t.transition)
      from tasks t where t.deleted_at is null
    union all
    select ('00000000-0000-0000-0000-' || lpad(to_hex(a.seq), 12, '0'))::uuid, a.at,
           case a.action when 'create' then 'created' when 'transition' then 'transition' else 'change' end,
           a.entity, a.record_id, a.transition, a.detail ->> 'note', a.actor_kind, a.actor_id,
           jsonb_strip_nulls(jsonb_build_object('from_state', a.from_state, 'to_state', a.to_state,
                             'changes', case when a.action = 'update' then a.changes end))
      from ids, sluice.audit a
     where a.record_id = any (ids.everything) and a.action not in ('denied', 'timer', 'approval')
$$;

grant execute on function sluice.story_records(text, uuid), sluice.story(text, uuid) to sluice_app;

reset role;
