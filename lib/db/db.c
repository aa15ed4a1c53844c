#include "db/db.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/conn.h"
#include "db/dsn.h"
#include "db/lane.h"
#include "db/standby.h"
#include "db/watch.h"
#include "loop/worker.h"

/* sql/queries/engine.sql */
extern const struct query query_log_position;

#define TICK_US 250000
#define LOCK_TIMEOUT_MS 2000
#define READ_LOCK_TIMEOUT_MS 500 /* reads wait for ACCESS EXCLUSIVE only, all in one row */
#define ROUNDS_MAX 4             /* of done callbacks that ask again at once, per turn */

struct db {
    struct worker *worker;
    struct dsn *dsn, *standby_dsn;
    struct standby standby;
    struct ask
        position; /* where the primary's log ends; asked now and then for the standby's sake */
    int64_t position_us; /* when it was asked */
    bool asks_position;
    struct watch watch;
    struct lane_state lanes[LANE_COUNT];
    struct ask_list finished; /* answered without a connection; told at the end of the turn */
    struct event *kick; /* keeps the loop from sleeping when something was asked late in a turn */
    struct timer *tick, *position_due;
    uint64_t failures, connects;
    bool work; /* the turn has something to do */
    bool closing;
};

/* answering */

static void tell(struct db *db, struct ask *ask)
{
    ask->done_us = clock_mono_us();
    if (ask->outcome != ASK_OK)
        db->failures++;
    ask->done(ask, ask->arg);
}

/* Answers at the end of the turn. */
static void finish(struct db *db, struct ask *ask, enum ask_outcome outcome)
{
    ask->outcome = outcome;
    asks_append(&db->finished, ask);
    db->work = true;
}

/* Nothing was done for the ask, so it may be asked once more. */
static void again(struct db *db, struct ask *ask)
{
    ask->sent = false;
    if (ask->retried) {
        finish(db, ask, ASK_UNAVAILABLE);
        return;
    }
    ask_done(ask);
    ask->retried = true;
    asks_append(&db->lanes[ask->lane].again, ask);
    db->work = true;
}

static void retire_all(struct db *db)
{
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        for (unsigned i = 0; i < db->lanes[lane].nconns; i++)
            conn_retire(db->lanes[lane].conns[i]);
}

/* A standby that cannot answer has done nothing that counts: it is too far behind, was promoted, is
 * gone, or what it replays was in the way. */
static void ask_primary(struct db *db, struct ask *ask)
{
    struct lane_state *slow = &db->lanes[LANE_SLOW];

    ask_done(ask);
    ask->lane = LANE_SLOW;
    ask->sent = ask->retried = false;
    slow->asks++;
    if (db->closing)
        finish(db, ask, ASK_UNAVAILABLE);
    else
        asks_append(&slow->waiting, ask);
    db->work = true;
}

/* What took too long there takes too long here. */
static bool is_answer(const struct ask *ask, enum ask_end end)
{
    return end == ASK_END_ANSWERED &&
           (ask->outcome == ASK_OK || strcmp(ask->error.sqlstate, "57014") == 0);
}

/* Nothing was done for the ask, and none of the connections is of use any more. */
static void give_up(struct db *db, struct ask *ask)
{
    retire_all(db);
    ask->sent = false;
    ask->outcome = ASK_UNAVAILABLE;
    tell(db, ask);
}

static void on_ended(void *arg, struct ask *ask, enum ask_end end)
{
    struct db *db = arg;
    struct lane_state *l = &db->lanes[ask->lane];

    db->work = true;
    if (ask->suspect)
        l->suspects_out--;
    ask->suspect = false;
    if (end == ASK_END_ANSWERED) {
        int64_t now = clock_mono_us();

        suspects_learn(&l->suspects, ask, now);
        lane_note(l, now);
    }
    if (ask->lane == LANE_STANDBY && !is_answer(ask, end)) {
        if (end == ASK_END_STALE || strcmp(ask->error.sqlstate, "SLPRM") == 0)
            retire_all(db);
        ask_primary(db, ask);
        return;
    }
    switch (end) {
    case ASK_END_ANSWERED: tell(db, ask); break;
    case ASK_END_ABORTED: again(db, ask); break;
    case ASK_END_STALE:
        if (ask->hold != HOLD_NONE) {
            give_up(db, ask);
            break;
        }
        /* What the schema's change did to this connection it did to all. */
        retire_all(db);
        if (ask->retried)
            tell(db, ask);
        else
            again(db, ask);
        break;
    case ASK_END_READ_ONLY: give_up(db, ask); break;
    case ASK_END_LOST:
        if (ask->lane == LANE_READ)
            again(db, ask);
        else
            finish(db, ask, ASK_UNAVAILABLE);
        break;
    }
}

static void on_changed(void *arg, bool came_up)
{
    struct db *db = arg;

    db->work = true;
    if (!came_up)
        return;
    db->connects++;
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        for (unsigned i = 0; i < db->lanes[lane].nconns; i++)
            conn_hurry(db->lanes[lane].conns[i]);
}

/* sending */

/* Its turn has come. Work that nobody waits for would be taken from those who still do. */
static void send_ask(struct db *db, struct lane_state *l, struct conn *conn, struct ask *ask)
{
    int64_t now = clock_mono_us();

    if (ask->until_us != 0 && ask->until_us <= now) {
        l->suspects_out -= ask->suspect;
        ask->suspect = false;
        finish(db, ask, ASK_BUSY);
    } else if (ask->lane == LANE_STANDBY && standby_waited(&db->standby, ask->queued_us, now)) {
        ask_primary(db, ask);
    } else {
        conn_ask(conn, ask);
    }
}

static void lane_send(struct db *db, enum lane lane)
{
    struct lane_state *l = &db->lanes[lane];
    struct conn *conn;
    struct ask *ask;

    while (l->again.n + l->waiting.n > 0 && (conn = lane_conn(l)) != NULL &&
           (ask = lane_next(l)) != NULL)
        send_ask(db, l, conn, ask);
    for (unsigned i = 0; i < l->nconns; i++)
        conn_flush(l->conns[i]);
    if (l->again.n + l->waiting.n == 0 || lane_is_usable(l))
        return;
    while ((ask = lane_shift(l)) != NULL)
        if (lane == LANE_STANDBY)
            ask_primary(db, ask);
        else
            finish(db, ask, ASK_UNAVAILABLE);
}

static void tell_finished(struct db *db)
{
    struct ask_list finished = db->finished;
    struct ask *ask;

    db->finished = (struct ask_list){0};
    while ((ask = asks_shift(&finished)) != NULL)
        tell(db, ask);
}

static void on_turn(void *arg)
{
    struct db *db = arg;

    for (unsigned round = 0; db->work && round < ROUNDS_MAX; round++) {
        db->work = false;
        tell_finished(db);
        for (unsigned lane = 0; lane < LANE_COUNT; lane++)
            lane_send(db, (enum lane)lane);
    }
    if (db->work)
        event_active(db->kick, EV_TIMEOUT, 1);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
    struct db *db = arg;

    (void)fd;
    (void)what;
    db->work = true; /* the turn that this event is part of does the rest */
}

/* the standby */

uint64_t db_standby_wanted(const struct db *db)
{
    return standby_wanted(&db->standby, clock_mono_us());
}

static void position_told(struct ask *ask, void *arg)
{
    struct db *db = arg;
    const char *text = ask->outcome == ASK_OK ? result_text(ask->statements[0].result, 0, 0) : NULL;

    db->asks_position = false;
    if (text != NULL)
        standby_note(&db->standby, strtoull(text, NULL, 10), db->position_us);
    ask_done(ask);
}

static void ask_position(void *arg)
{
    struct db *db = arg;

    timer_set(db->position_due, standby_interval(&db->standby));
    if (db->asks_position)
        return;
    db->asks_position = true;
    db->position_us = clock_mono_us();
    db->position = (struct ask){.statements = {{.query = &query_log_position}},
                                .n = 1,
                                .lane = LANE_READ,
                                .done = position_told,
                                .arg = db};
    db_ask(db, &db->position);
}

/* One that is up and has room in its queue, and a position to compare it with. */
static bool standby_may_answer(const struct db *db)
{
    const struct lane_state *l = &db->lanes[LANE_STANDBY];

    return db_standby_wanted(db) != 0 && l->waiting.n < l->limit && lane_is_up(l);
}

/* the write lane */

static void watch_answered(struct ask *ask, void *arg)
{
    struct db *db = arg;

    (void)ask;
    if (watch_told(&db->watch))
        retire_all(db);
}

static void watch_writes(struct db *db, int64_t now)
{
    struct lane_state *l = &db->lanes[LANE_WRITE];

    if (watch_is_due(&db->watch, now) && lane_is_usable(l))
        asks_append(&l->again, watch_begin(&db->watch, now, watch_answered, db));
}

static void on_tick(void *arg)
{
    struct db *db = arg;
    int64_t now = clock_mono_us();
    bool silent = false;

    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        for (unsigned i = 0; i < db->lanes[lane].nconns; i++)
            silent = (conn_tick(db->lanes[lane].conns[i], now) && lane != LANE_STANDBY) || silent;
    if (silent) /* those that are idle lead to the same silence: requests must not find out one by
                   one */
        retire_all(db);
    watch_writes(db, now);
    db->work = true; /* hope may be over */
    timer_set(db->tick, TICK_US);
}

/* On the connection that its transaction is open on, if it still is. */
static void go_on(struct db *db, const struct lane_state *l, struct ask *ask)
{
    for (unsigned i = 0; i < l->nconns; i++) {
        if (!conn_is_held(l->conns[i], ask->holder))
            continue;
        conn_ask(l->conns[i], ask);
        return;
    }
    finish(db, ask, ASK_UNAVAILABLE);
}

void db_ask(struct db *db, struct ask *ask)
{
    struct lane_state *l;

    if (ask->lane == LANE_STANDBY && !standby_may_answer(db))
        ask->lane = LANE_SLOW;
    l = &db->lanes[ask->lane];
    ask->queued_us = clock_mono_us();
    ask->sent = ask->retried = ask->suspect = false;
    ask->mark = 0;
    ask->marks = db->standby_dsn != NULL && ask->lane == LANE_WRITE && !ask->rollback &&
                 (ask->hold == HOLD_NONE || ask->hold == HOLD_CLOSE);
    ask->error = (struct ask_error){.statement = -1};
    l->asks++;
    if (!db->work) {
        db->work = true;
        event_active(db->kick, EV_TIMEOUT, 1);
    }
    if (ask->n == 0)
        finish(db, ask, ASK_OK);
    else if (ask->hold > HOLD_OPEN)
        go_on(db, l, ask);
    else if (db->closing || !lane_is_usable(l))
        finish(db, ask, ASK_UNAVAILABLE);
    else if (l->waiting.n >= l->limit + lane_room(l) || lane_is_crowded(l, ask) ||
             lane_is_late(l, ask))
        finish(db, ask, ASK_BUSY);
    else
        asks_append(&l->waiting, ask);
}

/* life */

static void lane_open(struct db *db, const struct db_options *o, enum lane lane)
{
    struct lane_state *l = &db->lanes[lane];
    struct conn_options options = {
        .worker = db->worker,
        .dsn = lane == LANE_STANDBY ? db->standby_dsn : db->dsn,
        .session = {.role = o->role,
                    .standby = lane == LANE_STANDBY,
                    .statement_timeout_ms = o->timeout_ms[lane],
                    .lock_timeout_ms = lane == LANE_READ ? READ_LOCK_TIMEOUT_MS : LOCK_TIMEOUT_MS},
        .lane = lane,
        .nqueries = o->nqueries,
        .ended = on_ended,
        .changed = on_changed,
        .arg = db,
    };

    l->limit = o->queue[lane];
    if (options.dsn == NULL)
        return;
    l->conns = calloc((size_t)o->connections[lane] + 1, sizeof(struct conn *));
    if (l->conns == NULL)
        abort();
    while (l->nconns < o->connections[lane]) {
        options.scout = lane == LANE_READ && l->nconns == 0;
        l->conns[l->nconns++] = conn_create(&options);
    }
}

struct db *db_create(struct worker *w, const struct db_options *o)
{
    struct db *db = calloc(1, sizeof *db);
    struct buf why;

    if (db == NULL)
        abort();
    db->worker = w;
    buf_init(&why, 1024);
    db->dsn = dsn_parse(o->url, &why);
    if (db->dsn == NULL)
        log_error("no database", LOG_TEXT("why", buf_text(&why)));
    buf_clear(&why);
    if (o->standby_url != NULL && o->standby_url[0] != '\0') {
        db->standby.lag_us = 1000 * (int64_t)o->standby_lag_ms;
        db->standby_dsn = dsn_parse(o->standby_url, &why);
        if (db->standby_dsn == NULL)
            log_error("no standby", LOG_TEXT("why", buf_text(&why)));
    }
    buf_done(&why);
    for (unsigned lane = 0; lane < LANE_COUNT && db->dsn != NULL; lane++)
        lane_open(db, o, (enum lane)lane);
    db->kick = event_new(worker_base(w), -1, 0, on_kick, db);
    if (db->kick == NULL)
        abort();
    db->tick = timer_create_on(w, on_tick, db);
    timer_set(db->tick, TICK_US);
    db->position_due = timer_create_on(w, ask_position, db);
    if (db->standby_dsn != NULL)
        timer_set(db->position_due, 0);
    worker_on_turn(w, on_turn, db);
    return db;
}

void db_destroy(struct db *db)
{
    struct ask *ask;

    if (db == NULL)
        return;
    db->closing = true;
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        struct lane_state *l = &db->lanes[lane];

        for (unsigned i = 0; i < l->nconns; i++)
            conn_destroy(l->conns[i]);
        l->nconns = 0;
        while ((ask = lane_shift(l)) != NULL)
            finish(db, ask, ASK_UNAVAILABLE);
        free(l->conns);
        l->conns = NULL;
    }
    while (db->finished.first != NULL)
        tell_finished(db);
    event_free(db->kick);
    timer_destroy(db->tick);
    timer_destroy(db->position_due);
    dsn_free(db->dsn);
    dsn_free(db->standby_dsn);
    free(db);
}

bool db_is_up(const struct db *db)
{
    return lane_is_up(&db->lanes[LANE_WRITE]) && watch_allows(&db->watch, clock_mono_us());
}

void db_read_stats(const struct db *db, struct db_stats *ret)
{
    uint64_t first = 0;

    *ret = (struct db_stats){.failures = db->failures, .up = db_is_up(db)};
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        const struct lane_state *l = &db->lanes[lane];

        first += l->nconns;
        ret->asks[lane] = l->asks;
        ret->waiting[lane] = l->again.n + l->waiting.n;
        for (unsigned i = 0; i < l->nconns; i++) {
            ret->idle[lane] += conn_is_up(l->conns[i]) && conn_asks(l->conns[i]) == 0;
            ret->busy[lane] += conn_is_up(l->conns[i]) && conn_asks(l->conns[i]) > 0;
        }
    }
    ret->reconnects = db->connects > first ? db->connects - first : 0;
}
