/* job - the table of what runs by itself, and when it runs again. */
#include "job/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/uuid.h"
#include "call/call.h"
#include "loop/worker.h"
#include "service/lead/assign.h"
#include "service/lead/score.h"
#include "service/process/timed.h"
#include "service/record/jobs.h"
#include "service/record/match.h"
#include "service/resource/mail_domain.h"

#define WAIT_MAX_MS 60000

static const struct row {
    const char *name;
    unsigned every_ms; /* at least; 0: the runner's interval */
    step_fn *const *steps;
} rows[] = {
    {"timers", 0, timers_steps}, {"automatic", 0, automatic_steps},
    {"rekey", 0, rekey_steps},   {"score", 0, score_steps},
    {"assign", 0, assign_steps}, {"purge", 60000, purge_steps},
    {"jobs", 0, job_steps},      {"mail_domains", 1000, mail_domain_steps},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

struct run {
    struct jobs *jobs;
    const struct row *row;
    struct operation operation;
    struct route route;
    struct timer *timer;
    bool in_flight;
    unsigned failures; /* in a row */
};

struct jobs {
    const struct call_env *env;
    unsigned interval_ms;
    bool stopped;
    struct run runs[ROWS];
};

/* Who does it: nobody, with every right. */
static const char *const nothing[] = {NULL};
static struct principal nobody = {
    .kind = ACTOR_TIMER, .name = "timer", .language = "en", .roles = nothing, .teams = nothing};

static unsigned period(const struct run *r)
{
    unsigned ms = r->jobs->interval_ms;

    return r->row->every_ms > ms ? r->row->every_ms : ms;
}

static unsigned pause_after_failure(const struct run *r)
{
    unsigned ms = period(r);

    for (unsigned i = 1; i < r->failures && ms < WAIT_MAX_MS; i++)
        ms *= 2;
    return ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS;
}

static void failed(struct run *r, const struct call *c)
{
    if (r->failures++ == 0)
        log_warn("job failed", LOG_TEXT("job", r->row->name),
                 LOG_TEXT("code", err_slug(c->err.code)), LOG_TEXT("request_id", c->request.id),
                 LOG_TEXT("why", c->err.log ? c->err.log : c->err.detail));
}

static void worked(struct run *r)
{
    if (r->failures)
        log_info("job works again", LOG_TEXT("job", r->row->name),
                 LOG_NUM("failures", r->failures));
    r->failures = 0;
}

static void told(struct call *c, void *arg)
{
    struct run *r = arg;
    unsigned ms = period(r);

    r->in_flight = false;
    if (r->jobs->stopped)
        return;
    if (c->reply.status >= 400) {
        failed(r, c);
        ms = pause_after_failure(r);
    } else {
        worked(r);
    }
    timer_set(r->timer, c->reply.status == 200 ? 0 : (int64_t)ms * 1000);
}

static void start(void *arg)
{
    struct run *r = arg;
    struct uuid id = uuid_v7();
    struct call *c;

    if (r->jobs->stopped)
        return;
    c = call_create(r->jobs->env, &r->route);
    uuid_format(&id, c->request.id);
    c->who = &nobody;
    r->in_flight = true;
    call_start(c, told, r);
}

struct jobs *jobs_create(struct worker *w, const struct call_env *env, unsigned interval_ms)
{
    struct jobs *j = calloc(1, sizeof(*j));

    if (!j)
        abort();
    j->env = env;
    j->interval_ms = interval_ms;
    for (size_t i = 0; i < PERMISSION_COUNT; i++)
        nobody.scope[i] = SCOPE_ALL;
    for (size_t i = 0; i < ROWS; i++) {
        struct run *r = &j->runs[i];

        r->jobs = j;
        r->row = &rows[i];
        r->operation = (struct operation){.steps = rows[i].steps};
        r->route = (struct route){.id = rows[i].name,
                                  .method = METHOD_POST,
                                  .template = rows[i].name,
                                  .operation = &r->operation,
                                  .permission = PERMISSION_PUBLIC,
                                  .success = 200};
        r->timer = timer_create_on(w, start, r);
        timer_set(r->timer, (int64_t)interval_ms * 1000);
    }
    return j;
}

void jobs_stop(struct jobs *j)
{
    j->stopped = true;
    for (size_t i = 0; i < ROWS; i++)
        timer_cancel(j->runs[i].timer);
}

bool jobs_are_idle(const struct jobs *j)
{
    for (size_t i = 0; i < ROWS; i++)
        if (j->runs[i].in_flight)
            return false;
    return true;
}

void jobs_destroy(struct jobs *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < ROWS; i++)
        timer_destroy(j->runs[i].timer);
    free(j);
}
