/**
 * resolve - looks a host name up without stopping the loop.
 *
 * libpq resolves names inside PQconnectStart() and blocks there; a name server that is away would
 * stop every request of the worker with it.
 */
#ifndef SLUICE_DB_RESOLVE_H
#define SLUICE_DB_RESOLVE_H

struct resolve;

enum resolve_state { RESOLVE_PENDING, RESOLVE_DONE, RESOLVE_FAILED };

/** Starts to look @name up; NULL when that is impossible. */
struct resolve *resolve_start(const char *name);

/** Tells how far it is. */
enum resolve_state resolve_poll(struct resolve *r);

/** Returns the numeric addresses of a finished look-up, separated by commas; the caller frees. */
char *resolve_addresses(const struct resolve *r);

/** Says why a look-up failed; a static string. */
const char *resolve_why(struct resolve *r);

/** Ends it in any state. Accepts NULL. */
void resolve_destroy(struct resolve *r);

#endif
