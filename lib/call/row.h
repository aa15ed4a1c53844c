/**
 * row - rows of a result as JSON objects, without a tree.
 *
 * What does not depend on the row (names with their commas and quotes, kinds, nesting) is worked
 * out once as a list of writing orders; a row is then a walk over that list.
 */
#ifndef SLUICE_CALL_ROW_H
#define SLUICE_CALL_ROW_H

#include "base/arena.h"
#include "base/text.h"
#include "db/ask.h"
#include "json/out.h"

struct row_plan;

#define ROW_MOMENT_MAX 40

/** Writes PostgreSQL's text of a moment as RFC 3339: "2026-11-21 20:15:59.123456+00" as
 * "2026-11-21T20:15:59.123456Z". Returns its length, without a NUL; 0 for what does not look so
 * (infinity, years before Christ or beyond 9999). */
size_t row_moment(const char *s, size_t n, char to[ROW_MOMENT_MAX]);

/** Tells whether PostgreSQL's text of a number, which is not empty, is one in JSON: NaN and the
 * infinities are none. */
static inline bool row_is_number(const char *s, size_t n)
{
    return s[n - 1] >= '0' && s[n - 1] <= '9';
}

/** One member of those that a column shows. "due_at|breached?" is an array of moments of which each
 * element is a member; with a question mark, whether the element is there. They come from one look
 * where columns of their own would take one each. */
struct row_part {
    struct span name; /* as the column has it: dots nest */
    int element;      /* from 0; -1: the whole column */
    bool is_there;    /* the member tells whether the element is there */
};

/** Goes to the next part of a column's name, to the first one from *at = the name; false behind the
 * last one. A column that begins with an underscore has none. */
bool row_part_next(const char **at, struct row_part *part);

/** Returns how many parts the columns have at the most. */
size_t row_parts_most(const struct result *r);

/** Returns the name of the member that the part is or is within: what stands before the first dot.
 */
struct span row_part_top(const struct row_part *part);

/** Tells whether @fields (ending with NULL) names the part's member; NULL names all. */
bool row_part_is_wanted(const struct row_part *part, const char *const *fields);

/** Returns the text of a part of the cell @text (may be NULL), of which @n is the length then; NULL
 * for NULL. Not of a part that only is there. */
const char *row_part_text(const struct row_part *part, const char *text, size_t *n);

/** Returns the plan in the arena, or NULL past its limit. @fields as in reply_write_row(). */
const struct row_plan *row_plan_make(struct arena *a, const struct result *r,
                                     const char *const *fields);

/** Returns the plan for another result with the same columns, in the arena, or NULL past its limit;
 * both end with the first one's arena. */
const struct row_plan *row_plan_again(struct arena *a, const struct row_plan *plan,
                                      const struct result *r);

/** Writes one row as a JSON object. */
void row_write(struct out *o, const struct row_plan *plan, int row);

#endif
