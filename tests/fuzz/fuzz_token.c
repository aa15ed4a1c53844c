/* Any token: no fault, and none passes that we did not sign. With a first byte of '+' the rest is
 * header and claims, a line each, and is signed with our key: what passes then has the claims it
 * must have. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "crypto/secret.h"
#include "crypto/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1800000000)

static const unsigned char key_bytes[] = "0123456789abcdef0123456789abcdef";
static const struct token_key key = {
    .bytes = key_bytes, .size = 32, .issuer = "sluice", .audience = "sluice"};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static const char *sign(struct arena *a, const char *text, size_t n)
{
    const char *line = memchr(text, '\n', n);
    size_t header_n = line != NULL ? (size_t)(line - text) : n;
    size_t claims_n = line != NULL ? n - header_n - 1 : 0;
    uint8_t mac[SHA256_SIZE];
    const char *head;

    head = arena_printf(a, "%s.%s", text_base64url(a, text, header_n),
                        text_base64url(a, text + n - claims_n, claims_n));
    hmac_sha256(key_bytes, 32, head, strlen(head), mac);
    return arena_printf(a, "%s.%s", head, text_base64url(a, mac, sizeof(mac)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct token_claims claims;

    if (size > 4096)
        return 0;
    require(token_verify(&key, (struct span){text, size}, NOW, &claims) != TOKEN_OK);
    (void)secret_well_formed("slk", (struct span){text, size});
    if (size > 0 && text[0] == '+') {
        struct arena a;

        arena_init(&a, 1 << 20);
        if (token_verify(&key, span_of(sign(&a, text + 1, size - 1)), NOW, &claims) == TOKEN_OK) {
            require(!uuid_is_none(&claims.user) && !uuid_is_none(&claims.session));
            require(claims.expires > NOW - 60 && claims.issued <= NOW + 60);
        }
        arena_done(&a);
    }
    return 0;
}
