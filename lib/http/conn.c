/* One connection: bytes in, bytes out, states and deadlines. What a request means is in
 * exchange.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "http/inner.h"
#include "loop/worker.h"

#define SPARES_MAX 64
#define STALL_BYTES 4096 /* a reader that takes less in write_ms is stalling */

static void list_remove(struct conn_list *l, struct conn *c)
{
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        l->first = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    else
        l->last = c->previous;
}

static void list_append(struct conn_list *l, struct conn *c)
{
    c->previous = l->last;
    c->next = NULL;
    if (l->last != NULL)
        l->last->next = c;
    else
        l->first = c;
    l->last = c;
}

void conn_enter(struct conn *c, enum conn_state state, uint64_t ms)
{
    list_remove(&c->server->lists[c->state], c);
    c->state = state;
    c->deadline_us = ms == 0 ? INT64_MAX : c->server->now_us + (int64_t)ms * 1000;
    list_append(&c->server->lists[state], c);
}

static struct scratch *borrow_scratch(struct server *s)
{
    struct scratch *scratch = s->spare;

    if (scratch != NULL) {
        s->spare = scratch->next;
        s->nspare--;
        return scratch;
    }
    scratch =
        malloc(sizeof *scratch + s->o.head_fields * sizeof *scratch->fields + s->o.head_bytes + 1);
    if (scratch == NULL)
        abort();
    scratch->fields = (struct wire_field *)(scratch + 1);
    scratch->memory = (char *)(scratch->fields + s->o.head_fields);
    return scratch;
}

void conn_return_scratch(struct conn *c)
{
    struct server *s = c->server;

    if (c->scratch == NULL)
        return;
    if (s->nspare >= SPARES_MAX) {
        free(c->scratch);
    } else {
        c->scratch->next = s->spare;
        s->spare = c->scratch;
        s->nspare++;
    }
    c->scratch = NULL;
}

static void let_go(struct conn *c)
{
    c->server->held -= c->held;
    c->held = 0;
    buf_done(&c->body);
}

void conn_close(struct conn *c)
{
    struct server *s = c->server;

    if (c->call != NULL) {
        metrics_sub(&s->counters->in_flight, 1);
        call_abandon(c->call);
    }
    list_remove(&s->lists[c->state], c);
    conn_return_scratch(c);
    let_go(c);
    peers_leave(&s->peers, c->peer);
    if (c->ssl != NULL && !c->handshake) {
        (void)SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    bufferevent_free(c->bev);
    s->nconnections--;
    metrics_sub(&s->counters->connections, 1);
    free(c);
}

/* The first byte of a request is there. */
static void start_head(struct conn *c)
{
    struct server *s = c->server;
    const struct wire_limits limits = {.head_bytes = s->o.head_bytes,
                                       .head_fields = s->o.head_fields,
                                       .target_bytes = s->o.target_bytes,
                                       .chunk_line_bytes = s->o.chunk_line_bytes};

    c->scratch = borrow_scratch(s);
    wire_init(&c->wire, &limits, c->scratch->memory, c->scratch->fields);
    c->requests++;
    exchange_begin(c);
    conn_enter(c, CONN_HEAD, s->o.head_ms);
}

static void start_body(struct conn *c)
{
    const struct server_options *o = &c->server->o;
    uint64_t size = c->wire.chunked ? c->wire.body_limit : c->wire.length;

    if (!c->wire.has_body)
        return;
    buf_init(&c->body, (size_t)c->wire.body_limit);
    conn_enter(c, CONN_BODY, o->body_ms + (o->body_rate > 0 ? size * 1000 / o->body_rate : 0));
}

static void run_request(struct conn *c)
{
    exchange_run(c);
    conn_return_scratch(c);
}

/* Bodies arrive before it is known who sends them, so all of them together have a limit. Those of
 * everyday requests are below it whatever others do. */
static void keep_body(struct conn *c, struct span piece)
{
    struct server *s = c->server;

    c->held += piece.n;
    s->held += piece.n;
    if (c->held <= SMALL_BODY || s->o.body_memory == 0 || s->held <= s->o.body_memory) {
        (void)buf_add(&c->body, piece.p, piece.n);
        return;
    }
    let_go(c);
    exchange_refuse_crowd(c);
    conn_return_scratch(c);
}

/* Feeds what has arrived to the parser, up to one event. Returns false when more bytes are
 * needed. */
static bool read_request(struct conn *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    struct evbuffer_iovec piece = {NULL, 0};
    enum wire_event event;
    struct span body;
    size_t used;

    if (c->handshake)
        return false;
    (void)evbuffer_peek(input, -1, NULL, &piece, 1);
    if (c->state == CONN_IDLE && piece.iov_len > 0)
        start_head(c);
    if (c->state == CONN_IDLE)
        return false;
    event = wire_feed(&c->wire, piece.iov_base, piece.iov_len, &used, &body);
    c->x.bytes_in += used;
    if (event == WIRE_BODY)
        keep_body(c, body);
    evbuffer_drain(input, used);
    switch (event) {
    case WIRE_MORE: return used > 0;
    case WIRE_HEAD:
        if (!exchange_head(c))
            conn_return_scratch(c);
        else if (c->wire.has_body)
            start_body(c);
        else
            run_request(c);
        return true;
    case WIRE_BODY: return true;
    case WIRE_DONE: run_request(c); return true;
    case WIRE_ERROR:
        c->x.verb = c->wire.verb; /* a HEAD is never answered with a body */
        exchange_refuse_wire(c);
        conn_return_scratch(c);
        return true;
    }
    return false;
}

static void start_linger(struct conn *c)
{
    c->lingered = 0;
    if (c->ssl == NULL)
        (void)shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    conn_enter(c, CONN_LINGER, LINGER_MS);
}

/* The reply has left us: on with the next request, or the end. */
static void finish_write(struct conn *c)
{
    let_go(c);
    if (c->x.keep_alive) {
        conn_enter(c, CONN_IDLE, c->server->o.idle_ms);
        return;
    }
    if (c->eof || (!c->linger && evbuffer_get_length(bufferevent_get_input(c->bev)) == 0))
        conn_enter(c, CONN_OVER, 0);
    else
        start_linger(c);
}

static bool drop_input(struct conn *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);

    c->lingered += evbuffer_get_length(input);
    evbuffer_drain(input, evbuffer_get_length(input));
    if (c->eof || c->lingered > LINGER_BYTES)
        conn_enter(c, CONN_OVER, 0);
    return c->state == CONN_OVER;
}

/* One move. Returns false when the connection has to wait for something. */
static bool advance(struct conn *c)
{
    switch (c->state) {
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_BODY:
        if (read_request(c))
            return true;
        if (c->eof)
            conn_enter(c, CONN_OVER, 0);
        return false;
    case CONN_WAIT:
        if (c->eof) /* the client left; half-closing is not taken for waiting */
            conn_enter(c, CONN_OVER, 0);
        return false;
    case CONN_WRITE:
        if (evbuffer_get_length(bufferevent_get_output(c->bev)) > 0) {
            if (c->eof && c->ssl != NULL) /* libevent writes nothing more after it */
                conn_enter(c, CONN_OVER, 0);
            return false;
        }
        finish_write(c);
        return true;
    case CONN_LINGER: return drop_input(c);
    case CONN_OVER:
    case CONN_STATES: break;
    }
    return false;
}

void conn_run(struct conn *c)
{
    unsigned first = c->requests;

    if (c->running)
        return;
    c->running = true;
    c->server->now_us = clock_mono_us();
    while (advance(c)) {
        if (c->requests - first < REQUESTS_PER_TURN)
            continue;
        bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
        break;
    }
    c->running = false;
    if (c->state == CONN_OVER)
        conn_close(c);
}

static void on_bytes(struct bufferevent *bev, void *arg)
{
    (void)bev;
    conn_run(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct conn *c = arg;

    (void)bev;
    c->server->now_us = clock_mono_us();
    if (what & BEV_EVENT_CONNECTED) {
        c->handshake = false;
        conn_enter(c, CONN_IDLE, c->server->draining ? DRAIN_GRACE_MS : c->server->o.idle_ms);
        return;
    }
    c->eof = true;
    if (what & BEV_EVENT_ERROR) {
        ERR_clear_error();
        conn_enter(c, CONN_OVER, 0);
    }
    conn_run(c);
}

static struct bufferevent *make_bufferevent(struct conn *c, int fd)
{
    struct event_base *base = worker_base(c->server->worker);
    struct bufferevent *bev;

    if (c->server->o.tls == NULL)
        return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    c->ssl = SSL_new(c->server->o.tls);
    if (c->ssl == NULL)
        return NULL;
    bev = bufferevent_openssl_socket_new(base, fd, c->ssl, BUFFEREVENT_SSL_ACCEPTING,
                                         BEV_OPT_CLOSE_ON_FREE);
    if (bev == NULL)
        return NULL;
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    c->handshake = true;
    return bev;
}

void conn_open(struct server *s, int fd, const struct address *address, struct peer *peer)
{
    struct conn *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    c->server = s;
    c->peer = peer;
    c->state = CONN_IDLE;
    c->address = *address;
    c->bev = make_bufferevent(c, fd);
    if (c->bev == NULL) {
        peers_leave(&s->peers, peer);
        evutil_closesocket(fd);
        free(c);
        return;
    }
    list_append(&s->lists[CONN_IDLE], c);
    s->now_us = clock_mono_us();
    if (c->handshake)
        conn_enter(c, CONN_HEAD, s->o.head_ms);
    else
        conn_enter(c, CONN_IDLE, s->o.idle_ms);
    s->nconnections++;
    metrics_add(&s->counters->connections, 1);
    metrics_add(&s->counters->connections_total, 1);
    bufferevent_setcb(c->bev, on_bytes, on_bytes, on_event, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, READ_AHEAD);
    (void)bufferevent_set_max_single_read(c->bev, READ_AHEAD);
    (void)bufferevent_set_max_single_write(c->bev, 1024 * 1024);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

void conn_expire(struct conn *c)
{
    size_t backlog = evbuffer_get_length(bufferevent_get_output(c->bev));

    if ((c->state == CONN_HEAD || c->state == CONN_BODY) && !c->handshake) {
        c->running = true; /* a reply, not a turn */
        exchange_refuse(c, ERR_REQUEST_TIMEOUT,
                        c->state == CONN_HEAD ? "the head took too long to arrive"
                                              : "the body took too long to arrive",
                        true);
        conn_return_scratch(c);
        c->running = false;
        conn_run(c);
        return;
    }
    if (c->state == CONN_WRITE && backlog + STALL_BYTES <= c->backlog) {
        conn_enter(c, CONN_WRITE, c->server->o.write_ms);
        c->backlog = backlog;
        return;
    }
    conn_close(c);
}
