#include "http/target.h"

#include <stdint.h>
#include <string.h>

/* RFC 3986 section 3.3: what may stand in a path without being escaped */
static const bool path_chars[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true,
    ['.'] = true,         ['_'] = true,         ['~'] = true,         ['!'] = true,
    ['$'] = true,         ['&' ... ','] = true, [';'] = true,         ['='] = true,
    [':'] = true,         ['@'] = true,         ['%'] = true,         ['/'] = true,
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns the byte that the escape at @text stands for, or -1. */
static int unescape(const char *text, size_t n)
{
    int high, low;

    if (n < 3)
        return -1;
    high = hex_value(text[1]);
    low = hex_value(text[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Decodes @n bytes in place and ends them with a NUL; text[n] is a separator that was read
 * already, or the byte behind the target. Returns the reason of a refusal, or NULL. */
static const char *decode(char *text, size_t n, bool query, size_t *ret_n)
{
    size_t to = 0;
    int seen = 0;

    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)text[i];

        if (c == '%') {
            c = unescape(text + i, n - i);
            if (c < 0)
                return "the target has a \"%\" that two hex digits do not follow";
            i += 2;
            if (c == 0 || (!query && (c < 0x20 || c == 0x7f)))
                return "the target has an escaped control byte";
        } else if (c == '+' && query) {
            c = ' ';
        }
        seen |= c;
        text[to++] = (char)c;
    }
    text[to] = '\0';
    if (seen >= 0x80 && !text_is_utf8(text, to))
        return "the target is not UTF-8 when decoded";
    *ret_n = to;
    return NULL;
}

static const char *parse_path(char *text, size_t n, struct target *t)
{
    size_t start = 1;

    for (size_t i = 0; i < n; i++)
        if (!path_chars[(uint8_t)text[i]])
            return "the path has a character that must be escaped";
    if (n == 1)
        return NULL;
    for (size_t i = 1; i <= n; i++) {
        struct span s = {text + start, 0};
        const char *why;

        if (i < n && text[i] != '/')
            continue;
        if (i == start && i < n)
            return "the path has an empty segment";
        why = decode(text + start, i - start, false, &s.n);
        if (why != NULL)
            return why;
        if (t->nsegments < TARGET_SEGMENTS_MAX)
            t->segments[t->nsegments] = s;
        t->nsegments++;
        start = i + 1;
    }
    return NULL;
}

static const char *parse_pair(char *text, size_t n, struct target *t)
{
    char *equal = memchr(text, '=', n);
    size_t name = equal == NULL ? n : (size_t)(equal - text), ignored;
    const char *why;

    if (name == 0)
        return "a query parameter has no name";
    if (t->npairs == TARGET_PAIRS_MAX)
        return "the query has too many parameters";
    t->pairs[2 * t->npairs] = text;
    t->pairs[2 * t->npairs + 1] = equal == NULL ? "" : equal + 1;
    t->npairs++;
    if (equal != NULL) {
        why = decode(equal + 1, n - name - 1, true, &ignored);
        if (why != NULL)
            return why;
    }
    return decode(text, name, true, &ignored);
}

static const char *parse_query(char *text, size_t n, struct target *t)
{
    size_t start = 0;

    for (size_t i = 0; i <= n; i++) {
        const char *why;

        if (i < n && text[i] == '#')
            return "the target has a fragment";
        if (i < n && text[i] != '&')
            continue;
        why = i > start ? parse_pair(text + start, i - start, t) : NULL;
        if (why != NULL)
            return why;
        start = i + 1;
    }
    return NULL;
}

/* "http://host/path": leaves @text and @n on the path, which may be empty. */
static const char *take_authority(char **text, size_t *n, struct target *t)
{
    static const struct span schemes[] = {{"http://", 7}, {"https://", 8}};

    for (unsigned i = 0; i < 2; i++) {
        struct span s = schemes[i];
        size_t len = 0;

        if (*n <= s.n || !span_is_nocase((struct span){*text, s.n}, s.p))
            continue;
        *text += s.n;
        *n -= s.n;
        while (len < *n && (*text)[len] != '/' && (*text)[len] != '?' && (*text)[len] != '#')
            len++;
        t->authority = (struct span){*text, len};
        *text += len;
        *n -= len;
        return NULL;
    }
    return "the target starts neither with \"/\" nor with \"http://\"";
}

static const char *parse_origin(char *text, size_t n, struct target *t)
{
    char *mark = memchr(text, '?', n);
    size_t path = mark == NULL ? n : (size_t)(mark - text);
    const char *why;

    if (path > 1 && text[1] == '/')
        return "the path starts with \"//\"";
    if (memchr(text, '#', path) != NULL)
        return "the target has a fragment";
    if (path > 0) {
        why = parse_path(text, path, t);
        if (why != NULL)
            return why;
    }
    return mark == NULL ? NULL : parse_query(mark + 1, n - path - 1, t);
}

const char *target_parse(char *text, size_t n, struct target *ret)
{
    const char *why = NULL;

    ret->authority = (struct span){NULL, 0};
    ret->asterisk = n == 1 && text[0] == '*';
    ret->nsegments = 0;
    ret->npairs = 0;
    if (!ret->asterisk && (n == 0 || text[0] != '/'))
        why = take_authority(&text, &n, ret);
    if (why == NULL && !ret->asterisk)
        why = parse_origin(text, n, ret);
    ret->pairs[2 * ret->npairs] = NULL;
    return why;
}

void target_write(const struct target *t, struct buf *b)
{
    for (unsigned i = 0; i < t->nsegments && i < TARGET_SEGMENTS_MAX; i++) {
        buf_putc(b, '/');
        buf_add(b, t->segments[i].p, t->segments[i].n);
    }
    if (t->nsegments > TARGET_SEGMENTS_MAX)
        buf_puts(b, "/...");
    if (t->nsegments == 0)
        buf_putc(b, '/');
}
