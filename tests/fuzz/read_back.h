/**
 * read_back - reads JSON that was written by what is fuzzed.
 *
 * The reader is not what is tested, and a sanitized malloc() and free() of each value took a third
 * of the time: the tree lies in a pool.
 */
#ifndef SLUICE_FUZZ_READ_BACK_H
#define SLUICE_FUZZ_READ_BACK_H

#include <jansson.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>

static alignas(max_align_t) unsigned char read_back_pool[(size_t)64 << 20];
static size_t read_back_used;

static inline void *read_back_take(size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    unsigned char *p = read_back_pool + read_back_used;

    if (rounded > sizeof(read_back_pool) - read_back_used)
        abort();
    read_back_used += rounded;
    return p;
}

static inline void read_back_leave(void *p)
{
    (void)p;
}

/** Returns the tree, which is there until the next one is read and is never given back, or NULL.
 * @flags: of json_loadb(). */
static inline const json_t *read_back(const char *text, size_t n, size_t flags)
{
    json_malloc_t take;
    json_free_t leave;
    json_t *tree;

    json_get_alloc_funcs(&take, &leave);
    json_set_alloc_funcs(read_back_take, read_back_leave);
    read_back_used = 0;
    tree = json_loadb(text, n, flags, NULL);
    json_set_alloc_funcs(take, leave);
    return tree;
}

#endif
