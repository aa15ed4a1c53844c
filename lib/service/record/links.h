/**
 * links - what a request names beside the record it is about: the lead of a task, the account of a
 * deal.
 */
#ifndef SLUICE_SERVICE_LINKS_H
#define SLUICE_SERVICE_LINKS_H

#include <jansson.h>

#include "call/call.h"

/** Has the next ask refuse @members that name leads, accounts, contacts or opportunities which the
 * caller may not see, as it refuses those that are not there; ahead of all else, so that nothing is
 * decided or told on their account. What the record of @entity under @id (NULL: a new one) names
 * already may stay. @at is where the members stand in the body. Returns false when the ask is full.
 */
bool links_ask(struct call *c, const char *entity, const struct uuid *id, const json_t *members,
               const char *at);

#endif
