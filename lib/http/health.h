/**
 * health - what the daemon tells its HTTP layer about itself, for /readyz, /version and /metrics.
 *
 * Set by cmd, which sees the database; http does not. The functions are called on the worker of the
 * server that was asked; they must be quick and safe there.
 */
#ifndef SLUICE_HTTP_HEALTH_H
#define SLUICE_HTTP_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_LANES_MAX 4

/** One lane to the database, summed over the workers. */
struct health_lane {
    const char *name; /* "read", "write", "slow" */
    uint64_t idle, busy, waiting, asks;
};

struct health_database {
    bool up;
    uint64_t failures, reconnects;
    unsigned nlanes;
    struct health_lane lanes[HEALTH_LANES_MAX];
};

struct health {
    const char *version;
    /** Tells whether requests can be served: database reachable, not shutting down. NULL: always.
     */
    bool (*ready)(void *arg);
    /** Fills in what is known of the database. NULL: nothing is shown. */
    void (*database)(void *arg, struct health_database *ret);
    void *arg;
};

#endif
