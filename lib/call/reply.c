#include "call/reply.h"

#include <assert.h>
#include <string.h>

#include "call/engine.h"
#include "call/row.h"
#include "call/row_plans.h"
#include "crypto/secret.h"
#include "json/problem.h"

#define REPLY_FIRST 4000 /* most are shorter: it grows by doubling from less */

void reply_header(struct call *c, const char *name, const char *value)
{
    struct reply *r = &c->reply;

    if (!value)
        return;
    assert(r->nheaders < REPLY_HEADERS_MAX);
    r->headers[r->nheaders++] = (struct reply_header){name, value};
}

const struct row_plan *reply_plan(struct call *c, const struct result *r, const char *const *fields)
{
    const struct row_plan *plan = fields ? row_plan_make(&c->arena, r, fields)
                                         : row_plans_get(c->env->row_plans, &c->arena, r);

    if (!plan)
        (void)call_no_memory(c);
    return plan;
}

void reply_write_planned(struct out *o, const struct row_plan *plan, int row)
{
    row_write(o, plan, row);
}

struct out *reply_json(struct call *c, int status)
{
    buf_clear(&c->reply.body);
    (void)buf_reserve(&c->reply.body, REPLY_FIRST);
    c->reply.status = status;
    c->reply.media_type = NULL;
    out_init(&c->out, &c->reply.body);
    return &c->out;
}

void reply_problem(struct call *c)
{
    const struct err *e = &c->err;

    buf_clear(&c->reply.body);
    c->reply.status = err_status(e->code);
    c->reply.media_type = "application/problem+json";
    problem_write(&c->reply.body, e, c->request.id);
    if (e->retry_after)
        reply_header(c, "Retry-After", arena_printf(&c->arena, "%d", e->retry_after));
    if (e->allow)
        reply_header(c, "Allow", e->allow);
    if (c->reply.status == 401)
        reply_header(c, "WWW-Authenticate",
                     e->code == ERR_NO_CREDENTIALS || e->code == ERR_BAD_LOGIN
                         ? "Bearer realm=\"sluice\""
                         : "Bearer realm=\"sluice\", error=\"invalid_token\"");
}

/* fields */

static bool has_member(const struct result *r, const char *name)
{
    for (int i = 0; i < result_columns(r); i++) {
        const char *at = result_name(r, i);

        for (struct row_part part = {.element = -1}; row_part_next(&at, &part);)
            if (span_is(row_part_top(&part), name))
                return true;
    }
    return false;
}

static const char *field_hint(struct call *c, const char *name, const char *const *known)
{
    struct span top = {name, strcspn(name, ".")};

    for (size_t i = 0; name[top.n] && known[i]; i++)
        if (span_is(top, known[i]))
            return arena_printf(&c->arena, "members come whole here: name \"%s\"", known[i]);
    return err_suggest(&c->arena, name, known);
}

/* Returns the names of all members, those of a group once; they stand together. */
static const char *const *members(struct call *c, const struct result *r)
{
    const char **names = call_alloc(c, (row_parts_most(r) + 1) * sizeof(*names));
    size_t n = 0;

    for (int i = 0; names && i < result_columns(r); i++) {
        const char *at = result_name(r, i);

        for (struct row_part part = {.element = -1}; row_part_next(&at, &part);) {
            struct span top = row_part_top(&part);

            if (n > 0 && span_is(top, names[n - 1]))
                continue;
            names[n] = arena_copy(&c->arena, top.p, top.n);
            n += names[n] != NULL;
        }
    }
    return names;
}

static void field_unknown(struct call *c, const char *name, const char *const *known)
{
    const char *hint = field_hint(c, name, known);

    err_fault(&c->err, ERR_BAD_PARAMETER,
              (struct fault){.in = "query",
                             .pointer = "fields",
                             .code = "unknown",
                             .detail = arena_printf(&c->arena, "There is no field \"%s\".", name),
                             .hint = hint,
                             .allowed = hint ? NULL : call_names_json(c, known)});
}

bool reply_has_fields(struct call *c, const struct result *r, const char *const *names)
{
    const char *const *known = NULL;

    for (; names && *names; names++) {
        if (has_member(r, *names))
            continue;
        known = known ? known : members(c, r);
        if (!known)
            return false;
        field_unknown(c, *names, known);
    }
    return c->err.code == ERR_NONE;
}

bool reply_fields(struct call *c, const struct result *r, const char *const **ret)
{
    *ret = call_words(c, "fields");
    return reply_has_fields(c, r, *ret);
}

/* steps */

static const char *etag(struct call *c, const struct result *r)
{
    const char *version = result_get(r, 0, "version");

    return version ? arena_printf(&c->arena, "\"%s\"", version) : NULL;
}

static enum step whole(struct call *c)
{
    if (!c->reply.body.failed)
        return STEP_REPLY;
    c->err.log = "the reply is larger than a reply may be";
    return call_fail(c, ERR_INTERNAL, NULL);
}

static enum step without_body(struct call *c, int status)
{
    buf_clear(&c->reply.body);
    c->reply.status = status;
    return STEP_REPLY;
}

static enum step row_body(struct call *c, const struct result *r, const char *const *fields)
{
    const struct row_plan *plan;

    plan = reply_plan(c, r, fields);
    if (!plan)
        return STEP_FAIL;
    row_write(reply_json(c, c->route->success), plan, 0);
    return whole(c);
}

/* What is included changes without the record's version. */
static bool not_modified(const struct call *c, const struct result *r)
{
    const char *version = result_get(r, 0, "version");

    return c->route->method == METHOD_GET && version && !call_param(c, "include") &&
           !call_param(c, "fields") && if_none_match(c->request.if_none_match, version);
}

bool reply_is_minimal(struct call *c)
{
    c->minimized = c->minimal && c->route->method != METHOD_GET;
    return c->minimized;
}

/* A change may take a record out of the caller's own sight: handed over to somebody of another
 * team. It was made, so it is no 404; what there is to see is as with return=minimal. */
static bool out_of_sight(const struct call *c)
{
    return c->route->method != METHOD_GET && c->own > 1 && result_rows(call_result(c, 0)) > 0;
}

enum step reply_row(struct call *c)
{
    const struct result *r = call_result(c, -1);
    const char *const *fields;

    if (result_rows(r) == 0)
        return out_of_sight(c) ? without_body(c, 204) : call_fail(c, ERR_NOT_FOUND, NULL);
    if (!reply_fields(c, r, &fields))
        return STEP_FAIL;
    reply_header(c, "ETag", etag(c, r));
    if (not_modified(c, r))
        return without_body(c, 304);
    if (reply_is_minimal(c))
        return without_body(c, 204);
    return row_body(c, r, fields);
}

enum step reply_created(struct call *c)
{
    const struct result *r = call_result(c, -1);
    bool seen = result_rows(r) > 0; /* what is made for others may be out of the caller's sight */
    char id[UUID_TEXT];

    uuid_format(&c->resource, id);
    reply_header(c, "ETag", seen ? etag(c, r) : NULL);
    reply_header(
        c, "Location",
        arena_printf(&c->arena, "%s/%s", call_address(c), seen ? result_get(r, 0, "id") : id));
    if (reply_is_minimal(c) || !seen)
        return without_body(c, c->route->success);
    return row_body(c, r, NULL);
}

enum step reply_rows(struct call *c)
{
    const struct result *r = call_result(c, -1);
    const struct row_plan *plan;
    const char *const *fields;
    struct out *o;

    if (!reply_fields(c, r, &fields))
        return STEP_FAIL;
    plan = reply_plan(c, r, fields);
    if (!plan)
        return STEP_FAIL;
    o = reply_json(c, c->route->success);
    out_object(o);
    out_key(o, "items");
    out_array(o);
    for (int i = 0; i < result_rows(r); i++)
        row_write(o, plan, i);
    out_array_end(o);
    out_object_end(o);
    return whole(c);
}

#define DIGEST_SHOWN 24

enum step reply_digested(struct call *c)
{
    const struct buf *body = &c->reply.body;
    char digest[SHA256_TEXT];
    const char *tag;

    if (body->failed)
        return whole(c);
    sha256_hex(body->text, body->len, digest);
    tag = arena_copy(&c->arena, digest, DIGEST_SHOWN);
    if (!tag)
        return call_no_memory(c);
    reply_header(c, "ETag", arena_printf(&c->arena, "\"%s\"", tag));
    return if_none_match(c->request.if_none_match, tag) ? without_body(c, 304) : STEP_REPLY;
}

enum step reply_empty(struct call *c)
{
    return without_body(c, 204);
}

enum step check_written(struct call *c)
{
    const struct result *now = call_result(c, -1);
    const char *version;
    int64_t asked = 0, current = 0;

    if (result_rows(call_result(c, 0)) > 0)
        return STEP_NEXT;
    if (c->own < 2 || result_rows(now) == 0)
        return call_fail(c, ERR_NOT_FOUND, NULL);
    version = result_get(now, 0, "version");
    if (!call_if_match(c, &asked))
        return STEP_FAIL;
    if (version && (!text_parse_i64(span_of(version), &current) || asked != current) && asked) {
        reply_header(c, "ETag", etag(c, now));
        c->err.members = arena_printf(&c->arena, "\"current\":{\"version\":%s}", version);
        c->err.hint = "read the record again and repeat the change with its ETag in If-Match";
        return call_fail(c, ERR_STALE, "The record is at version %s by now.", version);
    }
    /* The version is right or was not asked about: the row is outside what the caller may change.
     */
    return call_fail(c, ERR_FORBIDDEN, "You may see this record but not change it.");
}
