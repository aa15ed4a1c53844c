#include "db/pipeline.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/plan.h"

/* sql/queries/engine.sql: raises SLDRY, which rolls a dry run back. */
extern const struct query query_dry_end;
/* ... where the log ends. */
extern const struct query query_log_position;

enum expect_kind {
    EXPECT_DEALLOCATE,
    EXPECT_PARSE,
    EXPECT_STATEMENT,
    EXPECT_DRY_END,
    EXPECT_MARK,
    EXPECT_SYNC
};

/* One command in flight. */
struct expect {
    enum expect_kind kind;
    int statement;     /* index in the ask */
    bool last;         /* the ask ends here */
    struct ask *ask;   /* NULL for the sync of a batch of reads */
    struct plan *plan; /* of a Parse */
};

struct pipeline {
    PGconn *pg;
    enum lane lane;
    ask_ended_fn *ended;
    void *arg;
    struct plans *plans;
    struct expect *ring;
    unsigned size, head, count; /* size is a power of two */
    unsigned asks;
    uint32_t batch;
    bool unsynced, leaked;
    /* of the ask at the head */
    bool failed, aborted, stale, read_only;
};

struct pipeline *pipeline_create(enum lane lane, unsigned nqueries, ask_ended_fn *ended, void *arg)
{
    struct pipeline *p = calloc(1, sizeof *p);

    if (p == NULL)
        abort();
    p->lane = lane;
    p->ended = ended;
    p->arg = arg;
    p->plans = plans_create(nqueries);
    return p;
}

void pipeline_destroy(struct pipeline *p)
{
    if (p == NULL)
        return;
    plans_destroy(p->plans);
    free(p->ring);
    free(p);
}

unsigned pipeline_asks(const struct pipeline *p)
{
    return p->asks;
}

bool pipeline_idle(const struct pipeline *p)
{
    return p->count == 0 && !p->unsynced;
}

bool pipeline_leaked(const struct pipeline *p)
{
    return p->leaked;
}

/* the ring */

static void push(struct pipeline *p, struct expect e)
{
    if (p->count == p->size) {
        unsigned size = p->size == 0 ? 64 : p->size * 2;
        struct expect *ring = malloc(size * sizeof *ring);

        if (ring == NULL)
            abort();
        for (unsigned i = 0; i < p->count; i++)
            ring[i] = p->ring[(p->head + i) & (p->size - 1)];
        free(p->ring);
        p->ring = ring;
        p->size = size;
        p->head = 0;
    }
    p->ring[(p->head + p->count++) & (p->size - 1)] = e;
}

static struct expect pop(struct pipeline *p)
{
    struct expect e = p->ring[p->head];

    p->head = (p->head + 1) & (p->size - 1);
    p->count--;
    return e;
}

/* opening, closing */

static void forget_marks(struct pipeline *p)
{
    p->failed = p->aborted = p->stale = p->read_only = false;
}

bool pipeline_open(struct pipeline *p, PGconn *pg)
{
    plans_forget(p->plans);
    forget_marks(p);
    p->pg = pg;
    p->head = p->count = p->asks = 0;
    p->unsynced = p->leaked = false;
    return PQsetnonblocking(pg, 1) == 0 && PQenterPipelineMode(pg) == 1;
}

/* Drops what the ask already has: it will be asked again, or has failed. */
static void ask_reset(struct ask *ask)
{
    ask_done(ask);
    ask->outcome = ASK_UNAVAILABLE;
}

struct ask *pipeline_close(struct pipeline *p)
{
    struct ask *first = NULL, **last = &first, *seen = NULL;

    while (p->count > 0) {
        struct expect e = pop(p);

        if (!e.last || e.ask == seen) /* an ask that broke the connection is marked twice */
            continue;
        seen = e.ask;
        ask_reset(e.ask);
        e.ask->next = NULL;
        *last = e.ask;
        last = &e.ask->next;
    }
    p->asks = 0;
    p->unsynced = false;
    p->pg = NULL;
    return first;
}

/* sending */

static bool send_deallocate(struct pipeline *p, struct ask *ask, int index, const char *name)
{
    char text[sizeof "deallocate " + PLAN_NAME];

    (void)snprintf(text, sizeof text, "deallocate %s", name);
    push(p, (struct expect){.kind = EXPECT_DEALLOCATE, .ask = ask, .statement = index});
    return PQsendQueryParams(p->pg, text, 0, NULL, NULL, NULL, NULL, 0) == 1;
}

/* Which of the parameters is no text, if one is. */
struct forms {
    int sizes[RAW_PARAMS], binary[RAW_PARAMS];
};

static struct forms *forms_of(const struct statement *s, struct forms *room)
{
    if (s->raw == 0)
        return NULL;
    *room = (struct forms){0};
    room->sizes[s->raw - 1] = (int)s->raw_size;
    room->binary[s->raw - 1] = 1;
    return room;
}

/* Sends one statement, with a Parse in front when the connection sees it for the first time. */
static bool send_statement(struct pipeline *p, struct ask *ask, const struct statement *s,
                           struct expect e)
{
    const char *text = s->query != NULL ? s->query->text : s->text;
    const unsigned *types = s->query != NULL ? s->query->types : s->types;
    int nparams = s->query != NULL ? s->query->nparams : s->nparams;
    struct forms room, *forms = forms_of(s, &room);
    const int *sizes = forms ? forms->sizes : NULL, *binary = forms ? forms->binary : NULL;
    struct plan_use use;

    plans_use(p->plans, s, p->batch, &use);
    if (use.evicted[0] != '\0' && !send_deallocate(p, ask, e.statement, use.evicted))
        return false;
    if (use.parse) {
        push(p, (struct expect){
                    .kind = EXPECT_PARSE, .ask = ask, .statement = e.statement, .plan = use.plan});
        if (PQsendPrepare(p->pg, use.name, text, nparams, types) != 1)
            return false;
    }
    push(p, e);
    if (use.named)
        return PQsendQueryPrepared(p->pg, use.name, nparams, s->values, sizes, binary, 0) == 1;
    return PQsendQueryParams(p->pg, text, nparams, types, s->values, sizes, binary, 0) == 1;
}

/* Commits, and asks in the same breath where the log ends now. What comes of the question changes
 * nothing about the ask: it is nobody's but for its answer. */
static bool send_mark(struct pipeline *p, struct ask *ask)
{
    const struct statement position = {.query = &query_log_position};

    push(p, (struct expect){.kind = EXPECT_SYNC, .ask = ask});
    p->batch++;
    return PQpipelineSync(p->pg) == 1 &&
           send_statement(p, NULL, &position, (struct expect){.kind = EXPECT_MARK, .ask = ask});
}

bool pipeline_send(struct pipeline *p, struct ask *ask)
{
    const struct statement dry_end = {.query = &query_dry_end};
    bool alone = p->lane != LANE_READ;
    bool ok = true;

    ask->sent = true;
    p->asks++;
    p->unsynced = true;
    for (int i = 0; i < ask->n && ok; i++)
        ok = send_statement(p, ask, &ask->statements[i],
                            (struct expect){.kind = EXPECT_STATEMENT,
                                            .ask = ask,
                                            .statement = i,
                                            .last = !alone && i + 1 == ask->n});
    if (ok && alone && ask->rollback)
        ok = send_statement(
            p, ask, &dry_end,
            (struct expect){.kind = EXPECT_DRY_END, .ask = ask, .statement = ask->n - 1});
    if (!alone && ok)
        return true;
    if (ok && ask->marks)
        ok = send_mark(p, ask);
    /* The ask ends with its sync; or here, where the connection broke, so that it is found. */
    push(p, (struct expect){.kind = EXPECT_SYNC, .ask = ask, .last = true});
    p->unsynced = false;
    p->batch++;
    return ok && PQpipelineSync(p->pg) == 1;
}

bool pipeline_sync(struct pipeline *p)
{
    if (!p->unsynced)
        return true;
    push(p, (struct expect){.kind = EXPECT_SYNC});
    p->unsynced = false;
    p->batch++;
    return PQpipelineSync(p->pg) == 1;
}

/* receiving */

static bool field_is(const PGresult *res, int field, const char *text)
{
    const char *value = PQresultErrorField(res, field);

    return value != NULL && strcmp(value, text) == 0;
}

/* Errors after which no sync will come: libpq's own have no SQLSTATE. */
static bool ends_connection(const PGresult *res)
{
    return PQresultErrorField(res, PG_DIAG_SQLSTATE) == NULL ||
           field_is(res, PG_DIAG_SEVERITY_NONLOCALIZED, "FATAL") ||
           field_is(res, PG_DIAG_SEVERITY_NONLOCALIZED, "PANIC");
}

/* "Cached plan must not change result type" and "prepared statement does not exist": the sources'
 * function names tell them from other errors of their class, in every language. */
static bool is_stale(const PGresult *res)
{
    if (field_is(res, PG_DIAG_SQLSTATE, "26000"))
        return true;
    return field_is(res, PG_DIAG_SQLSTATE, "0A000") &&
           field_is(res, PG_DIAG_SOURCE_FUNCTION, "RevalidateCachedQuery");
}

static void set_error(struct ask *ask, PGresult *res, int statement)
{
    const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    ask_reset(ask);
    ask->error = (struct ask_error){
        .message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY),
        .detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL),
        .hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT),
        .constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME),
        .table = PQresultErrorField(res, PG_DIAG_TABLE_NAME),
        .column = PQresultErrorField(res, PG_DIAG_COLUMN_NAME),
        .statement = statement,
    };
    memcpy(ask->error.sqlstate, sqlstate, strnlen(sqlstate, sizeof ask->error.sqlstate - 1));
    ask->error_result = res;
}

/* Takes over @res. The first error of an ask counts; what follows it was skipped. */
static void note_error(struct pipeline *p, struct ask *ask, PGresult *res, int statement)
{
    if (p->failed || ask == NULL) {
        PQclear(res);
        return;
    }
    p->failed = true;
    p->stale = is_stale(res);
    p->read_only = field_is(res, PG_DIAG_SQLSTATE, "25006");
    set_error(ask, res, statement);
}

static void end_ask(struct pipeline *p, struct ask *ask)
{
    enum ask_end end = p->stale       ? ASK_END_STALE
                       : p->read_only ? ASK_END_READ_ONLY
                       : p->failed    ? ASK_END_ANSWERED
                       : p->aborted   ? ASK_END_ABORTED
                                      : ASK_END_ANSWERED;

    ask->outcome = p->failed ? ASK_FAILED : ASK_OK;
    forget_marks(p);
    p->asks--;
    p->ended(p->arg, ask, end);
}

/* A dry run must end with our own error; an answer means that its changes were kept. */
static void note_dry_end(struct pipeline *p, struct ask *ask, PGresult *res)
{
    if (PQresultStatus(res) == PGRES_FATAL_ERROR && !field_is(res, PG_DIAG_SQLSTATE, "SLDRY")) {
        note_error(p, ask, res, -1);
        return;
    }
    if (PQresultStatus(res) != PGRES_FATAL_ERROR && !p->failed) {
        p->failed = true;
        ask_reset(ask);
        ask->error = (struct ask_error){
            .sqlstate = "XX000", .message = "the dry run was not rolled back", .statement = -1};
    }
    PQclear(res);
}

/* Takes over the result of one command; the sync is not one. */
static void note_result(struct pipeline *p, const struct expect *e, PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (e->kind == EXPECT_PARSE)
        plan_answered(e->plan, ok);
    if (e->kind == EXPECT_DEALLOCATE && !ok)
        p->leaked = true;
    if (e->kind == EXPECT_MARK) {
        if (status == PGRES_TUPLES_OK && PQntuples(res) == 1)
            e->ask->mark = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
        PQclear(res);
        return;
    }
    if (status == PGRES_PIPELINE_ABORTED) {
        p->aborted = true;
        PQclear(res);
        return;
    }
    if (e->kind == EXPECT_DRY_END) {
        note_dry_end(p, e->ask, res);
        return;
    }
    if (!ok) {
        note_error(p, e->ask, res, e->statement);
        return;
    }
    if (e->kind == EXPECT_STATEMENT)
        e->ask->statements[e->statement].result = (struct result *)(void *)res;
    else
        PQclear(res);
}

/* Takes over one result. Returns false if the connection is broken or answers what nobody asked. */
static bool note(struct pipeline *p, PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    struct expect e;

    if (p->count == 0 || (status == PGRES_FATAL_ERROR && ends_connection(res))) {
        PQclear(res);
        return false;
    }
    e = p->ring[p->head];
    if (e.kind == EXPECT_SYNC && status == PGRES_FATAL_ERROR) {
        note_error(p, e.ask, res, -1); /* the commit failed; the sync is still to come */
        return true;
    }
    if ((e.kind == EXPECT_SYNC) != (status == PGRES_PIPELINE_SYNC)) {
        PQclear(res);
        return false;
    }
    pop(p);
    if (e.kind == EXPECT_SYNC)
        PQclear(res);
    else
        note_result(p, &e, res);
    if (e.last)
        end_ask(p, e.ask);
    return true;
}

bool pipeline_receive(struct pipeline *p)
{
    bool alive = PQconsumeInput(p->pg) == 1;
    unsigned nothing = 0; /* NULLs in a row: one ends a command's results, two end them all */

    while (p->count > 0 && nothing < 2 && !PQisBusy(p->pg)) {
        PGresult *res = PQgetResult(p->pg);

        if (res == NULL) {
            nothing++;
            continue;
        }
        nothing = 0;
        if (!note(p, res))
            return false;
    }
    return alive && PQstatus(p->pg) == CONNECTION_OK;
}
