/**
 * memo - what was written of a blueprint, kept as text: most of a listing is the same every time.
 *
 * Belongs to a compiled blueprint, and so to the one worker that writes with it. Texts are kept by
 * language. A memo of NULL keeps nothing.
 */
#ifndef SLUICE_BLUEPRINT_MEMO_H
#define SLUICE_BLUEPRINT_MEMO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;
struct memo;
struct out;
struct verdict;

/** Returns an empty memo that ends with the arena, or NULL past its limit. */
struct memo *memo_create(struct arena *a);

/** Writes what is kept for the language. False: nothing is. */
bool memo_write(const struct memo *m, struct out *o, const char *language);

/** Keeps what was written since the buffer had @from bytes. */
void memo_keep(struct memo *m, const struct out *o, size_t from, const char *language);

/** The same for a leaf: what is kept holds for a verdict that found the same. */
bool memo_write_verdict(const struct memo *m, const struct verdict *v, struct out *o,
                        const char *language);
void memo_keep_verdict(struct memo *m, const struct verdict *v, const struct out *o, size_t from,
                       const char *language);

#endif
