/* ask - a call's questions: which lane, what the engine puts around them, what the answer means. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "call/engine.h"
#include "call/principal.h"
#include "db/db.h"
#include "db/sqlstate.h"
#include "queries.gen.h"

#define CONFLICTS_MAX 3

static void ask_release(void *arg)
{
    ask_done(arg);
}

struct ask *ask_create(struct call *c)
{
    struct ask *a = call_alloc(c, sizeof(*a));

    if (!a)
        return NULL;
    a->error.statement = -1;
    arena_defer(&c->arena, ask_release, a);
    return a;
}

/* Returns the ask that is being filled, a new one after the last was answered. */
static struct ask *ask_open(struct call *c)
{
    assert(!c->asking);
    if (c->filling)
        return c->ask;
    c->ask = ask_create(c);
    if (!c->ask)
        return NULL;
    c->filling = true;
    c->aside = false;
    c->first = c->own = 0;
    c->lookup_at = c->claim_at = -1;
    c->was_held = NULL;
    return c->ask;
}

static int lane_rank(enum lane lane)
{
    static const int ranks[LANE_COUNT] = {
        [LANE_READ] = 0, [LANE_SLOW] = 1, [LANE_STANDBY] = 1, [LANE_WRITE] = 2};

    return ranks[lane];
}

static const char *const *values_copy(struct call *c, int n, const char *const *values)
{
    const char **copy = call_alloc(c, (size_t)(n + 1) * sizeof(*copy));

    if (copy && n)
        memcpy(copy, values, (size_t)n * sizeof(*copy));
    return copy;
}

static int ask_add(struct call *c, enum lane lane, struct statement st, const char *const *values)
{
    struct ask *a = ask_open(c);

    if (!a || a->n >= ASK_MAX - ASK_ENGINE_MAX)
        goto full;
    st.values = values_copy(c, st.nparams, values);
    if (!st.values)
        goto full;
    if (lane_rank(lane) > lane_rank(a->lane))
        a->lane = lane;
    a->statements[a->n++] = st;
    return c->own++;
full:
    if (c->err.code == ERR_NONE) {
        err_set(&c->err, ERR_INTERNAL, NULL);
        c->err.log = "more statements than an ask holds";
    }
    c->overfull = true;
    return -1;
}

int call_ask(struct call *c, const struct query *q, const char *const *values)
{
    return ask_add(c, q->lane, (struct statement){.query = q, .nparams = q->nparams}, values);
}

void call_ask_raw(struct call *c, struct span bytes)
{
    struct statement *st;
    const char **values;

    if (c->overfull)
        return;
    st = &c->ask->statements[c->ask->n - 1];
    assert(c->filling && st->nparams > 0 && st->nparams <= RAW_PARAMS);
    values = call_alloc(c, (size_t)st->nparams * sizeof(*values));
    if (!values) {
        c->overfull = true;
        return;
    }
    memcpy(values, st->values, (size_t)st->nparams * sizeof(*values));
    values[st->nparams - 1] = bytes.n ? bytes.p : "";
    st->values = values;
    st->raw = st->nparams;
    st->raw_size = bytes.n;
}

bool call_ask_ahead(struct call *c, const struct query *q, const char *const *values)
{
    struct ask *a = ask_open(c);

    if (a && a->n < ASK_MAX - ASK_ENGINE_MAX && ask_insert(c, c->first, q, values)) {
        if (lane_rank(q->lane) > lane_rank(a->lane))
            a->lane = q->lane;
        return true;
    }
    c->overfull = true;
    return false;
}

int call_ask_composed(struct call *c, enum lane lane, const char *text, int nparams,
                      const unsigned *types, const char *const *values)
{
    struct statement st = {.text = text, .types = types, .nparams = nparams};

    return ask_add(c, lane, st, values);
}

void call_ask_aside(struct call *c)
{
    if (ask_open(c))
        c->aside = true;
}

void call_catch(struct call *c)
{
    c->catches = true;
}

const struct result *call_result(const struct call *c, int i)
{
    assert(c->ask && !c->filling && i < c->own);
    if (i < 0)
        i = c->own - 1;
    return c->ask->statements[c->first + i].result;
}

void call_forget(struct call *c)
{
    assert(c->ask && !c->filling && !c->asking);
    ask_done(c->ask);
}

bool ask_insert(struct call *c, int at, const struct query *q, const char *const *values)
{
    struct ask *a = c->ask;
    const char *const *copy = values_copy(c, q->nparams, values);

    if (!copy)
        return false;
    assert(a->n < ASK_MAX && at <= a->n);
    memmove(&a->statements[at + 1], &a->statements[at],
            (size_t)(a->n - at) * sizeof(a->statements[0]));
    a->statements[at] = (struct statement){.query = q, .nparams = q->nparams, .values = copy};
    a->n++;
    if (at <= c->first)
        c->first++;
    return true;
}

static const char *id_text(struct call *c, const struct uuid *id)
{
    char text[UUID_TEXT];

    if (uuid_is_none(id))
        return NULL;
    uuid_format(id, text);
    return arena_strdup(&c->arena, text);
}

const char *actor_word(enum actor_kind kind)
{
    static const char *const words[] = {
        [ACTOR_ANONYMOUS] = "anonymous", [ACTOR_USER] = "user",     [ACTOR_API_KEY] = "api_key",
        [ACTOR_INTAKE] = "intake",       [ACTOR_SYSTEM] = "system", [ACTOR_TIMER] = "timer",
    };

    return words[kind];
}

static bool add_identity(struct call *c)
{
    const char *const values[] = {
        actor_word(c->who->kind),
        id_text(c, &c->who->id),
        id_text(c, &c->who->session),
        c->request.id,
        c->route->id,
        c->dry ? "true" : "false",
        c->env->settle && c->who->kind != ACTOR_TIMER ? "ask" : NULL,
    };

    return ask_insert(c, 0, &query_enter, values);
}

/* A report may be read from a standby that has what the client has seen, and is not further behind
 * than the settings allow. Whatever is decided is decided on the primary. */
static bool add_standby(struct call *c)
{
    int64_t wanted;
    const char *values[2];

    if (!c->env->standby || c->ask->lane != LANE_SLOW || !c->route->standby)
        return true;
    wanted = (int64_t)c->env->standby(c->env->db);
    if (wanted == 0)
        return true;
    if (wanted < c->must_see)
        wanted = c->must_see;
    values[0] = arena_printf(&c->arena, "%" PRId64, wanted);
    values[1] = arena_printf(&c->arena, "%u", c->env->standby_wait_ms);
    c->ask->lane = LANE_STANDBY;
    return values[0] && values[1] && ask_insert(c, 0, &query_standby_reach, values);
}

/* Entry and replay only read, but for a refusal that entry notes; the rest belongs to the
 * operation. */
static bool add_frame(struct call *c)
{
    struct ask *a = c->ask;

    if (!call_in_operation(c))
        return !c->aside || add_identity(c);
    if (a->lane != LANE_WRITE && !add_standby(c))
        return false;
    if (a->lane != LANE_WRITE)
        return !c->keyed || c->looked_up || c->claimed || idempotency_look_up(c);
    if (c->keyed && !c->claimed && !c->aside && !idempotency_claim(c))
        return false;
    if (!add_identity(c))
        return false;
    if (c->claim_at >= 0)
        c->claim_at++;
    a->rollback = c->dry;
    return true;
}

static enum step failed_claim(struct call *c, const struct ask_error *e)
{
    static const char *const waits[] = {"55P03", "57014"}; /* lock_timeout, statement_timeout */

    if (!strcmp(e->sqlstate, "SL409") && e->message && !strcmp(e->message, "idempotency_exists")) {
        call_go(c, replay_steps);
        return STEP_NEXT;
    }
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        if (strcmp(e->sqlstate, waits[i]) != 0)
            continue;
        c->err.retry_after = 1; /* the twin's transaction holds the key */
        return call_fail(c, ERR_IDEMPOTENCY_IN_FLIGHT, NULL);
    }
    return STEP_FAIL;
}

/* The write was decided on what is not true any more; nothing of its transaction is left. */
static enum step decide_again(struct call *c)
{
    if (call_restart(c))
        return STEP_NEXT;
    return call_fail(c, ERR_STALE, "The record keeps changing; try again.");
}

/* A deadlock's victim, or what could not be serialised: nothing of the transaction is left, and
 * what it was decided on is compared by its statements anyway, so the same ask may go out again. */
static bool ask_again(struct call *c)
{
    static const char *const conflicts[] = {"40001", "40P01"};

    for (size_t i = 0; i < sizeof(conflicts) / sizeof(conflicts[0]); i++) {
        if (strcmp(c->ask->error.sqlstate, conflicts[i]) != 0)
            continue;
        if (c->conflicts++ == CONFLICTS_MAX)
            return false;
        c->ask = held_plain(c);
        ask_done(c->ask);
        ask_go(c);
        return true;
    }
    return false;
}

static enum step verdict_failed(struct call *c)
{
    const struct ask_error *e = &c->ask->error;

    if (ask_again(c))
        return STEP_WAIT;
    if (!strcmp(e->sqlstate, "SLAGN") && c->catches) {
        err_set(&c->err, ERR_STALE, "The record keeps changing; try again.");
        return STEP_NEXT;
    }
    if (!strcmp(e->sqlstate, "SLAGN"))
        return decide_again(c);
    if (c->claim_at >= 0 && e->statement == c->claim_at) {
        enum step rc = failed_claim(c, e);

        if (rc == STEP_NEXT || c->err.code != ERR_NONE)
            return rc;
    }
    (void)sqlstate_to_err(e, &c->err);
    if (c->err.code == ERR_SESSION_REVOKED)
        principal_forget(c);
    if (c->catches && err_status(c->err.code) < 500)
        return STEP_NEXT;
    if (c->err.code == ERR_DUPLICATE && call_in_operation(c) && !c->dry) {
        call_go(c, denied_steps);
        return STEP_NEXT;
    }
    return STEP_FAIL;
}

static enum step verdict_ok(struct call *c)
{
    c->conflicts = 0;
    if (c->mark < c->ask->mark)
        c->mark = c->ask->mark;
    if (c->claim_at >= 0)
        c->claimed = true;
    if (c->lookup_at < 0)
        return STEP_NEXT;
    c->looked_up = true;
    if (result_rows(c->ask->statements[c->lookup_at].result) == 0)
        return STEP_NEXT;
    call_go(c, replay_steps);
    return STEP_NEXT;
}

static enum step verdict_unavailable(struct call *c)
{
    c->err.retry_after = 1;
    if (c->ask->lane != LANE_WRITE || !c->ask->sent || c->dry)
        return call_fail(c, ERR_DB_UNAVAILABLE,
                         "The database cannot be reached; nothing was changed.");
    if (c->keyed) {
        c->err.hint = "repeat the request with the same Idempotency-Key";
        return call_fail(c, ERR_DB_UNAVAILABLE,
                         "The connection to the database broke before it answered; "
                         "the change may have been made.");
    }
    c->err.hint =
        "look whether the change was made before you repeat it; with an Idempotency-Key a POST can "
        "be repeated safely";
    return call_fail(c, ERR_DB_UNAVAILABLE,
                     "The connection to the database broke before it answered; the "
                     "change may have been made.");
}

static enum step verdict(struct call *c)
{
    switch (c->ask->outcome) {
    case ASK_OK: return verdict_ok(c);
    case ASK_FAILED: return verdict_failed(c);
    case ASK_UNAVAILABLE: return verdict_unavailable(c);
    case ASK_BUSY:
        c->err.retry_after = 1;
        return call_fail(c, ERR_BUSY,
                         "Too many requests wait for the database; nothing was changed.");
    }
    return call_fail(c, ERR_INTERNAL, NULL);
}

void ask_judge(struct call *c)
{
    enum step rc = held_is_wanted(c) ? held_open(c) : verdict(c);

    if (rc == STEP_WAIT)
        return;
    c->catches = false;
    call_advance(c, rc);
}

static void ask_answered(struct ask *a, void *arg)
{
    struct call *c = arg;

    assert(c->asking && a == c->ask);
    c->asking = false;
    c->db_us += a->done_us - a->queued_us;
    if (c->held)
        held_answered(c);
    else if (c->replied)
        call_end(c);
    else
        ask_judge(c);
}

void ask_go(struct call *c)
{
    c->ask->done = ask_answered;
    c->ask->arg = c;
    c->ask->until_us = c->until_us;
    c->asking = true;
    c->env->ask(c->env->db, c->ask);
}

enum step ask_send(struct call *c)
{
    assert(c->filling || c->overfull); /* a step that waits asked something */
    c->filling = false;
    if (c->overfull)
        return STEP_FAIL;
    if (held_settles(c))
        held_frame(c);
    else if (!add_frame(c))
        return STEP_FAIL;
    ask_go(c);
    return STEP_WAIT;
}
