/* keyed - records whose key is made here and shown once: API keys, intake forms. */
#include "service/record/keyed.h"

#include <string.h>

#include "call/reply.h"
#include "crypto/secret.h"
#include "service/record/record.h"

enum step keyed_create(struct call *c, const char *prefix)
{
    char *key = call_alloc(c, SECRET_TEXT);
    char hash_text[SHA256_TEXT];

    if (!key)
        return STEP_FAIL;
    secret_make(prefix, key);
    sha256_hex(key, strlen(key), hash_text);
    json_object_set_new(c->body, "key_hash", json_string(hash_text));
    c->state = key;
    return record_create_steps[0](c);
}

enum step keyed_reply(struct call *c)
{
    const struct result *r = call_result(c, 1);
    struct out *o;

    if (result_rows(r) == 0)
        return call_fail(c, ERR_INTERNAL, NULL);
    o = reply_json(c, c->route->success);
    reply_write_row(o, r, 0, NULL);
    /* reopen the object that was just closed: a row has members, so a comma is right */
    c->reply.body.len--;
    buf_puts(&c->reply.body, ",\"key\":\"");
    buf_puts(&c->reply.body, c->state);
    buf_puts(&c->reply.body, "\"}");
    reply_header(c, "ETag", arena_printf(&c->arena, "\"%s\"", result_get(r, 0, "version")));
    reply_header(c, "Location",
                 arena_printf(&c->arena, "%s/%s", c->route->template, result_get(r, 0, "id")));
    return STEP_REPLY;
}
