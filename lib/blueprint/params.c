#include "blueprint/params.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "blueprint/custom.h"
#include "blueprint/value.h"
#include "json/out.h"

#define KEY_MAX 63
#define FIELD_MAX 150
#define LIST_MAX 1000
#define PARAMS_MAX 16
#define PATTERN_MAX 200
#define WHERE_MAX 20

static size_t key_length(const char *text)
{
    if (*text < 'a' || *text > 'z')
        return 0;
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

bool text_is_key(const char *text)
{
    size_t n = key_length(text);

    return n > 0 && n <= KEY_MAX && text[n] == '\0';
}

static bool text_is_field(const char *text)
{
    size_t n;

    if (strlen(text) > FIELD_MAX)
        return false;
    for (;; text += n + 1) {
        n = key_length(text);
        if (n == 0)
            return false;
        if (text[n] == '\0')
            return true;
        if (text[n] != '.')
            return false;
    }
}

void pointer_add(struct buf *b, const char *name)
{
    buf_putc(b, '/');
    for (; *name != '\0'; name++) {
        if (*name == '~')
            buf_puts(b, "~0");
        else if (*name == '/')
            buf_puts(b, "~1");
        else
            buf_putc(b, *name);
    }
}

void names_add(struct buf *b, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++)
        buf_printf(b, "%s%s", i > 0 ? ", " : "", names[i]);
}

/* types */

static bool is_field(const json_t *v)
{
    return json_is_string(v) && text_is_field(json_string_value(v));
}

static bool is_key(const json_t *v)
{
    return json_is_string(v) && text_is_key(json_string_value(v));
}

static bool is_actor(const json_t *v)
{
    static const char prefix[] = "transition:";
    const char *text = json_string_value(v);

    if (text == NULL)
        return false;
    if (strncmp(text, prefix, sizeof(prefix) - 1) == 0)
        return text_is_key(text + sizeof(prefix) - 1);
    return text_is_field(text);
}

static bool is_integer(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool is_boolean(const json_t *v)
{
    return json_is_boolean(v);
}

static bool is_scalar(const json_t *v)
{
    return json_is_string(v) || json_is_number(v) || json_is_boolean(v);
}

static bool is_string(const json_t *v)
{
    return json_is_string(v);
}

static bool is_list(const json_t *v, bool (*is)(const json_t *))
{
    size_t n = json_array_size(v);

    if (!json_is_array(v) || n == 0 || n > LIST_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is(json_array_get(v, i)))
            return false;
    return true;
}

static bool is_keys(const json_t *v)
{
    return is_key(v) || is_list(v, is_key);
}

static bool is_value(const json_t *v)
{
    return is_scalar(v) || is_list(v, is_scalar);
}

static bool is_strings(const json_t *v)
{
    return is_list(v, is_string);
}

static bool is_text(const json_t *v)
{
    return json_is_string(v) && !value_blank(v);
}

static bool is_object(const json_t *v)
{
    return json_is_object(v);
}

/* Reads digits and one of @units in order; each at most once. Returns where it stopped. */
static const char *read_units(const char *text, const char *units)
{
    for (; *units != '\0'; units++) {
        size_t n = strspn(text, "0123456789");

        if (n > 0 && n <= 6 && text[n] == *units)
            text += n + 1;
    }
    return text;
}

static bool is_duration(const json_t *v)
{
    const char *text = json_string_value(v), *date, *time;

    if (text == NULL || text[0] != 'P')
        return false;
    date = read_units(text + 1, "D");
    if (*date == '\0')
        return date != text + 1;
    if (*date != 'T')
        return false;
    time = read_units(date + 1, "HMS");
    return *time == '\0' && time != date + 1;
}

static bool is_pattern(const json_t *v)
{
    const char *text = json_string_value(v);

    return text != NULL && text[0] != '\0' && text_utf8_length(text, strlen(text)) <= PATTERN_MAX;
}

static bool is_condition(const json_t *v)
{
    static const char *const members[] = {"field", "op", "value", "is", NULL};
    const char *name, *is = json_string_value(json_object_get(v, "is"));
    const json_t *op = json_object_get(v, "op"), *value = json_object_get(v, "value");
    json_t *member;

    json_object_foreach ((json_t *)v, name, member) {
        size_t i = 0;

        while (members[i] != NULL && strcmp(members[i], name) != 0)
            i++;
        if (members[i] == NULL)
            return false;
    }
    if (json_object_get(v, "is") != NULL &&
        (is == NULL || (strcmp(is, "present") != 0 && strcmp(is, "email") != 0)))
        return false;
    for (size_t i = 0; op != NULL; i++) {
        if (value_ops[i] == NULL || !json_is_string(op))
            return false;
        if (strcmp(value_ops[i], json_string_value(op)) == 0)
            break;
    }
    return is_field(json_object_get(v, "field")) && (value == NULL || is_value(value));
}

static bool is_where(const json_t *v)
{
    return json_array_size(v) <= WHERE_MAX && is_list(v, is_condition);
}

/* A member of the record, or one of its custom fields: their object is not filled as one. */
static bool is_member(const json_t *v)
{
    const char *text = json_string_value(v), *key = text != NULL ? custom_key(text) : NULL;

    if (key != NULL)
        return text_is_key(key);
    return is_key(v) && strcmp(text, "custom") != 0;
}

/* Whether the amount is one is the field's to say. */
static bool is_settable(const json_t *v)
{
    return is_scalar(v) || (json_is_array(v) && (json_array_size(v) == 0 || is_strings(v))) ||
           (json_object_size(v) == 2 && json_is_string(json_object_get(v, "amount")) &&
            json_is_string(json_object_get(v, "currency")));
}

#define KEY_SCHEMA "{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9_]*$\"}"
#define FIELD_PATTERN "\"^[a-z][a-z0-9_]*(\\\\.[a-z][a-z0-9_]*)*$\""
#define SCALAR_SCHEMA "{\"type\":[\"string\",\"number\",\"boolean\"]}"
#define MONEY_SCHEMA                                                                               \
    "{\"type\":\"object\",\"required\":[\"amount\",\"currency\"],\"properties\":{\"amount\":{"     \
    "\"type\":"                                                                                    \
    "\"string\"},\"currency\":{\"type\":\"string\"}},\"additionalProperties\":false}"
#define VALUE_SCHEMA "{\"oneOf\":[" SCALAR_SCHEMA "," LIST_OF(SCALAR_SCHEMA) "]}"
#define CONDITION_SCHEMA                                                                           \
    "{\"type\":\"object\",\"required\":[\"field\"],\"properties\":{\"field\":{\"type\":"           \
    "\"string\",\"pattern\":" FIELD_PATTERN                                                        \
    "},\"op\":{\"enum\":[\"eq\",\"ne\",\"lt\",\"lte\",\"gt\",\"gte\",\"in\",\"not_in\","           \
    "\"has_any\",\"has_all\"]},"                                                                   \
    "\"value\":" VALUE_SCHEMA                                                                      \
    ",\"is\":{\"enum\":[\"present\",\"email\"]}},\"additionalProperties\":false}"
#define LIST_OF(schema) "{\"type\":\"array\",\"items\":" schema ",\"minItems\":1}"

static const struct type {
    bool (*is)(const json_t *v);
    const char *words;
    const char *schema;
} types[] = {
    [PARAM_FIELD] = {is_field, "the name of a field, as in \"industry\" or \"amount.amount\"",
                     "{\"type\":\"string\",\"pattern\":" FIELD_PATTERN "}"},
    [PARAM_RELATED] = {is_field, "a field of a related record, as in \"account.verification\"",
                       "{\"type\":\"string\",\"pattern\":" FIELD_PATTERN "}"},
    [PARAM_KEY] = {is_key, "a key of lower-case letters, digits and underscores", KEY_SCHEMA},
    [PARAM_KEYS] = {is_keys, "a key or a list of keys",
                    "{\"oneOf\":[" KEY_SCHEMA "," LIST_OF(KEY_SCHEMA) "]}"},
    [PARAM_ACTOR] = {is_actor, "\"creator\", \"transition:<key>\" or the name of a field",
                     "{\"type\":\"string\"}"},
    [PARAM_INTEGER] = {is_integer, "an integer, 0 or more", "{\"type\":\"integer\",\"minimum\":0}"},
    [PARAM_BOOLEAN] = {is_boolean, "true or false", "{\"type\":\"boolean\"}"},
    [PARAM_SCALAR] = {is_scalar, "a string, a number or a boolean", SCALAR_SCHEMA},
    [PARAM_VALUE] = {is_value, "a string, a number, a boolean, or a list of them", VALUE_SCHEMA},
    [PARAM_STRINGS] = {is_strings, "a list of strings", LIST_OF("{\"type\":\"string\"}")},
    [PARAM_TEXT] = {is_text, "a text", "{\"type\":\"string\",\"minLength\":1}"},
    [PARAM_OBJECT] = {is_object, "an object", "{\"type\":\"object\"}"},
    [PARAM_SETTABLE] = {is_settable,
                        "a string, a number, a boolean, a list of strings, or money as in "
                        "{\"amount\":\"10.00\",\"currency\":\"PLN\"}",
                        "{\"oneOf\":[" SCALAR_SCHEMA
                        ",{\"type\":\"array\",\"items\":{\"type\":\"string\"}}," MONEY_SCHEMA "]}"},
    [PARAM_MEMBER] = {is_member, "a field of the record, or a custom one as in \"custom.seats\"",
                      "{\"type\":\"string\",\"pattern\":\"^(custom\\\\.)?[a-z][a-z0-9_]*$\"}"},
    [PARAM_DURATION] = {is_duration, "a duration as in \"P2D\" or \"PT4H30M\"",
                        "{\"type\":\"string\",\"format\":\"duration\"}"},
    [PARAM_PATTERN] =
        {is_pattern, "a regular expression of at most 200 characters",
         "{\"type\":\"string\",\"format\":\"regex\",\"minLength\":1,\"maxLength\":200}"},
    [PARAM_WHERE] = {is_where,
                     "a list of conditions as in {\"field\":\"email\",\"is\":\"email\"} or "
                     "{\"field\":\"role\",\"op\":\"eq\",\"value\":\"buyer\"}",
                     LIST_OF(CONDITION_SCHEMA)},
};

/* checking */

static const struct param *param_find(const struct param *table, const char *name)
{
    for (; table->name != NULL; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

static bool unknown(const struct param *table, const char *name, struct buf *why)
{
    const char *names[PARAMS_MAX + 1] = {NULL};
    const char *nearest;

    for (size_t i = 0; i < PARAMS_MAX && table[i].name != NULL; i++)
        names[i] = table[i].name;
    nearest = text_nearest(name, names);
    pointer_add(why, name);
    buf_puts(why, ": unknown parameter");
    if (nearest != NULL) {
        buf_printf(why, ", did you mean \"%s\"?", nearest);
    } else if (names[0] != NULL) {
        buf_puts(why, "; there are ");
        names_add(why, names);
    }
    return false;
}

static bool allowed(const struct param *p, const json_t *v, struct buf *why)
{
    const char *nearest;

    for (size_t i = 0; p->values[i] != NULL; i++)
        if (strcmp(p->values[i], json_string_value(v)) == 0)
            return true;
    nearest = text_nearest(json_string_value(v), p->values);
    buf_printf(why, "/%s: \"%s\" is none of ", p->name, json_string_value(v));
    names_add(why, p->values);
    if (nearest != NULL)
        buf_printf(why, "; did you mean \"%s\"?", nearest);
    return false;
}

bool params_check(const struct param *table, const json_t *params, struct buf *why)
{
    const char *name;
    json_t *value;

    if (params != NULL && !json_is_object(params) && !json_is_null(params))
        return buf_puts(why, ": must be an object"), false;
    json_object_foreach ((json_t *)params, name, value) {
        const struct param *p = param_find(table, name);

        if (p == NULL)
            return unknown(table, name, why);
        if (!types[p->type].is(value))
            return buf_printf(why, "/%s: must be %s", name, types[p->type].words), false;
        if (p->values != NULL && !allowed(p, value, why))
            return false;
    }
    for (const struct param *p = table; p->name != NULL; p++)
        if (p->required && json_object_get(params, p->name) == NULL)
            return buf_printf(why, "/%s: is required", p->name), false;
    return true;
}

/* Parameters with a list of allowed values are strings. */
static void param_write(struct out *o, const struct param *p)
{
    out_key(o, p->name);
    if (p->values == NULL) {
        out_raw(o, types[p->type].schema, strlen(types[p->type].schema));
        return;
    }
    out_object(o);
    out_member(o, "type", "string");
    out_key(o, "enum");
    out_array(o);
    for (size_t i = 0; p->values[i] != NULL; i++)
        out_string(o, p->values[i]);
    out_array_end(o);
    out_object_end(o);
}

void params_write(struct out *o, const struct param *table)
{
    out_object(o);
    out_member(o, "type", "object");
    out_key(o, "properties");
    out_object(o);
    for (const struct param *p = table; p->name != NULL; p++)
        param_write(o, p);
    out_object_end(o);
    out_key(o, "required");
    out_array(o);
    for (const struct param *p = table; p->name != NULL; p++)
        if (p->required)
            out_string(o, p->name);
    out_array_end(o);
    out_key(o, "additionalProperties");
    out_bool(o, false);
    out_object_end(o);
}
