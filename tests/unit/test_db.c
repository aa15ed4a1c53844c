/* The lanes against a live PostgreSQL: a private cluster in a folder of its own. */
#include "db_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void a_write_is_all_or_nothing(void **state)
{
    const char *good[] = {"1", "10"}, *same[] = {"1", "11"}, *other[] = {"2", "20"};
    struct question q;

    (void)state;
    say(question(&q, LANE_WRITE), &add, good);
    say(&q, &count, NULL);
    say(&q, &add, same);
    say(&q, &count, NULL);
    get(&q);
    assert_int_equal(q.ask.outcome, ASK_FAILED);
    assert_string_equal(q.ask.error.sqlstate, "23505");
    assert_string_equal(q.ask.error.constraint, "item_pkey");
    assert_int_equal(q.ask.error.statement, 2);
    assert_null(q.ask.statements[1].result);
    ask_done(&q.ask);
    expect_count("0");

    say(question(&q, LANE_WRITE), &add, good);
    say(&q, &add, other);
    say(&q, &count, NULL);
    ask_ok(&q);
    assert_string_equal(cell(&q, 2, "n"), "2");
    assert_true(q.ask.sent);
    ask_done(&q.ask);
    expect_count("2");
}

static void a_failed_commit_is_a_failed_write(void **state)
{
    const char *one[] = {"1"};
    struct question q;

    (void)state;
    for (unsigned i = 0; i < 4; i++) { /* several, so that a connection goes on after it */
        say(question(&q, LANE_WRITE), &later, one);
        say(&q, &later, one);
        get(&q);
        assert_int_equal(q.ask.outcome, ASK_FAILED);
        assert_string_equal(q.ask.error.sqlstate, "23505");
        assert_int_equal(q.ask.error.statement, -1);
        ask_done(&q.ask);
        expect_count("0");
    }
}

static void a_dry_run_answers_and_changes_nothing(void **state)
{
    const char *values[] = {"1", "10"};
    struct question q;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        say(question(&q, LANE_WRITE), &add, values);
        say(&q, &count, NULL);
        q.ask.rollback = true;
        ask_ok(&q);
        assert_string_equal(cell(&q, 1, "n"), "1");
        ask_done(&q.ask);
        expect_count("0");
    }
    say(question(&q, LANE_WRITE), &add, values);
    say(&q, &add, values);
    q.ask.rollback = true;
    get(&q); /* a refusal stays one */
    assert_int_equal(q.ask.outcome, ASK_FAILED);
    assert_string_equal(q.ask.error.sqlstate, "23505");
    ask_done(&q.ask);
}

static void innocent_reads_of_a_failed_batch_are_answered(void **state)
{
    const char *zero[] = {"0"}, *five[] = {"5"};
    struct question q[300]; /* more than one connection takes at a time */

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 300; i++) {
            say(question(&q[i], LANE_READ), &divide, i % 50 == 20 ? zero : five);
            say(&q[i], &count, NULL);
            put(&q[i]);
        }
        loop_until(all_answered, NULL);
        for (unsigned i = 0; i < 300; i++) {
            assert_int_equal(q[i].ask.outcome, i % 50 == 20 ? ASK_FAILED : ASK_OK);
            if (i % 50 == 20)
                assert_string_equal(q[i].ask.error.sqlstate, "22012");
            else
                assert_string_equal(cell(&q[i], 0, "ratio"), "20");
            ask_done(&q[i].ask);
        }
    }
}

static void a_statement_that_cannot_be_prepared_fails_alone(void **state)
{
    struct question bad, good;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        say(question(&bad, LANE_READ), &missing, NULL);
        say(question(&good, LANE_READ), &pid, NULL);
        put(&bad);
        put(&good);
        loop_until(all_answered, NULL);
        assert_int_equal(bad.ask.outcome, ASK_FAILED);
        assert_string_equal(bad.ask.error.sqlstate, "42P01");
        assert_int_equal(good.ask.outcome, ASK_OK);
        ask_done(&bad.ask);
        ask_done(&good.ask);
    }
}

static void the_session_is_set_up(void **state)
{
    static const struct statement show = {
        .text = "select current_user as role, current_setting('TimeZone') as zone,"
                " current_setting('statement_timeout') as timeout,"
                " current_setting('application_name') as name, now() as at, 1 as one, true as yes,"
                " '{}'::jsonb as object, array['a'] as list, 1.50::numeric as money, null as none"};
    static const enum column_kind kinds[] = {COLUMN_TEXT,    COLUMN_TEXT,      COLUMN_TEXT,
                                             COLUMN_TEXT,    COLUMN_TIMESTAMP, COLUMN_NUMBER,
                                             COLUMN_BOOLEAN, COLUMN_JSON,      COLUMN_TEXT_ARRAY,
                                             COLUMN_TEXT,    COLUMN_TEXT};
    struct question q;
    struct result *r;

    (void)state;
    question(&q, LANE_WRITE);
    q.ask.statements[q.ask.n++] = show;
    ask_ok(&q);
    r = q.ask.statements[0].result;
    assert_string_equal(cell(&q, 0, "role"), "worker");
    assert_string_equal(cell(&q, 0, "zone"), "UTC0");
    assert_string_equal(cell(&q, 0, "timeout"), "3s");
    assert_string_equal(cell(&q, 0, "name"), "sluiced");
    assert_null(cell(&q, 0, "none"));
    assert_null(cell(&q, 0, "no such column"));
    for (int i = 0; i < 11; i++)
        assert_int_equal(result_kind(r, i), kinds[i]);
    ask_done(&q.ask);
}

static void a_full_queue_is_busy_at_once(void **state)
{
    const char *second[] = {"1"};
    struct question q[14];
    unsigned busy = 0;

    (void)state;
    for (unsigned i = 0; i < 14; i++) { /* 2 run, 8 wait, 4 are too many */
        say(question(&q[i], LANE_WRITE), i < 2 ? &wait_s : &count, i < 2 ? second : NULL);
        put(&q[i]);
    }
    loop_until(all_answered, NULL);
    for (unsigned i = 0; i < 14; i++) {
        busy += q[i].ask.outcome == ASK_BUSY;
        assert_int_equal(q[i].ask.outcome, i < 10 ? ASK_OK : ASK_BUSY);
        assert_true(q[i].ask.sent == (i < 10));
        ask_done(&q[i].ask);
    }
    assert_int_equal(busy, 4);
}

static void what_nobody_waits_for_is_not_sent(void **state)
{
    const char *second[] = {"1"};
    const int64_t now = clock_mono_us(), hour = INT64_C(3600000000);
    const struct {
        int64_t until_us;
        enum ask_outcome outcome;
    } rows[] = {{0, ASK_OK}, {now + hour, ASK_OK}, {now + 1000, ASK_BUSY}, {now + hour, ASK_OK}};
    struct question running[2], q[COUNT(rows)];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        say(question(&running[i], LANE_WRITE), &wait_s, second);
        put(&running[i]);
    }
    for (unsigned i = 0; i < COUNT(rows); i++) {
        say(question(&q[i], LANE_WRITE), &count, NULL);
        q[i].ask.until_us = rows[i].until_us;
        put(&q[i]);
    }
    loop_until(all_answered, NULL);
    for (unsigned i = 0; i < COUNT(rows); i++) {
        assert_int_equal(q[i].ask.outcome, rows[i].outcome);
        assert_int_equal(q[i].ask.sent, rows[i].outcome == ASK_OK);
        ask_done(&q[i].ask);
    }
    for (unsigned i = 0; i < 2; i++)
        ask_done(&running[i].ask);
}

static void a_long_statement_times_out(void **state)
{
    const char *long_time[] = {"20"};
    struct question q;

    (void)state;
    say(question(&q, LANE_READ), &wait_s, long_time);
    get(&q);
    assert_int_equal(q.ask.outcome, ASK_FAILED);
    assert_string_equal(q.ask.error.sqlstate, "57014");
    ask_done(&q.ask);
}

static void a_killed_backend_comes_back(void **state)
{
    const char *second[] = {"1"};
    struct question sleeping, waiting, write;
    unsigned all = 4;

    (void)state;
    expect_count("0");
    sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = "
        "'sluiced'");
    expect_count("0"); /* asked again on the next connection */
    loop_until(all_connected, &all);
    say(question(&write, LANE_WRITE), &wait_s, second);
    say(question(&sleeping, LANE_READ), &wait_s, second);
    say(question(&waiting, LANE_READ), &count, NULL);
    put(&write);
    put(&sleeping);
    put(&waiting);
    do { /* until the server has seen the write */
        loop_until(soon, NULL);
        sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = "
            "'sluiced'"
            " and query like '%pg_sleep%' and state = 'active'");
    } while (!write.answered);
    loop_until(all_answered, NULL);
    assert_int_equal(write.ask.outcome, ASK_UNAVAILABLE);
    assert_true(write.ask.sent); /* its fate is unknown */
    assert_true(sleeping.ask.outcome == ASK_OK || sleeping.ask.outcome == ASK_UNAVAILABLE);
    ask_done(&write.ask);
    ask_done(&sleeping.ask);
    ask_done(&waiting.ask);
    loop_until(all_connected, &all);
    expect_count("0");
}

static void a_stopped_server_is_unavailable_and_comes_back(void **state)
{
    struct question q[4];
    unsigned all = 4;
    int64_t asked;

    (void)state;
    expect_count("0");
    stop_cluster();
    loop_until(is_down, NULL);
    asked = clock_mono_us();
    for (unsigned i = 0; i < 4; i++) {
        say(question(&q[i], i % 2 == 0 ? LANE_READ : LANE_WRITE), &count, NULL);
        put(&q[i]);
    }
    loop_until(all_answered, NULL);
    assert_true(clock_mono_us() - asked < 1500000);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(q[i].ask.outcome, ASK_UNAVAILABLE);
        assert_false(q[i].ask.sent);
        ask_done(&q[i].ask);
    }
    /* now nobody even hopes, and the answer is there within a turn */
    say(question(&q[0], LANE_READ), &count, NULL);
    get(&q[0]);
    assert_int_equal(q[0].ask.outcome, ASK_UNAVAILABLE);
    ask_done(&q[0].ask);
    start_cluster();
    assert_false(cluster_is_new(house.cluster));
    loop_until(all_connected, &all);
    expect_count("0");
}

static void a_killed_server_is_tended(void **state)
{
    unsigned all = 4;

    (void)state;
    {
        struct cluster_paths paths = {0};
        char data[128];

        (void)snprintf(data, sizeof data, "%s/postgres", house.data);
        paths.data = data;
        assert_int_equal(kill(cluster_read_pid(&paths), SIGKILL), 0);
    }
    loop_until(is_down, NULL);
    PQfinish(house.admin);
    house.admin = NULL;
    while (house.admin == NULL || PQstatus(house.admin) != CONNECTION_OK) {
        PQfinish(house.admin);
        cluster_tend(house.cluster);
        house.admin = PQconnectdb(cluster_url(house.cluster));
    }
    loop_until(all_connected, &all);
    expect_count("0");
}

static void many_rows_arrive(void **state)
{
    static const struct statement rows = {
        .text = "select i, repeat('x', 200) as text from generate_series(1, 10000) i"};
    struct question q[LANE_COUNT];

    (void)state;
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        question(&q[lane], (enum lane)lane);
        q[lane].ask.statements[q[lane].ask.n++] = rows;
        put(&q[lane]);
    }
    loop_until(all_answered, NULL);
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        struct result *r = q[lane].ask.statements[0].result;

        assert_int_equal(q[lane].ask.outcome, ASK_OK);
        assert_int_equal(result_rows(r), 10000);
        assert_string_equal(result_text(r, 9999, 0), "10000");
        assert_int_equal(result_length(r, 5000, 1), 200);
        ask_done(&q[lane].ask);
    }
}

static void a_parameter_may_be_bytes(void **state)
{
    static const unsigned types[] = {25, 17}; /* text, bytea */
    static const struct statement sizes = {
        .text = "select $1 as word, length($2) as n, encode($2, 'hex') as hex",
        .nparams = 2,
        .types = types};
    const char *values[] = {"text", "a\0'\\b"};
    struct question q;

    (void)state;
    for (unsigned i = 0; i < 2; i++) { /* also as a plan that is there already */
        question(&q, LANE_READ);
        q.ask.statements[0] = sizes;
        q.ask.statements[0].values = values;
        q.ask.statements[0].raw = 2;
        q.ask.statements[0].raw_size = 5;
        q.ask.n = 1;
        ask_ok(&q);
        assert_string_equal(cell(&q, 0, "word"), "text");
        assert_string_equal(cell(&q, 0, "n"), "5");
        assert_string_equal(cell(&q, 0, "hex"), "6100275c62");
        ask_done(&q.ask);
    }
}

static void a_cache_is_a_quarter_of_the_memory(void **state)
{
    (void)state;
    assert_int_equal(cluster_cache_mb(0), 128);
    assert_int_equal(cluster_cache_mb(512ULL << 20), 128);
    assert_int_equal(cluster_cache_mb(2ULL << 30), 512);
    assert_int_equal(cluster_cache_mb(3ULL << 30), 768);
    assert_int_equal(cluster_cache_mb(64ULL << 30), 1024);
}

static void large_parameters_pass(void **state)
{
    static const struct statement echo = {.text = "select length($1::text) as n, $1::text as text",
                                          .nparams = 1};
    size_t size = 8 << 20;
    char *text = malloc(size + 1);
    const char *values[1];
    struct question q[4];

    (void)state;
    assert_non_null(text);
    memset(text, 'y', size);
    text[size] = '\0';
    values[0] = text;
    for (unsigned i = 0; i < 4; i++) { /* both directions are full at once */
        question(&q[i], LANE_READ);
        q[i].ask.statements[0] = echo;
        q[i].ask.statements[0].values = values;
        q[i].ask.n = 1;
        put(&q[i]);
    }
    loop_until(all_answered, NULL);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(q[i].ask.outcome, ASK_OK);
        assert_string_equal(cell(&q[i], 0, "n"), "8388608");
        ask_done(&q[i].ask);
    }
    free(text);
}

static void a_changed_function_is_prepared_again(void **state)
{
    struct question q[6];

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        say(question(&q[i], i % 2 == 0 ? LANE_READ : LANE_WRITE), &shape, NULL);
        put(&q[i]);
    }
    loop_until(all_answered, NULL);
    for (unsigned i = 0; i < 6; i++) {
        assert_string_equal(cell(&q[i], 0, "a"), "1");
        ask_done(&q[i].ask);
    }
    sql("drop function sluice.shape();"
        "create function sluice.shape() returns table (a text, b int) language sql as"
        " $$select 'one', 2$$");
    for (unsigned i = 0; i < 6; i++) {
        say(question(&q[i], i % 2 == 0 ? LANE_READ : LANE_WRITE), &shape, NULL);
        put(&q[i]);
    }
    loop_until(all_answered, NULL);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(q[i].ask.outcome, ASK_OK);
        assert_string_equal(cell(&q[i], 0, "a"), "one");
        assert_string_equal(cell(&q[i], 0, "b"), "2");
        ask_done(&q[i].ask);
    }
}

static void composed_statements_are_prepared_in_a_bounded_cache(void **state)
{
    static const struct statement prepared = {
        .text = "select count(*) as n from pg_prepared_statements where name like 'c%'"};
    struct question q[100];
    char texts[100][32];
    struct question last;

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 100; i++) {
            question(&q[i], LANE_READ);
            (void)snprintf(texts[i], sizeof texts[i], "select %u as n", i);
            q[i].ask.statements[0] = (struct statement){.text = texts[i]};
            q[i].ask.n = 1;
            put(&q[i]);
        }
        loop_until(all_answered, NULL);
        for (unsigned i = 0; i < 100; i++) {
            char n[12];

            (void)snprintf(n, sizeof n, "%u", i);
            assert_int_equal(q[i].ask.outcome, ASK_OK);
            assert_string_equal(cell(&q[i], 0, "n"), n);
            ask_done(&q[i].ask);
        }
    }
    question(&last, LANE_READ);
    last.ask.statements[0] = prepared;
    last.ask.n = 1;
    ask_ok(&last);
    assert_string_equal(cell(&last, 0, "n"), "64");
    ask_done(&last.ask);
}

/* A done callback that asks again at once: the chain must not need another event to go on. */
struct chain {
    struct question q;
    unsigned left;
};

static void on_link(struct ask *ask, void *arg)
{
    struct chain *c = arg;

    assert_int_equal(ask->outcome, ASK_OK);
    ask_done(ask);
    if (--c->left == 0) {
        bench.waiting--;
        return;
    }
    db_ask(bench.db, ask);
}

static void a_callback_may_ask_again(void **state)
{
    struct chain c = {.left = 200};

    (void)state;
    say(question(&c.q, LANE_READ), &count, NULL);
    c.q.ask.done = on_link;
    c.q.ask.arg = &c;
    bench.waiting++;
    db_ask(bench.db, &c.q.ask);
    loop_until(all_answered, NULL);
    assert_int_equal(c.left, 0);
}

static void closing_answers_what_is_in_flight(void **state)
{
    const char *second[] = {"5"};
    struct question q[20];
    struct db_stats stats;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        say(question(&q[i], (enum lane)(i % 2)), &wait_s, second);
        put(&q[i]);
    }
    loop_until(soon, NULL);
    db_read_stats(bench.db, &stats);
    assert_int_equal(stats.busy[LANE_WRITE], 2);
    assert_int_equal(stats.busy[LANE_READ], 1);
    assert_int_equal(stats.waiting[LANE_WRITE], 8);
    db_destroy(bench.db);
    bench.db = NULL;
    assert_int_equal(bench.waiting, 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(q[i].ask.outcome, ASK_UNAVAILABLE);
        ask_done(&q[i].ask);
    }
}

static int listen_silently(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void several_hosts_are_tried_in_turn(void **state)
{
    struct db_options o = {.connections = {1, 1, 0},
                           .queue = {10, 10, 10},
                           .timeout_ms = {2000, 2000, 2000},
                           .nqueries = Q_END};
    char url[512];
    struct question q;
    unsigned both = 2;
    int silent, port;
    int64_t began;

    (void)state;
    db_destroy(bench.db);
    /* one that accepts and says nothing, a name with nobody at the port, no such folder, the right
     * one */
    silent = listen_silently(&port);
    (void)snprintf(url, sizeof url,
                   "host='127.0.0.1,localhost,/nowhere,%s/data \\'x/run' port='%d,1,5432,5432'"
                   " user=postgres dbname=sluice",
                   house.folder, port);
    o.url = url;
    close_worker();
    open_worker();
    bench.db = db_create(bench.worker, &o);
    loop_until(all_connected, &both);
    expect_count("0");
    began = clock_mono_us();
    sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = "
        "'sluiced'");
    loop_until(soon, NULL);
    loop_until(all_connected, &both); /* and not through the silent one again */
    assert_true(clock_mono_us() - began < 4000000);
    say(question(&q, LANE_SLOW), &count, NULL); /* a lane without connections */
    get(&q);
    assert_int_equal(q.ask.outcome, ASK_UNAVAILABLE);
    ask_done(&q.ask);
    close(silent);
}

static void connect_to(const char *url)
{
    struct db_options o = {.connections = {1, 1, 0},
                           .queue = {10, 10, 10},
                           .timeout_ms = {2000, 2000, 2000},
                           .nqueries = Q_END,
                           .url = url};
    unsigned both = 2;

    db_destroy(bench.db);
    bench.db = NULL;
    close_worker();
    open_worker();
    bench.db = db_create(bench.worker, &o);
    loop_until(all_connected, &both);
    expect_count("0");
}

/* As they stand in most connection strings; the first one has no server. */
static void several_hosts_need_no_ports(void **state)
{
    char url[512], folder[192] = "";

    (void)state;
    (void)snprintf(url, sizeof url, "host='/nowhere,%s/data \\'x/run' user=postgres dbname=sluice",
                   house.folder);
    connect_to(url);
    for (const char *p = house.folder; *p != '\0'; p++)
        (void)snprintf(folder + strlen(folder), sizeof folder - strlen(folder), "%%%02X", *p);
    (void)snprintf(url, sizeof url,
                   "postgresql://postgres@%%2Fnowhere,%s%%2Fdata%%20%%27x%%2Frun/sluice", folder);
    connect_to(url);
}

static void only_one_daemon_may_run_a_cluster(void **state)
{
    struct cluster_options o = {.data_dir = house.data, .user = "postgres"};
    struct buf why;

    (void)state;
    buf_init(&why, 4096);
    assert_null(cluster_start(&o, &why));
    assert_non_null(strstr(buf_text(&why), "another process"));
    buf_done(&why);
}

static void a_server_left_running_is_taken_over(void **state)
{
    char data[128], cluster_data[144];
    struct cluster_options o = {.data_dir = data, .user = "postgres"};
    struct cluster_paths paths = {.data = cluster_data};
    struct cluster *cluster;
    struct buf why;
    pid_t child, server;
    int status;

    (void)state;
    (void)snprintf(data, sizeof data, "%s/left", house.folder);
    (void)snprintf(cluster_data, sizeof cluster_data, "%s/postgres", data);
    buf_init(&why, 4096);
    child = fork();
    if (child == 0) /* a daemon that is killed: it stops nothing */
        _exit(cluster_start(&o, &why) == NULL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    server = cluster_read_pid(&paths);
    assert_true(server > 0 && cluster_pid_lives(server));
    cluster = cluster_start(&o, &why);
    assert_non_null(cluster);
    assert_int_equal(cluster_read_pid(&paths), server);
    assert_false(cluster_is_new(cluster));
    cluster_tend(cluster);
    assert_int_equal(cluster_read_pid(&paths), server);
    cluster_stop(cluster);
    assert_false(cluster_pid_lives(server));
    assert_int_equal(cluster_read_pid(&paths), 0);
    buf_done(&why);
}

#define BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH(a_write_is_all_or_nothing),
        BENCH(a_failed_commit_is_a_failed_write),
        BENCH(a_dry_run_answers_and_changes_nothing),
        BENCH(innocent_reads_of_a_failed_batch_are_answered),
        BENCH(a_statement_that_cannot_be_prepared_fails_alone),
        BENCH(the_session_is_set_up),
        BENCH(a_full_queue_is_busy_at_once),
        BENCH(what_nobody_waits_for_is_not_sent),
        BENCH(a_long_statement_times_out),
        BENCH(many_rows_arrive),
        BENCH(a_parameter_may_be_bytes),
        BENCH(large_parameters_pass),
        BENCH(a_changed_function_is_prepared_again),
        BENCH(composed_statements_are_prepared_in_a_bounded_cache),
        BENCH(a_callback_may_ask_again),
        BENCH(closing_answers_what_is_in_flight),
        BENCH(a_killed_backend_comes_back),
        BENCH(several_hosts_are_tried_in_turn),
        BENCH(several_hosts_need_no_ports),
        BENCH(a_stopped_server_is_unavailable_and_comes_back),
        BENCH(a_killed_server_is_tended),
        cmocka_unit_test(a_cache_is_a_quarter_of_the_memory),
        cmocka_unit_test(only_one_daemon_may_run_a_cluster),
        cmocka_unit_test(a_server_left_running_is_taken_over),
    };

    return cmocka_run_group_tests(tests, build_house, raze_house);
}
