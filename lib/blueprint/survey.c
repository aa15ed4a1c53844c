#include "blueprint/survey.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "blueprint/evaluate.h"
#include "blueprint/guards.h"

#define EXAMPLES_MAX 5
#define EVALUATION_MEMORY (4U << 20)

/* needs */

static void need_field(json_t *needs, const json_t *params, bool present)
{
    const char *path = json_string_value(json_object_get(params, "field"));
    json_t *record = json_object_get(needs, "record");
    char name[128];
    size_t n = strcspn(path, ".");

    if (n >= sizeof(name)) {
        (void)json_object_set_new(needs, "whole", json_true());
        return;
    }
    memcpy(name, path, n);
    name[n] = '\0';
    /* asked for its value once, it comes with its value */
    if (!present || json_object_get(record, name) == NULL)
        (void)json_object_set_new(record, name, json_string(present ? "present" : "value"));
}

static void need_present(json_t *needs, const json_t *params)
{
    need_field(needs, params, true);
}

static void need_value(json_t *needs, const json_t *params)
{
    need_field(needs, params, false);
}

static void need_related(json_t *needs, const json_t *params)
{
    const char *field = json_string_value(json_object_get(params, "field"));

    (void)json_object_set_new(
        needs, strcmp(field, "account.verification") == 0 ? "account" : "related", json_true());
}

static void need_work(json_t *needs, const json_t *params)
{
    (void)json_object_set_new(needs, related_list(params), json_true());
}

static void need_tasks(json_t *needs, const json_t *params)
{
    (void)params;
    (void)json_object_set_new(needs, "tasks", json_true());
}

static void need_visits(json_t *needs, const json_t *params)
{
    (void)params;
    (void)json_object_set_new(needs, "visits", json_true());
}

static void need_times(json_t *needs, const json_t *params)
{
    (void)params;
    (void)json_object_set_new(needs, "times", json_true());
}

static void need_score(json_t *needs, const json_t *params)
{
    (void)params;
    (void)json_object_set_new(json_object_get(needs, "record"), "score", json_string("value"));
}

static void need_steps(json_t *needs, const json_t *params)
{
    (void)params;
    (void)json_object_set_new(needs, "steps", json_true());
}

static void need_nothing(json_t *needs, const json_t *params)
{
    (void)needs;
    (void)params;
}

static const struct {
    const char *kind;
    void (*need)(json_t *needs, const json_t *params);
    bool neutral; /* asks who acts or when, not about the record */
} kinds[] = {
    {"field_present", need_present, false}, {"field_compare", need_value, false},
    {"matches", need_value, false},         {"related_field", need_related, false},
    {"related_count", need_work, false},    {"open_tasks", need_tasks, false},
    {"visited_state", need_visits, false},  {"time_in_state", need_times, false},
    {"score_at_least", need_score, false},  {"actor_differs", need_nothing, true},
    {"actor_has_role", need_nothing, true}, {"approval", need_nothing, true},
    {"working_time", need_nothing, true},   {"steps_done", need_steps, false},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static size_t kind_index(const struct guard *g)
{
    size_t i = 0;

    while (i < KINDS && strcmp(kinds[i].kind, g->kind->name) != 0)
        i++;
    return i;
}

static void guard_needs(json_t *needs, const struct guard *g)
{
    size_t kind;

    for (size_t i = 0; i < g->nchildren; i++)
        guard_needs(needs, &g->children[i]);
    if (g->op != GUARD_LEAF)
        return;
    kind = kind_index(g);
    if (kind < KINDS)
        kinds[kind].need(needs, g->params);
    else
        (void)json_object_set_new(needs, "whole", json_true());
}

void survey_needs(json_t *needs, const struct blueprint *b)
{
    if (json_object_get(needs, "record") == NULL)
        (void)json_object_set_new(needs, "record", json_object());
    guard_needs(needs, &b->entry.guards);
    for (size_t i = 0; i < b->ntransitions; i++)
        guard_needs(needs, &b->transitions[i].guards);
}

/* assumptions */

static bool find_assumed(const struct guard *g, const char *kind)
{
    for (size_t i = 0; i < g->nchildren; i++)
        if (find_assumed(&g->children[i], kind))
            return true;
    return g->op == GUARD_LEAF && strcmp(g->kind->name, kind) == 0;
}

json_t *survey_assumed(const struct transition *t)
{
    json_t *list = NULL;

    for (size_t i = 0; i < KINDS; i++) {
        if (!kinds[i].neutral || !find_assumed(&t->guards, kinds[i].kind))
            continue;
        if (list == NULL)
            list = json_array();
        (void)json_array_append_new(list, json_string(kinds[i].kind));
    }
    return list;
}

/* verdicts */

enum leaning { FAILS, HOLDS, NEUTRAL };

static enum leaning leaning(const struct verdict *v)
{
    size_t counts[3] = {0};

    if (v->guard->op == GUARD_LEAF) {
        size_t kind = kind_index(v->guard);

        if (kind < KINDS && kinds[kind].neutral)
            return NEUTRAL;
        return v->passed ? HOLDS : FAILS;
    }
    for (size_t i = 0; i < v->nchildren; i++)
        counts[leaning(&v->children[i])]++;
    switch (v->guard->op) {
    case GUARD_ANY: return counts[HOLDS] > 0 ? HOLDS : counts[NEUTRAL] > 0 ? NEUTRAL : FAILS;
    case GUARD_NONE: return counts[HOLDS] > 0 ? FAILS : counts[NEUTRAL] > 0 ? NEUTRAL : HOLDS;
    default: return counts[FAILS] > 0 ? FAILS : counts[HOLDS] > 0 ? HOLDS : NEUTRAL;
    }
}

bool survey_holds(const struct verdict *root)
{
    return leaning(root) != FAILS;
}

/* Out of memory for one record's verdicts is a guard that nobody can pass. */
static bool is_open(const struct transition *t, const json_t *facts)
{
    const struct verdict *root;
    struct arena a;
    bool holds;

    if (t->guards.nchildren == 0)
        return true;
    arena_init(&a, EVALUATION_MEMORY);
    root = evaluate(t, facts, &a);
    holds = root != NULL && survey_holds(root);
    arena_done(&a);
    return holds;
}

/* sums */

static json_t *member(json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key);

    if (v == NULL) {
        v = json_object();
        (void)json_object_set_new(object, key, v);
    }
    return v;
}

static void count(json_t *object, const char *key, json_int_t n)
{
    json_t *v = json_object_get(object, key);

    if (v != NULL)
        (void)json_integer_set(v, json_integer_value(v) + n);
    else
        (void)json_object_set_new(object, key, json_integer(n));
}

static void add_examples(json_t *object, const char *key, const json_t *ids)
{
    json_t *list = json_object_get(object, key);

    if (list == NULL) {
        list = json_array();
        (void)json_object_set_new(object, key, list);
    }
    for (size_t i = 0; i < json_array_size(ids) && json_array_size(list) < EXAMPLES_MAX; i++)
        (void)json_array_append(list, json_array_get(ids, i));
}

static void count_with_examples(json_t *entry, const char *key, const struct survey_row *row)
{
    count(entry, key, row->n);
    add_examples(member(entry, "examples"), key, row->ids);
}

/* Marks of a transition before and after. */
enum { WAS_OPEN = 1, IS_OPEN = 2 };

struct ways {
    json_t *marks; /* of the transitions that are open to the row */
    size_t declared, open;
};

/* The facts of a record that is in this state of the version: steps that were done count where it
 * stays in its state, and are open anew elsewhere. New reference. */
static json_t *facts_in(const struct blueprint *b, const char *state, const struct survey_row *row)
{
    const struct state *s = b != NULL ? blueprint_state(b, state) : NULL;
    json_t *facts;

    if (s == NULL || s->nsteps == 0)
        return json_incref((json_t *)row->facts);
    facts = json_copy((json_t *)row->facts);
    (void)json_object_set_new(facts, "state", json_string(state));
    if (strcmp(state, row->state) != 0)
        (void)json_object_set_new(facts, "steps", json_array());
    return facts;
}

static struct ways find_ways(const struct blueprint *b, const char *state,
                             const struct survey_row *row, json_t *marks, json_int_t mark)
{
    json_t *facts = facts_in(b, state, row);
    struct ways w = {.marks = marks};

    for (size_t i = 0; b != NULL && i < b->ntransitions; i++) {
        const struct transition *t = &b->transitions[i];

        if (!transition_leaves(t, state))
            continue;
        w.declared++;
        if (!is_open(t, facts))
            continue;
        w.open++;
        (void)json_object_set_new(
            marks, t->key, json_integer(json_integer_value(json_object_get(marks, t->key)) | mark));
    }
    json_decref(facts);
    return w;
}

static void add_marks(json_t *transitions, const json_t *marks, const struct survey_row *row)
{
    const char *key;
    json_t *mark;

    json_object_foreach ((json_t *)marks, key, mark) {
        json_t *t = member(transitions, key);
        json_int_t m = json_integer_value(mark);

        if (m & WAS_OPEN)
            count(t, "before", row->n);
        if (m & IS_OPEN)
            count(t, "after", row->n);
        if (m == WAS_OPEN)
            count_with_examples(t, "lost", row);
        if (m == IS_OPEN)
            count_with_examples(t, "gained", row);
    }
}

static void add_scope(json_t *sum, const struct blueprint *draft, const struct survey_row *row)
{
    if (is_open(&draft->entry, row->facts) ||
        (row->own != NULL && !is_open(&row->own->entry, row->facts)))
        return;
    json_t *scope = member(sum, "scope");

    count(scope, "left", row->n);
    add_examples(scope, "examples", row->ids);
}

void survey_simulate(json_t *sum, const struct blueprint *draft, const json_t *mapping,
                     const struct survey_row *row)
{
    const char *mapped = json_string_value(json_object_get(mapping, row->state));
    const char *to = mapped != NULL ? mapped : row->state;
    json_t *state = member(member(sum, "states"), row->state);
    json_t *marks = json_object();
    struct ways before, after = {0};

    count(sum, "records", row->n);
    count(state, "records", row->n);
    before = find_ways(row->own, row->state, row, marks, WAS_OPEN);
    if (blueprint_state(draft, to) == NULL) {
        count_with_examples(state, "out_of_scope", row);
    } else {
        (void)json_object_set_new(state, "to", json_string(to));
        after = find_ways(draft, to, row, marks, IS_OPEN);
        if (before.declared > 0 && after.declared == 0)
            count_with_examples(state, "stuck", row);
        if (before.open > 0 && after.open == 0)
            count_with_examples(state, "blocked", row);
    }
    add_marks(member(sum, "transitions"), marks, row);
    add_scope(sum, draft, row);
    json_decref(marks);
}

/* drift */

/* The failed parts of ALL groups, as refusals name them. */
static void count_failed(json_t *guards, const struct verdict *v, json_int_t n)
{
    for (size_t i = 0; i < v->nchildren; i++) {
        const struct verdict *child = &v->children[i];

        if (leaning(child) != FAILS)
            continue;
        if (child->guard->op == GUARD_ALL)
            count_failed(guards, child, n);
        else
            count(guards, child->guard->key, n);
    }
}

void survey_drift(json_t *sum, const struct survey_row *row)
{
    const struct transition *t =
        row->own != NULL && row->via != NULL ? blueprint_transition(row->own, row->via) : NULL;
    const struct verdict *root;
    struct arena a;

    count(sum, "records", row->n);
    if (row->own == NULL || blueprint_state(row->own, row->state) == NULL) {
        json_t *entry = member(member(sum, "unknown"), row->state);

        count(entry, "records", row->n);
        add_examples(entry, "examples", row->ids);
        return;
    }
    if (t == NULL || t->guards.nchildren == 0)
        return;
    arena_init(&a, EVALUATION_MEMORY);
    root = evaluate(t, row->facts, &a);
    if (root != NULL && !survey_holds(root)) {
        json_t *entry = member(member(member(sum, "drifted"), row->state), t->key);

        count(entry, "records", row->n);
        count_failed(member(entry, "guards"), root, row->n);
        add_examples(entry, "examples", row->ids);
    }
    arena_done(&a);
}
