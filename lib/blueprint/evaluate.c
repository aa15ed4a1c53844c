#include "blueprint/evaluate.h"

#include "base/arena.h"

static void release(void *value)
{
    json_decref(value);
}

static bool leaf(const struct guard *g, const json_t *facts, struct arena *a, struct verdict *v)
{
    v->expected = g->expected;
    v->path = g->path;
    v->pointer = g->pointer;
    v->passed = g->kind->evaluate(g, facts, a, v);
    if (v->observed == NULL)
        return false;
    arena_defer(a, release, v->observed);
    return true;
}

static bool holds(enum guard_op op, size_t passed, size_t n)
{
    switch (op) {
    case GUARD_ANY: return passed > 0;
    case GUARD_NONE: return passed == 0;
    default: return passed == n;
    }
}

/* The depth is bounded by the compiler of blueprints. */
static bool visit(const struct guard *g, const json_t *facts, struct arena *a, struct verdict *v)
{
    struct verdict *children;
    size_t passed = 0;

    v->guard = g;
    if (g->op == GUARD_LEAF)
        return leaf(g, facts, a, v);
    children = arena_alloc(a, g->nchildren * sizeof(*children));
    if (children == NULL)
        return false;
    for (size_t i = 0; i < g->nchildren; i++) {
        if (!visit(&g->children[i], facts, a, &children[i]))
            return false;
        passed += children[i].passed;
    }
    v->children = children;
    v->nchildren = g->nchildren;
    v->passed = holds(g->op, passed, g->nchildren);
    return true;
}

const struct verdict *evaluate(const struct transition *t, const json_t *facts, struct arena *a)
{
    struct verdict *root = arena_alloc(a, sizeof(*root));

    if (root == NULL || !visit(&t->guards, facts, a, root))
        return NULL;
    return root;
}
