/**
 * buf - growable bytes with a mandatory maximum.
 *
 * Appending past the maximum sets a sticky `failed` mark and drops the bytes, so that a writer may
 * append many things and check once. The text is always NUL-terminated. malloc() failure aborts.
 */
#ifndef SLUICE_BASE_BUF_H
#define SLUICE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buf {
    char *text;
    size_t len;
    size_t size;
    size_t max;
    bool failed;
};

/** Starts an empty buffer that refuses to grow past @max bytes. Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);

/** Frees the bytes. Accepts a zeroed buffer; leaves it empty. */
void buf_done(struct buf *b);

/** Forgets the content and the failure, keeps the memory. */
void buf_clear(struct buf *b);

/** Makes room where there is none: buf_reserve() calls it. */
bool buf_grow(struct buf *b, size_t more);

/** Makes room for @more bytes behind the text, so that a writer may fill them in place and then add
 * to `len`; returns false (and marks the buffer failed) past the maximum. Here, as the next two,
 * because a reply is hundreds of small pieces. */
static inline bool buf_reserve(struct buf *b, size_t more)
{
    /* size never passes max + 1, so room in the memory is room below the maximum */
    return (!b->failed && b->size > b->len && b->size - b->len > more) || buf_grow(b, more);
}

/** Appends @len bytes; returns false (and marks the buffer failed) past the maximum. */
static inline bool buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (!buf_reserve(b, len))
        return false;
    if (len > 0)
        memcpy(b->text + b->len, bytes, len);
    b->len += len;
    b->text[b->len] = '\0';
    return true;
}

/** Appends one byte. */
static inline bool buf_putc(struct buf *b, char c)
{
    if (!buf_reserve(b, 1))
        return false;
    b->text[b->len++] = c;
    b->text[b->len] = '\0';
    return true;
}

/** Appends a NUL-terminated string. */
bool buf_puts(struct buf *b, const char *text);

/** Appends formatted text. */
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Returns the text (empty string when nothing was added), owned by the buffer. */
const char *buf_text(const struct buf *b);

/** Gives the malloc()ed bytes to the caller, who frees them, and empties the buffer. */
char *buf_take(struct buf *b, size_t *ret_len);

#endif
