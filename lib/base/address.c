#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define MAPPED_BITS 96

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool address_is_four(const struct address *a)
{
    return memcmp(a->bytes, mapped, sizeof mapped) == 0;
}

static bool is_none(const struct address *a)
{
    static const struct address none;

    return memcmp(a, &none, sizeof none) == 0;
}

struct address address_of(const struct sockaddr *from)
{
    struct address a = {{0}};

    if (from->sa_family == AF_INET) {
        memcpy(a.bytes, mapped, sizeof mapped);
        memcpy(a.bytes + sizeof mapped, &((const struct sockaddr_in *)(const void *)from)->sin_addr,
               4);
    } else if (from->sa_family == AF_INET6) {
        memcpy(a.bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
    }
    return a;
}

bool address_parse(struct span text, struct address *ret)
{
    char copy[ADDRESS_TEXT];

    if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, '\0', text.n) != NULL)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (memchr(text.p, ':', text.n) != NULL)
        return inet_pton(AF_INET6, copy, ret->bytes) == 1;
    memcpy(ret->bytes, mapped, sizeof mapped);
    return inet_pton(AF_INET, copy, ret->bytes + sizeof mapped) == 1;
}

/* ":" and up to five digits; what RFC 7239 calls an obfuscated port has an underscore and more */
static bool is_port(struct span text)
{
    int64_t number;

    text.p++;
    text.n--;
    return text.n > 0 && text.n <= 5 && text.p[0] >= '0' && text.p[0] <= '9' &&
           text_parse_i64(text, &number);
}

bool address_parse_node(struct span text, struct address *ret)
{
    const char *end = text.n == 0 ? NULL : memchr(text.p, text.p[0] == '[' ? ']' : ':', text.n);
    struct span host = text, rest = {NULL, 0};

    if (end != NULL && text.p[0] == '[') {
        host = (struct span){text.p + 1, (size_t)(end - text.p) - 1};
        rest = (struct span){end + 1, text.n - (size_t)(end - text.p) - 1};
        if (host.n == 0 || memchr(host.p, ':', host.n) == NULL)
            return false;
    } else if (end != NULL && memchr(end + 1, ':', text.n - (size_t)(end - text.p) - 1) == NULL) {
        host.n = (size_t)(end - text.p);
        rest = (struct span){end, text.n - host.n};
    }
    if (rest.n > 0 && (rest.p[0] != ':' || !is_port(rest)))
        return false;
    return address_parse(host, ret);
}

static void format(const struct address *a, char out[ADDRESS_TEXT])
{
    bool four = address_is_four(a);

    if (inet_ntop(four ? AF_INET : AF_INET6, a->bytes + (four ? sizeof mapped : 0), out,
                  ADDRESS_TEXT) == NULL)
        out[0] = '\0';
}

void address_format(const struct address *a, char out[ADDRESS_TEXT])
{
    out[0] = '\0';
    if (!is_none(a))
        format(a, out);
}

void address_format_network(const struct address *a, char out[NETWORK_TEXT])
{
    struct address net = *a;
    char text[ADDRESS_TEXT] = "";

    if (!address_is_four(a))
        memset(net.bytes + ADDRESS_HOLDER, 0, sizeof net.bytes - ADDRESS_HOLDER);
    if (!is_none(a))
        format(&net, text);
    (void)snprintf(out, NETWORK_TEXT, "%s%s", text,
                   text[0] == '\0' || address_is_four(a) ? "" : "/64");
}

static bool lies_in(const struct address *a, const struct network *n)
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    uint8_t mask = (uint8_t)(0xff00u >> rest);

    return memcmp(a->bytes, n->address.bytes, whole) == 0 &&
           (rest == 0 || ((a->bytes[whole] ^ n->address.bytes[whole]) & mask) == 0);
}

/* A mistyped length is met here: 10.0.0.1/8 is one machine or sixteen million. */
static bool has_bits_beyond(const struct network *n)
{
    for (unsigned i = n->bits; i < 128; i++)
        if (n->address.bytes[i / 8] & (0x80u >> i % 8))
            return true;
    return false;
}

static bool network_parse(struct span text, struct network *ret)
{
    const char *slash = text.n == 0 ? NULL : memchr(text.p, '/', text.n);
    struct span host = {text.p, slash == NULL ? text.n : (size_t)(slash - text.p)};
    int64_t bits, most;
    bool four;

    if (!address_parse(host, &ret->address))
        return false;
    four = memchr(host.p, ':', host.n) == NULL;
    bits = most = four ? 32 : 128;
    if (slash != NULL && !text_parse_i64((struct span){slash + 1, text.n - host.n - 1}, &bits))
        return false;
    if (bits < 1 || bits > most)
        return false;
    ret->bits = (unsigned)bits + (four ? MAPPED_BITS : 0);
    return !has_bits_beyond(ret);
}

bool networks_parse(const char *text, struct networks *ret)
{
    ret->n = 0;
    while (*(text += strspn(text, ", \t")) != '\0') {
        struct span word = {text, strcspn(text, ", \t")};

        if (ret->n == NETWORKS_MAX || !network_parse(word, &ret->list[ret->n]))
            return false;
        ret->n++;
        text += word.n;
    }
    return true;
}

bool networks_hold(const struct networks *networks, const struct address *a)
{
    for (unsigned i = 0; i < networks->n; i++)
        if (lies_in(a, &networks->list[i]))
            return true;
    return false;
}
