/**
 * standby - how far a server that follows the primary must have come to answer for it.
 *
 * Positions in the primary's log are noted as they are heard of. Whoever reads from the standby
 * wants it to have replayed what the primary had at the latest `lag` ago, so that what it tells is
 * never older, however far it has fallen behind or how long it has been cut off. While nothing is
 * heard of the primary the last position stays wanted.
 */
#ifndef SLUICE_DB_STANDBY_H
#define SLUICE_DB_STANDBY_H

#include <stdbool.h>
#include <stdint.h>

struct standby {
    int64_t lag_us;
    uint64_t wanted, next; /* positions; next is wanted once it is older than half the lag */
    int64_t next_us;
};

/** Notes that the primary's log ended at @position at @now_us. */
void standby_note(struct standby *s, uint64_t position, int64_t now_us);

/** Tells whether the primary should be asked where its log ends. */
bool standby_asks(const struct standby *s, int64_t now_us);

#endif
