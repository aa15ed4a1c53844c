#include "json/out.h"

#include <string.h>

#define DEPTH_MAX 64
#define REAL_MAX 64

void out_init(struct out *o, struct buf *buf)
{
    *o = (struct out){.buf = buf};
}

/* Writes the comma that is due before a value or key. */
static inline void separate(struct out *o)
{
    uint64_t bit;

    if (o->keyed) {
        o->keyed = false;
        return;
    }
    if (o->depth == 0 || o->depth > DEPTH_MAX)
        return;
    bit = UINT64_C(1) << (o->depth - 1);
    if ((o->comma & bit) != 0)
        buf_putc(o->buf, ',');
    o->comma |= bit;
}

static void open(struct out *o, char bracket)
{
    separate(o);
    buf_putc(o->buf, bracket);
    if (o->depth < DEPTH_MAX)
        o->comma &= ~(UINT64_C(1) << o->depth);
    else
        o->buf->failed = true;
    o->depth++;
}

static void close(struct out *o, char bracket)
{
    buf_putc(o->buf, bracket);
    o->depth--;
    o->keyed = false;
}

void out_object(struct out *o)
{
    open(o, '{');
}

void out_object_end(struct out *o)
{
    close(o, '}');
}

void out_array(struct out *o)
{
    open(o, '[');
}

void out_array_end(struct out *o)
{
    close(o, ']');
}

/* 0: as it is; 'u': \u00XX; else the letter behind the backslash */
static const char escapes[256] = {
    ['\b'] = 'b',  ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"',
    ['\\'] = '\\', [0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u', [0x04] = 'u',
    [0x05] = 'u',  [0x06] = 'u', [0x07] = 'u', [0x0b] = 'u', [0x0e] = 'u', [0x0f] = 'u',
    [0x10] = 'u',  [0x11] = 'u', [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',
    [0x16] = 'u',  [0x17] = 'u', [0x18] = 'u', [0x19] = 'u', [0x1a] = 'u', [0x1b] = 'u',
    [0x1c] = 'u',  [0x1d] = 'u', [0x1e] = 'u', [0x1f] = 'u', [0x7f] = 'u',
};

#define BYTES(c) (UINT64_C(0x0101010101010101) * (c))

/* Tells whether any of the eight bytes is below 0x20, a quote, a backslash or DEL. */
static inline bool wants_escape(uint64_t w)
{
    uint64_t quote = w ^ BYTES('"'), slash = w ^ BYTES('\\'), del = w ^ BYTES(0x7f);
    uint64_t found = ((w - BYTES(0x20)) & ~w) | ((quote - BYTES(1)) & ~quote) |
                     ((slash - BYTES(1)) & ~slash) | ((del - BYTES(1)) & ~del);

    return (found & BYTES(0x80)) != 0;
}

/* Returns how many bytes at the start need no escape. */
static size_t plain_run(const unsigned char *p, size_t n)
{
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        uint64_t word;

        memcpy(&word, p + i, 8);
        if (wants_escape(word))
            break;
    }
    while (i < n && escapes[p[i]] == 0)
        i++;
    return i;
}

static void add_escape(struct buf *b, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char letter = escapes[c];

    if (letter == 'u')
        buf_add(b, (const char[]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]}, 6);
    else
        buf_add(b, (const char[]){'\\', letter}, 2);
}

/* Writes the text in quotes and then @tail (0 for none): one reservation when nothing is to be
 * escaped. */
static void add_quoted(struct buf *b, const char *text, size_t n, char tail)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t run = plain_run(p, n);

    if (run == n && n < SIZE_MAX - 4) {
        char *at;

        if (!buf_reserve(b, n + 3))
            return;
        at = b->text + b->len;
        *at++ = '"';
        if (n > 0)
            memcpy(at, text, n);
        at += n;
        *at++ = '"';
        if (tail != '\0')
            *at++ = tail;
        *at = '\0';
        b->len = (size_t)(at - b->text);
        return;
    }
    buf_putc(b, '"');
    for (;;) {
        buf_add(b, p, run);
        if (run == n)
            break;
        add_escape(b, p[run]);
        p += run + 1;
        n -= run + 1;
        run = plain_run(p, n);
    }
    buf_putc(b, '"');
    if (tail != '\0')
        buf_putc(b, tail);
}

void out_key(struct out *o, const char *key)
{
    separate(o);
    add_quoted(o->buf, key, strlen(key), ':');
    o->keyed = true;
}

void out_string(struct out *o, const char *text)
{
    if (text == NULL)
        out_null(o);
    else
        out_string_n(o, text, strlen(text));
}

void out_string_n(struct out *o, const char *text, size_t n)
{
    separate(o);
    add_quoted(o->buf, text, n, '\0');
}

void out_raw(struct out *o, const char *json, size_t n)
{
    separate(o);
    buf_add(o->buf, json, n);
}

static void add_int(struct buf *b, int64_t n)
{
    char digits[20], *at = digits + sizeof(digits);
    uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (n < 0)
        *--at = '-';
    buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

void out_int(struct out *o, int64_t n)
{
    separate(o);
    add_int(o->buf, n);
}

void out_bool(struct out *o, bool b)
{
    out_raw(o, b ? "true" : "false", b ? 4 : 5);
}

void out_null(struct out *o)
{
    out_raw(o, "null", 4);
}

static void add_tree(struct buf *b, const json_t *v);

static void add_members(struct buf *b, json_t *object)
{
    char before = '{';

    for (void *i = json_object_iter(object); i != NULL; i = json_object_iter_next(object, i)) {
        buf_putc(b, before);
        add_quoted(b, json_object_iter_key(i), json_object_iter_key_len(i), ':');
        add_tree(b, json_object_iter_value(i));
        before = ',';
    }
    if (before == '{')
        buf_putc(b, '{');
    buf_putc(b, '}');
}

static void add_items(struct buf *b, const json_t *array)
{
    buf_putc(b, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0)
            buf_putc(b, ',');
        add_tree(b, json_array_get(array, i));
    }
    buf_putc(b, ']');
}

static void add_real(struct buf *b, const json_t *v)
{
    char text[REAL_MAX];
    size_t n = json_dumpb(v, text, sizeof(text), JSON_ENCODE_ANY);

    if (n == 0 || n > sizeof(text))
        b->failed = true;
    else
        buf_add(b, text, n);
}

/* As deep as the tree, which whoever read it has limited. */
static void add_tree(struct buf *b, const json_t *v)
{
    switch (v == NULL ? JSON_NULL : json_typeof(v)) {
    case JSON_OBJECT: add_members(b, (json_t *)v); return;
    case JSON_ARRAY: add_items(b, v); return;
    case JSON_STRING: add_quoted(b, json_string_value(v), json_string_length(v), '\0'); return;
    case JSON_INTEGER: add_int(b, json_integer_value(v)); return;
    case JSON_REAL: add_real(b, v); return;
    case JSON_TRUE: buf_add(b, "true", 4); return;
    case JSON_FALSE: buf_add(b, "false", 5); return;
    case JSON_NULL: buf_add(b, "null", 4); return;
    }
}

void out_tree(struct out *o, const json_t *tree)
{
    separate(o);
    add_tree(o->buf, tree);
}

void out_member(struct out *o, const char *key, const char *text)
{
    if (text == NULL)
        return;
    out_key(o, key);
    out_string(o, text);
}

void out_member_raw(struct out *o, const char *key, const char *json)
{
    if (json == NULL)
        return;
    out_key(o, key);
    out_raw(o, json, strlen(json));
}
