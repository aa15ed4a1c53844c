/**
 * pgarray - one-dimensional PostgreSQL arrays in text form: {a,"b c",NULL}.
 */
#ifndef SLUICE_CALL_PGARRAY_H
#define SLUICE_CALL_PGARRAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct arena;

struct pgarray {
    const char *p;
};

/** Starts reading the text. */
struct pgarray pgarray_over(const char *text);

/** Puts the next element into @item (cleared first) and tells whether there was one; @is_null for
 * NULL. */
bool pgarray_next(struct pgarray *a, struct buf *item, bool *is_null);

/** Returns the elements that are not NULL, ending with NULL, in the arena; NULL past its limit. */
const char *const *pgarray_strings(struct arena *arena, const char *text);

/** Appends one element of an array literal, quoted and escaped. */
void pgarray_quote(struct buf *b, const char *text);

#endif
