/* percent, base64url and hex coding */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

char *text_percent_decode(struct arena *a, struct span in, bool plus)
{
    char *text = arena_copy(a, in.p, in.n);
    size_t n = 0;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];

        if (c == '%') {
            int high, low;

            if (in.n - i < 3)
                return NULL;
            high = hex_value(in.p[i + 1]);
            low = hex_value(in.p[i + 2]);
            if (high < 0 || low < 0)
                return NULL;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0')
            return NULL;
        text[n++] = c;
    }
    text[n] = '\0';
    return text_is_utf8(text, n) ? text : NULL;
}

static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *text_base64url(struct arena *a, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    char *text, *at;

    if (n > SIZE_MAX / 4)
        return NULL;
    text = at = arena_alloc(a, (n * 4 + 2) / 3 + 1);
    if (text == NULL)
        return NULL;
    for (; n >= 3; n -= 3, p += 3) {
        *at++ = base64url_digits[p[0] >> 2];
        *at++ = base64url_digits[(p[0] & 3) << 4 | p[1] >> 4];
        *at++ = base64url_digits[(p[1] & 15) << 2 | p[2] >> 6];
        *at++ = base64url_digits[p[2] & 63];
    }
    if (n > 0) {
        *at++ = base64url_digits[p[0] >> 2];
        *at++ = base64url_digits[(p[0] & 3) << 4 | (n == 2 ? p[1] >> 4 : 0)];
    }
    if (n == 2)
        *at++ = base64url_digits[(p[1] & 15) << 2];
    *at = '\0';
    return text;
}

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

void *text_base64url_decode(struct arena *a, struct span in, size_t *ret_n)
{
    size_t n = in.n / 4 * 3 + (in.n % 4 > 0 ? in.n % 4 - 1 : 0);
    unsigned char *bytes, *at;
    unsigned bits = 0, pending = 0;

    if (in.n % 4 == 1)
        return NULL;
    bytes = at = arena_alloc(a, n + 1); /* a NUL behind, for those that decode text */
    if (bytes == NULL)
        return NULL;
    for (size_t i = 0; i < in.n; i++) {
        int value = base64url_value(in.p[i]);

        if (value < 0)
            return NULL;
        pending = pending << 6 | (unsigned)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *at++ = (unsigned char)(pending >> bits);
            pending &= (1u << bits) - 1;
        }
    }
    if (pending != 0) /* stray low bits: another spelling of the same bytes */
        return NULL;
    *ret_n = n;
    return bytes;
}

void text_hex(const void *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out = '\0';
}
