/* list_states - an empty list of a state that no process has: the state is mistyped, and that is
 * told.
 *
 * Looked at only when nothing was found, so that lists which find something pay nothing. */
#include <string.h>

#include "asks.gen.h"
#include "blueprint/value.h"
#include "call/list.h"
#include "service/record/list_states.h"
#include "service/record/record.h"

static const struct {
    const char *entity, *param;
} filters[] = {{"lead", "status"}, {"account", "verification"}, {"opportunity", "stage"}};

/* c->state of a list: which filter was asked about, and whether its states are known to be fine. */
struct asked {
    const char *entity, *param;
    bool judged;
};

static const char *param_of(const char *entity)
{
    for (size_t i = 0; entity && i < sizeof(filters) / sizeof(filters[0]); i++)
        if (strcmp(filters[i].entity, entity) == 0)
            return filters[i].param;
    return NULL;
}

enum step list_states_ask(struct call *c)
{
    const char *entity = record_of(c)->entity, *param = param_of(entity);
    struct asked *a = c->state;

    if (a || !param || !call_param(c, param) || call_param(c, "cursor") || list_rows(c) > 0)
        return STEP_NEXT;
    a = call_alloc(c, sizeof(*a));
    if (!a)
        return STEP_FAIL;
    *a = (struct asked){.entity = entity, .param = param};
    c->state = a;
    ask_state_words(c, (struct q_state_words){.entity = entity});
    return STEP_WAIT;
}

static void refuse(struct call *c, const struct asked *a, const json_t *words, const char *value)
{
    const char **names = call_alloc(c, (json_array_size(words) + 1) * sizeof(*names)), *near;

    if (!names)
        return;
    for (size_t i = 0; i < json_array_size(words); i++)
        names[i] = json_string_value(json_array_get(words, i));
    near = text_nearest(value, names);
    err_fault(&c->err, ERR_BAD_PARAMETER,
              (struct fault){
                  .in = "query",
                  .pointer = a->param,
                  .code = "enum",
                  .detail = arena_printf(&c->arena, "No process of %s has a state \"%s\".",
                                         a->entity, value),
                  .hint = near ? arena_printf(&c->arena, "did you mean \"%s\"?", near) : NULL,
                  .allowed = call_json(c, words),
              });
}

/* The list itself is made once more behind it: rare, and it then answers as ever. */
enum step list_states_judge(struct call *c)
{
    struct asked *a = c->state;
    json_t *words;
    const json_t *values, *value;
    size_t i;

    if (!a || a->judged)
        return STEP_NEXT;
    words = json_loads(result_text(call_result(c, 0), 0, 0), 0, NULL);
    values = call_param(c, a->param);
    json_array_foreach (values, i, value)
        if (!value_has_key(words, json_string_value(value)))
            refuse(c, a, words, json_string_value(value));
    json_decref(words);
    if (c->err.code != ERR_NONE)
        return STEP_FAIL;
    a->judged = true;
    call_forget(c);
    call_repeat(c, 3);
    return STEP_NEXT;
}
