#include "unit.h"

#include "quality/score.h"

#define DAYS(n) ((int64_t)(n)*SCORE_DAY_S)

/* Parts of rules: the events' ages in days, and what comes of them. */
static void parts_are_exact(void **state)
{
    static const struct {
        struct score_rule rule;
        int64_t ages[4];
        size_t n;
        int64_t events, points, worth, next_s;
    } rows[] = {
        {{10, 0, 0, 0}, {0}, 0, 0, 0, 0, 0},
        {{10, 0, 0, 0}, {0, 400}, 2, 2, 20, 20, 0},
        {{-7, 0, 0, 0}, {1}, 1, 1, -7, -7, 0},
        /* halves of a half life */
        {{10, 0, 30, 0}, {0}, 1, 1, 10, 10, DAYS(1)},
        {{10, 0, 30, 0}, {30}, 1, 1, 10, 5, DAYS(1)},
        {{10, 0, 30, 0}, {60}, 1, 1, 10, 3, DAYS(1)}, /* 2.5, away from zero */
        {{-10, 0, 30, 0}, {60}, 1, 1, -10, -3, DAYS(1)},
        {{10, 0, 30, 0}, {15}, 1, 1, 10, 7, DAYS(1)},         /* 7.07 */
        {{10, 0, 30, 0}, {150}, 1, 1, 10, 0, 0},              /* 0.31: gone for good */
        {{10, 0, 30, 0}, {0, 30, 60}, 3, 3, 30, 18, DAYS(1)}, /* 17.5 */
        /* expiry is a step, and the part says when */
        {{10, 0, 0, 7}, {6}, 1, 1, 10, 10, DAYS(1)},
        {{10, 0, 0, 7}, {7}, 1, 0, 0, 0, 0},
        {{10, 0, 0, 7}, {8, 2}, 2, 1, 10, 10, DAYS(5)},
        {{10, 0, 30, 90}, {90, 30}, 2, 1, 10, 5, DAYS(1)},
        /* caps hold both ways; what is capped still fades */
        {{10, 25, 0, 0}, {0, 0, 0}, 3, 3, 25, 25, 0},
        {{-10, 25, 0, 0}, {0, 0, 0}, 3, 3, -25, -25, 0},
        {{10, 25, 10, 0}, {0, 0, 0, 0}, 4, 4, 25, 25, DAYS(1)},
        {{10, 25, 10, 0}, {10, 10, 10, 10}, 4, 4, 25, 20, DAYS(1)},
        /* what is yet to come is new */
        {{10, 0, 30, 0}, {-3}, 1, 1, 10, 10, DAYS(1)},
        {{10, 0, 0, 7}, {-3}, 1, 1, 10, 10, DAYS(10)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct score_part p = {0};

        for (size_t k = 0; k < rows[i].n; k++)
            (void)score_add(&p, &rows[i].rule, DAYS(rows[i].ages[k]));
        score_close(&p, &rows[i].rule);
        assert_int_equal(p.events, rows[i].events);
        assert_int_equal(p.points, rows[i].points);
        assert_int_equal(p.worth, rows[i].worth);
        assert_int_equal(p.next_s, rows[i].next_s);
    }
}

static void rules_without_events_hold_or_not(void **state)
{
    const struct score_rule rule = {.points = -15};
    struct score_part p = {0};

    (void)state;
    score_hold(&p, &rule);
    assert_int_equal(p.points, -15);
    assert_int_equal(p.worth, -15);
    assert_int_equal(p.next_s, 0);
}

static void an_event_only_fades(void **state)
{
    const struct score_rule rule = {.points = 100, .half_life_days = 14, .expires_days = 365};
    double before = score_worth(&rule, 0);

    (void)state;
    assert_true(before == 100.0);
    for (int64_t day = 1; day <= 400; day++) {
        double now = score_worth(&rule, DAYS(day));

        assert_true(now <= before && now >= 0);
        assert_true((now == 0) == (day >= 365));
        before = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_exact),
        cmocka_unit_test(rules_without_events_hold_or_not),
        cmocka_unit_test(an_event_only_fades),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
