/**
 * shape - what a blueprint document is made of, and the order in which its members stand.
 *
 * One table serves the canonical form and the comparison of two documents. A new part of a
 * document is a row here, its schema in the contract, and its lines in the SQL functions
 * blueprint_fill() and blueprint_document().
 *
 * Private to blueprint.
 */
#ifndef SLUICE_BLUEPRINT_SHAPE_H
#define SLUICE_BLUEPRINT_SHAPE_H

#include <jansson.h>
#include <stdbool.h>

struct param;

enum shape_kind {
    SHAPE_VALUE,  /* a scalar */
    SHAPE_TEXTS,  /* a text per language */
    SHAPE_PARAMS, /* an object: parameters in the order of their table, others by name */
    SHAPE_STATES, /* a set of states, or "any" */
    SHAPE_ROWS,   /* a list whose items have no key */
    SHAPE_PARTS,  /* a list of parts with keys */
};

struct shape;

struct shape_member {
    const char *name;
    enum shape_kind kind;
    const struct shape *of; /* ROWS and PARTS */
    const char *omit;       /* VALUE: what need not be said */
};

struct shape {
    const char *noun;                   /* "state"; NULL for the whole */
    const struct shape_member *members; /* ends with a NULL name */
};

extern const struct shape shape_blueprint;

/** Returns the table of an element's "params", by its kind; or NULL. */
const struct param *shape_params(const struct shape *s, const json_t *element);

/** Tells whether the value is the same as none: null, {}, [], or what the member omits. */
bool shape_blank(const struct shape_member *m, const json_t *v);

#endif
