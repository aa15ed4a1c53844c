/* simulate - what another version would change for the records that are there. Nothing is written
 * but the job that does it. */
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "blueprint/document.h"
#include "call/reply.h"
#include "service/design/survey.h"
#include "service/record/jobs.h"

/* Says of which transitions nobody can know whether they are open before somebody asks. */
static json_t *with_assumptions(json_t *transitions, const struct blueprint *b)
{
    json_t *item;
    size_t i;

    json_array_foreach (transitions, i, item) {
        const char *key = json_string_value(json_object_get(item, "transition"));
        const struct transition *t = blueprint_transition(b, key);
        json_t *assumed = t ? survey_assumed(t) : NULL;

        if (assumed)
            (void)json_object_set_new(item, "assumed", assumed);
    }
    return transitions;
}

static json_t *simulation_result(const struct survey *s)
{
    json_t *records = json_object_get(s->sum, "records");
    json_t *transitions = survey_listed(json_object_get(s->sum, "transitions"), "transition");
    json_t *late = json_object_get(s->sum, "thresholds");

    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:O*, s:o}", "entity", s->entity, "version",
                     s->version_id, "records", json_integer_value(records), "states",
                     survey_listed(json_object_get(s->sum, "states"), "state"), "transitions",
                     with_assumptions(transitions, s->version), "scope",
                     json_object_get(s->sum, "scope"), "thresholds",
                     late ? json_incref(late) : json_array());
}

/* POST /v1/blueprints/{id}/simulate */

/* Faults point into the document; the body has it as a member. */
static bool document_is_sound(struct call *c, const json_t *document)
{
    if (!document || document_check(document, &c->err))
        return true;
    for (struct fault *f = c->err.faults; f; f = f->next)
        f->pointer = arena_printf(&c->arena, "/document%s", f->pointer);
    return false;
}

static enum step simulate_ask(struct call *c)
{
    struct survey *s = survey_new(c, simulation_result);
    struct uuid id;

    if (!s || !call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    s->version_id = arena_strdup(&c->arena, call_path(c, "id"));
    s->mapping = json_object_get(c->body, "mapping");
    s->document = json_object_get(c->body, "document");
    s->soon = json_integer_value(json_object_get(c->body, "within_days"));
    if (!document_is_sound(c, s->document))
        return STEP_FAIL;
    ask_survey_scope(c, (struct q_survey_scope){.version = id});
    return STEP_WAIT;
}

static bool mapping_fits(struct call *c, const struct survey *s)
{
    const char *from;
    json_t *to;

    json_object_foreach (s->mapping, from, to) {
        const char *key = json_string_value(to);

        if (key && blueprint_state(s->version, key))
            continue;
        err_fault(&c->err, ERR_INVALID,
                  (struct fault){.in = "body",
                                 .pointer = arena_printf(&c->arena, "/mapping/%s", from),
                                 .code = "unknown",
                                 .detail = "The version has no such state."});
    }
    return c->err.code == ERR_NONE;
}

static enum step simulate_begin(struct call *c)
{
    struct survey *s = c->state;
    json_t *params;
    enum step rc;

    if (!survey_begin(c, s, call_result(c, 0)) || !mapping_fits(c, s))
        return STEP_FAIL;
    if (s->total <= SURVEY_AT_ONCE)
        return survey_ask_page(c, s);
    params = json_pack("{s:s, s:I, s:O*, s:O*}", "version", s->version_id, "within_days", s->soon,
                       "mapping", s->mapping, "document", s->document);
    rc = job_leave(c, job_simulate.name, params, s->total);
    json_decref(params);
    s->over = true;
    return rc;
}

const struct operation blueprint_simulate = {
    .steps = (step_fn *const[]){simulate_ask, simulate_begin, survey_page, survey_page_done, NULL},
};

/* POST /v1/blueprints/{id}/migrations: a dry run tells what it would change, else it is a job */

static enum step migrate_ask(struct call *c)
{
    struct survey *s = survey_new(c, simulation_result);
    struct q_migration_check check = {.mapping = NULL};

    if (!s || !call_path_uuid(c, "id", &check.target))
        return STEP_FAIL;
    s->version_id = arena_strdup(&c->arena, call_path(c, "id"));
    s->only = call_body_text(c, "from");
    s->mapping = json_object_get(c->body, "mapping");
    if (!uuid_parse(span_of(s->only), &check.source))
        return call_fail(c, ERR_REFERENCE, "\"from\" is no version.");
    check.mapping = call_json(c, s->mapping);
    ask_survey_again(c, (struct q_survey_again){.version = check.target});
    ask_migration_check(c, check);
    return STEP_WAIT;
}

static enum step migrate_begin(struct call *c)
{
    struct survey *s = c->state;
    json_t *params;
    enum step rc;

    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, "There is no such version of a blueprint.");
    s->total = strtoll(result_get(call_result(c, 1), 0, "total"), NULL, 10);
    if (c->dry)
        return survey_begin(c, s, call_result(c, 0)) ? survey_ask_page(c, s) : STEP_FAIL;
    params =
        json_pack("{s:s, s:s, s:O*}", "from", s->only, "to", s->version_id, "mapping", s->mapping);
    rc = job_leave(c, job_migrate.name, params, s->total);
    json_decref(params);
    s->over = true;
    return rc;
}

const struct operation blueprint_migrate = {
    .steps = (step_fn *const[]){migrate_ask, migrate_begin, survey_page, survey_page_done, NULL},
};

/* the simulation, slice by slice */

static enum step slice_ask(struct call *c)
{
    struct work *w = work_of(c);
    struct survey *s = survey_slice_new(c, simulation_result);
    struct uuid id;

    if (!s)
        return STEP_FAIL;
    s->mapping = json_object_get(w->params, "mapping");
    s->document = json_object_get(w->params, "document");
    s->soon = json_integer_value(json_object_get(w->params, "within_days"));
    if (!s->version_id || !uuid_parse(span_of(s->version_id), &id))
        return call_fail(c, ERR_INTERNAL, NULL);
    ask_survey_again(c, (struct q_survey_again){.version = id});
    return STEP_WAIT;
}

const struct job_kind job_simulate = {
    "simulate", slice_ask, survey_slice_page, survey_slice_evaluate, survey_slice_done,
};
