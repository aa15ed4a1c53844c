#include "db/dsn.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "db/pooler.h"

#define HOSTS_MAX 16
#define OPTIONS_MAX 4096
#define PAIRS_MAX 64 /* libpq knows some forty keywords */

struct dsn_host {
    char *host, *hostaddr, *port; /* NULL: libpq's default */
};

struct dsn {
    PQconninfoOption *given; /* what stands in the connection string, no defaults */
    char *options;           /* of it; ours are added */
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
    d->given = all;
    fill(d, all);
    if (d->options == NULL)
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
    PQconninfoFree(d->given);
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

void dsn_settings(const struct dsn_session *s, struct buf *lines)
{
    buf_puts(lines, "timezone=" DSN_ZONE "\ndatestyle=ISO\nclient_min_messages=warning\n"
                    "search_path=sluice,pg_temp\njit=off\n"
                    "idle_in_transaction_session_timeout=5s\n");
    buf_printf(lines, "lock_timeout=%u\nstatement_timeout=%u\n", s->lock_timeout_ms,
               s->statement_timeout_ms);
    if (s->standby)
        buf_puts(lines, "sluice.standby=on\n");
    if (s->role != NULL && s->role[0] != '\0')
        buf_printf(lines, "role=%s\n", s->role);
}

/* As " -c name=value": white space and backslashes of a value need a backslash. */
static void session_options(struct buf *b, const char *given, const struct dsn_session *s)
{
    struct buf lines;
    bool begins = true;

    buf_init(&lines, OPTIONS_MAX);
    dsn_settings(s, &lines);
    buf_puts(b, given);
    for (const char *p = buf_text(&lines); *p != '\0'; p++) {
        if (begins)
            buf_puts(b, " -c ");
        begins = *p == '\n';
        if (*p == ' ' || *p == '\\' || *p == '\t')
            buf_putc(b, '\\');
        if (!begins)
            buf_putc(b, *p);
    }
    buf_done(&lines);
}

/* What stands before the connection string is a default that it may change, what follows is not. */
static void defaults(struct pairs *p, const struct dsn_session *s)
{
    pair(p, "fallback_application_name", "sluiced");
    pair(p, "keepalives", "1");
    pair(p, "keepalives_idle", "5");
    pair(p, "keepalives_interval", "2");
    pair(p, "keepalives_count", "3");
    pair(p, "tcp_user_timeout", "10000");
    pair(p, "target_session_attrs", s->standby ? "standby" : "read-write");
}

/* What the connection string says, but for where the servers are when it names several: libpq takes
 * lists of hosts and ports as they stand and lets no empty value take their place. */
static void as_given(struct pairs *p, const struct dsn *d, bool places)
{
    static const char *const of_places[] = {"host", "hostaddr", "port"};

    for (const PQconninfoOption *o = d->given; o->keyword != NULL; o++) {
        bool is_place = false;

        for (size_t i = 0; i < sizeof of_places / sizeof of_places[0]; i++)
            is_place = is_place || strcmp(o->keyword, of_places[i]) == 0;
        if (o->val != NULL && (places || !is_place))
            pair(p, o->keyword, o->val);
    }
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
    bool chosen = d->nhosts > 1 || addresses != NULL;
    struct pairs p = {.n = 0};
    struct buf options, names;
    PGconn *pg;

    buf_init(&options, OPTIONS_MAX);
    buf_init(&names, OPTIONS_MAX);
    session_options(&options, d->options, s);
    defaults(&p, s);
    as_given(&p, d, !chosen);
    if (chosen) {
        repeat(&names, h->host == NULL ? "" : h->host, addresses);
        pair(&p, "host", buf_text(&names));
        pair(&p, "hostaddr", addresses != NULL ? addresses : h->hostaddr);
        pair(&p, "port", h->port);
    }
    pair(&p, "client_encoding", "UTF8");
    pair(&p, "options", buf_text(&options));
    pg = PQconnectStartParams(p.keywords, p.values, 0);
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

static PGconn *connect_once(const struct dsn *d, const char *url, const struct dsn_session *s)
{
    struct pairs p = {.n = 0};
    struct buf options;
    PGconn *pg;

    buf_init(&options, OPTIONS_MAX);
    session_options(&options, d->options, s);
    defaults(&p, s);
    pair(&p, "connect_timeout", "10");
    pair(&p, "dbname", url);
    pair(&p, "client_encoding", "UTF8");
    pair(&p, "options", buf_text(&options));
    pg = PQconnectdbParams(p.keywords, p.values, 1);
    buf_done(&options);
    return pg;
}

static void explain(const PGconn *pg, struct buf *why)
{
    dsn_why(pg, why);
    if (strstr(PQerrorMessage(pg), "read-only") != NULL)
        buf_puts(why, " (a standby, or a primary that was told to take no writes; name the hosts "
                      "of all servers and the one that takes writes is found)");
    if (strstr(PQerrorMessage(pg), "unsupported startup parameter") != NULL)
        buf_puts(why, " (PgBouncer: its pgbouncer.ini needs ignore_startup_parameters = options "
                      "and pool_mode = session)");
}

/* Behind a pooler the settings are sent, and the server must stay whose it is. */
static bool is_settled(PGconn *pg, const struct dsn *d, const char *url,
                       const struct dsn_session *s, struct buf *why)
{
    bool pooled = PQstatus(pg) == CONNECTION_OK && pooler_is_between(pg), mixed;
    PGconn *other;

    if (PQstatus(pg) != CONNECTION_OK || (pooled && !pooler_set(pg, s))) {
        explain(pg, why);
        return false;
    }
    if (!pooled)
        return true;
    other = connect_once(d, url, s);
    mixed = PQstatus(other) == CONNECTION_OK && pooler_mixes(pg, other);
    PQfinish(other);
    if (mixed)
        buf_puts(why, "a pooler gives the server's connection to others between transactions, "
                      "which loses settings and prepared statements: set pool_mode = session for "
                      "this database, or name PostgreSQL itself");
    return !mixed;
}

PGconn *dsn_connect(const char *url, const struct dsn_session *s, struct buf *why)
{
    struct dsn *d = dsn_parse(url, why);
    PGconn *pg;

    if (d == NULL)
        return NULL;
    pg = connect_once(d, url, s);
    if (!is_settled(pg, d, url, s, why)) {
        PQfinish(pg);
        pg = NULL;
    }
    dsn_free(d);
    if (pg != NULL)
        PQsetNoticeProcessor(pg, on_notice, NULL);
    return pg;
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
