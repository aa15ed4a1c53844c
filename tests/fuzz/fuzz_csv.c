/* Any bytes as a file: cut anywhere they give the same rows, cells are UTF-8 without zero bytes,
 * and what a cell is taken for has the form that the contract wants. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sheet/csv.h"
#include "sheet/guess.h"
#include "sheet/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cells are judged one by one, with nothing kept between them: the first ones say what any do. */
#define CELLS_MAX 12

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_cell(const char *text)
{
    char out[VALUE_MAX];
    char folded[100];
    bool yes;

    require(text_is_utf8(text, strlen(text)));
    value_fold(text, folded, sizeof(folded));
    require(text_is_utf8(folded, strlen(folded)));
    require(!value_date(text, DATE_DMY, out) || text_is_date(out));
    require(!value_date(text, DATE_MDY, out) || text_is_date(out));
    require(!value_date_time(text, DATE_DMY, out) || text_is_date_time(out));
    require(!value_decimal(text, true, out) || text_is_decimal(out, VALUE_MAX, VALUE_MAX));
    require(!value_decimal(text, false, out) || text_is_decimal(out, VALUE_MAX, VALUE_MAX));
    (void)value_boolean(text, &yes);
    (void)value_currency(text, out);
    (void)value_country(text, out);
}

/* A row that a piece cuts is read again from a longer one: by @step more at a time, which over a
 * long row would be a square, so by half of what it has from here on. */
#define SMALL 8
#define STEPS 8 /* the length of the input says by how much */

static size_t longer(size_t n, size_t step)
{
    return n + (n < SMALL ? step : n / 2);
}

/* Adds up what is read; @step: bytes of a piece, @check: how many cells to look at. */
static uint64_t read_all(struct span text, const struct guess *g, size_t step, unsigned check)
{
    size_t at = 0, n = step;
    int64_t line = 1;
    uint64_t sum = 14695981039346656037u;
    struct csv r;
    bool last;

    csv_init(&r, g->delimiter, g->encoding);
    do {
        size_t take = n < text.n - at ? n : text.n - at;
        enum csv_found found;

        last = at + take == text.n;
        csv_feed(&r, (struct span){text.p + at, take}, line, last);
        while ((found = csv_next(&r)) == CSV_ROW) {
            sum = (sum ^ (uint64_t)r.row_line) * 1099511628211u;
            sum = (sum ^ (r.fault ? 7777u : r.ncells)) * 1099511628211u;
            for (size_t i = 0; !r.fault && i < r.ncells; i++) {
                if (check > 0) {
                    check_cell(csv_cell(&r, i));
                    check--;
                }
                for (const char *p = csv_cell(&r, i); *p; p++)
                    sum = (sum ^ (unsigned char)*p) * 1099511628211u;
            }
        }
        require(csv_consumed(&r) <= take && (found != CSV_END || csv_consumed(&r) == take));
        at += csv_consumed(&r);
        line = r.line;
        n = csv_consumed(&r) ? step : longer(n, step);
        if (found == CSV_BROKEN)
            break;
    } while (!last);
    csv_done(&r);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct guess g = {0};
    uint64_t whole;

    if (size > 4096 || guess_file(text, true, false, &g))
        return 0;
    text = (struct span){text.p + g.skip, text.n - g.skip};
    whole = read_all(text, &g, text.n + 1, CELLS_MAX);
    require(read_all(text, &g, 1 + size % STEPS, 0) == whole);
    return 0;
}
