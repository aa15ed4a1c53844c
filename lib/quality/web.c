#include "quality/web.h"

#include <idn2.h>
#include <libpsl.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 63
#define HOST_MAX 253

/* RFC 1123 section 2.1: letters, digits and inner hyphens; two labels or more, the last one not a
 * number (that is an address). */
static bool is_domain(const char *host, size_t n)
{
    size_t label = 0, labels = 1;
    bool letter = false;

    for (size_t i = 0; i < n; i++) {
        char c = host[i];

        if (c == '.') {
            if (label == 0 || host[i - 1] == '-')
                return false;
            label = 0;
            labels++;
            letter = false;
            continue;
        }
        letter = letter || (c >= 'a' && c <= 'z');
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && label > 0)) ||
            ++label > LABEL_MAX)
            return false;
    }
    return labels > 1 && label > 0 && n <= HOST_MAX && host[n - 1] != '-' && letter;
}

/* A host with letters beyond ASCII or a punycode label that should be checked. */
static size_t by_idn(const char *host, char *out)
{
    char *ascii = NULL;
    size_t n = 0;
    int rc = idn2_to_ascii_8z(host, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

    if (rc == IDN2_MALLOC)
        abort();
    if (rc == IDN2_OK && strlen(ascii) < DOMAIN_KEY_MAX) {
        n = strlen(ascii);
        memcpy(out, ascii, n + 1);
    }
    idn2_free(ascii);
    return n;
}

size_t host_ascii(struct span host, char out[DOMAIN_KEY_MAX])
{
    char text[4 * DOMAIN_KEY_MAX];
    bool plain = true;
    size_t n = host.n;

    out[0] = '\0';
    if (n > 0 && host.p[n - 1] == '.') /* the root may be written */
        n--;
    if (n == 0 || n >= sizeof(text) || memchr(host.p, '\0', n) != NULL)
        return 0;
    for (size_t i = 0; i < n; i++) {
        char c = host.p[i];

        plain = plain && (unsigned char)c < 0x80;
        text[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    text[n] = '\0';
    if (!plain || strstr(text, "xn--") != NULL)
        n = text_is_utf8(text, n) ? by_idn(text, out) : 0;
    else if (n < DOMAIN_KEY_MAX)
        memcpy(out, text, n + 1);
    else
        n = 0;
    if (n > 0 && is_domain(out, n))
        return n;
    out[0] = '\0';
    return 0;
}

size_t host_registrable(const char *host, char out[DOMAIN_KEY_MAX])
{
    const char *found = psl_registrable_domain(psl_builtin(), host);

    out[0] = '\0';
    if (found == NULL)
        return 0;
    memcpy(out, found, strlen(found) + 1);
    return strlen(found);
}

/* The host of a URL with or without scheme: after "//", user and "@", before port, path, query. */
static struct span host_of(struct span url)
{
    const char *end;

    url = span_trim(url);
    for (size_t i = 0; i + 2 < url.n; i++) {
        if (url.p[i] == ':' && url.p[i + 1] == '/' && url.p[i + 2] == '/') {
            url = (struct span){url.p + i + 3, url.n - i - 3};
            break;
        }
        if (strchr("/?#", url.p[i]) != NULL && url.p[i] != '\0')
            break;
    }
    if (url.n > 2 && url.p[0] == '/' && url.p[1] == '/')
        url = (struct span){url.p + 2, url.n - 2};
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] == '/' || url.p[i] == '?' || url.p[i] == '#' || url.p[i] == '\\')
            url.n = i;
    end = memrchr(url.p, '@', url.n);
    if (end != NULL)
        url = (struct span){end + 1, url.n - (size_t)(end + 1 - url.p)};
    end = memchr(url.p, ':', url.n);
    if (end != NULL)
        url.n = (size_t)(end - url.p);
    return span_trim(url);
}

size_t web_domain(struct span url, char out[DOMAIN_KEY_MAX])
{
    char host[DOMAIN_KEY_MAX];

    out[0] = '\0';
    if (url.n == 0 || host_ascii(host_of(url), host) == 0)
        return 0;
    return host_registrable(host, out);
}
