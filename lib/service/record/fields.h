/**
 * fields - the fields of a record that a spreadsheet or a form may fill, by name.
 *
 * A name is that of a member of a create ("email"), of a part of one ("estimated_value.amount"), or
 * of a custom field ("custom.seats"). What people write becomes the type that the field has.
 */
#ifndef SLUICE_SERVICE_FIELDS_H
#define SLUICE_SERVICE_FIELDS_H

#include <jansson.h>

#include "sheet/value.h"
#include "json/schema.h"

struct arena;
struct err;

struct fields {
    const struct schema *schema; /* of a create: the same table that a POST is checked against */
    const json_t *definitions;   /* of the entity's custom fields (custom_definitions), or NULL */
    const struct schema *custom; /* the field table of these */
};

/** Returns the fields of a create with those custom fields; they live as long as @a. */
struct fields fields_of(const struct schema *create, const json_t *definitions, struct arena *a);

/** Returns what a name means, whoever may write it; NULL: no such field. */
const struct schema_member *fields_lookup(const struct fields *f, const char *name);

/** Tells whether a name is that of a custom field, be there one or not. */
bool fields_is_custom(const char *name);

/** Returns the schema of a field that a column may fill, or NULL with a fault of @e at @pointer: no
 * such field, one that a blueprint governs, one that is computed. @e may be NULL. */
const struct schema *fields_find(const struct fields *f, const char *name, const char *pointer,
                                 struct err *e);

/** Returns the key of the custom field with this key or label as a name ("custom.seats"), whatever
 * its capitals and marks; NULL: none. */
const char *fields_by_label(const struct fields *f, const char *label, struct arena *a);

/** Returns what people wrote as a value of the field @name with the schema @s; choices go by key or
 * label. What cannot be converted stays text, so that the check of the field says what is wrong. */
json_t *fields_value(const struct fields *f, const char *name, const struct schema *s,
                     const char *text, enum date_order order, bool comma);

/** Sets a field of a body; takes the reference to @value. */
void fields_set(json_t *body, const char *name, json_t *value);

/** Checks the body of a create, custom fields included; adds all faults. */
bool fields_check(const struct fields *f, const json_t *body, struct err *e);

#endif
