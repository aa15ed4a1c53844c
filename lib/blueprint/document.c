#include "blueprint/document.h"

#include <stdlib.h>
#include <string.h>

#include "blueprint/evaluate.h"
#include "blueprint/shape.h"

json_t *document_part(const json_t *list, const char *key, size_t *index)
{
    json_t *part;
    size_t i;

    json_array_foreach (list, i, part) {
        const char *name = json_string_value(json_object_get(part, "key"));

        if (name == NULL || strcmp(name, key) != 0)
            continue;
        if (index != NULL)
            *index = i;
        return part;
    }
    return NULL;
}

/* the one form */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Adds the members of @from that @to lacks, by name, and what is inside them likewise. */
static json_t *sorted(const json_t *v);

static void add_sorted(json_t *to, const json_t *from)
{
    size_t n = 0, room = json_object_size(from);
    const char **names = calloc(room + 1, sizeof(*names)), *name;
    json_t *value;

    if (names == NULL)
        abort();
    json_object_foreach ((json_t *)from, name, value)
        if (json_object_get(to, name) == NULL && !json_is_null(value))
            names[n++] = name;
    qsort(names, n, sizeof(*names), by_name);
    for (size_t i = 0; i < n; i++)
        (void)json_object_set_new(to, names[i], sorted(json_object_get(from, names[i])));
    free(names);
}

static json_t *sorted(const json_t *v)
{
    json_t *copy, *item;
    size_t i;

    if (json_is_object(v)) {
        copy = json_object();
        add_sorted(copy, v);
        return copy;
    }
    if (!json_is_array(v))
        return json_incref((json_t *)v);
    copy = json_array();
    json_array_foreach (v, i, item)
        (void)json_array_append_new(copy, sorted(item));
    return copy;
}

/* A duration has one form; seconds are another way to say it. Borrows nothing: new reference. */
static json_t *with_duration(const json_t *v)
{
    const json_t *s = json_object_get(v, "after_s");
    json_t *copy = json_copy((json_t *)v);

    if (json_is_integer(s) && json_object_get(v, "after") == NULL)
        (void)json_object_set_new(
            copy, "after", json_sprintf("PT%" JSON_INTEGER_FORMAT "S", json_integer_value(s)));
    if (json_is_integer(s))
        (void)json_object_del(copy, "after_s");
    return copy;
}

static json_t *texts_form(const json_t *v)
{
    json_t *copy = json_object();

    for (const char *const *l = language_codes; *l != NULL; l++) {
        json_t *text = json_object_get(v, *l);

        if (json_is_string(text))
            (void)json_object_set(copy, *l, text);
    }
    add_sorted(copy, v);
    return copy;
}

static json_t *params_form(const struct param *table, const json_t *given)
{
    json_t *copy = json_object(), *v = with_duration(given);

    for (const struct param *p = table; p != NULL && p->name != NULL; p++) {
        json_t *value = json_object_get(v, p->name);

        if (value != NULL && !json_is_null(value))
            (void)json_object_set_new(copy, p->name, sorted(value));
    }
    add_sorted(copy, v);
    json_decref(v);
    return copy;
}

static bool list_has(const json_t *list, const char *word)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (json_is_string(item) && strcmp(json_string_value(item), word) == 0)
            return true;
    return false;
}

/* A set stands in the order of the states, once each; what is no state comes last, as it came. */
static json_t *states_form(const json_t *v, const json_t *states)
{
    json_t *copy, *item;
    size_t i;

    if (!json_is_array(v))
        return json_incref((json_t *)v);
    copy = json_array();
    json_array_foreach (states, i, item) {
        json_t *key = json_object_get(item, "key");

        if (json_is_string(key) && list_has(v, json_string_value(key)) &&
            !list_has(copy, json_string_value(key)))
            (void)json_array_append(copy, key);
    }
    json_array_foreach (v, i, item)
        if (json_is_string(item) && !list_has(copy, json_string_value(item)))
            (void)json_array_append(copy, item);
    return copy;
}

static json_t *element_form(const struct shape *s, const json_t *given, const json_t *states);

static json_t *list_form(const struct shape *s, const json_t *list, const json_t *states)
{
    json_t *copy = json_array(), *item;
    size_t i;

    json_array_foreach (list, i, item)
        (void)json_array_append_new(copy, json_is_object(item) ? element_form(s, item, states)
                                                               : json_incref(item));
    return copy;
}

static json_t *member_form(const struct shape *s, const struct shape_member *m,
                           const json_t *element, const json_t *states)
{
    const json_t *v = json_object_get(element, m->name);

    switch (m->kind) {
    case SHAPE_TEXTS: return texts_form(v);
    case SHAPE_PARAMS: return params_form(shape_params(s, element), v);
    case SHAPE_STATES: return states_form(v, states);
    case SHAPE_ROWS:
    case SHAPE_PARTS: return list_form(m->of, v, states);
    default: return sorted(v);
    }
}

static const struct shape_member *member_of(const struct shape *s, const char *name)
{
    for (const struct shape_member *m = s->members; m->name != NULL; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

static json_t *element_form(const struct shape *s, const json_t *given, const json_t *states)
{
    json_t *copy = json_object(), *rest = json_object(), *element = with_duration(given), *value;
    const char *name;

    for (const struct shape_member *m = s->members; m->name != NULL; m++) {
        json_t *form;

        if (shape_blank(m, json_object_get(element, m->name)))
            continue;
        form = member_form(s, m, element, states);
        if (!shape_blank(m, form))
            (void)json_object_set(copy, m->name, form);
        json_decref(form);
    }
    json_object_foreach (element, name, value)
        if (member_of(s, name) == NULL && !shape_blank(NULL, value))
            (void)json_object_set(rest, name, value);
    add_sorted(copy, rest);
    json_decref(rest);
    json_decref(element);
    return copy;
}

json_t *document_canonical(const json_t *doc)
{
    return element_form(&shape_blueprint, doc, json_object_get(doc, "states"));
}

/* rows for the compiler */

static void flatten_guards(json_t *rows, const json_t *guards, const json_t *parent)
{
    json_t *guard;
    size_t i;

    json_array_foreach (guards, i, guard) {
        json_t *row = json_copy(guard);

        (void)json_object_del(row, "guards");
        (void)json_object_set_new(row, "position", json_integer((json_int_t)i + 1));
        if (parent != NULL)
            (void)json_object_set(row, "parent", (json_t *)parent);
        (void)json_array_append_new(rows, row);
        flatten_guards(rows, json_object_get(guard, "guards"), json_object_get(guard, "key"));
    }
}

/* Lists without positions keep their order: it breaks ties. */
static json_t *flat_transition(const json_t *t)
{
    json_t *row = json_copy((json_t *)t), *guards = json_array();
    const json_t *from = json_object_get(t, "from");

    flatten_guards(guards, json_object_get(t, "guards"), NULL);
    (void)json_object_set_new(row, "guards", guards);
    if (json_is_string(from)) {
        (void)json_object_set_new(row, "from", json_null());
        (void)json_object_set_new(row, "from_any", json_true());
    }
    return row;
}

json_t *document_flat(const json_t *doc)
{
    json_t *flat = json_copy((json_t *)doc), *rows = json_array(), *t;
    size_t i;

    json_array_foreach (json_object_get(doc, "transitions"), i, t)
        (void)json_array_append_new(rows, flat_transition(t));
    (void)json_object_set_new(flat, "transitions", rows);
    (void)json_object_set_new(flat, "id", json_string("document"));
    if (!json_is_integer(json_object_get(doc, "number")))
        (void)json_object_set_new(flat, "number", json_integer(1));
    return flat;
}
