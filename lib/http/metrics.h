/**
 * metrics - counters of the HTTP layer, kept per server, summed when read.
 *
 * One writer per set of counters, so a relaxed load and store will do: no lock and no locked instruction on
 * the path of a request. Any thread may read.
 */
#ifndef SLUICE_HTTP_METRICS_H
#define SLUICE_HTTP_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "call/route.h"

struct buf;
struct health_database;
struct metrics;

#define METRICS_BUCKETS 15 /* of durations, the last one without bound */
#define METRICS_STATUSES 32

/** Durations of one route and one status. */
struct metrics_series {
    _Atomic uint64_t buckets[METRICS_BUCKETS];
    _Atomic uint64_t sum_us;
};

/** The counters of one server. */
struct metrics_set {
    struct metrics_set *next;
    struct metrics *owner;
    _Atomic uint64_t requests, connections_total, refused, bytes_in, bytes_out;
    _Atomic uint64_t by_status[6];
    _Atomic uint64_t connections, in_flight;
    struct metrics_series *_Atomic *series; /* [route][status], made when first needed */
};

/** Creates the registry for @n routes (which must outlive it). */
struct metrics *metrics_create(const struct route *routes, size_t n);

/** Frees the registry and all sets. */
void metrics_destroy(struct metrics *m);

/** Adds a set for one server. Thread-safe. It lives as long as the registry. */
struct metrics_set *metrics_attach(struct metrics *m);

/** Counts one request. @route NULL: no route was found. For the writer's thread. */
void metrics_observe(struct metrics_set *s, const struct route *route, int status, int64_t us);

static inline void metrics_add(_Atomic uint64_t *counter, uint64_t n)
{
    __atomic_store_n((uint64_t *)counter, __atomic_load_n((uint64_t *)counter, __ATOMIC_RELAXED) + n,
                     __ATOMIC_RELAXED);
}

/** Writes everything as Prometheus text (0.0.4), the database's lanes too if @db is not NULL. */
void metrics_write(struct metrics *m, const struct health_database *db, struct buf *b);

#endif
