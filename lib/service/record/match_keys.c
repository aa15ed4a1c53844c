/* match_keys - keys as JSON. */
#include "service/record/match_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "quality/match.h"

/* Where a record without a country is taken to be. */
#define HOME "PL"

static struct span text_of(const json_t *source, const char *name)
{
    const json_t *value = json_object_get(source, name);

    return json_is_string(value)
               ? (struct span){json_string_value(value), json_string_length(value)}
               : (struct span){"", 0};
}

static void add_key(json_t *keys, const char *kind, const char *key)
{
    json_t *list = json_object_get(keys, kind);

    if (!*key)
        return;
    if (!list) {
        list = json_array();
        json_object_set_new(keys, kind, list);
    }
    json_array_append_new(list, json_string(key));
}

static void set_text(json_t *o, const char *name, const char *text)
{
    if (*text)
        json_object_set_new(o, name, json_string(text));
}

static void set_numbers(json_t *o, const char *name, const int32_t *numbers, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(numbers[i]));
    json_object_set_new(o, name, list);
}

/* A name to be compared, and where it is. */
static void set_name(json_t *o, const struct match_keys *k)
{
    const struct minhash *m = &k->name_hash;
    char street[STREET_KEY_MAX + HOUSE_KEY_MAX + 1], print[17];

    if (!*k->name || m->trigrams == 0)
        return;
    set_text(o, "name", k->name);
    set_text(o, "city", k->city);
    set_text(o, "postcode", k->postcode);
    snprintf(street, sizeof(street), "%s%s%s", k->street, *k->street && *k->house ? " " : "",
             k->house);
    set_text(o, "street", street);
    set_numbers(o, "bands", m->bands, BANDS);
    set_numbers(o, "probes", m->probes, PROBES);
    snprintf(print, sizeof(print), "%016" PRIx64, m->print);
    set_text(o, "print", print);
    json_object_set_new(o, "trigrams", json_integer((json_int_t)m->trigrams));
}

/* Of a person: the name, and what tells that it is the same one. */
static void set_person(json_t *o, const json_t *source, struct match_keys *k)
{
    struct trigrams trigrams;

    snprintf(k->name, sizeof(k->name), "%s", k->person);
    trigrams_of(span_of(k->name), &trigrams);
    if (!minhash_of(&trigrams, &k->name_hash))
        return;
    set_name(o, k);
    json_object_set(o, "account", json_object_get(source, "account_id"));
    set_text(o, "domain", k->email_domain);
}

static json_t *keys_of(const char *entity, const json_t *source, bool with_name)
{
    bool is_lead = strcmp(entity, "lead") == 0, is_account = strcmp(entity, "account") == 0;
    struct match_fields fields = {
        .name = text_of(source, is_lead ? "company" : "name"),
        .first_name = text_of(source, "first_name"),
        .last_name = text_of(source, "last_name"),
        .tax_id = text_of(source, "tax_id"),
        .email = text_of(source, "email"),
        .phone = text_of(source, "phone"),
        .website = text_of(source, "website"),
        .street = text_of(source, "street"),
        .postcode = text_of(source, "postcode"),
        .city = text_of(source, "city"),
        .country = text_of(source, "country"),
    };
    json_t *made = json_object(), *keys = json_object();
    struct match_keys k;

    if (with_name)
        match_keys_of(&fields, HOME, &k);
    else
        match_exact_keys_of(&fields, HOME, &k);
    add_key(keys, "tax_id", k.tax_id);
    add_key(keys, "email", k.email);
    add_key(keys, "phone", k.phone);
    add_key(keys, "person", k.person);
    if (is_lead || is_account) {
        add_key(keys, "domain", k.web_domain);
        if (strcmp(k.web_domain, k.email_domain) != 0)
            add_key(keys, "domain", k.email_domain);
        if (with_name)
            set_name(made, &k);
    } else if (with_name) {
        set_person(made, source, &k);
    }
    json_object_set_new(made, "keys", keys);
    return made;
}

json_t *match_keys_json(const char *entity, const json_t *source)
{
    return keys_of(entity, source, true);
}

json_t *match_exact_json(const char *entity, const json_t *source)
{
    return keys_of(entity, source, false);
}
