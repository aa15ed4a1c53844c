/* field_changed, matches, checklist_complete, working_time, score_at_least */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "blueprint/custom.h"
#include "blueprint/guards.h"
#include "blueprint/pattern.h"
#include "blueprint/value.h"

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* field_changed */

json_t *field_changed_expect(const json_t *params)
{
    return json_pack("{s:b}", "changed", !json_is_true(json_object_get(params, "not")));
}

bool field_changed_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v)
{
    const json_t *changed = json_object_get(facts, "changed_since_entry");
    const char *field = text_of(g->params, "field");
    /* money changes as a whole, custom fields one by one */
    size_t n = custom_key(field) != NULL ? strlen(field) : strcspn(field, ".");
    bool found = false;

    (void)a;
    for (size_t i = 0; i < json_array_size(changed); i++) {
        const char *name = json_string_value(json_array_get(changed, i));

        found |= name != NULL && strncmp(name, field, n) == 0 && name[n] == '\0';
    }
    v->observed = json_boolean(found);
    return found != json_is_true(json_object_get(g->params, "not"));
}

/* matches */

bool matches_prepare(struct guard *g, const struct blueprint *b, const struct transition *t,
                     struct arena *a, struct buf *why)
{
    (void)b;
    (void)t;
    buf_puts(why, "/pattern: ");
    g->prepared = pattern_compile(text_of(g->params, "pattern"), a, why);
    return g->prepared != NULL;
}

json_t *matches_expect(const json_t *params)
{
    return json_pack("{s:O}", "pattern", json_object_get(params, "pattern"));
}

bool matches_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                      struct verdict *v)
{
    json_t *value = value_at(json_object_get(facts, "record"), text_of(g->params, "field"));

    (void)a;
    v->observed = value_ref(value);
    return !value_blank(value) && json_is_string(value) &&
           pattern_matches(g->prepared, json_string_value(value));
}

/* checklist_complete */

json_t *checklist_complete_expect(const json_t *params)
{
    json_t *items = json_object_get(params, "items"), *list;

    if (json_is_array(items))
        return json_incref(items);
    list = json_array();
    (void)json_array_append(list, items);
    return list;
}

bool item_is_ticked(const json_t *list, const char *item)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *tick = json_array_get(list, i);
        const char *name = json_is_object(tick) ? text_of(tick, "item") : json_string_value(tick);

        if (name == NULL || strcmp(name, item) != 0)
            continue;
        return !json_is_object(tick) || json_is_true(json_object_get(tick, "done"));
    }
    return false;
}

static bool was_ticked(const json_t *facts, const char *item, bool fresh)
{
    const json_t *ticks = json_object_get(facts, "ticks");

    for (size_t i = 0; i < json_array_size(ticks); i++) {
        const json_t *tick = json_array_get(ticks, i);
        const char *name = text_of(tick, "item");

        if (name != NULL && strcmp(name, item) == 0 && (!fresh || item_is_fresh(tick, facts)))
            return true;
    }
    return false;
}

bool checklist_complete_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                                 struct verdict *v)
{
    const json_t *brought = json_object_get(facts, "checklist");
    bool fresh = json_is_true(json_object_get(g->params, "since_entry"));

    (void)a;
    v->observed = json_array();
    for (size_t i = 0; i < json_array_size(g->expected); i++) {
        json_t *item = json_array_get(g->expected, i);
        const char *name = json_string_value(item);

        if (item_is_ticked(brought, name) || was_ticked(facts, name, fresh))
            (void)json_array_append(v->observed, item);
    }
    return json_array_size(v->observed) == json_array_size(g->expected);
}

/* working_time */

json_t *params_expect(const json_t *params)
{
    return json_incref((json_t *)params);
}

/* Shows when it opens again. A calendar that is not there is never open. */
bool working_time_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                           struct verdict *v)
{
    const json_t *calendar =
        json_object_get(json_object_get(facts, "calendars"), text_of(g->params, "calendar"));
    bool open = json_is_true(json_object_get(calendar, "open"));

    (void)a;
    v->observed = open ? json_true() : value_ref(json_object_get(calendar, "opens_at"));
    return open;
}

/* score_at_least */

bool score_at_least_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    (void)params;
    if (strcmp(b->entity, "lead") != 0)
        return buf_printf(why, ": only leads have a score, not a record of the kind \"%s\"",
                          b->entity),
               false;
    return true;
}

json_t *score_at_least_expect(const json_t *params)
{
    return json_pack("{s:O}", "gte", json_object_get(params, "min"));
}

bool score_at_least_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                             struct verdict *v)
{
    json_t *score = json_object_get(json_object_get(facts, "record"), "score");

    (void)a;
    v->observed = json_is_number(score) ? json_incref(score) : json_integer(0);
    return value_holds("gte", v->observed, json_object_get(g->params, "min"), false);
}
