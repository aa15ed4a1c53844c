#include "service/record/fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "blueprint/custom.h"

#define FOLDED_MAX 256
#define CUSTOM "custom"

struct fields fields_of(const struct schema *create, const json_t *definitions, struct arena *a)
{
    return (struct fields){
        .schema = create,
        .definitions = definitions,
        .custom = definitions ? custom_schema(a, definitions, true) : NULL,
    };
}

static const struct schema_member *member(const struct schema *s, const char *name, size_t n)
{
    for (const struct schema_member *m = s ? s->members : NULL; m && m->name; m++)
        if (strlen(m->name) == n && strncmp(m->name, name, n) == 0)
            return m;
    return NULL;
}

bool fields_is_custom(const char *name)
{
    return strncmp(name, CUSTOM ".", strlen(CUSTOM ".")) == 0;
}

static bool refuse(struct err *e, enum err_code code, const char *pointer, const char *word,
                   const char *detail)
{
    if (!e)
        return false;
    return err_fault(
        e, code, (struct fault){.in = "body", .pointer = pointer, .code = word, .detail = detail});
}

const struct schema_member *fields_lookup(const struct fields *f, const char *name)
{
    const char *dot = strchr(name, '.');
    size_t n = dot ? (size_t)(dot - name) : strlen(name);
    const struct schema_member *m = member(f->schema, name, n);
    const struct schema *parts;

    if (!m || !dot)
        return m;
    parts = strcmp(m->name, CUSTOM) == 0 ? f->custom : m->schema;
    return parts && parts->kind == SCHEMA_OBJECT ? member(parts, dot + 1, strlen(dot + 1)) : NULL;
}

const struct schema *fields_find(const struct fields *f, const char *name, const char *pointer,
                                 struct err *e)
{
    const struct schema_member *m = fields_lookup(f, name);

    if (m && m->access == ACCESS_GOVERNED) {
        if (e)
            e->code = ERR_GOVERNED;
        refuse(e, ERR_GOVERNED, pointer, "governed_field",
               "Only a transition moves it, no import does.");
        return NULL;
    }
    if (m && m->access == ACCESS_READ_ONLY) {
        refuse(e, ERR_INVALID, pointer, "read_only", "The server computes it.");
        return NULL;
    }
    if (!m || m->schema->kind == SCHEMA_OBJECT || m->schema->kind == SCHEMA_ANY) {
        refuse(e, ERR_INVALID, pointer, "unknown", "There is no such field to import into.");
        return NULL;
    }
    return m->schema;
}

/* labels */

static bool is_alike(const char *folded, const char *text)
{
    char other[FOLDED_MAX];

    if (!text)
        return false;
    value_fold(text, other, sizeof(other));
    return strcmp(folded, other) == 0;
}

/* Whether a folded text is the key, or the label ({"en": ...}) in one of the languages. */
static bool means(const char *folded, const char *key, const json_t *label)
{
    const char *language;
    json_t *word;

    if (is_alike(folded, key))
        return true;
    json_object_foreach ((json_t *)label, language, word)
        if (is_alike(folded, json_string_value(word)))
            return true;
    return false;
}

const char *fields_by_label(const struct fields *f, const char *label, struct arena *a)
{
    char folded[FOLDED_MAX];
    const json_t *field;
    size_t i;

    value_fold(label, folded, sizeof(folded));
    json_array_foreach (f->definitions, i, field) {
        const char *key = json_string_value(json_object_get(field, "key"));

        if (means(folded, key, json_object_get(field, "label")))
            return arena_printf(a, CUSTOM ".%s", key);
    }
    return NULL;
}

static const json_t *definition(const struct fields *f, const char *name)
{
    size_t n = strlen(CUSTOM "."), i;
    const json_t *field;

    if (!fields_is_custom(name))
        return NULL;
    json_array_foreach (f->definitions, i, field)
        if (strcmp(json_string_value(json_object_get(field, "key")), name + n) == 0)
            return field;
    return NULL;
}

/* The key of the choice that a text means; itself, if it means none. */
static json_t *choice_of(const json_t *field, const char *text)
{
    const json_t *keys = json_object_get(field, "choices"), *key;
    const json_t *labels = json_object_get(field, "choice_labels");
    char folded[FOLDED_MAX];
    size_t i;

    value_fold(text, folded, sizeof(folded));
    json_array_foreach (keys, i, key)
        if (means(folded, json_string_value(key), json_array_get(labels, i)))
            return json_incref((json_t *)key);
    return json_string(text);
}

/* values */

static json_t *words_of(const json_t *field, const char *text)
{
    json_t *list = json_array();
    char word[FOLDED_MAX];

    while (*text) {
        size_t n = strcspn(text, ",;|");
        struct span s = span_trim((struct span){text, n});

        if (s.n && field && s.n < sizeof(word)) {
            memcpy(word, s.p, s.n);
            word[s.n] = '\0';
            json_array_append_new(list, choice_of(field, word));
        } else if (s.n) {
            json_array_append_new(list, json_stringn(s.p, s.n));
        }
        text += n + (text[n] != '\0');
    }
    return list;
}

static bool by_format(const struct schema *s, const char *text, enum date_order order, bool comma,
                      char out[VALUE_MAX])
{
    switch (s->format) {
    case FORMAT_DATE: return value_date(text, order, out);
    case FORMAT_DATE_TIME: return value_date_time(text, order, out);
    case FORMAT_DECIMAL: return value_decimal(text, comma, out);
    case FORMAT_CURRENCY: return value_currency(text, out);
    case FORMAT_COUNTRY: return value_country(text, out);
    default: return false;
    }
}

json_t *fields_value(const struct fields *f, const char *name, const struct schema *s,
                     const char *text, enum date_order order, bool comma)
{
    const json_t *field = definition(f, name);
    char out[VALUE_MAX];
    bool yes;

    if (s->kind == SCHEMA_ARRAY)
        return words_of(field, text);
    if (field && s->values)
        return choice_of(field, text);
    if (s->kind == SCHEMA_BOOLEAN && value_boolean(text, &yes))
        return json_boolean(yes);
    if ((s->kind == SCHEMA_INTEGER || s->kind == SCHEMA_NUMBER) && value_decimal(text, comma, out))
        return strchr(out, '.') ? json_real(strtod(out, NULL))
                                : json_integer(strtoll(out, NULL, 10));
    if (s->format == FORMAT_URI && !strstr(text, "://"))
        return json_sprintf("https://%s", text);
    if (by_format(s, text, order, comma, out))
        return json_string(out);
    return json_string(text);
}

void fields_set(json_t *body, const char *name, json_t *value)
{
    const char *dot = strchr(name, '.');
    char group[64];
    json_t *inner;

    if (!dot) {
        json_object_set_new(body, name, value);
        return;
    }
    memcpy(group, name, (size_t)(dot - name));
    group[dot - name] = '\0';
    inner = json_object_get(body, group);
    if (!inner) {
        inner = json_object();
        json_object_set_new(body, group, inner);
    }
    json_object_set_new(inner, dot + 1, value);
}

bool fields_check(const struct fields *f, const json_t *body, struct err *e)
{
    const json_t *values = json_object_get(body, CUSTOM);
    bool fine = schema_check(f->schema, body, "", e);

    if (!values && json_array_size(f->definitions) == 0)
        return fine;
    return custom_check(f->definitions, values, "/" CUSTOM, true, e) && fine;
}
