/**
 * score - computing how promising leads are.
 *
 * Whatever changes a lead leaves it on a list (sql/functions/score.sql); these steps work that off,
 * and with it the leads whose score changes by time alone. The mathematics is in quality/score.h,
 * the conditions of the rules in blueprint/conditions.h.
 */
#ifndef SLUICE_SERVICE_SCORE_H
#define SLUICE_SERVICE_SCORE_H

#include "call/call.h"

/** Computes some of what waits: answers 200, or 204 when there was nothing. */
extern step_fn *const score_steps[];

#endif
