#include "json/problem.h"

#include <string.h>

#include "base/uuid.h"
#include "json/out.h"

/* Whether the same request may succeed when it is sent again later. */
static bool is_retryable(enum err_code code)
{
    switch (code) {
    case ERR_REQUEST_TIMEOUT:
    case ERR_IDEMPOTENCY_IN_FLIGHT:
    case ERR_RATE_LIMITED:
    case ERR_BUSY:
    case ERR_DB_UNAVAILABLE:
    case ERR_DRAINING:
    case ERR_TIMEOUT: return true;
    default: return false;
    }
}

static void write_fault(struct out *o, const struct fault *f)
{
    bool in_body = f->in == NULL || strcmp(f->in, "body") == 0;

    out_object(o);
    out_member(o, "in", f->in != NULL ? f->in : "body");
    out_member(o, in_body ? "pointer" : "name", f->pointer);
    out_member(o, "code", f->code);
    out_member(o, "detail", f->detail);
    out_member(o, "hint", f->hint);
    out_member_raw(o, "got", f->got);
    out_member_raw(o, "allowed", f->allowed);
    out_object_end(o);
}

static void write_instance(struct out *o, const char *request_id)
{
    struct uuid id;
    char text[sizeof("urn:uuid:") - 1 + UUID_TEXT] = "urn:uuid:";

    if (request_id == NULL || !uuid_parse(span_of(request_id), &id))
        return; /* a client's own Request-Id may be anything */
    uuid_format(&id, text + sizeof("urn:uuid:") - 1);
    out_member(o, "instance", text);
}

void problem_write(struct buf *b, const struct err *e, const char *request_id)
{
    enum err_code code = e->code != ERR_NONE ? e->code : ERR_INTERNAL;
    const char *slug = err_slug(code);
    struct out o;

    out_init(&o, b);
    out_object(&o);
    out_key(&o, "type");
    buf_printf(b, "\"/docs/problems#%s\"", slug);
    o.keyed = false;
    out_member(&o, "title", err_title(code));
    out_key(&o, "status");
    out_int(&o, err_status(code));
    out_member(&o, "detail", e->detail != NULL || e->faults != NULL ? e->detail : err_title(code));
    write_instance(&o, request_id);
    out_member(&o, "code", slug);
    out_member(&o, "request_id", request_id);
    out_key(&o, "retryable");
    out_bool(&o, is_retryable(code));
    out_member(&o, "hint", e->hint != NULL || e->faults != NULL ? e->hint : err_hint(code));
    if (e->faults != NULL) {
        out_key(&o, "errors");
        out_array(&o);
        for (const struct fault *f = e->faults; f != NULL; f = f->next)
            write_fault(&o, f);
        out_array_end(&o);
    }
    if (e->nfaults > ERR_FAULTS_MAX) {
        out_key(&o, "errors_omitted");
        out_int(&o, (int64_t)e->nfaults - ERR_FAULTS_MAX);
    }
    if (e->members != NULL && e->members[0] != '\0') {
        buf_putc(b, ',');
        buf_puts(b, e->members);
    }
    out_object_end(&o);
}
