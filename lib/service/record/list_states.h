/**
 * list_states - whether the states that an empty list was asked for exist at all.
 */
#ifndef SLUICE_SERVICE_RECORD_LIST_STATES_H
#define SLUICE_SERVICE_RECORD_LIST_STATES_H

#include "call/call.h"

/** The two steps between the one that asks for the list and the one that replies; both go on at
 * once where something was found or no state was asked for. c->state is theirs. */
enum step list_states_ask(struct call *c);
enum step list_states_judge(struct call *c);

#endif
