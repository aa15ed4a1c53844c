#include "db/dsn.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"

#define HOSTS_MAX 16
#define OPTIONS_MAX 4096
#define PAIRS_MAX 24

struct dsn_host {
    char *host, *hostaddr, *port; /* NULL: libpq's default */
};

struct dsn {
    char *url;
    char *options; /* of the connection string, ours are added */
    unsigned nhosts;
    struct dsn_host hosts[HOSTS_MAX];
};

struct pairs {
    const char *keywords[PAIRS_MAX];
    const char *values[PAIRS_MAX];
    unsigned n;
};

static void pair(struct pairs *p, const char *keyword, const char *value)
{
    if (value == NULL || p->n + 1 >= PAIRS_MAX)
        return;
    p->keywords[p->n] = keyword;
    p->values[p->n] = value;
    p->n++;
}

/* Returns the @index-th entry of a comma-separated list; a list of one stands for every index. NULL
 * for an empty entry or no list. */
static char *entry(const char *list, unsigned index)
{
    const char *end;

    if (list == NULL)
        return NULL;
    if (strchr(list, ',') == NULL)
        index = 0;
    for (; index > 0; index--) {
        list = strchr(list, ',');
        if (list == NULL)
            return NULL;
        list++;
    }
    end = strchrnul(list, ',');
    return end == list ? NULL : strndup(list, (size_t)(end - list));
}

static unsigned count_entries(const char *list)
{
    unsigned n = 1;

    for (; list != NULL && *list != '\0'; list++)
        n += *list == ',';
    return n;
}

static const char *option(const PQconninfoOption *all, const char *keyword)
{
    for (; all->keyword != NULL; all++)
        if (strcmp(all->keyword, keyword) == 0)
            return all->val == NULL || all->val[0] == '\0' ? NULL : all->val;
    return NULL;
}

static void fill(struct dsn *d, const PQconninfoOption *all)
{
    const char *host = option(all, "host");
    const char *hostaddr = option(all, "hostaddr");
    const char *options = option(all, "options");

    d->nhosts = count_entries(hostaddr != NULL ? hostaddr : host);
    if (d->nhosts > HOSTS_MAX)
        d->nhosts = HOSTS_MAX;
    for (unsigned i = 0; i < d->nhosts; i++)
        d->hosts[i] = (struct dsn_host){.host = entry(host, i),
                                        .hostaddr = entry(hostaddr, i),
                                        .port = entry(option(all, "port"), i)};
    d->options = strdup(options == NULL ? "" : options);
}

struct dsn *dsn_parse(const char *url, struct buf *why)
{
    char *error = NULL;
    PQconninfoOption *all = PQconninfoParse(url, &error);
    struct dsn *d;

    if (all == NULL) {
        buf_printf(why, "the connection string is not valid: %s",
                   error == NULL ? "out of memory" : error);
        PQfreemem(error);
        return NULL;
    }
    d = calloc(1, sizeof *d);
    if (d == NULL)
        abort();
    d->url = strdup(url);
    fill(d, all);
    PQconninfoFree(all);
    if (d->url == NULL || d->options == NULL)
        abort();
    return d;
}

void dsn_free(struct dsn *d)
{
    if (d == NULL)
        return;
    for (unsigned i = 0; i < d->nhosts; i++) {
        free(d->hosts[i].host);
        free(d->hosts[i].hostaddr);
        free(d->hosts[i].port);
    }
    free(d->options);
    free(d->url);
    free(d);
}

unsigned dsn_hosts(const struct dsn *d)
{
    return d->nhosts;
}

const char *dsn_name(const struct dsn *d, unsigned host)
{
    const struct dsn_host *h = &d->hosts[host];
    unsigned char address[16];

    if (h->hostaddr != NULL || h->host == NULL || h->host[0] == '/' || h->host[0] == '@')
        return NULL; /* an address or a unix socket */
    if (inet_pton(AF_INET, h->host, address) == 1 || inet_pton(AF_INET6, h->host, address) == 1)
        return NULL;
    return h->host;
}

/* A value of -c name=value: white space and backslashes need a backslash. */
static void add_escaped(struct buf *b, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == ' ' || *value == '\\' || *value == '\t' || *value == '\n')
            buf_putc(b, '\\');
        buf_putc(b, *value);
    }
}

static void session_options(struct buf *b, const char *given, const struct dsn_session *s)
{
    buf_puts(b, given);
    buf_puts(b, " -c timezone=UTC -c datestyle=ISO -c client_min_messages=warning"
                " -c search_path=sluice,pg_temp -c jit=off"
                " -c idle_in_transaction_session_timeout=5s");
    buf_printf(b, " -c lock_timeout=%u -c statement_timeout=%u", s->lock_timeout_ms,
               s->statement_timeout_ms);
    if (s->role != NULL && s->role[0] != '\0') {
        buf_puts(b, " -c role=");
        add_escaped(b, s->role);
    }
}

/* What stands before dbname is a default that the connection string may change, what follows is
 * not. */
static void defaults(struct pairs *p)
{
    pair(p, "fallback_application_name", "sluiced");
    pair(p, "keepalives", "1");
    pair(p, "keepalives_idle", "5");
    pair(p, "keepalives_interval", "2");
    pair(p, "keepalives_count", "3");
    pair(p, "tcp_user_timeout", "10000");
    pair(p, "target_session_attrs", "read-write");
}

/* "name" n times with commas: libpq wants as many hosts as addresses. */
static void repeat(struct buf *b, const char *name, const char *addresses)
{
    for (unsigned n = count_entries(addresses); n > 0; n--)
        buf_printf(b, "%s%s", name, n > 1 ? "," : "");
}

PGconn *dsn_start(const struct dsn *d, const struct dsn_session *s, unsigned host,
                  const char *addresses)
{
    const struct dsn_host *h = &d->hosts[host];
    struct pairs p = {.n = 0};
    struct buf options, names;
    PGconn *pg;

    buf_init(&options, OPTIONS_MAX);
    buf_init(&names, OPTIONS_MAX);
    session_options(&options, d->options, s);
    defaults(&p);
    pair(&p, "dbname", d->url);
    if (d->nhosts > 1 || addresses != NULL) {
        repeat(&names, h->host == NULL ? "" : h->host, addresses);
        pair(&p, "host", buf_text(&names));
        pair(&p, "hostaddr",
             addresses != NULL     ? addresses
             : h->hostaddr != NULL ? h->hostaddr
                                   : "");
        pair(&p, "port", h->port == NULL ? "" : h->port);
    }
    pair(&p, "client_encoding", "UTF8");
    pair(&p, "options", buf_text(&options));
    pg = PQconnectStartParams(p.keywords, p.values, 1);
    buf_done(&options);
    buf_done(&names);
    return pg;
}

/* Warnings of the server, when somebody sits in front: migrations, tools. */
static void on_notice(void *arg, const char *message)
{
    (void)arg;
    log_warn("the database warns", LOG_TEXT("message", message));
}

PGconn *dsn_connect(const char *url, const struct dsn_session *s, struct buf *why)
{
    struct dsn *d = dsn_parse(url, why);
    struct pairs p = {.n = 0};
    struct buf options;
    PGconn *pg;

    if (d == NULL)
        return NULL;
    buf_init(&options, OPTIONS_MAX);
    session_options(&options, d->options, s);
    defaults(&p);
    pair(&p, "connect_timeout", "10");
    pair(&p, "dbname", d->url);
    pair(&p, "client_encoding", "UTF8");
    pair(&p, "options", buf_text(&options));
    pg = PQconnectdbParams(p.keywords, p.values, 1);
    buf_done(&options);
    dsn_free(d);
    if (PQstatus(pg) == CONNECTION_OK) {
        PQsetNoticeProcessor(pg, on_notice, NULL);
        return pg;
    }
    dsn_why(pg, why);
    PQfinish(pg);
    return NULL;
}

void dsn_why(const PGconn *pg, struct buf *why)
{
    const char *text = pg == NULL ? "out of memory" : PQerrorMessage(pg);

    for (; *text != '\0'; text++) {
        if (*text == '\n' && text[1] != '\0')
            buf_puts(why, "; ");
        else if (*text != '\n' && *text != '\t')
            buf_putc(why, *text);
    }
}
