/* blueprints - export, lint, diff and apply of processes as texts. */
#include "blueprints.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "base/uuid.h"
#include "blueprint/diff.h"
#include "blueprint/document.h"
#include "conf/conf.h"
#include "db/ask.h"
#include "db/once.h"
#include "queries.gen.h"
#include "say.h"
#include "schemas.gen.h"
#include "service/design/design.h"
#include "site.h"
#include "json/body.h"
#include "json/yaml.h"

#define FILE_MAX ((size_t)4 << 20)
#define TEXT_MAX ((size_t)16 << 20)
#define MAPS_MAX 200

static const char usage[] =
    "usage: sluicectl blueprint VERB [--SETTING VALUE]...\n"
    "\n"
    "  export ENTITY/KEY [--number N] [--format yaml|json]   print the version in force, or that "
    "one\n"
    "  lint FILE...                                          would it work? needs no database\n"
    "  diff OLD NEW                                          what differs; needs no database\n"
    "  diff FILE                                             ... from what is in force\n"
    "  apply FILE [--base N] [--map OLD:NEW]...              put it in force\n"
    "\n"
    "A FILE is YAML, or JSON when its name says so; - is standard input. The status is 1 when "
    "texts\n"
    "differ or a process would not work, 2 when something could not be done.\n";

enum status { DONE = 0, DIFFERS = 1, TROUBLE = 2 };

/* What the command line said, apart from the settings. */
struct wish {
    const char *words[64]; /* verb, then files or names */
    size_t n;
    const char *number, *format, *base;
    json_t *mapping;
};

struct tool {
    struct wish wish;
    struct conf conf;
    struct arena arena; /* of documents */
    struct buf out, why;
};

/* files */

static bool read_file(const char *path, struct buf *text, struct buf *why)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char chunk[16384];
    size_t n;

    if (f == NULL) {
        buf_printf(why, "%s: cannot be opened\n", path);
        return false;
    }
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_add(text, chunk, n);
    if (ferror(f) || text->failed)
        buf_printf(why, "%s: cannot be read, or is larger than %zu bytes\n", path, FILE_MAX);
    n = (size_t)ferror(f);
    if (f != stdin)
        (void)fclose(f);
    return n == 0 && !text->failed;
}

static void release(void *tree)
{
    json_decref(tree);
}

static json_t *keep(struct tool *t, json_t *tree)
{
    if (tree != NULL)
        arena_defer(&t->arena, release, tree);
    return tree;
}

static void print_faults(struct tool *t, const char *path, const struct err *e)
{
    const char *prefix = arena_printf(&t->arena, "%s: ", path);

    if (e->faults == NULL)
        buf_printf(&t->why, "%s%s\n", prefix, e->detail != NULL ? e->detail : err_title(e->code));
    say_errors(&t->why, prefix, keep(t, say_tree(e)));
}

static bool is_json(const char *path)
{
    size_t n = strlen(path);

    return n > 5 && strcmp(path + n - 5, ".json") == 0;
}

static bool has_name(const json_t *doc, struct err *e)
{
    static const char *const needed[] = {"/entity", "/key"};

    for (size_t i = 0; i < 2; i++)
        if (!json_is_string(json_object_get(doc, needed[i] + 1)))
            err_fault(e, ERR_INVALID,
                      (struct fault){.pointer = needed[i], .detail = "It is required."});
    return e->code == ERR_NONE;
}

/* Returns the canonical document of a file, or NULL with everything that is wrong in t->why. */
static json_t *read_document(struct tool *t, const char *path)
{
    const struct json_limits limits = {.depth = 32, .structural = 100000};
    json_t *doc = NULL;
    struct buf text;
    struct err e;

    err_init(&e, &t->arena);
    buf_init(&text, FILE_MAX);
    if (read_file(path, &text, &t->why)) {
        struct span span = {buf_text(&text), text.len};

        doc = is_json(path) ? body_parse_json(&t->arena, span, &limits, &e)
                            : yaml_parse(&t->arena, span, &limits, &e);
        if (doc == NULL || !schema_check(&schema_BlueprintDocument, doc, "", &e) ||
            !has_name(doc, &e) || !document_check(doc, &e)) {
            print_faults(t, path, &e);
            doc = NULL;
        }
    }
    buf_done(&text);
    return doc != NULL ? keep(t, document_canonical(doc)) : NULL;
}

/* the database */

static void print_refusal(struct tool *t, const struct err *e)
{
    buf_printf(&t->why, "sluicectl blueprint %s: %d: %s\n", t->wish.words[0], err_status(e->code),
               e->detail != NULL ? e->detail : err_title(e->code));
    say_problem(&t->why, keep(t, say_tree(e)));
}

static struct result *ask(struct tool *t, const struct query *q, const char *const *values)
{
    struct result *r = NULL;
    struct site site;
    struct err e;

    err_init(&e, &t->arena);
    if (site_attach(&site, &t->conf, &t->why))
        r = db_once_refused(site.url, t->conf.database_role, q, values, &t->why, &e);
    site_close(&site);
    if (e.code != ERR_NONE)
        print_refusal(t, &e);
    else if (r == NULL)
        buf_putc(&t->why, '\n');
    return r;
}

static json_t *tree_of(struct tool *t, const struct result *r, const char *column)
{
    const char *text = result_get(r, 0, column);

    return text != NULL ? keep(t, json_loads(text, JSON_DECODE_ANY, NULL)) : NULL;
}

/* Asks what the document is judged by; @published is what is in force, or NULL. */
static bool ask_world(struct tool *t, const json_t *doc, struct lint_world *w, json_t **published)
{
    const char *entity = json_string_value(json_object_get(doc, "entity"));
    const char *const values[] = {entity, json_string_value(json_object_get(doc, "key"))};
    struct result *r = ask(t, &query_design_world, values);
    json_t *tree;

    if (r == NULL)
        return false;
    design_world(w, entity, tree_of(t, r, "custom"));
    w->roles = tree_of(t, r, "roles");
    w->others = tree_of(t, r, "others");
    tree = tree_of(t, r, "published");
    *published = tree != NULL ? keep(t, document_canonical(tree)) : NULL;
    result_free(r);
    return true;
}

/* verbs */

static enum status misused(struct tool *t, const char *reason)
{
    say_misuse(&t->why, "blueprint", "%s", reason);
    return TROUBLE;
}

static enum status do_export(struct tool *t)
{
    const char *name = t->wish.n == 2 ? t->wish.words[1] : "", *slash = strchr(name, '/');
    struct result *r;
    json_t *tree;
    char *text;

    if (slash == NULL)
        return misused(t, "export takes one ENTITY/KEY, such as lead/lead_qualification");

    const char *const values[] = {arena_copy(&t->arena, name, (size_t)(slash - name)), slash + 1,
                                  t->wish.number};
    r = ask(t, &query_design_export, values);
    if (r == NULL)
        return TROUBLE;
    tree = result_rows(r) > 0 ? tree_of(t, r, "document") : NULL;
    result_free(r);
    if (tree == NULL) {
        buf_printf(&t->why, "%s: there is no such version\n", name);
        return TROUBLE;
    }
    tree = keep(t, document_canonical(tree));
    if (t->wish.format == NULL || strcmp(t->wish.format, "json") != 0) {
        yaml_write(&t->out, tree);
        return DONE;
    }
    text = json_dumps(tree, JSON_INDENT(2));
    buf_printf(&t->out, "%s\n", text != NULL ? text : "");
    free(text);
    return DONE;
}

/* Prints the findings; returns whether the process would work. */
static bool print_findings(struct tool *t, const char *path, const json_t *findings)
{
    json_t *f;
    size_t i;

    json_array_foreach (findings, i, f)
        buf_printf(&t->out, "%s: %s: %s: %s (%s)\n", path,
                   json_string_value(json_object_get(f, "severity")),
                   json_string_value(json_object_get(f, "pointer")),
                   json_string_value(json_object_get(f, "message")),
                   json_string_value(json_object_get(f, "code")));
    return lint_count(findings, "error") == 0;
}

static enum status do_lint(struct tool *t)
{
    enum status status = DONE;

    if (t->wish.n < 2)
        return misused(t, "say which FILE is to be looked at");
    for (size_t i = 1; i < t->wish.n; i++) {
        const json_t *doc = read_document(t, t->wish.words[i]);
        struct lint_world w;

        if (doc == NULL) {
            status = TROUBLE;
            continue;
        }
        design_world(&w, json_string_value(json_object_get(doc, "entity")), NULL);
        if (!print_findings(t, t->wish.words[i], keep(t, blueprint_lint(doc, &w))) &&
            status == DONE)
            status = DIFFERS;
    }
    return status;
}

static enum status print_diff(struct tool *t, const json_t *diff)
{
    json_t *row;
    size_t i;

    json_array_foreach (diff, i, row)
        buf_printf(&t->out, "%s\n", json_string_value(json_object_get(row, "sentence")));
    if (json_array_size(diff) > 0)
        return DIFFERS;
    buf_puts(&t->out, "no changes\n");
    return DONE;
}

static enum status do_diff(struct tool *t)
{
    json_t *old = NULL, *new;
    struct lint_world w;

    if (t->wish.n != 2 && t->wish.n != 3)
        return misused(t, "diff takes OLD and NEW, or one FILE to compare with what is in force");
    new = read_document(t, t->wish.words[t->wish.n - 1]);
    if (new == NULL)
        return TROUBLE;
    if (t->wish.n == 3)
        old = read_document(t, t->wish.words[1]);
    else if (!ask_world(t, new, &w, &old))
        return TROUBLE;
    if (old == NULL && t->wish.n == 3)
        return TROUBLE;
    return print_diff(t, keep(t, blueprint_diff(old, new)));
}

static const char *json_text(struct tool *t, const json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT);
    const char *kept = arena_strdup(&t->arena, text);

    free(text);
    return kept;
}

static const char *base_of(struct tool *t, const json_t *doc, const json_t *published)
{
    const json_t *number = json_object_get(doc, "number");

    if (t->wish.base != NULL)
        return t->wish.base;
    if (json_is_integer(number))
        return arena_printf(&t->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
    if (published == NULL)
        return "0";
    buf_puts(&t->why,
             "say with --base, or as \"number\" in the text, which version it started from\n");
    return NULL;
}

static enum status publish(struct tool *t, const json_t *doc, const json_t *diff, const char *base)
{
    json_t *detail = keep(t, json_object());
    struct uuid id = uuid_v7();
    char id_text[UUID_TEXT];
    struct result *r;

    uuid_format(&id, id_text);
    (void)json_object_set_new(detail, "diff", diff_sentences(diff));

    const char *const values[] = {id_text, json_text(t, doc), base, json_text(t, t->wish.mapping),
                                  json_text(t, detail)};
    r = ask(t, &query_design_apply, values);
    if (r == NULL)
        return TROUBLE;
    result_free(r);
    (void)print_diff(t, diff);
    buf_printf(&t->out, "in force: %s\n", id_text);
    return DONE;
}

static enum status do_apply(struct tool *t)
{
    json_t *doc = t->wish.n == 2 ? read_document(t, t->wish.words[1]) : NULL, *published, *diff;
    struct lint_world w;
    const char *base;

    if (t->wish.n != 2)
        return misused(t, "apply takes one FILE");
    if (doc == NULL || !ask_world(t, doc, &w, &published))
        return TROUBLE;
    diff = keep(t, blueprint_diff(published, doc));
    if (json_array_size(diff) == 0)
        return print_diff(t, diff);
    if (!print_findings(t, t->wish.words[1], keep(t, blueprint_lint(doc, &w))))
        return DIFFERS;
    base = base_of(t, doc, published);
    return base != NULL ? publish(t, doc, diff, base) : TROUBLE;
}

static enum status do_help(struct tool *t)
{
    buf_puts(&t->out, usage);
    return DONE;
}

static const struct verb {
    const char *name;
    enum status (*run)(struct tool *t);
} verbs[] = {
    {"export", do_export}, {"lint", do_lint}, {"diff", do_diff},
    {"apply", do_apply},   {"help", do_help}, {NULL, NULL},
};

/* the command line */

static bool add_mapping(struct wish *w, const char *text, struct buf *why)
{
    const char *colon = strchr(text, ':');
    char old[64];

    if (colon == NULL || (size_t)(colon - text) >= sizeof(old) ||
        json_object_size(w->mapping) == MAPS_MAX)
        return say_misuse(why, "blueprint", "--map takes OLD:NEW, two keys of states, not \"%s\"",
                          text);
    (void)snprintf(old, sizeof(old), "%.*s", (int)(colon - text), text);
    return json_object_set_new(w->mapping, old, json_string(colon + 1)) == 0;
}

static bool take_option(struct wish *w, const char *name, const char *value, struct buf *why)
{
    static const char *const formats[] = {"yaml", "json", NULL};
    int64_t number;

    if (value == NULL)
        return say_misuse(why, "blueprint", "%s needs a value", name);
    if (strcmp(name, "--map") == 0)
        return add_mapping(w, value, why);
    if (strcmp(name, "--format") == 0) {
        w->format = value;
        return strcmp(value, "yaml") == 0 || strcmp(value, "json") == 0 ||
               say_unknown(why, "blueprint", "format", value, formats);
    }
    if (!text_parse_i64(span_of(value), &number) || number < 0 || number > 1000000)
        return say_misuse(why, "blueprint", "%s takes the number of a version, not \"%s\"", name,
                          value);
    *(strcmp(name, "--base") == 0 ? &w->base : &w->number) = value;
    return true;
}

/* Takes our words and options out of argv; the rest are settings. Returns how many are left, 0 when
 * an option is wrong. */
static int take_words(struct wish *w, int argc, char **argv, struct buf *why)
{
    static const char *const ours[] = {"--number", "--format", "--base", "--map", NULL};
    int left = 1, at = 1;

    for (; at < argc && strncmp(argv[at], "--", 2) != 0; at++)
        if (w->n < sizeof(w->words) / sizeof(w->words[0]))
            w->words[w->n++] = argv[at];
    for (; at < argc; at++) {
        const char *const *own = ours;

        while (*own != NULL && strcmp(*own, argv[at]) != 0)
            own++;
        if (*own == NULL) {
            argv[left++] = argv[at];
            continue;
        }
        if (!take_option(w, argv[at], at + 1 < argc ? argv[at + 1] : NULL, why))
            return 0;
        at++;
    }
    argv[left] = NULL;
    return left;
}

static enum status no_verb(struct tool *t)
{
    static const char *const known[] = {"export", "lint", "diff", "apply", "help", NULL};

    if (t->wish.n == 0)
        return misused(t, "say what is to be done: export, lint, diff or apply");
    say_unknown(&t->why, "blueprint", "verb", t->wish.words[0], known);
    return TROUBLE;
}

/* Asking must not do it, wherever the question stands. */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int blueprints_main(int argc, char **argv)
{
    struct tool t = {.wish.mapping = json_object()};
    const struct verb *verb = verbs;
    enum status status;

    buf_init(&t.out, TEXT_MAX);
    buf_init(&t.why, TEXT_MAX);
    arena_init(&t.arena, TEXT_MAX);
    if (asks_for_help(argc, argv))
        t.wish.words[t.wish.n++] = "help";
    else
        argc = take_words(&t.wish, argc, argv, &t.why);
    while (t.wish.n > 0 && verb->name != NULL && strcmp(verb->name, t.wish.words[0]) != 0)
        verb++;
    if (argc == 0)
        status = TROUBLE;
    else if (verb->name == NULL || t.wish.n == 0)
        status = no_verb(&t);
    else if (verb->run == do_help)
        status = do_help(&t);
    else if (conf_load(&t.conf, argc, argv, &t.why) == CONF_WRONG)
        status = misused(&t, "this is no option of it, nor a setting");
    else
        status = verb->run(&t);
    (void)fputs(buf_text(&t.out), stdout);
    (void)fputs(buf_text(&t.why), stderr);
    conf_done(&t.conf);
    arena_done(&t.arena);
    buf_done(&t.out);
    buf_done(&t.why);
    json_decref(t.wish.mapping);
    return (int)status;
}
