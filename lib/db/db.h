/**
 * db - a worker's connections to PostgreSQL, in lanes.
 *
 * Connects, prepares on first use, pipelines reads with one sync per loop turn, reconnects by
 * itself with capped, jittered backoff. While no connection is to be had, asks fail at once with
 * ASK_UNAVAILABLE; right after a loss they wait, for the first attempt to connect again or one
 * second, whichever is shorter. Reads that were in flight on a lost connection are asked once more;
 * other asks are not. An ask of the standby lane goes to the slow lane when no standby is there, or
 * when it answers with anything but what was asked for. All calls belong to the worker's thread;
 * its loop has ended when db_destroy() is called.
 */
#ifndef SLUICE_DB_DB_H
#define SLUICE_DB_DB_H

#include <stdbool.h>

#include "db/ask.h"

struct worker;
struct db;

struct db_options {
    const char *url;                  /* libpq connection string or URI; several hosts allowed */
    const char *standby_url;          /* of servers that follow it; NULL or "": none */
    unsigned standby_lag_ms;          /* how old what a standby tells may be */
    const char *role;                 /* SET ROLE at connect, or NULL */
    unsigned connections[LANE_COUNT]; /* per worker */
    unsigned queue[LANE_COUNT];       /* asks that may wait, per worker */
    unsigned timeout_ms[LANE_COUNT];  /* statement_timeout */
    unsigned nqueries;                /* number of generated queries */
};

struct db_stats {
    unsigned idle[LANE_COUNT], busy[LANE_COUNT], waiting[LANE_COUNT];
    uint64_t asks[LANE_COUNT], failures, reconnects;
    bool up;
};

/** Starts connecting in the background. Never blocks. @o is copied, its strings are not. */
struct db *db_create(struct worker *w, const struct db_options *o);

/** Closes the connections; asks in flight are answered ASK_UNAVAILABLE. Accepts NULL. */
void db_destroy(struct db *db);

/** Sends the ask, or queues it. The answer always comes through ask->done. */
void db_ask(struct db *db, struct ask *ask);

/** Tells whether at least one connection of the write lane is usable, and its server takes writes
 * (db/watch.h). */
bool db_is_up(const struct db *db);

/** Returns the position that a standby must have reached to be asked now; 0 while it must not be.
 */
uint64_t db_standby_wanted(const struct db *db);

void db_read_stats(const struct db *db, struct db_stats *ret);

#endif
