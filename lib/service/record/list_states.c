/* list_states - an empty list of a state that no process has: the state is mistyped, and that is
 * told.
 *
 * Looked at only when nothing was found, so that lists which find something pay nothing. */
#include "service/record/list_states.h"
#include "asks.gen.h"
#include "blueprint/blueprint.h"
#include "blueprint/value.h"
#include "call/list.h"
#include "service/record/record.h"

/* c->state of a list: which filter was asked about, and whether its states are known to be fine. */
struct asked {
    const char *entity, *param;
    bool judged;
};

enum step list_states_ask(struct call *c)
{
    const char *entity = record_of(c)->entity, *param = entity ? governed_field(entity) : NULL;
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
    const char **names = call_alloc(c, (json_array_size(words) + 1) * sizeof(*names));

    if (!names)
        return;
    for (size_t i = 0; i < json_array_size(words); i++)
        names[i] = json_string_value(json_array_get(words, i));
    err_fault(&c->err, ERR_BAD_PARAMETER,
              (struct fault){
                  .in = "query",
                  .pointer = a->param,
                  .code = "enum",
                  .detail = arena_printf(&c->arena, "No process of %s has a state \"%s\".",
                                         a->entity, value),
                  .hint = err_suggest(&c->arena, value, names),
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
