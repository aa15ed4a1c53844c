/**
 * keyed - records whose key is made here and shown once: API keys, intake forms.
 */
#ifndef SLUICE_SERVICE_RECORD_KEYED_H
#define SLUICE_SERVICE_RECORD_KEYED_H

#include "call/call.h"

/** Step: makes a key that begins with @prefix, and the record with its hash; the key is the state
 * of the call. */
enum step keyed_create(struct call *c, const char *prefix);

/** Step: answers with the record, and the key as its last member. */
enum step keyed_reply(struct call *c);

#endif
