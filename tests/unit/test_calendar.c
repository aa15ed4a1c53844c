#include "unit.h"

#include "base/buf.h"
#include "quality/calendar.h"

/* Warsaw in 2026: summer time from 29 March 01:00 UTC to 25 October 01:00 UTC. */
#define WARSAW                                                                                     \
    "\"offsets\":[{\"at\":0,\"offset\":3600},{\"at\":1774746000,\"offset\":7200},"                 \
    "{\"at\":1792890000,\"offset\":3600}]"
#define OFFICE                                                                                     \
    "{\"hours\":["                                                                                 \
    "{\"day\":1,\"from\":\"08:00\",\"to\":\"16:00\"},{\"day\":2,\"from\":\"08:00\",\"to\":"        \
    "\"16:00\"},{\"day\":3,\"from\":\"08:00\",\"to\":\"16:00\"},{\"day\":4,\"from\":\"08:00\","    \
    "\"to\":\"16:00\"},{\"day\":5,\"from\":\"12:30\",\"to\":\"16:00\"},{\"day\":5,\"from\":"       \
    "\"08:00\",\"to\":\"12:00\"}],\"holidays\":[\"2026-11-11\"]," WARSAW "}"
#define NIGHTS                                                                                     \
    "{\"hours\":[{\"day\":7,\"from\":\"00:00\",\"to\":\"06:00\"},"                                 \
    "{\"day\":6,\"from\":\"22:00\",\"to\":\"24:00\"}]," WARSAW "}"

#define HOUR 3600

static struct calendar *made(const char *text)
{
    json_t *doc = json_loads(text, 0, NULL);
    struct calendar *c;
    struct buf why;

    assert_non_null(doc);
    buf_init(&why, 1000);
    c = calendar_compile(doc, &why);
    if (c == NULL)
        fail_msg("%s", buf_text(&why));
    buf_done(&why);
    json_decref(doc);
    return c;
}

/* 2026-11-09 (a Monday) 00:00 in Warsaw, winter time */
#define MONDAY (1794182400 - HOUR)
#define DAY (24 * HOUR)

static void hours_are_open_and_shut(void **state)
{
    static const struct {
        int64_t at;
        bool open;
    } rows[] = {
        {MONDAY + 8 * HOUR - 1, false},
        {MONDAY + 8 * HOUR, true},
        {MONDAY + 16 * HOUR - 1, true},
        {MONDAY + 16 * HOUR, false},
        {MONDAY + 2 * DAY + 10 * HOUR, false}, /* a holiday */
        {MONDAY + 3 * DAY + 10 * HOUR, true},
        {MONDAY + 4 * DAY + 12 * HOUR, false}, /* lunch on Friday */
        {MONDAY + 4 * DAY + 12 * HOUR + 1800, true},
        {MONDAY + 5 * DAY + 10 * HOUR, false},
    };
    struct calendar *c = made(OFFICE);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (calendar_open(c, rows[i].at) != rows[i].open)
            fail_msg("row %zu", i);
    calendar_destroy(c);
}

static void working_time_is_added(void **state)
{
    static const struct {
        int64_t at, seconds, due;
    } rows[] = {
        {MONDAY + 9 * HOUR, HOUR, MONDAY + 10 * HOUR},
        {MONDAY, 0, MONDAY + 8 * HOUR},
        {MONDAY + 9 * HOUR, 0, MONDAY + 9 * HOUR},
        {MONDAY + 9 * HOUR, 7 * HOUR, MONDAY + 16 * HOUR}, /* the end of the day, not the next */
        {MONDAY + 15 * HOUR, 2 * HOUR, MONDAY + DAY + 9 * HOUR},
        {MONDAY + DAY + 15 * HOUR, 2 * HOUR, MONDAY + 3 * DAY + 9 * HOUR}, /* over the holiday */
        {MONDAY + 4 * DAY + 11 * HOUR, 2 * HOUR, MONDAY + 4 * DAY + 13 * HOUR + 1800},
        {MONDAY + 4 * DAY + 15 * HOUR, 2 * HOUR, MONDAY + 7 * DAY + 9 * HOUR}, /* the weekend */
        {MONDAY, -5, MONDAY + 8 * HOUR},
    };
    struct calendar *c = made(OFFICE);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t due = calendar_add(c, rows[i].at, rows[i].seconds);

        if (due != rows[i].due)
            fail_msg("row %zu: %lld off", i, (long long)(due - rows[i].due));
        if (rows[i].seconds > 0)
            assert_int_equal(calendar_between(c, rows[i].at, due), rows[i].seconds);
    }
    assert_int_equal(calendar_between(c, MONDAY, MONDAY + 7 * DAY),
                     (3 * 8 * HOUR) + 7 * HOUR + 1800);
    assert_int_equal(calendar_between(c, MONDAY + DAY, MONDAY), 0);
    calendar_destroy(c);
}

static void clocks_jump(void **state)
{
    const int64_t spring = 1774746000, autumn = 1792890000; /* both Sunday 01:00 UTC */
    struct calendar *c = made(NIGHTS);

    (void)state;
    /* the shift of six hours on the wall takes five in spring and seven in autumn */
    assert_int_equal(calendar_between(c, spring - DAY, spring + 12 * HOUR), 2 * HOUR + 5 * HOUR);
    assert_int_equal(calendar_between(c, autumn - DAY, autumn + 12 * HOUR), 2 * HOUR + 7 * HOUR);
    /* Saturday 22:00 to Sunday 06:00 is one stretch */
    assert_int_equal(calendar_add(c, spring - 4 * HOUR, 7 * HOUR), spring + 3 * HOUR);
    assert_true(calendar_open(c, autumn - 1));
    assert_true(calendar_open(c, autumn));
    assert_false(calendar_open(c, autumn + 5 * HOUR));
    calendar_destroy(c);

    /* a shift that begins in the hour that is skipped, one that ends in the hour that comes twice
     */
    c = made("{\"hours\":[{\"day\":7,\"from\":\"02:30\",\"to\":\"04:00\"}]," WARSAW "}");
    assert_int_equal(calendar_between(c, spring - DAY, spring + DAY), HOUR);
    assert_int_equal(calendar_add(c, spring - HOUR, 0), spring);
    assert_int_equal(calendar_between(c, autumn - DAY, autumn + DAY), 2 * HOUR + 1800);
    calendar_destroy(c);
    c = made("{\"hours\":[{\"day\":7,\"from\":\"01:00\",\"to\":\"02:30\"},"
             "{\"day\":7,\"from\":\"02:30\",\"to\":\"05:00\"}]," WARSAW "}");
    assert_int_equal(calendar_between(c, autumn - DAY, autumn + DAY), 5 * HOUR);
    calendar_destroy(c);
}

static void nothing_is_ever_open(void **state)
{
    struct calendar *c = made("{\"hours\":[]}");

    (void)state;
    assert_false(calendar_open(c, MONDAY));
    assert_true(calendar_add(c, MONDAY, 1) == CALENDAR_NEVER);
    assert_int_equal(calendar_between(c, 0, MONDAY), 0);
    calendar_destroy(c);
}

static void wrong_ones_are_refused(void **state)
{
    static const struct {
        const char *doc, *why;
    } rows[] = {
        {"{\"hours\":7}", "/hours: must be a list"},
        {"{\"hours\":[{\"day\":0,\"from\":\"08:00\",\"to\":\"09:00\"}]}",
         "/hours/0/day: must be 1 (Monday) to 7 (Sunday)"},
        {"{\"hours\":[{\"day\":1,\"from\":\"8:00\",\"to\":\"09:00\"}]}",
         "/hours/0/from: must be a time as in \"08:00\""},
        {"{\"hours\":[{\"day\":1,\"from\":\"08:00\",\"to\":\"24:01\"}]}",
         "/hours/0/to: must be a time as in \"16:00\""},
        {"{\"hours\":[{\"day\":1,\"from\":\"09:00\",\"to\":\"09:00\"}]}",
         "/hours/0/to: must be later than \"from\""},
        {"{\"hours\":[{\"day\":1,\"from\":\"08:00\",\"to\":\"10:00\"},"
         "{\"day\":1,\"from\":\"09:00\",\"to\":\"11:00\"}]}",
         "/hours: two of a day overlap"},
        {"{\"holidays\":[\"2026-02-29\"]}", "/holidays/0: must be a date as in \"2026-12-25\""},
        {"{\"offsets\":[{\"at\":5,\"offset\":0},{\"at\":5,\"offset\":0}]}",
         "/offsets/1/at: must be later than the one before"},
        {"{\"offsets\":[{\"at\":5}]}", "/offsets/0: must be \"at\" and \"offset\" in seconds"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *doc = json_loads(rows[i].doc, 0, NULL);
        struct buf why;

        buf_init(&why, 1000);
        assert_null(calendar_compile(doc, &why));
        assert_string_equal(buf_text(&why), rows[i].why);
        buf_done(&why);
        json_decref(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours_are_open_and_shut),
        cmocka_unit_test(working_time_is_added),
        cmocka_unit_test(clocks_jump),
        cmocka_unit_test(nothing_is_ever_open),
        cmocka_unit_test(wrong_ones_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
