/**
 * pipeline - asks in flight on one connection: what was sent, in order, and what it is waiting for.
 *
 * libpq answers in the order of sending, one result per command. The commands up to one sync are a
 * batch and one implicit transaction. A read is answered as soon as its last result is here; any
 * other ask when its sync is, because only then it is committed.
 */
#ifndef SLUICE_DB_PIPELINE_H
#define SLUICE_DB_PIPELINE_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "db/ask.h"

struct pipeline;

enum ask_end {
    ASK_END_ANSWERED,  /* outcome is set: ASK_OK or ASK_FAILED */
    ASK_END_ABORTED,   /* another ask of its batch failed: this one did nothing */
    ASK_END_STALE,     /* did nothing: a prepared statement is no longer valid */
    ASK_END_READ_ONLY, /* did nothing: the server is a standby now */
    ASK_END_LOST       /* the connection broke before the answer */
};

typedef void ask_ended_fn(void *arg, struct ask *ask, enum ask_end end);

/** Creates the books of a connection of @lane. @ended runs for each ask, inside pipeline_receive().
 */
struct pipeline *pipeline_create(enum lane lane, unsigned nqueries, ask_ended_fn *ended, void *arg);
void pipeline_destroy(struct pipeline *p);

/** Begins on a new connection, which enters libpq's pipeline mode. Returns false if it cannot. */
bool pipeline_open(struct pipeline *p, PGconn *pg);

/** Leaves the connection. Returns the asks in flight, linked by next, oldest first. */
struct ask *pipeline_close(struct pipeline *p);

/** Sends the statements of an ask; in any lane but read the sync too. Returns false if the
 * connection is broken; the ask counts as in flight even then. */
bool pipeline_send(struct pipeline *p, struct ask *ask);

/** Ends the batch, if there is one. Returns false if the connection is broken. */
bool pipeline_sync(struct pipeline *p);

/** Takes in what has arrived. Returns false if the connection is broken. */
bool pipeline_receive(struct pipeline *p);

/** Returns the number of asks in flight. */
unsigned pipeline_asks(const struct pipeline *p);

/** Tells whether nothing at all is in flight, syncs included. */
bool pipeline_idle(const struct pipeline *p);

/** Tells whether a statement could not be deallocated: better take a new connection. */
bool pipeline_leaked(const struct pipeline *p);

#endif
