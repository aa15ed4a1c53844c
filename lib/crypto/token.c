#include "crypto/token.h"

#include <jansson.h>
#include <jwt.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "crypto/secret.h"

#define SKEW_S 60
#define SCRATCH_MAX ((size_t)4 * TOKEN_MAX)

static bool add_claims(jwt_t *jwt, const struct token_key *key, const struct token_claims *claims)
{
    char user[UUID_TEXT], session[UUID_TEXT];

    uuid_format(&claims->user, user);
    uuid_format(&claims->session, session);
    return jwt_add_grant(jwt, "iss", key->issuer) == 0 &&
           jwt_add_grant(jwt, "aud", key->audience) == 0 && jwt_add_grant(jwt, "sub", user) == 0 &&
           jwt_add_grant(jwt, "sid", session) == 0 &&
           jwt_add_grant_int(jwt, "iat", claims->issued) == 0 &&
           jwt_add_grant_int(jwt, "exp", claims->expires) == 0;
}

char *token_issue(struct arena *a, const struct token_key *key, const struct token_claims *claims)
{
    char *text = NULL, *copy;
    jwt_t *jwt;

    if (key->size < TOKEN_KEY_MIN || jwt_new(&jwt) != 0)
        return NULL;
    if (jwt_set_alg(jwt, JWT_ALG_HS256, key->bytes, key->size) == 0 && add_claims(jwt, key, claims))
        text = jwt_encode_str(jwt);
    jwt_free(jwt);
    copy = arena_strdup(a, text);
    free(text);
    return copy;
}

/* The three parts of a token, decoded by us: libjwt's decoder takes what is no base64url. */
struct parts {
    json_t *header;
    json_t *claims;
};

static struct span cut(struct span *rest)
{
    const char *dot = rest->n > 0 ? memchr(rest->p, '.', rest->n) : NULL;
    struct span part = {rest->p, dot != NULL ? (size_t)(dot - rest->p) : rest->n};
    size_t used = dot != NULL ? part.n + 1 : part.n;

    *rest = (struct span){rest->p + used, rest->n - used};
    return part;
}

static json_t *decode_object(struct arena *scratch, struct span part)
{
    size_t n;
    const char *text = text_base64url_decode(scratch, part, &n);
    json_t *object;

    if (text == NULL || n == 0 || memchr(text, '\0', n) != NULL)
        return NULL;
    object = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    if (object != NULL && !json_is_object(object)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool decode(struct arena *scratch, struct span token, struct parts *parts)
{
    struct span rest = token;
    struct span header = cut(&rest), claims = cut(&rest);
    size_t n;

    /* exactly two dots: what is left is the signature and has none */
    if (header.n == 0 || claims.n == 0 || rest.n == 0 || memchr(rest.p, '.', rest.n) != NULL)
        return false;
    if (text_base64url_decode(scratch, rest, &n) == NULL || n != SHA256_SIZE)
        return false;
    parts->header = decode_object(scratch, header);
    parts->claims = decode_object(scratch, claims);
    return parts->header != NULL && parts->claims != NULL;
}

static bool is_text(const json_t *object, const char *name, const char *wanted)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value) && strcmp(json_string_value(value), wanted) == 0;
}

/* We issue these tokens, so a header with anything but what we write is a forger's: crit, jwk, jku,
 * x5u, zip and whatever comes into fashion. */
static bool header_is_ours(const json_t *header)
{
    return is_text(header, "alg", "HS256") && is_text(header, "typ", "JWT") &&
           json_object_size(header) == 2;
}

static bool is_audience(const json_t *aud, const char *wanted)
{
    if (json_is_string(aud))
        return strcmp(json_string_value(aud), wanted) == 0;
    for (size_t i = 0; i < json_array_size(aud); i++) {
        const char *text = json_string_value(json_array_get(aud, i));

        if (text != NULL && strcmp(text, wanted) == 0)
            return true;
    }
    return false;
}

static bool read_uuid(const json_t *claims, const char *name, struct uuid *ret)
{
    const json_t *value = json_object_get(claims, name);

    return json_is_string(value) && uuid_parse(span_of(json_string_value(value)), ret);
}

static bool read_time(const json_t *claims, const char *name, int64_t *ret)
{
    const json_t *value = json_object_get(claims, name);

    if (!json_is_integer(value)) /* a real-valued exp is no exp */
        return false;
    *ret = json_integer_value(value);
    return true;
}

static enum token_verdict check_claims(const struct token_key *key, const json_t *claims,
                                       int64_t now, struct token_claims *ret)
{
    struct token_claims c;
    int64_t not_before;

    if (!is_text(claims, "iss", key->issuer) ||
        !is_audience(json_object_get(claims, "aud"), key->audience))
        return TOKEN_MALFORMED;
    if (!read_uuid(claims, "sub", &c.user) || !read_uuid(claims, "sid", &c.session))
        return TOKEN_MALFORMED;
    if (!read_time(claims, "iat", &c.issued) || !read_time(claims, "exp", &c.expires))
        return TOKEN_MALFORMED;
    if (c.issued > now + SKEW_S)
        return TOKEN_MALFORMED;
    if (json_object_get(claims, "nbf") != NULL &&
        (!read_time(claims, "nbf", &not_before) || not_before > now + SKEW_S))
        return TOKEN_MALFORMED;
    if (c.expires <= now - SKEW_S)
        return TOKEN_EXPIRED;
    *ret = c;
    return TOKEN_OK;
}

static bool signature_holds(struct arena *scratch, const struct token_key *key, struct span token)
{
    const char *text = arena_copy(scratch, token.p, token.n);
    jwt_t *jwt = NULL;
    bool holds;

    if (text == NULL || jwt_decode(&jwt, text, key->bytes, key->size) != 0)
        return false;
    holds = jwt_get_alg(jwt) == JWT_ALG_HS256;
    jwt_free(jwt);
    return holds;
}

enum token_verdict token_verify(const struct token_key *key, struct span token, int64_t now,
                                struct token_claims *ret)
{
    enum token_verdict verdict = TOKEN_MALFORMED;
    struct parts parts = {NULL, NULL};
    struct arena scratch;

    if (key->size < TOKEN_KEY_MIN || token.n > TOKEN_MAX)
        return TOKEN_MALFORMED;
    arena_init(&scratch, SCRATCH_MAX);
    if (decode(&scratch, token, &parts) && header_is_ours(parts.header) &&
        signature_holds(&scratch, key, token))
        verdict = check_claims(key, parts.claims, now, ret);
    json_decref(parts.header);
    json_decref(parts.claims);
    arena_done(&scratch);
    return verdict;
}
