/* duplicate - rules, the list of pairs, and what saving a record would meet. */
#include <string.h>

#include "asks.gen.h"
#include "call/reply.h"
#include "service/record/match.h"
#include "service/record/record.h"

/* The user who asks, or none. */
static struct uuid viewer_of(const struct call *c)
{
    const struct uuid none = {{0}};

    return c->who->kind == ACTOR_USER ? c->who->id : none;
}

static const struct record rule = {
    .entity = "duplicate_rule",
    .may_read = PERMISSION_ADMIN_DUPLICATES,
    .may_write = PERMISSION_ADMIN_DUPLICATES,
    .may_delete = PERMISSION_ADMIN_DUPLICATES,
    .get = &query_duplicate_rule_get,
    .create = &query_duplicate_rule_create,
    .update = &query_duplicate_rule_update,
    .erase = &query_duplicate_rule_delete,
    .list = &list_duplicate_rule_list,
};

const struct operation duplicate_rule_list = {record_list_steps, &rule};
const struct operation duplicate_rule_get = {record_get_steps, &rule};
const struct operation duplicate_rule_create = {record_create_steps, &rule};
const struct operation duplicate_rule_update = {record_update_steps, &rule};
const struct operation duplicate_rule_delete = {record_delete_steps, &rule};

/* GET /v1/duplicates and /v1/duplicates/{id} */

static enum step list_ask_page(struct call *c)
{
    const char *const fixed[] = {caller_id(c), call_scope(c, c->route->permission),
                                 match_scopes(c)};

    return list_ask(c, &list_duplicate_list, fixed);
}

static void ask_get(struct call *c, struct uuid id)
{
    ask_duplicate_get(c, (struct q_duplicate_get){
                             .id = id,
                             .viewer = viewer_of(c),
                             .scope = call_scope(c, PERMISSION_DUPLICATE_READ),
                             .scopes = match_scopes(c),
                         });
}

static enum step get_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_get(c, id);
    return STEP_WAIT;
}

static const struct record pair = {.entity = "duplicate_pair",
                                   .may_read = PERMISSION_DUPLICATE_READ};

const struct operation duplicate_list = {(step_fn *const[]){list_ask_page, list_reply, NULL},
                                         &pair};
const struct operation duplicate_get = {(step_fn *const[]){get_ask, reply_row, NULL}, &pair};

/* POST /v1/duplicates/{id}/dismiss */

static enum step dismiss_ask(struct call *c)
{
    struct uuid id;
    int64_t version;

    if (!call_path_uuid(c, "id", &id) || !call_if_match(c, &version))
        return STEP_FAIL;
    ask_duplicate_dismiss(
        c, (struct q_duplicate_dismiss){
               .id = id,
               .viewer = viewer_of(c),
               .scope = call_scope(c, c->route->permission),
               .version = version ? arena_printf(&c->arena, "%lld", (long long)version) : NULL,
               .note = call_body_text(c, "note"),
           });
    ask_get(c, id);
    return STEP_WAIT;
}

const struct operation duplicate_dismiss = {
    (step_fn *const[]){dismiss_ask, check_written, reply_row, NULL}, &pair};

/* POST /v1/accounts/duplicates: the body is that of a creation; nothing is written */

static enum step preview_ask(struct call *c)
{
    const struct record *r = record_of(c);
    json_t *sent = keep_json(c, match_record(c, r->entity, NULL, c->body));

    ask_match_preview(c, (struct q_match_preview){
                             .entity = r->entity,
                             .sent = call_json(c, sent),
                             .viewer = viewer_of(c),
                             .scopes = match_scopes(c),
                         });
    return STEP_WAIT;
}

static enum step preview_reply(struct call *c)
{
    const char *found = result_get(call_result(c, 0), 0, "found");
    struct out *o = reply_json(c, c->route->success);

    out_raw(o, found, strlen(found));
    return STEP_REPLY;
}

static step_fn *const preview_steps[] = {preview_ask, preview_reply, NULL};

const struct operation lead_duplicates = {preview_steps, &record_lead};
const struct operation account_duplicates = {preview_steps, &record_account};
const struct operation contact_duplicates = {preview_steps, &record_contact};
