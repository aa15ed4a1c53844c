/* the inputs of a transition */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "blueprint/compile.h"
#include "blueprint/custom.h"
#include "blueprint/evaluate.h"
#include "blueprint/memo.h"

/* Lists of coded reasons that a choice may offer; the loader puts their keys in "choices". */
static const char *const reason_lists[] = {"unqualified_reason", "dead_reason", "lost_reason",
                                           "rejection_reason", NULL};

static const struct param field_params[] = {
    {.name = "field", .type = PARAM_MEMBER, .required = true},
    {.name = "choices", .type = PARAM_STRINGS},
    {.name = "choices_from", .type = PARAM_KEY, .values = reason_lists},
    {.name = NULL},
};

static const struct param checklist_params[] = {
    {.name = "item", .type = PARAM_KEY, .required = true},
    {.name = NULL},
};

static const struct param activity_params[] = {
    {.name = "kind", .type = PARAM_KEY},
    {.name = NULL},
};

static const struct param no_params[] = {{.name = NULL}};

static const char *const kinds[] = {"field", "note", "checklist", "activity", "task", "file", NULL};

static const struct {
    const struct param *params;
    const char *pointer; /* NULL: by the field */
} rows_of_kinds[] = {
    [INPUT_FIELD] = {field_params, NULL},
    [INPUT_NOTE] = {no_params, "/note"},
    [INPUT_CHECKLIST] = {checklist_params, "/checklist"},
    [INPUT_ACTIVITY] = {activity_params, "/activities"},
    [INPUT_TASK] = {no_params, "/tasks"},
    [INPUT_FILE] = {no_params, "/files"},
};

const struct param *input_kind_params(const char *kind)
{
    for (size_t i = 0; kinds[i] != NULL; i++)
        if (strcmp(kinds[i], kind) == 0)
            return rows_of_kinds[i].params;
    return NULL;
}

static const char *name_of(const struct input *input)
{
    return json_string_value(
        json_object_get(input->params, input->kind == INPUT_FIELD ? "field" : "item"));
}

/* "custom.seats" is supplied at "/fields/custom/seats". */
static const char *field_pointer(struct compiler *c, const char *field)
{
    const char *key = custom_key(field);

    return key != NULL ? arena_printf(c->arena, "/fields/custom/%s", key)
                       : arena_printf(c->arena, "/fields/%s", field);
}

/* Two inputs of one field would contradict each other. */
static const struct input *twin_of(const struct input *inputs, size_t n, const struct input *input)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(inputs[i].key, input->key) == 0)
            return &inputs[i];
        if (inputs[i].kind != input->kind || name_of(input) == NULL)
            continue;
        if (strcmp(name_of(&inputs[i]), name_of(input)) == 0)
            return &inputs[i];
    }
    return NULL;
}

/* Every listing of transitions shows them: made once, not for each. */
static bool keep_params(struct compiler *c, struct input *input)
{
    char *text;

    input->params_text = "{}";
    if (!json_is_object(input->params))
        return true;
    text = json_dumps(input->params, JSON_COMPACT);
    input->params_text = text != NULL ? arena_strdup(c->arena, text) : NULL;
    free(text);
    return input->params_text != NULL || compile_fail(c, ": the blueprint is too large");
}

static bool compile_input(struct compiler *c, const struct row *row, struct input *input)
{
    const json_t *required = json_object_get(row->json, "required");
    int kind = INPUT_FIELD;

    if (!compile_key(c, row, "key", &input->key) ||
        !compile_label(c, row, "label", &input->label) ||
        !compile_word(c, row, "kind", kinds, -1, &kind) ||
        !compile_params(c, row, rows_of_kinds[kind].params))
        return false;
    if (required != NULL && !json_is_boolean(required) && !json_is_null(required))
        return compile_fail(c, "%s/required: must be true or false", row->where);
    input->kind = (enum input_kind)kind;
    input->required = json_is_true(required);
    input->params = json_object_get(row->json, "params");
    if (!keep_params(c, input))
        return false;
    input->pointer = rows_of_kinds[kind].pointer;
    if (label_in(&input->label, "en") == NULL)
        input->label.en = input->key;
    if (input->pointer == NULL)
        input->pointer = field_pointer(c, name_of(input));
    return input->pointer != NULL || compile_fail(c, ": the blueprint is too large");
}

bool compile_inputs(struct compiler *c, const struct row *row, struct transition *t)
{
    struct input *inputs;
    struct row *rows = NULL;
    size_t n = 0;

    if (!compile_rows(c, row, "inputs", BLUEPRINT_INPUTS_MAX, &rows, &n))
        return false;
    inputs = compile_alloc(c, n, sizeof(*inputs));
    if (inputs == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct input *twin;

        if (!compile_input(c, &rows[i], &inputs[i]))
            return false;
        twin = twin_of(inputs, i, &inputs[i]);
        if (twin != NULL)
            return compile_fail(c, "%s: the input \"%s\" collects that already", rows[i].where,
                                twin->key);
    }
    t->inputs = inputs;
    t->ninputs = n;
    t->head = memo_create(c->arena);
    t->who = memo_create(c->arena);
    t->collects = memo_create(c->arena);
    return (t->head != NULL && t->who != NULL && t->collects != NULL) ||
           compile_fail(c, ": the blueprint is too large");
}
