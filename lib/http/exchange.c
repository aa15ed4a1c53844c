/* From a complete head to a reply or a call: addresses, media types, limits, what a call is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "http/inner.h"

static const struct {
    enum media media;
    struct span name;
} media_types[] = {
    {MEDIA_JSON, {"application/json", 16}},
    {MEDIA_MERGE_PATCH, {"application/merge-patch+json", 28}},
    {MEDIA_FORM, {"application/x-www-form-urlencoded", 33}},
    {MEDIA_YAML, {"application/yaml", 16}},
    {MEDIA_BYTES, {"application/octet-stream", 24}},
    {MEDIA_MULTIPART, {"multipart/form-data", 19}},
};

#define NMEDIA (sizeof media_types / sizeof *media_types)

/* What calls are told of the head; where bad UTF-8 matters the request is refused, else the field
 * is dropped. */
static const struct {
    enum wire_header header;
    size_t offset;
    bool strict;
    bool list;
} copied[] = {
    {HEADER_AUTHORIZATION, offsetof(struct request, credentials), true, false},
    {HEADER_IF_MATCH, offsetof(struct request, if_match), true, false},
    {HEADER_IF_NONE_MATCH, offsetof(struct request, if_none_match), true, false},
    {HEADER_IDEMPOTENCY_KEY, offsetof(struct request, idempotency_key), true, false},
    {HEADER_COMMIT_TOKEN, offsetof(struct request, commit_token), true, false},
    {HEADER_PREFER, offsetof(struct request, prefer), true, true},
    {HEADER_ACCEPT, offsetof(struct request, accept), false, true},
    {HEADER_ACCEPT_LANGUAGE, offsetof(struct request, accept_language), false, true},
    {HEADER_ORIGIN, offsetof(struct request, origin), false, false},
    {HEADER_USER_AGENT, offsetof(struct request, user_agent), false, false},
    {HEADER_REFERER, offsetof(struct request, referer), false, false},
};

#define NCOPIED (sizeof copied / sizeof *copied)

void exchange_begin(struct conn *c)
{
    struct uuid id = uuid_v7();

    c->x = (struct exchange){.started_us = c->server->now_us, .minor = 1};
    uuid_format(&id, c->x.id);
}

static void refuse_with(struct conn *c, struct err *e, bool close,
                        const struct reply_header *headers, unsigned nheaders)
{
    if (close) {
        c->x.keep_alive = false;
        c->linger = true;
    }
    respond_problem(c, e, headers, nheaders);
}

void exchange_refuse(struct conn *c, enum err_code code, const char *detail, bool close)
{
    struct err e = {.code = code, .detail = detail};

    refuse_with(c, &e, close, NULL, 0);
}

void exchange_refuse_crowd(struct conn *c)
{
    struct err e = {.code = ERR_BUSY,
                    .detail = "too many large bodies are on their way at the same time"};
    const struct reply_header header = {"Retry-After", "1"};

    refuse_with(c, &e, true, &header, 1);
}

void exchange_refuse_wire(struct conn *c)
{
    const struct wire *w = &c->wire;
    struct err e = {.code = w->code, .detail = w->reason};
    char detail[160], members[64];

    if (w->limit > 0) {
        (void)snprintf(detail, sizeof detail, "%s: at most %llu%s", w->reason,
                       (unsigned long long)w->limit, w->fields_counted ? "" : " bytes");
        (void)snprintf(members, sizeof members, "\"limit\":%llu", (unsigned long long)w->limit);
        e.detail = detail;
        e.members = members;
    }
    refuse_with(c, &e, true, NULL, 0);
}

/* For refusals at the end of the head: a body that is still to come cannot be told from a next
 * request by somebody who stops reading, so the connection ends with the reply. */
static bool refuse_head(struct conn *c, enum err_code code, const char *detail)
{
    exchange_refuse(c, code, detail, c->wire.has_body);
    return false;
}

static bool is_lower_hex(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'a' && p[i] <= 'f'))
            return false;
    return true;
}

/* https://www.w3.org/TR/trace-context/: 00-<32 hex>-<16 hex>-<2 hex>; ids of zeros are invalid */
static void take_traceparent(struct conn *c)
{
    struct span v = wire_value(&c->wire, HEADER_TRACEPARENT);

    if (v.n != TRACEPARENT - 1 || memcmp(v.p, "00-", 3) != 0 || v.p[35] != '-' || v.p[52] != '-')
        return;
    if (!is_lower_hex(v.p + 3, 32) || !is_lower_hex(v.p + 36, 16) || !is_lower_hex(v.p + 53, 2))
        return;
    if (memcmp(v.p + 3, "00000000000000000000000000000000", 32) == 0 ||
        memcmp(v.p + 36, "0000000000000000", 16) == 0)
        return;
    memcpy(c->x.traceparent, v.p, v.n);
    c->x.traceparent[v.n] = '\0';
}

static void take_origin(struct conn *c)
{
    struct span v = wire_value(&c->wire, HEADER_ORIGIN);
    const char *const *origins = c->server->o.cors_origins;

    if (v.p == NULL || origins == NULL)
        return;
    for (; *origins != NULL; origins++)
        if (span_is(v, *origins))
            c->x.cors_origin = *origins;
}

static void take_client(struct conn *c)
{
    const struct server_options *o = &c->server->o;
    enum wire_header header =
        o->forwarded_by == FORWARDED_RFC7239 ? HEADER_FORWARDED : HEADER_X_FORWARDED_FOR;
    struct forwarded f = {.trusted = &o->trusted, .kind = o->forwarded_by, .client = c->address};

    if (c->peer == NULL && c->wire.known[header] != 0)
        for (unsigned i = c->wire.nfields; i-- > 0 && !f.found;)
            if (c->wire.fields[i].header == header)
                forwarded_take(&f, wire_field_value(&c->wire, i));
    c->x.client = f.client;
}

static void take_head(struct conn *c)
{
    struct uuid id;

    c->x.verb = c->wire.verb;
    c->x.minor = c->wire.minor;
    c->x.keep_alive = c->wire.keep_alive;
    if (uuid_parse(wire_value(&c->wire, HEADER_REQUEST_ID), &id))
        uuid_format(&id, c->x.id);
    take_traceparent(c);
    take_origin(c);
    take_client(c);
    c->x.preflight = c->wire.known[HEADER_ACCESS_CONTROL_REQUEST_METHOD] != 0;
}

static bool parse_target(struct conn *c)
{
    struct target *t = &c->scratch->target;
    struct span text = c->wire.target, host = wire_value(&c->wire, HEADER_HOST);
    const char *why = target_parse(c->scratch->memory + (text.p - c->scratch->memory), text.n, t);

    if (why != NULL)
        return refuse_head(c, ERR_BAD_REQUEST, why);
    if (t->asterisk && c->x.verb != VERB_OPTIONS)
        return refuse_head(c, ERR_BAD_REQUEST, "the target \"*\" is for OPTIONS only");
    if (t->authority.p == NULL)
        return true;
    if (!wire_is_host(t->authority))
        return refuse_head(c, ERR_BAD_REQUEST, "the authority of the target is not a host");
    if (host.p == NULL ||
        (host.n == t->authority.n && strncasecmp(host.p, t->authority.p, host.n) == 0))
        return true;
    return refuse_head(c, ERR_BAD_REQUEST, "the authority of the target differs from Host");
}

/* A body where none is taken; it is read first if it is short, so that the connection survives. */
static bool refuse_body(struct conn *c, bool close)
{
    char detail[128];
    struct err e = {.code = ERR_BAD_REQUEST,
                    .detail = detail,
                    .hint = "send the request without a body, and without Content-Type"};

    (void)snprintf(detail, sizeof detail, "%s takes no body at this address",
                   wire_verb_name(c->x.verb));
    refuse_with(c, &e, close, NULL, 0);
    return false;
}

/* OPTIONS, with or without a browser behind it. */
static bool answer_options(struct conn *c, const char *allow)
{
    const struct reply_header headers[] = {{"Allow", allow}};
    struct answer a = {.status = 204, .headers = headers, .nheaders = 1};

    if (c->wire.has_body)
        return refuse_body(c, true);
    respond(c, &a);
    return false;
}

static bool refuse_method(struct conn *c, const char *allow)
{
    const struct reply_header headers[] = {{"Allow", allow}};
    char detail[ROUTER_ALLOW + 64];
    struct err e = {.code = ERR_METHOD, .detail = detail, .allow = allow};

    (void)snprintf(detail, sizeof detail, "%s is not among %s", wire_verb_name(c->x.verb), allow);
    refuse_with(c, &e, c->wire.has_body, headers, 1);
    return false;
}

/* An address that is near, or where the addresses are. */
static bool refuse_path(struct conn *c)
{
    struct err e = {.code = ERR_NO_ROUTE};
    struct buf detail, near;

    buf_init(&detail, 512);
    buf_init(&near, 512);
    buf_puts(&detail, "there is no ");
    target_write(&c->scratch->target, &detail);
    if (!detail.failed)
        e.detail = buf_text(&detail);
    buf_puts(&near, "did you mean ");
    if (!c->server->o.admin && router_nearest(c->server->router, &c->scratch->target, &near) &&
        buf_putc(&near, '?'))
        e.hint = buf_text(&near);
    else if (c->server->o.admin)
        e.hint = "here are /livez, /readyz, /metrics and /version; the API listens elsewhere";
    refuse_with(c, &e, c->wire.has_body, NULL, 0);
    buf_done(&near);
    buf_done(&detail);
    return false;
}

static bool find_route(struct conn *c)
{
    static const char any[] = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    struct scratch *s = c->scratch;

    if (s->target.asterisk)
        return answer_options(c, any);
    c->x.builtin = builtin_find(c->server, &s->target);
    if (c->x.builtin != NULL) {
        c->x.template = c->x.builtin->template;
        if (c->x.verb == VERB_OPTIONS)
            return answer_options(c, "GET, HEAD, OPTIONS");
        return c->x.verb == VERB_GET || c->x.verb == VERB_HEAD ||
               refuse_method(c, "GET, HEAD, OPTIONS");
    }
    if (c->server->o.admin)
        return refuse_path(c);
    switch (router_find(c->server->router, c->x.verb, &s->target, &s->match)) {
    case ROUTER_FOUND:
        c->x.route = s->match.route;
        c->x.template = s->match.route->template;
        return true;
    case ROUTER_NO_PATH: return refuse_path(c);
    case ROUTER_NO_METHOD: break;
    }
    if (c->x.verb == VERB_OPTIONS)
        return answer_options(c, s->match.allow);
    return refuse_method(c, s->match.allow);
}

/* Returns the value of Content-Type without its parameters. */
static struct span media_type(const struct conn *c)
{
    struct span v = wire_value(&c->wire, HEADER_CONTENT_TYPE);
    const char *end = v.p == NULL ? NULL : memchr(v.p, ';', v.n);

    return span_trim((struct span){v.p, end == NULL ? v.n : (size_t)(end - v.p)});
}

static const char *known_media(struct span type, unsigned media)
{
    for (size_t i = 0; i < NMEDIA; i++)
        if ((media & media_types[i].media) && span_is_nocase(type, media_types[i].name.p))
            return media_types[i].name.p;
    return NULL;
}

static bool refuse_media(struct conn *c, const char *detail, const char *hint)
{
    bool patch = c->x.route->method == METHOD_PATCH;
    struct reply_header header = {patch ? "Accept-Patch" : "Accept-Post", NULL};
    struct err e = {.code = ERR_MEDIA_TYPE, .detail = detail};
    struct buf names, types;

    buf_init(&names, 256);
    buf_init(&types, 512);
    for (size_t i = 0; i < NMEDIA; i++)
        if (c->x.route->media & media_types[i].media)
            buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", media_types[i].name.p);
    header.value = buf_text(&names);
    buf_printf(&types, "send Content-Type: %s", header.value);
    e.hint = hint != NULL ? hint : buf_text(&types);
    refuse_with(c, &e, true, &header, 1);
    buf_done(&types);
    buf_done(&names);
    return false;
}

static bool check_body(struct conn *c)
{
    const struct route *r = c->x.route;
    struct span coding = wire_value(&c->wire, HEADER_CONTENT_ENCODING);
    bool taken = r != NULL && r->media != 0;

    if (!c->wire.has_body)
        return true;
    c->x.unwanted_body = !taken;
    if (taken && coding.p != NULL && !span_is_nocase(coding, "identity"))
        return refuse_media(c, "encoded bodies are not taken", "leave Content-Encoding out");
    if (taken && known_media(media_type(c), r->media) == NULL)
        return refuse_media(
            c, c->wire.known[HEADER_CONTENT_TYPE] == 0 ? "Content-Type is missing" : NULL, NULL);
    if (wire_limit_body(&c->wire, taken ? r->body_limit : UNWANTED_BODY))
        return true;
    if (!taken)
        return refuse_body(c, true);
    exchange_refuse_wire(c);
    return false;
}

static bool check_expectation(struct conn *c)
{
    struct span v = wire_value(&c->wire, HEADER_EXPECT);
    struct span go_on = respond_continue();

    if (v.p == NULL || c->x.minor == 0)
        return true;
    if (!span_is_nocase(v, "100-continue"))
        return refuse_head(c, ERR_EXPECTATION, "only 100-continue can be expected");
    if (c->wire.has_body && evbuffer_get_length(bufferevent_get_input(c->bev)) == 0)
        bufferevent_write(c->bev, go_on.p, go_on.n);
    return true;
}

bool exchange_head(struct conn *c)
{
    take_head(c);
    return parse_target(c) && find_route(c) && check_body(c) && check_expectation(c);
}

/* Joins the lines of a list field (RFC 9110 section 5.3). */
static const char *copy_list(struct call *call, const struct wire *w, enum wire_header header)
{
    const char *all = NULL;

    for (unsigned i = 0; i < w->nfields; i++) {
        struct span v = wire_field_value(w, i);

        if (w->fields[i].header != header)
            continue;
        all = all == NULL ? arena_copy(&call->arena, v.p, v.n)
                          : arena_printf(&call->arena, "%s, %.*s", all, (int)v.n, v.p);
        if (all == NULL)
            break;
    }
    return all;
}

/* Returns false when a field that matters is not UTF-8. */
static bool copy_fields(struct call *call, const struct wire *w)
{
    for (size_t i = 0; i < NCOPIED; i++) {
        struct span v = wire_value(w, copied[i].header);
        const char *text;

        if (v.p == NULL)
            continue;
        text = copied[i].list ? copy_list(call, w, copied[i].header)
                              : arena_copy(&call->arena, v.p, v.n);
        if (text == NULL || !text_is_utf8(text, strlen(text))) {
            if (copied[i].strict)
                return false;
            continue;
        }
        memcpy((char *)&call->request + copied[i].offset, &text, sizeof text);
    }
    return true;
}

/* The decoded target lies in one piece: path values and query are copied at once and pointed
 * into. */
static bool copy_target(struct call *call, const struct conn *c)
{
    const struct scratch *s = c->scratch;
    const char *from = c->wire.target.p;
    const char **path = arena_alloc(&call->arena, (s->match.nparams + 1) * sizeof *path);
    const char **query = arena_alloc(&call->arena, (2 * s->target.npairs + 1) * sizeof *query);
    const char *text = arena_copy(&call->arena, from, c->wire.target.n);

    if (path == NULL || query == NULL || text == NULL)
        return false;
    for (unsigned i = 0; i < s->match.nparams; i++)
        path[i] = text + (s->match.params[i].p - from);
    for (unsigned i = 0; i < 2 * s->target.npairs; i++)
        query[i] = *s->target.pairs[i] == '\0' ? "" : text + (s->target.pairs[i] - from);
    call->request.path = path;
    call->request.query = query;
    return true;
}

static bool take_body(struct call *call, struct conn *c)
{
    struct request *r = &call->request;
    struct span type = wire_value(&c->wire, HEADER_CONTENT_TYPE);
    const char *params = type.p == NULL ? NULL : memchr(type.p, ';', type.n);

    r->raw_body = SPAN("");
    if (c->body.len == 0)
        return true;
    r->media_type = known_media(media_type(c), c->x.route->media);
    if (params != NULL)
        r->media_params = arena_copy(&call->arena, params, type.n - (size_t)(params - type.p));
    r->raw_body.n = c->body.len;
    if (c->body.len <= 4096) {
        r->raw_body.p = arena_copy(&call->arena, buf_text(&c->body), c->body.len);
        return r->raw_body.p != NULL;
    }
    r->raw_body.p = buf_take(&c->body, &r->raw_body.n);
    arena_defer(&call->arena, free, (void *)(uintptr_t)r->raw_body.p);
    return true;
}

static void told(struct call *call, void *arg)
{
    struct conn *c = arg;

    c->call = NULL;
    metrics_sub(&c->server->counters->in_flight, 1);
    if (!c->running)
        c->server->now_us = clock_mono_us();
    respond_call(c, call);
    conn_run(c);
}

static void start_call(struct conn *c)
{
    struct call *call = call_create(c->server->env, c->x.route);
    bool fields;

    memcpy(call->request.id, c->x.id, UUID_TEXT);
    call->request.client = c->x.client;
    fields = copy_fields(call, &c->wire);
    if (!fields || !copy_target(call, c) || !take_body(call, c)) {
        call_abandon(call);
        exchange_refuse(c, fields ? ERR_BODY_TOO_LARGE : ERR_BAD_HEADER,
                        fields ? NULL : "a field is not UTF-8", false);
        return;
    }
    c->call = call;
    metrics_add(&c->server->counters->in_flight, 1);
    conn_enter(c, CONN_WAIT, 0);
    call_start(call, told, c);
}

void exchange_run(struct conn *c)
{
    if (c->x.unwanted_body)
        (void)refuse_body(c, false);
    else if (c->x.builtin != NULL)
        c->x.builtin->answer(c);
    else
        start_call(c);
}
