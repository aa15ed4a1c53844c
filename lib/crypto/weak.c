#include "crypto/weak.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "crypto/password.h"

/* Lower case, letters and digits only, eight or more: a guesser's programme adds capitals, signs
 * and a number at the end, and so does the comparison. */
static const char *const common[] = {
#include "crypto/weak.def"
};

/* Rows of keys and of signs, both ways: eight in a row are no secret. */
static const char *const runs[] = {
    "0123456789012345678901234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "!@#$%^&*()_+",
};

#define PLAIN (PASSWORD_MAX * 4 + 1)

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Lower case; letters that digits and signs stand for put back ("p4$$w0rd"). */
static void plain(const char *text, char out[PLAIN])
{
    static const char from[] = "4@310!5$7", to[] = "aaeloisst";
    size_t n = 0;

    for (const char *p = text; *p != '\0' && n < PLAIN - 1; p++) {
        const char *found = strchr(from, *p);

        out[n++] = found ? to[found - from] : lower(*p);
    }
    out[n] = '\0';
}

static bool one_key(const char *p)
{
    return p[strspn(p, (const char[]){p[0], '\0'})] == '\0';
}

/* A short piece again and again: "abcabcabc". */
static bool repeated(const char *p)
{
    size_t n = strlen(p);

    for (size_t period = 1; period <= 4 && period * 2 <= n; period++) {
        if (memcmp(p, p + period, n - period) == 0)
            return true;
    }
    return false;
}

static bool in_run(const char *p)
{
    char there[PLAIN] = "", back[PLAIN] = "";
    size_t n = strnlen(p, PLAIN - 1);

    for (size_t i = 0; i < n; i++)
        there[i] = back[n - 1 - i] = lower(p[i]);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        if (strstr(runs[i], there) || strstr(runs[i], back))
            return true;
    }
    return false;
}

/* A common one is still common with digits and signs behind it, fewer than make it long. @read is
 * the password as plain() reads it: of the same length. */
static bool is_common(const char *password, const char *read)
{
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        size_t n = strlen(common[i]), all = strlen(password);

        if (n > all || all > n + 4 ||
            (strncasecmp(password, common[i], n) != 0 && strncmp(read, common[i], n) != 0))
            continue;
        if (!strpbrk(password + n, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
            return true;
    }
    return false;
}

/* The word makes most of the password. */
static bool is_made_of(const char *password, const char *word, size_t n)
{
    size_t length = strlen(password);

    if (n < 4)
        return false;
    for (size_t i = 0; i + n <= length; i++) {
        if (strncasecmp(password + i, word, n) == 0 && length - n < PASSWORD_MIN)
            return true;
    }
    return false;
}

static bool tells_account(const char *password, const char *text)
{
    while (text && *text != '\0') {
        size_t n = strcspn(text, "@ .,-_+");

        if (is_made_of(password, text, n))
            return true;
        text += n;
        text += strspn(text, "@ .,-_+");
    }
    return false;
}

const char *password_weakness(const char *password, const char *email, const char *name)
{
    char read[PLAIN];

    plain(password, read);
    if (one_key(password) || repeated(password))
        return "It repeats itself.";
    if (in_run(password))
        return "It is a run of keys or of letters and digits in their order.";
    if (is_common(password, read))
        return "It is one of the passwords that are tried first.";
    if (tells_account(password, email) || tells_account(password, name) ||
        tells_account(password, "sluice"))
        return "It is made of the name, the e-mail address or the name of this service.";
    return NULL;
}
