#include "http/router.h"

#include <stdlib.h>
#include <string.h>

struct node {
    struct span name;
    struct node *sibling; /* next literal of the same parent */
    struct node *child;   /* literals */
    struct node *parameter;
    const struct route *routes[METHOD_COUNT];
    bool is_end;
    char allow[ROUTER_ALLOW];
};

struct router {
    struct node root;
};

static const struct {
    enum method method;
    const char *names;
} allowed[] = {
    {METHOD_GET, "GET, HEAD, "}, {METHOD_POST, "POST, "},     {METHOD_PUT, "PUT, "},
    {METHOD_PATCH, "PATCH, "},   {METHOD_DELETE, "DELETE, "},
};

static const int method_of[VERB_COUNT] = {
    [VERB_GET] = METHOD_GET,         [VERB_HEAD] = METHOD_GET,    [VERB_POST] = METHOD_POST,
    [VERB_PUT] = METHOD_PUT,         [VERB_PATCH] = METHOD_PATCH, [VERB_DELETE] = METHOD_DELETE,
    [VERB_OPTIONS] = METHOD_OPTIONS,
};

static bool is_parameter(const char *segment)
{
    return segment[0] == '{' || segment[0] == '\0';
}

static void *allocate(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL)
        abort();
    return p;
}

static struct node *enter(struct node *parent, const char *segment)
{
    struct node *n;

    if (is_parameter(segment)) {
        if (parent->parameter == NULL)
            parent->parameter = allocate(sizeof *n);
        return parent->parameter;
    }
    for (n = parent->child; n != NULL; n = n->sibling)
        if (span_is(n->name, segment))
            return n;
    n = allocate(sizeof *n);
    n->name = span_of(segment);
    n->sibling = parent->child;
    parent->child = n;
    return n;
}

static void append(char *allow, const char *names)
{
    size_t have = strlen(allow), more = strlen(names);

    if (have + more < ROUTER_ALLOW)
        memcpy(allow + have, names, more + 1);
}

static void describe(struct node *n)
{
    n->is_end = true;
    n->allow[0] = '\0';
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (n->routes[allowed[i].method] != NULL)
            append(n->allow, allowed[i].names);
    append(n->allow, "OPTIONS");
}

struct router *router_create(const struct route *table, size_t n)
{
    struct router *r = allocate(sizeof *r);

    for (size_t i = 0; i < n; i++) {
        struct node *node = &r->root;

        for (const char *const *s = table[i].segments; *s != NULL; s++)
            node = enter(node, *s);
        node->routes[table[i].method] = &table[i];
        describe(node);
    }
    return r;
}

static void free_below(struct node *n)
{
    struct node *child = n->child;

    while (child != NULL) {
        struct node *next = child->sibling;

        free_below(child);
        free(child);
        child = next;
    }
    if (n->parameter == NULL)
        return;
    free_below(n->parameter);
    free(n->parameter);
}

void router_destroy(struct router *r)
{
    if (r == NULL)
        return;
    free_below(&r->root);
    free(r);
}

static bool same(struct span a, struct span b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* Literal first; back to the parameter when the literal leads nowhere. Depth is the depth of the
 * tree. */
static const struct node *walk(const struct node *n, const struct target *t, unsigned depth,
                               struct router_match *m)
{
    unsigned kept = m->nparams;
    const struct node *end;

    if (depth == t->nsegments)
        return n->is_end ? n : NULL;
    for (const struct node *c = n->child; c != NULL; c = c->sibling) {
        if (!same(c->name, t->segments[depth]))
            continue;
        end = walk(c, t, depth + 1, m);
        if (end != NULL)
            return end;
        break;
    }
    m->nparams = kept;
    if (n->parameter == NULL || t->segments[depth].n == 0)
        return NULL;
    m->params[m->nparams++] = t->segments[depth];
    return walk(n->parameter, t, depth + 1, m);
}

enum router_verdict router_find(const struct router *r, enum wire_verb verb, const struct target *t,
                                struct router_match *ret)
{
    const struct node *n;

    ret->route = NULL;
    ret->nparams = 0;
    ret->allow = NULL;
    if (t->asterisk || t->nsegments > TARGET_SEGMENTS_MAX)
        return ROUTER_NO_PATH;
    n = walk(&r->root, t, 0, ret);
    if (n == NULL)
        return ROUTER_NO_PATH;
    ret->allow = n->allow;
    if (n->routes[method_of[verb]] == NULL)
        return ROUTER_NO_METHOD;
    ret->route = n->routes[method_of[verb]];
    return ROUTER_FOUND;
}

/* what was meant */

#define SIBLINGS_MAX 128
#define REPAIRS_MAX 2

struct repair {
    const struct target *t;
    struct span path[TARGET_SEGMENTS_MAX + 1];
    unsigned n;
};

static const struct node *nearest_child(const struct node *n, struct span word)
{
    const char *names[SIBLINGS_MAX + 1] = {NULL}, *near;
    const struct node *c = n->child;

    for (size_t i = 0; c != NULL && i < SIBLINGS_MAX; c = c->sibling)
        names[i++] = c->name.p; /* of the table: ended by a NUL, as the target's segments are */
    near = text_nearest(word.p, names);
    for (c = n->child; c != NULL && c->name.p != near; c = c->sibling)
        ;
    return c;
}

/* Walks on from @n: a word of the table as it is, what a parameter takes, or, @left times at most,
 * the nearest word. */
static bool mend(struct repair *p, const struct node *n, unsigned depth, unsigned left)
{
    const struct node *near;
    struct span word;
    unsigned kept = p->n;

    if (depth == p->t->nsegments || (depth + 1 == p->t->nsegments && p->t->segments[depth].n == 0))
        return n->is_end;
    word = p->t->segments[depth];
    for (const struct node *c = n->child; c != NULL; c = c->sibling) {
        if (!same(c->name, word))
            continue;
        p->path[p->n++] = word;
        if (mend(p, c, depth + 1, left))
            return true;
        p->n = kept;
    }
    if (n->parameter != NULL && word.n > 0) {
        p->path[p->n++] = word;
        if (mend(p, n->parameter, depth + 1, left))
            return true;
        p->n = kept;
    }
    near = left > 0 ? nearest_child(n, word) : NULL;
    if (near == NULL)
        return false;
    p->path[p->n++] = near->name;
    if (mend(p, near, depth + 1, left - 1))
        return true;
    p->n = kept;
    return false;
}

bool router_nearest(const struct router *r, const struct target *t, struct buf *ret)
{
    struct repair p = {.t = t};
    const struct node *version = r->root.child;

    if (t->nsegments == 0 || t->nsegments > TARGET_SEGMENTS_MAX)
        return false;
    while (version != NULL && !span_is(version->name, "v1"))
        version = version->sibling;
    if (!mend(&p, &r->root, 0, REPAIRS_MAX)) {
        p.path[0] = SPAN("v1");
        p.n = 1;
        if (version == NULL || !mend(&p, version, 0, 1))
            return false;
    }
    for (unsigned i = 0; i < p.n; i++) {
        buf_putc(ret, '/');
        buf_add(ret, p.path[i].p, p.path[i].n);
    }
    return !ret->failed;
}
