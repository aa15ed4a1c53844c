/* related_exists, children_closed, duplicate_free, in_segment */
#include <string.h>

#include "base/buf.h"
#include "blueprint/guards.h"
#include "blueprint/value.h"
#include "json/schema.h"

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* what can be asked for, and where facts have it */

static const struct {
    const char *of, *list;
    bool brought; /* new ones may come along with a request */
} things[] = {
    {"activity", "activities", true}, {"task", "tasks", true},
    {"contact", "contacts", false},   {"opportunity", "opportunities", false},
    {"lead", "leads", false},         {"equipment", "equipment", false},
};

static size_t thing_of(const json_t *params)
{
    const char *of = text_of(params, "of");

    for (size_t i = 0; of != NULL && i < sizeof(things) / sizeof(things[0]); i++)
        if (strcmp(things[i].of, of) == 0)
            return i;
    return 0;
}

const char *related_list(const json_t *params)
{
    return things[thing_of(params)].list;
}

bool related_is_brought(const json_t *params)
{
    return things[thing_of(params)].brought;
}

/* conditions */

static bool condition_check(const json_t *condition, size_t i, struct buf *why)
{
    const json_t *value = json_object_get(condition, "value");
    const char *op = guard_op_name(condition), *field = text_of(condition, "field");
    struct buf reason;
    bool fine;

    if (json_object_get(condition, "is") != NULL) {
        if (value == NULL && json_object_get(condition, "op") == NULL)
            return true;
        return buf_printf(why, "/where/%zu: has either \"is\" or \"op\" and \"value\"", i), false;
    }
    if (value == NULL)
        return buf_printf(why, "/where/%zu/value: is required", i), false;
    buf_init(&reason, 4096);
    fine = compared_value_check(op, field, value, &reason);
    if (!fine)
        buf_printf(why, "/where/%zu/value: %s", i, buf_text(&reason));
    buf_done(&reason);
    return fine;
}

bool related_exists_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    const json_t *where = json_object_get(params, "where");
    const json_t *min = json_object_get(params, "min"), *max = json_object_get(params, "max");
    const char *of = text_of(params, "of");

    for (size_t i = 0; i < json_array_size(where); i++)
        if (!condition_check(json_array_get(where, i), i, why))
            return false;
    if (strcmp(of, "lead") == 0 && strcmp(b->entity, "lead") == 0)
        return buf_puts(why, "/of: a lead has no leads"), false;
    if (min != NULL && max != NULL && json_integer_value(min) > json_integer_value(max))
        return buf_puts(why, "/max: is less than min"), false;
    return true;
}

static bool is_form(const char *form, const json_t *value)
{
    if (value_blank(value))
        return false;
    if (strcmp(form, "email") == 0)
        return json_is_string(value) && schema_format_holds(FORMAT_EMAIL, json_string_value(value));
    return true;
}

static bool condition_holds(const json_t *condition, const json_t *item)
{
    const char *field = text_of(condition, "field"), *form = text_of(condition, "is");
    const json_t *value = value_at(item, field);

    if (form != NULL)
        return is_form(form, value);
    return value_holds(guard_op_name(condition), value, json_object_get(condition, "value"),
                       field_is_amount(field));
}

static bool all_hold(const json_t *conditions, const json_t *item)
{
    for (size_t i = 0; i < json_array_size(conditions); i++)
        if (!condition_holds(json_array_get(conditions, i), item))
            return false;
    return true;
}

bool related_exists_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                             struct verdict *v)
{
    const json_t *items = json_object_get(facts, related_list(g->params));
    const json_t *where = json_object_get(g->params, "where");
    const json_t *min = json_object_get(g->params, "min"), *max = json_object_get(g->params, "max");
    bool fresh = json_is_true(json_object_get(g->params, "since_entry"));
    json_int_t count = 0, least = min != NULL || max != NULL ? json_integer_value(min) : 1;

    (void)a;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);

        count += all_hold(where, item) && (!fresh || item_is_fresh(item, facts));
    }
    v->observed = json_integer(count);
    if (max != NULL && count > json_integer_value(max)) {
        v->pointer = NULL; /* bringing more does not help */
        return false;
    }
    return count >= least;
}

/* children */

bool children_closed_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    if (strcmp(text_of(params, "of"), "opportunity") == 0 && strcmp(b->entity, "account") != 0)
        return buf_puts(why, "/of: only an account has opportunities"), false;
    return true;
}

json_t *none_expect(const json_t *params)
{
    (void)params;
    return json_pack("{s:i}", "max", 0);
}

/* An opportunity is at rest in a state of any category but these; a task when nothing is to be
 * done. */
static bool is_unfinished(const json_t *item)
{
    static const char *const living[] = {"open", "postponed"};
    const char *category = text_of(item, "stage_category"), *status = text_of(item, "status");

    for (size_t i = 0; category != NULL && i < sizeof(living) / sizeof(living[0]); i++)
        if (strcmp(category, living[i]) == 0)
            return true;
    return status != NULL && strcmp(status, "open") == 0;
}

bool children_closed_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                              struct verdict *v)
{
    const json_t *items = json_object_get(facts, related_list(g->params));
    json_int_t count = 0;

    (void)a;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);

        count += json_object_get(item, "pointer") == NULL && is_unfinished(item);
    }
    v->observed = json_integer(count);
    v->pointer = NULL;
    return count == 0;
}

/* duplicates */

bool duplicate_free_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    (void)params;
    if (strcmp(b->entity, "opportunity") == 0)
        return buf_puts(why, ": an opportunity has no tax number, e-mail or phone"), false;
    return true;
}

bool duplicate_free_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                             struct verdict *v)
{
    json_int_t count = json_integer_value(json_object_get(facts, "duplicates"));

    (void)g;
    (void)a;
    v->observed = json_integer(count);
    return count == 0;
}

/* segments */

/* Of a record that is still to be born nothing is known: neither holds. */
bool in_segment_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                         struct verdict *v)
{
    const json_t *segments = json_object_get(facts, "segments"), *key;
    const char *wanted = text_of(g->params, "segment");
    bool member = false;
    size_t i;

    (void)a;
    json_array_foreach (segments, i, key)
        member = member || strcmp(json_string_value(key), wanted) == 0;
    v->observed = segments != NULL ? json_boolean(member) : json_null();
    return segments != NULL && member != json_is_true(json_object_get(g->params, "not"));
}
