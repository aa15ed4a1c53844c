/**
 * conn - one connection to PostgreSQL that comes back by itself.
 *
 *   waiting --timer--> resolving --> connecting --> up --retire or loss--> waiting
 *      ^-------------------- failure, 5 s -------------|
 *
 * Each attempt takes one host of the connection string, first the one that was right last: a dead
 * machine that stands before it costs nothing twice. After a round without success the next
 * round waits 0.1 to 5 seconds (a scout: to 1 second), growing and jittered. A connection is
 * hopeful (asks may wait for it) for a moment after its creation, its renewal or its loss, until
 * its first round has failed.
 */
#ifndef SLUICE_DB_CONN_H
#define SLUICE_DB_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "db/ask.h"
#include "db/dsn.h"
#include "db/pipeline.h"

#define CONN_DEPTH 64 /* reads in flight on one connection */

struct worker;
struct conn;

struct conn_options {
    struct worker *worker;
    const struct dsn *dsn;
    struct dsn_session session;
    enum lane lane;
    bool scout; /* looks for a lost server every second: the others follow when it is up */
    unsigned nqueries;
    /** An ask is over. A lost one may be told from inside conn_ask(), conn_flush() and
     * conn_destroy(). */
    void (*ended)(void *arg, struct ask *ask, enum ask_end end);
    /** It came up or went down: look at your queue. */
    void (*changed)(void *arg, bool came_up);
    void *arg;
};

/** Creates the connection; the first attempt starts when the loop runs. @o is copied. */
struct conn *conn_create(const struct conn_options *o);

/** Closes it; asks in flight end as lost. Accepts NULL. */
void conn_destroy(struct conn *c);

/** Returns how many asks it would take now. */
unsigned conn_room(const struct conn *c);

/** Returns the asks in flight. */
unsigned conn_asks(const struct conn *c);

/** Tells whether it is usable now (a renewal that waits for its last answer counts). */
bool conn_is_up(const struct conn *c);

/** Tells whether asks may wait for it although it is not up. */
bool conn_is_hopeful(const struct conn *c);

/** Tells whether it is kept for the transaction of @holder. */
bool conn_is_held(const struct conn *c, const void *holder);

/** Sends an ask; needs room, or to be held by the ask's holder. A read leaves with conn_flush(). */
void conn_ask(struct conn *c, struct ask *ask);

/** Ends the batch of reads and sends what is still in libpq's buffer. */
void conn_flush(struct conn *c);

/** Takes a new connection as soon as nothing is in flight on this one. */
void conn_retire(struct conn *c);

/** Ends the waiting between two attempts: the server was just seen. */
void conn_hurry(struct conn *c);

/** Breaks a connection whose server has been silent for too long, and tells whether it did. Called
 * a few times a second. */
bool conn_tick(struct conn *c, int64_t now_us);

#endif
