-- query: approval_get one read
-- An approval, for who asked and those who are asked.
-- in: id     uuid
-- in: viewer uuid
-- in: any    boolean
select r.*
  from sluice.approval_row r join sluice.approval a on a.id = r.id
 where r.id = :id and (:any or sluice.may_see_approval(a, :viewer));

-- query: approval_list list read
-- Approvals that the viewer asked for or is asked for.
-- in: viewer uuid
-- id: r.id
-- filter: mine boolean eq sluice.may_approve(a, :viewer) = any(:value)
-- filter: status text eq on r.status
-- filter: record uuid eq on r.record_id
-- filter: transition text eq on r.transition
-- sort: created_at timestamptz r.created_at
select r.*
-- from
  from sluice.approval_row r join sluice.approval a on a.id = r.id
-- where
 where sluice.may_see_approval(a, :viewer);

-- query: approval_load one read
-- The same with who asked, as a principal, and whether the viewer is asked.
-- in: id     uuid
-- in: viewer uuid
select a.entity, a.record_id, a.transition, a.body, a.needed, a.status, a.requested_by, a.requested_kind,
       (select count(*) from sluice.approval_vote v where v.approval_id = a.id and v.approve) as votes,
       array(select v.user_id from sluice.approval_vote v where v.approval_id = a.id and v.approve order by v.at, v.user_id)
           as voters,
       sluice.may_approve(a, :viewer) as may,
       q.roles,
       array(select m.team_id from sluice.team_member m where m.user_id = a.requested_by order by 1) as teams,
       sluice.permissions_of(q.roles) as permissions
  from sluice.approval a
 cross join lateral (select array(select x.role from sluice.user_role x where x.user_id = a.requested_by
                                  union select x.role from sluice.api_key_role x where x.api_key_id = a.requested_by
                                  order by 1) as roles) q
 where a.id = :id and sluice.may_see_approval(a, :viewer);

-- query: approval_request one write
-- Asks for approval of a move that was decided on @expected_version; raises SLAGN when it is not true any more.
-- in: id               uuid
-- in: entity           text
-- in: record_id        uuid
-- in: expected_version bigint
-- in: from_state       text
-- in: transition       text
-- in: body             jsonb
select r.outcome
  from (select sluice.approval_request(:id, :entity, :record_id, :expected_version, :from_state, :transition, :body)
               as outcome offset 0) r
 where sluice.requested(r.outcome);

-- query: approval_withdraw one write
-- Takes a question back.
-- in: id     uuid
-- in: any    boolean
-- in: reason text
select sluice.approval_withdraw(:id, :any, :reason) as outcome;

-- query: approval_vote one write
-- Writes a vote down that carries nothing out.
-- in: id             uuid
-- in: expected_votes integer
-- in: approve        boolean
-- in: note           text
select sluice.approval_vote(:id, :expected_votes, :approve, :note) as outcome;

-- query: approval_fail one write
-- The last vote for a move that is not possible any more.
-- in: id             uuid
-- in: expected_votes integer
-- in: note           text
-- in: code           text
-- in: detail         text
-- in: failures       jsonb
select sluice.approval_fail(:id, :expected_votes, :note, :code, :detail, :failures) as outcome;

-- query: approval_complete one write
-- The last vote, and the move.
-- in: id               uuid
-- in: expected_votes   integer
-- in: vote_note        text
-- in: entity           text
-- in: record_id        uuid
-- in: expected_version bigint
-- in: from_state       text
-- in: transition       text
-- in: fields           jsonb
-- in: activities       jsonb
-- in: tasks            jsonb
-- in: note             text
-- in: verdicts         jsonb
-- in: evidence         text
-- in: ids              uuid[]
-- in: checklist        jsonb
-- in: more             jsonb
select sluice.approval_complete(:id, :expected_votes, :vote_note, :entity, :record_id, :expected_version, :from_state,
                                :transition, :fields, :activities, :tasks, :note, :verdicts, :evidence, :ids, :checklist,
                                :more) as outcome;
