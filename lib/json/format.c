#include "json/format.h"

#include <string.h>

#include "base/uuid.h"

#define EMAIL_MAX 254
#define LOCAL_MAX 64
#define LABEL_MAX 63
#define URI_MAX 2048
#define KEY_MAX 63

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Letters of other scripts pass: addresses and sites may be internationalised. */
static bool is_word(char c)
{
    return is_lower(c) || is_upper(c) || is_digit(c) || (unsigned char)c >= 0x80;
}

/* Cuts the text before the first @c off *rest, and @c itself; all of it when there is none. */
static struct span cut(struct span *rest, char c)
{
    const char *at = rest->n > 0 ? memchr(rest->p, c, rest->n) : NULL;
    struct span part = {rest->p, at != NULL ? (size_t)(at - rest->p) : rest->n};
    size_t used = at != NULL ? part.n + 1 : part.n;

    *rest = (struct span){rest->p + used, rest->n - used};
    return part;
}

static bool is_label(struct span s)
{
    if (s.n < 1 || s.n > LABEL_MAX || s.p[0] == '-' || s.p[s.n - 1] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_word(s.p[i]) && s.p[i] != '-')
            return false;
    }
    return true;
}

/* Labels between dots; the last one has a letter. Returns their number, 0 if it is no domain. */
static unsigned domain_labels(struct span s)
{
    struct span label = {NULL, 0};
    unsigned labels = 0;
    bool dotted = s.n > 0 && s.p[s.n - 1] == '.';

    if (s.n > EMAIL_MAX || dotted)
        return 0;
    while (s.n > 0) {
        label = cut(&s, '.');
        if (!is_label(label))
            return 0;
        labels++;
    }
    for (size_t i = 0; i < label.n; i++) {
        if (!is_digit(label.p[i]))
            return labels;
    }
    return 0;
}

static bool is_email(struct span s)
{
    struct span domain = s;
    struct span local = cut(&domain, '@');

    if (s.n > EMAIL_MAX || local.n < 1 || local.n > LOCAL_MAX)
        return false;
    if (local.p[0] == '.' || local.p[local.n - 1] == '.')
        return false;
    for (size_t i = 0; i < local.n; i++) {
        if (!is_word(local.p[i]) && strchr("!#$%&'*+-/=?^_`{|}~.", local.p[i]) == NULL)
            return false;
        if (local.p[i] == '.' && local.p[i - 1] == '.')
            return false;
    }
    return domain_labels(domain) >= 2;
}

static bool is_ip_literal(struct span s)
{
    if (s.n < 4 || s.p[0] != '[' || s.p[s.n - 1] != ']')
        return false;
    for (size_t i = 1; i < s.n - 1; i++) {
        if (strchr("0123456789abcdefABCDEF:.", s.p[i]) == NULL)
            return false;
    }
    return true;
}

static bool is_ipv4(struct span s)
{
    unsigned parts = 0;

    if (s.n == 0 || s.p[s.n - 1] == '.')
        return false;
    while (s.n > 0) {
        int64_t n;

        if (!text_parse_i64(cut(&s, '.'), &n) || n < 0 || n > 255)
            return false;
        parts++;
    }
    return parts == 4;
}

/* host[:port]; no user name, because "https://bank.example@evil.example" is somebody else's site */
static bool is_authority(struct span s)
{
    struct span host = s, port;
    size_t i = s.n;
    int64_t n;

    while (i > 0 && is_digit(s.p[i - 1]))
        i--;
    if (i > 0 && s.p[i - 1] == ':') {
        port = (struct span){s.p + i, s.n - i};
        host.n = i - 1;
        if (!text_parse_i64(port, &n) || n < 1 || n > 65535)
            return false;
    }
    return domain_labels(host) > 0 || is_ipv4(host) || is_ip_literal(host);
}

static bool is_uri(struct span s)
{
    size_t scheme = 0, end;

    if (s.n >= 7 && span_is_nocase((struct span){s.p, 7}, "http://"))
        scheme = 7;
    else if (s.n >= 8 && span_is_nocase((struct span){s.p, 8}, "https://"))
        scheme = 8;
    if (scheme == 0 || s.n > URI_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || strchr("<>\"{}|\\^`", s.p[i]) != NULL)
            return false;
    }
    end = scheme + strcspn(s.p + scheme, "/?#");
    return is_authority((struct span){s.p + scheme, end - scheme});
}

static bool is_uuid(struct span s)
{
    struct uuid id;

    return uuid_parse(s, &id);
}

static bool is_user(struct span s)
{
    return span_is(s, "me") || is_uuid(s);
}

static bool is_date(struct span s)
{
    return text_is_date(s.p);
}

static bool is_date_time(struct span s)
{
    return text_is_date_time(s.p);
}

static bool is_decimal(struct span s)
{
    return text_is_decimal(s.p, 14, 4);
}

static bool is_letters(struct span s, size_t n)
{
    if (s.n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_upper(s.p[i]))
            return false;
    }
    return true;
}

static bool is_currency(struct span s)
{
    return is_letters(s, 3);
}

/* ISO 3166-1 alpha-2, as assigned; XK is not, but what the European Union, banks and carriers write
 * for Kosovo. */
static const char countries[] =
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN "
    "BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ "
    "DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL "
    "GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM "
    "JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME "
    "MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP "
    "NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD "
    "SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO "
    "TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW ";

static bool is_country(struct span s)
{
    const char *p = countries;

    while (s.n == 2 && *p != '\0' && memcmp(p, s.p, 2) != 0)
        p += strlen("PL ");
    return s.n == 2 && *p != '\0';
}

static bool is_language(struct span s)
{
    return span_is(s, "en") || span_is(s, "pl") || span_is(s, "ru");
}

static bool is_key(struct span s)
{
    if (s.n < 1 || s.n > KEY_MAX || !is_lower(s.p[0]))
        return false;
    for (size_t i = 1; i < s.n; i++) {
        if (!is_lower(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '_')
            return false;
    }
    return true;
}

static const struct {
    bool (*holds)(struct span text);
    const char *rule;
} formats[] = {
    [FORMAT_UUID] = {is_uuid, "Send a UUID like \"0190163d-8694-739b-aea5-966c26f8ad91\"."},
    [FORMAT_USER] = {is_user, "Send the UUID of a user, or \"me\"."},
    [FORMAT_DATE] = {is_date, "Send a real day as \"2026-11-21\" (RFC 3339)."},
    [FORMAT_DATE_TIME] =
        {is_date_time,
         "Send a real moment with its offset as \"2026-11-21T20:15:59Z\" (RFC 3339)."},
    [FORMAT_EMAIL] = {is_email, "Send an e-mail address like \"jan@example.com\"."},
    [FORMAT_URI] = {is_uri,
                    "Send an absolute http or https address like \"https://example.com/\"."},
    [FORMAT_DECIMAL] = {is_decimal,
                        "Send a decimal number in quotes like \"1234.50\", with at most 14 digits "
                        "before and 4 behind the point."},
    [FORMAT_CURRENCY] = {is_currency,
                         "Send an ISO 4217 code of three capital letters like \"PLN\"."},
    [FORMAT_COUNTRY] = {is_country, "Send an ISO 3166-1 code of two capital letters like \"PL\"."},
    [FORMAT_LANGUAGE] = {is_language, "Send \"en\", \"pl\" or \"ru\"."},
    [FORMAT_KEY] = {is_key,
                    "Send a key of lower-case letters, digits and underscores that begins with a "
                    "letter, at most 63 characters long."},
    [FORMAT_PASSWORD] = {NULL, NULL},
};

bool format_holds(enum schema_format format, struct span text)
{
    return formats[format].holds == NULL || formats[format].holds(text);
}

/* Codes that are in use for countries but not theirs. */
static const char *country_hint(const char *text)
{
    if (strcmp(text, "UK") == 0)
        return "the United Kingdom is \"GB\"";
    return strcmp(text, "EL") == 0 ? "Greece is \"GR\"" : NULL;
}

static const char *moment_hint(const char *text, bool in_query)
{
    const char *space = strchr(text, ' ');

    if (text_is_date(text))
        return "add a time and its offset, as in \"T00:00:00Z\"";
    if (in_query && space != NULL && strcspn(text, "Tt") == 10 && space - text >= 16)
        return "in a query \"+\" stands for a blank: send %2B for it, or the time in UTC with Z";
    if (strlen(text) >= 16 && (text[10] == ' ' || strpbrk(text + 11, "Zz+-") == NULL))
        return "a T goes between day and time, and Z or an offset like +02:00 behind it";
    return NULL;
}

const char *format_hint(enum schema_format format, const char *text, bool in_query)
{
    if (format == FORMAT_DATE_TIME)
        return moment_hint(text, in_query);
    return format == FORMAT_COUNTRY ? country_hint(text) : NULL;
}

const char *format_rule(enum schema_format format)
{
    return formats[format].rule;
}
