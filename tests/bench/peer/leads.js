// Leads: read, list, create with a search for duplicates, what may be done, and doing it.
import { randomUUID } from 'node:crypto'
import { allowed, from, verdicts } from './process.js'
import { addressed, lead, newLead, page, query, transition } from './schemas.js'

const TEXTS = ['first_name', 'last_name', 'email', 'phone', 'company', 'job_title', 'tax_id', 'website', 'industry', 'street',
  'postcode', 'city', 'country', 'need', 'description', 'source', 'campaign', 'external_id']
const COLUMNS = `l.id, l.version, l.state, l.state_entered_at, l.${TEXTS.join(', l.')}, l.budget_confirmed, l.estimated_value_amount,
  l.estimated_value_currency, l.utm, l.owner_id, l.tags, l.unqualified_reason, l.dead_reason, l.nurture_until::text, l.call_back_at,
  l.account_id, l.contact_id, l.opportunity_id, l.converted_at, l.extra, l.score, l.custom, l.created_at, l.updated_at, l.created_by`
const TIMES = `, case when l.owner_id is null then (select q.team_id from peer.lead_queue q where q.lead_id = l.id) end as queue,
  t.due_at, t.breached, t.stale_since
  from peer.lead l left join lateral (
    select min(t.due_at) filter (where t.sla and t.due_at > now()) as due_at,
           coalesce(bool_or(t.sla and t.touched_at is null and t.due_at <= now()), false) as breached,
           min(t.due_at) filter (where t.touched_at is not null and t.due_at <= now()) as stale_since
      from peer.timer t where t.record_id = l.id and t.live) t on true`
const GET = { name: 'get', text: `select ${COLUMNS}${TIMES} where l.id = $1 and l.deleted_at is null` }
const LISTS = {
  all: `select ${COLUMNS}${TIMES} where l.deleted_at is null`,
  filtered: `select ${COLUMNS}${TIMES} join peer.visit v on v.record_id = l.id and v.left_at is null
    where l.deleted_at is null and l.owner_id = $1 and v.entity = 'lead' and v.state = $2`
}
const ORDER = ' order by l.created_at desc, l.id desc limit '
const AUDIT = {
  name: 'audit',
  text: `with a as (insert into peer.audit (seq, at, action, entity, record_id, actor_kind, actor_id, request_id, operation, transition,
      from_state, to_state, changes, detail)
    values (nextval('peer.seq'), now(), $1, 'lead', $2, 'user', $3, $4, $5, $6, $7, $8, $9, $10) returning seq)
    insert into peer.outbox (id, audit_seq, type, entity, record_id) select nextval('peer.seq'), seq, 'lead.' || $1, 'lead', $2 from a`
}
const VISIT = {
  name: 'visit',
  text: `insert into peer.visit (id, entity, record_id, blueprint_version_id, state, entered_at, entered_by, via)
    values (nextval('peer.seq'), 'lead', $1, $2, $3, now(), $4, $5) returning id`
}
const TIMER = {
  name: 'timer',
  text: `insert into peer.timer (id, entity, record_id, visit_id, state, key, sla, what, transition, due_at)
    values (nextval('peer.seq'), 'lead', $1, $2, $3, $4, $5, $6, $7, $8)`
}

const ask = (db, statement, values) => db.query({ ...statement, values })

export async function leads (app, { pool, process }) {
  const shape = row => ({
    ...row,
    status: row.state,
    status_category: process.states.get(row.state)?.category ?? null,
    status_since: row.state_entered_at,
    estimated_value: row.estimated_value_amount === null
      ? null
      : { amount: row.estimated_value_amount, currency: row.estimated_value_currency },
    tags: row.tags ?? [],
    stale: row.stale_since !== null
  })
  const missing = reply => reply.code(404).send({ status: 404, code: 'not_found', title: 'There is no such lead.' })

  async function transact (work) {
    const db = await pool.connect()
    try {
      await db.query('begin')
      const result = await work(db)
      await db.query(result ? 'commit' : 'rollback')
      return result
    } catch (e) {
      await db.query('rollback')
      throw e
    } finally {
      db.release()
    }
  }

  app.get('/v1/leads/:id', { schema: { params: addressed, response: { 200: lead } } }, async (request, reply) => {
    const { rows } = await ask(pool, GET, [request.params.id])
    if (!rows.length) return missing(reply)
    reply.header('etag', `"${rows[0].version}"`)
    return shape(rows[0])
  })

  app.get('/v1/leads', { schema: { querystring: query, response: { 200: page } } }, async request => {
    const { limit, owner, status, cursor } = request.query
    const filtered = owner && status
    const values = filtered ? [owner === 'me' ? request.user.user_id : owner, status] : []
    let text = LISTS[filtered ? 'filtered' : 'all']
    if (cursor) {
      const [at, id] = JSON.parse(Buffer.from(cursor, 'base64url'))
      values.push(at, id)
      text += ` and (l.created_at, l.id) < ($${values.length - 1}, $${values.length})`
    }
    values.push(limit + 1)
    const { rows } = await pool.query({ name: `list${filtered ? 'f' : ''}${cursor ? 'c' : ''}`, text: `${text}${ORDER}$${values.length}`, values })
    const items = rows.slice(0, limit).map(shape)
    const last = rows.length > limit ? items.at(-1) : null
    return { items, next_cursor: last && Buffer.from(JSON.stringify([last.created_at, last.id])).toString('base64url') }
  })

  function keysOf (body) {
    const keys = []
    const email = body.email?.trim().toLowerCase()
    const phone = body.phone?.replace(/[^+\d]/g, '')
    const person = [body.first_name, body.last_name].filter(Boolean).join(' ').normalize('NFD').replace(/[^\w ]/g, '').toLowerCase()
    if (email) keys.push(['email', email], ['domain', email.split('@')[1]])
    if (phone) keys.push(['phone', phone])
    if (person) keys.push(['person', person])
    if (body.tax_id) keys.push(['tax_id', body.tax_id.replace(/\W/g, '')])
    return keys
  }

  function workingHours (start, hours) { // Monday to Friday, nine to five
    const at = new Date(start)
    for (let left = hours * 3600000; ; at.setUTCDate(at.getUTCDate() + 1), at.setUTCHours(9, 0, 0, 0)) {
      if (at.getUTCDay() % 6 === 0) continue
      if (at.getUTCHours() < 9) at.setUTCHours(9, 0, 0, 0)
      const open = new Date(at).setUTCHours(17, 0, 0, 0) - at
      if (open >= left) return new Date(at.getTime() + left)
      left -= Math.max(open, 0)
    }
  }

  app.post('/v1/leads', { schema: { body: newLead, response: { 201: lead } } }, async (request, reply) => {
    const { body, user } = request
    const id = randomUUID()
    const keys = keysOf(body)
    const row = await transact(async db => {
      const { rows: found } = await ask(db, {
        name: 'duplicates',
        text: `select k.record_id, k.kind from peer.match_key k join unnest($1::text[], $2::text[]) w(kind, key) using (kind, key)
          where k.kind in ('email', 'phone', 'tax_id') limit 50`
      }, [keys.map(k => k[0]), keys.map(k => k[1])])
      const { rows: [made] } = await ask(db, {
        name: 'create',
        text: `insert into peer.lead as l (id, ${TEXTS.join(', ')}, budget_confirmed, estimated_value_amount, estimated_value_currency,
            owner_id, blueprint_version_id, state, state_entered_at, created_by)
          values ($1, ${TEXTS.map((_, i) => '$' + (i + 2)).join(', ')}, $20, $21, $22, $23, $24, $25, now(), $26) returning ${COLUMNS}`
      }, [id, ...TEXTS.map(t => body[t] ?? null), body.budget_confirmed ?? null, body.estimated_value?.amount ?? null,
        body.estimated_value?.currency ?? null, body.owner_id ?? null, process.id, process.initial, user.user_id])
      const { rows: [visit] } = await ask(db, VISIT, [id, process.id, process.initial, user.user_id, 'created'])
      const due = workingHours(Date.now(), 8)
      await ask(db, TIMER, [id, visit.id, process.initial, 'sla:first_response', true, 'warn', null, due])
      await ask(db, { name: 'keys', text: 'insert into peer.match_key (kind, key, entity, record_id) select k.kind, k.key, \'lead\', $3 from unnest($1::text[], $2::text[]) k(kind, key)' },
        [keys.map(k => k[0]), keys.map(k => k[1]), id])
      await ask(db, { name: 'text', text: 'insert into peer.search_text (entity, record_id, text) values (\'lead\', $1, $2)' },
        [id, [body.first_name, body.last_name, body.company, body.email, body.phone, body.tax_id].filter(Boolean).join(' ')])
      await ask(db, AUDIT, ['create', id, user.user_id, request.id, 'lead_create', null, null, process.initial, body,
        found.length ? { duplicates: found } : null])
      return { ...made, queue: null, due_at: due, breached: false, stale_since: null }
    })
    return reply.code(201).header('location', `/v1/leads/${id}`).send(shape(row))
  })

  const FACTS = {
    name: 'facts',
    text: `select ${COLUMNS}, (select v.entered_at from peer.visit v where v.record_id = l.id and v.left_at is null) as since,
      (select coalesce(json_agg(json_build_object('kind', a.kind, 'subject', a.subject, 'outcome', a.outcome, 'occurred_at', a.occurred_at)), '[]')
         from peer.activity a where a.lead_id = l.id and a.deleted_at is null) as activities,
      (select coalesce(json_agg(json_build_object('status', t.status, 'due_at', t.due_at)), '[]')
         from peer.task t where t.lead_id = l.id and t.deleted_at is null) as tasks
      from peer.lead l where l.id = $1 and l.deleted_at is null`
  }
  const factsOf = (row, fields = {}) => ({
    record: { ...shape(row), ...fields }, since: row.since, tasks: row.tasks,
    activities: row.activities.map(a => ({ ...a, occurred_at: new Date(a.occurred_at) }))
  })

  app.get('/v1/leads/:id/transitions', { schema: { params: addressed } }, async (request, reply) => {
    const { rows: [row] } = await ask(pool, FACTS, [request.params.id])
    if (!row) return missing(reply)
    const facts = factsOf(row)
    const state = s => ({ key: s, label: process.states.get(s).label.en, category: process.states.get(s).category })
    reply.header('etag', `"${row.version}"`)
    return {
      version: Number(row.version),
      state: state(row.state),
      items: process.transitions.filter(t => from(t, row.state)).map(t => {
        const guards = verdicts(t, facts)
        const actor = allowed(t, request.user)
        return { key: t.key, label: t.label.en, to: state(t.to), available: actor && guards.every(g => g.passed), actor_allowed: actor,
          guards, inputs: (t.inputs ?? []).map(i => ({ ...i, label: i.label?.en })) }
      })
    }
  })

  app.post('/v1/leads/:id/transitions/:key', { schema: { params: addressed, body: transition, response: { 200: lead } } }, async (request, reply) => {
    const { params: { id, key }, body: { fields = {}, note }, user } = request
    let refusal
    const row = await transact(async db => {
      const { rows: [row] } = await ask(db, { name: 'facts_lock', text: `${FACTS.text} for update of l` }, [id])
      const t = row && process.transitions.find(t => t.key === key && from(t, row.state))
      if (!t || !allowed(t, user)) { refusal = { status: row ? 409 : 404, code: row ? 'transition_not_allowed' : 'not_found', title: 'No.' }; return null }
      const guards = verdicts(t, factsOf(row, fields))
      if (!guards.every(g => g.passed)) { refusal = { status: 422, code: 'guards_failed', title: 'Not yet.', failures: guards }; return null }
      const open = process.states.get(t.to).category === 'open'
      const kept = f => fields[f] ?? (open ? null : row[f])
      const { rows: [moved] } = await ask(db, {
        name: 'move',
        text: `update peer.lead l set state = $2, state_entered_at = now(), version = version + 1, updated_at = now(), unqualified_reason = $3,
          dead_reason = $4, nurture_until = $5, call_back_at = $6 where id = $1 returning ${COLUMNS}`
      }, [id, t.to, kept('unqualified_reason'), kept('dead_reason'), kept('nurture_until'), kept('call_back_at')])
      const { rows: [left] } = await ask(db, {
        name: 'leave', text: 'update peer.visit set left_at = now(), left_by = $2, left_via = $3 where record_id = $1 and left_at is null returning id'
      }, [id, user.user_id, key])
      await ask(db, { name: 'stop', text: 'update peer.timer set live = false where record_id = $1 and visit_id = $2' }, [id, left.id])
      const { rows: [visit] } = await ask(db, VISIT, [id, process.id, t.to, user.user_id, key])
      for (const s of process.states.get(t.to).sla ?? []) {
        await ask(db, TIMER, [id, visit.id, t.to, `sla:${s.key}`, true, s.what, null, workingHours(Date.now(), 8)])
      }
      for (const auto of process.transitions.filter(a => a.auto?.at_field && from(a, t.to) && moved[a.auto.at_field])) {
        await ask(db, TIMER, [id, visit.id, t.to, `auto:${auto.key}`, false, 'move', auto.key, moved[auto.auto.at_field]])
      }
      for (const a of t.actions ?? []) {
        if (a.kind === 'create_task') {
          await ask(db, { name: 'remind', text: 'insert into peer.task (id, subject, due_at, priority, lead_id, transition, created_by) values ($1, $2, $3, $4, $5, $6, $7)' },
            [randomUUID(), a.params.subject, moved[a.params.due_at_field] ?? null, a.params.priority, id, key, user.user_id])
        } else if (a.kind === 'close_tasks') {
          await ask(db, { name: 'close', text: 'update peer.task set status = $3, done_at = now(), version = version + 1 where lead_id = $1 and transition = $2 and status = \'open\'' },
            [id, a.params.of, a.params.status ?? 'done'])
        }
      }
      await ask(db, AUDIT, ['transition', id, user.user_id, request.id, 'lead_transition', key, row.state, t.to, fields, { note, verdicts: guards }])
      return { ...moved, queue: null, due_at: null, breached: false, stale_since: null }
    })
    if (refusal) return reply.code(refusal.status).send(refusal)
    reply.header('etag', `"${row.version}"`)
    return shape(row)
  })
}
