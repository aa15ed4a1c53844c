/* report - what the history tells, as rows; and why one past transition was possible, or was not.
 */
#include <string.h>

#include "asks.gen.h"
#include "base/text.h"
#include "call/list.h"
#include "call/reply.h"
#include "service/record/record.h"

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

/* GET /v1/reports/...: a report is a query and the names of its parameters, in the query's order */

#define REPORT_PARAMS_MAX 10

/* What the caller does not give: how far the permission reaches, and whose it is. */
#define SCOPE "=scope"
#define VIEWER "=viewer"

struct report {
    const struct query *query;
    const char *params[REPORT_PARAMS_MAX];
};

static enum step report_ask(struct call *c)
{
    const struct report *r = c->route->operation->of;
    const char *values[REPORT_PARAMS_MAX] = {0};

    for (int i = 0; i < r->query->nparams; i++) {
        if (!strcmp(r->params[i], SCOPE))
            values[i] = call_scope(c, c->route->permission);
        else if (!strcmp(r->params[i], VIEWER))
            values[i] = caller_id(c);
        else
            values[i] = list_value(c, r->params[i], r->query->types[i]);
    }
    call_ask(c, r->query, values);
    return STEP_WAIT;
}

static step_fn *const report_steps[] = {report_ask, reply_rows, NULL};

#define REPORT(operation_id, name, ...)                                                            \
    const struct operation operation_id = {report_steps,                                           \
                                           &(const struct report){&query_##name, {__VA_ARGS__}}}

/* processes */
REPORT(report_friction, report_friction, "entity", "from", "to");
REPORT(report_friction_actors, report_friction_actors, "entity", "from", "to");
REPORT(report_time_in_state, report_time, "entity", "from", "to", "calendar", "source", "owner");
REPORT(report_response_times, report_response, "entity", "from", "to", "threshold", "source",
       "owner");
REPORT(report_conversion, report_conversion, "entity", "from", "to", "source", "owner");

/* sales: most filters are common to all of them */
#define SEEN "as_of", SCOPE, VIEWER
REPORT(report_forecast, report_forecast, "month_from", "month_to", "source", "owner", "pipeline",
       "product_kind", SEEN);
REPORT(report_lead_quality, report_lead_quality, "by", "from", "to", "calendar", "source", "owner",
       SEEN);
REPORT(report_origins, report_origins, "by", "from", "to", "source", "campaign", "owner", SEEN);
REPORT(report_sales, report_sales, "from", "to", "source", "owner", "pipeline", "product_kind",
       SEEN);
REPORT(report_outcomes, report_outcomes, "from", "to", "source", "owner", "pipeline",
       "product_kind", SEEN);
REPORT(report_growth, report_growth, "from", "to", "source", "owner", SEEN);
REPORT(report_calls, report_calls, "from", "to", "source", "owner", SEEN);
