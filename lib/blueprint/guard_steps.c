/* steps_done: that work inside the present state is done */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "blueprint/guards.h"
#include "blueprint/value.h"

bool steps_done_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    const json_t *steps = json_object_get(params, "steps"), *min = json_object_get(params, "min");
    size_t n = json_is_array(steps) ? json_array_size(steps) : 1;

    (void)b;
    if (min != NULL && json_integer_value(min) == 0)
        return buf_puts(why, "/min: must be at least 1"), false;
    if (steps != NULL && min != NULL && (size_t)json_integer_value(min) > n)
        return buf_puts(why, "/min: is more than the steps that are named"), false;
    return true;
}

bool steps_done_prepare(struct guard *g, const struct blueprint *b, const struct transition *t,
                        struct arena *a, struct buf *why)
{
    (void)t;
    (void)a;
    (void)why;
    g->prepared = b;
    return true;
}

json_t *steps_done_expect(const json_t *params)
{
    json_t *steps = json_object_get(params, "steps"), *min = json_object_get(params, "min");
    json_t *expected = json_object(), *list;

    if (json_is_string(steps)) {
        list = json_array();
        (void)json_array_append(list, steps);
        (void)json_object_set_new(expected, "steps", list);
    } else if (steps != NULL) {
        (void)json_object_set(expected, "steps", steps);
    } else {
        (void)json_object_set_new(expected, "steps", json_string("required"));
    }
    if (min != NULL)
        (void)json_object_set(expected, "min", min);
    return expected;
}

const json_t *step_done(const json_t *facts, const char *key)
{
    const json_t *list = json_object_get(facts, "steps"), *entry;
    size_t i;

    json_array_foreach (list, i, entry)
        if (value_has_key(json_object_get(entry, "key"), key))
            return entry;
    return NULL;
}

const char *steps_address(const struct blueprint *b, const json_t *facts, struct arena *a)
{
    static const struct {
        const char *entity, *address;
    } collections[] = {
        {"lead", "leads"}, {"account", "accounts"}, {"opportunity", "opportunities"}};
    const char *id = json_string_value(value_at(json_object_get(facts, "record"), "id"));

    for (size_t i = 0;
         id != NULL && b->entity != NULL && i < sizeof(collections) / sizeof(collections[0]); i++)
        if (strcmp(collections[i].entity, b->entity) == 0)
            return arena_printf(a, "/v1/%s/%s/steps", collections[i].address, id);
    return NULL;
}

static bool is_wanted(const json_t *named, const struct state_step *step)
{
    return named != NULL ? value_has_key(named, step->work.key) : step->required;
}

bool steps_done_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                         struct verdict *v)
{
    const struct blueprint *b = g->prepared;
    const char *key = json_string_value(json_object_get(facts, "state"));
    const struct state *s = key != NULL ? blueprint_state(b, key) : NULL;
    const json_t *named = json_object_get(g->params, "steps");
    const json_t *min = json_object_get(g->params, "min");
    const struct state_step **open =
        arena_alloc(a, (BLUEPRINT_STEPS_MAX + 1) * sizeof(struct state_step *));
    size_t wanted = named == NULL ? 0 : json_is_array(named) ? json_array_size(named) : 1;

    v->observed = json_array();
    for (size_t i = 0; open != NULL && s != NULL && i < s->nsteps; i++) {
        const struct state_step *step = &s->steps[i];

        if (!is_wanted(named, step))
            continue;
        wanted += named == NULL;
        if (step_done(facts, step->work.key) != NULL)
            (void)json_array_append_new(v->observed, json_string(step->work.key));
        else
            open[v->nopen++] = step;
    }
    v->open = open;
    v->steps_at = steps_address(b, facts, a);
    return json_array_size(v->observed) >= (min != NULL ? (size_t)json_integer_value(min) : wanted);
}
