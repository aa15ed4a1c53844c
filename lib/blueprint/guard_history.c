/* visited_state, time_in_state */
#include <string.h>

#include "base/buf.h"
#include "blueprint/guards.h"
#include "blueprint/value.h"

static const char *state_of(const json_t *object)
{
    return json_string_value(json_object_get(object, "state"));
}

static bool is_not(const json_t *params)
{
    return json_is_true(json_object_get(params, "not"));
}

bool visited_state_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    if (blueprint_state(b, state_of(params)) == NULL)
        return buf_printf(why, "/state: unknown state \"%s\"", state_of(params)), false;
    return true;
}

json_t *visited_state_expect(const json_t *params)
{
    return json_pack("{s:s}", is_not(params) ? "not_visited" : "visited", state_of(params));
}

bool visited_state_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v)
{
    const json_t *visits = json_object_get(facts, "visits");
    const char *wanted = state_of(g->params);
    bool visited = false;

    (void)a;
    v->observed = json_array();
    for (size_t i = 0; i < json_array_size(visits); i++) {
        json_t *state = json_object_get(json_array_get(visits, i), "state");

        if (!json_is_string(state) || value_has_key(v->observed, json_string_value(state)))
            continue;
        (void)json_array_append(v->observed, state);
        visited |= strcmp(json_string_value(state), wanted) == 0;
    }
    return visited != is_not(g->params);
}

bool time_in_state_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    const json_t *min = json_object_get(params, "min_seconds"),
                 *max = json_object_get(params, "max_seconds");

    (void)b;
    if (min == NULL && max == NULL)
        return buf_puts(why, ": needs min_seconds or max_seconds"), false;
    if (min != NULL && max != NULL && json_integer_value(min) > json_integer_value(max))
        return buf_puts(why, "/max_seconds: is less than min_seconds"), false;
    return true;
}

json_t *time_in_state_expect(const json_t *params)
{
    return json_incref((json_t *)params);
}

bool time_in_state_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v)
{
    const json_t *min = json_object_get(g->params, "min_seconds");
    const json_t *max = json_object_get(g->params, "max_seconds");
    int64_t now, entered, spent;

    (void)a;
    if (!value_moment(json_object_get(facts, "now"), &now) ||
        !value_moment(json_object_get(facts, "state_entered_at"), &entered)) {
        v->observed = json_null();
        return false;
    }
    spent = now - entered;
    v->observed = json_integer(spent / 1000000);
    /* in microseconds: 59.9 seconds are not a minute, and 60.1 are more than one */
    if (min != NULL && spent / 1000000 < json_integer_value(min))
        return false;
    return max == NULL || (spent + 999999) / 1000000 <= json_integer_value(max);
}
