-- What processes look at beside the record and its activities is brought for those that do (facts_more.sql): visits and
-- tasks came with every decision before. Published versions learn which of them they need; a published version's other
-- columns stay as they are.

set role sluice_owner;

alter table sluice.blueprint_version disable trigger user;

update sluice.blueprint_version v
   set needs = (select coalesce(array_agg(distinct x.need order by x.need), '{}')
                  from (select unnest(v.needs) as need union all select n.need
                          from (select case when g.kind = 'visited_state'
                                                 or g.kind = 'actor_differs' and g.params ->> 'from' like 'transition:%' then 'visits'
                                            when g.kind = 'open_tasks' or g.params ->> 'of' = 'task' then 'tasks' end as need
                                  from sluice.transition t join sluice.guard g on g.transition_id = t.id
                                 where t.blueprint_version_id = v.id
                                union all
                                select 'tasks' from sluice.transition t join sluice.input i on i.transition_id = t.id
                                 where t.blueprint_version_id = v.id and i.kind = 'task' and i.required
                                union all
                                select 'tasks' from sluice.step_input i
                                 where i.blueprint_version_id = v.id and i.kind = 'task' and i.required) n) x
                 where x.need is not null)
 where v.needs is not null
   and (exists (select from sluice.transition t join sluice.guard g on g.transition_id = t.id
                 where t.blueprint_version_id = v.id
                   and (g.kind in ('visited_state', 'actor_differs', 'open_tasks') or g.params ->> 'of' = 'task'))
        or exists (select from sluice.transition t join sluice.input i on i.transition_id = t.id
                    where t.blueprint_version_id = v.id and i.kind = 'task' and i.required)
        or exists (select from sluice.step_input i
                    where i.blueprint_version_id = v.id and i.kind = 'task' and i.required));

alter table sluice.blueprint_version enable trigger user;

reset role;
