/* card - an account with all that belongs to it, in one call: GET /v1/accounts/{id}/card; and why
 * an account is in which segments.
 *
 * Each part is a query of its own, asked together in one transaction. What the caller may not read
 * at all is not asked for, and named in `omitted`.
 */
#include <stdlib.h>

#include "asks.gen.h"
#include "call/principal.h"
#include "call/reply.h"
#include "service/record/record.h"

struct part {
    const char *name;
    enum permission needs;
    const struct query *query;
};

/* Their queries take id, viewer and scope, or the first of these. */
static const struct part parts[] = {
    {"contacts", PERMISSION_CONTACT_READ, &query_card_contacts},
    {"equipment", PERMISSION_EQUIPMENT_READ, &query_card_equipment},
    {"opportunities", PERMISSION_OPPORTUNITY_READ, &query_card_opportunities},
    {"tasks", PERMISSION_TASK_READ, &query_card_tasks},
    {"invoices", PERMISSION_INVOICE_READ, &query_card_invoices},
    {"complaints", PERMISSION_COMPLAINT_READ, &query_card_complaints},
    {"segments", PERMISSION_ACCOUNT_READ, &query_card_segments},
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

static enum step card_ask(struct call *c)
{
    const char *id, *viewer = caller_id(c);
    struct uuid account;

    if (!call_path_uuid(c, "id", &account))
        return STEP_FAIL;
    id = uuid_text(c, &account);
    record_ask_get(c, &record_account, &account, PERMISSION_ACCOUNT_READ);
    call_ask(c, &query_card_duplicates, (const char *const[]){id});
    call_ask(c, &query_card_timeline, (const char *const[]){id, viewer, record_scopes(c)});
    for (size_t i = 0; i < PARTS; i++)
        if (principal_may(c->who, parts[i].needs))
            call_ask(c, parts[i].query,
                     (const char *const[]){id, viewer, call_scope(c, parts[i].needs)});
    return STEP_WAIT;
}

static bool write_rows(struct call *c, struct out *o, const char *name, const struct result *r)
{
    const struct row_plan *plan = reply_plan(c, r, NULL);

    if (!plan)
        return false;
    out_key(o, name);
    out_array(o);
    for (int i = 0; i < result_rows(r); i++)
        reply_write_planned(o, plan, i);
    out_array_end(o);
    return true;
}

static enum step card_reply(struct call *c)
{
    const struct result *account = call_result(c, 0);
    struct out *o;
    int next = 3;

    if (result_rows(account) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such account, or it is not yours to see");
    o = reply_json(c, 200);
    out_object(o);
    out_key(o, "account");
    reply_write_row(o, account, 0, NULL);
    out_key(o, "suspected_duplicates");
    out_int(o, strtoll(result_get(call_result(c, 1), 0, "n"), NULL, 10));
    if (!write_rows(c, o, "timeline", call_result(c, 2)))
        return STEP_FAIL;
    for (size_t i = 0; i < PARTS; i++)
        if (principal_may(c->who, parts[i].needs) &&
            !write_rows(c, o, parts[i].name, call_result(c, next++)))
            return STEP_FAIL;
    out_key(o, "omitted");
    out_array(o);
    for (size_t i = 0; i < PARTS; i++)
        if (!principal_may(c->who, parts[i].needs))
            out_string(o, parts[i].name);
    out_array_end(o);
    out_object_end(o);
    return reply_digested(c);
}

const struct operation account_card = {
    .steps = (step_fn *const[]){card_ask, card_reply, NULL},
    .of = &record_account,
};

/* GET /v1/accounts/{id}/segments */

static enum step why_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    record_ask_get(c, &record_account, &id, PERMISSION_ACCOUNT_READ);
    ask_account_segments(c, (struct q_account_segments){.id = id});
    return STEP_WAIT;
}

static enum step why_reply(struct call *c)
{
    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such account, or it is not yours to see");
    return reply_rows(c);
}

const struct operation account_segments = {
    .steps = (step_fn *const[]){why_ask, why_reply, NULL},
    .of = &record_account,
};

/* Segments themselves: whoever sees accounts sees the rules. */

static const struct record segment = {
    .entity = "segment",
    .may_read = PERMISSION_ACCOUNT_READ,
    .may_write = PERMISSION_SEGMENT_WRITE,
    .may_delete = PERMISSION_SEGMENT_WRITE,
    .get = &query_segment_get,
    .create = &query_segment_create,
    .update = &query_segment_update,
    .erase = &query_segment_delete,
    .list = &list_segment_list,
};

const struct operation segment_list = {record_list_steps, &segment};
const struct operation segment_create = {record_create_steps, &segment};
const struct operation segment_get = {record_get_steps, &segment};
const struct operation segment_update = {record_update_steps, &segment};
const struct operation segment_delete = {record_delete_steps, &segment};
const struct operation segment_history = {record_history_steps, &segment};
