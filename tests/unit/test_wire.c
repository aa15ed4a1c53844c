/* The wire parser: a table of messages with exact verdicts, each fed whole, cut at every byte,
 * and byte by byte; then the limits, the names and the target. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/wire.h"

#define HEAD 512
#define FIELDS 8
#define BODY_LIMIT 64

static const struct wire_limits limits = {
    .head_bytes = HEAD, .head_fields = FIELDS, .target_bytes = 64, .chunk_line_bytes = 32};

struct wire_case {
    const char *name;
    const char *in;
    size_t n;
    enum err_code code; /* ERR_NONE: accepted */
    const char *body;   /* accepted: the body */
    size_t rest;        /* accepted: bytes that belong to the next message */
};

/* clang-format off */
#define YES(text, input, content, left) \
    {text, input, sizeof(input) - 1, ERR_NONE, content, left}
#define NO(text, input, symbol) {text, input, sizeof(input) - 1, ERR_##symbol, NULL, 0}
/* clang-format on */

static const struct wire_case cases[] = {
#include "../wire/cases.def"
};

struct verdict {
    enum wire_event event;
    enum err_code code;
    size_t offset; /* bytes taken up to the verdict */
    char head[1024];
    char body[BODY_LIMIT + 1];
    size_t body_len;
};

static void note_head(const struct wire *w, struct verdict *v)
{
    struct buf b;

    buf_init(&b, sizeof v->head);
    buf_printf(&b, "%u %u %u %.*s", w->verb, w->minor, w->keep_alive, (int)w->target.n,
               w->target.p);
    for (unsigned i = 0; i < w->nfields; i++) {
        buf_putc(&b, '\n');
        buf_add(&b, wire_field_name(w, i).p, wire_field_name(w, i).n);
        buf_putc(&b, '=');
        buf_add(&b, wire_field_value(w, i).p, wire_field_value(w, i).n);
    }
    assert_true(b.len < sizeof v->head);
    memcpy(v->head, buf_text(&b), b.len + 1);
    buf_done(&b);
}

/* Feeds one piece; returns the event that stopped it. */
static enum wire_event feed(struct wire *w, const char *p, size_t n, struct verdict *v)
{
    for (;;) {
        struct span body;
        size_t used;
        enum wire_event event = wire_feed(w, p, n, &used, &body);

        assert_true(used <= n);
        v->offset += used;
        p += used;
        n -= used;
        if (event == WIRE_BODY) {
            assert_true(v->body_len + body.n <= BODY_LIMIT);
            memcpy(v->body + v->body_len, body.p, body.n);
            v->body_len += body.n;
            continue;
        }
        if (event == WIRE_HEAD) {
            note_head(w, v);
            if (!wire_limit_body(w, BODY_LIMIT))
                return WIRE_ERROR;
            continue;
        }
        if (event == WIRE_MORE)
            assert_int_equal(n, 0);
        return event;
    }
}

/* Feeds the input in pieces of @first, then @step bytes. */
static struct verdict run(const struct wire_case *c, size_t first, size_t step)
{
    static char memory[HEAD + 1];
    static struct wire_field fields[FIELDS];
    struct wire w;
    struct verdict v = {.event = WIRE_MORE};
    size_t at = 0, size = first;

    wire_init(&w, &limits, memory, fields);
    while (at < c->n && v.event == WIRE_MORE) {
        size_t n = size < c->n - at ? size : c->n - at;
        char *piece = malloc(n); /* of the exact size, for the sanitizer */

        assert_non_null(piece);
        memcpy(piece, c->in + at, n);
        v.event = feed(&w, piece, n, &v);
        free(piece);
        at += n;
        size = step;
    }
    v.code = w.code;
    return v;
}

static void check(const struct wire_case *c, const struct verdict *v)
{
    enum wire_event expected = c->code == ERR_NONE ? WIRE_DONE : WIRE_ERROR;

    if (v->event != expected || v->code != c->code)
        fail_msg("%s: event %d, code %s", c->name, v->event,
                 v->code == ERR_NONE ? "-" : err_slug(v->code));
    if (c->code != ERR_NONE)
        return;
    assert_string_equal(v->body, c->body);
    if (c->n - v->offset != c->rest)
        fail_msg("%s: %zu bytes left, not %zu", c->name, c->n - v->offset, c->rest);
}

static void test_verdicts(void **state)
{
    (void)state;
    assert_true(sizeof cases / sizeof *cases >= 120);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict v = run(&cases[i], cases[i].n, cases[i].n);

        check(&cases[i], &v);
    }
}

static void test_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct wire_case *c = &cases[i];
        struct verdict whole = run(c, c->n, c->n);

        for (size_t first = 0; first <= c->n; first++) {
            struct verdict v = first == 0 ? run(c, 1, 1) : run(c, first, c->n);

            check(c, &v);
            assert_int_equal(v.offset, whole.offset);
            assert_string_equal(v.head, whole.head);
            assert_int_equal(v.body_len, whole.body_len);
        }
    }
}

static void test_keep_alive(void **state)
{
    static const struct {
        const char *in;
        bool expected;
    } rows[] = {
        {GET H "\r\n", true},
        {GET H "Connection: close\r\n\r\n", false},
        {GET H "Connection: CLOSE\r\n\r\n", false},
        {GET H "Connection: x ,\tclose, y\r\n\r\n", false},
        {GET H "Connection: x\r\nConnection: close\r\n\r\n", false},
        {GET H "Connection: closed\r\n\r\n", true},
        {GET H "Connection: keep-alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char memory[HEAD + 1];
        struct wire_field fields[FIELDS];
        struct wire w;
        struct span body;
        size_t used;

        wire_init(&w, &limits, memory, fields);
        assert_int_equal(wire_feed(&w, rows[i].in, strlen(rows[i].in), &used, &body), WIRE_HEAD);
        assert_int_equal(w.keep_alive, rows[i].expected);
    }
}

static void test_names(void **state)
{
    static const struct span names[] = {
#define H_NAME(symbol, name, single) {name, sizeof(name) - 1},
        WIRE_HEADERS(H_NAME)};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char other[64];

        assert_int_equal(wire_header_of(names[i]), i + 1);
        memcpy(other, names[i].p, names[i].n);
        other[0] = (char)(other[0] - 0x20);
        assert_int_equal(wire_header_of((struct span){other, names[i].n}), i + 1);
        other[names[i].n - 1] = '_';
        assert_int_equal(wire_header_of((struct span){other, names[i].n}), HEADER_OTHER);
    }
    assert_int_equal(wire_header_of(SPAN("")), HEADER_OTHER);
    assert_int_equal(wire_header_of(SPAN(HUNDRED)), HEADER_OTHER);
}

/* A head of exactly the limit passes, one byte more does not. */
static void test_head_limit(void **state)
{
    static const char start[] = GET H "X: ";
    char in[HEAD + 8];

    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        struct wire_case c = {.name = "head limit", .in = in, .n = HEAD + over, .body = ""};

        c.code = over == 0 ? ERR_NONE : ERR_HEAD_TOO_LARGE;
        memset(in, 'v', sizeof in);
        memcpy(in, start, sizeof start - 1);
        memcpy(in + c.n - 4, "\r\n\r\n", 4);
        for (size_t first = 1; first <= c.n; first++) {
            struct verdict v = run(&c, first, c.n);

            check(&c, &v);
        }
    }
}

/* Extensions are bounded in all: many short ones must not feed us for ever. */
static void test_extension_limit(void **state)
{
    static const char head[] = CHUNKED, chunk[] = "1;abcdefghijkl\r\nx\r\n";
    char memory[HEAD + 1];
    struct wire_field fields[FIELDS];
    struct wire w;
    struct verdict v = {.event = WIRE_MORE};
    unsigned n = 0;

    (void)state;
    wire_init(&w, &limits, memory, fields);
    assert_int_equal(feed(&w, head, sizeof head - 1, &v), WIRE_MORE);
    w.body_limit = UINT32_MAX;
    while (v.event == WIRE_MORE) {
        v.body_len = 0;
        v.event = feed(&w, chunk, sizeof chunk - 1, &v);
        n++;
    }
    assert_int_equal(v.event, WIRE_ERROR);
    assert_int_equal(w.code, ERR_BAD_REQUEST);
    assert_in_range(n, WIRE_EXTENSION_BYTES / 16, WIRE_EXTENSION_BYTES / 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),   cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_keep_alive), cmocka_unit_test(test_names),
        cmocka_unit_test(test_head_limit), cmocka_unit_test(test_extension_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
