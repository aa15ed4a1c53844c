/**
 * known - the compiled blueprints that a worker has at hand.
 *
 * A published version never changes, so an entry is never stale; when the cache is full, the oldest
 * that no call uses makes room. What a call was given stays alive and known until that call ends:
 * deciding waits for the database several times. When all are in use, a new one lives with its call
 * alone.
 */
#ifndef SLUICE_SERVICE_KNOWN_H
#define SLUICE_SERVICE_KNOWN_H

#include "blueprint/blueprint.h"
#include "call/call.h"
#include "service/record/record.h"

/** One per worker (call_env.blueprints); not thread-safe. Destroy it after the last call. */
struct blueprint_cache;
struct blueprint_cache *blueprint_cache_create(void);
void blueprint_cache_destroy(struct blueprint_cache *cache);

/** Returns the compiled blueprint with this id of a version, or NULL if the worker lacks it. */
const struct blueprint *blueprint_known(struct call *c, const char *id);

/** Returns the ids of all that the worker has, ending with NULL (itself NULL past the arena's
 * limit). Each of them stays known to this call. */
const char *const *blueprints_known(struct call *c);

/** Returns for each column of the record's facts whether a decision about a move looks at it, or
 * NULL where that is not known. Found out once for a version: half of what a record has is named by
 * no process. */
const bool *blueprint_looks(struct call *c, const struct blueprint *b, const struct result *facts);

/** Compiles the document @text of a version for the worker to keep. NULL: it is none, err.log says
 * why. */
const struct blueprint *blueprint_learn(struct call *c, const struct record *r, const char *text);

#endif
