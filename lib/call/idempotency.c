/* idempotency - a POST with an Idempotency-Key happens once.
 *
 * The claim is a statement of the transaction that does the work: if it is there, the work was
 * done; if the work failed, the key is free again. The answer is kept afterwards, in an ask of its
 * own; should the daemon die in between, a replay still knows the id of what was made. A POST that
 * reads before it writes looks the key up with its first question: a repeated transition must not
 * be refused for the state that it led to. */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "call/engine.h"
#include "call/reply.h"
#include "crypto/secret.h"
#include "queries.gen.h"
#include "json/out.h"

#define ANSWER_MAX ((size_t)1 << 20) /* a longer one is not kept: its replay tells the id only */
#define FRESH_S 2                    /* so long an answer that is missing may still arrive */
#define PAUSE_FIRST_MS 20
#define PAUSES_MAX 5 /* 20, 40, ... 320 ms */

/* Public operations have no caller to keep keys apart, so their address does it. The owner stays
 * the one of the first question even if the operation finds out later who calls (intake). */
static const char *key_owner(struct call *c)
{
    char id[UUID_TEXT];

    if (c->key_owner)
        return c->key_owner;
    uuid_format(&c->who->id, id);
    if (c->who->kind == ACTOR_ANONYMOUS)
        c->key_owner = arena_printf(&c->arena, "anonymous:%s", call_address(c));
    else
        c->key_owner =
            arena_printf(&c->arena, "%s:%s", c->who->kind == ACTOR_USER ? "user" : "key", id);
    return c->key_owner;
}

/* The query counts too: it may hold what a public operation knows its caller by (intake). */
static const char *body_hash(struct call *c)
{
    const char *query = call_query_without(c, "");
    char text[SHA256_TEXT];
    struct buf b;

    buf_init(&b, c->request.raw_body.n + strlen(query) + 1);
    buf_add(&b, c->request.raw_body.p, c->request.raw_body.n);
    if (*query)
        buf_add(&b, "", 1);
    buf_puts(&b, query);
    sha256_hex(buf_text(&b), b.len, text);
    buf_done(&b);
    return arena_strdup(&c->arena, text);
}

/* What a POST is about, if the operation did not say: the record in its address. */
static const char *resource_id(struct call *c)
{
    struct uuid id = c->resource;
    const char *in_path = call_path(c, "id");
    char text[UUID_TEXT];

    if (uuid_is_none(&id) && !(in_path && uuid_parse(span_of(in_path), &id)))
        return NULL;
    uuid_format(&id, text);
    return arena_strdup(&c->arena, text);
}

bool idempotency_look_up(struct call *c)
{
    const char *const values[] = {key_owner(c), c->request.idempotency_key};

    /* Last: the first run may be committed by the server right now. Whoever sees in an earlier
     * statement what it did must find its key, else it would be refused for that. */
    c->lookup_at = c->ask->n;
    return ask_insert(c, c->ask->n, &query_idempotency_find, values);
}

bool idempotency_claim(struct call *c)
{
    const char *const values[] = {
        key_owner(c),   c->request.idempotency_key, "POST", call_address(c), body_hash(c),
        resource_id(c),
    };

    assert(query_idempotency_claim.nparams == (int)(sizeof(values) / sizeof(values[0])));
    c->claim_at = 0;
    return ask_insert(c, 0, &query_idempotency_claim, values);
}

/* parts: keys of their own, in the transactions that did them */

static const char *part_key(struct call *c, const char *part)
{
    return arena_printf(&c->arena, "%s#%s", c->request.idempotency_key, part);
}

bool call_claim_part(struct call *c, const char *part, struct uuid made)
{
    const char *values[6];
    char id[UUID_TEXT];

    if (!c->keyed)
        return true;
    values[0] = key_owner(c);
    values[1] = part_key(c, part);
    values[2] = "POST";
    values[3] = call_address(c);
    values[4] = body_hash(c);
    values[5] = NULL;
    if (!uuid_is_none(&made)) {
        uuid_format(&made, id);
        values[5] = arena_strdup(&c->arena, id);
    }
    return call_ask_ahead(c, &query_idempotency_claim, values);
}

void call_ask_part(struct call *c, const char *part)
{
    const char *values[2];

    if (!c->resumed)
        return;
    values[0] = key_owner(c);
    values[1] = part_key(c, part);
    call_ask(c, &query_idempotency_find, values);
}

bool call_part_is_done(const struct call *c, struct uuid *made)
{
    const char *id;

    *made = (struct uuid){0};
    if (!c->resumed || result_rows(call_result(c, -1)) == 0)
        return false;
    id = result_get(call_result(c, -1), 0, "resource_id");
    return !id || uuid_parse(span_of(id), made);
}

/* Kept where the answer will be, which nobody reads before there is a status. */
bool call_keep_choice(struct call *c, const char *text)
{
    const char *values[3];

    if (!c->keyed || c->resumed || !text)
        return false;
    values[0] = key_owner(c);
    values[1] = c->request.idempotency_key;
    values[2] = text;
    assert(query_idempotency_choose.nparams == (int)(sizeof(values) / sizeof(values[0])));
    call_ask(c, &query_idempotency_choose, values);
    return true;
}

void call_ask_choice(struct call *c)
{
    const char *const values[] = {key_owner(c), c->request.idempotency_key};

    if (c->resumed)
        call_ask(c, &query_idempotency_find, values);
}

const char *call_choice(const struct call *c)
{
    if (!c->resumed || result_rows(call_result(c, -1)) == 0)
        return NULL;
    return result_get(call_result(c, -1), 0, "answer");
}

/* what is asked and answered when the key is known */

static enum step replay_ask(struct call *c)
{
    const char *const values[] = {key_owner(c), c->request.idempotency_key};

    call_ask(c, &query_idempotency_find, values);
    return STEP_WAIT;
}

static bool same_request(struct call *c, const struct result *r)
{
    const char *path = result_get(r, 0, "path"), *hash = result_get(r, 0, "body_hash");

    if (!path || strcmp(path, call_address(c)) != 0) {
        c->err.hint = "use a new key for every new request";
        return err_set(&c->err, ERR_IDEMPOTENCY_MISMATCH, "The key was used for %s %s.",
                       result_get(r, 0, "method"), path);
    }
    if (!hash || strcmp(hash, body_hash(c)) != 0) {
        c->err.hint = "use a new key for every new request";
        return err_set(&c->err, ERR_IDEMPOTENCY_MISMATCH, "The key was used with another body.");
    }
    return true;
}

static enum step in_flight(struct call *c)
{
    if (c->env->worker && c->pauses < PAUSES_MAX) {
        call_pause(c, PAUSE_FIRST_MS << c->pauses++);
        call_go(c, replay_steps);
        return STEP_WAIT;
    }
    c->err.retry_after = 1;
    return call_fail(c, ERR_IDEMPOTENCY_IN_FLIGHT, NULL);
}

/* Whose claim is there has done its work, unless that has parts: they are done before the deadline
 * or not at all. */
static int64_t fresh_s(const struct call *c)
{
    unsigned ms = c->route->deadline_ms ? c->route->deadline_ms : c->env->deadline_ms;

    return FRESH_S + (c->in_parts ? ms / 1000 : 0);
}

/* Only a part of the work may have been done. */
static enum step resume(struct call *c)
{
    c->looked_up = c->claimed = c->resumed = true;
    call_go(c, c->route->operation->steps);
    return STEP_NEXT;
}

/* The work was done, but what was answered is not known any more. */
static enum step reply_bare(struct call *c, const char *id)
{
    struct out *o = reply_json(c, 200);

    out_object(o);
    out_key(o, "id");
    out_string(o, id);
    out_object_end(o);
    return STEP_REPLY;
}

static void replay_headers(struct call *c, const char *text)
{
    json_t *headers = json_loads(text ? text : "{}", JSON_REJECT_DUPLICATES, NULL);
    const char *name;
    json_t *value;

    json_object_foreach (headers, name, value) {
        reply_header(c, arena_strdup(&c->arena, name),
                     arena_strdup(&c->arena, json_string_value(value)));
    }
    json_decref(headers);
}

static enum step replay_take(struct call *c)
{
    const struct result *r = call_result(c, 0);
    const char *answer, *status, *age;
    int64_t code, seconds;

    if (result_rows(r) == 0)
        return in_flight(c);
    if (!same_request(c, r))
        return STEP_FAIL;
    status = result_get(r, 0, "status");
    age = result_get(r, 0, "age_s");
    if (!status || !text_parse_i64(span_of(status), &code)) {
        if (age && text_parse_i64(span_of(age), &seconds) && seconds < fresh_s(c))
            return in_flight(c);
        if (c->in_parts && !result_get(r, 0, "resource_id")) /* what a job was made of is its own */
            return resume(c);
        reply_header(c, "Idempotent-Replayed", "true");
        return reply_bare(c, result_get(r, 0, "resource_id"));
    }
    answer = result_get(r, 0, "answer");
    c->reply.status = (int)code;
    if (code >= 400)
        c->reply.media_type = "application/problem+json";
    replay_headers(c, result_get(r, 0, "headers"));
    reply_header(c, "Idempotent-Replayed", "true");
    if (answer)
        buf_puts(&c->reply.body, answer);
    return STEP_REPLY;
}

step_fn *const replay_steps[] = {replay_ask, replay_take, NULL};

/* keeping */

static const char *headers_text(struct call *c)
{
    struct buf b;
    struct out o;
    const char *text;

    buf_init(&b, 8192);
    out_init(&o, &b);
    out_object(&o);
    for (unsigned i = 0; i < c->reply.nheaders; i++)
        out_member(&o, c->reply.headers[i].name, c->reply.headers[i].value);
    out_object_end(&o);
    text = b.failed ? NULL : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

static void kept(struct ask *a, void *arg)
{
    struct call *c = arg;

    if (a->outcome != ASK_OK)
        log_warn("an answer was not kept for its Idempotency-Key",
                 LOG_TEXT("request_id", c->request.id), LOG_TEXT("sqlstate", a->error.sqlstate));
    c->asking = false;
    assert(c->replied);
    call_end(c);
}

void idempotency_keep(struct call *c)
{
    const struct query *q = &query_idempotency_keep;
    const char **values;
    struct ask *a;

    /* A refusal whose claim was committed is kept too; a failure of ours is not: the work was done.
     */
    if (!c->claimed || c->reply.status >= 500 || c->reply.body.len > ANSWER_MAX)
        return;
    a = ask_create(c);
    values = arena_alloc(&c->arena, 6 * sizeof(*values));
    if (!a || !values)
        return;
    assert(q->nparams == 6);
    values[0] = c->key_owner;
    values[1] = c->request.idempotency_key;
    values[2] = resource_id(c);
    values[3] = arena_printf(&c->arena, "%d", c->reply.status);
    values[4] = headers_text(c);
    values[5] = arena_copy(&c->arena, buf_text(&c->reply.body), c->reply.body.len);
    a->statements[0] = (struct statement){.query = q, .nparams = q->nparams, .values = values};
    a->n = 1;
    a->lane = q->lane;
    a->done = kept;
    a->arg = c;
    c->asking = true;
    c->env->ask(c->env->db, a);
}
