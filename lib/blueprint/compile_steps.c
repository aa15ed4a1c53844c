/* the steps of a state */
#include <string.h>

#include "blueprint/compile.h"

const struct state_step *step_find(const struct state *s, const char *key)
{
    for (size_t i = 0; s != NULL && i < s->nsteps; i++)
        if (strcmp(s->steps[i].work.key, key) == 0)
            return &s->steps[i];
    return NULL;
}

static bool compile_step(struct compiler *c, const struct row *row, struct state_step *step)
{
    const json_t *required = json_object_get(row->json, "required");
    struct transition *t = &step->work;

    t->kind = TRANSITION_STEP;
    t->guards = (struct guard){.op = GUARD_ALL};
    if (!compile_key(c, row, "key", &t->key) || !compile_label(c, row, "label", &t->label) ||
        !compile_actors(c, row, &t->actors, &t->nactors) || !compile_inputs(c, row, t))
        return false;
    if (required != NULL && !json_is_boolean(required) && !json_is_null(required))
        return compile_fail(c, "%s/required: must be true or false", row->where);
    step->required = !json_is_false(required);
    if (label_in(&t->label, "en") == NULL)
        t->label.en = t->key;
    return true;
}

bool compile_steps(struct compiler *c, const struct row *row, struct state *s)
{
    struct state_step *steps;
    struct row *rows = NULL;
    size_t n = 0;

    if (!compile_rows(c, row, "steps", BLUEPRINT_STEPS_MAX, &rows, &n))
        return false;
    steps = compile_alloc(c, n, sizeof(*steps));
    if (steps == NULL)
        return false;
    s->steps = steps;
    for (size_t i = 0; i < n; i++) {
        if (!compile_step(c, &rows[i], &steps[i]))
            return false;
        if (step_find(s, steps[i].work.key) != NULL)
            return compile_fail(c, "%s/key: a second step \"%s\"", rows[i].where,
                                steps[i].work.key);
        s->nsteps++;
    }
    return true;
}
