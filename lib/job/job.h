/**
 * job - the runner of calls that no client waits for.
 *
 * A table of periodic operations, each one call at a time on one worker. One that found work is run
 * again at once; one that fails waits longer each time and is logged once, until it works again.
 * Any number of daemons may run them: the operations claim their work in the database.
 */
#ifndef SLUICE_JOB_JOB_H
#define SLUICE_JOB_JOB_H

#include <stdbool.h>

struct call_env;
struct jobs;
struct worker;

/** Starts looking for work every @interval_ms, as soon as the worker runs. @env must live as long.
 */
struct jobs *jobs_create(struct worker *w, const struct call_env *env, unsigned interval_ms);

/** Starts nothing new from now on. In the worker's thread. */
void jobs_stop(struct jobs *j);

/** Tells whether nothing is in flight. In the worker's thread. */
bool jobs_are_idle(const struct jobs *j);

/** Frees the runner; its calls have been told by then. Accepts NULL. */
void jobs_destroy(struct jobs *j);

#endif
