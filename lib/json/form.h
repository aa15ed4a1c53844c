/**
 * form - an object that a form's fields are collected in; shared by the two encodings of forms.
 */
#ifndef SLUICE_JSON_FORM_H
#define SLUICE_JSON_FORM_H

#include <jansson.h>
#include <stdbool.h>

struct arena;

/** Returns an empty object that is tied to the arena, or NULL. */
json_t *form_new(struct arena *a);

/** Adds a field; a repeated name becomes an array of strings. Returns false if memory ran out. */
bool form_add(json_t *form, const char *name, const char *value);

#endif
