/**
 * metrics - counters of the HTTP layer, kept per server, summed when read.
 *
 * One writer per set of counters, so a relaxed load and store will do: no lock and no locked
 * instruction on the path of a request. Any thread may read.
 */
#ifndef SLUICE_HTTP_METRICS_H
#define SLUICE_HTTP_METRICS_H

#include <stdatomic.h>
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
    const struct metrics *owner;
    _Atomic uint64_t requests, connections_total, refused, bytes_in, bytes_out;
    _Atomic uint64_t by_status[6];
    _Atomic uint64_t connections, in_flight;
    struct metrics_series *_Atomic *series; /* [route][status], made when first needed */
};

/** Creates the registry for @n routes (which must outlive it). */
struct metrics *metrics_create(const struct route *table, size_t n);

/** Frees the registry and all sets. */
void metrics_destroy(struct metrics *m);

/** Adds a set for one server. Thread-safe. It lives as long as the registry. */
struct metrics_set *metrics_attach(struct metrics *m);

/** Counts one request. @route NULL: no route was found. For the writer's thread. */
void metrics_observe(struct metrics_set *s, const struct route *route, int status, int64_t us);

/** Adds to a counter of one's own; the other way round for gauges. */
static inline void metrics_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void metrics_sub(_Atomic uint64_t *gauge, uint64_t n)
{
    metrics_add(gauge, 0 - n);
}

static inline uint64_t metrics_get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit((_Atomic uint64_t *)counter, memory_order_relaxed);
}

/** Writes everything as Prometheus text (0.0.4), the database's lanes too if @db is not NULL. */
void metrics_write(struct metrics *m, const struct health_database *db, struct buf *b);

#endif
