#include "json/body.h"

#include <string.h>

#include "base/arena.h"

const struct json_limits json_default_limits = {.depth = 32, .structural = 20000};

/* Fails at the byte @at of the text. */
static bool fail_at(struct err *e, struct span text, size_t at, const char *what)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < at; i++) {
        if (text.p[i] == '\n') {
            line++;
            column = 1;
        } else {
            column++;
        }
    }
    return err_set(e, ERR_BAD_JSON, "Line %zu, column %zu: %s.", line, column, what);
}

/* Returns the index of the quote that ends the string opened at @i, or the length of the text. */
static size_t string_end(struct span text, size_t i)
{
    for (i++; i < text.n && text.p[i] != '"'; i++) {
        if (text.p[i] == '\\')
            i++;
    }
    return i < text.n ? i : text.n;
}

/* What the parser would do with a hostile text is decided before it runs: its tree takes 80 times
 * the memory of the text, and it overlooks a zero byte behind a number. */
static bool scan(struct span text, const struct json_limits *limits, struct err *e)
{
    const char *zero = text.n > 0 ? memchr(text.p, '\0', text.n) : NULL;
    unsigned depth = 0, structural = 0;

    if (text.n == 0)
        return err_set(e, ERR_BAD_JSON, "The body is empty; JSON was expected.");
    if (zero != NULL)
        return fail_at(e, text, (size_t)(zero - text.p), "a zero byte");
    for (size_t i = 0; i < text.n; i++) {
        switch (text.p[i]) {
        case '"': i = string_end(text, i); break;
        case '{':
        case '[':
            depth++;
            structural++;
            break;
        case '}':
        case ']': depth -= depth > 0; break;
        case ',':
        case ':': structural++; break;
        default: break;
        }
        if (depth > limits->depth)
            return err_set(e, ERR_INVALID, "The body nests objects and arrays deeper than %u.",
                           limits->depth);
        if (structural > limits->structural)
            return err_set(e, ERR_INVALID, "The body has more than %u members and items.",
                           limits->structural);
    }
    return true;
}

static bool explain(struct err *e, const json_error_t *error)
{
    const char *cut = strstr(error->text, " near '");
    size_t n = strlen(error->text);

    /* The text near the fault may be a password; the name of a doubled member is what one needs. */
    switch (json_error_code(error)) {
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return err_set(e, ERR_BAD_JSON, "Line %d, column %d: \\u0000 cannot be stored.",
                       error->line, error->column);
    case json_error_invalid_utf8:
        return err_set(e, ERR_BAD_JSON, "Line %d, column %d: not UTF-8.", error->line,
                       error->column);
    case json_error_duplicate_key: break;
    default:
        if (cut != NULL)
            n = (size_t)(cut - error->text);
    }
    while (n > 0 && error->text[n - 1] == '.')
        n--;
    return err_set(e, ERR_BAD_JSON, "Line %d, column %d: %.*s.", error->line, error->column, (int)n,
                   error->text);
}

static void drop(void *json)
{
    json_decref(json);
}

json_t *body_parse_json(struct arena *a, struct span text, const struct json_limits *limits,
                        struct err *e)
{
    json_error_t error;
    json_t *tree;

    if (!scan(text, limits, e))
        return NULL;
    tree = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (tree == NULL) {
        explain(e, &error);
        return NULL;
    }
    arena_defer(a, drop, tree);
    return tree;
}
