/**
 * steps - work inside a state, done step by step.
 */
#ifndef SLUICE_SERVICE_STEPS_H
#define SLUICE_SERVICE_STEPS_H

#include "service/process/process.h"

struct out;

/** Adds to a refusal what concerns the step that was asked for: which are open, who did it, who
 * may. */
void steps_write_refusal(struct call *c, struct out *o);

#endif
