/* writing YAML */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json/yaml.h"

#define LINE_MAX_WIDTH 100
#define FLOW_MAX 4096 /* bytes of a line that is tried */

/* What is a letter anywhere in a plain text, and nothing in YAML. */
static bool is_plain_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr(" _-./()+;!?", c) != NULL || c >= 0x80;
}

/* Characters that are not printed, or end a line somewhere: C1, U+2028, U+2029, U+FEFF, U+FFFE. */
static bool is_hidden(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    if (u[0] == 0xC2)
        return u[1] <= 0xA0;
    if (u[0] == 0xE2)
        return u[1] == 0x80 && (u[2] == 0xA8 || u[2] == 0xA9);
    return u[0] == 0xEF && (u[1] == 0xBB || u[1] == 0xBF) && u[2] >= 0xBE;
}

/* Words that some reader takes for something else than a text. */
static bool is_reserved(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",  "on",
                                        "off",  "y",    "n",     "nan", "inf", NULL};

    for (const char *const *w = words; *w != NULL; w++)
        if (strcasecmp(*w, text) == 0)
            return true;
    return false;
}

static bool is_plain(const char *text, size_t n)
{
    bool letter = (text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z') ||
                  text[0] == '_' || (unsigned char)text[0] >= 0x80;

    if (n == 0 || !letter || text[n - 1] == ' ' || strlen(text) != n || is_reserved(text))
        return false;
    for (const char *p = text; *p != '\0'; p++)
        if (!is_plain_byte((unsigned char)*p) || is_hidden(p))
            return false;
    return true;
}

/* Returns the code point of a hidden character and its length; 0 for others. */
static unsigned hidden_code(const char *p, size_t *length)
{
    const unsigned char *u = (const unsigned char *)p;

    if (u[0] < 0x20 || u[0] == 0x7F) {
        *length = 1;
        return u[0];
    }
    if (u[0] < 0x80 || !is_hidden(p))
        return 0;
    *length = u[0] == 0xC2 ? 2 : 3;
    return u[0] == 0xC2 ? (u[0] & 0x1FU) << 6 | (u[1] & 0x3FU)
                        : (u[0] & 0x0FU) << 12 | (u[1] & 0x3FU) << 6 | (u[2] & 0x3FU);
}

static void write_quoted(struct buf *b, const char *text, size_t n)
{
    buf_putc(b, '"');
    for (size_t i = 0; i < n; i++) {
        size_t length = 1;
        unsigned code = hidden_code(text + i, &length);

        if (text[i] == '"' || text[i] == '\\')
            buf_printf(b, "\\%c", text[i]);
        else if (text[i] == '\n')
            buf_puts(b, "\\n");
        else if (code != 0 || text[i] == '\0')
            buf_printf(b, "\\u%04x", code);
        else
            buf_putc(b, text[i]);
        i += length - 1;
    }
    buf_putc(b, '"');
}

static void write_text(struct buf *b, const char *text, size_t n)
{
    if (is_plain(text, n))
        buf_add(b, text, n);
    else
        write_quoted(b, text, n);
}

static void write_scalar(struct buf *b, const json_t *v)
{
    char *text;

    if (json_is_string(v)) {
        write_text(b, json_string_value(v), json_string_length(v));
        return;
    }
    text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    buf_puts(b, text != NULL ? text : "null");
    free(text);
}

static size_t size_of(const json_t *v)
{
    return json_is_object(v) ? json_object_size(v) : json_array_size(v);
}

static bool is_leaf(const json_t *v)
{
    return !json_is_object(v) && !json_is_array(v);
}

/* on one line */

static void write_flow(struct buf *b, const json_t *v)
{
    const char *comma = "", *key;
    json_t *item;
    size_t i;

    if (is_leaf(v)) {
        write_scalar(b, v);
        return;
    }
    buf_putc(b, json_is_object(v) ? '{' : '[');
    json_object_foreach ((json_t *)v, key, item) {
        buf_puts(b, comma);
        write_text(b, key, strlen(key));
        buf_puts(b, ": ");
        write_flow(b, item);
        comma = ", ";
    }
    json_array_foreach (v, i, item) {
        buf_puts(b, comma);
        write_flow(b, item);
        comma = ", ";
    }
    buf_putc(b, json_is_object(v) ? '}' : ']');
}

/* A line takes scalars and lists of them. */
static bool is_small(const json_t *v)
{
    const char *key;
    json_t *item, *inner;
    size_t i, k;

    json_array_foreach (v, i, item)
        if (!is_leaf(item))
            return false;
    json_object_foreach ((json_t *)v, key, item) {
        if (json_is_object(item) && json_object_size(item) > 0)
            return false;
        json_array_foreach (item, k, inner)
            if (!is_leaf(inner))
                return false;
    }
    return true;
}

/* Writes the value behind what stands on the line already, if it has room there. */
static bool try_flow(struct buf *b, const json_t *v, size_t column)
{
    struct buf line;
    bool fits;

    if (size_of(v) > 0 && !is_small(v))
        return false;
    buf_init(&line, FLOW_MAX);
    write_flow(&line, v);
    fits = size_of(v) == 0 || is_leaf(v) || (!line.failed && column + line.len <= LINE_MAX_WIDTH);
    if (fits && !line.failed)
        buf_add(b, buf_text(&line), line.len);
    else if (fits)
        write_flow(b, v);
    buf_done(&line);
    return fits;
}

/* in blocks */

static void indent(struct buf *b, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        buf_puts(b, "  ");
}

static void write_block(struct buf *b, const json_t *v, unsigned depth);

static void write_item(struct buf *b, const json_t *item, unsigned depth)
{
    indent(b, depth);
    buf_puts(b, "- ");
    if (try_flow(b, item, 2 * (size_t)depth + 2))
        buf_putc(b, '\n');
    else
        write_block(b, item, depth + 1);
}

static void write_member(struct buf *b, const char *key, const json_t *v, unsigned depth)
{
    write_text(b, key, strlen(key));
    buf_putc(b, ':');
    buf_putc(b, ' ');
    if (try_flow(b, v, 2 * (size_t)depth + strlen(key) + 2)) {
        buf_putc(b, '\n');
        return;
    }
    if (b->failed)
        return;
    b->text[b->len - 1] = '\n'; /* the space before what goes to the next line */
    if (json_is_object(v))
        indent(b, depth + 1);
    write_block(b, v, depth + 1);
}

/* The first line is indented already when it is a mapping's; those of a list never are. */
static void write_block(struct buf *b, const json_t *v, unsigned depth)
{
    bool first = true;
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_array(v) && depth > 0 && !b->failed && b->text[b->len - 1] == ' ')
        b->text[b->len - 1] = '\n'; /* a list in a list begins on a line of its own */
    json_array_foreach (v, i, item)
        write_item(b, item, depth);
    json_object_foreach ((json_t *)v, key, item) {
        if (!first)
            indent(b, depth);
        write_member(b, key, item, depth);
        first = false;
    }
}

void yaml_write(struct buf *b, const json_t *value)
{
    if (!is_leaf(value) && size_of(value) > 0) {
        write_block(b, value, 0);
        return;
    }
    write_flow(b, value);
    buf_putc(b, '\n');
}
