/* intake_form - forms, and what they may fill: members of a lead by name, and custom fields. */
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "schemas.gen.h"
#include "service/intake/intake.h"
#include "service/record/custom.h"
#include "service/record/keyed.h"

bool intake_listed(const char *const *words, const char *word)
{
    for (size_t i = 0; words && words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

const struct schema_member *intake_member(const struct fields *of, const char *name)
{
    static const char *const own[] = {"source", "campaign", "owner_id", "tags", "custom", NULL};
    const struct schema_member *m = fields_lookup(of, name);

    if (intake_listed(own, name) || (strchr(name, '.') && !fields_is_custom(name)))
        return NULL;
    return m && m->access == ACCESS_WRITE ? m : NULL;
}

static const char *const lists[] = {"fields", "required"};

static enum step ask_definitions(struct call *c)
{
    custom_ask(c, record_lead.entity);
    return STEP_WAIT;
}

static void check(struct call *c, const struct fields *of, const char *list)
{
    const json_t *names = json_object_get(c->body, list), *name;
    size_t i;

    json_array_foreach (names, i, name)
        if (!intake_member(of, json_string_value(name)))
            err_fault(&c->err, ERR_INVALID,
                      (struct fault){.in = "body",
                                     .pointer = arena_printf(&c->arena, "/%s/%zu", list, i),
                                     .code = "enum",
                                     .detail = "A form cannot fill such a field of a lead."});
}

static enum step check_fields(struct call *c)
{
    const json_t *definitions = custom_definitions(c, call_result(c, 0));
    struct fields of;

    if (!definitions)
        return STEP_FAIL;
    of = fields_of(&schema_LeadCreate, definitions, &c->arena);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        check(c, &of, lists[i]);
    return c->err.code == ERR_NONE ? STEP_NEXT : STEP_FAIL;
}

static enum step make(struct call *c)
{
    return keyed_create(c, "ik");
}

static const struct record form = {
    .entity = "intake_form",
    .may_read = PERMISSION_ADMIN_INTAKE,
    .may_write = PERMISSION_ADMIN_INTAKE,
    .may_delete = PERMISSION_ADMIN_INTAKE,
    .get = &query_intake_form_get,
    .create = &query_intake_form_create,
    .update = &query_intake_form_update,
    .list = &list_intake_form_list,
};

const struct operation intake_form_list = {record_list_steps, &form};
const struct operation intake_form_get = {record_get_steps, &form};
const struct operation intake_form_create = {
    .steps = (step_fn *const[]){ask_definitions, check_fields, make, keyed_reply, NULL},
    .of = &form,
};
const struct operation intake_form_update = {
    .steps = (step_fn *const[]){ask_definitions, check_fields, record_update, check_written,
                                reply_row, NULL},
    .of = &form,
};
