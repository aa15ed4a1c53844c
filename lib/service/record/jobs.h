/**
 * jobs - work in the background, one slice at a time.
 *
 * A row of sluice.job is claimed, gets a slice of its work done, and is written down again with how
 * far it has come, so that any daemon can go on from there.
 */
#ifndef SLUICE_SERVICE_JOBS_H
#define SLUICE_SERVICE_JOBS_H

#include "call/call.h"

/** A job in hand; c->state points to it. */
struct work {
    const struct job_kind *kind;
    struct uuid id;
    json_t *params, *cursor; /* cursor: where the last slice ended; null in the beginning */
    int64_t done;
    void *own; /* the kind's */
    /* NULL, or tells after a slice was written whether page, evaluate and conclude shall do another
     * one at once */
    bool (*more)(struct call *c);
    /* what the slice leaves behind */
    json_t *next; /* the new cursor, a new reference; NULL: none */
    json_t *result;
    const char *error; /* it cannot be done: why */
    bool over;
};

/** What a kind of job does in a slice: ask, look at the answer (and maybe wait once more), conclude
 * (fill what the slice leaves behind). */
struct job_kind {
    const char *name;
    step_fn *ask, *page, *evaluate, *conclude;
};

extern const struct job_kind job_simulate, job_drift, job_migrate, job_undo, job_bulk, job_retime;
extern const struct job_kind job_import, job_import_revert, job_import_compare, job_rescore;

/** Does a slice of whatever waits: answers 200, or 204 when there was nothing. */
extern step_fn *const job_steps[];

struct work *work_of(struct call *c);

/** Who claims: one worker of each daemon does, for as long as it lives. */
struct uuid work_daemon(void);

/** The last steps of an operation that leaves work for the background: creates the job, then
 * answers 202 with it. */
enum step job_leave(struct call *c, const char *kind, const json_t *params, int64_t total);
enum step job_reply_left(struct call *c);

/** Adds the statement that reads a job, for job_reply_left. */
void job_ask_get(struct call *c, struct uuid id);

#endif
