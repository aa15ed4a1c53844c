/**
 * dsn - where the database is and what every session of ours looks like.
 *
 * A connection string may name several hosts; whoever connects without blocking walks them one by
 * one, with a time limit for each, so that a host that swallows packets does not hide the next.
 * Settings that matter (role, timeouts, UTC) travel in the start-up packet: a session is right from
 * its first moment, and nothing is sent to set it up, unless a pooler is between (pooler.h).
 */
#ifndef SLUICE_DB_DSN_H
#define SLUICE_DB_DSN_H

#include <libpq-fe.h>
#include <stdbool.h>

/** UTC, by a name that no server has as its own. */
#define DSN_ZONE "UTC0"

struct buf;
struct dsn;

struct dsn_session {
    const char *role;              /* SET ROLE, or NULL */
    unsigned statement_timeout_ms; /* 0 for none */
    unsigned lock_timeout_ms;
    bool standby; /* a server that follows another one, instead of one that takes writes */
};

/** Returns the parsed connection string (keywords or URI); NULL and why if it is not one. */
struct dsn *dsn_parse(const char *url, struct buf *why);
void dsn_free(struct dsn *d);

/** Returns the number of hosts, at least 1. */
unsigned dsn_hosts(const struct dsn *d);

/** Returns the name that must be resolved before connecting to a host; NULL when there is none. */
const char *dsn_name(const struct dsn *d, unsigned host);

/** Appends the settings of a session, a line "name=value" for each. */
void dsn_settings(const struct dsn_session *s, struct buf *lines);

/** Starts to connect to one host without blocking. @addresses: its numeric addresses, separated by
 * commas, or NULL. NULL only when memory is out. */
PGconn *dsn_start(const struct dsn *d, const struct dsn_session *s, unsigned host,
                  const char *addresses);

/** Connects and waits (at most 10 s for each host); NULL and why on failure. For the time before
 * the workers start and for tools. */
PGconn *dsn_connect(const char *url, const struct dsn_session *s, struct buf *why);

/** Appends the connection's last error, on one line. */
void dsn_why(const PGconn *pg, struct buf *why);

#endif
