/**
 * suspect - statements that were seen waiting for a lock until their time was over.
 *
 * A table that somebody keeps for himself (ALTER TABLE, LOCK) lets every connection of a lane wait
 * behind it. Statements that timed out are therefore suspects for a while, or until one of them
 * succeeds: the lane gives them a part of its connections only, and the others go on.
 */
#ifndef SLUICE_DB_SUSPECT_H
#define SLUICE_DB_SUSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "db/ask.h"

#define SUSPECTS_MAX 16

struct suspects {
    struct {
        uint64_t key; /* of the statement's text */
        int64_t until_us;
    } marks[SUSPECTS_MAX];
    unsigned n;
};

/** Tells whether a statement of the ask is a suspect. */
bool suspects_have(struct suspects *s, const struct ask *ask, int64_t now_us);

/** Learns from an answered ask: marks the statement that waited in vain, clears those that were
 * answered. */
void suspects_learn(struct suspects *s, const struct ask *ask, int64_t now_us);

#endif
