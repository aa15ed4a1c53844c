/* reference - what others refer to and nobody writes here: submissions, roles, reasons. */
#include "asks.gen.h"
#include "call/reply.h"
#include "service/record/record.h"

static const struct record submission = {
    .entity = "intake_submission",
    .may_read = PERMISSION_INTAKE_REVIEW,
    .get = &query_intake_submission_get,
    .list = &list_intake_submission_list,
};

const struct operation intake_submission_list = {record_list_steps, &submission};
const struct operation intake_submission_get = {record_get_steps, &submission};

static enum step roles_ask(struct call *c)
{
    ask_role_list(c);
    return STEP_WAIT;
}

const struct operation role_list = {.steps = (step_fn *const[]){roles_ask, reply_rows, NULL}};

static enum step reasons_ask(struct call *c)
{
    ask_reason_list(c);
    return STEP_WAIT;
}

const struct operation reason_list = {.steps = (step_fn *const[]){reasons_ask, reply_rows, NULL}};
