/**
 * schema - one table per schema of the contract, checked against a parsed body.
 *
 * The tables are generated from api-spec/openapi.yaml. A check collects every fault of the body
 * with its JSON pointer; an unknown member is a fault that names the nearest known one.
 */
#ifndef SLUICE_JSON_SCHEMA_H
#define SLUICE_JSON_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum schema_kind {
    SCHEMA_ANY,
    SCHEMA_STRING,
    SCHEMA_INTEGER,
    SCHEMA_NUMBER,
    SCHEMA_BOOLEAN,
    SCHEMA_OBJECT,
    SCHEMA_ARRAY,
};

enum schema_format {
    FORMAT_NONE,
    FORMAT_UUID,
    FORMAT_USER, /* a user's uuid, or "me" */
    FORMAT_DATE,
    FORMAT_DATE_TIME,
    FORMAT_EMAIL,    /* RFC 5321 in practice: one @, no spaces, a dot in the domain, 254 bytes */
    FORMAT_URI,      /* http or https, absolute */
    FORMAT_DECIMAL,  /* money: at most 14 digits before and 4 after the point, as a string */
    FORMAT_CURRENCY, /* ISO 4217 letters */
    FORMAT_COUNTRY,  /* ISO 3166-1 alpha-2 */
    FORMAT_LANGUAGE, /* en, pl, ru */
    FORMAT_KEY,      /* [a-z][a-z0-9_]{0,62} */
    FORMAT_PASSWORD, /* as a string; never echoed in "got" */
};

/** Who may write a member through a body. */
enum schema_access {
    ACCESS_WRITE,
    ACCESS_READ_ONLY, /* the server computes it: code "read_only" */
    ACCESS_GOVERNED,  /* only a transition moves it: ERR_GOVERNED, code "governed_field" */
};

struct schema_member;

struct schema {
    enum schema_kind kind;
    enum schema_format format;
    bool nullable;
    bool open;             /* object: further members are allowed (any JSON) */
    bool has_min, has_max; /* integer and number: inclusive range */
    double min, max;
    size_t min_length,
        max_length; /* string: code points (0 max = 65,536); array: items (0 max = 1,000) */
    const char *const *values;           /* string: the allowed ones, ending with NULL, or NULL */
    const struct schema_member *members; /* object: ends with a NULL name */
    size_t min_members;                  /* object */
    const struct schema *items;          /* array */
};

struct schema_member {
    const char *name;
    const struct schema *schema;
    bool required;
    enum schema_access access;
};

/** Checks @value; collects faults in @e with in = "body" (or ERR_INVALID with no fault if the arena
 * is full) and returns whether there were none. @base is the pointer of @value, "" for the whole
 * body. */
bool schema_check(const struct schema *s, const json_t *value, const char *base, struct err *e);

/** Checks text from a query string, a path or a form against a scalar schema, and returns the JSON
 * value (new reference): "12" for an integer becomes 12, "true" for a boolean true. On a fault adds
 * it with
 * @in and @name to @e (code ERR_BAD_PARAMETER for "query" and "path") and returns NULL. */
json_t *schema_from_text(const struct schema *s, const char *text, const char *in, const char *name,
                         struct err *e);

/** Tells whether the text has the format. */
bool schema_format_holds(enum schema_format format, const char *text);

#endif
