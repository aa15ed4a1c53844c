/* import_map - what an uploaded file is, and what its columns mean. */
#include <stdlib.h>
#include <string.h>

#include "asks.gen.h"
#include "call/principal.h"
#include "call/reply.h"
#include "service/import/import.h"
#include "service/record/custom.h"
#include "sheet/csv.h"
#include "sheet/guess.h"

#define SAMPLES 3 /* values shown of each column */
#define SHOWN 60  /* bytes of each */

static enum step get_ask(struct call *c)
{
    struct uuid id;

    return call_path_uuid(c, "id", &id) && import_ask_get(c, id) ? STEP_WAIT : STEP_FAIL;
}

static enum step look_ask(struct call *c)
{
    const char *entity;
    struct uuid id;

    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such import, or it is not yours to see");
    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    entity = arena_strdup(&c->arena, result_get(call_result(c, 0), 0, "entity"));
    ask_import_look(c, (struct q_import_look){.import = id, .most = (int64_t)IMPORT_SAMPLE});
    custom_ask(c, entity);
    return STEP_WAIT;
}

/* What is known of the file when its first rows were read. */
struct look {
    struct arena *arena;
    struct fields of;
    json_t *options, *columns;
    struct guess guess;
    struct csv csv;
    struct span sample;
    bool whole;
    struct import_book *book; /* NULL: it is none */
    struct uuid text;         /* that it became */
    size_t data_at;
    int64_t data_line;
};

static const char *shown(struct call *c, const char *text)
{
    size_t n = strlen(text);

    if (n <= SHOWN)
        return text;
    for (n = SHOWN; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;)
        n--;
    return arena_copy(&c->arena, text, n);
}

static bool is_taken(const json_t *columns, const char *field)
{
    const json_t *column;
    size_t i;

    json_array_foreach (columns, i, column) {
        const char *other = json_string_value(json_object_get(column, "field"));

        if (other && strcmp(other, field) == 0)
            return true;
    }
    return false;
}

static void add_column(struct look *l, size_t i, bool named)
{
    const char *header = named ? csv_cell(&l->csv, i) : "", *field;
    json_t *column = json_object();
    double confidence = 0;

    field = *header ? import_propose(&l->of, header, l->arena, &confidence) : NULL;
    if (field && is_taken(l->columns, field))
        field = NULL;
    json_object_set_new(column, "position", json_integer((json_int_t)i + 1));
    json_object_set_new(column, "header",
                        *header ? json_string(header) : json_sprintf("column %zu", i + 1));
    json_object_set_new(column, "field", field ? json_string(field) : json_null());
    json_object_set_new(column, "confidence", json_real(field ? confidence : 0));
    json_object_set_new(column, "samples", json_array());
    json_array_append_new(l->columns, column);
}

static void add_samples(struct call *c, struct look *l)
{
    json_t *column;
    size_t i;

    json_array_foreach (l->columns, i, column) {
        json_t *samples = json_object_get(column, "samples");
        const char *text = csv_cell(&l->csv, i);

        if (*text && json_array_size(samples) < SAMPLES)
            json_array_append_new(samples, json_string(shown(c, text)));
    }
}

static bool unreadable(struct call *c, const char *why)
{
    return err_set(&c->err, ERR_FILE, "%s", why);
}

/* The header and some rows behind it. */
static bool read_top(struct call *c, struct look *l)
{
    bool named = !json_is_false(json_object_get(l->options, "header"));
    enum csv_found found = csv_next(&l->csv);

    if (found != CSV_ROW || l->csv.fault)
        return unreadable(c, l->csv.fault       ? l->csv.fault
                             : found == CSV_END ? "The file has no rows."
                                                : "The first row is longer than 262,144 bytes.");
    for (size_t i = 0; i < l->csv.ncells; i++)
        add_column(l, i, named);
    if (named) {
        l->data_at += csv_consumed(&l->csv);
        l->data_line = l->csv.line;
        found = csv_next(&l->csv);
        if (found == CSV_END)
            return unreadable(c, "The file has a header and no rows.");
    }
    for (int i = 0; i < 50 && found == CSV_ROW; i++, found = csv_next(&l->csv))
        if (!l->csv.fault)
            add_samples(c, l);
    return true;
}

static bool read_options(struct look *l, bool *encoding_known)
{
    const char *encoding = json_string_value(json_object_get(l->options, "encoding"));
    const char *delimiter = json_string_value(json_object_get(l->options, "delimiter"));

    *encoding_known = encoding && encoding_find(encoding, &l->guess.encoding);
    l->guess.delimiter = delimiter ? *delimiter : '\0';
    return true;
}

/* What a column may fill; the definitions of custom fields are the @n-th result. */
static struct fields fields_here(struct call *c, const struct import_entity *of, int n)
{
    const json_t *definitions = custom_definitions(c, call_result(c, n));

    if (!of)
        err_set(&c->err, ERR_INTERNAL, NULL);
    return fields_of(of ? of->schema : NULL, definitions, &c->arena);
}

/* Fills what the file is; the text of a workbook is known. */
static const char *guess(struct look *l, bool encoding_known)
{
    if (uuid_is_none(&l->text))
        return guess_file(l->sample, l->whole, encoding_known, &l->guess);
    l->guess = (struct guess){.encoding = ENCODING_UTF8, .delimiter = ','};
    return NULL;
}

static bool look_at(struct call *c, struct look *l)
{
    struct span sample = l->sample;
    bool known, fine;
    const char *why;

    read_options(l, &known);
    why = guess(l, known);
    if (why)
        return unreadable(c, why);
    l->data_at = l->guess.skip;
    l->data_line = 1 + l->guess.skipped_lines;
    csv_init(&l->csv, l->guess.delimiter, l->guess.encoding);
    l->csv.by_row = !uuid_is_none(&l->text);
    csv_feed(&l->csv, (struct span){sample.p + l->guess.skip, sample.n - l->guess.skip},
             l->data_line, l->whole);
    fine = read_top(c, l);
    csv_done(&l->csv);
    return fine;
}

/* Keeps what was asked; a workbook is unpacked by the steps between this one and the proposal. */
static enum step look_kept(struct call *c)
{
    const struct result *r = call_result(c, 0);
    const char *piece = result_get(r, 0, "piece"), *missing = result_get(r, 0, "missing");
    struct look *l = call_alloc(c, sizeof(*l));
    char *bytes = arena_strdup(&c->arena, piece ? piece : "");
    int64_t size = strtoll(result_get(r, 0, "bytes"), NULL, 10);
    struct uuid id;

    if (!l || !bytes || !call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    if (!result_get(r, 0, "parts") || missing)
        return call_fail(c, ERR_CONFLICT, "Part %s of the file has not arrived.",
                         missing ? missing : "1");
    l->arena = &c->arena;
    l->of = fields_here(c, import_entity_find(result_get(r, 0, "entity")), 1);
    if (c->err.code != ERR_NONE)
        return STEP_FAIL;
    l->options = read_json(c, result_get(r, 0, "options"));
    l->columns = keep_json(c, json_array());
    l->sample = (struct span){bytes, import_unhex(bytes, strlen(bytes))};
    l->whole = size <= (int64_t)IMPORT_SAMPLE;
    c->state = l;
    if (l->sample.n < 4 || memcmp(l->sample.p, "PK\x03\x04", 4) != 0)
        return STEP_NEXT;
    l->book =
        import_book_begin(c, id, size, json_string_value(json_object_get(l->options, "sheet")));
    return l->book ? STEP_NEXT : STEP_FAIL;
}

static enum step propose(struct call *c)
{
    struct look *l = c->state;
    struct uuid id;

    if (l->book)
        l->text = import_book_text(l->book, &l->sample, &l->whole);
    if (!call_path_uuid(c, "id", &id) || !look_at(c, l))
        return STEP_FAIL;
    ask_import_map(c, (struct q_import_map){
                          .import = id,
                          .format = l->book ? "xlsx" : "csv",
                          .encoding = encoding_name(l->guess.encoding),
                          .delimiter = arena_copy(&c->arena, &l->guess.delimiter, 1),
                          .columns = call_json(c, l->columns),
                          .data_at = (int64_t)l->data_at,
                          .data_line = l->data_line,
                          .text = l->text,
                      });
    import_ask_get(c, id);
    return STEP_WAIT;
}

/* Steps of the workbook, if it is one. */
#define BOOK_STEP(name)                                                                            \
    static enum step name(struct call *c)                                                          \
    {                                                                                              \
        struct import_book *book = ((struct look *)c->state)->book;                                \
                                                                                                   \
        return book ? import_##name(c, book) : STEP_NEXT;                                          \
    }

BOOK_STEP(book_ask)
BOOK_STEP(book_take)
BOOK_STEP(book_taken)
BOOK_STEP(book_unpack)
BOOK_STEP(book_put)
BOOK_STEP(book_kept)

const struct operation import_mapping_propose = {
    (step_fn *const[]){get_ask, look_ask, look_kept, book_ask, book_take, book_taken, book_unpack,
                       book_put, book_kept, propose, reply_row, NULL},
    NULL};

/* PUT /v1/imports/{id}/mapping */

static json_t *column_at(json_t *columns, json_int_t position)
{
    return position < 1 ? NULL : json_array_get(columns, (size_t)position - 1);
}

static void set_field(struct call *c, const struct fields *of, json_t *columns, const json_t *wish,
                      size_t i)
{
    const char *field = json_string_value(json_object_get(wish, "field"));
    json_t *column = column_at(columns, json_integer_value(json_object_get(wish, "position")));
    const char *pointer = arena_printf(&c->arena, "/columns/%zu/field", i);

    if (!column) {
        err_fault(&c->err, ERR_INVALID,
                  (struct fault){.in = "body",
                                 .pointer = arena_printf(&c->arena, "/columns/%zu/position", i),
                                 .code = "unknown",
                                 .detail = "The file has no such column."});
        return;
    }
    if (field && !fields_find(of, field, pointer, &c->err))
        return;
    if (field && is_taken(columns, field)) {
        err_fault(&c->err, ERR_INVALID,
                  (struct fault){.in = "body",
                                 .pointer = pointer,
                                 .code = "repeated",
                                 .detail = "Another column is imported into this field."});
        return;
    }
    json_object_set_new(column, "field", field ? json_string(field) : json_null());
    json_object_set_new(column, "confidence", json_real(field ? 1 : 0));
}

static enum step remap_ask(struct call *c)
{
    const struct result *r = call_result(c, 0);
    const char *entity;
    struct uuid id;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such import, or it is not yours to see");
    entity = arena_strdup(&c->arena, result_get(r, 0, "entity"));
    if (!call_path_uuid(c, "id", &id) || !import_ask_get(c, id))
        return STEP_FAIL;
    custom_ask(c, entity);
    return STEP_WAIT;
}

static enum step remap(struct call *c)
{
    const struct result *r = call_result(c, 0);
    json_t *columns, *wishes = json_object_get(c->body, "columns"), *item;
    struct fields of;
    struct uuid id;
    size_t i;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_NOT_FOUND, "no such import, or it is not yours to see");
    of = fields_here(c, import_entity_find(result_get(r, 0, "entity")), 1);
    columns = read_json(c, result_get(r, 0, "columns"));
    if (c->err.code != ERR_NONE || !call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    if (!columns)
        return call_fail(c, ERR_CONFLICT, "The mapping has not been proposed yet: POST it first.");
    json_array_foreach (columns, i, item)
        json_object_set_new(item, "field", json_null());
    json_array_foreach (wishes, i, item)
        set_field(c, &of, columns, item, i);
    if (c->err.code != ERR_NONE)
        return STEP_FAIL;
    ask_import_remap(c, (struct q_import_remap){.import = id, .columns = call_json(c, columns)});
    import_ask_get(c, id);
    return STEP_WAIT;
}

const struct operation import_mapping_set = {
    (step_fn *const[]){get_ask, remap_ask, remap, reply_row, NULL}, NULL};
