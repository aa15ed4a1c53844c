/**
 * once - one query, one answer, blocking: for the time before the workers start and for sluicectl.
 */
#ifndef SLUICE_DB_ONCE_H
#define SLUICE_DB_ONCE_H

struct buf;
struct query;
struct result;

/** Connects, runs the query as @role (NULL: as who connects) and disconnects. Returns the result,
 * freed with result_free(), or NULL and why. */
struct result *db_once(const char *url, const char *role, const struct query *q,
                       const char *const *values, struct buf *why);

struct err;

/** The same; what our own SQL refuses goes to @refused (which is started), as the API would answer
 * it, and not to @why. */
struct result *db_once_refused(const char *url, const char *role, const struct query *q,
                               const char *const *values, struct buf *why, struct err *refused);

#endif
