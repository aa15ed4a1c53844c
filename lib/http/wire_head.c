/* What a complete head must be, apart from its grammar: verb, host, framing. */
#include "http/wire.h"

#include <string.h>

struct known {
    const char *name;
    uint8_t len;
    bool single;
};

static const struct known known[HEADER_COUNT] = {
#define H(symbol, text, once) [HEADER_##symbol] = {text, sizeof(text) - 1, once},
    WIRE_HEADERS(H)
#undef H
};

/* The first known name of each length; those of one length stand together. */
static const uint8_t first_of_length[32] = {
    [4] = HEADER_HOST,
    [6] = HEADER_ACCEPT,
    [7] = HEADER_REFERER,
    [8] = HEADER_IF_MATCH,
    [9] = HEADER_FORWARDED,
    [10] = HEADER_CONNECTION,
    [11] = HEADER_TRACEPARENT,
    [12] = HEADER_COMMIT_TOKEN,
    [13] = HEADER_AUTHORIZATION,
    [14] = HEADER_CONTENT_LENGTH,
    [15] = HEADER_IDEMPOTENCY_KEY,
    [16] = HEADER_CONTENT_ENCODING,
    [17] = HEADER_TRANSFER_ENCODING,
    [29] = HEADER_ACCESS_CONTROL_REQUEST_METHOD,
};

static const struct span verbs[VERB_COUNT] = {
    [VERB_GET] = {"GET", 3},         [VERB_HEAD] = {"HEAD", 4},   [VERB_POST] = {"POST", 4},
    [VERB_PUT] = {"PUT", 3},         [VERB_PATCH] = {"PATCH", 5}, [VERB_DELETE] = {"DELETE", 6},
    [VERB_OPTIONS] = {"OPTIONS", 7},
};

const char *wire_verb_name(enum wire_verb verb)
{
    return (unsigned)verb < VERB_COUNT ? verbs[verb].p : "";
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool same_name(struct span s, const struct known *k)
{
    for (size_t i = 0; i < k->len; i++)
        if (lower(s.p[i]) != k->name[i])
            return false;
    return true;
}

enum wire_header wire_header_of(struct span name)
{
    unsigned h;

    if (name.n >= sizeof first_of_length || first_of_length[name.n] == HEADER_OTHER)
        return HEADER_OTHER;
    for (h = first_of_length[name.n]; h < HEADER_COUNT && known[h].len == name.n; h++)
        if (same_name(name, &known[h]))
            return (enum wire_header)h;
    return HEADER_OTHER;
}

struct span wire_field_name(const struct wire *w, unsigned i)
{
    return (struct span){w->memory + w->fields[i].name, w->fields[i].name_len};
}

struct span wire_field_value(const struct wire *w, unsigned i)
{
    return (struct span){w->memory + w->fields[i].value, w->fields[i].value_len};
}

struct span wire_value(const struct wire *w, enum wire_header header)
{
    if (w->known[header] == 0)
        return (struct span){NULL, 0};
    return wire_field_value(w, w->known[header] - 1u);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_host_char(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' ||
           c == '_' || c == '~' || c == '%';
}

static bool is_address_char(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f') || c == ':' || c == '.';
}

static size_t skip(struct span s, size_t i, bool (*accept)(char))
{
    while (i < s.n && accept(s.p[i]))
        i++;
    return i;
}

bool wire_is_host(struct span host)
{
    size_t i, port;

    if (host.n == 0)
        return false;
    if (host.p[0] == '[') {
        i = skip(host, 1, is_address_char);
        if (i < 3 || i >= host.n || host.p[i++] != ']')
            return false;
    } else {
        i = skip(host, 0, is_host_char);
        if (i == 0)
            return false;
    }
    if (i == host.n)
        return true;
    if (host.p[i++] != ':')
        return false;
    port = i;
    i = skip(host, i, is_digit);
    return i == host.n && i - port <= 5;
}

static bool check_single(struct wire *w)
{
    bool met[HEADER_COUNT] = {false};

    for (unsigned i = 0; i < w->nfields; i++) {
        enum wire_header h = w->fields[i].header;

        if (!known[h].single)
            continue;
        if (met[h])
            return wire_refuse(w, ERR_BAD_REQUEST, "a field that must stand once stands twice");
        met[h] = true;
    }
    return true;
}

static bool check_host(struct wire *w)
{
    struct span host = wire_value(w, HEADER_HOST);

    if (host.p == NULL)
        return w->minor == 0 || wire_refuse(w, ERR_BAD_REQUEST, "HTTP/1.1 requires a Host field");
    return wire_is_host(host) || wire_refuse(w, ERR_BAD_REQUEST, "the Host field is not a host");
}

/* Returns whether the list of Connection options names @option. */
static bool has_option(const struct wire *w, const char *option)
{
    if (w->known[HEADER_CONNECTION] == 0)
        return false;
    for (unsigned i = 0; i < w->nfields; i++) {
        struct span v = wire_field_value(w, i);
        size_t start = 0;

        if (w->fields[i].header != HEADER_CONNECTION || v.p == NULL)
            continue;
        for (size_t j = 0; j <= v.n; j++) {
            if (j < v.n && v.p[j] != ',')
                continue;
            if (span_is_nocase(span_trim((struct span){v.p + start, j - start}), option))
                return true;
            start = j + 1;
        }
    }
    return false;
}

/* An unknown coding is 501 (RFC 9112 section 6.1); what is not even a list of codings, or names
 * `chunked` anywhere but alone, is an attempt at confusion. */
static bool refuse_coding(struct wire *w, struct span v)
{
    for (size_t i = 0; i < v.n; i++) {
        if (v.n - i >= 7 && span_is_nocase((struct span){v.p + i, 7}, "chunked"))
            break;
        if (i + 1 == v.n)
            return wire_refuse(w, ERR_NOT_IMPLEMENTED, "only the coding \"chunked\" is known here");
    }
    return wire_refuse(w, ERR_BAD_REQUEST, "Transfer-Encoding is not exactly \"chunked\"");
}

static bool read_length(struct wire *w, struct span v)
{
    uint64_t n = 0;

    if (v.n == 0)
        return wire_refuse(w, ERR_BAD_REQUEST, "Content-Length is empty");
    for (size_t i = 0; i < v.n; i++) {
        if (!is_digit(v.p[i]))
            return wire_refuse(w, ERR_BAD_REQUEST, "Content-Length is not made of digits only");
        if (n > (INT64_MAX - 9) / 10)
            n = INT64_MAX; /* too large for any limit; the remaining bytes must still be digits */
        else
            n = n * 10 + (uint64_t)(v.p[i] - '0');
    }
    w->length = n;
    return true;
}

static bool check_body(struct wire *w)
{
    struct span coding = wire_value(w, HEADER_TRANSFER_ENCODING);
    struct span length = wire_value(w, HEADER_CONTENT_LENGTH);

    if (coding.p != NULL && length.p != NULL)
        return wire_refuse(w, ERR_BAD_REQUEST,
                           "Content-Length and Transfer-Encoding exclude each other");
    if (coding.p != NULL && w->minor == 0)
        return wire_refuse(w, ERR_BAD_REQUEST, "HTTP/1.0 knows no Transfer-Encoding");
    if (coding.p != NULL && !span_is_nocase(coding, "chunked"))
        return refuse_coding(w, coding);
    if (length.p != NULL && !read_length(w, length))
        return false;
    w->chunked = coding.p != NULL;
    w->has_body = w->chunked || w->length > 0;
    if (w->has_body && w->verb == VERB_HEAD)
        return wire_refuse(w, ERR_BAD_REQUEST, "a HEAD request has no body");
    return true;
}

static bool find_verb(struct wire *w)
{
    for (unsigned v = 0; v < VERB_COUNT; v++) {
        if (w->method.n == verbs[v].n && memcmp(w->method.p, verbs[v].p, verbs[v].n) == 0) {
            w->verb = (enum wire_verb)v;
            return true;
        }
    }
    return false;
}

/* Framing first: a method that nobody knows must not hide a message whose end is in doubt. */
bool wire_frame(struct wire *w)
{
    bool verb = find_verb(w);

    if (!check_single(w) || !check_host(w) || !check_body(w))
        return false;
    if (!verb)
        return wire_refuse(w, ERR_NOT_IMPLEMENTED, "the method is not known here");
    w->keep_alive = !has_option(w, "close") && (w->minor == 1 || has_option(w, "keep-alive"));
    return true;
}

bool wire_limit_body(struct wire *w, uint64_t limit)
{
    w->body_limit = limit;
    if (w->chunked || w->length <= limit)
        return true;
    w->limit = limit;
    return wire_refuse(w, ERR_BODY_TOO_LARGE, "the body is larger than this operation takes");
}
