/* assign_rule - who gets which leads: the rules. */
#include "asks.gen.h"
#include "blueprint/conditions.h"
#include "call/reply.h"
#include "schemas.gen.h"
#include "service/record.h"

static const struct record rule = {
    .entity = "assignment_rule",
    .may_read = PERMISSION_ADMIN_ASSIGNMENT,
    .may_write = PERMISSION_ADMIN_ASSIGNMENT,
    .may_delete = PERMISSION_ADMIN_ASSIGNMENT,
    .get = &query_assignment_rule_get,
    .create = &query_assignment_rule_create,
    .update = &query_assignment_rule_update,
    .erase = &query_assignment_rule_delete,
    .list = &list_assignment_rule_list,
};

static enum step check(struct call *c)
{
    const json_t *conditions = json_object_get(c->body, "conditions");

    if (!conditions || conditions_check(conditions, CONDITIONS_ASSIGNMENT, &schema_LeadCreate,
                                        "/conditions", &c->err))
        return STEP_NEXT;
    return STEP_FAIL;
}

const struct operation assignment_rule_list = {record_list_steps, &rule};
const struct operation assignment_rule_get = {record_get_steps, &rule};
const struct operation assignment_rule_create = {
    (step_fn *const[]){check, record_create, reply_created, NULL}, &rule};
const struct operation assignment_rule_update = {
    (step_fn *const[]){check, record_update, check_written, reply_row, NULL}, &rule};
const struct operation assignment_rule_delete = {record_delete_steps, &rule};
