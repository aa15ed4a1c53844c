/* The addresses that are not in the contract: how the daemon is. */
#include <string.h>

#include "http/health.h"
#include "http/inner.h"
#include "json/out.h"

#define METRICS_MAX (32 * 1024 * 1024)

static void answer_json(struct conn *c, const char *key, const char *value)
{
    struct buf *text = &c->server->text;
    struct out o;

    buf_clear(text);
    out_init(&o, text);
    out_object(&o);
    if (strcmp(key, "version") == 0)
        out_member(&o, "name", "sluice");
    out_member(&o, key, value);
    out_object_end(&o);
    respond(c, &(struct answer){.status = 200, .body = {buf_text(text), text->len}});
}

static void answer_livez(struct conn *c)
{
    answer_json(c, "status", "alive");
}

static void answer_readyz(struct conn *c)
{
    static const struct reply_header headers[] = {{"Retry-After", "1"}};
    const struct health *h = c->server->o.health;
    struct err e = {.code = ERR_DRAINING, .retry_after = 1};

    if (!c->server->draining) {
        if (h == NULL || h->ready == NULL || h->ready(h->arg)) {
            answer_json(c, "status", "ready");
            return;
        }
        e.code = ERR_DB_UNAVAILABLE;
    }
    respond_problem(c, &e, headers, 1);
}

static void answer_version(struct conn *c)
{
    const struct health *h = c->server->o.health;

    answer_json(c, "version", h == NULL || h->version == NULL ? "unknown" : h->version);
}

static void answer_metrics(struct conn *c)
{
    const struct health *h = c->server->o.health;
    struct health_database db = {.up = false};
    bool known = h != NULL && h->database != NULL;
    struct buf text;

    if (known)
        h->database(h->arg, &db);
    buf_init(&text, METRICS_MAX);
    metrics_write(c->server->o.metrics, known ? &db : NULL, &text);
    respond(c, &(struct answer){.status = 200,
                                .media_type = "text/plain; version=0.0.4; charset=utf-8",
                                .body = {buf_text(&text), text.len},
                                .owned = &text});
    buf_done(&text);
}

/* Whoever types the address of the daemon, or a slash too many, finds the page. */
static void answer_docs(struct conn *c)
{
    static const struct reply_header headers[] = {{"Location", "/docs"}};

    respond(c, &(struct answer){.status = 302, .headers = headers, .nheaders = 1});
}

static const struct builtin front_page = {"", "/", true, answer_docs};

static const struct builtin builtins[] = {
    {"livez", "/livez", true, answer_livez},
    {"readyz", "/readyz", true, answer_readyz},
    {"metrics", "/metrics", false, answer_metrics},
    {"version", "/version", false, answer_version},
};

const struct builtin *builtin_find(const struct server *s, const struct target *t)
{
    bool below_docs = t->nsegments == 2 && span_is(t->segments[0], "docs") && t->segments[1].n == 0;

    if (!s->o.admin && (t->nsegments == 0 || below_docs))
        return &front_page;
    if (t->nsegments != 1)
        return NULL;
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if ((s->o.admin || builtins[i].everywhere) && span_is(t->segments[0], builtins[i].segment))
            return &builtins[i];
    return NULL;
}
