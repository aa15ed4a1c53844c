/**
 * schema_fault - what a schema check says about a fault: where it is, what was sent, what would do.
 *
 * The schema check's own; nobody else includes it.
 */
#ifndef SLUICE_JSON_SCHEMA_FAULT_H
#define SLUICE_JSON_SCHEMA_FAULT_H

#include <stddef.h>

#include "json/schema.h"

/* Where the check stands: the members and items that led there, newest first. Costs nothing until
 * there is a fault. */
struct place {
    const struct place *up;
    const char *key; /* NULL: an item */
    size_t index;
};

/** One run of a check: where its faults go. */
struct check {
    struct err *e;
    enum err_code code;
    const char *in;
    const char *base;
};

/** Adds the fault at @at: fills in `in` and `pointer`. */
void fault_add(const struct check *c, const struct place *at, struct fault f);

/** Returns a scalar as JSON text, a long string cut. NULL for passwords, and for objects and
 * arrays: a password may be inside. */
const char *fault_got(const struct check *c, const struct schema *s, const json_t *value);

/** Returns the names (ending with NULL) as a JSON array, or NULL past the limits. */
const char *fault_list(struct arena *a, const char *const *names);

#endif
