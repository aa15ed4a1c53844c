/* import_rows - rows of a spreadsheet become bodies of creates, checked like those. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/uuid.h"
#include "call/pgarray.h"
#include "crypto/secret.h"
#include "service/import/import.h"
#include "service/record/match_keys.h"
#include "sheet/csv.h"
#include "sheet/table.h"
#include "json/out.h"

#define BODIES_MAX ((size_t)64 << 20)
#define ERRORS_MEMORY ((size_t)16 << 20)
#define ARRAYS 7 /* of a slice */

struct reader {
    const struct import_plan *plan;
    struct import_slice *out;
    struct csv csv;
    const char *fields[CSV_COLUMNS_MAX]; /* by column; NULL: not imported */
    const struct schema *schemas[CSV_COLUMNS_MAX];
    size_t ncolumns;
    enum date_order order;
    bool comma;
    struct arena arena;
    struct buf scratch;
};

static struct buf *array_of(struct import_slice *s, size_t i)
{
    struct buf *const arrays[] = {&s->lines, &s->ids,   &s->bodies, &s->changes,
                                  &s->ns,    &s->kinds, &s->keys};

    return arrays[i];
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

size_t import_unhex(char *text, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        text[i / 2] = (char)(digit(text[i]) << 4 | digit(text[i + 1]));
    return n / 2;
}

/* what an import is described by comes from one row of the database */
/* NOLINTNEXTLINE(readability-function-size) */
bool import_plan_fill(struct import_plan *plan, const struct import_entity *of,
                      const struct fields *fields, const json_t *columns, const json_t *options,
                      const char *format, const char *encoding, const char *delimiter)
{
    const json_t *column;
    size_t i;

    *plan = (struct import_plan){.of = of,
                                 .fields = *fields,
                                 .columns = columns,
                                 .options = options,
                                 .book = format && strcmp(format, "xlsx") == 0,
                                 .delimiter = delimiter ? *delimiter : ',',
                                 .rows = IMPORT_ROWS};
    if (!encoding || !encoding_find(encoding, &plan->encoding))
        return false;
    json_array_foreach (columns, i, column) {
        const char *field = json_string_value(json_object_get(column, "field"));

        if (field && !fields_find(fields, field, "", NULL))
            return false;
    }
    return json_array_size(columns) <= CSV_COLUMNS_MAX;
}

/* What a workbook has no quotes around: a number (with a point), a date, a boolean, an error. */
static bool is_bare(const struct reader *r, size_t i)
{
    return r->plan->book && i < r->csv.ncells && !r->csv.quoted[i];
}

static void set_default(const struct reader *r, json_t *body, const char *name)
{
    json_t *value = json_object_get(r->plan->options, name);

    if (json_is_string(value) && !json_object_get(body, name) &&
        fields_find(&r->plan->fields, name, "", NULL))
        json_object_set(body, name, value);
}

static json_t *body_of(const struct reader *r)
{
    json_t *body = json_object(), *money;

    for (size_t i = 0; i < r->ncolumns; i++) {
        const char *text = csv_cell(&r->csv, i);

        if (*text == '\'' && table_is_formula(text + 1))
            text++; /* as exports guard what would be taken for a formula */
        if (r->fields[i] && *text)
            fields_set(body, r->fields[i],
                       fields_value(&r->plan->fields, r->fields[i], r->schemas[i], text, r->order,
                                    r->comma && !is_bare(r, i)));
    }
    money = json_object_get(body, "estimated_value");
    if (money && !json_object_get(money, "amount"))
        json_object_del(body, "estimated_value"); /* a currency of nothing */
    else if (money && !json_object_get(money, "currency"))
        json_object_set(money, "currency", json_object_get(r->plan->options, "currency"));
    set_default(r, body, "source");
    set_default(r, body, "campaign");
    set_default(r, body, "owner_id");
    if (r->plan->owner && !json_object_get(body, "owner_id"))
        json_object_set_new(body, "owner_id", json_string(r->plan->owner));
    return body;
}

/* errors */

static const char *header_of(const struct reader *r, size_t i)
{
    return json_string_value(json_object_get(json_array_get(r->plan->columns, i), "header"));
}

/* The header of the column that fills the field at a pointer, or NULL. */
static const char *column_of(const struct reader *r, const char *pointer)
{
    char path[128];
    size_t n;

    if (*pointer != '/' || strlen(pointer) >= sizeof(path))
        return NULL;
    memcpy(path, pointer + 1, strlen(pointer));
    for (char *p = path; *p; p++)
        if (*p == '/')
            *p = '.';
    for (size_t i = 0; i < r->ncolumns; i++)
        if (r->fields[i] && strcmp(r->fields[i], path) == 0)
            return header_of(r, i);
    for (size_t i = 0; i < r->ncolumns; i++) {
        n = r->fields[i] ? strlen(r->fields[i]) : 0;
        if (n && strncmp(r->fields[i], path, n) == 0 && path[n] == '.')
            return header_of(r, i); /* an item of a list */
        n = strlen(path);
        if (r->fields[i] && strncmp(r->fields[i], path, n) == 0 && r->fields[i][n] == '.')
            return header_of(r, i); /* a part of money */
    }
    return NULL;
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text)
        json_object_set_new(object, name, json_string(text));
}

static json_t *error_of(const struct reader *r, const char *pointer, const char *code,
                        const char *detail, const char *hint, const char *got)
{
    json_t *error = json_object();

    set_text(error, "column", column_of(r, pointer));
    set_text(error, "pointer", pointer);
    set_text(error, "code", code);
    set_text(error, "detail", detail);
    set_text(error, "hint", hint);
    if (got)
        json_object_set_new(error, "got", json_loads(got, JSON_DECODE_ANY, NULL));
    return error;
}

static json_t *cells_of(const struct reader *r)
{
    json_t *cells = json_object();

    for (size_t i = 0; i < r->ncolumns; i++)
        if (*csv_cell(&r->csv, i))
            json_object_set_new(cells, header_of(r, i), json_string(csv_cell(&r->csv, i)));
    return cells;
}

static void add_bad(struct reader *r, json_t *errors, bool with_cells)
{
    json_t *row = json_object();

    json_object_set_new(row, "line", json_integer(r->csv.row_line));
    json_object_set_new(row, "errors", errors);
    if (with_cells)
        json_object_set_new(row, "cells", cells_of(r));
    json_array_append_new(r->out->bad, row);
}

static void add_faulty(struct reader *r, const char *code, const char *detail)
{
    json_t *errors = json_array();

    json_array_append_new(errors, error_of(r, "", code, detail, NULL, NULL));
    add_bad(r, errors, false);
}

static void add_refused(struct reader *r, const struct err *e)
{
    json_t *errors = json_array();

    for (const struct fault *f = e->faults; f; f = f->next)
        json_array_append_new(errors, error_of(r, f->pointer, f->code, f->detail, f->hint, f->got));
    if (!e->faults)
        json_array_append_new(errors,
                              error_of(r, "", err_slug(e->code), err_title(e->code), NULL, NULL));
    add_bad(r, errors, true);
}

/* valid rows */

static void add_number(struct buf *b, const char *comma, uint64_t n)
{
    char digits[20];
    size_t i = sizeof(digits);

    do
        digits[--i] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    buf_puts(b, comma);
    buf_add(b, digits + i, sizeof(digits) - i);
}

/* A word of the row that is being added, the next valid one. */
static void add_word(struct import_slice *out, const char *kind, const char *key)
{
    const char *comma = out->ns.len > 1 ? "," : "";

    add_number(&out->ns, comma, out->valid + 1);
    buf_puts(&out->kinds, comma);
    buf_puts(&out->kinds, kind);
    buf_puts(&out->keys, comma);
    pgarray_quote(&out->keys, key);
}

static bool is_own(const struct import_plan *plan, const char *kind)
{
    for (const char *const *own = plan->own; *own; own++)
        if (strcmp(*own, kind) == 0)
            return true;
    return false;
}

/* What tells the row from others: the keys of lib/quality and the id elsewhere, or the whole row
 * where it has none of those by which rows are compared with each other. */
static void add_words(const struct import_plan *plan, struct import_slice *out, const json_t *body,
                      const json_t *sent)
{
    const char *id = json_string_value(json_object_get(body, "external_id")), *kind;
    bool known = id && is_own(plan, "external_id");
    json_t *keys;
    char hash[SHA256_TEXT];
    char *text;

    if (id)
        add_word(out, "external_id", id);
    json_object_foreach (json_object_get(sent, "keys"), kind, keys) {
        for (size_t i = 0; i < json_array_size(keys); i++)
            add_word(out, kind, json_string_value(json_array_get(keys, i)));
        known = known || is_own(plan, kind);
    }
    if (known)
        return;
    text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
    sha256_hex(text, strlen(text), hash);
    free(text);
    add_word(out, "row", hash);
}

/* {"estimated_value": {"amount", "currency"}} are two columns. */
static void flatten(json_t *body)
{
    json_t *money = json_object_get(body, "estimated_value");

    if (!json_is_object(money))
        return;
    json_object_set(body, "estimated_value_amount", json_object_get(money, "amount"));
    json_object_set(body, "estimated_value_currency", json_object_get(money, "currency"));
    json_object_del(body, "estimated_value");
}

static void add_json(struct buf *b, const json_t *value)
{
    struct out o;

    out_init(&o, b);
    out_tree(&o, value);
}

static void add_change(struct buf *b, const char *prefix, const char *name, const json_t *value)
{
    buf_puts(b, b->len ? ",\"" : "\"");
    buf_puts(b, prefix);
    buf_puts(b, name);
    buf_puts(b, "\":{\"old\":null,\"new\":");
    add_json(b, value);
    buf_putc(b, '}');
}

/* What the entry of history says about the record: each custom field by itself. Names are those of
 * the contract or keys of definitions, which need no escapes. */
static void changes_of(json_t *body, struct buf *b)
{
    const char *name, *key;
    json_t *value, *item;

    json_object_foreach (body, name, value)
        if (strcmp(name, "custom") != 0)
            add_change(b, "", name, value);
    json_object_foreach (json_object_get(body, "custom"), key, item)
        add_change(b, "custom.", key, item);
}

static void add_quoted(struct buf *array, struct buf *scratch, const char *comma)
{
    buf_puts(array, comma);
    pgarray_quote(array, buf_text(scratch));
    buf_clear(scratch);
}

static void add_valid(struct reader *r, json_t *body)
{
    const char *entity = r->plan->of->name;
    json_t *sent =
        r->plan->compares ? match_keys_json(entity, body) : match_exact_json(entity, body);
    struct import_slice *out = r->out;
    struct uuid id = uuid_v7();
    const char *comma = out->valid ? "," : "";
    char text[UUID_TEXT];

    add_words(r->plan, out, body, sent);
    uuid_format(&id, text);
    flatten(body);
    changes_of(body, &r->scratch);
    add_quoted(&out->changes, &r->scratch, comma);
    json_object_set_new(body, "id", json_string(text));
    add_json(&r->scratch, body);
    add_quoted(&out->bodies, &r->scratch, comma);
    add_number(&out->lines, comma, (uint64_t)r->csv.row_line);
    buf_puts(&out->ids, comma);
    buf_puts(&out->ids, text);
    if (r->plan->compares) {
        json_object_set_new(sent, "id", json_string(text));
        buf_puts(&out->sent, comma);
        add_json(&out->sent, sent);
    }
    out->refers =
        out->refers || json_object_get(body, "owner_id") || json_object_get(body, "account_id");
    out->valid++;
    json_decref(sent);
}

/* Formulas of a workbook that failed: no cell may be taken for what it does not say. */
static json_t *failed_cells(const struct reader *r)
{
    json_t *errors = NULL, *error;
    char detail[128];

    for (size_t i = 0; i < r->ncolumns; i++) {
        const char *text = csv_cell(&r->csv, i);

        if (!r->fields[i] || *text != '#' || !is_bare(r, i))
            continue;
        (void)snprintf(detail, sizeof(detail), "The formula of the cell failed: %.60s.", text);
        error = error_of(r, "", "cell_error", detail, NULL, NULL);
        set_text(error, "column", header_of(r, i));
        json_object_del(error, "pointer");
        errors = errors ? errors : json_array();
        json_array_append_new(errors, error);
    }
    return errors;
}

static void take_row(struct reader *r)
{
    struct err e;
    json_t *body, *failed;

    r->out->rows++;
    if (r->csv.fault) {
        add_faulty(r, "malformed", r->csv.fault);
        return;
    }
    if (r->csv.ncells > r->ncolumns) {
        add_faulty(r, "too_many", "The row has more cells than there are columns.");
        return;
    }
    failed = failed_cells(r);
    if (failed) {
        add_bad(r, failed, true);
        return;
    }
    arena_init(&r->arena, ERRORS_MEMORY);
    err_init(&e, &r->arena);
    body = body_of(r);
    if (json_object_size(body) == 0)
        add_faulty(r, "required", "None of the cells of the row is imported.");
    else if (fields_check(&r->plan->fields, body, &e))
        add_valid(r, body);
    else
        add_refused(r, &e);
    json_decref(body);
    arena_done(&r->arena);
}

static void prepare(struct reader *r, const struct import_plan *plan, struct import_slice *out)
{
    const char *order = json_string_value(json_object_get(plan->options, "date_order"));

    r->plan = plan;
    r->out = out;
    r->ncolumns = json_array_size(plan->columns);
    r->order = order && strcmp(order, "mdy") == 0 ? DATE_MDY : DATE_DMY;
    r->comma = !json_is_false(json_object_get(plan->options, "decimal_comma"));
    for (size_t i = 0; i < r->ncolumns; i++) {
        r->fields[i] =
            json_string_value(json_object_get(json_array_get(plan->columns, i), "field"));
        r->schemas[i] = r->fields[i] ? fields_find(&plan->fields, r->fields[i], "", NULL) : NULL;
    }
    *out = (struct import_slice){.bad = json_array()};
    buf_init(&r->scratch, BODIES_MAX);
    for (size_t i = 0; i < ARRAYS; i++) {
        buf_init(array_of(out, i), BODIES_MAX);
        buf_putc(array_of(out, i), '{');
    }
    buf_init(&out->sent, BODIES_MAX);
    buf_putc(&out->sent, '[');
}

void import_read(const struct import_plan *plan, struct span piece, int64_t line, bool last,
                 struct import_slice *ret)
{
    struct reader *r = calloc(1, sizeof(*r));
    enum csv_found found = CSV_ROW;

    if (!r)
        abort();
    prepare(r, plan, ret);
    csv_init(&r->csv, plan->delimiter, plan->encoding);
    r->csv.by_row = plan->book;
    csv_feed(&r->csv, piece, line, last);
    while (ret->rows < plan->rows && (found = csv_next(&r->csv)) == CSV_ROW)
        take_row(r);
    ret->consumed = csv_consumed(&r->csv);
    ret->next_line = r->csv.line;
    if (found == CSV_BROKEN) {
        ret->broken = r->csv.fault;
        ret->broken_line = r->csv.line;
    }
    csv_done(&r->csv);
    buf_done(&r->scratch);
    free(r);
    for (size_t i = 0; i < ARRAYS; i++)
        buf_putc(array_of(ret, i), '}');
    buf_putc(&ret->sent, ']');
}

void import_slice_done(struct import_slice *s)
{
    for (size_t i = 0; i < ARRAYS; i++)
        buf_done(array_of(s, i));
    buf_done(&s->sent);
    json_decref(s->bad);
    s->bad = NULL;
}
