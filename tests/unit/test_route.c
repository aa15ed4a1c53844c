/* From a target to a route: tables of targets, of addresses, and of what the counters say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/buf.h"
#include "http/health.h"
#include "http/metrics.h"
#include "http/peers.h"
#include "http/router.h"
#include "http/target.h"

/* What a target becomes: segments joined by '|', then pairs as name=value joined by '&'. */
struct target_case {
    const char *in;
    const char *path; /* NULL: refused */
    const char *query;
    const char *authority;
};

static const struct target_case targets[] = {
    {"/", "", "", ""},
    {"/v1", "v1", "", ""},
    {"/v1/leads/7", "v1|leads|7", "", ""},
    {"/v1/", "v1|", "", ""},
    {"/v1/leads?", "v1|leads", "", ""},
    {"/a?b=c", "a", "b=c", ""},
    {"/?b=c", "", "b=c", ""},
    {"/a?b", "a", "b=", ""},
    {"/a?b=", "a", "b=", ""},
    {"/a?b=c=d", "a", "b=c=d", ""},
    {"/a?b=c&&d=e&", "a", "b=c&d=e", ""},
    {"/a?b=c&b=d", "a", "b=c&b=d", ""},
    {"/a?b=c+d%2B%20e", "a", "b=c d+ e", ""},
    {"/a?b[gte]=1", "a", "b[gte]=1", ""},
    {"/a?b%5Bgte%5D=1", "a", "b[gte]=1", ""},
    {"/a?b=/?:@", "a", "b=/?:@", ""},
    {"/a?b=%26&c=%3D", "a", "b=&&c==", ""},
    {"/a?%C5%81=%E2%82%AC", "a", "\xc5\x81=\xe2\x82\xac", ""},
    {"/a?b=%0A", "a", "b=\n", ""},
    {"/a+b", "a+b", "", ""},
    {"/a%20b", "a b", "", ""},
    {"/%61", "a", "", ""},
    {"/a%2Fb", "a/b", "", ""},
    {"/a%2fb/c", "a/b|c", "", ""},
    {"/%25", "%", "", ""},
    {"/%2e%2E/a", "..|a", "", ""},
    {"/../a/./b", "..|a|.|b", "", ""},
    {"/%C5%81ukasz", "\xc5\x81ukasz", "", ""},
    {"/a;b=c,d", "a;b=c,d", "", ""},
    {"/~a!$&'()*:@", "~a!$&'()*:@", "", ""},
    {"http://a.example/b?c=d", "b", "c=d", "a.example"},
    {"HTTPS://A:443/b", "b", "", "A:443"},
    {"http://a", "", "", "a"},
    {"http://a?b=c", "", "b=c", "a"},
    {"http://a/", "", "", "a"},

    {"//evil/admin", NULL, NULL, NULL},
    {"//", NULL, NULL, NULL},
    {"/a//b", NULL, NULL, NULL},
    {"/a//", NULL, NULL, NULL},
    {"http://a//b", NULL, NULL, NULL},
    {"http://", NULL, NULL, NULL},
    {"ftp://a/b", NULL, NULL, NULL},
    {"http:/a", NULL, NULL, NULL},
    {"abc", NULL, NULL, NULL},
    {"?a=b", NULL, NULL, NULL},
    {"a:80", NULL, NULL, NULL},
    {"**", NULL, NULL, NULL},
    {"/#", NULL, NULL, NULL},
    {"/a#b", NULL, NULL, NULL},
    {"/a?b#c", NULL, NULL, NULL},
    {"http://a#b", NULL, NULL, NULL},
    {"/%", NULL, NULL, NULL},
    {"/%4", NULL, NULL, NULL},
    {"/%4g", NULL, NULL, NULL},
    {"/%%41", NULL, NULL, NULL},
    {"/%u0041", NULL, NULL, NULL},
    {"/%00", NULL, NULL, NULL},
    {"/%0a", NULL, NULL, NULL},
    {"/%7f", NULL, NULL, NULL},
    {"/%ff", NULL, NULL, NULL},
    {"/%c0%af", NULL, NULL, NULL},
    {"/%ed%a0%80", NULL, NULL, NULL},
    {"/a\\b", NULL, NULL, NULL},
    {"/a\"b", NULL, NULL, NULL},
    {"/<a>", NULL, NULL, NULL},
    {"/{id}", NULL, NULL, NULL},
    {"/a|b", NULL, NULL, NULL},
    {"/a^b`", NULL, NULL, NULL},
    {"/[a]", NULL, NULL, NULL},
    {"/a?=b", NULL, NULL, NULL},
    {"/a?b=%00", NULL, NULL, NULL},
    {"/a?b=%", NULL, NULL, NULL},
    {"/a?%zz=b", NULL, NULL, NULL},
    {"/a?b=%ff", NULL, NULL, NULL},
};

static void describe(const struct target *t, struct buf *path, struct buf *query)
{
    for (unsigned i = 0; i < t->nsegments; i++) {
        assert_int_equal(strlen(t->segments[i].p), t->segments[i].n);
        buf_puts(path, i > 0 ? "|" : "");
        buf_puts(path, t->segments[i].p);
    }
    for (unsigned i = 0; i < t->npairs; i++) {
        buf_puts(query, i > 0 ? "&" : "");
        buf_puts(query, t->pairs[2 * i]);
        buf_puts(query, "=");
        buf_puts(query, t->pairs[2 * i + 1]);
    }
    assert_null(t->pairs[2 * t->npairs]);
}

static char *copy(const char *text)
{
    char *p = strdup(text);

    assert_non_null(p);
    return p;
}

static void test_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        const struct target_case *c = &targets[i];
        char *text = copy(c->in);
        struct buf path, query;
        struct target t;
        const char *why = target_parse(text, strlen(c->in), &t);

        if ((why != NULL) != (c->path == NULL))
            fail_msg("%s: %s", c->in, why == NULL ? "accepted" : why);
        if (why == NULL) {
            buf_init(&path, 1000);
            buf_init(&query, 1000);
            describe(&t, &path, &query);
            assert_string_equal(buf_text(&path), c->path);
            assert_string_equal(buf_text(&query), c->query);
            assert_true(span_is(t.authority, c->authority));
            buf_done(&path);
            buf_done(&query);
        }
        free(text);
    }
}

static void test_target_limits(void **state)
{
    struct target t;
    struct buf b;
    char asterisk[] = "*";

    (void)state;
    assert_null(target_parse(asterisk, 1, &t));
    assert_true(t.asterisk);
    buf_init(&b, 100000);
    for (unsigned i = 0; i < TARGET_SEGMENTS_MAX + 1; i++)
        buf_puts(&b, "/a");
    assert_null(target_parse(b.text, b.len, &t));
    assert_int_equal(t.nsegments, TARGET_SEGMENTS_MAX + 1);
    for (unsigned extra = 0; extra < 2; extra++) {
        buf_clear(&b);
        buf_puts(&b, "/?a=b");
        for (unsigned i = 1; i < TARGET_PAIRS_MAX + extra; i++)
            buf_puts(&b, "&a=b");
        assert_int_equal(target_parse(b.text, b.len, &t) == NULL, extra == 0);
    }
    buf_done(&b);
}

/* clang-format off */
#define PATH(...) .segments = (const char *const[]){__VA_ARGS__, NULL}
/* clang-format on */

static const struct route table[] = {
    {.id = "list", .method = METHOD_GET, .template = "/v1/leads", PATH("v1", "leads")},
    {.id = "create", .method = METHOD_POST, .template = "/v1/leads", PATH("v1", "leads")},
    {.id = "get", .method = METHOD_GET, .template = "/v1/leads/{id}", PATH("v1", "leads", "")},
    {.id = "update",
     .method = METHOD_PATCH,
     .template = "/v1/leads/{id}",
     PATH("v1", "leads", "{id}")},
    {.id = "search",
     .method = METHOD_POST,
     .template = "/v1/leads/search",
     PATH("v1", "leads", "search")},
    {.id = "history",
     .method = METHOD_GET,
     .template = "/v1/leads/{id}/history",
     PATH("v1", "leads", "", "history")},
    {.id = "move",
     .method = METHOD_POST,
     .template = "/v1/leads/{id}/transitions/{key}",
     PATH("v1", "leads", "", "transitions", "")},
    {.id = "contract", .method = METHOD_GET, .template = "/openapi.json", PATH("openapi.json")},
};

#define NTABLE (sizeof table / sizeof *table)

static const struct {
    enum wire_verb verb;
    const char *path;
    const char *id;     /* of the route, NULL: none */
    const char *params; /* joined by '|'; or, without a route, what is allowed; NULL: no path */
} addresses[] = {
    {VERB_GET, "/v1/leads", "list", ""},
    {VERB_HEAD, "/v1/leads", "list", ""},
    {VERB_POST, "/v1/leads", "create", ""},
    {VERB_PUT, "/v1/leads", NULL, "GET, HEAD, POST, OPTIONS"},
    {VERB_OPTIONS, "/v1/leads", NULL, "GET, HEAD, POST, OPTIONS"},
    {VERB_GET, "/v1/leads/7", "get", "7"},
    {VERB_PATCH, "/v1/leads/7", "update", "7"},
    {VERB_DELETE, "/v1/leads/7", NULL, "GET, HEAD, PATCH, OPTIONS"},
    {VERB_GET, "/v1/leads/a%2Fb", "get", "a/b"},
    {VERB_POST, "/v1/leads/search", "search", ""},
    {VERB_GET, "/v1/leads/search", NULL, "POST, OPTIONS"},
    {VERB_HEAD, "/v1/leads/search", NULL, "POST, OPTIONS"},
    {VERB_GET, "/v1/leads/search/history", "history", "search"},
    {VERB_GET, "/v1/leads/7/history", "history", "7"},
    {VERB_POST, "/v1/leads/7/transitions/won", "move", "7|won"},
    {VERB_GET, "/v1/%6Ceads", "list", ""},
    {VERB_GET, "/openapi.json", "contract", ""},
    {VERB_GET, "/", NULL, NULL},
    {VERB_GET, "/v1", NULL, NULL},
    {VERB_GET, "/v1/leads/", NULL, NULL},
    {VERB_GET, "/v1/lead", NULL, NULL},
    {VERB_GET, "/v1/leadss", NULL, NULL},
    {VERB_GET, "/V1/leads", NULL, NULL},
    {VERB_GET, "/v1/leads/7/histories", NULL, NULL},
    {VERB_POST, "/v1/leads/7/transitions", NULL, NULL},
    {VERB_POST, "/v1/leads/7/transitions/", NULL, NULL},
    {VERB_GET, "/v1/./leads", NULL, NULL},
    {VERB_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14", NULL, NULL},
};

static void check_address(const struct router *r, size_t i)
{
    char *text = copy(addresses[i].path);
    struct router_match m;
    struct target t;
    enum router_verdict v;
    struct buf params;

    assert_null(target_parse(text, strlen(text), &t));
    v = router_find(r, addresses[i].verb, &t, &m);
    if (addresses[i].id != NULL) {
        assert_int_equal(v, ROUTER_FOUND);
        assert_string_equal(m.route->id, addresses[i].id);
        buf_init(&params, 100);
        for (unsigned j = 0; j < m.nparams; j++)
            buf_printf(&params, "%s%s", j > 0 ? "|" : "", m.params[j].p);
        assert_string_equal(buf_text(&params), addresses[i].params);
        buf_done(&params);
    } else if (addresses[i].params != NULL) {
        assert_int_equal(v, ROUTER_NO_METHOD);
        assert_string_equal(m.allow, addresses[i].params);
    } else {
        assert_int_equal(v, ROUTER_NO_PATH);
    }
    free(text);
}

static void test_addresses(void **state)
{
    struct router *r = router_create(table, NTABLE);

    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        check_address(r, i);
    router_destroy(r);
}

/* What was meant by an address that is none; NULL: nothing is near. */
static const struct {
    const char *path, *meant;
} misses[] = {
    {"/v1/lead", "/v1/leads"},
    {"/v1/leads/", "/v1/leads"},
    {"/V1/leads", "/v1/leads"},
    {"/leads", "/v1/leads"},
    {"/leads/7", "/v1/leads/7"},
    {"/v1/laeds/7/histroy", "/v1/leads/7/history"},
    {"/v1/leads/7/transition/won", "/v1/leads/7/transitions/won"},
    {"/openapi.jsn", "/openapi.json"},
    {"/", NULL},
    {"/v1", NULL},
    {"/v1/aacounts", NULL},
    {"/v1/leads/7/transitions", NULL},
    {"/v2/laeds/7/histroy", NULL}, /* three words of four */
    {"/1/2/3/4/5/6/7/8/9/10/11/12/13/14", NULL},
};

static void test_what_was_meant(void **state)
{
    struct router *r = router_create(table, NTABLE);

    (void)state;
    for (size_t i = 0; i < sizeof misses / sizeof *misses; i++) {
        char *text = copy(misses[i].path);
        struct target t;
        struct buf b;

        buf_init(&b, 200);
        assert_null(target_parse(text, strlen(text), &t));
        assert_int_equal(router_nearest(r, &t, &b), misses[i].meant != NULL);
        assert_string_equal(buf_text(&b), misses[i].meant != NULL ? misses[i].meant : "");
        buf_done(&b);
        free(text);
    }
    router_destroy(r);
}

static bool shows(struct metrics *m, const struct health_database *db, const char *line)
{
    struct buf b;
    bool found;

    buf_init(&b, 1 << 20);
    metrics_write(m, db, &b);
    found = strstr(buf_text(&b), line) != NULL;
    buf_done(&b);
    return found;
}

#define SERIES "http_server_request_duration_seconds_"
#define LABELS                                                                                     \
    "http_request_method=\"GET\",http_route=\"/v1/leads/{id}\",http_response_status_code=\"200\""

static void test_metrics(void **state)
{
    const struct health_database db = {.up = true,
                                       .reconnects = 3,
                                       .nlanes = 1,
                                       .lanes = {{.name = "read", .busy = 2, .asks = 9}}};
    struct metrics *m = metrics_create(table, NTABLE);
    struct metrics_set *a = metrics_attach(m), *b = metrics_attach(m);

    (void)state;
    metrics_observe(a, &table[2], 200, 4000);
    metrics_observe(a, &table[2], 200, 5001);
    metrics_observe(b, &table[2], 200, 20000000);
    metrics_observe(b, NULL, 404, 10);
    metrics_observe(b, NULL, 299, 10);
    metrics_add(&a->connections, 2);
    metrics_sub(&a->connections, 1);
    assert_true(shows(m, NULL, SERIES "bucket{" LABELS ",le=\"0.005\"} 1\n"));
    assert_true(shows(m, NULL, SERIES "bucket{" LABELS ",le=\"0.01\"} 2\n"));
    assert_true(shows(m, NULL, SERIES "bucket{" LABELS ",le=\"+Inf\"} 3\n"));
    assert_true(shows(m, NULL, SERIES "sum{" LABELS "} 20.009001\n"));
    assert_true(shows(m, NULL, SERIES "count{" LABELS "} 3\n"));
    assert_true(shows(m, NULL,
                      "_count{http_request_method=\"_OTHER\",http_route=\"\","
                      "http_response_status_code=\"404\"} 1\n"));
    assert_true(shows(m, NULL, "http_response_status_code=\"0\"} 1\n"));
    assert_true(shows(m, NULL, "http_server_open_connections 1\n"));
    assert_false(shows(m, NULL, "sluice_db_up"));
    assert_true(shows(m, &db, "sluice_db_up 1\n"));
    assert_true(shows(m, &db, "db_client_connection_count{lane=\"read\",state=\"used\"} 2\n"));
    assert_true(shows(m, &db, "sluice_db_asks_total{lane=\"read\"} 9\n"));
    metrics_destroy(m);
}

static struct address at(const char *text)
{
    struct address a;

    assert_true(address_parse(span_of(text), &a));
    return a;
}

static void test_peers(void **state)
{
    struct peers *p = calloc(1, sizeof *p);
    struct address a4 = at("127.0.0.1"), mapped = at("::ffff:127.0.0.1"), one = at("2001:db8::1"),
                   same = at("2001:db8::2"), other = at("2001:db8:0:1::1");
    struct peer *x, *y;

    (void)state;
    assert_non_null(p);
    x = peers_enter(p, &a4);
    assert_ptr_equal(x, peers_enter(p, &mapped));
    assert_int_equal(x->count, 2);
    y = peers_enter(p, &one);
    assert_ptr_equal(y, peers_enter(p, &same));
    peers_leave(p, y);
    peers_leave(p, y);
    y = peers_enter(p, &other);
    assert_int_equal(y->count, 1);
    peers_leave(p, y);
    peers_leave(p, x);
    peers_leave(p, x);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),   cmocka_unit_test(test_target_limits),
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_what_was_meant),
        cmocka_unit_test(test_metrics),   cmocka_unit_test(test_peers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
