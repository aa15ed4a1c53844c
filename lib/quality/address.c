#include "quality/address.h"

#include <string.h>

#include "quality/fold.h"

#define ADDRESS_MAX 256
#define WORDS_MAX 128

/* Words for a way, as folded; a word that ends in one of @endings loses it. */
static const char *const ways[] = {
    /* Polish */
    "ul", "ulica", "al", "aleja", "aleje", "pl", "plac", "os", "osiedle", "rondo", "skwer",
    /* English */
    "street", "st", "road", "rd", "avenue", "ave", "lane", "ln", "drive", "square", "sq",
    /* German */
    "strasse", "str", "weg", "platz", "allee", "gasse",
    /* French, Italian, Spanish */
    "rue", "av", "bd", "boulevard", "blvd", "place", "chemin", "via", "viale", "piazza", "calle",
    "c", "avenida", "plaza",
    /* Russian, Ukrainian */
    "ulitsa", "vulitsia", "vul", "prospekt", "pr", "prosp", "pereulok", "per", "ploshchad",
    "bulvar",
    /* the number */
    "nr", "no", "lok", "lokal", "m", "mieszkanie", "apt", "flat", "unit", "suite", "dom", "d", "kv",
    "of", "ofis", "haus", "house", "k", "korp", NULL};
static const char *const endings[] = {"strasse", "str", NULL};

static bool one_of(struct span word, const char *const *list)
{
    for (; *list != NULL; list++)
        if (span_is(word, *list))
            return true;
    return false;
}

static bool has_digit(struct span word)
{
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] >= '0' && word.p[i] <= '9')
            return true;
    return false;
}

/* "hauptstrasse" and "hauptstr" are "haupt"; what would be a word for a way stays. */
static struct span without_ending(struct span word)
{
    for (const char *const *e = endings; *e != NULL; e++) {
        size_t n = strlen(*e);

        struct span rest = {word.p, word.n - n};

        if (word.n > n + 2 && memcmp(word.p + word.n - n, *e, n) == 0 && !one_of(rest, ways))
            return without_ending(rest);
    }
    return word;
}

static void add_word(char *out, size_t cap, struct span word)
{
    size_t n = strlen(out), gap = n > 0;

    if (word.n == 0 || n + gap + word.n + 1 > cap)
        return;
    if (gap)
        out[n++] = ' ';
    memcpy(out + n, word.p, word.n);
    out[n + word.n] = '\0';
}

static size_t split(const char *text, struct span *words)
{
    size_t n = 0;

    for (const char *p = text; *p != '\0' && n < WORDS_MAX;) {
        size_t length = strcspn(p, " ");

        words[n++] = (struct span){p, length};
        p += length + (p[length] == ' ');
    }
    return n;
}

/* Where the house number begins: the first word with a digit of those at the end that are numbers,
 * letters or words for a way ("3 Maja 12 m. 5" keeps its 3); @n if there is none. */
static size_t house_at(const struct span *words, size_t n)
{
    size_t at = n;

    while (at > 1 &&
           (has_digit(words[at - 1]) || words[at - 1].n == 1 || one_of(words[at - 1], ways)))
        at--;
    while (at < n && !has_digit(words[at]))
        at++;
    return at;
}

/* "10 rue de la Paix", "221B Baker Street": a number in front, and a word for a way. */
static bool house_first(const struct span *words, size_t n)
{
    return n > 1 && has_digit(words[0]) && (one_of(words[1], ways) || one_of(words[n - 1], ways));
}

/* "12 a" is "12a", "12 m. 5" is "12 5". */
static void write_house(const struct span *words, size_t n, struct street *ret)
{
    for (size_t i = 0; i < n; i++) {
        bool letter = i > 0 && words[i].n == 1 && !has_digit(words[i]) && has_digit(words[i - 1]);
        bool label = one_of(words[i], ways) && i + 1 < n && has_digit(words[i + 1]);
        size_t used = strlen(ret->house);

        if (letter && !label && used + 2 <= sizeof(ret->house)) {
            ret->house[used] = words[i].p[0];
            ret->house[used + 1] = '\0';
        } else if (!one_of(words[i], ways)) {
            add_word(ret->house, sizeof(ret->house), words[i]);
        }
    }
}

static void write_name(const struct span *words, size_t n, struct street *ret)
{
    for (size_t i = 0; i < n; i++)
        if (!one_of(words[i], ways))
            add_word(ret->name, sizeof(ret->name), without_ending(words[i]));
    if (ret->name[0] == '\0') /* nothing but words for a way */
        for (size_t i = 0; i < n; i++)
            add_word(ret->name, sizeof(ret->name), words[i]);
}

bool street_read(struct span text, struct street *ret)
{
    struct span words[WORDS_MAX] = {{NULL, 0}};
    char folded[ADDRESS_MAX];
    size_t n, house;

    memset(ret, 0, sizeof(*ret));
    (void)fold_text(text, "", folded, sizeof(folded));
    n = split(folded, words);
    house = house_at(words, n);
    if (house == n && house_first(words, n)) {
        write_house(words, 1, ret);
        write_name(words + 1, n - 1, ret);
    } else {
        write_name(words, house, ret);
        write_house(words + house, n - house, ret);
    }
    return ret->name[0] != '\0' || ret->house[0] != '\0';
}

/* 9 a digit, A a letter, ? either; two forms for a country where it has two. */
static const struct {
    char country[3];
    const char *form;
} postcodes[] = {
    {"AT", "9999"},      {"BE", "9999"},   {"BG", "9999"},    {"CH", "9999"},     {"CY", "9999"},
    {"CZ", "99999"},     {"DE", "99999"},  {"DK", "9999"},    {"EE", "99999"},    {"ES", "99999"},
    {"FI", "99999"},     {"FR", "99999"},  {"GR", "99999"},   {"HR", "99999"},    {"HU", "9999"},
    {"IE", "A9?????"},   {"IT", "99999"},  {"LT", "99999"},   {"LU", "9999"},     {"LV", "9999"},
    {"MT", "AAA9999"},   {"NL", "9999AA"}, {"NO", "9999"},    {"PL", "99999"},    {"PT", "9999999"},
    {"PT", "9999"},      {"RO", "999999"}, {"RU", "999999"},  {"SE", "99999"},    {"SI", "9999"},
    {"SK", "99999"},     {"UA", "99999"},  {"BY", "999999"},  {"KZ", "999999"},   {"US", "99999"},
    {"US", "999999999"}, {"CA", "A9A9A9"}, {"GB", "A99AA"},   {"GB", "A999AA"},   {"GB", "AA99AA"},
    {"GB", "AA999AA"},   {"GB", "A9A9AA"}, {"GB", "AA9A9AA"}, {"TR", "99999"},    {"IN", "999999"},
    {"AU", "9999"},      {"CN", "999999"}, {"JP", "9999999"}, {"BR", "99999999"},
};

static bool fits(const char *code, const char *form)
{
    for (; *form != '\0'; code++, form++) {
        bool digit = *code >= '0' && *code <= '9', letter = *code >= 'A' && *code <= 'Z';

        if (!(digit && *form != 'A') && !(letter && *form != '9'))
            return false;
    }
    return *code == '\0';
}

size_t postcode_key(struct span text, const char *country, char out[POSTCODE_KEY_MAX],
                    bool *ret_valid)
{
    bool known = false, valid = false;
    size_t n = fold_code(text, out, POSTCODE_KEY_MAX);

    for (size_t i = 0; country != NULL && i < sizeof(postcodes) / sizeof(postcodes[0]); i++) {
        const char *form = postcodes[i].form;

        if (strcmp(postcodes[i].country, country) != 0)
            continue;
        known = true;
        /* "D-10115", "PL-00-950": the mark of the country in front of digits */
        if (form[0] == '9' && n > strlen(form) && fits(out + (n - strlen(form)), form) &&
            n - strlen(form) <= 2 && strcspn(out, "0123456789") == n - strlen(form)) {
            memmove(out, out + (n - strlen(form)), strlen(form) + 1);
            n = strlen(form);
        }
        valid = valid || fits(out, form);
    }
    if (ret_valid != NULL)
        *ret_valid = n > 0 && (valid || !known);
    return n;
}

size_t city_key(struct span text, char out[CITY_KEY_MAX])
{
    static const char *const marks[] = {"g", "gorod", "m", "misto", "miasto", NULL};
    struct span words[WORDS_MAX];
    char folded[CITY_KEY_MAX];
    size_t n, kept = 0, first = 0;

    out[0] = '\0';
    (void)fold_text(text, "", folded, sizeof(folded));
    n = split(folded, words);
    for (size_t i = 0; i < n; i++)
        if (!has_digit(words[i]))
            words[kept++] = words[i];
    if (kept == 0) /* nothing but numbers */
        kept = split(folded, words);
    while (first + 1 < kept && one_of(words[first], marks))
        first++;
    for (size_t i = first; i < kept; i++)
        add_word(out, CITY_KEY_MAX, words[i]);
    return strlen(out);
}
