/* field_present, field_compare, related_field */
#include <string.h>

#include "base/buf.h"
#include "blueprint/guards.h"
#include "blueprint/value.h"

const char *guard_op_name(const json_t *params)
{
    const char *op = json_string_value(json_object_get(params, "op"));

    return op != NULL ? op : "eq";
}

static const char *field_of(const json_t *params)
{
    return json_string_value(json_object_get(params, "field"));
}

/* Money is text, and the only text that is a number. */
bool field_is_amount(const char *field)
{
    const char *dot = strrchr(field, '.');

    return strcmp(dot != NULL ? dot + 1 : field, "amount") == 0;
}

json_t *field_present_expect(const json_t *params)
{
    (void)params;
    return json_string("a value");
}

bool field_present_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v)
{
    json_t *value = value_at(json_object_get(facts, "record"), field_of(g->params));

    (void)a;
    v->observed = value_ref(value);
    return !value_blank(value);
}

static bool check_scalar(const json_t *value, const char *op, bool amount, struct buf *why)
{
    if (json_is_array(value) || json_is_object(value) || json_is_null(value))
        return buf_puts(why, "must be a string, a number or a boolean"), false;
    if (op_orders(op) && json_is_boolean(value))
        return buf_printf(why, "a boolean has no order, \"%s\" needs a number, a date or a text",
                          op),
               false;
    if (amount && json_is_boolean(value))
        return buf_puts(why, "an amount is compared with a number"), false;
    if (amount && json_is_string(value) && !text_is_number(json_string_value(value)))
        return buf_puts(why, "an amount is compared with a decimal number"), false;
    return true;
}

bool compared_value_check(const char *op, const char *field, const json_t *value, struct buf *why)
{
    bool amount = field_is_amount(field);

    if (!op_takes_list(op))
        return check_scalar(value, op, amount, why);
    if (!json_is_array(value))
        return buf_printf(why, "\"%s\" needs a list", op), false;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!check_scalar(json_array_get(value, i), op, amount, why))
            return false;
    return true;
}

bool field_compare_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    (void)b;
    buf_puts(why, "/value: ");
    return compared_value_check(guard_op_name(params), field_of(params),
                                json_object_get(params, "value"), why);
}

bool related_field_check(const json_t *params, const struct blueprint *b, struct buf *why)
{
    if (strchr(field_of(params), '.') == NULL)
        return buf_puts(why, "/field: needs the related record and its field, as in "
                             "\"account.verification\""),
               false;
    return field_compare_check(params, b, why);
}

json_t *field_compare_expect(const json_t *params)
{
    json_t *shown = json_object_get(params, "aim");
    const char *op = guard_op_name(params);
    json_t *comparison;

    if (shown != NULL)
        return json_incref(shown);
    shown = json_object_get(params, "value");
    if (strcmp(op, "eq") == 0)
        return json_incref(shown);
    comparison = json_object();
    (void)json_object_set(comparison, op, shown);
    return comparison;
}

static bool compare_at(const struct guard *g, const json_t *object, struct verdict *v)
{
    const char *field = field_of(g->params);
    json_t *value = value_at(object, field);

    v->observed = value_ref(value);
    return value_holds(guard_op_name(g->params), value, json_object_get(g->params, "value"),
                       field_is_amount(field));
}

bool field_compare_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v)
{
    (void)a;
    return compare_at(g, json_object_get(facts, "record"), v);
}

bool related_field_evaluate(const struct guard *g, const json_t *facts, struct arena *a,
                            struct verdict *v)
{
    (void)a;
    return compare_at(g, json_object_get(facts, "related"), v);
}
