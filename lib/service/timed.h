/**
 * timed - what happens because time passed or something changed, without anybody asking.
 *
 * Lists of steps for calls that no client waits for. Each does a piece of work and answers 200, or
 * 204 when there was nothing to do. Any number of daemons may run them: work is claimed in the
 * database.
 */
#ifndef SLUICE_SERVICE_TIMED_H
#define SLUICE_SERVICE_TIMED_H

#include "call/call.h"

/** Fires thresholds that warn, escalate or leave a task. */
extern step_fn *const timers_steps[];

/** Makes one move that nobody makes: decided on facts as any other. */
extern step_fn *const automatic_steps[];

/** Forgets what has expired: answers kept for an Idempotency-Key, sessions. */
extern step_fn *const purge_steps[];

#endif
