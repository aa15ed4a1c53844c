#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 256

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max < SIZE_MAX ? max : SIZE_MAX - 1};
}

void buf_done(struct buf *b)
{
    free(b->text);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->text != NULL)
        b->text[0] = '\0';
}

static bool grow(struct buf *b, size_t more)
{
    size_t need, size;
    char *text;

    if (more > b->max - b->len) {
        b->failed = true;
        return false;
    }
    need = b->len + more + 1;
    size = b->size < BUF_FIRST ? BUF_FIRST : b->size;
    while (size < need)
        size = size <= SIZE_MAX / 2 ? size * 2 : need;
    if (size > b->max + 1)
        size = b->max + 1;
    text = realloc(b->text, size);
    if (text == NULL)
        abort();
    text[b->len] = '\0';
    b->text = text;
    b->size = size;
    return true;
}

/* size never passes max + 1, so room in the memory is room below the maximum */
bool buf_reserve(struct buf *b, size_t more)
{
    if (b->failed)
        return false;
    if (b->size > b->len && b->size - b->len > more)
        return true;
    return grow(b, more);
}

bool buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (!buf_reserve(b, len))
        return false;
    if (len > 0)
        memcpy(b->text + b->len, bytes, len);
    b->len += len;
    b->text[b->len] = '\0';
    return true;
}

bool buf_puts(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
}

bool buf_putc(struct buf *b, char c)
{
    if (!buf_reserve(b, 1))
        return false;
    b->text[b->len++] = c;
    b->text[b->len] = '\0';
    return true;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    size_t room;
    int n;

    if (!buf_reserve(b, 0))
        return false;
    room = b->size - b->len;
    va_start(args, format);
    n = vsnprintf(b->text + b->len, room, format, args);
    va_end(args);
    if (n < 0) {
        b->text[b->len] = '\0';
        b->failed = true;
        return false;
    }
    if ((size_t)n >= room) {
        b->text[b->len] = '\0';
        if (!buf_reserve(b, (size_t)n))
            return false;
        va_start(args, format);
        (void)vsnprintf(b->text + b->len, (size_t)n + 1, format, args);
        va_end(args);
    }
    b->len += (size_t)n;
    return true;
}

const char *buf_text(const struct buf *b)
{
    return b->text != NULL ? b->text : "";
}

char *buf_take(struct buf *b, size_t *ret_len)
{
    char *text = b->text;

    if (text == NULL) {
        text = calloc(1, 1);
        if (text == NULL)
            abort();
    }
    if (ret_len != NULL)
        *ret_len = b->len;
    *b = (struct buf){.max = b->max};
    return text;
}
