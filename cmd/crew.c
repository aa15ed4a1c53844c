/* crew - workers: loop, connections, caches, listening socket; started, watched, drained. */
#include "crew.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "call/call.h"
#include "call/principal.h"
#include "call/row_plans.h"
#include "conf/conf.h"
#include "crypto/token.h"
#include "db/db.h"
#include "dns/mail.h"
#include "http/health.h"
#include "http/metrics.h"
#include "http/server.h"
#include "job/job.h"
#include "loop/offload.h"
#include "loop/worker.h"
#include "queries.gen.h"
#include "service/process/known.h"
#include "service/process/timed.h"
#include "service/record/record.h"
#include "site.h"

#define WORKERS_MAX 64
#define TICK_US 100000
#define ORIGINS_MAX 64
#define STANDBY_WAIT_MS 200
#define BODY_MEMORY_LEAST (8U << 20)

/* One worker and what it lends to its calls. */
struct member {
    struct crew *crew;
    struct worker *worker;
    struct db *db;
    struct server *server, *admin;
    struct jobs *jobs; /* the first one's: what no client asks for */
    struct call_env env;
    struct ssl_ctx_st *tls; /* loaded since the start; NULL: the crew's is in use */
    struct timer *tick;
    bool running;
    /* published by the worker every tick, under the crew's lock */
    struct db_stats stats;
    bool drained;
};

struct crew {
    unsigned n;
    struct member members[WORKERS_MAX];
    struct offload *offload;
    struct metrics *metrics;
    struct health health;
    struct token_key token_key;
    struct ssl_ctx_st *tls;
    char *origins_text;
    const char *origins[ORIGINS_MAX + 1];
    struct networks trusted;
    pthread_mutex_t lock;
    bool stopping; /* under the lock */
};

/* what the workers publish */

static void publish(void *arg)
{
    struct member *m = arg;
    struct db_stats stats;
    bool drained = server_is_drained(m->server) && (!m->admin || server_is_drained(m->admin)) &&
                   (!m->jobs || jobs_are_idle(m->jobs));

    db_read_stats(m->db, &stats);
    pthread_mutex_lock(&m->crew->lock);
    m->stats = stats;
    m->drained = drained;
    pthread_mutex_unlock(&m->crew->lock);
    timer_set(m->tick, TICK_US);
}

static bool all_up(struct crew *crew)
{
    bool up = true;

    pthread_mutex_lock(&crew->lock);
    for (unsigned i = 0; i < crew->n; i++)
        up = up && crew->members[i].stats.up;
    pthread_mutex_unlock(&crew->lock);
    return up;
}

static bool all_drained(struct crew *crew)
{
    bool drained = true;

    pthread_mutex_lock(&crew->lock);
    for (unsigned i = 0; i < crew->n; i++)
        drained = drained && crew->members[i].drained;
    pthread_mutex_unlock(&crew->lock);
    return drained;
}

static bool is_ready(void *arg)
{
    struct crew *crew = arg;
    bool stopping;

    pthread_mutex_lock(&crew->lock);
    stopping = crew->stopping;
    pthread_mutex_unlock(&crew->lock);
    return !stopping && all_up(crew);
}

static void show_database(void *arg, struct health_database *ret)
{
    static const char *const names[LANE_COUNT] = {"read", "write", "slow", "standby"};
    struct crew *crew = arg;

    memset(ret, 0, sizeof(*ret));
    ret->up = all_up(crew);
    ret->nlanes = LANE_COUNT;
    pthread_mutex_lock(&crew->lock);
    for (unsigned i = 0; i < crew->n; i++) {
        const struct db_stats *s = &crew->members[i].stats;

        ret->failures += s->failures;
        ret->reconnects += s->reconnects;
        for (int lane = 0; lane < LANE_COUNT; lane++) {
            ret->lanes[lane].name = names[lane];
            ret->lanes[lane].idle += s->idle[lane];
            ret->lanes[lane].busy += s->busy[lane];
            ret->lanes[lane].waiting += s->waiting[lane];
            ret->lanes[lane].asks += s->asks[lane];
        }
    }
    pthread_mutex_unlock(&crew->lock);
}

/* starting */

/* "host:port", "[::1]:port", ":port" */
static bool split_listen(const char *listen, char *host, size_t size, uint16_t *port,
                         struct buf *why)
{
    const char *colon = strrchr(listen, ':');
    size_t n = colon ? (size_t)(colon - listen) : 0;
    int64_t number;

    if (!colon || n >= size || !text_parse_i64(span_of(colon + 1), &number) || number < 0 ||
        number > 65535) {
        buf_printf(why, "\"%s\" is not HOST:PORT", listen);
        return false;
    }
    if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']')
        memcpy(host, listen + 1, n -= 2);
    else
        memcpy(host, listen, n);
    host[n] = '\0';
    *port = (uint16_t)number;
    return true;
}

static unsigned share(int64_t total, unsigned n)
{
    return total < n ? 1 : (unsigned)((total + n - 1) / n);
}

static bool open_database(struct member *m, const struct conf *conf, const struct site *site,
                          unsigned n)
{
    const struct db_options o = {
        .url = site->worker_url,
        .standby_url = conf->standby_url,
        .standby_lag_ms = (unsigned)conf->standby_lag_ms,
        .role = conf->database_role,
        .connections = {(unsigned)conf->read_connections, share(conf->write_connections, n),
                        share(conf->slow_connections, n), share(conf->slow_connections, n)},
        .queue = {(unsigned)conf->read_queue, (unsigned)conf->write_queue,
                  (unsigned)conf->slow_queue, (unsigned)conf->slow_queue},
        .timeout_ms = {(unsigned)conf->read_timeout_ms, (unsigned)conf->write_timeout_ms,
                       (unsigned)conf->slow_timeout_ms, (unsigned)conf->slow_timeout_ms},
        .nqueries = QUERY_COUNT,
    };

    m->db = db_create(m->worker, &o);
    return m->db != NULL;
}

/* An eighth of what a standby may be behind is for waiting for it (db/standby.h). */
static unsigned standby_wait(const struct conf *conf)
{
    int64_t ms = conf->standby_lag_ms / 8;

    return ms < STANDBY_WAIT_MS ? (unsigned)ms : STANDBY_WAIT_MS;
}

static void lend(struct member *m, const struct conf *conf, const struct site *site)
{
    m->env = (struct call_env){
        .worker = m->worker,
        .db = m->db,
        .offload = m->crew->offload,
        .token_key = &m->crew->token_key,
        .cursor_key = site->cursor_key,
        .deadline_ms = (unsigned)conf->deadline_ms,
        .arena_limit = (size_t)conf->call_memory,
        .temp_dir = *conf->temp_dir ? conf->temp_dir : conf->data_dir,
        .missing = merged_steps,
        .blueprints = blueprint_cache_create(),
        .principals = principals_create(),
        .row_plans = row_plans_create(),
        .settle = settle_steps,
        .access_ttl_s = (unsigned)conf->access_token_s,
        .refresh_ttl_s = (unsigned)conf->refresh_token_s,
        .export_rows = conf->export_rows,
        .mail_dns = conf->mail_domain_check ? conf->mail_dns_servers : NULL,
        .claim_ttl_s = (unsigned)conf->claim_s,
        .principal_cache_ms = (unsigned)conf->principal_cache_ms,
        .ask = db_ask,
        .standby = *conf->standby_url ? db_standby_wanted : NULL,
        .standby_wait_ms = standby_wait(conf),
    };
}

/* Of one worker; enough for the largest body, however many workers there are. */
static size_t body_share(const struct crew *crew, const struct conf *conf)
{
    size_t size = (size_t)conf->body_memory / crew->n;

    return size < BODY_MEMORY_LEAST ? BODY_MEMORY_LEAST : size;
}

static struct server_options server_settings(const struct crew *crew, const struct conf *conf)
{
    return (struct server_options){
        .tls = crew->tls,
        .max_connections = share(conf->max_connections, crew->n),
        .max_per_address = (unsigned)conf->max_connections_per_address,
        .head_bytes = (unsigned)conf->head_bytes,
        .head_fields = (unsigned)conf->head_fields,
        .target_bytes = (unsigned)conf->target_bytes,
        .chunk_line_bytes = 256,
        .head_ms = (unsigned)conf->head_timeout_ms,
        .body_ms = (unsigned)conf->body_timeout_ms,
        .body_rate = (unsigned)conf->body_rate,
        .body_memory = body_share(crew, conf),
        .idle_ms = (unsigned)conf->idle_timeout_ms,
        .write_ms = (unsigned)conf->write_stall_ms,
        .cors_origins = crew->origins,
        .trusted = crew->trusted,
        .forwarded_by =
            strcmp(conf->proxy_header, "forwarded") == 0 ? FORWARDED_RFC7239 : FORWARDED_X_FOR,
        .health = &crew->health,
        .metrics = crew->metrics,
        .fd = -1,
    };
}

static bool listen_on(struct member *m, const struct conf *conf, struct buf *why)
{
    struct server_options o = server_settings(m->crew, conf);
    char host[256];

    if (!split_listen(conf->listen, host, sizeof(host), &o.port, why))
        return false;
    o.host = host;
    o.shared = m != &m->crew->members[0];
    if (o.shared)
        o.port = crew_port(m->crew); /* port 0: the first one's choice is everybody's */
    m->server = server_create(m->worker, &m->env, &o, why);
    if (!m->server || m != &m->crew->members[0])
        return m->server != NULL;
    if (*conf->admin_listen == '\0')
        return true;
    o.admin = true;
    o.tls = NULL;
    if (!split_listen(conf->admin_listen, host, sizeof(host), &o.port, why))
        return false;
    m->admin = server_create(m->worker, &m->env, &o, why);
    return m->admin != NULL;
}

static bool hire(struct crew *crew, unsigned i, const struct conf *conf, const struct site *site,
                 struct buf *why)
{
    struct member *m = &crew->members[i];

    m->crew = crew;
    m->worker = worker_create(i);
    if (!m->worker || !open_database(m, conf, site, crew->n)) {
        buf_puts(why, "cannot create a worker");
        return false;
    }
    lend(m, conf, site);
    m->tick = timer_create_on(m->worker, publish, m);
    if (!listen_on(m, conf, why))
        return false;
    if (i == 0 && conf->job_interval_ms)
        m->jobs = jobs_create(m->worker, &m->env, (unsigned)conf->job_interval_ms);
    timer_set(m->tick, 0);
    return true;
}

/* "https://a.example https://b.example" */
static void split_origins(struct crew *crew, const char *text)
{
    char *rest = crew->origins_text = strdup(text ? text : "");
    unsigned n = 0;

    for (char *word; rest && n < ORIGINS_MAX && (word = strsep(&rest, " ,"));)
        if (*word)
            crew->origins[n++] = word;
}

static bool prepare(struct crew *crew, const struct conf *conf, const struct site *site,
                    struct buf *why)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    pthread_mutex_init(&crew->lock, NULL);
    crew->n = conf->workers ? (unsigned)conf->workers : cores > 0 ? (unsigned)cores : 1;
    if (crew->n > WORKERS_MAX)
        crew->n = WORKERS_MAX;
    crew->health = (struct health){
        .version = SLUICE_VERSION, .ready = is_ready, .database = show_database, .arg = crew};
    crew->token_key = (struct token_key){
        .bytes = site->token_key, .size = SHA256_SIZE, .issuer = "sluice", .audience = "sluice"};
    crew->metrics = metrics_create(routes, routes_count);
    crew->offload = offload_create((unsigned)conf->offload_threads, (unsigned)conf->offload_queue);
    split_origins(crew, conf->cors_origins);
    if (!mail_servers_are_valid(conf->mail_dns_servers)) {
        buf_puts(why, "mail_dns_servers is not ADDRESS:PORT,...");
        return false;
    }
    if (!networks_parse(conf->trusted_proxies, &crew->trusted)) {
        buf_puts(why, "trusted_proxies is not ADDRESS[/BITS],... with no bit set beyond BITS");
        return false;
    }
    if (!conf->tls_certificate || !*conf->tls_certificate)
        return true;
    crew->tls = tls_load(conf->tls_certificate, conf->tls_key, why);
    return crew->tls != NULL;
}

struct crew *crew_start(const struct conf *conf, const struct site *site, struct buf *why)
{
    struct crew *crew = calloc(1, sizeof(*crew));

    if (!crew)
        abort();
    if (!prepare(crew, conf, site, why)) {
        crew_stop(crew, 0);
        return NULL;
    }
    for (unsigned i = 0; i < crew->n; i++)
        if (!hire(crew, i, conf, site, why)) {
            crew_stop(crew, 0);
            return NULL;
        }
    for (unsigned i = 0; i < crew->n; i++)
        crew->members[i].running = worker_start(crew->members[i].worker);
    return crew;
}

static bool wait_until(struct crew *crew, bool (*condition)(struct crew *), unsigned ms)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    int64_t end = clock_mono_us() + (int64_t)ms * 1000;

    while (!condition(crew)) {
        if (clock_mono_us() > end)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

bool crew_wait_ready(struct crew *crew, unsigned ms)
{
    return wait_until(crew, all_up, ms);
}

uint16_t crew_port(const struct crew *crew)
{
    return server_port(crew->members[0].server);
}

uint16_t crew_admin_port(const struct crew *crew)
{
    return crew->members[0].admin ? server_port(crew->members[0].admin) : 0;
}

/* a new certificate */

struct renewal {
    struct member *member;
    struct ssl_ctx_st *tls;
};

static void renew(void *arg)
{
    struct renewal *r = arg;

    server_set_tls(r->member->server, r->tls);
    tls_free(r->member->tls);
    r->member->tls = r->tls;
    free(r);
}

bool crew_reload(struct crew *crew, const struct conf *conf, struct buf *why)
{
    for (unsigned i = 0; crew->tls && i < crew->n; i++) {
        struct ssl_ctx_st *tls = tls_load(conf->tls_certificate, conf->tls_key, why);
        struct renewal *r = tls ? malloc(sizeof(*r)) : NULL;

        if (!tls)
            return false;
        if (!r)
            abort();
        *r = (struct renewal){.member = &crew->members[i], .tls = tls};
        worker_post(crew->members[i].worker, renew, r);
    }
    return true;
}

/* stopping */

static void drain(void *arg)
{
    struct member *m = arg;

    server_drain(m->server);
    if (m->admin)
        server_drain(m->admin);
    if (m->jobs)
        jobs_stop(m->jobs);
}

static void stop(void *arg)
{
    worker_stop(((struct member *)arg)->worker);
}

static void dismiss(struct member *m)
{
    if (m->running) {
        worker_post(m->worker, stop, m);
        worker_join(m->worker);
    }
    server_destroy(m->admin);
    server_destroy(m->server);
    tls_free(m->tls);
    timer_destroy(m->tick);
    db_destroy(m->db);
    jobs_destroy(m->jobs);
    blueprint_cache_destroy(m->env.blueprints);
    principals_destroy(m->env.principals);
    row_plans_destroy(m->env.row_plans);
    worker_destroy(m->worker);
}

void crew_stop(struct crew *crew, unsigned ms)
{
    pthread_mutex_lock(&crew->lock);
    crew->stopping = true;
    for (unsigned i = 0; i < crew->n; i++)
        crew->members[i].drained = false;
    pthread_mutex_unlock(&crew->lock);
    for (unsigned i = 0; i < crew->n; i++)
        if (crew->members[i].running)
            worker_post(crew->members[i].worker, drain, &crew->members[i]);
    if (ms)
        wait_until(crew, all_drained, ms);
    for (unsigned i = 0; i < crew->n; i++)
        if (crew->members[i].worker)
            dismiss(&crew->members[i]);
    offload_destroy(crew->offload);
    metrics_destroy(crew->metrics);
    tls_free(crew->tls);
    free(crew->origins_text);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}
