/* score_rule - what makes a lead promising, and from which score on it is hot. */
#include "asks.gen.h"
#include "call/reply.h"
#include "service/record/custom.h"
#include "service/record/record.h"

static const struct record rule = {
    .entity = "score_rule",
    .may_read = PERMISSION_ADMIN_SCORING,
    .may_write = PERMISSION_ADMIN_SCORING,
    .may_delete = PERMISSION_ADMIN_SCORING,
    .get = &query_score_rule_get,
    .create = &query_score_rule_create,
    .update = &query_score_rule_update,
    .erase = &query_score_rule_delete,
    .list = &list_score_rule_list,
};

static enum step check(struct call *c)
{
    return custom_conditions_judge(c, CONDITIONS_SCORE);
}

static enum step create(struct call *c)
{
    return record_create_steps[0](c);
}

const struct operation score_rule_list = {record_list_steps, &rule};
const struct operation score_rule_get = {record_get_steps, &rule};
const struct operation score_rule_create = {
    (step_fn *const[]){custom_conditions_ask, check, create, reply_created, NULL}, &rule};
const struct operation score_rule_update = {
    (step_fn *const[]){custom_conditions_ask, check, record_update, check_written, reply_row, NULL},
    &rule};
const struct operation score_rule_delete = {record_delete_steps, &rule};

/* GET and PATCH /v1/scoring */

static enum step scoring_ask(struct call *c)
{
    ask_scoring_get(c);
    return STEP_WAIT;
}

static enum step scoring_change(struct call *c)
{
    int64_t version;

    if (!call_if_match(c, &version))
        return STEP_FAIL;
    ask_scoring_update(
        c, (struct q_scoring_update){
               .version = version ? arena_printf(&c->arena, "%lld", (long long)version) : NULL,
               .patch = call_json(c, c->body),
           });
    ask_scoring_get(c);
    return STEP_WAIT;
}

const struct operation scoring_get = {(step_fn *const[]){scoring_ask, reply_row, NULL}, NULL};
const struct operation scoring_update = {
    (step_fn *const[]){scoring_change, check_written, reply_row, NULL}, NULL};
