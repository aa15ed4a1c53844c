/* Statements that waited for a lock in vain: which are suspects, for how long, and what clears
 * them. */
#include "unit.h"

#include <stdio.h>

#include "db/suspect.h"

#define SECOND INT64_C(1000000)

static const struct query first_query = {.text = "select 1"}, second_query = {.text = "select 2"};

/* An answered ask of these statements; a NULL query is composed of the text. */
static struct ask asked(const struct query *query, const char *text, const char *sqlstate)
{
    struct ask a = {.n = 2, .outcome = sqlstate ? ASK_FAILED : ASK_OK};

    a.statements[0].text = "begin";
    a.statements[1].query = query;
    a.statements[1].text = text;
    a.error.statement = 1;
    if (sqlstate)
        (void)snprintf(a.error.sqlstate, sizeof(a.error.sqlstate), "%s", sqlstate);
    return a;
}

static bool is_suspect(struct suspects *s, const struct query *query, int64_t now_us)
{
    const struct ask a = asked(query, NULL, NULL);

    return suspects_have(s, &a, now_us);
}

static void learn(struct suspects *s, const struct query *query, const char *sqlstate, int64_t now)
{
    const struct ask a = asked(query, NULL, sqlstate);

    suspects_learn(s, &a, now);
}

static void waiting_in_vain_makes_a_suspect(void **state)
{
    static const struct {
        const char *sqlstate;
        bool suspect;
    } rows[] = {
        {"55P03", true},  /* lock_timeout */
        {"57014", true},  /* statement_timeout */
        {"40P01", false}, /* a deadlock is over */
        {"23505", false}, {NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct suspects s = {.n = 0};

        learn(&s, &first_query, rows[i].sqlstate, 0);
        assert_int_equal(is_suspect(&s, &first_query, SECOND), rows[i].suspect);
        assert_false(is_suspect(&s, &second_query, SECOND));
        assert_int_equal(s.n, rows[i].suspect);
    }
}

/* Where it is not known which statement failed, and where nobody knows whether it was answered. */
static void only_what_is_known_to_have_waited(void **state)
{
    struct suspects s = {.n = 0};
    struct ask a = asked(&first_query, NULL, "55P03");

    (void)state;
    a.error.statement = -1;
    suspects_learn(&s, &a, 0);
    assert_int_equal(s.n, 0);
    a.error.statement = 1;
    a.outcome = ASK_UNAVAILABLE;
    suspects_learn(&s, &a, 0);
    assert_int_equal(s.n, 0);
    a.outcome = ASK_FAILED;
    suspects_learn(&s, &a, 0);
    assert_true(is_suspect(&s, &first_query, 0));
    a.outcome = ASK_UNAVAILABLE; /* and what broke clears nothing */
    suspects_learn(&s, &a, 0);
    assert_true(is_suspect(&s, &first_query, 0));
}

static void a_mark_lasts_three_seconds_from_the_last_wait(void **state)
{
    struct suspects s = {.n = 0};

    (void)state;
    learn(&s, &first_query, "55P03", 0);
    assert_true(is_suspect(&s, &first_query, 3 * SECOND));
    learn(&s, &first_query, "57014", 2 * SECOND);
    assert_int_equal(s.n, 1);
    assert_true(is_suspect(&s, &first_query, 5 * SECOND));
    assert_false(is_suspect(&s, &first_query, 5 * SECOND + 1));
    assert_int_equal(s.n, 0);
}

static void an_answer_clears_it(void **state)
{
    struct suspects s = {.n = 0};

    (void)state;
    learn(&s, &first_query, "55P03", 0);
    learn(&s, &second_query, "55P03", 0);
    learn(&s, &first_query, NULL, SECOND);
    assert_false(is_suspect(&s, &first_query, SECOND));
    assert_true(is_suspect(&s, &second_query, SECOND));
}

/* Composed statements are told apart by their text, wherever it stands in memory. */
static void the_text_is_what_counts(void **state)
{
    struct suspects s = {.n = 0};
    char copy[] = "select x from t";
    const struct ask one = asked(NULL, "select x from t", "55P03");
    const struct ask same = asked(NULL, copy, NULL), other = asked(NULL, "select y from t", NULL);
    const struct query named = {.text = copy};

    (void)state;
    suspects_learn(&s, &one, 0);
    assert_true(suspects_have(&s, &same, 0));
    assert_true(is_suspect(&s, &named, 0));
    assert_false(suspects_have(&s, &other, 0));
}

/* There is room for so many; the next one is no suspect until a place is free, those that are stay.
 */
static void a_full_list_stays_as_it_is(void **state)
{
    struct suspects s = {.n = 0};
    char texts[SUSPECTS_MAX + 1][16];
    struct query queries[SUSPECTS_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(queries); i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "select %zu", i);
        queries[i] = (struct query){.text = texts[i]};
        learn(&s, &queries[i], "55P03", i == 0 ? 0 : SECOND);
    }
    for (size_t i = 0; i < SUSPECTS_MAX; i++)
        assert_true(is_suspect(&s, &queries[i], SECOND));
    assert_false(is_suspect(&s, &queries[SUSPECTS_MAX], SECOND));
    assert_false(is_suspect(&s, &queries[0], 3 * SECOND + 1));
    learn(&s, &queries[SUSPECTS_MAX], "55P03", 3 * SECOND + 1);
    assert_true(is_suspect(&s, &queries[SUSPECTS_MAX], 3 * SECOND + 1));
    assert_int_equal(s.n, SUSPECTS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_in_vain_makes_a_suspect),
        cmocka_unit_test(only_what_is_known_to_have_waited),
        cmocka_unit_test(a_mark_lasts_three_seconds_from_the_last_wait),
        cmocka_unit_test(an_answer_clears_it),
        cmocka_unit_test(the_text_is_what_counts),
        cmocka_unit_test(a_full_list_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
