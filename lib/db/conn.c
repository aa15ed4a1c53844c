#include "db/conn.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/pooler.h"
#include "db/resolve.h"
#include "loop/worker.h"

#define ATTEMPT_US 5000000 /* one host */
#define RESOLVE_POLL_US 10000
#define BACKOFF_FIRST_US 100000
#define BACKOFF_LAST_US 5000000
#define BACKOFF_SCOUT_US 1000000
#define HOPE_US 1000000
#define STEADY_US 1000000 /* connections that live shorter are not reconnected at once */
#define SILENCE_GRACE_US 5000000
#define WHY_MAX 1024

enum conn_state { CONN_WAITING, CONN_RESOLVING, CONN_CONNECTING, CONN_SETTING, CONN_UP };

struct conn {
    struct conn_options o;
    enum conn_state state;
    PGconn *pg;
    struct pipeline *pipeline;
    struct event *on_read, *on_write; /* on_write is the only one while connecting */
    struct timer *timer;              /* of the state: backoff, look-up, attempt */
    struct resolve *resolve;
    unsigned host;   /* the one that is tried, or was right last: the next attempt begins there */
    unsigned tried;  /* in this round */
    unsigned rounds; /* in a row without success */
    uint64_t seed;
    int64_t up_us;      /* since when it is up */
    int64_t hope_us;    /* until when it is hopeful */
    int64_t resolve_us; /* when the look-up has taken too long */
    int64_t heard_us;   /* when the server last said something, or was last asked after a silence */
    const void *holder; /* of the transaction that is open on it, or NULL */
    bool retiring, receiving, writing;
};

static void attempt(struct conn *c);
static void poll_connecting(struct conn *c);
static void poll_setting(struct conn *c);

static const char *lane_name(const struct conn *c)
{
    static const char *const names[LANE_COUNT] = {"read", "write", "slow", "standby"};

    return names[c->o.lane];
}

/* leaving a state */

static void drop_events(struct conn *c)
{
    if (c->on_read != NULL)
        event_free(c->on_read);
    if (c->on_write != NULL)
        event_free(c->on_write);
    c->on_read = c->on_write = NULL;
    c->writing = false;
}

/* Back to waiting; asks in flight are the caller's. */
static void close_all(struct conn *c)
{
    drop_events(c);
    timer_cancel(c->timer);
    resolve_destroy(c->resolve);
    c->resolve = NULL;
    PQfinish(c->pg);
    c->pg = NULL;
    c->state = CONN_WAITING;
    c->retiring = false;
    c->holder = NULL;
}

static int64_t jittered(struct conn *c, int64_t us)
{
    c->seed = c->seed * 6364136223846793005U + 1442695040888963407U;
    return us / 2 + (int64_t)((c->seed >> 33) % (uint64_t)(us / 2 + 1));
}

static int64_t backoff(struct conn *c)
{
    int64_t us = BACKOFF_FIRST_US, last = c->o.scout ? BACKOFF_SCOUT_US : BACKOFF_LAST_US;

    for (unsigned i = 1; i < c->rounds && us < last; i++)
        us *= 2;
    return jittered(c, us < last ? us : last);
}

/* An attempt failed: the next host at once, or the next round later. */
static void attempt_failed(struct conn *c, const char *why)
{
    close_all(c);
    c->host = (c->host + 1) % dsn_hosts(c->o.dsn);
    if (++c->tried < dsn_hosts(c->o.dsn)) {
        timer_set(c->timer, 0);
        return;
    }
    c->tried = 0;
    c->rounds++;
    c->hope_us = 0;
    /* The 1st, 2nd, 4th, ...: an outage must not flood the log. */
    if ((c->rounds & (c->rounds - 1)) == 0)
        log_warn("no connection to the database", LOG_TEXT("lane", lane_name(c)),
                 LOG_NUM("rounds", c->rounds), LOG_TEXT("why", why));
    timer_set(c->timer, backoff(c));
    c->o.changed(c->o.arg, false);
}

static void attempt_failed_pg(struct conn *c)
{
    struct buf why;

    buf_init(&why, WHY_MAX);
    dsn_why(c->pg, &why);
    attempt_failed(c, buf_text(&why));
    buf_done(&why);
}

static void lost(struct conn *c, const char *why)
{
    bool lived = clock_mono_us() - c->up_us > STEADY_US;
    bool steady = lived || c->rounds == 0; /* one early loss is bad luck, two look like a habit */
    struct ask *ask = pipeline_close(c->pipeline);

    log_warn("connection to the database lost", LOG_TEXT("lane", lane_name(c)),
             LOG_TEXT("why", why));
    close_all(c);
    c->rounds = lived ? 0 : c->rounds + 1;
    c->hope_us = steady ? clock_mono_us() + HOPE_US : 0;
    timer_set(c->timer, steady ? 0 : backoff(c));
    while (ask != NULL) {
        struct ask *next = ask->next;

        c->o.ended(c->o.arg, ask, ASK_END_LOST);
        ask = next;
    }
    c->o.changed(c->o.arg, false);
}

static void lost_pg(struct conn *c)
{
    struct buf why;

    buf_init(&why, WHY_MAX);
    dsn_why(c->pg, &why);
    lost(c, buf_text(&why));
    buf_done(&why);
}

/* up */

static void renew_if_idle(struct conn *c)
{
    if (!c->retiring || c->receiving || c->holder != NULL || c->state != CONN_UP ||
        !pipeline_idle(c->pipeline))
        return;
    pipeline_close(c->pipeline);
    close_all(c);
    c->hope_us = clock_mono_us() + HOPE_US;
    timer_set(c->timer, 0);
    c->o.changed(c->o.arg, false);
}

/* Sends libpq's buffer. While it is not empty the socket is watched for writing too; it is always
 * watched for reading, else both sides could wait with full buffers. */
static void flush(struct conn *c)
{
    int left = PQflush(c->pg);

    if (left < 0) {
        lost_pg(c);
        return;
    }
    if ((left == 1) == c->writing)
        return;
    c->writing = left == 1;
    if (c->writing)
        event_add(c->on_write, NULL);
    else
        event_del(c->on_write);
}

static void on_readable(struct conn *c)
{
    bool alive;

    c->heard_us = clock_mono_us();
    c->receiving = true;
    alive = pipeline_receive(c->pipeline);
    c->receiving = false;
    if (!alive) {
        lost_pg(c);
        return;
    }
    if (pipeline_leaked(c->pipeline))
        c->retiring = true;
    renew_if_idle(c);
    if (c->state == CONN_UP && c->writing)
        flush(c);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd;
    if (c->state == CONN_CONNECTING)
        poll_connecting(c);
    else if (c->state == CONN_SETTING)
        poll_setting(c);
    else if (what & EV_READ)
        on_readable(c);
    else
        flush(c);
}

static struct event *watch(struct conn *c, short what)
{
    struct event *event = event_new(worker_base(c->o.worker), PQsocket(c->pg), what, on_socket, c);

    if (event == NULL)
        abort();
    return event;
}

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static void come_up(struct conn *c)
{
    drop_events(c);
    timer_cancel(c->timer);
    PQsetNoticeProcessor(c->pg, ignore_notice, NULL);
    if (!pipeline_open(c->pipeline, c->pg)) {
        attempt_failed_pg(c);
        return;
    }
    c->on_read = watch(c, EV_READ | EV_PERSIST);
    c->on_write = watch(c, EV_WRITE | EV_PERSIST);
    event_add(c->on_read, NULL);
    c->state = CONN_UP;
    c->up_us = clock_mono_us();
    c->hope_us = 0;
    if (c->rounds > 0)
        log_info("connection to the database is back", LOG_TEXT("lane", lane_name(c)),
                 LOG_NUM("rounds", c->rounds));
    c->tried = 0;
    c->o.changed(c->o.arg, true);
}

/* connecting */

static void poll_setting(struct conn *c)
{
    switch (pooler_settings_answered(c->pg)) {
    case POOLER_PENDING: break;
    case POOLER_SET: come_up(c); break;
    case POOLER_FAILED: attempt_failed_pg(c); break;
    }
}

/* A pooler has kept the settings to itself. Until they are answered the attempt goes on: also while
 * the pooler has no server for us. */
static void set_up(struct conn *c)
{
    if (!pooler_send_settings(c->pg, &c->o.session)) {
        attempt_failed_pg(c);
        return;
    }
    c->state = CONN_SETTING;
    c->on_read = watch(c, EV_READ | EV_PERSIST);
    event_add(c->on_read, NULL);
}

static void connected(struct conn *c)
{
    if (pooler_is_between(c->pg))
        set_up(c);
    else
        come_up(c);
}

static void poll_connecting(struct conn *c)
{
    PostgresPollingStatusType status;

    /* libpq may close its socket and open another with the same number (next address, TLS or not):
     * the event is made anew for every step. */
    drop_events(c);
    status = PQconnectPoll(c->pg);
    if (status == PGRES_POLLING_OK) {
        connected(c);
        return;
    }
    if (status == PGRES_POLLING_FAILED || PQsocket(c->pg) < 0) {
        attempt_failed_pg(c);
        return;
    }
    c->on_write = watch(c, status == PGRES_POLLING_READING ? EV_READ : EV_WRITE);
    event_add(c->on_write, NULL);
}

static void start_connecting(struct conn *c, const char *addresses)
{
    c->state = CONN_CONNECTING;
    c->pg = dsn_start(c->o.dsn, &c->o.session, c->host, addresses);
    if (c->pg == NULL || PQstatus(c->pg) == CONNECTION_BAD || PQsocket(c->pg) < 0) {
        attempt_failed_pg(c);
        return;
    }
    timer_set(c->timer, ATTEMPT_US);
    c->on_write = watch(c, EV_WRITE);
    event_add(c->on_write, NULL);
}

static void poll_resolving(struct conn *c)
{
    enum resolve_state state = resolve_poll(c->resolve);
    char *addresses;

    if (state == RESOLVE_PENDING && clock_mono_us() < c->resolve_us) {
        timer_set(c->timer, RESOLVE_POLL_US);
        return;
    }
    if (state != RESOLVE_DONE) {
        attempt_failed(c, state == RESOLVE_PENDING ? "name look-up takes too long"
                                                   : resolve_why(c->resolve));
        return;
    }
    addresses = resolve_addresses(c->resolve);
    resolve_destroy(c->resolve);
    c->resolve = NULL;
    start_connecting(c, addresses);
    free(addresses);
}

static void attempt(struct conn *c)
{
    const char *name = dsn_name(c->o.dsn, c->host);

    if (name == NULL) {
        start_connecting(c, NULL);
        return;
    }
    c->resolve = resolve_start(name);
    if (c->resolve == NULL) {
        attempt_failed(c, "name look-up cannot be started");
        return;
    }
    c->state = CONN_RESOLVING;
    c->resolve_us = clock_mono_us() + ATTEMPT_US;
    timer_set(c->timer, 1000);
}

static void on_timer(void *arg)
{
    struct conn *c = arg;

    switch (c->state) {
    case CONN_WAITING: attempt(c); break;
    case CONN_RESOLVING: poll_resolving(c); break;
    case CONN_CONNECTING:
    case CONN_SETTING: attempt_failed(c, "connecting takes too long"); break;
    case CONN_UP: break;
    }
}

/* for the owner */

static void on_ended(void *arg, struct ask *ask, enum ask_end end)
{
    struct conn *c = arg;

    /* What did not end as it should leaves a transaction that nobody knows: a new connection. */
    if (ask->hold != HOLD_NONE &&
        (end != ASK_END_ANSWERED || (ask->hold == HOLD_CLOSE && ask->outcome != ASK_OK))) {
        c->retiring = true;
        c->holder = NULL;
    } else if (ask->hold == HOLD_CLOSE) {
        c->holder = NULL;
    }
    c->o.ended(c->o.arg, ask, end);
}

struct conn *conn_create(const struct conn_options *o)
{
    struct conn *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    c->o = *o;
    c->seed = (uint64_t)clock_wall_us() ^ (uint64_t)(uintptr_t)c;
    c->pipeline = pipeline_create(o->lane, o->nqueries, on_ended, c);
    c->timer = timer_create_on(o->worker, on_timer, c);
    c->hope_us = clock_mono_us() + HOPE_US;
    timer_set(c->timer, 0);
    return c;
}

void conn_destroy(struct conn *c)
{
    struct ask *ask;

    if (c == NULL)
        return;
    ask = pipeline_close(c->pipeline);
    close_all(c);
    timer_destroy(c->timer);
    pipeline_destroy(c->pipeline);
    while (ask != NULL) {
        struct ask *next = ask->next;

        c->o.ended(c->o.arg, ask, ASK_END_LOST);
        ask = next;
    }
    free(c);
}

unsigned conn_asks(const struct conn *c)
{
    return pipeline_asks(c->pipeline);
}

unsigned conn_room(const struct conn *c)
{
    unsigned depth = c->o.lane == LANE_READ ? CONN_DEPTH : 1;
    unsigned asks = pipeline_asks(c->pipeline);

    return c->state != CONN_UP || c->retiring || c->holder != NULL || asks >= depth ? 0
                                                                                    : depth - asks;
}

bool conn_is_held(const struct conn *c, const void *holder)
{
    return c->holder == holder;
}

bool conn_is_up(const struct conn *c)
{
    return c->state == CONN_UP;
}

bool conn_is_hopeful(const struct conn *c)
{
    return c->state != CONN_UP && clock_mono_us() < c->hope_us;
}

void conn_ask(struct conn *c, struct ask *ask)
{
    /* One that is asked again may be the one that fails its batch, and so may a suspect. */
    bool alone = (ask->retried || ask->suspect) && c->o.lane == LANE_READ;
    bool ok;

    if (ask->hold == HOLD_OPEN)
        c->holder = ask->holder;
    if (pipeline_idle(c->pipeline))
        c->heard_us = clock_mono_us();
    ok = !alone || pipeline_sync(c->pipeline);
    ok = pipeline_send(c->pipeline, ask) && ok;
    ok = ok && (!alone || pipeline_sync(c->pipeline));
    if (!ok)
        lost_pg(c);
}

void conn_flush(struct conn *c)
{
    if (c->state != CONN_UP)
        return;
    if (!pipeline_sync(c->pipeline))
        lost_pg(c);
    else if (!pipeline_idle(c->pipeline))
        flush(c);
}

void conn_retire(struct conn *c)
{
    if (c->state != CONN_UP)
        return;
    c->retiring = true;
    renew_if_idle(c);
}

void conn_hurry(struct conn *c)
{
    if (c->state == CONN_WAITING && c->rounds > 0)
        timer_set(c->timer, jittered(c, BACKOFF_FIRST_US));
}

bool conn_tick(struct conn *c, int64_t now_us)
{
    int64_t limit = 3 * 1000 * (int64_t)c->o.session.statement_timeout_ms + SILENCE_GRACE_US;

    if (c->state != CONN_UP || c->o.session.statement_timeout_ms == 0 ||
        pipeline_idle(c->pipeline) || now_us - c->heard_us < limit)
        return false;
    lost(c, "the server does not answer");
    return true;
}
