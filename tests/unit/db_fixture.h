/**
 * db_fixture - a private cluster with a small schema (the house), and a worker with its lanes (the
 * bench).
 */
#ifndef SLUICE_UNIT_DB_FIXTURE_H
#define SLUICE_UNIT_DB_FIXTURE_H

#include "unit.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/cluster.h"
#include "db/cluster_files.h"
#include "db/cluster_run.h"
#include "db/db.h"
#include "loop/worker.h"
#include "queries.gen.h"

#define LIMIT_US 30000000 /* no test waits longer for anything */
#define INT8 20

enum { Q_ADD = QUERY_COUNT, Q_COUNT, Q_DIVIDE, Q_SHAPE, Q_LATER, Q_SLEEP, Q_PID, Q_MISSING, Q_END };

static const unsigned one_int[] = {INT8};
static const unsigned two_ints[] = {INT8, INT8};

#define QUERY(i, t, n, ty)                                                                         \
    {                                                                                              \
        .name = #i, .text = (t), .id = (i), .nparams = (n), .types = (ty)                          \
    }
static const struct query add =
    QUERY(Q_ADD, "insert into sluice.item values ($1, $2)", 2, two_ints);
static const struct query count = QUERY(Q_COUNT, "select count(*) as n from sluice.item", 0, NULL);
static const struct query divide = QUERY(Q_DIVIDE, "select 100 / $1 as ratio", 1, one_int);
static const struct query shape = QUERY(Q_SHAPE, "select * from sluice.shape()", 0, NULL);
static const struct query later =
    QUERY(Q_LATER, "insert into sluice.later values ($1)", 1, one_int);
static const struct query wait_s = QUERY(Q_SLEEP, "select pg_sleep($1)", 1, one_int);
static const struct query pid = QUERY(Q_PID, "select pg_backend_pid() as pid", 0, NULL);
static const struct query missing = QUERY(Q_MISSING, "select * from sluice.missing", 0, NULL);

static struct {
    char folder[64], data[80];
    struct cluster *cluster;
    PGconn *admin;
} house;

static struct {
    struct worker *worker;
    struct db *db;
    struct timer *poll, *limit;
    bool (*until)(void *);
    void *until_arg;
    unsigned waiting;
} bench;

/* the loop */

static inline void on_limit(void *arg)
{
    (void)arg;
    (void)fprintf(stderr, "waited too long\n");
    abort();
}

static inline void on_poll(void *arg)
{
    (void)arg;
    if (bench.until(bench.until_arg))
        worker_stop(bench.worker);
    else
        timer_set(bench.poll, 2000);
}

static inline void loop_until(bool (*until)(void *), void *arg)
{
    bench.until = until;
    bench.until_arg = arg;
    timer_set(bench.poll, 0);
    timer_set(bench.limit, LIMIT_US);
    worker_run(bench.worker);
    timer_cancel(bench.limit);
}

static inline bool all_answered(void *arg)
{
    (void)arg;
    return bench.waiting == 0;
}

static inline bool is_up(void *arg)
{
    (void)arg;
    return db_is_up(bench.db);
}

static inline bool soon(void *arg)
{
    (void)arg;
    return true;
}

static inline bool is_down(void *arg)
{
    return !is_up(arg);
}

static inline bool all_connected(void *arg)
{
    struct db_stats stats;
    unsigned n = 0;

    db_read_stats(bench.db, &stats);
    for (unsigned i = 0; i < LANE_COUNT; i++)
        n += stats.idle[i];
    return n == *(unsigned *)arg;
}

/* asks */

static bool inside; /* db_ask() is running */

static inline void on_done(struct ask *ask, void *arg)
{
    bool *answered = arg;

    (void)ask;
    assert_false(inside);
    assert_false(*answered);
    *answered = true;
    bench.waiting--;
}

struct question {
    struct ask ask;
    bool answered;
};

static inline struct question *question(struct question *q, enum lane lane)
{
    *q = (struct question){0};
    q->ask.lane = lane;
    q->ask.done = on_done;
    q->ask.arg = &q->answered;
    return q;
}

static inline void say(struct question *q, const struct query *query, const char *const *values)
{
    q->ask.statements[q->ask.n++] = (struct statement){.query = query, .values = values};
}

static inline void put(struct question *q)
{
    bench.waiting++;
    inside = true;
    db_ask(bench.db, &q->ask);
    inside = false;
}

static inline void get(struct question *q)
{
    put(q);
    loop_until(all_answered, NULL);
}

static inline const char *cell(const struct question *q, int statement, const char *name)
{
    return result_get(q->ask.statements[statement].result, 0, name);
}

static inline void ask_ok(struct question *q)
{
    get(q);
    if (q->ask.outcome != ASK_OK)
        (void)fprintf(stderr, "%d: %s\n", (int)q->ask.outcome,
                      q->ask.error.message == NULL ? "" : q->ask.error.message);
    assert_int_equal(q->ask.outcome, ASK_OK);
}

static inline void expect_count(const char *n)
{
    struct question q;

    say(question(&q, LANE_READ), &count, NULL);
    ask_ok(&q);
    assert_string_equal(cell(&q, 0, "n"), n);
    ask_done(&q.ask);
}

/* the house */

static inline void sql(const char *text)
{
    PGresult *res = PQexec(house.admin, text);

    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
        (void)fprintf(stderr, "%s", PQerrorMessage(house.admin));
    assert_true(PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK);
    PQclear(res);
}

static inline void start_cluster(void)
{
    struct cluster_options o = {.data_dir = house.data, .user = "postgres"};
    struct buf why;

    buf_init(&why, 4096);
    house.cluster = cluster_start(&o, &why);
    if (house.cluster == NULL)
        (void)fprintf(stderr, "%s\n", buf_text(&why));
    assert_non_null(house.cluster);
    buf_done(&why);
    house.admin = PQconnectdb(cluster_url(house.cluster));
    assert_int_equal(PQstatus(house.admin), CONNECTION_OK);
}

static inline void stop_cluster(void)
{
    PQfinish(house.admin);
    house.admin = NULL;
    cluster_stop(house.cluster);
    house.cluster = NULL;
}

static inline int build_house(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_ERROR, false);
    (void)snprintf(house.folder, sizeof house.folder, "/tmp/sluice-test-db-XXXXXX");
    if (mkdtemp(house.folder) == NULL || chmod(house.folder, 0711) != 0)
        return -1;
    (void)snprintf(house.data, sizeof house.data, "%s/data 'x", house.folder);
    start_cluster();
    assert_true(cluster_is_new(house.cluster));
    sql("create role worker nologin; create schema sluice;"
        "create table sluice.item (id bigint primary key, n bigint);"
        "create table sluice.later (id bigint unique deferrable initially deferred);"
        "grant usage on schema sluice to worker; grant all on all tables in schema sluice to "
        "worker;"
        "create function sluice.dry_end() returns void language plpgsql as"
        " $$begin raise exception using errcode = 'SLDRY', message = 'dry'; end$$;"
        "create function sluice.shape() returns table (a int) language sql as 'select 1'");
    return 0;
}

static inline int raze_house(void **state)
{
    (void)state;
    if (house.cluster != NULL)
        stop_cluster();
    cluster_remove_tree(house.folder);
    return 0;
}

static inline void open_worker(void)
{
    bench.worker = worker_create(0);
    bench.poll = timer_create_on(bench.worker, on_poll, NULL);
    bench.limit = timer_create_on(bench.worker, on_limit, NULL);
}

static inline void close_worker(void)
{
    timer_destroy(bench.poll);
    timer_destroy(bench.limit);
    worker_destroy(bench.worker);
}

static inline void open_db(unsigned writers, unsigned write_queue)
{
    struct db_options o = {
        .role = "worker",
        .connections = {1, writers, 1},
        .queue = {1000, write_queue, 4},
        .timeout_ms = {2000, 3000, 10000},
        .nqueries = Q_END,
    };
    unsigned n = writers + 2;

    sql("truncate sluice.item, sluice.later");
    open_worker();
    o.url = cluster_url(house.cluster);
    bench.db = db_create(bench.worker, &o);
    loop_until(all_connected, &n);
}

static inline int open_bench(void **state)
{
    (void)state;
    open_db(2, 8);
    return 0;
}

static inline int close_bench(void **state)
{
    (void)state;
    db_destroy(bench.db);
    close_worker();
    bench.db = NULL;
    return 0;
}

#endif
