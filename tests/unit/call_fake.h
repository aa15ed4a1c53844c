/**
 * call_fake - calls without a database: asks are caught, tests answer them by hand.
 *
 * One caught ask at a time is `fake_asks[n]`; fake_answer() gives it results and brings it home, as
 * db would from the loop. What the call tells is copied into `told`.
 */
#ifndef SLUICE_CALL_FAKE_H
#define SLUICE_CALL_FAKE_H

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "call/call.h"
#include "db/ask.h"

#define FAKE_ASKS 32
#define FAKE_BODY 65536

static struct ask *fake_asks[FAKE_ASKS];
static unsigned fake_nasks;

static struct {
    unsigned times;
    int status;
    const char *media_type;
    char body[FAKE_BODY];
    char headers[4096]; /* "Name: value\n" each */
    bool ended;
} told;

static inline void fake_ask(struct db *db, struct ask *ask)
{
    (void)db;
    assert_true(fake_nasks < FAKE_ASKS);
    fake_asks[fake_nasks++] = ask;
}

static const unsigned char fake_cursor_key[32] = "an example key for cursors, 32b";

static struct call_env fake_env = {
    .cursor_key = fake_cursor_key,
    .deadline_ms = 1000,
    .arena_limit = 1 << 20,
    .principal_cache_ms = 60000,
    .ask = fake_ask,
};

static inline void fake_told(struct call *c, void *arg)
{
    size_t at = 0;

    (void)arg;
    told.times++;
    told.status = c->reply.status;
    told.media_type = c->reply.media_type;
    assert_false(c->reply.body.failed);
    (void)snprintf(told.body, sizeof(told.body), "%s", buf_text(&c->reply.body));
    told.headers[0] = '\0';
    for (unsigned i = 0; i < c->reply.nheaders; i++)
        at += (size_t)snprintf(told.headers + at, sizeof(told.headers) - at, "%s: %s\n",
                               c->reply.headers[i].name, c->reply.headers[i].value);
}

static inline void fake_ended(struct call *c, void *arg)
{
    (void)c;
    (void)arg;
    told.ended = true;
}

/** Forgets what was caught and told. */
static inline void fake_reset(void)
{
    memset(&told, 0, sizeof(told));
    fake_nasks = 0;
}

/** A new call; fill in its request, then fake_start(). */
static inline struct call *fake_call(const struct route *route)
{
    struct call *c = call_create(&fake_env, route);

    fake_reset();
    (void)snprintf(c->request.id, sizeof(c->request.id), "01900000-0000-7000-8000-000000000001");
    c->ended = fake_ended;
    return c;
}

static inline void fake_start(struct call *c)
{
    call_start(c, fake_told, NULL);
}

/** The ask that waits for its answer. */
static inline struct ask *fake_last(void)
{
    assert_true(fake_nasks > 0);
    return fake_asks[fake_nasks - 1];
}

/** Gives statement @i of the last ask a result of text columns. */
static inline void fake_result(int i, int columns, const char *const *names, const unsigned *types,
                               int rows, const char *const *values)
{
    fake_last()->statements[i].result = result_fake(columns, names, types, rows, values);
}

/** Brings the last ask home. Statements without a result get an empty one. */
static inline void fake_answer(enum ask_outcome outcome)
{
    struct ask *a = fake_last();
    static const char *const none[] = {"nothing"};

    for (int i = 0; outcome == ASK_OK && i < a->n; i++)
        if (!a->statements[i].result)
            a->statements[i].result = result_fake(1, none, NULL, 0, NULL);
    a->outcome = outcome;
    a->done(a, a->arg);
}

/** Brings the last ask home as refused by statement @statement. */
static inline void fake_refuse(int statement, const char *sqlstate, const char *message,
                               const char *detail)
{
    struct ask *a = fake_last();

    (void)snprintf(a->error.sqlstate, sizeof(a->error.sqlstate), "%s", sqlstate);
    a->error.message = message;
    a->error.detail = detail;
    a->error.statement = statement;
    fake_answer(ASK_FAILED);
}

/** Tells the name of query @i of the last ask ("" for a composed one). */
static inline const char *fake_query(int i)
{
    const struct ask *a = fake_last();

    assert_true(i < a->n);
    return a->statements[i].query ? a->statements[i].query->name : "";
}

#define assert_told(the_status)                                                                    \
    do {                                                                                           \
        assert_int_equal(told.times, 1);                                                           \
        assert_int_equal(told.status, the_status);                                                 \
    } while (0)

#define assert_body_has(text) assert_non_null(strstr(told.body, text))
#define assert_header(line) assert_non_null(strstr(told.headers, line "\n"))

#endif
