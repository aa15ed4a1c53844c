/* settle - moves that wait for their guards, made in the transaction of the write that made them
 * hold.
 *
 * Record by record: read its facts, decide, write, ask what that made possible. A chain of ten
 * moves is a loop: all are taken back, the write stands, and the history of the record says why it
 * does not move.
 */
#include <stdlib.h>

#include "asks.gen.h"
#include "call/pgarray.h"
#include "service/process/timed.h"
#include "service/record/match.h"

#define HOPS_MAX 10
#define DECISIONS_MAX 100 /* what a write may cost; the rest is left to the timer */

struct settle {
    struct process process; /* first: c->state is both */
    unsigned decisions;
    bool over;
    const char *entity;
    struct uuid id;
    const char *const *transitions;
    const char *path;
};

/* Whoever acts then: nobody, with every right. */
static bool act_as_timer(struct call *c)
{
    static const char *const nothing[] = {NULL};
    struct principal *who = call_alloc(c, sizeof(*who));

    if (!who)
        return false;
    *who = (struct principal){
        .kind = ACTOR_TIMER, .name = "timer", .language = "en", .roles = nothing, .teams = nothing};
    for (size_t i = 0; i < PERMISSION_COUNT; i++)
        who->scope[i] = SCOPE_ALL;
    c->who = who;
    return true;
}

static bool begin(struct call *c)
{
    c->state = call_alloc(c, sizeof(struct settle));
    return c->state && act_as_timer(c);
}

static enum step stop(struct call *c)
{
    struct settle *s = c->state;

    s->over = true;
    call_repeat(c, 1);
    return STEP_WAIT;
}

static enum step take_back(struct call *c)
{
    const struct settle *s = c->state;

    ask_held_take_back(c);
    ask_held_loop(c,
                  (struct q_held_loop){.entity = s->entity, .record_id = s->id, .path = s->path});
    return stop(c);
}

static enum step settle_next(struct call *c)
{
    const struct record *r;
    const struct result *next;
    struct settle *s;

    if (!c->state && !begin(c))
        return STEP_FAIL;
    s = c->state;
    if (s->over)
        return STEP_REPLY;
    next = call_pending(c);
    if (!result_get(next, 0, "record_id"))
        return STEP_REPLY;
    s->entity = result_get(next, 0, "entity");
    s->path = result_get(next, 0, "path");
    s->transitions = pgarray_strings(&c->arena, result_get(next, 0, "transitions"));
    r = record_governed(s->entity);
    if (!r || !s->transitions || !uuid_parse(span_of(result_get(next, 0, "record_id")), &s->id))
        return call_fail(c, ERR_INTERNAL, NULL);
    if (strtol(result_get(next, 0, "hops"), NULL, 10) >= HOPS_MAX)
        return take_back(c);
    if (s->decisions++ == DECISIONS_MAX) {
        ask_held_leave(c);
        return stop(c);
    }
    return process_ask_of(c, &s->process, r, s->id, r->may_write);
}

/* Looked at, and it stays where it is; back to the next one. */
static enum step settled(struct call *c, unsigned steps)
{
    const struct settle *s = c->state;

    err_init(&c->err, &c->arena);
    ask_held_next(c, (struct q_held_next){.done = s->id});
    call_repeat(c, steps);
    return STEP_WAIT;
}

static enum step settle_facts(struct call *c)
{
    if (result_rows(call_result(c, 0)) == 0)
        return settled(c, 2);
    return process_blueprint(c);
}

static enum step settle_decide(struct call *c)
{
    const struct settle *s = c->state;
    const struct process *p = &s->process;
    const struct verdict *root;
    const char *failures;
    struct uuid id = uuid_v7();
    const struct transition *t = automatic_decide(c, p, s->transitions, &root, &failures);

    if (!t)
        return c->err.code == ERR_INTERNAL ? STEP_FAIL : settled(c, 4);
    ask_held_apply(c, (struct q_held_apply){
                          .entity = s->entity,
                          .record_id = s->id,
                          .expected_version = strtoll(p->version, NULL, 10),
                          .from_state = p->state,
                          .transition = t->key,
                          .verdicts = process_verdict(c, root),
                          .evidence = p->evidence,
                          .ids = text_array(c, (const char *const[]){uuid_text(c, &id), NULL}),
                          .keys = match_sent_move(c, s->entity, &p->id,
                                                  json_object_get(p->facts, "record"), t),
                      });
    ask_held_next(c, (struct q_held_next){.done = {{0}}});
    call_repeat(c, 4);
    return STEP_WAIT;
}

step_fn *const settle_steps[] = {settle_next, settle_facts, process_ready, settle_decide, NULL};
