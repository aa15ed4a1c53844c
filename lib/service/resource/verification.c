/* verification - the queue of accounts that wait to be verified, and what its work shows. */
#include "asks.gen.h"
#include "call/principal.h"
#include "call/reply.h"
#include "service/record/record.h"

static struct uuid viewer(const struct call *c)
{
    return c->who->kind == ACTOR_USER ? c->who->id : (struct uuid){0};
}

/* GET /v1/accounts/verification-queue: unlike other lists, who came first stands first */

static enum step queue_page(struct call *c)
{
    const char *const fixed[] = {caller_id(c), call_scope(c, PERMISSION_ACCOUNT_READ)};

    if (!call_param(c, "sort"))
        json_object_set_new(c->params, "sort", json_string("verification_since"));
    return list_ask(c, &list_verification_queue, fixed);
}

const struct operation verification_queue = {(step_fn *const[]){queue_page, list_reply, NULL},
                                             NULL};

/* POST /v1/accounts/verification-queue/claim */

static enum step claim_ask(struct call *c)
{
    const char *wanted = call_body_text(c, "id");
    struct q_verification_claim q = {
        .viewer = viewer(c),
        .scope = call_scope(c, PERMISSION_ACCOUNT_VERIFY),
        .seconds = c->env->claim_ttl_s,
    };

    if (wanted && !uuid_parse(span_of(wanted), &q.wanted))
        return call_fail(c, ERR_INTERNAL, NULL);
    ask_verification_claim(c, q);
    ask_verification_claimed(c, (struct q_verification_claimed){.viewer = viewer(c)});
    return STEP_WAIT;
}

static enum step claim_reply(struct call *c)
{
    return result_rows(call_result(c, -1)) ? reply_row(c) : reply_empty(c);
}

const struct operation verification_claim = {(step_fn *const[]){claim_ask, claim_reply, NULL},
                                             NULL};

/* DELETE /v1/accounts/{id}/claim */

static enum step release_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_verification_release(c, (struct q_verification_release){
                                    .id = id,
                                    .viewer = viewer(c),
                                    .scope = call_scope(c, PERMISSION_ACCOUNT_VERIFY),
                                    .any = principal_may(c->who, PERMISSION_ACCOUNT_RELEASE),
                                });
    return STEP_WAIT;
}

const struct operation account_release = {(step_fn *const[]){release_ask, reply_empty, NULL}, NULL};

/* GET /v1/accounts/{id}/verification */

static enum step verification_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_account_verification(c, (struct q_account_verification){
                                    .id = id,
                                    .viewer = viewer(c),
                                    .scope = call_scope(c, PERMISSION_ACCOUNT_READ),
                                });
    return STEP_WAIT;
}

const struct operation account_verification = {
    (step_fn *const[]){verification_ask, reply_row, NULL},
    NULL,
};

/* GET /v1/reports/verification */

static enum step report_ask(struct call *c)
{
    ask_report_verification(c, (struct q_report_verification){
                                   .since = call_param_text(c, "from"),
                                   .until = call_param_text(c, "to"),
                               });
    return STEP_WAIT;
}

const struct operation report_verification = {(step_fn *const[]){report_ask, reply_row, NULL},
                                              NULL};
