/* import_job - the rows of an import in the background: a piece of the file is one slice.
 *
 * A slice is read and checked on an offload thread and written in one transaction together with how
 * far the job has come, so that a daemon that dies loses nothing and does nothing twice. One call
 * does some slices, and reads each while PostgreSQL writes the one before it.
 */
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "base/clock.h"
#include "call/pgarray.h"
#include "loop/offload.h"
#include "service/import/import.h"
#include "service/process/birth.h"
#include "service/record/custom.h"
#include "service/record/jobs.h"

#define TIDY 20000      /* rows of a slice of tidying */
#define REVERT 500      /* records of a slice of a revert */
#define CALL_US 1500000 /* after that long a call begins no other slice: calls have a deadline */

struct pass {
    struct job job; /* first: the offload thread knows nothing else */
    struct import_plan plan;
    struct span fetched; /* what is left of it begins where the slice does */
    int64_t at, line;
    bool to_end;       /* what was fetched ends where the file does */
    struct span piece; /* what the slice is read from */
    bool last;         /* nothing comes behind it */
    bool goes_on;      /* another slice is read while this one is written */
    bool tidy;
    const char *failed;
    struct import_slice slice, ahead;
    const char *own; /* an array literal: what the slices are read with */
    struct birth birth;
    int custom;        /* the statement that reads the definitions of custom fields */
    bool judged;       /* the births are decided one by one */
    struct buf chosen; /* an array literal of versions */
    json_t *unborn;    /* line -> errors */
};

/* Whether the slice was written, and another one was read meanwhile. */
static bool import_more(struct call *c)
{
    struct pass *p = work_of(c)->own;
    const char *ours;

    if (!p->goes_on)
        return false;
    ours = result_get(call_result(c, 0), 0, "ours");
    p->goes_on = ours && *ours == 't';
    call_forget(c);
    return p->goes_on;
}

static enum step import_ask(struct call *c)
{
    struct work *w = work_of(c);
    struct pass *p = call_alloc(c, sizeof(*p));

    if (!p)
        return STEP_FAIL;
    w->own = p;
    w->more = import_more;
    p->tidy = json_is_true(json_object_get(w->cursor, "over"));
    if (p->tidy)
        return STEP_NEXT;
    ask_import_next(c, (struct q_import_next){.job = w->id, .most = (int64_t)IMPORT_FETCH});
    p->custom = custom_ask(c, json_string_value(json_object_get(w->params, "entity")));
    p->birth.record = record_governed(json_string_value(json_object_get(w->params, "entity")));
    if (p->birth.record)
        birth_ask(c, p->birth.record);
    return STEP_WAIT;
}

static void read_piece(struct job *job)
{
    struct pass *p = (struct pass *)job;

    import_read(&p->plan, p->piece, p->line, p->last, &p->ahead);
}

/* What the next slice is read from. */
static void cut_piece(struct pass *p)
{
    p->piece = p->fetched;
    if (p->piece.n > IMPORT_PIECE)
        p->piece.n = IMPORT_PIECE;
    p->last = p->to_end && p->piece.n == p->fetched.n;
}

/* The slice that was read ahead is the one in hand. */
static void take_slice(struct pass *p)
{
    import_slice_done(&p->slice);
    p->slice = p->ahead;
    p->ahead = (struct import_slice){0};
}

/* Goes behind the slice in hand, and begins to read the next one if there is enough for it. */
static bool read_on(struct call *c, struct pass *p)
{
    struct span rest = {p->fetched.p + p->slice.consumed, p->fetched.n - p->slice.consumed};

    if (p->slice.broken || rest.n == 0 || (rest.n < IMPORT_PIECE && !p->to_end) ||
        clock_mono_us() - c->started_us > CALL_US)
        return false;
    p->fetched = rest;
    p->at += (int64_t)p->slice.consumed;
    p->line = p->slice.next_line;
    cut_piece(p);
    return call_beside(c, &p->job);
}

static void pass_free(void *arg)
{
    struct pass *p = arg;

    import_slice_done(&p->slice);
    import_slice_done(&p->ahead);
    buf_done(&p->chosen);
}

static void take_piece(struct call *c, struct pass *p, const struct result *r)
{
    const char *text = result_get(r, 0, "piece");
    size_t n = text ? strlen(text) : 0;
    char *bytes = malloc(n + 1);

    if (!bytes)
        abort();
    arena_defer(&c->arena, free, bytes);
    memcpy(bytes, text ? text : "", n + 1);
    p->fetched = (struct span){bytes, import_unhex(bytes, n)};
    p->at = strtoll(result_get(r, 0, "at"), NULL, 10);
    p->line = strtoll(result_get(r, 0, "line"), NULL, 10);
    p->to_end = p->at + (int64_t)p->fetched.n >= strtoll(result_get(r, 0, "bytes"), NULL, 10);
    cut_piece(p);
}

/* A slice that did not end, whether PostgreSQL took too long for it or a daemon died, is tried
 * again with half as many rows. False: with a single one, too, and often. */
static bool halve(struct call *c, struct pass *p, long attempts)
{
    for (long i = 1; i < attempts && p->plan.rows > 1; i++)
        p->plan.rows /= 2;
    if (attempts <= IMPORT_ATTEMPTS)
        return true;
    p->failed = arena_printf(&c->arena,
                             "line %s: the row was tried %d times, and was not written within the "
                             "time for a write (write_timeout_ms)",
                             result_get(call_result(c, 0), 0, "line"), IMPORT_ATTEMPTS);
    return false;
}

static enum step import_page(struct call *c)
{
    struct pass *p = work_of(c)->own;
    const struct import_entity *of;
    const json_t *definitions;
    const struct result *r;
    struct fields fields;
    const char *alive;

    if (p->tidy)
        return STEP_NEXT;
    if (p->goes_on)
        return call_await(c);
    r = call_result(c, 0);
    if (result_rows(r) == 0)
        return call_fail(c, ERR_INTERNAL, NULL);
    alive = result_get(r, 0, "alive");
    if (!alive || *alive != 't') {
        p->failed = "who asked for it may not sign in any more";
        return STEP_NEXT;
    }
    of = import_entity_find(result_get(r, 0, "entity"));
    definitions = custom_definitions(c, call_result(c, p->custom));
    if (!of || !definitions)
        return call_fail(c, ERR_INTERNAL, NULL);
    fields = fields_of(of->schema, definitions, &c->arena);
    if (!import_plan_fill(&p->plan, of, &fields, read_json(c, result_get(r, 0, "columns")),
                          read_json(c, result_get(r, 0, "options")), result_get(r, 0, "format"),
                          result_get(r, 0, "encoding"), result_get(r, 0, "delimiter"))) {
        p->failed = "a column is imported into a field that is not there any more";
        return STEP_NEXT;
    }
    p->plan.owner = result_get(r, 0, "owner");
    p->own = result_get(r, 0, "own");
    p->plan.own = pgarray_strings(&c->arena, p->own);
    if (!p->plan.own)
        return STEP_FAIL;
    p->birth.members = p->plan.of->schema;
    p->birth.pointer = "";
    p->judged = p->birth.record && birth_is_judged(&p->birth, call_result(c, 2));
    p->plan.compares = *result_get(r, 0, "compares") == 't';
    if (p->judged)
        p->plan.rows = IMPORT_JUDGED;
    if (!halve(c, p, strtol(result_get(r, 0, "attempts"), NULL, 10)))
        return STEP_NEXT;
    take_piece(c, p, r);
    p->job.work = read_piece;
    arena_defer(&c->arena, pass_free, p);
    return call_offload(c, &p->job) ? STEP_WAIT : STEP_FAIL;
}

static enum step import_evaluate(struct call *c)
{
    struct pass *p = work_of(c)->own;

    if (p->tidy || p->failed)
        return STEP_NEXT;
    take_slice(p);
    if (p->slice.broken && p->slice.rows == 0)
        p->failed = arena_printf(&c->arena, "line %lld: %s", (long long)p->slice.broken_line,
                                 p->slice.broken);
    if (p->failed || !p->judged)
        return STEP_NEXT;
    ask_import_births(
        c, (struct q_import_births){.job = work_of(c)->id, .bodies = buf_text(&p->slice.bodies)});
    return STEP_WAIT;
}

/* births */

static void add_error(json_t *errors, const char *code, const char *pointer, const char *detail)
{
    json_t *error = json_object();

    json_object_set_new(error, "code", json_string(code));
    if (pointer)
        json_object_set_new(error, "pointer", json_string(pointer));
    json_object_set_new(error, "detail", json_string(detail ? detail : err_title(ERR_GUARD)));
    json_array_append_new(errors, error);
}

static json_t *why_unborn(struct call *c, const struct birth *b)
{
    json_t *errors = json_array(), *failures = read_json(c, b->failures), *failure;
    size_t i;

    json_array_foreach (failures, i, failure)
        add_error(errors, err_slug(ERR_GUARD),
                  json_string_value(json_object_get(failure, "pointer")),
                  json_string_value(json_object_get(failure, "message")));
    if (json_array_size(errors) == 0)
        add_error(errors, err_slug(c->err.code), NULL, c->err.detail);
    return errors;
}

/* The version that governs row @i, or why it may not be born. False when the evaluator failed. */
static bool decide_birth(struct call *c, struct pass *p, int i, const char *line)
{
    struct birth b = p->birth;
    json_t *facts = json_loads(result_get(call_result(c, 0), i, "facts"), 0, NULL);
    bool born;

    born = facts && birth_decide(c, &b, facts);
    json_decref(facts);
    if (!born && c->err.code != ERR_GUARD && c->err.code != ERR_NOT_ACTOR)
        return false;
    buf_puts(&p->chosen, i ? "," : "");
    pgarray_quote(&p->chosen, born && b.governs ? b.governs->id : "none");
    if (!born)
        json_object_set_new(p->unborn, line, why_unborn(c, &b));
    err_init(&c->err, &c->arena);
    return true;
}

static bool decide_births(struct call *c, struct pass *p)
{
    const char *const *lines = pgarray_strings(&c->arena, buf_text(&p->slice.lines));
    int rows = result_rows(call_result(c, 0));

    p->unborn = keep_json(c, json_object());
    buf_done(&p->chosen);
    buf_init(&p->chosen, (size_t)1 << 20);
    buf_putc(&p->chosen, '{');
    for (int i = 0; lines && lines[i] && i < rows; i++)
        if (!decide_birth(c, p, i, lines[i]))
            return false;
    buf_putc(&p->chosen, '}');
    return lines;
}

static void write_slice(struct call *c, const struct work *w, struct pass *p)
{
    const struct import_slice *s = &p->slice;
    bool over = p->last && s->consumed == p->piece.n;
    int64_t at = p->at;

    p->goes_on = read_on(c, p);
    ask_import_slice(c, (struct q_import_slice){
                            .job = w->id,
                            .daemon = work_daemon(),
                            .at = at,
                            .next_at = at + (int64_t)s->consumed,
                            .next_line = s->next_line,
                            .over = over,
                            .lines = buf_text(&s->lines),
                            .ids = buf_text(&s->ids),
                            .bodies = buf_text(&s->bodies),
                            .changes = buf_text(&s->changes),
                            .ns = buf_text(&s->ns),
                            .kinds = buf_text(&s->kinds),
                            .keys = buf_text(&s->keys),
                            .sent = buf_text(&s->sent),
                            .own = p->own,
                            .refers = s->refers,
                            .chosen = p->judged ? buf_text(&p->chosen) : NULL,
                            .unborn = p->judged ? call_json(c, p->unborn) : NULL,
                            .bad = call_json(c, s->bad),
                        });
}

static enum step import_conclude(struct call *c)
{
    const struct work *w = work_of(c);
    struct pass *p = w->own;

    p->goes_on = false;
    if (p->judged && !p->failed && !decide_births(c, p))
        return c->err.code == ERR_NONE ? call_fail(c, ERR_INTERNAL, NULL) : STEP_FAIL;
    if (p->failed)
        ask_import_fail(
            c, (struct q_import_fail){.job = w->id, .daemon = work_daemon(), .error = p->failed});
    else if (p->tidy)
        ask_import_tidy(
            c, (struct q_import_tidy){.job = w->id, .daemon = work_daemon(), .most = TIDY});
    else
        write_slice(c, w, p);
    return STEP_WAIT;
}

const struct job_kind job_import = {"import", import_ask, import_page, import_evaluate,
                                    import_conclude};

/* taking an import back */

static enum step nothing(struct call *c)
{
    (void)c;
    return STEP_NEXT;
}

static enum step revert_conclude(struct call *c)
{
    ask_import_revert_slice(c, (struct q_import_revert_slice){
                                   .job = work_of(c)->id, .daemon = work_daemon(), .most = REVERT});
    return STEP_WAIT;
}

const struct job_kind job_import_revert = {"import_revert", nothing, nothing, nothing,
                                           revert_conclude};
