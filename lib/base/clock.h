/**
 * clock - the two clocks: one for durations, one for dates.
 */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_TEXT 28 /* 2026-11-21T20:15:59.123456Z and a NUL */

/** Returns microseconds of a clock that never jumps (CLOCK_MONOTONIC). */
int64_t clock_mono_us(void);

/** Returns microseconds since 1970 (CLOCK_REALTIME). */
int64_t clock_wall_us(void);

/** Returns seconds since 1970. */
int64_t clock_wall_s(void);

/** Writes @us as RFC 3339 UTC with microseconds. */
void clock_format(int64_t us, char out[CLOCK_TEXT]);

#endif
