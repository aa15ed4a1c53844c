/**
 * token - access tokens: JWT (RFC 7519), HS256 with our own key, verified strictly.
 *
 * libjwt lets the token's header choose the algorithm and checks no claim, so everything it does
 * not do is done here: at most 8 KiB, exactly two dots, strict base64url, header decoded by us:
 * "alg" HS256, "typ" JWT and nothing else (no crit, jwk, jku, x5u, zip), then jwt_decode, then iss,
 * aud, sub, sid, and integer iat, exp (both required) and nbf with 60 s of skew.
 */
#ifndef SLUICE_CRYPTO_TOKEN_H
#define SLUICE_CRYPTO_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "base/uuid.h"

struct arena;

#define TOKEN_KEY_MIN 32 /* bytes */
#define TOKEN_MAX 8192

struct token_key {
    const unsigned char *bytes;
    int size;             /* at least TOKEN_KEY_MIN */
    const char *issuer;   /* "iss", "sluice" by default */
    const char *audience; /* "aud", "sluice" by default */
};

struct token_claims {
    struct uuid user;    /* sub */
    struct uuid session; /* sid */
    int64_t issued;      /* iat, seconds since 1970 */
    int64_t expires;     /* exp */
};

enum token_verdict { TOKEN_OK, TOKEN_MALFORMED, TOKEN_EXPIRED };

/** Returns a signed token in the arena, or NULL past its limit. */
char *token_issue(struct arena *a, const struct token_key *key, const struct token_claims *claims);

/** Verifies a token at the time @now (seconds since 1970). Everything but expiry is
 * TOKEN_MALFORMED: a forger learns nothing. @ret is set on TOKEN_OK only. */
enum token_verdict token_verify(const struct token_key *key, struct span token, int64_t now,
                                struct token_claims *ret);

#endif
