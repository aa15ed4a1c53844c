/**
 * value - reading, comparing and judging the JSON values that guards look at.
 *
 * Private to blueprint. Nothing here changes or keeps what it is given.
 */
#ifndef SLUICE_BLUEPRINT_VALUE_H
#define SLUICE_BLUEPRINT_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/** Returns the member at a dotted path ("amount.currency"), or NULL. Borrowed. */
json_t *value_at(const json_t *object, const char *path);

/** Returns a new reference to @v, to a JSON null for NULL. */
json_t *value_ref(json_t *v);

/** Tells whether there is nothing but white space. */
bool text_blank(const char *text);

/** Returns the length of the text, or of its beginning: at most @max bytes, whole characters. */
size_t text_cut(const char *text, size_t max);

/** Tells whether there is nothing: NULL, null, blank text, an empty list or object, money without
 * an amount. */
bool value_blank(const json_t *v);

/** Reads a date or a date-time as microseconds since 1970, UTC. */
bool value_moment(const json_t *v, int64_t *ret);

/** Tells whether the text equals @keys, or one of them when it is a list. */
bool value_has_key(const json_t *keys, const char *text);

/** The comparing operators, ending with NULL. */
extern const char *const value_ops[];

/** Tells whether the operator takes a list, whether it asks for an order, and whether it looks at a
 * field of several values. */
bool op_takes_list(const char *op);
bool op_orders(const char *op);
bool op_takes_several(const char *op);

/** Tells whether @observed stands to @wanted as @op says. @decimal: text is a decimal number. */
bool value_holds(const char *op, const json_t *observed, const json_t *wanted, bool decimal);

/** Tells whether the text is a decimal number of any length. */
bool text_is_number(const char *text);

#endif
