/* The runner: when an operation runs again, and that it stops. */
#include "call_fake.h"

#include "base/clock.h"
#include "call/reply.h"
#include "db/ask.h"
#include "job/job.h"
#include "loop/worker.h"

static struct worker *worker;
static struct jobs *jobs;

static struct {
    unsigned fired;   /* how often thresholds are looked for */
    unsigned due;     /* so often there is something */
    unsigned broken;  /* so often the database cannot be reached first */
    unsigned stop_at; /* looks until the runner is stopped */
    int64_t at[64];   /* when */
    bool stopped;
} script;

static void answer(void *arg)
{
    static const char *const names[] = {"fired"};
    static const char *const values[] = {"0", "3"};
    static const char *const none[] = {"id"};
    struct ask *a = arg;
    const struct query *q = a->statements[a->n - 1].query;
    bool fires = q && strcmp(q->name, "timers_fire") == 0;
    bool fails = false;

    if (fires) {
        assert_false(script.stopped);
        script.at[script.fired++ % 64] = clock_mono_us();
        fails = script.fired <= script.broken;
        if (script.fired == script.stop_at) {
            jobs_stop(jobs);
            assert_false(jobs_are_idle(jobs));
            script.stopped = true;
            worker_stop(worker);
        }
    }
    for (int i = 0; !fails && i < a->n; i++)
        a->statements[i].result =
            fires ? result_fake(1, names, NULL, 1, &values[script.fired <= script.due])
                  : result_fake(1, none, NULL, 0, NULL);
    a->outcome = fails ? ASK_UNAVAILABLE : ASK_OK;
    a->done(a, a->arg);
}

static void later(struct db *db, struct ask *ask)
{
    (void)db;
    worker_post(worker, answer, ask);
}

static void run(unsigned interval_ms)
{
    static struct call_env env;

    env = fake_env;
    worker = env.worker = worker_create(0);
    env.ask = later;
    jobs = jobs_create(worker, &env, interval_ms);
    worker_run(worker);
    jobs_destroy(jobs);
    worker_destroy(worker);
}

static int64_t gap(unsigned i)
{
    return script.at[i] - script.at[i - 1];
}

/* Three looks that find something follow each other at once, whatever the interval. */
static void who_found_work_looks_again_at_once(void **state)
{
    (void)state;
    memset(&script, 0, sizeof(script));
    script.due = 3;
    script.stop_at = 4;
    run(50);
    assert_int_equal(script.fired, 4);
    for (unsigned i = 1; i < 4; i++)
        assert_true(gap(i) < 50000);
}

static void who_found_none_waits(void **state)
{
    (void)state;
    memset(&script, 0, sizeof(script));
    script.stop_at = 3;
    run(20);
    assert_true(gap(1) >= 10000 && gap(2) >= 10000);
}

static void who_fails_waits_longer_each_time(void **state)
{
    (void)state;
    memset(&script, 0, sizeof(script));
    script.broken = 4;
    script.stop_at = 5;
    run(5);
    /* 10, 20, 40 ms; an answer that comes late makes the next gap look shorter */
    assert_true(gap(2) >= 5000);
    assert_true(gap(3) >= 10000);
    assert_true(gap(4) >= 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_found_work_looks_again_at_once),
        cmocka_unit_test(who_found_none_waits),
        cmocka_unit_test(who_fails_waits_longer_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
