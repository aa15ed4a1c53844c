/**
 * params - one small table describes the parameters of a guard kind or of an input.
 *
 * Private to blueprint.
 */
#ifndef SLUICE_BLUEPRINT_PARAMS_H
#define SLUICE_BLUEPRINT_PARAMS_H

#include "blueprint/evaluate.h"

/** Checks @params (NULL and null count as {}) against the table; false writes the reason to @why,
 * starting with the pointer inside the params ("/fieldd: unknown parameter, did you mean
 * \"field\"?"). */
bool params_check(const struct param *table, const json_t *params, struct buf *why);

/** Writes the table as JSON Schema. */
void params_write(struct out *o, const struct param *table);

/** Tells whether the text is a key: [a-z][a-z0-9_]*, at most 63 characters. */
bool text_is_key(const char *text);

/** Appends @name as one reference token of a JSON pointer, escaped. */
void pointer_add(struct buf *b, const char *name);

/** Appends the names of a list that ends with NULL, separated by commas. */
void names_add(struct buf *b, const char *const *names);

#endif
