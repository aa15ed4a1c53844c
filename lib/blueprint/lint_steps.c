/* steps that nobody asks for, and those that are asked for and are not there */
#include <stdio.h>
#include <string.h>

#include "blueprint/document.h"
#include "blueprint/lint_parts.h"

#define POINTER_MAX 512

static const json_t *steps_of(const struct linting *l, size_t state)
{
    return json_object_get(json_array_get(l->states, state), "steps");
}

static bool is_required(const json_t *step)
{
    return !json_is_false(json_object_get(step, "required"));
}

static size_t count_required(const json_t *steps)
{
    const json_t *step;
    size_t i, n = 0;

    json_array_foreach (steps, i, step)
        n += is_required(step);
    return n;
}

static bool is_of_kind(const json_t *part, const char *kind)
{
    const char *its = part_text(part, "kind");

    return its != NULL && strcmp(its, kind) == 0;
}

/* guards */

static bool names_step(const json_t *named, const char *key)
{
    const json_t *item;
    size_t i;

    if (json_is_string(named))
        return strcmp(json_string_value(named), key) == 0;
    json_array_foreach (named, i, item)
        if (json_is_string(item) && strcmp(json_string_value(item), key) == 0)
            return true;
    return false;
}

static void judge_named(struct linting *l, const struct about *at, const json_t *named,
                        const json_t *steps)
{
    const json_t *item;
    size_t i;

    json_array_foreach (named, i, item)
        judge_named(l, at, item, steps);
    if (json_is_string(named) && document_part(steps, json_string_value(named), NULL) == NULL)
        lint_error(l, "unknown_step", at, "The state `%s` has no step `%s`.", part_key(at->state),
                   json_string_value(named));
}

/* All the required ones of the state, or a number of them. */
static void judge_required(struct linting *l, const struct about *at, const json_t *steps)
{
    const json_t *min = json_object_get(json_object_get(at->guard, "params"), "min");
    size_t required = count_required(steps);

    if (min != NULL && (size_t)json_integer_value(min) > required)
        lint_error(l, "never_passes", at, "The state `%s` has fewer steps that are required.",
                   part_key(at->state));
    else if (required == 0)
        lint_warning(l, "always_passes", at, "No step of the state `%s` is required.",
                     part_key(at->state));
}

static void judge_in_state(struct linting *l, const json_t *t, const json_t *guard,
                           const char *where, size_t state)
{
    const json_t *steps = steps_of(l, state);
    const json_t *named = json_object_get(json_object_get(guard, "params"), "steps");
    char pointer[POINTER_MAX];
    const struct about at = {.pointer = pointer,
                             .transition = t,
                             .guard = guard,
                             .state = json_array_get(l->states, state)};

    (void)snprintf(pointer, sizeof(pointer), "%.400s%s", where,
                   named != NULL && json_array_size(steps) > 0 ? "/params/steps" : "");
    if (json_array_size(steps) == 0)
        lint_error(l, "no_steps", &at, "The state `%s` has no steps.", part_key(at.state));
    else if (named != NULL)
        judge_named(l, &at, named, steps);
    else
        judge_required(l, &at, steps);
}

static void judge_guards(struct linting *l, const json_t *t, const json_t *list, const char *where)
{
    const json_t *guard;
    size_t i;

    json_array_foreach (list, i, guard) {
        char at[POINTER_MAX];

        (void)snprintf(at, sizeof(at), "%.400s/guards/%zu", where, i);
        for (size_t s = 0; is_of_kind(guard, "steps_done") && s < l->n; s++)
            if (leaves_state(l, t, s))
                judge_in_state(l, t, guard, at, s);
        judge_guards(l, t, json_object_get(guard, "guards"), at);
    }
}

/* actions */

static bool somebody_has(const struct linting *l, const char *entity, const char *key)
{
    const json_t *doc, *state;
    size_t i, k;

    json_array_foreach (l->w->others, i, doc) {
        const char *its = part_text(doc, "entity");

        if (its == NULL || strcmp(its, entity) != 0)
            continue;
        json_array_foreach (json_object_get(doc, "states"), k, state)
            if (document_part(json_object_get(state, "steps"), key, NULL) != NULL)
                return true;
    }
    return false;
}

static void judge_action(struct linting *l, const json_t *t, const json_t *action,
                         const struct about *at)
{
    const json_t *params = json_object_get(action, "params");
    const char *key = part_text(params, "step"), *of = part_text(params, "of");
    size_t to = state_index(l, part_text(t, "to"));

    if (key == NULL)
        return;
    if (of != NULL && strcmp(of, "this") != 0) {
        if (l->w->others != NULL && !somebody_has(l, of, key))
            lint_error(l, "unknown_step", at, "No process of %s in force has a step `%s`.", of,
                       key);
    } else if (to < l->n && document_part(steps_of(l, to), key, NULL) == NULL) {
        lint_error(l, "unknown_step", at, "The state `%s`, which it leads to, has no step `%s`.",
                   part_text(t, "to"), key);
    }
}

static void judge_actions(struct linting *l, const json_t *t, const char *where)
{
    const json_t *action;
    size_t i;

    json_array_foreach (json_object_get(t, "actions"), i, action) {
        char pointer[POINTER_MAX];

        (void)snprintf(pointer, sizeof(pointer), "%.400s/actions/%zu/params/step", where, i);
        if (is_of_kind(action, "step_done") || is_of_kind(action, "step_open"))
            judge_action(l, t, action, &(struct about){.pointer = pointer, .transition = t});
    }
}

/* who asks */

static bool guards_ask(const json_t *list, const char *key)
{
    const json_t *guard;
    size_t i;

    json_array_foreach (list, i, guard) {
        const json_t *named = json_object_get(json_object_get(guard, "params"), "steps");

        if (is_of_kind(guard, "steps_done") && (named == NULL || names_step(named, key)))
            return true;
        if (guards_ask(json_object_get(guard, "guards"), key))
            return true;
    }
    return false;
}

static bool is_asked_for(const struct linting *l, size_t state, const char *key)
{
    const json_t *t;
    size_t i;

    json_array_foreach (l->transitions, i, t)
        if (leaves_state(l, t, state) && guards_ask(json_object_get(t, "guards"), key))
            return true;
    return false;
}

static void judge_state(struct linting *l, size_t state)
{
    const struct about at = {.state = json_array_get(l->states, state)};
    const json_t *step;
    size_t i;

    json_array_foreach (steps_of(l, state), i, step) {
        char pointer[POINTER_MAX];

        (void)snprintf(pointer, sizeof(pointer), "/states/%zu/steps/%zu", state, i);
        lint_part_names(l, step, pointer, &at);
        lint_people(l, step, pointer, &at);
        if (is_required(step) && !is_asked_for(l, state, part_key(step)))
            lint_warning(
                l, "step_never_asked",
                &(struct about){.pointer = pointer, .state = json_array_get(l->states, state)},
                "No transition that leaves `%s` asks for the step `%s`.",
                part_key(json_array_get(l->states, state)), part_key(step));
    }
}

void lint_steps(struct linting *l)
{
    const json_t *t;
    size_t i;

    for (size_t s = 0; s < l->n; s++)
        judge_state(l, s);
    json_array_foreach (l->transitions, i, t) {
        char where[POINTER_MAX];

        (void)snprintf(where, sizeof(where), "/transitions/%zu", i);
        judge_guards(l, t, json_object_get(t, "guards"), where);
        judge_actions(l, t, where);
    }
}
