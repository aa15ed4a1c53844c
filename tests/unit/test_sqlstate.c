/* The database's refusals in the client's terms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/ask.h"
#include "db/sqlstate.h"

struct row {
    struct ask_error from;
    enum err_code code;
    int retry_after;
    const char *detail, *members, *hint;
    const char *pointer, *fault; /* of the only fault, NULL for none */
    bool logged;
};

static const struct row rows[] = {
    /* ours */
    {{.sqlstate = "SL409",
      .message = "no_such_transition",
      .detail = "Not from here.",
      .hint = "Try \"verify\"."},
     .code = ERR_NO_TRANSITION,
     .detail = "Not from here.",
     .hint = "Try \"verify\"."},
    {{.sqlstate = "SL409",
      .message = "already_converted",
      .detail = "{\"detail\": \"Was \\\"done\\\" \\\\ once\\u000a.\", \"lead_id\": \"x\", "
                "\"legal\": [{\"a\": \"},\"}, 1]}"},
     .code = ERR_ALREADY_CONVERTED,
     .detail = "Was \"done\" \\ once .",
     .members = "\"lead_id\": \"x\",\"legal\": [{\"a\": \"},\"}, 1]"},
    {{.sqlstate = "SL409",
      .message = "already_converted",
      .detail = "{\"b\":{\"detail\":\"not this\"},\"detail\":\"Za\xc5\xbc.\",\"c\":null}"},
     .code = ERR_ALREADY_CONVERTED,
     .detail = "Za\xc5\xbc.",
     .members = "\"b\":{\"detail\":\"not this\"},\"c\":null"},
    {{.sqlstate = "SL422", .message = "guard_failed", .detail = "{}"}, .code = ERR_GUARD},
    {{.sqlstate = "SL422", .message = "guard_failed", .detail = "{\"detail\""}, .code = ERR_GUARD},
    {{.sqlstate = "SL422", .message = "guard_failed", .detail = "{\"detail\":\""},
     .code = ERR_GUARD},
    {{.sqlstate = "SL422", .message = "guard_failed", .detail = "{\"detail\":\"x"},
     .code = ERR_GUARD,
     .detail = ""},
    {{.sqlstate = "SL422", .message = "guard_failed", .detail = "{\"detail\":7}"},
     .code = ERR_GUARD},
    {{.sqlstate = "SL422", .message = "guard_failed", .detail = "{\"a\":[["},
     .code = ERR_GUARD,
     .members = "\"a\":[["},
    {{.sqlstate = "SL422",
      .message = "unknown_reference",
      .detail = "There is no such lead.",
      .column = "/lead_id"},
     .code = ERR_REFERENCE,
     .detail = "There is no such lead.",
     .pointer = "/lead_id",
     .fault = "reference"},
    {{.sqlstate = "SL422", .message = "governed_field", .column = "/state"},
     .code = ERR_GOVERNED,
     .pointer = "/state",
     .fault = "governed"},
    {{.sqlstate = "SL422", .message = "validation_failed", .column = "plain"}, .code = ERR_INVALID},
    {{.sqlstate = "SL409", .message = "idempotency_exists"}, .code = ERR_CONFLICT},
    {{.sqlstate = "SL401", .message = "session_revoked"}, .code = ERR_SESSION_REVOKED},
    {{.sqlstate = "SL412", .message = "no such code"}, .code = ERR_STALE},
    {{.sqlstate = "SL404"}, .code = ERR_NOT_FOUND},
    {{.sqlstate = "SL999", .message = "no such code"}, .code = ERR_INTERNAL},
    /* constraints */
    {{.sqlstate = "23505", .message = "duplicate key", .constraint = "app_user_email_key"},
     .code = ERR_CONFLICT,
     .detail = "Another user has this e-mail address.",
     .pointer = "/email",
     .fault = "unique",
     .logged = true},
    {{.sqlstate = "23505", .message = "duplicate key", .constraint = "no_such_key"},
     .code = ERR_CONFLICT,
     .detail = "Another record has the same value.",
     .logged = true},
    {{.sqlstate = "23503", .message = "insert or update on table", .constraint = "lead_owner_fk"},
     .code = ERR_REFERENCE,
     .detail = "There is no such user.",
     .pointer = "/owner_id",
     .fault = "reference",
     .logged = true},
    {{.sqlstate = "23503", .message = "update or delete on table", .constraint = "lead_owner_fk"},
     .code = ERR_IN_USE,
     .logged = true},
    {{.sqlstate = "23503", .message = "insert or update on table", .constraint = "no_such_fk"},
     .code = ERR_REFERENCE,
     .logged = true},
    {{.sqlstate = "23514", .message = "check", .constraint = "opportunity_probability_check"},
     .code = ERR_INVALID,
     .detail = "A probability is between 0 and 100.",
     .pointer = "/probability",
     .fault = "invalid",
     .logged = true},
    {{.sqlstate = "23514", .message = "check", .constraint = "no_such_check"},
     .code = ERR_INVALID,
     .detail = "A value is out of its bounds.",
     .logged = true},
    {{.sqlstate = "23502", .message = "null", .column = "name"},
     .code = ERR_INVALID,
     .detail = "A value is required.",
     .pointer = "/name",
     .fault = "required",
     .logged = true},
    {{.sqlstate = "22P02", .message = "invalid input syntax"},
     .code = ERR_INVALID,
     .detail = "A value is out of range or not of its type.",
     .logged = true},
    {{.sqlstate = "22003"},
     .code = ERR_INVALID,
     .detail = "A value is out of range or not of its type.",
     .logged = true},
    /* the rest */
    {{.sqlstate = "42501", .message = "permission denied"}, .code = ERR_FORBIDDEN, .logged = true},
    {{.sqlstate = "57014", .message = "canceling"}, .code = ERR_TIMEOUT, .logged = true},
    {{.sqlstate = "40001"},
     .code = ERR_BUSY,
     .retry_after = 1,
     .detail = "Others are changing the same record; try again.",
     .logged = true},
    {{.sqlstate = "40P01"},
     .code = ERR_BUSY,
     .retry_after = 1,
     .detail = "Others are changing the same record; try again.",
     .logged = true},
    {{.sqlstate = "55P03"},
     .code = ERR_BUSY,
     .retry_after = 1,
     .detail = "Others are changing the same record; try again.",
     .logged = true},
    {{.sqlstate = "53300"}, .code = ERR_DB_UNAVAILABLE, .retry_after = 1, .logged = true},
    {{.sqlstate = "57P01"}, .code = ERR_DB_UNAVAILABLE, .retry_after = 1, .logged = true},
    {{.sqlstate = "08006"}, .code = ERR_DB_UNAVAILABLE, .retry_after = 1, .logged = true},
    {{.sqlstate = "25006"}, .code = ERR_DB_UNAVAILABLE, .retry_after = 1, .logged = true},
    {{.sqlstate = "42P01", .message = "relation \"secret\" does not exist"},
     .code = ERR_INTERNAL,
     .logged = true},
    {{.sqlstate = "P0001", .message = "raised"}, .code = ERR_INTERNAL, .logged = true},
    {{.sqlstate = "42883", .constraint = "app_user_email_key"},
     .code = ERR_INTERNAL,
     .logged = true},
    {{.sqlstate = ""}, .code = ERR_INTERNAL, .logged = true},
};

static void same(const char *got, const char *wanted, const char *what, size_t i)
{
    bool equal = got == wanted || (got != NULL && wanted != NULL && strcmp(got, wanted) == 0);

    if (!equal)
        (void)fprintf(stderr, "row %zu (%s): %s is %s, not %s\n", i, rows[i].from.sqlstate, what,
                      got == NULL ? "NULL" : got, wanted == NULL ? "NULL" : wanted);
    assert_true(equal);
}

static void every_refusal_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct arena arena;
        struct err e;

        arena_init(&arena, 1 << 20);
        err_init(&e, &arena);
        assert_false(sqlstate_to_err(&row->from, &e));
        same(err_slug(e.code), err_slug(row->code), "code", i);
        same(e.detail, row->detail, "detail", i);
        same(e.members, row->members, "members", i);
        same(e.hint, row->hint, "hint", i);
        assert_int_equal(e.retry_after, row->retry_after);
        assert_int_equal(e.nfaults, row->pointer != NULL);
        if (row->pointer != NULL) {
            same(e.faults->pointer, row->pointer, "pointer", i);
            same(e.faults->code, row->fault, "fault", i);
            same(e.faults->in, "body", "in", i);
            assert_non_null(e.faults->detail);
        }
        assert_true((e.log != NULL) == row->logged);
        if (e.log != NULL)
            assert_int_equal(strncmp(e.log, row->from.sqlstate, strlen(row->from.sqlstate)), 0);
        arena_done(&arena);
    }
}

static void results_are_read_by_name_and_kind(void **state)
{
    static const char *const names[] = {"id", "Sum.amount", "at"};
    static const unsigned types[] = {2950, 20, 1184};
    static const char *const values[] = {"a", "1", NULL, "b", NULL, "2026-01-01 00:00:00+00"};
    struct result *r = result_fake(3, names, types, 2, values);

    (void)state;
    assert_int_equal(result_rows(r), 2);
    assert_int_equal(result_columns(r), 3);
    assert_int_equal(result_column(r, "Sum.amount"), 1);
    assert_int_equal(result_column(r, "sum.amount"), -1);
    assert_string_equal(result_name(r, 2), "at");
    assert_null(result_name(r, 3));
    assert_int_equal(result_kind(r, 0), COLUMN_TEXT);
    assert_int_equal(result_kind(r, 1), COLUMN_NUMBER);
    assert_int_equal(result_kind(r, 2), COLUMN_TIMESTAMP);
    assert_int_equal(result_kind(r, -1), COLUMN_TEXT);
    assert_string_equal(result_get(r, 1, "id"), "b");
    assert_null(result_get(r, 1, "Sum.amount"));
    assert_null(result_text(r, 2, 0));
    assert_null(result_text(r, -1, 0));
    assert_int_equal(result_length(r, 1, 2), 22);
    assert_int_equal(result_length(r, 9, 9), 0);
    result_free(r);

    r = result_fake(1, names, NULL, 0, NULL);
    assert_int_equal(result_rows(r), 0);
    assert_int_equal(result_kind(r, 0), COLUMN_TEXT);
    result_free(r);
    result_free(NULL);
    assert_int_equal(result_rows(NULL), 0);
    assert_int_equal(result_column(NULL, "id"), -1);
    assert_null(result_get(NULL, 0, "id"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_refusal_has_its_answer),
        cmocka_unit_test(results_are_read_by_name_and_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
