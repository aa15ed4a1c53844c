/* The rows of a sheet: <row r="2"><c r="A2" t="s" s="1"><v>0</v></c></row> becomes a line. */
#include <stdlib.h>
#include <string.h>

#include "sheet/csv.h"
#include "sheet/xlsx_inner.h"

#define ROWS_MAX 1048576 /* as Excel */

static void stop(struct xlsx *x)
{
    XML_StopParser(x->part.parser, XML_FALSE);
}

/* rows and cells */

static void row_begin(struct xlsx *x, const char **attributes)
{
    const char *number = xml_attribute(attributes, "r");
    int64_t row = number ? strtoll(number, NULL, 10) : x->at.row + 1;

    if (row <= x->at.row || row > ROWS_MAX) {
        xlsx_fail(x, "The rows of the sheet are not in order.");
        stop(x);
        return;
    }
    for (int64_t i = x->at.row + 1; i < row; i++)
        buf_putc(x->out, '\n');
    x->at.row = row;
    x->at.column = x->at.written = 0;
    x->at.row_start = x->out->len;
}

/* "AB12" is column 27 (from 0). */
static bool column_of(const char *reference, unsigned *ret)
{
    unsigned n = 0;

    for (; *reference >= 'A' && *reference <= 'Z'; reference++) {
        n = n * 26 + (unsigned)(*reference - 'A' + 1);
        if (n > 16384)
            return false;
    }
    *ret = n - 1;
    return n > 0;
}

static void cell_begin(struct xlsx *x, const char **attributes)
{
    struct at *at = &x->at;
    const char *reference = xml_attribute(attributes, "r"), *type = xml_attribute(attributes, "t");
    const char *style = xml_attribute(attributes, "s");
    unsigned column = at->column;

    if (reference && (!column_of(reference, &column) || column < at->column)) {
        xlsx_fail(x, "The cells of row %lld of the sheet are not in order.", (long long)at->row);
        stop(x);
        return;
    }
    at->column = column;
    at->in_cell = true;
    at->type = !type ? 'n' : *type; /* b, d, e, inlineStr, n, s, str */
    if (type && strcmp(type, "str") == 0)
        at->type = 't';
    at->style = style ? (unsigned)strtoul(style, NULL, 10) : 0;
    buf_clear(&at->value);
}

/* Text may spell characters that XML has not: _x000D_ is a CR (ECMA-376 part 1, 22.9.2.19). */
static bool spelled(const char *p, unsigned *ret)
{
    char *end;

    if (strncmp(p, "_x", 2) != 0 || strspn(p + 2, "0123456789abcdefABCDEF") != 4 || p[6] != '_')
        return false;
    *ret = (unsigned)strtoul(p + 2, &end, 16);
    return *ret < 0x20 || *ret == '_';
}

static void quoted(struct buf *out, const char *text)
{
    unsigned code;

    buf_putc(out, '"');
    while (*text) {
        if (spelled(text, &code)) {
            if (code == '\n' || code == '\t' || code == '_')
                buf_putc(out, (char)code);
            text += 7;
            continue;
        }
        if (*text == '"')
            buf_putc(out, '"');
        buf_putc(out, *text++);
    }
    buf_putc(out, '"');
}

static const char *shared(const struct xlsx *x, const char *value)
{
    size_t n = x->starts.len / sizeof(uint32_t);
    unsigned long i = strtoul(value, NULL, 10);
    uint32_t at;

    if (i >= n)
        return NULL;
    memcpy(&at, x->starts.text + i * sizeof(at), sizeof(at));
    return at < x->texts.len ? x->texts.text + at : "";
}

static void put_value(struct xlsx *x)
{
    const struct at *at = &x->at;
    const char *value = buf_text(&at->value);
    char text[512];

    switch (at->type) {
    case 's':
        value = shared(x, value);
        if (value)
            quoted(x->out, value);
        else
            xlsx_fail(x, "Row %lld of the sheet names a text that the workbook lacks.",
                      (long long)at->row);
        return;
    case 'i':
    case 't': quoted(x->out, value); return;
    case 'b': buf_puts(x->out, *value == '1' || *value == 't' ? "true" : "false"); return;
    case 'e':
    case 'd':
        buf_add(x->out, value, strcspn(value, ",\"\r\n")); /* nothing that would end the cell */
        return;
    default:
        number_text(value, at->style < x->nstyles ? (enum shown)x->styles[at->style] : SHOWN_NUMBER,
                    x->base_1904, text, sizeof(text));
        buf_add(x->out, text, strcspn(text, ",\"\r\n"));
    }
}

static void cell_end(struct xlsx *x)
{
    struct at *at = &x->at;

    at->in_cell = false;
    if (at->value.failed) {
        xlsx_fail(x, "A cell of row %lld is longer than 65,536 bytes.", (long long)at->row);
        stop(x);
        return;
    }
    if (at->value.len > 0 && at->column <= CSV_COLUMNS_MAX) {
        for (; at->written < at->column; at->written++)
            buf_putc(x->out, ',');
        put_value(x);
    }
    at->column++;
    if (x->out->len - at->row_start > CSV_ROW_MAX)
        xlsx_fail(x, "Row %lld is longer than 262,144 bytes.", (long long)at->row);
    if (x->out->failed)
        xlsx_fail(x, "Row %lld is too long.", (long long)at->row);
    if (*x->fault)
        stop(x);
}

/* Rows are whole when the caller gets them. */
static void row_end(struct xlsx *x)
{
    buf_putc(x->out, '\n');
    if (x->out->len - x->out_begin >= x->enough)
        XML_StopParser(x->part.parser, XML_TRUE);
}

/* the handlers */

static void sheet_start(void *arg, const char *name, const char **attributes)
{
    struct xlsx *x = arg;
    struct at *at = &x->at;

    name = xml_local(name);
    if (*x->fault) {
        stop(x);
        return;
    }
    if (strcmp(name, "sheetData") == 0)
        at->in_data = true;
    else if (!at->in_data)
        return;
    else if (strcmp(name, "row") == 0)
        row_begin(x, attributes);
    else if (strcmp(name, "c") == 0 && at->row > 0)
        cell_begin(x, attributes);
    else if (strcmp(name, "rPh") == 0)
        at->in_phonetic = true;
    at->in_value = at->in_cell && !at->in_phonetic &&
                   (strcmp(name, "v") == 0 || (at->type == 'i' && strcmp(name, "t") == 0));
}

static void sheet_end(void *arg, const char *name)
{
    struct xlsx *x = arg;
    struct at *at = &x->at;

    name = xml_local(name);
    at->in_value = false;
    if (!at->in_data || *x->fault)
        return;
    if (strcmp(name, "sheetData") == 0)
        at->in_data = false;
    else if (strcmp(name, "rPh") == 0)
        at->in_phonetic = false;
    else if (strcmp(name, "c") == 0 && at->in_cell)
        cell_end(x);
    else if (strcmp(name, "row") == 0 && at->row > 0)
        row_end(x);
}

static void sheet_text(void *arg, const char *text, int n)
{
    struct xlsx *x = arg;

    if (x->at.in_value)
        buf_add(&x->at.value, text, (size_t)n);
}

void rows_begin(struct xlsx *x)
{
    XML_SetElementHandler(x->part.parser, sheet_start, sheet_end);
    XML_SetCharacterDataHandler(x->part.parser, sheet_text);
}
