/* Held transactions: a write that lets records move by themselves, and every way out of it. */
#include "unit.h"

#include <string.h>

#include "call_things.h"

static unsigned rounds; /* asks of the steps that settle */
static bool steps_fail;
static const struct principal timer = {.kind = ACTOR_TIMER, .name = "timer"};

static const struct query settle_query = {
    .name = "t_settle", .lane = LANE_WRITE, .shape = QUERY_ONE};

/* Uses the call as if it were its own. */
static enum step settle_step(struct call *c)
{
    assert_non_null(call_pending(c));
    if (rounds == 0)
        return steps_fail ? call_fail(c, ERR_INTERNAL, NULL) : STEP_REPLY;
    rounds--;
    c->state = c;
    c->who = &timer;
    call_ask(c, &settle_query, NULL);
    call_repeat(c, 1);
    return STEP_WAIT;
}

static step_fn *const settle_test_steps[] = {settle_step, NULL};

static enum step check_state(struct call *c)
{
    assert_null(c->state);
    assert_int_equal(c->who->kind, ACTOR_ANONYMOUS);
    return reply_created(c);
}

OPERATION(create_held, ask_write, check_state);

/* A write whose first attempt was told to be held; the opening of the transaction is in flight. */
static struct call *opened(const char *key, const char *prefer)
{
    static struct route route;
    struct call *c;

    route = public_post;
    route.operation = &create_held;
    fake_env.settle = settle_test_steps;
    c = fake_call(&route);
    c->request.raw_body = span_of("{\"name\":\"x\"}");
    c->request.media_type = "application/json";
    c->request.idempotency_key = key;
    c->request.prefer = prefer;
    fake_start(c);
    assert_string_equal(fake_last()->statements[0].values[6], "ask");
    fake_refuse(key ? 2 : 1, "SLHLD", "hold", "r1");
    assert_int_equal(told.times, 0);
    assert_int_equal(fake_last()->hold, HOLD_OPEN);
    return c;
}

static int setup_held(void **state)
{
    rounds = 1;
    steps_fail = false;
    return setup(state);
}

static void assert_asked(enum ask_hold hold, const char *first)
{
    assert_int_equal(fake_last()->lane, LANE_WRITE);
    assert_int_equal(fake_last()->hold, hold);
    assert_ptr_equal(fake_last()->holder, fake_asks[1]->holder);
    assert_string_equal(fake_query(0), first);
}

static void a_held_write_is_one_ask_to_its_operation(void **state)
{
    (void)state;
    opened(NULL, NULL);
    assert_int_equal(fake_last()->n, 6);
    assert_asked(HOLD_OPEN, "held_begin");
    assert_string_equal(fake_query(1), "enter");
    assert_string_equal(fake_last()->statements[1].values[0], "anonymous");
    assert_string_equal(fake_last()->statements[1].values[6], "r1");
    assert_string_equal(fake_query(2), "t_write");
    assert_string_equal(fake_query(3), "t_read");
    assert_string_equal(fake_query(4), "held_savepoint");
    assert_string_equal(fake_query(5), "held_first");
    fake_answer(ASK_OK);
    assert_asked(HOLD_MORE, "t_settle");
    assert_int_equal(fake_last()->n, 1);
    fake_answer(ASK_OK);
    assert_asked(HOLD_CLOSE, "t_read");
    assert_string_equal(fake_query(1), "held_commit");
    assert_int_equal(told.times, 0);
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_told(201);
    assert_body_has("Acme"); /* as it was read last */
    assert_true(told.ended);
    assert_int_equal(fake_nasks, 4);
}

static void a_dry_run_ends_with_a_rollback(void **state)
{
    (void)state;
    opened(NULL, "tx=rollback");
    assert_false(fake_last()->rollback);
    fake_answer(ASK_OK);
    fake_answer(ASK_OK);
    assert_string_equal(fake_query(1), "held_rollback");
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_told(201);
    assert_header("Preference-Applied: tx=rollback");
}

static void a_key_is_claimed_in_the_held_transaction(void **state)
{
    (void)state;
    opened("key-1", NULL);
    assert_string_equal(fake_query(2), "idempotency_claim");
    rounds = 0;
    fake_answer(ASK_OK);
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_told(201);
    assert_string_equal(fake_query(0), "idempotency_keep");
    assert_int_equal(fake_last()->hold, HOLD_NONE);
    fake_answer(ASK_OK);
    assert_true(told.ended);
}

static void a_key_that_was_faster_is_replayed(void **state)
{
    (void)state;
    opened("key-1", NULL);
    fake_refuse(2, "SL409", "idempotency_exists", NULL);
    assert_asked(HOLD_CLOSE, "held_rollback");
    fake_answer(ASK_OK);
    assert_string_equal(fake_query(0), "idempotency_find");
    assert_int_equal(fake_last()->hold, HOLD_NONE);
    fake_answer(ASK_OK);
    assert_told(409);
}

static void what_fails_is_undone_before_it_is_told(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 3; at++) { /* while opening, settling, and by the steps */
        rounds = 1;
        steps_fail = at == 2;
        opened(NULL, NULL);
        for (unsigned i = 0; i < at; i++)
            fake_answer(ASK_OK);
        if (at < 2)
            fake_refuse(0, "SL409", "in_use", "There is a child.");
        assert_int_equal(told.times, 0);
        assert_asked(HOLD_CLOSE, "held_rollback");
        fake_answer(ASK_OK);
        assert_told(at < 2 ? 409 : 500);
        assert_true(told.ended);
    }
}

static void a_commit_that_fails_needs_no_rollback(void **state)
{
    (void)state;
    opened(NULL, NULL);
    fake_answer(ASK_OK);
    fake_answer(ASK_OK);
    fake_refuse(1, "SL403", "forbidden", "Not so.");
    assert_told(403);
    assert_true(told.ended);
    assert_int_equal(fake_nasks, 4);
}

static void a_stale_decision_in_it_is_made_again(void **state)
{
    (void)state;
    opened(NULL, NULL);
    fake_refuse(2, "SLAGN", "stale", NULL);
    fake_answer(ASK_OK); /* the rollback */
    assert_int_equal(told.times, 0);
    assert_int_equal(fake_last()->hold, HOLD_NONE);
    assert_string_equal(fake_query(0), "enter");
    fake_result(2, ROW);
    fake_answer(ASK_OK);
    assert_told(201);
}

static void a_lost_connection_is_told_by_what_was_asked(void **state)
{
    static const struct {
        unsigned answered;
        const char *text;
    } rows[] = {{0, "nothing was changed"}, {1, "nothing was changed"}, {2, "may have been made"}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        rounds = 1;
        opened(NULL, NULL);
        for (unsigned n = 0; n < rows[i].answered; n++)
            fake_answer(ASK_OK);
        fake_last()->sent = true;
        fake_answer(ASK_UNAVAILABLE);
        assert_told(503);
        assert_body_has(rows[i].text);
        assert_true(told.ended);
    }
}

static void a_rollback_that_is_lost_tells_what_it_was_for(void **state)
{
    (void)state;
    opened(NULL, NULL);
    fake_refuse(2, "SL409", "in_use", NULL);
    fake_answer(ASK_UNAVAILABLE);
    assert_told(409);
    assert_true(told.ended);
}

static void a_client_that_left_undoes_it(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 3; at++) { /* while opening, settling, committing */
        struct call *c;

        rounds = 1;
        c = opened(NULL, NULL);
        for (unsigned i = 0; i < at; i++)
            fake_answer(ASK_OK);
        call_abandon(c);
        assert_false(told.ended);
        fake_answer(ASK_OK);
        if (at < 2) {
            assert_asked(HOLD_CLOSE, "held_rollback");
            assert_false(told.ended);
            fake_answer(ASK_OK);
        }
        assert_true(told.ended);
        assert_int_equal(told.times, 0);
    }
}

static void a_deadline_undoes_it(void **state)
{
    struct call *c;

    (void)state;
    worker = fake_env.worker = worker_create(0);
    fake_env.deadline_ms = 5;
    c = opened(NULL, NULL);
    c->told = stop_when_told;
    worker_run(worker);
    fake_env.deadline_ms = 1000;
    assert_told(504);
    fake_answer(ASK_OK);
    assert_asked(HOLD_CLOSE, "held_rollback");
    fake_answer(ASK_OK);
    assert_int_equal(told.times, 1);
    assert_true(told.ended);
    worker_destroy(worker);
}

static void without_steps_nobody_asks_to_hold(void **state)
{
    (void)state;
    fake_env.settle = NULL;
    fake_start(post("{\"name\":\"x\"}", NULL));
    assert_null(fake_last()->statements[0].values[6]);
    fake_result(2, ROW);
    fake_answer(ASK_OK);
    assert_told(201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_held_write_is_one_ask_to_its_operation, setup_held),
        cmocka_unit_test_setup(a_dry_run_ends_with_a_rollback, setup_held),
        cmocka_unit_test_setup(a_key_is_claimed_in_the_held_transaction, setup_held),
        cmocka_unit_test_setup(a_key_that_was_faster_is_replayed, setup_held),
        cmocka_unit_test_setup(what_fails_is_undone_before_it_is_told, setup_held),
        cmocka_unit_test_setup(a_commit_that_fails_needs_no_rollback, setup_held),
        cmocka_unit_test_setup(a_stale_decision_in_it_is_made_again, setup_held),
        cmocka_unit_test_setup(a_lost_connection_is_told_by_what_was_asked, setup_held),
        cmocka_unit_test_setup(a_rollback_that_is_lost_tells_what_it_was_for, setup_held),
        cmocka_unit_test_setup(a_client_that_left_undoes_it, setup_held),
        cmocka_unit_test_setup(a_deadline_undoes_it, setup_held),
        cmocka_unit_test_setup(without_steps_nobody_asks_to_hold, setup_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
