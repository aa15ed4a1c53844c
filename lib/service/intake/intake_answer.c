/* intake_answer - what the sender is told: JSON for a program, a redirect or a page for a browser.
 *
 * A stranger must not learn whom we know. A form that merges or holds what looks like somebody
 * therefore answers everything with the same words, and so does one that waits for confirmations.
 */
#include <string.h>

#include "call/reply.h"
#include "service/intake/intake.h"
#include "json/out.h"

#define PAGE_MAX (64 * 1024)

void intake_welcome(struct call *c)
{
    reply_header(c, "Access-Control-Allow-Origin", c->request.origin);
    reply_header(c, "Access-Control-Expose-Headers",
                 "Request-Id, Retry-After, Idempotent-Replayed");
}

bool intake_origin(struct call *c, const char *const *origins)
{
    if (!origins || !origins[0])
        return true;
    reply_header(c, "Vary", "Origin");
    if (!c->request.origin)
        return true;
    if (!intake_listed(origins, c->request.origin))
        return err_set(&c->err, ERR_ORIGIN, "Pages of \"%s\" may not post to this form.",
                       c->request.origin);
    intake_welcome(c);
    return true;
}

static void write_names(struct out *o, const char *key, json_t *object)
{
    const char *name;
    json_t *value;

    out_key(o, key);
    out_array(o);
    json_object_foreach (object, name, value)
        out_string(o, name);
    out_array_end(o);
}

static void write_answer(struct call *c, const struct intake *in, const struct result *r,
                         const char *outcome, bool told)
{
    struct out *o = reply_json(c, told ? c->route->success : 202);
    const struct result *now = call_result(c, in->accepted + 1);
    bool made = told && result_get(r, 0, "lead_id");

    if (told && !made)
        c->reply.status = 202;
    out_object(o);
    out_key(o, "id");
    out_string(o, made ? result_get(r, 0, "lead_id") : NULL);
    out_key(o, "status");
    /* a robot is told of a lead that is not there */
    out_string(o, made ? result_get(result_rows(now) == 1 ? now : r, 0, "status") : NULL);
    out_member(o, "source", result_get(r, 0, "source"));
    out_member(o, "campaign", result_get(r, 0, "campaign"));
    out_member(o, "outcome", outcome);
    out_member(o, "submission_id", uuid_text(c, &in->submission));
    write_names(o, "ignored", in->extra);
    out_object_end(o);
}

enum step intake_reply(struct call *c, const struct intake *in, const struct result *r)
{
    const char *outcome = result_get(r, 0, "outcome");
    bool told = !in->double_opt_in && strcmp(in->on_duplicate, "create") == 0;

    if (in->as_page && in->redirect_url)
        return intake_redirect(c, in->redirect_url);
    if (strcmp(outcome, "held") != 0)
        outcome = "created";
    write_answer(c, in, r, told ? outcome : "received", told);
    return STEP_REPLY;
}

enum step intake_redirect(struct call *c, const char *url)
{
    reply_header(c, "Location", url);
    c->reply.status = 303;
    return STEP_REPLY;
}

static void escape(struct buf *b, const char *text)
{
    for (const char *p = text ? text : ""; *p; p++)
        switch (*p) {
        case '<': buf_puts(b, "&lt;"); break;
        case '>': buf_puts(b, "&gt;"); break;
        case '&': buf_puts(b, "&amp;"); break;
        case '"': buf_puts(b, "&quot;"); break;
        default: buf_putc(b, *p);
        }
}

enum step intake_page(struct call *c, int status, const char *title, const char *text,
                      const char *button)
{
    struct buf *b = &c->reply.body;

    buf_clear(b);
    buf_puts(b, "<!doctype html>\n<html lang=\"");
    buf_puts(b, c->language ? c->language : "en");
    buf_puts(b,
             "\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
             "content=\"width=device-width\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
             "<title>");
    escape(b, title);
    buf_puts(b, "</title>\n<h1>");
    escape(b, title);
    buf_puts(b, "</h1>\n");
    if (text) {
        buf_puts(b, "<p>");
        escape(b, text);
        buf_puts(b, "</p>\n");
    }
    for (const struct fault *f = button ? NULL : c->err.faults; f; f = f->next) {
        buf_puts(b, "<p><code>");
        escape(b, f->pointer && *f->pointer == '/' ? f->pointer + 1 : "");
        buf_puts(b, "</code>: ");
        escape(b, f->detail);
        buf_puts(b, "</p>\n");
    }
    if (button) {
        buf_puts(b, "<form method=\"post\"><button name=\"confirm\" value=\"1\">");
        escape(b, button);
        buf_puts(b, "</button></form>\n");
    }
    c->reply.status = status;
    c->reply.media_type = "text/html; charset=utf-8";
    reply_header(c, "Content-Security-Policy",
                 "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
    return STEP_REPLY;
}

static void encode(struct buf *b, const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char byte = (unsigned char)*p;

        if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
            (byte >= '0' && byte <= '9') || strchr("-_.~", byte))
            buf_putc(b, (char)byte);
        else
            buf_printf(b, "%%%02X", byte);
    }
}

/* The page that explains errors gets the code, and the names of the fields. */
static const char *error_address(struct call *c, const struct intake *in)
{
    struct buf b;
    const char *url, *mark = strchr(in->error_url, '?') ? "&" : "?";

    buf_init(&b, 8192);
    buf_puts(&b, in->error_url);
    buf_printf(&b, "%serror=%s", mark, err_slug(c->err.code));
    for (const struct fault *f = c->err.faults; f; f = f->next) {
        if (!f->pointer || *f->pointer != '/')
            continue;
        buf_puts(&b, "&field=");
        encode(&b, f->pointer + 1);
    }
    url = b.failed ? in->error_url : arena_strdup(&c->arena, buf_text(&b));
    buf_done(&b);
    return url;
}

enum step intake_refuse(struct call *c, struct intake *in)
{
    if (!in->as_page || !(in->error_url || in->redirect_url))
        return STEP_FAIL;
    if (in->error_url)
        return intake_redirect(c, error_address(c, in));
    if (c->err.retry_after)
        reply_header(c, "Retry-After", arena_printf(&c->arena, "%d", c->err.retry_after));
    return intake_page(c, err_status(c->err.code), err_title(c->err.code), c->err.detail, NULL);
}
