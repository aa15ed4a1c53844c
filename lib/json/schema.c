#include "json/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "json/format.h"
#include "json/schema_fault.h"

#define STRING_MAX 65536
#define ITEMS_MAX 1000

static const char *kind_of(const json_t *value)
{
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object",
        [JSON_ARRAY] = "an array",
        [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer",
        [JSON_REAL] = "a number with a fraction",
        [JSON_TRUE] = "a boolean",
        [JSON_FALSE] = "a boolean",
        [JSON_NULL] = "null",
    };

    return kinds[json_typeof(value)];
}

static const char *const wanted[] = {
    [SCHEMA_ANY] = "anything",          [SCHEMA_STRING] = "a string",
    [SCHEMA_INTEGER] = "an integer",    [SCHEMA_NUMBER] = "a number",
    [SCHEMA_BOOLEAN] = "true or false", [SCHEMA_OBJECT] = "an object",
    [SCHEMA_ARRAY] = "an array",
};

static bool has_kind(const struct schema *s, const json_t *value)
{
    switch (s->kind) {
    case SCHEMA_ANY: return true;
    case SCHEMA_STRING:
        return json_is_string(value) || (s->format == FORMAT_DECIMAL && json_is_integer(value));
    case SCHEMA_INTEGER: return json_is_integer(value);
    case SCHEMA_NUMBER: return json_is_number(value);
    case SCHEMA_BOOLEAN: return json_is_boolean(value);
    case SCHEMA_OBJECT: return json_is_object(value);
    case SCHEMA_ARRAY: return json_is_array(value);
    }
    return false;
}

static void add_type(const struct check *c, const struct schema *s, const json_t *value,
                     const struct place *at)
{
    struct arena *a = c->e->arena;

    fault_add(c, at,
              (struct fault){
                  .code = "type",
                  .detail = json_is_string(value) && strcmp(c->in, "body") != 0
                                ? arena_printf(a, "Send %s.", wanted[s->kind])
                                : arena_printf(a, "Send %s instead of %s.", wanted[s->kind],
                                               kind_of(value)),
                  .got = fault_got(c, s, value),
              });
}

/* Control characters end up in terminals, logs and mail headers; text has no use for them. */
static bool has_control(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;

    for (size_t i = 0; i < n; i++) {
        if ((u[i] < 0x20 && u[i] != '\t' && u[i] != '\n' && u[i] != '\r') || u[i] == 0x7f)
            return true;
        if (u[i] == 0xc2 && i + 1 < n && u[i + 1] < 0xa0) /* U+0080 to U+009F */
            return true;
    }
    return false;
}

static void check_values(const struct check *c, const struct schema *s, const json_t *value,
                         const struct place *at)
{
    const char *text = json_string_value(value);
    const char *const *v = s->values;

    while (*v != NULL && strcmp(*v, text) != 0)
        v++;
    if (*v != NULL)
        return;
    fault_add(c, at,
              (struct fault){
                  .code = "enum",
                  .detail = "Send one of the allowed values.",
                  .hint = err_suggest(c->e->arena, text, s->values),
                  .got = fault_got(c, s, value),
                  .allowed = fault_list(c->e->arena, s->values),
              });
}

/* Money: decimal text, or an integer; never a double. */
static void check_decimal(const struct check *c, const struct schema *s, const json_t *value,
                          const struct place *at)
{
    char digits[24];
    struct span text = {json_string_value(value), json_string_length(value)};

    if (json_is_integer(value)) {
        snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = span_of(digits);
    }
    if (!format_holds(s->format, text))
        fault_add(c, at,
                  (struct fault){.code = "format",
                                 .detail = format_rule(s->format),
                                 .got = fault_got(c, s, value)});
    else if (s->has_min && text.p[0] == '-')
        fault_add(c, at,
                  (struct fault){.code = "range",
                                 .detail = "Send an amount that is not negative.",
                                 .got = fault_got(c, s, value)});
}

/* Codes: a rule about letters says more than one about their number. */
static bool has_one_length(enum schema_format format)
{
    return format == FORMAT_COUNTRY || format == FORMAT_CURRENCY;
}

static void check_string(const struct check *c, const struct schema *s, const json_t *value,
                         const struct place *at)
{
    struct span text = {json_string_value(value), json_string_length(value)};
    size_t max = s->max_length > 0 ? s->max_length : STRING_MAX;
    size_t length = text_utf8_length(text.p, text.n);

    if (s->values != NULL) {
        check_values(c, s, value, at);
        return;
    }
    if ((length < s->min_length || length > max) && !has_one_length(s->format)) {
        fault_add(c, at,
                  (struct fault){
                      .code = "length",
                      .detail = length > max
                                    ? arena_printf(c->e->arena,
                                                   "Send at most %zu characters instead of %zu.",
                                                   max, length)
                                    : arena_printf(c->e->arena, "Send at least %zu character%s.",
                                                   s->min_length, s->min_length == 1 ? "" : "s"),
                      .got = fault_got(c, s, value),
                  });
        return;
    }
    if (has_control(text.p, text.n)) {
        fault_add(c, at,
                  (struct fault){
                      .code = "format",
                      .detail = "Send text without control characters other than tab, line feed "
                                "and carriage return.",
                      .got = fault_got(c, s, value),
                  });
        return;
    }
    if (!format_holds(s->format, text))
        fault_add(
            c, at,
            (struct fault){.code = "format",
                           .detail = format_rule(s->format),
                           .hint = format_hint(s->format, text.p, strcmp(c->in, "query") == 0),
                           .got = fault_got(c, s, value)});
}

static void check_range(const struct check *c, const struct schema *s, const json_t *value,
                        const struct place *at)
{
    double n = json_number_value(value);
    const char *detail;

    if ((!s->has_min || n >= s->min) && (!s->has_max || n <= s->max))
        return;
    if (s->has_min && s->has_max)
        detail = arena_printf(c->e->arena, "Send a number from %.15g to %.15g.", s->min, s->max);
    else if (s->has_min)
        detail = arena_printf(c->e->arena, "Send a number that is at least %.15g.", s->min);
    else
        detail = arena_printf(c->e->arena, "Send a number that is at most %.15g.", s->max);
    fault_add(c, at,
              (struct fault){.code = "range", .detail = detail, .got = fault_got(c, s, value)});
}

static void check_value(const struct check *c, const struct schema *s, const json_t *value,
                        const struct place *up);

static void check_array(const struct check *c, const struct schema *s, const json_t *value,
                        const struct place *up)
{
    size_t n = json_array_size(value), max = s->max_length > 0 ? s->max_length : ITEMS_MAX;

    if (n > max) {
        fault_add(c, up,
                  (struct fault){.code = "too_many",
                                 .detail = arena_printf(c->e->arena,
                                                        "Send at most %zu items instead of %zu.",
                                                        max, n)});
        return;
    }
    if (n < s->min_length)
        fault_add(
            c, up,
            (struct fault){.code = "too_few",
                           .detail = arena_printf(c->e->arena, "Send at least %zu item%s.",
                                                  s->min_length, s->min_length == 1 ? "" : "s")});
    if (s->items == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        check_value(c, s->items, json_array_get(value, i), &(struct place){.up = up, .index = i});
}

#define NAMES_MAX 256

/* The members that a client may send, for suggestions. */
static void writable_names(const struct schema *s, const char *names[NAMES_MAX + 1])
{
    size_t n = 0;

    for (const struct schema_member *m = s->members; m->name != NULL && n < NAMES_MAX; m++) {
        if (m->access == ACCESS_WRITE)
            names[n++] = m->name;
    }
    names[n] = NULL;
}

static const struct schema_member *find_member(const struct schema *s, const char *name)
{
    for (const struct schema_member *m = s->members; m->name != NULL; m++) {
        if (strcmp(m->name, name) == 0)
            return m;
    }
    return NULL;
}

static void add_unknown(const struct check *c, const struct schema *s, const json_t *value,
                        const struct place *up)
{
    const char *names[NAMES_MAX + 1];
    const char *allowed, *name;
    json_t *object = (json_t *)(uintptr_t)value; /* iterating takes no const */
    json_t *member;

    writable_names(s, names);
    allowed = fault_list(c->e->arena, names);
    json_object_foreach (object, name, member) {
        struct place at = {.up = up, .key = name};

        if (find_member(s, name) != NULL)
            continue;
        if (c->e->nfaults >= ERR_FAULTS_MAX) {
            c->e->nfaults++;
            continue;
        }
        fault_add(c, &at,
                  (struct fault){
                      .code = "unknown",
                      .detail = "There is no such member here; leave it out or correct its name.",
                      .hint = err_suggest(c->e->arena, name, names),
                      .allowed = allowed,
                  });
    }
}

/* Tells whether the member may be written through a body, else adds the fault. */
static bool check_access(const struct check *c, const struct schema_member *m, const json_t *value,
                         const struct place *at)
{
    switch (m->access) {
    case ACCESS_WRITE: return true;
    case ACCESS_READ_ONLY:
        fault_add(c, at,
                  (struct fault){.code = "read_only",
                                 .detail = "The server sets this member; leave it out.",
                                 .got = fault_got(c, m->schema, value)});
        return false;
    case ACCESS_GOVERNED:
        fault_add(
            c, at,
            (struct fault){
                .code = "governed_field",
                .detail = "Only a transition of the blueprint changes this member; leave it out.",
                .hint = "see the record's transitions",
                .got = fault_got(c, m->schema, value)});
        c->e->code = ERR_GOVERNED;
        return false;
    }
    return false;
}

static void check_object(const struct check *c, const struct schema *s, const json_t *value,
                         const struct place *up)
{
    size_t known = 0, n = json_object_size(value);

    if (n < s->min_members)
        fault_add(
            c, up,
            (struct fault){.code = "too_few",
                           .detail = arena_printf(c->e->arena, "Send at least %zu member%s.",
                                                  s->min_members, s->min_members == 1 ? "" : "s")});
    if (s->members == NULL) /* nothing is known about it */
        return;
    for (const struct schema_member *m = s->members; m->name != NULL; m++) {
        const json_t *member = json_object_get(value, m->name);
        struct place at = {.up = up, .key = m->name};

        if (member != NULL) {
            known++;
            if (check_access(c, m, member, &at))
                check_value(c, m->schema, member, &at);
        } else if (m->required && m->access == ACCESS_WRITE) {
            fault_add(c, &at,
                      (struct fault){
                          .code = "required",
                          .detail = arena_printf(
                              c->e->arena, "Add the member \"%s\": it is required.", m->name)});
        }
    }
    if (known < n && !s->open)
        add_unknown(c, s, value, up);
}

static void check_value(const struct check *c, const struct schema *s, const json_t *value,
                        const struct place *up)
{
    if (json_is_null(value) && s->kind != SCHEMA_ANY) {
        if (!s->nullable)
            fault_add(c, up,
                      (struct fault){.code = "null",
                                     .detail = arena_printf(
                                         c->e->arena, "Send %s instead of null, or leave it out.",
                                         wanted[s->kind]),
                                     .got = "null"});
        return;
    }
    if (!has_kind(s, value)) {
        add_type(c, s, value, up);
        return;
    }
    switch (s->kind) {
    case SCHEMA_STRING:
        (s->format == FORMAT_DECIMAL ? check_decimal : check_string)(c, s, value, up);
        return;
    case SCHEMA_INTEGER:
    case SCHEMA_NUMBER: check_range(c, s, value, up); return;
    case SCHEMA_OBJECT: check_object(c, s, value, up); return;
    case SCHEMA_ARRAY: check_array(c, s, value, up); return;
    case SCHEMA_ANY:
    case SCHEMA_BOOLEAN: return;
    }
}

bool schema_check(const struct schema *s, const json_t *value, const char *base, struct err *e)
{
    struct check c = {.e = e, .code = ERR_INVALID, .in = "body", .base = base};
    unsigned before = e->nfaults;

    check_value(&c, s, value, NULL);
    return e->nfaults == before;
}

/* Reads the text as what the schema wants; whatever it is not stays a string, which the check then
 * refuses. */
static json_t *read_text(const struct schema *s, const char *text)
{
    int64_t n;

    if (s->kind == SCHEMA_INTEGER && text_parse_i64(span_of(text), &n))
        return json_integer(n);
    if (s->kind == SCHEMA_NUMBER) {
        json_t *number = json_loads(text, JSON_DECODE_ANY, NULL);

        if (json_is_number(number))
            return number;
        json_decref(number);
    }
    if (s->kind == SCHEMA_BOOLEAN && strcmp(text, "true") == 0)
        return json_true();
    if (s->kind == SCHEMA_BOOLEAN && strcmp(text, "false") == 0)
        return json_false();
    return json_string(text);
}

json_t *schema_from_text(const struct schema *s, const char *text, const char *in, const char *name,
                         struct err *e)
{
    struct check c = {.e = e, .code = ERR_INVALID, .in = in, .base = name};
    unsigned before = e->nfaults;
    json_t *value;

    if (strcmp(in, "query") == 0 || strcmp(in, "path") == 0)
        c.code = ERR_BAD_PARAMETER;
    else if (strcmp(in, "header") == 0)
        c.code = ERR_BAD_HEADER;
    if (s->kind == SCHEMA_ARRAY && s->items != NULL)
        s = s->items; /* one of the repetitions */
    value = read_text(s, text);
    if (value == NULL) {
        fault_add(&c, NULL, (struct fault){.code = "format", .detail = "Send UTF-8 text."});
        return NULL;
    }
    check_value(&c, s, value, NULL);
    if (e->nfaults == before)
        return value;
    json_decref(value);
    return NULL;
}

bool schema_format_holds(enum schema_format format, const char *text)
{
    return format_holds(format, span_of(text));
}
