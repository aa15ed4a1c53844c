/* states and the way between them */
#include <stdio.h>
#include <string.h>

#include "blueprint/lint_parts.h"

#define POINTER_MAX 64

static void find_initial(struct linting *l)
{
    const json_t *t, *first = NULL;
    size_t i;

    l->initial = l->n;
    json_array_foreach (l->transitions, i, t) {
        char pointer[POINTER_MAX];

        if (!is_initial(t))
            continue;
        (void)snprintf(pointer, sizeof(pointer), "/transitions/%zu/kind", i);
        if (first != NULL)
            lint_error(l, "second_initial", &(struct about){.pointer = pointer, .transition = t},
                       "A process has one initial transition; `%s` is one already.",
                       part_key(first));
        else
            l->initial = state_index(l, part_text(t, "to"));
        first = first != NULL ? first : t;
    }
    if (first == NULL)
        lint_error(l, "no_initial", &(struct about){.pointer = "/transitions"},
                   "No transition is initial: nothing says where a record begins.");
}

static void find_edges(struct linting *l)
{
    const json_t *t;
    size_t i;

    json_array_foreach (l->transitions, i, t) {
        size_t to = state_index(l, part_text(t, "to"));
        bool leaves = false;

        for (size_t from = 0; from < l->n && to < l->n; from++) {
            if (!leaves_state(l, t, from))
                continue;
            l->edge[from][to] = true;
            leaves = true;
        }
        if (!leaves && !is_initial(t)) {
            char pointer[POINTER_MAX];

            (void)snprintf(pointer, sizeof(pointer), "/transitions/%zu/from", i);
            lint_error(l, "leaves_nothing", &(struct about){.pointer = pointer, .transition = t},
                       "The transition leaves no state.");
        }
    }
}

static void close_paths(struct linting *l)
{
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < l->n; k++)
            l->leads[i][k] = i == k || l->edge[i][k];
    for (size_t via = 0; via < l->n; via++)
        for (size_t i = 0; i < l->n; i++)
            for (size_t k = 0; l->leads[i][via] && k < l->n; k++)
                l->leads[i][k] |= l->leads[via][k];
}

/* A record in a closed state may rest there for ever; in any other something is still due. */
static bool is_closed(const json_t *state)
{
    static const char *const closed[] = {"won", "lost", "cancelled", "done", NULL};
    const char *category = part_text(state, "category");

    for (const char *const *c = closed; category != NULL && *c != NULL; c++)
        if (strcmp(*c, category) == 0)
            return true;
    return false;
}

static bool leads_on(const struct linting *l, size_t from)
{
    for (size_t to = 0; to < l->n; to++)
        if (to != from && l->edge[from][to])
            return true;
    return false;
}

static bool leads_to_end(const struct linting *l, size_t from)
{
    for (size_t to = 0; to < l->n; to++)
        if (l->leads[from][to] && is_closed(json_array_get(l->states, to)))
            return true;
    return false;
}

/* Does the clock move records out of the state? */
static bool has_dated_way(const struct linting *l, size_t from)
{
    const json_t *t, *on;
    size_t i;

    json_array_foreach (l->transitions, i, t) {
        on = json_object_get(t, "auto");
        if (on != NULL && !json_is_true(json_object_get(on, "when")) && leaves_state(l, t, from))
            return true;
    }
    return false;
}

static void judge_clock(struct linting *l, size_t i)
{
    const json_t *state = json_array_get(l->states, i);
    char pointer[POINTER_MAX];

    if (json_array_size(json_object_get(state, "sla")) > 0 || has_dated_way(l, i))
        return;
    (void)snprintf(pointer, sizeof(pointer), "/states/%zu/sla", i);
    lint_warning(l, "no_threshold", &(struct about){.pointer = pointer, .state = state},
                 "No threshold and no date notices a record that stays here for too long.");
}

static void judge_state(struct linting *l, size_t i)
{
    const json_t *state = json_array_get(l->states, i);
    char pointer[POINTER_MAX];
    const struct about at = {.pointer = pointer, .state = state};

    (void)snprintf(pointer, sizeof(pointer), "/states/%zu", i);
    if (l->initial < l->n && !l->leads[l->initial][i])
        lint_error(l, "unreachable_state", &at, "No record can ever come here.");
    if (is_closed(state))
        return;
    if (!leads_on(l, i))
        lint_error(l, "dead_end", &at,
                   "The state is not closed and no transition leads on: records stick here.");
    else if (!leads_to_end(l, i))
        lint_error(l, "no_way_to_close", &at, "No path leads from here to a closed state.");
    judge_clock(l, i);
}

void lint_graph(struct linting *l)
{
    if (l->n == 0) {
        lint_error(l, "no_states", &(struct about){.pointer = "/states"},
                   "The process has no states.");
        return;
    }
    find_initial(l);
    find_edges(l);
    close_paths(l);
    for (size_t i = 0; i < l->n; i++)
        judge_state(l, i);
}
