/* sheets - import and export from a shell. The daemon does the work; this sends, waits and tells.
 */
#include "sheets.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "say.h"
#include "sheet_tool.h"

#define PART ((size_t)4 << 20)
#define PATH_MAX_BYTES ((size_t)64 << 10)
#define TOLD 20 /* rows that are told without a report */
#define POLL_NS 200000000L

static const char import_usage[] =
    "usage: sluicectl import FILE --entity lead|account|contact [OPTION]...\n"
    "\n"
    "  Sends a spreadsheet (CSV or .xlsx), prints what its columns are taken for, and tries it.\n"
    "\n"
    "  --map HEADER=FIELD   what a column means instead; without FIELD it is not imported; "
    "repeatable\n"
    "  --option NAME=VALUE  how the file is read, and what rows get that no column gives them;\n"
    "                       repeatable: see /docs/importing\n"
    "  --name TEXT          what the import is called\n"
    "  --run                run it after the trial\n"
    "  --again              also if this very file was imported before\n"
    "  --report FILE        write what became of every row, as lines of JSON\n"
    "  --url URL            of the daemon, or SLUICE_URL\n"
    "\n"
    "SLUICE_TOKEN holds an API key or an access token. The status is 1 when rows are invalid, 2 "
    "when\n"
    "something could not be done.\n";

static const char export_usage[] =
    "usage: sluicectl export leads|accounts|contacts|opportunities|activities|tasks [OPTION]...\n"
    "\n"
    "  --to FILE            where it is written, instead of standard output; a name that ends in\n"
    "                       .xlsx makes a workbook\n"
    "  --filter NAME=VALUE  a parameter of the list: filters, sort, fields, delimiter; repeatable\n"
    "  --url URL            of the daemon, or SLUICE_URL\n"
    "\n"
    "SLUICE_TOKEN holds an API key or an access token. The status is 2 when something could not be "
    "done.\n";

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static long long number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* asking */

static json_t *ask(struct tool *t, const char *method, json_t *body, const char *import,
                   const char *what)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "/v1/imports%s%s%s", *import != '\0' ? "/" : "", import,
                   what);
    return tool_keep(t, client_json(&t->client, method, path, body));
}

static bool send_parts(struct tool *t, const char *import, FILE *file)
{
    char *bytes = malloc(PART), path[128];
    size_t n = 0;
    bool sent = bytes != NULL;

    for (unsigned part = 1; sent && (n = fread(bytes, 1, PART, file)) > 0; part++) {
        struct asked a = {.method = "PUT",
                          .path = path,
                          .media_type = "application/octet-stream",
                          .body = bytes,
                          .n = n};

        (void)snprintf(path, sizeof(path), "/v1/imports/%s/parts/%u", import, part);
        sent = tool_keep(t, client_ask(&t->client, &a)) != NULL;
    }
    if (sent && ferror(file)) {
        buf_printf(&t->why, "%s: cannot be read\n", t->word);
        sent = false;
    }
    free(bytes);
    return sent;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* Begins an import and sends the file. Returns its id, or NULL. */
static const char *upload(struct tool *t)
{
    FILE *file = fopen(t->word, "rb");
    json_t *made = NULL;

    if (file == NULL) {
        buf_printf(&t->why, "%s: cannot be opened\n", t->word);
        return NULL;
    }
    made = ask(t, "POST",
               json_pack("{s:s, s:s*, s:s, s:O}", "entity", t->entity, "name", t->name, "file_name",
                         base_name(t->word), "options", t->options),
               "", "");
    if (made != NULL && !send_parts(t, text_of(made, "id"), file))
        made = NULL;
    (void)fclose(file);
    return made != NULL ? text_of(made, "id") : NULL;
}

/* mapping */

/* Whether HEADER=FIELD is about the column. */
static bool is_about(const char *pair, const json_t *column)
{
    size_t n = (size_t)(strrchr(pair, '=') - pair);

    return strlen(text_of(column, "header")) == n &&
           strncasecmp(text_of(column, "header"), pair, n) == 0;
}

/* What a column means: what --map says, or else what was proposed; "" of none. */
static const char *field_of(const struct tool *t, const json_t *column)
{
    for (size_t i = 0; i < t->npairs; i++)
        if (is_about(t->pairs[i], column))
            return strrchr(t->pairs[i], '=') + 1;
    return text_of(column, "field");
}

static bool has_column(const json_t *columns, const char *pair)
{
    json_t *column;
    size_t i;

    json_array_foreach (columns, i, column)
        if (is_about(pair, column))
            return true;
    return false;
}

static json_t *remap(struct tool *t, const char *import, const json_t *columns)
{
    json_t *list = json_array(), *column;
    size_t i;

    for (i = 0; i < t->npairs; i++)
        if (!has_column(columns, t->pairs[i])) {
            buf_printf(&t->why, "--map %s: the file has no such column\n", t->pairs[i]);
            json_decref(list);
            return NULL;
        }
    json_array_foreach (columns, i, column) {
        const char *field = field_of(t, column);

        if (*field != '\0')
            json_array_append_new(list,
                                  json_pack("{s:O, s:s}", "position",
                                            json_object_get(column, "position"), "field", field));
    }
    return ask(t, "PUT", json_pack("{s:o}", "columns", list), import, "/mapping");
}

static bool map(struct tool *t, const char *import)
{
    json_t *one = ask(t, "POST", NULL, import, "/mapping"), *column;
    size_t i;

    if (one != NULL && t->npairs > 0)
        one = remap(t, import, json_object_get(one, "columns"));
    json_array_foreach (json_object_get(one, "columns"), i, column)
        buf_printf(&t->out, "%s -> %s\n", text_of(column, "header"),
                   *text_of(column, "field") != '\0' ? text_of(column, "field") : "(not imported)");
    return one != NULL;
}

/* work in the background */

/* Prints how far it is whenever that has changed. */
static bool wait_for(struct tool *t, const char *import, const char *job, const char *doing)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};
    long long last = -1;
    char path[128];

    (void)snprintf(path, sizeof(path), "/v1/jobs/%s", job);
    for (;;) {
        json_t *one = client_json(&t->client, "GET", path, NULL);
        const char *status = text_of(one, "status");
        bool over = strcmp(status, "queued") != 0 && strcmp(status, "running") != 0,
             done = strcmp(status, "done") == 0;

        if (one != NULL && number_of(one, "done") != last) {
            last = number_of(one, "done");
            (void)fprintf(stderr, "%s: %lld rows\n", doing, last);
        }
        if (one != NULL && over && !done)
            buf_printf(&t->why, "import %s: %s\n", import, text_of(one, "error"));
        json_decref(one);
        if (over)
            return done;
        (void)nanosleep(&pause, NULL);
    }
}

static bool work(struct tool *t, const char *import, const char *what, const char *doing,
                 json_t *body)
{
    json_t *job = ask(t, "POST", body, import, what), *one;

    if (job == NULL || !wait_for(t, import, text_of(job, "id"), doing))
        return false;
    one = ask(t, "GET", NULL, import, "");
    buf_printf(
        &t->out,
        "%s: %lld rows: %lld created, %lld duplicate, %lld duplicate in the file, %lld invalid\n",
        doing, number_of(one, "rows_read"), number_of(one, "created"), number_of(one, "duplicate"),
        number_of(one, "duplicate_in_file"), number_of(one, "invalid"));
    return one != NULL;
}

/* rows */

static void tell_row(struct tool *t, const json_t *row)
{
    const char *outcome = text_of(row, "outcome");
    json_t *error;
    size_t i;

    buf_printf(&t->out, "line %lld: %s", number_of(row, "line"), outcome);
    if (strcmp(outcome, "duplicate") == 0)
        buf_printf(&t->out, " of %s", text_of(row, "record_id"));
    else if (strcmp(outcome, "duplicate_in_file") == 0)
        buf_printf(&t->out, " of line %lld", number_of(row, "other_line"));
    json_array_foreach (json_object_get(row, "errors"), i, error)
        buf_printf(&t->out, "%s %s%s%s", i > 0 ? ";" : ":", text_of(error, "column"),
                   *text_of(error, "column") != '\0' ? ": " : "", text_of(error, "detail"));
    buf_putc(&t->out, '\n');
}

static void take_rows(struct tool *t, const json_t *items, FILE *report, unsigned *told)
{
    json_t *row;
    size_t i;

    json_array_foreach (items, i, row) {
        if (report != NULL) {
            json_dumpf(row, report, JSON_COMPACT);
            (void)fputc('\n', report);
        }
        if (strcmp(text_of(row, "outcome"), "created") != 0 && (*told)++ < TOLD)
            tell_row(t, row);
    }
}

/* Reads what became of the rows, of all of them if there is a report, page by page. */
static bool read_rows(struct tool *t, const char *import, FILE *report)
{
    char cursor[1024] = "";
    unsigned told = 0;

    for (;;) {
        struct buf path;
        json_t *page;

        buf_init(&path, PATH_MAX_BYTES);
        buf_printf(&path, "/v1/imports/%s/rows?limit=200&sort=line%s%s", import,
                   report == NULL ? "&outcome=invalid&outcome=duplicate&outcome=duplicate_in_file"
                                  : "",
                   *cursor != '\0' ? "&cursor=" : "");
        client_escape(&path, cursor);
        page = client_json(&t->client, "GET", buf_text(&path), NULL);
        buf_done(&path);
        if (page == NULL)
            return false;
        take_rows(t, json_object_get(page, "items"), report, &told);
        (void)snprintf(cursor, sizeof(cursor), "%s", text_of(page, "next_cursor"));
        json_decref(page);
        if (*cursor == '\0' || (report == NULL && told > TOLD))
            break;
    }
    if (told > TOLD)
        buf_puts(&t->out, "... and more: --report FILE writes them all\n");
    return true;
}

static bool tell_rows(struct tool *t, const char *import)
{
    FILE *report = t->report != NULL ? fopen(t->report, "w") : NULL;
    bool done = t->report == NULL || report != NULL;

    done = done && read_rows(t, import, report);
    if (report != NULL && fclose(report) != 0)
        done = false;
    if (!done && t->report != NULL)
        buf_printf(&t->why, "%s: the report is not written\n", t->report);
    return done;
}

/* verbs */

static enum status do_import(struct tool *t)
{
    const char *import;
    json_t *one;
    bool done;

    if (t->help)
        return DONE;
    if (t->entity == NULL) {
        say_misuse(&t->why, t->command, "say what the rows are: --entity lead, account or contact");
        return TROUBLE;
    }
    import = upload(t);
    if (import == NULL)
        return TROUBLE;
    buf_printf(&t->out, "import %s\n", import);
    done = map(t, import) && work(t, import, "/dry-run", "trial", NULL) &&
           (!t->run ||
            work(t, import, "/run", "run", t->again ? json_pack("{s:b}", "again", 1) : NULL)) &&
           tell_rows(t, import);
    if (!done)
        return TROUBLE;
    one = ask(t, "GET", NULL, import, "");
    return number_of(one, "invalid") > 0 ? INVALID : DONE;
}

int import_main(int argc, char **argv)
{
    static const char *const known[] = {"--entity", "--map",    "--option", "--name", "--run",
                                        "--again",  "--report", "--url",    "--help", NULL};
    struct tool t = {.command = "import",
                     .usage = import_usage,
                     .missing = "say which FILE is to be imported",
                     .known = known};

    return tool_end(&t, tool_begin(&t, argc, argv) ? do_import(&t) : TROUBLE);
}

static bool is_book(const char *path)
{
    size_t n = path != NULL ? strlen(path) : 0;

    return n > 5 && strcasecmp(path + n - 5, ".xlsx") == 0;
}

static void put_path(const struct tool *t, struct buf *path)
{
    buf_puts(path, "/v1/");
    client_escape(path, t->word);
    buf_printf(path, "/export?format=%s", is_book(t->to) ? "xlsx" : "csv");
    for (size_t i = 0; i < t->npairs; i++) {
        char name[64];
        const char *equals = strchr(t->pairs[i], '=');

        (void)snprintf(name, sizeof(name), "%.*s", (int)(equals - t->pairs[i]), t->pairs[i]);
        buf_putc(path, '&');
        client_escape(path, name);
        buf_putc(path, '=');
        client_escape(path, equals + 1);
    }
}

static enum status do_export(struct tool *t)
{
    struct asked a = {.method = "GET"};
    struct buf path;
    bool done;

    if (t->help)
        return DONE;
    a.to = t->to != NULL ? fopen(t->to, "wb") : stdout;
    if (a.to == NULL) {
        buf_printf(&t->why, "%s: cannot be written\n", t->to);
        return TROUBLE;
    }
    buf_init(&path, PATH_MAX_BYTES);
    put_path(t, &path);
    a.path = buf_text(&path);
    done = tool_keep(t, client_ask(&t->client, &a)) != NULL;
    buf_done(&path);
    if ((a.to != stdout ? fclose(a.to) : fflush(a.to)) != 0 || !done) {
        if (t->to != NULL)
            (void)remove(t->to); /* half a file looks like a whole one */
        return TROUBLE;
    }
    return DONE;
}

int export_main(int argc, char **argv)
{
    static const char *const known[] = {"--to", "--filter", "--url", "--help", NULL};
    struct tool t = {.command = "export",
                     .usage = export_usage,
                     .missing = "say which list is to be exported: leads, accounts, contacts, "
                                "opportunities, activities or tasks",
                     .known = known};

    return tool_end(&t, tool_begin(&t, argc, argv) ? do_export(&t) : TROUBLE);
}
