#include "blueprint/custom.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "blueprint/pattern.h"
#include "blueprint/value.h"
#include "json/schema.h"

#define TEXT_MAX 500
#define LONG_TEXT_MAX 20000
#define WHY_MAX 1024

static const struct {
    const char *type;
    enum schema_kind kind;
    enum schema_format format;
    size_t max_length; /* 0: it has none of its own */
    const char *input;
} types[] = {
    {"text", SCHEMA_STRING, FORMAT_NONE, TEXT_MAX, "text"},
    {"long_text", SCHEMA_STRING, FORMAT_NONE, LONG_TEXT_MAX, "text"},
    {"integer", SCHEMA_INTEGER, FORMAT_NONE, 0, "integer"},
    {"decimal", SCHEMA_STRING, FORMAT_DECIMAL, 0, "decimal"},
    {"boolean", SCHEMA_BOOLEAN, FORMAT_NONE, 0, "boolean"},
    {"date", SCHEMA_STRING, FORMAT_DATE, 0, "date"},
    {"datetime", SCHEMA_STRING, FORMAT_DATE_TIME, 0, "date_time"},
    {"choice", SCHEMA_STRING, FORMAT_NONE, 0, "choice"},
    {"multi_choice", SCHEMA_ARRAY, FORMAT_NONE, 0, "list"},
    {"url", SCHEMA_STRING, FORMAT_URI, TEXT_MAX, "uri"},
    {"email", SCHEMA_STRING, FORMAT_EMAIL, TEXT_MAX, "email"},
    {"phone", SCHEMA_STRING, FORMAT_NONE, 40, "text"},
    {"user", SCHEMA_STRING, FORMAT_UUID, 0, "user"},
};

#define NTYPES (sizeof(types) / sizeof(types[0]))

static const char *text_of(const json_t *field, const char *name)
{
    return json_string_value(json_object_get(field, name));
}

/* A bound may come as a number or, from numeric, as a real. */
static bool bound_of(const json_t *field, const char *name, double *ret)
{
    const json_t *v = json_object_get(field, name);

    *ret = json_number_value(v);
    return json_is_number(v);
}

static size_t type_of(const json_t *field)
{
    const char *type = text_of(field, "type");
    size_t i = 0;

    while (i < NTYPES && (type == NULL || strcmp(types[i].type, type) != 0))
        i++;
    return i;
}

static const char *const *choices_of(struct arena *a, const json_t *field)
{
    const json_t *list = json_object_get(field, "choices");
    const char **words = arena_alloc(a, (json_array_size(list) + 1) * sizeof(*words));

    for (size_t i = 0; words != NULL && i < json_array_size(list); i++)
        words[i] = arena_strdup(a, json_string_value(json_array_get(list, i)));
    if (words != NULL)
        words[json_array_size(list)] = NULL;
    return words;
}

static bool fill(struct arena *a, const json_t *field, struct schema *s)
{
    const char *type = text_of(field, "type");
    size_t i = type_of(field);
    double bound;

    if (i == NTYPES)
        return false;
    *s = (struct schema){
        .kind = types[i].kind, .format = types[i].format, .max_length = types[i].max_length};
    if (s->kind == SCHEMA_INTEGER) {
        s->has_min = bound_of(field, "minimum", &s->min);
        s->has_max = bound_of(field, "maximum", &s->max);
    }
    if (bound_of(field, "min_length", &bound))
        s->min_length = (size_t)bound;
    if (bound_of(field, "max_length", &bound))
        s->max_length = (size_t)bound;
    if (strcmp(type, "choice") == 0)
        s->values = choices_of(a, field);
    if (s->kind == SCHEMA_ARRAY) {
        struct schema *item = arena_alloc(a, sizeof(*item));

        if (item == NULL)
            return false;
        *item = (struct schema){.kind = SCHEMA_STRING, .values = choices_of(a, field)};
        s->items = item;
    }
    return true;
}

const struct schema *custom_schema(struct arena *a, const json_t *definitions, bool whole)
{
    size_t n = json_array_size(definitions), i;
    struct schema_member *members = arena_alloc(a, (n + 1) * sizeof(*members));
    struct schema *all = arena_alloc(a, (n + 1) * sizeof(*all));
    const json_t *field;

    if (members == NULL || all == NULL)
        return NULL;
    json_array_foreach (definitions, i, field) {
        bool required = json_is_true(json_object_get(field, "required"));

        if (!fill(a, field, &all[i + 1]))
            return NULL;
        all[i + 1].nullable = !required;
        members[i] = (struct schema_member){.name = arena_strdup(a, text_of(field, "key")),
                                            .schema = &all[i + 1],
                                            .required = required && whole,
                                            .access = ACCESS_WRITE};
    }
    members[n] = (struct schema_member){.name = NULL};
    all[0] = (struct schema){.kind = SCHEMA_OBJECT, .members = members, .nullable = !whole};
    return &all[0];
}

/* what a field table cannot say */

static bool add_fault(struct err *e, const char *base, const char *key, const char *code,
                      const char *detail)
{
    return err_fault(e, ERR_INVALID,
                     (struct fault){.in = "body",
                                    .pointer = arena_printf(e->arena, "%s/%s", base, key),
                                    .code = code,
                                    .detail = detail});
}

static double number_of(const json_t *v)
{
    return json_is_string(v) ? strtod(json_string_value(v), NULL) : json_number_value(v);
}

static void check_range(const json_t *field, const json_t *v, const char *base, struct err *e)
{
    double min, max, n = number_of(v);
    bool has_min = bound_of(field, "minimum", &min), has_max = bound_of(field, "maximum", &max);
    const char *detail;

    if ((!has_min || n >= min) && (!has_max || n <= max))
        return;
    if (has_min && has_max)
        detail = arena_printf(e->arena, "Send a number from %.15g to %.15g.", min, max);
    else
        detail = arena_printf(e->arena, "Send a number that is at %s %.15g.",
                              has_min ? "least" : "most", has_min ? min : max);
    add_fault(e, base, text_of(field, "key"), "range", detail);
}

/* A phone number as people write it: the rules of countries are not ours. */
static bool is_phone(const char *text)
{
    size_t digits = 0;

    for (const char *p = text; *p; p++) {
        digits += *p >= '0' && *p <= '9';
        if (strchr("0123456789 ()-./", *p) == NULL && !(*p == '+' && p == text))
            return false;
    }
    return digits >= 3;
}

static void check_twins(const json_t *field, const json_t *v, const char *base, struct err *e)
{
    for (size_t i = 0; i < json_array_size(v); i++)
        for (size_t k = 0; k < i; k++)
            if (json_equal(json_array_get(v, i), json_array_get(v, k))) {
                add_fault(e, base, text_of(field, "key"), "repeated",
                          "Name each of the choices once.");
                return;
            }
}

static void check_pattern(const json_t *field, const json_t *v, const char *base, struct err *e)
{
    const char *text = text_of(field, "pattern");
    const struct pattern *p;
    struct buf why;

    if (text == NULL || !json_is_string(v))
        return;
    buf_init(&why, WHY_MAX);
    p = pattern_compile(text, e->arena, &why);
    buf_done(&why);
    if (p == NULL || !pattern_matches(p, json_string_value(v)))
        add_fault(e, base, text_of(field, "key"), "pattern",
                  arena_printf(e->arena, "Send a text that matches %s.", text));
}

static void check_more(const json_t *field, const json_t *v, const char *base, struct err *e)
{
    const char *type = text_of(field, "type");

    if (strcmp(type, "decimal") == 0)
        check_range(field, v, base, e);
    if (strcmp(type, "phone") == 0 && !is_phone(json_string_value(v)))
        add_fault(e, base, text_of(field, "key"), "format", "Send a phone number.");
    if (strcmp(type, "multi_choice") == 0)
        check_twins(field, v, base, e);
    check_pattern(field, v, base, e);
}

bool custom_check(const json_t *definitions, const json_t *values, const char *base, bool whole,
                  struct err *e)
{
    const struct schema *s = custom_schema(e->arena, definitions, whole);
    json_t *none = values != NULL ? NULL : json_object();
    unsigned before = e->nfaults;
    const json_t *field;
    size_t i;

    if (s == NULL) {
        json_decref(none);
        return err_set(e, ERR_INTERNAL, NULL);
    }
    (void)schema_check(s, values != NULL ? values : none, base, e);
    json_decref(none);
    json_array_foreach (definitions, i, field) {
        const char *key = text_of(field, "key");
        const json_t *v = json_object_get(values, key);
        struct err own; /* a value of another kind has its fault already */
        const struct schema_member *m = &s->members[i];

        err_init(&own, e->arena);
        if (v != NULL && !json_is_null(v) && schema_check(m->schema, v, "", &own))
            check_more(field, v, base, e);
    }
    return e->nfaults == before;
}

bool custom_value_check(const json_t *definition, const json_t *value, const char *base,
                        struct err *e)
{
    json_t *one = json_pack("[O]", definition);
    json_t *values = json_pack("{s:O}", text_of(definition, "key"), value);
    bool fine = one != NULL && values != NULL;

    fine = fine ? custom_check(one, values, base, false, e) : err_set(e, ERR_INTERNAL, NULL);
    json_decref(one);
    json_decref(values);
    return fine;
}

const char *custom_key(const char *path)
{
    static const char prefix[] = "custom.";

    return strncmp(path, prefix, sizeof(prefix) - 1) == 0 ? path + sizeof(prefix) - 1 : NULL;
}

const json_t *custom_definition(const json_t *definitions, const char *key)
{
    const json_t *field;
    size_t i;

    json_array_foreach (definitions, i, field)
        if (strcmp(text_of(field, "key"), key) == 0)
            return field;
    return NULL;
}

const char *custom_input_type(const json_t *definition)
{
    size_t i = type_of(definition);

    return i < NTYPES ? types[i].input : "any";
}

/* what guards and rules compare with */

static bool is_type(const json_t *field, const char *const *of)
{
    while (*of != NULL && strcmp(*of, text_of(field, "type")) != 0)
        of++;
    return *of != NULL;
}

/* What is compared with a field of a type: a text of the kind, a number, one of the choices. */
const char *custom_value_fault(const json_t *field, const json_t *value)
{
    static const char *const numbers[] = {"integer", "decimal", NULL};
    static const char *const choices[] = {"choice", "multi_choice", NULL};
    const char *text = json_string_value(value);

    if (is_type(field, numbers))
        return json_is_number(value) ? NULL : "it is compared with a number";
    if (strcmp(text_of(field, "type"), "boolean") == 0)
        return json_is_boolean(value) ? NULL : "it is compared with true or false";
    if (text == NULL)
        return "it is compared with a string";
    if (strcmp(text_of(field, "type"), "date") == 0)
        return text_is_date(text) ? NULL : "it is compared with a date as in 2026-12-31";
    if (strcmp(text_of(field, "type"), "datetime") == 0)
        return text_is_date(text) || text_is_date_time(text)
                   ? NULL
                   : "it is compared with a time as in 2026-12-31T08:00:00Z";
    if (is_type(field, choices) && !value_has_key(json_object_get(field, "choices"), text))
        return "that is none of its choices";
    return NULL;
}

const char *custom_op_fault(const json_t *field, const char *op)
{
    static const char *const unordered[] = {"boolean", "choice", "user", NULL};
    bool several = strcmp(text_of(field, "type"), "multi_choice") == 0;

    if (several && !op_takes_several(op))
        return "of several choices one asks whether it has_any or has_all of a list";
    if (!several && op_takes_several(op))
        return "only a field of several choices has_any or has_all of a list";
    if (op_orders(op) && is_type(field, unordered))
        return "its values have no order";
    return NULL;
}

bool custom_pattern_check(const char *pattern, struct arena *a, struct buf *why)
{
    return pattern_compile(pattern, a, why) != NULL;
}
