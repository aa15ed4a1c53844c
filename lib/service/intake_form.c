/* intake_form - what a form may fill: members of a lead by name, and custom fields. */
#include <string.h>

#include "schemas.gen.h"
#include "service/custom.h"
#include "service/intake.h"

const struct schema_member *intake_member(const struct fields *of, const char *name)
{
    static const char *const own[] = {"source", "campaign", "owner_id", "tags", "custom", NULL};
    const struct schema_member *m = fields_lookup(of, name);

    if (intake_listed(own, name) || (strchr(name, '.') && !fields_is_custom(name)))
        return NULL;
    return m && m->access == ACCESS_WRITE ? m : NULL;
}

static const char *const lists[] = {"fields", "required"};

enum step intake_form_ask(struct call *c)
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

enum step intake_form_check(struct call *c)
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
