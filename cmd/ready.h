/**
 * ready - tells people (standard output) and scripts (the ready file) that Sluice serves, and how
 * to get in.
 */
#ifndef SLUICE_CMD_READY_H
#define SLUICE_CMD_READY_H

#include <stdbool.h>

struct buf;
struct conf;
struct crew;
struct site;

/** Prints the address, on a first start the password, the intake key and the first curl lines;
 * writes the ready file (mode 0600, appearing whole) if one is configured. False and why if that
 * file cannot be written. */
bool ready_tell(const struct conf *conf, const struct site *site, const struct crew *crew,
                struct buf *why);

/** Removes the ready file: nobody serves any more. */
void ready_forget(const struct conf *conf);

#endif
