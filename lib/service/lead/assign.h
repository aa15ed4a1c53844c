/**
 * assign - giving leads to those whose turn it is.
 *
 * A birth, and a lead that becomes hot, leave it on a list (sql/functions/turn.sql); these
 * steps find the rules that apply and hand them back. Who gets the lead is decided in the database,
 * under a lock.
 */
#ifndef SLUICE_SERVICE_ASSIGN_H
#define SLUICE_SERVICE_ASSIGN_H

#include "call/call.h"

/** Assigns some of what waits: answers 200, or 204 when there was nothing. */
extern step_fn *const assign_steps[];

#endif
