#include "json/memory.h"

#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define STEP 16    /* between the sizes that malloc() has */
#define OVERHEAD 8 /* what it lacks to a multiple of them */
#define SIZES 8    /* up to 136 bytes */
#define KEPT_MAX 512

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEPS false /* a piece that is used when it was given back is to be found */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KEEPS false
#endif
#endif
#ifndef KEEPS
#define KEEPS true
#endif

struct piece {
    struct piece *next;
};

static _Thread_local struct kept {
    struct piece *first;
    unsigned n;
} kept[SIZES];
static _Thread_local bool known; /* to the system, which calls drop() when the thread ends */
static pthread_key_t at_end;

static void drop(void *of_thread)
{
    struct kept *k = of_thread;

    for (size_t i = 0; i < SIZES; i++)
        while (k[i].first != NULL) {
            struct piece *piece = k[i].first;

            k[i].first = piece->next;
            free(piece);
        }
}

/* Of pieces of 24, 40, ... 136 bytes. */
static size_t index_of(size_t size)
{
    return size <= STEP + OVERHEAD ? 0 : (size - OVERHEAD - 1) / STEP;
}

static void *take(size_t size)
{
    size_t i = index_of(size);
    void *p;

    if (i < SIZES && KEEPS) {
        struct piece *piece = kept[i].first;

        if (piece != NULL) {
            kept[i].first = piece->next;
            kept[i].n--;
            return piece;
        }
        size = (i + 1) * STEP + OVERHEAD;
    }
    p = malloc(size);
    if (p == NULL)
        abort();
    return p;
}

static void give_back(void *p)
{
    size_t size = p != NULL && KEEPS ? malloc_usable_size(p) : 0;
    size_t i = index_of(size);

    /* exactly one of ours: another size would not be found again */
    if (size != (i + 1) * STEP + OVERHEAD || i >= SIZES || kept[i].n == KEPT_MAX) {
        free(p);
        return;
    }
    if (!known)
        known = pthread_setspecific(at_end, kept) == 0;
    ((struct piece *)p)->next = kept[i].first;
    kept[i].first = p;
    kept[i].n++;
}

void json_memory_setup(void)
{
    if (pthread_key_create(&at_end, drop) != 0)
        abort();
    json_set_alloc_funcs(take, give_back);
}
