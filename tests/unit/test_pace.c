/* How fast a lane gets on, and when nobody can tell. */
#include "unit.h"

#include "db/pace.h"

#define MS INT64_C(1000)
#define ENOUGH 4

/* Ends @n asks, one each @each_ms after @at_ms, while @waiting wait. */
static int64_t go_on(struct pace *p, unsigned n, unsigned waiting, int64_t at_ms, int64_t each_ms)
{
    for (unsigned i = 0; i < n; i++)
        pace_note(p, waiting, ENOUGH, (at_ms += each_ms) * MS);
    return at_ms;
}

static void the_wait_is_that_of_those_before(void **state)
{
    struct pace p = {0};
    int64_t at;

    (void)state;
    at = go_on(&p, 4, 10, 1000, 100); /* the first begins, three are not enough */
    assert_int_equal(pace_wait(&p, 10), 0);
    at = go_on(&p, 1, 10, at, 100);
    assert_int_equal(pace_wait(&p, 10), 1000 * MS);
    assert_int_equal(pace_wait(&p, 3), 300 * MS);
    assert_int_equal(pace_wait(&p, 0), 0);
    go_on(&p, 4, 10, at, 500); /* slower now */
    assert_int_equal(pace_wait(&p, 10), 5000 * MS);
}

static void answers_that_come_together_are_no_pace(void **state)
{
    struct pace p = {0};
    int64_t at;

    (void)state;
    at = go_on(&p, 100, 10, 1000, 0);
    assert_int_equal(pace_wait(&p, 10), 0);
    go_on(&p, 1, 10, at, 300);
    assert_int_equal(pace_wait(&p, 10), 30 * MS); /* 100 of them in 300 ms */
}

static void an_empty_queue_forgets(void **state)
{
    struct pace p = {0};
    int64_t at;

    (void)state;
    at = go_on(&p, 5, 10, 1000, 100);
    assert_int_equal(pace_wait(&p, 10), 1000 * MS);
    at = go_on(&p, 1, 0, at, 100);
    assert_int_equal(pace_wait(&p, 10), 0);
    go_on(&p, 5, 10, at + 60000, 100); /* the minute between is nobody's */
    assert_int_equal(pace_wait(&p, 10), 1000 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wait_is_that_of_those_before),
        cmocka_unit_test(answers_that_come_together_are_no_pace),
        cmocka_unit_test(an_empty_queue_forgets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
