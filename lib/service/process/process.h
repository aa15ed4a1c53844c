/**
 * process - what listing, executing and converting share: the facts of a record and its compiled
 * blueprint.
 */
#ifndef SLUICE_SERVICE_PROCESS_H
#define SLUICE_SERVICE_PROCESS_H

#include <jansson.h>

#include "blueprint/blueprint.h"
#include "blueprint/evaluate.h"
#include "call/call.h"
#include "service/record/record.h"

/** What names of columns begin with that are facts. */
#define FACTS_PREFIX "facts."

/** A record as the decision sees it. Lives in the call's arena; c->state points to it. */
struct process {
    const struct record *record;
    struct uuid id;
    const char *version; /* as text, for the write that depends on it */
    const char *state;
    const char *blueprint_id; /* of the version that the record lives under */
    const char *evidence;     /* fingerprint of activities, tasks and related records */
    json_t *actor;            /* who asks, as the facts show it */
    json_t *facts;
    json_t *overlaid; /* with what came along; verdicts point into it */
    const struct blueprint *blueprint;
    bool reads_named; /* only those fields of the record that its process names: for deciding a move
                       */
    const char *step; /* what was asked for is this step; NULL: a transition */
};

/** Steps: ask for the facts of record_of(c) (scope of @p), then for its blueprint unless the worker
 * has it, then fill struct process. No record: 404. */
enum step process_ask(struct call *c, const struct record *r, enum permission p);

/** As process_ask, for the record @id of any kind; @s must live as long as the call. */
enum step process_ask_of(struct call *c, struct process *s, const struct record *r, struct uuid id,
                         enum permission p);
enum step process_blueprint(struct call *c);
enum step process_ready(struct call *c);

struct process *process_of(struct call *c);

/** Takes over what a row of a facts query says, for the same blueprint; false with c->err set. */
bool process_read(struct call *c, const struct result *r);

/** Frees the facts, when what was decided on them is written down: what waits for a connection that
 * writes waits long, and its facts would be cold when they are freed and their memory when it is
 * used. */
void process_forget(struct process *s);

/** Refuses with c->err: adds where the record stands ("current") and the legal moves ("legal"), and
 * unless this is a dry run asks to record the attempt; the next step must check with
 * process_refused. Returns WAIT, or FAIL when nothing is to be recorded. @transition is what was
 * attempted; @failures is JSON text (an array) or NULL. With ERR_AMBIGUOUS, c->err.members is the
 * array of matches. */
enum step process_refuse(struct call *c, const struct record *r, const char *transition,
                         const char *failures);

/** Fails with the refusal of process_refuse, if there was one; else NEXT. */
enum step process_refused(struct call *c);

/** What failed, for the answer, and all that was found, for the audit trail: JSON text in the
 * arena. */
const char *process_failures(struct call *c, const struct verdict *root);
const char *process_verdict(struct call *c, const struct verdict *root);

/** What comes along with a move beside its inputs, as JSON text: files of the body, on whose
 * behalf, @extra (may be NULL); NULL for nothing. */
const char *process_more(struct call *c, const struct transition *t, const json_t *body,
                         json_t *extra);

/** Checks If-Match against the record's version: false with ERR_STALE set. */
bool process_is_current(struct call *c);

/** Writes a transition that leaves the record's state as a choice: verdicts, inputs, who may.
 * Writes nothing for one that does not leave it. False when the arena is full. */
struct out;
bool process_write_option(struct call *c, struct out *o, const struct transition *t);

#endif
