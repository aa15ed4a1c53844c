#include "quality/tax_id.h"

#include <string.h>

#include "quality/fold.h"
#include "quality/tax_check.h"

#define CODE_MAX 36 /* leaves room for a country in front */

/* Words that say what follows, as folded letters; the longer before its beginning. */
static const struct {
    const char *word;
    char country[3]; /* whose number it is */
} labels[] = {
    {"NIPUE", "PL"},   {"NIP", "PL"},        {"REGON", "PL"}, {"KRS", "PL"},   {"INN", "RU"},
    {"USTIDNR", "DE"}, {"USTID", "DE"},      {"UID", ""},     {"ATUNR", "AT"}, {"VATID", ""},
    {"VATNO", ""},     {"VATREG", ""},       {"VAT", ""},     {"TVA", ""},     {"BTW", ""},
    {"PIVA", "IT"},    {"PARTITAIVA", "IT"}, {"NIF", ""},     {"CIF", ""},     {"DIC", ""},
    {"TAXID", ""},     {"CUI", "RO"},        {"OIB", "HR"},   {"MVA", "NO"},
};

/* Names of a country beside the one in its numbers. */
static const struct {
    char name[3], country[3];
} aliases[] = {{"GR", "EL"}, {"UK", "GB"}};

/* What stands behind numbers of a country and is no part of them. */
static const struct {
    char country[3];
    const char *ending;
} endings[] = {{"CH", "MWST"}, {"CH", "TVA"}, {"CH", "IVA"},
               {"CH", "TPV"},  {"CH", "HR"},  {"NO", "MVA"}};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool has_form(const char *code, const char *form)
{
    for (; *form != '\0'; code++, form++) {
        bool same = *form == '9'   ? is_digit(*code)
                    : *form == 'A' ? is_letter(*code)
                    : *form == '?' ? is_digit(*code) || is_letter(*code)
                                   : *code == *form;

        if (!same)
            return false;
    }
    return *code == '\0';
}

/* Reads a number as one of the country: the first form that holds, else the first that fits. */
static bool read_as(const char *country, const char *code, struct tax_id *ret)
{
    const struct tax_form *found = NULL;
    bool holds = false;

    for (const struct tax_form *f = tax_forms; f->form != NULL && !holds; f++) {
        if (strcmp(f->country, country) != 0 || !has_form(code, f->form))
            continue;
        holds = f->holds == NULL || f->holds(code);
        found = holds || found == NULL ? f : found;
    }
    if (found == NULL)
        return false;
    ret->kind = found->kind;
    ret->verdict = holds ? TAX_ID_VALID : TAX_ID_WRONG;
    memcpy(ret->country, country, 2);
    ret->country[2] = '\0';
    memcpy(ret->key, country, 2);
    memcpy(ret->key + 2, code, strlen(code) + 1);
    return true;
}

/* The usual ways to leave something off or to add something, then the number as it stands. */
static bool read_in(const char *country, char *code, struct tax_id *ret)
{
    char longer[CODE_MAX + 3];
    size_t n = strlen(code);

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t ending = strlen(endings[i].ending);

        if (strcmp(endings[i].country, country) == 0 && n > ending &&
            strcmp(code + n - ending, endings[i].ending) == 0) {
            n -= ending;
            code[n] = '\0';
        }
    }
    if (read_as(country, code, ret))
        return true;
    if (strcmp(country, "BE") == 0 && n == 9) {
        longer[0] = '0';
        memcpy(longer + 1, code, n + 1);
        return read_as(country, longer, ret);
    }
    return false;
}

static const char *country_of(const char *name)
{
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (strncmp(name, aliases[i].name, 2) == 0)
            return aliases[i].country;
    for (const struct tax_form *f = tax_forms; f->form != NULL; f++)
        if (strncmp(name, f->country, 2) == 0)
            return f->country;
    return "";
}

/* Skips one label; returns how long it is and whose number follows. */
static size_t label_of(const char *code, const char **ret_country)
{
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        size_t n = strlen(labels[i].word);

        if (strncmp(code, labels[i].word, n) == 0 && code[n] != '\0') {
            if (labels[i].country[0] != '\0')
                *ret_country = labels[i].country;
            return n;
        }
    }
    return 0;
}

static bool read_with(char *code, const char *country, struct tax_id *ret)
{
    const char *own = is_letter(code[0]) && is_letter(code[1]) ? country_of(code) : "";

    if (own[0] != '\0' && read_in(own, code + 2, ret))
        return true;
    return country[0] != '\0' && read_in(country, code, ret);
}

bool tax_id_read(struct span text, const char *country, struct tax_id *ret)
{
    char code[CODE_MAX + 1], copy[CODE_MAX + 1];
    const char *home = country == NULL || strlen(country) != 2 ? "" : country_of(country);
    size_t n = fold_code(text, code, sizeof(code)), skipped;

    memset(ret, 0, sizeof(*ret));
    if (n == 0)
        return false;
    memcpy(copy, code, n + 1);
    if (read_with(copy, home, ret))
        return true;
    skipped = label_of(code, &home);
    memcpy(copy, code + skipped, n - skipped + 1);
    if (skipped > 0 && read_with(copy, home, ret))
        return true;
    memcpy(ret->key, code, n + 1);
    return true;
}

const char *tax_id_kind_name(enum tax_id_kind kind)
{
    static const char *const names[] = {"other", "vat", "regon", "krs", "inn"};

    return names[kind];
}
