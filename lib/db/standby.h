/**
 * standby - how far a server that follows the primary must have come to answer for it.
 *
 * Where the primary's log ends is asked several times within `lag`, and the answers are noted with
 * the moment of the question. Whoever reads from the standby wants it to have replayed what was
 * noted last before three quarters of `lag` ago at the most; an eighth is for waiting in the queue,
 * an eighth for waiting for the standby. What it tells is so never older than `lag`, however far it
 * has fallen behind or how long anybody was cut off. Without a note that is young enough it is not
 * asked.
 */
#ifndef SLUICE_DB_STANDBY_H
#define SLUICE_DB_STANDBY_H

#include <stdbool.h>
#include <stdint.h>

#define STANDBY_NOTES 16

struct standby_note {
    uint64_t position;
    int64_t asked_us;
};

/** Zeroed but for lag_us to begin with. */
struct standby {
    int64_t lag_us;
    struct standby_note notes[STANDBY_NOTES]; /* a ring */
    unsigned n;                               /* notes so far; the last one is at (n - 1) % size */
};

/** Notes where the primary's log ended at @asked_us or later. */
void standby_note(struct standby *s, uint64_t position, int64_t asked_us);

/** Returns the position that a standby must have reached to be asked now; 0: it must not be. */
uint64_t standby_wanted(const struct standby *s, int64_t now_us);

/** Returns how often the primary should be asked where its log ends. */
int64_t standby_interval(const struct standby *s);

/** Tells whether an ask has waited too long to go to the standby. */
bool standby_waited(const struct standby *s, int64_t queued_us, int64_t now_us);

#endif
