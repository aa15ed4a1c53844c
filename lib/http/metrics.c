/* Names and units follow OpenTelemetry's conventions for HTTP servers. */
#include "http/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "http/health.h"

struct metrics {
    const struct route *routes;
    size_t nroutes;
    pthread_mutex_t lock; /* guards the list */
    struct metrics_set *sets;
};

static const struct {
    int64_t us;
    const char *text;
} bounds[METRICS_BUCKETS] = {
    {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},  {75000, "0.075"},
    {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},  {750000, "0.75"}, {1000000, "1"},
    {2500000, "2.5"}, {5000000, "5"},   {7500000, "7.5"}, {10000000, "10"}, {INT64_MAX, "+Inf"},
};

/* Every status that we send has a column; whatever else comes is counted in the first one. */
static const int statuses[METRICS_STATUSES] = {
    0,   200, 201, 202, 204, 206, 207, 303, 304, 400, 401, 403, 404, 405, 408, 409,
    410, 412, 413, 414, 415, 417, 422, 428, 429, 431, 500, 501, 503, 504, 505, 507,
};

static const char *const methods[METHOD_COUNT] = {
    [METHOD_GET] = "GET",     [METHOD_POST] = "POST",     [METHOD_PUT] = "PUT",
    [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE", [METHOD_OPTIONS] = "OPTIONS",
};

static void *allocate(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (p == NULL)
        abort();
    return p;
}

struct metrics *metrics_create(const struct route *table, size_t n)
{
    struct metrics *m = allocate(1, sizeof *m);

    m->routes = table;
    m->nroutes = n;
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

void metrics_destroy(struct metrics *m)
{
    if (m == NULL)
        return;
    while (m->sets != NULL) {
        struct metrics_set *s = m->sets;

        m->sets = s->next;
        for (size_t i = 0; i < (m->nroutes + 1) * METRICS_STATUSES; i++)
            free(s->series[i]);
        free(s->series);
        free(s);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

struct metrics_set *metrics_attach(struct metrics *m)
{
    struct metrics_set *s = allocate(1, sizeof *s);

    s->owner = m;
    s->series = allocate((m->nroutes + 1) * METRICS_STATUSES, sizeof *s->series);
    pthread_mutex_lock(&m->lock);
    s->next = m->sets;
    m->sets = s;
    pthread_mutex_unlock(&m->lock);
    return s;
}

static unsigned column_of(int status)
{
    unsigned low = 1, high = METRICS_STATUSES;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (statuses[middle] == status)
            return middle;
        if (statuses[middle] < status)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

void metrics_observe(struct metrics_set *s, const struct route *route, int status, int64_t us)
{
    size_t row = route == NULL ? s->owner->nroutes : (size_t)(route - s->owner->routes);
    size_t at = row * METRICS_STATUSES + column_of(status);
    struct metrics_series *series = atomic_load_explicit(&s->series[at], memory_order_relaxed);
    unsigned bucket = 0;

    if (series == NULL) {
        series = allocate(1, sizeof *series);
        atomic_store_explicit(&s->series[at], series, memory_order_release);
    }
    while (us > bounds[bucket].us)
        bucket++;
    metrics_add(&series->buckets[bucket], 1);
    metrics_add(&series->sum_us, (uint64_t)us);
    metrics_add(&s->requests, 1);
    if (status >= 100 && status < 600)
        metrics_add(&s->by_status[status / 100], 1);
}

static const char duration[] = "http_server_request_duration_seconds";

static void write_labels(const struct metrics *m, size_t row, int status, struct buf *b)
{
    if (row < m->nroutes)
        buf_printf(b, "http_request_method=\"%s\",http_route=\"%s\"",
                   methods[m->routes[row].method], m->routes[row].template);
    else
        buf_puts(b, "http_request_method=\"_OTHER\",http_route=\"\"");
    buf_printf(b, ",http_response_status_code=\"%d\"", status);
}

static void write_seconds(struct buf *b, uint64_t us)
{
    buf_printf(b, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

/* One route and status, summed over the sets. */
static void write_series(const struct metrics *m, size_t row, unsigned column, struct buf *b)
{
    uint64_t buckets[METRICS_BUCKETS] = {0}, sum = 0, count = 0;
    bool any = false;

    for (const struct metrics_set *s = m->sets; s != NULL; s = s->next) {
        const struct metrics_series *series =
            atomic_load_explicit(&s->series[row * METRICS_STATUSES + column], memory_order_acquire);

        if (series == NULL)
            continue;
        any = true;
        sum += metrics_get(&series->sum_us);
        for (unsigned i = 0; i < METRICS_BUCKETS; i++)
            buckets[i] += metrics_get(&series->buckets[i]);
    }
    if (!any)
        return;
    for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
        count += buckets[i];
        buf_printf(b, "%s_bucket{", duration);
        write_labels(m, row, statuses[column], b);
        buf_printf(b, ",le=\"%s\"} %" PRIu64 "\n", bounds[i].text, count);
    }
    buf_printf(b, "%s_sum{", duration);
    write_labels(m, row, statuses[column], b);
    buf_puts(b, "} ");
    write_seconds(b, sum);
    buf_printf(b, "\n%s_count{", duration);
    write_labels(m, row, statuses[column], b);
    buf_printf(b, "} %" PRIu64 "\n", count);
}

static const struct {
    const char *name, *type, *help;
    size_t offset;
} counters[] = {
    {"http_server_connections_total", "counter", "Connections accepted.",
     offsetof(struct metrics_set, connections_total)},
    {"http_server_connections_refused_total", "counter", "Connections refused by a cap.",
     offsetof(struct metrics_set, refused)},
    {"http_server_open_connections", "gauge", "Open connections.",
     offsetof(struct metrics_set, connections)},
    {"http_server_active_requests", "gauge", "Requests in flight.",
     offsetof(struct metrics_set, in_flight)},
    {"http_server_request_bytes_total", "counter", "Bytes of requests, heads included.",
     offsetof(struct metrics_set, bytes_in)},
    {"http_server_response_bytes_total", "counter", "Bytes of replies, heads included.",
     offsetof(struct metrics_set, bytes_out)},
};

static void write_counters(const struct metrics *m, struct buf *b)
{
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        uint64_t sum = 0;

        for (const struct metrics_set *s = m->sets; s != NULL; s = s->next)
            sum += metrics_get((const _Atomic uint64_t *)((const char *)s + counters[i].offset));
        buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", counters[i].name,
                   counters[i].help, counters[i].name, counters[i].type, counters[i].name, sum);
    }
}

static void write_lanes(const struct health_database *db, struct buf *b)
{
    static const struct {
        const char *state;
        size_t offset;
    } states[] = {{"idle", offsetof(struct health_lane, idle)},
                  {"used", offsetof(struct health_lane, busy)}};

    buf_puts(b, "# HELP db_client_connection_count Connections to the database.\n"
                "# TYPE db_client_connection_count gauge\n");
    for (unsigned i = 0; i < db->nlanes; i++)
        for (unsigned j = 0; j < 2; j++)
            buf_printf(b, "db_client_connection_count{lane=\"%s\",state=\"%s\"} %" PRIu64 "\n",
                       db->lanes[i].name, states[j].state,
                       *(const uint64_t *)((const char *)&db->lanes[i] + states[j].offset));
    buf_puts(b, "# HELP db_client_connection_pending_requests Asks that wait in a lane's queue.\n"
                "# TYPE db_client_connection_pending_requests gauge\n");
    for (unsigned i = 0; i < db->nlanes; i++)
        buf_printf(b, "db_client_connection_pending_requests{lane=\"%s\"} %" PRIu64 "\n",
                   db->lanes[i].name, db->lanes[i].waiting);
    buf_puts(b, "# HELP sluice_db_asks_total Asks sent to the database.\n"
                "# TYPE sluice_db_asks_total counter\n");
    for (unsigned i = 0; i < db->nlanes; i++)
        buf_printf(b, "sluice_db_asks_total{lane=\"%s\"} %" PRIu64 "\n", db->lanes[i].name,
                   db->lanes[i].asks);
}

static void write_database(const struct health_database *db, struct buf *b)
{
    write_lanes(db, b);
    buf_printf(b,
               "# HELP sluice_db_up Whether the database can be reached.\n"
               "# TYPE sluice_db_up gauge\nsluice_db_up %d\n"
               "# HELP sluice_db_failures_total Asks that failed for want of a connection.\n"
               "# TYPE sluice_db_failures_total counter\nsluice_db_failures_total %" PRIu64 "\n"
               "# HELP sluice_db_reconnects_total Connections made anew.\n"
               "# TYPE sluice_db_reconnects_total counter\nsluice_db_reconnects_total %" PRIu64
               "\n",
               db->up, db->failures, db->reconnects);
}

void metrics_write(struct metrics *m, const struct health_database *db, struct buf *b)
{
    pthread_mutex_lock(&m->lock);
    buf_printf(b, "# HELP %s Duration of requests.\n# TYPE %s histogram\n", duration, duration);
    for (size_t row = 0; row <= m->nroutes; row++)
        for (unsigned column = 0; column < METRICS_STATUSES; column++)
            write_series(m, row, column, b);
    write_counters(m, b);
    pthread_mutex_unlock(&m->lock);
    buf_printf(b,
               "# HELP sluice_log_dropped_lines_total Lines that standard error did not take.\n"
               "# TYPE sluice_log_dropped_lines_total counter\n"
               "sluice_log_dropped_lines_total %" PRIu64 "\n",
               log_dropped());
    if (db != NULL)
        write_database(db, b);
}
