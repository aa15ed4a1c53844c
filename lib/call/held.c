/* held - a write whose transaction stays open until what it made possible has been done.
 *
 * The database says by an error that a write concerns records that may move by themselves. The same
 * statements are sent again then, in a transaction that is held open; the steps of env->settle
 * decide and write in it; what the operation reads back is read once more, and only then it is
 * committed. To the operation's steps it looks like one ask.
 *
 *   opening --ok--> settling (steps) --ok--> ending --ok--> the operation goes on
 *      `---- error, the client or the deadline is gone ----> undoing -----^
 */
#include <assert.h>
#include <string.h>

#include "call/engine.h"
#include "queries.gen.h"

enum held_phase { HELD_OPENING, HELD_SETTLING, HELD_ENDING, HELD_UNDOING };

struct held {
    enum held_phase phase;
    struct ask *plain;  /* the operation's */
    struct ask *write;  /* the same in here, as its steps will see it */
    struct ask *undo;   /* made beforehand: undoing must not fail for want of memory */
    struct ask *failed; /* what it is undone for; NULL: the steps failed, or nobody waits */
    /* the operation's, while others use the call */
    step_fn *const *steps;
    unsigned next;
    void *state;
    const struct principal *who;
    int first, own, claim_at, lookup_at;
};

static const char *const no_values[] = {NULL};

static void add(struct ask *a, const struct query *q)
{
    assert(a->n < ASK_MAX && q->nparams == 0);
    a->statements[a->n++] = (struct statement){.query = q, .values = no_values};
}

/* To be asked anew. */
static void add_again(struct ask *a, const struct statement *s)
{
    assert(a->n < ASK_MAX);
    a->statements[a->n] = *s;
    a->statements[a->n++].result = NULL;
}

static struct ask *new_ask(struct call *c, enum ask_hold hold)
{
    struct ask *a = ask_create(c);

    if (!a)
        return NULL;
    a->lane = LANE_WRITE;
    a->hold = hold;
    a->holder = c->held;
    return a;
}

/* Room for the engine's statements was left in every ask. */
static struct ask *opening_ask(struct call *c, const struct ask *write, const char *record)
{
    struct ask *a = new_ask(c, HOLD_OPEN);
    const size_t n = (size_t)query_enter.nparams;
    const char **values = arena_alloc(&c->arena, n * sizeof(*values));

    if (!a || !values)
        return NULL;
    assert(write->statements[0].query == &query_enter);
    memcpy(values, write->statements[0].values, n * sizeof(*values));
    values[n - 1] = record;
    add(a, &query_held_begin);
    for (int i = 0; i < write->n; i++)
        add_again(a, &write->statements[i]);
    a->statements[1].values = values;
    add(a, &query_held_savepoint);
    add(a, &query_held_first);
    return a;
}

bool held_is_wanted(const struct call *c)
{
    return !c->held && c->ask->outcome == ASK_FAILED &&
           strcmp(c->ask->error.sqlstate, "SLHLD") == 0;
}

enum step held_open(struct call *c)
{
    struct held *h = call_alloc(c, sizeof(*h));
    const char *record;

    if (!h)
        return STEP_FAIL;
    record = arena_strdup(&c->arena, c->ask->error.detail ? c->ask->error.detail : "");
    c->held = h;
    *h = (struct held){
        .plain = c->ask,
        .write = record ? opening_ask(c, c->ask, record) : NULL,
        .undo = new_ask(c, HOLD_CLOSE),
        .steps = c->steps,
        .next = c->next,
        .state = c->state,
        .who = c->who,
        .first = c->first + 1, /* behind the begin */
        .own = c->own,
        .claim_at = c->claim_at < 0 ? -1 : c->claim_at + 1,
        .lookup_at = c->lookup_at,
    };
    if (!h->write || !h->undo) {
        c->held = NULL;
        return call_no_memory(c);
    }
    add(h->undo, &query_held_rollback);
    c->ask = h->write;
    ask_go(c);
    return STEP_WAIT;
}

void held_frame(struct call *c)
{
    c->ask->lane = LANE_WRITE;
    c->ask->hold = HOLD_MORE;
    c->ask->holder = c->held;
}

bool held_settles(const struct call *c)
{
    return c->held && c->held->phase == HELD_SETTLING;
}

const struct result *call_pending(const struct call *c)
{
    assert(held_settles(c) && c->ask->n > 0);
    return c->ask->statements[c->ask->n - 1].result;
}

/* The operation has the call again. */
static void restore(struct call *c)
{
    const struct held *h = c->held;

    c->was_held = c->held;
    c->held = NULL;
    c->steps = h->steps;
    c->next = h->next;
    c->state = h->state;
    c->who = h->who;
    c->first = h->first;
    c->own = h->own;
    c->lookup_at = h->lookup_at;
    c->ask = h->failed ? h->failed : h->write;
    c->claim_at = c->ask == h->write ? h->claim_at : -1;
}

struct ask *held_plain(struct call *c)
{
    const struct held *h = c->was_held;

    if (!h)
        return c->ask;
    c->was_held = NULL;
    c->first = h->first - 1;
    c->claim_at = h->claim_at < 0 ? -1 : h->claim_at - 1;
    return h->plain;
}

static bool is_read(const struct statement *s)
{
    return s->query && s->query->lane == LANE_READ;
}

void held_end(struct call *c)
{
    struct held *h = c->held;
    struct ask *a = new_ask(c, HOLD_CLOSE);

    if (!a) {
        held_undo(c);
        return;
    }
    for (int i = h->first; i < h->first + h->own; i++)
        if (is_read(&h->write->statements[i]))
            add_again(a, &h->write->statements[i]);
    add(a, c->dry ? &query_held_rollback : &query_held_commit);
    h->phase = HELD_ENDING;
    c->ask = a;
    ask_go(c);
}

void held_undo(struct call *c)
{
    c->held->phase = HELD_UNDOING;
    c->ask = c->held->undo;
    ask_go(c);
}

/* What the operation reads is what is there after the moves. */
static void take_reads(struct held *h, struct ask *end)
{
    int from = 0;

    for (int i = h->first; i < h->first + h->own; i++) {
        struct result *old = h->write->statements[i].result;

        if (!is_read(&h->write->statements[i]))
            continue;
        h->write->statements[i].result = end->statements[from].result;
        end->statements[from++].result = old;
    }
}

static void over(struct call *c)
{
    bool steps_failed = c->held->phase == HELD_UNDOING && !c->held->failed;

    restore(c);
    if (c->replied)
        call_end(c);
    else if (steps_failed)
        call_advance(c, STEP_FAIL);
    else
        ask_judge(c);
}

/* The connection broke, or there was none: the server has undone it, unless it was to commit. */
static void lost(struct call *c)
{
    struct held *h = c->held;

    if (h->phase != HELD_ENDING)
        c->ask->sent = false;
    if (h->phase != HELD_UNDOING)
        h->failed = c->ask;
    over(c);
}

static void ended(struct call *c)
{
    c->held->write->mark = c->ask->mark;
    if (c->ask->outcome == ASK_OK)
        take_reads(c->held, c->ask);
    else
        c->held->failed = c->ask;
    over(c);
}

static void proceed(struct call *c)
{
    struct held *h = c->held;

    if (c->ask->outcome != ASK_OK)
        h->failed = c->ask;
    if (h->failed || c->replied) {
        held_undo(c);
        return;
    }
    if (h->phase == HELD_OPENING) {
        h->phase = HELD_SETTLING;
        c->state = NULL;
        call_go(c, c->env->settle);
    }
    call_advance(c, STEP_NEXT);
}

void held_answered(struct call *c)
{
    enum ask_outcome outcome = c->ask->outcome;

    if (outcome == ASK_UNAVAILABLE || outcome == ASK_BUSY) {
        lost(c);
        return;
    }
    switch (c->held->phase) {
    case HELD_OPENING:
    case HELD_SETTLING: proceed(c); break;
    case HELD_ENDING: ended(c); break;
    case HELD_UNDOING: over(c); break;
    }
}
