/* assign_rule - who gets which leads: the rules. */
#include "asks.gen.h"
#include "call/reply.h"
#include "service/record/custom.h"
#include "service/record/record.h"

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
    return custom_conditions_judge(c, CONDITIONS_ASSIGNMENT);
}

const struct operation assignment_rule_list = {record_list_steps, &rule};
const struct operation assignment_rule_get = {record_get_steps, &rule};
const struct operation assignment_rule_create = {
    (step_fn *const[]){custom_conditions_ask, check, record_create, reply_created, NULL}, &rule};
const struct operation assignment_rule_update = {
    (step_fn *const[]){custom_conditions_ask, check, record_update, check_written, reply_row, NULL},
    &rule};
const struct operation assignment_rule_delete = {record_delete_steps, &rule};
