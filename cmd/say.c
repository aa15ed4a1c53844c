/* say - refusals and misuse, for people at a shell. */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "json/problem.h"

#define PROBLEM_MAX ((size_t)1 << 20)

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* A text as it is, words with commas between, anything else as JSON. */
static void put_value(struct buf *b, const json_t *value)
{
    const json_t *item;
    char *text;
    size_t i;

    if (json_is_string(value)) {
        buf_puts(b, json_string_value(value));
        return;
    }
    if (json_is_array(value) && json_is_string(json_array_get(value, 0))) {
        json_array_foreach (value, i, item) {
            buf_puts(b, i > 0 ? ", " : "");
            put_value(b, item);
        }
        return;
    }
    text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_puts(b, text != NULL ? text : "");
    free(text);
}

static void put_member(struct buf *b, const char *indent, const char *name, const json_t *value)
{
    if (value == NULL || json_is_null(value))
        return;
    buf_printf(b, "%s%s: ", indent, name);
    put_value(b, value);
    buf_putc(b, '\n');
}

void say_errors(struct buf *b, const char *prefix, const json_t *problem)
{
    static const char *const more[] = {"hint", "got", "allowed"};
    const json_t *error;
    size_t i;

    json_array_foreach (json_object_get(problem, "errors"), i, error) {
        const char *at = text_of(error, "pointer"), *detail = text_of(error, "detail");

        at = at != NULL ? at : text_of(error, "name");
        buf_printf(b, "%s%s: %s\n", prefix,
                   at == NULL    ? ""
                   : *at != '\0' ? at
                                 : "the body",
                   detail != NULL ? detail : "");
        for (size_t m = 0; m < sizeof(more) / sizeof(more[0]); m++)
            put_member(b, "    ", more[m], json_object_get(error, more[m]));
    }
}

/* What every problem has is told elsewhere; the rest is what this one is about. */
static bool is_common(const char *name)
{
    static const char *const common[] = {"type", "title",    "status",     "detail",
                                         "code", "instance", "request_id", "retryable",
                                         "hint", "errors",   NULL};

    for (const char *const *one = common; *one != NULL; one++)
        if (strcmp(*one, name) == 0)
            return true;
    return false;
}

void say_problem(struct buf *b, const json_t *problem)
{
    const char *title = text_of(problem, "title"), *code = text_of(problem, "code"), *name;
    json_t *value;

    if (title != NULL && code != NULL)
        buf_printf(b, "  %s (%s)\n", title, code);
    put_member(b, "  ", "hint", json_object_get(problem, "hint"));
    say_errors(b, "  ", problem);
    json_object_foreach ((json_t *)problem, name, value)
        if (!is_common(name))
            put_member(b, "  ", name, value);
    put_member(b, "  ", "request_id", json_object_get(problem, "request_id"));
}

json_t *say_tree(const struct err *e)
{
    json_t *tree;
    struct buf b;

    buf_init(&b, PROBLEM_MAX);
    problem_write(&b, e, NULL);
    tree = json_loadb(buf_text(&b), b.len, 0, NULL);
    buf_done(&b);
    return tree;
}

static void put_pointer_to_help(struct buf *b, const char *command)
{
    buf_printf(b, "See sluicectl%s%s --help.\n", *command != '\0' ? " " : "", command);
}

static void put_command(struct buf *b, const char *command)
{
    buf_printf(b, "sluicectl%s%s: ", *command != '\0' ? " " : "", command);
}

bool say_misuse(struct buf *b, const char *command, const char *reason, ...)
{
    char text[512];
    va_list args;

    va_start(args, reason);
    if (vsnprintf(text, sizeof(text), reason, args) < 0)
        text[0] = '\0';
    va_end(args);
    put_command(b, command);
    buf_printf(b, "%s\n", text);
    put_pointer_to_help(b, command);
    return false;
}

bool say_unknown(struct buf *b, const char *command, const char *what, const char *word,
                 const char *const *known)
{
    const char *near = text_nearest(word, known);

    put_command(b, command);
    buf_printf(b, "there is no %s \"%s\"", what, word);
    if (near != NULL) {
        buf_printf(b, "; did you mean \"%s\"?\n", near);
    } else {
        buf_puts(b, "; there are ");
        for (const char *const *one = known; *one != NULL; one++)
            buf_printf(b, "%s%s", one > known ? ", " : "", *one);
        buf_putc(b, '\n');
    }
    put_pointer_to_help(b, command);
    return false;
}
