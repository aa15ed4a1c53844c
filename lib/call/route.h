/**
 * route - what the contract says about an operation; the table is generated from
 * api-spec/openapi.yaml.
 */
#ifndef SLUICE_CALL_ROUTE_H
#define SLUICE_CALL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "permissions.gen.h"
#include "json/schema.h"

struct operation;

enum method {
    METHOD_GET,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_COUNT
};

struct route_param {
    const char *name;            /* "created_at[gte]" */
    const struct schema *schema; /* an array schema means that the name may be repeated */
    bool required;
};

/** Body media types that an operation takes. */
enum media {
    MEDIA_JSON = 1,
    MEDIA_MERGE_PATCH = 2,
    MEDIA_FORM = 4,
    MEDIA_YAML = 8,
    MEDIA_BYTES = 16, /* a piece of a file, as it is */
    MEDIA_MULTIPART = 32
};

struct route {
    const char *id; /* operationId */
    enum method method;
    const char *template;             /* "/v1/leads/{id}/transitions/{key}" */
    const char *const *segments;      /* "v1", "leads", "" for a parameter; ends with NULL */
    const char *const *path_params;   /* names, ends with NULL */
    const struct route_param *params; /* query; ends with a NULL name */
    const struct operation *operation;
    enum permission
        permission; /* PERMISSION_PUBLIC, PERMISSION_SIGNED_IN or a row of the database */
    unsigned media; /* enum media bits, 0 without body */
    bool body_required;
    const struct schema *body;
    size_t body_limit;    /* bytes */
    unsigned parts_limit; /* members and items of the body; 0: the default */
    int success;          /* status */
    bool raw;             /* the operation checks body and parameters itself (intake) */
    bool secret;          /* the answer holds a secret: never kept for a replay */
    bool standby;         /* a read that may come from a standby */
    unsigned deadline_ms; /* 0: the default */
};

extern const struct route routes[];
extern const size_t routes_count;

#endif
