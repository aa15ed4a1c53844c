#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

static void spans_compare_and_trim(void **state)
{
    struct span s = SPAN(" \tText \t ");

    (void)state;
    s = span_trim(s);
    assert_true(span_is(s, "Text"));
    assert_false(span_is(s, "Tex"));
    assert_false(span_is(s, "text"));
    assert_true(span_is_nocase(s, "tEXT"));
    assert_false(span_is_nocase(s, "texts"));
    assert_false(span_is_nocase(SPAN("@"), "`"));
    assert_int_equal(span_trim(SPAN(" \t ")).n, 0);
    assert_true(span_is(span_of(NULL), ""));
    assert_int_equal(span_of("abc").n, 3);
}

static void integers_parse(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"42", true, 42},
        {"-17", true, -17},
        {"0012", true, 12},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+3", false, 0},
        {"--3", false, 0},
        {"0x3", false, 0},
        {" 3", false, 0},
        {"3 ", false, 0},
        {"3.0", false, 0},
        {"1e3", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t value = 99;

        assert_int_equal(text_parse_i64(span_of(rows[i].text), &value), rows[i].ok);
        assert_int_equal(value, rows[i].ok ? rows[i].value : 99);
    }
    assert_false(text_parse_i64((struct span){"1\0", 2}, &(int64_t){0}));
}

static void utf8_is_told_from_other_bytes(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        size_t length;
    } rows[] = {
        {"", true, 0},
        {"plain ascii, long enough for words", true, 34},
        {"za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87", true, 6},
        {"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 12345678", true, 15},
        {"\xc2\x80", true, 1},
        {"\xdf\xbf", true, 1},
        {"\xe0\xa0\x80", true, 1},
        {"\xed\x9f\xbf", true, 1},
        {"\xee\x80\x80", true, 1},
        {"\xef\xbf\xbf", true, 1},
        {"\xf0\x90\x80\x80", true, 1},
        {"\xf4\x8f\xbf\xbf", true, 1},
        {"\x80", false, 0},
        {"\xbf", false, 0},
        {"\xc0\x80", false, 0},
        {"\xc1\xbf", false, 0},
        {"\xc2", false, 0},
        {"\xc2 ", false, 0},
        {"\xe0\x9f\xbf", false, 0},
        {"\xe0\xa0", false, 0},
        {"\xed\xa0\x80", false, 0},
        {"\xed\xbf\xbf", false, 0},
        {"\xf0\x8f\xbf\xbf", false, 0},
        {"\xf0\x90\x80", false, 0},
        {"\xf4\x90\x80\x80", false, 0},
        {"\xf5\x80\x80\x80", false, 0},
        {"\xfe", false, 0},
        {"\xff", false, 0},
        {"12345678\xff", false, 0},
        {"1234567\xff", false, 0},
        {"12345678\xc5\xbc"
         "12345678\xc5",
         false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t n = strlen(rows[i].text);
        char *exact = malloc(n > 0 ? n : 1); /* no NUL behind: the sanitizer sees overreads */

        assert_non_null(exact);
        memcpy(exact, rows[i].text, n);
        assert_int_equal(text_is_utf8(exact, n), rows[i].ok);
        if (rows[i].ok)
            assert_int_equal(text_utf8_length(exact, n), rows[i].length);
        free(exact);
    }
    assert_true(text_is_utf8("a\0b", 3));
}

static void percent_escapes_decode(void **state)
{
    static const struct {
        const char *in;
        bool plus;
        const char *out;
    } rows[] = {
        {"", false, ""},
        {"plain", false, "plain"},
        {"a%20b", false, "a b"},
        {"a+b", false, "a+b"},
        {"a+b", true, "a b"},
        {"%2B", true, "+"},
        {"%c5%bC", false, "\xc5\xbc"},
        {"%2525", false, "%25"},
        {"%00", false, NULL},
        {"%", false, NULL},
        {"%2", false, NULL},
        {"%2g", false, NULL},
        {"%g2", false, NULL},
        {"%+1", true, NULL},
        {"%C5", false, NULL},
        {"%ED%A0%80", false, NULL},
    };
    struct arena a;

    (void)state;
    arena_init(&a, 4096);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *out = text_percent_decode(&a, span_of(rows[i].in), rows[i].plus);

        if (rows[i].out == NULL)
            assert_null(out);
        else
            assert_string_equal(out, rows[i].out);
    }
    assert_null(text_percent_decode(&a, (struct span){"a\0b", 3}, false));
    arena_done(&a);
}

static void base64url_is_strict(void **state)
{
    static const struct {
        const char *bytes, *text;
    } good[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"},
    };
    static const char *const bad[] = {"A",      "Zh",  "Zm9",  "Zg==",  "Zg=",    "+/+/",
                                      "Zm9v\n", " Zg", "Zm.v", "Zm9vZ", "Zm9vYh", "Zm\x80v"};
    struct arena a;
    size_t n;

    (void)state;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_string_equal(text_base64url(&a, good[i].bytes, strlen(good[i].bytes)), good[i].text);
        assert_string_equal(text_base64url_decode(&a, span_of(good[i].text), &n), good[i].bytes);
        assert_int_equal(n, strlen(good[i].bytes));
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_null(text_base64url_decode(&a, span_of(bad[i]), &n));
    arena_done(&a);
}

static void hex_is_lower_case(void **state)
{
    char out[7];

    (void)state;
    text_hex("\x00\xab\xff", 3, out);
    assert_string_equal(out, "00abff");
}

static void nearest_suggests(void **state)
{
    static const char *const names[] = {"first_name", "last_name", "email", "phone",
                                        "id",         "status",    NULL};
    static const struct {
        const char *word, *nearest;
    } rows[] = {
        {"frist_name", "first_name"},
        {"firstName", "first_name"},
        {"lastname", "last_name"},
        {"e-mail", "email"},
        {"emial", "email"},
        {"EMAIL", "email"},
        {"phones", "phone"},
        {"stat", NULL},
        {"statu", "status"},
        {"idd", "id"},
        {"ix", NULL},
        {"xyzzy", NULL},
        {"", NULL},
    };
    char word[100];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *nearest = text_nearest(rows[i].word, names);

        if (rows[i].nearest == NULL)
            assert_null(nearest);
        else
            assert_string_equal(nearest, rows[i].nearest);
    }
    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_null(text_nearest(word, (const char *const[]){word, NULL}));
    assert_null(text_nearest("id", (const char *const[]){NULL}));
}

static void dates_are_real_days(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"2026-11-21", true},
        {"2024-02-29", true},
        {"2000-02-29", true},
        {"0001-01-01", true},
        {"9999-12-31", true},
        {"2023-02-29", false},
        {"1900-02-29", false},
        {"2026-04-31", false},
        {"2026-00-10", false},
        {"2026-13-01", false},
        {"2026-01-00", false},
        {"2026-01-32", false},
        {"0000-01-01", false},
        {"2026-1-01", false},
        {"2026-01-1", false},
        {"26-01-01", false},
        {"", false},
        {"2026", false},
        {"2026-01-01 ", false},
        {"2026-01-01T00:00:00Z", false},
        {"+2026-01-01", false},
        {"-026-01-01", false},
        {"2026/01/01", false},
        {"\xef\xbc\x92"
         "026-01-01",
         false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(text_is_date(rows[i].text), rows[i].ok);
}

static void date_times_are_real_moments(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"2026-11-21T20:15:59Z", true},
        {"2026-11-21t20:15:59z", true},
        {"2026-11-21T20:15:59.123456Z", true},
        {"2026-11-21T20:15:59.1+02:00", true},
        {"2026-11-21T20:15:59-00:00", true},
        {"2026-11-21T00:00:00+14:00", true},
        {"2024-02-29T23:59:59Z", true},
        {"1998-12-31T23:59:60Z", true},
        {"1998-12-31T15:59:60.5-08:00", true},
        {"1998-12-31T22:59:60Z", false},
        {"1998-12-31T23:58:60Z", false},
        {"2023-02-29T23:59:59Z", false},
        {"2026-11-21T24:00:00Z", false},
        {"2026-11-21T20:60:00Z", false},
        {"2026-11-21T20:15:61Z", false},
        {"2026-11-21T20:15:59", false},
        {"2026-11-21T20:15Z", false},
        {"2026-11-21 20:15:59Z", false},
        {"2026-11-21T20:15:59.Z", false},
        {"2026-11-21T20:15:59.1234567890Z", false},
        {"2026-11-21T20:15:59+0200", false},
        {"2026-11-21T20:15:59+02", false},
        {"2026-11-21T20:15:59+16:00", false},
        {"2026-11-21T20:15:59+02:60", false},
        {"2026-11-21T20:15:59Zx", false},
        {"2026-11-21", false},
        {"2026-11-21T", false},
        {"", false},
        {"0001-01-01T00:00:00Z", true},
        {"0001-01-01T00:00:00+01:00", false},
        {"9999-12-31T23:59:59Z", true},
        {"9999-12-31T23:59:60Z", false},
        {"9999-12-31T23:59:59-01:00", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *exact = strdup(rows[i].text);

        assert_int_equal(text_is_date_time(exact), rows[i].ok);
        free(exact);
    }
}

static void decimals_have_bounded_digits(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"0", true},      {"-1", true},       {"1234.50", true}, {"9999.1234", true},
        {"12345", false}, {"1.12345", false}, {"", false},       {"-", false},
        {".5", false},    {"1.", false},      {"+1", false},     {"1e3", false},
        {"1,5", false},   {" 1", false},      {"--1", false},    {"NaN", false},
        {"1.2.3", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(text_is_decimal(rows[i].text, 4, 4), rows[i].ok);
    assert_false(text_is_decimal("1.5", 4, 0));
}

/* Moments in their order; those of one row are the same. */
static const char *const moments[][3] = {
    {"0001-01-01T00:00:00Z", "0001-01-01T02:00:00+02:00"},
    {"1999-12-31T23:59:59.999999999Z"},
    {"2000-01-01T00:00:00Z", "2000-01-01T00:00:00.000Z", "1999-12-31T19:00:00-05:00"},
    {"2000-01-01T00:00:00.5Z", "2000-01-01t01:00:00.500+01:00"},
    {"2000-02-29T12:00:00Z", "2000-03-01T00:00:00+12:00"},
    {"2000-03-01T00:00:00Z"},
    {"2001-03-01T00:00:00+00:01"},
    {"2001-03-01T00:00:00Z"},
    {"9999-12-31T23:59:59Z"},
};

static void moments_have_an_order(void **state)
{
    const size_t n = sizeof(moments) / sizeof(moments[0]) * 3;

    (void)state;
    for (size_t i = 0; i < n * n; i++) {
        const char *a = moments[i / n / 3][i / n % 3], *b = moments[i % n / 3][i % n % 3];
        int wanted = (i / n / 3 > i % n / 3) - (i / n / 3 < i % n / 3);

        if (a != NULL && b != NULL)
            assert_int_equal(text_compare_moments(a, b), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_have_an_order),
        cmocka_unit_test(spans_compare_and_trim),
        cmocka_unit_test(integers_parse),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
        cmocka_unit_test(percent_escapes_decode),
        cmocka_unit_test(base64url_is_strict),
        cmocka_unit_test(hex_is_lower_case),
        cmocka_unit_test(nearest_suggests),
        cmocka_unit_test(dates_are_real_days),
        cmocka_unit_test(date_times_are_real_moments),
        cmocka_unit_test(decimals_have_bounded_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
