#include "service/record/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "service/record/record.h"

/* GET /v1/jobs and /v1/jobs/{id} */

static const struct record job_record = {
    .entity = "job",
    .may_read = PERMISSION_JOB_READ,
};

/* Everybody sees what they left; all of it with a permission. */
static enum step list_ask_page(struct call *c)
{
    const char *const fixed[] = {uuid_text(c, &c->who->id), call_scope(c, PERMISSION_JOB_READ)};

    return list_ask(c, &list_job_list, fixed);
}

void job_ask_get(struct call *c, struct uuid id)
{
    ask_job_get(c, (struct q_job_get){.id = id,
                                      .viewer = c->who->id,
                                      .scope = call_scope(c, PERMISSION_JOB_READ)});
}

const struct operation job_list = {(step_fn *const[]){list_ask_page, list_reply, NULL},
                                   &job_record};

static enum step get_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    job_ask_get(c, id);
    return STEP_WAIT;
}

const struct operation job_get = {(step_fn *const[]){get_ask, reply_row, NULL}, &job_record};

/* GET /v1/jobs/{id}/items */

static enum step items_page(struct call *c)
{
    const char *const fixed[] = {call_path(c, "id")};

    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, NULL);
    return list_ask(c, &list_job_items, fixed);
}

const struct operation job_items = {(step_fn *const[]){get_ask, items_page, list_reply, NULL},
                                    &job_record};

/* leaving work */

enum step job_leave(struct call *c, const char *kind, const json_t *params, int64_t total)
{
    struct uuid id = call_new_id(c);

    ask_job_create(c, (struct q_job_create){
                          .id = id,
                          .kind = kind,
                          .params = call_json(c, params),
                          .total = arena_printf(&c->arena, "%lld", (long long)total),
                      });
    job_ask_get(c, id);
    return STEP_WAIT;
}

enum step job_reply_left(struct call *c)
{
    const struct result *r = call_result(c, -1);
    struct out *o = reply_json(c, 202);

    reply_write_row(o, r, 0, NULL);
    reply_header(c, "Location", arena_printf(&c->arena, "/v1/jobs/%s", result_get(r, 0, "id")));
    return STEP_REPLY;
}

/* slices */

static const struct job_kind *const kinds[] = {
    &job_simulate, &job_drift,  &job_migrate,       &job_undo,           &job_bulk,
    &job_retime,   &job_import, &job_import_revert, &job_import_compare, &job_rescore,
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct work *work_of(struct call *c)
{
    return c->state;
}

struct uuid work_daemon(void)
{
    static _Thread_local struct uuid id;

    if (uuid_is_none(&id))
        id = uuid_v7();
    return id;
}

static enum step claim_ask(struct call *c)
{
    const char *names[KINDS + 1] = {NULL};

    for (size_t i = 0; i < KINDS; i++)
        names[i] = kinds[i]->name;
    ask_job_claim(c, (struct q_job_claim){.kinds = text_array(c, names), .daemon = work_daemon()});
    return STEP_WAIT;
}

static enum step claim_take(struct call *c)
{
    const struct result *r = call_result(c, 0);
    struct work *w = call_alloc(c, sizeof(*w));

    if (!w)
        return STEP_FAIL;
    if (result_rows(r) == 0) {
        c->reply.status = 204;
        return STEP_REPLY;
    }
    c->state = w;
    if (!uuid_parse(span_of(result_get(r, 0, "id")), &w->id))
        return call_fail(c, ERR_INTERNAL, NULL);
    w->params = read_json(c, result_get(r, 0, "params"));
    w->cursor = read_json(c, result_get(r, 0, "cursor"));
    w->done = strtoll(result_get(r, 0, "done"), NULL, 10);
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->name, result_get(r, 0, "kind")) == 0)
            w->kind = kinds[i];
    return w->kind->ask(c);
}

static enum step slice_page(struct call *c)
{
    return work_of(c)->kind->page(c);
}

static enum step slice_evaluate(struct call *c)
{
    return work_of(c)->error ? STEP_NEXT : work_of(c)->kind->evaluate(c);
}

static enum step slice_save(struct call *c)
{
    struct work *w = work_of(c);
    enum step rc = w->error ? STEP_NEXT : w->kind->conclude(c);

    c->state = w; /* a kind may lend it to others */
    if (rc != STEP_NEXT)
        return rc;
    if (w->next)
        keep_json(c, w->next);
    if (w->result)
        keep_json(c, w->result);
    ask_job_save(c, (struct q_job_save){
                        .id = w->id,
                        .daemon = work_daemon(),
                        .status = w->error  ? "failed"
                                  : w->over ? "done"
                                            : "running",
                        .done = w->done,
                        .cursor = w->over ? NULL : call_json(c, w->next),
                        .result = call_json(c, w->result),
                        .error = w->error,
                    });
    return STEP_WAIT;
}

static enum step slice_reply(struct call *c)
{
    const struct work *w = work_of(c);

    if (w->more && w->more(c)) {
        call_repeat(c, 4);
        return STEP_NEXT;
    }
    c->reply.status = 200;
    return STEP_REPLY;
}

step_fn *const job_steps[] = {
    claim_ask, claim_take, slice_page, slice_evaluate, slice_save, slice_reply, NULL,
};
