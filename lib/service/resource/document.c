/* document - the contract, the page that shows it, and what each problem code means. */
#include <string.h>

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

/* The guides: Markdown, and a page for whoever asks for one, as browsers do (the type of a problem
 * is an address there). */

static bool wants_page(const struct call *c)
{
    return c->request.accept && strstr(c->request.accept, "text/html");
}

#define GUIDE(id, name)                                                                            \
    static enum step name##_reply(struct call *c)                                                  \
    {                                                                                              \
        reply_header(c, "Vary", "Accept");                                                         \
        if (!wants_page(c))                                                                        \
            return reply_bytes(c, "text/plain; charset=utf-8", page_##name##_tag, page_##name,     \
                               page_##name##_size);                                                \
        reply_header(c, "Content-Security-Policy", page_##name##_html_csp);                        \
        return reply_bytes(c, "text/html; charset=utf-8", page_##name##_html_tag,                  \
                           page_##name##_html, page_##name##_html_size);                           \
    }                                                                                              \
    const struct operation id = {.steps = (step_fn *const[]){name##_reply, NULL}}

/* GET /docs/problems */
GUIDE(docs_problems, problems);

/* GET /docs/designing */
GUIDE(docs_designing, designing);

/* GET /docs/importing */
GUIDE(docs_importing, importing);

/* GET /docs/reliability */
GUIDE(docs_reliability, reliability);
