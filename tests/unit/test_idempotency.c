/* A POST with an Idempotency-Key happens once. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "call_things.h"
#include "crypto/secret.h"

static void a_key_is_claimed_and_the_answer_kept(void **state)
{
    (void)state;
    fake_start(post("{\"name\":\"x\"}", "k-1"));
    assert_int_equal(fake_last()->n, 4);
    assert_string_equal(fake_query(0), "enter");
    assert_string_equal(fake_query(1), "idempotency_claim");
    assert_string_equal(fake_last()->statements[1].values[0], "anonymous:/v1/things");
    assert_string_equal(fake_last()->statements[1].values[1], "k-1");
    assert_string_equal(fake_last()->statements[1].values[3], "/v1/things");
    assert_string_equal(fake_query(2), "t_write");
    fake_result(3, ROW);
    fake_answer(ASK_OK);
    assert_told(201);
    assert_false(told.ended); /* it lives on until the answer is kept */
    assert_string_equal(fake_query(0), "idempotency_keep");
    assert_string_equal(fake_last()->statements[0].values[1], "k-1");
    assert_string_equal(fake_last()->statements[0].values[3], "201");
    assert_non_null(strstr(fake_last()->statements[0].values[4], "\"Location\""));
    assert_string_equal(fake_last()->statements[0].values[5], told.body);
    fake_answer(ASK_UNAVAILABLE);
    assert_true(told.ended);
    assert_int_equal(told.times, 1);
}

static void a_refused_request_keeps_nothing(void **state)
{
    (void)state;
    fake_start(post("{\"name\":\"x\"}", "k-1"));
    fake_refuse(2, "SL409", "conflict", "There is one.");
    assert_told(409);
    assert_true(told.ended);
    fake_start(post("{\"name\":1}", "k-1"));
    assert_told(422);
    assert_int_equal(fake_nasks, 0);
}

static const char *const found_names[] = {"method", "path",    "body_hash", "resource_id",
                                          "status", "headers", "answer",    "age_s"};

static const char *hash_of(const char *body)
{
    static char text[SHA256_TEXT];

    sha256_hex(body, strlen(body), text);
    return text;
}

static void a_known_key_replays(void **state)
{
    const char *body = "{\"name\":\"x\"}";
    const struct {
        const char *row[8];
        int status;
        const char *has;
    } rows[] = {
        {{"POST", "/v1/things", hash_of(body), "r", "201", "{\"Location\": \"/l\"}", "{\"kept\":1}",
          "5"},
         201,
         "{\"kept\":1}"},
        {{"POST", "/v1/things", hash_of(body), NULL, "204", NULL, "", "5"}, 204, ""},
        {{"POST", "/v1/things", hash_of(body), NULL, "409", "{}", "{}", "5"}, 409, "{}"},
        {{"POST", "/v1/others", hash_of(body), NULL, NULL, NULL, NULL, "5"},
         422,
         "idempotency_mismatch"},
        {{"POST", "/v1/things", "other", NULL, "201", "{}", "{}", "5"}, 422, "another body"},
        {{"POST", "/v1/things", hash_of(body), "r", NULL, NULL, NULL, "1"},
         409,
         "idempotency_in_flight"},
        {{"POST", "/v1/things", hash_of(body), "r", NULL, NULL, NULL, "3"}, 200, "{\"id\":\"r\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        fake_start(post(body, "k-1"));
        fake_refuse(1, "SL409", "idempotency_exists", NULL);
        assert_int_equal(told.times, 0);
        assert_string_equal(fake_query(0), "idempotency_find");
        fake_result(0, 8, found_names, NULL, 1, rows[i].row);
        fake_answer(ASK_OK);
        assert_told(rows[i].status);
        assert_body_has(rows[i].has);
        if (i < 3 || i == 6)
            assert_header("Idempotent-Replayed: true");
        if (i == 0)
            assert_header("Location: /l");
        if (i == 5)
            assert_header("Retry-After: 1");
        assert_true(told.ended);
        assert_int_equal(steps_run, i + 1);
    }
}

static void a_twin_that_still_runs_is_a_conflict(void **state)
{
    (void)state;
    fake_start(post("{\"name\":\"x\"}", "k-1"));
    fake_refuse(1, "55P03", "canceling statement due to lock timeout", NULL);
    assert_told(409);
    assert_body_has("idempotency_in_flight");
}

static struct ask *waiting_find;

static void answer_find_later(void *arg)
{
    const char *const *row = arg;

    fake_result(0, 8, found_names, NULL, 1, row);
    fake_answer(ASK_OK);
}

static void ask_and_answer_in_a_turn(struct db *db, struct ask *ask)
{
    static const char *row[8] = {"POST", "/v1/things", NULL, NULL, NULL, "{}", "{\"kept\":1}", "0"};

    fake_ask(db, ask);
    if (strcmp(ask->statements[0].query->name, "idempotency_find") != 0)
        return;
    row[2] = hash_of("{\"name\":\"x\"}");
    row[4] = waiting_find ? "201" : NULL; /* kept between the first look and the second */
    waiting_find = ask;
    worker_post(worker, answer_find_later, row);
}

static void an_answer_that_is_about_to_be_kept_is_waited_for(void **state)
{
    struct call *c;

    (void)state;
    waiting_find = NULL;
    worker = fake_env.worker = worker_create(0);
    fake_env.ask = ask_and_answer_in_a_turn;
    c = post("{\"name\":\"x\"}", "k-1");
    call_start(c, stop_when_told, NULL);
    fake_refuse(1, "SL409", "idempotency_exists", NULL);
    worker_run(worker);
    fake_env.ask = fake_ask;
    assert_told(201);
    assert_string_equal(told.body, "{\"kept\":1}");
    assert_int_equal(fake_nasks, 3);
    worker_destroy(worker);
}

static void a_client_may_leave_during_a_pause(void **state)
{
    static const char *row[8] = {"POST", "/v1/things", NULL, NULL, NULL, NULL, NULL, "0"};
    struct call *c;

    (void)state;
    worker = fake_env.worker = worker_create(0);
    c = post("{\"name\":\"x\"}", "k-1");
    fake_start(c);
    fake_refuse(1, "SL409", "idempotency_exists", NULL);
    row[2] = hash_of("{\"name\":\"x\"}");
    answer_find_later(row);
    assert_int_equal(told.times, 0);
    call_abandon(c);
    assert_true(told.ended);
    worker_destroy(worker);
}

static enum step refuse_but_note(struct call *c)
{
    const char *const values[] = {"w"};

    call_ask_aside(c);
    call_ask(c, &write_query, values);
    return STEP_WAIT;
}

static enum step refuse(struct call *c)
{
    return call_fail(c, ERR_GUARD, NULL);
}

/* A transition reads first: the look-up travels with that question. */
static void a_key_is_looked_up_with_the_first_read(void **state)
{
    OPERATION(op, ask_read, refuse_but_note, refuse);
    struct route r = public_post;
    struct call *c;

    (void)state;
    r.operation = &op;
    c = post("{\"name\":\"x\"}", "k-1");
    c->route = &r;
    fake_start(c);
    assert_int_equal(fake_last()->lane, LANE_READ);
    assert_string_equal(fake_query(0), "t_read");
    assert_string_equal(fake_query(1),
                        "idempotency_find"); /* behind what the key's owner may have done */
    fake_result(0, ROW);
    fake_answer(ASK_OK);
    assert_int_equal(fake_last()->n, 2); /* enter and the note: no claim */
    fake_answer(ASK_OK);
    assert_told(422);
    assert_true(told.ended);

    c = post("{\"name\":\"x\"}", "k-1");
    c->route = &r;
    steps_run = 0;
    fake_start(c);
    fake_result(0, ROW);
    fake_result(1, 8, found_names, NULL, 1,
                (const char *const[]){"POST", "/v1/things", "h", NULL, NULL, NULL, NULL, "0"});
    fake_answer(ASK_OK);
    assert_string_equal(fake_query(0), "idempotency_find");
    assert_int_equal(fake_last()->n, 1);
    fake_answer(ASK_BUSY);
    assert_told(503);
    assert_int_equal(steps_run, 1);
}

/* work in two parts, each in a transaction of its own */

static const char *const part_values[] = {"1"};

static enum step part_ask(struct call *c)
{
    c->in_parts = true;
    call_ask(c, &read_query, part_values);
    call_ask_part(c, "one");
    return STEP_WAIT;
}

static enum step part_write(struct call *c)
{
    struct uuid made;

    if (call_part_is_done(c, &made)) {
        assert_true(uuid_is_none(&made));
        return call_fail(c, ERR_CONFLICT, "done before");
    }
    assert_true(call_claim_part(c, "one", (struct uuid){0}));
    call_ask(c, &write_query, part_values);
    return STEP_WAIT;
}

static void what_is_left_of_work_in_parts_is_done(void **state)
{
    const char *body = "{\"name\":\"x\"}";
    const char *const unanswered[] = {"POST", "/v1/things", hash_of(body), NULL,
                                      NULL,   NULL,         NULL,          "60"};
    OPERATION(op, part_ask, part_write, refuse);
    struct route r = public_post;
    struct call *c;

    (void)state;
    r.operation = &op;
    for (int done = 0; done < 2; done++) {
        c = post(body, "k-1");
        c->route = &r;
        fake_start(c);
        fake_result(0, ROW);
        fake_result(1, 8, found_names, NULL, 1, unanswered);
        fake_answer(ASK_OK);
        assert_string_equal(fake_query(0), "idempotency_find"); /* what is known of the key */
        fake_result(0, 8, found_names, NULL, 1, unanswered);
        fake_answer(ASK_OK);
        assert_int_equal(fake_last()->n, 2); /* again from the beginning, and the part's key */
        assert_string_equal(fake_last()->statements[1].values[1], "k-1#one");
        fake_result(0, ROW);
        fake_result(1, 8, found_names, NULL, done, unanswered);
        fake_answer(ASK_OK);
        if (!done) {
            assert_string_equal(fake_query(1), "idempotency_claim");
            assert_string_equal(fake_last()->statements[1].values[1], "k-1#one");
            fake_result(2, ROW);
            fake_answer(ASK_OK);
        }
        assert_told(done ? 409 : 422);
        fake_answer(ASK_OK); /* kept */
        assert_true(told.ended);
    }
}

static void what_met_a_deadlock_is_asked_again(void **state)
{
    static const char *const conflicts[] = {"40001", "40P01"};

    (void)state;
    for (unsigned times = 1; times <= 4; times++) {
        fake_start(post("{\"name\":\"x\"}", "k-1"));
        for (unsigned i = 0; i < times; i++) {
            assert_int_equal(told.times, 0);
            assert_string_equal(fake_query(1), "idempotency_claim");
            fake_refuse(2, conflicts[i % 2], "deadlock detected", NULL);
        }
        if (times < 4) {
            fake_result(2, ROW);
            fake_answer(ASK_OK);
            fake_answer(ASK_OK); /* kept */
        }
        assert_told(times < 4 ? 201 : 503);
        assert_true(told.ended);
    }
}

static void keys_are_checked(void **state)
{
    static const char *const bad[] = {"", "with space", "\x7f", "\xc5\xbc"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        fake_start(post("{\"name\":\"x\"}", bad[i]));
        assert_told(400);
        assert_body_has("Idempotency-Key");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_key_is_claimed_and_the_answer_kept, setup),
        cmocka_unit_test_setup(a_refused_request_keeps_nothing, setup),
        cmocka_unit_test_setup(a_known_key_replays, setup),
        cmocka_unit_test_setup(a_twin_that_still_runs_is_a_conflict, setup),
        cmocka_unit_test_setup(an_answer_that_is_about_to_be_kept_is_waited_for, setup),
        cmocka_unit_test_setup(a_client_may_leave_during_a_pause, setup),
        cmocka_unit_test_setup(a_key_is_looked_up_with_the_first_read, setup),
        cmocka_unit_test_setup(what_is_left_of_work_in_parts_is_done, setup),
        cmocka_unit_test_setup(what_met_a_deadlock_is_asked_again, setup),
        cmocka_unit_test_setup(keys_are_checked, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
