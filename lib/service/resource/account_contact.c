/* account_contact - people in their roles at accounts. A role is the contact's: whoever may change
 * the contact gives and takes it. */
#include "asks.gen.h"
#include "call/reply.h"
#include "service/record/record.h"

static const struct record account_contact = {
    .entity = "account_contact",
    .may_read = PERMISSION_CONTACT_READ,
    .may_write = PERMISSION_CONTACT_WRITE,
    .may_delete = PERMISSION_CONTACT_WRITE,
    .get = &query_account_contact_get,
    .create = &query_account_contact_create,
    .update = &query_account_contact_update,
    .erase = &query_account_contact_delete,
    .list = &list_account_contact_list,
};

const struct operation account_contact_list = {record_list_steps, &account_contact};
const struct operation account_contact_create = {record_create_steps, &account_contact};
const struct operation account_contact_get = {record_get_steps, &account_contact};
const struct operation account_contact_update = {record_update_steps, &account_contact};
const struct operation account_contact_delete = {record_delete_steps, &account_contact};
const struct operation account_contact_history = {record_history_steps, &account_contact};

static enum step roles_ask(struct call *c)
{
    ask_contact_role_list(c);
    return STEP_WAIT;
}

const struct operation contact_role_list = {
    .steps = (step_fn *const[]){roles_ask, reply_rows, NULL},
};
