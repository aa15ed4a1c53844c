#include "blueprint/compile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "blueprint/params.h"

#define BLUEPRINT_MEMORY (16U << 20)
#define ACTORS_MAX 100

/* The blueprint comes first, so that its address is the whole's. */
struct compiled {
    struct blueprint b;
    struct arena arena;
    json_t *doc;
};

bool compile_fail(struct compiler *c, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_puts(c->why, text);
    return false;
}

void *compile_alloc(struct compiler *c, size_t n, size_t size)
{
    void *p = n <= BLUEPRINT_MEMORY / size ? arena_alloc(c->arena, n * size) : NULL;

    if (p == NULL)
        (void)compile_fail(c, ": the blueprint is too large");
    return p;
}

/* reading */

static int row_order(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

bool compile_rows(struct compiler *c, const struct row *parent, const char *name, size_t max,
                  struct row **ret, size_t *ret_n)
{
    const json_t *list = json_object_get(parent->json, name);
    size_t n = json_array_size(list);
    struct row *rows;

    if (list != NULL && !json_is_array(list) && !json_is_null(list))
        return compile_fail(c, "%s/%s: must be a list", parent->where, name);
    if (n > max)
        return compile_fail(c, "%s/%s: has %zu rows, more than %zu", parent->where, name, n, max);
    rows = compile_alloc(c, n, sizeof(*rows));
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct row row = {.json = json_array_get(list, i), .index = i};
        const json_t *position = json_object_get(row.json, "position");

        row.where = arena_printf(c->arena, "%s/%s/%zu", parent->where, name, i);
        if (row.where == NULL)
            return compile_fail(c, ": the blueprint is too large");
        if (!json_is_object(row.json))
            return compile_fail(c, "%s: must be an object", row.where);
        if (position != NULL && !json_is_null(position) && !json_is_integer(position))
            return compile_fail(c, "%s/position: must be an integer", row.where);
        row.position = json_integer_value(position);
        rows[i] = row;
    }
    if (n > 1)
        qsort(rows, n, sizeof(*rows), row_order);
    *ret = rows;
    *ret_n = n;
    return true;
}

bool compile_key(struct compiler *c, const struct row *row, const char *name, const char **ret)
{
    const char *key = json_string_value(json_object_get(row->json, name));

    if (key == NULL || !text_is_key(key))
        return compile_fail(c, "%s/%s: must be a key of lower-case letters, digits and underscores",
                            row->where, name);
    *ret = key;
    return true;
}

bool compile_state_key(struct compiler *c, const char *where, const json_t *v, const char **ret)
{
    const char *key = json_string_value(v);

    if (key == NULL)
        return compile_fail(c, "%s: must be the key of a state", where);
    if (blueprint_state(c->b, key) == NULL)
        return compile_fail(c, "%s: unknown state \"%s\"", where, key);
    *ret = key;
    return true;
}

bool compile_label(struct compiler *c, const struct row *row, const char *name, struct label *ret)
{
    const json_t *label = json_object_get(row->json, name);
    const struct {
        const char *language;
        const char **text;
    } texts[] = {{"en", &ret->en}, {"pl", &ret->pl}, {"ru", &ret->ru}};

    *ret = (struct label){.en = NULL};
    if (label == NULL || json_is_null(label))
        return true;
    if (!json_is_object(label))
        return compile_fail(c, "%s/%s: must be an object of texts by language", row->where, name);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const json_t *text = json_object_get(label, texts[i].language);

        if (text != NULL && !json_is_string(text) && !json_is_null(text))
            return compile_fail(c, "%s/%s/%s: must be a text", row->where, name, texts[i].language);
        *texts[i].text = json_string_value(text);
    }
    return true;
}

bool compile_word(struct compiler *c, const struct row *row, const char *name,
                  const char *const *words, int otherwise, int *ret)
{
    const json_t *v = json_object_get(row->json, name);
    const char *word = json_string_value(v), *nearest;

    *ret = otherwise;
    if ((v == NULL || json_is_null(v)) && otherwise >= 0)
        return true;
    for (int i = 0; word != NULL && words[i] != NULL; i++)
        if (strcmp(words[i], word) == 0) {
            *ret = i;
            return true;
        }
    (void)compile_fail(c, "%s/%s: must be one of ", row->where, name);
    names_add(c->why, words);
    nearest = word != NULL ? text_nearest(word, words) : NULL;
    return nearest != NULL ? compile_fail(c, "; did you mean \"%s\"?", nearest) : false;
}

bool compile_params(struct compiler *c, const struct row *row, const struct param *table)
{
    struct buf why;
    bool fine;

    buf_init(&why, 4096);
    fine = params_check(table, json_object_get(row->json, "params"), &why);
    if (!fine)
        (void)compile_fail(c, "%s/params%s", row->where, buf_text(&why));
    buf_done(&why);
    return fine;
}

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

bool compile_actors(struct compiler *c, const struct row *row, const struct actor_rule **ret,
                    size_t *ret_n)
{
    static const char *const kinds[] = {"role", "team", "user", "field", NULL};
    struct actor_rule *actors;
    struct row *rows = NULL;
    size_t n = 0;

    if (!compile_rows(c, row, "actors", ACTORS_MAX, &rows, &n))
        return false;
    actors = compile_alloc(c, n, sizeof(*actors));
    if (actors == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        int kind = ACTOR_RULE_ROLE;

        if (!compile_word(c, &rows[i], "kind", kinds, -1, &kind))
            return false;
        actors[i].kind = kind;
        actors[i].value = json_string_value(json_object_get(rows[i].json, "value"));
        if (actors[i].value == NULL || actors[i].value[0] == '\0')
            return compile_fail(c, "%s/value: is required", rows[i].where);
    }
    *ret = actors;
    *ret_n = n;
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
