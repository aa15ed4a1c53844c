/* The normalisers of lib/quality for tests in other languages: a JSON array in each line of the
 * input, ["phone", "22 123 45 67", "PL"], one JSON value for it in each line of the output. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quality/fold.h"
#include "quality/match.h"
#include "quality/web.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)

static struct span argument(const json_t *line, size_t i)
{
    const json_t *v = json_array_get(line, i);

    return (struct span){json_string_value(v), json_string_length(v)};
}

static const char *country(const json_t *line)
{
    return json_string_value(json_array_get(line, 2));
}

static json_t *fold(const json_t *line)
{
    char out[1024];

    (void)fold_text(argument(line, 1), "", out, sizeof(out));
    return json_string(out);
}

static json_t *name(const json_t *line)
{
    char out[NAME_KEY_MAX];

    (void)name_key(argument(line, 1), out);
    return json_string(out);
}

static json_t *person(const json_t *line)
{
    char out[NAME_KEY_MAX];

    (void)person_key(argument(line, 1), argument(line, 2), out);
    return json_string(out);
}

static json_t *tax(const json_t *line)
{
    static const char *const verdicts[] = {"unknown", "wrong", "valid"};
    struct tax_id t;

    if (!tax_id_read(argument(line, 1), country(line), &t))
        return json_null();
    return json_pack("{ssssssss}", "kind", tax_id_kind_name(t.kind), "country", t.country, "key",
                     t.key, "verdict", verdicts[t.verdict]);
}

static json_t *phone(const json_t *line)
{
    struct phone p;

    if (!phone_read(argument(line, 1), country(line), &p))
        return json_null();
    return json_pack("{sssssb}", "key", p.key, "country", p.country, "valid", (int)p.valid);
}

static json_t *email(const json_t *line)
{
    struct email e;

    if (!email_read(argument(line, 1), &e))
        return json_null();
    return json_pack("{sssssb}", "key", e.key, "domain", e.domain, "free", (int)e.free_mail);
}

static json_t *web(const json_t *line)
{
    char out[DOMAIN_KEY_MAX];

    (void)web_domain(argument(line, 1), out);
    return json_string(out);
}

static json_t *street(const json_t *line)
{
    struct street s;

    (void)street_read(argument(line, 1), &s);
    return json_pack("{ssss}", "name", s.name, "house", s.house);
}

static json_t *postcode(const json_t *line)
{
    char out[POSTCODE_KEY_MAX];
    bool valid;

    (void)postcode_key(argument(line, 1), country(line), out, &valid);
    return json_pack("{sssb}", "key", out, "valid", (int)valid);
}

static json_t *city(const json_t *line)
{
    char out[CITY_KEY_MAX];

    (void)city_key(argument(line, 1), out);
    return json_string(out);
}

static json_t *similarity(const json_t *line)
{
    struct trigrams a, b;

    trigrams_of(argument(line, 1), &a);
    trigrams_of(argument(line, 2), &b);
    return json_real((double)trigrams_similarity(&a, &b));
}

static json_t *numbers(const int32_t *all, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(all[i]));
    return list;
}

/* By what a name is kept, by what it is looked for beside that, and its print. */
static json_t *minhash(const json_t *line)
{
    struct trigrams t;
    struct minhash m;
    char print[17];

    trigrams_of(argument(line, 1), &t);
    if (!minhash_of(&t, &m))
        return json_null();
    snprintf(print, sizeof(print), "%016" PRIx64, m.print);
    return json_pack("{s:o, s:o, s:s, s:I}", "bands", numbers(m.bands, BANDS), "probes",
                     numbers(m.probes, PROBES), "print", print, "trigrams", (json_int_t)m.trigrams);
}

static const struct {
    const char *name;
    json_t *(*call)(const json_t *line);
} functions[] = {
    {"fold", fold},         {"name", name},   {"person", person},   {"tax_id", tax},
    {"phone", phone},       {"email", email}, {"web", web},         {"street", street},
    {"postcode", postcode}, {"city", city},   {"minhash", minhash}, {"similarity", similarity},
};

static json_t *answer(const json_t *line)
{
    struct span which = argument(line, 0);

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (which.p != NULL && span_is(which, functions[i].name))
            return functions[i].call(line);
    return NULL;
}

int main(void)
{
    static char text[LINE_MAX_BYTES];

    while (fgets(text, sizeof(text), stdin) != NULL) {
        json_t *line = json_loads(text, JSON_ALLOW_NUL, NULL), *v = answer(line);

        if (v == NULL) {
            (void)fprintf(stderr, "no function in: %s\n", text);
            return 1;
        }
        (void)json_dumpf(v, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
        (void)putchar('\n');
        (void)fflush(stdout);
        json_decref(v);
        json_decref(line);
    }
    return 0;
}
