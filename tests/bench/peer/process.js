// The same process as the daemon's, from the same document: its guards as functions of what is known of a lead.
const absent = v => v === null || v === undefined || v === ''

const kinds = {
  field_present: p => facts => {
    const observed = facts.record[p.field]
    return { passed: !absent(observed), observed: observed ?? null, expected: 'a value', path: p.field }
  },
  field_compare: p => facts => {
    const [field, part] = p.field.split('.')
    const observed = part ? facts.record[field]?.[part] : facts.record[field]
    const passed = { eq: () => observed === p.value, ne: () => observed !== p.value, gte: () => Number(observed) >= Number(p.value),
      lte: () => Number(observed) <= Number(p.value) }[p.op]()
    return { passed, observed: observed ?? null, expected: p.value, path: p.field }
  },
  related_count: p => facts => {
    const observed = facts.activities.filter(a => (!p.kind || a.kind === p.kind) && (!p.outcome || a.outcome === p.outcome) &&
      (!p.has_subject || !absent(a.subject)) && (!p.since_entry || a.occurred_at >= facts.since)).length
    return { passed: observed >= (p.min ?? 0) && observed <= (p.max ?? Infinity), observed, expected: p, path: 'activities' }
  }
}
const groups = {
  all: all => all.every(v => v.passed), any: all => all.some(v => v.passed), none: all => !all.some(v => v.passed)
}

function guard (g) {
  const message = g.message?.en ?? null
  if (g.op) {
    const inner = g.guards.map(guard)
    return facts => {
      const guards = inner.map(check => check(facts))
      return { guard: g.key, op: g.op, passed: groups[g.op](guards), message, guards }
    }
  }
  const check = kinds[g.kind](g.params)
  return facts => ({ guard: g.key, kind: g.kind, message, ...check(facts) })
}

export function compile (document) {
  const states = new Map(document.states.map(s => [s.key, s]))
  const transitions = document.transitions.filter(t => t.kind !== 'initial').map(t => ({
    ...t,
    guards: (t.guards ?? []).map(guard),
    roles: (t.actors ?? []).filter(a => a.kind === 'role').map(a => a.value)
  }))
  return { id: document.version_id ?? document.id, initial: document.transitions.find(t => t.kind === 'initial').to, states, transitions }
}

export const from = (t, state) => !t.from?.length || t.from.includes(state)
export const allowed = (t, user) => !t.auto && (!t.roles.length || t.roles.some(r => user.roles.includes(r)) || user.roles.includes('admin'))
export const verdicts = (t, facts) => t.guards.map(check => check(facts))
