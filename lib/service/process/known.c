/* known - the compiled blueprints that a worker has at hand. */
#include "service/process/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "service/process/process.h"

#define CACHE_SIZE 64
#define FIELD_MAX 64

struct known {
    struct blueprint *b;
    unsigned users; /* the cache, and each call that was given it */
    bool *looks;    /* at which columns of its facts */
    int columns;
};

struct blueprint_cache {
    struct known *entries[CACHE_SIZE];
    unsigned next;
};

struct blueprint_cache *blueprint_cache_create(void)
{
    struct blueprint_cache *cache = calloc(1, sizeof(*cache));

    if (!cache)
        abort();
    return cache;
}

static void let_go(void *of)
{
    struct known *k = of;

    if (!k || --k->users > 0)
        return;
    blueprint_destroy(k->b);
    free(k->looks);
    free(k);
}

void blueprint_cache_destroy(struct blueprint_cache *cache)
{
    if (!cache)
        return;
    for (unsigned i = 0; i < CACHE_SIZE; i++)
        let_go(cache->entries[i]);
    free(cache);
}

static const struct blueprint *give(struct call *c, struct known *k)
{
    k->users++;
    arena_defer(&c->arena, let_go, k);
    return k->b;
}

const struct blueprint *blueprint_known(struct call *c, const char *id)
{
    const struct blueprint_cache *cache = c->env->blueprints;

    for (unsigned i = 0; i < CACHE_SIZE; i++)
        if (cache->entries[i] && strcmp(cache->entries[i]->b->id, id) == 0)
            return give(c, cache->entries[i]);
    return NULL;
}

const char *const *blueprints_known(struct call *c)
{
    const struct blueprint_cache *cache = c->env->blueprints;
    const char **ids = call_alloc(c, (CACHE_SIZE + 1) * sizeof(*ids));
    size_t n = 0;

    for (unsigned i = 0; ids && i < CACHE_SIZE; i++)
        if (cache->entries[i])
            ids[n++] = give(c, cache->entries[i])->id;
    return ids;
}

/* Fields that are looked at whatever the process: who may force a move, what a lead became. */
static bool is_always_looked_at(const char *field)
{
    static const char *const fields[] = {"owner_id", "account_id", "contact_id", "opportunity_id"};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcmp(field, fields[i]) == 0)
            return true;
    return false;
}

static bool looks_at(const struct blueprint *b, const char *column)
{
    static const char record[] = FACTS_PREFIX "record.";
    const char *field = column + sizeof(record) - 1;
    char top[FIELD_MAX];
    size_t n;

    if (strncmp(column, record, sizeof(record) - 1) != 0)
        return strncmp(column, FACTS_PREFIX, sizeof(FACTS_PREFIX) - 1) == 0;
    n = strcspn(field, ".");
    if (n >= sizeof(top))
        return true;
    memcpy(top, field, n);
    top[n] = '\0';
    return is_always_looked_at(top) || blueprint_looks_at(b, top);
}

static void find_looks(struct known *k, const struct result *facts)
{
    free(k->looks);
    k->columns = result_columns(facts);
    k->looks = calloc((size_t)k->columns + 1, sizeof(*k->looks));
    if (!k->looks)
        abort();
    for (int i = 0; i < k->columns; i++)
        k->looks[i] = looks_at(k->b, result_name(facts, i));
}

const bool *blueprint_looks(struct call *c, const struct blueprint *b, const struct result *facts)
{
    const struct blueprint_cache *cache = c->env->blueprints;

    for (unsigned i = 0; i < CACHE_SIZE; i++) {
        struct known *k = cache->entries[i];

        if (!k || k->b != b)
            continue;
        if (k->columns != result_columns(facts))
            find_looks(k, facts);
        return k->looks;
    }
    return NULL;
}

/* The slot of the oldest that nobody uses; NULL: all are in use. */
static struct known **room(struct blueprint_cache *cache)
{
    for (unsigned i = 0; i < CACHE_SIZE; i++) {
        struct known **slot = &cache->entries[cache->next];

        cache->next = (cache->next + 1) % CACHE_SIZE;
        if (!*slot || (*slot)->users == 1)
            return slot;
    }
    return NULL;
}

static const struct blueprint *keep(struct call *c, struct blueprint *b)
{
    struct known **slot = room(c->env->blueprints);
    struct known *k = calloc(1, sizeof(*k));

    if (!k)
        abort();
    k->b = b;
    if (slot) {
        let_go(*slot);
        *slot = k;
        k->users++;
    }
    return give(c, k);
}

const struct blueprint *blueprint_learn(struct call *c, const struct record *r, const char *text)
{
    const struct blueprint *ret = NULL;
    struct blueprint *b;
    json_error_t e;
    json_t *doc = text ? json_loads(text, JSON_REJECT_DUPLICATES, &e) : NULL;
    struct buf why;

    buf_init(&why, 4096);
    b = doc ? blueprint_compile(doc, &why) : NULL;
    json_decref(doc);
    if (b) {
        b->fields = r->fields;
        ret = blueprint_known(c, b->id); /* two calls may have asked for it at once */
        if (ret)
            blueprint_destroy(b);
        else
            ret = keep(c, b);
    } else {
        c->err.log = arena_printf(&c->arena, "blueprint: %s", buf_text(&why));
    }
    buf_done(&why);
    return ret;
}
