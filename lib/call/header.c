/* header - what Prefer, Accept-Language, If-Match, If-None-Match, Idempotency-Key and Commit-Token
 * say. */
#include <stdlib.h>
#include <string.h>

#include "call/engine.h"

#define KEY_MAX 255

static bool header_fault(struct call *c, const char *name, const char *detail, const char *hint)
{
    return err_fault(
        &c->err, ERR_BAD_HEADER,
        (struct fault){
            .in = "header", .pointer = name, .code = "format", .detail = detail, .hint = hint});
}

/* Cuts the next element off a comma-separated list; quoted strings may hold commas. */
static bool list_next(struct span *rest, struct span *item)
{
    bool quoted = false;
    size_t i = 0;

    if (rest->n == 0)
        return false;
    while (i < rest->n && (quoted || rest->p[i] != ',')) {
        if (rest->p[i] == '"')
            quoted = !quoted;
        else if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
            i++;
        i++;
    }
    *item = span_trim((struct span){rest->p, i});
    if (i < rest->n)
        i++; /* the comma */
    rest->p += i;
    rest->n -= i;
    return true;
}

static struct span span_until(struct span s, char stop)
{
    const char *at = memchr(s.p, stop, s.n);

    return span_trim(at ? (struct span){s.p, (size_t)(at - s.p)} : s);
}

/* Prefer (RFC 7240) */

static void prefer_minimal(struct call *c)
{
    c->minimal = true;
}
static void prefer_representation(struct call *c)
{
    c->minimal = false;
}
static void prefer_rollback(struct call *c)
{
    c->dry = c->route->method != METHOD_GET;
}
static void prefer_commit(struct call *c)
{
    c->dry = false;
}
static void prefer_nothing(struct call *c)
{
    (void)c;
}

static const struct {
    const char *text;
    void (*apply)(struct call *c);
} preferences[] = {
    {"return=minimal", prefer_minimal},  {"return=representation", prefer_representation},
    {"tx=rollback", prefer_rollback},    {"tx=commit", prefer_commit},
    {"handling=strict", prefer_nothing}, {"handling=lenient", prefer_nothing},
};

#define NPREFERENCES (sizeof(preferences) / sizeof(preferences[0]))

/* "return = minimal" and return="minimal" are the same preference as return=minimal. */
static const char *preference_text(struct call *c, struct span item)
{
    char *text = call_alloc(c, item.n + 1);
    size_t n = 0;

    for (size_t i = 0; text && i < item.n; i++)
        if (item.p[i] != '"' && item.p[i] != ' ' && item.p[i] != '\t')
            text[n++] = item.p[i];
    return text;
}

static void prefer_read(struct call *c)
{
    const char *known[NPREFERENCES + 1] = {NULL};
    struct span rest = span_of(c->request.prefer), item;
    const char *unknown = NULL, *hint;
    bool strict = false;

    while (list_next(&rest, &item)) {
        const char *text = preference_text(c, span_until(item, ';'));
        size_t i = 0;

        while (text && i < NPREFERENCES && strcmp(preferences[i].text, text) != 0)
            i++;
        if (!text || !*text)
            continue;
        if (i == NPREFERENCES) {
            unknown = unknown ? unknown : text;
            /* a preference that is not known is ignored (RFC 7240, 2), but nobody who wrote tx
             * means to commit by a slip */
            strict = strict || !strncmp(text, "tx", 2);
            continue;
        }
        preferences[i].apply(c);
        strict = strict || !strcmp(text, "handling=strict");
    }
    if (!strict || !unknown)
        return;
    for (size_t i = 0; i < NPREFERENCES; i++)
        known[i] = preferences[i].text;
    hint = err_suggest(&c->arena, unknown, known);
    header_fault(c, "Prefer", arena_printf(&c->arena, "There is no preference \"%s\".", unknown),
                 hint ? hint
                      : "known are return=minimal, return=representation, tx=rollback, tx=commit, "
                        "handling=strict and handling=lenient");
}

/* Accept-Language (RFC 9110, 12.5.4) */

/* Returns the weight in thousandths, -1 when malformed. */
static int weight(struct span item)
{
    const char *semicolon = memchr(item.p, ';', item.n);
    struct span w;
    int value = 0, digits = 100;

    if (!semicolon)
        return 1000;
    w = span_trim((struct span){semicolon + 1, item.n - (size_t)(semicolon + 1 - item.p)});
    if (w.n < 3 || w.n > 7 || (w.p[0] | 0x20) != 'q' || w.p[1] != '=' ||
        (w.p[2] != '0' && w.p[2] != '1'))
        return -1;
    value = (w.p[2] - '0') * 1000;
    if (w.n > 3 && w.p[3] != '.')
        return -1;
    for (size_t i = 4; i < w.n; i++, digits /= 10) {
        if (w.p[i] < '0' || w.p[i] > '9')
            return -1;
        value += (w.p[i] - '0') * digits;
    }
    return value <= 1000 ? value : -1;
}

const char *language_pick(const char *accept)
{
    static const char *const languages[] = {"en", "pl", "ru"};
    struct span rest = span_of(accept), item;
    const char *best = NULL;
    int best_weight = 0;

    while (list_next(&rest, &item)) {
        struct span tag = span_until(item, ';');
        struct span primary = span_until(tag, '-');
        int w = weight(item);

        for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
            if (w <= best_weight || !span_is_nocase(primary, languages[i]))
                continue;
            best = languages[i];
            best_weight = w;
        }
    }
    return best;
}

/* If-Match, If-None-Match (RFC 9110, 13.1) */

bool if_match_parse(const char *value, int64_t *ret)
{
    struct span s = span_trim(span_of(value));
    int64_t version;

    if (!value || span_is(s, "*")) {
        *ret = 0;
        return true;
    }
    if (s.n < 3 || s.p[0] != '"' || s.p[s.n - 1] != '"')
        return false;
    if (!text_parse_i64((struct span){s.p + 1, s.n - 2}, &version) || version <= 0)
        return false;
    *ret = version;
    return true;
}

bool if_none_match(const char *value, const char *version)
{
    struct span rest = span_of(value), item;

    while (list_next(&rest, &item)) {
        if (span_is(item, "*"))
            return true;
        if (item.n > 2 && item.p[0] == 'W' && item.p[1] == '/')
            item = (struct span){item.p + 2, item.n - 2};
        if (item.n > 2 && item.p[0] == '"' && item.p[item.n - 1] == '"' &&
            span_is((struct span){item.p + 1, item.n - 2}, version))
            return true;
    }
    return false;
}

static void key_read(struct call *c)
{
    const char *key = c->request.idempotency_key;
    size_t n = key ? strlen(key) : 0, bad = 0;

    if (!key || c->route->method != METHOD_POST)
        return;
    for (size_t i = 0; i < n; i++)
        bad += key[i] <= ' ' || key[i] > '~';
    if (n == 0 || n > KEY_MAX || bad) {
        header_fault(c, "Idempotency-Key",
                     "Send 1 to 255 printable ASCII characters without spaces.",
                     "a random UUID is a good key");
        return;
    }
    c->keyed = !c->dry && !c->route->secret;
}

static void token_read(struct call *c)
{
    const char *token = c->request.commit_token;

    if (token && (!text_parse_i64(span_of(token), &c->must_see) || c->must_see < 0))
        header_fault(c, "Commit-Token", "Send what the answer to the write had as Commit-Token.",
                     "leave it out to read what is a moment old");
}

void headers_read(struct call *c)
{
    int64_t version;

    prefer_read(c);
    key_read(c);
    token_read(c);
    if (!if_match_parse(c->request.if_match, &version))
        header_fault(c, "If-Match", "Send an entity tag as an ETag header gave it, or *.",
                     "like \"5\", with the quotes and without W/");
}
