/**
 * principal - who calls: from credentials to a principal, remembered for a moment.
 *
 * A worker's cache, never shared. It is keyed by the SHA-256 of the credentials, so a remembered
 * token costs no signature check; refusals are not remembered. Reads of a revoked session may pass
 * for as long as an entry lives (principal_cache_ms); writes check the session in their own
 * transaction.
 */
#ifndef SLUICE_CALL_PRINCIPAL_H
#define SLUICE_CALL_PRINCIPAL_H

#include "call/call.h"

#define PRINCIPALS_MAX 4096

/** Returns an empty cache. */
struct principals *principals_create(void);

/** Frees it; entries that calls still use live until those end. Accepts NULL. */
void principals_destroy(struct principals *p);

/** Forgets whoever makes this call (signed out, revoked), so that the next request asks the
 * database. */
void principal_forget(struct call *c);

/** Tells whether the principal holds the permission in any scope. */
bool principal_may(const struct principal *p, enum permission permission);

/** Adds a permission as the database gives it ("lead.read:team"); the widest scope counts. */
void principal_grant(struct principal *p, const char *text);

/* steps, for entry.c */

/** Reads Authorization; asks for the session or key unless it is remembered. */
enum step principal_ask(struct call *c);

/** Takes the answer, or what was remembered. */
enum step principal_take(struct call *c);

#endif
