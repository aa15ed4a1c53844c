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

#define H "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST /x HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
/* clang-format off */
#define YES(text, input, content, left) \
    {text, input, sizeof(input) - 1, ERR_NONE, content, left}
#define NO(text, input, symbol) {text, input, sizeof(input) - 1, ERR_##symbol, NULL, 0}
/* clang-format on */

static const struct wire_case cases[] = {
    /* request line */
    YES("smallest", GET H "\r\n", "", 0),
    YES("1.0 without host", "GET / HTTP/1.0\r\n\r\n", "", 0),
    YES("1.0 with host", "GET / HTTP/1.0\r\n" H "\r\n", "", 0),
    YES("one empty line before", "\r\n" GET H "\r\n", "", 0),
    NO("two empty lines before", "\r\n\r\n" GET H "\r\n", BAD_REQUEST),
    NO("bare LF before", "\n" GET H "\r\n", BAD_REQUEST),
    NO("CR alone before", "\rGET / HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("space before the method", " GET / HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    YES("HEAD", "HEAD / HTTP/1.1\r\n" H "\r\n", "", 0),
    YES("OPTIONS *", "OPTIONS * HTTP/1.1\r\n" H "\r\n", "", 0),
    YES("DELETE", "DELETE /x HTTP/1.1\r\n" H "\r\n", "", 0),
    YES("PATCH", "PATCH /x HTTP/1.1\r\n" H "\r\n", "", 0),
    YES("PUT", "PUT /x HTTP/1.1\r\n" H "\r\n", "", 0),
    NO("unknown method", "BREW / HTTP/1.1\r\n" H "\r\n", NOT_IMPLEMENTED),
    NO("method in lower case", "get / HTTP/1.1\r\n" H "\r\n", NOT_IMPLEMENTED),
    NO("CONNECT", "CONNECT a:80 HTTP/1.1\r\n" H "\r\n", NOT_IMPLEMENTED),
    NO("TRACE", "TRACE / HTTP/1.1\r\n" H "\r\n", NOT_IMPLEMENTED),
    NO("prefix of a method", "GE / HTTP/1.1\r\n" H "\r\n", NOT_IMPLEMENTED),
    NO("method with more behind", "GETX / HTTP/1.1\r\n" H "\r\n", NOT_IMPLEMENTED),
    NO("method with a colon", "GE:T / HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("method with NUL", "GE\0T / HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("method with a high byte", "G\xc3\x84T / HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("no method", "/ HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("TLS hello", "\x16\x03\x01\x02\x01\x01", BAD_REQUEST),
    NO("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP_VERSION),
    NO("two spaces before the target", "GET  / HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("two spaces before the version", "GET /  HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("tab before the target", "GET\t/ HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("tab before the version", "GET /\tHTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("space in the target", "GET /a b HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("NUL in the target", "GET /a\0b HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("DEL in the target", "GET /a\x7f HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("high byte in the target", "GET /\xff HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("no target", "GET HTTP/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("HTTP/0.9", "GET /\r\n", BAD_REQUEST),
    NO("trailing space", "GET / HTTP/1.1 \r\n" H "\r\n", BAD_REQUEST),
    NO("bare LF ends the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", BAD_REQUEST),
    NO("CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", BAD_REQUEST),
    NO("CR without LF", "GET / HTTP/1.1\rHost: a\r\n\r\n", BAD_REQUEST),
    NO("HTTP/1.01", "GET / HTTP/1.01\r\n" H "\r\n", BAD_REQUEST),
    NO("HTTP/+1.1", "GET / HTTP/+1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("HTTP/01.1", "GET / HTTP/01.1\r\n" H "\r\n", BAD_REQUEST),
    NO("HTTP/1", "GET / HTTP/1\r\n" H "\r\n", BAD_REQUEST),
    NO("HTTP/1.", "GET / HTTP/1.\r\n" H "\r\n", BAD_REQUEST),
    NO("HTTP/.1", "GET / HTTP/.1\r\n" H "\r\n", BAD_REQUEST),
    NO("HTTP/1,1", "GET / HTTP/1,1\r\n" H "\r\n", BAD_REQUEST),
    NO("http/1.1", "GET / http/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("HTTQ/1.1", "GET / HTTQ/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("HTTP 1.1", "GET / HTTP 1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("HTTP/x.y", "GET / HTTP/x.y\r\n" H "\r\n", BAD_REQUEST),
    NO("ICY/1.1", "GET / ICY/1.1\r\n" H "\r\n", BAD_REQUEST),
    NO("HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n", HTTP_VERSION),
    NO("HTTP/1.9", "GET / HTTP/1.9\r\n" H "\r\n", HTTP_VERSION),
    NO("HTTP/0.9 spelt out", "GET / HTTP/0.9\r\n" H "\r\n", HTTP_VERSION),
    NO("HTTP/2.0", "GET / HTTP/2.0\r\n" H "\r\n", HTTP_VERSION),
    YES("target of 64", "GET /" TEN TEN TEN TEN TEN TEN "123 HTTP/1.1\r\n" H "\r\n", "", 0),
    NO("target of 65", "GET /" TEN TEN TEN TEN TEN TEN "1234 HTTP/1.1\r\n" H "\r\n",
       TARGET_TOO_LONG),

    /* fields */
    YES("value without space", GET "Host:a\r\n\r\n", "", 0),
    YES("value among blanks", GET "Host: \t a \t \r\n\r\n", "", 0),
    YES("empty value", GET H "X:\r\n\r\n", "", 0),
    YES("value of blanks", GET H "X: \t \r\n\r\n", "", 0),
    YES("every token character", GET H "!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n", "", 0),
    YES("delimiters in a value", GET H "X: \"(),/:;<=>?@[\\]{}\r\n\r\n", "", 0),
    YES("high bytes in a value", GET H "X: \xc5\x81\xff\r\n\r\n", "", 0),
    YES("tab in a value", GET H "X: a\tb\r\n\r\n", "", 0),
    YES("same unknown field twice", GET H "X: a\r\nX: b\r\n\r\n", "", 0),
    NO("space before the colon", GET "Host : a\r\n\r\n", BAD_REQUEST),
    NO("tab before the colon", GET H "X\t: a\r\n\r\n", BAD_REQUEST),
    NO("space in a name", GET H "X Y: a\r\n\r\n", BAD_REQUEST),
    NO("space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", BAD_REQUEST),
    NO("folded line", GET H "X: a\r\n b\r\n\r\n", BAD_REQUEST),
    NO("folded line with tab", GET H "X: a\r\n\tb\r\n\r\n", BAD_REQUEST),
    NO("empty name", GET H ": a\r\n\r\n", BAD_REQUEST),
    NO("line without colon", GET H "X\r\n\r\n", BAD_REQUEST),
    NO("NUL starts a line", GET H "\0X: a\r\n\r\n", BAD_REQUEST),
    NO("NUL in a name", GET H "X\0Y: a\r\n\r\n", BAD_REQUEST),
    NO("NUL in a value", GET H "X: a\0b\r\n\r\n", BAD_REQUEST),
    NO("BEL in a value", GET H "X: \a\r\n\r\n", BAD_REQUEST),
    NO("vertical tab before a value", GET H "X:\v a\r\n\r\n", BAD_REQUEST),
    NO("DEL in a value", GET H "X: a\x7f\r\n\r\n", BAD_REQUEST),
    NO("high byte in a name", GET H "X\xc3: a\r\n\r\n", BAD_REQUEST),
    NO("parenthesis in a name", GET H "X(: a\r\n\r\n", BAD_REQUEST),
    NO("bare LF after a field", GET "Host: a\n\r\n", BAD_REQUEST),
    NO("bare LF ends the head", GET H "\n", BAD_REQUEST),
    NO("bare CR in a value", GET H "X: a\rb\r\n\r\n", BAD_REQUEST),
    NO("CR, then another byte, at the end", GET H "\rX", BAD_REQUEST),
    YES("eight fields", GET H "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:\r\n\r\n", "", 0),
    NO("nine fields", GET H "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:\r\nI:\r\n\r\n", HEAD_TOO_LARGE),
    NO("long value", GET H "X: " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED "\r\n\r\n",
       HEAD_TOO_LARGE),
    NO("long name", GET HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED TEN, HEAD_TOO_LARGE),
    NO("long method", HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED, HEAD_TOO_LARGE),
    NO("authorization twice", GET H "Authorization: a\r\nauthorization: b\r\n\r\n", BAD_REQUEST),
    NO("content type twice", POST "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n", BAD_REQUEST),
    NO("idempotency key twice", POST "Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n",
       BAD_REQUEST),

    /* host */
    NO("no host in 1.1", "GET / HTTP/1.1\r\n\r\n", BAD_REQUEST),
    NO("two hosts", GET H "Host: b\r\n\r\n", BAD_REQUEST),
    NO("two equal hosts", GET H "host: a\r\n\r\n", BAD_REQUEST),
    NO("two hosts in 1.0", "GET / HTTP/1.0\r\n" H H "\r\n", BAD_REQUEST),
    NO("empty host", GET "Host:\r\n\r\n", BAD_REQUEST),
    YES("host with port", GET "Host: a.example:8080\r\n\r\n", "", 0),
    YES("address in brackets", GET "Host: [::1]:80\r\n\r\n", "", 0),
    NO("bracket not closed", GET "Host: [::1\r\n\r\n", BAD_REQUEST),
    NO("host with user", GET "Host: u@a\r\n\r\n", BAD_REQUEST),
    NO("host with path", GET "Host: a/b\r\n\r\n", BAD_REQUEST),
    NO("host list", GET "Host: a, b\r\n\r\n", BAD_REQUEST),
    NO("host with space", GET "Host: a b\r\n\r\n", BAD_REQUEST),
    NO("host with letters for a port", GET "Host: a:b\r\n\r\n", BAD_REQUEST),
    NO("host with a long port", GET "Host: a:123456\r\n\r\n", BAD_REQUEST),

    /* Content-Length */
    YES("three bytes", POST "Content-Length: 3\r\n\r\nabc", "abc", 0),
    YES("next message behind", POST "Content-Length: 3\r\n\r\nabcGET", "abc", 3),
    YES("length zero", POST "Content-Length: 0\r\n\r\nGET", "", 3),
    YES("leading zeros", POST "Content-Length: 003\r\n\r\nabc", "abc", 0),
    YES("no length, no body", POST "\r\nGET", "", 3),
    YES("name in odd case", POST "cONTENT-lENGTH: 3\r\n\r\nabc", "abc", 0),
    YES("length among blanks", POST "Content-Length: \t3 \t\r\n\r\nabc", "abc", 0),
    YES("GET with a body", GET H "Content-Length: 2\r\n\r\nab", "ab", 0),
    YES("body with zero bytes", POST "Content-Length: 2\r\n\r\na\0", "a", 0),
    YES("length of the limit", POST "Content-Length: 64\r\n\r\n" TEN TEN TEN TEN TEN TEN "abcd",
        TEN TEN TEN TEN TEN TEN "abcd", 0),
    NO("one more than the limit", POST "Content-Length: 65\r\n\r\n", BODY_TOO_LARGE),
    NO("a huge length", POST "Content-Length: 99999999999999999999999\r\n\r\n", BODY_TOO_LARGE),
    NO("length of 2^64", POST "Content-Length: 18446744073709551616\r\n\r\n", BODY_TOO_LARGE),
    NO("two lengths", POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", BAD_REQUEST),
    NO("two equal lengths", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", BAD_REQUEST),
    NO("list of lengths", POST "Content-Length: 3, 3\r\n\r\nabc", BAD_REQUEST),
    NO("+3", POST "Content-Length: +3\r\n\r\nabc", BAD_REQUEST),
    NO("-3", POST "Content-Length: -3\r\n\r\nabc", BAD_REQUEST),
    NO("-0", POST "Content-Length: -0\r\n\r\n", BAD_REQUEST),
    NO("0x3", POST "Content-Length: 0x3\r\n\r\nabc", BAD_REQUEST),
    NO("3.0", POST "Content-Length: 3.0\r\n\r\nabc", BAD_REQUEST),
    NO("3 junk", POST "Content-Length: 3 junk\r\n\r\nabc", BAD_REQUEST),
    NO("empty length", POST "Content-Length:\r\n\r\n", BAD_REQUEST),
    NO("length in quotes", POST "Content-Length: \"3\"\r\n\r\nabc", BAD_REQUEST),
    NO("a digit of another script", POST "Content-Length: \xd9\xa3\r\n\r\nabc", BAD_REQUEST),
    NO("space before the colon of a length", POST "Content-Length : 3\r\n\r\nabc", BAD_REQUEST),
    NO("HEAD with a body", "HEAD / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", BAD_REQUEST),
    NO("HEAD in chunks", "HEAD / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       BAD_REQUEST),
    YES("HEAD with length zero", "HEAD / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "", 0),

    /* Transfer-Encoding */
    NO("length and chunked",
       POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD_REQUEST),
    NO("chunked and length",
       POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", BAD_REQUEST),
    NO("chunked twice", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
       BAD_REQUEST),
    NO("chunked, chunked", POST "Transfer-Encoding: chunked, chunked\r\n\r\n", BAD_REQUEST),
    NO("xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n", BAD_REQUEST),
    NO("gzip", POST "Transfer-Encoding: gzip\r\n\r\n", NOT_IMPLEMENTED),
    NO("gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", BAD_REQUEST),
    NO("identity", POST "Transfer-Encoding: identity\r\n\r\n", NOT_IMPLEMENTED),
    NO("empty coding", POST "Transfer-Encoding:\r\n\r\n", BAD_REQUEST),
    NO("chunked in quotes", POST "Transfer-Encoding: \"chunked\"\r\n\r\n", BAD_REQUEST),
    NO("chunked with parameter", POST "Transfer-Encoding: chunked;q=1\r\n\r\n", BAD_REQUEST),
    NO("vertical tab before chunked", POST "Transfer-Encoding: \vchunked\r\n\r\n", BAD_REQUEST),
    NO("space before its colon", POST "Transfer-Encoding : chunked\r\n\r\n", BAD_REQUEST),
    NO("chunked in 1.0", "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       BAD_REQUEST),
    YES("CHUNKED", POST "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", "", 0),

    /* chunks */
    YES("no chunk", CHUNKED "0\r\n\r\n", "", 0),
    YES("one chunk", CHUNKED "3\r\nabc\r\n0\r\n\r\nGET", "abc", 3),
    YES("two chunks", CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", 0),
    YES("hex digits, both cases", CHUNKED "a\r\n" TEN "\r\nA\r\n" TEN "\r\n0\r\n\r\n", TEN TEN, 0),
    YES("leading zeros of a size", CHUNKED "0003\r\nabc\r\n000\r\n\r\n", "abc", 0),
    YES("CR LF as data", CHUNKED "2\r\n\r\n\r\n0\r\n\r\n", "\r\n", 0),
    YES("extension", CHUNKED "3;a=b\r\nabc\r\n0\r\n\r\n", "abc", 0),
    YES("extension without value", CHUNKED "3;a;b\r\nabc\r\n0;c\r\n\r\n", "abc", 0),
    YES("quoted extension", CHUNKED "3;a=\"; \\\"\t\"\r\nabc\r\n0\r\n\r\n", "abc", 0),
    NO("CR in a quoted extension", CHUNKED "3;a=\"\r\n\"\r\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("byte behind a quoted extension", CHUNKED "3;a=\"b\"c\r\nabc\r\n", BAD_REQUEST),
    NO("empty extension", CHUNKED "3;\r\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("empty extension value", CHUNKED "3;a=\r\nabc\r\n", BAD_REQUEST),
    NO("bare LF in an extension", CHUNKED "3;a\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("space before an extension", CHUNKED "3 ;a\r\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("space after the size", CHUNKED "3 \r\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("space before the size", CHUNKED " 3\r\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("size 3 junk", CHUNKED "3 junk\r\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("size +3", CHUNKED "+3\r\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("size -1", CHUNKED "-1\r\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("size 0x3", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("size g", CHUNKED "g\r\n", BAD_REQUEST),
    NO("no size", CHUNKED "\r\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("bare LF after the size", CHUNKED "3\nabc\r\n0\r\n\r\n", BAD_REQUEST),
    NO("bare LF after the data", CHUNKED "3\r\nabc\n0\r\n\r\n", BAD_REQUEST),
    NO("no line end after the data", CHUNKED "3\r\nabc0\r\n\r\n", BAD_REQUEST),
    NO("more data than the size says", CHUNKED "3\r\nabcd\r\n0\r\n\r\n", BAD_REQUEST),
    NO("bare CR after the size", CHUNKED "3\rabc\r\n", BAD_REQUEST),
    NO("size of 2^64", CHUNKED "10000000000000000\r\n", BODY_TOO_LARGE),
    NO("size of 2^64 + 3", CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n", BODY_TOO_LARGE),
    NO("chunk above the limit", CHUNKED "41\r\n", BODY_TOO_LARGE),
    NO("chunks together above the limit", CHUNKED "3\r\nabc\r\n3e\r\n", BODY_TOO_LARGE),
    NO("chunk line too long", CHUNKED "3;" TEN TEN TEN TEN "\r\n", BAD_REQUEST),
    NO("endless size", CHUNKED "00000000000000000000000000000000000000000", BAD_REQUEST),

    /* trailers */
    YES("trailer", CHUNKED "0\r\nX: y\r\n\r\nGET", "", 3),
    YES("trailers are not fields", CHUNKED "0\r\nContent-Length: 5\r\nHost: b\r\n\r\n", "", 0),
    NO("trailer without colon", CHUNKED "0\r\nX\r\n\r\n", BAD_REQUEST),
    NO("folded trailer", CHUNKED "0\r\nX: y\r\n z\r\n\r\n", BAD_REQUEST),
    NO("NUL in a trailer", CHUNKED "0\r\nX: \0\r\n\r\n", BAD_REQUEST),
    NO("bare LF in a trailer", CHUNKED "0\r\nX: y\n\r\n", BAD_REQUEST),
    NO("bare LF ends the message", CHUNKED "0\r\n\n", BAD_REQUEST),
    NO("trailers too long",
       CHUNKED "0\r\nX: " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
           HUNDRED HUNDRED "\r\n\r\n",
       HEAD_TOO_LARGE),
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
