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

#endif
