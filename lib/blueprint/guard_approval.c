/* approval */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "blueprint/guards.h"

/* What the parameters come to: how many must have agreed to which transition. */
struct agreement {
    const char *transition;
    json_int_t needed;
};

static void release(void *value)
{
    json_decref(value);
}

/* The transition that is named, else the guard's own. Refuses one that asks nobody. */
static const struct transition *asked_for(const json_t *params, const struct blueprint *b,
                                          const struct transition *own, struct buf *why)
{
    const char *key = json_string_value(json_object_get(params, "transition"));
    const struct transition *t = key != NULL ? blueprint_transition(b, key) : own;

    if (t == NULL)
        buf_printf(why, "/transition: unknown transition \"%s\"", key);
    else if (t->approvals > 0)
        return t;
    else
        buf_printf(why, "%s: asks nobody for approval", key != NULL ? "/transition" : "");
    return NULL;
}

bool approval_prepare(struct guard *g, const struct blueprint *b, const struct transition *own,
                      struct arena *a, struct buf *why)
{
    const json_t *needed = json_object_get(g->params, "needed");
    const struct transition *t = asked_for(g->params, b, own, why);
    struct agreement *agreement;
    json_t *expected;

    if (t == NULL)
        return false;
    if (needed != NULL && json_integer_value(needed) < 1)
        return buf_puts(why, "/needed: must be at least 1"), false;
    if (needed != NULL && json_integer_value(needed) > (json_int_t)t->approvals)
        return buf_printf(why, "/needed: must be at most %u, as \"%s\" asks for no more",
                          t->approvals, t->key),
               false;
    agreement = arena_alloc(a, sizeof(*agreement));
    if (agreement == NULL)
        return buf_puts(why, ": the blueprint is too large"), false;
    agreement->transition = t->key;
    agreement->needed = needed != NULL ? json_integer_value(needed) : (json_int_t)t->approvals;
    expected = json_pack("{s:s, s:I}", "transition", t->key, "min", agreement->needed);
    arena_defer(a, release, expected);
    g->prepared = agreement;
    g->expected = expected;
    return true;
}

bool approval_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                       struct verdict *v)
{
    const struct agreement *agreement = g->prepared;
    const json_t *who = json_object_get(json_object_get(facts, "approvals"), agreement->transition);

    (void)a;
    v->observed = json_integer((json_int_t)json_array_size(who));
    return (json_int_t)json_array_size(who) >= agreement->needed;
}

static bool asks_about(const struct guard *g, const char *transition)
{
    const struct agreement *agreement = g->prepared;

    if (g->op == GUARD_LEAF)
        return g->kind->evaluate == approval_evaluate &&
               strcmp(agreement->transition, transition) == 0;
    for (size_t i = 0; i < g->nchildren; i++)
        if (asks_about(&g->children[i], transition))
            return true;
    return false;
}

bool approval_is_guarded(const struct transition *t)
{
    return t->approvals > 0 && asks_about(&t->guards, t->key);
}

json_t *facts_with_approval(const json_t *facts, const struct transition *t, const json_t *voters)
{
    json_t *all = json_copy((json_t *)facts), *approvals;
    json_t *who = voters != NULL ? json_deep_copy(voters) : json_array();

    approvals = json_object_get(facts, "approvals");
    approvals = approvals != NULL ? json_copy(approvals) : json_object();
    while (voters == NULL && json_array_size(who) < t->approvals)
        (void)json_array_append_new(who, json_null());
    (void)json_object_set_new(approvals, t->key, who);
    (void)json_object_set_new(all, "approvals", approvals);
    return all;
}
