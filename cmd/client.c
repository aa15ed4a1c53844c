/* client - HTTP/1.1 over a socket, as far as the daemon's own answers need it. */
#include "client.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "say.h"

#define ANSWER_MAX ((size_t)64 << 20)
#define HEAD_MAX ((size_t)256 << 10)
#define SILENCE_S 120

struct link {
    int fd;
    SSL *ssl;
};

/* An answer while it arrives. */
struct arriving {
    struct buf head, body;
    FILE *to;
    bool headed;
    long status;
    long long length, got; /* length: -1 until it is known */
};

bool client_init(struct client *c, const char *url, const char *token, struct buf *why)
{
    const char *at, *end, *colon;

    *c = (struct client){.token = token, .why = why};
    c->secure = url != NULL && strncmp(url, "https://", 8) == 0;
    if (url == NULL || (!c->secure && strncmp(url, "http://", 7) != 0))
        return buf_puts(
                   why,
                   "--url or SLUICE_URL names the daemon: http://host:port or https://host:port\n"),
               false;
    if (token == NULL || *token == '\0' || strpbrk(token, "\r\n") != NULL)
        return buf_puts(why, "SLUICE_TOKEN holds an API key or an access token\n"), false;
    at = url + (c->secure ? 8 : 7);
    end = at + strcspn(at, "/?#");
    colon = *at == '[' ? memchr(at, ']', (size_t)(end - at)) : at;
    colon = colon != NULL ? memchr(colon, ':', (size_t)(end - colon)) : NULL;
    (void)snprintf(c->port, sizeof(c->port), "%.*s", colon != NULL ? (int)(end - colon - 1) : 3,
                   colon != NULL ? colon + 1
                   : c->secure   ? "443"
                                 : "80");
    if (colon != NULL)
        end = colon;
    if (*at == '[')
        at++, end--;
    (void)snprintf(c->host, sizeof(c->host), "%.*s", (int)(end - at), at);
    if (!c->secure)
        return true;
    c->tls = SSL_CTX_new(TLS_client_method());
    if (c->tls == NULL || SSL_CTX_set_default_verify_paths(c->tls) != 1)
        return buf_puts(why, "TLS cannot be used\n"), false;
    SSL_CTX_set_verify(c->tls, SSL_VERIFY_PEER, NULL);
    return true;
}

void client_done(struct client *c)
{
    SSL_CTX_free(c->tls);
    c->tls = NULL;
}

void client_escape(struct buf *b, const char *word)
{
    for (; *word != '\0'; word++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *word) !=
            NULL)
            buf_putc(b, *word);
        else
            buf_printf(b, "%%%02X", (unsigned)(unsigned char)*word);
}

/* connections */

static int connect_any(const struct client *c)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const struct timeval silence = {.tv_sec = SILENCE_S};
    struct addrinfo *found, *one;
    int fd = -1;

    if (getaddrinfo(c->host, c->port, &hints, &found) != 0)
        return -1;
    for (one = found; one != NULL && fd < 0; one = one->ai_next) {
        fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
        if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof(silence));
    }
    return fd;
}

static void unlink_from(struct link *l)
{
    SSL_free(l->ssl);
    if (l->fd >= 0)
        close(l->fd);
}

/* The certificate is one for the host that was named, be it a name or an address. */
static bool expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
        return true;
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool link_to(struct client *c, struct link *l)
{
    *l = (struct link){.fd = connect_any(c)};
    if (l->fd < 0)
        return buf_printf(c->why, "%s port %s: cannot be reached\n", c->host, c->port), false;
    if (!c->secure)
        return true;
    l->ssl = SSL_new(c->tls);
    if (l->ssl == NULL || !expect_host(l->ssl, c->host) || SSL_set_fd(l->ssl, l->fd) != 1 ||
        SSL_connect(l->ssl) != 1)
        return buf_printf(c->why, "%s: TLS: %s\n", c->host,
                          l->ssl != NULL
                              ? X509_verify_cert_error_string(SSL_get_verify_result(l->ssl))
                              : "no memory"),
               false;
    return true;
}

static bool put_all(const struct link *l, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        size_t most = n < (1U << 20) ? n : 1U << 20;
        ssize_t done =
            l->ssl != NULL ? SSL_write(l->ssl, p, (int)most) : send(l->fd, p, most, MSG_NOSIGNAL);

        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static ssize_t get_some(const struct link *l, char *bytes, size_t n)
{
    return l->ssl != NULL ? SSL_read(l->ssl, bytes, (int)n) : recv(l->fd, bytes, n, 0);
}

/* answers */

static void take_head(struct arriving *in)
{
    const char *p = strchr(buf_text(&in->head), ' ');

    in->status = p != NULL ? strtol(p, NULL, 10) : 0;
    in->length = -1;
    for (p = strstr(buf_text(&in->head), "\r\n"); p != NULL; p = strstr(p + 2, "\r\n"))
        if (strncasecmp(p + 2, "content-length:", 15) == 0)
            in->length = strtoll(p + 17, NULL, 10);
    in->headed = true;
}

static bool take_body(struct arriving *in, const char *bytes, size_t n)
{
    in->got += (long long)n;
    if (in->to != NULL && in->status == 200)
        return fwrite(bytes, 1, n, in->to) == n;
    return buf_add(&in->body, bytes, n);
}

/* Bytes up to the end of the head belong to it. */
static bool take(struct arriving *in, const char *bytes, size_t n)
{
    const char *end;
    size_t before = in->head.len;

    if (in->headed)
        return take_body(in, bytes, n);
    if (!buf_add(&in->head, bytes, n))
        return false;
    end = strstr(buf_text(&in->head), "\r\n\r\n");
    if (end == NULL)
        return true;
    take_head(in);
    n = (size_t)(end + 4 - buf_text(&in->head)) - before;
    return take_body(in, bytes + n, in->head.len - before - n);
}

static bool send_request(struct client *c, const struct link *l, const struct asked *a)
{
    bool literal = strchr(c->host, ':') != NULL, sent; /* an address of IPv6 */
    struct buf head;

    buf_init(&head, HEAD_MAX);
    buf_printf(
        &head,
        "%s %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n",
        a->method, a->path, literal ? "[" : "", c->host, literal ? "]" : "", c->port, c->token);
    if (a->media_type != NULL)
        buf_printf(&head, "Content-Type: %s\r\n", a->media_type);
    if (strcmp(a->method, "GET") != 0)
        buf_printf(&head, "Content-Length: %zu\r\n", a->n);
    buf_puts(&head, "\r\n");
    sent = !head.failed && put_all(l, buf_text(&head), head.len) && put_all(l, a->body, a->n);
    buf_done(&head);
    return sent;
}

static bool receive(const struct link *l, struct arriving *in)
{
    char bytes[65536];
    ssize_t n;

    while ((n = get_some(l, bytes, sizeof(bytes))) > 0)
        if (!take(in, bytes, (size_t)n))
            return false;
    return in->headed && (in->length < 0 || in->got == in->length);
}

/* All that a problem (RFC 9457) says; the answer of something else may be none. */
static void tell_problem(struct client *c, const struct asked *a, long status,
                         const json_t *problem)
{
    const char *detail = json_string_value(json_object_get(problem, "detail"));

    if (detail == NULL)
        detail = json_string_value(json_object_get(problem, "title"));
    buf_printf(c->why, "%s %s: %ld: %s\n", a->method, a->path, status,
               detail != NULL ? detail
                              : "the answer is not one of Sluice; does the address name it?");
    say_problem(c->why, problem);
}

static json_t *answer_of(struct client *c, const struct asked *a, const struct arriving *in)
{
    json_t *answer =
        in->body.len > 0 ? json_loadb(buf_text(&in->body), in->body.len, 0, NULL) : json_null();

    if (in->status >= 200 && in->status < 300 && answer != NULL)
        return answer;
    tell_problem(c, a, in->status, answer);
    json_decref(answer);
    return NULL;
}

json_t *client_ask(struct client *c, const struct asked *a)
{
    struct arriving in = {.to = a->to};
    json_t *answer = NULL;
    struct link l;

    buf_init(&in.head, HEAD_MAX);
    buf_init(&in.body, ANSWER_MAX);
    if (link_to(c, &l)) {
        (void)send_request(c, &l, a); /* a refusal may come before all is sent */
        if (receive(&l, &in))
            answer = answer_of(c, a, &in);
        else
            buf_printf(c->why, "%s %s: the answer did not come as a whole\n", a->method, a->path);
    }
    unlink_from(&l);
    ERR_clear_error();
    buf_done(&in.head);
    buf_done(&in.body);
    return answer;
}

json_t *client_json(struct client *c, const char *method, const char *path, json_t *body)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    struct asked a = {.method = method,
                      .path = path,
                      .media_type = text != NULL ? "application/json" : NULL,
                      .body = text,
                      .n = text != NULL ? strlen(text) : 0};
    json_t *answer = client_ask(c, &a);

    json_decref(body);
    free(text);
    return answer;
}
