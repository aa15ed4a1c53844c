// Bodies are checked and replies are written by JSON schema, as Fastify's pages recommend.
const text = (maxLength = 200) => ({ type: ['string', 'null'], maxLength })
const time = { type: ['string', 'null'], format: 'date-time' }
const id = { type: ['string', 'null'], format: 'uuid' }
const value = { type: ['object', 'null'], additionalProperties: false, required: ['amount', 'currency'],
  properties: { amount: { type: 'string', pattern: '^\\d{1,12}(\\.\\d{1,2})?$' }, currency: { type: 'string', pattern: '^[A-Z]{3}$' } } }
const given = {
  first_name: text(100), last_name: text(100), email: { ...text(320), format: 'email' }, phone: text(40), company: text(), job_title: text(),
  tax_id: text(40), website: text(300), industry: text(100), street: text(), postcode: text(20), city: text(100),
  country: { type: ['string', 'null'], pattern: '^[A-Z]{2}$' }, need: text(4000), budget_confirmed: { type: ['boolean', 'null'] },
  estimated_value: value, description: text(10000), source: text(60), campaign: text(), external_id: text(), owner_id: id
}

export const addressed = { type: 'object', properties: { id: { type: 'string', format: 'uuid' }, key: { type: 'string', maxLength: 60 } } }
export const newLead = { type: 'object', additionalProperties: false, properties: given,
  anyOf: [{ required: ['last_name'] }, { required: ['company'] }, { required: ['email'] }] }
export const transition = { type: 'object', additionalProperties: false, properties: {
  note: text(4000),
  fields: { type: 'object', additionalProperties: false, properties: { nurture_until: { type: 'string', format: 'date' },
    call_back_at: { type: 'string', format: 'date-time' }, unqualified_reason: text(60), dead_reason: text(60) } } } }
export const query = { type: 'object', additionalProperties: false, properties: {
  limit: { type: 'integer', minimum: 1, maximum: 100, default: 25 }, owner: { type: 'string', maxLength: 40 },
  status: { type: 'string', maxLength: 60 }, cursor: { type: 'string', maxLength: 400 } } }
export const lead = { type: 'object', properties: {
  id, version: { type: 'integer' }, status: text(), status_category: text(), status_since: time, ...given,
  utm: { type: ['object', 'null'], additionalProperties: true }, tags: { type: 'array', items: { type: 'string' } },
  unqualified_reason: text(), dead_reason: text(), nurture_until: text(), call_back_at: time, account_id: id, contact_id: id,
  opportunity_id: id, converted_at: time, extra: { type: ['object', 'null'], additionalProperties: true }, score: { type: 'integer' },
  custom: { type: 'object', additionalProperties: true }, queue: id, due_at: time, breached: { type: 'boolean' }, stale: { type: 'boolean' },
  stale_since: time, created_at: time, updated_at: time, created_by: id } }
export const page = { type: 'object', properties: { items: { type: 'array', items: lead }, next_cursor: text() } }
