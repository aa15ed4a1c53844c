/**
 * arena - memory with the lifetime of one call.
 *
 * Everything handed out dies together in arena_done(); nothing is freed one by one. A limit turns a
 * greedy request into an error instead of a dead daemon; a malloc() failure below the limit aborts.
 * Not thread-safe: an arena belongs to one worker. Built with -Dparanoid=true each block is a
 * malloc of its own, so that sanitizers and valgrind see overruns that a bump allocator hides.
 */
#ifndef SLUICE_BASE_ARENA_H
#define SLUICE_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_chunk;
struct arena_hook;

struct arena {
    struct arena_chunk *chunks;
    struct arena_hook *hooks;
    size_t used;
    size_t limit;
};

/** Starts an empty arena that refuses to hold more than @limit bytes. Cannot fail. */
void arena_init(struct arena *a, size_t limit);

/** Runs the hooks, newest first, then frees every chunk. Accepts a zeroed arena; leaves it empty.
 */
void arena_done(struct arena *a);

/** Returns @size zeroed bytes aligned for any type, or NULL when that would pass the limit. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((warn_unused_result));

/** Returns a NUL-terminated copy of @len bytes at @text, or NULL past the limit. */
char *arena_copy(struct arena *a, const char *text, size_t len) __attribute__((warn_unused_result));

/** Returns a copy of the string @text (NULL gives NULL), or NULL past the limit. */
char *arena_strdup(struct arena *a, const char *text) __attribute__((warn_unused_result));

/** Returns the formatted string, or NULL past the limit. */
char *arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));

/** Ties a foreign object (PGresult, json_t) to the arena: fn(arg) runs once, in arena_done(). */
void arena_defer(struct arena *a, void (*fn)(void *), void *arg);

#endif
