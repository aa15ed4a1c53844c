/* drift - what of a process no longer holds for its records, and what nobody uses. */
#include "asks.gen.h"
#include "call/pgarray.h"
#include "call/reply.h"
#include "service/design/survey.h"
#include "service/record/jobs.h"

static json_t *drifted(const json_t *sum)
{
    json_t *list = json_array(), *transitions, *item;
    const char *state;
    size_t i;

    json_object_foreach (json_object_get(sum, "drifted"), state, transitions) {
        json_t *part = survey_listed(transitions, "transition");

        json_array_foreach (part, i, item)
            (void)json_object_set_new(item, "state", json_string(state));
        (void)json_array_extend(list, part);
        json_decref(part);
    }
    return list;
}

static json_t *drift_result(const struct survey *s)
{
    return json_pack("{s:s, s:I, s:o, s:o, s:O, s:O}", "entity", s->entity, "records",
                     json_integer_value(json_object_get(s->sum, "records")), "drifted",
                     drifted(s->sum), "unknown_states",
                     survey_listed(json_object_get(s->sum, "unknown"), "state"), "unused_states",
                     json_object_get(s->kept, "unused_states"), "unused_transitions",
                     json_object_get(s->kept, "unused_transitions"));
}

/* GET and POST /v1/reports/drift */

static enum step ask(struct call *c, const char *version, const char *from, const char *to)
{
    struct survey *s = survey_new(c, drift_result);
    struct q_unused unused = {.since = from, .until = to};

    if (!s)
        return STEP_FAIL;
    s->past = true;
    s->version_id = version;
    if (!uuid_parse(span_of(s->version_id), &unused.version))
        return call_fail(c, ERR_NOT_FOUND, "There is no such version of a blueprint.");
    ask_survey_scope(c, (struct q_survey_scope){.version = unused.version});
    ask_unused(c, unused);
    return STEP_WAIT;
}

static enum step get_ask(struct call *c)
{
    return ask(c, call_param_text(c, "blueprint"), call_param_text(c, "from"),
               call_param_text(c, "to"));
}

static enum step start_ask(struct call *c)
{
    return ask(c, call_body_text(c, "blueprint"), call_body_text(c, "from"),
               call_body_text(c, "to"));
}

static json_t *words(struct call *c, const char *name)
{
    const char *const *list = pgarray_strings(&c->arena, result_get(call_result(c, 1), 0, name));
    json_t *array = json_array();

    for (size_t i = 0; list && list[i]; i++)
        (void)json_array_append_new(array, json_string(list[i]));
    return array;
}

static json_t *keep_unused(struct call *c, json_t *in)
{
    (void)json_object_set_new(in, "unused_states", words(c, "states"));
    (void)json_object_set_new(in, "unused_transitions", words(c, "transitions"));
    return in;
}

static enum step get_begin(struct call *c)
{
    struct survey *s = c->state;

    if (!survey_begin(c, s, call_result(c, 0)))
        return STEP_FAIL;
    if (s->total > SURVEY_AT_ONCE)
        return call_fail(c, ERR_CONFLICT,
                         "These are too many records to wait for: POST the question.");
    s->kept = keep_unused(c, s->sum);
    return survey_ask_page(c, s);
}

static enum step start_begin(struct call *c)
{
    struct survey *s = c->state;
    json_t *params;
    enum step rc;

    if (!survey_begin(c, s, call_result(c, 0)))
        return STEP_FAIL;
    if (s->total <= SURVEY_AT_ONCE) {
        s->kept = keep_unused(c, s->sum);
        return survey_ask_page(c, s);
    }
    params = json_pack("{s:s}", "version", s->version_id);
    (void)keep_unused(c, params);
    rc = job_leave(c, job_drift.name, params, s->total);
    json_decref(params);
    s->over = true;
    return rc;
}

const struct operation report_drift = {
    .steps = (step_fn *const[]){get_ask, get_begin, survey_page, survey_page_done, NULL},
};
const struct operation report_drift_start = {
    .steps = (step_fn *const[]){start_ask, start_begin, survey_page, survey_page_done, NULL},
};

/* slice by slice */

static enum step slice_ask(struct call *c)
{
    struct survey *s = survey_slice_new(c, drift_result);
    struct uuid id;

    if (!s)
        return STEP_FAIL;
    s->past = true;
    if (!s->version_id || !uuid_parse(span_of(s->version_id), &id))
        return call_fail(c, ERR_INTERNAL, NULL);
    ask_survey_again(c, (struct q_survey_again){.version = id});
    return STEP_WAIT;
}

const struct job_kind job_drift = {
    "drift", slice_ask, survey_slice_page, survey_slice_evaluate, survey_slice_done,
};
