/**
 * pace - how fast a lane gets on while asks wait for it, and so how long one more would wait.
 *
 * A queue of asks is bounded by their number, but how long that is depends on the work: 256 writes
 * are half a second, or longer than anybody waits. What ends in vain is work all the same, and a
 * lane that does nothing else gets nothing done. Plain data: the lanes of db.c keep one each.
 */
#ifndef SLUICE_DB_PACE_H
#define SLUICE_DB_PACE_H

#include <stdint.h>

struct pace {
    int64_t since_us; /* asks have been waiting without a break; 0: none did */
    unsigned ended;   /* since then */
    int64_t each_us;  /* from the end of one to the end of the next, lately; 0: not known */
};

/** Learns that an ask has ended while @waiting others wait. @enough of them tell how fast it goes;
 * an empty queue forgets it. */
void pace_note(struct pace *p, unsigned waiting, unsigned enough, int64_t now_us);

/** Returns for how long one more would wait behind @waiting, 0 when that is not known. */
int64_t pace_wait(const struct pace *p, unsigned waiting);

#endif
