#include "quality/match.h"

#include <string.h>

#include "quality/web.h"

static void email_keys(struct span text, struct match_keys *ret)
{
    struct email e;

    ret->email_valid = email_read(text, &e);
    if (!ret->email_valid)
        return;
    memcpy(ret->email, e.key, sizeof(ret->email));
    if (host_registrable(e.domain, ret->email_domain) > 0 &&
        (e.free_mail || email_domain_is_free(ret->email_domain)))
        ret->email_domain[0] = '\0';
}

void match_exact_keys_of(const struct match_fields *f, const char *default_country,
                         struct match_keys *ret)
{
    const char *country = default_country;
    struct street street;
    char own[3] = "";
    struct phone phone;
    struct tax_id tax;

    memset(ret, 0, sizeof(*ret));
    if (f->country.n == 2) {
        for (size_t i = 0; i < 2; i++)
            own[i] = (char)(f->country.p[i] & ~0x20);
        country = own;
    }
    (void)name_key(f->name, ret->name);
    (void)person_key(f->first_name, f->last_name, ret->person);
    if (tax_id_read(f->tax_id, country, &tax)) {
        memcpy(ret->tax_id, tax.key, sizeof(ret->tax_id));
        ret->tax_id_kind = tax.kind;
        ret->tax_id_verdict = tax.verdict;
    }
    email_keys(f->email, ret);
    if (phone_read(f->phone, country, &phone)) {
        memcpy(ret->phone, phone.key, sizeof(ret->phone));
        ret->phone_valid = phone.valid;
    }
    (void)web_domain(f->website, ret->web_domain);
    (void)city_key(f->city, ret->city);
    (void)postcode_key(f->postcode, country, ret->postcode, &ret->postcode_valid);
    if (street_read(f->street, &street)) {
        memcpy(ret->street, street.name, sizeof(ret->street));
        memcpy(ret->house, street.house, sizeof(ret->house));
    }
}

void match_keys_of(const struct match_fields *f, const char *default_country,
                   struct match_keys *ret)
{
    struct trigrams trigrams;

    match_exact_keys_of(f, default_country, ret);
    trigrams_of(span_of(ret->name), &trigrams);
    (void)minhash_of(&trigrams, &ret->name_hash);
}
