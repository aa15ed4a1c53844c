/**
 * calendar - working time: weekly hours, holidays, a time zone.
 *
 * Pure: no clock, no files. The offsets of the zone come along, as sluice.zone_offsets() finds
 * them, so daemon and database can never disagree about a zone.
 *
 *   {"key": "office", "time_zone": "Europe/Warsaw",
 *    "hours": [{"day": 1, "from": "08:00", "to": "16:00"}, ...],     day: 1 Monday ... 7 Sunday
 *    "holidays": ["2026-12-25", ...],
 *    "offsets": [{"at": 0, "offset": 3600}, {"at": 1774746000, "offset": 7200}, ...]}
 *
 * Offsets are seconds east of UTC that hold from "at" (seconds since 1970) on; the first one also
 * holds before. Hours of a day do not overlap; "24:00" is the end of the day. Other members are
 * ignored.
 *
 * Moments are seconds since 1970, UTC. Hours are what the clock on the wall says: on the day on
 * which it jumps, a shift that spans the jump is an hour shorter or longer. A time that the clock
 * shows twice begins a shift the first time and ends one the second; a time that it skips is the
 * moment of the jump.
 */
#ifndef SLUICE_QUALITY_CALENDAR_H
#define SLUICE_QUALITY_CALENDAR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct buf;
struct calendar;

/** No working time within a lifetime (forty years) of the moment asked for. */
#define CALENDAR_NEVER INT64_MAX

/** Reads a calendar. Returns NULL and says why, starting with the JSON pointer ("/hours/3/to:
 * ..."). Without "offsets" the zone is UTC; a calendar without hours is never open. */
struct calendar *calendar_compile(const json_t *doc, struct buf *why);
void calendar_destroy(struct calendar *c);

/** Tells whether the moment is within working time. */
bool calendar_open(const struct calendar *c, int64_t at);

/** Returns the moment at which @seconds of working time have passed since @at, or CALENDAR_NEVER.
 * With 0 seconds: @at if it is working time, else the next beginning of it. */
int64_t calendar_add(const struct calendar *c, int64_t at, int64_t seconds);

/** Returns the seconds of working time from one moment to a later one; 0 if it is not later. */
int64_t calendar_between(const struct calendar *c, int64_t from, int64_t to);

#endif
