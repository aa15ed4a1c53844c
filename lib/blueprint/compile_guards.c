/* the guards of a transition: rows with a parent become a tree */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "blueprint/compile.h"
#include "blueprint/guards.h"
#include "blueprint/memo.h"
#include "blueprint/params.h"
#include "blueprint/value.h"

#define NO_PARENT SIZE_MAX

/* What is known of the rows while the tree is built. */
struct tree {
    struct row *rows;
    size_t *parents;
    size_t n;
    const struct transition *t;
};

/* Ids are texts or integers; a row without one is known by its key. */
static bool id_text(struct compiler *c, const struct row *row, const char *name, const char **ret)
{
    const json_t *id = json_object_get(row->json, name);

    *ret = json_string_value(id);
    if (json_is_integer(id)) {
        *ret = arena_printf(c->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
        return *ret != NULL || compile_fail(c, ": the blueprint is too large");
    }
    if (id != NULL && !json_is_null(id) && !json_is_string(id))
        return compile_fail(c, "%s/%s: must be a text or an integer", row->where, name);
    return true;
}

/* Maps ids to places in the list. Keys are names for people and must be unique as well. */
static bool index_ids(struct compiler *c, const struct tree *tree, json_t *ids, json_t *keys)
{
    for (size_t i = 0; i < tree->n; i++) {
        const struct row *row = &tree->rows[i];
        const char *id, *key;

        if (!compile_key(c, row, "key", &key) || !id_text(c, row, "id", &id))
            return false;
        if (id == NULL)
            id = key;
        if (json_object_get(keys, key) != NULL)
            return compile_fail(c, "%s/key: a second guard \"%s\"", row->where, key);
        if (json_object_get(ids, id) != NULL)
            return compile_fail(c, "%s/id: a second guard with the id \"%s\"", row->where, id);
        (void)json_object_set_new(keys, key, json_true());
        if (json_object_set_new(ids, id, json_integer((json_int_t)i)) != 0)
            return compile_fail(c, "%s/id: must be a text", row->where);
    }
    return true;
}

static bool find_parents(struct compiler *c, const struct tree *tree, const json_t *ids)
{
    for (size_t i = 0; i < tree->n; i++) {
        const struct row *row = &tree->rows[i];
        const json_t *place;
        const char *parent;

        if (!id_text(c, row, "parent", &parent))
            return false;
        tree->parents[i] = NO_PARENT;
        if (parent == NULL)
            continue;
        place = json_object_get(ids, parent);
        if (place == NULL)
            return compile_fail(c, "%s/parent: there is no guard with the id \"%s\"", row->where,
                                parent);
        tree->parents[i] = (size_t)json_integer_value(place);
    }
    return true;
}

/* Whoever climbs more steps than there are rows walks in a circle. */
static bool check_heights(struct compiler *c, const struct tree *tree)
{
    for (size_t i = 0; i < tree->n; i++) {
        size_t height = 0;

        for (size_t p = tree->parents[i]; p != NO_PARENT && height <= tree->n; p = tree->parents[p])
            height++;
        if (height > tree->n)
            return compile_fail(c, "%s/parent: the guards form a cycle", tree->rows[i].where);
        if (height > BLUEPRINT_DEPTH_MAX)
            return compile_fail(c, "%s/parent: groups nest deeper than %d", tree->rows[i].where,
                                BLUEPRINT_DEPTH_MAX);
    }
    return true;
}

/* The input that collects the field, or what it is a part of. */
static const struct input *field_input(const struct transition *t, const char *field)
{
    for (size_t i = 0; i < t->ninputs; i++) {
        const char *name = json_string_value(json_object_get(t->inputs[i].params, "field"));

        if (t->inputs[i].kind != INPUT_FIELD || strncmp(name, field, strlen(name)) != 0)
            continue;
        if (field[strlen(name)] == '\0' || field[strlen(name)] == '.')
            return &t->inputs[i];
    }
    return NULL;
}

/* "amount.currency" of the record can be supplied at "/fields/amount/currency". */
static char *field_pointer(struct compiler *c, const char *field)
{
    char *pointer = arena_printf(c->arena, "/fields/%s", field);

    for (char *p = pointer; p != NULL && *p != '\0'; p++)
        if (*p == '.')
            *p = '/';
    return pointer;
}

/* Tells whether the transition collects one of the items. */
static bool collects_item(const struct transition *t, const json_t *items)
{
    for (size_t i = 0; i < t->ninputs; i++)
        if (t->inputs[i].kind == INPUT_CHECKLIST &&
            value_has_key(items, json_string_value(json_object_get(t->inputs[i].params, "item"))))
            return true;
    return false;
}

static bool place_guard(struct compiler *c, const struct tree *tree, struct guard *g)
{
    const char *field = json_string_value(json_object_get(g->params, "field"));

    g->path = g->kind->path != NULL ? g->kind->path : field;
    if (g->path == NULL) {
        g->path = related_list(g->params);
        if (!related_is_brought(g->params))
            return true;
        g->pointer = arena_printf(c->arena, "/%s", g->path);
        return g->pointer != NULL || compile_fail(c, ": the blueprint is too large");
    }
    if (json_object_get(g->params, "items") != NULL &&
        collects_item(tree->t, json_object_get(g->params, "items")))
        g->pointer = "/checklist";
    if (field == NULL || field_input(tree->t, field) == NULL ||
        g->kind->evaluate == related_field_evaluate)
        return true;
    g->pointer = field_pointer(c, field);
    return g->pointer != NULL || compile_fail(c, ": the blueprint is too large");
}

static void release(void *value)
{
    json_decref(value);
}

static bool unknown_kind(struct compiler *c, const struct row *row, const char *kind)
{
    const char *names[32] = {NULL};
    const char *nearest;

    if (kind == NULL)
        return compile_fail(c, "%s/kind: is required", row->where);
    for (size_t i = 0; i + 1 < sizeof(names) / sizeof(names[0]) && guard_kinds[i].name != NULL; i++)
        names[i] = guard_kinds[i].name;
    nearest = text_nearest(kind, names);
    (void)compile_fail(c, "%s/kind: unknown guard kind \"%s\"", row->where, kind);
    if (nearest != NULL)
        return compile_fail(c, ", did you mean \"%s\"?", nearest);
    buf_puts(c->why, "; there are ");
    names_add(c->why, names);
    return false;
}

static bool prepare_leaf(struct compiler *c, const struct tree *tree, const struct row *row,
                         struct guard *g)
{
    struct buf why;
    bool fine;

    if (g->kind->prepare == NULL)
        return true;
    buf_init(&why, 4096);
    fine = g->kind->prepare(g, c->b, tree->t, c->arena, &why);
    if (!fine)
        (void)compile_fail(c, "%s/params%s", row->where, buf_text(&why));
    buf_done(&why);
    return fine;
}

/* Every listing and every move shows it: made once, not for each. */
static bool keep_expected(struct compiler *c, struct guard *g)
{
    char *text = json_dumps(g->expected, JSON_COMPACT | JSON_ENCODE_ANY);

    g->expected_text = text != NULL ? arena_strdup(c->arena, text) : "null";
    g->memo = memo_create(c->arena);
    free(text);
    return (g->expected_text != NULL && g->memo != NULL) ||
           compile_fail(c, ": the blueprint is too large");
}

static bool compile_leaf(struct compiler *c, const struct tree *tree, const struct row *row,
                         struct guard *g)
{
    const char *kind = json_string_value(json_object_get(row->json, "kind"));
    struct buf why;
    bool fine = true;
    json_t *expected;

    g->kind = kind != NULL ? guard_kind_find(kind) : NULL;
    if (g->kind == NULL)
        return unknown_kind(c, row, kind);
    if (!compile_params(c, row, g->kind->params))
        return false;
    g->params = json_object_get(row->json, "params");
    if (g->kind->check != NULL) {
        buf_init(&why, 4096);
        fine = g->kind->check(g->params, c->b, &why);
        if (!fine)
            (void)compile_fail(c, "%s/params%s", row->where, buf_text(&why));
        buf_done(&why);
    }
    if (!fine || !prepare_leaf(c, tree, row, g))
        return false;
    if (g->expected == NULL) {
        expected = g->kind->expect(g->params);
        arena_defer(c->arena, release, expected);
        g->expected = expected;
    }
    return keep_expected(c, g) && place_guard(c, tree, g);
}

static bool compile_children(struct compiler *c, const struct tree *tree, size_t parent,
                             struct guard *g);

static bool compile_guard(struct compiler *c, const struct tree *tree, size_t i, struct guard *g)
{
    static const char *const ops[] = {"leaf", "all", "any", "none", NULL};
    const struct row *row = &tree->rows[i];
    int op = GUARD_LEAF;

    if (!compile_key(c, row, "key", &g->key) || !compile_label(c, row, "message", &g->message) ||
        !compile_word(c, row, "op", ops, GUARD_LEAF, &op))
        return false;
    g->op = (enum guard_op)op;
    if (!compile_children(c, tree, i, g))
        return false;
    if (g->op == GUARD_LEAF)
        return g->nchildren == 0 ? compile_leaf(c, tree, row, g)
                                 : compile_fail(c, "%s/op: only a group has members", row->where);
    return g->nchildren > 0 || compile_fail(c, "%s: a group without members", row->where);
}

static bool compile_children(struct compiler *c, const struct tree *tree, size_t parent,
                             struct guard *g)
{
    struct guard *children;
    size_t n = 0;

    for (size_t i = 0; i < tree->n; i++)
        n += tree->parents[i] == parent;
    children = compile_alloc(c, n, sizeof(*children));
    if (children == NULL)
        return false;
    g->children = children;
    g->nchildren = n;
    for (size_t i = 0, k = 0; i < tree->n; i++)
        if (tree->parents[i] == parent && !compile_guard(c, tree, i, &children[k++]))
            return false;
    return true;
}

static bool compile_tree(struct compiler *c, const struct row *row, const char *name,
                         struct transition *t)
{
    struct tree tree = {.t = t};
    json_t *ids, *keys;
    bool fine;

    t->guards = (struct guard){.key = t->key, .op = GUARD_ALL};
    if (!compile_rows(c, row, name, BLUEPRINT_GUARDS_MAX, &tree.rows, &tree.n))
        return false;
    tree.parents = compile_alloc(c, tree.n, sizeof(*tree.parents));
    if (tree.parents == NULL)
        return false;
    ids = json_object();
    keys = json_object();
    fine = index_ids(c, &tree, ids, keys) && find_parents(c, &tree, ids) &&
           check_heights(c, &tree) && compile_children(c, &tree, NO_PARENT, &t->guards);
    json_decref(ids);
    json_decref(keys);
    return fine;
}

bool compile_guards(struct compiler *c, const struct row *row, struct transition *t)
{
    return compile_tree(c, row, "guards", t);
}

/* Members of groups join the list behind the others, with the group as their parent. */
static bool flatten(struct compiler *c, const json_t *list, const char *parent, json_t *rows,
                    unsigned depth)
{
    if (depth > BLUEPRINT_DEPTH_MAX)
        return compile_fail(c, "/criteria: groups nest deeper than %d", BLUEPRINT_DEPTH_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *guard = json_array_get(list, i);
        json_t *row = json_is_object(guard) ? json_copy((json_t *)guard) : json_null();

        (void)json_array_append_new(rows, row);
        if (!json_is_object(guard))
            continue;
        (void)json_object_del(row, "guards");
        (void)json_object_del(row, "id");
        (void)json_object_set_new(row, "position", json_integer((json_int_t)json_array_size(rows)));
        (void)json_object_set_new(row, "parent",
                                  parent != NULL ? json_string(parent) : json_null());
        if (!flatten(c, json_object_get(guard, "guards"),
                     json_string_value(json_object_get(guard, "key")), rows, depth + 1))
            return false;
    }
    return true;
}

bool compile_criteria(struct compiler *c, const struct row *doc)
{
    const json_t *list = json_object_get(doc->json, "criteria");
    struct row flat = {.where = ""};
    json_t *rows = json_array(), *whole = json_pack("{s:o}", "criteria", rows);

    arena_defer(c->arena, release, whole);
    flat.json = whole;
    c->b->entry = (struct transition){.key = "criteria", .to = ""};
    if (list != NULL && !json_is_null(list) && !json_is_array(list))
        return compile_fail(c, "/criteria: must be a list");
    return flatten(c, list, NULL, rows, 0) && compile_tree(c, &flat, "criteria", &c->b->entry);
}
