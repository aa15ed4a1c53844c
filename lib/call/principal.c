#include "call/principal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "call/engine.h"
#include "call/pgarray.h"
#include "crypto/secret.h"
#include "crypto/token.h"
#include "queries.gen.h"

/* Set-associative: bounded by construction, and an entry is found in at most WAYS comparisons. */
#define WAYS 4
#define SETS (PRINCIPALS_MAX / WAYS)
#define ENTRY_MEMORY ((size_t)1 << 20) /* thousands of teams */

struct entry {
    uint8_t hash[SHA256_SIZE]; /* of the credentials */
    int64_t until_us;          /* of the monotonic clock */
    int64_t token_expires;     /* seconds since 1970, 0 for keys */
    unsigned refs;             /* the cache's and the calls' */
    struct arena arena;
    struct principal who;
};

struct principals {
    struct entry *ways[SETS][WAYS];
};

struct principals *principals_create(void)
{
    struct principals *p = calloc(1, sizeof(*p));

    if (!p)
        abort();
    return p;
}

static void entry_release(void *arg)
{
    struct entry *e = arg;

    if (!e || --e->refs)
        return;
    arena_done(&e->arena);
    free(e);
}

void principals_destroy(struct principals *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < PRINCIPALS_MAX; i++)
        entry_release(p->ways[i / WAYS][i % WAYS]);
    free(p);
}

static struct entry **set_of(struct principals *p, const uint8_t *hash)
{
    return p->ways[((unsigned)hash[0] << 8 | hash[1]) % SETS];
}

static struct entry *cache_find(struct principals *p, const uint8_t *hash)
{
    struct entry **set = set_of(p, hash);

    for (size_t i = 0; i < WAYS; i++) {
        struct entry *e = set[i];

        if (!e || !secret_equal(e->hash, hash, SHA256_SIZE))
            continue;
        if (e->until_us > clock_mono_us() &&
            (!e->token_expires || e->token_expires > clock_wall_s()))
            return e;
        set[i] = NULL;
        entry_release(e);
        return NULL;
    }
    return NULL;
}

/* Takes an empty way, or the one that ends soonest. */
static void cache_put(struct principals *p, struct entry *e)
{
    struct entry **set = set_of(p, e->hash), **way = set;

    for (size_t i = 0; i < WAYS && *way; i++) {
        if (!set[i] || set[i]->until_us < (*way)->until_us)
            way = &set[i];
        if (set[i] && secret_equal(set[i]->hash, e->hash, SHA256_SIZE)) {
            way = &set[i];
            break;
        }
    }
    entry_release(*way);
    *way = e;
    e->refs++;
}

static bool same_caller(const struct principal *a, const struct principal *b)
{
    return a->kind == b->kind && uuid_equal(&a->id, &b->id) && uuid_equal(&a->session, &b->session);
}

void principal_forget(struct call *c)
{
    struct principals *p = c->env->principals;

    for (size_t i = 0; p && i < PRINCIPALS_MAX; i++) {
        struct entry **way = &p->ways[i / WAYS][i % WAYS];

        if (!*way || !same_caller(&(*way)->who, c->who))
            continue;
        entry_release(*way);
        *way = NULL;
    }
}

bool principal_may(const struct principal *p, enum permission permission)
{
    if (permission == PERMISSION_PUBLIC)
        return true;
    if (permission == PERMISSION_SIGNED_IN)
        return p->kind != ACTOR_ANONYMOUS;
    return p->scope[permission] != SCOPE_NONE;
}

/* credentials */

struct loading {
    struct entry *entry;
    bool is_key;
};

static void use_entry(struct call *c, struct entry *e)
{
    e->refs++;
    arena_defer(&c->arena, entry_release, e);
    c->who = &e->who;
}

static bool bearer(struct call *c, struct span *ret)
{
    struct span s = span_trim(span_of(c->request.credentials));
    static const char scheme[] = "bearer ";
    size_t n = sizeof(scheme) - 1;

    if (s.n > n && span_is_nocase((struct span){s.p, n}, scheme)) {
        *ret = span_trim((struct span){s.p + n, s.n - n});
        return true;
    }
    c->err.hint =
        "send \"Authorization: Bearer <access token or API key>\"; POST /v1/session gives a token";
    return err_set(&c->err, ERR_NO_CREDENTIALS, s.n ? "Only the scheme Bearer is known." : NULL);
}

static struct entry *entry_create(const uint8_t *hash)
{
    struct entry *e = calloc(1, sizeof(*e));

    if (!e)
        abort();
    arena_init(&e->arena, ENTRY_MEMORY);
    memcpy(e->hash, hash, SHA256_SIZE);
    return e;
}

static enum step ask_key(struct call *c, struct span secret, const uint8_t *hash)
{
    char *text;
    const char *values[1];

    if (!secret_well_formed("slk", secret)) {
        c->err.hint = "the key is cut or mistyped";
        return call_fail(c, ERR_BAD_TOKEN, NULL);
    }
    text = call_alloc(c, SHA256_TEXT);
    if (!text)
        return STEP_FAIL;
    text_hex(hash, SHA256_SIZE, text);
    values[0] = text;
    call_ask(c, &query_principal_key, values);
    return STEP_WAIT;
}

static enum step ask_session(struct call *c, struct span token, struct entry *e)
{
    struct token_claims claims;
    char text[UUID_TEXT];
    const char *values[2];

    switch (token_verify(c->env->token_key, token, clock_wall_s(), &claims)) {
    case TOKEN_OK: break;
    case TOKEN_EXPIRED:
        c->err.hint = "exchange the refresh token at POST /v1/session/refresh";
        return call_fail(c, ERR_TOKEN_EXPIRED, NULL);
    case TOKEN_MALFORMED: return call_fail(c, ERR_BAD_TOKEN, NULL);
    }
    e->token_expires = claims.expires;
    e->who.session = claims.session;
    uuid_format(&claims.session, text);
    values[0] = arena_strdup(&c->arena, text);
    uuid_format(&claims.user, text);
    values[1] = arena_strdup(&c->arena, text);
    call_ask(c, &query_principal_session, values);
    return STEP_WAIT;
}

enum step principal_ask(struct call *c)
{
    uint8_t hash[SHA256_SIZE];
    struct loading *l;
    struct entry *e;
    struct span secret = {NULL, 0};

    if (c->route->permission == PERMISSION_PUBLIC)
        return STEP_NEXT;
    if (!bearer(c, &secret))
        return STEP_FAIL;
    sha256(secret.p, secret.n, hash);
    e = c->env->principals ? cache_find(c->env->principals, hash) : NULL;
    if (e) {
        use_entry(c, e);
        return STEP_NEXT;
    }
    l = call_alloc(c, sizeof(*l));
    if (!l)
        return STEP_FAIL;
    l->entry = entry_create(hash);
    l->entry->refs = 1;
    arena_defer(&c->arena, entry_release, l->entry);
    l->is_key = secret.n > 4 && !memcmp(secret.p, "slk_", 4);
    c->state = l;
    return l->is_key ? ask_key(c, secret, hash) : ask_session(c, secret, l->entry);
}

/* the answer */

static enum scope scope_of(const char *word)
{
    static const char *const words[] = {
        [SCOPE_OWN] = "own",
        [SCOPE_TEAM] = "team",
        [SCOPE_ALL] = "all",
    };

    for (unsigned i = SCOPE_OWN; i <= SCOPE_ALL; i++)
        if (!strcmp(words[i], word))
            return (enum scope)i;
    return SCOPE_NONE;
}

/* "lead.read:team"; the widest counts if two roles give the same permission. */
void principal_grant(struct principal *p, const char *text)
{
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    enum scope scope;

    if (!colon)
        return;
    scope = scope_of(colon + 1);
    for (unsigned i = 0; i < PERMISSION_COUNT; i++) {
        if (strncmp(permission_names[i], text, n) != 0 || permission_names[i][n])
            continue;
        if (scope > p->scope[i])
            p->scope[i] = scope;
    }
}

static bool entry_fill(struct entry *e, const struct result *r, bool is_key)
{
    struct principal *p = &e->who;
    const char *const *granted;

    if (!uuid_parse(span_of(result_get(r, 0, "id")), &p->id))
        return false;
    p->kind = is_key ? ACTOR_API_KEY : ACTOR_USER;
    p->name = arena_strdup(&e->arena, result_get(r, 0, "name"));
    p->language = arena_strdup(&e->arena, result_get(r, 0, "language"));
    p->roles = pgarray_strings(&e->arena, result_get(r, 0, "roles"));
    p->teams = pgarray_strings(&e->arena, result_get(r, 0, "teams"));
    granted = pgarray_strings(&e->arena, result_get(r, 0, "permissions"));
    if (!p->roles || !p->teams || !granted)
        return false;
    while (*granted)
        principal_grant(p, *granted++);
    return true;
}

enum step principal_take(struct call *c)
{
    const struct loading *l = c->state;
    const struct result *r;

    if (!l)
        return STEP_NEXT;
    c->state = NULL;
    r = call_result(c, 0);
    if (result_rows(r) == 0)
        return call_fail(c, l->is_key ? ERR_BAD_TOKEN : ERR_SESSION_REVOKED, NULL);
    if (!entry_fill(l->entry, r, l->is_key)) {
        c->err.log = "a principal does not fit its entry";
        return call_fail(c, ERR_INTERNAL, NULL);
    }
    c->who = &l->entry->who;
    l->entry->until_us = clock_mono_us() + (int64_t)c->env->principal_cache_ms * 1000;
    if (c->env->principals && c->env->principal_cache_ms)
        cache_put(c->env->principals, l->entry);
    return STEP_NEXT;
}
