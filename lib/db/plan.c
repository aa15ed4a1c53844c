#include "db/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/ask.h"

struct composed {
    struct plan plan;
    unsigned serial;
    uint64_t used; /* when, in uses */
    uint64_t hash;
    char *text;
    int nparams;
    unsigned *types;
};

struct plans {
    unsigned nqueries;
    unsigned serial;
    uint64_t uses;
    struct composed composed[PLAN_COMPOSED_MAX];
    struct plan queries[];
};

struct plans *plans_create(unsigned nqueries)
{
    struct plans *p = calloc(1, sizeof *p + nqueries * sizeof p->queries[0]);

    if (p == NULL)
        abort();
    p->nqueries = nqueries;
    return p;
}

static void composed_drop(struct composed *c)
{
    free(c->text);
    free(c->types);
    *c = (struct composed){0};
}

void plans_forget(struct plans *p)
{
    memset(p->queries, 0, p->nqueries * sizeof p->queries[0]);
    for (unsigned i = 0; i < PLAN_COMPOSED_MAX; i++)
        composed_drop(&p->composed[i]);
    p->serial = 0;
}

void plans_destroy(struct plans *p)
{
    if (p == NULL)
        return;
    plans_forget(p);
    free(p);
}

void plan_answered(struct plan *plan, bool ok)
{
    plan->state = ok ? PLAN_READY : PLAN_NONE;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 1099511628211U; /* FNV-1a */
    return hash;
}

static size_t types_size(const struct statement *s)
{
    return s->types == NULL ? 0 : (size_t)s->nparams * sizeof s->types[0];
}

static bool composed_is(const struct composed *c, const struct statement *s, uint64_t hash)
{
    return c->text != NULL && c->hash == hash && c->nparams == s->nparams &&
           strcmp(c->text, s->text) == 0 && (c->types == NULL) == (types_size(s) == 0) &&
           (c->types == NULL || memcmp(c->types, s->types, types_size(s)) == 0);
}

static void composed_fill(struct plans *p, struct composed *c, const struct statement *s,
                          uint64_t hash)
{
    size_t size = types_size(s);

    composed_drop(c);
    c->text = strdup(s->text);
    c->types = size == 0 ? NULL : malloc(size);
    if (c->text == NULL || (size != 0 && c->types == NULL))
        abort();
    if (size != 0)
        memcpy(c->types, s->types, size);
    c->hash = hash;
    c->nparams = s->nparams;
    c->serial = ++p->serial;
}

/* Returns the entry for the statement, or NULL when all are waiting for the answer to their Parse.
 */
static struct composed *composed_find(struct plans *p, const struct statement *s, char *evicted)
{
    uint64_t hash = mix(14695981039346656037U, s->text, strlen(s->text));
    struct composed *oldest = NULL;

    if (types_size(s) != 0)
        hash = mix(hash, s->types, types_size(s));
    for (unsigned i = 0; i < PLAN_COMPOSED_MAX; i++) {
        struct composed *c = &p->composed[i];

        if (composed_is(c, s, hash))
            return c;
        if (c->plan.state != PLAN_ASKED && (oldest == NULL || c->used < oldest->used))
            oldest = c;
    }
    if (oldest == NULL)
        return NULL;
    if (oldest->plan.state == PLAN_READY)
        (void)snprintf(evicted, PLAN_NAME, "c%u", oldest->serial);
    composed_fill(p, oldest, s, hash);
    return oldest;
}

void plans_use(struct plans *p, const struct statement *s, uint32_t batch, struct plan_use *ret)
{
    struct composed *c = NULL;

    *ret = (struct plan_use){0};
    if (s->query != NULL) {
        if (s->query->id >= p->nqueries)
            return;
        ret->plan = &p->queries[s->query->id];
        (void)snprintf(ret->name, sizeof ret->name, "q%u", s->query->id);
    } else {
        c = composed_find(p, s, ret->evicted);
        if (c == NULL)
            return;
        c->used = ++p->uses;
        ret->plan = &c->plan;
        (void)snprintf(ret->name, sizeof ret->name, "c%u", c->serial);
    }
    if (ret->plan->state == PLAN_ASKED && ret->plan->batch != batch)
        return;
    ret->named = true;
    if (ret->plan->state != PLAN_NONE)
        return;
    ret->parse = true;
    ret->plan->state = PLAN_ASKED;
    ret->plan->batch = batch;
}
