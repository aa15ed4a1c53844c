/* score - the scores of leads, from the list of those that changed and, after rules changed, of
 * all; and what a lead's score is made of. */
#include "service/lead/score.h"

#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "blueprint/conditions.h"
#include "blueprint/evaluate.h"
#include "call/pgarray.h"
#include "call/reply.h"
#include "quality/score.h"
#include "service/record/jobs.h"
#include "service/record/record.h"

#define BATCH 100
#define EVIDENCE_MAX 20 /* events that are named; all count */

struct rule {
    const char *key, *activity;
    const char *const *outcomes;
    json_t *label;
    const struct transition *conditions; /* NULL: they do not compile any more */
    struct score_rule score;
};

struct rules {
    struct rule *list;
    size_t n;
};

static int64_t number(const struct result *r, int row, const char *name)
{
    const char *text = result_get(r, row, name);

    return text ? strtoll(text, NULL, 10) : 0;
}

static bool read_rules(struct call *c, const struct result *r, struct rules *rules)
{
    rules->n = (size_t)result_rows(r);
    rules->list = call_alloc(c, (rules->n + 1) * sizeof(*rules->list));
    for (size_t i = 0; rules->list && i < rules->n; i++) {
        const char *outcomes = result_get(r, (int)i, "outcomes");

        rules->list[i] = (struct rule){
            .key = result_get(r, (int)i, "key"),
            .activity = result_get(r, (int)i, "activity"),
            .outcomes = outcomes ? pgarray_strings(&c->arena, outcomes) : NULL,
            .label = read_json(c, result_get(r, (int)i, "label")),
            .conditions =
                conditions_compile(read_json(c, result_get(r, (int)i, "conditions")), &c->arena),
            .score = {.points = number(r, (int)i, "points"),
                      .cap = number(r, (int)i, "cap"),
                      .half_life_days = number(r, (int)i, "half_life_days"),
                      .expires_days = number(r, (int)i, "expires_days")},
        };
    }
    return rules->list;
}

static bool is_about(const struct rule *rule, const json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "kind"));
    const char *outcome = json_string_value(json_object_get(event, "outcome"));

    if (!kind || strcmp(kind, rule->activity) != 0)
        return false;
    if (!rule->outcomes || !rule->outcomes[0])
        return true;
    for (const char *const *o = rule->outcomes; outcome && *o; o++)
        if (strcmp(*o, outcome) == 0)
            return true;
    return false;
}

/* Adds the events that count; returns those that are named (a new reference). */
static json_t *add_events(const struct rule *rule, const json_t *events, struct score_part *part)
{
    json_t *named = json_array(), *event;
    size_t i;

    json_array_foreach (events, i, event) {
        json_int_t age = json_integer_value(json_object_get(event, "age_s"));

        if (!is_about(rule, event) || !score_add(part, &rule->score, age))
            continue;
        if (json_array_size(named) < EVIDENCE_MAX)
            json_array_append_new(named, json_pack("{s:O,s:O,s:f}", "activity_id",
                                                   json_object_get(event, "id"), "at",
                                                   json_object_get(event, "at"), "points",
                                                   score_worth(&rule->score, age)));
    }
    score_close(part, &rule->score);
    return named;
}

/* What a rule adds to a lead (a new reference); NULL for nothing. */
static json_t *part_of(struct call *c, const struct rule *rule, const json_t *facts,
                       const json_t *events, struct score_part *part)
{
    const struct verdict *root =
        rule->conditions ? evaluate(rule->conditions, facts, &c->arena) : NULL;
    json_t *evidence, *found;

    if (!root || !root->passed)
        return NULL;
    found = conditions_evidence(root);
    if (rule->activity) {
        evidence = add_events(rule, events, part);
    } else {
        evidence = json_array();
        score_hold(part, &rule->score);
    }
    json_array_extend(evidence, found);
    json_decref(found);
    if (rule->activity && part->events == 0) {
        json_decref(evidence);
        return NULL;
    }
    return json_pack("{s:s,s:O?,s:I,s:I,s:I,s:o}", "rule", rule->key, "label", rule->label,
                     "points", (json_int_t)part->points, "counts", (json_int_t)part->worth,
                     "events", (json_int_t)part->events, "evidence", evidence);
}

/* The score of the lead in a row, as score_store() takes it (a new reference). */
static json_t *compute(struct call *c, const struct rules *rules, const struct result *r, int row)
{
    json_t *facts = read_json(c, result_get(r, row, "facts"));
    json_t *events = read_json(c, result_get(r, row, "events"));
    json_t *parts = json_array(), *lead;
    int64_t score = 0, next_s = 0;

    for (size_t i = 0; i < rules->n; i++) {
        struct score_part part = {0};
        json_t *told = part_of(c, &rules->list[i], facts, events, &part);

        score += part.worth;
        if (part.next_s && (!next_s || part.next_s < next_s))
            next_s = part.next_s;
        if (told)
            json_array_append_new(parts, told);
    }
    lead = json_pack("{s:s,s:s,s:s,s:I,s:o}", "lead", result_get(r, row, "lead_id"), "mark",
                     result_get(r, row, "mark"), "cause", result_get(r, row, "cause"), "score",
                     (json_int_t)score, "parts", parts);
    if (next_s)
        json_object_set_new(lead, "due_s", json_integer(next_s));
    return lead;
}

/* Computes the leads of a page and asks to keep them. */
static enum step compute_all(struct call *c, const struct result *rows, const struct result *from)
{
    json_t *results = keep_json(c, json_array());
    struct rules rules;

    if (!read_rules(c, from, &rules))
        return STEP_FAIL;
    for (int i = 0; i < result_rows(rows); i++)
        json_array_append_new(results, compute(c, &rules, rows, i));
    ask_score_store(c, (struct q_score_store){.results = call_json(c, results)});
    return STEP_WAIT;
}

/* the list of those that changed */

static enum step next_ask(struct call *c)
{
    ask_score_next(c, (struct q_score_next){.batch = BATCH});
    ask_score_rules(c);
    return STEP_WAIT;
}

static enum step next_compute(struct call *c)
{
    if (result_rows(call_result(c, 0)) > 0)
        return compute_all(c, call_result(c, 0), call_result(c, 1));
    c->reply.status = 204;
    return STEP_REPLY;
}

static enum step next_reply(struct call *c)
{
    c->reply.status = number(call_result(c, 0), 0, "done") > 0 ? 200 : 204;
    return STEP_REPLY;
}

step_fn *const score_steps[] = {next_ask, next_compute, next_reply, NULL};

/* rules changed: every lead, page by page */

static enum step job_ask(struct call *c)
{
    const char *after = json_string_value(json_object_get(work_of(c)->cursor, "after"));
    struct q_score_page q = {.batch = BATCH};

    if (after && !uuid_parse(span_of(after), &q.after))
        return call_fail(c, ERR_INTERNAL, NULL);
    ask_score_page(c, q);
    ask_score_rules(c);
    return STEP_WAIT;
}

static enum step job_compute(struct call *c)
{
    struct work *w = work_of(c);
    const struct result *rows = call_result(c, 0);
    int n = result_rows(rows);

    if (n == 0) {
        w->over = true;
        return STEP_NEXT;
    }
    w->done += n;
    w->own = (void *)result_get(rows, n - 1, "lead_id");
    return compute_all(c, rows, call_result(c, 1));
}

static enum step job_went_on(struct call *c)
{
    struct work *w = work_of(c);

    if (!w->over)
        w->next = json_pack("{s:s}", "after", (const char *)w->own);
    return STEP_NEXT;
}

static enum step job_conclude(struct call *c)
{
    struct work *w = work_of(c);

    if (w->over)
        w->result = json_pack("{s:I}", "leads", (json_int_t)w->done);
    return STEP_NEXT;
}

const struct job_kind job_rescore = {"rescore", job_ask, job_compute, job_went_on, job_conclude};

/* GET /v1/leads/{id}/score and /score/history */

static void ask_score(struct call *c, struct uuid id)
{
    const struct uuid nobody = {{0}};

    ask_lead_score_get(c, (struct q_lead_score_get){
                              .id = id,
                              .viewer = c->who->kind == ACTOR_USER ? c->who->id : nobody,
                              .scope = call_scope(c, PERMISSION_LEAD_READ),
                          });
}

static enum step get_ask(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    ask_score(c, id);
    return STEP_WAIT;
}

static enum step history_page(struct call *c)
{
    const char *const fixed[] = {call_path(c, "id")};

    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, NULL);
    return list_ask(c, &list_lead_score_history, fixed);
}

const struct operation lead_score = {(step_fn *const[]){get_ask, reply_row, NULL}, &record_lead};
const struct operation lead_score_history = {
    (step_fn *const[]){get_ask, history_page, list_reply, NULL}, &record_lead};
