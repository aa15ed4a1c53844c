/**
 * score - how much a rule adds to a lead's score, and for how long.
 *
 * A rule about the lead itself adds its points. A rule about events adds them for each event, less
 * as the event ages:
 *
 *   worth of an event = points x 2^(-age / half life)       0 from its expiry on
 *   part of the rule  = the sum of these, held to +cap and -cap, rounded to a whole number
 *   score             = the sum of the parts
 *
 * The exponential is how interest is commonly modelled as fading; halves round away from zero.
 * Parts are rounded one by one, so that what is shown adds up to the score. Pure logic: no clock.
 */
#ifndef SLUICE_QUALITY_SCORE_H
#define SLUICE_QUALITY_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#define SCORE_DAY_S 86400

/** What a rule says about its points. 0: no cap, no half life, no expiry. */
struct score_rule {
    int64_t points, cap, half_life_days, expires_days;
};

/** What a rule adds to a lead. Begin with zeroes. */
struct score_part {
    int64_t events; /* that count: not expired */
    int64_t points; /* as if they were new; held to the cap */
    int64_t worth;  /* what counts towards the score */
    int64_t next_s; /* after so many seconds it may be another; 0: it stays */
    double sum;     /* the part's own */
};

/** Returns what an event of this age is worth. One that is yet to come counts as new. */
double score_worth(const struct score_rule *r, int64_t age_s);

/** Adds an event; true if it counts. */
bool score_add(struct score_part *p, const struct score_rule *r, int64_t age_s);

/** Adds the points of a rule without events. */
void score_hold(struct score_part *p, const struct score_rule *r);

/** Cap and rounding, after the last event. */
void score_close(struct score_part *p, const struct score_rule *r);

#endif
