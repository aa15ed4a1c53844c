/**
 * tree - a row of a result as a tree of JSON, for decisions that look into it by path.
 *
 * What PostgreSQL has as columns needs no text of JSON on its way: making it and reading it again
 * costs both sides more than the row.
 */
#ifndef SLUICE_CALL_TREE_H
#define SLUICE_CALL_TREE_H

#include <jansson.h>
#include <stdbool.h>

#include "db/ask.h"

/** Returns an object of the columns whose names begin with @prefix, under what follows it; the
 * values are those that row_write() shows. A dot nests; a group whose first column is NULL is left
 * out, and so is every NULL. @wanted has an item for each column; the others are left out (NULL:
 * none). NULL when a column of JSON holds none. The caller gives it back. */
json_t *row_tree(const struct result *r, int row, const char *prefix, const bool *wanted);

#endif
