#include "sheet/value.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* folding */

/* Decodes a character of valid UTF-8 and steps over it. */
static uint32_t next_char(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    unsigned n = s[0] < 0x80 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    uint32_t c = n == 1 ? s[0] : s[0] & (0xFFu >> (n + 1));

    for (unsigned i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            n = i;
            break;
        }
        c = c << 6 | (s[i] & 0x3F);
    }
    *p += n;
    return c;
}

/* Capitals of Latin-1, Latin Extended-A and Cyrillic (UnicodeData.txt, simple lower-case mappings).
 */
static uint32_t small(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x410 && c <= 0x42F))
        return c + 32;
    if (c >= 0x400 && c <= 0x40F)
        return c + 80;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
        return c + (c & 1);
    if (c == 0x178)
        return 0xFF;
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177))
        return c | 1;
    return c;
}

static bool is_word(uint32_t c)
{
    return c < 0x80 ? isalnum((int)c) != 0 : c >= 0xC0 && c != 0xD7 && c != 0xF7 && c < 0x2000;
}

void value_fold(const char *text, char *out, size_t n)
{
    size_t len = 0;
    bool space = false;

    while (*text) {
        uint32_t c = small(next_char(&text));

        if (!is_word(c)) {
            space = len > 0;
            continue;
        }
        if (len + space + 4 > n)
            break;
        if (space)
            out[len++] = ' ';
        space = false;
        if (c < 0x80) {
            out[len++] = (char)c;
        } else if (c < 0x800) {
            out[len++] = (char)(0xC0 | c >> 6);
            out[len++] = (char)(0x80 | (c & 0x3F));
        } else {
            out[len++] = (char)(0xE0 | c >> 12);
            out[len++] = (char)(0x80 | (c >> 6 & 0x3F));
            out[len++] = (char)(0x80 | (c & 0x3F));
        }
    }
    out[len] = '\0';
}

/* dates */

struct numbers {
    int value[6], digits[6];
    char mark[6]; /* what stands before it */
    int n;
};

/* Cuts "21.11.2026 14:30" into its numbers; false for anything else. */
static bool numbers_of(const char *p, struct numbers *ns)
{
    char mark = ' ';

    for (ns->n = 0; *p; ns->n++) {
        int v = 0, digits = 0;

        for (; isdigit((unsigned char)*p) && digits < 9; p++, digits++)
            v = v * 10 + (*p - '0');
        if (digits == 0 || digits > 8 || ns->n == 6)
            return false;
        ns->value[ns->n] = v;
        ns->digits[ns->n] = digits;
        ns->mark[ns->n] = mark;
        if (!*p)
            continue;
        mark = *p++;
        if (!strchr(".-/ :T", mark))
            return false;
        if (mark == '.' && *p == ' ')
            p++; /* 21. 11. 2026 */
        if (mark == '.' && !*p)
            continue;
    }
    return ns->n > 0;
}

static bool date_of(const struct numbers *ns, enum date_order order, int *used, char out[VALUE_MAX])
{
    int y, m, d;

    *used = 3;
    if (ns->digits[0] == 8) {
        y = ns->value[0] / 10000;
        m = ns->value[0] / 100 % 100;
        d = ns->value[0] % 100;
        *used = 1;
    } else if (ns->n >= 3 && ns->digits[0] == 4) {
        y = ns->value[0];
        m = ns->value[1];
        d = ns->value[2];
    } else if (ns->n >= 3 && ns->digits[2] == 4) {
        y = ns->value[2];
        m = ns->value[order == DATE_DMY];
        d = ns->value[order == DATE_MDY];
    } else {
        return false;
    }
    if (*used == 3 && (ns->mark[1] == ':' || ns->mark[2] != ns->mark[1]))
        return false;
    if (m > 99 || d > 99 || y > 9999)
        return false;
    snprintf(out, VALUE_MAX, "%04d-%02d-%02d", y, m, d);
    return text_is_date(out);
}

bool value_date(const char *text, enum date_order order, char out[VALUE_MAX])
{
    struct numbers ns;
    int used;

    if (text_is_date_time(text)) {
        snprintf(out, VALUE_MAX, "%.10s", text);
        return true;
    }
    return numbers_of(text, &ns) && date_of(&ns, order, &used, out) &&
           (ns.n == used || ns.n == used + 2 || ns.n == used + 3);
}

bool value_date_time(const char *text, enum date_order order, char out[VALUE_MAX])
{
    struct numbers ns;
    int used, *t;

    if (text_is_date_time(text) && strlen(text) < VALUE_MAX) {
        snprintf(out, VALUE_MAX, "%s", text);
        return true;
    }
    if (!numbers_of(text, &ns) || !date_of(&ns, order, &used, out))
        return false;
    for (int i = used + 1; i < ns.n; i++)
        if (ns.mark[i] != ':')
            return false;
    if (ns.n != used && ns.n != used + 2 && ns.n != used + 3)
        return false;
    t = ns.value + used;
    for (int i = ns.n; i < used + 3; i++)
        ns.value[i] = 0;
    if (t[0] > 23 || t[1] > 59 || t[2] > 59)
        return false;
    snprintf(out + 10, VALUE_MAX - 10, "T%02d:%02d:%02dZ", t[0], t[1], t[2]);
    return true;
}

/* numbers */

static const char *const signs[][2] = {
    {"zł", "PLN"}, {"€", "EUR"}, {"$", "USD"}, {"£", "GBP"}, {"₽", "RUB"}, {"Kč", "CZK"},
};

#define SIGNS (sizeof(signs) / sizeof(signs[0]))

/* Skips what groups digits or stands around a number; 0 if it is none of that. */
static size_t filler(const char *p)
{
    static const char *const words[] = {" ", "'", "\u00a0", "\u202f", "\u2009", "\u2019"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strncmp(p, words[i], strlen(words[i])) == 0)
            return strlen(words[i]);
    for (size_t i = 0; i < SIGNS; i++)
        if (strncmp(p, signs[i][0], strlen(signs[i][0])) == 0)
            return strlen(signs[i][0]);
    return 0;
}

/* Which of its commas and points is the decimal mark; NULL: none. */
static const char *decimal_mark(const char *s, bool comma)
{
    const char *last_comma = strrchr(s, ','), *last_point = strrchr(s, '.');
    const char *last =
        !last_comma || (last_point && last_point > last_comma) ? last_point : last_comma;

    if (!last)
        return NULL;
    if (last_comma && last_point)
        return last;
    if (strchr(s, *last) != last)
        return NULL; /* 1.234.567 */
    if (strlen(last + 1) != 3)
        return last;
    return (*last == ',') == comma ? last : NULL; /* 1,234 */
}

/* What is no decimal mark groups thousands: three digits follow, and some stand before. */
static bool is_grouped(const char *s, const char *mark)
{
    for (const char *p = s; *p; p++) {
        size_t digits = strspn(p + 1, "0123456789");

        if (p == mark || (*p != ',' && *p != '.'))
            continue;
        if (p == s || digits != 3 || (mark && p > mark))
            return false;
    }
    return true;
}

bool value_decimal(const char *text, bool comma, char out[VALUE_MAX])
{
    char plain[VALUE_MAX];
    const char *mark;
    size_t n = 0, len = 0, digits = 0;

    for (const char *p = text; *p;) {
        size_t skip = filler(p);

        if (skip) {
            p += skip;
            continue;
        }
        if (n + 1 >= sizeof(plain) ||
            (!isdigit((unsigned char)*p) && !strchr(",.", *p) && !(n == 0 && *p == '-')))
            return false;
        plain[n++] = *p++;
    }
    plain[n] = '\0';
    mark = decimal_mark(plain, comma);
    if (!is_grouped(plain, mark))
        return false;
    for (const char *p = plain; *p; p++) {
        digits += isdigit((unsigned char)*p) != 0;
        if (p == mark)
            out[len++] = '.';
        else if (*p != ',' && *p != '.')
            out[len++] = *p;
    }
    if (len > 0 && out[len - 1] == '.')
        len--;
    out[len] = '\0';
    return digits > 0 && isdigit((unsigned char)out[out[0] == '-']);
}

/* words */

bool value_boolean(const char *text, bool *ret)
{
    static const char *const yes[] = {"1",   "true",   "yes", "y",    "t",  "x",
                                      "tak", "prawda", "ja",  "wahr", "да", "истина"};
    static const char *const no[] = {"0",     "false", "no",     "n",   "f",   "nie",
                                     "fałsz", "nein",  "falsch", "нет", "ложь"};
    char word[VALUE_MAX];

    *ret = strcmp(text, "+") == 0;
    if (*ret || strcmp(text, "-") == 0)
        return true;
    value_fold(text, word, sizeof(word));
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        if (strcmp(yes[i], word) == 0)
            return *ret = true;
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        if (strcmp(no[i], word) == 0)
            return true;
    return false;
}

static bool capitals(const char *text, size_t n, char out[VALUE_MAX])
{
    if (strlen(text) != n)
        return false;
    out[n] = '\0';
    for (size_t i = 0; i < n; i++) {
        out[i] = (char)(text[i] & ~0x20);
        if (out[i] < 'A' || out[i] > 'Z')
            return false;
    }
    return true;
}

bool value_currency(const char *text, char out[VALUE_MAX])
{
    for (size_t i = 0; i < SIGNS; i++) {
        if (strcmp(text, signs[i][0]) != 0)
            continue;
        memcpy(out, signs[i][1], 4);
        return true;
    }
    return capitals(text, 3, out);
}

bool value_country(const char *text, char out[VALUE_MAX])
{
    static const char *const rows[][2] = {
        {"polska", "PL"},         {"poland", "PL"},     {"polen", "PL"},
        {"польша", "PL"},         {"niemcy", "DE"},     {"germany", "DE"},
        {"deutschland", "DE"},    {"германия", "DE"},   {"rosja", "RU"},
        {"russia", "RU"},         {"russland", "RU"},   {"россия", "RU"},
        {"ukraina", "UA"},        {"ukraine", "UA"},    {"украина", "UA"},
        {"czechy", "CZ"},         {"czechia", "CZ"},    {"tschechien", "CZ"},
        {"чехия", "CZ"},          {"słowacja", "SK"},   {"slovakia", "SK"},
        {"litwa", "LT"},          {"lithuania", "LT"},  {"francja", "FR"},
        {"france", "FR"},         {"frankreich", "FR"}, {"франция", "FR"},
        {"austria", "AT"},        {"österreich", "AT"}, {"włochy", "IT"},
        {"italy", "IT"},          {"italien", "IT"},    {"wielka brytania", "GB"},
        {"united kingdom", "GB"}, {"uk", "GB"},         {"usa", "US"},
        {"united states", "US"},  {"białoruś", "BY"},   {"belarus", "BY"},
        {"беларусь", "BY"},       {"kazachstan", "KZ"}, {"kazakhstan", "KZ"},
        {"казахстан", "KZ"},
    };
    char word[VALUE_MAX];

    value_fold(text, word, sizeof(word));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i][0], word) != 0)
            continue;
        memcpy(out, rows[i][1], 3);
        return true;
    }
    return capitals(text, 2, out);
}
