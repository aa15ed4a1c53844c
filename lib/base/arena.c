#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT alignof(max_align_t)
#define CHUNK_FIRST 4096
#define CHUNK_LAST 65536

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of bytes[] */
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena_hook {
    struct arena_hook *next;
    void (*fn)(void *);
    void *arg;
};

static struct arena_chunk *chunk_create(size_t size)
{
    struct arena_chunk *chunk = malloc(sizeof(*chunk) + size);

    if (chunk == NULL)
        abort();
    chunk->next = NULL;
    chunk->size = size;
    chunk->used = 0;
    return chunk;
}

#ifdef ARENA_PARANOID

/* One malloc per block, exactly as long as was asked for: the byte behind it is poisoned. */
static void *take(struct arena *a, size_t size, size_t rounded)
{
    struct arena_chunk *chunk = chunk_create(size);

    (void)rounded;
    chunk->used = size;
    chunk->next = a->chunks;
    a->chunks = chunk;
    return chunk->bytes;
}

#else

/* A block that would waste much of the current chunk gets one of its own, put behind the current
 * one. */
static void *take_slowly(struct arena *a, size_t rounded)
{
    struct arena_chunk *head = a->chunks, *chunk;
    size_t size = CHUNK_FIRST;

    if (head != NULL && rounded > head->size / 4) {
        chunk = chunk_create(rounded);
        chunk->used = rounded;
        chunk->next = head->next;
        head->next = chunk;
        return chunk->bytes;
    }
    if (head != NULL)
        size = head->size < CHUNK_LAST / 2 ? head->size * 2 : CHUNK_LAST;
    if (size < rounded)
        size = rounded;
    chunk = chunk_create(size);
    chunk->used = rounded;
    chunk->next = head;
    a->chunks = chunk;
    return chunk->bytes;
}

static inline void *take(struct arena *a, size_t size, size_t rounded)
{
    struct arena_chunk *head = a->chunks;
    void *p;

    (void)size;
    if (head == NULL || head->size - head->used < rounded)
        return take_slowly(a, rounded);
    p = head->bytes + head->used;
    head->used += rounded;
    return p;
}

#endif

/* The limit counts what the blocks occupy, so that many tiny ones cannot slip past it. */
static inline void *alloc_raw(struct arena *a, size_t size)
{
    size_t left = a->limit - a->used;
    size_t rounded;

    if (size > left || size > SIZE_MAX / 2)
        return NULL;
    rounded = size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (rounded > left)
        return NULL;
    a->used += rounded;
    return take(a, size, rounded);
}

void arena_init(struct arena *a, size_t limit)
{
    *a = (struct arena){.limit = limit};
}

void arena_done(struct arena *a)
{
    /* A hook may defer another one: take them off one at a time. */
    while (a->hooks != NULL) {
        struct arena_hook *hook = a->hooks;

        a->hooks = hook->next;
        hook->fn(hook->arg);
    }
    while (a->chunks != NULL) {
        struct arena_chunk *chunk = a->chunks;

        a->chunks = chunk->next;
        free(chunk);
    }
    a->used = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    void *p = alloc_raw(a, size);

    if (p != NULL)
        memset(p, 0, size);
    return p;
}

char *arena_copy(struct arena *a, const char *text, size_t len)
{
    char *copy;

    if (len == SIZE_MAX)
        return NULL;
    copy = alloc_raw(a, len + 1);
    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return text == NULL ? NULL : arena_copy(a, text, strlen(text));
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    char small[512];
    va_list args;
    char *text;
    int n;

    va_start(args, format);
    n = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (n < 0)
        return NULL;
    if ((size_t)n < sizeof(small))
        return arena_copy(a, small, (size_t)n);

    text = alloc_raw(a, (size_t)n + 1);
    if (text == NULL)
        return NULL;
    va_start(args, format);
    (void)vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

void arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
    /* Not counted: refusing to free something because the arena is full would be a leak. */
    struct arena_hook *hook =
        take(a, sizeof(*hook), (sizeof(*hook) + ALIGNMENT - 1) & ~(ALIGNMENT - 1));

    *hook = (struct arena_hook){.next = a->hooks, .fn = fn, .arg = arg};
    a->hooks = hook;
}
