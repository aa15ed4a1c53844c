/* Any record through all normalisers, one field a line: no fault, every key ends within its place,
 * is well-formed UTF-8, and is its own key. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "quality/fold.h"
#include "quality/match.h"
#include "quality/web.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct span next_line(struct span *rest)
{
    const char *end = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);
    struct span line = {rest->p, end == NULL ? rest->n : (size_t)(end - rest->p)};
    size_t used = end == NULL ? line.n : line.n + 1;

    *rest = (struct span){rest->p + used, rest->n - used};
    return line;
}

static void require_text(const char *text, size_t cap)
{
    size_t n = strnlen(text, cap);

    require(n < cap && text_is_utf8(text, n));
}

static void check_names(const struct match_keys *k)
{
    char again[NAME_KEY_MAX], city[CITY_KEY_MAX];
    struct trigrams t;

    (void)name_key(span_of(k->name), again);
    require(strcmp(again, k->name) == 0);
    (void)person_key(span_of(k->person), SPAN(""), again);
    require(strcmp(again, k->person) == 0);
    (void)city_key(span_of(k->city), city);
    require(strcmp(city, k->city) == 0);
    trigrams_of(span_of(k->name), &t);
    require(k->name_hash.trigrams == t.n && (t.n > 0) == (k->name[0] != '\0'));
    require(t.n == 0 || trigrams_similarity(&t, &t) == 1.0F);
    for (size_t i = 1; i < t.n; i++)
        require(t.all[i] > t.all[i - 1]);
}

static void check_numbers(const struct match_keys *k)
{
    char domain[DOMAIN_KEY_MAX];
    struct tax_id tax;
    struct phone phone;
    struct email email;

    if (k->tax_id[0] != '\0') {
        require(tax_id_read(span_of(k->tax_id), NULL, &tax) || k->tax_id[0] == '\0');
        require(k->tax_id_verdict == TAX_ID_UNKNOWN || strcmp(tax.key, k->tax_id) == 0);
    }
    if (k->phone_valid) {
        require(phone_read(span_of(k->phone), NULL, &phone) && phone.valid);
        require(strcmp(phone.key, k->phone) == 0);
    }
    if (k->email_valid) {
        require(email_read(span_of(k->email), &email));
        require(strcmp(email.key, k->email) == 0);
    }
    (void)web_domain(span_of(k->web_domain), domain);
    require(strcmp(domain, k->web_domain) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = {(const char *)data, size};
    struct match_fields f = {.name = next_line(&rest),
                             .first_name = next_line(&rest),
                             .last_name = next_line(&rest),
                             .tax_id = next_line(&rest),
                             .email = next_line(&rest),
                             .phone = next_line(&rest),
                             .website = next_line(&rest),
                             .street = next_line(&rest),
                             .postcode = next_line(&rest),
                             .city = next_line(&rest),
                             .country = next_line(&rest)};
    struct match_keys k;

    match_keys_of(&f, "PL", &k);
    require_text(k.name, sizeof(k.name));
    require_text(k.person, sizeof(k.person));
    require_text(k.tax_id, sizeof(k.tax_id));
    require_text(k.email, sizeof(k.email));
    require_text(k.email_domain, sizeof(k.email_domain));
    require_text(k.phone, sizeof(k.phone));
    require_text(k.web_domain, sizeof(k.web_domain));
    require_text(k.city, sizeof(k.city));
    require_text(k.postcode, sizeof(k.postcode));
    require_text(k.street, sizeof(k.street));
    require_text(k.house, sizeof(k.house));
    check_names(&k);
    check_numbers(&k);
    return 0;
}
