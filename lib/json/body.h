/**
 * body - bounded parsing of what clients send: JSON and forms.
 *
 * Before jansson sees a byte: size, zero bytes, depth and the number of structural characters are
 * checked (1 MiB of "{},{}," would become 80 MiB of tree). Duplicate members are refused.
 */
#ifndef SLUICE_JSON_BODY_H
#define SLUICE_JSON_BODY_H

#include <jansson.h>

#include "base/err.h"
#include "base/text.h"

struct arena;

struct json_limits {
    unsigned depth;      /* nesting of objects and arrays */
    unsigned structural; /* '{', '[', ',' and ':' outside strings */
};

extern const struct json_limits json_default_limits; /* depth 32, 20,000 structural characters */

/** Parses a JSON text (RFC 8259). The tree is tied to the arena. On failure fills @e (ERR_BAD_JSON
 * with line, column and what was wrong, or ERR_INVALID for limits) and returns NULL. */
json_t *body_parse_json(struct arena *a, struct span text, const struct json_limits *limits,
                        struct err *e);

/** Parses application/x-www-form-urlencoded (WHATWG URL) into an object of strings; a repeated name
 * becomes an array of strings. At most 200 pairs. Fills @e (ERR_BAD_FORM) and returns NULL on
 * failure. */
json_t *body_parse_form(struct arena *a, struct span text, struct err *e);

/** Finds the boundary in the parameters of a Content-Type ("; boundary=..."); false if there is no
 * proper one (RFC 2046 5.1.1). */
bool multipart_boundary(struct arena *a, const char *params, const char **ret);

/** Parses multipart/form-data (RFC 7578) into an object like body_parse_form(): at most 200 parts,
 * text in UTF-8, no files (an empty file field is left out). Fills @e (ERR_BAD_FORM, naming the
 * part) and returns NULL on failure. */
json_t *body_parse_multipart(struct arena *a, struct span text, const char *boundary,
                             struct err *e);

#endif
