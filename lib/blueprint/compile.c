#include "blueprint/compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* The blueprint comes first, so that its address is the whole's. */
struct compiled {
    struct blueprint b;
    struct arena arena;
    json_t *doc;
};

/* states */

static bool compile_states(struct compiler *c, const struct row *doc)
{
    static const char *const categories[] = {"open",      "won",  "lost", "cancelled",
                                             "postponed", "done", NULL};
    struct state *states;
    struct row *rows = NULL;
    size_t n = 0;

    if (!compile_rows(c, doc, "states", BLUEPRINT_STATES_MAX, &rows, &n))
        return false;
    if (n == 0)
        return compile_fail(c, "/states: there are none");
    states = compile_alloc(c, n, sizeof(*states));
    if (states == NULL)
        return false;
    c->b->states = states;
    for (size_t i = 0; i < n; i++) {
        struct state *s = &states[i];
        int category = STATE_OPEN;

        if (!compile_key(c, &rows[i], "key", &s->key) ||
            !compile_label(c, &rows[i], "label", &s->label) ||
            !compile_word(c, &rows[i], "category", categories, -1, &category) ||
            !compile_pausing(c, &rows[i], s) || !compile_steps(c, &rows[i], s))
            return false;
        if (blueprint_state(c->b, s->key) != NULL)
            return compile_fail(c, "%s/key: a second state \"%s\"", rows[i].where, s->key);
        s->category = (enum state_category)category;
        s->position = (int)i + 1;
        if (label_in(&s->label, "en") == NULL)
            s->label.en = s->key;
        c->b->nstates++;
    }
    return true;
}

/* transitions */

/* Reads a list of states, ended with NULL; missing and null are empty. */
static bool compile_state_list(struct compiler *c, const struct row *row, const char *name,
                               const char *const **ret)
{
    const json_t *list = json_object_get(row->json, name);
    size_t n = json_array_size(list);
    const char **keys;

    if (list != NULL && !json_is_array(list) && !json_is_null(list))
        return compile_fail(c, "%s/%s: must be a list", row->where, name);
    if (n > BLUEPRINT_STATES_MAX)
        return compile_fail(c, "%s/%s: names more states than there are", row->where, name);
    keys = compile_alloc(c, n + 1, sizeof(*keys));
    if (keys == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        char where[256];

        (void)snprintf(where, sizeof(where), "%s/%s/%zu", row->where, name, i);
        if (!compile_state_key(c, where, json_array_get(list, i), &keys[i]))
            return false;
    }
    *ret = keys;
    return true;
}

static bool compile_edges(struct compiler *c, const struct row *row, struct transition *t)
{
    const json_t *any = json_object_get(row->json, "from_any");
    char where[256];

    (void)snprintf(where, sizeof(where), "%s/to", row->where);
    if (!compile_state_key(c, where, json_object_get(row->json, "to"), &t->to) ||
        !compile_state_list(c, row, "from", &t->from) ||
        !compile_state_list(c, row, "except", &t->except))
        return false;
    if (any != NULL && !json_is_boolean(any) && !json_is_null(any))
        return compile_fail(c, "%s/from_any: must be true or false", row->where);
    t->from_any = json_is_true(any);
    if (t->kind == TRANSITION_INITIAL && (t->from_any || t->from[0] != NULL))
        return compile_fail(c, "%s/from: an initial transition comes from no state", row->where);
    if (t->kind != TRANSITION_INITIAL && !t->from_any && t->from[0] == NULL)
        return compile_fail(c, "%s/from: no state leads here", row->where);
    return true;
}

/* Keys and kinds first: guards may name any transition. */
static bool compile_names(struct compiler *c, const struct row *rows, size_t n,
                          struct transition *all)
{
    static const char *const kinds[] = {"manual", "initial", "convert", "convert_open", NULL};
    const struct transition *initial = NULL;

    for (size_t i = 0; i < n; i++) {
        struct transition *t = &all[i];
        int kind = TRANSITION_MANUAL;

        if (!compile_key(c, &rows[i], "key", &t->key) ||
            !compile_label(c, &rows[i], "label", &t->label) ||
            !compile_word(c, &rows[i], "kind", kinds, TRANSITION_MANUAL, &kind))
            return false;
        if (blueprint_transition(c->b, t->key) != NULL)
            return compile_fail(c, "%s/key: a second transition \"%s\"", rows[i].where, t->key);
        t->kind = (enum transition_kind)kind;
        if (label_in(&t->label, "en") == NULL)
            t->label.en = t->key;
        c->b->ntransitions++;
        if (t->kind != TRANSITION_INITIAL)
            continue;
        if (initial != NULL)
            return compile_fail(c, "%s/kind: a second initial transition, \"%s\" is one already",
                                rows[i].where, initial->key);
        initial = t;
    }
    return initial != NULL || compile_fail(c, "/transitions: none is initial");
}

static bool compile_transitions(struct compiler *c, const struct row *doc)
{
    struct transition *all;
    struct row *rows = NULL;
    size_t n = 0;

    if (!compile_rows(c, doc, "transitions", BLUEPRINT_TRANSITIONS_MAX, &rows, &n))
        return false;
    all = compile_alloc(c, n, sizeof(*all));
    if (all == NULL)
        return false;
    c->b->transitions = all;
    if (!compile_names(c, rows, n, all))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!compile_edges(c, &rows[i], &all[i]) ||
            !compile_actors(c, &rows[i], &all[i].actors, &all[i].nactors) ||
            !compile_inputs(c, &rows[i], &all[i]) || !compile_automatic(c, &rows[i], &all[i]) ||
            !compile_approval(c, &rows[i], &all[i]))
            return false;
    for (size_t i = 0; i < n; i++) { /* guards may ask whether any of them was approved */
        if (!compile_guards(c, &rows[i], &all[i]) || !compile_actions(c, &rows[i]))
            return false;
        all[i].actions = json_object_get(rows[i].json, "actions");
    }
    return true;
}

static bool compile_thresholds(struct compiler *c, const struct row *doc)
{
    struct row *rows = NULL;
    size_t n = 0;

    if (!compile_rows(c, doc, "states", BLUEPRINT_STATES_MAX, &rows, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!compile_slas(c, &rows[i], &c->b->states[i]))
            return false;
    return true;
}

/* the whole */

static bool compile_head(struct compiler *c, const struct row *doc)
{
    const json_t *number = json_object_get(doc->json, "number");

    if (!json_is_object(doc->json))
        return compile_fail(c, ": a blueprint is an object");
    c->b->id = json_string_value(json_object_get(doc->json, "id"));
    if (c->b->id == NULL || c->b->id[0] == '\0')
        return compile_fail(c, "/id: is required");
    if (!compile_key(c, doc, "entity", &c->b->entity) || !compile_key(c, doc, "key", &c->b->key))
        return false;
    if (!json_is_integer(number) || json_integer_value(number) < 1 ||
        json_integer_value(number) > 1000000000)
        return compile_fail(c, "/number: must be a positive integer");
    c->b->number = (int)json_integer_value(number);
    return true;
}

struct blueprint *blueprint_compile(const json_t *doc, struct buf *why)
{
    struct compiled *whole = calloc(1, sizeof(*whole));
    struct compiler c = {.why = why};
    struct row top = {.where = ""};

    if (whole == NULL)
        abort();
    arena_init(&whole->arena, BLUEPRINT_MEMORY);
    whole->doc = json_deep_copy(doc);
    c.arena = &whole->arena;
    c.b = &whole->b;
    top.json = whole->doc;
    if (compile_head(&c, &top) && compile_states(&c, &top) && compile_transitions(&c, &top) &&
        compile_thresholds(&c, &top) && compile_criteria(&c, &top))
        return &whole->b;
    blueprint_destroy(&whole->b);
    return NULL;
}

void blueprint_destroy(struct blueprint *b)
{
    struct compiled *whole = (struct compiled *)b;

    if (whole == NULL)
        return;
    arena_done(&whole->arena);
    json_decref(whole->doc);
    free(whole);
}

/* what it looks at */

static bool is_or_begins(const char *path, const char *name)
{
    size_t n = strlen(name);

    return strncmp(path, name, n) == 0 && (path[n] == '\0' || path[n] == '.');
}

/* Anywhere: guards keep names of fields in parameters of their own, some as keys. */
static bool names(json_t *v, const char *name)
{
    const char *key;
    json_t *child;
    size_t i;

    if (json_is_string(v))
        return is_or_begins(json_string_value(v), name);
    json_object_foreach (v, key, child)
        if (is_or_begins(key, name) || names(child, name))
            return true;
    json_array_foreach (v, i, child)
        if (names(child, name))
            return true;
    return false;
}

bool blueprint_looks_at(const struct blueprint *b, const char *field)
{
    static const char *const unnamed[] = {"id", "score", "custom"};

    for (size_t i = 0; i < sizeof(unnamed) / sizeof(unnamed[0]); i++)
        if (strcmp(field, unnamed[i]) == 0)
            return true;
    return names(((const struct compiled *)b)->doc, field);
}
