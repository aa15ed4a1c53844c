/**
 * inner - what the files of this module share; nobody else includes it.
 *
 * A connection is always in one list of its server: its state is the list that it lives in. Within
 * a list the deadlines ascend (each state has one span of time, bodies excepted), so that a sweep
 * four times a second looks at the first entries only and no request arms a timer.
 *
 *  IDLE    no byte of a request yet      -> HEAD                 closed quietly after idle_ms
 *  HEAD    a head is being read          -> BODY, WAIT, WRITE    408 after head_ms
 *  BODY    a body is being read          -> WAIT, WRITE          408 after body_ms + size / rate
 *  WAIT    a call is in flight; reading goes on up to READ_AHEAD bytes, to see a client leave
 *  WRITE   the reply is on its way       -> IDLE, LINGER, OVER   closed after write_ms of stall
 *  LINGER  our side is shut; what still comes is dropped, so that the client can read the reply
 *  OVER    to be freed as soon as nobody works on it
 */
#ifndef SLUICE_HTTP_INNER_H
#define SLUICE_HTTP_INNER_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/err.h"
#include "call/call.h"
#include "http/forwarded.h"
#include "http/metrics.h"
#include "http/peers.h"
#include "http/router.h"
#include "http/server.h"
#include "http/target.h"
#include "http/wire.h"

#define READ_AHEAD (32 * 1024)         /* bytes that a peer may have us hold while we do not read */
#define LINGER_BYTES (8 * 1024 * 1024) /* the largest body and more: its sender reads the reply */
#define LINGER_MS 2000
#define DRAIN_GRACE_MS 1000
#define REQUESTS_PER_TURN 32      /* pipelined ones, before others get their turn */
#define UNWANTED_BODY (16 * 1024) /* read before it is refused, so that the connection survives */
#define SMALL_BODY (16 * 1024)    /* is taken, however much others send */
#define TRACEPARENT 56            /* 55 characters and a NUL */

struct evconnlistener;
struct ssl_st;

enum conn_state {
    CONN_IDLE,
    CONN_HEAD,
    CONN_BODY,
    CONN_WAIT,
    CONN_WRITE,
    CONN_LINGER,
    CONN_OVER,
    CONN_STATES
};

struct conn_list {
    struct conn *first, *last;
};

/** What a request needs until its call starts; lent from the server's spares, so that an idle
 * connection holds none. */
struct scratch {
    struct scratch *next;
    struct target target;
    struct router_match match;
    struct wire_field *fields;
    char *memory;
};

/** What is known of the request from its head to the end of its reply. */
struct exchange {
    char id[UUID_TEXT];
    char traceparent[TRACEPARENT]; /* "" if none, or none that is well-formed */
    enum wire_verb verb;
    unsigned minor;
    bool keep_alive;           /* by the client's wish, then by ours */
    const struct route *route; /* NULL: not found, or not in the table */
    const char *template;      /* for the log: of the route, or a built-in address, or NULL */
    const struct builtin *builtin;
    const char *cors_origin; /* one of the settings, or NULL */
    bool preflight;          /* a browser asks whether it may */
    bool unwanted_body;
    struct address client; /* who asks: the connection's, or who the proxies say it is */
    int64_t started_us;
    uint64_t bytes_in;
};

struct conn {
    struct server *server;
    struct bufferevent *bev;
    struct ssl_st *ssl; /* owned by bev */
    struct conn *previous, *next;
    enum conn_state state;
    int64_t deadline_us;
    struct peer *peer;       /* NULL: a trusted proxy, whose connections are many people's */
    struct scratch *scratch; /* HEAD and BODY */
    struct wire wire;
    struct buf body;
    size_t held;       /* of a body, from its first byte to the end of the reply */
    struct call *call; /* WAIT */
    struct exchange x;
    unsigned requests;
    size_t backlog; /* WRITE: what was left to write when the deadline was set */
    size_t lingered;
    bool running;   /* conn_run() is below us on the stack */
    bool linger;    /* the peer may still be sending: do not close before it read the reply */
    bool eof;       /* the peer shut its side */
    bool handshake; /* TLS: not finished */
    struct address address;
};

struct server {
    struct worker *worker;
    const struct call_env *env;
    struct server_options o;
    struct router *router;
    const struct route *routes;
    struct metrics *own_metrics;
    struct metrics_set *counters;
    struct evconnlistener *listener;
    struct timer *sweep, *pause;
    int64_t now_us; /* of the turn: read once, not at every change of state */
    int64_t sweep_us;
    int64_t pause_logged_us;
    struct conn_list lists[CONN_STATES];
    unsigned nconnections;
    size_t held; /* by all connections */
    struct scratch *spare;
    unsigned nspare;
    struct peers peers;
    struct buf head, text; /* for the reply being written */
    int64_t date_s;
    char date[32]; /* IMF-fixdate */
    uint16_t port;
    bool draining;
    bool sweeping;
};

/* conn.c */

/** Takes over an accepted socket. @peer is NULL for a trusted proxy. */
void conn_open(struct server *s, int fd, const struct address *address, struct peer *peer);

/** Runs the connection as far as it goes; may free it. */
void conn_run(struct conn *c);

/** Puts the connection into the list of the state; @ms from now is its deadline (0: none). */
void conn_enter(struct conn *c, enum conn_state state, uint64_t ms);

/** What the sweep does with one whose deadline has passed. May free it. */
void conn_expire(struct conn *c);

/** Frees; a call in flight is abandoned. */
void conn_close(struct conn *c);

/** Returns the head's memory to the spares. */
void conn_return_scratch(struct conn *c);

/* exchange.c */

/** Looks at a complete head: sets the body limit and says whether reading goes on; if not, the
 * reply is written. */
bool exchange_head(struct conn *c);

/** Carries out a complete request; the reply is written, or the connection waits for its call. */
void exchange_run(struct conn *c);

/** Starts a new struct exchange; a request id of our own. */
void exchange_begin(struct conn *c);

/** Answers with a problem. @close: the connection cannot go on after it. */
void exchange_refuse(struct conn *c, enum err_code code, const char *detail, bool close);

/** Answers that others' bodies take all the room; the connection is over. */
void exchange_refuse_crowd(struct conn *c);

/** Answers with what the wire refused, and the limit if there is one; the connection is over. */
void exchange_refuse_wire(struct conn *c);

/* builtin.c */

struct builtin {
    const char *segment; /* "livez" */
    const char *template;
    bool everywhere; /* on public servers too */
    void (*answer)(struct conn *c);
};

/** Returns the built-in address that the target names on this server, or NULL. */
const struct builtin *builtin_find(const struct server *s, const struct target *t);

/* respond.c */

struct answer {
    int status;
    const char *media_type;
    struct span body;
    int file;          /* of the body instead, open; 0: none */
    struct buf *owned; /* where the body lives, if it may be taken over */
    const struct reply_header *headers;
    unsigned nheaders;
    enum err_code code;          /* for the log */
    const struct principal *who; /* for the log */
};

/** Writes the answer, the access log line and the counters; the connection is in WRITE afterwards,
 * or OVER. */
void respond(struct conn *c, const struct answer *a);

/** Writes a call's reply. */
void respond_call(struct conn *c, struct call *call);

/** Writes a problem. */
void respond_problem(struct conn *c, const struct err *e, const struct reply_header *headers,
                     unsigned nheaders);

/** Writes a problem for a connection that is refused right after accept, into @out: head and body.
 */
void respond_refusal(struct server *s, enum err_code code, int retry_after, struct buf *out);

/** Returns the interim reply that asks for the body. */
struct span respond_continue(void);

#endif
