#include "sheet/csv.h"

#include <string.h>

void csv_init(struct csv *r, char delimiter, enum encoding encoding)
{
    *r = (struct csv){.delimiter = delimiter};
    encoding_open(&r->converter, encoding);
    buf_init(&r->text, CSV_ROW_MAX * 4);
}

void csv_done(struct csv *r)
{
    encoding_close(&r->converter);
    buf_done(&r->text);
}

void csv_feed(struct csv *r, struct span piece, int64_t line, bool last)
{
    r->piece = piece;
    r->at = 0;
    r->line = line;
    r->last = last;
}

size_t csv_consumed(const struct csv *r)
{
    return r->at;
}

const char *csv_cell(const struct csv *r, size_t i)
{
    return i < r->ncells ? r->text.text + r->starts[i] : "";
}

/* A row in the making: where the scan stands. */
struct scan {
    const char *p, *end;
    int64_t line;
    bool cut; /* the piece ended */
};

/* Steps over a line break at s->p; a CR at the very end may be half of one. */
static void line_break(const struct csv *r, struct scan *s)
{
    if (*s->p == '\r') {
        if (s->p + 1 == s->end && !r->last)
            s->cut = true;
        else if (s->p + 1 < s->end && s->p[1] == '\n')
            s->p++;
    }
    s->p++;
    s->line++;
}

/* one loop over the bytes between quotes */
/* NOLINTNEXTLINE(readability-function-size) */
static void quoted(struct csv *r, struct scan *s)
{
    for (s->p++; s->p < s->end;) {
        if (*s->p == '"') {
            if (s->p + 1 == s->end && !r->last)
                break;
            if (s->p + 1 == s->end || s->p[1] != '"') {
                s->p++;
                return;
            }
            s->p++;
        } else if (*s->p == '\r' || *s->p == '\n') {
            buf_putc(&r->text, '\n');
            line_break(r, s);
            continue;
        }
        buf_putc(&r->text, *s->p++);
    }
    s->cut = true;
}

static void plain(struct csv *r, struct scan *s)
{
    const char *start = s->p;

    while (s->p < s->end && *s->p != r->delimiter && *s->p != '\n' && *s->p != '\r')
        s->p++;
    buf_add(&r->text, start, (size_t)(s->p - start));
    if (s->p == s->end && !r->last)
        s->cut = true;
}

static void trim(struct buf *b, size_t start)
{
    size_t from = start;

    while (from < b->len && strchr(" \t\n", b->text[from]))
        from++;
    while (b->len > from && strchr(" \t\n", b->text[b->len - 1]))
        b->len--;
    memmove(b->text + start, b->text + from, b->len - from);
    b->len = start + (b->len - from);
}

/* Ends the cell that began at @start of the text: trimmed, UTF-8, with a NUL. */
static void finish_cell(struct csv *r, size_t start, bool in_quotes)
{
    if (r->text.failed)
        r->fault = "The row is too long.";
    else if (r->text.len - start > CSV_CELL_MAX)
        r->fault = "A cell is longer than 65,536 bytes.";
    else if (memchr(r->text.text + start, 0, r->text.len - start))
        r->fault = "A cell has a zero byte.";
    else if (!encoding_convert(&r->converter, &r->text, start))
        r->fault = "A cell has bytes that are no text in the encoding of the file.";
    if (r->fault)
        r->text.len = start < r->text.len ? start : r->text.len;
    trim(&r->text, start);
    buf_putc(&r->text, '\0');
    if (r->ncells < CSV_COLUMNS_MAX) {
        r->quoted[r->ncells] = in_quotes;
        r->starts[r->ncells++] = start;
    } else {
        r->fault = "There are more than 256 columns.";
    }
}

static void cell(struct csv *r, struct scan *s)
{
    size_t start = r->text.len;
    bool in_quotes = s->p < s->end && *s->p == '"';

    buf_reserve(&r->text, 1);
    if (in_quotes) {
        quoted(r, s);
        if (!s->cut && s->p < s->end && *s->p != r->delimiter && *s->p != '\n' && *s->p != '\r') {
            r->fault = "There is text behind a closing quote.";
            plain(r, s);
        }
    } else {
        plain(r, s);
    }
    if (!s->cut)
        finish_cell(r, start, in_quotes);
}

static enum csv_found broken(struct csv *r, const char *why)
{
    r->fault = why;
    return CSV_BROKEN;
}

static bool is_blank(const struct csv *r)
{
    for (size_t i = 0; i < r->ncells; i++)
        if (*csv_cell(r, i))
            return false;
    return !r->fault;
}

/* The piece ended within the row: more of it may come, or it never ends. */
static enum csv_found cut_off(struct csv *r, const struct scan *s)
{
    if ((size_t)(s->end - r->piece.p) - r->at > CSV_ROW_MAX)
        return broken(r, "A row is longer than 262,144 bytes; is a closing quote missing?");
    return r->last ? broken(r, "A cell begins with a quote that never closes.") : CSV_MORE;
}

static enum csv_found row(struct csv *r)
{
    struct scan s = {r->piece.p + r->at, r->piece.p + r->piece.n, r->line, false};

    r->row_line = r->line;
    r->ncells = 0;
    r->fault = NULL;
    buf_clear(&r->text);
    if (s.p == s.end)
        return r->last ? CSV_END : CSV_MORE;
    for (;;) {
        cell(r, &s);
        if (s.cut)
            return cut_off(r, &s);
        if (s.p == s.end || *s.p != r->delimiter)
            break;
        s.p++;
        if (s.p == s.end && !r->last)
            return cut_off(r, &s);
    }
    if (s.p < s.end)
        line_break(r, &s);
    else
        s.line++;
    if (s.cut)
        return cut_off(r, &s);
    r->at = (size_t)(s.p - r->piece.p);
    r->line = r->by_row ? r->line + 1 : s.line;
    return CSV_ROW;
}

enum csv_found csv_next(struct csv *r)
{
    enum csv_found found;

    do
        found = row(r);
    while (found == CSV_ROW && is_blank(r));
    return found;
}
