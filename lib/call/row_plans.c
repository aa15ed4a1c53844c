#include "call/row_plans.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 64
#define MEMORY_MAX ((size_t)4 << 20)

struct kept {
    const struct row_plan *plan;
    const char **names;
    unsigned *types;
    int n;
};

struct row_plans {
    struct arena arena;
    struct kept kept[KEPT_MAX];
    unsigned n;
};

struct row_plans *row_plans_create(void)
{
    struct row_plans *p = calloc(1, sizeof(*p));

    if (!p)
        abort();
    arena_init(&p->arena, MEMORY_MAX);
    return p;
}

void row_plans_destroy(struct row_plans *p)
{
    if (!p)
        return;
    arena_done(&p->arena);
    free(p);
}

static bool is_of(const struct kept *k, const struct result *r)
{
    if (k->n != result_columns(r))
        return false;
    for (int i = 0; i < k->n; i++)
        if (k->types[i] != result_type(r, i) || strcmp(k->names[i], result_name(r, i)) != 0)
            return false;
    return true;
}

/* Keeps the columns and their plan; false when there is no room. */
static bool keep(struct row_plans *p, struct kept *k, const struct result *r)
{
    k->n = result_columns(r);
    k->names = arena_alloc(&p->arena, (size_t)(k->n + 1) * sizeof(*k->names));
    k->types = arena_alloc(&p->arena, (size_t)(k->n + 1) * sizeof(*k->types));
    for (int i = 0; k->names && k->types && i < k->n; i++) {
        k->names[i] = arena_strdup(&p->arena, result_name(r, i));
        k->types[i] = result_type(r, i);
        if (!k->names[i])
            return false;
    }
    k->plan = k->names && k->types ? row_plan_make(&p->arena, r, NULL) : NULL;
    return k->plan != NULL;
}

const struct row_plan *row_plans_get(struct row_plans *p, struct arena *a, const struct result *r)
{
    if (!p)
        return row_plan_make(a, r, NULL);
    for (unsigned i = 0; i < p->n; i++)
        if (is_of(&p->kept[i], r))
            return row_plan_again(a, p->kept[i].plan, r);
    if (p->n == KEPT_MAX || !keep(p, &p->kept[p->n], r))
        return row_plan_make(a, r, NULL);
    return row_plan_again(a, p->kept[p->n++].plan, r);
}
