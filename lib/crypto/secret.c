#include "crypto/secret.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BODY 43    /* base64url of 32 bytes */
#define CHECKSUM 6 /* base64url of 36 bits */

/* Looking an algorithm up by name is slow in OpenSSL 3: once for all threads, read-only from then
 * on. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256_md;
static EVP_MAC_CTX *hmac_template;

static void fetch(void)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    hmac_template = EVP_MAC_CTX_new(mac);
    if (sha256_md == NULL || hmac_template == NULL ||
        EVP_MAC_CTX_set_params(hmac_template, params) != 1)
        abort();
    EVP_MAC_free(mac); /* the template holds it */
}

void secret_random(void *out, size_t n)
{
    unsigned char *at = out;

    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        at += got;
        n -= (size_t)got;
    }
}

void sha256(const void *bytes, size_t n, uint8_t out[SHA256_SIZE])
{
    pthread_once(&once, fetch);
    if (EVP_Digest(bytes, n, out, NULL, sha256_md, NULL) != 1)
        abort();
}

void sha256_hex(const void *bytes, size_t n, char out[SHA256_TEXT])
{
    uint8_t digest[SHA256_SIZE];

    sha256(bytes, n, digest);
    text_hex(digest, sizeof(digest), out);
}

void hmac_sha256(const void *key, size_t key_n, const void *bytes, size_t n,
                 uint8_t out[SHA256_SIZE])
{
    EVP_MAC_CTX *ctx;
    size_t size;

    pthread_once(&once, fetch);
    ctx = EVP_MAC_CTX_dup(hmac_template);
    if (ctx == NULL)
        abort();
    /* a NULL key would mean "the key of last time" */
    if (EVP_MAC_init(ctx, key_n > 0 ? key : (const unsigned char *)"", key_n, NULL) != 1 ||
        EVP_MAC_update(ctx, bytes, n) != 1 || EVP_MAC_final(ctx, out, &size, SHA256_SIZE) != 1)
        abort();
    EVP_MAC_CTX_free(ctx);
}

bool secret_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

/* Writes base64url of 32 bytes: 43 characters and a NUL. */
static void encode32(const uint8_t bytes[32], char out[BODY + 1])
{
    unsigned char text[45];

    EVP_EncodeBlock(text, bytes, 32);
    for (int i = 0; i < BODY; i++)
        out[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : (char)text[i];
    out[BODY] = '\0';
}

/* The checksum covers prefix and body: "slk_..." pasted where "slr_..." belongs does not pass
 * either. */
static void checksum(const char *covered, size_t n, char sum[BODY + 1])
{
    uint8_t digest[SHA256_SIZE];

    sha256(covered, n, digest);
    encode32(digest, sum);
    sum[CHECKSUM] = '\0';
}

void secret_make(const char *prefix, char out[SECRET_TEXT])
{
    char body[BODY + 1], sum[BODY + 1];
    uint8_t bytes[32];
    int n;

    secret_random(bytes, sizeof(bytes));
    encode32(bytes, body);
    n = snprintf(out, SECRET_TEXT, "%s_%s", prefix, body);
    if (n < 0 || n > SECRET_TEXT - 2 - CHECKSUM) /* a prefix of ours that is too long */
        abort();
    checksum(out, (size_t)n, sum);
    (void)snprintf(out + n, SECRET_TEXT - (size_t)n, "_%s", sum);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    OPENSSL_cleanse(body, sizeof(body));
}

static bool is_base64url(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool secret_well_formed(const char *prefix, struct span text)
{
    size_t prefix_n = strlen(prefix);
    size_t signed_n = prefix_n + 1 + BODY;
    char sum[BODY + 1];

    if (text.n != signed_n + 1 + CHECKSUM || memcmp(text.p, prefix, prefix_n) != 0)
        return false;
    if (text.p[prefix_n] != '_' || text.p[signed_n] != '_')
        return false;
    for (size_t i = prefix_n + 1; i < text.n; i++) {
        if (!is_base64url(text.p[i]))
            return false;
    }
    checksum(text.p, signed_n, sum);
    return secret_equal(sum, text.p + signed_n + 1, CHECKSUM);
}
