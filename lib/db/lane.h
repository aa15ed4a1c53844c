/**
 * lane - asks that wait for connections of one kind, and which of them is next.
 *
 * Those that were sent in vain go before the others. Suspects (db/suspect.h) have a part of the
 * connections, so that the rest goes on while a table is locked. Plain data: db.c, whose lanes they
 * are, sends and answers.
 */
#ifndef SLUICE_DB_LANE_H
#define SLUICE_DB_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "db/ask.h"
#include "db/pace.h"
#include "db/suspect.h"

struct conn;

struct ask_list {
    struct ask *first, *last;
    unsigned n;
};

struct lane_state {
    struct conn **conns;
    unsigned nconns, limit;
    struct ask_list again; /* were sent and not answered: before the others */
    struct ask_list waiting;
    struct pace pace;
    uint64_t asks;
    struct suspects suspects;
    unsigned suspects_out; /* in flight */
};

void asks_append(struct ask_list *l, struct ask *ask);

/** Takes the first; NULL: there is none. */
struct ask *asks_shift(struct ask_list *l);

/** Returns how many more asks its connections take. */
unsigned lane_room(const struct lane_state *l);

/** Returns the connection with the most room, or NULL. */
struct conn *lane_conn(const struct lane_state *l);

/** Tells whether a connection is up. */
bool lane_is_up(const struct lane_state *l);

/** Tells whether a connection is up, or may be in a moment. */
bool lane_is_usable(const struct lane_state *l);

/** Tells whether the lane has enough of those that wait for a lock already. */
bool lane_is_crowded(struct lane_state *l, const struct ask *ask);

/** Learns from an ask of the lane that has ended. */
void lane_note(struct lane_state *l, int64_t now_us);

/** Tells whether more than half of the time that is left for the ask would be over when its turn
 * comes: the other half is for PostgreSQL, and for those who were not foreseen. */
bool lane_is_late(const struct lane_state *l, const struct ask *ask);

/** Takes the first that may be sent, NULL if none may. */
struct ask *lane_next(struct lane_state *l);

/** Takes the first, whatever it is. */
struct ask *lane_shift(struct lane_state *l);

#endif
