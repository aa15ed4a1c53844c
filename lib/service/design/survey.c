#include "service/design/survey.h"

#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "blueprint/document.h"
#include "call/reply.h"
#include "service/record/jobs.h"
#include "service/record/record.h"

static void release_blueprint(void *b)
{
    blueprint_destroy(b);
}

/* Copies of its own: the evaluation runs beside the loop, where the worker's cache may not be
 * touched. */
static struct blueprint *compile(struct call *c, const json_t *doc, struct buf *why)
{
    struct blueprint *b = doc ? blueprint_compile(doc, why) : NULL;

    if (b)
        arena_defer(&c->arena, release_blueprint, b);
    return b;
}

static bool compile_own(struct call *c, struct survey *s, const char *text, struct buf *why)
{
    json_t *docs = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    size_t n = 0;

    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    s->own = call_alloc(c, (json_array_size(docs) + 1) * sizeof(struct blueprint *));
    for (size_t i = 0; s->own && i < json_array_size(docs); i++) {
        s->own[n] = compile(c, json_array_get(docs, i), why);
        n += s->own[n] != NULL; /* what does not compile any more is a version that is not known */
        buf_clear(why);
    }
    json_decref(docs);
    return s->own != NULL;
}

static bool find_needs(struct call *c, struct survey *s)
{
    json_t *needs = json_object();

    keep_json(c, needs);
    if (!s->past)
        survey_needs(needs, s->version);
    for (size_t i = 0; s->own[i]; i++)
        survey_needs(needs, s->own[i]);
    s->needs = call_json(c, needs);
    return s->needs != NULL;
}

/* A document stands for the version that it is sent to, whatever it calls itself. */
static json_t *doc_of(const struct survey *s, const char *text)
{
    json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *flat;

    if (!s->document)
        return doc;
    flat = document_flat(s->document);
    (void)json_object_set(flat, "entity", json_object_get(doc, "entity"));
    (void)json_object_set(flat, "key", json_object_get(doc, "key"));
    json_decref(doc);
    return flat;
}

/* The thresholds of all states of a document, each with its state; NULL when there are none. */
static const char *thresholds_of(struct call *c, const json_t *doc)
{
    json_t *list = json_array(), *state, *sla;
    size_t i, k;

    keep_json(c, list);
    json_array_foreach (json_object_get(doc, "states"), i, state)
        json_array_foreach (json_object_get(state, "sla"), k, sla) {
            json_t *item = json_copy(sla);

            (void)json_object_set(item, "state", json_object_get(state, "key"));
            (void)json_array_append_new(list, item);
        }
    return json_array_size(list) > 0 ? call_json(c, list) : NULL;
}

bool survey_begin(struct call *c, struct survey *s, const struct result *r)
{
    const char *total;
    struct buf why;
    json_t *doc;
    bool fine;

    if (result_rows(r) == 0)
        return err_set(&c->err, ERR_NOT_FOUND, "There is no such version of a blueprint.");
    s->blueprint_id = arena_strdup(&c->arena, result_get(r, 0, "blueprint_id"));
    s->entity = arena_strdup(&c->arena, result_get(r, 0, "entity"));
    s->status = arena_strdup(&c->arena, result_get(r, 0, "status"));
    total = result_get(r, 0, "total");
    s->total = total ? strtoll(total, NULL, 10) : 0;
    if (!s->sum) {
        s->sum = json_object();
        keep_json(c, s->sum);
    }
    buf_init(&why, 4096);
    doc = doc_of(s, result_get(r, 0, "doc"));
    s->version = compile(c, doc, &why);
    s->thresholds = s->past ? NULL : thresholds_of(c, doc);
    json_decref(doc);
    if (!s->version)
        err_set(&c->err, ERR_CONFLICT, "The version cannot be evaluated: %s", buf_text(&why));
    fine = s->version && compile_own(c, s, result_get(r, 0, "versions"), &why);
    buf_done(&why);
    return fine && find_needs(c, s) && s->blueprint_id && s->entity && s->status;
}

static void ask_thresholds(struct call *c, const struct survey *s)
{
    const char *const values[] = {
        s->blueprint_id,
        s->only,
        s->thresholds,
        call_json(c, s->mapping),
        arena_printf(&c->arena, "%lld", (long long)(s->soon > 0 ? s->soon : SURVEY_SOON)),
    };

    call_ask(c, &query_survey_thresholds, values);
}

/* Late records are counted once, when the survey begins: the answer becomes part of the sum. */
static void take_thresholds(struct survey *s, const struct result *r)
{
    static const char *const counts[] = {"records", "breached", "already", "soon"};
    json_t *list = json_array();

    for (int i = 0; i < result_rows(r); i++) {
        json_t *item = json_pack("{s:s, s:s}", "state", result_get(r, i, "state"), "threshold",
                                 result_get(r, i, "key"));

        for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
            (void)json_object_set_new(item, counts[k],
                                      json_integer(strtoll(result_get(r, i, counts[k]), NULL, 10)));
        (void)json_object_set_new(item, "examples", json_loads(result_get(r, i, "ids"), 0, NULL));
        (void)json_array_append_new(list, item);
    }
    (void)json_object_set_new(s->sum, "thresholds", list);
}

enum step survey_ask_page(struct call *c, struct survey *s)
{
    const char *const values[] = {
        s->blueprint_id,
        s->needs,
        s->past ? NULL : s->version_id,
        s->past ? "true" : "false",
        s->after,
        arena_printf(&c->arena, "%d", SURVEY_PAGE),
    };

    call_ask(c, &query_survey_page, values);
    if (s->thresholds && !s->after)
        ask_thresholds(c, s);
    return STEP_WAIT;
}

static const struct blueprint *own_version(const struct survey *s, const char *id)
{
    for (size_t i = 0; s->own[i]; i++)
        if (strcmp(s->own[i]->id, id) == 0)
            return s->own[i];
    return NULL;
}

/* On an offload thread: nothing but the survey is touched. */
static void evaluate_page(struct job *job)
{
    struct survey *s = (struct survey *)job;

    for (int i = 0; i < result_rows(s->page); i++) {
        if (s->only && strcmp(s->only, result_get(s->page, i, "version_id")) != 0)
            continue;

        json_t *facts = json_loads(result_get(s->page, i, "facts"), 0, NULL);
        json_t *ids = json_loads(result_get(s->page, i, "ids"), 0, NULL);
        const struct survey_row row = {
            .own = own_version(s, result_get(s->page, i, "version_id")),
            .state = result_get(s->page, i, "state"),
            .via = result_get(s->page, i, "via"),
            .facts = facts,
            .n = strtoll(result_get(s->page, i, "n"), NULL, 10),
            .ids = ids,
        };

        if (s->past)
            survey_drift(s->sum, &row);
        else
            survey_simulate(s->sum, s->version, s->mapping, &row);
        json_decref(facts);
        json_decref(ids);
    }
}

bool survey_evaluate(struct call *c, struct survey *s)
{
    s->page = call_result(c, 0);
    if (s->thresholds && !s->after)
        take_thresholds(s, call_result(c, 1));
    s->job.work = evaluate_page;
    return call_offload(c, &s->job);
}

/* Takes note of where the page ended and frees it. Sets `over` when there is no other. */
static void survey_next(struct call *c, struct survey *s)
{
    int64_t seen = 0;

    if (result_rows(s->page) > 0) {
        s->after = arena_strdup(&c->arena, result_get(s->page, 0, "last"));
        seen = strtoll(result_get(s->page, 0, "seen"), NULL, 10);
    }
    s->seen += seen;
    s->over = seen < SURVEY_PAGE || !s->after;
    s->page = NULL;
    call_forget(c);
}

/* what several operations do with a survey */

struct survey *survey_new(struct call *c, json_t *(*result)(const struct survey *s))
{
    struct survey *s = call_alloc(c, sizeof(*s));

    if (s) {
        s->result = result;
        c->state = s;
    }
    return s;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *survey_listed(const json_t *map, const char *name)
{
    size_t n = json_object_size(map), i = 0;
    const char **keys = calloc(n + 1, sizeof(*keys)), *key;
    json_t *list = json_array(), *v;

    if (!keys)
        abort();
    json_object_foreach ((json_t *)map, key, v)
        keys[i++] = key;
    qsort(keys, n, sizeof(*keys), by_text);
    for (i = 0; i < n; i++) {
        json_t *item = json_object();

        (void)json_object_set_new(item, name, json_string(keys[i]));
        (void)json_object_update(item, json_object_get(map, keys[i]));
        (void)json_array_append_new(list, item);
    }
    free(keys);
    return list;
}

/* Answers 200 with a value, which it takes. */
static enum step reply_value(struct call *c, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    struct out *o = reply_json(c, 200);

    if (text)
        out_raw(o, text, strlen(text));
    free(text);
    json_decref(value);
    return text ? STEP_REPLY : call_fail(c, ERR_INTERNAL, NULL);
}

enum step survey_page(struct call *c)
{
    struct survey *s = c->state;

    if (s->over)
        return job_reply_left(c);
    return survey_evaluate(c, s) ? STEP_WAIT : STEP_FAIL;
}

/* Records that came meanwhile may make one page more. */
enum step survey_page_done(struct call *c)
{
    struct survey *s = c->state;

    survey_next(c, s);
    if (!s->over) {
        call_repeat(c, 2);
        return survey_ask_page(c, s);
    }
    return reply_value(c, s->result(s));
}

/* slices of a job */

struct survey *survey_slice_new(struct call *c, json_t *(*result)(const struct survey *s))
{
    struct work *w = work_of(c);
    struct survey *s = call_alloc(c, sizeof(*s));

    if (!s)
        return NULL;
    w->own = s;
    s->result = result;
    s->kept = w->params;
    s->version_id = json_string_value(json_object_get(w->params, "version"));
    s->after = json_string_value(json_object_get(w->cursor, "after"));
    s->sum = json_object_get(w->cursor, "sum");
    return s;
}

enum step survey_slice_page(struct call *c)
{
    struct work *w = work_of(c);

    if (survey_begin(c, w->own, call_result(c, 0)))
        return survey_ask_page(c, w->own);
    w->error = c->err.detail; /* the draft is gone or broken: trying again would not help */
    err_init(&c->err, &c->arena);
    return STEP_NEXT;
}

enum step survey_slice_evaluate(struct call *c)
{
    return survey_evaluate(c, work_of(c)->own) ? STEP_WAIT : STEP_FAIL;
}

enum step survey_slice_done(struct call *c)
{
    struct work *w = work_of(c);
    struct survey *s = w->own;

    survey_next(c, s);
    w->done += s->seen;
    w->over = s->over;
    if (s->over)
        w->result = s->result(s);
    else
        w->next = json_pack("{s:s, s:O}", "after", s->after, "sum", s->sum);
    return STEP_NEXT;
}
