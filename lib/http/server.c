/* The listening side: accept, caps, the sweep over deadlines, drain. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/inner.h"
#include "loop/worker.h"

#define BACKLOG 4096
#define PAUSE_US 200000 /* of accepting, when there are no descriptors left */
#define PAUSE_LOG_US 10000000
#define SWEEP_MIN_MS 20
#define SWEEP_MAX_MS 250
#define REFUSED_READ 16384
#define TEXT_MAX ((size_t)1 << 20)

static int say(struct buf *why, const char *what)
{
    buf_printf(why, "%s: %s", what, strerror(errno));
    return -1;
}

/* @shared: others may listen there too, as the workers of this process do. */
static int listen_on(const struct addrinfo *a, bool shared, struct buf *why)
{
    static const struct {
        int level, name;
        const char *what;
    } options[] = {
        {SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"},
        {IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY"}, /* accepted sockets inherit it */
        {SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT"},
    };
    size_t n = sizeof options / sizeof *options - !shared;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    int on = 1;

    if (fd < 0)
        return say(why, "socket");
    for (size_t i = 0; i < n; i++) {
        if (setsockopt(fd, options[i].level, options[i].name, &on, sizeof on) == 0)
            continue;
        say(why, options[i].what);
        close(fd);
        return -1;
    }
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    say(why, "listen");
    close(fd);
    return -1;
}

static int open_listener(const struct server_options *o, struct buf *why)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    struct buf port;
    int fd, rc;

    buf_init(&port, 16);
    buf_printf(&port, "%u", o->port);
    rc = getaddrinfo(o->host, buf_text(&port), &hints, &list);
    buf_done(&port);
    if (rc != 0) {
        buf_printf(why, "cannot resolve \"%s\": %s", o->host, gai_strerror(rc));
        return -1;
    }
    /* another daemon would share the port without a word, and get every other request */
    fd = o->shared || o->port == 0 ? 0 : listen_on(list, false, why);
    if (fd > 0)
        close(fd);
    if (fd >= 0)
        fd = listen_on(list, true, why);
    freeaddrinfo(list);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;

    memset(&a, 0, sizeof a);
    if (getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        return 0;
    if (a.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&a)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&a)->sin_port);
}

/* Says why and closes; what the client has sent is read first, since closing over unread bytes
 * resets the connection and takes the answer with it. */
static void refuse_connection(struct server *s, int fd, enum err_code code)
{
    static char dropped[REFUSED_READ];
    struct buf text;

    metrics_add(&s->counters->refused, 1);
    if (s->o.tls == NULL) {
        buf_init(&text, 4096);
        respond_refusal(s, code, 1, &text);
        (void)send(fd, buf_text(&text), text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)shutdown(fd, SHUT_WR);
        (void)recv(fd, dropped, sizeof dropped, MSG_DONTWAIT | MSG_TRUNC);
        buf_done(&text);
    }
    close(fd);
}

static void arm_sweep(struct server *s)
{
    if (s->sweeping)
        return;
    s->sweeping = true;
    timer_set(s->sweep, s->sweep_us);
}

/* Counts the connection. False: its address has too many, and it has been refused. A proxy's are
 * many people's; max_connections is all that it meets. */
static bool admit(struct server *s, int fd, const struct address *address, struct peer **ret)
{
    *ret = NULL;
    if (networks_hold(&s->o.trusted, address))
        return true;
    *ret = peers_enter(&s->peers, address);
    if ((*ret)->count <= s->o.max_per_address)
        return true;
    peers_leave(&s->peers, *ret);
    refuse_connection(s, fd, ERR_RATE_LIMITED);
    return false;
}

static void accept_one(struct server *s, int fd, const struct sockaddr *from)
{
    struct address address = address_of(from);
    struct peer *peer;

    if (s->nconnections >= s->o.max_connections) {
        refuse_connection(s, fd, ERR_BUSY);
        return;
    }
    if (!admit(s, fd, &address, &peer))
        return;
    arm_sweep(s);
    conn_open(s, fd, &address, peer);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *address,
                      int len, void *arg)
{
    (void)l;
    (void)len;
    accept_one(arg, fd, address);
}

/* Out of descriptors or memory: level-triggered readiness would have us spin. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
    struct server *s = arg;
    int64_t now = clock_mono_us();

    if (s->pause_logged_us == 0 || now - s->pause_logged_us > PAUSE_LOG_US) {
        log_error("cannot accept", LOG_TEXT("why", strerror(errno)),
                  LOG_NUM("connections", s->nconnections));
        s->pause_logged_us = now;
    }
    evconnlistener_disable(l);
    timer_set(s->pause, PAUSE_US);
}

static void resume_accept(void *arg)
{
    struct server *s = arg;

    if (s->listener != NULL)
        evconnlistener_enable(s->listener);
}

/* Bodies have deadlines by their size, so that their list is looked at in full. */
static void sweep_list(struct server *s, enum conn_state state, int64_t now)
{
    struct conn *c = s->lists[state].first, *next;

    for (; c != NULL; c = next) {
        next = c->next;
        if (c->deadline_us <= now)
            conn_expire(c);
        else if (state != CONN_BODY)
            return;
    }
}

static void sweep(void *arg)
{
    struct server *s = arg;
    int64_t now = clock_mono_us();

    s->now_us = now;
    s->sweeping = false;
    for (unsigned state = 0; state < CONN_OVER; state++)
        sweep_list(s, (enum conn_state)state, now);
    if (s->nconnections > 0)
        arm_sweep(s);
}

static int64_t sweep_interval(const struct server_options *o)
{
    const unsigned spans[] = {o->head_ms, o->body_ms, o->idle_ms, o->write_ms};
    unsigned ms = SWEEP_MAX_MS;

    for (unsigned i = 0; i < sizeof spans / sizeof *spans; i++)
        if (spans[i] / 4 < ms)
            ms = spans[i] / 4;
    return (int64_t)(ms < SWEEP_MIN_MS ? SWEEP_MIN_MS : ms) * 1000;
}

static bool start_listening(struct server *s, struct buf *why)
{
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
    int fd = s->o.fd >= 0 ? s->o.fd : open_listener(&s->o, why);

    if (fd < 0)
        return false;
    (void)evutil_make_socket_nonblocking(fd);
    s->listener = evconnlistener_new(worker_base(s->worker), on_accept, s, flags,
                                     s->o.fd >= 0 ? BACKLOG : 0, fd);
    if (s->listener == NULL) {
        buf_puts(why, "cannot watch the listening socket");
        close(fd);
        return false;
    }
    evconnlistener_set_error_cb(s->listener, on_accept_error);
    s->port = port_of(fd);
    return true;
}

struct server *server_create(struct worker *w, const struct call_env *env,
                             const struct server_options *o, struct buf *why)
{
    struct server *s = calloc(1, sizeof *s);

    if (s == NULL)
        abort();
    s->worker = w;
    s->env = env;
    s->o = *o;
    s->routes = o->routes != NULL ? o->routes : routes;
    if (o->routes == NULL)
        s->o.nroutes = routes_count;
    s->router = router_create(s->routes, s->o.nroutes);
    if (o->metrics == NULL)
        s->o.metrics = s->own_metrics = metrics_create(s->routes, s->o.nroutes);
    s->counters = metrics_attach(s->o.metrics);
    s->sweep = timer_create_on(w, sweep, s);
    s->pause = timer_create_on(w, resume_accept, s);
    s->sweep_us = sweep_interval(o);
    buf_init(&s->head, TEXT_MAX);
    buf_init(&s->text, TEXT_MAX);
    if (start_listening(s, why))
        return s;
    server_destroy(s);
    return NULL;
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

void server_set_tls(struct server *s, struct ssl_ctx_st *tls)
{
    s->o.tls = tls;
}

/* Takes what the kernel has accepted for us already: with the socket it would be reset. */
static void accept_backlog(struct server *s)
{
    struct sockaddr_storage address;
    socklen_t n = sizeof address;
    int fd;

    while ((fd = accept4(evconnlistener_get_fd(s->listener), (struct sockaddr *)&address, &n,
                         SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        accept_one(s, fd, (const struct sockaddr *)&address);
        n = sizeof address;
    }
}

void server_drain(struct server *s)
{
    int64_t deadline = clock_mono_us() + (int64_t)DRAIN_GRACE_MS * 1000;

    s->draining = true;
    timer_cancel(s->pause);
    if (s->listener == NULL)
        return;
    accept_backlog(s);
    evconnlistener_free(s->listener);
    s->listener = NULL;
    for (struct conn *c = s->lists[CONN_IDLE].first; c != NULL; c = c->next)
        if (c->deadline_us > deadline)
            c->deadline_us = deadline;
}

bool server_is_drained(const struct server *s)
{
    return s->nconnections == 0;
}

void server_read_stats(const struct server *s, struct server_stats *ret)
{
    const struct metrics_set *m = s->counters;

    ret->requests = metrics_get(&m->requests);
    ret->connections_total = metrics_get(&m->connections_total);
    ret->refused = metrics_get(&m->refused);
    for (unsigned i = 0; i < 6; i++)
        ret->by_status[i] = metrics_get(&m->by_status[i]);
    ret->connections = (unsigned)metrics_get(&m->connections);
    ret->in_flight = (unsigned)metrics_get(&m->in_flight);
}

void server_destroy(struct server *s)
{
    if (s == NULL)
        return;
    for (unsigned state = 0; state < CONN_STATES; state++)
        while (s->lists[state].first != NULL)
            conn_close(s->lists[state].first);
    if (s->listener != NULL)
        evconnlistener_free(s->listener);
    while (s->spare != NULL) {
        struct scratch *next = s->spare->next;

        free(s->spare);
        s->spare = next;
    }
    timer_destroy(s->sweep);
    timer_destroy(s->pause);
    router_destroy(s->router);
    metrics_destroy(s->own_metrics);
    buf_done(&s->head);
    buf_done(&s->text);
    free(s);
}
