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

bool buf_grow(struct buf *b, size_t more)
{
    size_t need, size;
    char *text;

    if (b->failed)
        return false;
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

bool buf_puts(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
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
