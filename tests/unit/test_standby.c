/* How old what a standby tells may be: notes of the primary's position over a clock of the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/standby.h"

#define MS 1000

/* The position is the moment at which it was the log's end, so that what is wanted tells its age.
 */
static void ask(struct standby *s, int64_t now_us)
{
    standby_note(s, (uint64_t)now_us, now_us);
}

static void test_nothing_is_wanted_that_is_too_old(void **state)
{
    static const int64_t lags[] = {100 * MS, 400 * MS, 5000 * MS, 3600000LL * MS};

    (void)state;
    for (size_t i = 0; i < sizeof lags / sizeof *lags; i++) {
        struct standby s = {.lag_us = lags[i]};
        int64_t every = standby_interval(&s), step = lags[i] / 50, now, next = 1;

        assert_true(every <= lags[i] / 8);
        assert_true(every <= 1000 * MS);
        assert_int_equal(standby_wanted(&s, 1), 0);
        for (now = 1; now < 3 * lags[i]; now += step) {
            int64_t wanted;

            if (now >= next) {
                ask(&s, now);
                next = now + every;
            }
            wanted = (int64_t)standby_wanted(&s, now);
            assert_true(wanted > 0);
            assert_true(now - wanted <= lags[i] / 4 * 3);
        }
    }
}

/* A standby that is a little behind is of use: the oldest note that will do is what is wanted. */
static void test_no_more_is_wanted_than_must_be(void **state)
{
    struct standby s = {.lag_us = 800 * MS};

    (void)state;
    for (int64_t now = 100 * MS; now <= 2000 * MS; now += 100 * MS)
        ask(&s, now);
    assert_int_equal(standby_wanted(&s, 2000 * MS), 1400 * MS);
    assert_int_equal(standby_wanted(&s, 2001 * MS), 1500 * MS);
    assert_int_equal(standby_wanted(&s, 2600 * MS), 2000 * MS);
    assert_int_equal(standby_wanted(&s, 2601 * MS), 0); /* nothing was heard since */
    ask(&s, 2700 * MS);
    assert_int_equal(standby_wanted(&s, 2700 * MS), 2700 * MS);
}

static void test_waiting_counts(void **state)
{
    struct standby s = {.lag_us = 800 * MS};

    (void)state;
    assert_false(standby_waited(&s, 1000 * MS, 1100 * MS));
    assert_true(standby_waited(&s, 1000 * MS, 1101 * MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_wanted_that_is_too_old),
        cmocka_unit_test(test_no_more_is_wanted_than_must_be),
        cmocka_unit_test(test_waiting_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
