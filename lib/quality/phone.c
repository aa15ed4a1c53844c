#include "quality/phone.h"

#include <stdint.h>
#include <string.h>

#include "quality/phone_plan.h"

#define DIGITS_MAX 40
#define E164_MAX 15 /* ITU-T E.164, section 6 */
#define BARE_MIN 6

/* What introduces an extension, in front of digits. */
static const char *const extensions[] = {"ext", "wew",  "w.", "dw", "durchwahl", "poste", "доб",
                                         "вн",  "int.", "x",  "#",  ";",         ","};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_with(struct span s, const char *text)
{
    size_t n = strlen(text);

    if (s.n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] - 'A' + 'a') : s.p[i];

        if (c != text[i])
            return false;
    }
    return true;
}

static bool is_extension(struct span rest)
{
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
        if (starts_with(rest, extensions[i]))
            return true;
    return false;
}

/* The key of a letter on a keypad (E.161). */
static char keypad(char c)
{
    static const char keys[] = "22233344455566677778889999";

    if (c >= 'a' && c <= 'z')
        return keys[c - 'a'];
    return c >= 'A' && c <= 'Z' ? keys[c - 'A'] : '\0';
}

/* Digits of the number without extension. @ret_plus: it began with "+". A "(0)" behind digits is
 * a trunk prefix and left out. */
static size_t digits_of(struct span in, char *out, bool *ret_plus)
{
    size_t n = 0;

    *ret_plus = false;
    for (size_t i = 0; i < in.n && n < DIGITS_MAX; i++) {
        struct span rest = {in.p + i, in.n - i};
        char c = in.p[i];

        if (n >= 4 && is_extension(rest))
            break;
        if (n == 0 && (c == '+' || starts_with(rest, "\xef\xbc\x8b"))) /* full width */
            *ret_plus = true;
        else if (*ret_plus && n > 0 && starts_with(rest, "(0)"))
            i += 2;
        else if (is_digit(c))
            out[n++] = c;
        else if (n >= 3 && keypad(c) != '\0')
            out[n++] = keypad(c);
    }
    out[n] = '\0';
    return n;
}

static const struct phone_plan *plan_of(const char *country)
{
    for (const struct phone_plan *p = phone_plans; country != NULL && p->code != NULL; p++)
        if (strcmp(p->country, country) == 0)
            return p;
    return NULL;
}

static const struct phone_plan *plan_by_code(const char *digits)
{
    const struct phone_plan *found = NULL;

    for (const struct phone_plan *p = phone_plans; p->code != NULL; p++)
        if (strncmp(digits, p->code, strlen(p->code)) == 0 &&
            (found == NULL || strlen(p->code) > strlen(found->code)))
            found = p;
    return found;
}

static bool has_length(const struct phone_plan *p, size_t n)
{
    return n >= p->shortest && n <= p->longest && strlen(p->code) + n <= E164_MAX;
}

/* Behind a trunk prefix comes a number that is possible by itself. */
static const char *without_trunk(const struct phone_plan *p, const char *digits)
{
    for (const char *trunk = p->trunk; *trunk != '\0';) {
        size_t n = strcspn(trunk, " ");

        if (strncmp(digits, trunk, n) == 0 && has_length(p, strlen(digits + n)) &&
            (*trunk == '0' || !has_length(p, strlen(digits))))
            return digits + n;
        trunk += n + (trunk[n] == ' ');
    }
    return digits;
}

static bool written(const struct phone_plan *p, const char *national, struct phone *ret)
{
    size_t code = strlen(p->code), n;

    for (const char *before = NULL; national != before;) { /* some write it twice */
        before = national;
        national = without_trunk(p, national);
    }
    n = strlen(national);
    if (!has_length(p, n))
        return false;
    ret->valid = true;
    memcpy(ret->country, p->country, sizeof(ret->country));
    ret->key[0] = '+';
    memcpy(ret->key + 1, p->code, code);
    memcpy(ret->key + 1 + code, national, n + 1);
    return true;
}

static bool abroad(const char *digits, struct phone *ret)
{
    const struct phone_plan *p = plan_by_code(digits);

    return p != NULL && written(p, digits + strlen(p->code), ret);
}

bool phone_read(struct span text, const char *country, struct phone *ret)
{
    const struct phone_plan *home = plan_of(country);
    char digits[DIGITS_MAX + 1];
    size_t n, exits;
    bool plus;

    memset(ret, 0, sizeof(*ret));
    n = digits_of(text, digits, &plus);
    if (plus && abroad(digits, ret))
        return true;
    exits = home != NULL ? strlen(home->abroad) : 2;
    if (!plus && strncmp(digits, home != NULL ? home->abroad : "00", exits) == 0 &&
        abroad(digits + exits, ret))
        return true;
    if (!plus && strncmp(digits, "00", 2) == 0 && abroad(digits + 2, ret))
        return true;
    if (!plus && home != NULL && written(home, digits, ret))
        return true;
    /* the country's own code without a plus */
    if (!plus && home != NULL && strncmp(digits, home->code, strlen(home->code)) == 0 &&
        written(home, digits + strlen(home->code), ret))
        return true;
    if (n < BARE_MIN || n >= PHONE_KEY_MAX)
        return false;
    memcpy(ret->key, digits, n + 1);
    return true;
}
