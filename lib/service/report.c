/* report - what the history tells, as rows; and why one past transition was possible, or was not.
 */
#include "asks.gen.h"
#include "base/text.h"
#include "call/reply.h"
#include "service/record.h"

/* GET /v1/leads/{id}/history/{seq}: the record itself decides who may see its story */

static enum step why_ask_record(struct call *c)
{
    const struct record *r = record_of(c);
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    record_ask_get(c, r, &id, r->may_read);
    return STEP_WAIT;
}

static enum step why_ask(struct call *c)
{
    const struct record *r = record_of(c);
    struct q_why_get q = {.entity = r->entity};

    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such %s, or it is not yours to see", r->entity);
    if (!text_parse_i64(span_of(call_path(c, "seq")), &q.seq))
        return call_fail(c, ERR_NOT_FOUND, "The history has no such entry.");
    if (!call_path_uuid(c, "id", &q.id))
        return STEP_FAIL;
    ask_why_get(c, q);
    return STEP_WAIT;
}

static step_fn *const why_steps[] = {why_ask_record, why_ask, reply_row, NULL};

const struct operation lead_why = {why_steps, &record_lead};
const struct operation account_why = {why_steps, &record_account};
const struct operation opportunity_why = {why_steps, &record_opportunity};

/* GET /v1/reports/...: an entity, a period, and for some one thing more */

static enum step report_ask(struct call *c)
{
    const struct query *q = c->route->operation->of;
    const char *const values[] = {
        call_param_text(c, "entity"),
        call_param_text(c, "from"),
        call_param_text(c, "to"),
    };

    call_ask(c, q, values);
    return STEP_WAIT;
}

/* One more parameter: whose working time counts, or which threshold. */
static enum step report_ask_with(struct call *c, const char *more)
{
    const char *const values[] = {
        call_param_text(c, "entity"),
        call_param_text(c, "from"),
        call_param_text(c, "to"),
        more,
    };

    call_ask(c, c->route->operation->of, values);
    return STEP_WAIT;
}

static enum step time_ask(struct call *c)
{
    const char *calendar = call_param_text(c, "calendar");

    return report_ask_with(c, calendar ? calendar : "default");
}

static enum step response_ask(struct call *c)
{
    return report_ask_with(c, call_param_text(c, "threshold"));
}

static step_fn *const time_steps[] = {time_ask, reply_rows, NULL};
static step_fn *const response_steps[] = {response_ask, reply_rows, NULL};

static step_fn *const report_steps[] = {report_ask, reply_rows, NULL};

const struct operation report_friction = {report_steps, &query_report_friction};
const struct operation report_friction_actors = {report_steps, &query_report_friction_actors};
const struct operation report_time_in_state = {time_steps, &query_report_time};
const struct operation report_response_times = {response_steps, &query_report_response};
const struct operation report_conversion = {report_steps, &query_report_conversion};
