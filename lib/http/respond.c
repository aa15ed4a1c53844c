/* One reply is one buffer and one write. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/inner.h"
#include "json/problem.h"

/* clang-format off */
#define LINE(code, text) [code - 100] = {"HTTP/1.1 " #code " " text "\r\n", \
                                         sizeof("HTTP/1.1 " #code " " text "\r\n") - 1}

static const struct span status_lines[500] = {
    LINE(200, "OK"), LINE(201, "Created"), LINE(202, "Accepted"), LINE(204, "No Content"),
    LINE(206, "Partial Content"), LINE(207, "Multi-Status"), LINE(302, "Found"),
    LINE(303, "See Other"), LINE(304, "Not Modified"), LINE(307, "Temporary Redirect"),
    LINE(308, "Permanent Redirect"), LINE(400, "Bad Request"), LINE(401, "Unauthorized"),
    LINE(403, "Forbidden"), LINE(404, "Not Found"), LINE(405, "Method Not Allowed"),
    LINE(406, "Not Acceptable"), LINE(408, "Request Timeout"), LINE(409, "Conflict"),
    LINE(410, "Gone"), LINE(412, "Precondition Failed"), LINE(413, "Content Too Large"),
    LINE(414, "URI Too Long"), LINE(415, "Unsupported Media Type"),
    LINE(417, "Expectation Failed"), LINE(422, "Unprocessable Content"), LINE(423, "Locked"),
    LINE(428, "Precondition Required"), LINE(429, "Too Many Requests"),
    LINE(431, "Request Header Fields Too Large"), LINE(500, "Internal Server Error"),
    LINE(501, "Not Implemented"), LINE(502, "Bad Gateway"), LINE(503, "Service Unavailable"),
    LINE(504, "Gateway Timeout"), LINE(505, "HTTP Version Not Supported"),
    LINE(507, "Insufficient Storage"),
};
/* clang-format on */

#define PUT(b, literal) buf_add(b, literal, sizeof(literal) - 1)

static void put_status(struct buf *b, int status)
{
    struct span line = {NULL, 0};

    if (status >= 100 && status < 600)
        line = status_lines[status - 100];
    if (line.p != NULL)
        buf_add(b, line.p, line.n);
    else
        buf_printf(b, "HTTP/1.1 %d Status\r\n", status);
}

static void put_number(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t i = sizeof digits;

    do {
        digits[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    buf_add(b, digits + i, sizeof digits - i);
}

/* IMF-fixdate, made once a second; strftime() would ask for the locale's names. */
static void put_date(struct server *s, struct buf *b)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t now = clock_wall_s();
    time_t t = (time_t)now;
    struct tm tm;
    struct buf text;

    if (now != s->date_s && gmtime_r(&t, &tm) != NULL) {
        buf_init(&text, sizeof s->date);
        buf_printf(&text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
                   tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
        memcpy(s->date, buf_text(&text), text.len < sizeof s->date ? text.len + 1 : sizeof s->date);
        s->date[sizeof s->date - 1] = '\0';
        buf_done(&text);
        s->date_s = now;
    }
    PUT(b, "Date: ");
    buf_puts(b, s->date);
    PUT(b, "\r\n");
}

static bool has_header(const struct answer *a, const char *name)
{
    for (unsigned i = 0; i < a->nheaders; i++)
        if (span_is_nocase(span_of(a->headers[i].name), name))
            return true;
    return false;
}

/* A value that would end its line is not sent: an operation that lets one through is mistaken,
 * and its mistake must not become a second reply. */
static void put_header(struct buf *b, const char *name, const char *value)
{
    if (value == NULL || value[strcspn(value, "\r\n")] != '\0')
        return;
    buf_puts(b, name);
    PUT(b, ": ");
    buf_puts(b, value);
    PUT(b, "\r\n");
}

/* What a browser asks before it sends the request itself. */
static void put_preflight(const struct answer *a, struct buf *b)
{
    for (unsigned i = 0; i < a->nheaders; i++)
        if (strcmp(a->headers[i].name, "Allow") == 0)
            put_header(b, "Access-Control-Allow-Methods", a->headers[i].value);
    PUT(b, "Access-Control-Allow-Headers: Authorization, Content-Type, If-Match, If-None-Match, "
           "Idempotency-Key, Commit-Token, Prefer, Accept-Language, Request-Id, traceparent\r\n"
           "Access-Control-Max-Age: 600\r\n");
}

static bool varies_by_origin(const struct answer *a)
{
    for (unsigned i = 0; i < a->nheaders; i++)
        if (strcmp(a->headers[i].name, "Vary") == 0 &&
            strstr(a->headers[i].value, "Origin") != NULL)
            return true;
    return false;
}

/* An operation that says itself whose pages may use it has a Vary of its own. */
static void put_cors(const struct conn *c, const struct answer *a, struct buf *b)
{
    const struct server *s = c->server;
    bool decided = has_header(a, "Access-Control-Allow-Origin");
    bool preflight = c->x.verb == VERB_OPTIONS && c->x.preflight;

    if (decided && preflight)
        put_preflight(a, b);
    if (varies_by_origin(a) || s->o.cors_origins == NULL || s->o.cors_origins[0] == NULL)
        return;
    PUT(b, "Vary: Origin\r\n");
    if (c->x.cors_origin == NULL)
        return;
    if (preflight)
        put_preflight(a, b);
    put_header(b, "Access-Control-Allow-Origin", c->x.cors_origin);
    PUT(b,
        "Access-Control-Expose-Headers: ETag, Link, Location, Request-Id, Retry-After, "
        "Idempotent-Replayed, Commit-Token, Preference-Applied, RateLimit, RateLimit-Policy\r\n");
}

static bool has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static void put_head(struct conn *c, const struct answer *a, struct buf *b)
{
    put_status(b, a->status);
    put_date(c->server, b);
    PUT(b, "Server: sluice\r\nX-Content-Type-Options: nosniff\r\nRequest-Id: ");
    buf_add(b, c->x.id, UUID_TEXT - 1);
    PUT(b, "\r\n");
    if (!has_header(a, "Cache-Control"))
        PUT(b, "Cache-Control: no-store\r\n");
    if (c->x.traceparent[0] != '\0')
        put_header(b, "traceparent", c->x.traceparent);
    put_cors(c, a, b);
    if (has_body(a->status)) {
        put_header(b, "Content-Type", a->media_type == NULL ? "application/json" : a->media_type);
        PUT(b, "Content-Length: ");
        put_number(b, a->body.n);
        PUT(b, "\r\n");
    }
    for (unsigned i = 0; i < a->nheaders; i++)
        put_header(b, a->headers[i].name, a->headers[i].value);
    if (!c->x.keep_alive)
        PUT(b, "Connection: close\r\n");
    else if (c->x.minor == 0)
        PUT(b, "Connection: keep-alive\r\n");
    PUT(b, "\r\n");
}

/* Writes what the socket takes at once. Returns the number of bytes, or -1 when the connection is
 * broken. */
static ssize_t write_now(struct conn *c, struct span head, struct span body)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)head.p, head.n},
                             {(void *)(uintptr_t)body.p, body.n}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = body.n > 0 ? 2 : 1};
    ssize_t n;

    if (c->ssl != NULL || evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
        return 0;
    do
        n = sendmsg(bufferevent_getfd(c->bev), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        return -1;
    return n < 0 ? 0 : n;
}

static void free_bytes(const void *bytes, size_t n, void *arg)
{
    (void)bytes;
    (void)n;
    free(arg);
}

/* Leaves the rest to the bufferevent. A large body changes hands instead of being copied. */
static bool write_later(struct conn *c, const struct answer *a, struct span head, struct span body)
{
    struct evbuffer *output = bufferevent_get_output(c->bev);
    size_t n;
    char *bytes;

    if (head.n > 0 && evbuffer_add(output, head.p, head.n) != 0)
        return false;
    if (body.n == 0)
        return true;
    if (a->owned == NULL || body.n < 4096 || c->ssl != NULL)
        return evbuffer_add(output, body.p, body.n) == 0;
    bytes = buf_take(a->owned, &n);
    if (evbuffer_add_reference(output, bytes + (n - body.n), body.n, free_bytes, bytes) == 0)
        return true;
    free(bytes);
    return false;
}

static bool write_answer(struct conn *c, const struct answer *a, struct span head, struct span body)
{
    ssize_t n = write_now(c, head, body);
    size_t done;

    if (n < 0)
        return false;
    done = (size_t)n;
    if (done == head.n + body.n)
        return true;
    if (done < head.n) {
        head = (struct span){head.p + done, head.n - done};
    } else {
        done -= head.n;
        head.n = 0;
        body = (struct span){body.p + done, body.n - done};
    }
    return write_later(c, a, head, body);
}

/* The file goes out as the socket takes it; nothing of it is read before. */
static bool write_file(struct conn *c, int file, size_t n)
{
    struct evbuffer *output = bufferevent_get_output(c->bev);
    int copy = n > 0 ? fcntl(file, F_DUPFD_CLOEXEC, 0) : -1;

    if (n == 0)
        return true;
    if (copy >= 0 && evbuffer_add_file(output, copy, 0, (ev_off_t)n) == 0)
        return true;
    if (copy >= 0)
        close(copy);
    return false;
}

static void count(struct conn *c, const struct answer *a, size_t bytes_out)
{
    struct metrics_set *m = c->server->counters;
    int64_t us;
    char who[UUID_TEXT], trace[33] = "";

    c->server->now_us = clock_mono_us();
    us = c->server->now_us - c->x.started_us;
    metrics_observe(m, c->x.route, a->status, us);
    metrics_add(&m->bytes_in, c->x.bytes_in);
    metrics_add(&m->bytes_out, bytes_out);
    if (a->who != NULL && !uuid_is_none(&a->who->id))
        uuid_format(&a->who->id, who);
    else
        who[0] = '\0';
    if (c->x.traceparent[0] != '\0')
        memcpy(trace, c->x.traceparent + 3, 32);
    log_info("request", LOG_TEXT("request_id", c->x.id),
             LOG_TEXT("method", wire_verb_name(c->x.verb)), LOG_TEXT("route", c->x.template),
             LOG_NUM("status", a->status), LOG_NUM("bytes_in", c->x.bytes_in),
             LOG_NUM("bytes_out", bytes_out), LOG_NUM("ms", (us + 500) / 1000), LOG_NUM("us", us),
             LOG_TEXT("principal", who[0] != '\0' ? who : NULL),
             LOG_TEXT("code", a->code != ERR_NONE ? err_slug(a->code) : NULL),
             LOG_TEXT("trace_id", trace[0] != '\0' ? trace : NULL));
}

void respond(struct conn *c, const struct answer *a)
{
    unsigned most = c->server->o.requests_per_connection;
    struct buf *head = &c->server->head;
    struct span body = a->body;
    bool filed = a->file > 0 && has_body(a->status) && c->x.verb != VERB_HEAD;
    size_t sent = filed ? a->body.n : 0;

    if (c->server->draining || (most > 0 && c->requests >= most))
        c->x.keep_alive = false;
    buf_clear(head);
    put_head(c, a, head);
    if (!has_body(a->status) || c->x.verb == VERB_HEAD || a->file > 0)
        body.n = 0;
    count(c, a, head->len + body.n + sent);
    conn_enter(c, CONN_WRITE, c->server->o.write_ms);
    if (!write_answer(c, a, (struct span){buf_text(head), head->len}, body) ||
        !write_file(c, a->file, sent))
        conn_enter(c, CONN_OVER, 0);
    c->backlog = evbuffer_get_length(bufferevent_get_output(c->bev));
}

void respond_call(struct conn *c, struct call *call)
{
    struct stat st;
    struct answer a = {
        .status = call->reply.status,
        .media_type = call->reply.media_type,
        .body = {buf_text(&call->reply.body), call->reply.body.len},
        .owned = &call->reply.body,
        .headers = call->reply.headers,
        .nheaders = call->reply.nheaders,
        .code = call->reply.status >= 400 ? call->err.code : ERR_NONE,
        .who = call->who,
    };

    if (call->reply.file && a.status < 300 && fstat(*call->reply.file, &st) == 0) {
        a.file = *call->reply.file;
        a.body = (struct span){NULL, (size_t)st.st_size};
    }

    respond(c, &a);
}

void respond_problem(struct conn *c, const struct err *e, const struct reply_header *headers,
                     unsigned nheaders)
{
    struct buf *text = &c->server->text;
    struct answer a = {.status = err_status(e->code),
                       .media_type = "application/problem+json",
                       .headers = headers,
                       .nheaders = nheaders,
                       .code = e->code};

    buf_clear(text);
    problem_write(text, e, c->x.id);
    a.body = (struct span){buf_text(text), text->len};
    respond(c, &a);
}

void respond_refusal(struct server *s, enum err_code code, int retry_after, struct buf *out)
{
    struct err e = {.code = code, .retry_after = retry_after};
    struct uuid id = uuid_v7();
    char text[UUID_TEXT];

    uuid_format(&id, text);
    buf_clear(&s->text);
    problem_write(&s->text, &e, text);
    put_status(out, err_status(code));
    put_date(s, out);
    buf_printf(out,
               "Server: sluice\r\nRequest-Id: %s\r\nCache-Control: no-store\r\n"
               "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n"
               "Retry-After: %d\r\nConnection: close\r\n\r\n",
               text, s->text.len, retry_after);
    buf_add(out, buf_text(&s->text), s->text.len);
}

struct span respond_continue(void)
{
    return SPAN("HTTP/1.1 100 Continue\r\n\r\n");
}
