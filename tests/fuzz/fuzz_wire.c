/* Any bytes, fed whole and cut as the first byte says: no fault, and the same verdict both times.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/wire.h"

#define HEAD 1024
#define FIELDS 16
#define BODY_LIMIT 4096

struct verdict {
    enum err_code code;
    unsigned messages;
    size_t offset, head_hash, body_hash, body_len;
};

static size_t hash(size_t h, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)p[i]) * 1099511628211u;
    return h;
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void note_head(const struct wire *w, struct verdict *v)
{
    require(strlen(w->target.p) == w->target.n);
    v->head_hash = hash(v->head_hash, w->target.p, w->target.n);
    for (unsigned i = 0; i < w->nfields; i++) {
        struct span name = wire_field_name(w, i), value = wire_field_value(w, i);

        require(strlen(name.p) == name.n && strlen(value.p) == value.n);
        v->head_hash = hash(v->head_hash, name.p, name.n);
        v->head_hash = hash(v->head_hash, value.p, value.n);
    }
}

static struct verdict run(const uint8_t *data, size_t size, size_t step)
{
    static const struct wire_limits limits = {
        .head_bytes = HEAD, .head_fields = FIELDS, .target_bytes = 256, .chunk_line_bytes = 64};
    static char memory[HEAD + 1];
    static struct wire_field fields[FIELDS];
    struct verdict v = {0};
    struct wire w;

    wire_init(&w, &limits, memory, fields);
    while (v.offset < size && v.code == ERR_NONE) {
        size_t n = step < size - v.offset ? step : size - v.offset, used;
        struct span body;
        enum wire_event event = wire_feed(&w, (const char *)data + v.offset, n, &used, &body);

        require(used <= n);
        v.offset += used;
        v.body_hash = hash(v.body_hash, body.p, body.n);
        v.body_len += body.n;
        require(v.body_len <= BODY_LIMIT);
        if (event == WIRE_HEAD) {
            note_head(&w, &v);
            wire_limit_body(&w, BODY_LIMIT);
        } else if (event == WIRE_DONE) {
            v.messages++;
            v.body_len = 0;
            wire_init(&w, &limits, memory, fields);
        }
        v.code = w.code;
    }
    return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct verdict whole, cut;

    if (size < 1)
        return 0;
    whole = run(data + 1, size - 1, size);
    cut = run(data + 1, size - 1, 1u + data[0] % 31u);
    require(whole.code == cut.code && whole.messages == cut.messages);
    require(whole.offset == cut.offset && whole.head_hash == cut.head_hash);
    require(whole.body_hash == cut.body_hash);
    return 0;
}
