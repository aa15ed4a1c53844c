// A peer to measure beside: leads in Fastify 5 and node-postgres, as their pages recommend. A process for each
// processor, a pool of ten connections, named prepared statements, bodies and replies by JSON schema.
import cluster from 'node:cluster'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import pg from 'pg'
import { leads } from './leads.js'
import { compile } from './process.js'

const WORKERS = Number(process.env.WORKERS ?? 2)
const CACHE_MS = 5000 // how long a session is believed, as Sluice's principal_cache_ms

if (cluster.isPrimary && WORKERS > 1) {
  let listening = 0
  for (let i = 0; i < WORKERS; i++) cluster.fork()
  cluster.on('listening', (_, address) => { if (++listening === WORKERS) console.log(`listening ${address.port}`) })
  cluster.on('exit', () => process.exit(1))
  process.on('SIGTERM', () => process.exit(0))
} else {
  const pool = new pg.Pool({ max: 10 })
  const app = Fastify({ logger: false, ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array' } } })
  const sessions = new Map()

  app.decorateRequest('user', null)
  app.addHook('onRequest', async (request, reply) => {
    const token = request.headers.authorization?.match(/^Bearer (\S+)$/)?.[1]
    const hash = token && createHash('sha256').update(token).digest()
    const key = hash?.toString('base64')
    let known = sessions.get(key)
    if (hash && !(known?.until > Date.now())) {
      const { rows } = await pool.query({
        name: 'session', text: 'select user_id, roles from peer.session where token_hash = $1', values: [hash]
      })
      known = rows[0] && { ...rows[0], until: Date.now() + CACHE_MS }
      if (sessions.size > 10000) sessions.clear()
      sessions.set(key, known)
    }
    if (!known) return reply.code(401).send({ status: 401, code: 'unauthorized', title: 'Say who you are.' })
    request.user = known
  })
  app.register(leads, { pool, process: compile(JSON.parse(readFileSync(process.env.PROCESS))) })
  await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 0) })
  if (!cluster.isWorker) console.log(`listening ${app.server.address().port}`)
  process.on('disconnect', () => process.exit(0))
}
