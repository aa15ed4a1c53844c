/* custom fields that are named: whether they are there, and take what they are compared with or set
 * to */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "blueprint/custom.h"
#include "blueprint/document.h"
#include "blueprint/lint_parts.h"
#include "blueprint/value.h"
#include "json/schema.h"

#define POINTER_MAX 512
#define FAULT_MEMORY (1U << 18) /* a definition may have many choices */
#define FIELDS_MAX 200

static const char *type_of(const json_t *field)
{
    return part_text(field, "type");
}

const json_t *lint_custom_field(struct linting *l, const struct about *at, const char *entity,
                                const char *key)
{
    const json_t *fields = json_object_get(l->w->custom, entity), *field;
    const char *names[FIELDS_MAX + 1] = {NULL}, *near;
    size_t i;

    if (l->w->custom == NULL) {
        lint_warning(l, "custom_unchecked", at,
                     "Whether there is a custom field \"%.63s\" is not known here: only the "
                     "database can tell.",
                     key);
        return NULL;
    }
    field = custom_definition(fields, key);
    if (field != NULL)
        return field;
    json_array_foreach (fields, i, field)
        if (i < FIELDS_MAX)
            names[i] = part_text(field, "key");
    near = text_nearest(key, names);
    lint_error(l, "unknown_field", at, "There is no custom field \"%.63s\"%s%s%s.", key,
               near != NULL ? "; did you mean \"custom." : "", near != NULL ? near : "",
               near != NULL ? "\"?" : "");
    return NULL;
}

/* values that guards compare with */

static void judge_one(struct linting *l, const struct about *at, const json_t *field,
                      const json_t *value)
{
    const char *why = custom_value_fault(field, value);

    if (why != NULL)
        lint_error(l, "wrong_value", at, "The custom field \"%s\" takes no such value: %s.",
                   part_key(field), why);
}

void lint_custom_compared(struct linting *l, const struct about *about, const json_t *field,
                          const json_t *params, const char *where)
{
    const char *op = part_text(params, "op"), *why;
    const json_t *value = json_object_get(params, "value"), *item;
    char pointer[POINTER_MAX];
    struct about at = *about;
    size_t i;

    if (field == NULL || value == NULL)
        return;
    op = op != NULL ? op : "eq";
    why = custom_op_fault(field, op);
    at.pointer = pointer;
    (void)snprintf(pointer, sizeof(pointer), "%.480s/op", where);
    if (why != NULL) {
        lint_error(l, "wrong_value", &at, "The custom field \"%s\" is not compared so: %s.",
                   part_key(field), why);
        return;
    }
    (void)snprintf(pointer, sizeof(pointer), "%.480s/value", where);
    if (!json_is_array(value))
        judge_one(l, &at, field, value);
    json_array_foreach (value, i, item) {
        (void)snprintf(pointer, sizeof(pointer), "%.480s/value/%zu", where, i);
        judge_one(l, &at, field, item);
    }
}

/* conditions about related records */

void lint_custom_where(struct linting *l, const struct about *about, const json_t *params,
                       const char *where)
{
    const char *of = part_text(params, "of");
    const json_t *condition;
    struct about at = *about;
    size_t i;

    json_array_foreach (json_object_get(params, "where"), i, condition) {
        const char *field = part_text(condition, "field");
        const char *key = field != NULL ? custom_key(field) : NULL;
        char place[POINTER_MAX], pointer[POINTER_MAX];

        if (key == NULL || of == NULL)
            continue;
        (void)snprintf(place, sizeof(place), "%.400s/where/%zu", where, i);
        (void)snprintf(pointer, sizeof(pointer), "%.480s/field", place);
        at.pointer = pointer;
        lint_custom_compared(l, &at, lint_custom_field(l, &at, of, key), condition, place);
    }
}

/* inputs and actions */

void lint_custom_choices(struct linting *l, const struct about *about, const json_t *field,
                         const json_t *params, const char *where)
{
    const json_t *own = json_object_get(field, "choices"), *choice;
    struct about at = *about;
    size_t i;

    if (field == NULL)
        return;
    json_array_foreach (json_object_get(params, "choices"), i, choice) {
        char pointer[POINTER_MAX];

        (void)snprintf(pointer, sizeof(pointer), "%.480s/choices/%zu", where, i);
        at.pointer = pointer;
        if (json_is_array(own) ? !value_has_key(own, json_string_value(choice))
                               : custom_value_fault(field, choice) != NULL)
            lint_error(l, "wrong_value", &at,
                       "The custom field \"%s\" takes no such value: that is none of its choices.",
                       part_key(field));
    }
}

/* Where the value of an action comes from, and what it is then. */
static const char *source_fault(const json_t *field, const char *from)
{
    static const char *const rows[][2] = {
        {"now", "datetime"}, {"today", "date"}, {"actor", "user"}};

    if (strcmp(from, "nothing") == 0)
        return json_is_true(json_object_get(field, "required")) ? "it is required" : NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i][0], from) == 0 && strcmp(rows[i][1], type_of(field)) != 0)
            return "it is of another type";
    return NULL;
}

void lint_custom_set(struct linting *l, const struct about *about, const json_t *field,
                     const json_t *params, const char *where)
{
    const json_t *value = json_object_get(params, "value");
    const char *from = part_text(params, "from"), *why = NULL;
    char pointer[POINTER_MAX];
    struct about at = *about;
    struct arena a;
    struct err e;

    if (field == NULL)
        return;
    arena_init(&a, FAULT_MEMORY);
    err_init(&e, &a);
    if (value != NULL && !custom_value_check(field, value, "", &e))
        why = e.faults != NULL ? e.faults->detail : "it is of another type";
    else if (from != NULL)
        why = source_fault(field, from);
    at.pointer = pointer;
    (void)snprintf(pointer, sizeof(pointer), "%.480s/%s", where, value != NULL ? "value" : "from");
    if (why != NULL)
        lint_error(l, "wrong_value", &at, "The custom field \"%s\" takes no such value: %s",
                   part_key(field), why);
    arena_done(&a);
}
