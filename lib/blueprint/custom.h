/**
 * custom - what the definitions of custom fields say of values.
 *
 * A definition, as the query custom_definitions gives it:
 *
 *   {"id": "...", "key": "tier", "type": "choice", "required": false, "minimum": null,
 *    "maximum": null, "min_length": null, "max_length": null, "pattern": null,
 *    "choices": ["gold", "silver"], "indexed": true}
 *
 * Pure logic. sql/functions/rule_custom.sql judges all but patterns again.
 */
#ifndef SLUICE_BLUEPRINT_CUSTOM_H
#define SLUICE_BLUEPRINT_CUSTOM_H

#include <jansson.h>
#include <stdbool.h>

struct arena;
struct buf;
struct err;
struct schema;

/** Returns the field table of an object of values: its members are the fields, all of which may be
 * null but the required ones, which have to be there if @whole. NULL past the arena's limit. */
const struct schema *custom_schema(struct arena *a, const json_t *definitions, bool whole);

/** Checks values ({"key": value}, or NULL for none) against the definitions; adds all faults with
 * pointers below @base ("/custom"). @whole: the record is new, so that required fields must be
 * there. Returns whether there was none. */
bool custom_check(const json_t *definitions, const json_t *values, const char *base, bool whole,
                  struct err *e);

/** Returns the key of the custom field that a path names ("custom.seats"), or NULL. */
const char *custom_key(const char *path);

/** Returns the definition with this key, or NULL. */
const json_t *custom_definition(const json_t *definitions, const char *key);

/** Checks the value of one field, as custom_check does of all. */
bool custom_value_check(const json_t *definition, const json_t *value, const char *base,
                        struct err *e);

/** Returns what a form should show for the field: "text", "decimal", "choice", ... */
const char *custom_input_type(const json_t *definition);

/** Returns what is wrong with comparing the field with @value, or by the operator @op, as the end
 * of a sentence; NULL: nothing. */
const char *custom_value_fault(const json_t *field, const json_t *value);
const char *custom_op_fault(const json_t *field, const char *op);

/** Tells whether a pattern can be used; false writes the reason. */
bool custom_pattern_check(const char *pattern, struct arena *a, struct buf *why);

#endif
