#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/table.h"

#define STRINGS_MAX (4u << 20)
#define FILE_BYTES_MAX (1u << 20)
#define ENVIRONMENT "SLUICE_"

/* Reads a whole small file. */
static bool read_file(const char *path, struct buf *text, struct buf *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char bytes[4096];
    ssize_t n = 0;

    if (fd < 0) {
        buf_printf(why, "%s: %s\n", path, strerror(errno));
        return false;
    }
    while (!text->failed && (n = read(fd, bytes, sizeof(bytes))) > 0)
        buf_add(text, bytes, (size_t)n);
    if (n < 0)
        buf_printf(why, "%s: %s\n", path, strerror(errno));
    else if (text->failed)
        buf_printf(why, "%s: the file is larger than %zu bytes\n", path, text->max);
    close(fd);
    return n >= 0 && !text->failed;
}

/* A name that is no setting: @shown is how it was written, @name is compared. */
static void unknown(struct buf *why, const char *origin, const char *name, const char *prefix,
                    char separator)
{
    const char *nearest = conf_nearest(name);

    buf_printf(why, "%s: there is no such setting", origin);
    if (nearest != NULL) {
        buf_printf(why, "; did you mean %s", prefix);
        for (; *nearest != '\0'; nearest++)
            buf_putc(why, *nearest == '_' ? separator : *nearest);
        buf_putc(why, '?');
    }
    buf_putc(why, '\n');
}

/* file */

static void load_line(struct conf *c, const char *path, unsigned number, struct span line,
                      bool seen[CONF_COUNT], struct buf *why)
{
    const char *origin = arena_printf(&c->strings, "%s:%u", path, number);
    const char *equals = memchr(line.p, '=', line.n);
    const struct conf_row *row;
    struct span name, value;

    if (origin == NULL)
        return;
    if (equals == NULL) {
        buf_printf(why, "%s: the line is not \"name = value\"\n", origin);
        return;
    }
    name = span_trim((struct span){line.p, (size_t)(equals - line.p)});
    value = span_trim((struct span){equals + 1, line.n - (size_t)(equals + 1 - line.p)});
    row = conf_find(name);
    if (row == NULL) {
        const char *text = arena_copy(&c->strings, name.p, name.n);

        unknown(why, arena_printf(&c->strings, "%s: %.100s", origin, text), text, "", '_');
        return;
    }
    if (seen[row - conf_rows]) {
        buf_printf(why, "%s: %s was set above already\n", origin, row->name);
        return;
    }
    seen[row - conf_rows] = true;
    conf_set(c, row, value, origin, why);
}

static void load_file(struct conf *c, const char *path, struct buf *why)
{
    bool seen[CONF_COUNT] = {false};
    unsigned number = 0;
    struct buf text;
    struct span rest;

    buf_init(&text, FILE_BYTES_MAX);
    if (read_file(path, &text, why)) {
        rest = (struct span){buf_text(&text), text.len};
        while (rest.n > 0) {
            const char *end = memchr(rest.p, '\n', rest.n);
            size_t n = end != NULL ? (size_t)(end - rest.p) : rest.n;
            struct span line = {rest.p, n};

            number++;
            rest.p += end != NULL ? n + 1 : n;
            rest.n -= end != NULL ? n + 1 : n;
            if (line.n > 0 && line.p[line.n - 1] == '\r')
                line.n--;
            line = span_trim(line);
            if (line.n > 0 && line.p[0] != '#')
                load_line(c, path, number, line, seen, why);
        }
    }
    buf_done(&text);
}

/* environment */

/* SLUICE_NAME_FILE: the value is what the file holds, without the newline at its end. */
static bool load_secret(struct conf *c, const char *variable, struct span name, const char *path,
                        struct buf *why)
{
    static const char suffix[] = "_file";
    size_t suffix_n = sizeof(suffix) - 1;
    const struct conf_row *row;
    struct buf text;

    if (name.n <= suffix_n || memcmp(name.p + name.n - suffix_n, suffix, suffix_n) != 0)
        return false;
    name.n -= suffix_n;
    row = conf_find(name);
    if (row == NULL || (row->flags & CONF_SECRET) == 0)
        return false;
    buf_init(&text, FILE_BYTES_MAX);
    if (read_file(path, &text, why)) {
        struct span value = {buf_text(&text), text.len};

        while (value.n > 0 && (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r'))
            value.n--;
        conf_set(c, row, value, variable, why);
    }
    buf_done(&text);
    return true;
}

static void load_variable(struct conf *c, const char *entry, struct buf *why)
{
    const char *equals = strchr(entry, '=');
    const struct conf_row *row;
    const char *variable;
    char *name;
    size_t n;

    if (equals == NULL)
        return;
    variable = arena_copy(&c->strings, entry, (size_t)(equals - entry));
    name = arena_strdup(&c->strings, variable != NULL ? variable + sizeof(ENVIRONMENT) - 1 : NULL);
    if (name == NULL)
        return;
    for (n = 0; name[n] != '\0'; n++)
        name[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] - 'A' + 'a') : name[n];
    if (strcmp(name, "config") == 0)
        return;
    row = conf_find(span_of(name));
    if (row != NULL) {
        conf_set(c, row, span_of(equals + 1), variable, why);
        return;
    }
    if (load_secret(c, variable, span_of(name), equals + 1, why) || conf_nearest(name) == NULL)
        return;
    buf_printf(why, "%s: there is no such setting; did you mean " ENVIRONMENT, variable);
    for (const char *p = conf_nearest(name); *p != '\0'; p++)
        buf_putc(why, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
    buf_puts(why, "?\n");
}

static const char *variable_value(const char *entry, const char *name)
{
    size_t n = strlen(name);

    return strncmp(entry, name, n) == 0 && entry[n] == '=' ? entry + n + 1 : NULL;
}

static void load_environment(struct conf *c, struct buf *why)
{
    for (char *const *entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, ENVIRONMENT, sizeof(ENVIRONMENT) - 1) == 0)
            load_variable(c, *entry, why);
    }
}

/* command line */

static bool is_bool_word(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "1", "0", NULL};

    for (const char *const *word = words; text != NULL && *word != NULL; word++) {
        if (strcmp(text, *word) == 0)
            return true;
    }
    return false;
}

struct option {
    const char *shown; /* "--name", in the arena */
    struct span name;
    const char *value; /* behind '=', or the next argument, or NULL */
    bool joined;       /* the value was behind '=' */
};

/* Takes --name VALUE or --name=VALUE apart. Returns false if it is neither. */
static bool read_option(struct conf *c, char *const *argv, int at, struct option *o)
{
    const char *text = argv[at];
    size_t n;

    if (text == NULL || strncmp(text, "--", 2) != 0 || text[2] == '\0')
        return false;
    n = strcspn(text, "=");
    o->shown = arena_copy(&c->strings, text, n);
    o->name = (struct span){text + 2, n - 2};
    o->joined = text[n] == '=';
    o->value = o->joined ? text + n + 1 : argv[at + 1];
    return o->shown != NULL;
}

/* Loads one option; returns how many arguments it took. */
static int load_option(struct conf *c, const struct option *o, struct buf *why)
{
    const struct conf_row *row = conf_find(o->name);
    bool bare;

    if (row == NULL) {
        unknown(why, o->shown, o->shown + 2, "--", '-');
        return o->joined || o->value == NULL || o->value[0] == '-' ? 1 : 2;
    }
    bare = row->kind == CONF_KIND_BOOL && !o->joined && !is_bool_word(o->value);
    if (bare) {
        conf_set(c, row, SPAN("true"), o->shown, why);
        return 1;
    }
    if (o->value == NULL) {
        buf_printf(why, "%s: the value is missing\n", o->shown);
        return 1;
    }
    conf_set(c, row, span_of(o->value), o->shown, why);
    return o->joined ? 1 : 2;
}

static enum conf_wish wish_of(const char *argument)
{
    static const struct {
        const char *text;
        enum conf_wish wish;
    } wishes[] = {
        {"--help", CONF_HELP},
        {"-h", CONF_HELP},
        {"--version", CONF_VERSION},
        {"--check-config", CONF_CHECK},
    };

    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        if (strcmp(argument, wishes[i].text) == 0)
            return wishes[i].wish;
    }
    return CONF_RUN;
}

/* Help beats version, which beats the check. */
static enum conf_wish load_arguments(struct conf *c, int argc, char *const *argv, struct buf *why)
{
    enum conf_wish wish = CONF_RUN;

    for (int at = 1; at < argc;) {
        enum conf_wish one = wish_of(argv[at]);
        struct option o;

        if (one != CONF_RUN) {
            wish = one < wish ? one : wish;
            at++;
        } else if (!read_option(c, argv, at, &o)) {
            buf_printf(why, "%s: settings are given as --name VALUE\n", argv[at]);
            at++;
        } else if (span_is(o.name, "config")) {
            if (o.value == NULL)
                buf_puts(why, "--config: the value is missing\n");
            at += o.joined ? 1 : 2;
        } else {
            at += load_option(c, &o, why);
        }
    }
    return wish;
}

/* The file must be known before the rest is loaded. */
static const char *find_file(struct conf *c, int argc, char *const *argv)
{
    const char *path = NULL;

    for (char *const *entry = environ; entry != NULL && *entry != NULL; entry++) {
        const char *value = variable_value(*entry, ENVIRONMENT "CONFIG");

        path = value != NULL && *value != '\0' ? value : path;
    }
    for (int at = 1; at < argc; at++) {
        struct option o;

        if (read_option(c, argv, at, &o) && span_is(o.name, "config") && o.value != NULL)
            path = o.value;
    }
    return path;
}

static void load_defaults(struct conf *c, struct buf *why)
{
    for (const struct conf_row *row = conf_rows; row < conf_rows + CONF_COUNT; row++) {
        bool other = (row->flags & CONF_ROOT_DEFAULT) != 0 && geteuid() == 0;

        conf_set(c, row, span_of(other ? CONF_ROOT_DATA_DIR : row->value), "default", why);
    }
}

enum conf_wish conf_load(struct conf *c, int argc, char *const *argv, struct buf *why)
{
    enum conf_wish wish;
    const char *path;

    *c = (struct conf){0};
    arena_init(&c->strings, STRINGS_MAX);
    load_defaults(c, why);
    path = find_file(c, argc, argv);
    if (path != NULL)
        load_file(c, path, why);
    load_environment(c, why);
    wish = load_arguments(c, argc, argv, why);
    if ((*c->tls_certificate == '\0') != (*c->tls_key == '\0'))
        buf_puts(why, "tls_certificate and tls_key go together: set both or neither\n");
    if (wish == CONF_HELP || wish == CONF_VERSION) {
        buf_clear(why); /* whoever asks for help may well have got something wrong */
        return wish;
    }
    return why->len > 0 || why->failed ? CONF_WRONG : wish;
}

void conf_done(struct conf *c)
{
    arena_done(&c->strings);
}
