/* custom - definitions of custom fields, and what judges values by them. */
#include "service/record/custom.h"

#include "asks.gen.h"
#include "base/buf.h"
#include "blueprint/custom.h"
#include "call/reply.h"
#include "schemas.gen.h"
#include "service/record/record.h"

#define WHY_MAX 1024

int custom_ask(struct call *c, const char *entity)
{
    return ask_custom_definitions(c, (struct q_custom_definitions){.entity = entity});
}

json_t *custom_definitions(struct call *c, const struct result *r)
{
    json_t *definitions = read_json(c, result_get(r, 0, "definitions"));

    if (!definitions)
        err_set(&c->err, ERR_INTERNAL, NULL);
    return definitions;
}

bool custom_judge(struct call *c, const struct result *r, const json_t *values, const char *base,
                  bool whole)
{
    json_t *definitions = custom_definitions(c, r);

    return definitions && custom_check(definitions, values, base, whole, &c->err);
}

/* conditions of rules */

enum step custom_conditions_ask(struct call *c)
{
    if (!conditions_name_custom(json_object_get(c->body, "conditions")))
        return STEP_NEXT;
    custom_ask(c, "lead");
    return STEP_WAIT;
}

enum step custom_conditions_judge(struct call *c, enum conditions_of of)
{
    const json_t *conditions = json_object_get(c->body, "conditions");
    struct conditions_world w = {.of = of, .members = &schema_LeadCreate};

    if (!conditions)
        return STEP_NEXT;
    if (conditions_name_custom(conditions)) {
        w.custom = custom_definitions(c, call_result(c, 0));
        if (!w.custom)
            return STEP_FAIL;
    }
    return conditions_check(conditions, &w, "/conditions", &c->err) ? STEP_NEXT : STEP_FAIL;
}

/* /v1/custom-fields */

static const struct record definition = {
    .entity = "custom_field",
    .may_read = PERMISSION_FIELDS_READ,
    .may_write = PERMISSION_ADMIN_FIELDS,
    .may_delete = PERMISSION_ADMIN_FIELDS,
    .get = &query_custom_field_get,
    .create = &query_custom_field_create,
    .update = &query_custom_field_update,
    .erase = &query_custom_field_delete,
    .list = &list_custom_field_list,
};

/* A pattern is of our dialect, which the database does not know. */
static enum step check_pattern(struct call *c)
{
    const char *pattern = call_body_text(c, "pattern"), *reason;
    struct buf why;
    bool fine;

    if (!pattern)
        return STEP_NEXT;
    buf_init(&why, WHY_MAX);
    fine = custom_pattern_check(pattern, &c->arena, &why);
    reason = arena_strdup(&c->arena, buf_text(&why));
    buf_done(&why);
    if (fine)
        return STEP_NEXT;
    err_fault(&c->err, ERR_INVALID,
              (struct fault){.in = "body",
                             .pointer = "/pattern",
                             .code = "format",
                             .detail = arena_printf(&c->arena, "This is no pattern: %s.", reason)});
    return STEP_FAIL;
}

const struct operation custom_field_list = {record_list_steps, &definition};
const struct operation custom_field_get = {record_get_steps, &definition};
const struct operation custom_field_create = {
    (step_fn *const[]){check_pattern, record_create, reply_created, NULL}, &definition};
const struct operation custom_field_update = {
    (step_fn *const[]){check_pattern, record_update, check_written, reply_row, NULL}, &definition};
const struct operation custom_field_delete = {record_delete_steps, &definition};
