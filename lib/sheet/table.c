#include "sheet/table.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xlsxwriter.h>

#include "base/buf.h"
#include "base/scratch.h"

#define FLUSH ((size_t)256 * 1024)
#define BOOK_TEXT 32767 /* bytes of a cell: Excel takes as many characters */

struct table {
    int fd;
    char delimiter;
    char *folder;
    struct buf text; /* CSV that is not in the file yet */
    lxw_workbook *book;
    lxw_worksheet *sheet;
    uint32_t row;
    uint16_t column;
    bool failed;
};

bool table_is_formula(const char *text)
{
    return *text && strchr("=+-@\t\r", *text);
}

struct table *table_begin(int fd, bool book, char delimiter, bool mark, const char *folder)
{
    struct table *t = calloc(1, sizeof(*t));
    char path[64];

    if (!t)
        abort();
    t->fd = fd;
    t->delimiter = delimiter;
    buf_init(&t->text, (size_t)64 << 20);
    t->folder = strdup(folder);
    if (!t->folder)
        abort();
    if (book) {
        lxw_workbook_options options = {.constant_memory = LXW_TRUE, .tmpdir = t->folder};

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        t->book = workbook_new_opt(path, &options);
        t->sheet = t->book ? workbook_add_worksheet(t->book, NULL) : NULL;
        t->failed = !t->sheet;
    } else if (mark) {
        buf_puts(&t->text, "\xEF\xBB\xBF");
    }
    return t;
}

static void add_quoted(struct buf *b, const char *text, bool guarded)
{
    buf_putc(b, '"');
    if (guarded)
        buf_putc(b, '\'');
    for (; *text; text++) {
        if (*text == '"')
            buf_putc(b, '"');
        buf_putc(b, *text);
    }
    buf_putc(b, '"');
}

static void add_csv(struct table *t, enum table_cell kind, const char *text)
{
    bool guarded = kind == TABLE_TEXT && table_is_formula(text);
    char special[] = {'"', '\r', '\n', t->delimiter, '\0'};

    if (t->column)
        buf_putc(&t->text, t->delimiter);
    if (guarded || strpbrk(text, special) || *text == ' ' || *text == '\'')
        add_quoted(&t->text, text, guarded);
    else
        buf_puts(&t->text, text);
}

static lxw_error add_text(struct table *t, const char *text)
{
    size_t n = strlen(text);
    lxw_error error;
    char *cut;

    if (n <= BOOK_TEXT)
        return worksheet_write_string(t->sheet, t->row, t->column, text, NULL);
    for (n = BOOK_TEXT; ((unsigned char)text[n] & 0xC0) == 0x80;)
        n--;
    cut = strndup(text, n);
    if (!cut)
        abort();
    error = worksheet_write_string(t->sheet, t->row, t->column, cut, NULL);
    free(cut);
    return error;
}

static void add_cell(struct table *t, enum table_cell kind, const char *text)
{
    lxw_error error;

    if (kind == TABLE_NUMBER)
        error = worksheet_write_number(t->sheet, t->row, t->column, strtod(text, NULL), NULL);
    else if (kind == TABLE_BOOLEAN)
        error = worksheet_write_boolean(t->sheet, t->row, t->column, *text == 't', NULL);
    else
        error = add_text(t, text);
    t->failed = t->failed || error != LXW_NO_ERROR;
}

void table_add(struct table *t, enum table_cell kind, const char *text)
{
    if (!t->book)
        add_csv(t, kind, text ? text : "");
    else if (text && *text && t->sheet)
        add_cell(t, kind, text);
    t->column++;
}

static void flush(struct table *t)
{
    t->failed =
        t->failed || t->text.failed || !scratch_write(t->fd, buf_text(&t->text), t->text.len);
    buf_clear(&t->text);
}

void table_end_row(struct table *t)
{
    t->row++;
    t->column = 0;
    if (t->book)
        return;
    buf_puts(&t->text, "\r\n");
    if (t->text.len >= FLUSH)
        flush(t);
}

bool table_finish(struct table *t)
{
    bool fine;

    if (!t->book)
        flush(t);
    else if (workbook_close(t->book) != LXW_NO_ERROR)
        t->failed = true;
    fine = !t->failed;
    buf_done(&t->text);
    free(t->folder);
    free(t);
    return fine;
}
