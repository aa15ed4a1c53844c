/**
 * process - what listing, executing and converting share: the facts of a record and its compiled blueprint.
 */
#ifndef SLUICE_SERVICE_PROCESS_H
#define SLUICE_SERVICE_PROCESS_H

#include <jansson.h>

#include "blueprint/blueprint.h"
#include "blueprint/evaluate.h"
#include "call/call.h"
#include "service/record.h"

/** A record as the decision sees it. Lives in the call's arena; c->state points to it. */
struct process {
    struct uuid id;
    const char *version;      /* as text, for the write that depends on it */
    const char *state;
    const char *blueprint_id; /* NULL: the record is free, no blueprint governs it */
    const char *evidence;     /* fingerprint of activities, tasks and related records */
    json_t *facts;
    const struct blueprint *blueprint;
};

/** Steps: ask for the facts of record_of(c) (scope of @p), then for its blueprint unless the worker has it,
 * then fill struct process. No record: 404. */
enum step process_ask(struct call *c, const struct record *r, enum permission p);
enum step process_blueprint(struct call *c);
enum step process_ready(struct call *c);

struct process *process_of(struct call *c);

/** Refuses: completes c->err with the legal moves ("legal") and the state, and unless this is a dry run asks
 * to record the attempt; the next step must be process_refused. Returns WAIT, or FAIL when nothing is to be
 * recorded. @transition is what was attempted; @failures is JSON text (an array) or NULL. */
enum step process_refuse(struct call *c, const struct record *r, const char *transition,
                         const char *failures);

/** Fails with the refusal of process_refuse, if there was one; else NEXT. */
enum step process_refused(struct call *c);

/** Checks If-Match against the record's version: false with ERR_STALE set. */
bool process_is_current(struct call *c);

/** A cache of compiled blueprints; one per worker (call_env.blueprints). */
struct blueprint_cache;
struct blueprint_cache *blueprint_cache_create(void);
void blueprint_cache_destroy(struct blueprint_cache *cache);

#endif
