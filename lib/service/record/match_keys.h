/**
 * match_keys - the keys of lib/quality as the JSON that the database takes.
 */
#ifndef SLUICE_SERVICE_MATCH_KEYS_H
#define SLUICE_SERVICE_MATCH_KEYS_H

#include <jansson.h>

/** Returns a new object {"keys": {kind: [key]}, "name", "city", "postcode", "street", "bands"} for
 * a record with these texts; what it has not is not there. */
json_t *match_keys_json(const char *entity, const json_t *source);

/** The same without the name and what it is found by. */
json_t *match_exact_json(const char *entity, const json_t *source);

#endif
