/* Microseconds for all keys of a record: an import makes them a million times, so aim for less than
 * 30. Prints the parts too. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "quality/match.h"
#include "quality/web.h"

#define ROUNDS 20000
#define REPEATS 7

static const struct match_fields records[] = {
    {.name = SPAN(
         "Przedsiębiorstwo Handlowe \"Żyrafa\" Spółka z ograniczoną odpowiedzialnością Sp. k."),
     .first_name = SPAN("Łucja"),
     .last_name = SPAN("Nowak-Kowalska"),
     .tax_id = SPAN("525-000-77-38"),
     .email = SPAN("Lucja.Nowak@Poczta.Zyrafa.com.pl"),
     .phone = SPAN("(22) 123-45-67 wew. 12"),
     .website = SPAN("https://www.zyrafa.com.pl/kontakt"),
     .street = SPAN("ul. Marszałkowska 12 m. 5"),
     .postcode = SPAN("00-950"),
     .city = SPAN("Warszawa"),
     .country = SPAN("PL")},
    {.name = SPAN("Müller & Söhne GmbH & Co. KG"),
     .first_name = SPAN("Jürgen"),
     .last_name = SPAN("Müller"),
     .tax_id = SPAN("DE136695976"),
     .email = SPAN("info@mueller.de"),
     .phone = SPAN("+49 30 123456"),
     .website = SPAN("mueller.de"),
     .street = SPAN("Hauptstraße 5"),
     .postcode = SPAN("10115"),
     .city = SPAN("Berlin"),
     .country = SPAN("DE")},
    {.name = SPAN("ООО «Ромашка»"),
     .tax_id = SPAN("7707083893"),
     .phone = SPAN("8 (495) 123-45-67"),
     .city = SPAN("г. Москва"),
     .country = SPAN("RU")},
};
#define RECORDS (sizeof(records) / sizeof(records[0]))

static void all_keys(const struct match_fields *f)
{
    struct match_keys k;

    match_keys_of(f, "PL", &k);
    if (k.name[0] == '\0')
        abort();
}

static void the_name(const struct match_fields *f)
{
    char key[NAME_KEY_MAX];

    if (name_key(f->name, key) == 0)
        abort();
}

static void the_bands(const struct match_fields *f)
{
    struct minhash m;
    struct trigrams t;

    trigrams_of(f->name, &t);
    if (!minhash_of(&t, &m))
        abort();
}

static void the_tax_id(const struct match_fields *f)
{
    struct tax_id t;

    if (!tax_id_read(f->tax_id, "PL", &t))
        abort();
}

static void the_phone(const struct match_fields *f)
{
    struct phone p;

    if (!phone_read(f->phone, "PL", &p))
        abort();
}

static void the_email(const struct match_fields *f)
{
    struct email e;

    (void)email_read(f->email, &e);
}

static void the_web(const struct match_fields *f)
{
    char domain[DOMAIN_KEY_MAX];

    (void)web_domain(f->website, domain);
}

static void the_street(const struct match_fields *f)
{
    struct street s;

    (void)street_read(f->street, &s);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(const struct match_fields *f);
    } parts[] = {{"all keys", all_keys}, {"name", the_name},    {"bands", the_bands},
                 {"tax id", the_tax_id}, {"phone", the_phone},  {"email", the_email},
                 {"web", the_web},       {"street", the_street}};

    for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
        double best = 1e12;

        for (int i = 0; i < REPEATS; i++) {
            int64_t start = clock_mono_us();
            double us;

            for (size_t j = 0; j < ROUNDS; j++)
                parts[p].run(&records[j % RECORDS]);
            us = (double)(clock_mono_us() - start) / ROUNDS;
            best = us < best ? us : best;
        }
        (void)printf("%-8s %6.2f us a record\n", parts[p].name, best);
    }
    return 0;
}
