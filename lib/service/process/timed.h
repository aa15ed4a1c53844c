/**
 * timed - what happens because time passed or something changed, without anybody asking.
 *
 * Lists of steps for calls that no client waits for. Each does a piece of work and answers 200, or
 * 204 when there was nothing to do. Any number of daemons may run them: work is claimed in the
 * database.
 */
#ifndef SLUICE_SERVICE_TIMED_H
#define SLUICE_SERVICE_TIMED_H

#include "service/process/process.h"

/** Fires thresholds that warn, escalate or leave a task. */
extern step_fn *const timers_steps[];

/** Makes one move that nobody makes: decided on facts as any other. */
extern step_fn *const automatic_steps[];

/** Forgets what has expired: answers kept for an Idempotency-Key, sessions. */
extern step_fn *const purge_steps[];

/** Makes the moves that a write made possible, in its transaction (call_env.settle). */
extern step_fn *const settle_steps[];

/** Returns the first of the transitions @keys whose guards hold, with its verdict; inputs that it
 * requires must be on the record already. NULL with c->err set, and the failures of the last one
 * whose guards do not hold. */
const struct transition *automatic_decide(struct call *c, const struct process *s,
                                          const char *const *keys, const struct verdict **root,
                                          const char **failures);

#endif
