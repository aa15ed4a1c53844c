/* assign - which rules apply to a lead, for the list of those that wait and on demand; what was
 * decided; and taking from a team's queue. */
#include "service/lead/assign.h"

#include <string.h>

#include "asks.gen.h"
#include "blueprint/conditions.h"
#include "blueprint/evaluate.h"
#include "call/pgarray.h"
#include "call/reply.h"
#include "service/record/record.h"

#define BATCH 100

struct rule {
    const char *id;
    const char *const *moments;
    const struct transition *conditions; /* NULL: they do not compile any more */
};

struct rules {
    struct rule *list;
    size_t n;
};

static bool read_rules(struct call *c, const struct result *r, struct rules *rules)
{
    rules->n = (size_t)result_rows(r);
    rules->list = call_alloc(c, (rules->n + 1) * sizeof(*rules->list));
    for (size_t i = 0; rules->list && i < rules->n; i++)
        rules->list[i] = (struct rule){
            .id = result_get(r, (int)i, "id"),
            .moments = pgarray_strings(&c->arena, result_get(r, (int)i, "moments")),
            .conditions =
                conditions_compile(read_json(c, result_get(r, (int)i, "conditions")), &c->arena),
        };
    return rules->list;
}

/* On demand every rule counts. */
static bool is_for(const struct rule *rule, const char *moment)
{
    if (!moment)
        return true;
    for (const char *const *m = rule->moments; m && *m; m++)
        if (strcmp(*m, moment) == 0)
            return true;
    return false;
}

/* The lead in a row with the rules that apply, as assign_store() takes it (a new reference). */
static json_t *decide(struct call *c, const struct rules *rules, const struct result *r, int row,
                      const char *moment)
{
    json_t *facts = read_json(c, result_get(r, row, "facts")), *apply = json_array();

    for (size_t i = 0; i < rules->n; i++) {
        const struct rule *rule = &rules->list[i];
        const struct verdict *root;

        if (!rule->conditions || !is_for(rule, moment))
            continue;
        root = evaluate(rule->conditions, facts, &c->arena);
        if (root && root->passed)
            json_array_append_new(apply, json_pack("{s:s,s:o}", "id", rule->id, "evidence",
                                                   conditions_evidence(root)));
    }
    return json_pack("{s:s,s:s,s:o}", "lead", result_get(r, row, "lead_id"), "version",
                     result_get(r, row, "version"), "rules", apply);
}

/* the list of those that wait */

static enum step next_ask(struct call *c)
{
    ask_assign_next(c, (struct q_assign_next){.batch = BATCH});
    ask_assignment_rules(c);
    return STEP_WAIT;
}

static enum step next_decide(struct call *c)
{
    const struct result *rows = call_result(c, 0);
    json_t *results;
    struct rules rules;

    if (result_rows(rows) == 0) {
        c->reply.status = 204;
        return STEP_REPLY;
    }
    if (!read_rules(c, call_result(c, 1), &rules))
        return STEP_FAIL;
    results = keep_json(c, json_array());
    for (int i = 0; i < result_rows(rows); i++) {
        const char *moment = result_get(rows, i, "moment");
        json_t *lead = decide(c, &rules, rows, i, moment);

        json_object_set_new(lead, "moment", json_string(moment));
        json_object_set_new(lead, "mark", json_string(result_get(rows, i, "mark")));
        json_array_append_new(results, lead);
    }
    ask_assign_store(c, (struct q_assign_store){.results = call_json(c, results)});
    return STEP_WAIT;
}

static enum step next_reply(struct call *c)
{
    const char *done = result_get(call_result(c, 0), 0, "done");

    c->reply.status = done && strcmp(done, "0") != 0 ? 200 : 204;
    return STEP_REPLY;
}

step_fn *const assign_steps[] = {next_ask, next_decide, next_reply, NULL};

/* POST /v1/leads/{id}/assign */

static struct uuid viewer(const struct call *c)
{
    return c->who->kind == ACTOR_USER ? c->who->id : (struct uuid){{0}};
}

static enum step demand_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_assign_facts(c, (struct q_assign_facts){.lead = id,
                                                .viewer = viewer(c),
                                                .scope = call_scope(c, PERMISSION_LEAD_WRITE)});
    ask_assignment_rules(c);
    return STEP_WAIT;
}

static enum step demand_decide(struct call *c)
{
    const struct result *lead = call_result(c, 0);
    struct rules rules;
    json_t *result;

    if (result_rows(lead) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such lead, or it is not yours to change");
    if (!read_rules(c, call_result(c, 1), &rules))
        return STEP_FAIL;
    result = keep_json(c, decide(c, &rules, lead, 0, NULL));
    ask_assign_demand(c, (struct q_assign_demand){.result = call_json(c, result)});
    ask_assignment_last(c);
    return STEP_WAIT;
}

const struct operation lead_assign = {
    (step_fn *const[]){demand_ask, demand_decide, reply_row, NULL}, &record_lead};

/* GET /v1/leads/{id}/assignments */

static enum step told_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    record_ask_get(c, &record_lead, &id, PERMISSION_LEAD_READ);
    return STEP_WAIT;
}

static enum step told_page(struct call *c)
{
    const char *const fixed[] = {call_path(c, "id")};

    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, NULL);
    return list_ask(c, &list_lead_assignments, fixed);
}

const struct operation lead_assignments = {
    (step_fn *const[]){told_ask, told_page, list_reply, NULL}, &record_lead};

/* POST /v1/queues/{team}/take */

static enum step take_ask(struct call *c)
{
    struct uuid team;

    if (!call_path_uuid(c, "team", &team))
        return STEP_FAIL;
    ask_queue_take(c, (struct q_queue_take){.team = team, .viewer = viewer(c)});
    ask_queue_taken(c);
    return STEP_WAIT;
}

static enum step take_reply(struct call *c)
{
    return result_rows(call_result(c, -1)) ? reply_row(c) : reply_empty(c);
}

const struct operation queue_take = {(step_fn *const[]){take_ask, take_reply, NULL}, NULL};
