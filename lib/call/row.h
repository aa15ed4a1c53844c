/**
 * row - rows of a result as JSON objects, without a tree.
 *
 * What does not depend on the row (names with their commas and quotes, kinds, nesting) is worked
 * out once as a list of writing orders; a row is then a walk over that list.
 */
#ifndef SLUICE_CALL_ROW_H
#define SLUICE_CALL_ROW_H

#include "base/arena.h"
#include "db/ask.h"
#include "json/out.h"

struct row_plan;

/** Returns the plan in the arena, or NULL past its limit. @fields as in reply_write_row(). */
const struct row_plan *row_plan_make(struct arena *a, const struct result *r,
                                     const char *const *fields);

/** Writes one row as a JSON object. */
void row_write(struct out *o, const struct row_plan *plan, int row);

#endif
