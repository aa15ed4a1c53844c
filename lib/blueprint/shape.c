#include "blueprint/shape.h"

#include <string.h>

#include "blueprint/compile.h"
#include "blueprint/evaluate.h"

static const struct shape_member threshold_members[] = {
    {.name = "key", .kind = SHAPE_VALUE},
    {.name = "after", .kind = SHAPE_VALUE},
    {.name = "after_s", .kind = SHAPE_VALUE},
    {.name = "since", .kind = SHAPE_VALUE, .omit = "entry"},
    {.name = "calendar", .kind = SHAPE_VALUE},
    {.name = "what", .kind = SHAPE_VALUE},
    {.name = "params", .kind = SHAPE_PARAMS},
    {.name = NULL},
};
static const struct shape shape_threshold = {"threshold", threshold_members};

static const struct shape_member actor_members[] = {
    {.name = "kind", .kind = SHAPE_VALUE},
    {.name = "value", .kind = SHAPE_VALUE},
    {.name = NULL},
};
static const struct shape shape_actor = {"actor rule", actor_members};

static const struct shape_member input_members[] = {
    {.name = "key", .kind = SHAPE_VALUE},
    {.name = "kind", .kind = SHAPE_VALUE},
    {.name = "required", .kind = SHAPE_VALUE, .omit = "false"},
    {.name = "label", .kind = SHAPE_TEXTS},
    {.name = "params", .kind = SHAPE_PARAMS},
    {.name = NULL},
};
static const struct shape shape_input = {"input", input_members};

static const struct shape_member step_members[] = {
    {.name = "key", .kind = SHAPE_VALUE},
    {.name = "label", .kind = SHAPE_TEXTS},
    {.name = "required", .kind = SHAPE_VALUE, .omit = "true"},
    {.name = "actors", .kind = SHAPE_ROWS, .of = &shape_actor},
    {.name = "inputs", .kind = SHAPE_PARTS, .of = &shape_input},
    {.name = NULL},
};
static const struct shape shape_step = {"step", step_members};

static const struct shape_member state_members[] = {
    {.name = "key", .kind = SHAPE_VALUE},
    {.name = "label", .kind = SHAPE_TEXTS},
    {.name = "category", .kind = SHAPE_VALUE},
    {.name = "probability", .kind = SHAPE_VALUE},
    {.name = "forecast_category", .kind = SHAPE_VALUE},
    {.name = "pausing", .kind = SHAPE_VALUE, .omit = "false"},
    {.name = "sla", .kind = SHAPE_PARTS, .of = &shape_threshold},
    {.name = "steps", .kind = SHAPE_PARTS, .of = &shape_step},
    {.name = NULL},
};
static const struct shape shape_state = {"state", state_members};

static const struct shape shape_guard;
static const struct shape_member guard_members[] = {
    {.name = "key", .kind = SHAPE_VALUE},
    {.name = "op", .kind = SHAPE_VALUE},
    {.name = "kind", .kind = SHAPE_VALUE},
    {.name = "params", .kind = SHAPE_PARAMS},
    {.name = "message", .kind = SHAPE_TEXTS},
    {.name = "guards", .kind = SHAPE_PARTS, .of = &shape_guard},
    {.name = NULL},
};
static const struct shape shape_guard = {"guard", guard_members};

static const struct shape_member action_members[] = {
    {.name = "key", .kind = SHAPE_VALUE},
    {.name = "phase", .kind = SHAPE_VALUE},
    {.name = "kind", .kind = SHAPE_VALUE},
    {.name = "params", .kind = SHAPE_PARAMS},
    {.name = NULL},
};
static const struct shape shape_action = {"action", action_members};

static const struct shape_member transition_members[] = {
    {.name = "key", .kind = SHAPE_VALUE},
    {.name = "label", .kind = SHAPE_TEXTS},
    {.name = "kind", .kind = SHAPE_VALUE, .omit = "manual"},
    {.name = "from", .kind = SHAPE_STATES},
    {.name = "except", .kind = SHAPE_STATES},
    {.name = "to", .kind = SHAPE_VALUE},
    {.name = "auto", .kind = SHAPE_PARAMS},
    {.name = "approval", .kind = SHAPE_PARAMS},
    {.name = "actors", .kind = SHAPE_ROWS, .of = &shape_actor},
    {.name = "guards", .kind = SHAPE_PARTS, .of = &shape_guard},
    {.name = "inputs", .kind = SHAPE_PARTS, .of = &shape_input},
    {.name = "actions", .kind = SHAPE_PARTS, .of = &shape_action},
    {.name = NULL},
};
static const struct shape shape_transition = {"transition", transition_members};

static const struct shape_member blueprint_members[] = {
    {.name = "entity", .kind = SHAPE_VALUE},
    {.name = "key", .kind = SHAPE_VALUE},
    {.name = "number", .kind = SHAPE_VALUE},
    {.name = "label", .kind = SHAPE_TEXTS},
    {.name = "priority", .kind = SHAPE_VALUE, .omit = "0"},
    {.name = "note", .kind = SHAPE_VALUE},
    {.name = "criteria", .kind = SHAPE_PARTS, .of = &shape_guard},
    {.name = "states", .kind = SHAPE_PARTS, .of = &shape_state},
    {.name = "transitions", .kind = SHAPE_PARTS, .of = &shape_transition},
    {.name = NULL},
};
const struct shape shape_blueprint = {NULL, blueprint_members};

const struct param *shape_params(const struct shape *s, const json_t *element)
{
    const char *kind = json_string_value(json_object_get(element, "kind"));
    const struct guard_kind *k;

    if (kind == NULL)
        return NULL;
    if (s == &shape_input)
        return input_kind_params(kind);
    if (s == &shape_action)
        return action_kind_params(kind);
    k = s == &shape_guard ? guard_kind_find(kind) : NULL;
    return k != NULL ? k->params : NULL;
}

bool shape_blank(const struct shape_member *m, const json_t *v)
{
    if (v == NULL || json_is_null(v))
        return true;
    if (json_is_object(v))
        return json_object_size(v) == 0;
    if (json_is_array(v))
        return json_array_size(v) == 0;
    if (m == NULL || m->omit == NULL)
        return false;
    if (json_is_string(v))
        return strcmp(json_string_value(v), m->omit) == 0;
    if (json_is_integer(v))
        return json_integer_value(v) == 0 && strcmp(m->omit, "0") == 0;
    return json_is_boolean(v) && strcmp(m->omit, json_is_true(v) ? "true" : "false") == 0;
}
