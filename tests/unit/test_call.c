/* The engine: steps, asks, deadlines, orphans, restarts, work on other threads. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "call_things.h"
#include "loop/offload.h"

static void a_call_without_questions_replies_at_once(void **state)
{
    (void)state;
    fake_start(fake_call(&public_hello));
    assert_told(200);
    assert_string_equal(told.body, "{\"hello\":\"anonymous\"}");
    assert_true(told.ended);
    assert_int_equal(fake_nasks, 0);
}

static void a_read_waits_for_its_answer(void **state)
{
    (void)state;
    fake_start(fake_call(&public_get));
    assert_int_equal(told.times, 0);
    assert_int_equal(fake_nasks, 1);
    assert_int_equal(fake_last()->lane, LANE_READ);
    assert_int_equal(fake_last()->n, 1);
    assert_string_equal(fake_last()->statements[0].values[0], "a");
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_told(200);
    assert_header("ETag: \"7\"");
    assert_string_equal(
        told.body,
        "{\"id\":\"01900000-0000-7000-8000-00000000000a\",\"version\":7,\"name\":\"Acme\"}");
    assert_true(told.ended);
}

static void a_write_carries_the_identity_first(void **state)
{
    (void)state;
    fake_start(post("{\"name\":\"x\"}", NULL));
    assert_int_equal(fake_last()->lane, LANE_WRITE);
    assert_int_equal(fake_last()->n, 3);
    assert_string_equal(fake_query(0), "enter");
    assert_string_equal(fake_last()->statements[0].values[0], "anonymous");
    assert_null(fake_last()->statements[0].values[1]);
    assert_string_equal(fake_last()->statements[0].values[3],
                        "01900000-0000-7000-8000-000000000001");
    assert_string_equal(fake_last()->statements[0].values[4], "t_create");
    assert_string_equal(fake_query(1), "t_write");
    assert_string_equal(fake_query(2), "t_read");
    assert_false(fake_last()->rollback);
    fake_result(2, ROW);
    fake_answer(ASK_OK);
    assert_told(201);
    assert_header("Location: /v1/things/01900000-0000-7000-8000-00000000000a");
}

static enum step ask_mixed(struct call *c)
{
    const char *const values[] = {"a"};

    assert_int_equal(call_ask(c, &read_query, values), 0);
    assert_int_equal(call_ask(c, &slow_query, NULL), 1);
    return STEP_WAIT;
}

static enum step ask_too_much(struct call *c)
{
    const char *const values[] = {"a"};
    int last = 0;

    for (int i = 0; i < ASK_MAX + 1; i++)
        last = call_ask(c, &read_query, values);
    assert_int_equal(last, -1);
    return STEP_WAIT;
}

static enum step eat_memory(struct call *c)
{
    return call_alloc(c, 2 << 20) ? STEP_NEXT : STEP_FAIL;
}

static enum step fail_silently(struct call *c)
{
    (void)c;
    return STEP_FAIL;
}

static void the_highest_lane_wins(void **state)
{
    OPERATION(op, ask_mixed, reply_empty);
    struct route r = public_get;

    (void)state;
    r.operation = &op;
    fake_start(fake_call(&r));
    assert_int_equal(fake_last()->lane, LANE_SLOW);
    fake_answer(ASK_OK);
    assert_told(204);
}

static void what_does_not_fit_fails_the_call(void **state)
{
    static const struct {
        step_fn *step;
        int status;
    } rows[] = {{ask_too_much, 500}, {eat_memory, 413}, {fail_silently, 500}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct operation op = {.steps = (step_fn *const[]){rows[i].step, reply_empty, NULL}};
        struct route r = public_get;

        r.operation = &op;
        fake_start(fake_call(&r));
        assert_told(rows[i].status);
        assert_string_equal(told.media_type, "application/problem+json");
        assert_int_equal(fake_nasks, 0);
    }
}

static unsigned restarts_wanted;

static enum step restart_some_times(struct call *c)
{
    if (restarts_wanted == 0)
        return STEP_NEXT;
    restarts_wanted--;
    if (!call_restart(c))
        return call_fail(c, ERR_STALE, NULL);
    return STEP_NEXT;
}

static void a_call_restarts_three_times_at_most(void **state)
{
    OPERATION(op, ask_read, restart_some_times, reply_row);
    struct route r = public_get;

    (void)state;
    r.operation = &op;
    for (unsigned wanted = 0; wanted <= 4; wanted++) {
        restarts_wanted = wanted;
        steps_run = 0;
        fake_start(fake_call(&r));
        while (told.times == 0) {
            fake_result(0, ROW);
            fake_answer(ASK_OK);
        }
        assert_told(wanted <= 3 ? 200 : 412);
        assert_int_equal(steps_run, wanted <= 3 ? wanted + 1 : 4);
    }
}

static void a_decision_that_came_too_late_is_made_again(void **state)
{
    OPERATION(op, ask_read, ask_write, reply_row);
    struct route r = public_get;

    (void)state;
    r.operation = &op;
    for (unsigned late = 0; late <= 4; late++) {
        fake_start(fake_call(&r));
        for (unsigned i = 0; i <= late && told.times == 0; i++) {
            fake_result(0, ROW);
            fake_answer(ASK_OK);
            if (i < late)
                fake_refuse(1, "SLAGN", "stale", NULL);
        }
        if (late <= 3) {
            fake_result(2, ROW);
            fake_answer(ASK_OK);
        }
        assert_told(late <= 3 ? 200 : 412);
    }
}

static void refusals_become_problems(void **state)
{
    (void)state;
    fake_start(post("{\"name\":\"x\"}", NULL));
    fake_refuse(1, "SL409", "in_use", "There is a child.");
    assert_told(409);
    assert_body_has("\"code\":\"in_use\"");
    assert_body_has("There is a child.");
    assert_int_equal(fake_nasks, 1);
}

static void an_absent_database_is_told_apart(void **state)
{
    static const struct {
        enum ask_outcome outcome;
        bool sent, keyed;
        const char *code, *text;
    } rows[] = {
        {ASK_BUSY, false, false, "\"code\":\"busy\"", "nothing was changed"},
        {ASK_UNAVAILABLE, false, false, "\"code\":\"database_unavailable\"", "nothing was changed"},
        {ASK_UNAVAILABLE, true, false, "\"code\":\"database_unavailable\"", "may have been made"},
        {ASK_UNAVAILABLE, true, true, "\"code\":\"database_unavailable\"",
         "the same Idempotency-Key"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        fake_start(post("{\"name\":\"x\"}", rows[i].keyed ? "k" : NULL));
        fake_last()->sent = rows[i].sent;
        fake_answer(rows[i].outcome);
        assert_told(503);
        assert_header("Retry-After: 1");
        assert_body_has(rows[i].code);
        assert_body_has(rows[i].text);
        assert_int_equal(fake_nasks, 1);
    }
}

/* the four lives of a call */

static void a_deadline_orphans_the_ask(void **state)
{
    struct call *c;

    (void)state;
    worker = fake_env.worker = worker_create(0);
    fake_env.deadline_ms = 5;
    c = fake_call(&public_get);
    call_start(c, stop_when_told, NULL);
    worker_run(worker);
    fake_env.deadline_ms = 1000;
    assert_told(504);
    assert_body_has("\"code\":\"timeout\"");
    assert_false(told.ended);
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_int_equal(told.times, 1);
    assert_true(told.ended);
    worker_destroy(worker);
}

static void a_client_that_left_orphans_the_ask(void **state)
{
    struct call *c = fake_call(&public_get);

    (void)state;
    fake_start(c);
    assert_int_equal(fake_last()->until_us, 0);
    call_abandon(c);
    assert_int_equal(fake_last()->until_us, c->started_us); /* it need not be sent any more */
    assert_false(told.ended);
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_int_equal(told.times, 0);
    assert_true(told.ended);
}

static void a_call_may_be_given_up_before_it_starts(void **state)
{
    (void)state;
    call_abandon(fake_call(&public_get));
    assert_int_equal(told.times, 0);
    assert_true(told.ended);
}

struct doubling {
    struct job job;
    int n;
};

static void double_it(struct job *job)
{
    ((struct doubling *)job)->n *= 2;
}

static enum step offload_step(struct call *c)
{
    struct doubling *d = call_alloc(c, sizeof(*d));

    assert_non_null(d);
    d->job.work = double_it;
    d->n = 21;
    c->state = d;
    return call_offload(c, &d->job) ? STEP_WAIT : STEP_FAIL;
}

static enum step tell_number(struct call *c)
{
    struct out *o = reply_json(c, 200);

    out_int(o, ((struct doubling *)c->state)->n);
    return STEP_REPLY;
}

static void work_on_another_thread_is_a_wait(void **state)
{
    OPERATION(op, offload_step, tell_number);
    struct route r = public_get;

    (void)state;
    r.operation = &op;
    worker = fake_env.worker = worker_create(0);
    fake_env.offload = offload_create(1, 1);
    call_start(fake_call(&r), stop_when_told, NULL);
    worker_run(worker);
    assert_told(200);
    assert_string_equal(told.body, "42");
    offload_destroy(fake_env.offload);
    worker_destroy(worker);
}

static enum step suspend_step(struct call *c)
{
    struct doubling *d = call_alloc(c, sizeof(*d));

    assert_non_null(d);
    d->n = 42;
    c->state = d;
    call_suspend(c);
    return STEP_WAIT;
}

static void what_the_engine_does_not_know_is_a_wait(void **state)
{
    OPERATION(op, suspend_step, tell_number);
    struct route r = public_get;
    struct call *c = fake_call(&r);

    (void)state;
    r.operation = &op;
    fake_start(c);
    assert_int_equal(told.times, 0);
    call_resume(c);
    assert_told(200);
    assert_string_equal(told.body, "42");
    assert_true(told.ended);

    c = fake_call(&r);
    fake_start(c);
    call_abandon(c);
    assert_false(told.ended); /* whoever will resume it has its address */
    call_resume(c);
    assert_int_equal(told.times, 0);
    assert_true(told.ended);
}

static enum step beside_step(struct call *c)
{
    struct doubling *d = call_alloc(c, sizeof(*d));

    assert_non_null(d);
    d->job.work = double_it;
    d->n = 21;
    c->state = d;
    assert_true(call_beside(c, &d->job));
    return STEP_NEXT;
}

/* The steps go on while another thread works, and wait when they need what it made. */
static void work_beside_is_waited_for(void **state)
{
    OPERATION(op, beside_step, call_await, tell_number);
    struct route r = public_get;

    (void)state;
    r.operation = &op;
    worker = fake_env.worker = worker_create(0);
    fake_env.offload = offload_create(1, 1);
    call_start(fake_call(&r), stop_when_told, NULL);
    worker_run(worker);
    assert_told(200);
    assert_string_equal(told.body, "42");
    offload_destroy(fake_env.offload);
    worker_destroy(worker);
}

static enum step tell_early(struct call *c)
{
    reply_json(c, 200);
    return STEP_REPLY;
}

static void stop_when_ended(struct call *c, void *arg)
{
    fake_ended(c, arg);
    worker_stop(worker);
}

/* A call that was told is not freed before the other thread is done with it. */
static void work_beside_outlives_the_reply(void **state)
{
    OPERATION(op, beside_step, tell_early);
    struct route r = public_get;
    struct call *c;

    (void)state;
    r.operation = &op;
    worker = fake_env.worker = worker_create(0);
    fake_env.offload = offload_create(1, 1);
    c = fake_call(&r);
    c->ended = stop_when_ended;
    call_start(c, fake_told, NULL);
    assert_told(200);
    assert_false(told.ended);
    worker_run(worker);
    assert_true(told.ended);
    offload_destroy(fake_env.offload);
    worker_destroy(worker);
}

static void too_much_work_is_busy(void **state)
{
    OPERATION(op, offload_step, tell_number);
    struct route r = public_get;

    (void)state;
    r.operation = &op;
    fake_env.offload = offload_create(1, 0);
    fake_start(fake_call(&r));
    assert_told(503);
    assert_header("Retry-After: 1");
    offload_destroy(fake_env.offload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_call_without_questions_replies_at_once, setup),
        cmocka_unit_test_setup(a_read_waits_for_its_answer, setup),
        cmocka_unit_test_setup(a_write_carries_the_identity_first, setup),
        cmocka_unit_test_setup(the_highest_lane_wins, setup),
        cmocka_unit_test_setup(what_does_not_fit_fails_the_call, setup),
        cmocka_unit_test_setup(a_call_restarts_three_times_at_most, setup),
        cmocka_unit_test_setup(a_decision_that_came_too_late_is_made_again, setup),
        cmocka_unit_test_setup(refusals_become_problems, setup),
        cmocka_unit_test_setup(an_absent_database_is_told_apart, setup),
        cmocka_unit_test_setup(a_deadline_orphans_the_ask, setup),
        cmocka_unit_test_setup(a_client_that_left_orphans_the_ask, setup),
        cmocka_unit_test_setup(a_call_may_be_given_up_before_it_starts, setup),
        cmocka_unit_test_setup(work_on_another_thread_is_a_wait, setup),
        cmocka_unit_test_setup(what_the_engine_does_not_know_is_a_wait, setup),
        cmocka_unit_test_setup(work_beside_is_waited_for, setup),
        cmocka_unit_test_setup(work_beside_outlives_the_reply, setup),
        cmocka_unit_test_setup(too_much_work_is_busy, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
