/* what a transition collects against what the request brings */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "blueprint/custom.h"
#include "blueprint/evaluate.h"
#include "blueprint/guards.h"
#include "blueprint/params.h"
#include "blueprint/value.h"
#include "json/schema.h"

#define CUSTOM "custom"

struct check {
    const char *entity;
    const struct transition *t;
    const struct schema *fields;
    const json_t *facts;
    const json_t *inputs;
    struct err *e;
};

static const char *param_text(const struct input *input, const char *name)
{
    return json_string_value(json_object_get(input->params, name));
}

static const struct input *input_find(const struct transition *t, enum input_kind kind,
                                      const char *name)
{
    for (size_t i = 0; i < t->ninputs; i++) {
        const char *own = param_text(&t->inputs[i], kind == INPUT_FIELD ? "field" : "item");

        if (t->inputs[i].kind == kind && strcmp(own, name) == 0)
            return &t->inputs[i];
    }
    return NULL;
}

/* texts for faults */

static const char *noun(const struct check *c)
{
    return c->t->kind == TRANSITION_STEP ? "step" : "transition";
}

static const char *json_text(struct arena *a, const json_t *v)
{
    char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY), *kept;

    kept = arena_strdup(a, text);
    free(text);
    return kept;
}

static const char *pointer_to(struct arena *a, const char *base, const char *name)
{
    struct buf b;
    const char *pointer;

    buf_init(&b, 65536);
    buf_puts(&b, base);
    pointer_add(&b, name);
    pointer = arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return pointer;
}

/* Reports a name that the transition does not collect, with those that it does. */
static void fault_unknown(const struct check *c, enum input_kind kind, const char *name,
                          const char *pointer)
{
    const char *param = kind == INPUT_FIELD ? "field" : "item";
    const char *names[BLUEPRINT_INPUTS_MAX + 1] = {NULL};
    struct arena *a = c->e->arena;
    json_t *list = json_array();
    size_t n = 0;

    for (size_t i = 0; i < c->t->ninputs; i++) {
        if (c->t->inputs[i].kind != kind)
            continue;
        names[n] = param_text(&c->t->inputs[i], param);
        (void)json_array_append_new(list, json_string(names[n++]));
    }
    (void)err_fault(c->e, ERR_INVALID,
                    (struct fault){
                        .in = "body",
                        .pointer = pointer,
                        .code = "unknown",
                        .detail = arena_printf(a, "the %s \"%s\" does not collect this %s", noun(c),
                                               c->t->key, param),
                        .hint = err_suggest(a, name, names),
                        .allowed = json_text(a, list),
                    });
    json_decref(list);
}

static void fault_required(const struct check *c, const struct input *input, const char *what)
{
    (void)err_fault(
        c->e, ERR_INVALID,
        (struct fault){
            .in = "body",
            .pointer = input->pointer,
            .code = "required",
            .detail = arena_printf(c->e->arena, "the %s \"%s\" needs %s", noun(c), c->t->key, what),
        });
}

/* what was brought */

static const struct schema *schema_of(const struct schema *fields, const char *name)
{
    const struct schema_member *m = fields != NULL ? fields->members : NULL;

    for (; m != NULL && m->name != NULL; m++)
        if (strcmp(m->name, name) == 0)
            return m->schema;
    return NULL;
}

static void fault_governed(const struct check *c, const char *pointer)
{
    (void)err_fault(c->e, ERR_INVALID,
                    (struct fault){
                        .in = "body",
                        .pointer = pointer,
                        .code = "governed_field",
                        .detail = "Only the move itself writes the state; leave it out.",
                    });
    c->e->code = ERR_GOVERNED;
}

static void fault_choice(const struct check *c, const struct input *input, const json_t *value,
                         const json_t *choices)
{
    (void)err_fault(c->e, ERR_INVALID,
                    (struct fault){
                        .in = "body",
                        .pointer = input->pointer,
                        .code = "enum",
                        .detail = "none of the choices",
                        .got = json_text(c->e->arena, value),
                        .allowed = json_text(c->e->arena, choices),
                    });
}

static void check_field(const struct check *c, const char *name, const json_t *value)
{
    const struct input *input = input_find(c->t, INPUT_FIELD, name);
    const struct schema *schema = schema_of(c->fields, name);
    struct arena *a = c->e->arena;
    const json_t *choices;

    if (input == NULL && field_is_governed(c->entity, name)) {
        fault_governed(c, pointer_to(a, "/fields", name));
        return;
    }
    if (input == NULL) {
        fault_unknown(c, INPUT_FIELD, name, pointer_to(a, "/fields", name));
        return;
    }
    choices = json_object_get(input->params, "choices");
    if (choices != NULL && !json_is_null(value) &&
        !value_has_key(choices, json_string_value(value))) {
        fault_choice(c, input, value, choices);
        return;
    }
    if (schema != NULL && !json_is_null(value))
        (void)schema_check(schema, value, input->pointer, c->e);
}

/* Several choices are each one of those that the transition offers. */
static bool is_offered(const json_t *choices, const json_t *value)
{
    size_t i;
    json_t *one;

    json_array_foreach (value, i, one)
        if (json_is_string(one) && !value_has_key(choices, json_string_value(one)))
            return false;
    return !json_is_string(value) || value_has_key(choices, json_string_value(value));
}

/* The transition may offer fewer choices than the field has. */
static void check_custom_field(const struct check *c, const char *key, const json_t *value)
{
    struct arena *a = c->e->arena;
    const char *name = arena_printf(a, CUSTOM ".%s", key);
    const struct input *input = name != NULL ? input_find(c->t, INPUT_FIELD, name) : NULL;
    const json_t *field = custom_definition(json_object_get(c->facts, "custom_fields"), key);
    const json_t *choices;

    if (input == NULL) {
        fault_unknown(c, INPUT_FIELD, name, pointer_to(a, "/fields/" CUSTOM, key));
        return;
    }
    choices = json_object_get(input->params, "choices");
    if (field == NULL)
        (void)err_fault(c->e, ERR_INVALID,
                        (struct fault){.in = "body",
                                       .pointer = input->pointer,
                                       .code = "unknown",
                                       .detail = "There is no such custom field any more."});
    else if (choices != NULL && !is_offered(choices, value))
        fault_choice(c, input, value, choices);
    else
        (void)custom_value_check(field, value, "/fields/" CUSTOM, c->e);
}

static void check_custom(const struct check *c, const json_t *values)
{
    const char *key;
    json_t *value;

    if (!json_is_object(values))
        (void)err_fault(c->e, ERR_INVALID,
                        (struct fault){.in = "body",
                                       .pointer = "/fields/" CUSTOM,
                                       .code = "type",
                                       .detail = "Send an object of values by key."});
    json_object_foreach ((json_t *)values, key, value)
        check_custom_field(c, key, value);
}

static void check_fields(const struct check *c)
{
    const char *name;
    json_t *value;

    json_object_foreach (json_object_get(c->inputs, "fields"), name, value) {
        if (strcmp(name, CUSTOM) == 0)
            check_custom(c, value);
        else
            check_field(c, name, value);
    }
}

static const char *item_name(const json_t *item)
{
    return json_is_object(item) ? json_string_value(json_object_get(item, "item"))
                                : json_string_value(item);
}

static void check_checklist(const struct check *c)
{
    const json_t *list = json_object_get(c->inputs, "checklist");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = item_name(json_array_get(list, i));

        if (name != NULL && input_find(c->t, INPUT_CHECKLIST, name) == NULL)
            fault_unknown(c, INPUT_CHECKLIST, name, arena_printf(c->e->arena, "/checklist/%zu", i));
    }
}

/* what is missing */

/* A null in the request takes a value away, so it counts even when the record has one. */
static bool has_field(const struct check *c, const char *name)
{
    const json_t *value = value_at(json_object_get(c->inputs, "fields"), name);

    if (value == NULL)
        value = value_at(json_object_get(c->facts, "record"), name);
    return !value_blank(value);
}

static bool has_item(const json_t *list, const char *kind, const json_t *facts)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        if (kind != NULL && !value_has_key(json_object_get(item, "kind"), kind))
            continue;
        if (facts == NULL || item_is_fresh(item, facts))
            return true;
    }
    return false;
}

/* One that was logged during this visit of the state will do: nobody should log a call twice. */
static bool has_evidence(const struct check *c, const struct input *input)
{
    const char *list = input->pointer + 1;

    return has_item(json_object_get(c->inputs, list), param_text(input, "kind"), NULL) ||
           has_item(json_object_get(c->facts, list), param_text(input, "kind"), c->facts);
}

/* Tells whether a failed guard asks for the same thing: then its message is the better one. */
static bool demanded(const struct verdict *v, const struct input *input)
{
    const char *kind = param_text(input, "kind");
    const json_t *wanted;
    size_t n = strlen(input->pointer);

    if (v == NULL || v->passed)
        return false;
    if (v->guard->op == GUARD_ALL) {
        for (size_t i = 0; i < v->nchildren; i++)
            if (demanded(&v->children[i], input))
                return true;
        return false;
    }
    if (v->guard->op != GUARD_LEAF || v->pointer == NULL ||
        strncmp(v->pointer, input->pointer, n) != 0 ||
        (v->pointer[n] != '\0' && v->pointer[n] != '/'))
        return false;
    if (input->kind == INPUT_CHECKLIST)
        return value_has_key(json_object_get(v->guard->params, "items"), param_text(input, "item"));
    wanted = json_object_get(v->guard->params, "kind");
    return kind == NULL || wanted == NULL || value_has_key(wanted, kind);
}

/* Tells whether an input is there already: in the request, or known. */
static bool is_given(const struct check *c, const struct input *input)
{
    switch (input->kind) {
    case INPUT_FIELD: return has_field(c, param_text(input, "field"));
    case INPUT_NOTE: return !value_blank(json_object_get(c->inputs, "note"));
    case INPUT_CHECKLIST:
        return item_is_ticked(json_object_get(c->inputs, "checklist"), param_text(input, "item"));
    case INPUT_ACTIVITY:
    case INPUT_TASK: return has_evidence(c, input);
    case INPUT_FILE: return json_array_size(json_object_get(c->inputs, "files")) > 0;
    }
    return true;
}

static const char *what_is_needed(const struct check *c, const struct input *input)
{
    struct arena *a = c->e->arena;
    const char *kind = param_text(input, "kind");

    switch (input->kind) {
    case INPUT_FIELD: return arena_printf(a, "the field \"%s\"", param_text(input, "field"));
    case INPUT_NOTE: return "a note";
    case INPUT_CHECKLIST: return arena_printf(a, "\"%s\" ticked", param_text(input, "item"));
    case INPUT_ACTIVITY:
        return kind != NULL ? arena_printf(a, "an activity of the kind \"%s\"", kind)
                            : "an activity";
    case INPUT_TASK: return "a task";
    case INPUT_FILE: return "a file";
    }
    return "more";
}

/* A file is kept elsewhere: without saying where, it is none. */
static void check_files(const struct check *c)
{
    const json_t *files = json_object_get(c->inputs, "files");

    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);

        if (!value_blank(json_object_get(file, "url")) ||
            !value_blank(json_object_get(file, "ref")))
            continue;
        (void)err_fault(c->e, ERR_INVALID,
                        (struct fault){
                            .in = "body",
                            .pointer = arena_printf(c->e->arena, "/files/%zu/url", i),
                            .code = "required",
                            .detail = "a file needs an address (url) or a reference (ref)",
                        });
    }
}

bool inputs_check(const struct blueprint *b, const struct transition *t, const json_t *facts,
                  const json_t *inputs, const struct verdict *root, struct err *e)
{
    struct check c = {
        .entity = b->entity, .t = t, .fields = b->fields, .facts = facts, .inputs = inputs, .e = e};
    unsigned before = e->nfaults;

    check_fields(&c);
    check_checklist(&c);
    check_files(&c);
    for (size_t i = 0; i < t->ninputs; i++)
        if (t->inputs[i].required && !demanded(root, &t->inputs[i]) && !is_given(&c, &t->inputs[i]))
            fault_required(&c, &t->inputs[i], what_is_needed(&c, &t->inputs[i]));
    return e->nfaults == before;
}

unsigned inputs_progress(const struct transition *t, const json_t *facts, const json_t *inputs,
                         const struct input **ret_missing, size_t *ret_n)
{
    const struct check c = {.t = t, .facts = facts, .inputs = inputs};
    size_t counted = 0;
    bool any_required = false;

    *ret_n = 0;
    for (size_t i = 0; i < t->ninputs; i++)
        any_required |= t->inputs[i].required;
    for (size_t i = 0; i < t->ninputs; i++) {
        if (any_required && !t->inputs[i].required)
            continue;
        counted++;
        if (!is_given(&c, &t->inputs[i]))
            ret_missing[(*ret_n)++] = &t->inputs[i];
    }
    return counted == 0 ? 100 : (unsigned)(100 * (counted - *ret_n) / counted);
}
