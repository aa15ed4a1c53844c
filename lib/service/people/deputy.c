/* deputy - who acts for somebody who is away. Everybody names their own; administrators anybody's.
 */
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "service/record/record.h"

/* The scope of admin.users decides whose: with none it is one's own. */
static const struct record deputy = {
    .entity = "deputy",
    .may_read = PERMISSION_ADMIN_USERS,
    .may_write = PERMISSION_ADMIN_USERS,
    .may_delete = PERMISSION_ADMIN_USERS,
    .get = &query_deputy_get,
    .create = &query_deputy_create,
    .erase = &query_deputy_delete,
    .list = &list_deputy_list,
};

static enum step check_whose(struct call *c)
{
    const char *given = call_body_text(c, "user_id"), *own = caller_id(c);

    if (!given && !own)
        return err_fault(&c->err, ERR_INVALID,
                         (struct fault){.in = "body",
                                        .pointer = "/user_id",
                                        .code = "required",
                                        .detail = "a key is nobody who could be away: say who is"}),
               STEP_FAIL;
    if (!given)
        json_object_set_new(c->body, "user_id", json_string(own));
    else if ((!own || strcmp(given, own) != 0) &&
             c->who->scope[PERMISSION_ADMIN_USERS] != SCOPE_ALL)
        return call_fail(c, ERR_FORBIDDEN, "only administrators name deputies for others");
    return record_create_steps[0](c);
}

const struct operation deputy_list = {record_list_steps, &deputy};
const struct operation deputy_get = {record_get_steps, &deputy};
const struct operation deputy_create = {
    .steps = (step_fn *const[]){check_whose, reply_created, NULL},
    .of = &deputy,
};
const struct operation deputy_delete = {record_delete_steps, &deputy};
