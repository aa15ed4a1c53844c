#include "call/call.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "call/engine.h"
#include "call/reply.h"
#include "loop/offload.h"
#include "loop/worker.h"

#ifdef NDEBUG
#error "the engine's assertions are part of its promise: build without NDEBUG"
#endif

#define RESTARTS_MAX 3
#define REPLY_MAX ((size_t)64 << 20)

static const struct principal anonymous = {.kind = ACTOR_ANONYMOUS, .name = "anonymous"};

struct call *call_create(const struct call_env *env, const struct route *route)
{
    struct call *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    arena_init(&c->arena, env->arena_limit);
    err_init(&c->err, &c->arena);
    buf_init(&c->reply.body, REPLY_MAX);
    c->env = env;
    c->route = route;
    c->who = &anonymous;
    c->language = "en";
    c->started_us = clock_mono_us();
    return c;
}

void call_end(struct call *c)
{
    void (*ended)(struct call *, void *) = c->ended;

    assert(!c->asking && !c->held);
    if (c->beside)
        return; /* the job lives in the call: its end is the end of both */
    timer_destroy(c->deadline);
    timer_destroy(c->pause);
    if (ended)
        ended(c, c->told_arg);
    buf_done(&c->reply.body);
    arena_done(&c->arena);
    free(c);
}

static void tell_preferences(struct call *c)
{
    bool dry = c->dry && c->reply.status < 400;

    if (dry || c->minimized)
        reply_header(c, "Preference-Applied",
                     !dry            ? "return=minimal"
                     : !c->minimized ? "tx=rollback"
                                     : "return=minimal, tx=rollback");
}

/* What a later read sends to see what this call wrote. */
static void tell_commit(struct call *c)
{
    if (c->mark && c->reply.status < 400)
        reply_header(c, "Commit-Token", arena_printf(&c->arena, "%" PRIu64, c->mark));
}

/* Running or waiting becomes over or orphaned. */
static void call_tell(struct call *c)
{
    void (*told)(struct call *, void *) = c->told;

    assert(!c->replied);
    assert(c->reply.status);
    tell_preferences(c);
    tell_commit(c);
    if (!c->asking)
        idempotency_keep(c);
    c->replied = true;
    c->told = NULL;
    if (c->deadline)
        timer_cancel(c->deadline);
    told(c, c->told_arg);
    if (!c->asking)
        call_end(c);
}

/* A timer, unlike an ask or a job, can be called off: then nothing is in flight. */
static void stop_pause(struct call *c)
{
    if (!c->pauses_now)
        return;
    timer_cancel(c->pause);
    c->pauses_now = false;
    c->asking = false;
}

/* The deadline can only pass while the loop runs, and then every call that is not over waits. */
static void deadline_passed(void *arg)
{
    struct call *c = arg;

    assert(c->asking && !c->replied);
    err_init(&c->err, &c->arena);
    if (c->ask && c->ask->lane == LANE_WRITE && !c->dry)
        c->err.hint =
            "the change may still be made; a POST may be repeated with the same Idempotency-Key";
    err_set(&c->err, ERR_TIMEOUT, "The answer did not come in time.");
    stop_pause(c);
    c->reply.nheaders = 0;
    reply_problem(c);
    call_tell(c);
}

void call_start(struct call *c, void (*told)(struct call *c, void *arg), void *arg)
{
    unsigned ms = c->route->deadline_ms ? c->route->deadline_ms : c->env->deadline_ms;

    assert(!c->started);
    c->started = true;
    c->told = told;
    c->told_arg = arg;
    if (c->env->worker && ms) {
        c->deadline = timer_create_on(c->env->worker, deadline_passed, c);
        timer_set(c->deadline, (int64_t)ms * 1000);
        c->until_us = clock_mono_us() + (int64_t)ms * 1000;
    }
    call_go(c, entry_steps);
    call_advance(c, STEP_NEXT);
}

void call_abandon(struct call *c)
{
    assert(!c->replied);
    c->replied = true;
    c->told = NULL;
    if (c->deadline)
        timer_cancel(c->deadline);
    if (c->ask)
        c->ask->until_us = c->started_us; /* over: what was not sent need not be */
    stop_pause(c);
    if (!c->asking)
        call_end(c);
}

void call_go(struct call *c, step_fn *const *steps)
{
    c->steps = steps;
    c->next = 0;
}

bool call_in_operation(const struct call *c)
{
    return c->steps == c->route->operation->steps;
}

static step_fn *next_step(struct call *c)
{
    step_fn *step = c->steps[c->next];

    if (!step && c->steps == entry_steps) {
        call_go(c, c->route->operation->steps);
        step = c->steps[c->next];
    }
    assert(step); /* the last step replies or fails */
    c->next++;
    return step;
}

static void log_failure(const struct call *c)
{
    if (err_status(c->err.code) != 500)
        return; /* what the client did, or what the database layer logs once, not once per request
                 */
    log_error("operation failed", LOG_TEXT("operation", c->route->id),
              LOG_TEXT("request_id", c->request.id), LOG_TEXT("code", err_slug(c->err.code)),
              LOG_TEXT("why", c->err.log ? c->err.log : c->err.detail));
}

/* What is not there may have been: somebody else's steps get their chance to say so. */
static bool look_for_missing(struct call *c)
{
    if (c->err.code != ERR_NOT_FOUND || !c->env->missing || c->missed || !call_in_operation(c))
        return false;
    c->missed = true;
    c->filling = false;
    c->reply.nheaders = 0;
    call_go(c, c->env->missing);
    return true;
}

/* Runs steps until one waits, replies or fails for good. */
static enum step run(struct call *c, enum step rc)
{
    do {
        while (rc == STEP_NEXT)
            rc = next_step(c)(c);
        if (rc == STEP_WAIT && !c->asking)
            rc = ask_send(c);
        if (rc == STEP_FAIL && look_for_missing(c))
            rc = STEP_NEXT;
    } while (rc == STEP_NEXT);
    assert(c->asking == (rc == STEP_WAIT));
    return rc;
}

void call_advance(struct call *c, enum step rc)
{
    assert(!c->asking && !c->replied);
    rc = run(c, rc);
    if (rc == STEP_WAIT)
        return;
    if (held_settles(c)) { /* the operation goes on when the transaction is over */
        if (rc == STEP_REPLY)
            held_end(c);
        else
            held_undo(c);
        return;
    }
    if (rc == STEP_FAIL) {
        if (c->err.code == ERR_NONE)
            err_set(&c->err, ERR_INTERNAL, NULL);
        log_failure(c);
        reply_problem(c);
    }
    call_tell(c);
}

bool call_restart(struct call *c)
{
    if (c->restarts == RESTARTS_MAX)
        return false;
    c->restarts++;
    call_go(c, c->route->operation->steps);
    return true;
}

void call_repeat(struct call *c, unsigned steps)
{
    assert(steps <= c->next && (call_in_operation(c) || held_settles(c)));
    c->next -= steps;
}

void call_suspend(struct call *c)
{
    assert(!c->asking && !c->filling);
    c->asking = true;
}

void call_resume(struct call *c)
{
    assert(c->asking);
    c->asking = false;
    if (c->replied)
        call_end(c);
    else
        call_advance(c, STEP_NEXT);
}

static void job_done(struct job *job)
{
    call_resume(job->arg);
}

bool call_offload(struct call *c, struct job *job)
{
    assert(!c->asking && !c->filling);
    job->done = job_done;
    job->worker = c->env->worker;
    job->arg = c;
    if (!offload_submit(c->env->offload, job)) {
        c->err.retry_after = 1;
        return err_set(&c->err, ERR_BUSY, "Too much work is waiting; try again in a moment.");
    }
    c->asking = true;
    return true;
}

static void beside_done(struct job *job)
{
    struct call *c = job->arg;

    c->beside = false;
    if (c->awaits) {
        c->awaits = false;
        job_done(job);
    } else if (c->replied && !c->asking) {
        call_end(c);
    }
}

bool call_beside(struct call *c, struct job *job)
{
    assert(!c->beside);
    job->done = beside_done;
    job->worker = c->env->worker;
    job->arg = c;
    c->beside = offload_submit(c->env->offload, job);
    return c->beside;
}

enum step call_await(struct call *c)
{
    assert(!c->asking && !c->filling);
    if (!c->beside)
        return STEP_NEXT;
    c->awaits = c->asking = true;
    return STEP_WAIT;
}

static void pause_over(void *arg)
{
    struct call *c = arg;

    c->pauses_now = false;
    c->asking = false;
    call_advance(c, STEP_NEXT);
}

void call_pause(struct call *c, unsigned ms)
{
    assert(!c->asking && !c->filling && c->env->worker);
    if (!c->pause)
        c->pause = timer_create_on(c->env->worker, pause_over, c);
    timer_set(c->pause, (int64_t)ms * 1000);
    c->pauses_now = true;
    c->asking = true;
}

enum step call_fail(struct call *c, enum err_code code, const char *format, ...)
{
    va_list args;
    char text[1024];

    if (!format) {
        err_set(&c->err, code, NULL);
        return STEP_FAIL;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    err_set(&c->err, code, "%s", text);
    return STEP_FAIL;
}

enum step call_no_memory(struct call *c)
{
    return call_fail(c, ERR_BODY_TOO_LARGE,
                     "The request needs more memory than one request may have.");
}

void *call_alloc(struct call *c, size_t size)
{
    void *p = arena_alloc(&c->arena, size);

    if (!p)
        (void)call_no_memory(c);
    return p;
}

struct uuid call_new_id(struct call *c)
{
    c->resource = uuid_v7();
    return c->resource;
}
