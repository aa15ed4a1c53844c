/* export - a list as a file: page by page into a file without a name, which is the answer. */
#include "service/record/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scratch.h"
#include "call/list.h"
#include "call/pgarray.h"
#include "call/reply.h"
#include "call/row.h"
#include "loop/offload.h"
#include "service/record/custom.h"
#include "service/record/record.h"
#include "sheet/table.h"

#define PAGE 500
#define NAME_MAX_BYTES 80
#define PREFIX "custom."
#define PREFIX_LENGTH (sizeof(PREFIX) - 1)
#define ITEMS_MAX ((size_t)1 << 20)

struct export
{
    struct job job; /* first: the offload thread knows nothing else */
    const char *folder, *format;
    char delimiter;
    bool mark;
    int fd;
    struct table *table;
    const struct result *page;
    const char *const *fields;
    const json_t *custom; /* definitions: each is a column */
    int rows;             /* of the page */
    int64_t written;
    bool first, last, failed;
};

static void export_free(void *arg)
{
    struct export *e = arg;

    if (e->table)
        (void)table_finish(e->table);
    if (e->fd >= 0)
        close(e->fd);
}

static enum step export_begin(struct call *c)
{
    struct export *e = call_alloc(c, sizeof(*e));
    const char *format = call_param_text(c, "format"), *delimiter = call_param_text(c, "delimiter");

    if (!e)
        return STEP_FAIL;
    *e = (struct export){.folder = c->env->temp_dir,
                         .format = format ? format : "csv",
                         .delimiter = delimiter ? *delimiter : ',',
                         .mark = json_is_true(call_param(c, "bom")),
                         .fd = -1,
                         .first = true};
    arena_defer(&c->arena, export_free, e);
    c->state = e;
    custom_ask(c, record_of(c)->entity);
    return STEP_WAIT;
}

static const json_t *custom_named(const json_t *definitions, const char *key)
{
    const json_t *field;
    size_t i;

    json_array_foreach (definitions, i, field)
        if (strcmp(json_string_value(json_object_get(field, "key")), key) == 0)
            return field;
    return NULL;
}

static void custom_unknown(struct call *c, const json_t *definitions, const char *name)
{
    const char **names = call_alloc(c, (json_array_size(definitions) + 1) * sizeof(*names)), *near;
    const json_t *field;
    size_t i;

    if (!names)
        return;
    json_array_foreach (definitions, i, field)
        names[i] = json_string_value(json_object_get(field, "key"));
    near = text_nearest(name + PREFIX_LENGTH, names);
    err_fault(
        &c->err, ERR_BAD_PARAMETER,
        (struct fault){
            .in = "query",
            .pointer = "fields",
            .code = "unknown",
            .detail = arena_printf(&c->arena, "There is no custom field \"%s\".", name),
            .hint = near ? arena_printf(&c->arena, "did you mean \"custom.%s\"?", near) : NULL,
        });
}

/* Columns are named as they stand in the file: "custom.seats" is one of those that "custom" is. */
static void pick_columns(struct call *c, struct export *e)
{
    const char *const *words = call_words(c, "fields");
    const char **plain;
    json_t *picked;
    size_t n = 0;
    bool all = false;

    for (n = 0; words && words[n]; n++)
        all = all || strcmp(words[n], "custom") == 0;
    plain = call_alloc(c, (n + 2) * sizeof(*plain));
    picked = json_array();
    arena_defer(&c->arena, (void (*)(void *))json_decref, picked);
    n = 0;
    for (size_t i = 0; words && plain && words[i]; i++) {
        const json_t *field;

        if (strncmp(words[i], PREFIX, PREFIX_LENGTH) != 0) {
            plain[n++] = words[i];
            continue;
        }
        field = custom_named(e->custom, words[i] + PREFIX_LENGTH);
        if (field)
            json_array_append(picked, (json_t *)(uintptr_t)field);
        else
            custom_unknown(c, e->custom, words[i]);
    }
    if (json_array_size(picked) > 0 && plain && !all) {
        plain[n++] = "custom";
        e->custom = picked;
    }
    e->fields = words ? plain : NULL;
}

static enum step export_columns(struct call *c)
{
    struct export *e = c->state;

    e->custom = custom_definitions(c, call_result(c, 0));
    if (!e->custom)
        return STEP_FAIL;
    pick_columns(c, e);
    return c->err.code == ERR_NONE ? STEP_NEXT : STEP_FAIL;
}

static enum step export_ask(struct call *c)
{
    const struct record *r = record_of(c);
    const char *fixed[RECORD_LIST_FIXED];

    record_list_fixed(c, r->may_read, fixed);
    return list_ask_next(c, r->list, fixed, PAGE);
}

/* Words between commas, as an import reads them. */
static void add_list(struct table *t, const char *text)
{
    struct pgarray a = pgarray_over(text);
    struct buf item, all;
    bool is_null;

    buf_init(&item, ITEMS_MAX);
    buf_init(&all, ITEMS_MAX);
    while (pgarray_next(&a, &item, &is_null))
        buf_printf(&all, "%s%s", all.len ? ", " : "", buf_text(&item));
    table_add(t, TABLE_TEXT, buf_text(&all));
    buf_done(&item);
    buf_done(&all);
}

static void add_moment(struct table *t, const char *text)
{
    char moment[ROW_MOMENT_MAX + 1];
    size_t n = row_moment(text, strlen(text), moment);

    moment[n] = '\0';
    table_add(t, TABLE_PLAIN, n ? moment : text);
}

static void add_cell(struct table *t, enum column_kind kind, const char *text)
{
    if (!text)
        table_add(t, TABLE_PLAIN, NULL);
    else if (kind == COLUMN_NUMBER)
        table_add(t, TABLE_NUMBER, text);
    else if (kind == COLUMN_BOOLEAN)
        table_add(t, TABLE_BOOLEAN, *text == 't' ? "true" : "false");
    else if (kind == COLUMN_TIMESTAMP)
        add_moment(t, text);
    else if (kind == COLUMN_TEXT_ARRAY)
        add_list(t, text);
    else
        table_add(t, TABLE_TEXT, text);
}

static void add_custom_list(struct table *t, const json_t *list)
{
    struct buf all;
    json_t *one;
    size_t i;

    buf_init(&all, ITEMS_MAX);
    json_array_foreach (list, i, one)
        buf_printf(&all, "%s%s", i > 0 ? ", " : "", json_string_value(one));
    table_add(t, TABLE_TEXT, buf_text(&all));
    buf_done(&all);
}

static void add_custom_cell(struct table *t, const json_t *field, const json_t *value)
{
    const char *type = json_string_value(json_object_get(field, "type"));
    char number[32];

    if (!value || json_is_null(value)) {
        table_add(t, TABLE_PLAIN, NULL);
    } else if (json_is_array(value)) {
        add_custom_list(t, value);
    } else if (json_is_boolean(value)) {
        table_add(t, TABLE_BOOLEAN, json_is_true(value) ? "true" : "false");
    } else if (json_is_integer(value)) {
        (void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        table_add(t, TABLE_NUMBER, number);
    } else {
        table_add(t, strcmp(type, "decimal") == 0 ? TABLE_NUMBER : TABLE_TEXT,
                  json_string_value(value));
    }
}

/* A column for each custom field, named as an import knows it. */
static void add_custom(struct export *e, const char *text)
{
    json_t *values = text ? json_loads(text, 0, NULL) : NULL;
    const json_t *field;
    size_t i;

    json_array_foreach (e->custom, i, field) {
        const char *key = json_string_value(json_object_get(field, "key"));
        char name[NAME_MAX_BYTES];

        (void)snprintf(name, sizeof(name), "custom.%s", key);
        if (text)
            add_custom_cell(e->table, field, json_object_get(values, key));
        else
            table_add(e->table, TABLE_PLAIN, name);
    }
    json_decref(values);
}

/* A member of a column; row -1: its name. */
static void add_part(struct export *e, int column, const struct row_part *part, int row)
{
    const char *text = result_text(e->page, row, column);
    char copy[NAME_MAX_BYTES];
    size_t n;

    if (row < 0) {
        (void)snprintf(copy, sizeof(copy), "%.*s", (int)part->name.n, part->name.p);
        table_add(e->table, TABLE_PLAIN, copy);
        return;
    }
    if (part->element < 0) {
        add_cell(e->table, result_kind(e->page, column), text);
        return;
    }
    text = row_part_text(part, text, &n);
    if (text)
        (void)snprintf(copy, sizeof(copy), "%.*s", (int)n, text);
    if (part->is_there)
        add_cell(e->table, COLUMN_BOOLEAN, text ? "t" : "f");
    else
        add_cell(e->table, COLUMN_TIMESTAMP, text ? copy : NULL);
}

static void add_row(struct export *e, int row) /* -1: the names */
{
    for (int i = 0; i < result_columns(e->page); i++) {
        const char *at = result_name(e->page, i);

        for (struct row_part part = {.element = -1}; row_part_next(&at, &part);) {
            if (!row_part_is_wanted(&part, e->fields))
                continue;
            if (span_is(part.name, "custom"))
                add_custom(e, row < 0 ? NULL : result_text(e->page, row, i));
            else
                add_part(e, i, &part, row);
        }
    }
    table_end_row(e->table);
}

static void write_page(struct job *job)
{
    struct export *e = (struct export *)job;

    if (e->first) {
        e->fd = scratch_open(e->folder);
        e->failed = e->fd < 0;
        if (e->failed)
            return;
        e->table =
            table_begin(e->fd, strcmp(e->format, "xlsx") == 0, e->delimiter, e->mark, e->folder);
        add_row(e, -1);
    }
    e->first = false;
    for (int i = 0; i < e->rows; i++)
        add_row(e, i);
    if (!e->last)
        return;
    e->failed = !table_finish(e->table);
    e->table = NULL;
}

static enum step export_write(struct call *c)
{
    struct export *e = c->state;

    e->page = call_result(c, 0);
    e->rows = list_rows(c);
    e->written += e->rows;
    if (!reply_has_fields(c, e->page, e->fields))
        return STEP_FAIL;
    if (e->written > c->env->export_rows || (e->written == c->env->export_rows && list_has_more(c)))
        return call_fail(c, ERR_EXPORT_TOO_LARGE, "An export may have %lld rows; filter the list.",
                         (long long)c->env->export_rows);
    e->last = !list_has_more(c);
    e->job.work = write_page;
    return call_offload(c, &e->job) ? STEP_WAIT : STEP_FAIL;
}

static enum step export_written(struct call *c)
{
    struct export *e = c->state;

    if (e->failed) {
        c->err.log = "no room for an export in temp_dir";
        return call_fail(c, ERR_INTERNAL, NULL);
    }
    if (!e->last) {
        if (!list_advance(c))
            return STEP_FAIL;
        call_forget(c);
        call_repeat(c, 3);
    }
    return STEP_NEXT;
}

static enum step export_reply(struct call *c)
{
    struct export *e = c->state;
    const struct record *r = record_of(c);
    bool book = strcmp(e->format, "xlsx") == 0;

    reply_header(
        c, "Content-Disposition",
        arena_printf(&c->arena, "attachment; filename=\"%s-export.%s\"", r->entity, e->format));
    c->reply.status = 200;
    c->reply.media_type = book ? "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
                               : "text/csv; charset=utf-8";
    c->reply.file = &e->fd;
    return STEP_REPLY;
}

step_fn *const record_export_steps[] = {export_begin,     export_columns, custom_list_ask,
                                        custom_list_read, export_ask,     export_write,
                                        export_written,   export_reply,   NULL};
