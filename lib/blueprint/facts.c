/* the request laid over the facts */
#include <stdio.h>
#include <string.h>

#include "blueprint/evaluate.h"

#define POINTER_MAX 48

/* What comes with a request has no past, whatever it says. */
static json_t *item_of_request(const json_t *item, const char *list, size_t i)
{
    static const char *const ours[] = {"at", "created_at", "pointer"};
    char pointer[POINTER_MAX];
    json_t *copy = json_is_object(item) ? json_copy((json_t *)item) : json_object();

    for (size_t k = 0; k < sizeof(ours) / sizeof(ours[0]); k++)
        (void)json_object_del(copy, ours[k]);
    (void)snprintf(pointer, sizeof(pointer), "/%s/%zu", list, i);
    (void)json_object_set_new(copy, "pointer", json_string(pointer));
    return copy;
}

static void append_items(json_t *facts, const json_t *inputs, const char *list)
{
    const json_t *brought = json_object_get(inputs, list);
    const json_t *known = json_object_get(facts, list);
    json_t *all;

    if (json_array_size(brought) == 0)
        return;
    all = json_is_array(known) ? json_copy((json_t *)known) : json_array();
    for (size_t i = 0; i < json_array_size(brought); i++)
        (void)json_array_append_new(all, item_of_request(json_array_get(brought, i), list, i));
    (void)json_object_set_new(facts, list, all);
}

static bool differs(const json_t *was, const json_t *value)
{
    return !json_equal(was, value) && !(was == NULL && json_is_null(value));
}

static void add_changed_custom(json_t *changed, const json_t *was, json_t *patch)
{
    const char *key;
    json_t *value;

    json_object_foreach (patch, key, value)
        if (differs(json_object_get(was, key), value))
            (void)json_array_append_new(changed, json_sprintf("custom.%s", key));
}

/* What the request brings in place of another value has changed in this state. */
static void add_changed(json_t *facts, const json_t *record, json_t *fields)
{
    const json_t *known = json_object_get(facts, "changed_since_entry");
    json_t *changed, *value;
    const char *name;

    if (!json_is_array(known))
        return;
    changed = json_copy((json_t *)known);
    json_object_foreach (fields, name, value) {
        const json_t *was = json_object_get(record, name);

        if (strcmp(name, "custom") == 0)
            add_changed_custom(changed, was, value);
        else if (differs(was, value))
            (void)json_array_append_new(changed, json_string(name));
    }
    (void)json_object_set_new(facts, "changed_since_entry", changed);
}

/* Custom fields change one by one. */
static json_t *patched_custom(const json_t *was, json_t *patch)
{
    json_t *values = json_is_object(was) ? json_copy((json_t *)was) : json_object();

    if (json_is_object(patch))
        (void)json_object_update(values, patch);
    return values;
}

static void overlay_fields(json_t *facts, json_t *fields)
{
    const json_t *known = json_object_get(facts, "record");
    json_t *record;

    if (!json_is_object(fields) || json_object_size(fields) == 0)
        return;
    add_changed(facts, known, fields);
    record = json_is_object(known) ? json_copy((json_t *)known) : json_object();
    (void)json_object_update(record, fields);
    if (json_object_get(fields, "custom") != NULL)
        (void)json_object_set_new(
            record, "custom",
            patched_custom(json_object_get(known, "custom"), json_object_get(fields, "custom")));
    (void)json_object_set_new(facts, "record", record);
}

json_t *facts_with_inputs(const json_t *facts, const json_t *inputs)
{
    static const char *const as_they_are[] = {"checklist", "note"};
    json_t *all = json_is_object(facts) ? json_copy((json_t *)facts) : json_object();

    overlay_fields(all, json_object_get(inputs, "fields"));
    append_items(all, inputs, "activities");
    append_items(all, inputs, "tasks");
    for (size_t i = 0; i < sizeof(as_they_are) / sizeof(as_they_are[0]); i++) {
        json_t *value = json_object_get(inputs, as_they_are[i]);

        if (value != NULL)
            (void)json_object_set(all, as_they_are[i], value);
    }
    return all;
}
