#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "sheet/csv.h"
#include "sheet/guess.h"
#include "sheet/value.h"

/* Writes what the reader finds as "line:cell|cell/line:cell", faults as "line!". */
static void read_all(struct csv *r, struct buf *out)
{
    enum csv_found found;

    while ((found = csv_next(r)) == CSV_ROW) {
        buf_printf(out, "%s%lld%s", out->len ? "/" : "", (long long)r->row_line,
                   r->fault ? "!" : ":");
        for (size_t i = 0; !r->fault && i < r->ncells; i++)
            buf_printf(out, "%s%s", i ? "|" : "", csv_cell(r, i));
    }
    if (found == CSV_BROKEN)
        buf_puts(out, "#");
}

/* Reads the text in pieces of @step bytes, each going on where the last whole row ended. */
static void read_in_pieces(struct span text, char delimiter, size_t step, struct buf *out)
{
    size_t at = 0, n = step;
    int64_t line = 1;
    struct csv r;

    csv_init(&r, delimiter, ENCODING_UTF8);
    for (;;) {
        size_t take = n < text.n - at ? n : text.n - at;
        bool last = at + take == text.n;

        csv_feed(&r, (struct span){text.p + at, take}, line, last);
        read_all(&r, out);
        at += csv_consumed(&r);
        line = r.line;
        if (last)
            break;
        n = csv_consumed(&r) ? step : n + step;
    }
    csv_done(&r);
}

static const struct {
    const char *text, *rows;
} files[] = {
    {"", ""},
    {"a", "1:a"},
    {"a,b\n1,2\n", "1:a|b/2:1|2"},
    {"a,b\r\n1,2\r\n", "1:a|b/2:1|2"},
    {"a,b\r1,2\r", "1:a|b/2:1|2"},
    {"a,b\n1,2", "1:a|b/2:1|2"},
    {"a,\n,b\n", "1:a|/2:|b"},
    {"\n\na\n \n,,\nb\n", "3:a/6:b"},
    {"\"a,b\",c\n", "1:a,b|c"},
    {"\"a \"\"b\"\"\",c\n", "1:a \"b\"|c"},
    {"\"\"\n\"\",x\n", "2:|x"},
    {"\"one\ntwo\",x\nb\n", "1:one\ntwo|x/3:b"},
    {"\"one\r\ntwo\r\n\r\nthree\",x\r\nb\r\n", "1:one\ntwo\n\nthree|x/5:b"},
    {" a , b \n", "1:a|b"},
    {"a\"b,c\n", "1:a\"b|c"},
    {"\"a\"b,c\nd\n", "1!/2:d"},
    {"a\n\"b", "1:a#"},
    {"a\n\"b\n", "1:a#"},
    {"\"a\"", "1:a"},
    {"z\xC5\xBC\n", "1:z\xC5\xBC"},
    {"\xFF\nb\n", "1!/2:b"},
};

static void rows_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++)
        for (size_t step = 1; step <= strlen(files[i].text) + 1; step++) {
            struct buf out;

            buf_init(&out, 4096);
            read_in_pieces(span_of(files[i].text), ',', step, &out);
            if (strcmp(buf_text(&out), files[i].rows) != 0)
                fail_msg("%s in steps of %zu: %s", files[i].text, step, buf_text(&out));
            buf_done(&out);
        }
}

static void limits_hold(void **state)
{
    size_t n = CSV_ROW_MAX + 10;
    char *text = malloc(n);
    struct csv r;

    (void)state;
    assert_non_null(text);
    csv_init(&r, ',', ENCODING_UTF8);
    memset(text, 'x', n);
    csv_feed(&r, (struct span){text, n}, 1, false);
    assert_int_equal(csv_next(&r), CSV_BROKEN);
    text[CSV_CELL_MAX] = '\n';
    csv_feed(&r, (struct span){text, CSV_CELL_MAX + 1}, 1, true);
    assert_int_equal(csv_next(&r), CSV_ROW);
    assert_null(r.fault);
    assert_int_equal(strlen(csv_cell(&r, 0)), CSV_CELL_MAX);
    text[CSV_CELL_MAX] = 'x';
    csv_feed(&r, (struct span){text, CSV_CELL_MAX + 1}, 1, true);
    assert_int_equal(csv_next(&r), CSV_ROW);
    assert_string_equal(r.fault, "A cell is longer than 65,536 bytes.");
    memset(text, ',', n);
    csv_feed(&r, (struct span){text, CSV_COLUMNS_MAX - 1}, 1, true);
    assert_int_equal(csv_next(&r), CSV_END); /* blank, and no fault */
    csv_feed(&r, (struct span){text, CSV_COLUMNS_MAX}, 1, true);
    assert_int_equal(csv_next(&r), CSV_ROW);
    assert_string_equal(r.fault, "There are more than 256 columns.");
    csv_feed(&r, (struct span){"a\0b", 3}, 1, true);
    assert_int_equal(csv_next(&r), CSV_ROW);
    assert_string_equal(r.fault, "A cell has a zero byte.");
    csv_done(&r);
    free(text);
}

static void encodings_become_utf8(void **state)
{
    static const struct {
        enum encoding encoding;
        const char *bytes, *text;
    } rows[] = {
        {ENCODING_WINDOWS_1250,
         "\xA3\xF3"
         "d\x9F",
         "Łódź"},
        {ENCODING_WINDOWS_1251, "\xCC\xEE\xF1\xEA\xE2\xE0", "Москва"},
        {ENCODING_UTF8, "\xC5\x81", "Ł"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct csv r;

        csv_init(&r, ',', rows[i].encoding);
        csv_feed(&r, span_of(rows[i].bytes), 1, true);
        assert_int_equal(csv_next(&r), CSV_ROW);
        assert_null(r.fault);
        assert_string_equal(csv_cell(&r, 0), rows[i].text);
        assert_int_equal(encoding_guess(span_of(rows[i].bytes), true), rows[i].encoding);
        csv_done(&r);
    }
    assert_int_equal(encoding_guess((struct span){"a\xC5", 2}, false), ENCODING_UTF8);
    assert_int_equal(encoding_guess((struct span){"a\xC5", 2}, true), ENCODING_WINDOWS_1250);
}

static void files_are_recognised(void **state)
{
    static const struct {
        const char *text;
        char delimiter;
        size_t skip;
    } rows[] = {
        {"a,b\n1,2\n", ',', 0},
        {"a;b\n1,5;2\n", ';', 0},
        {"a\tb\n1\t2\n", '\t', 0},
        {"a|b\n1|2\n", '|', 0},
        {"name\nx\n", ',', 0},
        {"\"a;b\",c\n\"d;e\",f\n", ',', 0},
        {"\xEF\xBB\xBF"
         "a;b\n",
         ';', 3},
        {"sep=;\na,b;c\n", ';', 6},
        {"sep=|\r\na,b|c\n", '|', 7},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct guess g = {0};

        assert_null(guess_file(span_of(rows[i].text), true, false, &g));
        if (g.delimiter != rows[i].delimiter || g.skip != rows[i].skip)
            fail_msg("%s: '%c', skips %zu", rows[i].text, g.delimiter, g.skip);
    }
}

typedef bool convert_fn(const char *text, char out[VALUE_MAX]);

static bool dmy(const char *text, char out[VALUE_MAX])
{
    return value_date(text, DATE_DMY, out);
}

static bool mdy(const char *text, char out[VALUE_MAX])
{
    return value_date(text, DATE_MDY, out);
}

static bool moment(const char *text, char out[VALUE_MAX])
{
    return value_date_time(text, DATE_DMY, out);
}

static bool comma(const char *text, char out[VALUE_MAX])
{
    return value_decimal(text, true, out);
}

static bool point(const char *text, char out[VALUE_MAX])
{
    return value_decimal(text, false, out);
}

static const struct {
    convert_fn *convert;
    const char *text, *value; /* NULL: means nothing */
} values[] = {
    {dmy, "2026-11-21", "2026-11-21"},
    {dmy, "2026/1/2", "2026-01-02"},
    {dmy, "20261121", "2026-11-21"},
    {dmy, "21.11.2026", "2026-11-21"},
    {dmy, "3.4.2026", "2026-04-03"},
    {dmy, "21. 11. 2026", "2026-11-21"},
    {mdy, "3/4/2026", "2026-03-04"},
    {dmy, "3/4/2026", "2026-04-03"},
    {mdy, "21.11.2026", NULL},
    {dmy, "21.11.2026 14:30", "2026-11-21"},
    {dmy, "2026-11-21T14:30:00Z", "2026-11-21"},
    {dmy, "31.02.2026", NULL},
    {dmy, "29.02.2024", "2024-02-29"},
    {dmy, "29.02.2026", NULL},
    {dmy, "1.2.26", NULL},
    {dmy, "1-2.2026", NULL},
    {dmy, "", NULL},
    {dmy, "soon", NULL},
    {dmy, "99999999999", NULL},
    {dmy, "1.2.3.4.5.6.7", NULL},
    {moment, "21.11.2026 14:30", "2026-11-21T14:30:00Z"},
    {moment, "2026-11-21 14:30:59", "2026-11-21T14:30:59Z"},
    {moment, "2026-11-21T14:30:00+01:00", "2026-11-21T14:30:00+01:00"},
    {moment, "2026-11-21", "2026-11-21T00:00:00Z"},
    {moment, "2026-11-21 24:00", NULL},
    {moment, "2026-11-21 14.30", NULL},
    {comma, "12", "12"},
    {comma, "12,5", "12.5"},
    {comma, "12.5", "12.5"},
    {comma, "1 234,50", "1234.50"},
    {comma, "1.234,50", "1234.50"},
    {comma, "1,234.50", "1234.50"},
    {comma, "1\u00a0234,50 zł", "1234.50"},
    {comma, "1'234", "1234"},
    {comma, "1,234", "1.234"},
    {point, "1,234", "1234"},
    {comma, "1.234", "1234"},
    {point, "1.234", "1.234"},
    {comma, "1.234.567", "1234567"},
    {comma, "-5", "-5"},
    {comma, "5-", NULL},
    {comma, "1,2,3", NULL},
    {comma, "1,2345.6", NULL},
    {comma, ",5", NULL},
    {comma, "5,", "5"},
    {comma, "zł", NULL},
    {comma, "1e5", NULL},
    {comma, "", NULL},
    {comma, "-", NULL},
    {value_currency, "zł", "PLN"},
    {value_currency, "eur", "EUR"},
    {value_currency, "€", "EUR"},
    {value_currency, "złoty", NULL},
    {value_country, "pl", "PL"},
    {value_country, "UK", "GB"},
    {value_country, "Polska", "PL"},
    {value_country, "РОССИЯ", "RU"},
    {value_country, "Österreich", "AT"},
    {value_country, "Atlantis", NULL},
};

static void values_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        char out[VALUE_MAX] = "";
        bool found = values[i].convert(values[i].text, out);

        if (found != (values[i].value != NULL) || (found && strcmp(out, values[i].value) != 0))
            fail_msg("\"%s\" (%zu): %s", values[i].text, i, found ? out : "nothing");
    }
}

static void yes_and_no(void **state)
{
    static const char *const yes[] = {"yes", "TAK", "Ja", "да", "1", "x", "+", "True"};
    static const char *const no[] = {"no", "Nie", "nein", "НЕТ", "0", "-", "false", "Fałsz"};
    bool said;

    (void)state;
    for (size_t i = 0; i < COUNT(yes); i++)
        assert_true(value_boolean(yes[i], &said) && said);
    for (size_t i = 0; i < COUNT(no); i++)
        assert_true(value_boolean(no[i], &said) && !said);
    assert_false(value_boolean("perhaps", &said));
    assert_false(value_boolean("", &said));
}

static void words_are_folded(void **state)
{
    static const char *const rows[][2] = {
        {"E-mail", "e mail"},
        {"  Nazwisko: ", "nazwisko"},
        {"ŁÓDŹ", "łódź"},
        {"Фамилия", "фамилия"},
        {"Ёлка №1", "ёлка 1"},
        {"Straße", "straße"},
        {"estimated_value", "estimated value"},
        {"", ""},
        {"***", ""},
    };
    char out[64];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        value_fold(rows[i][0], out, sizeof(out));
        assert_string_equal(out, rows[i][1]);
    }
    value_fold("aaaaaaaaaa", out, 8);
    assert_true(strlen(out) < 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_cut),          cmocka_unit_test(limits_hold),
        cmocka_unit_test(encodings_become_utf8), cmocka_unit_test(files_are_recognised),
        cmocka_unit_test(values_are_understood), cmocka_unit_test(yes_and_no),
        cmocka_unit_test(words_are_folded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
