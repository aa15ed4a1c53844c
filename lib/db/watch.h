/**
 * watch - whether the server behind the write lane takes writes, asked now and then.
 *
 * A connection that is up says little: a server that was told to take no writes keeps its
 * connections, and one whose machine is gone says nothing at all. So the lane is asked every
 * second, before what waits there, and more often while the answer was no. No answer within three
 * seconds is a no, too: every connection of the lane is then stuck, or nobody is there.
 */
#ifndef SLUICE_DB_WATCH_H
#define SLUICE_DB_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "db/ask.h"

struct watch {
    struct ask ask;
    int64_t asked_us;
    bool out;     /* asked, not answered */
    bool refuses; /* the last answer was no */
};

/** Tells whether it is time to ask again. */
bool watch_is_due(const struct watch *w, int64_t now_us);

/** Returns the ask; @done is called with it, and calls watch_told(). */
struct ask *watch_begin(struct watch *w, int64_t now_us, void (*done)(struct ask *, void *),
                        void *arg);

/** Takes the answer. Returns true when the server says that it takes no writes. */
bool watch_told(struct watch *w);

/** Tells whether the lane takes writes, as far as is known. */
bool watch_allows(const struct watch *w, int64_t now_us);

#endif
