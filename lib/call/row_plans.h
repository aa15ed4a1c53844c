/**
 * row_plans - plans of rows that a worker has made: the columns of a query are the same every time.
 *
 * Of whole rows only (no chosen fields), and of as many kinds of rows as fit; none is forgotten.
 */
#ifndef SLUICE_CALL_ROW_PLANS_H
#define SLUICE_CALL_ROW_PLANS_H

#include "call/row.h"

struct row_plans;

struct row_plans *row_plans_create(void);
void row_plans_destroy(struct row_plans *p); /* accepts NULL */

/** Returns the plan of all members of the result, in the arena, or NULL past its limit. Without
 * @p it is made anew. */
const struct row_plan *row_plans_get(struct row_plans *p, struct arena *a, const struct result *r);

#endif
