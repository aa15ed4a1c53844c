/* landing - the sample page whose form posts leads, filled in for a form that is there: with both
 * names in its address it works without a script, like the page that somebody makes of it.
 */
#include <string.h>

#include "call/reply.h"
#include "crypto/secret.h"
#include "pages.gen.h"

#define FORM "YOUR-FORM"
#define KEY "YOUR-KEY"

/* Puts text into the page as the names in its attributes: both are letters, digits and underscores
 * and mean nothing in HTML. The script has neither, so that its hash stays. */
static void fill(struct buf *b, const char *form, const char *key)
{
    const char *page = (const char *)page_landing, *at;

    while ((at = strstr(page, "/" FORM "?key=" KEY))) {
        buf_add(b, page, (size_t)(at - page));
        buf_printf(b, "/%s?key=%s", form, key);
        page = at + strlen("/" FORM "?key=" KEY);
    }
    buf_puts(b, page);
}

/* GET /docs/landing */

static enum step landing_reply(struct call *c)
{
    const char *form = call_param_text(c, "form"), *key = call_param_text(c, "key");
    char digest[SHA256_TEXT];
    const char *tag;

    if (key && !secret_well_formed("ik", span_of(key))) {
        err_fault(&c->err, ERR_BAD_PARAMETER,
                  (struct fault){.in = "query",
                                 .pointer = "key",
                                 .code = "format",
                                 .detail = "The key of a form begins with ik_."});
        return STEP_FAIL;
    }
    buf_clear(&c->reply.body);
    fill(&c->reply.body, form ? form : FORM, key ? key : KEY);
    sha256_hex(buf_text(&c->reply.body), strlen(buf_text(&c->reply.body)), digest);
    tag = arena_printf(&c->arena, "%.20s", digest);
    reply_header(c, "Content-Security-Policy", page_landing_csp);
    reply_header(c, "Cache-Control", "no-cache"); /* may be kept, not used unasked */
    reply_header(c, "ETag", arena_printf(&c->arena, "\"%s\"", tag));
    c->reply.media_type = "text/html; charset=utf-8";
    c->reply.status = c->route->success;
    if (call_has_copy(c, tag)) {
        buf_clear(&c->reply.body);
        c->reply.status = 304;
    }
    return STEP_REPLY;
}

const struct operation docs_landing = {.steps = (step_fn *const[]){landing_reply, NULL}};
