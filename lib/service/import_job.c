/* import_job - the rows of an import in the background: a piece of the file is one slice.
 *
 * A slice is read and checked on an offload thread and written in one transaction together with how
 * far the job has come, so that a daemon that dies loses nothing and does nothing twice.
 */
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "loop/offload.h"
#include "service/import.h"
#include "service/jobs.h"

#define TIDY 20000 /* rows of a slice of tidying */
#define REVERT 500 /* records of a slice of a revert */

struct pass {
    struct job job; /* first: the offload thread knows nothing else */
    struct import_plan plan;
    struct span piece;
    int64_t at, line;
    bool last;
    bool tidy;
    const char *failed;
    struct import_slice slice;
};

static enum step import_ask(struct call *c)
{
    struct work *w = work_of(c);
    struct pass *p = call_alloc(c, sizeof(*p));

    if (!p)
        return STEP_FAIL;
    w->own = p;
    p->tidy = json_is_true(json_object_get(w->cursor, "over"));
    if (p->tidy)
        return STEP_NEXT;
    ask_import_next(c, (struct q_import_next){.job = w->id, .most = (int64_t)IMPORT_PIECE});
    return STEP_WAIT;
}

static void read_piece(struct job *job)
{
    struct pass *p = (struct pass *)job;

    import_read(&p->plan, p->piece, p->line, p->last, &p->slice);
}

static void slice_free(void *slice)
{
    import_slice_done(slice);
}

static bool take_piece(struct call *c, struct pass *p, const struct result *r)
{
    const char *text = result_get(r, 0, "piece");
    size_t n = text ? strlen(text) : 0;
    char *bytes = malloc(n + 1);

    if (!bytes)
        abort();
    arena_defer(&c->arena, free, bytes);
    memcpy(bytes, text ? text : "", n + 1);
    p->piece = (struct span){bytes, import_unhex(bytes, n)};
    p->at = strtoll(result_get(r, 0, "at"), NULL, 10);
    p->line = strtoll(result_get(r, 0, "line"), NULL, 10);
    p->last = p->at + (int64_t)p->piece.n >= strtoll(result_get(r, 0, "bytes"), NULL, 10);
    return true;
}

static enum step import_page(struct call *c)
{
    struct pass *p = work_of(c)->own;
    const struct result *r;
    const char *alive;

    if (p->tidy)
        return STEP_NEXT;
    r = call_result(c, 0);
    if (result_rows(r) == 0)
        return call_fail(c, ERR_INTERNAL, NULL);
    alive = result_get(r, 0, "alive");
    if (!alive || *alive != 't') {
        p->failed = "who asked for it may not sign in any more";
        return STEP_NEXT;
    }
    if (!import_plan_fill(&p->plan, import_entity_find(result_get(r, 0, "entity")),
                          read_json(c, result_get(r, 0, "columns")),
                          read_json(c, result_get(r, 0, "options")), result_get(r, 0, "encoding"),
                          result_get(r, 0, "delimiter"))) {
        p->failed = "a column is imported into a field that is not there any more";
        return STEP_NEXT;
    }
    p->plan.owner = result_get(r, 0, "owner");
    take_piece(c, p, r);
    p->job.work = read_piece;
    return call_offload(c, &p->job) ? STEP_WAIT : STEP_FAIL;
}

static enum step import_evaluate(struct call *c)
{
    struct pass *p = work_of(c)->own;

    if (p->tidy || p->failed)
        return STEP_NEXT;
    arena_defer(&c->arena, slice_free, &p->slice);
    if (p->slice.broken && p->slice.rows == 0)
        p->failed = arena_printf(&c->arena, "line %lld: %s", (long long)p->slice.broken_line,
                                 p->slice.broken);
    return STEP_NEXT;
}

static void write_slice(struct call *c, const struct work *w, const struct pass *p)
{
    const struct import_slice *s = &p->slice;

    ask_import_slice(c, (struct q_import_slice){
                            .job = w->id,
                            .daemon = work_daemon(),
                            .at = p->at,
                            .next_at = p->at + (int64_t)s->consumed,
                            .next_line = s->next_line,
                            .over = p->last && s->consumed == p->piece.n,
                            .lines = buf_text(&s->lines),
                            .ids = buf_text(&s->ids),
                            .words = buf_text(&s->words),
                            .bodies = buf_text(&s->bodies),
                            .sent = buf_text(&s->sent),
                            .bad = call_json(c, s->bad),
                        });
}

static enum step import_conclude(struct call *c)
{
    const struct work *w = work_of(c);
    const struct pass *p = w->own;

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
