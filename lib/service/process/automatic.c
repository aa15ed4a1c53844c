/* automatic - thresholds that fire, moves that nobody makes, and forgetting what has expired.
 *
 * A move is claimed for half a minute, decided here on the facts as any other, and written with the
 * claim, version and evidence of the decision. Whoever comes too late finds the claim gone.
 */
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/pgarray.h"
#include "call/reply.h"
#include "service/process/process.h"
#include "service/process/timed.h"
#include "service/record/match.h"

#define FIRE_MOST 100
#define PURGE_MOST 1000

static enum step reply_done(struct call *c, bool worked)
{
    c->reply.status = worked ? 200 : 204;
    return STEP_REPLY;
}

/* thresholds */

static enum step fire_ask(struct call *c)
{
    ask_timers_fire(c, (struct q_timers_fire){.most = FIRE_MOST});
    return STEP_WAIT;
}

static enum step fire_reply(struct call *c)
{
    const char *fired = result_get(call_result(c, 0), 0, "fired");

    return reply_done(c, fired && strcmp(fired, "0") != 0);
}

step_fn *const timers_steps[] = {fire_ask, fire_reply, NULL};

/* what has expired */

static enum step purge_ask(struct call *c)
{
    ask_purge(c, (struct q_purge){.most = PURGE_MOST});
    return STEP_WAIT;
}

static enum step purge_reply(struct call *c)
{
    return reply_done(c, false);
}

step_fn *const purge_steps[] = {purge_ask, purge_reply, NULL};

/* moves */

struct claim {
    struct process process; /* first: c->state is both */
    const char *kind, *id, *until;
    const char *const *transitions; /* what may happen, in this order */
    const struct record *record;
    struct uuid record_id;
    bool refused;
};

static struct claim *claim_of(struct call *c)
{
    return c->state;
}

static enum step claim_ask(struct call *c)
{
    if (c->state) /* decided on what has changed meanwhile: once more */
        return STEP_NEXT;
    ask_automatic_claim(c);
    return STEP_WAIT;
}

static bool keep_claim(struct call *c, const struct result *r)
{
    struct claim *w = call_alloc(c, sizeof(*w));

    if (!w)
        return false;
    w->kind = arena_strdup(&c->arena, result_get(r, 0, "kind"));
    w->id = arena_strdup(&c->arena, result_get(r, 0, "id"));
    w->until = arena_strdup(&c->arena, result_get(r, 0, "claim"));
    w->transitions = pgarray_strings(&c->arena, result_get(r, 0, "transitions"));
    w->record = record_governed(result_get(r, 0, "entity"));
    c->state = w;
    return w->kind && w->id && w->until && w->transitions && w->record &&
           uuid_parse(span_of(result_get(r, 0, "record_id")), &w->record_id);
}

static enum step claim_facts(struct call *c)
{
    struct claim *w;

    if (!c->state) {
        const struct result *r = call_result(c, 0);

        if (!result_get(r, 0, "id"))
            return reply_done(c, false);
        if (!keep_claim(c, r))
            return call_fail(c, ERR_INTERNAL, NULL);
    }
    w = claim_of(c);
    return process_ask_of(c, &w->process, w->record, w->record_id, w->record->may_write);
}

static enum step claim_apply(struct call *c, const struct transition *t, const struct verdict *root)
{
    const struct claim *w = claim_of(c);
    const struct process *s = &w->process;
    struct uuid id = uuid_v7();

    ask_automatic_apply(c, (struct q_automatic_apply){
                               .kind = w->kind,
                               .id = strtoll(w->id, NULL, 10),
                               .claim = w->until,
                               .entity = w->record->entity,
                               .record_id = s->id,
                               .expected_version = strtoll(s->version, NULL, 10),
                               .from_state = s->state,
                               .transition = t->key,
                               .verdicts = process_verdict(c, root),
                               .evidence = s->evidence,
                               .ids = text_array(c, (const char *const[]){uuid_text(c, &id), NULL}),
                               .keys = match_sent_move(c, w->record->entity, &s->id,
                                                       json_object_get(s->facts, "record"), t),
                           });
    return STEP_WAIT;
}

static enum step claim_refuse(struct call *c, const char *transition, const char *failures)
{
    struct claim *w = claim_of(c);
    enum err_code code = c->err.code;

    w->refused = true;
    err_init(&c->err, &c->arena);
    ask_automatic_refused(c, (struct q_automatic_refused){
                                 .kind = w->kind,
                                 .id = strtoll(w->id, NULL, 10),
                                 .claim = w->until,
                                 .entity = w->record->entity,
                                 .record_id = w->record_id,
                                 .from_state = w->process.state,
                                 .transition = transition,
                                 .code = err_slug(code),
                                 .failures = failures,
                             });
    return STEP_WAIT;
}

const struct transition *automatic_decide(struct call *c, const struct process *s,
                                          const char *const *keys, const struct verdict **root,
                                          const char **failures)
{
    *failures = NULL;
    for (const char *const *key = keys; *key; key++) {
        const struct transition *t = blueprint_transition(s->blueprint, *key);

        err_init(&c->err, &c->arena);
        if (!t || t->kind != TRANSITION_MANUAL || !transition_leaves(t, s->state)) {
            err_set(&c->err, ERR_NO_TRANSITION, NULL);
            continue;
        }
        *root = evaluate(t, s->facts, &c->arena);
        if (!*root) {
            err_set(&c->err, ERR_INTERNAL, NULL);
            return NULL;
        }
        if (inputs_check(s->blueprint, t, s->facts, NULL, *root, &c->err) && (*root)->passed)
            return t;
        *failures = (*root)->passed ? NULL : process_failures(c, *root);
    }
    if (c->err.code == ERR_NONE)
        err_set(&c->err, ERR_GUARD, NULL);
    return NULL;
}

static enum step claim_decide(struct call *c)
{
    const struct claim *w = claim_of(c);
    const struct verdict *root;
    const char *failures;
    const struct transition *t = automatic_decide(c, &w->process, w->transitions, &root, &failures);

    if (t)
        return claim_apply(c, t, root);
    if (c->err.code == ERR_INTERNAL)
        return STEP_FAIL;
    return claim_refuse(c, w->transitions[0], failures);
}

static enum step claim_check(struct call *c)
{
    const char *outcome;

    if (claim_of(c)->refused)
        return reply_done(c, true);
    outcome = result_get(call_result(c, 0), 0, "outcome");
    if (outcome && strcmp(outcome, "stale") == 0 && call_restart(c))
        return STEP_NEXT;
    return reply_done(c, true); /* moved, or somebody else's by now */
}

step_fn *const automatic_steps[] = {
    claim_ask, claim_facts, process_blueprint, process_ready, claim_decide, claim_check, NULL,
};
