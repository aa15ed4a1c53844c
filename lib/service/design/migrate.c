/* migrate - the slices of a migration, of its undo, and of what a changed calendar makes due at
 * another moment; SQL does the work, under the locks of the records. */
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "service/record/jobs.h"

/* So many records are moved in one transaction. */
#define SLICE 200

static enum step migrate_ask(struct call *c)
{
    ask_migrate_slice(c, (struct q_migrate_slice){.job = work_of(c)->id, .batch = SLICE});
    return STEP_WAIT;
}

static enum step undo_ask(struct call *c)
{
    ask_undo_slice(c, (struct q_undo_slice){.job = work_of(c)->id, .batch = SLICE});
    return STEP_WAIT;
}

static enum step retime_ask(struct call *c)
{
    ask_retime_slice(c, (struct q_retime_slice){.job = work_of(c)->id, .batch = SLICE});
    return STEP_WAIT;
}

static enum step next(struct call *c)
{
    (void)c;
    return STEP_NEXT;
}

static enum step conclude(struct call *c)
{
    struct work *w = work_of(c);
    const struct result *r = call_result(c, 0);

    w->over = strcmp(result_get(r, 0, "over"), "t") == 0;
    w->done = strtoll(result_get(r, 0, "done"), NULL, 10);
    w->next = json_loads(result_get(r, 0, "cursor"), 0, NULL);
    w->result = json_loads(result_get(r, 0, "result"), 0, NULL);
    return STEP_NEXT;
}

const struct job_kind job_migrate = {"migrate", migrate_ask, next, next, conclude};
const struct job_kind job_retime = {"retime", retime_ask, next, next, conclude};
const struct job_kind job_undo = {"undo", undo_ask, next, next, conclude};

/* POST /v1/jobs/{id}/undo */

static enum step job_undo_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_job_to_undo(c, (struct q_job_to_undo){
                           .id = id,
                           .viewer = c->who->id,
                           .scope = call_scope(c, PERMISSION_BLUEPRINT_MIGRATE),
                       });
    return STEP_WAIT;
}

static enum step job_undo_leave(struct call *c)
{
    const struct result *r = call_result(c, 0);
    json_t *params;
    enum step rc;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_NOT_FOUND, NULL);
    if (strcmp(result_get(r, 0, "kind"), job_migrate.name) != 0)
        return call_fail(c, ERR_CONFLICT, "Only a migration can be taken back.");
    if (strcmp(result_get(r, 0, "status"), "done") != 0)
        return call_fail(c, ERR_CONFLICT, "The migration is not done yet.");
    if (strcmp(result_get(r, 0, "undone"), "t") == 0)
        return call_fail(c, ERR_CONFLICT, "The migration is taken back already.");
    params = json_pack("{s:s}", "job", call_path(c, "id"));
    rc = job_leave(c, job_undo.name, params, strtoll(result_get(r, 0, "done"), NULL, 10));
    json_decref(params);
    return rc;
}

const struct operation job_undo_start = {
    .steps = (step_fn *const[]){job_undo_ask, job_undo_leave, job_reply_left, NULL},
};
