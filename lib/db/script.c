#include "db/script.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

unsigned script_line_of_character(const char *text, unsigned long position)
{
    unsigned line = 1;

    for (; *text != '\0' && position > 1; text++) {
        line += *text == '\n';
        position -= ((unsigned char)text[1] & 0xc0) != 0x80; /* the next byte begins a code point */
    }
    return line;
}

static const char *skip_to(const char *p, const char *end)
{
    const char *found = strstr(p, end);

    return found == NULL ? p + strlen(p) : found + strlen(end);
}

/* Comments nest. @p stands behind the first opening. */
static const char *skip_comment(const char *p)
{
    unsigned depth = 1;

    while (*p != '\0' && depth > 0) {
        if (strncmp(p, "/*", 2) == 0 || strncmp(p, "*/", 2) == 0) {
            depth += *p == '/' ? 1U : -1U;
            p++;
        }
        p++;
    }
    return p;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* $$...$$ or $tag$...$tag$; a lone $ is one character. */
static const char *skip_dollar(const char *p)
{
    size_t n = 1;
    const char *q;

    while (is_word(p[n]))
        n++;
    if (p[n] != '$' || isdigit((unsigned char)p[1]))
        return p + 1;
    n++;
    for (q = p + n; *q != '\0'; q++)
        if (strncmp(q, p, n) == 0)
            return q + n;
    return q;
}

/* Returns the place behind white space, a comment or a quoted thing at @p; @p itself if none is
 * there. */
static const char *skip_quoted(const char *p)
{
    if (strncmp(p, "--", 2) == 0)
        return skip_to(p, "\n");
    if (strncmp(p, "/*", 2) == 0)
        return skip_comment(p + 2);
    if (*p == '\'')
        return skip_to(p + 1, "'"); /* a doubled quote begins the next one */
    if (*p == '"')
        return skip_to(p + 1, "\"");
    if (*p == '$')
        return skip_dollar(p);
    return p;
}

static const char *skip_blank(const char *p)
{
    for (;;) {
        const char *before = p;

        while (isspace((unsigned char)*p))
            p++;
        if (strncmp(p, "--", 2) == 0 || strncmp(p, "/*", 2) == 0)
            p = skip_quoted(p);
        if (p == before)
            return p;
    }
}

static bool word_is(const char *p, size_t n, const char *word)
{
    return n == strlen(word) && strncasecmp(p, word, n) == 0;
}

/* How deep the text is in parentheses and in "begin atomic ... end" with its cases. */
struct depth {
    int parentheses, blocks;
};

static const char *skip_word(const char *p, struct depth *d)
{
    size_t n = 0;
    bool opens;

    while (is_word(p[n]))
        n++;
    opens = word_is(p, n, "begin") && strncasecmp(skip_blank(p + n), "atomic", 6) == 0;
    if (opens || (d->blocks > 0 && word_is(p, n, "case")))
        d->blocks++;
    else if (d->blocks > 0 && word_is(p, n, "end"))
        d->blocks--;
    return p + n;
}

/* Returns the place behind the statement that begins at @p. */
static const char *skip_statement(const char *p)
{
    struct depth d = {0, 0};

    while (*p != '\0') {
        const char *q = skip_quoted(p);

        if (q != p) {
            p = q;
            continue;
        }
        if (is_word(*p)) {
            p = skip_word(p, &d);
            continue;
        }
        if (*p == ';' && d.parentheses <= 0 && d.blocks == 0)
            return p + 1;
        d.parentheses += (*p == '(') - (*p == ')');
        p++;
    }
    return p;
}

unsigned script_line_of_statement(const char *text, unsigned index)
{
    const char *p = skip_blank(text);
    unsigned line = 1;

    while (*p != '\0') {
        if (*p == ';') { /* an empty statement gives no result */
            p = skip_blank(p + 1);
            continue;
        }
        if (index-- == 0)
            break;
        p = skip_blank(skip_statement(p));
    }
    for (; text < p; text++)
        line += *text == '\n';
    return line;
}
