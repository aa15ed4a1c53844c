/* engagement - what leads do without us: a picture in a mail is fetched, a page is looked at.
 *
 * The picture is always sent, whatever is wrong: a broken image in a mail helps nobody. Tokens are
 * tickets: signed, stored nowhere.
 */
#include <string.h>

#include "asks.gen.h"
#include "base/clock.h"
#include "call/reply.h"
#include "crypto/secret.h"
#include "crypto/ticket.h"
#include "service/intake/intake.h"
#include "service/record/record.h"

/* GIF89a, 1x1, transparent */
static const unsigned char picture[] = {
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
    0x00, 0xff, 0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b,
};

#define DAYS_DEFAULT 365
#define DAY_S 86400

/* POST /v1/leads/{id}/pixel */

static enum step pixel_find(struct call *c)
{
    struct uuid id;

    if (!call_path_uuid(c, "id", &id))
        return STEP_FAIL;
    record_ask_get(c, &record_lead, &id, PERMISSION_LEAD_WRITE);
    ask_engage_now(c);
    return STEP_WAIT;
}

static enum step pixel_make(struct call *c)
{
    const char *label = call_body_text(c, "label");
    const json_t *days = json_object_get(c->body, "days");
    struct ticket t = {.purpose = TICKET_PIXEL, .once = uuid_v7(), .note = label};
    const char *pixel, *visitor;
    int64_t now = 0;
    struct out *o;

    if (result_rows(call_result(c, 0)) == 0)
        return call_fail(c, ERR_NOT_FOUND, NULL);
    if (!call_path_uuid(c, "id", &t.about))
        return STEP_FAIL;
    (void)text_parse_i64(span_of(result_get(call_result(c, 1), 0, "now")), &now);
    t.expires = now + (days ? json_integer_value(days) : DAYS_DEFAULT) * DAY_S;
    pixel = ticket_make(&c->arena, c->env->cursor_key, &t);
    t.purpose = TICKET_VISITOR;
    visitor = ticket_make(&c->arena, c->env->cursor_key, &t);
    if (!pixel || !visitor) {
        err_fault(&c->err, ERR_INVALID,
                  (struct fault){.in = "body",
                                 .pointer = "/label",
                                 .code = "length",
                                 .detail = "At most 200 bytes of UTF-8."});
        return STEP_FAIL;
    }
    o = reply_json(c, 200);
    out_object(o);
    out_member(o, "event_id", uuid_text(c, &t.once));
    out_member(o, "path", arena_printf(&c->arena, "/v1/pixels/%s.gif", pixel));
    out_member(o, "visitor_token", visitor);
    out_object_end(o);
    return STEP_REPLY;
}

const struct operation lead_pixel = {.steps = (step_fn *const[]){pixel_find, pixel_make, NULL}};

/* GET /v1/pixels/{token} */

static enum step picture_reply(struct call *c)
{
    err_init(&c->err, &c->arena);
    buf_clear(&c->reply.body);
    c->reply.status = 200;
    c->reply.media_type = "image/gif";
    buf_add(&c->reply.body, picture, sizeof(picture));
    return STEP_REPLY;
}

static enum step picture_count(struct call *c)
{
    struct span text = span_of(call_path(c, "token"));
    struct ticket t;

    if (text.n > 4 && memcmp(text.p + text.n - 4, ".gif", 4) == 0)
        text.n -= 4;
    if (ticket_read(&c->arena, c->env->cursor_key, text, TICKET_PIXEL, clock_wall_s(), &t) !=
        TICKET_OK)
        return picture_reply(c);
    call_catch(c);
    ask_engage_open(c, (struct q_engage_open){.lead = t.about, .event = t.once, .subject = t.note});
    return STEP_WAIT;
}

const struct operation pixel_get = {
    .steps = (step_fn *const[]){picture_count, picture_reply, NULL},
};

/* POST /v1/events: who has a visitor's token, or posted a form and knows its submission */

/* A token is of no form: the answer may be read where any form has its pages. */
static void ask_origin(struct call *c)
{
    ask_engage_origin(c, (struct q_engage_origin){.origin = c->request.origin});
}

static void tell_origin(struct call *c)
{
    const char *named = result_get(call_result(c, 0), 0, "named");

    if (!named || *named != 't')
        return; /* the settings may still know it */
    reply_header(c, "Vary", "Origin");
    intake_welcome(c);
}

static enum step visit_find(struct call *c)
{
    const char *submission = call_body_text(c, "submission_id");
    const char *form = call_body_text(c, "form"), *key = call_body_text(c, "key");
    char hash[SHA256_TEXT];
    struct uuid id;

    if (call_body_text(c, "token")) {
        ask_origin(c);
        return STEP_WAIT;
    }
    if (!submission || !form || !key || !uuid_parse(span_of(submission), &id)) {
        err_fault(&c->err, ERR_INVALID,
                  (struct fault){.in = "body",
                                 .pointer = "/token",
                                 .code = "required",
                                 .detail = "Send token, or form, key and submission_id."});
        return STEP_FAIL;
    }
    sha256_hex(key, strlen(key), hash);
    ask_engage_submission(c, (struct q_engage_submission){
                                 .id = id,
                                 .form = form,
                                 .key_hash = arena_strdup(&c->arena, hash),
                             });
    return STEP_WAIT;
}

static bool visitor(struct call *c, struct uuid *lead)
{
    const char *token = call_body_text(c, "token");
    const struct result *r = call_result(c, 0);
    const char *id;
    struct ticket t;

    if (token) {
        tell_origin(c);
        switch (ticket_read(&c->arena, c->env->cursor_key, span_of(token), TICKET_VISITOR,
                            clock_wall_s(), &t)) {
        case TICKET_OK: *lead = t.about; return true;
        case TICKET_EXPIRED: return err_set(&c->err, ERR_TOKEN_EXPIRED, NULL);
        case TICKET_FORGED: break;
        }
        return err_set(&c->err, ERR_BAD_TOKEN, "This is no token of ours.");
    }
    if (result_rows(r) == 0)
        return err_set(&c->err, ERR_BAD_TOKEN, "no such submission, or the key is not its form's");
    if (!intake_origin(c, intake_words(c, result_get(r, 0, "origins"))))
        return false;
    id = result_get(r, 0, "lead_id"); /* none yet: nothing to count, and nothing to tell */
    *lead = (struct uuid){{0}};
    return !id || uuid_parse(span_of(id), lead);
}

static enum step visit_count(struct call *c)
{
    struct uuid lead;

    if (!visitor(c, &lead))
        return STEP_FAIL;
    ask_engage_visit(c, (struct q_engage_visit){
                            .lead = lead,
                            .event = call_body_text(c, "event_id"),
                            .subject = call_body_text(c, "title"),
                            .body = call_body_text(c, "url"),
                        });
    return STEP_WAIT;
}

static enum step visit_reply(struct call *c)
{
    const char *wait = result_get(call_result(c, 0), 0, "wait");
    int64_t seconds = 0;

    if (wait && text_parse_i64(span_of(wait), &seconds) && seconds > 0) {
        c->err.retry_after = (int)seconds;
        return call_fail(c, ERR_RATE_LIMITED, "That is more than a person looks at.");
    }
    return reply_empty(c);
}

const struct operation event_create = {
    .steps = (step_fn *const[]){visit_find, visit_count, visit_reply, NULL},
};

/* OPTIONS /v1/events */

static enum step preflight_ask(struct call *c)
{
    ask_origin(c);
    return STEP_WAIT;
}

static enum step preflight_reply(struct call *c)
{
    tell_origin(c);
    reply_header(c, "Allow", "POST, OPTIONS");
    c->reply.status = 204;
    return STEP_REPLY;
}

const struct operation event_preflight = {
    .steps = (step_fn *const[]){preflight_ask, preflight_reply, NULL},
};
