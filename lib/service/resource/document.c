/* document - the contract, the page that shows it, and what each problem code means. */
#include "call/reply.h"
#include "contract.gen.h"
#include "pages.gen.h"

static enum step reply_bytes(struct call *c, const char *media_type, const char *tag,
                             const void *bytes, size_t n)
{
    buf_clear(&c->reply.body);
    reply_header(c, "Cache-Control", "no-cache"); /* may be kept, not used unasked */
    reply_header(c, "ETag", arena_printf(&c->arena, "\"%s\"", tag));
    c->reply.status = 304;
    if (call_has_copy(c, tag))
        return STEP_REPLY;
    c->reply.status = c->route->success;
    c->reply.media_type = media_type;
    buf_add(&c->reply.body, bytes, n);
    return STEP_REPLY;
}

/* GET /openapi.json */

static enum step contract_reply(struct call *c)
{
    return reply_bytes(c, "application/json", contract_json_tag, contract_json, contract_json_size);
}

const struct operation contract_get = {.steps = (step_fn *const[]){contract_reply, NULL}};

/* GET /docs */

static enum step docs_reply(struct call *c)
{
    reply_header(c, "Content-Security-Policy", page_docs_csp);
    return reply_bytes(c, "text/html; charset=utf-8", page_docs_tag, page_docs, page_docs_size);
}

const struct operation docs_get = {.steps = (step_fn *const[]){docs_reply, NULL}};

/* GET /docs/problems */

static enum step problems_reply(struct call *c)
{
    return reply_bytes(c, "text/plain; charset=utf-8", page_problems_tag, page_problems,
                       page_problems_size);
}

const struct operation docs_problems = {.steps = (step_fn *const[]){problems_reply, NULL}};

/* GET /docs/designing */

static enum step designing_reply(struct call *c)
{
    return reply_bytes(c, "text/plain; charset=utf-8", page_designing_tag, page_designing,
                       page_designing_size);
}

const struct operation docs_designing = {.steps = (step_fn *const[]){designing_reply, NULL}};

/* GET /docs/importing */

static enum step importing_reply(struct call *c)
{
    return reply_bytes(c, "text/plain; charset=utf-8", page_importing_tag, page_importing,
                       page_importing_size);
}

const struct operation docs_importing = {.steps = (step_fn *const[]){importing_reply, NULL}};

/* GET /docs/reliability */

static enum step reliability_reply(struct call *c)
{
    return reply_bytes(c, "text/plain; charset=utf-8", page_reliability_tag, page_reliability,
                       page_reliability_size);
}

const struct operation docs_reliability = {.steps = (step_fn *const[]){reliability_reply, NULL}};
