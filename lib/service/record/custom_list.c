/* custom_list - lists filtered and ordered by custom fields.
 *
 * The fragments are those of the query custom_by, named by how a type is indexed and the operator.
 */
#include <stdio.h>
#include <string.h>

#include "asks.gen.h"
#include "blueprint/value.h"
#include "service/record/custom.h"
#include "service/record/record.h"
#include "json/schema.h"

#define FIELDS_MAX 200
#define NAME_MAX_BYTES 128
#define OP_MAX 8
#define PREFIX "custom."
#define PREFIX_LENGTH 7

static const char *column_of(const char *type)
{
    static const char *const rows[][2] = {
        {"integer", "number"},
        {"decimal", "number"},
        {"date", "moment"},
        {"datetime", "moment"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i][0], type) == 0)
            return rows[i][1];
    return "text";
}

static bool is_ours(const char *name)
{
    return strncmp(name, PREFIX, PREFIX_LENGTH) == 0;
}

/* The key that the request orders by, or NULL. */
static const char *sort_key(struct call *c)
{
    const char *sort = call_param_text(c, "sort");

    sort = sort && *sort == '-' ? sort + 1 : sort;
    return sort && is_ours(sort) ? sort + PREFIX_LENGTH : NULL;
}

static size_t count_ours(struct call *c)
{
    const char *name;
    json_t *value;
    size_t n = 0;

    json_object_foreach (c->params, name, value)
        n += is_ours(name);
    return n;
}

enum step custom_list_ask(struct call *c)
{
    if (!count_ours(c) && !sort_key(c))
        return STEP_NEXT;
    custom_ask(c, record_of(c)->entity);
    return STEP_WAIT;
}

static const char *text_of(const json_t *field, const char *name)
{
    return json_string_value(json_object_get(field, name));
}

/* Filters of a bulk come in its body. */
static void refuse(struct call *c, const char *param, const char *code, const char *detail,
                   const char *hint)
{
    if (json_object_get(c->body, "filter")) {
        err_fault(&c->err, ERR_INVALID,
                  (struct fault){.in = "body",
                                 .pointer = arena_printf(&c->arena, "/filter/%s", param),
                                 .code = code,
                                 .detail = detail,
                                 .hint = hint});
        return;
    }
    err_fault(&c->err, ERR_BAD_PARAMETER,
              (struct fault){
                  .in = "query", .pointer = param, .code = code, .detail = detail, .hint = hint});
}

/* The indexed field with this key; NULL with the fault. */
static const json_t *field_of(struct call *c, const json_t *definitions, const char *param,
                              const char *key, size_t n)
{
    const char *names[FIELDS_MAX + 1] = {NULL}, *near;
    const json_t *field;
    size_t i, known = 0;

    json_array_foreach (definitions, i, field) {
        const char *own = text_of(field, "key");

        if (strlen(own) == n && strncmp(own, key, n) == 0) {
            if (json_is_true(json_object_get(field, "indexed")))
                return field;
            refuse(c, param, "not_indexed", "Lists look for indexed custom fields only.",
                   arena_printf(&c->arena,
                                "an administrator has it indexed with PATCH /v1/custom-fields/%s "
                                "{\"indexed\": true}",
                                text_of(field, "id")));
            return NULL;
        }
        if (known < FIELDS_MAX)
            names[known++] = own;
    }
    near = text_nearest(arena_copy(&c->arena, key, n), names);
    refuse(c, param, "unknown", "There is no such custom field.",
           near ? arena_printf(&c->arena, "did you mean \"custom.%s\"?", near) : NULL);
    return NULL;
}

static const struct list_filter *filter_find(const char *name)
{
    char param[NAME_MAX_BYTES];

    (void)snprintf(param, sizeof(param), "%.*s[gt]", (int)(sizeof(param) - sizeof("[gt]")), name);
    for (const struct list_filter *f = list_custom_by.filters; f->param; f++)
        if (strcmp(f->param, param) == 0)
            return f;
    return NULL;
}

static bool is_choice(const json_t *field)
{
    const char *type = text_of(field, "type");

    return strcmp(type, "choice") == 0 || strcmp(type, "multi_choice") == 0;
}

/* Texts of a query become values of the column; what none can be would fail in the database. */
static bool value_fits(const char *type, const char *text)
{
    int64_t whole;
    struct span s = span_of(text);

    if (strcmp(type, "integer") == 0)
        return text_parse_i64(s, &whole);
    if (strcmp(type, "decimal") == 0)
        return schema_format_holds(FORMAT_DECIMAL, text);
    if (strcmp(type, "date") == 0)
        return schema_format_holds(FORMAT_DATE, text);
    if (strcmp(type, "datetime") == 0)
        return schema_format_holds(FORMAT_DATE_TIME, text);
    return strcmp(type, "boolean") != 0 || strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

static const char *choice_hint(struct call *c, const json_t *field, const char *value)
{
    const json_t *choices = json_object_get(field, "choices"), *choice;
    const char **keys = call_alloc(c, (json_array_size(choices) + 1) * sizeof(*keys)), *hint;
    const char *list = "";
    size_t i;

    if (!keys)
        return NULL;
    json_array_foreach (choices, i, choice) {
        keys[i] = json_string_value(choice);
        list = arena_printf(&c->arena, "%s%s%s", list, i ? ", " : "", keys[i]);
    }
    hint = err_suggest(&c->arena, value, keys);
    return hint ? hint : arena_printf(&c->arena, "its choices are %s", list);
}

static void refuse_value(struct call *c, const char *param, const json_t *field, const char *value)
{
    const char *type = text_of(field, "type");

    if (is_choice(field))
        refuse(c, param, "enum",
               arena_printf(&c->arena, "\"%s\" is none of the field's choices.", value),
               choice_hint(c, field, value));
    else
        refuse(
            c, param, "type",
            arena_printf(&c->arena, "\"%s\" is no value of a field of the type %s.", value, type),
            NULL);
}

/* What is greater than one of several, or than each of them, nobody knows. */
static bool takes_many(const char *op)
{
    return strcmp(op, "eq") == 0 || strcmp(op, "ne") == 0 || strcmp(op, "all") == 0;
}

static const char *value_json(struct call *c, const json_t *field, const json_t *texts,
                              const char *op)
{
    json_t *q = keep_json(c, json_object());

    json_object_set(q, "f", json_object_get(field, "id"));
    json_object_set(q, "v", takes_many(op) ? (json_t *)texts : json_array_get(texts, 0));
    return call_json(c, q);
}

/* Of several choices a record may have any or all; any is how values are compared anyway. */
static bool of_several(const json_t *field, char op[OP_MAX])
{
    bool several = strcmp(text_of(field, "type"), "multi_choice") == 0;
    bool any = strcmp(op, "any") == 0;

    if (!any && strcmp(op, "all") != 0)
        return true;
    if (several && any)
        (void)snprintf(op, OP_MAX, "eq");
    return several;
}

/* "custom.seats[gte]": which fragment, with which value. */
static bool read_filter(struct call *c, const json_t *definitions, const char *param,
                        const json_t *texts, struct list_filter *filter, const char **value)
{
    const char *key = param + PREFIX_LENGTH;
    size_t n = strcspn(key, "["), len = strlen(key), i;
    const json_t *field = field_of(c, definitions, param, key, n), *text;
    char name[NAME_MAX_BYTES], op[OP_MAX] = "eq";
    const struct list_filter *found;
    bool null;

    if (!field)
        return false;
    if (key[n] == '[' && (key[len - 1] != ']' || len - n - 2 >= sizeof(op)))
        return refuse(c, param, "unknown", "There is no such operator.", NULL), false;
    if (key[n] == '[')
        (void)snprintf(op, sizeof(op), "%.*s", (int)(len - n - 2), key + n + 1);
    if (!of_several(field, op))
        return refuse(c, param, "unknown", "Only a field of several choices has this operator.",
                      NULL),
               false;
    null = strcmp(op, "null") == 0;
    (void)snprintf(name, sizeof(name), "%s_%s", null ? "any" : column_of(text_of(field, "type")),
                   op);
    found = filter_find(name);
    if (!found)
        return refuse(c, param, "unknown", "The field has no such operator.", NULL), false;
    if (!takes_many(op) && json_array_size(texts) > 1)
        return refuse(c, param, "repeated", "Give it only once.", NULL), false;
    json_array_foreach (texts, i, text)
        if (!value_fits(null ? "boolean" : text_of(field, "type"), json_string_value(text)) ||
            (!null && is_choice(field) &&
             !value_has_key(json_object_get(field, "choices"), json_string_value(text))))
            return refuse_value(c, param, field, json_string_value(text)), false;
    *filter = (struct list_filter){.param = arena_strdup(&c->arena, param),
                                   .before = found->before,
                                   .after = found->after,
                                   .type = found->type};
    *value = value_json(c, field, texts, op);
    return *value != NULL;
}

static void read_sort(struct call *c, const json_t *definitions, struct list_more *more)
{
    const char *key = sort_key(c), *column;
    const json_t *field = key ? field_of(c, definitions, "sort", key, strlen(key)) : NULL;
    struct list_sort *sort = call_alloc(c, sizeof(*sort));

    if (!field || !sort)
        return;
    if (strcmp(text_of(field, "type"), "multi_choice") == 0) {
        refuse(c, "sort", "enum", "A field of several choices has no order.", NULL);
        return;
    }
    column = column_of(text_of(field, "type"));
    for (const struct list_sort *s = list_custom_by.sorts; s->name; s++)
        if (strcmp(s->name, column) == 0)
            *sort = (struct list_sort){.name = arena_printf(&c->arena, PREFIX "%s", key),
                                       .expr = s->expr,
                                       .cast = s->cast};
    more->sort = sort;
    more->descending = *call_param_text(c, "sort") == '-';
    more->join = list_custom_by.includes[0].join;
    more->joined = filter_find("sorted");
    more->join_value = text_of(field, "id");
}

enum step custom_list_read(struct call *c)
{
    size_t n = count_ours(c), i = 0;
    struct list_filter *filters;
    struct list_more *more;
    const char **values;
    json_t *definitions, *texts;
    const char *name;

    if (!n && !sort_key(c))
        return STEP_NEXT;
    definitions = custom_definitions(c, call_result(c, 0));
    more = call_alloc(c, sizeof(*more));
    filters = call_alloc(c, (n + 1) * sizeof(*filters));
    values = call_alloc(c, (n + 1) * sizeof(*values));
    if (!definitions || !more || !filters || !values)
        return STEP_FAIL;
    json_object_foreach (c->params, name, texts)
        if (is_ours(name) && read_filter(c, definitions, name, texts, &filters[i], &values[i]))
            i++;
    filters[i] = (struct list_filter){.param = NULL};
    *more = (struct list_more){.filters = filters, .values = values};
    if (sort_key(c))
        read_sort(c, definitions, more);
    if (c->err.code != ERR_NONE)
        return STEP_FAIL;
    list_more(c, more);
    return STEP_NEXT;
}
