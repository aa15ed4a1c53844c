/**
 * server - strict HTTP/1.1 on bufferevents: accept, limits, deadlines, routes, calls, replies.
 *
 * One server per worker, with a listening socket of its own (SO_REUSEPORT, TCP_NODELAY). One
 * request at a time per connection; reading is paused by state. Everything that a peer can make us
 * hold or wait for has a limit.
 */
#ifndef SLUICE_HTTP_SERVER_H
#define SLUICE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/forwarded.h"

struct worker;
struct call_env;
struct health;
struct metrics;
struct route;
struct server;
struct ssl_ctx_st;
struct buf;

/** Numbers are limits; all are settings. */
struct server_options {
    const char *host;
    uint16_t port;
    struct ssl_ctx_st *tls;   /* NULL: plain */
    unsigned max_connections; /* per worker */
    unsigned max_per_address;
    unsigned head_bytes, head_fields, target_bytes, chunk_line_bytes;
    unsigned head_ms, body_ms, body_rate, idle_ms, write_ms; /* body_rate: bytes a second */
    size_t body_memory;               /* of bodies, all connections of this server; 0: no limit */
    unsigned requests_per_connection; /* 0: no limit */
    const char *const *cors_origins;  /* ends with NULL */
    struct networks trusted;          /* proxies that say who asks */
    enum forwarded_kind forwarded_by; /* the field that they write */
    bool shared; /* listens beside another server of this process on the same port */
    bool admin;  /* serves /livez /readyz /metrics /version only */
    const struct health *health; /* http/health.h; NULL: always ready, no database */
    struct metrics *metrics;     /* http/metrics.h: the daemon's; NULL: own */
    const struct route *routes;  /* NULL: the generated table */
    size_t nroutes;
    int fd; /* a listening socket made before (port 0: shared), or -1 */
};

/** Counters of one worker, summed when read. */
struct server_stats {
    uint64_t requests, connections_total, refused;
    uint64_t by_status[6]; /* 1xx..5xx by first digit */
    unsigned connections, in_flight;
};

/** Starts listening. @o is copied, what it points to must outlive the server. With @o->fd the
 * socket is taken over. Call it, and all below but server_read_stats(), in the worker's thread or
 * before it runs. SIGPIPE must be ignored by the program. Returns NULL and says why on failure. */
struct server *server_create(struct worker *w, const struct call_env *env,
                             const struct server_options *o, struct buf *why);

/** Returns the port that is listened on (for port 0). */
uint16_t server_port(const struct server *s);

/** Swaps the certificate: for connections accepted from now on. The caller may free the old one. */
void server_set_tls(struct server *s, struct ssl_ctx_st *tls);

/** Stops accepting; running calls finish, further replies say Connection: close, idle connections
 * close after a moment in which a request that is on its way still gets its answer. */
void server_drain(struct server *s);

/** Tells whether no connection is left. */
bool server_is_drained(const struct server *s);

/** From any thread. */
void server_read_stats(const struct server *s, struct server_stats *ret);

/** Closes what is left and frees. Accepts NULL. */
void server_destroy(struct server *s);

/** Loads certificate chain and key (PEM): TLS 1.2 or newer, ALPN http/1.1. NULL and why on
 * failure. */
struct ssl_ctx_st *tls_load(const char *certificate, const char *key, struct buf *why);
void tls_free(struct ssl_ctx_st *tls);

#endif
