#include "quality/tax_check.h"

#include <string.h>

#define WEIGHTED(text, ...)                                                                        \
    tax_weighted((text), (const int8_t[]){__VA_ARGS__},                                            \
                 sizeof((const int8_t[]){__VA_ARGS__}) / sizeof(int8_t))

static int digit(char c)
{
    return c - '0';
}

static int number(const char *text, size_t n)
{
    int sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = sum * 10 + digit(text[i]);
    return sum;
}

int tax_weighted(const char *text, const int8_t *weights, size_t n)
{
    int sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += digit(text[i]) * weights[i];
    return sum;
}

bool tax_luhn(const char *text, size_t n)
{
    int sum = 0;

    for (size_t i = 0; i < n; i++) {
        int d = digit(text[n - 1 - i]) * (i % 2 == 1 ? 2 : 1);

        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

/* ISO/IEC 7064, MOD 11,10. */
static bool mod_11_10(const char *text, size_t n)
{
    int check = 5;

    for (size_t i = 0; i < n; i++)
        check = ((check == 0 ? 10 : check) * 2 % 11 + digit(text[i])) % 10;
    return check == 1;
}

/* Poland. NIP: ustawa o zasadach ewidencji i identyfikacji podatników (1995) art. 8b and the
 * ministry's weights; the first three digits named a tax office, 101 and above. */
static bool pl_nip(const char *t)
{
    return t[0] != '0' && WEIGHTED(t, 6, 5, 7, 2, 3, 4, 5, 6, 7) % 11 == digit(t[9]);
}

/* REGON: rozporządzenie Rady Ministrów of 30 November 2015 (Dz.U. 2015 poz. 2009). */
static bool pl_regon(const char *t)
{
    return WEIGHTED(t, 8, 9, 2, 3, 4, 5, 6, 7) % 11 % 10 == digit(t[8]);
}

static bool pl_regon_long(const char *t)
{
    return pl_regon(t) &&
           WEIGHTED(t, 2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8) % 11 % 10 == digit(t[13]);
}

/* Russia. INN: order of the Federal Tax Service MMV-7-6/435@ of 29 June 2012. */
static bool ru_inn(const char *t)
{
    return WEIGHTED(t, 2, 4, 10, 3, 5, 9, 4, 6, 8) % 11 % 10 == digit(t[9]);
}

static bool ru_inn_person(const char *t)
{
    return WEIGHTED(t, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8) % 11 % 10 == digit(t[10]) &&
           WEIGHTED(t, 3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8) % 11 % 10 == digit(t[11]);
}

/* Austria: BMF, "Aufbau und Berechnung der UID". Form: U and eight digits. */
static bool at(const char *t)
{
    int sum = 4;

    for (size_t i = 0; i < 7; i++) {
        int d = digit(t[1 + i]);

        sum += i % 2 == 0 ? d : d / 5 + d * 2 % 10;
    }
    return (10 - sum % 10) % 10 == digit(t[8]);
}

/* Belgium: Banque-Carrefour des Entreprises; numbers of nine digits got a 0 in 2005. */
static bool be(const char *t)
{
    return t[0] <= '1' && 97 - number(t, 8) % 97 == number(t + 8, 2);
}

/* Germany: Bundeszentralamt für Steuern, ISO 7064 MOD 11,10. */
static bool de(const char *t)
{
    return t[0] != '0' && mod_11_10(t, 9);
}

/* Denmark: Erhvervsstyrelsen, CVR. */
static bool dk(const char *t)
{
    return t[0] != '0' && WEIGHTED(t, 2, 7, 6, 5, 4, 3, 2, 1) % 11 == 0;
}

/* Estonia: Maksu- ja Tolliamet, KMKR. */
static bool ee(const char *t)
{
    return WEIGHTED(t, 3, 7, 1, 3, 7, 1, 3, 7, 1) % 10 == 0;
}

/* Greece: AADE, AFM. */
static bool el(const char *t)
{
    int sum = 0;

    for (size_t i = 0; i < 8; i++)
        sum += digit(t[i]) << (8 - i);
    return sum % 11 % 10 == digit(t[8]);
}

/* Finland: Patentti- ja rekisterihallitus, Y-tunnus. */
static bool fi(const char *t)
{
    return WEIGHTED(t, 7, 9, 10, 5, 8, 4, 2, 1) % 11 == 0;
}

/* Croatia: Zakon o osobnom identifikacijskom broju, ISO 7064 MOD 11,10. */
static bool hr(const char *t)
{
    return mod_11_10(t, 11);
}

/* Hungary: 2003. évi XCII. törvény (Art.), adószám. */
static bool hu(const char *t)
{
    return WEIGHTED(t, 9, 7, 3, 1, 9, 7, 3, 1) % 10 == 0;
}

/* Italy: D.M. 23 December 1976, partita IVA; the digits before the last name the office. */
static bool it(const char *t)
{
    int office = number(t + 7, 3);
    bool known = (office >= 1 && office <= 100) || office == 120 || office == 121 ||
                 office == 888 || office == 999;

    return number(t, 7) != 0 && known && tax_luhn(t, 11);
}

/* Luxembourg: Administration de l'enregistrement. */
static bool lu(const char *t)
{
    return number(t, 6) % 89 == number(t + 6, 2);
}

/* Malta: Commissioner for Revenue. */
static bool mt(const char *t)
{
    return t[0] != '0' && (WEIGHTED(t, 3, 4, 6, 7, 8, 9) + number(t + 6, 2)) % 37 == 0;
}

/* Portugal: Decreto-Lei 14/2013, NIF. */
static bool pt(const char *t)
{
    return t[0] != '0' && (11 - WEIGHTED(t, 9, 8, 7, 6, 5, 4, 3, 2) % 11) % 11 % 10 == digit(t[8]);
}

/* Romania: ANAF, CUI: two to ten digits, the weights from the right. */
static bool ro(const char *t)
{
    static const int8_t weights[] = {7, 5, 3, 2, 1, 7, 5, 3, 2};
    size_t n = strlen(t) - 1;

    return t[0] != '0' && tax_weighted(t, weights + 9 - n, n) * 10 % 11 % 10 == digit(t[n]);
}

/* Sweden: Skatteverket, organisationsnummer and 01. */
static bool se(const char *t)
{
    return tax_luhn(t, 10) && number(t + 10, 2) >= 1;
}

/* Slovenia: Zakon o davčni službi. */
static bool si(const char *t)
{
    int check = 11 - WEIGHTED(t, 8, 7, 6, 5, 4, 3, 2) % 11;

    return t[0] != '0' && check != 11 && check % 10 == digit(t[7]);
}

/* Slovakia: Zákon 222/2004, IČ DPH: divisible by 11. */
static bool sk(const char *t)
{
    int rest = 0;

    for (size_t i = 0; i < 10; i++)
        rest = (rest * 10 + digit(t[i])) % 11;
    return t[0] != '0' && strchr("234789", t[2]) != NULL && rest == 0;
}

/* Switzerland: UIDG, Bundesamt für Statistik. */
static bool ch(const char *t)
{
    return (11 - WEIGHTED(t + 1, 5, 4, 3, 2, 7, 6, 5, 4) % 11) % 11 == digit(t[9]);
}

/* Norway: Brønnøysundregistrene, organisasjonsnummer. */
static bool no(const char *t)
{
    return WEIGHTED(t, 3, 2, 7, 6, 5, 4, 3, 2, 1) % 11 == 0;
}

const struct tax_form tax_forms[] = {
    {"PL", "0009999999", TAX_ID_KRS, NULL},
    {"PL", "9999999999", TAX_ID_VAT, pl_nip},
    {"PL", "999999999", TAX_ID_REGON, pl_regon},
    {"PL", "99999999999999", TAX_ID_REGON, pl_regon_long},
    {"RU", "9999999999", TAX_ID_INN, ru_inn},
    {"RU", "999999999999", TAX_ID_INN, ru_inn_person},
    {"AT", "U99999999", TAX_ID_VAT, at},
    {"BE", "9999999999", TAX_ID_VAT, be},
    {"BG", "999999999", TAX_ID_VAT, tax_bg},
    {"BG", "9999999999", TAX_ID_VAT, tax_bg},
    {"CY", "99999999A", TAX_ID_VAT, tax_cy},
    {"CZ", "99999999", TAX_ID_VAT, tax_cz},
    {"CZ", "999999999", TAX_ID_VAT, tax_cz},
    {"CZ", "9999999999", TAX_ID_VAT, tax_cz},
    {"DE", "999999999", TAX_ID_VAT, de},
    {"DK", "99999999", TAX_ID_VAT, dk},
    {"EE", "999999999", TAX_ID_VAT, ee},
    {"EL", "999999999", TAX_ID_VAT, el},
    {"ES", "?9999999?", TAX_ID_VAT, tax_es},
    {"FI", "99999999", TAX_ID_VAT, fi},
    {"FR", "??999999999", TAX_ID_VAT, tax_fr},
    {"GB", "999999999", TAX_ID_VAT, tax_gb},
    {"GB", "999999999999", TAX_ID_VAT, tax_gb},
    {"GB", "GD999", TAX_ID_VAT, tax_gb},
    {"GB", "HA999", TAX_ID_VAT, tax_gb},
    {"XI", "999999999", TAX_ID_VAT, tax_gb},
    {"XI", "999999999999", TAX_ID_VAT, tax_gb},
    {"XI", "GD999", TAX_ID_VAT, tax_gb},
    {"XI", "HA999", TAX_ID_VAT, tax_gb},
    {"HR", "99999999999", TAX_ID_VAT, hr},
    {"HU", "99999999", TAX_ID_VAT, hu},
    {"IE", "9?99999A", TAX_ID_VAT, tax_ie},
    {"IE", "9999999AA", TAX_ID_VAT, tax_ie},
    {"IT", "99999999999", TAX_ID_VAT, it},
    {"LT", "999999999", TAX_ID_VAT, tax_lt},
    {"LT", "999999999999", TAX_ID_VAT, tax_lt},
    {"LU", "99999999", TAX_ID_VAT, lu},
    {"LV", "99999999999", TAX_ID_VAT, tax_lv},
    {"MT", "99999999", TAX_ID_VAT, mt},
    {"NL", "999999999B99", TAX_ID_VAT, tax_nl},
    {"PT", "999999999", TAX_ID_VAT, pt},
    {"RO", "9999999999", TAX_ID_VAT, ro},
    {"RO", "999999999", TAX_ID_VAT, ro},
    {"RO", "99999999", TAX_ID_VAT, ro},
    {"RO", "9999999", TAX_ID_VAT, ro},
    {"RO", "999999", TAX_ID_VAT, ro},
    {"RO", "99999", TAX_ID_VAT, ro},
    {"RO", "9999", TAX_ID_VAT, ro},
    {"RO", "999", TAX_ID_VAT, ro},
    {"RO", "99", TAX_ID_VAT, ro},
    {"RO", "9999999999999", TAX_ID_VAT, tax_ro_person},
    {"SE", "999999999999", TAX_ID_VAT, se},
    {"SI", "99999999", TAX_ID_VAT, si},
    {"SK", "9999999999", TAX_ID_VAT, sk},
    {"CH", "E999999999", TAX_ID_VAT, ch},
    {"NO", "999999999", TAX_ID_VAT, no},
    {"UA", "99999999", TAX_ID_VAT, tax_ua},
    {"", NULL, TAX_ID_OTHER, NULL},
};
